"""Synchronous calls on the thread of an event loop."""

from __future__ import annotations

import asyncio
import inspect
import math
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from loops import Run, each_loop
from safecodec import Codec, DecodeError, InputTypeError, LoopBlockedError, SafecodecLoopWarning


@dataclass
class Rows:
    """Something that may be large."""

    rows: list[dict[str, int]]


SMALL, LARGE = Rows([]), Rows([{"a": n, "b": n} for n in range(20_000)])


def codec(guard: Any, **more: Any) -> Codec[Rows]:
    return Codec(Rows, subject="rows", version=1, environment="test", loop_guard=guard, **more)


FRAMES = {"small": codec("off").encode(SMALL), "large": codec("off").encode(LARGE)}
CALLS: dict[str, Callable[[Codec[Rows], str], Any]] = {
    "decode": lambda made, size: made.decode(FRAMES[size]),
    "reader": lambda made, size: made.reader(Rows).decode(FRAMES[size]),
    "decode_many": lambda made, size: made.decode_many([FRAMES[size]] * 2),
    "encode": lambda made, size: made.encode(SMALL if size == "small" else LARGE),
}
each_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())


def in_loop(run: Run, call: Callable[[], Any]) -> Any:
    """What a call does on the thread of a running loop."""

    async def main() -> Any:
        return call()

    return run(main)


@each_loop
@each_call
def test_large_call_is_warned_of(run: Run, call: Callable[[Codec[Rows], str], Any]) -> None:
    """A call that stands on the loop is made, and warned of with its size and its time."""
    with pytest.warns(SafecodecLoopWarning) as caught:
        in_loop(run, lambda: call(codec("warn"), "large"))
    assert len(caught) == 1
    warning: Any = caught[0].message
    times = 2 if warning.verb == "decode_many" else 1
    assert warning.size == times * (len(FRAMES["large"]) - 32)
    assert 200e-6 < warning.seconds < 20


def test_warning_points_at_the_caller() -> None:
    """The warning names the line that calls, whichever verb it is: compiled code and what lies between have none."""
    made = codec("warn")
    lines = []

    async def main() -> None:
        start = inspect.currentframe()
        assert start is not None
        lines.append(start.f_lineno)
        made.decode(FRAMES["large"])
        made.decode_many([FRAMES["large"]])
        made.encode(LARGE)
        made.reader(Rows).decode(FRAMES["large"])

    with pytest.warns(SafecodecLoopWarning) as caught:
        asyncio.run(main())
    assert {warning.filename for warning in caught} == {__file__}
    assert [warning.lineno - lines[0] for warning in caught] == [1, 2, 3, 4]


@each_loop
@each_call
def test_large_call_is_refused(run: Run, call: Callable[[Codec[Rows], str], Any]) -> None:
    """With loop_guard="raise" a large call is not made, from the first on, and the error says what to do."""
    with pytest.raises(LoopBlockedError, match=r"await a(de|en)code.*, or call it in another thread") as caught:
        in_loop(run, lambda: call(codec("raise"), "large"))
    assert caught.value.size > 30_000
    assert caught.value.seconds > caught.value.budget == 200e-6
    assert not isinstance(caught.value, DecodeError)


@each_loop
@each_call
@pytest.mark.parametrize("guard", ["warn", "raise"])
def test_small_calls_are_nobodys_business(run: Run, call: Callable[[Codec[Rows], str], Any], guard: str) -> None:
    """A call within the budget is made on a loop's thread as anywhere else."""
    made = codec(guard)
    assert in_loop(run, lambda: call(made, "small")) == call(codec("off"), "small")


@each_call
@pytest.mark.parametrize("guard", ["warn", "raise"])
def test_other_threads_are_free(call: Callable[[Codec[Rows], str], Any], guard: str) -> None:
    """Without a loop on this very thread, a large call is made: before, beside and in a thread of one."""
    made = codec(guard)
    expected = call(codec("off"), "large")
    assert call(made, "large") == expected

    async def main() -> Any:
        with ThreadPoolExecutor(1) as beside:
            return await asyncio.get_running_loop().run_in_executor(beside, call, made, "large")

    assert asyncio.run(main()) == expected


@each_loop
@each_call
def test_without_a_guard_nothing_is_said(run: Run, call: Callable[[Codec[Rows], str], Any]) -> None:
    """By default, whatever is called stands where it is called."""
    in_loop(run, lambda: call(codec("off"), "large"))


@each_loop
@pytest.mark.parametrize("guard", ["warn", "raise"])
def test_async_verbs_are_not_guarded(run: Run, guard: str) -> None:
    """What an async verb does on the loop's thread, within whatever budget, is no synchronous call."""

    async def main() -> None:
        for budget in (0, 200e-6, math.inf):
            made = codec(guard, loop_budget=budget)
            assert await made.adecode(FRAMES["large"]) == LARGE
            assert await made.aencode(LARGE) == FRAMES["large"]
            assert await made.adecode_many([FRAMES["large"]]) == [LARGE]

    run(main)


def test_unexpected_call_is_warned_of_and_then_refused() -> None:
    """With loop_guard="raise" a call that turns out to be long is warned of; from then on one like it is refused."""

    @dataclass
    class Slow:
        text: str

        def __post_init__(self) -> None:
            sum(range(1_000_000))

    made = Codec(Slow, subject="slow", version=1, environment="test", loop_guard="raise")
    frame = made.encode(Slow("x" * 8000))

    async def main() -> None:
        with pytest.warns(SafecodecLoopWarning):
            assert made.decode(frame) == Slow("x" * 8000)
        with pytest.raises(LoopBlockedError):
            made.decode(frame)

    asyncio.run(main())


def test_warning_as_an_error() -> None:
    """Where warnings are errors, a large call on the loop is one: after it was made, with the warning's fields."""

    async def main() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            codec("warn").decode(FRAMES["large"])

    with pytest.raises(SafecodecLoopWarning) as caught:
        asyncio.run(main())
    assert caught.value.verb == "decode"


def test_refused_frames_keep_their_verdict() -> None:
    """A guard hides no verdict, and no mistake: a frame that cannot be read is refused as without one."""

    async def main() -> None:
        for guard in ("warn", "raise"):
            with pytest.raises(DecodeError):
                codec(guard).decode(b"nothing")
            with pytest.raises(InputTypeError):
                codec(guard).decode("text")  # type: ignore[arg-type]

    asyncio.run(main())
