"""Bounds of msgspec.Meta: checked by every engine and format, whether a version is a type or that type's schema."""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta

from engines import read
from safecodec import Codec, EncodeError, PayloadError
from safecodec.avro import Schema, compile
from safecodec.avro.bounds import OutOfBoundsError, checker
from safecodec.avro.nodes import Array, Primitive
from safecodec.avro.reference import ReferenceEncoder
from safecodec.payload import json, msgpack

BOUNDS: list[tuple[Any, Any, Any, str]] = [
    (Annotated[int, Meta(ge=2)], 2, 1, "a value at least 2 is expected, this is 1"),
    (Annotated[int, Meta(gt=2)], 3, 2, "a value more than 2 is expected, this is 2"),
    (Annotated[float, Meta(le=0.5)], 0.5, 0.6, "a value at most 0.5 is expected, this is 0.6"),
    (Annotated[float, Meta(lt=0.5)], 0.4, 0.5, "a value less than 0.5 is expected, this is 0.5"),
    (Annotated[int, Meta(multiple_of=5)], 10, 11, "a value that is a multiple of 5 is expected, this is 11"),
    (Annotated[str, Meta(min_length=2)], "ab", "a", "a value of a length of at least 2 is expected, this is 'a'"),
    (Annotated[bytes, Meta(max_length=2)], b"ab", b"abc", "of a length of at most 2 is expected, this is b'abc'"),
    (Annotated[str, Meta(pattern="^a+$")], "aa", "ab", "that matches the pattern '^a+$' is expected, this is 'ab'"),
    (Annotated[list[int], Meta(max_length=1)], [1], [1, 2], "a value of a length of at most 1 is expected"),
    (Annotated[dict[str, int], Meta(min_length=1)], {"k": 1}, {}, "a value of a length of at least 1 is expected"),
    (Annotated[dict[int, int], Meta(min_length=1)], {2: 1}, {}, "a value of a length of at least 1 is expected"),
    (dict[Annotated[str, Meta(min_length=2)], int], {"kk": 1}, {"k": 1}, "of a length of at least 2 is expected"),
    (dict[Annotated[int, Meta(ge=2)], int], {2: 1}, {1: 1}, "a value at least 2 is expected, this is 1"),
    (Annotated[dict[Annotated[str, Meta(min_length=2)], int], Meta(max_length=1)], {"kk": 1}, {"kk": 1, "ll": 2},
     "a value of a length of at most 1 is expected"),
]  # fmt: skip
"""A type, a value within its bounds, another, and the words of its refusal."""
FREE = [int, int, float, float, int, str, bytes, str, list[int], dict[str, int], dict[int, int], dict[str, int],
        dict[int, int], dict[str, int]]  # fmt: skip
"""The types without their bounds."""
BOUNDED = [(*one, free) for one, free in zip(BOUNDS, FREE, strict=True)]

every_bound = pytest.mark.parametrize(
    ("type_", "good", "bad", "words", "free"), BOUNDED, ids=[str(one[0])[:60] for one in BOUNDED]
)


def record(kind: Any) -> Any:
    """A Struct with a field of the type."""
    return msgspec.defstruct("R", [("f", kind)])


@every_bound
def test_a_bound_is_checked_when_a_value_is_written(type_: Any, good: Any, bad: Any, words: str, free: Any) -> None:
    """A value that is out of its type's bounds is refused, where it stands; the schema of the type has them, too."""
    del free
    typed = Schema(record(type_))
    in_words = Schema(typed.json)
    for schema, made in ((typed, typed.type), (in_words, lambda value: {"f": value})):
        for encode in (compile.encoder(schema, schema).encode, ReferenceEncoder(schema, schema).encode):
            assert encode(made(good)) == typed.encode(typed.type(good))
            with pytest.raises(EncodeError) as caught:
                encode(made(bad))
            assert words in caught.value.reason
            assert caught.value.path.startswith("$.f")


@every_bound
def test_a_bound_is_checked_when_a_value_is_read(type_: Any, good: Any, bad: Any, words: str, free: Any) -> None:
    """Bounds decide of single values, not whether types resolve: the reader's are checked where the writer had none."""
    writer, reader = Schema(record(free)), Schema(record(type_))
    assert read(writer, reader, writer.encode(writer.type(good))) == reader.type(good)
    for bounded in (reader, Schema(reader.json)):
        with pytest.raises(PayloadError) as caught:
            read(writer, bounded, writer.encode(writer.type(bad)))
        assert words in caught.value.reason
        assert caught.value.path.startswith("$.f")
    assert read(reader, writer, reader.encode(reader.type(good))) == writer.type(good)


