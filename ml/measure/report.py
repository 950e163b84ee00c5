"""Tables of figures that are checked against their ranges: printed, or written as a page."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

console = Console()
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
        console.print(f"  {title}: {miss}", highlight=False, soft_wrap=True)


def show_tables(sections: list[Section]) -> None:
    """Print the tables and their notes."""
    for section in sections:
        table = Table(title=section.title, title_justify="left")
        for k, name in enumerate(section.header):
            table.add_column(name, justify="left" if k == 0 else "right")
        for row in section.rows:
            table.add_row(*map(str, row))
        console.print(table)
        for note in section.notes:
            console.print(note, style="dim", soft_wrap=True)


def write_page(path: Path, sections: list[Section], title: str, command: str) -> None:
    """Write the tables as a page of the docs, see ``as_markdown``; folders are made for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_markdown(sections, title, command), encoding="utf-8")


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
