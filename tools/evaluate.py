"""``python -m tools.evaluate``: how good learned motion is, in tables, and what it costs.

``motion`` compares it, window by window, with what is held out of datasets, and with what is
easier: the nearest motion learned from, and a regression of the same size. ``rollout`` lets it
run. ``cost`` times it. Each prints its tables, then every figure that misses its mark.
"""

import time
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ml.corpus import Corpus, cut, read_corpus
from ml.metrics import (
    MOTION_FPS,
    mean_speed,
    peak_jerk,
    skating_ratio,
    speed_error,
)
from ml.runtime import MOST_AT_ONCE, MotionModel
from run_sim import run_command, users_fault
from tools import rollouts
from tools.report import Section, show

app = typer.Typer(
    add_completion=False, help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False
)
Models = Annotated[list[Path], typer.Argument(help="Exported models, .onnx.")]
Data = Annotated[list[Path], typer.Option("--data", help="Datasets the model learned from.")]
Markdown = Annotated[Path | None, typer.Option(help="Also write the tables to this file.")]

MINUTES = 10.0
JUDGE_STEPS = 3000
SKATES, OFF_SPEED, JERK = 0.03, 0.03, (0.7, 1.4)
ROUTE_M = {"circle": 0.05, "diamond": 0.08}
RESPONSE_S = 0.25
CHANGES = (("walk", "run"), ("walk", "idle"), ("run", "walk"), ("idle", "walk"), ("walk", "wave"))


def _open(paths: list[Path]) -> dict[str, MotionModel]:
    with users_fault():
        return {path.stem: MotionModel(path) for path in paths}


def _page(command: str, models: list[Path]) -> dict[str, str]:
    names = " ".join(path.name for path in models)
    return {"title": "Learned motion", "command": f"python -m tools.evaluate {command} {names}"}


def _join(paths: list[Path], split: str) -> Corpus:
    with users_fault():
        return Corpus.join([read_corpus(path, split) for path in paths])


@app.command()
def motion(
    models: Models,
    data: Data,
    judge: Annotated[Path, typer.Option(help="The judge's file; learned if not there.")],
    regression: Annotated[Path | None, typer.Option(help="Its .onnx file, for a row.")] = None,
    windows: Annotated[int, typer.Option(min=64, help="How many are generated.")] = 2048,
    split: Annotated[str, typer.Option(help="What is held out.")] = "test",
    markdown: Markdown = None,
) -> None:
    """Windows made from held-out histories, judged beside those that really followed."""
    from tools import judge as judging

    served = _open(models + ([regression] if regression else []))
    learned_from, held_out = _join(data, "train"), _join(data, split)
    first = next(iter(served.values()))
    length, before = first.chunk, first.history
    rng = np.random.default_rng(11)
    at = judging.whole_windows(held_out, length)
    at = at[at - held_out.first[at] >= 1]
    at = rng.choice(at, min(windows, len(at)), replace=False)
    known = judging.opened(judge, learned_from, length, JUDGE_STEPS)
    truth = cut(held_out, at, before, length, np.random.default_rng(0))
    made = {"real": truth.state[:, before:]}
    made["real, other windows"] = _others(held_out, at, length, rng)
    made["nearest learned from"] = _nearest(learned_from, truth, before, length, rng)
    for name, model in served.items():
        made[name] = _generate(model, truth, before)
    section = Section(
        f"{len(at)} held-out windows of {length / MOTION_FPS:.2f} s",
        ("source", "FID", "top 1", "top 2", "top 3", "matching", "diversity", "joints m", "root m"),
    )
    clause = held_out.clause[at]
    real = judging.features(known, made["real"])
    scores: dict[str, tuple[float, float]] = {}
    for name, states in made.items():
        seen = judging.features(known, states)
        with users_fault():
            hits, distance = judging.r_precision(known, seen, clause, held_out.vectors)
        apart = np.linalg.norm(
            (states - made["real"])[..., :20].reshape(*states.shape[:2], 10, 2), axis=3
        )
        root = np.linalg.norm(np.cumsum((states - made["real"])[..., -2:], axis=1), axis=2)
        scores[name] = judging.frechet(real, seen), float(hits[2])
        numbers = (*hits, distance, judging.diversity(seen), apart.mean(), root.mean())
        section.rows.append((name, f"{scores[name][0]:.4f}", *(f"{v:.3f}" for v in numbers)))
    section.notes.append(
        "real: what followed, the judge's ceiling; other windows of the same clauses are as far "
        "from it as real motion is from itself"
    )
    for name in served:
        if regression and name == regression.stem:
            continue
        section.check("R-precision top 3", name, scores[name][1], low=0.9 * scores["real"][1])
        if regression:
            base = scores[regression.stem]
            section.check("FID", name, scores[name][0], high=base[0])
            section.check("R-precision top 3", f"{name} to regression", scores[name][1], base[1])
    show([section, _travel(served, held_out)], markdown, **_page("motion", models))


