"""Names bytes that are no frame: what an incident wants to know first is who wrote them."""

from __future__ import annotations

import re
import uuid
from typing import Final

MAGIC: Final = b"\xc1\xde"
OURS: Final = (
    (b"\xc3\x81\xc3\x9e", "a safecodec frame decoded as latin-1 and encoded as UTF-8"),
    (b"\xef\xbf\xbd\xef\xbf\xbd", "binary data, such as a safecodec frame, decoded as UTF-8 with replacement"),
    (b"b'\\xc1\\xde", "a safecodec frame written with str(bytes)"),
    (b'b"\\xc1\\xde', "a safecodec frame written with str(bytes)"),
    (b"c1de", "a safecodec frame in hexadecimal"),
    (b"C1DE", "a safecodec frame in hexadecimal"),
    (b'"wd4', "a safecodec frame in base64, as JSON"),
    (b"wd4", "a safecodec frame in base64"),
)
"""Our own frames after an accident."""
PREFIXES: Final = (
    (b"\xac\xed\x00\x05", "Java serialization"),
    (b"\xac\xed", "Java serialization"),
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "LZ4 frame"),
    (b"\xff\x06\x00\x00sNaPpY", "snappy, framed"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bzip2"),
    (b"PK\x03\x04", "zip"),
    (b"Obj\x01", "Avro object container file"),
    (b"\xd9\xd9\xf7", "CBOR, self-described"),
    (b"\x00\x11", "Rails cache entry"),
    (b"\x04\x08", "Ruby Marshal"),
)
PICKLE: Final = re.compile(rb"\x80([\x02-\x05])")
OLD_PICKLE: Final = re.compile(rb"(?:\(dp\d+|\(lp\d+|c[\w.]+\n\w+\n|[IFVS][^\n]*\n|\]q|\}q|\(i\w)", re.DOTALL)
JSON: Final = re.compile(rb"\s*(?:([\[{])|\"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\s*\Z|(?:true|false|null)\s*\Z)")
BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}\s*\Z")


def name_of(data: bytes, *, length: int | None = None) -> str | None:
    """Return the name of the format that bytes look like, or None.

    Args:
        data: The bytes, or the first 4096 of them.
        length: Length of the whole, in bytes; that of ``data`` where None.
    """
    length = len(data) if length is None else length
    if not data:
        return "nothing: an empty value"
    return _ours(data, length) or _prefixed(data, length) or _structured(data, length) or _vague(data, length)


def _ours(data: bytes, length: int) -> str | None:
    for prefix, name in OURS:
        if data.startswith(prefix):
            return name
    if data.startswith(MAGIC):
        return f"a safecodec frame cut off in its header, {length} of at least 32 bytes"
    later = data.find(MAGIC)
    if later > 0 and length - later >= 32:
        return f"a safecodec frame behind {later} other bytes: another layer put a prefix in front"
    return None


def _prefixed(data: bytes, length: int) -> str | None:
    for prefix, name in PREFIXES:
        if data.startswith(prefix):
            return name
    if found := PICKLE.match(data):
        return f"pickle, protocol {found[1][0]}"
    if data[:2] == b"\xc3\x01" and length >= 10:
        return f"Avro single-object encoding, schema fingerprint {data[2:10].hex()}"
    if len(data) >= 2 and data[0] & 0x0F == 8 and data[0] >> 4 <= 7 and int.from_bytes(data[:2], "big") % 31 == 0:
        return "zlib"
    return None


def _structured(data: bytes, length: int) -> str | None:
    if len(data) >= 5 and int.from_bytes(data[:4], "little") == length and (len(data) < length or data[-1] == 0):
        return "BSON"
    if data[:4] == b"\x00" * 4 and re.match(rb"[0-9a-fA-F]{32}", data[4:36]):
        return f"Azure Schema Registry's old prefix, schema {data[4:36].decode()}"
    if data[0] == 3 and data[1:2] in (b"\x00", b"\x05") and length >= 18:
        return f"AWS Glue Schema Registry, schema version {uuid.UUID(bytes=data[2:18])}" if len(data) >= 18 else None
    if data[0] == 0 and length >= 5:
        return f"Confluent Schema Registry, schema id {int.from_bytes(data[1:5], 'big')}"
    if data[0] == 1 and length >= 17 and data[7] >> 4 in (1, 4, 5, 7) and data[9] >> 6 == 2:
        return f"Confluent Schema Registry, schema GUID {uuid.UUID(bytes=data[1:17])}"
    return None


def _vague(data: bytes, length: int) -> str | None:
    if found := JSON.match(data):
        return {b"{": "a JSON object", b"[": "a JSON array"}.get(found[1], "a JSON value")
    if OLD_PICKLE.match(data) and data.rstrip().endswith(b"."):
        return "pickle, protocol 0 or 1"
    if BASE64.match(data):
        return "base64 or hexadecimal text"
    if _is_text(data):
        return "text in UTF-8"
    first = data[0]
    if 0x80 <= first <= 0x8F or first in (0xDE, 0xDF):
        return "a MessagePack map"
    if 0x90 <= first <= 0x9F or first in (0xDC, 0xDD):
        return "a MessagePack array"
    return "a Protocol Buffers message, perhaps" if _is_protobuf(data) and len(data) == length else None


def _is_text(data: bytes) -> bool:
    try:
        text = data[: len(data) - 3].decode() if len(data) >= 4096 else data.decode()
    except UnicodeDecodeError:
        return False
    return all(point.isprintable() or point in "\r\n\t" for point in text)


def _is_protobuf(data: bytes) -> bool:
    """Tell whether the bytes are a row of fields, all the way."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        if not 1 <= key >> 3 < 2**29 or at < 0:
            return False
        kind = key & 7
        value, end = _varint(data, at) if kind in (0, 2) else (0, at)
        at = {0: end, 1: at + 8, 2: end + value, 5: at + 4}.get(kind, -1)
        if not 0 <= at <= len(data):
            return False
    return True


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 64, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    return 0, -1
