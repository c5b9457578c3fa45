"""Resolution of a writer's schema with a reader's, by the compiled decoder and by the reference, which agree."""

from __future__ import annotations

import enum
from decimal import Decimal
from typing import Any, NotRequired, TypedDict

import msgspec
import pytest

from engines import read
from safecodec import EncodeError, IncompatibleSchemaError, PayloadError
from safecodec.avro.limits import DEFAULT
from safecodec.avro.logical import put_long
from safecodec.avro.reference import ReferenceEncoder
from safecodec.avro.resolve import resolve
from safecodec.avro.schema import Schema


def record(*fields: Any, name: str = "R", **more: Any) -> dict[str, Any]:
    """A record of these fields."""
    return {"type": "record", "name": name, "fields": list(fields), **more}


def field(kind: Any, name: str = "f", **more: Any) -> dict[str, Any]:
    """A field f."""
    return {"name": name, "type": kind, **more}


def through(writer: Any, reader: Any, value: Any) -> Any:
    """Write a value by one schema and read it by another."""
    one, other = Schema(writer), Schema(reader)
    return read(one, other, ReferenceEncoder(one, one).encode(value))


FIXED = {"type": "fixed", "name": "F", "size": 2}
INTS = {"type": "array", "items": "int"}
AB = {"type": "enum", "name": "E", "symbols": ["A", "B"]}
A = {"type": "enum", "name": "E", "symbols": ["A"], "default": "A"}
DATE = {"type": "int", "logicalType": "date"}
UUID = {"type": "string", "logicalType": "uuid"}
TEN = {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}


@pytest.mark.parametrize(
    ("writer", "reader", "value", "expected"),
    [
        ("int", "long", 7, 7),
        ("int", "double", 7, 7.0),
        ("long", "float", 7, 7.0),
        ("float", "double", 1.5, 1.5),
        ("string", "bytes", "é", "é".encode()),
        ("bytes", "string", "é".encode(), "é"),
        (INTS, {"type": "array", "items": "double"}, [1, 2], [1.0, 2.0]),
        ({"type": "map", "values": "int"}, {"type": "map", "values": "long"}, {"k": 1}, {"k": 1}),
        (AB, A, "B", "A"),
        (FIXED, FIXED, b"ab", b"ab"),
        (["null", "int"], ["null", "long"], 7, 7),
        (["int", "long"], "double", 7, 7.0),
        ("int", ["null", "double", "int"], 7, 7),
        ("int", ["null", "double"], 7, 7.0),
        (record(field("int", "a"), field(INTS, "b")), record(field("long", "a")), {"a": 1, "b": [2]}, {"a": 1}),
        (record(), record(field(INTS, default=[1])), {}, {"f": [1]}),
        (record(field("int")), record(field("int", "g", aliases=["f"])), {"f": 1}, {"g": 1}),
        (record(), record(field("bytes", default="\xff")), {}, {"f": b"\xff"}),
        (record(), record(field(["null", "int"], default=None)), {}, {"f": None}),
        (record(), record(field({"type": "map", "values": "float"}, default={"k": 1})), {}, {"f": {"k": 1.0}}),
        (record(), record(field(record(field("int", "a", default=1), name="S"), default={})), {}, {"f": {"a": 1}}),
        (record(), record(field(AB, default="B")), {}, {"f": "B"}),
        (record(name="Old"), record(name="R", aliases=["x.Old"]), {}, {}),
        ([record(field("int"), name="x.S"), record(name="T")], [record(field("int"), name="S"), record(name="T")],
         ("x.S", {"f": 1}), {"f": 1}),
        (UUID, "string", __import__("uuid").UUID(int=1), str(__import__("uuid").UUID(int=1))),
        (DATE, "int", __import__("datetime").date(1970, 1, 2), 1),
    ],
)  # fmt: skip
def test_what_resolves(writer: Any, reader: Any, value: Any, expected: Any) -> None:
    """A writer's value is read as the specification says (Avro 1.12, *Schema Resolution*)."""
    found = through(writer, reader, value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("writer", "reader", "reasons"),
    [
        ("long", "int", ["the writer has long, the reader int (at $)"]),
        ("int", INTS, ["the writer has int, the reader array (at $)"]),
        (INTS, {"type": "array", "items": "string"}, ["the writer has int, the reader string (at $[])"]),
        ({"type": "map", "values": "int"}, {"type": "map", "values": "null"}, ["(at ${})"]),
        (AB, {**A, "default": "A", "name": "G"}, ["the writer has enum 'E', the reader enum 'G' (at $)"]),
        (AB, {"type": "enum", "name": "E", "symbols": ["A"]}, ["lacks the symbols B and has no default"]),
        (FIXED, FIXED | {"size": 3}, ["the writer has fixed(2), the reader fixed(3)"]),
        (FIXED, FIXED | {"name": "G"}, ["the writer has fixed 'F', the reader fixed 'G'"]),
        (record(), record(name="S"), ["the writer has record 'R', the reader record 'S'"]),
        (["null", "int"], "int", ["the writer has null, the reader int"]),
        ("string", ["null", "int"], ["the reader's union of null, int has no branch for string"]),
        (INTS, ["null", {"type": "array", "items": "null"}], ["the writer has int, the reader null (at $[])"]),
        ("int", DATE, ["the writer has int, the reader int date"]),
        (DATE, {"type": "int", "logicalType": "time-millis"}, ["int date, the reader int time-millis"]),
        (DATE, "float", ["the writer has int date, the reader float"]),
        ({"type": "bytes", "logicalType": "big-decimal"}, "string", ["bytes big-decimal, the reader string"]),
        (
            record(field("long", "a"), field("int", "b")),
            record(field("int", "a"), field("null", "b"), field("int", "c")),
            ["(at $.a)", "(at $.b)", "the reader needs the field 'c', which the writer lacks"],
        ),
    ],
)
def test_what_does_not_resolve(writer: Any, reader: Any, reasons: list[str]) -> None:
    """Every incompatibility is reported, each with its path."""
    with pytest.raises(IncompatibleSchemaError) as caught:
        resolve(Schema(writer), Schema(reader))
    assert len(caught.value.reasons) == len(reasons)
    for found, words in zip(caught.value.reasons, reasons, strict=True):
        assert words in found


