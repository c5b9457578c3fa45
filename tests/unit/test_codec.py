"""Codec: what a service calls."""

from __future__ import annotations

import copy
import dataclasses
import math
import mmap
import pickle
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safecodec import (
    Codec,
    ConfigError,
    ContextMismatchError,
    DecodeError,
    EncodeError,
    EnvironmentMismatchError,
    IncompatibleSchemaError,
    InputTypeError,
    PayloadError,
    PayloadFormat,
    PayloadTooLargeError,
    SchemaConflictError,
    SchemaError,
    Stamp,
    SubjectMismatchError,
    UnknownVersionError,
    ValueTooLargeError,
    pack,
    peek,
    unpack,
)
from safecodec.frame import tag

if TYPE_CHECKING:
    from pathlib import Path

PAYLOADS = ["avro", "msgpack", "json"]


class UserConfigV1(msgspec.Struct):
    user_id: int
    plan: str


class UserConfig(msgspec.Struct):
    user_id: int
    plan: str
    regions: list[str] = []


class UserConfigV3(msgspec.Struct):
    user_id: int
    plan: str
    regions: list[str] = []
    limit: int | None = None


@dataclasses.dataclass
class Point:
    x: float
    y: float = 0.0


class Place(TypedDict):
    name: str
    population: int


AVRO = {
    "type": "record",
    "name": "Place",
    "fields": [{"name": "name", "type": "string"}, {"name": "population", "type": "long", "default": 0}],
}


def codec(payload: PayloadFormat = "avro", **changes: Any) -> Codec[UserConfig]:
    """Version 2 of the user's configuration, unless told otherwise."""
    arguments: dict[str, Any] = {
        "subject": "user-config",
        "version": 2,
        "older": {1: UserConfigV1},
        "payload": payload,
        "environment": "production",
    } | changes
    return Codec(UserConfig, **arguments)


VALUE = UserConfig(7, "pro", ["eu"])


@pytest.mark.parametrize("payload", PAYLOADS)
def test_round_trip(payload: PayloadFormat) -> None:
    """What is encoded decodes to an equal value of the same class, and the same value gives the same bytes."""
    subject = codec(payload)
    frame = subject.encode(VALUE)
    assert type(frame) is bytes
    assert subject.decode(frame) == VALUE
    assert type(subject.decode(frame)) is UserConfig
    assert subject.encode(UserConfig(7, "pro", ["eu"])) == frame


@pytest.mark.parametrize("payload", PAYLOADS)
def test_older_version_is_read_as_the_newest(payload: PayloadFormat) -> None:
    """What version 1 wrote is read as version 2, with the default where version 1 says nothing."""
    writer = Codec(UserConfigV1, subject="user-config", version=1, payload=payload, environment="production")
    assert codec(payload).decode(writer.encode(UserConfigV1(7, "pro"))) == UserConfig(7, "pro", [])


@pytest.mark.parametrize("payload", PAYLOADS)
def test_write_version_writes_the_older_schema(payload: PayloadFormat) -> None:
    """With write_version=1, a reader that knows version 1 only gets its own version, byte for byte."""
    reader = Codec(UserConfigV1, subject="user-config", version=1, payload=payload, environment="production")
    frame = codec(payload, write_version=1).encode(VALUE)
    assert peek(frame).version == 1
    assert frame == reader.encode(UserConfigV1(7, "pro"))
    assert reader.decode(frame) == UserConfigV1(7, "pro")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_newer_version_falls_back(payload: PayloadFormat) -> None:
    """A frame of an unknown newer version is read by the newest known one where its header allows that."""
    newer = Codec(
        UserConfigV3,
        subject="user-config",
        version=3,
        older={1: UserConfigV1, 2: UserConfig},
        payload=payload,
        environment="production",
    )
    frame = newer.encode(UserConfigV3(7, "pro", ["eu"], 5))
    assert peek(frame).oldest_reader == 1
    assert codec(payload).decode(frame) == VALUE


