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
from libc.string cimport memcpy

from safecodec.avro._buffer cimport store_long
from safecodec.avro._cursor cimport Cursor, start_at, take_long, take_size
from safecodec.avro._objects cimport Py_NewRef, set_slot

from safecodec.avro._slots import slot_offset
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
            number, data, 16,
            Py_ASNATIVEBYTES_BIG_ENDIAN | Py_ASNATIVEBYTES_UNSIGNED_BUFFER | Py_ASNATIVEBYTES_REJECT_NEGATIVE);
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

# Loaded with the first conversion: importing safecodec takes neither decimal nor uuid.
cdef cython.pymutex loading
cdef object Decimal = None
cdef object UUID = None
cdef int64_t DAY = 86_400_000_000  # microseconds
cdef int64_t MOST_DAYS = 106_751_990  # whose microseconds are below 2**63
cdef int64_t MAX_SCALE = 0
cdef int64_t POWERS[19]
cdef int _power
POWERS[0] = 1
for _power in range(MOST_DIGITS):
    POWERS[_power + 1] = POWERS[_power] * 10
cdef object _unknown = None
# Where the two slots of a UUID are, which are all that it has; a UUID of another Python is made by its constructor.
cdef bint KNOWS_UUID = False
cdef Py_ssize_t AT_INT = 0
cdef Py_ssize_t AT_SAFE = 0


cdef int load() except -1:
    global Decimal, UUID, _unknown, KNOWS_UUID, AT_INT, AT_SAFE, MAX_SCALE
    import decimal
    import uuid
    from safecodec.avro import logical

    cls = uuid.UUID
    slots = [slot_offset(cls, "int"), slot_offset(cls, "is_safe")]
    known = (
        getattr(cls, "__slots__", None) == ("int", "is_safe", "__weakref__") and None not in slots
        and cls.__new__ is object.__new__ and not hasattr(cls(int=0), "__dict__")
    )
    unknown, made, scale = uuid.SafeUUID.unknown, decimal.Decimal, logical.MAX_SCALE
    with loading:
        if Decimal is None:
            if known:
                AT_INT, AT_SAFE = slots
            KNOWS_UUID = known
            _unknown = unknown
            UUID = cls
            MAX_SCALE = scale
            Decimal = made
    return 0


# ---- logical types -----------------------------------------------------------------------------------------------

cdef dict KINDS = {
    "time-millis": TIME, "time-micros": TIME, "safecodec-timedelta-micros": TIMEDELTA, "uuid": IDENTIFIER,
    "decimal": DECIMAL, "big-decimal": BIG_DECIMAL,
}


