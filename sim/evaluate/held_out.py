"""Held-out windows: what models generate from their histories, measured against what followed.

A window is a history and the frames after it (a chunk). Other takes of the same clause show how
far apart two equally right chunks may be.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from entities.actions import ACTIONS
from entities.command import users_fault
from entities.skeleton import N_JOINTS
from ml.capture.refit import with_human_bones
from ml.episodes.features import N_POSE
from ml.measure.metrics import peak_jerk, skating_ratio
from ml.measure.report import Section
from ml.motion.corpus import Corpus, Windows, cut_windows, single_clause_starts
from ml.motion.runtime import MAX_BATCH, MotionModel, smooth_poses
from sim.evaluate import rollouts
from sim.evaluate.model_tables import JERK

METRICS = (
    "FID", "top 1", "top 2", "top 3", "matching", "diversity", "joints m", "root m", "skate 2cm",
    "jerk / real",
)  # fmt: skip
"""Columns of ``window_section``."""
JUDGE_STEPS = 3000
"""Training steps of a judge that is not there yet."""
CAPTURED_WINDOWS = 256
"""Windows of an action at most, of captured people."""
TRAVEL_METRICS = ("ADE m", "FDE m", "travelled m", "within 2 % + 3 cm")


def other_takes(
    corpus: Corpus, at: np.ndarray, length: int, rng: np.random.Generator
) -> np.ndarray:
    """Other windows (N, C, 22) in which the same clauses are in force, where there are any."""
    every = single_clause_starts(corpus, length)
    order = np.argsort(corpus.clause[every], kind="stable")
    every = every[order]
    low = np.searchsorted(corpus.clause[every], corpus.clause[at], "left")
    high = np.searchsorted(corpus.clause[every], corpus.clause[at], "right")
    return corpus.state[every[rng.integers(low, high)][:, None] + np.arange(length)]


def generate(model: MotionModel, truth: Windows, before: int) -> np.ndarray:
    """Chunks (N, C, 22) from the windows' histories, texts and velocities, as they are shown.

    before: frames of history in a window.
    """
    rng = np.random.default_rng(3)
    asked = truth.asked[:, before:]
    parts = []
    for k in range(0, len(asked), MAX_BATCH):
        some = slice(k, k + MAX_BATCH)
        n = len(asked[some])
        history = truth.state[some, :before]
        chunk, _ = model.plan(
            history,
            truth.text[some],
            truth.style[some],
            asked[some],
            np.ones((n, 1)),
            rng.standard_normal((n, model.chunk, truth.state.shape[2])),
        )
        parts.append(with_human_bones(smooth_poses(history[:, -2:], chunk)))
    return np.concatenate(parts)


def figures(
    states: np.ndarray, real: np.ndarray, offset: np.ndarray
) -> tuple[float, float, float, float]:
    """Chunks against the real ones: mean joint error and root error, m; skating; jerk, m/s³.

    states, real: (N, C, 22). offset: (N, C) rad, headings. Jerk is the median of the chunks' peaks.
    """
    off = (states - real)[..., :N_POSE].reshape(*states.shape[:2], N_JOINTS, 2)
    apart = np.linalg.norm(off, axis=3)
    root = np.linalg.norm(np.cumsum((states - real)[..., -2:], axis=1), axis=2)
    motions = [
        rollouts.stream_motion(own.astype(float), heading.astype(float))
        for own, heading in zip(states, offset, strict=True)
    ]
    skating = np.mean([skating_ratio(one) for one in motions])
    jerk = np.median([peak_jerk(one) for one in motions])
    return float(apart.mean()), float(root.mean()), float(skating), float(jerk)


def measure_windows(
    models: dict[str, MotionModel],
    held_out: Corpus,
    learned_from: Corpus,
    judge_file: Path,
    most: int,
) -> tuple[dict[str, tuple[float, ...]], int]:
    """METRICS of what is real, of other takes, and of every model; and the number of windows.

    models: of one length of history and chunk. learned_from: what a new judge learns from.
    judge_file: written if it is not there. most: windows at most. Raises UserError where the
    captions held out are too few to tell motions apart.
    """
    from sim.evaluate import judge as judging  # needs torch, an extra

    like = next(iter(models.values()))
    length, before = like.chunk, like.history
    rng = np.random.default_rng(11)
    at = single_clause_starts(held_out, length)
    at = at[at - held_out.first[at] >= 1]
    at = rng.choice(at, min(most, len(at)), replace=False)
    judge = judging.opened(judge_file, learned_from, length, JUDGE_STEPS)
    truth = cut_windows(held_out, at, before, length, np.random.default_rng(0))
    made = {"real": truth.state[:, before:]}
    made["teacher, other takes"] = other_takes(held_out, at, length, rng)
    for name, model in models.items():
        made[name] = generate(model, truth, before)
    clause = held_out.clause[at]
    real = judging.features(judge, made["real"])
    offset = truth.offset[:, before:]
    measured = {name: figures(states, made["real"], offset) for name, states in made.items()}
    rows: dict[str, tuple[float, ...]] = {}
    for name, states in made.items():
        seen = judging.features(judge, states)
        with users_fault():
            hits, distance = judging.r_precision(judge, seen, clause, held_out.vectors)
        *errors, jerk = measured[name]
        jerk_ratio = jerk / measured["real"][-1]
        rows[name] = (
            judging.frechet(real, seen),
            *hits.tolist(),
            distance,
            judging.diversity(seen),
            *errors,
            jerk_ratio,
        )
    return rows, len(at)


def window_section(
    rows: dict[str, tuple[float, ...]],
    n_windows: int,
    seconds: float,
    ours: Iterable[str],
    *,
    beside_regression: bool,
    int8: bool,
) -> Section:
    """Table of ``measure_windows``; ours are checked against what is real.

    seconds: of a window's chunk. beside_regression: check ours against the row "regression", too.
    int8: the second of ours is the first in 8 bits.
    """
    section = Section(
        f"{n_windows} held-out generated windows of {seconds:.2f} s", ("source", *METRICS)
    )
    for name, row in rows.items():
        section.rows.append((name, f"{row[0]:.4f}", *(f"{v:.3f}" for v in row[1:])))
    section.notes.append(
        "real: what followed, the judge's ceiling; other takes of the same sentences by the "
        "animator, who made it, are as far from it as real motion is from itself"
    )
    for name in ours:
        section.check("R-precision top 3", name, rows[name][3], low=0.9 * rows["real"][3])
        section.check("peak jerk", name, rows[name][-1], *JERK)
        if beside_regression:
            section.check("FID", name, rows[name][0], high=rows["regression"][0])
            top = rows["regression"][3]
            section.check("R-precision top 3", f"{name} to regression", rows[name][3], top)
    if int8:
        section.check_same(METRICS, {name: rows[name] for name in ours})
    return section


def travel_section(
    models: dict[str, MotionModel], ours: Iterable[str], held_out: Corpus, *, int8: bool
) -> Section:
    """How far roots are from where they should be, with the velocity asked for and without."""
    section = Section("Root over 2 s, from held-out histories", ("model", "asked", *TRAVEL_METRICS))
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
            section.check_same(TRAVEL_METRICS, rows, f", {what}")
    return section


def captured_section(models: dict[str, MotionModel], people: Corpus) -> Section:
    """Errors beside captured people, by action: they are too few for the judge.

    models: of one length of history and chunk.
    """
    section = Section(
        "Held-out captured people: joints off, m (root off, m)", ("action", "windows", *models)
    )
    section.notes.append(
        "mean over the chunk, from captured histories, the caption and the velocity that was; "
        "nearest of the teacher's: what the procedural animator has to offer"
    )
    like = next(iter(models.values()))
    length, before = like.chunk, like.history
    rng = np.random.default_rng(17)
    every = single_clause_starts(people, length)
    every = every[every - people.first[every] >= before]
    for action in np.unique(people.action[every]).tolist():
        at = every[people.action[every] == action]
        if len(at) < length:  # less than a second of starts says little
            continue
        at = rng.choice(at, min(CAPTURED_WINDOWS, len(at)), replace=False)
        truth = cut_windows(people, at, before, length, np.random.default_rng(0))
        real, offset = truth.state[:, before:], truth.offset[:, before:]
        cells = []
        for model in models.values():
            joints, root, *_ = figures(generate(model, truth, before), real, offset)
            cells.append(f"{joints:.3f} ({root:.3f})")
        section.rows.append((ACTIONS[action].value, str(len(at)), *cells))
    return section
