"""Logical types: between an Avro value and the Python value it stands for, without loss or with an error.

Physical values are what fastavro hands out for the underlying type: int, bytes, str.
"""

from __future__ import annotations

import datetime
import decimal
import uuid
from typing import TYPE_CHECKING, Any, Final

from .nodes import Fixed, Logical, Primitive

if TYPE_CHECKING:
    from collections.abc import Callable

    from .nodes import Node

UTC: Final = datetime.UTC
EPOCH: Final = datetime.datetime(1970, 1, 1)
EPOCH_UTC: Final = EPOCH.replace(tzinfo=UTC)
EPOCH_DAY: Final = EPOCH.toordinal()
DAY: Final = 86_400_000_000
"""Microseconds of a day."""
MICROSECOND: Final = datetime.timedelta(microseconds=1)
UNITS: Final = {"millis": (1000, 1), "micros": (1, 1), "nanos": (1, 1000)}
"""Microseconds in a unit, and units in a microsecond."""
MAX_SCALE: Final = 100_000
"""The largest scale, either way, of a decimal that carries its own: more is no number but an attack on memory."""
MAX_DIGITS: Final = decimal.Context(prec=decimal.MAX_PREC, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN, traps=[])

CARRIER: Final = "safecodec-msgpack"
"""The logical type of what Avro has no word for: MessagePack in bytes."""

Value = Any


def is_carrier(node: Node) -> bool:
    """Tell whether a node carries MessagePack."""
    return isinstance(node, Primitive) and node.logical is not None and node.logical.name == CARRIER


def python_value(node: Primitive | Fixed, value: Any) -> Value:
    """Return the Python value that an Avro value of a node stands for.

    Raises:
        ValueError: It stands for none: out of Python's range, or no number or text of its kind.
    """
    logical = node.logical
    if logical is None:
        return value
    match logical.name:
        case "date":
            return _date(value)
        case "time-millis" | "time-micros":
            return _time(value * UNITS[logical.name[5:]][0])
        case "decimal":
            return _decimal(int.from_bytes(value, "big", signed=True), logical)
        case "big-decimal":
            return _big_decimal(value)
        case "uuid":
            return _uuid(value)
        case "duration":
            return tuple(int.from_bytes(value[at : at + 4], "little") for at in (0, 4, 8))
        case "safecodec-msgpack":
            return _carried(value)
    return _timestamp(logical.name, value)


def avro_value(node: Primitive | Fixed, value: Value) -> Any:
    """Return the Avro value of a Python value.

    Raises:
        TypeError: The value has another type.
        ValueError: It cannot be written without loss.
    """
    logical = node.logical
    if logical is None:
        return value
    match logical.name:
        case "date":
            _demand(type(value) is datetime.date, value, "a date")
            return value.toordinal() - EPOCH_DAY
        case "time-millis" | "time-micros":
            return _from_time(logical.name[5:], value)
        case "decimal":
            return _from_decimal(node, logical, value)
        case "big-decimal":
            return _from_big_decimal(value)
        case "uuid":
            _demand(isinstance(value, uuid.UUID), value, "a UUID")
            text: bytes | str = str(value) if isinstance(node, Primitive) else value.bytes
            return text
        case "duration":
            fits = isinstance(value, (tuple, list)) and len(value) == 3
            fits = fits and all(type(one) is int and 0 <= one < 2**32 for one in value)
            _demand(fits, value, "three whole numbers (months, days, milliseconds) of 32 bits")
            return b"".join(one.to_bytes(4, "little") for one in value)
        case "safecodec-msgpack":
            return _carry(value)
    return _from_timestamp(logical.name, value)


def _demand(holds: bool, value: Any, wanted: str) -> None:
    if not holds:
        raise TypeError(f"{wanted} is expected, this is {type(value).__name__}")


# ---- dates and times ---------------------------------------------------------------------------------------------


def _date(days: int) -> datetime.date:
    try:
        return datetime.date.fromordinal(days + EPOCH_DAY)
    except (ValueError, OverflowError):
        raise ValueError(f"a date of {days} days from 1970-01-01 is out of Python's range") from None


def _time(micros: int) -> datetime.time:
    if not 0 <= micros < DAY:
        raise ValueError(f"a time of {micros} microseconds is not within a day")
    seconds, micro = divmod(micros, 1_000_000)
    return datetime.time(seconds // 3600, seconds // 60 % 60, seconds % 60, micro)


def _from_time(unit: str, value: Any) -> int:
    _demand(isinstance(value, datetime.time), value, "a time")
    if value.tzinfo is not None:
        raise ValueError("a time with a time zone has no Avro form")
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    return _in_unit(seconds * 1_000_000 + value.microsecond, unit)


def _in_unit(micros: int, unit: str) -> int:
    of_unit, per_micro = UNITS[unit]
    if micros % of_unit:
        raise ValueError(f"{micros} microseconds are no whole number of {unit}")
    value = micros // of_unit * per_micro
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"{value} {unit} are beyond 64 bits")
    return value


def _timestamp(name: str, value: int) -> datetime.datetime:
    of_unit, per_micro = UNITS[name.rpartition("-")[2]]
    micros, rest = divmod(value * of_unit, per_micro)
    if rest:
        raise ValueError(f"{value} nanoseconds are no whole number of microseconds, which is what Python holds")
    try:
        return (EPOCH if name.startswith("local-") else EPOCH_UTC) + micros * MICROSECOND
    except OverflowError:
        raise ValueError(f"a timestamp of {micros} microseconds is out of Python's range") from None


