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
    try:
        signal.setitimer(signal.ITIMER_REAL, delay / 10_000)
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


# Prints how many interruptions there were, all of which arrived as what was raised. A ValueError that comes while code
# of a type runs cannot be told apart from one of that code, and all of fastavro's work is such code.
MANY = """
import ctypes, signal, sys, threading, time
from typing import TypedDict
import msgspec
from safecodec import Breathing, Codec

class Timeout(TimeoutError):
    pass
class Wrong(ValueError):
    pass
class Row(msgspec.Struct):
    n: int
    t: str = ""
class Checked(Row):
    def __post_init__(self):
        pass
def table(*fields):
    row = {"type": "record", "name": "Row", "fields": list(fields)}
    return {"type": "record", "name": "T", "fields": [{"name": "rows", "type": {"type": "array", "items": row}}]}
def typed(row):
    return TypedDict("Rows", {"rows": list[row]})
def codec(type_, **more):
    return Codec(type_, subject="rows", payload=payload, engine=engine, environment="test", **more)

payload, engine, source, how, count = sys.argv[1:]
number, text = {"name": "n", "type": "long"}, {"name": "t", "type": "string", "default": ""}
breathing = Breathing(how)
checked = codec(typed(Checked), version=1, breathing=breathing)
plain = codec(typed(Row), version=1, breathing=breathing)
older = codec(table(number, text), version=2, older={1: table(number)}, write_version=1, breathing=breathing)
rows = range(3000)
values = [
    (checked, {"rows": [Checked(at, "x") for at in rows]}),
    (plain, {"rows": [Row(at, "x") for at in rows]}),
    (older, {"rows": [{"n": at, "t": ""} for at in rows]}),
]
kinds = [Timeout, Wrong] if engine == "compiled" else [Timeout]
jobs = []
for one, value in values:
    frame = one.encode(value)
    for kind in kinds if one is not checked else [Timeout]:
        jobs += [(kind, one.encode, value), (kind, one.decode, frame)]

def handle(*_):
    raised.append(kind())
    raise raised[-1]
def inject():
    while True:
        ready.acquire()
        time.sleep(0.0008)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(me, ctypes.py_object(kind))
me, ready = ctypes.c_ulong(threading.get_ident()), threading.Semaphore(0)
signal.signal(signal.SIGALRM, handle)
threading.Thread(target=inject, daemon=True).start()
times = 0
for kind, call, argument in jobs:
    for at in range(int(count)):
        raised = []
        try:
            if source == "signal":
                signal.setitimer(signal.ITIMER_REAL, 0.0003 * (at + 1))
            else:
                ready.release()
            while True:
                call(argument)
        except BaseException as error:
            assert type(error) is kind and (source == "thread" or error is raised[0]), (kind, call, error)
            assert error.__cause__ is None
            times += 1
    call(argument)
print(times == len(jobs) * int(count))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="there are no alarms here")
@pytest.mark.parametrize("source", ["signal", "thread"])
@pytest.mark.parametrize(
    ("payload", "engine", "how"),
    [
        ("avro", "compiled", "call"),
        ("avro", "compiled", "release"),
        ("avro", "fastavro", "call"),
        ("msgpack", "compiled", "call"),
        ("json", "compiled", "call"),
    ],
)
def test_interruptions_are_no_verdicts(payload: str, engine: str, how: str, source: str) -> None:
    """An exception of a signal's handler or of another thread arrives as itself each time, whatever the payload."""
    assert said(MANY, payload, engine, source, how, "8") == "True\n"
