"""Writes episode datasets in batches of scenes, each batch committed atomically."""

import json
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from entities.skeleton import ActorType
from ml.episodes.commit import (
    LOCK,
    STAGING,
    check_folders,
    commit,
    discard_staged,
    finish,
    lock,
    naming_folder,
    read_journal,
    staged,
)
from ml.episodes.committed import Damaged
from ml.episodes.histograms import BINS, Histograms
from ml.episodes.layout import (
    ALL_COLUMNS,
    CARD,
    COLUMNS,
    DATA_PATH,
    EPISODE_FACTS,
    EPISODES_PATH,
    FORMAT_VERSION,
    FPS,
    HISTOGRAMS,
    INFO,
    MAX_EPISODE_FRAMES,
    MAX_EPISODES,
    MAX_LETTERS,
    MAX_SCENE_LINE_BYTES,
    OWN_INFO,
    QUANTILES,
    SCENES,
    STATISTICS,
    STATS,
    SUBTASKS,
    TASKS,
    VIDEO_KEY,
    VIDEO_PATH,
    VIDEO_SAMPLES,
    data_writer,
    dataset_card,
    file_indices,
    film_colours,
    merge_statistics,
    new_info,
    side_by_side,
    split_statistics,
    statistics,
    write_json,
    write_texts,
)
from ml.episodes.reader import (
    MAX_TICK,
    SCALES,
    SPLITS,
    Episode,
    EpisodeDataset,
    SceneRecord,
    TrainingUse,
    column_fault,
    open_dataset,
)

LICENCE = "cc0-1.0"
ORIGIN = "Simulated with Stride: no person was recorded."
COUNTED_AT_ONCE = 1 << 16
"""Frames of a batch that are kept in memory until they are counted in the histograms."""
N_NUMBERS = sum(column.width for column in ALL_COLUMNS)
N_COLOURS = 3


