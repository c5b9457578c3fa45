"""The demo: its accounts, its page, its table, its JSON, and what it says without rich."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from argparse import ArgumentParser
from random import Random
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from safecodec import errors
from safecodec.cli import demo
from safecodec.cli.demo import configuration, page, report
from safecodec.cli.demo.codecs import SIDES, Framed
from safecodec.cli.demo.fleet import MemoryStore, Plan, Run, Slice, SQLiteDatabase, play, replay
from safecodec.cli.demo.scenario import FAULTS

if TYPE_CHECKING:
    from pathlib import Path

PLAN = Plan(seed=7, reads=400, readers=3, users=20)
VERDICTS = {
    "none": set(),
    "json": {"NotAFrameError"},
    "pickle": {"NotAFrameError"},
    "branch": {"SchemaConflictError"},
    "staging": {"EnvironmentMismatchError"},
    "newer-readable": set(),
    "newer-unreadable": {"UnknownVersionError"},
    "other-key": {"ContextMismatchError"},
}


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    return replay(PLAN, SIDES)


def of(runs: list[Run], fault: str, codec: str) -> Run:
    return next(run for run in runs if (run.fault, run.codec) == (fault, codec))


def call(*words: str) -> int:
    parser = ArgumentParser()
    demo.add_arguments(parser)
    return demo.run(parser.parse_args(words))


def test_accounts_add_up(runs: list[Run]) -> None:
    """Every read is right or wrong, every database read has an error or a miss behind it, the slices sum up to both."""
    assert [(run.fault, run.codec) for run in runs] == [(fault.name, side.name) for fault in FAULTS for side in SIDES]
    for run in runs:
        assert run.reads == PLAN.reads == run.right + run.wrong
        assert run.database_reads == sum(run.errors.values()) + run.misses
        assert run.misses == 0
        assert sum(part.wrong for part in run.timeline) == run.wrong
        assert sum(part.failed for part in run.timeline) == sum(run.errors.values())
        assert sum(part.right + part.failed for part in run.timeline) == run.right
        assert run.messages.keys() == run.errors.keys()
        assert bool(run.example) == bool(run.wrong)
        assert (run.strikes > 0) == (run.fault != "none")


def test_safecodec_serves_no_wrong_value(runs: list[Run]) -> None:
    """Whatever is in the cache, a frame gives the right value or one of safecodec's own verdicts."""
    for run in runs:
        if run.codec == Framed.name:
            assert run.wrong == 0
            assert all(issubclass(getattr(errors, name), errors.DecodeError) for name in run.errors)


@pytest.mark.parametrize(("fault", "verdicts"), VERDICTS.items(), ids=VERDICTS)
def test_each_fault_has_its_verdict(runs: list[Run], fault: str, verdicts: set[str]) -> None:
    """A fault is refused under its own name, and one that can be read is read."""
    assert set(of(runs, fault, Framed.name).errors) == verdicts


@pytest.mark.parametrize("fault", ["branch", "staging", "flip", "other-key"])
def test_bare_avro_serves_wrong_values(runs: list[Run], fault: str) -> None:
    """Bytes that say nothing about themselves are decoded into wrong values without an error."""
    run = of(runs, fault, "bare Avro")
    assert run.wrong > 0
    assert re.match(r"user \d+ got \w+ .+ instead of ", run.example)


def test_control_is_clean(runs: list[Run]) -> None:
    """Where nothing goes wrong, both codecs serve everything from the cache."""
    for side in SIDES:
        run = of(runs, "none", side.name)
        assert (run.right, run.database_reads, run.errors) == (PLAN.reads, 0, {})


def test_faults_only_strike_in_their_window(runs: list[Run]) -> None:
    """Before the fault's window every read is right and from the cache."""
    first = PLAN.window[0] * PLAN.buckets // PLAN.reads
    assert all(part.wrong == part.failed == 0 for run in runs for part in run.timeline[:first])


def test_same_seed_same_numbers(runs: list[Run]) -> None:
    """A seed fixes every number and message; another seed gives others."""
    assert replay(PLAN, SIDES) == runs
    assert replay(Plan(seed=8, reads=400, readers=3, users=20), SIDES) != runs


