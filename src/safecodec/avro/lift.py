"""Physical values of a writer to plain values of a reader, along a resolved tree."""

from __future__ import annotations

from typing import Any

from ..errors import PayloadError
from .logical import avro_value, python_value
from .nodes import ABSENT, Primitive
from .physical import default_value
from .resolve import Action, Take, TakeBranch, TakeFields, TakeItems, TakeSymbol, TakeValues


def lift(action: Action, value: Any, path: str, *, typed: bool) -> Any:
    """Return the reader's plain value of a writer's physical one.

    Args:
        action: The resolved tree.
        value: The physical value, as fastavro reads it and `lower` makes it.
        path: Where it is.
        typed: Whether msgspec makes objects of it: then tags are there, and what a type fills itself is not.

    Raises:
        PayloadError: A logical type's value stands for no Python value.
    """
    match action:
        case Take():
            return _take(action, value, path)
        case TakeSymbol():
            return action.symbols[value]
        case TakeItems():
            return [lift(action.items, one, f"{path}[{at}]", typed=typed) for at, one in enumerate(value)]
        case TakeValues():
            return {key: lift(action.values, one, f"{path}[{key!r}]", typed=typed) for key, one in value.items()}
        case TakeBranch():
            name, wrapped = value
            return lift(action.branches[int(name.rpartition("_")[2])], wrapped["value"], path, typed=typed)
    return _lift_record(action, value, path, typed=typed)


def _take(action: Take, value: Any, path: str) -> Any:
    writer, reader = action.writer, action.reader
    try:
        value = python_value(reader if reader.logical is not None else writer, value)
        if reader.logical is None and writer.logical is not None:
            value = avro_value(writer, value)  # the reader wants what lies beneath, and gets it checked
        if isinstance(writer, Primitive) and isinstance(reader, Primitive) and writer.kind != reader.kind:
            return _promoted(reader.kind, value)
    except ValueError as error:
        raise PayloadError(str(error), path=path) from None
    return value


def _promoted(kind: str, value: Any) -> Any:
    match kind:
        case "float" | "double":
            return float(value)
        case "string":
            return value.decode()
        case "bytes":
            return value.encode()
    return value


def _lift_record(action: TakeFields, value: dict[str, Any], path: str, *, typed: bool) -> Any:
    reader = action.reader
    fields: dict[str, Any] = {}
    for field, written, inner in action.fields:
        at = f"{path}.{field.name}"
        if written is not None:
            assert inner is not None
            found = lift(inner, value[written.name], at, typed=typed)
            if not (typed and found is None and field.attributes.get("safecodec.optional")):
                fields[field.name] = found
        elif field.default is not ABSENT and not (typed and field.attributes.get("safecodec.optional")):
            fields[field.name] = default_value(field.type, field.default)
    if not typed:
        return fields
    tag_field, tag = reader.attributes.get("safecodec.tag_field"), reader.attributes.get("safecodec.tag")
    if reader.attributes.get("safecodec.array_like"):
        return [*([] if tag_field is None else [tag]), *fields.values()]
    return fields if tag_field is None else {tag_field: tag, **fields}
