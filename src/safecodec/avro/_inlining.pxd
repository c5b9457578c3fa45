# Makes a module's inline functions inline: GCC thinks that what reads or writes a leaf is too large for it, and a call
# costs as much as a short text. For modules without inline functions that call themselves.

cdef extern from *:
    """
    #if defined(__GNUC__)
    #undef CYTHON_INLINE
    #define CYTHON_INLINE __inline__ __attribute__((always_inline))
    #endif
    """
    pass
