"""The async verbs on trio: what is trio's own about them."""

from __future__ import annotations

import gc
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import trio

from loops import PATIENCE, Gate, named, wait_for
from safecodec import Codec, PoolClosedError
from safecodec.offload import Pool


@dataclass
class Rows:
    """Something whose reading takes a moment."""

    rows: list[int]


@pytest.fixture
def pool() -> Iterator[Pool]:
    with Pool(1, queue=3, name="trio") as made:
        yield made


async def lined_up(pool: Pool, calls: int) -> None:
    with trio.fail_after(PATIENCE):
        while pool.running + pool.waiting < calls:
            await trio.sleep(0.001)


def test_cancelled_scopes_take_their_calls_along(pool: Pool) -> None:
    """A call that waits is never made once its scope is cancelled, and one that is made is left to end by itself."""
    gate = Gate()
    ended: list[int] = []

    async def call(number: int, scope: trio.CancelScope) -> None:
        with scope:
            await pool.run(gate.pass_through, number)
            ended.append(number)

    async def main() -> None:
        scopes = [trio.CancelScope() for _ in range(4)]
        async with trio.open_nursery() as nursery:
            for number, scope in enumerate(scopes):
                nursery.start_soon(call, number, scope)
                await lined_up(pool, number + 1)
            for number in (0, 2):
                scopes[number].cancel()
            with trio.fail_after(PATIENCE):
                while pool.waiting > 2:
                    await trio.sleep(0.001)
            gate.open()

    trio.run(main)
    assert gate.entered == [0, 1, 3]
    assert sorted(ended) == [1, 3]


def test_closed_pool_tells_trio(pool: Pool) -> None:
    """A pool that is closed while a trio task waits for it tells the task."""
    gate = Gate()

    async def waits() -> None:
        with pytest.raises(PoolClosedError):
            await pool.run(gate.pass_through, 1)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pool.run, gate.pass_through, 0)
            await lined_up(pool, 1)
            nursery.start_soon(waits)
            await lined_up(pool, 2)
            pool.close(wait=False)
            gate.open()

    trio.run(main)


def test_result_that_comes_too_late_is_dropped(pool: Pool) -> None:
    """A call that is done after trio has ended is dropped in silence, and its thread is free again."""
    gate = Gate()

    async def main() -> None:
        with trio.move_on_after(0.01):
            await pool.run(gate.pass_through, 0)

    trio.run(main)
    gate.open()
    wait_for(lambda: pool.running == 0)
    assert trio.run(pool.run, int) == 0


def test_storm_on_trio_leaves_nothing() -> None:
    """Of a thousand calls in scopes that end at random none is left: no thread, no reference to a frame."""
    with Pool(2, name="trio storm") as pool:
        made: Codec[Any] = Codec(Rows, subject="rows", version=1, environment="test", loop_budget=0, pool=pool)
        frame = made.encode(Rows(list(range(500))))
        frames = [bytes(bytearray(frame)) for _ in range(1000)]
        held = [sys.getrefcount(one) for one in frames]
        done = 0

        async def call(frame: bytes, seconds: float) -> None:
            nonlocal done
            with trio.move_on_after(seconds):
                assert len((await made.adecode(frame)).rows) == 500
                done += 1

        async def main() -> None:
            dice = random.Random(5)
            async with trio.open_nursery() as nursery:
                for at, one in enumerate(frames):
                    nursery.start_soon(call, one, dice.random() * 0.2 if at % 10 else PATIENCE)

        trio.run(main)
        wait_for(lambda: pool.running == 0)
    assert done > 0
    assert not named("trio storm")
    gc.collect()
    assert [sys.getrefcount(one) for one in frames] == held
