"""Generated Avro types as JSON, in the spellings that the specification allows, and for engines that know less."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from avro_leaves import Leaf
from avro_types import ABSENT, Type
from avro_values import walk


def to_json(node: Type, keep: Callable[[Leaf], bool] = lambda _: True) -> Any:
    """A type as JSON, with the logical types that `keep` says."""
    return _Speller(keep).spell(node, "")


def default_json(node: Type, value: Any) -> Any:
    """A default as JSON: what is written, with bytes as text of code points 0-255."""

    def leaf(kind: Leaf, one: Any) -> Any:
        lowered = kind.lower(one)
        return lowered.decode("latin-1") if isinstance(lowered, bytes) else lowered

    return walk(node, value, leaf, lambda _, __, inner: inner)


class _Speller:
    def __init__(self, keep: Callable[[Leaf], bool]) -> None:
        self.keep = keep
        self.known: set[str] = set()

    def spell(self, node: Type, space: str) -> Any:
        if node.name:
            return self.named(node, space)
        if node.leaf is not None:
            logical = node.leaf.attributes if self.keep(node.leaf) else {}
            return {"type": node.kind, **logical} if logical or node.style else node.kind
        if node.kind == "union":
            return self.union(node, space)
        return {"type": node.kind, "items" if node.kind == "array" else "values": self.spell(node.parts[0], space)}

    def union(self, node: Type, space: str) -> Any:
        return [self.spell(one, space) for one in node.parts]

    def named(self, node: Type, space: str) -> Any:
        own, _, simple = node.name.rpartition(".")
        if node.name in self.known:
            return simple if own == space and node.style else node.name
        self.known.add(node.name)
        made: dict[str, Any] = {"type": node.kind, "name": node.name if node.style == 1 else simple}
        if own and node.style != 1 and (node.style == 0 or own != space):
            made["namespace"] = own
        if node.aliases:
            made["aliases"] = list(node.aliases)
        if node.kind == "enum":
            made |= {"symbols": list(node.symbols), **({} if node.default is None else {"default": node.default})}
        elif node.leaf is not None:
            made |= {"size": node.leaf.size, **(node.leaf.attributes if self.keep(node.leaf) else {})}
        else:
            made["fields"] = [self.part(one, own) for one in node.fields]
        return made

    def part(self, one: Any, space: str) -> dict[str, Any]:
        made = {"name": one.name, "type": self.spell(one.type, space)}
        if one.aliases:
            made["aliases"] = list(one.aliases)
        if one.default is not ABSENT:
            made["default"] = default_json(one.type, one.default)
        return made


class Wrapped(_Speller):
    """A type without logical types whose unions' branches are records of one field each.

    Such a record adds no byte, and by its field's name every engine finds the branch that is meant.

    Args:
        node: The type.
    """

    def __init__(self, node: Type) -> None:
        super().__init__(lambda _: False)
        self.places: dict[tuple[int, int], str] = {}
        self.node = node
        self.json = self.spell(node, "")

    def union(self, node: Type, space: str) -> Any:
        return [self.branch(node, at, space) for at in range(len(node.parts))]

    def branch(self, node: Type, at: int, space: str) -> Any:
        name = f"b{len(self.places)}"
        full = self.places[id(node), at] = f"{space}.{name}" if space else name
        fields = [{"name": name, "type": self.spell(node.parts[at], space)}]
        return {"type": "record", "name": full, "fields": fields}

    def part(self, one: Any, space: str) -> dict[str, Any]:
        return {"name": one.name, "type": self.spell(one.type, space)}

    def value(self, value: Any, *, named: bool) -> Any:
        """A value of it: a branch by its field alone, or named, as fastavro wants it."""

        def branch(node: Type, at: int, inner: Any) -> Any:
            full = self.places[id(node), at]
            wrapped = {full.rpartition(".")[2]: inner}
            return (full, wrapped) if named else wrapped

        return walk(self.node, value, lambda leaf, one: leaf.lower(one), branch)
