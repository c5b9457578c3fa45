"""Frames as bytes: pack, unpack, peek, and the checksum. Knows nothing of schemas and values."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

from safecodec.frame._header cimport (
    NOT_HELD, UNKNOWN, KnownVersions, copy_header, fill_expected, header_prefix, hold_buffer, hold_context, hold_settled,
    release_buffer,
)
from safecodec.frame._stamp cimport checked_stamp, copy_stamp, fitting_stamp
from safecodec.frame.checks cimport (
    CRC32C_IMPLEMENTATIONS, Expected, Prefix, Span, check_form, check_start, choose_crc32c, crc32c_chosen, crc32c_entry,
    crc32c_table, fill_prefix, is_stamped, mask_crc32c, payload_of, sum_crc32c, sum_header, sum_released,
)
from safecodec.frame.layout cimport (
    AT_FLAGS, AT_PAYLOAD_CHECKSUM, AT_PAYLOAD_LENGTH, AT_REVISION, FLAG_STAMPED, HEADER_SIZE, RELEASE_GIL_FROM,
    STAMP_SIZE, STATUS_ENVIRONMENT, STATUS_FLAGS, STATUS_FORMAT, STATUS_HEADER_CHECKSUM, STATUS_MAGIC, STATUS_OK,
    STATUS_PAYLOAD_CHECKSUM, STATUS_PAYLOAD_LENGTH, STATUS_PAYLOAD_TOO_LARGE, STATUS_REVISION, STATUS_SUBJECT,
    STATUS_TOO_SHORT, Status, load_u32, store_u32,
)

from safecodec.errors import ConfigError, UnsupportedRevisionError, ValueTooLargeError, short
from safecodec.frame import refusals
from safecodec.frame._header import DEFAULT_MAX_PAYLOAD as _DEFAULT_MAX_PAYLOAD
from safecodec.frame._header import FORMATS as _FORMATS
from safecodec.frame._header import LONGEST_PAYLOAD as _LONGEST_PAYLOAD

choose_crc32c()

cdef dict _FORMAT_NAMES = {code: name for name, code in _FORMATS.items()}
cdef Py_ssize_t SNIFFED = 4096


# ---- refusals ------------------------------------------------------------------------------------------------


cdef object refusal(Status status, Span frame, Span context, const Expected *expected):
    cdef const uint8_t *data = frame.data
    if status == STATUS_TOO_SHORT or status == STATUS_MAGIC:
        start = PyBytes_FromStringAndSize(<const char *>data, min(<Py_ssize_t>frame.size, SNIFFED))
        return refusals.foreign(too_short=status == STATUS_TOO_SHORT, start=start, length=frame.size)
    if status == STATUS_REVISION:
        return UnsupportedRevisionError(found=data[AT_REVISION])
    header = copy_header(frame)
    if status == STATUS_HEADER_CHECKSUM:
        intact = load_u32(data + AT_PAYLOAD_LENGTH) == frame.size - HEADER_SIZE and load_u32(
            data + AT_PAYLOAD_CHECKSUM
        ) == sum_released(frame)
        return refusals.header_checksum(
            header, found=sum_header(data, context), payload_intact=intact, context_given=context.size > 0
        )
    if status == STATUS_FLAGS:
        return refusals.flags(header)
    if status == STATUS_FORMAT:
        return refusals.payload_format(header, expected=_FORMAT_NAMES.get(expected.format))
    if status == STATUS_ENVIRONMENT:
        return refusals.environment(
            header, expected=spell_tag(expected.environment), name=<object>expected.environment_name
        )
    if status == STATUS_SUBJECT:
        return refusals.subject(header, expected=spell_tag(expected.subject), name=<object>expected.subject_name)
    if status == STATUS_PAYLOAD_CHECKSUM:
        return refusals.payload_checksum(header, found=sum_released(frame))
    if status == STATUS_PAYLOAD_LENGTH or status == STATUS_PAYLOAD_TOO_LARGE:
        return refusals.payload_length(header, found=frame.size - HEADER_SIZE, allowed=expected.max_payload)
    block = PyBytes_FromStringAndSize(<const char *>data + HEADER_SIZE, min(<Py_ssize_t>frame.size - HEADER_SIZE, STAMP_SIZE))
    return refusals.stamp(header, block, behind=frame.size - HEADER_SIZE)


cdef object version_refusal(Py_ssize_t found, Span frame, KnownVersions versions, const Expected *expected):
    cdef Py_ssize_t at
    parsed = copy_header(frame)
    numbers = versions.numbers
    subject = <object>expected.subject_name
    if found == UNKNOWN:
        return refusals.unknown_version(parsed, known=numbers, subject=subject)
    at = numbers.index(parsed.version)
    known = ""
    if versions.explain is not None:
        known = versions.explain(parsed.version, bytes.fromhex(parsed.fingerprint))
    return refusals.schema_conflict(
        parsed, expected=spell_tag(versions.known[at].fingerprint), subject=subject, known=known
    )


cdef bytes spell_tag(uint32_t tag):
    cdef uint8_t[4] spelled
    store_u32(spelled, tag)
    return spelled[:4]


# ---- public --------------------------------------------------------------------------------------------------


def peek(frame, *, context=None, bint verify=True):
    """Read a frame's header without touching its payload: the first 32 bytes are enough, and with its stamp 56.

    The header's checksum does not cover the stamp, and the payload's is not looked at: the stamp may be damaged.

    Args:
        frame: A frame, or its first 32 bytes or more; any C-contiguous buffer.
        context: The bytes that the frame is bound to, if any.
        verify: Whether to check the header's checksum; False reads a header whose context is not known.

    Returns:
        The header.

    Raises:
        DecodeError: One of verdicts 1 to 4 (`FrameTooShortError`, `NotAFrameError`, `UnsupportedRevisionError`,
            `HeaderChecksumError`, `ContextMismatchError`).
        InputTypeError: The frame or the context is no C-contiguous buffer of bytes.
    """
    cdef Py_buffer view, context_view
    cdef Span span, context_span
    cdef Status status
    hold_context(context, &context_view, &context_span)
    try:
        hold_buffer(frame, "frame", &view, &span)
        try:
            status = check_start(span, context_span, verify)
            if status != STATUS_OK:
                raise refusal(status, span, context_span, NULL)
            return copy_header(span)
        finally:
            release_buffer(&view)
    finally:
        release_buffer(&context_view)


def pack(payload, *, str format not None, str subject not None, version, bytes fingerprint not None, environment,
         oldest_reader=None, context=None, stamp=None):
    """Put a frame around a payload.

    Args:
        payload: The payload's bytes; any C-contiguous buffer.
        format: Payload format: ``avro``, ``msgpack`` or ``json``.
        subject: Name of what the payload is about.
        version: The schema version that the payload is written in, 1 to 65535.
        fingerprint: The schema's fingerprint, 4 bytes (see `safecodec.frame.fingerprint`).
        environment: Name of the environment, or None for an unscoped frame.
        oldest_reader: The oldest version whose readers can read the payload without its schema; ``version`` if None.
        context: Bytes to bind the frame to, such as its cache key.
        stamp: The frame's `Stamp`, if it is to have one.

    Returns:
        The frame: 32 bytes, the stamp's 24 where there is one, then the payload.

    Raises:
        ConfigError: A name, number or fingerprint that no header can hold, or a stamp that is none.
        EncodeError: There is a payload, and the stamp says that there is none.
        InputTypeError: The payload or the context is no C-contiguous buffer of bytes.
        ValueTooLargeError: The payload is longer than 4 GiB - 1; behind a stamp, 4 GiB - 25.
    """
    cdef Py_buffer view, context_view
    cdef Span span, context_span
    cdef bytes prefix = header_prefix(
        format, subject, version, fingerprint, environment, oldest_reader, 0 if stamp is None else FLAG_STAMPED
    )
    hold_context(context, &context_view, &context_span)
    try:
        hold_buffer(payload, "payload", &view, &span)
        try:
            return enclose_checked(span, <const uint8_t *>PyBytes_AS_STRING(prefix), stamp, context_span)
        finally:
            release_buffer(&view)
    finally:
        release_buffer(&context_view)


cdef bytes enclose_checked(Span payload, const uint8_t *start, object stamp, Span context):
    cdef Prefix prefix
    cdef size_t longest = _LONGEST_PAYLOAD
    cdef const uint8_t *block = NULL
    if stamp is not None:
        block = fitting_stamp(stamp, payload.size).raw
        longest -= STAMP_SIZE
    if payload.size > longest:
        raise ValueTooLargeError(found=payload.size, limit=longest)
    fill_prefix(&prefix, start)
    return enclose(payload, &prefix, block, context)


def unpack(frame, *, str subject not None, environment, format=None, versions=None, context=None,
           max_payload=_DEFAULT_MAX_PAYLOAD):
    """Check a frame and give its header and payload.

    Args:
        frame: A whole frame; any C-contiguous buffer.
        subject: Name of what the payload must be about.
        environment: Name of the environment that the frame must come from; None takes unscoped frames only.
        format: Payload format that it must have; None takes any known one.
        versions: Version numbers that are known, with their fingerprints of 4 bytes. A newer version passes where
            the frame says that the newest of these can read it: then ``header.version`` is not among them. None
            takes any version.
        context: The bytes that the frame is bound to, if any.
        max_payload: The longest payload that is accepted, in bytes, without the stamp, from 1 on; no limit is the longest
            that a header can state, 2**32 - 1.

    Returns:
        The header, and the payload as a view of the frame's own memory, or of a copy where that can be written to. It
        is empty where ``header.stamp`` says that there is no value.

    Raises:
        ConfigError: A name, number or fingerprint that no header can hold.
        DecodeError: One of verdicts 1 to 11a.
        InputTypeError: The frame or the context is no C-contiguous buffer of bytes.
    """
    cdef Py_buffer view, context_view
    cdef Span span, context_span
    cdef Expected expected
    cdef KnownVersions known = None if versions is None else KnownVersions(versions)
    fill_expected(&expected, format, subject, environment, max_payload)
    hold_context(context, &context_view, &context_span)
    try:
        hold_settled(frame, max_payload, &view, &span)
        try:
            check_frame(span, context_span, &expected, <PyObject *>known)
            owner = frame if view.len == NOT_HELD else <object>view.obj
            start = payload_of(span).data - span.data
            return copy_header(span), memoryview(owner).cast("B")[start:].toreadonly()
        finally:
            release_buffer(&view)
    finally:
        release_buffer(&context_view)


def stamp_of(frame):
    """Return the stamp of a frame, which is read and not checked: for frames that were decoded before.

    Args:
        frame: A frame, or its first 56 bytes or more; any C-contiguous buffer.

    Returns:
        The `Stamp`; None where the bytes have none.

    Raises:
        InputTypeError: The frame is no C-contiguous buffer of bytes.
    """
    cdef Py_buffer view
    cdef Span span
    hold_buffer(frame, "frame", &view, &span)
    try:
        if span.size < HEADER_SIZE + STAMP_SIZE or not is_stamped(span):
            return None
        return copy_stamp(span.data + HEADER_SIZE)
    finally:
        release_buffer(&view)


def restamp(frame, stamp, *, context=None):
    """Return a frame with another stamp, or with its first one, and else the same: header fields, payload, context.

    The frame's own checksums are verified first, so that damage is not vouched for anew.

    Args:
        frame: A whole frame of any subject, environment and version; any C-contiguous buffer.
        stamp: The new `Stamp`.
        context: The bytes that the frame is bound to, if any; the new one is bound to the same.

    Returns:
        The new frame.

    Raises:
        ConfigError: The stamp is none.
        DecodeError: One of verdicts 1 to 5 and 9 to 11a.
        EncodeError: The frame has a payload, and the stamp says that there is none.
        InputTypeError: The frame or the context is no C-contiguous buffer of bytes.
        ValueTooLargeError: The frame has no stamp, and the longest payload that a header can state.
    """
    cdef Py_buffer view, context_view
    cdef Span span, context_span
    cdef Status status
    cdef uint8_t[AT_PAYLOAD_LENGTH] prefix
    cdef Expected expected = Expected(0, 0, 0, _LONGEST_PAYLOAD, NULL, NULL)
    hold_context(context, &context_view, &context_span)
    try:
        hold_settled(frame, expected.max_payload, &view, &span)
        try:
            status = check_form(span, context_span, expected.format)
            if status == STATUS_OK:
                status = check_body(span, expected.max_payload)
            if status != STATUS_OK:
                raise refusal(status, span, context_span, &expected)
            memcpy(prefix, span.data, AT_PAYLOAD_LENGTH)
            prefix[AT_FLAGS] |= FLAG_STAMPED
            return enclose_checked(payload_of(span), prefix, checked_stamp(stamp), context_span)
        finally:
            release_buffer(&view)
    finally:
        release_buffer(&context_view)


cdef object sum_with(const crc32c_entry *implementation, object data, object value):
    cdef Py_buffer view
    cdef Span span
    cdef uint32_t state
    state = ~checked_checksum(value)
    hold_buffer(data, "data", &view, &span)
    try:
        if span.size < RELEASE_GIL_FROM:
            return <uint32_t>~implementation.update(state, span.data, span.size)
        with nogil:
            state = implementation.update(state, span.data, span.size)
        return <uint32_t>~state
    finally:
        release_buffer(&view)


def crc32c(data, value=0):
    """Return the CRC-32C (Castagnoli) of some bytes, unmasked.

    Args:
        data: The bytes; any C-contiguous buffer.
        value: CRC-32C of the bytes before, to go on from.

    Returns:
        The checksum, 0 to 2**32 - 1. Source: RFC 3720, section 12.1.

    Raises:
        ConfigError: ``value`` is no CRC-32C.
        InputTypeError: ``data`` is no C-contiguous buffer.
    """
    if value == 0 and type(value) is int and PyBytes_CheckExact(data) and PyBytes_GET_SIZE(data) < RELEASE_GIL_FROM:
        return sum_crc32c(0, <const uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))
    return sum_with(crc32c_chosen, data, value)


def mask(checksum):
    """Return a CRC-32C as a frame stores it: rotated right by 15 bits, plus 0xa282ead8 (LevelDB's rule).

    Args:
        checksum: The CRC-32C, 0 to 2**32 - 1.

    Raises:
        ConfigError: ``checksum`` is no CRC-32C.
    """
    return mask_crc32c(checked_checksum(checksum))


cdef uint32_t checked_checksum(object value) except? 0:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32:
        raise ConfigError(f"a CRC-32C is between 0 and 2**32 - 1, not {short(value)}")
    return value


def crc32c_implementation():
    """Return the name of the CRC-32C implementation chosen for this processor."""
    return crc32c_chosen.name.decode()


def crc32c_implementations():
    """Return the names of the CRC-32C implementations that this processor can run, the best first."""
    cdef int at
    names = []
    for at in range(CRC32C_IMPLEMENTATIONS):
        if crc32c_table[at].update is not NULL:
            names.append(crc32c_table[at].name.decode())
    return tuple(names)


def crc32c_with(str name not None, data, value=0):
    """Return the CRC-32C of some bytes by a named implementation; see `crc32c`.

    Args:
        name: One of `crc32c_implementations`.
        data: The bytes; any C-contiguous buffer.
        value: CRC-32C of the bytes before, to go on from.

    Returns:
        The checksum, which is the same for every implementation.

    Raises:
        ConfigError: This processor has no such implementation, or ``value`` is no CRC-32C.
        InputTypeError: ``data`` is no C-contiguous buffer.
    """
    cdef int at
    for at in range(CRC32C_IMPLEMENTATIONS):
        if crc32c_table[at].update is not NULL and crc32c_table[at].name.decode() == name:
            return sum_with(&crc32c_table[at], data, value)
    raise ConfigError(f"CRC-32C implementation {name!r} is not one of {', '.join(crc32c_implementations())}")
