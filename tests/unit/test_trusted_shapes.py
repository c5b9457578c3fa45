"""Objects, classes and schemas that are not shaped as compiled code expects: each is refused before it is indexed."""

from __future__ import annotations

import json
import os
import sys
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypedDict

import pytest

from processes import said
from safecodec.avro import Limits, Schema
from safecodec.avro._decoder import Plan, Walk
from safecodec.avro._encoder import Encoder
from safecodec.avro._slots import is_collected, slot_offset
from safecodec.avro.classes import shape_of
from safecodec.avro.hints import RecordHint
from safecodec.avro.resolve import Identity
from safecodec.avro.sources import Sources
from safecodec.avro.targets import Targets
from safecodec.errors import ConfigError, EncodeError


class Pair(NamedTuple):
    a: int
    b: str


class Number(int):
    """Passes for a Pair, and has two digits of 30 bits where a tuple has its size."""

    __class__ = Pair  # type: ignore[assignment]


class Posing:
    __class__ = Pair  # type: ignore[assignment]


@pytest.mark.parametrize(
    "value",
    [tuple.__new__(Pair, ()), tuple.__new__(Pair, (1,)), tuple.__new__(Pair, (1, "b", 2)), Number(2**40), Posing(), 1],
    ids=["empty", "short", "long", "number", "posing", "other"],
)
def test_only_tuples_of_the_right_size_are_indexed(value: Any) -> None:
    """A named tuple of another size than its class's, or an object that passes for one, is no value."""
    for schema, one in ((Schema(Pair), value), (Schema(list[Pair]), [value]), (Schema(Pair | None), value)):
        with pytest.raises(EncodeError):
            schema.encode(one)
    assert Schema(Pair).encode(Pair(1, "b")) == b"\2\2b"


POSING = """
import sys

from safecodec.avro import Schema
from safecodec.errors import EncodeError

for base in (int, bytes, float, object, list, tuple, dict):
    for posed, schema in ((str, "string"), (bytes, "bytes"), (bytearray, "bytes"), (memoryview, "bytes"), (int, "long"),
                          (float, "double"), (dict, {"type": "map", "values": "int"}), (set, set[int]),
                          (list, {"type": "array", "items": "int"}), (tuple, tuple[int, str]), (dict, dict[int, int]),
                          (dict, ["null", {"type": "record", "name": "R", "fields": [{"name": "f", "type": "int"}]},
                                  {"type": "record", "name": "S", "fields": [{"name": "g", "type": "int"}]}])):
        if issubclass(base, posed):
            continue
        value = type("Posing", (base,), {"__class__": property(lambda _, posed=posed: posed)})()
        try:
            Schema(schema).encode(value)
        except EncodeError:
            pass
"""


def test_objects_that_pass_for_others_are_refused() -> None:
    """A value whose ``__class__`` says that it is another builtin's is refused, or read by its own methods."""
    assert said(POSING) == ""


# ---- dicts and lists with methods of their own -------------------------------------------------------------------


class Long(dict[str, Any]):
    def __len__(self) -> int:
        return 10**9


class Short(dict[str, Any]):
    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[str]:
        return iter(["a"])

    def keys(self) -> Any:
        return ["a"]


class Angry(dict[str, Any]):
    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("not to be walked")


class Keys(TypedDict):
    a: int


KINDS: list[Callable[[dict[str, Any]], Mapping[str, Any]]] = [
    dict, OrderedDict, Long, Short, Angry, lambda items: defaultdict(int, items),
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "schema", [Schema(Keys), Schema({"type": "record", "name": "N", "fields": [{"name": "a", "type": "long"}]})]
)
def test_subclasses_of_dict_are_records_by_their_items(
    schema: Schema, kind: Callable[[dict[str, Any]], Mapping[str, Any]]
) -> None:
    """A dict of a subclass is written by the items that it holds: unknown ones are refused as those of a dict."""
    assert schema.encode(kind({"a": 1})) == b"\2"
    with pytest.raises(EncodeError, match="no field 'b'"):
        schema.encode(kind({"a": 1, "b": 2}))
    with pytest.raises(EncodeError, match="missing"):
        schema.encode(kind({}))


class Negative(list[int]):
    def __len__(self) -> int:
        return -5


class Longer(list[int]):
    def __len__(self) -> int:
        return 10**9


class Hinted(list[int]):
    def __length_hint__(self) -> int:
        return -5

    def __iter__(self) -> Iterator[int]:
        yield 3


class Mapped(Mapping[str, int]):
    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[str]:
        return iter(["a"])

    def __getitem__(self, key: str) -> int:
        return 1


