"""Whether an event loop was late, which a store asks before it takes a timeout for a failure of Redis."""

from __future__ import annotations

import asyncio
import time

import pytest

from safecodec.cache.stores import lag
from safecodec.cache.stores.lag import LoopLag


def test_a_loop_that_stands_is_late() -> None:
    """A loop that stands for longer than a quarter of a timeout was late for calls before that, and for none after."""

    async def play() -> tuple[bool, bool]:
        looked = LoopLag(0.2)
        began = looked.watch()
        await asyncio.sleep(0)
        time.sleep(0.3)
        await asyncio.sleep(0.001)
        return looked.was_late(began), looked.was_late(looked.watch())

    assert asyncio.run(play()) == (True, False)


def test_another_loop_has_a_timer_of_its_own() -> None:
    """A loop that ends takes its timer with it: the next one is looked at all the same, and an old timer is idle."""
    looked = LoopLag(0.2)

    async def play() -> bool:
        began = looked.watch()
        await asyncio.sleep(0)
        time.sleep(0.3)
        await asyncio.sleep(0.001)
        return looked.was_late(began)

    first = asyncio.new_event_loop()
    assert first.run_until_complete(play())
    assert asyncio.run(play())
    left = looked._left
    looked._tick(first)
    assert looked._left == left
    first.close()


def test_a_loop_is_looked_at_while_calls_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """One timer runs for twice the time of the last call and no longer; a loop that runs it in time is not late."""
    now = 100.0
    monkeypatch.setattr(lag, "monotonic", lambda: now)
    looked = LoopLag(1.0)

    async def play() -> None:
        nonlocal now
        loop = asyncio.get_running_loop()
        armed: list[float] = []
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(loop, "call_later", lambda after, *_: armed.append(after))
            began = looked.watch()
            assert looked.watch() == began
            for ticks in range(1, 9):
                assert armed == [0.25] * ticks
                now += 0.25 if ticks != 5 else 0.49
                looked._tick(loop)
            assert armed == [0.25] * 8
            assert not looked.was_late(began)
            looked.watch()
            now += 0.51
            looked._tick(loop)
            assert looked.was_late(began)

    asyncio.run(play())
