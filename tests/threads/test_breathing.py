"""Other threads run while one decodes or encodes, and may do with the values what they like."""

from __future__ import annotations

import hashlib
import os
import sys
import sysconfig
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from statistics import median
from typing import Any

import pytest

from safecodec import Breathing, Codec
from safecodec.avro.breath import breath
from safecodec.bench.harness import no_collector, pinned
from safecodec.errors import DecodeError, EncodeError, PayloadChecksumError
from safecodec.frame import crc32c, mask, pack, peek, unpack

SCHEMA = {
    "type": "record",
    "name": "R",
    "fields": [
        {"name": "items", "type": {"type": "array", "items": "long"}},
        {"name": "keys", "type": {"type": "map", "values": {"type": "array", "items": "string"}}},
    ],
}
VALUE: dict[str, Any] = {"items": list(range(8_000)), "keys": {f"k{at}": ["text"] * 3 for at in range(600)}}
"""Less than 32 KiB: from 64 KiB on a checksum lets others run, too, and so does the end of an encoder's buffer.

The buffer doubles as it grows, so it is less than twice as large as what is in it.
"""
Breaths = Callable[[Callable[[], object]], int]
RELEASE = Breathing("release", every=64, interval=1e-9, pause=1e-4)


def codec(breathing: Breathing | None) -> Codec[Any]:
    """A codec of the record."""
    return Codec(SCHEMA, subject="r", version=1, environment="test", breathing=breathing)


def array_of(items: Any, breathing: Breathing | None) -> Codec[Any]:
    """A codec of many of something."""
    return Codec({"type": "array", "items": items}, subject="r", version=1, environment="test", breathing=breathing)


def work(breathing: Breathing | None, verb: str) -> Callable[[], object]:
    """A call of a verb."""
    one = codec(breathing)
    frame = one.encode(VALUE)
    assert len(frame) < 1 << 15
    return (lambda: one.encode(VALUE)) if verb == "encode" else (lambda: one.decode(frame))


