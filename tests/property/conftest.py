"""Prints what became of the mutants."""

from __future__ import annotations

import pytest

from histogram import MUTANTS


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The histogram, wherever mutants were made."""
    if MUTANTS.count():
        terminalreporter.section("mutated frames")
        for line in MUTANTS.lines():
            terminalreporter.write_line(line)
