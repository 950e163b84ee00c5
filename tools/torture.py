"""``python -m tools.torture``: everything a user may type, press, open or cut short, by seeds.

Without ``--minutes`` every kind is tried as often as docs/reliability.md says: about an hour on two
cores. A try that fails leaves its input in ``--keep``, and ``--only KIND --seed S`` is that try
again. It ends with 1 if anything failed.
"""

import os
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from entities.command import run_command, users_fault

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
Flag = typer.Option
LONG = ("soak",)
"""Kinds of a single try that takes many minutes: not part of a run of some minutes, unless asked
for."""


@app.command(help=__doc__)
def torture(
    minutes: Annotated[float | None, Flag(min=0.0, help="Stop after so many.")] = None,
    seed: Annotated[
        int | None, Flag(min=0, help="The first; with --only and no --minutes the only one.")
    ] = None,
    only: Annotated[list[str] | None, Flag(metavar="KIND", help="Just this; repeatable.")] = None,
    tries: Annotated[int | None, Flag(min=1, help="Of each kind, instead of all.")] = None,
    workers: Annotated[int | None, Flag(min=1, help="At a time; one per core.")] = None,
    keep: Annotated[Path, Flag(metavar="DIR", help="For what failed.")] = Path("torture-failures"),
    kinds: Annotated[bool, Flag("--kinds", help="Print the kinds there are.")] = False,
) -> int:
    """Try, count, and say what failed."""
    # The tries share the cores: threads of one would only wait for those of the others.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    os.environ["SDL_VIDEODRIVER"] = os.environ["SDL_AUDIODRIVER"] = "dummy"
    from sim.robustness.campaign import Tally, run_campaigns
    from sim.robustness.kinds import KINDS

    if kinds:
        for kind in KINDS:
            print(f"{kind.name:16} {kind.tries:6,} x {kind.what}")
        return 0
    names = [kind.name for kind in KINDS]
    with users_fault():
        for name in only or ():
            if name not in names:
                raise ValueError(f"--only: {name!r}; expected one of {', '.join(names)}")
    chosen = [kind for kind in KINDS if kind.name in (only or names)]
    if minutes is not None and only is None:
        chosen = [kind for kind in chosen if kind.name not in LONG]
    if only and seed is not None and minutes is None and tries is None:
        tries = 1

    def told(tally: Tally, number: int, wrong: list[str]) -> None:
        if wrong:
            first = wrong[0].splitlines()[0]
            print(f"{tally.kind.name} --seed {number}: {first}", file=sys.stderr, flush=True)

    tallies = run_campaigns(
        chosen,
        first_seed=seed or 0,
        tries=tries,
        until=None if minutes is None else time.monotonic() + 60.0 * minutes,
        workers=workers or len(os.sched_getaffinity(0)),
        keep=keep,
        told=told,
    )
    _show(tallies)
    failed = [(tally, number, line) for tally in tallies for number, line in tally.failed]
    for tally, number, line in failed:
        print(f"--only {tally.kind.name} --seed {number}: {line}")
    if failed:
        print(f"what failed is in {keep}")
    return 1 if failed else 0


def _show(tallies: list) -> None:
    """A line for each kind, and its counts."""
    head = ("kind", "tries", "runs", "refused", "failed", "crashes", "hangs", "slowest", "memory")
    rows = [
        (
            tally.kind.name,
            f"{tally.tries:,}",
            f"{tally.runs:,}",
            f"{tally.refused:,}",
            f"{len(tally.failed):,}",
            f"{tally.crashes:,}",
            f"{tally.hangs:,}",
            f"{tally.slowest_s:.1f} s",
            f"{tally.peak_mb:.0f} MB",
            f"{tally.cpu_s / max(tally.tries, 1):.2f} s",
        )
        for tally in tallies
    ]
    lines = [(*head, "processor, a try"), *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        first, *others = (
            f"{cell:>{width}}" if i else f"{cell:<{width}}"
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        print("  ".join([first, *others]))


if __name__ == "__main__":
    run_command(app)
