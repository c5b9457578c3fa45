"""How objects of a class are made from fields, and where their fields are: what each library of classes does.

Objects are made without their class's ``__init__``, as msgspec and pickle make them, and with what comes after it:
``__post_init__``, ``__attrs_post_init__``. Where the class has a word in it earlier (a ``__new__`` of its own, fields
for ``__init__`` alone, validators and converters of attrs, pydantic's validation), it is called.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_origin

from ._slots import is_collected, slot_offset
from .hints import NO_DEFAULT
from .pydantic_models import is_validated

if TYPE_CHECKING:
    from collections.abc import Callable

    from .hints import RecordField, RecordHint


@dataclass(frozen=True, slots=True)
class Attribute:
    """A field in an object.

    Args:
        name: The attribute.
        argument: The constructor's name for it.
        offset: Where it lies in the object, in bytes, or in the tuple; 0 where it is set by name.
    """

    name: str
    argument: str
    offset: int


@dataclass(frozen=True, slots=True)
class Shape:
    """How a class makes its objects.

    Args:
        how: ``slots``, ``attributes``, ``tuple`` or ``call``.
        cls: The class.
        fields: By what they are called when encoded.
        then: What is called with an object whose fields are in place.
        tells: Whether the garbage collector may leave out an object that holds no container: its class tells it when
            one is set.
    """

    how: str
    cls: Any
    fields: dict[str, Attribute]
    then: Callable[[Any], Any] | None = None
    tells: bool = False


def origin(hint: RecordHint) -> Any:
    """Return a record's class, without what a generic one is made for."""
    return get_origin(hint.cls) or hint.cls


def offsets_of(hint: RecordHint) -> dict[str, int | None]:
    """Return where each field lies in an object, or in a tuple; None where only its class knows."""
    if hint.kind == "namedtuple":
        return {field.key: at for at, field in enumerate(hint.fields)}
    return {field.key: slot_offset(origin(hint), field.name) for field in hint.fields}


def shape_of(hint: RecordHint) -> Shape:
    """Return how objects of a record's class are made."""
    cls = origin(hint)
    if hint.kind == "namedtuple":
        fields = {field.key: Attribute(field.name, field.name, at) for at, field in enumerate(hint.fields)}
        return Shape("call" if _makes_its_tuples(cls) else "tuple", cls, fields)
    offsets = offsets_of(hint)
    fields = {
        field.key: Attribute(field.name, field.argument or field.name, offsets[field.key] or 0) for field in hint.fields
    }
    if _has_a_word(cls, hint):
        return Shape("call", cls, fields)
    how = "attributes" if None in offsets.values() else "slots"
    then = getattr(cls, _AFTER[hint.kind], None)
    return Shape(how, cls, fields, then, hint.kind == "struct" and is_collected(cls) and not cls.__dictoffset__)


_AFTER = {"struct": "__post_init__", "dataclass": "__post_init__", "attrs": "__attrs_post_init__", "pydantic": ""}


def _makes_its_tuples(cls: Any) -> bool:
    """Tell whether a named tuple's class makes its objects otherwise than `collections.namedtuple` has it."""
    return cls.__base__ is not tuple or getattr(cls.__new__, "__module__", "") != f"namedtuple_{cls.__name__}"


def _has_a_word(cls: Any, hint: RecordHint) -> bool:
    """Tell whether a class takes part in making its objects before their fields are in place."""
    if hint.kind == "struct":
        base = next(one for one in reversed(cls.__mro__) if one.__module__ == "msgspec")
        mine = cls.__mro__[: cls.__mro__.index(base)]
        own = any({"__new__", "__init__"} & vars(one).keys() for one in mine)
        return own or type(cls).__call__ is not type(base).__call__
    if is_validated(cls):
        return True
    if cls.__new__ is not object.__new__ or type(cls).__call__ is not type.__call__:
        return True
    if hint.kind == "attrs":
        parts = cls.__attrs_attrs__
        checked = hasattr(cls, "__attrs_pre_init__") or any(part.validator or part.converter for part in parts)
        return checked and all(part.init for part in parts)
    return False


def made(field: RecordField) -> Any:
    """Return a field's default, made anew where it is made at all."""
    return field.default if field.factory is NO_DEFAULT else field.factory()


def unset() -> Any:
    """Return msgspec's mark of a field that is missing."""
    import msgspec

    return msgspec.UNSET
