"""The guarded cache for coroutines: performs the core's effects on an event loop, with `asyncio`."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from contextvars import Context
from functools import partial, wraps
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Final, Generic, ParamSpec, TypeVar
from weakref import WeakSet

from ..errors import ConfigError, LoadTimeoutError
from ._known import NOTHING
from .effects import Ask, Decode, DecodeMany, Encode, Load, Local, Pause, Start, Verify, Wait
from .shell import LOGGER, Settings, takes_timeout
from .stores import async_store_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from random import Random

    from ..codec import Codec
    from ..errors import CacheUnavailableError
    from .answers import Answer
    from .effects import Effect, Steps
    from .policy import GuardPolicy
    from .state import Clock
    from .stores import AsyncStore, Store

T = TypeVar("T")
R = TypeVar("R")
P = ParamSpec("P")

CLOSING: Final = 10.0
"""Seconds that `AsyncGuardedCache.close` waits for loads that run."""
GIVEN_UP: Final = 1.0
"""Seconds that it waits for those that it has cancelled then."""
_CACHES: Final[WeakSet[AsyncGuardedCache[Any]]] = WeakSet()


class AsyncGuardedCache(Generic[T]):
    """A `GuardedCache` whose calls are awaited; it belongs to the event loop that calls it first.

    Frames that take long are decoded off the loop, see `Codec.adecode`. A caller that is cancelled harms nobody who
    waits for the load that it began.

    Args:
        store: A `safecodec.cache.stores.AsyncStore`, or a client of `redis.asyncio`.
        codec: The codec of the values.
        load: As for `GuardedCache`; a coroutine function, or a function that is called in a thread.
        load_many: As for `GuardedCache`, in the same way.
        policy: The limits.
        last_known_good: As for `GuardedCache`; it is called in a thread.
        source_version: As for `GuardedCache`.
        on_difference: As for `GuardedCache`.
        clock: Time, for tests.
        random: Where jitter comes from, for tests.

    Raises:
        ConfigError: An argument is not what it should be.
    """

    def __init__(
        self,
        store: AsyncStore | Any,
        codec: Codec[T],
        load: Callable[..., Awaitable[T | None] | T | None] | None = None,
        *,
        load_many: Callable[..., Any] | None = None,
        policy: GuardPolicy,
        last_known_good: Store | None = None,
        source_version: Callable[[T], int] | None = None,
        on_difference: Callable[[str | bytes, T | None, T | None], None] | None = None,
        clock: Clock | None = None,
        random: Random | None = None,
    ) -> None:
        durable = last_known_good is not None
        self._settings = Settings(codec, load, load_many, policy, durable, source_version, on_difference, clock, random)
        self._store: AsyncStore = async_store_of(store)
        self._last_known_good = last_known_good
        self._codec = codec
        self._perform: dict[type[Effect], Callable[[Any], Awaitable[Any]]] = {
            Ask: self._ask,
            Local: self._local,
            Decode: self._decode_one,
            DecodeMany: self._decode_many,
            Encode: self._encode_one,
            Verify: self._verify,
            Load: self._load,
            Start: self._start,
            Wait: self._wait,
            Pause: self._pause,
        }
        self._plain = None if self._settings.load is None else self._settings.call(None, None, None, None)
        self._core = self._settings.core()
        self._jobs: set[asyncio.Task[Any]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._forked = False
        _CACHES.add(self)

    # ---- what a service calls ----------------------------------------------------------------------------------

    async def get(
        self,
        key: str | bytes,
        *,
        max_age: float | None = None,
        stale: float | None = None,
        timeout: float | None = None,
        default: Any = NOTHING,
    ) -> T | None:
        """Return a key's value, or None where the source has none.

        Args:
            key: The key, as the loader takes it.
            max_age: The greatest age of a value that is answered without waiting for a load, in seconds.
            stale: How long after its end a value may be served, in seconds; the policy's where None.
            timeout: How long to wait for a load, in seconds.
            default: Returned where there is no value that may be served.

        Raises:
            CacheUnavailableError: There is no value that may be served, and no default. It says why.
            ConfigError: An argument is not what it should be, or the store is another environment's.
        """
        return (await self.answer(key, max_age=max_age, stale=stale, timeout=timeout, default=default)).value

    async def answer(
        self,
        key: str | bytes,
        *,
        max_age: float | None = None,
        stale: float | None = None,
        timeout: float | None = None,
        default: Any = NOTHING,
    ) -> Answer[T]:
        """Return a key's value with its source, its age, and what was found in the store; see `get`."""
        if max_age is stale is timeout is None and default is NOTHING and self._plain is not None:
            return await self._run(self._core.answer(key, self._plain))
        return await self._run(self._core.answer(key, self._settings.call(None, max_age, stale, timeout, default)))

    async def get_many(
        self,
        keys: Iterable[str | bytes],
        *,
        max_age: float | None = None,
        stale: float | None = None,
        timeout: float | None = None,
        default: Any = NOTHING,
    ) -> dict[str | bytes, Answer[T] | CacheUnavailableError]:
        """Return the answers of several keys by key, with an error in the place of an answer that there is not.

        The store is asked once for all of them, and ``load_many`` once for those that need a load.

        Args:
            keys: The keys.
            max_age: As for `get`.
            stale: As for `get`.
            timeout: As for `get`, for all of them together.
            default: As for `get`.
        """
        if isinstance(keys, (str, bytes)):
            raise ConfigError("keys are several, this is one: get reads it")
        call = self._settings.call(None, max_age, stale, timeout, default)
        return await self._run(self._core.answer_many(list(keys), call))

    async def set(self, key: str | bytes, value: T | None, *, source_version: int | None = None) -> bool:
        """Store a value that has just been written to the source.

        Args:
            key: The key.
            value: The value; None says that the source has none.
            source_version: The source's number of the value; that of the cache's ``source_version`` where None.

        Returns:
            False where an entry with a higher source version is there, which stays.

        Raises:
            EncodeError: The value cannot be written.
            StoreError: The store fails; other processes may serve the old value as long as it is fresh.
        """
        return await self._run(self._core.changes.set(key, value, source_version))

    async def delete(self, key: str | bytes, *, hold: float = 0.0) -> None:
        """Delete a value everywhere: no process serves it, and no load that began before this is stored.

        Args:
            key: The key.
            hold: Seconds after this in which loads are not stored either, as the source's replicas may lag.

        Raises:
            StoreError: The store fails; other processes may still serve the value.
        """
        await self._run(self._core.changes.delete(key, hold))

    async def expire(self, key: str | bytes) -> None:
        """End a value's freshness: the next call loads it anew, and serves this one where that fails.

        Args:
            key: The key.

        Raises:
            StoreError: The store fails; other processes may serve the value as long as it is fresh.
        """
        await self._run(self._core.changes.expire(key))

    async def refresh(self, key: str | bytes, *, timeout: float | None = None) -> Answer[T]:
        """Load a value anew, within the load rate, and return it.

        Args:
            key: The key.
            timeout: How long to wait, in seconds.

        Raises:
            CacheUnavailableError: The load fails, or may not begin.
        """
        return await self._run(self._core.refresh(key, self._settings.call(None, None, None, timeout)))

    def cached(
        self, key: Callable[P, str | bytes]
    ) -> Callable[[Callable[P, Awaitable[T | None]]], Callable[P, Awaitable[T | None]]]:
        """Return a decorator: the function that it is put on loads, and is called only where a value is not cached.

        Args:
            key: Returns the key for the arguments of a call.
        """

        def decorate(function: Callable[P, Awaitable[T | None]]) -> Callable[P, Awaitable[T | None]]:
            @wraps(function)
            async def cached(*args: P.args, **kwargs: P.kwargs) -> T | None:
                async def load(*_: object, **__: object) -> T | None:
                    return await function(*args, **kwargs)

                call = self._settings.call(takes_timeout(load), None, None, None)
                return (await self._run(self._core.answer(key(*args, **kwargs), call))).value

            return cached

        return decorate

    def stats(self) -> dict[str, int]:
        """Return all counters by name; each is there from the start, at zero."""
        return self._core.counters()

    async def close(self) -> None:
        """Wait for the loads that run, at most ten seconds, cancel the others, and close the store."""
        jobs = set(self._jobs)
        if jobs:
            _, late = await asyncio.wait(jobs, timeout=CLOSING)
            for job in late:
                job.cancel()
            if late:  # a loader that ignores it is left behind
                await asyncio.wait(late, timeout=GIVEN_UP)
        await self._store.close()

    async def __aenter__(self) -> AsyncGuardedCache[T]:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # ---- effects -----------------------------------------------------------------------------------------------

    async def _run(self, steps: Steps[R]) -> R:
        """Drive steps of the core. Nothing is awaited between two effects, so that no lock is needed."""
        if self._loop is not asyncio.get_running_loop():
            self._enter_loop(steps)
        perform = self._perform
        try:
            effect = next(steps)
            while True:
                try:
                    result = await perform[type(effect)](effect)
                except BaseException as error:
                    effect = steps.throw(error)
                else:
                    effect = steps.send(result)
        except StopIteration as end:
            value: R = end.value
            return value

    def _enter_loop(self, steps: Steps[Any]) -> None:
        if self._loop is None and not self._forked:
            self._loop = asyncio.get_running_loop()
            return
        steps.close()
        where = "forked process" if self._forked else "event loop"
        raise ConfigError(f"this AsyncGuardedCache belongs to another {where}: make one for each")

    async def _ask(self, effect: Ask) -> Any:
        return await getattr(self._store, effect.method)(*effect.arguments)

    async def _local(self, effect: Local) -> Any:
        return await asyncio.to_thread(getattr(self._last_known_good, effect.method), *effect.arguments)

    async def _decode_one(self, effect: Decode) -> Any:
        return await self._codec.adecode(effect.frame, context=effect.context)

    async def _decode_many(self, effect: DecodeMany) -> list[Any]:
        wanted = [
            (at, frame, entry.context)
            for at, (entry, frame) in enumerate(zip(effect.entries, effect.frames, strict=True))
            if frame is not None and entry.bad is None
        ]
        values: list[Any] = [NOTHING] * len(effect.entries)
        if wanted:
            places, frames, contexts = zip(*wanted, strict=True)
            found = await self._codec.adecode_many(frames, contexts=contexts, errors="return")
            for at, value in zip(places, found, strict=True):
                values[at] = value
        return values

    async def _encode_one(self, effect: Encode) -> bytes:
        return await self._codec.aencode(effect.value, context=effect.context, stamp=effect.stamp)

    async def _verify(self, effect: Verify) -> None:
        for reader in self._settings.readers_of(effect.frame):
            await reader.adecode(effect.frame, context=effect.context)

    async def _load(self, effect: Load) -> Any:
        """Call the loader in a task of its own, which is given up at the end of its time, whatever it does then."""
        task = asyncio.get_running_loop().create_task(_called(effect), context=Context(), name="safecodec-load")
        self._jobs.add(task)
        task.add_done_callback(partial(self._loaded, effect))
        try:
            await asyncio.wait({task}, timeout=effect.timeout)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not task.done():
            task.cancel()
            raise LoadTimeoutError(f"the load took longer than {effect.timeout:g} s", seconds=effect.timeout)
        if task.cancelled():
            raise LoadTimeoutError("the loader cancelled itself", seconds=effect.timeout)
        return task.result()

    def _loaded(self, effect: Load, task: asyncio.Task[Any]) -> None:
        self._jobs.discard(task)
        effect.ended()
        if not task.cancelled():
            task.exception()  # seen: of a load that was given up, nobody asks

    async def _start(self, effect: Start) -> None:
        coroutine = self._fly(effect.steps)
        task = asyncio.get_running_loop().create_task(coroutine, context=Context(), name="safecodec-flight")
        if effect.flight is not None and effect.cancellable:
            effect.flight.cancel = task.cancel
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)

    async def _fly(self, steps: Steps[None]) -> None:
        try:
            await self._run(steps)
        except Exception:
            LOGGER.exception("a load, or what follows one, ended by an error of safecodec")

    async def _wait(self, effect: Wait) -> None:
        settled = asyncio.get_running_loop().create_future()
        wake = partial(settled.set_result, None)
        effect.flight.wakers.append(wake)
        try:
            await asyncio.wait({settled}, timeout=effect.seconds)
        finally:
            effect.flight.wakers.remove(wake)

    async def _pause(self, effect: Pause) -> None:
        await asyncio.sleep(effect.seconds)


async def _called(effect: Load) -> Any:
    load = partial(effect.load, effect.argument, timeout=effect.timeout)
    found = load() if getattr(effect.load, "is_awaited", False) else await _in_thread(load)
    return await found if isawaitable(found) else found


async def _in_thread(load: Callable[[], Any]) -> Any:
    """Call a function in a thread. A thread cannot be cancelled, so this ends when the function does."""
    running = asyncio.get_running_loop().run_in_executor(None, Context().run, load)
    while not running.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait({running})
    return running.result()


def _leave_behind() -> None:
    """In a forked process: an event loop, its tasks and its connections are the parent's."""
    for cache in list(_CACHES):
        cache._loop = None
        cache._forked = True


getattr(os, "register_at_fork", dict)(after_in_child=_leave_behind)  # Windows has no forks
