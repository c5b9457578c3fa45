"""The other Avro libraries, on the schema of ours: fastavro, cavro, and confluent-kafka around fastavro."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import cavro
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from safecodec import avro
from safecodec.bench.peers import Peer, fastavro_peer, peer

from ..samples import Sample


def schema_json(sample: Sample) -> Any:
    """The sample's schema as Avro's JSON."""
    return avro.Schema(sample.type).json


def fastavro_dict(sample: Sample) -> Peer:
    """Bare Avro by fastavro's compiled twin."""
    return fastavro_peer(schema_json(sample), sample.plain)


def cavro_dict(sample: Sample) -> Peer:
    """Bare Avro by cavro."""
    schema = cavro.Schema(json.dumps(schema_json(sample)), record_decodes_to_dict=True)
    return peer("cavro", "dict", schema.binary_encode, schema.binary_decode, sample.plain)


def confluent_dict(sample: Sample) -> Peer:
    """A frame of the Confluent format; the registry is in this process, and asked once."""
    registry = SchemaRegistryClient.new_client({"url": "mock://"})
    write = AvroSerializer(registry, json.dumps(schema_json(sample)))
    read = AvroDeserializer(registry)
    context = SerializationContext("bench", MessageField.VALUE)

    def encode(value: Any) -> bytes:
        data: bytes = write(value, context)
        return data

    return peer("confluent-kafka frame", "dict", encode, lambda data: read(data, context), sample.plain)


def peers(sample: Sample) -> Iterator[Peer]:
    """All three."""
    yield fastavro_dict(sample)
    yield cavro_dict(sample)
    yield confluent_dict(sample)
