"""The benchmark for users: what it takes, what it measures, what it saves, and when it fails."""

from __future__ import annotations

import importlib
import json
import os
import runpy
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from safecodec.bench import measure as measuring
from safecodec.bench import peers, worker
from safecodec.bench.harness import Effort
from safecodec.bench.instructions import Program, ProgramError
from safecodec.bench.measure import measure
from safecodec.bench.report import Line, Report
from safecodec.bench.source import Source
from safecodec.cli import bench, main
from safecodec.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SERVICE = """
import dataclasses, datetime, math
from safecodec import Codec

@dataclasses.dataclass
class Address:
    zip: int

@dataclasses.dataclass
class User:
    name: str
    addresses: list[Address]
    seen: datetime.datetime | None = None
    score: float = 0.0

own = dict(subject="user", version=1, environment="test")
codec = Codec(User, **own)
packed = Codec(User, payload="msgpack", **own)
plain = Codec({"type": "record", "name": "r", "fields": [{"name": "n", "type": "long"}]}, **own)
unclear = Codec({"type": "record", "name": "r", "fields": [{"name": "n", "type": ["string", "bytes"]}]}, **own)
ada = User("Ada", [Address(7)])
users = [ada, User("Bob", [])]
by_name = {"ada": ada, "nan": User("Nan", [], score=math.nan)}
wrong = [User("Eve", [Address("x")])]
numbers = lambda: iter([{"n": 1}])
texts = [{"n": "x"}]
none = []
count = 3

class Codecs:
    codec = codec

def make():
    return codec

def fail():
    raise RuntimeError("no settings")
"""
FEW = Effort(rounds=2, seconds=1e-5, budget=5.0)
LIBRARIES = ["msgspec msgpack", "msgspec json", "fastavro"]


