"""Texts of payloads, values and schemas in messages: escaped, bounded, and never taken for ours."""

from __future__ import annotations

import contextlib
import enum
import io
import json
import logging
import pickle
from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avro_leaves import put_long
from safecodec import Codec, SafecodecError, pack, peek
from safecodec.avro import Schema
from safecodec.avro.describing import short
from safecodec.cli import main
from safecodec.errors import (
    LONGEST_MESSAGE,
    LONGEST_PATH,
    LONGEST_REASON,
    IncompatibleSchemaError,
    PayloadError,
)
from safecodec.payload.shadow import LOGGER, Shadow

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
        assert repr(found).isprintable()
        assert len(repr(found)) <= 2 * LONGEST_MESSAGE + 100
        again = pickle.loads(pickle.dumps(found))
        assert (type(again), str(again), again.path, again.reason) == (type(found), text, found.path, found.reason)
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


@pytest.mark.parametrize("engine", ["compiled", "fastavro"])
@given(text=TEXTS, times=TIMES)
def test_keys_of_maps_in_paths(engine: str, text: str, times: int) -> None:
    """The path of a value that an engine refuses has its key as one quoted piece, reading and writing."""
    checked = codec("avro", engine, dict[str, Hooked])
    plain = codec("avro", "compiled", dict[str, Said])
    payload = plain.encode({text * times: Said("x")})[32:]
    error = judged(lambda: checked.decode(framed(checked, payload)))
    assert error is not None
    assert error.path == f"$[{short(text * times)}]"
    numbers = codec("avro", engine, MAP)
    error = judged(lambda: numbers.encode({text * times: "x"}))
    assert error is not None
    assert error.path == f"$[{short(text * times)}]"


class Said(msgspec.Struct):
    """What `Hooked` is written as."""

    said: str = ""


@given(text=TEXTS, times=TIMES)
def test_keys_around_numbers_without_a_form(text: str, times: int) -> None:
    """JSON has no NaN: the path of one has a name as it is, and any other key as one quoted piece."""
    key = text * times
    is_name = key.isascii() and key.isidentifier() and len(key) <= 60
    error = judged(lambda: codec("json", "compiled", dict[str, dict[str, float]]).encode({"a": {key: float("nan")}}))
    assert error is not None
    assert error.path == (f"$.a.{key}" if is_name else f"$.a[{short(key)}]")


class Carrier(msgspec.Struct):
    """Has JSON in a text, and reads it itself."""

    text: str
    quiet: bool = True

    def __post_init__(self) -> None:
        if not self.quiet:
            msgspec.json.decode(self.text, type=Closed)


class Closed(msgspec.Struct, forbid_unknown_fields=True):
    """What `Carrier` reads."""

    inner: list[Closed] = []


@pytest.mark.parametrize(("payload", "engine"), ENGINES)
@given(text=TEXTS)
def test_paths_within_a_text_are_none_of_the_payload(payload: str, engine: str, text: str) -> None:
    """A type may use msgspec on a text of the payload's: the place that msgspec names there is no path here."""
    made = codec(payload, engine, Carrier)
    inner = json.dumps({"inner": [{text: 1}]})
    value = Carrier(inner)
    value.quiet = False
    error = judged(lambda: made.decode(made.encode(value)))
    if error is not None:
        assert error.path in ("", "$")


@given(text=TEXTS | ANY_TEXTS, times=TIMES)
def test_names_of_subjects_and_environments(text: str, times: int) -> None:
    """A codec with any names is made or refused in bounds, and so is what another one wrote."""
    name = text * times or "x"
    other = codec("avro", "compiled", MAP).encode({})

    def used_names() -> None:
        made: Codec[Any] = Codec({"type": "map", "values": "long"}, subject=name, version=1, environment=name)
        made.decode(other)

    assert judged(used_names) is not None
    judged(lambda: Codec(MAP, subject="s", version=1, environment="test", payload=name))  # type: ignore[call-overload]
    judged(lambda: Codec(name, subject="s", version=1, environment="test"))
    judged(lambda: Codec(MAP, subject="s", version=1, environment="test", engine=name))  # type: ignore[call-overload]


@given(text=TEXTS | ANY_TEXTS, times=TIMES)
def test_texts_in_the_shadow_s_log(text: str, times: int) -> None:
    """What the shadow logs has no control characters, whatever engines and reports say of a payload."""

    def refuse(_: Any) -> Any:
        raise LookupError(text * times)

    made = codec("avro", "compiled", MAP)
    header = peek(made.encode({}))
    lines: list[str] = []
    handler = logging.Handler()
    formatter = logging.Formatter()
    handler.emit = lambda record: lines.extend(formatter.format(record).split("\n"))  # type: ignore[method-assign]
    LOGGER.addHandler(handler)
    try:
        Shadow(1, [refuse], made.encode).compare(0, b"", {}, header)
        Shadow(1, [lambda _: {text: 1}], made.encode, refuse).compare(0, b"", {text * times: 2}, header)
    finally:
        LOGGER.removeHandler(handler)
    assert len(lines) >= 5
    assert all(line.isprintable() and len(line) <= 1000 for line in lines)


@given(text=TEXTS | ANY_TEXTS, times=TIMES)
def test_texts_of_incompatible_schemas(text: str, times: int) -> None:
    """Each reason why two schemas do not resolve is in bounds, as the message is."""
    error = judged(lambda: fail_with(text * times))
    assert isinstance(error, IncompatibleSchemaError)
    assert all(one.isprintable() and len(one) <= LONGEST_REASON for one in error.reasons)


def fail_with(text: str) -> None:
    """Refuse two schemas for a reason with a text."""
    raise IncompatibleSchemaError("no", reasons=[text, "other"])


WORDS: dict[str, Callable[[str], list[str]]] = {
    "file": lambda text: ["inspect", text],
    "codec": lambda text: ["inspect", "x", "--codec", text],
    "subject": lambda text: ["inspect", __file__, "--subject", text],
    "environment": lambda text: ["inspect", __file__, "--environment", text],
    "tag": lambda text: ["tag", text],
    "json": lambda text: ["inspect", "--json", text],
    "tags": lambda text: ["tag", "--json", text],
    "bench": lambda text: ["bench", text],
    "sample": lambda text: ["bench", "safecodec.cli.bench:run", text],
    "report": lambda text: ["bench", "x:y", "--compare", text],
    "command": lambda text: [text],
    "option": lambda text: ["inspect", f"--{text}"],
}


@pytest.mark.parametrize("kind", WORDS)
@given(text=TEXTS | ANY_TEXTS, times=TIMES)
def test_words_of_the_command_line(kind: str, text: str, times: int) -> None:
    """What a command prints has no control characters, whatever names of files and codecs it is given."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.suppress(SystemExit):
        main(WORDS[kind](text * times or "x"))
    printed = out.getvalue() + err.getvalue()
    assert printed
    assert all(line.isprintable() for line in printed.split("\n"))
    assert kind == "tags" or len(printed) < 10_000  # whose names are JSON, for other programs


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
