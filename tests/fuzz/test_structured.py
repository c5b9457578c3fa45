"""The structure-aware fuzzer finds what is planted, a short run finds nothing, and old findings stay mended."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from fuzz import judge, structured, workers
from fuzz.hostile import Slotted
from fuzz.judge import Judge, Report, weight
from safecodec.avro import Schema

CASES: list[dict[str, Any]] = json.loads(structured.CASES.read_text())


@pytest.fixture
def report() -> Report:
    return Report()


def call(report: Report, made: Any, given: int = 10, **options: Any) -> None:
    """Judge a call that is planted."""
    Judge(report, 1).call("planted", made, (ValueError,), given, lambda: "shown", **options)


def raising(error: BaseException) -> Any:
    raise error


def test_a_short_run_finds_nothing(report: Report) -> None:
    """Inputs of every kind of case raise only documented errors, and take memory for their bytes."""
    report.timed = False
    for seed in range(50):
        structured.run_case(seed, report)
    assert report.findings == {}
    assert report.counts["inputs"] > 1000


@pytest.mark.parametrize("case", CASES, ids=[case["what"] for case in CASES])
def test_old_findings_stay_mended(case: dict[str, Any], report: Report) -> None:
    """An input that found something finds nothing now."""
    report.timed = False
    structured.replay(Judge(report, 0), case)
    assert report.findings == {}


def test_a_foreign_error_is_a_finding(report: Report) -> None:
    """An error that is not documented for a call is found with its traceback; one that is, is counted."""
    call(report, lambda: raising(ValueError("documented")))
    call(report, lambda: raising(IndexError("planted 17")))
    ((signature, (count, seed, text)),) = report.findings.items()
    assert signature == "foreign error · planted · IndexError: planted "
    assert (count, seed) == (1, 1)
    assert "in raising" in text
    assert report.counts["planted: ValueError"] == 1


def test_a_slow_call_is_a_finding(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that takes more for a byte than is allowed is found, if it does so each time; a result counts, too."""
    monkeypatch.setattr(judge, "SLOW_BUILD", 1.0)
    now = iter((0.0, 9.0, 9.0, 9.0))  # slow once
    monkeypatch.setattr(time, "thread_time", lambda: next(now, 9.0))
    call(report, lambda: None)
    assert report.findings == {}
    each = iter(range(0, 1000, 3))
    monkeypatch.setattr(time, "thread_time", lambda: float(next(each)))
    call(report, lambda: None, given=1000)
    assert list(report.findings) == ["time · planted · "]
    assert report.slowest[0] > 1e-3


def test_a_large_result_is_a_finding(report: Report) -> None:
    """A result of more bytes for a byte of input than are allowed is found."""
    call(report, lambda: [b"x" * 20_000_000], given=100, weigh=True)
    assert list(report.findings) == ["memory · planted · "]
    assert report.largest[0] > 10_000


def test_a_value_weighs_what_is_in_it() -> None:
    """A weight has every object once, in containers and records; what the interpreter shares is not counted."""
    one = b"x" * 1000
    assert weight([one, one, None, 5, True]) - weight([None] * 5) == weight(one)
    assert weight({"key": one}) > weight(one)
    assert weight(Slotted(rows=[[10**9]])) > weight([[10**9]])


def test_findings_end_a_run_with_1(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A run prints its first seed, each finding with the seed of it, and the worst costs."""

    def plant(case: structured.Case) -> None:
        case.judge.find("planted", "call", "what", "detail")

    monkeypatch.setattr(structured.Case, "run", plant)
    assert structured.main(["--cases", "3", "--first", "7", "--processes", "1"]) == 1
    printed = capsys.readouterr().out
    assert "first seed: 7" in printed
    assert "==== planted · call · what: 3 times, first seed 7\ndetail" in printed
    assert "worst seconds: " in printed
    assert "worst result: " in printed
    monkeypatch.setattr(structured.Case, "run", lambda _: None)
    assert structured.main(["--minutes", "0", "--processes", "1"]) == 0


def test_faults_of_the_generator_are_findings(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception of the generator is no silence."""
    monkeypatch.setattr(structured.Case, "run", lambda _: raising(ZeroDivisionError("planted")))
    structured.run_case(3, report)
    assert list(report.findings) == ["generator · ZeroDivisionError"]


def test_a_case_that_ends_its_worker_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a process does not answer, its case is a finding, and the other cases of its job are left to do."""
    monkeypatch.setattr(workers, "PATIENCE", -1.0)
    results = workers.done(2, [structured.Run(5, 1_000_000)])
    report = next(results)
    results.close()  # type: ignore[attr-defined]
    ((signature, (_, seed, _)),) = report.findings.items()
    assert signature == "crash · it did not end in time"
    assert seed >= 5
    assert structured.Run(1, 9).crashed(4, "gone")[1] == [structured.Run(1, 4), structured.Run(5, 9)]


def test_old_findings_are_data() -> None:
    """A case of the file is a seed, a schema's text, or a schema with a payload, and says what it found."""
    for case in CASES:
        assert case.keys() & {"seed", "text", "payload"}, case["what"]
    sample = {"what": "sample", "schema": Schema("int").json, "payload": "02", "times": 3}
    found = Report()
    structured.replay(Judge(found, 0), sample)
    structured.replay(Judge(found, 0), {"what": "sample", "text": "[" * 100})
    structured.replay(Judge(found, 0), {"what": "sample", "seed": 3})
    assert found.counts["decode: PayloadError"] == 1
    assert found.counts["parse: SchemaError"] >= 1
    assert found.counts["cases"] == 1
    assert judge.SECONDS_PER_BYTE == 1e-6
    assert Path(structured.CASES).parent == Path(structured.__file__).parent
