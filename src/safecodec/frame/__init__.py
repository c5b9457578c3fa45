"""Frames: 32 bytes in front of a payload that say what it is and whether it is whole.

The layout is specified in docs/reference/wire-format.md. Nothing here knows of schema languages, values or I/O.
"""

from typing import Literal, TypeAlias

from ._frame import (
    crc32c,
    crc32c_implementation,
    crc32c_implementations,
    crc32c_with,
    mask,
    pack,
    peek,
    restamp,
    stamp_of,
    unpack,
)
from ._header import Header, fingerprint, tag
from ._stamp import Stamp

__all__ = [
    "Header",
    "PayloadFormat",
    "Stamp",
    "StampKind",
    "crc32c",
    "crc32c_implementation",
    "crc32c_implementations",
    "crc32c_with",
    "fingerprint",
    "mask",
    "pack",
    "peek",
    "restamp",
    "stamp_of",
    "tag",
    "unpack",
]

PayloadFormat: TypeAlias = Literal["avro", "msgpack", "json"]
"""The payload formats, by the names that a codec and `Header.format` give them."""

StampKind: TypeAlias = Literal["value", "absent", "deleted"]
"""The kinds of a `Stamp`."""