@cython.final
cdef class Conversion:
    """A logical type, between its Avro value and its Python value.

    Args:
        node: The node of the schema, a primitive or fixed with a logical type that is known here.
        digits: How many digits a Decimal may have.
        slow: Converts any value, and raises where it cannot.
    """

    def __cinit__(self, node, digits, slow):
        if Decimal is None:
            load()
        logical = node.logical
        self.kind = KINDS[logical.name]
        self.slow = slow
        self.units = 1000 if logical.name == "time-millis" else 1
        self.digits = min(digits, 2**31)
        self.size = 0 if isinstance(node, Primitive) else node.size
        self.scale = 0
        self.below = POWERS[MOST_DIGITS]
        if logical.precision is not None:
            self.scale = logical.scale
            self.below = POWERS[min(logical.precision, MOST_DIGITS)]

    @cython.binding(False)
    def read(self, value):
        """Return the Python value of an Avro value."""
        cdef int overflow = 0
        cdef int64_t number
        cdef bint is_spelled = self.kind == IDENTIFIER and self.size == 0
        found = None
        if PyLong_CheckExact(value):
            number = PyLong_AsLongLongAndOverflow(value, &overflow)
            if not overflow:
                found = self.of_number(number)
        elif PyBytes_CheckExact(value) and not is_spelled:
            found = self.of_data(<const uint8_t *>PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))
        elif is_spelled and PyUnicode_CheckExact(value) and PyUnicode_IS_COMPACT_ASCII(value):
            found = self.of_data(PyUnicode_1BYTE_DATA(value), PyUnicode_GET_LENGTH(value))
        return self.slow(value) if found is None else found

    @cython.binding(False)
    def write(self, value):
        """Return the Avro value of a Python value."""
        cdef uint8_t[LONGEST] data
        cdef int64_t number
        cdef Py_ssize_t size
        if self.kind == TIME or self.kind == TIMEDELTA:
            return number if self.number_of(value, &number) else self.slow(value)
        size = self.data_of(value, data)
        if not size:
            return self.slow(value)
        if self.kind == IDENTIFIER and not self.size:
            return (<bytes>data[:size]).decode("ascii")
        return <bytes>data[:size]

    cdef object of_number(self, int64_t number):
        cdef int64_t seconds, days
        if self.kind == TIME and 0 <= number < DAY // self.units:
            number *= self.units
            seconds = number // 1000000
            return time_new(
                <int>(seconds // 3600), <int>(seconds // 60 % 60), <int>(seconds % 60), <int>(number % 1000000), None
            )
        if self.kind == TIMEDELTA:
            days = number // DAY  # towards minus infinity, as the days of a timedelta
            number -= days * DAY
            return timedelta_new(<int>days, <int>(number // 1000000), <int>(number % 1000000))
        return None

    cdef object of_data(self, const uint8_t *data, Py_ssize_t size):
        cdef int64_t unscaled
        if self.kind == IDENTIFIER:
            return identifier(data, size, self.size == 0) if KNOWS_UUID else None
        if self.kind == DECIMAL and 0 < size <= 8 and size * 3 <= self.digits:
            unscaled = signed(data, size)
            return decimal(unscaled, self.scale) if -self.below < unscaled < self.below else None
        return self.big_decimal(data, size) if self.kind == BIG_DECIMAL else None

    # Of its unscaled value's length and bytes, and its scale.
    cdef object big_decimal(self, const uint8_t *data, Py_ssize_t whole):
        cdef Cursor cursor
        cdef int64_t size, scale
        start_at(&cursor, data, whole, NULL)
        if take_size(&cursor, &size) and 0 < size <= 8 and size * 3 <= self.digits:
            data = cursor.at
            cursor.at += size
            if take_long(&cursor, &scale) and cursor.at == cursor.end and -MAX_SCALE <= scale <= MAX_SCALE:
                return decimal(signed(data, size), scale)
        return None

    cdef bint number_of(self, object value, int64_t *number) except -1:
        cdef int64_t days
        if self.kind == TIME and PyTime_CheckExact(value) and time_tzinfo(value) is None:
            number[0] = (time_hour(value) * 60 + time_minute(value)) * 60 + time_second(value)
            number[0] = number[0] * 1000000 + time_microsecond(value)
            if number[0] % self.units == 0:
                number[0] //= self.units
                return True
        elif self.kind == TIMEDELTA and PyDelta_CheckExact(value):
            days = timedelta_days(value)
            if -MOST_DAYS <= days <= MOST_DAYS:
                number[0] = (days * 86400 + timedelta_seconds(value)) * 1000000 + timedelta_microseconds(value)
                return True
        return False

    cdef Py_ssize_t data_of(self, object value, uint8_t *out) except -1:
        cdef int64_t unscaled, scale
        cdef int count
        cdef Py_ssize_t size
        if self.kind == IDENTIFIER:
            return put_identifier(value, self.size, out)
        count = taken_apart(value, &unscaled, &scale)
        if count <= 0 or MOST_DIGITS > self.digits:
            return 0
        if self.kind == BIG_DECIMAL:
            if not -MAX_SCALE <= scale <= MAX_SCALE:
                return 0
            size = put_signed(out + 1, unscaled)
            store_long(out, size)  # of one byte
            return store_long(out + 1 + size, scale) - out
        scale = self.scale - scale
        if self.size or not 0 <= scale <= MOST_DIGITS - count:
            return 0
        unscaled *= POWERS[scale]
        return put_signed(out, unscaled) if -self.below < unscaled < self.below else 0


# ---- UUIDs -------------------------------------------------------------------------------------------------------

# Of its text, as RFC 9562 writes it, or of its sixteen bytes; None where they are none.
cdef object identifier(const uint8_t *data, Py_ssize_t size, bint is_text):
    cdef uint8_t[16] found
    cdef int at, high, low
    cdef int place = 0
    if size != (UUID_TEXT if is_text else 16):
        return None
    if is_text:
        if data[8] != c"-" or data[13] != c"-" or data[18] != c"-" or data[23] != c"-":
            return None
        for at in range(16):
            place += at == 4 or at == 6 or at == 8 or at == 10
            high, low = hex_of(data[place]), hex_of(data[place + 1])
            if high < 0 or low < 0:
                return None
            found[at] = <uint8_t>(high << 4 | low)
            place += 2
        data = found
    number = whole_of(data)
    made = allocated(<PyTypeObject *>UUID)
    # Past UUID.__setattr__, which refuses. Nothing has seen the object yet.
    set_slot(<PyObject *>made, AT_INT, Py_NewRef(<PyObject *>number))
    set_slot(<PyObject *>made, AT_SAFE, Py_NewRef(<PyObject *>_unknown))
    return made


# Its text, or its sixteen bytes for a fixed; returns how many they are, and 0 where the value is no UUID of this size.
cdef Py_ssize_t put_identifier(object value, Py_ssize_t size, uint8_t *out) except -1:
    cdef uint8_t[16] data
    cdef int at
    cdef int place = 0
    if type(value) is not UUID or (size and size != 16) or not put_whole(value.int, data):
        return 0
    if size:
        memcpy(out, data, 16)
        return 16
    for at in range(16):
        if at == 4 or at == 6 or at == 8 or at == 10:
            out[place] = c"-"
            place += 1
        out[place] = <uint8_t>HEX[data[at] >> 4]
        out[place + 1] = <uint8_t>HEX[data[at] & 15]
        place += 2
    return UUID_TEXT


# ---- decimals ----------------------------------------------------------------------------------------------------

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


def reading(node, digits, slow):
    """Return what makes the Python value of a logical type: the compiled way before the slow one, where there is one.

    Args:
        node: The node, which has a logical type.
        digits: How many digits a Decimal may have.
        slow: Makes it of any Avro value.
    """
    return Conversion(node, digits, slow).read if node.logical.name in KINDS else slow


def writing(node, digits, slow):
    """Return what makes the Avro value of a logical type; see `reading`."""
    return Conversion(node, digits, slow).write if node.logical.name in KINDS else slow
