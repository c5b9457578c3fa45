"""The replay without its servers: accounts, windows, charts, the page, the tables, the options."""

from __future__ import annotations

import itertools
import math
import subprocess
import sys
from argparse import ArgumentParser
from html import escape
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safecodec.cli import demo
from safecodec.cli.demo.replay import screen
from safecodec.cli.demo.replay.accounts import Run, Sample, percentile, worst_window
from safecodec.cli.demo.replay.charts import Frame, columns, even_ticks, lines
from safecodec.cli.demo.replay.events import Request
from safecodec.cli.demo.replay.processor import Processor
from safecodec.cli.demo.replay.replay_page import draw_replay
from safecodec.cli.demo.replay.schedule import PHASES, Schedule, Table
from safecodec.cli.demo.replay.stories import STORIES
from safecodec.cli.demo.replay.tabulate import COLUMNS, TITLES, cells, milliseconds, statement

SCHEDULE = Schedule(slip_at=2, back_at=4, end_at=6, load_rate=2, readers=1)
TABLE = Table("safecodec_replay", 100_000, 0.021, "15.4")
FRAME = Frame(6, (2, 4))


def request(
    at: float, seconds: float = 0.001, *, is_wrong: bool = False, error: str = "", verdict: str = ""
) -> Request:
    return Request(at, seconds, is_wrong, error, verdict, "cache")


def a_run(way: str = "guard", loads: list[float] | None = None) -> Run:
    run = Run(way, SCHEDULE, way == "guard", loads=[2.5, 3.5] if loads is None else loads, strikes=3)
    run.requests = [request(-1, 9.0), *(request(tick / 10, 0.001 * (tick + 1)) for tick in range(60))]
    run.requests += [
        request(2.1, is_wrong=True),
        request(3.1, error="LoadError", verdict="<damaged> & worse"),
        request(5.1, verdict="NotAFrameError"),
    ]
    run.samples = [Sample(at, 10.0 * at, at, at / 2, at) for at in range(7)]
    return run


def call(*words: str) -> int:
    parser = ArgumentParser()
    demo.add_arguments(parser)
    return demo.run(parser.parse_args(words))


@given(st.lists(st.floats(0, 1e6), max_size=40), st.floats(0, 1))
def test_percentile_is_the_nearest_rank(values: list[float], share: float) -> None:
    """A percentile is a value that at least the share of them do not exceed, and the smallest such value."""
    found = percentile(sorted(values), share)
    if not values:
        assert found is None
        return
    assert found in values

    def covered(value: float) -> bool:
        return sum(one <= value for one in values) >= share * len(values)

    assert covered(found)
    assert not any(covered(one) for one in values if one < found)


@given(
    st.lists(st.integers(0, 400).map(lambda tick: tick / 8), max_size=25),
    st.sampled_from([0.5, 1.0, 2.0, 8.0]),
    st.integers(1, 5),
)
def test_worst_window_is_the_worst_of_all_windows(times: list[float], rate: float, processes: int) -> None:
    """Of all windows that begin and end with a load, none has more loads beyond the rate's part than the one found."""
    worst = worst_window(times, rate, processes)
    ordered = sorted(times)
    excesses = [
        number - first + 1 - rate * (ordered[number] - ordered[first])
        for first, number in itertools.combinations_with_replacement(range(len(ordered)), 2)
    ]
    assert math.isclose(worst.count - rate * worst.seconds, max(excesses, default=0.0))
    inside = [at for at in times if worst.begin <= at <= worst.begin + worst.seconds]
    assert len(inside) >= worst.count
    assert worst.holds == (max(excesses, default=0.0) <= processes)


