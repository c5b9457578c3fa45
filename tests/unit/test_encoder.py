"""What the compiled encoder takes, refuses and writes, where it differs from the plainest case."""

from __future__ import annotations

import datetime
import enum
import itertools
import math
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, TypedDict, get_args

import msgspec
import pytest

from safecodec import Breathing, Codec, EncodeError, ValueTooLargeError
from safecodec.avro import Limits, Schema, compile
from safecodec.avro.logical import put_long
from safecodec.avro.reference import ReferenceEncoder

NOW = datetime.datetime(2026, 11, 25, 12, 30, 15, 999_000, tzinfo=datetime.UTC)
EAST = datetime.timezone(datetime.timedelta(hours=5))
FLOATS = {"type": "array", "items": "float"}


def record(*fields: Any, name: str = "R", **more: Any) -> dict[str, Any]:
    """A record of these fields."""
    return {"type": "record", "name": name, "fields": list(fields), **more}


def one(kind: Any, name: str = "f", **more: Any) -> dict[str, Any]:
    """A field f."""
    return {"name": name, "type": kind, **more}


def written(source: Any, writer: Any, value: Any) -> bytes:
    """A value of one schema written in another, by both engines, which agree."""
    from_, to = Schema(source), Schema(writer)
    payload = compile.encoder(to, from_).encode(value)
    assert payload == ReferenceEncoder(to, from_).encode(value)
    return payload


def refused(schema: Any, value: Any, **more: Any) -> EncodeError:
    """The error for a value that a schema does not take."""
    with pytest.raises(EncodeError) as caught:
        Schema(schema, **more).encode(value)
    return caught.value


# ---- older versions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "writer", "value", "expected"),
    [
        ("int", "long", 7, b"\x0e"),
        ("int", "double", 7, b"\0\0\0\0\0\0\x1c@"),
        ("long", "float", 7, b"\0\0\xe0@"),
        ("float", "double", 1.5, b"\0\0\0\0\0\0\xf8?"),
        ("string", "bytes", "é", b"\x04\xc3\xa9"),
        ("bytes", "string", b"ab", b"\x04ab"),
        ("bytes", "string", bytearray(b"ab"), b"\x04ab"),
        ({"type": "int", "logicalType": "date"}, "long", datetime.date(1970, 1, 2), b"\x02"),
        ({"type": "int", "logicalType": "date"}, "int", datetime.date(1970, 1, 2), b"\x02"),
        ("long", ["null", "double"], 7, b"\x02\0\0\0\0\0\0\x1c@"),
        (["null", "int"], ["int", "null"], 7, b"\x00\x0e"),
        (record(one("long", "a"), one("long", "b")), record(one("long", "b")), {"a": 1, "b": 2}, b"\x04"),
        (record(one("long", "a")), record(one("long", "a"), one("string", "b", default="x")), {"a": 1}, b"\x02\x02x"),
        (record(one("int", default=7)), record(one("long")), {}, b"\x0e"),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]},
         {"type": "enum", "name": "E", "symbols": ["B", "A"]}, "A", b"\x02"),
    ],
)  # fmt: skip
def test_another_version_is_written(source: Any, writer: Any, value: Any, expected: bytes) -> None:
    """A value of one schema is written as another's, promoted and with defaults, as a reader would resolve it."""
    assert written(source, writer, value) == expected


@pytest.mark.parametrize(
    ("source", "writer", "value", "words"),
    [
        ("int", "double", 7.5, "whole number (int) is expected"),
        ("int", "double", True, "whole number (int) is expected"),
        ("int", "double", 2**31, "beyond the range of int"),
        ("int", "long", 2**31, "beyond the range of int"),
        ("float", "double", 1e300, "beyond the range of float"),
        ("long", "double", 2**53 + 1, "has no exact double"),
        ("bytes", "string", b"\xff", "UnicodeDecodeError"),
        ("string", "bytes", b"x", "a str is expected"),
    ],
)
def test_what_a_version_cannot_hold_is_refused(source: Any, writer: Any, value: Any, words: str) -> None:
    """Writing another version loses nothing: what it cannot hold is an error."""
    with pytest.raises(EncodeError) as caught:
        compile.encoder(Schema(writer), Schema(source)).encode(value)
    assert words in str(caught.value)


