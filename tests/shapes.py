"""Hypothesis strategies of types and of their values: every kind of field that a schema can be derived from."""

from __future__ import annotations

import dataclasses
import enum
import itertools
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import attrs
import msgspec
from hypothesis import strategies as st

LONGS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(max_size=12)
# Avro names of generated types are taken once each; nothing that is written depends on them.
NUMBERS = itertools.count()


class Colour(enum.Enum):
    """An enum that Avro has, too."""

    RED = "red"
    GREEN = "green"
    LIGHT_BLUE = "light_blue"


class Level(enum.IntEnum):
    """An enum of numbers, which Avro does not have."""

    LOW = 1
    HIGH = 200


class Label(enum.Enum):
    """An enum of texts that are no Avro names."""

    SPACED = "two words"
    EMPTY = ""


class Circle(msgspec.Struct, tag="circle"):
    """A branch of a tagged union."""

    radius: float


class Square(msgspec.Struct, tag="square"):
    """Another branch."""

    side: float
    name: str = "unit"


class Tree(msgspec.Struct):
    """A type that holds itself."""

    value: int
    left: Tree | None = None
    right: Tree | None = None
    others: list[Tree] = []


class Row(msgspec.Struct, array_like=True):
    """A record that MessagePack and JSON lay out as an array."""

    key: str
    count: int = 0


class Renamed(msgspec.Struct, rename="camel"):
    """A record whose fields have other names on the wire."""

    first_name: str
    last_login_at: date | None = None


@dataclass
class Plain:
    """A dataclass inside a record."""

    number: int
    names: list[str] = dataclasses.field(default_factory=list)


@attrs.define
class Attributes:
    """An attrs class inside a record, whose constructor has another name for a field."""

    number: int
    names: list[str] = attrs.field(factory=list, alias="called")


class Place(NamedTuple):
    """A record that is a tuple."""

    name: str
    height: float | None = None


class Typed(TypedDict):
    """A TypedDict inside a record."""

    number: int
    name: str


@dataclass(frozen=True)
class Shape:
    """A type with its values."""

    type: Any
    values: st.SearchStrategy[Any]
    optional: bool = True  # whether `| None` says something


def _trees(depth: int = 3) -> st.SearchStrategy[Tree]:
    leaf = st.builds(Tree, LONGS)
    return st.recursive(
        leaf,
        lambda inner: st.builds(Tree, LONGS, st.none() | inner, inner, st.lists(inner, max_size=2)),
        max_leaves=depth,
    )


