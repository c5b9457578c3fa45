"""A pair of schemas compiled into what reads payloads of one as values of the other."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ._decoder import Plan
from .resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Callable

    from .schema import Schema


def decoder(writer: Schema, reader: Schema, *, prefix: bool = False) -> Callable[[Any], Any]:
    """Return what reads payloads of one schema as values of another: of its type, or dicts where it has none.

    Args:
        writer: The schema that payloads are written in.
        reader: The schema that they are read as.
        prefix: Whether payloads may have bytes left over behind the value.

    Raises:
        IncompatibleSchemaError: They do not resolve.
    """
    action, type_ = resolve(writer, reader), reader.type
    classes: dict[int, Any] | None = None
    if type_ is not None:
        from .targets import classes_of

        classes = classes_of(action, type_)
    plan = Plan(action, typed=type_ is not None, classes=classes)
    decode = partial(plan.decode, prefix=True) if prefix else plan.decode
    if type_ is None or classes is not None:
        return decode
    from .plain import typed

    return lambda payload: typed(decode(payload), type_)
