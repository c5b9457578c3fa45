"""What a peer is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from safecodec.bench.harness import Work


@dataclass(frozen=True)
class Peer:
    """A library at work on one sample.

    Args:
        name: Of the library and format.
        result: What a decoder returns: Struct, dict, dataclass, message.
        size: Bytes that it makes of the sample.
        encode: Writes the sample.
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
    if decode(data) != value:
        raise ValueError(f"{name} does not read back what it wrote")
    return Peer(name, result, len(data), partial(encode, value), partial(decode, data))