def _others(corpus: Corpus, at: np.ndarray, length: int, rng: np.random.Generator) -> np.ndarray:
    """Other windows (N, C, 22) in which the same clauses are in force, where there are any."""
    from tools.judge import whole_windows

    every = whole_windows(corpus, length)
    order = np.argsort(corpus.clause[every], kind="stable")
    every = every[order]
    low = np.searchsorted(corpus.clause[every], corpus.clause[at], "left")
    high = np.searchsorted(corpus.clause[every], corpus.clause[at], "right")
    return corpus.state[every[rng.integers(low, high)][:, None] + np.arange(length)]


def _nearest(
    corpus: Corpus, truth, before: int, length: int, rng: np.random.Generator, n: int = 20_000
) -> np.ndarray:
    """What followed (N, C, 22) the learned history nearest to each window's, in deviations."""
    from tools.judge import whole_windows

    at = whole_windows(corpus, length)
    at = at[at - corpus.first[at] >= before]
    at = rng.choice(at, min(n, len(at)), replace=False)
    _, std = corpus.statistics()
    frames = np.arange(-before, 0, 4)
    keys = (corpus.state[at[:, None] + frames] / std).reshape(len(at), -1)
    keys = np.concatenate([keys, 8.0 * corpus.vectors[corpus.clause[at]]], axis=1)
    asked = (truth.state[:, before + frames] / std).reshape(len(truth.state), -1)
    asked = np.concatenate([asked, 8.0 * truth.text], axis=1)
    square = (keys * keys).sum(axis=1)
    best = [int((square - 2.0 * (keys @ row)).argmin()) for row in asked]
    return corpus.state[at[best][:, None] + np.arange(length)]


def _generate(model: MotionModel, truth, before: int) -> np.ndarray:
    """Chunks (N, C, 22) from the windows' histories, texts and velocities."""
    rng = np.random.default_rng(3)
    asked = np.concatenate([truth.velocity, truth.offset[:, :, None]], axis=2)[:, before:]
    parts = []
    for k in range(0, len(asked), MOST_AT_ONCE):
        some = slice(k, k + MOST_AT_ONCE)
        n = len(asked[some])
        chunk, _ = model.plan(
            truth.state[some, :before],
            truth.text[some],
            truth.style[some],
            asked[some],
            np.ones((n, 1)),
            rng.standard_normal((n, model.chunk, truth.state.shape[2])),
        )
        parts.append(chunk)
    return np.concatenate(parts)


def _travel(models: dict[str, MotionModel], held_out: Corpus) -> Section:
    section = Section(
        "Root over 2 s, from held-out histories",
        ("model", "asked", "ADE m", "FDE m", "travelled m", "within 2 % + 3 cm"),
    )
    for name, model in models.items():
        for given in (True, False):
            found = rollouts.travel_error(model, held_out, given=given)
            numbers = (found.ade, found.fde, found.distance, found.share)
            what = "velocity" if given else "text only"
            section.rows.append((name, what, *(f"{value:.3f}" for value in numbers)))
            if given:
                section.check("ADE", name, found.ade, high=0.02 * found.distance + 0.03)
    return section


