"""``python -m tools.measure``: how real the bodies move, in tables, beside real people.

Each command prints its tables, then every figure that misses what was asked of it; ``all`` runs
the lot. The pack of real motion is looked for in ``../shared/mocap``; without it the real rows are
missing, and the tables say so.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from entities.actions import ACTIONS
from entities.scene import load_scene
from ml.capture.retarget import import_file
from ml.episodes.reader import open_dataset
from ml.measure.metrics import Motion
from ml.measure.report import Section, console, plotting, show
from sim import simulate
from sim.evaluate import animator_tables as sections
from sim.evaluate import trials
from sim.evaluate.reconstruct import motion_of, walks_on_two_legs

app = typer.Typer(add_completion=False, help=__doc__, no_args_is_help=True)

MOSTLY = 0.8
"""Share of its frames that an episode named after an action has it."""
Markdown = Annotated[Path | None, typer.Option(help="Also write the tables to this file.")]
Plots = Annotated[Path | None, typer.Option(help="Folder for the plots (PNG).")]
Full = Annotated[bool, typer.Option("--full", help="Every ordered pair, not a sample.")]
Sample = Annotated[int, typer.Option(help="How many pairs a sample has.")]


@app.command()
def gait(markdown: Markdown = None, plots: Plots = None) -> None:
    """Steady gait at seven speeds and its cycles, beside the pack's walks and runs."""
    show(_gait(plots), markdown)


@app.command()
def course(markdown: Markdown = None) -> None:
    """A minute of starts, stops and turns."""
    show(sections.course_sections(), markdown)


@app.command()
def transitions(full: Full = False, sample: Sample = 400, markdown: Markdown = None) -> None:
    """Joint speed where one action takes over from another."""
    show([sections.transition_section(full, sample)], markdown)


@app.command()
def distinct(markdown: Markdown = None) -> None:
    """How different any two actions look, and what each style does to a walk."""
    show([sections.distinct_section(), sections.style_section()], markdown)


@app.command()
def contacts(markdown: Markdown = None) -> None:
    """Whether hands, feet, balls and seats meet where they should."""
    show([sections.contact_section()], markdown)


@app.command()
def compare(one: str, other: str, markdown: Markdown = None) -> None:
    """Two sources side by side: procedural, mocap, mocap:SOURCE, a dataset's folder, a .bvh or a
    scene's .json file."""
    tables = sections.gait_tables(f"{one} and {other}")
    for source in (one, other):
        for name, motions in _source(source).items():
            sections.add_gait(tables, name, motions)
    show(list(tables), markdown)


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
        *sections.course_sections(),
        sections.transition_section(full, sample),
        sections.distinct_section(),
        sections.style_section(),
        sections.contact_section(),
    ]
    show(made, markdown)


def _gait(plots: Path | None) -> list[Section]:
    drawing = None if plots is None else plotting()
    steady, by_speed = sections.gait_sections()
    fit, means = sections.cycle_section(by_speed)
    if drawing is not None:
        for path in drawing.draw_all(plots, by_speed, means):
            console.print(f"wrote {path}", highlight=False)
    return [*steady, fit]


def _source(name: str) -> dict[str, list[Motion]]:
    """Motions of a named source, by row. Raises BadParameter for one that does not exist."""
    if name == "procedural":
        return {
            f"procedural {speed:g} m/s": trials.steady_motions(speed)
            for speed in trials.STEADY_SPEEDS
        }
    if name == "mocap" or name.startswith("mocap:"):
        wanted = name.partition(":")[2]
        rows: dict[str, list[Motion]] = {}
        for row, clip in sections.pack_clips(("walk", "run")):
            if wanted in ("", row.source):
                rows.setdefault(f"{row.source} {row.action}s", []).append(clip.raw)
        if not rows:
            raise typer.BadParameter(f"{name}: no such clips; is the pack in ../shared/mocap?")
        return dict(sorted(rows.items()))
    path = Path(name)
    try:
        if path.is_dir():
            return _recorded(path)
        if path.suffix == ".bvh":
            clip = import_file(path)
            return {f"{path.stem}, real": [clip.raw], f"{path.stem}, refit": [clip.motion]}
        if path.suffix == ".json":
            scene = load_scene(path)
            motions = trials.motions_of(scene, simulate(scene))
            return {
                f"{path.stem}, {actor.id}": [motion]
                for actor, motion in zip(scene.actors, motions, strict=True)
            }
    except (OSError, ValueError) as error:
        raise typer.BadParameter(str(error)) from None
    raise typer.BadParameter(
        f"unknown source {name!r}; expected procedural, mocap, mocap:SOURCE, a folder, a .bvh or "
        ".json file"
    )


def _recorded(path: Path) -> dict[str, list[Motion]]:
    """Episodes of a dataset's people, by the action they do nearly all the time."""
    rows: dict[str, list[Motion]] = {}
    for episode in open_dataset(path):
        actions, counts = np.unique(episode.action_id, return_counts=True)
        if walks_on_two_legs(episode) and counts.max() > MOSTLY * len(episode):
            action = ACTIONS[int(actions[counts.argmax()])]
            rows.setdefault(f"{path.name}, {action}", []).append(motion_of(episode))
    if not rows:
        raise ValueError(f"{path}: no episode of a person who does one thing most of the time")
    return dict(sorted(rows.items()))


if __name__ == "__main__":
    app()
