"""Physical values of a writer to plain values of a reader, along a resolved tree."""

from __future__ import annotations

from typing import Any

from ..errors import PayloadError
from .logical import avro_value, python_value
from .nodes import ABSENT, Field, Fixed, Primitive
from .physical import default_value
from .resolve import Action, Take, TakeBranch, TakeFields, TakeInto, TakeItems, TakeSymbol, TakeValues


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
        case TakeInto():
            return lift(action.inner, value, path, typed=typed)
    return _lift_record(action, value, path, typed=typed)


def _take(action: Take, value: Any, path: str) -> Any:
    try:
        return taken(action, value)
    except ValueError as error:
        raise PayloadError(str(error), path=path) from None


def needs_taking(action: Take) -> bool:
    """Tell whether `taken` does anything: logical types and promotions."""
    writer, reader = action.writer, action.reader
    return writer.logical is not None or _promotion(writer, reader) is not None


def taken(action: Take, value: Any) -> Any:
    """Return the reader's value of the writer's physical one.

    Raises:
        ValueError: It stands for none.
    """
    writer, reader = action.writer, action.reader
    value = python_value(reader if _same_logical(writer, reader) else writer, value)
    if reader.logical is None and writer.logical is not None:
        value = avro_value(writer, value)  # the reader wants what lies beneath, and gets it checked
    kind = _promotion(writer, reader)
    return value if kind is None else _promoted(kind, value)


def _same_logical(writer: Primitive | Fixed, reader: Primitive | Fixed) -> bool:
    mine, theirs = reader.logical, writer.logical
    return mine is not None and theirs is not None and mine.name == theirs.name and type(reader) is type(writer)


def _promotion(writer: Primitive | Fixed, reader: Primitive | Fixed) -> str | None:
    """The reader's kind where it is another one than the writer's."""
    if isinstance(writer, Primitive) and isinstance(reader, Primitive) and writer.kind != reader.kind:
        return reader.kind
    return None


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
    found = {
        field.name: lift(inner, value[written.name], f"{path}.{field.name}", typed=typed)
        for field, written, inner in action.fields
        if written is not None and inner is not None and not (typed and _is_absent(field, inner, value[written.name]))
    }
    return shaped(action, found, typed=typed) if needs_shape(action, typed=typed) else found


def _is_absent(field: Field, inner: Action, value: Any) -> bool:
    """Tell whether null says that a field is missing, as it does where a type's key may be."""
    if not field.attributes.get("safecodec.optional") or not isinstance(inner, TakeBranch):
        return False
    branch = inner.writer.branches[int(value[0].rpartition("_")[2])]
    return isinstance(branch, Primitive) and branch.kind == "null"


def needs_shape(action: TakeFields, *, typed: bool) -> bool:
    """Tell whether `shaped` does anything to a record whose fields were read in the writer's order."""
    read = [field.name for field, written, _ in action.fields if written is not None]
    places = {field.name: at for at, field in enumerate(action.writer.fields)}
    order = [places[written.name] for _, written, _ in action.fields if written is not None]
    own = typed and (
        any(field.attributes.get("safecodec.optional") for field, _, _ in action.fields)
        or not {"safecodec.tag_field", "safecodec.array_like"}.isdisjoint(action.reader.attributes)
    )
    return own or len(read) < len(action.fields) or order != sorted(order)


def shaped(action: TakeFields, found: dict[str, Any], *, typed: bool) -> Any:
    """Return a reader's plain record: its fields in order, with defaults for those that were not written.

    Args:
        action: The record's resolution.
        found: What was read, by the reader's names.
        typed: Whether msgspec makes objects of it: then tags are there, and what a type fills itself is not.
    """
    reader = action.reader
    fields: dict[str, Any] = {}
    for field, written, _ in action.fields:
        optional = typed and field.attributes.get("safecodec.optional")
        if written is not None:
            if field.name in found:
                fields[field.name] = found[field.name]
        elif field.default is not ABSENT and not optional:
            fields[field.name] = default_value(field.type, field.default)
    if not typed:
        return fields
    tag_field, tag = reader.attributes.get("safecodec.tag_field"), reader.attributes.get("safecodec.tag")
    if reader.attributes.get("safecodec.array_like"):
        return [*([] if tag_field is None else [tag]), *fields.values()]
    return fields if tag_field is None else {tag_field: tag, **fields}
