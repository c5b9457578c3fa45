# The fast ways to write a leaf: for values of exactly one type, without a Python call. They answer False where they do
# not take a value, and where there is no memory; then put_odd does, or says why not.

from cpython.datetime cimport (
    PyDate_CheckExact, PyDateTime_CheckExact, date_day, date_month, date_year, datetime_day, datetime_hour,
    datetime_microsecond, datetime_minute, datetime_month, datetime_second, datetime_tzinfo, datetime_year, get_utc,
)
from cpython.object cimport PyObject, Py_TYPE
from cpython.tuple cimport PyTuple_CheckExact
from libc.stdint cimport INT32_MAX, INT32_MIN, int64_t, uint8_t

from safecodec.avro._breathing cimport LARGE
from safecodec.avro._buffer cimport Buffer, make_room, store_double, store_long
from safecodec.avro._cursor cimport LONGEST_LONG, copy_short
from safecodec.avro._getting cimport READS_SLOTS
from safecodec.avro._times cimport days_of
from safecodec.avro._utf8 cimport size_utf8, write_utf8
from safecodec.avro._writing cimport (
    GET_INDEX, GET_KEYS, GET_SLOTS, PUT_BOOLEAN, PUT_BYTES, PUT_CONVERTED, PUT_DAY, PUT_DOUBLE, PUT_ENUM, PUT_FIXED,
    PUT_INSTANT, PUT_INT, PUT_INTO, PUT_LOCAL_INSTANT, PUT_LONG, PUT_NULL, PUT_OPTIONAL, PUT_STRING, PUT_UNION, RUN,
    RUN_BYTES, Get, Give, Put, PutOp,
)

cdef extern from *:
    """
    static inline int safecodec_is_ascii(PyObject *value) {
        return PyUnicode_Check(value) && ((PyASCIIObject *)value)->state.compact && ((PyASCIIObject *)value)->state.ascii;
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
    /* Of a text that is_ascii says is one. */
    #define safecodec_ascii_length(text) (((PyASCIIObject *)(text))->length)
    #define safecodec_ascii_start(text) ((const uint8_t *)((PyASCIIObject *)(text) + 1))
    #define safecodec_borrowed_slot(object, offset) (*(PyObject **)((char *)(object) + (offset)))
    static inline PyObject *safecodec_borrowed_key(PyObject *dict, PyObject *key) {
        return PyDict_GetItemWithError(dict, key);
    }
    """
    bint short_whole "safecodec_short_whole"(PyObject *value, int64_t *number) noexcept
    PyObject *borrowed_slot "safecodec_borrowed_slot"(PyObject *source, Py_ssize_t offset) noexcept
    PyObject *borrowed_key "safecodec_borrowed_key"(PyObject *source, PyObject *key) except? NULL
    bint is_ascii_text "safecodec_is_ascii"(PyObject *value) noexcept
    Py_ssize_t ascii_length "safecodec_ascii_length"(PyObject *text) noexcept
    const uint8_t *ascii_start "safecodec_ascii_start"(PyObject *text) noexcept

cdef extern from "Python.h":
    bint PyDict_Next(PyObject *, Py_ssize_t *, PyObject **, PyObject **) noexcept
    bint PyLong_CheckExact(PyObject *) noexcept
    bint PyFloat_CheckExact(PyObject *) noexcept
    bint PyBytes_CheckExact(PyObject *) noexcept
    long long PyLong_AsLongLongAndOverflow(PyObject *, int *) noexcept
    double PyFloat_AS_DOUBLE(PyObject *) noexcept
    char *PyBytes_AS_STRING(PyObject *) noexcept
    Py_ssize_t PyBytes_GET_SIZE(PyObject *) noexcept
    bint is_text "PyUnicode_Check"(PyObject *) noexcept
    void *PyUnicode_DATA(PyObject *) noexcept
    int PyUnicode_KIND(PyObject *) noexcept
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


# ---- one value at a place in the buffer ---------------------------------------------------------------------------
#
# These return the place behind the bytes that they store, or NULL where a value is no leaf of the step, or does not fit
# before the buffer's end; then nothing is stored. The place is no field of the buffer, and stays in a register.

cdef inline uint8_t *store_run(const uint8_t *data, Py_ssize_t size, uint8_t *at, const uint8_t *end) noexcept:
    if size >= LARGE or end - at < size + LONGEST_LONG:
        return NULL
    at = store_long(at, size)
    copy_short(at, data, size)
    return at + size


