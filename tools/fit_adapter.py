"""Fit a linear map from an encoder's space into the default one's, where motion was learned.

Run: python -m tools.fit_adapter qwen3-0.6b=/models/Qwen3-Embedding-0.6B
"""

from pathlib import Path
from typing import Annotated

import typer

from ml.text.adapter_fit import fit
from ml.text.base import EncoderError
from ml.text.encoders import adapter_file, default_adapters, default_cache, open_encoder
from sim.story.sample_sentences import sentences

N_SENTENCES = 4_000


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


if __name__ == "__main__":
    typer.run(main)
