"""A resolved tree compiled into the steps that the encoder takes: the writer's side of it is what values are."""

from cpython.bytes cimport PyBytes_AS_STRING
from cpython.object cimport PyObject
from libc.stdint cimport uint8_t

from safecodec.avro._bounds cimport Bounds
from safecodec.avro._conversions cimport Conversion
from safecodec.avro._slots cimport is_within

from sys import intern

from safecodec.avro.resolve import Refused, Take, TakeBranch, TakeInto, TakeItems, TakeSymbol, TakeValues

cdef dict OPS = {
    "null": PUT_NULL, "boolean": PUT_BOOLEAN, "int": PUT_INT, "long": PUT_LONG, "float": PUT_FLOAT,
    "double": PUT_DOUBLE, "bytes": PUT_BYTES, "string": PUT_STRING, "fixed": PUT_FIXED, "instant": PUT_INSTANT,
    "local instant": PUT_LOCAL_INSTANT, "day": PUT_DAY,
}
cdef dict GETS = {"keys": GET_KEYS, "slots": GET_SLOTS, "attributes": GET_ATTRIBUTES, "index": GET_INDEX}


cdef class Compiler:
    def __cinit__(self, Arena arena not None, sources):
        self.arena = arena
        self.sources = sources
        self.waiting = []

    cdef Put *root(self, object action) except NULL:
        cdef Put *root = self.action(action)
        while self.waiting:
            source, step = self.waiting.pop()
            self.fill(<Put *><size_t>step, source)
        self.arena.seal()
        return root

    cdef Put *new(self, object action) except NULL:
        return <Put *>self.arena.new(action, sizeof(Put))

    # The step of an action. What it holds is filled in later, in a loop: a tree nests deeper than a C stack may.
    cdef Put *action(self, object action) except NULL:
        cdef Put *step = <Put *>self.arena.known(action)
        if step is not NULL:
            return step
        step = self.new(action)
        if isinstance(action, Take):
            return self.leaf(step, action)
        self.waiting.append((action, <size_t>step))
        if isinstance(action, (TakeItems, TakeValues)):
            return self.container(step, action)
        return step

    cdef int fill(self, Put *step, object action) except -1:
        if isinstance(action, TakeInto):
            step.op = PUT_INTO
            step.index = action.branch
            step.inner = self.action(action.inner)
        elif isinstance(action, TakeSymbol):
            self.put_symbols(step, action)
        elif isinstance(action, TakeItems):
            step.op = PUT_ARRAY
            step.inner = self.action(action.items)
            step.wanted = self.arena.keep("an array")
        elif isinstance(action, TakeValues):
            step.op = PUT_MAP
            step.inner = self.action(action.values)
            step.wanted = self.arena.keep("a map")
            step.other = <Put *>self.arena.room(1, sizeof(Put))
            step.other.op = PUT_STRING
            step.other.wanted = self.arena.keep("a str as key")
        elif isinstance(action, TakeBranch):
            self.put_union(step, action)
        elif isinstance(action, Refused):
            step.op = PUT_REFUSED
            step.wanted = self.arena.keep(action.reason)
        else:
            self.put_record(step, action)
        return 0

    cdef Put *leaf(self, Put *step, object action) except NULL:
        op, step.count, convert, wanted = self.sources.leaf(action)
        step.op = OPS[op]
        step.wanted = self.arena.keep(wanted)
        if step.op == PUT_INSTANT or step.op == PUT_LOCAL_INSTANT or step.op == PUT_DAY:
            step.convert = self.arena.keep(convert)  # for what the fast way does not take
            return step
        return self.converted(action, step, convert)

    cdef Put *container(self, Put *step, object action) except NULL:
        types, check = self.sources.container(action)
        step.cls = self.arena.keep(types)
        return self.converted(action, step, check)

    # A step whose value goes through a function first, where there is one; it then stands for the action.
    cdef Put *converted(self, object action, Put *inner, object convert) except NULL:
        cdef Put *outer
        if convert is None:
            return inner
        outer = self.new(action)
        outer.op = PUT_CONVERTED
        outer.inner = inner
        outer.convert = self.arena.keep(convert)
        compiled = getattr(convert, "__self__", None)  # kept by its method
        outer.pairs = convert is self.sources.entries
        outer.bounds = <PyObject *>compiled if isinstance(compiled, Bounds) else NULL
        outer.conversion = <PyObject *>compiled if isinstance(compiled, Conversion) else NULL
        return outer

    cdef int put_symbols(self, Put *step, object action) except -1:
        step.op = PUT_ENUM
        symbols, indices, by_text = self.sources.symbols(action)
        step.symbols = self.arena.keep(symbols)
        step.by_text = self.arena.keep(by_text)
        step.count = len(symbols)
        step.indices = <Py_ssize_t *>self.arena.room(step.count, sizeof(Py_ssize_t))
        step.scanned = min(step.count, SCANNED)
        known = {}
        for at, (symbol, index) in enumerate(zip(symbols, indices, strict=True)):
            step.indices[<Py_ssize_t>at] = index
            known.setdefault(type(symbol), {}).setdefault(symbol, index)
        step.by_value = self.arena.keep(known)
        return 0

    cdef int put_union(self, Put *step, object action) except -1:
        cdef Branch *branch
        cdef Py_ssize_t at
        step.op = PUT_UNION
        step.count = len(action.branches)
        step.branches = <Branch *>self.arena.room(step.count, sizeof(Branch))
        choosing = self.sources.choosing(action)
        step.wanted = self.arena.keep(choosing.wanted)
        for at in range(step.count):
            branch = &step.branches[at]
            branch.step = self.action(action.branches[at])
            branch.types = self.arena.keep(choosing.types[at])
            branch.names = self.arena.keep(choosing.names[at])
            branch.fits = self.arena.keep(choosing.fits[at])
            branch.leaf = choosing.leaves[at]
        if choosing.null is not None:
            step.op = PUT_OPTIONAL
            step.blank = <PyObject *>None
            step.other = step.branches[<Py_ssize_t>choosing.null].step
            step.inner = step.branches[1 - <Py_ssize_t>choosing.null].step
        return 0

    cdef int put_record(self, Put *step, object action) except -1:
        giving = self.sources.giving(action)
        step.op = PUT_RECORD
        step.get = GETS[giving.get]
        step.cls = self.arena.keep(giving.cls)
        step.known = self.arena.keep(giving.known)
        step.free = giving.free
        step.wanted = self.arena.keep(giving.wanted)
        step.index = giving.size
        step.count = len(giving.gives)
        step.gives = <Give *>self.arena.room(step.count, sizeof(Give))
        for at, given in enumerate(giving.gives):
            self.put_give(&step.gives[<Py_ssize_t>at], given)
            if given.name is None:
                continue
            if step.get == GET_SLOTS and not is_within(giving.cls, given.place):
                raise ValueError(f"{given.name!r} is no slot of {giving.cls!r}")
            if step.get == GET_INDEX and not 0 <= given.place < giving.size:
                raise ValueError(f"{given.name!r} is beyond the {giving.size} items of a tuple")
        return 0

    cdef int put_give(self, Give *give, object given) except -1:
        cdef Put *step
        give.label = self.arena.keep(given.label)
        give.missing = self.missing(given.missing)
        if given.name is None:
            return 0
        give.name = self.arena.keep(intern(given.name))
        give.place = given.place
        give.dropped = given.dropped
        give.step = self.action(given.action)
        if given.blank is not None:
            step = <Put *>self.arena.room(1, sizeof(Put))
            step.op = PUT_OPTIONAL
            step.blank = self.arena.keep(given.blank)
            step.other = give.missing
            step.inner = give.step
            give.step = step
        return 0

    cdef Put *missing(self, object missing) except? NULL:
        cdef Put *step
        if missing is None:
            return NULL
        if missing.data is None:
            return self.converted(missing, self.action(missing.action), missing.make)
        step = <Put *>self.arena.room(1, sizeof(Put))
        step.op = PUT_DATA
        self.arena.keep(missing.data)
        step.data = <const uint8_t *>PyBytes_AS_STRING(missing.data)
        step.count = len(missing.data)
        return step
