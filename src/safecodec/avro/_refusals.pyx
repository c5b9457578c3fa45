"""What the decoder refuses, in words: the limit or the rule, what was found, and where."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint64_t

from safecodec.avro._cursor cimport (
    ANNOUNCED, CUT_OFF, EMPTY_ITEMS, ITEMS_ANNOUNCED, NO_BOOLEAN, NO_BRANCH, NO_SYMBOL, NO_UTF_8, TOO_DEEP,
    TOO_LARGE, TOO_LONG, TOO_WIDE, Cursor, Fault,
)
from safecodec.avro._plan cimport ARRAY, MAP, Step

from safecodec.avro.describing import describe, short
from safecodec.errors import PayloadError

# Bytes of a key that its text in a path is made of; as characters they are more than it has.
cdef Py_ssize_t LONGEST_KEY = 256


cdef object refusal(const Cursor *cursor):
    reason = reason_of(cursor)
    return PayloadError(f"{reason}, at byte {cursor.fault_at - cursor.start} of the payload", path=path_of(cursor))


cdef str reason_of(const Cursor *cursor):
    cdef Fault fault = cursor.fault
    found, wanted = cursor.found, cursor.wanted
    if fault == CUT_OFF:
        return "a number is cut off"
    if fault == TOO_LONG:
        return "a number has more than 64 bits"
    if fault == TOO_WIDE:
        return f"the number {found} has more than {wanted} bits"
    if fault == NO_SYMBOL or fault == NO_BRANCH:
        return f"the index {found} is none of the {'enum' if fault == NO_SYMBOL else 'union'}'s {wanted}"
    if fault == ANNOUNCED:
        return f"{found} bytes are announced and {wanted} follow"
    if fault == NO_BOOLEAN:
        return f"the boolean is 0x{found:02x}, not 0 or 1"
    if fault == NO_UTF_8:
        return "the string is not UTF-8"
    if fault == TOO_DEEP:
        return f"the value nests too deep, the limit depth is {wanted} levels"
    if fault == ITEMS_ANNOUNCED:
        return f"{<uint64_t>cursor.found} items are announced and {wanted} bytes follow"
    if fault == EMPTY_ITEMS:
        return f"{<uint64_t>cursor.found} items without a byte are announced, the limit empty_items leaves {wanted}"
    if fault == TOO_LARGE:
        return f"the records take more memory than the limit expansion allows, {wanted} bytes for a byte of payload"
    return f"a block has {found} bytes and says {wanted}"


cdef object lost(const Cursor *cursor, str reason):
    return PayloadError(reason, path=path_of(cursor))


cdef object unfinished(const Cursor *cursor, error):
    reason, path = describe(error)
    return PayloadError(reason, path=path_of(cursor) + path.removeprefix("$"))


cdef str path_of(const Cursor *cursor):
    cdef const Step *step
    cdef int level
    cdef str path = "$"
    for level in range(cursor.depth):
        step = <const Step *>cursor.levels[level].step
        if step.op == MAP:
            if cursor.levels[level].key is not NULL:
                key = PyBytes_FromStringAndSize(
                    <const char *>cursor.levels[level].key, min(cursor.levels[level].key_size, LONGEST_KEY)
                )
                path += f"[{short(key.decode('utf-8', 'replace'))}]"
        elif cursor.levels[level].part >= 0:
            if step.op == ARRAY:
                path += f"[{cursor.levels[level].part}]"
            else:
                path += f".{<object>step.parts[cursor.levels[level].part].label}"
    return path


def attempt(function, argument, /):
    """Return what a call returns, and None; or None, and the `Exception` that it raises.

    No Python code runs between the call and here. So a signal's handler, which runs at Python code, comes later, and
    the exception is the function's own, or of what that calls.
    """
    try:
        return function(argument), None
    except Exception as error:
        return None, error
