"""BVH files into an episode dataset: which files, what is known of them, and what came in."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from entities.actions import ACTIONS
from entities.files import read_bytes, shortened
from entities.scene import Scene, explain
from ml.capture.bvh import MAX_BVH_BYTES
from ml.capture.clip_episode import caption_of, to_episode
from ml.capture.index import IndexRow, read_index
from ml.capture.retarget import retarget_file
from ml.capture.rigs import Rig
from ml.episodes.reader import SPLITS, Episode, SceneRecord, TrainingUse, open_dataset
from ml.episodes.writer import EpisodeWriter
from ml.measure.metrics import MOTION_FPS
from ml.measure.report import Section

LICENCE = "other"
ORIGIN = "Captured from people, or animated by hand, and imported from BVH files."
BATCH = 64
"""Files between two commits."""


@dataclass(frozen=True, slots=True)
class Imported:
    """One file that came in."""

    row: IndexRow
    episode: Episode
    rig: Rig
    unit_m: float


@dataclass(slots=True)
class Outcome:
    """What became of the files of an import."""

    imported: list[Imported] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)  # a line for each file
    already_there: int = 0


def find_rows(sources: Iterable[Path], index: Path | None, default: IndexRow) -> list[IndexRow]:
    """Every BVH file of files and folders, in order of its name, with what is known of it.

    index: a file of captions; by default each folder's own ``index.csv``. default: for files that
    no index names. Raises ValueError for a source without BVH files, or for an index that names a
    file which does not exist.
    """
    indexed: dict[str, IndexRow] = {}
    files: dict[Path, None] = {}
    indices = [] if index is None else [index]
    for path in sources:
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.suffix.lower() == ".bvh")
            if not found:
                raise ValueError(f"{path}: no BVH files in it")
            files |= dict.fromkeys(found)
            if index is None and (path / "index.csv").is_file():
                indices.append(path / "index.csv")
        elif path.is_file():
            files[path] = None
        else:
            raise ValueError(f"{path}: no such file or folder")
    for path in indices:
        for row in read_index(path):
            if row.path.suffix and not os.path.isfile(row.path):
                name = shortened(str(row.path), 200)
                raise ValueError(f"{path}: names {name}, which does not exist")
            indexed[os.path.realpath(row.path) if row.path.suffix else row.path.name] = row
    rows = []
    for path in files:
        row = indexed.get(os.path.realpath(path)) or indexed.get(path.stem) or default
        rows.append(
            replace(
                row,
                path=path,
                source=row.source or default.source or path.parent.name,
                licence=row.licence or default.licence,
            )
        )
    return rows


def known_hashes(dataset: Path | None) -> set[str]:
    """SHA-256 of every file that is in a dataset already; none where there is no dataset yet."""
    if dataset is None or not (dataset / "meta").is_dir():
        return set()
    opened = open_dataset(dataset)
    return {str(opened.about(index).get("sha256", "")) for index in opened.indices}


def import_files(
    rows: Iterable[IndexRow], up: str | None, known: set[str], writer: EpisodeWriter | None
) -> Outcome:
    """Import the files whose SHA-256 is not ``known``; nothing is written without a writer.

    up: see ``import_row``. known: grows by what is imported or refused. A file that cannot be read
    or imported is refused with a line, and the rest goes on. Commits every BATCH files, not at the
    end. Raises OSError for a dataset that cannot be written.
    """
    outcome = Outcome()
    for row in rows:
        try:
            digest = hashlib.sha256(read_bytes(row.path, MAX_BVH_BYTES)).hexdigest()
            if digest in known:
                outcome.already_there += 1
                continue
            known.add(digest)
            imported = import_row(row, up, {"sha256": digest})
            scene = scene_of(imported.episode)
        except OSError as error:
            outcome.refused.append(f"{row.path}: {error.strerror or error}")
            continue
        except ValidationError as error:
            outcome.refused.append(f"{row.path}: {explain(error)}")
            continue
        except ValueError as error:
            outcome.refused.append(" ".join(str(error).split()))
            continue
        outcome.imported.append(imported)
        if writer is not None:
            writer.add(scene, [imported.episode])
            if len(outcome.imported) % BATCH == 0:
                writer.commit()
    return outcome


def import_row(row: IndexRow, up: str | None, about: dict[str, Any]) -> Imported:
    """Read, refit and describe a file.

    up: the file's vertical axis, "y" or "z"; None finds it out. about: kept with the episode.
    Raises ValueError naming the file and what is wrong with it.
    """
    row = row if row.caption else replace(row, caption=caption_of(row.path))
    clip = retarget_file(row.path, up, row.full_root)
    return Imported(row, to_episode(clip, row, about), clip.rig, clip.unit_m)


def scene_of(episode: Episode) -> SceneRecord:
    """The scene an imported episode is filed under; nothing was simulated."""
    action = ACTIONS[int(episode.action_id[0])]
    actor = {
        "id": episode.actor_id,
        "initial_position": {"x": 0.0, "y": 0.0},
        "actions": [[0.0, action.value]],
        "caption": episode.task,
    }
    scene = Scene.model_validate(
        {"prompt": episode.task, "duration": len(episode) / MOTION_FPS, "actors": [actor]}
    )
    return SceneRecord(scene, ticks=0, end_reason="captured", about={"file": episode.about["file"]})


def by_source(episodes: Iterable[Episode]) -> Section:
    """Table of what came from which source: speeds, skating before and after, use and splits."""
    found: dict[str, list[Episode]] = defaultdict(list)
    for episode in episodes:
        found[episode.about["source"]].append(episode)
    figures = ("clips", "s", "m/s", "skate, source", "skate, episode", "out of plane", "whips")
    section = Section("By source", ("source", *figures, "teaches all", "pose", *SPLITS))
    every = [episode for group in found.values() for episode in group]
    for name, group in [*sorted(found.items()), ("all", every)]:
        if not group:
            continue
        seconds = np.array([len(e) for e in group]) / MOTION_FPS
        figures_of = {
            key: np.array([e.about[key] for e in group], float)
            for key in ("speed_mps", "skating_source", "skating", "out_of_plane", "whips")
        }
        mean = {key: float(np.average(value, weights=seconds)) for key, value in figures_of.items()}
        teaching = {kind: [e for e in group if e.teaches == kind] for kind in TrainingUse}
        section.rows.append(
            (
                name,
                str(len(group)),
                f"{seconds.sum():.0f}",
                f"{mean['speed_mps']:.2f}",
                f"{mean['skating_source']:.4f}",
                f"{mean['skating']:.4f}",
                f"{figures_of['out_of_plane'].mean():.1%}",
                f"{figures_of['whips'].mean():.1%}",
                *(f"{len(teaching[kind])}" for kind in (TrainingUse.ALL, TrainingUse.POSE)),
                *(f"{sum(e.split == split for e in group)}" for split in SPLITS),
            )
        )
    section.notes = [
        "m/s and skating ratios are means over time; skate: share of frames in which a low foot "
        "moves faster than 0.5 m/s, of the source's own joints and of the contract's body",
        "out of plane: share of clips in which a bone lies across the sagittal plane in more than "
        "10 % of frames; whips: in which a joint goes more than twice as fast as allowed (1.5 "
        "times the source's own, or 3 m/s); these teach nothing, nor do sources of unknown origin",
        "pose: walks on the spot, whose root does not go where the feet do",
    ]
    return section


def joint_reports(imported: Iterable[Imported]) -> list[str]:
    """Which joint was taken for what, once for every skeleton."""
    skeletons: dict[tuple, list[Imported]] = defaultdict(list)
    for one in imported:
        skeletons[tuple(one.rig.names.items()), one.rig.unused].append(one)
    return [
        f"{group[0].row.path.name} and {len(group) - 1} more, {group[0].unit_m:.4g} m a unit\n"
        f"{group[0].rig.report()}\n"
        for group in skeletons.values()
    ]
