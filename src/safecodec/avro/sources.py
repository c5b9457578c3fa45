"""What values are written from: which Python values each node of a resolved tree takes, and where their parts are."""

from __future__ import annotations

import datetime
import decimal
import math
import uuid
from collections import Counter
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from . import classes
from ._conversions import writing
from ._slots import READS_SLOTS
from .bounds import checker, compiled
from .canonical import unqualified
from .defaults import default_bytes, default_value
from .describing import PLAIN, listed, short
from .floats import FLOAT_MAX, is_exact
from .hints import Enumeration, RecordHint, Sequence
from .logical import CARRIER, OFFSET_TIME, TIMEDELTA, avro_value, carry
from .nodes import ABSENT, Array, Enum, Fixed, Map, Primitive, Record, Union, is_optional
from .resolve import Identity, Refused, TakeAbsent, TakeBranch, TakeFields, actions, filled_by_type, titled
from .targets import INSTANTS, UNITS, bound_to, chained

if TYPE_CHECKING:
    from collections.abc import Callable

    from .nodes import Field, Node
    from .resolve import Action, Take, TakeItems, TakeSymbol, TakeValues
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
    TIMEDELTA: (datetime.timedelta,),
    OFFSET_TIME: (datetime.time,),
    CARRIER: (),
}
"""The exact types of what a primitive or a logical type takes."""


