"""Faults of the matrix alone, on real servers and with real processes, for a moment each: make fault-matrix has all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench.fault_cells import play
from bench.fault_kinds import faults_of
from bench.fault_stage import POLICY, Stage, stage
from bench.servers import ServerError
from safecodec.cache import BreakerPolicy

BRIEFLY = ("every value corrupt", "newer writer", "Redis refused", "Redis restarted empty", "PostgreSQL refused")
BRIEF = BreakerPolicy(window=2, slow_after=0.4, shortest=0.1, longest=0.3)
FAST = replace(POLICY, load_rate=400, throttle=0.2, wait=0.2, breaker=BRIEF, store_breaker=BRIEF)


@pytest.fixture(scope="module")
def players() -> Iterator[Stage]:
    """Servers, and readers that go through all faults without a restart."""
    try:
        with stage(8, policy=FAST, scan_seconds=0.0) as started:
            started.start_readers()
            yield started
    except ServerError as error:
        pytest.fail(f"these tests need real servers: {error}", pytrace=False)


@pytest.mark.parametrize("name", BRIEFLY)
def test_a_fault_alone(players: Stage, name: str) -> None:
    """No wrong value, no good value lost, no restart needed, and no more loads than the rate, whatever fails."""
    players.reset()
    cell = play(players, [faults_of(players)[name]], 0.5)
    assert cell.wrong == 0, cell.told
    assert cell.lost == 0, cell.told
    assert cell.restarts == 0, cell.told
    assert cell.bound.holds, cell.bound
    assert cell.requests > 0
