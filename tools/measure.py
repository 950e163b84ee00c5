"""``python -m tools.measure``: how real the bodies move, in tables, beside real people.

Each command prints its tables, then every figure that misses what was asked of it; ``all`` runs
the lot. The pack of real motion is looked for in ``../shared/mocap``; without it the real rows are
missing, and the tables say so.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from entities.command import refused_by_system, run_command, users_fault
from ml.measure.report import Section, console, show, write_page
from sim.evaluate import animator_tables as tables
from sim.evaluate import plots as plotting
from sim.evaluate.sources import motions_from

app = typer.Typer(
    add_completion=False, help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False
)

Markdown = Annotated[Path | None, typer.Option(help="Also write the tables to this file.")]
Plots = Annotated[Path | None, typer.Option(help="Folder for the plots (PNG).")]
Full = Annotated[bool, typer.Option("--full", help="Every ordered pair, not a sample.")]
Sample = Annotated[int, typer.Option(help="How many pairs a sample has.")]


@app.command()
def gait(markdown: Markdown = None, plots: Plots = None) -> None:
    """Steady gait at seven speeds and its cycles, beside the pack's walks and runs."""
    _show(_gait(plots), markdown)


@app.command()
def course(markdown: Markdown = None) -> None:
    """A minute of starts, stops and turns."""
    _show(tables.course_sections(), markdown)


@app.command()
def transitions(full: Full = False, sample: Sample = 400, markdown: Markdown = None) -> None:
    """Joint speed where one action takes over from another."""
    _show([tables.transition_section(full, sample)], markdown)


@app.command()
def distinct(markdown: Markdown = None) -> None:
    """How different any two actions look, and what each style does to a walk."""
    _show([tables.distinct_section(), tables.style_section()], markdown)


@app.command()
def contacts(markdown: Markdown = None) -> None:
    """Whether hands, feet, balls and seats meet where they should."""
    _show([tables.contact_section()], markdown)


@app.command()
def compare(one: str, other: str, markdown: Markdown = None) -> None:
    """Two sources side by side: procedural, mocap, mocap:SOURCE, a dataset's folder, a .bvh or a
    scene's .json file."""
    pair = tables.gait_tables(f"{one} and {other}")
    damage: list[str] = []
    with users_fault():
        found = [motions_from(source, damage) for source in (one, other)]
    for of_source in found:
        for name, motions in of_source.items():
            tables.add_gait(pair, name, motions)
    _show(list(pair), markdown)
    for line in dict.fromkeys(damage):
        print(line, file=sys.stderr)
    if damage:
        raise typer.Exit(1)


@app.command(name="all")
def everything(
    full: Full = False,
    sample: Sample = 400,
    markdown: Markdown = None,
    plots: Plots = None,
) -> None:
    """Every table, one after the other."""
    made = _gait(plots)
    made += [
        *tables.course_sections(),
        tables.transition_section(full, sample),
        tables.distinct_section(),
        tables.style_section(),
        tables.contact_section(),
    ]
    _show(made, markdown)


def _gait(plots: Path | None) -> list[Section]:
    if plots is not None:
        with users_fault():
            plotting.figure_class()  # refused before the work, not after it
    steady, by_speed = tables.gait_sections()
    fit, means = tables.cycle_section(by_speed)
    if plots is not None:
        with refused_by_system():
            paths = plotting.draw_gait(plots, by_speed, means)
        for path in paths:
            console.print(f"wrote {path}", highlight=False)
    return [*steady, fit]


def _show(sections: list[Section], markdown: Path | None) -> None:
    show(sections)
    if markdown is not None:
        with refused_by_system():
            write_page(markdown, sections, "How real the bodies move", "python -m tools.measure")


if __name__ == "__main__":
    run_command(app)
