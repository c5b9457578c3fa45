"""How objects of each kind of class are made and read: with their own code honoured, and with defaults made anew."""

from __future__ import annotations

import dataclasses
import gc
import weakref
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, NotRequired, TypedDict, TypeVar

import attrs
import msgspec
import pytest

from safecodec import PayloadError
from safecodec.avro import Schema
from safecodec.avro.classes import offsets_of, shape_of
from safecodec.avro.hints import RecordHint, hint_of
from safecodec.avro.reference import ReferenceEncoder, ReferencePlan

T = TypeVar("T")
OLD = {"type": "record", "name": "R", "fields": [{"name": "x", "type": "long"}]}


@dataclasses.dataclass
class Plain:
    """A dataclass."""

    x: int
    y: list[int] = dataclasses.field(default_factory=lambda: [1])
    z: str = "z"


@dataclasses.dataclass(slots=True, frozen=True)
class Slotted:
    """A frozen dataclass with slots."""

    x: int
    y: list[int] = dataclasses.field(default_factory=lambda: [1])
    z: str = "z"


@dataclasses.dataclass
class Checked:
    """A dataclass with a check, and with a field that the constructor does not take."""

    x: int
    z: str = "z"
    double: int = dataclasses.field(init=False, default=0)

    def __post_init__(self) -> None:
        if self.x < 0:
            raise ValueError("x is negative")
        self.double = 2 * self.x


@dataclasses.dataclass
class Own:
    """A dataclass with a __new__ of its own."""

    x: int
    z: str = "z"
    y: list[int] = dataclasses.field(default_factory=lambda: [1])

    def __new__(cls, **more: Any) -> Own:
        """Make one that says how it was made."""
        made = super().__new__(cls)
        made.__dict__["seen"] = sorted(more)
        return made


class Meta(type):
    """A metaclass that counts."""

    calls = 0

    def __call__(cls, *args: Any, **more: Any) -> Any:
        """Count and make."""
        Meta.calls += 1
        return super().__call__(*args, **more)


@dataclasses.dataclass
class Counted(metaclass=Meta):
    """A dataclass whose metaclass makes it."""

    x: int
    z: str = "z"


@attrs.define
class Attrs:
    """An attrs class with slots."""

    x: int
    y: list[int] = attrs.Factory(lambda: [1])
    z: str = "z"


@attrs.define(slots=False)
class Open:
    """One without, and with a step at the end."""

    x: int
    z: str = "z"

    def __attrs_post_init__(self) -> None:
        self.z += "!"


def absolute(value: int) -> int:
    """A converter."""
    return abs(value)


@attrs.define
class Converted:
    """One that converts and checks, and calls a field otherwise."""

    x: int = attrs.field(converter=absolute)
    _z: str = attrs.field(default="z", validator=attrs.validators.max_len(3))


class Tuple(NamedTuple):
    """A NamedTuple."""

    x: int
    z: str = "z"


class Renamed(msgspec.Struct, rename="upper", kw_only=True):
    """A Struct with other names on the wire, made by keywords."""

    x: int
    y: list[int] = []
    z: str = "z"


class Post(msgspec.Struct, frozen=True):
    """A Struct with a check."""

    x: int

    def __post_init__(self) -> None:
        if self.x < 0:
            raise TypeError("no such x")


class Made(msgspec.Struct):
    """A Struct with a __new__ of its own: it is called."""

    x: int
    z: str = "z"


class Options(TypedDict):
    """A TypedDict."""

    x: int
    z: NotRequired[str]


class Box(msgspec.Struct, Generic[T]):
    """A generic Struct."""

    x: T


@dataclasses.dataclass
class Pair(Generic[T]):
    """A generic dataclass."""

    x: T
    y: list[T]


VALUES: list[tuple[Any, Any, str]] = [
    (Plain, Plain(1, [2], "a"), "attributes"),
    (Slotted, Slotted(1, [2], "a"), "slots"),
    (Checked, Checked(1, "a"), "attributes"),
    (Own, Own(x=1, z="a"), "call"),
    (Counted, Counted(1, "a"), "call"),
    (Attrs, Attrs(1, [2], "a"), "slots"),
    (Open, Open(1, "a"), "attributes"),
    (Converted, Converted(1, "a"), "call"),
    (Tuple, Tuple(1, "a"), "tuple"),
    (Renamed, Renamed(x=1, y=[2], z="a"), "slots"),
    (Post, Post(1), "slots"),
    (Made, Made(1, "a"), "slots"),
    (Box[int], Box(1), "slots"),
    (Pair[str], Pair("a", ["b"]), "attributes"),
]


