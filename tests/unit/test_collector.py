"""Reading a large frame while no collection begins."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from safecodec import Breathing, Codec, PayloadError, PayloadFormat, pack
from safecodec._loop import NEVER_COLLECTED
from safecodec.errors import ConfigError, DecodeError

SCHEMA = {
    "type": "record",
    "name": "R",
    "fields": [{"name": "rows", "type": {"type": "array", "items": {"type": "array", "items": "long"}}}],
}
LARGE = {"rows": [[at] for at in range(30_000)]}
AT_ONCE = 10 if sys.version_info < (3, 12) else 0
"""Since 3.12 a collection that is due waits for Python code to run: to a breath, or to the end of the read."""
SMALL = {"rows": [[at] for at in range(3000)]}


def codec(*, payload: PayloadFormat = "avro", **options: Any) -> Codec[Any]:
    """A codec of many lists."""
    return Codec(SCHEMA, subject="r", version=1, environment="test", payload=payload, **options)


@pytest.fixture
def collections() -> Iterator[list[int]]:
    """The generations that were collected, while the collector is on."""
    found: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            found.append(info["generation"])

    gc.collect()
    gc.callbacks.append(note)
    yield found
    gc.callbacks.remove(note)
    gc.enable()


@pytest.mark.parametrize("breathing", [None, "call"])
def test_a_large_frame_sets_no_collection_off(collections: list[int], breathing: str | None) -> None:
    """While a codec that holds the collector reads, none begins, while another one does, many; then it is on again."""
    how = None if breathing is None else Breathing(breathing, every=64)
    frame = codec().encode(LARGE)
    collections.clear()
    kept = codec(breathing=how).decode(frame)
    assert len(collections) > (AT_ONCE if breathing is None else 10)
    held = codec(breathing=how, hold_collector=True)
    collections.clear()
    assert held.decode(frame) == kept
    assert len(collections) <= 1
    assert gc.isenabled()


@pytest.mark.usefixtures("collections")
@pytest.mark.parametrize("payload", ["avro", "msgpack", "json"])
def test_the_collector_is_as_it_was(payload: PayloadFormat) -> None:
    """Whether it was on or off, after a value or a verdict, it is so again, whatever the payload."""
    held = codec(payload=payload, hold_collector=True)
    frame = held.encode(LARGE)
    damaged = bytearray(frame)
    damaged[100] ^= 0xFF
    for switch, on in ((gc.enable, True), (gc.disable, False)):
        switch()
        assert held.decode(frame) == LARGE
        assert gc.isenabled() is on
        with pytest.raises(DecodeError, match="checksum"):
            held.decode(damaged)
        assert gc.isenabled() is on


@pytest.mark.usefixtures("collections")
def test_a_verdict_on_a_large_payload() -> None:
    """A payload that is no value ends the reading, and the collector is on."""
    held = codec(hold_collector=True)
    bad = held.schema().encode(LARGE)[:-1] + b"\x02"
    frame = pack(bad, format="avro", subject="r", version=1, fingerprint=held.fingerprint(), environment="test")
    with pytest.raises(PayloadError):
        held.decode(frame)
    assert gc.isenabled()


def test_small_frames_and_readers(collections: list[int]) -> None:
    """Small frames are read as ever; a reader for another view holds the collector as its codec does."""
    held = codec(hold_collector=True)
    small, large = held.encode(SMALL), held.encode(LARGE)
    collections.clear()
    kept = held.decode(small)
    assert collections
    reader = held.reader(SCHEMA)
    collections.clear()
    assert len(reader.decode(large)["rows"]) == 10 * len(kept["rows"])
    assert len(collections) <= 1


# ---- the oldest generation, by default and in the pool ---------------------------------------------------------------

OLDEST = sys.version_info < (3, 14) and getattr(sys, "_is_gil_enabled", lambda: True)()
has_oldest = pytest.mark.skipif(
    not OLDEST, reason="this CPython collects its old objects in steps, or has no generations"
)


def in_pool(payload: PayloadFormat, during: Callable[[], object], **options: Any) -> None:
    """Read a large frame on a pool's thread, in which something is done while it is read."""
    made = Codec(Meeting, subject="m", version=1, environment="test", payload=payload, loop_budget=0.0, **options)
    frame = made.encode(Meeting(1))
    MET[1] = during

    async def read() -> None:
        await made.adecode(frame)

    asyncio.run(read())
    assert not MET


