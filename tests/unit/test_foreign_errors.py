"""Exceptions of code that is not ours, by one rule: a ValueError or TypeError is a verdict, any other passes."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import attrs
import msgspec
import pytest

from safecodec import Codec, pack
from safecodec.avro import Schema, logical, reference
from safecodec.avro.describing import nests_too_deep
from safecodec.avro.logical import put_long
from safecodec.errors import EncodeError, PayloadError
from safecodec.payload.verdicts import nests_deep

WAYS = [("avro", "compiled"), ("avro", "fastavro"), ("msgpack", "compiled"), ("json", "compiled")]
each_way = pytest.mark.parametrize(("payload", "engine"), WAYS, ids=["compiled", "fastavro", "msgpack", "json"])


class Abort(BaseException):
    """One that is no Exception."""


class Wrong(ValueError):
    """A subclass."""


ERRORS = [
    Wrong("wrong"), UnicodeError("text"), TypeError("type"), KeyError("key"), MemoryError("memory"),
    TimeoutError("time"), RuntimeError("run"), RecursionError("deep"), OverflowError("much"), ArithmeticError("sum"),
    KeyboardInterrupt("stop"), SystemExit(3), Abort("abort"), ExceptionGroup("several", [ValueError("one")]),
    AssertionError("no"), StopAsyncIteration(),
    msgspec.ValidationError("no - at `$.forged`"),
]  # fmt: skip
each_error = pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)

armed: list[BaseException] = []


def fail() -> None:
    """Raise what is armed."""
    if armed:
        raise armed[0]


def filled() -> list[int]:
    """Make a default."""
    fail()
    return []


def outcome(call: Callable[[], Any], error: BaseException) -> BaseException:
    """What a call raises while an error is armed."""
    armed.append(error)
    try:
        call()
    except BaseException as found:
        return found
    finally:
        armed.clear()
    raise AssertionError("nothing was raised")


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and those that it comes of."""
    while error is not None:
        yield error
        error = error.__cause__


def demand_rule(verdict: type[Exception], call: Callable[[], Any], error: BaseException) -> None:
    """The rule: a verdict that the error caused, or the error itself."""
    found = outcome(call, error)
    if isinstance(error, (ValueError, TypeError)):
        assert type(found) is verdict
        assert error in list(causes(found))[1:]
    else:
        assert found is error


# ---- reading -----------------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Posted:
    """A dataclass that checks itself."""

    x: int

    def __post_init__(self) -> None:
        fail()


class Struct(msgspec.Struct):
    """A Struct that checks itself."""

    x: int

    def __post_init__(self) -> None:
        fail()


@attrs.define
class Validated:
    """An attrs class with a validator."""

    x: int = attrs.field(validator=lambda *_: fail())


@dataclasses.dataclass
class Defaulted:
    """A dataclass whose later field has a factory."""

    x: int
    y: list[int] = dataclasses.field(default_factory=filled)


class Old(msgspec.Struct):
    """What was written before: the same bytes, or a field less."""

    x: int


class Wider(msgspec.Struct):
    """What was written with another type."""

    x: int
    z: str = ""


READERS = [Posted, Struct, Validated, Defaulted]


