"""Measuring in turns: what is called, in which order, with the garbage collector or without."""

from __future__ import annotations

import gc
import os
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from safecodec.bench.harness import Effort, best_times, compare, in_turns, no_collector, pin, pinned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SHORT = Effort(rounds=6, seconds=1e-4, budget=5.0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands still unless work moves it."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return now


def taking(clock: list[float], seconds: Any) -> Callable[[], object]:
    def work() -> None:
        clock[0] += next(seconds) if hasattr(seconds, "__next__") else seconds

    return work


def test_best_round_counts(clock: list[float]) -> None:
    """Of each work the best round counts, whatever disturbed the others."""

    def disturbed() -> Iterator[float]:
        yield from (0.5, 0.3, 0.2)
        while True:
            yield 0.4

    times = compare(taking(clock, disturbed()), taking(clock, 0.1), Effort(rounds=9, seconds=0.01, budget=99))
    assert times == pytest.approx((0.2, 0.1))


def test_short_work_is_called_often(clock: list[float]) -> None:
    """A turn of short work has as many calls as fit, a turn of long work has one."""
    calls = {"short": 0, "long": 0}

    def counted(name: str, seconds: float) -> Callable[[], object]:
        def work() -> None:
            calls[name] += 1
            clock[0] += seconds

        return work

    best_times([counted("short", 1 / 1024), counted("long", 1 / 16)], Effort(rounds=2, seconds=1 / 128, budget=99))
    assert calls == {"short": 1 + 3 + 2 * 8, "long": 1 + 2}


def test_no_round_begins_when_the_time_is_up(clock: list[float]) -> None:
    """Each work is called at least once, however long it takes."""
    calls: list[None] = []

    def work() -> None:
        calls.append(None)
        clock[0] += 100.0

    assert best_times([work], Effort(rounds=50, seconds=1.0, budget=5.0)) == [100.0]
    assert len(calls) == 1


def test_none_always_follows_the_same(clock: list[float]) -> None:
    """Rounds begin with another work each, and go backwards when every one was the first."""
    order: list[str] = []

    def named(name: str) -> Callable[[], object]:
        def work() -> None:
            order.append(name)
            clock[0] += 1.0

        return work

    best_times([named(name) for name in "abc"], Effort(rounds=7, seconds=0.5, budget=99))
    rounds = ["".join(order[at : at + 3]) for at in range(3, len(order), 3)]
    assert rounds == ["abc", "bca", "cab", "cba", "acb", "bac", "abc"]
    assert ["".join(in_turns("ab", turn)) for turn in range(4)] == ["ab", "ba", "ba", "ab"]


@pytest.mark.parametrize("collector", [True, False])
def test_collector_runs_only_where_asked(collector: bool) -> None:
    """The garbage collector is off while works are measured, unless it belongs to what is measured."""
    seen = []
    best_times([lambda: seen.append(gc.isenabled())], SHORT, collector=collector)
    assert set(seen) == {collector}
    assert gc.isenabled()


def test_collector_is_back_after_an_error() -> None:
    """A work that raises leaves the collector as it was."""

    def fail() -> None:
        with no_collector():
            raise ValueError("a work failed")

    with pytest.raises(ValueError, match="a work failed"):
        fail()
    assert gc.isenabled()


def test_process_is_kept_on_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process stays on the last of its cores, for good or for a while, where the system can keep it there."""
    asked: list[Any] = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 2}, raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, cores: asked.append(cores), raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert pin() == 3
    assert asked == [{3}]
    with pinned() as core:
        assert core == 3
    assert asked == [{3}, {3}, {0, 2, 3}]
    monkeypatch.setattr(sys, "platform", "darwin")
    with pinned() as core:
        assert core is pin() is None
    assert len(asked) == 3
