"""Breathing: a thread that decodes or encodes a large value lets others run meanwhile.

Compiled code holds the GIL until it is done. So an event loop in another thread stands still for as long as a decode
takes, on however many cores.
"""

cimport cython
from cpython.object cimport PyObject

from safecodec._cores cimport has_one_core, leave_core

from safecodec.avro.breath import breath as _breath
from safecodec.errors import ConfigError, short

cdef extern from "Python.h":
    object PyObject_CallNoArgs(PyObject *)

cdef enum:
    SPAN = 100_000     # ns after which a breath is worth what it costs
    MOST = 8           # times as many bytes as was said are passed between two breaths at most
    TURNS = 3          # releases for one wait
    GIVEN = 20_000     # ns that a call of no effect takes where another thread ran in it
    LOOK = 1_000_000   # ns between two turns for those who wait for the same core

cdef PyObject *BREATH = <PyObject *>_breath  # the module keeps it


cdef int let_run(Breath *breath, size_t at) except -1:
    cdef int64_t now = clock_ns()
    breath.due = at + next_stride(breath, now)
    if breath.breather.how == BY_CALL:
        return by_call(breath, now)
    if now - breath.since < breath.breather.interval:
        return 0
    if is_wanted(breath, now):
        release(breath)
        note_waits(breath)
    return call(breath)


# Bytes take from one nanosecond to a hundred. The time of others counts: who is wanted looks more often.
cdef size_t next_stride(Breath *breath, int64_t now) except 0:
    cdef int64_t took = now - breath.last
    breath.last = now
    if took > 2 * SPAN:
        breath.stride = breath.breather.every
    elif took < SPAN and breath.stride < MOST * breath.breather.every:
        breath.stride *= 2
    return breath.stride


# Who got the GIL after its wait soon asks for it again, as an event loop does several times in a turn, and would wait as
# long each time: so it is let go a few times more.
cdef int by_call(Breath *breath, int64_t now) except -1:
    if breath.turns:
        breath.turns -= 1
        release(breath)
        now = clock_ns()
    if let_core(breath, now):
        now = clock_ns()
    call(breath)
    if clock_ns() - now >= GIVEN:
        breath.turns = TURNS
    return 0


# Where there is one core, who is due on it may have to wait for it some milliseconds, and can neither ask for the GIL nor
# be seen to stand still for it meanwhile. Not more often: one that works all the time keeps it as long each time.
cdef bint let_core(Breath *breath, int64_t now) except -1:
    if now - breath.left < LOOK:
        return False
    breath.left = now
    if not has_one_core():
        return False
    leave_core()
    return True


# An exception out of it is no fault of the payload or the value, whatever its class is.
cdef int call(Breath *breath) except -1:
    breath.stopped = True
    PyObject_CallNoArgs(BREATH)
    breath.stopped = False
    return 0


# One that waits for the GIL has to wake before it can take it, and to find it free then.
cdef int release(const Breath *breath) except -1:
    with nogil:
        sleep_ns(breath.breather.pause)
    return 0


# Whether some thread has stood still since the last time: it may be for the GIL. One that does not get it at once still
# waits the next times, and is not counted again.
cdef bint is_wanted(Breath *breath, int64_t now) except -1:
    cdef bint is_first = breath.since == 0
    cdef long waits
    breath.since = now
    if is_first:
        breath.waits = count_waits()
        breath.turns = 1  # one may wait since before
    if let_core(breath, now):
        breath.since = clock_ns()
    elif is_first:
        return False
    waits = count_waits()
    if waits != breath.waits:
        breath.waits = waits
        breath.turns = TURNS
    elif is_first:
        return False
    if breath.turns == 0:
        return False
    breath.turns -= 1
    return True


# After a release, whose own wait is no other's. Where the system does not count it, it counts none: then all are due.
cdef int note_waits(Breath *breath) except -1:
    cdef long waits = count_waits()
    if waits == breath.waits:
        breath.turns = TURNS
    breath.waits = waits
    return 0


cdef double seconds(str name, value, double longest) except -1:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= longest:
        raise ConfigError(f"{name} is a number of seconds above 0 and up to {longest:g}, not {short(value)}")
    return value


@cython.final
cdef class Breathing:
    """How a decode or encode of an Avro payload lets other threads run while it works. Immutable.

    Args:
        how: ``call``: a Python function of no effect is called now and then, at which the interpreter hands the GIL
            over if another thread has waited for it for `sys.getswitchinterval`, 5 ms; after that it is let go a few
            times more, as who had it soon wants it again. It costs next to nothing. Or ``release``: the GIL is let go
            as well, at shorter intervals, where another thread of the process may wait. The others wait less, and get
            more of the time.
        every: After how many bytes of payload it is considered: after up to eight times as many where these take less
            than 100 µs. Smaller payloads are read and written in one go.
        interval: Seconds between two releases of ``release``, at least.
        pause: Seconds that a release takes at least; the system may make it longer.

    Raises:
        ConfigError: An argument that is none of these.
    """

    def __cinit__(self, str how not None="call", *, every=8192, interval=0.0003, pause=0.00001):
        if how not in ("call", "release"):
            raise ConfigError(f"how to breathe is call or release, not {short(how)}")
        if isinstance(every, bool) or not isinstance(every, int) or not 0 < every < 2**31:
            raise ConfigError(f"every is a number of bytes from 1 to 2147483647, not {short(every)}")
        self.how = how
        self.every = every
        self.interval = seconds("interval", interval, 1)
        self.pause = seconds("pause", pause, 0.01)
        self.breather.how = BY_CALL if how == "call" else BY_RELEASE
        self.breather.every = <size_t>self.every
        self.breather.interval = <int64_t>(self.interval * 1e9)
        self.breather.pause = <int64_t>(self.pause * 1e9)

    def __reduce__(self):
        return _restore_breathing, self._key()

    def __eq__(self, other):
        return isinstance(other, Breathing) and self._key() == (<Breathing>other)._key()

    def __hash__(self):
        return hash(self._key())

    def __repr__(self):
        if self.how == "call":
            return f"Breathing('call', every={self.every})"
        return f"Breathing('release', every={self.every}, interval={self.interval:g}, pause={self.pause:g})"

    cdef tuple _key(self):
        return self.how, self.every, self.interval, self.pause


def _restore_breathing(how, every, interval, pause):
    return Breathing(how, every=every, interval=interval, pause=pause)
