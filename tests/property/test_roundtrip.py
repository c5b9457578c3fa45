"""The round-trip law: what is written is what is read, for every payload, over generated types and values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import shapes
from safecodec import Codec, PayloadFormat, peek

FORMATS = ("avro", "msgpack", "json")
Format = Literal["avro", "msgpack", "json"]
every_format = pytest.mark.parametrize("payload", FORMATS)


def codec(type_: Any, payload: PayloadFormat) -> Codec[Any]:
    """A codec of one version of a type."""
    return Codec(type_, subject="generated", version=1, payload=payload, environment="test")


def check(made: Codec[Any], value: Any, context: bytes | None = None) -> None:
    """Encode, decode, compare; and again, to the same bytes."""
    frame = made.encode(value, context=context)
    again = made.decode(frame, context=context)
    assert shapes.same(again, value), (again, value)
    assert made.encode(again, context=context) == frame
    assert made.encode(value, context=context) == frame


@every_format
@given(data=st.data(), context=st.none() | st.binary(max_size=20))
def test_generated_records_round_trip(payload: Format, data: st.DataObject, context: bytes | None) -> None:
    """decode(encode(value)) is value, to the type of each part; same value, same bytes."""
    shape = data.draw(shapes.records())
    made = codec(shape.type, payload)
    for value in data.draw(st.lists(shape.values, min_size=1, max_size=4)):
        check(made, value, context)


def _wrapped(shape: shapes.Shape) -> tuple[type, Any]:
    import msgspec

    made = msgspec.defstruct("One", [("one", shape.type)])
    return made, shape.values.map(made)


@every_format
@pytest.mark.parametrize("shape", shapes.LEAVES, ids=lambda shape: str(shape.type))
@settings(max_examples=15)
@given(data=st.data())
def test_every_kind_of_field_round_trips(payload: Format, shape: shapes.Shape, data: st.DataObject) -> None:
    """Each kind of field alone, so that none is left to chance."""
    type_, values = _wrapped(shape)
    check(codec(type_, payload), data.draw(values))


@every_format
@pytest.mark.parametrize("type_", [shapes.Plain, shapes.Typed, shapes.Tree, shapes.Row, shapes.Renamed])
@settings(max_examples=15)
@given(data=st.data())
def test_every_kind_of_type_round_trips(payload: Format, type_: Any, data: st.DataObject) -> None:
    """Structs, dataclasses and TypedDicts are versions, recursive, renamed and array-like ones, too."""
    shape = next(shape for shape in shapes.LEAVES if shape.type is type_)
    check(codec(type_, payload), data.draw(shape.values))


@every_format
@settings(max_examples=20)
@given(value=shapes.ANYTHING.map(lambda inner: {"name": "x", "count": 3, "deep": [{"inner": str(inner)}]}))
def test_avro_schemas_round_trip(payload: Format, value: dict[str, Any]) -> None:
    """A version may be an Avro schema: its values are dicts."""
    inner = {"type": "record", "name": "Inner", "fields": [{"name": "inner", "type": "string"}]}
    schema: dict[str, Any] = {
        "type": "record",
        "name": "Outer",
        "fields": [
            {"name": "name", "type": "string"},
            {"name": "count", "type": ["null", "long"], "default": None},
            {"name": "deep", "type": {"type": "array", "items": inner}},
        ],
    }
    check(codec(schema, payload), value)


@every_format
def test_the_order_of_a_set_is_no_part_of_its_value(payload: Format) -> None:
    """Equal sets have the same bytes, however they were built."""
    import msgspec

    made = codec(msgspec.defstruct("Sets", [("numbers", set[int])]), payload)
    type_ = made.schema().type
    numbers = [0, 8, 16, 32, 64, 1024]
    backward: set[int] = set()
    backward.update(reversed(numbers))
    assert made.encode(type_(set(numbers))) == made.encode(type_(backward))


@every_format
def test_frames_say_what_they_hold(payload: Format) -> None:
    """The header has the codec's format, version and fingerprint."""
    made = codec(shapes.Tree, payload)
    header = peek(made.encode(shapes.Tree(1)))
    assert (header.format, header.version, header.oldest_reader) == (payload, 1, 1)
    assert header.fingerprint == made.fingerprint(1).hex()


def test_same_tells_apart() -> None:
    """The comparison of these tests is stricter than ==."""
    different = [(1, 1.0), (1, True), (0.0, -0.0), (Decimal("1.0"), Decimal("1.00")), ([1], (1,)), ({"a": 1}, {"b": 1})]
    assert not any(shapes.same(one, other) for one, other in different)
    assert not shapes.same(shapes.Tree(1), shapes.Tree(1, shapes.Tree(2)))
    assert not shapes.same(shapes.Plain(1), shapes.Plain(1, ["x"]))
    assert shapes.same([{"a": (1, 2.0)}, shapes.Plain(1)], [{"a": (1, 2.0)}, shapes.Plain(1)])
