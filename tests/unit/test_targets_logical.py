"""Every kind of Python type that a record is read as, with every Avro type in it, alone and in collections."""

from __future__ import annotations

import dataclasses
import random
import typing
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

import attrs
import msgspec
import pytest

from avro_json import to_json
from avro_leaves import FIXED, LOGICAL, PRIMITIVES, Leaf
from avro_types import Part, Type, primitive
from safecodec import PayloadError
from safecodec.avro import Schema
from safecodec.avro.logical import put_long
from shapes import Colour, same

FIELDS = ("value", "items", "by_key", "maybe")
COLOURS = Type("enum", name="Colour", symbols=[one.value for one in Colour])


def annotated(name: str, fields: dict[str, Any]) -> type:
    """A class that has nothing but annotations."""
    return type(name, (), {"__annotations__": fields, "__module__": __name__})


def struct(name: str, fields: dict[str, Any]) -> Any:
    """A msgspec.Struct."""
    return msgspec.defstruct(name, list(fields.items()))


def plain_dict(name: str, fields: dict[str, Any]) -> Any:
    """No type: records are dicts."""
    del name, fields


KINDS: dict[str, Callable[[str, dict[str, Any]], Any]] = {
    "dict": plain_dict,
    "Struct": struct,
    "dataclass": lambda name, fields: dataclasses.dataclass(annotated(name, fields)),
    "dataclass with slots": lambda name, fields: dataclasses.dataclass(slots=True)(annotated(name, fields)),
    "attrs": lambda name, fields: attrs.define(annotated(name, fields)),
    "NamedTuple": lambda name, fields: typing.NamedTuple(name, list(fields.items())),
    "TypedDict": lambda name, fields: typing.TypedDict(name, fields),  # type: ignore[operator]
}
every_kind = pytest.mark.parametrize("kind", KINDS)
every_class = pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "dict"])


def node_of(leaf: Leaf | None) -> Type:
    """The Avro type."""
    return COLOURS if leaf is None else Type(leaf.kind, leaf, name="F" if leaf.kind == "fixed" else "")


def python_of(leaf: Leaf | None) -> Any:
    """The annotation of a field that takes its values."""
    if leaf is None:
        return Colour
    if leaf.logical == "duration":
        return tuple[int, int, int]
    if leaf.python is datetime:
        return Annotated[datetime, msgspec.Meta(tz=not str(leaf.logical).startswith("local-"))]
    return leaf.python


def annotations_of(leaf: Leaf | None) -> dict[str, Any]:
    """The fields of a type with it."""
    python = python_of(leaf)
    maybe = int | None if python is type(None) else python | None
    return dict(zip(FIELDS, (python, list[python], dict[str, python], maybe), strict=True))  # type: ignore[valid-type]


def schema_of(leaf: Leaf | None) -> Any:
    """The same as a schema."""
    node = node_of(leaf)
    maybe = Type("union", parts=[primitive("null"), primitive("int") if node.kind == "null" else node])
    types = (node, Type("array", parts=[node]), Type("map", parts=[node]), maybe)
    fields = [Part(name, one) for name, one in zip(FIELDS, types, strict=True)]
    return to_json(Type("record", name="Record", fields=fields))


def values_of(leaf: Leaf | None) -> list[Any]:
    """Some values; those of Colour as its members."""
    if leaf is None:
        return list(Colour)
    chosen = random.Random(str(leaf.attributes))
    drawn = [leaf.draw(chosen.randrange) for _ in range(6)]
    return [one for one in drawn if one == one]


def fields_of(values: list[Any], *, null: bool) -> dict[str, Any]:
    """The fields of a record with these values."""
    maybe = 7 if null else values[-1]
    keyed = {str(at): one for at, one in enumerate(values)}
    return {"value": values[0], "items": values, "by_key": keyed, "maybe": maybe}


def bare(value: Any) -> Any:
    """The same with enums' members as symbols, as dicts have them."""
    if isinstance(value, dict):
        return {key: bare(one) for key, one in value.items()}
    if isinstance(value, list):
        return [bare(one) for one in value]
    return value.value if isinstance(value, Colour) else value


