"""What the policy core asks of its shell: effects, which a generator yields and whose results it is sent.

The core has no I/O, no clock and no threads. A shell performs an effect in its own way, blocking or awaited, sends back
the result, or throws the error into the generator.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    from ._known import Entry
    from .flight import Flight

R = TypeVar("R")

Steps: TypeAlias = Generator["Effect", Any, R]
"""A part of the core: yields effects, is sent their results, returns an R."""


class Effect:
    """Something that a shell does for the core."""

    __slots__ = ()


@dataclass(slots=True)
class Ask(Effect):
    """Call a method of the store; raises `StoreError`.

    Args:
        method: The name of the method of `Store`.
        arguments: Its arguments.
    """

    method: str
    arguments: tuple[Any, ...]


@dataclass(slots=True)
class Local(Effect):
    """Call a method of the process's own store of last known good values, off an event loop; raises `StoreError`.

    Args:
        method: The name of the method of `Store`.
        arguments: Its arguments.
    """

    method: str
    arguments: tuple[Any, ...]


@dataclass(slots=True)
class Decode(Effect):
    """Decode a frame that is bound to a context; raises as `Codec.decode`."""

    frame: bytes
    context: bytes


@dataclass(slots=True)
class DecodeMany(Effect):
    """Decode frames of several keys, as `decode_all` does.

    Args:
        entries: The keys.
        frames: The frame of each, or None.
    """

    entries: list[Entry]
    frames: list[bytes | None]


@dataclass(slots=True)
class Encode(Effect):
    """Encode a value with a stamp; raises as `Codec.encode`."""

    value: Any
    context: bytes
    stamp: Any


@dataclass(slots=True)
class Verify(Effect):
    """Decode a frame as the readers of every version do; raises as `Codec.decode`."""

    frame: bytes
    context: bytes


@dataclass(slots=True)
class Load(Effect):
    """Call a loader; raises what it raises, or `LoadTimeoutError`.

    Args:
        load: The loader.
        argument: A key, or a list of keys.
        timeout: Seconds that it may take.
        ended: Called by the shell, once, when the loader has really ended, be it after its time.
    """

    load: Callable[..., Any]
    argument: Any
    timeout: float
    ended: Callable[[], None]


@dataclass(slots=True)
class Start(Effect):
    """Run steps as a detached job, with an empty context.

    Args:
        steps: The steps.
        flight: The flight that they are, or None.
        cancellable: Whether `Flight.cancel` stops the job.
    """

    steps: Steps[None]
    flight: Flight | None
    cancellable: bool = True


@dataclass(slots=True)
class Wait(Effect):
    """Wait until a flight has landed, or for some seconds."""

    flight: Flight
    seconds: float


@dataclass(slots=True)
class Pause(Effect):
    """Wait for some seconds."""

    seconds: float
