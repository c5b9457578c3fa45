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
from safecodec.cli.demo.codecs import SIDES, Framed, Guarded
from safecodec.cli.demo.fleet import MemoryStore, SQLiteDatabase, play, replay
from safecodec.cli.demo.guarding import GuardedFleet
from safecodec.cli.demo.scenario import CONTROL, FAULTS
from safecodec.cli.demo.tally import LOAD_RATE, READS_PER_SECOND, Plan, Run, Served, Slice, is_promised, sum_up

if TYPE_CHECKING:
    from collections.abc import Iterator
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
    """Each read is right, stale, wrong or without a value, and the slices sum up to what the run has of each."""
    assert [(run.fault, run.codec) for run in runs] == [(fault.name, side.name) for fault in FAULTS for side in SIDES]
    for run in runs:
        assert run.reads == PLAN.reads == run.right + run.stale + run.wrong + run.unavailable
        assert run.misses == 0
        for kind in ("stale", "wrong", "unavailable"):
            assert sum(getattr(part, kind) for part in run.timeline) == getattr(run, kind)
        assert sum(part.right + part.failed for part in run.timeline) == run.right
        assert sum(part.failed for part in run.timeline) <= sum(run.errors.values())
        assert sum(part.total for part in run.timeline) == run.reads
        assert run.messages.keys() == run.errors.keys()
        assert bool(run.example) == bool(run.wrong)
        assert (run.strikes > 0) == (run.fault != "none")


def test_codecs_alone_read_the_database_for_each_error(runs: list[Run]) -> None:
    """Without a guard each failed decode is one read of the database, nothing is stale, and nothing is bounded."""
    for run in runs:
        if run.codec != Guarded.name:
            assert run.database_reads == sum(run.errors.values()) == sum(part.failed for part in run.timeline)
            assert (run.stale, run.unavailable, run.bound) == (0, 0, None)


def test_safecodec_serves_no_wrong_value(runs: list[Run]) -> None:
    """Whatever is in the cache, a frame gives the right value or one of safecodec's own verdicts, guarded or not."""
    for run in runs:
        if run.codec in (Framed.name, Guarded.name):
            assert run.wrong == 0
            assert all(issubclass(getattr(errors, name), errors.DecodeError) for name in run.errors)


@pytest.mark.parametrize("plan", [PLAN, Plan(seed=2, reads=3000, readers=2, users=40)], ids=["short", "long"])
def test_guard_answers_within_its_load_rate(plan: Plan) -> None:
    """The guard has a value for each read, and reads the database at most load rate x T + readers times."""
    for run in replay(plan, [Guarded()]):
        assert run.bound == plan.reads * LOAD_RATE // READS_PER_SECOND + plan.readers
        assert run.database_reads <= run.bound
        assert run.is_bounded
        assert run.unavailable == 0
        assert is_promised(run, control=CONTROL.name)


def test_guard_keeps_its_load_rate_in_every_window() -> None:
    """Between any two loads of a run there are at most load rate x T + readers, the readers' bursts included."""
    times: list[float] = []
    fleets: list[GuardedFleet] = []

    class Watched(SQLiteDatabase):
        def load(self, user: int) -> configuration.UserConfig:
            times.append(fleets[0].clock.monotonic())
            return super().load(user)

    plan = Plan(users=300)
    database = Watched()
    fleet = GuardedFleet(Guarded(), plan, database)
    fleets.append(fleet)
    keys = [b"user-config:%d" % user for user in range(plan.users)]
    for user, key in enumerate(keys):
        database.save(configuration.random_config(Random(user), user))
        fleet.fill(configuration.random_config(Random(user), user), key)
    fleet.begin(keys)
    for key in keys:
        fleet.strike(b"{}", key)
    for step in range(3000):
        served = fleet.read(step % plan.readers, 0, keys[step % plan.users])
        assert served.value == configuration.random_config(Random(step % plan.users), step % plan.users)
    database.close()
    assert len(times) > plan.readers
    for first, start in enumerate(times):
        for last in range(first, len(times)):
            assert last - first + 1 <= LOAD_RATE * (times[last] - start) + plan.readers


