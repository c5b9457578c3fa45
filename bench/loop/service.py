"""How long a small request waits at a server that decodes large configurations for others."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import redis

from safecodec.bench.harness import in_turns

from ..peers import ours
from ..results import ROOT
from ..samples import megabytes
from .server import CONFIGURE, IDLE, KEY, PING, WAYS

PINGS = 0.004
"""Seconds between two small requests."""
RATES = (1, 10)
"""Configurations a second."""
TURNS, SECONDS = 5, 5.0
"""How often each way has its turn, and for how long."""
TARGETS = {1: 2.0, 10: 4.0}
"""The largest ratio of the 99th percentile to the idle server's that passes, by rate."""


@dataclass(frozen=True)
class Waits:
    """What small requests waited.

    Args:
        way: How configurations were decoded.
        rate: How many of them a second.
        seconds: Each wait, from the moment that the request was due, in order.
        configurations: How many were decoded meanwhile.
    """

    way: str
    rate: int
    seconds: list[float]
    configurations: int

    def percentile(self, share: float) -> float:
        """The wait that a share of the requests did not exceed."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def as_dict(self) -> dict[str, Any]:
        """As JSON says it."""
        figures = {"p50": self.percentile(0.5), "p99": self.percentile(0.99), "max": max(self.seconds)}
        return asdict(self) | figures


@contextmanager
def a_redis(folder: Path) -> Iterator[str]:
    """A server of our own that keeps nothing, with a configuration in it; gives its socket."""
    binary = shutil.which("redis-server")
    if binary is None:
        sys.exit("redis-server is not installed: sh scripts/ensure-servers")
    path = str(folder / "redis.sock")
    options = ("--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no", "--dir", str(folder))
    process = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL)
    try:
        with redis.Redis(unix_socket_path=path) as client:
            until = time.monotonic() + 20
            while True:
                try:
                    client.set(KEY, ours.codec(megabytes(1).type).encode(megabytes(1).value))
                    break
                except redis.exceptions.ConnectionError:
                    if process.poll() is not None or time.monotonic() > until:
                        sys.exit("redis-server did not start")
                    time.sleep(0.01)
        yield path
    finally:
        process.terminate()
        process.wait()


@contextmanager
def a_server(way: str, path: str) -> Iterator[int]:
    """The measured server in a process of its own; gives its port."""
    command = [sys.executable, "-m", "bench.loop.server", way, path]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.communicate()


async def _ping(port: int, seconds: float) -> list[float]:
    """Send small requests when they are due, whether or not those before were answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    due: deque[float] = deque()
    waits: list[float] = []

    async def take() -> None:
        while await reader.read(1):
            waits.append(time.perf_counter() - due.popleft())

    taking = asyncio.create_task(take())
    start = time.perf_counter()
    for number in range(int(seconds / PINGS)):
        at = start + number * PINGS
        await asyncio.sleep(max(0.0, at - time.perf_counter()))
        due.append(max(at, time.perf_counter() - 0.001))  # this loop's own timers have a millisecond
        writer.write(PING)
    while due:
        await asyncio.sleep(0.01)
    writer.close()
    await taking
    return waits


async def _configure(port: int, rate: int, over: asyncio.Event) -> int:
    """Ask for configurations until it is over; returns how many came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    while not over.is_set():
        next_one = time.perf_counter() + 1 / rate
        writer.write(CONFIGURE)
        answer = await reader.readexactly(1)
        if answer != b"!":
            raise ValueError(f"a configuration was not read: {answer!r}")
        count += 1
        await asyncio.sleep(max(0.0, next_one - time.perf_counter()))
    writer.close()
    return count


async def _measure(way: str, rate: int, port: int) -> Waits:
    over = asyncio.Event()
    asking = asyncio.create_task(_configure(port, rate, over)) if way != IDLE else None
    await asyncio.sleep(0.3)
    waits = await _ping(port, SECONDS)
    over.set()
    return Waits(way, rate, waits, 0 if asking is None else await asking)


def together(parts: list[Waits]) -> Waits:
    """The waits of one way at one rate, measured in parts."""
    way, rate = parts[0].way, parts[0].rate
    return Waits(way, rate, [wait for one in parts for wait in one.seconds], sum(one.configurations for one in parts))


def waits() -> Iterator[Waits]:
    """Measure each way at each rate, in turns: a machine that gets slower does so for all.

    Each has a server of its own, which does nothing while the others are measured.
    """
    with tempfile.TemporaryDirectory() as folder, a_redis(Path(folder)) as path, ExitStack() as servers:
        ports = {way: servers.enter_context(a_server(way, path)) for way in WAYS}
        for rate in RATES:
            parts: dict[str, list[Waits]] = {way: [] for way in WAYS}
            for turn in range(TURNS):
                for way in in_turns(WAYS, turn):
                    parts[way].append(asyncio.run(_measure(way, rate, ports[way])))
            yield from map(together, parts.values())
