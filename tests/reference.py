"""The frame and the wire form in plain Python: the oracle that the package is held against, never shipped.

Written from docs/reference/wire-format.md alone, the slow and obvious way, and without an import of the package.
What safecodec would refuse is a `Refused` here that carries the name of safecodec's error class.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from typing import Any

FORMATS = {"avro": 1, "msgpack": 2, "json": 3}
NAMES = {code: name for name, code in FORMATS.items()}
LAYOUT = struct.Struct("<BBBBHH4s4s4sIII")
HEADER_SIZE = 32
MAGIC = 0xC1
REVISION_1 = 0xDE
STAMPED = 0x40
NOT_UNDERSTOOD = 0xB0
UNSCOPED = bytes(4)
MAX_PAYLOAD = 64 * 1024 * 1024
STAMP = struct.Struct("<QQIB3s")
STAMP_SIZE = 24
KINDS = {"value": 1, "absent": 2, "deleted": 3}

HeaderDict = dict[str, Any]
StampDict = dict[str, Any]


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
    """The first 4 bytes of SHA-256 over the format's code and the wire form."""
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


def _whole(number: Any, bits: int) -> int:
    if type(number) is not int or not 0 <= number < 2**bits:
        raise Refused("ConfigError")
    return number


def stamp_block(*, load_start: Any, fresh_for: Any, kind: Any = "value", source_version: Any = 0) -> bytes:
    """The 24 bytes of a stamp, or `Refused`."""
    if not isinstance(kind, str) or kind not in KINDS:
        raise Refused("ConfigError")
    return STAMP.pack(_whole(load_start, 64), _whole(source_version, 64), _whole(fresh_for, 32), KINDS[kind], bytes(3))


