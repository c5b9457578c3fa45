"""MessagePack and JSON payloads beyond msgspec's own encoders: dicts, older layouts, sets, numbers."""

from __future__ import annotations

import dataclasses
import datetime
import math
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable
from decimal import Decimal
from types import FunctionType
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, Optional, TypedDict, TypeVar

import attrs
import msgspec
import pytest
from typing_extensions import ReadOnly

from safecodec import Codec, DecodeError, EncodeError, IncompatibleSchemaError, PayloadError, SchemaError
from safecodec.avro import Limits
from safecodec.avro.describing import describe, short
from safecodec.avro.schema import Schema
from safecodec.payload import json, msgpack, structured
from safecodec.payload.dicts import dict_type

FORMATS = {"msgpack": msgpack, "json": json}
RECORD: dict[str, Any] = {
    "type": "record",
    "name": "R",
    "fields": [
        {"name": "a", "type": {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}},
        {"name": "b", "type": {"type": "fixed", "name": "F", "size": 2}},
        {"name": "c", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "d", "type": {"type": "int", "logicalType": "time-millis"}},
        {"name": "e", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "g", "type": {"type": "map", "values": ["null", "double", {"type": "array", "items": "bytes"}]}},
        {"name": "h", "type": {"type": "enum", "name": "E", "symbols": ["X"]}, "default": "X"},
        {"name": "i", "type": {"type": "fixed", "name": "D", "size": 12, "logicalType": "duration"}},
        {"name": "j", "type": ["null", "R"], "default": None},
    ],
}
VALUE: dict[str, Any] = {
    "a": Decimal("1.50"),
    "b": b"\xff\x00",
    "c": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
    "d": datetime.time(1, 2, 3),
    "e": uuid.UUID(int=7),
    "g": {"x": None, "y": 1.0, "z": [b"\xff"]},
    "i": [1, 2, 3],
}
WHOLE = VALUE | {"h": "X", "j": None, "i": (1, 2, 3)}


@pytest.fixture(params=FORMATS)
def form(request: pytest.FixtureRequest) -> Any:
    """One of the two formats."""
    return FORMATS[request.param]


def test_dicts_round_trip(form: Any) -> None:
    """A dict is checked against its Avro schema, filled with defaults, and comes back with Python's values."""
    schema = Schema(RECORD)
    payload = form.encoder(schema, schema)(VALUE | {"j": VALUE})
    assert form.decoder(schema, schema)(payload) == WHOLE | {"j": WHOLE}
    with pytest.raises(EncodeError):
        form.encoder(schema, schema)(VALUE | {"b": b"x"})


def _forward(form: Any, schema: Schema) -> Any:
    """What reads newer payloads as the schema's own values."""
    return form.forward_decoder(schema, schema)


@pytest.mark.parametrize(
    "value", [[], {"a": 1}, {"a": "x"} | {"b": "!"}, {"a": "1.5", "b": "", "c": 7}, {"g": {"x": "text"}}, 7, None]
)
def test_wrong_payloads_of_dicts(form: Any, value: Any) -> None:
    """A payload that is no value of the schema is a PayloadError."""
    schema = Schema(RECORD)
    payload = (msgspec.json if form is json else msgspec.msgpack).encode(value)
    with pytest.raises(PayloadError):
        form.decoder(schema, schema)(payload)


def test_unions_that_cannot_be_told_apart(form: Any) -> None:
    """A union in which two branches look alike on the wire makes no codec."""
    other = RECORD | {"name": "S", "fields": [{"name": "f", "type": "int", "default": 1}]}
    with pytest.raises(SchemaError, match="cannot tell apart two branches of a union that are both object"):
        form.decoder(Schema([other, {"type": "map", "values": "int"}]), Schema("int"))


def test_bytes_are_text_in_json_only() -> None:
    """JSON writes bytes as text, so a union of bytes and string is refused there, and not in MessagePack."""
    both = Schema(["bytes", "string"])
    with pytest.raises(SchemaError, match="both text"):
        json.encoder(both, both)
    for value in (b"\xff", "x"):
        assert msgpack.decoder(both, both)(msgpack.encoder(both, both)(value)) == value


