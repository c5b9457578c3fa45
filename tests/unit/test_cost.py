"""What a call is expected to cost, and what an estimate learns."""

from __future__ import annotations

import asyncio
import enum
import types
from collections import deque
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import attrs
import msgspec
import pytest

from safecodec import Codec, EncodeError
from safecodec._cost import FIRST_RATE, HALF_LIFE, LOWEST_RATE, Estimate, size_hint

BUDGET = 200e-6
KB = 1000


def settled(rate: float, *, size: int = 300, now: float = 0.0) -> Estimate:
    """An estimate after many calls at one rate, in the hundred seconds until now."""
    estimate = Estimate(BUDGET)
    for step in range(-1000, 1):
        estimate.note(size, size * rate, now + step / 10)
    return estimate


def rate_of(estimate: Estimate, now: float) -> float:
    return estimate.predict(1_000_000, now) / 1_000_000


def test_first_call_is_taken_to_be_dear() -> None:
    """Before anything is measured, 10 KB are over a budget of 200 µs, and 9 KB are not."""
    assert Estimate(BUDGET).predict(10 * KB, 0.0) == pytest.approx(10 * KB * FIRST_RATE)
    assert Estimate(BUDGET).predict(10 * KB, 0.0) >= BUDGET
    assert Estimate(BUDGET).predict(9 * KB, 0.0) < BUDGET


def test_small_payloads_cost_as_much_as_256_bytes() -> None:
    """What a call costs beside its bytes is in the estimate of the smallest ones."""
    estimate = Estimate(BUDGET)
    assert estimate.predict(0, 0.0) == estimate.predict(256, 0.0) < estimate.predict(257, 0.0)


@pytest.mark.parametrize("rate", [2e-9, 10e-9, 300e-9])
@pytest.mark.parametrize("size", [256, 5000, 1_000_000])
def test_estimate_finds_the_rate(rate: float, size: int) -> None:
    """Whatever the size of the payloads, calls that take the same for each byte are predicted."""
    estimate = settled(rate, size=size)
    assert rate_of(estimate, now=1000.0) == pytest.approx(rate, rel=0.01)


def test_one_large_payload_tells_the_truth_at_once() -> None:
    """After many cheap payloads, a dear one of 100 KB stands on the loop once: the next one is known."""
    estimate = settled(1e-9)
    assert estimate.predict(100 * KB, 0.0) < BUDGET
    estimate.note(100 * KB, 100 * KB * 200e-9, 0.0)
    assert estimate.predict(100 * KB, 0.0) > 90 * BUDGET


def test_cheap_payloads_do_not_hide_a_dear_one() -> None:
    """However many cheap payloads come after a dear one, it is forgotten with time alone, by half in five seconds."""
    estimate = settled(1e-9)
    estimate.note(100 * KB, 100 * KB * 200e-9, 0.0)
    for _ in range(1000):
        estimate.note(100 * KB, 100 * KB * 1e-9, 0.0)
    assert rate_of(estimate, now=0.0) > 180e-9
    assert rate_of(estimate, now=HALF_LIFE) == pytest.approx(rate_of(estimate, now=0.0) / 2)
    assert rate_of(estimate, now=10 * HALF_LIFE) == pytest.approx(LOWEST_RATE, rel=0.2)


def test_time_that_runs_backwards_changes_nothing() -> None:
    """A thread whose time is a little behind another's gets the worst as it was."""
    estimate = settled(1e-9, now=10.0)
    estimate.note(100 * KB, 0.02, 10.0)
    assert rate_of(estimate, now=9.9) == rate_of(estimate, now=10.0)


@pytest.mark.parametrize("pause", [0.005, 0.1, 3.0])
def test_one_disturbed_call_moves_nothing_like_it_off_the_loop(pause: float) -> None:
    """A small payload during which the collector ran, or the thread slept, leaves payloads like it where they were."""
    estimate = settled(10e-9)
    estimate.note(300, pause, 0.0)
    assert estimate.predict(300, 0.0) < BUDGET
    for step in range(300):
        estimate.note(300, 300 * 10e-9, step / 10)
    assert rate_of(estimate, now=30.0) < 20e-9


def test_small_payloads_that_stay_dear_are_known_soon() -> None:
    """A plan whose small payloads take milliseconds, as by a class's own code, stands on the loop a few times only."""
    estimate = settled(10e-9)
    stood = 0
    while estimate.predict(300, 0.0) < BUDGET:
        estimate.note(300, 0.001, 0.0)
        stood += 1
    assert stood <= 5


def test_payloads_of_one_text_bring_no_megabyte_onto_the_loop() -> None:
    """A byte never costs less than a nanosecond, whatever was measured."""
    assert settled(0.0, size=1_000_000).predict(200 * KB, 1000.0) >= BUDGET


def test_what_ended_early_never_makes_it_cheaper() -> None:
    """A refusal counts where it took longer than expected, and not where it was quick."""
    estimate = settled(10e-9)
    before = rate_of(estimate, now=0.0)
    estimate.note(100 * KB, 0.0, 0.0, whole=False)
    assert rate_of(estimate, now=0.0) == before
    estimate.note(100 * KB, 0.01, 0.0, whole=False)
    assert rate_of(estimate, now=0.0) > 5 * before


