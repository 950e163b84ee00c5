"""Tables of figures that are checked against their ranges: printed, or written as a page."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from entities.atomic_write import write_whole

console = Console()
UNLIMITED = 10_000
"""Letters of a line that goes to no terminal."""
FRAME = 3
"""Letters between two columns."""
SAME_SHARE, SAME = 0.05, 0.01
"""A model in 8 bits may change a figure by this share of it, or by this much."""


@dataclass(slots=True)
class Section:
    """One table, and which of its figures miss their range."""

    title: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    misses: list[str] = field(default_factory=list)

    def check(
        self, metric: str, where: str, value: float, low: float = -np.inf, high: float = np.inf
    ) -> None:
        """Note a miss where a figure is outside its range, or not a number."""
        if not low <= value <= high:
            wanted = f"<= {high:g}" if low == -np.inf else f">= {low:g}"
            if low != -np.inf and high != np.inf:
                wanted = f"{low:g} to {high:g}"
            self.misses.append(f"{metric}, {where}: {value:.4g} (wanted {wanted})")

    def check_same(
        self, metrics: Sequence[str], rows: dict[str, tuple[float, ...]], what: str = ""
    ) -> None:
        """Check the figures of the second row of ``rows`` against those of the first."""
        (_, whole), (name, coarse) = list(rows.items())[:2]
        for metric, one, other in zip(metrics, whole, coarse, strict=True):
            most = max(SAME_SHARE * abs(one), SAME)
            where = f"{name}{what}, beside float32's {one:.4g}"
            self.check(metric, where, other, one - most, one + most)


def show(sections: list[Section]) -> None:
    """Print the tables, then every figure that misses its range."""
    show_tables(sections)
    misses = [(section.title, miss) for section in sections for miss in section.misses]
    console.print(f"\n{len(misses)} figures miss their mark", style="bold")
    for title, miss in misses:
        console.print(f"  {title}: {miss}", highlight=False, soft_wrap=True, markup=False)


def show_tables(sections: list[Section]) -> None:
    """Print the tables and their notes."""
    for section in sections:
        # A file and a pipe have no width; in a terminal a table of many columns is cut into some
        # that fit, so that no figure is.
        room = console.width if console.is_terminal else UNLIMITED
        out = console if console.is_terminal else Console(width=UNLIMITED)
        for table in _tables(section, room):
            out.print(table)
        for note in section.notes:
            console.print(note, style="dim", soft_wrap=True, markup=False)


def _tables(section: Section, room: int) -> Iterator[Table]:
    """A section's table, or tables with the same first column, none wider than ``room`` letters."""
    rows = [tuple(map(str, row)) for row in section.rows]
    widths = [
        max([cell_len(row[k]) for row in rows] + _heading_widths(name, room))
        for k, name in enumerate(section.header)
    ]
    widths[0] = min(widths[0], max(room // 3, 8))
    first = 1
    while first == 1 or first < len(widths):
        end, used = first, FRAME + widths[0]
        while end < len(widths) and (end == first or used + FRAME + widths[end] < room):
            end, used = end + 1, used + FRAME + widths[end]
        title = section.title if first == 1 else None
        table = Table(title=title, title_justify="left")
        table.add_column(section.header[0], width=widths[0], overflow="fold")
        for k in range(first, end):
            heading = "\n".join(textwrap.wrap(section.header[k], widths[k]))
            table.add_column(heading, justify="right", width=widths[k], no_wrap=True)
        for row in rows:
            table.add_row(*map(Text, (row[0], *row[first:end])))  # no markup: a name may hold [b]
        yield table
        first = max(end, 2)


def _heading_widths(name: str, room: int) -> list[int]:
    """Of the parts of a heading that are not broken: its words, where there is little room."""
    return [cell_len(part) for part in (name.split() if room < UNLIMITED else [name])] or [1]


def write_page(path: Path, sections: list[Section], title: str, command: str) -> None:
    """Write the tables as a page of the docs, see ``as_markdown``; folders are made for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, as_markdown(sections, title, command))


def as_markdown(sections: list[Section], title: str, command: str) -> str:
    """The tables and their misses as a page that names the command that made it."""
    lines = [f"# {title}", "", f"Made by `{command}`.", ""]
    for section in sections:
        lines += [f"## {section.title}", "", f"| {' | '.join(section.header)} |"]
        lines.append(f"|{'---|' * len(section.header)}")
        lines += [f"| {' | '.join(map(str, row))} |" for row in section.rows]
        lines += ["", *(f"- {note}" for note in section.notes), ""]
        if section.misses:
            lines += ["Missed:", "", *(f"- {miss}" for miss in section.misses), ""]
    return "\n".join(lines)
