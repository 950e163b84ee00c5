"""Datasets generated from a seed: scenes are run in any process and written in order of number.

The content depends on the recipe alone, so a run that was cut short goes on where its last batch
ended, and neither the place nor the number of the workers shows in it.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from entities.actions import ACTIONS
from entities.scene import MAX_DURATION_S
from entities.units import DT
from ml.episodes.committed import Damaged
from ml.episodes.layout import FPS, SCENES
from ml.episodes.reader import Episode, EpisodeDataset, SceneRecord, made_with, open_dataset
from ml.episodes.writer import EpisodeWriter
from sim.generate.drafts import GROUPS, draft
from sim.generate.gates import faults
from sim.loop import Simulation
from sim.output.jobs import Answer
from sim.output.recorder import Take

GRAMMAR_VERSION = 1
"""Increased when the same seed no longer gives the same scenes."""
BATCH_SCENES = 4
"""Scenes in a data file of about 10 MB; a kill loses no more than these."""
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that the content of a generated dataset depends on."""

    seed: int
    seconds: float
    grammar: int = GRAMMAR_VERSION


@dataclass(frozen=True, slots=True)
class SceneJob:
    """One scene to make."""

    recipe: Recipe
    number: int


Made = tuple[SceneRecord, list[Episode]]
"""A scene's record and the episodes that passed every gate."""


def make(job: SceneJob) -> Made:
    """Run a scene and keep the tracks that pass every gate; the record names the others' faults.

    A pure function of the job, so any scene can be made again alone.
    """
    recipe = job.recipe
    drafted = draft(recipe.seed, job.number, recipe.seconds)
    about: dict[str, Any] = {"recipe": asdict(recipe), "number": job.number}
    try:
        simulation = Simulation(drafted.scene, motion="procedural")
    except ValueError as error:  # an impossible path: the whole scene is rejected
        about["rejected"] = [
            {"actor_id": actor.id, "faults": [f"impossible {error}"]}
            for actor in drafted.scene.actors
        ]
        return SceneRecord(drafted.scene, end_reason="refused", about=about), []
    take = Take(simulation, drafted.clauses)
    take.run_until(round(recipe.seconds / DT))
    kept, rejected = [], []
    for row, episode in enumerate(take.episodes()):
        found = faults(episode, drafted.asked_mps[row])
        if found:
            rejected.append({"actor_id": episode.actor_id, "faults": found})
            continue
        task, *others = drafted.captions[row]
        episode.task, episode.split = task, drafted.split
        episode.about = {"kind": drafted.kinds[row], "paraphrases": others}
        kept.append(episode)
    record = take.record("complete")
    take.close()
    record.about = {**about, "rejected": rejected}
    return record, kept