def test_lengths_that_are_not_true_do_no_harm() -> None:
    """Containers whose ``__len__`` is not the number of their items are written by their items, or refused."""
    array, values = Schema({"type": "array", "items": "int"}), Schema({"type": "map", "values": "int"})
    assert array.encode(Longer([1])) == array.encode([1])
    assert array.encode(Hinted([1])) == array.encode([3])
    with pytest.raises(EncodeError, match="__len__"):
        array.encode(Negative([1]))
    for size in (-1, 0, 10**9):
        assert values.encode(Mapped(size)) == b"\2\2a\2\0"
    assert values.encode(Long({"a": 1})) == b"\2\2a\2\0"


# ---- slots -------------------------------------------------------------------------------------------------------


class Other:
    __slots__ = tuple(f"s{at}" for at in range(40))


SLOTS = """
import sys
from dataclasses import dataclass

import msgspec

from safecodec import EncodeError, PayloadError
from safecodec.avro import Schema


class Other:
    __slots__ = tuple(f"s{at}" for at in range(400))


@dataclass(slots=True)
class Mine:
    s399: int


class Struct(msgspec.Struct):
    s399: int


for cls in (Mine, Struct):
    schema = Schema(cls)
    value = cls(1)
    whole = schema.encode(value)
    cls.s399 = Other.s399
    for what in (lambda: [Schema(cls).decode(whole) for _ in range(1000)], lambda: Schema(cls).encode(value)):
        try:
            what()
        except (EncodeError, PayloadError) as error:
            print(str(error.__cause__)[:25])
"""


def test_a_slot_of_another_class_is_not_written_to() -> None:
    """A descriptor of another class in a class's namespace is used as Python uses it, which refuses it."""
    assert said(SLOTS).splitlines() == ["descriptor 's399' for 'Ot"] * 4


def test_only_slots_of_the_class_have_offsets() -> None:
    """An offset is that of a slot of the class or of one above it, and one that may be written."""

    class Own:
        __slots__ = ("a", "b")
        s39 = Other.__dict__["s39"]

    class Below(Own):
        __slots__ = ("c",)

    offsets = [slot_offset(Own, "a"), slot_offset(Own, "b"), slot_offset(Below, "b"), slot_offset(Below, "c")]
    assert sorted({at for at in offsets if at is not None}) == [offsets[0], offsets[1], offsets[3]]
    assert slot_offset(Own, "s39") is None
    assert slot_offset(type(lambda: 0), "__closure__") is None  # read only
    assert slot_offset(StopIteration, "value") is None  # None where it was never set
    assert slot_offset(KeyError, "__suppress_context__") is None  # a byte
    for wrong in (1, None, "x"):
        with pytest.raises(TypeError, match="no class"):
            slot_offset(wrong, "a")  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="no class"):
            is_collected(wrong)  # type: ignore[arg-type]


def test_a_slot_is_that_of_the_class_by_its_descriptor_alone() -> None:
    """A slot of another class has no offset, though it would lie within the objects; nor has another descriptor."""

    class Alike:
        __slots__ = ("a", "b")

    class Own:
        __slots__ = ("a", "b", "c")
        b2 = Alike.__dict__["b"]

    # Where a descriptor of a slot has its class, this one has the class; where it has the slot, it has nothing.
    posing = property(Own)  # type: ignore[arg-type]
    del posing.__doc__
    Own.posing = posing  # type: ignore[attr-defined]
    assert slot_offset(Alike, "b") == slot_offset(Own, "b")
    assert slot_offset(Own, "b2") is None
    assert slot_offset(Own, "posing") is None


def test_a_named_tuple_with_a_new_of_its_own_is_called() -> None:
    """Where ``__new__`` was put on a named tuple's class, it makes the tuples that are read."""

    class Point(NamedTuple):
        a: int

    made = Point.__new__
    Point.__new__ = lambda cls, a: made(cls, a + 1)  # type: ignore[method-assign, assignment]
    assert Schema(Point).decode(b"\2") == (2,)
    for cls, how in ((Point, "call"), (Pair, "tuple")):
        hints = Schema(cls).hints.values()
        assert [shape_of(hint).how for hint in hints if isinstance(hint, RecordHint)] == [how]


# ---- plans of others ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Two:
    a: int
    b: int


class TwoNamed(NamedTuple):
    a: int
    b: int


class Bent(Targets):
    """Says that what one of its records is made of is something else."""

    change: dict[str, Any]

    def making(self, action: Any) -> Any:
        making = super().making(action)
        if "at" in self.change:
            return replace(making, places={**making.places, "b": replace(making.places["b"], **self.change)})
        return replace(making, **self.change)


class BentSources(Sources):
    change: dict[str, Any]

    def giving(self, action: Any) -> Any:
        giving = super().giving(action)
        if "place" in self.change:
            return replace(giving, gives=(giving.gives[0], replace(giving.gives[1], **self.change)))
        return replace(giving, **self.change)


