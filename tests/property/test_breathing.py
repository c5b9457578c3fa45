"""Breathing changes nothing of what is read and written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avro_evolution import pairs
from avro_json import to_json
from avro_schemas import picker, types, values
from avro_types import Type
from avro_values import given as named
from differential import mutated
from safecodec import Breathing, Codec, pack
from safecodec.errors import SafecodecError
from shapes import same

BREATHS = (Breathing(every=1), Breathing("release", every=1, interval=1e-9, pause=1e-9))
LARGE = 1 << 16
"""Bytes from which on texts and bytes go without the GIL."""


def codecs(writer: Type, reader: Type | None = None) -> list[Codec[Any]]:
    """Codecs of a record with one field, without a breath and with each kind."""
    schemas = [
        {"type": "record", "name": "Around", "fields": [{"name": "it", "type": to_json(one)}]}
        for one in (writer, reader or writer)
    ]
    options: dict[str, Any] = {"subject": "it", "version": 2, "older": {1: schemas[0]}, "environment": "test"}
    return [Codec(schemas[1], breathing=one, **options) for one in (None, *BREATHS)]


def outcome(call: Any, *arguments: Any) -> tuple[Any, Any]:
    """What a call returns, or says."""
    try:
        return call(*arguments), None
    except SafecodecError as error:
        return None, (type(error), str(error))


def alike(found: list[tuple[Any, Any]]) -> bool:
    """Whether all outcomes are the same."""
    return all(same(one[0], found[0][0]) and one[1] == found[0][1] for one in found)


@given(data=st.data())
def test_breaths_change_no_bytes_and_no_value(data: st.DataObject) -> None:
    """Whatever the schema, the value and the damage to its bytes, a breath at each item changes nothing."""
    node = data.draw(types())
    plain, *breathing = codecs(node)
    value = {"it": named(node, data.draw(values(node)))}
    frame, refusal = outcome(plain.encode, value)
    assert all(outcome(one.encode, value) == (frame, refusal) for one in breathing)
    if frame is not None:
        damaged = data.draw(st.composite(lambda draw: mutated(picker(draw), frame, frame))())
        for one in (frame, bytearray(frame), damaged):
            assert alike([outcome(codec.decode, one) for codec in (plain, *breathing)])


@given(data=st.data())
def test_breaths_change_no_resolution(data: st.DataObject) -> None:
    """What is skipped, filled in and converted between versions is so with a breath at each item."""
    writer, reader = data.draw(pairs())
    try:
        found = codecs(writer, reader)
    except SafecodecError:
        return
    value = {"it": named(writer, data.draw(values(writer)))}
    older = Codec(found[0].schema(1).json, subject="it", version=1, environment="test")
    frame, _ = outcome(older.encode, value)
    if frame is not None:
        assert alike([outcome(codec.decode, frame) for codec in found])


@pytest.mark.parametrize("alphabet", ["a", "aé", "aé€", "a€😀", "😀", "ÿ", "\0\x7f\x80\u07ff\u0800\uffff"])
def test_large_texts_and_bytes(alphabet: str) -> None:
    """Texts of every width, and bytes, are the same where they are large enough to go without the GIL."""
    fields = [{"name": "text", "type": "string"}, {"name": "data", "type": "bytes"}]
    schema = {"type": "record", "name": "Large", "fields": fields}
    value: dict[str, Any] = {
        "text": alphabet * (LARGE // len(alphabet) + 1),
        "data": bytes(range(256)) * (LARGE // 256 + 1),
    }
    plain, breathing = (
        Codec(schema, subject="it", version=1, environment="test", breathing=one) for one in (None, Breathing())
    )
    frame = breathing.encode(value)
    assert frame == plain.encode(value)
    assert breathing.encode(value | {"data": memoryview(value["data"])}) == frame
    for one in (frame, bytearray(frame)):
        assert breathing.decode(one) == value


@pytest.mark.parametrize("breathing", [None, Breathing()])
def test_large_text_that_is_none(breathing: Breathing | None) -> None:
    """A large text that has no UTF-8, or bytes that are none, are refused as small ones are: with the place."""
    schema = {"type": "record", "name": "Large", "fields": [{"name": "text", "type": "string"}]}
    codec: Codec[Any] = Codec(schema, subject="it", version=1, environment="test", breathing=breathing)
    with pytest.raises(SafecodecError, match=rf"surrogates not allowed at {LARGE} \(at \$\.text\)"):
        codec.encode({"text": "é" * LARGE + "\ud800"})
    payload = codec.schema().encode({"text": "a" * LARGE + "é"})[:-1] + b"a"
    with pytest.raises(SafecodecError, match=rf"not UTF-8, at byte {LARGE + 3} of the payload"):
        codec.decode(framed(codec, payload))


def framed(codec: Codec[Any], payload: bytes) -> bytes:
    """A payload in a frame of a codec's."""
    return pack(payload, format="avro", subject="it", version=1, fingerprint=codec.fingerprint(), environment="test")
