"""The order of verdicts: of several faults the earliest is reported."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest

import reference
from safecodec.errors import DecodeError
from safecodec.frame import peek, unpack

PRINT = b"\x01\x02\x03\x04"


@dataclass
class Draft:
    """A frame before it is written, which faults are built into."""

    magic: int = 0xC1
    revision: int = 0xDE
    format: int = 1
    flags: int = 0
    version: int = 3
    fingerprint: bytes = PRINT
    subject: str = "orders"
    environment: str = "production"
    payload: bytes = b"payload"
    more: bytes = b""
    stamp: bytes = b""
    payload_mask: int = 0
    header_mask: int = 0
    cut: int | None = None
    faults: list[str] = field(default_factory=list)

    def write(self) -> bytes:
        """The bytes, with checksums that are right where no fault is built into them."""
        start = struct.pack(
            "<BBBBHH4s4s4sII",
            self.magic,
            self.revision,
            self.format,
            self.flags,
            self.version,
            self.version,
            reference.tag(self.subject),
            self.fingerprint,
            reference.tag(self.environment),
            len(self.stamp + self.payload),
            reference.masked(reference.crc32c(self.stamp + self.payload)) ^ self.payload_mask,
        )
        header = struct.pack("<I", reference.masked(reference.crc32c(start)) ^ self.header_mask)
        return (start + header + self.stamp + self.payload + self.more)[: self.cut]


def _set(name: str, value: object) -> Callable[[Draft], None]:
    return lambda draft: setattr(draft, name, value)


def _stamp(draft: Draft) -> None:
    draft.flags |= 0x40
    draft.stamp = bytes(24)


# In the order of verdicts.
FAULTS: dict[str, Callable[[Draft], None]] = {
    "FrameTooShortError": _set("cut", 31),
    "NotAFrameError": _set("magic", 0x00),
    "UnsupportedRevisionError": _set("revision", 0xFE),
    "HeaderChecksumError": _set("header_mask", 0x00010000),
    "UnsupportedFlagsError": lambda draft: setattr(draft, "flags", draft.flags | 0x10),
    "PayloadFormatError": _set("format", 2),
    "EnvironmentMismatchError": _set("environment", "staging"),
    "SubjectMismatchError": _set("subject", "users"),
    "UnknownVersionError": _set("version", 4),
    "SchemaConflictError": _set("fingerprint", bytes(4)),
    "PayloadLengthError": _set("more", b"!"),
    "PayloadTooLargeError": _set("payload", b"payload" * 3),
    "PayloadChecksumError": _set("payload_mask", 0x00000100),
    "StampError": _stamp,
}
ORDER = list(FAULTS)
PAYLOAD_FAULTS = {"PayloadLengthError", "PayloadChecksumError"}


def draft(faults: Iterable[str]) -> bytes:
    """A frame with these faults."""
    made = Draft()
    for fault in faults:
        FAULTS[fault](made)
    return made.write()


def expected(faults: tuple[str, ...]) -> str | None:
    """The verdict on a frame with these faults, in order."""
    if not faults:
        return None
    if faults[0] == "HeaderChecksumError" and not PAYLOAD_FAULTS & set(faults):
        return "ContextMismatchError"
    return faults[0]


def verdict(frame: bytes) -> str | None:
    """The class of the error of the strict reader, None where it reads."""
    try:
        unpack(frame, subject="orders", environment="production", format="avro", versions={3: PRINT}, max_payload=10)
    except DecodeError as error:
        return type(error).__name__
    return None


def oracle_verdict(frame: bytes) -> str | None:
    """The same, of the oracle."""
    try:
        reference.unpack(
            frame, subject="orders", environment="production", format="avro", versions={3: PRINT}, max_payload=10
        )
    except reference.Refused as refused:
        return refused.name
    return None


@pytest.mark.parametrize("faults", [*itertools.combinations(ORDER, 1), *itertools.combinations(ORDER, 2)], ids=" ".join)
def test_the_earlier_of_two_faults_wins(faults: tuple[str, ...]) -> None:
    """For every pair of faults the earlier verdict is reported."""
    assert verdict(draft(faults)) == expected(faults)


@pytest.mark.parametrize("count", range(len(ORDER) + 1))
def test_the_earliest_of_any_faults_wins(count: int) -> None:
    """For every set of faults the earliest verdict is reported, by the oracle, too."""
    for faults in itertools.combinations(ORDER, count):
        frame = draft(faults)
        assert verdict(frame) == oracle_verdict(frame) == expected(faults)


def test_peek_keeps_the_order_and_stops_at_the_header() -> None:
    """Peek reports verdicts 1 to 4 in the same order and none of the later ones."""
    for faults in itertools.combinations(ORDER, 2):
        frame = draft(faults)
        wanted = expected(faults) if ORDER.index(faults[0]) < 4 else None
        try:
            peek(frame)
            found = None
        except DecodeError as error:
            found = type(error).__name__
        assert found == wanted
