"""``python -m bench.loop``: measure, print the tables, write JSON, fail where a target is missed."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

from ..machine import machine
from ..results import LOOP
from . import figures
from .cost import costs
from .hop import hops
from .server import DEFAULTS, IDLE
from .service import TARGETS, waits
from .ticker import stalls


def judged_waits() -> Iterator[dict[str, Any]]:
    """The waits of small requests by the idle server's; a codec of which nothing is set has targets."""
    idle = 0.0
    for one in waits():
        found = one.as_dict()
        idle = found["p99"] if one.way == IDLE else idle
        ratio = found["p99"] / idle
        target = TARGETS[one.rate] if one.way == DEFAULTS else None
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
    report["costs"] = [one.as_dict() for one in costs()]
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
