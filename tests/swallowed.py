"""Exceptions that Python prints and drops: of destructors, of callbacks, of threads."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def swallowed() -> Iterator[list[str]]:
    """Collect every exception that is swallowed meanwhile, one line each; the hooks in place are still called."""
    seen: list[str] = []
    unraisable, thread = sys.unraisablehook, threading.excepthook

    # The exceptions themselves are not kept: that would resurrect what is being destroyed.
    def note_unraisable(event: sys.UnraisableHookArgs) -> None:
        seen.append(f"Exception ignored in {event.object!r}: {event.exc_value!r}")
        unraisable(event)

    def note_thread(event: threading.ExceptHookArgs) -> None:
        seen.append(f"Exception in thread {event.thread!r}: {event.exc_value!r}")
        thread(event)

    sys.unraisablehook, threading.excepthook = note_unraisable, note_thread
    try:
        yield seen
    finally:
        sys.unraisablehook, threading.excepthook = unraisable, thread
