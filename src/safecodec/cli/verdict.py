"""The verdict on the bytes of a frame, as far as it needs no schema.

The payload is summed in pieces: a frame of 4 GiB takes no more memory than a small one, and of bytes that are no frame
only the start is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from safecodec.errors import (
    DecodeError,
    EnvironmentMismatchError,
    FrameTooShortError,
    HeaderChecksumError,
    NotAFrameError,
    PayloadChecksumError,
    SubjectMismatchError,
)
from safecodec.frame import crc32c, mask, peek, refusals

if TYPE_CHECKING:
    from safecodec.frame import Header

__all__ = ["HEADER_SIZE", "PIECE", "Expected", "Readable", "Report", "inspect"]

HEADER_SIZE: Final = 32
PIECE: Final = 1 << 20
"""Bytes that are read at a time."""
SHOWN: Final = 64
"""Bytes that the hexdump shows."""
_KNOWN_FORMATS: Final = (1, 2, 3)


class Readable(Protocol):
    """A binary stream."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes, none at the end."""
        ...


@dataclass(frozen=True)
class Expected:
    """The demands on a frame.

    Args:
        contexts: The contexts that it may be bound to, the first that fits counts; ``b""`` is none.
        environment: The tag of the environment that it must come from; None takes any.
        subject: The tag of the subject that it must be about; None takes any.
        whole: Whether a part of a frame, its first 32 bytes or more, is cut off rather than a header to look at.
    """

    contexts: tuple[bytes, ...] = (b"",)
    environment: bytes | None = None
    subject: bytes | None = None
    whole: bool = False


@dataclass
class Report:
    """The verdict on some bytes.

    Attributes:
        length: Length of the whole, in bytes; of what was read, where that is a pipe.
        start: The first bytes.
        header: The frame's header, if there is one; damaged where a fault says so.
        context: The context that the header's checksum holds with, ``b""`` for none; None where it does not hold.
        frame_faults: Faults, in the order of verdicts.
        refusal: The error of a codec that was asked to decode the frame.
        hints: What to do about it.
    """

    length: int
    start: bytes
    header: Header | None = None
    context: bytes | None = None
    frame_faults: list[DecodeError] = field(default_factory=list)
    refusal: DecodeError | None = None
    hints: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[DecodeError]:
        """Faults, in the order of verdicts: a reader raises the first."""
        if self.refusal is None or type(self.refusal) in map(type, self.frame_faults):
            return self.frame_faults
        return [self.refusal, *self.frame_faults]

    @property
    def payload(self) -> str | None:
        """Whether the payload was ``checked``, ``cut off`` or ``not given``; None where there is no header."""
        if self.header is None:
            return None
        if self.length - HEADER_SIZE >= self.header.payload_length:
            return "checked"
        return "cut off" if self.length > HEADER_SIZE else "not given"

    @property
    def intact(self) -> bool | None:
        """Whether the frame is undamaged; None where that is not known, as its payload is not all there.

        It may still be from elsewhere, about something else, or not for the codec.
        """
        elsewhere = EnvironmentMismatchError | SubjectMismatchError
        if not all(isinstance(fault, elsewhere) for fault in self.frame_faults):
            return False
        return True if self.payload == "checked" else None


@dataclass(frozen=True)
class _Payload:
    """Bytes behind the header: how many, to little more than stated; the checksum of the stated; the last one."""

    found: int
    checksum: int
    last: bytes


def _sum_payload(stream: Readable, start: bytes, stated: int) -> _Payload:
    piece = start[HEADER_SIZE:]
    found, checksum, last = len(piece), crc32c(piece[:stated]), start[-1:]
    while found <= stated and (piece := stream.read(PIECE)):
        checksum = crc32c(piece[: stated - found], checksum)
        found += len(piece)
        last = piece[-1:]
    return _Payload(found, mask(checksum), last)


