"""Schemas of Python types."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypedDict, TypeVar

import attrs
import msgspec
import pytest

from safecodec import Codec, SchemaError
from safecodec.avro.defaults import NO_JSON, default_json
from safecodec.avro.hints import Choice, RecordHint, Scalar
from safecodec.avro.nodes import Array, Fixed, Map, Node, Primitive, Record, Union
from safecodec.avro.parse import branch_kind
from safecodec.avro.schema import Schema

T = TypeVar("T")


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1


class Box(msgspec.Struct, Generic[T]):
    item: T


class Tree(msgspec.Struct, frozen=True):
    value: int
    left: Tree | None = None


class Pair(NamedTuple):
    one: int
    two: str = "x"


class Row(msgspec.Struct, array_like=True, tag="row"):
    key: str
    when: datetime.datetime | None = None
    again: Row | None = None


class Looping(msgspec.Struct):
    items: dict[int, Looping]


class Options(TypedDict):
    name: str
    limit: NotRequired[int]
    note: NotRequired[int | None]


@dataclass
class Plain:
    numbers: list[int] = field(default_factory=list)
    made: list[int] = field(default_factory=lambda: [1])


def record(name: str, *fields: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    """The schema of a class."""
    named = {f"safecodec.{key}": value for key, value in attributes.items()}
    return {"type": "record", "name": name, "fields": list(fields), "safecodec.class": True, **named}


def tuple_of(name: str, **items: Any) -> dict[str, Any]:
    """The schema of a tuple whose items have types of their own."""
    fields = [{"name": key, "type": item} for key, item in items.items()]
    return record(name, *fields, tuple=True, array_like=True)


def entries(key: Any, value: Any) -> dict[str, Any]:
    """The schema of a dict whose keys are no text."""
    return {"type": "array", "items": tuple_of("Entry", key=key, value=value), "safecodec.map": True}


def enum_of(name: str, *symbols: str, **attributes: Any) -> dict[str, Any]:
    """The schema of an enum or a Literal."""
    named = {f"safecodec.{key}": value for key, value in attributes.items()}
    return {"type": "enum", "name": name, "symbols": list(symbols), "safecodec.class": True, **named}


ANY = {"type": "bytes", "logicalType": "safecodec-msgpack"}


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        (int, "long"),
        (float, "double"),
        (bool, "boolean"),
        (str, "string"),
        (bytes, "bytes"),
        (bytearray, "bytes"),
        (memoryview, "bytes"),
        (type(None), "null"),
        (datetime.datetime, {"type": "long", "logicalType": "timestamp-micros"}),
        (
            Annotated[datetime.datetime, msgspec.Meta(tz=False)],
            {"type": "long", "logicalType": "local-timestamp-micros"},
        ),
        (datetime.date, {"type": "int", "logicalType": "date"}),
        (datetime.time, {"type": "long", "logicalType": "time-micros"}),
        (Annotated[datetime.time, msgspec.Meta(tz=True)], {"type": "string", "logicalType": "safecodec-offset-time"}),
        (decimal.Decimal, {"type": "bytes", "logicalType": "big-decimal"}),
        (uuid.UUID, {"type": "string", "logicalType": "uuid"}),
        (list[int], {"type": "array", "items": "long"}),
        (tuple[int, ...], {"type": "array", "items": "long"}),
        (set[int], {"type": "array", "items": "long", "safecodec.collection": "set"}),
        (frozenset[str], {"type": "array", "items": "string", "safecodec.collection": "set"}),
        (dict[str, int], {"type": "map", "values": "long"}),
        (
            dict[Annotated[str, msgspec.Meta(min_length=1)], int],
            {"type": "map", "values": "long", "safecodec.key_bounds": {"min_length": 1}},
        ),
        (
            Annotated[int, msgspec.Meta(ge=0, extra={"unit": "ms"})],
            {"type": "long", "safecodec.bounds": {"ge": 0}},
        ),
        (dict[Annotated[str, msgspec.Meta(title="key")], int], {"type": "map", "values": "long"}),
        (dict[int, Annotated[str, msgspec.Meta(title="name")]], entries("long", "string")),
        (int | None, ["null", "long"]),
        (str | int | None, ["null", "long", "string"]),
        (Literal[1, "a b", None], ["null", enum_of("Literal_1_a_b", "i_1", "s_a_20_b", values=[1, "a b"])]),
        (Literal[None], "null"),
        (Literal[None, "red"] | None, ["null", enum_of("Literal_red", "red")]),
        (Literal["red"], enum_of("Literal_red", "red")),
        (Literal[1, 2], enum_of("Literal_1_2", "i_1", "i_2", values=[1, 2])),
        (Colour, enum_of("Colour", "red", "blue")),
        (Level, enum_of("Level", "i_1", values=[1])),
        (Any, ANY),
        (datetime.timedelta, {"type": "long", "logicalType": "safecodec-timedelta-micros"}),
        (tuple[int, str], tuple_of("Tuple2", item0="long", item1="string")),
        (dict[int, list[str]], entries("long", {"type": "array", "items": "string"})),
        (dict[int, list[bytes] | None], entries("long", ["null", {"type": "array", "items": "bytes"}])),
        (dict[int, tuple[int, ...]], entries("long", {"type": "array", "items": "long"})),
        (
            dict[int, Annotated[int, msgspec.Meta(ge=0)]],
            entries("long", {"type": "long", "safecodec.bounds": {"ge": 0}}),
        ),
        (dict[int, bytes] | bytes, ["bytes", entries("long", "bytes")]),
        (
            dict[int, int] | list[int],
            [
                {"type": "array", "items": "long"},
                {
                    "type": "record",
                    "name": "safecodec_wrapped_1",
                    "safecodec.wrapped": True,
                    "fields": [{"name": "value", "type": entries("long", "long")}],
                },
            ],
        ),
        (Box[int], record("Box", {"name": "item", "type": "long"})),
    ],
    ids=str,
)
def test_types(type_: Any, expected: Any) -> None:
    """Every Python type has the schema that says most about it; what Avro has no word for is carried."""
    schema = Schema(type_)
    assert schema.json == expected
    assert Schema(schema.json) == schema


def fields(type_: Any) -> dict[str, Any]:
    """The fields of a record's schema by name."""
    return {one.pop("name"): one for one in Schema(type_).json["fields"]}