def test_names_of_python_classes_do_not_count() -> None:
    """Schemas of types resolve by their shape, also with a schema in words; Any resolves with Any alone."""
    one = msgspec.defstruct("One", [("f", dict[int, str])])
    two = msgspec.defstruct("Two", [("f", dict[int, str])])
    some = msgspec.defstruct("Some", [("f", Any)])
    resolve(Schema(one), Schema(two))
    resolve(Schema(some), Schema(msgspec.defstruct("Other", [("f", Any)])))
    resolve(Schema(msgspec.defstruct("Third", [("f", int)])), Schema(record(field("long"))))
    for writer, reader in ((one, some), (some, one), (one, record(field("bytes"))), (some, record(field("bytes")))):
        with pytest.raises(IncompatibleSchemaError):
            resolve(Schema(writer), Schema(reader))


class Cat(msgspec.Struct, tag="cat"):
    lives: int


class Dog(msgspec.Struct, tag="dog"):
    lives: int


def test_branches_go_by_name() -> None:
    """Records of one shape in a union are told apart by name, in whatever order they stand."""
    either = msgspec.defstruct("Either", [("pet", Cat | Dog)])
    turned = msgspec.defstruct("Turned", [("pet", Dog | Cat)])
    assert through(either, turned, either(Dog(7))).pet == Dog(7)


class Level(enum.Enum):
    LOW = "low"


def test_factories_fill_any_field_of_an_array() -> None:
    """A type laid out as an array fills what was not written wherever it stands: fields go by their names."""
    made = msgspec.field(default_factory=lambda: [1])
    writer = msgspec.defstruct("W", [("a", int), ("c", int)], array_like=True)
    tail = msgspec.defstruct("T", [("a", int), ("c", int), ("b", list[int], made)], array_like=True)
    middle = msgspec.defstruct("M", [("a", int), ("b", list[int], made), ("c", int, 0)], array_like=True)
    assert through(writer, tail, writer(1, 2)) == tail(1, 2, [1])
    assert through(writer, middle, writer(1, 2)) == middle(1, [1], 2)


