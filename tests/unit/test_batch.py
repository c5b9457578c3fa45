"""Several frames at once."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
from dataclasses import dataclass
from typing import Any

import pytest

from safecodec import (
    Codec,
    ConfigError,
    ContextMismatchError,
    DecodeError,
    InputTypeError,
    PayloadFormat,
    PayloadLengthError,
)


@dataclass
class Point:
    """Something small."""

    x: int


@dataclass
class View:
    """Nothing of it."""


def codec(payload: PayloadFormat = "avro") -> Codec[Point]:
    return Codec(Point, subject="points", version=1, payload=payload, environment="test")


FRAMES = [codec().encode(Point(n)) for n in range(5)]
DAMAGED = [*FRAMES[:2], FRAMES[2][:-1], b"nothing", *FRAMES[4:]]


@pytest.mark.parametrize("payload", ["avro", "msgpack", "json"])
def test_values_come_in_order(payload: PayloadFormat) -> None:
    """A list of what decode returns for each, from any iterable of frames; of none, none."""
    made = codec(payload)
    frames = [made.encode(Point(n)) for n in range(100)]
    assert made.decode_many(iter(frames)) == [Point(n) for n in range(100)]
    assert made.reader(View).decode_many(frames) == [View()] * 100
    assert made.decode_many([]) == []
    assert made.decode_many(frame for frame in (memoryview(frames[7]), bytearray(frames[8]))) == [Point(7), Point(8)]


def test_each_frame_has_its_context() -> None:
    """Contexts go with the frames in order; None is a frame that is not bound."""
    frames = [codec().encode(Point(n), context=b"%d" % n if n else None) for n in range(3)]
    assert codec().decode_many(frames, contexts=[None, b"1", b"2"]) == [Point(0), Point(1), Point(2)]
    with pytest.raises(ContextMismatchError) as caught:
        codec().decode_many(frames, contexts=iter([None, b"2", b"1"]))
    assert caught.value.item == 1


def test_first_verdict_says_whose_it_is() -> None:
    """The error of a batch is that of its first bad frame, with its place."""
    with pytest.raises(PayloadLengthError) as caught:
        codec().decode_many(DAMAGED)
    assert caught.value.item == 2
    assert caught.value.__notes__ == ["frame 2 of a batch of 5, counted from 0"]
    with pytest.raises(DecodeError) as alone:
        codec().decode(DAMAGED[2])
    assert alone.value.item is None


def test_verdicts_stand_in_for_values() -> None:
    """With errors="return" a bad frame costs no other its value."""
    values: list[Any] = codec().decode_many(DAMAGED, errors="return")
    assert [values[at] for at in (0, 1, 4)] == [Point(0), Point(1), Point(4)]
    assert [type(values[at]).__name__ for at in (2, 3)] == ["PayloadLengthError", "FrameTooShortError"]
    assert [values[at].item for at in (2, 3)] == [2, 3]


def test_what_a_store_does_not_have_is_no_frame() -> None:
    """None among the frames, as MGET gives for a key that is not there, is a mistake, and no verdict to be returned."""
    for errors in ("raise", "return"):
        with pytest.raises(InputTypeError, match=r"the frame is None, not bytes: .* leave it out before") as caught:
            codec().decode_many([FRAMES[0], None, FRAMES[1]], errors=errors)  # type: ignore[call-overload]
        assert caught.value.item == 1
        assert caught.value.__notes__ == ["frame 1 of a batch of 3, counted from 0"]


@pytest.mark.parametrize("errors", ["raise", "return"])
@pytest.mark.parametrize(
    "arguments",
    [
        {"frames": [FRAMES[0], "text"]},
        {"frames": FRAMES[:2], "contexts": [None, "user:7"]},
        {"frames": FRAMES[:2], "contexts": [None, 7]},
    ],
    ids=["frame", "context", "number"],
)
def test_mistakes_are_raised_with_their_place(arguments: dict[str, Any], errors: Any) -> None:
    """A wrong argument in a batch is raised, never returned in the place of a value, by the async verb, too."""
    with pytest.raises(InputTypeError) as caught:
        codec().decode_many(**arguments, errors=errors)
    with pytest.raises(InputTypeError) as awaited:
        asyncio.run(codec().adecode_many(**arguments, errors=errors))
    assert caught.value.item == awaited.value.item == 1
    assert str(caught.value) == str(awaited.value)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"frames": 7}, "frames are several, this is a int"),
        ({"frames": None}, "frames are several, this is a NoneType"),
        ({"frames": FRAMES, "contexts": b"12345"}, "contexts are several, this is a bytes: give a list"),
        ({"frames": FRAMES, "contexts": "12345"}, "contexts are several, this is a str: give a list"),
    ],
)
def test_what_is_no_batch(arguments: dict[str, Any], said: str) -> None:
    """Arguments without items, and one context for all frames, are refused before a frame is read."""
    with pytest.raises(InputTypeError, match=said):
        codec().decode_many(**arguments)


@pytest.mark.parametrize("frame", [FRAMES[0], bytearray(FRAMES[0]), memoryview(FRAMES[0]), "text"])
def test_one_frame_is_no_batch(frame: Any) -> None:
    """A frame where frames are expected is named, rather than read byte by byte."""
    with pytest.raises(InputTypeError, match="frames are several, this is a") as caught:
        codec().decode_many(frame, errors="return")
    assert caught.value.found == type(frame).__name__


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"errors": "ignore"}, "errors is one of raise, return, not 'ignore'"),
        ({"contexts": [b"1"]}, "there are 5 frames and 1 contexts"),
        ({"contexts": [None] * 6}, "there are 5 frames and 6 contexts"),
    ],
)
def test_batch_asked_for_wrongly(arguments: dict[str, Any], message: str) -> None:
    """What cannot be meant is refused before a frame is read."""
    with pytest.raises(ConfigError, match=message):
        codec().decode_many(FRAMES, **arguments)


@pytest.mark.parametrize("errors", ["raise", "return"])
def test_batch_keeps_no_frame(errors: Any) -> None:
    """When the verdicts of a batch are dropped, nothing of it is left, without the collector's help."""
    frames = [bytes(bytearray(frame)) for frame in DAMAGED]
    before = [sys.getrefcount(frame) for frame in frames]
    gc.disable()
    try:
        for _ in range(5):
            try:
                values: list[Any] = codec().decode_many(frames, errors=errors)
            except DecodeError:
                continue
            gone = weakref.ref(values[0])
            del values
            assert gone() is None
        assert [sys.getrefcount(frame) for frame in frames] == before
    finally:
        gc.enable()