@pytest.mark.parametrize(("type_", "value", "how"), VALUES, ids=lambda one: getattr(one, "__name__", str(one))[:20])
def test_objects_come_out_as_they_went_in(type_: Any, value: Any, how: str) -> None:
    """Every kind of class is written and read, and made in the way that its own code asks for."""
    schema = Schema(type_)
    data = schema.encode(value)
    found = schema.decode(data)
    if type_ is Open:
        assert found.z == value.z + "!"
    else:
        assert found == value
    assert type(found) is type(value)
    hint = hint_of(type_)
    assert isinstance(hint, RecordHint)
    assert shape_of(hint).how == how
    assert (None in offsets_of(hint).values()) is (how in ("attributes", "call") and type_ is not Converted)
    plain = Schema(schema.json)
    assert plain.encode(plain.decode(data)) == data


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        (Plain, Plain(7)),
        (Slotted, Slotted(7)),
        (Checked, Checked(7)),
        (Own, Own(x=7)),
        (Attrs, Attrs(7)),
        (Converted, Converted(7)),
        (Tuple, Tuple(7)),
        (msgspec.defstruct("S", [("x", int), ("y", list[int], msgspec.field(default_factory=list))]), None),
        (Options, {"x": 7}),
    ],
    ids=lambda one: getattr(one, "__name__", "")[:20],
)
def test_defaults_are_the_class_s_own(type_: Any, expected: Any) -> None:
    """What an older writer did not have is what the class itself would have filled in, made anew each time."""
    data = b"\x0e"
    first, second = (Schema(OLD).decode(data, type=type_) for _ in range(2))
    assert first == second == (type_(7) if expected is None else expected)
    if hasattr(first, "y"):
        assert first.y is not second.y


@pytest.mark.parametrize(
    ("type_", "words"),
    [
        (Checked, "ValueError: x is negative"),
        (Post, "TypeError: no such x"),
        (Converted, "ValueError: Length of"),
    ],
)
def test_a_class_s_own_checks_refuse(type_: Any, words: str) -> None:
    """A ValueError or TypeError of a class's own code is a refusal with its place, and with the error as its cause."""
    schema = Schema({"type": "array", "items": Schema(type_).json})
    record = {"x": -1, "z": "long", "double": 0, "_z": "long"}
    names = [field["name"] for field in Schema(type_).json["fields"]]
    data = schema.encode([{name: record[name] for name in names}])
    with pytest.raises(PayloadError) as caught:
        schema.decode(data, type=list[type_])
    assert words in caught.value.reason
    assert caught.value.path == "$[0]"
    assert caught.value.__cause__ is not None


def test_a_factory_s_own_error() -> None:
    """What a default's factory raises is a refusal, too."""

    def fail() -> list[int]:
        raise ValueError("no default")

    made = dataclasses.make_dataclass("Made", [("x", int), ("y", list[int], dataclasses.field(default_factory=fail))])
    with pytest.raises(PayloadError, match="ValueError: no default"):
        Schema(OLD).decode(b"\x0e", type=made)


DEFAULTS: list[tuple[Any, Any, Any]] = [
    ({"type": "array", "items": "float"}, [1, 2.5], [1.0, 2.5]),
    ({"type": "array", "items": "long"}, [], []),
    ({"type": "map", "values": "double"}, {"k": 1}, {"k": 1.0}),
    ({"type": "fixed", "name": "F", "size": 2}, "a\xff", b"a\xff"),
    ({"type": "enum", "name": "E", "symbols": ["A", "B"]}, "B", "B"),
    ("boolean", True, True),
    ("float", 1, 1.0),
    (["null", "long"], 7, 7),
    ({"type": "record", "name": "I", "fields": [{"name": "a", "type": "long"}]}, {"a": 1}, {"a": 1}),
]


@pytest.mark.parametrize(("node", "default", "expected"), DEFAULTS)
@pytest.mark.parametrize("engine", ["compiled", "reference"])
def test_a_schema_s_defaults(node: Any, default: Any, expected: Any, engine: str) -> None:
    """A field's default is read where the writer has no such field, and written where a value lacks it."""
    field = {"name": "f", "type": node, "default": default}
    full, empty = (Schema({"type": "record", "name": "R", "fields": fields}) for fields in ([field], []))
    read: Callable[[bytes], Any] = ReferencePlan(empty, full).decode
    write: Callable[[Any], bytes] = ReferenceEncoder(full, full).encode
    if engine == "compiled":
        read, write = lambda data: empty.decode(data, reader=full), full.encode
    first, second = read(b""), read(b"")
    assert first == second == {"f": expected}
    assert first["f"] is not second["f"] or not isinstance(first["f"], (list, dict))
    assert full.decode(write({})) == {"f": expected}


class Single(msgspec.Struct, weakref=True):
    """A Struct with a number."""

    x: int
    z: str | None = "z"


class Listed(msgspec.Struct):
    """One with a list."""

    x: int
    y: list[int] = []


class Posted(msgspec.Struct):
    """One with code of its own."""

    x: int

    def __post_init__(self) -> None:
        pass


class Loose(msgspec.Struct, dict=True):
    """One with a dict beside its fields."""

    x: int


def test_the_collector_looks_at_containers_only() -> None:
    """A Struct that holds no container is not shown to the garbage collector, and is from when one is set in it."""
    made = Schema(OLD).decode(b"\x0e", type=Single)
    assert not gc.is_tracked(made)
    made.x = [made]  # type: ignore[assignment]
    assert gc.is_tracked(made)
    gone = weakref.ref(made)
    del made
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("type_", [Plain, Slotted, Listed, Posted, Loose])
def test_the_collector_looks_at_what_may_hold_containers(type_: Any) -> None:
    """Where a class does not tell of containers, or there is one, or its own code ran, the collector looks."""
    assert gc.is_tracked(Schema(OLD).decode(b"\x0e", type=type_))
