"""Bytes that are no frame are named, by what really writes them."""

from __future__ import annotations

import array
import base64
import bz2
import datetime
import gzip
import io
import json
import lzma
import pickle
import struct
import zlib
from typing import Any
from uuid import UUID

import fastavro
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safecodec import NotAFrameError, pack, peek
from safecodec.frame.sniff import SNIFFED, name_of

VALUE: dict[str, Any] = {"user": "grün", "rights": [1, 2, {"deep": None}], "share": 1.5}
FRAME = pack(b"hello", format="avro", subject="config", version=3, fingerprint=b"\xfe\x01\x02\x03", environment="prod")
SCHEMA = {"type": "record", "name": "Config", "fields": [{"name": "user", "type": "string"}]}
GUID = UUID("6b8fd0c2-54e1-4f0e-9b3a-17d2c05fe8a4")


def container() -> bytes:
    file = io.BytesIO()
    fastavro.writer(file, SCHEMA, [{"user": "grün"}])
    return file.getvalue()


def single_object() -> bytes:
    file = io.BytesIO()
    fastavro.schemaless_writer(file, SCHEMA, {"user": "grün"})
    return b"\xc3\x01" + bytes.fromhex("0123456789abcdef") + file.getvalue()


def raw_deflate_header(data: bytes, window: int) -> bytes:
    deflater = zlib.compressobj(wbits=window)
    return deflater.compress(data) + deflater.flush()