class EpisodeWriter:
    """Creates a dataset or appends to one; while it is open no other process can.

    As a context manager it commits at the end, unless there was an exception.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        licence: str = LICENCE,
        origin: str = ORIGIN,
        video_size: tuple[int, int] | None = None,
    ) -> None:
        """licence, origin: for the card of a new dataset. video_size: px, None for no films.

        A commit that was cut short is finished first. Raises ValueError if the folder holds
        something else, another process writes to it, it is damaged, or it was created with another
        video size; OSError if it cannot be written, or would be through a link.
        """
        self.root = Path(path)
        self._data: pq.ParquetWriter | None = None
        _check_folder(self.root)
        check_folders(self.root)
        (self.root / STAGING).mkdir(parents=True, exist_ok=True)
        self._lock = lock(self.root)
        try:
            if read_journal(self.root) is not None:
                open_dataset(self.root)  # what the journal commits is whole, or it is left alone
                finish(self.root)
            discard_staged(self.root)
            if not (self.root / INFO).exists():
                self._create(licence, origin, video_size)
            self._load()
            if self.video_size != video_size:
                has, came = (
                    f"video of {size[0]}x{size[1]}" if size else "no video"
                    for size in (self.video_size, video_size)
                )
                raise ValueError(f"{self.root}: was created with {has}; {came} was asked for")
        except BaseException:
            self._lock.close()
            raise

    def __enter__(self) -> "EpisodeWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.commit()
        finally:
            self.close()

    @property
    def n_episodes(self) -> int:
        """Number of episodes, with those not yet committed."""
        return self._info["total_episodes"]

    @property
    def n_scenes(self) -> int:
        """Number of scenes, with those not yet committed."""
        return self._own_info["total_scenes"]

    @property
    def video_size(self) -> tuple[int, int] | None:
        """Width and height of the dataset's films in px, None without films."""
        feature = self._info["features"].get(VIDEO_KEY)
        return None if feature is None else (feature["shape"][1], feature["shape"][0])

    def add(
        self, record: SceneRecord, episodes: Iterable[Episode], video: Path | None = None
    ) -> None:
        """Add a scene and its episodes, which are iterated once and each written immediately.

        video: an mp4 with a frame for each frame of the longest episode, if the dataset has films;
        the file is moved. If this fails, everything since the last commit is discarded. Raises
        ValueError for an episode that ``check_episode`` refuses or a video where none is expected.
        """
        with self._all_or_nothing():
            finish(self.root)  # of a commit that met a full disk half-way
            self._add(record, episodes, video)

    def commit(self) -> None:
        """Make everything added so far part of the dataset, durably."""
        if not self._scene_lines:
            return
        with self._all_or_nothing():
            commit(self.root, self._stage(), (SCENES, self._committed_bytes))
        self._begin()

    def close(self) -> None:
        """Discard what was not committed and release the lock."""
        self._close_data()
        discard_staged(self.root)
        self._lock.close()

    def _create(self, licence: str, origin: str, video_size: tuple[int, int] | None) -> None:
        own_info = {
            "format_version": FORMAT_VERSION,
            "total_scenes": 0,
            "total_subtasks": 0,
            "total_files": 0,
            "scenes_bytes": 0,
            "licence": licence,
            "origin": origin,
        }
        write_texts(self._staged(TASKS), [], "task")
        write_texts(self._staged(SUBTASKS), [], "subtask")
        self._staged(CARD).write_text(dataset_card(licence, origin), encoding="utf-8")
        self._staged(SCENES).write_bytes(b"")
        write_json(self._staged(OWN_INFO), own_info)
        write_json(self._staged(INFO), new_info(video_size))
        commit(self.root, [CARD, TASKS, SUBTASKS, OWN_INFO, INFO], (SCENES, 0))

    def _load(self) -> None:
        """Begin a batch on top of what is committed."""
        committed = open_dataset(self.root)
        if committed.damage:
            raise Damaged(committed.damage[0])
        self._info, self._own_info = committed.info, committed.own_info
        self._tasks = {text: i for i, text in enumerate(committed.tasks)}
        self._subtasks = {text: i for i, text in enumerate(committed.subtasks)}
        self._stats = committed.stats if len(committed) else {}
        self._histograms = _histograms(committed)
        self._begin()

    def _begin(self) -> None:
        """Begin a batch."""
        self._committed_bytes = self._own_info["scenes_bytes"]
        self._scene_lines: list[str] = []
        self._rows: list[dict[str, Any]] = []
        self._statistics: list[np.ndarray] = []  # (9, D) of each episode
        self._uncounted: list[np.ndarray] = []  # (T, D) of episodes
        self._films: list[str] = []  # of each scene that has one
        self._film_statistics: list[np.ndarray] = []  # (9, 3) of each episode's film

    def _staged(self, final: str) -> Path:
        return staged(self.root, final)

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        """On an error go back to what is committed; an OSError names the dataset."""
        try:
            with naming_folder(self.root):
                yield
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        """Discard everything since the last commit."""
        self._close_data()
        discard_staged(self.root)
        self._load()

    def _close_data(self) -> None:
        if self._data is None:
            return
        try:
            self._data.close()
            self._data_file.close()
        except OSError:
            pass  # a full disk; the file is about to be deleted
        self._data = None

    def _add(self, record: SceneRecord, episodes: Iterable[Episode], video: Path | None) -> None:
        if (video is None) != (self.video_size is None):
            raise ValueError(f"{self.root}: expected {'no ' if video else 'a '}film with the scene")
        scene = self._own_info["total_scenes"]
        for name, tick in (("first_tick", record.first_tick), ("ticks", record.ticks)):
            if not 0 <= tick <= MAX_TICK:
                raise ValueError(f"scene {scene}: {name}: {tick}; expected 0 to {MAX_TICK}")
        line = record.line(scene) + "\n"
        if len(line.encode()) > MAX_SCENE_LINE_BYTES:
            raise ValueError(f"scene {scene}: more than {MAX_SCENE_LINE_BYTES >> 20} MiB of JSON")
        film: dict[str, Any] = {}
        colours = None  # (N, 3)
        if video is not None:
            indices = file_indices(scene)
            final = VIDEO_PATH.format(video_key=VIDEO_KEY, **indices)
            colours = film_colours(video, self.video_size)
            shutil.move(video, self._staged(final))
            self._films.append(final)
            film = {f"videos/{VIDEO_KEY}/{name}": value for name, value in indices.items()}
        if self._data is None:
            self._data_file = self._staged(DATA_PATH.format(**self._file_indices)).open("wb")
            self._data = data_writer(self._data_file)
        for episode in episodes:
            self._add_episode(episode, scene, film)
            if colours is not None:
                self._film_statistics.append(statistics([colours]))
                self._histograms = self._histograms.added(colours, N_NUMBERS)
        self._scene_lines.append(line)
        self._own_info["total_scenes"] += 1

    @property
    def _file_indices(self) -> dict[str, int]:
        """Chunk and file index of the batch's files, the same in data and in meta/episodes."""
        return file_indices(self._own_info["total_files"])

    def _add_episode(self, episode: Episode, scene: int, film: dict[str, Any]) -> None:
        check_episode(episode)
        length, first = len(episode), self._info["total_frames"]
        index = self._info["total_episodes"]
        clauses = np.array([_number(self._subtasks, text) for text in episode.subtasks], np.int64)
        frame = np.arange(length)
        columns = {c.name: np.asarray(getattr(episode, c.field), c.dtype) for c in COLUMNS}
        columns |= {
            "subtask_index": clauses[episode.subtask_index],
            "scene_index": np.full(length, scene),
            "actor_index": np.full(length, episode.actor_index),
            "timestamp": (frame / FPS).astype(np.float32),
            "frame_index": frame,
            "episode_index": np.full(length, index),
            "index": first + frame,
            "task_index": np.full(length, _number(self._tasks, episode.task)),
        }
        self._data.write_table(pa.table({c.name: c.to_arrow(columns[c.name]) for c in ALL_COLUMNS}))
        self._statistics.append(statistics([columns[c.name] for c in ALL_COLUMNS]))
        self._uncounted.append(side_by_side([columns[c.name] for c in ALL_COLUMNS]))
        if sum(map(len, self._uncounted)) >= COUNTED_AT_ONCE:
            self._count()
        if film:
            key = f"videos/{VIDEO_KEY}/"
            start = episode.first_frame
            film = {
                **film,
                f"{key}from_timestamp": start / FPS,
                f"{key}to_timestamp": (start + length) / FPS,
            }
        self._rows.append(
            {
                "episode_index": index,
                "tasks": [episode.task],
                "length": length,
                **{f"data/{name}": value for name, value in self._file_indices.items()},
                "dataset_from_index": first,
                "dataset_to_index": first + length,
                **film,
                **{f"meta/episodes/{name}": value for name, value in self._file_indices.items()},
                "scene_index": scene,
                **{name: getattr(episode, name) for name in EPISODE_FACTS},
                "about": json.dumps(episode.about, sort_keys=True, ensure_ascii=False),
            }
        )
        self._info["total_episodes"] += 1
        self._info["total_frames"] += length

    def _count(self) -> None:
        """Count the frames that have not been counted in the histograms yet."""
        if self._uncounted:
            self._histograms = self._histograms.added(np.concatenate(self._uncounted))
            self._uncounted = []

    def _stage(self) -> list[str]:
        """Stage the rest of the batch's files; gives all that are to be put in place, in order."""
        finals = [*self._films, *self._stage_data()]
        self._info["total_tasks"] = len(self._tasks)
        self._info["splits"] = {"train": f"0:{self._info['total_episodes']}"}
        self._own_info["total_subtasks"] = len(self._subtasks)
        lines = "".join(self._scene_lines).encode()
        self._own_info["scenes_bytes"] += len(lines)
        self._staged(SCENES).write_bytes(lines)
        write_texts(self._staged(TASKS), list(self._tasks), "task")
        write_texts(self._staged(SUBTASKS), list(self._subtasks), "subtask")
        write_json(self._staged(OWN_INFO), self._own_info)
        write_json(self._staged(INFO), self._info)
        # info.json comes last: readers that ignore the journal may see more data than it says, but
        # never less.
        return [TASKS, SUBTASKS, *finals, OWN_INFO, INFO]

    def _stage_data(self) -> list[str]:
        data, episodes = (
            DATA_PATH.format(**self._file_indices),
            EPISODES_PATH.format(**self._file_indices),
        )
        self._data.close()
        self._data = None
        self._data_file.close()
        if not self._rows:  # scenes of which no episode was kept
            self._staged(data).unlink()
            return []
        lengths = np.array([row["length"] for row in self._rows])
        stats = split_statistics(np.stack(self._statistics), lengths)
        if self._film_statistics:
            colours = np.stack(self._film_statistics)[..., None, None]
            stats[VIDEO_KEY] = {name: colours[:, i] for i, name in enumerate(STATISTICS)}
            stats[VIDEO_KEY]["count"] = np.full((len(colours), 1), VIDEO_SAMPLES)
        table = pa.Table.from_pylist(self._rows)
        for feature, of in stats.items():
            for name, values in of.items():
                table = table.append_column(f"stats/{feature}/{name}", pa.array(values.tolist()))
            merged = merge_statistics(of)
            if feature in self._stats:
                before = self._stats[feature]
                both = {name: np.stack([before[name], merged[name]]) for name in merged}
                merged = merge_statistics(both)
            self._stats[feature] = merged
        self._count()
        self._add_quantiles()
        self._histograms.write(self._staged(HISTOGRAMS))
        with self._staged(episodes).open("wb") as file:
            pq.write_table(table, file, compression="zstd")
        as_lists = {f: {k: v.tolist() for k, v in of.items()} for f, of in self._stats.items()}
        write_json(self._staged(STATS), as_lists)
        self._own_info["total_files"] += 1
        return [data, episodes, STATS, HISTOGRAMS]

    def _add_quantiles(self) -> None:
        """Give the statistics their quantiles, which are those of all frames."""
        found = self._histograms.quantiles(QUANTILES.values())  # (D + 3, 5)
        first = 0
        for column in ALL_COLUMNS:
            own = found[first : first + column.width]
            first += column.width
            self._stats[column.name] |= dict(zip(QUANTILES, own.T, strict=True))
        if VIDEO_KEY in self._stats:
            own = found[first:].T[..., None, None]
            self._stats[VIDEO_KEY] |= dict(zip(QUANTILES, own, strict=True))


