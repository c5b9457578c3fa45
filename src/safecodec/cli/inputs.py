"""Where ``safecodec inspect`` has the bytes from: files, standard input, keys of a Redis."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from safecodec.errors import ConfigError

from .verdict import Readable

__all__ = ["Input", "KeptStart", "opened"]


@dataclass(frozen=True)
class Input:
    """A value to look at.

    Args:
        name: The file's name, ``-`` for standard input, or the key.
        redis: The URL of the Redis that has the key; None for a file.
    """

    name: str
    redis: str | None = None

    @property
    def key(self) -> bytes:
        """The key, as the command line has it in bytes."""
        return os.fsencode(self.name)


class _WithoutNewline:
    """A stream without the newline at its end, if there is one: the last newline is held back until more follows."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._held = b""

    def read(self, size: int, /) -> bytes:
        while piece := self._stream.read(size):
            data = self._held + piece
            self._held = data[-1:] if data.endswith(b"\n") else b""
            if data != self._held:
                return data[: len(data) - len(self._held)]
        return b""


class KeptStart:
    """A stream that keeps the start of what was read of it, in ``data``.

    Args:
        stream: The stream.
        longest: Bytes that are kept.
    """

    def __init__(self, stream: Readable, longest: int) -> None:
        self._stream = stream
        self._longest = longest
        self.data: bytearray = bytearray()

    def read(self, size: int, /) -> bytes:
        """Read of the stream."""
        piece = self._stream.read(size)
        self.data += piece[: self._longest - len(self.data)]
        return piece


def _size_of(stream: BinaryIO) -> int | None:
    """Return the size of a regular file; a pipe, a device or a buffer in memory has none that can be relied on."""
    try:
        status = os.fstat(stream.fileno())
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) and not stream.tell() else None


def _without_newline(stream: BinaryIO, size: int | None) -> tuple[Readable, int | None]:
    if size:
        stream.seek(size - 1)
        size -= stream.read(1) == b"\n"
        stream.seek(0)
    return _WithoutNewline(stream), size


def _value_of(url: str, key: bytes) -> bytes:
    try:
        from .redis_key import value_of
    except ImportError as error:
        raise ConfigError(f"redis is not installed ({error}): pip install 'safecodec[redis]'") from error
    return value_of(url, key)


@contextmanager
def _binary(source: Input) -> Iterator[BinaryIO]:
    if source.redis is not None:
        yield io.BytesIO(_value_of(source.redis, source.key))
    elif source.name != "-":
        with Path(source.name).open("rb") as stream:
            yield stream
    elif sys.stdin is None:
        raise OSError("there is no standard input")
    else:
        yield sys.stdin.buffer


@contextmanager
def opened(source: Input, *, strip_newline: bool = False) -> Iterator[tuple[Readable, int | None]]:
    """Open an input.

    Args:
        source: The input.
        strip_newline: Whether a newline at its very end is left out; a value of Redis is taken as it is.

    Returns:
        A stream, and its length in bytes where that is known before it is read.

    Raises:
        OSError: It cannot be opened; ValueError where its name holds a NUL character.
        ConfigError: There is no such key, no Redis, or redis is not installed.
    """
    with _binary(source) as stream:
        size = _size_of(stream)
        stripped = strip_newline and source.redis is None
        yield _without_newline(stream, size) if stripped else (stream, size)
