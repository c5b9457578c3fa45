"""Avro's primitive and logical types: values to draw, and what they are on the wire, written without the engine."""

from __future__ import annotations

import datetime as dt
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from typing import Any, TypeAlias

Pick: TypeAlias = Callable[[int], int]
"""Picks a whole number from 0 to below its argument; 0 is the simplest choice."""

EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)
EPOCH = dt.datetime(1970, 1, 1)
DAY = 86_400_000_000
FIRST = (dt.datetime.min - EPOCH) // dt.timedelta(microseconds=1)
LAST = (dt.datetime.max - EPOCH) // dt.timedelta(microseconds=1)
MICROS = {"millis": 1000, "micros": 1, "nanos": 1}
SCALE_LIMIT = 100_000
DOUBLES = (0.0, -0.0, 1.0, -1.5, 0.1, 1e300, 5e-324, -1.7976931348623157e308, float("inf"), float("-inf"), float("nan"))
CHARACTERS = "ab0 _\0\x7f\xe9\u20ac\U0001d11e\n\ufffd"


@dataclass(frozen=True)
class Leaf:
    """A type without parts.

    Args:
        kind: A primitive type, or ``fixed``.
        python: The class of its values.
        draw: Makes a value.
        lower: From a value to what is written: int, float, str, bytes, bool, None.
        lift: Back; a ValueError where it stands for no value.
        attributes: The logical type in JSON.
        size: Bytes of a fixed.
    """

    kind: str
    python: type
    draw: Callable[[Pick], Any]
    lower: Callable[[Any], Any] = lambda value: value
    lift: Callable[[Any], Any] = lambda value: value
    attributes: dict[str, Any] = field(default_factory=dict)
    size: int = 0

    @property
    def logical(self) -> str | None:
        """The logical type's name."""
        name: str | None = self.attributes.get("logicalType")
        return name


# ---- drawing -----------------------------------------------------------------------------------------------------


def whole(pick: Pick, bits: int) -> int:
    """A signed number of that many bits: small ones, the edges and any."""
    match pick(4):
        case 0:
            return pick(5) - 1
        case 1:
            most = 1 << bits - 1
            return (most - 1, -most, 63, -64, 64, -65, 8191, -8193)[pick(8)]
    width = pick(bits) + 1
    return pick(1 << width) - (1 << width - 1)


def between(pick: Pick, low: int, high: int) -> int:
    """A number from low to high, 0 where it is one of them."""
    found = whole(pick, (high - low).bit_length() + 1)
    return found if low <= found <= high else low + pick(high - low + 1)


def a_double(pick: Pick) -> float:
    """Any double: the special ones, and any bits."""
    if pick(3) < 2:
        return DOUBLES[pick(len(DOUBLES))]
    found: float = struct.unpack("<d", pick(2**64).to_bytes(8, "little"))[0]
    return found


def a_float(pick: Pick) -> float:
    """Any single-precision float."""
    found: float = struct.unpack("<f", pick(2**32).to_bytes(4, "little"))[0]
    return found if found == found else 0.5


def a_text(pick: Pick) -> str:
    """A text, now and then a long one."""
    text = "".join(CHARACTERS[pick(len(CHARACTERS))] for _ in range(pick(6)))
    return text * 40 if text and pick(12) == 11 else text


def some_bytes(pick: Pick) -> bytes:
    """A few bytes."""
    length = pick(7)
    return pick(256**length).to_bytes(length, "big")


# ---- logical types -----------------------------------------------------------------------------------------------


def _date(days: int) -> dt.date:
    return dt.date.fromordinal(days + EPOCH.toordinal())


def _dates() -> Leaf:
    edge = EPOCH.toordinal()
    return Leaf(
        "int",
        dt.date,
        lambda pick: _date(between(pick, 1 - edge, dt.date.max.toordinal() - edge)),
        lambda value: value.toordinal() - edge,
        _date,
        {"logicalType": "date"},
    )


