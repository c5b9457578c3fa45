"""The boundary law: whatever bytes come in, decode raises DecodeError or nothing."""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import reference
import shapes
from safecodec import Codec, PayloadFormat
from safecodec.errors import DecodeError, InputTypeError, PayloadError

FORMATS = ("avro", "msgpack", "json")
every_format = pytest.mark.parametrize("payload", FORMATS)


class WideV1(msgspec.Struct):
    """A field of every kind; the version before."""

    number: int
    ratio: float
    flag: bool
    name: str
    raw: bytes
    when: datetime
    day: date
    at: time
    price: Decimal
    ident: uuid.UUID
    colour: shapes.Colour
    level: shapes.Level
    tags: list[str]
    seen: set[int]
    prices: dict[str, float]
    form: shapes.Circle | shapes.Square
    odd: dict[int, str]
    pair: tuple[int, str]
    anything: Any


class Wide(WideV1):
    """The newest version, with more fields behind."""

    tree: shapes.Tree | None = None
    nothing: list[None] = []


VALUE = Wide(
    number=-7,
    ratio=0.5,
    flag=True,
    name="näme",
    raw=b"\0\xff",
    when=datetime(2024, 2, 29, 12, 30, tzinfo=UTC),
    day=date(1969, 7, 20),
    at=time(23, 59, 59, 999999),
    price=Decimal("12.50"),
    ident=uuid.UUID(int=7),
    colour=shapes.Colour.GREEN,
    level=shapes.Level.HIGH,
    tags=["a", "bc"],
    seen={1, 2},
    prices={"eur": 1.5},
    form=shapes.Square(2.0, "s"),
    odd={1: "one"},
    pair=(1, "x"),
    anything={"k": [1, None, "v"]},
    tree=shapes.Tree(1, shapes.Tree(2), None, [shapes.Tree(3)]),
    nothing=[None, None],
)


@cache
def codec(payload: PayloadFormat) -> Codec[Wide]:
    """The codec of both versions."""
    return Codec(Wide, subject="wide", version=2, older={1: WideV1}, payload=payload, environment="test")


@cache
def encoded(payload: PayloadFormat, version: int) -> bytes:
    """A payload that is right."""
    chosen = codec(payload)
    writer = Codec(
        Wide, subject="wide", version=2, older={1: WideV1}, payload=payload, environment="test", write_version=version
    )
    frame = writer.encode(VALUE)
    assert chosen.decode(frame).number == -7
    return frame[32:]


def framed(
    payload: PayloadFormat, body: bytes, version: int = 2, made: Codec[Any] | None = None, **changes: Any
) -> bytes:
    """A frame whose checksums are right around a body that may be anything."""
    known = codec(payload) if made is None else made
    return reference.pack(
        body,
        format=payload,
        subject=known.subject,
        version=version,
        fingerprint=known.fingerprint(min(version, known.version)),
        environment="test",
        **changes,
    )


def read(made: Codec[Any], frame: Any) -> None:
    """Decode; the law is that nothing but DecodeError comes out."""
    with suppress(DecodeError):
        made.decode(frame)


@st.composite
def edited(draw: st.DrawFn, body: bytes) -> bytes:
    """Right bytes with a few edits: they get further than arbitrary ones."""
    data = bytearray(body)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        match draw(st.sampled_from(["set", "flip", "delete", "insert", "repeat", "cut"])):
            case "set":
                data[at : at + 1] = bytes([draw(st.sampled_from([0, 1, 2, 127, 128, 254, 255]) | st.integers(0, 255))])
            case "flip":
                data[at : at + 1] = bytes([b ^ 1 << draw(st.integers(0, 7)) for b in data[at : at + 1]])
            case "delete":
                del data[at : at + draw(st.integers(1, 8))]
            case "insert":
                data[at:at] = draw(st.binary(min_size=1, max_size=12))
            case "repeat":
                data[at:at] = data[at : at + draw(st.integers(1, 12))]
            case _:
                del data[at:]
    return bytes(data)


