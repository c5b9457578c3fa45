"""Names, keys and values of other people on a terminal: escaped, so that it obeys none of them, and cut where long."""

from __future__ import annotations

import json
from typing import Any, Final

__all__ = ["as_json", "readable_json", "shown"]

LONGEST: Final = 300
"""Characters of a name or key that are shown."""


def shown(text: str, longest: int = LONGEST) -> str:
    r"""Return text for one line: ``\x1b``, ``\n``, ``\u202e`` in place of characters that are not printable.

    Args:
        text: Any text, with surrogates where a file's name is no UTF-8.
        longest: Characters that are shown; the length of longer text is given in place of the rest.
    """
    plain = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text[:longest])
    return plain if len(text) <= longest else f"{plain}… ({len(text)} characters in all)"


def as_json(value: Any) -> str:
    """Return a value of dicts, lists and constants as one line of JSON, in ASCII without control characters."""
    return json.dumps(value).replace("\x7f", "\\u007f")


def _escaped(char: str) -> str:
    # Characters beyond U+FFFF are two surrogates in JSON, as json.dumps writes them.
    return f"\\u{ord(char):04x}" if ord(char) <= 0xFFFF else json.dumps(char)[1:-1]


def readable_json(value: Any) -> str:
    """Return the same as JSON of many lines for people, where printable characters stand as they are."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return "".join(char if char.isprintable() or char == "\n" else _escaped(char) for char in text)
