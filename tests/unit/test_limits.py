"""Limits: each can be lowered, each is named by the error that comes of it, with what was found and where."""

from __future__ import annotations

import copy
import enum
import json
import pickle
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Literal, TypedDict, TypeVar

import msgspec
import pytest

from safecodec import Codec, ConfigError, EncodeError, PayloadError, PayloadTooLargeError, SchemaError
from safecodec.avro import Limits, Schema, compile
from safecodec.avro._decoder import Plan, Walk
from safecodec.avro._encoder import Encoder
from safecodec.avro.resolve import resolve
from safecodec.avro.sources import Sources
from safecodec.avro.targets import Targets

T = TypeVar("T")
NULLS = {"type": "array", "items": "null"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"depth": 65},
        {"depth": -1},
        {"payload": 2**32},
        {"payload": 0},
        {"empty_items": True},
        {"schema_depth": "1"},
        {"schema_text": 2**31},
        {"nodes": 0},
        {"name": 0},
        {"symbols": 2**31},
        {"branches": 1.5},
        {"digits": 100_001},
        {"depth": 10**5_000},
        {"depth": -(10**5_000)},
    ],
)
def test_limits_are_whole_numbers_within_bounds(wrong: dict[str, Any]) -> None:
    """A limit beyond what is safe, or no number, is refused by its name."""
    with pytest.raises(ConfigError, match=f"the limit {next(iter(wrong))} is a whole number between [01] and"):
        Limits(**wrong)


class Deeper(Limits):  # type: ignore[misc]
    """An object that claims to be Limits, and bounds nothing."""

    __slots__ = ()

    def __post_init__(self) -> None:
        pass


def unbound() -> Limits:
    """Limits that were changed behind their own back."""
    limits = Limits()
    object.__setattr__(limits, "depth", 100_000)
    return limits


def unmade() -> Limits:
    """Limits whose fields were never set."""
    return Limits.__new__(Limits)


WRONG = [
    types.SimpleNamespace(payload=9, depth=100_000, empty_items=9, schema_text=9, schema_depth=100_000),
    Deeper(depth=100_000),
    unbound(),
    unmade(),
    None,
    {"depth": 3},
]


@pytest.mark.parametrize("limits", WRONG, ids=["look-alike", "subclass", "changed", "unmade", "none", "dict"])
def test_only_limits_are_limits(limits: Any) -> None:
    """Wherever limits enter, and in the compiled plans that rely on them, nothing but Limits within bounds is taken."""
    node = Schema("long")
    action = resolve(node, node)
    entries: list[Callable[[], object]] = [
        lambda: Schema("long", limits=limits),
        lambda: Codec("long", subject="s", version=1, environment="test", limits=limits),
        lambda: Plan(action, Targets(node), limits, False),
        lambda: Walk(node.root, limits),
        lambda: Encoder(action, Sources(node, node), limits),
    ]
    for enter in entries:
        with pytest.raises(
            ConfigError, match=r"limits are safecodec.avro.Limits, not|the limit (depth|payload) is a whole"
        ):
            enter()


def test_no_payload_at_all_is_no_limit() -> None:
    """A longest payload of 0 is refused where it is set: it is no word for none, and would let nothing through."""
    with pytest.raises(ConfigError, match="max_payload is a number of bytes between 1 and 4294967295, not 0"):
        Codec(NULLS, subject="s", version=1, environment="test", max_payload=0)


def test_long_schemas_of_a_trusted_caller() -> None:
    """A schema of more than a megabyte is refused by default, and taken where the limit was raised."""
    text = json.dumps({"type": "array", "items": {"type": "long", "doc": "x" * (1 << 20)}})
    assert len(text) > 1 << 20
    with pytest.raises(SchemaError, match="the limit schema_text is 1048576"):
        Schema(text)
    assert Schema(text, limits=Limits(schema_text=len(text))).encode([1]) == b"\x02\x02\x00"


