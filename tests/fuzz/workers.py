"""Jobs on several processes, each of which is started anew where a job ends it or takes too long: that is a finding."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from types import SimpleNamespace
from typing import Any, Protocol

PATIENCE = 120.0
"""Seconds without a report after which a worker hangs."""


class Job(Protocol):
    """The work that a process does between two reports."""

    def run(self, current: Any) -> Any:
        """Return the report; ``current.value`` is the seed that is at work, where the parent sees it."""

    def crashed(self, seed: int, how: str) -> tuple[Any, list[Any]]:
        """Return a report of the seed that ended the process, and the jobs that are left to do."""


def work(orders: Connection, current: Any) -> None:
    """Do what is ordered, one after the other."""
    while True:
        orders.send(orders.recv().run(current))


class Worker:
    """A process that does one job at a time."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.orders, theirs = context.Pipe()
        self.current = context.Value("q", -1)
        self.process = context.Process(target=work, args=(theirs, self.current), daemon=True)
        self.process.start()
        theirs.close()

    def begin(self, job: Job) -> None:
        """Order a job."""
        self.job, self.since, self.current.value = job, time.monotonic(), getattr(job, "first", -1)
        self.orders.send(job)

    def end(self) -> str:
        """End the process; returns how it ended."""
        self.process.join(0.2)
        code = self.process.exitcode
        self.process.kill()
        self.process.join()
        self.orders.close()
        return "it did not end in time" if code is None else f"the process ended with {code}"


def done(processes: int, jobs: Iterator[Any] | list[Any]) -> Iterator[Any]:
    """Yield what the jobs return, on several processes where it is more than one."""
    jobs = iter(jobs)
    if processes == 1:
        yield from (job.run(SimpleNamespace(value=-1)) for job in jobs)
        return
    left: list[Any] = []
    busy: list[Worker] = []
    idle = [Worker() for _ in range(processes)]
    try:
        while True:
            while idle and (job := left.pop() if left else next(jobs, None)) is not None:
                busy.append(idle.pop())
                busy[-1].begin(job)
            if not busy:
                return
            ready = set(wait([worker.orders for worker in busy], timeout=1.0))
            for worker in list(busy):
                if worker.orders in ready or time.monotonic() - worker.since > PATIENCE:
                    busy.remove(worker)
                    result, rest, free = _answer(worker, ready=worker.orders in ready)
                    left += rest
                    idle.append(free)
                    yield result
    finally:
        for worker in (*busy, *idle):
            worker.end()


def _answer(worker: Worker, *, ready: bool) -> tuple[Any, list[Any], Worker]:
    """A worker's report, the rest of its job, and a worker that is free: another where it is gone."""
    try:
        if ready:
            return worker.orders.recv(), [], worker
    except (EOFError, ConnectionError):
        pass
    result, rest = worker.job.crashed(int(worker.current.value), worker.end())
    return result, list(rest), Worker()
