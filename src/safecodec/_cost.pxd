cimport cython

cdef enum:
    LEAST = 256     # bytes; a smaller payload costs as much as one of these
    EVEN = 4096     # a measurement over so many bytes counts as much as all before it
    LONG = 4096     # from so many bytes on, a thread's own time is measured


@cython.final
@cython.no_gc
cdef class Estimate:
    cdef double _usual
    cdef double _worst
    cdef double _since
    cdef double _highest

    cdef double rate(self, double now) except -1
    cdef double seconds(self, Py_ssize_t size, double now) except -1
    cdef int learn(self, Py_ssize_t size, Py_ssize_t weight, double seconds, double now, bint whole) except -1


# What measures a call over so many bytes: a function that returns seconds.
cdef object stopwatch(Py_ssize_t size)
cdef double wall_time() except -1
# Ends what the stopwatch began, and has an estimate learn from it.
cdef int learn_from(Estimate estimate, object watch, double started, Py_ssize_t size, Py_ssize_t weight,
                    bint whole) except -1
cdef Py_ssize_t weigh(object value) except -1
