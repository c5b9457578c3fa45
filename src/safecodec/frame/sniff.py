"""Names the format of bytes that are no frame: "decode failed" costs an hour in an incident, its cause a glance.

The order is the whole method: our own frames after an accident first, then signatures of several bytes, then formats
whose structure can be followed, and what nearly any bytes could be at the end. A name is a guess that helps a person;
no code may depend on it.
"""

from __future__ import annotations

import binascii
import json
import re
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from . import _walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

__all__ = ["name_of"]

SNIFFED: Final = 4096
"""Bytes that are looked at."""
_HEADER_SIZE: Final = 32
_MAGIC: Final = b"\xc1\xde"


class _Sample(NamedTuple):
    """The start of some bytes, and whether it is all of them."""

    data: bytes
    length: int

    @property
    def whole(self) -> bool:
        return self.length == len(self.data)


def _patterns(*rows: tuple[bytes, str]) -> tuple[tuple[re.Pattern[bytes], str], ...]:
    return tuple((re.compile(pattern, re.DOTALL), name) for pattern, name in rows)


def _first(table: tuple[tuple[re.Pattern[bytes], str], ...], data: bytes) -> str | None:
    return next((name for pattern, name in table if pattern.match(data)), None)


# ---- our own frames after an accident ---------------------------------------------------------------------------

# The third byte is the payload format, 1 to 3: it tells a frame from bytes that merely start alike.
_ACCIDENTS: Final = _patterns(
    (b"\xc3\x81\xc3\x9e", "a safecodec frame decoded as latin-1 and encoded as UTF-8"),
    (b"\xc3\x83\xc2\x81\xc3\x83\xc2\x9e", "a safecodec frame decoded as latin-1 and encoded as UTF-8, twice"),
    (b"(?:\xef\xbf\xbd){2}[\x01-\x03]", "a safecodec frame decoded with errors='replace': its bytes are lost"),
    (b"\xed\xb3\x81\xed\xb3\x9e", "a safecodec frame decoded with errors='surrogateescape' and encoded again"),
    (rb"""(?:b?["'])?wd4[BCD]""", "a safecodec frame in base64"),
    (rb"""(?:b?["'])?(?:0[xX]|\\+x)?[cC]1[dD][eE]0[1-3]""", "a safecodec frame in hex"),
    (rb"""["']?[cC]1[ :-][dD][eE][ :-]0[1-3]""", "a safecodec frame in hex"),
    (rb"""(?:bytearray\()?b["']\\xc1\\xde""", "a safecodec frame turned into text by str() or repr()"),
    (rb"""["']?\\+xc1\\+xde""", "a safecodec frame in backslash escapes"),
    (rb'"\\u00[cC]1\\u00[dD][eE]', "a safecodec frame decoded as latin-1, in a JSON string"),
    # In the machine's own byte order, which is big-endian on some.
    (
        rb"(?:\xff\xfe)?\xc1\x00\xde\x00|(?:\xfe\xff)?\x00\xc1\x00\xde",
        "a safecodec frame decoded as latin-1 and encoded as UTF-16",
    ),
    (
        rb'\s*(?:\{\s*"type"\s*:\s*"Buffer"\s*,\s*"data"\s*:\s*)?\[\s*193\s*,\s*222\s*,',
        "a safecodec frame as JSON numbers",
    ),
)
_LATER_REVISIONS: Final = b"\xfe\xbe\x9e\x7e"


def _own(sample: _Sample) -> str | None:
    data = sample.data
    if data.startswith(_MAGIC) or data == _MAGIC[:1]:
        if sample.length < _HEADER_SIZE:
            return f"a safecodec frame cut off in its header, after {sample.length} of {_HEADER_SIZE} bytes"
        return "a safecodec frame"
    if data[:1] == _MAGIC[:1] and data[1] in _LATER_REVISIONS:
        return "a safecodec frame of a later revision"
    return _first(_ACCIDENTS, data)


def _frame_inside(data: bytes) -> int:
    """Return the offset of the first thing that reads like a header behind the first byte, or -1."""
    at = data.find(_MAGIC, 1)
    while at >= 0:
        code, flags = data[at + 2 : at + 3], data[at + 3 : at + 4]
        version = int.from_bytes(data[at + 4 : at + 6], "little")
        oldest = int.from_bytes(data[at + 6 : at + 8], "little")
        if code in {b"\1", b"\2", b"\3"} and flags < b"\x80" and 1 <= oldest <= version:
            return at
        at = data.find(_MAGIC, at + 1)
    return -1


