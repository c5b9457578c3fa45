"""Codec: values of one subject to frames and back. No I/O, no event loop; safe to share between threads."""

import os
import types
import typing

cimport cython
from cpython.buffer cimport PyBuffer_FillInfo
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.object cimport Py_TYPE
from libc.stdint cimport uint8_t

from safecodec.frame._frame cimport check_frame, enclose
from safecodec.frame._header cimport (
    KnownVersions, copy_header, fill_expected, header_prefix, hold_buffer, hold_bytes, hold_context,
    hold_write_context, release_buffer,
)
from safecodec.frame.checks cimport Expected, Span, choose_crc32c
from safecodec.frame.layout cimport HEADER_SIZE

from safecodec.errors import ConfigError, EncodeError, PayloadError, ValueTooLargeError
from safecodec.evolution.versions import Versions
from safecodec.frame._header import DEFAULT_MAX_PAYLOAD as _DEFAULT_MAX_PAYLOAD

choose_crc32c()

ENVIRONMENT_VARIABLE = "SAFECODEC_ENVIRONMENT"
"""Where a codec takes its environment from if none is given."""


# A frame while it is decoded. It exports the payload, so that a decoder reads it where it is; whatever keeps a view
# of that keeps this, and with it the frame. Frames mostly are bytes, which need no hold: a class of their own is
# made and dropped in half the time.
@cython.final
@cython.no_gc
@cython.freelist(16)
cdef class _HeldBytes:
    cdef object owner
    cdef Span span

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        export_payload(self, &self.span, buffer, flags)


@cython.final
@cython.no_gc
cdef class _HeldBuffer:
    cdef Py_buffer view
    cdef Span span

    def __cinit__(self, frame):
        hold_buffer(frame, "frame", &self.view, &self.span)

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        export_payload(self, &self.span, buffer, flags)

    def __dealloc__(self):
        if self.span.data is not NULL:
            release_buffer(&self.view)


cdef int export_payload(object held, const Span *frame, Py_buffer *buffer, int flags) except -1:
    PyBuffer_FillInfo(
        buffer, held, <void *>(frame.data + HEADER_SIZE), <Py_ssize_t>frame.size - HEADER_SIZE, 1, flags
    )
    return 0


# The object is what a decoder reads the payload from, and what keeps the span valid.
cdef inline object hold_frame(object frame, Span *span):
    cdef _HeldBytes held
    cdef _HeldBuffer other
    cdef Py_buffer unused
    if hold_bytes(frame, &unused, span):
        held = _HeldBytes.__new__(_HeldBytes)
        held.owner = frame
        held.span = span[0]
        return held
    other = _HeldBuffer(frame)
    span[0] = other.span
    return other


def _value_class(schema):
    """Return the class that values must have exactly, or None where the payload's encoder checks them."""
    origin = typing.get_origin(schema.type) or schema.type
    if typing.is_typeddict(origin):
        return dict
    return origin if isinstance(origin, type) else None


def _environment_name(given):
    name = os.environ.get(ENVIRONMENT_VARIABLE) if given is None else given
    if name is None:
        raise ConfigError(
            f"no environment: give environment=… or set {ENVIRONMENT_VARIABLE}, so that a value written in staging "
            "is never read in production"
        )
    if not isinstance(name, str) or not name:
        source = ENVIRONMENT_VARIABLE if given is None else "environment"
        raise ConfigError(f"{source} is a name that is not empty, this is {name!r}")
    return name