@pytest.mark.parametrize(
    ("schema", "limits", "data", "reason", "path"),
    [
        ({"type": "array", "items": NULLS}, {"depth": 1}, b"\x02\x00\x00",
         "the value nests too deep, the limit depth is 1 levels, at byte 1 of the payload", "$[0]"),
        (NULLS, {"empty_items": 2}, b"\x06\x00",
         "3 items without a byte are announced, the limit empty_items leaves 2, at byte 0 of the payload", "$"),
        ({"type": "array", "items": NULLS}, {"empty_items": 2}, b"\x04\x04\x00\x02\x00\x00",
         "1 items without a byte are announced, the limit empty_items leaves 0, at byte 3 of the payload", "$[1]"),
    ],
)  # fmt: skip
def test_limits_of_values(schema: Any, limits: dict[str, int], data: bytes, reason: str, path: str) -> None:
    """A payload beyond a limit is refused where it crosses it; with the default limits it is read."""
    Schema(schema).decode(data)
    with pytest.raises(PayloadError) as caught:
        Schema(schema, limits=Limits(**limits)).decode(data)
    assert (caught.value.reason, caught.value.path) == (reason, path)


def test_the_limit_of_payloads() -> None:
    """A payload longer than the limit is refused before it is read."""
    with pytest.raises(PayloadTooLargeError, match="the payload has 4 bytes, the limit payload is 3") as caught:
        Schema("string", limits=Limits(payload=3)).decode(b"\x06abc")
    assert (caught.value.expected, caught.value.found) == (3, 4)


def test_limits_of_schemas() -> None:
    """A schema's text and depth are bounded, whether it is parsed or derived."""
    with pytest.raises(SchemaError, match="the limit schema_text is 5"):
        Schema('"string"', limits=Limits(schema_text=5))
    with pytest.raises(SchemaError, match="deeper than 1 levels, the limit schema_depth"):
        Schema({"type": "array", "items": NULLS}, limits=Limits(schema_depth=1))
    with pytest.raises(SchemaError, match="deeper than 1 levels, the limit schema_depth"):
        Schema(list[list[int]], limits=Limits(schema_depth=1))


def test_a_codec_s_limits() -> None:
    """A codec's limits hold for all its versions, and its longest payload is theirs unless it is given."""

    def made(**more: Any) -> Codec[Any]:
        return Codec(NULLS, subject="s", version=1, environment="test", limits=Limits(empty_items=2, payload=9), **more)

    assert (made().max_payload, made(max_payload=7).max_payload) == (9, 7)
    for codec in (made(), pickle.loads(pickle.dumps(made()))):
        assert codec.decode(codec.encode([None] * 2)) == [None] * 2
        with pytest.raises(ValueError, match="empty_items"):
            codec.encode([None] * 3)
    with pytest.raises(ConfigError, match=r"limits are safecodec.avro.Limits, not int"):
        Codec(NULLS, subject="s", version=1, environment="test", limits=9)  # type: ignore[call-overload]


def test_limits_are_copied_with_a_schema() -> None:
    """A copied or pickled schema keeps its limits."""
    schema = Schema(NULLS, limits=Limits(depth=3))
    for other in (copy.copy(schema), pickle.loads(pickle.dumps(schema))):
        assert other.limits == schema.limits


MANY = [f"S{at}" for at in range(9)]


@pytest.mark.parametrize(
    ("limit", "source", "path"),
    [
        ("nodes", [{"type": "record", "name": "R", "fields": [{"name": f"f{at}", "type": "int"} for at in range(9)]}],
         "$[0].fields[6].type"),
        ("name", {"type": "enum", "name": "N" * 9, "symbols": []}, "$.name"),
        ("name", {"type": "enum", "name": "N", "namespace": "n" * 9, "symbols": []}, "$.namespace"),
        ("name", {"type": "enum", "name": "NNNN", "namespace": "nnnn", "symbols": []}, "$.name"),
        ("name", {"type": "enum", "name": "N", "symbols": ["S" * 9]}, "$.symbols"),
        ("name", {"type": "fixed", "name": "N", "size": 1, "aliases": ["A" * 9]}, "$.aliases"),
        ("name", {"type": "record", "name": "R", "fields": [{"name": "f" * 9, "type": "int"}]}, "$.fields[0].name"),
        ("symbols", {"type": "enum", "name": "N", "symbols": MANY}, "$.symbols"),
        ("branches", ["int"] * 9, "$"),
        ("branches", {"type": "fixed", "name": "N", "size": 1, "aliases": MANY}, "$.aliases"),
    ],
)  # fmt: skip
def test_counts_of_schemas(limit: str, source: Any, path: str) -> None:
    """A schema beyond a limit is refused by its name and where it is, as a text and as a dict."""
    for one in (source, json.dumps(source)):
        with pytest.raises(SchemaError, match=f"the limit {limit} allows, which is 8") as caught:
            Schema(one, limits=Limits(**{limit: 8}))
        assert caught.value.path == path


