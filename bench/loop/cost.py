"""What breathing takes of a large decode that nobody waits for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import count
from statistics import median
from typing import Any

from safecodec.bench.harness import in_turns, no_collector

from ..peers import ours
from ..samples import big_events, megabytes
from .ticker import MODES

TARGET = 1.02
"""The largest ratio that passes of a decode that breathes to one that does not."""
PLAIN = "that does not breathe"
PRECISE = 0.01
"""A value is looked at until the interval of each ratio that has a target ends no farther than this from it, ..."""
PATIENCE, ENOUGH = 300.0, 30
"""...or for so many seconds; in so many rounds at least."""
ARENA, BLOCK = 1 << 20, 448
"""Bytes that CPython gets from the system at a time and gives back when all are free; bytes of a `bytes` of 400."""


@dataclass(frozen=True)
class Cost:
    """What one way to breathe costs.

    Args:
        value: What is decoded.
        library: In which way.
        seconds: Of one decode, the median.
        ratio: To the decode that does not breathe and was made next to it, the median.
        low: Where the ratio of more runs would lie, from...
        high: ...to, in 19 of 20 cases.
        target: The largest ratio that passes; None where the line is for information.
    """

    value: str
    library: str
    seconds: float
    ratio: float
    low: float
    high: float
    target: float | None

    def as_dict(self) -> dict[str, Any]:
        """As JSON says it."""
        return asdict(self) | {"passes": None if self.target is None else self.ratio <= self.target}


def kept_memory(size: int) -> list[bytes]:
    """Have the interpreter keep memory for small objects, as long as the result is there.

    A process that decodes large values now and then gives their memory back each time and gets it again: this takes
    half of the time, and differs by a third from time to time. It is the system's, whoever decodes.

    Args:
        size: How many bytes.
    """
    small = [bytes(400) for _ in range(size // BLOCK)]
    return small[:: ARENA // BLOCK // 2]


def median_between(values: list[float]) -> tuple[float, float, float]:
    """Return the median, and between which two values it lies with a probability of 95 %."""
    ordered = sorted(values)
    spread = int(0.98 * len(ordered) ** 0.5)
    middle = len(ordered) // 2
    low, high = max(0, middle - spread), min(len(ordered) - 1, middle + spread)
    return median(ordered), ordered[low], ordered[high]


def costs() -> Iterator[Cost]:
    """Measure values of 20 MB; the way that holds the GIL does not breathe either, and shows the noise."""
    for sample in (big_events(20), megabytes(20)):
        frame = ours.codec(sample.type).encode(sample.value)
        memory = kept_memory(12 * len(frame))
        with no_collector():
            found = until_precise(_rounds(sample.type, frame))
        del memory
        for name, figures in found.items():
            yield Cost(sample.name, name, *figures, None if MODES[name] is None else TARGET)


def until_precise(
    rounds: Iterator[dict[str, float]], clock: Callable[[], float] = time.monotonic
) -> dict[str, tuple[float, float, float, float]]:
    """Take rounds until it is clear what each way costs, whatever that is.

    Args:
        rounds: The seconds of each way.
        clock: Tells the time.

    Returns:
        Of each way its seconds, the ratio to the plain one, and between which two it lies.
    """
    taken: list[dict[str, float]] = []
    end = clock() + PATIENCE
    while True:
        taken.append(next(rounds))
        found = {
            name: (median(one[name] for one in taken), *median_between([one[name] / one[PLAIN] for one in taken]))
            for name in MODES
        }
        is_precise = all(
            max(high - ratio, ratio - low) <= PRECISE
            for name, (_, ratio, low, high) in found.items()
            if MODES[name] is not None
        )
        if len(taken) >= ENOUGH and (is_precise or clock() >= end):
            return found


def _rounds(type_: type, frame: bytes) -> Iterator[dict[str, float]]:
    """Decode in turns, each time by new codecs: where its plan lies makes one faster than its twin by a hundredth."""
    ways = list(({PLAIN: None} | MODES).items())
    for turn in count():
        codecs = [(name, ours.codec(type_, breathing=breathing)) for name, breathing in in_turns(ways, turn)]
        times = {}
        for name, codec in codecs:
            start = time.perf_counter()
            value = codec.decode(frame)
            times[name] = time.perf_counter() - start
            del value
        yield times
