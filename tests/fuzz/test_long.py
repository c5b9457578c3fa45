"""The long run of the differential counts what it does, and reports what it finds."""

from __future__ import annotations

from typing import Any

import pytest

from fuzz import long


def test_examples_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """A run compares as many examples as it was asked for, of every kind, and says so."""
    assert long.main(["--examples", "200", "--processes", "1", "--seed", "3"]) == 0
    printed = capsys.readouterr().out
    assert "200 examples\n" in printed
    assert all(kind in printed for kind in (" values", " pairs", " payloads that are refused"))
    assert "0 findings in" in printed


def test_findings_are_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A difference ends its round, and is shown with its seed and the example that shows it."""

    def differs(engines: Any, _: bytes) -> bool:
        raise AssertionError(f"planted in {engines}")

    monkeypatch.setattr(long, "check_payload", differs)
    assert long.main(["--examples", "300", "--processes", "1", "--seed", "7"]) == 1
    printed = capsys.readouterr().out
    assert "seed 7:" in printed
    assert "planted in Engines(" in printed
    assert "1 findings in" in printed
