"""Schema, its canonical forms and fingerprints."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import enum
import hashlib
import pickle
from pathlib import Path
from typing import Annotated, Any, Literal

import fastavro.schema
import msgspec
import pytest

from safecodec import Alias, ConfigError, SchemaError
from safecodec.avro.schema import Schema

INNER = {"type": "record", "name": "Inner", "fields": [{"name": "v", "type": "int"}]}
ENUM = {"type": "enum", "name": "n.E", "symbols": ["A", "B"], "default": "A"}
FIXED = {"type": "fixed", "name": "F", "size": 16, "logicalType": "uuid"}
RECORD: dict[str, Any] = {
    "type": "record",
    "name": "R",
    "namespace": "a.b",
    "doc": "words",
    "aliases": ["Old"],
    "fields": [
        {"name": "one", "type": {"type": "long", "logicalType": "timestamp-micros"}, "aliases": ["uno"], "default": 1},
        {"name": "two", "type": ["null", INNER, ENUM], "default": None},
        {"name": "three", "type": {"type": "map", "values": "Inner"}, "default": {"b": {"v": 2}, "a": {"v": 1}}},
        {"name": "four", "type": {"type": "array", "items": "double"}, "default": [1, 2.5]},
        {"name": "five", "type": FIXED},
        {"name": "six", "type": {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}},
        {"name": "seven", "type": ["null", "R"], "default": None},
    ],
}


@pytest.mark.parametrize(
    "source",
    [
        "null",
        "int",
        {"type": "string"},
        ["null", "long"],
        INNER,
        ENUM,
        FIXED,
        RECORD,
    ],
    ids=lambda source: str(source)[:30],
)
def test_parsing_canonical_form(source: Any) -> None:
    """The parsing canonical form is the one that fastavro makes, and parses into itself."""
    schema = Schema(source)
    expected = fastavro.schema.to_parsing_canonical_form(fastavro.schema.parse_schema(source))
    assert schema.canonical_form == expected
    assert Schema(schema.canonical_form if isinstance(source, dict | list) else source).canonical_form == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [("null", 0x63DD24E7CC258F8A), ("int", 0x7275D51A3F395C8F), ("string", 0x8F014872634503C7)],
)
def test_crc_64_avro(source: str, expected: int) -> None:
    """The fingerprints of primitive schemas are those of the test suite of Apache Avro (share/test/data)."""
    assert Schema(source).fingerprint() == expected.to_bytes(8, "little")


def test_other_fingerprints() -> None:
    """MD5 and SHA-256 are of the parsing canonical form; an unknown algorithm is refused."""
    schema = Schema(RECORD)
    assert schema.fingerprint("SHA-256") == hashlib.sha256(schema.canonical_form.encode()).digest()
    assert schema.fingerprint("MD5") == hashlib.md5(schema.canonical_form.encode()).digest()
    with pytest.raises(ConfigError, match="'CRC-32' is not one of"):
        schema.fingerprint("CRC-32")


def test_wire_form() -> None:
    """The wire form keeps what decides how bytes read, and numbers named types; Avro keeps order, the others do not."""
    assert Schema(RECORD).wire_form("avro") == (
        '{"type":"record","fields":['
        '{"name":"one","type":{"type":"long","logicalType":"timestamp-micros"}},'
        '{"name":"two","type":["null",{"type":"record","fields":[{"name":"v","type":"int"}]},'
        '{"type":"enum","symbols":["A","B"]}]},'
        '{"name":"three","type":{"type":"map","values":{"type":1}}},'
        '{"name":"four","type":{"type":"array","items":"double"}},'
        '{"name":"five","type":{"type":"fixed","size":16,"logicalType":"uuid"}},'
        '{"name":"six","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}},'
        '{"name":"seven","type":["null",{"type":0}]}]}'
    )
    turned = Schema(RECORD | {"fields": [RECORD["fields"][1], RECORD["fields"][0], *RECORD["fields"][2:]]})
    for payload, alike in (("avro", False), ("msgpack", True), ("json", True)):
        assert (turned.wire_form(payload) == Schema(RECORD).wire_form(payload)) is alike


def test_names_count_where_they_tell_branches_apart() -> None:
    """Of several records in a union the unqualified names count, or the full ones where two have one; aliases never."""
    aliased = INNER | {"aliases": ["x.Old"]}
    other = {"type": "record", "name": "y.Other", "fields": []}
    assert Schema(aliased).wire_form("avro") == Schema(INNER).wire_form("avro")
    assert Schema([aliased, other]).wire_form("avro") == Schema([INNER, other]).wire_form("avro")
    assert Schema([INNER, other]).wire_form("avro") != Schema([INNER | {"name": "Else"}, other]).wire_form("avro")
    assert Schema([INNER, ENUM]).wire_form("avro") == Schema([INNER | {"name": "Else"}, ENUM]).wire_form("avro")
    twice = [other | {"name": "a.X"}, other | {"name": "b.X"}]
    assert Schema(twice).wire_form("avro") != Schema(twice[::-1]).wire_form("avro")


def omitting(kind: Any, default: Any, **more: Any) -> Schema:
    """A record that is written without the field that equals its default."""
    fields = [{"name": "f", "type": kind, "default": default}]
    return Schema({"type": "record", "name": "R", "fields": fields, "safecodec.omit_defaults": True, **more})


ROW = {
    "type": "record",
    "name": "Row",
    "fields": [{"name": "b", "type": "double", "default": 2}, {"name": "a", "type": "int"}],
}
OTHER = {"type": "record", "name": "Other", "fields": [{"name": "c", "type": "int"}]}
NUMBERED = {"type": "enum", "name": "N", "symbols": ["A", "B"], "safecodec.values": [1, 2]}


@pytest.mark.parametrize(
    ("kind", "default", "expected"),
    [
        ("int", 1, "1"),
        ("double", 1, "1.0"),
        ("bytes", "\xff", '"\xff"'),
        (NUMBERED, "B", "2"),
        ({"type": "array", "items": "double"}, [1, 2.5], "[1.0,2.5]"),
        ({"type": "map", "values": "double"}, {"l": 1, "k": 2}, '{"k":2.0,"l":1.0}'),
        (["null", "double"], 1, '{"double":1.0}'),
        (["double", "long"], 1, '{"long":1}'),
        (["null", "int"], None, "null"),
        (["null", {"type": "int", "logicalType": "date"}], 1, '{"int:date":1}'),
        (["null", {"type": "array", "items": "int"}], [1], '{"array":[1]}'),
        (["null", ROW], {"a": 1}, '{"record":{"a":1,"b":2.0}}'),
        ([OTHER, ROW], {"a": 1}, '{"record:Row":{"a":1,"b":2.0}}'),
        (ROW, {"a": 1}, '{"a":1,"b":2.0}'),
    ],
    ids=str,
)
def test_omitted_defaults_are_on_the_wire(kind: Any, default: Any, expected: str) -> None:
    """A default that is not written decides how a payload reads: it is in the form as its value, but not in Avro's."""
    for payload in ("msgpack", "json"):
        assert f',"default":{expected}}}' in omitting(kind, default).wire_form(payload)
        array = omitting(kind, default, **{"safecodec.array_like": True})
        assert '"default"' not in array.wire_form(payload)  # an array has every field
    assert '"default"' not in omitting(kind, default).wire_form("avro")


