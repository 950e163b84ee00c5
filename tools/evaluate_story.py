"""What share of labelled prompts the story engine understands, aspect by aspect.

python -m tools.evaluate_story dev
"""

from typing import Annotated

import typer

from sim.evaluate.story_labels import read_labels, score


def main(
    labels: Annotated[str, typer.Argument(help="dev, test, blind or a JSONL file")] = "dev",
    failures: Annotated[bool, typer.Option(help="list what went wrong")] = True,
) -> None:
    """Print the share right per aspect and of all at once, and the failures."""
    shares, missed = score(read_labels(labels))
    print(" ".join(f"{aspect} {share:.1%}" for aspect, share in shares.items()))
    if failures:
        print("\n".join(missed))


if __name__ == "__main__":
    typer.run(main)
