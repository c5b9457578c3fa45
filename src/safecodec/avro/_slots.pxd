# Whether an object of a class has room for a reference at an offset.
cdef bint is_within(cls, Py_ssize_t offset) except -1
# About how many bytes an object of a class takes, with a number of items where it is a tuple.
cdef Py_ssize_t object_size(cls, Py_ssize_t items) except -1