T = TypeVar("T")


class Box(msgspec.Struct, Generic[T]):
    item: T


class Sets(msgspec.Struct):
    names: set[str]
    rows: dict[str, frozenset[int]]
    maybe: Optional[list[set[str]]] = None  # noqa: UP045 - spelled both ways by users
    other: int | set[str] = 0


class SetRow(msgspec.Struct, array_like=True, tag="row"):
    names: set[str]
    count: int = 0


NAMES = {f"name-{n}" for n in range(40)}


@pytest.mark.parametrize(
    "value",
    [
        Sets(NAMES, {"k": frozenset(range(50))}, [NAMES], NAMES),
        SetRow(NAMES, 7),
    ],
    ids=["record", "array"],
)
def test_sets_have_one_order(form: Any, value: Any) -> None:
    """A set is written in one order, whatever order it happens to have in memory."""
    schema = Schema(type(value))
    payload = form.encoder(schema, schema)(value)
    turned = msgspec.structs.replace(value, names={f"name-{n}" for n in reversed(range(40))})
    assert form.encoder(schema, schema)(turned) == payload
    assert form.decoder(schema, schema)(payload) == value
    plain = msgspec.json.decode(payload) if form is json else msgspec.msgpack.decode(payload)
    found = plain["names"] if isinstance(plain, dict) else plain[1]
    assert found == sorted(NAMES, key=lambda name: (len(name), name))  # as Avro's bytes have it


class Floats(msgspec.Struct):
    one: float
    more: list[dict[str, float | None]] = []


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_json_has_no_infinity(number: float) -> None:
    """A number that JSON would write as null is refused with its path; a None that is meant passes."""
    schema = Schema(Floats)
    encode = json.encoder(schema, schema)
    assert b"null" in encode(Floats(1.0, [{"k": None}]))
    with pytest.raises(EncodeError) as caught:
        encode(Floats(1.0, [{"k": number}]))
    assert caught.value.path == "$.more[0].k"
    with pytest.raises(EncodeError, match="has no JSON form"):
        encode(Floats(number))
    assert math.isnan(msgpack.decoder(schema, schema)(msgpack.encoder(schema, schema)(Floats(math.nan))).one)


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    a: int


class Holder(msgspec.Struct):
    strict: Strict
    self: Optional["Holder"] = None  # noqa: UP037, UP045 - a type that holds itself


class More(msgspec.Struct):
    a: int
    b: str = "x"


def test_strict_types_read_what_resolves(form: Any) -> None:
    """A type that forbids unknown fields still reads a version that resolves, and a newer one."""
    more, strict = Schema(More), Schema(Strict)
    payload = form.encoder(more, more)(More(1, "y"))
    assert form.decoder(more, strict)(payload) == Strict(1)
    assert form.forward_decoder(strict, strict)(payload) == Strict(1)
    holder, dicts = Schema(Holder), Schema(msgspec.defstruct("D", [("strict", More)]))
    inner = form.encoder(dicts, dicts)(dicts.type(More(1)))
    assert form.decoder(dicts, holder)(inner) == Holder(Strict(1))


def test_newer_payloads_of_dicts(form: Any) -> None:
    """A newer payload is read by the names that an Avro schema knows."""
    schema = Schema({"type": "record", "name": "R", "fields": [{"name": "a", "type": "long"}]})
    more = Schema(More)
    assert form.forward_decoder(schema, schema)(form.encoder(more, more)(More(1))) == {"a": 1}


def test_a_newer_version_may_drop_fields_anywhere(form: Any) -> None:
    """A field with a default may be missing in maps, arrays and in what holds itself, however tight the limits are."""
    fields = [
        {"name": "a", "type": "int", "default": 1},
        {"name": "b", "type": ["null", "R"], "default": None},
        {"name": "c", "type": {"type": "array", "items": "R"}, "default": []},
    ]
    root = {"type": "map", "values": {"type": "record", "name": "R", "fields": fields}}
    schema = Schema(root, limits=Limits(nodes=8, name=1, branches=2))
    library: Any = msgspec.msgpack if form is msgpack else msgspec.json
    payload = library.encode({"k": {"b": {"a": 2}, "c": [{}]}})
    least: dict[str, Any] = {"a": 1, "b": None, "c": []}
    expected = {"k": {"a": 1, "b": {**least, "a": 2}, "c": [least]}}
    assert form.forward_decoder(schema, schema)(payload) == expected


