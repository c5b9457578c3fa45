"""The command line: inspect, version, and how a subcommand is found."""

from __future__ import annotations

import importlib
import io
import json
import os
import runpy
import subprocess
import sys
from contextlib import redirect_stdout
from importlib import metadata
from typing import TYPE_CHECKING, Any

import pytest

from golden import Golden, frames
from safecodec import crc32c, pack
from safecodec.cli import COMMANDS, inspect, main, version

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def framed(payload: bytes = b"payload", **changes: Any) -> bytes:
    arguments: dict[str, Any] = {
        "format": "json",
        "subject": "user-config",
        "version": 7,
        "fingerprint": b"\x01\x02\x03\x04",
        "environment": "production",
        "oldest_reader": 5,
    }
    return pack(payload, **(arguments | changes))


def resealed(frame: bytes, at: int, value: int) -> bytes:
    """The frame with one byte of its header changed and the header's checksum made right again."""
    head = bytearray(frame[:28])
    head[at] = value
    checksum = crc32c(head)
    masked = ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF
    return bytes(head) + masked.to_bytes(4, "little") + frame[32:]


@pytest.fixture
def inspected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, Any]]]:
    def call(data: bytes, *words: str) -> tuple[int, dict[str, Any]]:
        path = tmp_path / "value.bin"
        path.write_bytes(data)
        code = main(["inspect", str(path), "--json", *words])
        printed = capsys.readouterr()
        assert printed.err == ""
        report: dict[str, Any] = json.loads(printed.out)
        assert (report["file"], report["length"]) == (str(path), len(data))
        assert bool(report["faults"]) == (code == 1) == (report["verdict"] is not None)
        return code, report

    return call


def faults(report: dict[str, Any]) -> list[str]:
    return [fault["error"] for fault in report["faults"]]


def names(report: inspect.Report) -> list[str]:
    return [type(fault).__name__ for fault in report.faults]


# --- what is intact


@pytest.mark.parametrize("golden", frames(), ids=lambda golden: golden.name)
def test_golden_frames_are_intact(golden: Golden, inspected: Any) -> None:
    """Every golden frame is intact, given its context, and its header is shown as the vectors have it."""
    words = ["--context-hex", golden.context.hex()] if golden.context is not None else []
    words += ["--environment", golden.environment] if golden.environment is not None else []
    code, report = inspected(golden.frame, "--subject", golden.subject, *words)
    assert (code, report["intact"], report["faults"], report["looks_like"]) == (0, True, [], None)
    assert report["header"] == golden.header
    assert report["start"] == golden.frame[:64].hex()


def test_large_payload_is_summed_in_pieces(inspected: Any) -> None:
    """A payload of several pieces is checked to its last byte."""
    frame = framed(os.urandom(2 * inspect.PIECE + 100))
    assert inspected(frame)[0] == 0
    assert faults(inspected(frame[:-1] + bytes([frame[-1] ^ 1]))[1]) == ["PayloadChecksumError"]


def test_context_as_text(inspected: Any) -> None:
    """A context can be given as text, in UTF-8."""
    frame = framed(context="config:größe".encode())
    assert inspected(frame, "--context", "config:größe")[0] == 0


# --- what is not


def test_context_is_missing_or_another(inspected: Any) -> None:
    """A frame under another key is told from a damaged one, with and without a context to compare."""
    frame = framed(context=b"config:7")
    for words in ([], ["--context", "config:8"]):
        code, report = inspected(frame, *words)
        assert (code, report["intact"], faults(report)) == (1, False, ["ContextMismatchError"])
    assert faults(inspected(frame[:-1] + b"!")[1]) == ["HeaderChecksumError", "PayloadChecksumError"]
    assert faults(inspected(frame + b"!")[1]) == ["HeaderChecksumError", "PayloadLengthError"]


def test_every_fault_is_listed_in_the_order_of_verdicts(inspected: Any) -> None:
    """A frame with many faults shows all of them, and the first is what a reader raises."""
    frame = bytearray(framed())
    frame[2], frame[3] = 9, 0x90
    frame[-1] ^= 1
    code, report = inspected(bytes(frame) + b"more", "--environment", "staging", "--subject", "other")
    assert (code, report["verdict"]) == (1, "HeaderChecksumError")
    assert faults(report) == [
        "HeaderChecksumError",
        "UnsupportedFlagsError",
        "PayloadFormatError",
        "EnvironmentMismatchError",
        "SubjectMismatchError",
        "PayloadLengthError",
        "PayloadChecksumError",
    ]


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (lambda frame: resealed(frame, 2, 7), "PayloadFormatError"),
        (lambda frame: resealed(frame, 3, 0x20), "UnsupportedFlagsError"),
        (lambda frame: frame[:5] + b"\xff" + frame[6:], "ContextMismatchError"),
        (lambda frame: frame[:-1], "PayloadLengthError"),
        (lambda frame: frame[:32], "PayloadLengthError"),
        (lambda frame: frame + frame, "PayloadLengthError"),
        (lambda frame: frame[:-1] + b"?", "PayloadChecksumError"),
        (lambda frame: frame[:31], "FrameTooShortError"),
        (lambda frame: b"\xc1\xfe" + frame[2:], "UnsupportedRevisionError"),
        (lambda frame: b"\x00" + frame[1:], "NotAFrameError"),
    ],
)
def test_one_fault(change: Any, verdict: str, inspected: Any) -> None:
    """A frame with one fault shows that one and no other."""
    code, report = inspected(change(framed()))
    assert (code, report["intact"], faults(report)) == (1, False, [verdict])
    header_is_known = verdict not in {"FrameTooShortError", "UnsupportedRevisionError", "NotAFrameError"}
    assert (report["header"] is not None) == header_is_known


