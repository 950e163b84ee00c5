"""How every command of ours ends: a user's error is one line on stderr and exit code 2.

Importing this module loads neither pygame nor the simulation, so that a command that refuses is
quick.
"""

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from pydantic import ValidationError

from entities.errors import UserError
from entities.scene import explain

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Errors of whatever stdout leads to."""
BROKEN_PIPE = 128 + 13
"""Exit code, as the shell has it for SIGPIPE."""


@contextmanager
def users_fault() -> Iterator[None]:
    """Wraps the reading and checking of what the user gave.

    A ValueError, pydantic ValidationError or OSError inside becomes a UserError.
    """
    try:
        with refused_by_system():
            yield
    except ValidationError as error:
        raise UserError(explain(error)) from error
    except ValueError as error:
        raise UserError(str(error)) from error


@contextmanager
def refused_by_system() -> Iterator[None]:
    """Wraps the writing of files: an OSError inside becomes a UserError.

    A ValueError here is a bug of ours and keeps its traceback.
    """
    try:
        yield
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise UserError(where + (error.strerror or str(error))) from error


@contextmanager
def extra_imports(extra: str, module: str) -> Iterator[None]:
    """Wraps imports of packages that come with an optional extra.

    module: the importing one's ``__name__``. Run as a command it ends with one line and exit code
    2 if a package is missing; imported by another module it raises ImportError with that line.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        line = (
            f"{error.name} is not installed; expected the extra {extra!r}: "
            f"pip install 'stride-sim[{extra}]'"
        )
        if module != "__main__":
            raise ImportError(line, name=error.name) from error
        print(f"stride: {line}", file=sys.stderr)
        sys.exit(2)


def _drop_stdout() -> None:
    """Forget what is printed and cannot be written, so that the end of the process does not try."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run_command(command: typer.Typer) -> None:
    """Run a command and exit. A user's error is one line on stderr and exit code 2."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    # A polite kill unwinds like Ctrl-C does, so that no unfinished file is left.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    # click's UsageError by way of typer: click itself is not a dependency of ours.
    usage_error = typer.BadParameter.__mro__[1]
    try:
        code = command(standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code)
    except UserError as error:
        line = str(error)
    except usage_error as error:
        line = error.format_message()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:  # whoever reads what is printed has enough, such as head
        _drop_stdout()
        sys.exit(BROKEN_PIPE)
    except OSError as error:
        if error.errno not in FULL or error.filename is not None:
            raise
        line = f"what is printed: {error.strerror}"  # every other file is named
    _drop_stdout()
    print("stride: " + " ".join(line.split()), file=sys.stderr)
    sys.exit(2)
