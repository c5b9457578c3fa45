"""What a store asks of Redis and makes of the replies, without a client: generators that yield calls.

`RedisStore` and `AsyncRedisStore` make the calls, and differ in nothing but an ``await``.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar

from . import CLAIM, Leased, Swap, Swapped, milliseconds
from .lua import FOREIGN, LEASE, RELEASE, SWAP, Script, swap_call

__all__ = [
    "Call",
    "Dialogue",
    "Done",
    "Refused",
    "bind",
    "claim",
    "demand",
    "get",
    "get_many",
    "kept",
    "lease",
    "probe",
    "release",
    "step",
    "swap",
    "time",
]

_T = TypeVar("_T")
_NONE: Final[Mapping[str, Any]] = MappingProxyType({})


class Call(NamedTuple):
    """A call of a method of a client.

    Args:
        method: The method's name.
        args: Its arguments.
        kwargs: Those by name.
        answers: Codes of errors of Redis, such as ``NOSCRIPT``, that are an answer to this call and no failure.
    """

    method: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = _NONE
    answers: tuple[str, ...] = ()


class Refused(NamedTuple):
    """The reply to a call that Redis refused with an error that the call takes for an answer."""

    code: str


@dataclass(frozen=True, slots=True)
class Done(Generic[_T]):
    """The end of a dialogue: its result."""

    result: _T


Dialogue: TypeAlias = Generator[Call, Any, _T]


def step(steps: Dialogue[_T], reply: Any) -> Call | Done[_T]:
    """Return the next call of a dialogue, or its end.

    Args:
        steps: The dialogue.
        reply: The reply to the call before, None for the first.
    """
    try:
        return steps.send(reply)
    except StopIteration as done:
        return Done(done.value)


def demand(holds: bool, reply: Any) -> None:
    """Raise a TypeError where a reply is not one to the call that was made."""
    if not holds:
        raise TypeError(f"a reply of type {type(reply).__name__}")


def _run(script: Script, keys: Sequence[bytes], args: Sequence[bytes | int]) -> Dialogue[Any]:
    """Run a script by its digest, and with its text where Redis does not have it: on that key's node, in one trip."""
    reply = yield Call("evalsha", (script.sha, len(keys), *keys, *args), answers=("NOSCRIPT",))
    if isinstance(reply, Refused):
        reply = yield Call("eval", (script.text, len(keys), *keys, *args))
    return reply


def get(key: bytes) -> Dialogue[bytes | None]:
    """Read an entry; one that is no string is bytes that are no frame."""
    reply: bytes | Refused | None = yield Call("get", (key,), answers=("WRONGTYPE",))
    demand(reply is None or isinstance(reply, (bytes, Refused)), reply)
    return FOREIGN if isinstance(reply, Refused) else reply


def get_many(keys: Sequence[bytes], cluster: bool) -> Dialogue[list[bytes | None]]:
    """Read entries in one trip. Where some are missing, another asks whether these are keys that hold no string."""
    if not keys:
        return []
    found: list[bytes | None] = yield Call("mget_nonatomic" if cluster else "mget", (list(keys),))
    demand(isinstance(found, list) and len(found) == len(keys), found)
    kinds = set(map(type, found))
    if kinds == {bytes}:
        return found
    demand(kinds <= {bytes, type(None)}, found)
    missing = [at for at, entry in enumerate(found) if entry is None]
    if missing and (yield Call("exists", tuple(keys[at] for at in missing))):
        for at in missing:
            found[at] = yield from get(keys[at])
    return found


def time() -> Dialogue[int]:
    """Ask for the time, in microseconds since 1970."""
    seconds, micros = yield Call("time")
    return int(seconds) * 1_000_000 + int(micros)


def lease(key: bytes, token: bytes, seconds: float) -> Dialogue[Leased]:
    """Take a lease."""
    granted, whole, micros = yield from _run(LEASE, [key], [token, milliseconds(seconds, "seconds")])
    return Leased(bool(granted), int(whole) * 1_000_000 + int(micros))


def release(key: bytes, token: bytes) -> Dialogue[None]:
    """Give a lease back."""
    yield from _run(RELEASE, [key], [token])


def swap(asked: Swap) -> Dialogue[Swapped]:
    """Compare and set."""
    reply: bytes = yield from _run(SWAP, *swap_call(asked))
    return Swapped(reply.decode())


def kept(bad: bytes) -> Dialogue[list[bytes]]:
    """Read a quarantine list."""
    reply: list[bytes] | Refused = yield Call("lrange", (bad, 0, -1), answers=("WRONGTYPE",))
    return [] if isinstance(reply, Refused) else reply


def claim() -> Dialogue[str | None]:
    """Read the name of the environment."""
    name = yield from get(CLAIM)
    return None if name is None else name.decode("utf-8", "backslashreplace")


def bind(environment: str, force: bool) -> Dialogue[str]:
    """Write the name of the environment where there is none, or anew."""
    yield Call("set", (CLAIM, environment.encode()), {"nx": not force})
    return (yield from claim()) or ""


def probe(keys: Sequence[tuple[str, bytes]]) -> Dialogue[list[str]]:
    """Try to write keys, each for a name, and return the names of those that may be written: XX makes no entry."""
    allowed: list[str] = []
    for name, key in keys:
        reply = yield Call("set", (key, b"1"), {"xx": True, "px": 1}, answers=("NOPERM",))
        if not isinstance(reply, Refused) and name not in allowed:
            allowed.append(name)
    return allowed
