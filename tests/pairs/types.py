"""Abstract types: immutable trees that say what a Python type says, without its classes.

A record or an enum has an id, which is kept by every commit; a `Ref` stands for a record that is defined elsewhere in
the same tree, so that types may hold themselves and use a class twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

Bounds: TypeAlias = tuple[tuple[str, Any], ...]
"""Keyword arguments of `msgspec.Meta`."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A type without parts: one of `values.POOLS`."""

    kind: str
    bounds: Bounds = ()


@dataclass(frozen=True, slots=True)
class Values:
    """An enum or a Literal: a set of texts or whole numbers.

    Args:
        id: Stays with an enum through its commits.
        values: The values, in the order in which they are declared.
        style: ``Literal``, or the bases of the class: ``Enum``, ``StrEnum``, ``IntEnum``, ``str, Enum``, ``int, Enum``.
        name: The name of the class.
    """

    id: str
    values: tuple[str | int, ...]
    style: str = "Literal"
    name: str = ""


@dataclass(frozen=True, slots=True)
class Seq:
    """Items of one type: ``list``, ``set``, ``frozenset`` or ``tuple``."""

    kind: str
    item: Type
    bounds: Bounds = ()


@dataclass(frozen=True, slots=True)
class Map:
    """A dict."""

    key: Type
    value: Type
    bounds: Bounds = ()


@dataclass(frozen=True, slots=True)
class Tuple:
    """A tuple of so many items."""

    items: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class Union:
    """A union; a member may be a union, which is flattened by `Space.normal`."""

    members: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class Wrap:
    """A NewType."""

    name: str
    inner: Type


@dataclass(frozen=True, slots=True)
class Ref:
    """The record of this id."""

    id: str


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record.

    Args:
        attr: The attribute.
        type: Its type.
        presence: ``required``, ``default``, ``factory``, or ``missing``: it may be missing (UNSET, NotRequired).
        default: A plain value; what the factory makes, where it is one.
        key: The encoded name where it is given with the field (``msgspec.field(name=…)``).
        aliases: Encoded names that it had.
        init: Whether the constructor takes it.
    """

    attr: str
    type: Type
    presence: str = "required"
    default: Any = None
    key: str | None = None
    aliases: tuple[str, ...] = ()
    init: bool = True


@dataclass(frozen=True, slots=True)
class Record:
    """A class with fields.

    Args:
        lib: ``struct``, ``dataclass``, ``attrs``, ``namedtuple`` or ``typeddict``.
        generic: Whether the first field's type is the parameter of a generic class.
    """

    id: str
    name: str
    lib: str
    fields: tuple[Field, ...]
    tag: str | int | None = None
    tag_field: str | None = None
    omit_defaults: bool = False
    forbid_unknown: bool = False
    array_like: bool = False
    rename: str | None = None
    kw_only: bool = False
    frozen: bool = False
    gc: bool = True
    order: bool = False
    slots: bool = False
    total: bool = True
    generic: bool = False
    aliases: tuple[str, ...] = ()


Type: TypeAlias = Leaf | Values | Seq | Map | Tuple | Union | Wrap | Ref | Record

NONE = Leaf("none")
HAS_OPTIONS = ("tag", "tag_field", "omit_defaults", "forbid_unknown", "array_like", "rename", "order")
"""Options that Structs alone have."""


def optional(inner: Type) -> Union:
    """A type or None."""
    return Union((inner, NONE))


def key_of(record: Record, field: Field) -> str:
    """Return a field's encoded name."""
    if field.key is not None:
        return field.key
    match record.rename:
        case "camel" | "pascal":
            first, *rest = field.attr.split("_")
            words = [one.title() for one in rest]
            return (first.title() if record.rename == "pascal" else first) + "".join(words)
        case "upper":
            return field.attr.upper()
    return field.attr


# ---- trees -------------------------------------------------------------------------------------------------------


def parts(type_: Type) -> tuple[Type, ...]:
    """The types that a type is made of."""
    match type_:
        case Seq():
            return (type_.item,)
        case Map():
            return (type_.key, type_.value)
        case Tuple():
            return type_.items
        case Union():
            return type_.members
        case Wrap():
            return (type_.inner,)
        case Record():
            return tuple(field.type for field in type_.fields)
    return ()


def rebuilt(type_: Type, new: tuple[Type, ...]) -> Type:
    """A type with other parts."""
    match type_:
        case Seq():
            return replace(type_, item=new[0])
        case Map():
            return replace(type_, key=new[0], value=new[1])
        case Tuple():
            return Tuple(new)
        case Union():
            return Union(new)
        case Wrap():
            return replace(type_, inner=new[0])
        case Record():
            fields = tuple(replace(field, type=part) for field, part in zip(type_.fields, new, strict=True))
            return replace(type_, fields=fields)
    return type_


Path: TypeAlias = tuple[int, ...]


def sites(type_: Type, path: Path = ()) -> Iterator[tuple[Path, Type]]:
    """Every type in a tree with its place, from the root."""
    yield path, type_
    for at, part in enumerate(parts(type_)):
        yield from sites(part, (*path, at))


def put(type_: Type, path: Path, new: Type) -> Type:
    """The tree with another type at a place."""
    if not path:
        return new
    found = list(parts(type_))
    found[path[0]] = put(found[path[0]], path[1:], new)
    return rebuilt(type_, tuple(found))


class Space:
    """A tree with its records by their ids."""

    def __init__(self, root: Type) -> None:
        self.root = root
        self.records: dict[str, Record] = {one.id: one for _, one in sites(root) if isinstance(one, Record)}
        self.enums: dict[str, Values] = {one.id: one for _, one in sites(root) if isinstance(one, Values)}

    def normal(self, type_: Type) -> Leaf | Values | Seq | Map | Tuple | Union | Record:
        """A type without names and references; a union's members are none, and several."""
        while isinstance(type_, (Wrap, Ref)):
            type_ = type_.inner if isinstance(type_, Wrap) else self.records[type_.id]
        if not isinstance(type_, Union):
            return type_
        members: list[Type] = []
        for member in map(self.normal, type_.members):
            found = member.members if isinstance(member, Union) else (member,)
            members += [one for one in found if not (one == NONE and NONE in members)]
        return Union(tuple(members)) if len(members) > 1 else self.normal(members[0])

    def members(self, type_: Type) -> tuple[Type, ...]:
        """The members of a union; of another type, itself."""
        normal = self.normal(type_)
        return normal.members if isinstance(normal, Union) else (normal,)
