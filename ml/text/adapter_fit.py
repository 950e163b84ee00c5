"""Fits a linear map (an Adapter) from one encoder's space into another's."""

import numpy as np

from ml.text.base import EncoderError
from ml.text.encoders import Adapter, TextEncoder

HELD_OUT = 0.2
"""Share of the texts that is not fitted but measures the fit."""
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Ridge penalties tried, as shares of the mean variance of an input."""
NEIGHBOURS = 5
"""Nearest texts that both spaces are compared by."""


def fit(
    source: TextEncoder, target: TextEncoder, texts: list[str]
) -> tuple[Adapter, dict[str, float]]:
    """The map that is best on held-out texts, and its figures on them by name.

    Ridge regression in closed form, with the penalty that gives the highest mean cosine on the
    held-out texts. Raises EncoderError for fewer than 50 texts.
    """
    if len(texts) < 50:
        raise EncoderError(f"{len(texts)} texts; expected at least 50 to fit and judge by")
    x, y = source.encode(texts).astype(np.float64), target.encode(texts).astype(np.float64)
    order = np.random.default_rng(0).permutation(len(texts))
    n_held = max(10, round(HELD_OUT * len(texts)))
    held, kept = order[:n_held], order[n_held:]
    mean_x, mean_y = x[kept].mean(axis=0), y[kept].mean(axis=0)
    centred = x[kept] - mean_x
    # With fewer texts than inputs the dual form is the smaller system; both give the same map.
    square = centred @ centred.T if len(kept) < x.shape[1] else centred.T @ centred
    scale = np.trace(square) / len(square)
    best: tuple[float, Adapter] | None = None
    for penalty in PENALTIES:
        solved = square + penalty * scale * np.eye(len(square))
        if len(kept) < x.shape[1]:
            weight = centred.T @ np.linalg.solve(solved, y[kept] - mean_y)
        else:
            weight = np.linalg.solve(solved, centred.T @ (y[kept] - mean_y))
        offset = mean_y - mean_x @ weight
        adapter = Adapter(
            source.name, target.name, weight.astype(np.float32), offset.astype(np.float32)
        )
        cosine = float((adapter.apply(x[held].astype(np.float32)) * y[held]).sum(axis=1).mean())
        if best is None or cosine > best[0]:
            best = cosine, adapter
    assert best is not None
    cosine, adapter = best
    mapped = adapter.apply(x[held].astype(np.float32))
    report = {
        "texts": float(len(texts)),
        "held out": float(n_held),
        "mean cosine": cosine,
        "own vector nearest": own_nearest(mapped, y[held]),
        f"same {NEIGHBOURS} neighbours": shared_neighbours(mapped, y[held]),
        f"same {NEIGHBOURS} neighbours unmapped": shared_neighbours(x[held], y[held]),
    }
    return adapter, report


def own_nearest(mapped: np.ndarray, wanted: np.ndarray) -> float:
    """Share of texts whose mapped vector is nearest to their own vector. Both (N, E), length 1."""
    return float(((mapped @ wanted.T).argmax(axis=1) == np.arange(len(wanted))).mean())


def shared_neighbours(a: np.ndarray, b: np.ndarray) -> float:
    """Mean share of each text's nearest others that both spaces agree on. Both (N, E)."""
    near = []
    for vectors in (a, b):
        likeness = vectors @ vectors.T
        np.fill_diagonal(likeness, -2.0)
        near.append(np.argsort(-likeness, axis=1, kind="stable")[:, :NEIGHBOURS])
    same = (near[0][:, :, None] == near[1][:, None, :]).any(axis=2)
    return float(same.mean())
