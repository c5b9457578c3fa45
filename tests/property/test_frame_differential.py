"""The compiled frame against the plain-Python one, in both directions: same result or same error class."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

import reference
from safecodec.errors import SafecodecError
from safecodec.frame import Stamp, crc32c, fingerprint, pack, peek, restamp, tag, unpack

# Small pools, so that writers and readers often agree and often do not.
SUBJECTS = st.sampled_from(["orders", "users", "zählwerk"])
ENVIRONMENTS = st.sampled_from(["production", "staging", None])
FORMATS = st.sampled_from(["avro", "msgpack", "json"])
PRINTS = st.sampled_from([b"\1\2\3\4", b"\xff\0\xff\0"])
CONTEXTS = st.sampled_from([None, b"", b"user:42", b"user:43"]) | st.binary(max_size=40)
VERSIONS = st.integers(1, 5) | st.integers(1, 0xFFFF)
PAYLOADS = st.binary(max_size=300)
STAMPS = st.fixed_dictionaries(
    {
        "load_start": st.integers(0, 2**64 - 1),
        "fresh_for": st.integers(0, 2**32 - 1),
        "kind": st.sampled_from(["value", "value", "absent", "deleted"]),
        "source_version": st.integers(0, 2**64 - 1),
    }
)


@st.composite
def writers(draw: st.DrawFn) -> dict[str, Any]:
    """Arguments that pack accepts."""
    version = draw(VERSIONS)
    return {
        "format": draw(FORMATS),
        "subject": draw(SUBJECTS),
        "version": version,
        "fingerprint": draw(PRINTS),
        "environment": draw(ENVIRONMENTS),
        "oldest_reader": draw(st.none() | st.integers(1, version)),
        "context": draw(CONTEXTS),
        "stamp": draw(st.none() | STAMPS),
    }


@st.composite
def faulty_writers(draw: st.DrawFn) -> dict[str, Any]:
    """Arguments of pack of which some may be wrong."""
    wrong: dict[str, st.SearchStrategy[Any]] = {
        "format": st.sampled_from(["", "avro ", "protobuf"]),
        "subject": st.just(""),
        "version": st.sampled_from([0, -1, 65536, 2**40]),
        "fingerprint": st.binary(max_size=8),
        "environment": st.just(""),
        "oldest_reader": st.integers(-1, 70000),
        "context": st.sampled_from(["text", 7, memoryview(b"abcd")[::2]]),
    }
    chosen = draw(st.sets(st.sampled_from(sorted(wrong)), max_size=2))
    return {**draw(writers()), **{name: draw(wrong[name]) for name in sorted(chosen)}}


@st.composite
def readers(draw: st.DrawFn) -> dict[str, Any]:
    """Arguments of unpack."""
    known = st.dictionaries(VERSIONS, PRINTS, max_size=3)
    return {
        "subject": draw(SUBJECTS),
        "environment": draw(ENVIRONMENTS),
        "format": draw(st.none() | FORMATS),
        "versions": draw(st.none() | known),
        "context": draw(CONTEXTS),
        "max_payload": draw(st.just(2**20) | st.integers(0, 100)),
    }


def payloads(writer: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """Payloads that the writer's stamp allows."""
    stamp = writer["stamp"]
    return PAYLOADS if stamp is None or stamp["kind"] == "value" else st.just(b"")


