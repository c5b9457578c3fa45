"""What is stored under a key: entries are read from a store, decoded and judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..errors import DecodeError, NoValueError, StoreError
from ..frame import Stamp, stamp_of
from ._known import NOTHING
from .answers import Verdict, verdict_of
from .effects import Decode, Local
from .state import VERDICT_COUNTERS, Found

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._known import Entry
    from .effects import Steps
    from .state import State

MILLISECOND: Final = 1000


def _nothing(entry: Entry) -> None:
    """Stand in until there are loads."""


class Lookup:
    """Reads what is stored, and keeps what is good as last known good.

    Args:
        state: The process's state.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self.lose: Callable[[Entry], None] = _nothing
        """Has the loads of a key that are in flight lost, where it was deleted."""

    def look(self, entry: Entry, name: bytes) -> Steps[Found]:
        """Read a physical key, and judge what is there as a value of the entry's key."""
        try:
            raw = yield from self.state.ask("get", name)
        except StoreError as error:
            return Found(None, cause=error)
        return (yield from self.seen(entry, raw, NOTHING))

    def seen(self, entry: Entry, raw: bytes | None, value: Any) -> Steps[Found]:
        """Judge what was read.

        Args:
            entry: The key.
            raw: The bytes, or None where there are none.
            value: Their value, the error of the decode in its place, or `NOTHING` where they are not decoded yet.
        """
        if raw is None:
            return self._counted(Found(Verdict.MISSING))
        known = self._remembered(entry, raw)
        if known is not None:
            return known
        if value is NOTHING:
            try:
                value = yield Decode(raw, entry.context)
            except (DecodeError, NoValueError) as error:
                value = error
        return self.judged(entry, raw, value)

    def _remembered(self, entry: Entry, raw: bytes) -> Found | None:
        if entry.bad is None:
            return None
        length, digest, found = entry.bad
        if length == len(raw) and digest == hash(raw):
            return self._counted(found)
        entry.bad = None
        return None

    def _counted(self, found: Found) -> Found:
        self.state.counters[VERDICT_COUNTERS[found.verdict]] += 1
        return found

    def judged(self, entry: Entry, raw: bytes, value: Any) -> Found:
        """Return the verdict on bytes that have decoded to a value, or to an error in its place."""
        state = self.state
        if isinstance(value, DecodeError):
            return self._counted(state.remember(entry, raw, verdict_of(value, state.facts.newest), value))
        if isinstance(value, NoValueError):
            stamp: Stamp | None = value.stamp
            if value.stamp.kind == "deleted":
                self.deleted(entry, value.stamp.load_start, raw)
                return self._counted(Found(Verdict.DELETED, raw=raw, stamp=value.stamp))
            value = None
        else:
            stamp = stamp_of(raw)
        entry.bad = None
        if stamp is None:
            state.keep(entry, raw, None)
            return self._counted(Found(Verdict.OK, value, raw))
        age = state.age(stamp.load_start)
        if stamp.load_start <= entry.not_before:
            return self._counted(Found(Verdict.STALE, None, raw, stamp, age))
        state.keep(entry, raw, stamp)
        verdict = Verdict.OK if state.is_fresh(stamp) else Verdict.STALE
        return self._counted(Found(verdict, value, raw, stamp, age))

    def deleted(self, entry: Entry, at: int, tombstone: bytes) -> None:
        """Forget what a key had when a tombstone is seen first, be it that its clock was another.

        Args:
            entry: The key.
            at: The tombstone's load start, in microseconds since 1970.
            tombstone: Its frame.
        """
        if entry.deleted == at:
            return
        entry.deleted = at
        self.lose(entry)
        self.state.known.forget(entry, at)
        if self.state.known.is_durable:
            self.state.known.unwritten[entry.context] = (entry, tombstone)

    def look_beside(self, entry: Entry, found: Found) -> Steps[tuple[Found, Found]]:
        """Look at the key beside one that this reader must not overwrite, where processes of its version share loads.

        Returns:
            What was found, with the key beside as the place for a loaded value; and what is there.
        """
        name, bad = self.state.side(entry, self.state.side_suffix), entry.bad
        beside = yield from self.look(entry, name)
        entry.bad = bad
        return Found(found.verdict, raw=beside.raw, cause=found.cause, name=name), beside

    def decoded(self, entry: Entry, frame: bytes) -> Steps[Any]:
        """Return the value of a good frame; None where it says that there is none."""
        try:
            return (yield Decode(frame, entry.context))
        except NoValueError:
            return None

    def recall(self, entry: Entry) -> Steps[None]:
        """Take over what the last process knew of a key."""
        entry.is_recalled = True
        try:
            raw = yield Local("get", (entry.name,))
            if raw is not None:
                yield Decode(raw, entry.context)
        except StoreError as error:
            self.state.counters["lkg_errors"] += 1
            self.state.note("lkg read", f"a last known good value cannot be read: {error}")
            return
        except NoValueError:
            pass  # absent, or a tombstone
        except DecodeError:
            return  # of another version, or damaged: it is not known to be good
        if raw is None:
            return
        stamp = stamp_of(raw)
        if stamp is None or stamp.kind == "deleted":
            self.state.known.drop(entry, 0 if stamp is None else stamp.load_start)
        else:
            self.state.keep(entry, raw, stamp)
            self.state.known.unwritten.pop(entry.context, None)
