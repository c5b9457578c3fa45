"""Bare Avro as the readers and writers of the incident used it. The demo's one module that imports fastavro."""

from __future__ import annotations

from dataclasses import asdict
from io import BytesIO
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import fastavro

from ...avro.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


class BareSerializer(Generic[T]):
    """Avro without a container, as the readers and writers of the incident used it.

    Args:
        type_: The dataclass to write and read; its schema is the one that safecodec's side has too.
    """

    def __init__(self, type_: type[T]) -> None:
        self._type: Any = type_
        self._schema: Any = fastavro.parse_schema(Schema(type_).json)

    def encode(self, value: T, *, context: bytes) -> bytes:
        """Write a value; the key has no place in bare Avro.

        Args:
            value: An instance of the dataclass.
            context: The key, which is not used.

        Returns:
            The bytes of the record.
        """
        del context
        buffer = BytesIO()
        record: Any = value
        fastavro.schemaless_writer(buffer, self._schema, asdict(record))
        return buffer.getvalue()

    def decode(self, frame: bytes, *, context: bytes) -> T:
        """Read a value; bytes that are left over go unnoticed, as they did.

        Args:
            frame: The bytes of a record.
            context: The key, which is not used.

        Returns:
            An instance of the dataclass.
        """
        del context
        record: Any = fastavro.schemaless_reader(BytesIO(frame), self._schema, None)
        value: T = self._type(**record)
        return value


class BareAvro:
    """Side one: bare Avro, where neither version nor environment nor key can be said."""

    name = "bare Avro"
    # The service of the incident took whatever went wrong in a decode for a cache miss.
    failures: tuple[type[Exception], ...] = (Exception,)

    def serializer(
        self, type_: type[T], *, version: int, environment: str, older: Mapping[int, type[Any]] | None = None
    ) -> BareSerializer[T]:
        """Make a serializer.

        Args:
            type_: The dataclass to write and read.
            version: Not used: the bytes cannot say it.
            environment: Not used: the bytes cannot say it.
            older: Not used: the bytes cannot say which one they hold.

        Returns:
            A serializer of the bare record.
        """
        del version, environment, older
        return BareSerializer(type_)
