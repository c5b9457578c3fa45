"""msgspec's MessagePack and JSON, and orjson: names on the wire, no schema's fingerprint, no checksum."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from safecodec.bench.peers import Peer, msgspec_peer, peer

from ..samples import Sample


def msgpack_struct(sample: Sample) -> Peer:
    """MessagePack of a Struct."""
    return msgspec_peer("msgpack", "Struct", sample.type, sample.value)


def msgpack_dict(sample: Sample) -> Peer:
    """MessagePack of dicts."""
    return msgspec_peer("msgpack", "dict", Any, sample.plain)


def peers(sample: Sample) -> Iterator[Peer]:
    """MessagePack and JSON of both, and orjson."""
    yield msgpack_struct(sample)
    yield msgpack_dict(sample)
    yield msgspec_peer("json", "Struct", sample.type, sample.value)
    yield peer("orjson", "dict", orjson.dumps, orjson.loads, sample.plain)
