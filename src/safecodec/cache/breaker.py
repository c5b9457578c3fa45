"""A circuit breaker without a clock: closed, open, half-open, as resilience4j has them, over a window of time."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

    from .policy import BreakerPolicy

BUCKETS: Final = 30
"""In how many parts a window's calls are counted."""
JITTER: Final = 0.2
"""By which share of itself a time of being open is lengthened at random, so that processes do not probe together."""


class Breaker:
    """Counts calls that fail or are slow, and stops calls for a while where too many do.

    A half-open breaker lets one call through. A probe that is cancelled says nothing, and the next call is the probe.

    Args:
        policy: When it opens.
        random: Where the jitter comes from.
        patience: Seconds after which a probe that has not ended has failed.
    """

    def __init__(self, policy: BreakerPolicy, random: Random, patience: float) -> None:
        self.policy = policy
        self._patience = patience
        self.opened: int = 0
        """How many times it has opened."""
        self._random = random
        self._width = policy.window / BUCKETS
        self._buckets: deque[list[int]] = deque()  # each its place in time, and calls: all, failed, slow
        self._total = self._failed = self._slow = 0
        self._open_until: float | None = None
        self._length = policy.shortest
        self._probe: Call | None = None

    @property
    def is_closed(self) -> bool:
        """Whether calls pass."""
        return self._open_until is None

    def admits(self, now: float) -> bool:
        """Tell whether a call would be let through."""
        self._miss(now)
        return self._open_until is None or (now >= self._open_until and self._probe is None)

    def enter(self, now: float) -> Call | None:
        """Begin a call, or return None where it is not let through.

        Args:
            now: Seconds of a monotonic clock.
        """
        if self._open_until is None:
            return Call(self, now)
        self._miss(now)
        if now < self._open_until or self._probe is not None:
            return None
        self._probe = Call(self, now)
        return self._probe

    def leave(self, call: Call, now: float, failed: bool) -> bool:
        """Count a call that has ended; return whether that closed the breaker."""
        slow = now - call.began >= self.policy.slow_after
        if self._open_until is not None:
            if call is not self._probe:
                return False  # it began before the breaker opened
            self._probe = None
            if failed or slow:
                self._open_longer(now)
                return False
            self._open_until = None
            self._length = self.policy.shortest
            self._forget()
            return True
        self._count(now, failed, slow)
        self._judge(now)
        return False

    def _judge(self, now: float) -> None:
        total = self._total
        if total >= self.policy.calls and (
            self._failed >= self.policy.failures * total or self._slow >= self.policy.slow * total
        ):
            self._open(now)

    def passed(self, began: float, now: float) -> None:
        """Count a good call that `enter` was not asked for, which it may be spared while the breaker is closed."""
        if self._open_until is None:
            slow = now - began >= self.policy.slow_after
            self._count(now, False, slow)
            if slow:
                self._judge(now)

    def cancel(self, call: Call) -> None:
        """Forget a call that says nothing."""
        if call is self._probe:
            self._probe = None

    def _miss(self, now: float) -> None:
        """Give up a probe that hangs: nobody may ask for its key again, and so see that its time is over."""
        if self._probe is not None and now - self._probe.began > self._patience:
            self._probe = None
            self._open_longer(now)

    def _open_longer(self, now: float) -> None:
        self._length = min(self._length * 2, self.policy.longest)
        self._open(now)

    def _open(self, now: float) -> None:
        self.opened += 1
        self._open_until = now + self._length * (1 + JITTER * self._random.random())
        self._forget()

    def _forget(self) -> None:
        self._buckets.clear()
        self._total = self._failed = self._slow = 0

    def _count(self, now: float, failed: bool, slow: bool) -> None:
        buckets, at = self._buckets, int(now / self._width)
        if not buckets or buckets[-1][0] != at:
            buckets.append([at, 0, 0, 0])
            while buckets[0][0] <= at - BUCKETS:
                _, total, was_failed, was_slow = buckets.popleft()
                self._total -= total
                self._failed -= was_failed
                self._slow -= was_slow
        bucket = buckets[-1]
        bucket[1] += 1
        bucket[2] += failed
        bucket[3] += slow
        self._total += 1
        self._failed += failed
        self._slow += slow


class Call:
    """A call that a breaker let through; it ends by `end` or `cancelled`, once."""

    __slots__ = ("_breaker", "began")

    def __init__(self, breaker: Breaker, began: float) -> None:
        self._breaker: Breaker | None = breaker
        self.began: float = began

    def end(self, now: float, *, failed: bool) -> bool:
        """Count the call; return whether that closed the breaker."""
        breaker, self._breaker = self._breaker, None
        return breaker is not None and breaker.leave(self, now, failed)

    def cancelled(self) -> None:
        """Do not count the call."""
        breaker, self._breaker = self._breaker, None
        if breaker is not None:
            breaker.cancel(self)
