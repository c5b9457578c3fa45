"""Laws of the stamp: what it holds, what it refuses, and frames that have one."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Callable
from typing import Any, Literal

import pytest

import reference
from golden import UserConfig, UserConfigV1
from safecodec import Codec, NoValueError, Stamp, StampError
from safecodec.errors import (
    ConfigError,
    ContextMismatchError,
    DecodeError,
    EncodeError,
    HeaderChecksumError,
    InputTypeError,
    PayloadChecksumError,
    PayloadLengthError,
    PayloadTooLargeError,
    UnsupportedFlagsError,
    ValueTooLargeError,
)
from safecodec.frame import Header, StampKind, pack, peek, restamp, stamp_of, unpack
from safecodec.payload.shadow import Difference
from sample import FRAME, PAYLOAD, READ, WRITE, caught

SAID: dict[str, Any] = {"load_start": 1_767_357_015_250_000, "fresh_for": 300_000, "source_version": 42}
STAMP = Stamp(**SAID)
ABSENT = Stamp(**SAID, kind="absent")
DELETED = Stamp(**SAID, kind="deleted")
STAMPED = reference.pack(PAYLOAD, **WRITE, stamp={**SAID, "kind": "value"})
FORMATS: tuple[Literal["avro", "msgpack", "json"], ...] = ("avro", "msgpack", "json")
VALUE = UserConfig(7, "pro", ["eu", "us"])

every_format = pytest.mark.parametrize("payload", FORMATS)
both_without = pytest.mark.parametrize("stamp", [ABSENT, DELETED], ids=["absent", "deleted"])


def codec(payload: Literal["avro", "msgpack", "json"] = "avro", **changes: Any) -> Codec[Any]:
    own: dict[str, Any] = {"subject": "user-config", "version": 2, "environment": "production", "payload": payload}
    return Codec(UserConfig, **{**own, "older": {1: UserConfigV1}, **changes})


def sealed(at: int, new: bytes, frame: bytes = STAMPED) -> bytes:
    """The frame with other bytes at an offset, and right checksums."""
    return reference.reseal(frame[:at] + new + frame[at + len(new) :], payload=True)


# --- the stamp itself


@pytest.mark.parametrize(
    ("name", "most"), [("load_start", 2**64 - 1), ("fresh_for", 2**32 - 1), ("source_version", 2**64 - 1)]
)
def test_numbers_have_bounds(name: str, most: int) -> None:
    """Each number goes from 0 to the largest of its field; what is beyond, or no whole number, is a ConfigError."""
    for number in (0, 1, most - 1, most):
        made = Stamp(**{**SAID, name: number})
        assert getattr(made, name) == number
        assert bytes(made) == reference.stamp_block(**{**SAID, name: number})
        assert Stamp.from_bytes(bytes(made)) == made
    for wrong in (-1, most + 1, 2**200, -(2**200), True, 1.0, "1", None, b"1"):
        with pytest.raises(ConfigError, match=f"{name} of a stamp is a whole number between 0 and {most}, not"):
            Stamp(**{**SAID, name: wrong})


@pytest.mark.parametrize("kind", ["value", "absent", "deleted"])
def test_kinds_have_names(kind: StampKind) -> None:
    """A kind is written as its number, and read as its name."""
    made = Stamp(**SAID, kind=kind)
    assert made.kind == kind
    assert bytes(made)[20] == reference.KINDS[kind]
    assert Stamp.from_bytes(bytes(made)) == made


@pytest.mark.parametrize("kind", ["", "Value", "missing", 1, None, ["value"]])
def test_other_kinds_are_refused(kind: Any) -> None:
    """What is no kind's name is a ConfigError that has the names."""
    with pytest.raises(ConfigError, match="kind of a stamp is one of value, absent, deleted, not"):
        Stamp(**SAID, kind=kind)