@pytest.mark.parametrize(
    ("cls", "change"),
    [
        (Two, {"cls": Pair}),
        (Two, {"cls": 3}),
        (Two, {"cls": object}),
        (TwoNamed, {"width": 1}),
        (TwoNamed, {"width": 3}),
        (TwoNamed, {"cls": Two}),
        (TwoNamed, {"cls": 7}),
        (Two, {"how": "tuple"}),
        (Two, {"how": "call"}),
        *((Two, {"at": at}) for at in (-16, 0, 8, 17, 32, 2**40)),
    ],
)
def test_a_plan_checks_the_places_that_it_fills(cls: type, change: dict[str, Any]) -> None:
    """A plan for places that a class's objects do not have is refused before it reads, each time."""
    schema = Schema(cls)
    targets = Bent(schema)
    targets.change = change
    plan = Plan(Identity().of(schema.root), targets, Limits(), False)
    for _ in range(2):
        with pytest.raises((TypeError, ValueError)):
            plan.decode(b"\2\2")


@pytest.mark.parametrize("how", ["slots", "attributes"])
def test_a_plan_takes_sizes_of_objects_from_classes_alone(how: str) -> None:
    """Objects of a record are made from a class's layout: a plan whose record names something else is refused."""
    schema = Schema(Two)
    targets = Bent(schema)
    targets.change = {"how": how, "cls": 3}
    with pytest.raises(TypeError, match="3 is no class"):
        Plan(Identity().of(schema.root), targets, Limits(), False).decode(b"\2\2")


@pytest.mark.parametrize(
    ("cls", "change", "words"),
    [
        (Two, {"cls": Pair}, "is no slot of"),
        (Two, {"cls": 3}, "3 is no class"),
        (Two, {"get": "index", "size": 2}, "is beyond the 2 items"),
        (TwoNamed, {"size": 1}, "is beyond the 1 items"),
        (TwoNamed, {"place": -1}, "is beyond the 2 items"),
        *((Two, {"place": place}, "is no slot of") for place in (-16, 0, 8, 17, 32, 2**40)),
    ],
)
def test_an_encoder_checks_the_places_that_it_reads(cls: type, change: dict[str, Any], words: str) -> None:
    """An encoder that would look beyond a class's objects is refused before it writes, each time."""
    schema = Schema(cls)
    sources = BentSources(schema, schema)
    sources.change = change
    encoder = Encoder(Identity().of(schema.root), sources, Limits())
    for _ in range(2):
        with pytest.raises((TypeError, ValueError), match=words):
            encoder.encode(cls(1, 2))


def test_compiled_classes_take_no_nonsense() -> None:
    """Compiled classes that are called with something else, subclassed or made without arguments raise."""

    class Alike:
        payload = depth = empty_items = schema_text = schema_depth = 10**6

    bent = Limits()
    object.__setattr__(bent, "depth", 10_000)
    root = Schema("int").root
    makes: list[Callable[[Any], Any]] = [
        lambda limits: Walk(root, limits),
        lambda limits: Plan(Identity().of(root), Targets(Schema("int")), limits, False),
        lambda limits: Encoder(Identity().of(root), Sources(Schema("int"), Schema("int")), limits),
        lambda limits: Schema("int", limits=limits),
    ]
    for limits in (Alike(), bent, None):
        for make in makes:
            with pytest.raises(ConfigError):
                make(limits)
    classes: tuple[Any, ...] = (Plan, Walk, Encoder)
    for one in classes:
        with pytest.raises(TypeError):
            one.__new__(one)
        with pytest.raises(TypeError):
            type("Below", (one,), {})
    nonsense: Any = 1
    for build in (
        lambda: Walk(nonsense, Limits()),
        lambda: Plan(nonsense, nonsense, Limits(), False).decode(b""),
        lambda: Encoder(nonsense, nonsense, Limits()).encode(None),
    ):
        with pytest.raises(AttributeError):
            build()


# ---- the C stack -------------------------------------------------------------------------------------------------

STACK = 96 * 1024 * (8 if "SAFECODEC_EXPECT_SOURCE" in os.environ else 1)
"""Bytes: less than the 128 KiB that a thread has on musl, as what calls takes some. Instrumented code takes more."""

