"""A resolved tree compiled into the steps that the decoder takes."""

from safecodec.avro._arena cimport Arena

from safecodec.avro._slots import is_collected
from safecodec.avro.nodes import Array, Enum, Fixed, Map, Primitive, Record, Union
from safecodec.avro.resolve import Take, TakeAbsent, TakeBranch, TakeInto, TakeItems, TakeSymbol, TakeValues

cdef dict OPS = {
    "null": NOTHING, "boolean": BOOLEAN, "int": INT, "long": LONG, "float": FLOAT, "double": DOUBLE, "bytes": BYTES,
    "string": STRING, "int as float": INT_AS_FLOAT, "long as float": LONG_AS_FLOAT, "instant": INSTANT,
    "local instant": LOCAL_INSTANT, "day": DAY,
}
cdef dict MAKES = {
    "dict": MAKE_DICT, "slots": MAKE_SLOTS, "attributes": MAKE_ATTRIBUTES, "tuple": MAKE_TUPLE, "call": MAKE_CALL,
}
MOST = 2**31 - 1
LEAST = {"null": 0, "boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8, "bytes": 1, "string": 1}
"""The shortest encoding of each primitive, in bytes."""


def least_size(node, known):
    """Return the length of a node's shortest encoding in bytes, or less where a record holds itself.

    Args:
        node: The node.
        known: The lengths of records that are known, by their ids; filled on the way.
    """
    if isinstance(node, Primitive):
        return LEAST[node.kind]
    if isinstance(node, Fixed):
        return node.size
    if isinstance(node, Union):
        return 1 + min([least_size(branch, known) for branch in node.branches])
    if isinstance(node, Record):
        if id(node) not in known:
            known[id(node)] = 0
            known[id(node)] = min(sum([least_size(field.type, known) for field in node.fields]), MOST)
        return known[id(node)]
    return 1


cdef bint is_atom(const Step *step) except -1:
    cdef Py_ssize_t at
    if step.op == UNION:
        for at in range(step.count):
            if not is_atom(step.branches[at]):
                return False
        return True
    if step.op == ABSENT:
        return step.finish is NULL and (step.made is NULL or not is_collected(type(<object>step.made)))
    return step.op < FINISHED


cdef class Compiler:
    def __cinit__(self, Arena arena, targets):
        self.arena = arena
        self.targets = targets
        self.least = {}

    cdef Step *action_root(self, object action) except NULL:
        cdef Step *root = self.action(action)
        self.arena.seal()
        return root

    cdef Step *node_root(self, object node) except NULL:
        cdef Step *root = self.node(node)
        self.arena.seal()
        return root

    cdef Step *new(self, object source) except NULL:
        return <Step *>self.arena.new(source, sizeof(Step))

    cdef Step *action(self, object action) except NULL:
        cdef Step *step
        if isinstance(action, TakeInto):
            return self.action(action.inner)
        step = <Step *>self.arena.known(action)
        if step is not NULL:
            return step
        if isinstance(action, Take):
            return self.leaf(action)
        if isinstance(action, TakeAbsent):
            return self.absent(action)
        step = self.new(action)
        if isinstance(action, TakeSymbol):
            step.op = ENUM
            self.put_symbols(step, self.targets.symbols(action))
        elif isinstance(action, TakeItems):
            return self.wrapped(self.items(step, action), action, self.targets.container(action))
        elif isinstance(action, TakeValues):
            step.op = MAP
            self.has_keys = True
            step.inner = self.action(action.values)
            step.least = 1 + least_size(action.writer.values, self.least)
            return self.wrapped(step, action, self.targets.container(action))
        elif isinstance(action, TakeBranch):
            self.put_branches(step, [<size_t>self.action(branch) for branch in action.branches])
        else:
            self.put_record(step, action)
        return step

    # A field that the writer left out. Its marker has no bytes behind the index of its branch.
    cdef Step *absent(self, object action) except NULL:
        cdef Step *step = self.new(action)
        step.op = ABSENT
        found = self.targets.absent(action)
        if found is not None:
            value, factory = found
            step.finish = self.arena.keep(factory)
            if factory is None:
                self.arena.keep(value)
                step.made = <PyObject *>value  # None, too
        return step

    cdef Step *items(self, Step *step, object action) except NULL:
        step.op = ARRAY
        step.inner = self.action(action.items)
        step.least = least_size(action.writer.items, self.least)
        return step

    # A step whose result goes through a function, where there is one; it then stands for the action.
    cdef Step *wrapped(self, Step *step, object action, object finish) except NULL:
        cdef Step *outer
        if finish is None:
            return step
        outer = self.new(action)
        outer.op = FINISHED
        outer.inner = step
        outer.finish = self.arena.keep(finish)
        return outer

    cdef Step *leaf(self, object action) except NULL:
        cdef Step *step = self.new(action)
        op, count, finish = self.targets.leaf(action)
        step.op = FIXED if op == "fixed" else OPS[op]
        step.count = count
        return self.wrapped(step, action, finish)

    cdef int put_symbols(self, Step *step, tuple symbols) except -1:
        step.symbols = self.arena.keep(symbols)
        step.count = len(symbols)
        return 0

    cdef int put_branches(self, Step *step, list branches) except -1:
        cdef Py_ssize_t at
        step.op = UNION
        step.count = len(branches)
        step.branches = <Step **>self.arena.room(step.count, sizeof(Step *))
        for at in range(step.count):
            step.branches[at] = <Step *><size_t>branches[at]
        return 0

    cdef int put_record(self, Step *step, object action) except -1:
        making = self.targets.making(action)
        step.op = RECORD
        step.make = MAKES[making.how]
        step.width = making.width
        step.made = self.arena.keep(making.cls)
        if step.make == MAKE_DICT and making.whole:
            step.template = self.arena.keep(dict.fromkeys([place.name for place in making.places.values()]))
        step.then = self.arena.keep(making.then)
        step.keywords = self.arena.keep(making.keywords)
        cdef list parts = []
        readers = {}
        for field, written, inner in action.fields:
            if written is not None:
                readers.setdefault(written.name, []).append((field, inner))
        for written in action.writer.fields:
            mine = readers.get(written.name)
            if mine is None:
                parts.append((None, written.type, written.name, False))
                continue
            parts += [(field, inner, written.name, at > 0) for at, (field, inner) in enumerate(mine)]
        step.count = len(parts)
        step.parts = <Part *>self.arena.room(step.count, sizeof(Part))
        for at, (field, inner, label, again) in enumerate(parts):
            self.put_part(&step.parts[<Py_ssize_t>at], making, field, inner, label, again)
        self.put_fills(step, making)
        if making.tells and step.make == MAKE_SLOTS and making.then is None and self.is_leaf(step):
            step.make = MAKE_LEAF
        return 0

    # Whether a record's object holds no other that the garbage collector looks at.
    cdef bint is_leaf(self, const Step *step) except -1:
        cdef Py_ssize_t at
        for at in range(step.count):
            if step.parts[at].name is not NULL and not is_atom(step.parts[at].step):
                return False
        for at in range(step.filled):
            if step.fills[at].factory is not NULL or is_collected(type(<object>step.fills[at].value)):
                return False
        return True

    cdef int put_part(self, Part *part, object making, object field, object inner, str label, bint again) except -1:
        part.label = self.arena.keep(label)
        part.again = again
        if field is None:
            part.step = self.node(inner)
            return 0
        place = making.places[field.name]
        part.step = self.action(inner)
        return self.put_place(part, place)

    cdef int put_place(self, Part *part, object place) except -1:
        part.name = self.arena.keep(place.name)
        part.place = place.at
        return 0

    cdef int put_fills(self, Step *step, object making) except -1:
        cdef Fill *fill
        cdef Py_ssize_t at
        step.filled = len(making.fills)
        step.fills = <Fill *>self.arena.room(step.filled, sizeof(Fill))
        for at in range(step.filled):
            fill = &step.fills[at]
            given = making.fills[at]
            self.put_place(&fill.part, given.place)
            fill.factory = self.arena.keep(given.factory)
            if given.factory is None:
                fill.value = <PyObject *>given.value  # None, too
                self.arena.keep(given.value)
        return 0

    # What is skipped: the writer's own nodes, with nothing to build.
    cdef Step *node(self, object node) except NULL:
        cdef Step *step
        cdef Py_ssize_t at
        step = <Step *>self.arena.known(node)
        if step is not NULL:
            return step
        step = self.new(node)
        if isinstance(node, Primitive):
            step.op = OPS[node.kind]
        elif isinstance(node, Fixed):
            step.op = FIXED
            step.count = node.size
        elif isinstance(node, Enum):
            step.op = ENUM
            self.put_symbols(step, node.symbols)
        elif isinstance(node, Array):
            step.op = ARRAY
            step.inner = self.node(node.items)
            step.least = least_size(node.items, self.least)
        elif isinstance(node, Map):
            step.op = MAP
            step.inner = self.node(node.values)
            step.least = 1 + least_size(node.values, self.least)
        elif isinstance(node, Union):
            self.put_branches(step, [<size_t>self.node(branch) for branch in node.branches])
        else:
            step.op = RECORD
            step.count = len(node.fields)
            step.parts = <Part *>self.arena.room(step.count, sizeof(Part))
            for at in range(step.count):
                field = node.fields[at]
                step.parts[at].label = self.arena.keep(field.name)
                step.parts[at].step = self.node(field.type)
        return step
