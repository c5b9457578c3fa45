"""Between plain values and Avro: what a parser refuses and where, and what a printer makes of each type."""

from __future__ import annotations

import datetime
import enum
import uuid
from decimal import Decimal
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict

import msgspec
import pytest

from safecodec import EncodeError, PayloadError, SchemaError
from safecodec.avro import Schema
from safecodec.payload import json, msgpack
from safecodec.payload.transcode import Parser, Printer
from shapes import same

FORMS: dict[bool, tuple[Any, Any]] = {False: (msgpack, msgspec.msgpack), True: (json, msgspec.json)}
both = pytest.mark.parametrize("texts_only", FORMS, ids=["msgpack", "json"])


def record(*fields: Any, name: str = "R", **more: Any) -> dict[str, Any]:
    """A record of these fields."""
    return {"type": "record", "name": name, "fields": list(fields), **more}


def field(kind: Any, name: str = "f", **more: Any) -> dict[str, Any]:
    """A field f."""
    return {"name": name, "type": kind, **more}


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 20


class Cat(msgspec.Struct, tag="cat"):
    lives: int


class Dog(msgspec.Struct, tag="dog"):
    name: str


class Spot(msgspec.Struct, tag="spot", array_like=True):
    x: int
    y: int = 0


class Line(msgspec.Struct, tag="line", array_like=True):
    x: int


class Counted(msgspec.Struct, tag=3, tag_field="kind"):
    x: int


class Sparse(msgspec.Struct, omit_defaults=True):
    a: int = 1
    b: float = 2.0
    c: list[int] = []


class Options(TypedDict):
    name: str
    limit: NotRequired[int | None]


class Anything(TypedDict):
    some: NotRequired[Any]


class Pair(NamedTuple):
    a: int
    b: str = "x"


class Named(TypedDict):
    b: str
    a: int


UUID = uuid.UUID("6f1bd0e8-3a54-4c7e-9c43-0a8cdd0e7c11")
DAY = datetime.date(2026, 1, 2)
NOON = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC)
FIXED = {"type": "fixed", "name": "F", "size": 2}
INSTANT = {"type": "long", "logicalType": "timestamp-micros"}
DURATION = {"type": "fixed", "name": "D", "size": 12, "logicalType": "duration"}


# ---- printing and parsing --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "value", "binary", "text"),
    [
        (None, None, None, None),
        (bool, True, True, True),
        (int, -7, -7, -7),
        (float, 1.5, 1.5, 1.5),
        ("float", 1.5, 1.5, 1.5),
        (str, "é", "é", "é"),
        (bytes, b"\xff", b"\xff", "/w=="),
        (FIXED, b"ab", b"ab", "YWI="),
        (datetime.date, DAY, "2026-01-02", "2026-01-02"),
        (Decimal, Decimal("1.50"), "1.50", "1.50"),
        (uuid.UUID, UUID, str(UUID), str(UUID)),
        (datetime.timedelta, datetime.timedelta(seconds=90), "PT90S", "PT90S"),
        (Any, {"k": [1, None, "x"]}, {"k": [1, None, "x"]}, {"k": [1, None, "x"]}),
        (DURATION, (1, 2, 3), [1, 2, 3], [1, 2, 3]),
        (Level, Level.HIGH, 20, 20),
        (Literal["a b", 1], "a b", "a b", "a b"),
        (list[int], [1, 2], [1, 2], [1, 2]),
        (set[str], {"b", "a"}, ["a", "b"], ["a", "b"]),
        (tuple[int, str], (1, "x"), [1, "x"], [1, "x"]),
        (dict[str, int], {"k": 1}, {"k": 1}, {"k": 1}),
        (dict[int, str], {1: "x"}, {1: "x"}, {"1": "x"}),
        (dict[float, str], {1.5: "x"}, {1.5: "x"}, {"1.5": "x"}),
        (dict[datetime.date, int], {DAY: 1}, {"2026-01-02": 1}, {"2026-01-02": 1}),
        (dict[bytes, int], {b"\xff": 1}, {b"\xff": 1}, {"/w==": 1}),
        (dict[Level, int], {Level.LOW: 1}, {1: 1}, {"1": 1}),
        (Cat, Cat(9), {"type": "cat", "lives": 9}, {"type": "cat", "lives": 9}),
        (Cat | Dog, Dog("x"), {"type": "dog", "name": "x"}, {"type": "dog", "name": "x"}),
        (Spot | Line, Line(1), ["line", 1], ["line", 1]),
        (Counted, Counted(1), {"kind": 3, "x": 1}, {"kind": 3, "x": 1}),
        (Pair, Pair(1), [1, "x"], [1, "x"]),
        (Sparse, Sparse(), {}, {}),
        (Sparse, Sparse(a=7), {"a": 7}, {"a": 7}),
        (Sparse, Sparse(b=2.5, c=[1]), {"b": 2.5, "c": [1]}, {"b": 2.5, "c": [1]}),
        (Options, {"name": "x"}, {"name": "x"}, {"name": "x"}),
        (Options, {"limit": None, "name": "x"}, {"limit": None, "name": "x"}, {"limit": None, "name": "x"}),
        (Options, {"limit": 7, "name": "x"}, {"limit": 7, "name": "x"}, {"limit": 7, "name": "x"}),
        (int | list[Any], [7], [7], [7]),
        (Anything, {}, {}, {}),
        (Anything, {"some": None}, {"some": None}, {"some": None}),
        (Anything, {"some": [7]}, {"some": [7]}, {"some": [7]}),
        (Literal[True, 2], 2, 2, 2),
        (int | float, 7, 7, 7),
        (int | float, 7.0, 7.0, 7.0),
        (Level | str, Level.LOW, 1, 1),
        (list[int] | dict[str, int] | None, {"k": 1}, {"k": 1}, {"k": 1}),
        ([INSTANT, "int"], NOON, NOON, "2026-01-02T12:00:00Z"),
    ],
    ids=str,
)  # fmt: skip
def test_each_type_has_a_plain_form(source: Any, value: Any, binary: Any, text: Any) -> None:
    """A value of each type is written in the form that msgspec has for it, and its Avro binary comes back from that."""
    schema = Schema("null") if source is None else Schema(source)
    payload = schema.encode(value)
    for texts_only, expected in ((False, binary), (True, text)):
        _, library = FORMS[texts_only]
        data = library.encode(Printer(schema.root, texts_only=texts_only).plain(payload))
        plain = library.decode(data)
        assert same(plain, expected)
        assert Parser(schema.root, texts_only=texts_only).avro(plain) == payload
        if schema.type is not None:
            assert library.encode(value) == data or isinstance(value, set)
            assert library.decode(data, type=schema.type) == value