def test_an_error_has_the_start_of_a_value() -> None:
    """No more of a value is spelled than is shown, however often it holds its parts; short ones are shown whole."""
    plain: Any
    for plain in (1, "a", [], (1,), (1, 2), {"a": [None]}, {3}, frozenset({4}), set(), {"x": (b"y", 1.5)}):
        assert short(plain) == repr(plain)
    value: Any = []
    for _ in range(100):
        value = [value, value]
    assert short(value) == "[" * 57 + "..."
    assert short({"a": "b" * 100}) == "{'a': '" + "b" * 50 + "..."


class Twice(NamedTuple):
    one: Any
    other: Any


@dataclasses.dataclass
class Both:
    one: Any
    other: Any


class Rows(list[Any]):
    pass


@pytest.mark.parametrize(
    "make",
    [
        Twice, Both, dataclasses.make_dataclass("Other", ["one", "other"]), attrs.make_class("Attrs", ["one", "other"]),
        msgspec.defstruct("Struct", ["one", "other"]), lambda one, other: Rows((one, other)), ValueError,
        lambda one, other: OrderedDict(one=one, other=other), lambda one, other: deque((one, other)),
    ],
    ids=["NamedTuple", "dataclass", "made", "attrs", "Struct", "list", "exception", "OrderedDict", "deque"],
)  # fmt: skip
def test_an_error_has_no_text_of_an_object_that_holds_others(make: Any) -> None:
    """What is shared in an object would double its text with each level: its class is named, and it is not asked."""
    value: Any = 1
    for _ in range(100):
        value = make(value, value)
    assert short(value) == f"an object of {type(value).__name__}"
    assert short([value]) == f"[an object of {type(value).__name__}]"
    with pytest.raises(EncodeError, match="an object of"):
        Schema(int).encode(value)


@pytest.mark.parametrize(
    "value", [Decimal("1.5"), uuid.UUID(int=1), datetime.date(2026, 1, 2), int, 2j, range(3), None, math.inf], ids=str
)
def test_an_error_has_the_text_of_what_holds_no_others(value: Any) -> None:
    """Numbers, times and classes are shown as Python writes them."""
    assert short(value) == repr(value)


class RowV1(msgspec.Struct, array_like=True):
    a: int


def test_another_layout_is_converted(form: Any) -> None:
    """A version laid out as an array is read as one that is not, and written from it."""
    row, more = Schema(RowV1), Schema(More)
    assert form.decoder(row, more)(form.encoder(row, row)(RowV1(1))) == More(1, "x")
    assert form.decoder(row, row)(form.encoder(row, more)(More(1))) == RowV1(1)
    for wrong in (b"\x80", b"{}"):
        with pytest.raises((PayloadError, msgspec.MsgspecError)):
            form.decoder(row, more)(wrong)


def test_int_keys_survive_the_long_way(form: Any) -> None:
    """A carried dict with numbers as keys has them again after a conversion between layouts."""
    one = msgspec.defstruct("One", [("odd", dict[int, str])], array_like=True)
    two = msgspec.defstruct("Two", [("odd", dict[int, str])])
    payload = form.encoder(Schema(one), Schema(one))(one({1: "x"}))
    assert form.decoder(Schema(one), Schema(two))(payload) == two({1: "x"})


def test_errors_are_described() -> None:
    """Errors of the libraries below become a reason in lower case and a path."""
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(b'{"a": "x"}', type=More)
    assert describe(caught.value.with_traceback(None)) == ("expected `int`, got `str`", "$.a")
    assert describe(EncodeError("why", path="$.a")) == ("why", "$.a")
    assert describe(RecursionError("maximum")) == ("the value nests too deep", "")
    assert describe(KeyError("k")) == ("KeyError: 'k'", "")
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(b'{"a": {"x": 1}}', type=dict[str, dict[int, int]])
    assert describe(caught.value.with_traceback(None)) == ("expected `int`, got `str`, as a key", "$[...]")