def test_recursive_types() -> None:
    """A type that holds itself is defined once."""
    assert fields(Tree)["left"] == {"type": ["null", "Tree"], "default": None}


def test_dataclass_defaults() -> None:
    """A factory of an empty container is a default; any other is the type's own business."""
    assert fields(Plain) == {
        "numbers": {"type": {"type": "array", "items": "long"}, "default": []},
        "made": {"type": {"type": "array", "items": "long"}, "safecodec.default": "factory"},
    }


def test_fields_that_may_be_missing() -> None:
    """A key that may be missing is null in Avro; where null is a value as well, an empty record says that it is."""
    assert fields(Options) == {
        "name": {"type": "string"},
        "limit": {"type": ["null", "long"], "default": None, "safecodec.optional": True},
        "note": {"type": [record("Absent", absent=True), "null", "long"], "default": {}, "safecodec.optional": True},
    }


def test_tags_and_arrays_are_attributes() -> None:
    """Tags and array layout, which MessagePack and JSON need, are attributes of the record."""
    found = Schema(Row).json
    assert found["safecodec.tag_field"] == "type"
    assert found["safecodec.tag"] == "row"
    assert found["safecodec.array_like"] is True


def test_renamed_fields() -> None:
    """A field is called what it is called when encoded; what is no Avro name is refused."""
    camel = msgspec.defstruct("Camel", [("first_name", str)], rename="camel")
    assert list(fields(camel)) == ["firstName"]
    kebab = msgspec.defstruct("Kebab", [("first_name", str)], rename="kebab")
    with pytest.raises(SchemaError, match="'first-name' when encoded") as caught:
        Schema(kebab)
    assert caught.value.path == "$.first_name"


def test_two_classes_of_one_name() -> None:
    """Classes of one name are told apart by a number; a name that Avro does not have is made one."""
    one = msgspec.defstruct("Same", [("a", int)])
    two = msgspec.defstruct("Same", [("b", one)])
    root = Schema(two).json
    assert (root["name"], root["fields"][0]["type"]["name"]) == ("Same", "Same_2")
    assert Schema(msgspec.defstruct("1é", [("a", int)])).json["name"] == "_1"
    assert Schema(msgspec.defstruct("é", [("a", int)])).json["name"] == "Value"


def defaulted(type_: Any, default: Any) -> Any:
    """The schema of a field with this default."""
    return fields(msgspec.defstruct("D", [("f", type_, default)]))["f"]


