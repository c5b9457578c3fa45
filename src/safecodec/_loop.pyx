"""On which terms a codec's calls meet an event loop. A loop is seen here, and asyncio is not loaded to look for one."""

import os
import sys
import warnings

cimport cython

from safecodec._cost cimport Estimate, wall_time
from safecodec.avro._breathing cimport Breathing, breather_of

from safecodec.errors import ConfigError, LoopBlockedError, SafecodecLoopWarning, short

cdef extern from "Python.h":
    int PyGC_Disable() noexcept
    int PyGC_Enable() noexcept

DEFAULT_BUDGET = 200e-6
"""Seconds: below it, a hop to another thread costs more than the call."""
GUARDS = ("off", "warn", "raise")


@cython.final
@cython.no_gc_clear
cdef class LoopRules:
    """What a codec and its readers keep to. Immutable, safe to share between threads.

    Args:
        budget: What a call may take on the thread of an event loop, in seconds.
        guard: What is done about a synchronous call that takes more there: nothing (``off``), ``warn``, or ``raise``.
        pool: The `safecodec.offload.Pool` that longer async calls go to; that of the process where None.
        breathing: How calls let other threads run; where None those on a pool's thread breathe by call, and no others.
        hold_collector: Whether large frames are read while no collection begins.

    Raises:
        ConfigError: The budget is no number of seconds, the guard is not known, or the pool or breathing is none.
    """

    def __cinit__(self, budget=DEFAULT_BUDGET, guard=GUARDS[0], pool=None, breathing=None, hold_collector=False):
        if isinstance(budget, bool) or not isinstance(budget, (int, float)) or not _is_double(budget):
            raise ConfigError(f"loop_budget is a number of seconds, not {short(budget)}")
        if guard not in GUARDS:
            raise ConfigError(f"loop_guard is one of {', '.join(GUARDS)}, not {short(guard)}")
        if pool is not None and not isinstance(pool, verbs().Pool):
            raise ConfigError(f"pool is a safecodec.offload.Pool, not {short(pool)}")
        if breathing is not None and not isinstance(breathing, Breathing):
            raise ConfigError(f"breathing is a safecodec.Breathing, not {short(breathing)}")
        if not isinstance(hold_collector, bool):
            raise ConfigError(f"hold_collector is True or False, not {short(hold_collector)}")
        self.budget = budget
        self.hold_collector = hold_collector
        self.guard = <Guard><int>GUARDS.index(guard)
        self.pool = pool
        self.breathing = breathing
        self.off_loop = Breathing() if breathing is None else breathing
        self.plain = breather_of(breathing)
        self.worker = breather_of(self.off_loop)

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


# ---- the garbage collector -------------------------------------------------------------------------------------------

# Seconds after which nobody joins those who hold the collector. Reads that overlap without end would keep it from
# running at all, and garbage would pile up.
cdef double LONGEST_HOLD = 0.25

# The collector's switch is one for the process, and so is the count of those who hold it.
cdef cython.pymutex collector_lock
cdef Py_ssize_t collector_holders = 0
cdef bint collector_was_on = False
cdef double collector_held_since = 0


cdef bint hold_collector() except -1:
    global collector_holders, collector_was_on, collector_held_since
    cdef double now = wall_time()
    with collector_lock:
        if collector_holders == 0:
            collector_was_on = PyGC_Disable()
            collector_held_since = now
        elif now - collector_held_since > LONGEST_HOLD:
            return False
        collector_holders += 1
        return True


cdef int release_collector() except -1:
    global collector_holders
    with collector_lock:
        if collector_holders == 0:
            return 0  # this is a fork, made by a hook of the value that was read
        collector_holders -= 1
        if collector_holders == 0 and collector_was_on:
            PyGC_Enable()
    return 0


def _release_all():
    """In a forked process: the threads that held the collector have stayed behind."""
    global collector_holders
    if collector_holders and collector_was_on:
        PyGC_Enable()
    collector_holders = 0
    collector_lock.release()


if hasattr(os, "register_at_fork"):  # Windows has no forks
    os.register_at_fork(
        before=lambda: collector_lock.acquire(), after_in_parent=lambda: collector_lock.release(),
        after_in_child=_release_all,
    )


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
