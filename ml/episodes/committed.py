"""The files of a dataset as they are committed, read without writing and within bounds.

A commit that has been decided but not carried out (see ``ml.episodes.commit``) is seen through its
journal: what is staged is read in place of what it will replace. A dataset may be damaged, or come
from a stranger, so a file is read only if it is one, lies in the dataset and is no larger than what
is written. What is wrong is a ``Damaged`` that names the file; whoever works through many files may
go on after it.
"""

import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from entities.files import decode_text, parse_json, read_json, shortened
from ml.episodes.commit import JOURNAL, link_on_the_way, read_journal, staged
from ml.episodes.layout import MAX_LETTERS, MAX_SCENE_LINE_BYTES, SCENES, Column

MAX_COLUMNS, MAX_ROW_GROUPS = 10_000, 1_000_000
"""Of a Parquet file; an episodes table has some 300 columns."""
MAX_TABLE_BYTES = 512 << 20
"""Of the columns of a table that is read whole, in memory."""
SCAN_BYTES = 1 << 20

Read = TypeVar("Read")


class Damaged(ValueError):
    """A file of a dataset that is not as it was written; the message names it."""


class Committed:
    """What is committed in a folder, when this is made or, of files that never change, later."""

    def __init__(self, root: Path) -> None:
        """Raises ValueError for a journal that no commit of ours wrote."""
        self.root = root
        self.journal = read_journal(root)

    def holds(self, name: str) -> bool:
        """Whether there is such a file."""
        return any(path.exists() for path in self._places(name))

    def read(self, name: str, how: Callable[[Path], Read]) -> Read:
        """What ``how`` makes of a file. Raises Damaged naming the file."""
        for path in self._places(name):
            link = link_on_the_way(self.root, str(path.relative_to(self.root)))
            if link is not None:
                raise Damaged(f"{link}: a link; expected a file of the dataset itself")
            try:
                if not stat.S_ISREG(path.stat().st_mode):
                    raise Damaged(f"{path}: not a file; expected one")
                return how(path)
            except FileNotFoundError:
                continue  # put in place a moment ago
            except OSError as error:
                raise Damaged(f"{path}: {error.strerror or _first_line(error)}") from None
        raise Damaged(f"{self.root / name}: missing")

    def json(self, name: str) -> dict[str, Any]:
        """A JSON object. Raises Damaged."""

        def how(path: Path) -> dict[str, Any]:
            with _damage():
                value = read_json(path)
            if not isinstance(value, dict):
                raise Damaged(f"{path}: expected an object")
            return value

        return self.read(name, how)

    def table(
        self,
        name: str,
        columns: dict[str, type],
        most_rows: int,
        absent: dict[str, int] | None = None,
    ) -> "Table":
        """These columns of a table, whole. Raises Damaged.

        columns: str, int, float, or list for lists of one text. most_rows: it may have. absent:
        values of columns of numbers that a table of an earlier version lacks.
        """
        return self.read(name, lambda path: Table(path, columns, most_rows, absent or {}))

    def parquet(self, name: str) -> pq.ParquetFile:
        """A Parquet file, opened. Raises Damaged."""
        return self.read(name, open_parquet)

    def _places(self, name: str) -> list[Path]:
        """Where a file's committed version may be, the likeliest first."""
        places = [self.root / name]
        if self.pending and name in self.journal.moves:
            places.insert(0, staged(self.root, name))
        return places

    @property
    def pending(self) -> bool:
        """Whether the commit that was seen has not been carried out yet."""
        return self.journal is not None and read_journal(self.root) == self.journal


def signature(root: Path, *names: str) -> list[object]:
    """What differs after a commit has been decided, or has put one of these files in place."""
    marks: list[object] = [read_journal(root)]
    for name in names:
        try:
            facts = (root / name).stat()
            marks.append((facts.st_ino, facts.st_mtime_ns, facts.st_size))
        except OSError:
            marks.append(None)
    return marks


