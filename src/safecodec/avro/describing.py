"""What went wrong in a library below, in our words."""

from __future__ import annotations

import re
import sys
from functools import reduce
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

from ..errors import CONTAINERS, LONGEST, SafecodecError, legible
from ..errors import FAULTS as FAULTS
from ..errors import short as short

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PLAIN: Final = (str, bytes, bytearray, memoryview, int, float, list, tuple, set, frozenset, type(None))
"""Types whose values are no records, whatever attributes they have."""

LONGEST_TEXT: Final = 200
MOST_LISTED: Final = 20
"""How much of a foreign exception's text a message has, and how many names."""

ROOM: Final = 400
"""Levels of stack that a caller has left for any value that nests as deep as limits allow."""
OURS: Final = frozenset({"safecodec", *sys.stdlib_module_names})
"""Modules whose calls stand on the stack where a value nests deep."""
NESTED: Final[list[Any]] = reduce(lambda inner, _: [inner], range(ROOM), [])
"""As many lists: their text takes the stack of C, which CPython may count apart."""

SEPARATOR: Final = " - at `"
PATH: Final = re.compile(r" - at `(?P<key>key` in `)?(?P<path>\$(?:\.[^.`\s\[\]]+|\[(?:\d+|\.\.\.)\])*)`")
"""How msgspec says where something is, behind what it is."""
NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")
UNKNOWN_FIELD: Final = "Object contains unknown field `"


def describe(error: Exception, payload: bytes | None = None) -> tuple[str, str]:
    """Return the reason and the path of an error that a payload's encoder or decoder let out.

    Args:
        error: Any exception; of msgspec's the path is taken out of the message.
        payload: The payload that was read, where it was one.
    """
    if isinstance(error, SafecodecError):
        return error.reason, error.path
    if isinstance(error, RecursionError):
        return "the value nests too deep", ""
    text = _text(error)
    if not is_of_msgspec(error):
        return legible(f"{type(error).__name__}: {text}", LONGEST_TEXT), ""
    reason, place = _apart(text, error.__cause__, payload)
    if place is None:
        return legible(reason, LONGEST_TEXT), ""
    return legible(reason, LONGEST_TEXT) + (", as a key" if place["key"] else ""), place["path"]


def origin(error: Exception) -> BaseException | None:
    """Return what an error that `describe` has put into words comes of: itself, unless its words are all that it has.

    A traceback shows the texts of causes as they are, and msgspec's may have been written by whoever wrote the payload.
    """
    return error.__cause__ if isinstance(error, SafecodecError) or is_of_msgspec(error) else error


def is_of_msgspec(error: Exception) -> bool:
    """Tell whether an exception is one that msgspec raises for payloads and values alone, over one of ours.

    A type's own code may use msgspec on a text of the payload's: what it says then is of that text.
    """
    kind = type(error)
    names = ("ValidationError", "DecodeError", "EncodeError")
    return kind.__module__ == "msgspec" and kind.__name__ in names and not is_of_others(error)


def _apart(text: str, cause: BaseException | None, payload: bytes | None) -> tuple[str, re.Match[str] | None]:
    """Return what a message of msgspec's says, and the match of its path.

    The path comes last, and nothing comes in its stead where it is the root's. So a text at the end may read like one:
    that of a hook's exception, which is known, or the name of a field, which the payload then has.
    """
    unknown = text.startswith(UNKNOWN_FIELD)
    said = "" if cause is None else _text(cause)
    if said and text.startswith(said):
        place = PATH.fullmatch(text, len(said))
    elif unknown and (payload is None or SEPARATOR.encode() in payload or b"\\" in payload):
        place = None
    else:
        place = PATH.fullmatch(text, max(text.rfind(SEPARATOR), 0))
    reason = text if place is None else text[: place.start()]
    if unknown:
        reason = f"{UNKNOWN_FIELD[:-1]}{short(reason[len(UNKNOWN_FIELD) : -1])}"
    return reason[:1].lower() + reason[1:], place


def _text(error: BaseException) -> str:
    """An exception's text; its own code may fail."""
    try:
        return str(error)
    except FAULTS:
        return "its text cannot be had"


def listed(names: Iterable[object]) -> str:
    """Return names with commas between them; where there are many, the first of them and how many more there are."""
    texts = list(names)
    more = len(texts) - MOST_LISTED
    shown = [str(name) for name in texts[:MOST_LISTED]] + ([f"... and {more} more"] if more > 0 else [])
    return ", ".join(shown)


def spelled(type_: Any) -> str:
    """Return a type's text, or only the beginning where it is made of many types; its own code may fail.

    A type may hold another twice, and its whole text then doubles with each level.
    """
    try:
        waiting = [type_]
        for _ in range(LONGEST):
            if not waiting:
                return repr(type_)
            one = waiting.pop()
            waiting += one if type(one) in CONTAINERS else get_args(one)
        return f"{getattr(get_origin(type_), '__qualname__', type(type_).__name__)}[...]"
    except FAULTS:
        return f"an object of {type(type_).__name__}"


def step(key: object) -> str:
    """Return a key as a piece of a path: a name behind a dot, any other text or value quoted in brackets."""
    return f".{key}" if isinstance(key, str) and NAME.fullmatch(key) else f"[{short(key)}]"


def nests_too_deep(error: RecursionError) -> bool:
    """Tell whether a value is too deep for the stack, rather than its caller near the stack's end.

    A type's own code may recurse as well: then some of the calls on the stack are of it. Calls of the standard library
    are made for either.
    """
    if any(module.partition(".")[0] not in OURS for module in _modules(error)):
        return False
    try:
        repr(NESTED)
        return _descend(ROOM)
    except RecursionError:
        return False


def _descend(levels: int) -> bool:
    return levels == 0 or _descend(levels - 1)


def is_of_others(error: BaseException) -> bool:
    """Tell whether Python code that is not ours raised an exception: a type's own, or a signal's handler."""
    *_, last = "safecodec", *_modules(error)
    return last.partition(".")[0] != "safecodec"


def _modules(error: BaseException) -> Iterator[str]:
    """Yield the module of each call that an exception has left."""
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame.f_globals.get("__name__", "")
        trace = trace.tb_next
