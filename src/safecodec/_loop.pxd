cimport cython

from safecodec._cost cimport Estimate
from safecodec.avro._breathing cimport Breather, Breathing


cdef enum Guard:
    GUARD_OFF = 0
    GUARD_WARN = 1
    GUARD_RAISE = 2


@cython.final
@cython.no_gc_clear
cdef class LoopRules:
    cdef readonly double budget
    cdef readonly object pool
    cdef readonly Breathing breathing
    cdef readonly bint hold_collector
    cdef Breathing off_loop      # what keeps the next two
    cdef const Breather *plain   # of a synchronous call
    cdef const Breather *worker  # of a call on a pool's thread
    cdef Guard guard

    cdef Estimate estimate(self)
    # Before a synchronous call on a loop's thread: refuses it, where that is the rule.
    cdef int admit(self, str verb, Py_ssize_t size, double expected) except -1
    # After it: warns where it was too long, and expected is what one like it will take.
    cdef int tell(self, str verb, Py_ssize_t size, double seconds, double expected) except -1


# Keeps the garbage collector from starting, in the whole process, until the last caller for whom this was true has
# called release_collector.
cdef bint hold_collector() except -1
cdef int release_collector() except -1
# Whether an event loop runs on this thread.
cdef bint on_loop() except -1
# The module of the async verbs; asyncio is loaded with it.
cdef object verbs()