@app.command()
def rollout(
    models: Models,
    minutes: Annotated[float, typer.Option(help="How long streams are let run.")] = MINUTES,
    markdown: Markdown = None,
) -> None:
    """Speeds, paths, endurance and response of models that are let run."""
    served: dict[str, MotionModel | None] = {"procedural": None, **_open(models)}
    speeds = Section(
        "Speeds kept for 10 s",
        ("source", "m/s", "error", "uncorrected", "skate 2cm", "jerk", "jerk / procedural"),
    )
    paths = Section("Paths: mean and largest distance, m", ("source", *rollouts.routes()))
    long = Section(
        f"{minutes:g} minutes on end, first and last minute",
        ("source", "m/s", "speed first", "last", "pose deviation m first", "last", "finite"),
    )
    change = Section(
        "Changes: s until the pose is 2 cm off what it would have been",
        ("source", *(f"{a} to {b}" for a, b in CHANGES), "learned share", "without head"),
    )
    jerks: dict[float, float] = {}
    for name, model in served.items():
        free = {}
        if model is not None:
            start = rollouts.steady_start(rollouts.SPEEDS, model.history)
            free = dict(
                zip(
                    rollouts.SPEEDS,
                    rollouts.let_run(model, rollouts.SPEEDS, 60.0 * minutes, start),
                    strict=True,
                )
            )
        for speed, one in rollouts.steady(model).items():
            jerk = peak_jerk(one)
            jerks.setdefault(speed, jerk)
            where = f"{name} at {speed:g} m/s"
            speeds.check("speed error", where, speed_error(one), high=OFF_SPEED)
            speeds.check("skating", where, skating_ratio(one), high=SKATES)
            own = "-"
            if model is not None:
                off = abs(free[speed].speed / speed - 1.0)
                own = f"{off:.4f}"
                speeds.check("speed error, uncorrected", where, off, high=OFF_SPEED)
                speeds.check("peak jerk", where, jerk / jerks[speed], *JERK)
            figures = (f"{speed_error(one):.4f}", own, f"{skating_ratio(one):.4f}", f"{jerk:.0f}")
            speeds.rows.append((name, f"{speed:g}", *figures, f"{jerk / jerks[speed]:.2f}"))
        errors = rollouts.path_errors(model)
        paths.rows.append((name, *(f"{mean:.3f} {most:.3f}" for mean, most in errors.values())))
        for route, most in ROUTE_M.items():
            paths.check("path error", f"{name}, {route}", errors[route][1], high=most)
        if model is None:
            continue
        for speed, one in free.items():
            long.rows.append(_endurance(long, name, speed, one.states))
        times = [rollouts.response_s(model, *pair) for pair in CHANGES]
        for pair, took in zip(CHANGES, times, strict=True):
            change.check("response", f"{name}, {' to '.join(pair)}", took, high=RESPONSE_S)
        share = rollouts.learned_share(model)
        change.check("learned share", name, share, low=0.95)
        whole, headless = rollouts.moved_without_head(model)
        change.check(
            "displacement left without the position head", name, headless / whole, high=0.5
        )
        told = (f"{share:.3f}", f"{headless / whole:.2f}")
        change.rows.append((name, *(f"{took:.3f}" for took in times), *told))
    show([speeds, paths, long, change], markdown, **_page("rollout", models))


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
        alone, many = (_ms(model, n) / n for n in (1, 64))
        crowd = rollouts.crowd_cost(model, 100)
        section.check("ms a chunk", name, alone, high=4.0)
        section.check("ms an actor in 64", name, many, high=3.5)
        section.check("s of CPU per s, 100 actors", name, crowd, high=1.0)
        size = model.path.stat().st_size / 1e6
        section.rows.append((name, f"{size:.1f}", *(f"{v:.2f}" for v in (alone, many, crowd))))
    show([section], markdown, **_page("cost", models))


def _ms(model: MotionModel, n: int) -> float:
    """Least CPU time, ms, of a call that serves ``n``."""
    rng = np.random.default_rng(0)
    inputs = (
        0.1 * rng.standard_normal((n, model.history, 22)),
        np.zeros((n, model.text)),
        np.zeros((n, model.text)),
        np.zeros((n, model.chunk, 3)),
        np.ones((n, 1)),
        rng.standard_normal((n, model.chunk, 22)),
    )
    best = np.inf
    for _ in range(8):
        start = time.process_time()
        model.plan(*inputs)
        best = min(best, time.process_time() - start)
    return 1e3 * best


if __name__ == "__main__":
    run_command(app)
