"""Generated pairs of types mean what docs/reference/type-pairs.md says: `make fuzz-pairs` is the same in large."""

from __future__ import annotations

import pytest

from fuzz.pairs import Report, run_pair, shown

SEEDS = 300
"""How many pairs a run of the tests compares: always the same ones."""
PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_pairs_mean_what_the_page_says(part: int) -> None:
    """Whatever the library reads, writes or refuses is the oracle's value or refusal, for every payload and engine."""
    report = Report()
    for seed in range(part, SEEDS, PARTS):
        run_pair(seed, report)
    assert not report.first, "\n".join(
        shown(seed, finding, 1, shrink=False) for seed, finding in list(report.first.values())[:3]
    )
    assert report.counts["pairs"] == SEEDS // PARTS
    assert report.counts["reads"] > 10 * SEEDS // PARTS
