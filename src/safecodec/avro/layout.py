"""Payloads that begin alike: a reader reads the start of a writer's payload without knowing the writer's schema."""

from __future__ import annotations

from typing import Any

from .canonical import wire
from .nodes import Node, Record


def begins_with(writer: Node, reader: Node, payload: str = "avro") -> bool:
    """Tell whether a payload of one schema begins with a payload of another, positions and meaning alike.

    That is so where their wire forms are equal, or where both are records and the writer only appends fields.

    Args:
        writer: Root of the writer's schema.
        reader: Root of the reader's schema.
        payload: Payload format, whose wire forms are compared.
    """
    longer, shorter = wire(writer, payload), wire(reader, payload)
    if longer == shorter or not (isinstance(writer, Record) and isinstance(reader, Record)):
        return bool(longer == shorter)
    fields, known = longer.pop("fields"), shorter.pop("fields")
    # A record in itself would be longer inside, too: its end is not where the reader's is.
    return bool(longer == shorter and fields[: len(known)] == known and not _holds_root(known))


def _holds_root(form: Any) -> bool:
    """Tell whether a wire form refers to the first named type."""
    waiting = [form]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if one.get("type") == 0:
                return True
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return False
