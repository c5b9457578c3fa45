"""The circuit breaker: closed, open, half-open, by failed and by slow calls in a window of time."""

from __future__ import annotations

from random import Random

import pytest

from safecodec.cache import BreakerPolicy
from safecodec.cache.breaker import JITTER, Breaker

POLICY = BreakerPolicy(window=30.0, calls=4, failures=0.5, slow=0.75, slow_after=1.0, shortest=5.0, longest=30.0)
PATIENCE = 2.0


def breaker(policy: BreakerPolicy = POLICY, seed: int = 0) -> Breaker:
    """A breaker that is closed."""
    return Breaker(policy, Random(seed), PATIENCE)


def pass_through(one: Breaker, now: float, *, failed: bool = False, takes: float = 0.0) -> bool:
    """Make a call, and return whether it closed the breaker."""
    call = one.enter(now)
    assert call is not None
    return call.end(now + takes, failed=failed)


def opened(now: float = 0.0, policy: BreakerPolicy = POLICY) -> Breaker:
    """A breaker that has opened."""
    one = breaker(policy)
    for _ in range(policy.calls):
        pass_through(one, now, failed=True)
    assert not one.is_closed
    return one


def reopens_at(one: Breaker, now: float) -> float:
    """When a breaker lets the next call through, to a tenth of a second."""
    while not one.admits(now):
        now += 0.1
    return now


def test_closed_breaker_lets_all_through() -> None:
    """Calls that end well leave it closed, however many there are at once."""
    one = breaker()
    calls = [one.enter(0.0) for _ in range(50)]
    for call in calls:
        assert call is not None
        assert not call.end(0.1, failed=False)
    assert one.is_closed
    assert one.admits(0.2)
    assert one.opened == 0


def test_it_opens_at_the_share_of_failures_and_not_before_enough_calls() -> None:
    """Three failures of three say too little; two of four are half."""
    one = breaker()
    for _ in range(3):
        pass_through(one, 0.0, failed=True)
    assert one.is_closed
    one = breaker()
    for failed in (True, False, False, True):
        assert one.is_closed
        pass_through(one, 0.0, failed=failed)
    assert not one.is_closed
    assert one.opened == 1
    assert one.enter(0.0) is None
    assert not one.admits(0.0)


def test_failures_under_the_share_leave_it_closed() -> None:
    """One failure of three, in turn with calls that end well, is under half of them."""
    one = breaker()
    for failed in (False, False, True) * 20:
        pass_through(one, 0.0, failed=failed)
    assert one.is_closed


def test_it_opens_at_the_share_of_slow_calls() -> None:
    """Three of four calls that take a second are slow, though none failed; a little less is not slow."""
    one = breaker()
    for takes in (1.0, 0.1, 1.0, 1.0):
        pass_through(one, 0.0, takes=takes)
    assert not one.is_closed
    one = breaker()
    for takes in (0.999, 0.1, 1.0, 1.0):
        pass_through(one, 0.0, takes=takes)
    assert one.is_closed


def test_calls_leave_the_window() -> None:
    """What failed longer ago than the window counts no more; what failed within it does."""
    one = breaker()
    for _ in range(3):
        pass_through(one, 0.0, failed=True, takes=0.0)
    pass_through(one, 30.0, failed=True)
    assert one.is_closed
    for _ in range(3):
        pass_through(one, 58.0, failed=True)
    assert not one.is_closed


@pytest.mark.parametrize("seed", range(5))
def test_time_of_being_open_is_jittered(seed: int) -> None:
    """It is open for the shortest time and up to a fifth of it more."""
    one = breaker(seed=seed)
    for _ in range(4):
        pass_through(one, 0.0, failed=True)
    assert not one.admits(4.99)
    assert one.admits(5.0 * (1 + JITTER))


def test_processes_do_not_probe_together() -> None:
    """Breakers that opened at one time let their probes through at different times."""
    random = Random(0)
    ends = set()
    for _ in range(10):
        one = Breaker(POLICY, random, PATIENCE)
        for _ in range(4):
            pass_through(one, 0.0, failed=True)
        ends.add(round(reopens_at(one, 5.0), 1))
    assert len(ends) > 3


