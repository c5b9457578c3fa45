"""The header as an object, the versions that a reader knows, and the checks on what a caller gives."""

import hashlib
from functools import lru_cache

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_Check
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy

from safecodec._settled cimport settle
from safecodec.frame._stamp cimport copy_stamp
from safecodec.frame.checks cimport Expected, Span, is_stamped
from safecodec.frame.layout cimport (
    AT_ENVIRONMENT, AT_FINGERPRINT, AT_FLAGS, AT_FORMAT, AT_HEADER_CHECKSUM, AT_OLDEST_READER, AT_PAYLOAD_CHECKSUM,
    AT_PAYLOAD_LENGTH, AT_SUBJECT, AT_VERSION, FLAG_STAMPED, HEADER_SIZE, MAGIC, REVISION_1, STAMP_SIZE, load_u16,
    load_u32, store_u16,
)

from safecodec.errors import ConfigError, InputTypeError, short

FORMATS = {"avro": 1, "msgpack": 2, "json": 3}
"""Payload formats by name, with their byte in the header."""
DEFAULT_MAX_PAYLOAD = 64 * 1024 * 1024
"""The longest payload that is read and written unless another limit is given, in bytes."""
LONGEST_PAYLOAD = 2**32 - 1
"""The longest payload that a header can state, in bytes."""

cdef dict _FORMAT_NAMES = {code: name for name, code in FORMATS.items()}


@cython.final
@cython.no_gc
@cython.freelist(16)
cdef class Header:
    """The header of a frame, as its 32 bytes say, and its stamp. Immutable, hashable, picklable.

    `peek` and `unpack` make it. Two headers are equal where their bytes and their stamps are.
    """

    def __init__(self, *_arguments):
        raise TypeError("a Header is made by peek() or unpack()")

    @property
    def revision(self):
        """Revision of the frame's layout, from 1 on."""
        return 1

    @property
    def format(self):
        """Payload format, which is ``avro``, ``msgpack``, ``json`` or ``unknown (7)``."""
        return _FORMAT_NAMES.get(self.raw[AT_FORMAT]) or f"unknown ({self.raw[AT_FORMAT]})"

    @property
    def format_code(self):
        """The payload format's byte."""
        return self.raw[AT_FORMAT]

    @property
    def flags(self):
        """The flags byte, whose high nibble must be understood; the low one may be ignored."""
        return self.raw[AT_FLAGS]

    @property
    def version(self):
        """The writer's schema version."""
        return load_u16(&self.raw[AT_VERSION])

    @property
    def oldest_reader(self):
        """The oldest schema version whose readers can read the payload without the writer's schema."""
        return load_u16(&self.raw[AT_OLDEST_READER])

    @property
    def subject_tag(self):
        """Tag of the subject's name, 8 hex digits."""
        return self.raw[AT_SUBJECT:AT_FINGERPRINT].hex()

    @property
    def fingerprint(self):
        """Fingerprint of the writer's schema, 8 hex digits."""
        return self.raw[AT_FINGERPRINT:AT_ENVIRONMENT].hex()

    @property
    def environment_tag(self):
        """Tag of the environment's name, 8 hex digits; ``00000000`` is unscoped."""
        return self.raw[AT_ENVIRONMENT:AT_PAYLOAD_LENGTH].hex()

    @property
    def payload_length(self):
        """Bytes behind the header, which are the payload as stored and the stamp before it."""
        return load_u32(&self.raw[AT_PAYLOAD_LENGTH])

    @property
    def payload_checksum(self):
        """Masked CRC-32C of what is behind the header."""
        return load_u32(&self.raw[AT_PAYLOAD_CHECKSUM])

    @property
    def header_checksum(self):
        """Masked CRC-32C of the header's first 28 bytes and the bound context."""
        return load_u32(&self.raw[AT_HEADER_CHECKSUM])

    @property
    def stamp(self):
        """The stamp; None where the frame has none, its first 56 bytes were not given, or no reader takes its block.

        The payload checksum vouches for it, and `peek` does not look at that: the stamp of a frame that was only
        peeked at may be damaged. ``flags & 0x40`` says whether a frame is stamped, and is vouched for.
        """
        return copy_stamp(&self.raw[HEADER_SIZE]) if self.raw[AT_FLAGS] & FLAG_STAMPED else None

    def as_dict(self):
        """All attributes by name, fit for JSON; ``stamp`` is a dict, and there only where the header has one."""
        found = {name: getattr(self, name) for name in _HEADER_ATTRIBUTES}
        stamp = self.stamp
        if stamp is not None:
            found["stamp"] = stamp.as_dict()
        return found

    def __bytes__(self):
        return PyBytes_FromStringAndSize(<char *>self.raw, HEADER_SIZE)

    def __eq__(self, other):
        if not isinstance(other, Header):
            return NotImplemented
        return memcmp(self.raw, (<Header>other).raw, HEADER_SIZE + STAMP_SIZE) == 0

    def __hash__(self):
        return hash(bytes(self))

    def __repr__(self):
        fields = ", ".join(map("{0[0]}={0[1]!r}".format, self.as_dict().items()))
        return f"Header({fields})"

    def __reduce__(self):
        cdef Py_ssize_t size = HEADER_SIZE + STAMP_SIZE if self.raw[AT_FLAGS] & FLAG_STAMPED else HEADER_SIZE
        return _restore_header, (PyBytes_FromStringAndSize(<char *>self.raw, size),)


