"""Does one thing many times in a process of its own, and prints what memory it has more of afterwards.

    leaking.py WORK TIMES

It prints the growth of allocated blocks, of objects that the collector knows, and of resident KB.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import gc
import json
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from safecodec.avro import Schema
from safecodec.errors import EncodeError, IncompatibleSchemaError, PayloadError, SchemaError

SOURCE: dict[str, Any] = {
    "type": "record",
    "name": "User",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "name", "type": "string"},
        {"name": "tags", "type": {"type": "array", "items": "string"}, "default": []},
        {"name": "scores", "type": {"type": "map", "values": "double"}},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "born", "type": ["null", {"type": "int", "logicalType": "date"}], "default": None},
        {"name": "boss", "type": ["null", "User"], "default": None},
    ],
}
NEW = {"name": "new", "type": SOURCE["fields"][2]["type"], "default": ["x"]}
NARROW = {**SOURCE, "fields": [SOURCE["fields"][1], NEW]}
WRONG = {**SOURCE, "fields": [{"name": "id", "type": "string"}, {"name": "missing", "type": "long"}]}


NO_SCHEMAS: tuple[Any, ...] = (
    {**SOURCE, "name": "no name"},
    {**SOURCE, "fields": [{"name": "x", "type": "nothing"}]},
    "{",
    [],
)


class Part(msgspec.Struct):
    """A type of some fields."""

    name: str
    tags: list[str]


@dataclasses.dataclass
class Plain:
    """The same as a dataclass."""

    name: str
    tags: list[str]


class Picky(msgspec.Struct):
    """A type that refuses."""

    name: str

    def __post_init__(self) -> None:
        raise ValueError("never right")


def user(depth: int = 2) -> dict[str, Any]:
    """A value."""
    return {
        "id": 2**40,
        "name": "Zoë, who has quite a name",
        "tags": ["a", "€" * 20],
        "scores": {"one": 1.5, "two": 1e300},
        "price": Decimal("12345.67"),
        "born": datetime.date(1990, 2, 3),
        "boss": user(depth - 1) if depth else None,
    }


SCHEMA, READER = Schema(SOURCE), Schema(NARROW)
VALUE = user()
DATA = SCHEMA.encode(VALUE)
KEPT: list[Any] = []


def good() -> None:
    """Values, written and read as dicts, types and another schema's."""
    SCHEMA.encode(VALUE)
    SCHEMA.decode(DATA)
    SCHEMA.decode(DATA, reader=READER)
    SCHEMA.decode(DATA, type=Part)
    SCHEMA.decode(DATA, type=Plain)


def malformed() -> None:
    """A payload that is cut, and damaged, at every offset."""
    for at in range(len(DATA)):
        for damaged in (DATA[:at], DATA[:at] + b"\xff" + DATA[at + 1 :], DATA[:at] + b"\x01" + DATA[at:]):
            for target in ({}, {"reader": READER}, {"type": Part}):
                with contextlib.suppress(PayloadError):
                    SCHEMA.decode(damaged, **target)


def unwritable() -> None:
    """Values that are wrong in each field."""
    for name in VALUE:
        for wrong in (object(), {**VALUE, name: object()}, {**VALUE, "boss": {**VALUE, name: "\ud800"}}):
            with contextlib.suppress(EncodeError):
                SCHEMA.encode(wrong)


def refusing_type() -> None:
    """A type whose own check raises."""
    with contextlib.suppress(PayloadError):
        SCHEMA.decode(DATA, type=Picky)


def schemas() -> None:
    """Schemas that are built, used and dropped."""
    schema = Schema(json.loads(json.dumps(SOURCE)))
    assert schema.decode(schema.encode(VALUE)) == VALUE
    assert Schema(schema) == SCHEMA


def pairs() -> None:
    """Readers that are resolved with one writer, and dropped."""
    assert SCHEMA.decode(DATA, reader=Schema(NARROW))["new"] == ["x"]
    SCHEMA.decode(DATA, reader=NARROW)
    with contextlib.suppress(IncompatibleSchemaError):
        SCHEMA.decode(DATA, reader=Schema(WRONG))


def wrong_schemas() -> None:
    """Schemas that are none."""
    for source in NO_SCHEMAS:
        with contextlib.suppress(SchemaError):
            Schema(source)


def derived() -> None:
    """Schemas of types that are made, used and dropped."""
    made = msgspec.defstruct("Made", [("name", str), ("tags", list[str])])
    schema = Schema(made)
    assert schema.decode(schema.encode(made("x", ["y"]))) == made("x", ["y"])


def planted() -> None:
    """A leak."""
    KEPT.append(SCHEMA.decode(DATA))


WORKS: dict[str, Callable[[], None]] = {
    work.__name__: work
    for work in (good, malformed, unwritable, refusing_type, schemas, pairs, wrong_schemas, derived, planted)
}


def held() -> tuple[int, int, int]:
    """Allocated blocks, objects, and resident KB."""
    gc.collect()
    status = Path("/proc/self/status")
    resident = status.read_text().partition("VmRSS:")[2].split()[0] if status.exists() else "0"
    return sys.getallocatedblocks(), len(gc.get_objects()), int(resident)


def main(name: str, times: int) -> None:
    """Do it, and print the growth."""
    for _ in range(times):  # caches fill
        WORKS[name]()
    before = held()
    for _ in range(times):
        WORKS[name]()
    print(json.dumps([after - at for after, at in zip(held(), before, strict=True)]))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
