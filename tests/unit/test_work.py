"""Work on schemas and values grows as their size: shapes of twice the size take at most 2.5 times the work.

Work is counted, not timed: calls of Python and of C functions, and comparisons of texts, which scans of long lists are
made of.
"""

from __future__ import annotations

import contextlib
import enum as enum_module
import functools
import operator
import pickle
import sys
import tracemalloc
import types
from collections.abc import Callable
from dataclasses import dataclass, make_dataclass
from dataclasses import field as dataclass_field
from decimal import Decimal
from functools import partial
from types import FrameType
from typing import Any, Generic, TypeVar

import msgspec
import pytest

from safecodec import Codec, EncodeError, IncompatibleSchemaError, PayloadError, SchemaError, pack
from safecodec.avro import Limits, Schema
from safecodec.avro.canonical import wire_form
from safecodec.avro.compile import encoder
from safecodec.avro.defaults import default_bytes, default_value
from safecodec.avro.logical import put_bytes, put_long
from safecodec.avro.members import annotations_of
from safecodec.avro.nodes import Field, Record
from safecodec.avro.resolve import resolve, resolve_values
from safecodec.evolution.versions import PayloadModule, payload_module

COMPARED = [0]
TAG: dict[str, Any] = {"safecodec.tag_field": "kind", "safecodec.tag": ""}
PAYLOADS = [("avro", "compiled"), ("avro", "fastavro"), ("msgpack", "compiled"), ("json", "compiled")]


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