@pytest.mark.parametrize(
    ("source", "plain", "texts_only", "words", "path"),
    [
        ("null", 0, False, "null is expected, this is int 0", "$"),
        ("boolean", 1, False, "a bool is expected, this is int 1", "$"),
        ("int", "7", False, "a whole number (int) is expected, this is str '7'", "$"),
        ("int", 1.5, False, "a whole number (int) is expected, this is float 1.5", "$"),
        ("int", True, False, "a whole number (int) is expected, this is bool True", "$"),
        ("int", 2**31, False, "2147483648 is beyond the range of int", "$"),
        ("long", 2**63, False, "is beyond the range of long", "$"),
        ("double", "x", False, "a number (double) is expected, this is str 'x'", "$"),
        ("float", 1e300, False, "a number is beyond the range of float", "$"),
        ("string", b"x", False, "a text is expected, this is bytes b'x'", "$"),
        ("bytes", "x", False, "bytes is expected, this is str 'x'", "$"),
        ("bytes", "!", True, "Invalid base64 encoded string", "$"),
        (FIXED, b"abc", False, "2 bytes is expected, this is bytes b'abc'", "$"),
        (FIXED, "YWJj", True, "2 bytes is expected, this is bytes b'abc'", "$"),
        (datetime.date, "2026-13-01", False, "Invalid RFC3339 encoded date", "$"),
        (INSTANT, "2026-01-02T12:00:00", True, "has no time zone", "$"),
        (DURATION, [1, 2], False, "three whole numbers", "$"),
        (Level, 7, False, "7 is none of the symbols 1, 20", "$"),
        (Level, True, False, "True is none of the symbols 1, 20", "$"),
        (list[int], {"k": 1}, False, "an array is expected, this is dict", "$"),
        (list[list[int]], [[1], ["x"]], False, "a whole number (long) is expected", "$[1][0]"),
        (dict[str, int], [1], False, "a map is expected, this is list [1]", "$"),
        (dict[str, int], {1: 1}, False, "a text as key is expected, this is int 1", "$"),
        (dict[str, int], {"k": "x"}, False, "a whole number (long) is expected", "$['k']"),
        (dict[int, int], [1], False, "a map is expected, this is list [1]", "$"),
        (dict[int, int], {"x": 1}, False, "a whole number (long) is expected, this is str 'x'", "$['x']"),
        (dict[int, int], {"x": 1}, True, "the key 'x' is not a number", "$['x']"),
        (dict[Level, int], {"x": 1}, True, "the key 'x' is not a number", "$['x']"),
        (dict[Level, int], {"7": 1}, True, "7 is none of the symbols", "$['7']"),
        (dict[int, int], {1: "x"}, False, "a whole number (long) is expected", "$[1]"),
        (Dog, [1], False, "a record is expected, this is list [1]", "$"),
        (Dog, {}, False, "the field is missing", "$.name"),
        (Dog, {"type": "cat", "name": "x"}, False, "the tag 'dog' is expected, this is 'cat'", "$"),
        (Counted, {"kind": True, "x": 1}, False, "the tag 3 is expected, this is True", "$"),
        (Spot, {"x": 1}, False, "an array of a record's fields is expected", "$"),
        (Spot, [], False, "the tag 'spot' is expected, this is None", "$"),
        (Spot, ["line", 1], False, "the tag 'spot' is expected, this is 'line'", "$"),
        (Spot, ["spot"], False, "the field is missing", "$.x"),
        (tuple[int, int], [1], False, "a tuple of 2 items is expected, this has 1", "$"),
        (tuple[int, int], [1, 2, 3], False, "a tuple of 2 items is expected, this has 3", "$"),
        (Options, {"name": "x", "limit": "x"}, False, "str 'x' is of no branch of the union: null, long", "$.limit"),
        (Cat | Dog, {"type": "cow"}, False, "is of no branch of the union: record 'cat', record 'dog'", "$"),
        (Cat | Dog, {"lives": 1}, False, "is of no branch of the union", "$"),
        (Spot | Line, [], False, "list [] is of no branch of the union", "$"),
        (int | None, 1.5, False, "float 1.5 is of no branch of the union: null, long", "$"),
        (str | None, msgspec.Raw(b"x"), False, "is of no branch of the union", "$"),
    ],
    ids=str,
)  # fmt: skip
def test_plain_values_that_are_refused(source: Any, plain: Any, texts_only: bool, words: str, path: str) -> None:
    """A plain value that is none of the schema is a PayloadError with its place."""
    with pytest.raises(PayloadError) as caught:
        Parser(Schema(source).root, texts_only=texts_only).avro(plain)
    assert words in caught.value.reason
    assert caught.value.path == path