class Tagged(msgspec.Struct, tag="a"):
    x: int
    y: str = "y"


class Plain(msgspec.Struct):
    x: int
    y: str = "y"


@dataclasses.dataclass
class Renamed:
    y: Annotated[str, msgspec.Meta(min_length=1), Alias("z")]
    x: Annotated[int, msgspec.Meta(ge=0)] = 7


class Unset(msgspec.Struct):
    x: int
    y: str | msgspec.UnsetType = msgspec.UNSET


class Row(msgspec.Struct, array_like=True):
    x: int
    y: str = "y"


class Omits(msgspec.Struct, omit_defaults=True):
    x: int
    y: str = "y"


def forms(type_: Any) -> dict[str, str]:
    """The wire forms of a type."""
    schema = Schema(type_)
    return {payload: schema.wire_form(payload) for payload in ("avro", "msgpack", "json")}


def differ(one: Any, other: Any) -> set[str]:
    """The payloads whose wire forms of two types differ; an exported schema has the forms of its type."""
    for type_ in (one, other):
        assert forms(Schema(type_).json) == forms(type_)
    return {payload for payload, form in forms(one).items() if forms(other)[payload] != form}


NAMED = {"msgpack", "json"}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (Plain, Renamed, {"avro"}),  # their order; no names, aliases, bounds and defaults
        (Plain, Tagged, {"avro"} | NAMED),
        (Plain, Row, NAMED),
        (Plain, Omits, NAMED),
        (Plain, Unset, {"avro"} | NAMED),
        (list[int], set[int], {"avro"} | NAMED),
        (list[int], tuple[int, ...], set()),
        (dict[int, str], list[tuple[int, str]], {"avro"} | NAMED),
        (int | str | None, None | str | int, set()),
        (datetime.datetime, datetime.date, {"avro"} | NAMED),
        (bytes, bytearray, set()),
        (Literal["a", "b"], Literal["b", "a"], set()),
        (Literal["a"], Literal["b"], {"avro"} | NAMED),
        (Literal["1"], Literal[1], {"avro"} | NAMED),
        (enum.Enum("E", {"A": "a", "B": "b"}), enum.Enum("F", {"X": "b", "Y": "a"}), {"avro"}),
        (Tagged | int, Tagged | int | None, {"avro"} | NAMED),
    ],
    ids=str,
)
def test_what_counts_on_the_wire(one: Any, other: Any, expected: set[str]) -> None:
    """Two types have one wire form where payloads of either read as the same values of both."""
    assert differ(one, other) == expected


