cimport cython
from cpython.object cimport PyObject

from safecodec._cost cimport Estimate
from safecodec._loop cimport LoopRules, Manners
from safecodec.frame._header cimport KnownVersions
from safecodec.frame.checks cimport Expected, Span


@cython.final
@cython.no_gc_clear
cdef class Reader:
    cdef tuple _decoders
    cdef bint _compiled
    cdef KnownVersions _known
    cdef Expected _expected
    cdef str _subject       # these two are borrowed by what is expected
    cdef str _environment
    cdef object _shadow
    cdef LoopRules _rules
    cdef bint _guarded
    cdef bint _quick        # whether a frame that is as expected needs no more than its decoder
    cdef tuple _estimates   # one for each decoder, and last that of frames that none of them reads

    # What decode does.
    cdef object read(self, object frame, object context)
    cdef object read_quickly(self, PyObject *plan, Span frame)
    # The same without a look at the thread.
    cdef object read_plain(self, object frame, object context)
    # The same on a thread that is not an event loop's.
    cdef object read_off_loop(self, object frame, object context)
    cdef object read_watched(self, object frame, object context)
    cdef object read_timed(self, object frame, object context, bint off_loop)
    cdef Estimate estimate_of(self, object frame, Py_ssize_t *size)
    cdef double predict(self, object frame, double now, Py_ssize_t *size) except -1
    cdef double predict_all(self, list frames, double now, Py_ssize_t *size) except -1
    cdef object read_mannerly(self, object frame, object context, const Manners *manners)
    cdef object read_payload(self, PyObject *plan, Span frame, const Manners *manners)
    cdef object read_compiled(self, object frame, object context, const Manners *manners)
    cdef object read_held(self, object frame, object context, const Manners *manners)
    cdef object read_called(self, PyObject *decode, object held, Span frame)
    cdef Py_ssize_t check(self, Span frame, object context) except -1
    cdef int watch(self, Py_ssize_t found, Span frame, object outcome) except -1
