"""Values to Avro payloads, in one pass along a plan, into one buffer.

Types are checked where they are written: a value of another type is an error with its path, never a guess.
"""

cimport cython
from cpython.datetime cimport import_datetime
from cpython.dict cimport PyDict_Check, PyDict_CheckExact, PyDict_Keys, PyDict_Next
from cpython.list cimport PyList_CheckExact, PyList_GET_SIZE
from cpython.object cimport PyObject, Py_TYPE
from cpython.tuple cimport PyTuple_Check, PyTuple_CheckExact
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, malloc

cimport safecodec.avro._inlining
from safecodec.avro._arena cimport Arena, show_steps
from safecodec.avro._bounds cimport Bounds
from safecodec.avro._breathing cimport LARGE, Breather, begin, let_run, weigh
from safecodec.avro._buffer cimport (
    Buffer, bytes_from, close_buffer, make_room, open_buffer, put_byte, put_long, put_raw, put_run,
)
from safecodec.avro._conversions cimport LONGEST, Conversion
from safecodec.avro._getting cimport READS_SLOTS, attribute_of, item_of, key_of, settled_dict, settled_list, slot_of
from safecodec.avro._leaves cimport (
    PyLong_CheckExact, PyTuple_GET_SIZE, has, in_place, put_fast, put_leaves, put_text, store_optional,
)
from safecodec.avro._sink cimport Sink, Spot, no_room, put_odd, refusal, unconverted, wrong
from safecodec.avro._writing cimport (
    GET_ATTRIBUTES, GET_INDEX, GET_KEYS, GET_SLOTS, PUT_ARRAY, PUT_CONVERTED, PUT_DATA, PUT_FIXED, PUT_FLOAT, PUT_INT,
    PUT_INTO, PUT_LONG, PUT_MAP, PUT_OPTIONAL, PUT_RECORD, PUT_REFUSED, PUT_UNION, Branch, Compiler, Get, Give, Put, PutOp,
)

cdef extern from "runs.h":
    bint sort_runs "safecodec_sort_runs"(uint8_t *start, const size_t *ends, size_t count) noexcept nogil

from collections.abc import Mapping
from sys import exc_info

from safecodec.avro.describing import PLAIN as _PLAIN
from safecodec.avro.describing import short
from safecodec.avro.limits import checked as _checked
from safecodec.errors import EncodeError, ValueTooLargeError

import_datetime()

cdef cython.pymutex building
cdef object _missing = object()
# By its address: what is counted would be counted by all threads at once.
cdef PyObject *MISSING = <PyObject *>_missing


@cython.final
@cython.no_gc_clear
cdef class Encoder:
    """Writes values of one schema as payloads of another. Safe to share between threads.

    The steps are compiled when the first value is written.

    Args:
        action: The resolved tree, whose writer is the values' schema and whose reader is the schema that is written.
        sources: What the values are, see `sources`.
        limits: The bounds of a value.
    """

    def __cinit__(self, action, sources, limits):
        _checked(limits)
        self._sources = action, sources
        self._deepest = limits.depth
        self._empty_items = limits.empty_items
        self._longest = limits.payload

    # As that of a decoder's plan.
    cdef int build(self) except -1:
        cdef tuple sources
        cdef Arena arena = Arena()
        cdef Put *root
        with building:  # another thread may drop them
            sources = self._sources
        if sources is None:
            return 0
        root = Compiler(arena, sources[1]).root(sources[0])
        with building:
            if self._root is NULL:
                self._arena = arena
                show_steps(<void **>&self._root, root)
                self._sources = None
        return 0

    def encode(self, value, /):
        """Return a value's payload.

        Raises:
            EncodeError: It is no value of the schema, or one that no reader within the limits could read.
            ValueTooLargeError: Its payload is longer than the limit.
        """
        cdef Buffer out
        cdef Py_ssize_t size
        open_buffer(&out, 0, self._longest)
        try:
            self.write(value, &out, NULL)
            size = out.at - out.start
            if size > self._longest:
                raise ValueTooLargeError(found=size, limit=self._longest)
            return bytes_from(&out)
        finally:
            close_buffer(&out)

    def __call__(self, value, /):
        return self.encode(value)

    cdef int write(self, object value, Buffer *out, const Breather *breather) except -1:
        cdef Sink sink
        if self._root is NULL:
            self.build()
        sink.out = out
        out.breathes = breather is not NULL
        begin(&sink.breath, breather, 0)
        sink.empty_items = self._empty_items
        sink.depth = 0
        sink.deepest = self._deepest
        cdef bint done = False
        try:
            if self._root.op == PUT_RECORD:
                put_record(self._root, value, &sink)
            else:
                put(self._root, value, &sink)
            done = True
        finally:
            if not done:
                drop_keys(&sink)
                judge(&sink)
        return 0


