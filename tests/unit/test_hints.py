"""What types say, looked into without msgspec."""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
import datetime
import decimal
import enum
import typing
import uuid
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Optional,
    Protocol,
    Required,
    TypedDict,
    TypeVar,
    Union,
)

import attr
import attrs
import msgspec
import pytest
from msgspec import inspect as kinds
from typing_extensions import ReadOnly, TypeAliasType

import shapes
from safecodec.avro.hints import (
    NO_DEFAULT,
    Choice,
    Enumeration,
    FixedTuple,
    Hint,
    Literals,
    Mapping,
    Opaque,
    RecordField,
    RecordHint,
    Scalar,
    Sequence,
    every,
    hint_of,
)

T = TypeVar("T")
U = TypeVar("U")
Covariant = TypeVar("Covariant", covariant=True)
Bound = TypeVar("Bound", bound=int)
Constrained = TypeVar("Constrained", int, str)

UserId = NewType("UserId", int)
Name = NewType("Name", Annotated[str, msgspec.Meta(min_length=1)])
Numbers = TypeAliasType("Numbers", list[int] | None)
Swapped = TypeAliasType("Swapped", dict[U, T], type_params=(T, U))


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Point(msgspec.Struct, rename="camel", tag="point", array_like=True, omit_defaults=True, kw_only=True):
    first_number: int
    other_numbers: list[int] = []
    made: list[int] = msgspec.field(default_factory=lambda: [1])
    unset: int | msgspec.UnsetType = msgspec.UNSET


class Positional(msgspec.Struct, forbid_unknown_fields=True):
    one: int
    two: Annotated[int, msgspec.Meta(ge=0)] = 2


class GenericStruct(msgspec.Struct, Generic[T]):
    item: T
    next: GenericStruct[T] | None = None


@dataclasses.dataclass
class Base:
    late: int = 0
    _: dataclasses.KW_ONLY
    early: Base | None
    shared: ClassVar[int] = 3
    constant: Final[int] = 4


@dataclasses.dataclass
class Sub(Base, Generic[T, U]):
    items: dict[str, T] = dataclasses.field(default_factory=dict)
    outside: U = dataclasses.field(init=False)
    swapped: Sub[U, T] | None = None


@dataclasses.dataclass
class Bottom(Sub[int, str]):
    late: str = "x"  # type: ignore[assignment]


@dataclasses.dataclass
class NotKept:
    given: dataclasses.InitVar[int]


@dataclasses.dataclass
class NotKeptOfNoType:
    given: dataclasses.InitVar  # type: ignore[type-arg]


class Has(Protocol[Covariant]):
    """A base of a generic class that says nothing of fields."""


@dataclasses.dataclass
class Mixed(Has[T], collections.abc.Container[T]):
    item: T

    def __contains__(self, item: object) -> bool:
        return item == self.item


@attrs.define
class Private(Generic[T]):
    optional: T = attrs.field(default=1)  # type: ignore[assignment]
    _hidden: list[T] = attrs.field(kw_only=True)
    made: list[int] = attrs.field(factory=list, init=False)
    renamed: int = attrs.field(default=2, alias="other", converter=int)


@attrs.define
class FromSelf:
    one: int
    two: int = attrs.field(default=attrs.Factory(lambda self: self.one, takes_self=True))


@attr.s
class Bare:
    one = attr.ib(type=int)


class Pair(NamedTuple, Generic[T]):
    one: T
    two: Pair[int] | None = None


Untyped = collections.namedtuple("Untyped", "x y", defaults=[1])


class Options(TypedDict, Generic[T]):
    zulu: T
    maybe: NotRequired[int]
    frozen: ReadOnly[NotRequired[Annotated[int, msgspec.Meta(ge=1)]]]
    noted: Annotated[NotRequired[str], "a note"]


class Partial(TypedDict, total=False):
    there: Required[int]
    maybe: ReadOnly[int]


class Anything:
    pass


class Meta2(enum.EnumMeta):
    pass


class OwnEnum(enum.Enum, metaclass=Meta2):
    A = "a"


def fields(type_: Any) -> dict[str, RecordField]:
    """The fields of a record's hint by name."""
    hint = hint_of(type_)
    assert isinstance(hint, RecordHint)
    return {field.name: field for field in hint.fields}


