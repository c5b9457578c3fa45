"""Containers that are still being filled, seen by code that runs meanwhile: user hooks, and other threads."""

from __future__ import annotations

import pytest

from processes import said

LOOKS = '''
import gc, sys, threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypedDict

import msgspec

from safecodec.avro import Schema

seen = {"hooks": 0, "tuples": 0}


def look():
    """Touch every item of every container that the garbage collector knows."""
    seen["hooks"] += 1
    for one in gc.get_objects():
        if isinstance(one, (tuple, list, set, frozenset)):
            seen["tuples"] += isinstance(one, tuple)
            for item in one:
                type(item)
        elif isinstance(one, dict):
            for key, value in list(one.items()):
                type(key), type(value)
        elif type(one) in CLASSES:
            try:
                repr(one)
            except AttributeError:
                pass  # a field that is still to come


def made():
    look()
    return []


@dataclass(slots=True)
class Hook:
    at: int

    def __post_init__(self):
        if THREAD:
            look_there()
        else:
            look()


def look_there():
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()


class Named(NamedTuple):
    first: Hook
    second: str
    third: Hook


@dataclass
class Called:
    first: Hook
    second: str
    third: Hook

    def __new__(cls, *args, **keywords):
        look()
        return super().__new__(cls)


@dataclass(slots=True)
class Slotted:
    first: Hook
    second: str
    third: Hook


@dataclass
class Attributes:
    first: Hook
    second: str
    third: Hook


class Struct(msgspec.Struct):
    first: Hook
    second: str
    third: Hook


class Keys(TypedDict):
    first: Hook
    second: str
    third: Hook


@dataclass
class NamedOlder:
    first: int


class NamedNewer(NamedTuple):
    first: int
    second: list[int] = [1]


@dataclass(slots=True)
class Newer:
    first: int
    second: list[int] = field(default_factory=made)
    third: list[int] = field(default_factory=made)


THREAD = len(sys.argv) > 1
CLASSES = (Hook, Slotted, Attributes, Struct, Newer)
RECORDS = (Named, Called, Slotted, Attributes, Struct)
hook = Hook(1)
for cls in RECORDS:
    schema = Schema(cls)
    value = cls(hook, "text", hook)
    data = schema.encode(value)
    for _ in range(2):
        assert schema.decode(data) == value, cls
    assert Schema(list[cls]).decode(Schema(list[cls]).encode([value, value])) == [value, value]
assert Schema(Keys).decode(Schema(Keys).encode({"first": hook, "second": "", "third": hook}))["third"] == hook
pair = tuple[Hook, str, Hook]
assert Schema(pair).decode(Schema(pair).encode((hook, "text", hook))) == (hook, "text", hook)
many = dict[str, list[Hook]]
assert Schema(many).decode(Schema(many).encode({"a": [hook], "b": [hook, hook]})) == {"a": [hook], "b": [hook, hook]}
older = Schema({"type": "record", "name": "Newer", "fields": [{"name": "first", "type": "int"}]})
assert older.decode(b"\\2", type=Newer) == Newer(1, [], [])
print(seen["hooks"], seen["tuples"] > 1000)
'''


@pytest.mark.parametrize("place", [(), ("thread",)], ids=["hook", "thread"])
def test_no_container_with_an_empty_place_can_be_found(place: tuple[str, ...]) -> None:
    """Hooks and threads that touch all that the garbage collector knows meet no item that is not there yet."""
    hooks, found = said(LOOKS, *place).split()
    assert (int(hooks) > 40, found) == (True, "True")


def test_made_tuples_are_known_to_the_collector() -> None:
    """Tuples and named tuples that are complete are collected where they hold themselves in a circle."""
    assert said(CIRCLES).split() == ["0", "0", "()"]


CIRCLES = """
import gc, weakref
from typing import NamedTuple

from safecodec.avro import Schema


class Named(NamedTuple):
    items: list[int]
    more: str


class Mark:
    pass


for kind, value in ((Named, Named([1], "")), (tuple[list[int], str], ([1], ""))):
    schema = Schema(kind)
    made = schema.decode(schema.encode(value))
    assert gc.is_tracked(made)
    mark = Mark()
    made[0].append(mark)
    made[0].append(made)
    alive = weakref.ref(mark)
    del mark, made
    gc.collect()
    print(int(alive() is not None))
print(Schema(tuple[()]).decode(b""))
"""


CHANGES = """
import gc
from dataclasses import dataclass

import msgspec

from safecodec.avro import Schema


@dataclass(slots=True)
class Hook:
    at: int

    def __post_init__(self):
        changes[self.at % len(changes)]()


def found(kind):
    return [one for one in gc.get_objects() if type(one) is kind]


def holding(kind):
    return [one for one in found(kind) if any(type(item) is Hook for item in (one.values() if kind is dict else one))]


class Struct(msgspec.Struct):
    first: Hook
    items: list[Hook]
    values: dict[str, Hook]
    last: Hook


def clear(kind):
    for one in holding(kind):
        if one is not globals():
            one.clear()


def grow():
    for one in holding(list):
        one += [None] * 100


def set_fields():
    for one in found(Struct):
        one.last = one.items = None


changes = [lambda: None, lambda: clear(list), lambda: clear(dict), grow, set_fields]
schema = Schema(list[Struct])
counted = 0
# Payloads are written from dicts: no hook runs meanwhile.
plain = Schema(schema.json)
for start in range(len(changes)):
    rows = []
    at = start
    for _ in range(4):
        first, *items = [{"at": at + more} for more in range(6)]
        rows.append({"first": first, "items": items, "values": {"a": first, "b": first}, "last": first})
        at += 7
    assert type(schema.decode(plain.encode(rows))) is list
    counted += 1
print(counted)
"""


def test_what_is_found_unfinished_may_be_changed() -> None:
    """Hooks that change lists, dicts and objects that are being filled spoil no more than the result."""
    assert said(CHANGES) == "5\n"
