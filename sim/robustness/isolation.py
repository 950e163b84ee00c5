"""Work in a process of its own: bounded in time and memory, its output kept, however it ends.

A child is forked from a process that has imported everything already, so that a command costs some
tens of milliseconds, not a second. It may hang in native code, be killed or use up all memory: the
parent only sees how it ended.
"""

import faulthandler
import io
import mmap
import multiprocessing
import os
import pickle
import resource
import runpy
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ADDRESS_SPACE = 16 << 30
"""Bytes a child may map: far more than it is allowed to use, far less than stops the machine."""
FILE_SIZE = 4 << 30
"""Bytes a file may grow to."""
GRACE_S = 3.0
"""For the processes that a command has started to end after it."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended; ``code`` is its exit code, or minus the signal that killed it."""

    code: int
    hung: bool  # it was killed because its time was over
    out: str
    err: str
    value: Any  # what its work returned; None if it did not
    seconds: float
    cpu_s: float  # of it and of what it has waited for; less than seconds where others compute, too
    peak_mb: float  # memory beyond what it was forked with
    left_behind: bool  # what it had started lived on without it

    def what(self) -> str:
        """In a few words, with the line of stderr that says most."""
        lines = self.err.strip().splitlines() or [""]
        if self.hung:
            return f"hangs: stopped after {self.seconds:.0f} s"
        if self.code < 0:
            return f"killed by {signal.Signals(-self.code).name}: {lines[0]}"
        return f"exit {self.code}: {lines[-1]}"


class Child:
    """A forked process that does one piece of work."""

    def __init__(self, work: Callable[[], Any], limit_s: float, cwd: Path | None = None) -> None:
        """limit_s: after which it is killed, with all that it has started."""
        self._limit_s = limit_s
        self._out, self._err, self._answer = (_file() for _ in range(3))
        self._base = mmap.mmap(-1, 8)  # KB the child begins with: shared, so that it can say
        self._started = time.monotonic()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _be_child(work, self._out, self._err, self._answer, self._base, cwd)
        with suppress(OSError):  # the child does it, too: whoever is first
            os.setpgid(self.pid, self.pid)
        self.handle = os.pidfd_open(self.pid)

    def left_s(self) -> float:
        """Time it still has."""
        return self._started + self._limit_s - time.monotonic()

    def kill(self) -> None:
        """Kill it alone, as another process would; what it has started may live on."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> Ended:
        """Wait until it has ended or its time is over."""
        ready = select.poll()
        ready.register(self.handle, select.POLLIN)
        hung = not ready.poll(max(0.0, 1e3 * self.left_s()))
        if hung:
            self._end_group()
        _, status, used = os.wait4(self.pid, 0)
        seconds = time.monotonic() - self._started
        os.close(self.handle)
        left_behind = not self._group_ends()
        value = pickle.loads(data) if (data := _read(self._answer)) else None
        return Ended(
            os.waitstatus_to_exitcode(status),
            hung,
            _read(self._out).decode(errors="replace"),
            _read(self._err).decode(errors="replace"),
            value,
            seconds,
            used.ru_utime + used.ru_stime,
            max(0, used.ru_maxrss - int.from_bytes(self._base[:8], "little")) / 1024,
            left_behind,
        )

    def _end_group(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def _group_ends(self) -> bool:
        """Whether what the child had started ends with it, soon; if not, it is ended."""
        over = time.monotonic() + GRACE_S
        while time.monotonic() < over:
            try:
                os.killpg(self.pid, 0)
            except ProcessLookupError:
                return True
            time.sleep(0.02)
        self._end_group()
        return False


def isolated(work: Callable[[], Any], limit_s: float, cwd: Path | None = None) -> Ended:
    """Do a piece of work in a child. cwd: the working folder it does it in."""
    return Child(work, limit_s, cwd).wait()


def command(module: str, *arguments: object) -> Callable[[], None]:
    """The work of a command of ours, as ``python -m module arguments`` does it."""

    def work() -> None:
        sys.argv = [module, *map(str, arguments)]
        sys.modules.pop(module, None)  # runpy warns of a module that is loaded under its own name
        fork = multiprocessing.get_context("fork")
        # Workers are forked as the command was: to start them afresh takes longer than all they do.
        multiprocessing.get_context = lambda method=None: fork
        runpy.run_module(module, run_name="__main__", alter_sys=True)

    return work


def resident_kb() -> int:
    """Memory of this process that is in use now, in KB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() // 1024


def _be_child(
    work: Callable[[], Any],
    out: IO[bytes],
    err: IO[bytes],
    answer: IO[bytes],
    base: mmap.mmap,
    cwd: Path | None,
) -> None:
    """Do the work and end, never to return."""
    code = 1
    try:
        os.setpgid(0, 0)
        base[:8] = resident_kb().to_bytes(8, "little")
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        sys.stdout = sys.__stdout__ = io.TextIOWrapper(open(1, "wb", closefd=False))  # noqa: SIM115, as long as the process
        sys.stderr = sys.__stderr__ = io.TextIOWrapper(
            open(2, "wb", closefd=False),  # noqa: SIM115, as long as the process
            errors="backslashreplace",
            line_buffering=True,
        )
        faulthandler.enable(2)  # a native crash says where
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_SIZE, FILE_SIZE))
        if cwd is not None:
            os.chdir(cwd)
        value = work()
        if value is not None:
            answer.write(pickle.dumps(value))
            answer.flush()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(Exception):  # such as a full disk: the code says enough
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _file() -> IO[bytes]:
    return tempfile.TemporaryFile()


def _read(file: IO[bytes]) -> bytes:
    with file:
        file.seek(0)
        return file.read()
