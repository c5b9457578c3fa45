"""How the cost of a call grows: with bytes, fields, versions back and the length of a text."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import fastavro

from safecodec import avro
from safecodec.bench.harness import Effort, Work, best_times

from .peers import apache_avro, msgspec_orjson, ours
from .samples import Events, Sample, Text, events, wide, wide_type

ROWS = (1, 10, 100, 1_000, 10_000, 100_000, 920_000)
"""Of 54 bytes: up to 50 MB."""

FIELDS = (1, 2, 5, 10, 20, 50, 100, 200)
BACK = (0, 1, 2, 3, 5, 10, 15, 20)
LENGTHS = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
EFFORT = Effort(rounds=40, seconds=0.001, budget=10.0)
OF_BYTES = Effort(rounds=20, seconds=0.002, budget=2.0)
OURS, MSGPACK, FASTAVRO = "safecodec frame", "msgspec msgpack", "fastavro"


@dataclass
class Curve:
    """How seconds grow with something.

    Args:
        name: A word for files and anchors.
        title: What was done.
        unit: What grows.
        points: Of each line of the chart, pairs of how many and seconds.
    """

    name: str
    title: str
    unit: str
    points: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def measure(self, works: dict[float, dict[str, Work]], effort: Effort = EFFORT) -> None:
        """Measure all works in turns, so that points can be compared, and add them to the lines of their names.

        Args:
            works: By place on the axis and name of the line.
            effort: How long to look.
        """
        places = [(x, name) for x, named in works.items() for name in named]
        times = best_times([works[x][name] for x, name in places], effort)
        for (x, name), seconds in zip(places, times, strict=True):
            self.points.setdefault(name, []).append((x, seconds))

    def as_dict(self) -> dict[str, object]:
        """As JSON says it."""
        return {"name": self.name, "title": self.title, "unit": self.unit, "points": self.points}


def trio(sample: Sample) -> tuple[dict[str, Work], dict[str, Work], int]:
    """Decoders and encoders of safecodec, msgspec and fastavro, and the bytes of Avro."""
    peers = {
        OURS: ours.as_struct(sample),
        MSGPACK: msgspec_orjson.msgpack_struct(sample),
        FASTAVRO: apache_avro.fastavro_dict(sample),
    }
    decode = {name: peer.decode for name, peer in peers.items()}
    encode = {name: peer.encode for name, peer in peers.items()}
    return decode, encode, peers[FASTAVRO].size


def by_bytes() -> Iterator[Curve]:
    """From 50 bytes to 50 megabytes."""
    decoding = Curve("bytes-decode", "Decode, by size", "bytes of Avro")
    encoding = Curve("bytes-encode", "Encode, by size", "bytes of Avro")
    for rows in ROWS:
        decode, encode, size = trio(Sample(f"{rows} rows", Events, events(rows)))
        # Each size by itself: all of them at once would not fit into memory, and a turn of the largest takes seconds.
        decoding.measure({size: decode}, OF_BYTES)
        encoding.measure({size: encode}, OF_BYTES)
    yield decoding
    yield encoding


def by_fields() -> Iterator[Curve]:
    """From 1 field to 200, and with one field that the reader adds."""
    decoding = Curve("fields-decode", "Decode a wide record, by fields", "fields")
    encoding = Curve("fields-encode", "Encode a wide record, by fields", "fields")
    decoders: dict[float, dict[str, Work]] = {}
    encoders: dict[float, dict[str, Work]] = {}
    for fields in FIELDS:
        sample = wide(fields)
        decoders[fields], encoders[fields], _ = trio(sample)
        newer = ours.codec(wide_type(fields + 1), older={1: sample.type})
        frame = ours.codec(sample.type).encode(sample.value)
        decoders[fields][f"{OURS}, one field added"] = partial(newer.decode, frame)
    decoding.measure(decoders)
    encoding.measure(encoders)
    yield decoding
    yield encoding


def by_versions() -> Iterator[Curve]:
    """A record that gains a field with each version, read by the newest of 21."""
    curve = Curve("versions", "Decode a frame written some versions ago, each of which added a field", "versions back")
    newest = 1 + max(BACK)
    types = {version: wide_type(10 + version) for version in range(1, newest + 1)}
    older = {version: type_ for version, type_ in types.items() if version < newest}
    read = ours.codec(types[newest], older=older).decode
    reader = fastavro.parse_schema(avro.Schema(types[newest]).json)
    works: dict[float, dict[str, Work]] = {}
    for back in BACK:
        version = newest - back
        known = {number: type_ for number, type_ in older.items() if number < version}
        frame = ours.codec(types[version], older=known).encode(types[version]())
        writer = fastavro.parse_schema(avro.Schema(types[version]).json)

        def reference(data: bytes = frame[ours.HEADER_SIZE :], writer: Any = writer) -> object:
            return fastavro.schemaless_reader(io.BytesIO(data), writer, reader)

        works[back] = {OURS: partial(read, frame), FASTAVRO: reference}
    curve.measure(works)
    yield curve


def by_length() -> Iterator[Curve]:
    """A record of one text, of ASCII and of other letters."""
    curve = Curve("text", "Decode a record of one text, of ASCII where nothing is said", "characters")
    works: dict[float, dict[str, Work]] = {}
    for length in LENGTHS:
        works[length] = {}
        for kind, letter in (("", "a"), (", Cyrillic", "д")):
            sample = Sample("a text", Text, Text(letter * length))
            works[length][f"{OURS}{kind}"] = ours.as_struct(sample).decode
            works[length][f"{MSGPACK}{kind}"] = msgspec_orjson.msgpack_struct(sample).decode
    curve.measure(works)
    yield curve


CURVES: tuple[Callable[[], Iterator[Curve]], ...] = (by_bytes, by_fields, by_versions, by_length)


def growth() -> Iterator[Curve]:
    """Every curve."""
    for curves in CURVES:
        yield from curves()
