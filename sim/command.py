"""What commands share beside how they end: sizes of pictures, and how progress is shown.

Importing this module does not load pygame or the simulation, so that a command that refuses is
quick.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[int, int], None]
"""Called with how much is done, and of how much in all."""


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
