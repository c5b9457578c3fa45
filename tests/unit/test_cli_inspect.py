"""safecodec inspect: verdicts on frames, on parts of them, and on what is in their place."""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

import reference
from golden import Golden, frames
from safecodec import Codec, Stamp, crc32c, pack
from safecodec.cli import main
from safecodec.cli.decoded import jsonable
from safecodec.cli.inputs import Input, opened
from safecodec.cli.verdict import PIECE, Report, inspect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAFECODEC_ENVIRONMENT", raising=False)


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
        assert (report["file"], report["length"]) == (str(path), len(data) - ("--strip-newline" in words))
        assert bool(report["faults"]) == (code == 1) == (report["verdict"] is not None)
        return code, report

    return call


def faults(report: dict[str, Any]) -> list[str]:
    return [fault["error"] for fault in report["faults"]]


def names(report: Report) -> list[str]:
    return [type(fault).__name__ for fault in report.faults]


# --- what is intact


@pytest.mark.parametrize("golden", frames(), ids=lambda golden: golden.name)
def test_golden_frames_are_intact(golden: Golden, inspected: Any) -> None:
    """Every golden frame is intact, given its context, and its header is shown as the vectors have it."""
    words = ["--context-hex", golden.context.hex()] if golden.context is not None else []
    words += ["--environment", golden.environment] if golden.environment is not None else []
    code, report = inspected(golden.frame, "--subject", golden.subject, *words)
    assert (code, report["intact"], report["faults"], report["looks_like"]) == (0, True, [], None)
    assert report["header"] == golden.as_dict
    assert report["start"] == golden.frame[:64].hex()


def test_large_payload_is_summed_in_pieces(inspected: Any) -> None:
    """A payload of several pieces is checked to its last byte."""
    frame = framed(os.urandom(2 * PIECE + 100))
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
    assert len(data) > PIECE
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


STAMP = Stamp(load_start=1_767_357_015_250_000, fresh_for=300_000, source_version=42)


@pytest.mark.parametrize(
    ("stamp", "size", "rows"),
    [
        (
            STAMP,
            None,
            [
                "  stamp          value",
                "  loaded         2026-01-02T12:30:15.250000+00:00",
                "  fresh for      300000 ms, until 2026-01-02T12:35:15.250000+00:00",
                "  source version 42",
            ],
        ),
        (
            Stamp(load_start=2**64 - 1, fresh_for=0, kind="deleted"),
            None,
            [
                "  stamp          deleted",
                "  loaded         18446744073709551615 microseconds after 1970",
                "  fresh for      0 ms, until 18446744073709551615 microseconds after 1970",
                "  source version not known",
            ],
        ),
        (STAMP, 57, ["  stamp          value (not vouched for: the frame is damaged, or not all there)"]),
        (STAMP, 55, ["  stamp          not given: bytes 32 to 55 of the frame"]),
    ],
    ids=["value", "deleted", "cut off", "header"],
)
def test_text_of_a_stamp(
    stamp: Stamp, size: int | None, rows: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The stamp is shown in words, and where no checksum vouches for it, or it was not given, the text says so."""
    path = tmp_path / "value.bin"
    path.write_bytes(framed(b"AA" if stamp.kind == "value" else b"", stamp=stamp)[:size])
    assert main(["inspect", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    at = lines.index(rows[0])
    assert lines[at : at + len(rows)] == rows


def test_stamp_of_no_known_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str], inspected: Any) -> None:
    """A hostile stamp behind right checksums is a fault; damage to one is that of the payload, and no second fault."""
    frame = bytearray(framed(b"AA", stamp=STAMP))
    frame[52] = 9
    damaged = bytes(frame)
    hostile = reference.reseal(damaged, payload=True)
    assert faults(inspected(hostile)[1]) == ["StampError"]
    assert faults(inspected(damaged)[1]) == ["PayloadChecksumError"]
    assert faults(inspected(hostile[:-1], "--whole")[1]) == ["PayloadLengthError"]
    short = reference.reseal(hostile[:50], payload=True)
    assert faults(inspected(short)[1]) == ["StampError"]
    path = tmp_path / "value.bin"
    path.write_bytes(hostile)
    assert main(["inspect", str(path)]) == 1
    assert "  stamp          none that this release reads" in capsys.readouterr().out.splitlines()


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


def test_text_of_a_context(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The line of the header says with which context its checksum was compared, and whether it matches."""
    path = tmp_path / "value.bin"
    path.write_bytes(framed(context=b"user:7"))
    for words, code, fit in (
        (["--context", "user:7"], 0, "matches, with the context user:7"),
        (["--context-hex", b"user:7".hex()], 0, "matches, with the context user:7"),
        ([], 1, "does not match"),
    ):
        assert main(["inspect", str(path), *words]) == code
        assert f" ({fit})\n" in capsys.readouterr().out
    path.write_bytes(framed())
    assert main(["inspect", str(path)]) == 0
    assert " (matches, without a context)\n" in capsys.readouterr().out


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


def read_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes, *words: str) -> int:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    return main(["inspect", "-", *words])


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
    assert names(inspect(endless)) == [verdict]
    assert endless.given == PIECE


