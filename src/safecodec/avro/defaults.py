"""Avro's JSON encoding of defaults: from Python defaults, and to values and bytes."""

from __future__ import annotations

import enum
import math
from typing import Any, Final

from ..errors import SchemaError
from .describing import short
from .fitting import Fitting
from .limits import DEFAULT
from .logical import avro_value, has_utf_8, python_value
from .nodes import Array, Enum, Fixed, Map, Node, Primitive, Record, Union, is_optional
from .physical import avro_bytes


class _NoJson:
    """The type of `NO_JSON`."""

    def __repr__(self) -> str:
        return "NO_JSON"


NO_JSON: Final = _NoJson()
"""A default that Avro's JSON encoding cannot say."""


def default_json(node: Node, value: Any) -> Any:
    """Return the JSON encoding of a Python default of a type, or `NO_JSON`.

    Args:
        node: The field's type.
        value: The Python default; `NO_JSON` stays what it is.
    """
    return _Encoding().json(node, value)


class _Encoding:
    """Encodes Python defaults."""

    def __init__(self) -> None:
        self._fitting = Fitting()

    def json(self, node: Node, value: Any) -> Any:
        """Return the encoding of a value as a type, or `NO_JSON`."""
        match node:
            case Primitive() if node.logical is not None:
                return _logical(node, value)
            case Primitive():
                return _primitive(node.kind, value)
            case Enum():
                return _symbol(node, value)
            case Array() if "safecodec.map" in node.attributes:
                return self._array(node, list(value.items())) if isinstance(value, dict) else NO_JSON
            case Array():
                return self._array(node, value)
            case Map():
                return self._map(node, value)
            case Union():
                return self._branch(node, value)
            case Fixed():
                return NO_JSON
            case Record() if "safecodec.tuple" in node.attributes:
                if type(value) is not tuple or len(value) != len(node.fields):
                    return NO_JSON
                return self._record(node, {field.name: one for field, one in zip(node.fields, value, strict=True)})
        return self._record(node, value)

    def _branch(self, node: Union, value: Any) -> Any:
        """The encoding for the first branch that has one, if a reader of the JSON finds the same branch."""
        floats_last = sorted(node.branches, key=lambda one: type(value) is int and getattr(one, "kind", "") == "double")
        for branch in floats_last:
            found = self.json(branch, value)
            if found is not NO_JSON:
                return found if node.branches[self._fitting.branch_of(node, found)] is branch else NO_JSON
        return NO_JSON

    def _array(self, node: Array, value: Any) -> Any:
        if not isinstance(value, (list, tuple, set, frozenset)):
            return NO_JSON
        items = [self.json(node.items, one) for one in value]
        if isinstance(value, (set, frozenset)):
            items.sort(key=repr)
        return NO_JSON if NO_JSON in items else items

    def _map(self, node: Map, value: Any) -> Any:
        if not isinstance(value, dict) or not all(type(key) is str for key in value):
            return NO_JSON
        items = {key: self.json(node.values, one) for key, one in value.items()}
        return NO_JSON if NO_JSON in items.values() else items

    def _record(self, node: Record, value: Any) -> Any:
        """Only of a TypedDict: objects may hold more than their fields."""
        if type(value) is not dict or value.keys() - {field.name for field in node.fields}:
            return NO_JSON
        fields = {field.name: self.json(field.type, value[field.name]) for field in node.fields if field.name in value}
        missing = any(field.name not in fields and not is_optional(field) for field in node.fields)
        return NO_JSON if missing or NO_JSON in fields.values() else fields


def _logical(node: Primitive, value: Any) -> Any:
    try:
        found = avro_value(node, value)
    except (TypeError, ValueError):
        return NO_JSON
    return _primitive("long" if node.kind == "int" else node.kind, found)


def _symbol(node: Enum, value: Any) -> Any:
    value = value.value if isinstance(value, enum.Enum) else value
    at = node.place_of(value)
    return NO_JSON if at is None else node.symbols[at]


def _primitive(kind: str, value: Any) -> Any:
    match kind:
        case "null" if value is None:
            return None
        case "boolean" if type(value) is bool:
            return value
        case "long" if type(value) is int and -(2**63) <= value < 2**63:
            return value
        case "double" if type(value) in (int, float) and math.isfinite(value) and float(value) == value:
            return float(value)
        case "bytes" if isinstance(value, (bytes, bytearray)):
            return value.decode("latin-1")
        case "string" if type(value) is str and has_utf_8(value):
            return value
    return NO_JSON


def default_value(node: Node, default: Any, digits: int = DEFAULT.digits) -> Any:
    """Return the value of a default in Avro's JSON encoding, made anew.

    Args:
        node: The field's type.
        default: The default, which fits it.
        digits: How many digits a Decimal may have.
    """
    return _value(node, default, digits, Fitting())


def _value(node: Node, default: Any, digits: int, fitting: Fitting) -> Any:
    match node:
        case Primitive(kind="bytes") | Fixed():
            return _leaf(node, default.encode("latin-1"), digits)
        case Primitive():
            return _leaf(node, float(default) if node.kind in ("float", "double") else default, digits)
        case Enum():
            return node.values[node.places[default]]
        case Array():
            items = [_value(node.items, one, digits, fitting) for one in default]
            return dict(items) if "safecodec.map" in node.attributes else items
        case Map():
            return {key: _value(node.values, one, digits, fitting) for key, one in default.items()}
        case Union():
            return _value(node.branches[fitting.branch_of(node, default)], default, digits, fitting)
    if "safecodec.tuple" in node.attributes:
        return tuple(_value(field.type, default[field.name], digits, fitting) for field in node.fields)
    return {
        field.name: _value(field.type, default.get(field.name, field.default), digits, fitting)
        for field in node.fields
        if field.name in default or not is_optional(field)
    }


def _leaf(node: Primitive | Fixed, value: Any, digits: int) -> Any:
    try:
        return python_value(node, value, digits)
    except ValueError as error:
        raise SchemaError(f"the default {short(value)} is no value of its logical type: {error}", path="$") from None


def default_bytes(node: Node, default: Any) -> bytes:
    """Return the Avro binary of a default in Avro's JSON encoding (Avro 1.12, *Binary Encoding*)."""
    return avro_bytes(node, _physical(node, default, Fitting()))


def _physical(node: Node, default: Any, fitting: Fitting) -> Any:
    match node:
        case Primitive(kind="bytes") | Fixed():
            return default.encode("latin-1")
        case Array():
            return [_physical(node.items, one, fitting) for one in default]
        case Map():
            return {key: _physical(node.values, one, fitting) for key, one in default.items()}
        case Union():
            at = fitting.branch_of(node, default)
            return f"_{at}", {"value": _physical(node.branches[at], default, fitting)}
        case Record():
            return {
                field.name: _physical(field.type, default.get(field.name, field.default), fitting)
                for field in node.fields
            }
    return default
