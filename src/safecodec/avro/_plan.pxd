# What a decoder's plan is made of: steps in C memory, filled when the plan is built and not changed afterwards.

cimport cython
from cpython.object cimport PyObject

from safecodec.avro._arena cimport Arena

# What a step reads and makes of it.
cdef enum Op:
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
    INT_AS_FLOAT   # promoted
    LONG_AS_FLOAT
    INSTANT        # a timestamp with a time zone
    LOCAL_INSTANT  # one without
    DAY            # a date
    ABSENT         # a missing field: the decoder's mark of a missing key, or a value that takes its place
    FINISHED       # what the inner step read, handed to a Python function
    CONVERTED      # the same, where the function is a Conversion's, which reads the bytes itself where it can
    BOUNDED        # the same, where it is that of Bounds, which mostly need not be called
    PAIRS          # the same, where it is dict, and the inner step reads an array of pairs
    UNION
    ARRAY
    MAP
    RECORD

# What a record becomes.
cdef enum Make:
    MAKE_DICT
    MAKE_SLOTS       # an object whose fields lie at known offsets
    MAKE_LEAF        # one that holds no container, and that the garbage collector need not look at
    MAKE_ATTRIBUTES  # an object whose fields are set by name, past its class's own __setattr__
    MAKE_TUPLE
    MAKE_CALL        # what the class makes of keywords

cdef struct Step

# A field of the writer's record.
cdef struct Part:
    Step *step
    PyObject *name    # the reader's; NULL where it is skipped
    Py_ssize_t place  # offset in the object, or index in the tuple or the arguments
    bint again        # the same bytes as the part before, for another field of the reader's
    PyObject *label   # for paths

# A field of the reader's record that the writer does not have.
cdef struct Fill:
    Part part
    PyObject *value    # one that all records share, or NULL
    PyObject *factory  # what is called for it each time

cdef struct Step:
    Op op
    Make make
    Py_ssize_t count    # bytes of a fixed, symbols, branches of a union, parts of a record, units of a second
    Py_ssize_t least    # of an array's or map's item: its shortest encoding, in bytes
    Step *inner         # of an array, a map or what is finished
    Step **branches
    PyObject *symbols   # a tuple: what each symbol becomes
    Part *parts
    Fill *fills
    Py_ssize_t filled   # how many fills
    Py_ssize_t weight   # bytes of memory that count for a record, or for what ABSENT makes
    Py_ssize_t width    # of what a record becomes: its fields, or its class's arguments
    PyObject *template  # a dict with a record's keys in the reader's order, which the writer's need not be
    PyObject *made      # the class of a record's objects; ABSENT: the value, or NULL
    PyObject *keywords  # a tuple: names of the class's arguments, by place
    PyObject *then      # called with the object when its fields are in place, or NULL
    PyObject *finish    # a function of what was read; ABSENT: what makes the value
    PyObject *compiled  # the object whose method that is: a Conversion or Bounds


# Builds the steps of one plan in its arena.
@cython.final
cdef class Compiler:
    cdef readonly bint has_keys  # whether there are maps
    cdef Arena arena
    cdef object targets
    cdef dict least              # the lengths of the shortest encodings of nodes, by their ids
    cdef list waiting            # actions whose steps are to be filled in, and these; nodes likewise
    cdef list skipped
    cdef list leaves             # steps of records that may be leaves

    cdef Step *action_root(self, object action) except NULL
    cdef Step *node_root(self, object node) except NULL
    cdef Step *new(self, object source) except NULL
    cdef Step *action(self, object action) except NULL
    cdef Step *absent(self, object action) except NULL
    cdef int fill_action(self, Step *step, object action) except -1
    cdef Step *wrapped(self, Step *step, object action, object finish) except NULL
    cdef Step *leaf(self, object action) except NULL
    cdef int put_symbols(self, Step *step, tuple symbols) except -1
    cdef int put_branches(self, Step *step, object branches, bint kept) except -1
    cdef int put_record(self, Step *step, object action) except -1
    cdef int put_part(self, Part *part, object making, object field, object inner, str label, bint again) except -1
    cdef int put_place(self, Part *part, object place) except -1
    cdef bint is_leaf(self, const Step *step) except -1
    cdef int put_fills(self, Step *step, object making) except -1
    cdef int check_places(self, const Step *step, object cls) except -1
    cdef Step *node(self, object node) except NULL
    cdef int fill_nodes(self) except -1
    cdef int fill_node(self, Step *step, object node) except -1