def test_a_stamp_is_a_value() -> None:
    """Stamps with equal fields are equal and hash alike; they equal nothing else, and show their fields."""
    assert Stamp(**SAID, kind="value") == STAMP
    assert hash(STAMP) == hash(Stamp(**SAID))
    assert len({STAMP, Stamp(**SAID), ABSENT, Stamp(**{**SAID, "source_version": 0})}) == 3
    assert STAMP.as_dict() != STAMP
    assert STAMP.as_dict() == {**SAID, "kind": "value"}
    assert repr(STAMP) == "Stamp(load_start=1767357015250000, fresh_for=300000, kind='value', source_version=42)"
    assert Stamp(load_start=1, fresh_for=2) == Stamp(load_start=1, fresh_for=2, kind="value", source_version=0)


def test_a_stamp_pickles_and_copies() -> None:
    """Every pickle protocol and both copies give an equal stamp."""
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(DELETED, protocol)) == DELETED
    assert copy.copy(DELETED) == copy.deepcopy(DELETED) == DELETED


def test_a_stamp_does_not_change() -> None:
    """No attribute is set or deleted, and a stamp is not made a second time."""
    for name in ("load_start", "kind", "brand_new"):
        with pytest.raises(AttributeError):
            setattr(STAMP, name, 1)
        with pytest.raises(AttributeError):
            delattr(STAMP, name)
    with pytest.raises(TypeError, match="a Stamp is immutable: make another one"):
        STAMP.__init__(load_start=0, fresh_for=0)
    with pytest.raises(TypeError):
        Stamp(1, 2)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (b"", "a stamp has 24 bytes, of which 0 are there"),
        (bytes(STAMP)[:23], "a stamp has 24 bytes, of which 23 are there"),
        (bytes(STAMP) + b"\0", "a stamp has 24 bytes, these are 25"),
        (bytes(20) + b"\0" + bytes(3), "the stamp's kind is 0, this release knows 1 value, 2 absent and 3 deleted"),
        (bytes(20) + b"\4" + bytes(3), "the stamp's kind is 4"),
        (bytes(20) + b"\xff" + bytes(3), "the stamp's kind is 255"),
        (bytes(20) + b"\1\0\0\7", "the stamp's reserved bytes are 00 00 07, expected 00 00 00"),
    ],
)
def test_bytes_that_are_no_stamp(block: bytes, reason: str) -> None:
    """Bytes of another length, kind or with reserved ones set are a StampError that says which, and has them."""
    with pytest.raises(StampError, match=reason) as info:
        Stamp.from_bytes(block)
    assert (info.value.found, info.value.header) == (block, None)


def test_a_stamp_that_was_never_made_is_none() -> None:
    """What has the class and no fields is refused by writers."""
    with pytest.raises(ConfigError, match="stamp is a safecodec\\.Stamp, not"):
        pack(PAYLOAD, **WRITE, stamp=Stamp.__new__(Stamp))


# --- frames


def test_pack_and_unpack() -> None:
    """The block lies between header and payload, inside length and checksum; unpack gives what is behind it."""
    frame = pack(PAYLOAD, **WRITE, stamp=STAMP)
    assert frame == STAMPED
    assert frame[32:56] == bytes(STAMP)
    header, payload = unpack(frame, **READ)
    assert (header.stamp, header.flags, header.payload_length) == (STAMP, 0x40, 24 + len(PAYLOAD))
    assert bytes(payload) == PAYLOAD
    assert unpack(bytearray(frame), **READ)[1] == PAYLOAD
    assert peek(FRAME).stamp is None


@both_without
def test_frames_without_a_value(stamp: Stamp) -> None:
    """Pack writes no payload behind the other kinds, and refuses one; unpack gives an empty one."""
    frame = pack(b"", **WRITE, stamp=stamp)
    assert frame == reference.pack(b"", **WRITE, stamp=stamp.as_dict())
    header, payload = unpack(frame, **READ)
    assert (header.stamp, len(frame), bytes(payload)) == (stamp, 56, b"")
    with pytest.raises(EncodeError, match=f"a frame of kind '{stamp.kind}' has no payload, this one has 7 bytes: give"):
        pack(PAYLOAD, **WRITE, stamp=stamp)


