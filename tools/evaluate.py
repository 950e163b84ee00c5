"""``python -m tools.evaluate``: how good learned motion is, in tables, and what it costs.

``motion`` compares it, window by window, with what is held out of datasets, and with what is
easier: the nearest motion learned from, and a regression of the same size. ``rollout`` lets it
run. ``cost`` times it. Each prints its tables, then every figure that misses its mark.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from entities.actions import ACTIONS
from ml.corpus import Corpus, cut, read_corpus, whole_windows
from ml.metrics import (
    MOTION_FPS,
    mean_speed,
    peak_jerk,
    skating_ratio,
    speed_error,
)
from ml.runtime import MotionModel
from run_sim import run_command, users_fault
from tools import rollouts
from tools import windows as windowing
from tools.report import Section, plotting, show
from tools.retrieval import Retrieval

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
MOVES_M, ALIVE = 0.02, (0.6, 1.6)
"""Where the animator moves joints by more than this, a model is to move them by as much."""
SAME_SHARE, SAME = 0.05, 0.01
"""Eight bits may change a figure by this share of it, or by this much."""
SKATES, OFF_SPEED, JERK = 0.03, 0.03, (0.7, 1.4)
DRAWN_MPS = 3.0
ROUTE_M = {"circle": 0.05, "diamond": 0.08}
RESPONSE_S = 0.25
CHANGES = (("walk", "run"), ("walk", "idle"), ("run", "walk"), ("idle", "walk"), ("walk", "wave"))


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


def _same(
    section: Section, names: Sequence[str], rows: dict[str, tuple[float, ...]], what: str = ""
) -> None:
    """Check the figures of the second row of ``rows`` against those of the first."""
    (_, whole), (name, coarse) = list(rows.items())[:2]
    for metric, one, other in zip(names, whole, coarse, strict=True):
        most = max(SAME_SHARE * abs(one), SAME)
        where = f"{name}{what}, beside float32's {one:.4g}"
        section.check(metric, where, other, one - most, one + most)


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
        section.check("peak jerk", name, rows[name][-1], *JERK)
        if regression:
            section.check("FID", name, rows[name][0], high=rows["regression"][0])
            top = rows["regression"][3]
            section.check("R-precision top 3", f"{name} to regression", rows[name][3], top)
    if int8:
        _same(section, metrics, {name: rows[name] for name in served})
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
            _same(section, metrics, rows, f", {what}")
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
    served: dict[str, MotionModel | None] = {"procedural": None}
    served |= _rivals(taught, next(iter(ours.values())), regression) | ours
    speeds = Section(
        f"Speeds kept for {steady:g} s",
        ("source", "m/s", "error", "uncorrected", "skate 2cm", "jerk", "jerk / procedural"),
    )
    paths = Section("Paths: mean and largest distance, m", ("source", *rollouts.routes()))
    long = Section(
        f"{minutes:g} minutes on end, first and last minute",
        ("source", "m/s", "speed first", "last", "pose deviation m first", "last", "finite"),
    )
    change = Section(
        "Changes: s until the pose is 2 cm off what it would have been, mean and longest of "
        f"{len(rollouts.MOMENTS_S)} moments",
        ("source", *(f"{a} to {b}" for a, b in CHANGES), "all", "settled", "jerk",
         "learned share", "without head"),
    )  # fmt: skip
    change.notes.append(
        f"settled: until then and until no joint jerks more than {JERK[1]:g} times as much as any "
        "of the animator's at the same change; mean of all"
    )
    jerks: dict[float, float] = {}
    # What is compared between models: by name, of each its figures.
    by_speed: dict[str, list[tuple[float, ...]]] = {}
    by_route: dict[str, tuple[float, ...]] = {}
    by_change: dict[str, tuple[float, ...]] = {}
    by_jerk: dict[str, tuple[float, ...]] = {}
    leaps: list[float] = []  # m/s³, for each of CHANGES
    drawn: dict[str, rollouts.Curves] = {}
    for name, model in served.items():
        free = {}
        if name in ours:
            start = rollouts.steady_start(rollouts.SPEEDS, model.history)
            streams = rollouts.let_run(model, rollouts.SPEEDS, 60.0 * minutes, start)
            free = dict(zip(rollouts.SPEEDS, streams, strict=True))
        kept = rollouts.steady(model, steady)
        for speed, one in kept.items():
            jerk = peak_jerk(one)
            jerks.setdefault(speed, jerk)
            where = f"{name} at {speed:g} m/s"
            numbers = (speed_error(one), skating_ratio(one), jerk / jerks[speed])
            by_speed.setdefault(name, []).append(numbers)
            own = "-"
            if name in ours:
                off = abs(free[speed].speed / speed - 1.0)
                own = f"{off:.4f}"
                speeds.check("speed error", where, numbers[0], high=OFF_SPEED)
                speeds.check("skating", where, numbers[1], high=SKATES)
                speeds.check("speed error, uncorrected", where, off, high=OFF_SPEED)
                speeds.check("peak jerk", where, numbers[2], *JERK)
            figures = (f"{numbers[0]:.4f}", own, f"{numbers[1]:.4f}", f"{jerk:.0f}")
            speeds.rows.append((name, f"{speed:g}", *figures, f"{numbers[2]:.2f}"))
        errors = rollouts.path_errors(model)
        by_route[name] = tuple(value for pair in errors.values() for value in pair)
        paths.rows.append((name, *(f"{mean:.3f} {most:.3f}" for mean, most in errors.values())))
        if name in ours:
            for route, most in ROUTE_M.items():
                paths.check("path error", f"{name}, {route}", errors[route][1], high=most)
            for speed, one in free.items():
                long.rows.append(_endurance(long, name, speed, one.states))
        changes = [
            rollouts.response(model, *pair, leap)
            for pair, leap in zip(CHANGES, leaps or len(CHANGES) * [np.inf], strict=True)
        ]
        leaps = leaps or [JERK[1] * one.highest for one in changes]  # the animator comes first
        drawn[name] = rollouts.Curves(
            kept[DRAWN_MPS],
            {speed: row[2] for speed, row in zip(kept, by_speed[name], strict=True)},
            {route: most for route, (_, most) in errors.items()},
            changes[0].apart,
        )
        by_change[name] = tuple(one.settled for one in changes)
        by_jerk[name] = tuple(one.jerk for one in changes)
        told = [f"{one.seconds:.3f} {one.latest:.3f}" for one in changes]
        told.append(f"{np.mean([one.seconds for one in changes]):.3f}")
        told += [f"{np.mean(by_change[name]):.3f}", f"{np.mean(by_jerk[name]):.0f}"]
        if model is None:
            change.rows.append((name, *told, "-", "-"))
            continue
        share = rollouts.learned_share(model)
        whole, headless = rollouts.moved_without_head(model)
        change.rows.append((name, *told, f"{share:.3f}", f"{headless / whole:.2f}"))
        if name not in ours:
            continue
        for pair, one in zip(CHANGES, changes, strict=True):
            change.check("response", f"{name}, {' to '.join(pair)}", one.latest, high=RESPONSE_S)
        change.check("learned share", name, share, low=0.95)
        change.check(
            "displacement left without the position head", name, headless / whole, high=0.5
        )
    for name in ours if data else ():
        skates, rivals = (np.mean(by_speed[which], axis=0)[1] for which in (name, "retrieval"))
        speeds.check("skating to retrieval's", name, skates, high=rivals)
        for section, metric, found in (
            (paths, "path error", by_route),
            (change, "settled response", by_change),
            (change, "jerk at a change", by_jerk),
        ):
            most = np.mean(found["retrieval"])
            section.check(f"{metric} to retrieval's", name, np.mean(found[name]), high=most)
    if int8:
        for k, speed in enumerate(rollouts.SPEEDS):
            rows = {name: by_speed[name][k] for name in ours}
            _same(speeds, ("speed error", "skating", "jerk"), rows, f" at {speed:g} m/s")
        ends = [f"{route}, {of}" for route in rollouts.routes() for of in ("mean", "most")]
        _same(paths, ends, {name: by_route[name] for name in ours})
    if drawing is not None:
        drawing.draw_rollout(plots / "rollout.png", drawn, list(ours))
    sections = [speeds, paths, long, change, _every_change(ours), _liveliness(ours)]
    show(sections, markdown, **_page("rollout", models))


def _every_change(models: dict[str, MotionModel]) -> Section:
    section = Section(
        "Changes between all that the model is for: highest jerk at each, m/s³",
        ("source", "changes", "median", "95 of 100 below", "above the animator's highest"),
    )
    first = next(iter(models.values()))
    actions = [action for action in ACTIONS if action in first.actions]
    if len(actions) < 2:
        return section
    wanted = rollouts.jerks_at_changes(None, actions)
    found = {name: rollouts.jerks_at_changes(model, actions) for name, model in models.items()}
    for name, jerks in ({"procedural": wanted} | found).items():
        middle, high = np.percentile(jerks, (50, 95))
        over = f"{np.mean(jerks > wanted.max()):.3f}"
        section.rows.append((name, str(len(jerks)), f"{middle:.0f}", f"{high:.0f}", over))
        section.check("median jerk", name, float(middle), high=float(np.median(wanted)))
    return section


def _liveliness(models: dict[str, MotionModel]) -> Section:
    section = Section(
        "Actions let run: how far joints move from their mean, beside the animator's",
        ("action", "animator m", *models),
    )
    section.notes.append("(in brackets: not what the model is exported for)")
    wanted = rollouts.liveliness(None)
    # All of them are asked of the model, also what it would leave to the animator.
    found = {name: rollouts.liveliness(rollouts.for_all(one)) for name, one in models.items()}
    for action, real in wanted.items():
        told = []
        for name, model in models.items():
            ratio = found[name][action] / real
            used = not model.actions or action in model.actions
            told.append(f"{ratio:.2f}" if used else f"({ratio:.2f})")
            if used and real > MOVES_M:
                section.check("movement", f"{name}, {action.value}", ratio, *ALIVE)
        section.rows.append((action.value, f"{real:.4f}", *told))
    return section


def _endurance(section: Section, name: str, speed: float, states: np.ndarray) -> tuple[str, ...]:
    minute = round(60.0 * MOTION_FPS)
    ends = states[:minute], states[-minute:]
    paces = [mean_speed(rollouts.stream_motion(end)) for end in ends]
    # A stream that has collapsed to the mean pose does not move its joints any more.
    spreads = [float(end[:, :20].std(axis=0).mean()) for end in ends]
    finite = bool(np.isfinite(states).all())
    where = f"{name} at {speed:g} m/s"
    section.check("finite", where, float(finite), low=1.0)
    section.check("pose deviation, last over first", where, spreads[1] / spreads[0], 0.7, 1.4)
    section.check("speed, last over first", where, paces[1] / max(paces[0], 1e-9), 0.95, 1.05)
    figures = (*(f"{pace:.3f}" for pace in paces), *(f"{spread:.4f}" for spread in spreads))
    return (name, f"{speed:g}", *figures, "yes" if finite else "no")


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
