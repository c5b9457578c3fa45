"""The schema model: what an Avro schema means once it is parsed or derived, as a tree of nodes.

Nodes are built once and not changed afterwards; a recursive schema is a cyclic tree, so nodes compare by
identity. Terms are those of the Avro 1.12 specification.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Part = TypeVar("Part")

PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})


class _Absent:
    """The type of `ABSENT`."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
"""Stands where a field or an enum has no default (None is a default: Avro's null)."""


@dataclass(frozen=True, slots=True)
class Logical:
    """A logical type on a node.

    Args:
        name: Its name, such as ``timestamp-micros``.
        precision: Digits of a decimal.
        scale: Digits of a decimal behind the point.
    """

    name: str
    precision: int | None = None
    scale: int = 0


@dataclass(slots=True, eq=False)
class Primitive:
    """One of `PRIMITIVES`."""

    kind: str
    logical: Logical | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    """Attributes whose names begin with ``safecodec.``: what a Python type says and Avro has no word for."""


@dataclass(slots=True, eq=False)
class Array:
    """A sequence of items of one type."""

    items: Node
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Map:
    """String keys to values of one type."""

    values: Node
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Union:
    """One of several types; no two of the same unnamed kind, no union directly inside."""

    branches: tuple[Node, ...]


@dataclass(slots=True, eq=False)
class Enum:
    """One of several symbols."""

    name: str
    """Full name, with the namespace."""
    symbols: tuple[str, ...]
    default: str | _Absent = ABSENT
    aliases: tuple[str, ...] = ()
    """Full names."""
    attributes: dict[str, Any] = field(default_factory=dict)
    _found: dict[str, Any] = field(default_factory=dict, init=False, repr=False)
    """Tables made of the symbols when they are first asked for."""

    @property
    def values(self) -> tuple[Any, ...]:
        """The value of each symbol: the symbol itself, unless a Python type has other texts or whole numbers."""
        if "values" not in self._found:
            self._found["values"] = tuple(self.attributes.get("safecodec.values", self.symbols))
        values: tuple[Any, ...] = self._found["values"]
        return values

    @property
    def places(self) -> dict[str, int]:
        """The index of each symbol."""
        if "places" not in self._found:
            self._found["places"] = {symbol: at for at, symbol in enumerate(self.symbols)}
        places: dict[str, int] = self._found["places"]
        return places

    @property
    def kinds(self) -> frozenset[type]:
        """The types of the values."""
        if "kinds" not in self._found:
            self._found["kinds"] = frozenset(map(type, self.values))
        kinds: frozenset[type] = self._found["kinds"]
        return kinds

    def place_of(self, value: Any) -> int | None:
        """Return the index of a value of exactly its type, or None where the enum does not have it."""
        if "by_value" not in self._found:
            self._found["by_value"] = {(type(one), one): at for at, one in enumerate(self.values)}
        if type(value) not in self.kinds:
            return None
        place: int | None = self._found["by_value"].get((type(value), value))
        return place


@dataclass(slots=True, eq=False)
class Fixed:
    """A given number of bytes."""

    name: str
    size: int
    logical: Logical | None = None
    aliases: tuple[str, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Field:
    """A field of a record."""

    name: str
    type: Node
    default: Any = ABSENT
    """In Avro's JSON encoding for defaults (bytes as a str of code points 0-255), or `ABSENT`."""
    aliases: tuple[str, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Record:
    """Named fields in order. ``fields`` is filled after the record is created, so that it may hold itself."""

    name: str
    fields: tuple[Field, ...] = ()
    aliases: tuple[str, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)


def once(root: Part, parts: Callable[[Part], tuple[Part, ...]]) -> Iterator[Part]:
    """Yield everything in a tree once, parents first and in order, whether or not it holds itself.

    Args:
        root: Where it begins.
        parts: Tells what a part holds.
    """
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        one = waiting.pop()
        if id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += reversed(parts(one))


def is_optional(one: Field) -> bool:
    """Tell whether a field may be missing: then branch 0 of its union says that it is."""
    return "safecodec.optional" in one.attributes


Node: TypeAlias = Primitive | Array | Map | Union | Enum | Fixed | Record
Named: TypeAlias = Enum | Fixed | Record
