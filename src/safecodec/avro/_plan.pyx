"""A resolved tree compiled into the steps that the decoder takes."""

from operator import attrgetter

from safecodec.avro._arena cimport Arena
from safecodec.avro._bounds cimport Bounds
from safecodec.avro._conversions cimport Conversion
from safecodec.avro._slots cimport is_within, object_size

from sys import getsizeof

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
cdef int OPEN = -1  # a node whose parts are being looked at
LEAST = {"null": 0, "boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8, "bytes": 1, "string": 1}
"""The shortest encoding of each primitive, in bytes."""


def least_size(node, known):
    """Return the length of a node's shortest encoding in bytes, or less where a record holds itself.

    Args:
        node: The node.
        known: The lengths of nodes that are known, by their ids; filled on the way.
    """
    cdef list waiting = [node]  # not the C stack: names allow a schema to nest as deep as its text is long
    while waiting:
        one = waiting[len(waiting) - 1]
        size = known.get(id(one))
        if size is None:
            known[id(one)] = OPEN
            waiting += [part for part in parts_of(one) if id(part) not in known]
            continue
        waiting.pop()
        if size == OPEN:
            known[id(one)] = min(size_of(one, known), MOST)
    return known[id(node)]


cdef object parts_of(node):
    if isinstance(node, Union):
        return node.branches
    return list(map(attrgetter("type"), node.fields)) if isinstance(node, Record) else ()


# Of a node whose parts are known, or open where they hold the node.
cdef object size_of(node, dict known):
    if isinstance(node, Primitive):
        return LEAST[node.kind]
    if isinstance(node, Fixed):
        return node.size
    sizes = []
    for part in parts_of(node):
        sizes.append(max(known[id(part)], 0))
    if isinstance(node, Record):
        return sum(sizes)
    return 1 + min(sizes) if sizes else 1


# Whether what a step makes is no object that the garbage collector looks at. A union holds no other union.
cdef bint is_atom(const Step *step) except -1:
    if step.op == ABSENT:
        return step.finish is NULL and (step.made is NULL or not is_collected(type(<object>step.made)))
    return step.op < FINISHED


cdef class Compiler:
    def __cinit__(self, Arena arena not None, targets):
        self.arena = arena
        self.targets = targets
        self.least = {}
        self.waiting = []
        self.leaves = []
        self.skipped = []

    cdef Step *action_root(self, object action) except NULL:
        cdef Step *root = self.action(action)
        while self.waiting:
            source, step = self.waiting.pop()
            self.fill_action(<Step *><size_t>step, source)
        for step in self.leaves:
            if self.is_leaf(<Step *><size_t>step):
                (<Step *><size_t>step).make = MAKE_LEAF
        self.arena.seal()
        return root

    cdef Step *node_root(self, object node) except NULL:
        cdef Step *root = self.node(node)
        self.fill_nodes()
        self.arena.seal()
        return root

    cdef Step *new(self, object source) except NULL:
        return <Step *>self.arena.new(source, sizeof(Step))

    # The step of an action. What it holds is filled in later, in a loop: a tree nests deeper than a C stack may.
    cdef Step *action(self, object action) except NULL:
        cdef Step *step
        while isinstance(action, TakeInto):
            action = action.inner
        step = <Step *>self.arena.known(action)
        if step is not NULL:
            return step
        if isinstance(action, Take):
            return self.leaf(action)
        if isinstance(action, TakeAbsent):
            return self.absent(action)
        step = self.new(action)
        self.waiting.append((action, <size_t>step))
        if isinstance(action, (TakeItems, TakeValues)):
            return self.wrapped(step, action, self.targets.container(action))
        return step

    cdef int fill_action(self, Step *step, object action) except -1:
        if isinstance(action, TakeSymbol):
            step.op = ENUM
            self.put_symbols(step, self.targets.symbols(action))
        elif isinstance(action, TakeItems):
            step.op = ARRAY
            step.inner = self.action(action.items)
            step.least = least_size(action.writer.items, self.least)
        elif isinstance(action, TakeValues):
            step.op = MAP
            self.has_keys = True
            step.inner = self.action(action.values)
            step.least = 1 + least_size(action.writer.values, self.least)
        elif isinstance(action, TakeBranch):
            self.put_branches(step, action.branches, True)
        else:
            self.put_record(step, action)
        self.fill_nodes()
        return 0

    # A field that the writer left out. Its marker has no bytes behind the index of its branch.
    cdef Step *absent(self, object action) except NULL:
        cdef Step *step = self.new(action)
        step.op = ABSENT
        found = self.targets.absent(action)
        if found is not None:
            step.weight = found.size
            step.finish = self.arena.keep(found.factory)
            if found.factory is None:
                self.arena.keep(found.value)
                step.made = <PyObject *>found.value  # None, too
        return step

    # A step whose result goes through a function, where there is one; it then stands for the action.
    cdef Step *wrapped(self, Step *step, object action, object finish) except NULL:
        cdef Step *outer
        if finish is None:
            return step
        outer = self.new(action)
        outer.op = FINISHED
        compiled = getattr(finish, "__self__", None)
        if isinstance(compiled, Bounds):
            outer.op = BOUNDED
        elif isinstance(compiled, Conversion):
            outer.op = CONVERTED
        elif finish is dict:
            outer.op = PAIRS
        outer.compiled = <PyObject *>compiled  # kept by its method
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

    cdef int put_branches(self, Step *step, object branches, bint kept) except -1:
        cdef Py_ssize_t at
        step.op = UNION
        step.count = len(branches)
        step.branches = <Step **>self.arena.room(step.count, sizeof(Step *))
        for at, branch in enumerate(branches):
            step.branches[at] = self.action(branch) if kept else self.node(branch)
        return 0

    cdef int put_record(self, Step *step, object action) except -1:
        making = self.targets.making(action)
        step.op = RECORD
        step.make = MAKES[making.how]
        step.width = making.width
        step.made = self.arena.keep(making.cls)
        if step.make == MAKE_DICT and making.whole:
            step.template = self.arena.keep(dict.fromkeys(map(attrgetter("name"), making.places.values())))
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
            for at, (field, inner) in enumerate(mine):
                parts.append((field, inner, written.name, at > 0))
        step.count = len(parts)
        step.parts = <Part *>self.arena.room(step.count, sizeof(Part))
        for at, (field, inner, label, again) in enumerate(parts):
            self.put_part(&step.parts[<Py_ssize_t>at], making, field, inner, label, again)
        self.put_fills(step, making)
        if making.tells and step.make == MAKE_SLOTS and making.then is None:
            self.leaves.append(<size_t>step)
        self.check_places(step, making.cls)
        if step.make == MAKE_DICT:
            step.weight += getsizeof(dict.fromkeys(list(making.places)))
        else:
            step.weight += object_size(making.cls, step.width)
        return 0

    # Objects are filled past their class: each place has to be one that they have, and no place of a tuple stays empty.
    cdef int check_places(self, const Step *step, object cls) except -1:
        cdef Py_ssize_t at
        cdef const Part *part
        cdef set places
        if step.make == MAKE_DICT or step.make == MAKE_ATTRIBUTES:
            return 0
        if step.make == MAKE_TUPLE and not (isinstance(cls, type) and issubclass(cls, tuple)):
            raise TypeError(f"{cls!r} is no class of tuples")
        places = set()
        for at in range(step.count + step.filled):
            part = &step.parts[at] if at < step.count else &step.fills[at - step.count].part
            if part.name is NULL:
                continue
            if step.make != MAKE_SLOTS:
                places.add(part.place)
            elif not is_within(cls, part.place):
                raise ValueError(f"{<object>part.name!r} is no slot of {cls!r}")
        if step.make != MAKE_SLOTS and places != set(range(step.width)):
            raise ValueError(f"{cls!r} has {step.width} places, {len(places)} are filled")
        return 0

    # Whether a record's object holds no other that the garbage collector looks at.
    cdef bint is_leaf(self, const Step *step) except -1:
        cdef Step *inner
        cdef Py_ssize_t at, branch
        for at in range(step.count):
            if step.parts[at].name is NULL:
                continue
            inner = step.parts[at].step
            for branch in range(inner.count if inner.op == UNION else 1):
                if not is_atom(inner.branches[branch] if inner.op == UNION else inner):
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
            step.weight += given.size
            self.put_place(&fill.part, given.place)
            fill.factory = self.arena.keep(given.factory)
            if given.factory is None:
                fill.value = <PyObject *>given.value  # None, too
                self.arena.keep(given.value)
        return 0

    # The step of what is skipped: the writer's own node, with nothing to build. Filled in later, as an action's.
    cdef Step *node(self, object node) except NULL:
        cdef Step *step
        step = <Step *>self.arena.known(node)
        if step is not NULL:
            return step
        step = self.new(node)
        self.skipped.append((node, <size_t>step))
        return step

    cdef int fill_nodes(self) except -1:
        while self.skipped:
            node, step = self.skipped.pop()
            self.fill_node(<Step *><size_t>step, node)
        return 0

    cdef int fill_node(self, Step *step, object node) except -1:
        cdef Py_ssize_t at
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
            self.put_branches(step, node.branches, False)
        elif "safecodec.absent" in node.attributes:
            step.op = NOTHING  # the mark of a missing field is no level of the value, as in the decoder
        else:
            step.op = RECORD
            step.count = len(node.fields)
            step.parts = <Part *>self.arena.room(step.count, sizeof(Part))
            for at, field in enumerate(node.fields):
                step.parts[at].label = self.arena.keep(field.name)
                step.parts[at].step = self.node(field.type)
        return 0