# ---- signatures ----------------------------------------------------------------------------------------------

_SIGNATURES: Final = _patterns(
    (rb"Obj\x01", "an Avro container file"),
    (rb"\xac\xed\x00\x05", "Java serialization"),
    (rb"\x04\x08[0TFi\[{\"I:;oeuUlfcmMS/C@]", "Ruby Marshal"),
    (rb"\x28\xb5\x2f\xfd", "zstd"),
    (rb"\x04\x22\x4d\x18", "an LZ4 frame"),
    (rb"\x02\x21\x4c\x18", "an LZ4 frame (legacy)"),
    (rb"\xff\x06\x00\x00sNaPpY", "framed snappy"),
    (rb"\x82SNAPPY\x00", "framed snappy (snappy-java)"),
    (rb"\xfd7zXZ\x00", "xz"),
    (rb"\x5d\x00\x00.{2}(?:\xff{8}|.{5}\x00{3})", "LZMA"),
    (rb"BZh[1-9](?:1AY&SY|\x17\x72\x45\x38\x50\x90)", "bz2"),
    (rb"\xd9\xd9\xf7", "self-described CBOR"),
    (rb"\xcc\x80", "MessagePack of Rails (ActiveSupport)"),
    (rb"\x00\x04\x08\[", "a Rails 7.0 cache entry"),
    (rb"\x00\x01\x00\x00\x00\xff{4}\x01\x00{3}", ".NET BinaryFormatter"),
    (rb"\x80\x01\x00[\x01-\x04]\x00", "a Thrift message"),
    (rb"PK(?:\x03\x04|\x05\x06)", "a zip archive"),
    (rb"PAR1", "a Parquet file"),
    (rb"ARROW1\x00\x00", "an Arrow file"),
    (rb"SQLite format 3\x00", "an SQLite database"),
    (rb"%PDF-", "a PDF file"),
    (rb"gAAAAA[A-Za-z0-9_-]{2}", "a Fernet token (encrypted)"),
    (rb"eyJ[\w-]+\.[\w-]+\.[\w-]*\Z", "a JSON web token"),
    (rb"\xff\xfe|\xfe\xff", "UTF-16 text"),
    (rb"(?:\xef\xbb\xbf)?\s*<\?xml\b", "XML"),
    (rb"(?:\xef\xbb\xbf)?\s*<(?i:!doctype html|html)\b", "an HTML page"),
    (rb'(?:[aO]:\d+:[{"]|s:\d+:"|[ib]:-?\d+;|N;\Z)', "PHP serialize"),
    (rb"<memory at 0x[0-9a-fA-F]+>", "a memoryview turned into text by str(): its bytes are lost"),
    (rb"\[B@[0-9a-f]{1,8}\Z", "a Java byte[] turned into text by toString(): its bytes are lost"),
    (rb"<[\w.]+ object at 0x[0-9a-fA-F]+>", "a Python object turned into text by str(): its value is lost"),
)

# Protocols 0 and 1 have no header: these are the first opcodes of dicts, lists, objects, text and numbers.
_OLD_PICKLES: Final = _patterns(
    (rb"\((?:[dl]p\d+\n|I-?\d+\n|V[^\n]*\np\d+\n)|V[^\n]*\np\d+\n|[IL]-?\d+L?\n\.", "0"),
    (rb"c[A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\n(?:p\d+\n|\()", "0"),
    (rb"c[A-Za-z_][\w.]*\n[A-Za-z_][\w.]*\nq", "1"),
    (rb"[\]})]q\x00|X.{3}\x00.*q\x00", "1"),
)


def _hex_digits(data: bytes) -> bool:
    return re.fullmatch(rb"[0-9a-fA-F]+", data) is not None


def _pickle(sample: _Sample) -> str | None:
    data = sample.data
    if data[:1] == b"\x80" and b"\2" <= data[1:2] <= b"\5":
        protocol = str(data[1])
    else:
        protocol = _first(_OLD_PICKLES, data) or ""
        if sample.whole and not data.endswith(b"."):
            return None
    return f"pickle (protocol {protocol})" if protocol else None


