"""``safecodec inspect``: a frame's header and every fault of the frame, without its schema.

It needs no codec, so it can be pointed at any value in an incident. The payload is summed in pieces: a frame of 4 GiB
takes no more memory than a small one, and of what is no frame only the start is read.
"""

from __future__ import annotations

import argparse
import json
import os
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from safecodec.errors import (
    ConfigError,
    DecodeError,
    EnvironmentMismatchError,
    FrameTooShortError,
    NotAFrameError,
    SubjectMismatchError,
)
from safecodec.frame import crc32c, mask, peek, refusals, tag

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from safecodec.frame import Header

__all__ = ["Report", "add_arguments", "inspect", "run"]

HEADER_SIZE: Final = 32
PIECE: Final = 1 << 20
"""Bytes that are read at a time."""
SHOWN: Final = 64
"""Bytes that the hexdump shows."""
_KNOWN_FORMATS: Final = (1, 2, 3)
_MUST_UNDERSTAND: Final = 0xF0


@dataclass
class Report:
    """What there is to say about the bytes of a file.

    Attributes:
        length: Length of the whole, in bytes; of what was read, where that is a pipe.
        start: The first bytes.
        header: The frame's header, if there is one; damaged where a fault says so.
        faults: What is wrong, in the order of verdicts: a reader raises the first.
    """

    length: int
    start: bytes
    header: Header | None = None
    faults: list[DecodeError] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        """Whether the frame is undamaged; it may still be from elsewhere, or about something else."""
        return all(isinstance(fault, EnvironmentMismatchError | SubjectMismatchError) for fault in self.faults)


@dataclass(frozen=True)
class _Expected:
    context: bytes | None = None
    environment: bytes | None = None
    subject: bytes | None = None


def _size_of(stream: BinaryIO) -> int | None:
    """Return the size of a regular file; a pipe, a device or a buffer in memory has none that can be relied on."""
    try:
        status = os.fstat(stream.fileno())
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) and not stream.tell() else None


def _sum_payload(stream: BinaryIO, start: bytes, stated: int) -> tuple[int, int]:
    """Return how many bytes follow the header, to little more than those stated, and the checksum of the stated."""
    piece = start[HEADER_SIZE:]
    found, checksum = len(piece), crc32c(piece[:stated])
    while found <= stated and (piece := stream.read(PIECE)):
        checksum = crc32c(piece[: stated - found], checksum)
        found += len(piece)
    return found, mask(checksum)


def inspect(
    stream: BinaryIO,
    *,
    context: bytes | None = None,
    environment: bytes | None = None,
    subject: bytes | None = None,
) -> Report:
    """Check the frame in a file: everything that can be checked without knowing its schema.

    Args:
        stream: The file, at its start.
        context: The bytes that the frame is bound to, if any.
        environment: The tag of the environment that it must come from; None takes any.
        subject: The tag of the subject that it must be about; None takes any.

    Returns:
        What was found.

    Raises:
        OSError: The file cannot be read.
    """
    size = _size_of(stream)
    start = stream.read(PIECE)
    report = Report(length=len(start) if size is None else max(size, len(start)), start=start[:SHOWN])
    try:
        # The header's checksum is compared below, where the payload's is known too.
        report.header = header = peek(start, context=context, verify=False)
    except NotAFrameError as error:
        too_short = isinstance(error, FrameTooShortError)
        report.faults.append(refusals.foreign(too_short=too_short, start=start, length=report.length))
        return report
    except DecodeError as error:
        report.faults.append(error)
        return report
    found, checksum = _sum_payload(stream, start, header.payload_length)
    report.length = max(report.length, HEADER_SIZE + found)
    expected = _Expected(context, environment, subject)
    report.faults += _header_faults(header, expected, intact=_intact(report, header, checksum))
    report.faults += _payload_faults(header, report.length - HEADER_SIZE, checksum)
    return report


def _intact(report: Report, header: Header, checksum: int) -> bool:
    return report.length - HEADER_SIZE == header.payload_length and checksum == header.payload_checksum


def _header_faults(header: Header, expected: _Expected, *, intact: bool) -> list[DecodeError]:
    """Verdicts 4 to 7, all of them."""
    faults: list[DecodeError] = []
    found = mask(crc32c(expected.context or b"", crc32c(bytes(header)[: HEADER_SIZE - 4])))
    if found != header.header_checksum:
        given = bool(expected.context)
        faults.append(refusals.header_checksum(header, found=found, payload_intact=intact, context_given=given))
    if header.flags & _MUST_UNDERSTAND:
        faults.append(refusals.flags(header))
    if header.format_code not in _KNOWN_FORMATS:
        faults.append(refusals.payload_format(header, expected=None))
    if expected.environment is not None and expected.environment.hex() != header.environment_tag:
        faults.append(refusals.environment(header, expected=expected.environment))
    if expected.subject is not None and expected.subject.hex() != header.subject_tag:
        faults.append(refusals.subject(header, expected=expected.subject))
    return faults


