"""Logical types of single values in C, for values that are of the exact type and need no big numbers.

Each function returns the very value that `logical.python_value` or `logical.avro_value` returns; that one is called for
every value which the compiled way does not know, and has all errors. The reference engine calls those alone.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.datetime cimport (
    PyDelta_CheckExact, PyTime_CheckExact, import_datetime, time_hour, time_microsecond, time_minute, time_new,
    time_second, time_tzinfo, timedelta_days, timedelta_microseconds, timedelta_new, timedelta_seconds,
)
from cpython.long cimport PyLong_CheckExact
from cpython.object cimport PyObject, PyTypeObject
from cpython.unicode cimport PyUnicode_CheckExact, PyUnicode_GET_LENGTH
from libc.stdint cimport int64_t, uint8_t, uint64_t

from safecodec.avro._buffer cimport store_long
from safecodec.avro._cursor cimport Cursor, start_at, take_long, take_size
from safecodec.avro._objects cimport Py_NewRef, set_slot

from decimal import Decimal
from uuid import UUID, SafeUUID

from safecodec.avro._slots import slot_offset
from safecodec.avro.logical import DAY as _DAY
from safecodec.avro.logical import MAX_SCALE as _MAX_SCALE
from safecodec.avro.nodes import Primitive

import_datetime()

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object number, int *overflow) except? -1
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL
    object PyUnicode_New(Py_ssize_t size, Py_UCS4 most)
    uint8_t *PyUnicode_1BYTE_DATA(object text)
    int PyUnicode_IS_COMPACT_ASCII(object text)
    object PyObject_Str(object value)
    object PyObject_CallOneArg(object function, object argument)

cdef extern from *:
    """
    static const char SAFECODEC_HEX[] = "0123456789abcdef";
    static inline int safecodec_hex(unsigned char c) {
        return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
            : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    }
    /* A whole number of sixteen bytes, the highest first. */
    static inline PyObject *safecodec_whole(const uint8_t *data) {
        return _PyLong_FromByteArray(data, 16, 0, 0);
    }
    static inline int safecodec_put_whole(PyObject *number, uint8_t *data) {
    #if PY_VERSION_HEX >= 0x030D0000
        Py_ssize_t size = PyLong_AsNativeBytes(
            number, data, 16, Py_ASNATIVEBYTES_BIG_ENDIAN | Py_ASNATIVEBYTES_UNSIGNED_BUFFER | Py_ASNATIVEBYTES_REJECT_NEGATIVE);
        return size < 0 ? -1 : size <= 16;
    #else
        return _PyLong_AsByteArray((PyLongObject *)number, data, 16, 0, 0) < 0 ? -1 : 1;
    #endif
    }
    static inline PyObject *safecodec_allocated(PyTypeObject *cls) {
        return cls->tp_alloc(cls, 0);
    }
    """
    object whole_of "safecodec_whole"(const uint8_t *data)
    bint put_whole "safecodec_put_whole"(object number, uint8_t *data) except -1
    object allocated "safecodec_allocated"(PyTypeObject *cls)
    const char *HEX "SAFECODEC_HEX"
    int hex_of "safecodec_hex"(uint8_t character) nogil

cdef enum:
    MOST_DIGITS = 18  # below 2**63
    UUID_TEXT = 36

cdef int64_t DAY = _DAY
cdef int64_t MOST_DAYS = 106_751_990  # whose microseconds are below 2**63
cdef int64_t MAX_SCALE = _MAX_SCALE
cdef int64_t POWERS[19]
cdef int _power
POWERS[0] = 1
for _power in range(MOST_DIGITS):
    POWERS[_power + 1] = POWERS[_power] * 10
cdef object _unknown = SafeUUID.unknown
# Where the two slots of a UUID are, which are all that it has; a UUID of another Python is made by its constructor.
cdef object _slots_of_uuid = [slot_offset(UUID, "int"), slot_offset(UUID, "is_safe")]
cdef bint KNOWS_UUID = (
    getattr(UUID, "__slots__", None) == ("int", "is_safe", "__weakref__") and None not in _slots_of_uuid
    and UUID.__new__ is object.__new__ and not hasattr(UUID(int=0), "__dict__")
)
cdef Py_ssize_t AT_INT = _slots_of_uuid[0] if KNOWS_UUID else 0
cdef Py_ssize_t AT_SAFE = _slots_of_uuid[1] if KNOWS_UUID else 0


# ---- logical types -----------------------------------------------------------------------------------------------

@cython.final
cdef class Conversion:
    """A logical type, between its Avro value and its Python value.

    Args:
        node: The node of the schema, a primitive or fixed with a logical type.
        digits: How many digits a Decimal may have.
        slow: Converts any value, and raises where it cannot.
    """

    cdef object slow
    cdef int64_t units  # microseconds
    cdef int64_t digits
    cdef int64_t scale
    cdef int64_t below  # a decimal's unscaled value, either way
    cdef Py_ssize_t size  # of a fixed, else 0

    def __cinit__(self, node, digits, slow):
        logical = node.logical
        self.slow = slow
        self.units = 1000 if logical.name == "time-millis" else 1
        self.digits = min(digits, 2**31)
        self.size = 0 if isinstance(node, Primitive) else node.size
        self.scale = 0
        self.below = POWERS[MOST_DIGITS]
        if logical.precision is not None:
            self.scale = logical.scale
            self.below = POWERS[min(logical.precision, MOST_DIGITS)]

    # ---- times ---------------------------------------------------------------------------------------------------

    @cython.binding(False)
    def read_time(self, value):
        """Return the time of day of a number of milliseconds or microseconds."""
        cdef int overflow = 0
        cdef int64_t micros
        cdef int64_t seconds
        if PyLong_CheckExact(value):
            micros = PyLong_AsLongLongAndOverflow(value, &overflow)
            if not overflow and 0 <= micros < DAY // self.units:
                micros *= self.units
                seconds = micros // 1000000
                return time_new(
                    <int>(seconds // 3600), <int>(seconds // 60 % 60), <int>(seconds % 60), <int>(micros % 1000000), None
                )
        return self.slow(value)

    @cython.binding(False)
    def write_time(self, value):
        """Return the milliseconds or microseconds of a time of day without a time zone."""
        cdef int64_t micros
        if PyTime_CheckExact(value) and time_tzinfo(value) is None:
            micros = (time_hour(value) * 60 + time_minute(value)) * 60 + time_second(value)
            micros = micros * 1000000 + time_microsecond(value)
            if micros % self.units == 0:
                return micros // self.units
        return self.slow(value)

    @cython.binding(False)
    def read_timedelta(self, value):
        """Return the timedelta of a number of microseconds."""
        cdef int overflow = 0
        cdef int64_t micros, days
        if PyLong_CheckExact(value):
            micros = PyLong_AsLongLongAndOverflow(value, &overflow)
            if not overflow:
                days = micros // DAY  # towards minus infinity, as the days of a timedelta
                micros -= days * DAY
                return timedelta_new(<int>days, <int>(micros // 1000000), <int>(micros % 1000000))
        return self.slow(value)

    @cython.binding(False)
    def write_timedelta(self, value):
        """Return the microseconds of a timedelta."""
        cdef int64_t days
        if PyDelta_CheckExact(value):
            days = timedelta_days(value)
            if -MOST_DAYS <= days <= MOST_DAYS:
                return (days * 86400 + timedelta_seconds(value)) * 1000000 + timedelta_microseconds(value)
        return self.slow(value)

    # ---- UUIDs ---------------------------------------------------------------------------------------------------

    @cython.binding(False)
    def read_uuid(self, value):
        """Return the UUID of its text, as RFC 9562 writes it, or of its sixteen bytes."""
        cdef const uint8_t *data
        cdef uint8_t[16] found
        cdef int at, place = 0, high, low
        if not KNOWS_UUID:
            return self.slow(value)
        if PyUnicode_CheckExact(value) and PyUnicode_GET_LENGTH(value) == UUID_TEXT and PyUnicode_IS_COMPACT_ASCII(value):
            data = PyUnicode_1BYTE_DATA(value)
            if data[8] != c"-" or data[13] != c"-" or data[18] != c"-" or data[23] != c"-":
                return self.slow(value)
            for at in range(16):
                place += at == 4 or at == 6 or at == 8 or at == 10
                high, low = hex_of(data[place]), hex_of(data[place + 1])
                if high < 0 or low < 0:
                    return self.slow(value)
                found[at] = <uint8_t>(high << 4 | low)
                place += 2
            data = found
        elif PyBytes_CheckExact(value) and PyBytes_GET_SIZE(value) == 16:
            data = <const uint8_t *>PyBytes_AS_STRING(value)
        else:
            return self.slow(value)
        number = whole_of(data)
        made = allocated(<PyTypeObject *>UUID)
        # Past UUID.__setattr__, which refuses. Nothing has seen the object yet.
        set_slot(<PyObject *>made, AT_INT, Py_NewRef(<PyObject *>number))
        set_slot(<PyObject *>made, AT_SAFE, Py_NewRef(<PyObject *>_unknown))
        return made

    @cython.binding(False)
    def write_uuid(self, value):
        """Return a UUID's text, or its sixteen bytes for a fixed."""
        cdef uint8_t[16] data
        cdef uint8_t *out
        cdef int at, place = 0
        if type(value) is not UUID or (self.size and self.size != 16) or not put_whole(value.int, data):
            return self.slow(value)
        if self.size:
            return PyBytes_FromStringAndSize(<const char *>data, 16)
        text = PyUnicode_New(UUID_TEXT, 127)
        out = PyUnicode_1BYTE_DATA(text)
        for at in range(16):
            if at == 4 or at == 6 or at == 8 or at == 10:
                out[place] = c"-"
                place += 1
            out[place] = <uint8_t>HEX[data[at] >> 4]
            out[place + 1] = <uint8_t>HEX[data[at] & 15]
            place += 2
        return text

    # ---- decimals ------------------------------------------------------------------------------------------------

    @cython.binding(False)
    def read_decimal(self, value):
        """Return the Decimal of the big-endian bytes of its unscaled value."""
        cdef Py_ssize_t size
        cdef int64_t unscaled
        if PyBytes_CheckExact(value):
            size = PyBytes_GET_SIZE(value)
            if 0 < size <= 8 and size * 3 <= self.digits:
                unscaled = signed(<const uint8_t *>PyBytes_AS_STRING(value), size)
                if -self.below < unscaled < self.below:
                    return decimal(unscaled, self.scale)
        return self.slow(value)

    @cython.binding(False)
    def write_decimal(self, value):
        """Return the big-endian bytes of a Decimal's unscaled value."""
        cdef uint8_t out[8]
        cdef int64_t unscaled, scale
        cdef int count = taken_apart(value, &unscaled, &scale)
        cdef int64_t shift = self.scale - scale
        cdef Py_ssize_t size
        if count > 0 and MOST_DIGITS <= self.digits and 0 <= shift <= MOST_DIGITS - count:
            unscaled *= POWERS[shift]
            size = put_signed(out, unscaled)
            if -self.below < unscaled < self.below and not self.size:
                return PyBytes_FromStringAndSize(<const char *>out, size)
        return self.slow(value)

    @cython.binding(False)
    def read_big_decimal(self, value):
        """Return the Decimal of its unscaled value's length and bytes, and its scale."""
        cdef Cursor cursor
        cdef const uint8_t *data
        cdef int64_t size, scale
        if PyBytes_CheckExact(value):
            start_at(&cursor, <const uint8_t *>PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value), NULL)
            if take_size(&cursor, &size) and 0 < size <= 8 and size * 3 <= self.digits:
                data = cursor.at
                cursor.at += size
                if take_long(&cursor, &scale) and cursor.at == cursor.end and -MAX_SCALE <= scale <= MAX_SCALE:
                    return decimal(signed(data, size), scale)
        return self.slow(value)

    @cython.binding(False)
    def write_big_decimal(self, value):
        """Return a Decimal's unscaled value with its length, and its scale."""
        cdef uint8_t out[16]
        cdef int64_t unscaled, scale
        cdef Py_ssize_t size
        if taken_apart(value, &unscaled, &scale) > 0 and MOST_DIGITS <= self.digits and -MAX_SCALE <= scale <= MAX_SCALE:
            size = put_signed(out + 1, unscaled)
            store_long(out, size)  # of one byte
            return PyBytes_FromStringAndSize(<const char *>out, store_long(out + 1 + size, scale) - out)
        return self.slow(value)