FOREIGN: list[tuple[bytes, str]] = [
    (b"", "empty input"),
    (bytes(40), "a run of zero bytes"),
    # JSON and other text
    (json.dumps(VALUE).encode(), "a JSON object"),
    (json.dumps(VALUE, indent=2).encode("utf-8-sig"), "a JSON object"),
    (json.dumps([VALUE]).encode(), "a JSON array"),
    (json.dumps("grün").encode(), "a JSON string"),
    (b"-12.5e3\n", "a JSON number"),
    (b"null", "the JSON constant null"),
    (json.dumps(VALUE).encode()[:-3], "text that starts like a JSON object and is not valid JSON"),
    (b"[" * 4000, "text that starts like a JSON array and is not valid JSON"),
    (b'"quoted" and more', "ASCII text"),
    (b"[INFO] started\n", "ASCII text"),
    (b"x^2 + y^2", "ASCII text"),
    (b"hello, world\n", "ASCII text"),
    ("grün".encode(), "UTF-8 text"),
    ("grün".encode("utf-16"), "UTF-16 text"),
    (
        b"\x00\x01\x80\xfe\xff\n".decode(errors="replace").encode(),
        "text with replacement characters: bytes decoded with errors='replace', which loses them",
    ),
    (b"<!DOCTYPE html><title>502</title>", "an HTML page"),
    (b'<?xml version="1.0"?><a/>', "XML"),
    (b'a:1:{s:4:"user";i:7;}', "PHP serialize"),
    (b"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "a JSON web token"),
    (b"gAAAAABlYw0x8nQxvR1kq2pPzQm1ZVf7g3y0c5s4d6e7", "a Fernet token (encrypted)"),
    (str(memoryview(b"x")).encode(), "a memoryview turned into text by str(): its bytes are lost"),
    (str(object()).encode(), "a Python object turned into text by str(): its value is lost"),
    (b"[B@1b6d3586", "a Java byte[] turned into text by toString(): its bytes are lost"),
    # text that carries something else
    (base64.b64encode(json.dumps(VALUE).encode()), "base64 of a JSON object"),
    (base64.encodebytes(json.dumps(VALUE).encode() * 2), "base64 of a JSON object"),
    (base64.urlsafe_b64encode(pickle.dumps(VALUE, 5)), "base64 of pickle (protocol 5)"),
    (base64.b64encode(bytes(range(128, 160))), "base64"),
    (base64.b64encode(b"\xfb\xef\x7e\x80\x81\x82\x83\x84\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0b"), "base64"),
    (b"helloworldhellow", "ASCII text"),
    (b"HelloWorldHelloWorldHell", "ASCII text"),
    (b"wD/+" * 3, "ASCII text"),
    (gzip.compress(b"x").hex().encode(), "hex digits of gzip"),
    (b"deadbeef" * 4, "hex digits"),
    # languages' own
    *[
        (pickle.dumps(VALUE, protocol), f"pickle (protocol {protocol})")
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    ],
    *[(pickle.dumps([1, "a"], protocol), f"pickle (protocol {protocol})") for protocol in range(6)],
    *[(pickle.dumps(datetime.date(2026, 1, 2), protocol), f"pickle (protocol {protocol})") for protocol in (0, 1)],
    (pickle.dumps("text", 0), "pickle (protocol 0)"),
    (pickle.dumps(7, 0), "pickle (protocol 0)"),
    (pickle.dumps(VALUE, 4)[:-4], "pickle (protocol 4)"),
    (b"cat\ndog\nand more.", "ASCII text"),
    (b"\xac\xed\x00\x05t\x00\x01a", "Java serialization"),
    (b'\x04\x08{\x06I"\x09user\x06:\x06ETi\x0c', "Ruby Marshal"),
    (b"\x00\x01\x00\x00\x00\xff\xff\xff\xff\x01\x00\x00\x00\x00\x00\x00\x00", ".NET BinaryFormatter"),
    # compression
    (gzip.compress(b"x" * 100), "gzip"),
    (gzip.compress(b""), "gzip"),
    (b"\x1f\x8b\x08\xff" + bytes(8) + b"\xff" * 8, "gzip, damaged"),
    *[(zlib.compress(b"x" * 100, level), "zlib") for level in (0, 1, 6, 9)],
    (zlib.compress(b""), "zlib"),
    (raw_deflate_header(b"x" * 100, 10), "zlib"),
    (bz2.compress(b"x" * 100), "bz2"),
    (bz2.compress(b""), "bz2"),
    (lzma.compress(b"x" * 100), "xz"),
    (lzma.compress(b"x" * 100, format=lzma.FORMAT_ALONE), "LZMA"),
    (b"\x28\xb5\x2f\xfd\x20\x01\x09\x00\x00x", "zstd"),
    (b"\x04\x22\x4d\x18\x68\x40\x00", "an LZ4 frame"),
    (b"\xff\x06\x00\x00sNaPpY\x01", "framed snappy"),
    (b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1), "framed snappy (snappy-java)"),
    # Avro and its registries
    (container(), "an Avro container file"),
    (single_object(), "an Avro single object (schema fingerprint 0123456789abcdef)"),
    (b"\x00\x00\x00\x30\x39\x0agr\xc3\xbcn", "Confluent's wire format (schema id 12345)"),
    (b"\x01" + GUID.bytes + b"\x0agr\xc3\xbcn", f"Confluent's wire format (schema GUID {GUID})"),
    (b"\x03\x00" + GUID.bytes + b"\x0agr\xc3\xbcn", f"AWS Glue Schema Registry (schema version {GUID})"),
    (b"\x03\x05" + GUID.bytes + zlib.compress(b"\x02"), f"AWS Glue Schema Registry (schema version {GUID}, zlib)"),
    (bytes(4) + GUID.hex.encode() + b"\x0agr\xc3\xbcn", f"Azure Schema Registry's old prefix (schema id {GUID.hex})"),
    # other binary formats
    (msgspec.msgpack.encode(VALUE), "a MessagePack map"),
    (msgspec.msgpack.encode({str(number): number for number in range(70)}), "a MessagePack map"),
    (msgspec.msgpack.encode(list(range(0, 2**40, 2**34))), "a MessagePack array"),
    (msgspec.msgpack.encode([-1, -200, b"x" * 300, "x" * 300, True, 2.5, 10**19]), "a MessagePack array"),
    (msgspec.msgpack.encode("grün"), "a MessagePack string"),
    (msgspec.msgpack.encode(b"\x80\x81\x82"), "a MessagePack byte string"),
    (msgspec.msgpack.encode(datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC)), "a MessagePack extension value"),
    (msgspec.msgpack.encode(VALUE)[:-2], "a MessagePack map, cut off or damaged"),
    (b"\x82\xa4user\xc1\x00", "a MessagePack map, cut off or damaged"),
    (b"\xcc\x80\x81\xa1a\x01", "MessagePack of Rails (ActiveSupport)"),
    (b"\xd9\xd9\xf7\xa1aa\x01", "self-described CBOR"),
    (b"\x00\x11\x01" + struct.pack("<di", -1.0, -1) + b"\x04\x08i\x0c", "a Rails cache entry"),
    (b"\x00\x11\x83" + struct.pack("<di", 1.7e9, 2) + b"v1" + zlib.compress(b"x"), "a Rails cache entry"),
    (b"\x00\x11\x02", "a Rails cache entry"),
    (b"\x00\x04\x08[\x06i\x06", "a Rails 7.0 cache entry"),
    (struct.pack("<i", 15) + b"\x10user\x00\x07\x00\x00\x00\x00", "BSON"),
    (struct.pack("<ib", 5, 0), "BSON"),
    (b"\x0a\x05grown\x10\x96\x01\x1d\x00\x00\x80\x3f\x21" + struct.pack("<d", 1.5), "protobuf, or something like it"),
]

