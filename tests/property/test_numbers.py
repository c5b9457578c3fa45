"""Floats that JSON has no form for, wherever a value holds them, and whole numbers that are read as floats."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Generic, Literal, NamedTuple, NotRequired, TypedDict, TypeVar

import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safecodec import Codec, EncodeError
from safecodec.avro import Schema
from safecodec.errors import PayloadError
from safecodec.payload import json, msgpack, structured
from shapes import same

T = TypeVar("T")
FLOATS = st.floats() | st.floats(allow_nan=False, allow_infinity=False)
NULLABLE = st.none() | FLOATS


class Struct(msgspec.Struct):
    """A record with slots."""

    one: float
    other: str | None = None


class Further(Struct):
    """A record that has a float more than its base."""

    more: int = 0


class Positional(msgspec.Struct, array_like=True, tag="positional"):
    """A record that is laid out as an array."""

    one: float | None


class Tagged(msgspec.Struct, tag="tagged"):
    """A branch."""

    one: float


class OtherTagged(msgspec.Struct, tag="other"):
    """Another branch, whose field is none of floats."""

    one: Literal["a", None]  # msgspec's own null


class Generic1(msgspec.Struct, Generic[T]):
    """A record of any type."""

    one: T


@dataclasses.dataclass
class Plain:
    """A record with a dict."""

    one: float | None


@dataclasses.dataclass(slots=True)
class Slotted:
    """A record with slots of its own."""

    one: list[float | None]


@attrs.define
class Attrs:
    """A record of attrs."""

    one: float | None


class Named(NamedTuple):
    """A record that is a tuple."""

    one: float
    other: str


class Typed(TypedDict):
    """A record that is a dict."""

    one: float
    other: NotRequired[float | None]


class Chain(msgspec.Struct):
    """A record that holds its own type."""

    one: float | None
    next: Chain | None = None


CASES: dict[Any, Any] = {
    float: FLOATS,
    Struct: st.builds(Struct, FLOATS, st.none() | st.text()),
    Positional | None: st.none() | st.builds(Positional, NULLABLE),
    Tagged | OtherTagged: st.builds(Tagged, FLOATS) | st.builds(OtherTagged, st.sampled_from(("a", None))),
    Generic1[dict[str, float]]: st.builds(Generic1, st.dictionaries(st.text(max_size=2), FLOATS, max_size=3)),
    list[Plain]: st.lists(st.builds(Plain, NULLABLE), max_size=3),
    Slotted: st.builds(Slotted, st.lists(NULLABLE, max_size=3)),
    tuple[Attrs, ...]: st.lists(st.builds(Attrs, NULLABLE), max_size=3).map(tuple),
    tuple[str, float | None, int]: st.tuples(st.text(max_size=5), NULLABLE, st.just(1)),
    Named: st.builds(Named, FLOATS, st.text()),
    dict[str, Named]: st.dictionaries(st.text(max_size=2), st.builds(Named, FLOATS, st.just("")), max_size=2),
    Typed: st.fixed_dictionaries({"one": FLOATS}, optional={"other": NULLABLE}),
    Chain: st.recursive(st.builds(Chain, NULLABLE), lambda inner: st.builds(Chain, NULLABLE, inner), max_leaves=4),
    dict[str, str | list[float]]: st.dictionaries(st.text(max_size=2), st.text() | st.lists(FLOATS), max_size=3),
}


def floats_of(value: Any) -> list[float]:
    """All floats in a value."""
    if isinstance(value, float):
        return [value]
    if isinstance(value, dict):
        value = [*value, *value.values()]
    return [one for part in value for one in floats_of(part)] if isinstance(value, list | tuple) else []


@pytest.mark.parametrize("type_", CASES, ids=str)
@given(data=st.data())
def test_json_comes_back_or_is_refused(type_: Any, data: st.DataObject) -> None:
    """A value with a float that is not finite is refused as JSON; any other is what msgspec writes, and comes back."""
    value = data.draw(CASES[type_])
    schema = Schema(type_)
    encode = json.encoder(schema, schema)
    if all(map(math.isfinite, floats_of(msgspec.to_builtins(value)))):
        payload = encode(value)
        assert payload == msgspec.json.encode(value)
        assert same(json.decoder(schema, schema)(payload), value)
    else:
        with pytest.raises(EncodeError, match="has no JSON form"):
            encode(value)


@given(size=st.integers(0, 200), text=st.text('nul:[,"', max_size=12))
def test_null_is_found_wherever_it_is(size: int, text: str) -> None:
    """A null at any place of a payload is found, beside texts that read like one."""
    schema = Schema(list[str | float])
    encode = json.encoder(schema, schema)
    before: list[Any] = ["x" * size, text, "null", ",null", '"null"']
    assert encode(before) == msgspec.json.encode(before)
    for at in range(len(before) + 1):
        with pytest.raises(EncodeError, match="has no JSON form"):
            encode([*before[:at], math.nan, *before[at:]])


def test_subclass_is_looked_at() -> None:
    """The fields of a base are looked at in an instance of a subclass, which msgspec writes with all its own."""
    schema = Schema(list[Struct])
    encode = json.encoder(schema, schema)
    assert b'"more":7' in encode([Further(1.0, None, 7)])
    with pytest.raises(EncodeError, match="has no JSON form"):
        encode([Further(math.nan, None, 7)])


def test_nan_is_no_key() -> None:
    """A NaN as a key of a dict is refused in JSON."""
    schema = Schema(dict[float, int | None])
    encode = json.encoder(schema, schema)
    assert encode({1.5: None}) == b'{"1.5":null}'
    with pytest.raises(EncodeError, match="has no JSON form"):
        encode({math.nan: None})


# ---- promotions --------------------------------------------------------------------------------------------------

INTS = st.integers(-(2**63), 2**63 - 1) | st.integers(-(2**53) - 3, -(2**53) + 3) | st.integers(-100, 100)
PROMOTED: tuple[tuple[Any, Any, Any], ...] = (
    (int, float, INTS),
    (list[int], list[float], st.lists(INTS, max_size=4)),
    (list[int], set[float], st.lists(INTS, max_size=4)),
    (tuple[int, str], tuple[float, str], st.tuples(INTS, st.text(max_size=3))),
    (
        dict[str, int | None],
        dict[str, float | None],
        st.dictionaries(st.text(max_size=2), st.none() | INTS, max_size=3),
    ),
    (dict[int, int], dict[float, int], st.dictionaries(INTS, st.integers(0, 5), max_size=3)),
)


@pytest.mark.parametrize("form", [msgpack, json], ids=["msgpack", "json"])
@pytest.mark.parametrize(("writer", "reader", "values"), PROMOTED, ids=str)
@given(data=st.data())
def test_whole_numbers_are_read_exactly(form: Any, writer: Any, reader: Any, values: Any, data: st.DataObject) -> None:
    """Whole numbers that are read as floats are what the way by Avro makes of them: exact, or refused."""
    value = data.draw(values)
    schemas = Schema(writer), Schema(reader)
    payload = form.encoder(schemas[0], schemas[0])(value)
    resolving = structured._Retranscoder(form.decoder.args[0], *schemas).decode
    try:
        wanted = resolving(payload)
    except PayloadError:
        with pytest.raises(PayloadError):
            form.decoder(*schemas)(payload)
        return
    assert same(form.decoder(*schemas)(payload), wanted)


@pytest.mark.parametrize("payload", [b"1.5", b"-0.0", b"-0", b"7.0", b"1e16", b"null"])
def test_what_an_int_is_not(payload: bytes) -> None:
    """A float in the place of a whole number is read, or refused, as by Avro."""
    schemas = Schema(int), Schema(float)
    resolving = structured._Retranscoder(json.decoder.args[0], *schemas).decode  # type: ignore[attr-defined]
    outcomes = []
    for decode in (json.decoder(*schemas), resolving):
        try:
            outcomes.append(repr(decode(payload)))
        except PayloadError as error:
            outcomes.append(error.reason)
    assert outcomes[0] == outcomes[1] or payload == b"null"


@given(value=st.floats() | st.floats(width=32))
def test_floats_of_32_bits(value: float) -> None:
    """A float that is not one of 32 bits is read as the nearest one, or refused, where the writer's have 32 bits."""
    schemas = Schema("float"), Schema(float)
    resolving = structured._Retranscoder(msgpack.decoder.args[0], *schemas).decode  # type: ignore[attr-defined]
    payload = msgspec.msgpack.encode(value)
    try:
        wanted = resolving(payload)
    except PayloadError:
        with pytest.raises(PayloadError):
            msgpack.decoder(*schemas)(payload)
        return
    assert same(msgpack.decoder(*schemas)(payload), wanted)


class Posted(msgspec.Struct):
    """A record whose code changes its field."""

    one: float

    def __post_init__(self) -> None:
        self.one = 1.0


def test_hooks_hide_nothing() -> None:
    """A number that is no float is refused although the class's own code would have put another in its place."""
    older = {"type": "record", "name": "Posted", "fields": [{"name": "one", "type": "long"}]}
    made: Codec[Posted] = Codec(Posted, subject="s", version=2, older={1: older}, payload="json", environment="test")
    before: Codec[Any] = Codec(older, subject="s", version=1, payload="json", environment="test")
    assert made.decode(before.encode({"one": 7})).one == 1.0
    with pytest.raises(PayloadError):
        made.decode(before.encode({"one": 2**53 + 1}))
