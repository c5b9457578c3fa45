# UTF-8 to CPython's characters and back: utf8.h.

from libc.stdint cimport uint8_t, uint32_t

cdef extern from "utf8.h":
    # How many characters UTF-8 has, and the highest that a text of as wide ones may have.
    Py_ssize_t count_utf8 "safecodec_utf8_count"(const uint8_t *data, Py_ssize_t size, uint32_t *most) noexcept nogil
    # Fills the characters of a text of a width; False where the bytes are no UTF-8.
    bint read_utf8 "safecodec_utf8_read"(const uint8_t *data, Py_ssize_t size, int kind, void *out) noexcept nogil
    # Bytes of a text's UTF-8, or -1 where it has none.
    Py_ssize_t size_utf8 "safecodec_utf8_size"(int kind, const void *text, Py_ssize_t length) noexcept nogil
    void write_utf8 "safecodec_utf8_write"(int kind, const void *text, Py_ssize_t length, uint8_t *out) noexcept nogil
