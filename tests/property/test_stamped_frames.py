"""Stamped frames of every format and engine: the value and the stamp come back, and no damage is served."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from golden import UserConfig, UserConfigV1
from histogram import MUTANTS
from safecodec import Codec, NoValueError, Stamp
from safecodec.frame import peek, restamp, stamp_of

STAMPS = st.builds(
    Stamp,
    load_start=st.integers(0, 2**64 - 1),
    fresh_for=st.integers(0, 2**32 - 1),
    source_version=st.integers(0, 2**64 - 1),
)
WITHOUT = st.builds(
    Stamp,
    load_start=st.integers(0, 2**64 - 1),
    fresh_for=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(["absent", "deleted"]),
    source_version=st.integers(0, 2**64 - 1),
)
CONTEXTS = st.none() | st.binary(max_size=20)
VALUES = st.builds(
    UserConfig,
    user_id=st.integers(-(2**63), 2**63 - 1),
    plan=st.text(max_size=40),
    regions=st.lists(st.text(max_size=8), max_size=4),
)
SETTINGS: dict[str, dict[str, Any]] = {
    "avro": {"payload": "avro"},
    "fastavro": {"payload": "avro", "engine": "fastavro"},
    "shadowed": {"payload": "avro", "shadow": 1},
    "msgpack": {"payload": "msgpack"},
    "json": {"payload": "json"},
}


def codec(changes: dict[str, Any], source: Any = UserConfig, older: Any = UserConfigV1) -> Codec[Any]:
    """A codec of two versions."""
    return Codec(source, subject="user-config", version=2, older={1: older}, environment="production", **changes)


CODECS = {name: codec(changes) for name, changes in SETTINGS.items()}
# Of a schema's values, MessagePack and JSON are transcoded.
PLAIN = {
    name: codec(changes, CODECS[name].schema().json, CODECS[name].schema(1).json) for name, changes in SETTINGS.items()
}
every_codec = pytest.mark.parametrize("name", SETTINGS)


@every_codec
@given(VALUES, STAMPS, CONTEXTS)
def test_values_and_stamps_come_back(name: str, value: UserConfig, stamp: Stamp, context: bytes | None) -> None:
    """A stamped frame has its value, its stamp and the payload of the plain frame, as the oracle writes it."""
    plain = {"user_id": value.user_id, "plan": value.plan, "regions": value.regions}
    for made, given_value in ((CODECS[name], value), (PLAIN[name], plain)):
        bare = made.encode(given_value, context=context)
        frame = made.encode(given_value, context=context, stamp=stamp)
        assert made.decode(frame, context=context) == made.decode(bare, context=context) == given_value
        assert stamp_of(frame) == peek(frame, context=context).stamp == stamp
        assert frame == reference.restamp(bare, stamp.as_dict(), context=context)
        assert frame == restamp(bare, stamp, context=context)
        shadow = made.shadow
        assert shadow is None or shadow.differences + shadow.failures == 0


@every_codec
@given(WITHOUT, CONTEXTS)
def test_frames_without_a_value_say_so(name: str, stamp: Stamp, context: bytes | None) -> None:
    """The frame of such a stamp is the header and the stamp, and reading it raises NoValueError with the stamp."""
    for made in (CODECS[name], PLAIN[name]):
        frame = made.encode(None, context=context, stamp=stamp)
        assert len(frame) == 56
        assert stamp_of(frame) == stamp
        with pytest.raises(NoValueError) as info:
            made.decode(frame, context=context)
        assert (info.value.stamp, info.value.header) == (stamp, peek(frame, context=context))


@every_codec
@given(VALUES, STAMPS, STAMPS | WITHOUT)
def test_restamped_frames_are_those_of_the_new_stamp(name: str, value: UserConfig, stamp: Stamp, other: Stamp) -> None:
    """Restamping is encoding with the other stamp; the payload stays, and so a stamp of no value is refused."""
    made = CODECS[name]
    if other.kind == "value":
        assert restamp(made.encode(value, stamp=stamp), other) == made.encode(value, stamp=other)
    else:
        with pytest.raises(ValueError, match="has no payload"):
            restamp(made.encode(value, stamp=stamp), other)


@every_codec
def test_every_flipped_bit_of_a_stamped_frame_is_refused(name: str) -> None:
    """One bit is enough, wherever in header, stamp or payload, and so is every cut: for the codec and for restamp."""
    made = CODECS[name]
    stamp = Stamp(load_start=1_767_357_015_250_000, fresh_for=300_000, source_version=42)
    gone = Stamp(load_start=1_767_357_015_250_000, fresh_for=300_000, kind="deleted")
    before = MUTANTS.count(wrong=True) + MUTANTS.count(crash=True)
    for frame in (made.encode(UserConfig(7, "pro", ["eu"]), stamp=stamp), made.encode(None, stamp=gone)):
        for bit in range(8 * len(frame)):
            damaged = bytearray(frame)
            damaged[bit >> 3] ^= 1 << (bit & 7)
            MUTANTS.meet("stamped", partial(made.decode, bytes(damaged)))
            MUTANTS.meet("stamped", partial(restamp, bytes(damaged), stamp))
        for size in range(len(frame)):
            MUTANTS.meet("stamped", partial(made.decode, frame[:size]))
    assert MUTANTS.count(wrong=True) + MUTANTS.count(crash=True) == before
