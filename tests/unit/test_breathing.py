"""How a breath is asked for."""

from __future__ import annotations

import pickle
import sys
import uuid
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from safecodec import Breathing, Codec
from safecodec.avro.breath import breath
from safecodec.errors import ConfigError

LONGS = {"type": "record", "name": "R", "fields": [{"name": "x", "type": {"type": "array", "items": "long"}}]}


def codec(breathing: Breathing | None) -> Codec[Any]:
    """A codec of many numbers."""
    return Codec(LONGS, subject="r", version=1, environment="test", breathing=breathing)


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (("deep",), {}, "call or release, not 'deep'"),
        ((), {"every": 0}, "every is a number of bytes"),
        ((), {"every": True}, "every is a number of bytes"),
        ((), {"every": 1.5}, "every is a number of bytes"),
        ((), {"interval": 0}, "interval is a number of seconds above 0 and up to 1"),
        ((), {"interval": "1"}, "interval is"),
        ((), {"pause": 0.1}, "pause is a number of seconds above 0 and up to 0.01"),
        ((), {"pause": False}, "pause is"),
    ],
)
def test_wrong_arguments(arguments: tuple[Any, ...], options: dict[str, Any], words: str) -> None:
    """An argument that is none is refused by its name, with what was given."""
    with pytest.raises(ConfigError, match=words):
        Breathing(*arguments, **options)


def test_a_breathing_is_a_value() -> None:
    """It has its arguments, equals one of the same, and is pickled, alone and in its codec."""
    one = Breathing("release", every=100, interval=0.002, pause=0.0001)
    assert (one.how, one.every, one.interval, one.pause) == ("release", 100, 0.002, 0.0001)
    assert repr(one) == "Breathing('release', every=100, interval=0.002, pause=0.0001)"
    assert repr(Breathing()) == "Breathing('call', every=8192)"
    assert pickle.loads(pickle.dumps(one)) == one != Breathing()
    assert len({one, pickle.loads(pickle.dumps(one)), Breathing()}) == 2
    assert one != "Breathing"
    assert pickle.loads(pickle.dumps(codec(one))).breathing == one
    assert codec(None).breathing is None


def breaths(call: Callable[[], object]) -> int:
    """How many breaths a call took."""
    seen = 0

    def watch(frame: FrameType, event: str, _: object) -> None:
        nonlocal seen
        seen += event == "call" and frame.f_code is breath.__code__

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        call()
    finally:
        sys.setprofile(before)
    return seen


@pytest.mark.parametrize("how", ["call", "release"])
@pytest.mark.parametrize("verb", ["decode", "encode"])
def test_quick_bytes_take_few_breaths(how: str, verb: str) -> None:
    """Where bytes take next to no time, a breath comes after more of them than was said, but not after any number."""
    one = codec(Breathing(how, every=64, interval=1e-9))
    value = {"x": [7] * 200_000}
    frame = one.encode(value)
    told = len(frame) / 64
    assert told / 8 - 1 <= breaths(lambda: one.encode(value) if verb == "encode" else one.decode(frame)) < told / 3


@pytest.mark.parametrize("how", ["call", "release"])
def test_slow_bytes_take_the_breaths_that_were_said(how: str) -> None:
    """Where bytes take long, as those do that Python makes a value of, a breath comes after as many as was said."""
    one: Codec[Any] = Codec(
        {"type": "array", "items": {"type": "string", "logicalType": "uuid"}},
        subject="r",
        version=1,
        environment="test",
        breathing=Breathing(how, every=32_768, interval=1e-9),
    )
    frame = one.encode([uuid.UUID(int=at) for at in range(20_000)])
    told = len(frame) // 32_768
    assert told - 1 <= breaths(lambda: one.decode(frame)) <= told