def test_missing_value_is_loaded_and_written_back() -> None:
    """A key that the cache lost costs one miss and one read of the database, and is there again afterwards."""

    class Forgetful(MemoryStore):
        forgotten = False

        def get(self, key: bytes) -> bytes | None:
            if not self.forgotten:
                self.forgotten = True
                return None
            return super().get(key)

    database = SQLiteDatabase()
    seen = []
    run = play(FAULTS[0], SIDES[1], Plan(reads=50, users=1), Forgetful(), database, lambda: seen.append(1))
    database.close()
    assert (run.right, run.misses, run.database_reads, run.errors) == (50, 1, 1, {})
    assert len(seen) == 50


def test_database_keeps_what_it_is_given() -> None:
    """The source of truth gives back the configuration that was saved last, and counts only reads."""
    database = SQLiteDatabase()
    for seed in range(20):
        config = configuration.random_config(Random(seed), 3)
        database.save(config)
        assert database.load(3) == config
    assert database.reads == 20
    database.close()


def test_difference_names_each_field_and_cuts_long_values() -> None:
    """The example of a wrong value names the fields that differ, and no others, in a readable length."""
    truth = configuration.UserConfig(1, "pro", 2, 3, True, [], "short")
    served = configuration.UserConfig(1, "pro", 3, 3, True, [], "x" * 500)
    text = configuration.difference(truth, served)
    assert text == f"user 1 got seats 3 instead of 2, note 'xxx{'x' * 35}… instead of 'short'"


def test_page_is_well_formed_and_self_contained(runs: list[Run]) -> None:
    """The page parses, has one picture with a panel for each run, and can load nothing from anywhere."""
    text = page.draw_page(PLAN, runs)
    root = ElementTree.fromstring(text)
    assert len(root.findall(".//svg")) == 1
    assert len(root.findall(".//svg/g")) == len(runs)
    assert len(root.findall(".//tbody/tr")) == len(runs)
    assert not re.search(r"https?:|\bsrc=|\bhref=|url\(|@import|<script", text)
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text


def test_page_shows_the_numbers_of_the_run(runs: list[Run]) -> None:
    """What the page says is what was counted, down to the height of the bars."""
    root = ElementTree.fromstring(page.draw_page(PLAN, runs))
    cells = ["".join(cell.itertext()) for row in root.findall(".//tbody/tr") for cell in row.findall("td")]
    assert [int(number) for number in cells[3::6]] == [run.wrong for run in runs]
    assert [int(number) for number in cells[5::6]] == [run.database_reads for run in runs]
    for panel, run in zip(root.findall(".//svg/g"), runs, strict=True):
        paths = {path.get("class"): path.get("d", "") for path in panel.findall("path")}
        heights = [float(height) for height in re.findall(r"v-([\d.]+)", paths.get("wrong", ""))]
        totals = [part.right + part.failed + part.wrong for part in run.timeline]
        shares = [part.wrong / total for part, total in zip(run.timeline, totals, strict=True) if part.wrong]
        assert heights == pytest.approx([share * page.BARS for share in shares], abs=0.01)


def test_page_escapes_what_it_quotes() -> None:
    """Messages may quote markup and control characters of damaged bytes; the page stays well-formed."""
    run = Run("json", "bare Avro", reads=1, right=1, errors={"ValueError": 1}, messages={"ValueError": "<b>&\x00\x1b"})
    run.timeline = [Slice(failed=1)]
    text = page.draw_page(Plan(reads=1), [run])
    assert "&lt;b&gt;&amp;\N{REPLACEMENT CHARACTER}" in text
    ElementTree.fromstring(text)