# In a finally, which costs nothing where there is no exception: one of a type's own code becomes a verdict.
cdef int judge(Sink *sink) except -1:
    error = exc_info()[1]
    if isinstance(error, (ValueError, TypeError)) and not isinstance(error, EncodeError) and not sink.breath.stopped:
        raise unconverted(sink, error) from error
    return 0


# The loops that owned the keys of a path have ended: it ends at the outermost map.
cdef int drop_keys(Sink *sink) except -1:
    cdef int level
    for level in range(sink.depth):
        if sink.spots[level].step.op == PUT_MAP:
            sink.spots[level].key = NULL
            sink.depth = level + 1
            break
    return 0


# Unions are passed in a loop, as a call for each would take as much of the C stack as a record does.
cdef int put(const Put *step, object value, Sink *sink) except -1:
    cdef PutOp op = step.op
    cdef Py_ssize_t at
    while PUT_INTO <= op <= PUT_UNION:
        if op == PUT_INTO:
            if not put_long(sink.out, step.index):
                raise no_room(sink)
            step = step.inner
        elif op == PUT_OPTIONAL and <PyObject *>value is step.blank:
            step = step.other
        elif op == PUT_OPTIONAL and (step.branches is NULL or not PyTuple_CheckExact(value)):
            step = step.inner
        else:  # a union, or an optional one with a tuple, which may name its branch
            at = named(step, value)
            if at >= 0:
                return put(step.branches[at].step, (<tuple>value)[1], sink)
            step = step.branches[chosen(step, value, sink)].step
        op = step.op
    if op < PUT_CONVERTED:
        return 0 if put_fast(step, <PyObject *>value, sink.out) else put_odd(step, value, sink)
    if op == PUT_RECORD:
        return put_record(step, value, sink)
    if op == PUT_ARRAY:
        return put_array(step, value, sink)
    if op == PUT_MAP:
        return put_map(step, value, sink)
    if op == PUT_DATA:
        if not put_raw(sink.out, step.data, step.count):
            raise no_room(sink)
        return 0
    if op == PUT_REFUSED:
        raise refusal(sink, <object>step.wanted)
    if step.conversion is not NULL and put_converted(step, value, sink):
        return 0
    if step.pairs and PyDict_CheckExact(value) and is_of_pairs(step.inner):
        return put_pairs(step.inner, value, sink)
    if step.bounds is not NULL and (<Bounds>step.bounds).holds(value):
        return put(step.inner, value, sink)
    return put(step.inner, converted(step, value, sink), sink)


# A logical type's value, without an object of its Avro value; False where that has to be made.
cdef bint put_converted(const Put *step, object value, Sink *sink) except -1:
    cdef uint8_t[LONGEST] data
    cdef int64_t number
    cdef Py_ssize_t size
    cdef bint done
    if step.inner.op == PUT_LONG or step.inner.op == PUT_INT:
        if not (<Conversion>step.conversion).number_of(value, &number):
            return False
        done = put_long(sink.out, number)
    else:
        size = (<Conversion>step.conversion).data_of(value, data)
        if not size:
            return False
        done = put_raw(sink.out, data, size) if step.inner.op == PUT_FIXED else put_run(sink.out, data, size)
    if not done:
        raise no_room(sink)
    return True


# The same, with leaves written in the caller.
cdef inline int put_any(const Put *step, object value, Sink *sink) except -1:
    cdef uint8_t *after = store_optional(step, <PyObject *>value, sink.out.at, sink.out.end)
    if after is NULL:
        return put(step, value, sink)
    sink.out.at = after
    return 0


# What another container holds: that may run code of its own, and the container may change meanwhile.
cdef list listed(object value, Sink *sink):
    try:
        return list(value)
    except (ValueError, TypeError) as error:
        raise unconverted(sink, error) from error


cdef dict mapped(object value, Sink *sink):
    try:
        return dict(value)
    except (ValueError, TypeError) as error:
        raise unconverted(sink, error) from error


cdef object converted(const Put *step, object value, Sink *sink):
    try:
        return (<object>step.convert)(value)
    except (ValueError, TypeError) as error:
        raise unconverted(sink, error) from error


