"""Values straight to payloads and back by msgspec, and a look at their floats where it does not do alone.

JSON has no NaN, and msgspec writes null for it; msgspec reads any whole number as a float. Where either may have happened the
floats of the value tell, at the places that `numbers` finds in a type; nothing else of the value is visited.
"""

cimport cython
from cpython.bytes cimport PyBytes_CheckExact
from cpython.dict cimport PyDict_Check
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check
from cpython.list cimport PyList_Check
from cpython.long cimport PyLong_Check
from cpython.object cimport PyObject
from cpython.set cimport PyAnySet_Check
from cpython.tuple cimport PyTuple_Check
from cpython.unicode cimport PyUnicode_Check
from safecodec.avro._getting cimport READS_SLOTS, attribute_of, slot_of

from safecodec.payload.verdicts import refusal, verdict

cdef extern from "Python.h":
    int Py_EnterRecursiveCall(const char *where) except -1
    void Py_LeaveRecursiveCall()


@cython.final
cdef class Place:
    """The places of floats in the values of one type; several of the attributes where it is a union.

    Attributes:
        checks: `Checks` of a float.
        items: The place of each item of a list or tuple, or None where items hold no floats.
        fixed: The place of each item of a tuple of so many items, or None.
        keys: The place of a dict's keys, or None.
        values: The place of its values, or None.
        typed: The `FieldPlace` of each key of a TypedDict, or None.
        records: For each class the `FieldPlace` of each attribute, or None.
    """


@cython.final
cdef class FieldPlace:
    """The places of floats in one field of a record.

    Args:
        name: The attribute, or the key.
        place: The place of its values.
        offset: Where the slot lies in objects of the class, in bytes; None where only the class knows.
    """

    def __cinit__(self, str name not None, Place place not None, offset=None):
        self.name, self.place = name, place
        self.offset = offset if READS_SLOTS and offset is not None else -1


@cython.final
cdef class StraightEncoder:
    """Writes payloads by msgspec, and refuses floats that JSON has no form for.

    Small payloads are written into one buffer again and again, which spares msgspec an object for each. A call takes the
    buffer and gives it back: one that comes meanwhile, from another thread or from a value's own code, finds none and makes
    bytes.

    Args:
        encoder: msgspec's encoder.
        places: Returns the `Place` of the values, called when the first payload with a null is written; or None where
            every float has a form.
        refuse: Raises the error on a value, with its path; None where there are no places.
    """

    def __cinit__(self, encoder, places=None, refuse=None):
        self.into, self.alone = encoder.encode_into, encoder.encode
        self.places, self.refuse = places, refuse

    def encode(self, value):
        """Return the payload of a value.

        Raises:
            EncodeError: msgspec refuses it, or a float in it has no form.
        """
        payload = self.write(value)
        if PyBytes_CheckExact(payload):
            return payload
        whole = bytes(payload)
        self.give_back(payload)
        return whole

    cdef object write(self, object value):
        cdef object payload = self.spare
        cdef bint finite
        self.spare = None
        try:
            if payload is None:
                payload = self.alone(value)
            else:
                self.into(value, payload)
            finite = (
                self.places is None or not may_hold_null(bytes_of(payload), size_of(payload)) or self.is_finite(value)
            )
        except Exception as error:
            raise refusal(error, self.alone) or error
        if not finite:
            self.refuse(value)
        return payload

    cdef bint is_finite(self, object value) except -1:
        if self.place is None:
            self.place = self.places()
        return fits(self.place, value)

    # Without a GIL no buffer is kept, as two threads could take it.
    cdef int give_back(self, object payload) except -1:
        if READS_SLOTS and size_of(payload) <= KEPT:
            self.spare = bytearray() if PyBytes_CheckExact(payload) else <bytearray>payload
        return 0


@cython.final
cdef class CheckedDecoder:
    """Reads payloads in one way where that reads their numbers exactly, and else in another.

    Args:
        read: msgspec's decoder of the type.
        place: The floats that were written as another type.
        otherwise: The other decoder.
    """

    cdef object read
    cdef object otherwise
    cdef Place place

    def __cinit__(self, read, Place place not None, otherwise):
        self.read, self.place, self.otherwise = read, place, otherwise

    def decode(self, payload):
        """Return the value of a payload.

        Raises:
            PayloadError: Either decoder refuses it.
        """
        cdef bint exact
        try:
            value = self.read(payload)
            exact = fits(self.place, value)
        except Exception as error:
            raise verdict(error, self.read, bytes(payload)) or error
        return value if exact else self.otherwise(payload)


# Whether the floats at a place pass its checks. Values of other types than the place's are passed over.
cdef bint fits(Place place, object value) except -1:
    if value is None or PyUnicode_Check(value) or PyLong_Check(value):
        return True
    if PyFloat_Check(value):
        return fits_number(PyFloat_AS_DOUBLE(value), place.checks)
    Py_EnterRecursiveCall(b" while the floats of a value are looked at")
    try:
        if place.records is not None:
            fields = place.records.get(type(value))
            if fields is not None:
                return fits_fields(<tuple>fields, value, True)
        if PyList_Check(value):
            return place.items is None or fits_list(place.items, <list>value)
        if PyTuple_Check(value):
            return fits_tuple(place, <tuple>value)
        if PyDict_Check(value):
            return fits_dict(place, <dict>value)
        if PyAnySet_Check(value):
            return place.items is None or fits_list(place.items, list(value))
        return place.records is None or fits_subclass(place.records, value)
    finally:
        Py_LeaveRecursiveCall()


cdef bint fits_fields(tuple fields, object value, bint exact) except -1:
    cdef FieldPlace field
    for field in fields:
        if exact and field.offset >= 0:
            one = slot_of(value, field.offset, <PyObject *>None)
        else:
            one = attribute_of(value, <PyObject *>field.name, <PyObject *>None)
        if PyFloat_Check(one):
            if not fits_number(PyFloat_AS_DOUBLE(one), field.place.checks):
                return False
        elif one is not None and not fits(field.place, one):
            return False
    return True


# An instance of a subclass has the fields of its base.
cdef bint fits_subclass(dict records, object value) except -1:
    for cls, fields in records.items():
        if isinstance(value, cls) and not fits_fields(<tuple>fields, value, False):
            return False
    return True


cdef bint fits_list(Place place, list value) except -1:
    for one in value:
        if not fits(place, one):
            return False
    return True


cdef bint fits_tuple(Place place, tuple value) except -1:
    cdef Py_ssize_t at
    if place.fixed is None:
        return place.items is None or fits_list(place.items, list(value))
    for at in range(min(len(value), len(place.fixed))):
        if place.fixed[at] is not None and not fits(<Place>place.fixed[at], value[at]):
            return False
    return True


cdef bint fits_dict(Place place, dict value) except -1:
    cdef FieldPlace field
    if place.typed is not None:
        for field in place.typed:
            if not fits(field.place, value.get(field.name)):
                return False
        return True
    for key, one in value.items():
        if place.keys is not None and not fits(place.keys, key):
            return False
        if place.values is not None and not fits(place.values, one):
            return False
    return True
