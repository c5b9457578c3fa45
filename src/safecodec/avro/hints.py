"""What a Python type says, as one model, whatever library its classes are made with.

msgspec is never imported here: a Struct and a `msgspec.Meta` come from where it is loaded already. What msgspec can
look into can be looked into here, with the same answer.
"""

from __future__ import annotations

import collections.abc
import datetime
import decimal
import enum
import sys
import types
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias, TypeVar, Union, get_args, get_origin

from ..errors import SchemaError
from .describing import spelled
from .limits import DEFAULT, STEPS, demand_within
from .members import NO_DEFAULT, aliases_of, kind_of, members_of, special_form, substituted
from .nodes import once

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "NO_DEFAULT", "Choice", "Enumeration", "FixedTuple", "Hint", "Literals", "Mapping", "Opaque", "RecordField",
    "RecordHint", "Scalar", "Sequence", "every", "hint_of", "parts",
]  # fmt: skip

SCALARS: Final = frozenset({
    type(None), bool, int, float, str, bytes, bytearray, memoryview, datetime.datetime, datetime.date, datetime.time,
    datetime.timedelta, decimal.Decimal, uuid.UUID,
})  # fmt: skip
COLLECTIONS: Final[dict[Any, type]] = {
    list: list,
    collections.abc.Collection: list,
    collections.abc.Sequence: list,
    collections.abc.MutableSequence: list,
    set: set,
    collections.abc.Set: set,
    collections.abc.MutableSet: set,
    frozenset: frozenset,
    tuple: tuple,
    dict: dict,
    collections.abc.Mapping: dict,
    collections.abc.MutableMapping: dict,
}
"""What collections are made as, the abstract ones too."""
DEMANDS: Final = ("ge", "gt", "le", "lt", "multiple_of", "pattern", "min_length", "max_length")


@dataclass(slots=True, eq=False)
class Scalar:
    """A leaf: one of `SCALARS`, or `object`, which stands for Any."""

    cls: type
    tz: bool | None = None
    """Of datetime and time: whether a time zone is demanded (True) or refused (False); None where nothing is said."""
    source: Any = None
    """The annotation as it is written."""
    bounds: dict[str, Any] = field(default_factory=dict)
    """Bounds that `msgspec.Meta` demands beside the time zone, by its names."""


@dataclass(slots=True, eq=False)
class Sequence:
    """Items of one type: list, tuple, set or frozenset."""

    cls: type
    item: Hint
    source: Any = None
    bounds: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Mapping:
    """A dict."""

    key: Hint
    value: Hint
    source: Any = None
    bounds: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class FixedTuple:
    """A tuple of so many items, each of its own type."""

    items: tuple[Hint, ...]
    source: Any = None


@dataclass(slots=True, eq=False)
class Choice:
    """A union; none of its members is one."""

    members: tuple[Hint, ...]
    source: Any = None


@dataclass(slots=True, eq=False)
class Enumeration:
    """An enum."""

    cls: type[enum.Enum]
    source: Any = None


@dataclass(slots=True, eq=False)
class Literals:
    """One of several values, which are sorted by their class and themselves."""

    values: tuple[Any, ...]
    source: Any = None


@dataclass(slots=True, eq=False)
class RecordField:
    """A field of a record."""

    name: str
    """The attribute."""
    key: str
    """What it is called when encoded."""
    hint: Hint
    required: bool
    default: Any = NO_DEFAULT
    factory: Any = NO_DEFAULT
    keyword_only: bool = False
    init: bool = True
    """Whether the constructor takes it."""
    argument: str = ""
    """What the constructor calls it."""
    aliases: tuple[str, ...] = ()
    """Names that older versions call it when encoded."""


@dataclass(slots=True, eq=False)
class RecordHint:
    """A class with fields. ``fields`` is filled after the hint is created, so that a type may hold itself."""

    cls: Any
    """The class, or the alias of a generic one."""
    kind: str
    """One of ``struct``, ``dataclass``, ``attrs``, ``pydantic``, ``namedtuple``, ``typeddict``."""
    fields: tuple[RecordField, ...] = ()
    tag_field: str | None = None
    tag: Any = None
    array_like: bool = False
    omits_defaults: bool = False
    forbids_unknown: bool = False
    aliases: tuple[str, ...] = ()
    """Tags or names of the classes of older versions."""
    source: Any = None
    _by_key: dict[str, RecordField] = field(default_factory=dict)

    def field_of(self, key: str) -> RecordField:
        """Return the field that is called so when encoded."""
        if not self._by_key:
            self._by_key = {one.key: one for one in self.fields}
        return self._by_key[key]


