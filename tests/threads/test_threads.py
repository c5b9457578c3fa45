"""Several threads on one codec, and sums that leave the interpreter to others."""

from __future__ import annotations

import ctypes
import pickle
import sys
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Literal

import pytest

import reference
from safecodec import Codec
from safecodec.avro import Schema
from safecodec.errors import DecodeError
from safecodec.frame import crc32c, pack, unpack

THREADS = 4
LARGE = bytes(48 * 1024 * 1024)


@dataclass(slots=True)
class Item:
    """Something small with something nested."""

    number: int
    name: str
    tags: list[str] = field(default_factory=list)
    prices: dict[str, float] = field(default_factory=dict)


changing = bytearray()


@dataclass
class Meddler:
    """A value whose class writes to the buffer that it is read from."""

    number: int

    def __post_init__(self) -> None:
        if self.number == 3 and changing:
            changing[:] = bytes(len(changing))


def buffers_of(changed: bytearray) -> dict[str, Any]:
    """Buffers over memory that is written to, some of which cannot be written to themselves."""
    return {
        "bytearray": changed,
        "memoryview": memoryview(changed),
        "read-only view": memoryview(changed).toreadonly(),
        "view of a view": memoryview(memoryview(changed)[:])[:],
        "ctypes array": (ctypes.c_char * len(changed)).from_buffer(changed),
        "picked buffer": pickle.PickleBuffer(changed),
    }


PAYLOADS: list[Literal["avro", "msgpack", "json"]] = ["avro", "msgpack", "json"]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_is_read_is_what_was_summed(payload: Literal["avro", "msgpack", "json"]) -> None:
    """A large buffer that another thread writes to is refused, or read as the bytes that its checksum vouches for."""
    codec = Codec(list[str], subject="texts", version=1, payload=payload, environment="test")
    value = ["a" * 50_000] * 20
    whole = codec.encode(value)
    over = threading.Event()
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    changed = bytearray(whole)

    def change() -> None:
        while not over.is_set():
            changed[900_000:900_010] = b"b" * 10
            time.sleep(0)
            changed[900_000:900_010] = b"a" * 10
            time.sleep(0)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for buffer in buffers_of(changed).values():
            for _ in range(15):
                with suppress(DecodeError):
                    assert codec.decode(buffer) == value
                with suppress(DecodeError):
                    _, raw = unpack(buffer, subject="texts", environment="test")
                    assert b"b" not in bytes(raw[500_000:])
    finally:
        over.set()
        thread.join()
        sys.setswitchinterval(before)


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("count", [30, 30_000], ids=["small", "large"])
def test_code_of_the_values_changes_what_they_are_read_from(
    payload: Literal["avro", "msgpack", "json"], count: int
) -> None:
    """A class that writes to the buffer during a decode changes nothing of the values that come after it."""
    global changing
    codec = Codec(list[Meddler], subject="texts", version=1, payload=payload, environment="test")
    values = [Meddler(number) for number in range(count)]
    whole = codec.encode(values)
    for name in buffers_of(bytearray(whole)):
        changing = bytearray(whole)
        assert codec.decode(buffers_of(changing)[name]) == values
    changing = bytearray()
    bare = Schema(list[Meddler])
    changing = bytearray(bare.encode(values))
    assert bare.decode(changing) == values
    changing = bytearray()


def values(worker: int) -> list[Item]:
    """The values of one thread, other ones in every thread."""
    return [Item(n * 1000 + worker, f"item {worker}", [str(n)] * (n % 5), {"eur": n / 4}) for n in range(150)]