cdef inline Spot *enter(const Put *step, Sink *sink) except NULL:
    cdef Spot *spot
    if sink.depth >= sink.deepest:
        raise refusal(sink, f"the value nests too deep, the limit depth is {sink.deepest} levels")
    spot = &sink.spots[sink.depth]
    spot.step = step
    spot.part = -1
    spot.key = NULL
    sink.depth += 1
    return spot


# Lets others run if it is time. What the buffer will need is got meanwhile: moving a large one takes milliseconds.
cdef inline int rest(Sink *sink, Py_ssize_t size) except -1:
    return 0 if <size_t>size < sink.breath.due else let_others_run(sink, size)


cdef int let_others_run(Sink *sink, Py_ssize_t size) except -1:
    let_run(&sink.breath, <size_t>size)
    if not make_room(sink.out, min(2 * LARGE, sink.out.longest - size)):
        raise no_room(sink)
    return 0


# What was written since a place is none of the payload, and took its time all the same.
cdef int take_back(Sink *sink, Py_ssize_t mark) except -1:
    weigh(&sink.breath, <size_t>(sink.out.at - sink.out.start - mark))
    sink.out.at = sink.out.start + mark
    return 0


# ---- records -----------------------------------------------------------------------------------------------------

cdef int put_record(const Put *step, object value, Sink *sink) except -1:
    cdef Get get = step.get
    cdef Spot *spot
    cdef const Give *give
    cdef Py_ssize_t found = 0
    cdef Py_ssize_t place = 0
    cdef Py_ssize_t at
    cdef PyObject *here
    cdef uint8_t *behind
    cdef uint8_t *after
    if <PyObject *>Py_TYPE(value) is not step.cls:
        value = loosened(step, value, sink)
        get = step.get if step.get == GET_INDEX or step.get == GET_KEYS and PyDict_Check(value) else GET_ATTRIBUTES
    if get == GET_INDEX and not (PyTuple_Check(value) and PyTuple_GET_SIZE(<PyObject *>value) == step.index):
        raise wrong(sink, step, value)
    if get == GET_KEYS and not READS_SLOTS:
        value = settled_dict(value)
    spot = enter(step, sink)
    behind = sink.out.at
    for at in range(step.count):
        give = &step.gives[at]
        here = in_place(give, get, <PyObject *>value, &place)
        if here is not NULL and not give.dropped:
            after = store_optional(give.step, here, behind, sink.out.end)
            if after is not NULL:
                behind = after
                found += 1
                continue
        sink.out.at = behind
        spot.part = at
        item = <object>here if here is not NULL else field_of(give, get, value, sink)
        if <PyObject *>item is MISSING:
            put_default(give, sink)
        else:
            found += 1
            if give.dropped:
                put_dropped(give.step, item, sink)
            else:
                put(give.step, item, sink)
        behind = sink.out.at
    sink.out.at = behind
    spot.part = -1
    if get == GET_KEYS and found != len(<dict>value):
        refuse_unknown(step, value, sink)
    sink.depth -= 1
    return 0


# A field that the version which is written does not have: its value is checked, by itself.
cdef int put_dropped(const Put *step, object value, Sink *sink) except -1:
    cdef Py_ssize_t mark = sink.out.at - sink.out.start
    sink.out.longest += mark
    try:
        put(step, value, sink)
    finally:
        sink.out.longest -= mark
    take_back(sink, mark)
    return 0


cdef inline object field_of(const Give *give, Get get, object value, Sink *sink):
    if give.name is NULL:
        return <object>MISSING
    if get == GET_SLOTS:
        return slot_of(value, give.place, MISSING)
    if get == GET_KEYS:
        return key_of(value, give.name, MISSING)
    if get == GET_INDEX:
        return (<tuple>value)[give.place]
    return attribute(value, give, sink)


# It may be a property.
cdef object attribute(object value, const Give *give, Sink *sink):
    try:
        return attribute_of(value, give.name, MISSING)
    except (ValueError, TypeError) as error:
        raise unconverted(sink, error) from error


# What the fields of a value are taken from that is no exact instance of the step's class.
cdef object loosened(const Put *step, object value, Sink *sink):
    if step.free:
        if isinstance(value, Mapping):
            return value if PyDict_Check(value) else mapped(value, sink)
        if not isinstance(value, _PLAIN):
            return value
    elif isinstance(value, <object>step.cls):
        return value
    raise wrong(sink, step, value)


