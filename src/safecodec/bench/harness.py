"""Measuring on a shared machine: peers take turns in one process, and the best of many rounds counts."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "BRIEF",
    "THOROUGH",
    "Effort",
    "Work",
    "best_of",
    "best_times",
    "compare",
    "in_turns",
    "no_collector",
    "pin",
    "pinned",
]

T = TypeVar("T")
Work = Callable[[], object]


@dataclass(frozen=True)
class Effort:
    """How long to look.

    Args:
        rounds: How often each piece of work takes its turn.
        seconds: About how long a turn is; work that takes longer is called once.
        budget: Seconds after which no further round begins. One call of each is always measured.
    """

    rounds: int = 150
    seconds: float = 0.003
    budget: float = 4.0


THOROUGH: Final = Effort()
BRIEF: Final = Effort(rounds=25, seconds=0.002, budget=1.0)


def pin() -> int | None:
    """Keep the process on one core; returns its number, or None where the system cannot."""
    if sys.platform != "linux":
        return None
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return core


@contextmanager
def pinned() -> Iterator[int | None]:
    """Keep the process on one core for a while; gives what `pin` returns."""
    before = os.sched_getaffinity(0) if sys.platform == "linux" else set()
    try:
        yield pin()
    finally:
        if before:
            os.sched_setaffinity(0, before)


@contextmanager
def no_collector() -> Iterator[None]:
    """Keep the garbage collector out: when it runs depends on what ran before."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def loop(work: Work, count: int) -> float:
    """Return the seconds of one call, over a number of them."""
    repeat = range(count)
    start = time.perf_counter()
    for _ in repeat:
        work()
    return (time.perf_counter() - start) / count


def in_turns(works: Sequence[T], turn: int) -> list[T]:
    """Return the works in the order of one round, so that none always follows the same.

    Rounds begin with another work each, go forwards until every one was the first, and then backwards as long.
    """
    order = [works[(turn + step) % len(works)] for step in range(len(works))]
    return order[::-1] if turn // len(works) % 2 else order


def best_of(measures: Sequence[Callable[[], float]], best: Sequence[float], rounds: int, end: float) -> list[float]:
    """Measure in rounds, in each of which every measure has its turn.

    Args:
        measures: Each returns the seconds of one call.
        best: The seconds of each that are known before.
        rounds: How many rounds.
        end: When no further round begins, by `time.perf_counter`.

    Returns:
        The least seconds of each.
    """
    best = list(best)
    for turn in range(rounds):
        if time.perf_counter() > end:
            break
        for which in in_turns(range(len(measures)), turn):
            best[which] = min(best[which], measures[which]())
    return best


def best_times(works: Sequence[Work], effort: Effort = THOROUGH, collector: bool = False) -> list[float]:
    """Measure several pieces of work in turns.

    Args:
        works: Calls without arguments.
        effort: How long to look.
        collector: Whether the garbage collector runs meanwhile, as it does in a service.

    Returns:
        The best seconds of one call of each, in the order given.
    """
    with nullcontext() if collector else no_collector():
        end = time.perf_counter() + effort.budget
        best = [loop(work, 1) for work in works]
        best = [once if once > effort.seconds else loop(work, 3) for once, work in zip(best, works, strict=True)]
        counts = [max(1, int(effort.seconds / max(seconds, 1e-9))) for seconds in best]
        return best_of([partial(loop, *one) for one in zip(works, counts, strict=True)], best, effort.rounds, end)


def compare(ours: Work, theirs: Work, effort: Effort = THOROUGH, collector: bool = False) -> tuple[float, float]:
    """Measure two pieces of work in turns; returns the best seconds of one call of each."""
    first, second = best_times((ours, theirs), effort, collector)
    return first, second
