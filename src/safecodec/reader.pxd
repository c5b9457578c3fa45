cimport cython

from safecodec.avro._breathing cimport Breather, Breathing
from safecodec.frame._header cimport KnownVersions
from safecodec.frame.checks cimport Expected, Span


@cython.final
@cython.no_gc_clear
cdef class Reader:
    cdef tuple _decoders
    cdef bint _compiled
    cdef KnownVersions _known
    cdef Expected _expected
    cdef object _describe
    cdef object _shadow
    cdef Breathing _breathing
    cdef const Breather *_breather

    # What decode does.
    cdef object read(self, object frame, object context, const Breather *breather)
    cdef object read_compiled(self, object frame, object context, const Breather *breather)
    cdef object read_held(self, object frame, object context)
    cdef Py_ssize_t check(self, Span frame, object context) except -1
    cdef object unreadable(self, Span frame, Exception error)
    cdef int watch(self, Py_ssize_t found, Span frame, object outcome) except -1
