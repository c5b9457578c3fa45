"""On which terms a codec's calls meet an event loop. A loop is seen here, and asyncio is not loaded to look for one."""

import gc
import os
import sys
import warnings

cimport cython
from cpython.object cimport PyObject

from safecodec._cost cimport Estimate, wall_time
from safecodec.avro._breathing cimport Breathing, breather_of

from safecodec.errors import ConfigError, LoopBlockedError, SafecodecLoopWarning, short

cdef extern from "Python.h":
    int PyGC_Disable() noexcept
    int PyGC_Enable() noexcept

DEFAULT_BUDGET = 200e-6
"""Seconds: below it, a hop to another thread costs more than the call."""
GUARDS = ("off", "warn", "raise")


# ---- the garbage collector -------------------------------------------------------------------------------------------

# Seconds after which nobody joins those who hold the collector. Reads that overlap without end would keep it from
# running at all, and garbage would pile up.
cdef double LONGEST_HOLD = 0.25
# A threshold that the oldest generation does not come to.
NEVER_COLLECTED = 2**30
# Whether there is an oldest generation that is collected at once. Without a GIL there are no generations, and CPython 3.14
# collects the old objects in steps, which have no threshold.
cdef bint HAS_OLDEST = sys.version_info < (3, 14) and getattr(sys, "_is_gil_enabled", lambda: True)()

# The collector's switch and its thresholds are those of the process, and so are the holds.
cdef cython.pymutex collector_lock


cdef class Hold:
    def __cinit__(self, bint whole):
        self.whole = whole

    cdef bint begin(self) except -1:
        cdef double now = wall_time()
        with collector_lock:
            if self.holders == 0:
                self.since = now
                if self.whole:
                    self.found = PyGC_Disable() != 0
                elif HAS_OLDEST:
                    self.found = gc.get_threshold()[2]
                    set_oldest(NEVER_COLLECTED)
            elif now - self.since > LONGEST_HOLD:
                return False
            self.holders += 1
            return True

    cdef int end(self) except -1:
        with collector_lock:
            if self.holders == 0:
                return 0  # this is a fork, made by a hook of the value that was read
            self.holders -= 1
            if self.holders == 0:
                self.give_back()
        return 0

    # A threshold that somebody else has set meanwhile stays.
    cdef int give_back(self) except -1:
        if self.whole:
            if self.found:
                PyGC_Enable()
        elif HAS_OLDEST and gc.get_threshold()[2] == NEVER_COLLECTED:
            set_oldest(self.found)
        return 0


cdef int set_oldest(object threshold) except -1:
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, threshold)
    return 0


cdef Hold whole_collector = Hold(True)
cdef Hold oldest_generation = Hold(False)


def _release_all():
    """In a forked process: the threads that held the collector have stayed behind."""
    for hold in (whole_collector, oldest_generation):
        if (<Hold>hold).holders:
            (<Hold>hold).give_back()
        (<Hold>hold).holders = 0
    collector_lock.release()


if hasattr(os, "register_at_fork"):  # Windows has no forks
    os.register_at_fork(
        before=lambda: collector_lock.acquire(), after_in_parent=lambda: collector_lock.release(),
        after_in_child=_release_all,
    )


# ---- rules -----------------------------------------------------------------------------------------------------------


@cython.final
@cython.no_gc_clear
cdef class LoopRules:
    """What a codec and its readers keep to. Immutable, safe to share between threads.

    Args:
        budget: What a call may take on the thread of an event loop, in seconds.
        guard: What is done about a synchronous call that takes more there: nothing (``off``), ``warn``, or ``raise``.
        pool: The `safecodec.offload.Pool` that longer async calls go to; that of the process where None.
        breathing: How calls let other threads run; where None those on a pool's thread breathe by release, and no others.
        hold_collector: Whether large frames are read while no collection begins; where None those on a pool's thread are
            read while none of the oldest generation begins.

    Raises:
        ConfigError: The budget is no number of seconds, the guard is not known, or the pool or breathing is none.
    """

    def __cinit__(self, budget=DEFAULT_BUDGET, guard=GUARDS[0], pool=None, breathing=None, hold_collector=None):
        if isinstance(budget, bool) or not isinstance(budget, (int, float)) or not _is_double(budget):
            raise ConfigError(f"loop_budget is a number of seconds, not {short(budget)}")
        if guard not in GUARDS:
            raise ConfigError(f"loop_guard is one of {', '.join(GUARDS)}, not {short(guard)}")
        if pool is not None and not isinstance(pool, verbs().Pool):
            raise ConfigError(f"pool is a safecodec.offload.Pool, not {short(pool)}")
        if breathing is not None and not isinstance(breathing, Breathing):
            raise ConfigError(f"breathing is a safecodec.Breathing, not {short(breathing)}")
        if hold_collector is not None and not isinstance(hold_collector, bool):
            raise ConfigError(f"hold_collector is True, False or None, not {short(hold_collector)}")
        self.budget = budget
        self.hold_collector = hold_collector
        self.guard = <Guard><int>GUARDS.index(guard)
        self.pool = pool
        self.breathing = breathing
        self.off_loop = Breathing("release") if breathing is None else breathing
        self.plain = Manners(breather_of(breathing), NULL)
        self.worker = Manners(breather_of(self.off_loop), NULL)
        if hold_collector:
            self.plain.hold = self.worker.hold = <PyObject *>whole_collector
        elif hold_collector is None:
            self.worker.hold = <PyObject *>oldest_generation

    cdef Estimate estimate(self):
        return Estimate(self.budget)

    cdef int admit(self, str verb, Py_ssize_t size, double expected) except -1:
        if self.guard == GUARD_RAISE and expected >= self.budget:
            raise LoopBlockedError(verb=verb, size=size, seconds=expected, budget=self.budget)
        return 0

    cdef int tell(self, str verb, Py_ssize_t size, double seconds, double expected) except -1:
        if seconds >= self.budget and expected >= self.budget:
            # Compiled code has no frame of its own: the first is the caller's.
            warnings.warn(SafecodecLoopWarning(verb=verb, size=size, seconds=seconds), stacklevel=1)
        return 0


# ---- the event loop --------------------------------------------------------------------------------------------------


cdef bint on_loop() except -1:
    running = getattr(sys.modules.get("asyncio"), "_get_running_loop", None)
    if running is not None and running() is not None:
        return True
    in_task = getattr(getattr(sys.modules.get("trio"), "lowlevel", None), "in_trio_task", None)
    return in_task is not None and in_task()


# A whole number may be beyond all that a double holds.
cdef bint _is_double(object seconds) except -1:
    return 0 <= seconds <= sys.float_info.max or seconds == float("inf")


cdef object verbs():
    # From below to above, and only when it is called for: whoever has no event loop does not load one.
    import safecodec.offload as offload
    return offload
