"""Stores in the memory of the process: for tests, for a demo, and in front of nothing else."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from math import inf
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple

from safecodec.errors import ConfigError, StoreError

from . import Leased, Swap, Swapped
from .local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["AsyncMemoryStore", "MemoryStore"]

DEFAULT_BYTES: Final = 64 * 1024 * 1024
_OVERHEAD: Final = 200
"""Bytes that an entry takes beside its key and value: two objects of bytes, a tuple, its place in the dict."""


class _Entry(NamedTuple):
    value: bytes
    until: float
    cost: int


class MemoryStore(LocalStore):
    """A store in memory, for any number of threads; what was used least recently makes room.

    A process that is forked has a copy of its own.

    Args:
        max_bytes: How much the keys and entries take at most, about.
        now: What gives the time, in seconds since 1970.

    Raises:
        ConfigError: ``max_bytes`` is under 1.
    """

    def __init__(self, *, max_bytes: int = DEFAULT_BYTES, now: Callable[[], float] = time.time) -> None:
        if max_bytes < 1:
            raise ConfigError(f"max_bytes is 1 or more, found {max_bytes}")
        super().__init__(now)
        self._max_bytes = max_bytes
        self._entries: OrderedDict[bytes, _Entry] = OrderedDict()
        self._size = 0
        self._lock = Lock()
        self._pid = os.getpid()

    def _locked(self) -> Lock:
        if self._pid != os.getpid():
            # A thread that the parent has, and this process has not, may have held it.
            self._lock, self._pid = Lock(), os.getpid()
        return self._lock

    def _look(self, key: bytes) -> bytes | None:
        with self._locked():
            return self._read(key)

    def _read(self, key: bytes) -> bytes | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.until <= self._now():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry.value

    def _write(self, key: bytes, entry: bytes, until: float) -> None:
        cost = 0 if until == inf else len(key) + len(entry) + _OVERHEAD
        if cost > self._max_bytes:
            raise StoreError(f"an entry of {len(entry)} bytes does not fit into a store of {self._max_bytes} bytes")
        self._drop(key)
        self._entries[key] = _Entry(entry, until, cost)
        self._size += cost
        while self._size > self._max_bytes:
            self._drop(next(key for key, entry in self._entries.items() if entry.cost))

    def _drop(self, key: bytes) -> None:
        entry = self._entries.pop(key, None)
        self._size -= 0 if entry is None else entry.cost

    def close(self) -> None:
        """See `Store.close`: nothing is open, and the entries stay."""


class AsyncMemoryStore:
    """A `MemoryStore` for coroutines, which never wait for it.

    Args:
        store: The store that has the entries, such as one that synchronous code shares; None makes one.
        max_bytes: See `MemoryStore`, for a store that is made.
        now: See `MemoryStore`, for a store that is made.
    """

    def __init__(
        self,
        store: MemoryStore | None = None,
        *,
        max_bytes: int = DEFAULT_BYTES,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = MemoryStore(max_bytes=max_bytes, now=now) if store is None else store

    async def get(self, key: bytes) -> bytes | None:
        """See `Store.get`."""
        return self._store.get(key)

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See `Store.get_many`."""
        return self._store.get_many(keys)

    async def time(self) -> int:
        """See `Store.time`."""
        return self._store.time()

    async def lease(self, key: bytes, token: bytes, seconds: float) -> Leased:
        """See `Store.lease`."""
        return self._store.lease(key, token, seconds)

    async def release(self, key: bytes, token: bytes) -> None:
        """See `Store.release`."""
        self._store.release(key, token)

    async def swap(self, swap: Swap) -> Swapped:
        """See `Store.swap`."""
        return self._store.swap(swap)

    async def kept(self, bad: bytes) -> list[bytes]:
        """See `MemoryStore.kept`."""
        return self._store.kept(bad)

    async def claim(self) -> str | None:
        """See `Store.claim`."""
        return self._store.claim()

    async def bind(self, environment: str, *, force: bool = False) -> str:
        """See `MemoryStore.bind`."""
        return self._store.bind(environment, force=force)

    async def close(self) -> None:
        """See `Store.close`."""
        self._store.close()
