"""Projection, engines and the shadow: other ways to read the frames of one codec."""

from __future__ import annotations

import copy
import logging
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from safecodec import (
    Codec,
    ConfigError,
    IncompatibleSchemaError,
    PayloadError,
    PayloadFormat,
    Reader,
    SchemaError,
    peek,
)
from safecodec.payload.shadow import Difference, Shadow


class Address(msgspec.Struct):
    """Something nested."""

    city: str
    lines: list[str]


class UserV1(msgspec.Struct):
    """Version 1."""

    number: int
    name: str
    address: Address


class User(UserV1):
    """Version 2."""

    tags: list[str] = []


class UserV3(User):
    """A version that readers of version 2 do not know."""

    note: str = ""


@dataclass
class City:
    """A view of the nested record."""

    city: str


@dataclass
class Name:
    """A view with two of the fields, in another order."""

    address: City
    name: str


VALUE = User(7, "Ada", Address("London", ["12 St James Sq"]), ["x"])


def codec(payload: PayloadFormat = "avro", **more: Any) -> Codec[User]:
    """The codec of both versions."""
    return Codec(User, subject="user", version=2, older={1: UserV1}, payload=payload, environment="test", **more)


@pytest.mark.parametrize("payload", ["avro", "msgpack", "json"])
@pytest.mark.parametrize("write_version", [1, 2])
def test_a_view_has_fewer_fields(payload: PayloadFormat, write_version: int) -> None:
    """A reader of a smaller type takes frames of all versions, and what it does not have is skipped."""
    frame = codec(payload, write_version=write_version).encode(VALUE, context=b"k")
    reader = codec(payload).reader(Name)
    assert isinstance(reader, Reader)
    assert reader.decode(frame, context=b"k") == Name(City("London"), "Ada")
    assert reader.decode(bytearray(frame), context=b"k") == Name(City("London"), "Ada")


@pytest.mark.parametrize("payload", ["avro", "msgpack", "json"])
def test_a_view_reads_newer_frames(payload: PayloadFormat) -> None:
    """A view falls back as its codec does: a newer version that allows it is read."""
    newer = Codec(UserV3, subject="user", version=3, older={1: UserV1, 2: User}, payload=payload, environment="test")
    frame = newer.encode(UserV3(7, "Ada", VALUE.address, [], "new"))
    assert codec(payload).reader(Name).decode(frame) == Name(City("London"), "Ada")


def test_what_is_skipped_is_checked() -> None:
    """A fault in a field that the view does not have is refused, with its place."""
    from safecodec import pack

    made = codec()
    payload = made.encode(VALUE)[32:].replace(b"London", b"Lond\xff\xff")
    frame = pack(payload, format="avro", subject="user", version=2, fingerprint=made.fingerprint(), environment="test")
    number = msgspec.defstruct("Number", [("number", int)])
    with pytest.raises(PayloadError, match="not UTF-8") as caught:
        made.reader(number).decode(frame)
    assert caught.value.path == "$.address.city"
    assert caught.value.header == peek(frame)


def test_a_view_that_does_not_resolve() -> None:
    """A view of what is not there, or of no type, is refused when it is asked for."""
    other = msgspec.defstruct("Other", [("missing", int)])
    with pytest.raises(IncompatibleSchemaError, match=r"version 1 of subject 'user' wrote cannot be read as the type"):
        codec().reader(other)
    with pytest.raises(SchemaError):
        codec().reader(None)


def test_a_reader_goes_by_its_codec() -> None:
    """A reader has no bytes of its own to pickle: its codec has."""
    reader = codec().reader(Name)
    assert str(Reader[Name]).startswith("safecodec.reader.Reader[")
    with pytest.raises(TypeError, match="pickle its Codec"):
        copy.copy(reader)


# ---- engines and the shadow ------------------------------------------------------------------------------------------


def test_engines_write_and_read_the_same() -> None:
    """Frames of the compiled engine and of the reference are equal, and each reads the other's."""
    compiled, reference = codec(), codec(engine="fastavro")
    frame = compiled.encode(VALUE)
    assert reference.encode(VALUE) == frame
    assert reference.decode(frame) == compiled.decode(frame) == VALUE
    assert reference.reader(Name).decode(frame) == Name(City("London"), "Ada")


def test_engines_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that nobody knows, that is not installed, or that does not read the format is a ConfigError."""
    with pytest.raises(ConfigError, match="engine 'other' is not one of compiled, fastavro"):
        codec(engine="other")
    with pytest.raises(ConfigError, match="for Avro payloads, not for json"):
        codec("json", engine="fastavro")
    monkeypatch.setattr("safecodec.evolution.versions.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"not installed: pip install 'safecodec\[fastavro\]'"):
        codec(engine="fastavro")


@pytest.mark.parametrize("wrong", [-1, True, "2"])
def test_a_shadow_is_a_number(wrong: Any) -> None:
    """How many decodes there are to one that is compared is a whole number."""
    with pytest.raises(ConfigError, match="shadow is how many"):
        codec(shadow=wrong)


def test_one_decode_in_so_many_is_compared() -> None:
    """The shadow reads one frame in N by the reference, refusals too, and finds nothing where the engines agree."""
    from safecodec import pack

    made = codec(shadow=3)
    frame = made.encode(VALUE)
    for _ in range(7):
        assert made.decode(frame) == VALUE
    damaged = pack(
        frame[32:-1], format="avro", subject="user", version=2, fingerprint=made.fingerprint(), environment="test"
    )
    for _ in range(2):
        with pytest.raises(PayloadError):
            made.decode(damaged)
    assert made.shadow is not None
    assert (made.shadow.compared, made.shadow.differences, made.shadow.failures) == (3, 0, 0)
    assert codec().shadow is None


def differing(report: Any) -> tuple[Shadow, Any]:
    """A shadow whose second opinion is another one, and a header."""
    made = codec()
    return Shadow(1, [lambda _: User(8, "", VALUE.address)], made.encode, report), peek(made.encode(VALUE))


def test_a_difference_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """A difference is counted, logged and reported with the frame's header."""
    seen: list[Difference] = []
    shadow, header = differing(seen.append)
    shadow.compare(0, b"", VALUE, header)
    shadow.compare(0, b"", ValueError("refused"), header)
    assert (shadow.compared, shadow.differences, shadow.failures) == (2, 2, 0)
    assert [one.header for one in seen] == [header] * 2
    assert seen[0].ours is VALUE
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    silent, _ = differing(None)
    silent.compare(0, b"", VALUE, header)
    assert silent.differences == 1


def test_the_shadow_never_disturbs(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong in the shadow is counted and logged, and the decode goes on."""

    def fail(_: Difference) -> None:
        raise RuntimeError("no")

    shadow, header = differing(fail)
    shadow.compare(0, b"", VALUE, header)
    assert (shadow.compared, shadow.failures) == (1, 1)
    assert "was not reported" in caplog.text
    shadow, header = differing(None)
    shadow.compare(1, b"", VALUE, header)
    assert (shadow.compared, shadow.failures) == (0, 1)
    assert "was not compared" in caplog.text


def test_what_is_no_fault_passes_the_shadow() -> None:
    """An exception that no engine raises, such as a signal handler's TimeoutError, is not taken for a failure."""

    def interrupted(_: Any) -> Any:
        raise TimeoutError

    made = codec()
    shadow = Shadow(1, [interrupted], made.encode)
    with pytest.raises(TimeoutError):
        shadow.compare(0, b"", VALUE, peek(made.encode(VALUE)))
    assert (shadow.compared, shadow.failures) == (0, 0)
