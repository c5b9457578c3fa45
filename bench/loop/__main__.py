"""``python -m bench.loop``: measure, print the tables, write JSON, fail where a target is missed."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from safecodec.bench.harness import Effort, compare

from ..machine import machine
from ..peers import ours
from ..results import LOOP, Result
from ..samples import megabytes
from . import figures
from .hop import hops
from .server import IDLE, WAYS
from .service import TARGET, waits
from .ticker import MODES, stalls

SIZES = {20: 1.02, 1: None}
"""Megabytes of the values, and the largest ratio of a decode that breathes to one that does not."""
EFFORT = Effort(rounds=200, budget=30.0)
"""Of that ratio: a decode takes a tenth of a second, and the best of a few is still the machine's noise."""


def costs() -> Iterator[dict[str, Any]]:
    """What breathing takes of a decode that nobody waits for; one that holds the GIL is its own peer, for the noise."""
    for megabyte, target in SIZES.items():
        sample = megabytes(megabyte)
        plain = ours.codec(sample.type)
        frame = plain.encode(sample.value)
        for name, breathing in MODES.items():
            codec = ours.codec(sample.type, breathing=breathing)
            seconds = compare(partial(codec.decode, frame), partial(plain.decode, frame), EFFORT)
            found = Result(name, "holding the GIL", *seconds, None if breathing is None else target)
            yield found.as_dict() | {"value": sample.name}


def judged_waits() -> Iterator[dict[str, Any]]:
    """The waits of small requests by the idle server's; the best way has a target at the lowest rate."""
    idle = 0.0
    for one in waits():
        found = one.as_dict()
        idle = found["p99"] if one.way == IDLE else idle
        ratio = found["p99"] / idle
        target = TARGET if one.way == WAYS[-1] and one.rate == 1 else None
        yield found | {"by_idle": ratio, "target": target, "passes": None if target is None else ratio <= target}


def main() -> int:
    """Run.

    Returns:
        0 where every target is met, else 1.
    """
    start = time.perf_counter()
    report: dict[str, Any] = {"machine": machine(None)}
    report["stalls"] = [one.as_dict() for one in stalls()]
    print(figures.stalls(report), flush=True)
    report["costs"] = list(costs())
    print(figures.costs(report), flush=True)
    report["waits"] = list(judged_waits())
    print(figures.waits(report), flush=True)
    report["hops"] = [one.as_dict() for one in hops()]
    print(figures.hops(report), flush=True)
    LOOP.parent.mkdir(exist_ok=True)
    LOOP.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    lines = (one for name in ("stalls", "costs", "waits") for one in report[name])
    verdicts = [one["passes"] for one in lines if one["target"] is not None]
    missed = verdicts.count(False)
    print(f"{missed} of {len(verdicts)} targets missed; wrote {LOOP.name} after {time.perf_counter() - start:.0f} s")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
