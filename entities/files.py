"""Files from outside: text and JSON within bounds, refused in one line that says file and line.

Everything that a user or a stranger wrote is read with these: scene files, lists of shots, scripts,
captions, motion capture, the JSON of datasets. A byte-order mark is no part of the text. Lines end
with a line feed, with or without a carriage return, and with nothing else: U+2028, U+0085 and form
feeds are letters that a JSON string may hold.
"""

import codecs
import errno
import json
import os
import re
import select
import stat
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

MAX_TEXT_BYTES = 64 << 20
"""The largest text file, unless its reader says otherwise."""
MAX_JSON_BYTES = 16 << 20
"""The largest JSON document: parsed, the worst of this size takes 900 MB."""
MAX_JSON_DEPTH = 64
"""Objects and lists within one another; a scene has 6."""
MAX_DIGITS = 400
"""Letters of a number: the largest double has 309 digits."""
PIPE_WAIT_S = 5.0
"""How long a named pipe that nobody writes to is waited for."""

_LINE_END = re.compile("\r\n?|\n")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"\[\]{},:]+', re.DOTALL)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def read_bytes(path: str | Path, most_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """A file's content.

    Raises ValueError naming the file if it is larger, OSError if it cannot be read.
    """
    with _opened(path) as file:
        return _within(file.read(most_bytes + 1), most_bytes, path)


def read_text(path: str | Path, most_bytes: int = MAX_TEXT_BYTES) -> str:
    """A text file's content, UTF-8 or, with its byte-order mark, UTF-16; without the mark.

    Raises ValueError naming file and line for a file that is too large or no text, OSError if it
    cannot be read.
    """
    return decode_text(read_bytes(path, most_bytes), str(path))


def decode_text(data: bytes, where: str) -> str:
    """Text of bytes, as ``read_text``; where: the file, for people. Raises ValueError likewise."""
    if data.startswith(_UTF16):
        try:
            text = data.decode("utf-16")
        except UnicodeDecodeError:
            raise ValueError(f"{where}: not UTF-16 text, as its byte-order mark says") from None
    else:
        data = data.removeprefix(codecs.BOM_UTF8)
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            at, byte = data.count(b"\n", 0, error.start) + 1, data[error.start]
            raise ValueError(f"{where}: line {at}: byte 0x{byte:02x} is not UTF-8 text") from None
    if "\0" in text:
        at = text.count("\n", 0, text.index("\0")) + 1
        raise ValueError(f"{where}: line {at}: a NUL letter; expected text")
    return text


def byte_lines(path: str | Path, most_bytes: int = MAX_TEXT_BYTES) -> Iterator[tuple[int, bytes]]:
    """Numbers, from 1, and bytes of a file's lines that are not blank, for ``decode_text``.

    A line's end and the file's byte-order mark are left out. They are read one by one, so a caller
    may go on after a line it cannot use. Raises ValueError for a file larger than ``most_bytes``
    or a line larger than MAX_JSON_BYTES, OSError if the file cannot be read.
    """
    with _opened(path) as file:
        first = file.readline(MAX_JSON_BYTES + 1)
        rest: Iterable[bytes] = iter(lambda: file.readline(MAX_JSON_BYTES + 1), b"")
        if first.startswith(_UTF16):
            text = decode_text(
                _within(first + file.read(most_bytes + 1), most_bytes, path), str(path)
            )
            first, *rest = text.encode().split(b"\n")
        size = 0
        for number, line in enumerate(chain([first.removeprefix(codecs.BOM_UTF8)], rest), start=1):
            if len(line) > MAX_JSON_BYTES:
                raise ValueError(f"{path}: line {number}: longer than {_size(MAX_JSON_BYTES)}")
            size += len(line)
            if size > most_bytes:
                raise ValueError(f"{path}: larger than {_size(most_bytes)}, the most that is read")
            if line.strip():
                yield number, line.rstrip(b"\r\n")


def text_lines(text: str) -> list[str]:
    """Lines of a text that people write: a carriage return alone ends one, too."""
    return _LINE_END.split(text)


def read_json(path: str | Path, most_bytes: int = MAX_JSON_BYTES) -> Any:
    """A JSON file's value. Raises as ``read_text`` and ``parse_json`` do."""
    return parse_json(read_text(path, most_bytes), str(path))


def json_lines(path: str | Path, most_bytes: int = MAX_TEXT_BYTES) -> Iterator[tuple[int, Any]]:
    """Numbers and values of a JSONL file's lines, read one by one; blank lines are left out.

    Raises as ``byte_lines`` and ``parse_json`` do, naming file and line.
    """
    for number, line in byte_lines(path, most_bytes):
        where = f"{path}:{number}"
        yield number, parse_json(decode_text(line, where), where)


