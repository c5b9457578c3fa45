"""Measuring on a shared machine: peers take turns in one process, and the best of many rounds counts."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

Work = Callable[[], object]


@dataclass(frozen=True)
class Result:
    """One line of the table.

    Args:
        name: What was measured.
        peer: What it is compared with.
        ours: Seconds of one call.
        theirs: Seconds of one call of the peer; 1e-9 where the target is a time in nanoseconds.
        target: The largest ratio that passes; None where the line is for information.
    """

    name: str
    peer: str
    ours: float
    theirs: float
    target: float | None = None

    @property
    def ratio(self) -> float:
        """Ours by theirs; lower is better."""
        return self.ours / self.theirs

    @property
    def passes(self) -> bool:
        """Whether the target is met, or there is none."""
        return self.target is None or self.ratio <= self.target

    def as_dict(self) -> dict[str, object]:
        """As JSON says it."""
        return asdict(self) | {"ratio": self.ratio, "passes": self.passes}


def pin() -> int | None:
    """Keep the process on one core; returns its number, or None where the system cannot."""
    if sys.platform != "linux":
        return None
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


def loop(work: Work, count: int) -> float:
    """Return the seconds of one call, over a number of them."""
    repeat = range(count)
    start = time.perf_counter()
    for _ in repeat:
        work()
    return (time.perf_counter() - start) / count


def compare(ours: Work, theirs: Work, *, rounds: int = 60, seconds: float = 0.004) -> tuple[float, float]:
    """Measure two pieces of work in turns.

    Args:
        ours: A call without arguments.
        theirs: The peer's.
        rounds: How often each takes its turn.
        seconds: About how long a turn is.

    Returns:
        The best seconds of one call of each.
    """
    counts = [max(1, int(seconds / max(loop(work, 3), 1e-9))) for work in (ours, theirs)]
    best = [float("inf"), float("inf")]
    gc.collect()
    gc.disable()
    try:
        for turn in range(rounds):
            order = (0, 1) if turn % 2 else (1, 0)
            for which in order:
                best[which] = min(best[which], loop((ours, theirs)[which], counts[which]))
    finally:
        gc.enable()
    return best[0], best[1]
