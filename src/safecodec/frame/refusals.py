"""The errors of the frame's verdicts, built from what the checks found. Nothing here runs on a good frame."""

from __future__ import annotations

from functools import cache
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
    StampError,
    SubjectMismatchError,
    UnknownVersionError,
    UnsupportedFlagsError,
)
from ._header import tag
from ._stamp import block_fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._header import Header

NOT_UNDERSTOOD: Final = {0x10: "compressed", 0x20: "sealed", 0x80: "0x80"}
"""The must-understand flags that this release does not understand."""
STAMPED: Final = 0x40
STAMP_SIZE: Final = 24
UNSCOPED: Final = "00000000"
COMMON_ENVIRONMENTS: Final = (
    "acceptance", "alpha", "beta", "build", "canary", "ci", "cert", "default", "demo", "dev", "develop", "development",
    "dr", "e2e", "integration", "int", "live", "load", "local", "localhost", "perf", "performance", "pre-prod",
    "pre-production", "preprod", "preview", "prd", "prod", "production", "qa", "review", "sandbox", "sit", "stable",
    "stage", "staging", "stg", "test", "testing", "tst", "uat",
)  # fmt: skip
"""Names that environments have in many places, by which the writer of a foreign frame is guessed from its tag."""


@cache
def _names_by_tag() -> dict[str, str]:
    names = (form for name in COMMON_ENVIRONMENTS for form in (name.upper(), name.capitalize(), name))
    return {tag(name).hex(): name for name in names}


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
    found = header.flags & sum(NOT_UNDERSTOOD)
    names = ", ".join(name for bit, name in NOT_UNDERSTOOD.items() if found & bit)
    reason = f"the frame has flags that this release does not understand and must not ignore: {names}"
    return UnsupportedFlagsError(reason, found=found, header=header)


def payload_format(header: Header, *, expected: str | None) -> PayloadFormatError:
    """Verdict 5, payload format."""
    found: str | int = header.format_code if header.format.startswith("unknown") else header.format
    wants = f"this reader reads {expected}" if expected else "which this release does not read"
    return PayloadFormatError(f"the payload is {header.format}, {wants}", expected=expected, found=found, header=header)


def _spelled(environment: str, name: str | None) -> str:
    if environment == UNSCOPED:
        return "no environment (unscoped)"
    return f"the environment with tag {environment}" if name is None else f"{name!r} (tag {environment})"


def environment(header: Header, *, expected: bytes, name: str | None = None) -> EnvironmentMismatchError:
    """Verdict 6; the name is that of the reader's environment."""
    wanted, found = expected.hex(), header.environment_tag
    found_name = _names_by_tag().get(found)
    reason = (
        f"the frame was written in {_spelled(found, found_name)}, this reader is in {_spelled(wanted, name)}: two "
        "environments share a store, or one is configured with the other's name"
    )
    return EnvironmentMismatchError(
        reason, expected=wanted, found=found, expected_name=name, found_name=found_name, header=header
    )


def subject(header: Header, *, expected: bytes, name: str | None = None) -> SubjectMismatchError:
    """Verdict 7; the name is that of the reader's subject."""
    wanted, found = expected.hex(), header.subject_tag
    reads = f"the one with tag {wanted}" if name is None else f"{name!r} (tag {wanted})"
    reason = (
        f"the frame holds the subject with tag {found}, this reader reads {reads}: the frame comes from another "
        "subject's key or topic, or the subject was renamed"
    )
    return SubjectMismatchError(reason, expected=wanted, found=found, expected_name=name, header=header)


def _listed(versions: Sequence[int]) -> str:
    shown = [str(version) for version in versions]
    return ", ".join(shown if len(shown) <= 8 else [*shown[:3], "...", *shown[-3:]])


def unknown_version(header: Header, *, known: tuple[int, ...], subject: str) -> UnknownVersionError:
    """Verdict 8, a version that cannot be read here."""
    found, oldest = header.version, header.oldest_reader
    reason = f"schema version {found} of subject {subject!r} is not known, this reader knows {_listed(known)}"
    if found > known[-1]:
        reason += (
            f"; the frame can be read from version {oldest} on: deploy readers of version {oldest} or newer before "
            f"version {found} is written"
        )
    else:
        reason += f": give version {found} as older, or let its frames expire"
    return UnknownVersionError(reason, found=found, oldest_reader=oldest, known=known, subject=subject, header=header)


def schema_conflict(header: Header, *, expected: bytes, subject: str, known: str = "") -> SchemaConflictError:
    """Verdict 8, a known version with another schema.

    Args:
        header: The frame's header.
        expected: The fingerprint that the reader knows for the version.
        subject: Name of the reader's subject.
        known: What the reader knows of the frame's schema, as a clause.
    """
    wanted, found, version = expected.hex(), header.fingerprint, header.version
    reason = (
        f"version {version} of subject {subject!r} has the schema fingerprint {found} in the frame and {wanted} in "
        f"this reader{f', {known}' if known else ''}: two schemas use version {version}; bump the version, or restore "
        "the class that wrote the frame, see the history of the schema"
    )
    return SchemaConflictError(reason, version=version, expected=wanted, found=found, subject=subject, header=header)


def payload_length(header: Header, *, found: int, allowed: int) -> PayloadLengthError:
    """Verdict 9."""
    stated = header.payload_length
    if found == stated:
        found -= STAMP_SIZE if header.flags & STAMPED else 0
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


def stamp(header: Header, block: bytes, *, behind: int) -> StampError | None:
    """Verdict 11a on a stamped frame; None where the stamp is good.

    Args:
        header: The frame's header.
        block: The stamp's bytes, or all that are behind the header.
        behind: How many bytes are behind the header.
    """
    reason = block_fault(block, behind)
    return StampError(reason, found=block, header=header) if reason else None