cdef inline uint8_t *store_text(PyObject *value, uint8_t *at, const uint8_t *end) noexcept:
    cdef Py_ssize_t length, size
    if is_ascii_text(value):
        return store_run(ascii_start(value), ascii_length(value), at, end)
    if not is_text(value):
        return NULL
    length = PyUnicode_GET_LENGTH(value)
    if length >= LARGE // 4 or end - at < length:
        return NULL
    size = size_utf8(PyUnicode_KIND(value), PyUnicode_DATA(value), length)
    if size < 0 or end - at < size + LONGEST_LONG:
        return NULL
    at = store_long(at, size)
    write_utf8(PyUnicode_KIND(value), PyUnicode_DATA(value), length, at)
    return at + size


cdef inline uint8_t *store_whole(PutOp op, PyObject *value, uint8_t *at) noexcept:
    cdef int overflow = 0
    cdef int64_t number
    if not PyLong_CheckExact(value):
        return NULL
    if not short_whole(value, &number):
        number = PyLong_AsLongLongAndOverflow(value, &overflow)
    if overflow or (op == PUT_INT and not INT32_MIN <= number <= INT32_MAX):
        return NULL
    return store_long(at, number)


cdef inline uint8_t *store_leaf(const Put *step, PyObject *value, uint8_t *at, const uint8_t *end) noexcept:
    cdef PutOp op = step.op
    cdef int64_t number
    if op == PUT_STRING:
        return store_text(value, at, end)
    elif end - at < LONGEST_LONG:
        return NULL
    elif op == PUT_LONG or op == PUT_INT:
        return store_whole(op, value, at)
    elif op == PUT_DOUBLE:
        return store_double(at, PyFloat_AS_DOUBLE(value)) if PyFloat_CheckExact(value) else NULL
    elif op == PUT_BOOLEAN:
        if value is not Py_True and value is not Py_False:
            return NULL
        at[0] = value is Py_True
        return at + 1
    elif op == PUT_NULL:
        return at if value is Py_None else NULL
    elif op == PUT_ENUM:
        return store_symbol(step, value, at)
    elif op == PUT_BYTES:
        if not PyBytes_CheckExact(value):
            return NULL
        return store_run(<const uint8_t *>PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value), at, end)
    elif op == PUT_FIXED:
        if not PyBytes_CheckExact(value) or PyBytes_GET_SIZE(value) != step.count or end - at < step.count:
            return NULL
        copy_short(at, <const uint8_t *>PyBytes_AS_STRING(value), step.count)
        return at + step.count
    elif op == PUT_INSTANT or op == PUT_LOCAL_INSTANT:
        if PyDateTime_CheckExact(<object>value) and units_of(step, <object>value, &number):
            return store_long(at, number)
    elif op == PUT_DAY:
        if PyDate_CheckExact(<object>value):
            return store_long(at, days_of(date_year(<object>value), date_month(<object>value), date_day(<object>value)))
    return NULL


# A leaf, or one of a union whose branch its type alone tells.
cdef inline uint8_t *store_optional(const Put *step, PyObject *value, uint8_t *at, const uint8_t *end) noexcept:
    cdef const Put *into
    if step.op < PUT_CONVERTED:
        return store_leaf(step, value, at, end)
    if step.op == PUT_OPTIONAL and value is step.blank:
        into = step.other
    elif PyTuple_CheckExact(<object>value):
        return NULL  # it may name its branch
    elif step.op == PUT_OPTIONAL:
        into = step.inner
    elif step.op == PUT_UNION:
        into = branch_of(step, <PyObject *>Py_TYPE(<object>value))
    else:
        return NULL
    if into is NULL or into.op != PUT_INTO or into.inner.op >= PUT_CONVERTED or end - at < LONGEST_LONG:
        return NULL
    return store_leaf(into.inner, value, store_long(at, into.index), end)


# The first branch that takes a type which no other takes, or NULL.
cdef inline const Put *branch_of(const Put *step, PyObject *cls) noexcept:
    cdef Py_ssize_t at
    for at in range(step.count):
        if has(step.branches[at].types, cls):
            return step.branches[at].step
    return NULL


# ---- one value behind what is in the buffer, which grows for it ---------------------------------------------------

