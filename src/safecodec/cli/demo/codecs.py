"""The ways to a configuration that the demo compares: bare Avro, the same Avro in a checked frame, and that guarded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ...codec import Codec
from ...errors import DecodeError
from .bare import BareAvro

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


class Serializer(Protocol[T]):
    """Writes and reads one type; `safecodec.Codec` is one."""

    def encode(self, value: T, *, context: bytes) -> bytes:
        """Write a value for the key ``context``."""
        ...

    def decode(self, frame: bytes, *, context: bytes) -> T:
        """Read a value that was found under the key ``context``."""
        ...


class Side(Protocol):
    """One of the sides of the comparison: makes serializers for readers and writers."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """What a reader catches around a decode."""
        ...

    def serializer(
        self, type_: type[T], *, version: int, environment: str, older: Mapping[int, type[Any]] | None = None
    ) -> Serializer[T]:
        """Make the serializer of one build of the service, in one environment."""
        ...


class Framed:
    """Side two: the same Avro payload in safecodec's frame, bound to its key."""

    name = "safecodec"
    # Only the verdicts: anything else that leaves a decode is a defect of safecodec, and ends the demo.
    failures: tuple[type[Exception], ...] = (DecodeError,)

    def serializer(
        self, type_: type[T], *, version: int, environment: str, older: Mapping[int, type[Any]] | None = None
    ) -> Codec[T]:
        """Make a codec.

        Args:
            type_: The dataclass to write and read.
            version: The version that this build writes.
            environment: Where this build runs.
            older: The older versions that this build knows.

        Returns:
            The codec of the subject ``user-config``.
        """
        return Codec(
            type_, subject="user-config", version=version, older=older, payload="avro", environment=environment
        )


class Guarded(Framed):
    """Side three: the same frames, read through a guarded cache; see `safecodec.cli.demo.guarding`."""

    name = "guard"


SIDES: tuple[Side, ...] = (BareAvro(), Framed(), Guarded())