@each_error
@each_way
@pytest.mark.parametrize("type_", READERS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("older", [Old, Wider], ids=lambda one: one.__name__)
def test_hooks_while_reading(type_: Any, older: Any, payload: Any, engine: Any, error: BaseException) -> None:
    """While a payload is read, a type's own code raises what it wants, by every way in."""
    written = Codec(older, subject="s", version=1, payload=payload, environment="test").encode(older(1))
    made = Codec(type_, subject="s", version=2, older={1: older}, payload=payload, engine=engine, environment="test")
    demand_rule(PayloadError, lambda: made.decode(written), error)
    demand_rule(PayloadError, lambda: made.reader(type_).decode(written), error)
    demand_rule(PayloadError, lambda: made.decode_many([written]), error)


@each_error
@each_way
def test_hooks_while_reading_off_the_loop(payload: Any, engine: Any, error: BaseException) -> None:
    """An exception in a pool's thread is raised where it is awaited; asyncio takes two for its loop's own."""
    if isinstance(error, (KeyboardInterrupt, SystemExit)):
        return
    made = Codec(Struct, subject="s", version=1, payload=payload, engine=engine, environment="test", loop_budget=1e-9)
    frame = made.encode(Struct(1))
    demand_rule(PayloadError, lambda: asyncio.run(made.adecode(frame)), error)


@each_error
def test_hooks_while_a_newer_version_is_read(error: BaseException) -> None:
    """So it is with the decoder of versions that are not known."""
    newer = Codec(Wider, subject="s", version=2, older={1: Old}, payload="json", environment="test")
    known = Codec(Struct, subject="s", version=1, payload="json", environment="test")
    demand_rule(PayloadError, lambda: known.decode(newer.encode(Wider(1))), error)


# ---- writing -----------------------------------------------------------------------------------------------------


class Property:
    """An object whose field is a property."""

    @property
    def f(self) -> int:
        fail()
        return 1


class Iterated(tuple[int, ...]):
    """A tuple with an iterator of its own."""

    def __iter__(self) -> Iterator[int]:
        fail()
        return super().__iter__()


class Entries(Mapping[str, int]):
    """A mapping of its own."""

    def __iter__(self) -> Iterator[str]:
        fail()
        return iter(("f",))

    def __getitem__(self, key: str) -> int:
        return 1

    def __len__(self) -> int:
        return 1


class Key(str):
    """A key that looks like another until it is compared."""

    __slots__ = ()

    def __hash__(self) -> int:
        return hash("f")

    def __eq__(self, other: object) -> bool:
        fail()
        return str.__eq__(self, other)


class Sized(str):
    """A text without a length."""

    __slots__ = ()

    def __len__(self) -> int:
        fail()
        return 1


RECORD: dict[str, Any] = {"type": "record", "name": "R", "fields": [{"name": "f", "type": "int"}]}
WRITTEN: list[tuple[str, Any, Any]] = [
    ("property", RECORD, Property()),
    ("items", {"type": "array", "items": "int"}, Iterated((1, 2))),
    ("entries", {"type": "map", "values": "int"}, Entries()),
    ("record", RECORD, Entries()),
    ("key", RECORD, {Key("f"): 1}),
    ("union", ["null", RECORD], Property()),
]


@each_error
@each_way
@pytest.mark.parametrize(("schema", "value"), [case[1:] for case in WRITTEN], ids=[case[0] for case in WRITTEN])
def test_hooks_while_writing(schema: Any, value: Any, payload: Any, engine: Any, error: BaseException) -> None:
    """While a value is written, its own code raises what it wants."""
    whole: dict[str, Any] = {"type": "record", "name": "O", "fields": [{"name": "outer", "type": schema}]}
    made = Codec(whole, subject="s", version=1, payload=payload, engine=engine, environment="test")
    made.encode({"outer": value})
    demand_rule(EncodeError, lambda: made.encode({"outer": value}), error)


@dataclasses.dataclass
class Looked:
    """A dataclass whose field msgspec reads first, which takes any error for a field that is not there."""

    x: float | None

    def __getattribute__(self, name: str) -> Any:
        if name == "x":
            asked.append(name)
            if len(asked) > 1:
                fail()
        return super().__getattribute__(name)


asked: list[str] = []


@each_error
def test_hooks_while_json_is_looked_at(error: BaseException) -> None:
    """Where JSON has a null, a value's floats are looked at: the rule holds for its own code there."""
    made = Codec(Looked, subject="s", version=1, payload="json", environment="test")
    assert made.decode(made.encode(Looked(None))).x is None
    with pytest.raises(EncodeError, match="has no JSON form"):
        made.encode(Looked(float("nan")))
    asked.clear()
    demand_rule(EncodeError, lambda: made.encode(Looked(None)), error)


@each_error
@each_way
def test_hooks_of_an_older_version(payload: Any, engine: Any, error: BaseException) -> None:
    """So it is where an older version is written."""
    nested: dict[str, Any] = {"type": "record", "name": "O", "fields": [{"name": "outer", "type": RECORD}]}
    later: dict[str, Any] = {**nested, "fields": [*nested["fields"], {"name": "more", "type": "int", "default": 0}]}
    made = Codec(
        later, subject="s", version=2, older={1: nested}, write_version=1, payload=payload, engine=engine,
        environment="test",
    )  # fmt: skip
    demand_rule(EncodeError, lambda: made.encode({"outer": Property()}), error)


# ---- depth -------------------------------------------------------------------------------------------------------


class Chain(msgspec.Struct):
    """A list of nodes."""

    next: Chain | None = None


def at_the_end_of_the_stack(call: Callable[[], Any]) -> Any:
    """Call with hardly any stack left."""
    try:
        return at_the_end_of_the_stack(call)
    except RecursionError:
        pass
    return call()


def deep(levels: int) -> Chain:
    """A long list."""
    found = Chain()
    for _ in range(levels):
        found = Chain(found)
    return found


def framed(made: Codec[Any], payload: bytes) -> bytes:
    """A frame of a codec's around a payload."""
    return pack(
        payload, format=made.payload, subject="s", version=1, fingerprint=made.fingerprint(), environment="test"
    )


def raised(call: Callable[[], Any]) -> type[BaseException] | None:
    """The class of what a call raises."""
    try:
        call()
    except BaseException as error:
        return type(error)
    return None


PAYLOADS = {
    "json": (b'{"next":' * 5000, b"null" + b"}" * 5000),
    "msgpack": (b"\x81\xa4next" * 5000, b"\xc0"),
}


@pytest.mark.parametrize("payload", PAYLOADS)
def test_depth_is_of_the_data_or_of_the_caller(payload: Any) -> None:
    """A RecursionError is a verdict where payload or value nest deep, and the caller's where they do not."""
    made = Codec(Chain, subject="s", version=1, payload=payload, environment="test")
    with pytest.raises(PayloadError, match="the value nests too deep"):
        made.decode(framed(made, b"".join(PAYLOADS[payload])))
    looped = Chain()
    looped.next = looped
    with pytest.raises(EncodeError, match="the value nests too deep"):
        made.encode(looped)
    few = deep(50)
    frame = made.encode(few)
    assert raised(lambda: made.decode(frame)) is None
    assert raised(lambda: at_the_end_of_the_stack(lambda: made.decode(frame))) in (RecursionError, None)
    assert raised(lambda: at_the_end_of_the_stack(lambda: made.encode(few))) in (RecursionError, None)


class Number(msgspec.Struct):
    """A type whose JSON is looked at."""

    x: float
    text: str = ""


def test_what_msgspec_does_not_write() -> None:
    """A text without a UTF-8 form is a verdict where JSON is looked at behind msgspec, too."""
    made = Codec(Number, subject="s", version=1, payload="json", environment="test")
    with pytest.raises(EncodeError, match="surrogates not allowed"):
        made.encode(Number(1.0, "\ud800"))


@pytest.mark.parametrize("engine", ["compiled", "fastavro"])
def test_depth_of_what_is_carried(engine: Any) -> None:
    """So it is with MessagePack within Avro."""
    made = Codec(dict[str, Any], subject="s", version=1, engine=engine, environment="test")
    good = made.encode({"a": [[1]]})
    carried = b"\x91" * 5000 + b"\xc0"
    payload = good[32:].replace(b"\x06\x91\x91\x01", put_long(len(carried)) + carried)
    with pytest.raises(PayloadError, match="the carried MessagePack does not decode"):
        made.decode(framed(made, payload))
    assert raised(lambda: at_the_end_of_the_stack(lambda: made.decode(good))) in (RecursionError, None)


def json_of(depth: int) -> bytes:
    """Lists and objects in turn, with texts that hold brackets."""
    return b'["[[\\"[[",{"]":' * (depth // 2) + b"1" + b"}]" * (depth // 2)


LEAVES: list[Any] = [
    None, True, 1, -1, 200, 2**15, 2**31, 2**63, -200, -(2**15), -(2**31), -(2**63), 0.5, "a", "a" * 40, "a" * 300,
    "a" * 70_000, b"b", b"b" * 300, b"b" * 70_000, msgspec.msgpack.Ext(1, b"e"), msgspec.msgpack.Ext(1, b"e" * 2),
    msgspec.msgpack.Ext(1, b"e" * 3), msgspec.msgpack.Ext(1, b"e" * 16), msgspec.msgpack.Ext(1, b"e" * 300),
    msgspec.msgpack.Ext(1, b"e" * 70_000), list(range(20)), {str(at): at for at in range(20)},
]  # fmt: skip


def test_the_depth_of_payloads() -> None:
    """How deep a payload nests is counted as its format has it, whatever stands before and behind."""
    for depth in (2, 6):
        assert nests_deep(b" \n" + json_of(depth), depth - 1)
        assert not nests_deep(json_of(depth), depth)
        for leaf in LEAVES:
            value: Any = []
            for _ in range(depth - 1):
                value = [leaf, {"k": value}] if isinstance(value, list) else [value, leaf]
            levels = nesting(value)
            payload = msgspec.msgpack.encode(value)
            assert nests_deep(payload, levels - 1)
            assert not nests_deep(payload, levels)
    for wide in (b"\xdd\0\0\0\1", b"\xdf\0\0\0\1\xc0", b"\xde\0\1\xc0"):
        assert nests_deep(wide * 5 + b"\x91\xc0", 5)
        assert not nests_deep(wide * 5 + b"\x91\xc0", 6)
    for cut in range(len(payload := msgspec.msgpack.encode([[1, "abc"], {"k": [0.5]}]))):
        assert not nests_deep(payload[:cut], 3)


def nesting(value: Any) -> int:
    """How many containers a leaf stands in at most."""
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(nesting, value), default=0) if isinstance(value, list) else 0


def of_module(name: str, source: str) -> Any:
    """The function ``call`` of a module of that name."""
    space: dict[str, Any] = {"__name__": name}
    exec(source, space)
    return space["call"]


@pytest.mark.parametrize(
    ("middle", "last", "deep"),
    [("abc", "safecodec.avro", True), ("safecodec.avro", "abc", True), ("app", "abc", False), ("abc", "app", False)],
)
def test_whose_calls_stand_on_the_stack(middle: str, last: str, deep: bool) -> None:
    """A value nests too deep where no code of a type runs; the standard library's may be at either's end."""
    catch = of_module(
        "safecodec.payload", "def call(f):\n  try:\n    f()\n  except RecursionError as error:\n    return error\n"
    )
    one = of_module(last, "def call():\n  raise RecursionError\n")
    two = of_module(middle, "def call(f):\n  f()\n")
    assert nests_too_deep(catch(lambda: two(one))) is False  # the lambda is this module's
    assert nests_too_deep(catch(partial(two, one))) is deep


def test_a_caller_without_stack_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no stack is left for any value, the RecursionError of a deep one passes in each engine's Python code."""
    monkeypatch.setattr(reference, "nests_too_deep", lambda _: False)
    schema = Schema({"type": "record", "name": "R", "fields": [{"name": "f", "type": ["null", "R"]}]})
    value: Any = None
    for _ in range(5000):
        value = {"f": value}
    with pytest.raises(RecursionError):
        reference.ReferenceEncoder(schema, schema).encode(value)
    monkeypatch.setattr(logical, "nests_too_deep", lambda _: False)
    carried = Schema({"type": "bytes", "logicalType": "safecodec-msgpack"})
    with pytest.raises(RecursionError):
        carried.decode(put_long(20_001) + b"\x91" * 20_000 + b"\xc0")