@pytest.mark.parametrize("payload", PAYLOADS)
def test_newer_version_is_refused_where_nobody_vouches(payload: PayloadFormat) -> None:
    """A writer that does not know the version before its own vouches for nobody, and older readers refuse by number."""
    newer = Codec(UserConfigV3, subject="user-config", version=3, payload=payload, environment="production")
    frame = newer.encode(UserConfigV3(7, "pro"))
    assert peek(frame).oldest_reader == 3
    with pytest.raises(UnknownVersionError, match=r"version 3 of .* is not known, this reader knows 1, 2") as caught:
        codec(payload).decode(frame)
    assert (caught.value.found, caught.value.known, caught.value.oldest_reader) == (3, (1, 2), 3)


def test_forgotten_older_version_is_refused() -> None:
    """A version older than all that are known is refused, not guessed."""
    frame = codec(write_version=1).encode(VALUE)
    with pytest.raises(UnknownVersionError) as caught:
        codec(older=None).decode(frame)
    assert caught.value.found == 1
    assert str(caught.value) == (
        "schema version 1 of subject 'user-config' is not known, this reader knows 2: give version 1 as older, or let "
        "its frames expire"
    )


def test_unknown_version_says_what_to_do() -> None:
    """A newer version names the subject, and the readers that have to be deployed first; of many versions a few."""
    newer = Codec(UserConfigV3, subject="user-config", version=30, environment="production")
    many = codec(version=20, older=dict.fromkeys(range(1, 20), UserConfigV1))
    with pytest.raises(UnknownVersionError) as caught:
        many.decode(newer.encode(UserConfigV3(7, "pro")))
    assert caught.value.subject == "user-config"
    assert str(caught.value) == (
        "schema version 30 of subject 'user-config' is not known, this reader knows 1, 2, 3, ..., 18, 19, 20; the "
        "frame can be read from version 30 on: deploy readers of version 30 or newer before version 30 is written"
    )


@pytest.mark.parametrize(
    ("theirs", "written"),
    [
        ("staging", "'staging' (tag {})"),
        ("Production", "'Production' (tag {})"),
        ("STAGE", "'STAGE' (tag {})"),
        ("team-7", "the environment with tag {}"),
        (None, "no environment (unscoped)"),
    ],
)
def test_environments_are_named(theirs: str | None, written: str) -> None:
    """A frame of another environment names the reader's own, and its own where that has a common name."""
    print_ = codec().fingerprint()
    frame = pack(b"", format="avro", subject="user-config", version=2, fingerprint=print_, environment=theirs)
    with pytest.raises(EnvironmentMismatchError) as caught:
        codec().decode(frame)
    own = tag("production").hex()
    found = "0" * 8 if theirs is None else tag(theirs).hex()
    assert str(caught.value) == (
        f"the frame was written in {written.format(found)}, this reader is in 'production' (tag {own}): two "
        "environments share a store, or one is configured with the other's name"
    )
    assert (caught.value.expected, caught.value.found) == (own, found)
    assert caught.value.expected_name == "production"
    assert caught.value.found_name == (None if theirs == "team-7" else theirs)


def test_the_reader_s_subject_is_named() -> None:
    """A frame of another subject names the reader's own, in a view, too, and where frames are unpacked by hand."""
    frame = codec(subject="team-config").encode(VALUE)
    said = (
        f"tag {tag('team-config').hex()}, this reader reads 'user-config' (tag {tag('user-config').hex()}): the frame"
    )
    for read in (
        codec().decode,
        codec().reader(UserConfigV1).decode,
        lambda data: unpack(data, subject="user-config", environment="production"),
    ):
        with pytest.raises(SubjectMismatchError) as caught:
            read(frame)
        assert said in str(caught.value)
        assert caught.value.expected_name == "user-config"
    with pytest.raises(EnvironmentMismatchError) as unscoped:
        unpack(frame, subject="team-config", environment=None)
    assert unscoped.value.expected_name is None
    assert "this reader is in no environment (unscoped)" in str(unscoped.value)


