"""A decoded value in terms of JSON, for ``safecodec inspect --codec``. It is for people: no reader takes it back."""

from __future__ import annotations

from math import isfinite
from typing import Any

import msgspec

__all__ = ["jsonable"]


def jsonable(value: Any) -> Any:
    """Return a value as dicts, lists and constants that JSON has.

    Classes are objects by the names of their fields, times and Decimals are text, bytes are base64, as msgspec has it.
    NaN and the infinities are the texts ``NaN``, ``Infinity`` and ``-Infinity``. A value that msgspec has no JSON for,
    such as a dict whose keys are tuples, is the text that Python shows it as.
    """
    try:
        return _finite(msgspec.to_builtins(value, str_keys=True, enc_hook=repr))
    except RecursionError:
        return f"a {type(value).__qualname__} that is nested too deep to be shown"
    except (TypeError, ValueError, OverflowError):
        return repr(value)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    return value
