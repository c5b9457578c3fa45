"""Calls of a codec from coroutines: in their own thread while they are short, else in a pool of threads.

This is the only module that loads asyncio, and it is loaded by the first async call or by who makes a `Pool`. asyncio,
uvloop and trio are served; event loops in several threads may share a codec and a pool.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import weakref
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Self, TypeVar

from ._batch import Batch, read_batch
from ._cost import size_hint
from .errors import ConfigError, OffloadError, PoolClosedError, PoolFullError, short

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from typing_extensions import Buffer

    from .codec import Codec
    from .frame import Stamp
    from .reader import Reader

__all__ = ["Pool", "default_pool"]

T = TypeVar("T")
FULL: Final = ("wait", "raise")
THREADS: Final = 2
"""Of a pool that is not told its size. They share the GIL with the loop, which waits for each of them in turn; one
would do as much, were it not for small calls that wait behind a large one."""
FREE_THREADS: Final = 8
"""The most of such a pool where there is no GIL and each of them has a processor."""
QUEUE: Final = 64


class _Turn(NamedTuple):
    """What a coroutine waits for in its own loop while another thread works for it.

    Args:
        wait: Returns what the coroutine awaits.
        wake: Ends that, from another thread; raises RuntimeError where the loop is closed.
        gone: Whether the loop is closed.
    """

    wait: Callable[[], Awaitable[object]]
    wake: Callable[[], object]
    gone: Callable[[], bool]


class _Job:
    """A call on its way through a pool, and its outcome on the way back."""

    __slots__ = ("_call", "_error", "_turn", "_value", "dropped")

    def __init__(self, call: Callable[[], Any], turn: _Turn) -> None:
        self._call: Callable[[], Any] | None = call
        self._turn = turn
        self._value: Any = None
        self._error: BaseException | None = None
        self.dropped = False

    def run(self) -> None:
        """Make the call, and tell who waits for it."""
        call, self._call = self._call, None
        if call is None or self._turn.gone():
            return
        try:
            self._value = call()
        except BaseException as error:
            self._error = error
        del call  # and with it the frame, before anybody is told
        self._finish()

    def refuse(self, error: BaseException) -> None:
        """Have the call fail without being made."""
        self._call, self._error = None, error
        self._finish()

    def _finish(self) -> None:
        # A large value is taken apart here rather than on the loop's thread.
        if self.dropped:
            self._value = self._error = None
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._turn.wake()

    def outcome(self) -> Any:
        """Return what the call returned, or raise what it raised."""
        value, error = self._value, self._error
        self._value = self._error = None
        if error is None:
            return value
        try:
            raise error
        finally:
            del error  # its traceback holds this frame


class Pool:
    """Threads that read and write for event loops, and the queue in front of them.

    Threads are started when they are needed, and end with the pool. What happens when:

    - *All threads are busy*: the call waits in the queue. *The queue is full*: it waits behind it, in the order of
      arrival, or is refused; see ``full``.
    - *The caller is cancelled*: a call that waits is taken out and never made. One that is being made goes on, as
      nothing can stop it; its result is dropped, and its thread is free when it is done.
    - *The loop is closed*: the same, but that a call that waits is taken out when its turn comes. Nothing is said.
    - *The process forks*: the child begins with no threads and an empty queue.
    - *The interpreter exits*: calls that are being made are waited for; those that wait are not made.

    Args:
        size: How many threads there are at most; where None two, or without a GIL one for each processor up to eight.
        queue: How many calls may wait for a thread.
        name: What the threads are called, and the pool in errors.
        full: What becomes of a call when the queue is full: ``wait``, or ``raise`` `PoolFullError`.

    Raises:
        ConfigError: No whole number, a size of 0, a name that is no text, or another way to be full.
    """

    def __init__(
        self,
        size: int | None = None,
        *,
        queue: int = QUEUE,
        name: str = "safecodec",
        full: Literal["wait", "raise"] = "wait",
    ) -> None:
        if size is None:
            gil = getattr(sys, "_is_gil_enabled", None)  # from 3.13 on
            size = THREADS if gil is None or gil() else min(FREE_THREADS, os.cpu_count() or 1)
        for what, number, least in (("size", size, 1), ("queue", queue, 0)):
            if isinstance(number, bool) or not isinstance(number, int) or number < least:
                raise ConfigError(f"{what} of a pool is a whole number from {least} on, not {short(number)}")
        if not isinstance(name, str):
            raise ConfigError(f"name of a pool is a text, not {name!r}")
        if full not in FULL:
            raise ConfigError(f"full is one of {', '.join(FULL)}, not {short(full)}")
        self.size: int = size
        self.queue: int = queue
        self.name: str = name
        self._refuses = full == FULL[1]
        self._closed = False
        self._begin()
        with _pools_lock:
            _pools.add(self)

    def _begin(self) -> None:
        # The collector may close a coroutine, and so take a call out, while this thread puts one in.
        self._lock = threading.RLock()
        self._running: set[_Job] = set()
        # Who waits behind the queue waits in the same line: it needs nothing that the others have.
        self._line: OrderedDict[_Job, None] = OrderedDict()
        self._threads = ThreadPoolExecutor(self.size, thread_name_prefix=self.name)

    def __repr__(self) -> str:
        closed = ", closed" if self._closed else ""
        return (
            f"<Pool {self.name!r} of {self.size}, queue of {self.queue}: {self.running} running, "
            f"{self.waiting} waiting{closed}>"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore_pool, (self.size, self.queue, self.name, FULL[self._refuses])

    @property
    def running(self) -> int:
        """How many calls are being made."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """How many calls wait, in the queue and behind it."""
        return len(self._line)

    @property
    def closed(self) -> bool:
        """Whether the pool makes no more calls."""
        return self._closed

    async def run(self, function: Callable[..., T], /, *arguments: Any) -> T:
        """Call a function in one of the threads, with the caller's context variables.

        Args:
            function: What is called.
            arguments: What it is called with.

        Returns:
            What it returns.

        Raises:
            PoolClosedError: The pool is closed, or was closed while the call waited.
            PoolFullError: The queue is full, and the pool refuses.
            OffloadError: There is no thread for the call, as the interpreter exits or the system has none left.
        """
        turn = _turn()
        job = _Job(partial(copy_context().run, function, *arguments), turn)
        try:
            self._enter(job)
            await turn.wait()
        except BaseException:  # refused, cancelled, interrupted, or closed with its loop
            self._leave(job)
            raise
        outcome: T = job.outcome()
        return outcome

    def _enter(self, job: _Job) -> None:
        with self._lock:
            if self._closed:
                raise PoolClosedError(name=self.name)
            if len(self._running) == self.size:
                if self._refuses and len(self._line) >= self.queue:
                    raise PoolFullError(name=self.name, queue=self.queue)
                self._line[job] = None
                return
            self._running.add(job)
        self._start(job)

    def _leave(self, job: _Job) -> None:
        job.dropped = True
        with self._lock:
            self._line.pop(job, None)

    def _start(self, job: _Job) -> None:
        try:
            self._threads.submit(self._work, job)
        except BaseException as error:  # closed meanwhile, the interpreter exits, no thread is left, or interrupted
            refused = [job]
            with self._lock:
                self._running.discard(job)
                if not self._running:  # whose end would bring the next one forward
                    refused += self._line
                    self._line.clear()
            for one in refused:
                one.refuse(OffloadError(f"the pool {self.name!r} has no thread for the call: {error}"))
            if not isinstance(error, RuntimeError):
                raise

    def _work(self, job: _Job) -> None:
        try:
            job.run()
        finally:
            with self._lock:
                self._running.discard(job)
                following = self._line.popitem(last=False)[0] if self._line else None
                if following is not None:
                    self._running.add(following)
            del job
            if following is not None:
                self._start(following)

    def _close(self) -> None:
        with self._lock:
            self._closed = True
            line = list(self._line)
            self._line.clear()
        for job in line:
            job.refuse(PoolClosedError(name=self.name))

    def close(self, *, wait: bool = True) -> None:
        """Make no more calls: those that wait fail with `PoolClosedError`, those that are being made are finished.

        Args:
            wait: Whether to return only when the threads have ended. On the thread of an event loop, which would stand
                meanwhile, say False, or ``await asyncio.to_thread(pool.close)``.
        """
        self._close()
        self._threads.shutdown(wait)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        self.close()


def _restore_pool(size: int, queue: int, name: str, full: Literal["wait", "raise"]) -> Pool:
    return Pool(size, queue=queue, name=name, full=full)


def _turn() -> _Turn:
    if "trio" in sys.modules:
        import trio

        if trio.lowlevel.in_trio_task():
            event = trio.Event()
            wake = partial(trio.lowlevel.current_trio_token().run_sync_soon, event.set)
            return _Turn(event.wait, wake, bool)  # trio ends no loop before its tasks
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    return _Turn(lambda: future, partial(loop.call_soon_threadsafe, _settle, future), loop.is_closed)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():  # it was cancelled
        future.set_result(None)


# ---- the pool of the process -----------------------------------------------------------------------------------------

_pools: Final[weakref.WeakSet[Pool]] = weakref.WeakSet()
_pools_lock: Final = threading.RLock()
_default: list[Pool] = []


def default_pool() -> Pool:
    """Return the pool of all codecs that have none of their own, which is made when it is first asked for.

    Where it was closed, another one is made.
    """
    with _pools_lock:
        if not _default or _default[0].closed:
            _default[:] = [Pool()]
        return _default[0]


def _begin_anew() -> None:
    """In a forked process: the threads have stayed behind, and with them what they held."""
    for pool in list(_pools):
        pool._begin()
    _pools_lock.release()


with suppress(AttributeError):  # Windows has no forks
    os.register_at_fork(before=_pools_lock.acquire, after_in_parent=_pools_lock.release, after_in_child=_begin_anew)


# ---- the verbs, which are methods of Codec and Reader ----------------------------------------------------------------


async def adecode(reader: Reader[T], frame: Buffer, context: Buffer | None) -> T:
    """See `Reader.adecode`."""
    if reader._fits(frame):
        return reader._decode_inline(frame, context)
    return await _pool_of(reader).run(reader._decode_off_loop, frame, context)


async def adecode_many(reader: Reader[T], batch: Batch) -> list[Any]:
    """See `Reader.adecode_many`."""
    if reader._all_fit(batch.frames):
        return read_batch(reader._decode_inline, batch)
    return await _pool_of(reader).run(read_batch, reader._decode_off_loop, batch)


async def aencode(codec: Codec[T], value: T, context: Buffer | None, stamp: Stamp | None) -> bytes:
    """See `Codec.aencode`."""
    size = size_hint(value)
    if codec._fits(size):
        return codec._encode_inline(value, context, stamp, size)
    return await _pool_of(codec).run(codec._encode_off_loop, value, context, stamp, size)


def _pool_of(owner: Codec[Any] | Reader[Any]) -> Pool:
    return default_pool() if owner._pool is None else owner._pool
