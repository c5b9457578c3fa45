"""The golden vectors: every release reads and writes these bytes."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import avro_schemas
import avro_values
import golden
import reference
import shapes
from avro_evolution import evolved
from avro_json import to_json
from avro_leaves import Pick
from avro_types import ABSENT, Type, nodes
from golden import UserConfig, UserConfigV1
from safecodec import Codec, Stamp, errors, frame
from safecodec.avro.schema import Schema
from safecodec.errors import DecodeError, EncodeError, SchemaError

ROOT = Path(__file__).parent.parent.parent
IDS = [vector.name for vector in golden.frames()]
FORMATS: tuple[Literal["avro", "msgpack", "json"], ...] = ("avro", "msgpack", "json")

every_frame = pytest.mark.parametrize("vector", golden.frames(), ids=IDS)
every_refusal = pytest.mark.parametrize("refusal", golden.refusals(), ids=[r.name for r in golden.refusals()])


def codec(payload: Literal["avro", "msgpack", "json"], **changes: Any) -> Codec[UserConfig]:
    """The codec that writes the vectors ``*-v2``."""
    return Codec(
        UserConfig,
        subject="user-config",
        version=2,
        older={1: UserConfigV1},
        payload=payload,
        environment="production",
        **changes,
    )


@every_frame
def test_bytes_are_the_ones_that_were_frozen(vector: golden.Golden) -> None:
    """A golden frame never changes: its SHA-256 is in the index."""
    entry = next(entry for entry in golden.index()["frames"] if entry["name"] == vector.name)
    assert hashlib.sha256(vector.frame).hexdigest() == entry["sha256"]


@every_frame
def test_unpack_reads_every_golden_frame(vector: golden.Golden) -> None:
    """The strictest reader takes a golden frame, and finds its header and payload."""
    header, payload = frame.unpack(vector.frame, **vector.read)
    assert header.as_dict() == vector.as_dict
    assert payload == vector.payload


@every_frame
def test_peek_reads_every_golden_header(vector: golden.Golden) -> None:
    """The first 32 bytes are enough for the header."""
    assert frame.peek(vector.frame[:32], context=vector.context).as_dict() == vector.header


@pytest.mark.parametrize(
    "vector", [v for v in golden.frames() if not v.header["flags"] & 0x0F], ids=lambda vector: str(vector.name)
)
def test_pack_writes_every_golden_frame(vector: golden.Golden) -> None:
    """Same arguments, same bytes, for ever."""
    stamp = None if vector.stamp is None else Stamp(**vector.stamp)
    assert frame.pack(vector.payload, **{**vector.write, "stamp": stamp}) == vector.frame


@every_frame
def test_tags_and_fingerprints(vector: golden.Golden) -> None:
    """Tags are prefixes of SHA-256 of names, the fingerprint one over format and wire form."""
    assert frame.tag(vector.subject).hex() == vector.header["subject_tag"]
    unscoped = vector.environment is None
    assert ("00000000" if unscoped else frame.tag(str(vector.environment)).hex()) == vector.header["environment_tag"]
    assert frame.fingerprint(vector.format, vector.canonical) == vector.fingerprint


@every_frame
def test_oracle_agrees_with_every_golden_frame(vector: golden.Golden) -> None:
    """The plain-Python frame reads the golden frames, too."""
    assert reference.unpack(vector.frame, **vector.read) == (vector.as_dict, vector.payload)


@every_refusal
def test_refusals_name_their_verdict(refusal: golden.Refusal) -> None:
    """Bytes that were refused once are refused for ever, by the same class unless a later vector replaces it."""
    with pytest.raises(DecodeError) as caught:
        frame.unpack(refusal.frame, **refusal.read)
    assert type(caught.value).__name__ == refusal.error
    with pytest.raises(reference.Refused) as refused:
        reference.unpack(refusal.frame, **refusal.read)
    assert refused.value.name == refusal.error


def test_a_replaced_refusal_is_refused_still() -> None:
    """A flag that gets a meaning may change the class of a refusal, and nothing else: the bytes stay refused."""
    entries = {entry["name"]: entry for entry in golden.index()["refusals"]}
    replacing = [entry for entry in entries.values() if "replaces" in entry]
    assert [entry["replaces"] for entry in replacing] == ["flag-40"]
    for entry in replacing:
        before = entries[entry["replaces"]]
        assert (before["frame"], before["read"]) == (entry["frame"], entry["read"])


def test_refusals_cover_every_verdict_of_a_frame() -> None:
    """There is a refusal for each class under DecodeError that bytes alone can cause."""
    classes = {
        name
        for name in errors.__all__
        if issubclass(getattr(errors, name), DecodeError)
        and name not in ("DecodeError", "InputTypeError", "PayloadError")
    }
    assert {refusal.error for refusal in golden.refusals()} == classes


def test_generator_has_nothing_to_add() -> None:
    """The generator makes exactly the vectors that are there: none was changed by hand or forgotten."""
    script = ROOT / "scripts" / "make-vectors"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("format", FORMATS)
def test_codec_reads_and_writes_the_golden_values(format: Literal["avro", "msgpack", "json"]) -> None:
    """The codec's newest version has these very bytes: payload, fingerprint and oldest reader are frozen with it."""
    value = UserConfig(7, "pro", ["eu", "us"])
    vector = golden.frame(f"{format}-v2")
    assert codec(format).encode(value) == vector.frame
    assert codec(format).decode(vector.frame) == value


