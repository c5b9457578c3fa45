"""Signals during a long call, in processes of their own: a tracer of lines would take them in its own code."""

from __future__ import annotations

import signal

import pytest

from processes import said

CODE = """
import signal, sys
from safecodec import Breathing, Codec
class Alarm(Exception):
    pass
def handle(*_):
    raise Alarm
how, verb = sys.argv[1:]
schema = {"type": "array", "items": "long"}
one = Codec(schema, subject="rows", version=1, environment="test", breathing=Breathing(how))
value = list(range(100_000))
frame = one.encode(value)
signal.signal(signal.SIGALRM, handle)
for delay in range(1, 30):
    signal.setitimer(signal.ITIMER_REAL, delay / 10_000)
    try:
        while True:
            one.encode(value) if verb == "encode" else one.decode(frame)
    except Alarm as alarm:
        assert alarm.__cause__ is None
assert one.decode(one.encode(value)) == value
print("whole")
"""


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="there are no alarms here")
@pytest.mark.parametrize("how", ["call", "release"])
@pytest.mark.parametrize("verb", ["encode", "decode"])
def test_signals_are_no_verdicts(how: str, verb: str) -> None:
    """What a signal's handler raises during a call comes out as it is, and the codec goes on as before."""
    assert said(CODE, how, verb) == "whole\n"
