"""The verdict on a call: its error, its time and its memory, against what it was given."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import sys
import threading
import time
import traceback
import tracemalloc
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import attrs
import msgspec

SLOW_BUILD = 12.0 if "asan" in os.environ.get("LD_PRELOAD", "") else 1.0
"""An instrumented build takes so many times as long, and so does each of its allocations."""
SECONDS_PER_BYTE = 1e-6
SECONDS = 5e-3
"""CPU time that a call may take besides: `BYTES` of objects made and freed, as of 10,000 records of defaults without a
byte (3 ms), or a first call that fills caches."""
BYTES_PER_BYTE = 850
BYTES = 9 << 20
"""Memory that a result may take, by `Limits.expansion`: a byte, and besides 8 MiB and 10,000 items without a byte."""
RERUNS = 6
WORTH = 64
"""Bytes of payload from which a call counts for the worst of a run: below it the constants are nearly all."""
MOST_SHOWN = 400


@dataclass
class Report:
    """Counts and findings of some cases.

    Args:
        counts: Cases, inputs, and calls with their outcomes.
        findings: By signature: how often, the first seed, and what it looks like.
        slowest: Seconds a byte, and the seed and call of it.
        largest: Bytes of result a byte of payload, and the seed and call of it.
        timed: Whether the time of calls is judged: not where a test must have one result on any machine.
    """

    counts: Counter[str] = field(default_factory=Counter)
    findings: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    slowest: tuple[float, int, str] = (0.0, -1, "")
    largest: tuple[float, int, str] = (0.0, -1, "")
    timed: bool = True

    def add(self, other: Report) -> None:
        """Take another's counts; the first finding is that of the lowest seed."""
        self.counts += other.counts
        for signature, (count, seed, text) in other.findings.items():
            self.find(signature, seed, text, count)
        self.slowest = max(self.slowest, other.slowest)
        self.largest = max(self.largest, other.largest)

    def find(self, signature: str, seed: int, text: str, count: int = 1) -> None:
        """Note a finding."""
        known, first, shown = self.findings.get(signature, (0, seed, text))
        if seed < first:
            first, shown = seed, text
        self.findings[signature] = (known + count, first, shown)


@dataclass
class Outcome:
    """A call's result, or its error."""

    value: Any = None
    error: BaseException | None = None


class Planted(Exception):
    """Raised by hostile user code, and passed through."""


class Armed:
    """Whether a call is made that is judged: hostile values and hooks do no harm at other times.

    A thread that looks at the heap holds the lock: a reference to a tuple that CPython grows elsewhere is a
    SystemError there.
    """

    now = False
    looking = threading.Lock()


