"""The files of a dataset and their columns: the LeRobot v3.0 layout.

It follows LeRobot's own reader (https://github.com/huggingface/lerobot, src/lerobot/datasets),
which globs ``data/*/*.parquet`` and ``meta/episodes/*/*.parquet``, takes the columns' types from
``meta/info.json`` and the texts of tasks from a pandas index.
"""

import json
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from entities.files import media_url
from entities.skeleton import JOINTS
from ml.episodes.features import FEATURE_NAMES

FORMAT_VERSION = 1
LEROBOT_VERSION = "v3.0"
FPS = 30
"""Frames a second of every dataset."""
FILES_PER_CHUNK = 1000
VIDEO_KEY = "observation.images.scene"
INFO, OWN_INFO, STATS = "meta/info.json", "meta/stride.json", "meta/stats.json"
TASKS, SUBTASKS, SCENES = "meta/tasks.parquet", "meta/subtasks.parquet", "meta/scenes.jsonl"
HISTOGRAMS = "meta/histograms.parquet"
CARD = "README.md"
_FILE = "chunk-{chunk_index:03d}/file-{file_index:03d}"
DATA_PATH = f"data/{_FILE}.parquet"
EPISODES_PATH = f"meta/episodes/{_FILE}.parquet"
VIDEO_PATH = f"videos/{{video_key}}/{_FILE}.mp4"
_WRITTEN = re.compile(
    "|".join(
        [
            *map(re.escape, (CARD, INFO, OWN_INFO, STATS, TASKS, SUBTASKS, HISTOGRAMS)),
            r"(data|meta/episodes)/chunk-\d{3,6}/file-\d{3}\.parquet",
            rf"videos/{re.escape(VIDEO_KEY)}/chunk-\d{{3,6}}/file-\d{{3}}\.mp4",
        ]
    ),
    re.ASCII,
)
QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
STATISTICS = ("min", "max", "mean", "std", *QUANTILES)
VIDEO_SAMPLES = 32
"""Number of a film's frames that its colour statistics are computed from."""
MAX_EPISODES, MAX_EPISODE_FRAMES = 10_000_000, 1_000_000
"""Episodes of a dataset, and frames of an episode: nine hours."""
MAX_LETTERS = 1_000_000
"""Of a caption, a clause, or an episode's ``about``."""
MAX_SCENE_LINE_BYTES = 32 << 20
"""A scene's line of ``scenes.jsonl``."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the data files."""

    name: str  # in the files and in info.json
    field: str  # of Episode
    dtype: str
    names: tuple[str, ...]  # one per number of a frame
    most: float = 1e4  # largest amount of a float that can have been recorded

    @property
    def width(self) -> int:
        """Numbers per frame."""
        return len(self.names)

    def shape(self, length: int) -> tuple[int, ...]:
        """The shape of ``length`` frames: (length,) or (length, width)."""
        return (length,) if self.width == 1 else (length, self.width)

    def to_arrow(self, values: np.ndarray) -> pa.Array:
        """Values of ``shape(T)`` as a column of T rows."""
        if self.width == 1:
            return pa.array(values)
        flat = pa.array(np.ascontiguousarray(values).reshape(-1))
        return pa.FixedSizeListArray.from_arrays(flat, self.width)

    def from_arrow(self, column: pa.ChunkedArray) -> np.ndarray:
        """The values, of ``shape(T)``, of a table's column of T rows."""
        if self.width == 1:
            return column.to_numpy()
        flat = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
        return np.concatenate(flat).reshape(-1, self.width)


