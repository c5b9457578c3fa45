"""Values of the newest type written as an older version: by both Avro engines, in MessagePack and in JSON, alike."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import math
import uuid
from decimal import Decimal
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict

import msgspec
import pytest

from engines import read
from safecodec import EncodeError, IncompatibleSchemaError, PayloadError
from safecodec.avro import Schema, compile
from safecodec.avro.reference import ReferenceEncoder
from safecodec.avro.resolve import Refused, actions, resolve, resolve_values
from safecodec.payload import json, msgpack
from shapes import same

ENGINES: tuple[Any, ...] = (compile.encoder, ReferenceEncoder)
DURATION = {"type": "fixed", "name": "D", "size": 12, "logicalType": "duration"}


def struct(*fields: Any, name: str = "R", **config: Any) -> Any:
    """A Struct of these fields."""
    return msgspec.defstruct(name, list(fields), **config)


def written(newest: Any, older: Any, value: Any) -> Any:
    """Readers of the older version read a value of the newest type, the same in every engine and format."""
    source, target = Schema(newest), Schema(older)
    payload, other = (engine(target, source).encode(value) for engine in ENGINES)
    assert payload == other
    found = read(target, target, payload)
    for form in (msgpack, json):
        assert same(form.decoder(target, target)(form.encoder(target, source)(value)), found)
    return found


def refused(newest: Any, older: Any, value: Any) -> EncodeError:
    """Why a value of the newest type is not written as the older version: one path, in every engine and format."""
    source, target = Schema(newest), Schema(older)
    errors = []
    encoders: list[Any] = [one(target, source).encode for one in ENGINES]
    for encode in (*encoders, msgpack.encoder(target, source), json.encoder(target, source)):
        with pytest.raises(EncodeError) as caught:
            encode(value)
        errors.append(caught.value)
    assert len({error.path for error in errors}) == 1
    return errors[0]


# ---- leaves ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("newest", "older", "value", "expected"),
    [
        (float, int, 7.0, 7),
        (float, int, -0.0, 0),
        (float, int, -(2.0**63), -(2**63)),
        (int, float, 2**53, 2.0**53),
        ("double", "int", 7.0, 7),
        ("float", "int", 7.0, 7),
        ("float", "long", 7, 7),
        ("long", "int", -(2**31), -(2**31)),
        ("double", "float", 0.5, 0.5),
        ("double", "float", -math.inf, -math.inf),
        (["null", "double"], "long", 7.0, 7),
        (str, bytes, "é", b"\xc3\xa9"),
        (bytes, str, b"\xc3\xa9", "é"),
        ({"type": "fixed", "name": "F", "size": 2}, "bytes", b"ab", b"ab"),
        ("bytes", {"type": "fixed", "name": "F", "size": 2}, b"ab", b"ab"),
        ({"type": "int", "logicalType": "date"}, "long", __import__("datetime").date(1970, 1, 3), 2),
        ({"type": "bytes", "logicalType": "big-decimal"},
         {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}, Decimal("1.5"), Decimal("1.50")),
        (tuple[int, int, int], DURATION, (1, 2, 3), (1, 2, 3)),
    ],
    ids=str,
)  # fmt: skip
def test_leaves_are_written_where_they_hold_the_value(newest: Any, older: Any, value: Any, expected: Any) -> None:
    """A leaf of another type, unit or layout is written where that has exactly the value."""
    if math.inf not in (expected, value, -value if isinstance(value, float) else 0):
        assert same(written(newest, older, value), expected)
    else:  # which JSON has no form for
        source, target = Schema(newest), Schema(older)
        for engine in ENGINES:
            assert target.decode(engine(target, source).encode(value)) == expected


@pytest.mark.parametrize(
    ("newest", "older", "value", "words"),
    [
        (float, int, 1.5, "1.5 is no whole number, which the written version holds (long)"),
        (float, int, math.nan, "nan is no whole number"),
        (float, int, math.inf, "inf is no whole number"),
        (float, int, 2.0**63, "9.223372036854776e+18 is beyond the range of long"),
        (float, int, "x", "a number (double) is expected, this is str 'x'"),
        (int, float, 2**53 + 1, "has no exact double"),
        (int, float, 1.5, "a whole number (long) is expected, this is float 1.5"),
        ("double", "int", 2.0**31, "2147483648.0 is beyond the range of int"),
        ("long", "int", 2**31, "is beyond the range of int"),
        ("int", "float", 2**31, "is beyond the range of int"),
        ("int", "float", 2**24 + 1, "has no exact float"),
        ("double", "float", 0.1, "0.1 has no exact float"),
        ("double", "float", 1e300, "1e+300 has no exact float"),
        ("float", "double", 1e300, "beyond the range of float"),
        (str, bytes, b"x", "a str is expected, this is bytes b'x'"),
        (bytes, str, b"\xff", "UnicodeDecodeError"),
        ("bytes", {"type": "fixed", "name": "F", "size": 2}, b"abc", "2 bytes is expected"),
        ({"type": "int", "logicalType": "date"}, "long", 2, "a date is expected"),
        ({"type": "bytes", "logicalType": "big-decimal"},
         {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2}, Decimal("1.555"), "digits behind"),
        (tuple[int, int, int], DURATION, (1, 2, -3), "32 bits"),
    ],
    ids=str,
)  # fmt: skip
def test_leaves_that_lose_something_are_refused(newest: Any, older: Any, value: Any, words: str) -> None:
    """A value that the older type does not hold exactly is refused, and so is one that is none of the newest type."""
    assert words in refused(newest, older, value).reason


def test_durations_are_tuples() -> None:
    """Avro's duration is read as a tuple of three whole numbers, and a tuple is not read as a duration."""
    duration = Schema(DURATION)
    numbers = Schema(tuple[int, int, int])
    assert read(duration, numbers, duration.encode((1, 2, 3))) == (1, 2, 3)
    maybe = Schema(tuple[int, int, int] | None)
    assert read(Schema(["null", duration.json]), maybe, b"\x02" + duration.encode((1, 2, 3))) == (1, 2, 3)
    for reader in (duration, Schema(tuple[int, int]), Schema(tuple[int, int, float]), Schema(list[int])):
        with pytest.raises(IncompatibleSchemaError):
            resolve(numbers if reader is duration else duration, reader)