def test_command_prints_table_and_writes_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command says for each fault what happened, and where the page is; it ends with 0."""
    target = tmp_path / "page [bold].html"
    assert call("--reads", "120", "--readers", "2", "--seed", "3", "--html", str(target)) == 0
    out = capsys.readouterr().out
    assert str(target) in out
    assert "safecodec: 0 wrong values served in 1200 reads" in out
    assert "120 reads by 2 readers" in out.replace("\n", " ")
    ElementTree.fromstring(target.read_text(encoding="utf-8"))


def test_table_has_a_row_for_each_run(runs: list[Run]) -> None:
    """The table has two rows for each fault, with the fault named once."""
    grid = report.table(PLAN, runs)
    assert grid.row_count == len(runs)
    assert [str(cell) for cell in grid.columns[0].cells] == [text for fault in FAULTS for text in (fault.title, "")]
    assert [str(cell) for cell in grid.columns[3].cells] == [str(run.wrong) for run in runs]


def test_json_holds_all_numbers_and_needs_no_rich(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --json the output is one JSON document with every run's accounts, and rich is not asked for."""
    monkeypatch.setitem(sys.modules, "safecodec.cli.demo.report", None)
    monkeypatch.delattr(demo, "report")
    target = tmp_path / "page.html"
    assert call("--json", "--reads", "100", "--readers", "2", "--html", str(target)) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["plan"] == {"seed": 1, "reads": 100, "readers": 2, "users": 200, "window": [20, 60]}
    assert document["html"] == str(target)
    assert len(document["runs"]) == len(FAULTS) * len(SIDES)
    for run in document["runs"]:
        assert run["reads"] == run["right"] + run["wrong"] == 100
        assert sum(sum(part.values()) for part in run["timeline"]) == 100


def test_missing_rich_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without rich the command names the extra to install, does nothing, and ends with 2."""
    monkeypatch.setitem(sys.modules, "rich.console", None)
    monkeypatch.delitem(sys.modules, "safecodec.cli.demo.report")
    monkeypatch.delattr(demo, "report")
    target = tmp_path / "page.html"
    assert call("--html", str(target)) == 2
    captured = capsys.readouterr()
    assert "safecodec[demo]" in captured.err
    assert captured.out == ""
    assert not target.exists()


@pytest.mark.parametrize(
    ("fault", "codec", "wrong", "errors", "code"),
    [
        ("flip", "bare Avro", 1, {}, 0),
        ("flip", "safecodec", 1, {}, 1),
        ("flip", "safecodec", 0, {"PayloadChecksumError": 1}, 0),
        ("none", "safecodec", 0, {"PayloadError": 1}, 1),
        ("none", "bare Avro", 0, {"EOFError": 1}, 0),
    ],
)
def test_exit_code_is_the_outcome_for_safecodec(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    codec: str,
    wrong: int,
    errors: dict[str, int],
    code: int,
) -> None:
    """A wrong value that safecodec served ends the command with 1, and so does a right one that it refused."""
    played = Run(fault, codec, reads=1, wrong=wrong, errors=errors, messages=dict.fromkeys(errors, "said"))
    played.timeline = [Slice(wrong=wrong, failed=1 - wrong)]
    monkeypatch.setattr("safecodec.cli.demo.fleet.replay", lambda *_: [played])
    assert call("--json", "--html", str(tmp_path / "page.html")) == code


def test_unwritable_page_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A page that cannot be written is an error of the command, with its path, and no traceback."""
    target = tmp_path / "missing" / "page.html"
    assert call("--json", "--reads", "10", "--readers", "1", "--html", str(target)) == 2
    captured = capsys.readouterr()
    assert captured.err.strip() == f"safecodec demo: cannot write the page to {target}: No such file or directory"


@pytest.mark.parametrize("option", ["--reads", "--readers"])
@pytest.mark.parametrize("text", ["0", "-3", "many"])
def test_counts_must_be_positive(option: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A count that is no positive number is refused by the parser."""
    with pytest.raises(SystemExit, match="2"):
        call(f"{option}={text}")
    assert f"{text!r} is not a whole number of at least 1" in capsys.readouterr().err


def test_one_read_is_enough() -> None:
    """The smallest plan plays: a fault without time to strike leaves accounts and a page."""
    runs = replay(Plan(reads=1, readers=1, users=2), SIDES)
    assert all(run.reads == run.right == 1 for run in runs)
    ElementTree.fromstring(page.draw_page(Plan(reads=1), runs))


def test_options_alone_load_nothing() -> None:
    """The command line can list the demo's options without loading what only the demo needs."""
    program = "import sys, safecodec.cli.demo; print(*sorted({'rich', 'fastavro', 'sqlite3'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