class SceneLines:
    """The committed lines of ``scenes.jsonl``, each found without reading the others again."""

    def __init__(self, files: Committed, n_bytes: int) -> None:
        """n_bytes: of all of them. Raises Damaged for a journal that has another number."""
        self._files, self._n_bytes = files, n_bytes
        self.path = files.root / SCENES
        if files.pending:
            coming = staged(files.root, SCENES)
            name = str(coming.relative_to(files.root))
            added = files.read(name, lambda path: path.stat().st_size)
            if files.journal.length + added != n_bytes:
                raise Damaged(
                    f"{coming.with_name(JOURNAL)}: length: {files.journal.length}, to which "
                    f"{added} bytes come; expected {n_bytes} in all"
                )

    @cached_property
    def _ends(self) -> np.ndarray:
        """One past each line's end, in bytes."""
        ends = [
            first + 1 + np.flatnonzero(np.frombuffer(part, np.uint8) == ord("\n"))
            for first in range(0, self._n_bytes, SCAN_BYTES)
            if (part := self._bytes(first, min(first + SCAN_BYTES, self._n_bytes)))
        ]
        return np.concatenate([np.zeros(0, np.int64), *ends])

    def __len__(self) -> int:
        """Number of lines that are there, whole."""
        return len(self._ends)

    def json(self, index: int) -> dict[str, Any]:
        """The object of a line. Raises Damaged naming file and line."""
        where = f"{self.path}:{index + 1}"
        if index >= len(self):
            raise Damaged(f"{self.path}: ends after line {len(self)}; expected line {index + 1}")
        first, end = self._ends[index - 1] if index else 0, self._ends[index]
        if end - first > MAX_SCENE_LINE_BYTES:
            raise Damaged(f"{where}: longer than {MAX_SCENE_LINE_BYTES >> 20} MiB")
        with _damage():
            value = parse_json(decode_text(self._bytes(int(first), int(end)), where), where)
        if not isinstance(value, dict):
            raise Damaged(f"{where}: expected an object")
        return value

    def _bytes(self, first: int, end: int) -> bytes:
        """A part of the committed bytes; less of them where the file is cut short."""
        files = self._files
        if files.pending:
            split = files.journal.length
            try:
                there = self._slice(self.path, first, min(end, split))
                coming = staged(files.root, SCENES)
                return there + self._slice(coming, max(first, split) - split, end - split)
            except Damaged:
                if files.pending:
                    raise  # or a writer has just put it in place
        return self._slice(self.path, first, end)

    def _slice(self, path: Path, first: int, end: int) -> bytes:
        if first >= end:
            return b""

        def how(place: Path) -> bytes:
            with place.open("rb") as file:
                file.seek(first)
                return file.read(end - first)

        return self._files.read(str(path.relative_to(self._files.root)), how)


class Table:
    """A table that has been read whole: texts, numbers and lists of one text, none missing."""

    def __init__(
        self, path: Path, columns: dict[str, type], most_rows: int, absent: dict[str, int]
    ) -> None:
        """Raises Damaged for a file that does not have these columns, or more rows."""
        self.path = path
        file = open_parquet(path)
        facts, schema = file.metadata, file.schema_arrow
        if facts.num_rows > most_rows:
            raise Damaged(f"{path}: {facts.num_rows} rows; expected {most_rows} at most")
        self.metadata = schema.metadata or {}
        absent = {name: absent[name] for name in absent.keys() - set(schema.names)}
        columns = {name: kind for name, kind in columns.items() if name not in absent}
        for name, kind in columns.items():
            index = schema.get_field_index(name)  # -1 where it is there twice, too
            if index < 0:
                raise Damaged(f"{path}: column {name}: missing, or there twice")
            came = schema.field(index).type
            if not _is(came, kind):
                raise Damaged(
                    f"{path}: column {name}: {shortened(str(came))}; expected {_WORDS[kind]}"
                )
        leaves = [facts.schema.column(i) for i in range(facts.num_columns)]
        wanted = [i for i, leaf in enumerate(leaves) if leaf.path.split(".")[0] in columns]
        size = sum(
            facts.row_group(g).column(i).total_uncompressed_size
            for g in range(facts.num_row_groups)
            for i in wanted
        )
        if size > MAX_TABLE_BYTES:
            raise Damaged(f"{path}: {size} bytes; expected {MAX_TABLE_BYTES} at most")
        texts = [leaves[i].path for i in wanted if leaves[i].physical_type == "BYTE_ARRAY"]
        with _unreadable(path):
            table = open_parquet(path, texts).read(columns=list(columns))
            table.validate(full=True)
        self.n_rows, self.n_bytes = len(table), table.nbytes
        self.columns = {name: self._values(table[name], name, columns[name]) for name in columns}
        self.columns |= {name: np.full(len(table), value) for name, value in absent.items()}

    def _values(self, column: pa.ChunkedArray, name: str, kind: type) -> Any:
        """A NumPy array of numbers, or a list of texts."""
        if column.null_count:
            raise Damaged(f"{self.path}: column {name}: a value is missing")
        with _unreadable(self.path):
            if kind in (int, float):
                values = column.to_numpy().astype(np.int64 if kind is int else np.float64)
                if not np.isfinite(values).all():
                    raise Damaged(f"{self.path}: column {name}: not finite")
                return values
            if kind is list:
                lengths = np.concatenate(
                    [np.diff(chunk.offsets.to_numpy()) for chunk in column.chunks] or [[1]]
                )
                if (lengths != 1).any():
                    raise Damaged(f"{self.path}: column {name}: expected lists of one text")
                column = pa.chunked_array(
                    [chunk.flatten() for chunk in column.chunks], column.type.value_type
                )
                return self._values(column, name, str)
            return self._texts(column, name)

    def _texts(self, column: pa.ChunkedArray, name: str) -> list[str]:
        """Texts, whose sizes are looked at before they are made: few bytes may say many of them."""
        total = 0
        for chunk in column.chunks:
            whole = pa.types.is_dictionary(chunk.type)
            lengths = pc.binary_length(chunk.dictionary if whole else chunk).to_numpy()
            if whole:
                lengths = lengths[chunk.indices.to_numpy()]
            if (lengths > 4 * MAX_LETTERS).any():
                raise Damaged(f"{self.path}: column {name}: more than {MAX_LETTERS} letters")
            total += int(lengths.sum(dtype=np.int64))
        self.n_bytes += total
        if total > MAX_TABLE_BYTES:
            raise Damaged(f"{self.path}: column {name}: {total} bytes of text")
        texts = column.to_pylist()
        for i, text in enumerate(texts):
            if len(text) > MAX_LETTERS or "\0" in text:
                raise Damaged(
                    f"{self.path}: column {name}: row {i}: {shortened(text)}; expected text of "
                    f"{MAX_LETTERS} letters at most, without NUL"
                )
        return texts