@every_format
@given(data=st.binary(max_size=200) | st.binary(max_size=120).map(lambda data: b"\xc1\xde" + data))
@example(data=b"")
@example(data=b"\xc1\xde" + bytes(30))
def test_arbitrary_bytes(payload: PayloadFormat, data: bytes) -> None:
    """Bytes that nobody packed are refused by a DecodeError."""
    with pytest.raises(DecodeError):
        codec(payload).decode(data)


@every_format
@given(body=st.binary(max_size=200), version=st.sampled_from([1, 2, 9]))
def test_arbitrary_bytes_behind_a_right_header(payload: PayloadFormat, body: bytes, version: int) -> None:
    """A payload that passes every checksum and is garbage is a PayloadError at worst, of known and newer versions."""
    read(codec(payload), framed(payload, body, version, oldest_reader=1))


@every_format
@given(data=st.data(), version=st.sampled_from([1, 2, 9]))
def test_edited_payloads_behind_a_right_header(payload: PayloadFormat, data: st.DataObject, version: int) -> None:
    """A payload that is nearly right is read as something, or refused by a PayloadError."""
    body = data.draw(edited(encoded(payload, min(version, 2))))
    read(codec(payload), framed(payload, body, version, oldest_reader=1))


@every_format
def test_every_byte_of_a_payload_set_to_every_edge(payload: PayloadFormat) -> None:
    """Every byte of a right payload, replaced by each of the values that are lengths, tags and signs somewhere."""
    body = encoded(payload, 2)
    for at in range(len(body)):
        for byte in (0x00, 0x01, 0x02, 0x7F, 0x80, 0xC1, 0xFF):
            read(codec(payload), framed(payload, body[:at] + bytes([byte]) + body[at + 1 :]))


@every_format
def test_every_truncated_payload_is_refused(payload: PayloadFormat) -> None:
    """A payload that was cut before its checksum was taken is refused with its header, unless it is still whole."""
    body = encoded(payload, 2)
    for length in range(len(body)):
        with pytest.raises(PayloadError) as caught:
            codec(payload).decode(framed(payload, body[:length]))
        assert caught.value.header is not None
        assert caught.value.header.payload_length == length


@every_format
@pytest.mark.parametrize("more", [b"\0", b"x", b"{}", b"\xc0"])
def test_bytes_left_over_are_refused(payload: PayloadFormat, more: bytes) -> None:
    """Every byte of the payload is used, or it is a PayloadError."""
    with pytest.raises(PayloadError):
        codec(payload).decode(framed(payload, encoded(payload, 2) + more))


def _zigzag(number: int) -> bytes:
    value, out = (number << 1) ^ (number >> 63), bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


class Nothings(msgspec.Struct):
    """Items that take no bytes: a count alone could ask for any amount of memory."""

    nothings: list[None]


class Texts(msgspec.Struct):
    """A length could ask for any amount of memory."""

    texts: list[str]


class Instants(msgspec.Struct):
    """Numbers that are out of Python's range."""

    when: datetime
    day: date


class Amount(msgspec.Struct):
    """A decimal that could have any number of digits."""

    amount: Decimal


