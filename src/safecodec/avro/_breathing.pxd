# How a long decode or encode lets other threads run meanwhile.

cimport cython
from libc.stdint cimport int64_t
from libc.string cimport memcpy

cdef extern from *:
    """
    #include <stdint.h>
    #ifdef _WIN32
    #include <windows.h>
    #else
    #include <sys/resource.h>
    #include <time.h>
    #endif
    static inline int64_t safecodec_clock(void) {
    #ifdef _WIN32
        LARGE_INTEGER ticks, rate;
        QueryPerformanceCounter(&ticks);
        QueryPerformanceFrequency(&rate);
        return (int64_t)((double)ticks.QuadPart * 1e9 / (double)rate.QuadPart);
    #else
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    #endif
    }
    static inline void safecodec_sleep(int64_t ns) {
    #ifdef _WIN32
        Sleep((DWORD)((ns + 999999) / 1000000));
    #else
        struct timespec time = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
        nanosleep(&time, NULL);
    #endif
    }
    /* How often threads of this process have stood still to wait for something. */
    static inline long safecodec_count_waits(void) {
    #ifdef _WIN32
        return 0;
    #else
        struct rusage usage;
        return getrusage(RUSAGE_SELF, &usage) ? 0 : usage.ru_nvcsw;
    #endif
    }
    """
    int64_t clock_ns "safecodec_clock"() noexcept nogil
    long count_waits "safecodec_count_waits"() noexcept nogil
    void sleep_ns "safecodec_sleep"(int64_t ns) noexcept nogil
    const size_t NEVER "SIZE_MAX"

cdef enum:
    FILLED = 16      # bytes that a field counts as which the writer does not have
    LARGE = 1 << 16  # bytes that are worth letting the GIL go for

cdef enum How:
    BY_CALL
    BY_RELEASE

cdef struct Breather:
    How how
    size_t every       # bytes that are read or written between two looks
    int64_t interval   # ns between two releases
    int64_t pause      # ns that one takes

# One call's: where it looks next, counted as its loops count.
cdef struct Breath:
    const Breather *breather  # or NULL
    size_t due
    size_t stride  # from one look to the next
    int64_t last   # when it last looked
    int64_t left   # when it last left the core to others
    int64_t since  # when it last looked after others
    long waits     # how many waits of threads there were then
    int turns      # how many releases are still due
    bint stopped   # a signal's handler, or another thread, raised an exception in it

# Lets others run if it is time. Must be called with the GIL.
cdef int let_run(Breath *breath, size_t at) except -1


cdef inline void begin(Breath *breath, const Breather *breather, size_t at) noexcept nogil:
    breath.breather = breather
    breath.due = NEVER if breather is NULL else at + breather.every
    breath.stride = 0 if breather is NULL else breather.every
    breath.last = 0
    breath.left = 0
    breath.since = 0
    breath.waits = 0
    breath.turns = 0
    breath.stopped = False


# Called with each item of a container.
cdef inline int breathe(Breath *breath, size_t at) except -1:
    return 0 if at < breath.due else let_run(breath, at)


# What takes time and leaves no bytes counts as some.
cdef inline void weigh(Breath *breath, size_t size) noexcept nogil:
    breath.due -= size if size < breath.due else breath.due


@cython.final
cdef class Breathing:
    cdef Breather breather
    cdef readonly str how
    cdef readonly Py_ssize_t every
    cdef readonly double interval
    cdef readonly double pause

    cdef tuple _key(self)


# Memory that no other thread writes to, copied without the GIL where that pays.
cdef inline void copy_released(void *target, const void *source, Py_ssize_t size) noexcept:
    if size < LARGE:
        memcpy(target, source, <size_t>size)
        return
    with nogil:
        memcpy(target, source, <size_t>size)


# As long as the object is there. It is asked for once: its count would be counted by all threads at once.
cdef inline const Breather *breather_of(Breathing breathing) noexcept:
    return NULL if breathing is None else &breathing.breather
