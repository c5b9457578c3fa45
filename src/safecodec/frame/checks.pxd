# The verdicts on a frame's bytes and the writing of its header, without Python objects. Header-only: every function
# is inline, runs without the GIL and answers with a Status; what uses them makes errors of it.

from cpython.object cimport PyObject
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from safecodec._cores cimport has_one_core, leave_core
from safecodec.frame.layout cimport (
    AT_ENVIRONMENT, AT_FLAGS, AT_FORMAT, AT_HEADER_CHECKSUM, AT_MAGIC, AT_PAYLOAD_CHECKSUM, AT_PAYLOAD_LENGTH,
    AT_REVISION, AT_SUBJECT, FLAG_STAMPED, FLAGS_NOT_UNDERSTOOD, FORMAT_AVRO, FORMAT_JSON, HEADER_SIZE, KIND_DELETED,
    KIND_VALUE, LEAVE_CORE_AFTER, MAGIC, RELEASE_GIL_FROM, REVISION_1, STAMP_KIND, STAMP_RESERVED, STAMP_SIZE, Status,
    STATUS_ENVIRONMENT, STATUS_FLAGS, STATUS_FORMAT, STATUS_HEADER_CHECKSUM, STATUS_MAGIC, STATUS_OK,
    STATUS_PAYLOAD_LENGTH, STATUS_PAYLOAD_TOO_LARGE, STATUS_REVISION, STATUS_STAMP_KIND, STATUS_STAMP_PAYLOAD,
    STATUS_STAMP_RESERVED, STATUS_STAMP_SHORT, STATUS_SUBJECT, STATUS_TOO_SHORT, load_u32, store_u32,
)

cdef extern from "crc32c.h":
    ctypedef uint32_t (*crc32c_update "safecodec_crc32c_update")(
        uint32_t state, const uint8_t *data, size_t size
    ) noexcept nogil
    ctypedef struct crc32c_entry "safecodec_crc32c_implementation":
        const char *name
        crc32c_update update
    int CRC32C_IMPLEMENTATIONS "SAFECODEC_CRC32C_IMPLEMENTATIONS"
    crc32c_entry[4] crc32c_table "safecodec_crc32c_implementations"
    const crc32c_entry *crc32c_chosen "safecodec_crc32c_chosen"
    void choose_crc32c "safecodec_crc32c_choose"() noexcept nogil
    uint32_t sum_crc32c "safecodec_crc32c"(uint32_t value, const uint8_t *data, size_t size) noexcept nogil
    uint32_t mask_crc32c "safecodec_crc32c_mask"(uint32_t value) noexcept nogil

cdef extern from *:
    # Cython's own hint to the compiler.
    bint unlikely(bint condition) noexcept nogil

# Bytes that somebody else owns.
cdef struct Span:
    const uint8_t *data
    size_t size

# Bytes 0 to 19 of a header, which all frames of one version of one writer share, and their CRC-32C.
cdef struct Prefix:
    uint8_t[AT_PAYLOAD_LENGTH] data
    uint32_t checksum

# What a reader expects of a frame, as the header spells it.
cdef struct Expected:
    uint32_t subject
    uint32_t environment
    uint32_t format  # 0: any known one
    uint64_t max_payload
    # The two names, for errors alone: a str and a str or None, which the reader keeps.
    PyObject *subject_name
    PyObject *environment_name


cdef inline uint32_t sum_header(const uint8_t *header, Span context) noexcept nogil:
    cdef uint32_t value = sum_crc32c(0, header, AT_HEADER_CHECKSUM)
    if context.size:
        value = sum_crc32c(value, context.data, context.size)
    return mask_crc32c(value)


cdef inline uint32_t sum_payload(Span frame) noexcept nogil:
    return mask_crc32c(sum_crc32c(0, frame.data + HEADER_SIZE, frame.size - HEADER_SIZE))


# The same with the GIL held, which is let go where that pays.
cdef inline uint32_t sum_released(Span frame) noexcept:
    cdef uint32_t checksum
    if frame.size < RELEASE_GIL_FROM:
        return sum_payload(frame)
    with nogil:
        checksum = sum_in_turns(frame)
    return checksum


# The same, in parts where a process has one core, between which others have it.
cdef inline uint32_t sum_in_turns(Span frame) noexcept nogil:
    cdef const uint8_t *data = frame.data + HEADER_SIZE
    cdef size_t size = frame.size - HEADER_SIZE
    cdef uint32_t value = 0
    if size > LEAVE_CORE_AFTER and has_one_core():
        while size > LEAVE_CORE_AFTER:
            value = sum_crc32c(value, data, LEAVE_CORE_AFTER)
            data += LEAVE_CORE_AFTER
            size -= LEAVE_CORE_AFTER
            leave_core()
    return mask_crc32c(sum_crc32c(value, data, size))


# Verdicts 1 to 3, or to 4 if told to verify.
cdef inline Status check_start(Span frame, Span context, bint verify) noexcept nogil:
    if frame.size < HEADER_SIZE:
        return STATUS_TOO_SHORT
    if frame.data[AT_MAGIC] != MAGIC:
        return STATUS_MAGIC
    if frame.data[AT_REVISION] != REVISION_1:
        return STATUS_REVISION
    if verify and load_u32(frame.data + AT_HEADER_CHECKSUM) != sum_header(frame.data, context):
        return STATUS_HEADER_CHECKSUM
    return STATUS_OK


