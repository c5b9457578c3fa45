"""Avro payloads to values, in one pass along a plan.

Every length, index and number is checked where it is read, in what is kept and in what is skipped alike.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free

cimport safecodec.avro._inlining
from safecodec._settled cimport settle
from safecodec.avro._arena cimport Arena, show_steps
from safecodec.avro._bounds cimport Bounds
from safecodec.avro._breathing cimport FILLED, LARGE, Breather, breathe, weigh
from safecodec.avro._conversions cimport Conversion
from safecodec.avro._cursor cimport (
    NO_BRANCH, NO_SYMBOL, TOO_LARGE, Block, Cursor, Level, claim, close_block, ends_here, enter, fail, is_ascii,
    is_exact_double, load_double, load_float, load_long, open_block, preallocated, start_at, take_bit, take_index,
    take_int, take_long, take_size,
)
from safecodec.avro._large cimport large_bytes, wide_text
from safecodec.avro._objects cimport (
    KEYS, LONGEST_CACHED_KEY, SHARED_KEYS, Py_DECREF, Py_Ellipsis, Py_None, Py_NewRef, Py_XDECREF,
    PyBytes_FromStringAndSize, PyFloat_FromDouble, PyLong_FromLongLong, PyObject_CallNoArgs, PyObject_CallOneArg,
    PyTuple_GET_ITEM, PyTuple_SET_ITEM, Py_False, Py_True, cached_key, call_names, dict_fill, dict_put, learn_ascii,
    learn_dicts, list_put, new_ascii, new_dict, new_leaf, new_list, new_map, new_object, new_tuple, owned, set_attribute,
    set_slot, show_list, show_tuple,
)
from safecodec.avro._plan cimport (
    ABSENT, ARRAY, BOOLEAN, BOUNDED, BYTES, CONVERTED, DAY, DOUBLE, ENUM, FIXED, FLOAT, INSTANT, INT, INT_AS_FLOAT,
    LOCAL_INSTANT, LONG, LONG_AS_FLOAT, MAKE_ATTRIBUTES, MAKE_CALL, MAKE_DICT, MAKE_LEAF, MAKE_SLOTS, MAKE_TUPLE, MAP,
    NOTHING, PAIRS, RECORD, STRING, UNION, Compiler, Fill, Make, Op, Part, Step,
)
from safecodec.avro._refusals cimport lost, refusal, unfinished
from safecodec.avro._skip cimport skip
from safecodec.avro._times cimport day, instant

from sys import exc_info

from safecodec.avro.limits import ROOM as _ROOM
from safecodec.avro.limits import checked as _checked
from safecodec.errors import InputTypeError, PayloadError, PayloadTooLargeError

learn_ascii()
learn_dicts(dict.fromkeys(map(str, range(300))))

cdef int64_t ROOM = _ROOM
cdef cython.pymutex building


@cython.final
@cython.no_gc_clear
cdef class Plan:
    """Reads payloads of one schema as values of another. Safe to share between threads.

    The steps are compiled when the first payload is read: a codec has plans of versions that no frame may come of.

    Args:
        action: The resolved tree.
        targets: What its values become, see `targets`.
        limits: The bounds of a value and its payload.
        prefix: Whether payloads may have bytes left over behind the value.
    """

    def __cinit__(self, action, targets, limits, bint prefix):
        _checked(limits)
        self._sources = action, targets
        self._deepest = limits.depth
        self._empty_items = limits.empty_items
        self._expansion = limits.expansion
        self._longest = limits.payload
        self._prefix = prefix

    # Two threads may do it at once, as types' own code runs meanwhile and may decode: the first steps are kept.
    cdef int build(self) except -1:
        cdef tuple sources
        cdef Arena arena = Arena()
        cdef Compiler compiler
        cdef Step *root
        with building:  # another thread may drop them
            sources = self._sources
        if sources is None:
            return 0
        compiler = Compiler(arena, sources[1])
        root = compiler.action_root(sources[0])
        with building:
            if self._root is NULL:
                self._arena = arena
                if SHARED_KEYS and compiler.has_keys:
                    self._keys = <void **>calloc(KEYS, sizeof(void *))
                show_steps(<void **>&self._root, root)
                self._sources = None
        return 0

    def __dealloc__(self):
        cdef Py_ssize_t at
        if self._keys is not NULL:
            for at in range(KEYS):
                Py_XDECREF(<PyObject *>self._keys[at])
            free(self._keys)

    def decode(self, payload, /):
        """Read a payload.

        Args:
            payload: A C-contiguous buffer; it is read as it is when the call begins.

        Raises:
            InputTypeError: The payload is no C-contiguous buffer of bytes.
            PayloadTooLargeError: It is longer than the limit.
            PayloadError: The bytes are no value of the writer's schema, are more than one, or stand for no value of
                the reader's.
        """
        cdef Py_buffer view
        hold(payload, self._longest, &view)
        try:
            if view.len > self._longest:
                raise PayloadTooLargeError(
                    f"the payload has {view.len} bytes, the limit payload is {self._longest}",
                    expected=self._longest, found=view.len,
                )
            return self.read(<const uint8_t *>view.buf, view.len, NULL)
        finally:
            PyBuffer_Release(&view)

    def __call__(self, payload, /):
        return self.decode(payload)

    cdef object read(self, const uint8_t *data, Py_ssize_t size, const Breather *breather):
        cdef Cursor cursor
        cdef PyObject *value
        if self._root is NULL:
            self.build()
        start_at(&cursor, data, size, breather)
        cursor.keys = self._keys
        cursor.empty_items = self._empty_items
        cursor.expansion = self._expansion
        cursor.spare = ROOM + self._expansion * size
        cursor.deepest = self._deepest
        cdef bint done = False
        try:
            value = take_record(self._root, &cursor) if self._root.op == RECORD else take_slowly(self._root, &cursor)
            done = True
        finally:
            if not done:
                judge(&cursor)
        found = <object>value
        Py_DECREF(value)
        if cursor.at != cursor.end and not self._prefix:
            raise left_over(&cursor)
        return found


# In a finally, which costs nothing where there is no exception: one of a type's own code becomes a verdict.
cdef int judge(Cursor *cursor) except -1:
    error = exc_info()[1]
    if isinstance(error, (ValueError, TypeError)) and not isinstance(error, PayloadError) and not cursor.breath.stopped:
        raise unfinished(cursor, error) from error
    return 0


@cython.final
@cython.no_gc_clear
cdef class Walk:
    """Goes over payloads of a schema with all checks and builds nothing.

    Args:
        root: The root of the schema.
        limits: The bounds of a value.
    """

    cdef Arena _arena
    cdef Step *_root
    cdef int _deepest
    cdef Py_ssize_t _empty_items
    cdef Py_ssize_t _longest

    def __cinit__(self, root, limits):
        _checked(limits)
        self._arena = Arena()
        self._root = Compiler(self._arena, None).node_root(root)
        self._deepest = limits.depth
        self._empty_items = limits.empty_items
        self._longest = limits.payload

    def check(self, payload, *, bint prefix=False):
        """Raise `PayloadError` where a payload is no value of the schema, or has bytes left over (not for a prefix)."""
        cdef Py_buffer view
        cdef Cursor cursor
        hold(payload, self._longest, &view)
        try:
            start_at(&cursor, <const uint8_t *>view.buf, view.len, NULL)
            cursor.empty_items = self._empty_items
            cursor.deepest = self._deepest
            if not skip(self._root, &cursor):
                raise refusal(&cursor)
            if cursor.at != cursor.end and not prefix:
                raise left_over(&cursor)
        finally:
            PyBuffer_Release(&view)


cdef int hold(object payload, Py_ssize_t longest, Py_buffer *view) except -1:
    try:
        PyObject_GetBuffer(payload, view, PyBUF_SIMPLE)
    except (TypeError, ValueError, BufferError) as error:
        found = type(payload).__name__
        raise InputTypeError(
            f"a payload is a C-contiguous buffer of bytes, this is {found}: {error}", found=found
        ) from None
    settle(view, <uint64_t>longest)
    return 0


cdef object left_over(const Cursor *cursor):
    return PayloadError(f"{cursor.end - cursor.at} bytes are left over behind the value", path="$")


# ---- leaves ------------------------------------------------------------------------------------------------------

# A leaf at a place, or the leaf of a union, with nothing odd about it: returns the place behind it, or NULL where
# take_slowly reads it or says what is wrong with it. The place is no field of the cursor, and stays in a register.
cdef inline const uint8_t *take_quickly(
    const Step *step, const uint8_t *at, const uint8_t *end, PyObject **value
) except? NULL:
    cdef int64_t number
    if step.op == UNION:
        if at >= end or at[0] & 0x81 or at[0] >> 1 >= step.count:
            return NULL
        step = step.branches[at[0] >> 1]
        at += 1
    if step.op == STRING:
        at = load_long(at, end, &number)
        if at is NULL or not 0 <= number <= end - at or number >= LARGE or not is_ascii(at, <Py_ssize_t>number):
            return NULL
        value[0] = new_ascii(at, <Py_ssize_t>number)
        return at + number
    elif step.op == LONG:
        at = load_long(at, end, &number)
        if at is not NULL:
            value[0] = PyLong_FromLongLong(number)
        return at
    elif step.op == DOUBLE:
        if end - at < 8:
            return NULL
        value[0] = PyFloat_FromDouble(load_double(at))
        return at + 8
    elif step.op == BOOLEAN:
        if at >= end or at[0] > 1:
            return NULL
        value[0] = Py_NewRef(Py_True if at[0] else Py_False)
        return at + 1
    elif step.op == ENUM:
        if at >= end or at[0] & 0x81 or at[0] >> 1 >= step.count:
            return NULL
        value[0] = Py_NewRef(PyTuple_GET_ITEM(step.symbols, at[0] >> 1))
        return at + 1
    elif step.op == NOTHING:
        value[0] = Py_NewRef(Py_None)
        return at
    return NULL


cdef inline PyObject *take_inline(const Step *step, Cursor *cursor) except NULL:
    cdef PyObject *value
    cdef const uint8_t *after = take_quickly(step, cursor.at, cursor.end, &value)
    if after is NULL:
        return take_slowly(step, cursor)
    cursor.at = after
    return value


# Everything, with a fault noted where the bytes are none of it.
cdef PyObject *take_slowly(const Step *step, Cursor *cursor) except NULL:
    cdef int64_t number
    cdef int bit
    if step.op == UNION:
        if not take_index(cursor, step.count, NO_BRANCH, &number):
            raise refusal(cursor)
        step = step.branches[number]
    if step.op == RECORD:
        return take_record(step, cursor)
    elif step.op == ARRAY:
        return take_array(step, cursor)
    elif step.op == MAP:
        return take_map(step, cursor)
    elif step.op == STRING:
        return take_text(cursor)
    elif step.op == LONG:
        if take_long(cursor, &number):
            return PyLong_FromLongLong(number)
    elif step.op == DOUBLE:
        if claim(cursor, 8, cursor.at):
            cursor.at += 8
            return PyFloat_FromDouble(load_double(cursor.at - 8))
    elif step.op == BOOLEAN:
        if take_bit(cursor, &bit):
            return Py_NewRef(Py_True if bit else Py_False)
    elif step.op == ENUM:
        if take_index(cursor, step.count, NO_SYMBOL, &number):
            return Py_NewRef(PyTuple_GET_ITEM(step.symbols, number))
    else:
        return take_other(step, cursor)
    raise refusal(cursor)


cdef PyObject *take_other(const Step *step, Cursor *cursor) except NULL:
    cdef const uint8_t *start = cursor.at
    cdef Op op = step.op
    cdef int64_t number
    if op == INT:
        if take_int(cursor, &number):
            return PyLong_FromLongLong(number)
    elif op == NOTHING:
        return Py_NewRef(Py_None)
    elif op == ABSENT:
        if step.finish is not NULL:
            weigh_record(step, cursor)
            return made_anew(step.finish, cursor)
        return Py_NewRef(Py_Ellipsis if step.made is NULL else step.made)
    elif op == FLOAT:
        if claim(cursor, 4, start):
            cursor.at += 4
            return PyFloat_FromDouble(load_float(start))
    elif op == BYTES:
        if take_size(cursor, &number):
            cursor.at += number
            if number >= LARGE and cursor.breath.breather is not NULL:
                return large_bytes(cursor.at - number, <Py_ssize_t>number)
            return PyBytes_FromStringAndSize(<const char *>cursor.at - number, <Py_ssize_t>number)
    elif op == FIXED:
        if claim(cursor, step.count, start):
            cursor.at += step.count
            return PyBytes_FromStringAndSize(<const char *>start, step.count)
    elif op == INT_AS_FLOAT:
        if take_int(cursor, &number):
            return PyFloat_FromDouble(<double>number)
    elif op == LONG_AS_FLOAT:
        if take_long(cursor, &number):
            if not is_exact_double(number):
                raise lost(cursor, f"the whole number {number} has no exact float")
            return PyFloat_FromDouble(<double>number)
    elif op == INSTANT or op == LOCAL_INSTANT:
        if take_long(cursor, &number):
            return owned(instant(cursor, number, step.count, op == INSTANT))
    elif op == DAY:
        if take_int(cursor, &number):
            return owned(day(cursor, number))
    elif op == CONVERTED:
        return owned(take_converted(step, cursor))
    elif op == PAIRS and is_of_pairs(step.inner):
        return take_map(step.inner, cursor)
    else:
        return owned(finished(step, cursor, take_inline(step.inner, cursor)))
    raise refusal(cursor)


# A logical type of a number, or of bytes or a text, mostly without an object of these.
cdef object take_converted(const Step *step, Cursor *cursor):
    cdef const uint8_t *start = cursor.at
    cdef int64_t number
    found = None
    if step.inner.op == LONG or step.inner.op == INT:
        if take_int(cursor, &number) if step.inner.op == INT else take_long(cursor, &number):
            found = (<Conversion>step.compiled).of_number(number)
    else:
        number = step.inner.count
        if claim(cursor, number, start) if step.inner.op == FIXED else take_size(cursor, &number):
            found = (<Conversion>step.compiled).of_data(cursor.at, <Py_ssize_t>number)
            cursor.at += number
    if found is not None:
        return found
    cursor.at = start
    return finished(step, cursor, take_inline(step.inner, cursor))


cdef inline PyObject *take_text(Cursor *cursor) except NULL:
    cdef const uint8_t *start
    cdef int64_t size
    if not take_size(cursor, &size):
        raise refusal(cursor)
    start = cursor.at
    cursor.at += size
    if size >= LARGE and cursor.breath.breather is not NULL:
        return wide_text(cursor, start, size)
    return new_ascii(start, size) if is_ascii(start, size) else wide_text(cursor, start, size)


# A key of a map, from the plan's cache where it may be there.
cdef inline object take_key(Cursor *cursor, Level *level):
    cdef const uint8_t *start
    cdef PyObject *key
    cdef int64_t size
    level.key = NULL
    if not take_size(cursor, &size):
        raise refusal(cursor)
    start = cursor.at
    cursor.at += size
    if not is_ascii(start, size):
        key = wide_text(cursor, start, size)
    elif cursor.keys is not NULL and size <= LONGEST_CACHED_KEY:
        key = cached_key(cursor.keys, start, size)
    else:
        key = new_ascii(start, size)
    level.key = start
    level.key_size = size
    found = <object>key
    Py_DECREF(key)
    return found


cdef object finished(const Step *step, Cursor *cursor, PyObject *value):
    found = <object>value
    Py_DECREF(value)
    if step.op == BOUNDED and (<Bounds>step.compiled).holds(found):
        return found
    try:
        return PyObject_CallOneArg(step.finish, <PyObject *>found)
    except (ValueError, TypeError) as error:
        raise unfinished(cursor, error) from error


# ---- records -----------------------------------------------------------------------------------------------------

# A record has no byte of its own: its memory is bounded by a limit.
cdef inline int weigh_record(const Step *step, Cursor *cursor) except -1:
    cursor.spare -= step.weight
    if cursor.spare < 0:
        fail(cursor, TOO_LARGE, cursor.at, 0, cursor.expansion)
        raise refusal(cursor)
    return 0


cdef PyObject *take_record(const Step *step, Cursor *cursor) except NULL:
    cdef Level *level = enter(cursor, step)
    cdef const uint8_t *place
    cdef const uint8_t *after
    cdef const Part *part
    cdef PyObject *value
    cdef Py_ssize_t at
    cdef object made
    if level is NULL:
        raise refusal(cursor)
    weigh_record(step, cursor)
    if step.make == MAKE_SLOTS:
        made = new_object(step.made)
    elif step.make == MAKE_LEAF:
        made = new_leaf(step.made)
    else:
        made = new_target(step)
    place, after = cursor.at, cursor.at
    for at in range(step.count):
        part = &step.parts[at]
        if part.again:
            after = place
        place = after
        if part.name is not NULL:
            after = take_quickly(part.step, place, cursor.end, &value)
            if after is NULL:
                level.part = at
                cursor.at = place
                value = take_slowly(part.step, cursor)
                after = cursor.at
            put(step.make, <PyObject *>made, part, value)
        else:
            level.part = at
            cursor.at = place
            if not skip(part.step, cursor):
                raise refusal(cursor)
            after = cursor.at
    cursor.at = after
    level.part = -1
    if step.filled:
        fill(step, cursor, <PyObject *>made)
    if step.make == MAKE_TUPLE:
        show_tuple(<PyObject *>made)
    elif step.then is not NULL or step.make == MAKE_CALL:
        made = completed(step, cursor, made)
    cursor.depth -= 1
    return owned(made)


# The container of a record's fields. Code that runs before it is full (a hook of a class in it, another thread) can find
# it through the garbage collector, which is safe: a dict has the keys read so far, or all keys and None for the fields to
# come; an object has no attribute yet for a field to come; a list has the items read so far. Tuples cannot say that an item
# is missing: nobody can find them until they are full. Arguments of a class's call are never shown.
cdef object new_target(const Step *step):
    if step.make == MAKE_DICT:
        return new_dict(step.template)
    if step.make == MAKE_TUPLE:
        return new_tuple(step.made, step.width)
    if step.make == MAKE_CALL:
        return new_tuple(NULL, step.width)
    return new_object(step.made)


# Puts a field into its place, and takes over the value.
cdef inline int put(Make make, PyObject *made, const Part *part, PyObject *value) except -1:
    if make == MAKE_SLOTS or make == MAKE_LEAF:
        set_slot(made, part.place, value)
    elif make == MAKE_DICT:
        if value is not Py_Ellipsis:
            return dict_fill(made, part.place, part.name, value)
        Py_DECREF(value)
    elif make == MAKE_ATTRIBUTES:
        return set_attribute(made, part.name, value)
    else:
        PyTuple_SET_ITEM(made, part.place, value)
    return 0


cdef int fill(const Step *step, Cursor *cursor, PyObject *made) except -1:
    cdef Py_ssize_t at
    weigh(&cursor.breath, FILLED * <size_t>step.filled)
    for at in range(step.filled):
        put(step.make, made, &step.fills[at].part, filling(&step.fills[at], cursor))
    return 0


cdef PyObject *filling(const Fill *one, Cursor *cursor) except NULL:
    if one.value is not NULL:
        return Py_NewRef(one.value)
    return made_anew(one.factory, cursor)


cdef PyObject *made_anew(PyObject *factory, Cursor *cursor) except NULL:
    try:
        return owned(PyObject_CallNoArgs(factory))
    except (ValueError, TypeError) as error:
        raise unfinished(cursor, error) from error


# The object when all its fields are in place: made by its class, or told so.
cdef object completed(const Step *step, Cursor *cursor, object made):
    try:
        if step.make == MAKE_CALL:
            return call_names(step.made, <PyObject *>made, step.keywords)
        PyObject_CallOneArg(step.then, <PyObject *>made)
    except (ValueError, TypeError) as error:
        raise unfinished(cursor, error) from error
    return made


# ---- arrays and maps ---------------------------------------------------------------------------------------------

cdef PyObject *take_array(const Step *step, Cursor *cursor) except NULL:
    cdef Level *level = enter(cursor, step)
    cdef const uint8_t *place
    cdef const uint8_t *after
    cdef PyObject *value
    cdef Py_ssize_t at = 0
    cdef Block block
    cdef list items = None
    if level is NULL:
        raise refusal(cursor)
    while True:
        if not open_block(cursor, step.least, &block):
            raise refusal(cursor)
        if items is None:
            items = new_list(preallocated(&block))
        if not block.left:
            break
        after = cursor.at
        while block.left:
            block.left -= 1
            place = after
            breathe(&cursor.breath, <size_t>place)
            after = take_quickly(step.inner, place, cursor.end, &value)
            if after is NULL:
                level.part = at
                cursor.at = place
                value = take_slowly(step.inner, cursor)
                after = cursor.at
            list_put(<PyObject *>items, value)
            at += 1
        cursor.at = after
        level.part = -1
        if not close_block(cursor, &block):
            raise refusal(cursor)
        if ends_here(cursor):
            break
    cursor.depth -= 1
    show_list(<PyObject *>items)
    return owned(items)


# A map, or a dict of other keys, which is an array of pairs, of which none is made.
cdef PyObject *take_map(const Step *step, Cursor *cursor) except NULL:
    cdef Level *level = enter(cursor, step)
    cdef const Step *pair = step.inner if step.op == ARRAY else NULL
    cdef Py_ssize_t at = 0
    cdef Block block
    cdef dict values = None
    cdef object key
    if level is NULL:
        raise refusal(cursor)
    while True:
        if not open_block(cursor, step.least, &block):
            raise refusal(cursor)
        if values is None:
            values = new_map(preallocated(&block))
        if not block.left:
            break
        while block.left:
            block.left -= 1
            breathe(&cursor.breath, <size_t>cursor.at)
            if pair is not NULL:
                level.part = at
                at += 1
                take_pair(pair, cursor, values)
                continue
            key = take_key(cursor, level)
            dict_put(<PyObject *>values, <PyObject *>key, take_inline(step.inner, cursor))
        level.key = NULL
        level.part = -1
        if not close_block(cursor, &block):
            raise refusal(cursor)
        if ends_here(cursor):
            break
    cursor.depth -= 1
    return owned(values)


# Whether an array's items are plain pairs, both of which the writer has.
cdef bint is_of_pairs(const Step *step) except -1:
    cdef const Step *pair = step.inner
    return (
        step.op == ARRAY and pair.op == RECORD and pair.make == MAKE_TUPLE and pair.width == 2 and pair.count == 2
        and pair.parts[0].name is not NULL and pair.parts[1].name is not NULL and pair.parts[0].place != pair.parts[1].place
    )


cdef int take_pair(const Step *step, Cursor *cursor, dict values) except -1:
    cdef Level *level = enter(cursor, step)
    cdef PyObject *value
    if level is NULL:
        raise refusal(cursor)
    weigh_record(step, cursor)
    level.part = 0
    value = take_inline(step.parts[0].step, cursor)
    first = <object>value
    Py_DECREF(value)
    level.part = 1
    value = take_inline(step.parts[1].step, cursor)
    second = <object>value
    Py_DECREF(value)
    cursor.depth -= 1
    if step.parts[0].place:
        first, second = second, first
    try:
        values[first] = second
    except (ValueError, TypeError) as error:  # a key that has no hash
        cursor.depth -= 1
        raise unfinished(cursor, error) from error
    return 0
