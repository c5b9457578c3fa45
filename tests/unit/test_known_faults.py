"""Each known difference to fastavro and the avro package, from both sides."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import Any

import avro.io
import avro.schema
import fastavro
import pytest

from avro_leaves import put_long
from known_faults import KNOWN_FAULTS
from safecodec.avro import Schema
from safecodec.errors import IncompatibleSchemaError, PayloadError

REFUSED = "refused"


def record(*fields: dict[str, Any], name: str = "R", **more: Any) -> dict[str, Any]:
    """A record."""
    return {"type": "record", "name": name, "fields": list(fields), **more}


def field(kind: Any, name: str = "f", **more: Any) -> dict[str, Any]:
    """A field."""
    return {"name": name, "type": kind, **more}


def by_fastavro(writer: Any, reader: Any, data: bytes) -> Any:
    """What fastavro reads."""
    one, other = (fastavro.parse_schema(json.loads(json.dumps(one))) for one in (writer, reader))
    try:
        return fastavro.schemaless_reader(io.BytesIO(data), one, other)
    except Exception:
        return REFUSED


def by_avro(writer: Any, reader: Any, data: bytes) -> Any:
    """What the avro package reads."""
    parsed = [avro.schema.parse(json.dumps(one)) for one in (writer, reader)]
    try:
        return avro.io.DatumReader(*parsed).read(avro.io.BinaryDecoder(io.BytesIO(data)))
    except Exception:
        return REFUSED


def by_us(writer: Any, reader: Any, data: bytes) -> Any:
    """What we read."""
    try:
        return Schema(writer).decode(data, reader=Schema(reader))
    except (IncompatibleSchemaError, PayloadError):
        return REFUSED


LIBRARIES = {"fastavro": by_fastavro, "avro": by_avro}
AB = {"type": "enum", "name": "E", "symbols": ["A", "B"]}
JUST_A = {"type": "enum", "name": "E", "symbols": ["A"]}
INTS = {"type": "array", "items": "int"}
NULLS = {"type": "array", "items": "null"}
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
MICROS = {"type": "long", "logicalType": "timestamp-micros"}
LONG_FIELD = record(field("long", "old"))
ALIASED = record(field("long", "new", aliases=["old"]))
DEFAULTED = record(field("bytes", default="\xff"))
WIDE = put_long(2**40)
ODD = put_long(2**53 + 1)
FIXED = {"type": "fixed", "name": "F", "size": 2}
SKIPPED = record(field("bytes", "gone"))

# The fault, whose, writer, reader, payload, what they read, what we read.
CASES = [
    ("strict", "fastavro", ["null", "int"], "int", b"\x02\x0e", 7, REFUSED),
    ("strict", "avro", AB, JUST_A, b"\x00", "A", REFUSED),
    ("logical", "fastavro", MICROS, MILLIS, b"\x02", "1970-01-01 00:00:00.000001+00:00", REFUSED),
    ("logical", "fastavro", MILLIS, "long", b"\x02", "1970-01-01 00:00:00.001000+00:00", 1),
    ("logical", "avro", MICROS, MILLIS, b"\x02", "1970-01-01 00:00:00.000001+00:00", REFUSED),
    ("layout", "fastavro", "bytes", FIXED, b"\x04ab", REFUSED, b"ab"),
    ("layout", "avro", "bytes", FIXED, b"\x04ab", REFUSED, b"ab"),
    ("exact", "fastavro", "long", "double", ODD, 2.0**53, REFUSED),
    ("structure", "fastavro", record(name="Old"), ["null", record(name="New")], b"", REFUSED, {}),
    ("structure", "avro", record(name="Old"), ["null", record(name="New")], b"", REFUSED, {}),
    ("default", "fastavro", record(), DEFAULTED, b"", {"f": "\xff"}, {"f": b"\xff"}),
    ("default", "avro", record(), DEFAULTED, b"", {"f": b"\xc3\xbf"}, {"f": b"\xff"}),
    ("rank", "fastavro", "int", ["double", "int"], b"\x0e", 7.0, 7),
    ("promotion", "avro", "int", "double", b"\x0e", 7, 7.0),
    ("symbol", "avro", AB, {**JUST_A, "default": "A"}, b"\x02", REFUSED, "A"),
    ("alias", "avro", LONG_FIELD, ALIASED, b"\x0e", REFUSED, {"new": 7}),
    ("single", "avro", ["int", "long"], "long", b"\x00\x0e", REFUSED, 7),
    ("name", "avro", record(name="a.R"), record(name="b.R"), b"", REFUSED, {}),
    ("trailing bytes", "fastavro", "int", "int", b"\x0e\x00", 7, REFUSED),
    ("trailing bytes", "avro", "int", "int", b"\x0e\x00", 7, REFUSED),
    ("negative index", "fastavro", AB, AB, b"\x01", "B", REFUSED),
    ("negative index", "fastavro", ["int", "string"], ["int", "string"], b"\x01\x02x", "x", REFUSED),
    ("long varint", "fastavro", "long", "long", b"\x8e" + b"\x80" * 10 + b"\x00", 7, REFUSED),
    ("boolean", "fastavro", "boolean", "boolean", b"\x07", True, REFUSED),
    ("boolean", "avro", "boolean", "boolean", b"\x07", False, REFUSED),
    ("wide int", "fastavro", "int", "int", WIDE, 2**40, REFUSED),
    ("wide int", "avro", "int", "int", WIDE, 2**40, REFUSED),
    ("skipped", "fastavro", SKIPPED, record(), put_long(5) + b"ab", {}, REFUSED),
    ("block size", "fastavro", INTS, INTS, b"\x01\x08\x0e\x00", [7], REFUSED),
    ("block size", "avro", INTS, INTS, b"\x01\x08\x0e\x00", [7], REFUSED),
    ("nulls", "fastavro", NULLS, NULLS, put_long(20_000) + b"\x00", [None] * 20_000, REFUSED),
    ("nulls", "avro", NULLS, NULLS, put_long(20_000) + b"\x00", [None] * 20_000, REFUSED),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "library", "writer", "reader", "data", "theirs", "ours"),
    CASES,
    ids=[f"{one[0]}-{one[1]}" for one in CASES],
)
def test_both_sides(fault: str, library: str, writer: Any, reader: Any, data: bytes, theirs: Any, ours: Any) -> None:
    """A known fault is still theirs, and is none of ours; what they have mended leaves the table."""
    assert KNOWN_FAULTS[fault].of(library)
    found = LIBRARIES[library](writer, reader, data)
    assert (str(found) if isinstance(theirs, str) else found) == theirs
    assert by_us(writer, reader, data) == ours


def test_a_shared_default() -> None:
    """One list of fastavro's is the default of every decode; ours are made anew."""
    reader = record(field(INTS, default=[1]))
    parsed = fastavro.parse_schema(record()), fastavro.parse_schema(reader)
    one, other = (fastavro.schemaless_reader(io.BytesIO(b""), *parsed) for _ in range(2))
    assert one["f"] is other["f"]  # type: ignore[call-overload,index]
    mine = Schema(record())
    again = Schema(reader)
    assert mine.decode(b"", reader=again)["f"] is not mine.decode(b"", reader=again)["f"]


CRASH = """
import io, fastavro
schema = fastavro.parse_schema({"type": "record", "name": "R", "fields": [{"name": "f", "type": ["null", "R"]}]})
fastavro.schemaless_reader(io.BytesIO(b"\\x02" * 1_000_000), schema)
"""


def test_recursion() -> None:
    """A payload that nests without end ends fastavro's process, and is refused here."""
    done = subprocess.run([sys.executable, "-c", CRASH], capture_output=True, check=False)
    assert done.returncode != 0
    chain = record(field(["null", "R"]))
    assert by_us(chain, chain, b"\x02" * 1_000_000) == REFUSED


def test_every_fault_is_shown() -> None:
    """Each entry of the table has a test that shows both sides."""
    assert {one[0] for one in CASES} | {"shared default", "recursion"} == KNOWN_FAULTS.keys()
