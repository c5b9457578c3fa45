"""Schema, its canonical forms and fingerprints."""

from __future__ import annotations

import copy
import hashlib
import pickle
from pathlib import Path
from typing import Any

import fastavro.schema
import pytest

from safecodec import ConfigError, SchemaError
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


def test_full_canonical_form() -> None:
    """The full form keeps what changes a value's meaning, numbers names, and sorts what has no order."""
    assert Schema(RECORD).full_canonical_form == (
        '{"name":"#0","type":"record","fields":['
        '{"name":"one","type":{"type":"long","logicalType":"timestamp-micros"},"default":1,"aliases":["uno"]},'
        '{"name":"two","type":["null",{"name":"#1:Inner","type":"record","fields":[{"name":"v","type":"int"}]},'
        '{"name":"#2:E","type":"enum","symbols":["A","B"],"default":"A"}],"default":null},'
        '{"name":"three","type":{"type":"map","values":"#1"},"default":{"a":{"v":1},"b":{"v":2}}},'
        '{"name":"four","type":{"type":"array","items":"double"},"default":[1.0,2.5]},'
        '{"name":"five","type":{"name":"#3","type":"fixed","size":16,"logicalType":"uuid"}},'
        '{"name":"six","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}},'
        '{"name":"seven","type":["null","#0"],"default":null}]}'
    )


def test_aliases_count_where_names_do() -> None:
    """In a union of several named types a type's aliases are part of the full form, elsewhere not."""
    aliased = INNER | {"aliases": ["x.Old"]}
    assert Schema(aliased) == Schema(INNER)
    assert Schema([aliased, ENUM]) != Schema([INNER, ENUM])
    assert '"aliases":["Old"]' in Schema([aliased, ENUM]).full_canonical_form


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


@pytest.mark.parametrize("source", [None, b"int", 7, 1.5])
def test_what_is_no_schema(source: Any) -> None:
    """What cannot be meant as a schema is refused by name."""
    with pytest.raises(SchemaError, match="a schema is a dict, a list, JSON text, a path or a type"):
        Schema(source)