class Closed(msgspec.Struct, forbid_unknown_fields=True):
    """Takes no field but its own."""

    inner: list[Closed] = []


class Hooked(msgspec.Struct):
    """Puts what it reads into its exception."""

    said: str

    def __post_init__(self) -> None:
        raise ValueError(f"no {self.said}")


class Unsaid(Exception):
    """An exception without a text."""

    def __str__(self) -> str:
        raise RuntimeError


FORGED = " - at `$.forged`"


@pytest.mark.parametrize("given", [b"", None])
def test_paths_are_not_forged(given: bytes | None) -> None:
    """A text of the payload that reads like msgspec's path is a part of the reason, and never the path."""

    def described(payload: bytes, kind: Any) -> tuple[str, str]:
        with pytest.raises(msgspec.ValidationError) as caught:
            msgspec.json.decode(payload, type=kind)
        error = caught.value.with_traceback(None)  # which says that it was raised here, by a type's own code
        return describe(error, None if given is None else payload)

    key = "x` - at `$.forged"
    assert described(msgspec.json.encode({key: 1}), Closed) == (f"object contains unknown field {key!r}", "")
    escaped = msgspec.json.encode({key: 1}).replace(b"-", b"\\u002d")
    assert described(escaped, Closed) == (f"object contains unknown field {key!r}", "")
    reason, path = described(msgspec.json.encode({"inner": [{key: 1}]}), Closed)
    assert reason.startswith("object contains unknown field 'x` - at `$.forged")
    assert path == ""
    harmless = described(b'{"inner": [{"y": 1}]}', Closed)
    assert harmless[1] == ("" if given is None else "$.inner[0]")
    assert "y" in harmless[0]
    assert described(b'{"y": 1}', Closed) == ("object contains unknown field 'y'", "")
    hooked = msgspec.json.encode({"said": FORGED})
    assert described(hooked, Hooked) == (f"no {FORGED}", "")
    assert described(b"[" + hooked + b"]", list[Hooked]) == (f"no {FORGED}", "$[0]")
    assert described(msgspec.json.encode(FORGED), Literal["a"]) == (f"invalid enum value '{FORGED}'", "")
    assert described(msgspec.json.encode([FORGED]), list[Literal["a"]]) == (f"invalid enum value '{FORGED}'", "$[0]")


def test_foreign_errors_are_described_in_bounds() -> None:
    """Of an exception of anybody's the text is one line and short, and where it has none, that is said."""
    assert describe(ValueError(f"bad{FORGED}")) == (f"ValueError: bad{FORGED}", "")
    assert describe(ValueError("a\nb\x1b[0m")) == ("ValueError: a\\nb\\x1b[0m", "")
    assert len(describe(ValueError("a" * 3_000_000))[0]) == 200
    assert describe(Unsaid()) == ("Unsaid: its text cannot be had", "")


@pytest.mark.parametrize(
    "value",
    ["a" * 3_000_000, b"\0" * 3_000_000, ["\x1b" * 100], "\ud800" * 100, 10**5000],
    ids=["text", "bytes", "controls", "surrogates", "number"],
)
def test_values_are_short(value: Any) -> None:
    """Of a value a message has one short line."""
    assert len(short(value)) <= 60
    assert short(value).isprintable()


# ---- pairs that the reader's own decoder would read wrongly ----------------------------------------------------


def struct(name: str, *fields: Any, **config: Any) -> Any:
    """A Struct type of these fields."""
    return msgspec.defstruct(name, list(fields), **config)


def across(form: Any, writer: Any, reader: Any, value: Any) -> Any:
    """Write a value by one type and read it as another."""
    one, other = Schema(writer), Schema(reader)
    return form.decoder(one, other)(form.encoder(one, one)(value))


def test_text_and_bytes_are_promoted_by_their_utf_8(form: Any) -> None:
    """Text read as bytes is its UTF-8, not its base64 turned back; and the other way round."""
    text, data = struct("T", ("v", str)), struct("B", ("v", bytes))
    assert across(form, text, data, text("abcd")) == data(b"abcd")
    assert across(form, data, text, data(b"abcd")) == text("abcd")
    assert not form.reads_newer(Schema(text), Schema(data))