@pytest.mark.parametrize("kind", ["float", "double"])
def test_whole_numbers_that_no_float_is(kind: str) -> None:
    """JSON may have a whole number of any length: one beyond a float's range is refused."""
    with pytest.raises(PayloadError, match=f"a number is beyond the range of {kind}"):
        Parser(Schema(kind).root, texts_only=True).avro(10**400)


@both
def test_a_value_that_nests_too_deep(texts_only: bool) -> None:
    """A plain value that nests deeper than any that is written is refused, and the stack holds."""
    schema = Schema(record(field(["null", "R"])))
    plain: Any = None
    for _ in range(200):
        plain = {"f": plain}
    with pytest.raises(PayloadError, match="nests deeper than 64 levels"):
        Parser(schema.root, texts_only=texts_only).avro(plain)


@pytest.mark.parametrize(
    ("source", "plain", "value"),
    [
        ("int", 7.0, 7),
        ("double", 7, 7.0),
        (["null", "double"], 7, 7.0),
        (Dog, {"name": "x"}, Dog("x")),
        (Dog, {"type": "dog", "name": "x", "more": 1}, Dog("x")),
        (Sparse, {"b": 3}, Sparse(b=3.0)),
        (Spot, ["spot", 1, 2, 3], Spot(1, 2)),
        (dict[tuple[int, str], int], {(1, "x"): 7}, {(1, "x"): 7}),
    ],
    ids=str,
)
def test_plain_values_that_msgspec_takes_as_well(source: Any, plain: Any, value: Any) -> None:
    """Whole floats, whole numbers as floats, missing tags and unknown keys and items are read as msgspec reads them."""
    schema = Schema(source)
    assert same(schema.decode(Parser(schema.root, texts_only=False).avro(plain)), value)


def test_a_missing_field_of_an_array() -> None:
    """A record that is laid out as an array has a place for each field, and none for a missing one."""
    unset = msgspec.defstruct("U", [("a", int | msgspec.UnsetType, msgspec.UNSET), ("b", int, 2)], array_like=True)
    schema = Schema(unset)
    assert Printer(schema.root, texts_only=False).plain(schema.encode(unset(1))) == [1, 2]
    with pytest.raises(EncodeError, match="has no missing field") as caught:
        Printer(schema.root, texts_only=False).plain(schema.encode(unset()))
    assert caught.value.path == "$.a"


def test_json_has_no_bytes_in_a_value_of_any() -> None:
    """Bytes in a value of Any come back in MessagePack, and are refused in JSON."""
    schema = Schema(list[Any])
    payload = schema.encode([b"x"])
    assert Printer(schema.root, texts_only=False).plain(payload) == [b"x"]
    with pytest.raises(EncodeError, match="this is bytes: give the field a type of its own") as caught:
        Printer(schema.root, texts_only=True).plain(payload)
    assert caught.value.path == "$[0]"


