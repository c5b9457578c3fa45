"""safecodec: whole frames, all checks on."""

from __future__ import annotations

from collections.abc import Iterator

from safecodec.bench.peers import Peer, peer

from ..framed import ENVIRONMENT, HEADER_SIZE, codec
from ..samples import Sample

__all__ = ["ENVIRONMENT", "HEADER_SIZE", "as_dict", "as_struct", "codec", "peers"]


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