def test_conflict_says_what_to_do() -> None:
    """Two schemas of one version: subject, version, both fingerprints, the next step, and whose the frame's is here."""
    other = Codec(UserConfigV3, subject="user-config", version=2, environment="production")
    frame = other.encode(UserConfigV3(7, "pro"))
    with pytest.raises(SchemaConflictError) as caught:
        codec().decode(frame)
    mine, theirs = codec().fingerprint().hex(), other.fingerprint().hex()
    assert (caught.value.subject, caught.value.version) == ("user-config", 2)
    assert (caught.value.expected, caught.value.found) == (mine, theirs)
    assert str(caught.value) == (
        f"version 2 of subject 'user-config' has the schema fingerprint {theirs} in the frame and {mine} in this "
        "reader: two schemas use version 2; bump the version, or restore the class that wrote the frame, see the "
        "history of the schema"
    )
    swapped = codec(older={1: UserConfigV3})
    with pytest.raises(
        SchemaConflictError, match=f"{mine} in this reader, where version 1 has the frame's: two schemas"
    ):
        swapped.decode(frame)
    versions = {2: codec().fingerprint()}
    with pytest.raises(SchemaConflictError, match=f"{mine} in this reader: two schemas"):
        unpack(frame, subject="user-config", environment="production", versions=versions)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_same_version_of_another_schema_is_refused(payload: PayloadFormat) -> None:
    """Two schemas that claim one version never read each other's frames."""
    other = Codec(UserConfigV3, subject="user-config", version=2, payload=payload, environment="production")
    with pytest.raises(SchemaConflictError) as caught:
        codec(payload).decode(other.encode(UserConfigV3(7, "pro")))
    assert caught.value.expected == codec(payload).fingerprint(2).hex()
    assert caught.value.found == other.fingerprint().hex()


def test_renamed_class_keeps_its_fingerprint() -> None:
    """The name of the class is not part of a version: it changes when a version becomes an older one."""
    renamed = msgspec.defstruct("Renamed", [("user_id", int), ("plan", str)])
    one = Codec(renamed, subject="user-config", version=1, environment="production")
    assert one.fingerprint() == codec().fingerprint(1)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_any_contiguous_buffer_decodes(payload: PayloadFormat) -> None:
    """bytes, bytearray, memoryview, array and mmap hold the same frame."""
    frame = codec(payload).encode(VALUE)
    mapped = mmap.mmap(-1, len(frame))
    mapped.write(frame)
    subclass = type("Sub", (bytes,), {})(frame)
    for buffer in (bytearray(frame), memoryview(frame), array("B", frame), mapped, subclass):
        assert codec(payload).decode(buffer) == VALUE
    mapped.close()


def test_decoded_views_keep_the_frame() -> None:
    """A value that holds a part of the payload undecoded keeps the memory it points into."""
    viewed = msgspec.defstruct("Viewed", [("data", memoryview)])
    views: Codec[Any] = Codec(viewed, subject="views", version=1, payload="msgpack", environment="test")
    frames = [bytearray(views.encode(viewed(memoryview(bytes([n]) * 1000)))) for n in range(4)]
    values = [views.decode(frame) for frame in frames]
    del frames
    assert [bytes(value.data) for value in values] == [bytes([n]) * 1000 for n in range(4)]


def test_buffer_is_released_after_decoding() -> None:
    """A mutable buffer is held only while decode works: afterwards it can be resized, after a refusal too."""
    frame = bytearray(codec().encode(VALUE))
    codec().decode(frame)
    frame.append(0)
    with pytest.raises(DecodeError):
        codec().decode(frame)
    frame.append(0)
    with pytest.raises(ContextMismatchError):
        codec().decode(memoryview(frame)[:-2], context=bytearray(b"key"))


