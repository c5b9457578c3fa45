from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

from safecodec.frame._header cimport KnownVersions, find_version
from safecodec.frame.checks cimport Expected, Span, check_header, check_length, put_header, sum_released
from safecodec.frame.layout cimport AT_PAYLOAD_CHECKSUM, HEADER_SIZE, STATUS_OK, STATUS_PAYLOAD_CHECKSUM, Status, load_u32

# The error for a refusal of the bytes.
cdef object refusal(Status status, Span frame, Span context, const Expected *expected)
cdef object version_refusal(Py_ssize_t found, const uint8_t *header, KnownVersions versions, const Expected *expected)


# Verdicts 1 to 10. Answers which version reads the payload, see find_version; 0 where versions, a KnownVersions that the
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
            raise version_refusal(found, frame.data, <KnownVersions>versions, expected)
    status = check_length(frame, expected)
    if status == STATUS_OK and load_u32(frame.data + AT_PAYLOAD_CHECKSUM) != sum_released(frame):
        status = STATUS_PAYLOAD_CHECKSUM
    if status != STATUS_OK:
        raise refusal(status, frame, context, expected)
    return found


# A frame around a payload; prefix is bytes 0 to 19.
cdef inline bytes enclose(Span payload, bytes prefix, Span context):
    cdef bytes frame = PyBytes_FromStringAndSize(NULL, HEADER_SIZE + <Py_ssize_t>payload.size)
    cdef uint8_t *target = <uint8_t *>PyBytes_AS_STRING(frame)
    cdef Span written = Span(target, HEADER_SIZE + payload.size)
    memcpy(target + HEADER_SIZE, payload.data, payload.size)
    put_header(
        target, <const uint8_t *>PyBytes_AS_STRING(prefix), <uint32_t>payload.size, sum_released(written), context
    )
    return frame