_HEADER_ATTRIBUTES = (
    "revision", "format", "format_code", "flags", "version", "oldest_reader", "subject_tag", "fingerprint",
    "environment_tag", "payload_length", "payload_checksum", "header_checksum",
)


cdef Header copy_plain(const uint8_t *start):
    cdef Header header = Header.__new__(Header)
    memcpy(header.raw, start, HEADER_SIZE)
    return header


cdef Header copy_stamped(Span frame):
    cdef Header header = copy_plain(frame.data)
    if frame.size >= HEADER_SIZE + STAMP_SIZE:
        memcpy(&header.raw[HEADER_SIZE], frame.data + HEADER_SIZE, STAMP_SIZE)
    return header


def _restore_header(bytes raw not None):
    cdef Span span = Span(<const uint8_t *>PyBytes_AS_STRING(raw), PyBytes_GET_SIZE(raw))
    if span.size != HEADER_SIZE and not (span.size == HEADER_SIZE + STAMP_SIZE and is_stamped(span)):
        raise ValueError(f"a header has {HEADER_SIZE} bytes, not {len(raw)}")
    return copy_header(span)


@cython.final
cdef class KnownVersions:
    """The schema versions that a reader knows, with their fingerprints.

    Args:
        versions: A mapping of version numbers to fingerprints of 4 bytes.
        explain: What says in words what is known of a schema that conflicts with one of these, given the version's
            number and the fingerprint; called when there is an error to build, and None where nothing is known.
    """

    def __cinit__(self, versions, explain=None):
        cdef Py_ssize_t at
        self.explain = explain
        cdef list found = sorted(dict(versions).items())
        if not found:
            raise ConfigError("no version is known: versions is empty")
        self.known = <Known *>PyMem_Malloc(<size_t>len(found) * sizeof(Known))
        if self.known is NULL:
            raise MemoryError
        for at, (version, fingerprint) in enumerate(found):
            self.known[at].version = checked_version("version", version)
            self.known[at].fingerprint = load_u32(
                <const uint8_t *>PyBytes_AS_STRING(checked_fingerprint(fingerprint))
            )
            self.count = at + 1

    def __dealloc__(self):
        PyMem_Free(self.known)

    @property
    def numbers(self):
        """The version numbers, oldest first."""
        cdef Py_ssize_t at
        cdef list found = []
        for at in range(self.count):
            found.append(self.known[at].version)
        return tuple(found)


# ---- what a caller gives -------------------------------------------------------------------------------------


cdef int hold_buffer(object source, str name, Py_buffer *view, Span *span) except -1:
    if hold_bytes(source, view, span):
        return 0
    if PyUnicode_Check(source) and name == "frame":
        raise InputTypeError(
            "the frame is a str, not bytes: a Redis client with decode_responses=True hands out text, "
            "read frames with one that has decode_responses=False",
            found="str",
        )
    if PyUnicode_Check(source):
        raise InputTypeError(f"the {name} is a str, not bytes: encode it, as UTF-8 for instance", found="str")
    try:
        PyObject_GetBuffer(source, view, PyBUF_SIMPLE)
    except (TypeError, ValueError, BufferError) as error:
        kind = type(source).__name__
        found, instead = f"of type {kind!r}", "pass bytes, a bytearray or a C-contiguous memoryview"
        if source is None:
            found, instead = "None", "a key that a store does not have is no frame, leave it out before"
            if name != "frame":
                found, instead = "None", "pass bytes"
        elif kind == "memoryview" and isinstance(error, BufferError):
            found, instead = "a memoryview that is not C-contiguous", "pass bytes(view)"
        elif isinstance(error, ValueError):
            found, instead = f"of type {kind!r}, and cannot be read: {error}", "pass one that is open"
        raise InputTypeError(f"the {name} is {found}, not bytes: {instead}", found=kind) from None
    span.data = <const uint8_t *>view.buf
    span.size = view.len
    return 0


