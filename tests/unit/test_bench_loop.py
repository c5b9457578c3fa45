"""What the measurements beside a loop choose and conclude; they are not part of an sdist."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

pytest.importorskip("bench")

from bench.loop import cost, service, ticker


def runs(*stolen: float) -> Callable[[], ticker.Run]:
    """Runs that had the machine taken away for so long; the longer stalled, the less was taken."""
    each = iter(stolen)
    return lambda: ticker.Run(1.0 - (taken := next(each)), 0.1, taken)


def seconds(step: float) -> Callable[[], float]:
    """A clock that goes on by so many seconds each time it is looked at."""
    return itertools.count(0.0, step).__next__


def test_runs_count_in_which_the_machine_was_all_ours() -> None:
    """Runs are made until there are as many of them as were asked for, whatever stalls they had."""
    found = ticker.quietest(runs(0.0, 0.02, 0.0, 0.0, 0.5), 3)
    assert [one.stolen for one in found] == [0.0] * 3
    assert {one.longest for one in found} == {1.0}


def test_runs_count_in_which_the_machine_was_most_ours() -> None:
    """On a machine that is always taken away for a while, those count of half a minute's that had most of it."""
    taken = [0.01 * at for at in range(8, 0, -1)]
    found = ticker.quietest(runs(*taken), 2, seconds(10.0))
    assert [one.stolen for one in found] == pytest.approx([0.05, 0.06])


def test_enough_runs_are_made_however_long_they_take() -> None:
    """As many runs as were asked for are made even where the first took all the time that there is."""
    assert len(ticker.quietest(runs(0.2, 0.1, 0.3), 3, seconds(100.0))) == 3


def rounds(*ratios: float) -> Iterator[dict[str, float]]:
    """Rounds in which the ways that breathe took so many times as long as the others, again and again."""
    for ratio in itertools.cycle(ratios):
        yield {cost.PLAIN: 1.0} | {name: 1.0 if mode is None else ratio for name, mode in ticker.MODES.items()}


def test_a_cost_is_looked_at_until_it_is_precise() -> None:
    """Where rounds agree, as few are taken as are enough, and none depends on how large the cost is."""
    made = rounds(3.0, 3.01)
    found = cost.until_precise(made, seconds(0.0))
    assert found["safecodec, breathing by call"] == pytest.approx((3.005, 3.005, 3.0, 3.01))
    assert found["safecodec, holding the GIL"] == (1.0, 1.0, 1.0, 1.0)
    assert len(set(found)) == len(ticker.MODES)


def test_a_cost_that_never_is_precise_comes_to_an_end() -> None:
    """Where rounds differ more than that, all are taken that there is time for."""
    taken = []

    def counted() -> Iterator[dict[str, float]]:
        for one in rounds(1.0, 1.2):
            taken.append(one)
            yield one

    _, ratio, low, high = cost.until_precise(counted(), seconds(cost.PATIENCE / 2))["safecodec, breathing by call"]
    assert (len(taken), ratio, low, high) == (cost.ENOUGH + 1, 1.0, 1.0, 1.2)


def test_parts_of_a_measurement_are_one() -> None:
    """The waits of all turns count alike."""
    parts = [service.Waits("nothing", 1, [3.0, 1.0], 2), service.Waits("nothing", 1, [2.0], 1)]
    assert service.together(parts) == service.Waits("nothing", 1, [3.0, 1.0, 2.0], 3)


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
