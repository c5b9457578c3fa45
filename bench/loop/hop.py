"""What a hop costs: a decode inline and on the pool, by size, as one caller of a loop sees it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ..peers import ours
from ..samples import Events, events

ROWS = (1, 3, 10, 30, 100, 300, 1000, 3000, 10_000)
ALWAYS, NEVER = 1e-9, 1e9
"""Budgets that no decode keeps to, and that all do."""


@dataclass(frozen=True)
class Hop:
    """A frame decoded in both ways.

    Args:
        size: Bytes of the frame.
        plain: Seconds of `decode`.
        inline: Seconds of `adecode` that stays on the loop.
        pooled: Seconds of one that goes to the pool: the latency of the caller.
        loop: Seconds of the loop's own time that the latter takes, in which it does nothing else.
    """

    size: int
    plain: float
    inline: float
    pooled: float
    loop: float

    def as_dict(self) -> dict[str, float]:
        """As JSON says it."""
        return asdict(self)


async def _best(call: Callable[[], Awaitable[Any]], rounds: int) -> tuple[float, float]:
    """Return the best seconds of a call, and of the processor time of this thread that it took."""
    best, own = float("inf"), float("inf")
    for _ in range(rounds):
        start, used = time.perf_counter(), time.thread_time()
        await call()
        own = min(own, time.thread_time() - used)
        best = min(best, time.perf_counter() - start)
    return best, own


async def _hops() -> list[Hop]:
    inline, pooled = ours.codec(Events, loop_budget=NEVER), ours.codec(Events, loop_budget=ALWAYS)
    found = []
    for rows in ROWS:
        frame = inline.encode(events(rows))
        rounds = max(20, min(2000, 200_000 // rows))
        plain = float("inf")
        for _ in range(rounds):
            start = time.perf_counter()
            inline.decode(frame)
            plain = min(plain, time.perf_counter() - start)
        stays, _ = await _best(lambda frame=frame: inline.adecode(frame), rounds)  # type: ignore[misc]
        hops, own = await _best(lambda frame=frame: pooled.adecode(frame), rounds)  # type: ignore[misc]
        found.append(Hop(len(frame), plain, stays, hops, own))
    return found


def hops() -> Iterator[Hop]:
    """Measure, by size."""
    yield from asyncio.run(_hops())
