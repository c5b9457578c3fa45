"""The policy of a guarded cache: numbers that a service states, checked when they are."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from math import isfinite
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from ..errors import ConfigError, short
from .answers import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST: Final = 40 * 86400.0
"""The longest time that an entry is fresh, in seconds: a stamp holds 49 days."""


def _number(owner: str, name: str, value: Any, low: float, high: float, unit: str, *, open_low: bool = False) -> None:
    right = isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)
    if not right or not low <= value <= high or (open_low and value == low):
        more = f"more than {low:g}" if open_low else f"from {low:g}"
        raise ConfigError(f"{owner}.{name} is {unit}, {more} to {high:g}, not {short(value)}")


def _count(owner: str, name: str, value: Any, low: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ConfigError(f"{owner}.{name} is a whole number from {low} on, not {short(value)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """When a circuit breaker opens, and for how long.

    Args:
        window: Seconds over which calls are counted.
        calls: How many calls the window has at least before a breaker may open.
        failures: Share of failed calls from which it opens, more than 0 to 1.
        slow: Share of slow calls from which it opens, more than 0 to 1.
        slow_after: Seconds from which a call is slow.
        shortest: Seconds that it stays open the first time; each time after a failed probe takes twice as long.
        longest: Seconds that it stays open at most.

    Raises:
        ConfigError: A number is out of range.
    """

    window: float = 30.0
    calls: int = 5
    failures: float = 0.5
    slow: float = 0.8
    slow_after: float = 1.0
    shortest: float = 5.0
    longest: float = 60.0

    def __post_init__(self) -> None:
        owner = type(self).__name__
        for name in ("window", "slow_after", "shortest", "longest"):
            _number(owner, name, getattr(self, name), 0, LONGEST, "a time in seconds", open_low=True)
        for name in ("failures", "slow"):
            _number(owner, name, getattr(self, name), 0, 1, "a share", open_low=True)
        _count(owner, "calls", self.calls, 1)
        if self.longest < self.shortest:
            raise ConfigError(f"{owner}.longest is {self.longest:g} s, shorter than shortest ({self.shortest:g} s)")


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardPolicy:
    """The limits of a guarded cache. All times are in seconds.

    Args:
        load_rate: Loads from the database per second, of the whole fleet. In any window of T seconds there are at most
            ``load_rate * T + processes``.
        load_concurrency: Loads at once, of the whole fleet. Each process may have one.
        processes: The most processes that there are at once, a deployment's surge included.
        fresh: How long a loaded value is served without a look at the database.
        jitter: By which share of itself ``fresh`` is shortened at random, so that entries do not end together.
        eager: Share of ``fresh`` after which an entry is loaded anew behind an answer; None is never.
        stale: How long after its end a value may still be served where no better one is to be had.
        stale_by: ``stale`` for single verdicts.
        throttle: The time between two attempts to replace one stale or unreadable entry, in each process.
        negative: How long the absence of a value is remembered; None is not at all.
        soft_timeout: How long an answer waits for a load where there is a stale value to serve; None is not at all.
        load_timeout: How long a load may take.
        store_timeout: How long the store may take, where the cache sets it up itself.
        wait: How long a caller without any value waits for its turn to load, and for another process's load.
        lease: Whether processes take a lease in the store before they load, so that one of them does.
        breaker: When loads are stopped.
        store_breaker: When the store is left alone.
        verify: Which frames are decoded before they are stored: ``always``, one in so many, or ``never``.
        shadow: One fresh answer in so many is compared with the source, off the request; 0 is none.
        fail_closed: Whether only fresh values are served: no stale value, no second copy, no default.
        keep_good: Whether the store has a second copy of each value, which only guarded caches write.
        keys: How many keys' last known good values each process keeps.
        bytes: How many bytes of frames each process keeps.
        quarantine: How many unreadable values of a key are kept in the store.
        quarantine_for: How long they are kept.

    Raises:
        ConfigError: A number is out of range.
    """

    load_rate: float
    load_concurrency: int
    processes: int
    fresh: float = 300.0
    jitter: float = 0.1
    eager: float | None = 0.9
    stale: float = 3600.0
    stale_by: Mapping[Verdict, float] = field(default_factory=dict)
    throttle: float = 30.0
    negative: float | None = 30.0
    soft_timeout: float | None = 0.1
    load_timeout: float = 5.0
    store_timeout: float = 0.05
    wait: float = 0.5
    lease: bool = True
    breaker: BreakerPolicy = BreakerPolicy()
    store_breaker: BreakerPolicy = BreakerPolicy()
    verify: Literal["always", "never"] | int = "always"
    shadow: int = 0
    fail_closed: bool = False
    keep_good: bool = False
    keys: int = 10_000
    bytes: int = 64 * 1024 * 1024
    quarantine: int = 4
    quarantine_for: float = 86400.0

    def __post_init__(self) -> None:
        owner = type(self).__name__
        _number(owner, "load_rate", self.load_rate, 0, 1e6, "loads a second", open_low=True)
        for name in ("load_concurrency", "processes", "keys", "bytes", "quarantine"):
            _count(owner, name, getattr(self, name), 1)
        _count(owner, "shadow", self.shadow, 0)
        for name in ("fresh", "load_timeout", "store_timeout", "quarantine_for"):
            _number(owner, name, getattr(self, name), 0.001, LONGEST, "a time in seconds")
        for name in ("stale", "throttle", "wait"):
            _number(owner, name, getattr(self, name), 0, LONGEST, "a time in seconds")
        _number(owner, "jitter", self.jitter, 0, 1, "a share")
        if self.eager is not None:
            _number(owner, "eager", self.eager, 0, 1, "a share", open_low=True)
        for name in ("negative", "soft_timeout"):
            if getattr(self, name) is not None:
                _number(owner, name, getattr(self, name), 0, LONGEST, "a time in seconds or None")
        for verdict, seconds in dict(self.stale_by).items():
            if not isinstance(verdict, Verdict):
                raise ConfigError(f"{owner}.stale_by has Verdicts as keys, not {short(verdict)}")
            _number(owner, f"stale_by[{verdict.name}]", seconds, 0, LONGEST, "a time in seconds")
        object.__setattr__(self, "stale_by", MappingProxyType(dict(self.stale_by)))
        if self.verify not in ("always", "never"):
            _count(owner, "verify", self.verify, 1)
        for name in ("lease", "fail_closed", "keep_good"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigError(f"{owner}.{name} is True or False, not {short(getattr(self, name))}")
        for name in ("breaker", "store_breaker"):
            if not isinstance(getattr(self, name), BreakerPolicy):
                raise ConfigError(f"{owner}.{name} is a BreakerPolicy, not {short(getattr(self, name))}")

    @property
    def stalest(self) -> float:
        """The longest time after its end that any value may be served, in seconds."""
        return max(self.stale, *self.stale_by.values(), 0.0)

    def __reduce__(self) -> tuple[Any, ...]:
        given = {one.name: getattr(self, one.name) for one in fields(self)}
        return _restored, (given | {"stale_by": dict(self.stale_by)},)


def _restored(given: dict[str, Any]) -> GuardPolicy:
    return GuardPolicy(**given)