@pytest.mark.parametrize(
    ("type_", "default", "expected"),
    [
        (int, 3, 3),
        (bool, True, True),
        (float, 3, 3.0),
        (str, "x", "x"),
        (bytes, b"\xff", "\xff"),
        (Colour, Colour.BLUE, "blue"),
        (Literal["a", "b"], "b", "b"),
        (tuple[int, ...], (1, 2), [1, 2]),
        (frozenset[int], frozenset([2, 1]), [1, 2]),
        (dict[str, int], msgspec.field(default_factory=dict), {}),
        (dict[int, str], msgspec.field(default_factory=dict), []),
        (tuple[int, str], (1, "x"), {"item0": 1, "item1": "x"}),
        (uuid.UUID, uuid.UUID(int=0), "00000000-0000-0000-0000-000000000000"),
        (datetime.date, datetime.date(1970, 1, 2), 1),
        (datetime.timedelta, datetime.timedelta(seconds=1), 1_000_000),
        (decimal.Decimal, decimal.Decimal("1.5"), "\x02\x0f\x02"),
        (Level, Level(1), "i_1"),
        (float | int, 1, 1),
        (Literal[1] | float, 1, "i_1"),
        (list[int], msgspec.field(default_factory=list), []),
    ],
    ids=str,
)
def test_defaults(type_: Any, default: Any, expected: Any) -> None:
    """A default is said in Avro's JSON encoding."""
    assert defaulted(type_, default)["default"] == expected


@pytest.mark.parametrize(
    ("type_", "default"),
    [
        (int, 2**64),
        (float, float("nan")),
        (int, "wrong"),
        (uuid.UUID, "wrong"),
        (float, float("inf")),
        (str, "\ud800"),
        (tuple[int, str], (1,)),
        (dict[int, str], 7),
        (list[int], msgspec.field(default_factory=lambda: [1])),
        (tuple[int, ...], 7),
        (tuple[int, ...], ("x",)),
        (Tree, Tree(1)),
        (Colour, 7),
        (int | str, 1.5),
        (dict[str, int], 7),
    ],
    ids=str,
)
def test_defaults_that_avro_cannot_say(type_: Any, default: Any) -> None:
    """Any other default is left to the type."""
    assert defaulted(type_, default)["safecodec.default"] == "factory"


def test_a_default_moves_no_branch() -> None:
    """The order of a union is on the wire: it depends neither on the default nor on how the type is written."""
    for type_, default in ((int | None, 3), (int | None, None), (None | int, 3)):
        assert defaulted(type_, default)["type"] == ["null", "long"]


def test_defaults_of_records() -> None:
    """The default of a TypedDict is a record's; what its fields cannot hold is no default."""
    node = Schema(Options).root
    assert default_json(node, {"name": "x"}) == {"name": "x"}
    assert default_json(node, {"name": "x", "limit": None}) == {"name": "x", "limit": None}
    for wrong in ({}, {"name": 7}, {"name": "x", "other": 1}, "x"):
        assert default_json(node, wrong) is NO_JSON
    fixed = Fixed("F", 1)
    assert default_json(fixed, b"x") is NO_JSON
    assert default_json(Union((fixed, Primitive("null"))), b"x") is NO_JSON
    assert repr(NO_JSON) == "NO_JSON"


@pytest.mark.parametrize(
    "type_",
    [set[int] | list[int], complex, msgspec.Raw, list[complex], list["Nowhere"], Box["Nowhere"]],  # type: ignore[name-defined]  # noqa: F821, ids=str
)
def test_types_without_a_schema(type_: Any) -> None:
    """What neither Avro nor msgspec can hold is a SchemaError."""
    with pytest.raises(SchemaError):
        Schema(msgspec.defstruct("R", [("f", type_)]))


HALF = "\ud800"
BIG = 10**5_000


class Halved(enum.StrEnum):
    """Its value is half of a surrogate pair."""

    HALF = HALF


@pytest.mark.parametrize("payload", ["avro", "msgpack", "json"])
@pytest.mark.parametrize(
    "type_",
    [
        Literal["\ud800"],
        Literal["a", 1, "\ud800"],
        Halved,
        enum.Enum("Mixed", {"A": "a", "B": HALF}),
        msgspec.defstruct("Tagged", [("x", int)], tag=HALF),
        msgspec.defstruct("TagField", [("x", int)], tag="a", tag_field=HALF),
        Annotated[str, msgspec.Meta(pattern=HALF)],
        dict[Annotated[str, msgspec.Meta(pattern=HALF)], int],
        Literal[BIG],
        enum.Enum("Big", {"A": BIG}),
        enum.IntEnum("BigInt", {"A": BIG}),
    ],
)
def test_what_a_schema_says_has_a_json_text(type_: Any, payload: Any) -> None:
    """A type whose values, tags or bounds no schema can be written with is refused where it stands, in each format."""
    record = msgspec.defstruct("R", [("f", type_)])
    for one, path in ((type_, "$"), (record, "$.f")):
        with pytest.raises(SchemaError, match="JSON text") as caught:
            Schema(one)
        assert caught.value.path == path
        with pytest.raises(SchemaError, match="JSON text"):
            Codec(one, subject="s", version=1, environment="e", payload=payload)


