"""Reader: frames of one subject to values of one type. No I/O; safe to share between threads."""

import types

cimport cython
from cpython.buffer cimport PyBuffer_FillInfo
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t, uint64_t

from safecodec._cost cimport Estimate, learn_from, stopwatch, wall_time
from safecodec._loop cimport GUARD_OFF, Hold, LoopRules, Manners, on_loop, verbs
from safecodec.avro._breathing cimport LARGE
from safecodec.avro._decoder cimport Plan
from safecodec.avro._objects cimport PyTuple_GET_ITEM
from safecodec.frame._frame cimport check_frame, find_quickly
from safecodec.frame._header cimport (
    KnownVersions, copy_header, fill_expected, find_version, hold_buffer, hold_bytes, hold_context, hold_settled,
    release_buffer,
)
from safecodec.frame._stamp cimport copy_stamp
from safecodec.frame.checks cimport Span, choose_crc32c, is_stamped, payload_of
from safecodec.frame.layout cimport HEADER_SIZE, KIND_VALUE, STAMP_KIND, STAMP_SIZE

from sys import exc_info

from safecodec._batch import batch_of as _batch_of
from safecodec._batch import read_batch as _read_batch
from safecodec.errors import InputTypeError, NoValueError, PayloadError
from safecodec.payload.verdicts import verdict

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

    def __cinit__(self, frame, longest):
        hold_settled(frame, longest, &self.view, &self.span)

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        export_payload(self, &self.span, buffer, flags)

    def __dealloc__(self):
        if self.span.data is not NULL:
            release_buffer(&self.view)


cdef int export_payload(object held, const Span *frame, Py_buffer *buffer, int flags) except -1:
    cdef Span payload = payload_of(frame[0])
    PyBuffer_FillInfo(buffer, held, <void *>payload.data, <Py_ssize_t>payload.size, 1, flags)
    return 0


cdef inline _HeldBytes held_bytes(object frame, const Span *span):
    cdef _HeldBytes held = _HeldBytes.__new__(_HeldBytes)
    held.owner = frame
    held.span = span[0]
    return held