def text(hint: Hint) -> str:
    """A hint in short; of a record only the class."""
    match hint:
        case Scalar():
            return hint.cls.__name__
        case Sequence():
            return f"{hint.cls.__name__}[{text(hint.item)}]"
        case Mapping():
            return f"{{{text(hint.key)}: {text(hint.value)}}}"
        case FixedTuple():
            return f"({', '.join(map(text, hint.items))})"
        case Choice():
            return " | ".join(map(text, hint.members))
        case Literals():
            return repr(hint.values)
        case Enumeration() | Opaque() | RecordHint():
            return f"{type(hint).__name__} {getattr(hint.cls, '__name__', hint.cls)}"


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        (None, "NoneType"),
        (Any, "object"),
        (int, "int"),
        (datetime.timedelta, "timedelta"),
        (list, "list[object]"),
        (typing.List[int], "list[int]"),  # noqa: UP006
        (typing.List, "list[object]"),  # noqa: UP006
        (collections.abc.MutableSequence[int], "list[int]"),
        (typing.Collection, "list[object]"),
        (tuple, "tuple[object]"),
        (typing.Tuple, "tuple[object]"),  # noqa: UP006
        (tuple[int, ...], "tuple[int]"),
        (tuple[int, str], "(int, str)"),
        (tuple[()], "()"),
        (typing.AbstractSet[int], "set[int]"),
        (frozenset[int], "frozenset[int]"),
        (dict, "{object: object}"),
        (collections.abc.Mapping[str, int], "{str: int}"),
        (Optional[int], "int | NoneType"),  # noqa: UP045
        (Union[None, int, str], "NoneType | int | str"),  # noqa: UP007
        (str | int, "str | int"),
        (Union[Annotated[int | None, "a note"], str, None], "int | NoneType | str"),  # noqa: UP007
        (int | msgspec.UnsetType, "int"),
        (Colour, "Enumeration Colour"),
        (OwnEnum, "Opaque OwnEnum"),
        (Literal["b", "a", None], "(None, 'a', 'b')"),
        (Literal[Colour.RED, "a"], "(<Colour.RED: 'red'>, 'a')"),
        (Literal[Colour.RED, Colour.BLUE], "(<Colour.RED: 'red'>, <Colour.BLUE: 'blue'>)"),
        (Annotated[Annotated[int, 1], 2], "int"),
        (Final[int], "int"),
        (UserId, "int"),
        (list[Name], "list[str]"),
        (Numbers, "list[int] | NoneType"),
        (Swapped[int, str], "{str: int}"),
        (Swapped[int, Swapped[str, bytes]], "{{bytes: str}: int}"),
        (list[T], "list[object]"),  # type: ignore[valid-type]
        (list[Bound], "list[int]"),  # type: ignore[valid-type]
        (Anything, "Opaque Anything"),
        (object, "Opaque object"),
        (collections.deque[int], "Opaque deque"),
        (type[int], "Opaque type"),
        (msgspec.Raw, "Opaque Raw"),
        (msgspec.msgpack.Ext, "Opaque Ext"),
        (GenericStruct[int], f"RecordHint {GenericStruct[int].__name__}"),
    ],
    ids=str,
)
def test_kinds(type_: Any, expected: str) -> None:
    """Every kind of type is told, whatever words it is written in."""
    assert text(hint_of(type_)) == expected