XYZ = ("x", "y", "z")
COLUMNS = (
    Column("observation.state", "state", "float32", FEATURE_NAMES),
    Column("action", "action", "float32", ("forward_mps", "left_mps", "turn_radps"), 1e5),
    Column("root", "root", "float32", XYZ, 1e7),
    Column("heading", "heading", "float32", ("heading",), 1e6),
    Column("velocity", "velocity", "float32", XYZ, 1e5),
    Column("contact", "contact", "bool", ("left", "right")),
    Column("off_path", "off_path", "bool", ("off_path",)),
    Column("lateral", "lateral", "float32", JOINTS),
    Column("roll", "roll", "float32", ("roll",)),
    Column("gaze", "gaze", "float32", ("yaw", "pitch")),
    Column("face", "face", "int64", ("face",)),
    Column("mouth", "mouth", "float32", ("mouth",)),
    Column("action_id", "action_id", "int64", ("action_id",)),
    Column("source", "source", "int64", ("source",)),
    Column("subtask_index", "subtask_index", "int64", ("subtask_index",)),
)
"""A frame's data of its actor; INDEX_COLUMNS say which frame it is."""
INDEX_COLUMNS = tuple(
    Column(name, name, dtype, (name,))
    for name, dtype in (
        ("scene_index", "int64"),
        ("actor_index", "int64"),
        ("timestamp", "float32"),
        ("frame_index", "int64"),
        ("episode_index", "int64"),
        ("index", "int64"),
        ("task_index", "int64"),
    )
)
ALL_COLUMNS = COLUMNS + INDEX_COLUMNS
EPISODE_FACTS = (
    "actor_id",
    "actor_index",
    "actor_type",
    "scale",
    "style",
    "split",
    "teaches",
    "first_frame",
)
"""Fields of Episode that are columns of the episodes table under the same names."""


def new_info(video_size: tuple[int, int] | None) -> dict[str, Any]:
    """info.json of an empty dataset. video_size: width and height in px, None without films."""
    features: dict[str, Any] = {}
    if video_size is not None:
        width, height = video_size
        features[VIDEO_KEY] = {
            "dtype": "video",
            "shape": [height, width, 3],
            "names": ["height", "width", "channels"],
            "info": {
                "video.height": height,
                "video.width": width,
                "video.codec": "h264",
                "video.pix_fmt": "yuv420p",
                "video.is_depth_map": False,
                "video.fps": FPS,
                "video.channels": 3,
                "has_audio": False,
            },
        }
    for column in ALL_COLUMNS:
        names = list(column.names) if column.width > 1 else None
        features[column.name] = {"dtype": column.dtype, "shape": [column.width], "names": names}
    return {
        "codebase_version": LEROBOT_VERSION,
        "robot_type": "stride",
        "total_episodes": 0,
        "total_frames": 0,
        "total_tasks": 0,
        "chunks_size": FILES_PER_CHUNK,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "fps": FPS,
        "splits": {},
        "data_path": DATA_PATH,
        "video_path": VIDEO_PATH if video_size else None,
        "features": features,
    }


def is_written(name: str) -> bool:
    """Whether a path inside a dataset is one of those that a commit puts in place."""
    return _WRITTEN.fullmatch(name) is not None


def file_indices(number: int) -> dict[str, int]:
    """Chunk and file index of the file that has this number among its kind."""
    chunk, file = divmod(number, FILES_PER_CHUNK)
    return {"chunk_index": chunk, "file_index": file}


def data_writer(file: IO[bytes]) -> pq.ParquetWriter:
    """A writer of a data file, to write one row group per episode.

    Floats are split into byte streams, which compress better. Pages have checksums, so that a
    damaged one is found when it is read.
    """
    empty = {c.name: c.to_arrow(np.zeros(c.shape(0), c.dtype)) for c in ALL_COLUMNS}
    leaves = {c: c.name + (".list.element" if c.width > 1 else "") for c in ALL_COLUMNS}
    return pq.ParquetWriter(
        file,
        pa.table(empty).schema,
        compression="zstd",
        compression_level=3,
        use_dictionary=[leaves[c] for c in ALL_COLUMNS if c.dtype == "int64"],
        use_byte_stream_split=[leaves[c] for c in ALL_COLUMNS if c.dtype == "float32"],
        write_statistics=False,
        write_page_checksum=True,
    )


def side_by_side(columns: list[np.ndarray]) -> np.ndarray:
    """Columns (T, ...) as all of a frame's numbers (T, D)."""
    return np.concatenate([c.reshape(len(c), -1).astype(np.float64) for c in columns], axis=1)


def statistics(columns: list[np.ndarray]) -> np.ndarray:
    """(9, D) STATISTICS of each of a frame's D numbers, of columns (T, ...)."""
    numbers = side_by_side(columns)
    numbers.sort(axis=0)
    last = len(numbers) - 1
    at = np.array(list(QUANTILES.values())) * last
    low = at.astype(int)
    fraction = (at - low)[:, None]
    quantiles = numbers[low] + fraction * (numbers[np.minimum(low + 1, last)] - numbers[low])
    basic = [numbers[0], numbers[-1], numbers.mean(axis=0), numbers.std(axis=0)]
    return np.concatenate([np.stack(basic), quantiles])


