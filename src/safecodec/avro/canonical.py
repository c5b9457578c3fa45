"""What a schema is written as: standard JSON, Avro's parsing canonical form, and the full canonical form.

The parsing canonical form (Avro 1.12, *Transforming into Parsing Canonical Form*) drops defaults, aliases and logical
types, so two schemas that mean different things can share one fingerprint. The full canonical form keeps whatever
changes what a payload means or how it is read; docs/reference/wire-format.md specifies it.
"""

from __future__ import annotations

import json
from typing import Any, Final

from .nodes import ABSENT, Array, Enum, Fixed, Logical, Map, Named, Node, Primitive, Record, Union

EMPTY_CRC_64: Final = 0xC15D213AA4D7A795
"""CRC-64-AVRO of nothing, which is its polynomial too (Avro 1.12, *Schema Fingerprints*)."""
KEPT: Final = ("name", "type", "fields", "symbols", "items", "values", "size")
"""The attributes of the parsing canonical form, in its order."""


def dump(value: Any) -> str:
    """Return JSON text without spaces, with text as it is."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def standard(root: Node) -> Any:
    """Return a schema as standard Avro JSON; a named type is defined where it comes first, by its full name."""
    return _standard(root, set())


def _standard(node: Node, seen: set[int]) -> Any:
    match node:
        case Primitive():
            extra = _logical(node.logical) | node.attributes
            return {"type": node.kind, **extra} if extra else node.kind
        case Array():
            return {"type": "array", "items": _standard(node.items, seen), **node.attributes}
        case Map():
            return {"type": "map", "values": _standard(node.values, seen), **node.attributes}
        case Union():
            return [_standard(branch, seen) for branch in node.branches]
    if id(node) in seen:
        return node.name
    seen.add(id(node))
    aliases = {"aliases": list(node.aliases)} if node.aliases else {}
    return {"type": type(node).__name__.lower(), "name": node.name, **aliases, **_body(node, seen), **node.attributes}


def _body(node: Named, seen: set[int]) -> dict[str, Any]:
    match node:
        case Enum():
            return {"symbols": list(node.symbols), **_default(node.default)}
        case Fixed():
            return {"size": node.size, **_logical(node.logical)}
    return {"fields": [_field(field, _standard(field.type, seen), field.default) for field in node.fields]}


def _field(field: Any, kind: Any, default: Any) -> dict[str, Any]:
    aliases = {"aliases": sorted(field.aliases)} if field.aliases else {}
    return {"name": field.name, "type": kind, **_default(default), **aliases, **_sorted(field.attributes)}


def _default(default: Any) -> dict[str, Any]:
    return {} if default is ABSENT else {"default": default}


def _sorted(attributes: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(attributes.items()))


def _logical(logical: Logical | None) -> dict[str, Any]:
    if logical is None:
        return {}
    digits = {} if logical.precision is None else {"precision": logical.precision, "scale": logical.scale}
    return {"logicalType": logical.name, **digits}


# ---- parsing canonical form --------------------------------------------------------------------------------------


def parsing_form(root: Node) -> str:
    """Return the parsing canonical form."""
    return dump(_stripped(standard(root)))


def _stripped(source: Any) -> Any:
    if isinstance(source, list):
        return [_stripped(branch) for branch in source]
    if isinstance(source, str):
        return source
    kept = {key: source[key] for key in KEPT if key in source}
    if len(kept) == 1:
        return kept["type"]
    for key in ("items", "values"):
        if key in kept:
            kept[key] = _stripped(kept[key])
    if "fields" in kept:
        kept["fields"] = [{"name": field["name"], "type": _stripped(field["type"])} for field in kept["fields"]]
    return kept


def _crc_64_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        state = byte
        for _ in range(8):
            state = state >> 1 ^ (EMPTY_CRC_64 if state & 1 else 0)
        table.append(state)
    return tuple(table)


CRC_64_TABLE: Final = _crc_64_table()


def crc_64(data: bytes) -> int:
    """Return the CRC-64-AVRO of bytes."""
    state = EMPTY_CRC_64
    for byte in data:
        state = state >> 8 ^ CRC_64_TABLE[(state ^ byte) & 0xFF]
    return state


# ---- full canonical form -----------------------------------------------------------------------------------------


def full_form(root: Node) -> str:
    """Return the full canonical form."""
    return dump(_full(root, {}, telling=False))


def _full(node: Node, ordinals: dict[int, int], *, telling: bool) -> Any:
    """Telling: whether the node's name tells it from other branches of a union."""
    match node:
        case Primitive():
            extra = _logical(node.logical) | _sorted(node.attributes)
            return {"type": node.kind, **extra} if extra else node.kind
        case Array():
            items = _full(node.items, ordinals, telling=False)
            return {"type": "array", "items": items, **_sorted(node.attributes)}
        case Map():
            values = _full(node.values, ordinals, telling=False)
            return {"type": "map", "values": values, **_sorted(node.attributes)}
        case Union():
            several = sum(isinstance(branch, Named) for branch in node.branches) > 1
            return [_full(branch, ordinals, telling=several) for branch in node.branches]
    first = id(node) not in ordinals
    name = f"#{ordinals.setdefault(id(node), len(ordinals))}"
    aliases: dict[str, Any] = {}
    if telling:
        name += f":{unqualified(node.name)}"
        aliases = {"aliases": sorted({unqualified(alias) for alias in node.aliases})} if node.aliases else {}
    if not first:
        return name
    body = _full_body(node, ordinals)
    return {"name": name, "type": type(node).__name__.lower(), **aliases, **body, **_sorted(node.attributes)}


def _full_body(node: Named, ordinals: dict[int, int]) -> dict[str, Any]:
    if not isinstance(node, Record):
        return _body(node, set())
    fields = []
    for field in node.fields:
        kind = _full(field.type, ordinals, telling=False)
        default = field.default if field.default is ABSENT else normal(field.type, field.default)
        fields.append(_field(field, kind, default))
    return {"fields": fields}


def unqualified(name: str) -> str:
    """Return a full name without its namespace."""
    return name.rpartition(".")[2]


def normal(node: Node, default: Any) -> Any:
    """Return a default that fits its type in the one spelling of its value: 1 and 1.0 are one double."""
    from .parse import fits

    match node:
        case Primitive(kind="float" | "double"):
            return float(default)
        case Array():
            return [normal(node.items, one) for one in default]
        case Map():
            return {key: normal(node.values, one) for key, one in sorted(default.items())}
        case Union():
            return normal(next(branch for branch in node.branches if fits(branch, default)), default)
        case Record():
            return {field.name: normal(field.type, default.get(field.name, field.default)) for field in node.fields}
    return default
