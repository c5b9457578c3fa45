"""A pair of schemas resolved into what reads payloads of one as values of the other, or writes them.

The steps are compiled when the first payload is read or written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._decoder import Plan
from ._encoder import Encoder
from .resolve import resolve, resolve_values
from .sources import Sources
from .targets import Targets

if TYPE_CHECKING:
    from .schema import Schema


def decoder(writer: Schema, reader: Schema, *, prefix: bool = False) -> Plan:
    """Return what reads payloads of one schema as values of another: of its type, or dicts where it has none.

    Args:
        writer: The schema that payloads are written in; its limits hold.
        reader: The schema that they are read as.
        prefix: Whether payloads may have bytes left over behind the value.

    Raises:
        IncompatibleSchemaError: They do not resolve.
    """
    targets = Targets(reader)
    if reader is writer:
        return Plan(writer.identity, targets, writer.limits, prefix)
    action = resolve(writer, reader)
    targets.check(action)
    return Plan(action, targets, writer.limits, prefix)


def encoder(writer: Schema, source: Schema) -> Encoder:
    """Return what writes values of one schema as payloads of another.

    Args:
        writer: The schema that payloads are written in; its limits hold.
        source: The schema of the values: of its type, or dicts where it has none.

    Raises:
        IncompatibleSchemaError: No value of the source can be written so.
    """
    sources = Sources(source, writer)
    if source is writer:
        return Encoder(writer.identity, sources, writer.limits)
    action = resolve_values(source, writer)
    if source.type is None:
        sources.check(action)
    return Encoder(action, sources, writer.limits)
