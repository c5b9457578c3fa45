from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact
from libc.stdint cimport int64_t, uint8_t
from libc.math cimport signbit

cdef enum:
    FINITE = 1
    WHOLE = 2
    SINGLE = 4
    BLOCK = 64
    KEPT = 16384  # the longest payload whose buffer is kept


cdef class Place:
    cdef public int checks
    cdef public Place items
    cdef public tuple fixed
    cdef public Place keys
    cdef public Place values
    cdef public tuple typed
    cdef public dict records


cdef class FieldPlace:
    cdef str name
    cdef Py_ssize_t offset
    cdef Place place


cdef class StraightEncoder:
    cdef object into
    cdef object alone
    cdef object places
    cdef object refuse
    cdef Place place
    cdef bytearray spare

    # The payload of a value, as bytes or as a bytearray that is to be given back.
    cdef object write(self, object value)
    cdef bint is_finite(self, object value) except -1
    cdef int give_back(self, object payload) except -1


cdef extern from "Python.h":
    Py_ssize_t size_of "Py_SIZE"(object payload) noexcept


cdef inline const uint8_t *bytes_of(object payload) noexcept:
    if PyBytes_CheckExact(payload):
        return <const uint8_t *>PyBytes_AS_STRING(payload)
    return <const uint8_t *>PyByteArray_AS_STRING(payload)


# Whether compact JSON may hold a null that is no part of a text. Blocks are compared without a branch for each byte, which
# compilers turn into vector instructions.
cdef inline bint may_hold_null(const uint8_t *data, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t at = 0, one
    cdef uint8_t found
    while size - at >= BLOCK + 3:
        found = 0
        for one in range(BLOCK):
            found |= (data[at + one] == 110) & (data[at + one + 1] == 117) & (data[at + one + 2] == 108)
        if found and is_null_in(data, at, at + BLOCK):
            return True
        at += BLOCK
    return is_null_in(data, at, size - 3)


# Whether there is one between two places. A null is the whole payload, or stands behind ":", "[", "," or, as a key, a quote.
cdef inline bint is_null_in(const uint8_t *data, Py_ssize_t start, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t at
    for at in range(start, end):
        if data[at] == 110 and data[at + 1] == 117 and data[at + 2] == 108 and data[at + 3] == 108:
            if at == 0 or data[at - 1] in (58, 91, 44, 34):
                return True
    return False


# From 2**53 on several whole numbers are read as one float.
cdef inline bint fits_number(double value, int checks) noexcept nogil:
    if checks & FINITE and value - value != 0:
        return False
    if checks & SINGLE and <double><float>value != value:
        return False
    if not checks & WHOLE:
        return True
    if not -9007199254740992.0 < value < 9007199254740992.0:
        return False
    return <double><int64_t>value == value and not (value == 0 and signbit(value))
