"""Values and classes that do what they should not: they lie, raise, change what holds them, and look at the heap."""

from __future__ import annotations

import dataclasses
import datetime
import enum
import gc
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

import attrs
import msgspec

from fuzz.judge import Armed, Planted

MARK = 0x5AFE
"""A number that tells a list of ours from the interpreter's."""


# ---- looking at the heap -----------------------------------------------------------------------------------------


UNFINISHED: list[str] = []
"""Containers that were seen with an empty place in them."""


def look() -> None:
    """Go through the youngest containers that the collector knows of, and keep those of ours that are not finished.

    CPython and msgspec show unfinished tuples of their own, and reading one ends the process: so the references that
    the collector finds are counted, which skips an empty place.
    """
    with Armed.looking:
        if Armed.now:
            _look()


def _look() -> None:
    for one in gc.get_objects(generation=0):
        if isinstance(one, (tuple, list)):
            size = len(one)
            inside = [item for item in gc.get_referents(one) if item is not type(one)]
            if inside and len(inside) < size == len(one) and all(map(_ours, inside)):  # other threads change lists
                UNFINISHED.append(f"{type(one).__name__} of {len(one)} with {inside!r:.200}")


def change(pick: Callable[[int], int]) -> None:
    """Change the lists and dicts that hold our numbers or records, wherever they are."""
    for one in gc.get_objects(generation=0):
        if type(one) is list and one and all(map(_ours, one)):
            match pick(4):
                case 0:
                    one.clear()
                case 1:
                    one.append(one[0])
                case 2:
                    del one[0]
        elif type(one) is dict and one and all(map(_ours, one.values())):
            one.clear() if pick(2) else one.update({str(MARK): MARK})


def _ours(item: Any) -> bool:
    if type(item) is int:
        return bool(item == MARK)
    if type(item) is list:
        return bool(item) and all(type(one) is int and one == MARK for one in item)
    return type(item) in HOOKED


@contextmanager
def watched() -> Iterator[None]:
    """A thread that looks at the heap meanwhile."""
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            look()
            time.sleep(0)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


# ---- classes with hooks ------------------------------------------------------------------------------------------


class Mood:
    """The next deeds of the hooks; set by a case before its calls."""

    pick = Random(0)
    bold = 0.0
    changes = True

    @classmethod
    def act(cls) -> None:
        """Look, change, collect or raise, now and then."""
        if not Armed.now or cls.pick.random() >= cls.bold:
            return
        match cls.pick.randrange(7):
            case 0 | 1:
                look()
            case 2 | 3:
                if cls.changes:
                    change(cls.pick.randrange)
            case 4:
                gc.collect(0)
            case 5:
                raise ValueError("planted")
            case _:
                raise Planted("planted")


def _made() -> list[int]:
    Mood.act()
    return [MARK]


def _converted(value: Any) -> Any:
    Mood.act()
    return value


class Colour(enum.Enum):
    """An enum that asks its class."""

    RED = "red"
    GREEN = "green"

    @classmethod
    def _missing_(cls, value: object) -> Any:
        Mood.act()
        return cls.RED if value == "red2" else None


class Place(NamedTuple):
    """A record that is a tuple."""

    number: int = MARK
    names: tuple[str, ...] = ()


class Struct(msgspec.Struct):
    """A Struct with a hook and a factory."""

    number: int = MARK
    others: list[int] = msgspec.field(default_factory=_made)
    place: Place | None = None

    def __post_init__(self) -> None:
        Mood.act()


class Frozen(msgspec.Struct, frozen=True):
    """A Struct that is a key."""

    number: int = MARK

    def __post_init__(self) -> None:
        Mood.act()

    def __hash__(self) -> int:
        Mood.act()
        return hash(self.number)

    def __eq__(self, other: object) -> bool:
        Mood.act()
        return isinstance(other, Frozen) and self.number == other.number


@dataclasses.dataclass
class Plain:
    """A dataclass with a hook and a factory."""

    number: int = MARK
    others: list[int] = dataclasses.field(default_factory=_made)
    inner: Struct | None = None

    def __post_init__(self) -> None:
        Mood.act()


