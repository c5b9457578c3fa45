"""What a reader's values are made of: for each node of a resolved tree the Python object that it becomes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from sys import getsizeof, intern
from typing import TYPE_CHECKING, Any, Final

from . import classes
from ._conversions import reading
from ._fresh import Fresh
from .bounds import checker, compiled
from .defaults import default_value
from .hints import NO_DEFAULT, Enumeration, RecordHint, Scalar, Sequence
from .limits import DEFAULT
from .logical import avro_value, python_value
from .nodes import ABSENT, Fixed, Primitive, is_optional
from .resolve import TakeFields, actions

if TYPE_CHECKING:
    from collections.abc import Callable

    from .nodes import Field, Node
    from .resolve import Action, Take, TakeAbsent, TakeItems, TakeSymbol, TakeValues
    from .schema import Schema

UNITS: Final = {"millis": 1_000, "micros": 1_000_000, "nanos": 1_000_000_000}
"""Units of a second."""
UNKNOWN: Final = 256
"""Bytes that count for what a default factory makes of which no more is known."""
INSTANTS: Final = {"timestamp": "instant", "local-timestamp": "local instant"}
PROMOTED: Final = {
    ("int", "long"): "int",
    ("int", "float"): "int as float",
    ("int", "double"): "int as float",
    ("long", "float"): "long as float",
    ("long", "double"): "long as float",
    ("float", "double"): "float",
    ("string", "bytes"): "string",
    ("bytes", "string"): "string",
}
"""What a promoted primitive is read as. Bytes and text have one layout, and text is checked either way."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field goes.

    Args:
        name: Its name in the object, interned.
        at: Its offset in bytes, or its index in the tuple, the arguments or the dict.
    """

    name: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class Filling:
    """A field that the writer does not have, and where its value comes from.

    Args:
        place: Where it goes.
        value: A value that cannot be changed.
        factory: What is called for it each time.
        size: Bytes of memory that count for what it makes.
    """

    place: Place
    value: Any = None
    factory: Callable[[], Any] | None = None
    size: int = 0


@dataclass(frozen=True, slots=True)
class Making:
    """How a record's object is made.

    Args:
        how: ``dict``, ``slots``, ``attributes``, ``tuple`` or ``call``.
        width: How many fields or arguments it has.
        places: By the reader's field names.
        fills: The fields that the writer does not have.
        cls: The class.
        keywords: Names of the class's arguments.
        then: What is called with the object when its fields are in place.
        tells: Whether its class tells the garbage collector of an object when a container is set in it.
        whole: Whether every field is always there.
    """

    how: str
    width: int
    places: dict[str, Place]
    fills: tuple[Filling, ...]
    cls: Any = None
    keywords: tuple[str, ...] | None = None
    then: Callable[[Any], Any] | None = None
    tells: bool = False
    whole: bool = True


class Targets:
    """What the values of a reader's schema become: objects of its type, or dicts and plain values where it has none.

    Args:
        reader: The reader's schema.
        plain: Whether values are checked in Python alone, as the reference engine does.
    """

    def __init__(self, reader: Schema, *, plain: bool = False) -> None:
        self._checker = checker if plain else compiled
        self._hints = reader.hints
        self._digits = reader.limits.digits

    def check(self, root: Action) -> None:
        """Raise what making the values would raise later: for a default that is no value of its logical type.

        Raises:
            SchemaError: There is one.
        """
        if self._hints:
            return  # the classes of a type make its defaults, and a TypedDict has none
        for action in actions(root):
            if isinstance(action, TakeFields):
                for field, written, _ in action.fields:
                    if written is None and not is_optional(field):
                        default_value(field.type, field.default, self._digits)

    # ---- leaves --------------------------------------------------------------------------------------------------

    def leaf(self, action: Take) -> tuple[str, int, Callable[[Any], Any] | None]:
        """Return the name of what a primitive or fixed is read as, its size or unit, and what is called with it."""
        hint = self._hints.get(id(action.reader))
        op, count, finish = read_as(action, self._digits)
        made = hint.cls if isinstance(hint, Scalar) and hint.cls in (bytearray, memoryview) else None
        return op, count, chained(finish, made, self._checker(action.reader))

    def symbols(self, action: TakeSymbol) -> tuple[Any, ...]:
        """Return what the writer's symbols become."""
        hint = self._hints.get(id(action.reader))
        values = dict(zip(action.reader.symbols, action.reader.values, strict=True))
        found = [values[symbol] for symbol in action.symbols.values()]
        if isinstance(hint, Enumeration):
            return tuple(hint.cls(value) for value in found)
        return tuple(intern(value) if type(value) is str else value for value in found)

    def container(self, action: TakeItems | TakeValues) -> Callable[[Any], Any] | None:
        """Return what is called with a list or dict to make it another container, or to check it."""
        hint = self._hints.get(id(action.reader))
        made: Any = None
        if "safecodec.map" in action.reader.attributes:
            made = dict
        elif isinstance(hint, Sequence) and hint.cls is not list:
            made = hint.cls
        return chained(made, self._checker(action.reader))

    # ---- records -------------------------------------------------------------------------------------------------

    def making(self, action: TakeFields) -> Making:
        """Return how a record's object is made."""
        hint = self._hints.get(id(action.reader))
        if "safecodec.tuple" in action.reader.attributes:
            places = {field.name: Place(field.name, at) for at, field in enumerate(action.reader.fields)}
            return Making("tuple", len(places), places, (), tuple)
        if not isinstance(hint, RecordHint) or hint.kind == "typeddict":
            return self._dict(action, hint if isinstance(hint, RecordHint) else None)
        return self._object(action, hint)

    def absent(self, action: TakeAbsent) -> Filling | None:
        """Return the value of a field that the writer left out, or its maker; None where a key is left out, too."""
        hint = self._hints.get(id(action.record))
        as_dict = not isinstance(hint, RecordHint) or hint.kind == "typeddict"
        if as_dict and is_optional(action.field):
            return None
        return self._filling(Place(action.field.name), action.field, hint if isinstance(hint, RecordHint) else None)

    def _dict(self, action: TakeFields, hint: RecordHint | None) -> Making:
        places: dict[str, Place] = {}
        fills = []
        for field, written, _ in action.fields:
            place = places[field.name] = Place(intern(field.name), len(places))
            if written is None and not is_optional(field):
                fills.append(self._filling(place, field, hint))
        whole = not any(is_optional(field) for field, _, _ in action.fields)
        return Making("dict", len(places), places, tuple(fills), whole=whole)

    def _object(self, action: TakeFields, hint: RecordHint) -> Making:
        shape = classes.shape_of(hint)
        places, fills = {}, []
        keywords: list[str] = []
        for field, written, _ in action.fields:
            attribute = shape.fields[field.name]
            at = attribute.offset
            if shape.how == "call":
                if written is None and field.default is ABSENT:
                    continue  # the class fills it
                at = len(keywords)
                keywords.append(attribute.argument)
            place = places[field.name] = Place(intern(attribute.name), at)
            if written is None:
                fills.append(self._filling(place, field, hint))
        width = len(keywords) if shape.how == "call" else len(places)
        names = tuple(keywords) or None
        return Making(shape.how, width, places, tuple(fills), shape.cls, names, shape.then, shape.tells)

    def _filling(self, place: Place, field: Field, hint: RecordHint | None) -> Filling:
        if hint is None or hint.kind == "typeddict":
            return _filled(place, field.type, field.default, self._digits)
        own = hint.field_of(field.name)
        if own.factory is not NO_DEFAULT:
            builtin = any(own.factory is one for one in (list, dict, set, bytearray))
            return Filling(place, factory=own.factory, size=getsizeof(own.factory()) if builtin else UNKNOWN)
        return Filling(place, classes.unset() if is_optional(field) else own.default)