ANYTHING = st.recursive(
    st.none() | st.booleans() | LONGS | FLOATS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
CENTS = st.decimals(-(10**12), 10**12, allow_nan=False, allow_infinity=False, places=2)
# Avro has no negative zero, which is refused: tests/unit/test_logical.py.
DECIMALS = (CENTS | st.integers(-(2**100), 2**100).map(Decimal)).map(lambda number: number or abs(number))
SPANS = st.timedeltas(timedelta(days=-9999), timedelta(days=9999))

HASHABLE = [
    Shape(int, LONGS),
    Shape(str, TEXTS),
    Shape(bool, st.booleans()),
    Shape(uuid.UUID, st.uuids()),
    Shape(date, st.dates()),
    Shape(Colour, st.sampled_from(Colour)),
]
LEAVES = [
    *HASHABLE,
    Shape(float, FLOATS),
    Shape(bytes, st.binary(max_size=12)),
    Shape(type(None), st.none(), optional=False),
    Shape(Annotated[datetime, msgspec.Meta(tz=True)], st.datetimes(timezones=st.just(UTC))),
    Shape(datetime, st.datetimes(timezones=st.just(UTC))),
    Shape(Annotated[datetime, msgspec.Meta(tz=False)], st.datetimes()),
    Shape(time, st.times()),
    Shape(Decimal, DECIMALS),
    Shape(timedelta, SPANS),
    Shape(Level, st.sampled_from(Level)),
    Shape(Label, st.sampled_from(Label)),
    Shape(Literal["red", "blue"], st.sampled_from(["red", "blue"])),
    Shape(Literal[1, 2, 300], st.sampled_from([1, 2, 300])),
    Shape(int | str, LONGS | TEXTS),
    Shape(float | bool | str, FLOATS | st.booleans() | TEXTS),
    Shape(dict[int, str], st.dictionaries(LONGS, TEXTS, max_size=3)),
    Shape(tuple[int, str], st.tuples(LONGS, TEXTS)),
    Shape(Any, ANYTHING, optional=False),
    Shape(Circle | Square, st.builds(Circle, FLOATS) | st.builds(Square, FLOATS, TEXTS)),
    Shape(Tree, _trees()),
    Shape(Row, st.builds(Row, TEXTS, LONGS)),
    Shape(Renamed, st.builds(Renamed, TEXTS, st.none() | st.dates())),
    Shape(Plain, st.builds(Plain, LONGS, st.lists(TEXTS, max_size=2))),
    Shape(Attributes, st.builds(Attributes, LONGS, called=st.lists(TEXTS, max_size=2))),
    Shape(Place, st.builds(Place, TEXTS, st.none() | FLOATS)),
    Shape(Typed, st.fixed_dictionaries({"number": LONGS, "name": TEXTS})),
]


def _containers(inner: Shape) -> list[Shape]:
    some = {"max_size": 3}
    made = [
        Shape(list[inner.type], st.lists(inner.values, **some)),  # type: ignore[arg-type,name-defined]
        Shape(tuple[inner.type, ...], st.lists(inner.values, **some).map(tuple)),  # type: ignore[arg-type,name-defined]
        Shape(dict[str, inner.type], st.dictionaries(TEXTS, inner.values, **some)),  # type: ignore[arg-type,name-defined]
    ]
    if inner.optional:
        made.append(Shape(inner.type | None, st.none() | inner.values, optional=False))
    return made


def _sets(inner: Shape) -> list[Shape]:
    return [
        Shape(set[inner.type], st.sets(inner.values, max_size=3)),  # type: ignore[name-defined]
        Shape(frozenset[inner.type], st.frozensets(inner.values, max_size=3)),  # type: ignore[name-defined]
    ]


@st.composite
def fields(draw: st.DrawFn, depth: int = 2) -> Shape:
    """The type of a field."""
    choice = draw(st.integers(0, 9))
    if depth == 0 or choice < 4:
        return draw(st.sampled_from(LEAVES))
    if choice < 5:
        return draw(st.sampled_from(_sets(draw(st.sampled_from(HASHABLE)))))
    if choice < 8:
        return draw(st.sampled_from(_containers(draw(fields(depth=depth - 1)))))
    return draw(records(depth=depth - 1))


@st.composite
def records(draw: st.DrawFn, depth: int = 2) -> Shape:
    """A generated `msgspec.Struct`, some of whose fields have defaults."""
    parts = draw(st.lists(fields(depth=depth), max_size=4))
    named = {f"field_{at}": part for at, part in enumerate(parts)}
    declared: list[Any] = []
    for name, part in named.items():
        default = draw(st.sampled_from(["none", "value", "factory"]))
        if default == "value" and part.type in (int, str, bool, float, bytes):
            declared.append((name, part.type, draw(part.values)))
        elif default == "factory" and part.type in (list[int], dict[str, int]):
            declared.append((name, part.type, msgspec.field(default_factory=part.type)))
        else:
            declared.append((name, part.type))
    made = msgspec.defstruct(f"Generated{next(NUMBERS)}", declared, kw_only=True)
    return Shape(
        made, st.fixed_dictionaries({name: part.values for name, part in named.items()}).map(lambda kw: made(**kw))
    )


def same(one: Any, other: Any) -> bool:
    """Equality that tells 1 from 1.0 and True, 0.0 from -0.0, and Decimal 1.0 from 1.00."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float | Decimal):
        return repr(one) == repr(other)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, msgspec.Struct) or (dataclasses.is_dataclass(one) and not isinstance(one, type)):
        return all(same(getattr(one, name), getattr(other, name)) for name in _names(one))
    return bool(one == other)


def _names(record: Any) -> tuple[str, ...]:
    if isinstance(record, msgspec.Struct):
        return record.__struct_fields__
    return tuple(field.name for field in dataclasses.fields(record))
