"""What a cache asks of a store, and the stores: `memory`, `file` and `redis`, each imported by whoever uses it.

A store keeps bytes under keys that are physical already (see `safecodec.cache.keys`), each for a time. It knows of a
frame no more than its first 56 bytes: magic, environment and stamp. All that is decided about an entry from what is
there, by several processes at once, is one `Swap`, which every store does atomically.

Whatever goes wrong with a store is a `StoreError`, whose ``__cause__`` is the error of the library or the operating
system. A mistake of the caller is a `ConfigError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from inspect import iscoroutinefunction
from math import ceil
from typing import Any, Final, Protocol

from safecodec.errors import ConfigError, StoreError

__all__ = [
    "CLAIM",
    "HEAD",
    "LONGEST",
    "AsyncStore",
    "Leased",
    "Store",
    "StoreError",
    "Swap",
    "Swapped",
    "async_store_of",
    "milliseconds",
    "store_of",
]

CLAIM: Final = b"safecodec:environment"
"""The key that holds the name of the environment that a store is bound to."""
HEAD: Final = 56
"""Bytes of an entry that are judged: the header of a frame and its stamp."""
LONGEST: Final = 10 * 366 * 86400.0
"""Seconds that an entry, a lease or a quarantine stays at most: ten years."""


def milliseconds(seconds: float, of: str) -> int:
    """Return a duration in whole milliseconds, of which there is at least one.

    Args:
        seconds: The duration in seconds.
        of: The name of the argument, for the error.

    Raises:
        ConfigError: It is not above 0, or above `LONGEST`, or no number.
    """
    if not 0 < seconds <= LONGEST:
        raise ConfigError(f"{of} is a number of seconds above 0 and up to {LONGEST:.0f} (ten years), found {seconds!r}")
    return ceil(seconds * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """One atomic compare-and-set of an entry.

    Args:
        key: The entry's key.
        new: The frame that goes there.
        expected: The first `HEAD` bytes of what was judged, or all of it if it is shorter; ``b""``: nothing was there,
            or an empty entry; None: whatever is there (set, delete).
        environment: The tag of the own environment, 4 bytes.
        seconds: Until the entry goes by itself.
        token: What the lease must hold; the lease is dropped with the swap. None: no lease is asked for, and one that
            is there is dropped.
        lease: The lease's key.
        bad: The key of the quarantine list; None: what was there is not kept.
        bad_keep: How many entries the list keeps, the newest of all.
        bad_seconds: Until the list goes by itself, counted from the last entry that came to it.
        good: The key of the second copy, which is written with the entry; None: there is none.

    Raises:
        ConfigError: A duration is not above 0, ``new`` is empty, the tag has not 4 bytes, ``expected`` is longer than
            `HEAD`, ``bad_keep`` is under 1, or there is a token without a lease.
    """

    key: bytes
    new: bytes
    expected: bytes | None
    seconds: float
    token: bytes | None = None
    lease: bytes | None = None
    bad: bytes | None = None
    bad_keep: int = 4
    bad_seconds: float = 86400.0
    good: bytes | None = None
    environment: bytes

    def __post_init__(self) -> None:
        milliseconds(self.seconds, "seconds")
        milliseconds(self.bad_seconds, "bad_seconds")
        if not self.new:
            raise ConfigError("new is empty, expected a frame: an entry is removed by a frame of kind deleted")
        if len(self.environment) != 4:
            raise ConfigError(
                f"environment is a tag of 4 bytes, found {len(self.environment)}: see safecodec.frame.tag"
            )
        if self.expected is not None and len(self.expected) > HEAD:
            raise ConfigError(f"expected is at most the first {HEAD} bytes of an entry, found {len(self.expected)}")
        if self.bad_keep < 1:
            raise ConfigError(f"bad_keep is 1 or more, found {self.bad_keep}: give bad=None to keep nothing")
        if self.token is not None and self.lease is None:
            raise ConfigError("there is a token, and no key of the lease that must hold it")


class Swapped(StrEnum):
    """What came of a `Swap`; all but ``DONE`` leave everything as it was.

    The checks are made in this order:

    1. ``new`` is there already, to its last byte: ``DONE``, as a reply was lost and the swap came again. (A damaged
       payload behind the header and stamp of ``new`` is replaced by it.)
    2. A frame of another environment is there: ``FOREIGN``, also where ``expected`` is None; not where it is the one
       that is expected, which the caller has judged: a damaged frame may have any tag.
    3. There is a token, and the lease does not hold it: ``LOST``.
    4. ``expected`` is not what is there: ``CHANGED``.
    5. A stamped frame of this environment is there, and newer: ``OLDER``. Asked where ``expected`` is None, or where it
       is a tombstone. Newer is one with a higher source version, if both have one. Where ``expected`` is None, so is
       one with a later load start, unless that is later than the store's own time: a clock that was set back must not
       leave an entry that nobody can delete. A tombstone that was expected is newer until its load start and its
       ``fresh_for`` are before the load start of ``new``.

    Then what was there goes to the quarantine if there is one (with ``expected`` None: unless it is a frame of this
    environment; never where the list's newest entry is equal), ``new`` and its second copy are written, and the lease
    is dropped.
    """

    DONE = "done"
    LOST = "lost"
    CHANGED = "changed"
    OLDER = "older"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Leased:
    """The answer to a request for a lease.

    Args:
        granted: Whether the caller's token holds the lease now.
        time: The store's time, in microseconds since 1970.
    """

    granted: bool
    time: int


class Store(Protocol):
    """A store whose calls return when they are done; all of them raise `StoreError` where it fails."""

    def get(self, key: bytes) -> bytes | None:
        """Return the entry of a key, or None where there is none."""
        ...

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the entries of keys in their order, in one round trip where the store has one."""
        ...

    def time(self) -> int:
        """Return the store's time, in microseconds since 1970."""
        ...

    def lease(self, key: bytes, token: bytes, seconds: float) -> Leased:
        """Take a lease if nobody has it; whoever has it, by its token, has it again, for so many seconds from now."""
        ...

    def release(self, key: bytes, token: bytes) -> None:
        """Give a lease back if it holds the token."""
        ...

    def swap(self, swap: Swap) -> Swapped:
        """Compare and set, see `Swapped`."""
        ...

    def claim(self) -> str | None:
        """Return the name of the environment that the store is bound to, or None where it is bound to none."""
        ...

    def close(self) -> None:
        """Give back what the store has opened itself; again is no error."""
        ...


class AsyncStore(Protocol):
    """A `Store` whose calls are awaited."""

    async def get(self, key: bytes) -> bytes | None:
        """See `Store.get`."""
        ...

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See `Store.get_many`."""
        ...

    async def time(self) -> int:
        """See `Store.time`."""
        ...

    async def lease(self, key: bytes, token: bytes, seconds: float) -> Leased:
        """See `Store.lease`."""
        ...

    async def release(self, key: bytes, token: bytes) -> None:
        """See `Store.release`."""
        ...

    async def swap(self, swap: Swap) -> Swapped:
        """See `Store.swap`."""
        ...

    async def claim(self) -> str | None:
        """See `Store.claim`."""
        ...

    async def close(self) -> None:
        """See `Store.close`."""
        ...


def store_of(given: Any) -> Store:
    """Return a store: the one that is given, or one of a client of redis-py.

    Raises:
        ConfigError: It is neither, or a client that must be set up otherwise.
    """
    store: Store = _store(given, awaited=False)
    return store


def async_store_of(given: Any) -> AsyncStore:
    """Return a store: the one that is given, or one of a client of `redis.asyncio`.

    Raises:
        ConfigError: It is neither, or a client that must be set up otherwise.
    """
    store: AsyncStore = _store(given, awaited=True)
    return store


def _store(given: Any, *, awaited: bool) -> Any:
    if not hasattr(given, "swap"):
        from .redis import AsyncRedisStore, RedisStore

        return AsyncRedisStore(given) if awaited else RedisStore(given)
    if iscoroutinefunction(given.swap) is not awaited:
        raise ConfigError(
            f"{type(given).__name__} is a store whose calls are {'not ' if awaited else ''}awaited: give it to "
            f"{'GuardedCache' if awaited else 'AsyncGuardedCache'}"
        )
    return given
