"""How a breath is asked for."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from safecodec import Breathing, Codec
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
        ((), {"interval": True}, "interval is a number of seconds above 0 and up to 1, not True"),
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
