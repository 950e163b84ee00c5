"""``python -m tools.evaluate``: how good learned motion is, in tables, and what it costs.

``motion`` compares it, window by window, with what is held out of datasets, and with what is
easier: the nearest motion learned from, and a regression of the same size. ``rollout`` lets it
run. ``cost`` times it. Each prints its tables, then every figure that misses its mark.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from entities.actions import ACTIONS
from ml.measure.metrics import MOTION_FPS
from ml.measure.report import Section, plotting, show
from ml.motion.corpus import Corpus, cut, read_corpus, whole_windows
from ml.motion.runtime import MotionModel
from run_sim import run_command, users_fault
from sim.evaluate import model_tables as let_run
from sim.evaluate import rollouts
from sim.evaluate import windows as windowing
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
JUDGE_STEPS = 3000


def _open(paths: list[Path]) -> dict[str, MotionModel]:
    with users_fault():
        return {path.stem: MotionModel(path) for path in paths}


def _page(command: str, models: list[Path]) -> dict[str, str]:
    names = " ".join(path.name for path in models)
    return {"title": "Learned motion", "command": f"python -m tools.evaluate {command} {names}"}


def _rivals(
    taught: Corpus | None, like: MotionModel, regression: Path | None
) -> dict[str, MotionModel]:
    """What ours is compared with: retrieval of what was learned from, and a regression's file."""
    rivals = {} if taught is None else {"retrieval": Retrieval(taught, like)}
    if regression is not None:
        rivals["regression"] = next(iter(_open([regression]).values()))
    return rivals


@app.command()
def motion(
    models: Models,
    data: Data,
    judge: Annotated[Path, typer.Option(help="The judge's file; learned if not there.")],
    captured: Captured = None,
    regression: Regression = None,
    int8: Int8 = False,
    windows: Annotated[int, typer.Option(min=64, help="How many are generated.")] = 2048,
    split: Annotated[str, typer.Option(help="What is held out.")] = "test",
    markdown: Markdown = None,
    plots: Plots = None,
) -> None:
    """Windows made from held-out histories, judged beside those that really followed."""
    from tools import judge as judging

    drawing = None if plots is None else plotting()
    served = _open(models)
    first = next(iter(served.values()))
    with users_fault():
        held_out = Corpus.join([read_corpus(path, split) for path in data])
        taught = [read_corpus(path, "train") for path in [*data, *([captured] if captured else [])]]
    learned_from = Corpus.join(taught)
    others = _rivals(learned_from, first, regression)
    length, before = first.chunk, first.history
    rng = np.random.default_rng(11)
    at = whole_windows(held_out, length)
    at = at[at - held_out.first[at] >= 1]
    at = rng.choice(at, min(windows, len(at)), replace=False)
    known = judging.opened(judge, learned_from, length, JUDGE_STEPS)
    truth = cut(held_out, at, before, length, np.random.default_rng(0))
    made = {"real": truth.state[:, before:]}
    made["teacher, other takes"] = windowing.others(held_out, at, length, rng)
    for name, model in (others | served).items():
        made[name] = windowing.generate(model, truth, before)
    metrics = (
        "FID", "top 1", "top 2", "top 3", "matching", "diversity", "joints m", "root m",
        "skate 2cm", "jerk / real",
    )  # fmt: skip
    section = Section(
        f"{len(at)} held-out generated windows of {length / MOTION_FPS:.2f} s", ("source", *metrics)
    )
    clause = held_out.clause[at]
    real = judging.features(known, made["real"])
    offset = truth.offset[:, before:]
    rows: dict[str, tuple[float, ...]] = {}
    measured = {
        name: windowing.figures(states, made["real"], offset) for name, states in made.items()
    }
    for name, states in made.items():
        seen = judging.features(known, states)
        with users_fault():
            hits, distance = judging.r_precision(known, seen, clause, held_out.vectors)
        *off, jerk = measured[name]
        told = (distance, judging.diversity(seen), *off, jerk / measured["real"][-1])
        rows[name] = (judging.frechet(real, seen), *hits.tolist(), *told)
        section.rows.append((name, f"{rows[name][0]:.4f}", *(f"{v:.3f}" for v in rows[name][1:])))
    section.notes.append(
        "real: what followed, the judge's ceiling; other takes of the same sentences by the "
        "animator, who made it, are as far from it as real motion is from itself"
    )
    for name in served:
        section.check("R-precision top 3", name, rows[name][3], low=0.9 * rows["real"][3])
        section.check("peak jerk", name, rows[name][-1], *let_run.JERK)
        if regression:
            section.check("FID", name, rows[name][0], high=rows["regression"][0])
            top = rows["regression"][3]
            section.check("R-precision top 3", f"{name} to regression", rows[name][3], top)
    if int8:
        section.check_same(metrics, {name: rows[name] for name in served})
    if drawing is not None:
        drawing.draw_windows(plots / "windows.png", rows, metrics, list(served))
    sections = [section, _travel(served | others, served, held_out, int8)]
    if captured:
        with users_fault():
            people = read_corpus(captured, split, to_measure=True)
        teacher = {"nearest of the teacher's": Retrieval(Corpus.join(taught[: len(data)]), first)}
        sections.append(_by_action(teacher | others | served, people, length, before))
    show(sections, markdown, **_page("motion", models))


