"""Commits that change a type, and the fate of the frames that the builds before and after them write.

``PYTHONPATH=tests python tests/unit/test_commits.py`` writes the table of docs/reference/commits.md.
"""

from __future__ import annotations

import collections.abc
import datetime
import enum
import itertools
import re
from dataclasses import dataclass, make_dataclass
from decimal import Decimal
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Final,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    TypeAlias,
    TypedDict,
    TypeVar,
)
from uuid import UUID

import attrs
import msgspec
import pytest
from msgspec import UNSET, Meta, UnsetType

import reference
from safecodec import (
    Alias,
    Codec,
    EncodeError,
    IncompatibleSchemaError,
    PayloadError,
    PayloadFormat,
    SchemaConflictError,
)
from safecodec.avro.schema import Schema
from safecodec.evolution.versions import payload_module

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "reference" / "commits.md"
MARKED: Final = re.compile(r"(<!-- commits -->\n).*?(<!-- /commits -->)", re.DOTALL)
Engine: TypeAlias = Literal["compiled", "fastavro"]
RUNS: Final[list[tuple[PayloadFormat, Engine]]] = [
    ("avro", "compiled"), ("avro", "fastavro"), ("msgpack", "compiled"), ("json", "compiled"),
]  # fmt: skip

REFUSED: Final = "this value is refused"
AT_BUILD: Final = "the codec is refused when it is built"
READS, CONFLICT = "reads", "conflict"
BOTH, NEITHER = (READS, READS), (CONFLICT, CONFLICT)
NAMED: Final = (CONFLICT, READS)
"""Order counts in Avro alone."""
PLACED: Final = (READS, CONFLICT)
"""Avro writes every field by its position."""

Values = list[tuple[Any, Any]]


@dataclass
class Commit:
    """A change of a type."""

    about: str
    old: Any
    new: Any
    same: tuple[str, str]
    """Under one version number: the answer of Avro, and of MessagePack and JSON."""
    forth: Values
    """Old values, and the new build's reading of each: a value, `REFUSED` or `AT_BUILD`."""
    back: Values
    """New values, and the old build's reading of each where the new one writes the old version."""
    note: str = ""


def struct(*members: Any, name: str = "User", **config: Any) -> Any:
    """A Struct; members are (name, type) or (name, type, default)."""
    return msgspec.defstruct(name, members, **config)


def tagged(tag: str, name: str, *members: Any, aliases: tuple[str, ...] = ()) -> Any:
    """A Struct with a tag, and with the tags of older versions."""
    namespace = {"__safecodec_aliases__": aliases} if aliases else None
    return msgspec.defstruct(name, members, tag=tag, namespace=namespace)


def change(
    about: str, old: Any, new: Any, same: tuple[str, str], forth: Values, back: Values, note: str = ""
) -> Commit:
    """A commit that changes the type of the one field ``f``; the values are those of the field."""
    before, after = struct(("f", old)), struct(("f", new))
    there = [(before(one), _held(after, other)) for one, other in forth]
    return Commit(about, before, after, same, there, [(after(one), _held(before, other)) for one, other in back], note)


def _held(kind: Any, value: Any) -> Any:
    return value if _is_verdict(value) else kind(value)


def _is_verdict(value: Any) -> bool:
    return isinstance(value, str) and value in (REFUSED, AT_BUILD)


def alike(values: list[Any]) -> Values:
    """Values that are read as they are."""
    return [(one, one) for one in values]


def each(values: list[Any], verdict: str) -> Values:
    """Values that are refused."""
    return [(one, verdict) for one in values]


def kept(about: str, old: Any, new: Any, same: tuple[str, str], members: dict[str, Any], note: str = "") -> Commit:
    """A commit of a whole type whose values have the same members before and after it."""
    before, after = old(**members), new(**members)
    return Commit(about, old, new, same, [(before, after)], [(after, before)], note)


