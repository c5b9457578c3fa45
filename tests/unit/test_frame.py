"""Laws of pack, unpack, peek and Header, one by one."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import pytest

import golden
import reference
from safecodec.errors import (
    ConfigError,
    ContextMismatchError,
    EnvironmentMismatchError,
    FrameTooShortError,
    HeaderChecksumError,
    NotAFrameError,
    PayloadChecksumError,
    PayloadFormatError,
    PayloadLengthError,
    PayloadTooLargeError,
    SafecodecError,
    SchemaConflictError,
    SubjectMismatchError,
    UnknownVersionError,
    UnsupportedFlagsError,
    UnsupportedRevisionError,
    ValueTooLargeError,
)
from safecodec.frame import fingerprint, pack, peek, tag, unpack
from sample import FRAME, PAYLOAD, PRINT, READ, WRITE, altered, caught

# --- writing


def test_pack_equals_the_oracle() -> None:
    """The layout is the one of the specification."""
    assert pack(PAYLOAD, **WRITE) == FRAME
    assert pack(PAYLOAD, **WRITE, context=b"key") == reference.pack(PAYLOAD, **WRITE, context=b"key")


def test_oldest_reader_is_the_version_unless_given() -> None:
    """Nobody older is promised that it can read."""
    plain = {key: value for key, value in WRITE.items() if key != "oldest_reader"}
    assert peek(pack(PAYLOAD, **plain)).oldest_reader == 3


def test_an_empty_context_is_no_context() -> None:
    """The context's bytes continue the header's sum, and none add nothing."""
    assert pack(PAYLOAD, **WRITE, context=b"") == FRAME


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 0},
        {"version": -1},
        {"version": 65536},
        {"version": 2**70, "oldest_reader": 1},
        {"oldest_reader": 0},
        {"oldest_reader": -3},
        {"oldest_reader": 4},
        {"subject": ""},
        {"environment": ""},
        {"format": "protobuf"},
        {"format": ""},
        {"fingerprint": b""},
        {"fingerprint": b"123"},
        {"fingerprint": b"12345"},
        {"environment": b"test"},
    ],
)
def test_pack_refuses_a_wrong_configuration(changes: dict[str, Any]) -> None:
    """What no header can say is a ConfigError when it is asked for."""
    with pytest.raises(ConfigError):
        pack(PAYLOAD, **{**WRITE, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": ""},
        {"environment": ""},
        {"format": "protobuf"},
        {"versions": {}},
        {"versions": {0: PRINT}},
        {"versions": {65536: PRINT}},
        {"versions": {1: b"123"}},
        {"max_payload": -1},
        {"max_payload": 2**32},
        {"max_payload": True},
        {"max_payload": 1.0},
        {"versions": {1: "1234"}},
        {"versions": {1: bytearray(b"1234")}},
        {"environment": 7},
    ],
)
def test_unpack_refuses_a_wrong_configuration(changes: dict[str, Any]) -> None:
    """A reader that cannot exist is a ConfigError, whatever the frame."""
    assert type(caught(FRAME, **changes)) is ConfigError


def test_pack_refuses_a_payload_beyond_its_length_field(tmp_path: Path) -> None:
    """2**32 bytes do not fit 32 bits: refused before a byte is read (the file is sparse)."""
    path = tmp_path / "sparse"
    with path.open("wb+") as file:
        file.truncate(2**32)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as huge, pytest.raises(ValueTooLargeError) as info:
            pack(huge, **WRITE)
    assert (info.value.found, info.value.limit) == (2**32, 2**32 - 1)


# --- names


def test_tags_are_prefixes_of_sha_256() -> None:
    """A tag is SHA-256 of the UTF-8 name, its first 4 bytes."""
    assert tag("orders") == reference.tag("orders")
    assert tag("zählwerk") == reference.tag("zählwerk")
    assert tag("abc") == bytes.fromhex("ba7816bf")


@pytest.mark.parametrize("name", ["", "lone \udcff"], ids=["empty", "surrogate"])
def test_some_names_have_no_tag(name: str) -> None:
    """No name, or none that UTF-8 can write: no tag."""
    with pytest.raises(ConfigError):
        tag(name)


def test_fingerprints_take_in_the_format() -> None:
    """One schema has another fingerprint in each format; an unknown format has none."""
    prints = {format: fingerprint(format, '"long"') for format in ("avro", "msgpack", "json")}
    assert prints == {format: reference.fingerprint(format, '"long"') for format in prints}
    assert len(set(prints.values())) == 3
    with pytest.raises(ConfigError):
        fingerprint("xml", '"long"')


# --- errors and what they carry


def test_foreign_bytes_are_named() -> None:
    """The error of foreign bytes has their likely format, their start and their length."""
    error: Any = caught(b'{"user_id": 7, "plan": "professional"}')
    assert isinstance(error, NotAFrameError)
    assert "JSON" in str(error.looks_like)
    assert error.length == 38
    assert error.start == b'{"user_id": 7, "plan": "professional"}'[:32]
    assert error.header is None


def test_short_bytes_are_named_too() -> None:
    """Fewer than 32 bytes have a class of their own, and a guess."""
    error: Any = caught(b'{"a":1}')
    assert type(error) is FrameTooShortError
    assert "JSON" in str(error.looks_like)
    assert (error.length, error.start) == (7, b'{"a":1}')
    assert type(caught(b"")) is FrameTooShortError


def test_revision_error_carries_its_byte() -> None:
    """An unknown revision is reported by its byte, without a header: its layout is not known."""
    error: Any = caught(altered(1, b"\xfe"))
    assert isinstance(error, UnsupportedRevisionError)
    assert (error.found, error.header) == (0xFE, None)


def test_checksum_error_carries_both_sums() -> None:
    """The damaged header is attached as it is, with the sum it carries and the one it has."""
    damaged = FRAME[:4] + b"\x09" + FRAME[5:-1]
    error: Any = caught(damaged)
    assert type(error) is HeaderChecksumError
    assert error.expected == reference.parse(FRAME)["header_checksum"]
    assert error.found == reference.masked(reference.crc32c(damaged[:28]))
    assert error.header is not None
    assert error.header.version == 9


def test_context_mismatch_speaks_of_the_key() -> None:
    """Where only the header's sum fails, the message speaks of the context."""
    error: Any = caught(pack(PAYLOAD, **WRITE, context=b"user:42"), context=b"user:43")
    assert type(error) is ContextMismatchError
    assert "context" in str(error)


