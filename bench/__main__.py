"""``python -m bench``: run every scenario, print the table, write JSON, fail where a target is missed."""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from safecodec.frame import crc32c_implementation

from .harness import Result, pin
from .scenarios import SCENARIOS

RESULTS = Path(__file__).parent / "results"
PEERS = ("safecodec", "msgspec", "fastavro", "google-crc32c")


def processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def row(result: Result) -> str:
    """A line of the table."""
    target = "" if result.target is None else f"{result.target:g}"
    verdict = "" if result.target is None else ("ok" if result.passes else "MISSED")
    cells = (f"{result.ours * 1e6:.3f}", f"{result.theirs * 1e6:.3f}", f"{result.ratio:.3f}", target, verdict)
    return f"| {result.name} | {result.peer} | " + " | ".join(cells) + " |"


def main() -> int:
    """Run.

    Returns:
        0 where every target is met, else 1.
    """
    core = pin()
    machine = {
        "processor": processor(),
        "core": core,
        "python": platform.python_version(),
        "crc32c": crc32c_implementation(),
        **{name: version(name) for name in PEERS},
    }
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    print("| work | peer | ours, µs | peer, µs | ratio | target | |\n|---|---|---|---|---|---|---|")
    results = []
    for scenario in SCENARIOS:
        for result in scenario():
            print(row(result), flush=True)
            results.append(result)
    RESULTS.mkdir(exist_ok=True)
    report = {"machine": machine, "results": [result.as_dict() for result in results]}
    (RESULTS / "bench.json").write_text(json.dumps(report, indent=2) + "\n")
    return 0 if all(result.passes for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
