"""Bare Avro: a Schema that encodes and decodes without a frame."""

from __future__ import annotations

import io
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import fastavro
import msgspec
import pytest

from safecodec import ConfigError, EncodeError, IncompatibleSchemaError, InputTypeError, PayloadError, avro
from safecodec.avro.schema import MAX_DECODERS

POINT: dict[str, Any] = {
    "type": "record",
    "name": "Point",
    "fields": [{"name": "x", "type": "long"}, {"name": "label", "type": ["null", "string"], "default": None}],
}
VALUE = {"x": 7, "label": "seven"}


class Point(msgspec.Struct):
    """The same as a type."""

    x: int
    label: str | None = None


class Narrow(msgspec.Struct):
    """A view of one field."""

    label: str | None


class Positive(msgspec.Struct):
    """A type with a check of its own."""

    x: int

    def __post_init__(self) -> None:
        if self.x < 0:
            raise ValueError("x is negative")


class Stubborn(msgspec.Struct):
    """A type whose code fails in its own way."""

    x: int

    def __post_init__(self) -> None:
        raise LookupError("no such x")


def test_bytes_are_those_of_other_libraries() -> None:
    """What is written is bare Avro binary: fastavro writes the same and reads it."""
    schema = avro.Schema(POINT)
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(POINT), VALUE)
    assert schema.encode(VALUE) == out.getvalue()
    assert schema.decode(out.getvalue()) == VALUE


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview], ids=lambda wrap: wrap.__name__)
def test_any_buffer_is_read(wrap: Any) -> None:
    """Bytes come as any buffer."""
    schema = avro.Schema(Point)
    assert schema.decode(wrap(schema.encode(Point(7, "seven")))) == Point(7, "seven")


def test_types_and_readers() -> None:
    """The same bytes become plain values, a type, a narrower type, or what another schema says."""
    schema = avro.Schema(POINT)
    data = schema.encode(VALUE)
    wider = avro.Schema({**POINT, "fields": [*POINT["fields"], {"name": "z", "type": "long", "default": 3}]})
    assert schema.decode(data, type=Point) == Point(7, "seven")
    assert schema.decode(data, type=Narrow) == Narrow("seven")
    assert schema.decode(data, reader=wider) == {**VALUE, "z": 3}
    assert schema.decode(data, reader=wider.json) == {**VALUE, "z": 3}
    assert avro.Schema(Point).decode(data) == Point(7, "seven")


@pytest.mark.parametrize("size", [0, 1, 2, 7, 8, 16, 17, 100, 5000])
@pytest.mark.parametrize("letter", ["a", "é", "€", "😀"])
def test_texts_are_pythons_own(letter: str, size: int) -> None:
    """A text that was read is as large as one that Python made, hashes as it, is interned and grows as it does."""
    made = "".join([letter] * size)
    schema = avro.Schema({"type": "map", "values": "string"})
    found = schema.decode(schema.encode({made: made}))
    for text in (*found, *found.values()):
        assert text == made
        assert hash(text) == hash(made)
        assert sys.getsizeof(text) == sys.getsizeof(made)
        assert text.isascii() == made.isascii()
        assert text.encode() == made.encode()
        assert {made: 1}[text] == 1
        assert sys.intern(text) == made
        grown = text
        grown += "b" * 100
        assert grown == made + "b" * 100


def test_a_texts_memory_is_told() -> None:
    """What follows Python's allocations sees those of texts, and that they are gone."""
    schema = avro.Schema({"type": "array", "items": "string"})
    data = schema.encode([f"{number:0200}" for number in range(1000)])
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        found = schema.decode(data)
        held, _ = tracemalloc.get_traced_memory()
        assert held - before > 200 * len(found)
        del found
        after, _ = tracemalloc.get_traced_memory()
        assert after - before < 20 * 1000
    finally:
        tracemalloc.stop()


def test_a_file_is_a_schema(tmp_path: Path) -> None:
    """An .avsc is given by its path."""
    path = tmp_path / "point.avsc"
    path.write_bytes(msgspec.json.encode(POINT))
    assert avro.Schema(path).decode(avro.Schema(POINT).encode(VALUE)) == VALUE


def test_a_pair_is_compiled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader is resolved once, however often it reads; a dict each time, as its owner may change it."""
    from safecodec.avro import compile

    made: list[object] = []
    build = compile.decoder

    def counted(writer: avro.Schema, reader: avro.Schema) -> Any:
        made.append(reader)
        return build(writer, reader)

    monkeypatch.setattr(compile, "decoder", counted)
    schema, reader = avro.Schema(POINT), avro.Schema(POINT)
    data = schema.encode(VALUE)
    for _ in range(3):
        schema.decode(data)
        schema.decode(data, reader=reader)
        schema.decode(data, type=Point)
    assert len(made) == 3
    changing = {**POINT, "fields": list(POINT["fields"])}
    assert schema.decode(data, reader=changing) == VALUE
    changing["fields"].pop()
    assert schema.decode(data, reader=changing) == {"x": 7}


def test_decoders_are_kept_within_a_bound() -> None:
    """Readers that come and go do not pile up, and all of them read."""
    schema = avro.Schema(POINT)
    data = schema.encode(VALUE)
    for _ in range(MAX_DECODERS + 5):
        assert schema.decode(data, reader=avro.Schema(POINT)) == VALUE
    assert len(schema._decoders) == MAX_DECODERS


@pytest.mark.parametrize("data", ["\x0e\x00", 7, None, memoryview(b"\x0e\x00\x00")[::2]])
def test_what_is_no_buffer_of_bytes(data: Any) -> None:
    """Text, numbers and buffers with gaps are refused by name."""
    with pytest.raises(InputTypeError, match="this is") as caught:
        avro.Schema(POINT).decode(data)
    assert caught.value.found == type(data).__name__


def test_refusals_are_ours() -> None:
    """What goes wrong is one of our errors, with the place."""
    schema = avro.Schema(POINT)
    with pytest.raises(ConfigError, match="not both"):
        schema.decode(b"", reader=schema, type=Point)  # type: ignore[call-overload]
    with pytest.raises(IncompatibleSchemaError, match=r"\$\.x"):
        schema.decode(b"", reader={**POINT, "fields": [{"name": "x", "type": "int"}]})
    with pytest.raises(PayloadError) as refused:
        schema.decode(b"\x0e\x02\x04a")
    assert refused.value.path == "$.label"
    with pytest.raises(EncodeError) as unwritten:
        schema.encode({"x": "seven"})
    assert unwritten.value.path == "$.x"
    with pytest.raises(EncodeError, match="this is str 'seven'"):
        avro.Schema(Point).encode(Point("seven"))  # type: ignore[arg-type]


def test_a_types_own_checks_refuse() -> None:
    """A ValueError of a type's __post_init__ is a PayloadError with its cause, a LookupError passes as it is."""
    schema = avro.Schema(POINT)
    payload = schema.encode({"x": -1})
    with pytest.raises(PayloadError, match="x is negative") as caught:
        schema.decode(payload, type=Positive)
    assert type(caught.value.__cause__) is ValueError
    with pytest.raises(LookupError, match="no such x"):
        schema.decode(payload, type=Stubborn)
