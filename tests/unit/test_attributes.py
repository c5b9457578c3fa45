"""The attributes of ours that a schema in words has."""

from __future__ import annotations

from typing import Any

import pytest

from safecodec import SchemaError
from safecodec.avro.schema import Schema

NAMED: dict[str, Any] = {"type": "record", "name": "R", "fields": []}
ENUM: dict[str, Any] = {"type": "enum", "name": "E", "symbols": ["A", "B"]}
FIXED: dict[str, Any] = {"type": "fixed", "name": "F", "size": 1}
ITEMS: dict[str, Any] = {"type": "array", "items": "long"}
FIELD: dict[str, Any] = {"name": "f", "type": ["null", "long"], "default": None}


def with_field(**more: Any) -> dict[str, Any]:
    named = {f"safecodec.{key}": value for key, value in more.items() if key != "type"}
    kind = {"type": more["type"]} if "type" in more else {}
    return NAMED | {"fields": [FIELD | kind | named]}


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (NAMED | {"safecodec.later": True}, "none that this release knows on a record"),
        (NAMED | {"safecodec.values": [1]}, "none that this release knows on a record"),
        (FIXED | {"safecodec.bounds": {"ge": 1}}, "none that this release knows on a fixed"),
        (NAMED | {"safecodec.array_like": False}, "of another form: False"),
        (NAMED | {"safecodec.tag": [1], "safecodec.tag_field": "t"}, "of another form"),
        (NAMED | {"safecodec.tag": "a", "safecodec.tag_field": 5}, "of another form"),
        (NAMED | {"safecodec.tag": "a"}, "has both 'safecodec.tag' and 'safecodec.tag_field'"),
        (NAMED | {"safecodec.aliases": 5}, "of another form"),
        (ENUM | {"safecodec.values": 3}, "of another form"),
        (ENUM | {"safecodec.values": [[1], 2]}, "of another form"),
        (ENUM | {"safecodec.values": [1, 1]}, "of another form"),
        (ENUM | {"safecodec.values": [1]}, "not as many values as the enum has symbols"),
        (ITEMS | {"safecodec.collection": "bag"}, "of another form"),
        (ITEMS | {"safecodec.map": True}, "no pairs of key and value"),
        (with_field(optional=True, type="long"), "a union of null, or of an empty record, and others"),
        (with_field(optional=True, type=["string", "long"]), "a union of null, or of an empty record, and others"),
        (with_field(optional=True, type=[NAMED | {"name": "S"}, "long"]), "a union of null, or of an empty record"),
        (with_field(default="other"), "of another form"),
    ],
)
def test_attributes_that_are_refused(schema: Any, reason: str) -> None:
    """An attribute in a wrong place, of a wrong form, or that does not go with the rest is a SchemaError."""
    with pytest.raises(SchemaError) as caught:
        Schema(schema)
    assert reason in caught.value.reason
    assert caught.value.path.startswith("$")


@pytest.mark.parametrize(
    "bounds",
    [3, {}, {"zz": 1}, {"ge": "x"}, {"ge": True}, {"multiple_of": 0}, {"min_length": -1}, {"min_length": 1.5},
     {"pattern": "("}, {"pattern": 5}, {"ge": float("inf")}],
)  # fmt: skip
def test_bounds_that_are_refused(bounds: Any) -> None:
    """Bounds have the names of msgspec.Meta and values that can be compared."""
    with pytest.raises(SchemaError, match="of another form"):
        Schema({"type": "long", "safecodec.bounds": bounds})


@pytest.mark.parametrize(
    "bounds", [{"ge": 0, "lt": 1.5}, {"multiple_of": 2}, {"min_length": 0, "max_length": 3}, {"pattern": "^a"}]
)
def test_bounds_that_are_taken(bounds: Any) -> None:
    """The bounds of an exported schema are read again."""
    schema = Schema({"type": "string", "safecodec.bounds": bounds})
    assert Schema(schema.json) == schema
