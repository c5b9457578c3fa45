"""The text of a type that Avro has no word for: readable, and without the names of modules and classes' homes."""

from __future__ import annotations

import re
from typing import Any

from msgspec import NODEFAULT
from msgspec import inspect as kinds


def spelled(info: kinds.Type) -> str:
    """Return a type's text; it is a part of the fingerprint, so it says everything that the payload depends on."""
    return _spelled(info, [])


def _spelled(info: Any, inside: list[Any]) -> str:
    match info:
        case kinds.Metadata():
            return _spelled(info.type, inside)
        case kinds.UnionType():
            return " | ".join(_spelled(one, inside) for one in info.types)
        case kinds.DictType():
            return f"dict[{_spelled(info.key_type, inside)}, {_spelled(info.value_type, inside)}]"
        case kinds.TupleType():
            return f"tuple[{', '.join(_spelled(one, inside) for one in info.item_types)}]"
        case kinds.VarTupleType():
            return f"tuple[{_spelled(info.item_type, inside)}, ...]"
        case kinds.ListType() | kinds.SetType() | kinds.FrozenSetType():
            return f"{_plain(info)}[{_spelled(info.item_type, inside)}]"
        case kinds.EnumType():
            return f"enum({', '.join(repr(member.value) for member in info.cls)})"
        case kinds.LiteralType():
            return f"literal({', '.join(repr(value) for value in info.values)})"
        case kinds.DateTimeType() | kinds.TimeType():
            return _plain(info) + {None: "", True: "[aware]", False: "[naive]"}[info.tz]
        case kinds.CustomType():
            return getattr(info.cls, "__name__", repr(info.cls))
    return _record(info, inside) if hasattr(info, "fields") else _plain(info)


def _plain(info: kinds.Type) -> str:
    return re.sub("type$", "", type(info).__name__.lower())


def _record(info: Any, inside: list[Any]) -> str:
    if info.cls in inside:
        return f"#{inside.index(info.cls)}"
    inside = [*inside, info.cls]
    fields = ", ".join(f"{field.encode_name}: {_spelled(field.type, inside)}{_default(field)}" for field in info.fields)
    tag = f", {info.tag_field}={info.tag!r}" if getattr(info, "tag_field", None) is not None else ""
    kind = "array" if getattr(info, "array_like", False) or isinstance(info, kinds.NamedTupleType) else "record"
    return f"{kind}({fields}{tag})"


def _default(field: kinds.Field) -> str:
    if field.required:
        return ""
    if field.default is NODEFAULT or not isinstance(field.default, (int, float, str, bytes, bool, type(None))):
        return " = ..."
    return f" = {field.default!r}"