def test_payload_of_many_reads() -> None:
    """A payload that takes several reads is summed over all of them, and something appended is seen."""
    frame = framed(b"x" * 3 * PIECE)
    assert names(inspect(io.BytesIO(frame))) == []
    report = inspect(io.BytesIO(frame + b"!"))
    assert names(report) == ["PayloadLengthError"]
    assert report.length == len(frame) + 1


def test_redirected_file(tmp_path: Path) -> None:
    """A file that is redirected to standard input is checked as when it is named, by the real command."""
    path = tmp_path / "value.bin"
    path.write_bytes(framed(b"x" * 100_000)[:-1])
    with path.open("rb") as file:
        words = [sys.executable, "-m", "safecodec", "inspect", "-", "--json", "--whole"]
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
        ([], "there is nothing to inspect: expected a FILE, - for standard input, or --redis URL KEY"),
        (["-", "-"], "- is given more than once: standard input can be read once"),
        (["x", "--codec", "service"], "'service' is not module:name"),
        (["x", "--codec", "no_such_service:\x1b[31m"], "there is no module 'no_such_service'"),
    ],
)
def test_wrong_use(words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Options that ask for nothing that can be done are one line on standard error, and exit code 2."""
    assert main(["inspect", *words]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"safecodec inspect: {complaint}")
    assert printed.err.count("\n") == 1


def test_redis_is_not_installed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without redis a key cannot be read, and the error names the extra that installs it."""
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.delitem(sys.modules, "safecodec.cli.redis_key", raising=False)
    assert main(["inspect", "--redis", "redis://:secret@localhost/0", "user:7"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("safecodec inspect: cannot read key 'user:7': redis is not installed")
    assert error.endswith("pip install 'safecodec[redis]'\n")
    assert "secret" not in error


# --- a part of a frame


@pytest.mark.parametrize("context", [None, b"user:7"])
def test_every_part_gets_the_verdict_of_its_header(context: bytes | None, inspected: Any) -> None:
    """The first 32 bytes of a frame and all longer parts are good, and said to be unchecked behind the header."""
    frame = framed(context=context)
    words = [] if context is None else ["--context", "user:7"]
    for length in range(32, len(frame)):
        code, report = inspected(frame[:length], *words)
        assert (code, report["intact"], report["hints"]) == (0, None, [])
        assert report["payload"] == ("not given" if length == 32 else "cut off")
        assert report["context"] == (context or b"").hex()
        code, report = inspected(frame[:length], "--whole", *words)
        assert (code, report["intact"], faults(report)) == (1, False, ["PayloadLengthError"])
    assert inspected(frame, *words)[1]["payload"] == inspected(frame, "--whole", *words)[1]["payload"] == "checked"


def test_frame_without_payload_is_whole(inspected: Any) -> None:
    """A frame of 32 bytes whose payload is empty is a whole frame."""
    code, report = inspected(framed(b""))
    assert (code, report["intact"], report["payload"]) == (0, True, "checked")


def test_header_alone_is_damaged_or_bound(inspected: Any) -> None:
    """Where only a header is there that does not match, the verdict claims neither damage nor another context."""
    frame = framed(context=b"user:7")
    for words, reason in (([], "a context, and none is given"), (["--context", "user:8"], "another context, or none")):
        code, report = inspected(frame[:35], *words)
        assert (code, report["intact"], faults(report)) == (1, False, ["HeaderChecksumError"])
        assert f"it is damaged, or written for {reason}; the whole frame would tell which" in str(report["faults"])
        assert ("give --context" in str(report["hints"])) == (not words)
        assert report["context"] is None


def test_header_alone_of_elsewhere(inspected: Any) -> None:
    """The environment, subject, format and flags of a part are compared as those of a whole frame."""
    frame = framed()[:32]
    code, report = inspected(frame, "--environment", "staging", "--subject", "other")
    assert (code, report["intact"]) == (1, None)
    assert faults(report) == ["EnvironmentMismatchError", "SubjectMismatchError"]
    for at, value, verdict in ((2, 7, "PayloadFormatError"), (3, 0x20, "UnsupportedFlagsError")):
        code, report = inspected(resealed(frame, at, value))
        assert (code, report["intact"], faults(report)) == (1, False, [verdict])


@pytest.mark.parametrize(
    ("length", "words", "summary"),
    [
        (39, [], "39 bytes, intact"),
        (39, ["--environment", "staging"], "39 bytes, intact, and refused"),
        (32, [], "32 bytes, header valid; payload not given, and not checked"),
        (35, [], "35 bytes, header valid; payload cut off after 3 of 7 bytes, and not checked"),
        (32, ["--subject", "x"], "32 bytes, header valid, and refused; payload not given, and not checked"),
        (
            35,
            ["--subject", "x"],
            "35 bytes, header valid, and refused; payload cut off after 3 of 7 bytes, and not checked",
        ),
        (35, ["--whole"], "35 bytes, not intact"),
        (31, [], "31 bytes, not intact"),
    ],
)
def test_first_line(
    length: int, words: list[str], summary: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first line says which checks were made, and how they ended."""
    path = tmp_path / "value.bin"
    path.write_bytes(framed()[:length])
    assert main(["inspect", str(path), *words]) == int(bool(words) or length < 32)
    assert capsys.readouterr().out.splitlines()[0] == f"{path}: {summary}"


# --- the newline of redis-cli


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda frame: frame + b"\n", "is one newline longer than the frame"),
        (lambda frame: frame[:-1] + b"\n", "ends in a newline"),
        (lambda frame: frame[:32] + b"\n", "is one newline longer than the header"),
    ],
)
def test_newline_behind_is_hinted_at(change: Any, place: str, inspected: Any) -> None:
    """Where a newline behind the value explains its faults, a hint names the option that leaves it out."""
    frame = framed()
    _, report = inspected(change(frame))
    assert [hint for hint in report["hints"] if place in hint and "--strip-newline" in hint]
    code, report = inspected(change(frame), "--strip-newline")
    assert (code, report["faults"], report["hints"]) == (0, [], [])


@pytest.mark.parametrize(
    "data",
    [framed(), framed(b"\n"), framed(b"\n")[:32], framed() + b"!", framed()[:-1] + b"?", framed()[:35]],
    ids=["whole", "newline", "header", "longer", "damaged", "cut off"],
)
def test_no_hint_where_a_newline_explains_nothing(data: bytes, inspected: Any) -> None:
    """A frame whose payload ends in a newline, and other faults, have no hint at redis-cli."""
    assert inspected(data)[1]["hints"] == []


def test_missing_key_is_hinted_at(inspected: Any) -> None:
    """An empty line is what redis-cli makes of a key that is missing, and a hint says so."""
    code, report = inspected(b"\n")
    assert (code, report["verdict"]) == (1, "FrameTooShortError")
    assert report["hints"] == ["an empty line is what redis-cli prints for a key that does not exist"]


class Slow(io.RawIOBase):
    """A pipe that gives a few bytes at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        self.rest = data
        self.step = step

    def read(self, size: int = -1, /) -> bytes:
        piece, self.rest = self.rest[: min(size, self.step)], self.rest[min(size, self.step) :]
        return piece


class Standing:
    """A standard input over some stream."""

    def __init__(self, buffer: Any) -> None:
        self.buffer = buffer


@pytest.mark.parametrize("data", [b"", b"\n", b"\n\n", b"a", b"a\n", b"a\n\n", b"\na\n\nb", b"\n\n\na\n\n\n"])
def test_one_newline_is_left_out_and_no_other(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of any stream, however it is read, one newline at the end is left out, and nothing else."""
    for step in range(1, len(data) + 2):
        for size in range(1, len(data) + 2):
            monkeypatch.setattr("sys.stdin", Standing(Slow(data, step)))
            with opened(Input("-"), strip_newline=True) as (stream, length):
                pieces = list(iter(lambda: stream.read(size), b""))  # noqa: B023
            assert length is None
            assert b"".join(pieces) == data.removesuffix(b"\n")


def test_newline_of_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The newline of a pipe is left out of a frame, also of one whose payload ends in newlines."""
    assert read_stdin(monkeypatch, framed(b"\n\n") + b"\n", "--strip-newline", "--whole") == 0
    assert capsys.readouterr().out.startswith("-: 34 bytes, intact")


def test_length_of_a_large_file_without_its_newline(inspected: Any) -> None:
    """The length of a file that is not read to its end does not count the newline that is left out."""
    _, report = inspected(framed() + bytes(3 * PIECE) + b"\n", "--strip-newline")
    assert faults(report) == ["PayloadLengthError"]


# --- several inputs


def test_several_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every input has its own verdict, and the exit code is the highest of them."""
    good, bad, missing = (tmp_path / name for name in ("good", "bad", "missing"))
    good.write_bytes(framed())
    bad.write_bytes(b"{}")
    for files, code in (((good, good), 0), ((bad, good), 1), ((missing, good, bad), 2)):
        assert main(["inspect", *map(str, files)]) == code
        printed = capsys.readouterr()
        firsts = [block.partition(":")[0] for block in printed.out.strip().split("\n\n")]
        assert firsts == [str(file) for file in files if file != missing]
        assert (f"cannot read '{missing}'" in printed.err) == (missing in files)
    assert main(["inspect", "--json", str(good), str(bad)]) == 1
    reports = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [report["verdict"] for report in reports] == [None, "FrameTooShortError"]


# --- the environment variable


def test_environment_of_the_variable(
    inspected: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The variable stands in for --environment, and the text says that the name is from there."""
    monkeypatch.setenv("SAFECODEC_ENVIRONMENT", "production")
    assert inspected(framed())[0] == 0
    monkeypatch.setenv("SAFECODEC_ENVIRONMENT", "staging")
    assert faults(inspected(framed())[1]) == ["EnvironmentMismatchError"]
    assert inspected(framed(), "--environment", "production")[0] == 0
    assert main(["inspect", str(tmp_path / "value.bin")]) == 1
    assert "ab8e18ef (is not staging, from SAFECODEC_ENVIRONMENT)" in capsys.readouterr().out


def test_environment_variable_that_is_no_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A variable that is empty is wrong use, as it is for a codec."""
    monkeypatch.setenv("SAFECODEC_ENVIRONMENT", "")
    assert main(["inspect", "x"]) == 2
    assert "SAFECODEC_ENVIRONMENT: the name is a name that is not empty" in capsys.readouterr().err


# --- the value, by a codec

SERVICE = """
import msgspec
from safecodec import Codec
from safecodec.avro import Limits

class User(msgspec.Struct):
    user_id: int
    plan: str

own = dict(subject="user-config", version=1, environment="production")
codec = Codec(User, **own)
packed = Codec(User, payload="msgpack", **own)
small = Codec(User, limits=Limits(payload=5), **own)
def make():
    return codec
count = 3
"""


class User(msgspec.Struct):
    user_id: int
    plan: str


class Other(msgspec.Struct):
    user_id: str


def codec_of(type_: Any = User, **changes: Any) -> Codec[Any]:
    own: dict[str, Any] = {"subject": "user-config", "version": 1, "environment": "production"}
    return Codec(type_, **(own | changes))


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A module with codecs in the current directory."""
    (tmp_path / "inspected_service.py").write_text(SERVICE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    yield
    sys.modules.pop("inspected_service", None)


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("name", ["codec", "make"])
def test_value_by_a_codec(name: str, inspected: Any) -> None:
    """With its codec a frame is decoded under its context, and the value is JSON."""
    frame = codec_of().encode(User(7, "pro"), context=b"user:7")
    words = ["--codec", f"inspected_service:{name}"]
    code, report = inspected(frame, "--context", "user:7", *words)
    assert (code, report["value"]) == (0, {"user_id": 7, "plan": "pro"})
    code, report = inspected(frame, *words)
    assert (code, faults(report)) == (1, ["ContextMismatchError"])
    assert "value" not in report


@pytest.mark.usefixtures("service")
def test_stamped_value_by_a_codec(inspected: Any) -> None:
    """The value behind a stamp is decoded as far as the codec's limit goes; where there is none, none is printed."""
    words = ["--codec", "inspected_service:codec"]
    code, report = inspected(codec_of().encode(User(7, "pro"), stamp=STAMP), *words)
    assert (code, report["value"]) == (0, {"user_id": 7, "plan": "pro"})
    assert report["header"]["stamp"] == STAMP.as_dict()
    gone = Stamp(load_start=1, fresh_for=2, kind="absent")
    code, report = inspected(codec_of().encode(None, stamp=gone), *words)
    assert (code, report["faults"], report["header"]["stamp"]["kind"]) == (0, [], "absent")
    assert "value" not in report
    small = ["--codec", "inspected_service:small"]
    assert inspected(codec_of().encode(User(7, "pro"), stamp=STAMP), *small)[0] == 0
    large = inspected(codec_of().encode(User(7, "prof"), stamp=STAMP), *small)[1]
    assert faults(large) == ["PayloadTooLargeError"]


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    ("name", "frame", "verdicts", "intact"),
    [
        ("codec", codec_of(version=2).encode(User(7, "pro")), ["UnknownVersionError"], True),
        ("codec", codec_of(Other).encode(Other("x")), ["SchemaConflictError"], True),
        ("packed", codec_of().encode(User(7, "pro")), ["PayloadFormatError"], True),
        ("small", codec_of().encode(User(7, "professional")), ["PayloadTooLargeError"], True),
        ("small", codec_of().encode(User(7, "professional"))[:-1], ["PayloadLengthError"], False),
        ("small", codec_of().encode(User(7, "pro")) + b"!", ["PayloadLengthError"], False),
        ("codec", codec_of().encode(User(7, "pro"))[:34], ["PayloadLengthError"], False),
        ("codec", codec_of().encode(User(7, "pro"))[:-1] + b"!", ["PayloadChecksumError"], False),
        (
            "codec",
            codec_of(Other, environment="staging").encode(Other("x"))[:-1],
            ["EnvironmentMismatchError", "PayloadLengthError"],
            False,
        ),
        (
            "codec",
            codec_of(Other).encode(Other("x"))[:-1],
            ["SchemaConflictError", "PayloadLengthError"],
            False,
        ),
        ("codec", b"{}", ["FrameTooShortError"], False),
    ],
    ids=lambda value: f"{len(value)} bytes" if isinstance(value, bytes) else None,
)
def test_refusal_of_a_codec(name: str, frame: bytes, verdicts: list[str], intact: bool, inspected: Any) -> None:
    """The error of the codec is the verdict, beside the faults that are seen without it, and each of them is once."""
    code, report = inspected(frame, "--codec", f"inspected_service:{name}")
    assert (code, report["verdict"], report["intact"], faults(report)) == (1, verdicts[0], intact, verdicts)
    assert "value" not in report


@pytest.mark.usefixtures("service")
def test_payload_that_does_not_decode(inspected: Any) -> None:
    """A frame that is intact and whose payload is none of its schema is a PayloadError with its path."""
    own = codec_of()
    frame = pack(
        b"\x0e\x7f", format="avro", subject="user-config", version=1, fingerprint=own.fingerprint(),
        environment="production",
    )  # fmt: skip
    code, report = inspected(frame, "--codec", "inspected_service:codec")
    assert (code, report["intact"], report["verdict"]) == (1, True, "PayloadError")


@pytest.mark.usefixtures("service")
def test_text_of_a_value(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The text has the value with escapes for what is not printable, cut where it is long, and the codec's names."""
    path = tmp_path / "value.bin"
    path.write_bytes(codec_of().encode(User(7, "größe\x1b[31m\x7f\u202e\U000e0001")))
    words = ["inspect", str(path), "--codec", "inspected_service:codec"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert '    "plan": "größe\\u001b[31m\\u007f\\u202e\\udb40\\udc01"\n' in out
    assert "(is user-config, from inspected_service:codec)" in out
    assert "(is production, from inspected_service:codec)" in out
    path.write_bytes(codec_of().encode(User(7, "x" * 20_000)))
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "x" * 9_000 in out
    assert "characters in all; --json prints all of them)" in out
    assert len(out) < 12_000
    assert main([*words, "--environment", "staging"]) == 1
    assert "(is not staging)" in capsys.readouterr().out


class Pair(tuple[int, bytes]):
    """A tuple of a class of its own."""


def test_values_that_json_has_no_form_for() -> None:
    """Every value has a form that JSON can hold: NaN is text, and a dict with other keys is as Python shows it."""
    values = {"a": math.nan, "b": [math.inf, -math.inf, 1.5], "c": Pair((1, b"\xff")), "d": {1: True}, "e": 2**70}
    expected = {"a": "NaN", "b": ["Infinity", "-Infinity", 1.5], "c": [1, "/w=="], "d": {"1": True}, "e": 2**70}
    assert jsonable(values) == expected
    json.dumps(jsonable(values), allow_nan=False)
    assert jsonable({(1, 2): 3}) == "{(1, 2): 3}"
    assert jsonable([User(1, "x"), object]) == [{"user_id": 1, "plan": "x"}, "<class 'object'>"]
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    assert jsonable(nested) == "a list that is nested too deep to be shown"


# --- hostile names and bytes


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no files of such names")
def test_hostile_names_are_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters of names, and their length, never reach the terminal."""
    hostile = "\x1b]0;owned\x07\n\u202e" + "x" * 100
    path = tmp_path / hostile
    path.write_bytes(framed(context=hostile.encode()))
    words = [str(path), "--context", hostile, "--subject", hostile, "--environment", hostile * 10]
    assert main(["inspect", *words]) == 1
    assert main(["inspect", f"{path}-missing"]) == 2
    with pytest.raises(SystemExit):
        main(["inspect", str(path), f"--{hostile}"])
    with pytest.raises(SystemExit):
        main(["inspect", str(path), "--context-hex", hostile])
    assert main(["inspect", str(path), "--codec", f"{hostile}:codec"]) == 2
    printed = capsys.readouterr()
    assert not set("\x1b\x07\u202e") & set(printed.out + printed.err)
    assert "\\x1b]0;owned\\x07\\n\\u202e" in printed.out
    assert f"… ({10 * len(hostile)} characters in all)" in printed.out
    assert main(["inspect", "--json", *words]) == 1
    line = capsys.readouterr().out
    assert line.isascii()
    assert line.removesuffix("\n").isprintable()
