"""What a store does that has its entries in this process or on this machine: all of it, but how one entry is kept.

`RedisStore` does the same in Lua; one suite of tests holds all stores to it.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from math import inf
from struct import Struct, error
from typing import TYPE_CHECKING, Final, NamedTuple

from . import CLAIM, HEAD, Leased, Swap, Swapped, milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["LocalStore"]

_MAGIC: Final = b"\xc1\xde"
_STAMPED: Final = 0x40
_DELETED: Final = 3
_STAMP: Final = Struct("<32xQQIB")
_LENGTH: Final = Struct("<I")


class _Stamp(NamedTuple):
    load_start: int
    source_version: int
    fresh_for: int
    kind: int


def _tag(entry: bytes) -> bytes | None:
    """The tag of a frame's environment; None where the bytes do not begin as a frame does."""
    return entry[16:20] if entry.startswith(_MAGIC) and len(entry) >= 20 else None


def _stamp(entry: bytes) -> _Stamp | None:
    if len(entry) < HEAD or not entry[3] & _STAMPED:
        return None
    return _Stamp(*_STAMP.unpack_from(entry))


def _older(swap: Swap, there: bytes, now: int) -> bool:
    """Whether a frame of our own environment is newer than the one that would replace it."""
    new, old = _stamp(swap.new), _stamp(there)
    deleted = old is not None and old.kind == _DELETED and len(there) == HEAD
    if new is None or old is None or not (swap.expected is None or deleted):
        return False
    if new.source_version and old.source_version > new.source_version:
        return True
    if swap.expected is None:
        return new.load_start < old.load_start <= now
    return new.load_start <= old.load_start + old.fresh_for * 1000


def refusal(swap: Swap, there: bytes, held: bytes | None, now: int) -> Swapped | None:
    """Return why a swap is not made, or None where it is.

    Args:
        swap: The swap.
        there: The entry; ``b""`` where there is none.
        held: What the lease holds, if there is a lease.
        now: The store's time, in microseconds since 1970.
    """
    if there == swap.new:
        return Swapped.DONE
    tag = _tag(there)
    if tag is not None and tag != swap.environment and swap.expected != there[:HEAD]:
        return Swapped.FOREIGN
    if swap.token is not None and held != swap.token:
        return Swapped.LOST
    if swap.expected is not None and swap.expected != there[:HEAD]:
        return Swapped.CHANGED
    if tag is not None and _older(swap, there, now):
        return Swapped.OLDER
    return None


def _packed(entries: list[bytes]) -> bytes:
    return b"".join(_LENGTH.pack(len(entry)) + entry for entry in entries)


def _unpacked(data: bytes | None) -> list[bytes]:
    """The entries of a quarantine; bytes that are none, which somebody else has put there, are its only entry."""
    entries: list[bytes] = []
    rest = data or b""
    while rest:
        try:
            (length,) = _LENGTH.unpack_from(rest)
        except error:
            return [data or b""]
        entries.append(rest[4 : 4 + length])
        rest = rest[4 + length :]
    return entries


def _text(name: bytes | None) -> str | None:
    return None if name is None else name.decode("utf-8", "backslashreplace")


class LocalStore(ABC):
    """A store on a lock and four operations of one entry; ``_look`` alone is called outside of the lock.

    Args:
        now: What gives the time, in seconds since 1970.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now

    @abstractmethod
    def _locked(self) -> AbstractContextManager[object]:
        """Keep all others out who write."""

    @abstractmethod
    def _look(self, key: bytes) -> bytes | None:
        """The entry of a key, unless it is expired."""

    @abstractmethod
    def _read(self, key: bytes) -> bytes | None:
        """The entry of a key, unless it is expired."""

    @abstractmethod
    def _write(self, key: bytes, entry: bytes, until: float) -> None:
        """Replace an entry, and make room for it. One without an end is never removed to make room."""

    @abstractmethod
    def _drop(self, key: bytes) -> None:
        """Remove an entry, which need not be there."""

    def get(self, key: bytes) -> bytes | None:
        """See `Store.get`."""
        return self._look(key)

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See `Store.get_many`: one after the other, as there is no trip to save."""
        return [self._look(key) for key in keys]

    def time(self) -> int:
        """See `Store.time`."""
        return int(self._now() * 1e6)

    def lease(self, key: bytes, token: bytes, seconds: float) -> Leased:
        """See `Store.lease`."""
        milliseconds(seconds, "seconds")
        with self._locked():
            granted = self._read(key) in (None, token)
            if granted:
                self._write(key, token, self._now() + seconds)
            return Leased(granted, self.time())

    def release(self, key: bytes, token: bytes) -> None:
        """See `Store.release`."""
        with self._locked():
            if self._read(key) == token:
                self._drop(key)

    def swap(self, swap: Swap) -> Swapped:
        """See `Store.swap`."""
        with self._locked():
            there = self._read(swap.key) or b""
            held = None if swap.lease is None else self._read(swap.lease)
            refused = refusal(swap, there, held, self.time())
            if refused is None:
                self._keep(swap, there)
                until = self._now() + swap.seconds
                self._write(swap.key, swap.new, until)
                if swap.good is not None:
                    self._write(swap.good, swap.new, until)
            if refused in (None, Swapped.DONE) and swap.lease is not None and swap.token in (None, held):
                self._drop(swap.lease)
            return refused or Swapped.DONE

    def _keep(self, swap: Swap, there: bytes) -> None:
        if swap.bad is None or not there or (swap.expected is None and _tag(there) is not None):
            return
        kept = _unpacked(self._read(swap.bad))
        if kept[:1] != [there]:
            kept = [there, *kept][: swap.bad_keep]
        self._write(swap.bad, _packed(kept), self._now() + swap.bad_seconds)

    def kept(self, bad: bytes) -> list[bytes]:
        """Return the entries of a quarantine list, the newest first.

        Args:
            bad: The list's key.
        """
        return _unpacked(self._look(bad))

    def claim(self) -> str | None:
        """See `Store.claim`."""
        return _text(self._look(CLAIM))

    def bind(self, environment: str, *, force: bool = False) -> str:
        """Bind the store to an environment if it is bound to none, and return the one that it is bound to then.

        Args:
            environment: The environment's name.
            force: Whether it is bound anew.
        """
        with self._locked():
            if force or self._read(CLAIM) is None:
                self._write(CLAIM, environment.encode(), inf)
            return _text(self._read(CLAIM)) or ""
