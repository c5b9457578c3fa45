"""Versions: which versions a process knows, and which of them can read which."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec
import pytest

from safecodec import Codec, IncompatibleSchemaError, SchemaError
from safecodec.avro.layout import begins_with
from safecodec.avro.schema import Schema
from safecodec.evolution.versions import Versions

PAYLOADS = ["avro", "msgpack", "json"]


def record(*fields: tuple[Any, ...], **attributes: Any) -> type[msgspec.Struct]:
    """A Struct with these fields."""
    return msgspec.defstruct("Value", list(fields), **attributes)


def oldest(payload: str, *history: Any) -> int:
    """The oldest reader of the last of a history of versions 1, 2, …; None leaves a version out."""
    numbered = {number: version for number, version in enumerate(history, 1) if version is not None}
    newest = max(numbered)
    older = {number: version for number, version in numbered.items() if number != newest}
    return Versions(numbered[newest], newest, older, subject="value", payload=payload).oldest_reader(newest)


ONE = record(("a", int))
APPENDED = record(("a", int), ("b", str, "x"))
PREPENDED = record(("b", str, "x"), ("a", int), kw_only=True)
RETYPED = record(("a", str))


@pytest.mark.parametrize("payload", PAYLOADS)
def test_appended_field_is_read_by_older_readers(payload: str) -> None:
    """A field at the end with a default leaves older readers able, whatever the payload."""
    assert oldest(payload, ONE, APPENDED) == 1


def test_field_in_front_is_read_by_name_only() -> None:
    """A field in front moves the others in Avro; MessagePack and JSON read by name."""
    assert oldest("avro", ONE, PREPENDED) == 2
    assert oldest("msgpack", ONE, PREPENDED) == 1
    assert oldest("json", ONE, PREPENDED) == 1


@pytest.mark.parametrize("payload", PAYLOADS)
def test_another_type_is_read_by_nobody_older(payload: str) -> None:
    """A field of another type ends what older readers can read."""
    assert oldest(payload, ONE, RETYPED) == 2


@pytest.mark.parametrize("payload", PAYLOADS)
def test_removed_field_is_needed_by_older_readers(payload: str) -> None:
    """A required field that is no longer written ends what older readers can read."""
    assert oldest(payload, record(("a", int), ("b", str)), ONE) == 2


@pytest.mark.parametrize("payload", PAYLOADS)
def test_only_an_unbroken_row_counts(payload: str) -> None:
    """Nobody vouches for a version that is not known, nor for what is older than one that cannot read."""
    assert oldest(payload, ONE, None, APPENDED) == 3
    assert oldest(payload, ONE, ONE, APPENDED) == 1
    assert oldest(payload, ONE, RETYPED, APPENDED) == 3


def test_array_like_structs_count_positions() -> None:
    """Structs written as arrays are read by position in MessagePack, however deep they are."""
    front = record(("b", str), ("a", int), array_like=True)
    back = record(("a", int), ("b", str), array_like=True)
    short = record(("a", int), array_like=True)
    assert oldest("msgpack", short, front) == 2
    assert oldest("msgpack", short, back) == 1
    wraps: list[Any] = [lambda row: list[row], lambda row: dict[str, row], lambda row: row | None]  # type: ignore[valid-type]
    for wrap in wraps:
        assert oldest("msgpack", record(("k", int)), record(("k", int), ("v", wrap(front)))) == 1
        assert oldest("msgpack", record(("k", int)), record(("v", wrap(front)), ("k", int))) == 1  # is left out
        for longer in (front, back):
            assert oldest("msgpack", record(("v", wrap(short))), record(("v", wrap(longer)))) == 2


class Tree(msgspec.Struct):
    label: str
    children: list[Tree] = []


class Forest(msgspec.Struct):
    label: str
    children: list[Forest] = []
    trees: list[Tree] = []


@pytest.mark.parametrize("payload", PAYLOADS)
def test_recursive_types_end(payload: str) -> None:
    """The comparison of recursive types ends; a child that grows moves what follows it, in Avro."""
    assert oldest(payload, Tree, Tree) == 1
    assert oldest(payload, Tree, Forest) == (2 if payload == "avro" else 1)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("long", "long", True),
        ("int", "long", False),
        ({"type": "array", "items": "int"}, {"type": "array", "items": "int"}, True),
        ({"type": "array", "items": "int"}, {"type": "map", "values": "int"}, False),
        ({"type": "map", "values": "int"}, {"type": "map", "values": "long"}, False),
        (["null", "int"], ["null", "int"], True),
        (["null", "int"], ["int", "null"], False),
        (["null", "int"], ["null"], False),
        ({"type": "long", "logicalType": "timestamp-micros"}, "long", False),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, {"type": "enum", "name": "F", "symbols": ["A"]}, True),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, {"type": "enum", "name": "E", "symbols": ["A", "B"]}, False),
        ({"type": "fixed", "name": "E", "size": 2}, {"type": "fixed", "name": "F", "size": 2}, True),
        ({"type": "fixed", "name": "E", "size": 2}, {"type": "fixed", "name": "E", "size": 3}, False),
    ],
)
def test_layout_of_each_kind(one: Any, other: Any, same: bool) -> None:
    """Two schemas lay out values alike exactly where kind, parts and logical type are the same; names do not count."""
    assert begins_with(Schema(one).root, Schema(other).root) is same

    def wrap(schema: Any) -> Any:
        inner = {"type": "record", "name": "Inner", "fields": [{"name": "v", "type": schema}]}
        fields = [{"name": "a", "type": inner}, {"name": "b", "type": "Inner"}]
        return {"type": "record", "name": "Outer", "fields": fields}

    assert begins_with(Schema(wrap(one)).root, Schema(wrap(other)).root) is same


@pytest.mark.parametrize("nested", [False, True])
def test_bad_default_is_refused_when_the_encoder_is_made(nested: bool) -> None:
    """encoder() of an older version refuses a default that is no value of its logical type, before any value."""
    text = {"type": "string", "logicalType": "uuid"}

    def schema(*more: Any) -> Any:
        inner = {
            "type": "record",
            "name": "Inner",
            "fields": [{"name": "a", "type": "int"}, {"name": "id", "type": text, "default": "none"}, *more],
        }
        return {"type": "record", "name": "Outer", "fields": [{"name": "v", "type": inner}]} if nested else inner

    added = {"name": "b", "type": "int", "default": 1}
    versions = Versions(schema(added), 2, {1: schema()}, subject="value", payload="avro")
    with pytest.raises(SchemaError, match="the default 'none' is no value of its logical type"):
        versions.encoder(1)
    assert callable(versions.encoder(2).encode)  # type: ignore[attr-defined]  # the written version's own default


@pytest.mark.parametrize("payload", PAYLOADS)
def test_every_pair_is_checked_when_made(payload: str) -> None:
    """decoders() fails where any older version cannot be read, and names which."""
    versions = Versions(ONE, 3, {1: RETYPED, 2: APPENDED}, subject="value", payload=payload)
    with pytest.raises(IncompatibleSchemaError, match="what version 1 of subject 'value' wrote"):
        versions.decoders()
    assert len(Versions(APPENDED, 3, {2: ONE}, subject="value", payload=payload).decoders()) == 3


@dataclasses.dataclass
class Plain:
    """The version before `Filled`."""

    x: int


@dataclasses.dataclass
class Filled:
    """A field whose default only its class makes."""

    x: int
    tags: dict[str, int] = dataclasses.field(default_factory=lambda: {"a": 1})


@pytest.mark.parametrize("payload", ["avro", "msgpack", "json"])
def test_a_schema_has_no_default_of_its_class(payload: Any) -> None:
    """A class that is given as its schema cannot fill a field that an older version lacks, and the error says so."""
    codec = Codec(Filled, subject="s", version=2, older={1: Plain}, payload=payload, environment="test")
    old = Codec(Plain, subject="s", version=1, payload=payload, environment="test").encode(Plain(7))
    assert codec.decode(old) == Filled(7)
    exported = Schema(Filled).json
    with pytest.raises(IncompatibleSchemaError, match="only its class makes the default"):
        Codec(exported, subject="s", version=2, older={1: Plain}, payload=payload, environment="test")
