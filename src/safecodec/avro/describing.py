"""What went wrong in a library below, in our words."""

from __future__ import annotations

from typing import Final

from ..errors import SafecodecError

PLAIN: Final = (str, bytes, bytearray, memoryview, int, float, list, tuple, set, frozenset, type(None))
"""Types whose values are no records, whatever attributes they have."""


def describe(error: Exception) -> tuple[str, str]:
    """Return the reason and the path of an error that a payload's encoder or decoder let out.

    Args:
        error: Any exception; of msgspec's the path is taken out of the message.
    """
    if isinstance(error, SafecodecError):
        return error.reason, error.path
    if isinstance(error, RecursionError):
        return "the value nests too deep", ""
    text, _, path = str(error).partition(" - at `")
    name = type(error).__name__
    known = name in ("ValidationError", "DecodeError", "EncodeError")
    reason = text[:1].lower() + text[1:] if known else f"{name}: {text}"
    return reason, path.rstrip("`")


def short(value: object) -> str:
    """Return a value's text, cut where it is long: whatever its own code does, there is one."""
    try:
        text = repr(value)
    except Exception:
        return f"an object of {type(value).__name__}"
    return text if len(text) <= 60 else text[:57] + "..."