DEEP = """
from __future__ import annotations

import json, sys, threading
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from msgspec import UNSET, Meta, Struct, UnsetType

from safecodec import Codec
from safecodec.avro import Limits, Schema
from safecodec.avro._decoder import Walk


def nested(make, levels, value=None):
    for _ in range(levels):
        value = make(value)
    return value


def plain(type_, levels, make):
    return {"type": "record", "name": "R", "fields": [{"name": "n", "type": type_}]}, nested(make, levels)


class Other(Struct, tag="o"):
    v: int


class Chosen(Struct, tag="r"):
    n: Chosen | Other | None | UnsetType = UNSET


class Mapped(Struct, tag="r"):
    n: Annotated[dict[str, Mapped | Other | int | None], Meta(max_length=9)] | None | UnsetType = UNSET


class Listed(Struct):
    n: Annotated[list[Listed], Meta(max_length=9)] | None | UnsetType = UNSET


@dataclass
class Hooked:
    n: Hooked | None = None

    def __post_init__(self):
        str(1)


@dataclass
class Called:
    n: Called | None = None

    def __new__(cls, *arguments, **keywords):
        return super().__new__(cls)


@dataclass(frozen=True)
class Frozen:
    n: frozenset[Frozen]


class Named(NamedTuple):
    n: dict[int, Named] | None = None


other = {"type": "record", "name": "O", "fields": [{"name": "v", "type": "int"}]}
array, map_ = {"type": "array", "items": "R"}, {"type": "map", "values": ["null", "int", "R"]}
SHAPES = [
    plain(["null", "R"], 64, lambda n: {"n": n}),
    plain(["null", "R", other], 64, lambda n: {"n": n}),
    plain(["null", array], 32, lambda n: {"n": n and [n]}),
    plain(["null", "string", "R", map_], 32, lambda n: {"n": n and {"k": n}}),
    (Chosen, nested(Chosen, 64, UNSET)),
    (Mapped, nested(lambda n: Mapped({"k": n}), 31, Mapped())),
    (Listed, nested(lambda n: Listed([n]), 31, Listed())),
    (Hooked, nested(Hooked, 64)),
    (Called, nested(Called, 64)),
    (Frozen, nested(lambda n: Frozen(frozenset([n])), 31, Frozen(frozenset()))),
    (Named, nested(lambda n: Named({1: n}), 20, Named())),
]


def work(source, value):
    schema = Schema(source)
    data = schema.encode(value)
    assert schema.encode(schema.decode(data)) == data
    Walk(schema.root, Limits()).check(data)
    codec = Codec(source, subject="r", version=1, environment="test")
    assert codec.encode(codec.decode(codec.encode(value))) == codec.encode(value)
    for cut in (data[:-1], data[:-1] + b"\\x7f"):
        try:
            schema.decode(cut)
        except ValueError:
            done.append(True)


done = []
for source, value in SHAPES:
    work(source, value)  # imports are made before the stack is small
count = len(done)
threading.stack_size(int(sys.argv[1]))
for source, value in SHAPES:
    thread = threading.Thread(target=work, args=(source, value))
    thread.start()
    thread.join()
print(count, len(done) - count)
"""


def test_the_deepest_values_need_little_stack() -> None:
    """Schemas are compiled, and values of depth 64 read, written and skipped, by a thread with a stack of 128 KiB."""
    before, after = said(DEEP, str(STACK)).split()
    assert (before, after) == ("22", "22")


def test_schemas_that_nest_by_their_names_take_no_stack() -> None:
    """A chain of a thousand records that name each other is compiled without a C call for each."""
    chain: list[Any] = [{"type": "record", "name": "R0", "fields": [{"name": "f", "type": "int"}]}]
    chain += [
        {"type": "record", "name": f"R{at}", "fields": [{"name": "f", "type": f"R{at - 1}"}]} for at in range(1, 1000)
    ]
    fields = [{"name": "u", "type": chain}, {"name": "a", "type": {"type": "array", "items": "R999"}}]
    text = json.dumps({"type": "record", "name": "Root", "fields": fields})
    assert said(CHAIN, text, str(STACK)) == "True\n"


CHAIN = """
import sys, threading

from safecodec.avro import Limits, Schema
from safecodec.avro._decoder import Walk


def work():
    Walk(schema.root, Limits()).check(b"\\0\\2\\0")
    found = schema.decode(b"\\0\\2\\0")
    done.append(schema.encode({"u": ("R0", found["u"]), "a": []}) == b"\\0\\2\\0")


done = []
schema = Schema(sys.argv[1])
threading.stack_size(int(sys.argv[2]))
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(*done)
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="classes of Python have no __buffer__ before")
def test_buffers_of_python_classes_are_asked_for_once() -> None:
    """A payload whose ``__buffer__`` gives other bytes each time is read from the first ones."""
    given: list[bytes] = []

    class Turning:
        def __buffer__(self, flags: int) -> memoryview:
            given.append(b"\4ab" if not given else b"\x7f")
            return memoryview(given[-1])

    assert Schema("string").decode(Turning()) == "ab"
    assert given == [b"\4ab"]


@pytest.mark.parametrize("cls", [5, "text", object(), [int], int | None, list[int]])
def test_only_classes_have_layouts(cls: Any) -> None:
    """What is no class has no layout that could be read."""
    with pytest.raises(TypeError, match="is no class"):
        slot_offset(cls, "x")
    with pytest.raises(TypeError, match="is no class"):
        is_collected(cls)
