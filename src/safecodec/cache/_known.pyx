"""Last known good frames by key, and the way of a fresh value: for many keys in one loop, without a call of Python's."""

from collections import OrderedDict

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8String, PyUnicode_CheckExact
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from safecodec.frame.layout cimport (
    AT_FLAGS, FLAG_STAMPED, HEADER_SIZE, KIND_VALUE, STAMP_FRESH_FOR, STAMP_KIND, STAMP_LOAD_START, STAMP_SIZE,
    load_u32, load_u64,
)

from safecodec.cache.answers import Answer, Source, Verdict
from safecodec.errors import ConfigError, DecodeError, NoValueError

NOTHING = object()
"""Stands for a value that is not there."""

# Seconds by which two processes may know the store's clock differently.
cdef double AHEAD = 1.0
cdef object _new_tuple = tuple.__new__
cdef object _FAILURES = (DecodeError, NoValueError)
cdef object _CACHE = Source.CACHE
cdef object _OK = Verdict.OK


@cython.final
cdef class Entry:
    """What a process knows of a key.

    Args:
        key: The key as the caller spells it.
        context: Its bytes, to which frames are bound.
        name: The physical key.
    """

    cdef readonly object key
    cdef readonly bytes context
    cdef readonly bytes name
    # The last known good frame, and its stamp's times: microseconds, seconds. A decoded value could be changed by
    # whoever got it.
    cdef public bytes frame
    cdef public uint64_t load_start
    cdef public double fresh
    # Load start of a tombstone: no frame from before it is good.
    cdef public uint64_t not_before
    # Load start of the last tombstone that was seen.
    cdef public uint64_t deleted
    # Whether it made room for another: calls that have it go on with it, and its frame is not counted any more.
    cdef readonly bint is_gone
    # Whether what the last process wrote down was looked at.
    cdef public bint is_recalled
    # Monotonic time before which there is no attempt to replace a stale value.
    cdef public double retry_at
    # The remembered verdict, with the length and the hash of the bytes that it is about; or None.
    cdef public object bad

    @property
    def text(self):
        """The key for a message."""
        return self.key if isinstance(self.key, str) else self.context.decode("utf-8", "backslashreplace")

    def __cinit__(self, key, bytes context not None, bytes name not None):
        self.key = key
        self.context = context
        self.name = name


