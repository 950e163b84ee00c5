"""Files and folders that have their name only once they are whole, and the right to write them."""

import errno
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

PIPE_WAIT_S = 5.0
"""How long a named pipe that nobody reads is waited for."""
LOCKED_BYTE = 1 << 30
"""The byte of a file that is locked on Windows: nobody reads it, so it is beyond the content."""
_numbers = count()


def write_whole(path: str | Path, content: bytes | str) -> None:
    """Write under a temporary name, then rename; text is written as UTF-8.

    Raises OSError naming the file, and then leaves the one that was there.
    """
    data = content.encode() if isinstance(content, str) else content
    with whole(path) as part:
        part.write_bytes(data)


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """A temporary name beside ``path`` for a file, or a folder, that is to be there as a whole.

    What stands under it when the block ends takes the place of a file or an empty folder at
    ``path``; if the block raises it is removed. Where ``path`` is a link, what it leads to is
    written. A device or a pipe, such as /dev/stdout, is sent the content at the end. An OSError
    that names the temporary file, or none, names ``path`` instead.
    """
    path = Path(path)
    part = None
    try:
        check_target(path)
        if _is_stream(path):
            with tempfile.TemporaryDirectory() as spare:
                part = Path(spare, "content")
                yield part
                _send(part, path)
            return
        target = Path(os.path.realpath(path))
        # Short, so that it fits wherever the name itself does.
        part = target.with_name(f".{os.getpid()}-{next(_numbers)}.part")
        try:
            yield part
            if part.is_dir() and target.is_dir():
                target.rmdir()  # an empty one, or the system refuses
            os.replace(part, target)
        finally:
            _remove(part)
    except OSError as error:
        if error.filename is None or (part and Path(str(error.filename)).is_relative_to(part)):
            named = OSError(error.errno, error.strerror or str(error), str(path))
            raise named.with_traceback(error.__traceback__) from None
        raise


def check_target(path: str | Path) -> None:
    """Raises OSError naming ``path`` if nothing can be written there: found out before any work."""
    try:
        mode = os.stat(path).st_mode  # of what a link leads to
    except FileNotFoundError:
        target = Path(os.path.realpath(path))
        if not target.parent.is_dir():
            kind = errno.ENOTDIR if target.parent.exists() else errno.ENOENT
            raise OSError(kind, os.strerror(kind), str(path)) from None
        mode = 0
    target = Path(os.path.realpath(path))
    if not target.name:  # the root of all folders
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if len(os.fsencode(target.name)) > 255:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), str(path))
    if stat.S_ISSOCK(mode):
        raise OSError(errno.EINVAL, "a socket; expected a file's name", str(path))
    if not _is_stream(Path(path)) and not os.access(target.parent, os.W_OK | os.X_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def take_lock(handle: int) -> bool:
    """Lock an open file for this process until it is closed; False if another process has it."""
    try:
        import fcntl
    except ImportError:
        import msvcrt

        os.lseek(handle, LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_stream(path: Path) -> bool:
    """Whether a file cannot be replaced: a device, a pipe, or one that is open already."""
    if os.path.abspath(path).startswith(("/dev/fd/", "/dev/std", "/proc/")):
        return True
    return path.exists() and not (path.is_file() or path.is_dir())


def _send(content: Path, path: Path) -> None:
    """Copy a file's bytes into a device or a pipe."""
    if content.is_dir():
        raise IsADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
    flags = os.O_WRONLY | getattr(os, "O_NONBLOCK", 0)  # without a reader, a pipe opens never
    until = time.monotonic() + PIPE_WAIT_S
    while True:
        try:
            handle = os.open(path, flags)
            break
        except OSError as error:
            if error.errno != errno.ENXIO or not path.is_fifo():
                raise
            if time.monotonic() > until:
                raise OSError(errno.ENXIO, "a pipe that nobody reads", str(path)) from None
        time.sleep(0.02)
    if hasattr(os, "O_NONBLOCK"):
        os.set_blocking(handle, True)
    with os.fdopen(handle, "wb") as stream, content.open("rb") as source:
        shutil.copyfileobj(source, stream)


def _remove(part: Path) -> None:
    if part.is_dir():
        shutil.rmtree(part)
    else:
        part.unlink(missing_ok=True)