def instructions(call: Callable[[], object]) -> int:
    """Return how many instructions of Python a call takes: comprehensions call nothing for an item."""
    count = 0

    def step(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return step

    before = sys.gettrace()
    sys.settrace(step)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


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


def many_defaults(n: int) -> Any:
    return record("R", named("d", array(["null", "int", "string"]), default=[*range(n), *names(n)]))


def field_of(source: Any) -> Field:
    root = Schema(source).root
    assert isinstance(root, Record)
    return root.fields[0]


def omitting(source: Any) -> Any:
    return {**source, "safecodec.omit_defaults": True}


def enums(n: int) -> list[Any]:
    return [enum([Text(f"s{at}_0"), Text(f"s{at}_1")], f"E{at}") for at in range(n)]


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


def array(items: Any) -> Any:
    return {"type": "array", "items": items}


def names(n: int) -> list[str]:
    return [f"s{at}" for at in range(n)]


def tagged(n: int) -> list[Any]:
    """A union of records that MessagePack and JSON tell apart by their tags."""
    return [{**one, **TAG, "safecodec.tag": f"R{at}"} for at, one in enumerate(records(n))]


def tagged_values(n: int) -> list[Any]:
    return [{"kind": f"R{at}", "x": at} for at in range(n)]


def tagged_twins(depth: int) -> Any:
    def tag(source: Any) -> Any:
        if isinstance(source, list):
            return [tag(one) for one in source]
        if not isinstance(source, dict):
            return source
        fields = [{**one, "type": tag(one["type"])} for one in source["fields"]]
        return {**source, "fields": fields, **TAG, "safecodec.tag": source["name"]}

    return tag(twins(depth))


def tagged_nest(depth: int) -> Any:
    value: Any = 1
    for at in range(depth):
        value = {"kind": f"B{at}", "f": value}
    return value


def linked() -> Any:
    return record("L", named("x", ["null", "L"]))


def chained(n: int) -> Any:
    value: Any = None
    for _ in range(n):
        value = {"x": value}
    return value


def optional(depth: int) -> Any:
    types: Any = "int"
    for _ in range(depth):
        types = ["null", array(types)]
    return types


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def passing(module: PayloadModule, source: Any, value: Any) -> Callable[[], object]:
    """Return what writes a value and reads it."""
    schema = Schema(source)
    encode, decode = module.encoder(schema, schema), module.decoder(schema, schema)

    def call() -> None:
        assert decode(encode(value)) is not None

    return call


def plain_enums(n: int) -> list[Any]:
    return [enum([f"s{at}", f"t{at}"], f"E{at}") for at in range(n)]


def reading(module: PayloadModule, source: Any, value: Any) -> Callable[[], object]:
    """Return what reads a value; a dict is written by what may be each branch, of which the limit allows so many."""
    schema = Schema(source)
    payload, decode = module.encoder(schema, schema)(value), module.decoder(schema, schema)
    return lambda: decode(payload)


def aging(module: PayloadModule, n: int) -> Callable[[], object]:
    """Return what writes and reads some values whose older version has one field of many."""
    large = record("L", *(named(f"f{at}", "int") for at in range(n)))
    many = Schema(array(record("R", *(named(f"f{at}", "L" if at else large) for at in range(n)))))
    few = Schema(array(record("R", named("f0", large))))
    encode, decode = module.encoder(few, many), module.decoder(many, few)
    inner = {f"f{at}": at for at in range(n)}
    value = [{f"f{at}": inner for at in range(n)}] * (400 // n**2)
    whole = module.encoder(many, many)(value)
    return lambda: (encode(value), decode(whole))


def planning(module: PayloadModule, source: Any) -> Callable[[], object]:
    """Return what makes all that a codec makes of a version."""
    schema = Schema(source)

    def call() -> None:
        module.encoder(schema, schema)
        module.decoder(schema, schema)
        module.forward_decoder(schema, schema)
        module.reads_newer(schema, schema)

    return call


DEFAULTS: dict[str, tuple[int, Callable[[int], Callable[[], object]]]] = {
    "a default fits no branch of nested unions": (8, lambda n: refused(twin_default(n, "x"))),
    "a default fits the last branch of nested unions": (8, lambda n: lambda: Schema(twin_default(n, 1))),
    "values of a default in nested unions": (8, lambda n: value_of(twin_default(n, 1))),
    "a default of as many symbols as its enum": (100, lambda n: lambda: Schema(enum_defaults(n))),
    "values of a default of many symbols": (100, lambda n: value_of(enum_defaults(n))),
}


def deriving(make: Callable[[int], Any], n: int) -> Callable[[], object]:
    type_ = make(n)
    return lambda: Schema(type_)


def tuples(n: int) -> Any:
    one: Any = tuple[int]
    many: Any = tuple
    return many[(one,) * n]


def dataclasses_of(n: int) -> list[Any]:
    return [make_dataclass(f"C{at}", [("x", int)]) for at in range(n)]


def colour(n: int) -> Any:
    return enum_module.Enum("Colour", {f"C{at}": f"c{at}" for at in range(n)})


def coloured(n: int) -> Any:
    """A class whose default has as many symbols as its enum."""
    cls = colour(n)
    return make_dataclass("C", [("x", tuple[cls, ...], dataclass_field(default=tuple(cls)))])  # type: ignore[valid-type]


def texts(source: Any) -> Callable[[], object]:
    """Return what makes each text of a schema."""

    def call() -> None:
        schema = Schema(source)
        assert hash(schema) == hash(Schema(schema.json))
        assert len(schema.fingerprint()) == 8
        assert repr(schema)
        assert pickle.loads(pickle.dumps(schema)) == schema

    return call


PARSES: dict[str, tuple[int, Callable[[int], Callable[[], object]]]] = {
    "texts of a union of records": (40, lambda n: texts(records(n))),
    "texts of a union of aliased records": (40, lambda n: texts(aliasing(n))),
    "texts of a wide record": (40, lambda n: texts(wide(n, aliased=True))),
    "texts of an enum": (100, lambda n: texts(enum(symbols(n)))),
    "texts of nested unions": (8, lambda n: texts(twins(n))),
    "texts of a chain": (20, lambda n: texts(chain(n))),
    "deriving tuples of one name": (40, partial(deriving, tuples)),
    "deriving a union of classes": (40, partial(deriving, lambda n: functools.reduce(operator.or_, dataclasses_of(n)))),
    "deriving an enum": (100, partial(deriving, colour)),
    "deriving a default of many symbols": (40, partial(deriving, coloured)),
}
FORMS: dict[str, tuple[int, Callable[[int], Callable[[], object]]]] = {
    "wire form of a default in nested unions": (8, lambda n: wire(omitting(twin_default(n, 1)))),
    "wire form of a default of many symbols": (100, lambda n: wire(enum_defaults(n))),
    "wire form of many defaults of a union": (100, lambda n: wire(omitting(many_defaults(n)))),
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
VALUES: dict[str, tuple[int, Callable[[int], Callable[[], object]]]] = {
    f"{what}, {payload} by {engine}": (size, partial(make, payload_module(payload, engine)))
    for payload, engine in PAYLOADS
    for what, size, make in (
        ("symbols of an enum", 40, lambda module, n: passing(module, array(enum(names(n))), names(n))),
        ("records of a union", 40, lambda module, n: reading(module, array(tagged(n)), tagged_values(n))),
        ("enums of a union", 20, lambda module, n: reading(module, array(plain_enums(n)), names(n))),
        ("a chain of optional records", 8, lambda module, n: passing(module, linked(), chained(n))),
        ("nested optional arrays", 8, lambda module, n: passing(module, optional(n), nested(n))),
        ("nested unions", 8, lambda module, n: passing(module, tagged_twins(n), tagged_nest(n))),
        ("an older version with few of many fields", 10, lambda module, n: aging(module, n)),
        ("plans of a union of records", 40, lambda module, n: planning(module, tagged(n))),
        ("plans of a union of enums", 40, lambda module, n: planning(module, enums(n))),
        ("plans of an enum", 100, lambda module, n: planning(module, enum(symbols(n)))),
        ("plans of a wide record", 40, lambda module, n: planning(module, wide(n))),
        ("plans of a chain", 20, lambda module, n: planning(module, chain(n))),
        ("plans of nested unions", 6, lambda module, n: planning(module, tagged_twins(n))),
    )
}
SHAPES = PARSES | DEFAULTS | FORMS | RESOLUTIONS | VALUES


@pytest.mark.parametrize("shape", SHAPES)
def test_work_grows_as_size(shape: str) -> None:
    """Twice the size takes at most 2.5 times the work."""
    size, make = SHAPES[shape]
    work(make(size))  # what is imported or kept at the first call is not counted
    once, twice = work(make(size)), work(make(2 * size))
    assert twice < 2.5 * once


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape.startswith("deriving")])
def test_loops_grow_as_size(shape: str) -> None:
    """So do loops that call nothing: twice the size takes at most 2.5 times the instructions."""
    size, make = SHAPES[shape]
    work(make(size))
    once, twice = instructions(make(size)), instructions(make(2 * size))
    assert twice < 2.5 * once


# ---- bounds --------------------------------------------------------------------------------------------------------


def test_resolution_is_bounded_by_the_nodes_of_a_schema() -> None:
    """Records without a name in common are compared each with each: that ends by the limit, not by patience."""
    limits = Limits(nodes=1000)
    writer = Schema(records(200), limits=limits)
    reader = Schema([record(f"S{at}", named("y", "int")) for at in range(200)], limits=limits)
    with pytest.raises(SchemaError, match="more than 8 steps for each of the 1000 nodes that the limit nodes allows"):
        resolve(writer, reader)


def test_fitting_defaults_is_bounded_by_the_nodes_of_a_schema() -> None:
    """As many values as branches are tried each with each: that ends by the limit, too."""
    branches = [*(record(f"R{at}", named("x", "int")) for at in range(200)), record("S", named("y", "int"))]
    source = record("R", named("d", array(branches), default=[{"y": 1} for _ in range(200)]))
    with pytest.raises(
        SchemaError, match="fitting the defaults takes more than 8 steps for each of the 1000"
    ) as caught:
        Schema(source, limits=Limits(nodes=1000))
    assert caught.value.path == "$.fields[0].default"


@pytest.mark.parametrize("one_by_one", [True, False])
def test_defaults_that_leave_out_fields_are_bounded_by_the_nodes_of_a_schema(one_by_one: bool) -> None:
    """A default of two characters may have as many values as a record has fields: together they are bounded."""
    filled = record("S", *(named(f"a{at}", "int", default=1) for at in range(100)))

    def source(n: int) -> Any:
        many = [named(f"f{at}", "S", default={}) for at in range(n)]
        return record("R", named("z", filled), *(many if one_by_one else [named("f", array("S"), default=[{}] * n)]))

    assert Schema(source(70), limits=Limits(nodes=1000))
    with pytest.raises(SchemaError, match="the defaults have more than 8 values for each of the 1000 nodes") as caught:
        Schema(source(790), limits=Limits(nodes=1000))
    assert caught.value.path == ("$.fields[79].default" if one_by_one else "$.fields[1].default")


def test_a_default_is_counted_once_where_an_earlier_one_takes_it() -> None:
    """A default that leaves out a later field of its own record counts that field's values, which are known then."""
    fields = [named("x", array("R"), default=[{"x": []}]), named("y", "int", default=1)]
    assert Schema(record("R", *fields), limits=Limits(nodes=4)).root


def test_types_resolve_by_structure() -> None:
    """A union's branch of another name is found by what it holds, even in itself; an enum by its symbols."""
    writer = Schema(["null", linked()])
    data = writer.encode(chained(3))
    assert writer.decode(data, reader=["null", renamed(linked())]) == chained(3)
    older = Schema(["null", enum(["a", "b"])])
    assert older.decode(b"\2\2", reader=["null", enum(["a"], "F"), enum(["b", "a"], "G")]) == "b"
    with pytest.raises(IncompatibleSchemaError, match="has no branch for enum 'E'"):
        older.decode(b"\2\2", reader=["null", enum(["a"], "F")])


def test_an_enum_without_symbols_has_no_values() -> None:
    """Two of them resolve; a record that needs a value of one and lacks a field says why it lacks the field."""
    empty = Schema(enum([]))
    assert resolve_values(empty, empty)
    writer, reader = (Schema(record("R", named("e", enum([])), named(name, "int"))) for name in "ab")
    with pytest.raises(IncompatibleSchemaError, match="the reader needs the field 'b', which the writer lacks"):
        resolve_values(writer, reader)


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


@pytest.mark.parametrize("payload", ["json", "msgpack"])
def test_types_that_nest_by_names_in_order_are_refused_where_they_are_too_deep(payload: Any) -> None:
    """Sorted by name, the fields of a flat chain of records nest it as deep as it is long."""
    links = [record(f"A{at}", *([named("x", f"A{at - 1}")] if at else [])) for at in range(3000)]
    for length, taken in ((20, True), (3000, False)):
        source = record("R", *(named(f"f{length - at:04}", one) for at, one in enumerate(links[:length])))
        assert Schema(source).wire_form("avro")
        if taken:
            assert Schema(source).wire_form(payload)
            continue
        with pytest.raises(SchemaError, match="nest too deep in each other, with its fields in the order of their"):
            Codec(source, subject="s", version=1, environment="e", payload=payload)


# ---- digits --------------------------------------------------------------------------------------------------------

DECIMALS = [
    "big-decimal",
    {"type": "bytes", "logicalType": "decimal", "precision": 30},
    {"type": "fixed", "name": "F", "size": 40, "logicalType": "decimal", "precision": 30},
]


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


@dataclass
class Priced:
    """Read and written by msgspec alone."""

    price: Decimal
    text: str


@dataclass
class Loose(Priced):
    """Written with a look at its values."""

    more: Any = None


@dataclass
class Rated(Priced):
    """Read again where it is written as JSON with a null."""

    rate: float = 0.5


@dataclass
class Renamed:
    """A newer version of the first, whose newest field an older reader does not know."""

    price: Decimal
    text: str
    late: int = 0


@pytest.mark.parametrize("payload", ["msgpack", "json"])
@pytest.mark.parametrize("cls", [Priced, Loose, Rated])
def test_digits_of_text_are_bounded(payload: Any, cls: type[Any]) -> None:
    """Decimals that msgspec reads and writes have as many digits, however these are spelled; other text is as long."""
    codec = Codec(cls, subject="s", version=1, environment="test", payload=payload)
    for value in (cls(Decimal("9" * 4300), "1" * 9000), cls(Decimal("1.5"), "a" * 9000)):
        frame = codec.encode(value)
        assert codec.decode(frame) == value
    for digits in ("1" * 4301, "1." + "0" * 4300, "\u0661" * 4301):  # the last are Arabic digits
        with pytest.raises(EncodeError, match=r"the decimal has 4301 digits, the limit digits is 4300 .*\$\.price"):
            codec.encode(cls(Decimal(digits), ""))
        raw = getattr(msgspec, payload).encode({"price": digits, "text": ""})
        escaped = raw.replace(b"1" * 4301, b"\\u0031" * 4301) if payload == "json" else raw
        header = {"format": payload, "subject": "s", "version": 1, "fingerprint": codec.fingerprint()}
        for data in (raw, escaped):
            with pytest.raises(PayloadError, match="the decimal has 4301 digits, the limit digits is 4300"):
                codec.decode(pack(data, **header, environment="test"))
    with pytest.raises(PayloadError) as caught:
        codec.decode(pack(getattr(msgspec, payload).encode({"price": "x", "text": ""}), **header, environment="test"))
    assert caught.value.path == "$.price"
    with pytest.raises(EncodeError):
        codec.encode(cls(Decimal(1), object()))
    new = Codec(Renamed, subject="s", version=2, environment="test", payload=payload, older={1: Priced})
    old = Codec(Priced, subject="s", version=1, environment="test", payload=payload)
    frame = new.encode(Renamed(Decimal("7" * 4300), ""))
    assert old.decode(frame) == Priced(Decimal("7" * 4300), "")


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


@pytest.mark.parametrize("default", ["\x7f" * 3000, "\x7f"])
def test_a_default_that_no_value_is_is_the_schema_s_fault(default: str) -> None:
    """A decimal of too many digits, or of none, is refused as a default when a plan is made, not when it runs."""
    name = "big-decimal" if len(default) == 1 else "decimal"
    money = {"type": "bytes", "logicalType": name, "precision": 4000}
    reader = Schema(record("R", named("a", money, default=default)))
    with pytest.raises(SchemaError, match=r"the default b'.* is no value of its logical type: a .*decimal"):
        Schema(record("R")).decode(b"", reader=reader)


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


def test_fields_that_are_left_out_are_bounded() -> None:
    """A payload of empty records does not become a payload beyond the limit."""
    fields = [named(f"f{at}", "string", default="x" * 100) for at in range(10)]
    schema = Schema(array(omitting(record("R", *fields))), limits=Limits(payload=5000))
    decode = payload_module("json").decoder(schema, schema)
    assert len(decode(b"[{},{},{}]")) == 3
    with pytest.raises(PayloadError, match=r"more than 5000 bytes, the limit payload \(at \$\[4\]\)"):
        decode(b"[" + b"{}," * 100 + b"{}]")


def test_the_first_branch_that_takes_a_value_is_its() -> None:
    """Tables find the branch that trials in order would: enums before texts, tags in keys or in front."""
    array_like = {"safecodec.array_like": True}
    tags: list[dict[str, Any]] = [
        {**TAG, "safecodec.tag": "a"},
        {**TAG, "safecodec.tag_field": "sort", "safecodec.tag": "b"},
    ]
    tags += [{**TAG, **array_like, "safecodec.tag": "c"}, {**TAG, **array_like, "safecodec.tag": 4}]
    branches = [record(f"R{at}", named("x", "int"), **more) for at, more in enumerate(tags)]
    schema = Schema(array(["null", "string", "double", enum(["one"]), *branches]))
    module = payload_module("json")
    encode, decode = module.encoder(schema, schema), module.decoder(schema, schema)
    values = [None, "two", 2.5, "one", *((f"R{at}", {"x": at}) for at in range(4))]
    payload = encode(values)
    expected = b'[null,"two",2.5,"one",{"kind":"a","x":0},{"sort":"b","x":1},["c",2],[4,3]]'
    assert payload == expected
    assert decode(payload) == [None, "two", 2.5, "one", *({"x": at} for at in range(4))]
    assert decode(b"[1]") == [1.0]
    for wrong in (b'[{"kind":"b","x":1}]', b'[{"kind":["a"]}]', b"[{}]", b"[[]]", b"[true]"):
        with pytest.raises(PayloadError, match="is of no branch of the union: null, string, double, enum 'E', record"):
            decode(wrong)


def test_a_dict_finds_its_record_by_its_own_keys() -> None:
    """Which record of a union a dict is of does not take longer where the records have more fields."""

    def encoding(n: int) -> Callable[[], object]:
        wides = [record(name, *(named(f"{name}{at}", "int", default=at) for at in range(n))) for name in "AB"]
        schema = Schema(["null", *wides, record("C", named("c", "int"))])
        encode = module.encoder(schema, schema)
        encode({"c": 1})  # what is kept is not counted
        return lambda: [encode({"c": 1}) for _ in range(9)]

    for payload, engine in PAYLOADS[:2]:
        module = payload_module(payload, engine)
        assert instructions(encoding(100)) < 1.1 * instructions(encoding(10))


T = TypeVar("T")


def of_any(cls: Any) -> Any:
    return cls[T]


def diamonds(n: int) -> Any:
    """A generic class with two bases, which have one base, which has two bases: 2**n ways to the top."""
    base: Any = types.new_class("Top", (of_any(Generic),), {}, lambda body: body.update(__annotations__={"x": T}))
    for _ in range(n):
        sides: list[Any] = [types.new_class(name, (of_any(base),)) for name in ("Left", "Right")]
        base = types.new_class("Base", tuple(map(of_any, sides)))
    return of_any(dataclass(base))[int]


def test_bases_are_looked_into_once() -> None:
    """Work on a class grows as its bases, not as the ways to them."""
    once, twice = work(lambda: annotations_of(diamonds(5))), work(lambda: annotations_of(diamonds(10)))
    assert annotations_of(diamonds(3)) == {"x": int}
    assert twice < 5 * once  # each of a class's bases has its own


# ---- what is shared ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", ["avro", "msgpack", "json"])
@pytest.mark.parametrize("make", [lambda one: [one, one], lambda one: {"a": one, "b": one}], ids=["list", "dict"])
def test_a_shared_value_of_any_stops_at_the_limit(payload: Any, make: Callable[[Any], Any]) -> None:
    """A value of Any whose parts are shared 2**60 times is refused after as many steps as a payload may have bytes."""
    value: Any = []
    for _ in range(60):
        value = make(value)
    codec: Any = Codec(Any, subject="s", version=1, environment="test", payload=payload, limits=Limits(payload=1000))
    with pytest.raises(EncodeError, match="more bytes than the limit payload"):
        codec.encode(value)
    with pytest.raises(EncodeError, match="more bytes than the limit payload"):
        codec.encode(["x" * 600, "x" * 600])
    assert codec.decode(codec.encode(["x" * 400, "x" * 400])) == ["x" * 400, "x" * 400]


def test_tuples_in_a_schema_are_measured() -> None:
    """A tuple is an array of JSON, and what it shares counts wherever it stands."""
    default: Any = ()
    for _ in range(60):
        default = (default, default)
    with pytest.raises(SchemaError, match="schema_text"):
        Schema({"type": "record", "name": "R", "fields": [{"name": "a", "type": "int", "default": default}]})


def test_unions_share_what_they_know_of_a_record() -> None:
    """A codec of n fields that each may hold the record itself takes work and memory as n grows, not n squared."""

    def peak(fields: int) -> int:
        union = [{"name": f"f{at}", "type": ["null", "R", "int"]} for at in range(fields)]
        schema = Schema({"type": "record", "name": "R", "fields": union})
        tracemalloc.start()
        encoder(schema, schema)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(800) < 2.6 * peak(400)
