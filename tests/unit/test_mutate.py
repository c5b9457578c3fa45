"""Checks are found by their form, and removed by a switch."""

from __future__ import annotations

import json
import re
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
    if value == 3:
        found = (
            f"{value} is three"
        )
        raise ValueError(found)
    if value == 4:
        print("four")
        raise ValueError
    if value is None:
        raise MemoryError
    return value
'''


def test_checks_get_a_switch() -> None:
    """Each part of an `if` whose way is a verdict, or passes one on, has a switch; others have none."""
    text, found = mutate.mutated("x.py", SOURCE, 7)
    assert [(one.number, one.line) for one in found] == [(7, 9), (8, 11), (9, 11), (10, 16), (11, 20)]
    assert "    if ((value < 0) and lives(7)):  # never\n" in text
    assert "    if ((not isinstance(value, int)) and lives(8)) or " in text
    assert " or (((\n        value > 5\n    )) and lives(9)):\n" in text
    assert "    elif ((not take_long(cursor, &value)) and lives(10)):\n" in text
    assert text.startswith(
        '"""A module."""\n\nfrom __future__ import annotations\n\nfrom safecodec._mutants import lives\n'
    )
    assert "cimport lives" in mutate.mutated("x.pyx", SOURCE, 0)[0]
    assert mutate.mutated("x.py", "import os\n", 0) == ("import os\n", [])


@pytest.mark.parametrize(
    ("condition", "parts"),
    [
        ("a or b", ["a", "b"]),
        ("a and (b or c) or f(d or e)[g or h]", ["a and (b or c)", "f(d or e)[g or h]"]),
        ("""a == ' or ' or b != "(" """, ["a == ' or '", """b != "(" """]),
        ("a if b or c else d", ["a if b or c else d"]),
    ],
)
def test_conditions_have_parts(condition: str, parts: list[str]) -> None:
    """A condition is divided where `or` joins it, but not in brackets or texts, nor where it is a choice."""
    assert mutate.parts_of(condition, " or ") == parts


def test_bounds_of_a_fast_path_get_a_switch() -> None:
    """What a fast path demands of a value can be taken as given, where an `if` or a returned value asks for it."""
    source = (
        "import x\n"
        "    if self.kind == A and 0 < size <= 8:\n"
        "        return here\n"
        "    if size < 3:\n"
        "        return None\n"
        "    return made(value) if -self.below < value < self.below else None\n"
        "    return not overflow and self.least <= number <= self.most and (\n"
        "        self.factor == 1\n"
        "    )\n"
    )
    text, found = mutate.mutated("avro/_conversions.pyx", source, 0)
    assert text.split("\n")[2:] == [
        "    if self.kind == A and ((0 < size <= 8) or not lives(0)):",
        "        return here",
        "    if ((size < 3) and lives(1)):",
        "        return None",
        "    return made(value) if ((-self.below < value < self.below) or not lives(2)) else None",
        "    return ((not overflow) or not lives(3)) and ((self.least <= number <= self.most) or not lives(4)) and (",
        "        self.factor == 1",
        "    )",
        "",
    ]
    assert len(found) == 5


def test_checks_in_c_get_a_switch() -> None:
    """C that gives a verdict, or returns whether a place is within an object, has switches of C."""
    source = (
        "import x\n"
        "        return offset >= a && offset % b == 0\n"
        "            && offset <= c;\n"
        "        if (x != y || f(x, y)) return -1;\n"
        "        return safecodec_is_within(x, y) ? y : -1;\n"
    )
    text, found = mutate.mutated("avro/_slots.pyx", source, 0)
    assert " ".join(text.split("\n", 2)[2].split()) == (
        "return ((offset >= a) || !lives(0)) && ((offset % b == 0 ) || !lives(1)) && ((offset <= c) || !lives(2)); "
        "if (((x != y) && lives(3)) || ((f(x, y)) && lives(4))) return -1; "
        "return ((safecodec_is_within(x, y)) || !lives(5)) ? y : -1;"
    )
    assert len(found) == 6


PACKAGE = ROOT / "src" / "safecodec"
RAISED_OTHERWISE = {"avro/canonical.py", "avro/defaults.py"}
"""Sources whose verdicts are behind no condition: each tells of an error that was caught."""


def test_every_source_has_its_checks() -> None:
    """Each source with a verdict has checks that are found, or is one of those whose checks stay, for a reason."""
    listed = [one.file for one in mutate._listed()]
    assert len(listed) > 400
    files = mutate.sources(PACKAGE)
    verdict = re.compile(rf"^ +({mutate.VERDICT.pattern})", re.MULTILINE)
    judging = {file for file in files if verdict.search((PACKAGE / file).read_text("utf-8"))}
    assert judging - set(listed) == RAISED_OTHERWISE
    assert {*mutate.QUICK, *mutate.IN_C, *mutate.BOUNDED} <= set(listed)
    every = [path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.p*")]
    assert all(any(file.startswith(start) for file in every) for start in mutate.UNCHECKED)
    assert any(one.file == "avro/_cursor.pxd" and "<= cursor.end - cursor.at" in one.text for one in mutate._listed())


def test_equivalent_checks_are_there() -> None:
    """A check that no test can miss is one of those that are found."""
    for file, part, _ in mutate.EQUIVALENT:
        assert any(one.file == file and part in one.text for one in mutate._listed()), (file, part)


TESTS = """
import os


def ask(*numbers):
    if "SAFECODEC_ASKED" in os.environ:
        with open(os.environ["SAFECODEC_ASKED"], "r+b") as file:
            for number in numbers:
                file.seek(number)
                file.write(b"1")


ask(5)


def test_a():
    ask(1, 2)
    assert os.environ["SAFECODEC_MUTANT"] not in "23"


def test_b():
    ask(3, 4)
    assert os.environ["SAFECODEC_MUTANT"] not in "135"
"""


def test_a_mutant_is_run_on_the_tests_that_ask_its_switch(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A mutant is caught by a test that asks its switch and fails; a run names the checks that no such test misses."""
    monkeypatch.setattr(mutate, "PLACE", tmp_path)
    monkeypatch.setattr(mutate, "REACHED", tmp_path / "reached.jsonl")
    monkeypatch.setattr(mutate, "CHECKS", tmp_path / "checks.json")
    monkeypatch.setattr(mutate, "TESTS", ("test_x.py",))
    monkeypatch.setattr(mutate, "EQUIVALENT", ())
    (tmp_path / "test_x.py").write_text(TESTS)
    mutate.CHECKS.write_text(json.dumps([{"number": at, "file": "x.py", "line": at, "text": "if"} for at in range(7)]))
    assert mutate.recorded()[1] == ""
    assert {number: [test for _, test in tests] for number, tests in mutate.reached().items()} == {
        1: ["test_x.py::test_a"], 2: ["test_x.py::test_a"], 3: ["test_x.py::test_b"], 4: ["test_x.py::test_b"],
        5: ["test_x.py"],
    }  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["mutate.py", "--again", "--only", "1,3,5,6"])
    assert mutate.main() == 1
    printed = capsys.readouterr().out
    assert [line.split()[1] for line in printed.splitlines() if line.startswith("survivor: ")] == ["1", "6"]
    assert "2 of 4 checks removed were caught" in printed
    assert [line for line in printed.splitlines() if "FAILED" in line] == [
        f"     FAILED test_x.py::test_b - AssertionError: assert '{number}' not in '135'" for number in (3, 5)
    ]
    monkeypatch.setattr(sys, "argv", ["mutate.py", "--again", "--only", "1", "--tests", "test_x.py"])
    assert mutate.main() == 0