def inspect(stream: Readable, expected: Expected = Expected(), *, size: int | None = None) -> Report:
    """Check the frame in a stream: everything that can be checked without knowing its schema.

    Args:
        stream: The stream, at its start.
        expected: What is asked of the frame.
        size: Length of the stream in bytes where it is known, so that bytes behind the frame need not be read.

    Returns:
        Findings. Of a frame's first 32 bytes or more, the verdict on the header.

    Raises:
        OSError: The stream cannot be read.
    """
    start = stream.read(PIECE)
    report = Report(length=len(start) if size is None else max(size, len(start)), start=start[:SHOWN])
    try:
        # The header's checksum is compared below, where the payload's is known too.
        report.header = header = peek(start, verify=False)
    except NotAFrameError as error:
        too_short = isinstance(error, FrameTooShortError)
        report.frame_faults.append(refusals.foreign(too_short=too_short, start=start, length=report.length))
        if start == b"\n":
            report.hints.append("an empty line is what redis-cli prints for a key that does not exist")
        return report
    except DecodeError as error:
        report.frame_faults.append(error)
        return report
    payload = _sum_payload(stream, start, header.payload_length)
    report.length = max(report.length, HEADER_SIZE + payload.found)
    report.frame_faults += _checksum_faults(report, header, expected, payload)
    report.frame_faults += _header_faults(header, expected)
    report.frame_faults += _payload_faults(report, header, expected, payload)
    report.frame_faults += _stamp_faults(report, header, start)
    report.hints += _hints(report, header, expected, payload)
    return report


def _checksum_faults(report: Report, header: Header, expected: Expected, payload: _Payload) -> list[DecodeError]:
    """HeaderChecksumError or ContextMismatchError; the report gets the context that fits."""
    without = crc32c(bytes(header)[: HEADER_SIZE - 4])
    for context in expected.contexts:
        found = mask(crc32c(context, without))
        if found == header.header_checksum:
            report.context = context
            return []
    given = any(expected.contexts)
    if report.payload == "checked" or expected.whole:
        intact = report.length - HEADER_SIZE == header.payload_length and payload.checksum == header.payload_checksum
        return [refusals.header_checksum(header, found=found, payload_intact=intact, context_given=given)]
    bound = "another context, or none" if given else "a context, and none is given"
    reason = (
        f"the header does not match its checksum (0x{header.header_checksum:08x} expected, 0x{found:08x} found): it is "
        f"damaged, or written for {bound}; the whole frame would tell which"
    )
    return [HeaderChecksumError(reason, expected=header.header_checksum, found=found, header=header)]


def _header_faults(header: Header, expected: Expected) -> list[DecodeError]:
    """UnsupportedFlagsError to SubjectMismatchError, all of them."""
    faults: list[DecodeError] = []
    if header.flags & sum(refusals.NOT_UNDERSTOOD):
        faults.append(refusals.flags(header))
    if header.format_code not in _KNOWN_FORMATS:
        faults.append(refusals.payload_format(header, expected=None))
    if expected.environment is not None and expected.environment.hex() != header.environment_tag:
        faults.append(refusals.environment(header, expected=expected.environment))
    if expected.subject is not None and expected.subject.hex() != header.subject_tag:
        faults.append(refusals.subject(header, expected=expected.subject))
    return faults


def _payload_faults(report: Report, header: Header, expected: Expected, payload: _Payload) -> list[DecodeError]:
    """PayloadLengthError and PayloadChecksumError; a payload that is cut off cannot match its checksum."""
    faults: list[DecodeError] = []
    found = report.length - HEADER_SIZE
    if found > header.payload_length or (found < header.payload_length and expected.whole):
        faults.append(refusals.payload_length(header, found=found, allowed=header.payload_length))
    if found >= header.payload_length and payload.checksum != header.payload_checksum:
        faults.append(refusals.payload_checksum(header, found=payload.checksum))
    return faults


def _stamp_faults(report: Report, header: Header, start: bytes) -> list[DecodeError]:
    """StampError; of bytes that are damaged, or not all there, there is nothing to say."""
    behind = report.length - HEADER_SIZE
    if not header.flags & refusals.STAMPED or behind != header.payload_length:
        return []
    if any(isinstance(fault, PayloadChecksumError) for fault in report.frame_faults):
        return []
    block = start[HEADER_SIZE : HEADER_SIZE + refusals.STAMP_SIZE]
    fault = refusals.stamp(header, block, behind=behind)
    return [] if fault is None else [fault]


def _hints(report: Report, header: Header, expected: Expected, payload: _Payload) -> list[str]:
    hints: list[str] = []
    behind = report.length - HEADER_SIZE
    if payload.last == b"\n":
        place = ""
        if behind == header.payload_length + 1:
            place = "is one newline longer than the frame"
        elif behind == header.payload_length and payload.checksum != header.payload_checksum:
            place = "ends in a newline"
        elif behind == 1 < header.payload_length:
            place = "is one newline longer than the header"
        if place:
            hints.append(f"the input {place}: redis-cli prints one behind a value, and --strip-newline leaves it out")
    if report.context is None and not any(expected.contexts):
        hints.append("a frame that is bound to a context, such as its cache key, needs it: give --context")
    return hints