def test_half_open_lets_one_through() -> None:
    """There is one probe, and while it goes on nobody else is let through."""
    one = opened()
    probe = one.enter(7.0)
    assert probe is not None
    assert not one.admits(7.1)
    assert one.enter(7.1) is None
    assert probe.end(7.2, failed=False)
    assert one.is_closed
    assert one.admits(7.2)


def test_good_probe_begins_anew() -> None:
    """After a good probe nothing of before counts, and the next opening is as short as the first."""
    one = opened()
    for now in (7.0, 40.0):
        probe = one.enter(now)
        assert probe is not None
        probe.end(now, failed=now == 7.0)
    assert one.is_closed
    for _ in range(3):
        pass_through(one, 41.0, failed=True)
    assert one.is_closed
    pass_through(one, 41.0, failed=True)
    assert 46.0 - 0.1 <= reopens_at(one, 41.0) <= 47.1


@pytest.mark.parametrize("takes", [0.1, 1.0])
def test_each_failed_probe_doubles_the_time(takes: float) -> None:
    """A probe that fails or is slow has it open twice as long, up to the longest."""
    one, now = opened(), 0.0
    now = reopens_at(one, now)
    for length in (10.0, 20.0, 30.0, 30.0):
        probe = one.enter(now)
        assert probe is not None
        assert not probe.end(now + takes, failed=takes < 1.0)
        end = now + takes
        now = reopens_at(one, end)
        assert length - 0.2 <= now - end <= length * (1 + JITTER) + 0.2
    assert one.opened == 5


def test_cancelled_probe_says_nothing() -> None:
    """A probe that is cancelled leaves its place to the next call, and the time as it was."""
    one = opened()
    probe = one.enter(7.0)
    assert probe is not None
    probe.cancelled()
    probe.cancelled()
    assert one.admits(7.0)
    again = one.enter(7.0)
    assert again is not None
    assert again.end(7.1, failed=False)


def test_probe_that_hangs_has_failed() -> None:
    """A probe that has not ended when its time is over cannot hold the breaker; its late end changes nothing."""
    one = opened()
    probe = one.enter(7.0)
    assert probe is not None
    assert not one.admits(7.0 + PATIENCE)
    assert not one.admits(7.1 + PATIENCE)
    assert one.opened == 2
    now = reopens_at(one, 7.1 + PATIENCE)
    assert 10.0 - 0.1 <= now - 7.1 - PATIENCE <= 12.1
    second = one.enter(now)
    assert second is not None
    assert not probe.end(now, failed=False)
    assert not one.is_closed
    assert second.end(now, failed=False)
    assert one.is_closed


def test_next_call_gives_up_a_probe_that_hangs() -> None:
    """It needs nobody who asks first whether a call would be let through."""
    one = opened()
    assert one.enter(7.0) is not None
    assert one.enter(9.5) is None
    assert one.opened == 2


def test_calls_of_before_say_nothing_about_a_probe() -> None:
    """A call that began before it opened neither closes nor opens it when it ends."""
    one = breaker()
    early = [one.enter(0.0), one.enter(0.0)]
    for _ in range(4):
        pass_through(one, 0.0, failed=True)
    assert early[0] is not None
    assert early[1] is not None
    assert not early[0].end(1.0, failed=False)
    probe = one.enter(7.0)
    assert probe is not None
    assert not early[1].end(7.1, failed=True)
    assert one.opened == 1
    assert probe.end(7.2, failed=False)


def test_call_counts_once() -> None:
    """A call that is ended twice, or cancelled and ended, is counted as it ended first."""
    one = breaker()
    for _ in range(8):
        call = one.enter(0.0)
        assert call is not None
        call.cancelled()
        assert not call.end(0.0, failed=True)
    assert one.is_closed
    call = one.enter(0.0)
    assert call is not None
    for _ in range(8):
        call.end(0.0, failed=True)
    call.cancelled()
    assert one.is_closed


def test_calls_that_were_not_asked_for_count_as_well() -> None:
    """A closed breaker may be spared the question: good calls count, slow ones open it, an open one ignores them."""
    one = breaker()
    for _ in range(POLICY.calls):
        one.passed(0.0, 0.1)
    assert one.is_closed
    for _ in range(3 * POLICY.calls):
        one.passed(0.0, 2.0)
    assert not one.is_closed
    one.passed(0.0, 0.1)
    assert one.opened == 1