def test_bytes_are_read_as_fixed_of_their_length() -> None:
    """Bytes and fixed are one Python type; another length is refused."""
    fixed = {"type": "fixed", "name": "F", "size": 2}
    writer, reader = Schema("bytes"), Schema(fixed)
    assert read(writer, reader, b"\x04ab") == b"ab"
    with pytest.raises(PayloadError, match="2 bytes are expected, these are 3"):
        read(writer, reader, b"\x06abc")
    assert read(reader, writer, b"ab") == b"ab"


def test_a_float_of_a_union_is_rounded() -> None:
    """A float that single precision does not hold exactly is still of the union's only branch for it."""
    for schema in (Schema(["null", "float", "string"]), Schema(["float", "boolean"])):
        for engine in ENGINES:
            payload = engine(schema, schema).encode(0.1)
            assert read(schema, schema, payload) == pytest.approx(0.1, rel=1e-6)


# ---- enums and unions ------------------------------------------------------------------------------------------------


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Cat(msgspec.Struct, tag="cat"):
    lives: int


class Dog(msgspec.Struct, tag="dog"):
    name: str


class Cow(msgspec.Struct, tag="cow"):
    milk: float


def test_values_that_an_older_enum_lacks() -> None:
    """An older enum is written where it has the value."""
    older = Literal["green", "blue"]
    assert written(Colour, older, Colour.GREEN) == "green"
    assert "none of the symbols green" in refused(Colour, older, Colour.RED).reason
    assert written(Literal[1, 2, 3], Literal[3, 4], 3) == 3
    refused(Literal[1, 2, 3], Literal[3, 4], 2)


def test_members_that_an_older_union_lacks() -> None:
    """A member is written where the older type has it; another is refused, with the place."""
    older, newest = list[Cat | Dog], list[Cat | Dog | Cow]
    assert written(newest, older, [Cat(9), Dog("x")]) == [Cat(9), Dog("x")]
    error = refused(newest, older, [Cat(9), Cow(1.5)])
    assert "the reader's union of record 'cat', record 'dog' has no branch for record 'cow'" in error.reason
    assert error.path == "$[1]"
    assert written(Cat | Dog, Cat, Cat(9)) == Cat(9)
    assert "the writer has record 'dog', the reader record 'cat'" in refused(Cat | Dog, Cat, Dog("x")).reason
    assert written(int | None, int, 7) == 7
    refused(int | None, int, None)
    assert written(int | str | None, str | None, None) is None
    assert refused(int | str | None, str | None, 7).path == "$"


def test_what_can_never_be_written_is_refused_at_once() -> None:
    """Where no value of the newest type is one of the older, the encoder is not built, and every reason is said."""
    cases: list[tuple[Any, Any]] = [
        (int, str),
        (Colour, Literal["blue"]),
        (Cat, Dog),
        (Cat | Dog, Cow),
        (struct(("a", int)), struct(("a", int), ("b", int))),
        (struct(("a", Decimal)), struct(("a", str))),
        (struct(("a", struct(("b", Decimal))), name="O"), struct(("a", struct(("b", str))), name="O")),
        (tuple[int, str], tuple[int, Decimal]),
        (tuple[int, int], tuple[int, int, int]),
        (Any, int),
        (dict[str, int], dict[int, int]),
        (DURATION, tuple[int, int, int]),
    ]
    for newest, older in cases:
        with pytest.raises(IncompatibleSchemaError) as caught:
            resolve_values(Schema(newest), Schema(older))
        assert caught.value.reasons
        for build in (*ENGINES, msgpack.encoder, json.encoder):
            with pytest.raises(IncompatibleSchemaError):
                build(Schema(older), Schema(newest))


