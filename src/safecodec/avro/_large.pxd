from cpython.object cimport PyObject
from libc.stdint cimport uint8_t

from safecodec.avro._buffer cimport Buffer
from safecodec.avro._cursor cimport Cursor

# Text and bytes that are large enough to be read and written without the GIL. Nobody else may write to the payload.

# A text that a cursor has come to the end of, and that is long or not all ASCII.
cdef PyObject *wide_text(Cursor *cursor, const uint8_t *data, Py_ssize_t size) except NULL
cdef PyObject *large_bytes(const uint8_t *data, Py_ssize_t size) except NULL
# Appends a text's length and UTF-8; False where there is no memory. A text that has none raises UnicodeEncodeError.
cdef bint put_large_text(object text, Buffer *out) except -1
# The same for bytes.
cdef bint put_large(const uint8_t *data, Py_ssize_t size, Buffer *out) except -1
