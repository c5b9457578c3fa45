"""Payloads that msgspec reads straight into a type, against the way by Avro: of generated pairs, and damaged ones."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avro_json import to_json
from avro_oracle import write
from avro_schemas import types, values
from pairs.checks import Side, outcome_of
from pairs.example import example
from safecodec import EncodeError, SafecodecError, SchemaError
from safecodec.avro import Schema
from safecodec.avro.nodes import Field, Record
from safecodec.errors import PayloadError
from safecodec.payload import json, msgpack, structured
from safecodec.payload.transcode import Parser, Printer
from safecodec.payload.verdicts import verdict

FORMATS: dict[str, tuple[Any, Any]] = {"msgpack": (msgpack, msgspec.msgpack), "json": (json, msgspec.json)}
PLAIN = partial(msgspec.to_builtins, builtin_types=(datetime.datetime, decimal.Decimal))
INSTEAD: tuple[Any, ...] = (
    None, True, 0, 1, -1, 2**31, 2**53, 2**53 + 1, 2**63, 0.0, -0.0, 0.5, 1.0, 1e16, 1e300, "", "a", "1", [], {}, [1],
    {"a": 1},
)  # fmt: skip


def fields(schema: Schema) -> Iterator[Field]:
    """The fields of all records of a schema."""
    return (field for node in structured.walk(schema.root) if isinstance(node, Record) for field in node.fields)


def straight_decoder(form: Any, writer: Schema, reader: Schema) -> Any:
    """Return what a codec reads a pair with; None where that is the way by Avro, or no codec takes the pair."""
    try:
        found = form.decoder(writer, reader)
    except SafecodecError:
        return None
    return None if isinstance(getattr(found, "__self__", None), structured._Retranscoder) else found


def read(decode: Callable[[bytes], Any], payload: bytes) -> Any:
    """A payload's value, or the verdict on it as a reader gives it."""
    found = outcome_of(partial(decode, payload))
    if found.error is None or isinstance(found.error, PayloadError):
        return found.value if found.error is None else found.error
    failure = verdict(found.error, decode, payload)
    assert failure is not None, found.error
    return failure


def damaged(plain: Any, pick: Random) -> Any:
    """A plain value with a part of it changed or dropped."""
    if isinstance(plain, dict) and plain and pick.random() < 0.85:
        key = pick.choice(list(plain))
        if pick.random() < 0.15:
            return {name: one for name, one in plain.items() if name != key}
        return {**plain, key: damaged(plain[key], pick)}
    if isinstance(plain, list) and plain and pick.random() < 0.85:
        at = pick.randrange(len(plain))
        return [*plain[:at], damaged(plain[at], pick), *plain[at + 1 :]]
    return pick.choice(INSTEAD)


def is_written_by(writer: Schema, plain: Any, library: Any) -> bool:
    """Whether a plain value is one that a writer's schema has, in the form that it is written in."""
    texts_only = library is msgspec.json
    try:
        avro = Parser(writer.root, texts_only=texts_only).avro(plain)
        written = library.encode(Printer(writer.root, texts_only=texts_only).plain(avro))
    except SafecodecError:
        return False
    return repr(library.decode(written)) == repr(plain)


def alike(one: Any, other: Any) -> bool:
    """Equality of plain values of one type, in which NaN equals NaN."""
    if isinstance(one, dict):
        return alike(*(sorted(each.items(), key=repr) for each in (one, other)))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(alike, one, other))
    return type(one) is type(other) and (one == other or (one != one and other != other))


def check_payload(straight: Any, resolving: Any, payload: bytes, *, written: bool) -> None:
    """Compare both ways on a payload."""
    one, other = read(straight, payload), read(resolving, payload)
    refused = isinstance(one, PayloadError), isinstance(other, PayloadError)
    if refused == (False, False):
        assert type(one) is type(other)
        assert one == other or alike(*map(PLAIN, (one, other))), (payload, one, other)
    else:
        assert refused[0] == refused[1] or not written, (payload, one, other)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("read_as", ["class", "schema"])
@pytest.mark.parametrize("given_as", ["class", "schema"])
@given(seed=st.integers(0, 10**9))
@settings(max_examples=40)
def test_straight_is_what_avro_means(name: str, given_as: str, read_as: str, seed: int) -> None:
    """A payload of a writer's schema is read straight as by Avro, or refused by both; no other gives two values."""
    form, library = FORMATS[name]
    pick, pair = Random(seed), example(seed)
    old, new = Side(pair.old, pick), Side(pair.new, pick)
    with old.realm, new.realm:
        if old.schema.error is not None or new.schema.error is not None:
            return
        if read_as == "schema" and any("safecodec.default" in one.attributes for one in fields(new.schema.value)):
            return  # a default that only the class makes
        writer, reader = old.schema.value, new.schema.value
        reader = reader if read_as == "class" else Schema(reader.json)
        older = writer if given_as == "class" else Schema(writer.json)
        straight = straight_decoder(form, older, reader)
        if straight is None:
            return
        resolving = structured._Retranscoder(form.decoder.args[0], older, reader).decode
        encode = form.encoder(writer, writer)
        for value in old.objects:
            payload = outcome_of(partial(encode, value)).value
            if payload is None:  # the format has no form for it
                continue
            check_payload(straight, resolving, payload, written=True)
            plain = library.decode(payload)
            for _ in range(4):
                other = damaged(plain, pick)
                written = is_written_by(older, other, library)
                check_payload(straight, resolving, library.encode(other), written=written)


@pytest.mark.parametrize("name", FORMATS)
@given(data=st.data())
def test_dicts_are_read_and_written_as_by_avro(name: str, data: st.DataObject) -> None:
    """The dicts of an Avro schema are written as the plain value of their Avro, and read by both ways alike."""
    form, library = FORMATS[name]
    node = data.draw(types())
    schema, texts_only = Schema(to_json(node)), name == "json"
    try:
        decode = form.decoder(schema, schema)
    except SchemaError:  # two branches of a union look alike
        return
    resolving = structured._Retranscoder(form.decoder.args[0], schema, schema).decode
    avro = write(node, data.draw(values(node)))
    plain = Printer(schema.root, texts_only=texts_only).plain(avro)
    payload = outcome_of(partial(form.encoder(schema, schema), schema.decode(avro)))
    if payload.error is None:
        assert payload.value == library.encode(plain)
        check_payload(decode, resolving, payload.value, written=True)
    else:  # a number that JSON has no form for, or a union whose branches a bare value does not tell apart
        assert isinstance(payload.error, EncodeError)
    pick = Random(data.draw(st.integers(0, 10**9)))
    for _ in range(3):
        other = damaged(library.decode(library.encode(plain)), pick)
        written = is_written_by(schema, other, library)
        check_payload(decode, resolving, library.encode(other), written=written)
