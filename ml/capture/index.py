"""Indices of BVH files: each file's caption, split, licence and more.

An index is a CSV file whose header has at least ``file`` and ``caption``, such as that of the mocap
pack beside the repository, or a text file with a file's name and its caption on each line.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from entities.files import read_text, shortened, text_lines
from ml.episodes.reader import SPLITS

MAX_INDEX_BYTES = 16 << 20
ROOT_MOTIONS = ("full", "none")


@dataclass(frozen=True, slots=True)
class IndexRow:
    """An index's entry for one file."""

    path: Path
    caption: str
    action: str = ""  # the source's own label
    full_root: bool = True  # False for a walk on the spot, whose feet slide by design
    mean_speed: float | None = None  # m/s
    source: str = ""
    licence: str = ""
    split: str = "train"


def mocap_folder() -> Path | None:
    """The mocap pack beside the repository (``../shared/mocap``), or None if there is none."""
    folder = Path(__file__).resolve().parents[3] / "shared" / "mocap"
    return folder if (folder / "index.csv").is_file() else None


def read_index(path: Path) -> list[IndexRow]:
    """Read an index, or the ``index.csv`` of a folder; file names are relative to its folder.

    Raises OSError if it cannot be read, ValueError naming the line and what is wrong with it.
    """
    path = path / "index.csv" if path.is_dir() else path
    text = read_text(path, MAX_INDEX_BYTES)
    if path.suffix.lower() != ".csv":
        lines = enumerate(text_lines(text), start=1)
        return [_line(line, path, at) for at, line in lines if line.strip()]
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        for name in ("file", "caption"):
            if name not in (reader.fieldnames or ()):
                raise ValueError(f"{path}: no column {name!r}; expected file, caption, …")
        return [_row(row, path, reader.line_num) for row in reader]
    except csv.Error as error:
        raise ValueError(f"{path}:{reader.line_num}: {error}") from None


def _line(line: str, path: Path, number: int) -> IndexRow:
    """The entry in a text file's line."""
    words = line.split(maxsplit=1)
    if len(words) < 2:
        raise ValueError(
            f"{path}:{number}: {shortened(line.strip())}; expected a file's name, its caption"
        )
    return IndexRow(path.parent / words[0], words[1].strip())


def _row(row: dict[str, str | None], path: Path, number: int) -> IndexRow:
    """The entry in a CSV file's row."""
    where = f"{path}:{number}"
    cells = {name: (cell or "").strip() for name, cell in row.items() if name}
    for name in ("file", "caption"):
        if not cells[name]:
            raise ValueError(f"{where}: {name} is empty; expected text")
    split, root = cells.get("split") or "train", cells.get("root_motion") or "full"
    for name, value, allowed in (("split", split, SPLITS), ("root_motion", root, ROOT_MOTIONS)):
        if value not in allowed:
            raise ValueError(
                f"{where}: {name}: {shortened(value)}; expected one of {', '.join(allowed)}"
            )
    speed = cells.get("mean_speed_mps")
    try:
        mean_speed = float(speed) if speed else None
    except ValueError:
        raise ValueError(
            f"{where}: mean_speed_mps: {shortened(speed)}; expected a number"
        ) from None
    return IndexRow(
        path=path.parent / cells["file"],
        caption=cells["caption"],
        action=cells.get("action", ""),
        full_root=root == "full",
        mean_speed=mean_speed,
        source=cells.get("source", ""),
        licence=cells.get("licence", ""),
        split=split,
    )
