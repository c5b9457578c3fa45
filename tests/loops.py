"""The event loops that are here, and what tests of them share."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from importlib.util import find_spec
from typing import Any

import pytest

Main = Callable[[], Coroutine[Any, Any, Any]]
Run = Callable[[Main], Any]
PATIENCE = 20.0
"""Seconds after which what should have happened has not."""


def on_asyncio(main: Main) -> Any:
    """Run a coroutine function on asyncio's own loop."""
    return asyncio.run(main())


def on_uvloop(main: Main) -> Any:
    """Run it on uvloop's."""
    uvloop: Any = pytest.importorskip("uvloop")
    return uvloop.run(main())


def on_trio(main: Main) -> Any:
    """Run it on trio's."""
    trio: Any = pytest.importorskip("trio")
    return trio.run(main)


ASYNCIO: dict[str, Run] = {"asyncio": on_asyncio} | ({"uvloop": on_uvloop} if find_spec("uvloop") else {})
ALL: dict[str, Run] = ASYNCIO | ({"trio": on_trio} if find_spec("trio") else {})
each_asyncio = pytest.mark.parametrize("run", ASYNCIO.values(), ids=ASYNCIO.keys())
each_loop = pytest.mark.parametrize("run", ALL.values(), ids=ALL.keys())


def named(prefix: str) -> list[threading.Thread]:
    """The threads whose names begin so, as a pool's do."""
    return [thread for thread in threading.enumerate() if thread.name.startswith(prefix)]


def wait_for(condition: Callable[[], object]) -> None:
    """Return once a condition holds, which another thread brings about."""
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "it takes too long"
        time.sleep(0.001)


async def until(condition: Callable[[], object]) -> None:
    """Return once a condition holds, with the loop running meanwhile."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it takes too long"
        await asyncio.sleep(0.001)


class Gate:
    """A call that lasts until it is let go."""

    def __init__(self) -> None:
        self.entered: list[Any] = []
        self._open = threading.Event()

    def open(self) -> None:
        """Let all go, those to come as well."""
        self._open.set()

    def pass_through(self, value: Any = None) -> Any:
        """Note the value, wait, and return it."""
        self.entered.append(value)
        assert self._open.wait(PATIENCE)
        return value
