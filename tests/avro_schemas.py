"""Avro schemas made by choices, Hypothesis's or those of any bytes, and the strategies of schemas and values."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from avro_leaves import FIXED, LOGICAL, PRIMITIVES, Pick
from avro_types import ABSENT, Part, Type, label, nodes, primitive
from avro_values import default_for, make_value

MOST_TYPES = 20
DEEPEST = 3
SYMBOLS = ("A", "B", "C", "dark_red", "E5")
NAMESPACES = ("a", "a.b", "other")


class Maker:
    """Makes types by choices.

    Args:
        pick: Makes the choices.
    """

    def __init__(self, pick: Pick) -> None:
        self.pick = pick
        self.spaces = ("",) if pick(2) else NAMESPACES
        self.made: list[Type] = []
        self.open: list[Type] = []
        self.left = MOST_TYPES
        self.names = 0

    def name(self, start: str) -> str:
        """A new full name."""
        self.names += 1
        space = self.spaces[self.pick(len(self.spaces))]
        return f"{space}.{start}{self.names}" if space else f"{start}{self.names}"

    def schema(self) -> Type:
        """A whole schema, in most cases of a record."""
        return self.record(DEEPEST) if self.pick(4) else self.type(DEEPEST)

    def type(self, depth: int) -> Type:
        """A type."""
        self.left -= 1
        if depth == 0 or self.left <= 0:
            return self.small()
        choice = self.pick(16)
        if choice < 5:
            return self.small()
        if choice < 9:
            return Type(("array", "map")[choice % 2], parts=[self.around(depth)])
        if choice < 12:
            return self.union(depth)
        if choice == 12 and self.made:
            return self.made[self.pick(len(self.made))]
        return self.record(depth)

    def small(self) -> Type:
        """A type without parts."""
        choice = self.pick(20)
        if choice < 8:
            name = tuple(PRIMITIVES)[choice]
            return Type(name, PRIMITIVES[name], style=self.pick(2))
        if choice < 15:
            leaf = LOGICAL[self.pick(len(LOGICAL))]
            return Type(leaf.kind, leaf)
        return self.named_leaf()

    def named_leaf(self) -> Type:
        """An enum or a fixed."""
        made = Type("fixed", FIXED[self.pick(len(FIXED))], name=self.name("F"), style=self.pick(3))
        if self.pick(2):
            made = Type("enum", name=self.name("E"), symbols=list(SYMBOLS[: self.pick(5) + 1]), style=self.pick(3))
            made.default = made.symbols[self.pick(len(made.symbols))] if self.pick(2) else None
        self.made.append(made)
        return made

    def around(self, depth: int) -> Type:
        """What is inside a collection or a union, where a record may hold itself."""
        if self.open and self.pick(4) == 3:
            return self.open[self.pick(len(self.open))]
        return self.type(depth - 1)

    def union(self, depth: int) -> Type:
        """A union of what may stand in one."""
        branches: list[Type] = [primitive("null")] if self.pick(2) else []
        for _ in range(self.pick(4) + (not branches)):
            one = self.around(depth)
            if one.kind != "union" and all(label(one) != label(other) for other in branches):
                branches.append(one)
        if self.pick(2):
            branches.reverse()
        made = Type("union", parts=branches or [primitive("null")])
        return made if _ends(made, self.open) else Type("union", parts=[primitive("null"), *made.parts])

    def record(self, depth: int) -> Type:
        """A record."""
        made = Type("record", name=self.name("R"), style=self.pick(3))
        self.open.append(made)
        for at in range(self.pick(6)):
            made.fields.append(self.part(f"f{at}", depth))
        self.open.pop()
        self.made.append(made)
        return made

    def part(self, name: str, depth: int) -> Part:
        """A field."""
        made = Part(name, self.type(depth - 1))
        if self.pick(3) == 2:
            made.aliases = [f"was_{name}"]
        if self.pick(3) == 2 and not _holds(made.type, self.open):
            made.default = default_for(self.pick, made.type)
        return made


def _ends(union: Type, unfinished: list[Type]) -> bool:
    """Whether values of a union end: it has a branch that is no record, or none of its records is unfinished."""
    return any(one.kind != "record" for one in union.parts) or not any(one in unfinished for one in union.parts)


def _holds(node: Type, wanted: list[Type]) -> bool:
    return bool(wanted) and any(one in wanted for one in nodes(node))


# ---- strategies --------------------------------------------------------------------------------------------------


def picker(draw: Callable[[st.SearchStrategy[int]], int]) -> Pick:
    """Hypothesis's choices."""
    return lambda count: draw(st.integers(0, count - 1))


@st.composite
def types(draw: st.DrawFn) -> Type:
    """A schema; `avro_json.to_json` spells it."""
    return Maker(picker(draw)).schema()


@st.composite
def values(draw: st.DrawFn, node: Type) -> Any:
    """A value of a schema."""
    return make_value(picker(draw), node)


def duplicate(node: Type) -> Type:
    """A copy of a type, to be changed."""
    return copy.deepcopy(node, {id(ABSENT): ABSENT})
