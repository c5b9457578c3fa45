"""Codec: values of one subject to frames and back. No I/O; safe to share between threads."""

import copyreg
import os
import sys
import types
import typing

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.object cimport PyObject, Py_TYPE
from cpython.ref cimport Py_INCREF, Py_REFCNT
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

from safecodec._cost cimport Estimate, learn_from, stopwatch, wall_time, weigh
from safecodec._loop cimport GUARD_OFF, LoopRules, on_loop, verbs
from safecodec.avro._breathing cimport Breather
from safecodec.avro._buffer cimport Buffer, bytes_from, close_buffer, open_buffer
from safecodec.avro._encoder cimport Encoder
from safecodec.frame._frame cimport enclose, enclose_in_place
from safecodec.frame._header cimport header_prefix, hold_context, release_buffer
from safecodec.frame._stamp cimport Stamp, checked_stamp
from safecodec.frame.checks cimport Prefix, Span, choose_crc32c, fill_prefix, put_header, sum_released
from safecodec.frame.layout cimport FLAG_STAMPED, HEADER_SIZE, KIND_VALUE, STAMP_KIND, STAMP_SIZE
from safecodec.payload._straight cimport KEPT, StraightEncoder, bytes_of, size_of
from safecodec.reader cimport Reader

from safecodec._loop import DEFAULT_BUDGET as _DEFAULT_BUDGET
from safecodec._loop import GUARDS as _GUARDS
from safecodec.avro.limits import DEFAULT as _DEFAULT
from safecodec.avro.limits import checked as _checked
from safecodec.avro.schema import Schema
from safecodec.errors import ConfigError, EncodeError, ValueTooLargeError, short
from safecodec.evolution.versions import ENGINES as _ENGINES
from safecodec.evolution.versions import Versions, payload_module
from safecodec.frame._header import LONGEST_PAYLOAD as _LONGEST_PAYLOAD
from safecodec.payload.shadow import Shadow
from safecodec.payload.verdicts import refusal

# The terms of writing a value: the start of the header, the stamp's block, which is NULL where there is none, the context,
# and when to breathe.
cdef struct Terms:
    const Prefix *prefix
    const uint8_t *block
    Span context
    const Breather *breather

choose_crc32c()

ENVIRONMENT_VARIABLE = "SAFECODEC_ENVIRONMENT"
"""Where a codec takes its environment from if none is given."""


def _value_class(schema):
    """Return the class that values must have exactly, or None where the payload's encoder checks them."""
    kind = schema.type
    while typing.get_origin(kind) is typing.Annotated:
        kind = kind.__origin__
    origin = typing.get_origin(kind) or kind
    if typing.is_typeddict(origin):
        return dict
    # Classes that no value has as its own: of `A | B`, Any (a class since CPython 3.11), and abstract ones like Sequence.
    if origin in (types.UnionType, typing.Any) or getattr(origin, "__abstractmethods__", None):
        return None
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
        raise ConfigError(f"{source} is a name that is not empty, this is {short(name)}")
    return name


def _shadow(versions, every, report):
    if isinstance(every, bool) or not isinstance(every, int) or every < 0:
        raise ConfigError(f"shadow is how many decodes there are to one that is compared, not {short(every)}")
    if not every:
        return None
    reference = payload_module(versions.payload, _ENGINES[1])
    newest = versions.schemas[versions.newest]
    return Shadow(every, versions.decoders(None, reference), versions.module.encoder(newest, newest), report)


