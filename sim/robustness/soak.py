"""A long run: a crowd, a later sentence every few seconds, all recorded, in constant memory."""

import time
from pathlib import Path

import numpy as np

from entities.actions import ActionType
from entities.scene import Scene
from entities.skeleton import ActorType
from entities.units import DT
from ml.episodes.layout import FPS
from ml.episodes.reader import open_dataset
from sim.loop import Simulation
from sim.output.recorder import Recorder, differences
from sim.robustness.campaign import Outcome
from sim.robustness.isolation import resident_kb
from sim.story.language.lexicon import roles

MAX_GROWTH = 0.05
"""Share by which memory may grow after the first minute."""
MINUTES, ACTORS, EVERY_S = 60, 50, 10.0
SENTENCES = (
    "now he walks to {other}", "now he runs to the left", "now he dances",
    "now he waves at {other}", "now he sits down", "now he stands up and jumps",
    "now he follows {other}", "now he stops", "now he hugs {other}",
    "now he jogs away", "now he says hello", "now he is sad and walks slowly",
    "now he chases {other}", "now he lies down", "now he walks to the tree",
    "now he kicks the ball", "now he picks up the box", "now he turns around",
    "now he looks at {other}", "now he sprints to the bench and sits down",
)  # fmt: skip


PEOPLE = [word for word, role in roles().roles.items() if role.type is ActorType.HUMAN]
"""Words for people, which are the names of as many actors."""


def stage(actors: int, minutes: float, seed: int) -> Scene:
    """A crowd of all sorts on a square, with a tree, a ball, a box and a bench among them."""
    draw = np.random.default_rng([seed, 3])
    side = 3.0 * np.sqrt(actors)
    deeds = (ActionType.IDLE, ActionType.WALK, ActionType.DANCE, ActionType.WAVE, ActionType.JOG)

    def place() -> dict[str, float]:
        return dict(zip("xy", draw.uniform(-side, side, 2).tolist(), strict=True))

    kinds = "tree", "soccer_ball", "box", "bench"
    return Scene.model_validate(
        {
            "actors": [
                {
                    "id": name_of(i),
                    "initial_position": place(),
                    "heading": float(draw.uniform(-3.0, 3.0)),
                    "actions": [[0.0, deeds[int(draw.integers(len(deeds)))]]],
                }
                for i in range(actors)
            ],
            "objects": [{"id": kind, "object_type": kind, "position": place()} for kind in kinds],
            "duration": 60.0 * minutes,
            "seed": seed,
        }
    )


def name_of(number: int) -> str:
    """The name of an actor: a word for a person, so that a sentence can name who is there."""
    again, which = divmod(number, len(PEOPLE))
    return PEOPLE[which].replace(" ", "_") + (f"_{again + 1}" if again else "")


def soak(
    path: Path,
    seed: int,
    *,
    minutes: int = MINUTES,
    actors: int = ACTORS,
    every_s: float = EVERY_S,
    motion: str | None = None,
    again: bool = False,
) -> Outcome:
    """Run and record a crowd that is told something new every ``every_s`` seconds.

    motion: as for Simulation. again: also run what was recorded once more and compare. The runs of
    the outcome are sentences; what growth there was is printed.
    """
    draw = np.random.default_rng([seed, 4])
    outcome = Outcome()
    recorder = Recorder(path)
    scene = stage(actors, minutes, seed)
    simulation = recorder.watch(lambda: Simulation(scene, motion=motion))
    memory_kb: list[int] = []
    for second in np.arange(0.0, 60.0 * minutes, every_s).tolist():
        began = time.monotonic()
        one, other = (int(k) for k in draw.choice(min(actors, len(PEOPLE)), 2, replace=False))
        names = {"one": name_of(one), "other": f"the {name_of(other)}"}
        text = SENTENCES[int(draw.integers(len(SENTENCES)))].format(other=names["other"])
        outcome.runs += 1
        try:
            simulation.add_event(text, names["one"])
        except ValueError:
            outcome.refused += 1
        ticks = round((second + every_s) / DT) - simulation.world.tick
        for block in simulation.blocks(ticks + 1):
            if not (np.isfinite(block.root).all() and np.isfinite(block.pose.joints).all()):
                outcome.failures.append(f"not finite after {second:.0f} s: {text!r}")
                return outcome
        outcome.slowest_s = max(outcome.slowest_s, time.monotonic() - began)
        if (second + every_s) % 60.0 < 1e-6:
            memory_kb.append(resident_kb())
    growth = max(memory_kb) / memory_kb[0] - 1.0
    print(
        f"{minutes} minutes of {actors}: {memory_kb[0] / 1024:.0f} MB after the first, "
        f"{max(memory_kb) / 1024:.0f} MB at most since ({growth:+.1%})"
    )
    if growth > MAX_GROWTH:
        each = ", ".join(f"{kb / 1024:.0f}" for kb in memory_kb)
        outcome.failures.append(f"memory grows by {growth:.1%}: {each} MB")
    recorder.stop("complete", until=round(60.0 * minutes / DT))
    recorder.close()
    dataset = open_dataset(path)
    if dataset.n_scenes != 1 or dataset.n_frames < actors * 60 * minutes * FPS:
        outcome.failures.append(f"{dataset.n_scenes} scenes, {dataset.n_frames} frames recorded")
    if again:
        outcome.failures += differences(dataset, 0)
    return outcome


def attempt(seed: int, folder: Path) -> Outcome:
    """The whole hour."""
    return soak(folder / "d", seed)