NAMELESS: list[bytes] = [
    b"\x01\x02\x03",
    b"\x01" + bytes(15) + b"\xff",
    b"\x03\x00" + b"\xff" * 20,
    b"\x00\x11\x01" + struct.pack("<di", 1.0, 2**30),
    b"\x00\x11\x0f\xff\xff\xff",
    struct.pack("<i", 12) + b"\x44" + bytes(7),
    struct.pack("<i", 12) + b"\x10" + b"\xff" * 7,
    b"\xc3\x01\x02",
    b"x\x9c\xff\xff\xff\xff\xff",
    b"x\x9c\x80",
    b"\xc1\x00\x01",
    b"\x92\x01",
    b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\xff" * 12,
    b"\x08\x80",
    b"\x80\x80",
    b"\x03\x01\xff\xfe\x02",
    b"hello\x00world\xff",
]

FRAME_IN_TEXT = FRAME.decode("latin-1")
ACCIDENTS: list[tuple[bytes, str]] = [
    (FRAME[:20], "a safecodec frame cut off in its header, after 20 of 32 bytes"),
    (FRAME[:2], "a safecodec frame cut off in its header, after 2 of 32 bytes"),
    (FRAME[:1], "a safecodec frame cut off in its header, after 1 of 32 bytes"),
    (FRAME, "a safecodec frame"),
    (b"\xc1\xfe" + bytes(8), "a safecodec frame of a later revision"),
    (FRAME_IN_TEXT.encode(), "a safecodec frame decoded as latin-1 and encoded as UTF-8"),
    (
        FRAME_IN_TEXT.encode().decode("latin-1").encode(),
        "a safecodec frame decoded as latin-1 and encoded as UTF-8, twice",
    ),
    (FRAME_IN_TEXT.encode("utf-16"), "a safecodec frame decoded as latin-1 and encoded as UTF-16"),
    (FRAME_IN_TEXT.encode("utf-16-le"), "a safecodec frame decoded as latin-1 and encoded as UTF-16"),
    (FRAME_IN_TEXT.encode("utf-16-be"), "a safecodec frame decoded as latin-1 and encoded as UTF-16"),
    (b"\xff\xfe" + FRAME_IN_TEXT.encode("utf-16-le"), "a safecodec frame decoded as latin-1 and encoded as UTF-16"),
    (b"\xfe\xff" + FRAME_IN_TEXT.encode("utf-16-be"), "a safecodec frame decoded as latin-1 and encoded as UTF-16"),
    (json.dumps(FRAME_IN_TEXT).encode(), "a safecodec frame decoded as latin-1, in a JSON string"),
    (FRAME.decode(errors="replace").encode(), "a safecodec frame decoded with errors='replace': its bytes are lost"),
    (
        FRAME.decode(errors="surrogateescape").encode(errors="surrogatepass"),
        "a safecodec frame decoded with errors='surrogateescape' and encoded again",
    ),
    (base64.b64encode(FRAME), "a safecodec frame in base64"),
    (base64.urlsafe_b64encode(FRAME), "a safecodec frame in base64"),
    (json.dumps(base64.b64encode(FRAME).decode()).encode(), "a safecodec frame in base64"),
    (str(base64.b64encode(FRAME)).encode(), "a safecodec frame in base64"),
    (FRAME.hex().encode(), "a safecodec frame in hex"),
    (FRAME.hex().upper().encode(), "a safecodec frame in hex"),
    (FRAME.hex(" ").encode(), "a safecodec frame in hex"),
    (FRAME.hex(":").upper().encode(), "a safecodec frame in hex"),
    (b"0x" + FRAME.hex().encode(), "a safecodec frame in hex"),
    (b"\\x" + FRAME.hex().encode(), "a safecodec frame in hex"),
    (str(FRAME).encode(), "a safecodec frame turned into text by str() or repr()"),
    (str(bytearray(FRAME)).encode(), "a safecodec frame turned into text by str() or repr()"),
    (FRAME.decode(errors="backslashreplace").encode(), "a safecodec frame in backslash escapes"),
    (json.dumps(list(FRAME)).encode(), "a safecodec frame as JSON numbers"),
    (json.dumps({"type": "Buffer", "data": list(FRAME)}, indent=1).encode(), "a safecodec frame as JSON numbers"),
    (zlib.compress(FRAME), "zlib around a safecodec frame"),
    (gzip.compress(FRAME), "gzip around a safecodec frame"),
    (base64.b64encode(zlib.compress(FRAME)), "base64 of zlib around a safecodec frame"),
    (pickle.dumps(FRAME, 5), "a safecodec frame at offset 13, behind pickle (protocol 5)"),
    (msgspec.msgpack.encode(FRAME), "a safecodec frame at offset 2, behind a MessagePack byte string"),
    (b"\0\0\0\0\7" + FRAME, "a safecodec frame at offset 5, behind Confluent's wire format (schema id 7)"),
    (b"\xff\xc1\xde\x09" + FRAME, "a safecodec frame at offset 4, behind bytes of another layer"),
]


