"""The attributes ``safecodec.…`` of a schema in words: each has its place and its form, or the schema is refused.

docs/reference/wire-format.md has the table. An attribute of a later release may change what bytes mean, so one that is
not known is refused as well.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

from ..errors import SchemaError
from .nodes import Array, Enum, Field, Fixed, Map, Node, Primitive, Record, Union

if TYPE_CHECKING:
    from collections.abc import Callable

NUMBERS: Final = ("ge", "gt", "le", "lt", "multiple_of")
LENGTHS: Final = ("min_length", "max_length")


def _is_true(value: Any) -> bool:
    return value is True


def _is_text(value: Any) -> bool:
    return type(value) is str


def _is_tag(value: Any) -> bool:
    return type(value) in (str, int)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(type(one) is str for one in value)


def _are_values(value: Any) -> bool:
    if not isinstance(value, list) or not all(type(one) in (str, int, bool) for one in value):
        return False
    return len({(type(one), one) for one in value}) == len(value)


def _are_bounds(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(_is_bound(name, bound) for name, bound in value.items())


def _is_bound(name: Any, bound: Any) -> bool:
    if name in NUMBERS:
        wide = type(bound) is int and not -(2**63) <= bound < 2**64
        finite = not wide and type(bound) in (int, float) and math.isfinite(bound)
        return finite and (name != "multiple_of" or bound > 0)
    if name in LENGTHS:
        return type(bound) is int and bound >= 0
    if name != "pattern" or type(bound) is not str:
        return False
    try:
        re.compile(bound)
    except (re.error, OverflowError, RecursionError):
        return False
    return True


BOUNDS: Final[dict[str, Callable[[Any], bool]]] = {"bounds": _are_bounds}
RULES: Final[dict[type, dict[str, Callable[[Any], bool]]]] = {
    Primitive: BOUNDS,
    Fixed: {"class": _is_true},
    Array: {**BOUNDS, "collection": lambda value: value == "set", "map": _is_true},
    Map: {**BOUNDS, "key_bounds": _are_bounds},
    Enum: {"class": _is_true, "values": _are_values},
    Record: {
        "tag": _is_tag, "tag_field": _is_text, "array_like": _is_true, "omit_defaults": _is_true,
        "forbid_unknown": _is_true, "tuple": _is_true, "class": _is_true, "absent": _is_true, "aliases": _are_texts,
        "wrapped": _is_true,
    },
    Field: {"optional": _is_true, "default": lambda value: value == "factory"},
}  # fmt: skip
"""The attributes that each kind of node may have, and what tells whether their values have the right form."""


def check_attributes(node: Node | Field, path: str) -> None:
    """Refuse attributes of ours that a node does not have, whose value has another form, or that do not go together.

    Raises:
        SchemaError: There is one; ``path`` is the node's.
    """
    if isinstance(node, Union):
        return
    rules = RULES[type(node)]
    for name, value in node.attributes.items():
        holds = rules.get(name.removeprefix("safecodec."))
        if holds is None:
            kind = type(node).__name__.lower()
            raise SchemaError(f"the attribute {name!r} is none that this release knows on a {kind}", path=path)
        if not holds(value):
            raise SchemaError(f"the attribute {name!r} has a value of another form: {value!r:.60}", path=path)
    fault = _fault(node)
    if fault:
        raise SchemaError(fault, path=path)


def _fault(node: Primitive | Array | Map | Enum | Fixed | Record | Field) -> str:
    """Say which attributes of a node do not go together with the rest of it, if any."""
    attributes = node.attributes
    match node:
        case Enum() if len(node.values) != len(node.symbols):
            return "the attribute 'safecodec.values' has not as many values as the enum has symbols"
        case Array() if "safecodec.map" in attributes and not _is_pair(node.items):
            return "the items of an array with 'safecodec.map' are no pairs of key and value"
        case Record() if ("safecodec.tag" in attributes) != ("safecodec.tag_field" in attributes):
            return "a record has both 'safecodec.tag' and 'safecodec.tag_field', or none"
        case Field() if "safecodec.optional" in attributes and not _may_be_missing(node.type):
            return "the type of a field with 'safecodec.optional' is a union of null, or of an empty record, and others"
    return ""


def _is_pair(node: Node) -> bool:
    return isinstance(node, Record) and "safecodec.tuple" in node.attributes and len(node.fields) == 2


def _may_be_missing(node: Node) -> bool:
    if not isinstance(node, Union) or len(node.branches) < 2:
        return False
    first = node.branches[0]
    if isinstance(first, Primitive):
        return first.kind == "null"
    return isinstance(first, Record) and not first.fields and "safecodec.absent" in first.attributes