@pytest.mark.parametrize("format", FORMATS)
def test_codec_reads_and_writes_the_older_golden_values(format: Literal["avro", "msgpack", "json"]) -> None:
    """An older version is written with the bytes it always had, whatever the class is named now."""
    vector = golden.frame(f"{format}-v1")
    assert codec(format, write_version=1).encode(UserConfig(7, "pro", ["eu"])) == vector.frame
    assert codec(format).decode(vector.frame) == UserConfig(7, "pro")


@pytest.mark.parametrize("format", FORMATS)
def test_codec_of_the_older_release_reads_the_newer_frame(format: Literal["avro", "msgpack", "json"]) -> None:
    """A release that knows version 1 alone falls back, because the frame says that it may."""
    older = Codec(UserConfigV1, subject="user-config", version=1, payload=format, environment="production")
    assert older.decode(golden.frame(f"{format}-v2").frame) == UserConfigV1(7, "pro")


@pytest.mark.parametrize("name", ["avro-v1-context", "msgpack-v1-context", "json-v1-context"])
def test_codec_reads_and_writes_bound_golden_values(name: str) -> None:
    """A context is part of the header's checksum and of nothing else."""
    vector = golden.frame(name)
    assert vector.context is not None
    chosen = codec(next(format for format in FORMATS if format == vector.format), write_version=1)
    assert chosen.decode(vector.frame, context=vector.context) == UserConfig(7, "pro")
    assert chosen.encode(UserConfig(7, "pro"), context=vector.context) == vector.frame


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", list(golden.VALUES))
def test_codec_reads_and_writes_values_of_every_kind(format: Literal["avro", "msgpack", "json"], name: str) -> None:
    """A union, a missing field, an enum of numbers, a tuple and the rest have the bytes and fingerprints on file."""
    vector, value = golden.frame(f"{format}-{name}"), golden.VALUES[name]
    made = Codec(type(value), subject=name, version=1, payload=format, environment="production")
    assert made.encode(value) == vector.frame
    assert made.decode(vector.frame) == value


def test_index_is_plain_json() -> None:
    """Another language reads the index with nothing but a JSON parser: bytes are in hex, names unique."""
    index = json.loads((golden.FOLDER / "index.json").read_text("utf-8"))
    for part in ("frames", "refusals"):
        names = [entry["name"] for entry in index[part]]
        assert len(set(names)) == len(names)
    files = {entry["file"] for entry in index["frames"]}
    assert files == {path.name for path in golden.FOLDER.glob("*.bin")}


# --- wire forms

ATTRIBUTES = (
    {"safecodec.omit_defaults": True},
    {"safecodec.array_like": True},
    {"safecodec.tuple": True, "safecodec.array_like": True},
    {"safecodec.tag": "circle", "safecodec.tag_field": "type"},
    {"safecodec.class": True},
)
every_payload = pytest.mark.parametrize("payload", FORMATS)


def marked(source: Any, pick: Pick) -> Any:
    """A schema's JSON whose records have attributes of this package, some of them."""
    if isinstance(source, list):
        return [marked(one, pick) for one in source]
    if not isinstance(source, dict):
        return source
    own = {key: marked(value, pick) if key in ("type", "items", "values") else value for key, value in source.items()}
    if source.get("type") == "record":
        own["fields"] = [marked(one, pick) for one in source["fields"]]
        own |= ATTRIBUTES[pick(len(ATTRIBUTES))] if pick(2) else {}
    return own


def repeated(choices: list[int]) -> Pick:
    """Choices that are made again, the simplest ones when there are no more."""
    left = iter(choices)
    return lambda count: next(left, 0) % count


def rewritten(pick: Pick, node: Type) -> Type:
    """A schema of which a reader's part is another: names, aliases, defaults, and orders of fields and symbols."""
    found = evolved(pick, node, pick(2))
    bare = pick(2)
    for number, one in enumerate(nodes(found)):
        change = pick(6)
        if change == 0 and one.name:
            one.name = f"other.N{number}"
        elif change == 1:
            one.fields.reverse()
        elif change == 2:
            one.symbols.reverse()
        for part in one.fields:
            part.aliases = [f"old_{part.name}"] if pick(3) == 0 else part.aliases
            part.default = ABSENT if bare else part.default
    return found


