"""``python -m bench.formats``: frames of MessagePack and JSON by bare msgspec, for each way that a payload is read.

The peer is msgspec's own encoder and decoder of the type, which check no frame. Values are fresh in each turn, as in
`shape_matrix`. A writer is the version of the reader itself, or an older one: as a class, as that class's Avro schema,
with a field fewer, and with a field that is promoted. The peer of an older payload is msgspec's decoder of the newest
type, which reads any whole number as a float.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from safecodec import Codec, PayloadFormat
from safecodec.bench.harness import Effort, no_collector, pin

from .framed import codec
from .machine import machine
from .results import table
from .samples import Event, Session, Sessions, event, session, sessions
from .shape_matrix import BRIEF, EFFORT, ratio, turn

MODULES: Final[dict[PayloadFormat, Any]] = {"msgpack": msgspec.msgpack, "json": msgspec.json}
ROWS: Final = {"1 KB": 5, "10 KB": 50, "100 KB": 500, "1 MB": 5000}
COLUMNS: Final = ("payload", "shape", "reader", "writer", "bytes", "encode", "decode", "round trip")


class Measurement(msgspec.Struct):
    """A row of which some numbers are missing."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


class Measurements(msgspec.Struct):
    """Rows with optional numbers."""

    rows: list[Measurement]


class Texts(msgspec.Struct):
    """A record of texts, some of which may be missing."""

    title: str
    lines: list[str]
    note: str | None = None
    weight: float = 1.0


class Floats(msgspec.Struct):
    """A record of numbers."""

    values: list[float]


class Ints(msgspec.Struct):
    """A record of whole numbers."""

    values: list[int]


class Limits(msgspec.Struct):
    """A record of a map."""

    limits: dict[str, float]


@dataclasses.dataclass
class PlainEvent:
    """`Event` as a dataclass."""

    id: int
    kind: str
    user: str
    value: float
    seen: bool


class OlderSession(msgspec.Struct, tag=False):
    """`Session` before it had a score."""

    user_id: int
    session_id: str
    plan: str
    regions: list[str]
    limits: dict[str, int]
    created_at: float
    expires_at: float
    flags: list[bool]
    note: str | None = None


class WholeSession(OlderSession):
    """`Session` when its score was a whole number."""

    score: int = 0


class OlderSessions(msgspec.Struct):
    """`Sessions` before they had a score."""

    version: int
    rows: list[OlderSession]


class WholeSessions(msgspec.Struct):
    """`Sessions` when their score was a whole number."""

    version: int
    rows: list[WholeSession]


@dataclass(frozen=True)
class Case:
    """A value and how it is read.

    Args:
        shape: As the table calls the value.
        reader: As the table calls what it is read as.
        writer: As the table calls the version that it was written in.
        type: The newest version.
        value: A value of the type that writes.
        written_by: The version that writes, where it is an older one.
    """

    shape: str
    reader: str
    writer: str
    type: Any
    value: Any
    written_by: Any = None


def values() -> Iterator[tuple[str, Any]]:
    """Values of every shape."""
    yield "event, 54 B", event()
    yield "session, 200 B", session()
    for name, count in ROWS.items():
        yield f"sessions, {name}", sessions(count)
    yield "texts, 10 KB", Texts("a title", ["lorem ipsum dolor sit amet " * 4] * 100)
    yield "floats, 10 KB", Floats([number * 0.37 for number in range(1100)])
    halves = [None if number % 2 else number + 0.5 for number in range(100)]
    rows = [Measurement(f"m{at}", at + 0.25, one, 1.5) for at, one in enumerate(halves)]
    yield "optional floats, 10 KB", Measurements(rows)
    yield "ints, 10 KB", Ints([number**3 for number in range(1200)])
    yield "dict, 10 KB", Limits({f"limit-{number}": number * 0.25 for number in range(500)})


