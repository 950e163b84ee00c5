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

Reading writes nothing: a commit that a kill cut short is seen as it was decided, and carried out by
the next writer. What is wrong with a file is a ``Damaged`` that names it: when the dataset is
opened for its tables, when an episode or a scene is read for its own. Whoever works through many
passes a list to ``episodes``, ``scenes`` or ``rows``, which then leave out what cannot be read.

Positions, poses and speeds are those of the body itself (scaled metres); only ``state`` is
canonical, divided by ``scale``. The root's step in an episode's last frame leads to a frame that is
not part of it, so that the last row of ``state`` is measured like all others.
"""

import hashlib
import json
import platform
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pyarrow.parquet as pq
from pydantic import ValidationError

from entities.actions import ACTIONS
from entities.components import FACES
from entities.files import parse_json, shortened
from entities.scene import Scene, explain
from entities.skeleton import JOINTS, QUADRUPEDS, ActorType
from ml.episodes.commit import LOCK, STAGING
from ml.episodes.committed import (
    Committed,
    Damaged,
    SceneLines,
    Table,
    check_column,
    read_groups,
    signature,
)
from ml.episodes.histograms import Histograms
from ml.episodes.layout import (
    ALL_COLUMNS,
    COLUMNS,
    DATA_PATH,
    EPISODE_FACTS,
    EPISODES_PATH,
    FORMAT_VERSION,
    HISTOGRAMS,
    INFO,
    MAX_EPISODE_FRAMES,
    MAX_EPISODES,
    OWN_INFO,
    SCENES,
    STATISTICS,
    STATS,
    SUBTASKS,
    TASKS,
    VIDEO_KEY,
    VIDEO_PATH,
    Column,
    file_indices,
    film_colours,
    is_written,
    new_info,
    side_by_side,
)

SPLITS = ("train", "val", "test")
HELD_OUT_EACH = 10
"""Where nothing is marked to validate with, one in so many scenes is held out when it is read."""
MAX_TICK = 24 * 3600 * 60
"""Of a recording's first frame, and its length: a day. Running a scene again takes as many."""
SCALES = (1e-3, 1e2)
"""Sizes a body can have."""
MAX_TABLES_BYTES = 2 << 30
"""Of all episodes tables in memory."""
OPENING_TRIES = 50
"""A dataset is read again if it is committed to meanwhile."""
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

    def __init__(self, files: Committed) -> None:
        """Read its tables. Raises Damaged for one without which the others say nothing.

        An episodes table that cannot be read has a line in ``damage``; its episodes are not in
        ``indices``.
        """
        self.files, self.root = files, files.root
        self.info, self.own_info = files.json(INFO), files.json(OWN_INFO)
        _check_info(self.root, self.info, self.own_info)
        self.tasks = _texts(files, TASKS, "task", self.info["total_tasks"])
        """The caption of each task_index."""
        self.subtasks = _texts(files, SUBTASKS, "subtask", self.own_info["total_subtasks"])
        """The clause of each subtask_index."""
        self.damage: list[str] = []
        """A line for each episodes table that cannot be read."""
        self._columns = self._read_tables()
        self.indices: list[int] = self._columns["episode_index"]
        """The episodes whose table could be read: all of them, where nothing is damaged."""
        self._row_of = {index: row for row, index in enumerate(self.indices)}
        self._lines = SceneLines(files, self.own_info["scenes_bytes"])
        self._open_file: tuple[int, Path, pq.ParquetFile] | None = None

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

    @property
    def n_bytes(self) -> int:
        """Size of the files that a writer has put in place."""
        size = 0
        for path in self.root.rglob("*"):
            name = path.relative_to(self.root).as_posix()
            if is_written(name) or name == SCENES:
                size += path.lstat().st_size
        return size

    @property
    def video_size(self) -> tuple[int, int] | None:
        """Width and height of its films in px, None without films."""
        feature = self.info["features"].get(VIDEO_KEY)
        return None if feature is None else (feature["shape"][1], feature["shape"][0])

    @cached_property
    def stats(self) -> dict[str, dict[str, np.ndarray]]:
        """Feature -> min, max, mean, std, count and quantiles over all frames. Raises Damaged."""
        path, stats = self.root / STATS, self.files.json(STATS)
        columns = [VIDEO_KEY] if self.video_size is not None else []
        widths = {c.name: (c.width,) for c in ALL_COLUMNS} | dict.fromkeys(columns, (3, 1, 1))
        found: dict[str, dict[str, np.ndarray]] = {}
        for feature, shape in widths.items():
            found[feature] = {}
            for name in (*STATISTICS, "count"):
                try:
                    value = np.array(stats[feature][name])
                except (KeyError, TypeError, ValueError):
                    value = np.zeros(0)
                wanted = (1,) if name == "count" else shape
                if value.shape != wanted or value.dtype.kind not in "iufb":
                    raise Damaged(f"{path}: {feature}.{name}: expected numbers, shape {wanted}")
                found[feature][name] = value
        return found

    def histograms(self, n: int, most_rows: int) -> Histograms | None:
        """Those that were kept of ``n`` numbers, None if none were. Raises Damaged."""
        if not self.files.holds(HISTOGRAMS):
            return None
        kinds = {"number": int, "value": float, "count": int}
        table = self.files.table(HISTOGRAMS, kinds, most_rows)
        try:
            bits = json.loads(table.metadata.get(b"bits", b"null"))
            return Histograms.of_columns(table.columns, bits, n)
        except (ValueError, RecursionError) as error:
            raise Damaged(f"{table.path}: {error}") from None

    def colours(self, scene: int) -> np.ndarray:
        """``film_colours`` of a scene's film. Raises Damaged."""
        name = VIDEO_PATH.format(video_key=VIDEO_KEY, **file_indices(scene))
        try:
            return self.files.read(name, lambda path: film_colours(path, self.video_size))
        except ValueError as error:
            raise Damaged(str(error)) from None

    @cached_property
    def splits(self) -> list[str]:
        """The split of each of ``indices``: its own, unless no episode is marked ``val``.

        Then every tenth scene to learn from, beginning with the second, validates; of a single
        scene it is every tenth episode. What an episode is does not change when others follow.
        """
        own = list(self.column("split"))
        if "val" in own:
            return own
        quadrupeds = {kind.value for kind in QUADRUPEDS}
        learned = [
            i
            for i, (split, use, kind) in enumerate(
                zip(own, self.column("teaches"), self.column("actor_type"), strict=True)
            )
            if split == "train" and use != TrainingUse.NOTHING and kind not in quadrupeds
        ]
        scene = self.column("scene_index")
        scenes = list(dict.fromkeys(scene[i] for i in learned))
        if len(scenes) > 1:
            chosen = set(scenes[1::HELD_OUT_EACH])
            held_out = [
                i
                for i, (s, split) in enumerate(zip(scene, own, strict=True))
                if s in chosen and split == "train"
            ]
        else:
            held_out = learned[1::HELD_OUT_EACH]
        for i in held_out:
            own[i] = "val"
        return own

    def column(self, name: str) -> list[Any]:
        """A column of the episodes table, such as style, task, length or about, of ``indices``."""
        return self._columns[name]

    def episode(self, index: int) -> Episode:
        """Read episode ``index``. Raises ValueError if there is none, Damaged if it cannot be."""
        row = self._row(index)
        path, file, first = self._data_file(self._columns["file"][row])
        where = f"{path}: episode {index}"
        wanted = [*COLUMNS, *(_BY_FIELD[name] for name in ("task_index", *_PLACES))]
        found = read_groups(path, file, [index - first], wanted)
        self._check_frames(where, row, found)
        columns = {column.field: found[column.name] for column in COLUMNS}
        # The file has numbers of the dataset's clauses; an episode lists its own, first used first.
        used, first_use, local = np.unique(
            columns["subtask_index"], return_index=True, return_inverse=True
        )
        order = np.argsort(first_use)
        columns["subtask_index"] = np.argsort(order)[local]
        return Episode(
            **columns,
            subtasks=[self.subtasks[i] for i in used[order]],
            task=self._columns["tasks"][row][0],
            about=self.about(index),
            scene=self._columns["scene_index"][row],
            index=index,
            **{name: self._columns[name][row] for name in EPISODE_FACTS},
        )

    def about(self, index: int) -> dict[str, Any]:
        """What else is known of an episode. Raises Damaged if it is no JSON object."""
        row = self._row(index)
        path = self.root / EPISODES_PATH.format(**file_indices(self._columns["file"][row]))
        where = f"{path}: episode {index}: about"
        try:
            about = parse_json(self._columns["about"][row], where)
        except ValueError as error:
            raise Damaged(str(error)) from None
        paraphrases = about.get("paraphrases", []) if isinstance(about, dict) else None
        if not isinstance(paraphrases, list) or not all(isinstance(t, str) for t in paraphrases):
            raise Damaged(f"{where}: expected an object, of which paraphrases are texts")
        return about

    def abouts(self, damage: list[str] | None = None) -> Iterator[dict[str, Any]]:
        """What else is known of every episode, in order. damage: as for ``episodes``."""
        return self._going_on(self.indices, self.about, damage)

    def episodes(self, damage: list[str] | None = None) -> Iterator[Episode]:
        """All episodes, in order.

        damage: gets a line for each file or episode that cannot be read, and the rest comes;
        without it the first one raises Damaged.
        """
        return self._going_on(self.indices, self.episode, damage)

    __iter__ = episodes

    def scene(self, index: int) -> SceneRecord:
        """Read scene ``index``. Raises ValueError if there is none, Damaged if it cannot be."""
        if not 0 <= index < self.n_scenes:
            if not self.n_scenes:
                raise ValueError(f"{self.root}: {EMPTY}")
            raise ValueError(f"scene {index}: expected 0 to {self.n_scenes - 1} in {self.root}")
        return _record(f"{self._lines.path}:{index + 1}", self._lines.json(index), index)

    def scenes(self, damage: list[str] | None = None) -> Iterator[SceneRecord]:
        """All scenes, in order. damage: as for ``episodes``."""
        return (record for _, record in self.numbered_scenes(damage))

    def numbered_scenes(self, damage: list[str] | None = None) -> Iterator[tuple[int, SceneRecord]]:
        """All scenes with their numbers. damage: as for ``episodes``."""
        every = range(self.n_scenes)
        return self._going_on(every, lambda index: (index, self.scene(index)), damage)

    def of_scene(self, index: int) -> list[Episode]:
        """The episodes recorded from a scene."""
        owners = zip(self.indices, self.column("scene_index"), strict=True)
        return [self.episode(i) for i, own in owners if own == index]

    def recording(self, index: int) -> tuple[SceneRecord, list[Episode]]:
        """A scene and the episodes recorded from it, which are of actors of it. Raises Damaged."""
        record, tracks = self.scene(index), self.of_scene(index)
        names = [actor.id for actor in record.scene.actors]
        for track in tracks:
            if names[track.actor_index : track.actor_index + 1] != [track.actor_id]:
                raise Damaged(
                    f"{self._lines.path}:{index + 1}: scene: no actor {track.actor_index} "
                    f"{shortened(track.actor_id)}, as episode {track.index} has"
                )
        if len({track.actor_id for track in tracks}) < len(tracks):
            raise Damaged(f"{self._lines.path}:{index + 1}: scene: two episodes of an actor")
        return record, tracks

    def rows(
        self, fields: Iterable[str], split: str | None = None, damage: list[str] | None = None
    ) -> Rows:
        """Columns of the episodes of a split (see ``splits``), or of all episodes, in memory.

        fields: array fields of Episode (subtask_index in the dataset's numbers), or task_index.
        damage: as for ``episodes``.
        """
        columns = [_BY_FIELD[name] for name in fields]
        of_file: dict[int, list[int]] = {}
        for row, (file, own) in enumerate(zip(self._columns["file"], self.splits, strict=True)):
            if split is None or own == split:
                of_file.setdefault(file, []).append(row)
        parts: dict[str, list[np.ndarray]] = {column.field: [] for column in columns}
        kept: list[int] = []
        if damage is not None:
            damage += self.damage
        for number, rows in of_file.items():
            try:
                found = self._rows_of_file(number, rows, columns)
                kept += rows
            except Damaged as error:
                if damage is None:
                    raise
                # Which of them it is takes reading them one by one.
                usable = self._going_on(
                    rows, lambda row, n=number: (row, self._rows_of_file(n, [row], columns)), damage
                )
                several = list(usable)
                if len(several) == len(rows):
                    damage.append(str(error))
                kept += [row for row, _ in several]
                found = {
                    column.field: np.concatenate(
                        [
                            np.zeros(column.shape(0), column.dtype),
                            *(p[column.field] for _, p in several),
                        ]
                    )
                    for column in columns
                }
            for name, values in found.items():
                parts[name].append(values)
        empty = {c.field: np.zeros(c.shape(0), c.dtype) for c in columns}
        lengths = [self._columns["length"][row] for row in kept]
        return Rows(
            {name: np.concatenate(part) if part else empty[name] for name, part in parts.items()},
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            np.array([self.indices[row] for row in kept], np.int64),
        )

    def numbers(self) -> Iterator[np.ndarray]:
        """All numbers (T, D) of ALL_COLUMNS, an episode at a time. Raises Damaged."""
        for row, number in enumerate(self._columns["file"]):
            found = self._rows_of_file(number, [row], list(ALL_COLUMNS))
            yield side_by_side([found[column.field] for column in ALL_COLUMNS])

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

    def _going_on(self, which: Iterable[int], read: Any, damage: list[str] | None) -> Iterator[Any]:
        """What is read of each, or a line in ``damage`` for what cannot be, each line once."""
        if damage is None:
            if self.damage and which is self.indices:
                raise Damaged(self.damage[0])
            yield from map(read, which)
            return
        if which is self.indices:
            damage += self.damage
        for one in which:
            try:
                value = read(one)
            except Damaged as error:
                if str(error) not in damage[-1:]:
                    damage.append(str(error))
                continue
            yield value

    def _row(self, index: int) -> int:
        if not 0 <= index < len(self):
            if not len(self):
                raise ValueError(f"{self.root}: {EMPTY}")
            raise ValueError(f"episode {index}: expected 0 to {len(self) - 1} in {self.root}")
        if index not in self._row_of:
            raise Damaged(self.damage[0])
        return self._row_of[index]

    def _read_tables(self) -> dict[str, list[Any]]:
        """The columns of the episodes tables that can be read, and ``file``, each one's number."""
        kinds = get_type_hints(Episode)
        wanted = _OWN_COLUMNS | {name: kinds[name] for name in EPISODE_FACTS}
        columns: dict[str, list[Any]] = {name: [] for name in (*wanted, "file")}
        n_files, total = self.own_info["total_files"], len(self)
        n_bytes, due = 0, (0, 0)
        for number in range(n_files):
            name = EPISODES_PATH.format(**file_indices(number))
            try:
                table = self.files.table(name, wanted, total, {"first_frame": 0})
                due = self._check_table(table, number, due)
            except Damaged as error:
                self.damage.append(str(error))
                if len(self.damage) == n_files:
                    raise
                continue
            n_bytes += table.n_bytes
            if n_bytes > MAX_TABLES_BYTES:
                raise Damaged(f"{table.path}: more than {MAX_TABLES_BYTES} bytes of tables")
            for key, kind in wanted.items():
                values = table.columns[key]
                if kind is list:
                    columns[key] += [[text] for text in values]
                else:
                    columns[key] += values if kind is str else values.tolist()
            columns["file"] += [number] * table.n_rows
        if not self.damage and due != (total, self.n_frames):
            raise Damaged(
                f"{self.root / INFO}: total_episodes {total}, total_frames {self.n_frames}; "
                f"the tables have {due[0]} and {due[1]}"
            )
        return columns

    def _check_table(self, table: Table, number: int, due: tuple[int, int]) -> tuple[int, int]:
        """The episode and frame after a table that follows those ``due``, or some that are lost.

        Raises Damaged for values that no writer wrote.
        """
        path, columns = table.path, table.columns

        def expect(name: str, fits: np.ndarray, allowed: str) -> None:
            if not fits.all():
                row = int(fits.argmin())
                came = shortened(str(columns[name][row]))
                raise Damaged(f"{path}: column {name}: row {row}: {came}; expected {allowed}")

        def within(name: str, low: float, high: float) -> None:
            values = columns[name]
            expect(name, (values >= low) & (values <= high), f"{low:g} to {high:g}")

        n = table.n_rows
        if n < 1:
            raise Damaged(f"{path}: no episodes")
        index, first = columns["episode_index"], columns["dataset_from_index"]
        within("length", 1, MAX_EPISODE_FRAMES)
        lost = bool(self.damage)
        within("episode_index", due[0], len(self) - 1 if lost else due[0] + n - 1)
        within("dataset_from_index", due[1], self.n_frames)
        start = (int(index[0]), int(first[0])) if lost else due
        expect("episode_index", index == start[0] + np.arange(n), f"{start[0]} and so on")
        ends = start[1] + np.cumsum(columns["length"])
        expect("dataset_from_index", first == ends - columns["length"], "the frames before it")
        expect("dataset_to_index", columns["dataset_to_index"] == ends, "one past its frames")
        for kind in ("data", "meta/episodes"):
            for name, value in file_indices(number).items():
                expect(f"{kind}/{name}", columns[f"{kind}/{name}"] == value, str(value))
        within("scene_index", 0, self.n_scenes - 1)
        within("actor_index", 0, MAX_EPISODES)
        within("first_frame", 0, MAX_EPISODE_FRAMES)
        within("scale", *SCALES)
        for name, allowed in (
            ("actor_type", [kind.value for kind in ActorType]),
            ("split", SPLITS),
            ("teaches", [use.value for use in TrainingUse]),
        ):
            known = np.array([value in allowed for value in columns[name]])
            expect(name, known, f"one of {', '.join(allowed)}")
        for name in ("tasks", "actor_id"):
            expect(name, np.array([bool(text.strip()) for text in columns[name]]), "text")
        return int(index[-1]) + 1, int(ends[-1])

    def _data_file(self, number: int) -> tuple[Path, pq.ParquetFile, int]:
        """A data file, checked once, and the index of its first episode."""
        rows = self._rows_in[number]
        first = self.indices[rows.start]
        if self._open_file is None or self._open_file[0] != number:
            name = DATA_PATH.format(**file_indices(number))
            path, file = self.root / name, self.files.parquet(name)
            schema = file.schema_arrow
            for column in ALL_COLUMNS:
                check_column(path, schema, column)
            lengths = self._columns["length"][rows.start : rows.stop]
            facts = file.metadata
            came = [facts.row_group(i).num_rows for i in range(facts.num_row_groups)]
            if came != lengths:
                raise Damaged(
                    f"{path}: its groups of rows are not the episodes {first} to "
                    f"{first + len(lengths) - 1}, which have {sum(lengths)} frames"
                )
            self._open_file = number, path, file
        return self._open_file[1], self._open_file[2], first

    @cached_property
    def _rows_in(self) -> dict[int, range]:
        """The rows of each file's episodes."""
        found: dict[int, range] = {}
        for row, number in enumerate(self._columns["file"]):
            found[number] = range(found.get(number, range(row, row)).start, row + 1)
        return found

    def _rows_of_file(
        self, number: int, rows: list[int], columns: list[Column]
    ) -> dict[str, np.ndarray]:
        """Fields of some episodes of one file, one after the other. Raises Damaged."""
        path, file, first = self._data_file(number)
        groups = [self.indices[row] - first for row in rows]
        found = read_groups(path, file, groups, columns)
        names = [self.indices[row] for row in rows]
        where = f"{path}: episode {names[0]}" + (f" to {names[-1]}" if len(names) > 1 else "")
        for column in columns:
            self._check_values(where, column, found[column.name])
        return {column.field: found[column.name] for column in columns}

    def _check_values(self, where: str, column: Column, values: np.ndarray) -> None:
        highest = {"subtask_index": len(self.subtasks) - 1, "task_index": len(self.tasks) - 1}
        fault = column_fault(column, values, len(values), highest.get(column.name))
        if fault is not None:
            raise Damaged(f"{where}: {column.name}: {fault}")

    def _check_frames(self, where: str, row: int, found: dict[str, np.ndarray]) -> None:
        """Raises Damaged for an episode's columns, by name, that no writer wrote."""
        for name, values in found.items():
            self._check_values(where, _BY_NAME[name], values)
        expected = {
            "frame_index": np.arange(self._columns["length"][row]),
            **{name: self._columns[name][row] for name in _PLACES if name != "frame_index"},
        }
        for name, value in expected.items():
            if (found[name] != value).any():
                raise Damaged(f"{where}: {name}: not that of the episodes table")
        if [self.tasks[i] for i in np.unique(found["task_index"])] != self._columns["tasks"][row]:
            raise Damaged(f"{where}: task_index: not the caption of the episodes table")


