"""What every command of ours shares: how it ends, how it refuses, and how it shows progress.

Importing this module does not load pygame or the simulation, so that a command that refuses is
quick.
"""

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from pydantic import ValidationError

from entities.scene import explain

Progress = Callable[[int, int], None]
"""Called with how much is done, and of how much in all."""


class UserError(Exception):
    """Something the user can put right; the message is one line."""


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


def parse_size(text: str) -> tuple[int, int]:
    """``1280x720`` as numbers. Raises ValueError for anything else."""
    found = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text)
    if found is None:
        raise ValueError(f"--size: {text!r}; expected WIDTHxHEIGHT, such as 1280x720")
    return int(found[1]), int(found[2])


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Progress | None]:
    """A bar on stderr with the time left; None when quiet or when stderr is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    columns = BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    # Whole films can be what is counted, and the next one is minutes away.
    bar = Bar(*columns, console=console, refresh_per_second=4, speed_estimate_period=600.0)
    with bar:
        task = bar.add_task("", total=None)

        def show(done: int, total: int) -> None:
            if bar.tasks[0].total is None:  # what was there before says nothing of the speed
                bar.reset(task, total=total, completed=done)
            else:
                bar.update(task, completed=done)

        yield show


@contextmanager
def counting_bar(noun: str, quiet: bool, total: int = 100) -> Iterator[Progress]:
    """A bar on stderr that names what it counts; it shows nothing when quiet or in a file.

    total: shown until the first call says what there is in all.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = BarColumn(), MofNCompleteColumn(), TextColumn(f"{noun},"), TimeRemainingColumn()
    with Bar(*columns, console=console, disable=quiet or not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield lambda done, of: bar.update(task, completed=done, total=of)


def run_command(command: typer.Typer) -> None:
    """Run a command and exit. A user's error is one line on stderr and exit code 2."""
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    # A polite kill unwinds like Ctrl-C does, so that no unfinished file is left.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    # click's UsageError by way of typer: click itself is not a dependency of ours.
    usage_error = typer.BadParameter.__mro__[1]
    try:
        sys.exit(command(standalone_mode=False))
    except UserError as error:
        line = str(error)
    except usage_error as error:
        line = error.format_message()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    print("stride: " + " ".join(line.split()), file=sys.stderr)
    sys.exit(2)