@pytest.fixture
def thresholds() -> Iterator[tuple[int, int, int]]:
    """Thresholds that nobody has by default, and that are set again."""
    before = gc.get_threshold()
    gc.set_threshold(701, 11, 12)
    yield 701, 11, 12
    gc.set_threshold(*before)


@has_oldest
@pytest.mark.parametrize("payload", ["avro", "msgpack", "json"])
def test_the_oldest_generation_waits(payload: PayloadFormat, thresholds: tuple[int, int, int]) -> None:
    """While a pooled call reads, the oldest generation is not collected, and the others are as before; then all are."""
    seen: list[Any] = []
    in_pool(payload, lambda: seen.append((gc.isenabled(), *gc.get_threshold())))
    assert seen == [(True, 701, 11, NEVER_COLLECTED)]
    assert gc.get_threshold() == thresholds


@has_oldest
@pytest.mark.parametrize("options", [{"hold_collector": False}, {"hold_collector": True}])
def test_who_says_so_has_it_otherwise(options: dict[str, Any], thresholds: tuple[int, int, int]) -> None:
    """With False nothing is held in the pool, and with True the whole collector."""
    seen: list[Any] = []
    in_pool("avro", lambda: seen.append((gc.isenabled(), gc.get_threshold())), **options)
    assert seen == [(not options["hold_collector"], thresholds)]
    assert gc.isenabled()


@has_oldest
def test_a_plain_call_holds_nothing(thresholds: tuple[int, int, int]) -> None:
    """A synchronous call leaves the collector alone, unless it is told."""
    made = Codec(Meeting, subject="m", version=1, environment="test")
    frame = made.encode(Meeting(1))
    seen: list[Any] = []
    MET[1] = lambda: seen.append((gc.isenabled(), gc.get_threshold()))
    made.decode(frame)
    assert seen == [(True, thresholds)]


@has_oldest
def test_thresholds_that_are_set_meanwhile_stay(thresholds: tuple[int, int, int]) -> None:
    """Thresholds that somebody sets while a frame is read are kept, and so is a collector that is switched off."""
    in_pool("avro", lambda: gc.set_threshold(5000, 20, 30))
    assert gc.get_threshold() == (5000, 20, 30)
    in_pool("avro", lambda: gc.set_threshold(6000, 21, gc.get_threshold()[2]))
    assert gc.get_threshold() == (6000, 21, 30)
    in_pool("avro", gc.disable)
    assert not gc.isenabled()
    gc.enable()
    assert thresholds != gc.get_threshold()


@has_oldest
def test_a_hook_that_raises_gives_it_back(thresholds: tuple[int, int, int]) -> None:
    """A read that ends with an error leaves the thresholds as they were."""

    def fail() -> None:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        in_pool("avro", fail)
    assert gc.get_threshold() == thresholds


# ---- several at once ---------------------------------------------------------------------------------------------


@dataclass
class Meeting:
    """Calls somebody while it is read."""

    number: int
    filling: bytes = bytes(100_000)

    def __post_init__(self) -> None:
        MET.pop(self.number, bool)()


MET: dict[int, Callable[[], object]] = {}


