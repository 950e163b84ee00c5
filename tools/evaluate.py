"""``python -m tools.evaluate``: how good learned motion is, in tables, and what it costs.

``motion`` compares it, window by window, with what is held out of datasets, and with what is
easier: the nearest motion learned from, and a regression of the same size. ``rollout`` lets it
run. ``cost`` times it. Each prints its tables, then every figure that misses its mark.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from entities.atomic_write import check_target
from entities.command import refused_by_system, run_command, users_fault
from entities.errors import UserError
from ml.measure.metrics import MOTION_FPS
from ml.measure.report import Section, show, write_page
from ml.motion.corpus import Corpus, read_corpus
from ml.motion.runtime import MotionModel
from ml.text.base import require
from sim.evaluate import held_out as held_out_windows
from sim.evaluate import plots as plotting
from sim.evaluate.model_tables import ANIMATOR, cost_section, measure_rollouts, rollout_sections
from sim.evaluate.retrieval import Retrieval

app = typer.Typer(
    add_completion=False, help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False
)
Models = Annotated[list[Path], typer.Argument(help="Exported models, .onnx.")]
Data = Annotated[list[Path], typer.Option("--data", help="Generated datasets it learned from.")]
Captured = Annotated[Path | None, typer.Option(help="The dataset of captured people.")]
Regression = Annotated[Path | None, typer.Option(help="Its .onnx file, for a row.")]
Int8 = Annotated[
    bool, typer.Option("--int8", help="The second model is the first in 8 bits: compare them.")
]
Markdown = Annotated[Path | None, typer.Option(help="Also write the tables to this file.")]
Plots = Annotated[Path | None, typer.Option(help="Folder for a plot (PNG).")]

MINUTES = 10.0
STEADY_S = 300.0
"""Long enough that figures of one take are much like those of another: the jerk of a minute's
takes differs by 8 %."""


def _check_targets(markdown: Path | None, plots: Path | None) -> None:
    """Refuse what cannot be written before the work, not after it."""
    with users_fault():
        if markdown is not None:
            check_target(markdown)
        if plots is not None:
            plotting.figure_class()
            plots.mkdir(parents=True, exist_ok=True)


def _open(paths: list[Path], damage: list[str], *, int8: bool = False) -> dict[str, MotionModel]:
    """The models by name. damage: gets a line for each that cannot be used.

    int8: whether the second is to be compared with the first. Raises UserError if none can be used,
    or one of these two cannot.
    """
    stems = [path.stem for path in paths]
    models: dict[str, MotionModel] = {}
    for path in paths:
        try:
            models[path.stem if stems.count(path.stem) == 1 else str(path)] = MotionModel(path)
        except ValueError as error:
            if int8 or len(paths) == 1:
                raise UserError(str(error)) from None
            damage.append(str(error))
    if not models:
        raise UserError(damage[0])
    if int8 and len(models) < 2:
        raise UserError("--int8: one model; expected it in 32 bits, then in 8 bits")
    return models


def _rivals(
    taught: Corpus | None, like: MotionModel, regression: Path | None
) -> dict[str, MotionModel]:
    """What ours is compared with: retrieval of what was learned from, and a regression's file."""
    rivals = {} if taught is None else {"retrieval": Retrieval(taught, like)}
    if regression is not None:
        rivals["regression"] = next(iter(_open([regression], []).values()))
    return rivals


def _show(sections: list[Section], markdown: Path | None, command: str, models: list[Path]) -> None:
    show(sections)
    if markdown is not None:
        names = " ".join(path.name for path in models)
        made_by = f"python -m tools.evaluate {command} {names}"
        with refused_by_system():
            write_page(markdown, sections, "Learned motion", made_by)


def _end_by(damage: list[str]) -> None:
    """End with 1 if a model or some of the data could not be read, after a line for each file."""
    for line in dict.fromkeys(damage):
        print(line, file=sys.stderr)
    if damage:
        raise typer.Exit(1)