def parse_json(text: str, where: str) -> Any:
    """The value of a JSON document that any program would read the same.

    where: the file, and the line of a JSONL file, for people. Raises ValueError naming it for what
    is no JSON, for a key that comes twice, NaN and infinite numbers, numbers of more than
    MAX_DIGITS letters, more than MAX_JSON_DEPTH levels, and halves of surrogate pairs.
    """
    try:
        value = _DECODER.decode(text.removeprefix("\ufeff"))
        _check_depth(value)
    except json.JSONDecodeError as error:
        at = f"line {error.lineno} column {error.colno}"
        raise ValueError(f"{where}: not JSON: {error.msg} at {at}") from None
    except RecursionError:
        raise ValueError(
            f"{where}: more than {MAX_JSON_DEPTH} levels of lists and objects"
        ) from None
    except _Unfit as unfit:
        raise ValueError(f"{where}{_line_of(unfit.token, text)}: {unfit}") from None
    if _ESCAPED_SURROGATE.search(text) or _SURROGATE.search(text):
        _check_letters(value, where)
    return value


def media_url(path: str | Path) -> str:
    """A file for FFmpeg, which would take the "http:" or "take:" of a bare name for a protocol."""
    return f"file:{path}"


def shortened(text: str, most: int = 60) -> str:
    """A text within quotes for a refusal: on one line, without control letters, cut."""
    return repr(text if len(text) <= most else text[: most - 3] + "...")


class _Unfit(Exception):
    """A token that JSON's grammar allows, or Python's reader, and that is refused all the same."""

    def __init__(self, message: str, token: str = "") -> None:
        super().__init__(message)
        self.token = token


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))
        raise _Unfit(f"key {shortened(twice)} comes twice in an object")
    return found


def _number(kind: type[int] | type[float]) -> Callable[[str], int | float]:
    def read(digits: str) -> int | float:
        if len(digits) > MAX_DIGITS:
            raise _Unfit(
                f"a number of {len(digits)} letters; expected {MAX_DIGITS} at most", digits
            )
        value = kind(digits)
        if value in (float("inf"), float("-inf")):
            raise _Unfit(
                f"{shortened(digits)} is beyond every number that a computer holds", digits
            )
        return value

    return read


def _constant(name: str) -> None:
    raise _Unfit(f"{name} is no JSON; expected a finite number", name)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_number(int),
    parse_float=_number(float),
    parse_constant=_constant,
)


def _check_depth(value: Any) -> None:
    """Raises RecursionError as the decoder does for what is nested yet deeper."""
    level = [value]
    for _ in range(MAX_JSON_DEPTH):
        level = [
            item
            for holder in level
            if isinstance(holder, dict | list)
            for item in (holder.values() if isinstance(holder, dict) else holder)
            if isinstance(item, dict | list)
        ]
        if not level:
            return
    raise RecursionError


def _check_letters(value: Any, where: str) -> None:
    """Raises ValueError for text that no UTF-8 file can hold: half of a surrogate pair."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting += [*item, *item.values()]
        elif isinstance(item, list):
            waiting += item
        elif isinstance(item, str) and _SURROGATE.search(item):
            raise ValueError(
                f"{where}: half of a surrogate pair in {shortened(item)}; expected text"
            )


def _line_of(token: str, text: str) -> str:
    """Where a token stands outside the strings of a document of several lines."""
    if token and "\n" in text.strip():
        for found in _TOKEN.finditer(text):
            if found[0] == token:
                return f": line {text.count(chr(10), 0, found.start()) + 1}"
    return ""


def _within(data: bytes, most_bytes: int, path: str | Path) -> bytes:
    if len(data) > most_bytes:
        raise ValueError(f"{path}: larger than {_size(most_bytes)}, the most that is read")
    return data


def _size(n_bytes: int) -> str:
    return f"{n_bytes >> 20} MiB" if n_bytes >> 20 else f"{n_bytes} bytes"


def _opened(path: str | Path) -> BinaryIO:
    """A file to read, or a pipe that somebody writes to. Raises OSError, ValueError."""
    if "\0" in str(path):
        raise ValueError(f"{str(path)!r}: no name of a file")
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        mode = os.fstat(handle).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if stat.S_ISFIFO(mode):
            _await_writer(handle, path)
        if hasattr(os, "O_NONBLOCK"):
            os.set_blocking(handle, True)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def _await_writer(handle: int, path: str | Path) -> None:
    """Raises ValueError for a pipe that nobody opens to write; one who writes may take long."""
    if select.select([handle], [], [], PIPE_WAIT_S)[0]:
        return
    try:
        os.read(handle, 1)
    except BlockingIOError:
        return
    raise ValueError(f"{path}: a pipe that nobody writes to")
