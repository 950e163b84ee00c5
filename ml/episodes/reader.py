"""Episodes: the dataset format, read. ``ml.episodes.writer`` writes it.

A dataset is a folder in the LeRobot v3.0 layout, one LeRobot episode per actor track at 30 Hz::

    dataset = open_dataset("runs")                  # what has been committed, nothing else
    len(dataset), dataset.tasks, dataset.subtasks   # episodes; captions; clauses
    episode = dataset.episode(3)                    # an Episode: every column, texts, who it is
    record = dataset.scene(episode.scene)           # a SceneRecord: the Scene, versions, the end
    rows = dataset.rows(["state", "subtask_index"], split="train")
    first = rows.windows(60)                        # never across the end of an episode
    batch = rows.columns["state"][first[:8, None] + np.arange(60)]   # (8, 60, 22)

    with EpisodeWriter("runs") as writer:           # creates or appends; one process at a time
        writer.add(record, episodes)                # an iterable of Episodes; streamed to disk
        writer.commit()                             # from here on it survives anything

Positions, poses and speeds are those of the body itself (scaled metres); only ``state`` is
canonical, divided by ``scale``. An episode's step at its last frame leads to a frame that is not
in it, so every row of ``state`` is a real one.
"""

import hashlib
import json
import platform
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from entities.scene import Scene
from entities.skeleton import JOINTS, ActorType
from ml.episodes.commit import settle
from ml.episodes.layout import (
    ALL_COLUMNS,
    COLUMNS,
    EPISODE_FACTS,
    FORMAT_VERSION,
    INFO,
    OWN_INFO,
    SCENES,
    STATS,
    SUBTASKS,
    TASKS,
    read_json,
    read_texts,
)

SPLITS = ("train", "val", "test")
VERSIONED = ("stride-sim", "numpy", "pymunk", "pyarrow", "onnxruntime")


class Source(StrEnum):
    """What moved the body in a frame; the value's place here is its number in the column."""

    PROCEDURAL = "procedural"
    LEARNED = "learned"
    CAPTURED = "captured"


SOURCES = tuple(Source)


class Teaches(StrEnum):
    """What may be learned from an episode."""

    ALL = "all"
    POSE = "pose"  # a walk on the spot: its root does not go where its feet do
    NOTHING = "nothing"  # across the sagittal plane, or of uncertain origin


_BY_FIELD = {column.field: column for column in ALL_COLUMNS}


@dataclass(slots=True, eq=False)
class Episode:
    """One actor's track: T frames at 30 Hz, frame k at k/30 s after the first."""

    state: np.ndarray  # (T, 22) canonical: see ml.episodes.features
    action: np.ndarray  # (T, 3) m/s, m/s, rad/s: wanted velocity forward and left; heading's rate
    root: np.ndarray  # (T, 3) m, world: under the pelvis
    heading: np.ndarray  # (T,) rad, continuous
    velocity: np.ndarray  # (T, 3) m/s, world
    contact: np.ndarray  # (T, 2) bool, left and right ball of the foot on the ground
    off_path: np.ndarray  # (T,) bool
    lateral: np.ndarray  # (T, 10) m, scaled, left of the sagittal plane
    roll: np.ndarray  # (T,) rad about the forward axis
    gaze: np.ndarray  # (T, 2) rad, yaw left and pitch up
    face: np.ndarray  # (T,) index in entities.components.FACES
    mouth: np.ndarray  # (T,) 0 closed .. 1 open
    action_id: np.ndarray  # (T,) index in entities.actions.ACTIONS
    source: np.ndarray  # (T,) index in SOURCES
    subtask_index: np.ndarray  # (T,) index in subtasks
    subtasks: list[str]  # the clauses, such as "sprints to the tree"
    task: str  # the whole caption
    actor_id: str
    actor_index: int = 0  # in its scene
    actor_type: str = ActorType.HUMAN.value
    scale: float = 1.0
    style: str = ""
    split: str = "train"
    teaches: str = Teaches.ALL.value
    about: dict[str, Any] = field(default_factory=dict)  # JSON: origin, licence, measurements
    scene: int = -1  # index in the dataset; given when written
    index: int = -1  # index in the dataset; given when written

    def __len__(self) -> int:
        return len(self.heading)

    @property
    def pose(self) -> np.ndarray:
        """(T, 10, 2) m, scaled, forward and up from the root."""
        return self.scale * self.state[:, : 2 * len(JOINTS)].reshape(-1, len(JOINTS), 2)


