"""Last known good values that outlive the process: written down behind answers, in a store of the process's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import StoreError
from .effects import Local, Start
from .stores import Swap

if TYPE_CHECKING:
    from .effects import Steps
    from .state import State


class Durable:
    """Writes down what `Known.unwritten` has, by one job at a time.

    Args:
        state: The process's state.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._is_writing = False

    def write_behind(self) -> Steps[None]:
        """Start the job where there is something to write; where it gets no thread, a later answer starts it."""
        if self._is_writing or not self._state.known.unwritten:
            return
        self._is_writing = True
        try:
            yield Start(self._write_down(), None)
        except BaseException as error:
            self._is_writing = False
            if not isinstance(error, RuntimeError):
                raise

    def _write_down(self) -> Steps[None]:
        state, policy = self._state, self._state.policy
        try:
            while state.known.unwritten:
                _, (entry, frame) = state.known.unwritten.popitem()
                swap = Swap(
                    key=entry.name, new=frame, expected=None, seconds=policy.fresh + policy.stale + 1.0,
                    environment=state.facts.tag,
                )  # fmt: skip
                try:
                    yield Local("swap", (swap,))
                except StoreError as error:
                    state.counters["lkg_errors"] += 1
                    state.note("lkg written", f"a last known good value is not written down: {error}")
        finally:
            self._is_writing = False
