"""The public names as type checkers see them: `make lint` has mypy and pyright check what `assert_type` says here."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NewType, TypedDict, assert_type

import pytest
from msgspec import Meta, Struct

from safecodec import Codec, ConfigError, DecodeError, EncodeError, NoValueError, PayloadFormat, Reader
from safecodec.avro import Schema


class Created(Struct, tag="created"):
    """One branch of a union."""

    user: int


class Deleted(Struct, tag="deleted"):
    """The other."""

    user: int


Event = Created | Deleted


@dataclass
class Point:
    """A dataclass."""

    x: float


class Pair(NamedTuple):
    """A NamedTuple."""

    a: int
    b: str


class Place(TypedDict):
    """A TypedDict."""

    name: str


UserId = NewType("UserId", int)
SCHEMA: dict[str, Any] = {"type": "record", "name": "Place", "fields": [{"name": "name", "type": "string"}]}


def test_a_type_gives_a_codec_of_it() -> None:
    """A class, a union, a generic alias, Literal, Annotated and NewType each give a codec of exactly that type."""
    point = Codec(Point, subject="s", version=1, environment="test")
    assert_type(point, Codec[Point])
    assert assert_type(point.decode(point.encode(Point(1.5))), Point) == Point(1.5)
    assert_type(Codec(Created, subject="s", version=1, environment="test"), Codec[Created])
    assert_type(Codec(Pair, subject="s", version=1, environment="test"), Codec[Pair])
    assert_type(Codec(Place, subject="s", version=1, environment="test"), Codec[Place])
    assert_type(Codec(list[int], subject="s", version=1, environment="test"), Codec[list[int]])
    assert_type(Codec(UserId, subject="s", version=1, environment="test"), Codec[UserId])
    assert_type(Codec(Literal["a", "b"], subject="s", version=1, environment="test"), Codec[Literal["a", "b"]])
    assert_type(Codec(Annotated[int, Meta(ge=0)], subject="s", version=1, environment="test"), Codec[int])


def test_a_union_gives_a_codec_of_it() -> None:
    """`A | B`, written in the call or named before it, is the type of what a codec takes and returns."""
    events = Codec(Event, subject="s", version=1, environment="test")
    assert_type(events, Codec[Created | Deleted])
    assert_type(Codec(Created | Deleted, subject="s", version=1, environment="test"), Codec[Created | Deleted])
    assert_type(Codec(Point | None, subject="s", version=1, environment="test"), Codec[Point | None])
    event = events.decode(events.encode(Deleted(7)))
    assert_type(event, Created | Deleted)
    assert isinstance(event, Deleted)


def test_a_schema_gives_plain_values(tmp_path: Path) -> None:
    """Schemas as a dict, as text or at a path give dicts; a list of schemas and a Schema may give any value."""
    path = tmp_path / "place.avsc"
    path.write_text('{"type": "record", "name": "Place", "fields": [{"name": "name", "type": "string"}]}', "utf-8")
    places = Codec(SCHEMA, subject="s", version=1, environment="test")
    assert_type(places, Codec[dict[str, Any]])
    assert places.decode(places.encode({"name": "Bern"})) == {"name": "Bern"}
    assert_type(Codec(path.read_text("utf-8"), subject="s", version=1, environment="test"), Codec[dict[str, Any]])
    at: PathLike[str] = path
    assert_type(Codec(at, subject="s", version=1, environment="test"), Codec[dict[str, Any]])
    assert_type(Codec(["null", "int"], subject="s", version=1, environment="test"), Codec[Any])
    assert_type(Codec(Schema(Point), subject="s", version=1, environment="test"), Codec[Any])


def test_a_view_has_its_type() -> None:
    """`Codec.reader` and `Schema.decode(type=)` give values of the type that is asked for, unions included."""
    codec = Codec(Point, subject="s", version=1, environment="test")
    assert_type(codec.reader(Point), Reader[Point])
    assert_type(codec.reader(Point | None), Reader[Point | None])
    nothing: dict[str, Any] = {"type": "record", "name": "Point", "fields": []}
    assert_type(codec.reader(nothing), Reader[dict[str, Any]])
    schema = Schema(Created)
    data = schema.encode(Created(7))
    assert assert_type(schema.decode(data, type=Created), Created) == Created(7)
    assert_type(schema.decode(data, type=Created | None), Created | None)
    assert_type(schema.decode(data), Any)
    assert_type(schema.decode(data, reader=schema), Any)


def test_batches_return_errors_where_asked_to() -> None:
    """`errors="return"` makes each item a value, a DecodeError or a NoValueError; without it all of them are values."""
    codec = Codec(Point, subject="s", version=1, environment="test")
    frames = [codec.encode(Point(1)), b""]
    assert_type(codec.decode_many(frames[:1]), list[Point])
    found = codec.decode_many(frames, errors="return")
    assert_type(found, list[Point | DecodeError | NoValueError])
    assert [isinstance(item, DecodeError) for item in found] == [False, True]
    assert_type(codec.reader(Point).decode_many(frames, errors="return"), list[Point | DecodeError | NoValueError])


def test_choices_are_literals() -> None:
    """A payload, engine, guard or treatment of errors that does not exist is refused by the checkers and at runtime."""
    payload: PayloadFormat = "json"
    codec = Codec(Point, subject="s", version=1, environment="test", payload=payload)
    assert_type(codec.payload, PayloadFormat)
    with pytest.raises(ConfigError):
        Codec(Point, subject="s", version=1, environment="test", payload="xml")  # type: ignore
    with pytest.raises(ConfigError):
        Codec(Point, subject="s", version=1, environment="test", engine="java")  # type: ignore
    with pytest.raises(ConfigError):
        Codec(Point, subject="s", version=1, environment="test", loop_guard="loud")  # type: ignore
    with pytest.raises(ConfigError):
        codec.decode_many([], errors="ignore")  # type: ignore
    with pytest.raises(ConfigError):
        codec.reader(Point).decode_many([], errors="ignore")  # type: ignore
    with pytest.raises(ConfigError):
        Schema(Point).decode(b"", reader=Schema(Point), type=Point)  # type: ignore


def test_values_are_of_the_type() -> None:
    """A value of another type is an error to the checkers and an `EncodeError` at runtime."""
    codec = Codec(Created | Deleted, subject="s", version=1, environment="test")
    with pytest.raises(EncodeError, match="no branch of the union"):
        codec.encode(Point(1.5))  # type: ignore
