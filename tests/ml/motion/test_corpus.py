"""What is read of a dataset to learn from: its splits, and as much as is whole."""

import json
import shutil

import numpy as np
import pytest

from ml.capture.clip_episode import evaluation_use
from ml.capture.importing import known_hashes
from ml.episodes.embeddings import embed
from ml.episodes.layout import OWN_INFO, SCENES
from ml.episodes.reader import SOURCES, Source, open_dataset
from ml.episodes.writer import EpisodeWriter
from ml.motion.corpus import read_corpus
from ml.text.encoders import open_encoder
from tests.ml.episodes.test_episodes import make_episode, write

PROCEDURAL = {"source": np.full(40, SOURCES.index(Source.PROCEDURAL))}


def learnable(*seeds: int, **fields: object) -> list:
    """Episodes of one clause each."""
    one = {"subtask_index": np.zeros(40, np.int64), "subtasks": ["walks"], **PROCEDURAL}
    return [make_episode(40, seed, task="walks", **one, **fields) for seed in seeds]


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Three scenes, none of them marked to validate with."""
    path = tmp_path_factory.mktemp("small") / "d"
    write(path, learnable(1), learnable(2), learnable(3), commit_each=True)
    return path


def test_a_small_dataset_can_be_trained_on(small):
    learn, held_out = read_corpus(small, "train"), read_corpus(small, "val")
    assert (len(learn), len(held_out)) == (80, 40)
    second = open_dataset(small).episode(1)
    np.testing.assert_array_equal(held_out.heading, second.heading)
    assert not (learn.heading[:, None] == second.heading).any()


def test_a_damaged_file_is_named_or_left_out(small, tmp_path):
    path = tmp_path / "d"
    shutil.copytree(small, path)
    (path / "data/chunk-000/file-000.parquet").write_bytes(b"")
    with pytest.raises(ValueError, match=r"file-000.parquet: not as Parquet"):
        read_corpus(path, "train")
    damage: list[str] = []
    assert len(read_corpus(path, "train", damage=damage)) == 40
    assert len(damage) == 1
    lines = (path / SCENES).read_text().splitlines()
    lines[2] = "{}"
    text = "\n".join(lines) + "\n"
    (path / SCENES).write_text(text)
    facts = json.loads((path / OWN_INFO).read_text())
    (path / OWN_INFO).write_text(json.dumps(facts | {"scenes_bytes": len(text)}))
    with pytest.raises(ValueError, match=r"scenes.jsonl:3: scene_index"):
        read_corpus(path, "train", damage=[])


def test_a_captured_episode_that_does_not_say_how_is_named(tmp_path):
    captured = {"source": np.full(40, SOURCES.index(Source.CAPTURED))}
    with pytest.raises(ValueError, match="does not say root_motion, whips"):
        evaluation_use({"out_of_plane": False})
    write(tmp_path, [make_episode(40, 1, **captured)])
    with pytest.raises(ValueError, match="a captured episode that does not say out_of_plane"):
        read_corpus(tmp_path, "train", to_measure=True)


def test_what_was_killed_before_its_first_commit_goes_on_from_nothing(tmp_path):
    EpisodeWriter(tmp_path).close()
    assert known_hashes(tmp_path) == set()
    with pytest.raises(ValueError, match="holds no finished episodes yet"):
        read_corpus(tmp_path, "train")
    with pytest.raises(ValueError, match="holds no finished episodes yet"):
        embed(open_dataset(tmp_path), open_encoder())
    write(tmp_path, learnable(1))
    assert len(open_dataset(tmp_path)) == 1
