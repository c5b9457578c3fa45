"""Avro payloads, read and written by compiled plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..avro.compile import decoder, encoder
from ..avro.layout import begins_with

if TYPE_CHECKING:
    from ..avro._decoder import Plan
    from ..avro.schema import Schema

__all__ = ["decoder", "encoder", "forward_decoder", "reads_newer"]


def forward_decoder(reader: Schema, target: Schema) -> Plan:
    """Return what reads payloads of a newer schema that only appends fields to the reader's.

    Args:
        reader: The newest schema that is known.
        target: The schema that they are read as.
    """
    return decoder(reader, target, prefix=True)


def reads_newer(writer: Schema, reader: Schema) -> bool:
    """Tell whether the forward decoder of a reader reads a newer writer's payloads."""
    return begins_with(writer.root, reader.root)