@pytest.mark.parametrize("stamp", [{}, bytes(STAMP), "value", 1], ids=["dict", "bytes", "str", "int"])
def test_what_is_no_stamp_is_refused(stamp: Any) -> None:
    """Every writer takes a Stamp alone, and restamp none but one."""
    wrong: Any = None
    writers: list[Callable[[], bytes]] = [
        lambda: pack(PAYLOAD, **WRITE, stamp=stamp),
        lambda: codec().encode(VALUE, stamp=stamp),
        lambda: restamp(FRAME, stamp),
        lambda: restamp(FRAME, wrong),
    ]
    for write in writers:
        with pytest.raises(ConfigError, match="stamp is a safecodec\\.Stamp, not"):
            write()


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (reference.reseal(STAMPED[:32], payload=True), "of which 0 are there"),
        (reference.reseal(STAMPED[:33], payload=True), "of which 1 are there"),
        (reference.reseal(STAMPED[:55], payload=True), "of which 23 are there"),
        (sealed(52, b"\0"), "kind is 0"),
        (sealed(52, b"\4"), "kind is 4"),
        (sealed(52, b"\4", STAMPED[:56]), "kind is 4"),
        (sealed(52, b"\xff"), "kind is 255"),
        (sealed(52, b"\2"), "the stamp says 'absent', so no payload is expected, and 7 bytes of one follow"),
        (sealed(52, b"\3", STAMPED[:57]), "the stamp says 'deleted', so no payload is expected, and 1 bytes of one"),
        *((sealed(52 + at, b"\x80"), "the stamp's reserved bytes are") for at in (1, 2, 3)),
    ],
)
def test_hostile_stamps(frame: bytes, reason: str) -> None:
    """A stamp that says nothing is refused behind right checksums, by its class, with the header and the block."""
    error = caught(frame)
    assert type(error) is StampError
    assert reason in str(error)
    assert error.found == frame[32:56]
    assert error.header == peek(frame)
    with pytest.raises(StampError):
        restamp(frame, STAMP)


def test_hostile_stamps_of_a_codec() -> None:
    """Every engine and format refuses them, alone and in a batch."""
    for made in (codec(), codec(engine="fastavro"), codec("msgpack"), codec("json")):
        frame = made.encode(VALUE, stamp=STAMP)
        for hostile in (sealed(52, b"\0", frame), sealed(52, b"\2", frame), sealed(55, b"\1", frame)):
            with pytest.raises(StampError) as info:
                made.decode(hostile)
            assert info.value.header == peek(hostile)
            kept: list[Any] = made.decode_many([frame, hostile], errors="return")
            assert kept[0] == VALUE
            assert type(kept[1]) is StampError


def test_other_verdicts_come_first() -> None:
    """Length and checksum are verdicts before the stamp, and an unknown flag before both."""
    hostile = sealed(52, b"\0")
    assert type(caught(hostile[:-1])) is PayloadLengthError
    assert type(caught(STAMPED[:52] + b"\0" + STAMPED[53:])) is PayloadChecksumError
    assert type(caught(reference.reseal(hostile[:3] + b"\xc0" + hostile[4:]))) is UnsupportedFlagsError
    assert type(caught(STAMPED[:40] + b"\1" + STAMPED[41:])) is PayloadChecksumError


def test_the_limit_is_that_of_the_payload() -> None:
    """A payload as long as the limit is read and written behind a stamp, and one byte more is too large by one."""
    assert bytes(unpack(STAMPED, **READ, max_payload=7)[1]) == PAYLOAD
    error: Any = caught(STAMPED, max_payload=6)
    assert type(error) is PayloadTooLargeError
    assert (error.found, error.expected) == (7, 6)
    assert type(caught(reference.reseal(STAMPED[:40], payload=True), max_payload=1)) is StampError
    for payload in FORMATS:
        size = len(codec(payload).encode(VALUE)) - 32
        exact, short = codec(payload, max_payload=size), codec(payload, max_payload=size - 1)
        frame = exact.encode(VALUE, stamp=STAMP)
        assert len(frame) == 56 + size
        for given in (frame, bytearray(frame)):
            assert exact.decode(given) == VALUE
            with pytest.raises(PayloadTooLargeError):
                short.decode(given)
        with pytest.raises(ValueTooLargeError) as info:
            short.encode(VALUE, stamp=STAMP)
        assert info.value.limit == size - 1


