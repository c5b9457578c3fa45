"""Nothing of the async verbs blocks the thread of a loop, as blockbuster sees it."""

from __future__ import annotations

import asyncio
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import pytest

from loops import Run, each_asyncio
from safecodec import Codec, LoopBlockedError
from safecodec.offload import Pool

if sysconfig.get_config_var("Py_GIL_DISABLED") and find_spec("blockbuster") is None:
    pytest.skip("a CPython without a GIL is tested without blockbuster", allow_module_level=True)

from blockbuster import BlockingError, blockbuster_ctx


@dataclass
class Rows:
    """Something large."""

    rows: list[dict[str, int]]


LARGE = Rows([{"a": n, "b": n} for n in range(5_000)])


@pytest.fixture
def pool() -> Iterator[Pool]:
    with Pool(2, queue=3, name="watched") as made:
        yield made


@each_asyncio
@pytest.mark.parametrize("guard", ["off", "raise"])
def test_verbs_do_not_block(run: Run, pool: Pool, guard: Any) -> None:
    """Large frames that are read and written, waited for and given up, make no call that blocks the loop's thread."""
    made = Codec(Rows, subject="rows", version=1, environment="test", pool=pool, loop_guard=guard)
    frame = made.encode(LARGE)

    async def main() -> None:
        with blockbuster_ctx() as watched:
            # The suite's own measure of coverage has a lock, which the pool's threads hold as well.
            watched.functions["threading.Lock.acquire"].can_block_in("coverage/collector.py", "lock_data")
            with pytest.raises(BlockingError):
                time.sleep(0.001)
            assert await made.adecode(frame) == LARGE
            assert await made.aencode(LARGE) == frame
            tasks = [asyncio.ensure_future(made.adecode(frame)) for _ in range(30)]
            await asyncio.sleep(0.005)
            for task in tasks[::3]:
                task.cancel()
            async with asyncio.timeout(60):  # one that blocks in a callback of the loop's never wakes its task
                values = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(value == LARGE or isinstance(value, asyncio.CancelledError) for value in values)
            assert await made.adecode_many([frame] * 3) == [LARGE] * 3
            if guard == "raise":
                with pytest.raises(LoopBlockedError):
                    made.decode(frame)
            pool.close(wait=False)

    run(main)
