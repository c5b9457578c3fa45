# The fast ways to write a leaf: for values of exactly one type, without a Python call. They answer False where they do
# not take a value, and where there is no memory; then put_odd does, or says why not.

from cpython.datetime cimport (
    PyDate_CheckExact, PyDateTime_CheckExact, date_day, date_month, date_year, datetime_day, datetime_hour,
    datetime_microsecond, datetime_minute, datetime_month, datetime_second, datetime_tzinfo, datetime_year, get_utc,
)
from cpython.object cimport PyObject
from libc.stdint cimport INT32_MAX, INT32_MIN, int64_t, uint8_t

from safecodec.avro._breathing cimport LARGE
from safecodec.avro._buffer cimport Buffer, put_byte, put_double, put_long, put_raw, put_run
from safecodec.avro._getting cimport READS_SLOTS
from safecodec.avro._times cimport days_of
from safecodec.avro._writing cimport (
    GET_KEYS, GET_SLOTS, PUT_BOOLEAN, PUT_BYTES, PUT_CONVERTED, PUT_DAY, PUT_DOUBLE, PUT_ENUM, PUT_FIXED, PUT_INSTANT,
    PUT_INT, PUT_LOCAL_INSTANT, PUT_LONG, PUT_NULL, PUT_STRING, Get, Give, Put, PutOp,
)

cdef extern from *:
    """
    static inline int safecodec_is_ascii(PyObject *value) {
        return PyUnicode_Check(value) && PyUnicode_IS_COMPACT_ASCII(value);
    }
    #define safecodec_borrowed_slot(object, offset) (*(PyObject **)((char *)(object) + (offset)))
    static inline PyObject *safecodec_borrowed_key(PyObject *dict, PyObject *key) {
        return PyDict_GetItemWithError(dict, key);
    }
    """
    PyObject *borrowed_slot "safecodec_borrowed_slot"(PyObject *source, Py_ssize_t offset) noexcept
    PyObject *borrowed_key "safecodec_borrowed_key"(PyObject *source, PyObject *key) except? NULL
    bint is_ascii_text "safecodec_is_ascii"(PyObject *value) noexcept

cdef extern from "Python.h":
    bint PyDict_Next(PyObject *, Py_ssize_t *, PyObject **, PyObject **) noexcept
    bint PyLong_CheckExact(PyObject *) noexcept
    bint PyFloat_CheckExact(PyObject *) noexcept
    bint PyBytes_CheckExact(PyObject *) noexcept
    long long PyLong_AsLongLongAndOverflow(PyObject *, int *) noexcept
    double PyFloat_AS_DOUBLE(PyObject *) noexcept
    char *PyBytes_AS_STRING(PyObject *) noexcept
    Py_ssize_t PyBytes_GET_SIZE(PyObject *) noexcept
    void *PyUnicode_DATA(PyObject *) noexcept
    Py_ssize_t PyUnicode_GET_LENGTH(PyObject *) noexcept
    PyObject *PyTuple_GET_ITEM(PyObject *, Py_ssize_t) noexcept
    Py_ssize_t PyTuple_GET_SIZE(PyObject *) noexcept
    PyObject *Py_None
    PyObject *Py_True
    PyObject *Py_False


# Whether a tuple has a class.
cdef inline bint has(PyObject *types, PyObject *cls) noexcept:
    cdef Py_ssize_t at
    for at in range(PyTuple_GET_SIZE(types)):
        if PyTuple_GET_ITEM(types, at) is cls:
            return True
    return False


cdef inline bint put_text(PyObject *value, Buffer *out) noexcept:
    return is_ascii_text(value) and PyUnicode_GET_LENGTH(value) < LARGE and put_run(
        out, <const uint8_t *>PyUnicode_DATA(value), PyUnicode_GET_LENGTH(value)
    )


