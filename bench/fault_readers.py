"""The processes of the fault matrix: readers with a guarded cache, a holder of a lease, and a writer of files."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any, Final

from safecodec.cache import (
    Answer,
    AsyncGuardedCache,
    CacheUnavailableError,
    GuardedCache,
    GuardPolicy,
    Source,
    StoreError,
)
from safecodec.cache.stores import Leased, Swap
from safecodec.cache.stores.file import FileStore
from safecodec.cache.stores.redis import AsyncRedisStore, RedisStore
from safecodec.cli.demo.configuration import UserConfig
from safecodec.cli.demo.replay.events import Ready
from safecodec.cli.demo.replay.postgres import Loader
from safecodec.frame import Stamp, tag

from .users import codec_of, key_of, physical, truth, user_of

__all__ = ["Account", "Place", "hold", "read", "read_awaited", "scribble"]

FIRST_ERRORS: Final = 3
BATCH: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the matrix is played.

    Args:
        redis: The URL of the proxy in front of Redis.
        postgres: The connection string of the proxy in front of PostgreSQL.
        table: The table with the configurations.
        policy: The guards' policy.
        users: How many users there are, and so keys.
        threads: Threads or tasks of a reader that ask.
        pause: Seconds between an answer and the next request of such a thread.
        directory: Where the files of last known good values are; empty is nowhere.
        seed: Of everything that is random.
        is_warm: Whether a reader reads every key before it is ready.
    """

    redis: str
    postgres: str
    table: str
    policy: GuardPolicy
    users: int
    threads: int = 2
    pause: float = 0.03
    directory: str = ""
    seed: int = 1
    is_warm: bool = False

    def truth(self) -> list[UserConfig]:
        """Return what the source has."""
        return truth(self.seed, self.users)

    def known(self) -> Iterator[list[str]]:
        """Return the keys that a reader reads before it is ready, in batches."""
        keys = [key_of(user) for user in range(self.users)] if self.is_warm else []
        for start in range(0, len(keys), BATCH):
            yield keys[start : start + BATCH]

    def files(self) -> FileStore | None:
        """Open the store of last known good values."""
        return FileStore(self.directory) if self.directory else None


@dataclass(slots=True)
class Account:
    """Answers and errors that a reader had since it was told to begin.

    Args:
        requests: How many there were.
        wrong: How many got something else than the truth.
        unanswered: How many got no value.
        sources: Answers by their source.
        errors: The texts of the first that got no value.
        wrongs: What the first that got something wrong were.
        cached: Users whose value came from the cache since the last mark.
        loads: When loads began, by the monotonic clock that the processes of a machine share.
        counters: What the cache has counted meanwhile.
    """

    requests: int = 0
    wrong: int = 0
    unanswered: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    wrongs: list[str] = field(default_factory=list)
    cached: set[int] = field(default_factory=set)
    loads: list[float] = field(default_factory=list)
    counters: Counter[str] = field(default_factory=Counter)


class Desk:
    """Judges the answers of a reader, and tells its parent.

    Args:
        place: Where.
        loader: What loads.
        number: Which reader it is.
    """

    def __init__(self, place: Place, loader: Loader, number: int) -> None:
        self.shift = 0.0
        """Seconds by which the store's clock seems to have jumped."""
        self.ended = threading.Event()
        self.stats: Callable[[], dict[str, int]] = dict
        """Of the reader's cache."""
        self._before: Counter[str] = Counter()
        self._place, self._loader, self._number = place, loader, number
        self._truth = place.truth()
        self._account = Account()
        self._lock = threading.Lock()

    def users(self, thread: int) -> Iterator[int]:
        """Go over all users again and again, in an order of the thread's own."""
        users = list(range(self._place.users))
        Random(f"{self._place.seed}:{self._number}:{thread}").shuffle(users)
        for user in cycle(users):
            if self.ended.is_set():
                return
            yield user

    def answered(self, user: int, answer: Answer[UserConfig]) -> None:
        """Count an answer."""
        with self._lock:
            account = self._account
            account.requests += 1
            account.sources[answer.source.value] += 1
            if answer.value != self._truth[user]:
                account.wrong += 1
                if len(account.wrongs) < FIRST_ERRORS:
                    account.wrongs.append(f"user {user}: {answer!r}")
            elif answer.source is Source.CACHE:
                account.cached.add(user)

    def failed(self, error: Exception) -> None:
        """Count a request without an answer."""
        with self._lock:
            account = self._account
            account.requests += 1
            account.unanswered += 1
            if len(account.errors) < FIRST_ERRORS:
                account.errors.append(f"{time.monotonic():.3f} {error}")

    def listen(self, channel: Any) -> None:
        """Answer the parent until it says ``end``."""
        while True:
            word = channel.recv()
            if word == "end":
                self.ended.set()
                return
            if isinstance(word, tuple):
                self.shift = word[1]
                continue
            with self._lock:
                if word == "begin":
                    self._account, self._before = Account(), Counter(self.stats())
                    self._loader.started.clear()
                elif word == "mark":
                    self._account.cached.clear()
                else:
                    self._account.loads = list(self._loader.started)
                    self._account.counters = Counter(self.stats()) - self._before
                    channel.send(self._account)