def _travel(
    models: dict[str, MotionModel], ours: Iterable[str], held_out: Corpus, int8: bool
) -> Section:
    metrics = ("ADE m", "FDE m", "travelled m", "within 2 % + 3 cm")
    section = Section("Root over 2 s, from held-out histories", ("model", "asked", *metrics))
    for given in (True, False):
        what = "velocity" if given else "text only"
        rows: dict[str, tuple[float, ...]] = {}
        for name, model in models.items():
            found = rollouts.travel_error(model, held_out, given=given)
            numbers = (found.ade, found.fde, found.distance, found.share)
            section.rows.append((name, what, *(f"{value:.3f}" for value in numbers)))
            if name in ours:
                rows[name] = numbers
            if name in ours and given:
                section.check("ADE", name, found.ade, high=0.02 * found.distance + 0.03)
        if int8:
            section.check_same(metrics, rows, f", {what}")
    return section


def _by_action(
    models: dict[str, MotionModel], people: Corpus, length: int, before: int, most: int = 256
) -> Section:
    """How far from captured people the same moments go, by action: too few for the judge."""
    section = Section(
        "Held-out captured people: joints off, m (root off, m)", ("action", "windows", *models)
    )
    section.notes.append(
        "mean over the chunk, from captured histories, the caption and the velocity that was; "
        "nearest of the teacher's: what the procedural animator has to offer"
    )
    rng = np.random.default_rng(17)
    every = whole_windows(people, length)
    every = every[every - people.first[every] >= before]
    for action in np.unique(people.action[every]).tolist():
        at = every[people.action[every] == action]
        if len(at) < length:  # less than a second of starts says little
            continue
        at = rng.choice(at, min(most, len(at)), replace=False)
        truth = cut(people, at, before, length, np.random.default_rng(0))
        real, offset = truth.state[:, before:], truth.offset[:, before:]
        told = []
        for model in models.values():
            joints, root, *_ = windowing.figures(
                windowing.generate(model, truth, before), real, offset
            )
            told.append(f"{joints:.3f} ({root:.3f})")
        section.rows.append((ACTIONS[action].value, str(len(at)), *told))
    return section


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
    drawing = None if plots is None else plotting()
    ours, taught = _open(models), None
    if data:
        with users_fault():
            taught = Corpus.join([read_corpus(path, "train") for path in data])
    served: dict[str, MotionModel | None] = {let_run.ANIMATOR: None}
    served |= _rivals(taught, next(iter(ours.values())), regression) | ours
    runs = let_run.runs_of(served, list(ours), steady, minutes)
    if drawing is not None:
        drawing.draw_rollout(plots / "rollout.png", runs, list(ours))
    sections = let_run.tables(runs, ours, seconds=steady, minutes=minutes, int8=int8)
    show(sections, markdown, **_page("rollout", models))


@app.command()
def cost(models: Models, markdown: Markdown = None) -> None:
    """Milliseconds of one core a chunk takes, alone and in batches, and a crowd in real time."""
    section = Section(
        "Cost on one core",
        ("model", "MB", "1 actor ms", "64 actors, ms each", "100 walkers, s of CPU per s"),
    )
    for name, model in _open(models).items():
        alone, many = (rollouts.call_cost(model, n) / n for n in (1, 64))
        crowd = rollouts.crowd_cost(model, 100)
        section.check("ms a chunk", name, alone, high=4.0)
        section.check("ms an actor in 64", name, many, high=3.5)
        section.check("s of CPU per s, 100 actors", name, crowd, high=1.0)
        size = model.path.stat().st_size / 1e6
        section.rows.append((name, f"{size:.1f}", *(f"{v:.2f}" for v in (alone, many, crowd))))
    show([section], markdown, **_page("cost", models))


if __name__ == "__main__":
    run_command(app)
