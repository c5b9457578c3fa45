"""What the measurements beside a loop choose and conclude; they are not part of an sdist."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("bench")

from bench.loop import cost, ticker


def runs(*stolen: float) -> Callable[[], ticker.Run]:
    """Runs that had the machine taken away for so long; the longer stalled, the less was taken."""
    each = iter(stolen)
    return lambda: ticker.Run(1.0 - (taken := next(each)), 0.1, taken)


def test_runs_count_in_which_the_machine_was_all_ours() -> None:
    """Runs are made until there are as many of them as were asked for, whatever stalls they had."""
    found = ticker.quietest(runs(0.0, 0.02, 0.0, 0.0, 0.5), 3)
    assert [one.stolen for one in found] == [0.0] * 3
    assert {one.longest for one in found} == {1.0}


def test_runs_count_in_which_the_machine_was_most_ours() -> None:
    """On a machine that is always taken away for a while, those count of four times as many that had most of it."""
    taken = [0.01 * at for at in range(8, 0, -1)]
    assert [one.stolen for one in ticker.quietest(runs(*taken), 2)] == pytest.approx([0.01, 0.02])


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([2.0], (2.0, 2.0, 2.0)),
        ([3.0, 1.0, 2.0], (2.0, 1.0, 3.0)),
        (list(range(100)), (49.5, 41.0, 59.0)),
    ],
)
def test_a_median_lies_where_its_ranks_say(values: list[float], found: tuple[float, ...]) -> None:
    """The interval of a median is told by ranks around it, their number's square root apart, and never ends outside."""
    assert cost.median_between(values) == found


def test_memory_that_is_kept_is_mostly_free() -> None:
    """Of memory that the interpreter keeps, next to nothing is in use."""
    kept = cost.kept_memory(16 << 20)
    assert 16 <= len(kept) <= 48
