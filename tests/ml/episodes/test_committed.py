"""Datasets that are damaged, or a stranger's: said in a line, read as far as it goes, kept."""

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml.episodes.commit import JOURNAL, LOCK, STAGING, staged
from ml.episodes.committed import Damaged
from ml.episodes.embeddings import texts_of
from ml.episodes.layout import HISTOGRAMS, INFO, OWN_INFO, SCENES, STATS, SUBTASKS, TASKS
from ml.episodes.reader import EpisodeDataset, SceneRecord, open_dataset
from ml.episodes.writer import EpisodeWriter
from sim.robustness.watch import state_of
from tests.conftest import make_scene
from tests.ml.episodes.test_episodes import make_episode, write

DATA, EPISODES = ("data/chunk-000/file-001.parquet", "meta/episodes/chunk-000/file-001.parquet")


def quick(n: int, *cases: tuple) -> list:
    """Parameters of a test, of which the first ``n`` are part of the quick suite."""
    return [*cases[:n], *(pytest.param(*case, marks=pytest.mark.slow) for case in cases[n:])]


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> Path:
    """Three scenes of one and one of two, a file each."""
    path = tmp_path_factory.mktemp("sample")
    scenes = [[make_episode(20, i)] for i in range(3)]
    write(path, *scenes, [make_episode(20, 3), make_episode(25, 4)], commit_each=True)
    return path


@pytest.fixture
def root(sample, tmp_path) -> Path:
    """A copy of it, beside somebody else's file."""
    shutil.copytree(sample, tmp_path / "d")
    (tmp_path / "outside.txt").write_text("mine\n" * 50)
    return tmp_path / "d"


def refused(root: Path, says: str, opened=open_dataset) -> None:
    """Opening is refused in one line that names the file, and nothing is touched."""
    before = state_of(root.parent)
    with pytest.raises((ValueError, OSError)) as error:
        opened(root)
    line = str(error.value)
    if isinstance(error.value, OSError):
        line = f"{error.value.filename}: {error.value.strerror}"
    assert "\n" not in line
    assert str(root) in line
    assert re.search(says, line), line
    assert state_of(root.parent) == before


def set_fact(root: Path, name: str, key: str, value: object) -> None:
    facts = json.loads((root / name).read_text())
    facts[key] = value
    (root / name).write_text(json.dumps(facts))


def rewrite(path: Path, change) -> None:
    """Write a table again, each group of rows changed."""
    file = pq.ParquetFile(path)
    groups = [change(file.read_row_group(i)) for i in range(file.num_row_groups)]
    with path.open("wb") as out, pq.ParquetWriter(out, groups[0].schema) as writer:
        for group in groups:
            writer.write_table(group)


def put(name: str, values) -> object:
    """A change that gives a column other values, made of the old ones."""

    def change(table: pa.Table) -> pa.Table:
        made = values(table[name]) if callable(values) else pa.array([values] * len(table))
        return table.set_column(table.column_names.index(name), name, made)

    return change


# Reading writes nothing; a journal is carried out by a writer, and only one of ours.