@st.composite
def damaged(draw: st.DrawFn, frame: bytes, context: bytes) -> bytes:
    """The frame, or what damage, another release or a forger makes of it."""
    data = bytearray(frame)
    for _ in range(draw(st.integers(0, 2))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    if draw(st.booleans()):
        data[draw(st.integers(2, 19))] = draw(st.integers(0, 255))
        if len(data) >= 56 and draw(st.booleans()):
            data[draw(st.integers(52, 55))] = draw(st.integers(0, 4))
        data = bytearray(reference.reseal(data, context=context, payload=draw(st.booleans())))
    cut = draw(st.none() | st.integers(0, len(data)))
    return bytes(data[:cut]) + draw(st.just(b"") | st.binary(max_size=40))


@st.composite
def meetings(draw: st.DrawFn) -> tuple[bytes, dict[str, Any]]:
    """A frame, whole or not, and a reader that may fit."""
    writer, reader = draw(writers()), draw(readers())
    if draw(st.booleans()):
        reader |= {name: writer[name] for name in ("subject", "environment", "context")}
    frame = reference.pack(draw(payloads(writer)), **writer)
    if draw(st.booleans()):
        frame = draw(damaged(frame, writer["context"] or b""))
    return frame, reader


def outcome(call: Callable[[], Any]) -> Any:
    """The result, or the name of the error's class."""
    try:
        return call()
    except SafecodecError as error:
        return type(error).__name__
    except reference.Refused as refused:
        return refused.name


def compiled_pack(payload: Any, *, stamp: dict[str, Any] | None = None, **writer: Any) -> bytes:
    """Pack in the oracle's terms."""
    return pack(payload, **writer, stamp=None if stamp is None else Stamp(**stamp))


def compiled_unpack(frame: Any, **reader: Any) -> Any:
    """Unpack in the oracle's terms."""
    header, payload = unpack(frame, **reader)
    return header.as_dict(), payload.tobytes()


def compiled_peek(frame: Any, **reader: Any) -> Any:
    """Peek in the oracle's terms."""
    return peek(frame, **reader).as_dict()


@given(st.data(), writers())
def test_pack_gives_the_same_bytes(data: st.DataObject, writer: dict[str, Any]) -> None:
    """Both write the same frame, stamped or not, and each reads the other's."""
    payload = data.draw(payloads(writer))
    frame = compiled_pack(payload, **writer)
    assert frame == reference.pack(payload, **writer)
    reader = {name: writer[name] for name in ("format", "subject", "environment", "context")}
    reader["versions"] = {writer["version"]: writer["fingerprint"]}
    assert compiled_unpack(frame, **reader) == reference.unpack(frame, **reader)
    assert compiled_unpack(frame, **reader)[1] == payload


@given(PAYLOADS | st.sampled_from(["text", None, memoryview(b"abcd")[::2]]), faulty_writers())
def test_pack_refuses_the_same(payload: Any, writer: dict[str, Any]) -> None:
    """Both refuse the same arguments with the same class."""
    assert outcome(lambda: compiled_pack(payload, **writer)) == outcome(lambda: reference.pack(payload, **writer))


@given(meetings())
def test_unpack_has_the_same_verdict(meeting: tuple[bytes, dict[str, Any]]) -> None:
    """Whatever became of a frame and whoever reads it: same header and payload, or same class."""
    frame, reader = meeting
    assert outcome(lambda: compiled_unpack(frame, **reader)) == outcome(lambda: reference.unpack(frame, **reader))


@given(meetings(), st.booleans())
def test_peek_has_the_same_verdict(meeting: tuple[bytes, dict[str, Any]], verify: bool) -> None:
    """The same for the header alone, from whole frames, from the first 32 bytes and from as many as have the stamp."""
    frame, reader = meeting
    for data in (frame, frame[:32], frame[:56]):
        wanted = outcome(partial(reference.peek, data, context=reader["context"], verify=verify))
        found = outcome(partial(compiled_peek, data, context=reader["context"], verify=verify))
        assert found == wanted


@given(meetings(), STAMPS)
def test_restamp_gives_the_same_bytes(meeting: tuple[bytes, dict[str, Any]], stamp: dict[str, Any]) -> None:
    """Whatever became of a frame, both give it the same new stamp, or refuse it by the same class."""
    frame, reader = meeting
    context = reader["context"]
    assert outcome(lambda: restamp(frame, Stamp(**stamp), context=context)) == outcome(
        lambda: reference.restamp(frame, stamp, context=context)
    )


@given(STAMPS)
def test_stamps_have_the_same_bytes(stamp: dict[str, Any]) -> None:
    """A stamp is the block that the oracle writes, and is read from it."""
    made = Stamp(**stamp)
    assert bytes(made) == reference.stamp_block(**stamp)
    assert Stamp.from_bytes(bytes(made)) == made
    assert made.as_dict() == stamp


@given(st.binary(max_size=100) | st.binary(max_size=100).map(lambda data: b"\xc1\xde" + data), readers())
def test_arbitrary_bytes_have_the_same_verdict(data: bytes, reader: dict[str, Any]) -> None:
    """Bytes that nobody packed are refused alike."""
    assert outcome(lambda: compiled_unpack(data, **reader)) == outcome(lambda: reference.unpack(data, **reader))


@given(st.binary(max_size=2000), st.integers(0, 2**32 - 1))
def test_sums_are_the_same(data: bytes, value: int) -> None:
    """CRC-32C agrees with the table, from any earlier sum on."""
    assert crc32c(data, value) == reference.crc32c(data, value)


@given(st.text(min_size=1), FORMATS)
def test_tags_and_fingerprints_are_the_same(name: str, format: str) -> None:
    """Tags and fingerprints of any text agree."""
    assert tag(name) == reference.tag(name)
    assert fingerprint(format, name) == reference.fingerprint(format, name)
