"""Types and values of the matrix of shapes: each kind of field alone, containers, whole records, classes of all kinds.

A cell of the matrix is one shape, so that no shape hides behind the mean of a record that has ten.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import attrs
import msgspec
from msgspec import Meta, Struct

from . import applications, samples
from .applications import DocumentType
from .samples import Sample, Status

MEDIUM = 100
"""Items of a container."""
LARGE = 1000


class Circle(Struct, tag="circle"):
    """A branch of a tagged union."""

    radius: float


class Square(Struct, tag="square"):
    """Another branch."""

    side: float
    name: str = "unit"


class Point(Struct):
    """A record that containers hold."""

    x: int
    y: int
    label: str


class Tree(Struct):
    """A record that holds records of its own type."""

    name: str
    children: list[Tree] = []


class Empty(Struct):
    """A record without fields."""


class Frozen(Struct, frozen=True, kw_only=True):
    """A record that cannot be changed."""

    id: int
    name: str
    score: float
    tags: list[str]


@dataclasses.dataclass
class Plain:
    """A dataclass of these fields."""

    id: int
    name: str
    score: float
    tags: list[str]


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    """A frozen dataclass with slots, of these fields."""

    id: int
    name: str
    score: float
    tags: list[str]


@attrs.define
class Attrs:
    """A class of attrs, of these fields."""

    id: int
    name: str
    score: float
    tags: list[str]


class Named(NamedTuple):
    """A named tuple of these fields."""

    id: int
    name: str
    score: float
    tags: list[str]


class Typed(TypedDict):
    """A typed dict of these fields."""

    id: int
    name: str
    score: float
    tags: list[str]


OF_FOUR: tuple[Any, ...] = (1_100_007, "Ada Lovelace", 0.75, ["admin", "beta"])
"""Values of the classes of four fields."""
WORDS = ("Zürich", "Αθήνα", "東京都", "naïve café", "🙂 emoji", "Łódź")


def record(kind: Any, *values: Any) -> Sample:
    """A Struct with a field of the kind for each of the values."""
    fields = [(f"field_{number}", kind) for number in range(len(values))]
    made = msgspec.defstruct("Shape", fields)
    return Sample("", made, made(*values))


def fields() -> Iterator[tuple[str, Sample]]:
    """Records of a few fields of one kind."""
    random = Random(1)
    yield "1 int", record(int, 1_000_000)
    yield "5 ints", record(int, 0, 7, -300, 70_000, 2**40)
    yield "5 ints of 64 bits", record(int, *(random.getrandbits(63) for _ in range(5)))
    yield "1 float", record(float, 0.1)
    yield "4 floats", record(float, 0.1, 1e9, -2.5, 1e-7)
    yield "5 bools", record(bool, True, False, True, True, False)
    yield "1 text", record(str, "professional")
    yield "4 short texts", record(str, "pro", "eu-west-1", "Ada Lovelace", "ada@example.org")
    yield "3 texts of 300", record(str, *("lorem ipsum " * 25,) * 3)
    yield "text of 100 KB", record(str, "lorem ipsum " * 8_500)
    yield "6 texts, not ASCII", record(str, *WORDS)
    yield "text of 30 KB, not ASCII", record(str, "naïve café " * 2_500)
    yield "4 optional ints, set", record(int | None, 1, 300, 70_000, -5)
    yield "4 optional texts, set", record(str | None, "pro", "eu-west-1", "Ada", "Lovelace")
    yield "4 optional texts, null", record(str | None, None, None, None, None)
    yield "3 int or text", record(int | str, 7, "seven", 70_000)
    yield "bytes of 32", record(bytes, random.randbytes(32))
    yield "bytes of 4 KB", record(bytes, random.randbytes(4096))
    yield "bytes of 1 MB", record(bytes, random.randbytes(1 << 20))
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
    yield "3 datetimes, UTC", record(datetime, moment, moment + timedelta(days=400), moment - timedelta(days=9000))
    naive = Annotated[datetime, Meta(tz=False)]
    yield "3 datetimes, local", record(naive, *(moment.replace(tzinfo=None) + timedelta(days=day) for day in range(3)))
    yield "3 dates", record(date, date(2026, 1, 2), date(1970, 1, 1), date(2100, 12, 31))
    yield "3 times", record(Annotated[time, Meta(tz=False)], time(3, 4, 5, 678901), time(0), time(23, 59, 59))
    yield "3 timedeltas", record(timedelta, timedelta(seconds=1.5), timedelta(days=3), timedelta(0))
    yield "3 Decimals", record(Decimal, Decimal("19.99"), Decimal("-0.001"), Decimal("123456789.00"))
    yield "3 UUIDs", record(uuid.UUID, *(uuid.UUID(int=random.getrandbits(128)) for _ in range(3)))
    yield "3 Enums", record(Status, Status.SUSPENDED, Status.ACTIVE, Status.CLOSED)
    yield "3 IntEnums", record(DocumentType, *DocumentType)
    yield "3 Literals", record(Literal["basic", "pro", "enterprise"], "pro", "basic", "enterprise")
    yield "4 ints with bounds", record(Annotated[int, Meta(ge=0, lt=1 << 40)], 0, 7, 70_000, 2**30)
    yield "4 texts with bounds", record(Annotated[str, Meta(min_length=1, max_length=64)], "a", "bc", "def", "ghij")
    yield "3 texts with a pattern", record(Annotated[str, Meta(pattern="^[a-z-]+$")], "eu-west", "us-east", "ap")


def containers() -> Iterator[tuple[str, Sample]]:
    """Records of one container."""
    random = Random(2)
    count = range(MEDIUM)
    yield "list of 100 small ints", record(list[int], list(count))
    yield "list of 100 ints", record(list[int], [number**4 for number in count])
    yield "list of 100 ints of 64 bits", record(list[int], [random.getrandbits(63) for _ in count])
    yield "list of 100 floats", record(list[float], [random.random() for _ in count])
    yield "list of 10,000 floats", record(list[float], [random.random() for _ in range(10_000)])
    yield "list of 100 bools", record(list[bool], [number % 3 == 0 for number in count])
    yield "list of 100 texts", record(list[str], [f"item-{number}" for number in count])
    yield "list of 100 optional ints", record(list[int | None], [None if one % 4 else one for one in count])
    yield "list of 100 UUIDs", record(list[uuid.UUID], [uuid.UUID(int=random.getrandbits(128)) for _ in count])
    yield "set of 100 ints", record(set[int], set(count))
    yield "frozenset of 100 texts", record(frozenset[str], frozenset(f"item-{number}" for number in count))
    yield "tuple of 3", record(tuple[int, str, float], (7, "seven", 7.5))
    yield "dict of 25 ints", record(dict[str, int], {f"limit-{number}": number**3 for number in range(25)})
    yield "dict of 25 texts", record(dict[str, str], {f"label-{number}": f"value-{number}" for number in range(25)})
    yield "dict of 25 by int", record(dict[int, str], {number: f"value-{number}" for number in range(25)})
    points = [Point(number, -number, f"p{number}") for number in count]
    yield "list of 100 records", record(list[Point], points)
    yield (
        "dict of 10 lists of records",
        record(dict[str, list[Point]], {f"row-{at}": points[at::10] for at in range(10)}),
    )
    yield (
        "list of 100 tagged records",
        record(list[Circle | Square], [(Circle, Square)[at % 2](at + 0.5) for at in count]),
    )
    leaf = [Tree(f"leaf-{number}") for number in range(4)]
    tree = Tree("root", [Tree(f"branch-{number}", leaf) for number in range(8)])
    yield "tree of 41 records", Sample("", Tree, tree)
    yield "optional record", record(Point | None, Point(1, 2, "a"), None)


def records() -> Iterator[tuple[str, Sample]]:
    """Whole records, classes of every kind, and applications' types."""
    yield "no field", Sample("", Empty, Empty())
    yield (
        "frozen Struct of 4",
        Sample("", Frozen, Frozen(id=1_100_007, name="Ada Lovelace", score=0.75, tags=["a", "b"])),
    )
    for kind in (Plain, Slotted, Attrs, Named):
        yield f"{kind.__name__} class of 4", Sample("", kind, kind(*OF_FOUR))
    yield (
        "Typed class of 4",
        Sample("", Typed, Typed(id=1_100_007, name="Ada Lovelace", score=0.75, tags=["admin", "beta"])),
    )
    yield "account, 10 fields", samples.ACCOUNT
    yield "event, 5 fields", samples.EVENT
    yield "session, 10 fields", Sample("", samples.Session, samples.session())
    yield "100 fields", samples.wide(100)
    yield "1,000 accounts", Sample("", samples.Configuration, samples.configuration(LARGE))
    yield "1,000 events", Sample("", samples.Events, samples.events(LARGE))
    yield from applications.all_samples()


def shapes() -> Iterator[Sample]:
    """Return all shapes, each with its name."""
    for family in (fields, containers, records):
        for name, sample in family():
            yield dataclasses.replace(sample, name=name, avro_size=None)