def test_fields_that_are_not_written_are_checked() -> None:
    """A value that the newest version does not allow is refused, whatever version is written."""
    source, writer = record(one("long", "a"), one("string", "b")), record(one("long", "a"))
    with pytest.raises(EncodeError) as caught:
        compile.encoder(Schema(writer), Schema(source)).encode({"a": 1, "b": 2})
    assert caught.value.path == "$.b"
    with pytest.raises(EncodeError, match="missing and has no default"):
        compile.encoder(Schema(writer), Schema(source)).encode({"a": 1})
    optional = record(one("long", "a"), one("string", "b", default="x"))
    assert compile.encoder(Schema(writer), Schema(optional)).encode({"a": 1}) == b"\x02"


@dataclass
class Newer:
    """A version that dropped a field."""

    a: int


@dataclass
class Older:
    """The version before, whose class makes the field."""

    a: int
    made: list[int] = field(default_factory=lambda: [1, 2])


def test_an_older_version_s_class_makes_its_fields() -> None:
    """A field that only the written version has is made by that version's class."""
    payload = compile.encoder(Schema(Older), Schema(Newer)).encode(Newer(7))
    assert Schema(Older).decode(payload) == Older(7, [1, 2])


# ---- what a record may be ------------------------------------------------------------------------------------------


class View(Mapping[str, Any]):
    """A mapping that is no dict."""

    def __init__(self, **values: Any) -> None:
        self.values_ = values

    def __getitem__(self, key: str) -> Any:
        return self.values_[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_)

    def __len__(self) -> int:
        return len(self.values_)


class Sub(dict[str, Any]):
    """A dict of a class of its own."""


PAIR = record(one("long", "a"), one({"type": "map", "values": "long"}, "b", default={}))


