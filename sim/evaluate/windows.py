"""Held-out moments: what else was done at the like, what models make of them, and how far off."""

import numpy as np

from entities.skeleton import N_JOINTS
from ml.capture.refit import with_human_bones
from ml.episodes.features import N_POSE
from ml.measure.metrics import peak_jerk, skating_ratio
from ml.motion.corpus import Corpus, Windows, whole_windows
from ml.motion.runtime import MOST_AT_ONCE, MotionModel, calmed
from sim.evaluate.rollouts import stream_motion


def others(corpus: Corpus, at: np.ndarray, length: int, rng: np.random.Generator) -> np.ndarray:
    """Other windows (N, C, 22) in which the same clauses are in force, where there are any."""
    every = whole_windows(corpus, length)
    order = np.argsort(corpus.clause[every], kind="stable")
    every = every[order]
    low = np.searchsorted(corpus.clause[every], corpus.clause[at], "left")
    high = np.searchsorted(corpus.clause[every], corpus.clause[at], "right")
    return corpus.state[every[rng.integers(low, high)][:, None] + np.arange(length)]


def generate(model: MotionModel, truth: Windows, before: int) -> np.ndarray:
    """Chunks (N, C, 22) from the windows' histories, texts and velocities, as they are shown."""
    rng = np.random.default_rng(3)
    asked = truth.asked[:, before:]
    parts = []
    for k in range(0, len(asked), MOST_AT_ONCE):
        some = slice(k, k + MOST_AT_ONCE)
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
        parts.append(with_human_bones(calmed(history[:, -2:], chunk)))
    return np.concatenate(parts)


def figures(
    states: np.ndarray, real: np.ndarray, offset: np.ndarray
) -> tuple[float, float, float, float]:
    """How far joints and root are from what followed, m; skating; peak jerk, m/s³."""
    off = (states - real)[..., :N_POSE].reshape(*states.shape[:2], N_JOINTS, 2)
    apart = np.linalg.norm(off, axis=3)
    root = np.linalg.norm(np.cumsum((states - real)[..., -2:], axis=1), axis=2)
    motions = [
        stream_motion(own.astype(float), heading.astype(float))
        for own, heading in zip(states, offset, strict=True)
    ]
    skating = np.mean([skating_ratio(one) for one in motions])
    jerk = np.median([peak_jerk(one) for one in motions])
    return float(apart.mean()), float(root.mean()), float(skating), float(jerk)
