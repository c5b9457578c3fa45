"""Values of generated Avro types, and what becomes of them: what is encoded, what is read back.

A value is a tree like its type: a dict for a record (fields that have a default may be missing), `Branch` for a union,
so that it is known which branch was meant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from avro_leaves import Leaf, Pick, a_text
from avro_types import ABSENT, Branch, Type, nodes

DEEPEST_VALUE = 5


def make_value(pick: Pick, node: Type, depth: int = DEEPEST_VALUE) -> Any:
    """A value of a type; below a depth the smallest, so that recursion ends."""
    if node.leaf is not None:
        return node.leaf.draw(pick)
    if node.kind == "enum":
        return node.symbols[pick(len(node.symbols))]
    if node.kind == "union":
        at = pick(len(node.parts)) if depth > 0 else _smallest(node)
        return Branch(at, make_value(pick, node.parts[at], depth - 1))
    if node.kind == "record":
        return {
            one.name: make_value(pick, one.type, depth - 1)
            for one in node.fields
            if one.default is ABSENT or pick(3) < 2
        }
    count = pick(4) if depth > 0 else 0
    if node.kind == "array":
        return [make_value(pick, node.parts[0], depth - 1) for _ in range(count)]
    return {a_text(pick): make_value(pick, node.parts[0], depth - 1) for _ in range(count)}


def _smallest(union: Type) -> int:
    return min(range(len(union.parts)), key=lambda at: (union.parts[at].kind == "record", union.parts[at].kind))


def default_for(pick: Pick, node: Type) -> Any:
    """A default for a field: of a union's first branch, and a number that JSON has."""
    return _first(make_value(pick, node, 2), node, 0)


def _first(value: Any, node: Type, depth: int) -> Any:
    if node.kind == "union":
        inner = value.value if value.at == 0 else make_value(lambda _: 0, node.parts[0], 0)
        return ABSENT if depth > 6 else _wrap(_first(inner, node.parts[0], depth + 1))
    if node.kind in ("float", "double"):
        return value if abs(value) < 1e300 else 0.5
    if node.kind == "record":
        found = {one.name: _first(value[one.name], one.type, depth + 1) for one in node.fields if one.name in value}
        return ABSENT if ABSENT in found.values() else found
    if node.kind == "array":
        found_items = [_first(one, node.parts[0], depth + 1) for one in value]
        return ABSENT if ABSENT in found_items else found_items
    if node.kind == "map":
        found = {key: _first(one, node.parts[0], depth + 1) for key, one in value.items()}
        return ABSENT if ABSENT in found.values() else found
    return value


def _wrap(value: Any) -> Any:
    return ABSENT if value is ABSENT else Branch(0, value)


def clashes(union: Type, at: int) -> bool:
    """Whether another branch has values of the same class, so that a bare value does not say which it is of."""
    return any(one.python is union.parts[at].python for other, one in enumerate(union.parts) if other != at)


def walk(node: Type, value: Any, leaf: Callable[[Leaf, Any], Any], union: Callable[[Type, int, Any], Any]) -> Any:
    """Rebuild a value: what becomes of leaves and of unions is the caller's; defaults are filled in."""
    if node.leaf is not None:
        return leaf(node.leaf, value)
    if node.kind == "union":
        return union(node, value.at, walk(node.parts[value.at], value.value, leaf, union))
    if node.kind == "record":
        return {one.name: walk(one.type, value.get(one.name, one.default), leaf, union) for one in node.fields}
    if node.kind == "array":
        return [walk(node.parts[0], one, leaf, union) for one in value]
    if node.kind == "map":
        return {key: walk(node.parts[0], one, leaf, union) for key, one in value.items()}
    return value


def plain(node: Type, value: Any, keep: Callable[[Leaf], bool] = lambda _: True) -> Any:
    """What is read back, with the Python values of the logical types that `keep` says."""
    return walk(node, value, lambda leaf, one: one if keep(leaf) else leaf.lower(one), lambda _, __, inner: inner)


def given(node: Type, value: Any) -> Any:
    """What our engine is told to encode: a named branch by its name where bare values would be ambiguous."""
    if node.kind == "union":
        branch, inner = node.parts[value.at], given(node.parts[value.at], value.value)
        return (branch.name, inner) if branch.name and clashes(node, value.at) else inner
    if node.kind == "record":
        return {one.name: given(one.type, value[one.name]) for one in node.fields if one.name in value}
    if node.kind == "array":
        return [given(node.parts[0], one) for one in value]
    if node.kind == "map":
        return {key: given(node.parts[0], one) for key, one in value.items()}
    return value


def certain(node: Type, value: Any) -> bool:
    """Whether a value says which branches are meant: no bare value stands for a branch that shares its class."""
    found = True

    def branch(union: Type, at: int, inner: Any) -> Any:
        nonlocal found
        found = found and bool(union.parts[at].name or not clashes(union, at))
        return inner

    walk(node, value, lambda _, one: one, branch)
    return found


def unambiguous(node: Type) -> bool:
    """Whether bare values always say which branch they are of."""
    unions = [one for one in nodes(node) if one.kind == "union"]
    return not any(clashes(union, at) for union in unions for at in range(len(union.parts)))