@every_payload
@given(data=st.data())
def test_wire_forms_are_those_of_the_page(payload: str, data: st.DataObject) -> None:
    """Plain Python makes the wire form of any schema by the rules of the page, and shares no code with the package."""
    pick = avro_schemas.picker(data.draw)
    source = marked(to_json(avro_schemas.Maker(pick).schema()), pick)
    assert Schema(source).wire_form(payload) == reference.wire_form(source, payload)


@every_payload
@given(shape=shapes.records())
def test_a_type_and_its_exported_schema_have_one_wire_form(payload: str, shape: shapes.Shape) -> None:
    """A version may be given as either, and plain Python makes the same form of the exported one."""
    schema = Schema(shape.type)
    assert schema.wire_form(payload) == Schema(schema.json).wire_form(payload)
    assert schema.wire_form(payload) == reference.wire_form(schema.json, payload)


@every_payload
@given(data=st.data())
def test_one_fingerprint_is_one_meaning(payload: Literal["avro", "msgpack", "json"], data: st.DataObject) -> None:
    """Releases whose schemas have one fingerprint read each other's frames as the same values."""
    pick = avro_schemas.picker(data.draw)
    node = avro_schemas.Maker(pick).schema()
    choices = [pick(2**16) for _ in range(8)]
    sources = [marked(to_json(one), repeated(choices)) for one in (node, rewritten(pick, node))]
    try:
        mine, theirs = (Codec(one, subject="s", version=1, payload=payload, environment="e") for one in sources)
    except SchemaError:
        return  # the format cannot tell a union's branches apart
    if mine.fingerprint() != theirs.fingerprint():
        return
    value = avro_values.given(node, avro_values.make_value(pick, node))
    try:
        frame = mine.encode(value)
    except EncodeError:
        return  # a value without a form, or of several branches
    assert shapes.same(theirs.decode(frame), mine.decode(frame))


# --- the specification page says what the vectors say

PAGE = ROOT / "docs" / "reference" / "wire-format.md"


def rows(pattern: str) -> list[tuple[str, ...]]:
    """The rows of the page's tables that match."""
    found = re.findall(pattern, PAGE.read_text("utf-8"), re.MULTILINE)
    assert found
    return found


def test_the_page_shows_a_golden_frame() -> None:
    """The worked example is the vector avro-v1, byte by byte, and its schema has the fingerprint shown."""
    page = PAGE.read_text("utf-8")
    example = page.split("```text\n")[1].split("```")[0]
    shown = "".join(re.match(r"((?:[0-9a-f]{2} )+)", line + " ")[1] for line in example.splitlines())  # type: ignore[index]
    vector = golden.frame("avro-v1")
    assert bytes.fromhex(shown) == vector.frame
    assert page.split("```json\n")[1].split("\n")[0] == vector.canonical
    bound = golden.frame("avro-v1-context")
    assert f"`{bound.frame[28:32].hex(' ')}`" in page


def test_the_page_has_right_sums() -> None:
    """Every row of the table of checksums is right."""
    inputs = [b"", b"a", b"123456789", bytes(32), b"\xff" * 32, bytes(range(32)), bytes(range(31, -1, -1))]
    found = rows(r"^\|[^|]*\| `([0-9A-F]{8})` \| `([0-9A-F]{8})` \|$")
    sums = [(reference.crc32c(data), reference.masked(reference.crc32c(data))) for data in inputs]
    assert found == [(f"{plain:08X}", f"{stored:08X}") for plain, stored in sums]


def test_the_page_has_right_tags_and_fingerprints() -> None:
    """Every row of the tables of tags and fingerprints is right."""
    for name, shown in rows(r"^\| `([^`]+)` \| `([0-9a-f]{8})` \|$"):
        assert frame.tag(name).hex() == shown
    for code, canonical, shown in rows(r"^\| `0([1-3])` \| `([^`]+)` \| `([0-9a-f]{8})` \|$"):
        assert frame.fingerprint(reference.NAMES[int(code)], canonical).hex() == shown


def test_the_page_names_every_verdict() -> None:
    """Every error class that bytes can cause is in the table of verdicts."""
    shown = set(re.findall(r"`(\w+Error)`", PAGE.read_text("utf-8")))
    assert {refusal.error for refusal in golden.refusals()} | {"PayloadError"} <= shown
    assert shown <= set(errors.__all__)


def test_the_page_shows_wire_forms() -> None:
    """The example schema has the wire forms that are shown under it."""
    shown = [block.split("```")[0] for block in PAGE.read_text("utf-8").split("```json\n")[1:]]
    source = json.loads(shown[1])
    for payload, text in (("avro", shown[2]), ("msgpack", shown[3]), ("json", shown[3])):
        assert Schema(source).wire_form(payload) == reference.wire_form(source, payload) == text.strip()
