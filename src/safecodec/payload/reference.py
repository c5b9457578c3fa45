"""Avro payloads through fastavro, which takes its time: the second opinion on `payload.avro`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ..avro.reference import ReferenceEncoder, ReferencePlan
from .avro import reads_newer

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..avro.schema import Schema

__all__ = ["decoder", "encoder", "forward_decoder", "reads_newer"]


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
    return ReferencePlan(writer, reader).decode


def forward_decoder(reader: Schema, target: Schema) -> Callable[[Any], Any]:
    """Return what reads payloads of a newer schema that only appends fields to the reader's."""
    return partial(ReferencePlan(reader, target).decode, prefix=True)
