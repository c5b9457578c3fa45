"""Schemas of Python types."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypedDict, TypeVar

import msgspec
import pytest

from safecodec import SchemaError
from safecodec.avro.defaults import NO_JSON, default_json
from safecodec.avro.nodes import Fixed, Primitive, Union
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


def carried(text: str) -> dict[str, Any]:
    """The schema of a type that is carried as MessagePack."""
    return {"type": "bytes", "logicalType": "safecodec-msgpack", "safecodec.type": text}


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
        (Annotated[datetime.time, msgspec.Meta(tz=True)], carried("time[aware]")),
        (decimal.Decimal, {"type": "bytes", "logicalType": "big-decimal"}),
        (uuid.UUID, {"type": "string", "logicalType": "uuid"}),
        (list[int], {"type": "array", "items": "long"}),
        (tuple[int, ...], {"type": "array", "items": "long"}),
        (set[int], {"type": "array", "items": "long", "safecodec.collection": "set"}),
        (frozenset[str], {"type": "array", "items": "string", "safecodec.collection": "set"}),
        (dict[str, int], {"type": "map", "values": "long"}),
        (dict[Annotated[str, msgspec.Meta(min_length=1)], int], {"type": "map", "values": "long"}),
        (Annotated[int, msgspec.Meta(ge=0, extra={"unit": "ms"})], "long"),
        (dict[Annotated[str, msgspec.Meta(title="key")], int], {"type": "map", "values": "long"}),
        (dict[int, Annotated[str, msgspec.Meta(title="name")]], carried("dict[int, str]")),
        (int | None, ["long", "null"]),
        (Literal["red"], {"type": "enum", "name": "Literal_red", "symbols": ["red"]}),
        (Literal[1, 2], carried("literal(1, 2)")),
        (Colour, {"type": "enum", "name": "Colour", "symbols": ["red", "blue"]}),
        (Level, carried("enum(1)")),
        (Any, carried("any")),
        (datetime.timedelta, carried("timedelta")),
        (tuple[int, str], carried("tuple[int, str]")),
        (dict[int, list[str]], carried("dict[int, list[str]]")),
        (dict[int, list[bytes] | None], carried("dict[int, list[bytes] | none]")),
        (dict[int, tuple[int, ...]], carried("dict[int, tuple[int, ...]]")),
        (dict[int, Annotated[int, msgspec.Meta(ge=0)]], carried("dict[int, int]")),
        (dict[int, Pair], carried("dict[int, array(one: int, two: str = 'x')]")),
        (
            dict[int, Row],
            carried("dict[int, array(key: str, when: datetime | none = None, again: #0 | none = None, type='row')]"),
        ),
        (dict[int, Plain], carried("dict[int, record(numbers: list[int] = ..., made: list[int] = ...)]")),
        (dict[int, bytes] | bytes, carried("dict[int, bytes] | bytes")),
        (Box[int], {"type": "record", "name": "Box", "fields": [{"name": "item", "type": "long"}]}),
    ],
    ids=str,
)
def test_types(type_: Any, expected: Any) -> None:
    """Every Python type has the schema that says most about it; what Avro has no word for is carried."""
    schema = Schema(type_)
    found = schema.json
    if isinstance(found, list):
        found, expected = sorted(found), sorted(expected)
    assert found == expected
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
    """A key that may be missing is null in Avro; where null is a value as well, the value is carried."""
    assert fields(Options) == {
        "name": {"type": "string"},
        "limit": {"type": ["null", "long"], "default": None, "safecodec.optional": True},
        "note": {"type": ["null", carried("int | none")], "default": None, "safecodec.optional": True},
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
        (uuid.UUID, uuid.UUID(int=0)),
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


def test_default_moves_its_branch_to_the_front() -> None:
    """In a union the default's branch comes first, as the specification wanted until 1.11 and many readers do."""
    assert defaulted(int | None, 3)["type"] == ["long", "null"]
    assert defaulted(int | None, None)["type"] == ["null", "long"]


def test_defaults_of_records() -> None:
    """The default of a TypedDict is a record's; what its fields cannot hold is no default."""
    node = Schema(Options).root
    assert default_json(node, {"name": "x"})[1] == {"name": "x"}
    assert default_json(node, {"name": "x", "limit": None})[1] == {"name": "x", "limit": None}
    for wrong in ({}, {"name": 7}, {"name": "x", "other": 1}, "x"):
        assert default_json(node, wrong)[1] is NO_JSON
    fixed = Fixed("F", 1)
    assert default_json(fixed, b"x")[1] is NO_JSON
    assert default_json(Union((fixed, Primitive("null"))), b"x")[1] is NO_JSON
    assert repr(NO_JSON) == "NO_JSON"


@pytest.mark.parametrize(
    "type_",
    [set[int] | list[int], complex, msgspec.Raw, list[complex], list["Nowhere"], Box["Nowhere"]],  # type: ignore[name-defined]  # noqa: F821, ids=str
)
def test_types_without_a_schema(type_: Any) -> None:
    """What neither Avro nor msgspec can hold is a SchemaError."""
    with pytest.raises(SchemaError):
        Schema(msgspec.defstruct("R", [("f", type_)]))


def test_sets_are_not_carried() -> None:
    """A set inside what is carried would be written in the order of memory, and is refused."""
    with pytest.raises(SchemaError, match="a set in it has no order") as caught:
        Schema(msgspec.defstruct("S", [("f", dict[int, set[str]])]))
    assert caught.value.path == "$.f"


def test_deep_types_are_refused() -> None:
    """A type that nests too deep is refused, and does not recurse for ever."""
    deep: Any = int
    for _ in range(70):
        deep = list[deep]
    with pytest.raises(SchemaError, match="nests deeper than 64 levels"):
        Schema(deep)


def test_carried_types_may_hold_themselves() -> None:
    """The text of a carried type ends where the type holds itself."""
    assert "dict[int, record(items: dict[int, #0])]" in Schema(Looping).full_canonical_form
