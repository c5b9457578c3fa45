"""Defaults of a schema that can be changed, copied in C for each value that takes one."""

cimport cython
from cpython.dict cimport PyDict_CheckExact, PyDict_Copy, PyDict_Next
from cpython.list cimport PyList_CheckExact
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_CheckExact


@cython.final
cdef class Fresh:
    """Copies a default for each value: its dicts, lists and tuples are new, its other values are shared.

    Args:
        value: The default, as `defaults.default_value` makes it. It nests no deeper than `Limits.depth` allows a schema,
            and nobody else holds its containers.
    """

    cdef object value

    def __cinit__(self, value):
        self.value = value

    @cython.binding(False)
    def make(self):
        """Return a copy of the default."""
        return copied(self.value)


# Nothing of the default that can be changed is in a copy before it is whole: a hook of another class could find it.
cdef object copied(object value):
    cdef list items
    cdef dict fields
    if PyDict_CheckExact(value):
        if is_flat(value):
            return PyDict_Copy(value)
        fields = {}
        for key, one in (<dict>value).items():
            fields[key] = copied(one)
        return fields
    if PyList_CheckExact(value):
        items = []
        for one in <list>value:
            items.append(copied(one))
        return items
    return tuple(map(copied, <tuple>value)) if PyTuple_CheckExact(value) else value


cdef bint is_flat(dict fields) except -1:
    cdef Py_ssize_t place = 0
    cdef PyObject *one
    while PyDict_Next(fields, &place, NULL, &one):
        if PyDict_CheckExact(<object>one) or PyList_CheckExact(<object>one) or PyTuple_CheckExact(<object>one):
            return False
    return True