def cases() -> Iterator[Case]:
    """All of them."""
    for shape, value in values():
        kind = type(value)
        yield Case(shape, "Struct", "same", kind, value)
        yield Case(shape, "Struct", "equal .avsc", kind, value, codec(kind).schema().json)
    one = event()
    plain = PlainEvent(*(getattr(one, name) for name in Event.__struct_fields__))
    yield Case("event, 54 B", "dataclass", "same", PlainEvent, plain)
    for shape, old, new, whole in (
        ("session, 200 B", OlderSession, Session, WholeSession),
        ("sessions, 10 KB", OlderSessions, Sessions, WholeSessions),
    ):
        value = session() if new is Session else sessions(50)
        for kind, title in ((old, "a field fewer"), (whole, "a field promoted")):
            bare = msgspec.convert(without_fractions(msgspec.to_builtins(value)), kind)
            yield Case(shape, "Struct", title, new, bare, kind)
            yield Case(shape, "Struct", f"{title}, .avsc", new, bare, codec(kind).schema().json)
        schema = codec(new).schema().json
        yield Case(shape, "dict", "same", schema, msgspec.to_builtins(value))
        bare = msgspec.to_builtins(msgspec.convert(msgspec.to_builtins(value), old))
        yield Case(shape, "dict", "a field fewer, .avsc", schema, bare, codec(old).schema().json)


def without_fractions(plain: Any) -> Any:
    """Return a plain value whose scores are whole numbers."""
    if isinstance(plain, dict):
        return {key: 7 if key == "score" else without_fractions(one) for key, one in plain.items()}
    return [without_fractions(one) for one in plain] if isinstance(plain, list) else plain


def measured(case: Case, payload: PayloadFormat, effort: Effort) -> tuple[str, ...]:
    """Measure a case, as a line of the table."""
    older = case.written_by
    framed: Codec[Any] = codec(case.type, payload, older=None if older is None else {1: older})
    module = MODULES[payload]
    untyped = isinstance(case.type, (str, dict))
    encoder, decoder = module.Encoder(), module.Decoder(Any if untyped else case.type)
    packed = encoder.encode(case.value)
    writing = framed if older is None else codec(older if isinstance(case.value, dict) else type(case.value), payload)
    frame = writing.encode(case.value)
    ratios = [ratio(of(framed.decode, frame, effort), of(decoder.decode, packed, effort), effort)]
    if older is None:

        def fresh() -> Any:
            return decoder.decode(packed)

        both = turn(framed.encode, fresh, effort.seconds), turn(encoder.encode, fresh, effort.seconds)
        trips = (
            turn(lambda value: framed.decode(framed.encode(value)), fresh, effort.seconds),
            turn(lambda value: decoder.decode(encoder.encode(value)), fresh, effort.seconds),
        )
        ratios = [ratio(*both, effort), *ratios, ratio(*trips, effort)]
    shown = [f"{one:.3f}" for one in ratios]
    shown = shown if len(shown) == 3 else ["", *shown, ""]
    return payload, case.shape, case.reader, case.writer, f"{len(packed):,}", *shown


def of(call: Callable[[Any], object], data: bytes, effort: Effort) -> Callable[[], float]:
    """Return what measures a decoder on some bytes."""
    return turn(call, lambda: data, effort.seconds)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.formats", description="Measure MessagePack and JSON.")
    parser.add_argument("words", nargs="*", help="only lines that have one of these words")
    parser.add_argument("--brief", action="store_true", help="in fewer rounds")
    options = parser.parse_args()
    print(machine(pin()))
    rows = []
    with no_collector():
        for payload in MODULES:
            for case in cases():
                title = f"{payload} {case.shape} {case.reader} {case.writer}"
                if not options.words or any(word in title for word in options.words):
                    rows.append(measured(case, payload, BRIEF if options.brief else EFFORT))
                    print(" | ".join(rows[-1]), flush=True)
    print(table(COLUMNS, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