# ---- which formats hold a type ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "keys", [int | str, bool, Any, tuple[int, int], Literal[1, "a"], frozenset[int], int | None], ids=str
)
def test_json_holds_no_dict_with_such_keys(keys: Any) -> None:
    """JSON has text as keys: one that does not give back its value is refused when the codec is built."""
    schema = Schema(dict[keys, int])
    for build in (json.encoder, json.decoder):
        with pytest.raises(SchemaError, match="JSON has only text as keys, and cannot give back those of"):
            build(schema, schema)


@both
@pytest.mark.parametrize(
    "union",
    [
        ["float", "double"],
        [{"type": "string", "logicalType": "uuid"}, {"type": "int", "logicalType": "date"}],
        [record(), record(name="S")],
        [record(), {"type": "map", "values": "int"}],
        [{"type": "enum", "name": "A", "symbols": ["X"]}, {"type": "enum", "name": "B", "symbols": ["X"]}],
        ["int", "long"],
    ],
    ids=str,
)
def test_branches_that_look_alike(union: Any, texts_only: bool) -> None:
    """A union of two branches with one form makes no codec."""
    form, _ = FORMS[texts_only]
    schema = Schema(union)
    for build in (form.encoder, form.decoder):
        with pytest.raises(SchemaError, match="cannot tell apart two branches of a union that are both"):
            build(schema, schema)


# ---- pairs that need the long way ------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize(
    ("writer", "reader", "value", "expected"),
    [
        (Cat, Cat | Dog, Cat(9), Cat(9)),
        (dict[int, Any], dict[float, Any], {1: [True, "x"]}, {1.0: [True, "x"]}),
        (Spot, msgspec.defstruct("Other", [("y", int), ("x", float)], tag="spot"), Spot(1, 2), (2, 1.0)),
        (Sparse, msgspec.defstruct("Other", [("a", int, 5), ("c", tuple[int, ...], (7,))]), Sparse(), (1, ())),
        (Options, msgspec.defstruct("Other", [("name", bytes), ("limit", int | None, 3)]), {"name": "x"}, (b"x", 3)),
        (list[Level], list[Literal[1, 20, 300]], [Level.HIGH], [20]),
        (Pair, Named, Pair(1), {"a": 1, "b": "x"}),
    ],
    ids=str,
)  # fmt: skip
def test_pairs_that_go_through_avro(writer: Any, reader: Any, value: Any, expected: Any, texts_only: bool) -> None:
    """A pair that msgspec alone would read otherwise has Avro's meaning, which the compiled decoder has as well."""
    form, _ = FORMS[texts_only]
    one, other = Schema(writer), Schema(reader)
    found = form.decoder(one, other)(form.encoder(one, one)(value))
    assert same(found, one.decode(one.encode(value), reader=other))
    assert found == (reader(*expected) if isinstance(expected, tuple) else expected)


@both
def test_a_dropped_logical_type_is_not_read_blindly(texts_only: bool) -> None:
    """A date is written as text: a reader that has a number there needs the writer's schema."""
    form, _ = FORMS[texts_only]
    dates, days = Schema(record(field({"type": "int", "logicalType": "date"}))), Schema(record(field("int")))
    found = form.decoder(dates, days)(form.encoder(dates, dates)({"f": DAY}))
    assert found == {"f": (DAY - datetime.date(1970, 1, 1)).days}
    assert not form.reads_newer(dates, days)
    assert form.reads_newer(dates, dates)


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    a: int
    b: int = 2


class View(msgspec.Struct):
    b: int


@both
def test_newer_payloads_without_a_field_that_a_view_needs(texts_only: bool) -> None:
    """A newer writer may drop a field that has a default: a view that requires it refuses that payload alone."""
    form, _ = FORMS[texts_only]
    strict, view = Schema(Strict), Schema(View)
    newer = Schema(msgspec.defstruct("Newer", [("a", int), ("c", int)]))
    longer = Schema(msgspec.defstruct("Newer", [("a", int), ("b", int), ("c", int)]))
    assert form.forward_decoder(strict, view)(form.encoder(longer, longer)(longer.type(1, 7, 3))) == View(7)
    with pytest.raises(PayloadError, match="the field is missing") as caught:
        form.forward_decoder(strict, view)(form.encoder(newer, newer)(newer.type(1, 3)))
    assert caught.value.path == "$.b"
    assert form.forward_decoder(strict, strict)(form.encoder(newer, newer)(newer.type(1, 3))) == Strict(1, 2)
