"""Which types the decoder makes itself, and that all types come out as msgspec would make them."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import uuid
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar

import msgspec
import pytest

from engines import read
from safecodec import PayloadError, avro
from safecodec.avro.limits import Limits
from safecodec.avro.reference import ReferenceEncoder

T = TypeVar("T")
LEAST = msgspec.Meta(ge=0)
SHORT = msgspec.Meta(max_length=1)
NOW = datetime.datetime(2026, 11, 24, tzinfo=datetime.UTC)


class Colour(enum.Enum):
    """An enum."""

    RED = "red"


class Inner(msgspec.Struct):
    """A record inside."""

    name: str


class Tree(msgspec.Struct):
    """A record in itself."""

    children: list[Tree] = []
    best: Tree | None = None


class Checked(msgspec.Struct):
    """A record with a check of its own."""

    x: int

    def __post_init__(self) -> None:
        self.x = abs(self.x)


class ByName(msgspec.Struct, kw_only=True):
    """A record that is made by keywords."""

    x: int


class Listed(msgspec.Struct, array_like=True):
    """A record that is an array elsewhere."""

    x: int


class Tagged(msgspec.Struct, tag=True):
    """A record with a tag."""

    x: int


class Camel(msgspec.Struct, rename="camel"):
    """A record with other names when encoded."""

    first_name: str


class Box(msgspec.Struct, Generic[T]):
    """A generic record."""

    content: T


VALUES: list[tuple[Any, Any]] = [
    (int, 7),
    (bytes, b"x"),
    (Decimal, Decimal("1.5")),
    (uuid.UUID, uuid.UUID(int=7)),
    (datetime.datetime, NOW),
    (list[float], [1.5]),
    (dict[str, list[str]], {"a": ["ä"]}),
    (int | None, None),
    (list[Inner | None], [Inner("a"), None]),
    (Tree, Tree([Tree(), Tree()], Tree([Tree()]))),
    (Camel, Camel("Ada")),
    (Annotated[int, LEAST], 7),
    (list[Annotated[str, SHORT]], ["a"]),
    (Annotated[list[str], SHORT], ["a"]),
    (Annotated[dict[str, int], SHORT], {"a": 1}),
    (dict[Annotated[str, SHORT], int], {"a": 1}),
    (Annotated[datetime.datetime, msgspec.Meta(tz=True)], NOW),
    (set[int], {1, 2}),
    (tuple[int, ...], (1, 2)),
    (int | str, "a"),
    (int | str | None, 7),
    (Colour, Colour.RED),
    (Any, {"a": [1]}),
    (Checked, Checked(-7)),
    (ByName, ByName(x=7)),
    (Listed, Listed(7)),
    (Tagged, Tagged(7)),
    (Box[int], Box(7)),
    (list[Checked], [Checked(-7)]),
]


@pytest.mark.parametrize(
    ("type_", "value"),
    VALUES,
    ids=lambda one: str(one)[:40],
)
def test_types_come_out_as_they_went_in(type_: Any, value: Any) -> None:
    """Every type comes out of both engines as it went in."""
    schema = avro.Schema(msgspec.defstruct("Version", [("field", type_)]))
    payload = ReferenceEncoder(schema, schema).encode(schema.type(value))
    assert read(schema, schema, payload).field == value


def test_constraints_are_checked() -> None:
    """A type's constraints hold for what another writer wrote."""
    free, bound = (
        avro.Schema(msgspec.defstruct("Version", [("field", kind)])) for kind in (int, Annotated[int, LEAST])
    )
    with pytest.raises(PayloadError, match="a value at least 0 is expected, this is -1") as caught:
        free.decode(free.encode(free.type(-1)), type=bound.type)
    assert caught.value.path == "$.field"


OLD = msgspec.defstruct("Version", [("b", int), ("a", str)])


@pytest.mark.parametrize(
    ("reader", "expected"),
    [
        (msgspec.defstruct("Version", [("a", str), ("b", float)]), ("x", 7.0)),
        (msgspec.defstruct("Version", [("a", str)]), ("x",)),
        (msgspec.defstruct("Version", [("a", str), ("b", int), ("c", int, 3)]), ("x", 7, 3)),
    ],
    ids=["another order", "fewer fields", "more fields"],
)
def test_a_record_is_filled_by_name(reader: Any, expected: tuple[Any, ...]) -> None:
    """Fields find their place by name, whatever their order on the wire and in the type."""
    writer, target = avro.Schema(OLD), avro.Schema(reader)
    found = read(writer, target, writer.encode(OLD(7, "x")))
    assert found == reader(*expected)
    assert [type(one) for one in msgspec.structs.astuple(found)] == [type(one) for one in expected]


def test_types_keep_no_plan_alive() -> None:
    """A plan that holds classes, and itself, is freed: nothing is left of hundreds of them."""
    import gc

    gc.collect()
    before = len(gc.get_objects())
    for _ in range(200):
        schema = avro.Schema(Tree)
        schema.decode(b"\x00\x00")
    del schema
    gc.collect()
    assert len(gc.get_objects()) - before < 200


def test_a_codec_that_its_class_holds_is_freed() -> None:
    """A class that holds its own codec, as services do, is freed with it: hundreds of them leave nothing behind."""
    import gc

    from safecodec import Codec

    gc.collect()
    before = len(gc.get_objects())
    for _ in range(100):
        held: Any = type("Held", (), {"__annotations__": {"x": int}})
        held = dataclasses.dataclass(held)
        held.codec = Codec(held, subject="held", version=1, environment="test")
        held.view = held.codec.reader(held)
        assert held.codec.decode(held.codec.encode(held(7))) == held(7)
    del held
    gc.collect()
    assert len(gc.get_objects()) - before < 200


def test_one_field_may_fill_several() -> None:
    """Where aliases give a written field to more of the reader's, each reads it as its own type."""

    def record(*fields: dict[str, Any]) -> avro.Schema:
        return avro.Schema({"type": "record", "name": "R", "fields": [*fields, {"name": "last", "type": "string"}]})

    writer = record({"name": "gone", "type": "long"}, {"name": "a", "type": "long"})
    reader = record({"name": "b", "type": "double", "aliases": ["a"]}, {"name": "a", "type": "long"})
    found = read(writer, reader, writer.encode({"gone": 1, "a": 7, "last": "x"}))
    assert found == {"b": 7.0, "a": 7, "last": "x"}
    assert [type(one) for one in found.values()] == [float, int, str]


def pairs(key: Any) -> avro.Schema:
    """A dict whose keys are of a type that is no text."""
    fields = [{"name": "_0", "type": key}, {"name": "_1", "type": "string"}]
    entry = {"type": "record", "name": "E", "safecodec.tuple": True, "fields": fields}
    return avro.Schema({"type": "array", "items": entry, "safecodec.map": True})


def test_a_dict_of_pairs_is_read_as_its_pairs_say() -> None:
    """Keys may come in several blocks, the last of two equal ones counts, and a key without a hash is a verdict."""
    assert pairs("long").decode(b"\x02\x02\x02a\x04\x04\x02b\x02\x02c\x00") == {1: "c", 2: "b"}
    assert pairs("long").decode(b"\x00") == {}
    with pytest.raises(PayloadError) as caught:
        pairs({"type": "array", "items": "long"}).decode(b"\x02\x02\x02\x00\x02a\x00")
    assert "unhashable" in str(caught.value)
    deep = avro.Schema(pairs("long").json, limits=Limits(depth=1))
    with pytest.raises(PayloadError, match="nests too deep"):
        deep.decode(b"\x02\x02\x02a\x00")
