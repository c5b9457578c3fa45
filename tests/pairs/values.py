"""Plain values of abstract types, adversarial ones and those of defaults among them."""

from __future__ import annotations

import math
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import Any

from .oracle import distinct, within
from .plain import In, Items, Loose, Member, Pairs, Rec, holds
from .types import Field, Leaf, Map, Record, Seq, Space, Tuple, Type, Union, Values

EAST = timezone(timedelta(hours=5, minutes=30))
ANYTHING: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**53 + 1, 1.0, 0.5, -0.0, "", "text", "2024-01-01", "AQI=", "P1D", [], [1, "a", None],
    {}, {"a": 1.0}, {"a": [True, {}]}, [[1.5]], 2**63 - 1, -(2**63), b"\xff", [b"a"],
)  # fmt: skip
POOLS: dict[str, tuple[Any, ...]] = {
    "none": (None,),
    "bool": (False, True),
    "int": (0, 1, -1, 2, 10, 7, 100, 2**31, -(2**31) - 1, 2**53, 2**53 + 1, 2**63 - 1, -(2**63), 300),
    "float": (
        0.0, -0.0, 1.0, -1.0, 10.0, 0.5, 0.1, 7.0, 1e300, 5e-324, 2.0**53, 2.0**63, -(2.0**63), math.nan, math.inf,
        -math.inf, 1e16, 16777217.0,
    ),
    "str": (
        "", "a", "free", "pro", "é", "\0", "日本", "😀", "1", "null", "true", "2024-01-01", "AQI=", "a.b", "ab c",
        "x" * 70, "P1D", '"\\\n',
    ),
    "bytes": (b"", b"a", b"\x00", b"\xff\xfe", b"free", "é".encode(), b"AQI=", b"\x02\x04", b"x" * 70, b"\xed\xa0\x80"),
    "date": (date(1970, 1, 1), date.min, date.max, date(2024, 2, 29), date(1969, 12, 31)),
    "time": (time(), time.max, time(12, 30, 15, 123456), time(1), time(0, 0, 0, 1)),
    "aware time": (
        time(tzinfo=UTC), time(12, 30, 15, 123456, UTC), time(1, tzinfo=EAST), time(23, 59, 59, 999999, UTC),
    ),
    "naive": (
        datetime(1970, 1, 1), datetime.min, datetime.max, datetime(2024, 2, 29, 12, 30, 15, 123456),
        datetime(1969, 12, 31, 23, 59, 59, 999999), datetime(2024, 1, 1, microsecond=1000),
    ),
    "aware": (
        datetime(1970, 1, 1, tzinfo=UTC), datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC),
        datetime(2024, 2, 29, 12, 30, 15, 123456, UTC), datetime(2024, 1, 1, 1, tzinfo=EAST),
        datetime(1969, 12, 31, 23, 59, 59, 999999, UTC),
    ),
    "timedelta": (
        timedelta(), timedelta(days=1), timedelta(microseconds=1), timedelta(days=-1, microseconds=999999),
        timedelta(days=9999, hours=5, microseconds=123456), timedelta(seconds=-1),
    ),
    "decimal": tuple(
        map(Decimal, (
            "0", "1", "-1.50", "1E+5", "0.00", "-0.00", "3.14159265358979323846", "1E-7", "1000", "NaN", "1E+400",
        ))
    ),
    "uuid": (uuid.UUID(int=0), uuid.UUID(int=2**128 - 1), uuid.UUID("12345678-1234-5678-1234-567812345678")),
    "any": tuple(map(Loose, ANYTHING)),
}  # fmt: skip
POOLS["datetime"] = POOLS["aware"]
NOT_ANY: tuple[Any, ...] = (timedelta(days=1), uuid.UUID(int=1), (1, 2), {1, 2}, date(2024, 1, 1), Decimal(1), {1: "a"})
"""Values that stand in no place of Any: they come back as something else."""
WITHIN: dict[str, Any] = {"int": 10, "float": 1.0, "str": "a", "bytes": b"a"}
"""Values within all bounds that are generated."""