def _histograms(dataset: EpisodeDataset) -> Histograms:
    """Those of a dataset: its own, or counted anew where an earlier version kept none."""
    n = N_NUMBERS + N_COLOURS
    histograms = Histograms.empty(n)
    if not len(dataset):
        return histograms
    try:
        counted = dataset.histograms(n, n * BINS)
    except Damaged:  # it says nothing that the frames do not say
        counted = None
    if counted is not None and counted.n_rows == dataset.n_frames:
        return counted
    waiting: list[np.ndarray] = []
    for numbers in dataset.numbers():
        waiting.append(numbers)
        if sum(map(len, waiting)) >= COUNTED_AT_ONCE:
            histograms, waiting = histograms.added(np.concatenate(waiting)), []
    histograms = histograms.added(np.concatenate([np.zeros((0, N_NUMBERS)), *waiting]))
    if dataset.video_size is not None:
        for scene in dataset.column("scene_index"):
            histograms = histograms.added(dataset.colours(scene), N_NUMBERS)
    return histograms


def _check_folder(root: Path) -> None:
    """Raises ValueError for what is neither a dataset nor an empty or new folder."""
    if root.exists() and not root.is_dir():
        raise ValueError(f"{root}: a file; expected a folder")
    if (root / INFO).exists() or (root / STAGING).is_dir() or not root.exists():
        return
    for entry in sorted(root.iterdir()):
        if entry.name != LOCK:  # of one who was killed before there was anything
            raise ValueError(
                f"{root}: holds {entry.name}; expected a dataset, or an empty or new folder"
            )


