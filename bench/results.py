"""A line of the table, and what ``make bench`` and ``make profile`` wrote, as figures read it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
FILE = Path(__file__).parent / "results" / "bench.json"
LOOP = FILE.with_name("loop.json")
PROFILE = FILE.with_name("profile.json")
SHAPES = FILE.with_name("shapes.json")
PEER = "compared with"
TOLERANCE = 1.05
"""How much a ratio differs from run to run of a shared machine."""
STEPS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


@dataclass(frozen=True)
class Result:
    """One line of the table.

    Args:
        name: What was measured.
        peer: What it is compared with.
        ours: Seconds of one call.
        theirs: Seconds of one call of the peer; 1e-9 where the target is a time in nanoseconds.
        target: The largest ratio that passes; None where the line is for information.
        ceiling: The largest ratio that was measured, where the target is not met: it may not get worse meanwhile.
    """

    name: str
    peer: str
    ours: float
    theirs: float
    target: float | None = None
    ceiling: float | None = None

    @property
    def ratio(self) -> float:
        """Ours by theirs; lower is better."""
        return self.ours / self.theirs

    @property
    def passes(self) -> bool:
        """Whether the target is met, or there is none."""
        return self.target is None or self.ratio <= self.target

    @property
    def holds(self) -> bool:
        """Whether it is no worse than it was: by its ceiling, or by its target where that is met, give or take."""
        bound = self.target if self.ceiling is None else self.ceiling
        return bound is None or self.ratio <= bound * TOLERANCE

    def __str__(self) -> str:
        told = f"{self.name}, against {self.peer}: {self.ratio:.3f}, target {self.target:g}"
        return told if self.ceiling is None else f"{told}, ceiling {self.ceiling:g}"

    def as_dict(self) -> dict[str, object]:
        """As JSON says it."""
        return asdict(self) | {"ratio": self.ratio, "passes": self.passes}


def load(file: Path = FILE) -> Any:
    """The report of the last whole run, or the last profile; exits where there is none."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        sys.exit(f"there are no figures yet: run make {file.stem}")


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]], names: int = 1) -> str:
    """A table of Markdown; first come columns of names, up to that of the peers where there is one, then of numbers."""
    names = head.index(PEER) + 1 if PEER in head else names
    rule = ["---"] * names + ["---:"] * (len(head) - names)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def verdict(line: Any) -> str:
    """How a line of a report meets its target; nothing where it has none."""
    return "" if line["target"] is None else "met" if line["passes"] else "**missed**"


def duration(seconds: float) -> str:
    """Seconds in the unit that gives a number from 1 to 999, to three digits."""
    size, unit = next((step for step in STEPS if seconds >= step[0] * 0.9995), STEPS[-1])
    number = seconds / size
    return f"{number:.{2 if number < 9.995 else 1 if number < 99.95 else 0}f} {unit}"
