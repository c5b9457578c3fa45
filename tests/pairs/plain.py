"""Plain values: what a value of an abstract type is, without Python's classes for it."""

from __future__ import annotations

import datetime
import decimal
import math
import uuid
from dataclasses import dataclass
from typing import Any

from .types import Leaf, Map, Record, Seq, Space, Tuple, Type, Union, Values


@dataclass(frozen=True, slots=True)
class Items:
    """The items of a list, set, frozenset or tuple.

    Args:
        kind: The class.
        items: Plain values.
        ordered: Whether their order is known; not where they were a set's.
    """

    kind: str
    items: tuple[Any, ...]
    ordered: bool = True


@dataclass(frozen=True, slots=True)
class Pairs:
    """The keys and values of a dict."""

    items: tuple[tuple[Any, Any], ...]


@dataclass(frozen=True, slots=True)
class Rec:
    """A record: the class's id, and its fields by their attributes; a missing one is not in it."""

    id: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Member:
    """An enum's member: the class's id, and its value."""

    id: str
    value: str | int


@dataclass(frozen=True, slots=True)
class In:
    """A value of a union: the place of its member in `Space.members`, and the value."""

    at: int
    value: Any


@dataclass(frozen=True, slots=True)
class Loose:
    """A Python value in the place of Any."""

    value: Any


CLASSES: dict[str, type] = {
    "none": type(None),
    "bool": bool,
    "int": int,
    "float": float,
    "str": str,
    "bytes": bytes,
    "date": datetime.date,
    "time": datetime.time,
    "aware time": datetime.time,
    "datetime": datetime.datetime,
    "naive": datetime.datetime,
    "aware": datetime.datetime,
    "timedelta": datetime.timedelta,
    "decimal": decimal.Decimal,
    "uuid": uuid.UUID,
}
"""The class of each leaf's values; Any is none."""


def holds(space: Space, type_: Type, value: Any) -> bool:
    """Tell whether a plain value is one of a type, its bounds left aside."""
    normal = space.normal(type_)
    match normal:
        case Leaf(kind="any"):
            return isinstance(value, Loose)
        case Leaf():
            return type(value) is CLASSES[normal.kind] and _zone_fits(normal.kind, value)
        case Values(style="Literal"):
            return any(type(value) is type(one) and value == one for one in normal.values)
        case Values():
            return isinstance(value, Member) and value.id == normal.id and value.value in normal.values
        case Seq():
            fits = isinstance(value, Items) and value.kind == normal.kind
            return fits and all(holds(space, normal.item, one) for one in value.items)
        case Map():
            return isinstance(value, Pairs) and all(
                holds(space, normal.key, key) and holds(space, normal.value, one) for key, one in value.items
            )
        case Tuple():
            fits = isinstance(value, Items) and value.kind == "tuple" and len(value.items) == len(normal.items)
            return fits and all(holds(space, *pair) for pair in zip(normal.items, value.items, strict=True))
        case Union():
            at = value.at if isinstance(value, In) else len(normal.members)
            return at < len(normal.members) and holds(space, normal.members[at], value.value)
        case Record():
            return isinstance(value, Rec) and value.id == normal.id and _fields_hold(space, normal, value.fields)


def _zone_fits(kind: str, value: Any) -> bool:
    naive = getattr(value, "tzinfo", None) is None
    return naive if kind in ("time", "naive") else not naive if kind in ("aware time", "aware", "datetime") else True


def _fields_hold(space: Space, record: Record, fields: dict[str, Any]) -> bool:
    known = {field.attr: field for field in record.fields}
    return fields.keys() <= known.keys() and all(
        holds(space, field.type, fields[name]) if name in fields else field.presence == "missing"
        for name, field in known.items()
    )


def same_leaf(one: Any, other: Any) -> bool:
    """Equality that tells 1 from 1.0 and True, 0.0 from -0.0, 1.0 from 1.00, and aware from naive; NaN equals NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        signs = math.copysign(1, one) == math.copysign(1, other)
        return math.isnan(other) if math.isnan(one) else one == other and signs
    if isinstance(one, decimal.Decimal):
        return bool(one.as_tuple() == other.as_tuple())
    if isinstance(one, (datetime.datetime, datetime.time)):
        return one == other and (one.utcoffset() is None) == (other.utcoffset() is None)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same_leaf, one, other))
    if isinstance(one, dict):
        return len(one) == len(other) and all(
            any(same_leaf(key, theirs) and same_leaf(value, other[theirs]) for theirs in other)
            for key, value in one.items()
        )
    return bool(one == other)