A, B = ("a", int), ("b", str)
USER, MEMBERS = struct(A, B), {"a": 1, "b": "x"}
NOON = datetime.datetime(2026, 3, 1, 12)
UTC_NOON = NOON.replace(tzinfo=datetime.UTC)
AWARE, NAIVE = Annotated[datetime.datetime, Meta(tz=True)], Annotated[datetime.datetime, Meta(tz=False)]
SMALL, LARGE = Annotated[int, Meta(ge=0, le=100)], Annotated[int, Meta(ge=0, le=1000)]
ODD = 2**53 + 1
"""A whole number that no float is."""

Inner, Renamed = struct(("x", int), name="Inner"), struct(("x", int), name="Renamed")
Wider, Other = struct(("x", int), ("y", int, 5), name="Inner"), struct(("x", str), name="Inner")
Color = enum.Enum("Color", {"RED": "red", "BLUE": "blue"})
Sorted = enum.Enum("Sorted", {"BLUE": "blue", "RED": "red"})
Longer = enum.Enum("Longer", {"RED": "red", "BLUE": "blue", "GREEN": "green"})
French = enum.Enum("French", {"ROUGE": "red", "BLEU": "blue"})
Dark = enum.Enum("Dark", {"RED": "dark red", "BLUE": "blue"})
Level = enum.IntEnum("Level", {"LOW": 1, "HIGH": 2})
Levels = enum.IntEnum("Levels", {"HIGH": 2, "LOW": 1})
Cat, Dog = tagged("cat", "Cat", ("lives", int)), tagged("dog", "Dog", ("name", str))
Tom, Cow = tagged("cat", "Tom", ("lives", int)), tagged("cow", "Cow", ("milk", float))
Lion, Puma = tagged("lion", "Cat", ("lives", int)), tagged("puma", "Cat", ("lives", int), aliases=("cat",))
TAGGED, RETAGGED = struct(A, B, tag="user"), struct(A, B, tag="person")
ALIASED = tagged("person", "User", A, B, aliases=("user",))
Zip = NewType("Zip", int)
ITEM = TypeVar("ITEM")


class Described(msgspec.Struct):
    """Says more than before."""

    a: int
    b: str


class Base(msgspec.Struct):
    """Part of a type."""

    a: int


class Derived(Base):
    """The rest of it."""

    b: str


class Box(msgspec.Struct, Generic[ITEM]):
    """A generic Struct."""

    f: ITEM


class Point(NamedTuple):
    """A NamedTuple."""

    a: int
    b: str


class Typed(TypedDict):
    """A TypedDict."""

    a: int
    b: str


class Loose(TypedDict):
    """A TypedDict whose ``b`` may be missing."""

    a: int
    b: NotRequired[str]


CLASS = make_dataclass("User", [A, B])
FROZEN = make_dataclass("User", [A, B], frozen=True, slots=True)
KEYWORDS = make_dataclass("User", [A, B], kw_only=True)
ATTRS = attrs.make_class("User", {"a": attrs.field(type=int), "b": attrs.field(type=str)})
TEXT = struct(A, ("text", str, msgspec.field(name="b")))
ALIAS = struct(A, ("text", Annotated[str, Alias("b")]))
PLAIN, EXTENDED, NULLABLE = struct(A), struct(A, ("b", int, 7)), struct(A, ("b", int | None, None))
OMITS, OMITS_OTHER = struct(A, ("b", int, 7), omit_defaults=True), struct(A, ("b", int, 8), omit_defaults=True)
REQUIRED, UNSETS = struct(A, ("b", int)), struct(A, ("b", int | UnsetType, UNSET))
UPPER = struct(("a", int, 1), rename="upper")
LOWER, OTHER_NAME = struct(("a", int, 1)), struct(A, ("c", int, 8))
TEXTS = struct(A, ("text", str))
MAYBE_INNER = struct(("f", Inner | None | UnsetType, UNSET))
MAYBE_RENAMED = struct(("f", Renamed | None | UnsetType, UNSET))
TWO_MAYBE = struct(("f", Inner | None | UnsetType, UNSET), ("g", Inner | None | UnsetType, UNSET))
MAYBE_TWO = struct(("g", Inner | None | UnsetType, UNSET), ("f", Inner | None | UnsetType, UNSET))
MADE = struct(A, ("b", list[int], msgspec.field(default_factory=list)))
TWICE, SPLIT = struct(("f", Inner), ("g", Inner)), struct(("f", Inner), ("g", Renamed))
INT_BOX = struct(("f", int), name="IntBox")
CAT, LISTED = Cat | Dog, list[int]

