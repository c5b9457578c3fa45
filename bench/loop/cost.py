"""What breathing takes of a large decode that nobody waits for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from safecodec.bench.harness import in_turns, no_collector

from ..peers import ours
from ..samples import Sample, big_events, megabytes
from .ticker import MODES

TARGET = 1.02
"""The largest ratio that passes of a decode that breathes to one that does not."""
PLAIN = "that does not breathe"
SECONDS = 180.0
"""Of a value; about how long it is looked at."""
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


def costs(seconds: float = SECONDS) -> Iterator[Cost]:
    """Measure values of 20 MB; the way that holds the GIL does not breathe either, and shows the noise."""
    for sample in (big_events(20), megabytes(20)):
        yield from _of(sample, seconds)


def _of(sample: Sample, seconds: float) -> Iterator[Cost]:
    frame = ours.codec(sample.type).encode(sample.value)
    memory = kept_memory(12 * len(frame))
    with no_collector():
        rounds = list(_rounds(sample.type, frame, seconds))
    del memory
    for name, breathing in MODES.items():
        ratio = median_between([one[name] / one[PLAIN] for one in rounds])
        target = None if breathing is None else TARGET
        yield Cost(sample.name, name, median(one[name] for one in rounds), *ratio, target)


def _rounds(type_: type, frame: bytes, seconds: float) -> Iterator[dict[str, float]]:
    """Decode in turns, each time by new codecs: where its plan lies makes one faster than its twin by a hundredth."""
    ways = list(({PLAIN: None} | MODES).items())
    end = time.perf_counter() + seconds
    turn = 0
    while time.perf_counter() < end:
        codecs = [(name, ours.codec(type_, breathing=breathing)) for name, breathing in in_turns(ways, turn)]
        times = {}
        for name, codec in codecs:
            start = time.perf_counter()
            value = codec.decode(frame)
            times[name] = time.perf_counter() - start
            del value
        yield times
        turn += 1
