"""What is measured, with the targets of each."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import fastavro
import google_crc32c
import msgspec

from safecodec import Codec, crc32c, pack, peek

from .harness import Result, compare
from .samples import Configuration, Session, configuration, session

CRC_SIZES = {"100 B": 100, "1 KB": 1024, "100 KB": 102_400, "1 MB": 1 << 20}
CRC_TARGETS = ("100 B", "1 KB", "1 MB")
ROWS = {"10 KB": 50, "100 KB": 500, "1 MB": 5000}
ENVIRONMENT = "bench"


def checksums() -> Iterator[Result]:
    """CRC-32C of bytes."""
    for name, size in CRC_SIZES.items():
        data = bytes(range(256)) * (size // 256 + 1)
        data = data[:size]
        ours, theirs = compare(lambda data=data: crc32c(data), lambda data=data: google_crc32c.value(data))  # type: ignore[misc]
        yield Result(f"CRC-32C of {name}", "google-crc32c", ours, theirs, 1.0 if name in CRC_TARGETS else None)


def headers() -> Iterator[Result]:
    """A header read from Python; the peer is the nanosecond, so the ratio is a time."""
    frame = pack(b"x" * 200, format="json", subject="s", version=1, fingerprint=b"abcd", environment=ENVIRONMENT)
    ours, _ = compare(lambda: peek(frame), lambda: None)
    yield Result("peek, in ns", "nanosecond", ours, 1e-9, 150)


def codec(type_: Any, payload: str) -> Codec[Any]:
    """A codec of one version."""
    return Codec(type_, subject="bench", version=1, payload=payload, environment=ENVIRONMENT)


def round_trips() -> Iterator[Result]:
    """Encode and decode, against msgspec alone."""
    values: dict[str, tuple[Any, Any]] = {"200 B": (Session, session())}
    values |= {name: (Configuration, configuration(rows)) for name, rows in ROWS.items()}
    targets = {"200 B": 1.25, "100 KB": 1.03}
    for payload, module in (("msgpack", msgspec.msgpack), ("json", msgspec.json)):
        for name, (type_, value) in values.items():
            framed = codec(type_, payload)
            bare_encode, bare_decode = module.Encoder().encode, module.Decoder(type_).decode
            size = len(bare_encode(value))

            def ours(framed: Codec[Any] = framed, value: Any = value) -> object:
                return framed.decode(framed.encode(value))

            def theirs(encode: Any = bare_encode, decode: Any = bare_decode, value: Any = value) -> object:
                return decode(encode(value))

            target = targets.get(name) if payload == "msgpack" else None
            yield Result(f"{payload} round trip, {name} ({size} B)", "msgspec", *compare(ours, theirs), target)


def avro() -> Iterator[Result]:
    """Avro through the reference engine, against fastavro alone: what the checks cost until the engine is compiled."""
    framed = codec(Session, "avro")
    schema = fastavro.parse_schema(framed.schema().json)
    value = session()
    plain = msgspec.to_builtins(value)
    frame = framed.encode(value)
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, plain)
    payload = out.getvalue()

    def write() -> bytes:
        target = io.BytesIO()
        fastavro.schemaless_writer(target, schema, plain)
        return target.getvalue()

    yield Result("avro encode, 200 B", "fastavro", *compare(lambda: framed.encode(value), write))
    yield Result(
        "avro decode, 200 B",
        "fastavro, to dict",
        *compare(lambda: framed.decode(frame), lambda: fastavro.schemaless_reader(io.BytesIO(payload), schema, None)),
    )


SCENARIOS = (checksums, headers, round_trips, avro)
