"""Texts of payloads, values and schemas in messages: escaped, bounded, and never taken for ours."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avro_leaves import put_long
from safecodec import Codec, SafecodecError, pack
from safecodec.avro import Schema
from safecodec.errors import LONGEST_MESSAGE, LONGEST_PATH, LONGEST_REASON, PayloadError

PAYLOADS = ("avro", "msgpack", "json")
ENGINES = (*((payload, "compiled") for payload in PAYLOADS), ("avro", "fastavro"))

PIECES = (
    "\x1b[2J\x1b[1;31m", "\r\n", "\0", "\x7f", "\x85", "\u2028", "\u202e", "\ufeff", "\U000e0041", "'", '"', "`", "\\",
    " - at `$.forged", " (at $.forged)", "a", "\U0001f600",
)  # fmt: skip
SURROGATES = ("\ud800", "\udcff")
TEXTS = st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=40)
ANY_TEXTS = st.lists(st.sampled_from(PIECES + SURROGATES), max_size=12).map("".join)
TIMES = st.sampled_from((1, 1, 1, 1, 100))
HUGE = "\x1b[31m\n" * 500_000  # 3 MB


def judged(call: Callable[[], Any]) -> SafecodecError | None:
    """The error of a call, which says what it says in bounds; any other exception is one of the test."""
    caught: list[SafecodecError] = []
    try:
        call()
    except SafecodecError as error:
        caught.append(error)
    for found in caught:
        text = str(found)
        assert text.isprintable()
        assert len(text) <= LONGEST_MESSAGE
        assert (found.reason + found.path).isprintable()
        assert len(found.reason) <= LONGEST_REASON
        assert len(found.path) <= LONGEST_PATH
        assert found.args == (text,)
    return caught[0] if caught else None


class Colour(enum.Enum):
    RED = "red"


class Circle(msgspec.Struct, tag="circle"):
    radius: int


class Square(msgspec.Struct, tag="square", forbid_unknown_fields=True):
    side: int = 1


class Hooked(msgspec.Struct):
    """Puts what it is made of into its exception."""

    said: str = ""

    def __post_init__(self) -> None:
        if self.said:
            raise ValueError(self.said)


class Wide(msgspec.Struct, forbid_unknown_fields=True):
    """Fields whose refusals have a text of the payload in them."""

    counts: dict[str, int] = {}
    colour: Colour = Colour.RED
    word: Literal["a", "b"] = "a"
    shape: Circle | Square | None = None
    hooked: Hooked | None = None
    inner: list[Wide] = []


WRONG: dict[str, Callable[[str], Any]] = {
    "key": lambda text: {"counts": {text: "x"}},
    "keys": lambda text: {"inner": [{"counts": {"a": 1, text: None}}]},
    "field": lambda text: {text: 1},
    "inner field": lambda text: {"inner": [{"inner": [{text: 1}]}]},
    "symbol": lambda text: {"colour": text},
    "word": lambda text: {"inner": [{"word": text}]},
    "tag": lambda text: {"shape": {"type": text}},
    "tagged field": lambda text: {"shape": {"type": "square", text: 1}},
    "hook": lambda text: {"hooked": {"said": text}},
    "inner hook": lambda text: {"inner": [{"hooked": {"said": text}}]},
}
PATHS = (
    {"", "$"}
    | {f"$.{at}" for at in ("counts[...]", "colour", "shape", "shape.type", "hooked")}
    | {f"$.inner[0].{at}" for at in ("counts[...]", "word", "hooked", "inner[0]")}
)
"""Where something is wrong in them; with what was forged there would be more."""


@cache
def codec(payload: Any, engine: Any, type_: Any = Wide) -> Codec[Any]:
    """A codec of a type; the schemas of its maps are JSON."""
    kind = json.loads(type_) if isinstance(type_, str) else type_
    made: Codec[Any] = Codec(kind, subject="s", version=1, environment="test", payload=payload, engine=engine)
    return made


def framed(made: Codec[Any], payload: bytes) -> bytes:
    """A frame of a codec's around any payload."""
    return pack(
        payload, format=made.payload, subject="s", version=1, fingerprint=made.fingerprint(), environment="test"
    )


def decoded(payload: str, kind: str, text: str) -> SafecodecError | None:
    """The judged error of a frame with a text where one is put into a message."""
    made = codec(payload, "compiled")
    raw = (msgspec.json if payload == "json" else msgspec.msgpack).encode(WRONG[kind](text))
    return judged(lambda: made.decode(framed(made, raw)))


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("payload", ["msgpack", "json"])
@given(text=TEXTS, times=TIMES)
def test_texts_of_named_payloads(payload: str, kind: str, text: str, times: int) -> None:
    """Whatever a payload's keys, symbols, tags and texts are: the message is in bounds, and the path is a real one."""
    error = decoded(payload, kind, text * times)
    if error is not None:
        assert isinstance(error, PayloadError)
        assert error.path in PATHS


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("payload", ["msgpack", "json"])
def test_huge_texts_of_named_payloads(payload: str, kind: str) -> None:
    """Of a text of 3 MB a message has a little, escaped."""
    error = decoded(payload, kind, HUGE)
    assert isinstance(error, PayloadError)
    assert len(str(error)) < 300


def switches(key: bytes) -> bytes:
    """A map in Avro with a key whose value is no boolean."""
    return put_long(1) + put_long(len(key)) + key + b"\7\0"


