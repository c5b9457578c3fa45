"""Does one thing again and again in a process of its own, each time with another allocation that fails.

    running_out.py [WORK]

nomemory.c is preloaded, and PYTHONMALLOC is malloc or malloc_debug. Without a name it prints those that there are. With
one it prints how often memory ran out, and how it ended where that was neither the right result nor a MemoryError.

Annotations are no texts here: CPython's compiler, which reads them, ends some calls for want of memory without an
exception.
"""

import ctypes
import datetime
import enum
import gc
import json
import sys
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, Literal, NamedTuple, TypedDict

import msgspec

from safecodec import Codec, SafecodecError
from safecodec.avro import Schema


class Color(enum.Enum):
    """An enum."""

    RED = "red"
    BLUE = "blue"


class Pair(NamedTuple):
    """A tuple."""

    a: int
    b: str = "x"


class Keys(TypedDict):
    """A dict."""

    q: int


class Part(msgspec.Struct):
    """A class within another."""

    n: int
    s: str
    o: int | None = None


@dataclass
class Old:
    """A value of many types."""

    i: int
    f: float
    s: str
    b: bytes
    l: list[int]  # noqa: E741
    m: dict[str, int]
    st: set[int]
    p: Pair
    t: Keys
    c: Color
    w: datetime.datetime
    day: datetime.date
    u: uuid.UUID
    sub: Part
    tup: tuple[int, str]
    lit: Literal["a", "b"]
    opt: int | str | None
    wide: str


@dataclass
class New(Old):
    """The next version, with fields that the older one lacks."""

    more: list[str] = field(default_factory=list)
    less: int = 3


@dataclass
class Small:
    """A class that is compiled in little time."""

    a: int | None
    b: dict[str, list[Pair]]


@dataclass
class SmallOld:
    """Its older version."""

    a: int
    b: dict[str, list[Pair]]


FIELDS: tuple[Any, ...] = (
    1 << 40, 2.5, "text", b"bytes", [1, 2, 300], {"a": 1, "bb": 2}, {3, 4}, Pair(1, "y"), Keys(q=1), Color.RED,
    datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC), datetime.date(2024, 1, 1), uuid.UUID(int=7), Part(1, "ö", 4),
    (1, "z"), "b", "é", "wide é",
)  # fmt: skip
OLD, NEW = Old(*FIELDS), New(*FIELDS)
LONG = list(range(600))
OPENSSL = "[digital envelope routines]"
"""How hashlib, for a schema's fingerprint, begins the text of a ValueError where OpenSSL has no memory."""
PRICE = Decimal("1234567890.50")


def codec(type_: Any, payload: Any, **more: Any) -> Codec[Any]:
    """A codec, whose newest version is the one after its older ones."""
    return Codec(type_, subject="s", version=1 + len(more.get("older", ())), environment="t", payload=payload, **more)


def refuses(one: Codec[Any], frame: bytes) -> bool:
    """Tell whether a frame is refused for its checksum."""
    try:
        one.decode(frame)
    except SafecodecError as error:
        return "checksum" in str(error)
    return False


def builds(*arguments: Any, **more: Any) -> bool:
    """Tell whether there is a codec."""
    return isinstance(codec(*arguments, **more), Codec)


def gives(call: Callable[[Any], Any], argument: Any, expected: Any) -> bool:
    """Tell whether a call returns what is expected."""
    return bool(call(argument) == expected)


def works() -> dict[str, Callable[[], bool]]:
    """Everything that is tried, by its name. Each tells whether its result is right."""
    found: dict[str, Callable[[], bool]] = {}
    for payload in ("avro", "msgpack", "json"):
        one = codec(Old, payload)
        frame = one.encode(OLD)
        if payload == "avro":  # msgspec 0.22 writes to memory that it did not get, in both formats
            found[f"{payload} encode"] = partial(gives, one.encode, OLD, frame)
            writer = codec(New, payload, older={1: Old}, write_version=1)
            found[f"{payload} encode older"] = partial(gives, writer.encode, NEW, frame)
        if payload != "json":  # and copies a text of JSON there
            found[f"{payload} decode"] = partial(gives, one.decode, frame, OLD)
            reader = codec(New, payload, older={1: Old})
            found[f"{payload} decode older"] = partial(gives, reader.decode, frame, NEW)
        found[f"{payload} refuse"] = partial(refuses, one, frame[:-1] + bytes([frame[-1] ^ 255]))
        found[f"{payload} build"] = partial(builds, Small, payload)
        found[f"{payload} build older"] = partial(builds, Small, payload, older={1: SmallOld})
    text = Schema(Small).json
    found["schema of text"] = lambda: Schema(text).json == text
    price = codec(Decimal, "avro")
    found["decimal decode"] = partial(gives, price.decode, price.encode(PRICE), PRICE)
    found["decimal encode"] = partial(gives, price.encode, PRICE, price.encode(PRICE))
    long = codec(list[int], "avro")
    found["long decode"] = partial(gives, long.decode, long.encode(LONG), LONG)
    found["long encode"] = partial(gives, long.encode, LONG, long.encode(LONG))
    found["buffer decode"] = lambda: bool(long.decode(bytearray(long.encode(LONG))) == LONG)
    return found


def preloaded() -> Any:
    """The functions of nomemory.c."""
    library = ctypes.CDLL(None)
    library.nomemory_arm.argtypes = [ctypes.c_long, ctypes.c_long]
    library.nomemory_arm.restype = None
    library.nomemory_disarm.argtypes = []
    library.nomemory_disarm.restype = ctypes.c_long
    return library


def attempt(library: Any, work: Callable[[], bool], after: int, count: int) -> tuple[bool | None, BaseException | None]:
    """Do it while some allocations fail; returns its result, or its error."""
    library.nomemory_arm(after, count)
    try:
        return work(), None
    except BaseException as error:
        return None, error


def disarmed(library: Any) -> int:
    """Let all allocations succeed again; returns how many have failed."""
    while True:
        try:
            return int(library.nomemory_disarm())
        except MemoryError:  # the call's own
            continue


def run(library: Any, work: Callable[[], bool], count: int, odd: Counter[str]) -> int:
    """Try each allocation in turn, and from the fiftieth on some of them; returns how many failed."""
    after = tried = 0
    while True:
        result, error = None, None
        try:
            result, error = attempt(library, work, after, count)
        except BaseException as other:  # raised while the first was handled
            error = other
        failed = disarmed(library)
        if error is None and not result:
            odd["a wrong result"] += 1
        elif error is not None and not isinstance(error, MemoryError) and OPENSSL not in str(error):
            odd[f"{type(error).__name__}: {error}"] += 1
        if not failed:
            return tried
        tried += 1
        after += 1 + after // 50


def main(name: str) -> None:
    """Print the counts of one work."""
    work = works()[name]
    for _ in range(3):
        assert work()
    gc.disable()
    sys.unraisablehook = lambda _: None  # of generators that end for want of memory
    odd: Counter[str] = Counter()
    library = preloaded()
    tried = sum(run(library, work, count, odd) for count in (1, 20))
    print(json.dumps({"tried": tried, "odd": odd}))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        print(json.dumps(list(works())))
