"""The processes of a soak: a blocking and an awaited cache under a random mix of everything that callers do to them."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any, Final

import psycopg

from safecodec.cache import AsyncGuardedCache, CacheUnavailableError, GuardedCache, StoreError
from safecodec.cache.stores.file import FileStore
from safecodec.cache.stores.redis import AsyncRedisStore, RedisStore
from safecodec.cli.demo.configuration import UserConfig
from safecodec.cli.demo.replay.events import Ready
from safecodec.cli.demo.replay.postgres import Loader, LoadError

from .soak_site import KEYS, POLICY, USERS, Site, alive, is_quiet, measure
from .users import codec_of, key_of, truth, user_of

__all__ = ["awaited", "blocking"]

QUIET_SECONDS: Final = 15.0
"""How long a process has until nothing goes on in it, once there are no requests."""
THREADS: Final = 3
FAILURES: Final = (CacheUnavailableError, StoreError, TimeoutError)
MIX: Final = {"get": 60, "many": 12, "impatient": 10, "set": 5, "expire": 4, "delete": 3, "refresh": 3, "guest": 3}
"""How often each kind of request comes, of a hundred."""


class Interrupted(Exception):
    """Raised by a signal in the middle of a request, as a worker's time limit is."""


class Fatal(BaseException):
    """The same, as an exception that no ``except Exception`` catches."""


class Plan:
    """Chooses requests, and judges answers.

    Args:
        site: Where.
        number: Which process it is.
        thread: Which of its threads or tasks.
    """

    def __init__(self, site: Site, number: int, thread: int) -> None:
        self.random = Random(f"{site.seed}:{number}:{thread}")
        self.truth = truth(site.seed, USERS)
        self.outcomes: Counter[str] = Counter()

    def verb(self) -> str:
        """Choose what to do next."""
        return self.random.choices(list(MIX), list(MIX.values()))[0]

    def key(self) -> str:
        """Choose a key; some are asked for more often than others."""
        return key_of(int(KEYS * self.random.random() ** 2))

    def keys(self) -> list[str]:
        """Choose several."""
        return [self.key() for _ in range(self.random.randrange(2, 12))]

    def guest(self) -> str:
        """Return a key that nobody has asked for before."""
        return key_of(self.random.randrange(10**6, 10**12))

    def value(self, key: str) -> UserConfig | None:
        """Return what the source has."""
        user = user_of(key)
        return self.truth[user] if user < len(self.truth) else None

    def judge(self, key: str, value: Any) -> None:
        """Count an answer."""
        self.outcomes["answers" if value == self.value(key) else "wrong"] += 1

    def judge_many(self, found: dict[str | bytes, Any]) -> None:
        """Count answers."""
        for key, answer in found.items():
            if isinstance(answer, CacheUnavailableError):
                self.outcomes["CacheUnavailableError"] += 1
            else:
                self.judge(str(key), answer.value)


class Source:
    """The loader: PostgreSQL, with errors and hangs of its own.

    Args:
        site: Where.
        number: Which process it is.
    """

    def __init__(self, site: Site, number: int) -> None:
        self.loader = Loader(site.postgres, site.table, timeout=POLICY.load_timeout)
        self._random = Random(f"{site.seed}:{number}:source")

    def hangs(self) -> float:
        """Return for how long a load hangs, now and then past its time."""
        draw = self._random.random()
        if draw < 0.04:
            raise LoadError("an error of the loader, on purpose")
        return self._random.uniform(0.5, 2.5) if draw < 0.08 else 0.0

    def load(self, key: str, timeout: float) -> UserConfig | None:
        """Load a user's configuration, or None where there is no such user."""
        del timeout
        time.sleep(self.hangs())
        user = user_of(key)
        return self.loader.load(user) if user < USERS else None

    def load_many(self, keys: list[str]) -> dict[str, UserConfig]:
        """Load several."""
        time.sleep(self.hangs())
        return {key: self.loader.load(user_of(key)) for key in keys if user_of(key) < USERS}


