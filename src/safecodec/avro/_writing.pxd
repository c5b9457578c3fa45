# What an encoder's plan is made of, as _plan.pxd is for a decoder.

cimport cython
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t

from safecodec.avro._arena cimport Arena

# What a step takes and writes.
cdef enum PutOp:
    PUT_NULL
    PUT_BOOLEAN
    PUT_INT
    PUT_LONG
    PUT_FLOAT
    PUT_DOUBLE
    PUT_BYTES
    PUT_STRING
    PUT_FIXED
    PUT_ENUM
    PUT_INSTANT        # a timestamp with a time zone
    PUT_LOCAL_INSTANT  # one without
    PUT_DAY            # a date
    PUT_CONVERTED      # the inner step, with what a Python function makes of the value
    PUT_INTO           # an index, then the inner step
    PUT_OPTIONAL       # one step for one value, another for all others
    PUT_UNION
    PUT_DATA           # the same bytes for each value
    PUT_REFUSED        # no value: the version that is written has no place for it
    PUT_ARRAY
    PUT_MAP
    PUT_RECORD

# Where a record's fields are.
cdef enum Get:
    GET_KEYS        # in a dict
    GET_SLOTS       # at known offsets
    GET_ATTRIBUTES
    GET_INDEX       # in a tuple

cdef enum:
    SCANNED = 16      # symbols that are looked at one by one, which takes less time than a dict
    RUN = 256         # items of a list that are written before others may run
    RUN_BYTES = 4096  # bytes of texts, or one text, likewise

cdef struct Put

# A field of the record that is written.
cdef struct Give:
    Put *step
    PyObject *name          # of the attribute or key; NULL where the source has no such field
    Py_ssize_t place        # its offset, or its index
    Put *missing            # how a missing one is written, or NULL
    bint dropped            # checked and not written: the version that is written does not have it
    PyObject *label         # for paths

# A branch of a union.
cdef struct Branch:
    Put *step
    PyObject *types  # a tuple: exact types that no other branch takes
    PyObject *names  # a tuple: the names by which a value can ask for it
    PyObject *fits   # tells whether it takes a value; NULL for a leaf that is tried
    bint leaf        # whether it holds no other values

cdef struct Put:
    PutOp op
    Get get
    Py_ssize_t count     # bytes of a fixed, symbols of an enum, branches of a union, fields; units of a second
    Py_ssize_t index     # PUT_INTO: which branch; a record of a tuple: how many items that has
    Put *inner
    Put *other           # PUT_OPTIONAL: that of the one value
    PyObject *blank      # PUT_OPTIONAL: the one value, None or msgspec's UNSET
    const uint8_t *data  # PUT_DATA: `count` bytes
    Give *gives
    Branch *branches
    PyObject *cls        # a record's class, whose exact instances have their fields where `get` says; a tuple of those
                         # that an array or a map is made of
    PyObject *symbols    # a tuple: the values of an enum
    Py_ssize_t *indices  # what is written for each of them
    Py_ssize_t scanned   # how many of them are looked at first
    PyObject *by_value   # a dict: the same by their types and values
    PyObject *by_text    # a dict: the same by their texts; NULL where they are members of a Python enum
    PyObject *known      # a frozenset: the keys that a dict may have
    bint free            # whether a record may be any mapping or object: no type says what it is
    PyObject *convert    # called with the value
    PyObject *conversion # the Conversion whose method that is, or NULL
    PyObject *bounds     # the Bounds whose method that is, or NULL
    bint pairs           # whether it makes pairs of a dict, of which the inner step writes an array
    PyObject *wanted     # what is expected, for errors; PUT_REFUSED: why there is no place


# Builds the steps of one plan in its arena.
@cython.final
cdef class Compiler:
    cdef Arena arena
    cdef object sources
    cdef list waiting  # actions whose steps are to be filled in, and these

    cdef Put *root(self, object action) except NULL
    cdef Put *new(self, object action) except NULL
    cdef Put *action(self, object action) except NULL
    cdef int fill(self, Put *step, object action) except -1
    cdef Put *leaf(self, Put *step, object action) except NULL
    cdef Put *container(self, Put *step, object action) except NULL
    cdef Put *converted(self, object action, Put *inner, object convert) except NULL
    cdef int put_symbols(self, Put *step, object action) except -1
    cdef int put_union(self, Put *step, object action) except -1
    cdef int put_record(self, Put *step, object action) except -1
    cdef int put_give(self, Give *give, object given) except -1
    cdef Put *missing(self, object missing) except? NULL
