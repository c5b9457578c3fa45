"""The library against the meaning of pairs of types, on many generated ones: `make fuzz-pairs`, PAIRS=... for how many.

A pair is made by its seed: a type, commits on it, a view, and values of each. Every worker has its own process, which
is started anew where a pair ends it or takes too long, as a crash is a finding too. What is found is counted by its
signature (the class of the fault, the check, and the error); the first pair of each is shrunk, and
printed as Python.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fuzz.workers import Job, done
from pairs.checks import Finding, Setup
from pairs.example import example, shrunk

CHUNK = 100
"""How many pairs a worker makes between two reports."""
CRASH = "crash"

Signature: TypeAlias = tuple[str, str, str]


@dataclass
class Report:
    """Counts and findings of some pairs.

    Args:
        counts: Pairs, values, reads and so on.
        kinds: Pairs by their first commit.
        faults: Findings by signature and kind of commit.
        setups: Findings by signature, and payload with engine.
        first: The seed and the first finding of each signature.
    """

    counts: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    faults: Counter[tuple[Signature, str]] = field(default_factory=Counter)
    setups: Counter[tuple[Signature, str]] = field(default_factory=Counter)
    first: dict[Signature, tuple[int, Finding]] = field(default_factory=dict)

    def add(self, other: Report) -> None:
        """Take another's counts; the first finding is that of the lowest seed."""
        self.counts += other.counts
        self.kinds += other.kinds
        self.faults += other.faults
        self.setups += other.setups
        for signature, found in other.first.items():
            if signature not in self.first or found[0] < self.first[signature][0]:
                self.first[signature] = found

    def find(self, seed: int, kind: str, finding: Finding) -> None:
        """Count a finding."""
        self.counts[f"findings: {finding.fault}"] += 1
        self.faults[finding.signature, kind] += 1
        self.setups[finding.signature, "/".join(finding.setup)] += 1
        self.first.setdefault(finding.signature, (seed, finding))


def run_pair(seed: int, report: Report) -> None:
    """Compare one pair."""
    try:
        made = example(seed)
        check = made.check()
    except Exception:  # a fault of the generator or the oracle, which no run may hide
        report.counts["pairs"] += 1
        report.find(
            seed, "generator", Finding("generator", "example", Setup("any", "any"), traceback.format_exc()[-1500:])
        )
        return
    report.counts["pairs"] += 1
    report.counts += check.counts
    report.kinds[made.kind] += 1
    for finding in check.findings:
        report.find(seed, made.kind, finding)


@dataclass(frozen=True)
class Compare:
    """Pairs to compare, by their seeds.

    Args:
        first: The first seed.
        end: The seed behind the last.
    """

    first: int
    end: int

    def run(self, current: Any) -> Report:
        """Compare them; the current seed is kept where the parent sees it."""
        report = Report()
        for seed in range(self.first, self.end):
            current.value = seed
            run_pair(seed, report)
        return report

    def crashed(self, seed: int, how: str) -> tuple[Report, list[Job]]:
        """A report of the pair that ended a process, and what is left to do."""
        report = Report()
        report.counts["pairs"] += 1
        report.find(seed, example(seed).kind, Finding(CRASH, "process", Setup("any", "any"), how))
        rest: list[Job] = [Compare(self.first, seed), Compare(seed + 1, self.end)]
        return report, [one for one in rest if isinstance(one, Compare) and one.first < one.end]


@dataclass(frozen=True)
class Show:
    """A finding to print, after its pair is shrunk.

    Args:
        seed: Of the pair.
        finding: What is wrong.
        count: How often it was found.
        shrink: Whether the pair is made smaller.
    """

    seed: int
    finding: Finding
    count: int
    shrink: bool

    def run(self, current: Any) -> str:
        """Return the text."""
        current.value = self.seed
        return shown(self.seed, self.finding, self.count, shrink=self.shrink)

    def crashed(self, seed: int, how: str) -> tuple[str, list[Job]]:
        """The pair as it was found, where a smaller one ends the process."""
        text = shown(seed, self.finding, self.count, shrink=False)
        return f"{text}\n\n(a smaller pair: {how})", []


def shown(seed: int, finding: Finding, count: int, *, shrink: bool) -> str:
    """A finding as it can be pasted into a test, smaller where it can be."""
    made = None if finding.fault == "generator" else example(seed)
    signature = " · ".join((*filter(None, finding.signature), "/".join(finding.setup)))
    if made is not None and shrink and finding.fault != CRASH:
        made, finding = shrunk(made, finding)
    lines = [f"==== {signature}: {count} times, first seed {seed}", finding.detail]
    lines += [f"value: {finding.value}"] if finding.value else []
    if made is not None:
        lines += [f"commit: {made.kind}", "", made.source()]
    return "\n".join(lines)


def as_json(report: Report) -> dict[str, Any]:
    """A report's counts, for a file."""
    return {
        "counts": dict(report.counts.most_common()),
        "commits": dict(report.kinds.most_common()),
        "faults": [
            {"fault": signature, "commit": kind, "count": count, "first seed": report.first[signature][0]}
            for (signature, kind), count in report.faults.most_common()
        ],
    }


def main(arguments: list[str] | None = None) -> int:
    """Run as the command line says; returns 1 if there are findings."""
    parser = argparse.ArgumentParser(description="compare the library with the meaning of generated pairs of types")
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=1, help="of the first pair")
    parser.add_argument("--shown", type=int, default=40, help="how many different findings are shrunk and printed")
    parser.add_argument("--only", default="", help="of which of them: a part of the signature's text")
    parser.add_argument("--whole", action="store_true", help="print pairs as they were found, without shrinking them")
    parser.add_argument("--json", type=Path, help="a file for the counts")
    options = parser.parse_args(arguments)
    total, start = Report(), time.monotonic()
    told = start
    end = options.seed + options.pairs
    jobs: list[Job] = [Compare(at, min(at + CHUNK, end)) for at in range(options.seed, end, CHUNK)]
    for report in done(options.processes, jobs):
        total.add(report)
        if time.monotonic() - told > 5 or total.counts["pairs"] == options.pairs:
            told = time.monotonic()
            pairs, faults = total.counts["pairs"], sum(total.faults.values())
            print(f"{pairs:>9,} pairs, {pairs / (told - start):,.0f} a second, {faults} findings", flush=True)
    spent = time.monotonic() - start
    by_signature: Counter[Signature] = Counter()
    for (signature, _), count in total.faults.items():
        by_signature[signature] += count
    found = [one for one in by_signature.most_common() if options.only in " · ".join(one[0])][: options.shown]
    shows: list[Job] = [Show(*total.first[one], count, shrink=not options.whole) for one, count in found]
    for text in done(options.processes, shows):
        print(f"\n{text}", flush=True)
    print()
    for name, counter in (("commits", total.kinds), ("counts", total.counts), ("findings", by_signature)):
        print(f"{name}:")
        for key, count in counter.most_common():
            setups = sorted(setup for signature, setup in total.setups if signature == key)
            print(f"{count:>9,} {key if isinstance(key, str) else ' · '.join((*filter(None, key), *setups))}")
    if options.json is not None:
        options.json.write_text(json.dumps(as_json(total), indent=1) + "\n", encoding="utf-8")
    print(
        f"{sum(by_signature.values())} findings, {len(by_signature)} different, in {total.counts['pairs']:,} pairs and "
        f"{total.counts['values']:,} values, in {spent:,.0f} s on {options.processes} processes"
    )
    return min(len(by_signature), 1)


if __name__ == "__main__":
    sys.exit(main())
