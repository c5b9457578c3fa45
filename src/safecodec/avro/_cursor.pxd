# A place in a payload, and readers that move it. They build no Python object; where the bytes are not what they have to
# be they note a fault and answer False, and only .pyx code makes an error of it.

from libc.stdint cimport INT32_MAX, INT32_MIN, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from safecodec.avro._breathing cimport Breath, Breather, begin

cdef enum:
    MAX_DEPTH = 64
    MOST_PREALLOCATED = 4096
    LONGEST_LONG = 10

cdef enum Fault:
    CUT_OFF            # a number
    TOO_LONG
    TOO_WIDE           # found: the number
    NO_SYMBOL          # found: the index, wanted: how many there are
    NO_BRANCH          # the same
    ANNOUNCED          # found: bytes announced, wanted: bytes that follow
    NO_BOOLEAN         # found: the byte
    NO_UTF_8
    TOO_DEEP           # wanted: the limit
    ITEMS_ANNOUNCED    # found: items, wanted: bytes that follow
    EMPTY_ITEMS        # found: items, wanted: how many the limit leaves
    BLOCK_SIZE         # found: bytes that the block has, wanted: what it says
    TOO_LARGE          # wanted: the limit

# One record, array or map that the reader is in: its step of the plan, and which of its parts; a map's is its key, as
# bytes of the payload.
cdef struct Level:
    const void *step
    Py_ssize_t part
    const uint8_t *key
    Py_ssize_t key_size

cdef struct Cursor:
    const uint8_t *at
    const uint8_t *end
    const uint8_t *start
    void **keys             # the plan's cache of map keys, or NULL
    Py_ssize_t empty_items  # how many may still come
    int64_t spare           # bytes of memory that records may still take
    int64_t expansion       # the limit that it comes of
    Breath breath
    int depth
    int deepest
    Fault fault
    const uint8_t *fault_at
    int64_t found
    int64_t wanted
    Level[MAX_DEPTH] levels

cdef struct Block:
    uint64_t left
    int64_t stated          # bytes that it says it has, or -1
    const uint8_t *start
    const uint8_t *begin


cdef inline void start_at(
    Cursor *cursor, const uint8_t *data, Py_ssize_t size, const Breather *breather
) noexcept nogil:
    cursor.start = cursor.at = data
    cursor.end = data + size
    cursor.keys = NULL
    cursor.depth = 0
    begin(&cursor.breath, breather, <size_t>data)


cdef inline bint fail(Cursor *cursor, Fault fault, const uint8_t *at, int64_t found, int64_t wanted) noexcept nogil:
    cursor.fault = fault
    cursor.fault_at = at
    cursor.found = found
    cursor.wanted = wanted
    return False


# ---- numbers and lengths -----------------------------------------------------------------------------------------

cdef extern from *:
    """
    #if defined(__GNUC__) && defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ \\
        && !defined(SAFECODEC_PORTABLE)
    #define SAFECODEC_WORDS 1
    #else
    #define SAFECODEC_WORDS 0
    #endif
    /* Avro 1.12, Primitive types: zig-zag, seven bits a byte, the lowest first; at most 64 bits of them. Returns the place
       behind the number, or NULL where the bytes end before it does or it is longer. Eight bytes are taken as one word
       where they are there: the lowest byte without its top bit is the last of the number, and masks and shifts close the
       gaps that the top bits leave. */
    static inline const uint8_t *safecodec_load_long(const uint8_t *at, const uint8_t *end, int64_t *value) {
        uint64_t found;
        int shift = 0;
        if (at < end && at[0] < 0x80) {
            *value = (at[0] >> 1) ^ -(int64_t)(at[0] & 1);
            return at + 1;
        }
        found = 0;
    #if SAFECODEC_WORDS
        if (end - at >= 8) {
            uint64_t word, ends;
            memcpy(&word, at, 8);
            ends = ~word & 0x8080808080808080u;
            at += 8;
            if (ends) {
                word &= ends ^ (ends - 1);
                at -= __builtin_clzll(ends & (0 - ends)) >> 3;
            }
            word &= 0x7f7f7f7f7f7f7f7fu;
            word = (word & 0x007f007f007f007fu) | (word & 0x7f007f007f007f00u) >> 1;
            word = (word & 0x00003fff00003fffu) | (word & 0x3fff00003fff0000u) >> 2;
            found = (word & 0x000000000fffffffu) | (word & 0x0fffffff00000000u) >> 4;
            if (ends) {
                *value = (int64_t)(found >> 1) ^ -(int64_t)(found & 1);
                return at;
            }
            shift = 56;
        }
    #endif
        for (;; shift += 7) {
            if (at >= end || (shift == 63 && *at > 1)) return NULL;
            found |= (uint64_t)(*at & 0x7f) << shift;
            if (*at++ < 0x80) break;
        }
        *value = (int64_t)(found >> 1) ^ -(int64_t)(found & 1);
        return at;
    }
    """
    const uint8_t *load_long "safecodec_load_long"(const uint8_t *at, const uint8_t *end, int64_t *value) noexcept nogil


