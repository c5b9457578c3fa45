"""Reading a large frame while no collection begins."""

from __future__ import annotations

import gc
import pickle
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from safecodec import Breathing, Codec, PayloadError, pack
from safecodec.errors import ConfigError, DecodeError

SCHEMA = {
    "type": "record",
    "name": "R",
    "fields": [{"name": "rows", "type": {"type": "array", "items": {"type": "array", "items": "long"}}}],
}
LARGE = {"rows": [[at] for at in range(30_000)]}
AT_ONCE = 10 if sys.version_info < (3, 12) else 0
"""Since 3.12 a collection that is due waits for Python code to run: to a breath, or to the end of the read."""
SMALL = {"rows": [[at] for at in range(3000)]}


def codec(*, payload: str = "avro", **options: Any) -> Codec[Any]:
    """A codec of many lists."""
    return Codec(SCHEMA, subject="r", version=1, environment="test", payload=payload, **options)


@pytest.fixture
def collections() -> Iterator[list[int]]:
    """The generations that were collected, while the collector is on."""
    found: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            found.append(info["generation"])

    gc.collect()
    gc.callbacks.append(note)
    yield found
    gc.callbacks.remove(note)
    gc.enable()


@pytest.mark.parametrize("breathing", [None, "call"])
def test_a_large_frame_sets_no_collection_off(collections: list[int], breathing: str | None) -> None:
    """While a codec that holds the collector reads, none begins, while another one does, many; then it is on again."""
    how = None if breathing is None else Breathing(breathing, every=64)
    frame = codec().encode(LARGE)
    collections.clear()
    kept = codec(breathing=how).decode(frame)
    assert len(collections) > (AT_ONCE if breathing is None else 10)
    held = codec(breathing=how, hold_collector=True)
    collections.clear()
    assert held.decode(frame) == kept
    assert len(collections) <= 1
    assert gc.isenabled()


@pytest.mark.usefixtures("collections")
@pytest.mark.parametrize("payload", ["avro", "msgpack", "json"])
def test_the_collector_is_as_it_was(payload: str) -> None:
    """Whether it was on or off, after a value or a verdict, it is so again, whatever the payload."""
    held = codec(payload=payload, hold_collector=True)
    frame = held.encode(LARGE)
    damaged = bytearray(frame)
    damaged[100] ^= 0xFF
    for switch, on in ((gc.enable, True), (gc.disable, False)):
        switch()
        assert held.decode(frame) == LARGE
        assert gc.isenabled() is on
        with pytest.raises(DecodeError, match="checksum"):
            held.decode(damaged)
        assert gc.isenabled() is on


@pytest.mark.usefixtures("collections")
def test_a_verdict_on_a_large_payload() -> None:
    """A payload that is no value ends the reading, and the collector is on."""
    held = codec(hold_collector=True)
    bad = held.schema().encode(LARGE)[:-1] + b"\x02"
    frame = pack(bad, format="avro", subject="r", version=1, fingerprint=held.fingerprint(), environment="test")
    with pytest.raises(PayloadError):
        held.decode(frame)
    assert gc.isenabled()


def test_small_frames_and_readers(collections: list[int]) -> None:
    """Small frames are read as ever; a reader for another view holds the collector as its codec does."""
    held = codec(hold_collector=True)
    small, large = held.encode(SMALL), held.encode(LARGE)
    collections.clear()
    kept = held.decode(small)
    assert collections
    reader = held.reader(SCHEMA)
    collections.clear()
    assert len(reader.decode(large)["rows"]) == 10 * len(kept["rows"])
    assert len(collections) <= 1


def test_a_wrong_word() -> None:
    """What is neither True nor False is refused; what was said is pickled with the codec."""
    with pytest.raises(ConfigError, match="hold_collector is True or False, not 1"):
        codec(hold_collector=1)
    again = pickle.loads(pickle.dumps(codec(hold_collector=True)))
    assert again.__reduce__()[1][1]["hold_collector"] is True
