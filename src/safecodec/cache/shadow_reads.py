"""Shadow reads: one fresh answer in so many is compared with the source, behind it and within the load rate."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .effects import Start
from .flight import Flight

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._known import Entry
    from .effects import Steps
    from .flights import Flights
    from .lookup import Lookup
    from .state import Found, State


class ShadowReads:
    """Counts fresh answers, and compares those that are due.

    Args:
        state: The process's state.
        flights: The process's loads.
        lookup: Decodes the cached value.
        on_difference: Called with a key, and the cached and the loaded value, where they differ.
    """

    def __init__(
        self, state: State, flights: Flights, lookup: Lookup, on_difference: Callable[..., None] | None
    ) -> None:
        self._state = state
        self._flights = flights
        self._lookup = lookup
        self._on_difference = on_difference
        self._until = state.policy.shadow

    def is_due_within(self, answers: int) -> bool:
        """Tell whether one of the next answers is to be compared."""
        return self._state.policy.shadow > 0 and self._until <= answers

    def pass_over(self, answers: int) -> None:
        """Count answers that were given with nothing behind them."""
        self._until -= answers

    def read_behind(self, entry: Entry, found: Found, load: Callable[..., Any]) -> Steps[None]:
        """Count an answer, and start its comparison where it is due."""
        self._until -= 1
        if self._until > 0:
            return
        self._until = self._state.policy.shadow
        if self._flights.may_begin(entry, True):
            flight = Flight(entry, found, load, self._state.monotonic(), 0.0, True)
            with suppress(RuntimeError):  # the operating system has no thread for it: the answer is good without
                yield Start(self._compare(flight), flight)

    def _compare(self, flight: Flight) -> Steps[None]:
        state, entry = self._state, flight.entry
        try:
            loaded = yield from self._flights.load(flight.load, entry.key, [flight])
        except Exception:
            return  # counted by the flights
        cached = yield from self._lookup.decoded(entry, flight.found.raw)
        same = bool(cached == loaded)
        state.counters["shadow_same" if same else "shadow_different"] += 1
        if not same:
            state.note("shadow", f"key {entry.text!r:.200}: the source has another value than the cache")
            if self._on_difference is not None:
                self._on_difference(entry.key, cached, loaded)