LEAVES = [
    change("`NewType` around a leaf", int, Zip, BOTH, alike([7]), alike([7])),
    change("a bound is added: `Meta(le=100)`", int, SMALL, BOTH, [(7, 7), (500, REFUSED)], alike([7])),
    change("a bound is widened", SMALL, LARGE, BOTH, alike([7]), [(7, 7), (500, REFUSED)]),
    change("`int` becomes `float`", int, float, NEITHER, [(7, 7.0), (ODD, REFUSED)], [(7.0, 7), (1.5, REFUSED)]),
    change("`float` becomes `int`", float, int, NEITHER, each([7.0], AT_BUILD), [(7, 7.0), (ODD, REFUSED)]),
    change(
        "`str` becomes `bytes`", str, bytes, NEITHER, [("é", b"\xc3\xa9")], [(b"\xc3\xa9", "é"), (b"\xff", REFUSED)]
    ),
    change(
        "`bytes` becomes `str`", bytes, str, NEITHER, [(b"\xc3\xa9", "é"), (b"\xff", REFUSED)], [("é", b"\xc3\xa9")]
    ),
    change("`bytes` becomes `bytearray`", bytes, bytearray, BOTH, [(b"x", bytearray(b"x"))], [(bytearray(b"x"), b"x")]),
    change("`bool` becomes `int`", bool, int, NEITHER, each([True], AT_BUILD), each([1], AT_BUILD)),
    change("`int` becomes `str`", int, str, NEITHER, each([7], AT_BUILD), each(["7"], AT_BUILD)),
    change(
        "`str` becomes `UUID`", str, UUID, NEITHER, each([str(UUID(int=7))], AT_BUILD), each([UUID(int=7)], AT_BUILD)
    ),
    change("`Decimal` becomes `float`", Decimal, float, NEITHER, each([Decimal(7)], AT_BUILD), each([7.0], AT_BUILD)),
    change(
        "a naive `datetime` becomes an aware one",
        NAIVE,
        AWARE,
        NEITHER,
        each([NOON], AT_BUILD),
        each([UTC_NOON], AT_BUILD),
    ),
    change(
        "`datetime` becomes `date`",
        NAIVE,
        datetime.date,
        NEITHER,
        each([NOON], AT_BUILD),
        each([NOON.date()], AT_BUILD),
    ),
    change(
        "`timedelta` becomes `float`",
        datetime.timedelta,
        float,
        NEITHER,
        each([datetime.timedelta(1)], AT_BUILD),
        each([1.0], AT_BUILD),
    ),
    change("`int` becomes `Any`", int, Any, NEITHER, each([7], AT_BUILD), each([7], AT_BUILD)),
]