@pytest.mark.parametrize(
    "value",
    [
        {"a": 1, "b": {"k": 2}},
        Sub(a=1, b=Sub(k=2)),
        View(a=1, b=View(k=2)),
        types.SimpleNamespace(a=1, b={"k": 2}),
        types.MappingProxyType({"a": 1, "b": types.MappingProxyType({"k": 2})}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_record_is_any_mapping_or_object(value: Any) -> None:
    """Where no type says what a record is, dicts, mappings and objects with its attributes are."""
    assert written(PAIR, PAIR, value) == b"\x02\x02\x02k\x04\x00"


@pytest.mark.parametrize("value", ["text", 7, None, [1], (1, 2), {1}, b"x"])
def test_plain_values_are_no_records(value: Any) -> None:
    """A text or a number is no record, whatever attributes it has."""
    assert "a record is expected" in refused(PAIR, value).reason


def test_unknown_and_missing_keys() -> None:
    """A key that the record lacks is refused by name, and a field without a default has to be there."""
    assert refused(PAIR, {"a": 1, "c": 2}).reason == "the record has no field 'c'"
    assert refused(PAIR, View(a=1, c=2)).reason == "the record has no field 'c'"
    assert refused(PAIR, {"a": 1, Strange(): 2}).reason == "the record has no field an object of Strange"
    assert refused(PAIR, {}).path == "$.a"
    assert Schema(PAIR).encode({"a": 1}) == b"\x02\x00"


class Base(msgspec.Struct):
    """A Struct."""

    a: int


class Derived(Base):
    """One that has more."""

    b: int = 0


class Point(NamedTuple):
    """A NamedTuple."""

    x: int
    y: int = 2


class Point3(Point):
    """A subclass of one."""


@dataclass
class Holder:
    """A dataclass of a Struct and a NamedTuple."""

    base: Base
    point: Point


def test_subclasses_take_the_slow_way() -> None:
    """A subclass has the fields of its base; another class has not, whatever its attributes."""
    schema = Schema(Holder)
    assert schema.encode(Holder(Derived(1, 5), Point3(3))) == schema.encode(Holder(Base(1), Point(3)))
    assert refused(Holder, Holder({"a": 1}, Point(1))).path == "$.base"  # type: ignore[arg-type]
    assert "a Point is expected, this is tuple" in refused(Holder, Holder(Base(1), (1, 2))).reason  # type: ignore[arg-type]


def test_a_deleted_attribute_is_missing() -> None:
    """An object without one of its fields is refused, with the field's path."""
    base = Base(1)
    del base.a
    assert refused(Base, base).path == "$.a"


class Options(TypedDict):
    """Keys that may be missing."""

    name: str
    limit: NotRequired[int]
    note: NotRequired[int | None]


@pytest.mark.parametrize("value", [{"name": "x"}, {"name": "x", "limit": 3}, {"name": "x", "note": None}])
def test_keys_that_may_be_missing(value: Any) -> None:
    """A key that is missing comes back missing, and None comes back as None."""
    schema = Schema(Options)
    data = schema.encode(value)
    assert schema.decode(data) == value
    assert ReferenceEncoder(schema, schema).encode(value) == data


def test_none_is_not_missing() -> None:
    """Where None is no value of the field, it is refused, though the field may be missing."""
    assert refused(Options, {"name": "x", "limit": None}).path == "$.limit"
    untyped = Schema(Schema(Options).json)
    assert untyped.decode(untyped.encode({"name": "x", "note": None})) == {"name": "x", "note": None}
    with pytest.raises(EncodeError, match="is expected, this is NoneType"):
        untyped.encode({"name": "x", "limit": None})


# ---- unions ----------------------------------------------------------------------------------------------------------

TWO = [record(one("long"), name="x.A"), record(one("long"), one("long", "g", default=0), name="B")]


def test_a_value_of_two_branches_is_named() -> None:
    """A value that fits two records is refused unless it says which, by the full name or the short one."""
    error = refused(TWO, {"f": 1})
    assert "fits more than one branch of the union: record 'x.A', record 'B'" in error.reason
    schema = Schema(TWO)
    with pytest.raises(EncodeError, match="name one, as \\(name, value\\)"):
        ReferenceEncoder(schema, schema).encode({"f": 1})
    assert schema.encode(("x.A", {"f": 1})) == schema.encode(("A", {"f": 1})) == b"\x00\x02"
    assert schema.encode(("B", {"f": 1})) == b"\x02\x02\x00"
    assert schema.encode({"f": 1, "g": 2}) == b"\x02\x02\x04"


def test_a_map_beside_a_record_is_named_too() -> None:
    """An array or a map is named by its kind."""
    schema = Schema([record(one("long"), name="A"), {"type": "map", "values": "long"}])
    assert "fits more than one" in refused(schema, {"f": 1}).reason
    assert schema.encode(("map", {"f": 1})) == b"\x02\x02\x02f\x02\x00"
    assert schema.encode({"k": 1}) == b"\x02\x02\x02k\x02\x00"
    objects = Schema([record(one("long"), name="A"), "string"])
    assert objects.encode(types.SimpleNamespace(f=1)) == b"\x00\x02"
    assert "is of no branch of the union: record 'A', string" in refused(objects, types.SimpleNamespace(g=1)).reason


@pytest.mark.parametrize(
    ("union", "value", "index"),
    [
        (["int", "long"], 7, 0),
        (["int", "long"], 2**40, 1),
        (["long", "boolean"], True, 1),
        (["long", "double"], 7, 0),
        (["null", "double"], 7, 1),
        (["string", {"type": "enum", "name": "E", "symbols": ["A"]}], "A", 0),
        ([{"type": "fixed", "name": "F", "size": 2}, "bytes"], b"abc", 1),
        ([{"type": "array", "items": "string"}, "string"], ("a", "b"), 0),
        (["null", {"type": "array", "items": "long"}], [], 1),
        (["null", {"type": "int", "logicalType": "time-millis"}], datetime.time(1), 1),
        (["null", {"type": "enum", "name": "E", "symbols": ["A"]}], ("E", "A"), 1),
    ],
)
def test_a_branch_goes_by_the_exact_type_first(union: Any, value: Any, index: int) -> None:
    """The branch of a value's type is taken; where several have it, the first that holds the value."""
    assert Schema(union).encode(value)[0] == 2 * index


class Colour(enum.Enum):
    """An enum."""

    RED = "red"


class Anything(msgspec.Struct):
    """A union of classes."""

    field: Base | list[int] | Colour | None
    other: dict[str, int] | bool | None = None


@pytest.mark.parametrize("value", [Base(1), Derived(1, 2), [1], (1, 2), Colour.RED, None])
def test_a_union_of_classes(value: Any) -> None:
    """Classes choose their branch, and subclasses that of their base."""
    schema = Schema(Anything)
    found = schema.decode(schema.encode(Anything(value, {"k": 1}))).field
    assert found == (Base(1) if isinstance(value, Derived) else [1, 2] if value == (1, 2) else value)


def test_a_value_of_no_branch() -> None:
    """A value that no branch takes is refused with all of them."""
    assert "str 'x' is of no branch of the union: null, long" in refused(["null", "long", FLOATS], "x").reason
    assert refused(["null", "long"], "x").reason == "a whole number (long) is expected, this is str 'x'"


# ---- leaves ----------------------------------------------------------------------------------------------------------


class Text(str):
    """A text of a class of its own."""

    __slots__ = ()


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ("string", Text("ab"), b"\x04ab"),
        ("string", "é", b"\x04\xc3\xa9"),
        ("bytes", bytearray(b"ab"), b"\x04ab"),
        ("bytes", memoryview(b"ab"), b"\x04ab"),
        ({"type": "fixed", "name": "F", "size": 2}, bytearray(b"ab"), b"ab"),
        ("float", 1, b"\0\0\x80?"),
        ("double", 1, b"\0\0\0\0\0\0\xf0?"),
        ("string", "x" * 5000, b"\x90\x4e" + b"x" * 5000),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, "".join(["B"]), b"\x02"),
        ({"type": "array", "items": "long"}, frozenset([3, 1]), b"\x04\x02\x06\x00"),
        ({"type": "array", "items": "null"}, {None}, b"\x02\x00"),
        ({"type": "long", "logicalType": "timestamp-millis"}, NOW, None),
        ({"type": "long", "logicalType": "timestamp-nanos"}, NOW, None),
        ({"type": "long", "logicalType": "timestamp-millis"}, NOW.astimezone(EAST), None),
        ({"type": "int", "logicalType": "date"}, datetime.date(1, 1, 1), None),
        ({"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}, Decimal("1.5"), b"\x04\x00\x96"),
    ],
)  # fmt: skip
def test_odd_values_of_the_right_kind(schema: Any, value: Any, expected: bytes | None) -> None:
    """Subclasses, buffers, whole numbers as floats and other time zones are written, as the reference writes them."""
    assert written(schema, schema, value) == (written(schema, schema, value) if expected is None else expected)


@pytest.mark.parametrize(
    ("schema", "value", "words"),
    [
        ("null", 0, "None is expected, this is int 0"),
        ("boolean", 1, "a bool is expected, this is int 1"),
        ("int", True, "a whole number (int) is expected, this is bool True"),
        ("int", 2**31, "2147483648 is beyond the range of int"),
        ("long", 2**63, "beyond the range of long"),
        ("float", "1", "a number (float) is expected"),
        ("float", 1e39, "1e+39 is beyond the range of float"),
        ("double", 2**53 + 1, "has no exact double"),
        ("double", 10**400, "has no exact double"),
        ("string", "\ud800", "the text has no UTF-8 form: surrogates not allowed at 0"),
        ("string", b"x", "a str is expected, this is bytes b'x'"),
        ("bytes", "x", "bytes is expected, this is str 'x'"),
        ("bytes", memoryview(b"abcd")[::2], "no C-contiguous buffer"),
        ({"type": "fixed", "name": "F", "size": 2}, b"abc", "2 bytes is expected, this is bytes b'abc'"),
        ({"type": "fixed", "name": "F", "size": 2}, bytearray(b"abc"), "2 bytes is expected"),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, "C", "'C' is none of the symbols A, B"),
        ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, 7, "7 is none of the symbols A, B"),
        ({"type": "long", "logicalType": "timestamp-micros"}, NOW.replace(tzinfo=None), "no time zone"),
        ({"type": "long", "logicalType": "timestamp-millis"}, NOW.replace(microsecond=1), "no whole number of millis"),
        ({"type": "long", "logicalType": "timestamp-nanos"}, NOW.replace(year=2300), "beyond 64 bits"),
        ({"type": "int", "logicalType": "date"}, NOW, "a date is expected"),
        (FLOATS, "abc", "an array is expected, this is str 'abc'"),
        ({"type": "map", "values": "long"}, [1], "a map is expected, this is list [1]"),
        ({"type": "map", "values": "long"}, {1: 1}, "a str as key is expected, this is int 1"),
    ],
)
def test_values_of_another_kind_are_refused(schema: Any, value: Any, words: str) -> None:
    """A value of another type or beyond the range is an error that says what is expected and what was found."""
    assert words in refused(schema, value).reason


