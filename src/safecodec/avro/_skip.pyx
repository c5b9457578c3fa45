"""What is read and not kept: every check of the decoder, and no Python object."""

from libc.stdint cimport int64_t, uint8_t

cimport safecodec.avro._inlining
from safecodec.avro._breathing cimport let_run
from safecodec.avro._cursor cimport (
    NO_BRANCH, NO_SYMBOL, Block, Cursor, Level, claim, close_block, ends_here, enter, open_block, take_bit,
    take_index, take_int, take_long, take_size, take_text_place,
)
from safecodec.avro._plan cimport (
    ARRAY, BOOLEAN, BYTES, DOUBLE, FIXED, FLOAT, INT, LONG, MAP, NOTHING, RECORD, STRING, UNION, Op, Step,
)


cdef bint skip(const Step *step, Cursor *cursor) except -1 nogil:
    return skip_inline(step, cursor)


# The same in the caller's own code, as in the decoder.
cdef inline bint skip_inline(const Step *step, Cursor *cursor) except -1 nogil:
    cdef const uint8_t *start
    cdef int64_t number
    if step.op == UNION:
        if not take_index(cursor, step.count, NO_BRANCH, &number):
            return False
        step = step.branches[number]
    if step.op == STRING:
        return take_text_place(cursor, &start, &number)
    elif step.op == LONG:
        return take_long(cursor, &number)
    elif step.op == RECORD:
        return skip_record(step, cursor)
    elif step.op == MAP or step.op == ARRAY:
        return skip_blocks(step, cursor)
    return skip_other(step, cursor)


cdef bint skip_other(const Step *step, Cursor *cursor) except -1 nogil:
    cdef Op op = step.op
    cdef int64_t number
    cdef int bit
    if op == NOTHING:
        return True
    elif op == BOOLEAN:
        return take_bit(cursor, &bit)
    elif op == INT:
        return take_int(cursor, &number)
    elif op == BYTES:
        return take_size(cursor, &number) and skip_bytes(cursor, number)
    elif op == DOUBLE:
        return skip_bytes(cursor, 8)
    elif op == FLOAT:
        return skip_bytes(cursor, 4)
    elif op == FIXED:
        return skip_bytes(cursor, step.count)
    return take_index(cursor, step.count, NO_SYMBOL, &number)


cdef bint skip_bytes(Cursor *cursor, int64_t count) except -1 nogil:
    if not claim(cursor, count, cursor.at):
        return False
    cursor.at += count
    return True


cdef bint skip_key(Cursor *cursor, Level *level) except -1 nogil:
    cdef const uint8_t *start
    cdef int64_t size
    level.key = NULL
    if not take_text_place(cursor, &start, &size):
        return False
    level.key = start
    level.key_size = <Py_ssize_t>size
    return True


cdef bint skip_record(const Step *step, Cursor *cursor) except -1 nogil:
    cdef Level *level = enter(cursor, step)
    cdef Py_ssize_t at
    if level is NULL:
        return False
    for at in range(step.count):
        level.part = at
        if not skip_inline(step.parts[at].step, cursor):
            return False
    cursor.depth -= 1
    return True


cdef bint skip_blocks(const Step *step, Cursor *cursor) except -1 nogil:
    cdef Level *level = enter(cursor, step)
    cdef Py_ssize_t at = 0
    cdef Block block
    if level is NULL:
        return False
    while True:
        if not open_block(cursor, step.least, &block):
            return False
        if not block.left:
            break
        while block.left:
            block.left -= 1
            level.part = at
            at += 1
            if <size_t>cursor.at >= cursor.breath.due:
                with gil:
                    let_run(&cursor.breath, <size_t>cursor.at)
            if step.op == MAP and not skip_key(cursor, level) or not skip_inline(step.inner, cursor):
                return False
        level.part = -1
        level.key = NULL
        if not close_block(cursor, &block):
            return False
        if ends_here(cursor):
            break
    cursor.depth -= 1
    return True