SETS = [
    change(
        "members of an enum of texts are put in another order",
        Color,
        Sorted,
        NAMED,
        [(Color.RED, Sorted.RED), (Color.BLUE, Sorted.BLUE)],
        [(Sorted.RED, Color.RED)],
    ),
    change(
        "members of an `IntEnum` are put in another order",
        Level,
        Levels,
        NAMED,
        [(Level.LOW, Levels.LOW)],
        [(Levels.HIGH, Level.HIGH)],
    ),
    change(
        "an enum and its members are renamed, not their values",
        Color,
        French,
        BOTH,
        [(Color.RED, French.ROUGE)],
        [(French.BLEU, Color.BLUE)],
    ),
    change(
        "a member is added to an enum",
        Color,
        Longer,
        NEITHER,
        [(Color.RED, Longer.RED)],
        [(Longer.RED, Color.RED), (Longer.GREEN, REFUSED)],
    ),
    change(
        "a member is removed from an enum",
        Longer,
        Color,
        NEITHER,
        each([Longer.RED], AT_BUILD),
        [(Color.BLUE, Longer.BLUE)],
    ),
    change(
        "a member of an enum has another value",
        Color,
        Dark,
        NEITHER,
        each([Color.BLUE], AT_BUILD),
        [(Dark.BLUE, Color.BLUE), (Dark.RED, REFUSED)],
    ),
    change(
        "an enum becomes a `Literal` of its values",
        Color,
        Literal["blue", "red"],
        NAMED,
        [(Color.RED, "red")],
        [("blue", Color.BLUE)],
        "`Literal` sorts its values",
    ),
    change("an enum becomes `str`", Color, str, NEITHER, each([Color.RED], AT_BUILD), each(["red"], AT_BUILD)),
    change(
        "values of a `Literal` are put in another order",
        Literal["a", "b"],
        Literal["b", "a"],
        BOTH,
        alike(["a", "b"]),
        alike(["a", "b"]),
    ),
    change(
        "a value is added to a `Literal`",
        Literal["a"],
        Literal["a", "b"],
        NEITHER,
        alike(["a"]),
        [("a", "a"), ("b", REFUSED)],
    ),
    change(
        "a value is removed from a `Literal`",
        Literal["a", "b"],
        Literal["a"],
        NEITHER,
        each(["a"], AT_BUILD),
        alike(["a"]),
    ),
]

CONTAINERS = [
    change("`list[int]` becomes `set[int]`", LISTED, set[int], NEITHER, [([1, 2, 1], {1, 2})], [({1}, [1])]),
    change(
        "`set[int]` becomes `frozenset[int]`",
        set[int],
        frozenset[int],
        BOTH,
        [({1}, frozenset({1}))],
        [(frozenset({1}), {1})],
    ),
    change(
        "`tuple[int, ...]` becomes `list[int]`", tuple[int, ...], LISTED, BOTH, [((1, 2), [1, 2])], [([1, 2], (1, 2))]
    ),
    change(
        "`list[int]` becomes `Sequence[int]`",
        LISTED,
        collections.abc.Sequence[int],
        BOTH,
        alike([[1, 2]]),
        alike([[1, 2]]),
    ),
    change(
        "`list[int]` becomes `list[int | None]`",
        LISTED,
        list[int | None],
        NEITHER,
        alike([[1]]),
        [([1], [1]), ([None], REFUSED)],
    ),
    change(
        "`tuple[int, int]` becomes `tuple[int, int, int]`",
        tuple[int, int],
        tuple[int, int, int],
        NEITHER,
        each([(1, 2)], AT_BUILD),
        each([(1, 2, 3)], AT_BUILD),
    ),
    change(
        "`tuple[int, int]` becomes `list[int]`",
        tuple[int, int],
        LISTED,
        NEITHER,
        each([(1, 2)], AT_BUILD),
        each([[1, 2]], AT_BUILD),
    ),
    change(
        "keys of a dict: `str` becomes `int`",
        dict[str, int],
        dict[int, int],
        NEITHER,
        each([{"a": 1}], AT_BUILD),
        each([{1: 1}], AT_BUILD),
    ),
    change(
        "values of a dict: `int` becomes `float`",
        dict[str, int],
        dict[str, float],
        NEITHER,
        [({"a": 1}, {"a": 1.0}), ({"a": ODD}, REFUSED)],
        [({"a": 1.0}, {"a": 1}), ({"a": 0.5}, REFUSED)],
    ),
]

