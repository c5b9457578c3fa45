"""The other Avro libraries, on the schema of ours: fastavro, cavro, and confluent-kafka around fastavro."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import cavro
import fastavro
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from safecodec import avro

from ..samples import Sample
from .peer import Peer, peer


def schema_json(sample: Sample) -> Any:
    """The sample's schema as Avro's JSON."""
    return avro.Schema(sample.type).json


def fastavro_dict(sample: Sample) -> Peer:
    """Bare Avro by fastavro's compiled twin."""
    schema = fastavro.parse_schema(schema_json(sample))

    def encode(value: Any) -> bytes:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema, value)
        return out.getvalue()

    def decode(data: bytes) -> Any:
        return fastavro.schemaless_reader(io.BytesIO(data), schema, None)

    return peer("fastavro", "dict", encode, decode, sample.plain)


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