class Strange:
    """A value whose own code fails."""

    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_whatever_a_value_s_own_code_does() -> None:
    """The error for a value is ours, even where the value cannot be shown."""
    assert refused("long", Strange()).reason.endswith("this is Strange an object of Strange")


def test_an_enum_takes_its_members_alone() -> None:
    """Where a Python enum is the type, its members are the values, and texts are not."""
    holder = msgspec.defstruct("H", [("f", Colour)])
    assert Schema(holder).encode(holder(Colour.RED)) == b"\x00"
    assert refused(holder, holder("red")).reason == "'red' is none of the symbols red"


def test_constraints_are_checked_where_they_are() -> None:
    """What a type demands of a value is checked when it is written, with the place."""
    holder = msgspec.defstruct(
        "H", [("f", list[Annotated[int, msgspec.Meta(ge=0)]]), ("g", Annotated[list[int], msgspec.Meta(max_length=1)])]
    )
    schema = Schema(holder)
    assert schema.decode(schema.encode(holder([1], [2]))) == holder([1], [2])
    assert refused(holder, holder([1, -1], [])).path == "$.f[1]"
    assert refused(holder, holder([], [1, 2])).path == "$.g"


def test_tuples_are_checked() -> None:
    """Each item of a tuple is one of its type, and there are as many."""
    holder = msgspec.defstruct("H", [("f", tuple[int, str])])
    schema = Schema(holder)
    assert schema.decode(schema.encode(holder((1, "x")))).f == (1, "x")
    assert refused(holder, holder(("x", 1))).path == "$.f.item0"
    for wrong in ((1,), (1, "x", 2), [1, "x"], 7):
        assert "a tuple of 2 items is expected" in refused(holder, holder(wrong)).reason


