"""The long run of pairs of types counts what it does, reports what it finds, and outlives a worker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fuzz import pairs, workers
from pairs.checks import Finding, PairCheck, Setup
from pairs.example import Example

HERE = Setup("avro", "compiled")


def _found(check: PairCheck) -> list[Finding]:
    check.counts["values"] += 1
    check.findings.append(Finding("wrong value", "planted", HERE, "expected 1, got 2", "1"))
    return check.findings


def test_pairs_are_counted(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A run compares as many pairs as it was asked for, and says so; without findings its exit code is 0."""
    monkeypatch.setattr(PairCheck, "run", lambda _: [])
    assert pairs.main(["--pairs", "3", "--processes", "1", "--json", str(tmp_path / "counts.json")]) == 0
    assert "0 findings, 0 different, in 3 pairs" in capsys.readouterr().out
    assert json.loads((tmp_path / "counts.json").read_text())["counts"]["pairs"] == 3


def test_findings_are_shrunk_and_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A finding is counted, and printed with the smallest pair that has it, as Python; the exit code is 1."""
    monkeypatch.setattr(PairCheck, "run", _found)
    assert pairs.main(["--pairs", "2", "--processes", "1", "--seed", "7"]) == 1
    printed = capsys.readouterr().out
    assert "==== wrong value · planted · avro/compiled: 2 times, first seed 7" in printed
    assert printed.count("\nRoot = str\n") == 3
    assert "2 findings, 1 different, in 2 pairs" in printed


def test_faults_of_the_generator_are_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception of the generator or the oracle is no silence: it is counted, with its traceback."""

    def fails(_: Example) -> Any:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(Example, "check", fails)
    report = pairs.Report()
    pairs.run_pair(1, report)
    ((seed, finding),) = report.first.values()
    assert (seed, finding.fault) == (1, "generator")
    assert "planted" in finding.detail


def test_a_worker_that_ends_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a process does not answer, its pair is a finding, and the other pairs of its job are left to do."""
    monkeypatch.setattr(workers, "PATIENCE", -1.0)
    results = workers.done(2, [pairs.Compare(5, 1_000_000)])
    report = next(results)
    results.close()  # type: ignore[attr-defined]
    ((seed, finding),) = report.first.values()
    assert (finding.fault, finding.detail) == ("crash", "it did not end in time")
    assert seed >= 5
    assert pairs.Compare(1, 9).crashed(4, "gone")[1] == [pairs.Compare(1, 4), pairs.Compare(5, 9)]
    text, rest = pairs.Show(5, finding, 1, shrink=True).crashed(5, "gone")
    assert "(a smaller pair: gone)" in text
    assert rest == []