def alike(found: Any, expected: Any) -> bool:
    """Whether two records are of one class and have the same values."""
    if isinstance(found, dict):
        return same(found, expected)
    return type(found) is type(expected) and all(same(getattr(found, at), getattr(expected, at)) for at in FIELDS)


LEAVES: dict[str, Leaf | None] = {
    " ".join(map(str, (leaf.kind, *leaf.attributes.values(), *([leaf.size] if leaf.kind == "fixed" else ())))): leaf
    for leaf in (*PRIMITIVES.values(), *LOGICAL, *FIXED)
} | {"enum": None}
every_leaf = pytest.mark.parametrize("name", LEAVES)


@every_kind
@every_leaf
def test_what_a_schema_wrote_becomes_the_type(name: str, kind: str) -> None:
    """Plain values that were written by a schema are read as a type that has the values' types in its fields."""
    leaf = LEAVES[name]
    target = KINDS[kind]("Target", annotations_of(leaf))
    fields = fields_of(values_of(leaf), null=leaf is PRIMITIVES["null"])
    schema = Schema(schema_of(leaf))
    data = schema.encode(bare(fields))
    if target is None:
        assert same(schema.decode(data), bare(fields))
    else:
        assert alike(schema.decode(data, type=target), target(**fields))


@every_class
@every_leaf
def test_what_a_type_wrote_becomes_the_type(name: str, kind: str) -> None:
    """An instance is written by the schema of its type, and read as an equal one."""
    leaf = LEAVES[name]
    target = KINDS[kind]("Target", annotations_of(leaf))
    instance = target(**fields_of(values_of(leaf), null=leaf is PRIMITIVES["null"]))
    schema = Schema(target)
    assert alike(schema.decode(schema.encode(instance)), instance)


@every_class
def test_records_in_records(kind: str) -> None:
    """A record inside a record becomes the type that the field has."""
    inner = KINDS[kind]("Inner", {"number": int})
    target = KINDS[kind]("Outer", {"one": inner, "more": list[inner], "maybe": inner | None})  # type: ignore[valid-type]
    node = Type("record", name="Inside", fields=[Part("number", primitive("long"))])
    maybe = Type("union", parts=[primitive("null"), node])
    fields = [Part("one", node), Part("more", Type("array", parts=[node])), Part("maybe", maybe)]
    schema = Schema(to_json(Type("record", name="Outside", fields=fields)))
    data = schema.encode({"one": {"number": 1}, "more": [{"number": 2}], "maybe": {"number": 3}})
    expected = target(one=inner(number=1), more=[inner(number=2)], maybe=inner(number=3))
    found = schema.decode(data, type=target)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("name", ["timestamp", "local-timestamp"])
def test_timestamps_that_no_datetime_has(name: str) -> None:
    """A timestamp finer than a microsecond, or out of Python's years, is refused; the ones beside it are read."""
    least, most = -62_135_596_800, 253_402_300_799  # 0001-01-01 and 9999-12-31 23:59:59 since 1970, in seconds
    for unit, size in (("millis", 10**3), ("micros", 10**6)):
        schema = Schema({"type": "long", "logicalType": f"{name}-{unit}"})
        for seconds in (least, most):
            assert schema.decode(put_long(seconds * size)).second == seconds % 60
        for seconds in (least - 1, most + 1):
            with pytest.raises(PayloadError, match="out of Python's range"):
                schema.decode(put_long(seconds * size))
    date = Schema({"type": "int", "logicalType": "date"})
    for days in (-719_162, 2_932_896):  # of the same years
        assert date.decode(put_long(days)).year in (1, 9999)
    for days in (-719_163, 2_932_897):
        with pytest.raises(PayloadError, match="out of Python's range"):
            date.decode(put_long(days))
    nanos = Schema({"type": "long", "logicalType": f"{name}-nanos"})
    assert nanos.decode(put_long(5_000)).microsecond == 5
    for fine in (1, 999, 5_001, -1):
        with pytest.raises(PayloadError):
            nanos.decode(put_long(fine))
