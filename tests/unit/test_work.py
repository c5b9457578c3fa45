"""Work on schemas and values grows as their size: shapes of twice the size take at most 2.5 times the work.

Work is counted, not timed: calls of Python and of C functions, and comparisons of texts, which scans of long lists are
made of.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from safecodec import SchemaError
from safecodec.avro import Schema
from safecodec.avro.canonical import wire_form
from safecodec.avro.defaults import default_bytes, default_value
from safecodec.avro.nodes import Field, Record

COMPARED = [0]


class Text(str):
    """A text that counts how often it is compared."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        COMPARED[0] += 1
        return str.__eq__(self, other)


def work(call: Callable[[], object]) -> int:
    """Return how much work a call takes."""
    count = 0

    def step(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    COMPARED[0] = 0
    before = sys.getprofile()
    sys.setprofile(step)
    try:
        call()
    finally:
        sys.setprofile(before)
    return count + COMPARED[0]


def refused(source: Any) -> Callable[[], object]:
    """Return what makes a schema that is refused."""

    def call() -> None:
        with pytest.raises(SchemaError):
            Schema(source)

    return call


# ---- shapes --------------------------------------------------------------------------------------------------------


def record(name: str, *fields: Any, **more: Any) -> Any:
    return {"type": "record", "name": name, "fields": [*fields], **more}


def named(name: str, type_: Any, **more: Any) -> Any:
    return {"name": name, "type": type_, **more}


def twins(depth: int, **more: Any) -> Any:
    """A union of two records, in both of which the next such union stands: 2**depth ways to the bottom."""
    types: list[Any] = ["int"]
    for at in range(depth):
        types = [record(f"A{at}", named("f", types), **more), record(f"B{at}", named("f", names_of(types)), **more)]
    return types


def names_of(types: list[Any]) -> list[Any]:
    return [one["name"] if isinstance(one, dict) else one for one in types]


def nest(depth: int, bottom: Any) -> Any:
    for _ in range(depth):
        bottom = {"f": bottom}
    return bottom


def twin_default(depth: int, bottom: Any) -> Any:
    types = twins(depth)
    return record("R", named("d", types, default=nest(depth, bottom)))


def symbols(n: int) -> list[Any]:
    return [Text(f"s{at}") for at in range(n)]


def enum_defaults(n: int) -> Any:
    many = symbols(n)
    items = {"type": "array", "items": {"type": "enum", "name": "E", "symbols": many}}
    return record("R", named("d", items, default=many[::-1]), **{"safecodec.omit_defaults": True})


def field_of(source: Any) -> Field:
    root = Schema(source).root
    assert isinstance(root, Record)
    return root.fields[0]


def omitting(source: Any) -> Any:
    return {**source, "safecodec.omit_defaults": True}


def enums(n: int) -> list[Any]:
    return [{"type": "enum", "name": f"E{at}", "symbols": symbols(2)} for at in range(n)]


def wire(source: Any) -> Callable[[], object]:
    root = Schema(source).root
    return lambda: [wire_form(root, payload) for payload in ("avro", "msgpack", "json")]


def value_of(source: Any) -> Callable[[], object]:
    field = field_of(source)
    return lambda: (default_value(field.type, field.default), default_bytes(field.type, field.default))


DEFAULTS: dict[str, tuple[int, Callable[[int], Callable[[], object]]]] = {
    "a default fits no branch of nested unions": (8, lambda n: refused(twin_default(n, "x"))),
    "a default fits the last branch of nested unions": (8, lambda n: lambda: Schema(twin_default(n, 1))),
    "values of a default in nested unions": (8, lambda n: value_of(twin_default(n, 1))),
    "a default of as many symbols as its enum": (100, lambda n: lambda: Schema(enum_defaults(n))),
    "values of a default of many symbols": (100, lambda n: value_of(enum_defaults(n))),
}
FORMS: dict[str, tuple[int, Callable[[int], Callable[[], object]]]] = {
    "wire form of a default in nested unions": (8, lambda n: wire(omitting(twin_default(n, 1)))),
    "wire form of a default of many symbols": (100, lambda n: wire(enum_defaults(n))),
    "wire form of a union of many enums": (100, lambda n: wire(enums(n))),
    "wire form of a union of many records": (100, lambda n: wire([record(f"R{at}") for at in range(n)])),
}
SHAPES = DEFAULTS | FORMS


@pytest.mark.parametrize("shape", SHAPES)
def test_work_grows_as_size(shape: str) -> None:
    """Twice the size takes at most 2.5 times the work."""
    size, make = SHAPES[shape]
    work(make(size))  # what is imported or kept at the first call is not counted
    once, twice = work(make(size)), work(make(2 * size))
    assert twice < 2.5 * once