HOSTILE: dict[str, tuple[str, Any, bytes]] = {
    "avro-nothings": ("avro", Nothings, _zigzag(2**40) + b"\0"),
    "avro-nothings-most": ("avro", Nothings, _zigzag(2**63 - 1) + b"\0"),
    "avro-nothings-sized": ("avro", Nothings, _zigzag(-(2**62)) + b"\0\0"),
    "avro-nothings-least": ("avro", Nothings, _zigzag(-(2**63)) + b"\0\0"),
    "avro-count": ("avro", Texts, _zigzag(2**50) + b"\0"),
    "avro-length": ("avro", Texts, _zigzag(1) + _zigzag(2**60) + b"x"),
    "avro-length-negative": ("avro", Texts, _zigzag(1) + _zigzag(-5) + b"x"),
    "avro-varint-endless": ("avro", Texts, b"\xff" * 40),
    "avro-varint-too-wide": ("avro", Texts, b"\xff" * 9 + b"\x7f"),
    "avro-utf-8": ("avro", Texts, _zigzag(1) + _zigzag(2) + b"\xff\xfe\0"),
    "avro-deep": ("avro", shapes.Tree, b"\2" * 200_000),
    "avro-union-index": ("avro", shapes.Tree, b"\2\x0c"),
    "avro-year-300000": ("avro", Instants, _zigzag(2**63 - 1) + _zigzag(0)),
    "avro-day-out-of-range": ("avro", Instants, _zigzag(0) + _zigzag(2**31 - 1)),
    "avro-day-too-wide": ("avro", Instants, _zigzag(0) + _zigzag(2**40)),
    "avro-decimal-empty": ("avro", Amount, _zigzag(0)),
    "avro-decimal-garbage": ("avro", Amount, _zigzag(3) + b"\xff\xff\xff"),
    "avro-decimal-scale": ("avro", Amount, _zigzag(7) + _zigzag(1) + b"\1" + _zigzag(2**31)[:5]),
    "msgpack-deep": ("msgpack", shapes.Tree, b"\x82\xa5value\1\xa4left" * 100_000),
    "msgpack-deep-unknown": ("msgpack", shapes.Tree, b"\x81\xa1?" + b"\x91" * 200_000),
    "msgpack-array-32": ("msgpack", Texts, b"\x81\xa5texts\xdd\xff\xff\xff\xff"),
    "msgpack-map-32": ("msgpack", Texts, b"\xdf\xff\xff\xff\xff"),
    "msgpack-str-32": ("msgpack", Texts, b"\x81\xa5texts\x91\xdb\xff\xff\xff\xff"),
    "msgpack-ext": ("msgpack", Texts, b"\x81\xa5texts\x91\xd4\5\0"),
    "msgpack-timestamp": ("msgpack", Instants, b"\x82\xa4when\xc7\x0c\xff" + b"\xff" * 12 + b"\xa3day\xaa2024-01-01"),
    "msgpack-reserved": ("msgpack", Texts, b"\xc1"),
    "json-deep": ("json", shapes.Tree, b'{"value":1,"left":' * 100_000),
    "json-deep-unknown": ("json", shapes.Tree, b'{"?":' + b"[" * 200_000),
    "json-number": ("json", shapes.Tree, b'{"value":' + b"9" * 10_000 + b"}"),
    "json-exponent": ("json", shapes.Tree, b'{"value":1e999999999}'),
    "json-surrogate": ("json", Texts, b'{"texts":["\\ud800"]}'),
    "json-utf-8": ("json", Texts, b'{"texts":["\xff"]}'),
    "json-year": ("json", Instants, b'{"when":"9999-12-31T23:59:59-23:59","day":"0000-00-00"}'),
    "json-decimal": ("json", Amount, b'{"amount":"1e9999999999999999999"}'),
}


@pytest.mark.parametrize(("payload", "type_", "body"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_payloads(payload: PayloadFormat, type_: Any, body: bytes) -> None:
    """Payloads made to exhaust the stack, memory or time, or to leave Python's ranges, are PayloadErrors at once."""
    made: Codec[Any] = Codec(type_, subject="hostile", version=1, payload=payload, environment="test")
    with pytest.raises(PayloadError) as caught:
        made.decode(framed(payload, body, 1, made))
    assert caught.value.header is not None
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("scale", [2**20, -(2**20)])
def test_decimals_of_any_scale_are_read_or_refused(scale: int) -> None:
    """A big-decimal's scale is a number in the payload: whatever it is, decoding ends at once."""
    made = Codec(Amount, subject="hostile", version=1, payload="avro", environment="test")
    inner = _zigzag(1) + b"\1" + _zigzag(scale)
    read(made, framed("avro", _zigzag(len(inner)) + inner, 1, made))


@every_format
@pytest.mark.parametrize("given", ["text", None, 7, [b"x"], {}, memoryview(bytes(80))[::2], object()])
def test_anything_but_a_buffer(payload: PayloadFormat, given: Any) -> None:
    """An argument that is no buffer is the only other thing that decode raises: the mistake of its caller."""
    with pytest.raises(InputTypeError):
        codec(payload).decode(given)
