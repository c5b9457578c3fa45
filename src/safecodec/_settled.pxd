# Memory that stays as it was checked.

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize
from cpython.object cimport PyObject
from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from safecodec.frame.layout cimport RELEASE_GIL_FROM

cdef extern from *:
    """
    /* Whether nobody can write to the memory of a buffer: that of bytes, or of a memoryview of bytes. A buffer that is
       read-only by itself says nothing of those who have the memory otherwise. */
    static inline int safecodec_is_frozen(PyObject *owner) {
        if (owner != NULL && PyMemoryView_Check(owner)) owner = PyMemoryView_GET_BUFFER(owner)->obj;
        return owner != NULL && PyBytes_CheckExact(owner);
    }
    """
    bint is_frozen "safecodec_is_frozen"(PyObject *owner) noexcept


# Has a buffer that is held stay as it is: where its owner may write to it, a copy is held instead. Others run while a
# large buffer is summed, copied or read, and a class's own code runs between two values. A buffer that is longer than
# allowed is left as it is, to be refused. Where there is no memory for the copy, nothing is held.
cdef inline int settle(Py_buffer *view, uint64_t longest) except -1:
    cdef bytes copy
    if is_frozen(<PyObject *>view.obj) or <uint64_t>view.len > longest:
        return 0
    try:
        copy = PyBytes_FromStringAndSize(NULL, view.len)
        if view.len < RELEASE_GIL_FROM:
            memcpy(PyBytes_AS_STRING(copy), view.buf, <size_t>view.len)
        else:
            copy_large(PyBytes_AS_STRING(copy), view)
    finally:
        PyBuffer_Release(view)
    return PyObject_GetBuffer(copy, view, PyBUF_SIMPLE)


cdef inline void copy_large(char *target, const Py_buffer *source) noexcept:
    with nogil:
        memcpy(target, source.buf, <size_t>source.len)
