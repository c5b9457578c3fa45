"""The accounts of a run: by second, by phase, and the database loads in every window of time."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from .schedule import PHASES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .events import Request
    from .schedule import Schedule

__all__ = ["Bound", "Phase", "Run", "Sample", "Second", "percentile", "worst_window"]


RECENT = 10_000
"""The last requests that `Run.recent` looks at."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the database's counters said at one time.

    Args:
        at: When, in seconds since the start.
        production: Fallback queries of production so far.
        other: Fallback queries of the process with the slip so far.
        busy: Seconds that backends spent in them so far; None where the server does not say.
        processor: Processor seconds of the server so far; None where it is on another machine.
    """

    at: float
    production: float
    other: float
    busy: float | None
    processor: float | None


@dataclass(frozen=True, slots=True)
class Second:
    """One second of a run.

    Args:
        at: When it begins.
        requests: Requests that were due in it.
        p50: Their median latency in seconds; None where there is no request.
        p99: The latency in seconds that 99 % of them did not exceed; None where there is no request.
        failed: How many of them failed.
        wrong: How many of them got something else than the truth.
        verdicts: How many of them met a bad value, by class.
        queries: Fallback queries of production per second.
        other: Fallback queries of the process with the slip per second.
        busy: Backends in fallback queries, on average; None where the server does not say.
        processor: Processors that the server used; None where it is on another machine.
    """

    at: int
    requests: int
    p50: float | None
    p99: float | None
    failed: int
    wrong: int
    verdicts: dict[str, int]
    queries: float
    other: float
    busy: float | None
    processor: float | None


@dataclass(frozen=True, slots=True)
class Phase:
    """The requests of one part of a run.

    Args:
        requests: How many were due in it.
        p50: Their median latency in seconds.
        p99: The latency in seconds that 99 % of them did not exceed.
        failed: How many failed.
        wrong: How many got something else than the truth.
        loads: Database loads of production that began in it.
    """

    requests: int
    p50: float | None
    p99: float | None
    failed: int
    wrong: int
    loads: int


@dataclass(frozen=True, slots=True)
class Bound:
    """The window that came closest to the bound, or went past it, among all windows.

    Args:
        rate: Loads per second that the fleet may start.
        processes: Loads that it may start beyond that, one for each process.
        count: Loads in that window.
        seconds: Its length.
        begin: When it begins, in seconds since the start.
    """

    rate: float
    processes: int
    count: int
    seconds: float
    begin: float

    @property
    def allowed(self) -> float:
        """The most loads that a window of that length may have."""
        return self.rate * self.seconds + self.processes

    @property
    def holds(self) -> bool:
        """Whether every window kept the bound."""
        return self.count <= self.allowed + 1e-6


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Return the smallest value that a share of the values do not exceed: the nearest rank.

    Args:
        ordered: The values in rising order.
        share: From 0 to 1.

    Returns:
        The value; None where there are none.
    """
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def worst_window(times: Iterable[float], rate: float, processes: int) -> Bound:
    """Find the window in which the loads came closest to ``rate x seconds + processes``.

    Windows that begin and end with a load are the worst of all. The loads i to j are ``j - i + 1``, less the rate's
    part ``rate x (t[j] - t[i])``: the excess is a difference of one number of j and one of i, so one pass that keeps
    the least of the latter sees every window.

    Args:
        times: When the loads began, in any order.
        rate: Loads per second.
        processes: Loads beyond that.

    Returns:
        The window; an empty one where there were no loads.
    """
    worst, excess = Bound(rate, processes, 0, 0.0, 0.0), -math.inf
    first, least = 0, math.inf
    ordered = sorted(times)
    for number, at in enumerate(ordered):
        level = number - rate * at
        if level < least:
            first, least = number, level
        if level - least > excess:
            excess = level - least
            worst = Bound(rate, processes, number - first + 1, at - ordered[first], ordered[first])
    return worst


