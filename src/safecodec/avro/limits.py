"""The bounds of schemas, values and payloads: whatever crosses one is refused by its name."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from ..errors import ConfigError

HIGHEST: Final = {
    "payload": 2**32 - 1,
    "depth": 64,
    "empty_items": 2**31 - 1,
    "schema_text": 1 << 20,
    "schema_depth": 64,
}
"""Beyond these no limit can be set: what a frame's header holds, and what the smallest stack of a thread bears."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How large schemas, values and payloads may be. Each error that comes of one names it.

    Args:
        payload: The longest payload that is read or written, in bytes.
        depth: How deep records, arrays and maps may stand in each other, at most 64.
        empty_items: How many items without a byte (nulls, empty records) a payload may have, all its collections
            together. All other items are bounded by the bytes that follow.
        schema_text: The longest JSON text of a schema, in characters, at most 1,048,576.
        schema_depth: How deep schemas may nest, at most 64.

    Raises:
        ConfigError: A limit is no whole number within its own bounds.
    """

    payload: int = 64 * 1024 * 1024
    depth: int = 64
    empty_items: int = 10_000
    schema_text: int = 1 << 20
    schema_depth: int = 64

    def __post_init__(self) -> None:
        for field in fields(self):
            value, highest = getattr(self, field.name), HIGHEST[field.name]
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= highest:
                raise ConfigError(f"the limit {field.name} is a whole number between 0 and {highest}, not {value!r}")


DEFAULT: Final = Limits()