EMPTY = "holds no finished episodes yet"
_BY_NAME = {column.name: column for column in ALL_COLUMNS}
_PLACES = ("scene_index", "actor_index", "frame_index", "episode_index")
"""Columns of the frames that the episodes table has, too."""
_OWN_COLUMNS = {
    "episode_index": int,
    "tasks": list,
    "length": int,
    **{f"{kind}/{name}": int for kind in ("data", "meta/episodes") for name in file_indices(0)},
    "dataset_from_index": int,
    "dataset_to_index": int,
    "scene_index": int,
    "about": str,
}
_HIGHEST = {"face": len(FACES) - 1, "action_id": len(ACTIONS) - 1, "source": len(SOURCES) - 1}


def column_fault(
    column: Column, values: np.ndarray, length: int, highest: int | None = None
) -> str | None:
    """What is wrong with ``length`` frames of a column, in a few words; None if nothing is.

    highest: of an index into a table of the dataset.
    """
    if values.shape != column.shape(length):
        return f"shape {values.shape}; expected {column.shape(length)}"
    if not len(values) or values.dtype == bool:
        return None
    if not np.isfinite(values).all():
        return "not finite"
    low, high = values.min(), values.max()
    if column.dtype == "float32":
        if low < -column.most or high > column.most:
            return f"{low:g} to {high:g}; expected {-column.most:g} to {column.most:g}"
        return None
    most = _HIGHEST.get(column.name, MAX_EPISODES * MAX_EPISODE_FRAMES)
    most = most if highest is None else highest
    return None if low >= 0 and high <= most else f"{low} to {high}; expected 0 to {most}"


