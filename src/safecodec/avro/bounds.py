"""The bounds of `msgspec.Meta` on a node: a version given as a schema has them as well.

`checker` is the check in plain Python, which has the errors; `compiled` puts the compiled one before it.
"""

from __future__ import annotations

import re
from decimal import InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from ..errors import SafecodecError
from ._bounds import Bounds
from .describing import short

if TYPE_CHECKING:
    from collections.abc import Callable

    from .nodes import Node

WORDS: Final = {
    "ge": "at least",
    "gt": "more than",
    "le": "at most",
    "lt": "less than",
    "multiple_of": "that is a multiple of",
    "min_length": "of a length of at least",
    "max_length": "of a length of at most",
    "pattern": "that matches the pattern",
}


class OutOfBoundsError(SafecodecError, ValueError):
    """A value is not within the bounds of its type; encoders and decoders say where."""


def checker(node: Node) -> Callable[[Any], Any] | None:
    """Return what hands a value on if it is within a node's bounds, or None where the node has none.

    The function raises `OutOfBoundsError` for another value.
    """
    return _both(node, _checker)


def compiled(node: Node) -> Callable[[Any], Any] | None:
    """Return what does as `checker`, in C for values of the exact types that msgspec bounds."""
    return _both(node, _compiled)


def _both(node: Node, make: Callable[[dict[str, Any]], Callable[[Any], Any] | None]) -> Callable[[Any], Any] | None:
    attributes: dict[str, Any] = getattr(node, "attributes", {})
    keys = attributes.get("safecodec.key_bounds")
    own = make(attributes.get("safecodec.bounds", {}))
    if not keys:
        return own
    check_key = make(keys)
    assert check_key is not None

    def check(value: Any) -> Any:
        for key in value:
            check_key(key)
        return value if own is None else own(value)

    return check


def _checker(bounds: dict[str, Any]) -> Callable[[Any], Any] | None:
    if not bounds:
        return None
    tests = [(name, bound, _test(name, bound)) for name, bound in bounds.items()]

    def check(value: Any) -> Any:
        for name, bound, holds in tests:
            try:
                is_within = holds(value)
            except (InvalidOperation, OverflowError):
                is_within = False  # a Decimal that is no number, or a number that has no remainder
            if not is_within:
                raise OutOfBoundsError(f"a value {WORDS[name]} {short(bound)} is expected, this is {short(value)}")
        return value

    return check


def _compiled(bounds: dict[str, Any]) -> Callable[[Any], Any] | None:
    slow = _checker(bounds)
    if slow is None:
        return None
    search = re.compile(bounds["pattern"]).search if "pattern" in bounds else None
    return Bounds(bounds, search, slow).check


def _test(name: str, bound: Any) -> Callable[[Any], bool]:
    match name:
        case "ge":
            return lambda value: bool(value >= bound)
        case "gt":
            return lambda value: bool(value > bound)
        case "le":
            return lambda value: bool(value <= bound)
        case "lt":
            return lambda value: bool(value < bound)
        case "multiple_of":
            return lambda value: bool(value % bound == 0)
        case "min_length":
            return lambda value: len(value) >= bound
        case "max_length":
            return lambda value: len(value) <= bound
    search = re.compile(bound).search
    return lambda value: search(value) is not None
