# The fast ways to write a leaf: for values of exactly one type, without a Python call. They answer False where they do
# not take a value, and where there is no memory; then put_odd does, or says why not.

from cpython.datetime cimport (
    PyDate_CheckExact, PyDateTime_CheckExact, date_day, date_month, date_year, datetime_day, datetime_hour,
    datetime_microsecond, datetime_minute, datetime_month, datetime_second, datetime_tzinfo, datetime_year, get_utc,
)
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_CheckExact
from libc.stdint cimport INT32_MAX, INT32_MIN, int64_t, uint8_t

from safecodec.avro._breathing cimport LARGE
from safecodec.avro._buffer cimport (
    Buffer, make_room, put_byte, put_double, put_long, put_raw, put_run, store_double,
)
from safecodec.avro._getting cimport READS_SLOTS
from safecodec.avro._times cimport days_of
from safecodec.avro._writing cimport (
    GET_KEYS, GET_SLOTS, PUT_BOOLEAN, PUT_BYTES, PUT_CONVERTED, PUT_DAY, PUT_DOUBLE, PUT_ENUM, PUT_FIXED, PUT_INSTANT,
    PUT_INT, PUT_INTO, PUT_LOCAL_INSTANT, PUT_LONG, PUT_NULL, PUT_OPTIONAL, PUT_STRING, RUN, RUN_BYTES,
    Get, Give, Put, PutOp,
)

cdef extern from *:
    """
    static inline int safecodec_is_ascii(PyObject *value) {
        return PyUnicode_Check(value) && PyUnicode_IS_COMPACT_ASCII(value);
    }
    /* A whole number of at most two digits, or whether it is one; CPython's own function does the others. */
    static inline int safecodec_short_whole(PyObject *value, int64_t *number) {
    #if PY_VERSION_HEX >= 0x030C0000
        if (!PyUnstable_Long_IsCompact((PyLongObject *)value)) return 0;
        *number = PyUnstable_Long_CompactValue((PyLongObject *)value);
        return 1;
    #else
        const digit *digits = ((PyLongObject *)value)->ob_digit;
        switch (Py_SIZE(value)) {
        case 0: *number = 0; return 1;
        case 1: *number = digits[0]; return 1;
        case -1: *number = -(int64_t)digits[0]; return 1;
        case 2: *number = (int64_t)digits[1] << PyLong_SHIFT | digits[0]; return 1;
        case -2: *number = -((int64_t)digits[1] << PyLong_SHIFT | digits[0]); return 1;
        default: return 0;
        }
    #endif
    }
    #define safecodec_borrowed_slot(object, offset) (*(PyObject **)((char *)(object) + (offset)))
    static inline PyObject *safecodec_borrowed_key(PyObject *dict, PyObject *key) {
        return PyDict_GetItemWithError(dict, key);
    }
    """
    bint short_whole "safecodec_short_whole"(PyObject *value, int64_t *number) noexcept
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
    PyObject *PyList_GET_ITEM(PyObject *, Py_ssize_t) noexcept
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
    return not give.dropped and put_leaf(give.step, value, out)


# A leaf, or an optional one. What is not taken leaves nothing behind.
cdef inline bint put_leaf(const Put *step, PyObject *value, Buffer *out) noexcept:
    cdef const Put *into
    cdef Py_ssize_t mark
    if step.op < PUT_CONVERTED:
        return put_fast(step, value, out)
    if step.op != PUT_OPTIONAL:
        return False
    if value is step.blank:
        into = step.other
    elif step.branches is NULL or not PyTuple_CheckExact(<object>value):
        into = step.inner
    else:
        return False  # it may name its branch
    if into.op != PUT_INTO or into.inner.op >= PUT_CONVERTED:
        return False
    mark = out.at - out.start
    if put_long(out, into.index) and put_fast(into.inner, value, out):
        return True
    out.at = out.start + mark
    return False


# Items of a list from a place on, as long as they are leaves that take bytes, and no more than `RUN`; returns the place of
# the first other. No Python code runs meanwhile, so that nothing changes the list.
cdef inline Py_ssize_t put_leaves(const Put *step, PyObject *items, Py_ssize_t at, Py_ssize_t end, Buffer *out) noexcept:
    cdef PutOp op = step.op
    cdef Py_ssize_t mark
    if end - at > RUN:
        end = at + RUN
    if op == PUT_DOUBLE:
        if not make_room(out, 8 * (end - at)):
            return at
        while at < end and PyFloat_CheckExact(PyList_GET_ITEM(items, at)):
            out.at = store_double(out.at, PyFloat_AS_DOUBLE(PyList_GET_ITEM(items, at)))
            at += 1
    elif op == PUT_LONG or op == PUT_INT:
        while at < end and PyLong_CheckExact(PyList_GET_ITEM(items, at)) and put_whole(op, PyList_GET_ITEM(items, at), out):
            at += 1
    elif op == PUT_STRING:
        mark = out.at - out.start
        while at < end and out.at - out.start - mark < RUN_BYTES and put_text(PyList_GET_ITEM(items, at), out):
            at += 1
    elif op == PUT_BOOLEAN or op == PUT_OPTIONAL or op == PUT_ENUM:
        while at < end and put_leaf(step, PyList_GET_ITEM(items, at), out):
            at += 1
    return at


cdef inline bint put_whole(PutOp op, PyObject *value, Buffer *out) noexcept:
    cdef int overflow = 0
    cdef int64_t number
    if not short_whole(value, &number):
        number = PyLong_AsLongLongAndOverflow(value, &overflow)
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