@cython.final
cdef class Codec:
    """Writes values of one subject as frames, and reads frames of all its versions as values of the newest.

    Immutable, safe to share between threads, and pickled as what it was made from.

    Args:
        type: The newest version: a `msgspec.Struct`, dataclass or TypedDict, whose instances are the values; or an
            Avro schema (dict, JSON text, path of an .avsc), whose values are dicts.
        subject: Name of what the values are about. Frames of another subject are refused.
        version: Number of the newest version, 1 to 65535.
        older: The versions before it, by number, as ``type``.
        payload: Payload format: ``avro``, ``msgpack`` or ``json``.
        environment: Name of the environment; the variable SAFECODEC_ENVIRONMENT where None. Frames of another
            environment are refused.
        write_version: Number of the version that is written; ``version`` where None. Readers first: a version is
            written when every reader knows it.
        max_payload: The longest payload that is written or read, in bytes; 64 MiB where not given.

    Raises:
        ConfigError: No environment, or a name or number that no header can hold.
        SchemaError: A version's schema cannot be used; `IncompatibleSchemaError` where an older version cannot be
            read as the newest, or the newest cannot be written as ``write_version``.
    """

    cdef readonly str subject
    cdef readonly str payload
    cdef readonly str environment
    cdef readonly int version
    cdef readonly int write_version
    cdef object _versions
    cdef object _value_class
    cdef object _encode
    cdef tuple _decoders
    cdef KnownVersions _known
    cdef Expected _expected
    cdef bytes _prefix
    cdef tuple _made_from

    def __cinit__(self, type, *, str subject not None, version, older=None, str payload not None="avro",
                  environment=None, write_version=None, max_payload=_DEFAULT_MAX_PAYLOAD):
        self.subject = subject
        self.payload = payload
        self.environment = _environment_name(environment)
        versions = Versions(type, version, {} if older is None else older, subject=subject, payload=payload)
        self.version = version
        self.write_version = versions.check(version if write_version is None else write_version, "write_version")
        self._versions = versions
        self._value_class = _value_class(versions.schemas[version])
        self._encode = versions.encoder(self.write_version)
        self._decoders = versions.decoders()
        self._known = KnownVersions(versions.fingerprints)
        fill_expected(&self._expected, payload, subject, self.environment, max_payload)
        self._prefix = header_prefix(
            payload, subject, self.write_version, versions.fingerprints[self.write_version], self.environment,
            versions.oldest_reader(self.write_version),
        )
        self._made_from = (type, dict(
            subject=subject, version=version, older=older, payload=payload, environment=self.environment,
            write_version=self.write_version, max_payload=max_payload,
        ))

    def __class_getitem__(cls, item):
        return types.GenericAlias(cls, item)

    def __reduce__(self):
        return _restore_codec, self._made_from

    def __repr__(self):
        return (
            f"Codec(subject={self.subject!r}, versions={self.versions!r}, payload={self.payload!r}, "
            f"environment={self.environment!r}, write_version={self.write_version})"
        )

    @property
    def versions(self):
        """Numbers of all versions that are known, oldest first."""
        return self._versions.numbers

    @property
    def max_payload(self):
        """The longest payload that is written or read, in bytes."""
        return self._expected.max_payload

    def schema(self, version=None):
        """Return the schema of a version, the newest where None.

        Raises:
            ConfigError: The version is not known.
        """
        return self._versions.schemas[self.version if version is None else self._versions.check(version)]

    def fingerprint(self, version=None):
        """Return the fingerprint of a version's schema that its frames carry, 4 bytes; the newest where None.

        Raises:
            ConfigError: The version is not known.
        """
        return self._versions.fingerprints[self.version if version is None else self._versions.check(version)]

    def encode(self, value, *, context=None):
        """Write a value as a frame.

        Args:
            value: A value of the newest version.
            context: Bytes to bind the frame to, such as its cache key; only who gives the same can decode it.

        Returns:
            The frame, in ``write_version``. The same value gives the same bytes.

        Raises:
            EncodeError: The value cannot be written, with its path; `ValueTooLargeError` where its payload is longer
                than ``max_payload``.
        """
        cdef Py_buffer view
        cdef Span bound = Span(NULL, 0)
        cdef bytes payload
        if self._value_class is not None and <object>Py_TYPE(value) is not self._value_class:
            raise EncodeError(
                f"a value of subject {self.subject!r} is a {self._value_class.__qualname__}, "
                f"this is a {type(value).__qualname__}"
            )
        try:
            payload = self._encode(value)
        except EncodeError:
            raise
        except Exception as error:
            reason, path = self._versions.module.describe(error)
            raise EncodeError(reason, path=path) from error
        if context is None:
            return self.frame_of(payload, bound)
        hold_write_context(context, &view, &bound)
        try:
            return self.frame_of(payload, bound)
        finally:
            release_buffer(&view)

    cdef bytes frame_of(self, bytes payload, Span context):
        cdef Span span = Span(<const uint8_t *>PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload))
        if span.size > self._expected.max_payload:
            raise ValueTooLargeError(found=span.size, limit=self._expected.max_payload)
        return enclose(span, self._prefix, context)

    def decode(self, frame, *, context=None):
        """Read a frame as a value of the newest version, whatever version wrote it.

        Args:
            frame: A whole frame; any C-contiguous buffer. It is read where it is.
            context: The bytes that the frame is bound to, if any.

        Returns:
            The value: an instance of the newest version's type, or a dict.

        Raises:
            DecodeError: The first of the verdicts that fails; each has a class of its own.
        """
        cdef Span span
        held = hold_frame(frame, &span)
        cdef Py_ssize_t found = self.check(span, context)
        try:
            return self._decoders[found](held)
        except Exception as error:
            raise self.unreadable(span, error) from error

    # Verdicts 1 to 10: which decoder the payload takes.
    cdef Py_ssize_t check(self, Span frame, object context) except -1:
        cdef Py_buffer view
        cdef Span bound = Span(NULL, 0)
        if context is None:
            return check_frame(frame, bound, &self._expected, self._known)
        hold_context(context, &view, &bound)
        try:
            return check_frame(frame, bound, &self._expected, self._known)
        finally:
            release_buffer(&view)

    cdef object unreadable(self, Span frame, Exception error):
        header = copy_header(frame.data)
        if isinstance(error, PayloadError):
            reason, path = error.reason, error.path
        else:
            reason, path = self._versions.module.describe(error)
        return PayloadError(reason, header=header, path=path)


def _restore_codec(type, arguments):
    return Codec(type, **arguments)