# ---- containers and limits -----------------------------------------------------------------------------------------


class Growing(list[int]):
    """A list that changes when it is iterated."""


class Meddler:
    """An object whose attribute changes the list or dict that it is in."""

    def __init__(self, act: Any) -> None:
        self.act = act

    @property
    def f(self) -> int:
        self.act()
        return 1


@dataclass
class Row:
    f: int


class MeddlingRow(Meddler, Row):  # type: ignore[override]
    """A row of this kind."""


def test_a_container_that_changes_meanwhile() -> None:
    """A list or dict that changes while it is written is refused, as its count is out already."""
    schema = Schema({"type": "array", "items": record(one("long"))})
    for act in ("clear", "append"):
        items: list[Any] = []
        items += [Meddler(items.clear if act == "clear" else lambda items=items: items.append(None)), {"f": 2}]
        assert refused(schema, items).reason == "the list changed while it was written"
    values: dict[str, Any] = {}
    values |= {"a": Meddler(values.clear), "b": {"f": 2}}
    assert refused({"type": "map", "values": record(one("long"))}, values).reason == (
        "the dict changed while it was written"
    )
    pairs: dict[int, Any] = {}
    pairs |= {1: MeddlingRow(pairs.clear), 2: Row(2)}
    assert refused(dict[int, Row], pairs).reason == "the dict changed while it was written"


class FleetingTuple(tuple[int, ...]):
    """A tuple that cannot be iterated."""

    def __iter__(self) -> Iterator[int]:
        raise ValueError("it changed meanwhile")


class FleetingSet(frozenset[int]):
    """A set that cannot be iterated."""

    def __iter__(self) -> Iterator[int]:
        raise ValueError("it changed meanwhile")


