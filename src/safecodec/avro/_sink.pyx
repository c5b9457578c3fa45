"""What an encoder's fast ways do not take: odd values are written here, and wrong ones refused, with where they are."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_AsUTF8String, PyUnicode_GET_LENGTH
from libc.stdint cimport uint8_t

from safecodec.avro._breathing cimport LARGE
from safecodec.avro._buffer cimport put_double, put_float, put_long, put_raw, put_run
from safecodec.avro._leaves cimport ascii_length, ascii_start, is_ascii_text
from safecodec.avro._large cimport put_large, put_large_text
from safecodec.avro._writing cimport (
    PUT_ARRAY, PUT_BOOLEAN, PUT_BYTES, PUT_DAY, PUT_DOUBLE, PUT_ENUM, PUT_FIXED, PUT_FLOAT, PUT_INSTANT, PUT_INT,
    PUT_LOCAL_INSTANT, PUT_LONG, PUT_MAP, PUT_NULL, PUT_STRING, PutOp,
)

import math

from safecodec.avro.describing import describe, listed, short
from safecodec.avro.floats import FLOAT_MAX as _FLOAT_MAX
from safecodec.avro.floats import is_exact
from safecodec.errors import EncodeError, ValueTooLargeError


cdef str path_of(const Sink *sink):
    cdef const Spot *spot
    cdef int level
    cdef str path = "$"
    for level in range(sink.depth):
        spot = &sink.spots[level]
        if spot.step.op == PUT_MAP:
            if spot.key is not NULL:
                path += f"[{short(<object>spot.key)}]"
        elif spot.part >= 0:
            if spot.step.op == PUT_ARRAY:
                path += f"[{spot.part}]"
            else:
                path += f".{<object>spot.step.gives[spot.part].label}"
    return path


cdef object refusal(const Sink *sink, str reason):
    return EncodeError(reason, path=path_of(sink))


cdef object wrong(const Sink *sink, const Put *step, object value):
    return refusal(sink, f"{<object>step.wanted} is expected, this is {type(value).__name__} {short(value)}")


cdef object no_room(const Sink *sink):
    if not sink.out.refused:
        return MemoryError()
    return ValueTooLargeError(
        found=sink.out.refused - sink.out.reserved, limit=sink.out.limit, path=path_of(sink), stopped=True
    )


cdef object unconverted(const Sink *sink, error):
    reason, path = describe(error)
    return EncodeError(reason, path=path_of(sink) + path.removeprefix("$"))


cdef int put_odd(const Put *step, object value, Sink *sink) except -1:
    cdef PutOp op = step.op
    cdef bint done
    if op == PUT_STRING:
        done = put_text(step, value, sink)
    elif op == PUT_BYTES or op == PUT_FIXED:
        done = put_buffer(step, value, sink)
    elif op == PUT_DOUBLE or op == PUT_FLOAT:
        done = put_number(step, value, sink)
    elif op == PUT_ENUM:
        done = put_named(step, value, sink)
    elif op == PUT_INSTANT or op == PUT_LOCAL_INSTANT or op == PUT_DAY:
        try:
            number = (<object>step.convert)(value)
        except (ValueError, TypeError) as error:
            raise unconverted(sink, error) from error
        done = put_long(sink.out, number)
    elif (op == PUT_LONG or op == PUT_INT) and type(value) is int:
        bits = 63 if op == PUT_LONG else 31
        if not -(2**bits) <= value < 2**bits:
            raise refusal(sink, f"{short(value)} is beyond the range of {'long' if op == PUT_LONG else 'int'}")
        done = put_long(sink.out, value)
    elif op == PUT_BOOLEAN and isinstance(value, bool) or op == PUT_NULL and value is None:
        done = False  # a fast leaf that found no room
    else:
        raise wrong(sink, step, value)
    if not done:
        raise no_room(sink)
    return 0


cdef bint put_text(const Put *step, object value, Sink *sink) except -1:
    if not isinstance(value, str):
        raise wrong(sink, step, value)
    try:
        if PyUnicode_GET_LENGTH(value) >= LARGE and sink.breath.breather is not NULL:
            return put_large_text(value, sink.out)
        if is_ascii_text(<PyObject *>value):
            return put_run(sink.out, ascii_start(<PyObject *>value), ascii_length(<PyObject *>value))
        data = PyUnicode_AsUTF8String(value)
    except UnicodeEncodeError as error:
        raise refusal(sink, f"the text has no UTF-8 form: {error.reason} at {error.start}") from None
    return put_run(sink.out, <const uint8_t *>PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data))


cdef bint put_buffer(const Put *step, object value, Sink *sink) except -1:
    cdef Py_buffer view
    cdef bint done
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise wrong(sink, step, value)
    try:
        PyObject_GetBuffer(value, &view, PyBUF_SIMPLE)
    except BufferError as error:
        raise refusal(sink, f"the bytes are no C-contiguous buffer: {error}") from error
    try:
        if step.op == PUT_BYTES and view.len >= LARGE and sink.breath.breather is not NULL:
            return put_large(<const uint8_t *>view.buf, view.len, sink.out)
        if step.op == PUT_BYTES:
            return put_run(sink.out, <const uint8_t *>view.buf, view.len)
        if view.len != step.count:
            raise wrong(sink, step, value)
        return put_raw(sink.out, <const uint8_t *>view.buf, view.len)
    finally:
        PyBuffer_Release(&view)


cdef bint put_number(const Put *step, object value, Sink *sink) except -1:
    if type(value) is not float and type(value) is not int:
        raise wrong(sink, step, value)
    try:
        number = float(value)
    except OverflowError:
        number = math.nan
    if number != value and value == value:
        raise refusal(sink, f"{short(value)} has no exact {'double' if step.op == PUT_DOUBLE else 'float'}")
    if step.op == PUT_DOUBLE:
        return put_double(sink.out, number)
    if type(value) is int and not is_exact("float", value):
        raise refusal(sink, f"{short(value)} has no exact float")
    if _FLOAT_MAX <= abs(number) < math.inf:
        raise refusal(sink, f"{value} is beyond the range of float")
    return put_float(sink.out, <float>number)


cdef bint put_named(const Put *step, object value, Sink *sink) except -1:
    index = None
    if step.by_text is not NULL and isinstance(value, str):
        index = (<dict><object>step.by_text).get(value)
    else:
        known = (<dict><object>step.by_value).get(type(value))
        index = None if known is None else known.get(value)
    if index is None:
        names = []
        for one in <tuple><object>step.symbols:
            names.append(getattr(one, "value", one))
        raise refusal(sink, f"{short(value)} is none of the symbols {listed(names)}")
    return put_long(sink.out, index)
