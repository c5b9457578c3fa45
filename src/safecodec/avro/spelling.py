"""The text of a type that Avro has no word for: readable, and without the names of modules and classes' homes."""

from __future__ import annotations

from typing import Any

from .hints import (
    NO_DEFAULT,
    Choice,
    Enumeration,
    FixedTuple,
    Hint,
    Literals,
    Mapping,
    Opaque,
    RecordField,
    RecordHint,
    Scalar,
    Sequence,
)


def spelled(hint: Hint) -> str:
    """Return a type's text; it is a part of the fingerprint, so it says everything that the payload depends on."""
    return _spelled(hint, [])


def _spelled(hint: Hint, inside: list[Any]) -> str:
    match hint:
        case Scalar():
            return _scalar(hint)
        case Choice():
            return " | ".join(_spelled(one, inside) for one in hint.members)
        case Mapping():
            return f"dict[{_spelled(hint.key, inside)}, {_spelled(hint.value, inside)}]"
        case FixedTuple():
            return f"tuple[{', '.join(_spelled(one, inside) for one in hint.items)}]"
        case Sequence():
            item = _spelled(hint.item, inside)
            return f"tuple[{item}, ...]" if hint.cls is tuple else f"{hint.cls.__name__}[{item}]"
        case Enumeration():
            return f"enum({', '.join(repr(member.value) for member in hint.cls)})"
        case Literals():
            return f"literal({', '.join(repr(value) for value in hint.values)})"
        case Opaque():
            name = getattr(hint.cls, "__name__", repr(hint.cls))
            return name.lower() if hint.cls.__module__.partition(".")[0] == "msgspec" else name
    return _record(hint, inside)


def _scalar(hint: Scalar) -> str:
    name = {type(None): "none", object: "any"}.get(hint.cls, hint.cls.__name__.lower())
    return name + {None: "", True: "[aware]", False: "[naive]"}[hint.tz]


def _record(hint: RecordHint, inside: list[Any]) -> str:
    if hint.cls in inside:
        return f"#{inside.index(hint.cls)}"
    inside = [*inside, hint.cls]
    fields = ", ".join(f"{field.key}: {_spelled(field.hint, inside)}{_default(field)}" for field in hint.fields)
    tag = f", {hint.tag_field}={hint.tag!r}" if hint.tag_field is not None else ""
    return f"{'array' if hint.array_like else 'record'}({fields}{tag})"


def _default(field: RecordField) -> str:
    if field.required:
        return ""
    if field.default is NO_DEFAULT or not isinstance(field.default, (int, float, str, bytes, bool, type(None))):
        return " = ..."
    return f" = {field.default!r}"
