"""Checks are found by their form, and removed by a switch."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
if not (ROOT / "src" / "safecodec").exists():
    pytest.skip("the tests of a wheel have no sources", allow_module_level=True)

sys.path.insert(0, str(ROOT / "scripts"))

import mutate  # noqa: E402

SOURCE = '''"""A module."""

from __future__ import annotations

import os


def f(value, text):
    if value < 0:  # never
        raise ValueError(f"{value} is below zero")
    if not isinstance(value, int) or (
        value > 5
    ):
        # a comment
        return fail(cursor, TOO_DEEP)
    elif not take_long(cursor, &value):
        return False
    if value == "a:b":
        return False
    if value is None:
        raise MemoryError
    return value
'''


def test_checks_get_a_switch() -> None:
    """An `if` whose way is a verdict, or passes one on, has a switch; others and lacking memory have none."""
    text, found = mutate.mutated("x.py", SOURCE, 7)
    assert [(one.number, one.line) for one in found] == [(7, 9), (8, 11), (9, 16)]
    assert "    if (value < 0) and lives(7):  # never\n" in text
    assert "    if (not isinstance(value, int) or (\n        value > 5\n    )) and lives(8):\n" in text
    assert "    elif (not take_long(cursor, &value)) and lives(9):\n" in text
    assert text.startswith(
        '"""A module."""\n\nfrom __future__ import annotations\n\nfrom safecodec._mutants import lives\n'
    )
    assert "cimport lives" in mutate.mutated("x.pyx", SOURCE, 0)[0]
    assert mutate.mutated("x.py", "import os\n", 0) == ("import os\n", [])


def test_every_source_has_its_checks() -> None:
    """The sources that are looked at exist, and the bounds of a payload are among the checks."""
    assert [file for file in mutate.FILES if not (ROOT / "src" / "safecodec" / file).exists()] == []
    texts = [str(one) for one in mutate._listed()]
    assert len(texts) > 150
    assert any("_cursor.pxd" in text and "<= cursor.end - cursor.at" in text for text in texts)


def test_equivalent_checks_are_there() -> None:
    """A check that no test can miss is one of those that are found."""
    for file, part, _ in mutate.EQUIVALENT:
        assert any(one.file == file and part in one.text for one in mutate._listed()), (file, part)


def test_removed_checks_that_nothing_misses_end_a_run_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run names the checks that no test misses."""
    monkeypatch.setattr(mutate, "verdict_of", lambda one, patience: "" if one.number == 2 else f"caught {patience}")
    monkeypatch.setattr(sys, "argv", ["mutate.py", "--again", "--only", "1,2,3"])
    assert mutate.main() == 1
    printed = capsys.readouterr().out
    assert printed.count("caught None") == 2
    assert "survivor:    2 avro/_cursor.pxd:" in printed
    assert "2 of 3 checks removed were caught" in printed
