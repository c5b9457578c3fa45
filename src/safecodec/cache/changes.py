"""Changes of what is stored that a caller asks for: set, delete, expire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..errors import CacheUnavailableError, StoreError
from ..frame import Stamp, restamp
from .answers import Verdict
from .effects import Encode
from .lookup import MILLISECOND
from .stores import HEAD, Swapped

if TYPE_CHECKING:
    from ._known import Entry
    from .effects import Steps
    from .flights import Flights
    from .lookup import Lookup
    from .state import State

ATTEMPTS: Final = 5
"""How often a change begins again where the entry changes under it."""


class Changes:
    """Changes entries; a change wins over every load of the key that is in flight.

    Args:
        state: The process's state.
        flights: The process's loads.
        lookup: Reads what is stored.
    """

    def __init__(self, state: State, flights: Flights, lookup: Lookup) -> None:
        self.state = state
        self.flights = flights
        self.lookup = lookup

    def set(self, key: str | bytes, value: Any, source_version: int | None) -> Steps[bool]:
        """Store a value that the caller knows to be the newest; return False where a newer one is there.

        Raises:
            StoreError: The store fails. This process serves the value all the same.
            EncodeError: The value cannot be written.
        """
        state, flights = self.state, self.flights
        entry = state.entry(key)
        stamp = flights.stamp(value, state.store_now(), source_version)
        frame = yield from flights.frame(entry, value, stamp)
        flights.lose(entry)
        try:
            is_stored = yield from self._stored(entry, frame, stamp)
        except StoreError:
            state.keep(entry, frame, stamp)
            raise
        if is_stored:
            state.keep(entry, frame, stamp)
        return is_stored

    def _stored(self, entry: Entry, frame: bytes, stamp: Stamp) -> Steps[bool]:
        expected = None
        for _ in range(ATTEMPTS):
            swap = self.flights.swap(entry, frame, stamp, expected=expected, quarantine=True)
            swapped = yield from self.state.ask("swap", swap)
            if swapped is not Swapped.FOREIGN and swapped is not Swapped.CHANGED:
                break
            # The store compares environments by four bytes, which may be damaged.
            found = yield from self.lookup.look(entry, entry.name)
            if found.verdict is Verdict.WRONG_ENVIRONMENT:
                raise CacheUnavailableError(
                    "a frame of another environment is stored under this key: two environments share a store",
                    key=entry.text, verdict=Verdict.WRONG_ENVIRONMENT.value, cause=found.cause,
                )  # fmt: skip
            expected = found.raw[:HEAD]
        return bool(swapped is Swapped.DONE)

    def delete(self, key: str | bytes, hold: float) -> Steps[None]:
        """Leave a tombstone: no process serves a value from before it, and no load that began before it is stored.

        Args:
            key: The key.
            hold: Seconds after it in which loads are not stored either, as the source may lag.

        Raises:
            StoreError: The store fails, and other processes may still serve the value.
        """
        state = self.state
        entry = state.entry(key)
        self.flights.lose(entry)
        state.known.forget(entry, min(entry.load_start, state.store_now()))
        for _ in range(ATTEMPTS):
            # By the store's own clock, so that no load that has begun in any process has a later start.
            now: int = yield from state.ask("time")
            stamp = Stamp(load_start=now, fresh_for=int(hold * MILLISECOND), kind="deleted")
            frame: bytes = yield Encode(None, entry.context, stamp)
            self.lookup.deleted(entry, now, frame)
            if (yield from self._stored(entry, frame, stamp)):
                return

    def expire(self, key: str | bytes) -> Steps[None]:
        """End the freshness of a value: it is loaded anew when it is asked for, and serves where that fails.

        Raises:
            StoreError: The store fails, and other processes may serve the value as fresh.
        """
        state = self.state
        entry = state.entry(key)
        self.flights.lose(entry)
        entry.fresh = entry.retry_at = 0.0
        for _ in range(ATTEMPTS):
            found = yield from self.lookup.look(entry, entry.name)
            entry.fresh = 0.0
            if found.verdict is None:
                raise found.cause or StoreError("the store did not answer")
            if found.verdict not in (Verdict.OK, Verdict.STALE):
                return
            start = state.store_now() if found.stamp is None else found.stamp.load_start
            version = 0 if found.stamp is None else found.stamp.source_version
            kind = "value" if found.stamp is None else found.stamp.kind
            stamp = Stamp(load_start=start, fresh_for=0, kind=kind, source_version=version)
            frame = restamp(found.raw, stamp, context=entry.context)
            swap = self.flights.swap(entry, frame, stamp, expected=found.raw[:HEAD])
            if (yield from state.ask("swap", swap)) is not Swapped.CHANGED:
                return