@pytest.mark.parametrize(
    "type_",
    [
        5, "int", list["Nowhere"], Final, Literal, Required[int], ClassVar[int], NamedTuple,  # type: ignore[name-defined]  # noqa: F821
        list[()], dict[int],  # type: ignore[misc]
        list[Constrained], Annotated[int, msgspec.Meta(min_length=1)], Annotated[int | None, msgspec.Meta(ge=1)],  # type: ignore[valid-type]
        Annotated[Colour, msgspec.Meta(tz=True)], Annotated[Any, msgspec.Meta(ge=1)],
        Annotated[tuple[int, int], msgspec.Meta(min_length=1)], NotKept, NotKeptOfNoType, FromSelf,
        Bare,
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_type(type_: Any) -> None:
    """What values cannot have, and demands that make no sense for a type, are a TypeError."""
    with pytest.raises(TypeError):
        hint_of(type_)


@pytest.mark.parametrize("value", [5, (int,), ..., print, NotImplemented, [int], {}, list[5]], ids=str)  # type: ignore[valid-type]
def test_values_are_no_types(value: Any) -> None:
    """A value in the place of a type is refused for that, whether it has a hash or none."""
    with pytest.raises(TypeError, match="is no type that values have"):
        hint_of(value)


def test_names_that_are_not_there() -> None:
    """An annotation that names what is not there is a NameError."""

    @dataclasses.dataclass
    class Lost:
        one: Nowhere  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(NameError, match="Nowhere"):
        hint_of(Lost)


def late_alias(value: Any) -> Any:
    """What a ``type`` statement of Python 3.12 makes: its value is looked at late, and may hold the alias."""
    return type("TypeAliasType", (), {"__value__": property(value), "__type_params__": ()})()


def test_aliases_that_hold_themselves() -> None:
    """A type alias that holds itself is refused; with a record in between it may."""
    with pytest.raises(TypeError, match="holds itself"):
        hint_of(late_alias(lambda alias: list[alias]))  # type: ignore[valid-type]
    holder: Any = dataclasses.make_dataclass("Holder", ["inner"])
    alias = late_alias(lambda _: holder | None)
    holder.__annotations__["inner"] = alias
    hint = hint_of(alias)
    assert isinstance(hint, Choice)
    (record, _) = hint.members
    assert isinstance(record, RecordHint)
    inner = record.fields[0].hint
    assert isinstance(inner, Choice)
    assert inner.members[0] is record


def test_structs() -> None:
    """A Struct's names, tag, layout, defaults and factories are what msgspec says."""
    hint = hint_of(Point)
    assert isinstance(hint, RecordHint)
    assert (hint.cls, hint.kind, hint.source) == (Point, "struct", Point)
    assert (hint.tag_field, hint.tag, hint.array_like) == ("type", "point", True)
    assert (hint.omits_defaults, hint.forbids_unknown) == (True, False)
    found = fields(Point)
    assert [field.key for field in found.values()] == ["firstNumber", "otherNumbers", "made", "unset"]
    assert [field.required for field in found.values()] == [True, False, False, False]
    assert found["first_number"].default is found["first_number"].factory is NO_DEFAULT
    assert found["other_numbers"].factory is list
    assert found["made"].factory() == [1]
    assert found["unset"].default is found["unset"].factory is NO_DEFAULT
    assert all(field.keyword_only for field in found.values())
    assert not any(field.keyword_only for field in fields(Positional).values())
    hint = hint_of(Positional)
    assert isinstance(hint, RecordHint)
    assert (hint.omits_defaults, hint.forbids_unknown, hint.tag, hint.array_like) == (False, True, None, False)
    assert repr(NO_DEFAULT) == "NO_DEFAULT"


def test_dataclasses() -> None:
    """Required fields come first, as msgspec has them; what belongs to the class is no field."""
    found = fields(Base)
    assert list(found) == ["early", "late", "constant"]
    assert [field.keyword_only for field in found.values()] == [True, False, True]
    assert [field.required for field in found.values()] == [True, False, False]
    assert text(found["early"].hint) == "RecordHint Base | NoneType"
    assert found["late"].default == 0
    found = fields(Sub)
    assert list(found) == ["early", "outside", "late", "constant", "items", "swapped"]
    assert not found["outside"].init
    assert found["items"].factory is dict


def test_generics() -> None:
    """Type variables are what a class or its bases are subscribed with; unbound ones are Any."""
    assert text(fields(Sub)["items"].hint) == "{str: object}"
    bound = fields(Sub[int, str])
    assert (text(bound["items"].hint), text(bound["outside"].hint)) == ("{str: int}", "str")
    assert Sub[str, int] in [one.cls for one in every(bound["swapped"].hint) if isinstance(one, RecordHint)]
    bottom = fields(Bottom)
    assert (text(bottom["items"].hint), text(bottom["late"].hint)) == ("{str: int}", "str")
    assert text(fields(GenericStruct[int])["item"].hint) == "int"
    assert text(fields(Options[bytes])["zulu"].hint) == "bytes"
    assert text(fields(Pair[str])["one"].hint) == "str"
    assert text(fields(Private[str])["_hidden"].hint) == "list[str]"
    assert text(fields(Mixed[int])["item"].hint) == "int"


def test_recursion() -> None:
    """A type that holds itself has a hint that holds itself."""
    hint = hint_of(GenericStruct[int])
    assert isinstance(hint, RecordHint)
    assert hint.fields[1].hint.members[0] is hint  # type: ignore[union-attr]
    assert sum(isinstance(one, RecordHint) for one in every(hint)) == 1


def test_every_hint_is_yielded() -> None:
    """A walk comes to each hint once, wherever it stands."""
    hint = hint_of(dict[int, tuple[list[Pair[str]], Literal["a"] | Colour]])
    found = list(every(hint))
    assert len({id(one) for one in found}) == len(found)
    assert {type(one) for one in found} == {
        Mapping,
        Scalar,
        FixedTuple,
        Sequence,
        RecordHint,
        Choice,
        Literals,
        Enumeration,
    }


def test_attrs() -> None:
    """A field of an attrs class is encoded by its attribute's name, and the constructor has its own for it."""
    hint = hint_of(Private)
    assert isinstance(hint, RecordHint)
    assert (hint.kind, hint.array_like) == ("attrs", False)
    found = fields(Private)
    assert [field.key for field in found.values()] == ["_hidden", "optional", "made", "renamed"]
    assert [field.argument for field in found.values()] == ["hidden", "optional", "made", "other"]
    assert [field.required for field in found.values()] == [True, False, False, False]
    assert [field.keyword_only for field in found.values()] == [True, False, False, False]
    assert [field.init for field in found.values()] == [True, True, False, True]
    assert (found["optional"].default, found["made"].factory) == (1, list)


def test_named_tuples() -> None:
    """A NamedTuple is a record that is laid out as an array; without annotations its fields are anything."""
    hint = hint_of(Pair)
    assert isinstance(hint, RecordHint)
    assert (hint.kind, hint.array_like) == ("namedtuple", True)
    found = fields(Untyped)
    assert [text(field.hint) for field in found.values()] == ["object", "object"]
    assert (found["x"].required, found["y"].default) == (True, 1)


def test_typed_dicts() -> None:
    """The keys of a TypedDict are sorted; whether they are required is read from their annotations."""
    found = fields(Options)
    assert [(field.name, field.required) for field in found.values()] == [
        ("frozen", False),
        ("maybe", False),
        ("noted", False),
        ("zulu", True),
    ]
    assert found["frozen"].hint.bounds  # type: ignore[union-attr]
    assert found["noted"].hint.source == Annotated[str, "a note"]
    assert {field.name: field.required for field in fields(Partial).values()} == {"there": True, "maybe": False}


def test_demands() -> None:
    """A hint says whether more is demanded than its class; a time zone is told on its own."""
    aware = Annotated[datetime.datetime, msgspec.Meta(tz=True)]
    hint = hint_of(aware)
    assert isinstance(hint, Scalar)
    assert (hint.tz, hint.bounds, hint.source) == (True, {}, aware)
    assert not hint_of(Annotated[int, msgspec.Meta(title="a number", extra={"unit": "ms"})]).bounds  # type: ignore[union-attr]
    demanding: list[tuple[Any, dict[str, Any]]] = [
        (Annotated[int, msgspec.Meta(ge=0)], {"ge": 0}),
        (Annotated[int, msgspec.Meta(ge=0), msgspec.Meta(title="x")], {"ge": 0}),
        (Annotated[str, msgspec.Meta(pattern="x")], {"pattern": "x"}),
        (Annotated[list[int], msgspec.Meta(max_length=3)], {"max_length": 3}),
        (Annotated[dict[str, int], msgspec.Meta(min_length=1)], {"min_length": 1}),
        (Name, {"min_length": 1}),
    ]
    for type_, bounds in demanding:
        hint = hint_of(type_)
        assert isinstance(hint, (Scalar, Sequence, Mapping))
        assert (hint.bounds, hint.source) == (bounds, type_)


# ---- msgspec.inspect is the second opinion -----------------------------------------------------------------------

LEAVES: dict[type, type] = {
    kinds.AnyType: object, kinds.NoneType: type(None), kinds.BoolType: bool, kinds.IntType: int,
    kinds.FloatType: float, kinds.StrType: str, kinds.BytesType: bytes, kinds.ByteArrayType: bytearray,
    kinds.MemoryViewType: memoryview, kinds.DateTimeType: datetime.datetime, kinds.DateType: datetime.date,
    kinds.TimeType: datetime.time, kinds.TimeDeltaType: datetime.timedelta, kinds.DecimalType: decimal.Decimal,
    kinds.UUIDType: uuid.UUID,
}  # fmt: skip
SEQUENCES: dict[type, type] = {
    kinds.ListType: list, kinds.VarTupleType: tuple, kinds.SetType: set, kinds.FrozenSetType: frozenset,
}  # fmt: skip
DEMANDS = ("ge", "gt", "le", "lt", "multiple_of", "pattern", "min_length", "max_length")


def same(hint: Hint, info: Any, seen: set[int]) -> bool:
    """Whether a hint says the same as msgspec's."""
    if isinstance(info, kinds.Metadata):
        return same(hint, info.type, seen)
    if id(hint) in seen:
        return True
    seen.add(id(hint))
    said = {name: getattr(info, name, None) for name in DEMANDS}
    bounds = {name: bound for name, bound in said.items() if bound is not None}
    match hint:
        case Scalar():
            return (hint.cls, hint.tz, hint.bounds) == (LEAVES[type(info)], getattr(info, "tz", None), bounds)
        case Sequence():
            alike = hint.cls is SEQUENCES[type(info)] and hint.bounds == bounds
            return alike and same(hint.item, info.item_type, seen)
        case Mapping():
            alike = isinstance(info, kinds.DictType) and hint.bounds == bounds
            return alike and same(hint.key, info.key_type, seen) and same(hint.value, info.value_type, seen)
        case FixedTuple():
            return all(same(one, other, seen) for one, other in zip(hint.items, info.item_types, strict=True))
        case Choice():
            return all(same(one, other, seen) for one, other in zip(hint.members, info.types, strict=True))
        case Literals():
            return bool(hint.values == info.values)
        case RecordHint():
            return same_record(hint, info, seen)
    return bool(hint.cls is info.cls)


def same_record(hint: RecordHint, info: Any, seen: set[int]) -> bool:
    """The same of a record."""
    layout = (hint.tag_field, hint.tag, hint.array_like, hint.forbids_unknown)
    names = ("tag_field", "tag", "array_like", "forbid_unknown_fields")
    if isinstance(info, kinds.StructType) and layout != tuple(getattr(info, name) for name in names):
        return False
    return hint.cls == info.cls and all(
        (one.name, one.key, one.required) == (other.name, other.encode_name, other.required)
        and (one.default is other.default or (one.default, other.default) == (NO_DEFAULT, msgspec.NODEFAULT))
        and (
            one.factory is other.default_factory
            or (one.factory, other.default_factory) == (NO_DEFAULT, msgspec.NODEFAULT)
        )
        and same(one.hint, other.type, seen)
        for one, other in zip(hint.fields, info.fields, strict=True)
    )


SHAPES = [shape.type for shape in shapes.LEAVES]
SHAPES += [made.type for shape in shapes.LEAVES for made in shapes._containers(shape)]
SHAPES += [made.type for shape in shapes.HASHABLE for made in shapes._sets(shape)]


@pytest.mark.parametrize(
    "type_",
    [
        *SHAPES, Point, Positional, GenericStruct, GenericStruct[int], Base, Sub, Sub[int, str], Bottom, Private,
        Private[int], Pair, Pair[str], Untyped, UserId, Name, Numbers.__value__, tuple[()], dict,
        Annotated[list[int], msgspec.Meta(max_length=3)], Annotated[Base, msgspec.Meta(title="a base")],
    ],
    ids=str,
)  # fmt: skip
def test_msgspec_says_the_same(type_: Any) -> None:
    """Where msgspec.inspect knows a type, our hint says the same."""
    assert same(hint_of(type_), kinds.type_info(type_), set())
