"""What a reader can tell apart, and so what may stand in one union.

MessagePack and JSON say no more of a value than what it is written as: a text, a number, an array, an object. The rules
are msgspec's, and they hold for Avro too: a type has one schema, whatever the payload. msgspec knows them only once it
is imported, and looking into a type does not import it.
"""

from __future__ import annotations

import enum
from typing import Any, Final

from ..errors import SchemaError
from .fitting import is_json
from .hints import Choice, Enumeration, FixedTuple, Hint, Literals, Mapping, Opaque, RecordHint, Scalar, Sequence

WORDS: Final = {"text": "texts", "number": "whole numbers", "array": "arrays", "object": "objects"}
NOT_TEXT: Final = (type(None), bool, int, float)


def check(hint: Hint, path: str) -> None:
    """Refuse a hint that says what no reader can read; what is in it is not looked at.

    Raises:
        SchemaError: It does; ``path`` is where it stands.
    """
    match hint:
        case Scalar() if not hint.bounds:
            return
        case Enumeration():
            if _enum_of(hint.cls) is None:
                raise SchemaError(
                    f"the enum {hint.cls.__name__} has neither only texts nor only whole numbers", path=path
                )
        case Literals():
            if not all(value is None or type(value) in (bool, int, str) for value in hint.values):
                raise SchemaError("a Literal has None, bool, int and str", path=path)
        case Choice():
            _check_union(hint.members, path)
    said = _said(hint)
    if any(said) and not is_json(said):
        raise SchemaError(
            "a value, a tag or a bound of the type has no JSON text in UTF-8, which its schema would be written in",
            path=path,
        )


def _said(hint: Hint) -> list[Any]:
    """All that stands in a schema as a hint has it."""
    match hint:
        case Enumeration():
            return [member.value for member in hint.cls]
        case Literals():
            return list(hint.values)
        case RecordHint():
            return [hint.tag, hint.tag_field, hint.aliases, *(field.aliases for field in hint.fields)]
        case Mapping(key=Scalar() as key):
            return [hint.bounds, key.bounds]
        case Scalar() | Sequence() | Mapping():
            return [hint.bounds]
    return []


def _enum_of(cls: type[enum.Enum]) -> str | None:
    """What an enum's values are written as."""
    values = [member.value for member in cls]
    for kind, word in ((int, "number"), (str, "text")):
        if values and (issubclass(cls, kind) or all(type(value) is kind for value in values)):
            return word
    return None


def _check_union(members: tuple[Hint, ...], path: str) -> None:
    if any(map(_is_any, members)):
        if not all(_is_any(member) or _is_none(member) for member in members):
            raise SchemaError("Any takes the values of what stands beside it in a union: write Any alone", path=path)
        return
    if any(_is_unknown(member) for member in members):
        if any(not (_is_unknown(member) or _is_none(member)) for member in members):
            raise SchemaError("a union with a class of which nothing is known has None beside it alone", path=path)
        return
    written: dict[str, dict[Any, str]] = {word: {} for word in WORDS}
    for member in members:
        for word, key, name in _written(member):
            written[word][key] = name
    written["number"].pop("literals" if int in written["number"] else None, None)
    written["text"].pop("literals" if str in written["text"] else None, None)
    for word, found in written.items():
        if len(found) > 1:
            names = ", ".join(found.values())
            raise SchemaError(f"a reader cannot tell apart {names}: all are written as {WORDS[word]}", path=path)
    _check_tags([member for member in members if isinstance(member, RecordHint)], path)


def _written(hint: Hint) -> list[tuple[str, Any, str]]:
    """What a member is written as, what it shares its place with, and its name."""
    match hint:
        case Scalar() if hint.cls is int:
            return [("number", int, "int")]
        case Scalar() if hint.cls not in NOT_TEXT:
            return [("text", hint.cls, hint.cls.__name__)]
        case Literals():
            kinds = {type(value) for value in hint.values}
            pairs = (("number", int), ("text", str))
            return [(word, "literals", "a Literal") for word, kind in pairs if kind in kinds]
        case Enumeration():
            return [(_enum_of(hint.cls) or "text", id(hint), hint.cls.__name__)]
        case Sequence() | FixedTuple():
            return [("array", id(hint), hint.cls.__name__ if isinstance(hint, Sequence) else "tuple")]
        case Mapping():
            return [("object", id(hint), "dict")]
        case RecordHint():
            name = getattr(hint.cls, "__name__", repr(hint.cls))
            shared = id(hint) if hint.kind == "typeddict" else "records"  # classes tell these apart, or tags
            return [("array" if hint.array_like else "object", shared, name)]
    return []


def _check_tags(records: list[RecordHint], path: str) -> None:
    """Several records are told apart by their tags, or their classes' names, which have to differ."""
    distinct = {id(one): one for one in records}.values()
    tags = [getattr(one.cls, "__origin__", one.cls).__name__ if one.tag is None else one.tag for one in distinct]
    if len(set(tags)) < len(tags):
        names = ", ".join(map(repr, tags))
        raise SchemaError(f"the records of a union need tags or names that differ, these are {names}", path=path)


def _is_unknown(hint: Hint) -> bool:
    """Of msgspec's own classes something is known."""
    return isinstance(hint, Opaque) and hint.cls.__module__.partition(".")[0] != "msgspec"


def _is_any(hint: Hint) -> bool:
    return isinstance(hint, Scalar) and hint.cls is object


def _is_none(hint: Hint) -> bool:
    return isinstance(hint, Scalar) and hint.cls is type(None)