@attrs.define
class Attributes:
    """An attrs class with a converter, a validator and a factory."""

    number: int = attrs.field(default=MARK, converter=_converted)
    others: list[int] = attrs.field(factory=_made)

    def __attrs_post_init__(self) -> None:
        Mood.act()


@dataclasses.dataclass(slots=True)
class Slotted:
    """A dataclass with slots that hold the others."""

    colour: Colour = Colour.RED
    structs: list[Struct] = dataclasses.field(default_factory=list)
    plains: dict[str, Plain] = dataclasses.field(default_factory=dict)
    attributes: tuple[Attributes, ...] = ()
    places: list[Place] = dataclasses.field(default_factory=list)
    pair: tuple[Struct, Place] | None = None
    frozen: frozenset[Frozen] = frozenset()
    keys: dict[int, Attributes] = dataclasses.field(default_factory=dict)
    rows: list[list[int]] = dataclasses.field(default_factory=list)
    either: Plain | int | str | None = None


HOOKED = (Struct, Frozen, Plain, Attributes, Slotted, Place)


def a_slotted(pick: Random) -> Slotted:
    """A value of them all."""
    some = pick.choice((0, 1, 2, 5, 30))
    return Slotted(
        pick.choice(list(Colour)),
        [Struct(MARK, [MARK] * pick.randrange(3), Place()) for _ in range(some)],
        {str(at): Plain(MARK, [MARK], Struct() if pick.random() < 0.3 else None) for at in range(some)},
        tuple([Attributes(MARK, [MARK] * at) for at in range(some)]),
        [Place(MARK, ("a",) * at) for at in range(some)],
        (Struct(), Place()) if some else None,
        frozenset(map(Frozen, range(some))),
        {at: Attributes() for at in range(some)},
        [[MARK] * at for at in range(some)],
        pick.choice((None, 1, "a", Plain())),
    )


# ---- hostile values ----------------------------------------------------------------------------------------------


class LyingList(list[Any]):
    """A list that says another length, and gives other items."""

    def __len__(self) -> int:
        return 2**20

    def __iter__(self) -> Iterator[Any]:
        return iter(())


class LyingDict(dict[Any, Any]):
    """A dict whose methods disagree."""

    def __len__(self) -> int:
        return 0

    def items(self) -> Any:
        return [(1, 2), ("a", self)]

    def __getitem__(self, key: Any) -> Any:
        raise Planted("planted")

    def get(self, _: Any, default: Any = None) -> Any:
        return default


class Text(str):
    """A str of another class."""

    def encode(self, *_: Any) -> Any:
        return 5

    def __eq__(self, other: object) -> bool:
        raise Planted("planted")

    __hash__ = str.__hash__


class Number(int):
    """An int of another class."""

    def __index__(self) -> int:
        raise Planted("planted")

    def __le__(self, other: Any) -> bool:
        raise Planted("planted")


class Bytes(bytes):
    """Bytes that say another length."""

    def __len__(self) -> int:
        return 2**40

    def __buffer__(self, flags: int) -> memoryview:
        return memoryview(b"")


def _clear(holders: list[Any]) -> None:
    if Armed.now:
        for one in holders:
            one.clear()


class Changes(datetime.tzinfo):
    """A time zone that changes what holds it."""

    def __init__(self, holders: list[Any]) -> None:
        self.holders = holders

    def utcoffset(self, _: Any) -> datetime.timedelta:
        _clear(self.holders)
        Mood.act()
        return datetime.timedelta(0)

    dst = utcoffset

    def tzname(self, _: Any) -> str:
        raise Planted("planted")


class Answers:
    """An object that answers anything, and changes what holds it."""

    def __init__(self, holders: list[Any]) -> None:
        object.__setattr__(self, "holders", holders)

    def __getattr__(self, name: str) -> Any:
        _clear(self.holders)
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __len__(self) -> int:
        self.__getattr__("a")
        return 3

    def __iter__(self) -> Iterator[Any]:
        return iter((self, self))

    def __hash__(self) -> int:
        self.__getattr__("a")
        return 1

    def __eq__(self, other: object) -> bool:
        self.__getattr__("a")
        return True

    def __index__(self) -> int:
        self.__getattr__("a")
        return MARK

    def __float__(self) -> float:
        return 1.0


class Claims:
    """An object of another class than it says."""

    __class__ = dict  # type: ignore[assignment]


