"""What values are written from: which Python values each node of a resolved tree takes, and where their parts are."""

from __future__ import annotations

import datetime
import decimal
import math
import uuid
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from . import classes
from ._slots import READS_SLOTS
from .canonical import unqualified
from .describing import PLAIN, short
from .hints import Enumeration, RecordHint, Scalar, Sequence
from .lift import lift
from .logical import CARRIER, avro_value, carry_as, is_carrier
from .nodes import ABSENT, Array, Enum, Fixed, Map, Primitive, Record, Union
from .physical import FLOAT_MAX, Physical, avro_bytes, default_value, is_duration, lower
from .resolve import TakeBranch, identity, spelled
from .targets import INSTANTS, UNITS, chained

if TYPE_CHECKING:
    from collections.abc import Callable

    from .nodes import Field, Node
    from .resolve import Action, Take, TakeFields, TakeItems, TakeSymbol, TakeValues
    from .schema import Schema

WANTED: Final = {
    "null": "None",
    "boolean": "a bool",
    "int": "a whole number (int)",
    "long": "a whole number (long)",
    "float": "a number (float)",
    "double": "a number (double)",
    "bytes": "bytes",
    "string": "a str",
}
TYPES: Final[dict[str, tuple[type, ...]]] = {
    "null": (type(None),),
    "boolean": (bool,),
    "int": (int,),
    "long": (int,),
    "float": (float,),
    "double": (float,),
    "bytes": (bytes, bytearray, memoryview),
    "string": (str,),
    "date": (datetime.date,),
    "decimal": (decimal.Decimal,),
    "big-decimal": (decimal.Decimal,),
    "uuid": (uuid.UUID,),
    "duration": (tuple,),
    CARRIER: (),
}
"""The exact types of what a primitive or a logical type takes."""


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """A field that is written, or only checked.

    Args:
        label: Its name in paths.
        action: How it is written.
        name: The attribute or key that holds it; None where values have none.
        place: Its offset or index.
        default: The bytes that are written where it is missing.
        make: What makes the value where values have none.
        dropped: Whether it is only checked.
    """

    label: str
    action: Action | None
    name: str | None = None
    place: int = 0
    default: bytes | None = None
    make: Callable[[Any], Any] | None = None
    dropped: bool = False


@dataclass(frozen=True, slots=True)
class Giving:
    """Where a record's fields are.

    Args:
        get: ``keys``, ``slots``, ``attributes`` or ``index``.
        cls: The class whose exact instances have them there.
        wanted: What is expected, for errors.
        gives: The fields in the order in which they are written, then those that are only checked.
        known: The keys that a dict may have.
        free: Whether any mapping or object will do.
    """

    get: str
    cls: Any
    wanted: str
    gives: tuple[Given, ...]
    known: frozenset[str]
    free: bool


@dataclass(frozen=True, slots=True)
class Choosing:
    """How a union's branch is chosen.

    Args:
        wanted: The branches, for errors.
        types: Of each branch the exact types that no other takes.
        names: Of each branch the names that a value can ask for.
        fits: Of each branch that holds other values, what tells whether it takes one.
        null: Which of two branches is null.
    """

    wanted: str
    types: tuple[tuple[type, ...], ...]
    names: tuple[tuple[str, ...], ...]
    fits: tuple[Callable[[Any], bool] | None, ...]
    null: int | None