def generate(
    path: Path,
    samples: int,
    recipe: Recipe,
    do: Callable[[Callable[[SceneJob], Made], Iterator[SceneJob]], Iterator[Answer]],
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Bring a dataset up to ``samples`` episodes.

    do: does a work on jobs and gives the answers, in any order. Raises ValueError if the dataset
    was made by another recipe, and whatever ``make`` raised.
    """
    with EpisodeWriter(path, origin="Generated with Stride: no person was recorded.") as writer:
        _check_recipe(path, recipe)
        while writer.n_episodes < samples:
            if progress is not None:
                progress(writer.n_episodes, samples)
            scenes = math.ceil((samples - writer.n_episodes) / GROUPS)
            first = writer.n_scenes
            jobs = (SceneJob(recipe, number) for number in range(first, first + scenes))
            for record, episodes in in_order(do(make, jobs)):
                writer.add(record, episodes[: samples - writer.n_episodes])
                if writer.n_scenes % BATCH_SCENES == 0:
                    writer.commit()
                if progress is not None:
                    progress(writer.n_episodes, samples)
                if writer.n_episodes == samples:
                    break


def in_order(answers: Iterator[Answer]) -> Iterator[Made]:
    """The values of answers in the order of their jobs. Raises the first error."""
    waiting: dict[int, Made] = {}
    due = 0
    for answer in answers:
        if answer.error is not None:
            raise answer.error
        waiting[answer.index] = answer.value
        while due in waiting:
            yield waiting.pop(due)
            due += 1


def _check_recipe(path: Path, recipe: Recipe) -> None:
    dataset = open_dataset(path)
    if dataset.n_scenes == 0:
        return
    was = asdict(recipe_of(dataset, 0))
    for name, now in asdict(recipe).items():
        if was[name] != now:
            raise ValueError(f"{path}: was generated with {name} {was[name]}; came {now}")


def recipe_of(dataset: EpisodeDataset, number: int) -> Recipe:
    """The recipe of a generated scene. Raises ValueError for a scene that was not generated."""
    recipe = dataset.scene(number).about.get("recipe")
    if recipe is None:
        raise ValueError(
            f"{dataset.root}: was recorded, not generated; expected a folder of its own"
        )
    kinds = get_type_hints(Recipe)
    line = f"{dataset.root / SCENES}:{number + 1}"
    fits = isinstance(recipe, dict) and recipe.keys() == kinds.keys()
    if not fits or any(type(recipe[name]) not in (kind, int) for name, kind in kinds.items()):
        raise Damaged(f"{line}: about.recipe: expected {', '.join(kinds)}")
    found = Recipe(**recipe)
    if not 0 <= found.seed < 2**63 or not 0.0 < found.seconds <= MAX_DURATION_S:
        raise Damaged(f"{line}: about.recipe: expected a seed and seconds of a scene")
    return found


def verify(dataset: EpisodeDataset, number: int) -> list[str]:
    """Make scene ``number`` again; a line for everything that differs from the dataset."""
    was = dataset.scene(number)
    record, episodes = make(SceneJob(recipe_of(dataset, number), number))
    lines = []
    if record.scene != was.scene:
        lines.append(f"scene {number}: another scene")
    for old, new in zip(dataset.of_scene(number), episodes, strict=False):
        same = all(
            np.array_equal(getattr(old, name), getattr(new, name))
            for name in ("state", "action", "root", "heading", "contact", "action_id")
        )
        if not same or old.task != new.task:
            lines.append(f"episode {old.index}, {old.actor_id}: not the same")
    return lines


def manifest(dataset: EpisodeDataset) -> dict[str, Any]:
    """Counts of what is in the dataset and what was rejected, the recipe, and the content hash."""
    rejected: Counter[str] = Counter()
    n_rejected = 0
    for number, record in enumerate(dataset.scenes()):
        try:
            for item in record.about["rejected"]:
                n_rejected += 1
                rejected.update(fault.split()[0] for fault in item["faults"])
        except (KeyError, TypeError, AttributeError, IndexError):
            line = f"{dataset.root / SCENES}:{number + 1}"
            raise Damaged(f"{line}: about.rejected: expected a list of actors and faults") from None
    frames = np.bincount(dataset.rows(["action_id"]).columns["action_id"], minlength=len(ACTIONS))
    far, speed = travelled(dataset)
    return {
        "recipe": asdict(recipe_of(dataset, 0)),
        "episodes": len(dataset),
        "scenes": dataset.n_scenes,
        "hours": round(dataset.n_frames / FPS / 3600.0, 3),
        "megabytes": round(dataset.n_bytes / 1e6, 1),
        "content_hash": dataset.content_hash(),
        "made_with": made_with(),
        "rejected": {"share": n_rejected / (n_rejected + len(dataset)), "by": dict(rejected)},
        "splits": _counts(dataset.column("split")),
        "kinds": _counts([str(dataset.about(i).get("kind")) for i in dataset.indices]),
        "actor_types": _counts(dataset.column("actor_type")),
        "styles": _counts(dataset.column("style")),
        "captions": len(dataset.tasks),
        "clauses": len(dataset.subtasks),
        "seconds_of_action": {
            action.value: round(n / FPS, 1) for action, n in zip(ACTIONS, frames, strict=True) if n
        },
        "net_displacement_m": _spread(far),
        "mean_speed_mps": _spread(speed),
    }


def travelled(dataset: EpisodeDataset) -> tuple[np.ndarray, np.ndarray]:
    """(E,) metres from first to last frame, and (E,) m/s over the ground, of every episode."""
    rows = dataset.rows(["root"])
    first, last = rows.first[:-1], rows.first[1:] - 1
    root = rows.columns["root"][:, :2].astype(float)
    far = np.hypot(*(root[last] - root[first]).T)
    step = np.hypot(*np.diff(root, axis=0).T)
    total = np.append(0.0, np.cumsum(step))
    return far, (total[last] - total[first]) * FPS / np.maximum(last - first, 1)


def _counts(values: list[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items(), key=lambda item: -item[1]))


def _spread(values: np.ndarray) -> dict[str, float]:
    shares = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
    return {f"p{100 * q:.0f}": round(float(np.quantile(values, q)), 2) for q in shares}
