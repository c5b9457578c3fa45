"""Threads on shared codecs, schemas and values, with a GIL or without one; msgspec and fastavro are not needed."""

from __future__ import annotations

import collections
import subprocess
import sys
import sysconfig
import threading
import time
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from importlib.util import find_spec
from typing import Any, NamedTuple, TypedDict

import pytest

from safecodec import Codec
from safecodec.avro import Schema
from safecodec.errors import ConfigError, DecodeError, EncodeError, PayloadError

THREADS = 4
SECONDS = 0.2
"""How long a value is written while it changes."""


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Plain:
    number: int
    name: str
    colour: Colour = Colour.RED
    tags: list[str] = field(default_factory=list)
    prices: dict[str, float] = field(default_factory=dict)
    inner: Plain | None = None


@dataclass(slots=True)
class Slotted:
    number: int
    name: str
    colour: Colour = Colour.RED
    tags: list[str] = field(default_factory=list)
    prices: dict[str, float] = field(default_factory=dict)
    inner: Slotted | None = None


class Tupled(NamedTuple):
    number: int
    name: str
    tags: list[str]
    prices: dict[str, float]


class Typed(TypedDict):
    number: int
    name: str
    tags: list[str]
    prices: dict[str, float]


RECORD = {
    "type": "record",
    "name": "Item",
    "fields": [
        {"name": "number", "type": "long"},
        {"name": "name", "type": "string"},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "prices", "type": {"type": "map", "values": "double"}},
    ],
}


def parts(seed: int) -> dict[str, Any]:
    return {
        "number": seed * 1_000_003,
        "name": f"näme {seed}" if seed % 3 else f"name {seed}",
        "tags": [str(seed)] * (seed % 5),
        "prices": {f"key {at}": seed / 4 for at in range(seed % 4)},
    }


