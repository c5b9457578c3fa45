"""The same work under pytest-benchmark: ``pytest bench/test_bench.py --benchmark-autosave``, compared run by run."""

from __future__ import annotations

from typing import Any

import pytest

from safecodec import crc32c, pack, peek

from .samples import Configuration, Session, configuration, session
from .scenarios import ENVIRONMENT, codec

CASES: dict[str, tuple[Any, Any]] = {"200 B": (Session, session()), "100 KB": (Configuration, configuration(500))}


@pytest.mark.parametrize("payload", ["msgpack", "json", "avro"])
@pytest.mark.parametrize("size", CASES)
def test_encode(benchmark: Any, payload: str, size: str) -> None:
    """Encode a value."""
    type_, value = CASES[size]
    benchmark(codec(type_, payload).encode, value)


@pytest.mark.parametrize("payload", ["msgpack", "json", "avro"])
@pytest.mark.parametrize("size", CASES)
def test_decode(benchmark: Any, payload: str, size: str) -> None:
    """Decode a frame."""
    type_, value = CASES[size]
    framed = codec(type_, payload)
    assert benchmark(framed.decode, framed.encode(value)) == value


def test_peek(benchmark: Any) -> None:
    """Read a header."""
    frame = pack(b"x" * 200, format="json", subject="s", version=1, fingerprint=b"abcd", environment=ENVIRONMENT)
    benchmark(peek, frame)


@pytest.mark.parametrize("size", [100, 1024, 1 << 20])
def test_crc32c(benchmark: Any, size: int) -> None:
    """Sum bytes."""
    benchmark(crc32c, bytes(size))
