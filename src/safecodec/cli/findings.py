"""The findings of ``safecodec inspect``, as text for people and as JSON."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from safecodec.errors import NotAFrameError
from safecodec.frame import refusals

from .terminal import readable_json, shown
from .verdict import HEADER_SIZE

if TYPE_CHECKING:
    from safecodec.frame import Header, Stamp

    from .inputs import Input
    from .verdict import Report

__all__ = ["Found", "Name", "as_dict", "as_text"]

LONGEST_MESSAGE: Final = 2_000
"""Characters of an error that are shown."""
LONGEST_VALUE: Final = 10_000
"""Characters of a decoded value that are shown."""


@dataclass(frozen=True)
class Name:
    """A name that a tag of the header is compared with.

    Args:
        text: The name.
        tag: Its tag.
        source: Where the name comes from; empty where an option gave it.
    """

    text: str
    tag: bytes
    source: str = ""

    def verdict(self, found: str) -> str:
        """Say whether a tag is that of the name."""
        source = f", from {self.source}" if self.source else ""
        return f"({'is' if found == self.tag.hex() else 'is not'} {shown(self.text)}{source})"


@dataclass(frozen=True)
class Found:
    """An input, the report on it, and the value that a codec decoded from it.

    Args:
        source: The input.
        report: The report on its bytes.
        environment: The environment that was asked for, if any.
        subject: The subject that was asked for, if any.
        value: The value in terms of JSON, in a tuple of one; empty where nothing was decoded.
    """

    source: Input
    report: Report
    environment: Name | None
    subject: Name | None
    value: tuple[Any, ...] = ()


def _summary(report: Report) -> str:
    length = f"{report.length} bytes"
    if report.intact is False:
        return f"{length}, not intact"
    if report.intact:
        return f"{length}, intact{', and refused' if report.faults else ''}"
    refused = ", and refused" if report.faults else ""
    if report.payload == "not given":
        return f"{length}, header valid{refused}; payload not given, and not checked"
    assert report.header is not None
    given, stated = report.length - HEADER_SIZE, report.header.payload_length
    return f"{length}, header valid{refused}; payload cut off after {given} of {stated} bytes, and not checked"


def _hexdump(data: bytes) -> list[str]:
    lines = []
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        lines.append(f"  {at:08x}  {row[:8].hex(' '):<23}  {row[8:].hex(' '):<23}  |{text}|")
    return lines


def _fit(context: bytes | None) -> str:
    """Say which context the header's checksum holds with."""
    if context is None:
        return "does not match"
    return f"matches, with the context {shown(os.fsdecode(context))}" if context else "matches, without a context"


def _header_lines(header: Header, found: Found) -> list[str]:
    def compared(tag: str, wanted: Name | None) -> str:
        return tag if wanted is None else f"{tag} {wanted.verdict(tag.partition(' ')[0])}"

    unscoped = " (unscoped)" if header.environment_tag == refusals.UNSCOPED else ""
    rows = {
        "revision": str(header.revision),
        "format": header.format,
        "flags": f"0x{header.flags:02x}",
        "version": str(header.version),
        "oldest reader": str(header.oldest_reader),
        "subject": compared(header.subject_tag, found.subject),
        "fingerprint": header.fingerprint,
        "environment": compared(header.environment_tag + unscoped, found.environment),
        "payload": f"{header.payload_length} bytes, checksum 0x{header.payload_checksum:08x}",
        "header": f"checksum 0x{header.header_checksum:08x} ({_fit(found.report.context)})",
    }
    if header.flags & refusals.STAMPED:
        rows |= _stamp_rows(header.stamp, found.report)
    return [f"  {name:<14} {text}" for name, text in rows.items()]


def _stamp_rows(stamp: Stamp | None, report: Report) -> dict[str, str]:
    if stamp is None:
        given = report.length >= HEADER_SIZE + refusals.STAMP_SIZE
        return {"stamp": "none that this release reads" if given else "not given: bytes 32 to 55 of the frame"}
    doubt = "" if report.intact else " (not vouched for: the frame is damaged, or not all there)"
    return {
        "stamp": stamp.kind + doubt,
        "loaded": _moment(stamp.load_start),
        "fresh for": f"{stamp.fresh_for} ms, until {_moment(stamp.load_start + stamp.fresh_for * 1_000)}",
        "source version": str(stamp.source_version) if stamp.source_version else "not known",
    }


def _moment(microseconds: int) -> str:
    """Name a moment by its microseconds since 1970, as far as the calendar of Python reaches."""
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    except OverflowError:
        return f"{microseconds} microseconds after 1970"
    return moment.isoformat(timespec="microseconds")


def _value_lines(value: Any) -> list[str]:
    text = readable_json(value)
    lines = [f"  {line}" for line in text[:LONGEST_VALUE].splitlines()]
    if len(text) > LONGEST_VALUE:
        lines.append(f"  … ({len(text)} characters in all; --json prints all of them)")
    return lines


def as_text(found: Found) -> str:
    """Return the findings as lines for a terminal, which nothing in the input can control."""
    report = found.report
    lines = [f"{shown(found.source.name)}: {_summary(report)}"]
    lines += [shown(f"{type(fault).__name__}: {fault}", LONGEST_MESSAGE) for fault in report.faults]
    lines += [f"hint: {hint}" for hint in report.hints]
    for value in found.value:
        lines += ["value", *_value_lines(value)]
    if report.header is not None:
        lines += ["header", *_header_lines(report.header, found)]
    lines += ["start", *_hexdump(report.start)] if report.start else []
    return "\n".join(lines)


def as_dict(found: Found) -> dict[str, Any]:
    """Return the findings as JSON has them; ``value`` is there where a codec decoded one."""
    report = found.report
    first = report.faults[0] if report.faults else None
    shown_as_json = {
        "file" if found.source.redis is None else "key": found.source.name,
        "length": report.length,
        "intact": report.intact,
        "payload": report.payload,
        "verdict": type(first).__name__ if first else None,
        "faults": [{"error": type(fault).__name__, "message": str(fault)} for fault in report.faults],
        "hints": report.hints,
        "looks_like": first.looks_like if isinstance(first, NotAFrameError) else None,
        "context": report.context.hex() if report.context is not None else None,
        "header": report.header.as_dict() if report.header is not None else None,
        "start": report.start.hex(),
    }
    for value in found.value:
        shown_as_json["value"] = value
    return shown_as_json
