cimport cython
from cpython.object cimport PyObject


# Owns the steps of a plan and whatever Python objects they point to. In the end a tuple holds these: the garbage
# collector empties lists of what it finds unreachable, while a finalizer may still call the plan.
@cython.final
@cython.no_gc_clear
cdef class Arena:
    cdef void **_blocks
    cdef Py_ssize_t _count
    cdef object _kept

    # Memory for a number of things of one size, filled with zeros.
    cdef void *room(self, Py_ssize_t count, Py_ssize_t size) except NULL
    # The object, which now lives as long as the arena does; NULL for None.
    cdef PyObject *keep(self, object one) except? NULL
    cdef int seal(self) except -1
