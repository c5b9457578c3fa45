"""Work on schemas and values grows as their size: shapes of twice the size take at most 2.5 times the work.

Work is counted, not timed: calls of Python and of C functions, and comparisons of texts, which scans of long lists are
made of.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from safecodec import EncodeError, IncompatibleSchemaError, PayloadError, SchemaError
from safecodec.avro import Limits, Schema
from safecodec.avro.canonical import wire_form
from safecodec.avro.compile import encoder
from safecodec.avro.defaults import default_bytes, default_value
from safecodec.avro.logical import put_bytes, put_long
from safecodec.avro.nodes import Field, Record
from safecodec.avro.resolve import resolve, resolve_values
from safecodec.evolution.versions import payload_module

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


def twins(depth: int, names: str = "AB") -> Any:
    """A union of two records, in both of which the next such union stands: 2**depth ways to the bottom."""
    types: list[Any] = ["int"]
    for at in range(depth):
        one, other = (f"{name}{at}" for name in names)
        types = [record(one, named("f", types)), record(other, named("f", names_of(types)))]
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


def enum(many: list[Any], name: str = "E") -> Any:
    return {"type": "enum", "name": name, "symbols": many}


def records(n: int) -> list[Any]:
    return [record(f"R{at}", named("x", "int")) for at in range(n)]


def aliasing(n: int) -> list[Any]:
    return [{**one, "name": f"S{at}", "aliases": [f"R{at}", f"Q{at}"]} for at, one in enumerate(records(n))][::-1]


def refusals(n: int) -> tuple[Any, Any]:
    def one(many: list[Any]) -> Any:
        return record("R", *(named(f"f{at}", "E" if at else enum(many)) for at in range(n)))

    return one(symbols(n)), one(["none"])


def renamed(source: Any) -> Any:
    """The types of a schema under other names."""
    if isinstance(source, list):
        return [renamed(one) for one in source]
    if isinstance(source, str):
        return source if source in ("int", "null", "string") else f"{source}_renamed"
    if source.get("type") == "record":
        fields = [{**one, "type": renamed(one["type"])} for one in source["fields"]]
        return {**source, "name": f"{source['name']}_renamed", "fields": fields}
    return source


def wide(n: int, *, aliased: bool = False) -> Any:
    """A record of many fields; aliased: under other names, with the old ones as aliases."""
    if not aliased:
        return record("R", *(named(f"f{at}", "int") for at in range(n)))
    return record("R", *(named(f"g{at}", "int", aliases=[f"f{at}"]) for at in range(n)))


def chain(n: int, bottom: Any = "int") -> Any:
    """Records of which each may hold the one before; none nests."""
    first = record("R0", named("x", "string" if bottom == "x" else bottom))
    later = [record(f"R{at}", named("x", ["null", f"R{at - 1}"])) for at in range(1, n)]
    return record("R", *(named(f"f{at}", one) for at, one in enumerate([first, *later])))


def resolving(writer: Any, reader: Any) -> Callable[[], object]:
    """Return what resolves two schemas either way, whether they do or not."""
    one, other = Schema(writer), Schema(reader)

    def call() -> None:
        for way in (resolve, resolve_values):
            with contextlib.suppress(IncompatibleSchemaError):
                way(one, other)

    return call


def dropping(n: int) -> Callable[[], object]:
    """Return what makes an encoder of an older version that has only one of many fields."""
    large = record("L", *(named(f"f{at}", "int") for at in range(n)))
    many = Schema(record("R", *(named(f"f{at}", "L" if at else large) for at in range(n))))
    few = Schema(record("R", named("f0", large)))
    return lambda: encoder(few, many)


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
RESOLUTIONS: dict[str, tuple[int, Callable[[int], Callable[[], object]]]] = {
    "resolving enums of many symbols": (100, lambda n: resolving(enum(symbols(n)), enum(symbols(n)[::-1]))),
    "resolving unions of many records": (50, lambda n: resolving(records(n), records(n)[::-1])),
    "resolving unions of many enums": (50, lambda n: resolving(enums(n), enums(n)[::-1])),
    "resolving unions of aliased records": (50, lambda n: resolving(records(n), aliasing(n))),
    "resolving an enum that is refused in many fields": (50, lambda n: resolving(*refusals(n))),
    "resolving nested unions": (6, lambda n: resolving(twins(n), twins(n, "BA"))),
    "resolving nested unions by structure": (6, lambda n: resolving(twins(n), renamed(twins(n)))),
    "resolving records with many renamed fields": (50, lambda n: resolving(wide(n), wide(n, aliased=True))),
    "writing an older version of a chain": (50, lambda n: resolving(chain(n), chain(n, "x"))),
    "the union that a chain of records by structure is found in": (
        20,
        lambda n: resolving(chain(n), renamed(chain(n))),
    ),
    "dropped fields of one large type": (20, lambda n: dropping(n)),
}
SHAPES = DEFAULTS | FORMS | RESOLUTIONS


@pytest.mark.parametrize("shape", SHAPES)
def test_work_grows_as_size(shape: str) -> None:
    """Twice the size takes at most 2.5 times the work."""
    size, make = SHAPES[shape]
    work(make(size))  # what is imported or kept at the first call is not counted
    once, twice = work(make(size)), work(make(2 * size))
    assert twice < 2.5 * once


# ---- bounds --------------------------------------------------------------------------------------------------------


def test_resolution_is_bounded_by_the_nodes_of_a_schema() -> None:
    """Records without a name in common are compared each with each: that ends by the limit, not by patience."""
    limits = Limits(nodes=1000)
    writer = Schema(records(200), limits=limits)
    reader = Schema([record(f"S{at}", named("y", "int")) for at in range(200)], limits=limits)
    with pytest.raises(SchemaError, match="more than 8 steps for each of the 1000 nodes that the limit nodes allows"):
        resolve(writer, reader)


def test_types_that_nest_by_reference_are_refused_where_they_are_too_deep() -> None:
    """A flat chain of records that is read as a record in itself nests as deep as it is long."""
    link = record("L", named("x", ["null", "L"]))
    for length, taken in ((20, True), (3000, False)):
        reader = Schema(record("R", named(f"f{length - 1}", ["null", link])))
        writer = Schema(chain(length, "null"))
        if taken:
            resolve(writer, reader)
            continue
        with pytest.raises(SchemaError, match="the schemas nest too deep to be resolved"):
            resolve(writer, reader)


# ---- digits --------------------------------------------------------------------------------------------------------

DECIMALS = [
    "big-decimal",
    {"type": "bytes", "logicalType": "decimal", "precision": 30},
    {"type": "fixed", "name": "F", "size": 40, "logicalType": "decimal", "precision": 30},
]
PAYLOADS = [("avro", "compiled"), ("avro", "fastavro"), ("msgpack", "compiled"), ("json", "compiled")]


def decimal_schema(source: Any, digits: int) -> Schema:
    source = {"type": "bytes", "logicalType": source} if isinstance(source, str) else source
    return Schema(source, limits=Limits(digits=digits))


@pytest.mark.parametrize("source", DECIMALS, ids=["big-decimal", "bytes", "fixed"])
@pytest.mark.parametrize(("payload", "engine"), PAYLOADS)
def test_digits_are_bounded_both_ways(source: Any, payload: str, engine: str) -> None:
    """Every engine takes as many digits as the limit allows, gives them back, and refuses one more either way."""
    module = payload_module(payload, engine)
    wide, tight = decimal_schema(source, 30), decimal_schema(source, 30)
    object.__setattr__(tight, "limits", Limits(digits=29))  # where it is lowered later, the schema stays what it is
    for value in (Decimal(10**29 - 1), Decimal(1 - 10**29)):
        data = module.encoder(tight, tight)(value)
        assert module.decoder(tight, tight)(data) == value
    for value in (Decimal(10**29), Decimal(-(10**30) + 1)):
        data = module.encoder(wide, wide)(value)
        assert module.decoder(wide, wide)(data) == value
        with pytest.raises(EncodeError, match="the limit digits"):
            module.encoder(tight, tight)(value)
        with pytest.raises(PayloadError, match="the limit digits"):
            module.decoder(tight, tight)(data)


def test_a_long_unscaled_integer_is_refused_by_its_bytes() -> None:
    """What would take half a minute to spell is refused at once; leading zeros are no digits."""
    schema = Schema({"type": "bytes", "logicalType": "big-decimal"})
    for size, taken in ((400_000, False), (1000, True)):
        digits = b"\x7f" + bytes(size - 1)
        data = put_bytes(put_bytes(digits) + put_long(0))
        if taken:
            assert schema.encode(schema.decode(data)) == data
            continue
        with pytest.raises(PayloadError, match="more digits than 4300, the limit digits"):
            schema.decode(data)
    assert schema.decode(put_bytes(put_bytes(bytes(100_000) + b"\7") + put_long(0))) == 7


def test_exponents_do_not_expand() -> None:
    """A decimal of a few bytes is not written as a gigabyte of zeros, nor is a schema's precision of so many taken."""
    money = Schema({"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 2})
    for value in (Decimal("1E+999999999"), Decimal("1E-999999999"), Decimal("1E+31")):
        with pytest.raises(EncodeError, match="digits"):
            money.encode(value)
    assert money.decode(money.encode(Decimal("0E+20"))) == 0
    for kind in ({"type": "bytes"}, {"type": "fixed", "name": "F", "size": 2**30}):
        with pytest.raises(SchemaError, match=r"a precision of 5000, the limit digits is 4300 \(at \$.precision\)"):
            Schema({**kind, "logicalType": "decimal", "precision": 5000})
    assert Schema({"type": "fixed", "name": "F", "size": 4096, "logicalType": "decimal", "precision": 4300})
