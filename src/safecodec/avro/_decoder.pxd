cimport cython
from libc.stdint cimport int64_t, uint8_t

from safecodec.avro._arena cimport Arena
from safecodec.avro._breathing cimport Breather
from safecodec.avro._plan cimport Step


# As long as it can be called, its steps are there: the garbage collector empties none of these.
@cython.final
@cython.no_gc_clear
cdef class Plan:
    cdef Arena _arena
    cdef Step *_root     # NULL until the first payload is read
    cdef tuple _sources  # what the steps are compiled from
    cdef int _deepest
    cdef Py_ssize_t _empty_items
    cdef int64_t _expansion
    cdef Py_ssize_t _longest
    cdef bint _prefix
    cdef void **_keys

    cdef int build(self) except -1
    # What decode does, on bytes that the caller holds.
    cdef object read(self, const uint8_t *data, Py_ssize_t size, const Breather *breather)
