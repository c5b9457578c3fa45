"""Runs one way of a replay: starts its processes, keeps the time, samples the database, and collects what they tell."""

from __future__ import annotations

import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import wait
from threading import Event
from typing import TYPE_CHECKING, Any, Final

from .accounts import Run, Sample
from .events import Done, Failure, Go
from .postgres import Observer
from .processor import Processor
from .proxy import Proxy
from .redis_cache import RedisCache
from .slips import STRIKERS
from .traffic import child, read, strike

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .schedule import Site
    from .served import Way

__all__ = ["METHOD", "STOP_SECONDS", "ReplayError", "play", "received"]

START_SECONDS: Final = 120.0
"""How long the processes have until they are ready."""
STOP_SECONDS: Final = 30.0
"""How long a process has to end after its last word."""
TICK: Final = 0.05
SAMPLE: Final = 0.25
"""Seconds between two looks at the pipes, and between two samples of the database."""
METHOD: Final = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
"""How processes are started; never by a fork of this one, which has threads."""
LEAD: Final = 0.3
"""Seconds between the word to go and the first request."""


class ReplayError(Exception):
    """A process of the replay failed, or the servers are not as they should be."""


@dataclass(slots=True)
class _Process:
    """A child and this end of its pipe."""

    process: Any
    channel: Any
    is_reader: bool


@dataclass(slots=True)
class _Stage:
    """What the driver does to the store, and when."""

    actions: list[tuple[float, Callable[[], object]]] = field(default_factory=list)

    def act(self, at: float) -> None:
        """Do what is due."""
        while self.actions and self.actions[0][0] <= at:
            self.actions.pop(0)[1]()


def play(way: Way, site: Site, after_second: Callable[[Run, int], None]) -> Run:
    """Play one way from a warm cache to the end.

    Args:
        way: The way.
        site: Where; the keys with its mark are deleted before and after.
        after_second: Called once a second with the accounts so far and the number of the second that began.

    Returns:
        The accounts.

    Raises:
        ReplayError: A process failed.
    """
    with ExitStack() as stack:
        cache = stack.enter_context(closing(RedisCache(site.redis, timeout=STOP_SECONDS)))
        cache.clear(site.mark)
        stack.callback(cache.clear, site.mark)
        stage = _Stage()
        if site.schedule.slip == "cold":
            stage.actions.append((site.schedule.slip_at, lambda: cache.clear(site.mark)))
        if site.schedule.slip == "lost":
            proxy = Proxy(site.redis)
            stack.callback(proxy.lose)
            site = replace(site, redis=proxy.url)
            stage.actions += [(site.schedule.slip_at, proxy.lose), (site.schedule.back_at, proxy.bring_back)]
        with closing(way.open(site)) as client:
            for user, config in enumerate(site.schedule.truth()):
                client.fill(user, config)
        run = Run(way.name, site.schedule, way.is_guarded)
        children = stack.enter_context(_children(way, site))
        return _Conductor(run, site, children, stage).conduct(after_second)


@dataclass(slots=True)
class _Conductor:
    """One run while it goes on."""

    run: Run
    site: Site
    children: Sequence[_Process]
    stage: _Stage
    start: float = 0.0

    def conduct(self, after_second: Callable[[Run, int], None]) -> Run:
        for one in self.children:
            _await_ready(one)
        self.start = time.monotonic() + LEAD + self.run.schedule.settle
        for one in self.children:
            one.channel.send(Go(self.start))
        speaking = {one.channel: one for one in self.children}
        second = 0
        with self._sampling():
            while speaking:
                for channel in wait(list(speaking), timeout=TICK):
                    self._hear(speaking, channel)
                at = time.monotonic() - self.start
                self.stage.act(at)
                if at >= second:
                    after_second(self.run, second)
                    second = int(at) + 1
        return self.run

    @contextmanager
    def _sampling(self) -> Iterator[None]:
        """Sample the database's counters in a thread: a busy server takes seconds to answer."""
        stop = Event()

        def sample() -> None:
            with closing(Observer(self.site.postgres, self.site.table)) as observer:
                processor = Processor(observer.backend)
                is_last = False
                while not is_last:
                    is_last = stop.wait(SAMPLE)
                    counts, at = observer.counts(), time.monotonic() - self.start
                    sample = Sample(at, counts.production, counts.other, counts.busy, processor.seconds())
                    self.run.samples.append(sample)

        with ThreadPoolExecutor(max_workers=1) as pool:
            future = pool.submit(sample)
            try:
                yield
            finally:
                stop.set()
            future.result()

    def _hear(self, speaking: dict[Any, _Process], channel: Any) -> None:
        one = speaking[channel]
        message = _received(one)
        if isinstance(message, Done):
            del speaking[channel]
        elif one.is_reader:
            self.run.requests += message.requests
            self.run.loads += [at - self.start for at in message.loads]
        else:
            self.run.strikes += len(message.requests)


@contextmanager
def _children(way: Way, site: Site) -> Iterator[list[_Process]]:
    context: Any = multiprocessing.get_context(METHOD)
    if METHOD == "forkserver":
        # A server that has imported the workers once is forked for each: starting all of them anew takes seconds.
        context.set_forkserver_preload([read.__module__])
    jobs: list[tuple[Callable[..., None], tuple[object, ...]]] = [
        (read, (way.name, site, number)) for number in range(site.schedule.readers)
    ]
    if site.schedule.slip in STRIKERS:
        jobs.append((strike, (way.name, site)))
    children = []
    try:
        for entry, arguments in jobs:
            near, far = context.Pipe()
            process = context.Process(target=child, args=(entry, arguments, far), daemon=True)
            process.start()
            far.close()
            children.append(_Process(process, near, entry is read))
        yield children
        for one in children:
            one.process.join(STOP_SECONDS)
    finally:
        for one in children:
            one.process.kill()
            one.process.join()
            one.channel.close()


def _await_ready(one: _Process) -> None:
    if not one.channel.poll(START_SECONDS):
        raise ReplayError(f"a process of the replay was not ready after {START_SECONDS:.0f} s")
    _received(one)


def _received(one: _Process) -> Any:
    return received(one.channel, one.process, "a process of the replay", ReplayError)


def received(channel: Any, process: Any, name: str, error: type[Exception]) -> Any:
    """Return the next message of a child.

    Args:
        channel: This end of its pipe, which has something to read.
        process: The child.
        name: How errors call it.
        error: The class of errors.

    Raises:
        Exception: One of the class: the child ended, or failed.
    """
    try:
        message = channel.recv()
    except EOFError:
        process.join(STOP_SECONDS)
        raise error(f"{name} ended with exit code {process.exitcode}") from None
    if isinstance(message, Failure):
        raise error(f"{name} failed:\n{message.text}")
    return message
