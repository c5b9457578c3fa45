"""Compiled bounds and logical types against those in plain Python: one result, or one error, for any value."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from safecodec.avro._conversions import reading, writing
from safecodec.avro.bounds import checker, compiled
from safecodec.avro.limits import DEFAULT
from safecodec.avro.logical import avro_value, put_long, python_value
from safecodec.avro.nodes import Fixed, Logical, Node, Primitive

LONGS = st.integers(-(2**63), 2**63 - 1)
EDGES = st.sampled_from([0, 1, -1, 86_399_999, 86_400_000, 86_399_999_999, 86_400_000_000, 2**31, -(2**63), 2**63 - 1])
NUMBERS = EDGES | LONGS | st.integers(-(2**70), 2**70)
SHORT = st.binary(max_size=20)
DECIMALS = (
    st.decimals(allow_nan=True, allow_infinity=True)
    | st.builds(
        lambda unscaled, scale: Decimal(unscaled).scaleb(-scale), st.integers(-(10**20), 10**20), st.integers(-30, 30)
    )
    | st.sampled_from(
        [Decimal(text) for text in ("0", "-0", "0E-9", "1E+5", "-1E-7", "1E+100001", "9" * 18, "9" * 19, "sNaN")]
    )
)
BIG = st.builds(
    lambda data, scale, more: put_long(len(data)) + data + put_long(scale) + more,
    st.binary(max_size=12), st.integers(-100_001, 100_001) | LONGS, st.sampled_from([b"", b"\0"]),
)  # fmt: skip
UUIDS = st.uuids()
TEXTS = UUIDS.map(str) | UUIDS.map(lambda one: str(one).upper()) | UUIDS.map(lambda one: one.hex) | st.text(max_size=40)
SPOILT = st.builds(
    lambda one, at, put: one[:at] + put + one[at + 1 :], UUIDS.map(str), st.integers(0, 35), st.characters()
)
TIMES = st.times() | st.times(timezones=st.just(datetime.UTC))
DELTAS = st.timedeltas()


class Day(datetime.time):
    """A subclass, which the compiled way does not know."""


ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 1.5, "x", b"x", [1], {}, Day(1), Decimal(1), uuid.UUID(int=1), datetime.timedelta(1)]
)


def primitive(kind: str, name: str, **options: int) -> Primitive:
    return Primitive(kind, Logical(name, **options))


def fixed(size: int, name: str, **options: int) -> Fixed:
    return Fixed(f"F{size}", size, logical=Logical(name, **options))


NODES: dict[str, tuple[Any, Any, Any]] = {
    "time-millis": (primitive("int", "time-millis"), NUMBERS, TIMES),
    "time-micros": (primitive("long", "time-micros"), NUMBERS, TIMES),
    "timedelta": (primitive("long", "safecodec-timedelta-micros"), NUMBERS, DELTAS),
    "uuid": (primitive("string", "uuid"), TEXTS | SPOILT, UUIDS),
    "uuid in a fixed": (fixed(16, "uuid"), st.binary(min_size=16, max_size=16) | SHORT, UUIDS),
    "decimal": (primitive("bytes", "decimal", precision=9, scale=3), SHORT, DECIMALS),
    "decimal of 30 digits": (primitive("bytes", "decimal", precision=30, scale=20), SHORT, DECIMALS),
    "decimal of 18 digits": (primitive("bytes", "decimal", precision=18, scale=0), SHORT, DECIMALS),
    "decimal in a fixed": (fixed(6, "decimal", precision=12, scale=2), SHORT, DECIMALS),
    "big-decimal": (primitive("bytes", "big-decimal"), SHORT | BIG, DECIMALS),
    "date": (primitive("int", "date"), NUMBERS, st.dates()),
}
"""Nodes, their Avro values, and their Python values."""


def outcome(call: Callable[[Any], Any], value: Any) -> tuple[Any, ...]:
    """A result with its type and every digit of it, or an error with its text."""
    try:
        found = call(value)
    except (ValueError, TypeError, ArithmeticError, AttributeError) as error:
        return type(error), str(error)
    return type(found), repr(found)


@pytest.mark.parametrize("digits", [DEFAULT.digits, 5])
@pytest.mark.parametrize("name", NODES)
def test_logical_types_have_one_meaning(name: str, digits: int) -> None:
    """What is read and written in C is what is read and written in Python, and every other value has its error."""
    node, avro, python = NODES[name]
    read, written = partial(python_value, node, digits=digits), partial(avro_value, node, digits=digits)

    @given(avro | ODD)
    def reads(value: Any) -> None:
        assert outcome(reading(node, digits, read), value) == outcome(read, value)

    @given(python | ODD)
    def writes(value: Any) -> None:
        assert outcome(writing(node, digits, written), value) == outcome(written, value)

    reads()
    writes()


@pytest.mark.parametrize("put", ["", "-", "0", "g", " ", "{", "é", "€"])
def test_texts_that_are_almost_uuids_have_one_meaning(put: str) -> None:
    """A UUID's text in which any one character is another, or gone, is read alike in C and in Python."""
    node = NODES["uuid"][0]
    read = partial(python_value, node)
    text = "12345678-9abc-def0-1234-56789abcdef0"
    for at in range(len(text)):
        spoilt = text[:at] + put + text[at + 1 :]
        assert outcome(reading(node, DEFAULT.digits, read), spoilt) == outcome(read, spoilt)


