"""Many jobs on many cores: workers on this machine or on a Ray cluster, answers as they come.

``work`` is a module-level function of one argument; it, its jobs and its answers are pickled. A job
whose worker dies is done again by another one. An answer must depend on its job alone, not on the
engine, the number of workers or the order.
"""

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing.connection import Connection, wait
from typing import Any

TRIES = 3
"""How many workers a job may kill before it is given up."""
AHEAD = 2
"""Jobs per core that a Ray cluster has at a time, so that no core waits for its next one."""


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
    engine or an option that cannot be used.
    """
    if engine is Engine.RAY:
        if workers is not None:
            raise ValueError("--workers: only for the local engine; a Ray cluster uses its cores")
        return _on_ray(work, jobs, _connect(address))
    if address is not None:
        raise ValueError("--address: only for the Ray engine; expected --engine ray with it")
    if workers is not None and workers < 1:
        raise ValueError(f"--workers: {workers}; expected at least 1")
    return _locally(work, jobs, workers or len(os.sched_getaffinity(0)))


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


def _connect(address: str | None) -> int:
    """Connect to a Ray cluster; returns its number of cores."""
    try:
        import ray
    except ImportError:
        raise ValueError('--engine ray: expected Ray; pip install "stride-sim[cluster]"') from None
    if not ray.is_initialized():
        try:
            ray.init(address=address or "auto", log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, OSError, RuntimeError) as error:
            line = " ".join(str(error).split())[:200]
            raise ValueError(f"--address: no Ray cluster at {address or 'auto'}: {line}") from None
    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def _on_ray(work: Callable[[Any], Any], jobs: Iterable[Any], cores: int) -> Iterator[Answer]:
    import ray

    remote = ray.remote(num_cpus=1, max_retries=TRIES - 1)(_answer)
    coming = enumerate(jobs)
    pending: dict[ray.ObjectRef, int] = {}
    try:
        while True:
            while len(pending) < AHEAD * cores and (drawn := next(coming, None)) is not None:
                index, job = drawn
                pending[remote.remote(work, job)] = index
            if not pending:
                return
            (done,), _ = ray.wait(list(pending), num_returns=1)
            index = pending.pop(done)
            try:
                value, error = ray.get(done)
            except ray.exceptions.RayError as lost:
                line = " ".join(str(lost).split())[:200]
                value, error = None, WorkerDied(f"{type(lost).__name__}: {line}")
            yield Answer(index, value, error)
    finally:
        for reference in pending:
            ray.cancel(reference, force=True)
