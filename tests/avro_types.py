"""Avro types as a tree: what the tests generate, spell as JSON, change and hand to every engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from avro_leaves import PRIMITIVES, Leaf


class Absent:
    """The type of `ABSENT`: no default."""


ABSENT = Absent()


@dataclass(frozen=True)
class Branch:
    """A union's value."""

    at: int
    value: Any


@dataclass(eq=False)
class Part:
    """A record's field; its default is a value of its type."""

    name: str
    type: Type
    default: Any = ABSENT
    aliases: list[str] = field(default_factory=list)


@dataclass(eq=False, repr=False)
class Type:
    """A schema's node; records may hold themselves.

    Args:
        kind: ``array``, ``map``, ``union``, ``record``, ``enum``, ``fixed`` or a primitive.
        leaf: What a primitive or fixed is.
        parts: Items, values or branches.
        style: Which of the spellings in JSON.
    """

    kind: str
    leaf: Leaf | None = None
    parts: list[Type] = field(default_factory=list)
    name: str = ""
    fields: list[Part] = field(default_factory=list)
    symbols: list[str] = field(default_factory=list)
    default: str | None = None
    aliases: list[str] = field(default_factory=list)
    style: int = 0

    def __repr__(self) -> str:
        from avro_json import to_json  # which needs this module

        return f"Type({to_json(self)})"

    @property
    def python(self) -> type:
        """The class of its plain values."""
        if self.leaf is not None:
            return self.leaf.python
        return {"array": list, "map": dict, "record": dict, "enum": str}[self.kind]


def primitive(name: str) -> Type:
    """A primitive without a logical type."""
    return Type(name, PRIMITIVES[name])


def label(node: Type) -> str:
    """What a union has once."""
    return node.name or node.kind


def nodes(node: Type) -> list[Type]:
    """A type and all types in it, once each."""
    found: dict[int, Type] = {}
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if id(one) not in found:
            found[id(one)] = one
            waiting += [*(part.type for part in reversed(one.fields)), *reversed(one.parts)]
    return list(found.values())
