"""Avro payloads to plain values, in one pass along a resolved tree that was compiled once.

Every length, index and number is checked where it is read, in what is kept and in what is skipped alike.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_SetItem
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from cpython.unicode cimport PyUnicode_1BYTE_DATA, PyUnicode_DecodeUTF8, PyUnicode_New
from libc.stdint cimport INT32_MAX, INT32_MIN, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from safecodec.avro._cursor cimport CUT_OFF, MAX_DEPTH, TAKEN, Cursor, Status, is_ascii, take_little, take_long
from safecodec.avro._plan cimport (
    ARRAY, BOOLEAN, BYTES, DOUBLE, ENUM, FIXED, FLOAT, INT, LONG, MAP, NOTHING, RECORD, STRING, UNION, Kind, Step,
    compile_action, compile_node,
)

from safecodec.errors import InputTypeError, PayloadError

cdef extern from "Python.h":
    object PyObject_Call(object callable, object arguments, PyObject *keywords)

cdef enum:
    MOST_EMPTY_ITEMS = 10_000

MAX_EMPTY_ITEMS = MOST_EMPTY_ITEMS
"""How many items without a byte (nulls, empty records) a payload may have, all its collections together."""
MAX_NESTING = MAX_DEPTH
"""How deep records, arrays and maps may stand in each other."""


@cython.final
cdef class Plan:
    """Reads payloads of one schema as plain values of another. Immutable, safe to share between threads.

    Args:
        action: The resolved tree.
        typed: Whether msgspec makes objects of the values, see `shaped`.
        classes: By the id of a record's resolution, the class to call with all its fields in the reader's order.
    """

    cdef Step _root

    def __cinit__(self, action, *, bint typed=False, dict classes=None):
        self._root = compile_action(action, typed, {}, {} if classes is None else classes)

    def decode(self, payload, *, bint prefix=False):
        """Read a payload.

        Args:
            payload: A C-contiguous buffer; it is read where it is.
            prefix: Whether bytes may be left over.

        Raises:
            InputTypeError: The payload is no C-contiguous buffer of bytes.
            PayloadError: The bytes are no value of the writer's schema, are more than one, or stand for no value of
                the reader's.
        """
        return run(self._root, payload, prefix, True)


@cython.final
cdef class Walk:
    """Goes over payloads of a schema with all checks and builds nothing.

    Args:
        root: The root of the schema.
    """

    cdef Step _root

    def __cinit__(self, root):
        self._root = compile_node(root, {})

    def check(self, payload, *, bint prefix=False):
        """Raise `PayloadError` where a payload is no value of the schema, or has bytes left over (not for a prefix)."""
        run(self._root, payload, prefix, False)


cdef object run(Step root, object payload, bint prefix, bint build):
    cdef Cursor cursor
    cdef Py_buffer view
    try:
        PyObject_GetBuffer(payload, &view, PyBUF_SIMPLE)
    except (TypeError, ValueError, BufferError) as error:
        found = type(payload).__name__
        raise InputTypeError(
            f"a payload is a C-contiguous buffer of bytes, this is {found}: {error}", found=found
        ) from None
    cursor.data = <const uint8_t *>view.buf
    cursor.size = view.len
    cursor.at = cursor.empty_items = 0
    cursor.depth = 0
    try:
        value = take(root, &cursor, build)
    finally:
        PyBuffer_Release(&view)
    if cursor.at != cursor.size and not prefix:
        raise PayloadError(f"{cursor.size - cursor.at} bytes are left over behind the value", path="$")
    return value


# ---- reading -----------------------------------------------------------------------------------------------------

cdef object take(Step step, Cursor *cursor, bint build):
    cdef Py_ssize_t start = cursor.at
    cdef int64_t number
    cdef object value
    if step.kind == NOTHING:
        value = None
    elif step.kind == LONG or step.kind == INT:
        number = take_number(cursor)
        if step.kind == INT and not INT32_MIN <= number <= INT32_MAX:
            raise refusal(cursor, f"the number {number} has more than 32 bits", start)
        value = number if build else None
    elif step.kind == STRING or step.kind == BYTES:
        value = take_run(cursor, step.kind, build)
    elif step.kind <= DOUBLE:
        value = take_wide(cursor, step.kind, build)
    elif step.kind == FIXED:
        claim(cursor, step.count, cursor.at)
        value = PyBytes_FromStringAndSize(<const char *>cursor.data + cursor.at, step.count) if build else None
        cursor.at += step.count
    elif step.kind == ENUM:
        value = step.symbols[take_index(cursor, step.count, "enum")]
    elif step.kind == UNION:
        return take(<Step>step.parts[take_index(cursor, step.count, "union")], cursor, build)
    else:
        value = take_nested(step, cursor, build)
    if build and step.finish is not None:
        return finished(step, cursor, value)
    return value


cdef object take_nested(Step step, Cursor *cursor, bint build):
    if cursor.depth == MAX_DEPTH:
        raise refusal(cursor, f"the value nests too deep, the limit is {MAX_DEPTH} levels", cursor.at)
    cursor.steps[cursor.depth] = <void *>step
    cursor.keys[cursor.depth] = NULL
    cursor.parts[cursor.depth] = -1
    cursor.depth += 1
    if step.kind == RECORD:
        value = take_fields(step, cursor, build)
    else:
        value = take_blocks(step, cursor, build)
    cursor.depth -= 1
    return value


cdef object finished(Step step, Cursor *cursor, object value):
    try:
        return step.finish(value)
    except ValueError as error:
        raise PayloadError(str(error), path=path_of(cursor)) from None


cdef int64_t take_number(Cursor *cursor) except? -1:
    cdef int64_t number = 0
    cdef Status status = take_long(cursor, &number)
    if status != TAKEN:
        reason = "a number is cut off" if status == CUT_OFF else "a number has more than 64 bits"
        raise refusal(cursor, reason, cursor.at)
    return number


cdef Py_ssize_t take_index(Cursor *cursor, Py_ssize_t count, str kind) except -1:
    cdef Py_ssize_t start = cursor.at
    cdef int64_t index = take_number(cursor)
    if not 0 <= index < count:
        raise refusal(cursor, f"the index {index} is none of the {kind}'s {count}", start)
    return <Py_ssize_t>index


cdef int claim(Cursor *cursor, int64_t count, Py_ssize_t start) except -1:
    if not 0 <= count <= cursor.size - cursor.at:
        raise refusal(cursor, f"{count} bytes are announced and {cursor.size - cursor.at} follow", start)
    return 0


cdef object take_run(Cursor *cursor, Kind kind, bint build):
    cdef int64_t count = take_number(cursor)
    cdef Py_ssize_t start = cursor.at
    claim(cursor, count, start)
    cursor.at += <Py_ssize_t>count
    if kind == BYTES:
        return PyBytes_FromStringAndSize(<const char *>cursor.data + start, <Py_ssize_t>count) if build else None
    if is_ascii(cursor.data + start, <Py_ssize_t>count):
        if not build:
            return None
        text = PyUnicode_New(<Py_ssize_t>count, 127)
        memcpy(PyUnicode_1BYTE_DATA(text), cursor.data + start, <size_t>count)
        return text
    try:
        return PyUnicode_DecodeUTF8(<const char *>cursor.data + start, <Py_ssize_t>count, NULL)
    except UnicodeDecodeError as error:
        raise refusal(cursor, "the string is not UTF-8", start + error.start) from None


cdef object take_wide(Cursor *cursor, Kind kind, bint build):
    cdef int width = 1 if kind == BOOLEAN else 4 if kind == FLOAT else 8
    cdef uint64_t bits
    cdef uint32_t short_bits
    cdef float single
    cdef double number
    claim(cursor, width, cursor.at)
    bits = take_little(cursor, width)
    if kind == BOOLEAN:
        if bits > 1:
            raise refusal(cursor, f"the boolean is 0x{bits:02x}, not 0 or 1", cursor.at - 1)
        return bits == 1
    if not build:
        return None
    if kind == FLOAT:
        short_bits = <uint32_t>bits
        memcpy(&single, &short_bits, 4)
        return <double>single
    memcpy(&number, &bits, 8)
    return number


cdef object take_fields(Step step, Cursor *cursor, bint build):
    cdef dict fields
    cdef Py_ssize_t level = cursor.depth - 1
    cdef Py_ssize_t at, start
    if build and step.made is not None:
        return take_object(step, cursor)
    fields = {} if build else None
    for at in range(step.count):
        cursor.parts[level] = at
        start = cursor.at
        if not build or step.names[at] is None:
            take(<Step>step.parts[at], cursor, False)
        else:
            PyDict_SetItem(fields, step.names[at], take(<Step>step.parts[at], cursor, True))
        if build and step.again is not None:
            take_again(step, cursor, fields, at, start)
    cursor.parts[level] = -1
    return fields


# The same bytes for the other fields of the reader that take them.
cdef int take_again(Step step, Cursor *cursor, dict fields, Py_ssize_t at, Py_ssize_t start) except -1:
    for field, other, name in step.again:
        if field == at:
            cursor.at = start
            fields[name] = take(<Step>other, cursor, True)
    return 0


cdef object take_object(Step step, Cursor *cursor):
    cdef tuple arguments = PyTuple_New(step.count)
    cdef Py_ssize_t level = cursor.depth - 1
    cdef Py_ssize_t at
    for at in range(step.count):
        cursor.parts[level] = at
        value = take(<Step>step.parts[at], cursor, True)
        Py_INCREF(value)  # which the tuple takes over
        PyTuple_SET_ITEM(arguments, <Py_ssize_t>step.places[at], value)
    cursor.parts[level] = -1
    return PyObject_Call(step.made, arguments, NULL)


cdef object take_blocks(Step step, Cursor *cursor, bint build):
    cdef list items = [] if build and step.kind == ARRAY else None
    cdef dict values = {} if build and step.kind == MAP else None
    cdef Py_ssize_t level = cursor.depth - 1
    cdef Py_ssize_t start, begin, before
    cdef Py_ssize_t part = 0
    cdef int64_t count, stated
    cdef uint64_t left
    cdef object key = None
    while True:
        start = cursor.at
        count = take_number(cursor)
        if count == 0:
            break
        stated = -1
        left = <uint64_t>count
        if count < 0:
            left = -left
            stated = take_number(cursor)
            claim(cursor, stated, start)
        begin = cursor.at
        while left:
            left -= 1
            before = cursor.at
            if step.kind == MAP:
                key = take_run(cursor, STRING, True)
                cursor.keys[level] = <void *>key
            cursor.parts[level] = part
            part += 1
            value = take(step.inner, cursor, build)
            cursor.parts[level] = -1
            cursor.keys[level] = NULL
            if cursor.at == before:
                cursor.empty_items += 1
                if cursor.empty_items > MOST_EMPTY_ITEMS:
                    raise refusal(cursor, f"there are more than {MOST_EMPTY_ITEMS} items without a byte", start)
            if items is not None:
                items.append(value)
            elif values is not None:
                values[key] = value
        if stated >= 0 and cursor.at - begin != stated:
            raise refusal(cursor, f"a block has {cursor.at - begin} bytes and says {stated}", start)
    return values if items is None else items


# ---- refusing ----------------------------------------------------------------------------------------------------

cdef object refusal(Cursor *cursor, str reason, Py_ssize_t at):
    return PayloadError(f"{reason}, at byte {at} of the payload", path=path_of(cursor))


cdef str path_of(Cursor *cursor):
    cdef Step step
    cdef int level
    cdef str path = "$"
    for level in range(cursor.depth):
        step = <Step>cursor.steps[level]
        if step.kind == RECORD:
            if cursor.parts[level] >= 0:
                path += f".{step.labels[cursor.parts[level]]}"
        elif step.kind == MAP and cursor.keys[level] is not NULL:
            path += f"[{<object>cursor.keys[level]!r}]"
        elif step.kind == ARRAY and cursor.parts[level] >= 0:
            path += f"[{cursor.parts[level]}]"
    return path
