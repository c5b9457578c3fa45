"""Shared by the processes of a soak: policy, place, and the measures that each takes of itself."""

from __future__ import annotations

import gc
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from safecodec.cache import BreakerPolicy, GuardPolicy

__all__ = ["KEYS", "LONGEST", "POLICY", "USERS", "Measure", "Site", "alive", "is_quiet", "measure"]

USERS: Final = 280
"""Users that the source has."""
KEYS: Final = 300
"""Keys that are asked for again and again; the source has none of the last of them."""
POLICY: Final = GuardPolicy(
    load_rate=24,
    load_concurrency=8,
    processes=4,
    fresh=15,
    stale=30,
    throttle=2,
    negative=2,
    soft_timeout=0.05,
    load_timeout=1,
    store_timeout=0.2,
    wait=0.3,
    breaker=BreakerPolicy(window=5, shortest=0.5, longest=2),
    store_breaker=BreakerPolicy(window=5, shortest=0.5, longest=2),
    shadow=50,
    keep_good=True,
    keys=200,
    quarantine_for=15,
)
"""Short times, so that every entry, lease and tombstone ends while a soak lasts; fewer keys than there are."""
LONGEST: Final = POLICY.fresh + POLICY.stale + POLICY.load_timeout + 5
"""Seconds after which nothing that a guard has written is in the store any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a soak takes place.

    Args:
        redis: The URL of the proxy in front of Redis.
        postgres: The connection string of the proxy in front of PostgreSQL.
        table: The table with the configurations.
        directory: Where processes that write down last known good values have their files.
        rate: Requests per second of all processes.
        seed: Of everything that is random.
    """

    redis: str
    postgres: str
    table: str
    directory: str
    rate: float
    seed: int

    def files(self, number: int) -> Path:
        """Return the directory of a process's last known good values."""
        return Path(self.directory) / f"lkg-{number}"


class Measure(NamedTuple):
    """What a process has, while it is at rest.

    Args:
        memory: Resident memory in bytes.
        objects: Objects that the garbage collector knows.
        threads: Threads, as the operating system counts them.
        tasks: Tasks of asyncio.
        files: Open file descriptors, connections among them.
        flights: Loads that a caller could join.
        permits: Loads that have not ended.
        waiting: Callers that wait for the load rate.
        jobs: Detached jobs.
        known: Keys of which something is known.
        held: Bytes of last known good frames.
        unwritten: Frames that are not written down yet.
    """

    memory: int
    objects: int
    threads: int
    tasks: int
    files: int
    flights: int
    permits: int
    waiting: int
    jobs: int
    known: int
    held: int
    unwritten: int


def measure(cache: Any, tasks: int) -> Measure:
    """Measure this process.

    Args:
        cache: Its guarded cache, of either kind.
        tasks: How many tasks of asyncio it has.
    """
    gc.collect()
    core, pages = cache._core, int(Path("/proc/self/statm").read_text().split()[1])
    state, flights = core.state, core.flights
    return Measure(
        memory=pages * os.sysconf("SC_PAGE_SIZE"),
        objects=len(gc.get_objects()),
        threads=len(list(Path("/proc/self/task").iterdir())),
        tasks=tasks,
        files=len(list(Path("/proc/self/fd").iterdir())),
        flights=len(flights._flying),
        permits=flights.loading,
        waiting=state.rate.waiting,
        jobs=len(cache._jobs),
        known=len(state.known),
        held=state.known.held,
        unwritten=len(state.known.unwritten),
    )


def is_quiet(cache: Any) -> bool:
    """Tell whether nothing goes on in a cache."""
    flights = cache._core.flights
    return not (flights._flying or flights.loading or cache._jobs or cache._core.state.rate.waiting)


def alive() -> list[str]:
    """Return the names of this process's threads."""
    return sorted(thread.name for thread in threading.enumerate())
