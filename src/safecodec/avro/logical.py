"""Logical types: between an Avro value and the Python value it stands for, without loss or with an error.

Physical values are what fastavro hands out for the underlying type: int, bytes, str.
"""

from __future__ import annotations

import datetime
import decimal
import re
import uuid
from typing import Any, Final

from .describing import nests_too_deep
from .limits import DEFAULT
from .nodes import Fixed, Logical, Primitive

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

SPECIAL_DECIMAL: Final = re.compile(rb"-?(s?NaN[0-9]{0,40}|Infinity|0(\.0{1,40})?(E[+-][0-9]{1,9})?)\Z")

CARRIER: Final = "safecodec-msgpack"
"""The logical type of `typing.Any`: MessagePack in bytes."""
TIMEDELTA: Final = "safecodec-timedelta-micros"
"""The logical type of a timedelta: its microseconds as a long."""
OFFSET_TIME: Final = "safecodec-offset-time"
"""The logical type of a time of day with an offset from UTC: its ISO 8601 text."""

Value = Any


def python_value(node: Primitive | Fixed, value: Any, digits: int = DEFAULT.digits) -> Value:
    """Return the Python value that an Avro value of a node stands for.

    Args:
        node: The node.
        value: The Avro value.
        digits: How many digits a Decimal may have.

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
            return _decimal(value, logical, digits)
        case "big-decimal":
            return _big_decimal(value, digits)
        case "uuid":
            return _uuid(value)
        case "duration":
            return tuple(int.from_bytes(value[at : at + 4], "little") for at in (0, 4, 8))
        case "safecodec-msgpack":
            return _carried(value)
        case "safecodec-timedelta-micros":
            return datetime.timedelta(microseconds=value)  # which holds more than 64 bits
        case "safecodec-offset-time":
            return _offset_time(value)
    return _timestamp(logical.name, value)


def avro_value(node: Primitive | Fixed, value: Value, digits: int = DEFAULT.digits) -> Any:
    """Return the Avro value of a Python value.

    Args:
        node: The node.
        value: The Python value.
        digits: How many digits a Decimal may have.

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
            return _from_decimal(node, logical, value, digits)
        case "big-decimal":
            return _from_big_decimal(value, digits)
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
            return carry(value)
        case "safecodec-timedelta-micros":
            _demand(isinstance(value, datetime.timedelta), value, "a timedelta")
            return value // MICROSECOND
        case "safecodec-offset-time":
            _demand(isinstance(value, datetime.time), value, "a time")
            if value.utcoffset() is None:
                raise ValueError("a time with an offset from UTC is expected, this has none")
            return value.isoformat()
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


def _demand_digits(unscaled: int, digits: int) -> None:
    """Refuse an unscaled value of too many digits, which are found in the square of the time that its bytes take."""
    # 0.30103 is a little more than the logarithm of 2: most numbers are seen to have few digits by their bits.
    if unscaled.bit_length() * 30103 > digits * 100_000 and abs(unscaled) >= 10**digits:
        raise ValueError(f"a decimal has more digits than {digits}, the limit digits")


def _decimal(data: bytes, logical: Logical, digits: int) -> decimal.Decimal:
    assert logical.precision is not None
    unscaled = int.from_bytes(data, "big", signed=True)
    if len(data) * 3 > digits:  # a byte has less than three digits
        _demand_digits(unscaled, digits)
    if abs(unscaled) >= 10**logical.precision:
        raise ValueError(f"a decimal has more than {logical.precision} digits")
    return decimal.Decimal(unscaled).scaleb(-logical.scale, MAX_DIGITS)


def _unscaled(value: Any, most: int) -> tuple[int, int]:
    """A decimal's digits as a whole number, and how many of them are behind the point."""
    _demand(isinstance(value, decimal.Decimal), value, "a Decimal")
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        raise ValueError(f"the decimal {_spelled(value)} is not finite")
    if len(digits) > most:
        raise ValueError(f"the decimal has {len(digits)} digits, the limit digits is {most}")
    whole = int(decimal.Decimal((sign, digits, 0)))
    if sign and not whole:
        raise ValueError(f"the decimal {_spelled(value)} is a negative zero, which Avro has no form for")
    return whole, -exponent