@pytest.mark.parametrize("payload", ["avro", "msgpack", "json"])
def test_one_codec_serves_many_threads(payload: Literal["avro", "msgpack", "json"]) -> None:
    """Threads that share a codec get what each would get alone: frames, values and refusals."""
    if payload != "avro" and sysconfig.get_config_var("Py_GIL_DISABLED") and find_spec("msgspec") is None:
        pytest.skip("msgspec has no release for this CPython without a GIL")
    codec = Codec(Item, subject="items", version=1, payload=payload, environment="test")
    alone = [[codec.encode(value, context=b"%d" % worker) for value in values(worker)] for worker in range(THREADS)]
    barrier = threading.Barrier(THREADS)

    def work(worker: int) -> int:
        barrier.wait()
        refused = 0
        for value, frame in zip(values(worker), alone[worker], strict=True):
            context = b"%d" % worker
            assert codec.encode(value, context=context) == frame
            assert codec.decode(frame, context=context) == value
            with pytest.raises(DecodeError):
                codec.decode(frame[:-1], context=context)
            refused += 1
        return refused

    with ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(work, range(THREADS))) == [150] * THREADS


@pytest.fixture
def no_switching() -> Iterator[None]:
    """Nobody takes the interpreter from a thread that does not give it up."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    yield
    sys.setswitchinterval(before)


FRAME = pack(LARGE, format="avro", subject="s", version=1, fingerprint=bytes(4), environment=None)
SUMS: dict[str, Callable[[], object]] = {
    "crc32c": lambda: crc32c(LARGE),
    "pack": lambda: pack(LARGE, format="avro", subject="s", version=1, fingerprint=bytes(4), environment=None),
    "unpack": lambda: unpack(FRAME, subject="s", environment=None),
}


def others_ran_during(call: Callable[[], object]) -> bool:
    """Whether this thread ran while another one was inside `call`."""
    begun: list[bool] = []
    done: list[bool] = []

    def work() -> None:
        begun.append(True)
        call()
        done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    while not begun:
        time.sleep(0.0002)
    inside = not done
    thread.join()
    return inside


@pytest.mark.skipif(bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="there is nothing to release")
@pytest.mark.usefixtures("no_switching")
@pytest.mark.parametrize("call", SUMS.values(), ids=SUMS.keys())
def test_large_sums_release_the_interpreter(call: Callable[[], object]) -> None:
    """While a large payload is summed, other threads run.

    With switching off, the other thread gets its turn between the two notes only where the call gives it up; it may
    be too slow to take it, so that one success in many tries is proof and one failure is none.
    """
    assert any(others_ran_during(call) for _ in range(50))


def test_large_sums_are_right_in_many_threads() -> None:
    """Sums without the interpreter do not disturb each other."""
    data = bytes(range(256)) * 1024
    expected = reference.crc32c(data)
    with ThreadPoolExecutor(THREADS) as pool:
        assert set(pool.map(lambda _: crc32c(data), range(64))) == {expected}


@dataclass
class Older:
    """The version before `Newer`."""

    name: str


@dataclass
class Newer:
    """Records whose plan takes a while to compile, and whose class runs code meanwhile."""

    name: str
    many: dict[str, list[Item]] = field(default_factory=dict)
    when: tuple[int, str] = (1, "x")


def test_plans_are_compiled_once_for_all_threads() -> None:
    """Threads that read and write the first frames of a codec at once all have the right values and the same bytes."""
    value = Newer("n", {"k": [Item(1, "a")]})
    old = Codec(Older, subject="s", version=1, environment="test").encode(Older("o"))
    for _ in range(20):
        codec = Codec(Newer, subject="s", version=2, older={1: Older}, environment="test")
        new = Codec(Newer, subject="s", version=2, older={1: Older}, environment="test").encode(value)
        barrier = threading.Barrier(2 * THREADS)

        def work(codec: Codec[Newer] = codec, new: bytes = new, barrier: threading.Barrier = barrier) -> list[Any]:
            barrier.wait(60)
            return [codec.decode(old), codec.decode(new), codec.encode(value)]

        with ThreadPoolExecutor(2 * THREADS) as threads:
            found = [done.result(60) for done in [threads.submit(work) for _ in range(2 * THREADS)]]
        assert found == [[Newer("o"), value, new]] * (2 * THREADS)