def _deflated(sample: _Sample) -> str | None:
    data = sample.data
    if data.startswith(b"\x1f\x8b\x08"):
        name = "gzip"
    elif len(data) > 2 and data[0] & 0x8F == 8 and not data[1] & 0x20 and not (data[0] << 8 | data[1]) % 31:
        name = "zlib"
    else:
        return None
    # Two bytes of zlib's header are also text such as "x^2": only data that inflates is believed.
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        start = inflater.decompress(data, 64)
    except zlib.error:
        return "gzip, damaged" if name == "gzip" else None
    if start.startswith(_MAGIC):
        return f"{name} around a safecodec frame"
    return name if name == "gzip" or start or inflater.eof else None


def _avro_single_object(sample: _Sample) -> str | None:
    # Avro 1.12, "Single object encoding specification": C3 01, CRC-64-AVRO in little-endian order, the value.
    if sample.data.startswith(b"\xc3\x01") and len(sample.data) >= 10:
        return f"an Avro single object (schema fingerprint {sample.data[2:10].hex()})"
    return None


def _schema_registry(sample: _Sample) -> str | None:
    data = sample.data
    if data[:4] == bytes(4) and len(data) >= 36 and _hex_digits(data[4:36]):
        return f"Azure Schema Registry's old prefix (schema id {data[4:36].decode()})"
    if data[:2] in {b"\3\0", b"\3\5"} and len(data) >= 18 and 1 <= data[8] >> 4 <= 8 and data[10] >> 6 == 2:
        packed = ", zlib" if data[1] else ""
        return f"AWS Glue Schema Registry (schema version {UUID(bytes=data[2:18])}{packed})"
    return None


def _rails(sample: _Sample) -> str | None:
    # ActiveSupport::Cache::Coder: 00 11, type (0x80 compressed), expiry as a double, length of the version or -1.
    data = sample.data
    if data[:2] != b"\x00\x11" or len(data) < 3 or not 1 <= data[2] & 0x7F <= 4:
        return None
    fits = len(data) < 15 or -1 <= int.from_bytes(data[11:15], "little", signed=True) < 65536
    return "a Rails cache entry" if fits else None


def _confluent(sample: _Sample) -> str | None:
    data = sample.data
    # Registries count from 1: an id of 2**24 and more is some other format that starts with a zero.
    if data[:2] == b"\0\0" and len(data) >= 5 and (number := int.from_bytes(data[1:5], "big")):
        return f"Confluent's wire format (schema id {number})"
    # The GUID is a digest without version bits: what tells it from small numbers and text is that it looks random.
    guid = data[1:17]
    if data[:1] == b"\1" and len(guid) == 16 and len(set(guid)) > 10 and max(guid) > 0x7F:
        return f"Confluent's wire format (schema GUID {UUID(bytes=guid)})"
    return None


def _bson(sample: _Sample) -> str | None:
    data = sample.data
    if len(data) < 5 or int.from_bytes(data[:4], "little") != sample.length or (sample.whole and data[-1]):
        return None
    known = data[4] in range(1, 0x14) or data[4] in {0x7F, 0xFF} or sample.length == 5
    return "BSON" if known else None


# ---- structures and text ---------------------------------------------------------------------------------------


def _msgpack(sample: _Sample) -> str | None:
    kind = _walk.msgpack_kind(sample.data[0])
    if kind and _walk.is_msgpack(sample.data, sample.length):
        return f"a MessagePack {kind}"
    if re.match(rb"[\x81-\x8f][\xa1-\xbf][A-Za-z_]", sample.data):
        return "a MessagePack map, cut off or damaged"
    return None


_JSON_STARTS: Final = _patterns(
    (rb'\s*\{\s*(?:"|\}|\Z)', "object"),
    (rb'\s*\[\s*(?:["{\[\]\dtfn-]|\Z)', "array"),
    (rb'\s*"', "string"),
    (rb"\s*-?\d[\d.eE+-]*\s*\Z", "number"),
    (rb"\s*(?:true|false|null)\s*\Z", "constant"),
)


