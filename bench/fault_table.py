"""The page of the fault matrix, docs/reference/fault-matrix.md, as a run writes it."""

from __future__ import annotations

import datetime
import os
import platform
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from .fault_cells import Cell
from .fault_kinds import Fault
from .fault_stage import POLICY, RECOVERY, Stage
from .machine import processor
from .results import ROOT, table

__all__ = ["PAGE", "page", "summary"]

PAGE: Final = ROOT / "docs" / "reference" / "fault-matrix.md"
INTRODUCTION: Final = """# Fault matrix

`make fault-matrix` plays every fault alone and with every other one, on a Redis with a replica and a PostgreSQL, and
writes this page. Three reader processes (threads, threads with files of last known good values, asyncio) ask for
{users} keys all the time, and are never restarted: the processes of the first cell go through all cells. A fourth
process loads keys and holds leases. Faults last {seconds:g} s. Four laws are judged in each cell:

- *Wrong*: answers that are not the source's value.
- *Lost*: requests without a value at a process that had one as last known good, entries of Redis that the faults did
  not change and that are gone, frames of a newer version or of another environment that were overwritten, and files of
  last known good values that are not whole.
- *Restarts*: readers that do not answer every key from the cache again within {recovery:.0f} s after the faults' end.
- *Bound*: loads of the fleet in any window of T seconds are at most `load_rate * T + processes`, which is
  {rate:g} T + {processes} here, by the instants that the loaders recorded. The table has the window that came closest.

*Unanswered* is not a law: requests without a value at a new process that never had one, while neither the cache nor the
database could give it.
"""


def page(played: Sequence[Cell], faults: Mapping[str, Fault], took: float, seconds: float, stage: Stage) -> str:
    """Return the page.

    Args:
        played: The cells.
        faults: The faults by name.
        took: Seconds of the run.
        seconds: How long faults lasted.
        stage: What the cells were played on.
    """
    introduction = INTRODUCTION.format(
        users=stage.place.users, seconds=seconds, recovery=RECOVERY, rate=POLICY.load_rate, processes=POLICY.processes
    )
    parts = [
        introduction.rstrip(),
        _facts(played, took, stage),
        "## Faults",
        table(("fault", "how it is done"), ((fault.name, fault.text) for fault in faults.values()), names=2),
        "## Alone",
        _cells([cell for cell in played if len(cell.faults) == 1], 1),
        "## In pairs",
        _cells([cell for cell in played if len(cell.faults) == 2], 2),
    ]
    failed = [f"- {', '.join(cell.faults)}: {text}" for cell in played if not cell.holds for text in cell.told]
    if failed:
        parts += ["## What went wrong", "\n".join(failed)]
    return "\n\n".join(parts) + "\n"


def _facts(played: Sequence[Cell], took: float, stage: Stage) -> str:
    with stage.twins.primary.client(decode_responses=True) as client:
        version = client.info("server")["redis_version"]
    postgres = str(stage.admin.info.parameter_status("server_version")).split()[0]
    recoveries = [cell.recovery for cell in played if cell.recovery is not None]
    text = (
        f"{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}, {processor()}, {os.cpu_count()} processors, "
        f"CPython {platform.python_version()}, Redis {version}, PostgreSQL {postgres}: {len(played)} cells in "
        f"{took / 60:.0f} minutes, {sum(cell.requests for cell in played):,} requests, "
        f"{sum(len(cell.loads) for cell in played):,} loads. Wrong values {sum(cell.wrong for cell in played)}, lost "
        f"good values {sum(cell.lost for cell in played)}, restarts needed {sum(cell.restarts for cell in played)}, "
        f"bound held in {sum(cell.bound.holds for cell in played)} of {len(played)} cells; recovered after "
        f"{max(recoveries, default=0):.1f} s at the latest."
    )
    return textwrap.fill(text, 120, break_on_hyphens=False)


def _cells(cells: Sequence[Cell], names: int) -> str:
    head = (
        *("fault", "and")[:names], "requests", "wrong", "lost", "restarts", "loads", "fullest window", "recovered",
        "unanswered",
    )  # fmt: skip

    def rows() -> Iterator[tuple[str, ...]]:
        for cell in cells:
            bound = cell.bound
            window = f"{bound.count} of {bound.allowed:.1f} in {bound.seconds:.2f} s"
            recovered = "**no**" if cell.recovery is None else f"{cell.recovery:.1f} s"
            yield (
                *cell.faults, f"{cell.requests:,}", _zero(cell.wrong), _zero(cell.lost), _zero(cell.restarts),
                str(len(cell.loads)), window if bound.holds else f"**{window}**", recovered,
                str(cell.unanswered),
            )  # fmt: skip

    return table(head, rows(), names=names)


def _zero(count: int) -> str:
    return f"**{count}**" if count else "0"


def summary(cell: Cell) -> str:
    """Return a cell in one line, and what is worth reading about it."""
    bound = cell.bound
    recovered = "NOT RECOVERED" if cell.recovery is None else f"recovered {cell.recovery:.1f} s"
    line = (
        f"{' + '.join(cell.faults)}: {'ok' if cell.holds else 'FAILED'}, {cell.requests} requests, wrong {cell.wrong}, "
        f"lost {cell.lost}, {recovered}, loads {len(cell.loads)}, window {bound.count}/{bound.allowed:.1f} in "
        f"{bound.seconds:.2f} s, unanswered {cell.unanswered}, {dict(cell.sources)}"
    )
    return "\n    ".join([line, *cell.told])
