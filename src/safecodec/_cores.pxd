# Who waits for the core of this thread. Where a process has one core only, who is due on it may have to wait for some
# milliseconds, whoever holds the GIL: a system lets a thread finish its share first.

cdef extern from *:
    """
    #ifdef _WIN32
    #include <windows.h>
    #else
    #include <sched.h>
    #endif
    /* Lets other threads that are ready run on this core. */
    static inline void safecodec_leave_core(void) {
    #ifdef _WIN32
        SwitchToThread();
    #else
        sched_yield();
    #endif
    }
    /* Whether this thread may run on one core only, where the system tells. */
    static inline int safecodec_has_one_core(void) {
    #if defined(__linux__) && defined(CPU_COUNT)
        cpu_set_t cores;
        return sched_getaffinity(0, sizeof cores, &cores) == 0 && CPU_COUNT(&cores) == 1;
    #else
        return 0;
    #endif
    }
    """
    void leave_core "safecodec_leave_core"() noexcept nogil
    bint has_one_core "safecodec_has_one_core"() noexcept nogil
