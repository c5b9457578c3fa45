# A growing buffer, and writers that append to it. They answer False where there is no
# memory or the limit is crossed; only .pyx code raises.

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

from safecodec.avro._breathing cimport LARGE
from safecodec.avro._cursor cimport LONGEST_LONG, copy_short

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


cdef inline void close_buffer(Buffer *buffer) noexcept nogil:
    if buffer.start is not buffer.room:
        free(buffer.start)


# The same, without the GIL where that pays: the system takes its time for a large one.
cdef inline void close_released(Buffer *buffer) noexcept:
    if buffer.end - buffer.start < LARGE:
        close_buffer(buffer)
        return
    with nogil:
        close_buffer(buffer)


cdef inline bint grow(Buffer *buffer, Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t used = buffer.at - buffer.start
    cdef Py_ssize_t wanted = 2 * (used + size)
    cdef uint8_t *start
    if size > buffer.longest - used:
        buffer.refused = used + size
        return False
    if wanted > buffer.longest:
        wanted = buffer.longest
    if buffer.start is buffer.room:
        start = <uint8_t *>malloc(<size_t>wanted)
        if start is not NULL:
            memcpy(start, buffer.start, <size_t>used)
    else:
        start = <uint8_t *>realloc(buffer.start, <size_t>wanted)
    if start is NULL:
        return False
    buffer.start = start
    buffer.at = start + used
    buffer.end = start + wanted
    return True


cdef inline bint make_room(Buffer *buffer, Py_ssize_t size) noexcept nogil:
    return buffer.end - buffer.at >= size or grow(buffer, size)


cdef inline uint8_t *store_long(uint8_t *at, int64_t value) noexcept nogil:
    """Avro 1.12, *Primitive types*: zig-zag, seven bits a byte, the lowest first. Returns the place behind it."""
    cdef uint64_t left = (<uint64_t>value << 1) ^ <uint64_t>(value >> 63)
    while left > 0x7F:
        at[0] = <uint8_t>(left | 0x80)
        at += 1
        left >>= 7
    at[0] = <uint8_t>left
    return at + 1


cdef inline bint put_long(Buffer *buffer, int64_t value) noexcept nogil:
    if not make_room(buffer, LONGEST_LONG):
        return False
    buffer.at = store_long(buffer.at, value)
    return True


cdef inline bint put_byte(Buffer *buffer, uint8_t byte) noexcept nogil:
    if not make_room(buffer, 1):
        return False
    buffer.at[0] = byte
    buffer.at += 1
    return True


cdef inline bint put_raw(Buffer *buffer, const uint8_t *data, Py_ssize_t size) noexcept nogil:
    if not make_room(buffer, size):
        return False
    copy_short(buffer.at, data, size)
    buffer.at += size
    return True


# Avro's bytes and string: the length, then what there is.
cdef inline bint put_run(Buffer *buffer, const uint8_t *data, Py_ssize_t size) noexcept nogil:
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


cdef inline bint put_double(Buffer *buffer, double value) noexcept nogil:
    if not make_room(buffer, 8):
        return False
    buffer.at = store_double(buffer.at, value)
    return True


cdef inline bint put_float(Buffer *buffer, float value) noexcept nogil:
    cdef uint32_t bits
    if not make_room(buffer, 4):
        return False
    memcpy(&bits, &value, 4)
    buffer.at = store_little(buffer.at, bits, 4)
    return True
