"""Fail unless the compiled modules are covered, and unless their statements were counted at all.

On a core that does not see Cython's lines, coverage reports 0 statements and 100 %: that is a fault here.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import cast


def faults(report: dict[str, dict[str, dict[str, dict[str, int]]]], modules: set[str], least: float) -> list[str]:
    """What is wrong with a coverage report.

    Args:
        report: What ``coverage json`` writes.
        modules: The .pyx files that it must cover, by their path in the report.
        least: Percentage of all their statements that must have run.

    Returns:
        One line for each fault.
    """
    found = []
    statements = covered = 0
    for module in sorted(modules):
        summary = report["files"].get(module, {}).get("summary", {})
        count, hit = summary.get("num_statements", 0), summary.get("covered_lines", 0)
        if not count:
            found.append(f"{module}: no statements were seen; is it a coverage build, run with COVERAGE_CORE=ctrace?")
            continue
        missing = cast("list[int]", report["files"][module].get("missing_lines", []))
        print(f"{module}: {hit} of {count} statements, {100 * hit / count:.1f} %, missing {missing}")
        statements += count
        covered += hit
    if not modules:
        found.append("there are no .pyx files")
    elif statements and 100 * covered < least * statements:
        found.append(f"{100 * covered / statements:.1f} % of the compiled code ran, {least} % are asked for")
    return found


def main() -> None:
    """Check the report that the command line names."""
    parser = argparse.ArgumentParser(description="check the coverage of compiled modules")
    parser.add_argument("report", type=Path)
    parser.add_argument("--source", type=Path, required=True, help="the directory that coverage was run in")
    parser.add_argument("--fail-under", type=float, default=95.0)
    options = parser.parse_args()
    modules = {file.relative_to(options.source).as_posix() for file in (options.source / "src").rglob("*.pyx")}
    found = faults(json.loads(options.report.read_text()), modules, options.fail_under)
    for fault in found:
        print(fault, file=sys.stderr)
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
