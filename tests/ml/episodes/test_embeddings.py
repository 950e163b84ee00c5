"""A dataset's texts as vectors beside it: all of them, once, whatever cuts the work short."""

import duckdb
import numpy as np
import pytest

import ml.episodes.embeddings
from ml.episodes.embeddings import embed, texts_of
from ml.episodes.reader import SceneRecord, open_dataset
from ml.episodes.writer import EpisodeWriter
from ml.text.encoders import TextEncoder
from tests.conftest import make_scene
from tests.ml.episodes.test_episodes import make_episode, write


class Letters:
    """Counts the letters a, b and c: a model small enough to work out by hand."""

    identity = "letters-1"
    dim = 3
    batch = 2

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.breaks_at = ""

    def embed(self, texts, *, query):
        if self.breaks_at in texts:
            raise KeyboardInterrupt
        self.asked += texts
        return np.array([[1.0 + text.count(letter) for letter in "abc"] for text in texts])


@pytest.fixture
def dataset(tmp_path):
    episodes = [
        make_episode(20, i, about={"paraphrases": [f"cab {i}", f"a man runs, number {i}"]})
        for i in range(5)
    ]
    write(tmp_path, episodes)
    return open_dataset(tmp_path)


def stored(root):
    """Text -> vector, as any reader of Parquet finds them; no text is there twice."""
    with duckdb.connect() as base:
        glob = root / "meta/embeddings/letters/*.parquet"
        rows = base.sql(f"select text, embedding from '{glob}'").fetchall()
    assert len(dict(rows)) == len(rows)
    return dict(rows)


def test_every_text_is_encoded_once(dataset):
    texts = texts_of(dataset)
    assert texts[:6] == [*[f"a man runs, number {i}" for i in range(5)], "starts"]
    assert len(texts) == len(set(texts)) == 5 + 6 + 5
    model = Letters()
    assert embed(dataset, TextEncoder("letters", model)) == 16
    assert sorted(model.asked) == sorted(texts)
    assert embed(dataset, TextEncoder("letters", Letters())) == 0
    vectors = stored(dataset.root)
    assert vectors.keys() == set(texts)
    wanted = np.array([[2.0, 2.0, 2.0], [2.0, 1.0, 1.0]])
    wanted /= np.linalg.norm(wanted, axis=1)[:, None]
    np.testing.assert_allclose([vectors["cab 3"], vectors["starts"]], wanted, rtol=1e-6)


def test_it_goes_on_where_it_was_cut_short(dataset, monkeypatch):
    monkeypatch.setattr(ml.episodes.embeddings, "PART_TEXTS", 4)
    model = Letters()
    model.breaks_at = texts_of(dataset)[9]
    with pytest.raises(KeyboardInterrupt):
        embed(dataset, TextEncoder("letters", model))
    again = Letters()
    assert embed(dataset, TextEncoder("letters", again)) == 8
    assert not set(again.asked) & set(model.asked[:8])
    with EpisodeWriter(dataset.root) as writer:
        writer.add(SceneRecord(make_scene({})), [make_episode(20, 9)])
    grown = open_dataset(dataset.root)
    assert embed(grown, TextEncoder("letters", Letters())) == 2
    assert stored(grown.root).keys() == set(texts_of(grown))
    assert len(texts_of(grown)) == 18


def test_another_model_of_the_name_is_refused(dataset):
    embed(dataset, TextEncoder("letters", Letters()))
    other = Letters()
    other.identity = "letters-2"
    with pytest.raises(ValueError, match="encoded by letters-1; expected letters-2"):
        embed(dataset, TextEncoder("letters", other))


def test_nothing_is_written_through_a_link_and_no_part_over_another(dataset, monkeypatch):
    monkeypatch.setattr(ml.episodes.embeddings, "PART_TEXTS", 4)
    aside = dataset.root.parent / "aside"
    aside.mkdir(exist_ok=True)
    folder = dataset.root / "meta/embeddings"
    folder.symlink_to(aside)
    with pytest.raises(ValueError, match="embeddings: a link; expected a folder of the dataset"):
        embed(dataset, TextEncoder("letters", Letters()))
    assert list(aside.iterdir()) == []
    folder.unlink()
    embed(dataset, TextEncoder("letters", Letters()))
    (folder / "letters/part-001.parquet").unlink()
    assert embed(dataset, TextEncoder("letters", Letters())) == 4
    assert stored(dataset.root).keys() == set(texts_of(dataset))


def test_a_damaged_part_is_named(dataset):
    embed(dataset, TextEncoder("letters", Letters()))
    part = dataset.root / "meta/embeddings/letters/part-000.parquet"
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"part-000.parquet: not as Parquet was written"):
        embed(dataset, TextEncoder("letters", Letters()))