# ---- what is refused when written ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "value", "words", "path"),
    [
        ("int", 2**31, "beyond the range of int", "$"),
        ("int", True, "a whole number (int) is expected, this is bool", "$"),
        ("long", "7", "a whole number (long)", "$"),
        ("double", "x", "a number (double)", "$"),
        ("double", 2**53 + 1, "has no exact double", "$"),
        ("double", 10**400, "has no exact double", "$"),
        ("float", 1e300, "beyond the range of float", "$"),
        ("boolean", 1, "a bool is expected", "$"),
        ("null", 0, "None is expected", "$"),
        ("string", b"x", "a str is expected", "$"),
        ("string", "\ud800", "no UTF-8 form", "$"),
        ("bytes", "x", "bytes is expected", "$"),
        (FIXED, b"abc", "2 bytes is expected", "$"),
        (AB, "C", "none of the symbols A, B", "$"),
        (INTS, 7, "an array is expected", "$"),
        (INTS, [1, "x"], "a whole number", "$[1]"),
        ({"type": "map", "values": "int"}, [], "a map is expected", "$"),
        ({"type": "map", "values": "int"}, {1: 1}, "a str as key", "$"),
        ({"type": "map", "values": "int"}, {"\ud800": 1}, "no UTF-8 form", "$"),
        ({"type": "map", "values": "int"}, {"k": "x" * 99}, "...", "$['k']"),
        (DATE, 7, "a date is expected", "$"),
        (record(field("int")), {}, "missing and has no default", "$.f"),
        (record(field("int")), {"f": 1, "g": 2}, "no field 'g'", "$"),
        (record(field("int")), 7, "a record is expected", "$"),
        (["null", "int", AB, INTS, record(field("int"))], 1.5, "of no branch of the union: null, int, enum 'E'", "$"),
        (["null", "int"], ("long", 1), "of no branch", "$"),
    ],
)
def test_values_that_are_refused(schema: Any, value: Any, words: str, path: str) -> None:
    """A value that is none of the schema is refused, with its path."""
    with pytest.raises(EncodeError) as caught:
        ReferenceEncoder(Schema(schema), Schema(schema)).encode(value)
    assert words in caught.value.reason
    assert caught.value.path == path


EVERY = [
    "null", "boolean", "double", "string", "bytes", FIXED, AB, INTS, {"type": "map", "values": "int"},
    record(field("string", "s"), field("int", "i", default=1)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None), (True, True), (1.5, 1.5), (7, 7.0), ("x", "x"), ("A", "A"), (b"abc", b"abc"), ([1], [1]),
        ({"k": 1}, {"k": 1}), (("map", {"s": 1}), {"s": 1}), (("R", {"s": "y"}), {"s": "y", "i": 1}),
        (("E", "B"), "B"), (("F", b"ab"), b"ab"), (float("inf"), float("inf")),
    ],
)  # fmt: skip
def test_unions_take_the_branch_of_a_value(value: Any, expected: Any) -> None:
    """A value goes into the branch of its type, an int into a double if nothing else takes it, or the one named."""
    assert through(EVERY, EVERY, value) == expected


def test_factories_fill_what_an_older_writer_lacks() -> None:
    """A field that was not written and has a factory is filled by the type, in a record of names too."""
    made = msgspec.field(default_factory=lambda: [1])
    one, two = msgspec.defstruct("One", [("a", int)]), msgspec.defstruct("Two", [("a", int), ("b", list[int], made)])
    assert through(one, two, one(7)) == two(7, [1])


class Settings(TypedDict):
    name: str
    limit: NotRequired[int]


def test_keys_that_may_be_missing_stay_missing() -> None:
    """A key that was not written is not there when it is read, whether the writer knew of it or not."""
    older = msgspec.defstruct("Older", [("name", str)])
    assert through(older, Settings, older("x")) == {"name": "x"}
    assert through(Settings, Settings, {"name": "x"}) == {"name": "x"}
    assert through(Settings, Settings, {"name": "x", "limit": 7}) == {"name": "x", "limit": 7}


class Spot(msgspec.Struct, array_like=True, tag="spot"):
    x: int


class Line(msgspec.Struct, array_like=True, tag="line"):
    x: int


def test_branches_laid_out_as_arrays_go_by_tag() -> None:
    """Records that are arrays are told apart by the tag in front."""
    shapes = msgspec.defstruct("Shapes", [("all", list[Spot | Line])])
    value = shapes([Line(1), Spot(2)])
    assert through(shapes, shapes, value) == value


def test_decimals_by_default_of_another_scale() -> None:
    """A decimal is brought to its schema's scale, in fixed too."""
    fixed = {"type": "fixed", "name": "D", "size": 4, "logicalType": "decimal", "precision": 6, "scale": 2}
    for value in (Decimal("1.5"), Decimal("-20"), Decimal("1.500")):
        assert through(fixed, fixed, value) == value


def test_a_union_of_no_close_branch() -> None:
    """Between schemas in words, a record whose name no branch has goes to the first that resolves in full."""
    narrow = {"type": "record", "name": "N", "fields": [{"name": "f", "type": "string"}]}
    wide = {"type": "record", "name": "W", "fields": [{"name": "f", "type": "long"}]}
    other = {"type": "record", "name": "Other", "fields": [{"name": "f", "type": "long"}]}
    assert read(Schema(other), Schema([narrow, wide]), b"\x0e") == {"f": 7}
    none = "the reader's union of record 'N', record 'M' has no branch for record 'Other'"
    with pytest.raises(IncompatibleSchemaError, match=none):
        resolve(Schema(other), Schema([narrow, narrow | {"name": "M"}]))