@pytest.mark.parametrize(
    ("change", "says"),
    quick(
        5,
        (
            {"moves": ["../../x"]},
            r"commit.json: moves\[0\]: '../../x'; expected a file of a dataset",
        ),
        ({"moves": [INFO, "/etc/passwd"]}, r"moves\[1\]: '/etc/passwd'"),
        ({"moves": ["data/../../outside.txt"]}, r"moves\[0\]"),
        ({"moves": ["data/chunk-000/file-000.parquet\n"]}, r"moves\[0\]"),
        ({"moves": ["data/chunk-\u0660\u0660\u0660/file-000.parquet"]}, r"moves\[0\]"),
        ({"moves": [LOCK]}, r"moves\[0\]: '.lock'"),
        ({"moves": [None]}, r"moves\[0\]"),
        ({"moves": "meta/info.json"}, "moves: expected a list"),
        ({"moves": [INFO, INFO]}, "names a file twice"),
        ({"grows": "../outside.txt"}, f"grows: '../outside.txt'; expected {SCENES}"),
        ({"length": -1}, "length: '-1'"),
        ({"length": True}, "length: 'True'"),
        ({"length": 10**30}, "commit.json: length: 1000"),
        ({"more": 1}, "expected an object of moves, grows and length"),
    ),
)
def test_a_journal_that_no_commit_of_ours_wrote_is_refused(root, change, says):
    entry = {"moves": [INFO], "grows": SCENES, "length": (root / SCENES).stat().st_size}
    (root / STAGING / JOURNAL).write_text(json.dumps(entry | change))
    shutil.copy(root / INFO, staged(root, INFO))
    staged(root, SCENES).write_bytes(b"")
    staged(root, "../outside.txt").write_text("theirs")
    refused(root, says)
    before = state_of(root.parent)
    with pytest.raises((ValueError, OSError)):
        EpisodeWriter(root)
    after = state_of(root.parent)
    del before[f"d/{LOCK}"], after[f"d/{LOCK}"]
    assert after == before


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "[" * 100_000, '{"moves": 1, "moves": 2}'])
def test_a_journal_that_is_noise_is_refused(root, text):
    (root / STAGING / JOURNAL).write_text(text)
    refused(root, "commit.json")
    with pytest.raises(ValueError, match=r"commit\.json"):
        EpisodeWriter(root)


def test_what_a_journal_stages_must_be_files_of_the_dataset(root):
    entry = {"moves": [STATS], "grows": SCENES, "length": (root / SCENES).stat().st_size}
    (root / STAGING / JOURNAL).write_text(json.dumps(entry))
    staged(root, SCENES).symlink_to(root.parent / "outside.txt")
    shutil.copy(root / STATS, staged(root, STATS))
    with pytest.raises((OSError, ValueError), match=r"a link|scenes\.jsonl"):
        EpisodeWriter(root)
    assert (root.parent / "outside.txt").read_text() == "mine\n" * 50


@pytest.mark.parametrize(
    ("name", "says"),
    quick(
        3,
        (STAGING, ".staging: a link"),
        ("meta", "meta: a link"),
        ("data", "data: a link"),
        ("data/chunk-000", "chunk-000: a link"),
        ("meta/episodes", "episodes: a link"),
        (SCENES, "scenes.jsonl: a link"),
        (LOCK, ".lock: a link"),
    ),
)
def test_nothing_is_written_through_a_link(root, name, says):
    aside = root.parent / "elsewhere"
    if (root / name).exists():
        shutil.move(root / name, aside)
    else:
        aside.write_text("")
    (root / name).symlink_to(aside)
    refused(root, says, EpisodeWriter)


def test_a_file_that_is_also_another_is_not_written_to(root):
    os.link(root / LOCK, root.parent / "same")
    refused(root, ".lock: not a file of its own", EpisodeWriter)
    (root / LOCK).unlink()
    os.link(root / SCENES, root.parent / "lines")
    writer = EpisodeWriter(root)
    writer.add(open_dataset(root).scene(0), [make_episode()])
    with pytest.raises(OSError, match="a file of its own"):
        writer.commit()
    writer.close()
    assert (root.parent / "lines").read_bytes() == (root / SCENES).read_bytes()
    assert len(open_dataset(root)) == 5


@pytest.mark.parametrize("name", [INFO, TASKS, EPISODES, DATA, SCENES])
def test_a_file_that_leads_out_is_not_read(root, name):
    shutil.move(root / name, root.parent / "elsewhere")
    (root / name).symlink_to(root.parent / "elsewhere")
    refused(root, f"{name}: a link; expected a file of the dataset itself", read_all)


def read_all(root: Path) -> None:
    dataset = open_dataset(root)
    list(dataset.scenes())
    list(dataset)


