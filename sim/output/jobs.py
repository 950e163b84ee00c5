"""Many jobs on many cores: workers on this machine or on a Ray cluster, answers as they come.

``work`` is a module-level function of one argument; it, its jobs and its answers are pickled. A job
whose worker dies is done again by another one. An answer must depend on its job alone, not on the
engine, the number of workers or the order.
"""

import multiprocessing
import os
import pickle
import queue
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing.connection import Connection, wait
from typing import Any

from entities.errors import UserError
from ml.text.base import require

TRIES = 3
"""How many workers a job may kill before it is given up."""
MAX_WORKERS = 1024
AHEAD = 2
"""Jobs per core that a Ray cluster has at a time, so that no core waits for its next one."""
CONNECT_S = 25.0
"""Within this a Ray cluster has to be there."""
SILENT_S = 20.0
"""A Ray cluster that has not been heard of for this long is lost."""
BEAT_S = 2.0
"""From one question whether the cluster is still there to the next."""


class Engine(StrEnum):
    """Where the work is done."""

    LOCAL = "local"
    RAY = "ray"


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of a job: a value, or the error it raised (its traceback is in the notes)."""

    index: int  # the job's place in the order given
    value: Any = None
    error: BaseException | None = None


class WorkerDied(Exception):
    """A job's worker ended before it answered, every time."""


def do_all(
    work: Callable[[Any], Any],
    jobs: Iterable[Any],
    *,
    engine: Engine = Engine.LOCAL,
    workers: int | None = None,
    address: str | None = None,
) -> Iterator[Answer]:
    """Answers to all jobs, in the order they are finished; jobs are drawn as they are needed.

    workers: processes here, by default one per core. address: the Ray cluster's, such as "auto"
    or "ray://host:10001". Closing the iterator ends the workers. Raises ValueError at once for an
    engine or an option that cannot be used, and a cluster that cannot be reached; UserError from
    the iterator if a cluster is lost.
    """
    check_engine(engine, workers, address)
    if engine is Engine.RAY:
        return _RayDriver(work, address or "auto").answers(jobs)
    return _locally(work, jobs, workers or n_cores())


def check_engine(engine: Engine, workers: int | None, address: str | None) -> None:
    """Raises ValueError for options that do not go together, or an engine that is not installed."""
    if engine is Engine.RAY:
        if workers is not None:
            raise ValueError("--workers: only for the local engine; a Ray cluster uses its cores")
        require("ray", "cluster", "--engine ray")
        return
    if address is not None:
        raise ValueError("--address: only for the Ray engine; expected --engine ray with it")
    if workers is not None and not 1 <= workers <= MAX_WORKERS:
        raise ValueError(f"--workers: {workers}; expected 1 to {MAX_WORKERS}")


def n_cores() -> int:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no such thing
        return os.cpu_count() or 1


class _Worker:
    """A worker process and the job it is doing."""

    def __init__(self, work: Callable[[Any], Any]) -> None:
        context = multiprocessing.get_context("spawn")  # threads and SDL do not survive a fork
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, work), daemon=True)
        self.process.start()
        theirs.close()
        self.job: tuple[int, Any, int] | None = None  # index, job, tries

    def give(self, job: tuple[int, Any, int]) -> None:
        self.job = job
        with suppress(OSError):  # it has just died: take() returns None
            self.pipe.send(job[1])

    def take(self) -> tuple[Any, BaseException | None] | None:
        """The answer, or None if the worker has died."""
        try:
            return self.pipe.recv()
        except (EOFError, OSError):
            return None

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _locally(work: Callable[[Any], Any], jobs: Iterable[Any], n_workers: int) -> Iterator[Answer]:
    coming = enumerate(jobs)
    again: deque[tuple[int, Any, int]] = deque()
    busy: dict[Connection, _Worker] = {}
    idle: list[_Worker] = []

    def next_job() -> tuple[int, Any, int] | None:
        if again:
            return again.popleft()
        drawn = next(coming, None)
        return None if drawn is None else (*drawn, 1)

    try:
        while True:
            while len(busy) < n_workers and (job := next_job()) is not None:
                worker = idle.pop() if idle else _Worker(work)
                busy[worker.pipe] = worker
                worker.give(job)
            if not busy:
                return
            for pipe in wait(list(busy)):  # ready: an answer, or a dead worker
                worker = busy.pop(pipe)
                index, job, tries = worker.job
                answer = worker.take()
                if answer is not None:
                    idle.append(worker)
                    yield Answer(index, *answer)
                    continue
                worker.end()
                if tries < TRIES:
                    again.append((index, job, tries + 1))
                else:
                    code = worker.process.exitcode
                    yield Answer(index, error=WorkerDied(f"its worker ended with {code}"))
    finally:
        for worker in [*busy.values(), *idle]:
            worker.end()


