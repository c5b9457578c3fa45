from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE, _PyBytes_Resize
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove

from safecodec.frame._header cimport UNKNOWN, KnownVersions, find_version
from safecodec.frame.checks cimport (
    Expected, Prefix, Span, check_block, check_header, check_length, is_expected, is_stamped, put_header, sum_released,
)
from safecodec.frame.layout cimport (
    AT_PAYLOAD_CHECKSUM, HEADER_SIZE, RELEASE_GIL_FROM, STAMP_SIZE, STATUS_OK, STATUS_PAYLOAD_CHECKSUM, Status, load_u32,
)

# The error for a refusal of the bytes.
cdef object refusal(Status status, Span frame, Span context, const Expected *expected)
cdef object version_refusal(Py_ssize_t found, Span frame, KnownVersions versions, const Expected *expected)


# Verdicts 9 to 11a, of which the first looks at the length of the payload behind a stamp.
cdef inline Status check_body(Span frame, uint64_t longest) noexcept:
    cdef Status status = check_length(frame, longest)
    if status != STATUS_OK:
        return status
    if load_u32(frame.data + AT_PAYLOAD_CHECKSUM) != sum_released(frame):
        return STATUS_PAYLOAD_CHECKSUM
    return check_block(frame.data + HEADER_SIZE, frame.size - HEADER_SIZE) if is_stamped(frame) else STATUS_OK


# Verdicts 1 to 11a. Answers which version reads the payload, see find_version; 0 where versions, a KnownVersions that the
# caller holds, is None. Threads share it, and so it is not counted on the way: they would all wait for that count.
cdef inline Py_ssize_t check_frame(
    Span frame, Span context, const Expected *expected, PyObject *versions
) except -1:
    cdef Py_ssize_t found = 0
    cdef Status status = check_header(frame, context, expected)
    if status != STATUS_OK:
        raise refusal(status, frame, context, expected)
    if <object>versions is not None:
        found = find_version((<KnownVersions>versions).known, (<KnownVersions>versions).count, frame.data)
        if found < 0:
            raise version_refusal(found, frame, <KnownVersions>versions, expected)
    status = check_body(frame, expected.max_payload)
    if status != STATUS_OK:
        raise refusal(status, frame, context, expected)
    return found


# Answers as check_frame does for a frame that passes all verdicts, has no stamp and no context, and is so short that it is
# summed with the GIL. For any other frame the answer is a negative number, and no error is made.
cdef inline Py_ssize_t find_quickly(Span frame, const Expected *expected, PyObject *versions) noexcept:
    if not HEADER_SIZE <= frame.size < RELEASE_GIL_FROM or not is_expected(frame, expected):
        return UNKNOWN
    return find_version((<KnownVersions>versions).known, (<KnownVersions>versions).count, frame.data)


# A frame made of a large payload that nobody else holds, whose reference is taken over: growing and moving it takes half the
# time of a copy into new memory, which the system has to map.
cdef inline bytes enclose_in_place(PyObject *payload, const Prefix *prefix, const uint8_t *stamp, Span context):
    cdef size_t start = HEADER_SIZE if stamp is NULL else HEADER_SIZE + STAMP_SIZE
    cdef size_t size = <size_t>PyBytes_GET_SIZE(<object>payload)
    cdef uint8_t *target
    cdef Span written
    _PyBytes_Resize(&payload, <Py_ssize_t>(start + size))
    frame = <object>payload
    Py_DECREF(frame)
    target = <uint8_t *>PyBytes_AS_STRING(frame)
    memmove(target + start, target, size)
    if stamp is not NULL:
        memcpy(target + HEADER_SIZE, stamp, STAMP_SIZE)
    written = Span(target, start + size)
    put_header(target, prefix, <uint32_t>(written.size - HEADER_SIZE), sum_released(written), context)
    return frame


# A frame around a payload; the prefix has the flag where there is a stamp, which else is NULL.
cdef inline bytes enclose(Span payload, const Prefix *prefix, const uint8_t *stamp, Span context):
    cdef size_t start = HEADER_SIZE if stamp is NULL else HEADER_SIZE + STAMP_SIZE
    cdef bytes frame = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>(start + payload.size))
    cdef uint8_t *target = <uint8_t *>PyBytes_AS_STRING(frame)
    cdef Span written = Span(target, start + payload.size)
    if stamp is not NULL:
        memcpy(target + HEADER_SIZE, stamp, STAMP_SIZE)
    memcpy(target + start, payload.data, payload.size)
    put_header(target, prefix, <uint32_t>(written.size - HEADER_SIZE), sum_released(written), context)
    return frame
