"""Large texts and bytes, without the GIL: CPython's own ways would hold it for milliseconds a megabyte."""

from libc.stdint cimport uint32_t

from safecodec.avro._breathing cimport copy_released
from safecodec.avro._buffer cimport LONGEST_LONG, make_room, store_long
from safecodec.avro._cursor cimport NO_UTF_8, fail, first_fault
from safecodec.avro._refusals cimport refusal

cdef extern from "Python.h":
    PyObject *PyUnicode_New(Py_ssize_t, uint32_t) except NULL
    PyObject *PyBytes_FromStringAndSize(const char *, Py_ssize_t) except NULL
    char *PyBytes_AS_STRING(PyObject *) noexcept
    int PyUnicode_KIND(PyObject *) noexcept
    void *PyUnicode_DATA(PyObject *) noexcept
    Py_ssize_t PyUnicode_GET_LENGTH(object) noexcept
    uint32_t PyUnicode_READ(int, const void *, Py_ssize_t) noexcept nogil
    void PyUnicode_WRITE(int, void *, Py_ssize_t, uint32_t) noexcept nogil

cdef struct Count:
    Py_ssize_t length
    uint8_t highest


cdef PyObject *large_text(Cursor *cursor, const uint8_t *data, Py_ssize_t size) except NULL:
    cdef Count count
    cdef PyObject *text
    cdef void *characters
    cdef int kind
    cdef Py_ssize_t valid
    with nogil:
        count_characters(data, size, &count)
        valid = size if count.highest < 0x80 else first_fault(data, size)
    if valid < size:
        fail(cursor, NO_UTF_8, data + valid, 0, 0)
        raise refusal(cursor)
    text = PyUnicode_New(count.length, most_of(count.highest))
    characters = PyUnicode_DATA(text)
    kind = PyUnicode_KIND(text)
    if count.highest < 0x80:
        copy_released(characters, data, size)
        return text
    with nogil:
        read_characters(data, size, kind, characters)
    return text


cdef int count_characters(const uint8_t *data, Py_ssize_t size, Count *count) except -1 nogil:
    cdef Py_ssize_t length = 0
    cdef uint8_t highest = 0
    cdef Py_ssize_t at
    for at in range(size):
        length += (data[at] & 0xC0) != 0x80
        highest = data[at] if data[at] > highest else highest
    count.length = length
    count.highest = highest
    return 0


# The highest character that a text may have whose UTF-8 has this byte for its highest, of those that decide how wide
# CPython's characters are.
cdef uint32_t most_of(uint8_t highest) except 0:
    return 0x7F if highest < 0x80 else 0xFF if highest <= 0xC3 else 0xFFFF if highest < 0xF0 else 0x10FFFF


cdef int read_characters(const uint8_t *data, Py_ssize_t size, int kind, void *characters) except -1 nogil:
    cdef Py_ssize_t at = 0
    cdef Py_ssize_t found = 0
    cdef uint32_t character
    cdef uint8_t byte
    cdef int more
    while at < size:
        byte = data[at]
        at += 1
        more = 0 if byte < 0x80 else 1 if byte < 0xE0 else 2 if byte < 0xF0 else 3
        character = byte if more == 0 else byte & (0x3F >> more)
        for _ in range(more):
            character = character << 6 | (data[at] & 0x3F)
            at += 1
        PyUnicode_WRITE(kind, characters, found, character)
        found += 1
    return 0


cdef PyObject *large_bytes(const uint8_t *data, Py_ssize_t size) except NULL:
    cdef PyObject *made = PyBytes_FromStringAndSize(NULL, size)
    copy_released(PyBytes_AS_STRING(made), data, size)
    return made


cdef bint put_large_text(object text, Buffer *out) except -1:
    cdef Py_ssize_t length = PyUnicode_GET_LENGTH(text)
    cdef void *characters = PyUnicode_DATA(<PyObject *>text)
    cdef int kind = PyUnicode_KIND(<PyObject *>text)
    cdef Py_ssize_t size
    cdef bint done
    with nogil:
        size = size_of(kind, characters, length)
    if size < 0:
        text.encode()  # says where
    with nogil:
        done = make_room(out, size + LONGEST_LONG)
    if not done:
        return False
    out.at = store_long(out.at, size)
    if size == length:
        copy_released(out.at, characters, size)
    else:
        with nogil:
            write_characters(kind, characters, length, out.at)
    out.at += size
    return True


# Bytes of a text's UTF-8, or -1 where it has none: Unicode 16.0, section 3.9, has no surrogates in it.
cdef Py_ssize_t size_of(int kind, const void *characters, Py_ssize_t length) except -2 nogil:
    cdef Py_ssize_t size = 0
    cdef Py_ssize_t at
    cdef uint32_t character
    for at in range(length):
        character = PyUnicode_READ(kind, characters, at)
        if 0xD800 <= character <= 0xDFFF:
            return -1
        size += 1 + (character > 0x7F) + (character > 0x7FF) + (character > 0xFFFF)
    return size


cdef int write_characters(int kind, const void *characters, Py_ssize_t length, uint8_t *out) except -1 nogil:
    cdef Py_ssize_t at
    cdef uint32_t character
    cdef int more
    for at in range(length):
        character = PyUnicode_READ(kind, characters, at)
        if character < 0x80:
            out[0] = <uint8_t>character
            out += 1
            continue
        more = (character > 0x7F) + (character > 0x7FF) + (character > 0xFFFF)
        out[0] = <uint8_t>(0xF80 >> more | character >> (6 * more))
        out += 1
        while more:
            more -= 1
            out[0] = <uint8_t>(0x80 | (character >> (6 * more) & 0x3F))
            out += 1
    return 0


cdef bint put_large(const uint8_t *data, Py_ssize_t size, Buffer *out) except -1:
    cdef bint done
    with nogil:
        done = make_room(out, size + LONGEST_LONG)
    if not done:
        return False
    out.at = store_long(out.at, size)
    copy_released(out.at, data, size)
    out.at += size
    return True
