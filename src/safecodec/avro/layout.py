"""Which payloads begin alike: what a reader can read of a writer whose schema it does not know."""

from __future__ import annotations

from typing import cast

from .nodes import Array, Enum, Fixed, Map, Node, Primitive, Record, Union


def begins_with(writer: Node, reader: Node) -> bool:
    """Tell whether a payload of one schema begins with a payload of another, positions and meaning alike.

    That is so where they lay out values the same, or where both are records and the writer only appends fields.

    Args:
        writer: Root of the writer's schema.
        reader: Root of the reader's schema.
    """
    if isinstance(writer, Record) and isinstance(reader, Record):
        if len(writer.fields) < len(reader.fields) or writer.attributes != reader.attributes:
            return False
        pairs = zip(writer.fields, reader.fields, strict=False)
        return all(one.name == other.name and _same(one.type, other.type, {}) for one, other in pairs)
    return _same(writer, reader, {})


def _same(one: Node, other: Node, seen: dict[tuple[int, int], bool]) -> bool:
    if type(one) is not type(other) or getattr(one, "attributes", None) != getattr(other, "attributes", None):
        return False
    match one, other:
        case Primitive(), Primitive():
            return (one.kind, one.logical) == (other.kind, other.logical)
        case Array(), Array():
            return _same(one.items, other.items, seen)
        case Map(), Map():
            return _same(one.values, other.values, seen)
        case Enum(), Enum():
            return one.symbols == other.symbols
        case Fixed(), Fixed():
            return (one.size, one.logical) == (other.size, other.logical)
        case Union(), Union():
            return len(one.branches) == len(other.branches) and all(
                _same(a, b, seen) for a, b in zip(one.branches, other.branches, strict=True)
            )
    return _same_record(cast("Record", one), cast("Record", other), seen)


def _same_record(one: Record, other: Record, seen: dict[tuple[int, int], bool]) -> bool:
    pair = (id(one), id(other))
    if pair not in seen:
        seen[pair] = True  # a record inside itself: the same unless its fields say otherwise
        seen[pair] = len(one.fields) == len(other.fields) and all(
            a.name == b.name and _same(a.type, b.type, seen) for a, b in zip(one.fields, other.fields, strict=True)
        )
    return seen[pair]