def _times(unit: str) -> Leaf:
    step = MICROS[unit]

    def lift(value: int) -> dt.time:
        if not 0 <= value * step < DAY:
            raise ValueError("no time of a day")
        return (EPOCH + dt.timedelta(microseconds=value * step)).time()

    return Leaf(
        "int" if unit == "millis" else "long",
        dt.time,
        lambda pick: lift(between(pick, 0, DAY // step - 1)),
        lambda value: (dt.datetime.combine(EPOCH, value) - EPOCH) // dt.timedelta(microseconds=step),
        lift,
        {"logicalType": f"time-{unit}"},
    )


def _timestamps(unit: str, prefix: str) -> Leaf:
    zone = None if prefix else dt.UTC
    per_micro = 1000 if unit == "nanos" else 1
    step = MICROS[unit]
    low, high = max(FIRST, -(2**63) // per_micro + 1), min(LAST, (2**63 - 1) // per_micro)

    def lift(value: int) -> dt.datetime:
        if value % per_micro:
            raise ValueError("Python has no nanoseconds")
        try:
            return (EPOCH + dt.timedelta(microseconds=value // per_micro * step)).replace(tzinfo=zone)
        except OverflowError:
            raise ValueError("out of Python's years") from None

    def lower(value: dt.datetime) -> int:
        return (value.replace(tzinfo=None) - EPOCH) // dt.timedelta(microseconds=step) * per_micro

    def draw(pick: Pick) -> dt.datetime:
        return lift(between(pick, -(-low // step), high // step) * per_micro)

    return Leaf("long", dt.datetime, draw, lower, lift, {"logicalType": f"{prefix}timestamp-{unit}"})


def _scaled(unscaled: int, scale: int) -> Decimal:
    return Decimal(unscaled).scaleb(-scale, EXACT)


def _unscaled(value: Decimal) -> int:
    sign, digits, _ = value.as_tuple()
    return int("".join(map(str, digits))) * (-1 if sign else 1)


def _signed(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)


def decimals(precision: int, scale: int, size: int | None = None) -> Leaf:
    """A decimal on bytes, or on a fixed of a size."""
    limit = 10**precision

    def lift(value: bytes) -> Decimal:
        unscaled = int.from_bytes(value, "big", signed=True)
        if abs(unscaled) >= limit:
            raise ValueError("too many digits")
        return _scaled(unscaled, scale)

    def lower(value: Decimal) -> bytes:
        number = int(value.scaleb(scale, EXACT))
        return _signed(number) if size is None else number.to_bytes(size, "big", signed=True)

    return Leaf(
        "bytes" if size is None else "fixed",
        Decimal,
        lambda pick: _scaled(between(pick, 1 - limit, limit - 1), scale),
        lower,
        lift,
        {"logicalType": "decimal", "precision": precision, **({"scale": scale} if scale else {})},
        size or 0,
    )


def _big_decimals() -> Leaf:
    def lower(value: Decimal) -> bytes:
        exponent = value.as_tuple().exponent
        assert isinstance(exponent, int)
        digits = _signed(_unscaled(value))
        return put_long(len(digits)) + digits + put_long(-exponent)

    def lift(value: bytes) -> Decimal:
        length, at = take_long(value, 0)
        if not 0 < length <= len(value) - at:
            raise ValueError("cut off")
        scale, end = take_long(value, at + length)
        if end != len(value) or abs(scale) > SCALE_LIMIT:
            raise ValueError("bytes over, or a scale beyond measure")
        return _scaled(int.from_bytes(value[at : at + length], "big", signed=True), scale)

    def draw(pick: Pick) -> Decimal:
        return _scaled(whole(pick, 90), between(pick, -20, 20))

    return Leaf("bytes", Decimal, draw, lower, lift, {"logicalType": "big-decimal"})


def _uuids(*, text: bool) -> Leaf:
    def lift(value: Any) -> uuid.UUID:
        if not text:
            return uuid.UUID(bytes=value)
        found = uuid.UUID(value)
        if str(found) != value.lower():
            raise ValueError("not as RFC 9562 writes it")
        return found

    def lower(value: uuid.UUID) -> str | bytes:
        return str(value) if text else value.bytes

    def draw(pick: Pick) -> uuid.UUID:
        return uuid.UUID(int=pick(2**128))

    size = 0 if text else 16
    return Leaf("string" if text else "fixed", uuid.UUID, draw, lower, lift, {"logicalType": "uuid"}, size)


def fixed(size: int) -> Leaf:
    """Plain bytes of one size."""
    return Leaf("fixed", bytes, lambda pick: pick(256**size).to_bytes(size, "big"), size=size)


DURATION = Leaf(
    "fixed",
    tuple,
    lambda pick: tuple(pick(2 ** (8 << pick(3))) for _ in range(3)),
    lambda value: struct.pack("<3I", *value),
    lambda value: struct.unpack("<3I", value),
    {"logicalType": "duration"},
    12,
)
PRIMITIVES = {
    "null": Leaf("null", type(None), lambda _: None),
    "boolean": Leaf("boolean", bool, lambda pick: bool(pick(2))),
    "int": Leaf("int", int, lambda pick: whole(pick, 32)),
    "long": Leaf("long", int, lambda pick: whole(pick, 64)),
    "float": Leaf("float", float, a_float),
    "double": Leaf("double", float, a_double),
    "bytes": Leaf("bytes", bytes, some_bytes),
    "string": Leaf("string", str, a_text),
}
LOGICAL = (
    _dates(),
    _times("millis"),
    _times("micros"),
    *(_timestamps(unit, prefix) for prefix in ("", "local-") for unit in MICROS),
    _big_decimals(),
    _uuids(text=True),
    decimals(9, 2),
    decimals(1, 0),
    decimals(40, 40),
)
FIXED = (fixed(1), fixed(4), fixed(0), _uuids(text=False), DURATION, decimals(9, 3, 4), decimals(2, 0, 9), fixed(16))


# ---- numbers on the wire -----------------------------------------------------------------------------------------


def put_long(value: int) -> bytes:
    """Zig-zag, seven bits a byte, the lowest first (Avro 1.12, *Binary Encoding*)."""
    rest = 2 * value if value >= 0 else -2 * value - 1
    out = bytearray()
    while rest > 127:
        out.append(rest % 128 + 128)
        rest //= 128
    return bytes((*out, rest))


def take_long(data: bytes, at: int) -> tuple[int, int]:
    """A number and the place behind it; a ValueError where it is cut off or has more than 64 bits."""
    found = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("a number is cut off")
        byte = data[at]
        at += 1
        found += (byte & 127) << shift
        if byte < 128 and found < 2**64:
            return (found // 2 if found % 2 == 0 else -(found // 2) - 1), at
    raise ValueError("more than 64 bits")