@pytest.mark.parametrize("given", ["text", None, 7, [1], memoryview(b"abcd")[::2]])
def test_what_is_no_buffer_is_named(given: Any) -> None:
    """An argument that is not a C-contiguous buffer gets InputTypeError, which is a TypeError and no DecodeError."""
    with pytest.raises(InputTypeError) as caught:
        codec().decode(given)
    assert isinstance(caught.value, TypeError)
    assert not isinstance(caught.value, DecodeError)
    assert caught.value.found == type(given).__name__


def test_text_names_its_usual_cause() -> None:
    """A str gets an error that names decode_responses=True."""
    with pytest.raises(InputTypeError, match="decode_responses=True"):
        codec().decode("\xc1\xde")  # type: ignore[arg-type]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_context_binds(payload: PayloadFormat) -> None:
    """A frame decodes under the context that it was encoded with, and under no other."""
    frame = codec(payload).encode(VALUE, context=b"user:7")
    assert codec(payload).decode(frame, context=bytearray(b"user:7")) == VALUE
    for wrong in (b"user:8", None, b""):
        with pytest.raises(ContextMismatchError, match="another cache key"):
            codec(payload).decode(frame, context=wrong)


def test_context_as_text_is_refused() -> None:
    """A context is bytes; text is refused on both sides as the caller's mistake."""
    frame = codec().encode(VALUE)
    with pytest.raises(InputTypeError, match="context is a str"):
        codec().encode(VALUE, context="user:7")  # type: ignore[call-overload]
    with pytest.raises(InputTypeError, match="context is a str"):
        codec().decode(frame, context="user:7")  # type: ignore[arg-type]


def test_other_environment_and_subject_are_refused() -> None:
    """Frames of another environment or subject are refused, whatever they hold."""
    with pytest.raises(EnvironmentMismatchError):
        codec().decode(codec(environment="staging").encode(VALUE))
    with pytest.raises(SubjectMismatchError):
        codec().decode(codec(subject="team-config").encode(VALUE))


