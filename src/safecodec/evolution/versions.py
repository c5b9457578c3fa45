"""The schema versions of one subject, as one process knows them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

from ..avro.nodes import Array, Enum, Fixed, Map, Node, Primitive, Record, Union
from ..avro.resolve import resolve
from ..avro.schema import Schema
from ..errors import ConfigError, IncompatibleSchemaError, SchemaError
from ..frame import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..avro.schema import SchemaSource

PAYLOADS = ("avro", "msgpack", "json")


class PayloadModule(Protocol):
    """What each module of `safecodec.payload` offers."""

    def encoder(self, writer: Schema, source: Schema) -> Callable[[Any], bytes]:
        """Return what writes values of the source as payloads of the writer."""

    def decoder(self, writer: Schema, reader: Schema) -> Callable[[Any], Any]:
        """Return what reads payloads of the writer as values of the reader."""

    def forward_decoder(self, reader: Schema) -> Callable[[Any], Any]:
        """Return what reads payloads of an unknown newer writer."""

    def describe(self, error: Exception) -> tuple[str, str]:
        """Return reason and path of an error that these let out."""


def payload_module(payload: str) -> PayloadModule:
    """Import the module of a payload format; only then are the libraries loaded that it needs.

    Args:
        payload: ``avro``, ``msgpack`` or ``json``.

    Raises:
        ConfigError: There is no such format.
    """
    if payload not in PAYLOADS:
        raise ConfigError(f"payload {payload!r} is not one of {', '.join(PAYLOADS)}")
    return cast("PayloadModule", import_module(f"safecodec.payload.{payload}"))


class Versions:
    """The versions of a subject, the newest one being what a codec's values are.

    Args:
        newest: The newest version: a Python type or an Avro schema.
        version: Its number.
        older: The versions before it, by number.
        subject: Name of the subject, for errors.
        payload: Payload format: ``avro``, ``msgpack`` or ``json``.

    Raises:
        ConfigError: A number is out of range, or not older than ``version``.
        SchemaError: A version's schema cannot be used.
    """

    def __init__(
        self, newest: SchemaSource, version: int, older: Mapping[int, SchemaSource], *, subject: str, payload: str
    ) -> None:
        self.subject = subject
        self.payload = payload
        self.module = payload_module(payload)
        _check_number("version", version)
        for number in older:
            _check_number("a version in older", number)
            if number >= version:
                raise ConfigError(f"older has version {number}, which is not older than version {version}")
        self.numbers = (*sorted(older), version)
        self.newest = version
        self.schemas = {number: self._parse(number, source) for number, source in sorted(older.items())}
        self.schemas[version] = self._parse(version, newest)
        self.fingerprints = {
            number: fingerprint(payload, schema.full_canonical_form) for number, schema in self.schemas.items()
        }

    def _parse(self, number: int, source: SchemaSource) -> Schema:
        try:
            return Schema(source)
        except SchemaError as error:
            raise SchemaError(f"{self._name(number)}: {error.reason}", path=error.path) from error

    def _name(self, number: int) -> str:
        return f"version {number} of subject {self.subject!r}"

    def check(self, number: int, name: str = "version") -> int:
        """Return a version's number if it is known here, else raise `ConfigError`."""
        if isinstance(number, bool) or number not in self.schemas:
            known = ", ".join(map(str, self.numbers))
            raise ConfigError(f"{name} {number!r} is not known for subject {self.subject!r}, which has {known}")
        return number

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

    def decoders(self) -> tuple[Callable[[Any], Any], ...]:
        """Return what reads the payloads of each version, in order, and last what reads those of newer ones.

        Raises:
            IncompatibleSchemaError: What an older version wrote cannot be read as the newest.
        """
        return (*self._decoders(), self.module.forward_decoder(self.schemas[self.newest]))

    def _decoders(self) -> Iterator[Callable[[Any], Any]]:
        for number in self.numbers:
            try:
                yield self.module.decoder(self.schemas[number], self.schemas[self.newest])
            except IncompatibleSchemaError as error:
                reason = f"what {self._name(number)} wrote cannot be read as version {self.newest}"
                raise IncompatibleSchemaError(reason, reasons=error.reasons) from error

    def oldest_reader(self, number: int) -> int:
        """Return the oldest version whose readers can read a version's payloads without knowing its schema.

        Only an unbroken row of known versions counts: nobody can vouch for a version that is not known here.
        """
        oldest = number
        while oldest - 1 in self.schemas and self._reads_unknown(self.schemas[oldest - 1], self.schemas[number]):
            oldest -= 1
        return oldest

    def _reads_unknown(self, reader: Schema, writer: Schema) -> bool:
        if self.payload == "avro" or _has_array_like(writer.root) or _has_array_like(reader.root):
            return begins_with(writer.root, reader.root)
        try:
            resolve(writer, reader)
        except IncompatibleSchemaError:
            return False
        return True


def _check_number(name: str, number: object) -> None:
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= 65535:
        raise ConfigError(f"{name} is a whole number between 1 and 65535, not {number!r}")


def begins_with(writer: Node, reader: Node) -> bool:
    """Tell whether a payload of one schema begins with a payload of another, positions and meaning alike.

    That is so where they lay out values the same, or where both are records and the writer only appends fields.

    Args:
        writer: Root of the writer's schema.
        reader: Root of the reader's schema.
    """
    if isinstance(writer, Record) and isinstance(reader, Record):
        if len(writer.fields) < len(reader.fields) or writer.attributes != reader.attributes:
            return False
        pairs = zip(writer.fields, reader.fields, strict=False)
        return all(one.name == other.name and _same(one.type, other.type, {}) for one, other in pairs)
    return _same(writer, reader, {})


def _same(one: Node, other: Node, seen: dict[tuple[int, int], bool]) -> bool:
    if type(one) is not type(other) or getattr(one, "attributes", None) != getattr(other, "attributes", None):
        return False
    match one, other:
        case Primitive(), Primitive():
            return (one.kind, one.logical) == (other.kind, other.logical)
        case Array(), Array():
            return _same(one.items, other.items, seen)
        case Map(), Map():
            return _same(one.values, other.values, seen)
        case Enum(), Enum():
            return one.symbols == other.symbols
        case Fixed(), Fixed():
            return (one.size, one.logical) == (other.size, other.logical)
        case Union(), Union():
            return len(one.branches) == len(other.branches) and all(
                _same(a, b, seen) for a, b in zip(one.branches, other.branches, strict=True)
            )
    return _same_record(cast("Record", one), cast("Record", other), seen)


def _same_record(one: Record, other: Record, seen: dict[tuple[int, int], bool]) -> bool:
    pair = (id(one), id(other))
    if pair not in seen:
        seen[pair] = True  # a record inside itself: the same unless its fields say otherwise
        seen[pair] = len(one.fields) == len(other.fields) and all(
            a.name == b.name and _same(a.type, b.type, seen) for a, b in zip(one.fields, other.fields, strict=True)
        )
    return seen[pair]


def _has_array_like(node: Node, seen: set[int] | None = None) -> bool:
    seen = set() if seen is None else seen
    if id(node) in seen:
        return False
    seen.add(id(node))
    match node:
        case Array():
            return _has_array_like(node.items, seen)
        case Map():
            return _has_array_like(node.values, seen)
        case Union():
            return any(_has_array_like(branch, seen) for branch in node.branches)
        case Record():
            return bool(node.attributes.get("safecodec.array_like")) or any(
                _has_array_like(field.type, seen) for field in node.fields
            )
    return False