@dataclass(slots=True, eq=False)
class Opaque:
    """A class of which nothing is known."""

    cls: Any
    source: Any = None


Hint: TypeAlias = (
    Scalar | Sequence | Mapping | FixedTuple | Choice | Enumeration | Literals | RecordHint | Opaque
)  # fmt: skip


def hint_of(type_: Any, most: int = DEFAULT.nodes) -> Hint:
    """Look into a type.

    Args:
        type_: The type.
        most: How many types it may be made of: one that holds another twice doubles with each level.

    Raises:
        SchemaError: It is made of more.
        TypeError: It is no type that values have, or says what makes no sense.
        NameError: An annotation names what is not there.
    """
    return _Reader(most).hint(type_)


def every(hint: Hint) -> Iterator[Hint]:
    """Yield a hint and all hints in it, each once."""
    return once(hint, parts)


def parts(hint: Hint) -> tuple[Hint, ...]:
    """Return the hints that a hint holds itself."""
    match hint:
        case Sequence():
            return (hint.item,)
        case Mapping():
            return (hint.key, hint.value)
        case FixedTuple():
            return hint.items
        case Choice():
            return hint.members
        case RecordHint():
            return tuple(field.hint for field in hint.fields)
    return ()


class _Reader:
    def __init__(self, most: int) -> None:
        self.most = most
        self.count = 0
        self.measured = 0
        """How many types the arguments of generic types are made of, so far."""
        self.records: dict[Any, RecordHint] = {}
        self.aliases: list[Any] = []
        """The type aliases that are being looked into."""

    def hint(self, source: Any) -> Hint:
        self.count += 1
        demand_within("nodes", self.most, self.count, "types", "$")
        if type(source) is type and source in SCALARS:
            return Scalar(source, source=source)
        depth = len(self.aliases)
        bare, demands = self.unwrapped(source)
        hint = self.of_bare(bare, source)
        del self.aliases[depth:]
        _demand(hint, demands)
        return hint

    def unwrapped(self, annotation: Any) -> tuple[Any, list[Any]]:
        """An annotation without what only says something about it, and every `msgspec.Meta` on the way."""
        if type(annotation) is type:
            return annotation, []
        meta = getattr(sys.modules.get("msgspec"), "Meta", None)
        demands: list[Any] = []
        while True:
            word = special_form(annotation)
            if word == "Annotated":
                demands += [one for one in annotation.__metadata__ if type(one) is meta]
                annotation = annotation.__origin__
            elif word == "Final":
                annotation = get_args(annotation)[0]
            elif hasattr(annotation, "__supertype__"):
                annotation = annotation.__supertype__
            elif type(get_origin(annotation) or annotation).__name__ == "TypeAliasType":
                annotation = self.of_alias(annotation)
            else:
                return annotation, demands

    def of_alias(self, annotation: Any) -> Any:
        self.measure(annotation)
        if annotation in self.aliases:
            raise TypeError(f"the type alias {spelled(annotation)} holds itself")
        self.aliases.append(annotation)
        alias = get_origin(annotation) or annotation
        return substituted(alias.__value__, dict(zip(alias.__type_params__, get_args(annotation), strict=False)))

    def of_bare(self, bare: Any, source: Any) -> Hint:
        if bare is Any:
            return Scalar(object, source=source)
        if isinstance(bare, TypeVar):
            return self.of_variable(bare)
        origin = get_origin(bare)
        cls = origin or (type(None) if bare is None else bare)
        if cls is Union or cls is types.UnionType:
            return self.of_union(get_args(bare), source)
        if cls is Literal and origin is not None:
            return Literals(_sorted(get_args(bare)), source)
        if not isinstance(cls, type):
            raise TypeError(f"{spelled(bare)} is no type that values have")
        if cls in SCALARS:
            return Scalar(cls, source=source)
        if cls in COLLECTIONS:
            return self.of_collection(COLLECTIONS[cls], bare, source)
        if type(cls) is enum.EnumMeta:
            found: Any = cls
            return Enumeration(found, source)
        return self.of_record(bare, cls) if kind_of(cls) else Opaque(cls, source)

    def of_variable(self, variable: TypeVar) -> Hint:
        if variable.__constraints__:
            raise TypeError(f"the type variable {variable} is bound to none of its constraints")
        return self.hint(Any if variable.__bound__ is None else variable.__bound__)

    def of_union(self, args: tuple[Any, ...], source: Any) -> Hint:
        unset = getattr(sys.modules.get("msgspec"), "UnsetType", None)
        members: list[Hint] = []
        for one in [self.hint(arg) for arg in args if arg is not unset]:
            for member in one.members if isinstance(one, Choice) else (one,):
                if not (_is_none(member) and any(map(_is_none, members))):
                    members.append(member)
        return members[0] if len(members) == 1 else Choice(tuple(members), source)

    def of_collection(self, cls: type, bare: Any, source: Any) -> Hint:
        args = getattr(bare, "__args__", None)  # typing's bare collections have none, but an empty tuple has ()
        if cls is tuple and args is not None and args[1:] != (...,):
            return FixedTuple(tuple(self.hint(arg) for arg in args), source)
        wanted = 2 if cls is dict else 1
        args = (Any,) * wanted if args is None else args[:1] if cls is tuple else args
        if len(args) != wanted:
            raise TypeError(f"{spelled(bare)} is made with {len(args)} types")
        hints = [self.hint(arg) for arg in args]
        return Mapping(hints[0], hints[1], source) if cls is dict else Sequence(cls, hints[0], source)

    def measure(self, alias: Any) -> None:
        """Bound the types that the arguments of generic types are made of, before these are hashed or compared.

        A generic type may hold itself with an argument that is made of its own twice.
        """
        waiting = [alias]
        while waiting:
            one = waiting.pop()
            waiting += one if type(one) is list else get_args(one)
            self.measured += 1
            if self.measured > STEPS * self.most:
                taken = f"the arguments of generic types are made of more than {STEPS} types for each"
                raise SchemaError(f"{taken} of the {self.most} nodes that the limit nodes allows", path="$")

    def of_record(self, bare: Any, cls: Any) -> RecordHint:
        self.measure(bare)
        if bare in self.records:
            return self.records[bare]
        kind = kind_of(cls)
        hint = self.records[bare] = RecordHint(bare, kind, array_like=kind == "namedtuple", source=bare)
        if kind == "struct":
            config = cls.__struct_config__
            hint.tag_field, hint.tag, hint.array_like = config.tag_field, config.tag, config.array_like
            hint.omits_defaults, hint.forbids_unknown = config.omit_defaults, config.forbid_unknown_fields
        hint.aliases = aliases_of(cls)
        outside, self.aliases = self.aliases, []  # an alias may hold a record that holds the alias
        hint.fields = tuple(
            RecordField(
                one.name, one.key, self.hint(one.annotation), one.required, one.default, one.factory,
                one.keyword_only, one.init, one.argument, one.aliases,
            )
            for one in members_of(bare)
        )  # fmt: skip
        self.aliases = outside
        return hint


def _is_none(hint: Hint) -> bool:
    return isinstance(hint, Scalar) and hint.cls is type(None)


def _sorted(values: tuple[Any, ...]) -> tuple[Any, ...]:
    try:
        return tuple(sorted(values, key=lambda value: (type(value).__name__, value)))
    except TypeError:
        return values


def _demand(hint: Hint, demands: list[Any]) -> None:
    """Note what `msgspec.Meta` demands; msgspec itself refuses what makes no sense for the type."""
    said = [(name, getattr(one, name)) for one in demands for name in DEMANDS]
    bounds = {name: bound for name, bound in said if bound is not None}
    zones = [one.tz for one in demands if one.tz is not None]
    if not bounds and not zones:
        return
    msgspec: Any = sys.modules["msgspec"]
    stands_in: Any = type(None)  # for what takes no demands
    match hint:
        case Scalar() if hint.cls is not object:
            hint.tz, hint.bounds, stands_in = zones[-1] if zones else None, bounds, hint.cls
        case Sequence():
            hint.bounds, stands_in = bounds, hint.cls
        case Mapping():
            hint.bounds, stands_in = bounds, dict
    msgspec.msgpack.Decoder(Annotated[(stands_in, *demands)])
