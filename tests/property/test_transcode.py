"""MessagePack and JSON of any Avro schema: its values come back, and damaged payloads are refused."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from avro_json import to_json
from avro_oracle import write
from avro_schemas import types, values
from avro_types import Type
from safecodec import EncodeError, SchemaError
from safecodec.avro import Schema
from safecodec.errors import PayloadError
from safecodec.payload import json, msgpack
from safecodec.payload.transcode import Parser, Printer
from shapes import same

FORMATS: dict[str, tuple[Any, Any]] = {"msgpack": (msgpack, msgspec.msgpack), "json": (json, msgspec.json)}
KEYS = st.sampled_from(("f0", "f1", "a", "x"))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=5,
)


def schema_of(node: Type, form: Any) -> Schema:
    """A schema that a format can hold."""
    schema = Schema(to_json(node))
    try:
        form.decoder(schema, schema)
    except SchemaError:  # two branches of a union look alike
        assume(False)
    return schema


def is_finite(value: Any) -> bool:
    """Whether no NaN and no infinity is in a plain value."""
    if isinstance(value, dict):
        return all(map(is_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


@pytest.mark.parametrize("name", FORMATS)
@given(data=st.data())
def test_every_value_of_a_schema_comes_back(name: str, data: st.DataObject) -> None:
    """A value is the same after it was a payload of another format, whatever the schema."""
    form, library = FORMATS[name]
    node = data.draw(types())
    schema = schema_of(node, form)
    payload = write(node, data.draw(values(node)))
    plain = Printer(schema.root, texts_only=name == "json").plain(payload)
    assume(name == "msgpack" or is_finite(plain))
    read = library.decode(library.encode(plain))
    assert same(schema.decode(Parser(schema.root, texts_only=name == "json").avro(read)), schema.decode(payload))


@pytest.mark.parametrize("name", FORMATS)
@given(data=st.data())
def test_any_payload_is_a_value_or_refused(name: str, data: st.DataObject) -> None:
    """A payload of another schema is a PayloadError, or a value that is written again as a payload of that value."""
    form, library = FORMATS[name]
    schema = schema_of(data.draw(types()), form)
    other = data.draw(types())
    foreign = write(other, data.draw(values(other)))
    plain = Printer(Schema(to_json(other)).root, texts_only=name == "json").plain(foreign)
    try:
        value = form.decoder(schema, schema)(library.encode(data.draw(st.just(plain) | PLAIN)))
    except (PayloadError, msgspec.ValidationError):
        return
    try:
        again = form.encoder(schema, schema)(value)
    except EncodeError:  # of a union whose branches a bare value does not tell apart
        return
    assert form.encoder(schema, schema)(form.decoder(schema, schema)(again)) == again