def test_environment_comes_from_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without environment=, SAFECODEC_ENVIRONMENT counts when the codec is made; without both there is no codec."""
    monkeypatch.setenv("SAFECODEC_ENVIRONMENT", "production")
    assert codec(environment=None).decode(codec().encode(VALUE)) == VALUE
    assert codec(environment=None).environment == "production"
    assert codec(environment="staging").environment == "staging"
    monkeypatch.setenv("SAFECODEC_ENVIRONMENT", "")
    with pytest.raises(ConfigError, match="SAFECODEC_ENVIRONMENT is a name that is not empty"):
        codec(environment=None)
    monkeypatch.delenv("SAFECODEC_ENVIRONMENT")
    with pytest.raises(ConfigError, match="no environment: give environment=… or set SAFECODEC_ENVIRONMENT"):
        codec(environment=None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"environment": ""}, "environment is a name that is not empty"),
        ({"environment": 7}, "environment is a name that is not empty"),
        ({"subject": ""}, "subject is a name that is not empty"),
        ({"subject": "\ud800"}, "has no UTF-8 form"),
        ({"version": 0}, "version is a whole number between 1 and 65535, not 0"),
        ({"version": 65536}, "between 1 and 65535"),
        ({"version": True}, "whole number"),
        ({"version": "2"}, "whole number"),
        ({"older": {2: UserConfigV1}}, "not older than version 2"),
        ({"older": {"1": UserConfigV1}}, "a version in older is a whole number"),
        ({"payload": "pickle"}, "payload 'pickle' is not one of avro, msgpack, json"),
        ({"write_version": 3}, "write_version 3 is not known for subject 'user-config', which has 1, 2"),
        ({"write_version": True}, "write_version True is not known"),
        ({"max_payload": -1}, "max_payload is a number of bytes"),
        ({"max_payload": 2**32}, "max_payload is a number of bytes"),
        ({"max_payload": 1.5}, "max_payload is a number of bytes"),
        # CPython makes no text of a number with so many digits.
        ({"version": 10**5_000}, "version is a whole number between 1 and 65535, not an object of int"),
        ({"write_version": 10**5_000}, "write_version an object of int is not known"),
        ({"max_payload": 10**5_000}, "max_payload is a number of bytes"),
        ({"older": {10**5_000: UserConfigV1}}, "a version in older is a whole number"),
        ({"environment": 10**5_000}, "environment is a name that is not empty"),
        ({"loop_budget": 10**5_000}, "loop_budget is a number of seconds"),
        ({"loop_budget": -(10**5_000)}, "loop_budget is a number of seconds"),
        ({"pool": 10**5_000}, "pool is a safecodec.offload.Pool"),
        ({"breathing": 5}, "breathing is a safecodec.Breathing, not 5"),
        ({"shadow": -(10**5_000)}, "shadow is how many decodes"),
    ],
)
def test_codec_set_up_wrongly(changes: dict[str, Any], message: str) -> None:
    """What no frame can hold is refused when the codec is made, by name."""
    with pytest.raises(ConfigError, match=message):
        codec(**changes)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_incompatible_versions_make_no_codec(payload: PayloadFormat) -> None:
    """A codec whose older version cannot be read as its newest is not made; the error has every reason."""
    other = msgspec.defstruct("Other", [("user_id", str), ("plan", int)])
    with pytest.raises(IncompatibleSchemaError, match="version 1 of subject 'user-config'") as caught:
        codec(payload, older={1: other})
    assert len(caught.value.reasons) == 2


@pytest.mark.parametrize("payload", PAYLOADS)
def test_unwritable_version_makes_no_codec(payload: PayloadFormat) -> None:
    """write_version must be writable from values of the newest version."""
    needs_more = msgspec.defstruct("More", [("user_id", int), ("plan", str), ("owner", str)])
    with pytest.raises(IncompatibleSchemaError, match="cannot be written as version 1"):
        codec(payload, older={1: needs_more}, write_version=1)


def test_bad_schema_names_its_version() -> None:
    """A schema that cannot be used is reported with version and subject."""
    with pytest.raises(SchemaError, match="version 1 of subject 'user-config'"):
        codec(older={1: {"type": "nonsense"}})


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("value", [UserConfigV1(7, "pro"), {"user_id": 7, "plan": "pro", "regions": []}, None, 7])
def test_value_of_another_type_is_refused(payload: PayloadFormat, value: Any) -> None:
    """Only instances of the newest version's class are written."""
    with pytest.raises(EncodeError, match="a value of subject 'user-config' is a UserConfig, this is a"):
        codec(payload).encode(value)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_value_that_cannot_be_written(payload: PayloadFormat) -> None:
    """What the payload's encoder refuses is an EncodeError that has the cause attached."""
    with pytest.raises(EncodeError):
        codec(payload).encode(UserConfig(7, "pro", [object()]))  # type: ignore[list-item]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_largest_payload(payload: PayloadFormat) -> None:
    """max_payload bounds both directions, exactly."""
    frame = codec(payload).encode(VALUE)
    length = peek(frame).payload_length
    assert codec(payload, max_payload=length).encode(VALUE) == frame
    assert codec(payload, max_payload=length).decode(frame) == VALUE
    with pytest.raises(ValueTooLargeError) as refused:
        codec(payload, max_payload=length - 1).encode(VALUE)
    assert (refused.value.found, refused.value.limit) == (length, length - 1)
    with pytest.raises(PayloadTooLargeError) as caught:
        codec(payload, max_payload=length - 1).decode(frame)
    assert (caught.value.found, caught.value.expected) == (length, length - 1)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_large_payloads_round_trip(payload: PayloadFormat) -> None:
    """Payloads whose checksum is taken without the GIL are the same in all else."""
    value = UserConfig(7, "pro", [f"region-{n}" for n in range(20_000)])
    frame = codec(payload).encode(value, context=b"k")
    assert codec(payload).decode(frame, context=b"k") == value
    damaged = bytearray(frame)
    damaged[-100] ^= 1
    with pytest.raises(DecodeError):
        codec(payload).decode(damaged, context=b"k")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_payload_that_does_not_decode(payload: PayloadFormat) -> None:
    """An intact frame around a wrong payload is a PayloadError with the frame's header."""
    subject = codec(payload)
    frame = pack(
        b"\xff" * 11,
        format=payload,
        subject="user-config",
        version=2,
        fingerprint=subject.fingerprint(),
        environment="production",
    )
    with pytest.raises(PayloadError) as caught:
        subject.decode(frame)
    assert caught.value.header == peek(frame)
    assert caught.value.__cause__ is None  # a traceback would show the text of msgspec's error as it is


