"""The bounds of schemas, values and payloads: whatever crosses one is refused by its name."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final, final

from ..errors import ConfigError, SchemaError, short

BOUNDS: Final = {
    "payload": (1, 2**32 - 1),
    "depth": (0, 64),
    "empty_items": (0, 2**31 - 1),
    "expansion": (0, 2**20),
    "schema_text": (0, 2**31 - 1),
    "schema_depth": (0, 64),
    "nodes": (1, 2**31 - 1),
    "name": (1, 2**31 - 1),
    "symbols": (1, 2**31 - 1),
    "branches": (1, 2**31 - 1),
    "digits": (1, 100_000),
}
"""Beyond these no limit can be set: what a frame's header holds, and what the smallest stack of a thread bears. A
longest payload of 0 would refuse nearly every value, and is mostly meant as no limit."""
ROOM: Final = 8 << 20
"""Bytes of memory that the records of any payload may take, however short it is."""

STEPS: Final = 8
"""How many steps resolution, and the search for the types of defaults, may take for each node that a schema may have:
most pairs take three."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How large schemas, values and payloads may be. Each error that comes of one names it.

    Args:
        payload: The longest payload that is read or written, in bytes, from 1 to 2**32 - 1.
        depth: How deep records, arrays and maps may stand in each other, at most 64, which a thread whose stack has
            128 KiB can read, write and skip.
        empty_items: How many items without a byte (nulls, empty records) a payload may have, all its collections
            together. All other items are bounded by the bytes that follow.
        expansion: How many bytes of memory the records of an Avro payload may take for each of its bytes, beyond 8 MiB
            that any may take. A record itself has no byte, nor has a field that the writer's version lacks or that is
            null: they count with the size of the record's object, and of lists, dicts and sets that are made for
            missing fields (256 bytes where a default factory of yours makes something else). All else has a byte of
            its own at least, and takes 330 more for it at most, so that by default a value takes less than 850 bytes
            for each byte of payload: a record of one byte in a dict takes 200, in an instance of a plain dataclass 400.
            It holds when payloads are read, as only the reader knows its classes.
        schema_text: The longest JSON text of a schema, in characters. Raise it for a schema of more than a megabyte
            whose source is trusted: parsed, a text takes some twenty times its length in memory. Dicts and lists are
            measured as their text would be, so what they share counts wherever it stands.
        schema_depth: How deep schemas may nest, at most 64.
        nodes: How many types a schema may have, with those of fields, items, values and branches. Resolving two schemas
            takes at most eight steps for each, and so does finding the branches of unions that its defaults are of.
            Nor have its defaults more than eight values for each, with those of the fields that they leave out.
        name: The longest full name of a type, and the longest name of a field, a symbol or an alias, in characters.
        symbols: How many symbols an enum may have.
        branches: How many branches a union may have, and how many aliases a type or a field.
        digits: How many digits a Decimal may have, and what precision a schema's decimal: between bytes and digits
            the time grows with their square.

    Raises:
        ConfigError: A limit is no whole number within its own bounds.
    """

    payload: int = 64 * 1024 * 1024
    depth: int = 64
    empty_items: int = 10_000
    expansion: int = 512
    schema_text: int = 1 << 20
    schema_depth: int = 64
    nodes: int = 65_536
    name: int = 1_024
    symbols: int = 65_536
    branches: int = 1_000
    digits: int = 4_300

    def __post_init__(self) -> None:
        for field in fields(self):
            value, (least, most) = getattr(self, field.name, None), BOUNDS[field.name]
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise ConfigError(
                    f"the limit {field.name} is a whole number between {least} and {most}, not {short(value)}"
                )


def checked(limits: Any) -> Limits:
    """Return limits that compiled code may rely on: exactly `Limits`, within their bounds however they were made.

    Raises:
        ConfigError: They are no Limits, or one of them is beyond its bounds.
    """
    if type(limits) is not Limits:
        raise ConfigError(f"limits are safecodec.avro.Limits, not {type(limits).__name__}")
    limits.__post_init__()  # unpickling and object.__setattr__ go past it
    return limits


def demand_within(limit: str, most: int, found: int, what: str, path: str) -> None:
    """Refuse a schema that crosses a limit.

    Args:
        limit: Its name.
        most: Its value.
        found: How many there are.
        what: What there is so many of, for the error.
        path: Where.

    Raises:
        SchemaError: There are more.
    """
    if found > most:
        raise SchemaError(f"{found} {what} are more than the limit {limit} allows, which is {most}", path=path)


DEFAULT: Final = Limits()
