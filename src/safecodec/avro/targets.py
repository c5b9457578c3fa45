"""What a reader's values are made of: for each node of a resolved tree the Python object that it becomes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from sys import intern
from typing import TYPE_CHECKING, Any, Final

from . import classes
from .hints import NO_DEFAULT, Enumeration, Mapping, RecordHint, Scalar, Sequence
from .lift import needs_taking, taken
from .logical import carried_as, is_carrier
from .nodes import ABSENT, Fixed, Primitive
from .physical import default_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from .nodes import Field, Node
    from .resolve import Take, TakeFields, TakeItems, TakeSymbol, TakeValues
    from .schema import Schema

UNITS: Final = {"millis": 1_000, "micros": 1_000_000, "nanos": 1_000_000_000}
"""Units of a second."""
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
        at: Its offset in bytes, or its index in the tuple or the arguments.
        optional: Whether it is left out where it is None.
    """

    name: str
    at: int = 0
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Filling:
    """A field that the writer does not have, and where its value comes from.

    Args:
        place: Where it goes.
        value: A value that cannot be changed.
        factory: What is called for it each time.
    """

    place: Place
    value: Any = None
    factory: Callable[[], Any] | None = None


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
    """

    how: str
    width: int
    places: dict[str, Place]
    fills: tuple[Filling, ...]
    cls: Any = None
    keywords: tuple[str, ...] | None = None
    then: Callable[[Any], Any] | None = None
    tells: bool = False


class Targets:
    """What the values of a reader's schema become: objects of its type, or dicts and plain values where it has none.

    Args:
        reader: The reader's schema.
    """

    def __init__(self, reader: Schema) -> None:
        self._hints = reader.hints

    # ---- leaves --------------------------------------------------------------------------------------------------

    def leaf(self, action: Take) -> tuple[str, int, Callable[[Any], Any] | None]:
        """Return the name of what a primitive or fixed is read as, its size or unit, and what is called with it."""
        hint = self._hints.get(id(action.reader))
        if hint is not None and is_carrier(action.writer):
            return "bytes", 0, carried_as(hint.source)
        op, count, finish = read_as(action)
        if isinstance(hint, Scalar):
            made = hint.cls if hint.cls in (bytearray, memoryview) else None
            finish = chained(finish, made, classes.checker(hint))
        return op, count, finish

    def symbols(self, action: TakeSymbol) -> tuple[Any, ...]:
        """Return what the writer's symbols become."""
        hint = self._hints.get(id(action.reader))
        if isinstance(hint, Enumeration):
            return tuple(hint.cls(symbol) for symbol in action.symbols.values())
        return tuple(intern(symbol) for symbol in action.symbols.values())

    def container(self, action: TakeItems | TakeValues) -> Callable[[Any], Any] | None:
        """Return what is called with a list or dict to make it another container, or to check it."""
        hint = self._hints.get(id(action.reader))
        if isinstance(hint, Sequence):
            made = None if hint.cls is list else hint.cls
            return chained(made, classes.checker(hint))
        return classes.checker(hint) if isinstance(hint, Mapping) else None

    # ---- records -------------------------------------------------------------------------------------------------

    def making(self, action: TakeFields) -> Making:
        """Return how a record's object is made."""
        hint = self._hints.get(id(action.reader))
        if not isinstance(hint, RecordHint):
            return self._dict(action, None)
        if hint.kind == "typeddict":
            return self._dict(action, hint)
        return self._object(action, hint)

    def _dict(self, action: TakeFields, hint: RecordHint | None) -> Making:
        places, fills = {}, []
        for field, written, _ in action.fields:
            optional = hint is not None and bool(field.attributes.get("safecodec.optional"))
            place = places[field.name] = Place(intern(field.name), optional=optional)
            if written is None and not optional:
                fills.append(self._filling(place, field, hint))
        return Making("dict", len(places), places, tuple(fills))

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
        if hint is None:
            return _filled(place, field.type, field.default)
        own = classes.field_of(hint, field.name)
        if own.factory is not NO_DEFAULT:
            return Filling(place, factory=own.factory)
        return Filling(place, own.default)


def _filled(place: Place, node: Node, default: Any) -> Filling:
    """A schema's own default: shared where it cannot be changed, else made anew each time."""
    value = default_value(node, default)
    if isinstance(value, (list, dict)):
        make = partial(default_value, node, default) if value else type(value)
        return Filling(place, factory=make)
    return Filling(place, value)


# ---- leaves --------------------------------------------------------------------------------------------------------


def read_as(action: Take) -> tuple[str, int, Callable[[Any], Any] | None]:
    """Return the name of what a leaf is read as, its size or its units of a second, and what is called with it."""
    writer, reader = action.writer, action.reader
    op, count = ("fixed", writer.size) if isinstance(writer, Fixed) else (writer.kind, 0)
    if not needs_taking(action):
        return op, count, None
    if writer.logical is None and isinstance(writer, Primitive) and isinstance(reader, Primitive):
        return PROMOTED[writer.kind, reader.kind], 0, str.encode if reader.kind == "bytes" else None
    if writer.logical is not None and reader.logical is not None:
        name, _, unit = writer.logical.name.rpartition("-")
        if name in INSTANTS:
            return INSTANTS[name], UNITS[unit], None
        if unit == "date":
            return "day", 0, None
    return op, count, partial(taken, action)


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
