"""The net under every test: what it must catch."""

from __future__ import annotations

import sys
import threading

from swallowed import swallowed


class FailsWhenDropped:
    def __del__(self) -> None:
        raise RuntimeError("lost in a destructor")


def test_exception_of_a_destructor_is_seen() -> None:
    """An exception that a destructor raises is collected, and the former hook is back afterwards."""
    outer: list[str] = []
    before = sys.unraisablehook
    sys.unraisablehook = lambda event: outer.append(repr(event.exc_value))
    try:
        with swallowed() as seen:
            FailsWhenDropped()
    finally:
        sys.unraisablehook = before
    assert len(seen) == 1
    assert "lost in a destructor" in seen[0]
    assert outer == ["RuntimeError('lost in a destructor')"]


def test_exception_of_a_thread_is_seen() -> None:
    """An exception that ends a thread is collected."""

    def fail() -> None:
        raise RuntimeError("lost in a thread")

    before = threading.excepthook
    threading.excepthook = lambda _event: None
    try:
        with swallowed() as seen:
            thread = threading.Thread(target=fail)
            thread.start()
            thread.join()
    finally:
        threading.excepthook = before
    assert len(seen) == 1
    assert "lost in a thread" in seen[0]
