"""The mutation law: no damage to a golden frame is ever served."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from typing import Literal

import pytest

import golden
from golden import UserConfig, UserConfigV1
from histogram import MUTANTS
from safecodec import Codec
from safecodec.frame import peek, unpack

HEADER_SIZE = 32
SAMPLED_FROM = 10_000
SAMPLES = 4_000
SPLICED = [vector for vector in golden.frames() if len(vector.frame) < SAMPLED_FROM]

every_frame = pytest.mark.parametrize("vector", golden.frames(), ids=[vector.name for vector in golden.frames()])


def bits(frame: bytes) -> Iterator[int]:
    """Every bit's number; of a large frame all of the header's and a fixed sample of the payload's."""
    count = 8 * len(frame)
    if len(frame) < SAMPLED_FROM:
        yield from range(count)
        return
    yield from range(8 * HEADER_SIZE)
    chosen = random.Random(len(frame))
    yield from (chosen.randrange(8 * HEADER_SIZE, count) for _ in range(SAMPLES))


def flipped(frame: bytes, bit: int) -> bytes:
    """The frame with one bit inverted."""
    damaged = bytearray(frame)
    damaged[bit >> 3] ^= 1 << (bit & 7)
    return bytes(damaged)


def lengths(frame: bytes) -> Iterator[int]:
    """Every length that is too short; of a large frame a fixed sample."""
    if len(frame) < SAMPLED_FROM:
        yield from range(len(frame))
        return
    yield from range(2 * HEADER_SIZE)
    yield from range(len(frame) - 100, len(frame))
    chosen = random.Random(len(frame))
    yield from (chosen.randrange(len(frame)) for _ in range(SAMPLES))


def served() -> int:
    """How many mutants were served or crashed so far."""
    return MUTANTS.count(wrong=True) + MUTANTS.count(crash=True)


@every_frame
def test_every_flipped_bit_is_refused(vector: golden.Golden) -> None:
    """One bit is enough to refuse a frame, even for a reader that takes any format and version."""
    before = served()
    for bit in bits(vector.frame):
        damaged = flipped(vector.frame, bit)
        MUTANTS.meet("bit flip", partial(unpack, damaged, **vector.read_lax))
        if bit < 8 * HEADER_SIZE:
            MUTANTS.meet("header flip", partial(peek, damaged[:HEADER_SIZE], context=vector.context))
    assert served() == before


@every_frame
def test_every_truncation_is_refused(vector: golden.Golden) -> None:
    """No shorter frame is a frame."""
    before = served()
    for length in lengths(vector.frame):
        cut = vector.frame[:length]
        MUTANTS.meet("truncation", partial(unpack, cut, **vector.read_lax))
    assert served() == before


@every_frame
def test_every_splice_is_refused(vector: golden.Golden) -> None:
    """The start of one frame on the end of another is no frame, wherever in the header the cut is."""
    before = served()
    for other in SPLICED:
        for cut in range(1, HEADER_SIZE + 1):
            spliced = vector.frame[:cut] + other.frame[cut:]
            if spliced not in (vector.frame, other.frame):
                MUTANTS.meet("splice", partial(unpack, spliced, **vector.read_lax))
                MUTANTS.meet("splice", partial(unpack, spliced, **other.read_lax))
    assert served() == before


@every_frame
def test_every_appended_frame_is_refused(vector: golden.Golden) -> None:
    """Two frames in one value are none, and neither is a frame with anything behind it or a payload removed."""
    before = served()
    tails = [*(other.frame for other in SPLICED), b"\0", b"\n", b"\0" * 32]
    for tail in tails:
        MUTANTS.meet("appended", partial(unpack, vector.frame + tail, **vector.read_lax))
    assert served() == before


@pytest.mark.parametrize("format", ["avro", "msgpack", "json"])
@pytest.mark.parametrize("version", [1, 2])
def test_the_codec_refuses_them_too(format: Literal["avro", "msgpack", "json"], version: int) -> None:
    """The same laws hold on the codec's own path."""
    codec = Codec(
        UserConfig,
        subject="user-config",
        version=2,
        older={1: UserConfigV1},
        payload=format,
        environment="production",
    )
    frame = golden.frame(f"{format}-v{version}").frame
    assert codec.decode(frame).plan == "pro"
    before = served()
    for bit in bits(frame):
        MUTANTS.meet("codec", partial(codec.decode, flipped(frame, bit)))
    for length in lengths(frame):
        MUTANTS.meet("codec", partial(codec.decode, frame[:length]))
    for other in SPLICED:
        MUTANTS.meet("codec", partial(codec.decode, frame + other.frame))
        for cut in range(1, HEADER_SIZE + 1):
            spliced = frame[:cut] + other.frame[cut:]
            if spliced not in (frame, other.frame):
                MUTANTS.meet("codec", partial(codec.decode, spliced))
    assert served() == before


def test_the_histogram_can_tell() -> None:
    """The count of wrong values and crashes is a real one: a served mutant and a foreign error are counted as such."""
    own = type(MUTANTS)()
    assert own.meet("own", lambda: None) == "silently wrong"
    assert own.meet("own", lambda: 1 // 0) == "crash: ZeroDivisionError"
    assert own.meet("other", lambda: peek(b"")) == "FrameTooShortError"
    assert (own.count(), own.count(wrong=True), own.count(crash=True), own.count(kind="own")) == (3, 1, 1, 2)
    assert own.lines()[-1].endswith("mutants: silently wrong = 1, crash = 1, caught = 1")
