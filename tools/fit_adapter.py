"""Fit a linear map from an encoder's space into the default one's, where motion was learned.

Run: python -m tools.fit_adapter qwen3-0.6b=/models/Qwen3-Embedding-0.6B
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ml.text.encoders import (
    Adapter,
    EncoderError,
    TextEncoder,
    adapter_file,
    default_adapters,
    default_cache,
    open_encoder,
)
from sim.story.corpus import sentences

N_SENTENCES = 4_000
HELD_OUT = 0.2
"""Share of the corpus that is not fitted but judged by."""
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Ridge penalties tried, as shares of the mean variance of an input."""
NEIGHBOURS = 5


def main(
    encoder: Annotated[str, typer.Argument(help="NAME[@DIM][=WEIGHTS] or a directory.")],
    corpus: Annotated[
        Path | None, typer.Option(help="One prompt a line; made from the lexicon without it.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The adapter's file.")] = None,
) -> None:
    """Fit, report how well retrieval agrees with the default encoder, and save."""
    texts = sentences(N_SENTENCES) if corpus is None else read_corpus(corpus)
    try:
        source = open_encoder(encoder, cache=default_cache())
        adapter, report = fit(source, open_encoder(cache=default_cache()), texts)
    except EncoderError as error:
        typer.echo(f"fit_adapter: {error}", err=True)
        raise typer.Exit(2) from None
    if source.notice:
        typer.echo(source.notice, err=True)
    path = out or default_adapters() / adapter_file(encoder)
    adapter.save(path)
    print("; ".join(f"{name} {value:.3g}" for name, value in report.items()))
    print(path)


def read_corpus(path: Path) -> list[str]:
    """The different lines of a file that are not empty."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return list(dict.fromkeys(line.strip() for line in lines if line.strip()))


def fit(
    source: TextEncoder, target: TextEncoder, texts: list[str]
) -> tuple[Adapter, dict[str, float]]:
    """The map that is best on held-out texts, and what it does to them.

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


if __name__ == "__main__":
    typer.run(main)