class Colour(enum.Enum):
    """More symbols than one."""

    RED = "red"
    GREEN = "green"


class Long(TypedDict):
    """A name and a field of more than four characters."""

    field: int


class Shop(TypedDict):
    """A field of more than four characters."""

    field: int


@pytest.mark.parametrize(
    ("limit", "most", "type_", "path"),
    [
        ("nodes", 2, tuple[int, int], "$"),
        ("name", 3, Long, "$"),
        ("name", 4, Shop, "$.field"),
        ("name", 6, Literal["longer than six"], "$"),
        ("symbols", 1, Colour, "$"),
        ("symbols", 1, Literal["a", "b"], "$"),
        ("branches", 1, int | None, "$"),
    ],
)
def test_counts_of_types(limit: str, most: int, type_: Any, path: str) -> None:
    """A Python type has the limits of the schema that it stands for."""
    with pytest.raises(SchemaError, match=f"the limit {limit} allows, which is {most}") as caught:
        Schema(type_, limits=Limits(**{limit: most}))
    assert caught.value.path == path


def doubled(times: int, bottom: Any) -> Any:
    """A list that holds one list twice, which holds one list twice: 2**times ways to the bottom."""
    for _ in range(times):
        bottom = [bottom, bottom]
    return bottom


def in_itself() -> Any:
    """A schema that is a part of itself."""
    source: dict[str, Any] = {"type": "array"}
    source["items"] = source
    return source


@pytest.mark.parametrize(
    "source",
    [
        {"type": "int", "doc": doubled(100, "x")},
        {"type": "int", "safecodec.bounds": doubled(100, "x")},
        {"type": "record", "name": "R", "fields": [{"name": "f", "type": "int", "default": doubled(100, 1)}]},
        {"type": "enum", "name": "E", "symbols": doubled(100, "x")},
        ["x" * 5000] * 9,
        doubled(300, "int"),
    ],
)
def test_a_dict_is_as_large_as_its_text(source: Any) -> None:
    """Parts that a dict or list shares count wherever they stand."""
    with pytest.raises(SchemaError, match="the limit schema_text"):
        Schema(source, limits=Limits(schema_text=10_000))


def test_a_schema_in_itself_is_too_deep() -> None:
    """A dict that holds itself is refused by the limit that it crosses first."""
    with pytest.raises(SchemaError, match="the limit schema_depth"):
        Schema(in_itself())


def paired(levels: int) -> Any:
    """A tuple that holds one tuple twice, which holds one tuple twice: 2**levels ways to the bottom."""
    type_: Any = int
    for _ in range(levels):
        type_ = tuple[type_, type_]
    return type_


def test_a_type_that_doubles_is_too_large() -> None:
    """A Python type that holds another twice, and so on, is refused before it is looked into to the end."""
    with pytest.raises(SchemaError, match="the limit nodes allows, which is 65536"):
        Schema(paired(50))


@dataclass
class Growing(Generic[T]):
    """A class that holds itself with twice its argument."""

    x: Growing[tuple[T, T]] | None


class GrowingStruct(msgspec.Struct, Generic[T]):
    """A Struct that holds itself with twice its argument, once in a list of its own."""

    x: GrowingStruct[Callable[[T, T], T]] | None


@pytest.mark.parametrize("type_", [Growing[int], GrowingStruct[int], Growing])
def test_a_type_that_grows_is_bounded(type_: Any) -> None:
    """A generic type whose argument doubles wherever it holds itself is refused before the argument is hashed."""
    with pytest.raises(SchemaError, match="generic types are made of more than 8 types for each of the 1000 nodes"):
        Schema(type_, limits=Limits(nodes=1000))


def nested_list(levels: int) -> Any:
    """A type that nests deeper than the stack, though its text has no name to begin with."""
    type_: Any = int | None
    for _ in range(levels):
        type_ = list[type_] | None
    return type_


class Unspelled:
    """A value whose text cannot be had."""

    def __repr__(self) -> str:
        raise LookupError