_WORDS = {int: "whole numbers", float: "numbers", str: "texts", list: "lists of texts"}


def _is(came: pa.DataType, kind: type) -> bool:
    if kind is int:
        return pa.types.is_signed_integer(came)
    if kind is float:
        return pa.types.is_float32(came) or pa.types.is_float64(came)
    if kind is list:
        return pa.types.is_list(came) and _is(came.value_type, str)
    if pa.types.is_dictionary(came):
        return _is(came.value_type, str) and pa.types.is_int32(came.index_type)
    return pa.types.is_string(came)


def open_parquet(path: Path, texts: Iterable[str] = ()) -> pq.ParquetFile:
    """A Parquet file whose pages are checked as they are read. Raises Damaged.

    texts: leaves to be kept as dictionaries, which are small however often a text comes.
    """
    with _unreadable(path):
        source = pa.OSFile(str(path))
        file = pq.ParquetFile(
            source, read_dictionary=list(texts) or None, page_checksum_verification=True
        )
        facts = file.metadata
        str(file.schema_arrow)  # names that are no text are refused here
    if facts.num_columns > MAX_COLUMNS or facts.num_row_groups > MAX_ROW_GROUPS:
        raise Damaged(
            f"{path}: {facts.num_columns} columns in {facts.num_row_groups} groups of rows; "
            f"expected {MAX_COLUMNS} in {MAX_ROW_GROUPS} at most"
        )
    rows = [facts.row_group(i).num_rows for i in range(facts.num_row_groups)]
    if min(rows, default=0) < 0 or sum(rows) != facts.num_rows:
        raise Damaged(f"{path}: its groups of rows do not add up to {facts.num_rows}")
    return file


def check_column(path: Path, schema: pa.Schema, column: Column) -> None:
    """Raises Damaged unless a data file has a column as it is written."""
    index = schema.get_field_index(column.name)
    if index < 0:
        raise Damaged(f"{path}: column {column.name}: missing, or there twice")
    came = schema.field(index).type
    kind = pa.from_numpy_dtype(np.dtype(column.dtype))
    if column.width > 1:
        fits = pa.types.is_fixed_size_list(came) and came.list_size == column.width
        fits = fits and came.value_type == kind
    else:
        fits = came == kind
    if not fits:
        wanted = column.dtype if column.width == 1 else f"{column.width} of {column.dtype} a frame"
        raise Damaged(f"{path}: column {column.name}: {shortened(str(came))}; expected {wanted}")


def read_groups(
    path: Path, file: pq.ParquetFile, groups: list[int], columns: Iterable[Column]
) -> dict[str, np.ndarray]:
    """Columns of groups of rows, by name, each (N, …). Raises Damaged."""
    columns = list(columns)
    with _unreadable(path):
        table = file.read_row_groups(groups, columns=[column.name for column in columns])
        table.validate()
        found = {}
        for column in columns:
            came = table[column.name]
            flat = came.chunks if column.width == 1 else [c.flatten() for c in came.chunks]
            n = sum(map(len, flat))
            if came.null_count or any(c.null_count for c in flat) or n != column.width * len(table):
                raise Damaged(f"{path}: column {column.name}: a value is missing")
            found[column.name] = column.from_arrow(came)
    return found


@contextmanager
def _damage() -> Iterator[None]:
    """A ValueError of a reader, which names the file already, becomes Damaged."""
    try:
        yield
    except ValueError as error:
        raise Damaged(str(error)) from None


@contextmanager
def _unreadable(path: Path) -> Iterator[None]:
    """What Arrow says of a file becomes Damaged naming it; a missing file stays one."""
    try:
        yield
    except (Damaged, FileNotFoundError):
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        raise Damaged(f"{path}: not as Parquet was written: {_first_line(error)}") from None


def _first_line(error: BaseException) -> str:
    words = str(error).split("\n")[0].strip()
    return words[:200] or type(error).__name__