def test_seconds_and_phases_add_up() -> None:
    """Every measured request is in one second and one phase; what comes before the start is in none."""
    run = a_run()
    seconds, phases = run.seconds(), run.phases()
    assert [second.at for second in seconds] == list(range(6))
    assert tuple(phases) == PHASES
    for total, of_seconds, of_phases in (
        (len(run.measured), [s.requests for s in seconds], [p.requests for p in phases.values()]),
        (run.wrong, [s.wrong for s in seconds], [p.wrong for p in phases.values()]),
        (run.failed, [s.failed for s in seconds], [p.failed for p in phases.values()]),
    ):
        assert total == sum(of_seconds) == sum(of_phases)
    assert len(run.measured) == len(run.requests) - 1
    assert (run.wrong, run.failed) == (1, 1)
    assert [phase.loads for phase in phases.values()] == [0, 2, 0]
    assert phases["before"].p99 == pytest.approx(0.020)
    assert seconds[3].verdicts == {"<damaged> & worse": 1}
    assert run.errors == {"LoadError": 1}


def test_request_at_the_very_end_belongs_to_the_last_second() -> None:
    """A closed loop may begin its last request a moment after the end: it is counted in the last second."""
    run = Run("bare", SCHEDULE, False, requests=[request(6.001)])
    assert run.seconds()[-1].requests == 1


def test_recent_second_is_the_second_of_the_whole() -> None:
    """The second that a running table shows has the numbers that the accounts have for it at the end."""
    run = a_run()
    assert [run.recent(at) for at in range(6)] == run.seconds()


def test_rates_of_the_database_are_even_between_samples() -> None:
    """Where a busy server did not answer for seconds, its work is spread evenly over them."""
    run = Run("bare", SCHEDULE, False)
    run.samples = [Sample(0, 0, 0, 0.0, 0.0), Sample(4, 80, 8, 2.0, 4.0), Sample(6, 80, 8, 2.0, 4.0)]
    seconds = run.seconds()
    assert [second.queries for second in seconds] == pytest.approx([20, 20, 20, 20, 0, 0])
    assert [second.other for second in seconds] == pytest.approx([2, 2, 2, 2, 0, 0])
    assert [second.busy for second in seconds] == pytest.approx([0.5, 0.5, 0.5, 0.5, 0, 0])
    assert [second.processor for second in seconds] == pytest.approx([1, 1, 1, 1, 0, 0])
    assert run.peak == pytest.approx(22)


@pytest.mark.parametrize("samples", [[], [Sample(0, 0, 0, None, None), Sample(6, 6, 0, None, None)]])
def test_what_a_server_does_not_say_is_not_made_up(samples: list[Sample]) -> None:
    """Without samples of it, processor time and busy backends are unknown, not zero."""
    run = Run("bare", SCHEDULE, False, samples=samples)
    assert {(second.busy, second.processor) for second in run.seconds()} == {(None, None)}


def test_bound_is_that_of_the_guard_alone() -> None:
    """Only loads that a rate bounds are held to it."""
    assert a_run("bare").bound is None
    bound = a_run().bound
    assert bound is not None
    assert bound.holds


def test_statement_says_whether_the_bound_holds() -> None:
    """The sentence about the bound has the worst window's numbers, and says it where there was no load at all."""
    broken, kept, none = (a_run(loads=loads).bound for loads in ([2.0, 2.0, 2.25], [2.0, 9.0], []))
    assert broken is not None
    assert kept is not None
    assert none is not None
    assert "BROKEN" in statement(broken)
    assert "had 3 loads; 1.5 are allowed" in statement(broken)
    assert "holds. The window closest" in statement(kept)
    assert "holds, as there was none" in statement(none)


@given(st.just(0.0) | st.floats(1e-6, 1e9))
def test_ticks_are_few_round_and_cover(most: float) -> None:
    """Ticks begin at 0, are at even distances, at most seven, and reach close to the number."""
    ticks = even_ticks(most)
    assert ticks[0] == 0
    assert 2 <= len(ticks) <= 7
    assert ticks[-1] <= (most or 1) * (1 + 1e-6)
    assert ticks[-1] + ticks[1] > most * (1 - 1e-6)


