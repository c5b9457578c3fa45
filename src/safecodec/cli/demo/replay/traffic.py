"""Load: requests that arrive on a schedule whether or not anybody keeps up, and clients that wait for each answer."""

from __future__ import annotations

import signal
import time
import traceback
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from random import Random
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from .events import Batch, Done, Failure, Go, Ready, Request
from .served import Served
from .slips import STRIKERS
from .ways import ways

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..configuration import UserConfig
    from .schedule import Schedule, Site

__all__ = ["Channel", "Worker", "child", "read", "strike"]

TELL = 0.2
"""Seconds between two batches."""
UNSERVED = "NotServed"
"""The error of a request that still waited when the run was given up."""


class Channel(Protocol):
    """What a process is connected to its parent by: one end of a `multiprocessing.Pipe`."""

    def send(self, obj: object, /) -> None:
        """Send a message."""
        ...

    def recv(self) -> object:
        """Wait for a message."""
        ...


@dataclass(slots=True)
class Worker:
    """Runs the load of one process and tells what became of it.

    Args:
        act: Serves the request for a user.
        failures: What a request may fail with; any other error ends the process.
        schedule: Load and times.
        truth: What each user's request should get; None where the answer is not looked at.
        loads: Where the process' loader notes when loads began.
    """

    act: Callable[[int], object]
    failures: tuple[type[Exception], ...]
    schedule: Schedule
    truth: list[UserConfig] | None
    loads: deque[float]
    start: float = 0.0
    _ended: deque[Request] = field(default_factory=deque)

    def request(self, user: int, due: float) -> None:
        """Serve one request and note its outcome.

        Args:
            user: Whose configuration.
            due: When it should have begun, by the monotonic clock.
        """
        error, verdict, source, is_wrong = "", "", "", False
        try:
            answer = self.act(user)
        except self.failures as caught:
            error = type(caught).__name__
        else:
            if isinstance(answer, Served):
                verdict, source = answer.verdict, answer.source
                is_wrong = self.truth is not None and answer.value != self.truth[user]
        self._note(due, time.monotonic() - due, is_wrong, error, verdict, source)

    def open_loop(self, name: str, rate: float, begin: float, end: float, give_up: float) -> Callable[[], None]:
        """Return what each of several threads runs: together they serve arrivals at a fixed rate.

        Args:
            name: Of the stream of random users.
            rate: Arrivals per second.
            begin: The first arrival, in seconds since the start.
            end: No arrival is later.
            give_up: From then on what still waits is given up.
        """
        arrivals, lock = self._arrivals(name, rate, begin, end), Lock()

        def serve() -> None:
            while True:
                with lock:
                    due, user = next(arrivals, (0.0, -1))
                if user < 0:
                    return
                time.sleep(max(0.0, due - time.monotonic()))
                if time.monotonic() - self.start > give_up:
                    self._note(due, time.monotonic() - due, False, UNSERVED, "", "")
                else:
                    self.request(user, due)

        return serve

    def closed_loop(self, name: str) -> Callable[[], None]:
        """Return what one thread runs: a request, an answer, a pause.

        Args:
            name: Of the stream of random users.
        """
        random = Random(f"{self.schedule.seed}:{name}")

        def serve() -> None:
            time.sleep(max(0.0, self.start - self.schedule.settle - time.monotonic()))
            while (now := time.monotonic()) < self.start + self.schedule.end_at:
                self.request(random.randrange(self.schedule.keys), now)
                time.sleep(self.schedule.think)

        return serve

    def run(self, threads: list[Callable[[], None]], channel: Channel) -> None:
        """Run threads to their end, and tell the parent what happens meanwhile.

        Args:
            threads: What each runs.
            channel: To the parent.
        """
        with ThreadPoolExecutor(max_workers=len(threads)) as pool:
            futures = [pool.submit(thread) for thread in threads]
            while not all(future.done() for future in futures):
                time.sleep(TELL)
                channel.send(self._batch())
        for future in futures:
            future.result()
        channel.send(self._batch())

    def _arrivals(self, name: str, rate: float, begin: float, end: float) -> Iterator[tuple[float, int]]:
        random = Random(f"{self.schedule.seed}:{name}")
        for number in range(int((end - begin) * rate)):
            yield self.start + begin + number / rate, random.randrange(self.schedule.keys)

    def _note(self, due: float, seconds: float, is_wrong: bool, error: str, verdict: str, source: str) -> None:
        self._ended.append(Request(due - self.start, seconds, is_wrong, error, verdict, source))

    def _batch(self) -> Batch:
        return Batch(
            [self._ended.popleft() for _ in range(len(self._ended))],
            [self.loads.popleft() for _ in range(len(self.loads))],
        )


def read(way: str, site: Site, number: int, channel: Channel) -> None:
    """Run one reader of production.

    Args:
        way: The name of the way it goes.
        site: Where.
        number: Which reader it is.
        channel: To the parent.
    """
    schedule = site.schedule
    with closing(ways()[way].open(site)) as client:
        # As many connections as threads, as a service has them: the first fallback need not wait for one.
        client.loader.open(schedule.threads + schedule.closed)
        for user in range(min(schedule.keys, schedule.seen)):
            client.get(user)
        client.loader.started.clear()
        worker = Worker(client.get, client.failures, schedule, schedule.truth(), client.loader.started)
        worker.start = _ready(channel)
        last = schedule.end_at + schedule.grace
        arriving = worker.open_loop(f"open:{number}", schedule.open_rate, -schedule.settle, schedule.end_at, last)
        closed = [worker.closed_loop(f"closed:{number}:{thread}") for thread in range(schedule.closed)]
        worker.run([arriving] * schedule.threads + closed, channel)
    channel.send(Done())


def strike(way: str, site: Site, channel: Channel) -> None:
    """Run the process that has the slip.

    Args:
        way: The name of the way that production goes.
        site: Where.
        channel: To the parent.
    """
    schedule = site.schedule
    striker = STRIKERS[schedule.slip](ways()[way], site)
    with closing(striker):
        worker = Worker(striker.strike, striker.failures, schedule, None, striker.loads)
        worker.start = _ready(channel)
        begin, end = schedule.slip_at, schedule.back_at
        striking = worker.open_loop("strike", schedule.strike_rate, begin, end, end)
        worker.run([striking] * schedule.threads, channel)
    channel.send(Done())


def child(entry: Callable[..., None], arguments: tuple[object, ...], channel: Channel) -> None:
    """Run a process' function; whatever ends it is told to the parent.

    Args:
        entry: The function.
        arguments: Its arguments before the channel.
        channel: To the parent, which alone answers to Ctrl-C and ends its children.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        entry(*arguments, channel)
    except Exception:
        channel.send(Failure(traceback.format_exc()))


def _ready(channel: Channel) -> float:
    channel.send(Ready())
    go = channel.recv()
    assert isinstance(go, Go)
    return go.start
