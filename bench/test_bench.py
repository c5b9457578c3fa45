"""The same work under pytest-benchmark: ``pytest bench/test_bench.py --benchmark-autosave``, compared run by run."""

from __future__ import annotations

from typing import Any

import pytest

from safecodec import PayloadFormat, crc32c, peek

from .peers import Peer, all_peers
from .peers.ours import codec
from .samples import ACCOUNT, EVENT, NUMBERS, Sample, Session, Sessions, session, sessions
from .scenarios import a_frame

SESSIONS = (Sample("200 B", Session, session()), Sample("100 KB", Sessions, sessions(500)))
PEERS = {f"{sample.name}-{peer.label}": peer for sample in (ACCOUNT, EVENT, NUMBERS) for peer in all_peers(sample)}


@pytest.mark.parametrize("payload", ["msgpack", "json"])
@pytest.mark.parametrize("sample", SESSIONS, ids=lambda sample: sample.name)
def test_round_trip(benchmark: Any, payload: PayloadFormat, sample: Sample) -> None:
    """Encode a value and decode the frame."""
    framed = codec(sample.type, payload)
    assert benchmark(lambda: framed.decode(framed.encode(sample.value))) == sample.value


@pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS)
def test_encode(benchmark: Any, peer: Peer) -> None:
    """Encode a sample."""
    benchmark(peer.encode)


@pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS)
def test_decode(benchmark: Any, peer: Peer) -> None:
    """Decode a sample."""
    benchmark(peer.decode)


def test_peek(benchmark: Any) -> None:
    """Read a header."""
    benchmark(peek, a_frame())


@pytest.mark.parametrize("size", [100, 1024, 1 << 20])
def test_crc32c(benchmark: Any, size: int) -> None:
    """Sum bytes."""
    benchmark(crc32c, bytes(size))