@cython.final
@cython.no_gc_clear
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
        max_payload: The longest payload that is written or read, in bytes, without the stamp, from 1 on; that of ``limits``
            where None. 0 does not stand for no limit: that is the longest that a header can state, 2**32 - 1.
        limits: The bounds of schemas and values, and of Avro payloads.
        engine: What reads and writes Avro payloads: ``compiled``, or ``fastavro``, the slow reference.
        shadow: One decode in this many goes through the reference as well, and a difference is counted and logged
            with the frame's header; 0 is none. See `Codec.shadow`.
        on_difference: Called with each `Difference` that the shadow finds. What it raises is logged.
        loop_budget: How long a call may stand on the thread of an event loop, in seconds. Async calls that are expected
            to take longer go to the pool.
        loop_guard: What is done about a synchronous call that takes longer there: nothing (``off``), ``warn`` with a
            `SafecodecLoopWarning`, or ``raise`` a `LoopBlockedError` before it begins. What takes longer unexpectedly is
            warned of; the next one like it is expected.
        pool: The `safecodec.offload.Pool` of this codec and its readers; that of the process where None.
        breathing: How calls let other threads run while they read or write a large Avro payload, see `Breathing`. Where
            None, those of the async verbs that go to the pool breathe by release, and ``decode`` and ``encode`` hold the
            GIL until they are done.
        hold_collector: Whether the garbage collector is kept from starting while a frame of 64 KiB or more is read, in
            the whole process. Reading makes many containers and no garbage; each of CPython's collections that it sets
            off looks at all that there are, and holds the GIL meanwhile. Where None, frames that are read in the pool keep
            the oldest generation from being collected, which takes longest, and no other; nothing does in CPython 3.14,
            which collects it in steps, and without a GIL. The collector is as it was before when the last of several
            such reads is done; reads that overlap for longer than a quarter of a second let it run in between. Where True,
            what another thread asks of `gc.disable` during such a read is lost; what it asks of `gc.set_threshold` is not.

    Raises:
        ConfigError: No environment, a name or number that no header can hold, an engine that is not there, or no budget,
            guard or pool.
        SchemaError: A version's schema cannot be used; `IncompatibleSchemaError` where an older version cannot be
            read as the newest, or the newest cannot be written as ``write_version``.
    """

    cdef readonly str subject
    cdef readonly str payload
    cdef readonly str environment
    cdef readonly int version
    cdef readonly int write_version
    cdef readonly Py_ssize_t max_payload
    cdef readonly object shadow
    cdef object _versions
    cdef object _value_class
    cdef object _encode
    cdef Encoder _encoder   # what _encode is where it is compiled
    cdef StraightEncoder _straight  # whose method _encode is where msgspec writes a value alone
    cdef Reader _reader
    cdef LoopRules _rules
    cdef bint _guarded
    cdef bint _quick        # whether a value of the class needs no more than to be written, in a frame without a stamp
    cdef Estimate _estimate
    cdef Prefix _prefix
    cdef Prefix _stamped_prefix
    cdef Py_ssize_t _longest_stamped
    cdef tuple _made_from

    def __cinit__(self, type, *, str subject not None, version, older=None, str payload not None="avro",
                  environment=None, write_version=None, max_payload=None, limits=_DEFAULT,
                  str engine not None=_ENGINES[0], shadow=0, on_difference=None, loop_budget=_DEFAULT_BUDGET,
                  loop_guard=_GUARDS[0], pool=None, breathing=None, hold_collector=None):
        self.subject = subject
        self.payload = payload
        self.environment = _environment_name(environment)
        _checked(limits)
        self._rules = LoopRules(loop_budget, loop_guard, pool, breathing, hold_collector)
        self._guarded = self._rules.guard != GUARD_OFF
        self._estimate = self._rules.estimate()
        versions = Versions(
            type, version, {} if older is None else older, subject=subject, payload=payload, engine=engine,
            limits=limits,
        )
        self.version = version
        self.write_version = versions.check(version if write_version is None else write_version, "write_version")
        self._versions = versions
        self._value_class = _value_class(versions.schemas[version])
        self._encode = versions.encoder(self.write_version)
        self._encoder = self._encode if isinstance(self._encode, Encoder) else None
        straight = getattr(self._encode, "__self__", None)
        self._straight = straight if isinstance(straight, StraightEncoder) else None
        self._quick = (
            (self._encoder is not None or self._straight is not None)
            and self.write_version == self.version
            and not self._guarded
        )
        self.shadow = _shadow(versions, shadow, on_difference)
        longest = limits.payload if max_payload is None else max_payload
        self._reader = Reader(versions, self.environment, longest, None, self.shadow, self._rules)
        self.max_payload = longest
        self._longest_stamped = min(longest, _LONGEST_PAYLOAD - STAMP_SIZE)
        oldest_reader = versions.oldest_reader(self.write_version)
        self.put_prefix(&self._prefix, versions, oldest_reader, 0)
        self.put_prefix(&self._stamped_prefix, versions, oldest_reader, FLAG_STAMPED)
        self._made_from = (type, dict(
            subject=subject, version=version, older=older, payload=payload, environment=self.environment,
            write_version=self.write_version, max_payload=max_payload, limits=limits, engine=engine, shadow=shadow,
            on_difference=on_difference, loop_budget=loop_budget, loop_guard=loop_guard, pool=pool,
            breathing=breathing, hold_collector=hold_collector,
        ))

    cdef int put_prefix(self, Prefix *prefix, object versions, object oldest_reader, uint8_t flags) except -1:
        cdef bytes data = header_prefix(
            self.payload, self.subject, self.write_version, versions.fingerprints[self.write_version], self.environment,
            oldest_reader, flags,
        )
        fill_prefix(prefix, <const uint8_t *>PyBytes_AS_STRING(data))
        return 0

    def __class_getitem__(cls, item):
        return types.GenericAlias(cls, item)

    def __reduce__(self):
        meta = getattr(sys.modules.get("msgspec"), "Meta", None)
        if meta is not None:  # msgspec's own do not pickle, and a type may be annotated with one
            copyreg.pickle(meta, _reduce_meta)
        return _restore_codec, self._made_from

    def __repr__(self):
        return (
            f"Codec(subject={self.subject!r}, versions={self.versions!r}, payload={self.payload!r}, "
            f"environment={self.environment!r}, write_version={self.write_version})"
        )

    @property
    def breathing(self):
        """How calls let other threads run, or None where those on a pool's thread breathe by release, and no others."""
        return self._rules.breathing

    @property
    def versions(self):
        """Numbers of all versions that are known, oldest first."""
        return self._versions.numbers

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

    @cython.binding(False)
    @cython.embedsignature(True)
    @cython.embedsignature.format("clinic")
    def encode(self, value, *, context=None, stamp=None):
        """Write a value as a frame.

        Args:
            value: A value of the newest version; None where the stamp says that there is none.
            context: Bytes to bind the frame to, such as its cache key; only who gives the same can decode it.
            stamp: The `Stamp` of the frame, if it is to have one.

        Returns:
            The frame, in ``write_version``. The same value and stamp give the same bytes.

        Raises:
            ConfigError: The stamp is none.
            EncodeError: The value cannot be written, with its path; `ValueTooLargeError` where its payload is longer
                than ``max_payload``. Or the stamp says that there is no value, and one is given.
            InputTypeError: The context is no C-contiguous buffer of bytes.
            LoopBlockedError: This is an event loop's thread, the value is large, and ``loop_guard`` is ``raise``.
        """
        cdef Terms terms
        if self._quick and context is None and stamp is None and <PyObject *>Py_TYPE(value) is <PyObject *>self._value_class:
            terms = Terms(&self._prefix, NULL, Span(NULL, 0), self._rules.plain.breather)
            return self.write_straight(value, &terms) if self._encoder is None else self.write_compiled(value, &terms)
        if self._guarded and on_loop():
            return self.write_watched(value, context, stamp)
        return self.write_value(value, context, stamp)

    def aencode(self, value, *, context=None, stamp=None):
        """Write a value from a coroutine, without standing on its event loop's thread for long.

        How large the payload will be is not known before. It is guessed from the value: from the texts and containers in
        it, of long ones from the first items. What is expected to take less than ``loop_budget`` is written at once, the
        rest in the codec's pool. The value must stay as it is meanwhile.

        Args:
            value: A value of the newest version; None where the stamp says that there is none.
            context: Bytes to bind the frame to.
            stamp: The `Stamp` of the frame, if it is to have one.

        Returns:
            A coroutine of the frame.

        Raises:
            ConfigError: As `encode`, where it is awaited.
            EncodeError: As `encode`, where it is awaited.
            InputTypeError: As `encode`, where it is awaited.
            OffloadError: The pool is closed, or full and set up to refuse.
        """
        return verbs().aencode(self, value, context, stamp)

    @property
    def _pool(self):
        return self._rules.pool

    # What the async verb asks and does.
    def _fits(self, Py_ssize_t size):
        return self._estimate.seconds(size, wall_time()) < self._rules.budget

    def _encode_inline(self, value, context, stamp, Py_ssize_t size):
        return self.write_timed(value, context, stamp, size, False)

    def _encode_off_loop(self, value, context, stamp, Py_ssize_t size):
        return self.write_timed(value, context, stamp, size, True)

    cdef bytes write_watched(self, object value, object context, object stamp):
        cdef Py_ssize_t size = weigh(value)
        cdef double started = wall_time()
        cdef double ended
        cdef bytes frame
        self._rules.admit("encode", size, self._estimate.seconds(size, started))
        frame = self.write_timed(value, context, stamp, size, False)
        ended = wall_time()
        self._rules.tell(
            "encode", PyBytes_GET_SIZE(frame) - HEADER_SIZE, ended - started, self._estimate.seconds(size, ended)
        )
        return frame

    cdef bytes write_timed(self, object value, object context, object stamp, Py_ssize_t size, bint off_loop):
        cdef bytes frame = None
        watch = stopwatch(size)
        cdef double started = watch()
        try:
            if off_loop:
                frame = self.write_off_loop(value, context, stamp)
            else:
                frame = self.write_value(value, context, stamp)
            return frame
        finally:
            learn_from(
                self._estimate, watch, started, size, size if frame is None else PyBytes_GET_SIZE(frame),
                frame is not None,
            )

    # What encode does, on a thread that is not an event loop's.
    cdef bytes write_off_loop(self, object value, object context, object stamp):
        return self.write_breathing(value, context, stamp, self._rules.worker.breather)

    cdef bytes write_value(self, object value, object context, object stamp):
        return self.write_breathing(value, context, stamp, self._rules.plain.breather)

    cdef bytes write_breathing(self, object value, object context, object stamp, const Breather *breather):
        cdef Py_buffer view
        cdef Terms terms = Terms(&self._prefix, NULL, Span(NULL, 0), breather)
        if stamp is not None:
            terms.prefix = &self._stamped_prefix
            terms.block = checked_stamp(stamp).raw
            if terms.block[STAMP_KIND] != KIND_VALUE:
                return self.write_without_value(value, context, stamp)
        if self._value_class is not None and <object>Py_TYPE(value) is not self._value_class:
            raise EncodeError(
                f"a value of subject {self.subject!r} is a {self._value_class.__qualname__}, "
                f"this is a {type(value).__qualname__}"
            )
        if context is None:
            return self.write(value, &terms)
        hold_context(context, &view, &terms.context)
        try:
            return self.write(value, &terms)
        finally:
            release_buffer(&view)

    cdef bytes write_without_value(self, object value, object context, Stamp stamp):
        cdef Py_buffer view
        cdef Span bound
        cdef const uint8_t *block = stamp.raw
        if value is not None:
            raise EncodeError(
                f"a frame of kind {stamp.kind!r} has no value, this is a {type(value).__qualname__}: give None, or a "
                "stamp of kind 'value'"
            )
        hold_context(context, &view, &bound)
        try:
            return enclose(Span(block, 0), &self._stamped_prefix, block, bound)
        finally:
            release_buffer(&view)

    cdef bytes write(self, object value, const Terms *terms):
        if self._straight is not None and self.write_version == self.version:
            return self.write_straight(value, terms)
        if self._encoder is not None and self.write_version == self.version:
            return self.write_compiled(value, terms)
        return self.write_otherwise(value, terms)

    # By another engine, or in an older version.
    cdef bytes write_otherwise(self, object value, const Terms *terms):
        try:
            return self.write_called(value, terms) if self._encoder is None else self.write_compiled(value, terms)
        except EncodeError as error:
            if self.write_version == self.version or isinstance(error, ValueTooLargeError):
                raise
            reason = f"{error.reason}; version {self.write_version} is written, the newest is {self.version}"
            raise EncodeError(reason, path=error.path) from error.__cause__

    cdef bytes write_called(self, object value, const Terms *terms):
        cdef bytes payload
        try:
            payload = self._encode(value)
        except EncodeError:
            raise
        except Exception as error:
            failure = refusal(error, self._encode)
            if failure is None:
                raise
            raise failure
        self.demand_short(PyBytes_GET_SIZE(payload), terms)
        return enclose(
            Span(<const uint8_t *>PyBytes_AS_STRING(payload), PyBytes_GET_SIZE(payload)), terms.prefix, terms.block,
            terms.context,
        )

    cdef bytes write_straight(self, object value, const Terms *terms):
        cdef object payload = self._straight.write(value)
        cdef bytes frame
        cdef PyObject *owned
        self.demand_short(size_of(payload), terms)
        if PyBytes_CheckExact(payload) and size_of(payload) > KEPT and Py_REFCNT(payload) == 1:
            owned = <PyObject *>payload
            Py_INCREF(payload)
            payload = None
            return enclose_in_place(owned, terms.prefix, terms.block, terms.context)
        frame = enclose(
            Span(bytes_of(payload), <size_t>size_of(payload)), terms.prefix, terms.block, terms.context
        )
        self._straight.give_back(payload)
        return frame

    cdef int demand_short(self, Py_ssize_t size, const Terms *terms) except -1:
        cdef Py_ssize_t longest = self.max_payload if terms.block is NULL else self._longest_stamped
        if size > longest:
            raise ValueTooLargeError(found=size, limit=longest)
        return 0

    # The payload is written behind the places of header and stamp. The header comes last, when all is known.
    cdef bytes write_compiled(self, object value, const Terms *terms):
        cdef Buffer out
        cdef Py_ssize_t size
        if terms.block is NULL:
            open_buffer(&out, HEADER_SIZE, self.max_payload)
        else:
            open_buffer(&out, HEADER_SIZE + STAMP_SIZE, self._longest_stamped)
            memcpy(out.start + HEADER_SIZE, terms.block, STAMP_SIZE)
        try:
            self._encoder.write(value, &out, terms.breather)
            size = out.at - out.start
            if size - out.reserved > out.limit:
                raise ValueTooLargeError(found=size - out.reserved, limit=out.limit)
            put_header(
                out.start, terms.prefix, <uint32_t>(size - HEADER_SIZE), sum_released(Span(out.start, size)), terms.context
            )
            return bytes_from(&out)
        finally:
            close_buffer(&out)

    @cython.binding(False)
    @cython.embedsignature(True)
    @cython.embedsignature.format("clinic")
    def decode(self, frame, *, context=None):
        """Read a frame as a value of the newest version, whatever version wrote it.

        Args:
            frame: A whole frame; any C-contiguous buffer. bytes, and memoryviews of bytes, are read where they are;
                another buffer is copied first, as it may be written to.
            context: The bytes that the frame is bound to, if any.

        Returns:
            The value: an instance of the newest version's type, or a dict.

        Raises:
            DecodeError: The first of the verdicts that fails; each has a class of its own.
            NoValueError: The frame is good, and its stamp says that there is no value.
            InputTypeError: The frame or the context is no C-contiguous buffer of bytes.
            LoopBlockedError: This is an event loop's thread, the frame is large, and ``loop_guard`` is ``raise``.
        """
        return self._reader.read(frame, context)

    def decode_many(self, frames, *, contexts=None, errors="raise"):
        """Read several frames as values of the newest version; see `Reader.decode_many`."""
        return self._reader.decode_many(frames, contexts=contexts, errors=errors)

    def adecode(self, frame, *, context=None):
        """Read a frame from a coroutine, without standing on its event loop's thread for long; see `Reader.adecode`."""
        return self._reader.adecode(frame, context=context)

    def adecode_many(self, frames, *, contexts=None, errors="raise"):
        """Read several frames from a coroutine, with one hop at most; see `Reader.adecode_many`."""
        return self._reader.adecode_many(frames, contexts=contexts, errors=errors)

    def reader(self, type):
        """Return a reader of the same frames for another view: a type with fewer fields skips the rest unread.

        Args:
            type: What frames of all versions are read as, a Python type or a schema.

        Returns:
            A `Reader`; its ``decode`` takes what the codec's does.

        Raises:
            SchemaError: It is no schema; `IncompatibleSchemaError` where a version cannot be read as it.
        """
        view = Schema(type, limits=self._versions.limits)
        return Reader(self._versions, self.environment, self.max_payload, view, None, self._rules)


def _reduce_meta(meta):
    return _restore_meta, (type(meta), {name: value for name, value, *_ in meta.__rich_repr__()})


def _restore_meta(cls, arguments):
    return cls(**arguments)


def _restore_codec(type, arguments):
    return Codec(type, **arguments)