def _json(text: str, sample: _Sample) -> str | None:
    kind = _first(_JSON_STARTS, text.encode())
    if kind is None or not sample.whole:
        return kind and f"a JSON {kind}"
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return f"text that starts like a JSON {kind} and is not valid JSON" if kind in {"object", "array"} else None
    return f"the JSON constant {text.strip()}" if kind == "constant" else f"a JSON {kind}"


def _encoded(sample: _Sample) -> str | None:
    """Hex digits and base64, and what is in them where that is sure."""
    data = sample.data.strip().translate(None, b"\r\n")
    if not sample.whole:
        data = data[: len(data) & ~3]
    if len(data) < 16:
        return None
    if _hex_digits(data) and not len(data) % 2:
        inner = _sure(_decoded(binascii.unhexlify(data), sample))
        return f"hex digits of {inner}" if inner else "hex digits"
    if len(data) % 4 or not re.fullmatch(rb"(?:[A-Za-z0-9+/]+|[A-Za-z0-9_-]+)={0,2}", data):
        return None
    inner = _sure(_decoded(binascii.a2b_base64(data.translate(bytes.maketrans(b"-_", b"+/"))), sample))
    if inner:
        return f"base64 of {inner}"
    mixed = re.search(rb"[a-z]", data) and re.search(rb"[A-Z]", data) and re.search(rb"[0-9]", data)
    return "base64" if data.endswith(b"=") or (mixed and len(data) >= 24) else None


def _decoded(data: bytes, sample: _Sample) -> _Sample:
    # Only whether it is all of them matters for what is decoded from a cut sample, not how many there are.
    return _Sample(data, len(data) + (not sample.whole))


def _replaced(sample: _Sample) -> str | None:
    if sample.data.count(b"\xef\xbf\xbd") < 2 or _walk.utf8_text(sample.data, whole=sample.whole) is None:
        return None
    return "text with replacement characters: bytes decoded with errors='replace', which loses them"


def _text(sample: _Sample) -> str | None:
    text = _walk.readable_text(sample.data, whole=sample.whole)
    if text is None:
        return None
    if name := _json(text, sample) or _encoded(sample):
        return name
    return "ASCII text" if text.isascii() else "UTF-8 text"


def _zeros(sample: _Sample) -> str | None:
    return None if sample.data.strip(b"\0") else "a run of zero bytes"


def _signature(sample: _Sample) -> str | None:
    return _first(_SIGNATURES, sample.data)


def _protobuf(sample: _Sample) -> str | None:
    return "protobuf, or something like it" if _walk.is_protobuf(sample.data, sample.length) else None


_SURE: Final[tuple[Callable[[_Sample], str | None], ...]] = (
    _zeros,
    _pickle,
    _signature,
    _deflated,
    _avro_single_object,
    _schema_registry,
    _rails,
    _bson,
)
_VAGUE: Final[tuple[Callable[[_Sample], str | None], ...]] = (
    _confluent,
    _msgpack,
    _replaced,
    _text,
    _protobuf,
)


def _ask(recognisers: tuple[Callable[[_Sample], str | None], ...], sample: _Sample) -> str | None:
    return next((name for recognise in recognisers if (name := recognise(sample))), None)


def _sure(sample: _Sample) -> str | None:
    if name := _ask(_SURE, sample):
        return name
    text = _walk.readable_text(sample.data, whole=sample.whole)
    kind = _first(_JSON_STARTS[:2], text.encode()) if text else None
    return kind and f"a JSON {kind}"


def name_of(data: Buffer, *, length: int | None = None) -> str | None:
    """Name what some bytes look like that are no frame.

    Args:
        data: The bytes, or their start; any C-contiguous buffer. The first 4096 are looked at.
        length: Length of the whole, in bytes, where ``data`` is only its start.

    Returns:
        A name in words, such as ``pickle (protocol 4)`` or ``a safecodec frame in base64``, or None where nothing is
        recognised. Bytes never make it raise.
    """
    view = memoryview(data).cast("B")
    sample = _Sample(bytes(view[:SNIFFED]), max(len(view), length or 0))
    if not sample.data:
        return "empty input"
    if name := _own(sample):
        return name
    name = _ask(_SURE, sample) or _ask(_VAGUE, sample)
    inside = _frame_inside(sample.data)
    if inside < 0:
        return name
    return f"a safecodec frame at offset {inside}, behind {name or 'bytes of another layer'}"