@pytest.fixture(autouse=True)
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with a module that has codecs and samples; it is the current one."""
    (tmp_path / "service.py").write_text(SERVICE)
    (tmp_path / "broken.py").write_text("1 / 0")
    (tmp_path / "lacking.py").write_text("import service.nothing")
    (tmp_path / "user.json").write_text('{"name": "Ada", "addresses": [{"zip": 7}], "seen": "2024-01-02T03:04:05Z"}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.setattr(bench, "BRIEF", FEW)
    yield tmp_path
    for name in ("service", "broken", "lacking"):
        sys.modules.pop(name, None)


# --- the codec and its samples


@pytest.mark.parametrize("name", ["codec", "make", "Codecs.codec", "packed"])
def test_codec_is_named(name: str) -> None:
    """A codec is an attribute of a module, however deep, or what a function returns."""
    codec, samples = Source(f"service:{name}", values="service:users").load()
    assert codec.subject == "user"
    assert list(samples) == ["sample 1", "sample 2"]


def test_samples_are_files_and_values(service: Path) -> None:
    """A file is a value as JSON or a frame; values of a function have their own names or numbers."""
    codec, _ = Source("service:codec", values="service:users").load()
    frame = codec.encode(importlib.import_module("service").ada)
    (service / "frame.bin").write_bytes(frame)
    _, samples = Source("service:codec", ("user.json", "frame.bin"), "service:by_name").load()
    assert list(samples) == ["user.json", "frame.bin", "ada", "nan"]
    assert samples["frame.bin"] == samples["ada"] == replace(samples["user.json"], seen=None)
    assert samples["user.json"].seen.year == 2024
    assert list(Source("service:plain", values="service:numbers").load()[1].values()) == [{"n": 1}]


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        (Source("service"), "'service' is not module:name, such as myservice.codecs:user"),
        (Source(":codec"), "':codec' is not module:name, such as myservice.codecs:user"),
        (Source("no_such.service:codec"), "there is no module 'no_such', looked for in this directory as well"),
        (Source("service.nothing:codec"), "there is no module 'service.nothing', looked for"),
        (Source("lacking:codec"), "module 'lacking' cannot be imported: No module named 'service.nothing'"),
        (Source("broken:codec"), "module 'broken' cannot be imported: ZeroDivisionError: division by zero"),
        (Source("service:nothing"), "service:nothing: there is no 'nothing' in 'service'"),
        (Source("service:Codecs.nothing"), "service:Codecs.nothing: there is no 'nothing' in 'service'"),
        (Source("service:fail"), "service:fail failed: RuntimeError: no settings"),
        (Source("service:count"), "service:count is of type int, no Codec nor a function that returns one"),
        (Source("service:codec"), "there is no sample to measure with: name a file, or a function"),
        (Source("service:codec", values="service:none"), "there is no sample to measure with"),
        (
            Source("service:codec", values="service:count"),
            "service:count gives a value of type int, no list or dict of values",
        ),
        (Source("service:codec", ("nowhere.json",)), "sample 'nowhere.json' cannot be read: No such file or directory"),
        (Source("service:codec", ("nul\0",)), "sample 'nul\\x00' cannot be read: embedded null byte"),
        (Source("service:codec", ("service.py",)), "sample 'service.py' is not read: "),
        (Source("service:codec", values="service:wrong"), "(at $.addresses[0].zip)"),
        (Source("service:plain", values="service:texts"), "sample 'sample 1' is not written: "),
        (Source("service:unclear", ("user.json",)), "samples of 'user' cannot be JSON, give samples as frames, or as"),
    ],
    ids=str,
)
def test_wrong_source_is_said(source: Source, complaint: str) -> None:
    """What is not there, is something else or cannot be written is one error that says which, and where in a value."""
    with pytest.raises(ConfigError) as raised:
        source.load()
    assert complaint in str(raised.value)


@pytest.mark.parametrize(
    ("text", "path"),
    [('{"name": "Ada", "addresses": [{"zip": "7"}]}', "$.addresses[0].zip"), ('{"addresses": []}', "")],
)
def test_wrong_json_is_said_with_its_path(service: Path, text: str, path: str) -> None:
    """JSON that is no value of the type is refused with the place in it."""
    (service / "user.json").write_text(text)
    with pytest.raises(ConfigError, match=r"^sample 'user\.json' is not read: ") as raised:
        Source("service:codec", ("user.json",)).load()
    assert raised.value.path == (path or raised.value.path)


def test_current_directory_is_looked_in_once() -> None:
    """The current directory is put before the others once, however much is loaded from it."""
    for _ in range(2):
        Source("service:codec", values="service:users").load()
    assert sys.path.count("") == 1


# --- what is measured


def test_every_work_is_compared_with_every_library() -> None:
    """Each sample has a line for each work and library, with ratios of what the bytes and times are."""
    report = measure(Source("service:codec", values="service:by_name"), FEW)
    assert [line.key for line in report.lines] == [
        *(("ada", work, peer) for work in ("size", "encode", "decode") for peer in LIBRARIES),
        *(("nan", work, peer) for work in ("size", "encode", "decode") for peer in LIBRARIES if peer != "msgspec json"),
    ]
    assert list(report.left_out) == ["nan: msgspec json"]  # which writes a NaN as null
    sizes = {line.peer: line.theirs for line in report.lines if line.key[:2] == ("ada", "size")}
    assert sizes["fastavro"] + 32 == report.lines[0].ours
    assert sizes["msgspec msgpack"] < sizes["msgspec json"]
    assert all(line.ratio == line.ours / line.theirs > 0 for line in report.lines)
    assert report.machine["python"].startswith("CPython 3.")


@pytest.mark.parametrize("name", ["packed", "codec"])
def test_library_that_is_not_installed_is_left_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not installed is left out, and said so, in the machine's versions as well."""
    monkeypatch.setitem(sys.modules, "fastavro", None)

    def version(package: str) -> str:
        if package == "fastavro":
            raise PackageNotFoundError(package)
        return "1"

    monkeypatch.setattr(measuring, "version", version)
    report = measure(Source(f"service:{name}", values="service:users"), FEW)
    assert {line.peer for line in report.lines} == {"msgspec msgpack", "msgspec json"}
    assert report.left_out == {f"sample {number}: fastavro": "not installed" for number in (1, 2)}
    assert (report.machine["msgspec"], report.machine["fastavro"]) == ("1", "not installed")


def test_library_that_cannot_do_it_is_left_out_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that fails, or does not read back what it wrote, is not measured."""
    monkeypatch.setitem(peers.PEERS, "fastavro", lambda *_: peers.peer("it", "x", lambda value: value, reversed, b"ab"))
    report = measure(Source("service:codec", values="service:users"), FEW)
    assert report.left_out["sample 1: fastavro"].startswith("TypeError: ") or "read back" in str(report.left_out)


def test_what_is_not_read_back_has_no_time() -> None:
    """A library has to return what it was given; a NaN does if its bytes do."""
    nan = float("nan")
    assert peers.peer("it", "float", lambda _: b"x", lambda _: nan, nan).size == 1
    with pytest.raises(ValueError, match=r"^it does not read back what it wrote$"):
        peers.peer("it", "bytes", lambda value: value, lambda data: data + b"!", b"x")
    assert peers.peer("it", "text", lambda _: b"x", lambda _: "", "").label == "it, text"


def test_nothing_to_compare_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any other library there is no ratio, and that is an error."""
    monkeypatch.setattr(peers, "PEERS", {"other": lambda *_: importlib.import_module("no_such")})
    with pytest.raises(ConfigError, match=r"^there is no library to compare with \(sample 1: other: not installed; "):
        measure(Source("service:codec", values="service:users"), FEW)