def test_defaults_that_are_left_out_are_the_writer_s(form: Any) -> None:
    """What an older type left out has the older default, whatever the newer type's is."""
    older = struct("V1", ("plan", str, "free"), omit_defaults=True)
    newer = struct("V2", ("plan", str, "pro"), omit_defaults=True)
    assert across(form, older, newer, older()) == newer("free")
    assert not form.reads_newer(Schema(newer), Schema(older))
    same = struct("V3", ("plan", str, "free"), ("more", int, 0), omit_defaults=True)
    assert form.reads_newer(Schema(same), Schema(older))
    dated = [struct("V4", ("d", datetime.date, datetime.date(2026, 1, day)), omit_defaults=True) for day in (1, 2)]
    assert across(form, dated[0], dated[1], dated[0]()) == dated[1](datetime.date(2026, 1, 1))
    empty = struct("V6", ("d", dict[str, int], msgspec.field(default_factory=dict)), omit_defaults=True)
    missing = struct("V7", ("d", dict[str, int] | msgspec.UnsetType, msgspec.UNSET), omit_defaults=True)
    assert across(form, empty, missing, empty()) == missing({})
    assert across(form, missing, empty, missing()) == empty({})
    assert not form.reads_newer(Schema(missing), Schema(empty))
    unknown = struct("V5", ("when", float, float("inf")), omit_defaults=True)
    with pytest.raises(SchemaError, match="only the class knows this one") as caught:
        Schema(unknown)
    assert caught.value.path == "$.when"


def test_meaning_that_is_dropped(form: Any) -> None:
    """A date read as a number is its number of days between schemas in words; a type's date is a date."""
    number: Any = {"type": "record", "name": "N", "fields": [{"name": "v", "type": "int"}]}
    day = number | {"fields": [{"name": "v", "type": {"type": "int", "logicalType": "date"}}]}
    assert across(form, Schema(day), Schema(number), {"v": datetime.date(1970, 1, 3)}) == {"v": 2}
    with pytest.raises(IncompatibleSchemaError, match="the writer has int date, the reader int"):
        form.decoder(Schema(struct("D", ("v", datetime.date))), Schema(number))


class Maybe(TypedDict):
    v: NotRequired[int]


def test_keys_that_may_be_missing_and_none(form: Any) -> None:
    """A missing key is no None: a reader takes its default for it, and None is of no type but one that has it."""
    always, never, maybe = struct("A", ("v", int | None, 3)), struct("N", ("v", int | None)), Schema(Maybe)
    assert across(form, maybe, Schema(always), {}) == always(3)
    assert across(form, maybe, Schema(always), {"v": 7}) == always(7)
    for writer, reader in ((maybe, Schema(never)), (Schema(never), maybe)):
        with pytest.raises(IncompatibleSchemaError):
            form.decoder(writer, reader)
        assert not form.reads_newer(writer, reader)
    assert form.reads_newer(maybe, Schema(always))


def test_new_symbols_are_not_promised(form: Any) -> None:
    """A writer with a new symbol promises nothing to a reader that would have to take its default for it."""
    old = {"type": "enum", "name": "E", "symbols": ["A"], "default": "A"}
    new = old | {"symbols": ["A", "B"]}
    assert form.reads_newer(Schema(old), Schema(old))
    assert not form.reads_newer(Schema(new), Schema(old))
    assert form.decoder(Schema(new), Schema(old))(form.encoder(Schema(new), Schema(new))("B")) == "A"


class Leaf(msgspec.Struct):
    name: str
    children: list[Leaf] = []


class Node(msgspec.Struct):
    name: str
    children: list[Node] = []
    more: dict[str, Node] = {}


def test_recursive_pairs(form: Any) -> None:
    """Types that hold themselves are compared to their end, and read."""
    assert across(form, Leaf, Node, Leaf("a", [Leaf("b")])) == Node("a", [Node("b")])
    assert form.reads_newer(Schema(Node), Schema(Leaf))
    strict = struct("Strict", ("name", str), ("extra", Box[int] | None, None), forbid_unknown_fields=True)
    assert form.reads_newer(Schema(Node), Schema(strict))
    assert _forward(form, Schema(strict))(form.encoder(Schema(Node), Schema(Node))(Node("a"))).name == "a"


