"""Logical types: lossless both ways, or an error."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pytest

from safecodec.avro.logical import avro_value, put_long, python_value, take_long
from safecodec.avro.nodes import Fixed, Logical, Primitive

UTC = dt.UTC
SECOND = dt.datetime(1970, 1, 1, 0, 0, 1)
ID = uuid.UUID("6f1bd0e8-3a54-4c7e-9c43-0a8cdd0e7c11")
DEEP: Any = 7
for _ in range(65):
    DEEP = [DEEP]


def node(kind: str, name: str, precision: int | None = None, scale: int = 0, size: int = 0) -> Primitive | Fixed:
    """A node with a logical type."""
    logical = Logical(name, precision, scale)
    return Fixed("F", size, logical) if kind == "fixed" else Primitive(kind, logical)


@pytest.mark.parametrize(
    ("where", "value", "expected"),
    [
        (Primitive("int"), 7, 7),
        (node("int", "date"), dt.date(1970, 1, 3), 2),
        (node("int", "date"), dt.date(1969, 12, 31), -1),
        (node("int", "time-millis"), dt.time(0, 0, 1, 2000), 1002),
        (node("long", "time-micros"), dt.time(23, 59, 59, 999_999), 86_399_999_999),
        (node("long", "timestamp-millis"), SECOND.replace(tzinfo=UTC), 1000),
        (node("long", "timestamp-micros"), SECOND.replace(tzinfo=UTC), 1_000_000),
        (node("long", "timestamp-nanos"), SECOND.replace(tzinfo=UTC), 1_000_000_000),
        (node("long", "local-timestamp-millis"), SECOND, 1000),
        (node("long", "local-timestamp-micros"), dt.datetime(1969, 12, 31, 23, 59, 59), -1_000_000),
        (node("long", "local-timestamp-nanos"), SECOND, 1_000_000_000),
        (node("bytes", "decimal", 4, 2), Decimal("1.50"), b"\x00\x96"),
        (node("bytes", "decimal", 4, 2), Decimal("-0.01"), b"\xff"),
        (node("fixed", "decimal", 4, 2, 3), Decimal("-1.50"), b"\xff\xff\x6a"),
        (node("bytes", "big-decimal"), Decimal("3.14"), b"\x04\x01\x3a\x04"),
        (node("bytes", "big-decimal"), Decimal("1E+2"), b"\x02\x01\x03"),
        (node("string", "uuid"), ID, str(ID)),
        (node("fixed", "uuid", size=16), ID, ID.bytes),
        (node("fixed", "duration", size=12), (1, 2, 3), b"\1\0\0\0\2\0\0\0\3\0\0\0"),
        (node("bytes", "big-decimal"), Decimal("-0.00"), b"\x00-0.00"),
        (node("bytes", "big-decimal"), Decimal("-0E+7"), b"\x00-0E+7"),
        (node("bytes", "big-decimal"), Decimal("NaN"), b"\x00NaN"),
        (node("bytes", "big-decimal"), Decimal("-Infinity"), b"\x00-Infinity"),
        (node("bytes", "safecodec-msgpack"), {"k": [1, None, b"x"]}, b"\x81\xa1k\x93\x01\xc0\xc4\x01x"),
        (node("long", "safecodec-timedelta-micros"), dt.timedelta(days=-1, microseconds=1), -86_399_999_999),
        (node("long", "safecodec-timedelta-micros"), 2**63 // 10**6 * dt.timedelta(seconds=1), 2**63 // 10**6 * 10**6),
        (node("string", "safecodec-offset-time"), dt.time(1, 2, 3, 4, tzinfo=UTC), "01:02:03.000004+00:00"),
    ],
)
def test_both_ways(where: Primitive | Fixed, value: Any, expected: Any) -> None:
    """A Python value and an Avro value stand for each other."""
    assert avro_value(where, value) == expected
    again = python_value(where, expected)
    assert again == value or again != again  # a NaN is equal to none
    assert (str(again), type(again)) == (str(value), type(value))


def test_time_zones_are_one_instant() -> None:
    """An aware datetime of any zone is its instant."""
    summer = dt.datetime(2026, 7, 1, 14, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    where = node("long", "timestamp-micros")
    assert python_value(where, avro_value(where, summer)) == summer


@pytest.mark.parametrize(
    ("where", "value", "words"),
    [
        (node("int", "date"), SECOND, "a date is expected, this is datetime"),
        (node("int", "time-millis"), dt.time(0, 0, 0, 1), "no whole number of millis"),
        (node("int", "time-millis"), "x", "a time is expected"),
        (node("long", "time-micros"), dt.time(1, tzinfo=UTC), "time zone has no Avro form"),
        (node("long", "timestamp-micros"), SECOND, "has no time zone, timestamp-micros wants one"),
        (node("long", "local-timestamp-micros"), SECOND.replace(tzinfo=UTC), "has a time zone"),
        (node("long", "timestamp-micros"), dt.date(2020, 1, 1), "a datetime is expected"),
        (node("long", "timestamp-millis"), SECOND.replace(microsecond=1, tzinfo=UTC), "no whole number of millis"),
        (node("long", "timestamp-nanos"), dt.datetime(9999, 1, 1, tzinfo=UTC), "beyond 64 bits"),
        (node("bytes", "decimal", 4, 2), Decimal("0.001"), "digits behind the point"),
        (node("bytes", "decimal", 4, 2), Decimal("100"), "more than 4 digits"),
        (node("bytes", "decimal", 4, 2), Decimal("1E+200000"), "more than 4 digits"),
        (node("bytes", "decimal", 4, 2), Decimal("1E+9"), "the decimal has more than 4 digits"),
        (node("bytes", "decimal", 4, 2), Decimal("0E+9999999"), "the decimal has more than 4 digits"),
        (node("bytes", "decimal", 4, 2), Decimal("1E+999999999999999999"), "more than 4 digits"),
        (node("bytes", "decimal", 4, 2), Decimal("NaN"), "not finite"),
        (node("bytes", "decimal", 4, 2), 1.5, "a Decimal is expected"),
        (node("bytes", "decimal", 4, 2), Decimal("-0.00"), "negative zero"),
        (node("bytes", "big-decimal"), Decimal("sNaN" + "1" * 41), "a form that does not come back"),
        (node("bytes", "big-decimal"), 1.5, "a Decimal is expected"),
        (node("long", "safecodec-timedelta-micros"), 7, "a timedelta is expected, this is int"),
        (node("string", "safecodec-offset-time"), "x", "a time is expected"),
        (node("string", "safecodec-offset-time"), dt.time(1), "this has none"),
        (node("bytes", "safecodec-msgpack"), {1: "x"}, "a key of a dict in a value of Any is a str, this is int"),
        (node("bytes", "safecodec-msgpack"), [(1, 2)], "this is tuple: give the field a type of its own"),
        (node("bytes", "safecodec-msgpack"), {"k": {1}}, "this is set"),
        (node("bytes", "safecodec-msgpack"), [2**63], "beyond 64 bits"),
        (node("bytes", "safecodec-msgpack"), ["\ud800"], "no UTF-8 form"),
        (node("bytes", "safecodec-msgpack"), {"\ud800": 1}, "no UTF-8 form"),
        (node("bytes", "safecodec-msgpack"), DEEP, "nests deeper than 64 levels"),
        (node("bytes", "big-decimal"), Decimal("1E+200000"), "is beyond"),
        (node("string", "uuid"), str(ID), "a UUID is expected"),
        (node("fixed", "duration", size=12), (1, 2), "three whole numbers"),
        (node("fixed", "duration", size=12), (1, 2, -3), "three whole numbers"),
    ],
)
def test_refused_when_written(where: Primitive | Fixed, value: Any, words: str) -> None:
    """What cannot be written without loss is an error."""
    with pytest.raises((ValueError, TypeError), match=words):
        avro_value(where, value)


@pytest.mark.parametrize(
    ("where", "value", "words"),
    [
        (node("int", "date"), 2**31 - 1, "out of Python's range"),
        (node("long", "time-micros"), 86_400_000_000, "not within a day"),
        (node("int", "time-millis"), -1, "not within a day"),
        (node("long", "timestamp-micros"), 2**62, "out of Python's range"),
        (node("long", "timestamp-nanos"), 1, "no whole number of microseconds"),
        (node("bytes", "decimal", 2, 1), b"\x7f\xff", "more than 2 digits"),
        (node("bytes", "big-decimal"), b"", "cut off"),
        (node("bytes", "big-decimal"), b"\x00", "no NaN, infinity or negative zero"),
        (node("bytes", "big-decimal"), b"\x001.5", "no NaN, infinity or negative zero"),
        (node("string", "safecodec-offset-time"), "x" * 50, "is no time of day as ISO 8601 writes it"),
        (node("string", "safecodec-offset-time"), "01:02:03", "has no offset from UTC"),
        (node("bytes", "big-decimal"), b"\x04\x01", "cut off"),
        (node("bytes", "big-decimal"), b"\x02\x01\x00\x00", "1 bytes over"),
        (node("bytes", "big-decimal"), b"\x02\x01" + put_long(10**9), "and the scale"),
        (node("string", "uuid"), "x", "is no UUID"),
        (node("string", "uuid"), f"{{{ID}}}", "as RFC 9562 writes it"),
        (node("bytes", "safecodec-msgpack"), b"\xc1", "does not decode"),
        (node("bytes", "safecodec-msgpack"), b"\x01\x01", "does not decode"),
    ],
)
def test_refused_when_read(where: Primitive | Fixed, value: Any, words: str) -> None:
    """What stands for no Python value is an error."""
    with pytest.raises(ValueError, match=words):
        python_value(where, value)


@pytest.mark.parametrize("value", [0, -1, 1, 63, -64, 64, 2**31, 2**63 - 1, -(2**63)])
def test_longs(value: int) -> None:
    """Zig-zag numbers of 64 bits survive (Avro 1.12, *Binary Encoding*)."""
    assert take_long(b"x" + put_long(value), 1) == (value, len(put_long(value)) + 1)


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80" * 11, b"\xff" * 9 + b"\x02"])
def test_bad_longs(data: bytes) -> None:
    """A number that is cut off or has more than 64 bits is refused."""
    with pytest.raises(ValueError, match="a number"):
        take_long(data, 0)


def test_a_number_is_read_no_further_than_its_bits() -> None:
    """A number of more than 64 bits is refused for that at its eleventh byte, though it were cut off later."""
    with pytest.raises(ValueError, match="more than 64 bits"):
        take_long(b"\x80" * 1000, 0)
