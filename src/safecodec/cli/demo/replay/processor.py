"""Processor time of a PostgreSQL on this machine, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["Processor"]

PROC = Path("/proc")


def _stat(process: Path) -> tuple[str, list[int]] | None:
    """The name of a process and the numbers from its parent's id on; None where it is gone or not of this machine."""
    try:
        name, _, rest = (process / "stat").read_text(errors="replace").partition("(")[2].rpartition(")")
    except OSError:
        return None
    return name, [int(word) for word in rest.split()[1:]]


class Processor:
    """Adds up what a postmaster and its children have used.

    Args:
        backend: The process id of any backend, as the server says it.
        proc: Where the process file system is.
    """

    def __init__(self, backend: int, proc: Path = PROC) -> None:
        self._proc = proc
        self._ticks: dict[str, int] = {}
        found = _stat(proc / str(backend))
        # On another machine or in another namespace the number is that of some other process, or of none.
        self._postmaster = found[1][0] if found is not None and found[0].startswith("postgres") else None

    def seconds(self) -> float | None:
        """Return the processor seconds used so far; None where the server is not on this machine.

        A process that has ended counts with the most that was seen of it, so that the sum never falls.
        """
        if self._postmaster is None:
            return None
        for process in self._proc.glob("[0-9]*"):
            found = _stat(process)
            # From field 4 of proc(5) on: ppid is 0, utime 10, stime 11.
            if found is not None and (found[1][0] == self._postmaster or process.name == str(self._postmaster)):
                used = sum(found[1][10:12])
                self._ticks[process.name] = max(used, self._ticks.get(process.name, 0))
        return sum(self._ticks.values()) / os.sysconf("SC_CLK_TCK")
