"""Avro payloads through fastavro: the encoder, and the compiled decoder's second opinion.

fastavro reads and writes physical values. Bounds, resolution and logical types are ours (`_decoder`, `resolve`,
`logical`), and msgspec makes the values of Python types from plain ones. fastavro is imported when a plan is built.
"""

from __future__ import annotations

import io
from typing import Any

from ..errors import EncodeError, PayloadError
from ._decoder import Walk
from .lift import lift
from .physical import Physical, lower
from .plain import checked, demand_whole, typed
from .resolve import resolve
from .schema import Schema


def _fastavro_schema(physical: Physical) -> Any:
    from fastavro.schema import parse_schema

    return parse_schema(physical.json)


class ReferencePlan:
    """Reads payloads of one schema as values of another.

    Args:
        writer: The schema that payloads are written in.
        reader: The schema that they are read as; its type is made, or dicts where it has none.

    Raises:
        IncompatibleSchemaError: They do not resolve.
    """

    def __init__(self, writer: Schema, reader: Schema) -> None:
        from fastavro import schemaless_reader

        self._action = resolve(writer, reader)
        self._walk = Walk(writer.root, writer.limits)
        self._type = reader.type
        self._read = schemaless_reader
        self._schema = _fastavro_schema(Physical(writer.root))

    def decode(self, payload: Any, *, prefix: bool = False) -> Any:
        """Read a payload.

        Args:
            payload: A buffer.
            prefix: Whether bytes may be left over.

        Raises:
            PayloadError: The bytes are no value of the schema, or are more than one.
        """
        data = bytes(payload)
        self._walk.check(data, prefix=prefix)
        physical = self._read(io.BytesIO(data), self._schema, None, return_record_name=True)
        value = lift(self._action, physical, "$", typed=self._type is not None)
        return value if self._type is None else typed(value, self._type)


class ReferenceEncoder:
    """Writes values of one schema as payloads of another.

    Args:
        writer: The schema to write.
        source: The schema of the values: its type's instances, or dicts where it has none.

    Raises:
        IncompatibleSchemaError: Values of the source cannot be written so.
        SchemaError: msgspec leaves out a part of the source's values.
    """

    def __init__(self, writer: Schema, source: Schema) -> None:
        from fastavro import schemaless_writer

        if source.type is not None:
            demand_whole(source.hints[id(source.root)])
        self._type = source.type
        self._tagged = writer.type is not None
        self._source = source.root, Physical(source.root).branches
        physical = Physical(writer.root)
        self._writer = writer.root, physical.branches
        self._action = None if writer == source else resolve(source, writer)
        self._walk = Walk(writer.root, writer.limits)
        self._write = schemaless_writer
        self._schema = _fastavro_schema(physical)

    def encode(self, value: Any) -> bytes:
        """Write a value.

        Raises:
            EncodeError: It is no value of the source, with its path.
        """
        try:
            if self._type is not None:
                value = checked(value, self._type)
            physical = lower(self._source[0], value, "$", self._source[1])
            if self._action is not None:
                plain = lift(self._action, physical, "$", typed=self._tagged)
                physical = lower(self._writer[0], plain, "$", self._writer[1])
        except RecursionError:
            raise EncodeError("the value nests too deep", path="$") from None
        out = io.BytesIO()
        self._write(out, self._schema, physical)
        payload = out.getvalue()
        try:
            self._walk.check(payload)
        except PayloadError as error:  # beyond the decoder's limits, which nobody could read
            raise EncodeError(error.reason, path=error.path) from None
        return payload