# Verdicts 1 to 5; the format that is wanted is 0 where any known one will do.
cdef inline Status check_form(Span frame, Span context, uint32_t wanted) noexcept nogil:
    cdef Status status = check_start(frame, context, True)
    cdef uint8_t format
    if status != STATUS_OK:
        return status
    if frame.data[AT_FLAGS] & FLAGS_NOT_UNDERSTOOD:
        return STATUS_FLAGS
    format = frame.data[AT_FORMAT]
    if not FORMAT_AVRO <= format <= FORMAT_JSON or (wanted and format != wanted):
        return STATUS_FORMAT
    return STATUS_OK


# Verdicts 1 to 7.
cdef inline Status check_header(Span frame, Span context, const Expected *expected) noexcept nogil:
    cdef Status status = check_form(frame, context, expected.format)
    if status != STATUS_OK:
        return status
    if load_u32(frame.data + AT_ENVIRONMENT) != expected.environment:
        return STATUS_ENVIRONMENT
    if load_u32(frame.data + AT_SUBJECT) != expected.subject:
        return STATUS_SUBJECT
    return STATUS_OK


# Verdict 9. The limit is that of the payload behind a stamp.
cdef inline Status check_length(Span frame, uint64_t longest) noexcept nogil:
    cdef uint64_t found = frame.size - HEADER_SIZE
    if load_u32(frame.data + AT_PAYLOAD_LENGTH) != found:
        return STATUS_PAYLOAD_LENGTH
    if found > longest and (not is_stamped(frame) or found > longest + STAMP_SIZE):
        return STATUS_PAYLOAD_TOO_LARGE
    return STATUS_OK


# Of a frame that has a header.
cdef inline bint is_stamped(Span frame) noexcept nogil:
    return frame.data[AT_FLAGS] & FLAG_STAMPED


# Verdict 11a: the bytes behind the header of a stamped frame, or so many of them and the number of all.
cdef inline Status check_block(const uint8_t *block, uint64_t size) noexcept nogil:
    if size < STAMP_SIZE:
        return STATUS_STAMP_SHORT
    if not KIND_VALUE <= block[STAMP_KIND] <= KIND_DELETED:
        return STATUS_STAMP_KIND
    if block[STAMP_RESERVED] | block[STAMP_RESERVED + 1] | block[STAMP_RESERVED + 2]:
        return STATUS_STAMP_RESERVED
    if block[STAMP_KIND] != KIND_VALUE and size > STAMP_SIZE:
        return STATUS_STAMP_PAYLOAD
    return STATUS_OK


# The payload of a frame that has passed verdict 11a.
cdef inline Span payload_of(Span frame) noexcept nogil:
    if unlikely(is_stamped(frame)):
        return Span(frame.data + HEADER_SIZE + STAMP_SIZE, frame.size - HEADER_SIZE - STAMP_SIZE)
    return Span(frame.data + HEADER_SIZE, frame.size - HEADER_SIZE)


cdef inline void fill_prefix(Prefix *prefix, const uint8_t *data) noexcept nogil:
    memcpy(prefix.data, data, AT_PAYLOAD_LENGTH)
    prefix.checksum = sum_crc32c(0, data, AT_PAYLOAD_LENGTH)


# The checksum of a header that has a prefix, as sum_header returns it: only the rest is summed.
cdef inline uint32_t sum_rest(const Prefix *prefix, const uint8_t *header, Span context) noexcept nogil:
    cdef uint32_t value = sum_crc32c(
        prefix.checksum, header + AT_PAYLOAD_LENGTH, AT_HEADER_CHECKSUM - AT_PAYLOAD_LENGTH
    )
    if context.size:
        value = sum_crc32c(value, context.data, context.size)
    return mask_crc32c(value)


# Whether a frame that has a header, and neither a stamp nor a context, passes verdicts 1 to 7 and 9 to 11; which one it
# fails is for the checks above to say. The GIL is not let go.
cdef inline bint is_expected(Span frame, const Expected *expected) noexcept nogil:
    return (
        frame.data[AT_MAGIC] == MAGIC
        and frame.data[AT_REVISION] == REVISION_1
        and frame.data[AT_FORMAT] == expected.format
        and frame.data[AT_FLAGS] & (FLAGS_NOT_UNDERSTOOD | FLAG_STAMPED) == 0
        and load_u32(frame.data + AT_SUBJECT) == expected.subject
        and load_u32(frame.data + AT_ENVIRONMENT) == expected.environment
        and load_u32(frame.data + AT_PAYLOAD_LENGTH) == frame.size - HEADER_SIZE
        and frame.size - HEADER_SIZE <= expected.max_payload
        and load_u32(frame.data + AT_HEADER_CHECKSUM) == sum_header(frame.data, Span(NULL, 0))
        and load_u32(frame.data + AT_PAYLOAD_CHECKSUM) == sum_payload(frame)
    )


# Completes a header in front of a payload that is in place.
cdef inline void put_header(
    uint8_t *frame, const Prefix *prefix, uint32_t length, uint32_t checksum, Span context
) noexcept nogil:
    memcpy(frame, prefix.data, AT_PAYLOAD_LENGTH)
    store_u32(frame + AT_PAYLOAD_LENGTH, length)
    store_u32(frame + AT_PAYLOAD_CHECKSUM, checksum)
    store_u32(frame + AT_HEADER_CHECKSUM, sum_rest(prefix, frame, context))