def test_a_class_goes_to_no_branch_by_structure() -> None:
    """A class whose name no branch of several has is of none of them, even where just one would resolve."""
    narrow = {"type": "record", "name": "N", "fields": [{"name": "f", "type": "string"}]}
    wide = {"type": "record", "name": "W", "fields": [{"name": "f", "type": "long"}]}
    derived = Schema(msgspec.defstruct("Some", [("f", int)]))
    with pytest.raises(IncompatibleSchemaError, match="has no branch for record 'Some'"):
        resolve(derived, Schema([narrow, wide]))
    assert read(derived, Schema(["null", wide]), b"\x0e") == {"f": 7}


def test_deep_values_are_refused() -> None:
    """A value or payload that nests too deep is an error of ours."""
    chain = record(field(["null", "R"], default=None))
    schema = Schema(chain)
    value: Any = None
    for _ in range(5000):
        value = {"f": value}
    with pytest.raises(EncodeError, match="nests too deep"):
        ReferenceEncoder(schema, schema).encode(value)
    with pytest.raises(PayloadError, match="nests too deep"):
        read(schema, schema, b"\x02" * 100_000)


# ---- what is refused when read ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "payload", "words", "path"),
    [
        ("int", b"", "a number is cut off", "$"),
        ("int", put_long(2**31), "more than 32 bits", "$"),
        ("boolean", b"\x02", "the boolean is 0x02", "$"),
        ("boolean", b"", "1 bytes are announced and 0 follow", "$"),
        ("double", b"1234567", "8 bytes are announced and 7 follow", "$"),
        ("string", put_long(-1), "-1 bytes are announced", "$"),
        ("string", b"\x04a", "2 bytes are announced and 1 follow", "$"),
        ("string", b"\x02\xff", "not UTF-8, at byte 1", "$"),
        (FIXED, b"a", "2 bytes are announced", "$"),
        (AB, b"\x04", "the index 2 is none of the enum's 2", "$"),
        (["null", "int"], b"\x01", "the index -1 is none of the union's 2", "$"),
        (record(field(INTS)), b"\x04\x02\x80", "a number is cut off", "$.f[1]"),
        (INTS, b"\x01\x03\x02\x00", "-2 bytes are announced", "$"),
        (INTS, b"\x01\x04\x02\x00", "a block has 1 bytes and says 2", "$"),
        ({"type": "map", "values": "int"}, b"\x02\x02k", "a number is cut off", "$['k']"),
        ("int", b"\x02\x02", "1 bytes are left over", "$"),
        ({"type": "array", "items": "null"}, put_long(DEFAULT.empty_items + 1) + b"\x00", "items without a byte", "$"),
        (DATE, put_long(2**31 - 1), "out of Python's range", "$"),
    ],
)
def test_payloads_that_are_refused(schema: Any, payload: bytes, words: str, path: str) -> None:
    """Bytes that are no value of the schema are refused, with the place in the value."""
    pair = Schema(schema), Schema(schema)
    with pytest.raises(PayloadError) as caught:
        read(*pair, payload)
    assert words in caught.value.reason
    assert caught.value.path == path


def test_blocks_of_stated_size() -> None:
    """Blocks that state their size in bytes are read (Avro 1.12, *Arrays*)."""
    pair = Schema(INTS), Schema(INTS)
    assert read(*pair, b"\x03\x04\x02\x04\x00") == [1, 2]


def test_promoted_text_must_be_text() -> None:
    """Bytes that are promoted to a string and are not UTF-8 are an error."""
    pair = Schema("bytes"), Schema("string")
    with pytest.raises(PayloadError):
        read(*pair, b"\x02\xff")


PAIR = {
    "type": "record",
    "name": "Pair",
    "safecodec.tuple": True,
    "fields": [{"name": "_0", "type": INTS}, {"name": "_1", "type": "string"}],
}
FLAT = {"type": "record", "name": "Flat", "fields": [field("long", "x"), field("bytes", "y")]}
HELD = {"type": "record", "name": "Held", "fields": [field({"type": "map", "values": INTS}, "m"), field(FLAT, "r")]}