class FleetingMapping(Mapping[str, int]):
    """A mapping that cannot be iterated."""

    def __iter__(self) -> Iterator[str]:
        raise ValueError("it changed meanwhile")

    def __getitem__(self, key: str) -> int:
        raise KeyError(key)

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "array", "items": "int"}, FleetingTuple((1, 2))),
        ({"type": "array", "items": "int"}, FleetingSet((1, 2))),
        ({"type": "map", "values": "int"}, FleetingMapping()),
        (record(one("int")), FleetingMapping()),
        ([record(one("int", default=0)), record(one("int"), name="S")], FleetingMapping()),
    ],
    ids=["tuple", "set", "map", "record", "union"],
)
def test_a_container_whose_own_code_fails(schema: Any, value: Any) -> None:
    """A ValueError of a container's own code, while it is looked through, is a refusal with the place."""
    error = refused(record(one(schema, "outer"), name="O"), {"outer": value})
    assert (error.reason, error.path) == ("ValueError: it changed meanwhile", "$.outer")


CHAIN = record(one(["null", "R"], default=None))


def test_limits_hold_for_what_is_written() -> None:
    """What a reader within the limits could not read is not written, and the error names the limit."""
    deep: Any = {"f": {"f": None}}
    assert Schema(CHAIN, limits=Limits(depth=2)).encode(deep) == b"\x02\x00"
    error = refused(CHAIN, deep, limits=Limits(depth=1))
    assert (error.reason, error.path) == ("the value nests too deep, the limit depth is 1 levels", "$.f")
    nulls = {"type": "array", "items": "null"}
    assert "empty_items" in refused(nulls, [None] * 3, limits=Limits(empty_items=2)).reason
    assert "empty_items" in refused(nulls, {None}, limits=Limits(empty_items=0)).reason
    with pytest.raises(ValueTooLargeError, match="4 bytes, the limit payload is 3"):
        Schema("string", limits=Limits(payload=3)).encode("abc")


Many = enum.Enum("Many", [f"S{at}" for at in range(3000)])  # type: ignore[misc]


@pytest.mark.parametrize("type_", [Many, Literal[tuple(range(3000))], Literal[tuple(f"S{at}" for at in range(3000))]])
def test_enums_of_many_symbols(type_: Any) -> None:
    """Each of many symbols is written by its own index, from an object that only equals it, and no other is."""
    schema = Schema(list[type_])
    symbols = list(Many) if type_ is Many else list(get_args(type_))
    alike = [
        one if type_ is Many else (str(one) + "!")[:-1] if isinstance(one, str) else int(str(one)) for one in symbols
    ]
    assert schema.decode(schema.encode(alike)) == symbols
    others: list[Any] = ["S3000", 3000, -1, True, 7.0, b"S1", [], Decimal(7)]
    for other in others:
        with pytest.raises(EncodeError, match=r"is none of the symbols .* and 2980 more") as caught:
            schema.encode([symbols[0], other])
        assert caught.value.path == "$[1]"


TREE = {
    "type": "record",
    "name": "Tree",
    "fields": [{"name": "parts", "type": {"type": "array", "items": "Tree"}}, {"name": "text", "type": "string"}],
}


def test_a_value_that_crosses_the_limit_is_left_where_it_does() -> None:
    """The bytes that are written before a refusal are few more than the limit, whatever the value would take in all."""
    value: Any = {"parts": [], "text": "x" * 1000}
    for _ in range(20):
        value = {"parts": [value] * 8, "text": ""}  # 8**20 texts
    for limit in (100, 5_000, 1_000_000):
        with pytest.raises(ValueTooLargeError, match="bytes or more, the limit payload is") as refusal:
            Schema(TREE, limits=Limits(payload=limit)).encode(value)
        assert limit < refusal.value.found < limit + 1100
        assert refusal.value.path.startswith("$.parts[0].parts[0]")
    pairs = Schema(set[tuple[str, str]], limits=Limits(payload=10_000))
    with pytest.raises(ValueTooLargeError):
        pairs.encode({("y" * 1000, str(number)) for number in range(20)})
    assert pairs.encode({("y" * 1000, str(number)) for number in range(9)})
    either = Schema(["null", "string", {"type": "array", "items": "string"}], limits=Limits(payload=10))
    with pytest.raises(ValueTooLargeError):
        either.encode(["y" * 100])


