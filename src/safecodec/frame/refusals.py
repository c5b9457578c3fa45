"""The errors of the frame's verdicts, built from what the checks found. Nothing here runs on a good frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..errors import (
    ContextMismatchError,
    DecodeError,
    EnvironmentMismatchError,
    FrameTooShortError,
    HeaderChecksumError,
    NotAFrameError,
    PayloadChecksumError,
    PayloadFormatError,
    PayloadLengthError,
    PayloadTooLargeError,
    SchemaConflictError,
    SubjectMismatchError,
    UnknownVersionError,
    UnsupportedFlagsError,
)

if TYPE_CHECKING:
    from ._header import Header

FLAG_NAMES: Final = {0x10: "compressed", 0x20: "sealed", 0x40: "0x40", 0x80: "0x80"}
"""The must-understand flags."""
UNSCOPED: Final = "00000000"


def foreign(*, too_short: bool, start: bytes, length: int) -> NotAFrameError:
    """Verdicts 1 and 2, given the first bytes and the length of the whole."""
    from .sniff import name_of  # its patterns are a tenth of what importing safecodec would cost

    error = FrameTooShortError if too_short else NotAFrameError
    return error(looks_like=name_of(start, length=length), start=start, length=length)


def header_checksum(header: Header, *, found: int, payload_intact: bool, context_given: bool) -> HeaderChecksumError:
    """Verdict 4: another context where the payload is intact, else damage."""
    expected = header.header_checksum
    if not payload_intact:
        reason = f"the header is damaged: its checksum is 0x{expected:08x}, its bytes have 0x{found:08x}"
        return HeaderChecksumError(reason, expected=expected, found=found, header=header)
    bound = "another context, or none" if context_given else "a context, and none is given"
    reason = (
        f"the header does not match its checksum (0x{expected:08x} expected, 0x{found:08x} found) and the payload "
        f"matches its own: the frame was probably written for {bound}; a value under another cache key looks like this"
    )
    return ContextMismatchError(reason, expected=expected, found=found, header=header)


def flags(header: Header) -> UnsupportedFlagsError:
    """Verdict 5, flags."""
    found = header.flags & 0xF0
    names = ", ".join(name for bit, name in FLAG_NAMES.items() if found & bit)
    reason = f"the frame has flags that this release does not understand and must not ignore: {names}"
    return UnsupportedFlagsError(reason, found=found, header=header)


def payload_format(header: Header, *, expected: str | None) -> PayloadFormatError:
    """Verdict 5, payload format."""
    found: str | int = header.format_code if header.format.startswith("unknown") else header.format
    wants = f"this reader reads {expected}" if expected else "which this release does not read"
    return PayloadFormatError(f"the payload is {header.format}, {wants}", expected=expected, found=found, header=header)


def _spelled(environment: str) -> str:
    return "no environment (unscoped)" if environment == UNSCOPED else f"the environment with tag {environment}"


def environment(header: Header, *, expected: bytes) -> EnvironmentMismatchError:
    """Verdict 6."""
    wanted, found = expected.hex(), header.environment_tag
    reason = f"the frame was written in {_spelled(found)}, this reader is in {_spelled(wanted)}"
    return EnvironmentMismatchError(reason, expected=wanted, found=found, header=header)


def subject(header: Header, *, expected: bytes) -> SubjectMismatchError:
    """Verdict 7."""
    wanted, found = expected.hex(), header.subject_tag
    reason = f"the frame holds the subject with tag {found}, this reader reads the one with tag {wanted}"
    return SubjectMismatchError(reason, expected=wanted, found=found, header=header)


def unknown_version(header: Header, *, known: tuple[int, ...]) -> UnknownVersionError:
    """Verdict 8, a version that cannot be read here."""
    found, oldest = header.version, header.oldest_reader
    reason = f"schema version {found} is not known, this reader knows {', '.join(map(str, known))}"
    if found > known[-1]:
        reason += f"; the frame can be read from version {oldest} on"
    return UnknownVersionError(reason, found=found, oldest_reader=oldest, known=known, header=header)


def schema_conflict(header: Header, *, expected: bytes) -> SchemaConflictError:
    """Verdict 8, a known version with another schema."""
    wanted, found = expected.hex(), header.fingerprint
    reason = (
        f"version {header.version} has the schema fingerprint {found} in the frame and {wanted} here: "
        "two schemas claim one version"
    )
    return SchemaConflictError(reason, version=header.version, expected=wanted, found=found, header=header)


def payload_length(header: Header, *, found: int, allowed: int) -> PayloadLengthError:
    """Verdict 9."""
    stated = header.payload_length
    if found == stated:
        reason = f"the payload has {found} bytes, this reader allows {allowed}"
        return PayloadTooLargeError(reason, expected=allowed, found=found, header=header)
    fault = "the payload is cut off" if found < stated else "something is appended"
    reason = f"the header says {stated} bytes of payload and {found} follow: {fault}"
    return PayloadLengthError(reason, expected=stated, found=found, header=header)


def payload_checksum(header: Header, *, found: int) -> DecodeError:
    """Verdict 10."""
    expected = header.payload_checksum
    reason = f"the payload is damaged: its checksum is 0x{expected:08x}, its bytes have 0x{found:08x}"
    return PayloadChecksumError(reason, expected=expected, found=found, header=header)