@dataclass(frozen=True, slots=True, eq=False)
class Missing:
    """The bytes, or the value, written for a field that a value does not have: one of the three.

    Args:
        data: Bytes.
        make: What makes a value, for the action.
        action: How that is written; or alone, why nothing is.
    """

    data: bytes | None = None
    make: Callable[[Any], Any] | None = None
    action: Action | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """A field that is written, or only checked.

    Args:
        label: Its name in paths.
        action: How it is written.
        name: The attribute or key that holds it; None where values have none.
        place: Its offset or index.
        missing: What is written where it is missing; None where it never is.
        blank: The value that says that it is missing; None where a key is.
        dropped: Whether it is only checked.
    """

    label: str
    action: Action | None
    name: str | None = None
    place: int = 0
    missing: Missing | None = None
    blank: Any = None
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
        size: How many items a tuple has.
    """

    get: str
    cls: Any
    wanted: str
    gives: tuple[Given, ...]
    known: frozenset[str]
    free: bool
    size: int


@dataclass(frozen=True, slots=True)
class Choosing:
    """How a union's branch is chosen.

    Args:
        wanted: The branches, for errors.
        types: Of each branch the exact types that no other takes.
        names: Of each branch the names that a value can ask for.
        fits: Of each branch that holds other values, what tells whether it takes one; of a float, whether exactly.
        leaves: Of each branch whether it holds no other values.
        null: Which of two branches is null.
    """

    wanted: str
    types: tuple[tuple[type, ...], ...]
    names: tuple[tuple[str, ...], ...]
    fits: tuple[Callable[[Any], bool] | None, ...]
    leaves: tuple[bool, ...]
    null: int | None


class Sources:
    """What the values of a schema are: instances of its type, or dicts and plain values where it has none.

    Args:
        source: The values' schema.
        target: The schema that is written.
        plain: Whether values are checked and converted in Python alone, as the reference engine does.
    """

    def __init__(self, source: Schema, target: Schema, *, plain: bool = False) -> None:
        self.entries: Callable[[Any], list[Any]] = _entries
        """Makes pairs of a dict that is written as an array of them, as one is whose keys are no texts."""
        self._checker = checker if plain else compiled
        self._plain = plain
        self._hints = {**target.hints, **source.hints}
        self._typed = source.type is not None
        self._identity = Identity()
        self._digits = target.limits.digits
        self._longest = target.limits.payload
        self._keys: dict[int, tuple[set[str], set[str | None]]] = {}
        """The keys that a dict needs and may have to be of a record, by its id: many unions have the same."""

    # ---- leaves --------------------------------------------------------------------------------------------------

    def leaf(self, action: Take) -> tuple[str, int, Callable[[Any], Any] | None, str]:
        """Return what a primitive or fixed is written as, its size or unit, what is called first, what is wanted."""
        source, target = action.writer, action.reader
        op, count = ("fixed", target.size) if isinstance(target, Fixed) else (target.kind, 0)
        wanted = f"{target.size} bytes" if isinstance(target, Fixed) else WANTED[target.kind]
        own, theirs = self._checker(source), self._checker(target) if target is not source else None
        if source.logical is None:
            return _promoted(source, target, op, count, (own, theirs), wanted)
        check = chained(own, theirs)
        if target.logical is None:  # dropped: what lies beneath is written
            return op, count, chained(check, self._avro(source)), wanted
        name, _, unit = target.logical.name.rpartition("-")
        convert = self._avro(target)
        if check is None and name in INSTANTS:
            return INSTANTS[name], UNITS[unit], convert, wanted
        if check is None and unit == "date":
            return "day", 0, convert, wanted
        return op, count, chained(check, convert), wanted

    def _avro(self, node: Primitive | Fixed) -> Callable[[Any], Any]:
        """Return what makes an Avro value of a logical type's."""
        if node.logical is not None and node.logical.name == CARRIER:
            return partial(carry, longest=self._longest)
        slow = bound_to(avro_value, node, self._digits)
        return slow if self._plain else writing(node, self._digits, slow)

    def symbols(self, action: TakeSymbol) -> tuple[tuple[Any, ...], tuple[int, ...], dict[str, int] | None]:
        """Return an enum's values, the index that is written for each, and these by their text where they are texts."""
        hint = self._hints.get(id(action.writer))
        values = dict(zip(action.writer.symbols, action.writer.values, strict=True))
        indices = [action.reader.places[symbol] for symbol in action.symbols.values()]
        found = [values[symbol] for symbol in action.symbols]
        if isinstance(hint, Enumeration):
            return tuple(hint.cls(value) for value in found), tuple(indices), None
        texts = {value: index for value, index in zip(found, indices, strict=True) if type(value) is str}
        return tuple(found), tuple(indices), texts

    def container(self, action: TakeItems | TakeValues) -> tuple[tuple[type, ...], Callable[[Any], Any] | None]:
        """Return the types that an array or a map is made of, and what is called with it first."""
        source, target = action.writer, action.reader
        mine, theirs = self._checker(source), self._checker(target) if target is not source else None
        if _is_set(target) and not _is_set(source):
            return (set, list, tuple), chained(mine, _as_set, theirs)
        check = chained(mine, theirs)
        if "safecodec.map" in source.attributes:
            return (list,), chained(check, self.entries)
        return _container_types(source, self._hints.get(id(source))), check

    # ---- records -------------------------------------------------------------------------------------------------

    def giving(self, action: TakeFields) -> Giving:
        """Return where a record's fields are."""
        source = action.writer
        hint = self._hints.get(id(source))
        typed = hint if isinstance(hint, RecordHint) and hint.kind != "typeddict" else None
        tuple_ = "safecodec.tuple" in source.attributes
        places: dict[str, int | None] = {} if typed is None else classes.offsets_of(typed)
        if tuple_:
            places = {field.name: at for at, field in enumerate(source.fields)}
        gives = [
            self._made(action.reader, field, inner)
            if written is None or inner is None
            else self._given(written, field, inner, typed, places)
            for field, written, inner in action.fields
        ]
        used = {written.name for _, written, _ in action.fields if written is not None}
        for field in source.fields:
            if field.name not in used:
                gives.append(self._given(field, field, self._identity.of(field.type), typed, places, dropped=True))
        size = len(source.fields)
        if tuple_:
            return Giving("index", tuple, f"a tuple of {size} items", tuple(gives), frozenset(), free=False, size=size)
        if typed is not None:
            get = "index" if typed.kind == "namedtuple" else "attributes" if None in places.values() else "slots"
            get = get if READS_SLOTS or get != "slots" else "attributes"
            cls = classes.origin(typed)
            return Giving(get, cls, f"a {cls.__qualname__}", tuple(gives), frozenset(), free=False, size=size)
        known = {field.name for field in source.fields} | {source.attributes.get("safecodec.tag_field", "")} - {""}
        return Giving("keys", dict, "a record", tuple(gives), frozenset(known), free=hint is None, size=size)

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
        name, place, missing, blank = source.name, places.get(source.name) or 0, None, None
        if typed is not None:
            name = typed.field_of(source.name).name
            blank = classes.unset() if is_optional(source) else None
        if is_optional(source):
            assert isinstance(source.type, Union)
            assert isinstance(inner, TakeBranch)
            missing = Missing(b"") if dropped else self._left_out(target, inner.branches[0])
            rest = inner.branches[1:]
            inner = rest[0] if len(rest) == 1 else TakeBranch(Union(source.type.branches[1:]), rest)
        elif source.default is not ABSENT and typed is None:
            missing = Missing(b"") if dropped else self._default(source, target, inner)
        return Given(source.name, inner, name, place, missing, blank, dropped)

    def _left_out(self, target: Field, absent: Action) -> Missing:
        """Return the form of a missing field: the written version's missing one, or its default."""
        if isinstance(absent, Refused):
            return Missing(action=absent)
        if is_optional(target):
            return Missing(b"\0")
        assert isinstance(absent, TakeAbsent)
        return self._defaulted(absent.record, target)

    def _made(self, record: Record, field: Field, refused: Action | None) -> Given:
        """A field that only the written version has."""
        if refused is not None:
            return Given(field.name, None, missing=Missing(action=refused))
        if is_optional(field):
            return Given(field.name, None, missing=Missing(b"\0"))
        return Given(field.name, None, missing=self._defaulted(record, field))

    def _defaulted(self, record: Record, field: Field) -> Missing:
        hint = self._hints.get(id(record))
        if isinstance(hint, RecordHint) and filled_by_type(field):
            own = hint.field_of(field.name)
            return Missing(make=lambda _: classes.made(own), action=self._identity.of(field.type))
        if filled_by_type(field):
            reason = f"only the class of the written version makes the default of the field {field.name!r}"
            return Missing(action=Refused(None, reason, "$"))
        return Missing(default_bytes(field.type, field.default))

    def check(self, root: Action) -> None:
        """Raise what writing dicts would raise later: for a default that is no value of its logical type.

        Raises:
            SchemaError: There is one.
        """
        for action in actions(root):
            if isinstance(action, TakeFields):
                for field, written, inner in action.fields:
                    if written is not None and inner is not None and not is_optional(written):
                        self._check_default(written, field)

    def _check_default(self, source: Field, target: Field) -> None:
        if source.default is not ABSENT and source is not target:
            default_value(source.type, source.default, self._digits)

    def _default(self, source: Field, target: Field, inner: Action) -> Missing:
        """Return the form of the default of a key that is missing."""
        if source is target:
            return Missing(default_bytes(target.type, source.default))
        value = default_value(source.type, source.default, self._digits)  # the encoder only reads it
        return Missing(make=lambda _: value, action=inner)

    # ---- unions --------------------------------------------------------------------------------------------------

    def choosing(self, action: TakeBranch) -> Choosing:
        """Return how a union's branch is chosen."""
        branches = action.writer.branches
        hints = [self._hints.get(id(branch)) for branch in branches]
        taken = [_types(branch, hint) for branch, hint in zip(branches, hints, strict=True)]
        every = Counter(type_ for types in taken for type_ in types)
        nulls = [at for at, branch in enumerate(branches) if isinstance(branch, Primitive) and branch.kind == "null"]
        return Choosing(
            wanted=listed(titled(branch) for branch in branches),
            types=tuple(
                tuple(type_ for type_ in types if every[type_] == 1 or is_duration(branch))  # before an array's
                for branch, types in zip(branches, taken, strict=True)
            ),
            names=tuple(() if self._typed else _names(branch) for branch in branches),
            fits=tuple(
                _fits(branch, hint, branches, self._keys, typed=self._typed)
                for branch, hint in zip(branches, hints, strict=True)
            ),
            leaves=tuple(isinstance(branch, (Primitive, Fixed, Enum)) for branch in branches),
            null=nulls[0] if len(branches) == 2 and nulls else None,
        )