@pytest.fixture(params=[1000, 1e-6], ids=["no switching", "switching"])
def switching(request: pytest.FixtureRequest) -> Iterator[float]:
    """How long a thread waits before it asks for the interpreter, in seconds."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(request.param)
    yield request.param
    sys.setswitchinterval(before)


@pytest.fixture
def collector_off() -> Iterator[None]:
    """Keeps out what other tests left to collect: its end may let others run in the middle of a call."""
    with no_collector():
        yield


@pytest.fixture(params=["all cores", "one core"])
def cores(request: pytest.FixtureRequest) -> Iterator[None]:
    """Runs on all cores, or on one, where the system lets a process choose."""
    with pinned() if request.param == "one core" else nullcontext():
        yield


def turns_during(call: Callable[[], object]) -> int:
    """How often this thread had its turn while another one was inside `call`."""
    begun: list[bool] = []
    done: list[bool] = []

    def inside() -> None:
        begun.append(True)
        call()
        done.append(True)

    thread = threading.Thread(target=inside)
    thread.start()
    turns = 0
    while not done:
        turns += bool(begun) and not done
        time.sleep(0)
    thread.join()
    return turns


@pytest.mark.skipif(bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="nobody waits for an interpreter")
@pytest.mark.parametrize("verb", ["decode", "encode"])
@pytest.mark.usefixtures("collector_off")
def test_others_have_their_turn(verb: str, switching: float) -> None:
    """A releasing call gives others their turn unasked, a calling one when they ask; without breaths there is none.

    One may be too slow to take its turn: some success in many tries is proof, and one failure is none.
    """
    few = 2  # before and after the call itself
    if switching == 1000:
        assert max(turns_during(work(None, verb)) for _ in range(20)) <= few
    else:
        assert max(turns_during(work(Breathing(every=1), verb)) for _ in range(50)) > few
    assert max(turns_during(work(RELEASE, verb)) for _ in range(50)) > few


def waits_during(call: Callable[[], object], asleep: float) -> list[float]:
    """How long this thread waited for its turn each time it had slept, in seconds, while another was inside `call`."""
    begun, done = threading.Event(), threading.Event()

    def inside() -> None:
        begun.set()
        call()
        done.set()

    thread = threading.Thread(target=inside)
    thread.start()
    begun.wait()
    waits = []
    while not done.is_set():
        start = time.perf_counter()
        time.sleep(asleep)
        waits.append(time.perf_counter() - start - asleep)
    thread.join()
    return waits


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize("size", [(4 << 20) - 1, 4 << 20, (4 << 20) + 1, (9 << 20) + 5])
def test_a_checksum_in_parts_is_that_of_the_whole(size: int) -> None:
    """On however many cores it is summed, a frame's checksum is that of its payload; one byte that differs is seen."""
    payload = os.urandom(size)
    frame = pack(payload, format="avro", subject="r", version=1, fingerprint=bytes(4), environment="test")
    assert peek(frame).payload_checksum == mask(crc32c(payload))
    assert unpack(frame, subject="r", environment="test")[1] == payload
    wrong = frame[:-1] + bytes([frame[-1] ^ 1])
    with pytest.raises(PayloadChecksumError):
        unpack(wrong, subject="r", environment="test")


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell of a thread's switches")
@pytest.mark.parametrize(("how", "least"), [("call", 1.2), ("release", 1.8)])
def test_who_needs_the_core_alone_has_it_more_often(how: str, least: float) -> None:
    """On one core, a call that breathes leaves it to who needs no interpreter, before the system takes it away.

    The sleeps of a release alone make it 1.5 times as often; without a GIL nobody waits for it, and there are none.
    """
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        least = 1.2
    import resource

    frame = array_of("long", Breathing()).encode([7] * 4_000_000)
    busy = bytes(1 << 26)
    over = threading.Event()

    def hash_() -> None:
        while not over.is_set():
            hashlib.sha256(busy)

    def rate(one: Codec[Any]) -> float:
        before = resource.getrusage(resource.RUSAGE_THREAD)
        one.decode(frame)
        after = resource.getrusage(resource.RUSAGE_THREAD)
        return (after.ru_nivcsw - before.ru_nivcsw) / (
            after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        )

    breathing, plain = array_of("long", Breathing(how)), array_of("long", None)
    with pinned():
        thread = threading.Thread(target=hash_)
        thread.start()
        try:
            rates = [(rate(breathing), rate(plain)) for _ in range(9)]
        finally:
            over.set()
            thread.join()
    assert median(one for one, _ in rates) > least * median(one for _, one in rates)


@pytest.mark.skipif(bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="nobody waits for an interpreter")
@pytest.mark.usefixtures("cores")
def test_who_had_a_turn_soon_has_others() -> None:
    """By call, one that was let in after an interval of the interpreter's does not wait as long again just afterwards.

    So of its waits most are short. A machine that is busy with other things makes some long, but not in every try.
    """
    numbers = array_of("long", Breathing())
    frame = numbers.encode([7] * 4_000_000)
    typical = [median(waits_during(lambda: numbers.decode(frame), 0.0002)) for _ in range(7)]
    assert min(typical) < sys.getswitchinterval() / 2