UNIONS = [
    change("`int | None` becomes `None | int`", int | None, None | int, BOTH, alike([1, None]), alike([1, None])),
    change("`int` becomes `int | None`", int, int | None, NEITHER, alike([1]), [(1, 1), (None, REFUSED)]),
    change("`int | None` becomes `int`", int | None, int, NEITHER, each([1], AT_BUILD), alike([1])),
    change("`int | str` becomes `str | int`", int | str, str | int, BOTH, alike([1, "x"]), alike([1, "x"])),
    change("`int` becomes `int | str`", int, int | str, NEITHER, alike([1]), [(1, 1), ("x", REFUSED)]),
    change(
        "`list[int] | dict[int, int]` in another order",
        LISTED | dict[int, int],
        dict[int, int] | LISTED,
        BOTH,
        alike([[1], {1: 1}]),
        alike([[1], {1: 1}]),
    ),
    change(
        "tagged members in another order",
        Cat | Dog,
        Dog | Cat,
        BOTH,
        alike([Cat(9), Dog("x")]),
        alike([Cat(9), Dog("x")]),
    ),
    change(
        "the class of a tagged member is renamed, not its tag",
        CAT,
        Tom | Dog,
        BOTH,
        [(Cat(9), Tom(9)), (Dog("x"), Dog("x"))],
        [(Tom(9), Cat(9))],
    ),
    change(
        "a tagged member is added",
        CAT,
        Cat | Cow | Dog,
        NEITHER,
        alike([Cat(9), Dog("x")]),
        [(Cat(9), Cat(9)), (Cow(1.5), REFUSED)],
    ),
    change(
        "a tagged member is removed", Cat | Cow | Dog, CAT, NEITHER, each([Cat(9)], AT_BUILD), alike([Cat(9), Dog("x")])
    ),
    change(
        "the tag of a member is changed",
        CAT,
        Lion | Dog,
        NEITHER,
        each([Dog("x")], AT_BUILD),
        [(Dog("x"), Dog("x")), (Lion(9), REFUSED)],
    ),
    change(
        "the tag of a member is changed, with an alias",
        CAT,
        Puma | Dog,
        NEITHER,
        [(Cat(9), Puma(9))],
        [(Dog("x"), Dog("x")), (Puma(9), Cat(9))],
    ),
    change(
        "one tagged record becomes a union of it and another",
        Cat,
        CAT,
        NEITHER,
        alike([Cat(9)]),
        [(Cat(9), Cat(9)), (Dog("x"), REFUSED)],
    ),
]