def _endless() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


def _endless_dict() -> dict[str, Any]:
    made: dict[str, Any] = {}
    made["a"] = made["f0"] = made
    return made


def _deep() -> Any:
    made: Any = 1
    for _ in range(3000):
        made = [made]
    return made


def _shared() -> Any:
    made: Any = ["x" * 50]
    for _ in range(18):
        made = [made, made]
    return made


def hostile(pick: Random, holders: list[Any]) -> Any:
    """A value that belongs nowhere."""
    makers: tuple[Callable[[], Any], ...] = (
        lambda: LyingList([1, 2]),
        lambda: LyingDict(a=1, f0=2),
        lambda: Text("a"),
        lambda: Number(5),
        lambda: Bytes(b"a"),
        lambda: Changes(holders),
        lambda: datetime.datetime(2024, 1, 1, tzinfo=Changes(holders)),
        lambda: datetime.time(1, tzinfo=Changes(holders)),
        lambda: Answers(holders),
        Claims,
        object,
        lambda: 10**5000,
        lambda: -(2**63) - 1,
        lambda: Decimal("1E+999999"),
        lambda: Decimal("sNaN"),
        lambda: Decimal("9" * 6000),
        lambda: float("nan"),
        lambda: "\ud800",
        lambda: "x" * 100_000,
        lambda: bytearray(b"a"),
        lambda: memoryview(b"ab")[::2],
        lambda: memoryview(b"abcd").cast("I"),
        lambda: iter([1]),
        _endless,
        _endless_dict,
        _deep,
        _shared,
        lambda: {1: 2},
        lambda: {"a": object()},
        lambda: Struct,
        lambda: Colour,
        lambda: Colour.RED,
        lambda: Place(1),
        lambda: (),
        lambda: ("R1", 1),
        lambda: {Answers(holders): 1},
        lambda: {1, "a"},
        lambda: frozenset({None}),
        lambda: None,
        lambda: msgspec.UNSET,
        lambda: tuple.__new__(Place, (1,)),
        lambda: tuple.__new__(Place, ()),
        lambda: object.__new__(Slotted),
        lambda: [None] * 20_000,
        lambda: {str(at): None for at in range(5000)},
        lambda: range(10),
        lambda: complex(1),
        lambda: datetime.timedelta.max,
        lambda: datetime.date.min,
        lambda: msgspec.Raw(b"1"),
        lambda: msgspec.msgpack.Ext(1, b""),
    )
    return pick.choice(makers)()


def spoilt(pick: Random, value: Any, *, changes: bool, holders: tuple[Any, ...] = ()) -> Any:
    """A value with something hostile in it: in itself, or in a copy where it cannot be changed.

    Args:
        pick: Makes the choices.
        value: The value.
        changes: Whether something may change the lists and dicts that hold it.
        holders: Those that hold the value.
    """
    names = _names(value)
    if changes and isinstance(value, (list, dict, set)):
        holders = (*holders, value)
    if pick.random() < 0.2 or not (names or (isinstance(value, (list, dict, tuple)) and value)):
        return hostile(pick, list(holders[-2:]))
    if isinstance(value, (list, dict)):
        at = pick.choice(list(value)) if isinstance(value, dict) else pick.randrange(len(value))
        value[at] = spoilt(pick, value[at], changes=changes, holders=holders)
    elif isinstance(value, tuple):
        items = list(value)
        at = pick.randrange(len(items))
        items[at] = spoilt(pick, items[at], changes=changes, holders=holders)
        items = items[: pick.randrange(len(items) + 1)] if pick.random() < 0.1 else items
        value = tuple.__new__(type(value), items)
    else:
        name = pick.choice(names)
        inner = spoilt(pick, getattr(value, name, None), changes=changes, holders=holders)
        if isinstance(value, msgspec.Struct):
            msgspec.structs.force_setattr(value, name, inner)
        else:
            object.__setattr__(value, name, inner)
    return value


def _names(value: Any) -> list[str]:
    kind = type(value)
    if isinstance(value, msgspec.Struct):
        return list(kind.__struct_fields__)
    if dataclasses.is_dataclass(kind):
        return [one.name for one in dataclasses.fields(kind)]
    return [one.name for one in attrs.fields(kind)] if attrs.has(kind) else []
