"""Judges a soak: what is flat, what grew, and what is left over."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from .machine import processor
from .results import table
from .soak_site import POLICY, Measure

__all__ = ["Sample", "judged", "report"]

WARM_UP: Final = 0.1
"""The share of a soak after which memory and pools have found their size."""
NONE_AT_REST: Final = ("flights", "permits", "waiting", "jobs", "unwritten")
MEBIBYTE: Final = 1024 * 1024
GROWTH: Final[dict[str, Callable[[float], float]]] = {
    "memory": lambda before: 0.03 * before + MEBIBYTE,
    "objects": lambda before: 0.01 * before + 200,
    "threads": lambda _: 1,
    "tasks": lambda _: 0,
    "files": lambda _: 4,
}
"""By how much the median of the last quarter may exceed that of the first: what the random mix moves it by."""
CONNECTIONS: Final = 8
"""The same for connections: each process has as many as it had requests and loads at once."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured at one time.

    Args:
        name: ``rest`` or ``end``.
        at: When, in seconds since the start.
        measures: Of each process.
        connections: Of Redis and PostgreSQL.
        keys: In Redis, by kind.
    """

    name: str
    at: float
    measures: dict[str, Measure]
    connections: dict[str, int]
    keys: dict[str, int]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON says it."""
        measures = {name: measure._asdict() for name, measure in self.measures.items()}
        return {
            "name": self.name, "at": round(self.at, 1), "measures": measures, "connections": self.connections,
            "keys": self.keys,
        }  # fmt: skip


def quarters(samples: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    """Return the first quarter after the warm-up, and the last."""
    rests = [sample for sample in samples if sample.name == "rest"]
    warm = rests[int(len(rests) * WARM_UP) :]
    size = max(1, len(warm) // 4)
    return warm[:size], warm[-size:]


def judged(samples: Sequence[Sample]) -> list[str]:
    """Return what is not flat, or left over; nothing where all is well."""
    problems = [*_left(samples), *_grown(samples)]
    for sample in samples:
        if sample.keys["without an end"]:
            problems.append(f"{sample.keys['without an end']} keys without an end at {sample.at:.0f} s")
    return problems


def _left(samples: Sequence[Sample]) -> Iterator[str]:
    for sample in samples:
        for process, measure in sample.measures.items():
            for name in NONE_AT_REST:
                count = getattr(measure, name)
                # Frames are written down behind the answer after the one that brought them.
                if count and (name != "unwritten" or count > POLICY.keys):
                    yield f"{process} has {count} {name} at rest, at {sample.at:.0f} s"


def _grown(samples: Sequence[Sample]) -> Iterator[str]:
    first, last = quarters(samples)
    for process in first[0].measures:
        for name, growth in GROWTH.items():
            before = median(getattr(sample.measures[process], name) for sample in first)
            after = median(getattr(sample.measures[process], name) for sample in last)
            if after > before + growth(before):
                yield f"{name} of {process} grew from {before:,.0f} to {after:,.0f}"
    for server in first[0].connections:
        before = median(sample.connections[server] for sample in first)
        after = median(sample.connections[server] for sample in last)
        if after > before + CONNECTIONS:
            yield f"connections of {server} grew from {before} to {after}"


def report(samples: Sequence[Sample], facts: dict[str, Any], problems: list[str] | None) -> str:
    """Return the report: a table of the first and the last quarter, what was done, and the verdict.

    Args:
        samples: What was measured.
        facts: What the run was.
        problems: What is not flat or left over; None where the soak goes on.
    """
    first, last = quarters(samples)
    rows = []
    for process in first[0].measures:
        for name in Measure._fields:
            values = [[getattr(sample.measures[process], name) for sample in part] for part in (first, last)]
            most = max(getattr(sample.measures[process], name) for sample in samples)
            rows.append((process, name, *(f"{median(part):,.0f}" for part in values), f"{most:,.0f}"))
    for server in first[0].connections:
        values = [[sample.connections[server] for sample in part] for part in (first, last)]
        most = max(sample.connections[server] for sample in samples)
        rows.append(("all", f"connections of {server}", *(f"{median(part):g}" for part in values), f"{most}"))
    for kind in sorted({kind for sample in samples for kind in sample.keys}):
        values = [[sample.keys.get(kind, 0) for sample in part] for part in (first, last)]
        most = max(sample.keys.get(kind, 0) for sample in samples)
        rows.append(("all", f"keys in Redis: {kind}", *(f"{median(part):g}" for part in values), f"{most}"))
    said = "it goes on" if problems is None else "flat" if not problems else "NOT flat"
    now = datetime.datetime.now(tz=datetime.UTC)
    lines = [
        f"# Soak: {said}",
        f"{samples[-1].at / 60:.1f} minutes, {len(samples)} measures at rest, {now:%Y-%m-%d %H:%M} UTC, {processor()}.",
        *(f"- {problem}" for problem in problems or ()),
        table(("process", "measure", "first quarter", "last quarter", "most"), rows),
        "Faults: " + ", ".join(f"{name} {count}" for name, count in sorted(facts["faults"].items())) + ".",
    ]
    for process, told in facts["processes"].items():
        outcomes = ", ".join(f"{name} {count}" for name, count in sorted(told["outcomes"].items()))
        counted = ", ".join(f"{name} {count}" for name, count in told["cache"].items() if count)
        lines.append(f"{process}: {outcomes}. Counters: {counted}.")
    return "\n\n".join(lines) + "\n"
