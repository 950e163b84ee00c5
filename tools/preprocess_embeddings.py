"""``python -m tools.preprocess_embeddings``: every caption and clause of a dataset as a vector.

They lie beside the dataset, in ``meta/embeddings``; run it again and it encodes what is missing. It
ends with 1 if an episode's own texts cannot be read.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from entities.command import run_command, users_fault
from ml.episodes.embeddings import embed, texts_of
from ml.episodes.reader import open_dataset
from ml.text.encoders import DEFAULT, open_encoder
from sim.command import counting_bar

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(help=__doc__)
def preprocess_embeddings(
    dataset: Annotated[Path, typer.Argument(help="The dataset's folder.")],
    encoder: Annotated[
        str, typer.Option(help="NAME[@DIM][=WEIGHTS], as for run_sim.py --embedder.")
    ] = DEFAULT,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> int:
    """Encode what is missing."""
    damage: list[str] = []
    with users_fault():
        opened, model = open_dataset(dataset), open_encoder(encoder)
        with counting_bar("texts", quiet) as progress:
            n = embed(opened, model, progress, damage)
    texts = texts_of(opened, [])
    print(f"{len(texts)} texts, {n} of them new, as {model.dim} numbers each by {model.name}")
    for line in damage:
        print(line, file=sys.stderr)
    return 1 if damage else 0


if __name__ == "__main__":
    run_command(app)
