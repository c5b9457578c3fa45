cimport cython
from cpython.object cimport PyObject

cdef extern from *:
    """
    /* A plan that another thread has built is seen whole: what is found through the pointer was written before it. */
    #ifdef Py_GIL_DISABLED
    #define SAFECODEC_SHOW(place, steps) _Py_atomic_store_ptr_release((place), (steps))
    #else
    #define SAFECODEC_SHOW(place, steps) (*(place) = (steps))
    #endif
    """
    void show_steps "SAFECODEC_SHOW"(void **place, void *steps) noexcept


# Owns the steps of a plan and whatever Python objects they point to. In the end a tuple holds these: the garbage
# collector empties lists of what it finds unreachable, while a finalizer may still call the plan.
@cython.final
@cython.no_gc_clear
cdef class Arena:
    cdef void **_blocks
    cdef Py_ssize_t _count
    cdef object _kept
    cdef dict _known  # addresses of steps, by the id of what they are made of; only while the plan is built

    # Memory for a number of things of one size, filled with zeros.
    cdef void *room(self, Py_ssize_t count, Py_ssize_t size) except NULL
    # The object, which now lives as long as the arena does; NULL for None.
    cdef PyObject *keep(self, object one) except? NULL
    # A step for an action or a node, which stands for it from now on; and the one that does, or NULL.
    cdef void *new(self, object source, Py_ssize_t size) except NULL
    cdef void *known(self, object source) except? NULL
    cdef int seal(self) except -1