class ShiftedStore(RedisStore):
    """A Redis whose clock has jumped, as far as one of its clients can tell."""

    desk: Desk

    def time(self) -> int:
        """See `RedisStore.time`."""
        return super().time() + int(self.desk.shift * 1e6)

    def lease(self, key: bytes, token: bytes, seconds: float) -> Leased:
        """See `RedisStore.lease`."""
        leased = super().lease(key, token, seconds)
        return Leased(leased.granted, leased.time + int(self.desk.shift * 1e6))


class AsyncShiftedStore(AsyncRedisStore):
    """A `ShiftedStore` whose calls are awaited."""

    desk: Desk

    async def time(self) -> int:
        """See `RedisStore.time`."""
        return await super().time() + int(self.desk.shift * 1e6)

    async def lease(self, key: bytes, token: bytes, seconds: float) -> Leased:
        """See `RedisStore.lease`."""
        leased = await super().lease(key, token, seconds)
        return Leased(leased.granted, leased.time + int(self.desk.shift * 1e6))


def _loader(place: Place) -> Loader:
    logging.getLogger("safecodec.cache").setLevel(logging.CRITICAL)
    return Loader(place.postgres, place.table, timeout=place.policy.load_timeout)


def read(place: Place, number: int, channel: Any) -> None:
    """Run a reader with a `GuardedCache`.

    Args:
        place: Where.
        number: Which reader it is.
        channel: To the parent.
    """
    loader = _loader(place)
    desk = Desk(place, loader, number)
    store = ShiftedStore.from_url(place.redis, timeout=place.policy.store_timeout)
    store.desk = desk

    def load(key: str) -> UserConfig:
        return loader.load(user_of(key))

    cache = GuardedCache(store, codec_of(), load=load, policy=place.policy, last_known_good=place.files())
    desk.stats = cache.stats

    def ask(thread: int) -> None:
        for user in desk.users(thread):
            try:
                desk.answered(user, cache.answer(key_of(user)))
            except CacheUnavailableError as error:
                desk.failed(error)
            desk.ended.wait(place.pause)

    for keys in place.known():
        cache.get_many(keys)
    threads = [threading.Thread(target=ask, args=(at,)) for at in range(place.threads)]
    channel.send(Ready())
    for thread in threads:
        thread.start()
    desk.listen(channel)
    for thread in threads:
        thread.join()
    cache.close()
    loader.close()


async def _read(place: Place, number: int, channel: Any) -> None:
    loader = _loader(place)
    desk = Desk(place, loader, number)
    store = AsyncShiftedStore.from_url(place.redis, timeout=place.policy.store_timeout)
    store.desk = desk

    async def load(key: str) -> UserConfig:
        return await asyncio.to_thread(loader.load, user_of(key))

    cache = AsyncGuardedCache(store, codec_of(), load=load, policy=place.policy, last_known_good=place.files())
    desk.stats = cache.stats

    async def ask(thread: int) -> None:
        for user in desk.users(thread):
            try:
                desk.answered(user, await cache.answer(key_of(user)))
            except CacheUnavailableError as error:
                desk.failed(error)
            await asyncio.sleep(place.pause)

    for keys in place.known():
        await cache.get_many(keys)
    channel.send(Ready())
    async with asyncio.TaskGroup() as group:
        for at in range(place.threads):
            group.create_task(ask(at))
        await asyncio.to_thread(desk.listen, channel)
    await cache.close()
    loader.close()


def read_awaited(place: Place, number: int, channel: Any) -> None:
    """Run a reader with an `AsyncGuardedCache`; see `read`."""
    asyncio.run(_read(place, number, channel))


def hold(place: Place, number: int, channel: Any) -> None:
    """Run a process that loads a key when it is told to, and says when it is in the middle of that.

    Args:
        place: Where.
        number: Which process it is.
        channel: To the parent, which sends a user's number, and hears ``loading`` and ``loaded``.
    """
    del number
    loader = _loader(place)

    def load(key: str) -> UserConfig:
        channel.send("loading")
        time.sleep(0.1)
        return loader.load(user_of(key))

    cache = GuardedCache(
        RedisStore.from_url(place.redis, timeout=place.policy.store_timeout), codec_of(), load=load, policy=place.policy
    )
    channel.send(Ready())
    while (word := channel.recv()) != "end":
        if word == "tell":
            channel.send(Account(loads=list(loader.started)))
        elif word == "begin":
            loader.started.clear()
        else:
            try:
                said = f"loaded {cache.refresh(key_of(word)).source.value}"
            except (CacheUnavailableError, StoreError) as error:
                said = f"failed {error}"
            channel.send(said)
    cache.close()
    loader.close()


def scribble(place: Place, number: int, channel: Any) -> None:
    """Write good frames into a reader's files, one after the other, until the process is killed.

    Args:
        place: Where; the directory is the reader's.
        number: Of the stream of random users.
        channel: To the parent.
    """
    files, codec, users = FileStore(Path(place.directory)), codec_of(), place.truth()
    random = Random(f"{place.seed}:scribble:{number}")
    channel.send(Ready())
    while True:
        user = random.randrange(place.users)
        key = key_of(user)
        stamp = Stamp(load_start=time.time_ns() // 1000, fresh_for=int(place.policy.fresh * 1000))
        frame = codec.encode(users[user], context=key.encode(), stamp=stamp)
        swap = Swap(key=physical(key), new=frame, expected=None, seconds=600.0, environment=tag("production"))
        files.swap(swap)
