# A place in a payload, and readers that move it. They build no Python object and return a status.

from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy

cdef enum:
    MAX_DEPTH = 64

cdef enum Status:
    TAKEN
    CUT_OFF
    TOO_LONG

cdef struct Cursor:
    const uint8_t *data
    Py_ssize_t size
    Py_ssize_t at
    Py_ssize_t empty_items
    # The way from the root to the place: a step of the plan on each level, and which of its parts; a map's part is
    # its key. All are borrowed from the plan and from the loop that is at them.
    int depth
    void *steps[MAX_DEPTH + 1]
    void *keys[MAX_DEPTH + 1]
    Py_ssize_t parts[MAX_DEPTH + 1]


cdef inline Status take_long(Cursor *cursor, int64_t *value) noexcept nogil:
    """Avro 1.12, *Primitive types*: zig-zag, seven bits a byte, the lowest first; at most 64 bits of them."""
    cdef uint64_t found = 0
    cdef Py_ssize_t at = cursor.at
    cdef int shift = 0
    cdef uint8_t byte
    while True:
        if at >= cursor.size:
            return CUT_OFF
        byte = cursor.data[at]
        at += 1
        if shift == 63 and byte > 1:
            return TOO_LONG
        found |= <uint64_t>(byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    value[0] = <int64_t>(found >> 1) ^ -<int64_t>(found & 1)
    cursor.at = at
    return TAKEN


cdef inline uint64_t take_little(Cursor *cursor, int width) noexcept nogil:
    """Little-endian bytes that are known to be there, as a number."""
    cdef uint64_t found = 0
    cdef int at
    for at in range(width):
        found |= <uint64_t>cursor.data[cursor.at + at] << (8 * at)
    cursor.at += width
    return found


cdef inline bint is_ascii(const uint8_t *data, Py_ssize_t size) noexcept nogil:
    """Whether all bytes are below 0x80, eight at a time."""
    cdef uint64_t seen = 0
    cdef uint64_t word
    cdef Py_ssize_t at = 0
    while at + 8 <= size:
        memcpy(&word, data + at, 8)
        seen |= word
        at += 8
    while at < size:
        seen |= data[at]
        at += 1
    return (seen & <uint64_t>0x8080808080808080ULL) == 0