@pytest.mark.parametrize(
    ("frame", "changes", "error", "fields"),
    [
        (altered(3, b"\x7f"), {}, UnsupportedFlagsError, {"found": 0x30}),
        (altered(2, b"\7"), {}, PayloadFormatError, {"expected": "avro", "found": 7}),
        (altered(2, b"\7"), {"format": None}, PayloadFormatError, {"expected": None, "found": 7}),
        (FRAME, {"format": "json"}, PayloadFormatError, {"expected": "json", "found": "avro"}),
        (
            FRAME,
            {"environment": None},
            EnvironmentMismatchError,
            {"expected": "00000000", "found": reference.tag("production").hex()},
        ),
        (
            FRAME,
            {"subject": "users"},
            SubjectMismatchError,
            {"expected": reference.tag("users").hex(), "found": reference.tag("orders").hex()},
        ),
        (
            altered(4, b"\x09\0\x04\0"),
            {},
            UnknownVersionError,
            {"found": 9, "oldest_reader": 4, "known": (2, 3)},
        ),
        (
            FRAME,
            {"versions": {3: bytes(4)}},
            SchemaConflictError,
            {"version": 3, "expected": "00000000", "found": PRINT.hex()},
        ),
        (FRAME + b"!", {}, PayloadLengthError, {"expected": 7, "found": 8}),
        (FRAME, {"max_payload": 6}, PayloadTooLargeError, {"expected": 6, "found": 7}),
        (
            FRAME[:-1] + b"!",
            {},
            PayloadChecksumError,
            {
                "expected": reference.masked(reference.crc32c(PAYLOAD)),
                "found": reference.masked(reference.crc32c(b"payloa!")),
            },
        ),
    ],
)
def test_errors_carry_their_fields(
    frame: bytes, changes: dict[str, Any], error: type[SafecodecError], fields: dict[str, Any]
) -> None:
    """Every later verdict has what was expected, what was found, and the header."""
    raised: Any = caught(frame, **changes)
    assert raised.header == peek(frame)
    assert {name: getattr(raised, name) for name in fields} == fields
    assert str(raised) == str(raised).strip().rstrip(".")
    assert type(raised) is error


# --- versions


@pytest.mark.parametrize(
    ("version", "oldest", "known", "error"),
    [
        (3, 3, {3: PRINT}, None),
        (3, 3, {2: PRINT}, UnknownVersionError),
        (3, 2, {2: PRINT}, None),
        (3, 1, {2: PRINT}, None),
        (3, 2, {1: PRINT}, UnknownVersionError),
        (3, 2, {1: PRINT, 2: PRINT}, None),
        (3, 2, {2: PRINT, 4: PRINT}, UnknownVersionError),
        (3, 2, None, None),
        (3, 2, {3: bytes(4)}, SchemaConflictError),
        (65535, 65535, {65535: PRINT}, None),
        (65535, 1, {65534: bytes(4)}, None),
    ],
)
def test_which_versions_are_read(
    version: int, oldest: int, known: dict[int, bytes] | None, error: type[SafecodecError] | None
) -> None:
    """Known and ours; newer than all and promised to our newest; everything else is refused."""
    frame = pack(PAYLOAD, **{**WRITE, "version": version, "oldest_reader": oldest})
    if error is None:
        assert unpack(frame, **{**READ, "versions": known})[1] == PAYLOAD
    else:
        assert type(caught(frame, versions=known)) is error


def test_flags_that_may_be_ignored_are_ignored() -> None:
    """The low nibble may be set by a later release."""
    header, payload = unpack(altered(3, b"\x0f"), **READ)
    assert header.flags == 0x0F
    assert bytes(payload) == PAYLOAD


@pytest.mark.parametrize("flag", [0x10, 0x20, 0x80, 0xB0])
def test_flags_that_must_be_understood_are_refused(flag: int) -> None:
    """Each bit of the high nibble but the stamp's is refused, whatever the others say."""
    for ignored in (0x0F, 0x40):
        error = caught(altered(3, bytes([flag | ignored])))
        assert isinstance(error, UnsupportedFlagsError)
        assert error.found == flag


def test_the_limit_is_inclusive() -> None:
    """A payload as long as the limit is read, an empty one always."""
    assert unpack(FRAME, **READ, max_payload=7)[1] == PAYLOAD
    assert bytes(unpack(pack(b"", **WRITE), **READ, max_payload=1)[1]) == b""


def test_golden_frames_say_the_same_after_a_round_trip() -> None:
    """Unpack then pack gives the frame again, flags aside."""
    for vector in golden.frames():
        header, payload = unpack(vector.frame, **vector.read)
        again = pack(payload, **{**vector.write, "stamp": header.stamp})
        assert peek(again, context=vector.context).as_dict() == {
            **header.as_dict(),
            "flags": header.flags & 0xF0,
            "header_checksum": peek(again, verify=False).header_checksum,
        }