def test_fixed_and_dicts_are_promised(form: Any) -> None:
    """Schemas without a type promise by the same rules."""
    one = {"type": "record", "name": "R", "fields": [{"name": "a", "type": {"type": "fixed", "name": "F", "size": 1}}]}
    two = one | {"fields": [*one["fields"], {"name": "b", "type": "int"}]}
    assert form.reads_newer(Schema(two), Schema(one))
    assert _forward(form, Schema(one))(form.encoder(Schema(two), Schema(two))({"a": b"x", "b": 1})) == {"a": b"x"}


class PairOfBoth(NamedTuple):
    a: str
    b: float


class TypedFloat(TypedDict):
    f: float


class Above(msgspec.Struct):
    f: float


class Below(Above):
    g: int = 1


@pytest.mark.parametrize(
    ("type_", "make"),
    [
        (float | None, lambda number: number),
        (Any, lambda number: number),
        (dict[int, float], lambda number: {1: number}),
        (dict[str, TypedFloat], lambda number: {"k": {"f": number}}),
        (list[Above], lambda number: [Above(number)]),
        (list[Above], lambda number: [Above(1.0), Below(number)]),
        (tuple[str, float], lambda number: ("x", number)),
        (tuple[float, ...], lambda number: (1.0, number)),
        (PairOfBoth, lambda number: PairOfBoth("x", number)),
        (frozenset[float], lambda number: frozenset([number])),
        (TypedFloat, lambda number: {"f": number}),
    ],
    ids=lambda one: "" if isinstance(one, FunctionType) else str(one),
)
def test_json_looks_into_carried_values(type_: Any, make: Callable[[float], Any]) -> None:
    """A NaN or an infinity is refused in JSON wherever a value carries it, and the value is written without it."""
    holder = struct("H", ("v", type_))
    write = json.encoder(Schema(holder), Schema(holder))
    for number in (math.nan, math.inf, -math.inf):
        with pytest.raises(EncodeError, match="has no JSON form"):
            write(holder(make(number)))
    assert write(holder(make(0.5)))


@pytest.mark.parametrize(
    ("older", "newer", "make"),
    [
        (dict[int, int], dict[float, int], lambda number: {number: 1}),
        (dict[str, int], dict[str, float], lambda number: {"k": number}),
        (list[int], list[float], lambda number: [number]),
        (tuple[int, str], tuple[float, str], lambda number: (number, "x")),
        (int | None, float | None, lambda number: number),
    ],
    ids=lambda one: "" if isinstance(one, FunctionType) else str(one),
)
def test_numbers_of_an_older_version_are_read_exactly(
    form: Any, older: Any, newer: Any, make: Callable[[int], Any]
) -> None:
    """A whole number that no float holds is refused where a newer version has a float, wherever a value carries it."""
    one, two = struct("R", ("v", older)), struct("R", ("v", newer))
    assert across(form, one, two, one(make(2**53))) == two(make(2**53))
    with pytest.raises(PayloadError, match="has no exact float"):
        across(form, one, two, one(make(2**53 + 1)))


@pytest.mark.parametrize(
    ("field", "is_said"),
    [
        ({"type": "int"}, True),
        ({"type": ["null", "long"], "default": None}, True),
        ({"type": ["null", "long"], "default": None, "safecodec.optional": True}, False),
        ({"type": ["null", "R"], "default": None}, False),
        ({"type": {"type": "array", "items": "R"}}, False),
    ],
    ids=str,
)
def test_a_type_of_dicts_says_all_that_the_schema_does(field: dict[str, Any], is_said: bool) -> None:
    """No type stands for a schema whose records hold themselves, or whose fields may be missing."""
    schema = Schema({"type": "record", "name": "R", "fields": [{"name": "a", **field}]})
    assert (dict_type(schema.root, Limits()) is not None) is is_said


@pytest.mark.parametrize("keys", [int | str, bool, int | None, Any], ids=str)
def test_json_keys_are_text(keys: Any) -> None:
    """A dict whose keys JSON would run together makes no codec."""
    schema = Schema(struct("K", ("v", dict[keys, int])))
    with pytest.raises(SchemaError, match="JSON has only text as keys"):
        json.encoder(schema, schema)