@cython.final
cdef class Known:
    """What a process knows of its keys; those that were used least recently make room.

    Args:
        keys: Spells physical keys, see `Keys`.
        most: How many keys are known.
        most_bytes: How many bytes of frames are kept.
        is_durable: Whether frames that are kept are also entered in ``unwritten``.
    """

    cdef readonly Py_ssize_t evicted
    cdef readonly Py_ssize_t held
    cdef readonly bint is_durable
    cdef readonly dict unwritten
    cdef object _logical
    cdef object _spell
    cdef Py_ssize_t _most
    cdef Py_ssize_t _most_bytes
    cdef object _entries
    cdef object _find
    cdef object _touch

    def __cinit__(self, keys, Py_ssize_t most, Py_ssize_t most_bytes, bint is_durable):
        self._logical = keys.logical
        self._spell = keys.value
        self._most = most
        self._most_bytes = most_bytes
        self.is_durable = is_durable
        self.unwritten = {}
        self._entries = OrderedDict()
        self._find = self._entries.get
        self._touch = self._entries.move_to_end

    def __len__(self):
        return len(self._entries)

    def __iter__(self):
        """Go over the entries, those that were used least recently first."""
        return iter(list(self._entries.values()))

    def entry(self, key):
        """Return what is known of a key, which is used most recently then.

        Raises:
            ConfigError: The key is empty, or cannot be spelled.
            InputTypeError: The key is neither str nor bytes.
        """
        return self.used(key)

    cdef Entry used(self, key):
        cdef bytes context
        if PyUnicode_CheckExact(key):
            try:
                context = PyUnicode_AsUTF8String(key)
            except UnicodeEncodeError:
                context = self._logical(key)  # which raises, and says where
        else:
            context = self._logical(key)
        cdef Entry entry = self._find(context)
        if entry is not None:
            self._touch(context)
            return entry
        if not context:
            raise ConfigError("a key is not empty: frames are bound to it")
        entry = Entry(key, context, self._spell(context))
        self._entries[context] = entry
        if len(self._entries) > self._most:
            self.evict()
        return entry

    def entries(self, list keys not None):
        """Return what is known of several keys, and their physical keys; see `entry`."""
        cdef Entry entry
        cdef list entries = []
        cdef list names = []
        for key in keys:
            entry = self.used(key)
            entries.append(entry)
            names.append(entry.name)
        return entries, names

    cdef int evict(self) except -1:
        cdef Entry gone = self._entries.popitem(False)[1]
        if gone.frame is not None:
            self.held -= PyBytes_GET_SIZE(gone.frame)
        gone.is_gone = True
        self.evicted += 1
        return 0

    def keep(self, Entry entry not None, bytes frame not None, uint64_t load_start, double fresh, double now):
        """Keep a good frame as a key's last known good, unless a newer one is, or the key was deleted since.

        Args:
            entry: The key.
            frame: The frame.
            load_start: When the load of its value began, in microseconds since 1970.
            fresh: How long it is fresh, in seconds.
            now: Seconds since 1970, by the store's clock. A frame from the future is of a clock that was ahead, and
                gives way to any other.
        """
        self.put(entry, frame, load_start, fresh, now)

    cdef int put(self, Entry entry, bytes frame, uint64_t load_start, double fresh, double now) except -1:
        if load_start <= entry.not_before or load_start < entry.load_start <= (now + AHEAD) * 1e6:
            return 0
        if entry.frame is not frame:
            if not entry.is_gone:
                self.held += PyBytes_GET_SIZE(frame)
                if entry.frame is not None:
                    self.held -= PyBytes_GET_SIZE(entry.frame)
            entry.frame = frame
            if self.is_durable and load_start != entry.load_start:
                self.unwritten[entry.context] = (entry, frame)
        entry.load_start = load_start
        entry.fresh = fresh
        while self.held > self._most_bytes and len(self._entries) > 1:
            self.evict()
        return 0

    def drop(self, Entry entry not None, uint64_t deleted_at):
        """Forget a key's last known good where it is not from after a deletion, in microseconds since 1970."""
        if entry.load_start <= max(deleted_at, entry.not_before):
            self.forget(entry, deleted_at)
        elif deleted_at > entry.not_before:
            entry.not_before = deleted_at

    def forget(self, Entry entry not None, uint64_t deleted_at):
        """Forget a key's last known good, and keep none from before a deletion, in microseconds since 1970."""
        if deleted_at > entry.not_before:
            entry.not_before = deleted_at
        if entry.frame is not None:
            if not entry.is_gone:
                self.held -= PyBytes_GET_SIZE(entry.frame)
            entry.frame = None
            entry.load_start = 0

    # The age of a value where it is fresh enough to be answered with nothing behind it, else -1.
    cdef double fresh_age(self, Entry entry, object frame, double now, double untouched) except? -1:
        cdef const uint8_t *data
        cdef uint64_t load_start
        cdef uint32_t fresh_for
        cdef double age
        if entry.bad is not None or not PyBytes_CheckExact(frame) or PyBytes_GET_SIZE(frame) < HEADER_SIZE + STAMP_SIZE:
            return -1
        data = <const uint8_t *>PyBytes_AS_STRING(frame)
        if not data[AT_FLAGS] & FLAG_STAMPED or data[HEADER_SIZE + STAMP_KIND] != KIND_VALUE:
            return -1
        load_start = load_u64(data + HEADER_SIZE + STAMP_LOAD_START)
        fresh_for = load_u32(data + HEADER_SIZE + STAMP_FRESH_FOR)
        if load_start <= entry.not_before or (self.is_durable and load_start != entry.load_start):
            return -1
        age = now - load_start / 1e6
        if age < 0:
            if -age * 1e3 > fresh_for:
                return -1  # a clock was ahead
            age = 0
        if age * 1e3 >= untouched * fresh_for:
            return -1
        self.put(entry, frame, load_start, fresh_for / 1e3, now)
        return age

    def quick(self, Entry entry not None, frame, value, double now, double untouched):
        """Return the answer with a value that was just read, or None where that takes more than a look at its stamp.

        Args:
            entry: The key.
            frame: The frame that was read.
            value: Its value.
            now: Seconds since 1970, by the store's clock.
            untouched: The share of its time in which a fresh value is answered with nothing behind it.
        """
        cdef double age = self.fresh_age(entry, frame, now, untouched)
        if age < 0:
            return None
        return _new_tuple(Answer, (value, _CACHE, _OK, age, None))

    def quick_many(self, list keys not None, list entries not None, list frames not None, list values not None,
                   double now, double untouched, dict answers not None):
        """Enter the answers with values that were just read, as `quick` gives them.

        Args:
            keys: The keys, by which answers are entered.
            entries: Their entries.
            frames: The frame of each, or None.
            values: The value of each, or the error of its decode, or `NOTHING`.
            now: Seconds since 1970, by the store's clock.
            untouched: As for `quick`.
            answers: Where answers go.

        Returns:
            The places of those without an answer.
        """
        cdef Py_ssize_t at
        cdef double age
        cdef Entry entry
        cdef list late = []
        if not len(keys) == len(entries) == len(frames) == len(values):
            raise ValueError("there are not as many entries, frames and values as keys")
        for at in range(len(entries)):
            entry = entries[at]
            value = values[at]
            age = -1
            if value is not NOTHING and not isinstance(value, _FAILURES):
                age = self.fresh_age(entry, frames[at], now, untouched)
            if age < 0:
                late.append(at)
            else:
                answers[keys[at]] = _new_tuple(Answer, (value, _CACHE, _OK, age, None))
        return late


def decode_all(decode, list entries not None, list frames not None):
    """Decode frames, each bound to its entry's context.

    Args:
        decode: `Codec.decode`.
        entries: The keys.
        frames: The frame of each, or None.

    Returns:
        For each its value, the `DecodeError` or `NoValueError` in its place, or `NOTHING` where there is no frame, or one
        about which a verdict is remembered.
    """
    cdef Py_ssize_t at
    cdef Entry entry
    cdef list values = []
    if len(frames) != len(entries):
        raise ValueError(f"there are {len(entries)} entries and {len(frames)} frames")
    for at in range(len(entries)):
        entry = entries[at]
        frame = frames[at]
        if frame is None or entry.bad is not None:
            values.append(NOTHING)
            continue
        try:
            values.append(decode(frame, context=entry.context))
        except _FAILURES as error:
            values.append(error)
    return values