@dataclass(slots=True)
class Run:
    """All of one run.

    Args:
        way: The way's name.
        schedule: Load and times.
        is_guarded: Whether the loads are bound by a rate.
        requests: What production's requests got.
        loads: When production's database loads began, in seconds since the start.
        strikes: Requests of the process with the slip.
        samples: The database's counters, in the order of time.
    """

    way: str
    schedule: Schedule
    is_guarded: bool
    requests: list[Request] = field(default_factory=list)
    loads: list[float] = field(default_factory=list)
    strikes: int = 0
    samples: list[Sample] = field(default_factory=list)

    @property
    def measured(self) -> list[Request]:
        """The requests that were due since the start; those before it only warm up."""
        return [request for request in self.requests if request.at >= 0]

    @property
    def verdicts(self) -> Counter[str]:
        """How many requests met a bad value, by class."""
        return Counter(request.verdict for request in self.measured if request.verdict)

    @property
    def errors(self) -> Counter[str]:
        """How many requests failed, by class."""
        return Counter(request.error for request in self.measured if request.error)

    @property
    def wrong(self) -> int:
        """How many requests got something else than the truth."""
        return sum(request.is_wrong for request in self.measured)

    @property
    def failed(self) -> int:
        """How many requests got no answer."""
        return sum(bool(request.error) for request in self.measured)

    @property
    def peak(self) -> float:
        """The most database queries in a second, of production and of the process with the slip together."""
        return max((second.queries + second.other for second in self.seconds()), default=0.0)

    @property
    def own_peak(self) -> float:
        """The most database queries of production in a second."""
        return max((second.queries for second in self.seconds()), default=0.0)

    @property
    def counted(self) -> float:
        """The database queries of production that the server counted from the first sample to the last."""
        return self.samples[-1].production - self.samples[0].production if self.samples else 0.0

    @property
    def bound(self) -> Bound | None:
        """The worst window of the loads; None where no rate bounds them."""
        if not self.is_guarded:
            return None
        return worst_window(self.loads, self.schedule.load_rate, self.schedule.readers)

    def phases(self) -> dict[str, Phase]:
        """Return the accounts of each phase by its name."""
        result = {}
        for name in PHASES:
            requests = [request for request in self.measured if self.schedule.phase(request.at) == name]
            ordered = sorted(request.seconds for request in requests)
            result[name] = Phase(
                len(requests),
                percentile(ordered, 0.5),
                percentile(ordered, 0.99),
                sum(bool(request.error) for request in requests),
                sum(request.is_wrong for request in requests),
                sum(at >= 0 and self.schedule.phase(at) == name for at in self.loads),
            )
        return result

    def seconds(self) -> list[Second]:
        """Return the accounts of each second."""
        groups: list[list[Request]] = [[] for _ in range(math.ceil(self.schedule.end_at))]
        for request in self.measured:
            groups[min(int(request.at), len(groups) - 1)].append(request)
        return [self._second(at, requests) for at, requests in enumerate(groups)]

    def recent(self, at: int) -> Second:
        """Return the accounts of a second that is not long gone, without a look at those before it.

        Args:
            at: When it begins.
        """
        return self._second(at, [request for request in self.requests[-RECENT:] if at <= request.at < at + 1])

    def as_dict(self) -> dict[str, Any]:
        """Return everything but the single requests, as JSON says it."""
        bound = self.bound
        return {
            "way": self.way,
            "requests": len(self.measured),
            "strikes": self.strikes,
            "wrong": self.wrong,
            "failed": self.failed,
            "peak_queries": round(self.peak, 1),
            "peak_queries_of_production": round(self.own_peak, 1),
            "queries_of_production": self.counted,
            "loads": len(self.loads),
            "errors": dict(self.errors),
            "verdicts": dict(self.verdicts),
            "phases": {name: asdict(phase) for name, phase in self.phases().items()},
            "bound": None if bound is None else asdict(bound) | {"allowed": bound.allowed, "holds": bound.holds},
            "seconds": [asdict(second) for second in self.seconds()],
        }

    def _second(self, at: int, requests: Sequence[Request]) -> Second:
        ordered = sorted(request.seconds for request in requests)
        queries, other, busy, processor = self._rates(at)
        return Second(
            at,
            len(requests),
            percentile(ordered, 0.5),
            percentile(ordered, 0.99),
            sum(bool(request.error) for request in requests),
            sum(request.is_wrong for request in requests),
            dict(Counter(request.verdict for request in requests if request.verdict)),
            queries,
            other,
            busy,
            processor,
        )

    def _rates(self, at: int) -> tuple[float, float, float | None, float | None]:
        """The database's work in a second; between two samples it is taken to be even."""
        before, after = _between(self.samples, at), _between(self.samples, at + 1)
        return (
            after.production - before.production,
            after.other - before.other,
            None if after.busy is None or before.busy is None else after.busy - before.busy,
            None if after.processor is None or before.processor is None else after.processor - before.processor,
        )


def _between(samples: Sequence[Sample], at: float) -> Sample:
    """What the counters said at a time: the straight line between the samples around it, the nearest one outside."""
    number = bisect_left(samples, at, key=lambda sample: sample.at)
    if number in (0, len(samples)):
        return samples[max(0, number - 1)] if samples else Sample(at, 0, 0, None, None)
    left, right = samples[number - 1], samples[number]
    share = (at - left.at) / (right.at - left.at)

    def line(begin: float, end: float) -> float:
        return begin + share * (end - begin)

    return Sample(
        at,
        line(left.production, right.production),
        line(left.other, right.other),
        None if left.busy is None or right.busy is None else line(left.busy, right.busy),
        None if left.processor is None or right.processor is None else line(left.processor, right.processor),
    )
