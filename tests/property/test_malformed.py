"""Payloads that nobody should send: never anything but our refusals, and never much memory."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avro_json import to_json
from avro_leaves import put_long
from avro_oracle import write
from avro_schemas import picker, types, values
from differential import HOSTILE, Engines, check_payload
from safecodec import Alias, Codec, pack
from safecodec.avro import Schema
from safecodec.avro._decoder import Walk
from safecodec.avro.limits import Limits
from safecodec.errors import PayloadError

EMPTY = {"type": "record", "name": "Empty", "fields": []}
NULLS = {"type": "array", "items": "null"}
INTS = {"type": "array", "items": "int"}
AB = {"type": "enum", "name": "E", "symbols": ["A", "B"]}
UNION = ["null", "int"]
STRINGS = {"type": "map", "values": "string"}
NESTED = {"type": "array", "items": INTS}
CHAIN = {"type": "record", "name": "Chain", "fields": [{"name": "next", "type": ["null", "Chain"]}]}


@given(data=st.data())
def test_every_cut_is_refused(data: st.DataObject) -> None:
    """A payload is no value without its last bytes, nor with one more."""
    node = data.draw(types())
    payload = write(node, data.draw(values(node)))
    schema = Schema(to_json(node))
    for length in range(max(0, len(payload) - 50), len(payload)):
        with pytest.raises(PayloadError):
            schema.decode(payload[:length])
    with pytest.raises(PayloadError):
        schema.decode(payload + b"\0")


def one(kind: Any, name: str = "f") -> dict[str, Any]:
    """A record with a field behind another one."""
    return {"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}, {"name": name, "type": kind}]}


LEAVES: list[tuple[Any, bytes]] = [
    ("boolean", b"\1"), ("int", b"\xff\xff\x03"), ("long", b"\xff" * 8 + b"\x7f"), ("float", b"1234"),
    ("double", b"12345678"), ("string", b"\4ab"), ("string", b"\4\xc3\xa9"), ("string", b"\6\xe2\x82\xac"),
    ("string", b"\x08\xf0\x9f\x98\x80"), ("bytes", b"\4\0\0"), (AB, b"\0"), (NULLS, b"\2\0"),
    ({"type": "fixed", "name": "F", "size": 4}, b"\0\0\0\0"), (INTS, b"\4\2\2\0"), (INTS, b"\3\4\2\2\0"),
    (NESTED, b"\2\2\2\0\2\2\2\0\0"), (STRINGS, b"\2\2a\2b\0"), (STRINGS, b"\1\x08\2a\2b\0"),
    ({"type": "int", "logicalType": "date"}, b"\x80\1"),
    ({"type": "long", "logicalType": "timestamp-micros"}, b"\x80\1"),
    ({"type": "int", "logicalType": "time-millis"}, b"\x80\1"),
    ({"type": "bytes", "logicalType": "decimal", "precision": 9}, b"\4\1\2"),
    ({"type": "bytes", "logicalType": "big-decimal"}, b"\6\2\5\0"),
]  # fmt: skip
"""Schemas, and the payload of a value."""
CUTS = [
    *LEAVES,
    *((one(kind), b"\2" + payload) for kind, payload in LEAVES),
    *((one(["null", kind]), b"\2\2" + payload) for kind, payload in LEAVES),
    *((one([kind, "null"]), b"\2\0" + payload) for kind, payload in LEAVES),
    *((one(["null", kind, EMPTY]), b"\2\2" + payload) for kind, payload in LEAVES),
    *(({"type": "array", "items": kind}, b"\4" + payload * 2 + b"\0") for kind, payload in LEAVES),
    *(({"type": "map", "values": kind}, b"\4\2a" + payload + b"\2b" + payload + b"\0") for kind, payload in LEAVES),
    (dict[int, int], b"\4\2\2\4\4\0"), (dict[int, int], b"\1\4\2\2\0"), (dict[int, str], b"\4\2\2a\4\2b\0"),
    (set[int], b"\4\2\4\0"), (tuple[int, str | None], b"\2\2\2a"),
]  # fmt: skip
CUT_OFF = r"(a number is cut off|-?\d+ (bytes|items) are announced and \d+ (bytes )?follow), at byte"


@pytest.mark.parametrize(("kind", "payload"), CUTS, ids=str)
def test_nothing_behind_a_payload_is_read(kind: Any, payload: bytes) -> None:
    """A payload that is cut off is refused as such, though the bytes behind it, which are not its own, would go on."""
    schema = Schema(kind)
    walk = Walk(schema.root, Limits())
    schema.decode(payload)
    walk.check(payload)
    for size in range(len(payload)):
        said = []
        for data in (payload[:size], memoryview(payload)[:size], memoryview(payload + payload)[:size]):
            for read in (schema.decode, walk.check):
                with pytest.raises(PayloadError, match=CUT_OFF) as caught:
                    read(data)
                said.append((caught.value.reason, caught.value.path))
        assert len(set(said)) == 1


def test_dicts_with_other_keys_nest_no_deeper_than_the_limit() -> None:
    """A dict whose keys are no texts takes a level, as an array does, and each of its pairs one, as a record does."""
    kind = dict[int, dict[int, int]]
    payload = Schema(kind).encode({1: {2: 3}})
    assert Schema(kind, limits=Limits(depth=4)).decode(payload) == {1: {2: 3}}
    for depth, path in ((1, "$[0]"), (2, "$[0].value"), (3, "$[0].value[0]")):
        with pytest.raises(PayloadError, match=f"nests too deep, the limit depth is {depth} levels") as caught:
            Schema(kind, limits=Limits(depth=depth)).decode(payload)
        assert caught.value.path == path


@pytest.mark.parametrize("stated", [0, 1, 3, 4])
@pytest.mark.parametrize(
    ("kind", "item"),
    [
        (INTS, b"\2\2"),
        ({"type": "array", "items": "bytes"}, b"\2a"),
        ({"type": "map", "values": "null"}, b"\2a"),
        (dict[int, int], b"\2\2"),
        (set[int], b"\2\2"),
    ],
    ids=str,
)
def test_a_block_has_the_bytes_that_it_states(kind: Any, item: bytes, stated: int) -> None:
    """A block of an array or a map that states how many bytes it has, and has others, is refused for that."""
    schema = Schema(kind)
    count = 2 if item == b"\2\2" and kind != dict[int, int] else 1
    for read in (schema.decode, Walk(schema.root, Limits()).check):
        read(put_long(-count) + put_long(2) + item + b"\0")
        with pytest.raises(PayloadError, match=f"a block has 2 bytes and says {stated}, at byte 0"):
            read(put_long(-count) + put_long(stated) + item + b"\0\0\0\0")
        for cut in (b"", b"\x80"):
            with pytest.raises(PayloadError, match="a number is cut off, at byte 1"):
                read(put_long(-count) + cut)


@pytest.mark.parametrize("kind", ["int", "long", "boolean", "string", "bytes", NULLS])
@pytest.mark.parametrize("key", [b"\xff", b"\x80", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xf0\x9f\x98\x01"])
@pytest.mark.parametrize("value", [b"\0", b"\1", b"\2\0", b"\1\0", b"\0\0", b"\xa9\1", b"\x80\x80\1"])
def test_a_key_that_is_no_text_is_refused(kind: Any, key: bytes, value: bytes) -> None:
    """A key of a map that is no UTF-8 is refused for that, read or skipped, whatever the bytes are as a value."""
    schema = Schema({"type": "map", "values": kind})
    for read in (schema.decode, Walk(schema.root, Limits()).check):
        with pytest.raises(PayloadError, match="UTF-8"):
            read(b"\2" + put_long(len(key)) + key + value + b"\0")


@given(data=st.data())
def test_hostile_numbers_anywhere(data: st.DataObject) -> None:
    """A number, length, index or text that is not what it claims is judged as the oracle does, wherever it stands."""
    node = data.draw(types())
    payload = write(node, data.draw(values(node)))
    engines, pick = Engines(node), picker(data.draw)
    at = pick(len(payload) + 1)
    for hostile in HOSTILE:
        check_payload(engines, payload[:at] + hostile + payload[at + pick(2) :])


@given(data=st.binary(max_size=60), node=types())
def test_any_bytes(data: bytes, node: Any) -> None:
    """Bytes that have nothing to do with a schema have the oracle's verdict."""
    check_payload(Engines(node), data)


