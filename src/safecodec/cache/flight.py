"""One load of one key, as those who wait for it see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..frame import Stamp
    from ._known import Entry
    from .breaker import Call
    from .state import Found


class Flight:
    """One load of one key, which all who ask for it wait for.

    Args:
        entry: The key.
        found: What was found under it.
        load: The loader.
        began: Monotonic time.
        deadline: Monotonic time after which nobody waits for it any more.
        has_good: Whether there is a stale value to serve, so that nothing is worth waiting for.
    """

    __slots__ = (
        "began", "call", "cancel", "deadline", "entry", "error", "found", "frame", "has_good", "is_lost", "is_repair",
        "is_settled", "load", "stamp", "waiters", "wakers",
    )  # fmt: skip

    def __init__(
        self, entry: Entry, found: Found, load: Callable[..., Any], began: float, deadline: float, has_good: bool
    ) -> None:
        self.entry: Entry = entry
        self.found: Found = found
        self.load: Callable[..., Any] = load
        self.began: float = began
        self.deadline: float = deadline
        self.has_good: bool = has_good
        self.is_repair: bool = found.is_bad
        """Whether there was something that cannot be read: it may come again, and is not replaced again at once."""
        self.call: Call | None = None
        """The load as the breaker counts it, once it has begun."""
        self.waiters: int = 0
        self.wakers: list[Callable[[], None]] = []
        """Called once, when the flight is settled: set by the shell that waits."""
        self.cancel: Callable[[], object] = do_nothing
        """Stops the job: set by the shell that runs it."""
        self.frame: bytes | None = None
        self.stamp: Stamp | None = None
        self.error: BaseException | None = None
        self.is_settled: bool = False
        self.is_lost: bool = False
        """Whether the key was changed since: only who asked before gets this value, and nobody keeps it."""

    def succeed(self, frame: bytes, stamp: Stamp | None) -> None:
        """Answer everybody who waits, unless it is too late for that."""
        if not self.is_settled:
            self.frame = frame
            self.stamp = stamp
            self._settle()

    def fail(self, error: BaseException) -> None:
        """Give everybody who waits an error, unless they have a value or another error already."""
        if not self.is_settled:
            self.error = error
            self._settle()

    def _settle(self) -> None:
        self.is_settled = True
        for wake in self.wakers:
            wake()


def do_nothing() -> None:
    """Stand in for what is not set."""