def test_a_guessed_size_counts_by_the_real_one() -> None:
    """A value that was taken for small and was large is known at once, too."""
    light, heavy = settled(10e-9), settled(10e-9)
    light.note(256, 0.05, 0.0)
    heavy.note(256, 0.05, 0.0, weight=1_000_000)
    assert light.predict(256, 0.0) < BUDGET < heavy.predict(256, 0.0)


def test_budgets_without_bounds() -> None:
    """With a budget of nothing nothing is below it, and with an endless one everything is."""
    assert not Estimate(0.0).predict(1, 0.0) < 0.0
    assert Estimate(float("inf")).predict(2**32, 0.0) < float("inf")


# ---- a value at a glance ---------------------------------------------------------------------------------------------


@dataclass
class Plain:
    number: int
    name: str
    tags: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Slotted:
    rows: list[Plain]


class Struct(msgspec.Struct, kw_only=True):
    rows: list[Plain]


@attrs.define
class Attrs:
    rows: list[Plain]


class Tupled(NamedTuple):
    number: int
    rows: list[Plain]


class Colour(enum.Enum):
    RED = "red"


ROWS = [Plain(n, f"name {n}", ["a tag"] * 4) for n in range(2_000)]


@pytest.mark.parametrize(
    ("source", "value"),
    [
        (Slotted, Slotted(rows=ROWS)),
        (Struct, Struct(rows=ROWS)),
        (Attrs, Attrs(ROWS)),
        (Tupled, Tupled(1, ROWS)),
        (list[Plain], ROWS),
        (dict[str, Plain], {str(row.number): row for row in ROWS}),
        (dict[str, list[str]], {"few": ["x"], "many": ["a longer text"] * 5_000}),
        (str, "é" * 20_000),
        (bytes, bytes(20_000)),
        (list[int], [n * n for n in range(20_000)]),
    ],
    ids=["slots", "struct", "attrs", "namedtuple", "list", "map", "uneven", "text", "bytes", "numbers"],
)
def test_glance_comes_near(source: Any, value: Any) -> None:
    """A large value is taken for a third to three times the size of its payload."""
    codec: Codec[Any] = Codec(source, subject="s", version=1, environment="test")
    size = len(codec.encode(value)) - 32
    assert size / 3 < size_hint(value) < size * 3


def test_glance_is_short() -> None:
    """However large and deep a value is, the glance ends: it looks at few of many, and not into what lies too deep."""
    nested: Any = [1] * 1000
    for _ in range(200):
        nested = [nested] * 8
    assert size_hint(nested) > 0
    assert size_hint([ROWS] * 1000) > 1000 * size_hint(ROWS) / 5


@pytest.mark.parametrize("value", [None, 7, 1.5, Colour.RED, object(), [], {}, "", (), set(), deque()])
def test_glance_at_little(value: Any) -> None:
    """What holds nothing is small."""
    assert 0 <= size_hint(value) <= 8


def test_glance_at_other_containers() -> None:
    """Sets, deques and tuples are containers, too."""
    assert min(map(size_hint, [set(range(1000)), deque(range(1000)), tuple(range(1000))])) == 8000


def test_glance_that_fails_is_no_error() -> None:
    """What a value's own code raises while it is looked at is left to the encoder."""

    @dataclass
    class Failing:
        number: int

        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError(name)

    class Untold:
        """Its class does not say which fields it has."""

        __match_args__ = 10**30

    assert size_hint(Failing(1)) == 256
    assert size_hint(Untold()) == 256
    assert size_hint(types.MappingProxyType({"a": 1})) == 8


def _lying(kind: type, error: type[Exception] | None) -> Any:
    """A class of containers or texts whose own methods lie, or fail."""

    def said(_: Any) -> Any:
        if error is not None:
            raise error
        return 10**30

    names = ("__len__", "__iter__", "values", "__getitem__", "__class_getitem__")
    return type("Lying", (kind,), dict.fromkeys(names, said))


@pytest.mark.parametrize("error", [None, KeyError, OverflowError, ZeroDivisionError, AttributeError, OSError])
@pytest.mark.parametrize(
    ("kind", "source"),
    [
        (str, "x" * 99), (bytes, b"x" * 99), (bytearray, b"x" * 99), (dict, {"a": "b", "c": "d"}), (list, [1, 2]),
        (tuple, (1, 2)), (set, {1, 2}), (frozenset, {1, 2}), (deque, [1, 2]),
    ],
)  # fmt: skip
def test_glance_asks_no_method_of_a_value(kind: Any, source: Any, error: type[Exception] | None) -> None:
    """A glance sees a subclass as what its base holds: whatever its own methods do, writing it decides."""
    assert size_hint(_lying(kind, error)(source)) == size_hint(kind(source))


@pytest.mark.parametrize("error", [None, KeyError, OverflowError])
@pytest.mark.parametrize(("type_", "source"), [(list[int], [1]), (dict[str, int], {"a": 1}), (bytes, b"a")])
def test_async_calls_refuse_as_others(type_: Any, source: Any, error: type[Exception] | None) -> None:
    """A value whose methods fail is refused by `aencode` as by `encode`."""
    codec: Codec[Any] = Codec(type_, subject="s", version=1, environment="test")
    value = _lying(type(source), error)(source)

    def written_async(value: Any) -> bytes:
        async def main() -> bytes:
            return await codec.aencode(value)

        return asyncio.run(main())

    found = []
    for call in (codec.encode, written_async):
        with pytest.raises(EncodeError) as caught:
            call(value)
        found.append(str(caught.value))
    assert found[0] == found[1]
