"""``make bench-gate``: instructions of fixed works, against a baseline, or against another revision built here.

Counted under cachegrind on the release build, see `safecodec.bench.instructions`. A committed baseline holds for the
interpreter, compiler and libraries that it names; ``BASE=origin/main`` needs no baseline and holds anywhere.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from safecodec.bench.instructions import Program, ProgramError, can_count

from . import base, baseline
from .baseline import Baseline
from .results import ROOT
from .workload import SIZES, WORKS

LIMIT = 0.02
"""The largest change that is none."""
COUNTS = {"small": (5000, 100), "wide": (500, 100), "large": (20, 5)}
"""Calls that are counted, and calls before them, by the sample's size."""
COUNTS_OF_WORK = {"resolve": (10, 10), "peek": (5000, 100)}
"""The same where it is the work that says how long a call is."""
NAMES = tuple(f"{work}-{size}" for work in WORKS for size in SIZES)
FAILED, NOT_COMPARED = 1, 2
UPDATE = "make bench-gate-update"


@dataclass(frozen=True)
class Change:
    """What became of a work.

    Args:
        name: Of the work.
        before: Instructions of a call; None where it is new.
        now: The same; None where it is gone.
    """

    name: str
    before: float | None
    now: float | None

    @property
    def by(self) -> float | None:
        """The change by what it was before: 0.05 for 5 % up. None where there is nothing to compare."""
        return None if self.before is None or self.now is None else self.now / self.before - 1

    @property
    def is_slower(self) -> bool:
        """Whether it takes more than the limit allows."""
        return self.by is not None and self.by > LIMIT

    @property
    def verdict(self) -> str:
        """In a word."""
        if self.by is None:
            return "new" if self.before is None else "gone"
        return "SLOWER" if self.is_slower else "faster" if self.by < -LIMIT else "ok"

    def row(self) -> str:
        """A line of the table."""
        numbers = ("" if number is None else f"{number:,.0f}" for number in (self.before, self.now))
        by = "" if self.by is None else f"{self.by:+.2%}"
        return f"| {self.name} | {' | '.join(numbers)} | {by} | {self.verdict} |"


def changes(before: Mapping[str, float], now: Mapping[str, float]) -> list[Change]:
    """What became of each work, in the order of now."""
    return [Change(name, before.get(name), now.get(name)) for name in dict.fromkeys((*now, *before))]


def instructions(name: str, *paths: Path) -> float:
    """Instructions of one call of a work.

    Args:
        name: Of the work.
        paths: Where safecodec is imported from; from where it is installed, if nowhere.

    Raises:
        ProgramError: The work does not run.
    """
    work, _, size = name.partition("-")
    path = os.pathsep.join(map(str, (*paths, ROOT)))
    program = Program("bench.workload:work_of", (name,), ROOT, {"PYTHONPATH": path})
    return program.instructions(*COUNTS_OF_WORK.get(work, COUNTS[size]))


def counted(count: Callable[[str], float | None] = instructions) -> dict[str, float]:
    """The instructions of all works by name, counted on all cores; without those that have none."""
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        found = zip(NAMES, threads.map(count, NAMES), strict=True)
        return {name: number for name, number in found if number is not None}


def against_base(revision: str) -> int:
    """Compare with a revision that is built and counted here.

    Returns:
        0 where nothing is slower, 1 where something is, 2 where there is nothing to compare with.
    """
    place = base.build(revision)

    def count(name: str) -> float | None:
        try:
            return instructions(name, place)
        except ProgramError:
            return None  # what it works with is newer

    before = counted(count)
    if not before:
        print(f"none of them runs on {revision}")
        return NOT_COMPARED
    found = changes(before, counted())
    show(found, revision)
    slower = [change.name for change in found if change.is_slower]
    if slower:
        print(f"{', '.join(slower)}: more than {LIMIT:.0%} above {revision}; make profile ARGS=NAME shows where")
    return FAILED if slower else 0


def against_baseline(file: Path) -> int:
    """Compare with the committed baseline.

    Returns:
        0 where all is as it says, 1 where something is slower or the baseline is out of date, 2 where there is none
        that holds here.
    """
    if not file.exists():
        print(f"no baseline for this CPython: {file.relative_to(ROOT)} is missing; {UPDATE} writes it,")
        print("make bench-gate BASE=origin/main needs none")
        return NOT_COMPARED
    before = Baseline.load(file)
    if others := baseline.differences(before.facts, baseline.facts()):
        print(f"{file.relative_to(ROOT)} was counted with something else, and says nothing here:")
        print("".join(f"  {other}\n" for other in others), end="")
        print(f"compare with a revision instead: make bench-gate BASE=origin/main; or begin anew here: {UPDATE}")
        return NOT_COMPARED
    found = changes(before.instructions, counted())
    show(found, file.name)
    slower = [change.name for change in found if change.is_slower]
    stale = [change.name for change in found if change.verdict not in ("ok", "SLOWER")]
    if slower:
        print(f"{', '.join(slower)}: more than {LIMIT:.0%} up; make profile ARGS=NAME shows where")
        print(f"where it has to be so, {UPDATE} writes it down")
    if stale:
        print(f"{', '.join(stale)}: the baseline does not say so, and would let it get worse again; run {UPDATE}")
    return FAILED if slower or stale else 0


def update(file: Path) -> None:
    """Count all works and write the baseline."""
    now = Baseline(baseline.facts(), {name: round(number, 2) for name, number in counted().items()})
    before = Baseline.load(file).instructions if file.exists() else {}
    show(changes(before, now.instructions), file.name)
    now.save(file)
    print(f"wrote {file.relative_to(ROOT)}")


def show(found: list[Change], compared: str) -> None:
    """Print a table of changes."""
    print(f"| work | {compared} | now | change | |\n|---|---:|---:|---:|---|")
    print("\n".join(change.row() for change in found), flush=True)


def main() -> int:
    """Run.

    Returns:
        0, or 1 where a work is slower or the baseline out of date, or 2 where nothing could be compared.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.gate", description="instructions of fixed works, compared")
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--base", metavar="REVISION", help="compare with this revision, which is built here")
    ways.add_argument("--update", action="store_true", help="write the baseline")
    given = parser.parse_args()
    file = baseline.baseline_file()
    if not can_count():
        parser.error("there is no valgrind")
    if not baseline.is_release(baseline.module().read_bytes()):
        parser.error(f"{baseline.module()} is not of a release build: make build")
    try:
        if given.update:
            update(file)
            return 0
        return against_base(given.base) if given.base else against_baseline(file)
    except ProgramError as error:
        print(f"a work does not run: {error}", file=sys.stderr)
        return NOT_COMPARED


if __name__ == "__main__":
    sys.exit(main())
