"""Libraries at work on one value: safecodec, and what is installed to compare it with."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ..avro import Schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..codec import Codec
    from .harness import Work

__all__ = ["OURS", "Peer", "fastavro_functions", "fastavro_peer", "msgspec_peer", "peer", "peers_of"]

OURS: Final = "safecodec"


@dataclass(frozen=True)
class Peer:
    """A library at work on one value.

    Args:
        name: Of the library and format.
        result: What a decoder returns: Struct, dict, dataclass, message.
        size: Bytes that it makes of the value.
        encode: Writes the value.
        decode: Reads what was written.
    """

    name: str
    result: str
    size: int
    encode: Work
    decode: Work

    @property
    def label(self) -> str:
        """As a table calls it."""
        return f"{self.name}, {self.result}"


def peer(
    name: str,
    result: str,
    encode: Callable[[Any], bytes],
    decode: Callable[[bytes], Any],
    value: Any,
) -> Peer:
    """Bind a library's two functions to a value.

    Args:
        name: Of the library and format.
        result: What its decoder returns.
        encode: From the value to bytes.
        decode: From bytes to a value.
        value: In the form that the library takes.

    Raises:
        ValueError: The library does not return what it was given, so that its time would mean nothing.
    """
    data = encode(value)
    read = decode(data)
    # A NaN is not equal to itself, and an untyped reader gives texts for dates: then the bytes have to be the same.
    if read != value and encode(read) != data:
        raise ValueError(f"{name} does not read back what it wrote")
    return Peer(name, result, len(data), partial(encode, value), partial(decode, data))


def msgspec_peer(format: str, result: str, type: Any, value: Any) -> Peer:
    """Return msgspec with one of its formats.

    Args:
        format: ``msgpack`` or ``json``.
        result: What its decoder returns.
        type: What it reads; `typing.Any` for what the format itself has.
        value: A value of the type.

    Raises:
        ImportError: It is not installed.
    """
    import msgspec

    module: Any = getattr(msgspec, format)
    return peer(f"msgspec {format}", result, module.Encoder().encode, module.Decoder(type).decode, value)


def fastavro_functions(schema: Any) -> tuple[Callable[[Any], bytes], Callable[[bytes], Any]]:
    """Return the functions of fastavro that write and read bare Avro.

    Args:
        schema: As Avro's JSON.

    Raises:
        ImportError: It is not installed.
    """
    import fastavro

    parsed = fastavro.parse_schema(schema)

    def encode(value: Any) -> bytes:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed, value)
        return out.getvalue()

    def decode(data: bytes) -> Any:
        return fastavro.schemaless_reader(io.BytesIO(data), parsed, None)

    return encode, decode


def fastavro_peer(schema: Any, value: Any) -> Peer:
    """Return fastavro with bare Avro.

    Args:
        schema: As Avro's JSON.
        value: As dicts.

    Raises:
        ImportError: It is not installed.
    """
    return peer("fastavro", "dict", *fastavro_functions(schema), value)


def _as_msgspec(format: str, codec: Codec[Any], value: Any) -> Peer:
    type_ = codec.schema().type
    return msgspec_peer(format, type(value).__name__, Any if type_ is None else type_, value)


def _as_fastavro(codec: Codec[Any], value: Any) -> Peer:
    schema = codec.schema()
    standard = schema.json
    return fastavro_peer(standard, Schema(standard).decode(schema.encode(value)))


PEERS: Final[Mapping[str, Callable[[Codec[Any], Any], Peer]]] = {
    "msgspec msgpack": partial(_as_msgspec, "msgpack"),
    "msgspec json": partial(_as_msgspec, "json"),
    "fastavro": _as_fastavro,
}


def peers_of(codec: Codec[Any], value: Any) -> tuple[list[Peer], dict[str, str]]:
    """Return all libraries on a value of a codec, safecodec first, and why others are left out.

    Args:
        codec: The codec.
        value: A value of its newest version.

    Returns:
        The libraries, and reasons by name of those that are not installed or cannot do it.
    """
    frame = codec.encode(value)
    found = [Peer(OURS, type(value).__name__, len(frame), partial(codec.encode, value), partial(codec.decode, frame))]
    left_out = {}
    for name, make in PEERS.items():
        try:
            found.append(make(codec, value))
        except ModuleNotFoundError:
            left_out[name] = "not installed"
        except Exception as error:
            left_out[name] = f"{type(error).__name__}: {error}"
    return found, left_out