@pytest.mark.parametrize(("data", "name"), FOREIGN, ids=lambda argument: argument if isinstance(argument, str) else "")
def test_foreign_format_is_named(data: bytes, name: str) -> None:
    """What another library writes is called by its name, with the version or id that it carries."""
    assert name_of(data) == name


@pytest.mark.parametrize(
    ("data", "name"), ACCIDENTS, ids=lambda argument: argument if isinstance(argument, str) else ""
)
def test_accident_is_named(data: bytes, name: str) -> None:
    """A frame of ours that went through a wrong conversion is recognised, and so is the conversion."""
    assert name_of(data) == name


@pytest.mark.parametrize("data", NAMELESS, ids=bytes.hex)
def test_near_misses_have_no_name(data: bytes) -> None:
    """Bytes that start like a format and break its rules are not called by its name."""
    assert name_of(data) is None


def test_error_carries_the_name() -> None:
    """The name is part of the error that a reader gets."""
    with pytest.raises(NotAFrameError, match=r"looks like pickle \(protocol 5\)") as caught:
        peek(pickle.dumps(VALUE, 5))
    assert caught.value.looks_like == "pickle (protocol 5)"


@pytest.mark.parametrize(
    ("whole", "name"),
    [
        (json.dumps([VALUE] * 1000).encode(), "a JSON array"),
        (json.dumps({"text": "ü" * 9000}, ensure_ascii=False).encode(), "a JSON object"),
        (("x" + "ü" * 9000).encode(), "UTF-8 text"),
        (("xyz" + "𝄞" * 9000).encode(), "UTF-8 text"),
        (
            ("�" * 9000).encode(),
            "text with replacement characters: bytes decoded with errors='replace', which loses them",
        ),
        (msgspec.msgpack.encode([VALUE] * 1000), "a MessagePack array"),
        (msgspec.msgpack.encode(b"\x80" * 9000), "a MessagePack byte string"),
        (b"\x0a\x05grown\x10\x96\x01" * 1000, "protobuf, or something like it"),
        (b"\x0a\x05grown\x92\x01\x01x" + b"\x12\x90\x4e" + b"\xff" * 10_000, "protobuf, or something like it"),
        (b"\x0a\x05grown" * 585 + b"\x92\x01\x00" * 9, "protobuf, or something like it"),
        (b"\xff" * 9000, None),
        (pickle.dumps(list(range(9000)), 0), "pickle (protocol 0)"),
        (zlib.compress(bytes(range(256)) * 300, 0), "zlib"),
        (base64.b64encode(json.dumps([VALUE] * 1000).encode()), "base64 of a JSON array"),
        (base64.b64encode(pickle.dumps([VALUE] * 1000, 5)), "base64 of pickle (protocol 5)"),
        (json.dumps([VALUE] * 1000).encode().hex().encode(), "hex digits of a JSON array"),
        (struct.pack("<i", 9000) + b"\x10user\x00" + bytes(8990), "BSON"),
        (FRAME + bytes(9000), "a safecodec frame"),
    ],
)
def test_start_of_something_long(whole: bytes, name: str | None) -> None:
    """The first 4096 bytes and the length of the whole give the same name as the whole."""
    assert name_of(whole[:SNIFFED], length=len(whole)) == name_of(whole) == name


def test_any_buffer() -> None:
    """Any C-contiguous buffer is taken, whatever its items are."""
    for data in (bytearray(b"null"), memoryview(b"null"), array.array("H", b"null"), memoryview(b"null").cast("I")):
        assert name_of(data) == "the JSON constant null"


STARTS = st.sampled_from([data for data, _ in FOREIGN + ACCIDENTS])


@given(
    st.one_of(
        st.binary(max_size=300),
        st.builds(lambda start, cut, rest: start[:cut] + rest, STARTS, st.integers(0, 60), st.binary(max_size=80)),
        st.text(max_size=60).map(str.encode),
    ),
    st.one_of(st.none(), st.integers(0, 10_000)),
)
def test_bytes_never_raise(data: bytes, length: int | None) -> None:
    """Whatever the bytes and the length are, there is one line of ASCII or None, and the same again."""
    name = name_of(data, length=length)
    assert name is None or (name and name.isascii() and name.isprintable())
    assert name_of(data, length=length) == name


@given(st.binary(max_size=40), st.integers(0, 3))
def test_frame_behind_anything_is_found(before: bytes, version: int) -> None:
    """A frame is found behind other bytes, unless those are themselves taken for a frame in disguise."""
    frame = pack(b"x", format="json", subject="a", version=version + 1, fingerprint=b"abcd", environment=None)
    name = name_of(before + frame) or ""
    assert "safecodec frame" in name or not before
