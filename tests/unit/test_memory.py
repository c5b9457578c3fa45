"""The memory of what is read, for each byte of payload: the worst shapes of schemas and classes."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import pydantic
import pytest

from safecodec.avro import Limits, Schema
from safecodec.avro.compile import decoder
from safecodec.avro.limits import ROOM
from safecodec.errors import PayloadError

BOUND = 850
"""Bytes of memory that a byte of payload makes at most with the default limits, beyond ROOM."""
BYTE = 330
"""The same for what has a byte of its own: memoryviews, sets."""


def length(number: int) -> bytes:
    """A count of items as Avro writes it."""
    return Schema("long").encode(number)


def many(item: bytes, number: int = 10_000) -> bytes:
    """An array of equal items."""
    return length(number) + item * number + b"\0"


def record(name: str, *fields: Any) -> dict[str, Any]:
    """A record with fields of these types, each with a default if one is given beside it."""
    made: list[dict[str, Any]] = []
    for at, one in enumerate(fields):
        type_, *default = one if isinstance(one, tuple) else (one,)
        made.append({"name": f"f{at}", "type": type_, **({"default": default[0]} if default else {})})
    return {"type": "record", "name": name, "fields": made}


def array(items: Any) -> dict[str, Any]:
    """An array's schema."""
    return {"type": "array", "items": items}


def chain(levels: int, inner: Any = "int") -> Any:
    """Records of one field in each other."""
    for at in range(levels):
        inner = record(f"R{at}", inner)
    return inner


def used(read: Callable[[bytes], Any], data: bytes) -> tuple[int, PayloadError | None]:
    """How much memory reading takes at its most, its result included, and the refusal if it is one."""
    refused = None
    tracemalloc.start()
    try:
        read(data)
    except PayloadError as error:
        refused = error
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak, refused


DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}
LEAVES: list[tuple[Any, bytes]] = [
    (int, b"\x77"),
    (list[int], b"\0"),
    (set[int], b"\0"),
    (frozenset[int], b"\0"),
    (tuple[int, ...], b"\0"),
    (dict[str, int], b"\0"),
    (dict[int, int], b"\0"),
    (dict[str, None], b"\2\0\0"),
    (set[int], b"\x0a\1\2\3\4\5\0"),
    (bytearray, b"\0"),
    (memoryview, b"\0"),
    (str, b"\4ab"),
    (str, b"\x28" + b"a" * 16 + b"\xf0\x9f\x98\x80"),
    (Decimal, Schema(Decimal).encode(Decimal(1))),
    (UUID, Schema(UUID).encode(UUID(int=1))),
    (datetime, Schema(datetime).encode(datetime(1970, 1, 1, tzinfo=UTC))),
    (date, b"\2"),
]


@pytest.mark.parametrize(("kind", "item"), LEAVES)
def test_what_has_a_byte_takes_a_bounded_size(kind: Any, item: bytes) -> None:
    """A list of leaves or collections, of the fewest bytes that they have, takes at most 330 bytes for each byte."""
    schema = Schema(list[kind])
    data = many(item)
    schema.decode(many(item, 1))
    size, refused = used(schema.decode, data)
    assert refused is None
    assert size <= BYTE * len(data) + 100_000


@dataclass
class Plain:
    f0: int


@dataclass(slots=True)
class Slots:
    f0: int


class Struct(msgspec.Struct):
    f0: int


class Named(NamedTuple):
    f0: int


class Model(pydantic.BaseModel):
    f0: int


@pytest.mark.parametrize("kind", [Plain, Slots, Struct, Named, Model, tuple[int], chain(1), chain(2)])
def test_records_of_a_byte_are_read(kind: Any) -> None:
    """Lists of records of one byte each are read with the default limits, however long they are."""
    schema = Schema(array(kind) if isinstance(kind, dict) else list[kind])
    data = many(b"\2", 20_000)
    size, refused = used(schema.decode, data)
    assert refused is None
    assert size <= BOUND * len(data)


