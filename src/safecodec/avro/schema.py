"""Schema: one version of what a value is, as Avro says it."""

from __future__ import annotations

import hashlib
import os
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, overload

from ..errors import ConfigError, SchemaError, short
from . import canonical, parse
from .limits import DEFAULT, Limits, checked
from .nodes import Node

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Mapping
    from types import UnionType

    from typing_extensions import Buffer, TypeForm

    from ._encoder import Encoder
    from .hints import Hint
    from .resolve import Action

T = TypeVar("T")

SchemaSource: TypeAlias = "dict[str, Any] | list[Any] | str | os.PathLike[str] | Schema | Any"
"""A schema's JSON value, its JSON text, a path to an .avsc, a Python type, or a Schema."""

MAX_DECODERS: Final = 64
"""How many compiled decoders a schema keeps; beyond them the oldest is compiled anew when it is asked for."""


class Schema:
    """A schema, parsed or derived once. Immutable; equal and hashed by its JSON.

    Args:
        source: A schema's JSON value (dict or list), its JSON text or the name of a primitive type (str), the path of
            an .avsc file, a Python type to derive it from, or a Schema.
        limits: The bounds of the schema, and of the values and payloads that it reads and writes.

    Raises:
        ConfigError: The limits are no `Limits`.
        SchemaError: It is no Avro schema, or the type has none; ``path`` says where. The specification's
            grammar has a union without branches, which is refused, as no value is of it. A namespace of null is as if
            it was not there.
    """

    root: Node
    type: Any
    """The Python type that the schema is derived from; where None, values are dicts."""
    hints: Mapping[int, Hint]
    """What each node says as a Python type, by the node's id; empty where there is no type."""

    limits: Limits
    """The bounds of the schema, its values and their payloads."""

    def __init__(self, source: SchemaSource, *, limits: Limits = DEFAULT) -> None:
        checked(limits)
        kind: Any = None
        hints: Mapping[int, Hint] = {}
        if isinstance(source, Schema):
            root, kind, hints = source.root, source.type, source.hints
        elif isinstance(source, str):
            root = parse.parse(parse.load(source, limits), limits)
        elif isinstance(source, (dict, list)):
            root = parse.parse(source, limits)
        elif isinstance(source, os.PathLike):
            root = _read(Path(source), limits)
        elif source is None or isinstance(source, (bytes, int, float)):
            raise SchemaError(f"a schema is a dict, a list, JSON text, a path or a type, not {short(source)}")
        else:
            from .derive import derive

            (root, hints), kind = derive(source, limits), source
        object.__setattr__(self, "root", root)
        object.__setattr__(self, "type", kind)
        object.__setattr__(self, "hints", hints)
        object.__setattr__(self, "limits", limits)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Schema is immutable, {name!r} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Schema is immutable, {name!r} cannot be deleted")

    @property
    def json(self) -> Any:
        """The schema as standard Avro JSON, as Python objects; a copy, with what is safecodec's own included."""
        return canonical.standard(self.root)

    @cached_property
    def canonical_form(self) -> str:
        """The parsing canonical form (Avro 1.12, *Parsing Canonical Form for Schemas*)."""
        return canonical.parsing_form(self.root)

    def wire_form(self, payload: str) -> str:
        """Return all that decides how a payload of this schema reads as the writer's value; frames carry its hash.

        Args:
            payload: Payload format: ``avro``, ``msgpack`` or ``json``. Order of fields counts in Avro alone.
        """
        return canonical.wire_form(self.root, payload)

    @cached_property
    def _text(self) -> str:
        return canonical.dump(self.json)

    def fingerprint(self, algorithm: str = "CRC-64-AVRO") -> bytes:
        """Return the fingerprint of the parsing canonical form (Avro 1.12, *Schema Fingerprints*).

        Args:
            algorithm: ``CRC-64-AVRO`` (8 bytes, as single-object encoding carries them), ``MD5`` (16) or
                ``SHA-256`` (32).

        Raises:
            ConfigError: There is no such algorithm.
        """
        data = self.canonical_form.encode()
        match algorithm:
            case "CRC-64-AVRO":
                return canonical.crc_64(data).to_bytes(8, "little")
            case "MD5":
                return hashlib.md5(data, usedforsecurity=False).digest()
            case "SHA-256":
                return hashlib.sha256(data).digest()
        raise ConfigError(f"fingerprint algorithm {short(algorithm)} is not one of CRC-64-AVRO, MD5, SHA-256")

    def encode(self, value: Any) -> bytes:
        """Write a value as bare Avro binary, without a frame (Avro 1.12, *Binary Encoding*).

        Args:
            value: An instance of the schema's type, or plain values (dicts for records) where it has none.

        Raises:
            EncodeError: It is no value of the schema; ``path`` says where. `ValueTooLargeError` where its payload is
                longer than the limit.
        """
        return self._encoder.encode(value)

    @overload
    def decode(self, data: Buffer, *, reader: SchemaSource | None = None, type: None = None) -> Any: ...

    @overload
    def decode(self, data: Buffer, *, reader: None = None, type: builtins.type[T]) -> T: ...

    @overload
    def decode(self, data: Buffer, *, reader: None = None, type: TypeForm[T]) -> T: ...

    @overload
    def decode(self, data: Buffer, *, reader: None = None, type: UnionType) -> Any: ...

    def decode(self, data: Buffer, *, reader: SchemaSource | None = None, type: Any = None) -> Any:
        """Read bare Avro binary that was written in this schema.

        Args:
            data: The bytes of one value; any C-contiguous buffer. One that can be written to is copied first.
            reader: The schema to read them as, resolved by Avro's rules. Give the same Schema object each time: the
                pair is compiled once for it.
            type: A Python type to read them as, instead of a reader's schema.

        Returns:
            An instance of the type: of ``type``, of the reader's, or of this schema's; plain values where it has none.

        Raises:
            ConfigError: Both a reader and a type are given.
            SchemaError: The reader is no schema; `IncompatibleSchemaError` where it cannot read what this one writes.
            InputTypeError: The data is no C-contiguous buffer of bytes.
            PayloadError: The bytes are no value of the schema, or are more than one; ``path`` says where.
            PayloadTooLargeError: They are more than the limit.
        """
        if reader is not None and type is not None:
            raise ConfigError("give a reader or a type, not both")
        return self._decoder(self if reader is None and type is None else type if reader is None else reader)(data)

    @cached_property
    def identity(self) -> Action:
        """The schema resolved with itself, once for all that reads and writes its own values."""
        from .resolve import resolve

        return resolve(self, self)

    @cached_property
    def _encoder(self) -> Encoder:
        from .compile import encoder

        return encoder(self, self)

    @cached_property
    def _decoders(self) -> dict[int, tuple[Any, Callable[[Any], Any]]]:
        """By the identity of what is read as, which is kept, so that it stays its own."""
        return {}

    def _decoder(self, target: SchemaSource) -> Callable[[Any], Any]:
        found = self._decoders.get(id(target))
        if found is None:
            from .compile import decoder

            schema = target if isinstance(target, Schema) else Schema(target, limits=self.limits)
            found = target, decoder(self, schema).decode
            if isinstance(target, (dict, list)):
                return found[1]  # these may be changed by the caller
            self._decoders[id(target)] = found
            for oldest in list(self._decoders)[:-MAX_DECODERS]:
                self._decoders.pop(oldest, None)
        return found[1]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Schema):
            return NotImplemented
        return self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return f"Schema({self._text})"

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(Schema, limits=self.limits), (self.json if self.type is None else self.type,)


def of_root(root: Node, limits: Limits) -> Schema:
    """Return a schema of nodes that are made from those of another.

    Args:
        root: The root.
        limits: The bounds of its values and their payloads.
    """
    made = object.__new__(Schema)
    for name, value in (("root", root), ("type", None), ("hints", {}), ("limits", limits)):
        object.__setattr__(made, name, value)
    return made


def _read(path: Path, limits: Limits) -> Node:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SchemaError(f"the schema file {str(path)!r} cannot be read: {error}") from error
    try:
        return parse.parse(parse.load(text, limits), limits)
    except SchemaError as error:
        raise SchemaError(f"{path.name}: {error.reason}", path=error.path) from None