def test_value_error_of_a_type_is_wrapped() -> None:
    """A ValueError of the user's own __post_init__ is a PayloadError, caused by it."""

    class Strange(msgspec.Struct):
        number: int

        def __post_init__(self) -> None:
            if self.number == 13:
                raise ValueError("unlucky")

    subject = Codec(Strange, subject="strange", version=1, payload="msgpack", environment="test")
    value = Strange(12)
    value.number = 13
    with pytest.raises(PayloadError) as caught:
        subject.decode(subject.encode(value))
    assert repr(caught.value.__cause__) == "ValueError('unlucky')"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_avro_schemas_have_dicts(payload: PayloadFormat, tmp_path: Path) -> None:
    """A schema given as dict, JSON text or .avsc path is the same codec, whose values are dicts."""
    path = tmp_path / "place.avsc"
    path.write_bytes(msgspec.json.encode(AVRO))
    sources: list[Any] = [AVRO, msgspec.json.encode(AVRO).decode(), path]
    value = {"name": "Bern", "population": 133883}
    frames = set()
    for source in sources:
        places: Codec[Any] = Codec(source, subject="place", version=1, payload=payload, environment="test")
        frames.add(places.encode(value))
        assert places.decode(places.encode(value)) == value
        with pytest.raises(EncodeError):
            places.encode({"name": 7, "population": 1})
    assert len(frames) == 1


@pytest.mark.parametrize("payload", PAYLOADS)
def test_dataclass_and_typed_dict(payload: PayloadFormat) -> None:
    """Dataclasses and TypedDicts are versions as Structs are."""
    points = Codec(Point, subject="point", version=1, payload=payload, environment="test")
    assert points.decode(points.encode(Point(1.5))) == Point(1.5)
    places = Codec(Place, subject="place", version=1, payload=payload, environment="test")
    assert places.decode(places.encode({"name": "Bern", "population": 1})) == {"name": "Bern", "population": 1}
    with pytest.raises(EncodeError, match="is a dict, this is a Point"):
        places.encode(Point(1.5))  # type: ignore[call-overload]


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize(
    ("type_", "value"),
    [
        (Point | None, Point(1.5)),
        (Point | None, None),
        (Annotated[float, msgspec.Meta(ge=0)], 1.5),
        (Sequence[int], [1, 2]),
        (Mapping[str, int], {"a": 1}),
        (Any, {"a": [1, None]}),
    ],
    ids=str,
)
def test_types_that_are_no_class_of_a_value(payload: PayloadFormat, type_: Any, value: object) -> None:
    """A union, Annotated, an abstract class and Any take the values that they stand for."""
    made: Codec[Any] = Codec(type_, subject="s", version=1, payload=payload, environment="test")
    assert made.decode(made.encode(value)) == value


