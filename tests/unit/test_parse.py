"""Avro schemas in JSON: what is taken, what is refused, and where."""

from __future__ import annotations

from typing import Any

import pytest

from safecodec import SchemaError
from safecodec.avro import parse
from safecodec.avro.limits import DEFAULT
from safecodec.avro.nodes import ABSENT, Array, Enum, Fixed, Map, Primitive, Record, Union
from safecodec.avro.schema import Schema


def record(*fields: Any, **more: Any) -> dict[str, Any]:
    """A record R of these fields."""
    return {"type": "record", "name": "R", "fields": list(fields), **more}


def field(kind: Any, **more: Any) -> dict[str, Any]:
    """A field f."""
    return {"name": "f", "type": kind, **more}


FIXED = {"type": "fixed", "name": "F", "size": 2}
ENUM = {"type": "enum", "name": "E", "symbols": ["A", "B"]}


@pytest.mark.parametrize(
    ("source", "path", "words"),
    [
        (7, "$", "a schema is a str, a list or a dict, not int"),
        ([None], "$[0]", "not null"),
        ("nonsense", "$", "the type 'nonsense' is not known here"),
        ([], "$", "the union is empty"),
        (["int", ["null"]], "$[1]", "directly inside a union"),
        (["int", "int"], "$[1]", "'int' twice"),
        (["int", {"type": "int", "logicalType": "date"}], "$[1]", "'int' twice"),
        ([{"type": "array", "items": "int"}, {"type": "array", "items": "long"}], "$[1]", "'array' twice"),
        ({}, "$", "'type' is missing"),
        ({"type": "array"}, "$", "'items' is missing"),
        ({"type": "map", "values": "none"}, "$.values", "not known"),
        ({"type": "other"}, "$.type", "not known"),
        ({"type": {"type": "array"}}, "$.type", "'items' is missing"),
        ({"type": "record", "fields": []}, "$", "'name' is missing"),
        ({"type": "record", "name": "1", "fields": []}, "$.name", "'1' is no Avro name"),
        ({"type": "record", "name": "R", "namespace": 1, "fields": []}, "$.namespace", "a str, not int"),
        ({"type": "record", "name": "int", "fields": []}, "$.name", "name of a primitive type"),
        ({"type": "record", "name": "R"}, "$", "'fields' is missing"),
        (record(aliases="a"), "$.aliases", "a list of str"),
        (record("f"), "$.fields[0]", "a field is a dict"),
        (record({"name": "f-g", "type": "int"}), "$.fields[0]", "no Avro name"),
        (record({"name": "f"}), "$.fields[0]", "'type' is missing"),
        (record(field("int"), field("int")), "$.fields[1]", "two fields 'f'"),
        (record(field("int", order="up")), "$.fields[0].order", "'up'"),
        (record(field("int", order=[])), "$.fields[0].order", "the order is [], not one of"),
        (record(field(record())), "$.fields[0].type.name", "'R' is defined twice"),
        ({"type": "enum", "name": "E"}, "$.symbols", "a list of str"),
        ({**ENUM, "symbols": ["A", "A"]}, "$.symbols", "twice"),
        ({**ENUM, "symbols": ["a b"]}, "$.symbols", "no Avro name"),
        ({**ENUM, "default": "C"}, "$.default", "none of the symbols"),
        ({**FIXED, "size": -1}, "$", "not -1"),
        ({**FIXED, "size": True}, "$", "not True"),
        (record(field("int", default="x" * 100)), "$.fields[0].default", "does not fit"),
        (record(field("int", default=2**31)), "$.fields[0].default", "does not fit"),
        (record(field("boolean", default=0)), "$.fields[0].default", "does not fit"),
        (record(field("bytes", default="\u0100")), "$.fields[0].default", "does not fit"),
        (record(field("null", default=0)), "$.fields[0].default", "does not fit"),
        (record(field("double", default="1")), "$.fields[0].default", "does not fit"),
        (record(field(["int", "null"], default="x")), "$.fields[0].default", "does not fit"),
        (record(field({"type": "array", "items": "int"}, default=["x"])), "$.fields[0].default", "does not fit"),
        (record(field({"type": "map", "values": "int"}, default={"k": "x"})), "$.fields[0].default", "does not fit"),
        (record(field(ENUM, default="C")), "$.fields[0].default", "does not fit"),
        (record(field(FIXED, default="abc")), "$.fields[0].default", "does not fit"),
        (record(field(record(field("int")) | {"name": "S"}, default={})), "$.fields[0].default", "does not fit"),
    ],
)
def test_refusals(source: Any, path: str, words: str) -> None:
    """What the specification does not allow is refused, with the place in the schema."""
    with pytest.raises(SchemaError) as caught:
        parse.parse(source)
    assert words in caught.value.reason
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "neither JSON nor a primitive type"),
        ('{"type": "int", "type": "long"}', "'type' is there twice"),
        ('{"type": "array", "items": "int", "size": NaN}', "NaN is no JSON"),
        ("[" * 100_000, "nests too deep"),
        ('"' + "x" * DEFAULT.schema_text, "characters, the limit schema_text is"),
    ],
)
def test_text_that_is_no_schema(text: str, words: str) -> None:
    """Text is strict JSON, bounded in length and depth."""
    with pytest.raises(SchemaError, match=words):
        Schema(text)


def test_depth_is_bounded() -> None:
    """A schema that nests too deep, or holds itself as a Python object, is refused and does not recurse for ever."""
    deep: Any = "int"
    for _ in range(100):
        deep = {"type": "array", "items": deep}
    endless: dict[str, Any] = {"type": "array"}
    endless["items"] = endless
    for source in (deep, endless):
        with pytest.raises(SchemaError, match="nests deeper than 64 levels"):
            Schema(source)


