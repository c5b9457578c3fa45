"""The store's clock was ahead for a while, and is right again: entries of that time are from the future."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from safecodec import Codec
from safecodec.cache import GuardedCache, GuardPolicy, Source, StoreError, Verdict
from safecodec.cache.stores.memory import MemoryStore

HOUR = 3600.0


@dataclass
class Sample:
    number: int


class World:
    """A clock of the store that can be set, a monotonic clock, a source and a store that can be lost."""

    def __init__(self) -> None:
        self.time, self.ahead, self.number, self.is_lost = 1e9, 0.0, 1, False
        world = self

        class Store(MemoryStore):
            def get(self, key: bytes) -> bytes | None:
                if world.is_lost:
                    raise StoreError("lost")
                return super().get(key)

        self.store = Store(now=lambda: self.time + self.ahead)

    def monotonic(self) -> float:
        return self.time

    def wall(self) -> float:
        return self.time

    def cache(self, **options: Any) -> GuardedCache[Sample]:
        given: dict[str, Any] = {"load_rate": 1e6, "load_concurrency": 4, "processes": 1, "throttle": 0}
        codec = Codec(Sample, subject="sample", version=1, payload="avro", environment="production")
        policy = GuardPolicy(**given | {"soft_timeout": 5.0} | options)
        return GuardedCache(self.store, codec, load=lambda _: Sample(self.number), policy=policy, clock=self)

    def jumped(self) -> GuardedCache[Sample]:
        """A cache that has loaded a value while the clock was an hour ahead."""
        cache = self.cache()
        self.ahead = HOUR
        assert cache.get("key") == Sample(1)
        self.ahead, self.number, self.time = 0.0, 2, self.time + 1
        assert cache.get("other") == Sample(2)  # learns the time again
        return cache


def test_a_delete_of_a_value_from_the_future() -> None:
    """A key that is deleted after the clock was set right is cached again by the next load."""
    world = World()
    cache = world.jumped()
    cache.delete("key")
    world.time += 1
    assert [cache.answer("key").source for _ in range(3)] == [Source.LOAD, Source.CACHE, Source.CACHE]
    assert cache.get("key") == Sample(2)


def test_a_value_from_the_future_gives_way() -> None:
    """A value that was read after the clock was set right takes the place of one that is stamped later."""
    world = World()
    cache = world.jumped()
    cache.set("key", Sample(2))
    world.time += 1
    assert cache.get("key") == Sample(2)
    world.is_lost = True
    assert cache.get("key") == Sample(2)


def test_a_value_from_the_future_does_not_stay_fresh() -> None:
    """A value that is stamped an hour ahead is loaded anew when its time is over, not an hour later."""
    world = World()
    cache = world.jumped()
    world.time += 400
    assert cache.answer("key").verdict is Verdict.STALE  # the load goes on behind the answer
    while cache._jobs:
        threading.Event().wait(0.001)
    assert cache.answer("key")[:3] == (Sample(2), Source.CACHE, Verdict.OK)


def test_values_slightly_ahead_are_fresh() -> None:
    """A value that is stamped ahead by less than it lasts is fresh: the clocks of two servers differ a little."""
    world = World()
    cache = world.cache()
    world.ahead = 100
    assert cache.get("key") == Sample(1)
    world.ahead, world.number, world.time = 0.0, 2, world.time + 1
    assert cache.get("other") == Sample(2)
    assert cache.answer("key")[:3] == (Sample(1), Source.CACHE, Verdict.OK)
