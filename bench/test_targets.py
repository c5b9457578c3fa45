"""The targets under pytest-benchmark: ``make bench-targets``.

Ours and its peers take turns in one process, and what is asserted is the ratio. pytest-benchmark then times ours alone,
for people to look at: absolute times are compared by ``pytest-benchmark compare`` and by nothing that fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from safecodec.bench.harness import BRIEF, THOROUGH, no_collector, pinned

from .results import Result
from .scenarios import Comparison, comparisons

TARGETS = [comparison for comparison in comparisons() if comparison.has_target]


@pytest.fixture(autouse=True, scope="module")
def _one_core() -> Iterator[None]:
    """One core for all of it."""
    with pinned():
        yield


def measured(comparison: Comparison) -> list[Result]:
    """The ratios, looked at for longer where one seems to be worse than it was."""
    results = list(comparison.measure(BRIEF))
    if all(result.holds for result in results):
        return results
    again = comparison.measure(THOROUGH)
    pairs = zip(results, again, strict=True)
    return [replace(one, ours=min(one.ours, two.ours), theirs=min(one.theirs, two.theirs)) for one, two in pairs]


@pytest.mark.parametrize("comparison", TARGETS, ids=[comparison.name for comparison in TARGETS])
def test_target(benchmark: Any, comparison: Comparison) -> None:
    """A ratio meets its target; one that does not yet is no worse than when it was looked at last."""
    results = measured(comparison)
    benchmark.extra_info["against"] = [result.as_dict() for result in results if result.target is not None]
    with no_collector():
        benchmark(comparison.work)
    worse = [str(result) for result in results if not result.holds]
    assert not worse, "; ".join(worse)
    missed = [str(result) for result in results if not result.passes]
    if missed:
        pytest.xfail(f"missed: {'; '.join(missed)}")
