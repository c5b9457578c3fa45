"""The gate of instructions finds what it is there to find; it is not part of an sdist."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any

import pytest

from safecodec.bench.instructions import Program, ProgramError

gate: Any = pytest.importorskip("bench.gate")

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

FACTS = {"python": "3.11.7", "compiler": "GCC: (Debian) 12.2.0"}
BEFORE = dict.fromkeys(gate.NAMES, 1000.0)


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the gate on instructions that are given; returns its exit code and what it prints."""
    file = tmp_path / "cpython-3.11.json"
    gate.Baseline(FACTS, BEFORE).save(file)
    monkeypatch.setattr(gate, "ROOT", tmp_path)
    monkeypatch.setattr(gate, "can_count", lambda: True)
    monkeypatch.setattr(gate.baseline, "baseline_file", lambda: file)
    monkeypatch.setattr(gate.baseline, "facts", lambda: FACTS)
    monkeypatch.setattr(gate.baseline, "is_release", lambda _: True)
    monkeypatch.setattr(gate.base, "build", lambda _: tmp_path / "base")

    def run(now: dict[str, float], *words: str, fails: Collection[str] = ()) -> tuple[int, str]:
        def instructions(program: Program, calls: int, warm: int) -> float:
            assert calls >= warm > 0
            name = program.arguments[0]
            is_base = str(tmp_path / "base") in program.environment["PYTHONPATH"]
            if (f"base {name}" if is_base else name) in fails:
                raise ProgramError("ImportError: no peek")
            return BEFORE[name] if is_base else (BEFORE | now)[name]

        monkeypatch.setattr(Program, "instructions", instructions)
        monkeypatch.setattr("sys.argv", ["gate", *words])
        code: int = gate.main()
        return code, capsys.readouterr().out

    run.file = file  # type: ignore[attr-defined]
    return run


def test_no_change_passes(judged: Any) -> None:
    """The same instructions pass, and so does what stays within 2 %, against a baseline and against a revision."""
    for words in ([], ["--base", "main"]):
        code, out = judged({"decode-wide": 1019.0, "encode-small": 981.0}, *words)
        assert code == 0
        assert "| decode-wide | 1,000 | 1,019 | +1.90% | ok |" in out


@pytest.mark.parametrize("words", [[], ["--base", "main"]])
def test_regression_fails(judged: Any, words: list[str]) -> None:
    """A work that takes 5 % more instructions fails, by name, against a baseline and against a revision."""
    code, out = judged({"decode-small": 1050.0}, *words)
    assert code == 1
    assert "| decode-small | 1,000 | 1,050 | +5.00% | SLOWER |" in out
    assert "decode-small: more than 2% " in out


def test_improvement_must_be_written_down(judged: Any) -> None:
    """A work that takes 5 % less fails until the baseline says so; against a revision it passes."""
    code, out = judged({"peek-wide": 950.0})
    assert code == 1
    assert "peek-wide: the baseline does not say so" in out
    assert "run make bench-gate-update" in out
    assert judged({"peek-wide": 950.0}, "--base", "main")[0] == 0
    assert judged({"peek-wide": 950.0}, "--update")[0] == 0
    assert judged({"peek-wide": 950.0})[0] == 0
    assert judged({})[0] == 1


def test_works_that_come_and_go_must_be_written_down(judged: Any) -> None:
    """A work that the baseline does not have, and one that only it has, fail until the baseline is written anew."""
    old = {name: number for name, number in BEFORE.items() if name != "peek-wide"} | {"peek-old": 1.0}
    gate.Baseline(FACTS, old).save(judged.file)
    code, out = judged({})
    assert code == 1
    assert "| peek-wide |  | 1,000 |  | new |" in out
    assert "| peek-old | 1 |  |  | gone |" in out


def test_missing_baseline_is_said(judged: Any) -> None:
    """Without a baseline for this CPython nothing passes, and the message says how one is made."""
    judged.file.unlink()
    code, out = judged({})
    assert code == 2
    assert out == (
        "no baseline for this CPython: cpython-3.11.json is missing; make bench-gate-update writes it,\n"
        "make bench-gate BASE=origin/main needs none\n"
    )


def test_other_compiler_is_said(judged: Any) -> None:
    """A baseline of another compiler or interpreter is not compared with, and each difference is named."""
    gate.Baseline(FACTS | {"compiler": "GCC: (Debian) 14.1.0"}, BEFORE).save(judged.file)
    code, out = judged({})
    assert code == 2
    assert "  compiler: GCC: (Debian) 14.1.0 in the baseline, GCC: (Debian) 12.2.0 here\n" in out
    assert "make bench-gate BASE=origin/main" in out


def test_work_that_fails_is_said(judged: Any) -> None:
    """A work that does not run is no regression and no pass, unless it is the revision before that lacks it."""
    assert judged({}, fails={"peek-wide"})[0] == 2
    assert judged({}, "--base", "main", fails={"peek-wide"})[0] == 2
    code, out = judged({}, "--base", "main", fails={"base peek-wide"})
    assert code == 0
    assert "| peek-wide |  | 1,000 |  | new |" in out
    code, out = judged({}, "--base", "main", fails={f"base {name}" for name in gate.NAMES})
    assert code == 2
    assert "none of them runs on main" in out


def test_only_a_release_is_counted(judged: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """A build that is not stripped is of another flavour, and is refused."""
    monkeypatch.setattr(gate.baseline, "is_release", lambda _: False)
    with pytest.raises(SystemExit, match="2"):
        judged({})
    assert "is not of a release build: make build" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="looks into an ELF file")
def test_facts_are_of_the_installed_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiler and Cython are those that the compiled module names."""
    done = dataclasses.make_dataclass("Done", [("stdout", str)])("valgrind-3.19.0\n")
    monkeypatch.setattr(gate.baseline.subprocess, "run", lambda *_, **__: done)
    found = gate.baseline.facts()
    assert found["compiler"].startswith(("GCC: ", "clang version "))
    assert found["cython"][0].isdigit()
    assert gate.baseline.found(gate.baseline.CYTHON, b"") == "unknown"
    assert gate.baseline.differences({"a": "1", "b": "2"}, {"a": "1", "c": "3"}) == [
        "b: 2 in the baseline, None here",
        "c: None in the baseline, 3 here",
    ]
