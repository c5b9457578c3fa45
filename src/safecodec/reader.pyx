"""Reader: frames of one subject to values of one type. No I/O, no event loop; safe to share between threads."""

import types

cimport cython
from cpython.buffer cimport PyBuffer_FillInfo
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t

from safecodec._settled cimport settle
from safecodec.avro._breathing cimport Breather, Breathing, breather_of
from safecodec.avro._decoder cimport Plan
from safecodec.avro._objects cimport PyTuple_GET_ITEM
from safecodec.frame._frame cimport check_frame
from safecodec.frame._header cimport (
    KnownVersions, copy_header, fill_expected, hold_buffer, hold_bytes, hold_context, release_buffer,
)
from safecodec.frame.checks cimport Span, choose_crc32c
from safecodec.frame.layout cimport HEADER_SIZE

from safecodec.avro.breath import Interruption
from safecodec._batch import batch_of as _batch_of
from safecodec._batch import read_batch as _read_batch
from safecodec.errors import PayloadError

choose_crc32c()


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
        hold_settled(frame, False, &self.view, &self.span)

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        export_payload(self, &self.span, buffer, flags)

    def __dealloc__(self):
        if self.span.data is not NULL:
            release_buffer(&self.view)


cdef int hold_settled(object frame, bint shared, Py_buffer *view, Span *span) except -1:
    hold_buffer(frame, "frame", view, span)
    span.data = NULL  # where settling fails, nothing is held
    settle(view, shared)
    span.data = <const uint8_t *>view.buf
    return 0


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


cdef class Reader:
    """Reads frames of a subject as values of one type; `Codec.reader` makes one. Immutable, shared between threads.

    Args:
        versions: The subject's versions.
        environment: Name of the environment.
        max_payload: The longest payload that is read, in bytes.
        target: What payloads are read as; the newest version where None.
        shadow: What compares decodes with the reference's, or None.
        breathing: How a decode lets other threads run, or None where it does not.

    Raises:
        SchemaError: The target is no schema; `IncompatibleSchemaError` where a version cannot be read as it.
    """

    def __cinit__(self, versions, str environment, max_payload, target=None, shadow=None, Breathing breathing=None):
        self._decoders = versions.decoders(target)
        self._compiled = all([type(one) is Plan for one in self._decoders])
        self._known = KnownVersions(versions.fingerprints)
        self._describe = versions.module.describe
        self._shadow = shadow
        self._breathing = breathing
        self._breather = breather_of(breathing)
        fill_expected(&self._expected, versions.payload, versions.subject, environment, max_payload)

    def __class_getitem__(cls, item):
        return types.GenericAlias(cls, item)

    def __reduce__(self):
        raise TypeError("a Reader is not pickled: pickle its Codec, and ask that for one")

    def decode(self, frame, *, context=None):
        """Read a frame, whatever version wrote it.

        Args:
            frame: A whole frame; any C-contiguous buffer. It is read where it is.
            context: The bytes that the frame is bound to, if any.

        Returns:
            The value: an instance of the reader's type, or a dict where it has none.

        Raises:
            DecodeError: The first of the verdicts that fails; each has a class of its own.
        """
        return self.read(frame, context, self._breather)

    def decode_many(self, frames, *, contexts=None, errors="raise"):
        """Read several frames.

        Args:
            frames: The frames.
            contexts: For each the bytes that it is bound to, or None; None where no frame is bound.
            errors: ``raise`` the first verdict, which has its frame's place as ``item``; or ``return`` verdicts in the
                place of values.

        Returns:
            A list of the values, in the frames' order.

        Raises:
            DecodeError: As `decode`; with ``return`` only where the frames are no frames at all, but one.
            ConfigError: There are not as many contexts as frames, or ``errors`` is not known.
        """
        return _read_batch(self.decode, _batch_of(frames, contexts, errors))

    cdef object read(self, object frame, object context, const Breather *breather):
        return self.read_compiled(frame, context, breather) if self._compiled else self.read_held(frame, context)

    # Plans read a span and keep nothing of it.
    cdef object read_compiled(self, object frame, object context, const Breather *breather):
        cdef Py_buffer view
        cdef Span span
        cdef Py_ssize_t found
        cdef PyObject *plan
        if not hold_bytes(frame, &view, &span):
            hold_settled(frame, breather is not NULL, &view, &span)
        try:
            found = self.check(span, context)
            try:
                plan = PyTuple_GET_ITEM(<PyObject *>self._decoders, found)  # not counted: all threads share it
                value = (<Plan>plan).read(span.data + HEADER_SIZE, span.size - HEADER_SIZE, breather)
            except Interruption as stopped:
                raise stopped.error
            except Exception as error:
                failure = self.unreadable(span, error)
                self.watch(found, span, failure)
                raise failure from error.__cause__
            if self._shadow is not None:
                self.watch(found, span, value)
            return value
        finally:
            release_buffer(&view)

    cdef object read_held(self, object frame, object context):
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
            return check_frame(frame, bound, &self._expected, <PyObject *>self._known)
        hold_context(context, &view, &bound)
        try:
            return check_frame(frame, bound, &self._expected, <PyObject *>self._known)
        finally:
            release_buffer(&view)

    cdef object unreadable(self, Span frame, Exception error):
        header = copy_header(frame.data)
        if isinstance(error, PayloadError):
            reason, path = error.reason, error.path
        else:
            reason, path = self._describe(error)
        return PayloadError(reason, header=header, path=path)

    cdef int watch(self, Py_ssize_t found, Span frame, object outcome) except -1:
        if self._shadow is not None and self._shadow.due():
            payload = PyBytes_FromStringAndSize(
                <const char *>frame.data + HEADER_SIZE, <Py_ssize_t>frame.size - HEADER_SIZE
            )
            self._shadow.compare(found, payload, outcome, copy_header(frame.data))
        return 0