@app.command()
def motion(
    models: Models,
    data: Data,
    judge: Annotated[Path, typer.Option(help="The judge's file; learned if not there.")],
    captured: Captured = None,
    regression: Regression = None,
    int8: Int8 = False,
    windows: Annotated[
        int, typer.Option(min=64, max=1_000_000, help="How many are generated.")
    ] = 2048,
    split: Annotated[str, typer.Option(help="What is held out.")] = "test",
    markdown: Markdown = None,
    plots: Plots = None,
) -> None:
    """Windows made from held-out histories, judged beside those that really followed."""
    _check_targets(markdown, plots)
    with users_fault():
        require("torch", "train", "the judge")
        require("safetensors", "train", "the judge")
        check_target(judge)
    damage: list[str] = []
    served = _open(models, damage, int8=int8)
    first = next(iter(served.values()))
    with users_fault():
        held_out = Corpus.join([read_corpus(path, split, damage=damage) for path in data])
        sources = [*data, *([captured] if captured else [])]
        taught = [read_corpus(path, "train", damage=damage) for path in sources]
    learned_from = Corpus.join(taught)
    others = _rivals(learned_from, first, regression)
    rows, n_windows = held_out_windows.measure_windows(
        others | served, held_out, learned_from, judge, windows
    )
    section = held_out_windows.window_section(
        rows,
        n_windows,
        first.chunk / MOTION_FPS,
        list(served),
        beside_regression=regression is not None,
        int8=int8,
    )
    if plots is not None:
        path = plots / "windows.png"
        with refused_by_system():
            plotting.draw_windows(path, rows, held_out_windows.METRICS, list(served))
    travelled = held_out_windows.travel_section(served | others, served, held_out, int8=int8)
    sections = [section, travelled]
    if captured:
        with users_fault():
            people = read_corpus(captured, split, to_measure=True, damage=damage)
        teacher = {"nearest of the teacher's": Retrieval(Corpus.join(taught[: len(data)]), first)}
        sections.append(held_out_windows.captured_section(teacher | others | served, people))
    _show(sections, markdown, "motion", models)
    _end_by(damage)


@app.command()
def rollout(
    models: Models,
    data: Annotated[
        list[Path] | None, typer.Option("--data", help="Datasets; for a row of retrieval.")
    ] = None,
    regression: Regression = None,
    int8: Int8 = False,
    minutes: Annotated[float, typer.Option(help="How long streams are let run.")] = MINUTES,
    steady: Annotated[float, typer.Option(help="Seconds for which speeds are kept.")] = STEADY_S,
    markdown: Markdown = None,
    plots: Plots = None,
) -> None:
    """Speeds, paths, endurance and response of models that are let run."""
    _check_targets(markdown, plots)
    with users_fault():
        for name, value, most in (("minutes", minutes, 600.0), ("steady", steady, 3600.0)):
            if not 0.0 < value <= most:
                raise ValueError(f"--{name}: {value:g}; expected more than 0, at most {most:g}")
    damage: list[str] = []
    ours, taught = _open(models, damage, int8=int8), None
    if data:
        with users_fault():
            taught = Corpus.join([read_corpus(path, "train", damage=damage) for path in data])
    served: dict[str, MotionModel | None] = {ANIMATOR: None}
    served |= _rivals(taught, next(iter(ours.values())), regression) | ours
    runs = measure_rollouts(served, list(ours), steady, minutes)
    if plots is not None:
        with refused_by_system():
            plotting.draw_rollout(plots / "rollout.png", runs, list(ours))
    sections = rollout_sections(runs, ours, seconds=steady, minutes=minutes, int8=int8)
    _show(sections, markdown, "rollout", models)
    _end_by(damage)


@app.command()
def cost(models: Models, markdown: Markdown = None) -> None:
    """Milliseconds of one core a chunk takes, alone and in batches, and a crowd in real time."""
    _check_targets(markdown, None)
    damage: list[str] = []
    _show([cost_section(_open(models, damage))], markdown, "cost", models)
    _end_by(damage)


if __name__ == "__main__":
    run_command(app)
