"""The load rate: GCRA with a burst of one, a random phase and a slow start."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safecodec.cache.rate import DOUBLES, SLOWEST, Rate


def warm(rate: float, processes: int, seed: int = 0) -> Rate:
    """A rate whose slow start is over, at 0."""
    return Rate(rate, processes, -1000.0, Random(seed))


@given(
    rate=st.floats(0.1, 1000.0),
    processes=st.integers(1, 20),
    steps=st.lists(st.tuples(st.integers(0, 19), st.floats(0.0, 5.0)), min_size=1, max_size=80),
    seed=st.integers(0, 99),
    slow=st.booleans(),
)
def test_every_window_holds_the_bound(
    rate: float, processes: int, steps: list[tuple[int, float]], seed: int, slow: bool
) -> None:
    """In any window of T seconds, a fleet that asks at any times begins at most rate x T + processes loads."""
    random = Random(seed)
    fleet = [Rate(rate, processes, 0.0 if slow else -1000.0, random) for _ in range(processes)]
    now, begun = 0.0, []
    for which, pause in steps:
        now += pause * processes / rate / 2
        if fleet[which % processes].take(now):
            begun.append(now)
    for first in range(len(begun)):
        for last in range(first, len(begun)):
            span = begun[last] - begun[first]
            assert last - first + 1 <= rate * span + processes + 1e-6


@given(rate=st.floats(0.1, 1000.0), processes=st.integers(1, 20), seed=st.integers(0, 99))
def test_first_loads_of_a_process(rate: float, processes: int, seed: int) -> None:
    """The first load begins at once, the second after an interval and a phase of at most one, all others after one."""
    one = warm(rate, processes, seed)
    interval = processes / rate
    assert one.ready_in(0.0) == 0.0
    assert one.take(0.0)
    assert interval <= one.ready_in(0.0) <= 2 * interval + 1e-9
    now = one.ready_in(0.0)
    assert one.take(now + 1e-9)
    assert one.ready_in(now) == pytest.approx(interval, rel=1e-6, abs=1e-6)


def test_nothing_is_saved_up() -> None:
    """A pause earns no burst: after an hour there is one load, and then an interval again."""
    one = warm(10.0, 1)
    assert one.take(0.0)
    assert one.take(3600.0)
    assert not one.take(3600.0)
    assert not one.take(3600.09)
    assert one.take(3600.1001)


def test_processes_do_not_stay_in_step() -> None:
    """The second loads of a deployment's processes are spread over an interval."""
    random = Random(1)
    seconds = []
    for _ in range(100):
        one = Rate(10.0, 10, -1000.0, random)
        one.take(0.0)
        seconds.append(one.ready_in(0.0))
    assert min(seconds) < 1.1
    assert max(seconds) > 1.9


@pytest.mark.parametrize("again", [False, True])
def test_slow_start(again: bool) -> None:
    """A tenth of the rate at first, twice as much each five seconds, the whole of it in the end."""
    one = Rate(1.0, 1, 0.0, Random(0))
    now = 0.0
    if again:
        now = 500.0
        one.take(100.0)
        one.starts_slowly(now)
    one.take(now)
    one._phase = 0.0
    one._next = now
    assert one.take(now)
    assert one.ready_in(now) == pytest.approx(1 / SLOWEST)
    one._next = now + DOUBLES
    assert one.take(now + DOUBLES)
    assert one.ready_in(now + DOUBLES) == pytest.approx(1 / (2 * SLOWEST))
    one._next = now + 400.0
    assert one.take(now + 400.0)
    assert one.ready_in(now + 400.0) == pytest.approx(1.0)


def test_share_of_an_old_process_does_not_overflow() -> None:
    """A process that runs for a century has the whole rate."""
    one = Rate(1.0, 1, 0.0, Random(0))
    assert one.take(3e9)
    assert one.take(3e9 + 2.5)


def test_only_so_many_wait_as_get_their_turn() -> None:
    """Who would not get a turn in time does not wait for it, and who leaves makes room."""
    one = warm(10.0, 1)
    one.take(0.0)
    one._next = 0.1
    assert [one.joins(0.0, 0.35) for _ in range(5)] == [True, True, True, False, False]
    assert one.waiting == 3
    one.leaves()
    assert one.joins(0.0, 0.35)
    assert not one.joins(0.0, 0.35)
    assert one.waiting == 3