def test_instructions_are_counted_in_processes_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each library's work has a program that does it; how many calls are counted follows from the frame's size."""
    asked = []

    def count(program: Program, calls: int, warm: int) -> float:
        task = json.loads(program.arguments[0])
        asked.append((task["sample"], task["work"], task["peer"], calls, warm))
        assert program.work == "safecodec.bench.worker:work_of"
        assert worker.work_of(*program.arguments)()
        return 100.0 if task["peer"] == "safecodec" else 200.0

    monkeypatch.setattr(Program, "instructions", count)
    report = measure(Source("service:codec", values="service:users"), None)
    assert report.unit == "instructions"
    assert {line.ratio for line in report.lines if line.work != "size"} == {0.5}
    assert sorted(asked) == sorted(
        (f"sample {number}", work, peer, 2000, 102)
        for number in (1, 2)
        for work in ("encode", "decode")
        for peer in ("safecodec", *LIBRARIES)
    )


def test_worker_is_a_program() -> None:
    """The work is made in a process of its own, which finds the service in its directory."""
    task = {"source": {"codec": "service:codec", "values": "service:users"}, "sample": "sample 1"}
    asked = json.dumps(task | {"work": "encode", "peer": "safecodec"})
    Program("safecodec.bench.worker:work_of", (asked,), Path.cwd(), os.environ).run(3)
    with pytest.raises(ProgramError, match=r"KeyError: 'none'$"):
        Program("safecodec.bench.worker:work_of", (json.dumps(task | {"sample": "none"}),), Path.cwd(), os.environ).run(
            3
        )


# --- what is saved and compared


def report(*ratios: float, unit: str = "seconds") -> Report:
    lines = [Line("s", work, "peer", ratio * 2, 2.0) for work, ratio in zip("abc", ratios, strict=False)]
    return Report(unit, {"python": "3"}, lines, {"s: other": "not installed"})


def test_saved_report_is_read_again(tmp_path: Path) -> None:
    """A report is read as it was saved."""
    report(0.5, 1.5).save(tmp_path / "bench.json")
    assert Report.load(tmp_path / "bench.json") == report(0.5, 1.5)
    saved = json.loads((tmp_path / "bench.json").read_text())
    assert [line["ratio"] for line in saved["lines"]] == [0.5, 1.5]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "cannot be read: No such file or directory"),
        ("{", "is no JSON: "),
        ("[]", "is no report of safecodec bench"),
        ("{}", "is no report of safecodec bench"),
        ('{"format": 1, "lines": [{"sample": "s"}]}', "is no report of safecodec bench"),
        ('{"format": 2}', "has format 2, this release reads 1"),
    ],
)
def test_what_is_no_report_is_said(tmp_path: Path, text: str | None, complaint: str) -> None:
    """A file that is not there or holds something else is an error that names it."""
    file = tmp_path / "bench.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError, match=r"bench\.json'.* ") as raised:
        Report.load(file)
    assert complaint in str(raised.value)


def test_report_that_cannot_be_saved_is_said(tmp_path: Path) -> None:
    """A file that cannot be written is an error that names it."""
    with pytest.raises(ConfigError, match=r"^the report cannot be saved in '.*none/x': No such file or directory$"):
        report(1.0).save(tmp_path / "none" / "x")


def test_ratio_that_rises_over_the_limit_is_worse() -> None:
    """Ratios that rose by more than the limit are worse; what fell, rose less or is new is not."""
    worse = report(1.11, 1.09, 0.2).worse_than(report(1.0, 1.0), 0.1)
    assert [str(line) for line in worse] == ["s: a by peer was 1.000 and is 1.110, +11.0%"]


def test_best_of_two_runs_counts() -> None:
    """Of two runs the best time of each line counts, ours and theirs; of lines that only one has, that one's."""
    assert [line.ratio for line in report(1.0, 2.0, 3.0).best(report(2.0, 1.0)).lines] == [1.0, 1.0, 3.0]
    slow, quick = Line("s", "a", "peer", 2.0, 9.0), Line("s", "a", "peer", 3.0, 4.0)
    assert Report("seconds", {}, [slow]).best(Report("seconds", {}, [quick])).lines == [
        Line("s", "a", "peer", 2.0, 4.0)
    ]


def test_what_cannot_be_compared_is_said() -> None:
    """Runs in other units, and runs that lack what was saved, are not compared."""
    with pytest.raises(ConfigError, match=r"^these are seconds, and the saved report has instructions$"):
        report(1.0).worse_than(report(1.0, unit="instructions"), 0.1)
    with pytest.raises(ConfigError, match=r"^the saved report has what is not measured now: s, b, peer$"):
        report(1.0).worse_than(report(1.0, 1.0), 0.1)