class AsyncSource(Source):
    """The same for a loop, with connections of psycopg's for asyncio."""

    def __init__(self, site: Site, number: int) -> None:
        super().__init__(site, number)
        self._dsn = site.postgres
        self._query = self.loader._query.as_string(None)
        self._idle: list[psycopg.AsyncConnection[Any]] = []

    async def aload(self, key: str, timeout: float) -> UserConfig | None:
        """Load a user's configuration, or None where there is no such user."""
        await asyncio.sleep(self.hangs())
        user = user_of(key)
        if user >= USERS:
            return None
        try:
            return await self._read(user, timeout)
        except psycopg.Error as error:
            raise LoadError(str(error)) from error

    async def _read(self, user: int, timeout: float) -> UserConfig:
        options = f"-c statement_timeout={round(timeout * 1000)}"
        connection = (
            self._idle.pop()
            if self._idle
            else await psycopg.AsyncConnection.connect(self._dsn, autocommit=True, options=options)
        )
        try:
            cursor = await connection.execute(self._query, (user,))
            row = await cursor.fetchone()
        except BaseException:
            await connection.close()
            raise
        self._idle.append(connection)
        assert row is not None
        return UserConfig(*row[:7])

    async def aload_many(self, keys: list[str]) -> dict[str, UserConfig]:
        """Load several."""
        found = {key: await self.aload(key, POLICY.load_timeout) for key in keys}
        return {key: value for key, value in found.items() if value is not None}

    async def aclose(self) -> None:
        """Close the connections."""
        while self._idle:
            await self._idle.pop().close()


# ---- a blocking cache ------------------------------------------------------------------------------------------------


@contextmanager
def _interrupted(random: Random) -> Iterator[None]:
    """Interrupt a request at a random moment."""

    def handler(*_: object) -> None:
        raise kind("the time of this request is over")

    kind = random.choice((Interrupted, Fatal))
    signal.signal(signal.SIGALRM, handler)
    try:
        try:
            signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0001, 0.05))
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except (Interrupted, Fatal):
        pass


def _act(cache: GuardedCache[UserConfig], plan: Plan) -> None:
    verb, key = plan.verb(), plan.key()
    plan.outcomes[verb] += 1
    if verb == "get":
        plan.judge(key, cache.get(key))
    elif verb == "many":
        plan.judge_many(cache.get_many(plan.keys()))
    elif verb == "impatient":
        plan.judge(key, cache.get(key, timeout=0.002, max_age=plan.random.choice((None, 1.0))))
    elif verb == "set":
        cache.set(key, plan.value(key))
    elif verb == "expire":
        cache.expire(key)
    elif verb == "delete":
        cache.delete(key, hold=plan.random.choice((0.0, 0.5)))
    elif verb == "refresh":
        plan.judge(key, cache.refresh(key).value)
    else:
        plan.judge(guest := plan.guest(), cache.get(guest))


def _requests(cache: GuardedCache[UserConfig], plan: Plan, gates: _Gates, pause: float, *, is_main: bool) -> None:
    while not gates.ended.is_set():
        with gates.running(plan):
            try:
                if is_main and plan.random.random() < 0.2:
                    with _interrupted(plan.random):
                        _act(cache, plan)
                else:
                    _act(cache, plan)
            except (Interrupted, Fatal):
                pass  # CPython calls the handler where the next function returns, which may be behind the with
            except FAILURES as error:
                plan.outcomes[type(error).__name__] += 1
        gates.ended.wait(pause * (0.5 + plan.random.random()))