class Sources:
    """What the values of a schema are: instances of its type, or dicts and plain values where it has none.

    Args:
        source: The values' schema.
        target: The schema that is written.
    """

    def __init__(self, source: Schema, target: Schema) -> None:
        self._hints = {**target.hints, **source.hints}
        self._typed = source.type is not None

    # ---- leaves --------------------------------------------------------------------------------------------------

    def leaf(self, action: Take) -> tuple[str, int, Callable[[Any], Any] | None, str]:
        """Return what a primitive or fixed is written as, its size or unit, what is called first, what is wanted."""
        source, target, hint = action.writer, action.reader, self._hints.get(id(action.writer))
        op, count = ("fixed", target.size) if isinstance(target, Fixed) else (target.kind, 0)
        wanted = f"{target.size} bytes" if isinstance(target, Fixed) else WANTED[target.kind]
        check = classes.checker(hint) if isinstance(hint, Scalar) else None
        if hint is not None and is_carrier(target):
            from .plain import demand_whole

            demand_whole(hint)
            return op, count, carry_as(hint.source), wanted
        if source.logical is None:
            return _promoted(source, target, op, count, check, wanted)
        if target.logical is None:  # dropped: what lies beneath is written
            return op, count, chained(check, partial(avro_value, source), promoter(source, target)), wanted
        name, _, unit = target.logical.name.rpartition("-")
        convert = partial(avro_value, target)
        if check is None and name in INSTANTS:
            return INSTANTS[name], UNITS[unit], convert, wanted
        if check is None and unit == "date":
            return "day", 0, convert, wanted
        return op, count, chained(check, convert), wanted

    def symbols(self, action: TakeSymbol) -> tuple[tuple[Any, ...], tuple[int, ...], dict[str, int] | None]:
        """Return an enum's values, the index that is written for each, and these by their text where they are texts."""
        hint = self._hints.get(id(action.writer))
        indices = [action.reader.symbols.index(symbol) for symbol in action.symbols.values()]
        if isinstance(hint, Enumeration):
            return tuple(hint.cls(symbol) for symbol in action.symbols), tuple(indices), None
        return tuple(action.symbols), tuple(indices), dict(zip(action.symbols, indices, strict=True))

    def container(self, action: TakeItems | TakeValues) -> tuple[tuple[type, ...], Callable[[Any], Any] | None]:
        """Return the types that an array or a map is made of, and what is called with it first."""
        hint = self._hints.get(id(action.writer))
        return _container_types(action.writer, hint), classes.checker(hint) if hint is not None else None

    # ---- records -------------------------------------------------------------------------------------------------

    def giving(self, action: TakeFields) -> Giving:
        """Return where a record's fields are."""
        source = action.writer
        hint = self._hints.get(id(source))
        typed = hint if isinstance(hint, RecordHint) and hint.kind != "typeddict" else None
        places = {} if typed is None else classes.offsets_of(typed)
        gives = [
            self._made(action.reader, field)
            if written is None or inner is None
            else self._given(written, field, inner, typed, places)
            for field, written, inner in action.fields
        ]
        used = {written.name for _, written, _ in action.fields if written is not None}
        for field in source.fields:
            if field.name not in used:
                gives.append(self._given(field, field, identity(field.type), typed, places, dropped=True))
        if typed is not None:
            get = "index" if typed.kind == "namedtuple" else "attributes" if None in places.values() else "slots"
            get = get if READS_SLOTS or get != "slots" else "attributes"
            cls = classes.origin(typed)
            return Giving(get, cls, f"a {cls.__qualname__}", tuple(gives), frozenset(), free=False)
        known = {field.name for field in source.fields} | {source.attributes.get("safecodec.tag_field", "")} - {""}
        return Giving("keys", dict, "a record", tuple(gives), frozenset(known), free=hint is None)

    def _given(
        self,
        source: Field,
        target: Field,
        inner: Action,
        typed: RecordHint | None,
        places: dict[str, int | None],
        *,
        dropped: bool = False,
    ) -> Given:
        if typed is not None:
            own = classes.field_of(typed, source.name)
            return Given(source.name, inner, own.name, places[source.name] or 0, dropped=dropped)
        default = None
        if source.default is not ABSENT:
            default = b"" if dropped else _default_bytes(source, target, inner)
        return Given(source.name, _present(source, inner, typed=self._typed), source.name, 0, default, dropped=dropped)

    def _made(self, record: Record, field: Field) -> Given:
        """A field that only the written version has."""
        hint = self._hints.get(id(record))
        if isinstance(hint, RecordHint) and field.default is ABSENT:
            factory = classes.field_of(hint, field.name)
            return Given(field.name, identity(field.type), make=lambda _: classes.made(factory))
        return Given(field.name, None, default=_default_bytes(field, field, identity(field.type)))

    # ---- unions --------------------------------------------------------------------------------------------------

    def choosing(self, action: TakeBranch) -> Choosing:
        """Return how a union's branch is chosen."""
        branches = action.writer.branches
        hints = [self._hints.get(id(branch)) for branch in branches]
        taken = [_types(branch, hint) for branch, hint in zip(branches, hints, strict=True)]
        every = [type_ for types in taken for type_ in types]
        nulls = [at for at, branch in enumerate(branches) if isinstance(branch, Primitive) and branch.kind == "null"]
        named = any(isinstance(branch, (Record, Enum, Fixed)) for branch in branches)
        return Choosing(
            wanted=", ".join(_spelled(branch) for branch in branches),
            types=tuple(
                tuple(type_ for type_ in types if every.count(type_) == 1 or is_duration(branch))  # before an array's
                for branch, types in zip(branches, taken, strict=True)
            ),
            names=tuple(() if self._typed else _names(branch) for branch in branches),
            fits=tuple(_fits(branch, hint) for branch, hint in zip(branches, hints, strict=True)),
            null=nulls[0] if len(branches) == 2 and nulls and (self._typed or not named) else None,
        )


# ---- leaves --------------------------------------------------------------------------------------------------------


