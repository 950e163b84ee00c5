"""``python -m tools.generate_dataset``: episodes of people who do all they can, from a seed.

Run it again and it makes what is missing. ``manifest.json`` says what is in the dataset.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from entities.atomic_write import write_whole
from entities.command import run_command, users_fault
from entities.scene import MAX_DURATION_S
from ml.episodes.layout import INFO
from ml.episodes.reader import open_dataset
from sim.command import counting_bar
from sim.generate.dataset import (
    MANIFEST,
    Made,
    Recipe,
    SceneJob,
    generate,
    manifest,
    travelled,
    verify,
)
from sim.output.jobs import Answer, Engine, WorkerDied, check_engine, do_all

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
Flag = typer.Option
Work = Callable[[SceneJob], Made]
MAX_SEED = 2**63 - 1
FAR_EDGES = (0.0, 0.05, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 50.0, 100.0)
"""m, where the printed distribution of net displacement is cut."""


@app.command(help=__doc__)
def generate_dataset(
    out: Annotated[Path, typer.Argument(help="The dataset's folder.")],
    samples: Annotated[int, Flag(min=1, help="Episodes it is to have: tracks of an actor.")] = 100,
    seconds: Annotated[float, Flag(help="How long each is.")] = 10.0,
    seed: Annotated[int, Flag(min=0, max=MAX_SEED, help="Another number, other people.")] = 0,
    engine: Annotated[Engine, Flag(help="Processes here, or a Ray cluster.")] = Engine.LOCAL,
    workers: Annotated[int | None, Flag(help="Processes; one per core by default.")] = None,
    address: Annotated[str | None, Flag(help="The Ray cluster's; auto by default.")] = None,
    check: Annotated[
        int | None, Flag(metavar="SCENE", help="Only make this scene again and compare.")
    ] = None,
    quiet: Annotated[bool, Flag("--quiet", help="No progress.")] = False,
) -> int:
    """Generate what is missing; 0 when all is there."""
    if check is not None:
        with users_fault():
            lines = verify(open_dataset(out), check)
        print("\n".join(lines) or f"scene {check}: the same again")
        return 1 if lines else 0
    with users_fault():
        if not 1.0 <= seconds <= MAX_DURATION_S:
            raise ValueError(f"--seconds: {seconds:g}; expected 1 to {MAX_DURATION_S:g}")
        check_engine(engine, workers, address)
        if (out / MANIFEST).is_symlink():
            raise ValueError(f"{out / MANIFEST}: a link; expected a file of the dataset itself")

        def do(work: Work, jobs: Iterator[SceneJob]) -> Iterator[Answer]:
            answers = do_all(work, jobs, engine=engine, workers=workers, address=address)
            with closing(answers):
                yield from answers

        before = len(open_dataset(out)) if (out / INFO).is_file() else 0
        with counting_bar("episodes", quiet, samples) as progress:
            try:
                generate(out, samples, Recipe(seed, seconds), do, progress)
            except WorkerDied as error:
                raise ValueError(f"{out}: {error}; run it again to go on") from None
    spent = cpu_seconds()
    with users_fault():  # what others wrote before may be damaged
        dataset = open_dataset(out)
        made = manifest(dataset)
        write_whole(out / MANIFEST, json.dumps(made, indent=2) + "\n")
    print(
        f"{made['episodes']} episodes, {made['hours']:g} h, {made['megabytes']:g} MB, "
        f"{1e3 * made['megabytes'] / made['episodes']:.1f} KB each; "
        f"{made['rejected']['share']:.2%} rejected {made['rejected']['by'] or ''}"
    )
    new = made["episodes"] - before
    if new and engine is Engine.LOCAL:
        print(
            f"{new} of them new in {spent:.0f} s of one core: {new / spent:.1f} a second, "
            f"{new * seconds / spent:.0f} actor-seconds a second"
        )
    far, _ = travelled(dataset)
    print("net displacement:")
    counts, _ = np.histogram(far, [*FAR_EDGES, np.inf])
    for low, high, n in zip(FAR_EDGES, (*FAR_EDGES[1:], np.inf), counts, strict=True):
        print(f"  {low:6.2f} to {high:6.2f} m  {n:6d}  {'#' * round(60 * n / max(counts))}")
    print(f"content {made['content_hash']}")
    return 0


def cpu_seconds() -> float:
    """CPU time, s, of this process and of its children that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


if __name__ == "__main__":
    run_command(app)
