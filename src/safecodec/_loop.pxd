cimport cython
from cpython.object cimport PyObject

from safecodec._cost cimport Estimate
from safecodec.avro._breathing cimport Breather, Breathing


cdef enum Guard:
    GUARD_OFF = 0
    GUARD_WARN = 1
    GUARD_RAISE = 2


# How a call that reads or writes a large payload treats the other threads of the process.
cdef struct Manners:
    const Breather *breather  # how it breathes, or NULL
    PyObject *hold            # the Hold of the garbage collector that it takes, or NULL


@cython.final
@cython.no_gc_clear
cdef class LoopRules:
    cdef readonly double budget
    cdef readonly object pool
    cdef readonly Breathing breathing
    cdef readonly object hold_collector
    cdef Breathing off_loop  # keeps the breathers of the next two
    cdef Manners plain       # of a synchronous call
    cdef Manners worker      # of a call on a pool's thread
    cdef Guard guard

    cdef Estimate estimate(self)
    # Before a synchronous call on a loop's thread: refuses it, where that is the rule.
    cdef int admit(self, str verb, Py_ssize_t size, double expected) except -1
    # After it: warns where it was too long, and expected is what one like it will take.
    cdef int tell(self, str verb, Py_ssize_t size, double seconds, double expected) except -1


# Keeps the garbage collector, or its oldest generation, from being collected in the whole process, from the first call of
# `begin` that answers True until as many calls of `end`.
@cython.final
cdef class Hold:
    cdef bint whole
    cdef Py_ssize_t holders
    cdef double since
    cdef object found  # how the collector was before

    cdef bint begin(self) except -1
    cdef int end(self) except -1
    cdef int give_back(self) except -1


# Whether an event loop runs on this thread.
cdef bint on_loop() except -1
# The module of the async verbs; asyncio is loaded with it.
cdef object verbs()
