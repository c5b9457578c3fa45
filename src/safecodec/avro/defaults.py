"""Python defaults in Avro's JSON encoding of defaults."""

from __future__ import annotations

import enum
import math
from typing import Any, Final

from .nodes import Array, Enum, Fixed, Map, Node, Primitive, Record, Union


class _NoJson:
    """The type of `NO_JSON`."""

    def __repr__(self) -> str:
        return "NO_JSON"


NO_JSON: Final = _NoJson()
"""A default that Avro's JSON encoding cannot say."""


def default_json(node: Node, value: Any) -> tuple[Node, Any]:
    """Return a default's JSON encoding, and the node that takes it: in a union the default's branch comes first.

    Args:
        node: The field's type.
        value: The Python default; `NO_JSON` stays what it is.
    """
    if not isinstance(node, Union):
        return node, _encode(node, value)
    for branch in node.branches:
        found = _encode(branch, value)
        if found is not NO_JSON:
            return Union((branch, *(other for other in node.branches if other is not branch))), found
    return node, NO_JSON


def _encode(node: Node, value: Any) -> Any:
    match node:
        case Primitive():
            return NO_JSON if node.logical else _primitive(node.kind, value)
        case Enum():
            value = value.value if isinstance(value, enum.Enum) else value
            return value if type(value) is str and value in node.symbols else NO_JSON
        case Array():
            return _array(node, value)
        case Map():
            return _map(node, value)
        case Union():
            return _encode(node.branches[0], value)  # a default of an inner union is of its first branch
        case Fixed():
            return NO_JSON
    return _record(node, value)


def _primitive(kind: str, value: Any) -> Any:
    match kind:
        case "null" if value is None:
            return None
        case "boolean" if type(value) is bool:
            return value
        case "long" if type(value) is int and -(2**63) <= value < 2**63:
            return value
        case "double" if type(value) in (int, float) and math.isfinite(value):
            return float(value)
        case "bytes" if isinstance(value, (bytes, bytearray)):
            return value.decode("latin-1")
        case "string" if type(value) is str:
            return value
    return NO_JSON


def _array(node: Array, value: Any) -> Any:
    if not isinstance(value, (list, tuple, set, frozenset)):
        return NO_JSON
    items = [_encode(node.items, one) for one in value]
    if isinstance(value, (set, frozenset)):
        items.sort(key=repr)
    return NO_JSON if NO_JSON in items else items


def _map(node: Map, value: Any) -> Any:
    if not isinstance(value, dict) or not all(type(key) is str for key in value):
        return NO_JSON
    items = {key: _encode(node.values, one) for key, one in value.items()}
    return NO_JSON if NO_JSON in items.values() else items


def _record(node: Record, value: Any) -> Any:
    """Only of a TypedDict: objects may hold more than their fields."""
    if type(value) is not dict or value.keys() - {field.name for field in node.fields}:
        return NO_JSON
    fields = {field.name: _encode(field.type, value[field.name]) for field in node.fields if field.name in value}
    missing = any(field.name not in fields and field.default is not None for field in node.fields)
    return NO_JSON if missing or NO_JSON in fields.values() else fields