cdef int put_default(const Give *give, Sink *sink) except -1:
    if give.missing is NULL:
        raise refusal(sink, "the field is missing and has no default")
    return put(give.missing, None, sink)


# There are keys that were not asked for, unless another thread has taken them out since.
cdef int refuse_unknown(const Put *step, object value, Sink *sink) except -1:
    for key in PyDict_Keys(value):  # of a subclass of dict, too: past its own methods, as the fields were taken
        if not isinstance(key, str) or key not in <frozenset>step.known:
            raise refusal(sink, f"the record has no field {short(key)}")
    return 0


# ---- arrays and maps ---------------------------------------------------------------------------------------------

cdef int put_array(const Put *step, object value, Sink *sink) except -1:
    cdef list items
    cdef Spot *spot
    cdef Py_ssize_t at, mark, size
    if not has(step.cls, <PyObject *>Py_TYPE(value)) and not isinstance(value, <tuple><object>step.cls):
        raise wrong(sink, step, value)
    if not PyList_CheckExact(value) and isinstance(value, (set, frozenset)):
        return put_set(step, value, sink)
    items = settled_list(value) if PyList_CheckExact(value) else listed(value, sink)
    size = PyList_GET_SIZE(items)
    spot = enter(step, sink)
    if size and not put_long(sink.out, size):
        raise no_room(sink)
    at = 0
    while at < size:
        mark = sink.out.at - sink.out.start
        rest(sink, mark)
        at = put_leaves(step.inner, <PyObject *>items, at, min(size, PyList_GET_SIZE(items)), sink.out)
        item = item_of(items, at, MISSING) if at < size else <object>MISSING
        if <PyObject *>item is MISSING:
            break
        spot.part = at
        mark = sink.out.at - sink.out.start
        put_any(step.inner, item, sink)
        if sink.out.at - sink.out.start == mark:
            count_empty(sink)
        at += 1
    spot.part = -1
    if PyList_GET_SIZE(items) != size:
        raise refusal(sink, "the list changed while it was written")
    if not put_byte(sink.out, 0):
        raise no_room(sink)
    sink.depth -= 1
    return 0


cdef int count_empty(Sink *sink) except -1:
    sink.empty_items -= 1
    if sink.empty_items < 0:
        raise refusal(sink, "there are more items without a byte than the limit empty_items allows")
    return 0


# Sets have no order of their own, and the same value has to give the same bytes: their order is that of their bytes.
cdef int put_set(const Put *step, object value, Sink *sink) except -1:
    cdef list items = listed(value, sink)
    cdef Py_ssize_t count = len(items)
    cdef Py_ssize_t begin, size
    cdef Py_ssize_t at = 0
    cdef size_t *ends
    enter(step, sink)
    if count and not put_long(sink.out, count):
        raise no_room(sink)
    begin = sink.out.at - sink.out.start
    ends = <size_t *>malloc(<size_t>(count + 1) * sizeof(size_t))
    try:
        if ends is NULL:
            raise MemoryError
        for item in items:
            size = sink.out.at - sink.out.start - begin
            rest(sink, begin + size)
            put_any(step.inner, item, sink)
            ends[at] = <size_t>(sink.out.at - sink.out.start - begin)
            if ends[at] == <size_t>size:
                count_empty(sink)
            at += 1
        if not sort_runs(sink.out.start + begin, ends, <size_t>count):
            raise MemoryError
    finally:
        free(ends)
    if not put_byte(sink.out, 0):
        raise no_room(sink)
    sink.depth -= 1
    return 0


cdef int put_map(const Put *step, object value, Sink *sink) except -1:
    cdef dict values
    cdef Spot *spot
    cdef PyObject *raw_key
    cdef PyObject *raw_item
    cdef Py_ssize_t place = 0
    cdef Py_ssize_t left
    if PyDict_CheckExact(value):
        values = settled_dict(value)
    elif isinstance(value, Mapping):
        values = mapped(value, sink)
    else:
        raise wrong(sink, step, value)
    left = len(values)
    spot = enter(step, sink)
    if left and not put_long(sink.out, left):
        raise no_room(sink)
    while PyDict_Next(values, &place, &raw_key, &raw_item):
        key, item = <object>raw_key, <object>raw_item
        left -= 1
        spot.key = NULL
        rest(sink, sink.out.at - sink.out.start)
        if not put_text(<PyObject *>key, sink.out):
            put_odd(step.other, key, sink)
        spot.key = <void *>key
        put_any(step.inner, item, sink)
    spot.key = NULL
    if left:
        raise refusal(sink, "the dict changed while it was written")
    if not put_byte(sink.out, 0):
        raise no_room(sink)
    sink.depth -= 1
    return 0