NO_TEXTS = (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80")
LEAST, MOST = b"\xff" * 9 + b"\x01", b"\xfe" + b"\xff" * 8 + b"\x01"


@pytest.mark.parametrize(
    ("schema", "payload"),
    [
        *(("boolean", bytes([value])) for value in range(2, 256)),
        *(("int", put_long(value)) for value in (2**31, -(2**31) - 1, 2**63 - 1, -(2**63))),
        *(("long", data) for data in (b"\x80" * 10 + b"\0", b"\xff" * 9 + b"\x02", b"\xff" * 12, b"\x80", b"")),
        *((AB, put_long(index)) for index in (-1, 2, 2**31, 2**32, 2**63 - 1, -(2**63))),
        *((UNION, put_long(index) + b"\0") for index in (-1, 2, 2**32, 2**32 + 1, 2**63 - 1, -(2**63))),
        *(("string", put_long(len(data)) + data) for data in NO_TEXTS),
        *(("string", data) for data in (LEAST, MOST, put_long(-1), put_long(2**32), put_long(1))),
        *(("bytes", data) for data in (LEAST, MOST, put_long(-1), put_long(2**32), put_long(1))),
        *((STRINGS, b"\x02" + data) for data in (LEAST, MOST, b"\x02\xff\x00\x00", b"\x02a\x02\xff\x00")),
        *((INTS, data) for data in (LEAST, MOST, LEAST + b"\0", b"\x01", b"\x02", b"\x02\x0e", b"\x01\x00\x0e\x00")),
        *((INTS, b"\x01" + size + b"\x0e\x00") for size in (LEAST, MOST, b"\x01", b"\x04", b"\x00")),
        *((NESTED, data) for data in (b"\x02\x01\x04\x0e\x00\x00", b"\x01\x04\x02\x0e\x00\x00", b"\x02\x02\x0e\x00")),
    ],
    ids=repr,
)  # fmt: skip
def test_what_no_writer_writes(schema: Any, payload: bytes) -> None:
    """What breaks one rule of the encoding is a PayloadError, when it is read and when it is skipped."""
    with pytest.raises(PayloadError):
        Schema(schema).decode(payload)
    writer = {"type": "record", "name": "Outer", "fields": [{"name": "gone", "type": schema}]}
    with pytest.raises(PayloadError):
        Schema(writer).decode(payload, reader={"type": "record", "name": "Outer", "fields": []})


# ---- memory ------------------------------------------------------------------------------------------------------

MEASURE = """
import json, pathlib, sys, threading
from safecodec import Alias, Codec, pack
from safecodec.avro import Schema
from safecodec.errors import PayloadError
case = json.load(sys.stdin)
schema, payload = Schema(case["schema"]), bytes.fromhex(case["start"]) + bytes.fromhex(case["again"]) * case["times"]
try:
    Schema("long").decode(b"")
except PayloadError:
    pass
verdicts = []
def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])
def work():
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak is what there is now
    before = peak()
    try:
        kept = [None] * case["planted"], schema.decode(payload)
        verdict = "read"
    except PayloadError:
        verdict = "refused"
    verdicts.append((verdict, peak() - before))
threading.stack_size(256 * 1024)
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(json.dumps(verdicts[0]))
"""
TRILLIONS = put_long(2**60)
WORST: dict[str, tuple[Any, bytes, bytes, int, str]] = {
    "2**60 nulls": (NULLS, TRILLIONS, b"", 0, "refused"),
    "2**60 nulls in a block of no bytes": (NULLS, put_long(-(2**60)) + b"\0", b"", 0, "refused"),
    "2**60 empty records by key": ({"type": "map", "values": EMPTY}, TRILLIONS, b"\0", 0, "refused"),
    "2**60 empty records": ({"type": "array", "items": EMPTY}, TRILLIONS, b"", 0, "refused"),
    "2**60 strings": ({"type": "array", "items": "string"}, TRILLIONS, b"", 0, "refused"),
    "a string of 2**60 bytes": ("string", TRILLIONS, b"", 0, "refused"),
    "arrays of 9,000 nulls": ({"type": "array", "items": NULLS}, put_long(900), put_long(9000) + b"\0", 900, "refused"),
    "10,000 nulls": (NULLS, put_long(10_000), b"\0", 1, "read"),
    "10,001 nulls": (NULLS, put_long(10_001), b"\0", 1, "refused"),
    "10,001 nulls, one a block": (NULLS, b"", b"\x02", 10_001, "refused"),
    "a million levels": (CHAIN, b"", b"\x02", 1_000_000, "refused"),
    "64 levels": (CHAIN, b"\x02" * 63, b"\0", 1, "read"),
    "65 levels": (CHAIN, b"\x02" * 64, b"\0", 1, "refused"),
}


def measured(name: str, planted: int = 0) -> tuple[str, int]:
    """The verdict on a payload, and the peak of the memory that is resident meanwhile, in KB more than before."""
    schema, start, again, times, _ = WORST[name]
    case = {"schema": schema, "start": start.hex(), "again": again.hex(), "times": times, "planted": planted}
    done = subprocess.run(
        [sys.executable, "-c", MEASURE], input=json.dumps(case), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    verdict, kilobytes = json.loads(done.stdout)
    print(f"\npeak memory: {kilobytes} KB for {name}, {len(start) + len(again) * times} bytes, {verdict}")
    return verdict, kilobytes


on_linux = pytest.mark.skipif(
    sys.platform != "linux" or "libasan" in os.environ.get("LD_PRELOAD", ""),
    reason="the peak is read from /proc, and the sanitizer keeps memory on purpose",
)


@on_linux
@pytest.mark.parametrize("name", WORST)
def test_memory_is_bounded(name: str) -> None:
    """The worst payloads take less than 4 MB, in a thread with a stack of 256 KB; run with -s to see how much."""
    verdict, kilobytes = measured(name)
    assert verdict == WORST[name][-1]
    assert kilobytes < 4096


@on_linux
def test_the_measure_sees_memory() -> None:
    """The test above can fail: a list of two million items is seen."""
    assert measured("10,000 nulls", planted=2_000_000)[1] > 6000


class Stamped(msgspec.Struct):
    """A time and what is around it."""

    at: datetime.datetime
    many: list[datetime.datetime] = []
    name: str = ""


class Renamed(msgspec.Struct):
    """A newer version of it, which its own decoder cannot read straight."""

    at: datetime.datetime
    many: list[datetime.datetime] = []
    title: Annotated[str, Alias("name")] = ""
    size: float = 0.0


NOW = datetime.datetime(2026, 11, 27, tzinfo=datetime.UTC)
EDGES = [one + by for one in (-62_135_596_800, 253_402_300_799) for by in (-1, 0, 1)]
"""Seconds about those of the first and the last datetime; nanoseconds may round up beyond the last."""
STAMPS = ("typed", Stamped), ("older", Renamed), ("schema", Schema(Stamped).json)


@pytest.mark.parametrize("target", [target for _, target in STAMPS], ids=[name for name, _ in STAMPS])
@given(
    seconds=st.integers(-(2**63), 2**63 - 1) | st.integers(0, 2**34) | st.sampled_from(EDGES),
    nanos=st.integers(0, 2**32 - 1) | st.sampled_from([0, 999_999_000, 999_999_500, 999_999_999, 10**9]),
    inside=st.booleans(),
    code=st.just(0xFF) | st.integers(0, 255),
)
def test_timestamps_of_messagepack_beyond_python_are_verdicts(
    target: Any, seconds: int, nanos: int, inside: bool, code: int
) -> None:
    """A timestamp extension that is no datetime is a PayloadError, whichever way a version is read."""
    wrong = b"\xc7\x0c" + bytes([code]) + nanos.to_bytes(4, "big") + seconds.to_bytes(8, "big", signed=True)
    good = msgspec.msgpack.encode(NOW)
    values = [good, b"\x92" + good + wrong] if inside else [wrong, b"\x90"]
    payload = b"\x82\xa2at" + values[0] + b"\xa4many" + values[1]
    older = {} if target is Stamped else {1: Stamped}
    codec = Codec(target, subject="s", version=len(older) + 1, older=older, payload="msgpack", environment="test")
    frame = pack(
        payload, format="msgpack", subject="s", version=1, fingerprint=codec.fingerprint(1), environment="test"
    )
    try:
        codec.decode(frame)
    except PayloadError:
        return
    assert code == 0xFF
    assert abs(seconds) < 2**40