def open_dataset(path: str | Path) -> EpisodeDataset:
    """Open the dataset in a folder, to read; nothing is written, not even a lock.

    Raises ValueError, naming the folder, if there is none, Damaged naming a file that is not as it
    was written, OSError if a folder cannot be read.
    """
    root = Path(path)
    for _ in range(OPENING_TRIES):
        before = signature(root, INFO, OWN_INFO)
        files = Committed(root)
        if not files.holds(INFO) and not files.holds(OWN_INFO):
            if (root / STAGING).is_dir() or (root / LOCK).is_file():
                raise ValueError(f"{root}: {EMPTY}")
            raise ValueError(f"{root}: no dataset here; expected a folder that was recorded into")
        damage: Damaged | None = None
        try:
            dataset = EpisodeDataset(files)
        except Damaged as error:
            damage = error
        if signature(root, INFO, OWN_INFO) == before:
            if damage is not None:
                raise damage
            return dataset
        time.sleep(0.02)
    raise ValueError(f"{root}: is written to all the time; expected a moment's rest to read it")


def _check_info(root: Path, info: dict[str, Any], own_info: dict[str, Any]) -> None:
    """Raises Damaged for facts of a dataset that no writer wrote, ValueError for a later format."""

    def whole(name: str, holder: dict[str, Any], key: str, most: int) -> int:
        came = holder.get(key)
        if type(came) is not int or not 0 <= came <= most:
            raise Damaged(
                f"{root / name}: {key}: {shortened(str(came))}; expected a number, 0 to {most}"
            )
        return came

    version = whole(OWN_INFO, own_info, "format_version", 2**31)
    if version != FORMAT_VERSION:
        raise ValueError(f"{root}: format version {version}; expected {FORMAT_VERSION}")
    most_frames = MAX_EPISODES * MAX_EPISODE_FRAMES
    for key, most in (
        ("total_episodes", MAX_EPISODES),
        ("total_frames", most_frames),
        ("total_tasks", MAX_EPISODES),
    ):
        whole(INFO, info, key, most)
    for key, most in (
        ("total_scenes", MAX_EPISODES),
        ("total_subtasks", most_frames),
        ("total_files", MAX_EPISODES),
        ("scenes_bytes", 2**50),
    ):
        whole(OWN_INFO, own_info, key, most)
    for key in ("licence", "origin"):
        if not isinstance(own_info.get(key), str) or len(own_info[key]) > 10_000:
            raise Damaged(f"{root / OWN_INFO}: {key}: expected text")
    features = info.get("features")
    if not isinstance(features, dict):
        raise Damaged(f"{root / INFO}: features: expected an object")
    size = None
    if VIDEO_KEY in features:
        feature = features[VIDEO_KEY]
        shape = feature.get("shape") if isinstance(feature, dict) else None
        fits = isinstance(shape, list) and len(shape) == 3 and shape[2] == 3
        if not fits or any(type(n) is not int or not 1 <= n <= 2**14 for n in shape):
            raise Damaged(f"{root / INFO}: features.{VIDEO_KEY}.shape: expected [height, width, 3]")
        size = shape[1], shape[0]
    wanted = new_info(size)
    for name, feature in wanted["features"].items():
        came = features.get(name)
        for key in ("dtype", "shape"):
            if not isinstance(came, dict) or came.get(key) != feature[key]:
                raise Damaged(f"{root / INFO}: features.{name}.{key}: expected {feature[key]}")
    # The paths that are used are ours; a file that names others is not one of ours.
    for key in ("codebase_version", "chunks_size", "fps", "data_path", "video_path"):
        if info.get(key) != wanted[key]:
            came = shortened(str(info.get(key)))
            raise Damaged(f"{root / INFO}: {key}: {came}; expected {wanted[key]}")


