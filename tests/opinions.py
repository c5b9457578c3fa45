"""What fastavro and the avro package make of a generated schema's values and payloads."""

from __future__ import annotations

import io
import json
import warnings
from dataclasses import dataclass
from typing import Any

import avro.io
import avro.schema
import fastavro

from avro_json import Wrapped, to_json
from avro_leaves import Leaf
from avro_types import Type
from avro_values import plain

UNKNOWN_TO_FASTAVRO = ("timestamp-nanos", "local-timestamp-nanos", "big-decimal", "duration")


@dataclass(frozen=True)
class Refused:
    """An engine's answer that is no value."""

    error: Exception

    def __repr__(self) -> str:
        return f"Refused({type(self.error).__name__}: {str(self.error)[:200]})"


def fastavro_knows(leaf: Leaf) -> bool:
    """Whether fastavro has a Python value for a logical type; else it hands out what is written."""
    return leaf.logical not in UNKNOWN_TO_FASTAVRO and not (leaf.logical == "uuid" and leaf.kind == "fixed")


def written(_: Leaf) -> bool:
    """No logical types: every value is what is written."""
    return False


class Fastavro:
    """fastavro, with the schema as it is; values to write go in by wrapped unions.

    Args:
        node: The schema.
    """

    def __init__(self, node: Type) -> None:
        self.node = node
        self.schema: Any = fastavro.parse_schema(to_json(node))
        self.wrapped = Wrapped(node)
        self.wrapped_schema: Any = fastavro.parse_schema(self.wrapped.json)

    def encode(self, value: Any) -> bytes:
        """The bytes of a value."""
        out = io.BytesIO()
        fastavro.schemaless_writer(out, self.wrapped_schema, self.wrapped.value(value, named=True))
        return out.getvalue()

    def decode(self, data: bytes, reader: Fastavro | None = None) -> Any:
        """The value of bytes, or `Refused`; bytes that are left over are not noticed."""
        try:
            return fastavro.schemaless_reader(io.BytesIO(data), self.schema, None if reader is None else reader.schema)
        except Exception as error:  # whatever it lets out
            return Refused(error)

    def expected(self, value: Any) -> Any:
        """What it is to make of a value."""
        return plain(self.node, value, fastavro_knows)


class Apache:
    """The avro package, without logical types.

    Args:
        node: The schema.
    """

    def __init__(self, node: Type) -> None:
        self.node = node
        self.schema = _parsed(to_json(node, written))
        self.wrapped = Wrapped(node)
        self.writer = avro.io.DatumWriter(_parsed(self.wrapped.json))

    def encode(self, value: Any) -> bytes:
        """The bytes of a value."""
        out = io.BytesIO()
        self.writer.write(self.wrapped.value(value, named=False), avro.io.BinaryEncoder(out))
        return out.getvalue()

    def decode(self, data: bytes, reader: Apache | None = None) -> Any:
        """The value of bytes, or `Refused`; bytes that are left over are not noticed."""
        try:
            datum = avro.io.DatumReader(self.schema, (reader or self).schema)
            return datum.read(avro.io.BinaryDecoder(io.BytesIO(data)))
        except Exception as error:  # whatever it lets out
            return Refused(error)

    def expected(self, value: Any) -> Any:
        """What it is to make of a value."""
        return plain(self.node, value, written)


def _parsed(schema: Any) -> avro.schema.Schema:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return avro.schema.parse(json.dumps(schema))