KINDS: dict[str, tuple[Any, Callable[[int], Any]]] = {
    "dataclass": (Plain, lambda n: Plain(**parts(n), colour=Colour.BLUE, inner=Plain(n, "inner"))),
    "slots": (Slotted, lambda n: Slotted(**parts(n), colour=Colour.BLUE, inner=Slotted(n, "inner"))),
    "namedtuple": (Tupled, lambda n: Tupled(**parts(n))),
    "typeddict": (Typed, parts),
    "schema": (RECORD, parts),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> tuple[Any, Callable[[int], Any]]:
    return KINDS[request.param]


def codec_of(source: Any) -> Codec[Any]:
    return Codec(source, subject="items", version=1, environment="test")


def together(work: Callable[[int], Any]) -> list[Any]:
    """What each of the threads returns, which all begin at once; what one raises is raised."""
    barrier = threading.Barrier(THREADS)

    def begin(worker: int) -> Any:
        barrier.wait()
        return work(worker)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


def refused(call: Callable[[], object]) -> tuple[str, str]:
    """The reason and the path of a refusal."""
    try:
        call()
    except (EncodeError, PayloadError) as error:
        return error.reason, error.path
    raise AssertionError("it was not refused")


# ---- what is shared and does not change --------------------------------------------------------------------------


def test_codec_gives_each_thread_what_it_would_get_alone(kind: tuple[Any, Callable[[int], Any]]) -> None:
    """Frames, values and refusals of one codec are the same in many threads as in one."""
    source, make = kind
    codec = codec_of(source)
    alone = [codec.encode(make(seed)) for seed in range(THREADS * 50)]

    def work(worker: int) -> int:
        for seed in range(worker, len(alone), THREADS):
            assert codec.encode(make(seed)) == alone[seed]
            assert codec.decode(alone[seed]) == make(seed)
            assert codec.decode(bytearray(alone[seed])) == make(seed)
            with pytest.raises(DecodeError):
                codec.decode(alone[seed][:-1])
        return worker

    assert together(work) == list(range(THREADS))


def test_schema_gives_each_thread_what_it_would_get_alone(kind: tuple[Any, Callable[[int], Any]]) -> None:
    """Payloads, values and refusals of one schema are the same in many threads as in one."""
    source, make = kind
    schema = Schema(source)
    alone = [schema.encode(make(seed)) for seed in range(THREADS * 50)]
    short = [refused(lambda data=data: schema.decode(data[:-1])) for data in alone]  # type: ignore[misc]

    def work(worker: int) -> int:
        for seed in range(worker, len(alone), THREADS):
            data = alone[seed]
            assert schema.encode(make(seed)) == data
            assert schema.decode(data) == make(seed)
            assert refused(lambda: schema.decode(data[:-1])) == short[seed]  # noqa: B023
        return worker

    assert together(work) == list(range(THREADS))


def test_refusals_have_their_own_paths() -> None:
    """A refusal in one thread tells of that thread's value: the path and the reason are never another's."""
    codec = codec_of(Plain)

    def work(worker: int) -> set[tuple[str, str]]:
        value = Plain(1, "x", tags=["fine"] * worker)
        value.tags.append(worker)  # type: ignore[arg-type]
        return {refused(lambda: codec.encode(value)) for _ in range(300)}

    assert together(work) == [
        {(f"a str is expected, this is int {worker}", f"$.tags[{worker}]")} for worker in range(THREADS)
    ]


def test_many_threads_share_a_reader() -> None:
    """One reader of a smaller view gives each thread its own values."""

    @dataclass
    class View:
        name: str

    codec = codec_of(Plain)
    reader = codec.reader(View)
    frames = [codec.encode(Plain(**parts(seed))) for seed in range(60)]

    def work(worker: int) -> list[str]:
        return [reader.decode(frame).name for _ in range(20) for frame in frames[worker::THREADS]]

    names = [parts(seed)["name"] for seed in range(60)]
    assert together(work) == [names[worker::THREADS] * 20 for worker in range(THREADS)]


def test_first_use_in_many_threads() -> None:
    """A schema whose plans are compiled by several threads at once reads and writes as one that is compiled once."""

    @dataclass
    class Small:
        number: int

    for seed in range(15):
        writer, other = Schema(Plain), Schema(RECORD)
        value = Plain(**parts(seed))
        expected = Schema(Plain).encode(value)

        def work(
            worker: int, writer: Schema = writer, other: Schema = other, value: Plain = value, data: bytes = expected
        ) -> list[Any]:
            targets: list[Any] = [Small, writer, Small, writer]
            read = [writer.decode(data, reader=targets[(worker + at) % 4]) for at in range(4)]
            numbers = {one.number for one in read}
            return [writer.encode(value), other.encode(parts(1)), numbers, hash(writer), writer.fingerprint()]

        results = together(work)
        assert all(result == results[0] for result in results)
        assert results[0][:3] == [expected, Schema(RECORD).encode(parts(1)), {value.number}]


def test_shared_results_of_one_frame() -> None:
    """Values that are read from one frame in many threads share nothing that can be changed."""
    codec = codec_of(Plain)
    frame = codec.encode(Plain(**parts(7)))

    def work(worker: int) -> bool:
        for _ in range(200):
            value = codec.decode(frame)
            value.tags.append(str(worker))
            value.prices["mine"] = worker
            if value.tags[-1] != str(worker) or len(value.tags) != len(parts(7)["tags"]) + 1:
                return False
        return True

    assert together(work) == [True] * THREADS


# ---- what is shared and changes ----------------------------------------------------------------------------------


def written_meanwhile(
    encode: Callable[[], bytes], change: Callable[[int], object], refusal: type[Exception] = EncodeError
) -> list[bytes]:
    """What two threads write while two others change the value; only refusals may be raised meanwhile."""
    until = time.monotonic() + SECONDS
    out: list[list[bytes]] = [[], []]

    def work(worker: int) -> None:
        step = worker
        while time.monotonic() < until:
            if worker >= 2:
                change(step)
                step += 2
                continue
            with suppress(refusal):
                out[worker].append(encode())

    together(work)
    return list({*out[0], *out[1]})


def test_lists_that_change() -> None:
    """A list that another thread changes is written as it was at some moment, or refused."""
    schema = Schema({"type": "array", "items": "string"})
    items = ["0"] * 50

    def change(step: int) -> None:
        if step % 3 == 0:
            items[:] = [str(step % 10)] * 50
        elif step % 3 == 1:
            items.append(str(step % 10))
        else:
            items.clear()

    for data in written_meanwhile(lambda: schema.encode(items), change):
        read = schema.decode(data)
        assert set(read) <= set("0123456789")


def test_lists_that_change_at_once() -> None:
    """Where a list is replaced in one step, what is written is never a mixture of before and after."""
    schema = Schema({"type": "array", "items": "long"})
    items = [0] * 200

    def change(step: int) -> None:
        items[:] = [step] * 200

    for data in written_meanwhile(lambda: schema.encode(items), change):
        read = schema.decode(data)
        assert len(read) == 200
        assert len(set(read)) == 1


def test_maps_that_change() -> None:
    """A dict that another thread changes is written as a map that it was at some moment, or refused."""
    schema = Schema({"type": "map", "values": "long"})
    values = {str(at): at for at in range(50)}

    def change(step: int) -> None:
        if step % 3 == 0:
            values.update({str(at): at for at in range(step % 60)})
        elif step % 3 == 1:
            values.pop(str(step % 50), None)
        else:
            values.clear()

    for data in written_meanwhile(lambda: schema.encode(values), change):
        assert all(key == str(value) for key, value in schema.decode(data).items())


def test_records_in_dicts_that_change() -> None:
    """A dict whose keys change in one step is written as it was before or after, or refused."""
    schema = Schema(
        {"type": "record", "name": "Pair", "fields": [{"name": name, "type": "long"} for name in ("a", "b", "c")]}
    )
    value = {"a": 0, "b": 0, "c": 0}

    def change(step: int) -> None:
        value.update(a=step, b=step, c=step)
        if step % 5 == 0:
            value[f"unknown {step % 7}"] = 1
        elif step % 5 == 1:
            for key in [key for key in list(value) if key.startswith("unknown")]:
                value.pop(key, None)

    for data in written_meanwhile(lambda: schema.encode(value), change):
        assert len(set(schema.decode(data).values())) == 1


@pytest.mark.parametrize("cls", [Plain, Slotted])
def test_objects_that_change(cls: Any) -> None:
    """An object whose attributes are set and deleted meanwhile is written with values that they had, or refused."""
    schema = Schema(cls)
    value = cls(0, "0")

    def change(step: int) -> None:
        value.number = step
        value.name = str(step)
        value.tags = [str(step)] * (step % 4)
        value.inner = cls(step, str(step)) if step % 2 else None
        if step % 7 == 0:
            with suppress(AttributeError):  # the other thread may be faster
                del value.name

    for data in written_meanwhile(lambda: schema.encode(value), change):
        read = schema.decode(data)
        assert read.name.isdigit()
        assert len(set(read.tags)) <= 1
        assert read.inner is None or read.inner.name == str(read.inner.number)


@pytest.mark.parametrize(
    ("source", "view"),
    [
        ({"type": "map", "values": "long"}, types.MappingProxyType),
        ({"type": "array", "items": "string"}, set),
        ([{"type": "map", "values": "long"}, "string"], collections.OrderedDict),
    ],
    ids=["proxy", "set", "ordered"],
)
def test_other_containers_that_change(source: Any, view: Any) -> None:
    """Containers that are no list or dict are written or refused, too, and nothing else is raised."""
    schema = Schema(source)
    behind: Any = {str(at): at for at in range(50)}
    value: Any = view(behind)
    target = behind if view is types.MappingProxyType else value

    def change(step: int) -> None:
        key = str(step % 80)
        if isinstance(target, set):
            (target.add if step % 2 else target.discard)(key)
        elif step % 2:
            target[key] = step % 80
        else:
            target.pop(key, None)

    for data in written_meanwhile(lambda: schema.encode(value), change):
        assert all(str(one).isdigit() for one in schema.decode(data))


def test_unions_of_dicts_that_change() -> None:
    """The branch of a dict that another thread changes is chosen and written, or the dict is refused."""
    fields = [{"name": name, "type": "long"} for name in ("a", "b")]
    schema = Schema(
        [
            {"type": "record", "name": "One", "fields": fields[:1]},
            {"type": "record", "name": "Two", "fields": fields},
        ]
    )
    value = {"a": 1}

    def change(step: int) -> None:
        if step % 2:
            value["b"] = 1
        else:
            value.pop("b", None)

    for data in written_meanwhile(lambda: schema.encode(value), change):
        assert schema.decode(data) in ({"a": 1}, {"a": 1, "b": 1})


def test_buffers_that_change() -> None:
    """A buffer that another thread writes to while it is read gives what the checksum vouches for, or a refusal."""
    codec = codec_of({"type": "array", "items": "string"})
    frames = [codec.encode([text] * 100) for text in ("a" * 20, "é" * 10)]
    buffer = bytearray(frames[0])
    seen: set[str] = set()

    def read() -> bytes:
        seen.update(codec.decode(buffer))
        return b""

    def change(step: int) -> None:
        buffer[:] = frames[step % 2]
        buffer[-10] = step % 256

    written_meanwhile(read, change, DecodeError)
    assert seen <= {"a" * 20, "é" * 10}


def test_bare_buffers_that_change() -> None:
    """Text from a buffer that another thread writes to is text, whatever was written when."""
    schema = Schema("string")
    buffer = bytearray(schema.encode("a" * 2000))

    def read() -> bytes:
        text = schema.decode(buffer)
        return str(text).encode()

    def change(step: int) -> None:
        buffer[1000:1002] = "é".encode() if step % 2 else b"aa"

    for data in written_meanwhile(read, change, DecodeError):
        assert set(data.decode()) <= {"a", "é"}


# ---- the interpreter without a GIL -------------------------------------------------------------------------------


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="this interpreter has a GIL")
def test_gil_stays_off() -> None:
    """Neither importing safecodec nor using it turns the GIL on."""
    program = """
import sys
seen = [sys._is_gil_enabled()]
import dataclasses
import safecodec, safecodec.avro, safecodec.frame
seen.append(sys._is_gil_enabled())
One = dataclasses.make_dataclass("One", [("a", int), ("b", list[str])])
codec = safecodec.Codec(One, subject="s", version=1, environment="test")
assert codec.decode(codec.encode(One(1, ["x"]))) == One(1, ["x"])
seen.append(sys._is_gil_enabled())
sys.exit(any(seen))
"""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.skipif(find_spec("fastavro") is not None, reason="fastavro is here")
def test_shadow_needs_its_library() -> None:
    """Where fastavro is not to be had, a codec with a shadow is refused when it is made."""
    with pytest.raises((ConfigError, ImportError), match="fastavro"):
        Codec(Plain, subject="items", version=1, environment="test", shadow=10)
