"""The accounts of the demo: how large it is, what each read of a run got, and whether the outcome is as promised."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from .configuration import difference

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from .configuration import UserConfig

MAX_BUCKETS = 72  # slices of the picture
READS_PER_SECOND = 500  # of the whole fleet, in the virtual time of the guard
LOAD_RATE = 10  # loads per second that the guard allows the whole fleet


@dataclass(frozen=True)
class Plan:
    """How large the demo is.

    Args:
        seed: The same seed gives the same numbers.
        reads: Reads of each run.
        readers: Readers that take turns.
        users: Users, and so keys.
    """

    seed: int = 1
    reads: int = 3000
    readers: int = 8
    users: int = 200

    @property
    def window(self) -> tuple[int, int]:
        """The first read during which the fault is at work, and the first after it."""
        return self.reads // 5, self.reads * 3 // 5

    @property
    def buckets(self) -> int:
        """Slices of the time line."""
        return min(MAX_BUCKETS, self.reads)


class Served(NamedTuple):
    """What a request got.

    Args:
        value: The configuration; None where the request got none.
        missed: Whether the cache had nothing.
        error: What the decode of the cached bytes raised, or None.
    """

    value: UserConfig | None
    missed: bool = False
    error: Exception | None = None


@dataclass
class Slice:
    """One slice of a run's time line: how many reads ended in which way."""

    right: int = 0
    failed: int = 0
    stale: int = 0
    wrong: int = 0
    unavailable: int = 0

    @property
    def total(self) -> int:
        """All reads of the slice."""
        return self.right + self.failed + self.stale + self.wrong + self.unavailable


@dataclass
class Run:
    """The accounts of one fault with one side.

    Args:
        fault: The fault's name.
        codec: The side's name.
        reads: Reads that were asked for.
        right: Reads that got what the truth is, from wherever.
        stale: Reads that got what was the truth before an update.
        wrong: Reads that got something that never was the truth, without any error.
        unavailable: Reads that got an error and no value.
        strikes: Values that the fault left in the cache.
        misses: Reads that found nothing in the cache.
        database_reads: Reads of the database.
        bound: The most reads of the database that the side promises; None where it promises nothing.
        errors: Reads that met bytes whose decode fails, by the error's class.
        messages: The first message of each class.
        example: What the first wrong read got; empty where there is none.
        timeline: The reads in order, in slices; failed are right reads that met an error.
    """

    fault: str
    codec: str
    reads: int = 0
    right: int = 0
    stale: int = 0
    wrong: int = 0
    unavailable: int = 0
    strikes: int = 0
    misses: int = 0
    database_reads: int = 0
    bound: int | None = None
    errors: dict[str, int] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    example: str = ""
    timeline: list[Slice] = field(default_factory=list)

    @property
    def frequent(self) -> list[tuple[str, int]]:
        """The errors' classes and counts, the most frequent first."""
        return sorted(self.errors.items(), key=lambda item: (-item[1], item[0]))

    @property
    def is_bounded(self) -> bool:
        """Whether the database was read no more often than the side promises."""
        return self.bound is None or self.database_reads <= self.bound

    def record(self, slice_: Slice, truth: UserConfig, former: Collection[UserConfig], served: Served) -> None:
        """Enter one read.

        Args:
            slice_: Where it belongs on the time line.
            truth: What it should have got.
            former: What was the truth before.
            served: What it got.
        """
        self.reads += 1
        self.misses += served.missed
        error = served.error
        if error is not None:
            name = type(error).__name__
            self.errors[name] = self.errors.get(name, 0) + 1
            self.messages.setdefault(name, str(error) or "without a message")
        if served.value is None:
            self.unavailable += 1
            slice_.unavailable += 1
        elif served.value == truth:
            self.right += 1
            slice_.right += error is None
            slice_.failed += error is not None
        elif served.value in former:
            self.stale += 1
            slice_.stale += 1
        else:
            self.wrong += 1
            slice_.wrong += 1
            self.example = self.example or difference(truth, served.value)


class Sum(NamedTuple):
    """The accounts of one side over all faults.

    Args:
        reads: Reads that were asked for.
        stale: Those that got a former truth.
        wrong: Those that got something that never was the truth.
        unavailable: Those that got no value.
        failed: Those that met bytes whose decode fails.
        database_reads: Reads of the database.
        most: The most reads of the database in one run.
        bound: The highest bound of a run; None where the side promises none.
    """

    reads: int
    stale: int
    wrong: int
    unavailable: int
    failed: int
    database_reads: int
    most: int
    bound: int | None


def sum_up(runs: Iterable[Run], side: str) -> Sum:
    """Sum up the runs of a side.

    Args:
        runs: The accounts of all sides.
        side: The side's name.
    """
    own = [run for run in runs if run.codec == side]
    return Sum(
        reads=sum(run.reads for run in own),
        stale=sum(run.stale for run in own),
        wrong=sum(run.wrong for run in own),
        unavailable=sum(run.unavailable for run in own),
        failed=sum(sum(run.errors.values()) for run in own),
        database_reads=sum(run.database_reads for run in own),
        most=max((run.database_reads for run in own), default=0),
        bound=max((run.bound for run in own if run.bound is not None), default=None),
    )


def is_promised(run: Run, *, control: str) -> bool:
    """Tell whether a run of one of safecodec's sides is as safecodec promises.

    Args:
        run: The accounts.
        control: The name of the fault in which nothing goes wrong, where nothing may be refused: a codec that refuses
            everything serves nothing wrong either.
    """
    if run.wrong or run.unavailable or not run.is_bounded:
        return False
    return run.fault != control or not (run.errors or run.stale)