def _serve(pipe: Connection, work: Callable[[Any], Any]) -> None:
    """The worker process: jobs in, answers out, until there are no more or the parent has gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    threading.Thread(target=_die_with_parent, daemon=True).start()
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        pipe.send(_answer(work, job))


def _die_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)


def _answer(work: Callable[[Any], Any], job: Any) -> tuple[Any, BaseException | None]:
    try:
        return work(job), None
    except Exception as error:
        error.add_note(traceback.format_exc())
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:  # an exception that cannot be pickled
            substitute = RuntimeError(f"{type(error).__name__}: {error}")
            substitute.add_note(traceback.format_exc())
            return None, substitute
        return None, error


class _RayDriver:
    """The process that is the cluster's driver, and the jobs it has.

    Ray waits without end for a cluster that is gone, and ends the process it runs in if it loses
    its node: so that is not ours.
    """

    def __init__(self, work: Callable[[Any], Any], address: str) -> None:
        """Raises ValueError if no cluster is there within CONNECT_S."""
        self._address = address
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_drive, args=(theirs, work, address), daemon=True)
        self._process.start()
        theirs.close()
        try:
            self._cores: int = self._receive(CONNECT_S)[1]
        except _ClusterLost as lost:
            self._end()
            raise ValueError(f"--address: no Ray cluster at {address}: {lost}") from None

    def answers(self, jobs: Iterable[Any]) -> Iterator[Answer]:
        """See ``do_all``."""
        coming = enumerate(jobs)
        pending = 0
        try:
            while True:
                while pending < AHEAD * self._cores and (drawn := next(coming, None)) is not None:
                    self._send(drawn)
                    pending += 1
                if not pending:
                    return
                kind, value = self._receive(SILENT_S)
                if kind == "answer":
                    pending -= 1
                    yield Answer(*value)
        except _ClusterLost as lost:
            raise UserError(
                f"the Ray cluster at {self._address} is lost: {lost}; "
                "what was finished is there, run it again for the rest"
            ) from None
        finally:
            self._end()

    def _send(self, job: tuple[int, Any]) -> None:
        try:
            self._pipe.send(job)
        except OSError:
            raise _ClusterLost("its driver has ended") from None

    def _receive(self, within_s: float) -> tuple[str, Any]:
        """What the driver says next: an answer, or that it is there. Raises _ClusterLost."""
        if not self._pipe.poll(within_s):
            raise _ClusterLost(f"no word from it for {within_s:g} s")
        try:
            kind, value = self._pipe.recv()
        except (EOFError, OSError):
            raise _ClusterLost("its driver has ended") from None
        if kind == "lost":
            raise _ClusterLost(value)
        return kind, value

    def _end(self) -> None:
        """End the driver; the cluster then ends what it still does for it."""
        self._process.kill()
        self._process.join()
        self._pipe.close()


class _ClusterLost(Exception):
    """There is no cluster, or none any more; the message says why."""


def _drive(pipe: Connection, work: Callable[[Any], Any], address: str) -> None:
    """The driver process: jobs in; out come answers, and in between that the cluster is there."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    threading.Thread(target=_die_with_parent, daemon=True).start()
    with open(os.devnull, "w") as nowhere:  # Ray's native code says the same as its errors, often
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    try:
        _serve_ray(pipe, work, address)
    except Exception as error:  # whatever an address or a half-dead cluster makes Ray raise
        pipe.send(("lost", _in_a_line(error)))


def _serve_ray(pipe: Connection, work: Callable[[Any], Any], address: str) -> None:
    import ray

    ray.init(address=address, log_to_driver=False, logging_level="CRITICAL")
    pipe.send(("there", max(1, int(ray.cluster_resources().get("CPU", 1)))))
    node = ray.get_runtime_context().get_node_id()
    remote = ray.remote(num_cpus=1, max_retries=TRIES - 1)(_answer)
    pending: dict[ray.ObjectRef, int] = {}
    # Jobs are received in a thread: while we send a large answer, our parent may send a large job.
    coming: queue.Queue[tuple[int, Any] | None] = queue.Queue()
    threading.Thread(target=_receive_all, args=(pipe, coming), daemon=True).start()
    asked = time.monotonic()
    while True:
        with suppress(queue.Empty):
            while True:
                drawn = coming.get(timeout=None if pending else BEAT_S, block=not pending)
                if drawn is None:
                    return
                index, job = drawn
                pending[remote.remote(work, job)] = index
        done, _ = ray.wait(list(pending), num_returns=1, timeout=0.1) if pending else ([], [])
        for reference in done:
            index = pending.pop(reference)
            try:
                value, error = ray.get(reference)
            except ray.exceptions.RayError as lost:
                what = f"{type(lost).__name__}: {_in_a_line(lost)}"
                value, error = None, WorkerDied(what)
            pipe.send(("answer", (index, value, error)))
        if time.monotonic() - asked > BEAT_S:
            # Without the cluster's head this does not return, and our parent stops waiting for us.
            here = [each for each in ray.nodes() if each["NodeID"] == node]
            if not here or not here[0]["Alive"]:
                raise _ClusterLost("the driver's node has gone")
            asked = time.monotonic()
            pipe.send(("there", None))


def _receive_all(pipe: Connection, coming: "queue.Queue[tuple[int, Any] | None]") -> None:
    """Queue all that comes, None at its end."""
    with suppress(EOFError, OSError):
        while True:
            coming.put(pipe.recv())
    coming.put(None)


def _in_a_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
