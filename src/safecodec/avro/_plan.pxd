# What a plan is made of.

cimport cython

cdef enum Kind:
    NOTHING
    BOOLEAN
    INT
    LONG
    FLOAT
    DOUBLE
    BYTES
    STRING
    FIXED
    ENUM
    ARRAY
    MAP
    UNION
    RECORD


# A part of a plan. It is filled when the plan is built and not changed afterwards; recursive schemas make it cyclic.
@cython.final
cdef class Step:
    cdef Kind kind
    cdef Py_ssize_t count  # bytes of a fixed, symbols of an enum, branches of a union, fields of a record
    cdef tuple symbols
    cdef Step inner        # of an array or map
    cdef tuple parts       # branches of a union, or what reads each of the writer's fields
    cdef tuple names       # for each of these fields the reader's, None where it is skipped
    cdef tuple again       # (field, step, reader's field) where aliases give a field to more of the reader's; or None
    cdef object made       # the class whose instances the records become; None for dicts
    cdef tuple places      # for each of the writer's fields, which argument of the class it is
    cdef tuple labels      # the writer's fields, for paths
    cdef object finish     # from what was read to the reader's value; None where they are the same


cdef Step compile_action(action, bint typed, dict known, dict classes)
cdef Step compile_node(node, dict known)
