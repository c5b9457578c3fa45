"""safecodec: whole frames, all checks on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from safecodec import Codec

from ..samples import Sample
from .peer import Peer, peer

ENVIRONMENT = "bench"
HEADER_SIZE = 32


def codec(source: Any, payload: str = "avro", *, older: Mapping[int, Any] | None = None) -> Codec[Any]:
    """A codec whose newest version is the one after the older ones."""
    version = 1 + len(older or {})
    return Codec(source, subject="bench", version=version, older=older, payload=payload, environment=ENVIRONMENT)


def as_struct(sample: Sample) -> Peer:
    """Frames of the sample's type.

    Raises:
        ValueError: The sample has not the size that its name claims.
    """
    framed = codec(sample.type)
    made = peer("safecodec frame", "Struct", framed.encode, framed.decode, sample.value)
    if sample.avro_size not in (None, made.size - HEADER_SIZE):
        raise ValueError(f"{sample.name} has {made.size - HEADER_SIZE} bytes of Avro, not {sample.avro_size}")
    return made


def as_dict(sample: Sample) -> Peer:
    """Frames of the sample's schema, whose values are dicts."""
    framed = codec(codec(sample.type).schema().json)
    return peer("safecodec frame", "dict", framed.encode, framed.decode, sample.plain)


def peers(sample: Sample) -> Iterator[Peer]:
    """Both."""
    yield as_struct(sample)
    yield as_dict(sample)
