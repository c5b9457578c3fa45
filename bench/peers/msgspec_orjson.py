"""msgspec's MessagePack and JSON, and orjson: names on the wire, no schema's fingerprint, no checksum."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import orjson

from ..samples import Sample
from .peer import Peer, peer


def msgpack_struct(sample: Sample) -> Peer:
    """MessagePack of a Struct."""
    decode = msgspec.msgpack.Decoder(sample.type).decode
    return peer("msgspec msgpack", "Struct", msgspec.msgpack.Encoder().encode, decode, sample.value)


def msgpack_dict(sample: Sample) -> Peer:
    """MessagePack of dicts."""
    return peer(
        "msgspec msgpack", "dict", msgspec.msgpack.Encoder().encode, msgspec.msgpack.Decoder().decode, sample.plain
    )


def peers(sample: Sample) -> Iterator[Peer]:
    """MessagePack and JSON of both, and orjson."""
    yield msgpack_struct(sample)
    yield msgpack_dict(sample)
    decode = msgspec.json.Decoder(sample.type).decode
    yield peer("msgspec json", "Struct", msgspec.json.Encoder().encode, decode, sample.value)
    yield peer("orjson", "dict", orjson.dumps, orjson.loads, sample.plain)
