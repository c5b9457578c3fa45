"""One frame, its writer and its reader, that tests start from."""

from __future__ import annotations

from typing import Any

import pytest

import reference
from safecodec.errors import SafecodecError
from safecodec.frame import unpack

PRINT = b"\x01\x02\x03\x04"
WRITE: dict[str, Any] = {
    "format": "avro",
    "subject": "orders",
    "version": 3,
    "oldest_reader": 2,
    "fingerprint": PRINT,
    "environment": "production",
}
READ: dict[str, Any] = {
    "format": "avro",
    "subject": "orders",
    "environment": "production",
    "versions": {3: PRINT, 2: bytes(4)},
}
PAYLOAD = b"payload"
FRAME = reference.pack(PAYLOAD, **WRITE)


def caught(frame: Any, **changes: Any) -> SafecodecError:
    """The error of reading `frame` with READ and these changes."""
    with pytest.raises(SafecodecError) as info:
        unpack(frame, **{**READ, **changes})
    return info.value


def altered(at: int, new: bytes, frame: bytes = FRAME) -> bytes:
    """The frame with other bytes at an offset and a right header checksum."""
    return reference.reseal(frame[:at] + new + frame[at + len(new) :])