def test_the_depth_of_what_a_schema_holds_is_bounded() -> None:
    """Values in a schema, which are defaults and attributes, nest no deeper than the schema may."""
    deep: Any = 1
    for _ in range(65):
        deep = [deep]
    with pytest.raises(SchemaError, match="the default nests deeper than 64 levels") as caught:
        Schema(record(field("int", default=deep)))
    assert caught.value.path == "$.fields[0].default"
    with pytest.raises(SchemaError, match="has a value of another form than JSON"):
        Schema({**record(field("int")), "safecodec.bounds": deep})
    with pytest.raises(SchemaError, match="or without an end"):
        Schema(record(field("R", default={})))


@pytest.mark.parametrize("value", [float("nan"), b"x", "\ud800", ["\ud800"], {"\ud800": 1}, {1}], ids=ascii)
def test_attributes_of_ours_are_json(value: Any) -> None:
    """An attribute of safecodec's in a schema that is given as a dict is refused where it has no JSON text."""
    with pytest.raises(SchemaError, match="has a value of another form than JSON"):
        Schema({**record(field("int")), "safecodec.bounds": value})


def test_names_and_namespaces() -> None:
    """A name without a dot is in the namespace around it; a dotted one says its own (Avro 1.12, *Names*)."""
    root = parse.parse(
        {
            "type": "record",
            "name": "R",
            "namespace": "a.b",
            "aliases": ["Old", "c.Older"],
            "fields": [
                {"name": "one", "type": {"type": "fixed", "name": "F", "size": 2}},
                {"name": "two", "type": {"type": "enum", "name": "x.E", "symbols": ["A"]}},
                {"name": "three", "type": ["null", "F", "x.E", "a.b.R"]},
                {"name": "four", "type": {"type": "F"}},
            ],
        }
    )
    assert isinstance(root, Record)
    assert (root.name, root.aliases) == ("a.b.R", ("a.b.Old", "c.Older"))
    one, two, three, four = (field.type for field in root.fields)
    assert isinstance(one, Fixed)
    assert isinstance(two, Enum)
    assert isinstance(three, Union)
    assert (one.name, two.name) == ("a.b.F", "x.E")
    assert three.branches[1:] == (one, two, root)
    assert four is one


def test_a_namespace_of_null_is_none() -> None:
    """A namespace that is null is as if it was not there, as in Java: the one around it holds, if there is one."""
    inner = {"type": "fixed", "name": "F", "size": 2, "namespace": None}
    root = parse.parse({**record(field(inner)), "namespace": None})
    assert isinstance(root, Record)
    assert isinstance(root.fields[0].type, Fixed)
    assert (root.name, root.fields[0].type.name) == ("R", "F")
    spaced = parse.parse({**record(field(inner)), "namespace": "a"})
    assert isinstance(spaced, Record)
    assert isinstance(spaced.fields[0].type, Fixed)
    assert spaced.fields[0].type.name == "a.F"


def test_defaults_that_fit() -> None:
    """Defaults of every kind are taken, a union's of any branch."""
    inner = {"type": "record", "name": "S", "fields": [{"name": "a", "type": "int"}, field("int", default=1)]}
    kinds: list[tuple[Any, Any]] = [
        ("null", None), ("boolean", True), ("int", 1), ("long", 2**40), ("float", 1), ("double", 1.5),
        ("bytes", "\xff"), ("string", "x"), (["null", "int"], 1), ({"type": "array", "items": "int"}, [1]),
        ({"type": "map", "values": "int"}, {"k": 1}), (ENUM, "A"), (FIXED, "ab"), (inner, {"a": 1}),
    ]  # fmt: skip
    fields = [{"name": f"f{at}", "type": kind, "default": value} for at, (kind, value) in enumerate(kinds)]
    root = parse.parse(record(*fields))
    assert isinstance(root, Record)
    assert [field.default for field in root.fields] == [value for _, value in kinds]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ({"type": "int", "logicalType": "date"}, "date"),
        ({"type": "long", "logicalType": "date"}, None),
        ({"type": "int", "logicalType": 7}, None),
        ({"type": "string", "logicalType": "uuid"}, "uuid"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}, "decimal"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": 4}, None),
        ({"type": "bytes", "logicalType": "decimal"}, None),
        ({"type": "fixed", "name": "F", "size": 16, "logicalType": "uuid"}, "uuid"),
        ({"type": "fixed", "name": "F", "size": 12, "logicalType": "duration"}, "duration"),
        ({"type": "fixed", "name": "F", "size": 12, "logicalType": "uuid"}, None),
        ({"type": "fixed", "name": "F", "size": 4, "logicalType": "decimal", "precision": 9}, "decimal"),
        ({"type": "fixed", "name": "F", "size": 4, "logicalType": "decimal", "precision": 10}, None),
        ({"type": "fixed", "name": "F", "size": 0, "logicalType": "decimal", "precision": 1}, None),
    ],
)
def test_logical_types(source: Any, name: str | None) -> None:
    """A logical type that is valid where it stands is kept; any other is ignored, as the specification wants."""
    node = parse.parse(source)
    assert isinstance(node, Primitive | Fixed)
    assert (None if node.logical is None else node.logical.name) == name


def test_own_attributes_are_kept() -> None:
    """Attributes of safecodec's own survive, others do not."""
    node = parse.parse({"type": "array", "items": "int", "safecodec.collection": "set", "doc": "x"})
    assert isinstance(node, Array)
    assert node.attributes == {"safecodec.collection": "set"}
    other = parse.parse({"type": "map", "values": "int"})
    assert isinstance(other, Map)
    assert other.attributes == {}
    assert repr(ABSENT) == "ABSENT"