def test_same_faults_cost_the_guard_less(runs: list[Run]) -> None:
    """The guard reads the database less often than the codec alone over the same faults, and may serve older values."""
    plan = Plan(reads=1500, users=50)
    played = replay(plan, [Framed(), Guarded()])
    alone, guard = sum_up(played, Framed.name), sum_up(played, Guarded.name)
    assert guard.database_reads < alone.database_reads == alone.failed
    assert guard.most <= (guard.bound or 0)
    assert guard.stale > 0 == alone.stale
    assert sum_up(runs, "nobody") == (0, 0, 0, 0, 0, 0, 0, None)


@pytest.mark.parametrize(("fault", "verdicts"), VERDICTS.items(), ids=VERDICTS)
def test_each_fault_has_its_verdict(runs: list[Run], fault: str, verdicts: set[str]) -> None:
    """A fault is refused under its own name, and one that can be read is read."""
    assert set(of(runs, fault, Framed.name).errors) == set(of(runs, fault, Guarded.name).errors) == verdicts


@pytest.mark.parametrize("fault", ["branch", "staging", "flip", "other-key"])
def test_bare_avro_serves_wrong_values(runs: list[Run], fault: str) -> None:
    """Bytes that say nothing about themselves are decoded into wrong values without an error."""
    run = of(runs, fault, "bare Avro")
    assert run.wrong > 0
    assert re.match(r"user \d+ got \w+ .+ instead of ", run.example)


def test_control_is_clean(runs: list[Run]) -> None:
    """Where nothing goes wrong, all sides serve everything from the cache."""
    for side in SIDES:
        run = of(runs, "none", side.name)
        assert (run.right, run.database_reads, run.errors) == (PLAN.reads, 0, {})


def test_faults_only_strike_in_their_window(runs: list[Run]) -> None:
    """Before the fault's window every read is right and from the cache."""
    first = PLAN.window[0] * PLAN.buckets // PLAN.reads
    assert all(part.total == part.right for run in runs for part in run.timeline[:first])


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
    run = play(FAULTS[0], SIDES[1], Plan(reads=50, users=1), database, lambda: seen.append(1), Forgetful)
    database.close()
    assert (run.right, run.misses, run.database_reads, run.errors) == (50, 1, 1, {})
    assert len(seen) == 50


@pytest.fixture
def fleet() -> Iterator[GuardedFleet]:
    """A guarded fleet of two readers, and a database with one user."""
    database = SQLiteDatabase()
    database.save(configuration.random_config(Random(0), 0))
    yield GuardedFleet(Guarded(), Plan(readers=2), database)
    database.close()


def test_guard_loads_what_is_missing(fleet: GuardedFleet) -> None:
    """A key that the cache never had is a miss, is loaded by the first reader, and is there for the second."""
    fleet.begin([])
    expected = configuration.random_config(Random(0), 0)
    assert fleet.read(0, 0, b"user-config:0") == Served(expected, True)
    assert fleet.read(1, 0, b"user-config:0") == Served(expected)


def test_guard_without_a_value_says_so(fleet: GuardedFleet) -> None:
    """A key whose lease another process holds, and nobody knows a value of, is no answer; waiting takes time."""
    fleet.begin([])
    side = b"{production:user-config:user-config:0}:lease"
    assert fleet.store.lease(side, b"another process", 30).granted
    began = fleet.clock.monotonic()
    assert fleet.read(0, 0, b"user-config:0") == Served(None, True)
    assert fleet.clock.monotonic() - began > fleet.policy.wait
    fleet.strike(b"{}", b"user-config:0")
    served = fleet.read(0, 0, b"user-config:0")
    assert (served.value, served.missed, type(served.error)) == (None, False, errors.FrameTooShortError)


