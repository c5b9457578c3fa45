"""The load rate of one process: its share of the fleet's, kept without the store, so that losing it changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from random import Random

SLOWEST: Final = 0.1
"""Share of the rate with which a slow start begins."""
DOUBLES: Final = 5.0
"""Seconds in which the share doubles."""


class Rate:
    """Spaces the loads of a process: GCRA with a burst of one.

    Two loads begin at least ``processes / rate`` seconds apart. A process begins at most ``T * rate / processes + 1``
    loads in T seconds, and the fleet ``T * rate + processes``. The first load of a process may begin at once; the
    second has a random phase, so that the processes of a deployment do not stay in step.

    Args:
        rate: Loads per second of the whole fleet.
        processes: The most processes that there are.
        now: Seconds of a monotonic clock.
        random: Where the phase comes from.
    """

    def __init__(self, rate: float, processes: int, now: float, random: Random) -> None:
        self.interval: float = processes / rate
        self.waiting: int = 0
        self._next = now
        self._since = now
        self._phase = random.random() * self.interval

    def starts_slowly(self, now: float) -> None:
        """Begin a slow start: a tenth of the rate, which doubles every 5 seconds up to the whole."""
        self._since = now

    def ready_in(self, now: float) -> float:
        """Return the seconds until a load may begin."""
        return max(0.0, self._next - now)

    def take(self, now: float) -> bool:
        """Begin a load, if one may."""
        if now < self._next:
            return False
        share = min(1.0, SLOWEST * 2.0 ** min((now - self._since) / DOUBLES, 64.0))
        self._next = now + self.interval / share + self._phase
        self._phase = 0.0
        return True

    def joins(self, now: float, within: float) -> bool:
        """Join those who wait for their turn to load, unless it is not expected to come in time.

        Args:
            now: Seconds of the monotonic clock.
            within: Seconds that there are.
        """
        if self.ready_in(now) + self.waiting * self.interval > within:
            return False
        self.waiting += 1
        return True

    def leaves(self) -> None:
        """Wait no more."""
        self.waiting -= 1
