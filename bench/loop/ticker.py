"""The longest stall of an event loop that ticks as often as it can, while another thread decodes."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from statistics import median
from typing import Any, NamedTuple

import uvloop

from safecodec import Breathing
from safecodec.bench.harness import Work, no_collector

from ..machine import stolen
from ..peers import apache_avro, msgspec_orjson, ours
from ..samples import Sample, big_events, megabytes
from .apart import NAME as OTHER_PROCESS
from .apart import Apart

TICKS = {"asyncio": 0.0005, "uvloop": 0.001}
"""Seconds between two ticks. uvloop rounds to milliseconds: it makes none of a half, and would not sleep at all."""
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}
IDLE = 0.15
"""Seconds that nothing is decoded, about as long as a decode takes."""
PATIENCE = 30.0
"""Seconds after which no more runs are made, where the machine was taken away during too many."""
MODES = {
    "safecodec, holding the GIL": None,
    "safecodec, breathing by call": Breathing("call"),
    "safecodec, breathing by release": Breathing("release"),
}
POOLED = "safecodec, in the pool, nothing set"
TARGETS = {"safecodec, breathing by call": 0.010, "safecodec, breathing by release": 0.003, POOLED: 0.003}
"""The longest stall that passes, in seconds, where the collector has nothing to look at."""
COLLECTED = {POOLED: 0.030}
"""The longest that passes where it has."""


class Run(NamedTuple):
    """One decode beside a loop.

    Args:
        longest: The longest stall, in seconds.
        seconds: How long the decode took.
        stolen: For how long a hypervisor gave the machine's cores to others meanwhile, in seconds.
    """

    longest: float
    seconds: float
    stolen: float


@dataclass(frozen=True)
class Stall:
    """The stalls of one loop during several runs of one work.

    Args:
        value: What is decoded.
        loop: The event loop.
        cores: How many the process may run on.
        collector: Whether the garbage collector runs.
        library: Who decodes.
        seconds: Of one decode, the median.
        longest: The longest stall of each run that counts, in seconds.
        stolen: The median of the seconds that a hypervisor gave the machine's cores to others during these runs.
        idle: The longest stall of the same loop while nothing was decoded: the median of as many runs.
        target: The longest that passes; None where the line is for information.
    """

    value: str
    loop: str
    cores: int
    collector: bool
    library: str
    seconds: float
    longest: list[float]
    stolen: float
    idle: float
    target: float | None

    @property
    def typical(self) -> float:
        """The median of the runs."""
        return median(self.longest)

    def as_dict(self) -> dict[str, Any]:
        """As JSON says it."""
        passes = None if self.target is None else self.typical <= self.target
        return asdict(self) | {"typical": self.typical, "passes": passes}


async def _tick(tick: float, done: threading.Event) -> float:
    """Return the longest that one was late, in seconds, until `done`."""
    clock, longest = time.perf_counter, 0.0
    last = clock()
    while not done.is_set():
        await asyncio.sleep(tick)
        now = clock()
        longest = max(longest, now - last - tick)
        last = now
    return longest


def stall_during(work: Work, loop: str) -> Run:
    """Measure the longest stall of a loop while another thread works.

    The result is dropped when the loop has stopped: freeing it is not the decode's.
    """
    done, kept, took = threading.Event(), [], [0.0]

    def other() -> None:
        time.sleep(0.02)
        start = time.perf_counter()
        kept.append(work())
        took[0] = time.perf_counter() - start
        done.set()

    before = stolen()
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        thread = threading.Thread(target=other)
        thread.start()
        longest = runner.run(_tick(TICKS[loop], done))
        thread.join()
    return Run(longest, took[0], stolen() - before)


def quietest(run: Callable[[], Run], count: int, clock: Callable[[], float] = time.monotonic) -> list[Run]:
    """Make runs until in so many of them the machine was all ours; or else take those in which it was most ours.

    A core that is taken away while a loop is due looks like a stall of the loop, for as long as it is gone. What the
    runs measured has no part in the choice.
    """
    found: list[Run] = []
    end = clock() + PATIENCE
    while sum(one.stolen == 0.0 for one in found) < count and (len(found) < count or clock() < end):
        found.append(run())
    return sorted(found, key=lambda one: one.stolen)[:count]


@contextmanager
def on_cores(count: int) -> Iterator[None]:
    """Run on a number of cores, where the system lets a process choose."""
    if sys.platform != "linux":
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, every_core() if count > 1 else {max(every_core())})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def every_core() -> set[int]:
    """The cores that there are, whatever this process was told."""
    return set(range(os.cpu_count() or 1))


def works(sample: Sample) -> dict[str, Work]:
    """Who decodes the sample, by name: in all ways of ours, and the peers."""
    found: dict[str, Work] = {}
    frame = ours.codec(sample.type).encode(sample.value)
    for name, breathing in MODES.items():
        codec = ours.codec(sample.type, breathing=breathing)
        found[name] = lambda codec=codec: codec.decode(frame)  # type: ignore[misc]
    pooled: Any = ours.codec(sample.type).reader(sample.type)
    found[POOLED] = lambda: pooled._decode_off_loop(frame)
    for peer in (
        msgspec_orjson.msgpack_struct(sample),
        apache_avro.cavro_dict(sample),
        apache_avro.fastavro_dict(sample),
    ):
        found[peer.label] = peer.decode
    return found


def stalls(runs: int = 7) -> Iterator[Stall]:
    """Measure: small records with the collector at work, and records with containers without it.

    A collection holds the GIL as well, for as long as it takes to look at all containers that there are; it is not
    the decoder's, and shown by itself.
    """
    small, large = big_events(20), megabytes(20)
    for sample, collector in ((small, True), (large, False), (large, True)):
        with Apart(sample) as apart:
            decoders = works(sample) | {OTHER_PROCESS: apart.decode}
            for cores in (2, 1):
                for loop in LOOPS:
                    yield from _of(sample, collector, cores, loop, decoders, apart.free, runs)


def _of(
    sample: Sample, collector: bool, cores: int, loop: str, decoders: dict[str, Work], free: Work, runs: int
) -> Iterator[Stall]:
    def decoded(decode: Work) -> Run:
        with nullcontext() if collector else no_collector():
            run = stall_during(decode, loop)
        free()
        return run

    with on_cores(cores):
        idle = median(one.longest for one in quietest(lambda: stall_during(lambda: time.sleep(IDLE), loop), runs))
        for library, decode in decoders.items():
            gc.collect()
            is_ours = library in TARGETS or library == OTHER_PROCESS
            found = quietest(partial(decoded, decode), runs) if is_ours else [decoded(decode)]
            yield Stall(
                sample.name,
                loop,
                cores,
                collector,
                library,
                median(one.seconds for one in found),
                [one.longest for one in found],
                median(one.stolen for one in found),
                idle,
                (TARGETS if not collector or sample.type.__name__ == "Events" else COLLECTED).get(library),
            )
