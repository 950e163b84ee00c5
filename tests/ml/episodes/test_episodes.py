"""The dataset format: written, read, cut short, opened by others."""

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from entities.actions import ACTIONS
from entities.components import FACES
from ml.episodes.commit import STAGING
from ml.episodes.features import N_FEATURES
from ml.episodes.layout import (
    ALL_COLUMNS,
    COLUMNS,
    EPISODE_FACTS,
    HISTOGRAMS,
    QUANTILES,
    STATISTICS,
)
from ml.episodes.reader import SOURCES, Episode, SceneRecord, open_dataset
from ml.episodes.writer import EpisodeWriter
from sim.robustness.watch import state_of
from tests.conftest import make_scene


def make_episode(length: int = 40, seed: int = 0, **fields: object) -> Episode:
    """An episode of random numbers, every column different."""
    rng = np.random.default_rng(seed)
    highest = {"face": len(FACES), "action_id": len(ACTIONS), "source": len(SOURCES)}
    columns = {}
    for column in COLUMNS:
        shape = column.shape(length)
        if column.dtype == "float32":
            columns[column.field] = rng.normal(size=shape).astype(np.float32)
        elif column.dtype == "bool":
            columns[column.field] = rng.random(shape) < 0.5
        else:
            columns[column.field] = rng.integers(0, highest.get(column.field, 2), shape)
    columns["subtask_index"] = (np.arange(length) >= length // 2).astype(np.int64)
    words = {"task": f"a man runs, number {seed}", "subtasks": ["starts", f"runs {seed}"]}
    return Episode(**{**columns, **words, "actor_id": "runner", **fields})


def write(path: Path, *scenes: list[Episode], commit_each: bool = False) -> None:
    with EpisodeWriter(path) as writer:
        for number, episodes in enumerate(scenes):
            record = SceneRecord(make_scene(*[{} for _ in episodes], seed=number), ticks=80)
            writer.add(record, episodes)
            if commit_each:
                writer.commit()


def assert_equal(episode: Episode, other: Episode) -> None:
    for column in COLUMNS:
        mine, its = getattr(episode, column.field), getattr(other, column.field)
        np.testing.assert_array_equal(mine, its, err_msg=column.field)
        assert mine.dtype == np.dtype(column.dtype)
    for name in (*EPISODE_FACTS, "task", "subtasks", "about"):
        assert getattr(episode, name) == getattr(other, name)


def test_what_is_written_is_read(tmp_path):
    wanted = [
        make_episode(31, 1, split="val", style="sad", scale=0.65, about={"clip": "é", "x": [1]}),
        make_episode(52, 2, actor_index=1, actor_type="dog", teaches="pose"),
        make_episode(1, 3, subtask_index=np.ones(1, np.int64)),
    ]
    write(tmp_path, wanted[:2], wanted[2:], commit_each=True)
    dataset = open_dataset(tmp_path)
    assert (len(dataset), dataset.n_frames, dataset.n_scenes) == (3, 84, 2)
    for index, episode in enumerate(dataset):
        if index == 2:
            wanted[2].subtasks, wanted[2].subtask_index = ["runs 3"], np.zeros(1, np.int64)
        assert_equal(episode, wanted[index])
        assert (episode.index, episode.scene) == (index, index // 2)
    record = dataset.scene(1)
    assert record.scene == make_scene({}, seed=1)
    assert record.made_with["versions"]["numpy"] == np.__version__
    assert [r.scene.seed for r in dataset.scenes()] == [0, 1]
    with pytest.raises(ValueError, match="episode 3: expected 0 to 2"):
        dataset.episode(3)


def test_batches_do_not_change_the_content(tmp_path):
    scenes = [[make_episode(20 + i, i), make_episode(20 + i, 10 + i)] for i in range(4)]
    write(tmp_path / "one", *scenes)
    write(tmp_path / "many", *scenes, commit_each=True)
    write(tmp_path / "again", *scenes[:1])
    write(tmp_path / "again", *[])
    with EpisodeWriter(tmp_path / "again") as writer:
        for number in (1, 2, 3):
            record = SceneRecord(make_scene({}, {}, seed=number), ticks=80)
            writer.add(record, scenes[number])
    one, many, again = (open_dataset(tmp_path / name) for name in ("one", "many", "again"))
    assert one.content_hash() == many.content_hash() == again.content_hash()
    assert len(list((tmp_path / "many" / "data").glob("*/*"))) == 4
    for name, of in one.stats.items():
        for key, value in of.items():
            np.testing.assert_allclose(many.stats[name][key], value, rtol=1e-9, err_msg=name + key)
    changed = [*scenes[:3], [scenes[3][0], make_episode(23, 99)]]
    write(tmp_path / "other", *changed)
    assert open_dataset(tmp_path / "other").content_hash() != one.content_hash()


def test_rows_and_windows_keep_episodes_apart(tmp_path):
    lengths, splits = (30, 12, 45, 9), ("train", "val", "train", "train")
    episodes = [
        make_episode(length, i, split=split)
        for i, (length, split) in enumerate(zip(lengths, splits, strict=True))
    ]
    write(tmp_path, episodes[:2], episodes[2:], commit_each=True)
    rows = open_dataset(tmp_path).rows(["state", "heading", "contact", "task_index"], "train")
    assert rows.first.tolist() == [0, 30, 75, 84]
    assert rows.episode.tolist() == [0, 2, 3]
    assert rows.columns["state"].shape == (84, N_FEATURES)
    np.testing.assert_array_equal(rows.columns["heading"][30:75], episodes[2].heading)
    np.testing.assert_array_equal(rows.columns["contact"][75:], episodes[3].contact)
    first = rows.windows(10)
    assert len(first) == 21 + 36 + 0
    window = first[:, None] + np.arange(10)
    owner = np.searchsorted(rows.first, window, side="right")
    assert (owner == owner[:, :1]).all()
    assert len(rows.windows(10, stride=10)) == 3 + 4
    assert len(open_dataset(tmp_path).rows(["state"], "test").windows(1)) == 0


def test_the_layout_is_lerobots(tmp_path):
    """Field by field, as LeRobot v3.0's own writer makes it."""
    write(tmp_path, [make_episode(30, 1), make_episode(20, 2)], [make_episode(10, 3)])
    info = json.loads((tmp_path / "meta/info.json").read_text())
    assert {key: info[key] for key in info if key != "features"} == {
        "codebase_version": "v3.0",
        "robot_type": "stride",
        "total_episodes": 3,
        "total_frames": 60,
        "total_tasks": 3,
        "chunks_size": 1000,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "fps": 30,
        "splits": {"train": "0:3"},
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": None,
    }
    table = pq.read_table(tmp_path / "data/chunk-000/file-000.parquet")
    assert set(table.column_names) == set(info["features"])
    for name, feature in info["features"].items():
        assert set(feature) == {"dtype", "shape", "names"}
        assert "/" not in name
        kind = table.schema.field(name).type
        if feature["shape"] == [1]:
            assert str(kind).replace("float", "float32") == feature["dtype"]
        else:
            assert kind.list_size == feature["shape"][0] == len(feature["names"])
            assert str(kind.value_type).replace("float", "float32") == feature["dtype"]
    assert info["features"]["observation.state"]["shape"] == [22]
    assert info["features"]["action"]["shape"] == [3]
    for name in ("timestamp", "frame_index", "episode_index", "index", "task_index"):
        dtype = "float32" if name == "timestamp" else "int64"
        assert info["features"][name] == {"dtype": dtype, "shape": [1], "names": None}
    np.testing.assert_array_equal(table["index"], np.arange(60))
    np.testing.assert_array_equal(
        table["timestamp"].to_numpy()[30:50], (np.arange(20) / 30).astype(np.float32)
    )
    episodes = pq.read_table(tmp_path / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    for i, (row, length, low) in enumerate(zip(episodes, (30, 20, 10), (0, 30, 50), strict=True)):
        assert row["episode_index"] == i
        assert row["length"] == length
        assert (row["dataset_from_index"], row["dataset_to_index"]) == (low, low + length)
        assert row["tasks"] == [f"a man runs, number {i + 1}"]
        for kind in ("data", "meta/episodes"):
            assert (row[f"{kind}/chunk_index"], row[f"{kind}/file_index"]) == (0, 0)
        for column in ALL_COLUMNS:
            for name in STATISTICS:
                assert len(row[f"stats/{column.name}/{name}"]) == column.width
            assert row[f"stats/{column.name}/count"] == [length]
    tasks = pd.read_parquet(tmp_path / "meta/tasks.parquet")
    assert list(tasks.index) == [f"a man runs, number {i}" for i in (1, 2, 3)]
    assert tasks.index.name == "task"
    assert tasks["task_index"].tolist() == [0, 1, 2]
    assert tasks.iloc[2].name == "a man runs, number 3"
    subtasks = pd.read_parquet(tmp_path / "meta/subtasks.parquet")
    assert subtasks.index[0] == "starts"
    assert subtasks["subtask_index"].tolist() == [0, 1, 2, 3]


def test_statistics_are_those_of_the_numbers(tmp_path):
    episodes = [make_episode(300, 1), make_episode(200, 2)]
    write(tmp_path, episodes, commit_each=True)
    stats = open_dataset(tmp_path).stats["observation.state"]
    both = np.concatenate([episode.state for episode in episodes]).astype(np.float64)
    np.testing.assert_allclose(stats["min"], both.min(axis=0))
    np.testing.assert_allclose(stats["max"], both.max(axis=0))
    np.testing.assert_allclose(stats["mean"], both.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(stats["std"], both.std(axis=0))
    assert stats["count"].tolist() == [500]
    row = pq.read_table(tmp_path / "meta/episodes/chunk-000/file-000.parquet").to_pylist()[0]
    np.testing.assert_allclose(
        row["stats/observation.state/q90"],
        np.quantile(episodes[0].state.astype(np.float64), 0.9, axis=0),
    )


def test_others_read_it_as_it_is(tmp_path):
    datasets = pytest.importorskip("datasets")
    episodes = [make_episode(30, 1), make_episode(20, 2)]
    write(tmp_path, episodes, commit_each=True)
    files = sorted(str(path) for path in (tmp_path / "data").glob("*/*.parquet"))
    frame = pd.read_parquet(files[0])
    np.testing.assert_array_equal(
        np.stack(frame["observation.state"]),
        np.concatenate([episode.state for episode in episodes]),
    )
    glob = tmp_path / "data/*/*.parquet"
    with duckdb.connect() as base:
        rows = base.sql(
            f"select episode_index, count(*), max(\"observation.state\"[22]) from '{glob}' "
            "group by 1 order by 1"
        ).fetchall()
    assert [(i, n) for i, n, _ in rows] == [(0, 30), (1, 20)]
    assert [far for *_, far in rows] == [float(e.state[:, 21].max()) for e in episodes]
    loaded = datasets.Dataset.from_parquet(files, cache_dir=str(tmp_path / "cache"))
    np.testing.assert_array_equal(loaded.with_format("numpy")["root"][30:], episodes[1].root)


def test_the_card_names_licence_and_origin(tmp_path):
    with EpisodeWriter(tmp_path / "d", licence="cc-by-4.0", origin="A pack of clips."):
        pass
    card = (tmp_path / "d/README.md").read_text()
    assert card.startswith("---\nlicense: cc-by-4.0\n")
    assert "A pack of clips." in card
    assert len(open_dataset(tmp_path / "d")) == 0


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"root": np.zeros((4, 2))}, r"runner.root: shape \(4, 2\); expected \(40, 3\)"),
        ({"roll": np.full(40, np.nan)}, "runner.roll: not finite"),
        ({"task": " "}, "runner.task: empty"),
        ({"split": "dev"}, "runner.split: 'dev'; expected one of train, val, test"),
        ({"subtasks": ["one"]}, "runner.subtask_index: 0 to 1; expected 0 to 0"),
    ],
)
def test_a_bad_episode_is_refused_and_leaves_nothing(tmp_path, change, line):
    write(tmp_path, [make_episode(30, 1)])
    before = open_dataset(tmp_path).content_hash()
    with EpisodeWriter(tmp_path) as writer:
        with pytest.raises(ValueError, match=line):
            writer.add(SceneRecord(make_scene({}, {})), [make_episode(), make_episode(**change)])
        assert (writer.n_episodes, writer.n_scenes) == (1, 1)
    assert open_dataset(tmp_path).content_hash() == before