def test_a_frame_that_is_written_to_is_copied_with_its_stamp() -> None:
    """The longest payload that is allowed is read from a copy behind a stamp, too: it stays as it was checked."""
    changing = bytearray(STAMPED)
    _, payload = unpack(changing, **READ, max_payload=len(PAYLOAD))
    changing[56:] = b"another"
    assert payload.tobytes() == PAYLOAD


# --- headers


def test_peek_shows_the_stamp_of_56_bytes() -> None:
    """Of fewer bytes the header has no stamp, and its flags say that there is one."""
    for size in (32, 40, 55):
        assert peek(STAMPED[:size]).stamp is None
        assert peek(STAMPED[:size]).flags == 0x40
        assert "stamp" not in peek(STAMPED[:size]).as_dict()
    for size in (56, 57, len(STAMPED)):
        assert peek(STAMPED[:size]).stamp == STAMP
        assert peek(STAMPED[:size]).as_dict()["stamp"] == STAMP.as_dict()
    assert bytes(peek(STAMPED)) == STAMPED[:32]
    assert peek(sealed(52, b"\0")).stamp is None


def test_peek_does_not_vouch_for_the_stamp() -> None:
    """Damage to the block is not seen without the payload: unpack sees it."""
    damaged = STAMPED[:32] + b"\0" + STAMPED[33:]
    assert peek(damaged).stamp != STAMP
    assert type(caught(damaged)) is PayloadChecksumError


def test_headers_keep_their_stamp() -> None:
    """A header with its stamp comes back from every pickle, and is another one than without."""
    for frame in (STAMPED, STAMPED[:32], sealed(52, b"\4"), sealed(52, b"\0"), FRAME):
        header = peek(frame)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            again: Header = pickle.loads(pickle.dumps(header, protocol))
            assert (again, again.stamp, hash(again)) == (header, header.stamp, hash(header))
        assert copy.deepcopy(header) == header
    assert peek(STAMPED) != peek(STAMPED[:32])
    assert repr(STAMP.as_dict()) in repr(peek(STAMPED))


def test_a_pickled_header_has_a_stamp_or_none() -> None:
    """56 bytes are a header where the flag says so, and no other length is."""
    restore, (raw,) = peek(STAMPED).__reduce__()
    assert raw == STAMPED[:56]
    assert restore(STAMPED[:32]) == peek(STAMPED[:32])
    for other in (raw[:-1], raw + b"\0", FRAME[:32] + bytes(24)):
        with pytest.raises(ValueError, match="a header has 32 bytes, not"):
            restore(other)


# --- stamp_of and restamp


def test_stamp_of_reads_and_does_not_check() -> None:
    """The block is read from any buffer; of bytes that have none, or a hostile one, there is no stamp."""
    damaged = STAMPED[:4] + b"\xff" + STAMPED[5:-1] + b"!"
    for frame in (STAMPED, STAMPED[:56], bytearray(STAMPED), memoryview(STAMPED), damaged):
        assert stamp_of(frame) == STAMP
    for other in (b"", FRAME, STAMPED[:55], b"{}" * 40, sealed(52, b"\0"), sealed(54, b"\1")):
        assert stamp_of(other) is None
    with pytest.raises(InputTypeError):
        stamp_of("text")  # type: ignore[arg-type]


@pytest.mark.parametrize("context", [None, b"user:42"])
def test_restamp_changes_the_stamp_alone(context: bytes | None) -> None:
    """The new frame is the one that pack writes with the other stamp, from a stamped and from a plain frame."""
    other = Stamp(load_start=1, fresh_for=0)
    wanted = pack(PAYLOAD, **WRITE, context=context, stamp=other)
    for before in (None, STAMP, other):
        frame = pack(PAYLOAD, **WRITE, context=context, stamp=before)
        for given in (frame, bytearray(frame), memoryview(frame)):
            assert restamp(given, other, context=context) == wanted
    assert restamp(pack(b"", **WRITE, stamp=DELETED), ABSENT) == pack(b"", **WRITE, stamp=ABSENT)


def test_restamp_keeps_what_may_be_ignored() -> None:
    """Flags of the low nibble stay as they are."""
    frame = reference.reseal(FRAME[:3] + b"\x0a" + FRAME[4:])
    assert restamp(frame, STAMP)[3] == 0x4A
    assert restamp(restamp(frame, STAMP), STAMP) == restamp(frame, STAMP)


