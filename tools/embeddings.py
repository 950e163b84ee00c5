"""How well encoders tell actions apart, and the verbs' vectors that come with the package.

``bundle`` writes assets/models/verb_vectors.npz, after verbs.json or the encoder has changed;
``benchmark`` writes docs/embeddings.md.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from ml.text.encoders import DEFAULT
from sim.evaluate.encoder_accuracy import report, save_verb_vectors
from sim.story.language.nearest import VECTORS

PARAPHRASES = Path("tests/data/paraphrases.json")

app = typer.Typer(add_completion=False)


@app.command()
def bundle() -> None:
    """Keep the default encoder's vectors of all verb phrases, so that a cold start is quick."""
    n_phrases = save_verb_vectors()
    print(f"{VECTORS}: {n_phrases} phrases, {VECTORS.stat().st_size / 1e6:.1f} MB")


@app.command()
def benchmark(
    encoders: Annotated[list[str] | None, typer.Argument(help="Such as qwen3-0.6b=DIR.")] = None,
    out: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("docs/embeddings.md"),
) -> None:
    """Nearest-action accuracy on the paraphrases of every action, per encoder."""
    paraphrases = json.loads(PARAPHRASES.read_text(encoding="utf-8"))
    page = report(encoders or [DEFAULT], paraphrases, PARAPHRASES.as_posix())
    out.parent.mkdir(exist_ok=True)
    out.write_text(page, encoding="utf-8")
    print(out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    app()
