"""Which types a default fits, in Avro's JSON encoding: each pair of a type and a value is looked at once."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

from ..errors import SchemaError
from .limits import STEPS
from .nodes import ABSENT, Array, Enum, Fixed, Map, Node, Primitive, Record, Union


class Fitting:
    """Tells whether JSON values are encodings of defaults of types, and remembers what it has told of each.

    A union tries its branches, and branches share types: without memory, the tries would double with each level.

    Args:
        most: How many nodes a schema may have, by which steps are bounded; None where they have been counted before.
    """

    path = "$"
    """Where the default stands that is looked at."""

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._steps = 0
        self._branches: dict[tuple[int, int], tuple[Any, int]] = {}
        self._known: dict[tuple[int, int], tuple[Any, bool]] = {}
        """By the ids of a type and of a value, which is kept, so that its id stays its own."""

    def fits(self, node: Node, value: Any) -> bool:
        """Tell whether a JSON value is the JSON encoding of some default of a type."""
        self._steps += 1
        if self._most is not None and self._steps > STEPS * self._most:
            taken = f"fitting the defaults takes more than {STEPS} steps for each of the {self._most} nodes"
            raise SchemaError(f"{taken} that the limit nodes allows", path=self.path)
        if not isinstance(value, (list, dict)):
            return self._fits(node, value)
        found = self._known.get((id(node), id(value)))
        if found is None:
            found = self._known[id(node), id(value)] = value, self._fits(node, value)
        return found[1]

    def _fits(self, node: Node, value: Any) -> bool:
        match node:
            case Primitive():
                return _fits_primitive(node.kind, value)
            case Union():
                return any(self.fits(branch, value) for branch in node.branches)
            case Array():
                return isinstance(value, list) and all(self.fits(node.items, one) for one in value)
            case Map():
                return isinstance(value, dict) and all(
                    is_text(key) and self.fits(node.values, one) for key, one in value.items()
                )
            case Enum():
                return isinstance(value, str) and value in node.places
            case Fixed():
                return _is_bytes(value) and len(value) == node.size
        return isinstance(value, dict) and self._fits_record(node, value)

    def _fits_record(self, node: Record, value: dict[str, Any]) -> bool:
        return all(
            self.fits(field.type, value[field.name]) if field.name in value else field.default is not ABSENT
            for field in node.fields
        )

    def branch_of(self, node: Union, value: Any) -> int:
        """Return the branch that a default is of: the first that it fits, a whole number before a floating-point one.

        Args:
            node: The union, one of whose branches the default fits.
            value: The default.
        """
        found = self._branches.get((id(node), id(value)))
        if found is None:
            found = self._branches[id(node), id(value)] = value, self._branch_of(node, value)
        return found[1]

    def _branch_of(self, node: Union, value: Any) -> int:
        fitting = (at for at, branch in enumerate(node.branches) if self.fits(branch, value))
        first = next(fitting)
        if type(value) is not int or not _is_float(node.branches[first]):
            return first
        return next((at for at in fitting if not _is_float(node.branches[at])), first)


def _is_float(node: Node) -> bool:
    return isinstance(node, Primitive) and node.kind in ("float", "double")


def _fits_primitive(kind: str, value: Any) -> bool:
    match kind:
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "int" | "long":
            bits = 31 if kind == "int" else 63
            return type(value) is int and -(2**bits) <= value < 2**bits
        case "float" | "double":
            return type(value) in (int, float) and _has_float("<f" if kind == "float" else "<d", value)
        case "bytes":
            return _is_bytes(value)
    return is_text(value)


def _has_float(layout: str, value: float) -> bool:
    """Tell whether a number is finite in a layout of floating point."""
    try:
        return math.isfinite(value) and bool(struct.pack(layout, float(value)))
    except OverflowError:
        return False


def is_json(value: Any) -> bool:
    """Tell whether a value has a JSON text in UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def is_text(value: Any) -> bool:
    """Tell whether a value is a text that has a UTF-8 form: JSON spells halves of surrogate pairs, too."""
    return isinstance(value, str) and (value.isascii() or not any("\ud800" <= one <= "\udfff" for one in value))


def _is_bytes(value: Any) -> bool:
    return isinstance(value, str) and (value.isascii() or all(ord(point) < 256 for point in value))
