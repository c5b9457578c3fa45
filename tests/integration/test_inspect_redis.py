"""safecodec inspect on keys of a real Redis, by its own option and through redis-cli, as the README prints it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from safecodec import Codec, pack
from safecodec.cli import main

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SAFECODEC_ENVIRONMENT", raising=False)


def frame(context: bytes | None = None) -> bytes:
    """A frame whose payload ends in a newline, and is no text."""
    own: dict[str, Any] = {"format": "json", "subject": "user", "version": 1, "fingerprint": bytes(4)}
    return pack(b"\xff\r\n", environment="production", context=context, **own)


def url(server: Any, rest: str = "/0") -> str:
    return f"redis://127.0.0.1:{server.port}{rest}"


def inspected(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[dict[str, Any]]]:
    code = main(["inspect", "--json", *words])
    printed = capsys.readouterr()
    assert printed.err == ""
    return code, [json.loads(line) for line in printed.out.splitlines()]


def test_keys_are_read_as_they_are(redis_server: Any, redis_client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Keys of any bytes are read, their frames may be bound to them or to nothing, and no newline is left out."""
    keys = ["user:7", "größe", os.fsdecode(b"caf\xe9"), "unbound"]
    for key in keys:
        redis_client.set(os.fsencode(key), frame(None if key == "unbound" else os.fsencode(key)))
    words = [word for key in keys for word in ("--redis", url(redis_server), key)]
    code, reports = inspected(capsys, *words, "--strip-newline", "--environment", "production")
    assert code == 0
    assert [report["key"] for report in reports] == keys
    assert [report["intact"] for report in reports] == [True] * 4
    assert [bytes.fromhex(report["context"]) for report in reports] == [*map(os.fsencode, keys[:3]), b""]


def test_value_under_another_key(redis_server: Any, redis_client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A frame that is bound to another key is refused, and good with the context that it was written for."""
    redis_client.set("user:8", frame(b"user:7"))
    words = ("--redis", url(redis_server), "user:8")
    code, (report,) = inspected(capsys, *words)
    assert (code, report["verdict"]) == (1, "ContextMismatchError")
    assert inspected(capsys, *words, "--context", "user:7")[0] == 0
    assert inspected(capsys, *words, "--context", "user:8")[0] == 1


def test_stored_value_that_is_cut_off(redis_server: Any, redis_client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A value of Redis is known to be all there is, so that a part of a frame is one that was cut off."""
    redis_client.set("user:7", frame()[:-1])
    code, (report,) = inspected(capsys, "--redis", url(redis_server), "user:7")
    assert (code, report["verdict"]) == (1, "PayloadLengthError")


@pytest.mark.parametrize(
    "rest", ["/0?decode_responses=true", "/0?decode_responses=true&protocol=3", "?socket_timeout=5"]
)
def test_options_of_the_url(
    rest: str, redis_server: Any, redis_client: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The value is bytes whatever the URL asks of the client."""
    redis_client.set("user:7", frame())
    assert inspected(capsys, "--redis", url(redis_server, rest), "user:7")[0] == 0


def test_key_that_cannot_be_read(redis_server: Any, redis_client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Keys without a string, servers that refuse and URLs that are none are exit code 2, and the URL is not shown."""
    redis_client.lpush("list", "x")
    refused = url(redis_server).replace("//", "//nobody:secret@")
    for where, key, reason in (
        (url(redis_server), "nothing", "there is no such key"),
        (url(redis_server), "list", "WRONGTYPE"),
        (refused, "user:7", "AuthenticationError"),
        ("redis://:secret@127.0.0.1:1/0", "user:7", "ConnectionError"),
        ("redis://:sec/ret@127.0.0.1/0", "user:7", "the URL is not such as redis://localhost:6379/0"),
        ("http://:secret@127.0.0.1", "user:7", "the URL is not such as"),
        (url(redis_server, "/0?no_such_option=secret"), "user:7", "the URL is not such as"),
        (url(redis_server, "/0?socket_timeout=secret"), "user:7", "the URL is not such as"),
    ):
        assert main(["inspect", "--redis", where, key]) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.startswith(f"safecodec inspect: cannot read key '{key}': ")
        assert reason in printed.err
        assert not [part for part in ("secret", "'sec'", "ret@") if part in printed.err]
        assert printed.err.count("\n") == 1


# ---- the documents, in a shell


@pytest.fixture
def shell(redis_server: Any, tmp_path: Path) -> Any:
    """A shell in an empty directory, with the safecodec and redis-cli of these tests as commands."""
    binary = shutil.which("redis-cli")
    if binary is None:
        pytest.fail("redis-cli is not installed, and these tests need it: it is in Debian's redis-tools", pytrace=False)
    commands = tmp_path / "bin"
    commands.mkdir()
    sanitizer = f"LD_PRELOAD={os.environ.get('LD_PRELOAD', '')}"  # for what is built with it alone
    for name, words in (
        ("safecodec", ["env", sanitizer, sys.executable, "-m", "safecodec"]),
        ("redis-cli", [binary, "-p", str(redis_server.port)]),
    ):
        command = commands / name
        command.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        command.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    environment["PATH"] = f"{commands}{os.pathsep}{environment['PATH']}"

    def run(line: str) -> subprocess.CompletedProcess[str]:
        line = line.replace("localhost:6379", f"127.0.0.1:{redis_server.port}")
        return subprocess.run(
            ["sh", "-c", line], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )

    return run


def blocks(page: str, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall((ROOT / page).read_text("utf-8")) if found == language]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="the pages are those of a checkout")
def test_printed_commands_work(shell: Any, redis_client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every inspect command that the page prints ends with exit code 0 on the frame of the README's codec."""
    package = tmp_path / "myservice"
    package.mkdir()
    (package / "codecs.py").write_text(blocks("README.md", "python")[0] + "\nuser = codec\n")
    written: dict[str, Any] = {}
    monkeypatch.chdir(tmp_path)  # the page's code writes a file
    exec((package / "codecs.py").read_text(), written)
    assert isinstance(written["codec"], Codec)
    redis_client.set("user:7", written["frame"])
    for name in ("frame.bin", "other.bin"):
        (tmp_path / name).write_bytes(written["frame"])
    printed = blocks("docs/reference/command-line.md", "sh")
    lines = [line for block in printed for line in block.splitlines() if "safecodec inspect" in line]
    assert len(lines) >= 3
    for line in lines:
        done = shell(line)
        assert (done.returncode, done.stderr) == (0, ""), line
        assert "intact\n" in done.stdout or "header valid; " in done.stdout
        assert ('"plan": "pro"' in done.stdout) == ("--codec" in line)


def test_redis_cli_without_options(shell: Any, redis_client: Any) -> None:
    """The newline of redis-cli is named where it spoils a frame, and a key that is missing is named as that."""
    redis_client.set("user:7", frame())
    done = shell("redis-cli GET user:7 | safecodec inspect -")
    assert done.returncode == 1
    assert "hint: the input is one newline longer than the frame" in done.stdout
    assert shell("redis-cli GET user:7 | safecodec inspect - --strip-newline --whole").returncode == 0
    done = shell("redis-cli GET user:8 | safecodec inspect -")
    assert done.returncode == 1
    assert "hint: an empty line is what redis-cli prints for a key that does not exist" in done.stdout