def test_attributes() -> None:
    """A codec tells what it was made for, and cannot be changed."""
    subject = codec("json", write_version=1, max_payload=1000)
    assert (subject.subject, subject.payload, subject.environment) == ("user-config", "json", "production")
    assert (subject.version, subject.versions, subject.write_version, subject.max_payload) == (2, (1, 2), 1, 1000)
    assert subject.schema() == subject.schema(2) != subject.schema(1)
    assert subject.schema(1).type is UserConfigV1
    assert subject.fingerprint() == subject.fingerprint(2) != codec("avro").fingerprint()
    for ask in (subject.schema, subject.fingerprint):
        with pytest.raises(ConfigError, match="version 9 is not known"):
            ask(9)
    with pytest.raises(AttributeError):
        subject.version = 3  # type: ignore[misc]
    assert repr(subject) == (
        "Codec(subject='user-config', versions=(1, 2), payload='json', environment='production', write_version=1)"
    )
    assert Codec[UserConfig].__origin__ is Codec  # type: ignore[attr-defined]


def test_codec_pickles_and_copies() -> None:
    """A codec crosses to a worker process as what it was made from, with its environment."""
    for clone in (pickle.loads(pickle.dumps(codec())), copy.deepcopy(codec())):
        assert clone.decode(codec().encode(VALUE)) == VALUE
        assert clone.encode(VALUE) == codec().encode(VALUE)


class Text(msgspec.Struct):
    """A record of any size."""

    text: str


@dataclasses.dataclass
class Asked:
    """A record that does something when its field is read."""

    text: str

    def __getattribute__(self, name: str) -> Any:
        if name == "text" and asked:
            asked.pop()()
        return super().__getattribute__(name)


asked: list[Callable[[], Any]] = []


@pytest.mark.parametrize("payload", ["msgpack", "json"])
def test_a_value_may_encode_others_while_it_is_encoded(payload: PayloadFormat) -> None:
    """A call of a codec in the middle of another one makes a frame of its own."""
    made: Codec[Asked] = Codec(Asked, subject="s", version=1, payload=payload, environment="test")
    frames: list[bytes] = []
    for _ in range(3):
        asked.append(lambda: frames.append(made.encode(Asked("inner"))))
        frames.append(made.encode(Asked("outer")))
    assert [made.decode(one).text for one in frames] == ["inner", "outer"] * 3


@pytest.mark.parametrize("payload", ["msgpack", "json"])
@given(sizes=st.lists(st.sampled_from((0, 1, 100, 16_000, 16_384, 17_000, 70_000)), max_size=6), stamped=st.booleans())
def test_frames_of_any_size_in_any_order(payload: PayloadFormat, sizes: list[int], stamped: bool) -> None:
    """A frame does not depend on the frames that the codec has made before: no byte of theirs is in it."""
    made: Codec[Text] = Codec(Text, subject="s", version=1, payload=payload, environment="test")
    library = msgspec.msgpack if payload == "msgpack" else msgspec.json
    stamp = Stamp(load_start=1, fresh_for=1000) if stamped else None
    for size in sizes:
        value = Text("x" * size)
        frame = made.encode(value, stamp=stamp, context=b"key")
        _, found = unpack(frame, subject="s", environment="test", context=b"key")
        assert bytes(found) == library.encode(value)
        assert made.decode(frame, context=b"key") == value


@dataclasses.dataclass
class Changing:
    """A record whose number is another one when it is read for the third time."""

    number: float

    def __getattribute__(self, name: str) -> Any:
        if name == "number":
            numbers.append(math.nan if len(numbers) < 2 else 0.5)
            return numbers[-1]
        return super().__getattribute__(name)


numbers: list[float] = []


def test_a_number_that_is_another_one_later_is_refused() -> None:
    """JSON that has null in the place of a number is no payload, whatever the value says when it is asked again."""
    made: Codec[Changing] = Codec(Changing, subject="s", version=1, payload="json", environment="test")
    value = Changing(1.5)
    numbers.clear()
    with pytest.raises(EncodeError, match="has no JSON form"):
        made.encode(value)