@dataclass(slots=True)
class SceneRecord:
    """What a recording came from, and all it takes to run it again."""

    scene: Scene  # with every event of the run
    ticks: int = 0  # simulated and recorded, 0 if it was not simulated
    end_reason: str = "complete"
    first_tick: int = 0  # at which the first frame was taken
    model_hash: str = ""
    made_with: dict[str, Any] = field(default_factory=lambda: made_with())
    about: dict[str, Any] = field(default_factory=dict)

    def line(self, index: int) -> str:
        """One line of scenes.jsonl."""
        return json.dumps(
            {
                "scene_index": index,
                "seed": self.scene.seed,
                "ticks": self.ticks,
                "first_tick": self.first_tick,
                "end_reason": self.end_reason,
                "model_hash": self.model_hash,
                "made_with": self.made_with,
                "about": self.about,
                "scene": json.loads(self.scene.model_dump_json()),
            },
            ensure_ascii=False,
        )


def made_with() -> dict[str, Any]:
    """Versions and CPU features: what has to be equal for bit-identical runs."""
    versions = {"python": platform.python_version()}
    for name in VERSIONED:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = ""
    simd = np.show_config(mode="dicts")["SIMD Extensions"]
    features = [*simd["baseline"], *simd.get("found", ())]
    return {"versions": versions, "machine": platform.machine(), "cpu_features": features}


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Frames of many episodes, one after the other."""

    columns: dict[str, np.ndarray]  # field -> (N, ...)
    first: np.ndarray  # (E + 1,) row each episode starts at; the last is N
    episode: np.ndarray  # (E,) index in the dataset

    def windows(self, length: int, stride: int = 1) -> np.ndarray:
        """(W,) first rows of all windows of ``length`` frames that lie in one episode."""
        return np.concatenate(
            [np.zeros(0, np.int64)]
            + [
                np.arange(first, last - length + 1, stride)
                for first, last in zip(self.first[:-1], self.first[1:], strict=True)
            ]
        )


class EpisodeDataset:
    """A dataset as committed when it was opened. See ``open_dataset``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.info = read_json(root / INFO)
        self.own = read_json(root / OWN_INFO)
        self._open_file: tuple[Path, pq.ParquetFile] | None = None

    def __len__(self) -> int:
        return self.info["total_episodes"]

    @property
    def n_frames(self) -> int:
        """Frames in all episodes."""
        return self.info["total_frames"]

    @property
    def n_scenes(self) -> int:
        """Scenes, those of whom every actor was rejected included."""
        return self.own["total_scenes"]

    @cached_property
    def tasks(self) -> list[str]:
        """Caption of each task_index."""
        return read_texts(self.root / TASKS, "task")

    @cached_property
    def subtasks(self) -> list[str]:
        """Clause of each subtask_index."""
        return read_texts(self.root / SUBTASKS, "subtask")

    @cached_property
    def stats(self) -> dict[str, dict[str, np.ndarray]]:
        """Feature -> min, max, mean, std, count and quantiles over all frames."""
        stats = read_json(self.root / STATS)
        return {
            name: {key: np.array(value) for key, value in of.items()} for name, of in stats.items()
        }

    @cached_property
    def table(self) -> pa.Table:
        """The episodes table without its statistics: a row an episode."""
        parts = []
        for path in sorted((self.root / "meta/episodes").glob("*/*.parquet")):
            names = pq.read_schema(path).names
            kept = [name for name in names if not name.startswith("stats/")]
            parts.append(pq.read_table(path, columns=kept, partitioning=None))
        table = pa.concat_tables(parts) if parts else pa.table({"episode_index": []})
        # A batch that is just being committed may already have its file here.
        return table.slice(0, len(self))

    def column(self, name: str) -> list[Any]:
        """A column of the episodes table: split, style, tasks, length, about, …"""
        return self.table[name].to_pylist()

    def episode(self, index: int) -> Episode:
        """Episode ``index``. Raises ValueError if there is none."""
        if not 0 <= index < len(self):
            raise ValueError(f"episode {index}: expected 0 to {len(self) - 1} in {self.root}")
        row = self.table.slice(index, 1).to_pylist()[0]
        path = self.root / self.info["data_path"].format(
            chunk_index=row["data/chunk_index"], file_index=row["data/file_index"]
        )
        if self._open_file is None or self._open_file[0] != path:
            self._open_file = path, pq.ParquetFile(path)
        group = index - self._first_episode(path)
        data = self._open_file[1].read_row_group(group)
        columns = {column.field: column.from_arrow(data[column.name]) for column in COLUMNS}
        used, order, local = np.unique(
            columns["subtask_index"], return_index=True, return_inverse=True
        )
        rank = np.argsort(np.argsort(order))
        columns["subtask_index"] = rank[local]
        return Episode(
            **columns,
            subtasks=[self.subtasks[i] for i in used[np.argsort(order)]],
            task=row["tasks"][0],
            about=json.loads(row["about"]),
            scene=row["scene_index"],
            index=index,
            **{name: row[name] for name in EPISODE_FACTS},
        )

    def _first_episode(self, path: Path) -> int:
        """Row groups of a data file are its episodes, in order."""
        return self._firsts[path.relative_to(self.root).as_posix()]

    @cached_property
    def _firsts(self) -> dict[str, int]:
        firsts: dict[str, int] = {}
        chunks, files = self.column("data/chunk_index"), self.column("data/file_index")
        for i, (chunk, file) in enumerate(zip(chunks, files, strict=True)):
            firsts.setdefault(self.info["data_path"].format(chunk_index=chunk, file_index=file), i)
        return firsts

    def scene(self, index: int) -> SceneRecord:
        """Scene ``index``. Raises ValueError if there is none."""
        if not 0 <= index < self.n_scenes:
            raise ValueError(f"scene {index}: expected 0 to {self.n_scenes - 1} in {self.root}")
        with (self.root / SCENES).open(encoding="utf-8") as lines:
            line = json.loads(next(line for i, line in enumerate(lines) if i == index))
        return _record(line)

    def scenes(self) -> Iterator[SceneRecord]:
        """All scenes in order."""
        with (self.root / SCENES).open(encoding="utf-8") as lines:
            for _, line in zip(range(self.n_scenes), lines, strict=False):
                yield _record(json.loads(line))

    def of_scene(self, index: int) -> list[Episode]:
        """The episodes of a scene."""
        return [self.episode(i) for i, own in enumerate(self.column("scene_index")) if own == index]

    def __iter__(self) -> Iterator[Episode]:
        return (self.episode(i) for i in range(len(self)))

    def rows(self, fields: Iterable[str], split: str | None = None) -> Rows:
        """The named columns (fields of Episode, or task_index) of a split, or of everything."""
        columns = [_BY_FIELD[name] for name in fields]
        splits = self.column("split")
        wanted = [i for i, own in enumerate(splits) if split is None or own == split]
        lengths = np.array(self.column("length"), np.int64)
        parts: dict[str, list[np.ndarray]] = {column.field: [] for column in columns}
        firsts = [*self._firsts.values(), len(self)]
        for path, low, high in zip(self._firsts, firsts[:-1], firsts[1:], strict=True):
            groups = [i - low for i in wanted if low <= i < high]
            if groups:
                names = [column.name for column in columns]
                table = pq.ParquetFile(self.root / path).read_row_groups(groups, columns=names)
                for column in columns:
                    parts[column.field].append(column.from_arrow(table[column.name]))
        empty = {c.field: np.zeros(c.shape(0), c.dtype) for c in columns}
        return Rows(
            {name: np.concatenate(part) if part else empty[name] for name, part in parts.items()},
            np.concatenate([[0], np.cumsum(lengths[wanted])]).astype(np.int64),
            np.array(wanted, np.int64),
        )

    def content_hash(self) -> str:
        """SHA-256 over every scene and every episode, in order: their numbers, texts and splits.

        How they were batched into files, and what they were made with, is not in it.
        """
        digest = hashlib.sha256()
        for record in self.scenes():
            record.made_with = {}
            digest.update(record.line(0).encode())
        for episode in self:
            for column in COLUMNS:
                digest.update(np.ascontiguousarray(getattr(episode, column.field)).tobytes())
            texts = [getattr(episode, name) for name in EPISODE_FACTS]
            texts += [episode.task, episode.subtasks, episode.scene, episode.about]
            digest.update(json.dumps(texts, sort_keys=True).encode())
        return digest.hexdigest()


def open_dataset(path: str | Path) -> EpisodeDataset:
    """The dataset in a folder. Raises ValueError, naming the folder, if there is none."""
    root = Path(path)
    settle(root)
    if not (root / INFO).is_file() or not (root / OWN_INFO).is_file():
        raise ValueError(f"{root}: no dataset here; expected a folder that was recorded into")
    dataset = EpisodeDataset(root)
    if dataset.own["format_version"] != FORMAT_VERSION:
        came = dataset.own["format_version"]
        raise ValueError(f"{root}: format version {came}; expected {FORMAT_VERSION}")
    return dataset


def _record(line: dict[str, Any]) -> SceneRecord:
    names = ("ticks", "first_tick", "end_reason", "model_hash", "made_with", "about")
    scene = Scene.model_validate(line["scene"])
    return SceneRecord(scene, **{name: line[name] for name in names})