cdef int hold_settled(object frame, uint64_t longest, Py_buffer *view, Span *span) except -1:
    hold_buffer(frame, "frame", view, span)
    if view.len == NOT_HELD:
        return 0
    span.data = NULL  # where settling fails, nothing is held
    settle(view, HEADER_SIZE + STAMP_SIZE + longest)
    span.data = <const uint8_t *>view.buf
    return 0


cdef uint32_t checked_version(str name, object version) except 0:
    if isinstance(version, bool) or not isinstance(version, int):
        raise ConfigError(f"{name} is a whole number, not {short(version)}")
    if not 1 <= version <= 65535:
        raise ConfigError(f"{name} is between 1 and 65535, not {short(version)}")
    return version


cdef bytes checked_fingerprint(object fingerprint):
    if not PyBytes_CheckExact(fingerprint) or len(fingerprint) != 4:
        raise ConfigError(f"a schema fingerprint has 4 bytes, this is {short(fingerprint)}")
    return fingerprint


cdef uint32_t checked_format(object name) except 0:
    code = FORMATS.get(name) if isinstance(name, str) else None
    if code is None:
        raise ConfigError(f"payload format {short(name)} is not one of {', '.join(FORMATS)}")
    return code


@lru_cache(maxsize=1024)
def _tag(kind, name):
    if not isinstance(name, str) or not name:
        raise ConfigError(f"the {kind} is a name that is not empty, this is {short(name)}")
    try:
        prefix = hashlib.sha256(name.encode()).digest()[:4]
    except UnicodeEncodeError:
        raise ConfigError(f"the {kind} {name!r} has no UTF-8 form") from None
    if prefix == b"\0\0\0\0":
        raise ConfigError(f"the {kind} {name!r} has the tag 00000000, which is reserved: choose another name")
    return prefix


def tag(name):
    """Return the tag of a subject's or an environment's name.

    Args:
        name: The name.

    Returns:
        The first 4 bytes of SHA-256 over the name in UTF-8.

    Raises:
        ConfigError: The name is empty, no str, or its tag is the reserved 00000000.
    """
    return _tag("name", name)


def fingerprint(format, canonical):
    """Return the fingerprint that a frame's header carries of a schema.

    Args:
        format: Payload format: ``avro``, ``msgpack`` or ``json``.
        canonical: The schema's wire form.

    Returns:
        The first 4 bytes of SHA-256 over the format's byte and the canonical form in UTF-8.

    Raises:
        ConfigError: The format is not known.
    """
    return hashlib.sha256(bytes([checked_format(format)]) + canonical.encode()).digest()[:4]


cdef bytes header_prefix(str format, str subject, object version, bytes fingerprint, object environment,
                         object oldest_reader, uint8_t flags):
    cdef uint8_t[4] numbers
    code = checked_format(format)
    store_u16(numbers, checked_version("version", version))
    if oldest_reader is None:
        oldest_reader = version
    store_u16(&numbers[2], checked_version("oldest_reader", oldest_reader))
    if oldest_reader > version:
        raise ConfigError(f"oldest_reader {oldest_reader} is newer than version {version}")
    return b"".join((
        bytes((MAGIC, REVISION_1, code, flags)),
        numbers[:4],
        _tag("subject", subject),
        checked_fingerprint(fingerprint),
        b"\0\0\0\0" if environment is None else _tag("environment", environment),
    ))


cdef int fill_expected(Expected *expected, object format, str subject, object environment, object max_payload) except -1:
    expected.format = 0 if format is None else checked_format(format)
    expected.subject = load_u32(<const uint8_t *>PyBytes_AS_STRING(_tag("subject", subject)))
    expected.environment = 0
    if environment is not None:
        expected.environment = load_u32(<const uint8_t *>PyBytes_AS_STRING(_tag("environment", environment)))
    if isinstance(max_payload, bool) or not isinstance(max_payload, int) or not 1 <= max_payload <= LONGEST_PAYLOAD:
        raise ConfigError(f"max_payload is a number of bytes between 1 and {LONGEST_PAYLOAD}, not {short(max_payload)}")
    expected.max_payload = max_payload
    expected.subject_name = <PyObject *>subject
    expected.environment_name = <PyObject *>environment
    return 0
