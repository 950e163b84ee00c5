"""``python -m tools.evaluate_story dev``: how many labelled prompts are understood, by aspect.

A line that is no label is named, and the others are counted; it ends with 1 then.
"""

import sys
from typing import Annotated

import typer

from entities.command import run_command, users_fault
from sim.evaluate.story_labels import read_labels, score

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(help=__doc__)
def evaluate_story(
    labels: Annotated[str, typer.Argument(help="dev, test, blind or a JSONL file")] = "dev",
    failures: Annotated[bool, typer.Option(help="list what went wrong")] = True,
) -> int:
    """Print the share right per aspect and of all at once, and the failures."""
    damage: list[str] = []
    with users_fault():
        found = read_labels(labels, damage)
    shares, missed = score(found)
    print(" ".join(f"{aspect} {share:.1%}" for aspect, share in shares.items()))
    if failures:
        print("\n".join(missed))
    for line in damage:
        print(line, file=sys.stderr)
    return 1 if damage else 0


if __name__ == "__main__":
    run_command(app)
