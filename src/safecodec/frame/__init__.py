"""Frames: 32 bytes in front of a payload that say what it is and whether it is whole.

The layout is specified in docs/reference/wire-format.md. Nothing here knows of schema languages, values or I/O.
"""

from typing import Literal, TypeAlias

from ._frame import crc32c, crc32c_implementation, crc32c_implementations, crc32c_with, mask, pack, peek, unpack
from ._header import Header, fingerprint, tag

__all__ = [
    "Header",
    "PayloadFormat",
    "crc32c",
    "crc32c_implementation",
    "crc32c_implementations",
    "crc32c_with",
    "fingerprint",
    "mask",
    "pack",
    "peek",
    "tag",
    "unpack",
]

PayloadFormat: TypeAlias = Literal["avro", "msgpack", "json"]
"""The payload formats, by the names that a codec and `Header.format` give them."""