class _Gates:
    """Starts and stops the requests of a process's threads."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self._open = threading.Event()
        self._busy: set[int] = set()

    @contextmanager
    def running(self, plan: Plan) -> Iterator[None]:
        self._open.wait()
        self._busy.add(id(plan))
        try:
            yield
        finally:
            self._busy.discard(id(plan))

    def go(self) -> None:
        self._open.set()

    def rest(self) -> None:
        self._open.clear()
        while self._busy:
            time.sleep(0.02)


def blocking(site: Site, number: int, channel: Any) -> None:
    """Run a process with a `GuardedCache`: threads, and signals that interrupt requests of the main one.

    Args:
        site: Where.
        number: Which process it is; odd ones write down last known good values.
        channel: To the parent, which says ``go``, ``rest`` and ``end``.
    """
    _quieten()
    source, gates = Source(site, number), _Gates()
    files = FileStore(site.files(number), max_bytes=1_000_000) if number % 2 else None
    cache = GuardedCache(
        RedisStore.from_url(site.redis, timeout=POLICY.store_timeout), codec_of(), load=source.load,
        load_many=source.load_many, policy=POLICY, last_known_good=files,
    )  # fmt: skip
    plans = [Plan(site, number, thread) for thread in range(THREADS)]
    pause = THREADS * POLICY.processes / site.rate
    threads = [
        threading.Thread(target=_requests, args=(cache, plan, gates, pause), kwargs={"is_main": False})
        for plan in plans[1:]
    ]

    def close() -> None:
        cache.close()
        source.loader.close()

    def listen() -> None:
        for word in _words(channel):
            if word == "go":
                gates.go()
            else:
                gates.rest()
                _await_quiet(cache)
                channel.send((measure(cache, 0), _outcomes(plans), cache.stats(), alive()))

    def end() -> None:
        listener.join()
        gates.ended.set()
        gates.go()

    listener = threading.Thread(target=listen)
    channel.send(Ready())
    for thread in (listener, *threads):
        thread.start()
    watch = threading.Thread(target=end)
    watch.start()
    _requests(cache, plans[0], gates, pause, is_main=True)
    for thread in (watch, *threads):
        thread.join()
    close()
    channel.send((measure(cache, 0), _outcomes(plans), cache.stats(), alive()))


def _quieten() -> None:
    for name in ("safecodec.cache", "psycopg"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _words(channel: Any) -> Iterator[str]:
    while (word := channel.recv()) != "end":
        yield word


def _await_quiet(cache: Any) -> None:
    until = time.monotonic() + QUIET_SECONDS
    while not is_quiet(cache) and time.monotonic() < until:
        time.sleep(0.05)


def _outcomes(plans: list[Plan]) -> dict[str, int]:
    return dict(sum((plan.outcomes for plan in plans), Counter[str]()))


# ---- an awaited cache ------------------------------------------------------------------------------------------------


async def _aact(cache: AsyncGuardedCache[UserConfig], plan: Plan) -> None:
    verb, key = plan.verb(), plan.key()
    plan.outcomes[verb] += 1
    if verb == "get":
        plan.judge(key, await cache.get(key))
    elif verb == "many":
        plan.judge_many(await cache.get_many(plan.keys()))
    elif verb == "impatient":
        await _cancelled(cache, plan, key)
    elif verb == "set":
        await cache.set(key, plan.value(key))
    elif verb == "expire":
        await cache.expire(key)
    elif verb == "delete":
        await cache.delete(key, hold=plan.random.choice((0.0, 0.5)))
    elif verb == "refresh":
        plan.judge(key, (await cache.refresh(key)).value)
    else:
        plan.judge(guest := plan.guest(), await cache.get(guest))


async def _cancelled(cache: AsyncGuardedCache[UserConfig], plan: Plan, key: str) -> None:
    """Give a request up at a random moment."""
    calls: list[Callable[[], Any]] = [
        lambda: cache.get(key, max_age=plan.random.choice((None, 1.0))),
        lambda: cache.get_many(plan.keys()),
        lambda: cache.refresh(key),
        lambda: cache.set(key, plan.value(key)),
        lambda: cache.delete(key),
    ]
    async with asyncio.timeout(plan.random.uniform(0.0001, 0.05)):
        await plan.random.choices(calls, (6, 2, 2, 1, 1))[0]()


async def _arequests(cache: AsyncGuardedCache[UserConfig], plan: Plan, is_open: asyncio.Event, pause: float) -> None:
    while True:
        await is_open.wait()
        try:
            async with asyncio.timeout(30):
                await _aact(cache, plan)
        except FAILURES as error:
            plan.outcomes[type(error).__name__] += 1
        await asyncio.sleep(pause * (0.5 + plan.random.random()))


async def _awaited(site: Site, number: int, channel: Any) -> None:
    source, is_open, loop = AsyncSource(site, number), asyncio.Event(), asyncio.get_running_loop()
    files = FileStore(site.files(number), max_bytes=1_000_000) if number % 2 else None
    store = AsyncRedisStore.from_url(site.redis, timeout=POLICY.store_timeout)
    cache = AsyncGuardedCache(
        store, codec_of(), load=source.aload, load_many=source.aload_many, policy=POLICY, last_known_good=files
    )
    plans = [Plan(site, number, thread) for thread in range(THREADS)]
    pause = THREADS * POLICY.processes / site.rate
    tasks: list[asyncio.Task[None]] = []
    channel.send(Ready())
    while (word := await loop.run_in_executor(None, channel.recv)) != "end":
        if word == "go":
            is_open.set()
            tasks = tasks or [loop.create_task(_arequests(cache, plan, is_open, pause)) for plan in plans]
            continue
        is_open.clear()
        until = time.monotonic() + QUIET_SECONDS
        await asyncio.sleep(2 * pause)
        while not is_quiet(cache) and time.monotonic() < until:
            await asyncio.sleep(0.05)
        channel.send((measure(cache, len(asyncio.all_tasks())), _outcomes(plans), cache.stats(), alive()))
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await cache.close()
    await source.aclose()
    channel.send((measure(cache, len(asyncio.all_tasks())), _outcomes(plans), cache.stats(), alive()))


def awaited(site: Site, number: int, channel: Any) -> None:
    """Run a process with an `AsyncGuardedCache`: tasks, and cancellations; see `blocking`."""
    _quieten()
    asyncio.run(_awaited(site, number, channel))