def test_elsewhere_is_intact_and_refused(inspected: Any) -> None:
    """A frame of another environment or subject is intact, and the exit code still says no."""
    for words, verdict in (
        (["--environment", "staging"], "EnvironmentMismatchError"),
        (["--subject", "other"], "SubjectMismatchError"),
    ):
        code, report = inspected(framed(), *words)
        assert (code, report["intact"], faults(report)) == (1, True, [verdict])


def test_foreign_bytes_are_named_by_their_start(inspected: Any) -> None:
    """Foreign bytes are named, with the length of the whole file however long it is."""
    data = json.dumps(list(range(400_000))).encode()
    assert len(data) > inspect.PIECE
    _, report = inspected(data)
    assert report["looks_like"] == "a JSON array"
    assert f"{len(data)} bytes" in report["faults"][0]["message"]


# --- text for people


def test_text_of_an_intact_frame(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The text has the header by name, the tags that were asked for, and a hexdump of the start."""
    path = tmp_path / "value.bin"
    path.write_bytes(framed(b"A" * 50))
    assert main(["inspect", str(path), "--subject", "user-config"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{path}: 82 bytes, intact"
    assert "  format         json" in lines
    assert "  subject        d119304a (is user-config)" in lines
    assert "  environment    ab8e18ef" in lines
    dump = lines[lines.index("start") + 1 :]
    assert len(dump) == 4
    assert dump[0].startswith("  00000000  c1 de 03 00 07 00 05 00  d1 19 30 4a 01 02 03 04  |..........0J....|")
    assert dump[3].endswith("|AAAAAAAAAAAAAAAA|")


def test_text_of_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each fault has a line that starts with its class; tags that differ and unscoped frames are marked."""
    path = tmp_path / "value.bin"
    path.write_bytes(framed(environment=None) + b"!")
    assert main(["inspect", str(path), "--environment", "production", "--subject", "other"]) == 1
    out = capsys.readouterr().out
    assert out.startswith(f"{path}: 40 bytes, not intact\nEnvironmentMismatchError: ")
    assert "\nPayloadLengthError: the header says 7 bytes of payload and 8 follow" in out
    assert "00000000 (unscoped) (is not production)" in out
    assert "(is not other)" in out


def test_text_of_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty file is named so, and has no header and no hexdump."""
    path = tmp_path / "empty"
    path.touch()
    assert main(["inspect", str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{path}: 0 bytes, not intact"
    assert lines[1].startswith("FrameTooShortError: ")
    assert "looks like empty input" in lines[1]
    assert len(lines) == 2


def test_name_that_is_no_text(tmp_path: Path) -> None:
    """A file whose name is not valid UTF-8 is shown with escapes."""
    path = tmp_path / os.fsdecode(b"caf\xe9.bin")
    path.write_bytes(framed())
    words = [sys.executable, "-m", "safecodec", "inspect", os.fspath(path)]
    done = subprocess.run(words, capture_output=True, check=True)
    assert rb"caf\udce9.bin: 39 bytes, intact" in done.stdout


# --- where the bytes come from


def read_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> int:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    return main(["inspect", "-"])


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A dash reads standard input, as bytes."""
    assert read_stdin(monkeypatch, framed(b"\r\n\xff")) == 0
    assert capsys.readouterr().out.startswith("-: 35 bytes, intact")
    assert read_stdin(monkeypatch, framed() * 2) == 1
    assert "PayloadLengthError: the header says 7 bytes of payload and 46 follow" in capsys.readouterr().out


class Endless(io.RawIOBase):
    """A pipe that gives zeros for ever after its start, and counts what it gave."""

    def __init__(self, start: bytes) -> None:
        self.start = start
        self.given = 0

    def read(self, size: int = -1, /) -> bytes:
        self.given += size
        start, self.start = self.start, b""
        return start + bytes(size - len(start))


@pytest.mark.parametrize(("start", "verdict"), [(framed(), "PayloadLengthError"), (b"", "NotAFrameError")])
def test_pipe_is_read_no_further_than_needed(start: bytes, verdict: str) -> None:
    """Of an endless pipe only the frame and a little more is read."""
    endless: Any = Endless(start)
    assert names(inspect.inspect(endless)) == [verdict]
    assert endless.given == inspect.PIECE


def test_payload_of_many_reads() -> None:
    """A payload that takes several reads is summed over all of them, and something appended is seen."""
    frame = framed(b"x" * 3 * inspect.PIECE)
    assert names(inspect.inspect(io.BytesIO(frame))) == []
    report = inspect.inspect(io.BytesIO(frame + b"!"))
    assert names(report) == ["PayloadLengthError"]
    assert report.length == len(frame) + 1


def test_redirected_file(tmp_path: Path) -> None:
    """A file that is redirected to standard input is checked as when it is named, by the real command."""
    path = tmp_path / "value.bin"
    path.write_bytes(framed(b"x" * 100_000)[:-1])
    with path.open("rb") as file:
        words = [sys.executable, "-m", "safecodec", "inspect", "-", "--json"]
        done = subprocess.run(words, stdin=file, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (1, b"")
    assert json.loads(done.stdout)["verdict"] == "PayloadLengthError"


# --- usage and what cannot be read


@pytest.mark.parametrize(
    ("name", "reason"),
    [("nowhere.bin", "No such file or directory"), (".", "Is a directory"), ("nul\0", "null byte")],
)
def test_file_that_cannot_be_read(name: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that cannot be read is one line on standard error, and exit code 2."""
    assert main(["inspect", f"{tmp_path}/{name}"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("safecodec inspect: cannot read ")
    assert reason in printed.err
    assert printed.err.count("\n") == 1


def test_no_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A process without standard input says so."""
    monkeypatch.setattr("sys.stdin", None)
    assert main(["inspect", "-"]) == 2
    assert capsys.readouterr().err == "safecodec inspect: cannot read '-': there is no standard input\n"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "required: COMMAND"),
        (["audit"], "invalid choice: 'audit'"),
        (["inspect"], "required: FILE"),
        (["inspect", "x", "--context-hex", "abc"], "'abc' is not made of pairs of hex digits"),
        (["inspect", "x", "--context-hex", "ab", "--context", "x"], "not allowed with"),
        (["inspect", "x", "--environment", ""], "a name that is not empty"),
        (["inspect", "x", "--subject", "\udcff"], "has no UTF-8 form"),
    ],
)
def test_wrong_usage(words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage ends with exit code 2 and says what is wrong."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """The help lists every subcommand with what it does, and each has a module with the two functions."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    out = " ".join(capsys.readouterr().out.split())
    for name, text in COMMANDS.items():
        assert f"{name} {text}" in out
        module = importlib.import_module(f"safecodec.cli.{name}")
        assert callable(module.add_arguments)
        assert callable(module.run)


def test_a_command_imports_no_other() -> None:
    """A subcommand's module is imported only when it is asked for."""
    program = (
        "import sys; from safecodec.cli import main; main(['version']);"
        "print([name for name in ('bench', 'demo', 'inspect') if f'safecodec.cli.{name}' in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"


# --- version, and the process


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The versions of everything that matters for a bug report are shown, also where a package is not installed."""
    installed = {"safecodec": "0.1.0", "msgspec": metadata.version("msgspec")}

    def version_of(package: str) -> str:
        if package not in installed:
            raise metadata.PackageNotFoundError(package)
        return installed[package]

    monkeypatch.setattr(version, "version", version_of)
    assert main(["version", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["safecodec"], shown["msgspec"]) == ("0.1.0", installed["msgspec"])
    assert shown["fastavro"] == "not installed"
    assert shown["crc32c"] == shown["crc32c_implementations"][0]
    assert main(["version"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines == {name: text for name, text in shown.items() if name != "crc32c_implementations"}


def test_process_arguments(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """``python -m safecodec`` takes the process's own words, and importing its module runs nothing."""
    monkeypatch.setattr("sys.argv", ["safecodec", "version"])
    monkeypatch.delitem(sys.modules, "safecodec.__main__", raising=False)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("safecodec", run_name="__main__")
    assert ended.value.code == 0
    assert "crc32c" in capsys.readouterr().out
    importlib.import_module("safecodec.__main__")
    monkeypatch.delitem(sys.modules, "safecodec.__main__")
    assert capsys.readouterr().out == ""


def test_output_that_is_no_text_stream() -> None:
    """Standard output may be replaced by anything that takes text."""
    with redirect_stdout(io.StringIO()) as out:
        assert main(["version"]) == 0
    assert "crc32c" in out.getvalue()


def test_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt ends with exit code 130 and no traceback."""

    def interrupted(_: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(version, "run", interrupted)
    assert main(["version"]) == 130


def test_closed_pipe(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """Where the reader of the output went away, nothing more is said and the exit code is 141."""

    def closed(_: Any) -> int:
        raise BrokenPipeError

    kept = os.dup(1)
    try:
        monkeypatch.setattr(version, "run", closed)
        # Capturing gives sys.stdout another descriptor than a process has.
        monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.FileIO(1, "w", closefd=False), write_through=True))
        assert main(["version"]) == 141
        print("into nothing")
    finally:
        os.dup2(kept, 1)
        os.close(kept)
    assert capfd.readouterr() == ("", "")


def test_closed_pipe_of_a_process() -> None:
    """The real command, writing into a pipe without a reader, ends with 141 and says nothing."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        words = [sys.executable, "-m", "safecodec", "version"]
        done = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, check=False)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")
