"""A guarded cache for tests, blocking or awaited, with a clock that can be moved."""

from __future__ import annotations

import asyncio
import time
from random import Random
from typing import Any, Final

import msgspec

from safecodec import Codec
from safecodec.cache import AsyncGuardedCache, GuardedCache, GuardPolicy
from safecodec.cache.stores.memory import AsyncMemoryStore, MemoryStore
from safecodec.errors import StoreError

KINDS: Final = ("blocking", "awaited")


class Config(msgspec.Struct):
    """A value."""

    key: str
    serial: int


CODEC: Final = Codec(Config, subject="config", version=2, older={1: Config}, environment="test")


class Clock:
    """The clocks of the operating system, moved by `skip`."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def skip(self, seconds: float) -> None:
        """Let time pass."""
        self.skipped += seconds

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic() + self.skipped

    def wall(self) -> float:
        """Seconds since 1970."""
        return time.time() + self.skipped


class Source:
    """A source that counts its loads; what it does with the next ones is said by `next`."""

    def __init__(self) -> None:
        self.loads: list[Any] = []
        self.next: list[BaseException | float | None] = []

    def load(self, key: Any) -> Config | None:
        """Return a value that has not been before, None, or after some seconds; or raise."""
        self.loads.append(key)
        outcome = self.next.pop(0) if self.next else 0.0
        if isinstance(outcome, BaseException):
            raise outcome
        if outcome is None:
            return None
        time.sleep(outcome)
        return Config(str(key), len(self.loads))

    async def aload(self, key: Any) -> Config | None:
        """Do as `load`, awaited."""
        outcome = self.next[0] if self.next else 0.0
        if isinstance(outcome, float):
            await asyncio.sleep(outcome)
            self.next[:1] = [0.0]
        return self.load(key)

    def load_many(self, keys: list[Any]) -> dict[Any, Config]:
        """Return the values of keys, but of those that begin with a minus."""
        self.loads.append(list(keys))
        if self.next:
            outcome = self.next.pop(0)
            assert isinstance(outcome, BaseException)
            raise outcome
        return {key: Config(str(key), len(self.loads)) for key in keys if not str(key).startswith("-")}


class Lost:
    """A store that can be lost, and found again."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.is_lost = False

    def __getattr__(self, name: str) -> Any:
        if self.is_lost and name != "close":
            raise StoreError("lost")
        return getattr(self.store, name)

    def swap(self, swap: Any) -> Any:
        """See `Store.swap`."""
        return self.__getattr__("swap")(swap)


class AwaitedStore:
    """A store whose calls are awaited, before one whose calls are not."""

    def __init__(self, store: Any) -> None:
        self.store = store

    def __getattr__(self, name: str) -> Any:
        async def call(*arguments: Any) -> Any:
            return getattr(self.store, name)(*arguments)

        return call

    async def swap(self, swap: Any) -> Any:
        """See `Store.swap`."""
        return self.store.swap(swap)


class Guarded:
    """A cache of either kind, called alike.

    Args:
        kind: ``blocking`` or ``awaited``.
        store: Its store; a new one where None.
        options: Of the cache; those of `GuardPolicy` go to its policy.
    """

    def __init__(self, kind: str, store: Any = None, **options: Any) -> None:
        self.kind = kind
        self.clock = options.pop("clock", None) or Clock()
        self.source = Source()
        self.store = Lost(MemoryStore(now=self.clock.wall)) if store is None else store
        given = {name: options.pop(name) for name in list(options) if name in GuardPolicy.__dataclass_fields__}
        policy = GuardPolicy(**{"load_rate": 1e5, "load_concurrency": 4, "processes": 1, "wait": 0.2} | given)
        options = {
            "load": self.source.load if kind == "blocking" else self.source.aload,
            "clock": self.clock,
            "random": Random(1),
        } | options
        codec = options.pop("codec", CODEC)
        self.runner = asyncio.Runner() if kind == "awaited" else None
        if self.runner is None:
            self.cache: Any = GuardedCache(self.store, codec, policy=policy, **options)
        else:
            self.cache = AsyncGuardedCache(AwaitedStore(self.store), codec, policy=policy, **options)

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            found = getattr(self.cache, name)(*arguments, **options)
            return self.runner.run(found) if self.runner is not None and asyncio.iscoroutine(found) else found

        return call

    def __enter__(self) -> Guarded:
        return self

    def __exit__(self, *_: object) -> None:
        self.settle()
        self.__getattr__("close")()
        if self.runner is not None:
            self.runner.close()

    @property
    def state(self) -> Any:
        """What the process knows."""
        return self.cache._core.state

    def stat(self, name: str) -> int:
        """A counter."""
        count: int = self.cache.stats()[name]
        return count

    def settle(self) -> None:
        """Return when everything behind the answers is done."""
        if self.runner is None:
            for job in list(self.cache._jobs):
                job.join(10)
            return

        async def done() -> None:
            while self.cache._jobs:
                await asyncio.wait(set(self.cache._jobs), timeout=10)

        self.runner.run(done())

    def name(self, key: str, side: str = "") -> bytes:
        """The physical key of a key, or of what is beside it."""
        entry = self.state.entry(key)
        name: bytes = self.state.side(entry, side) if side else entry.name
        return name

    def plant(self, key: str, entry: bytes, side: str = "") -> None:
        """Write an entry past the guard."""
        store = self.store.store if isinstance(self.store, Lost) else self.store
        with store._locked():
            store._write(self.name(key, side), entry, self.clock.wall() + 1e6)


__all__ = ["CODEC", "KINDS", "AsyncMemoryStore", "Clock", "Config", "Guarded", "Lost", "Source"]
