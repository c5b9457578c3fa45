"""Bounds of single values in C, for values of the exact types that msgspec bounds: `bounds.compiled`."""

cimport cython
from cpython.bytes cimport PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_CheckExact, PyDict_Size
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.list cimport PyList_CheckExact, PyList_GET_SIZE
from cpython.long cimport PyLong_CheckExact
from cpython.unicode cimport PyUnicode_CheckExact, PyUnicode_GET_LENGTH
from libc.stdint cimport int64_t

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object number, int *overflow) except? -1
    object PyObject_CallOneArg(object function, object argument)


def _is_short(bound):
    return type(bound) is int and abs(bound) < 2**62


def _is_exact(bound):
    return type(bound) is float or abs(bound) <= 2**53


@cython.final
cdef class Bounds:
    """Bounds of numbers, or of a length and a pattern.

    Args:
        bounds: As attributes of a schema have them: ``ge``, ``gt``, ``le``, ``lt``, ``multiple_of``, ``min_length``,
            ``max_length``, ``pattern``.
        search: Tells whether a text has the pattern; None where there is none.
        slow: Returns a value that is within the bounds, and raises for another.
    """

    def __cinit__(self, dict bounds not None, search, slow):
        self.slow = slow
        self.search = search
        numbers = {"ge", "gt", "le", "lt", "multiple_of"} & bounds.keys()
        lengths = bounds.keys() - numbers
        given = list(map(bounds.get, numbers))
        self.of_lengths = not numbers
        self.of_ints = not lengths and all(map(_is_short, given))
        self.of_floats = not lengths and "multiple_of" not in numbers
        self.of_floats = self.of_floats and all(map(_is_exact, given))
        self.shortest = bounds.get("min_length", 0)
        self.longest = bounds.get("max_length", 2**62)
        if self.of_ints:
            self.least = max(bounds.get("ge", -(2**63)), bounds.get("gt", -(2**63) - 1) + 1)
            self.most = min(bounds.get("le", 2**63 - 1), bounds.get("lt", 2**63) - 1)
            self.factor = bounds.get("multiple_of", 1)
            self.of_ints = self.factor > 0
        if self.of_floats:
            self.low = max(bounds.get("ge", float("-inf")), bounds.get("gt", float("-inf")))
            self.high = min(bounds.get("le", float("inf")), bounds.get("lt", float("inf")))
            self.above_low = "gt" in numbers and bounds["gt"] >= bounds.get("ge", float("-inf"))
            self.below_high = "lt" in numbers and bounds["lt"] <= bounds.get("le", float("inf"))

    @cython.binding(False)
    def check(self, value):
        """Return a value that is within the bounds.

        Raises:
            OutOfBoundsError: It is not.
        """
        return value if self.holds(value) else self.slow(value)

    cdef bint holds(self, object value) except -1:
        cdef int overflow = 0
        cdef int64_t number
        cdef double real
        cdef Py_ssize_t size
        if self.of_lengths:
            if PyUnicode_CheckExact(value):
                size = PyUnicode_GET_LENGTH(value)
            elif PyList_CheckExact(value):
                size = PyList_GET_SIZE(value)
            elif PyBytes_CheckExact(value):
                size = PyBytes_GET_SIZE(value)
            elif PyDict_CheckExact(value):
                size = PyDict_Size(value)
            else:
                return False
            return self.shortest <= size <= self.longest and (
                self.search is None or PyObject_CallOneArg(self.search, value) is not None
            )
        if PyLong_CheckExact(value):
            if not self.of_ints:
                return False
            number = PyLong_AsLongLongAndOverflow(value, &overflow)
            return not overflow and self.least <= number <= self.most and (
                self.factor == 1 or number % self.factor == 0
            )
        if PyFloat_CheckExact(value):
            real = PyFloat_AS_DOUBLE(value)
            return self.of_floats and (self.low < real or (real == self.low and not self.above_low)) and (
                real < self.high or (real == self.high and not self.below_high)
            )
        return False
