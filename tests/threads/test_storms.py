"""Thousands of calls that are cancelled, and pools and loops that end, when nobody expects it: nothing is left."""

from __future__ import annotations

import asyncio
import gc
import random
import sys
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from loops import Run, each_asyncio, named, until, wait_for
from safecodec import Codec, OffloadError, PoolClosedError
from safecodec.offload import Pool

CALLS = 3000
POOLS = 200
LOOPS = 100


@dataclass
class Rows:
    """Something whose reading takes a moment."""

    rows: list[int]


VALUE = Rows(list(range(500)))
NEVER_MADE = (asyncio.CancelledError, PoolClosedError, OffloadError)


def codec(pool: Pool) -> Codec[Rows]:
    """All of whose calls go to the pool."""
    return Codec(Rows, subject="rows", version=1, environment="test", loop_budget=0, pool=pool)


def frames(count: int) -> list[bytes]:
    """Frames of their own, whose references can be counted."""
    with Pool(1) as pool:
        frame = codec(pool).encode(VALUE)
    return [bytes(bytearray(frame)) for _ in range(count)]


def counts(objects: list[Any]) -> list[int]:
    return [sys.getrefcount(one) for one in objects]


async def end_at_random(calls: list[Coroutine[Any, Any, Any]], dice: random.Random) -> list[Any]:
    """Start calls, cancel two in three of them at some moment, and return what came of each."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    loop = asyncio.get_running_loop()
    for task in tasks:
        if dice.random() < 2 / 3:
            loop.call_later(dice.random() * 0.3, task.cancel)
    return list(await asyncio.gather(*tasks, return_exceptions=True))


@each_asyncio
def test_cancellations_leave_nothing(run: Run) -> None:
    """Of thousands of calls that are cancelled at random none is left: no task, no thread, no reference to a frame."""
    dice = random.Random(7)
    given = frames(CALLS)
    held = counts(given)
    pool = Pool(2, queue=100, name="storm")
    made = codec(pool)
    outcomes: list[Any] = []

    async def main() -> None:
        outcomes.extend(await end_at_random([made.adecode(frame) for frame in given], dice))
        await until(lambda: not pool.running)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    gc.disable()
    try:
        with pool:
            run(main)
            assert (pool.running, pool.waiting) == (0, 0)
        assert not named("storm")
        assert counts(given) == held
    finally:
        gc.enable()
    cancelled = sum(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
    assert 0 < cancelled < CALLS
    assert all(outcome == VALUE for outcome in outcomes if not isinstance(outcome, asyncio.CancelledError))


def test_pools_that_are_closed_leave_nothing() -> None:
    """Pools that are closed at random, from their loop or beside it, tell every call what became of it."""
    dice = random.Random(11)
    given = frames(20)
    held = counts(given)

    async def main(pool: Pool) -> list[Any]:
        made = codec(pool)
        calls = [made.adecode(frame) for frame in given]
        if dice.random() < 0.5:
            asyncio.get_running_loop().call_later(dice.random() * 0.003, lambda: pool.close(wait=False))
        if dice.random() < 0.3:
            return await end_at_random(calls, dice)
        return list(await asyncio.gather(*calls, return_exceptions=True))

    for number in range(POOLS):
        pool = Pool(1 + number % 3, queue=number % 7, name="closing")
        closing = threading.Timer(dice.random() * 0.003, pool.close)
        closing.start()
        for outcome in asyncio.run(main(pool)):
            assert outcome == VALUE or isinstance(outcome, NEVER_MADE)
        closing.join()
        pool.close()
        assert (pool.running, pool.waiting) == (0, 0)
    assert not named("closing")
    del outcome
    gc.collect()
    assert counts(given) == held


def test_loops_that_end_leave_nothing() -> None:
    """Loops of several threads that end with calls under way, again and again, leave one pool as it was."""
    given = frames(30)
    held = counts(given)

    async def main(seed: int, made: Codec[Rows]) -> None:
        tasks = [asyncio.ensure_future(made.adecode(frame)) for frame in given]
        await asyncio.sleep(random.Random(seed).random() * 0.01)
        assert len(tasks) == len(given)  # asyncio.run cancels what is left

    with Pool(2, name="surviving") as pool:
        made = codec(pool)
        with ThreadPoolExecutor(4) as loops:
            list(loops.map(lambda seed: asyncio.run(main(seed, made)), range(LOOPS)))
        wait_for(lambda: not pool.running)
        assert pool.waiting == 0
        assert asyncio.run(made.adecode(given[0])) == VALUE
    assert not named("surviving")
    gc.collect()
    assert counts(given) == held


def test_storms_need_no_more_memory_the_second_time() -> None:
    """Blocks of memory do not grow with calls that are cancelled or refused.

    Without a GIL some of another thread's are not counted at times: what grows does so in all of several tries.
    """
    given = frames(300)

    def storm(pool: Pool) -> int:
        made = codec(pool)
        calls = [made.adecode(frame if at % 5 else frame[:-1]) for at, frame in enumerate(given)]

        async def main() -> None:
            await end_at_random(calls, random.Random(3))
            await until(lambda: not pool.running)

        asyncio.run(main())
        gc.collect()
        return sys.getallocatedblocks()

    def growth(pool: Pool) -> int:
        held = [storm(pool) for _ in range(8)]
        return min(held[5:]) - max(held[:3])

    with Pool(2, name="again") as pool:
        for _ in range(3):
            storm(pool)
        assert any(growth(pool) < 300 for _ in range(5))  # one block of each call would be 900
