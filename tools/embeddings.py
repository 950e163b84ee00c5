"""How well encoders tell actions apart, and the verbs' vectors that come with the package.

``bundle`` writes assets/models/verb_vectors.npz, after verbs.json or the encoder has changed;
``benchmark`` writes docs/embeddings.md.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from entities.atomic_write import check_target, write_whole
from entities.command import refused_by_system, run_command, users_fault
from entities.files import read_json
from ml.text.base import EncoderError
from ml.text.encoders import DEFAULT
from sim.evaluate.encoder_accuracy import report, save_verb_vectors
from sim.story.language.nearest import VECTORS, lexicon_space

PARAPHRASES = Path("tests/data/paraphrases.json")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def bundle() -> None:
    """Keep the default encoder's vectors of all verb phrases, so that a cold start is quick."""
    with users_fault():
        n_phrases = save_verb_vectors()
    print(f"{VECTORS}: {n_phrases} phrases, {VECTORS.stat().st_size / 1e6:.1f} MB")


@app.command()
def benchmark(
    encoders: Annotated[list[str] | None, typer.Argument(help="Such as qwen3-0.6b=DIR.")] = None,
    out: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("docs/embeddings.md"),
) -> None:
    """Nearest-action accuracy on the paraphrases of every action, per encoder."""
    with users_fault():
        names, damage = _usable(encoders or [DEFAULT])
        check_target(out)  # refused before the work, not after it
        paraphrases = read_json(PARAPHRASES)
        page = report(names, paraphrases, PARAPHRASES.as_posix())
    with refused_by_system():
        write_whole(out, page)
    print(page)
    for line in damage:
        print(line, file=sys.stderr)
    if damage:
        raise typer.Exit(1)


def _usable(encoders: list[str]) -> tuple[list[str], list[str]]:
    """The encoders that can be used, and a line for each that cannot.

    Raises EncoderError if none can.
    """
    names, damage = [], []
    for name in encoders:
        try:
            lexicon_space(name)
            names.append(name)
        except EncoderError as error:
            damage.append(str(error))
    if not names:
        raise EncoderError(damage[0])
    return names, damage


if __name__ == "__main__":
    run_command(app)
