"""The schema model: what an Avro schema means once it is parsed or derived, as a tree of nodes.

Nodes are built once and not changed afterwards; a recursive schema is a cyclic tree, so nodes compare by
identity. Terms are those of the Avro 1.12 specification.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

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

    @property
    def values(self) -> tuple[Any, ...]:
        """The value of each symbol: the symbol itself, unless a Python type has other texts or whole numbers."""
        return tuple(self.attributes.get("safecodec.values", self.symbols))


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


def is_optional(one: Field) -> bool:
    """Tell whether a field may be missing: then branch 0 of its union says that it is."""
    return "safecodec.optional" in one.attributes


Node: TypeAlias = Primitive | Array | Map | Union | Enum | Fixed | Record
Named: TypeAlias = Enum | Fixed | Record