@given(text=TEXTS, times=TIMES)
def test_keys_of_avro_payloads(text: str, times: int) -> None:
    """A map's key is one short piece of the path, of which no dot or bracket is one."""
    made = codec("avro", "compiled", '{"type": "map", "values": "boolean"}')
    error = judged(lambda: made.decode(framed(made, switches((text * times).encode()))))
    assert error is not None
    assert error.reason.startswith("the boolean is 0x07, not 0 or 1, at byte")
    if len(repr(text * times)) <= 60:
        assert error.path == f"$[{text * times!r}]"
    assert len(error.path) <= 63


def test_huge_keys_of_avro_payloads() -> None:
    """Of a key of 3 MB the path has the start."""
    made = codec("avro", "compiled", '{"type": "map", "values": "boolean"}')
    error = judged(lambda: made.decode(framed(made, switches(HUGE.encode()))))
    assert error is not None
    assert error.path == f"$[{repr(HUGE[:60])[:57]}...]"


MAP = '{"type": "map", "values": "long"}'
ENUM = '{"type": "enum", "name": "E", "symbols": ["A"]}'
RECORD = f'{{"type": "record", "name": "R", "fields": [{{"name": "e", "type": {ENUM}}}]}}'
VALUES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "key": (MAP, lambda text: {text: "no number"}),
    "value": (MAP, lambda text: {"a": text}),
    "symbol": (RECORD, lambda text: {"e": text}),
    "field": (RECORD, lambda text: {"e": "A", text: 1}),
    "whole": (MAP, lambda text: text),
    "bytes": (MAP, lambda text: {"a": text.encode("utf-8", "surrogatepass")}),
}


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize(("payload", "engine"), ENGINES)
@given(text=TEXTS | ANY_TEXTS, times=TIMES)
def test_texts_of_values(payload: str, engine: str, kind: str, text: str, times: int) -> None:
    """A value that cannot be written is refused in bounds, whatever its keys and texts are."""
    schema, make = VALUES[kind]
    judged(lambda: codec(payload, engine, schema).encode(make(text * times)))


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize(("payload", "engine"), ENGINES)
def test_huge_texts_of_values(payload: str, engine: str, kind: str) -> None:
    """Of a text of 3 MB in a value, too, a message has a little."""
    schema, make = VALUES[kind]
    assert judged(lambda: codec(payload, engine, schema).encode(make(HUGE))) is not None


def _field(**attributes: Any) -> dict[str, Any]:
    return {"type": "record", "name": "R", "fields": [{"name": "f", "type": "string", **attributes}]}


SCHEMAS: dict[str, Callable[[str], Any]] = {
    "type": lambda text: text,
    "name": lambda text: {"type": "fixed", "name": text, "size": 1},
    "namespace": lambda text: {"type": "fixed", "name": "F", "namespace": text, "size": 1},
    "alias": lambda text: {"type": "fixed", "name": "F", "aliases": [text], "size": 1},
    "size": lambda text: {"type": "fixed", "name": "F", "size": text},
    "symbol": lambda text: {"type": "enum", "name": "E", "symbols": [text]},
    "symbols": lambda text: {"type": "enum", "name": "E", "symbols": ["A"], "default": text},
    "field": lambda text: _field(name=text),
    "order": lambda text: _field(order=text),
    "default": lambda text: _field(type="long", default=text),
    "text": lambda text: _field(default=text),
    "bytes": lambda text: _field(type="bytes", default=text),
    "doc": lambda text: _field(doc=text),
    "logical": lambda text: _field(type={"type": "string", "logicalType": text}),
    "key": lambda text: {"type": "map", "values": {text: "long"}},
    "attribute": lambda text: _field(**{text: text}),
}


def used(source: Any) -> None:
    """Parse a schema and take of it what a codec does."""
    schema = Schema(source)
    assert schema.wire_form("avro")
    assert schema.canonical_form
    assert schema.fingerprint()
    codec = Codec(schema, subject="s", version=1, environment="test")
    assert codec.fingerprint()


@pytest.mark.parametrize("kind", SCHEMAS)
@given(text=TEXTS | ANY_TEXTS, times=TIMES)
def test_texts_of_schemas(kind: str, text: str, times: int) -> None:
    """A schema is used or refused in bounds, as a value and as JSON text, whatever its names and defaults are."""
    source = SCHEMAS[kind](text * times)
    judged(lambda: used(source))
    judged(lambda: used(json.dumps(source)))


@pytest.mark.parametrize("kind", SCHEMAS)
def test_huge_texts_of_schemas(kind: str) -> None:
    """Of a text of 3 MB in a schema a message has a little."""
    judged(lambda: used(SCHEMAS[kind](HUGE)))


@given(text=TEXTS | ANY_TEXTS)
def test_texts_that_are_no_schemas(text: str) -> None:
    """A text that is no JSON, or has a key twice, is refused in bounds."""
    key = json.dumps(text)
    for source in (text, f"{{{key}: 1, {key}: 2}}", f"[{text}"):
        judged(lambda source=source: Schema(source))  # type: ignore[misc]


def test_the_judge_can_condemn() -> None:
    """The tests above can fail: an error with a raw text in it is none in bounds."""

    class Raw(SafecodecError):
        def __str__(self) -> str:
            return "\x1b[31m"

    def raised() -> None:
        raise Raw("x")

    with pytest.raises(AssertionError):
        judged(raised)
    assert isinstance(decoded("json", "key", "a"), PayloadError)
