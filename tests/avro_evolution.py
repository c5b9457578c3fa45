"""Writer and reader schemas that differ by a few steps, legal and illegal ones."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from avro_leaves import FIXED, LOGICAL, PRIMITIVES, Leaf, Pick, decimals, fixed
from avro_oracle import read, write
from avro_schemas import NAMESPACES, SYMBOLS, Maker, duplicate, picker
from avro_types import ABSENT, Branch, Part, Type, label, nodes, primitive
from avro_values import default_for, plain
from shapes import same

Step = Callable[[Maker, Type], None]


def evolved(pick: Pick, node: Type, steps: int) -> Type:
    """A copy of a schema, after some steps at some places."""
    found = duplicate(node)
    maker = Maker(pick)
    named = [one.name for one in nodes(node) if one.name]
    if named:
        maker.spaces = NAMESPACES if any("." in name for name in named) else ("",)
    maker.names = 1000
    for _ in range(steps):
        places = nodes(found)
        place = places[pick(len(places))]
        choices = STEPS.get(place.kind, STEPS["leaf"])
        choices[pick(len(choices))](maker, place)
        _repair(maker, found)
    return found


def pair(pick: Pick) -> tuple[Type, Type]:
    """A writer's schema and a reader's."""
    one = Maker(pick).schema()
    other = evolved(pick, one, pick(4) + 1)
    return (other, one) if pick(2) else (one, other)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Type, Type]:
    """A writer's schema and a reader's."""
    return pair(picker(draw))


def fresh(maker: Maker) -> Type:
    """A small new type; its names are taken by no other."""
    maker.left, maker.made = 3, []
    return maker.type(1)


def _repair(maker: Maker, node: Type) -> None:
    """Make a schema of it again: no unions in unions, nothing twice in them, and defaults that fit."""
    for one in nodes(node):
        if one.kind == "union":
            flat = [inner for part in one.parts for inner in (part.parts if part.kind == "union" else [part])]
            one.parts = list({label(part): part for part in reversed(flat)}.values())[::-1]
    for one in nodes(node):
        for part in one.fields:
            if part.default is not ABSENT and not _fits(part.type, part.default):
                part.default = ABSENT if one in nodes(part.type) else default_for(maker.pick, part.type)


def _fits(node: Type, value: Any) -> bool:
    """Whether a value that was made for another type is a default of this one."""
    if node.leaf is not None:
        return type(value) is node.leaf.python and _has_bytes(node, value)
    match node.kind:
        case "enum":
            return value in node.symbols
        case "union":
            return isinstance(value, Branch) and value.at == 0 and _fits(node.parts[0], value.value)
        case "array":
            return isinstance(value, list) and all(_fits(node.parts[0], one) for one in value)
        case "map":
            return isinstance(value, dict) and all(_fits(node.parts[0], one) for one in value.values())
    return (
        isinstance(value, dict)
        and value.keys() <= {one.name for one in node.fields}
        and all(_fits(one.type, value.get(one.name, one.default)) for one in node.fields)
    )


def _has_bytes(node: Type, value: Any) -> bool:
    try:
        return same(plain(node, read(node, write(node, value))), value)
    except (ValueError, OverflowError, struct.error, AttributeError):
        return False


def _become(node: Type, other: Type) -> None:
    node.__dict__.update(other.__dict__)


# ---- records -----------------------------------------------------------------------------------------------------


def _add_field(maker: Maker, node: Type) -> None:
    part = Part(f"new{len(node.fields)}", fresh(maker))
    if all(one.name != part.name for one in node.fields):
        part.default = default_for(maker.pick, part.type) if maker.pick(4) else ABSENT
        node.fields.insert(maker.pick(len(node.fields) + 1), part)


def _remove_field(maker: Maker, node: Type) -> None:
    if node.fields:
        node.fields.pop(maker.pick(len(node.fields)))


def _reorder(maker: Maker, node: Type) -> None:
    if node.fields:
        node.fields.append(node.fields.pop(maker.pick(len(node.fields))))


def _rename_field(maker: Maker, node: Type) -> None:
    if node.fields:
        part = node.fields[maker.pick(len(node.fields))]
        if maker.pick(4):
            part.aliases = [*part.aliases, part.name]
        part.name = f"{part.name}x"


def _rename(maker: Maker, node: Type) -> None:
    if node.name.startswith("moved."):
        return  # its alias would name a type that never was
    if maker.pick(4):
        node.aliases = [*node.aliases, node.name]
    node.name = f"{node.name}x"


def _move(_: Maker, node: Type) -> None:
    if node.aliases:
        return
    node.name = f"moved.{node.name.rpartition('.')[2]}" if "." in node.name else node.name


# ---- the rest ----------------------------------------------------------------------------------------------------


def _promote(maker: Maker, node: Type) -> None:
    up = {"int": "long", "long": "double", "float": "double", "string": "bytes", "bytes": "string"}
    _become(node, primitive(up.get(node.kind, "int")) if maker.pick(4) else primitive(tuple(PRIMITIVES)[maker.pick(8)]))


def _fixed_or_promote(maker: Maker, node: Type) -> None:
    if node.kind == "fixed" and not maker.pick(4):
        _become(node, primitive(("bytes", "string")[maker.pick(2)]))
    elif node.kind == "fixed":
        assert node.leaf is not None
        node.leaf = fixed(node.leaf.size) if maker.pick(2) else FIXED[maker.pick(len(FIXED))]
    else:
        _promote(maker, node)


def _change_logical(maker: Maker, node: Type) -> None:
    leaf = node.leaf
    assert leaf is not None
    if leaf.logical == "decimal":
        precision, scale = leaf.attributes["precision"], leaf.attributes.get("scale", 0)
        less = max(precision - maker.pick(2), 1)
        node.leaf = decimals(less, min(scale, less), leaf.size) if leaf.size else _wider(maker, leaf)
    elif node.kind != "fixed":
        others = [PRIMITIVES[node.kind], *(one for one in LOGICAL if one.kind == node.kind)]
        node.leaf = others[maker.pick(len(others))]


def _wider(maker: Maker, leaf: Leaf) -> Leaf:
    precision, scale = leaf.attributes["precision"], leaf.attributes.get("scale", 0)
    return decimals(precision + maker.pick(3), scale if maker.pick(3) else min(scale + 1, precision))


def _into_union(maker: Maker, node: Type) -> None:
    if node.name:
        return  # others may hold it, and no union may stand in theirs
    inner = Type("", style=node.style)
    _become(inner, node)
    other = [primitive("null")] if node.kind != "null" else []
    parts = [inner, *other] if maker.pick(2) else [*other, inner]
    _become(node, Type("union", parts=parts))


def _widen(maker: Maker, node: Type) -> None:
    new = fresh(maker)
    if new.kind != "union" and all(label(one) != label(new) for one in node.parts):
        node.parts.insert(maker.pick(len(node.parts) + 1), new)


def _narrow(maker: Maker, node: Type) -> None:
    gone = maker.pick(len(node.parts))
    rest = [one for at, one in enumerate(node.parts) if at != gone]
    if any(one.kind != "record" for one in rest):  # else there may be no value that ends
        node.parts = rest


def _turn(maker: Maker, node: Type) -> None:
    node.parts.append(node.parts.pop(maker.pick(len(node.parts))))


def _unwrap(maker: Maker, node: Type) -> None:
    one = node.parts[maker.pick(len(node.parts))]
    if not one.name:
        _become(node, one)


def _more_symbols(maker: Maker, node: Type) -> None:
    node.symbols = list(SYMBOLS[: maker.pick(5) + 1])
    if node.default is not None:
        node.default = node.symbols[0]


def _turn_symbols(maker: Maker, node: Type) -> None:
    node.symbols = node.symbols[::-1]
    node.default = node.symbols[maker.pick(len(node.symbols))] if maker.pick(2) else None


STEPS: dict[str, tuple[Step, ...]] = {
    "record": (_add_field, _add_field, _remove_field, _reorder, _rename_field, _rename, _move),
    "enum": (_more_symbols, _turn_symbols, _rename, _move),
    "fixed": (_fixed_or_promote, _change_logical, _rename, _move),
    "union": (_widen, _narrow, _turn, _unwrap),
    "array": (_into_union,),
    "map": (_into_union,),
    "leaf": (_promote, _change_logical, _into_union),
}
