from libc.stdint cimport uint8_t, uint32_t

from safecodec.frame._header cimport KnownVersions
from safecodec.frame.checks cimport Expected, Span
from safecodec.frame.layout cimport Status

# The error for a refusal of the bytes.
cdef object refusal(Status status, Span frame, Span context, const Expected *expected)
cdef object version_refusal(Py_ssize_t found, const uint8_t *header, KnownVersions versions)
