"""Inputs that coverage chose once are read again, without atheris."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from fuzz import guided


def test_the_corpus_is_small() -> None:
    """A few hundred inputs reach all that is known to be reached, each once and in order, for the sake of diffs."""
    lines = [line for line in guided.CORPUS.read_text().splitlines() if not line.startswith("#")]
    assert lines == sorted(set(lines))
    assert 0 < len(lines) < 1000
    every = [*guided.inputs(), *guided.seeds()]
    assert {data[0] % len(guided.ENTRIES) for data in every} == set(range(len(guided.ENTRIES)))


def test_the_corpus_finds_nothing() -> None:
    """No input of the corpus, and none of the good ones, raises a foreign error or takes too much memory."""
    for data in [*guided.inputs(), *guided.seeds()]:
        guided.run(data, timed=False)


def test_a_finding_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """A finding of the judge is an exception, which libFuzzer takes for a crash; too short an input is nothing."""

    def plant(judge: Any, schema: int, data: bytes) -> None:
        judge.find("planted", "call", str(schema), data.decode())

    monkeypatch.setattr(guided, "ENTRIES", (plant,))
    with pytest.raises(guided.Found, match="planted · call · 7\ndetail"):
        guided.run(b"\x00\x07detail")
    guided.run(b"\x00")


def test_findings_are_shown_with_their_input(tmp_path: Any) -> None:
    """A finding is printed as the end of libFuzzer's log without its progress, and the input as the corpus has it."""
    log = tmp_path / "1.log"
    log.write_text("#12\tNEW cov: 5\n === Uncaught Python exception: ===\n")
    artifact = tmp_path / "crash-1"
    artifact.write_bytes(b"\x00\x01")
    text = guided._shown(artifact, log)
    assert "Uncaught" in text
    assert "NEW" not in text
    assert text.endswith(base64.b64encode(b"\x00\x01").decode())
