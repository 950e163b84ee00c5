"""A child that hangs, dies, floods or fails: the parent sees how, and goes on."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from sim.robustness.isolation import Child, command, isolated
from sim.robustness.watch import changes, state_of

# A process with threads that forks is warned of from Python 3.12 on; ours do not touch a thread.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


def test_what_work_returns_and_prints_comes_back(tmp_path):
    def work() -> dict:
        print("told")
        print("noted", file=sys.stderr)
        return {"where": os.getcwd()}

    ended = isolated(work, 20.0, tmp_path)
    assert (ended.code, ended.hung) == (0, False)
    assert (ended.out, ended.err) == ("told\n", "noted\n")
    assert ended.value == {"where": str(tmp_path)}


def test_an_exception_is_its_traceback_and_exit_1():
    ended = isolated(lambda: 1 / 0, 20.0)
    assert ended.code == 1
    assert "Traceback" in ended.err
    assert ended.what() == "exit 1: ZeroDivisionError: division by zero"


def test_a_hang_is_ended_with_all_that_it_has_started(tmp_path):
    def work() -> None:
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        time.sleep(60)

    began = time.monotonic()
    ended = isolated(work, 0.5, tmp_path)
    assert ended.hung
    assert ended.what().startswith("hangs")
    assert time.monotonic() - began < 10.0
    assert not ended.left_behind


def test_a_native_crash_is_a_signal():
    ended = isolated(lambda: os.kill(os.getpid(), signal.SIGSEGV), 20.0)
    assert ended.code == -signal.SIGSEGV
    assert "SIGSEGV" in ended.what()


def test_what_outlives_its_parent_is_seen_and_ended():
    def work() -> None:
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])

    assert isolated(work, 20.0).left_behind


def test_memory_is_that_of_the_work_alone():
    assert isolated(lambda: None, 20.0).peak_mb < 30.0
    assert isolated(lambda: int(np.ones(20_000_000).sum()), 20.0).peak_mb > 120.0


def test_a_kill_from_outside():
    child = Child(lambda: time.sleep(60), 20.0)
    child.kill()
    assert child.wait().code == -signal.SIGKILL


def test_a_command_ends_as_in_a_process_of_its_own(tmp_path):
    ended = isolated(command("run_sim", "--recrod", tmp_path), 30.0)
    assert ended.code == 2
    assert ended.err.startswith("stride: ")
    assert "--recrod" in ended.err
    assert len(ended.err.splitlines()) == 1


def test_every_change_in_a_folder_is_seen(tmp_path):
    for name in ("kept", "changed", "touched", "gone"):
        (tmp_path / name).write_text("as it was", encoding="utf-8")
    (tmp_path / "link").symlink_to("kept")
    before = state_of(tmp_path)
    (tmp_path / "changed").write_text("as it is!", encoding="utf-8")
    (tmp_path / "gone").unlink()
    os.utime(tmp_path / "touched", ns=(1, 1))
    (tmp_path / "link").unlink()
    (tmp_path / "link").symlink_to("touched")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "new").write_text("", encoding="utf-8")
    assert changes(before, state_of(tmp_path), ["out"]) == [
        "changed was changed",
        "gone is gone",
        "link was changed",
        "touched was changed",
    ]
    assert "out/new was made" in changes(before, state_of(tmp_path))
