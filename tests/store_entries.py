"""Bytes that begin as stamped frames do, a time that is told to go on, for tests of stores; imports no library."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from safecodec.cache.stores import Leased

OURS: Final = b"prod"
OTHER: Final = b"stag"
KINDS: Final = {"value": 1, "absent": 2, "deleted": 3}


@dataclass(frozen=True)
class Entry:
    """An entry as the model knows it, and its bytes: a frame, or whatever else ``raw`` is."""

    load_start: int = 0
    source_version: int = 0
    fresh_for: int = 0
    kind: str = "value"
    environment: bytes = OURS
    payload: bytes = b"payload"
    stamped: bool = True
    raw: bytes | None = None

    @property
    def data(self) -> bytes:
        """The bytes of the entry; no checksum in them is right, as no store looks at one."""
        if self.raw is not None:
            return self.raw
        payload = b"" if self.kind in ("absent", "deleted") else self.payload
        numbers = (self.load_start, self.source_version, self.fresh_for, KINDS[self.kind])
        stamp = struct.pack("<QQIB3x", *numbers) if self.stamped else b""
        start = b"\xc1\xde\x01" + (b"\x40" if self.stamped else b"\x00") + struct.pack("<HHII", 1, 1, 7, 8)
        return start + self.environment + struct.pack("<III", len(stamp + payload), 5, 6) + stamp + payload

    @property
    def framed(self) -> bool:
        """Whether the bytes begin as a frame does, as far as its environment."""
        return self.raw is None


@dataclass
class Clock:
    """A time that goes on when it is told to."""

    seconds: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.seconds


def leased(answer: Leased) -> bool:
    """Whether a lease was granted; the time in the answer is one."""
    assert answer.time > 1_600_000_000_000_000
    return answer.granted