def test_restamp_vouches_for_no_damage() -> None:
    """Verdicts 1 to 5 and 9 to 11a are those of unpack; environment, subject and version are not looked at."""
    bound = pack(PAYLOAD, **WRITE, context=b"user:42", stamp=STAMP)
    for frame, error in [
        (STAMPED[:4] + b"\x09" + STAMPED[5:-1], HeaderChecksumError),
        (bound, ContextMismatchError),
        (reference.reseal(STAMPED[:3] + b"\x60" + STAMPED[4:]), UnsupportedFlagsError),
        (STAMPED + b"!", PayloadLengthError),
        (STAMPED[:-1] + b"!", PayloadChecksumError),
    ]:
        with pytest.raises(error) as info:
            restamp(frame, ABSENT)
        assert type(info.value) is error
    for changes in ({"environment": None}, {"subject": "users"}, {"version": 9, "fingerprint": bytes(4)}):
        assert stamp_of(restamp(pack(PAYLOAD, **{**WRITE, **changes}), STAMP)) == STAMP


@both_without
def test_restamp_drops_no_payload(stamp: Stamp) -> None:
    """A frame with a payload gets no stamp that says there is none."""
    with pytest.raises(EncodeError, match="has no payload, this one has 7 bytes"):
        restamp(FRAME, stamp)


# --- codecs


@pytest.mark.parametrize("write_version", [1, 2])
@every_format
def test_codecs_write_and_read_stamped_values(payload: Literal["avro", "msgpack", "json"], write_version: int) -> None:
    """The payload is the one without a stamp, and the value is read by codec, reader and batch, bound or not."""
    engines: list[dict[str, Any]] = [{}, {"engine": "fastavro"}] if payload == "avro" else [{}]
    for engine in engines:
        made = codec(payload, write_version=write_version, **engine)
        value = made.decode(made.encode(VALUE))
        for context in (None, b"user:42"):
            frame = made.encode(VALUE, context=context, stamp=STAMP)
            assert frame == restamp(made.encode(VALUE, context=context), STAMP, context=context)
            assert made.decode(frame, context=context) == value
            assert made.reader(UserConfigV1).decode(frame, context=context) == UserConfigV1(7, "pro")
            assert made.decode_many([frame], contexts=[context]) == [value]
            assert asyncio.run(made.aencode(VALUE, context=context, stamp=STAMP)) == frame
            assert asyncio.run(made.adecode(bytearray(frame), context=context)) == value
            assert asyncio.run(made.adecode_many([frame], contexts=[context])) == [value]


@every_format
def test_schemas_are_read_behind_a_stamp(payload: Literal["avro", "msgpack", "json"]) -> None:
    """Values of a schema, which are transcoded in MessagePack and JSON, are read behind a stamp, too."""
    made = Codec(codec(payload).schema().json, subject="s", version=1, environment="e", payload=payload)
    value = {"user_id": 7, "plan": "pro", "regions": ["eu"]}
    frame = made.encode(value, stamp=STAMP)
    assert frame[56:] == made.encode(value)[32:]
    assert made.decode(frame) == made.decode(bytearray(frame)) == value


@both_without
@every_format
def test_no_value_is_no_verdict(payload: Literal["avro", "msgpack", "json"], stamp: Stamp) -> None:
    """A frame that says that there is no value raises NoValueError, with stamp and header, from every verb."""
    made = codec(payload)
    frame = made.encode(None, context=b"user:42", stamp=stamp)
    assert len(frame) == 56
    assert asyncio.run(made.aencode(None, context=b"user:42", stamp=stamp)) == frame
    for decode in (
        lambda: made.decode(frame, context=b"user:42"),
        lambda: made.reader(UserConfigV1).decode(memoryview(frame), context=b"user:42"),
        lambda: asyncio.run(made.adecode(frame, context=b"user:42")),
        lambda: asyncio.run(codec(payload, loop_budget=0).adecode(frame, context=b"user:42")),
        lambda: codec(engine="fastavro").decode(codec().encode(None, stamp=stamp)),
    ):
        with pytest.raises(NoValueError, match="the frame holds no value") as info:
            decode()
        assert not isinstance(info.value, (DecodeError, ValueError))
        assert isinstance(info.value, LookupError)
        assert (info.value.stamp, info.value.header.stamp) == (stamp, stamp)
        assert info.value.item is None
    with pytest.raises(ContextMismatchError):
        made.decode(frame)
    assert f"as its stamp of kind '{stamp.kind}' says" in str(info.value)


