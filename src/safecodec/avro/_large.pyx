"""Texts beyond ASCII; large texts and bytes without the GIL, which CPython's own ways hold for milliseconds a megabyte."""

from libc.stdint cimport uint32_t
from libc.string cimport memcpy

from safecodec.avro._breathing cimport LARGE, copy_released
from safecodec.avro._buffer cimport make_room, store_long
from safecodec.avro._cursor cimport LONGEST_LONG, NO_UTF_8, fail, first_fault
from safecodec.avro._refusals cimport refusal
from safecodec.avro._utf8 cimport count_utf8, read_utf8, size_utf8, write_utf8

cdef extern from "Python.h":
    PyObject *PyUnicode_New(Py_ssize_t, uint32_t) except NULL
    PyObject *PyUnicode_FromOrdinal(int) noexcept
    PyObject *PyUnicode_DecodeUTF8(const char *, Py_ssize_t, const char *) except NULL
    uint32_t PyUnicode_READ(int, const void *, Py_ssize_t) noexcept
    PyObject *PyBytes_FromStringAndSize(const char *, Py_ssize_t) except NULL
    char *PyBytes_AS_STRING(PyObject *) noexcept
    int PyUnicode_KIND(PyObject *) noexcept
    void *PyUnicode_DATA(PyObject *) noexcept
    Py_ssize_t PyUnicode_GET_LENGTH(PyObject *) noexcept
    void Py_DECREF(PyObject *) noexcept


cdef enum:
    LONG = 2048  # bytes


cdef PyObject *wide_text(Cursor *cursor, const uint8_t *data, Py_ssize_t size) except NULL:
    cdef PyObject *text
    cdef void *characters
    cdef int kind
    cdef uint32_t most
    cdef Py_ssize_t length
    cdef bint done
    cdef bint holds = size < LARGE or cursor.breath.breather is NULL
    if holds and size > LONG:
        return long_text(cursor, data, size)
    if holds:
        length = count_utf8(data, size, &most)
    else:
        with nogil:
            length = count_utf8(data, size, &most)
    text = PyUnicode_New(length, most)
    characters = PyUnicode_DATA(text)
    kind = PyUnicode_KIND(text)
    if holds:
        done = read_utf8(data, size, kind, characters)
    else:
        with nogil:
            done = read_utf8(data, size, kind, characters)
    if not done:
        Py_DECREF(text)
        fail(cursor, NO_UTF_8, data + first_fault(data, size), 0, 0)
        raise refusal(cursor)
    if length == 1 and most == 0xFF:  # of which CPython has one object each
        return shared(text)
    return text


# CPython's decoder reads a long text faster, for which it need not be quick to begin.
cdef PyObject *long_text(Cursor *cursor, const uint8_t *data, Py_ssize_t size) except NULL:
    try:
        return PyUnicode_DecodeUTF8(<const char *>data, size, NULL)
    except UnicodeDecodeError:
        fail(cursor, NO_UTF_8, data + first_fault(data, size), 0, 0)
    raise refusal(cursor)


cdef PyObject *shared(PyObject *text) except NULL:
    cdef PyObject *one = PyUnicode_FromOrdinal(<int>PyUnicode_READ(PyUnicode_KIND(text), PyUnicode_DATA(text), 0))
    Py_DECREF(text)
    if one is NULL:
        raise MemoryError
    return one


cdef PyObject *large_bytes(const uint8_t *data, Py_ssize_t size) except NULL:
    cdef PyObject *made = PyBytes_FromStringAndSize(NULL, size)
    copy_released(PyBytes_AS_STRING(made), data, size)
    return made


cdef bint put_large_text(object text, Buffer *out) except -1:
    cdef Py_ssize_t length = PyUnicode_GET_LENGTH(<PyObject *>text)
    cdef const void *characters = PyUnicode_DATA(<PyObject *>text)
    cdef int kind = PyUnicode_KIND(<PyObject *>text)
    cdef Py_ssize_t size
    with nogil:
        size = size_utf8(kind, characters, length)
    if size < 0:
        text.encode()  # says where
    if not make_room(out, size + LONGEST_LONG):
        return False
    out.at = store_long(out.at, size)
    with nogil:
        if size == length:
            memcpy(out.at, characters, <size_t>size)
        else:
            write_utf8(kind, characters, length, out.at)
    out.at += size
    return True


cdef bint put_large(const uint8_t *data, Py_ssize_t size, Buffer *out) except -1:
    if not make_room(out, size + LONGEST_LONG):
        return False
    out.at = store_long(out.at, size)
    copy_released(out.at, data, size)
    out.at += size
    return True