@pytest.mark.parametrize(
    ("type_", "reason"),
    [
        (nested_list(1200), r"the type UnionType\[\.\.\.\] cannot be looked into"),
        (types.GenericAlias(dict, (paired(22),) * 3), r"dict\[\.\.\.\] is made with 3 types"),
        (types.GenericAlias(dict, (int,)), r"dict\[int\] is made with 1 types"),
        (types.GenericAlias(dict, (Unspelled(),)), "an object of GenericAlias is made with 1 types"),
        (Callable[[paired(22)], int], "the type Callable has no schema"),
    ],
)
def test_a_refused_type_is_spelled_only_so_far(type_: Any, reason: str) -> None:
    """However large a type's text is, and whether or not it can be had, the error is one of ours."""
    with pytest.raises(SchemaError, match=reason):
        Schema(type_)


class Nested(msgspec.Struct):
    inner: Nested | msgspec.UnsetType = msgspec.UNSET


def test_the_mark_of_a_missing_field_is_no_level() -> None:
    """What may be read may be skipped: at the limit depth a field may be missing in both."""
    limits = Limits(depth=2)
    schema = Schema(Nested, limits=limits)
    walk = Walk(schema.root, limits)
    data = schema.encode(Nested(Nested()))
    assert schema.decode(data) == Nested(Nested())
    walk.check(data)
    with pytest.raises(PayloadError, match="depth"):
        walk.check(Schema(Nested).encode(Nested(Nested(Nested()))))


@pytest.mark.parametrize(
    ("items", "least"), [("double", 8), ("float", 4), ({"type": "fixed", "name": "F", "size": 3}, 3)]
)
def test_a_block_has_the_items_that_it_announces(items: Any, least: int) -> None:
    """More items than the bytes that follow can hold are refused before room is made for them, read or skipped."""
    schema = Schema({"type": "array", "items": items})
    data = bytes([2 * 9]) + bytes(9 * least - 1)
    for read in (schema.decode, Walk(schema.root, Limits()).check):
        with pytest.raises(PayloadError, match="9 items are announced"):
            read(data)
        with pytest.raises(PayloadError, match="9 items are announced"):
            read(bytes([2 * 9]) + bytes(10))


@pytest.mark.parametrize("type_", ["double", "float", {"type": "fixed", "name": "F", "size": 3}, "bytes", "string"])
def test_what_is_skipped_is_there(type_: Any) -> None:
    """A value that is cut off is refused where it is skipped, and where bytes may be left over behind the payload."""
    schema = Schema({"type": "record", "name": "R", "fields": [{"name": "f", "type": type_}]})
    none = Schema({"type": "record", "name": "R", "fields": []})
    data = schema.encode({"f": {"double": 1.5, "float": 1.5, "string": "abc"}.get(str(type_), b"abc")})
    for prefix in (False, True):
        walk = partial(Walk(schema.root, Limits()).check, prefix=prefix)
        plan = compile.decoder(schema, none, prefix=prefix).decode
        walk(data)
        assert plan(data) == {}
        for size in range(len(data)):
            for read in (walk, plan):
                with pytest.raises(PayloadError, match=r"announced|cut off"):
                    read(data[:size])


@pytest.mark.parametrize("outer", ["map", "array", "record"])
@pytest.mark.parametrize("inner", ["map", "array", "record"])
def test_depth_is_that_of_every_container(outer: str, inner: str) -> None:
    """Each kind of container in each other is a level, read, written and skipped."""

    def holder(kind: str, part: Any, name: str) -> Any:
        if kind == "record":
            return {"type": "record", "name": name, "fields": [{"name": "f", "type": part}]}
        return {"type": kind, {"map": "values", "array": "items"}[kind]: part}

    source = holder(outer, holder(inner, "int", "Inner"), "Outer")
    value: Any = 1
    for kind in (inner, outer):
        value = [value] if kind == "array" else {"f": value}
    data = Schema(source).encode(value)
    for depth in (0, 1):
        schema = Schema(source, limits=Limits(depth=depth))
        for call in (lambda one=schema: one.decode(data), lambda one=schema: Walk(one.root, one.limits).check(data)):
            with pytest.raises(PayloadError, match=f"the limit depth is {depth}"):
                call()
        with pytest.raises(EncodeError, match=f"the limit depth is {depth}"):
            schema.encode(value)
    assert Schema(source, limits=Limits(depth=2)).decode(data) == value
