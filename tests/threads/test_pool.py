"""The pool behind the async verbs: order, bounds, cancellation, closing, and several loops at once."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from loops import Gate, Run, each_asyncio, named, until, wait_for
from safecodec import OffloadError, PoolClosedError, PoolFullError, offload
from safecodec.offload import Pool


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.open()


@pytest.fixture
def pool() -> Iterator[Pool]:
    """A pool of one thread, which is joined in the end."""
    with Pool(1, queue=2, name="one") as made:
        yield made


async def lined_up(pool: Pool, gate: Gate, count: int) -> list[asyncio.Task[Any]]:
    """Calls numbered from 0: the first is being made, the others wait in this order."""
    tasks: list[asyncio.Task[Any]] = []
    for number in range(count):
        tasks.append(asyncio.create_task(pool.run(gate.pass_through, number)))
        await until(lambda: pool.running + pool.waiting == len(tasks))
    await until(lambda: gate.entered)
    return tasks


@each_asyncio
def test_calls_are_made_in_order(run: Run, pool: Pool, gate: Gate) -> None:
    """Calls that wait are made in the order in which they came, those behind a full queue as well."""

    async def main() -> None:
        tasks = await lined_up(pool, gate, 8)
        assert (pool.running, pool.waiting) == (1, 7)
        gate.open()
        assert await asyncio.gather(*tasks) == list(range(8))
        assert gate.entered == list(range(8))
        await until(lambda: pool.running == 0)

    run(main)


@each_asyncio
def test_no_more_calls_than_threads(run: Run) -> None:
    """However many calls there are, as many are made at once as there are threads, and there are no more threads."""
    three = Pool(3, name="three")
    now, most = 0, 0
    lock = threading.Lock()

    def call() -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.001)
        with lock:
            now -= 1

    async def main() -> None:
        await asyncio.gather(*(three.run(call) for _ in range(100)))
        assert len(named("three")) <= 3

    with three:
        run(main)
    assert 1 <= most <= 3
    assert not named("three")


@each_asyncio
def test_full_queue_refuses_where_it_shall(run: Run, gate: Gate) -> None:
    """With full="raise" a call that finds the queue full is refused; once there is room, calls are taken again."""
    small = Pool(1, queue=2, name="small", full="raise")

    async def main() -> None:
        tasks = await lined_up(small, gate, 3)
        with pytest.raises(PoolFullError) as caught:
            await small.run(gate.pass_through, 3)
        assert (caught.value.name, caught.value.queue) == ("small", 2)
        tasks[1].cancel()
        await until(lambda: small.waiting == 1)
        tasks.append(asyncio.create_task(small.run(gate.pass_through, 4)))
        await until(lambda: small.waiting == 2)
        gate.open()
        assert await asyncio.gather(tasks[0], *tasks[2:]) == [0, 2, 4]
        assert gate.entered == [0, 2, 4]

    with small:
        run(main)


@each_asyncio
def test_cancelled_while_it_waits(run: Run, pool: Pool, gate: Gate) -> None:
    """A call that is cancelled while it waits is gone at once and never made; the others keep their order."""

    async def main() -> None:
        tasks = await lined_up(pool, gate, 5)
        for number in (2, 4):
            tasks[number].cancel()
            with pytest.raises(asyncio.CancelledError):
                await tasks[number]
        assert pool.waiting == 2
        gate.open()
        assert [await tasks[number] for number in (0, 1, 3)] == [0, 1, 3]
        assert gate.entered == [0, 1, 3]

    run(main)


@each_asyncio
def test_cancelled_while_it_is_made(run: Run, pool: Pool, gate: Gate) -> None:
    """A call that is cancelled while it is made ends for its caller at once, and keeps its thread until it is done."""

    async def main() -> None:
        tasks = await lined_up(pool, gate, 2)
        tasks[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]
        assert (pool.running, pool.waiting, gate.entered) == (1, 1, [0])
        gate.open()
        assert await tasks[1] == 1
        assert gate.entered == [0, 1]

    run(main)


@each_asyncio
def test_timeouts_are_cancellations(run: Run, pool: Pool, gate: Gate) -> None:
    """A timeout ends the wait for a thread as it ends any other."""

    async def main() -> None:
        tasks = await lined_up(pool, gate, 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await pool.run(gate.pass_through, 1)
        assert pool.waiting == 0
        gate.open()
        await asyncio.gather(*tasks)
        assert gate.entered == [0]

    run(main)


@each_asyncio
def test_closed_while_calls_wait(run: Run, pool: Pool, gate: Gate) -> None:
    """When a pool is closed, calls that wait fail, the one that is made is finished, and later ones are refused."""

    async def main() -> None:
        tasks = await lined_up(pool, gate, 4)
        pool.close(wait=False)
        gate.open()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert results[0] == 0
        assert [type(result) for result in results[1:]] == [PoolClosedError] * 3
        assert gate.entered == [0]
        with pytest.raises(PoolClosedError, match="the pool 'one' is closed"):
            await pool.run(gate.pass_through, 9)
        pool.close()
        assert not named("one")

    run(main)


@each_asyncio
def test_closed_between_admission_and_thread(run: Run, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool that is closed while a call is about to get a thread refuses it."""
    enter = Pool._start

    def late(self: Pool, job: Any) -> None:
        self.close()
        enter(self, job)

    monkeypatch.setattr(Pool, "_start", late)

    async def main() -> None:
        with pytest.raises(
            OffloadError, match="has no thread for the call: cannot schedule new futures after shutdown"
        ):
            await pool.run(int)
        assert pool.running == 0

    run(main)


