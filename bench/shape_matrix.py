"""``python -m bench.shape_matrix``: checked frames by msgspec's unchecked MessagePack, for each shape of `shapes`.

Values are fresh in each round, as CPython keeps the UTF-8 of a str that was encoded once: it would flatter whoever
comes second. Both take turns in one process, the best round counts. The shapes are held by their geometric means and by
their worst cells.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import geometric_mean
from typing import Any

import msgspec

from safecodec import Codec
from safecodec.bench.harness import Effort, best_of, no_collector, pin
from safecodec.bench.peers import fastavro_functions

from .framed import HEADER_SIZE, codec
from .machine import machine
from .results import SHAPES, table
from .samples import Sample
from .shapes import shapes

EFFORT = Effort(rounds=30, seconds=0.002, budget=2.0)
BRIEF = Effort(rounds=8, seconds=0.001, budget=0.5)
MOST = 2000
"""Values that are made for one turn."""
TARGETS = {"decode": 0.62, "encode": 0.60, "decode dict": 0.55, "decode by fastavro": 0.07, "encode by fastavro": 0.05}
"""Geometric means that are aimed at."""
COLLECTED = "decode, collector on"
COLUMNS = (*TARGETS, COLLECTED)
WORST = 6


@dataclass(frozen=True)
class Cell:
    """One shape: its size, and how long ours takes by how long the peer takes.

    Args:
        shape: The shape's name.
        size: Bytes of Avro.
        ratios: By the names of `COLUMNS`; without those that a peer cannot do.
    """

    shape: str
    size: int
    ratios: dict[str, float]


Turn = Callable[[], float]
"""Returns the seconds of one call."""


def turn(call: Callable[[Any], object], make: Callable[[], Any], seconds: float) -> Turn:
    """Return what calls a function with values that nobody has seen, of which making takes no part of the time."""
    call(make())
    start = time.perf_counter()
    call(make())
    once = max(time.perf_counter() - start, 1e-7)
    count = min(MOST, max(1, int(seconds / once)))

    def taken() -> float:
        values = [make() for _ in range(count)]
        start = time.perf_counter()
        for value in values:
            call(value)
        return (time.perf_counter() - start) / count

    return taken


def ratio(ours: Turn, theirs: Turn, effort: Effort) -> float:
    """Return our best time by theirs."""
    end = time.perf_counter() + effort.budget
    mine, other = best_of((ours, theirs), (ours(), theirs()), effort.rounds, end)
    return mine / other


def cell(sample: Sample, effort: Effort) -> Cell:
    """Measure a shape."""
    kind, value = sample.type, sample.value
    framed: Codec[Any] = codec(kind)
    encoder, decoder = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(kind)
    frame, packed = framed.encode(value), encoder.encode(value)
    seconds = effort.seconds

    def decoding(decode: Callable[[Any], object], data: bytes) -> Turn:
        return turn(decode, lambda: data, seconds)

    def encoding(encode: Callable[[Any], object]) -> Turn:
        return turn(encode, lambda: decoder.decode(packed), seconds)

    pair = decoding(framed.decode, frame), decoding(decoder.decode, packed)
    ratios = {COLLECTED: ratio(*pair, effort)}
    with no_collector():
        ratios["decode"] = ratio(*pair, effort)
        ratios["encode"] = ratio(encoding(framed.encode), encoding(encoder.encode), effort)
        ratios |= as_dicts(framed, value, packed, effort)
    return Cell(sample.name, len(frame) - HEADER_SIZE, ratios)


def as_dicts(framed: Codec[Any], value: Any, packed: bytes, effort: Effort) -> dict[str, float]:
    """Measure values of the schema, which are dicts, against msgspec's without a type and against fastavro's."""
    schema = framed.schema()
    ours = codec(schema.json)
    plain = ours.schema().decode(schema.encode(value))
    frame, seconds = ours.encode(plain), effort.seconds
    decoding = turn(ours.decode, lambda: frame, seconds)
    untyped = turn(msgspec.msgpack.Decoder().decode, lambda: packed, seconds)
    ratios = {"decode dict": ratio(decoding, untyped, effort)}
    try:
        write, read = fastavro_functions(schema.json)
        bare = write(plain)
        theirs = turn(read, lambda: bare, seconds), turn(write, lambda: ours.decode(frame), seconds)
    except (TypeError, ValueError, AttributeError, LookupError):  # it has no such type
        return ratios
    encoding = turn(ours.encode, lambda: ours.decode(frame), seconds)
    ratios["decode by fastavro"] = ratio(decoding, theirs[0], effort)
    ratios["encode by fastavro"] = ratio(encoding, theirs[1], effort)
    return ratios


def matrix(names: Sequence[str], effort: Effort) -> Iterator[Cell]:
    """Measure all shapes, or those whose name has one of the words."""
    for sample in shapes():
        if not names or any(word in sample.name for word in names):
            yield cell(sample, effort)


def rows(cells: Sequence[Cell]) -> Iterator[tuple[str, ...]]:
    """Return the lines of the table: each shape, then the geometric means."""
    for one in cells:
        yield one.shape, f"{one.size:,}", *(f"{one.ratios[name]:.2f}" if name in one.ratios else "" for name in COLUMNS)
    yield "**geometric mean**", "", *(f"**{mean(cells, name):.3f}**" for name in COLUMNS)


def worst(cells: Sequence[Cell], name: str) -> str:
    """Return the worst cells of a column, in words."""
    found = sorted((one for one in cells if name in one.ratios), key=lambda one: -one.ratios[name])[:WORST]
    return ", ".join(f"{one.shape} {one.ratios[name]:.2f}" for one in found)


def mean(cells: Sequence[Cell], name: str) -> float:
    """Return the geometric mean of a column, which is no number where no shape has it."""
    found = [one.ratios[name] for one in cells if name in one.ratios]
    return geometric_mean(found) if found else math.nan


def summary(cells: Sequence[Cell]) -> str:
    """Return the geometric mean of decode and of encode, and their worst cells, a line for each."""
    lines = []
    for name in ("decode", "encode"):
        above = sum(one.ratios[name] > 1 for one in cells)
        lines.append(
            f"* {name.capitalize()}: a geometric mean of {mean(cells, name):.2f} over {len(cells)} shapes, {above} of "
            f"which are above 1. The worst are {worst(cells, name)}."
        )
    return "\n".join(textwrap.fill(line, 120, subsequent_indent="  ", break_on_hyphens=False) for line in lines)


def shown(cells: Sequence[Cell]) -> str:
    """Return the table, and what it comes to."""
    return table(("shape", "bytes", *COLUMNS), rows(cells)) + f"\n\n{summary(cells)}"


def write(report: dict[str, Any]) -> None:
    """Write shapes.json."""
    SHAPES.parent.mkdir(exist_ok=True)
    SHAPES.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    """Print the table and write shapes.json; returns 1 where a geometric mean misses its target."""
    parser = argparse.ArgumentParser(prog="python -m bench.shape_matrix", description="Measure every shape.")
    parser.add_argument("words", nargs="*", help="only shapes whose name has one of these words")
    parser.add_argument("--brief", action="store_true", help="in fewer rounds")
    options = parser.parse_args()
    found = machine(pin())
    print(found)
    cells = []
    for one in matrix(options.words, BRIEF if options.brief else EFFORT):
        cells.append(one)
        print(f"{one.shape}: " + ", ".join(f"{name} {value:.2f}" for name, value in one.ratios.items()), flush=True)
    print(shown(cells))
    write({"machine": found, "cells": [asdict(one) for one in cells]})
    return int(any(mean(cells, name) > target for name, target in TARGETS.items()))


if __name__ == "__main__":
    sys.exit(main())