def _promoted(
    source: Primitive | Fixed,
    target: Primitive | Fixed,
    op: str,
    count: int,
    check: Callable[[Any], Any] | None,
    wanted: str,
) -> tuple[str, int, Callable[[Any], Any] | None, str]:
    if isinstance(source, Fixed) or isinstance(target, Fixed) or source.kind == target.kind:
        return op, count, check, wanted
    if source.kind == "int" and target.kind == "long":
        return "int", count, check, WANTED["int"]
    return op, count, chained(check, promoter(source, target)), wanted


def promoter(source: Primitive | Fixed, target: Primitive | Fixed) -> Callable[[Any], Any] | None:
    """Return what makes a value of the source's primitive one of the target's, or None where they are one."""
    if isinstance(source, Fixed) or isinstance(target, Fixed) or source.kind == target.kind:
        return None
    return partial(_promote, source, target.kind)


def _promote(source: Primitive, kind: str, value: Any) -> Any:
    if type(value) not in TYPES[source.kind]:
        raise TypeError(f"{WANTED[source.kind]} is expected, this is {type(value).__name__} {short(value)}")
    if kind == "bytes":
        return value.encode()
    if kind == "string":
        return bytes(value).decode()
    if source.kind == "int" and not -(2**31) <= value < 2**31:
        raise ValueError(f"{value} is beyond the range of int")
    if source.kind == "float" and FLOAT_MAX <= abs(value) < math.inf:
        raise ValueError(f"{value} is beyond the range of float")
    return value


# ---- records -------------------------------------------------------------------------------------------------------


def _default_bytes(source: Field, target: Field, inner: Action) -> bytes:
    """What is written for a field's default: it goes the long way, once."""
    value = default_value(source.type, source.default)
    physical = lower(source.type, value, "$", Physical(source.type).branches)
    value = lift(inner, physical, "$", typed=False)
    return avro_bytes(target.type, lower(target.type, value, "$", Physical(target.type).branches))


def _present(source: Field, inner: Action, *, typed: bool) -> Action:
    """How a field that may be missing is written where it is there: None is then a value, if it is one at all."""
    if not source.attributes.get("safecodec.optional"):
        return inner
    assert isinstance(inner, TakeBranch)
    assert isinstance(source.type, Union)
    branch = source.type.branches[1]
    carried = is_carrier(branch)
    return inner.branches[1] if len(inner.branches) == 2 and (typed or carried) else inner


# ---- containers and unions -----------------------------------------------------------------------------------------


def _container_types(node: Array | Map, hint: Any) -> tuple[type, ...]:
    if isinstance(node, Map):
        return (AnyMapping,)
    if not isinstance(hint, Sequence):
        return (list, tuple, set, frozenset)
    return (set, frozenset) if hint.cls in (set, frozenset) else (list, tuple)


def _types(node: Node, hint: Any) -> tuple[type, ...]:
    """The exact types that a branch takes."""
    match node:
        case Primitive() | Fixed():
            if node.logical is None:
                return TYPES["bytes" if isinstance(node, Fixed) else node.kind]
            name = node.logical.name
            if name in TYPES:
                return TYPES[name]
            return (datetime.time,) if name.startswith("time-") else (datetime.datetime,)
        case Enum():
            return (hint.cls,) if isinstance(hint, Enumeration) else (str,)
        case Array():
            return _container_types(node, hint)
        case Map():
            return (dict,)
    return (classes.origin(hint),) if isinstance(hint, RecordHint) and hint.kind != "typeddict" else (dict,)


def _names(node: Node) -> tuple[str, ...]:
    match node:
        case Record() | Enum() | Fixed():
            return node.name, unqualified(node.name)
        case Array() | Map():
            return (type(node).__name__.lower(),)
    return ()


def _spelled(node: Node) -> str:
    return node.name if isinstance(node, (Record, Enum, Fixed)) else spelled(node)


def _fits(node: Node, hint: Any) -> Callable[[Any], bool] | None:
    """What tells whether a branch that holds other values takes a value, without looking into these."""
    match node:
        case Array() | Map():
            types = _container_types(node, hint)
            return lambda value: isinstance(value, types)
        case Record() if isinstance(hint, RecordHint) and hint.kind != "typeddict":
            cls = classes.origin(hint)
            return lambda value: isinstance(value, cls)
        case Record():
            return partial(_record_fits, node)
    return None


def _record_fits(node: Record, value: Any) -> bool:
    needed = {field.name for field in node.fields if field.default is ABSENT}
    if isinstance(value, AnyMapping):
        names = {field.name for field in node.fields} | {node.attributes.get("safecodec.tag_field")}
        return needed <= value.keys() <= names
    return not isinstance(value, PLAIN) and all(hasattr(value, name) for name in needed)
