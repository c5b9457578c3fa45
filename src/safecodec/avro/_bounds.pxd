# Bounds of single values.

cimport cython
from libc.stdint cimport int64_t


@cython.final
cdef class Bounds:
    cdef object slow
    cdef object search
    cdef bint of_ints
    cdef bint of_floats
    cdef bint of_lengths
    cdef int64_t least
    cdef int64_t most
    cdef int64_t factor
    cdef double low
    cdef double high
    cdef bint above_low
    cdef bint below_high
    cdef Py_ssize_t shortest
    cdef Py_ssize_t longest

    # Whether a value is of a type that is known here, and within the bounds.
    cdef bint holds(self, object value) except -1
