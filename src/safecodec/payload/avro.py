"""Avro payloads: read by compiled plans, written through fastavro."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..avro import compile
from ..avro.describing import describe
from ..avro.layout import begins_with
from ..avro.reference import ReferenceEncoder

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..avro.schema import Schema

__all__ = ["decoder", "describe", "encoder", "forward_decoder", "reads_newer"]


def encoder(writer: Schema, source: Schema) -> Callable[[Any], bytes]:
    """Return what writes values of the source's schema as payloads of the writer's.

    Raises:
        IncompatibleSchemaError: They cannot be written so.
    """
    return ReferenceEncoder(writer, source).encode


def decoder(writer: Schema, reader: Schema) -> Callable[[Any], Any]:
    """Return what reads payloads of the writer's schema as values of the reader's.

    Raises:
        IncompatibleSchemaError: They do not resolve.
    """
    return compile.decoder(writer, reader)


def forward_decoder(reader: Schema) -> Callable[[Any], Any]:
    """Return what reads payloads of a newer schema that only appends fields to the reader's."""
    return compile.decoder(reader, reader, prefix=True)


def reads_newer(writer: Schema, reader: Schema) -> bool:
    """Tell whether the forward decoder of a reader reads a newer writer's payloads."""
    return begins_with(writer.root, reader.root)