def test_guard_leaves_a_foreign_frame_alone(fleet: GuardedFleet) -> None:
    """The rightful writer does not overwrite a frame of staging; readers go on with the value that they know."""
    before, after = (configuration.random_config(Random(seed), 0) for seed in (0, 1))
    fleet.fill(before, b"user-config:0")
    fleet.begin([b"user-config:0"])
    staging = Framed().serializer(configuration.UserConfig, version=2, environment="staging")
    foreign = staging.encode(after, context=b"user-config:0")
    fleet.strike(foreign, b"user-config:0")
    fleet.fill(after, b"user-config:0")
    assert fleet.store.get(b"production:user-config:user-config:0") == foreign
    served = fleet.read(0, 0, b"user-config:0")
    assert (served.value, type(served.error)) == (before, errors.EnvironmentMismatchError)


def test_record_tells_stale_from_wrong() -> None:
    """A former truth is stale, another value is wrong, and no value is unavailable, with an error or without."""
    truth, former, other = (configuration.random_config(Random(seed), 0) for seed in range(3))
    run = Run("flip", Guarded.name)
    part = Slice()
    error = errors.PayloadError("cut off")
    for value in (truth, former, other, None):
        run.record(part, truth, [former], Served(value))
        run.record(part, truth, [former], Served(value, False, error))
    assert part == Slice(right=1, failed=1, stale=2, wrong=2, unavailable=2)
    assert (run.reads, run.right, run.stale, run.wrong, run.unavailable) == (8, 2, 2, 2, 2)
    assert run.errors == {"PayloadError": 4}


@pytest.mark.parametrize(
    ("fault", "change", "promised"),
    [
        ("flip", {}, True),
        ("flip", {"stale": 1, "errors": {"PayloadError": 1}}, True),
        ("flip", {"wrong": 1}, False),
        ("flip", {"unavailable": 1}, False),
        ("flip", {"database_reads": 69, "bound": 68}, False),
        ("flip", {"database_reads": 68, "bound": 68}, True),
        ("flip", {"database_reads": 69}, True),
        ("none", {"errors": {"PayloadError": 1}}, False),
        ("none", {"stale": 1}, False),
        ("none", {}, True),
    ],
)
def test_promise(fault: str, change: dict[str, object], promised: bool) -> None:
    """Safecodec promises no wrong value, a value for each read, its bound, and nothing in the way of the control."""
    run = Run(fault, Guarded.name)
    for name, value in change.items():
        setattr(run, name, value)
    assert is_promised(run, control=CONTROL.name) is promised


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
    assert [int(number) for number in cells[3::7]] == [run.stale for run in runs]
    assert [int(number) for number in cells[4::7]] == [run.wrong for run in runs]
    assert [int(number.partition(" of ")[0]) for number in cells[6::7]] == [run.database_reads for run in runs]
    alone, guard = sum_up(runs, Framed.name), sum_up(runs, Guarded.name)
    text = " ".join("".join(root.itertext()).split())
    assert f"The codec alone refuses {alone.failed} of {alone.reads} reads" in text
    assert f"{guard.bound} times in each run at most, where it took up to {guard.most}." in text
    assert f"{guard.stale} answers of the guard were values from before an update" in text
    for panel, run in zip(root.findall(".//svg/g"), runs, strict=True):
        paths = {path.get("class"): path.get("d", "") for path in panel.findall("path")}
        heights = [float(height) for height in re.findall(r"v-([\d.]+)", paths.get("wrong", ""))]
        shares = [part.wrong / part.total for part in run.timeline if part.wrong]
        assert heights == pytest.approx([share * page.BARS for share in shares], abs=0.01)