@pytest.mark.parametrize(
    ("key", "value"),
    quick(
        4,
        ("data_path", "../{chunk_index}/{file_index}"),
        ("data_path", "{chunk_index.__class__}"),
        ("data_path", "/etc/passwd"),
        ("data_path", None),
        ("video_path", "../../{video_key}"),
        ("fps", 25),
        ("total_episodes", 10**12),
        ("total_episodes", 4),
        ("total_frames", -1),
        ("total_tasks", True),
        ("features", []),
        ("codebase_version", "v2.1"),
    ),
)
def test_facts_that_no_writer_wrote_are_refused(root, key, value):
    set_fact(root, INFO, key, value)
    refused(root, r"info\.json: " + key if key != "total_tasks" else "total_tasks")


# What is wrong is said of the file; the rest is read.


def test_files_that_are_none_are_named(root):
    for name in (INFO, OWN_INFO, TASKS, SUBTASKS):
        for make in (Path.unlink, Path.mkdir, lambda p: os.mkfifo(p), lambda p: p.write_bytes(b"")):
            kept = (root / name).read_bytes()
            if (make is not Path.unlink and "lambda" not in str(make)) or "lambda" in str(make):
                (root / name).unlink()
            make(root / name)
            refused(root, re.escape(name))
            path = root / name
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)
            path.write_bytes(kept)
    assert len(open_dataset(root)) == 5


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "null",
        "\ud7ff".encode("utf-16-le").decode("latin-1"),
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        "9" * 5000,
        '{"a": "\\ud800"}',
    ],
)
def test_odd_json_is_refused_in_a_line(root, text):
    for name in (INFO, OWN_INFO):
        kept = (root / name).read_bytes()
        (root / name).write_text(text, encoding="utf-8")
        refused(root, re.escape(name))
        (root / name).write_bytes(kept)


def test_a_byte_order_mark_is_no_damage(root):
    for name in (INFO, OWN_INFO, STATS):
        (root / name).write_bytes(b"\xef\xbb\xbf" + (root / name).read_bytes())
    assert len(list(open_dataset(root))) == 5


def damaged_by(root: Path) -> tuple[list[int], list[str]]:
    """Indices of the episodes that can be read, and the lines about the others."""
    lines: list[str] = []
    before = state_of(root)
    dataset = open_dataset(root)
    read = [episode.index for episode in dataset.episodes(lines)]
    rows = dataset.rows(["state", "face", "task_index"], damage=[])
    assert set(rows.episode.tolist()) >= set(read)
    assert rows.first[-1] == len(rows.columns["state"])
    assert state_of(root) == before
    return read, lines


@pytest.mark.parametrize(
    ("change", "says"),
    quick(
        5,
        (Path.unlink, "file-001.parquet: missing"),
        (lambda p: p.write_bytes(p.read_bytes()[:-200]), "file-001.parquet: not as Parquet"),
        (lambda p: p.write_bytes(b""), "file-001.parquet: not as Parquet"),
        (lambda p: rewrite(p, lambda t: t.drop_columns(["root"])), "root: missing"),
        (lambda p: rewrite(p, put("heading", 1)), "heading: 'int64'; expected float32"),
        (lambda p: rewrite(p, put("face", 99)), "episode 1: face: 99 to 99; expected 0 to"),
        (lambda p: rewrite(p, put("action_id", -1)), "action_id: -1 to -1"),
        (lambda p: rewrite(p, put("source", 3)), "source: 3 to 3; expected 0 to 2"),
        (lambda p: rewrite(p, put("subtask_index", 10**9)), "subtask_index: 1000000000"),
        (lambda p: rewrite(p, put("task_index", 4)), "task_index: not the caption"),
        (lambda p: rewrite(p, put("episode_index", 2)), "episode_index: not that of the episodes"),
        (lambda p: rewrite(p, put("roll", lambda c: pa.nulls(len(c), pa.float32()))), "missing"),
        (
            lambda p: rewrite(p, put("roll", lambda c: pa.array(np.full(20, np.nan, "f4")))),
            "finite",
        ),
        (lambda p: rewrite(p, put("roll", lambda c: pa.array(np.full(20, 1e30, "f4")))), "1e.30"),
        (lambda p: rewrite(p, lambda t: t.slice(0, 19)), "not the episodes 1 to 1, which have 20"),
    ),
)
def test_a_damaged_data_file_costs_its_own_episodes(root, change, says):
    change(root / DATA)
    read, lines = damaged_by(root)
    assert read == [0, 2, 3, 4]
    assert len(lines) == 1
    assert re.search(says, lines[0]), lines[0]
    assert str(root / DATA) in lines[0]
    with pytest.raises(Damaged, match="file-001"):
        list(open_dataset(root))


