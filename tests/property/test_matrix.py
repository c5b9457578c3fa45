"""The matrix: of all writers and readers only those that agree in everything understand each other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
import pytest

from safecodec import Codec, PayloadFormat, pack, unpack
from safecodec.errors import DecodeError


class First(msgspec.Struct):
    """Version 1."""

    number: int


class Second(msgspec.Struct):
    """Version 2, which readers of version 1 cannot read."""

    number: int
    name: str


class Point(NamedTuple):
    """Where a writer or a reader stands, in the order of verdicts."""

    context: bytes | None
    payload: PayloadFormat
    environment: str | None
    subject: str
    version: int


VERDICTS = (
    "ContextMismatchError",
    "PayloadFormatError",
    "EnvironmentMismatchError",
    "SubjectMismatchError",
    "UnknownVersionError",
)
AXES: dict[str, list[Any]] = {
    "context": [None, b"user:42", b"user:43"],
    "payload": ["avro", "msgpack", "json"],
    "environment": ["production", "staging"],
    "subject": ["user-config", "user-config-draft"],
    "version": [1, 2],
}
VALUES: dict[int, Any] = {1: First(7), 2: Second(7, "pro")}
TYPES: dict[int, Any] = {1: First, 2: Second}


def points(**more: list[Any]) -> Iterator[Point]:
    """Every point, and those with further values of an axis."""
    yield from itertools.starmap(Point, itertools.product(*(AXES[name] + more.get(name, []) for name in Point._fields)))


def expected(writer: Point, reader: Point) -> str:
    """The verdict: the first axis on which they differ, or the value."""
    for one, other, verdict in zip(writer, reader, VERDICTS, strict=True):
        if one != other:
            return verdict
    return "read"


def test_only_the_diagonal_decodes() -> None:
    """Of all pairs of codecs only equal ones understand each other; else the first difference is the verdict."""
    codecs = {
        point[1:]: Codec(
            TYPES[point.version],
            subject=point.subject,
            version=point.version,
            payload=point.payload,
            environment=point.environment,
        )
        for point in points()
    }
    frames = {point: codecs[point[1:]].encode(VALUES[point.version], context=point.context) for point in points()}
    outcomes: dict[tuple[Point, Point], str] = {}
    for writer, reader in itertools.product(frames, frames):
        try:
            value = codecs[reader[1:]].decode(frames[writer], context=reader.context)
        except DecodeError as error:
            outcomes[writer, reader] = type(error).__name__
        else:
            assert value == VALUES[writer.version]
            outcomes[writer, reader] = "read"
    assert outcomes == {pair: expected(*pair) for pair in outcomes}
    assert sum(outcome == "read" for outcome in outcomes.values()) == len(frames) == 72


def test_only_the_diagonal_unpacks() -> None:
    """The same one layer below, where frames may be unscoped: a scoped reader refuses them and the reverse."""
    prints = {1: b"\1\1\1\1", 2: b"\2\2\2\2"}
    everyone = list(points(environment=[None]))
    frames = {
        point: pack(
            b"payload",
            format=point.payload,
            subject=point.subject,
            version=point.version,
            fingerprint=prints[point.version],
            environment=point.environment,
            context=point.context,
        )
        for point in everyone
    }
    assert len(set(frames.values())) == len(frames) == 108
    for writer, reader in itertools.product(everyone, everyone):
        try:
            unpack(
                frames[writer],
                format=reader.payload,
                subject=reader.subject,
                environment=reader.environment,
                versions={reader.version: prints[reader.version]},
                context=reader.context,
            )
            outcome = "read"
        except DecodeError as error:
            outcome = type(error).__name__
        assert outcome == expected(writer, reader), (writer, reader)


@pytest.mark.parametrize("payload", ["avro", "msgpack", "json"])
def test_two_schemas_of_one_version_never_mix(payload: PayloadFormat) -> None:
    """Two branches that both made a version 1 refuse each other's frames."""
    ours: Codec[Any] = Codec(First, subject="s", version=1, payload=payload, environment="test")
    theirs: Codec[Any] = Codec(Second, subject="s", version=1, payload=payload, environment="test")
    for reader, frame in [(ours, theirs.encode(Second(1, "x"))), (theirs, ours.encode(First(1)))]:
        with pytest.raises(DecodeError) as caught:
            reader.decode(frame)
        assert type(caught.value).__name__ == "SchemaConflictError"
