"""``python -m bench.construction``: time and memory of making a codec, by fields and versions.

Classes are made anew for each round, outside of the timing: msgspec caches what it finds out about a class.
"""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import field, make_dataclass
from functools import partial
from typing import Any

from safecodec import Codec, avro
from safecodec.bench.harness import no_collector, pin

from .growth import Curve
from .samples import KINDS, wide_type

FIELDS = (10, 30, 100, 300, 1_000)
VERSIONS = (1, 2, 5, 10, 20)
WIDTH = 100
"""Fields of the first of several versions, each of which adds one."""

ROUNDS = 7
Made = Callable[[], object]


def dataclass_of(fields: int) -> Any:
    """A dataclass with the fields of `wide_type`."""
    kinds = (KINDS[number % len(KINDS)] for number in range(fields))
    parts = [(f"field_{number}", kind, field(default=value)) for number, (kind, value) in enumerate(kinds)]
    return make_dataclass("Wide", parts)


def schema_of(fields: int) -> Any:
    """The record of `wide_type` as the JSON of its schema, parsed, as of an .avsc file."""
    return avro.Schema(wide_type(fields)).json


KINDS_OF_TYPES: dict[str, Callable[[int], Any]] = {"Struct": wide_type, "dataclass": dataclass_of, ".avsc": schema_of}


def ready(newest: Callable[[int], Any], older: Callable[[int], Any], fields: int, versions: int) -> Made:
    """Return what makes a codec of types that no codec was made of before."""
    type_ = newest(fields + versions - 1)
    known = {number: older(fields + number - 1) for number in range(1, versions)}
    return lambda: Codec(type_, subject="wide", version=versions, older=known, environment="bench")


def seconds_of(make: Callable[[], Made]) -> float:
    """The least seconds of several rounds, by processor time, as other processes share the machine."""
    best = float("inf")
    for _ in range(ROUNDS):
        made = make()
        with no_collector():
            start = time.process_time()
            made()
            best = min(best, time.process_time() - start)
    return best


def memory_of(make: Callable[[], Made]) -> tuple[int, int]:
    """Bytes that CPython's allocators hold for one more codec, and those at the highest point of its making.

    The steps of a plan are in C memory, which ``tracemalloc`` does not see.
    """
    make()()  # modules are loaded
    made = make()
    gc.collect()
    tracemalloc.start()
    try:
        codec = made()
        gc.collect()
        kept, highest = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    del codec
    return kept, highest


def cases() -> Iterator[tuple[str, float, str, Callable[[], Made]]]:
    """The name of a curve, a place on it, the name of its line, and what makes a codec ready to be made."""
    for name, of in KINDS_OF_TYPES.items():
        for fields in FIELDS:
            yield "construct-fields", fields, name, partial(ready, of, of, fields, 1)
    olders = {"Struct": wide_type, "Struct, older as schemas": schema_of}
    for name, older in olders.items():
        for versions in VERSIONS:
            yield "construct-versions", versions, name, partial(ready, wide_type, older, WIDTH, versions)
    for name in ("dataclass", ".avsc"):
        of = KINDS_OF_TYPES[name]
        for versions in VERSIONS:
            yield "construct-versions", versions, name, partial(ready, of, of, WIDTH, versions)


def construction(show: Callable[[str], object] = str) -> Iterator[Curve]:
    """The seconds that it takes to make a codec, by fields and by versions of 100 fields.

    Args:
        show: Is told each line of a table as it is measured.
    """
    curves = {
        "construct-fields": Curve("construct-fields", "Make a codec, by fields", "fields"),
        "construct-versions": Curve("construct-versions", f"Make a codec of {WIDTH} fields, by versions", "versions"),
    }
    show("| curve | line | at | ms | kept, KB | highest, KB |\n|---|---|---|---|---|---|")
    for name, place, line, make in cases():
        seconds = seconds_of(make)
        kept, highest = memory_of(make)
        curves[name].points.setdefault(line, []).append((place, seconds))
        sizes = f"{kept / 1e3:.0f} | {highest / 1e3:.0f}"
        show(f"| {name} | {line} | {place:g} | {seconds * 1e3:.2f} | {sizes} |")
    yield from curves.values()


if __name__ == "__main__":
    pin()
    for _ in construction(partial(print, flush=True)):
        pass
    sys.exit(0)
