"""The guarded cache for blocking code: performs the core's effects with threads."""

from __future__ import annotations

import os
import threading
import time
from contextvars import Context
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, Generic, ParamSpec, TypeVar
from weakref import WeakSet

from ..errors import CacheUnavailableError, ConfigError, DecodeError, NoValueError, StoreError
from ._known import NOTHING, decode_all
from .effects import Ask, Decode, DecodeMany, Encode, Load, Local, Pause, Start, Verify, Wait
from .shell import LOGGER, Settings
from .stores import store_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from ..codec import Codec
    from ._known import Entry
    from .answers import Answer
    from .core import Call
    from .effects import Effect, Steps
    from .policy import GuardPolicy
    from .state import Clock
    from .stores import Store

T = TypeVar("T")
R = TypeVar("R")
P = ParamSpec("P")

CLOSING: Final = 10.0
"""Seconds that `GuardedCache.close` waits for loads that run."""
_CACHES: Final[WeakSet[GuardedCache[Any]]] = WeakSet()


class GuardedCache(Generic[T]):
    """A cache client for values that matter, between a process, its cache and its database.

    A value that cannot be read is a verdict, not a miss, and no verdict costs an unbounded read of the database: the
    last known good value is served, and loads stay within the policy's rate, whatever is found in the store. Safe to
    share between threads. A forked process begins without what its parent knew.

    Args:
        store: A `safecodec.cache.stores.Store`, or a client of redis-py.
        codec: The codec of the values.
        load: Called with a key, returns its value from the source, or None where the source has none. It runs in a
            thread of its own with an empty context, and so takes its own database connection. Its
            parameter ``timeout``, if it has one, is given the seconds that it may take, for a `statement_timeout`.
        load_many: Called with a list of keys, returns a dict of those that the source has.
        policy: The limits.
        last_known_good: A store of this process's own, such as a `safecodec.cache.stores.file.FileStore`: last known
            good values are written down there, behind the answers, and serve the next process. Without one they end
            with the process.
        source_version: Returns the source's own number of a value, from 1 on, such as a row version: a value with a
            lower one does not take the place of one with a higher.
        on_difference: Called with a key, and the cached and the loaded value, where a shadow read finds a difference.
        clock: Time, for tests.
        random: Where jitter comes from, for tests.

    Raises:
        ConfigError: An argument is not what it should be.
    """

    def __init__(
        self,
        store: Store | Any,
        codec: Codec[T],
        load: Callable[..., T | None] | None = None,
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
        self._store: Store = store_of(store)
        self._last_known_good = last_known_good
        self._decode = codec.decode
        self._encode = codec.encode
        self._perform: dict[type[Effect], Callable[[Any], Any]] = {
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
        self._begin()
        _CACHES.add(self)

    def _begin(self) -> None:
        self._core = self._settings.core()
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._jobs: set[threading.Thread] = set()

    # ---- what a service calls ----------------------------------------------------------------------------------

    def get(
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
        return self.answer(key, max_age=max_age, stale=stale, timeout=timeout, default=default).value

    def answer(
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
            return self._quick(key, self._plain)
        return self._run(self._core.answer(key, self._settings.call(None, max_age, stale, timeout, default)))

    def get_many(
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
        return self._run(self._core.answer_many(list(keys), call))

    def set(self, key: str | bytes, value: T | None, *, source_version: int | None = None) -> bool:
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
        return self._run(self._core.changes.set(key, value, source_version))

    def delete(self, key: str | bytes, *, hold: float = 0.0) -> None:
        """Delete a value everywhere: no process serves it, and no load that began before this is stored.

        Args:
            key: The key.
            hold: Seconds after this in which loads are not stored either, as the source's replicas may lag.

        Raises:
            StoreError: The store fails; other processes may still serve the value.
        """
        self._run(self._core.changes.delete(key, hold))

    def expire(self, key: str | bytes) -> None:
        """End a value's freshness: the next call loads it anew, and serves this one where that fails.

        Args:
            key: The key.

        Raises:
            StoreError: The store fails; other processes may serve the value as long as it is fresh.
        """
        self._run(self._core.changes.expire(key))

    def refresh(self, key: str | bytes, *, timeout: float | None = None) -> Answer[T]:
        """Load a value anew, within the load rate, and return it.

        Args:
            key: The key.
            timeout: How long to wait, in seconds.

        Raises:
            CacheUnavailableError: The load fails, or may not begin.
        """
        return self._run(self._core.refresh(key, self._settings.call(None, None, None, timeout)))

    def cached(self, key: Callable[P, str | bytes]) -> Callable[[Callable[P, T | None]], Callable[P, T | None]]:
        """Return a decorator: the function that it is put on loads, and is called only where a value is not cached.

        Args:
            key: Returns the key for the arguments of a call.
        """

        def decorate(function: Callable[P, T | None]) -> Callable[P, T | None]:
            @wraps(function)
            def cached(*args: P.args, **kwargs: P.kwargs) -> T | None:
                call = self._settings.call(lambda *_, **__: function(*args, **kwargs), None, None, None)
                return self._run(self._core.answer(key(*args, **kwargs), call)).value

            return cached

        return decorate

    def stats(self) -> dict[str, int]:
        """Return all counters by name; each is there from the start, at zero."""
        with self._lock:
            return self._core.counters()

    def close(self) -> None:
        """Wait for the loads that run, at most ten seconds, and close the store. No call may follow."""
        self._closing.set()
        until = time.monotonic() + CLOSING
        with self._lock:
            jobs = list(self._jobs)
        for job in jobs:
            job.join(max(0.0, until - time.monotonic()))
        self._store.close()

    def __enter__(self) -> GuardedCache[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _quick(self, key: str | bytes, call: Call) -> Answer[T]:
        """Answer a key; a fresh value needs neither a generator nor an effect."""
        core = self._core
        raw: bytes | StoreError | None = None
        value: Any = NOTHING
        with self._lock:
            entry = core.begin(key)
            spare = core.spare(key) if entry is None else None
        if entry is None:
            return self._run(core.answer(key, call)) if spare is None else self._spared(*spare)
        began = core.state.monotonic()
        try:
            raw = self._store.get(entry.name)
            if raw is not None and entry.bad is None:
                value = self._decode(raw, context=entry.context)
                with self._lock:
                    answer = core.quick(entry, raw, value, began)
                if answer is not None:
                    return answer
        except StoreError as error:
            raw = error
        except (DecodeError, NoValueError) as error:
            value = error
        return self._run(core.resume(entry, call, raw, value, began))

    def _spared(self, entry: Entry, frame: bytes, age: float) -> Answer[T]:
        try:
            value: T | None = self._decode(frame, context=entry.context)
        except NoValueError:
            value = None
        with self._lock:
            return self._core.spared(value, age)

    # ---- effects -----------------------------------------------------------------------------------------------

    def _run(self, steps: Steps[R]) -> R:
        """Drive steps of the core: effects are performed without the lock, the core runs with it."""
        lock, perform = self._lock, self._perform
        try:
            with lock:
                effect = next(steps)
            while True:
                try:
                    result = perform[type(effect)](effect)
                except BaseException as error:
                    with lock:
                        effect = steps.throw(error)
                else:
                    with lock:
                        effect = steps.send(result)
        except StopIteration as end:
            value: R = end.value
            return value

    def _ask(self, effect: Ask) -> Any:
        return getattr(self._store, effect.method)(*effect.arguments)

    def _local(self, effect: Local) -> Any:
        return getattr(self._last_known_good, effect.method)(*effect.arguments)

    def _decode_one(self, effect: Decode) -> Any:
        return self._decode(effect.frame, context=effect.context)

    def _decode_many(self, effect: DecodeMany) -> list[Any]:
        return decode_all(self._decode, effect.entries, effect.frames)

    def _encode_one(self, effect: Encode) -> bytes:
        return self._encode(effect.value, context=effect.context, stamp=effect.stamp)

    def _verify(self, effect: Verify) -> None:
        for reader in self._settings.readers_of(effect.frame):
            reader.decode(effect.frame, context=effect.context)

    def _load(self, effect: Load) -> Any:
        try:
            return effect.load(effect.argument, timeout=effect.timeout)
        finally:
            with self._lock:
                effect.ended()

    def _start(self, effect: Start) -> None:
        job = threading.Thread(target=self._fly, args=(effect.steps,), name="safecodec-load", daemon=True)
        with self._lock:  # close joins no thread that has not been started
            self._jobs.add(job)
            try:
                job.start()
            except BaseException as error:
                # There is no thread to be had, or a signal's handler has raised: then the thread may run all the same,
                # or end before `_fly`. CPython may lose count itself, and raise KeyError in the place of that error.
                self._jobs.discard(job)
                if isinstance(error, KeyError) and error.__context__ is not None:
                    raise error.__context__ from None
                raise

    def _fly(self, steps: Steps[None]) -> None:
        job = threading.current_thread()
        self._jobs.add(job)
        try:
            Context().run(self._run, steps)
        except Exception:
            LOGGER.exception("a load, or what follows one, ended by an error of safecodec")
        finally:
            self._jobs.discard(job)

    def _wait(self, effect: Wait) -> None:
        settled = threading.Event()
        with self._lock:
            if effect.flight.is_settled:
                return
            effect.flight.wakers.append(settled.set)
        settled.wait(effect.seconds)
        with self._lock:
            effect.flight.wakers.remove(settled.set)

    def _pause(self, effect: Pause) -> None:
        self._closing.wait(effect.seconds)


def _begin_anew() -> None:
    """In a forked process: loads, permits and phase have stayed behind with the parent's threads."""
    for cache in list(_CACHES):
        cache._begin()


getattr(os, "register_at_fork", dict)(after_in_child=_begin_anew)  # Windows has no forks
