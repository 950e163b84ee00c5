"""Tables are readable wherever they are printed, and written as a whole."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from ml.measure import report
from ml.measure.report import Section, show_tables, write_page

HEADER = ("source", "clips", "s", "m/s", "skate, source", "skate, episode", "out of plane", "whips")
ROWS = [
    ("cmu", "12", "345", "1.29", "0.2759", "0.0004", "12.5%", "0.0%"),
    ("[b]a source[/] of a long, long name", "3", "1", "0.05", "0.1", "0.2", "100.0%", "0.1%"),
]


def printed(monkeypatch, width: int | None) -> str:
    """What a terminal of so many letters shows; a pipe for None."""
    out = io.StringIO()
    if width is None:
        monkeypatch.setattr("sys.stdout", out)
        monkeypatch.setattr(report, "console", Console())
    else:
        monkeypatch.setattr(report, "console", Console(file=out, width=width, force_terminal=True))
    show_tables([Section("By source", HEADER, list(ROWS), ["a [note]"])])
    return re.sub(r"\x1b\[[\d;]*m", "", out.getvalue())


@pytest.mark.parametrize("width", [30, 50, 80, 120, 300, None])
def test_no_figure_is_cut(monkeypatch, width):
    text = printed(monkeypatch, width)
    assert "…" not in text
    for row in ROWS:
        for cell in row[1:]:
            assert re.search(rf" {re.escape(cell)} │", text), cell
    for word in ["clips", "m/s", "skate,", "source", "episode", "out", "of", "plane", "whips"]:
        assert re.search(rf" {re.escape(word)} ", text), word
    lines = [line for line in text.splitlines() if line[:1] in "┏┃┡│└"]
    assert max(map(len, lines)) <= (width or 10_000)
    assert "a [note]" in text
    if width in (300, None):
        assert sum(line.startswith("┏") for line in lines) == 1
        assert "[b]a source[/] of a long, long name" in text


def test_a_section_without_rows_or_figures_is_shown(monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(report, "console", Console(file=out, width=40, force_terminal=True))
    show_tables([Section("Nothing", ("name", "n")), Section("Names", ("name",), [("one",)])])
    assert "Nothing" in out.getvalue()
    assert "one" in out.getvalue()


def test_a_page_is_written_as_a_whole(tmp_path):
    page = tmp_path / "docs" / "page.md"
    write_page(page, [Section("By source", HEADER, list(ROWS))], "Motion", "python -m x")
    assert "| cmu | 12 | 345 |" in page.read_text()
    with pytest.raises(OSError, match="No space"):
        write_page(Path("/dev/full"), [], "Motion", "x")