PARTS: list[tuple[Any, Any]] = [
    ("long", 2**62),
    ("int", 2**30),
    ("float", 0.5),
    ("double", 0.5),
    ("string", "x"),
    ("string", "é"),
    ("string", "x" * 200),
    ("bytes", b"x"),
    ("bytes", memoryview(b"x")),
    ({"type": "fixed", "name": "F", "size": 8}, b"12345678"),
    ({"type": "fixed", "name": "F", "size": 8}, bytearray(b"12345678")),
    ({"type": "fixed", "name": "F", "size": 8, "logicalType": "decimal", "precision": 9}, Decimal(7)),
    ({"type": "bytes", "logicalType": "decimal", "precision": 9}, Decimal(7)),
    ({"type": "bytes", "logicalType": "decimal", "precision": 30}, Decimal(10**29)),
    ({"type": "long", "logicalType": "time-micros"}, datetime.time(5)),
    ({"type": "long", "logicalType": "timestamp-micros"}, datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)),
    ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, "B"),
    ("boolean", True),
    (["null", "long"], 5),
    (["null", "long"], None),
    ({"type": "array", "items": "long"}, []),
    ({"type": "map", "values": "long"}, {}),
    ({"type": "map", "values": "long"}, {"k": 1}),
]
"""Schemas, and values that are short."""


@pytest.mark.parametrize(("node", "value"), PARTS, ids=[f"{one!r:.60}-{value!r:.9}" for one, value in PARTS])
def test_nothing_is_written_beyond_the_limit(node: Any, value: Any) -> None:
    """Of many values, of whatever type, few more bytes are written than the limit allows."""
    for limit in (100, 101, 102, 5000):
        schema = Schema({"type": "array", "items": node}, limits=Limits(payload=limit))
        with pytest.raises(ValueTooLargeError, match="bytes or more") as refusal:
            schema.encode([value] * 20_000)
        assert limit < refusal.value.found < limit + 1300
        assert refusal.value.path.startswith("$[")


@pytest.mark.parametrize("letter", ["x", "é", "€", "😀"])
def test_texts_and_bytes_of_every_length_find_room(letter: str) -> None:
    """A text, bytes or fixed of any length is written whole, whether the buffer has room for it or grows for it."""
    text, data = Schema("string"), Schema("bytes")
    around = Schema({"type": "array", "items": "string"})
    for length in (*range(240, 270), *range(330, 350), *range(490, 520), *range(1000, 1040, 3), 2000, 5000, 70_000):
        raw = (letter * length).encode()
        written = put_long(len(raw)) + raw
        assert text.encode(letter * length) == data.encode(raw) == written
        assert around.encode(["y", letter * length]) == b"\4\2y" + written + b"\0"
        assert Schema({"type": "fixed", "name": "F", "size": len(raw)}).encode(raw) == raw


@pytest.mark.parametrize("value", ["x" * 2**20, "é" * 2**20, b"x" * 2**20], ids=["ASCII", "text", "bytes"])
def test_a_large_text_that_is_beyond_the_limit_is_not_written(value: str | bytes) -> None:
    """A text or bytes that other threads may run during are refused before a byte is copied."""
    schema = record(one("string" if isinstance(value, str) else "bytes"))
    limits = Limits(payload=2**16 + 100)
    codec = Codec(schema, subject="r", version=1, environment="test", limits=limits, breathing=Breathing())
    with pytest.raises(ValueTooLargeError, match="bytes or more"):
        codec.encode({"f": value})
    assert codec.decode(codec.encode({"f": value[: 2**15]})) == {"f": value[: 2**15]}


def test_a_field_that_is_not_written_has_a_limit_of_its_own() -> None:
    """A value's payload in an older version may have the longest length, whatever its newer fields hold."""
    limits = Limits(payload=3000)
    old = Schema({"type": "record", "name": "R", "fields": [{"name": "a", "type": "string"}]}, limits=limits)
    both = [{"name": "b", "type": "string"}, {"name": "a", "type": "string"}]
    new = Schema({"type": "record", "name": "R", "fields": both}, limits=limits)
    write = compile.encoder(old, new)
    assert write({"b": "y" * 2800, "a": "x" * 2800}) == old.encode({"a": "x" * 2800})
    assert write({"a": "x" * 2800, "b": "y" * 2800}) == old.encode({"a": "x" * 2800})
    with pytest.raises(ValueTooLargeError):
        write({"b": "y" * 9000, "a": ""})


