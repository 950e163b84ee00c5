"""A campaign counts what becomes of its tries, keeps what failed, and repeats it by its seed."""

import os
import signal
import time
from pathlib import Path

import pytest

from sim.robustness.campaign import REPORT, Kind, Outcome, run_campaigns

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


def troubled(seed: int, folder: Path) -> Outcome:
    """What seeds 3 to 6 do, nothing else should."""
    (folder / "input").write_text(str(seed), encoding="utf-8")
    if seed == 3:
        raise KeyError("woman")
    if seed == 4:
        os.kill(os.getpid(), signal.SIGABRT)
    if seed == 5:
        time.sleep(60)
    if seed == 6:
        return Outcome(runs=2, failures=["a file outside was changed"])
    return Outcome(runs=2, refused=1, slowest_s=0.25)


KIND = Kind("troubled", "seeds that fail", troubled, tries=8, limit_s=1.0)


def test_every_way_to_fail_is_counted_and_kept(tmp_path):
    told = []
    (tally,) = run_campaigns(
        [KIND], workers=2, keep=tmp_path / "kept", told=lambda *said: told.append(said[1:])
    )
    assert (tally.tries, tally.refused, tally.crashes, tally.hangs) == (8, 4, 2, 1)
    assert tally.runs == 4 * 2 + 2 + 3  # one that dies counts as one
    assert sorted(seed for seed, _ in tally.failed) == [3, 4, 5, 6]
    why = dict(tally.failed)
    assert why[3] == "exit 1: KeyError: 'woman'"
    assert "SIGABRT" in why[4]
    assert why[5].startswith("hangs")
    assert why[6] == "a file outside was changed"
    assert len(told) == 8
    kept = tmp_path / "kept"
    assert sorted(path.name for path in kept.iterdir()) == [f"troubled-{k}" for k in (3, 4, 5, 6)]
    assert (kept / "troubled-4" / "input").read_text(encoding="utf-8") == "4"
    assert "woman" in (kept / "troubled-3" / REPORT).read_text(encoding="utf-8")


def test_a_try_is_repeated_by_its_seed():
    (tally,) = run_campaigns([KIND], first_seed=6, tries=1)
    assert tally.failed == [(6, "a file outside was changed")]


def test_too_much_memory_is_a_failure():
    def greedy(seed: int, folder: Path) -> Outcome:
        return Outcome(runs=len(seed * 50_000_000 * b"x"))

    kind = Kind("greedy", "", greedy, tries=2, limit_s=20.0, memory_mb=30.0)
    (tally,) = run_campaigns([kind])
    assert [seed for seed, _ in tally.failed] == [1]
    assert "MB" in tally.failed[0][1]


def test_kinds_go_on_side_by_side_until_the_time_is_over():
    def quick(seed: int, folder: Path) -> Outcome:
        return Outcome(runs=1)

    kinds = [Kind(name, "", quick, tries, 5.0) for name, tries in (("few", 10), ("many", 40))]
    few, many = run_campaigns(kinds, until=time.monotonic() + 1.0)
    assert few.tries >= 2
    assert abs(many.tries / 40 - few.tries / 10) <= 0.2