def stamp_of(start: bytes) -> StampDict | None:
    """The stamp of a frame's first 56 bytes, unchecked; None where there is none that a reader takes."""
    if len(start) < HEADER_SIZE + STAMP_SIZE or not start[3] & STAMPED:
        return None
    load_start, source_version, fresh_for, code, reserved = STAMP.unpack_from(start, HEADER_SIZE)
    names = {number: name for name, number in KINDS.items()}
    if code not in names or reserved != bytes(3):
        return None
    return {
        "load_start": load_start, "fresh_for": fresh_for, "kind": names[code], "source_version": source_version
    }  # fmt: skip


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
    stamp: StampDict | None = None,
) -> bytes:
    """A frame, or `Refused`."""
    oldest = version if oldest_reader is None else oldest_reader
    if format not in FORMATS or not 1 <= oldest <= version <= 0xFFFF or len(fingerprint) != 4:
        raise Refused("ConfigError")
    subject_tag = _name_tag(subject)
    environment_tag = UNSCOPED if environment is None else _name_tag(environment)
    bound = b"" if context is None else _bytes_of(context)
    body = _stamped(_bytes_of(payload), stamp)
    start = LAYOUT.pack(
        MAGIC,
        REVISION_1,
        FORMATS[format],
        0 if stamp is None else STAMPED,
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


def _stamped(body: bytes, stamp: StampDict | None) -> bytes:
    if stamp is None:
        return body
    if body and stamp["kind"] != "value":
        raise Refused("EncodeError")
    return stamp_block(**stamp) + body


def restamp(frame: Any, stamp: StampDict, *, context: Any = None) -> bytes:
    """The frame with another stamp, or `Refused`: verdicts 1 to 5 and 9 to 11a."""
    header, data = _peek(frame, context, True)
    _check_form(header, None)
    payload = _check_body(header, data, 2**32 - 1)
    again = data[:3] + bytes([data[3] | STAMPED]) + data[4:HEADER_SIZE] + _stamped(payload, stamp)
    return reseal(again, context=b"" if context is None else _bytes_of(context), payload=True)


def parse(start: bytes) -> HeaderDict:
    """The fields of a header of 32 bytes, unchecked, and its stamp, if its block is there."""
    (_, _, code, flags, version, oldest, subject, schema, environment, length, checksum, header) = LAYOUT.unpack(
        start[:HEADER_SIZE]
    )
    fields: HeaderDict = {
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
    stamp = stamp_of(start)
    return fields if stamp is None else {**fields, "stamp": stamp}


def _payload_passes(data: bytes, header: HeaderDict) -> bool:
    body = data[HEADER_SIZE:]
    return (len(body), masked(crc32c(body))) == (header["payload_length"], header["payload_checksum"])


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
    """A frame's header and payload, or `Refused`: verdicts 1 to 11a."""
    expected_subject = _name_tag(subject).hex()
    expected_environment = (UNSCOPED if environment is None else _name_tag(environment)).hex()
    if (format is not None and format not in FORMATS) or not 1 <= max_payload <= 0xFFFFFFFF:
        raise Refused("ConfigError")
    if versions is not None and not (versions and all(map(_is_known, versions.items()))):
        raise Refused("ConfigError")
    header, data = _peek(frame, context, True)
    _check_form(header, format)
    if header["environment_tag"] != expected_environment:
        raise Refused("EnvironmentMismatchError")
    if header["subject_tag"] != expected_subject:
        raise Refused("SubjectMismatchError")
    if versions is not None:
        _check_version(header, versions)
    return header, _check_body(header, data, max_payload)


def _check_form(header: HeaderDict, format: str | None) -> None:
    if header["flags"] & NOT_UNDERSTOOD:
        raise Refused("UnsupportedFlagsError")
    if header["format_code"] not in NAMES or format not in (None, header["format"]):
        raise Refused("PayloadFormatError")


def _check_body(header: HeaderDict, data: bytes, max_payload: int) -> bytes:
    body = data[HEADER_SIZE:]
    before = STAMP_SIZE if header["flags"] & STAMPED else 0
    if len(body) != header["payload_length"]:
        raise Refused("PayloadLengthError")
    if len(body) - before > max_payload:
        raise Refused("PayloadTooLargeError")
    if masked(crc32c(body)) != header["payload_checksum"]:
        raise Refused("PayloadChecksumError")
    if before:
        stamp = stamp_of(data)
        if stamp is None or (stamp["kind"] != "value" and len(body) > STAMP_SIZE):
            raise Refused("StampError")
    return body[before:]


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


# ---- wire form ---------------------------------------------------------------------------------------------------

LOGICAL = {
    "int": ("date", "time-millis"),
    "long": (
        "time-micros",
        *(f"{local}timestamp-{unit}" for local in ("", "local-") for unit in ("millis", "micros", "nanos")),
        "safecodec-timedelta-micros",
    ),
    "bytes": ("decimal", "big-decimal", "safecodec-msgpack"),
    "string": ("uuid", "safecodec-offset-time"),
    "fixed": ("decimal", "uuid", "duration"),
}
"""The logical types that are valid, by what they are on."""
SIZES = {"uuid": 16, "duration": 12}
PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
KEPT = {
    "array": ("safecodec.collection", "safecodec.map"),
    "avro": ("safecodec.tag", "safecodec.tuple"),
    "named": ("safecodec.array_like", "safecodec.tag", "safecodec.tag_field", "safecodec.tuple"),
}


def wire_form(schema: Any, format: str) -> str:
    """The wire form of a schema, which is given as its JSON value."""
    form = _WireForm(format == "avro").of(_Names().read(schema, ""))
    return json.dumps(form, separators=(",", ":"), ensure_ascii=False)


class _Names:
    """Replaces names in a schema by what they name; each type is a dict whose ``kind`` says what it is."""

    def __init__(self) -> None:
        self.known: dict[str, dict[str, Any]] = {}

    def read(self, source: Any, space: str) -> dict[str, Any]:
        if isinstance(source, list):
            return {"kind": "union", "branches": [self.read(one, space) for one in source]}
        if isinstance(source, str):
            if source in PRIMITIVES:
                return {"kind": source}
            full = f"{space}.{source}" if space else source
            return self.known[full if "." not in source and full in self.known else source]
        kind = source["type"]
        if not isinstance(kind, str):
            return self.read(kind, space)
        if kind in ("record", "error", "enum", "fixed"):
            return self.named(source, "record" if kind == "error" else kind, space)
        if kind == "array":
            return {**source, "kind": "array", "items": self.read(source["items"], space)}
        if kind == "map":
            return {**source, "kind": "map", "values": self.read(source["values"], space)}
        return {**source, "kind": kind} if kind in PRIMITIVES else self.read(kind, space)

    def named(self, source: dict[str, Any], kind: str, space: str) -> dict[str, Any]:
        name, space = source["name"], source.get("namespace", space)
        full = name if "." in name or not space else f"{space}.{name}"
        found = self.known[full] = {**source, "kind": kind, "name": full}
        if kind == "record":
            space = full.rpartition(".")[0]
            found["fields"] = [{**one, "type": self.read(one["type"], space)} for one in source["fields"]]
            if source.get("safecodec.wrapped") is True and len(found["fields"]) == 1:
                only: dict[str, Any] = found["fields"][0]["type"]
                return only
        return found


def _logical(node: dict[str, Any]) -> dict[str, Any]:
    name, precision, scale = node.get("logicalType"), node.get("precision"), node.get("scale", 0)
    if name not in LOGICAL.get(node["kind"], ()):
        return {}
    if node["kind"] == "fixed" and SIZES.get(name, node["size"]) != node["size"]:
        return {}
    if name != "decimal":
        return {"logicalType": name}
    if type(precision) is not int or type(scale) is not int or not 0 <= scale <= precision or precision < 1:
        return {}
    if node["kind"] == "fixed" and 10**precision > 2 ** (8 * node["size"]) // 2 - (node["size"] > 0):
        return {}
    return {"logicalType": name, "precision": precision, "scale": scale}


def _symbols(node: dict[str, Any]) -> list[Any]:
    return list(node.get("safecodec.values", node["symbols"]))


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


class _WireForm:
    def __init__(self, by_position: bool) -> None:
        self.by_position = by_position
        self.visited: list[dict[str, Any]] = []

    def of(self, node: dict[str, Any], label: dict[str, Any] | None = None) -> Any:
        kind = node["kind"]
        if kind in PRIMITIVES:
            logical = _logical(node)
            return {"type": kind, **logical} if logical else kind
        if kind == "array":
            kept = {key: node[key] for key in KEPT["array"] if key in node}
            return {"type": kind, "items": self.of(node["items"]), **kept}
        if kind == "map":
            return {"type": kind, "values": self.of(node["values"])}
        if kind == "union":
            return self.union(node["branches"])
        for ordinal, one in enumerate(self.visited):
            if one is node:
                return {"type": ordinal, **(label or {})}
        self.visited.append(node)
        form: dict[str, Any] = {"type": kind, **(label or {})}
        if kind == "fixed":
            return {**form, "size": node["size"], **_logical(node)}
        if kind == "enum":
            values = _symbols(node)
            return {**form, "symbols": values if self.by_position else sorted(values, key=_text)}
        return {**form, **self.record(node)}

    def record(self, node: dict[str, Any]) -> dict[str, Any]:
        as_array = self.by_position or "safecodec.array_like" in node
        fields = node["fields"] if as_array else sorted(node["fields"], key=lambda one: str(one["name"]))
        omits = not as_array and "safecodec.omit_defaults" in node
        form: dict[str, Any] = {key: node[key] for key in KEPT["avro" if self.by_position else "named"] if key in node}
        form["fields"] = []
        for one in fields:
            optional = "safecodec.optional" in one
            kind = self.union(one["type"]["branches"][1:]) if optional else self.of(one["type"])
            field = {"name": one["name"], "type": kind}
            if omits and "default" in one:
                field["default"] = _default(one["type"], one["default"])
            if optional:
                field["safecodec.optional"] = one["safecodec.optional"]
            form["fields"].append(field)
        return form

    def union(self, branches: list[dict[str, Any]]) -> list[Any]:
        groups = [_group(one) for one in branches]
        several = [one for one, group in zip(branches, groups, strict=True) if group and groups.count(group) > 1]
        short = [one["name"].rpartition(".")[2] for one in several]
        labels = {
            id(one): one.get("safecodec.tag", name if short.count(name) == 1 else one["name"])
            for one, name in zip(several, short, strict=True)
        }
        ordered = branches if self.by_position else sorted(branches, key=lambda one: _place(one, labels))
        return [self.of(one, {"name": labels[id(one)]} if id(one) in labels else None) for one in ordered]


def _group(node: dict[str, Any]) -> Any:
    """Return the trait that named types share where a union tells them apart by name alone."""
    if node["kind"] == "enum" and "safecodec.class" in node:
        return "enum", frozenset(type(value) for value in _symbols(node))
    if node["kind"] in ("enum", "fixed"):
        return node["kind"]
    return ("record", "safecodec.tuple" in node) if node["kind"] == "record" else None


def _place(node: dict[str, Any], labels: dict[int, Any]) -> tuple[str, ...]:
    if node["kind"] in PRIMITIVES:
        return node["kind"], _logical(node).get("logicalType", "")
    details: list[str] = [key for key in ("safecodec.map", "safecodec.tuple") if key in node]
    if node["kind"] == "enum" and "safecodec.class" in node:
        details = sorted({type(value).__name__ for value in _symbols(node)})
    return node["kind"], *details, _text(labels[id(node)]) if id(node) in labels else ""


def _default(node: dict[str, Any], value: Any) -> Any:
    """A default in the one spelling of its value."""
    kind = node["kind"]
    if kind in ("float", "double"):
        return float(value)
    if kind == "enum":
        return _symbols(node)[node["symbols"].index(value)]
    if kind == "array":
        return [_default(node["items"], one) for one in value]
    if kind == "map":
        return {key: _default(node["values"], value[key]) for key in sorted(value)}
    if kind == "union":
        branch = _branch(node["branches"], value)
        return None if value is None else {_branch_name(branch, node["branches"]): _default(branch, value)}
    if kind == "record":
        fields = sorted(node["fields"], key=lambda one: str(one["name"]))
        return {one["name"]: _default(one["type"], value.get(one["name"], one.get("default"))) for one in fields}
    return value


def _branch_name(branch: dict[str, Any], branches: list[dict[str, Any]]) -> str:
    """A default's branch: its kind and what is said about it, or its name where others are of its kind."""
    group = _group(branch)
    if group and [_group(one) for one in branches].count(group) > 1:
        return f"{branch['kind']}:{branch['name']}"
    return ":".join(one for one in _place(branch, {}) if one)


def _branch(branches: list[dict[str, Any]], value: Any) -> dict[str, Any]:
    fitting = [one for one in branches if _fits(one, value)]
    whole = [one for one in fitting if one["kind"] not in ("float", "double")]
    return (whole or fitting)[0] if type(value) is int else fitting[0]


def _fits(node: dict[str, Any], value: Any) -> bool:
    kind = node["kind"]
    bits = {"int": 31, "long": 63}.get(kind)
    if bits is not None:
        return type(value) is int and -(2**bits) <= value < 2**bits
    if kind in ("float", "double"):
        return type(value) in (int, float)
    if kind == "union":
        return any(_fits(one, value) for one in node["branches"])
    if kind in ("array", "map"):
        inner = list(value.values()) if isinstance(value, dict) else value
        wanted = list if kind == "array" else dict
        return isinstance(value, wanted) and all(
            _fits(node["items" if kind == "array" else "values"], one) for one in inner
        )
    if kind == "record":
        return isinstance(value, dict) and all(
            _fits(one["type"], value[one["name"]]) if one["name"] in value else "default" in one
            for one in node["fields"]
        )
    if kind in ("null", "boolean"):
        return value is None if kind == "null" else isinstance(value, bool)
    if not isinstance(value, str):
        return False
    if kind == "enum":
        return value in node["symbols"]
    is_bytes = all(ord(one) < 256 for one in value)
    return kind == "string" or (is_bytes and (kind == "bytes" or len(value) == node["size"]))