def test_a_name_without_a_namespace_stays_so() -> None:
    """A type without a namespace inside one with it is exported as it is, and so is what refers to it."""
    inner = {"type": "record", "name": "Inner", "namespace": "", "fields": []}
    fields = [{"name": "one", "type": inner}, {"name": "two", "type": "Inner"}]
    schema = Schema({"type": "record", "name": "x.Outer", "fields": fields})
    assert Schema(schema.json) == schema
    assert schema.json["fields"][0]["type"]["namespace"] == ""


@pytest.mark.parametrize("source", ["int", RECORD, [INNER, ENUM]], ids=["int", "record", "union"])
def test_json_is_standard(source: Any) -> None:
    """The JSON of a schema parses into an equal one, by itself, in a copy and in a pickle."""
    schema = Schema(source)
    for other in (Schema(schema.json), Schema(schema), copy.deepcopy(schema), pickle.loads(pickle.dumps(schema))):
        assert other == schema
        assert hash(other) == hash(schema)
        assert other.canonical_form == schema.canonical_form
    assert schema != "int"
    assert repr(schema).startswith("Schema(")


def test_python_type_survives() -> None:
    """A schema that is derived remembers its type, in a pickle too."""
    assert pickle.loads(pickle.dumps(Schema(int))).type is int
    assert Schema(Schema(int)).type is int


def test_files(tmp_path: Path) -> None:
    """A path is read; what is wrong with the file is said with its name."""
    path = tmp_path / "one.avsc"
    path.write_text('{"type": "array", "items": "int"}')
    assert Schema(path) == Schema({"type": "array", "items": "int"})
    path.write_text('{"type": "array"}')
    with pytest.raises(SchemaError, match=r"one\.avsc: the attribute 'items' is missing"):
        Schema(path)
    path.write_bytes(b"\xff")
    for unreadable in (path, tmp_path / "none"):
        with pytest.raises(SchemaError, match="cannot be read"):
            Schema(unreadable)


def test_immutable() -> None:
    """A schema's attributes are neither set nor deleted."""
    with pytest.raises(AttributeError, match="immutable"):
        Schema("int").root = Schema("long").root
    with pytest.raises(AttributeError, match="immutable"):
        del Schema("int").root


@pytest.mark.parametrize("source", [None, b"int", 7, 1.5, pytest.param(10**5_000, id="big")])
def test_what_is_no_schema(source: Any) -> None:
    """What cannot be meant as a schema is refused by name."""
    with pytest.raises(SchemaError, match="a schema is a dict, a list, JSON text, a path or a type"):
        Schema(source)