cdef inline bint take_long(Cursor *cursor, int64_t *value) noexcept nogil:
    cdef const uint8_t *after = load_long(cursor.at, cursor.end, value)
    if after is NULL:
        return fail(cursor, TOO_LONG if cursor.end - cursor.at >= LONGEST_LONG else CUT_OFF, cursor.at, 0, 0)
    cursor.at = after
    return True


cdef inline bint take_int(Cursor *cursor, int64_t *value) noexcept nogil:
    cdef const uint8_t *start = cursor.at
    if not take_long(cursor, value):
        return False
    if not INT32_MIN <= value[0] <= INT32_MAX:
        return fail(cursor, TOO_WIDE, start, value[0], 32)
    return True


# The index of an enum's symbol or a union's branch; the fault says which.
cdef inline bint take_index(Cursor *cursor, Py_ssize_t count, Fault fault, int64_t *index) noexcept nogil:
    cdef const uint8_t *start = cursor.at
    if not take_long(cursor, index):
        return False
    if not 0 <= index[0] < count:
        return fail(cursor, fault, start, index[0], count)
    return True


cdef inline bint claim(Cursor *cursor, int64_t count, const uint8_t *start) noexcept nogil:
    """Whether a number of bytes are there."""
    if not 0 <= count <= cursor.end - cursor.at:
        return fail(cursor, ANNOUNCED, start, count, cursor.end - cursor.at)
    return True


# The length of bytes or text, all of which are there.
cdef inline bint take_size(Cursor *cursor, int64_t *size) noexcept nogil:
    if cursor.at < cursor.end and not cursor.at[0] & 0x81:  # a byte, and not below zero
        size[0] = cursor.at[0] >> 1
        cursor.at += 1
        return claim(cursor, size[0], cursor.at)
    return take_long(cursor, size) and claim(cursor, size[0], cursor.at)


cdef inline bint take_bit(Cursor *cursor, int *bit) noexcept nogil:
    if not claim(cursor, 1, cursor.at):
        return False
    bit[0] = cursor.at[0]
    if bit[0] > 1:
        return fail(cursor, NO_BOOLEAN, cursor.at, bit[0], 0)
    cursor.at += 1
    return True


cdef inline uint64_t load_little(const uint8_t *data, int width) noexcept nogil:
    """Little-endian bytes as a number; a compiler makes one load of it."""
    cdef uint64_t found = 0
    cdef int at
    for at in range(width):
        found |= <uint64_t>data[at] << (8 * at)
    return found


cdef inline double load_double(const uint8_t *data) noexcept nogil:
    cdef uint64_t bits = load_little(data, 8)
    cdef double number
    memcpy(&number, &bits, 8)
    return number


cdef inline float load_float(const uint8_t *data) noexcept nogil:
    cdef uint32_t bits = <uint32_t>load_little(data, 4)
    cdef float number
    memcpy(&number, &bits, 4)
    return number


# ---- levels and blocks -------------------------------------------------------------------------------------------

cdef inline Level *enter(Cursor *cursor, const void *step) noexcept nogil:
    cdef Level *level
    if cursor.depth >= cursor.deepest:
        fail(cursor, TOO_DEEP, cursor.at, 0, cursor.deepest)
        return NULL
    level = &cursor.levels[cursor.depth]
    level.step = step
    level.key = NULL
    level.part = -1
    cursor.depth += 1
    return level


