"""Names of older versions: of fields by `Alias` or the library's metadata, of classes by ``__safecodec_aliases__``."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, Final, NamedTuple, NotRequired, TypedDict

import attrs
import msgspec
import pytest

from engines import read
from safecodec import Alias, IncompatibleSchemaError, SchemaError
from safecodec.avro import Schema, compile
from safecodec.avro.reference import ReferenceEncoder
from safecodec.payload import json, msgpack


class OfStruct(msgspec.Struct):
    new: Annotated[int, Alias("old", "older")]
    other: str = "x"


@dataclasses.dataclass
class OfDataclass:
    new: Annotated[int, "a note", Alias("old"), Alias("older")]
    other: str = "x"


@dataclasses.dataclass
class OfMetadata:
    new: int = dataclasses.field(metadata={"safecodec.aliases": ("old", "older")})
    other: str = "x"


@dataclasses.dataclass
class OfBoth:
    new: Final[Annotated[int, Alias("older")]] = dataclasses.field(metadata={"safecodec.aliases": ["old"]})
    other: str = "x"


@attrs.define
class OfAttrs:
    new: int = attrs.field(metadata={"safecodec.aliases": ("old", "older")})
    other: str = "x"


class OfNamedTuple(NamedTuple):
    new: Annotated[int, Alias("old", "older")]
    other: str = "x"


class OfTypedDict(TypedDict):
    new: Annotated[int, Alias("old", "older")]
    other: NotRequired[str]


Old = msgspec.defstruct("Old", [("old", int), ("other", str, "x")])
Older = msgspec.defstruct("Older", [("older", int), ("other", str, "x")])
KINDS = [OfStruct, OfDataclass, OfMetadata, OfBoth, OfAttrs, OfNamedTuple, OfTypedDict]
every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def field_of(schema: Schema, name: str) -> dict[str, Any]:
    """A field of a record's schema."""
    found: dict[str, Any] = next(one for one in schema.json["fields"] if one["name"] == name)
    return found


@every_kind
def test_a_field_s_older_names_are_aliases_of_its_schema(kind: Any) -> None:
    """Whatever library a class is made with, its schema has the older names, and they are no part of the wire."""
    schema = Schema(kind)
    assert field_of(schema, "new")["aliases"] == ["old", "older"]
    assert "aliases" not in field_of(schema, "other")
    for payload in ("avro", "msgpack", "json"):
        assert "old" not in schema.wire_form(payload)


@every_kind
@pytest.mark.parametrize("older", [Old, Older], ids=["old", "older"])
def test_a_field_is_read_by_an_older_name(kind: Any, older: Any) -> None:
    """A field of another name in an older version is read, in every format, and through the exported schema."""
    writer = Schema(older)
    value, expected = older(7, "y"), kind(new=7, other="y")
    assert read(writer, Schema(kind), writer.encode(value)) == expected
    assert read(writer, Schema(Schema(kind).json), writer.encode(value)) == {"new": 7, "other": "y"}
    for form in (msgpack, json):
        assert form.decoder(writer, Schema(kind))(form.encoder(writer, writer)(value)) == expected


@every_kind
def test_a_renamed_field_is_written_as_an_older_version(kind: Any) -> None:
    """The newest type knows the older name, so an older version has the field under it."""
    source, target = Schema(kind), Schema(Old)
    value = kind(new=7, other="y")
    payload = target.encode(Old(7, "y"))
    assert compile.encoder(target, source).encode(value) == ReferenceEncoder(target, source).encode(value) == payload
    for form in (msgpack, json):
        assert form.decoder(target, target)(form.encoder(target, source)(value)) == Old(7, "y")


def test_a_field_s_own_name_comes_first() -> None:
    """An alias is looked for where the writer has no field of the reader's own name."""
    both = msgspec.defstruct("Both", [("new", int), ("old", int)])
    writer = Schema(both)
    assert read(writer, Schema(OfStruct), writer.encode(both(1, 2))) == OfStruct(1)


class Cat(msgspec.Struct, tag="cat"):
    lives: int


class Dog(msgspec.Struct, tag="dog"):
    name: str


class Puma(msgspec.Struct, tag="puma"):
    __safecodec_aliases__ = ("cat", "lynx")
    lives: int


@dataclasses.dataclass
class OldName:
    a: int


@dataclasses.dataclass
class Other:
    b: int


@dataclasses.dataclass
class NewName:
    __safecodec_aliases__ = ("OldName",)
    a: int


class Heir(Puma, tag="heir"):
    """A subclass without aliases of its own."""


def test_a_class_has_the_tags_of_its_older_versions() -> None:
    """A record whose tag was changed is read by the alias, alone and in a union; a class that inherits has none."""
    assert Schema(Puma).json["safecodec.aliases"] == ["cat", "lynx"]
    assert "safecodec.aliases" not in Schema(Heir).json
    for writer, reader, value, expected in (
        (Cat, Puma, Cat(9), Puma(9)),
        (Cat | Dog, Dog | Puma, Cat(9), Puma(9)),
        (Cat | Dog, Dog | Puma, Dog("x"), Dog("x")),
        (OldName | Other, NewName | Other, OldName(1), NewName(1)),
    ):
        one, other = Schema(writer), Schema(reader)
        payload = one.encode(value)
        assert read(one, other, payload) == expected
        assert compile.encoder(one, other).encode(expected) == payload
        assert ReferenceEncoder(one, other).encode(expected) == payload
        if OldName not in (type(value), writer):
            for form in (msgpack, json):
                assert form.decoder(one, other)(form.encoder(one, one)(value)) == expected
    for reader in (Heir, Dog | Heir):
        with pytest.raises(IncompatibleSchemaError):
            read(Schema(Cat), Schema(reader), b"\x12")


def test_aliases_are_texts() -> None:
    """A value that cannot be an older name is refused when it is given, or when the type is looked into."""
    for wrong in ((), (7,), ("a", None)):
        with pytest.raises(TypeError, match="Alias takes the field's older names as str"):
            Alias(*wrong)
    assert Alias("a") == Alias("a")
    assert hash(Alias("a", "b")) == hash(Alias("a", "b"))
    listed = msgspec.defstruct("Listed", [("a", int)], namespace={"__safecodec_aliases__": ["Old"]})
    numbered = msgspec.defstruct("Numbered", [("a", int)], namespace={"__safecodec_aliases__": (7,)})
    for kind in (listed, numbered):
        with pytest.raises(SchemaError, match=f"__safecodec_aliases__ of {kind.__name__} is a tuple of str"):
            Schema(kind)
    for aliases in ("old", (7,), 7):
        metadata = {"safecodec.aliases": aliases}
        one = dataclasses.make_dataclass("One", [("a", int, dataclasses.field(metadata=metadata))])
        two = attrs.make_class("Two", {"a": attrs.field(type=int, metadata=metadata)})
        for kind in (one, two):
            with pytest.raises(SchemaError, match=r"metadata 'safecodec\.aliases' of a field is a tuple of str"):
                Schema(kind)


def test_a_field_that_may_be_unset_has_unset_as_its_default() -> None:
    """UNSET says that a field is missing, and is no value beside another default."""
    unset: Any = int | msgspec.UnsetType
    for fields in ([("a", unset)], [("a", unset, 7)], [("a", unset, msgspec.field(default_factory=int))]):
        with pytest.raises(SchemaError, match="the field 'a' may be UNSET, and UNSET has to be its default"):
            Schema(msgspec.defstruct("U", fields))
    assert Schema(msgspec.defstruct("U", [("a", unset, msgspec.UNSET)])).json["fields"][0]["safecodec.optional"] is True