def _filled(place: Place, node: Node, default: Any, digits: int) -> Filling:
    """A schema's own default: shared where it cannot be changed, else made anew each time."""
    value = default_value(node, default, digits)
    if _can_change(value):
        return Filling(place, factory=Fresh(value).make if value else type(value), size=_deep_size(value))
    return Filling(place, value)


def _can_change(value: Any) -> bool:
    """Whether a default is a container that can be changed, or a tuple that holds one."""
    return isinstance(value, (list, dict)) or (isinstance(value, tuple) and any(map(_can_change, value)))


def _deep_size(value: Any) -> int:
    """The bytes of a default with all that it holds."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return getsizeof(value) + sum(map(_deep_size, parts))


# ---- leaves --------------------------------------------------------------------------------------------------------


def read_as(action: Take, digits: int) -> tuple[str, int, Callable[[Any], Any] | None]:
    """Return the name of what a leaf is read as, its size or its units of a second, and what is called with it."""
    writer, reader = action.writer, action.reader
    op, count = ("fixed", writer.size) if isinstance(writer, Fixed) else (writer.kind, 0)
    if writer.logical is None:
        return _plain(action, op, count)
    if reader.logical is None:
        return op, count, partial(_underlying, writer, digits)
    name, _, unit = writer.logical.name.rpartition("-")
    if name in INSTANTS:
        op, count, finish = INSTANTS[name], UNITS[unit], None
    elif unit == "date":
        op, finish = "day", None
    else:
        finish = reading(writer, digits, bound_to(python_value, writer, digits))
    exact = writer.logical == reader.logical and not isinstance(reader, Fixed)
    return op, count, finish if exact else chained(finish, partial(_fitting, reader, digits))


def _plain(action: Take, op: str, count: int) -> tuple[str, int, Callable[[Any], Any] | None]:
    writer, reader = action.writer, action.reader
    if isinstance(reader, Fixed):
        return op, count, None if isinstance(writer, Fixed) else partial(_sized, reader.size)
    if isinstance(writer, Fixed) or writer.kind == reader.kind:
        return op, count, None
    return PROMOTED.get((writer.kind, reader.kind), op), 0, str.encode if reader.kind == "bytes" else None


def bound_to(function: Callable[..., Any], node: Primitive | Fixed, digits: int) -> Callable[[Any], Any]:
    """Return a function of a value alone; the default limit costs no argument.

    Args:
        function: `logical.python_value` or `logical.avro_value`.
        node: The node.
        digits: How many digits a Decimal may have.
    """
    return partial(function, node) if digits == DEFAULT.digits else partial(function, node, digits=digits)


def _underlying(node: Primitive | Fixed, digits: int, value: Any) -> Any:
    """The value below a logical type, which a reader's Avro schema has dropped; checked as the writer's."""
    python_value(node, value, digits)
    return value


def _fitting(node: Primitive | Fixed, digits: int, value: Any) -> Any:
    """A value of another unit, scale or size, if the reader's could be written with it."""
    avro_value(node, value, digits)
    return value


def _sized(size: int, value: bytes) -> bytes:
    if len(value) != size:
        raise ValueError(f"{size} bytes are expected, these are {len(value)}")
    return value


def chained(*steps: Callable[[Any], Any] | None) -> Callable[[Any], Any] | None:
    """Return one function that calls those that are there in order, or None where none is."""
    found = [step for step in steps if step is not None]
    if len(found) < 2:
        return found[0] if found else None

    def call(value: Any) -> Any:
        for step in found:
            value = step(value)
        return value

    return call