class Chain(msgspec.Struct):
    value: int | str
    next: Chain | None = None


class OldChain(msgspec.Struct):
    value: int
    next: OldChain | None = None


class Endless(msgspec.Struct):
    next: Endless


class OldEndless(msgspec.Struct):
    next: OldEndless


def test_types_that_hold_themselves() -> None:
    """A type that holds itself is written as far as its values allow; one without an end has no value to refuse."""
    assert written(Chain, OldChain, Chain(1, Chain(2))) == OldChain(1, OldChain(2))
    assert refused(Chain, OldChain, Chain(1, Chain("x"))).path == "$.next.value"
    assert not any(isinstance(one, Refused) for one in actions(resolve_values(Schema(Endless), Schema(OldEndless))))


def test_records_that_never_fit() -> None:
    """A list of records that the older version cannot have is written where it is empty."""
    needs, short = struct(("a", int), ("b", int)), struct(("a", int))
    assert written(list[short], list[needs], []) == []  # type: ignore[valid-type]
    error = refused(list[short], list[needs], [short(7)])  # type: ignore[valid-type]
    assert "the reader needs the field 'b', which the writer lacks; it has no default" in error.reason
    assert error.path == "$[0].b"


def test_empty_containers_need_no_items() -> None:
    """A list whose items never fit is written where it is empty."""
    assert written(list[Decimal], list[str], []) == []
    assert refused(list[Decimal], list[str], [Decimal(1)]).path == "$[0]"
    assert written(dict[str, Decimal], dict[str, str], {}) == {}
    refused(dict[str, Decimal], dict[str, str], {"k": Decimal(1)})
    assert written(dict[int, Decimal], dict[int, str], {}) == {}
    refused(dict[int, Decimal], dict[int, str], {1: Decimal(1)})


# ---- containers ------------------------------------------------------------------------------------------------------


def test_other_containers() -> None:
    """Equal items are written once as an older set; keys and values each by their pair."""
    assert written(list[int], set[int], [2, 1, 2]) == {1, 2}
    assert written(tuple[int, ...], frozenset[float], (2, 1, 2)) == {1.0, 2.0}
    assert written(set[int], list[int], {2, 1}) == [1, 2]
    assert "an array is expected, this is str 'ab'" in refused(list[str], set[str], "ab").reason
    assert written(dict[int, int], dict[float, str | int], {1: 2}) == {1.0: 2}
    for wrong in ([(1, 2)], 7):
        assert "a dict is expected" in refused(dict[int, int], dict[int, float], wrong).reason
    assert written(tuple[int, str], tuple[float, bytes], (1, "x")) == (1.0, b"x")
    for short in ((1,), (1, "x", 2), [1, "x"]):
        assert "a tuple of 2 items is expected" in refused(tuple[int, str], tuple[float, bytes], short).reason


# ---- records ---------------------------------------------------------------------------------------------------------


class Maybe(TypedDict):
    a: int
    b: NotRequired[list[int]]


class MaybeNone(TypedDict):
    a: int
    b: NotRequired[list[int] | None]


@dataclasses.dataclass
class Made:
    a: int
    b: list[int] = dataclasses.field(default_factory=lambda: [1])


@dataclasses.dataclass
class Short:
    a: int


@dataclasses.dataclass
class Needs:
    a: int
    b: list[int]


class Tuple(NamedTuple):
    a: int
    b: list[int]


Unset = struct(("a", int), ("b", list[int] | msgspec.UnsetType, msgspec.UNSET))
UnsetNone = struct(("a", int), ("b", list[int] | None | msgspec.UnsetType, msgspec.UNSET))


@pytest.mark.parametrize("newest", [Maybe, MaybeNone, Unset, UnsetNone], ids=lambda one: one.__name__)
@pytest.mark.parametrize("value", [{"a": 7}, {"a": 7, "b": [2]}])
def test_fields_that_may_be_missing(newest: Any, value: Any) -> None:
    """A missing field is missing in the older version, or its default there; it is refused where it is needed."""
    one = newest(**value)
    assert written(newest, Maybe, one) == value
    assert written(newest, MaybeNone, one) == value
    assert written(newest, Unset, one) == Unset(**value)
    assert written(newest, UnsetNone, one) == UnsetNone(**value)
    assert written(newest, Made, one) == Made(**value)
    assert written(newest, Short, one) == Short(7)
    for needs in (Needs, Tuple):
        if "b" in value:
            assert written(newest, needs, one) == needs(**value)
        else:
            error = refused(newest, needs, one)
            assert "may leave out the field 'b', which the reader needs" in error.reason
            assert error.path == "$.b"