@pytest.mark.parametrize("is_log", [False, True])
@pytest.mark.parametrize("values", [[], [None, None], [0.0, 0.0], [1.0, None, 3.0, 2.0], [0.0, 0.001, 5000.0]])
def test_lines_stay_within_their_chart(values: list[float | None], is_log: bool) -> None:
    """Any numbers give well-formed SVG whose paths stay in the view box, and an unknown number leaves a gap."""
    svg = ElementTree.fromstring(lines(FRAME, "a < b", "per second", {"guard": values}, is_log=is_log))
    _, _, width, height = map(float, svg.attrib["viewBox"].split())
    paths = [one.attrib["d"] for one in svg.iter("path") if one.attrib["class"] == "line guard"]
    for path in paths:
        points = [tuple(map(float, point.split())) for point in path.replace("M", "L").split("L")[1:]]
        assert len(points) == sum(value is not None for value in values)
        assert all(0 <= x <= width and 0 <= y <= height for x, y in points)
    gaps = sum(path.count("M") for path in paths)
    assert gaps == sum(after is not None for before, after in itertools.pairwise([None, *values]) if before is None)


def test_limit_is_drawn_where_it_fits() -> None:
    """A limit is a line across with its name, unless it lies far above all numbers."""
    texts = [lines(FRAME, "t", "u", {"guard": [4.0, 9.0]}, limit=("rate", limit)) for limit in (5.0, 500.0)]
    assert ["limit" in text and ">rate<" in text for text in texts] == [True, False]


def test_columns_stack_their_parts() -> None:
    """Each part of a column stands on the part before, a part of nothing is not drawn, and names are in the legend."""
    svg = ElementTree.fromstring(columns(FRAME, "verdicts", "per second", {"a": [1, 0], "b & c": [1, 2]}))
    parts = [one.attrib["d"] for one in svg.iter("path") if one.attrib["class"].startswith("part")]
    assert [part.count("M") for part in parts] == [1, 2]
    assert {"a", "b & c"} <= {"".join(one.itertext()) for one in svg.iter("text")}
    empty = ElementTree.fromstring(columns(FRAME, "verdicts", "per second", {}))
    assert not [one for one in empty.iter("path") if one.attrib["class"].startswith("part")]


@pytest.mark.parametrize("slip", STORIES)
def test_replay_page_is_well_formed_and_self_contained(slip: str) -> None:
    """The page is XML, loads nothing, runs nothing, and has a row and a line for each way."""
    schedule = Schedule(slip=slip, slip_at=2, back_at=4, end_at=6)
    runs = [a_run("bare"), a_run("codec"), a_run("guard", loads=[2.0] * 9)]
    text = draw_replay(schedule, TABLE, "redis <7>", runs)
    root = ElementTree.fromstring(text)
    assert not [one for one in root.iter() if one.tag in ("script", "img", "link", "iframe")]
    assert not [name for one in root.iter() for name in one.attrib if name in ("src", "href")]
    rows = [["".join(cell.itertext()) for cell in row] for row in root.iter("tr")]
    assert rows == [list(COLUMNS), *([text for text, _ in cells(run)] for run in runs)]
    assert "BROKEN" in text
    assert escape(STORIES[slip].title) in text


def test_page_gathers_rare_classes() -> None:
    """A page shows the most frequent classes of verdicts by name, and the rest as one."""
    run = a_run("codec")
    run.requests += [request(3.0, verdict=f"Class{number}") for number in range(9) for _ in range(9 - number)]
    text = draw_replay(SCHEDULE, TABLE, "", [run])
    assert ">others<" in text
    assert [f">Class{number}<" in text for number in range(9)] == [True] * 5 + [False] * 4


