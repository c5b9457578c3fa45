"""The rows of the replay's table, in words: the terminal and the page show the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .accounts import Bound, Run
    from .schedule import Schedule, Table

__all__ = ["COLUMNS", "TITLES", "Cell", "cells", "load_text", "milliseconds", "statement"]

TITLES: Final = {
    "bare": "bare Avro",
    "codec": "codec alone",
    "guard": "guard",
}
COLUMNS: Final = (
    "way",
    "peak db/s",
    "of production",
    "p99 before",
    "p99 during",
    "p99 after",
    "wrong",
    "failed",
)
Cell = tuple[str, bool]
"""A text, and whether it is bad news."""


def milliseconds(seconds: float | None) -> str:
    """Say a time with two or three digits.

    Args:
        seconds: The time; None where nothing was measured.
    """
    if seconds is None:
        return "-"
    number = seconds * 1000
    return f"{number:.{0 if number >= 100 else 1}f} ms"


def cells(run: Run) -> list[Cell]:
    """Return the cells of a way's row, in the order of `COLUMNS`.

    Args:
        run: The accounts.
    """
    phases = run.phases()
    return [
        (TITLES[run.way], False),
        (f"{run.peak:.0f}", False),
        (f"{run.own_peak:.0f}", False),
        *((milliseconds(phase.p99), False) for phase in phases.values()),
        (str(run.wrong), run.wrong > 0),
        (str(run.failed), run.failed > 0),
    ]


def statement(bound: Bound) -> str:
    """Say whether the loads of the guard kept the bound in every window.

    Args:
        bound: The worst window.
    """
    law = f"in every window of T seconds at most {bound.rate:g} x T + {bound.processes} database loads of production"
    if not bound.count:
        return f"The guard's law, {law}: holds, as there was none."
    return (
        f"The guard's law, {law}: {'holds' if bound.holds else 'BROKEN'}. The window closest to it"
        f" began at {bound.begin:.1f} s, took {bound.seconds:.2f} s and had {bound.count} loads;"
        f" {bound.allowed:.1f} are allowed."
    )


def load_text(schedule: Schedule, table: Table) -> str:
    """Say how large the load is.

    Args:
        schedule: Load and times.
        table: What the database holds.
    """
    return (
        f"{schedule.readers} processes of production read {schedule.keys} keys: {schedule.open_rate:g} requests/s"
        f" arrive at each on a schedule, and {schedule.closed} clients of each wait for every answer. One fallback"
        f" query scans {table.rows} rows and takes {table.scan_seconds * 1000:.0f} ms at least."
    )
