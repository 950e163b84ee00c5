"""``python -m tools.import_bvh``: BVH files of any common skeleton become an episode dataset.

A folder's ``index.csv``, or ``--index``, says each file's caption, split and licence; without it
the file's name is its caption. What has been imported already is left out, so a run can be
repeated; what cannot be is named with the reason, and the rest goes on.
"""

import hashlib
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from entities.actions import ACTIONS
from entities.scene import Scene
from ml.capture.clip_episode import caption_of, to_episode
from ml.capture.index import PackRow, read_index
from ml.capture.retarget import import_file
from ml.capture.rigs import Rig
from ml.episodes.reader import SPLITS, Episode, SceneRecord, Teaches, open_dataset
from ml.episodes.writer import EpisodeWriter
from ml.measure.metrics import MOTION_FPS
from ml.measure.report import Section, as_markdown, show_tables, write_page
from run_sim import refused_by_system, run_command, users_fault

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
LICENCE = "other"
ORIGIN = "Captured from people, or animated by hand, and imported from BVH files."
BATCH = 64
"""Files between two commits."""
Flag = typer.Option


class Up(StrEnum):
    """A file's vertical axis."""

    Y = "y"
    Z = "z"


@dataclass(frozen=True, slots=True)
class Imported:
    """One file that came in."""

    row: PackRow
    episode: Episode
    rig: Rig
    unit_m: float


@app.command(help=__doc__)
def import_bvh(
    sources: Annotated[list[Path], typer.Argument(help="BVH files, and folders of them.")],
    out: Annotated[Path | None, Flag(help="Dataset to create or to append to.")] = None,
    index: Annotated[Path | None, Flag(help="Captions: a .csv, or lines of name, caption.")] = None,
    up: Annotated[Up | None, Flag(help="The files' vertical axis; found out by default.")] = None,
    split: Annotated[str, Flag(help="Of files the index says nothing of.")] = "train",
    licence: Annotated[str, Flag(help="Of files the index says nothing of.")] = "",
    source: Annotated[str, Flag(help="Name of where the files come from, likewise.")] = "",
    joints: Annotated[bool, Flag("--joints", help="Print which joint was taken for what.")] = False,
    markdown: Annotated[Path | None, Flag(help="Also write the table to this file.")] = None,
) -> int:
    """Import what is not there yet; 0 if every file came in, 1 if some were refused."""
    with users_fault():
        if split not in SPLITS:
            raise ValueError(f"--split: {split!r}; expected one of {', '.join(SPLITS)}")
        rows = find_rows(
            sources, index, PackRow(Path(), "", split=split, licence=licence, source=source)
        )
        known = _known(out)
        writer = None if out is None else EpisodeWriter(out, licence=LICENCE, origin=ORIGIN)
    came: list[Imported] = []
    refused: list[str] = []
    there = 0
    try:
        for row in rows:
            with refused_by_system():
                digest = hashlib.sha256(row.path.read_bytes()).hexdigest()
            if digest in known:
                there += 1
                continue
            known.add(digest)
            try:
                imported = import_row(row, up, {"sha256": digest})
            except ValueError as error:
                refused.append(" ".join(str(error).split()))
                continue
            came.append(imported)
            if writer is not None:
                with refused_by_system():
                    writer.add(scene_of(imported.episode), [imported.episode])
                    if len(came) % BATCH == 0:
                        writer.commit()
        if writer is not None:
            with refused_by_system():
                writer.commit()
    finally:
        if writer is not None:
            writer.close()
    if joints:
        show_joints(came)
    table = by_source(imported.episode for imported in came)
    show_tables([table])
    if markdown is not None:
        with refused_by_system():
            write_page(markdown, as_markdown([table], "Captured motion", COMMAND))
    print(f"{len(came)} imported, {there} already there, {len(refused)} refused", file=sys.stderr)
    for line in refused:
        print(line, file=sys.stderr)
    return 1 if refused else 0


COMMAND = "python -m tools.import_bvh ../shared/mocap --out mocap --markdown docs/mocap.md"


def find_rows(sources: Iterable[Path], index: Path | None, default: PackRow) -> list[PackRow]:
    """Every BVH file, in order of its name, with what is known of it.

    Raises ValueError for a source without any, or a file that an index names and that is missing.
    """
    told: dict[str, PackRow] = {}
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
            if row.path.suffix and not row.path.is_file():
                raise ValueError(f"{path}: names {row.path}, which does not exist")
            told[str(row.path.resolve() if row.path.suffix else row.path.name)] = row
    rows = []
    for path in files:
        row = told.get(str(path.resolve())) or told.get(path.stem) or default
        rows.append(
            replace(
                row,
                path=path,
                source=row.source or default.source or path.parent.name,
                licence=row.licence or default.licence,
            )
        )
    return rows


def import_row(row: PackRow, up: Up | None, about: dict[str, Any]) -> Imported:
    """Read, refit and describe a file. Raises ValueError naming it and what is wrong with it."""
    row = row if row.caption else replace(row, caption=caption_of(row.path))
    clip = import_file(row.path, up, row.full_root)
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
    """What came from where, and how it stands on its feet before and after."""
    found: dict[str, list[Episode]] = defaultdict(list)
    for episode in episodes:
        found[episode.about["source"]].append(episode)
    figures = ("clips", "s", "m/s", "skate, source", "skate, episode", "out of plane", "whips")
    section = Section("By source", ("source", *figures, "teaches all", "pose", *SPLITS))
    every = [episode for those in found.values() for episode in those]
    for name, of in [*sorted(found.items()), ("all", every)]:
        if not of:
            continue
        seconds = np.array([len(e) for e in of]) / MOTION_FPS
        told = {
            key: np.array([e.about[key] for e in of], float)
            for key in ("speed_mps", "skating_source", "skating", "out_of_plane", "whips")
        }
        share = {key: float(np.average(value, weights=seconds)) for key, value in told.items()}
        taught = {kind: [e for e in of if e.teaches == kind] for kind in Teaches}
        section.rows.append(
            (
                name,
                str(len(of)),
                f"{seconds.sum():.0f}",
                f"{share['speed_mps']:.2f}",
                f"{share['skating_source']:.4f}",
                f"{share['skating']:.4f}",
                f"{told['out_of_plane'].mean():.1%}",
                f"{told['whips'].mean():.1%}",
                *(f"{len(taught[kind])}" for kind in (Teaches.ALL, Teaches.POSE)),
                *(f"{sum(e.split == split for e in of)}" for split in SPLITS),
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


def show_joints(came: list[Imported]) -> None:
    """Once for every skeleton: which joint was taken for what, on stdout."""
    skeletons: dict[tuple, list[Imported]] = defaultdict(list)
    for imported in came:
        skeletons[tuple(imported.rig.names.items()), imported.rig.unused].append(imported)
    for those in skeletons.values():
        first = those[0]
        print(f"{first.row.path.name} and {len(those) - 1} more, {first.unit_m:.4g} m a unit")
        print(first.rig.report(), end="\n\n")


def _known(out: Path | None) -> set[str]:
    """SHA-256 of every file that is in the dataset already."""
    if out is None or not (out / "meta").is_dir():
        return set()
    import json

    return {json.loads(about).get("sha256", "") for about in open_dataset(out).column("about")}


if __name__ == "__main__":
    run_command(app)
