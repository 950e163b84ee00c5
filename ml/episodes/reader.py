"""The episode dataset and its reader; ``ml.episodes.writer`` writes it.

A dataset is a folder in the LeRobot v3.0 layout, one LeRobot episode per actor track at 30 Hz::

    dataset = open_dataset("runs")                  # only what has been committed
    len(dataset), dataset.tasks, dataset.subtasks   # episodes; captions; clauses
    episode = dataset.episode(3)                    # an Episode: every column, texts, its actor
    record = dataset.scene(episode.scene)           # a SceneRecord: the Scene, versions, end reason
    rows = dataset.rows(["state", "subtask_index"], split="train")
    first = rows.windows(60)                        # each within one episode
    batch = rows.columns["state"][first[:8, None] + np.arange(60)]   # (8, 60, 22)

    with EpisodeWriter("runs") as writer:           # creates or appends; one process at a time
        writer.add(record, episodes)                # an iterable of Episodes, streamed to disk
        writer.commit()                             # from here on it survives a crash

Positions, poses and speeds are those of the body itself (scaled metres); only ``state`` is
canonical, divided by ``scale``. The root's step in an episode's last frame leads to a frame that is
not part of it, so that the last row of ``state`` is measured like all others.
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
from ml.episodes.commit import recover
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
VERSIONED_PACKAGES = ("stride-sim", "numpy", "pymunk", "pyarrow", "onnxruntime")


class Source(StrEnum):
    """What moved the body in a frame; a value's position here is its number in the column."""

    PROCEDURAL = "procedural"
    LEARNED = "learned"
    CAPTURED = "captured"


SOURCES = tuple(Source)


class TrainingUse(StrEnum):
    """What may be learned from an episode: the values of its column ``teaches``."""

    ALL = "all"
    POSE = "pose"  # a walk on the spot, whose root does not follow its feet
    NOTHING = "nothing"  # motion across the sagittal plane, or of uncertain origin


_BY_FIELD = {column.field: column for column in ALL_COLUMNS}