def test_maps_and_unions_are_compared(form: Any) -> None:
    """A pair is compared inside its maps and unions as well."""
    one = struct("One", ("m", dict[str, int | None]))
    two = struct("Two", ("m", dict[str, float | None]), ("n", int, 0))
    assert across(form, one, two, one({"k": 1, "l": None})) == two({"k": 1.0, "l": None})
    assert form.reads_newer(Schema(two), Schema(two))


# ---- NamedTuples, which are arrays -------------------------------------------------------------------------------


class Version1(NamedTuple):
    name: str
    tags: set[str]
    number: int = 3


class Version2(NamedTuple):
    name: str
    tags: set[str]
    number: int = 3
    more: str | None = None


class Version3(NamedTuple):
    tags: set[str]
    name: str
    made: list[uuid.UUID] = [uuid.UUID(int=1)]  # noqa: RUF012


class Named(NamedTuple):
    one: str
    two: int


@dataclasses.dataclass
class HoldsNamed:
    named: Named | None
    several: list[Version1]


@pytest.mark.parametrize("value", [Version1("x", {"b", "a"}), Version1("x", set(), 1), Version2("", set(), 1, "m")])
def test_named_tuples_round_trip(form: Any, value: Any) -> None:
    """A NamedTuple is written as an array, its sets in order, and comes back as itself."""
    schema = Schema(type(value))
    payload = form.encoder(schema, schema)(value)
    assert form.decoder(schema, Schema(schema.json))(payload)["name"] == value.name
    found = form.decoder(schema, schema)(payload)
    assert (found, type(found)) == (value, type(value))
    plainly = msgspec.msgpack.decode(payload) if form is msgpack else msgspec.json.decode(payload)
    assert plainly[:2] == [value.name, sorted(value.tags)]  # texts of one length


def test_named_tuples_in_other_records(form: Any) -> None:
    """A NamedTuple inside of another type is one, also where its first text is its own name."""
    schema = Schema(HoldsNamed)
    for value in (HoldsNamed(Named("Named", 1), [Version1("x", {"a"})]), HoldsNamed(None, [])):
        assert form.decoder(schema, schema)(form.encoder(schema, schema)(value)) == value
        assert schema.decode(schema.encode(value)) == value


def test_named_tuples_resolve(form: Any) -> None:
    """Older and newer NamedTuples are read by name: defaults are filled, what is not known is left out."""
    one, two, three = Schema(Version1), Schema(Version2), Schema(Version3)
    old = form.encoder(one, one)(Version1("x", {"a"}, 5))
    assert form.decoder(one, two)(old) == Version2("x", {"a"}, 5)
    assert form.decoder(one, three)(old) == Version3({"a"}, "x")
    new = form.encoder(two, two)(Version2("x", {"a"}, 5, "m"))
    assert form.decoder(two, one)(new) == Version1("x", {"a"}, 5)
    assert form.encoder(one, two)(Version2("x", {"a"}, 5, "m")) == old


def test_a_newer_named_tuple_is_read_by_an_older_reader(form: Any) -> None:
    """What a newer version appends is left out, though msgspec refuses a longer array for a NamedTuple."""
    one, two = Schema(Version1), Schema(Version2)
    assert form.reads_newer(two, one)
    assert not form.reads_newer(Schema(Version3), one)
    new = form.encoder(two, two)(Version2("x", {"a"}, 5, "m"))
    assert form.forward_decoder(one, one)(new) == Version1("x", {"a"}, 5)


class Constant(TypedDict):
    one: ReadOnly[int]


def test_types_that_msgspec_refuses(form: Any) -> None:
    """A type that has a schema, and that msgspec cannot hold, is a SchemaError when a decoder is built."""
    schema = Schema(Constant)
    with pytest.raises(SchemaError, match="cannot hold the type"):
        form.decoder(schema, schema)


@attrs.define
class Private:
    one: int
    _two: int = 2