def check_episode(episode: Episode) -> None:
    """Raises ValueError for an episode that is empty, ragged, not finite or without a caption.

    What it lets pass is what ``EpisodeDataset.episode`` takes for undamaged.
    """
    length, actor = len(episode), episode.actor_id
    if not 1 <= length <= MAX_EPISODE_FRAMES:
        raise ValueError(f"{actor}: {length or 'no'} frames; expected 1 to {MAX_EPISODE_FRAMES}")
    if not episode.task.strip():
        raise ValueError(f"{actor}.task: empty; expected the caption")
    if not actor.strip():
        raise ValueError("actor_id: empty; expected a name")
    about = json.dumps(episode.about, ensure_ascii=False)
    texts = ("actor_id", actor), ("task", episode.task), ("about", about)
    for name, text in (*texts, *_named(episode.subtasks)):
        if len(text) > MAX_LETTERS or "\0" in text:
            raise ValueError(
                f"{actor}.{name}: {len(text)} letters; expected {MAX_LETTERS} at most, and no NUL"
            )
    for name, allowed in (
        ("split", SPLITS),
        ("teaches", tuple(TrainingUse)),
        ("actor_type", tuple(ActorType)),
    ):
        value = getattr(episode, name)
        if value not in allowed:
            raise ValueError(f"{actor}.{name}: {value!r}; expected one of {', '.join(allowed)}")
    for name, low, high in (
        ("scale", *SCALES),
        ("actor_index", 0, MAX_EPISODES),
        ("first_frame", 0, MAX_EPISODE_FRAMES),
    ):
        value = getattr(episode, name)
        if not low <= value <= high:
            raise ValueError(f"{actor}.{name}: {value:g}; expected {low:g} to {high:g}")
    for column in COLUMNS:
        fault = column_fault(column, getattr(episode, column.field), length)
        if fault is not None:
            raise ValueError(f"{actor}.{column.field}: {fault}")
    low, high = episode.subtask_index.min(), episode.subtask_index.max()
    if low < 0 or high >= len(episode.subtasks):
        n = len(episode.subtasks)
        raise ValueError(f"{actor}.subtask_index: {low} to {high}; expected 0 to {n - 1}")


def _named(subtasks: list[str]) -> list[tuple[str, str]]:
    return [(f"subtasks[{i}]", text) for i, text in enumerate(subtasks)]


def _number(known: dict[str, int], text: str) -> int:
    """The number of a text, a new one if the text is new."""
    return known.setdefault(text, len(known))