cdef inline bint put_fast(const Put *step, PyObject *value, Buffer *out) noexcept:
    cdef PutOp op = step.op
    if op == PUT_STRING:
        return put_text(value, out)
    elif op == PUT_LONG or op == PUT_INT:
        return PyLong_CheckExact(value) and put_whole(op, value, out)
    elif op == PUT_DOUBLE:
        return PyFloat_CheckExact(value) and put_double(out, PyFloat_AS_DOUBLE(value))
    elif op == PUT_BOOLEAN:
        return (value is Py_True or value is Py_False) and put_byte(out, value is Py_True)
    elif op == PUT_NULL:
        return value is Py_None
    elif op == PUT_ENUM:
        return put_symbol(step, value, out)
    elif op == PUT_BYTES:
        return PyBytes_CheckExact(value) and PyBytes_GET_SIZE(value) < LARGE and put_run(
            out, <const uint8_t *>PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value)
        )
    elif op == PUT_FIXED:
        return PyBytes_CheckExact(value) and PyBytes_GET_SIZE(value) == step.count and put_raw(
            out, <const uint8_t *>PyBytes_AS_STRING(value), step.count
        )
    elif op == PUT_INSTANT or op == PUT_LOCAL_INSTANT:
        return PyDateTime_CheckExact(<object>value) and put_instant(step, <object>value, out)
    elif op == PUT_DAY:
        return PyDate_CheckExact(<object>value) and put_long(
            out, days_of(date_year(<object>value), date_month(<object>value), date_day(<object>value))
        )
    return False


# A field of a record, not owned: nothing may run before it is, so it takes a GIL. NULL where it is missing, or is got in
# another way. A dict mostly has its keys in the order of the fields: then the next one is found without a search, at
# `place`, which is -1 from the first one on that is not.
cdef inline PyObject *in_place(const Give *give, Get get, PyObject *source, Py_ssize_t *place) except? NULL:
    cdef PyObject *key
    cdef PyObject *value
    if not READS_SLOTS or give.name is NULL:
        return NULL
    if get == GET_SLOTS:
        return borrowed_slot(source, give.place)
    if get != GET_KEYS:
        return NULL
    if place[0] >= 0:
        if PyDict_Next(source, place, &key, &value) and key is give.name:
            return value
        place[0] = -1
    return borrowed_key(source, give.name)


# One that is a leaf, without owning it.
cdef inline bint put_in_place(const Give *give, PyObject *value, Buffer *out) noexcept:
    return not give.dropped and give.step.op < PUT_CONVERTED and put_fast(give.step, value, out)


cdef inline bint put_whole(PutOp op, PyObject *value, Buffer *out) noexcept:
    cdef int overflow = 0
    cdef int64_t number = PyLong_AsLongLongAndOverflow(value, &overflow)
    return not overflow and (op == PUT_LONG or INT32_MIN <= number <= INT32_MAX) and put_long(out, number)


# An enum's values are mostly few, and there is one object of each member; of equal texts there may be others.
cdef inline bint put_symbol(const Put *step, PyObject *value, Buffer *out) noexcept:
    cdef Py_ssize_t at
    for at in range(step.scanned):
        if PyTuple_GET_ITEM(step.symbols, at) is value:
            return put_long(out, step.indices[at])
    return False


cdef inline bint put_instant(const Put *step, object value, Buffer *out) noexcept:
    cdef int64_t seconds, micros, units
    if datetime_tzinfo(value) is not (get_utc() if step.op == PUT_INSTANT else None):
        return False
    seconds = days_of(datetime_year(value), datetime_month(value), datetime_day(value)) * 86400
    seconds += datetime_hour(value) * 3600 + datetime_minute(value) * 60 + datetime_second(value)
    micros = datetime_microsecond(value)
    units = step.count
    if units <= 1000000:
        if micros % (1000000 // units):
            return False
        return put_long(out, seconds * units + micros // (1000000 // units))
    if not -9223372036 < seconds < 9223372036:
        return False
    return put_long(out, seconds * units + micros * 1000)