def test_sets_have_one_order_wherever_they_are() -> None:
    """Equal sets give equal bytes, in a dict with keys that are no text, too."""
    schema = Schema(dict[int, set[str]])
    assert schema.encode({1: {"a", "b", "c"}}) == schema.encode({1: {"c", "b", "a"}})


def test_deep_types_are_refused() -> None:
    """A type that nests too deep is refused, and does not recurse for ever."""
    deep: Any = int
    for _ in range(70):
        deep = list[deep]
    with pytest.raises(SchemaError, match="nests deeper than 64 levels"):
        Schema(deep)


def test_types_hold_themselves_in_a_dict() -> None:
    """A type may hold itself as the value of a dict whose keys are no text."""
    assert fields(Looping)["items"]["type"] == entries("long", "Looping")
    schema = Schema(Looping)
    value = Looping({1: Looping({})})
    assert schema.decode(schema.encode(value)) == value


# ---- every kind of class -----------------------------------------------------------------------------------------


@dataclass
class Numbered(Generic[T]):
    item: T
    others: list[T] = field(default_factory=list)
    pair: Pair | None = None


@attrs.define
class Account:
    _secret: str
    limit: int = 3
    rows: list[Pair] = attrs.field(factory=list)


PAIR = {
    "type": "record",
    "name": "Pair",
    "fields": [{"name": "one", "type": "long"}, {"name": "two", "type": "string", "default": "x"}],
    "safecodec.class": True,
    "safecodec.array_like": True,
}


def test_named_tuples_are_records() -> None:
    """A NamedTuple is a record that is laid out as an array."""
    assert Schema(Pair).json == PAIR
    assert fields(Account)["rows"] == {"type": {"type": "array", "items": PAIR}, "default": []}


def test_attrs_classes_are_records() -> None:
    """The fields of an attrs class are called what its attributes are called."""
    assert list(fields(Account)) == ["_secret", "limit", "rows"]
    assert fields(Account)["limit"] == {"type": "long", "default": 3}


def test_generic_dataclasses() -> None:
    """A generic dataclass has the types that it is subscribed with."""
    found = fields(Numbered[str])
    assert found["item"] == {"type": "string"}
    assert found["others"] == {"type": {"type": "array", "items": "string"}, "default": []}
    assert found["pair"] == {"type": ["null", PAIR], "default": None}
    assert fields(Numbered)["item"] == {"type": ANY}


class One(msgspec.Struct, tag="one"):
    a: int


class Two(msgspec.Struct, tag="two"):
    a: int


class AsArray(msgspec.Struct, tag="array", array_like=True):
    a: int


class Untagged(msgspec.Struct):
    a: int


class Fraction(enum.Enum):
    HALF = 0.5


class Nothing(enum.Enum):
    pass


@pytest.mark.parametrize(
    ("type_", "reason"),
    [
        (str | bytes, "str, bytes: all are written as texts"),
        (datetime.datetime | Colour, "datetime, Colour: all are written as texts"),
        (Literal["a"] | uuid.UUID, "a Literal, UUID: all are written as texts"),
        (int | Level, "int, Level: all are written as whole numbers"),
        (Literal[1] | Level, "a Literal, Level: all are written as whole numbers"),
        (list[int] | tuple[int, str], "list, tuple: all are written as arrays"),
        (dict[str, int] | Plain, "dict, Plain: all are written as objects"),
        (Plain | Options, "Plain, Options: all are written as objects"),
        (Numbered[int] | Numbered[str], "need tags or names that differ"),
        (complex | int, "has None beside it alone"),
        (dict[int, str | bytes], "all are written as texts"),
        (Fraction, "the enum Fraction has neither only texts nor only whole numbers"),
        (dict[int, Nothing], "the enum Nothing has neither"),
        (Literal[b"x"], "a Literal has None, bool, int and str"),
    ],
    ids=str,
)
def test_what_no_reader_tells_apart(type_: Any, reason: str) -> None:
    """A type whose values no reader can tell apart, or read at all, is refused, in a carried type too."""
    with pytest.raises(SchemaError, match=reason):
        Schema(list[type_])
    with pytest.raises(TypeError):
        msgspec.msgpack.Decoder(type_)