def _payload_faults(header: Header, found: int, checksum: int) -> list[DecodeError]:
    """Verdicts 9 and 10; a payload that is cut off cannot match its checksum, and that says nothing more."""
    faults: list[DecodeError] = []
    if found != header.payload_length:
        faults.append(refusals.payload_length(header, found=found, allowed=header.payload_length))
    if found >= header.payload_length and checksum != header.payload_checksum:
        faults.append(refusals.payload_checksum(header, found=checksum))
    return faults


# ---- what is printed -------------------------------------------------------------------------------------------


def _hexdump(data: bytes) -> list[str]:
    lines = []
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        lines.append(f"  {at:08x}  {row[:8].hex(' '):<23}  {row[8:].hex(' '):<23}  |{shown}|")
    return lines


def _header_lines(header: Header, arguments: Namespace) -> list[str]:
    def named(found: str, wanted: tuple[str, bytes] | None) -> str:
        if wanted is None:
            return found
        return f"{found} ({'is' if found == wanted[1].hex() else 'is not'} {wanted[0]})"

    unscoped = " (unscoped)" if header.environment_tag == refusals.UNSCOPED else ""
    rows = {
        "revision": str(header.revision),
        "format": header.format,
        "flags": f"0x{header.flags:02x}",
        "version": str(header.version),
        "oldest reader": str(header.oldest_reader),
        "subject": named(header.subject_tag, arguments.subject),
        "fingerprint": header.fingerprint,
        "environment": named(header.environment_tag + unscoped, arguments.environment),
        "payload": f"{header.payload_length} bytes, checksum 0x{header.payload_checksum:08x}",
        "header": f"checksum 0x{header.header_checksum:08x}",
    }
    return [f"  {name:<14} {text}" for name, text in rows.items()]


def _print_text(report: Report, arguments: Namespace) -> None:
    lines = [f"{arguments.file}: {report.length} bytes, {'intact' if report.intact else 'not intact'}"]
    lines += [f"{type(fault).__name__}: {fault}" for fault in report.faults]
    if report.header is not None:
        lines += ["header", *_header_lines(report.header, arguments)]
    lines += ["start", *_hexdump(report.start)] if report.start else []
    print("\n".join(lines))


def _as_json(report: Report, arguments: Namespace) -> dict[str, Any]:
    first = report.faults[0] if report.faults else None
    return {
        "file": arguments.file,
        "length": report.length,
        "intact": report.intact,
        "verdict": type(first).__name__ if first else None,
        "faults": [{"error": type(fault).__name__, "message": str(fault)} for fault in report.faults],
        "looks_like": first.looks_like if isinstance(first, NotAFrameError) else None,
        "header": report.header.as_dict() if report.header is not None else None,
        "start": report.start.hex(),
    }


# ---- the command -----------------------------------------------------------------------------------------------


def _tagged(name: str) -> tuple[str, bytes]:
    try:
        return name, tag(name)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _hex_bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not made of pairs of hex digits") from error


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of ``safecodec inspect`` to its parser.

    Args:
        parser: The parser of the subcommand.
    """
    parser.epilog = "Exit code: 0 intact and as asked for, 1 not, 2 the file cannot be read or the usage is wrong."
    parser.add_argument("file", metavar="FILE", help="the file with the frame; - is standard input")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    contexts = parser.add_mutually_exclusive_group()
    contexts.add_argument(
        "--context", type=os.fsencode, metavar="TEXT", help="what the frame is bound to, such as its cache key"
    )
    contexts.add_argument(
        "--context-hex", dest="context", type=_hex_bytes, metavar="HEX", help="the same, as hex digits"
    )
    parser.add_argument(
        "--environment", type=_tagged, metavar="NAME", help="the environment that the frame must come from"
    )
    parser.add_argument("--subject", type=_tagged, metavar="NAME", help="the subject that the frame must be about")


def _inspect_file(arguments: Namespace) -> Report:
    _, environment = arguments.environment or (None, None)
    _, subject = arguments.subject or (None, None)
    expected = {"context": arguments.context, "environment": environment, "subject": subject}
    if arguments.file == "-":
        if sys.stdin is None:
            raise OSError("there is no standard input")
        return inspect(sys.stdin.buffer, **expected)
    with Path(arguments.file).open("rb") as stream:
        return inspect(stream, **expected)


def run(arguments: Namespace) -> int:
    """Inspect a file and print what was found.

    Args:
        arguments: The parsed options, see `add_arguments`.

    Returns:
        The exit code: 0 for an intact frame that is as asked for, 1 for anything else, 2 where the file cannot be
        read.
    """
    try:
        report = _inspect_file(arguments)
    except (OSError, ValueError) as error:
        # ValueError is a name with a NUL character.
        reason = getattr(error, "strerror", None) or error
        print(f"safecodec inspect: cannot read {arguments.file!r}: {reason}", file=sys.stderr)
        return 2
    if arguments.json:
        print(json.dumps(_as_json(report, arguments), indent=2))
    else:
        _print_text(report, arguments)
    return int(bool(report.faults))
