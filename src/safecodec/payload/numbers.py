"""Where the values of a type hold floats that have to be looked at, as `_straight` walks to them."""

from __future__ import annotations

from collections import defaultdict
from enum import IntFlag
from typing import TYPE_CHECKING

from ..avro._slots import slot_offset
from ..avro.classes import origin as class_of
from ..avro.hints import Choice, FixedTuple, Hint, Literals, Mapping, RecordHint, Scalar, Sequence, every, parts
from ._straight import FieldPlace, Place

if TYPE_CHECKING:
    from collections.abc import Mapping as Table


class Checks(IntFlag):
    """Checks of a float."""

    FINITE = 1
    """It is no NaN and no infinity."""
    WHOLE = 2
    """It is exactly one whole number, and no other whole number is read as it."""
    SINGLE = 4
    """It has 32 bits."""


def finite_places(root: Hint) -> Place:
    """Return the places where JSON may have null for a float: those of floats, and those where null stands for None.

    Args:
        root: The type.
    """
    return places_of(root, {id(one): Checks.FINITE for one in every(root) if _is_float(one) or _is_nullable(one)})


def _is_float(hint: Hint) -> bool:
    return isinstance(hint, Scalar) and hint.cls is float


def _is_nullable(hint: Hint) -> bool:
    if isinstance(hint, Choice):
        return any(isinstance(one, Scalar) and one.cls is type(None) for one in hint.members)
    return isinstance(hint, Literals) and None in hint.values


def places_of(root: Hint, checks: Table[int, Checks]) -> Place:
    """Return the places of a type's values that are checked.

    Args:
        root: The type.
        checks: Checks of a float by the ids of hints, one of which at least is in the type.
    """
    holders: dict[int, list[Hint]] = defaultdict(list)
    hints = {id(one): one for one in every(root)}
    for one in hints.values():
        for part in parts(one):
            holders[id(part)].append(one)
    waiting = [hints[key] for key in checks]
    made: dict[int, Place] = {}
    while waiting:
        one = waiting.pop()
        if id(one) not in made:
            made[id(one)] = Place()
            waiting += holders[id(one)]
    for key, place in made.items():
        hint = hints[key]
        place.checks = checks.get(key, 0)
        for member in hint.members if isinstance(hint, Choice) else (hint,):
            place.checks |= checks.get(id(member), 0)
            if id(member) in made:
                _fill(place, member, made)
    return made[id(root)]


def _fill(place: Place, hint: Hint, made: Table[int, Place]) -> None:
    match hint:
        case Sequence():
            place.items = made[id(hint.item)]
        case FixedTuple():
            place.fixed = tuple(made.get(id(one)) for one in hint.items)
        case Mapping():
            place.keys, place.values = made.get(id(hint.key)), made.get(id(hint.value))
        case RecordHint():
            fields = tuple(
                FieldPlace(one.name, made[id(one.hint)], _offset(hint, one.name))
                for one in hint.fields
                if id(one.hint) in made
            )
            if hint.kind == "typeddict":
                place.typed = fields
            else:
                place.records = {**(place.records or {}), class_of(hint): fields}


def _offset(hint: RecordHint, name: str) -> int | None:
    return None if hint.kind == "typeddict" else slot_offset(class_of(hint), name)
