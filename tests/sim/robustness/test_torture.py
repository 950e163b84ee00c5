"""The command, and a few tries of every kind; all of them take an hour."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sim.robustness.kills import TARGETS
from sim.robustness.kinds import KINDS
from sim.robustness.soak import soak

ROOT = Path(__file__).parents[3]
NAMES = [kind.name for kind in KINDS]
TRIES = {
    "prompts": 2, "scenes": 60, "later": 10, "live": 16, "window": 4, "datasets": 12, "models": 40,
    "files": 60, "flags": 46, "kills": len(TARGETS),
}  # fmt: skip
"""Of each kind in the slow suite: four minutes in all on two cores."""


def torture(folder: Path, *flags: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "tools.torture", "--keep", str(folder), *map(str, flags)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )


@pytest.mark.slow
def test_it_names_its_kinds_and_refuses_others(tmp_path):
    told = torture(tmp_path, "--kinds")
    assert told.returncode == 0, told.stderr
    assert [line.split()[0] for line in told.stdout.splitlines()] == NAMES
    refused = torture(tmp_path, "--only", "spiders")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "'spiders'; expected one of prompts, scenes" in refused.stderr


@pytest.mark.slow
def test_a_few_scenes_and_sentences_in_a_table(tmp_path):
    done = torture(tmp_path, "--only", "scenes", "--only", "later", "--tries", 2, "--seed", 5)
    assert done.returncode == 0, done.stdout + done.stderr
    head, *rows = done.stdout.splitlines()
    assert re.split(r"\s{2,}", head)[:5] == ["kind", "tries", "runs", "refused", "failed"]
    assert [row.split()[:2] for row in rows] == [["scenes", "2"], ["later", "2"]]


def test_every_kind_but_the_hour_is_in_the_slow_suite():
    assert set(TRIES) == set(NAMES) - {"soak"}


@pytest.mark.slow
@pytest.mark.parametrize("name", TRIES)
def test_nothing_comes_of_hostility(name, tmp_path):
    """Other seeds than the whole campaign begins with."""
    done = torture(
        tmp_path / "kept", "--only", name, "--tries", TRIES[name], "--seed", 60_000, "--workers", 1
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_a_minute_of_a_crowd_in_constant_memory_is_the_same_again(tmp_path):
    outcome = soak(
        tmp_path / "d", 1, minutes=2, actors=10, every_s=5.0, motion="procedural", again=True
    )
    assert outcome.failures == []
    assert outcome.runs == 24
    assert outcome.refused < 6