@pytest.mark.parametrize("breathing", [Breathing(every=64), RELEASE], ids=lambda one: one.how)
def test_a_value_that_changes_while_it_is_written(breathing: Breathing) -> None:
    """Whatever another thread does to a value meanwhile: a frame that can be read, or an error of ours."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    one = codec(breathing)
    value: dict[str, Any] = {"items": list(range(3000)), "keys": {f"k{at}": ["text"] * 3 for at in range(300)}}
    over = threading.Event()

    def change() -> None:
        at = 0
        while not over.is_set():
            at += 1
            value["items"] = [*range(at % 100)] if at % 7 == 0 else value["items"]
            value["items"].append(at)
            del value["items"][: at % 3]
            value["keys"][f"n{at % 50}"] = ["new"]
            value["keys"].pop(f"k{at % 300}", None)

    thread = threading.Thread(target=change)
    thread.start()
    read = 0
    try:
        end = time.monotonic() + 0.4
        while time.monotonic() < end:
            with suppress(EncodeError):
                read += isinstance(one.decode(one.encode(value)), dict)
    finally:
        over.set()
        thread.join()
        sys.setswitchinterval(before)
    assert read > 0


@pytest.mark.parametrize("breathing", [Breathing(every=64), RELEASE], ids=lambda one: one.how)
def test_a_frame_that_changes_while_it_is_read(breathing: Breathing) -> None:
    """A buffer that another thread writes to is read as it was at one moment: the value, or a verdict on the frame."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    one = codec(breathing)
    frame = one.encode(VALUE)
    shared = bytearray(frame)
    over = threading.Event()

    def change() -> None:
        while not over.is_set():
            shared[5000:9000] = bytes(4000)
            time.sleep(0)
            shared[:] = frame
            time.sleep(0)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        end = time.monotonic() + 0.4
        while time.monotonic() < end:
            with suppress(DecodeError):
                assert one.decode(shared) == VALUE
    finally:
        over.set()
        thread.join()
        sys.setswitchinterval(before)


LONG: dict[str, Any] = {"items": list(range(100_000)), "keys": {}}


def alarm() -> None:
    """What a signal's handler may do; it runs with the names of another module."""
    raise TimeoutError


@pytest.mark.parametrize("breathing", [Breathing(), Breathing("release")], ids=repr)
@pytest.mark.parametrize("work", ["encode", "decode"])
def test_what_a_breath_raises_is_no_verdict(breathing: Breathing, work: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error from outside that is raised in a breath comes out as it is; tests/isolated has real signals."""
    one = codec(breathing)
    frame = one.encode(LONG)
    with monkeypatch.context() as patched:
        patched.setattr(breath, "__code__", alarm.__code__)
        with pytest.raises(TimeoutError) as caught:
            one.encode(LONG) if work == "encode" else one.decode(frame)
    assert caught.value.__cause__ is None is caught.value.__context__
    assert one.decode(one.encode(LONG)) == LONG


def note() -> None:
    """Stands for what counts a breath."""


def noted() -> None:
    """A breath that counts; it runs with the names of the module of breaths."""
    note()


@pytest.fixture
def breaths(monkeypatch: pytest.MonkeyPatch) -> Breaths:
    """Tells how many breaths a call takes."""
    seen: list[None] = []
    monkeypatch.setitem(breath.__globals__, "note", lambda: seen.append(None))
    monkeypatch.setattr(breath, "__code__", noted.__code__)

    def count(call: Callable[[], object]) -> int:
        seen.clear()
        call()
        return len(seen)

    return count


@pytest.mark.parametrize("how", ["call", "release"])
@pytest.mark.parametrize("verb", ["decode", "encode"])
def test_quick_bytes_take_few_breaths(breaths: Breaths, how: str, verb: str) -> None:
    """Where bytes take next to no time, a breath comes after more of them than was said, but not after any number.

    A machine that is busy with other things makes some slow, but not in every try.
    """
    texts = ["x" * 4096] * 1000  # one takes a microsecond
    one = array_of("string", Breathing(how, every=4096, interval=1e-9))
    frame = one.encode(texts)
    found = min(breaths(lambda: one.encode(texts) if verb == "encode" else one.decode(frame)) for _ in range(7))
    assert len(texts) / 8 - 1 <= found < len(texts) / 3


@pytest.mark.parametrize("how", ["call", "release"])
def test_slow_bytes_take_the_breaths_that_were_said(breaths: Breaths, how: str) -> None:
    """Where bytes take long, as those do that Python makes a value of, a breath comes after as many as was said."""
    one = array_of({"type": "string", "logicalType": "uuid"}, Breathing(how, every=32_768, interval=1e-9))
    frame = one.encode([uuid.UUID(int=at) for at in range(20_000)])
    told = len(frame) // 32_768
    assert told - 1 <= breaths(lambda: one.decode(frame)) <= told