# Room for a leaf of fixed size, or for a text or bytes.
cdef inline bint make_room_for(const Put *step, PyObject *value, Buffer *out) noexcept:
    cdef Py_ssize_t size = 0
    if step.op == PUT_STRING and is_ascii_text(value):
        size = ascii_length(value)
    elif step.op == PUT_BYTES and PyBytes_CheckExact(value):
        size = PyBytes_GET_SIZE(value)
    elif step.op == PUT_FIXED:
        size = step.count
    return size < LARGE and make_room(out, size + LONGEST_LONG)


cdef inline bint put_fast(const Put *step, PyObject *value, Buffer *out) noexcept:
    cdef uint8_t *after = store_leaf(step, value, out.at, out.end)
    if after is NULL and make_room_for(step, value, out):
        after = store_leaf(step, value, out.at, out.end)
    if after is NULL:
        return False
    out.at = after
    return True


cdef inline bint put_text(PyObject *value, Buffer *out) noexcept:
    cdef uint8_t *after = store_text(value, out.at, out.end)
    if after is NULL and is_ascii_text(value) and ascii_length(value) < LARGE:
        if make_room(out, ascii_length(value) + LONGEST_LONG):
            after = store_text(value, out.at, out.end)
    if after is NULL:
        return False
    out.at = after
    return True


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
    if get == GET_INDEX:
        return PyTuple_GET_ITEM(source, give.place)
    if get != GET_KEYS:
        return NULL
    if place[0] >= 0:
        if PyDict_Next(source, place, &key, &value) and key is give.name:
            return value
        place[0] = -1
    return borrowed_key(source, give.name)


# Items of a list from a place on, as long as they are leaves that take bytes, no more than `RUN`, and for as long as there
# is room; returns the place of the first other. No Python code runs meanwhile, so that nothing changes the list.
cdef inline Py_ssize_t put_leaves(const Put *step, PyObject *items, Py_ssize_t at, Py_ssize_t end, Buffer *out) noexcept:
    cdef PutOp op = step.op
    cdef uint8_t *place = out.at
    cdef uint8_t *after
    cdef const uint8_t *limit = out.end
    if end - at > RUN:
        end = at + RUN
    if limit - place > RUN_BYTES:
        limit = place + RUN_BYTES
    if op == PUT_DOUBLE:
        while at < end and limit - place >= 8 and PyFloat_CheckExact(PyList_GET_ITEM(items, at)):
            place = store_double(place, PyFloat_AS_DOUBLE(PyList_GET_ITEM(items, at)))
            at += 1
    elif op == PUT_LONG:
        while at < end and limit - place >= LONGEST_LONG:
            after = store_whole(PUT_LONG, PyList_GET_ITEM(items, at), place)
            if after is NULL:
                break
            place = after
            at += 1
    elif op == PUT_STRING:
        while at < end:
            after = store_text(PyList_GET_ITEM(items, at), place, limit)
            if after is NULL:
                break
            place = after
            at += 1
    elif op != PUT_NULL and op != PUT_FIXED:
        while at < end:
            after = store_optional(step, PyList_GET_ITEM(items, at), place, limit)
            if after is NULL:
                break
            place = after
            at += 1
    out.at = place
    return at


# An enum's values are mostly few, and there is one object of each member; of equal texts there may be others.
cdef inline uint8_t *store_symbol(const Put *step, PyObject *value, uint8_t *at) noexcept:
    cdef Py_ssize_t place
    for place in range(step.scanned):
        if PyTuple_GET_ITEM(step.symbols, place) is value:
            return store_long(at, step.indices[place])
    return NULL


# The units since 1970 of a datetime that has the step's zone and no part of a unit.
cdef inline bint units_of(const Put *step, object value, int64_t *number) noexcept:
    cdef int64_t seconds, micros, units
    if datetime_tzinfo(value) is not (get_utc() if step.op == PUT_INSTANT else None):
        return False
    seconds = days_of(datetime_year(value), datetime_month(value), datetime_day(value)) * 86400
    seconds += datetime_hour(value) * 3600 + datetime_minute(value) * 60 + datetime_second(value)
    micros = datetime_microsecond(value)
    units = step.count
    if units == 1000000:
        number[0] = seconds * 1000000 + micros
        return True
    if units == 1000:
        number[0] = seconds * 1000 + micros // 1000
        return micros % 1000 == 0
    number[0] = seconds * 1000000000 + micros * 1000 if -9223372036 < seconds < 9223372036 else 0
    return -9223372036 < seconds < 9223372036
