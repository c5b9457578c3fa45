"""The compiled Avro decoder against the reference, on payloads that are right, damaged and made up."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import shapes
from engines import read
from safecodec import Codec, EncodeError, PayloadError
from safecodec.avro import compile
from safecodec.avro.limits import DEFAULT
from safecodec.avro.reference import ReferenceEncoder
from safecodec.avro.schema import Schema


class Chain(msgspec.Struct):
    """A record that holds itself."""

    next: Chain | None = None


def refused_alike(schema: Schema, payload: bytes) -> None:
    """The engines agree on a payload: one value, or one refusal of ours (or of the type's own checks)."""
    with contextlib.suppress(PayloadError, msgspec.ValidationError):
        read(schema, schema, payload)


@given(data=st.data())
def test_both_engines_read_the_same_values(data: st.DataObject) -> None:
    """What is written is read back by both engines, as the type and as plain values."""
    shape = data.draw(shapes.records())
    typed = Schema(shape.type)
    plain = Schema(typed.json)
    value = data.draw(shape.values)
    payload = ReferenceEncoder(typed, typed).encode(value)
    assert shapes.same(read(typed, typed, payload), value)
    read(plain, plain, payload)


@settings(max_examples=300)
@given(data=st.data())
def test_both_engines_refuse_the_same_payloads(data: st.DataObject) -> None:
    """Damaged payloads have one verdict: an equal value, or a refusal."""
    shape = data.draw(shapes.records())
    schema = Schema(Schema(shape.type).json)
    typed = Schema(shape.type)
    payload = bytearray(ReferenceEncoder(typed, typed).encode(data.draw(shape.values)))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(payload)))
        payload[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=3))
    refused_alike(schema, bytes(payload))


@settings(max_examples=300)
@given(data=st.data(), payload=st.binary(max_size=40))
def test_both_engines_agree_on_any_bytes(data: st.DataObject, payload: bytes) -> None:
    """Bytes that nobody wrote have one verdict, too."""
    refused_alike(Schema(Schema(data.draw(shapes.records()).type).json), payload)


@given(data=st.data())
def test_both_engines_resolve_alike(data: st.DataObject) -> None:
    """A reader with fewer, more and other fields in another order reads what the reference reads."""
    parts = data.draw(st.lists(st.sampled_from(shapes.LEAVES), min_size=1, max_size=5))
    writer = msgspec.defstruct("Version", [(f"f{at}", part.type) for at, part in enumerate(parts)])
    kept = data.draw(st.permutations(list(enumerate(parts))))[: data.draw(st.integers(0, len(parts)))]
    fields: list[Any] = [(f"f{at}", part.type) for at, part in kept]
    reader = msgspec.defstruct(
        "Version", [*fields, ("added", int, 7), ("made", list[int], msgspec.field(default_factory=list))]
    )
    value = writer(*(data.draw(part.values) for part in parts))
    one, other = Schema(writer), Schema(reader)
    payload = ReferenceEncoder(one, one).encode(value)
    found = read(one, other, payload)
    assert all(shapes.same(getattr(found, name), getattr(value, name)) for name, _ in fields)
    assert (found.added, found.made) == (7, [])
    read(Schema(one.json), Schema(other.json), payload)


def test_defaults_are_made_anew() -> None:
    """Two reads share no default: what one caller appends to, the next does not see."""
    writer, reader = (
        msgspec.defstruct("Version", []),
        msgspec.defstruct("Version", [("f", list[int], msgspec.field(default_factory=list))]),
    )
    decode = compile.decoder(Schema(writer), Schema(Schema(reader).json)).decode
    first = decode(b"")
    first["f"].append(1)
    assert decode(b"") == {"f": []}


def chain(depth: int) -> Chain:
    """Records in each other."""
    value = Chain()
    for _ in range(depth - 1):
        value = Chain(value)
    return value


def test_what_could_not_be_read_is_not_written() -> None:
    """The limit of nesting holds on both sides: the deepest value is written and read, one deeper is an EncodeError."""
    codec = Codec(Chain, subject="chain", version=1, environment="test")
    assert codec.decode(codec.encode(chain(DEFAULT.depth))) == chain(DEFAULT.depth)
    with pytest.raises(EncodeError, match="nests too deep"):
        codec.encode(chain(DEFAULT.depth + 1))


def test_a_small_stack_is_as_safe_as_a_large_one() -> None:
    """A payload that nests without end is refused in a thread with 256 KB of stack."""
    decode = compile.decoder(Schema(Chain), Schema(Chain)).decode
    caught: list[BaseException] = []

    def work() -> None:
        try:
            decode(b"\x02" * 1_000_000)
        except PayloadError as error:
            caught.append(error)

    before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert [error.reason.partition(",")[0] for error in caught] == ["the value nests too deep"]  # type: ignore[attr-defined]


HOSTILE = """
import resource
from safecodec.avro import compile
from safecodec.avro.schema import Schema
from safecodec import PayloadError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for items in ("null", "long", "string", {"type": "array", "items": "null"}):
    for kind in ("array", "map"):
        schema = Schema({"type": kind, "items" if kind == "array" else "values": items})
        for count in (b"\\xfe" + b"\\xff" * 8 + b"\\x01", b"\\xff" * 9 + b"\\x01\\x00"):
            try:
                compile.decoder(schema, schema).decode(count)
            except PayloadError:
                continue
            raise SystemExit(f"{schema} takes {count!r}")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_announced_items_take_no_memory() -> None:
    """A few bytes that announce 2**63 items are refused, and cost less than 2 MB."""
    done = subprocess.run([sys.executable, "-c", HOSTILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) < 2048