FIELDS = [
    kept("fields are put in another order", USER, struct(B, A), NAMED, MEMBERS),
    Commit(
        "fields that may be None or `UNSET` are put in another order",
        TWO_MAYBE,
        MAYBE_TWO,
        NAMED,
        [(TWO_MAYBE(None), MAYBE_TWO(f=None))],
        [(MAYBE_TWO(Inner(1)), TWO_MAYBE(g=Inner(1)))],
    ),
    Commit(
        "a field with a default is added",
        PLAIN,
        EXTENDED,
        NEITHER,
        [(PLAIN(1), EXTENDED(1, 7))],
        [(EXTENDED(1, 2), PLAIN(1))],
        "the old version is written without it",
    ),
    Commit(
        "a field with a `default_factory` is added",
        PLAIN,
        MADE,
        NEITHER,
        [(PLAIN(1), MADE(1, []))],
        [(MADE(1, [2]), PLAIN(1))],
        "the old version is written without it",
    ),
    Commit(
        "a field without a default is added",
        PLAIN,
        REQUIRED,
        NEITHER,
        [(PLAIN(1), AT_BUILD)],
        [(REQUIRED(1, 2), PLAIN(1))],
    ),
    Commit(
        "a field with a default is removed",
        EXTENDED,
        PLAIN,
        NEITHER,
        [(EXTENDED(1, 2), PLAIN(1))],
        [(PLAIN(1), EXTENDED(1, 7))],
    ),
    Commit(
        "a field without a default is removed",
        REQUIRED,
        PLAIN,
        NEITHER,
        [(REQUIRED(1, 2), PLAIN(1))],
        [(PLAIN(1), AT_BUILD)],
    ),
    kept("a field gets a default", REQUIRED, EXTENDED, BOTH, {"a": 1, "b": 7}),
    kept("a field loses its default", EXTENDED, REQUIRED, BOTH, {"a": 1, "b": 7}),
    kept("a default is changed", EXTENDED, struct(A, ("b", int, 8)), BOTH, {"a": 1, "b": 7}),
    kept("`b: int | None` gets `= None`", struct(A, ("b", int | None)), NULLABLE, BOTH, {"a": 1, "b": None}),
    Commit(
        "`b: int` becomes `b: int | None = None`",
        REQUIRED,
        NULLABLE,
        NEITHER,
        [(REQUIRED(1, 2), NULLABLE(1, 2))],
        [(NULLABLE(1, 2), REQUIRED(1, 2)), (NULLABLE(1), REFUSED)],
    ),
    Commit(
        "an attribute is renamed, not its encoded name: `field(name=…)`",
        USER,
        TEXT,
        BOTH,
        [(USER(1, "x"), TEXT(1, "x"))],
        [(TEXT(1, "x"), USER(1, "x"))],
    ),
    Commit("a field is renamed", USER, TEXTS, NEITHER, [(USER(1, "x"), AT_BUILD)], [(TEXTS(1, "x"), AT_BUILD)]),
    Commit(
        "a field is renamed, with an `Alias`",
        USER,
        ALIAS,
        NEITHER,
        [(USER(1, "x"), ALIAS(1, "x"))],
        [(ALIAS(1, "x"), USER(1, "x"))],
    ),
    Commit(
        "a field with a default is renamed",
        EXTENDED,
        OTHER_NAME,
        NEITHER,
        [(EXTENDED(1, 2), OTHER_NAME(1, 8))],
        [(OTHER_NAME(1, 2), EXTENDED(1, 7))],
        "**the value is lost**, the default is read",
    ),
    kept("a field gets an `Alias`", USER, struct(A, ("b", Annotated[str, Alias("was_b")])), BOTH, MEMBERS),
    Commit(
        '`rename="upper"` is added, and every field has a default',
        LOWER,
        UPPER,
        NEITHER,
        [(LOWER(5), UPPER(1))],
        [(UPPER(5), LOWER(1))],
        "**the values are lost**, the defaults are read",
    ),
    Commit(
        "`b: int` becomes `b: int | UnsetType = UNSET`",
        REQUIRED,
        UNSETS,
        NEITHER,
        [(REQUIRED(1, 2), UNSETS(1, 2))],
        [(UNSETS(1, 2), REQUIRED(1, 2)), (UNSETS(1), REFUSED)],
    ),
    Commit(
        "`b: int = 7` becomes `b: int | UnsetType = UNSET`",
        EXTENDED,
        UNSETS,
        NEITHER,
        [(EXTENDED(1, 2), UNSETS(1, 2))],
        [(UNSETS(1, 2), EXTENDED(1, 2)), (UNSETS(1), EXTENDED(1, 7))],
    ),
    Commit(
        "`b: int | UnsetType = UNSET` becomes `b: int = 7`",
        UNSETS,
        EXTENDED,
        NEITHER,
        [(UNSETS(1, 2), EXTENDED(1, 2)), (UNSETS(1), EXTENDED(1, 7))],
        [(EXTENDED(1, 7), UNSETS(1, 7))],
    ),
    Commit(
        "a key of a TypedDict becomes `NotRequired`",
        Typed,
        Loose,
        NEITHER,
        alike([MEMBERS]),
        [(MEMBERS, MEMBERS), ({"a": 1}, REFUSED)],
    ),
    Commit(
        "a key of a TypedDict is no longer `NotRequired`",
        Loose,
        Typed,
        NEITHER,
        [(MEMBERS, AT_BUILD)],
        alike([MEMBERS]),
    ),
]

