"""Motions to measure, from wherever they come: the animator, the mocap pack, files, a dataset."""

from pathlib import Path

import numpy as np
import typer

from entities.actions import ACTIONS
from entities.scene import load_scene
from ml.capture.retarget import retarget_file
from ml.episodes.reader import EMPTY, open_dataset
from ml.measure.metrics import Motion
from sim.evaluate.animator_tables import pack_clips
from sim.evaluate.trials import STEADY_SPEEDS, motions_of, steady_motions
from sim.inspect.reconstruct import motion_of, walks_on_two_legs
from sim.loop import simulate

MOSTLY = 0.8
"""Share of an episode's frames that have the action it is filed under."""


def motions_from(name: str, damage: list[str]) -> dict[str, list[Motion]]:
    """Motions of a source, by the name of a table's row.

    damage: gets a line for each file of a dataset that cannot be read. name: procedural, mocap,
    mocap:SOURCE, a dataset's folder, a .bvh or a scene's .json file. Raises typer.BadParameter for
    a source that does not exist or cannot be read.
    """
    if name == "procedural":
        return {f"procedural {speed:g} m/s": steady_motions(speed) for speed in STEADY_SPEEDS}
    if name == "mocap" or name.startswith("mocap:"):
        wanted = name.partition(":")[2]
        rows: dict[str, list[Motion]] = {}
        for row, clip in pack_clips(("walk", "run")):
            if wanted in ("", row.source):
                rows.setdefault(f"{row.source} {row.action}s", []).append(clip.raw)
        if not rows:
            raise typer.BadParameter(f"{name}: no such clips; is the pack in ../shared/mocap?")
        return dict(sorted(rows.items()))
    path = Path(name)
    try:
        if path.is_dir():
            return _from_dataset(path, damage)
        if path.suffix == ".bvh":
            clip = retarget_file(path)
            return {f"{path.stem}, real": [clip.raw], f"{path.stem}, refit": [clip.motion]}
        if path.suffix == ".json":
            scene = load_scene(path)
            motions = motions_of(scene, simulate(scene))
            return {
                f"{path.stem}, {actor.id}": [motion]
                for actor, motion in zip(scene.actors, motions, strict=True)
            }
    except (OSError, ValueError) as error:
        raise typer.BadParameter(str(error)) from None
    raise typer.BadParameter(
        f"unknown source {name!r}; expected procedural, mocap, mocap:SOURCE, a folder, a .bvh or "
        ".json file"
    )


def _from_dataset(path: Path, damage: list[str]) -> dict[str, list[Motion]]:
    """Episodes of a dataset's two-legged bodies, by the action they do nearly all the time."""
    rows: dict[str, list[Motion]] = {}
    dataset = open_dataset(path)
    if not len(dataset):
        raise ValueError(f"{path}: {EMPTY}")
    for episode in dataset.episodes(damage):
        actions, counts = np.unique(episode.action_id, return_counts=True)
        if walks_on_two_legs(episode) and counts.max() > MOSTLY * len(episode):
            action = ACTIONS[int(actions[counts.argmax()])]
            rows.setdefault(f"{path.name}, {action}", []).append(motion_of(episode))
    if not rows and damage:
        raise ValueError(damage[0])
    if not rows:
        raise ValueError(f"{path}: no episode of a person who does one thing most of the time")
    return dict(sorted(rows.items()))
