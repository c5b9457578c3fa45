"""The frame in plain Python: the oracle that the compiled one is held against, never shipped.

Written from docs/reference/wire-format.md alone, the slow and obvious way, and without an import of the package.
What safecodec would refuse is a `Refused` here that carries the name of safecodec's error class.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from typing import Any

FORMATS = {"avro": 1, "msgpack": 2, "json": 3}
NAMES = {code: name for name, code in FORMATS.items()}
LAYOUT = struct.Struct("<BBBBHH4s4s4sIII")
HEADER_SIZE = 32
MAGIC = 0xC1
REVISION_1 = 0xDE
MUST_UNDERSTAND = 0xF0
UNSCOPED = bytes(4)
MAX_PAYLOAD = 64 * 1024 * 1024

HeaderDict = dict[str, int | str]


class Refused(Exception):
    """What safecodec refuses, by the name of its error class.

    Args:
        name: The class, such as ``"HeaderChecksumError"``.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def _table() -> tuple[int, ...]:
    rows = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        rows.append(value)
    return tuple(rows)


TABLE = _table()


def crc32c(data: bytes | bytearray | memoryview, value: int = 0) -> int:
    """CRC-32C (Castagnoli, reflected polynomial 0x82f63b78), one byte at a time; see RFC 3720, B.4."""
    table = TABLE
    value ^= 0xFFFFFFFF
    for byte in data:
        value = value >> 8 ^ table[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF


def prefix_sums(data: bytes | bytearray | memoryview) -> list[int]:
    """CRC-32C of every prefix of `data`, from the empty one to the whole."""
    table = TABLE
    value = 0xFFFFFFFF
    sums = [0]
    for byte in data:
        value = value >> 8 ^ table[(value ^ byte) & 0xFF]
        sums.append(value ^ 0xFFFFFFFF)
    return sums


def masked(crc: int) -> int:
    """LevelDB's mask: rotate right by 15 bits, add a constant."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def tag(name: str) -> bytes:
    """The first 4 bytes of SHA-256 of a name."""
    return hashlib.sha256(name.encode()).digest()[:4]


def fingerprint(format: str, canonical: str) -> bytes:
    """The first 4 bytes of SHA-256 over the format's code and the full canonical form."""
    return hashlib.sha256(bytes([FORMATS[format]]) + canonical.encode()).digest()[:4]


def _bytes_of(data: Any) -> bytes:
    try:
        view = memoryview(data)
    except TypeError:
        raise Refused("InputTypeError") from None
    if not view.c_contiguous:
        raise Refused("InputTypeError")
    return view.tobytes()


def _header_sum(start: bytes, bound: bytes) -> int:
    return masked(crc32c(start[:28] + bound))


def _name_tag(name: str) -> bytes:
    found = tag(name)
    if not name or found == UNSCOPED:
        raise Refused("ConfigError")
    return found


def pack(
    payload: Any,
    *,
    format: str,
    subject: str,
    version: int,
    fingerprint: bytes,
    environment: str | None,
    oldest_reader: int | None = None,
    context: Any = None,
) -> bytes:
    """A frame, or `Refused`."""
    oldest = version if oldest_reader is None else oldest_reader
    if format not in FORMATS or not 1 <= oldest <= version <= 0xFFFF or len(fingerprint) != 4:
        raise Refused("ConfigError")
    subject_tag = _name_tag(subject)
    environment_tag = UNSCOPED if environment is None else _name_tag(environment)
    bound = b"" if context is None else _bytes_of(context)
    body = _bytes_of(payload)
    start = LAYOUT.pack(
        MAGIC,
        REVISION_1,
        FORMATS[format],
        0,
        version,
        oldest,
        subject_tag,
        fingerprint,
        environment_tag,
        len(body),
        masked(crc32c(body)),
        0,
    )
    return start[:28] + struct.pack("<I", _header_sum(start, bound)) + body


def parse(start: bytes) -> HeaderDict:
    """The fields of a header of 32 bytes, unchecked."""
    (_, _, code, flags, version, oldest, subject, schema, environment, length, checksum, header) = LAYOUT.unpack(
        start[:HEADER_SIZE]
    )
    return {
        "revision": 1,
        "format": NAMES.get(code, f"unknown ({code})"),
        "format_code": code,
        "flags": flags,
        "version": version,
        "oldest_reader": oldest,
        "subject_tag": subject.hex(),
        "fingerprint": schema.hex(),
        "environment_tag": environment.hex(),
        "payload_length": length,
        "payload_checksum": checksum,
        "header_checksum": header,
    }


def _payload_passes(data: bytes, header: HeaderDict) -> bool:
    body = data[HEADER_SIZE:]
    return len(body) == header["payload_length"] and masked(crc32c(body)) == header["payload_checksum"]


def _peek(frame: Any, context: Any, verify: bool) -> tuple[HeaderDict, bytes]:
    bound = b"" if context is None else _bytes_of(context)
    data = _bytes_of(frame)
    if len(data) < HEADER_SIZE:
        raise Refused("FrameTooShortError")
    if data[0] != MAGIC:
        raise Refused("NotAFrameError")
    if data[1] != REVISION_1:
        raise Refused("UnsupportedRevisionError")
    header = parse(data)
    if verify and _header_sum(data, bound) != header["header_checksum"]:
        raise Refused("ContextMismatchError" if _payload_passes(data, header) else "HeaderChecksumError")
    return header, data


def peek(frame: Any, *, context: Any = None, verify: bool = True) -> HeaderDict:
    """A frame's header, or `Refused`: verdicts 1 to 4."""
    return _peek(frame, context, verify)[0]


def unpack(
    frame: Any,
    *,
    subject: str,
    environment: str | None,
    format: str | None = None,
    versions: Mapping[int, bytes] | None = None,
    context: Any = None,
    max_payload: int = MAX_PAYLOAD,
) -> tuple[HeaderDict, bytes]:
    """A frame's header and payload, or `Refused`: verdicts 1 to 10."""
    expected_subject = _name_tag(subject).hex()
    expected_environment = (UNSCOPED if environment is None else _name_tag(environment)).hex()
    if (format is not None and format not in FORMATS) or not 1 <= max_payload <= 0xFFFFFFFF:
        raise Refused("ConfigError")
    if versions is not None and not (versions and all(map(_is_known, versions.items()))):
        raise Refused("ConfigError")
    header, data = _peek(frame, context, True)
    if int(header["flags"]) & MUST_UNDERSTAND:
        raise Refused("UnsupportedFlagsError")
    if header["format_code"] not in NAMES or format not in (None, header["format"]):
        raise Refused("PayloadFormatError")
    if header["environment_tag"] != expected_environment:
        raise Refused("EnvironmentMismatchError")
    if header["subject_tag"] != expected_subject:
        raise Refused("SubjectMismatchError")
    if versions is not None:
        _check_version(header, versions)
    body = data[HEADER_SIZE:]
    if len(body) != header["payload_length"]:
        raise Refused("PayloadLengthError")
    if len(body) > max_payload:
        raise Refused("PayloadTooLargeError")
    if masked(crc32c(body)) != header["payload_checksum"]:
        raise Refused("PayloadChecksumError")
    return header, body


def _is_known(item: tuple[int, bytes]) -> bool:
    return 1 <= item[0] <= 0xFFFF and len(item[1]) == 4


def _check_version(header: HeaderDict, versions: Mapping[int, bytes]) -> None:
    version, oldest = int(header["version"]), int(header["oldest_reader"])
    if version in versions:
        if versions[version].hex() != header["fingerprint"]:
            raise Refused("SchemaConflictError")
    elif not oldest <= max(versions) < version:
        raise Refused("UnknownVersionError")


def reseal(frame: bytes | bytearray, *, context: bytes = b"", payload: bool = False) -> bytes:
    """The frame with its header checksum made right again, and the payload's length and checksum if asked.

    Args:
        frame: At least a whole header.
        context: What the header is bound to.
        payload: Whether the payload's length and checksum are made right, too.
    """
    data = bytearray(frame)
    if payload:
        struct.pack_into("<II", data, 20, len(data) - HEADER_SIZE, masked(crc32c(data[HEADER_SIZE:])))
    struct.pack_into("<I", data, 28, masked(crc32c(bytes(data[:28]) + context)))
    return bytes(data)
