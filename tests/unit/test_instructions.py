"""Instructions of a call: what is counted, what is subtracted, and what is said where a program fails."""

from __future__ import annotations

import os
import runpy
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from safecodec.bench import instructions, repeat
from safecodec.bench.instructions import Program, ProgramError, can_count, per_call, steady

LOOP = """
def work_of(size):
    numbers = range(int(size))
    return lambda: sum(numbers)
"""


@pytest.fixture(autouse=True)
def _forget_the_system() -> Any:
    steady.cache_clear()
    yield
    steady.cache_clear()


def program(folder: Path, text: str, *arguments: str) -> Program:
    (folder / "made.py").write_text(text)
    return Program("made:work_of", arguments, folder, {"PYTHONPATH": str(folder), "LANG": "C"})


def test_what_comes_before_the_calls_does_not_count() -> None:
    """Of each place counts what grows with the calls; what does not grow is left out, and the most comes first."""

    def count(calls: int) -> Counter[str]:
        return Counter({"start": 5000, "leaf": 3 * calls, "loop": 7 * calls + 100})

    assert list(per_call(count, 50).items()) == [("loop", 7.0), ("leaf", 3.0)]


def test_both_runs_have_the_warm_calls() -> None:
    """The run of few has the warm calls alone, the run of many has these and those that are counted."""
    seen = []

    def count(calls: int) -> Counter[str]:
        seen.append(calls)
        return Counter(x=calls)

    assert per_call(count, 20, warm=5) == {"x": 1.0}
    assert seen == [5, 25]


@pytest.mark.skipif(not can_count(), reason="there is no valgrind")
@pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="valgrind and sanitizers do not go together")
def test_instructions_repeat(tmp_path: Path) -> None:
    """Two counts of the same work are the same to a thousandth, and no fewer than the work has to have."""
    loop = program(tmp_path, LOOP, "1000")
    first = loop.instructions(100, 10)
    (tmp_path / "another_file").touch()  # whose name is in the heap
    again = loop.instructions(100, 10)
    assert first == pytest.approx(again, rel=1e-3)
    assert 10_000 < first < 1_000_000


def test_hashes_of_text_are_the_same_each_time(tmp_path: Path) -> None:
    """A program's seed of hashes is 0, and its variables are those that it is given."""
    text = "import os, sys; sys.exit(f\"{os.environ['PYTHONHASHSEED']} {os.environ['LANG']} {'HOME' in os.environ}\")"
    with pytest.raises(ProgramError, match=r"^0 C False$"):
        program(tmp_path, text).run(1)


def test_failed_program_says_why(tmp_path: Path) -> None:
    """A failed program's own words are the error's, or its exit code where it said nothing."""
    with pytest.raises(ProgramError, match=r"ZeroDivisionError: division by zero$"):
        program(tmp_path, "1 / 0").run(1)
    with pytest.raises(ProgramError, match=r"python.* ended with 3$"):
        program(tmp_path, "raise SystemExit(3)").run(1)
    with pytest.raises(ProgramError, match=r"^no-such-tool does not start: No such file or directory$"):
        program(tmp_path, "").run(1, "no-such-tool")


@pytest.mark.parametrize(
    ("found", "code", "words"), [(None, 0, ()), ("/bin/setarch", 1, ()), ("/bin/setarch", 0, ("setarch", "-R"))]
)
def test_addresses_are_the_same_where_the_system_lets_us(
    monkeypatch: pytest.MonkeyPatch, found: str | None, code: int, words: tuple[str, ...]
) -> None:
    """Addresses are kept from being random by setarch, unless it is missing or not allowed."""
    monkeypatch.setattr(shutil, "which", lambda _: found)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess((), code))
    assert steady() == words


def test_total_is_the_summary_of_the_tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The total is what cachegrind's last line says, counted without simulating a cache."""
    commands = []

    def run(_: Program, calls: int, *under: str) -> None:
        commands.append((calls, under))
        if under:
            out = next(word.partition("=")[2] for word in under if "out-file" in word)
            Path(out).write_text(f"events: Ir\nfn=f\n1 2\nsummary: {1000 + 40 * calls}\n")

    monkeypatch.setattr(Program, "run", run)
    monkeypatch.setattr(instructions, "steady", lambda: ("setarch", "-R"))
    assert program(tmp_path, "").instructions(10, 2) == 40.0
    assert [calls for calls, _ in commands] == [1, 2, 12]
    assert commands[1][1][:4] == ("setarch", "-R", "valgrind", "--tool=cachegrind")
    assert commands[1][1][-1] == "--cache-sim=no"


# --- the program that is counted


@pytest.mark.parametrize("count", [0, 1, 5, 64, 100, 1000])
def test_work_is_done_as_often_as_told(count: int) -> None:
    """A work is called as often as asked, spread over the states of the heap as evenly as there are calls."""
    held: list[int] = []
    calls: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repeat, "bytes", lambda _: held.append(0), raising=False)
        repeat.spread(lambda: calls.append(len(held) // len(repeat.SIZES)), count)
    assert len(calls) == count
    assert len(held) == repeat.STATES * len(repeat.SIZES)
    states = Counter(calls)
    assert max(states.values(), default=0) - min(states.get(state + 1, 0) for state in range(repeat.STATES)) <= 1


def test_blocks_have_the_sizes_of_pools() -> None:
    """What is held has one block of each size that CPython has pools for, in each state."""
    sizes = {sys.getsizeof(held) for held in (object(), 1.5, *(bytes(size - repeat.HEAD) for size in repeat.SIZES))}
    assert {-(-size // 16) * 16 for size in sizes} >= set(range(16, 513, 16))


def test_program_makes_its_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The words name what makes the work, its arguments and the number; importing the program does nothing."""
    (tmp_path / "made.py").write_text("calls = []\ndef work_of(a, b):\n    return lambda: calls.append((a, b))\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("gc.disable", lambda: None)
    monkeypatch.setattr("sys.argv", ["repeat.py", "made:work_of", "x", "y", "3"])
    runpy.run_path(str(instructions.REPEAT), run_name="__main__")
    assert sys.modules.pop("made").calls == [("x", "y")] * 3