def test_page_escapes_what_it_quotes() -> None:
    """Messages may quote markup and control characters of damaged bytes; the page stays well-formed."""
    run = Run("json", "bare Avro", reads=1, right=1, errors={"ValueError": 1}, messages={"ValueError": "<b>&\x00\x1b"})
    run.timeline = [Slice(failed=1)]
    text = page.draw_page(Plan(reads=1), [run])
    assert "&lt;b&gt;&amp;\N{REPLACEMENT CHARACTER}" in text
    ElementTree.fromstring(text)


def test_page_and_table_show_a_bound_that_is_broken() -> None:
    """A run that reads the database too often, or gives no value, is marked on the page and in the table."""
    run = Run("json", Guarded.name, reads=1, unavailable=1, database_reads=9, bound=8)
    run.timeline = [Slice(unavailable=1)]
    text = page.draw_page(Plan(reads=1), [run])
    assert '<span class="bad">9 of 8</span>' in text
    assert "without a value 1" in text
    assert "0 stale, 1 without a value" in text
    (cell,) = report.table(Plan(reads=1), [run]).columns[6].cells
    assert str(cell) == "9 > 8"


def test_sums_name_what_is_stale_or_without_a_value(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The line of a side says how many values were old, and how many reads got none, where there are any."""
    runs = [Run("json", Guarded.name, reads=3, stale=2, unavailable=1, bound=8), Run("json", Framed.name, reads=3)]
    report.show(Plan(reads=3), runs, tmp_path / "page.html", 0.1)
    out = " ".join(capsys.readouterr().out.split())
    assert "guard: 0 wrong values served in 3 reads, 0 reads of the database, 2 values from before an update, 1" in out
    assert "safecodec: 0 wrong values served in 3 reads, 0 reads of the database The codec" not in out


def test_command_prints_table_and_writes_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command says for each fault what happened, and where the page is; it ends with 0."""
    target = tmp_path / "page [bold].html"
    assert call("--reads", "120", "--readers", "2", "--seed", "3", "--html", str(target)) == 0
    out = capsys.readouterr().out
    assert str(target) in out
    assert "safecodec: 0 wrong values served in 1200 reads" in out
    assert "guard: 0 wrong values served in 1200 reads" in out
    assert "each refusal is a read of the database" in " ".join(out.split())
    assert "120 reads by 2 readers" in out.replace("\n", " ")
    ElementTree.fromstring(target.read_text(encoding="utf-8"))


def test_table_has_a_row_for_each_run(runs: list[Run]) -> None:
    """The table has a row for each side of each fault, with the fault named once, and the guard's bound."""
    grid = report.table(PLAN, runs)
    assert grid.row_count == len(runs)
    assert [str(cell) for cell in grid.columns[0].cells] == [text for fault in FAULTS for text in (fault.title, "", "")]
    assert [str(cell) for cell in grid.columns[3].cells] == [str(run.stale) for run in runs]
    assert [str(cell) for cell in grid.columns[4].cells] == [str(run.wrong) for run in runs]
    assert [str(cell).endswith(f" ≤ {run.bound}") for cell, run in zip(grid.columns[6].cells, runs, strict=True)] == [
        run.codec == Guarded.name for run in runs
    ]


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
    assert document["guard"] == {"load_rate": LOAD_RATE, "reads_per_second": READS_PER_SECOND}
    assert document["as_promised"] is True
    for run in document["runs"]:
        assert run["reads"] == run["right"] + run["stale"] + run["wrong"] + run["unavailable"] == 100
        assert run["is_bounded"] is True
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
        ("flip", "guard", 1, {}, 1),
        ("flip", "guard", 0, {"PayloadChecksumError": 1}, 0),
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
    assert all(run.bound in (None, 1) for run in runs)
    ElementTree.fromstring(page.draw_page(Plan(reads=1), runs))


def test_options_alone_load_nothing() -> None:
    """The command line can list the demo's options without loading what only the demo needs."""
    program = "import sys, safecodec.cli.demo; print(*sorted({'rich', 'fastavro', 'sqlite3'} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