# ---- leaves --------------------------------------------------------------------------------------------------------


def _promoted(
    source: Primitive | Fixed,
    target: Primitive | Fixed,
    op: str,
    count: int,
    checks: tuple[Callable[[Any], Any] | None, Callable[[Any], Any] | None],
    wanted: str,
) -> tuple[str, int, Callable[[Any], Any] | None, str]:
    if isinstance(source, Fixed) or isinstance(target, Fixed) or source.kind == target.kind:
        return op, count, chained(*checks), wanted
    if source.kind == "int" and target.kind == "long":
        return "int", count, chained(*checks), WANTED["int"]
    return op, count, chained(checks[0], partial(_promote, source.kind, target.kind), checks[1]), wanted


def _promote(source: str, target: str, value: Any) -> Any:
    """A value of one primitive as a value of another, exactly."""
    if type(value) not in TYPES[source] and not (source in ("float", "double") and type(value) is int):
        raise TypeError(f"{WANTED[source]} is expected, this is {type(value).__name__} {short(value)}")
    if target == "bytes":
        return value.encode()
    if target == "string":
        return bytes(value).decode()
    if target in ("int", "long"):
        bits = 31 if "int" in (source, target) else 63
        if value != value or value in (math.inf, -math.inf) or value != int(value):
            raise ValueError(f"{short(value)} is no whole number, which the written version holds ({target})")
        if not -(2**bits) <= value < 2**bits:
            raise ValueError(f"{short(value)} is beyond the range of {'int' if bits == 31 else 'long'}")
        return int(value)
    if source == "int" and not -(2**31) <= value < 2**31:
        raise ValueError(f"{short(value)} is beyond the range of int")
    if source == "float" and FLOAT_MAX <= abs(value) < math.inf:
        raise ValueError(f"{short(value)} is beyond the range of float")
    if not is_exact(target, value):
        raise ValueError(f"{short(value)} has no exact {target}")
    return float(value)