def _spelled(value: decimal.Decimal) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _signed(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


def _from_decimal(node: Primitive | Fixed, logical: Logical, value: Any, digits: int) -> bytes:
    assert logical.precision is not None
    unscaled, scale = _unscaled(value, digits)
    shift = logical.scale - scale
    if shift > MAX_SCALE or (unscaled and shift > logical.precision):
        raise ValueError(f"the decimal has more than {logical.precision} digits")
    if shift < 0:
        unscaled, rest = divmod(unscaled, 10 ** min(-shift, digits))
        if rest:
            raise ValueError(f"the decimal {_spelled(value)} has more than {logical.scale} digits behind the point")
    else:
        unscaled *= int(10**shift)
    if abs(unscaled) >= 10**logical.precision:
        raise ValueError(f"the decimal {_spelled(value)} has more than {logical.precision} digits")
    if isinstance(node, Fixed):
        return unscaled.to_bytes(node.size, "big", signed=True)
    return _signed(unscaled)


def _big_decimal(value: bytes, digits: int) -> decimal.Decimal:
    """The unscaled value's bytes with their length, then the scale, as Avro bytes and int (Avro 1.12).

    Behind an unscaled value without a byte, which is none to other readers, stands the text of NaN, an infinity or a
    negative zero.
    """
    length, at = take_long(value, 0)
    if not length:
        return _special_decimal(value[at:])
    if not 0 < length <= len(value) - at:
        raise ValueError("a big-decimal's unscaled value is cut off")
    unscaled = int.from_bytes(value[at : at + length], "big", signed=True)
    if length * 3 > digits:  # a byte has less than three digits
        _demand_digits(unscaled, digits)
    scale, at = take_long(value, at + length)
    if at != len(value) or abs(scale) > MAX_SCALE:
        raise ValueError(f"a big-decimal has {len(value) - at} bytes over, and the scale {scale}")
    return decimal.Decimal(unscaled).scaleb(-scale, MAX_DIGITS)


def _special_decimal(text: bytes) -> decimal.Decimal:
    if not SPECIAL_DECIMAL.match(text):
        raise ValueError("a big-decimal without an unscaled value is no NaN, infinity or negative zero")
    return decimal.Decimal(text.decode())


def _from_big_decimal(value: Any, digits: int) -> bytes:
    _demand(isinstance(value, decimal.Decimal), value, "a Decimal")
    if not value.is_finite() or (value.is_zero() and value.is_signed()):
        text = str(value).encode()
        if not SPECIAL_DECIMAL.match(text):
            raise ValueError(f"the decimal {value:.40} has a form that does not come back")
        return put_long(0) + text
    unscaled, scale = _unscaled(value, digits)
    if abs(scale) > MAX_SCALE:
        raise ValueError(f"the decimal's scale {scale} is beyond {MAX_SCALE}")
    data = _signed(unscaled)
    return put_long(len(data)) + data + put_long(scale)


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


def put_bytes(data: bytes) -> bytes:
    """Return bytes behind their length."""
    return put_long(len(data)) + data


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
    except (ValueError, msgspec.MsgspecError, TypeError, RecursionError) as error:
        if isinstance(error, RecursionError) and not nests_too_deep(error):
            raise
        raise ValueError(f"the carried MessagePack does not decode: {error}") from None


def carry(value: Any, longest: int = DEFAULT.payload) -> bytes:
    """Return the MessagePack of a value of `typing.Any`.

    Args:
        value: The value.
        longest: How many bytes a payload may have.

    Raises:
        ValueError: The value does not come back as it is, or takes more bytes.
    """
    import msgspec.msgpack

    demand_plain(value, longest)
    payload: bytes = msgspec.msgpack.encode(value)
    return payload


PLAIN: Final = frozenset({type(None), bool, int, float, str, bytes})


def demand_plain(value: Any, longest: int = DEFAULT.payload, *, texts_only: bool = False) -> None:
    """Refuse a value that a reader of `typing.Any` does not get back as it is.

    Args:
        value: A value, with all that it holds. What it shares counts wherever it stands.
        longest: How many bytes a payload may have: each item takes one at least, and each character of a text.
        texts_only: Whether the format has no bytes.

    Raises:
        ValueError: It holds something else than None, bool, int of 64 bits, float, str, bytes, list and dict, or takes
            more bytes.
    """
    _demand_plain(value, [longest], 0, texts_only=texts_only)


def _demand_plain(value: Any, left: list[int], depth: int, *, texts_only: bool) -> None:
    kind = type(value)
    left[0] -= (len(value) if kind in (str, bytes) else 0) or 1
    if left[0] < 0:
        raise ValueError("a value of Any takes more bytes than the limit payload allows")
    if depth > 64:
        raise ValueError("a value of Any nests deeper than 64 levels")
    if kind is list:
        for one in value:
            _demand_plain(one, left, depth + 1, texts_only=texts_only)
    elif kind is dict:
        for key, one in value.items():
            if type(key) is not str:
                raise ValueError(f"a key of a dict in a value of Any is a str, this is {type(key).__name__}")
            _demand_plain(key, left, depth + 1, texts_only=texts_only)
            _demand_plain(one, left, depth + 1, texts_only=texts_only)
    elif kind not in PLAIN or (texts_only and kind is bytes):
        raise ValueError(
            f"a value of Any is None, bool, int, float, str, {'' if texts_only else 'bytes, '}list or dict, which come "
            f"back as they are; this is {kind.__name__}: give the field a type of its own"
        )
    elif kind is int and not -(2**63) <= value < 2**63:
        raise ValueError("a whole number in a value of Any is beyond 64 bits")
    elif kind is str and not has_utf_8(value):
        raise ValueError("a text in a value of Any has no UTF-8 form")


def has_utf_8(value: str) -> bool:
    """Tell whether a text has a UTF-8 form: lone surrogates have none."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _offset_time(value: str) -> datetime.time:
    try:
        found = datetime.time.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value[:40]!r} is no time of day as ISO 8601 writes it") from None
    if found.tzinfo is None:
        raise ValueError(f"{value[:40]!r} has no offset from UTC")
    return found
