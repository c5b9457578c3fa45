"""The schema versions of one subject, as one process knows them."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from ..avro.limits import DEFAULT, Limits
from ..avro.schema import Schema
from ..errors import ConfigError, IncompatibleSchemaError, SchemaError, short
from ..frame import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..avro.schema import SchemaSource

PAYLOADS: Final = ("avro", "msgpack", "json")
ENGINES: Final = ("compiled", "fastavro")


class PayloadModule(Protocol):
    """What each module of `safecodec.payload` offers."""

    def encoder(self, writer: Schema, source: Schema) -> Callable[[Any], bytes]:
        """Return what writes values of the source as payloads of the writer."""

    def decoder(self, writer: Schema, reader: Schema) -> Callable[[Any], Any]:
        """Return what reads payloads of the writer as values of the reader."""

    def forward_decoder(self, reader: Schema, target: Schema) -> Callable[[Any], Any]:
        """Return what reads payloads of an unknown newer writer, whose start the reader knows, as the target."""

    def reads_newer(self, writer: Schema, reader: Schema) -> bool:
        """Tell whether the forward decoder of a reader reads a newer writer's payloads."""


def payload_module(payload: str, engine: str = ENGINES[0]) -> PayloadModule:
    """Import the module of a payload format; only then are the libraries loaded that it needs.

    Args:
        payload: ``avro``, ``msgpack`` or ``json``.
        engine: What reads and writes Avro: ``compiled``, or ``fastavro``, the reference.

    Raises:
        ConfigError: There is no such format or engine, or the engine is not installed.
    """
    if payload not in PAYLOADS:
        raise ConfigError(f"payload {payload!r} is not one of {', '.join(PAYLOADS)}")
    if engine not in ENGINES:
        raise ConfigError(f"engine {engine!r} is not one of {', '.join(ENGINES)}")
    if engine == ENGINES[0]:
        return cast("PayloadModule", import_module(f"safecodec.payload.{payload}"))
    if payload != "avro":
        raise ConfigError(f"engine {engine!r} is for Avro payloads, not for {payload}")
    if find_spec(engine) is None:
        raise ConfigError(f"engine {engine!r} is not installed: pip install 'safecodec[{engine}]'")
    return cast("PayloadModule", import_module("safecodec.payload.reference"))


class Versions:
    """The versions of a subject, the newest one being what a codec's values are.

    Args:
        newest: The newest version: a Python type or an Avro schema.
        version: Its number.
        older: The versions before it, by number.
        subject: Name of the subject, for errors.
        payload: Payload format: ``avro``, ``msgpack`` or ``json``.
        engine: What reads and writes Avro, see `payload_module`.
        limits: The bounds of schemas, values and payloads.

    Raises:
        ConfigError: A number is out of range, or not older than ``version``.
        SchemaError: A version's schema cannot be used.
    """

    def __init__(
        self,
        newest: SchemaSource,
        version: int,
        older: Mapping[int, SchemaSource],
        *,
        subject: str,
        payload: str,
        engine: str = ENGINES[0],
        limits: Limits = DEFAULT,
    ) -> None:
        self.subject = subject
        self.payload = payload
        self.module: PayloadModule = payload_module(payload, engine)
        self.limits = limits
        _check_number("version", version)
        for number in older:
            _check_number("a version in older", number)
            if number >= version:
                raise ConfigError(f"older has version {number}, which is not older than version {version}")
        self.numbers: tuple[int, ...] = (*sorted(older), version)
        self.newest = version
        self.schemas: dict[int, Schema] = {
            number: self._parse(number, source) for number, source in sorted(older.items())
        }
        self.schemas[version] = self._parse(version, newest)
        self.fingerprints: dict[int, bytes] = {
            number: fingerprint(payload, schema.wire_form(payload)) for number, schema in self.schemas.items()
        }

    def _parse(self, number: int, source: SchemaSource) -> Schema:
        try:
            return Schema(source, limits=self.limits)
        except SchemaError as error:
            raise SchemaError(f"{self._name(number)}: {error.reason}", path=error.path) from error

    def _name(self, number: int) -> str:
        return f"version {number} of subject {self.subject!r}"

    def check(self, number: int, name: str = "version") -> int:
        """Return a version's number if it is known here, else raise `ConfigError`."""
        if isinstance(number, bool) or number not in self.schemas:
            known = ", ".join(map(str, self.numbers))
            raise ConfigError(f"{name} {short(number)} is not known for subject {self.subject!r}, which has {known}")
        return number

    def explain_conflict(self, number: int, found: bytes) -> str:
        """Return what is known of a schema that a frame claims a version for, and that is not the version's own.

        Whoever has schemas from somewhere else looks the fingerprint up here.

        Args:
            number: The version.
            found: The frame's fingerprint.
        """
        own = next((one for one, known in self.fingerprints.items() if known == found and one != number), None)
        return "" if own is None else f"where version {own} has the frame's"

    def encoder(self, number: int) -> Callable[[Any], bytes]:
        """Return what writes values of the newest version as payloads of a version.

        Raises:
            IncompatibleSchemaError: Values of the newest version cannot be written so.
        """
        try:
            return self.module.encoder(self.schemas[number], self.schemas[self.newest])
        except IncompatibleSchemaError as error:
            reason = f"values of {self._name(self.newest)} cannot be written as version {number}"
            raise IncompatibleSchemaError(reason, reasons=error.reasons) from error

    def decoders(
        self, target: SchemaSource | None = None, module: PayloadModule | None = None
    ) -> tuple[Callable[[Any], Any], ...]:
        """Return what reads the payloads of each version, in order, and last what reads those of newer ones.

        Args:
            target: What they are read as; the newest version where None.
            module: The payload's module, where it is not the subject's own.

        Raises:
            IncompatibleSchemaError: What a version wrote cannot be read so.
            SchemaError: The target is no schema.
        """
        module = self.module if module is None else module
        newest = self.schemas[self.newest]
        schema = newest if target is None else Schema(target, limits=self.limits)
        name = f"version {self.newest}" if target is None else "the type that is asked for"
        return (*self._decoders(schema, name, module), module.forward_decoder(newest, schema))

    def _decoders(self, target: Schema, name: str, module: PayloadModule) -> Iterator[Callable[[Any], Any]]:
        for number in self.numbers:
            try:
                yield module.decoder(self.schemas[number], target)
            except IncompatibleSchemaError as error:
                reason = f"what {self._name(number)} wrote cannot be read as {name}"
                raise IncompatibleSchemaError(reason, reasons=error.reasons) from error

    def oldest_reader(self, number: int) -> int:
        """Return the oldest version whose readers can read a version's payloads without knowing its schema.

        Only an unbroken row of known versions counts: nobody can vouch for a version that is not known here.
        """
        oldest = number
        while oldest - 1 in self.schemas and self.module.reads_newer(self.schemas[number], self.schemas[oldest - 1]):
            oldest -= 1
        return oldest


def _check_number(name: str, number: object) -> None:
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= 65535:
        raise ConfigError(f"{name} is a whole number between 1 and 65535, not {short(number)}")