# ---- containers and unions -----------------------------------------------------------------------------------------


def _is_set(node: Array | Map) -> bool:
    return "safecodec.collection" in node.attributes


def _as_set(value: Any) -> Any:
    """The items of a list for a version that has a set: a reader of that keeps one of equal items."""
    if not isinstance(value, (list, tuple, set, frozenset)):
        raise TypeError(f"an array is expected, this is {type(value).__name__} {short(value)}")
    try:
        return set(value)
    except TypeError:  # lists in it, which the version has as tuples
        return value


def _is_mapping(value: Any) -> bool:
    """Tell whether a value has a mapping's methods, whatever it says of its class."""
    return issubclass(type(value), AnyMapping)


def _entries(value: Any) -> list[Any]:
    if not _is_mapping(value):
        raise TypeError(f"a dict is expected, this is {type(value).__name__} {short(value)}")
    return list(value.items())


def _container_types(node: Array | Map, hint: Any) -> tuple[type, ...]:
    if isinstance(node, Map) or "safecodec.map" in node.attributes:
        return (AnyMapping,)
    if not isinstance(hint, Sequence):
        return (list, tuple, set, frozenset)
    return (set, frozenset) if hint.cls in (set, frozenset) else (list, tuple)


def is_duration(node: Node) -> bool:
    """Tell whether a node is a duration, three numbers in a tuple."""
    return isinstance(node, Fixed) and node.logical is not None and node.logical.name == "duration"


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
            return (hint.cls,) if isinstance(hint, Enumeration) else tuple(node.kinds)
        case Array() | Map():
            types = _container_types(node, hint)
            return (dict,) if types == (AnyMapping,) else types
        case Record() if "safecodec.tuple" in node.attributes:
            return (tuple,)
    return (classes.origin(hint),) if isinstance(hint, RecordHint) and hint.kind != "typeddict" else (dict,)


def _names(node: Node) -> tuple[str, ...]:
    match node:
        case Record() | Enum() | Fixed():
            return node.name, unqualified(node.name)
        case Primitive() if node.logical is not None:
            return node.kind, node.logical.name
        case Primitive():
            return (node.kind,)
    return (type(node).__name__.lower(),)


def _fits(
    node: Node,
    hint: Any,
    beside: tuple[Node, ...],
    keys: dict[int, tuple[set[str], set[str | None]]],
    *,
    typed: bool,
) -> Callable[[Any], bool] | None:
    """Return a test whether a branch takes a value, which does not look into it; None for a leaf, which is tried."""
    match node:
        case Primitive(kind="float" | "double", logical=None):
            whole = typed and any(_holds_whole(one) for one in beside)
            return partial(_fits_float, node.kind, (float,) if whole else (float, int))
        case Array() | Map():
            types = _container_types(node, hint)
            return lambda value: isinstance(value, types)
        case Record() if "safecodec.tuple" in node.attributes:
            return lambda value: isinstance(value, tuple)
        case Record() if isinstance(hint, RecordHint) and hint.kind != "typeddict":
            cls = classes.origin(hint)
            return lambda value: isinstance(value, cls)
        case Record():
            tag_field, tag = node.attributes.get("safecodec.tag_field"), node.attributes.get("safecodec.tag")
            if id(node) not in keys:
                needed = {field.name for field in node.fields if field.default is ABSENT}
                keys[id(node)] = needed, {field.name for field in node.fields} | {tag_field}
            return partial(_record_fits, *keys[id(node)], tag_field, tag)
    return None


def _holds_whole(node: Node) -> bool:
    """Tell whether a branch is of whole numbers, which then are no values of a float beside it."""
    if isinstance(node, Enum):
        return int in node.kinds
    return isinstance(node, Primitive) and node.kind in ("int", "long") and node.logical is None


def _fits_float(kind: str, types: tuple[type, ...], value: Any) -> bool:
    return type(value) in types and is_exact(kind, value)


def _record_fits(needed: set[str], names: set[str | None], tag_field: str | None, tag: Any, value: Any) -> bool:
    if _is_mapping(value):
        return bool(needed <= value.keys() <= names and value.get(tag_field, tag) == tag)
    return not isinstance(value, PLAIN) and all(hasattr(value, name) for name in needed)
