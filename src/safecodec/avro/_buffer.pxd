# A growing buffer, and writers that append to it. They answer False where there is no
# memory or the limit is crossed; only .pyx code raises.

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from safecodec.avro._breathing cimport copy_released
from safecodec.avro._cursor cimport LONGEST_LONG, copy_short

cdef extern from "Python.h":
    PyObject *new_bytes "PyBytes_FromStringAndSize"(const char *data, Py_ssize_t size) noexcept
    object bytes_of "PyBytes_FromStringAndSize"(const char *data, Py_ssize_t size)
    char *data_of "PyBytes_AS_STRING"(PyObject *data) noexcept
    int _PyBytes_Resize(PyObject **data, Py_ssize_t size) except -1
    void Py_XDECREF(PyObject *data) noexcept
    void PyErr_Clear() noexcept

cdef enum:
    ROOM = 1024      # bytes that need no memory but the caller's stack
    SPARE = 32       # bytes above a buffer's limit, as writers ask for more room than they use

cdef struct Buffer:
    uint8_t *start
    uint8_t *at
    uint8_t *end
    Py_ssize_t reserved
    Py_ssize_t limit    # bytes behind those reserved
    Py_ssize_t longest  # bytes that it grows to
    Py_ssize_t refused  # bytes that it should have grown to, if it was refused any
    PyObject *memory    # the bytes object that the memory is of; NULL for the caller's stack
    bint breathes       # whether other threads may run while it grows
    uint8_t[ROOM] room


# Begins a buffer behind a number of bytes, at most ROOM, that are filled later. It refuses to grow by much more than
# the limit; whoever opened it compares the bytes with the limit in the end.
cdef inline void open_buffer(Buffer *buffer, Py_ssize_t reserved, Py_ssize_t limit) noexcept nogil:
    buffer.start = buffer.room
    buffer.at = buffer.start + reserved
    buffer.end = buffer.start + ROOM
    buffer.reserved = reserved
    buffer.limit = limit
    buffer.longest = reserved + limit + SPARE
    buffer.refused = 0
    buffer.memory = NULL
    buffer.breathes = False


cdef inline void close_buffer(Buffer *buffer) noexcept:
    Py_XDECREF(buffer.memory)


# Its bytes as an object: what it has grown into, cut to its length, so that they are not copied. It is to be closed all the
# same.
cdef inline bytes bytes_from(Buffer *buffer):
    cdef Py_ssize_t size = buffer.at - buffer.start
    if buffer.memory is NULL:
        return <bytes>bytes_of(<const char *>buffer.start, size)
    _PyBytes_Resize(&buffer.memory, size)
    buffer.start = buffer.at = buffer.end = NULL
    return <bytes><object>buffer.memory


# The memory is that of a bytes object of which nobody else knows.
cdef inline bint grow(Buffer *buffer, Py_ssize_t size) noexcept:
    cdef Py_ssize_t used = buffer.at - buffer.start
    cdef Py_ssize_t wanted = used + (used if used > size else size) + ROOM
    cdef PyObject *memory
    if size > buffer.longest - used:
        buffer.refused = used + size
        return False
    memory = new_bytes(NULL, buffer.longest if wanted > buffer.longest else wanted)
    if memory is NULL:
        PyErr_Clear()
        return False
    if buffer.breathes:
        copy_released(data_of(memory), buffer.start, used)
    else:
        memcpy(data_of(memory), buffer.start, <size_t>used)
    Py_XDECREF(buffer.memory)
    buffer.memory = memory
    buffer.start = <uint8_t *>data_of(memory)
    buffer.at = buffer.start + used
    buffer.end = buffer.start + (buffer.longest if wanted > buffer.longest else wanted)
    return True


cdef inline bint make_room(Buffer *buffer, Py_ssize_t size) noexcept:
    return buffer.end - buffer.at >= size or grow(buffer, size)


cdef extern from *:
    """
    /* Avro 1.12, Primitive types: zig-zag, seven bits a byte, the lowest first. Returns the place behind it, and may write to
       ten bytes. Three to eight bytes are stored as one word, in which shifts and masks make room for the top bits. */
    static inline uint8_t *safecodec_store_long(uint8_t *at, int64_t value) {
        uint64_t left = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    #if SAFECODEC_WORDS
        if (left > 0x3FFF) {
            uint64_t word = left & 0x00ffffffffffffffu;
            int size;
            word = (word & 0x000000000fffffffu) | (word & 0x00fffffff0000000u) << 4;
            word = (word & 0x00003fff00003fffu) | (word & 0x0fffc0000fffc000u) << 2;
            word = (word & 0x007f007f007f007fu) | (word & 0x3f803f803f803f80u) << 1;
            if (left >> 56) {
                word |= 0x8080808080808080u;
                memcpy(at, &word, 8);
                at += 8;
                left >>= 56;
            } else {
                size = (63 - __builtin_clzll(word)) >> 3; /* bytes before the last */
                word |= 0x8080808080808080u & (((uint64_t)1 << (8 * size)) - 1);
                memcpy(at, &word, 8);
                return at + size + 1;
            }
        }
    #endif
        while (left > 0x7F) {
            *at++ = (uint8_t)(left | 0x80);
            left >>= 7;
        }
        *at = (uint8_t)left;
        return at + 1;
    }
    """
    uint8_t *store_long "safecodec_store_long"(uint8_t *at, int64_t value) noexcept nogil


cdef inline bint put_long(Buffer *buffer, int64_t value) noexcept:
    if not make_room(buffer, LONGEST_LONG):
        return False
    buffer.at = store_long(buffer.at, value)
    return True


cdef inline bint put_byte(Buffer *buffer, uint8_t byte) noexcept:
    if not make_room(buffer, 1):
        return False
    buffer.at[0] = byte
    buffer.at += 1
    return True


cdef inline bint put_raw(Buffer *buffer, const uint8_t *data, Py_ssize_t size) noexcept:
    if not make_room(buffer, size):
        return False
    copy_short(buffer.at, data, size)
    buffer.at += size
    return True


# Avro's bytes and string: the length, then what there is.
cdef inline bint put_run(Buffer *buffer, const uint8_t *data, Py_ssize_t size) noexcept:
    if not make_room(buffer, size + LONGEST_LONG):
        return False
    buffer.at = store_long(buffer.at, size)
    copy_short(buffer.at, data, size)
    buffer.at += size
    return True


cdef inline uint8_t *store_little(uint8_t *at, uint64_t bits, int width) noexcept nogil:
    """Little-endian bytes of a number; a compiler makes one store of it. Returns the place behind it."""
    cdef int place
    for place in range(width):
        at[place] = <uint8_t>(bits >> (8 * place))
    return at + width


cdef inline uint8_t *store_double(uint8_t *at, double value) noexcept nogil:
    cdef uint64_t bits
    memcpy(&bits, &value, 8)
    return store_little(at, bits, 8)


cdef inline bint put_double(Buffer *buffer, double value) noexcept:
    if not make_room(buffer, 8):
        return False
    buffer.at = store_double(buffer.at, value)
    return True


cdef inline bint put_float(Buffer *buffer, float value) noexcept:
    cdef uint32_t bits
    if not make_room(buffer, 4):
        return False
    memcpy(&bits, &value, 4)
    buffer.at = store_little(buffer.at, bits, 4)
    return True
