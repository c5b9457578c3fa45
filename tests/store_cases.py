"""Stores of every kind behind one face, and a plain model of their swaps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safecodec.cache.stores import Swap, Swapped
from safecodec.cache.stores.file import FileStore
from safecodec.cache.stores.lua import FOREIGN
from safecodec.cache.stores.memory import AsyncMemoryStore, MemoryStore
from safecodec.cache.stores.redis import AsyncRedisStore, RedisStore
from store_entries import OURS, Clock, Entry


class Blocking:
    """A store of coroutines as one whose calls return when they are done, on a loop of its own."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._runner = asyncio.Runner()
        self._store = self.run(make)

    def run(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Run a function on the loop, and what it returns if that is to be awaited."""

        async def made() -> Any:
            result = call(*args, **kwargs)
            return await result if asyncio.iscoroutine(result) else result

        return self._runner.run(made())

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._store, name)
        return lambda *args, **kwargs: self.run(method, *args, **kwargs)

    def close(self) -> None:
        """Close the store, and the loop."""
        self.run(self._store.close)
        self._runner.close()


@dataclass
class Case:
    """A store, its clock if that is ours, and the ways around it: whatever is written there is somebody else's."""

    store: Any
    put: Callable[[bytes, bytes], Any]
    clear: Callable[[], Any]
    clock: Clock | None = None
    redis: Any = None
    """A client, where the store is Redis."""


@contextmanager
def memory(asynchronous: bool) -> Iterator[Case]:
    """A store in memory."""
    clock = Clock()
    inner = MemoryStore(now=clock)

    def put(key: bytes, entry: bytes) -> None:
        with inner._locked():
            inner._write(key, entry, clock() + 1e6)

    def clear() -> None:
        inner._entries.clear()
        inner._size = 0

    with closing(Blocking(lambda: AsyncMemoryStore(inner)) if asynchronous else inner) as store:
        yield Case(store, put, clear, clock)


@contextmanager
def files(directory: Path) -> Iterator[Case]:
    """A store in files."""
    clock = Clock()
    store = FileStore(directory, now=clock)

    def put(key: bytes, entry: bytes) -> None:
        with store._locked():
            store._write(key, entry, clock() + 1e6)

    def clear() -> None:
        for path in directory.glob("[0-9a-f]" * 64):
            path.unlink()

    yield Case(store, put, clear, clock)
    store.close()


@contextmanager
def served(servers: list[Any], asynchronous: bool) -> Iterator[Case]:
    """A store in one Redis, or in a cluster of several."""
    own: dict[str, Any] = {"timeout": 10, "cluster": len(servers) > 1}
    url = servers[0].url

    def make() -> Any:
        return (AsyncRedisStore if asynchronous else RedisStore).from_url(url, **own)

    client = RedisStore.from_url(url, **own)._connected()

    def clear() -> None:
        client.flushall()

    clear()
    with closing(Blocking(make) if asynchronous else make()) as store, closing(client):
        yield Case(store, client.set, clear, redis=client)


@dataclass
class Model:
    """What a store is after any calls: a dict of entries, of leases and of quarantine lists."""

    entries: dict[bytes, tuple[Entry, float]] = field(default_factory=dict)
    leases: dict[bytes, tuple[bytes, float]] = field(default_factory=dict)
    lists: dict[bytes, tuple[list[bytes], float]] = field(default_factory=dict)

    def entry(self, key: bytes, now: float) -> Entry | None:
        """The entry that is there now."""
        entry, until = self.entries.get(key, (None, 0.0))
        return entry if until > now else None

    def holder(self, key: bytes, now: float) -> bytes | None:
        """The token that has a lease now."""
        token, until = self.leases.get(key, (b"", 0.0))
        return token if until > now else None

    def kept(self, key: bytes, now: float) -> list[bytes]:
        """The quarantine list that is there now."""
        entries, until = self.lists.get(key, ([], 0.0))
        return entries if until > now else []

    def lease(self, key: bytes, token: bytes, seconds: float, now: float) -> bool:
        """Whether a lease is granted."""
        if self.holder(key, now) not in (None, token):
            return False
        self.leases[key] = token, now + seconds
        return True

    def release(self, key: bytes, token: bytes, now: float) -> None:
        """Give a lease back."""
        if self.holder(key, now) == token:
            del self.leases[key]

    def swap(self, swap: Swap, new: Entry, now: float) -> Swapped:
        """Compare and set."""
        there = self.entry(swap.key, now)
        held = None if swap.lease is None else self.holder(swap.lease, now)
        repeated = there is not None and there.data == new.data
        if not repeated:
            refused = self._refusal(swap, new, there, held, now)
            if refused is not None:
                return refused
            own = there is not None and there.framed
            if there is not None and swap.bad is not None and not (swap.expected is None and own):
                self._keep(swap, there.data, now)
            self.entries[swap.key] = new, now + swap.seconds
            if swap.good is not None:
                self.entries[swap.good] = new, now + swap.seconds
        if swap.lease is not None and (swap.token is None or swap.token == held):
            self.leases.pop(swap.lease, None)
        return Swapped.DONE

    def _keep(self, swap: Swap, entry: bytes, now: float) -> None:
        assert swap.bad is not None
        if entry == FOREIGN:
            return  # what is no string is moved, and not into the list
        kept = self.kept(swap.bad, now)
        if not kept or kept[0] != entry:
            kept = [entry, *kept][: swap.bad_keep]
        self.lists[swap.bad] = kept, now + swap.bad_seconds

    def _refusal(self, swap: Swap, new: Entry, there: Entry | None, held: bytes | None, now: float) -> Swapped | None:
        expects = there is not None and swap.expected == there.data[:56]
        if there is not None and there.framed and there.environment != OURS and not expects:
            return Swapped.FOREIGN
        if swap.token is not None and swap.token != held:
            return Swapped.LOST
        if swap.expected is not None and swap.expected != (b"" if there is None else there.data[:56]):
            return Swapped.CHANGED
        if there is None or not there.framed or not there.stamped or not new.stamped or not new.framed:
            return None
        if there.kind != "deleted" and swap.expected is not None:
            return None
        versions = [new.source_version, there.source_version]
        if all(versions) and versions[0] < versions[1]:
            return Swapped.OLDER
        if swap.expected is None:
            late = there.load_start > new.load_start and there.load_start <= now * 1e6
        else:
            late = new.load_start <= there.load_start + 1000 * there.fresh_for
        return Swapped.OLDER if late else None


def url(found: Any) -> str:
    """The URL of whatever listens on a port: a server, or a proxy."""
    return f"redis://127.0.0.1:{found.port}"
