"""Jobs are all answered, once each, whatever happens to the workers."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from entities.errors import UserError
from sim.output import jobs
from sim.output.jobs import TRIES, Engine, WorkerDied, do_all


def double(number: int) -> int:
    if number < 0:
        raise ValueError(f"number: {number}; expected at least 0")
    return 2 * number


def double_but_die_first(job: tuple[int, str]) -> int:
    """Kills its own worker the first time it sees a job; the folder remembers."""
    number, folder = job
    seen = Path(folder, str(number))
    if number % 3 == 0 and not seen.exists():
        seen.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def slow_double(job: tuple[int, str]) -> int:
    time.sleep(0.2)
    return 2 * job[0]


def die(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def sleep_long(folder: str) -> None:
    Path(folder, "pid").write_text(str(os.getpid()))
    time.sleep(60)


def test_every_job_is_answered_once_and_errors_come_with_their_traceback():
    answers = list(do_all(double, [3, -1, 5, 7], workers=2))
    assert {a.index: a.value for a in answers} == {0: 6, 1: None, 2: 10, 3: 14}
    (wrong,) = [a.error for a in answers if a.error is not None]
    assert isinstance(wrong, ValueError)
    assert str(wrong) == "number: -1; expected at least 0"
    assert "in double" in wrong.__notes__[0]


def test_jobs_are_drawn_as_they_are_needed():
    drawn = []

    def jobs():
        for number in range(50):
            drawn.append(number)
            yield number

    answers = do_all(double, jobs(), workers=1)
    next(answers)
    assert len(drawn) <= 2
    answers.close()


def test_a_killed_worker_s_job_is_done_again(tmp_path):
    answers = list(do_all(double_but_die_first, [(n, str(tmp_path)) for n in range(7)], workers=2))
    assert sorted((a.index, a.value) for a in answers) == [(n, 2 * n) for n in range(7)]
    assert sorted(os.listdir(tmp_path)) == ["0", "3", "6"]


def test_a_job_that_kills_every_worker_is_given_up():
    (answer,) = do_all(die, [1], workers=1)
    assert isinstance(answer.error, WorkerDied)
    assert f"{-signal.SIGKILL}" in str(answer.error)
    assert TRIES > 1


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def test_workers_end_with_their_parent(tmp_path):
    code = (
        "from sim.output.jobs import do_all\nfrom tests.sim.output.test_jobs import sleep_long\n"
        f"if __name__ == '__main__': list(do_all(sleep_long, [{str(tmp_path)!r}], workers=1))"
    )
    script, told = tmp_path / "parent.py", tmp_path / "pid"
    script.write_text(code)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, str(script)], env=environment)
    until = time.monotonic() + 30
    while not (told.exists() and told.read_text()) and time.monotonic() < until:
        time.sleep(0.05)
    pid = int(told.read_text())
    assert is_alive(pid)
    parent.kill()
    parent.wait()
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_alive(pid)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"engine": Engine.RAY, "workers": 2}, "--workers"),
        ({"address": "auto"}, "--engine ray"),
        ({"workers": 0}, "--workers: 0; expected 1 to 1024"),
    ],
)
def test_what_does_not_go_together_is_refused_at_once(asked, says):
    with pytest.raises(ValueError, match=says):
        do_all(double, [1], **asked)


def double_but_die_at(job: tuple[int, int]) -> int:
    """Kills its worker every time it sees one of the jobs."""
    number, fatal = job
    if number == fatal:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


@pytest.mark.slow
@pytest.mark.parametrize("address", [None, "127.0.0.1:9", "not an address"])
def test_a_ray_cluster_that_is_not_there_is_one_line(monkeypatch, address):
    pytest.importorskip("ray")
    monkeypatch.setattr(jobs, "CONNECT_S", 15.0)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    started = time.monotonic()
    with pytest.raises(ValueError, match="--address: no Ray cluster at") as error:
        do_all(double, [1], engine=Engine.RAY, address=address)
    assert time.monotonic() - started < 25.0
    assert "\n" not in str(error.value)
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_a_ray_worker_that_dies_costs_its_job():
    pytest.importorskip("ray")
    from tests.cluster import two_nodes

    with two_nodes() as (cluster, _):
        todo = [(n, 3) for n in range(6)]
        answers = list(do_all(double_but_die_at, todo, engine=Engine.RAY, address=cluster.address))
    assert sorted(a.index for a in answers) == list(range(6))
    assert {a.index: a.value for a in answers if a.error is None} == {
        n: 2 * n for n in range(6) if n != 3
    }
    assert isinstance(next(a.error for a in answers if a.index == 3), WorkerDied)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["kill_gcs_server", "kill_raylet", "kill_all_processes"])
def test_a_ray_cluster_that_loses_its_head_ends_the_batch_with_a_line(what):
    pytest.importorskip("ray")
    from tests.cluster import two_nodes

    with two_nodes() as (cluster, _):
        answers = do_all(
            slow_double,
            [(n, "") for n in range(1000)],
            engine=Engine.RAY,
            address=cluster.address,
        )
        found = [next(answers) for _ in range(3)]
        getattr(cluster.head_node, what)(check_alive=False)
        started = time.monotonic()
        with pytest.raises(UserError, match=r"is lost: .*; what was finished is there") as error:
            found += answers
        assert time.monotonic() - started < 30.0
    assert "\n" not in str(error.value)
    assert len(found) >= 3
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_a_ray_cluster_loses_a_node_and_no_job(tmp_path):
    pytest.importorskip("ray")
    from tests.cluster import two_nodes

    with two_nodes() as (cluster, node):
        answers = do_all(
            slow_double,
            [(n, str(tmp_path)) for n in range(40)],
            engine=Engine.RAY,
            address=cluster.address,
        )
        found = [next(answers) for _ in range(3)]
        cluster.remove_node(node, allow_graceful=False)
        found += answers
    assert sorted((a.index, a.value, a.error) for a in found) == [
        (n, 2 * n, None) for n in range(40)
    ]