def test_none_where_the_older_field_may_only_be_missing() -> None:
    """None is a value, and is not written as a missing field."""
    for newest in (MaybeNone, UnsetNone):
        one = newest(a=7, b=None)
        assert written(newest, MaybeNone, one) == {"a": 7, "b": None}
        for older in (Maybe, Unset, Made, Needs):
            assert refused(newest, older, one).path == "$.b"


def test_fields_that_only_the_older_version_has() -> None:
    """They are missing where they may be, else their default; one that only a class makes needs the class."""
    for older, expected in ((Maybe, {"a": 7}), (Unset, Unset(7)), (Made, Made(7, [1]))):
        assert written(Short, older, Short(7)) == expected
        plain = Schema(Schema(older).json)
        if older is Made:
            error = refused(Short, plain, Short(7))
            assert error.reason == "only the class of the written version makes the default of the field 'b'"
            assert error.path == "$.b"
        else:
            assert written(Short, plain, Short(7)) == {"a": 7}


def test_defaults_that_avro_can_say() -> None:
    """A tuple, a dict of numbers, a time and a timedelta are defaults in an exported schema, too."""
    day = datetime.date(2026, 1, 2)
    defaults = [
        (tuple[int, str], (1, "x")),
        (dict[int, str], {}),
        (datetime.date, day),
        (datetime.timedelta, datetime.timedelta(seconds=1)),
        (uuid.UUID, uuid.UUID(int=7)),
        (Decimal, Decimal("1.50")),
        (Literal[1, "a"], "a"),
        (frozenset[int], frozenset({2, 1})),
        (tuple[tuple[int, datetime.date | None], ...], ((1, day), (2, None))),
    ]  # fmt: skip
    for kind, default in defaults:
        given = msgspec.field(default_factory=dict) if default == {} else default
        longer = struct(("a", int), ("f", kind, given))
        short = struct(("a", int))
        assert written(short, longer, short(7)) == longer(7, default)
        writer, in_words = Schema(short), Schema(Schema(longer).json)
        found = read(writer, in_words, writer.encode(short(7)))["f"]
        assert msgspec.convert(found, kind) == default
        assert written(short, Schema(longer).json, short(7))["f"] == found
        assert in_words.encode({"a": 7}) == Schema(longer).encode(longer(7, default))


@dataclasses.dataclass
class After:
    a: int
    total: int = 0

    def __post_init__(self) -> None:
        self.total = self.a + 1


def test_what_comes_after_an_object_is_made() -> None:
    """Both engines call __post_init__ of a class."""
    writer = Schema(struct(("a", int)))
    assert read(writer, Schema(After), writer.encode(writer.type(7))) == After(7)


@pytest.mark.parametrize("newest", [Maybe, MaybeNone, Unset, Made, Needs, Tuple], ids=lambda one: one.__name__)
def test_fields_that_are_dropped_are_checked(newest: Any) -> None:
    """A field that the older version lacks is checked and dropped."""
    assert written(newest, Short, newest(a=7, b=[1])) == Short(7)
    assert refused(newest, Short, newest(a=7, b=["x"])).path == "$.b[0]"


def test_defaults_of_schemas_in_words() -> None:
    """A key that is missing has the newest schema's default, as the older type has it; a dropped one has none."""
    fields: list[dict[str, Any]] = [
        {"name": "n", "type": "int", "default": 7},
        {"name": "m", "type": ["null", {"type": "map", "values": "int"}], "default": {"k": 1}},
        {"name": "l", "type": {"type": "array", "items": ["null", "int"]}, "default": [1, None]},
        {"name": "r", "type": {"type": "record", "name": "I", "fields": [{"name": "x", "type": "int", "default": 3}]},
         "default": {}},
    ]  # fmt: skip
    newest = {"type": "record", "name": "R", "fields": fields}
    whole = {"n": 7, "m": {"k": 1}, "l": [1, None], "r": {"x": 3}}
    assert written(newest, newest, {}) == whole
    wide = msgspec.json.decode(msgspec.json.encode(newest).replace(b'"int"', b'"double"'))
    assert same(written(newest, wide, {}), {"n": 7.0, "m": {"k": 1.0}, "l": [1.0, None], "r": {"x": 3.0}})
    for at in range(len(fields)):
        less = newest | {"fields": [*fields[:at], *fields[at + 1 :]]}
        rest = {key: value for key, value in whole.items() if key != fields[at]["name"]}
        assert written(newest, less, {}) == rest
        assert written(less, newest, {}) == whole