def test_private_attributes_are_written() -> None:
    """Nothing of a class is left out, wherever it stands."""
    attrs = pytest.importorskip("attrs")
    private = attrs.make_class("Private", {"_two": attrs.field(type=int)})
    schema = Schema(dict[int, private])  # type: ignore[valid-type]
    assert schema.decode(schema.encode({1: private(7)})) == {1: private(7)}


def test_keys_in_any_order() -> None:
    """A dict's keys may come in any order, and be other objects than the fields' names: the bytes are the same."""
    schema = Schema(
        record(
            one("long", "first"),
            one("string", "second"),
            one({"type": "bytes", "logicalType": "decimal", "precision": 4}, "third"),
            one(["null", "long"], "fourth", default=None),
        )
    )
    value = {"first": 1, "second": "x", "third": Decimal(12), "fourth": 7}
    expected = schema.encode(value)
    for keys in itertools.permutations(value):
        assert schema.encode({key: value[key] for key in keys}) == expected
        assert schema.encode({key.encode().decode(): value[key] for key in keys}) == expected
        without = {key: value[key] for key in keys if key != "fourth"}
        assert schema.encode(without) == expected[:-2] + b"\x00"
        with pytest.raises(EncodeError, match="no field 'fifth'"):
            schema.encode({key: value[key] for key in keys} | {"fifth": 1})


def test_whole_numbers_in_a_float_are_exact() -> None:
    """A float of single precision takes the whole numbers that it gives back, and no other."""
    schema = Schema("float")
    for whole in (0, -1, 2**24, 2**24 + 2, -(2**100)):
        assert schema.decode(schema.encode(whole)) == whole
    for whole in (2**24 + 1, -(2**24) - 1, 2**53 + 1, 2**2000):
        with pytest.raises(EncodeError, match="has no exact float"):
            schema.encode(whole)
    for wide in (3.5e38, -3.5e38, 1e300):
        with pytest.raises(EncodeError, match="is beyond the range of float"):
            schema.encode(wide)
    for odd in (3.4e38, math.inf, -math.inf):
        assert schema.decode(schema.encode(odd)) == pytest.approx(odd)


RUNS: dict[str, tuple[Any, list[Any], Any]] = {
    "long": (list[int], [0, 1, -1, 2**29, 2**30, -(2**30), 2**59, 2**60, -(2**60), 2**63 - 1, -(2**63)], "x"),
    "double": (list[float], [0.0, -0.0, 1.5, float("inf"), 1e308, 3], None),
    "string": (list[str], ["", "a", "é", "x" * 5000, "y" * 70_000, "🙂"], 1),
    "boolean": (list[bool], [True, False], 2),
    "optional": (list[int | None], [None, 0, 2**40, -(2**63)], "x"),
    "optional text": (list[str | None], [None, "", "é", "x" * 5000], 1),
    "enum": (list[Literal["a", "b"]], ["a", "b", "".join(["", "b"])], "c"),
}


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 600])
def test_lists_of_leaves_are_written_in_runs(name: str, size: int) -> None:
    """Both engines write a list of leaves alike, however many and whichever of them the fast way does not take."""
    kind, values, _ = RUNS[name]
    items = [values[at % len(values)] for at in range(size)]
    payload = written(kind, kind, items)
    assert len(payload) >= size


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("at", [0, 1, 254, 255, 256, 257, 511, 599])
def test_a_wrong_item_of_a_run_is_found_where_it_is(name: str, at: int) -> None:
    """The path of an error has the place of the item, in the first run of a list and in those behind it."""
    kind, values, wrong = RUNS[name]
    items = [values[0]] * 600
    items[at] = wrong
    with pytest.raises(EncodeError) as caught:
        Schema(kind).encode(items)
    assert caught.value.path == f"$[{at}]"
