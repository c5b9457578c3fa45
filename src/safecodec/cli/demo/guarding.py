"""The fleet with a guarded cache, in virtual time: each reader has a `GuardedCache` of its own on one store.

Time goes on with each read and not by itself, and loads run within the call that begins them, so that a seed gives the
same numbers on every machine. Everything else is the guarded cache as services use it.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from math import floor
from random import Random
from typing import TYPE_CHECKING, Any, Final

from ...cache import CacheUnavailableError, GuardedCache, GuardPolicy, Verdict
from ...cache.keys import Keys
from ...cache.stores.memory import MemoryStore
from ...errors import DecodeError
from ...frame import Stamp
from .configuration import UserConfig
from .scenario import PRODUCTION
from .tally import LOAD_RATE, READS_PER_SECOND, Plan, Served

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...cache.effects import Pause, Start
    from .codecs import Guarded
    from .fleet import Database

# A service sends these lines to its log. The demo counts the verdicts, and its terminal is for the table.
logging.getLogger("safecodec.cache").addHandler(logging.NullHandler())

BEGINS: Final = 1_700_000_000.0
"""When the virtual time begins, in seconds since 1970."""
WARM: Final = 60.0
"""Seconds that the fleet has run for when the reads begin: the slow start of its processes is over."""
RAW_SECONDS: Final = 3600.0
"""Until what a fault has left goes by itself."""


class VirtualClock:
    """Time that goes on when it is told to."""

    def __init__(self) -> None:
        self._now = 0.0

    def monotonic(self) -> float:
        """Return the seconds since the beginning."""
        return self._now

    def wall(self) -> float:
        """Return the time in seconds since 1970."""
        return BEGINS + self._now

    def advance(self, seconds: float) -> None:
        """Let time go on."""
        self._now += seconds


class SharedStore(MemoryStore):
    """The cache's store, which anybody may write to past the guard."""

    def put(self, key: bytes, value: bytes) -> None:
        """Store bytes under a physical key, as a client without a guard does."""
        with self._locked():
            self._write(key, value, self._now() + RAW_SECONDS)


class InlineCache(GuardedCache[UserConfig]):
    """A guarded cache without threads: what runs behind an answer runs before it, and a pause lets time go on.

    Args:
        store: The store.
        codec: The codec.
        clock: The virtual time.
        arguments: Further arguments of `GuardedCache`.
    """

    def __init__(self, store: SharedStore, codec: Any, clock: VirtualClock, **arguments: Any) -> None:
        self._clock = clock
        super().__init__(store, codec, clock=clock, **arguments)

    def _start(self, effect: Start) -> None:
        self._run(effect.steps)

    def _pause(self, effect: Pause) -> None:
        self._clock.advance(effect.seconds)


class GuardedFleet:
    """Readers with guarded caches, and a rightful writer with another.

    Args:
        side: How values are written and read.
        plan: How many readers there are, and the seed.
        database: What they load from.
    """

    def __init__(self, side: Guarded, plan: Plan, database: Database) -> None:
        self.clock: VirtualClock = VirtualClock()
        self.store: SharedStore = SharedStore(now=self.clock.wall)
        self.store.bind(PRODUCTION)
        self._keys = Keys(PRODUCTION, "user-config")
        self._codec = side.serializer(UserConfig, version=2, environment=PRODUCTION)
        self._plan = plan
        self._begun = 0.0

        def load(key: bytes) -> UserConfig:
            return database.load(int(key.rpartition(b":")[2]))

        def build(process: str) -> InlineCache:
            codec = side.serializer(UserConfig, version=2, environment=PRODUCTION)
            random = Random(f"{plan.seed}:{process}")
            return InlineCache(self.store, codec, self.clock, load=load, policy=self.policy, random=random)

        self.policy: GuardPolicy = GuardPolicy(
            load_rate=LOAD_RATE, load_concurrency=plan.readers, processes=plan.readers
        )
        self.readers: list[InlineCache] = [build(f"reader {number}") for number in range(plan.readers)]
        self._writer = build("writer")

    def encode(self, config: UserConfig, key: bytes) -> bytes:
        """See `Fleet.encode`: a frame in a cache has a stamp."""
        stamp = Stamp(load_start=self.store.time(), fresh_for=int(self.policy.fresh * 1000))
        return self._codec.encode(config, context=key, stamp=stamp)

    def fill(self, config: UserConfig, key: bytes) -> None:
        """See `Fleet.fill`. A frame of another environment is left alone, and the writer goes on without the cache."""
        with suppress(CacheUnavailableError):
            self._writer.set(key, config)

    def strike(self, value: bytes, key: bytes) -> None:
        """See `Fleet.strike`."""
        self.store.put(self._keys.value(key), value)

    def begin(self, keys: Iterable[bytes]) -> None:
        """See `Fleet.begin`: each reader has seen each key once, a minute ago."""
        for key in keys:
            for reader in self.readers:
                reader.get(key)
        self.clock.advance(WARM)
        self._begun = self.clock.monotonic()

    def read(self, reader: int, user: int, key: bytes) -> Served:
        """See `Fleet.read`. Each read takes its share of a second."""
        del user
        self.clock.advance(1 / READS_PER_SECOND)
        try:
            answer = self.readers[reader].answer(key)
        except CacheUnavailableError as error:
            return Served(None, error.verdict == Verdict.MISSING.value, _verdict(error.__cause__))
        return Served(answer.value, answer.verdict is Verdict.MISSING, _verdict(answer.cause))

    def bound(self) -> int | None:
        """See `Fleet.bound`: the load rate over the time of the run, and one load for each reader."""
        seconds = round(self.clock.monotonic() - self._begun, 6)  # a sum of many shares of a second
        return floor(LOAD_RATE * seconds) + self._plan.readers


def _verdict(cause: BaseException | None) -> DecodeError | None:
    return cause if isinstance(cause, DecodeError) else None