def _from_timestamp(name: str, value: Any) -> int:
    _demand(isinstance(value, datetime.datetime), value, "a datetime")
    local = name.startswith("local-")
    if (value.utcoffset() is None) != local:
        has, wants = ("no", "one") if value.utcoffset() is None else ("a", "none")
        raise ValueError(f"the datetime has {has} time zone, {name} wants {wants}")
    micros = (value.replace(tzinfo=None) - EPOCH if local else value - EPOCH_UTC) // MICROSECOND
    return _in_unit(micros, name.rpartition("-")[2])


# ---- decimals and the rest ---------------------------------------------------------------------------------------


def _decimal(unscaled: int, logical: Logical) -> decimal.Decimal:
    assert logical.precision is not None
    if abs(unscaled) >= 10**logical.precision:
        raise ValueError(f"a decimal has more than {logical.precision} digits")
    return decimal.Decimal(unscaled).scaleb(-logical.scale, MAX_DIGITS)


def _unscaled(value: Any) -> tuple[int, int]:
    """A decimal's digits as a whole number, and how many of them are behind the point."""
    _demand(isinstance(value, decimal.Decimal), value, "a Decimal")
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"the decimal {value} is not finite")
    whole = int("".join(map(str, digits)))
    if sign and not whole:
        raise ValueError(f"the decimal {value} is a negative zero, which Avro has no form for")
    return -whole if sign else whole, -exponent


def _signed(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


def _from_decimal(node: Primitive | Fixed, logical: Logical, value: Any) -> bytes:
    unscaled, scale = _unscaled(value)
    shift = logical.scale - scale
    if shift > MAX_SCALE:
        raise ValueError(f"the decimal has more than {logical.precision} digits")
    if shift < 0:
        unscaled, rest = divmod(unscaled, 10 ** min(-shift, MAX_SCALE))
        if rest:
            raise ValueError(f"the decimal {value} has more than {logical.scale} digits behind the point")
    else:
        unscaled *= int(10**shift)
    assert logical.precision is not None
    if abs(unscaled) >= 10**logical.precision:
        raise ValueError(f"the decimal {value} has more than {logical.precision} digits")
    if isinstance(node, Fixed):
        return unscaled.to_bytes(node.size, "big", signed=True)
    return _signed(unscaled)


def _big_decimal(value: bytes) -> decimal.Decimal:
    """The unscaled value's bytes with their length, then the scale, as Avro bytes and int (Avro 1.12)."""
    length, at = take_long(value, 0)
    if not 0 < length <= len(value) - at:
        raise ValueError("a big-decimal's unscaled value is cut off")
    unscaled = int.from_bytes(value[at : at + length], "big", signed=True)
    scale, at = take_long(value, at + length)
    if at != len(value) or abs(scale) > MAX_SCALE:
        raise ValueError(f"a big-decimal has {len(value) - at} bytes over, and the scale {scale}")
    return decimal.Decimal(unscaled).scaleb(-scale, MAX_DIGITS)


def _from_big_decimal(value: Any) -> bytes:
    unscaled, scale = _unscaled(value)
    if abs(scale) > MAX_SCALE:
        raise ValueError(f"the decimal's scale {scale} is beyond {MAX_SCALE}")
    digits = _signed(unscaled)
    return put_long(len(digits)) + digits + put_long(scale)


def take_long(data: bytes, at: int) -> tuple[int, int]:
    """Read a zig-zag variable-length long; returns it and the offset behind it.

    Raises:
        ValueError: It is cut off, or longer than 64 bits.
    """
    value = shift = 0
    while True:
        if at >= len(data):
            raise ValueError("a number is cut off")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
        if shift > 63:
            raise ValueError("a number has more than 64 bits")
    if value >> 64:
        raise ValueError("a number has more than 64 bits")
    return value >> 1 ^ -(value & 1), at


def put_long(value: int) -> bytes:
    """Return a zig-zag variable-length long."""
    value = value << 1 ^ value >> 63
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _uuid(value: str | bytes) -> uuid.UUID:
    if isinstance(value, bytes):
        return uuid.UUID(bytes=value)
    try:
        found = uuid.UUID(value)
    except ValueError:
        raise ValueError(f"{value[:40]!r} is no UUID") from None
    if str(found) != value.lower():
        raise ValueError(f"{value[:40]!r} is no UUID as RFC 9562 writes it")
    return found


def _carried(value: bytes) -> Any:
    import msgspec.msgpack

    try:
        return msgspec.msgpack.decode(value)
    except (ValueError, msgspec.MsgspecError, RecursionError, TypeError) as error:
        raise ValueError(f"the carried MessagePack does not decode: {error}") from None


def carried_as(type_: Any) -> Callable[[bytes], Any]:
    """Return what reads a carried value as a Python type."""
    import msgspec.msgpack

    return msgspec.msgpack.Decoder(type_).decode


def carry_as(type_: Any) -> Callable[[Any], bytes]:
    """Return what writes a value of a Python type to be carried, and sees whether it reads as one."""
    import msgspec.msgpack

    encode, decode = msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder(type_).decode

    def carry(value: Any) -> bytes:
        payload = encode(value)
        decode(payload)
        return payload

    return carry


def _carry(value: Any) -> bytes:
    import msgspec.msgpack

    payload: bytes = msgspec.msgpack.encode(value)
    return payload