# The object is what a decoder reads the payload from, and what keeps the span valid.
cdef inline object hold_frame(object frame, uint64_t longest, Span *span):
    cdef _HeldBuffer other
    cdef Py_buffer unused
    if hold_bytes(frame, &unused, span):
        return held_bytes(frame, span)
    other = _HeldBuffer(frame, longest)
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
        rules: On which terms calls meet an event loop.

    Raises:
        SchemaError: The target is no schema; `IncompatibleSchemaError` where a version cannot be read as it.
    """

    def __cinit__(self, versions, str environment, max_payload, target=None, shadow=None, rules=None):
        self._decoders = versions.decoders(target)
        self._compiled = set(map(type, self._decoders)) == {Plan}
        self._known = KnownVersions(versions.fingerprints, versions.explain_conflict)
        self._shadow = shadow
        self._rules = LoopRules() if rules is None else rules
        self._guarded = self._rules.guard != GUARD_OFF
        self._quick = not self._guarded and shadow is None
        estimates = [self._rules.estimate()]
        for _ in self._decoders:
            estimates.append(self._rules.estimate())
        self._estimates = tuple(estimates)
        self._subject = versions.subject
        self._environment = environment
        fill_expected(&self._expected, versions.payload, self._subject, self._environment, max_payload)

    def __class_getitem__(cls, item):
        return types.GenericAlias(cls, item)

    def __reduce__(self):
        raise TypeError("a Reader is not pickled: pickle its Codec, and ask that for one")

    def decode(self, frame, *, context=None):
        """Read a frame, whatever version wrote it.

        Args:
            frame: A whole frame; any C-contiguous buffer. bytes, and memoryviews of bytes, are read where they are;
                another buffer is copied first, as it may be written to.
            context: The bytes that the frame is bound to, if any.

        Returns:
            The value: an instance of the reader's type, or a dict where it has none.

        Raises:
            DecodeError: The first of the verdicts that fails; each has a class of its own.
            NoValueError: The frame is good, and its stamp says that there is no value.
            InputTypeError: The frame or the context is no C-contiguous buffer of bytes.
            LoopBlockedError: This is an event loop's thread, the frame is large, and the codec's guard refuses.
        """
        return self.read(frame, context)

    def decode_many(self, frames, *, contexts=None, errors="raise"):
        """Read several frames.

        Args:
            frames: The frames.
            contexts: For each the bytes that it is bound to, or None; None where no frame is bound.
            errors: ``raise`` the first verdict, which has its frame's place as ``item``; or ``return`` verdicts in the
                place of values, and a `NoValueError` where a frame says that there is none.

        Returns:
            A list of the values, in the frames' order.

        Raises:
            DecodeError: As `decode`, but with ``return``.
            NoValueError: As `decode`, but with ``return``.
            InputTypeError: As `decode`, with ``return``, too: a `None` or a `str` among the frames is a mistake of the
                caller's, and no verdict on a frame. It has the frame's place as ``item``. Or one frame is given for several.
            ConfigError: There are not as many contexts as frames, or ``errors`` is not known.
            LoopBlockedError: As `decode`, for all of them together.
        """
        cdef Py_ssize_t size
        cdef double started, ended, expected
        batch = _batch_of(frames, contexts, errors)
        if not self._guarded or not on_loop():
            return _read_batch(self.decode, batch)
        started = wall_time()
        expected = self.predict_all(batch.frames, started, &size)
        self._rules.admit("decode_many", size, expected)
        values = _read_batch(self._decode_inline, batch)
        ended = wall_time()
        expected = self.predict_all(batch.frames, ended, &size)
        self._rules.tell("decode_many", size, ended - started, expected)
        return values

    def adecode(self, frame, *, context=None):
        """Read a frame from a coroutine, without standing on its event loop's thread for long.

        What is expected to take less than ``loop_budget`` is read at once, without a hop; the rest in the codec's pool,
        see `safecodec.offload.Pool`. Frame and context must stay as they are meanwhile.

        Args:
            frame: A whole frame; any C-contiguous buffer. A buffer that is not `bytes` is copied before it is read in
                the pool.
            context: The bytes that the frame is bound to, if any.

        Returns:
            A coroutine of the value.

        Raises:
            DecodeError: As `decode`, where it is awaited.
            NoValueError: As `decode`, where it is awaited.
            InputTypeError: As `decode`, where it is awaited.
            OffloadError: The pool is closed, or full and set up to refuse.
        """
        return verbs().adecode(self, frame, context)

    def adecode_many(self, frames, *, contexts=None, errors="raise"):
        """Read several frames from a coroutine, all of them at once or all of them in the pool: a batch is one hop.

        Args:
            frames: The frames.
            contexts: As for `decode_many`.
            errors: As for `decode_many`.

        Returns:
            A coroutine of the list of values.

        Raises:
            DecodeError: As `decode_many`, where it is awaited.
            NoValueError: As `decode_many`, where it is awaited.
            InputTypeError: As `decode_many`, where it is awaited; where it is called for one frame instead of several.
            ConfigError: As `decode_many`, where it is called.
            OffloadError: As `adecode`.
        """
        return verbs().adecode_many(self, _batch_of(frames, contexts, errors))

    @property
    def _pool(self):
        return self._rules.pool

    # What the async verbs ask and do.
    def _fits(self, frame):
        cdef Py_ssize_t size
        return self.predict(frame, wall_time(), &size) < self._rules.budget

    def _all_fit(self, list frames):
        cdef Py_ssize_t size
        return self.predict_all(frames, wall_time(), &size) < self._rules.budget

    def _decode_inline(self, frame, context=None):
        return self.read_timed(frame, context, False)

    def _decode_off_loop(self, frame, context=None):
        return self.read_timed(frame, context, True)

    cdef object read(self, object frame, object context):
        cdef Span span
        cdef Py_ssize_t found
        if self._quick and context is None and PyBytes_CheckExact(frame):
            span = Span(<const uint8_t *>PyBytes_AS_STRING(frame), <size_t>PyBytes_GET_SIZE(frame))
            found = find_quickly(span, &self._expected, <PyObject *>self._known)
            if found >= 0 and not self._compiled:
                return self.read_called(PyTuple_GET_ITEM(<PyObject *>self._decoders, found), held_bytes(frame, &span), span)
            if found >= 0:
                return self.read_quickly(PyTuple_GET_ITEM(<PyObject *>self._decoders, found), span)
        if self._guarded and on_loop():
            return self.read_watched(frame, context)
        return self.read_plain(frame, context)

    cdef object read_quickly(self, PyObject *plan, Span frame):
        cdef bint done = False
        try:
            value = (<Plan>plan).read(
                frame.data + HEADER_SIZE, <Py_ssize_t>frame.size - HEADER_SIZE, self._rules.plain.breather
            )
            done = True
            return value
        finally:
            if not done:
                vouch_raised(frame)

    cdef object read_plain(self, object frame, object context):
        return self.read_mannerly(frame, context, &self._rules.plain)

    cdef object read_off_loop(self, object frame, object context):
        return self.read_mannerly(frame, context, &self._rules.worker)

    cdef object read_mannerly(self, object frame, object context, const Manners *manners):
        if self._compiled:
            return self.read_compiled(frame, context, manners)
        return self.read_held(frame, context, manners)

    cdef object read_watched(self, object frame, object context):
        cdef Py_ssize_t size
        cdef double started = wall_time()
        cdef double expected = self.predict(frame, started, &size)
        cdef double ended
        self._rules.admit("decode", size, expected)
        value = self.read_timed(frame, context, False)
        ended = wall_time()
        expected = self.predict(frame, ended, &size)
        self._rules.tell("decode", size, ended - started, expected)
        return value

    cdef object read_timed(self, object frame, object context, bint off_loop):
        cdef Py_ssize_t size
        cdef bint whole = False
        cdef Estimate estimate = self.estimate_of(frame, &size)
        watch = stopwatch(size)
        cdef double started = watch()
        try:
            value = self.read_off_loop(frame, context) if off_loop else self.read_plain(frame, context)
            whole = True
            return value
        finally:
            learn_from(estimate, watch, started, size, size, whole)

    # Fills in the payload's size. The header is not checked yet: what nobody reads goes by an estimate of its own.
    cdef Estimate estimate_of(self, object frame, Py_ssize_t *size):
        cdef Py_buffer view
        cdef Span span
        cdef Py_ssize_t found = -1
        size[0] = 0
        if not hold_bytes(frame, &view, &span):
            try:
                hold_buffer(frame, "frame", &view, &span)
            except InputTypeError:  # reading it will tell
                return self._estimates[len(self._estimates) - 1]
        if span.size > HEADER_SIZE:
            size[0] = <Py_ssize_t>span.size - HEADER_SIZE
            if is_stamped(span):
                size[0] = max(size[0] - STAMP_SIZE, 0)
            found = find_version(self._known.known, self._known.count, span.data)
        release_buffer(&view)
        return self._estimates[found if found >= 0 else len(self._estimates) - 1]

    cdef double predict(self, object frame, double now, Py_ssize_t *size) except -1:
        return self.estimate_of(frame, size).seconds(size[0], now)

    cdef double predict_all(self, list frames, double now, Py_ssize_t *size) except -1:
        cdef Py_ssize_t one, sum = 0
        cdef double seconds = 0
        for frame in frames:
            seconds += self.predict(frame, now, &one)
            sum += one
        size[0] = sum
        return seconds

    # Plans read a span and keep nothing of it.
    cdef object read_compiled(self, object frame, object context, const Manners *manners):
        cdef Py_buffer view
        cdef Span span
        cdef Py_ssize_t found
        cdef PyObject *plan
        if not hold_bytes(frame, &view, &span):
            hold_settled(frame, self._expected.max_payload, &view, &span)
        try:
            found = self.check(span, context)
            try:
                plan = PyTuple_GET_ITEM(<PyObject *>self._decoders, found)  # not counted: all threads share it
                value = self.read_payload(plan, span, manners)
            except PayloadError as error:
                vouch(error, span)
                self.watch(found, span, error)
                raise
            if self._shadow is not None:
                self.watch(found, span, value)
            return value
        finally:
            release_buffer(&view)

    cdef object read_held(self, object frame, object context, const Manners *manners):
        cdef Span span
        held = hold_frame(frame, self._expected.max_payload, &span)
        cdef Py_ssize_t found = self.check(span, context)
        cdef bint holds = manners.hold is not NULL and span.size >= LARGE and (<Hold>manners.hold).begin()
        try:
            return self.read_called(PyTuple_GET_ITEM(<PyObject *>self._decoders, found), held, span)
        finally:
            if holds:
                (<Hold>manners.hold).end()

    # By a decoder that is called: msgspec's own, or one of ours.
    cdef object read_called(self, PyObject *decode, object held, Span frame):
        try:
            return (<object>decode)(held)
        except PayloadError as error:
            vouch(error, frame)
            raise
        except Exception as error:
            failure = verdict(error, <object>decode, payload_bytes(frame))
            if failure is None:
                raise
            vouch(failure, frame)
            raise failure

    cdef object read_payload(self, PyObject *plan, Span frame, const Manners *manners):
        cdef bint holds = manners.hold is not NULL and frame.size >= LARGE and (<Hold>manners.hold).begin()
        cdef Span payload = payload_of(frame)
        try:
            return (<Plan>plan).read(payload.data, payload.size, manners.breather)
        finally:
            if holds:
                (<Hold>manners.hold).end()

    # Verdicts 1 to 11a, and whether there is a value: which decoder the payload takes.
    cdef Py_ssize_t check(self, Span frame, object context) except -1:
        cdef Py_buffer view
        cdef Span bound = Span(NULL, 0)
        cdef Py_ssize_t found
        if context is None:
            found = check_frame(frame, bound, &self._expected, <PyObject *>self._known)
        else:
            hold_context(context, &view, &bound)
            try:
                found = check_frame(frame, bound, &self._expected, <PyObject *>self._known)
            finally:
                release_buffer(&view)
        if is_stamped(frame) and frame.data[HEADER_SIZE + STAMP_KIND] != KIND_VALUE:
            raise NoValueError(stamp=copy_stamp(frame.data + HEADER_SIZE), header=copy_header(frame))
        return found

    cdef int watch(self, Py_ssize_t found, Span frame, object outcome) except -1:
        if self._shadow is not None and self._shadow.due():
            self._shadow.compare(found, payload_bytes(frame), outcome, copy_header(frame))
        return 0


# A verdict gets its frame's header, unless it has one: a signal's handler may have decoded another frame.
cdef int vouch(object error, Span frame) except -1:
    if error.header is None:
        error.header = copy_header(frame)
    return 0


# In a finally, which costs nothing where there is no exception.
cdef int vouch_raised(Span frame) except -1:
    error = exc_info()[1]
    if isinstance(error, PayloadError):
        vouch(error, frame)
    return 0


cdef bytes payload_bytes(Span frame):
    cdef Span payload = payload_of(frame)
    return PyBytes_FromStringAndSize(<const char *>payload.data, <Py_ssize_t>payload.size)