cdef int64_t signed(const uint8_t *data, Py_ssize_t size) except? -1:
    cdef uint64_t found = -1 if data[0] & 0x80 else 0
    cdef Py_ssize_t at
    for at in range(size):
        found = found << 8 | data[at]
    return <int64_t>found


# As many bytes as `logical` writes, which are one more than needed where the first bit alone is set; returns them.
cdef Py_ssize_t put_signed(uint8_t *out, int64_t value) except -1:
    cdef uint64_t left = <uint64_t>(-value if value < 0 else value)
    cdef Py_ssize_t bits = 0, size, at
    while left:
        bits += 1
        left >>= 1
    size = bits // 8 + 1
    for at in range(size):
        out[at] = <uint8_t>(value >> (8 * (size - 1 - at)))
    return size


# The Decimal of an unscaled value below 2**63 and a scale, by its text: the constructor takes any other way longer.
cdef object decimal(int64_t unscaled, int64_t scale):
    cdef uint8_t reversed[48]
    cdef uint8_t *out
    cdef Py_ssize_t size = 0, at
    cdef uint64_t left
    if scale:
        left = <uint64_t>(-scale if scale < 0 else scale)
        while left:
            reversed[size] = <uint8_t>(48 + left % 10)
            left //= 10
            size += 1
        reversed[size] = c"-" if scale > 0 else c"+"
        reversed[size + 1] = c"E"
        size += 2
    left = 0 - <uint64_t>unscaled if unscaled < 0 else <uint64_t>unscaled
    while True:
        reversed[size] = <uint8_t>(48 + left % 10)
        left //= 10
        size += 1
        if not left:
            break
    if unscaled < 0:
        reversed[size] = c"-"
        size += 1
    text = PyUnicode_New(size, 127)
    out = PyUnicode_1BYTE_DATA(text)
    for at in range(size):
        out[at] = reversed[size - 1 - at]
    return PyObject_CallOneArg(Decimal, text)