class Judge:
    """Judges the calls of one case.

    Args:
        report: Takes the findings.
        seed: The case's.
    """

    def __init__(self, report: Report, seed: int) -> None:
        self.report = report
        self.seed = seed
        self.calls = 0

    def find(self, fault: str, name: str, what: str, detail: str) -> None:
        """Note a finding: its class, the call, what tells it from others, and all that helps."""
        self.report.find(f"{fault} · {name} · {what}", self.seed, detail[:4000])

    def call(
        self,
        name: str,
        call: Callable[[], Any],
        allowed: tuple[type[BaseException], ...],
        given: int,
        shown: Callable[[], str],
        *,
        weigh: bool = False,
        per_byte: float = 1.0,
    ) -> Outcome:
        """Make a call.

        Args:
            name: The call's.
            call: Makes it; several times where it is slow.
            allowed: The errors that it may raise.
            given: Bytes that it was given.
            shown: Describes the case.
            weigh: Whether the result's size is bounded by what was given.
            per_byte: How many times as long as a decode it may take.
        """
        self.calls += 1
        counts = self.report.counts
        counts[f"{name}: calls"] += 1
        traced = weigh and (self.seed + self.calls) % 64 == 0
        if traced:
            tracemalloc.start()
        start = time.thread_time()
        Armed.now = True
        outcome = self._made(name, call, allowed, shown)
        spent = time.thread_time() - start
        with Armed.looking:
            Armed.now = False
        if outcome.error is not None:
            counts[f"{name}: {type(outcome.error).__name__}"] += 1
        if traced:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            self._weigh(name, given, peak, shown)
            return outcome
        if weigh and outcome.error is None and (given < 2000 or self.calls % 4 == 0):
            self._weigh(name, given, weight(outcome.value), shown)
        if not self.report.timed:
            return outcome
        seconds, each = SECONDS * SLOW_BUILD * per_byte, SECONDS_PER_BYTE * SLOW_BUILD * per_byte
        worst = self.report.slowest[0] * per_byte * SLOW_BUILD
        if spent > seconds + each * given or (given >= WORTH and spent > worst * given):
            self._time(name, call, given, outcome, spent, (seconds, each), shown)
        return outcome

    def _made(
        self, name: str, call: Callable[[], Any], allowed: tuple[type[BaseException], ...], shown: Callable[[], str]
    ) -> Outcome:
        try:
            return Outcome(call())
        except allowed as error:
            return Outcome(error=error)
        except Exception as error:
            text = re.sub(r"'[^']*'|\"[^\"]*\"|0x[0-9a-f]+|\d+|b'.*", "", str(error))[:60]
            last = traceback.format_exc()[-1500:]
            self.find("foreign error", name, f"{type(error).__name__}: {text}", f"{last}\n{shown()}")
            return Outcome(error=error)

    def _time(
        self,
        name: str,
        call: Callable[[], Any],
        given: int,
        outcome: Outcome,
        spent: float,
        bound: tuple[float, float],
        shown: Callable[[], str],
    ) -> None:
        """Tell whether a call is slow: by the best of several, for its bytes and those of its result."""
        size = given + (weight(outcome.value) if outcome.error is None else 0)
        for _ in range(RERUNS):
            start = time.thread_time()
            with contextlib.suppress(Exception):
                call()
            spent = min(spent, time.thread_time() - start)
            if spent > 1.0:
                break
        seconds, each = bound
        ratio = spent / size / each * SECONDS_PER_BYTE if size else 0.0
        if spent > seconds + each * size:
            text = f"{spent * 1e3:,.1f} ms for {given:,} bytes given, {size - given:,} made\n{shown()}"
            self.find("time", name, "", text)
        if given >= WORTH and ratio > self.report.slowest[0]:
            text = f"{name}, {spent * 1e6:,.0f} us for {given:,} bytes given, {size - given:,} made"
            self.report.slowest = ratio, self.seed, f"{text}, {shown()[:MOST_SHOWN]}"

    def _weigh(self, name: str, given: int, size: int, shown: Callable[[], str]) -> None:
        if size > BYTES + BYTES_PER_BYTE * given:
            self.find("memory", name, "", f"{size:,} bytes made of {given:,}\n{shown()}")
        if given >= WORTH and size / given > self.report.largest[0]:
            self.report.largest = (
                size / given,
                self.seed,
                f"{name}, {size:,} bytes made of {given:,}, {shown()[:MOST_SHOWN]}",
            )


def weight(value: Any) -> int:
    """Bytes of a value and of all in it that is not shared with everything."""
    total, seen, waiting = 0, set(), [value]
    while waiting:
        one = waiting.pop()
        kind = type(one)
        if one is None or kind is bool or isinstance(one, type) or id(one) in seen:
            continue
        if kind is int and -5 <= one <= 256:
            continue
        seen.add(id(one))
        total += sys.getsizeof(one)
        if isinstance(one, (list, tuple, set, frozenset)):
            waiting += one
        elif isinstance(one, dict):
            waiting += one.values()
            waiting += one.keys()
        else:
            names = _names(kind)
            total += 8 * len(names) * (not isinstance(one, msgspec.Struct))
            waiting += [getattr(one, name, None) for name in names]
    return total


def _names(kind: type) -> tuple[str, ...]:
    if issubclass(kind, msgspec.Struct):
        return kind.__struct_fields__
    if dataclasses.is_dataclass(kind):
        return tuple(kind.__dataclass_fields__)
    if attrs.has(kind):
        return tuple(one.name for one in attrs.fields(kind))
    return ()