CLASSES = [
    kept("the docstring is changed", USER, Described, BOTH, MEMBERS),
    kept("the class is renamed", USER, struct(A, B, name="Person"), BOTH, MEMBERS),
    change("a nested class is renamed", Inner, Renamed, BOTH, [(Inner(1), Renamed(1))], [(Renamed(1), Inner(1))]),
    Commit(
        "a nested class is renamed that may be None or `UNSET`",
        MAYBE_INNER,
        MAYBE_RENAMED,
        BOTH,
        [(MAYBE_INNER(Inner(1)), MAYBE_RENAMED(Renamed(1))), (MAYBE_INNER(), MAYBE_RENAMED())],
        [(MAYBE_RENAMED(None), MAYBE_INNER(None))],
    ),
    Commit(
        "a class of two fields becomes two classes with equal fields",
        TWICE,
        SPLIT,
        NEITHER,
        [(TWICE(Inner(1), Inner(2)), SPLIT(Inner(1), Renamed(2)))],
        [(SPLIT(Inner(1), Renamed(2)), TWICE(Inner(1), Inner(2)))],
    ),
    change(
        "a nested class gets a field with a default",
        Inner,
        Wider,
        NEITHER,
        [(Inner(1), Wider(1, 5))],
        [(Wider(1, 2), Inner(1))],
    ),
    change(
        "a field of a nested class gets another type",
        Inner,
        Other,
        NEITHER,
        [(Inner(1), AT_BUILD)],
        [(Other("x"), AT_BUILD)],
    ),
    change(
        "a nested class becomes a generic one: `Box[int]`",
        INT_BOX,
        Box[int],
        BOTH,
        [(INT_BOX(1), Box(1))],
        [(Box(1), INT_BOX(1))],
    ),
    kept("fields move to a base class", USER, Derived, BOTH, MEMBERS),
    kept("a dataclass becomes a Struct", CLASS, USER, BOTH, MEMBERS),
    kept("a dataclass becomes frozen and slotted", CLASS, FROZEN, BOTH, MEMBERS),
    kept("a dataclass becomes `kw_only`", CLASS, KEYWORDS, BOTH, MEMBERS),
    kept("a Struct becomes frozen", USER, struct(A, B, frozen=True), BOTH, MEMBERS),
    kept("an attrs class becomes a dataclass", ATTRS, CLASS, BOTH, MEMBERS),
    kept("a TypedDict becomes a Struct", Typed, USER, BOTH, MEMBERS),
    kept("a dataclass becomes a NamedTuple", CLASS, Point, PLACED, MEMBERS),
    kept("`array_like=True` is added", USER, struct(A, B, array_like=True), PLACED, MEMBERS),
    kept("`forbid_unknown_fields=True` is added", USER, struct(A, B, forbid_unknown_fields=True), BOTH, MEMBERS),
    kept("`omit_defaults=True` is added", EXTENDED, OMITS, PLACED, {"a": 1, "b": 7}),
    kept("`omit_defaults=True` is removed", OMITS, EXTENDED, PLACED, {"a": 1, "b": 7}),
    kept(
        "a default is changed under `omit_defaults=True`",
        OMITS,
        OMITS_OTHER,
        PLACED,
        {"a": 1, "b": 7},
        "an omitted default is the writer's",
    ),
    kept("a tag is added", USER, TAGGED, NEITHER, MEMBERS),
    Commit("a tag is changed", TAGGED, RETAGGED, NEITHER, [(TAGGED(1, "x"), AT_BUILD)], [(RETAGGED(1, "x"), AT_BUILD)]),
    Commit(
        "a tag is changed, with an alias",
        TAGGED,
        ALIASED,
        NEITHER,
        [(TAGGED(1, "x"), ALIASED(1, "x"))],
        [(ALIASED(1, "x"), TAGGED(1, "x"))],
    ),
]


COMMITS: Final = {
    "Classes": CLASSES, "Fields": FIELDS, "Leaves": LEAVES, "Enums and Literals": SETS,
    "Containers": CONTAINERS, "Unions": UNIONS,
}  # fmt: skip
CASES: Final = [pytest.param(one, id=one.about) for one in itertools.chain(*COMMITS.values())]

every_commit = pytest.mark.parametrize("commit", CASES)
every_run = pytest.mark.parametrize(("payload", "engine"), RUNS)


def codec(kind: Any, payload: PayloadFormat, engine: Engine, version: int = 1, **more: Any) -> Any:
    """The codec of a build."""
    return Codec(kind, subject="user", version=version, payload=payload, engine=engine, environment="test", **more)


def fate(value: Any, encode: Any, decode: Any) -> Any:
    """The value that a reader gets, or `REFUSED`."""
    try:
        return decode(encode(value))
    except (EncodeError, PayloadError):
        return REFUSED


def check(pairs: Values, encode: Any, decode: Any) -> None:
    """Hold values against their fates; 7 and 7.0 are two values."""
    for value, wanted in pairs:
        found = fate(value, encode, decode)
        assert (repr(found), type(found)) == (repr(wanted), type(wanted))
        assert found == wanted