def test_what_was_not_committed_is_not_seen(tmp_path):
    write(tmp_path, [make_episode(30, 1)])
    writer = EpisodeWriter(tmp_path)
    writer.add(SceneRecord(make_scene({})), [make_episode(30, 2)])
    assert [p.name for p in (tmp_path / "data").glob("*/*.parquet")] == ["file-000.parquet"]
    assert len(open_dataset(tmp_path)) == 1
    writer.__exit__(RuntimeError)
    assert len(open_dataset(tmp_path)) == 1
    assert list((tmp_path / STAGING).iterdir()) == []


def test_two_writers_do_not_meet(tmp_path):
    with EpisodeWriter(tmp_path):
        with pytest.raises(ValueError, match=r"process \d+ is writing this dataset; wait for it"):
            EpisodeWriter(tmp_path)
        code = f"from ml.episodes.writer import EpisodeWriter; EpisodeWriter({str(tmp_path)!r})"
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert "is writing this dataset" in other.stderr
    EpisodeWriter(tmp_path).close()


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"holds thesis.txt; expected a dataset, or an empty"):
        EpisodeWriter(tmp_path)
    with pytest.raises(ValueError, match="a file; expected a folder"):
        EpisodeWriter(tmp_path / "thesis.txt")
    with pytest.raises(ValueError, match="no dataset here"):
        open_dataset(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["thesis.txt"]


def stopped_commit(path: Path, monkeypatch: pytest.MonkeyPatch, renames: int) -> None:
    """Write one more scene, but die after so many of the renames that put it in place."""
    done = 0
    real = Path.replace

    def replace(self: Path, target: Path) -> Path:
        nonlocal done
        if done == renames:
            raise KeyboardInterrupt
        done += 1
        return real(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        with pytest.raises(KeyboardInterrupt):
            write(path, [make_episode(25, 7)])


@pytest.mark.parametrize(
    ("renames", "by"), [*[(i, "reader") for i in range(8)], (0, "writer"), (4, "writer")]
)
def test_a_commit_cut_short_is_read_as_decided_and_finished_by_the_next_writer(
    tmp_path, monkeypatch, renames, by
):
    write(tmp_path, [make_episode(30, 1)])
    stopped_commit(tmp_path, monkeypatch, renames)
    # To whoever knows no journal it is the dataset before, perhaps with rows it does not name.
    assert json.loads((tmp_path / "meta/info.json").read_text())["total_frames"] == 30
    if by == "writer":
        write(tmp_path, [make_episode(26, 8)])
    before = state_of(tmp_path)
    dataset = open_dataset(tmp_path)
    lengths = [30, 25, 26] if by == "writer" else [30, 25]
    assert dataset.column("length") == lengths
    assert dataset.n_scenes == len(lengths) == len(list(dataset.scenes()))
    assert_equal(dataset.episode(1), make_episode(25, 7))
    assert dataset.stats["root"]["count"].tolist() == [sum(lengths)]
    assert dataset.rows(["heading"]).first.tolist() == [0, *np.cumsum(lengths)]
    assert state_of(tmp_path) == before
    if by == "writer":
        assert list((tmp_path / STAGING).iterdir()) == []


def test_what_is_open_stays_readable_while_the_next_writer_finishes(tmp_path, monkeypatch):
    write(tmp_path, [make_episode(30, 1)])
    stopped_commit(tmp_path, monkeypatch, 0)
    dataset = open_dataset(tmp_path)
    write(tmp_path, [make_episode(26, 8)])
    assert_equal(dataset.episode(1), make_episode(25, 7))
    assert [record.scene.seed for record in dataset.scenes()] == [0, 0]
    assert len(dataset) == 2


@pytest.mark.parametrize("renames", range(5))
def test_a_first_creation_cut_short_goes_on(tmp_path, monkeypatch, renames):
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "d"
    with monkeypatch.context() as patch:
        if renames == 0:
            patch.setattr(Path, "rename", stop)  # of the journal
        else:
            real, done = Path.replace, []

            def replace(self: Path, target: Path) -> Path:
                if len(done) == renames:
                    raise KeyboardInterrupt
                done.append(target)
                return real(self, target)

            patch.setattr(Path, "replace", replace)
        with pytest.raises(KeyboardInterrupt):
            EpisodeWriter(path)
    before = state_of(path)
    if renames == 0:
        with pytest.raises(ValueError, match="d: holds no finished episodes yet"):
            open_dataset(path)
    else:
        assert len(open_dataset(path)) == 0
    assert state_of(path) == before
    write(path, [make_episode(30, 1)])
    assert len(open_dataset(path)) == 1


@pytest.mark.parametrize("left", [[".lock"], [".staging"], [".lock", ".staging"]])
def test_what_was_killed_before_anything_was_there_goes_on_from_nothing(tmp_path, left):
    for name in left:
        if name == ".lock":
            (tmp_path / name).write_text("12")
        else:
            (tmp_path / name).mkdir()
    with pytest.raises(ValueError, match="holds no finished episodes yet"):
        open_dataset(tmp_path)
    write(tmp_path, [make_episode(30, 1)])
    assert len(open_dataset(tmp_path)) == 1


@pytest.mark.slow
def test_readers_beside_a_writer_see_whole_commits(tmp_path):
    code = (
        "import sys; from tests.ml.episodes.test_episodes import *\n"
        "for i in range(12): write(Path(sys.argv[1]), [make_episode(20, i)])"
    )
    write(tmp_path, [make_episode(20, 99)])
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) as writer:
        seen = set()
        while writer.poll() is None:
            dataset = open_dataset(tmp_path)
            seen.add(len(dataset))
            assert len(list(dataset)) == len(list(dataset.scenes())) == len(dataset)
    assert writer.returncode == 0
    assert len(seen) > 2
    assert len(open_dataset(tmp_path)) == 13


def test_quantiles_are_those_of_all_frames(tmp_path):
    """Of a still minute and a fast one, however they came in, the middle is not the mean."""
    still, fast = make_episode(300, 1), make_episode(200, 2)
    still.action[:], fast.action[:] = 0.0, np.linspace(5.0, 8.0, 600).reshape(200, 3)
    write(tmp_path / "two", [still], [fast], commit_each=True)
    write(tmp_path / "one", [still, fast])
    both = np.concatenate([still.action, fast.action]).astype(np.float64)
    for name in ("one", "two"):
        stats = open_dataset(tmp_path / name).stats["action"]
        for key, share in QUANTILES.items():
            np.testing.assert_array_equal(stats[key], np.quantile(both, share, axis=0), key)
    assert open_dataset(tmp_path / "two").stats["action"]["q50"].tolist() == [0.0] * 3


def test_a_dataset_of_an_earlier_version_gets_its_quantiles_with_the_next_commit(tmp_path):
    episodes = [make_episode(50 + i, i) for i in range(3)]
    write(tmp_path, episodes[:1], episodes[1:2], commit_each=True)
    (tmp_path / HISTOGRAMS).unlink()
    assert len(open_dataset(tmp_path)) == 2
    write(tmp_path, episodes[2:])
    state = np.concatenate([episode.state for episode in episodes]).astype(np.float64)
    stats = open_dataset(tmp_path).stats["observation.state"]
    np.testing.assert_allclose(stats["q90"], np.quantile(state, 0.9, axis=0), rtol=1e-12)
    assert (tmp_path / HISTOGRAMS).is_file()


@pytest.mark.parametrize(
    ("scenes", "held_out"),
    [
        ([1], []),
        ([2], [1]),
        ([1, 1], [1]),
        ([2, 3, 1], [2, 3, 4]),
        ([1] * 12, [1, 11]),
    ],
)
def test_a_dataset_without_validation_holds_some_out(tmp_path, scenes, held_out):
    write(tmp_path, *[[make_episode(20, i) for i in range(n)] for n in scenes])
    dataset = open_dataset(tmp_path)
    assert set(dataset.column("split")) == {"train"}
    assert [i for i, split in enumerate(dataset.splits) if split == "val"] == held_out
    assert dataset.rows(["heading"], "val").episode.tolist() == held_out
    assert len(dataset.rows(["heading"], "train").episode) == sum(scenes) - len(held_out)


def test_what_teaches_nothing_is_not_what_is_validated_with(tmp_path):
    odd = [{"teaches": "nothing"}, {"actor_type": "dog"}, {}, {"split": "test"}, {}]
    write(tmp_path, [make_episode(20, i, **fields) for i, fields in enumerate(odd)])
    assert open_dataset(tmp_path).splits == ["train", "train", "train", "test", "val"]
    marked = [make_episode(20, 8, split="val")]
    write(tmp_path, marked)
    assert open_dataset(tmp_path).splits[-2:] == ["train", "val"]