@dataclass(slots=True, eq=False)
class Episode:
    """One actor's track: T frames at 30 Hz, frame k at k/30 s after the first one."""

    state: np.ndarray  # (T, 22) canonical, see ml.episodes.features
    action: np.ndarray  # (T, 3) desired velocity forward and left, m/s, and heading rate, rad/s
    root: np.ndarray  # (T, 3) m, world, under the pelvis
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
    task: str  # the caption of the whole episode
    actor_id: str
    actor_index: int = 0  # in its scene
    actor_type: str = ActorType.HUMAN.value
    scale: float = 1.0
    style: str = ""
    split: str = "train"
    teaches: str = TrainingUse.ALL.value
    first_frame: int = 0  # of the scene's recording, in which the actor comes on stage
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
    """The scene that episodes were recorded from, with everything needed to run it again."""

    scene: Scene  # with every event of the run
    ticks: int = 0  # number recorded; 0 if it was not simulated
    end_reason: str = "complete"
    first_tick: int = 0  # tick of the first frame
    model_hash: str = ""
    made_with: dict[str, Any] = field(default_factory=lambda: made_with())
    about: dict[str, Any] = field(default_factory=dict)

    def line(self, index: int) -> str:
        """Its line of scenes.jsonl."""
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
    """Versions and CPU features, which must be equal for bit-identical runs."""
    versions = {"python": platform.python_version()}
    for name in VERSIONED_PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = ""
    simd = np.show_config(mode="dicts")["SIMD Extensions"]
    features = [*simd["baseline"], *simd.get("found", ())]
    return {"versions": versions, "machine": platform.machine(), "cpu_features": features}


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Frames of E episodes, one after the other: N rows in all."""

    columns: dict[str, np.ndarray]  # field -> (N, ...)
    first: np.ndarray  # (E + 1,) first row of each episode, then N
    episode: np.ndarray  # (E,) index in the dataset

    def windows(self, length: int, stride: int = 1) -> np.ndarray:
        """(W,) first rows of the windows of ``length`` frames that lie within one episode."""
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
        self.own_info = read_json(root / OWN_INFO)
        self._open_file: tuple[Path, pq.ParquetFile] | None = None

    def __len__(self) -> int:
        return self.info["total_episodes"]

    @property
    def n_frames(self) -> int:
        """Number of frames of all episodes."""
        return self.info["total_frames"]

    @property
    def n_scenes(self) -> int:
        """Number of scenes, with those of which no episode was kept."""
        return self.own_info["total_scenes"]

    @cached_property
    def tasks(self) -> list[str]:
        """The caption of each task_index."""
        return read_texts(self.root / TASKS, "task")

    @cached_property
    def subtasks(self) -> list[str]:
        """The clause of each subtask_index."""
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
        """The episodes table, one row per episode, without statistics."""
        parts = []
        for path in sorted((self.root / "meta/episodes").glob("*/*.parquet")):
            names = pq.read_schema(path).names
            kept = [name for name in names if not name.startswith("stats/")]
            part = pq.read_table(path, columns=kept, partitioning=None)
            if "first_frame" not in kept:  # recorded before anybody could come on later
                part = part.append_column("first_frame", pa.array([0] * len(part), pa.int64()))
            parts.append(part)
        table = pa.concat_tables(parts) if parts else pa.table({"episode_index": []})
        # A batch that is just being committed may already have its file here.
        return table.slice(0, len(self))

    def column(self, name: str) -> list[Any]:
        """A column of the episodes table, such as split, style, tasks, length or about."""
        return self.table[name].to_pylist()

    def episode(self, index: int) -> Episode:
        """Read episode ``index``. Raises ValueError if there is none."""
        if not 0 <= index < len(self):
            raise ValueError(f"episode {index}: expected 0 to {len(self) - 1} in {self.root}")
        row = self.table.slice(index, 1).to_pylist()[0]
        name = self.info["data_path"].format(
            chunk_index=row["data/chunk_index"], file_index=row["data/file_index"]
        )
        path = self.root / name
        if self._open_file is None or self._open_file[0] != path:
            self._open_file = path, pq.ParquetFile(path)
        data = self._open_file[1].read_row_group(index - self._first_episodes[name])
        columns = {column.field: column.from_arrow(data[column.name]) for column in COLUMNS}
        # The file has numbers of the dataset's clauses; an episode lists its own, first used first.
        used, first_use, local = np.unique(
            columns["subtask_index"], return_index=True, return_inverse=True
        )
        order = np.argsort(first_use)
        columns["subtask_index"] = np.argsort(order)[local]
        return Episode(
            **columns,
            subtasks=[self.subtasks[i] for i in used[order]],
            task=row["tasks"][0],
            about=json.loads(row["about"]),
            scene=row["scene_index"],
            index=index,
            **{name: row[name] for name in EPISODE_FACTS},
        )

    @cached_property
    def _first_episodes(self) -> dict[str, int]:
        """The first episode in each data file; its row groups are its episodes, in order."""
        firsts: dict[str, int] = {}
        chunks, files = self.column("data/chunk_index"), self.column("data/file_index")
        for i, (chunk, file) in enumerate(zip(chunks, files, strict=True)):
            firsts.setdefault(self.info["data_path"].format(chunk_index=chunk, file_index=file), i)
        return firsts

    def scene(self, index: int) -> SceneRecord:
        """Read scene ``index``. Raises ValueError if there is none."""
        if not 0 <= index < self.n_scenes:
            raise ValueError(f"scene {index}: expected 0 to {self.n_scenes - 1} in {self.root}")
        with (self.root / SCENES).open(encoding="utf-8") as lines:
            line = json.loads(next(line for i, line in enumerate(lines) if i == index))
        return _record(line)

    def scenes(self) -> Iterator[SceneRecord]:
        """All scenes, in order."""
        with (self.root / SCENES).open(encoding="utf-8") as lines:
            for _, line in zip(range(self.n_scenes), lines, strict=False):
                yield _record(json.loads(line))

    def of_scene(self, index: int) -> list[Episode]:
        """The episodes recorded from a scene."""
        return [self.episode(i) for i, own in enumerate(self.column("scene_index")) if own == index]

    def __iter__(self) -> Iterator[Episode]:
        return (self.episode(i) for i in range(len(self)))

    def rows(self, fields: Iterable[str], split: str | None = None) -> Rows:
        """Columns of the episodes of a split, or of all episodes, in memory.

        fields: array fields of Episode (subtask_index in the dataset's numbers), or task_index.
        """
        columns = [_BY_FIELD[name] for name in fields]
        splits = self.column("split")
        wanted = [i for i, own in enumerate(splits) if split is None or own == split]
        lengths = np.array(self.column("length"), np.int64)
        parts: dict[str, list[np.ndarray]] = {column.field: [] for column in columns}
        firsts = [*self._first_episodes.values(), len(self)]
        for path, low, high in zip(self._first_episodes, firsts[:-1], firsts[1:], strict=True):
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
        """SHA-256 over the numbers, texts and splits of all scenes and episodes, in order.

        It does not depend on the batches in which they were written, nor on ``made_with``.
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
    """Open the dataset in a folder. Raises ValueError, naming the folder, if there is none.

    An interrupted commit is completed first, if the folder can be written.
    """
    root = Path(path)
    recover(root)
    if not (root / INFO).is_file() or not (root / OWN_INFO).is_file():
        raise ValueError(f"{root}: no dataset here; expected a folder that was recorded into")
    dataset = EpisodeDataset(root)
    if dataset.own_info["format_version"] != FORMAT_VERSION:
        came = dataset.own_info["format_version"]
        raise ValueError(f"{root}: format version {came}; expected {FORMAT_VERSION}")
    return dataset


def _record(line: dict[str, Any]) -> SceneRecord:
    names = ("ticks", "first_tick", "end_reason", "model_hash", "made_with", "about")
    scene = Scene.model_validate(line["scene"])
    return SceneRecord(scene, **{name: line[name] for name in names})