def refuses(pairs: Values) -> bool:
    """Tell whether a codec is refused when it is built."""
    return any(wanted == AT_BUILD for _, wanted in pairs if _is_verdict(wanted))


@every_commit
@every_run
def test_one_version_number(commit: Commit, payload: PayloadFormat, engine: Engine) -> None:
    """Two builds that have one version number read each other's frames as the values written, or know the conflict."""
    before, after = codec(commit.old, payload, engine), codec(commit.new, payload, engine)
    for one, other, pairs in ((before, after, commit.forth), (after, before, commit.back)):
        if commit.same[payload != "avro"] == CONFLICT:
            with pytest.raises(SchemaConflictError):
                other.decode(one.encode(pairs[0][0]))
        else:
            check(pairs, one.encode, other.decode)


@every_commit
@every_run
@pytest.mark.parametrize("exported", [False, True], ids=["type", "schema"])
def test_new_version_number(commit: Commit, payload: PayloadFormat, engine: Engine, exported: bool) -> None:
    """A build of version 2 reads and writes frames of version 1 with the values written, or refuses them in time."""
    old = Schema(commit.old).json if exported else commit.old

    def build(**more: Any) -> Any:
        return codec(commit.new, payload, engine, version=2, older={1: old}, **more)

    if refuses(commit.forth):
        with pytest.raises(IncompatibleSchemaError):
            build()
        return
    before = codec(commit.old, payload, engine)
    check(commit.forth, before.encode, build().decode)
    if refuses(commit.back):
        with pytest.raises(IncompatibleSchemaError):
            build(write_version=1)
    else:
        check(commit.back, build(write_version=1).encode, before.decode)


@every_commit
@every_run
def test_old_version_of_a_build_that_cannot_read_it(commit: Commit, payload: PayloadFormat, engine: Engine) -> None:
    """Values of the new type are written in the old one by the same rules where old payloads cannot be read."""
    old, new, module = Schema(commit.old), Schema(commit.new), payload_module(payload, engine)
    if refuses(commit.back):
        with pytest.raises(IncompatibleSchemaError):
            module.encoder(old, new)
    else:
        check(commit.back, module.encoder(old, new), module.decoder(old, old))


@every_commit
def test_wire_forms_of_commits(commit: Commit) -> None:
    """The types' wire forms are those that plain Python makes of their exported schemas by the page's rules."""
    for kind, payload in itertools.product((commit.old, commit.new), ("avro", "msgpack", "json")):
        schema = Schema(kind)
        assert schema.wire_form(payload) == reference.wire_form(schema.json, payload)
        assert schema.wire_form(payload) == Schema(schema.json).wire_form(payload)


# ---- the page ----------------------------------------------------------------------------------------------------


def answer(pairs: Values) -> str:
    """The table's word for the fates of values."""
    if refuses(pairs):
        return "*refused*"
    return "by value" if any(_is_verdict(wanted) for _, wanted in pairs) else "yes"


def row(commit: Commit) -> str:
    """A commit's line of the table."""
    about = f"{commit.about} ({commit.note})" if commit.note else commit.about
    about = about.replace("|", r"\|")
    forth = answer(commit.forth)
    back = "" if refuses(commit.forth) else answer(commit.back)
    return f"| {about} | {commit.same[0]} | {commit.same[1]} | {forth} | {back} |\n"


def tables() -> str:
    """The page's tables."""
    head = (
        "| commit | one number: Avro | MessagePack, JSON | new number: reads the old | writes the old |\n"
        "|---|---|---|---|---|\n"
    )
    return "\n".join(f"### {name}\n\n{head}{''.join(map(row, part))}" for name, part in COMMITS.items())


def written(page: str) -> str:
    """The page with its tables as they are."""
    return MARKED.sub(lambda found: f"{found[1]}{tables()}{found[2]}", page)


def test_the_page_has_every_commit() -> None:
    """The table of the page is made from the list above."""
    page = PAGE.read_text("utf-8")
    assert MARKED.search(page)
    assert written(page) == page
    assert len({one.about for part in COMMITS.values() for one in part}) == len(CASES) >= 40


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
