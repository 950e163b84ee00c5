"""``python -m tools.fit_adapter ENCODER``: a linear map from its space into the default one's.

Motion was learned with the default encoder. ENCODER is such as
qwen3-0.6b=/models/Qwen3-Embedding-0.6B.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from entities.atomic_write import check_target
from entities.command import refused_by_system, run_command, users_fault
from entities.files import read_text
from ml.text.adapter_fit import fit
from ml.text.encoders import adapter_file, default_adapters, default_cache, open_encoder
from sim.story.sample_sentences import sentences

N_SENTENCES = 4_000

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(help=__doc__)
def fit_adapter(
    encoder: Annotated[str, typer.Argument(help="NAME[@DIM][=WEIGHTS] or a directory.")],
    corpus: Annotated[
        Path | None, typer.Option(help="One prompt a line; made from the lexicon without it.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The adapter's file.")] = None,
) -> None:
    """Fit, report how well retrieval agrees with the default encoder, and save."""
    with users_fault():
        if out is not None:
            check_target(out)  # refused before the work, not after it
        source = open_encoder(encoder, cache=default_cache())
        texts = sentences(N_SENTENCES) if corpus is None else read_corpus(corpus)
        adapter, report = fit(source, open_encoder(cache=default_cache()), texts)
    if source.notice:
        print(source.notice, file=sys.stderr)
    path = out or default_adapters() / adapter_file(encoder)
    with refused_by_system():
        adapter.save(path)
    print("; ".join(f"{name} {value:.3g}" for name, value in report.items()))
    print(path)


def read_corpus(path: Path) -> list[str]:
    """The different lines of a file that are not empty."""
    lines = (line.strip() for line in read_text(path).split("\n"))
    return list(dict.fromkeys(line for line in lines if line))


if __name__ == "__main__":
    run_command(app)