# The unscaled value and the scale of a Decimal, by its text; returns how many digits it has, or 0 where it is not of the
# exact type, not finite, a negative zero, or has more digits than an int64_t.
cdef int taken_apart(object value, int64_t *unscaled, int64_t *scale) except -1:
    cdef const char *text
    cdef Py_ssize_t size, at = 0
    cdef int64_t found = 0, behind = 0, power = 0
    cdef int count = 0
    cdef bint negative, has_point = False, is_less
    unscaled[0] = scale[0] = 0
    if type(value) is not Decimal:
        return 0
    spelled = PyObject_Str(value)
    text = PyUnicode_AsUTF8AndSize(spelled, &size)
    negative = text[0] == c"-"
    at = negative
    while at < size:
        if text[at] == c".":
            has_point = True
        elif c"0" <= text[at] <= c"9":
            if count or text[at] != c"0":
                count += 1
            if count > MOST_DIGITS:
                return 0
            found = found * 10 + (text[at] - c"0")
            behind += has_point
        else:
            break
        at += 1
    if at < size:
        if (text[at] != c"E" and text[at] != c"e") or at + 2 >= size or size - at > 10:
            return 0
        is_less = text[at + 1] == c"-"
        at += 2
        while at < size:
            power = power * 10 + (text[at] - c"0")
            at += 1
        power = -power if is_less else power
    if negative and not found:
        return 0
    unscaled[0] = -found if negative else found
    scale[0] = behind - power
    return max(count, 1)


_READING = {
    "time-millis": "read_time", "time-micros": "read_time", "safecodec-timedelta-micros": "read_timedelta",
    "uuid": "read_uuid", "decimal": "read_decimal", "big-decimal": "read_big_decimal",
}
_WRITING = {name: f"write{method[4:]}" for name, method in _READING.items()}


def reading(node, digits, slow):
    """Return what makes the Python value of a logical type: the compiled way before the slow one, where there is one.

    Args:
        node: The node, which has a logical type.
        digits: How many digits a Decimal may have.
        slow: Makes it of any Avro value.
    """
    method = _READING.get(node.logical.name)
    return slow if method is None else getattr(Conversion(node, digits, slow), method)


def writing(node, digits, slow):
    """Return what makes the Avro value of a logical type; see `reading`."""
    method = _WRITING.get(node.logical.name)
    return slow if method is None else getattr(Conversion(node, digits, slow), method)