@dataclass(slots=True)
class Filled:
    f0: int
    f1: set[int] = field(default_factory=set)
    f2: set[int] = field(default_factory=set)
    f3: set[int] = field(default_factory=set)
    f4: list[int] = field(default_factory=lambda: [1, 2, 3])


@dataclass(slots=True)
class Made:
    f0: list[int] = field(default_factory=list)
    f1: set[int] = field(default_factory=set)
    f2: dict[str, int] = field(default_factory=dict)
    f3: bytearray = field(default_factory=bytearray)
    f4: list[int] = field(default_factory=lambda: [1, 2, 3])
    f5: set[int] = field(default_factory=set)


class Absent(msgspec.Struct):
    f0: int
    f1: set[int] = msgspec.field(default_factory=set)
    f2: dict[str, int] = {}


EMPTY = array(record("R"))
NULLS = ["null"] * 60
SHAPES: dict[str, tuple[Any, Any, bytes]] = {
    "chain": (array(chain(3)), None, many(b"\2", 20_000)),
    "deep chain": (array(chain(60)), None, many(b"\2", 5000)),
    "chain without a byte": (array(chain(60, record("E"))), None, many(b"")),
    "nulls": (array(record("R", "int", *NULLS)), None, many(b"\2", 20_000)),
    "nulls without a byte": (array(record("R", *NULLS)), None, many(b"")),
    "nulls in maps": ({"type": "map", "values": record("R", *NULLS)}, None, many(b"\0")),
    "records without a byte": (array(record("R", record("E"), *["E"] * 60)), None, many(b"")),
    "older by factories": (array(record("Filled", "long")), list[Filled], many(b"\2", 50_000)),
    "older without a byte": (array(record("Made")), list[Made], many(b"")),
    "older, to dicts": (EMPTY, array(record("R", *[({"type": "map", "values": "int"}, {})] * 50)), many(b"")),
    "older, to dicts of a byte": (
        array(record("R", "int")), array(record("R", "int", *[({"type": "map", "values": "int"}, {})] * 20)),
        many(b"\2", 20_000),
    ),
    "older, large defaults": (EMPTY, array(record("R", (array("string"), ["a" * 500] * 30))), many(b"")),
    "older, records in it": (EMPTY, array(record("R", (array(record("I", "int")), [{"f0": 1}] * 9))), many(b"")),
    "older, one fill": (array(record("R", "int")), array(record("R", "int", ("int", 3))), many(b"\2", 50_000)),
    "a record alone": (record("R", *NULLS), None, b""),
}  # fmt: skip
TAKEN = {"chain", "older, one fill", "a record alone"}


@pytest.mark.parametrize("shape", SHAPES)
def test_memory_is_bounded_by_the_bytes_of_payload(shape: str) -> None:
    """Records and what fills them take 8 MiB and the limit for each byte at most: those of worse shapes are refused."""
    writer, reader, data = SHAPES[shape]
    read = decoder(Schema(writer), Schema(writer if reader is None else reader)).decode
    size, refused = used(read, data)
    assert size <= ROOM + BOUND * len(data) + 100_000  # places of empty items in their list
    assert (refused is None) is (shape in TAKEN)
    if refused is not None:
        assert "the limit expansion allows, 512 bytes for a byte of payload" in refused.reason


def test_the_limit_can_be_raised_and_lowered() -> None:
    """The limit expansion is the reader's, and counts beyond 8 MiB."""
    data = many(b"\2", 60_000)
    for expansion, taken in ((0, False), (100, True), (2**20, True)):
        schema = Schema(array(chain(1)), limits=Limits(expansion=expansion))
        _, refused = used(schema.decode, data)
        assert (refused is None) is taken, expansion
    assert Schema(array(chain(1)), limits=Limits(expansion=0)).decode(many(b"\2", 100)) == [{"f0": 1}] * 100


def test_missing_fields_that_are_made_count() -> None:
    """What a default factory makes for a field that this writer left out counts as for one it does not have."""
    data = Schema(list[Absent]).encode([Absent(1)])
    assert Schema(list[Absent]).decode(data) == [Absent(1)]
