# Logical types of single values, without an object of the Avro value in between.

cimport cython
from libc.stdint cimport int64_t, uint8_t

cdef enum Kind:
    TIME
    TIMEDELTA
    IDENTIFIER
    DECIMAL
    BIG_DECIMAL

cdef enum:
    LONGEST = 40  # bytes that `data_of` writes


@cython.final
cdef class Conversion:
    cdef readonly object slow
    cdef Kind kind
    cdef int64_t units  # microseconds
    cdef int64_t digits
    cdef int64_t scale
    cdef int64_t below  # a decimal's unscaled value, either way
    cdef Py_ssize_t size  # of a fixed, else 0

    # The Python value of a number, or of bytes or a text of ASCII; None where `slow` makes it, or says why there is none.
    cdef object of_number(self, int64_t number)
    cdef object of_data(self, const uint8_t *data, Py_ssize_t size)
    cdef object big_decimal(self, const uint8_t *data, Py_ssize_t whole)
    # The number of a value, or whether it has one; and its bytes, or how many it has, 0 where `slow` writes it.
    cdef bint number_of(self, object value, int64_t *number) except -1
    cdef Py_ssize_t data_of(self, object value, uint8_t *out) except -1
