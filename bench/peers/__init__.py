"""What is measured against what: each module makes libraries of one family do the same work on a sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from safecodec.bench.peers import Peer

from ..samples import Sample
from . import apache_avro, fory, msgspec_orjson, ours, protocol_buffers

__all__ = ["DISTRIBUTIONS", "Peer", "all_peers"]

DISTRIBUTIONS = (
    "safecodec",
    "msgspec",
    "orjson",
    "fastavro",
    "cavro",
    "confluent-kafka",
    "protobuf",
    "pyfory",
    "google-crc32c",
)
"""Whose versions a report names."""

FAMILIES: tuple[Callable[[Sample], Iterator[Peer]], ...] = (
    ours.peers,
    msgspec_orjson.peers,
    apache_avro.peers,
    protocol_buffers.peers,
    fory.peers,
)


def all_peers(sample: Sample) -> list[Peer]:
    """Every library at work on a sample, ours first."""
    return [peer for family in FAMILIES for peer in family(sample)]
