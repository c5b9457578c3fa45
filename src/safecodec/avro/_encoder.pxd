cimport cython

from safecodec.avro._arena cimport Arena
from safecodec.avro._breathing cimport Breather
from safecodec.avro._buffer cimport Buffer
from safecodec.avro._writing cimport Put


@cython.final
@cython.no_gc_clear
cdef class Encoder:
    cdef Arena _arena
    cdef Put *_root      # NULL until the first value is written
    cdef tuple _sources  # what the steps are compiled from
    cdef int _deepest
    cdef Py_ssize_t _empty_items
    cdef Py_ssize_t _longest

    cdef int build(self) except -1
    # Appends a value to a buffer that the caller opens and closes.
    cdef int write(self, object value, Buffer *out, const Breather *breather) except -1