# Whether an array's items are plain pairs, both of which are written.
cdef bint is_of_pairs(const Put *step) except -1:
    cdef const Put *pair = step.inner
    return (
        step.op == PUT_ARRAY and pair.op == PUT_RECORD and pair.get == GET_INDEX and pair.count == 2
        and pair.gives[0].name is not NULL and not pair.gives[0].dropped
        and pair.gives[1].name is not NULL and not pair.gives[1].dropped
    )


# A dict whose keys are no texts, as an array of pairs, of which none is made.
cdef int put_pairs(const Put *step, object value, Sink *sink) except -1:
    cdef dict values = settled_dict(value)
    cdef const Put *pair = step.inner
    cdef Py_ssize_t left = len(values)
    cdef Py_ssize_t place = 0
    cdef Py_ssize_t at
    cdef PyObject *raw_key
    cdef PyObject *raw_item
    cdef Spot *spot = enter(step, sink)
    cdef Spot *inner
    if left and not put_long(sink.out, left):
        raise no_room(sink)
    while PyDict_Next(values, &place, &raw_key, &raw_item):
        key, item = <object>raw_key, <object>raw_item
        spot.part += 1
        left -= 1
        rest(sink, sink.out.at - sink.out.start)
        inner = enter(pair, sink)
        for at in range(2):
            inner.part = at
            put_any(pair.gives[at].step, item if pair.gives[at].place else key, sink)
        sink.depth -= 1
    spot.part = -1
    if left:
        raise refusal(sink, "the dict changed while it was written")
    if not put_byte(sink.out, 0):
        raise no_room(sink)
    sink.depth -= 1
    return 0


# ---- unions ------------------------------------------------------------------------------------------------------

# The branch that a tuple of a name and a value asks for, or -1.
cdef Py_ssize_t named(const Put *step, object value) except -2:
    cdef Py_ssize_t at
    if PyTuple_CheckExact(value) and len(<tuple>value) == 2 and isinstance((<tuple>value)[0], str):
        for at in range(step.count):
            if (<tuple>value)[0] in <tuple>step.branches[at].names:
                return at
    return -1


# The branch that a value is of.
cdef Py_ssize_t chosen(const Put *step, object value, Sink *sink) except -1:
    cdef Py_ssize_t at
    for at in range(step.count):
        if not has(step.branches[at].types, <PyObject *>Py_TYPE(value)):
            continue
        if PyLong_CheckExact(<PyObject *>value) and not fits(&step.branches[at], value, sink):
            break  # beyond the range of its integers: a float may hold it
        return at
    return fitting(step, value, sink)


# The branch that a value fits where the type alone does not tell. Of two leaves that hold it exactly the first is
# taken: both give the value back. Two branches that hold other values would not. A float that no branch holds exactly
# is rounded where there is a branch of single precision.
cdef Py_ssize_t fitting(const Put *step, object value, Sink *sink) except -1:
    cdef Py_ssize_t found = -1
    cdef Py_ssize_t at
    for at in range(step.count):
        if not fits(&step.branches[at], value, sink):
            continue
        if found < 0:
            found = at
        elif not (step.branches[at].leaf and step.branches[found].leaf):
            raise refusal(
                sink, f"{type(value).__name__} {short(value)} fits more than one branch of the union: "
                f"{<object>step.wanted}; name one, as (name, value)",
            )
    if found < 0:
        for at in range(step.count):
            if is_single(step.branches[at].step) and type(value) is float:
                return at
        raise refusal(
            sink, f"{type(value).__name__} {short(value)} is of no branch of the union: {<object>step.wanted}"
        )
    return found


# Whether a step writes a float of single precision, behind its branch's index.
cdef bint is_single(const Put *step) except -1:
    return step.op == PUT_FLOAT or step.op == PUT_INTO and step.inner.op == PUT_FLOAT


cdef bint fits(const Branch *branch, object value, Sink *sink) except -1:
    cdef Py_ssize_t mark
    if branch.fits is not NULL:
        try:
            return (<object>branch.fits)(value)
        except (ValueError, TypeError) as error:
            raise unconverted(sink, error) from error
    mark = sink.out.at - sink.out.start
    try:
        put(branch.step, value, sink)
        return True
    except ValueTooLargeError:
        raise
    except EncodeError:
        if sink.breath.stopped:
            raise
        return False
    finally:
        take_back(sink, mark)
