"""A campaign: many seeded tries of one kind, each in a process of its own, and what became of them.

A try is a function of a seed and an empty folder. It makes what is hostile, tries it and returns an
``Outcome``; what it raises, and a child that hangs or dies, is a failure, too. The folder of a try
that failed is kept: it holds the very input.
"""

import select
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import TypeVar

import numpy as np

from sim.robustness.isolation import Child, Ended

T = TypeVar("T")

REPORT = "failed.txt"
"""In the folder of a try that failed: what was wrong with it."""


@dataclass(slots=True)
class Outcome:
    """What became of a try. failures: a line, or a traceback, for each promise that was broken."""

    runs: int = 0  # things that were tried: commands, prompts, events, …
    refused: int = 0  # of these, the ones that ended in a refusal of one line
    failures: list[str] = field(default_factory=list)
    slowest_s: float = 0.0  # of the runs


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of hostility, and how much of it is shown to do no harm."""

    name: str
    what: str  # in a few words, for people
    attempt: Callable[[int, Path], Outcome]
    tries: int  # of a whole campaign, seeds 0 to tries - 1
    limit_s: float  # for one try
    memory_mb: float = 1_500.0  # a try may use
    ready: Callable[[], None] | None = None  # done once, so that no try has to


@dataclass(slots=True)
class Tally:
    """What became of all the tries of a kind so far."""

    kind: Kind
    tries: int = 0
    runs: int = 0
    refused: int = 0
    hangs: int = 0
    crashes: int = 0
    slowest_s: float = 0.0
    peak_mb: float = 0.0
    cpu_s: float = 0.0  # processor time of all the tries
    failed: list[tuple[int, str]] = field(default_factory=list)  # seed, the first line

    def add(self, seed: int, ended: Ended) -> list[str]:
        """Count a try that has ended; what was wrong with it."""
        outcome = ended.value if isinstance(ended.value, Outcome) else Outcome(runs=1)
        wrong = list(outcome.failures)
        if ended.hung:
            self.hangs += 1
            wrong.append(ended.what())
        elif ended.code != 0:
            self.crashes += 1
            wrong.append(f"{ended.what()}\n{ended.err.strip()}")
        elif ended.peak_mb > self.kind.memory_mb:
            wrong.append(f"used {ended.peak_mb:.0f} MB; allowed {self.kind.memory_mb:.0f}")
        self.tries += 1
        self.runs += outcome.runs
        self.refused += outcome.refused
        self.hangs += sum(line.startswith("hangs") for line in outcome.failures)
        self.slowest_s = max(self.slowest_s, outcome.slowest_s or ended.seconds)
        self.peak_mb = max(self.peak_mb, ended.peak_mb)
        self.cpu_s += ended.cpu_s
        if wrong:
            self.failed.append((seed, wrong[0].splitlines()[0]))
        return wrong


def run_campaigns(
    kinds: list[Kind],
    *,
    first_seed: int = 0,
    tries: int | None = None,
    until: float | None = None,
    workers: int = 1,
    keep: Path | None = None,
    told: Callable[[Tally, int, list[str]], None] | None = None,
) -> list[Tally]:
    """Try kinds side by side, each the further the less of it is done; their tallies.

    first_seed: the others count up from it. tries: of each kind; its own number by default, or
    without end where there is an end in time. until: ``time.monotonic()`` after which no try
    begins. keep: where the folders of tries that failed go. told: called after each try with the
    tally, the seed and what was wrong.
    """
    for ready in dict.fromkeys(kind.ready for kind in kinds):
        if ready is not None:
            ready()
    tallies = [Tally(kind) for kind in kinds]
    coming = _in_turn(kinds, tries, endless=until is not None and tries is None)
    busy: dict[int, tuple[Child, int, int, Path]] = {}
    over = False
    with tempfile.TemporaryDirectory(prefix="torture-") as scratch:
        ready = select.poll()
        while True:
            while not over and len(busy) < workers:
                drawn = next(coming, None)
                over = drawn is None or (until is not None and time.monotonic() > until)
                if over:
                    break
                which, number = drawn
                kind, seed = kinds[which], first_seed + number
                folder = Path(scratch, f"{kind.name}-{seed}")
                folder.mkdir()
                work = partial(kind.attempt, seed, folder)
                child = Child(work, kind.limit_s, folder)
                busy[child.handle] = child, which, seed, folder
                ready.register(child.handle, select.POLLIN)
            if not busy:
                return tallies
            soonest = min(child.left_s() for child, *_ in busy.values())
            ended = [handle for handle, _ in ready.poll(max(0.0, 1e3 * soonest))]
            ended += [handle for handle in busy if busy[handle][0].left_s() <= 0.0]
            for handle in dict.fromkeys(ended):
                child, which, seed, folder = busy.pop(handle)
                ready.unregister(handle)
                wrong = tallies[which].add(seed, child.wait())
                _put_away(folder, wrong, keep)
                if told is not None:
                    told(tallies[which], seed, wrong)


def _in_turn(kinds: list[Kind], tries: int | None, *, endless: bool) -> Iterator[tuple[int, int]]:
    """The place of a kind and the number of its try: next is the kind of which least is done."""
    done = [0] * len(kinds)
    for _ in count():
        share = [n / kind.tries for n, kind in zip(done, kinds, strict=True)]
        left = [
            which
            for which, kind in enumerate(kinds)
            if endless or done[which] < (kind.tries if tries is None else tries)
        ]
        if not left:
            return
        which = min(left, key=share.__getitem__)
        yield which, done[which]
        done[which] += 1


def _put_away(folder: Path, wrong: list[str], keep: Path | None) -> None:
    """Keep the folder of a try that failed, with what was wrong, and remove any other."""
    if wrong and keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        kept = keep / folder.name
        shutil.rmtree(kept, ignore_errors=True)
        shutil.move(folder, kept)
        (kept / REPORT).write_text("\n\n".join(wrong) + "\n", encoding="utf-8")
    else:
        shutil.rmtree(folder, ignore_errors=True)


def pick(draw: np.random.Generator, choices: Sequence[T]) -> T:
    """One of the choices, as it is: numpy's own ``choice`` makes arrays of them."""
    return choices[int(draw.integers(len(choices)))]