# The next block of an array or a map, with none left in it at the end. It has no more items than the bytes that follow
# can hold, each of which takes `least` at least.
cdef inline bint open_block(Cursor *cursor, Py_ssize_t least, Block *block) noexcept nogil:
    cdef int64_t count
    cdef Py_ssize_t room
    block.start = cursor.at
    block.stated = -1
    if not take_long(cursor, &count):
        return False
    block.left = <uint64_t>count
    if count < 0:
        block.left = -block.left
        if not take_long(cursor, &block.stated) or not claim(cursor, block.stated, block.start):
            return False
    block.begin = cursor.at
    room = cursor.end - cursor.at if least else cursor.empty_items
    if block.left > <uint64_t>room:
        return fail(cursor, ITEMS_ANNOUNCED if least else EMPTY_ITEMS, block.start, <int64_t>block.left, room)
    if least == 0:
        cursor.empty_items -= <Py_ssize_t>block.left
    elif least > 1 and block.left > <uint64_t>(room // least):
        return fail(cursor, ITEMS_ANNOUNCED, block.start, <int64_t>block.left, room)
    return True


# How many items to make room for before they are read.
cdef inline Py_ssize_t preallocated(const Block *block) noexcept nogil:
    return <Py_ssize_t>block.left if block.left < MOST_PREALLOCATED else MOST_PREALLOCATED


cdef inline bint close_block(Cursor *cursor, const Block *block) noexcept nogil:
    if block.stated >= 0 and cursor.at - block.begin != block.stated:
        return fail(cursor, BLOCK_SIZE, block.start, cursor.at - block.begin, block.stated)
    return True


# Whether the block that ends an array or a map is next, which then is taken.
cdef inline bint ends_here(Cursor *cursor) noexcept nogil:
    if cursor.at < cursor.end and cursor.at[0] == 0:
        cursor.at += 1
        return True
    return False


# ---- text --------------------------------------------------------------------------------------------------------

cdef inline bint is_ascii(const uint8_t *data, Py_ssize_t size) noexcept nogil:
    """Whether all bytes are below 0x80, eight at a time; the last eight may overlap those before."""
    cdef uint64_t seen = 0
    cdef uint64_t word
    cdef uint32_t half
    cdef Py_ssize_t at = 0
    if size >= 8:
        while at + 8 <= size:
            memcpy(&word, data + at, 8)
            seen |= word
            at += 8
        memcpy(&word, data + size - 8, 8)
        seen |= word
    elif size >= 4:
        memcpy(&half, data, 4)
        seen = half
        memcpy(&half, data + size - 4, 4)
        seen |= half
    else:
        while at < size:
            seen |= data[at]
            at += 1
    return (seen & <uint64_t>0x8080808080808080ULL) == 0


cdef inline Py_ssize_t first_fault(const uint8_t *data, Py_ssize_t size) noexcept nogil:
    """Where bytes stop being UTF-8 (Unicode 16.0, table 3-7), or their length."""
    cdef Py_ssize_t at = 0
    cdef Py_ssize_t more
    cdef uint8_t byte, low, high
    while at < size:
        byte = data[at]
        low, high = 0x80, 0xBF
        if byte < 0x80:
            at += 1
            continue
        elif 0xC2 <= byte <= 0xDF:
            more = 1
        elif 0xE0 <= byte <= 0xEF:
            more = 2
            if byte == 0xE0:
                low = 0xA0
            elif byte == 0xED:
                high = 0x9F
        elif 0xF0 <= byte <= 0xF4:
            more = 3
            if byte == 0xF0:
                low = 0x90
            elif byte == 0xF4:
                high = 0x8F
        else:
            return at
        if at + more >= size or not low <= data[at + 1] <= high:
            return at
        if more > 1 and data[at + 2] & 0xC0 != 0x80 or more > 2 and data[at + 3] & 0xC0 != 0x80:
            return at
        at += more + 1
    return size


# Moves over a text, and says where it was.
cdef inline bint take_text_place(Cursor *cursor, const uint8_t **start, int64_t *size) noexcept nogil:
    cdef Py_ssize_t valid
    if not take_size(cursor, size):
        return False
    start[0] = cursor.at
    if not is_ascii(cursor.at, <Py_ssize_t>size[0]):
        valid = first_fault(cursor.at, <Py_ssize_t>size[0])
        if valid < size[0]:
            return fail(cursor, NO_UTF_8, cursor.at + valid, 0, 0)
    cursor.at += size[0]
    return True


cdef inline void copy_short(uint8_t *target, const uint8_t *data, Py_ssize_t size) noexcept nogil:
    """Copy, without a call where there are few bytes: two moves that overlap."""
    cdef uint64_t first, last
    cdef uint32_t first_half, last_half
    if size > 16:
        memcpy(target, data, <size_t>size)
    elif size >= 8:
        memcpy(&first, data, 8)
        memcpy(&last, data + size - 8, 8)
        memcpy(target, &first, 8)
        memcpy(target + size - 8, &last, 8)
    elif size >= 4:
        memcpy(&first_half, data, 4)
        memcpy(&last_half, data + size - 4, 4)
        memcpy(target, &first_half, 4)
        memcpy(target + size - 4, &last_half, 4)
    elif size > 0:
        target[0] = data[0]
        target[size >> 1] = data[size >> 1]
        target[size - 1] = data[size - 1]


# Of more than 53 bits only multiples of a power of two are doubles. 2**63 itself is no long, and its cast back no number.
cdef inline bint is_exact_double(int64_t number) noexcept:
    cdef double value = <double>number
    return value < 9223372036854775808.0 and <int64_t>value == number
