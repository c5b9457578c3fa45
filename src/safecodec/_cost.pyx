"""What a call costs before it is made: an estimate that learns from the calls so far, and a value's size by a glance."""

import time
from collections import deque

cimport cython
from libc.math cimport exp2

from safecodec.errors import FAULTS as _FAULTS

FIRST_RATE = 20e-9
"""Seconds that a byte is taken to cost before the first measurement: twice what records of short fields do."""
LOWEST_RATE = 1e-9
"""What a byte costs at least: payloads of one long text must not bring a megabyte of records onto a loop's thread."""
HALF_LIFE = 5.0
"""Seconds in which half of the worst is forgotten."""

DEEPEST = 8
GLANCES = 128
RECORD = 32     # a dict of more entries is a map, whose entries are alike
SAMPLE = 8
LEAF = 8        # bytes

_wall = time.perf_counter
# Where it ticks in milliseconds, as on Windows, it measures nothing.
_own = time.thread_time if time.get_clock_info("thread_time").resolution < 1e-6 else _wall


@cython.final
@cython.no_gc
cdef class Estimate:
    """Seconds a byte of one plan in one direction, as the calls so far took. Safe to share between threads.

    It is the larger of two figures. The usual one is a mean that weighs measurements by their bytes: 4 KiB count half of
    it, and so one long call tells the truth at once, while a small one that was disturbed hardly counts. The worst is the
    highest mean so far, halved every `HALF_LIFE`: whoever mixes cheap payloads with dear ones of the same plan has
    to wait for it, however many cheap ones there are.

    Args:
        budget: What an event loop's thread bears, in seconds. A single measurement counts for four times as much as sends
            the smallest payload over it, at most.
    """

    def __cinit__(self, double budget):
        self._highest = 4 * budget / LEAST
        self._usual = min(<double>FIRST_RATE, self._highest)

    def predict(self, Py_ssize_t size, double now):
        """Return the seconds that a payload of so many bytes is expected to take.

        Args:
            size: Its length in bytes; less than 256 count as 256.
            now: The time, in seconds of `time.perf_counter`.
        """
        return self.seconds(size, now)

    def note(self, Py_ssize_t size, double seconds, double now, *, weight=None, bint whole=True):
        """Learn from a measurement.

        Args:
            size: What `predict` was asked for.
            seconds: What it took.
            now: The time.
            weight: Length of the payload in bytes, where ``size`` was a guess.
            whole: Whether all was done; what ended early is noted only where it was dearer than expected.
        """
        self.learn(size, size if weight is None else weight, seconds, now, whole)

    cdef double rate(self, double now) except -1:
        cdef double worst = self._worst
        if worst <= self._usual:
            return self._usual
        if now > self._since:
            worst *= exp2((self._since - now) / <double>HALF_LIFE)
        return max(worst, self._usual)

    cdef double seconds(self, Py_ssize_t size, double now) except -1:
        with cython.critical_section(self):
            return max(size, <Py_ssize_t>LEAST) * self.rate(now)

    cdef int learn(self, Py_ssize_t size, Py_ssize_t weight, double seconds, double now, bint whole) except -1:
        cdef double found = min(seconds / max(size, <Py_ssize_t>LEAST), self._highest)
        cdef double worst
        with cython.critical_section(self):
            worst = self.rate(now)
            if whole or found > worst:
                self._usual += (max(found, <double>LOWEST_RATE) - self._usual) * weight / (weight + EVEN)
                self._worst = max(worst, self._usual)
                self._since = now
        return 0


cdef double wall_time() except -1:
    return _wall()


# On a long call others may have had the interpreter meanwhile; on a short one the thread's own clock would cost more
# than the call.
cdef object stopwatch(Py_ssize_t size):
    return _wall if size < LONG else _own


cdef int learn_from(Estimate estimate, object watch, double started, Py_ssize_t size, Py_ssize_t weight,
                    bint whole) except -1:
    cdef double ended = watch()
    return estimate.learn(size, weight, ended - started, ended if watch is _wall else wall_time(), whole)


def size_hint(value):
    """Return about how many bytes a value's payload will have, by a glance: of many items, the first few are weighed."""
    return weigh(value)


cdef Py_ssize_t weigh(object value) except -1:
    cdef int left = GLANCES
    try:
        return <Py_ssize_t>min(glance(value, DEEPEST, &left), 2.0**40)
    except _FAULTS:  # of a property, or of a container that changes; writing it will tell
        return LEAST


cdef double glance(object value, int depth, int *left) except -1:
    left[0] -= 1
    # By the types' own methods: those of a subclass may say anything.
    if isinstance(value, str):
        return len(<str>value)
    if isinstance(value, bytes):
        return len(<bytes>value)
    if isinstance(value, bytearray):
        return len(<bytearray>value)
    if depth == 0 or left[0] <= 0:
        return LEAF
    if isinstance(value, dict):
        return sampled(dict.values(value), len(<dict>value), RECORD, depth, left) + LEAF * <double>len(<dict>value)
    if isinstance(value, list):
        return sampled(list.__iter__(value), len(<list>value), SAMPLE, depth, left)
    if isinstance(value, tuple):
        return sampled(tuple.__iter__(value), len(<tuple>value), RECORD, depth, left)
    for kind in (set, frozenset, deque):
        if issubclass(type(value), kind):
            return sampled(kind.__iter__(value), kind.__len__(value), SAMPLE, depth, left)
    names = field_names(type(value))
    if names is None:
        return LEAF
    held = []
    for name in names:
        held.append(getattr(value, name, None))
    return sampled(held, len(names), len(names), depth, left)


# All of few items, or as many as there are of the first ones.
cdef double sampled(object items, Py_ssize_t count, Py_ssize_t few, int depth, int *left) except -1:
    cdef double found = 0
    cdef Py_ssize_t seen = 0
    for item in items:
        found += glance(item, depth - 1, left)
        seen += 1
        if seen == SAMPLE and count > few:
            break
    return found * count / seen if seen else 0


cdef object field_names(object cls):
    for attribute in ("__struct_fields__", "__dataclass_fields__", "__match_args__"):
        names = getattr(cls, attribute, None)
        if names is not None:
            return names
    return None
