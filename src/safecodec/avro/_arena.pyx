"""The memory of a plan: its steps, and the Python objects that they point to."""

from libc.stdlib cimport calloc, free, realloc


cdef class Arena:
    def __cinit__(self):
        self._kept = []
        self._known = {}

    def __dealloc__(self):
        cdef Py_ssize_t at
        for at in range(self._count):
            free(self._blocks[at])
        free(self._blocks)

    cdef void *room(self, Py_ssize_t count, Py_ssize_t size) except NULL:
        cdef void **blocks = <void **>realloc(self._blocks, <size_t>(self._count + 1) * sizeof(void *))
        if blocks is NULL:
            raise MemoryError
        self._blocks = blocks
        blocks[self._count] = calloc(<size_t>(count if count else 1), <size_t>size)
        if blocks[self._count] is NULL:
            raise MemoryError
        self._count += 1
        return blocks[self._count - 1]

    cdef PyObject *keep(self, object one) except? NULL:
        if one is None:
            return NULL
        self._kept.append(one)
        return <PyObject *>one

    cdef void *new(self, object source, Py_ssize_t size) except NULL:
        cdef void *step = self.room(1, size)
        self._known[id(source)] = <size_t>step
        self.keep(source)  # so that its id stays its own
        return step

    cdef void *known(self, object source) except? NULL:
        return <void *><size_t>self._known.get(id(source), 0)

    cdef int seal(self) except -1:
        self._kept = tuple(self._kept)
        self._known = None
        return 0