def _texts(files: Committed, name: str, kind: str, n: int) -> list[str]:
    """A table of ``n`` texts, in the order of their numbers. Raises Damaged."""
    number = f"{kind}_index"
    table = files.table(name, {kind: str, number: int}, n)
    if table.n_rows != n or (table.columns[number] != np.arange(n)).any():
        raise Damaged(f"{table.path}: {table.n_rows} rows; expected {n}, numbered from 0")
    return table.columns[kind]


def _record(where: str, line: dict[str, Any], index: int) -> SceneRecord:
    """The scene of a line. Raises Damaged."""
    for name, kind in _RECORD.items():
        if type(line.get(name)) is not kind:
            came = shortened(str(line.get(name)))
            raise Damaged(f"{where}: {name}: {came}; expected {_KINDS[kind]}")
    for name, most in (("scene_index", index), ("ticks", MAX_TICK), ("first_tick", MAX_TICK)):
        least = index if name == "scene_index" else 0
        if not least <= line[name] <= most:
            raise Damaged(f"{where}: {name}: {line[name]}; expected {least} to {most}")
    try:
        scene = Scene.model_validate(line["scene"])
    except ValidationError as error:
        raise Damaged(f"{where}: scene: {explain(error)}") from None
    names = ("ticks", "first_tick", "end_reason", "model_hash", "made_with", "about")
    return SceneRecord(scene, **{name: line[name] for name in names})


_RECORD = {
    "scene_index": int,
    "ticks": int,
    "first_tick": int,
    "end_reason": str,
    "model_hash": str,
    "made_with": dict,
    "about": dict,
    "scene": dict,
}
_KINDS = {int: "a whole number", str: "text", dict: "an object"}
