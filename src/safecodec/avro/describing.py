"""What went wrong in a library below, in our words."""

from __future__ import annotations

from ..errors import SafecodecError


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
