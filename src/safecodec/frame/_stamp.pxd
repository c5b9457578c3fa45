cimport cython
from libc.stdint cimport uint8_t

from safecodec.frame.layout cimport STAMP_SIZE


@cython.final
@cython.no_gc
@cython.freelist(16)
cdef class Stamp:
    cdef uint8_t[STAMP_SIZE] raw

# The stamp that a block says; None where a reader refuses the block.
cdef object copy_stamp(const uint8_t *block)
# What a caller gives as a stamp, which keeps the block.
cdef Stamp checked_stamp(object stamp)
# A stamp that is written in front of a payload.
cdef Stamp fitting_stamp(object stamp, size_t payload)