def test_tables_of_the_terminal_have_the_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The terminal shows every way's row in 80 columns without cutting a number, the bound, and the page's path."""
    runs = [a_run("bare"), a_run("guard")]
    runs[0].samples = []
    screen.show_runs("The wrong serializer", runs, ["a note [bold]"], tmp_path / "page [bold].html")
    out = capsys.readouterr().out
    for run in runs:
        row = next(line for line in out.splitlines() if line.strip().startswith(TITLES[run.way]))
        assert row.split()[-2:] == [str(run.wrong), str(run.failed)]
    assert "…" not in out
    assert "a note [bold]" in out
    assert "law" in out
    assert str(tmp_path / "page [bold].html") in out.replace("\n", "")


def test_running_table_shows_each_way_once(capsys: pytest.CaptureFixture[str]) -> None:
    """While ways are played, each has one row, which shows the last second that is complete."""
    with screen.watching(2, 6) as after_second:
        after_second(a_run("bare"), 5)
        after_second(a_run("guard"), 0)
        after_second(a_run("guard"), 5)
    capsys.readouterr()
    run = a_run("bare")
    run.samples = []
    rows = {"bare": screen.live_row(run, run.recent(3)), "guard": screen.live_row(a_run(), a_run().recent(3))}
    grid = screen.live_table(rows)
    assert grid.row_count == 2
    assert rows["bare"][1] == "3 s"
    assert rows["bare"][6] == "-"
    assert rows["guard"][6] == "1.0"


def test_times_are_said_with_their_unit() -> None:
    """A time that was not measured is a dash, and no zero."""
    assert [milliseconds(seconds) for seconds in (None, 0.00123, 0.25)] == [
        "-",
        "1.2 ms",
        "250 ms",
    ]


def stat(pid: int, name: str, parent: int, user: int, system: int) -> str:
    return f"{pid} ({name}) S {parent} 0 0 0 0 0 0 0 0 0 {user} {system} 7 7 0"


def test_processor_adds_up_the_server_and_keeps_what_ended(tmp_path: Path) -> None:
    """The server's time is that of the postmaster and its children; a child that ends takes nothing away."""
    for pid, text in {
        10: stat(10, "postgres", 1, 100, 100),
        11: stat(11, "postgres: a) (b", 10, 50, 0),
        12: stat(12, "python", 1, 999, 999),
    }.items():
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "stat").write_text(text)
    (tmp_path / "13").mkdir()
    processor = Processor(11, tmp_path)
    first = processor.seconds()
    assert first is not None
    assert first > 0
    (tmp_path / "11" / "stat").unlink()
    assert processor.seconds() == first
    assert Processor(12, tmp_path).seconds() is None
    assert Processor(99, tmp_path).seconds() is None


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--redis", "redis://127.0.0.1"), "needs both --redis URL and --postgres DSN"),
        (("--postgres", "host=127.0.0.1"), "needs both --redis URL and --postgres DSN"),
        (("--redis", "a", "--postgres", "b", "--slip-at", "9", "--back-at", "8"), "the times must follow each other"),
        (("--redis", "a", "--postgres", "b", "--back-at", "99"), "the times must follow each other"),
        (("--redis", "rediss://a", "--postgres", "b", "--slip", "lost"), "a proxy in front of Redis"),
        (("--redis", "a", "--postgres", "b", "--keys", "0"), "--keys must be at least 1"),
    ],
)
def test_wrong_use_of_replay_is_said(
    words: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be played is said before anything is started, with exit code 2."""
    assert call(*words) == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize(("words", "missing"), [((), "rich"), (("--json",), "psycopg")])
def test_missing_package_of_replay_is_said(
    words: tuple[str, ...], missing: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without what a replay imports the command names it and the extra to install, and ends with 2."""
    for name in ("psycopg", "redis", "rich"):
        monkeypatch.setitem(sys.modules, name, None if name == missing else sys)
    assert call("--redis", "a", "--postgres", "b", *words) == 2
    assert f"a replay needs {missing}" in (err := capsys.readouterr().err)
    assert "safecodec[demo]" in err


@pytest.mark.parametrize("text", ["0", "-1", "soon", "nan", "1e9"])
def test_times_of_replay_are_positive(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A time or rate that is no positive number is refused by the parser."""
    with pytest.raises(SystemExit, match="2"):
        call(f"--slip-at={text}")
    assert f"{text!r} is not a number above 0" in capsys.readouterr().err


def test_page_and_options_need_no_server_library() -> None:
    """The page, the accounts and the options load neither redis nor psycopg."""
    program = (
        "import sys, safecodec.cli.demo.replay.replay_page, safecodec.cli.demo.replay.options;"
        " print(*sorted({'rich', 'redis', 'psycopg'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