class Maker:
    """Makes values of a type.

    Args:
        pick: Makes the choices.
        space: The type.
        wild: Whether values may stand where they do not belong: out of their bounds, or nothing that Any holds.
    """

    def __init__(self, pick: Random, space: Space, *, wild: bool = False) -> None:
        self.pick = pick
        self.space = space
        self.wild = wild

    def make(self, type_: Type | None = None, depth: int = 0, *, key: bool = False) -> Any:
        """A value of the root or of a type in it; as a key, one that equals itself and nothing else."""
        normal = self.space.normal(self.space.root if type_ is None else type_)
        match normal:
            case Leaf():
                return self.leaf(normal, key=key)
            case Values():
                value = self.pick.choice(normal.values)
                return value if normal.style == "Literal" else Member(normal.id, value)
            case Seq():
                unique = normal.kind in ("set", "frozenset")
                items = [self.make(normal.item, depth + 1, key=key or unique) for _ in range(self.size(depth))]
                if not within(normal.bounds, Items("list", tuple(items))) and not self.breaks():
                    items = [self.make(normal.item, depth + 1, key=key or unique)]
                return Items(normal.kind, tuple(distinct(items) if unique else items))
            case Map():
                keys = distinct([self.make(normal.key, depth + 1, key=True) for _ in range(self.size(depth))])
                if not within(normal.bounds, Items("list", tuple(keys))) and not self.breaks():
                    keys = keys[:1] or [self.make(normal.key, depth + 1, key=True)]
                return Pairs(tuple((one, self.make(normal.value, depth + 1)) for one in keys))
            case Tuple():
                return Items("tuple", tuple(self.make(one, depth + 1, key=key) for one in normal.items))
            case Union():
                return self.member(normal, depth, key=key)
        return self.record(normal, depth)

    def breaks(self) -> bool:
        return self.wild and self.pick.random() < 0.3

    def size(self, depth: int) -> int:
        return 0 if depth > 4 else self.pick.choice((0, 1, 1, 2, 3))

    def leaf(self, leaf: Leaf, *, key: bool) -> Any:
        if leaf.kind == "any" and self.breaks():
            return Loose(self.pick.choice(NOT_ANY))
        for _ in range(6):
            value = self.pick.choice(POOLS[leaf.kind])
            if key and (value != value or (value == 0 and isinstance(value, (float, Decimal)))):
                continue
            if within(leaf.bounds, value) or self.breaks():
                return value
        return WITHIN.get(leaf.kind, POOLS[leaf.kind][0])

    def member(self, union: Union, depth: int, *, key: bool) -> In:
        places = list(range(len(union.members)))
        if depth > 4:  # to an end of types that hold themselves
            ranks = [(Leaf, Values), (Seq, Map), (Tuple,), (Record,)]
            ends = ([at for at in places if isinstance(union.members[at], rank)] for rank in ranks)
            places = next(found for found in ends if found)
        at = self.pick.choice(places)
        return In(at, self.make(union.members[at], depth + 1, key=key))

    def record(self, record: Record, depth: int) -> Rec:
        fields: dict[str, Any] = {}
        for field in record.fields:
            if field.presence == "missing":
                if depth <= 4 and self.pick.random() < 0.6:
                    fields[field.attr] = self.make(field.type, depth + 1)
            elif self.has_default(field) and (depth > 4 or self.pick.random() < 0.35):
                fields[field.attr] = field.default
            else:
                fields[field.attr] = self.make(field.type, depth + 1)
        return Rec(record.id, fields)

    def has_default(self, field: Field) -> bool:
        """Tell whether a field has a default already: not while its type is being made."""
        return field.presence != "required" and (field.default is not None or holds(self.space, field.type, None))


def may_refuse(space: Space, type_: Type, value: Any, payload: str) -> bool:
    """Tell whether a payload may have no form for a value: a format's limit, which is no part of a pair's meaning."""
    normal = space.normal(type_)
    match normal:
        case Leaf():
            return _leaf_may_refuse(normal.kind, value, payload) or not within(normal.bounds, value)
        case Seq():
            inside = any(may_refuse(space, normal.item, one, payload) for one in value.items)
            return inside or not within(normal.bounds, value)
        case Map():
            pairs = value.items
            inside = any(
                may_refuse(space, normal.key, key, payload) or may_refuse(space, normal.value, one, payload)
                for key, one in pairs
            )
            return inside or not within(normal.bounds, value)
        case Tuple():
            return any(may_refuse(space, *pair, payload) for pair in zip(normal.items, value.items, strict=True))
        case Union():
            return may_refuse(space, normal.members[value.at], value.value, payload)
        case Record():
            types = {field.attr: field.type for field in normal.fields}
            if normal.array_like and len(value.fields) < len(types):
                return True  # msgspec writes no Struct as an array in which a field is missing
            return any(may_refuse(space, types[name], one, payload) for name, one in value.fields.items())
    return False


def _leaf_may_refuse(kind: str, value: Any, payload: str) -> bool:
    match kind:
        case "float":
            return payload == "json" and not math.isfinite(value)
        case "decimal":
            negative_zero = value == 0 and value.is_signed()
            return bool(negative_zero or not value.is_finite() or abs(value.adjusted()) > 300)
        case "any":
            return must_refuse(value, payload)
        case "int":
            return not -(2**63) <= value < 2**63
    return False


def must_refuse(value: Any, payload: str) -> bool:
    """Tell whether a value has something in the place of Any that does not come back as it is."""
    match value:
        case Loose():
            return not _comes_back(value.value, payload)
        case In():
            return must_refuse(value.value, payload)
        case Items():
            return any(must_refuse(one, payload) for one in value.items)
        case Pairs():
            return any(must_refuse(one, payload) for pair in value.items for one in pair)
        case Rec():
            return any(must_refuse(one, payload) for one in value.fields.values())
    return False


def _comes_back(value: Any, payload: str) -> bool:
    if isinstance(value, list):
        return all(_comes_back(one, payload) for one in value)
    if isinstance(value, dict):
        return all(type(key) is str and _comes_back(one, payload) for key, one in value.items())
    return type(value) in (type(None), bool, int, float, str) or (type(value) is bytes and payload != "json")
