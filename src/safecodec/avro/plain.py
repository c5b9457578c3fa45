"""Python objects as plain values: dicts for records, values for enums, and what logical types stand for as it is."""

from __future__ import annotations

import datetime
import decimal
import uuid
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ..errors import SchemaError
from .hints import RecordHint, every

if TYPE_CHECKING:
    from .hints import Hint

NATIVE: Final = (
    bytes, bytearray, memoryview, datetime.datetime, datetime.date, datetime.time, datetime.timedelta,
    decimal.Decimal, uuid.UUID,
)  # fmt: skip
"""What stays as it is."""


def plain(value: Any) -> Any:
    """Return a value of any type taken apart; nothing is checked."""
    return msgspec.to_builtins(value, builtin_types=NATIVE)


def checked(value: Any, type_: Any) -> Any:
    """Return a value of a type taken apart, checked against the type throughout.

    Raises:
        msgspec.ValidationError: It is no value of the type, with its path.
    """
    taken = plain(value)
    msgspec.convert(taken, type_)
    return taken


def typed(value: Any, type_: Any) -> Any:
    """Return the value of a type that a plain value stands for.

    Raises:
        msgspec.ValidationError: It stands for none, with its path.
    """
    return msgspec.convert(value, type_)


def demand_whole(hint: Hint) -> None:
    """Refuse a type of whose values msgspec leaves something out: a reader would get a default for it.

    Raises:
        SchemaError: It has an attrs class with a private attribute.
    """
    for one in every(hint):
        if isinstance(one, RecordHint) and one.kind == "attrs":
            for field in one.fields:
                if field.name.startswith("_"):
                    raise SchemaError(f"msgspec does not write {field.name!r}, a private attribute of an attrs class")
