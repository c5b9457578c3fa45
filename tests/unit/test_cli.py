"""The command line: how a subcommand is found, tag, version, and the process."""

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
from typing import Any

import pytest

from safecodec.cli import COMMANDS, main, version
from safecodec.frame import tag


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "required: COMMAND"),
        (
            ["audit"],
            "no command 'audit', expected one of inspect, tag, bench, demo, claim, redis-acl, version\n",
        ),
        (["inspct"], "expected one of inspect, tag, bench, demo, claim, redis-acl, version; did you mean inspect?\n"),
        (["\x1b[31m"], "there is no command '\\x1b[31m'"),
        (["--versoin"], "unrecognized arguments: --versoin; did you mean --version?\n"),
        (["--unlike"], "unrecognized arguments: --unlike\n"),
        (["inspect", "x", "--contxt=y"], "unrecognized arguments: --contxt=y; did you mean --context?\n"),
        (["version", "more"], "safecodec version: error: unrecognized arguments: more\n"),
        (["tag"], "required: NAME"),
        (["tag", "x", ""], "a name that is not empty"),
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
    """The help lists every subcommand with its sentence, and the exit codes; each has a module with two functions."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "Exit code: 0 good, 1 something that was looked at is not, 2 wrong use." in out
    for name, text in COMMANDS.items():
        assert f"{name} {text}" in out
        module = importlib.import_module(f"safecodec.cli.{name.replace('-', '_')}")
        assert callable(module.add_arguments)
        assert callable(module.run)


@pytest.mark.parametrize("words", [["version"], ["tag", "x"], ["inspect", os.devnull]], ids=lambda words: words[0])
def test_a_command_imports_no_other(words: list[str]) -> None:
    """A subcommand's module is imported only when it is asked for, and a library when an option needs it."""
    program = f"import sys; from safecodec.cli import main; main({words!r}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    modules = set(done.stdout.splitlines()[-1].split())
    assert {name for name in COMMANDS if f"safecodec.cli.{name}" in modules} == {words[0]}
    assert not modules & {"redis", "msgspec", "asyncio", "difflib", "safecodec.bench", "safecodec.cli.redis_key"}


# --- tags and versions, and the process


def test_tags_of_names(capsys: pytest.CaptureFixture[str]) -> None:
    """Each name has the tag that frames of it carry, on a line of its own or in one JSON object."""
    assert main(["tag", "production", "user-config", "a\x1bb"]) == 0
    other = tag("a\x1bb").hex()
    assert capsys.readouterr().out == f"ab8e18ef  production\nd119304a  user-config\n{other}  a\\x1bb\n"
    assert main(["tag", "--json", "production", "\x7f"]) == 0
    out = capsys.readouterr().out
    assert json.loads(out) == {"production": "ab8e18ef", "\x7f": tag("\x7f").hex()}
    assert "\\u007f" in out


def test_version_option(capsys: pytest.CaptureFixture[str]) -> None:
    """The option prints the version of safecodec alone, and needs no command."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"safecodec {metadata.version('safecodec')}\n"


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