@pytest.mark.parametrize(
    ("type_", "payload"),
    [(type_, payload) for type_ in (Private, list[Private]) for payload in ("msgpack", "json")]
    + [(dict[int, Private], payload) for payload in ("avro", "msgpack", "json")],
    ids=str,
)
def test_private_attributes_are_not_lost(type_: Any, payload: Any) -> None:
    """No value is written without the private attributes of attrs classes, which msgspec leaves out."""
    codec: Codec[Any] = Codec(type_, subject="private", version=1, payload=payload, environment="test")
    one = Private(1, 3)
    value = {Private: one}.get(type_, [one] if type_ == list[Private] else {7: one})
    assert codec.decode(codec.encode(value)) == value


@pytest.mark.parametrize("payload", ["avro", "msgpack", "json"])
@pytest.mark.parametrize(
    ("union", "values"),
    [
        (Annotated[str, msgspec.Meta(max_length=3)] | Literal["unlimited"], ["abc", "unlimited"]),
        (Literal["unlimited"] | Annotated[str, msgspec.Meta(pattern="^[0-9]+$")] | None, [None, "7", "unlimited"]),
        (Annotated[int, msgspec.Meta(ge=0)] | Literal[-1, -2], [3, -2, -1]),
    ],
    ids=str,
)
def test_bounds_are_those_of_their_member(union: Any, values: list[Any], payload: Any) -> None:
    """Bounds of a text or a number are not asked of a Literal beside it, and are asked of all other values."""
    of: Any = list.__class_getitem__
    codec: Codec[Any] = Codec(of(union), subject="bounds", version=1, payload=payload, environment="test")
    assert codec.decode(codec.encode(values)) == values
    plain: Codec[Any] = Codec(of(type(values[-1])), subject="bounds", version=1, payload=payload, environment="test")
    outside = plain.encode(["beyond"] if isinstance(values[-1], str) else [-3])
    with pytest.raises(DecodeError):
        Codec(
            of(union), subject="bounds", version=2, payload=payload, environment="test",
            older={1: of(type(values[-1]))},
        ).decode(outside)  # fmt: skip


@pytest.mark.parametrize("payload", ["avro", "msgpack", "json"])
@pytest.mark.parametrize("cls", [set, frozenset])
def test_bounds_of_a_set_are_of_what_it_holds(cls: Any, payload: Any) -> None:
    """A list that an older version wrote is read as a set before it is measured: duplicates do not count."""
    older = Codec(list[int], subject="sets", version=1, payload=payload, environment="test")
    newer: Codec[Any] = Codec(
        Annotated[cls[int], msgspec.Meta(max_length=2, min_length=2)], subject="sets", version=2, payload=payload,
        environment="test", older={1: list[int]},
    )  # fmt: skip
    assert newer.decode(older.encode([1, 2, 1, 2])) == cls([1, 2])
    for items in ([1, 2, 3], [1, 1]):
        with pytest.raises(PayloadError):
            newer.decode(older.encode(items))
    assert newer.decode(newer.encode(cls([1, 2]))) == cls([1, 2])


PATTERN = Annotated[str, msgspec.Meta(pattern="^a")]
BESIDE = [
    PATTERN | list[int], PATTERN | dict[str, int], PATTERN | set[int], PATTERN | tuple[int, ...], list[int] | PATTERN,
    Annotated[int, msgspec.Meta(gt=1)] | tuple[int, str],
    tuple[int, str] | Annotated[dict[str, int], msgspec.Meta(max_length=1)],
]  # fmt: skip
"""Unions whose type msgspec 0.22 frees wrongly: AddressSanitizer says so of its decoder for them."""


@pytest.mark.parametrize("union", BESIDE, ids=str)
def test_types_that_msgspec_frees_wrongly_are_not_given_to_it(form: Any, union: Any, monkeypatch: Any) -> None:
    """A union with bounds beside a tuple, or a pattern beside a container, is transcoded, and no decoder made of it."""
    schema = Schema(msgspec.defstruct("Holder", [("f", union)]))
    given: list[Any] = []
    monkeypatch.setattr(structured, "_typed", lambda _, type_: given.append(type_))
    assert all(make(schema, schema) for make in (form.encoder, form.decoder, form.forward_decoder))
    assert given == []
