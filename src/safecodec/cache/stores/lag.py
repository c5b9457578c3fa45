"""How late an event loop runs its timers, which tells a slow store from a loop that was too busy to read its reply."""

from __future__ import annotations

from asyncio import get_running_loop
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

__all__ = ["LoopLag"]

TICKS: Final = 4
"""How many times in a timeout the loop is looked at."""


class LoopLag:
    """Looks, while calls are made, whether the loop runs its timers in time.

    A loop that stands for longer than a call's timeout finds the reply and the end of the timeout together, and asyncio
    cancels the call: the reply is lost, though the server was in time. A timer of its own that was late tells so.

    Args:
        timeout: Seconds that a call has. The loop is late from a quarter of it on.
    """

    def __init__(self, timeout: float) -> None:
        self._each = timeout / TICKS
        self._due = 0.0
        self._left = 0
        self._late_at = -inf
        self._loop: AbstractEventLoop | None = None

    def watch(self) -> float:
        """Look at the loop for the time of a call that begins now; return that time, as `was_late` takes it."""
        loop = get_running_loop()
        if not self._left or loop is not self._loop:  # a timer ends with its loop
            self._loop = loop
            self._arm(loop)
        self._left = 2 * TICKS
        return monotonic()

    def was_late(self, began: float) -> bool:
        """Tell whether the loop was late since a call began."""
        return self._late_at >= began

    def _arm(self, loop: AbstractEventLoop) -> None:
        self._due = monotonic() + self._each
        loop.call_later(self._each, self._tick, loop)

    def _tick(self, loop: AbstractEventLoop) -> None:
        if loop is not self._loop:
            return
        now = monotonic()
        if now - self._due > self._each:
            self._late_at = now
        self._left -= 1
        if self._left:
            self._arm(loop)