@each_asyncio
def test_no_thread_is_to_be_had(run: Run, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has no thread left, the call is refused and the pool goes on when there is one."""
    late = Pool(2, name="late")
    start = threading.Thread.start

    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def main() -> None:
        monkeypatch.setattr(threading.Thread, "start", fail)
        for _ in range(3):
            with pytest.raises(OffloadError, match="has no thread for the call: can't start new thread"):
                await late.run(gate.pass_through, "lost")
        assert (late.running, late.waiting) == (0, 0)
        monkeypatch.setattr(threading.Thread, "start", start)
        gate.open()
        assert await asyncio.gather(*(late.run(gate.pass_through, n) for n in range(5))) == list(range(5))
        assert "lost" not in gate.entered

    with late:
        run(main)


@each_asyncio
def test_interrupted_in_the_line(run: Run, pool: Pool, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call whose caller is interrupted once it stands in the line is taken out of it, and never made."""
    enter = pool._enter

    def interrupt(job: Any) -> None:
        enter(job)
        raise KeyboardInterrupt

    async def main() -> None:
        tasks = await lined_up(pool, gate, 1)
        with monkeypatch.context() as patched:
            patched.setattr(pool, "_enter", interrupt)
            with pytest.raises(KeyboardInterrupt):
                await pool.run(gate.pass_through, 1)
        assert (pool.running, pool.waiting) == (1, 0)
        gate.open()
        assert [*await asyncio.gather(*tasks), await pool.run(gate.pass_through, 2)] == [0, 2]
        assert gate.entered == [0, 2]

    run(main)


@each_asyncio
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError, TimeoutError])
def test_interrupted_at_the_thread(
    run: Run, pool: Pool, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    """A call whose caller is interrupted while it gets a thread keeps no place: the next one is made."""

    def interrupt(*_: object) -> None:
        raise error

    async def main() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(pool._threads, "submit", interrupt)
            with pytest.raises(error):
                await pool.run(int)
        assert (pool.running, pool.waiting) == (0, 0)
        assert await pool.run(int) == 0

    run(main)


@each_asyncio
def test_lost_thread_is_one_calls_matter(run: Run, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that gets no thread costs no other its place: those that wait come forward when another call is done."""
    pair = Pool(2, name="pair")

    async def main() -> None:
        first = asyncio.create_task(pair.run(gate.pass_through, 0))
        await until(lambda: gate.entered)
        second = asyncio.create_task(pair.run(gate.pass_through, 1))
        third = asyncio.create_task(pair.run(gate.pass_through, 2))
        submit = pair._threads.submit

        def fail_once(*_: object) -> None:
            monkeypatch.setattr(pair._threads, "submit", submit)
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(pair._threads, "submit", fail_once)
        with pytest.raises(OffloadError):
            await second
        gate.open()
        assert [await first, await third] == [0, 2]

    with pair:
        run(main)


@each_asyncio
def test_whoever_waits_for_a_lost_thread_is_told(run: Run, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that wait behind one that gets no thread are refused with it where no other could bring them forward."""

    async def main() -> None:
        waiting: list[asyncio.Task[Any]] = []

        def shut(*_: object) -> None:
            waiting.append(asyncio.ensure_future(pool.run(int)))
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(pool._threads, "submit", shut)
        first = asyncio.create_task(pool.run(int))
        await until(lambda: waiting)
        for task in (first, waiting[0]):
            with pytest.raises(OffloadError):
                await task

    run(main)


def test_several_loops_share_a_pool() -> None:
    """Loops in several threads have their calls made by the same threads, and each gets its own results."""
    shared = Pool(2, name="shared")

    async def main(loop: int) -> list[Any]:
        return list(await asyncio.gather(*(shared.run(divmod, n, loop + 2) for n in range(200))))

    with shared, ThreadPoolExecutor(4) as loops:
        results = list(loops.map(lambda loop: asyncio.run(main(loop)), range(4)))
        assert len(named("shared")) <= 2
    assert results == [[divmod(n, loop + 2) for n in range(200)] for loop in range(4)]


def test_line_is_one_for_all_loops(pool: Pool, gate: Gate) -> None:
    """Calls of several loops stand in one line, and one that a loop gives up leaves the others where they are."""

    def call(number: int, patience: float | None = None) -> Any:
        async def main() -> Any:
            return await asyncio.wait_for(pool.run(gate.pass_through, number), patience)

        return asyncio.run(main())

    with ThreadPoolExecutor(4) as loops:
        futures = []
        for number in range(3):
            futures.append(loops.submit(call, number))
            wait_for(lambda number=number: len(gate.entered) + pool.waiting == number + 1)  # type: ignore[misc]
        with pytest.raises(TimeoutError):
            loops.submit(call, 3, 0.05).result()
        assert pool.waiting == 2
        gate.open()
        assert [future.result() for future in futures] == [0, 1, 2]
    assert gate.entered == [0, 1, 2]


@each_asyncio
def test_loop_that_is_closed_is_not_told(run: Run, pool: Pool, gate: Gate) -> None:
    """A loop that ends while its calls are made or wait is forgotten: none is made for it, and nothing is said."""
    loop = asyncio.new_event_loop()
    tasks = [loop.create_task(pool.run(gate.pass_through, n)) for n in range(3)]
    loop.run_until_complete(until(lambda: pool.waiting == 2))
    for task in tasks:
        task._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio's complaint about whoever did this
    gone = weakref.ref(tasks[2])
    loop.close()
    del tasks, task, loop
    gate.open()
    wait_for(lambda: pool.running == 0)
    assert gate.entered == [0]
    gc.collect()
    assert gone() is None

    async def main() -> None:
        assert await pool.run(gate.pass_through, "next") == "next"

    run(main)


def test_fork_leaves_the_threads_behind(pool: Pool, gate: Gate) -> None:
    """What a forked process does first: each pool begins with threads of its own, whatever the parent's were doing."""

    async def main() -> None:
        tasks = await lined_up(pool, gate, 3)
        offload._pools_lock.acquire()
        offload._begin_anew()
        assert (pool.running, pool.waiting) == (0, 0)
        assert await pool.run(int) == 0
        for task in tasks[1:]:
            task.cancel()
        gate.open()
        assert await tasks[0] == 0

    asyncio.run(main())


def test_loops_need_no_trio(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nobody has loaded trio, it is not loaded to look for its loop."""
    monkeypatch.delitem(sys.modules, "trio", raising=False)
    assert asyncio.run(pool.run(int)) == 0
    assert "trio" not in sys.modules


@pytest.mark.parametrize("error", [StopIteration("x"), SystemExit(3), KeyboardInterrupt(), ValueError("x")])
def test_whatever_a_call_raises_is_raised(pool: Pool, error: BaseException) -> None:
    """No exception is lost in a thread, and none kills it: the caller gets it, or what Python makes of it."""

    def fail() -> None:
        raise error

    async def main() -> None:
        expected = RuntimeError if isinstance(error, StopIteration) else type(error)
        try:
            await pool.run(fail)
        except expected:
            pass
        else:
            raise AssertionError("nothing was raised")
        assert await pool.run(int) == 0

    asyncio.run(main())


def test_pool_that_is_dropped_ends_its_threads() -> None:
    """A pool that nobody holds any more takes its threads along, closed or not."""
    pool = Pool(2, name="dropped")

    async def main(pool: Pool) -> None:
        await asyncio.gather(*(pool.run(time.sleep, 0.001) for _ in range(4)))

    asyncio.run(main(pool))
    assert named("dropped")
    del pool
    wait_for(lambda: not named("dropped"))
