"""Damaged datasets are read as far as they go, or refused in one line; reading touches nothing."""

from pathlib import Path

import pytest

from ml.episodes.embeddings import texts_of
from ml.episodes.reader import open_dataset
from ml.episodes.writer import EpisodeWriter
from sim.inspect.figures import measure
from sim.robustness.damaged_datasets import damaged, write_sample
from sim.robustness.watch import changes, state_of
from tests.ml.episodes.test_episodes import make_episode


def read(root: Path) -> list[str]:
    """Read all that can be; the lines about the rest."""
    damage: list[str] = []
    try:
        dataset = open_dataset(root)
        for episode in dataset.episodes(damage):
            measure(episode)
        scenes = [number for number, _ in dataset.numbered_scenes(damage)]
        dataset.rows(["state", "face"], "train", damage)
        texts_of(dataset, damage)
        for scene in scenes:
            dataset.recording(scene)
    except (ValueError, OSError) as error:
        damage.append(said(error))
    return damage


def write(root: Path) -> list[str]:
    """Add a scene; the line that says why not."""
    try:
        with EpisodeWriter(root) as writer:
            writer.add(open_dataset(root).scene(0), [make_episode()])
    except (ValueError, OSError) as error:
        return [said(error)]
    return []


def said(error: ValueError | OSError) -> str:
    """The line that a command makes of an error."""
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}"
    return str(error)


def test_the_sample_is_whole(tmp_path):
    write_sample(tmp_path / "d")
    before = state_of(tmp_path)
    assert read(tmp_path / "d") == []
    assert state_of(tmp_path) == before
    assert write(tmp_path / "d") == []
    assert len(open_dataset(tmp_path / "d")) == 7


@pytest.mark.parametrize(
    "seeds", [range(12), pytest.param(range(1_000, 1_500), marks=pytest.mark.slow)]
)
def test_damage_is_said_and_nothing_else_is_touched(tmp_path, seeds):
    wrong = []
    for seed in seeds:
        folder = tmp_path / str(seed)
        folder.mkdir()
        root = damaged(seed, folder)
        before = state_of(folder)
        lines = read(root)
        between = state_of(folder)
        wrong += [f"{seed}: reading: {line}" for line in changes(before, between)]
        lines += write(root)
        wrong += [f"{seed}: writing: {line}" for line in changes(between, state_of(folder), ["d"])]
        wrong += [f"{seed}: {line!r}" for line in lines if str(root) not in line or "\n" in line]
    assert wrong == []
