"""Physical keys: what a value is called in a store that environments and subjects share.

A value's key is ``ENVIRONMENT:SUBJECT:KEY``. In each of the three parts, ``%``, braces, whitespace, control characters
and bytes that are no UTF-8 are written as ``%XX``; in the first two, colons as well. Hence:

* Two triples of parts never have one key, and no environment or subject spells the beginning of another's keys, so that
  ``~production:*`` in an ACL of Redis means one environment.
* A value's key has no brace, and Redis Cluster hashes all of it. A side key is ``{VALUE'S KEY}:SUFFIX``, whose hash tag
  is the value's key: both are in one slot, and one Lua script may touch both.
* Every key is UTF-8 in one line. Letters of any script stay legible.
"""

from __future__ import annotations

import re
from typing import Final

from safecodec.errors import ConfigError, InputTypeError, short

__all__ = ["Keys", "escaped_name"]

# Of the code points, not of a Unicode category: another version of Python must not give a value another key. Bytes that
# are no UTF-8 are decoded to U+DC80 to U+DCFF.
_UNSAFE: Final = (
    "%{}\x00-\x20\x7f-\xa0\xad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff\ufff0-\ufffb"
    "\udc80-\udcff"
)
_IN_KEYS: Final = re.compile(f"[{_UNSAFE}]")
_IN_NAMES: Final = re.compile(f"[:{_UNSAFE}]")


def _as_hex(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogateescape"))


def _escaped(data: bytes, unsafe: re.Pattern[str]) -> bytes:
    text = data.decode("utf-8", "surrogateescape")
    return data if unsafe.search(text) is None else unsafe.sub(_as_hex, text).encode()


def escaped_name(part: str, name: str) -> bytes:
    """Return the name of an environment or a subject as keys have it.

    Args:
        part: ``"environment"`` or ``"subject"``, for an error.
        name: The name.

    Raises:
        ConfigError: It is empty, or no text that UTF-8 can write.
        InputTypeError: It is no str.
    """
    if not isinstance(name, str):
        raise InputTypeError(f"the {part} of a key is a str, found {type(name).__name__}", found=type(name).__name__)
    if not name:
        raise ConfigError(f"the {part} of a key is empty: give it a name, such as that of the codec's {part}")
    return _escaped(_utf8(part, name), _IN_NAMES)


def _utf8(part: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ConfigError(
            f"the {part} {short(text)} has half a surrogate pair, which UTF-8 cannot write: give bytes for a key "
            f"that is no text"
        ) from None


class Keys:
    """The physical keys of one subject in one environment.

    Args:
        environment: Name of the environment, such as ``"production"``.
        subject: Name of the subject, such as ``"user-config"``.

    Raises:
        ConfigError: A name is empty, or no text that UTF-8 can write.
        InputTypeError: A name is no str.
    """

    __slots__ = ("_prefix",)

    def __init__(self, environment: str, subject: str) -> None:
        self._prefix = b"%b:%b:" % (escaped_name("environment", environment), escaped_name("subject", subject))

    @staticmethod
    def logical(key: str | bytes) -> bytes:
        """Return the bytes of a logical key, which are also the context that its frames are bound to.

        Args:
            key: The key as callers give it; a str and its UTF-8 bytes are one key.

        Raises:
            ConfigError: It is a str with half a surrogate pair.
            InputTypeError: It is neither str nor bytes.
        """
        if isinstance(key, str):
            return _utf8("key", key)
        if isinstance(key, bytes):
            return key
        raise InputTypeError(f"a key is str or bytes, found {type(key).__name__}", found=type(key).__name__)

    def value(self, key: str | bytes) -> bytes:
        """Return the physical key of a value.

        Args:
            key: The logical key, see `logical`, which also has the errors.
        """
        return self._prefix + _escaped(self.logical(key), _IN_KEYS)

    def side(self, key: str | bytes, suffix: str) -> bytes:
        """Return the physical key of what is kept beside a value, in the slot of the value.

        Args:
            key: The logical key, see `logical`, which also has the errors.
            suffix: What is kept there, such as ``"lease"``: printable ASCII.
        """
        return b"{%b}:%b" % (self.value(key), suffix.encode("ascii"))