@pytest.mark.parametrize(
    ("kind", "default", "expected"),
    [
        (INTS, [1], [1]),
        (INTS, [], []),
        ({"type": "array", "items": INTS}, [[1], []], [[1], []]),
        ({"type": "map", "values": "long"}, {"k": 1}, {"k": 1}),
        (PAIR, {"_0": [1], "_1": "x"}, ([1], "x")),
        ({"type": "array", "items": PAIR}, [{"_0": [1], "_1": "x"}], [([1], "x")]),
        (FLAT, {"x": 1, "y": "\xff"}, {"x": 1, "y": b"\xff"}),
        (HELD, {"m": {"k": [1]}, "r": {"x": 2, "y": ""}}, {"m": {"k": [1]}, "r": {"x": 2, "y": b""}}),
        ([HELD, "null"], {"m": {}, "r": {"x": 2, "y": ""}}, {"m": {}, "r": {"x": 2, "y": b""}}),
    ],
    ids=["list", "empty", "lists", "map", "tuple", "list of tuples", "record", "record of both", "union"],
)
def test_defaults_are_made_anew(kind: Any, default: Any, expected: Any) -> None:
    """Two values share nothing of a default that can be changed, however deep it is, and each is the default."""
    pair = Schema(record()), Schema(record(field(kind, default=default)))
    one, other = read(*pair, b"")["f"], read(*pair, b"")["f"]
    assert one == other == expected
    assert not containers(one) & containers(other)


def containers(value: Any) -> set[int]:
    """The identities of the lists and dicts in a value."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    own = {id(value)} if isinstance(value, list | dict) else set()
    return own.union(*map(containers, parts))


def test_a_union_inside_a_map_of_a_union() -> None:
    """A map's values choose their branches each for itself."""
    kind = ["null", {"type": "map", "values": ["null", "boolean"]}]
    assert through(kind, kind, {"k": True, "n": None}) == {"k": True, "n": None}
    assert through([record(field("long")), "long"], [record(field("long")), "long"], 7) == 7


TIMES = [{"type": "long", "logicalType": f"timestamp-{unit}"} for unit in ("millis", "micros", "nanos")]


def test_a_type_s_logical_types_go_by_their_values() -> None:
    """A timestamp of any unit is its datetime, which another unit gives back or refuses."""
    from datetime import UTC, datetime

    now = datetime(2026, 11, 25, tzinfo=UTC)
    for one in TIMES:
        writer = Schema(record(field(one)))
        data = writer.encode({"f": now})
        reader = msgspec.defstruct("R", [("f", datetime)])
        assert read(writer, Schema(reader), data) == reader(now)
    assert read(Schema(TIMES[0]), Schema(TIMES[1]), b"\x02") == datetime(1970, 1, 1, 0, 0, 0, 1000, tzinfo=UTC)
    with pytest.raises(PayloadError, match="no whole number of millis"):
        read(Schema(TIMES[1]), Schema(TIMES[0]), b"\x02")
    for one, other in ((TIMES[0], "int"), (INTS, TIMES[0])):
        with pytest.raises(IncompatibleSchemaError):
            resolve(Schema(one), Schema(other))
    with pytest.raises(IncompatibleSchemaError):
        resolve(Schema(INTS), Schema(datetime))
    with pytest.raises(IncompatibleSchemaError):
        resolve(Schema(INTS), Schema(datetime | None))
    with pytest.raises(IncompatibleSchemaError):
        resolve(Schema(record(field(DATE))), Schema(msgspec.defstruct("R", [("f", datetime)])))


def test_the_reference_writes_within_the_limits_too() -> None:
    """What nobody could read is not written by the reference either."""
    nulls = Schema({"type": "array", "items": "null"})
    with pytest.raises(EncodeError, match="empty_items"):
        ReferenceEncoder(nulls, nulls).encode([None] * (DEFAULT.empty_items + 1))


def test_a_pair_that_was_refused_before() -> None:
    """A pair that does not resolve is refused wherever it stands: by itself and then as the branch of a union."""
    letters = {"type": "enum", "name": "E", "symbols": ["A", "B"]}
    writer = Schema(record(field(letters), field(["null", "E"], "g")))
    reader = Schema(record(field({**letters, "symbols": ["A"]}), field(["null", "E"], "g")))
    with pytest.raises(IncompatibleSchemaError) as caught:
        resolve(writer, reader)
    assert [reason.partition("(at ")[2] for reason in caught.value.reasons] == ["$.f)", "$.g)"]


def test_records_in_records_resolve_in_no_time() -> None:
    """Records that hold each other many times over are looked at once each."""
    node: Any = {"type": "record", "name": "R0", "fields": [field("long")]}
    for at in range(1, 40):
        node = record(field(node), field(f"R{at - 1}", "g"), name=f"R{at}")
    deep = Schema({"type": "array", "items": node})
    assert deep.decode(b"\x00") == []