@pytest.mark.parametrize("form", [msgpack, json], ids=["msgpack", "json"])
@every_bound
def test_bounds_in_the_other_formats(type_: Any, good: Any, bad: Any, words: str, free: Any, form: Any) -> None:
    """MessagePack and JSON check the written version's bounds, and the reader's."""
    newer, older = Schema(record(free)), Schema(record(type_))
    for target in (older, Schema(older.json)):
        encode = form.encoder(target, newer)
        payload = encode(newer.type(good))
        assert form.decoder(older, newer)(payload) == newer.type(good)
        with pytest.raises(EncodeError) as caught:
            encode(newer.type(bad))
        assert words in caught.value.reason
        assert caught.value.path.startswith("$.f")
        with pytest.raises((PayloadError, msgspec.ValidationError)):
            form.decoder(newer, target)(form.encoder(newer, newer)(newer.type(bad)))


@every_bound
def test_a_bound_of_the_written_version_is_checked(type_: Any, good: Any, bad: Any, words: str, free: Any) -> None:
    """A value that an older version does not allow is not written as one; nor is what the newest does not allow."""
    free_one, bounded = Schema(record(free)), Schema(record(type_))
    for newer, older in ((free_one, bounded), (bounded, free_one)):
        for encode in (compile.encoder(older, newer).encode, ReferenceEncoder(older, newer).encode):
            assert encode(newer.type(good)) == older.encode(older.type(good))
            with pytest.raises(EncodeError) as caught:
                encode(newer.type(bad))
            assert words in caught.value.reason


def test_bounds_are_no_part_of_the_wire() -> None:
    """Two types that differ in bounds alone are one version."""
    for one, free in zip(BOUNDS, FREE, strict=True):
        for payload in ("avro", "msgpack", "json"):
            assert Schema(one[0]).wire_form(payload) == Schema(free).wire_form(payload)


def test_a_node_without_bounds_has_no_checker() -> None:
    """A checker hands on what is within the bounds, and is none where there are none."""
    assert checker(Primitive("int")) is None
    assert checker(Array(Primitive("int"))) is None
    check = checker(Primitive("long", attributes={"safecodec.bounds": {"ge": 0, "lt": 9}}))
    assert check is not None
    assert check(8) == 8
    with pytest.raises(OutOfBoundsError, match="a value less than 9 is expected, this is 9"):
        check(9)


def test_bounds_of_a_set_count_the_items_of_the_set() -> None:
    """A list that is written as an older version's set is as long as the set that its readers make of it."""
    few = Annotated[set[int], Meta(min_length=2, max_length=2)]
    for payload in ("avro", "msgpack", "json"):
        old = Codec(few, subject="s", version=1, environment="test", payload=payload)
        new = Codec(
            list[int], subject="s", version=2, environment="test", payload=payload, older={1: few}, write_version=1
        )
        assert old.decode(new.encode([7, 8, 7])) == {7, 8}
        with pytest.raises(EncodeError, match="at least 2"):
            new.encode([7, 7])
    lists = Codec(
        list[list[int]], subject="s", version=2, environment="test", older={1: set[tuple[int, ...]]}, write_version=1
    )
    tuples = Codec(set[tuple[int, ...]], subject="s", version=1, environment="test")
    assert tuples.decode(lists.encode([[1], [2], [1]])) == {(1,), (2,)}


def test_bounds_of_items() -> None:
    """The path of an item that is out of bounds is its own."""
    writer, reader = Schema(list[int]), Schema(list[Annotated[int, Meta(ge=0)]])
    with pytest.raises(PayloadError) as caught:
        read(writer, reader, writer.encode([1, -1]))
    assert caught.value.path == "$[1]"


DECIMALS = [Decimal(text) for text in ("NaN", "sNaN", "Infinity", "-Infinity", "1e400", "1e-400")]


@pytest.mark.parametrize("engine", ["compiled", "fastavro"])
@pytest.mark.parametrize("number", [*DECIMALS, 10**400, 1e300, -0.0], ids=lambda one: repr(one)[:12])
@pytest.mark.parametrize("bound", ["ge", "gt", "le", "lt", "multiple_of"])
@pytest.mark.parametrize("kind", [int, float], ids=["int", "float"])
def test_any_number_is_within_a_bound_or_is_refused(kind: Any, bound: str, number: Any, engine: Any) -> None:
    """A number that has no order or no remainder, such as a Decimal that is NaN, is out of bounds: an EncodeError."""
    limits: dict[str, Any] = {bound: 3}
    one = record(Annotated[kind, Meta(**limits)])
    codec: Any = Codec(one, subject="s", version=1, environment="test", engine=engine)
    with suppress(EncodeError):
        frame = codec.encode(one(number))
        assert codec.decode(frame).f == kind(number)
