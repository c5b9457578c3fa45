"""Numbers, texts and sets as bytes: the compiled ways against what the specification says in a few lines of Python."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from avro_leaves import put_long as written
from safecodec import EncodeError, PayloadError, avro

LONGS = avro.Schema({"type": "array", "items": "long"})
TEXTS = avro.Schema({"type": "record", "name": "R", "fields": [{"name": "t", "type": "string"}]})
EDGES = sorted({sign * 2**power + by for power in range(64) for sign in (-1, 1) for by in (-1, 0, 1)})
longs = st.sampled_from([one for one in EDGES if -(2**63) <= one < 2**63]) | st.integers(-(2**63), 2**63 - 1)
WIDE = ["é", "ÿ", "Ā", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\uffff", "\U00010000", "\U0010ffff", "a" * 7, "a" * 8]
texts = st.lists(st.sampled_from(WIDE) | st.text(max_size=9), max_size=12).map("".join)


@given(st.lists(longs, max_size=40))
def test_longs_are_written_and_read_as_the_specification_says(numbers: list[int]) -> None:
    """Every whole number of 64 bits has the specification's bytes, wherever it lies in a payload."""
    block = written(len(numbers)) + b"".join(map(written, numbers)) if numbers else b""
    assert LONGS.encode(numbers) == block + b"\0"
    assert LONGS.decode(block + b"\0") == numbers


@given(before=st.lists(longs, max_size=3), number=longs, data=st.data())
def test_numbers_that_are_cut_off(before: list[int], number: int, data: st.DataObject) -> None:
    """A number without its last bytes is refused at any distance from the payload's start and end."""
    whole = written(number)
    cut = data.draw(st.integers(0, len(whole) - 1))
    payload = written(len(before) + 1) + b"".join(map(written, before)) + whole[:cut]
    with pytest.raises(PayloadError):
        LONGS.decode(payload)


@given(padding=st.binary(min_size=1, max_size=12), behind=st.binary(max_size=9))
def test_numbers_of_any_bytes(padding: bytes, behind: bytes) -> None:
    """Seven bits a byte, the lowest first, up to 64 of them: any bytes are a number, or are refused."""
    data = padding + behind
    size = next((at + 1 for at, byte in enumerate(data) if byte < 0x80), len(data) + 1)
    found = sum((byte & 0x7F) << (7 * at) for at, byte in enumerate(data[:size]))
    schema = avro.Schema({"type": "record", "name": "R", "fields": [{"name": "n", "type": "long"}]})
    if size > len(data) or found >= 2**64 or size > 10:
        with pytest.raises(PayloadError):
            schema.decode(data)
    else:
        assert schema.decode(data[:size]) == {"n": (found >> 1) ^ -(found & 1)}


@given(texts)
@example("\ud800")
@example("a" * 100 + "\udfff")
def test_texts_are_utf_8(text: str) -> None:
    """A text is written as its UTF-8 and read back, or refused where it has none."""
    try:
        data = text.encode()
    except UnicodeEncodeError:
        with pytest.raises(EncodeError):
            TEXTS.encode({"t": text})
        return
    assert TEXTS.encode({"t": text}) == written(len(data)) + data
    assert TEXTS.decode(written(len(data)) + data) == {"t": text}


@given(data=st.data())
def test_bytes_are_a_text_where_python_says_so(data: st.DataObject) -> None:
    """Bytes that Python decodes as UTF-8 are that text, of one width of characters; all others are refused."""
    text = data.draw(texts.filter(lambda text: text.isascii() or not has_surrogate(text)))
    found = bytearray(text.encode() * data.draw(st.sampled_from([1, 1, 300])))
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(found)))
        found[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    payload = written(len(found)) + found
    try:
        text = found.decode()
    except UnicodeDecodeError:
        with pytest.raises(PayloadError, match="UTF-8"):
            TEXTS.decode(payload)
        return
    read = TEXTS.decode(payload)["t"]
    assert read == text
    assert hash(read) == hash(text)  # CPython has one form of each text
    assert read.__sizeof__() == text.__sizeof__()


def has_surrogate(text: str) -> bool:
    """Whether a text has half of a surrogate pair."""
    return any("\ud800" <= one <= "\udfff" for one in text)


@given(st.sets(longs | st.integers(-70, 70), max_size=60) | st.sets(texts.filter(lambda one: not has_surrogate(one))))
def test_sets_are_in_the_order_of_their_bytes(items: set[Any]) -> None:
    """A set is written as its items' encodings in the order of their bytes, whatever its own order is."""
    kind = "long" if all(type(one) is int for one in items) else "string"
    schema = avro.Schema({"type": "array", "items": kind, "safecodec.collection": "set"})
    parts = sorted(written(one) if kind == "long" else written(len(one.encode())) + one.encode() for one in items)
    assert schema.encode(items) == (written(len(parts)) + b"".join(parts) if parts else b"") + b"\0"
