"""``python -m bench``: measure, print the table, write JSON, fail where a target is missed."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from safecodec.bench.harness import BRIEF, THOROUGH, pin

from .growth import growth
from .machine import machine
from .matrix import matrix
from .results import Result
from .scenarios import targets

RESULTS = Path(__file__).parent / "results"


def row(result: Result) -> str:
    """A line of the table."""
    target = "" if result.target is None else f"{result.target:g}"
    verdict = "" if result.target is None else ("ok" if result.passes else "MISSED")
    cells = (f"{result.ours * 1e6:.3f}", f"{result.theirs * 1e6:.3f}", f"{result.ratio:.3f}", target, verdict)
    return f"| {result.name} | {result.peer} | " + " | ".join(cells) + " |"


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="the lines with targets alone, in fewer rounds; written to quick.json"
    )
    return parser.parse_args()


def main() -> int:
    """Run.

    Returns:
        0 where every target is met, else 1.
    """
    quick: bool = arguments().quick
    start = time.perf_counter()
    report: dict[str, object] = {"machine": machine(pin())}
    print(report["machine"])
    print("| work | peer | ours, µs | peer, µs | ratio | target | |\n|---|---|---|---|---|---|---|")
    results = []
    for result in targets(BRIEF if quick else THOROUGH):
        print(row(result), flush=True)
        results.append(result)
    report["results"] = [result.as_dict() for result in results]
    if not quick:
        print("every library on every sample, then how cost grows: for information, no targets", flush=True)
        report["matrix"] = [cell.as_dict() for cell in matrix()]
        report["growth"] = [curve.as_dict() for curve in growth()]
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / ("quick.json" if quick else "bench.json")
    file.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    missed = sum(not result.passes for result in results)
    print(f"{missed} of {sum(result.target is not None for result in results)} targets missed", end="; ")
    print(f"wrote {file.name} after {time.perf_counter() - start:.0f} s")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