@pytest.mark.parametrize("number", [2**128, 2**200, -1, 2**128 - 1, 0])
def test_uuids_of_any_number_have_one_meaning(number: int) -> None:
    """A UUID whose number was made another is written as its sixteen bytes, or has one error, in C and in Python."""
    node = NODES["uuid in a fixed"][0]
    written = partial(avro_value, node)
    value = uuid.UUID(int=1)
    object.__setattr__(value, "int", number)
    assert outcome(writing(node, DEFAULT.digits, written), value) == outcome(written, value)


def test_a_big_decimal_that_is_cut_off_is_none() -> None:
    """A big-decimal of which bytes are missing is refused, whatever was read before it."""
    node = NODES["big-decimal"][0]
    read = reading(node, DEFAULT.digits, partial(python_value, node))
    for whole in (b"\2\5\0", b"\x10\1\2\3\4\5\6\7\x08\4", b"\4\1\2\x80\1"):
        for size in range(1, len(whole)):
            assert isinstance(read(whole), Decimal)
            with pytest.raises(ValueError, match=r"cut off|more than 64 bits"):
                read(whole[:size])


def test_uuids_are_those_of_python() -> None:
    """A UUID that is made past its constructor is equal to one of it, hashes alike, and cannot be changed."""
    node = NODES["uuid"][0]
    text = "12345678-9abc-def0-1234-56789abcdef0"
    made = reading(node, DEFAULT.digits, partial(python_value, node))(text)
    one = uuid.UUID(text)
    assert (made, hash(made), str(made), made.is_safe, made.fields) == (one, hash(one), text, one.is_safe, one.fields)
    with pytest.raises(TypeError):
        made.int = 1


VALUES = (
    st.integers(-5, 5) | NUMBERS | st.floats() | st.text(max_size=6) | st.binary(max_size=6) | st.booleans()
    | st.lists(st.integers(), max_size=5) | st.dictionaries(st.text(max_size=2), st.integers(), max_size=5)
    | DECIMALS | ODD
)  # fmt: skip
BOUND = st.integers(-4, 4) | st.floats(-4, 4) | st.sampled_from([2**53, 2**53 + 1, -(2**62), 2**62, 2**64])
BOUNDS = st.fixed_dictionaries(
    {}, optional={"ge": BOUND, "gt": BOUND, "le": BOUND, "lt": BOUND, "multiple_of": st.integers(1, 5) | st.just(0.5)}
) | st.fixed_dictionaries(
    {},
    optional={
        "min_length": st.integers(0, 3), "max_length": st.integers(0, 5),
        "pattern": st.sampled_from(["^a*$", "[0-9]", "é"]),
    },
)  # fmt: skip


@given(BOUNDS, VALUES)
@example({"gt": 1, "ge": 1}, 1)
@example({"gt": 1.0, "ge": 1.0}, 1.0)
@example({"lt": 1.0, "le": 2.0}, 1.0)
@example({"ge": 2**53 + 1}, float(2**53))
@example({"le": 1}, float("nan"))
@example({"max_length": 1}, {})
@example({"ge": -2}, -(2**70))
@example({"le": 5}, 2**70)
@example({"gt": 2**63 - 1}, 5)
@example({"lt": -(2**63)}, 5)
def test_bounds_have_one_meaning(bounds: dict[str, Any], value: Any) -> None:
    """A value is handed on by compiled bounds if it is by those in Python, and has the error of those otherwise."""
    node: Node = Primitive("string", None, {"safecodec.bounds": bounds})
    slow, fast = checker(node), compiled(node)
    if slow is None or fast is None:
        assert slow is fast is None
        return
    assert outcome(fast, value) == outcome(slow, value)
    assert outcome(fast, value)[0] is not type(value) or fast(value) is value
