"""One cell of the fault matrix: faults begin, hold and end while readers go on, and four laws are judged."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from safecodec.cache import GuardPolicy
from safecodec.cli.demo.replay.accounts import Bound, worst_window
from safecodec.errors import DecodeError
from safecodec.frame import stamp_of

from .fault_kinds import Fault
from .fault_readers import Account
from .fault_stage import RECOVERY, Stage
from .users import codec_of, key_of, physical

__all__ = ["Cell", "play"]

TICK: Final = 0.1
BEFORE: Final = 0.2


@dataclass(slots=True)
class Cell:
    """The outcome of a cell.

    Args:
        faults: The names of its faults.
        policy: The guards' policy.
        requests: Requests of all readers.
        wrong: Requests that got something else than the truth.
        lost: Requests without a value at a reader that had one, and entries of the store that a fault did not touch
            and that are gone.
        unanswered: Requests without a value at a new process that had none.
        recovery: Seconds after the faults' end until every reader has answered every key from the cache; None where
            that did not come.
        loads: When loads of the fleet began, by the monotonic clock.
        sources: Answers by source.
        counters: What the readers' caches counted.
        told: What is worth reading about what went wrong.
    """

    faults: tuple[str, ...]
    policy: GuardPolicy
    requests: int = 0
    wrong: int = 0
    lost: int = 0
    unanswered: int = 0
    recovery: float | None = None
    loads: list[float] = field(default_factory=list)
    sources: Counter[str] = field(default_factory=Counter)
    counters: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)

    @property
    def restarts(self) -> int:
        """Whether a restart would be needed."""
        return int(self.recovery is None)

    @property
    def bound(self) -> Bound:
        """The window that came closest to the bound."""
        return worst_window(self.loads, self.policy.load_rate, self.policy.processes)

    @property
    def holds(self) -> bool:
        """Whether all four laws hold."""
        return not (self.wrong or self.lost or self.restarts) and self.bound.holds

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON says it."""
        bound = self.bound
        return {
            "faults": self.faults, "requests": self.requests, "wrong": self.wrong, "lost": self.lost,
            "unanswered": self.unanswered, "recovery": self.recovery, "loads": len(self.loads),
            "bound": [bound.count, round(bound.seconds, 3), round(bound.allowed, 1)], "sources": dict(self.sources),
            "counters": dict(self.counters), "told": self.told,
        }  # fmt: skip


def play(stage: Stage, faults: Sequence[Fault], seconds: float) -> Cell:
    """Play a cell, from a stage at rest to the end of the recovery.

    Args:
        stage: The stage, see `Stage.reset`.
        faults: The faults, in the order in which they begin and end.
        seconds: How long they last.
    """
    cell = Cell(tuple(fault.name for fault in faults), stage.place.policy)
    before = stage.plain()
    time.sleep(BEFORE)
    for fault in faults:
        fault.begin()
    until, count = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        faults[count % len(faults)].tick()
        count += 1
        time.sleep(TICK)
    for fault in faults:
        fault.end()
    _recover(stage, cell)
    _count(stage, cell)
    _look(stage, cell, faults, before)
    return cell


def _recover(stage: Stage, cell: Cell) -> None:
    ended, readers = time.monotonic(), [*stage.readers, *stage.newcomers]
    for member in readers:
        member.tell("mark")
    late = {}
    while missing := stage.uncached(readers):
        late = missing
        if time.monotonic() > ended + RECOVERY:
            cell.told.append(f"not from the cache after {RECOVERY:.0f} s: {missing}")
            return
        time.sleep(TICK)
    cell.recovery = time.monotonic() - ended
    if cell.recovery > RECOVERY / 4:
        cell.told.append(f"the last from the cache: {late}")


def _count(stage: Stage, cell: Cell) -> None:
    assert stage.holder is not None
    for member in (*stage.readers, *stage.newcomers, stage.holder):
        account: Account = member.ask("tell")
        cell.requests += account.requests
        cell.wrong += account.wrong
        cell.sources += account.sources
        cell.counters += account.counters
        cell.loads += account.loads
        if member.name == "new reader":
            cell.unanswered += account.unanswered
            continue
        cell.lost += account.unanswered
        cell.told += [f"{member.name}: {text}" for text in (*account.errors, *account.wrongs)]


def _look(stage: Stage, cell: Cell, faults: Sequence[Fault], before: Sequence[bytes | None]) -> None:
    """Look for what should still be there: untouched values, frames of others, and whole files."""
    touched = {fault.touches for fault in faults}
    after = stage.plain()
    gone: list[int] = []
    if touched == {"nothing"}:
        gone = [user for user, entry in enumerate(after) if not _is_kept(user, before[user], entry)]
    elif "store" not in touched and all(fault.keeps for fault in faults if fault.touches == "values"):
        gone = [user for user, entry in enumerate(after) if _is_ours(user, entry)]
    if gone:
        cell.lost += len(gone)
        cell.told.append(f"users whose entry in Redis is gone or overwritten: {gone}")
    files = stage.durable().files()
    assert files is not None
    values = [files.get(physical(key_of(user))) for user in range(stage.place.users)]
    broken = [user for user, entry in enumerate(values) if not _is_ours(user, entry)]
    damaged = files.damaged()
    if broken or damaged:
        cell.lost += len(broken) + len(damaged)
        cell.told.append(f"files: not whole or missing {broken}, damaged {damaged}")


def _is_ours(user: int, entry: bytes | None) -> bool:
    """Tell whether an entry is a frame that readers of production read."""
    if entry is None:
        return False
    try:
        codec_of().decode(entry, context=key_of(user).encode())
    except DecodeError:
        return False
    return True


def _is_kept(user: int, before: bytes | None, after: bytes | None) -> bool:
    """Tell whether a value that was good is there, or a newer one."""
    if before is None or after is None or not _is_ours(user, after):
        return False
    old, new = stamp_of(before), stamp_of(after)
    return old is not None and new is not None and new.load_start >= old.load_start