@dataclass
class Read:
    """A large frame that is being read in another thread until it is told to end."""

    number: int
    begun: threading.Event = field(default_factory=threading.Event)
    ends: threading.Event = field(default_factory=threading.Event)

    def start(self, pool: ThreadPoolExecutor, payload: PayloadFormat = "avro") -> Read:
        """Begin, and return when the collector is held."""

        def meet() -> None:
            self.begun.set()
            assert self.ends.wait(60)

        made = Codec(Meeting, subject="m", version=1, environment="test", payload=payload, hold_collector=True)
        frame = made.encode(Meeting(self.number))
        MET[self.number] = meet
        self.value = pool.submit(made.decode, frame)
        assert self.begun.wait(60)
        return self

    def end(self) -> None:
        """End, and return when the value is there."""
        self.ends.set()
        assert self.value.result(60).number == self.number


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads to read in."""
    with ThreadPoolExecutor(4) as threads:
        yield threads


@pytest.mark.usefixtures("collections")
@pytest.mark.parametrize("payload", ["avro", "json"])
@pytest.mark.parametrize("first", [0, 1])
def test_the_last_reader_switches_it_on(pool: ThreadPoolExecutor, payload: PayloadFormat, first: int) -> None:
    """While one of several readers is at work the collector stays off, whichever of them ends first."""
    reads = [Read(1).start(pool, payload), Read(2).start(pool, payload)]
    reads[first].end()
    assert not gc.isenabled()
    reads[1 - first].end()
    assert gc.isenabled()


@pytest.mark.usefixtures("collections")
def test_what_was_off_before_stays_off(pool: ThreadPoolExecutor) -> None:
    """A collector that was off before the first of several readers is off after the last."""
    gc.disable()
    reads = [Read(1).start(pool), Read(2).start(pool)]
    for read in reads:
        read.end()
        assert not gc.isenabled()


@pytest.mark.usefixtures("collections")
def test_overlapping_reads_let_it_run(pool: ThreadPoolExecutor) -> None:
    """Reads that overlap without end do not keep the collector off for good: who comes late does not hold it."""
    first = Read(1).start(pool)
    time.sleep(0.3)
    late = Read(2).start(pool)
    assert not gc.isenabled()
    first.end()
    assert gc.isenabled()
    late.end()
    assert gc.isenabled()
    next_one = Read(3).start(pool)
    assert not gc.isenabled()
    next_one.end()
    assert gc.isenabled()


@pytest.mark.usefixtures("collections")
def test_many_threads_leave_it_on() -> None:
    """However many threads read how often, the collector is on when all are done."""
    held = codec(hold_collector=True)
    frame = held.encode(LARGE)
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait(60)
        for _ in range(25):
            assert held.decode(frame)["rows"][-1] == [29_999]

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(work) for _ in range(4)]:
            done.result(60)
    assert gc.isenabled()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no forks")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("on", [True, False])
def test_a_fork_has_it_as_it_was(pool: ThreadPoolExecutor, collections: list[int], on: bool) -> None:
    """In a process that is forked while other threads read, nobody would switch the collector on: it is so at once."""
    del collections
    if not on:
        gc.disable()
    read = Read(1).start(pool)
    child = os.fork()
    if not child:
        right = gc.isenabled() is on
        held = codec(hold_collector=True)
        held.decode(held.encode(LARGE))
        os._exit(0 if right and gc.isenabled() is on else 1)
    assert not gc.isenabled()
    read.end()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert gc.isenabled() is on


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no forks")
@pytest.mark.usefixtures("collections")
def test_a_fork_within_a_read() -> None:
    """A hook of the value that forks leaves the child with a collector that is on, and with no hold to give back."""
    made = Codec(Meeting, subject="m", version=1, environment="test", hold_collector=True)
    frame = made.encode(Meeting(7))
    children: list[int] = []
    MET[7] = lambda: children.append(os.fork())
    value = made.decode(frame)
    if not children[0]:
        right = gc.isenabled()
        again = Read(1)
        with ThreadPoolExecutor(1) as threads:
            again.start(threads)
            right = right and not gc.isenabled()
            again.end()
        os._exit(0 if right and gc.isenabled() else 1)
    assert value.number == 7
    assert os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) == 0
    assert gc.isenabled()


def test_a_wrong_word() -> None:
    """A word that is neither True, False nor None is refused; the one that was given is pickled with the codec."""
    with pytest.raises(ConfigError, match="hold_collector is True, False or None, not 1"):
        codec(hold_collector=1)
    again = pickle.loads(pickle.dumps(codec(hold_collector=True)))
    assert again.__reduce__()[1][1]["hold_collector"] is True