# --- the command


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Effort | None]]:
    """Have the command measure what is given, one report after the other; returns with which effort."""

    def prepare(*reports: Report) -> list[Effort | None]:
        efforts: list[Effort | None] = []
        given = iter(reports)

        def measure(_: Source, effort: Effort | None) -> Report:
            efforts.append(effort)
            return next(given)

        monkeypatch.setattr(bench, "measure", measure)
        return efforts

    return prepare


def call(*words: str) -> int:
    return main(["bench", "service:codec", "--sample", "user.json", "--quick", *words])


def test_command_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """The command prints versions and a line for each work and library, and saves and compares in one run."""
    assert call("--save", "bench.json") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("python CPython 3.")
    assert len(lines) == 3 + 9
    assert lines[3].startswith("| user.json | size | msgspec msgpack | ")
    assert " B | " in lines[3]
    assert " µs | " in lines[6]
    assert call("--save", "again.json", "--compare", "bench.json", "--fail-over", "100000%") == 0
    assert Path("again.json").exists()


def test_command_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    """With --json the output is what --save writes."""
    assert call("--json", "--save", "bench.json") == 0
    assert json.loads(capsys.readouterr().out) == json.loads(Path("bench.json").read_text(encoding="utf-8"))


def test_what_is_worse_is_measured_again(measured: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """What seems worse is measured again, and is not where the machine was only disturbed."""
    report(1.0, 1.0).save(Path("bench.json"))
    efforts = measured(report(1.2, 1.0), report(1.0, 1.2))
    assert call("--compare", "bench.json", "--save", "bench.json") == 0
    assert efforts == [FEW, FEW]
    printed = capsys.readouterr()
    assert "left out: s: other: not installed" in printed.out
    assert printed.err == ""
    assert Report.load(Path("bench.json")).lines == report(1.0, 1.0).lines


def test_what_stays_worse_fails(measured: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """What stays worse ends with code 1, and is not saved in place of what it is compared with."""
    report(1.0).save(Path("bench.json"))
    for other in ("bench.json", "now.json"):
        efforts = measured(report(1.3), report(1.2), report(1.4))
        assert call("--compare", "bench.json", "--save", other) == 1
        assert len(efforts) == 3
        assert capsys.readouterr().err == "worse: s: a by peer was 1.000 and is 1.200, +20.0%\n"
    assert Report.load(Path("bench.json")) == report(1.0)
    assert Report.load(Path("now.json")) == report(1.2)


def test_instructions_are_counted_once(measured: Any, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    """Instructions repeat, so that they are not counted again; without valgrind that is said."""
    words = ["bench", "service:codec", "--instructions", "--compare", "bench.json"]
    report(0.5, unit="instructions").save(Path("bench.json"))
    monkeypatch.setattr(bench, "can_count", lambda: True)
    efforts = measured(report(1.0, unit="instructions"))
    assert main(words) == 1
    assert efforts == [None]
    assert "| s | a | peer | 2 | 2 | 1.000 |" in capsys.readouterr().out
    monkeypatch.setattr(bench, "can_count", lambda: False)
    assert main(words) == 2
    assert capsys.readouterr().err == "safecodec bench: there is no valgrind to count instructions with\n"


def test_wrong_input_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be measured is one line on standard error and exit code 2."""
    assert main(["bench", "service:nothing"]) == 2
    assert capsys.readouterr() == ("", "safecodec bench: service:nothing: there is no 'nothing' in 'service'\n")


@pytest.mark.parametrize(
    ("text", "share"), [("10%", 0.1), ("0.25", 0.25), ("0", 0.0), ("-1", None), ("inf", None), ("x", None)]
)
def test_share(text: str, share: float | None, measured: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A share is a percentage or a fraction of zero or more."""
    if share is not None:
        report(1.0).save(Path("bench.json"))
        measured(report(1.0 + share))
        assert call("--compare", "bench.json", "--fail-over", text) == 0
        return
    with pytest.raises(SystemExit, match="2"):
        call(f"--fail-over={text}")
    assert f"{text!r} is no share such as 10% or 0.1" in capsys.readouterr().err


def test_module_is_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """``python -m safecodec.bench`` is ``safecodec bench``, and importing its module runs nothing."""
    monkeypatch.setattr("sys.argv", ["bench", "service:nothing"])
    monkeypatch.delitem(sys.modules, "safecodec.bench.__main__", raising=False)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("safecodec.bench", run_name="__main__")
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("safecodec bench: service:nothing")
    importlib.import_module("safecodec.bench.__main__")
    monkeypatch.delitem(sys.modules, "safecodec.bench.__main__")
    assert capsys.readouterr() == ("", "")
