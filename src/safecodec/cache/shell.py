"""Set-up, arguments of calls and log lines, for the blocking and the awaited shell of a guarded cache."""

from __future__ import annotations

import inspect
import logging
import time
from contextlib import suppress
from functools import partial
from random import SystemRandom
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from ..errors import ConfigError, IncompatibleSchemaError, short
from ..frame import peek, tag
from ._known import NOTHING
from .core import Call, Core
from .keys import Keys
from .policy import GuardPolicy
from .state import Facts, State

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from ..codec import Codec
    from ..reader import Reader
    from .state import Clock

T = TypeVar("T")

LOGGER: Final = logging.getLogger("safecodec.cache")


class SystemClock:
    """The clocks of the operating system."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return time.monotonic()

    def wall(self) -> float:
        """Return seconds since 1970."""
        return time.time()


def tell(text: str) -> None:
    """Write a warning to the log of ``safecodec.cache``."""
    LOGGER.warning("%s", text)


def _readers(codec: Codec[Any]) -> dict[int, Reader[Any]]:
    """Return a reader for each version, by its number, except those that cannot read the others' frames."""
    readers = {}
    for version in codec.versions:
        with suppress(IncompatibleSchemaError):
            readers[version] = codec.reader(codec.schema(version))
    return readers


class Settings(Generic[T]):
    """What a guarded cache was made from, checked.

    Args:
        codec: The codec.
        load: The loader, or None where each call has its own.
        load_many: The loader of several keys, or None.
        policy: The policy.
        is_durable: Whether last known good values are written down.
        source_version: Says which number of the source a value has.
        on_difference: Told of what shadow reads find.
        clock: Time.
        random: Where jitter comes from.

    Raises:
        ConfigError: An argument is not what it should be.
    """

    def __init__(
        self,
        codec: Codec[T],
        load: Callable[..., Any] | None,
        load_many: Callable[..., Any] | None,
        policy: GuardPolicy,
        is_durable: bool,
        source_version: Callable[[T], int] | None,
        on_difference: Callable[[str | bytes, T | None, T | None], None] | None,
        clock: Clock | None,
        random: Random | None,
    ) -> None:
        if not isinstance(policy, GuardPolicy):
            raise ConfigError(f"policy is a GuardPolicy, not {short(policy)}")
        for name, one in (("load", load), ("load_many", load_many), ("source_version", source_version)):
            if one is not None and not callable(one):
                raise ConfigError(f"{name} is a function, not {short(one)}")
        self.codec = codec
        self.policy = policy
        self.load: Loader | None = None if load is None else takes_timeout(load)
        self.load_many: Loader | None = None if load_many is None else takes_timeout(load_many)
        self._is_durable = is_durable
        self._readers = _readers(codec)
        self._source_version = source_version
        self._on_difference = on_difference
        self._clock = SystemClock() if clock is None else clock
        self._random = SystemRandom() if random is None else random

    def core(self) -> Core[T]:
        """Make a core without any state: at first, and in a process that was forked."""
        codec, name = self.codec, self.codec.environment
        facts = Facts(name, tag(name), codec.version, codec.fingerprint())
        keys = Keys(name, codec.subject)
        state = State(self.policy, keys, facts, self._clock, self._random, tell, is_durable=self._is_durable)
        return Core(state, self._source_version, self._on_difference)

    def readers_of(self, frame: bytes) -> list[Reader[Any]]:
        """Return the readers of all versions that can read a frame: those with which it is verified."""
        oldest = peek(frame, verify=False).oldest_reader
        return [reader for version, reader in self._readers.items() if version >= oldest]

    def call(
        self,
        load: Callable[..., Any] | None,
        max_age: float | None,
        stale: float | None,
        timeout: float | None,
        default: Any = NOTHING,
    ) -> Call:
        """Return the arguments of a call, checked.

        Raises:
            ConfigError: A number is no time, or there is no loader.
        """
        for name, seconds in (("max_age", max_age), ("stale", stale), ("timeout", timeout)):
            if seconds is not None and (
                isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds >= 0
            ):
                raise ConfigError(f"{name} is a time in seconds from 0 on, or None, not {short(seconds)}")
        longest = self.policy.stalest
        if stale is not None and stale > longest:
            raise ConfigError(f"stale is at most the policy's, {longest:g} s: a tombstone lasts no longer")
        chosen = self.load if load is None else load
        if chosen is None:
            raise ConfigError("there is no loader: give load=… to the cache or to the call")
        return Call(chosen, self.load_many if load is None else None, max_age, stale, timeout, default)


class Loader:
    """A loader as the core calls it.

    Args:
        load: The function that was given.
        call: Calls it with an argument and the seconds that it may take.
    """

    __slots__ = ("_call", "is_awaited")

    def __init__(self, load: Callable[..., Any], call: Callable[..., Any]) -> None:
        self._call = call
        while isinstance(load, partial):
            load = load.func
        self.is_awaited: bool = any(map(inspect.iscoroutinefunction, (load, getattr(load, "__call__", None))))  # noqa: B004
        """Whether a call of it blocks nobody, as it makes a coroutine."""

    def __call__(self, argument: Any, *, timeout: float) -> Any:
        """Call the function."""
        return self._call(argument, timeout=timeout)


def takes_timeout(load: Callable[..., Any]) -> Loader:
    """Return a loader that is called with its argument and the seconds that it may take, which it need not know of."""
    try:
        timeout = inspect.signature(load).parameters.get("timeout")
    except (TypeError, ValueError):  # of a function in C that does not say
        timeout = None
    if timeout is not None and timeout.kind is not timeout.POSITIONAL_ONLY:
        return Loader(load, lambda argument, timeout: load(argument, timeout=timeout))
    return Loader(load, lambda argument, **_: load(argument))
