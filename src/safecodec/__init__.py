"""A checked frame around Avro, MessagePack and JSON payloads.

`Codec` writes and reads values; `peek` reads a frame's header alone; `pack` and `unpack` are for those who bring
their own payload. Every error is in `safecodec.errors`, and here.
"""

from . import errors
from .avro._breathing import Breathing
from .avro.alias import Alias
from .codec import Codec
from .errors import *  # noqa: F403
from .frame import Header, PayloadFormat, Stamp, crc32c, pack, peek, unpack
from .reader import Reader

__all__ = [
    "Alias",
    "Breathing",
    "Codec",
    "Header",
    "PayloadFormat",
    "Reader",
    "Stamp",
    "crc32c",
    "pack",
    "peek",
    "unpack",
    *errors.__all__,
]
