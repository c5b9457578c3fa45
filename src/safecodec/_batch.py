"""Frames that are read together: what is given, item by item, and whose error it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol

from .errors import ConfigError, DecodeError, InputTypeError, NoValueError, short

if TYPE_CHECKING:
    from typing_extensions import Buffer

ERRORS: Final = ("raise", "return")
Errors = Literal["raise", "return"]


class Decode(Protocol):
    """What reads one frame."""

    def __call__(self, frame: Buffer, *, context: Buffer | None = None) -> Any:
        """Return its value."""


class Batch(NamedTuple):
    """Frames, a context for each, and whether verdicts stand in for values."""

    frames: list[Buffer]
    contexts: list[Buffer | None]
    verdicts: bool


def batch_of(frames: Iterable[Buffer], contexts: Iterable[Buffer | None] | None, errors: str) -> Batch:
    """Return what is given, once it is as it should be.

    Raises:
        InputTypeError: One frame is given instead of several, or one context, or what cannot be iterated.
        ConfigError: There are not as many contexts as frames, or ``errors`` is not known.
    """
    if errors not in ERRORS:
        raise ConfigError(f"errors is one of {', '.join(ERRORS)}, not {short(errors)}")
    given = _listed("frames", frames, "decode reads one")
    beside: list[Buffer | None] = [None] * len(given)
    if contexts is not None:
        beside = _listed("contexts", contexts, "give a list with one for each frame")
    if len(beside) != len(given):
        raise ConfigError(f"there are {len(given)} frames and {len(beside)} contexts")
    return Batch(given, beside, errors == ERRORS[1])


def _listed(name: str, given: Iterable[Any], instead: str) -> list[Any]:
    if not isinstance(given, Iterable) or isinstance(given, (bytes, bytearray, memoryview, str)):
        found = type(given).__name__
        raise InputTypeError(f"{name} are several, this is a {found}: {instead}", found=found)
    return list(given)


def read_batch(decode: Decode, batch: Batch) -> list[Any]:
    """Read frame after frame; in Python, so that other threads have the interpreter between two of them.

    Raises:
        DecodeError: The first verdict, which says in ``item`` whose it is, unless verdicts stand in for values.
        NoValueError: As for a verdict, where a frame's stamp says that there is no value.
        InputTypeError: A frame or context is no buffer, which is no verdict, and stands in for no value.
    """
    values = []
    for at, (frame, context) in enumerate(zip(batch.frames, batch.contexts, strict=True)):
        try:
            values.append(decode(frame, context=context))
        except (DecodeError, NoValueError, InputTypeError) as error:
            error.item = at
            error.add_note(f"frame {at} of a batch of {len(batch.frames)}, counted from 0")
            if not batch.verdicts or isinstance(error, InputTypeError):
                raise
            values.append(error.with_traceback(None))  # which holds this frame, and so all that was read
    return values
