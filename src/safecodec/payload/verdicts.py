"""Which exceptions of a library below are verdicts on a payload or a value; every other one passes as it is.

A call of msgspec's runs no Python code but that of types (``__post_init__``, default factories, properties). So a
`ValueError` or `TypeError` out of one is either msgspec's or a type's own, and a verdict. An exception that a signal's
handler raises while a type's own code runs cannot be told apart from one of that code. Our own engines raise
`PayloadError` and `EncodeError` themselves: any other exception out of them comes from elsewhere.

A `RecursionError` is a verdict where the payload or the value nests deep, and not where the caller has used up its
stack.
"""

from __future__ import annotations

import re
from types import BuiltinMethodType
from typing import TYPE_CHECKING, Any, Final

from ..avro.describing import describe, is_of_msgspec, is_of_others, nests_too_deep, origin
from ..avro.limits import DEFAULT
from ..errors import EncodeError, PayloadError

if TYPE_CHECKING:
    from collections.abc import Callable

JSON_TOKEN: Final = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]', re.DOTALL)
MSGPACK_SIZES: Final = {
    0xC4: 1, 0xC5: 2, 0xC6: 4, 0xC7: 1, 0xC8: 2, 0xC9: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4, 0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4,
}  # fmt: skip
"""How many bytes a length has, by the first byte of a value."""
MSGPACK_LEAVES: Final = {
    0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8,
    0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17,
}  # fmt: skip
"""How many bytes follow the first one of a value that has a fixed size."""


def verdict(error: Exception, call: Callable[[Any], Any], payload: bytes) -> PayloadError | None:
    """Return the verdict on a payload that an exception stands for, or None where it stands for none.

    Args:
        error: What came out of a decoder.
        call: The decoder.
        payload: What it read.
    """
    if isinstance(error, RecursionError):
        found = nests_deep(payload, DEFAULT.depth)
    else:
        found = is_of_msgspec(error) or isinstance(error, UnicodeDecodeError) or _is_of_type(error, call)
    if not found:
        return None
    reason, path = describe(error, payload)
    failure = PayloadError(reason, path=path)
    failure.__cause__ = origin(error)
    return failure


def refusal(error: Exception, call: Callable[[Any], Any]) -> EncodeError | None:
    """Return the verdict on a value that an exception stands for, or None where it stands for none.

    Args:
        error: What came out of an encoder.
        call: The encoder.
    """
    if isinstance(error, RecursionError):
        found = nests_too_deep(error)
    elif isinstance(error, OverflowError):
        found = not is_of_others(error)
    else:
        found = is_of_msgspec(error) or _is_of_type(error, call)
    if not found:
        return None
    reason, path = describe(error)
    failure = EncodeError(reason, path=path)
    failure.__cause__ = error
    return failure


def _is_of_type(error: Exception, call: Callable[[Any], Any]) -> bool:
    return isinstance(error, (ValueError, TypeError)) and isinstance(call, BuiltinMethodType)


def nests_deep(payload: bytes, limit: int) -> bool:
    """Tell whether a JSON or MessagePack payload nests deeper than so many levels, as far as it can be read.

    JSON that nests starts with a bracket, which in MessagePack is a whole number.
    """
    return _json_nests(payload, limit) if payload.lstrip()[:1] in (b"[", b"{") else _msgpack_nests(payload, limit)


def _json_nests(payload: bytes, limit: int) -> bool:
    depth = 0
    for token in JSON_TOKEN.finditer(payload):
        first = token.group()[:1]
        depth += (first in b"[{") - (first in b"]}")
        if depth > limit:
            return True
    return False


def _msgpack_nests(payload: bytes, limit: int) -> bool:
    left, at = [1], 0
    while left and at < len(payload):
        if left[-1] == 0:
            left.pop()
            continue
        left[-1] -= 1
        first = payload[at]
        at += 1
        length = MSGPACK_SIZES.get(first, 0)
        size = int.from_bytes(payload[at : at + length], "big")
        at += length
        if 0x80 <= first <= 0x9F or (first >= 0xDC and length):
            items = size if length else first & 0x0F
            left.append(items * 2 if first < 0x90 or first >= 0xDE else items)
            if len(left) > limit + 1:
                return True
        elif 0xA0 <= first <= 0xBF:
            at += first & 0x1F
        else:
            at += size + MSGPACK_LEAVES.get(first, 0) + (0xC7 <= first <= 0xC9)
    return False
