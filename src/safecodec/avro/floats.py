"""Numbers that floating-point types hold exactly."""

from __future__ import annotations

import math
import struct
from typing import Any, Final

FLOAT_MAX: Final = 3.4028235677973366e38
"""From here on a double has no single-precision float."""


def is_exact(kind: str, value: Any) -> bool:
    """Tell whether a number is one that a float or double holds as it is."""
    try:
        number = float(value)
        if kind == "float" and math.isfinite(number):
            number = struct.unpack("<f", struct.pack("<f", number))[0]
    except OverflowError:
        return False
    return bool(number == value) or value != value