@both_without
def test_no_value_in_a_batch(stamp: Stamp) -> None:
    """It stands in its place like a verdict, or ends the batch with its place."""
    made = codec()
    frames = [made.encode(VALUE, stamp=STAMP), made.encode(None, stamp=stamp), made.encode(VALUE)]
    for values in (
        made.decode_many(frames, errors="return"),
        asyncio.run(made.adecode_many(frames, errors="return")),
    ):
        assert (values[0], values[2]) == (VALUE, VALUE)
        assert isinstance(values[1], NoValueError)
        assert (values[1].item, values[1].stamp, values[1].__traceback__) == (1, stamp, None)
    with pytest.raises(NoValueError) as info:
        made.decode_many(frames)
    assert info.value.item == 1
    assert info.value.__notes__ == ["frame 1 of a batch of 3, counted from 0"]


@both_without
def test_a_value_where_there_is_none_is_refused(stamp: Stamp) -> None:
    """None alone is written behind such a stamp, and it is a value behind a stamp of kind value."""
    for made in (codec(), codec("msgpack"), codec(write_version=1)):
        with pytest.raises(
            EncodeError, match=f"a frame of kind '{stamp.kind}' has no value, this is a UserConfig: give"
        ):
            made.encode(VALUE, stamp=stamp)
        with pytest.raises(EncodeError, match="is a UserConfig, this is a NoneType"):
            made.encode(None, stamp=STAMP)
    null = Codec("null", subject="s", version=1, environment="e")
    assert null.decode(null.encode(None, stamp=STAMP)) is None
    with pytest.raises(InputTypeError):
        null.encode(None, stamp=stamp, context="text")  # type: ignore[call-overload]


def test_a_guarded_loop_counts_the_payload() -> None:
    """On an event loop's thread stamped frames are measured and admitted like others, and say so when they are not."""
    made = codec(loop_guard="warn", loop_budget=1.0)

    async def both() -> Any:
        return made.decode(made.encode(VALUE, stamp=STAMP))

    assert asyncio.run(both()) == VALUE

    async def nothing() -> Any:
        return made.decode(made.encode(None, stamp=ABSENT))

    with pytest.raises(NoValueError):
        asyncio.run(nothing())


def test_the_shadow_reads_the_payload_behind_the_stamp() -> None:
    """Both engines are given the payload alone; a frame without a value is not compared, a difference has the stamp."""
    found: list[Difference] = []
    made = codec(shadow=1, on_difference=found.append)
    assert made.decode(made.encode(VALUE, stamp=STAMP)) == VALUE
    with pytest.raises(NoValueError):
        made.decode(made.encode(None, stamp=ABSENT))
    assert made.shadow is not None
    assert (made.shadow.compared, made.shadow.differences, made.shadow.failures) == (1, 0, 0)
    made.shadow._decoders = [lambda payload: UserConfig(len(payload), "", [])] * 2
    frame = made.encode(VALUE, stamp=STAMP)
    assert made.decode(frame) == VALUE
    assert found[0].header.stamp == STAMP
    assert found[0].theirs.user_id == len(frame) - 56


def test_large_frames_are_stamped() -> None:
    """A payload that is summed, copied and read without the GIL is so behind a stamp."""
    value = UserConfig(7, "p" * 300_000, ["eu"] * 50_000)
    for made in (codec(), codec(hold_collector=True), codec("msgpack", hold_collector=True)):
        frame = made.encode(value, stamp=STAMP)
        assert frame == restamp(made.encode(value), STAMP)
        assert made.decode(frame) == made.decode(bytearray(frame)) == value
        assert asyncio.run(made.adecode(frame)) == value
        assert asyncio.run(made.aencode(value, stamp=STAMP)) == frame
