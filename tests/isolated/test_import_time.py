"""What `import safecodec` costs, beside what its peers cost on the same machine."""

from __future__ import annotations

import subprocess
import sys

MODULES = ("safecodec", "msgspec", "fastavro")
BUDGET = 1.5
"""Times what `import msgspec` and `import fastavro` take together."""
ROUNDS = 7
TIMED = """
import time
start = time.process_time()
import {module}
print(time.process_time() - start)
"""


def seconds(module: str) -> float:
    """Processor time that a fresh interpreter takes for an import: other processes do not count."""
    done = subprocess.run(
        [sys.executable, "-c", TIMED.format(module=module)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def test_import_is_within_its_budget() -> None:
    """`import safecodec` takes no longer than half as much again as both peers, the best of several turns each."""
    rounds = [{module: seconds(module) for module in MODULES} for _ in range(ROUNDS)]
    best = {module: min(times[module] for times in rounds) for module in MODULES}
    shown = ", ".join(f"{module} {1000 * time:.1f} ms" for module, time in best.items())
    assert best["safecodec"] <= BUDGET * (best["msgspec"] + best["fastavro"]), shown