def test_a_type_stands_once_in_a_union() -> None:
    """Of one type with two bounds no reader can tell which it was: the union is refused."""
    with pytest.raises(SchemaError, match="has one type twice"):
        Schema(Annotated[int, msgspec.Meta(ge=0)] | Annotated[int, msgspec.Meta(le=9)])


def test_any_stands_alone() -> None:
    """Any takes the values of a type beside it, which would come back as plain ones: the union is refused."""
    with pytest.raises(SchemaError, match="write Any alone"):
        Schema(list[Any | datetime.date])
    assert Schema(Any | None).json == ["null", ANY]


@pytest.mark.parametrize("type_", [Pair | AsArray, Numbered[int] | Plain, One | Untagged], ids=str)
def test_classes_tell_records_apart_in_avro(type_: Any) -> None:
    """Records of a union are told apart by tag or by the class's name in Avro; MessagePack and JSON need tags."""
    assert Schema(list[type_])
    for payload in ("msgpack", "json"):
        with pytest.raises(SchemaError):
            Codec(list[type_], subject="s", version=1, environment="e", payload=payload)


@pytest.mark.parametrize(
    "type_",
    [
        One | Two, One | Two | list[int], int | Literal[1], str | Literal["a", 1], Any | None,
        Literal["a"] | Literal[1], datetime.timedelta | int, float | int | bool | None, AsArray | dict[str, int],
        Level | Colour | None,
    ],
    ids=str,
)  # fmt: skip
def test_what_a_reader_tells_apart(type_: Any) -> None:
    """A union whose members a reader tells apart has a schema."""
    assert Schema(list[type_])
    assert msgspec.msgpack.Decoder(type_)


@pytest.mark.parametrize(
    ("type_", "instead"),
    [
        (complex | None, "complex has no schema; use a tuple"),
        (dict[int, complex | None], "complex has no schema; use a tuple"),
        (msgspec.Raw, "Raw has no schema; use bytes"),
        (type, "type has no schema: use a msgspec.Struct, dataclass"),
    ],
    ids=str,
)
def test_what_nothing_is_known_of(type_: Any, instead: str) -> None:
    """A class of which nothing is known has no schema, wherever it stands; the error says what to use."""
    with pytest.raises(SchemaError, match=instead):
        Schema(type_)


def nodes(node: Node, seen: dict[int, Node]) -> dict[int, Node]:
    """Every node of a schema by its id."""
    if id(node) not in seen:
        seen[id(node)] = node
        match node:
            case Array():
                nodes(node.items, seen)
            case Map():
                nodes(node.values, seen)
            case Union():
                for branch in node.branches:
                    nodes(branch, seen)
            case Record():
                for one in node.fields:
                    nodes(one.type, seen)
    return seen


@pytest.mark.parametrize("type_", [Numbered[int], Account, Options, Tree, Row, dict[str, list[Colour] | int | None]])
def test_every_node_has_its_hint(type_: Any) -> None:
    """A schema of a type knows what each of its nodes says as a Python type; one of Avro JSON knows nothing."""
    schema = Schema(type_)
    for at, node in nodes(schema.root, {}).items():
        hint = schema.hints[at]
        match node:
            case Record() if "safecodec.absent" in node.attributes:
                assert isinstance(hint, Scalar)
            case Record():
                assert isinstance(hint, RecordHint)
                assert [one.name for one in node.fields] == [one.key for one in hint.fields]
            case Primitive(logical=None):
                assert isinstance(hint, Scalar)
            case Union():
                assert isinstance(hint, (Choice, Scalar))
    assert Schema(schema).hints is schema.hints
    assert Schema(schema.json).hints == {}


def test_hints_of_moved_branches() -> None:
    """A union whose default's branch was moved to the front has its hint."""
    schema = Schema(msgspec.defstruct("D", [("f", int | None, None)]))
    assert isinstance(schema.root, Record)
    moved = schema.root.fields[0].type
    assert isinstance(moved, Union)
    assert [branch_kind(branch) for branch in moved.branches] == ["null", "long"]
    hint = schema.hints[id(moved)]
    assert isinstance(hint, Choice)
    assert [one.cls for one in hint.members if isinstance(one, Scalar)] == [int, type(None)]