def film_colours(path: Path, size: tuple[int, int]) -> np.ndarray:
    """(N, 3) red, green and blue, 0..1, of pixels of frames evenly spread over a film.

    size: its width and height in px. Raises ValueError naming the file if it is no such film.
    """
    try:
        with av.open(media_url(path)) as film:
            if not film.streams.video or film.streams.video[0].codec_context.width < 1:
                raise ValueError(f"{path}: no pictures in it")
            stream = film.streams.video[0]
            came = stream.codec_context.width, stream.codec_context.height
            if came != size:
                raise ValueError(f"{path}: {came[0]}x{came[1]}; expected {size[0]}x{size[1]}")
            step = max(1, stream.frames // VIDEO_SAMPLES)
            sampled = (f for i, f in enumerate(film.decode(stream)) if i % step == 0)
            pixels = [
                frame.to_ndarray(format="rgb24")[::4, ::4].reshape(-1, 3)
                for frame in islice(sampled, 2 * VIDEO_SAMPLES)
            ]
    except av.FFmpegError as error:
        raise ValueError(f"{path}: not a film: {error.strerror}") from None
    if not pixels:
        raise ValueError(f"{path}: no pictures in it")
    return np.concatenate(pixels) / 255.0


def split_statistics(numbers: np.ndarray, lengths: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """Statistics (E, 9, D) of E episodes as feature -> statistic -> (E, width).

    lengths: (E,) frames. Minimum and maximum of integer columns are integers.
    """
    split: dict[str, dict[str, np.ndarray]] = {}
    first = 0
    for column in ALL_COLUMNS:
        own = numbers[:, :, first : first + column.width]
        first += column.width
        split[column.name] = {name: own[:, i] for i, name in enumerate(STATISTICS)}
        if column.dtype == "int64":
            for name in ("min", "max"):
                split[column.name][name] = split[column.name][name].astype(np.int64)
        split[column.name]["count"] = lengths[:, None]
    return split


def merge_statistics(stats: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Statistics of a whole from those of E parts (E, …), but for its quantiles."""
    count = stats["count"]
    weight = count.reshape(-1, *[1] * (stats["mean"].ndim - 1)) / count.sum()
    mean = (weight * stats["mean"]).sum(axis=0)
    variance = (weight * (stats["std"] ** 2 + (stats["mean"] - mean) ** 2)).sum(axis=0)
    return {
        "min": stats["min"].min(axis=0),
        "max": stats["max"].max(axis=0),
        "mean": mean,
        "std": np.sqrt(variance),
        "count": count.sum(axis=0),
    }


def write_texts(path: Path, texts: list[str], name: str) -> None:
    """Write a table of texts and their numbers as pandas does if the texts are the index.

    name: of the index; the column is ``name``_index.
    """
    number = {"pandas_type": "int64", "numpy_type": "int64", "metadata": None}
    words = {"pandas_type": "unicode", "numpy_type": "object", "metadata": None}
    encoding = {"encoding": "UTF-8"}
    pandas = {
        "index_columns": [name],
        "column_indexes": [{"name": None, "field_name": None, **words, "metadata": encoding}],
        "columns": [
            {"name": f"{name}_index", "field_name": f"{name}_index", **number},
            {"name": name, "field_name": name, **words},
        ],
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": "2.2.0",
    }
    columns = [pa.array(range(len(texts)), pa.int64()), pa.array(texts, pa.string())]
    schema = pa.schema(
        [(f"{name}_index", pa.int64()), (name, pa.string())], {"pandas": json.dumps(pandas)}
    )
    with path.open("wb") as file:
        pq.write_table(pa.table(columns, schema=schema), file)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON object, indented."""
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def dataset_card(licence: str, origin: str) -> str:
    """README.md, the dataset card, whose head the Hugging Face hub reads."""
    return f"""---
license: {licence}
task_categories:
- robotics
tags:
- LeRobot
- human-motion
- text-to-motion
configs:
- config_name: default
  data_files: data/*/*.parquet
---

Motion of stick people, one episode an actor, 30 frames a second, in the LeRobot v3.0 layout.

- Licence: {licence}; where parts have their own, the column `about` of `meta/episodes` names it.
- Origin: {origin}
- The splits train, val and test are in the column `split` of `meta/episodes`.
- `meta/scenes.jsonl` holds the scene of every episode, with all it takes to run it again.
"""