def test_one_episode_of_a_file_can_be_lost(root):
    path, seen = root / "data/chunk-000/file-003.parquet", []

    def change(table: pa.Table) -> pa.Table:
        seen.append(len(table))
        return put("face", 99)(table) if len(seen) == 1 else table

    rewrite(path, change)
    read, lines = damaged_by(root)
    assert read == [0, 1, 2, 4]
    assert "episode 3: face: 99" in lines[0]


def test_flipped_bits_are_found(root):
    data = bytearray((root / DATA).read_bytes())
    data[len(data) // 4] ^= 16
    (root / DATA).write_bytes(bytes(data))
    read, lines = damaged_by(root)
    assert (read, len(lines)) == ([0, 2, 3, 4], 1)


@pytest.mark.parametrize(
    ("change", "says"),
    quick(
        4,
        (Path.unlink, "missing"),
        (lambda p: p.write_bytes(p.read_bytes()[:-9]), "not as Parquet"),
        (lambda p: rewrite(p, put("length", 10**9)), "column length: row 0"),
        (lambda p: rewrite(p, put("length", 19)), "dataset_to_index"),
        (
            lambda p: rewrite(p, put("data/file_index", 0)),
            "data/file_index: row 0: '0'; expected 1",
        ),
        (lambda p: rewrite(p, put("scene_index", -1)), "scene_index"),
        (
            lambda p: rewrite(p, put("actor_type", "ghost")),
            "actor_type: row 0: 'ghost'; expected one",
        ),
        (lambda p: rewrite(p, put("scale", float("inf"))), "scale: not finite"),
        (lambda p: rewrite(p, put("actor_id", "")), "actor_id"),
        (lambda p: rewrite(p, put("about", lambda c: pa.nulls(len(c), pa.string()))), "about"),
        (lambda p: rewrite(p, put("tasks", "runs")), "tasks: 'string'; expected lists"),
        (lambda p: rewrite(p, lambda t: pa.concat_tables([t, t])), "row"),
    ),
)
def test_a_damaged_episodes_table_costs_its_own_episodes(root, change, says):
    change(root / EPISODES)
    read, lines = damaged_by(root)
    assert read == [0, 2, 3, 4]
    assert len(lines) == 1
    assert re.search(says, lines[0]), lines[0]
    dataset = open_dataset(root)
    assert dataset.column("length") == [20, 20, 20, 25]
    assert [episode.index for episode in dataset.of_scene(3)] == [3, 4]
    refused(root, "file-001.parquet", lambda path: open_dataset(path).episode(1))
    with pytest.raises(ValueError, match=r"file-001\.parquet"):
        EpisodeWriter(root)


@pytest.mark.parametrize(
    ("line", "says"),
    quick(
        4,
        ("{", r"scenes.jsonl:2: not JSON"),
        ("null", r"scenes.jsonl:2: expected an object"),
        ("[" * 50_000, "levels"),
        ('{"scene_index": 7}', "scene_index|ticks"),
        ({"ticks": 1.5}, "ticks: '1.5'; expected a whole number"),
        ({"first_tick": 10**12}, "first_tick"),
        ({"about": None}, "about: 'None'; expected an object"),
        ({"scene": {"actors": 3}}, "scene: actors"),
        ({"scene_index": 0}, "scene_index: 0; expected 1"),
    ),
)
def test_a_bad_line_costs_its_own_scene(root, line, says):
    lines = (root / SCENES).read_text().splitlines()
    if isinstance(line, dict):
        line = json.dumps(json.loads(lines[1]) | line)
    lines[1] = line
    text = "\n".join(lines) + "\n"
    (root / SCENES).write_text(text)
    set_fact(root, OWN_INFO, "scenes_bytes", len(text))
    damage: list[str] = []
    dataset = open_dataset(root)
    assert [number for number, _ in dataset.numbered_scenes(damage)] == [0, 2, 3]
    assert len(damage) == 1
    assert re.search(says, damage[0]), damage[0]
    assert "scenes.jsonl:2: " in damage[0]
    assert len(list(dataset)) == 5


def test_lines_that_are_cut_off_cost_themselves(root):
    data = (root / SCENES).read_bytes()
    (root / SCENES).write_bytes(data[: len(data) // 2])
    dataset, damage = open_dataset(root), []
    assert [number for number, _ in dataset.numbered_scenes(damage)] == [0, 1]
    assert "ends after line 2; expected line 3" in damage[0]


def test_an_about_that_is_none_costs_its_own_texts(root):
    rewrite(root / EPISODES, put("about", '{"paraphrases": [3]}'))
    damage: list[str] = []
    assert "a man runs, number 4" in texts_of(open_dataset(root), damage)
    assert "file-001.parquet: episode 1: about: expected an object" in damage[0]


def test_a_file_that_says_it_is_huge_is_refused_unread(root):
    texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(30_000, np.int32)), ["a" * 900_000])
    pq.write_table(pa.table({"task": texts, "task_index": np.arange(30_000)}), root / TASKS)
    set_fact(root, INFO, "total_tasks", 30_000)
    assert (root / TASKS).stat().st_size < 2_000_000  # 27 GB of captions
    refused(root, r"tasks.parquet: column task: \d+ bytes of text")
    many = pa.table({"task": ["a"] * 4_000_000, "task_index": np.zeros(4_000_000, np.int64)})
    pq.write_table(many, root / TASKS)
    refused(root, r"tasks.parquet: 4000000 rows; expected 30000 at most")


def test_what_is_derived_is_made_again(root):
    (root / HISTOGRAMS).write_bytes(b"noise")
    write(root, [make_episode(30, 9)])
    stats = open_dataset(root).stats["root"]
    every = np.concatenate([episode.root for episode in open_dataset(root)]).astype(float)
    np.testing.assert_allclose(stats["q10"], np.quantile(every, 0.1, axis=0))


def test_the_recording_of_another_scene_is_refused(root):
    rewrite(root / EPISODES, put("actor_id", "ghost"))
    with pytest.raises(Damaged, match=r"scenes.jsonl:2: scene: no actor 0 'ghost', as episode 1"):
        open_dataset(root).recording(1)


def test_a_writer_takes_what_a_reader_takes(tmp_path):
    scene = SceneRecord(make_scene({}))
    with EpisodeWriter(tmp_path) as writer:
        for change, says in (
            ({"roll": np.full(40, 1e30, np.float32)}, "roll: 1e"),
            ({"face": np.full(40, 99)}, "face: 99 to 99"),
            ({"task": "a\0b"}, "task: 3 letters"),
            ({"scale": 0.0}, "scale: 0; expected 0.001 to 100"),
            ({"actor_type": "ghost"}, "actor_type: 'ghost'"),
            ({"first_frame": -1}, "first_frame: -1"),
            ({"actor_id": " "}, "actor_id: empty"),
            ({"about": {"x": "a" * 1_000_001}}, "about: "),
        ):
            with pytest.raises(ValueError, match=says):
                writer.add(scene, [make_episode(**change)])
        with pytest.raises(ValueError, match="first_tick: 9999999; expected 0 to"):
            writer.add(SceneRecord(make_scene({}), first_tick=9_999_999), [])


def test_a_killed_import_is_said_to_be_one():
    case = Path(__file__).parents[4] / "shared" / "cases" / "trust" / "killed-import"
    if not case.is_dir():
        pytest.skip("no cases beside the repository")
    dataset = open_dataset(case)
    assert isinstance(dataset, EpisodeDataset)
    assert (len(dataset), dataset.column("about"), list(dataset)) == (0, [], [])
    with pytest.raises(ValueError, match="killed-import: holds no finished episodes yet"):
        dataset.episode(0)
