cimport cython
from cpython.buffer cimport PyBuffer_Release
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from safecodec.frame.checks cimport Expected, Span, is_stamped, unlikely
from safecodec.frame.layout cimport (
    AT_FINGERPRINT, AT_OLDEST_READER, AT_VERSION, HEADER_SIZE, STAMP_SIZE, load_u16, load_u32,
)


@cython.final
@cython.no_gc
@cython.freelist(16)
cdef class Header:
    # And the block of a stamp; zeros where none is given.
    cdef uint8_t[HEADER_SIZE + STAMP_SIZE] raw


# A version that a reader knows.
cdef struct Known:
    uint32_t fingerprint
    uint16_t version


# The versions that a reader knows, oldest first. Immutable.
@cython.final
cdef class KnownVersions:
    cdef Known *known
    cdef readonly Py_ssize_t count
    cdef object explain


cdef enum:
    UNKNOWN = -1
    CONFLICT = -2
    NOT_HELD = -1

cdef Header copy_plain(const uint8_t *start)
cdef Header copy_stamped(Span frame)
# Fills span from a buffer of bytes, to be released afterwards; bytes need no hold, so view.len is NOT_HELD.
cdef int hold_buffer(object source, str name, Py_buffer *view, Span *span) except -1
# A frame of a payload that may be so long, in memory that nobody writes to any more.
cdef int hold_settled(object frame, uint64_t longest, Py_buffer *view, Span *span) except -1
# Bytes 0 to 19 of the frames that a writer writes, with these flags.
cdef bytes header_prefix(str format, str subject, object version, bytes fingerprint, object environment,
                         object oldest_reader, uint8_t flags)
# The caller keeps subject and environment for as long as it uses what is filled in.
cdef int fill_expected(Expected *expected, object format, str subject, object environment, object max_payload) except -1


# The header of a frame, or of as much of it as is given, with its stamp.
cdef inline Header copy_header(Span frame):
    if unlikely(is_stamped(frame)):
        return copy_stamped(frame)
    return copy_plain(frame.data)


# Fills span from bytes, which need no hold.
cdef inline bint hold_bytes(object source, Py_buffer *view, Span *span) noexcept:
    view.len = NOT_HELD
    if not PyBytes_CheckExact(source):
        return False
    span.data = <const uint8_t *>PyBytes_AS_STRING(source)
    span.size = PyBytes_GET_SIZE(source)
    return True


cdef inline int hold_context(object context, Py_buffer *view, Span *span) except -1:
    if context is None:
        view.len = NOT_HELD
        span.data = NULL
        span.size = 0
        return 0
    return hold_buffer(context, "context", view, span)


cdef inline void release_buffer(Py_buffer *view) noexcept:
    if view.len != NOT_HELD:
        PyBuffer_Release(view)


# Index of the version to read a frame by; the count is the fallback of a newer one to the last; UNKNOWN and CONFLICT
# are refusals.
cdef inline Py_ssize_t find_version(const Known *known, Py_ssize_t count, const uint8_t *header) noexcept:
    cdef uint16_t version = load_u16(header + AT_VERSION)
    cdef Py_ssize_t at = count - 1
    cdef uint16_t newest = known[at].version
    if version > newest:
        return count if load_u16(header + AT_OLDEST_READER) <= newest else UNKNOWN
    while at >= 0 and known[at].version > version:
        at -= 1
    if at < 0 or known[at].version != version:
        return UNKNOWN
    return at if load_u32(header + AT_FINGERPRINT) == known[at].fingerprint else CONFLICT
