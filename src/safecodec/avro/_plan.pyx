"""A resolved tree compiled into the steps that the decoder takes."""

from functools import partial
from sys import intern

from safecodec.avro.lift import needs_shape, needs_taking, shaped, taken
from safecodec.avro.nodes import Array, Enum, Fixed, Map, Primitive, Union
from safecodec.avro.resolve import Take, TakeBranch, TakeItems, TakeSymbol, TakeValues


cdef class Step:
    pass


cdef dict KINDS = {
    "null": NOTHING, "boolean": BOOLEAN, "int": INT, "long": LONG, "float": FLOAT, "double": DOUBLE, "bytes": BYTES,
    "string": STRING,
}


cdef Step leaf(node):
    cdef Step step = Step.__new__(Step)
    if isinstance(node, Fixed):
        step.kind = FIXED
        step.count = node.size
    else:
        step.kind = KINDS[node.kind]
    return step


cdef Step compile_action(action, bint typed, dict known, dict classes):
    cdef Step step
    if id(action) in known:
        return known[id(action)]
    if isinstance(action, Take):
        step = leaf(action.writer)
        if needs_taking(action):
            step.finish = partial(taken, action)
        known[id(action)] = step
        return step
    step = known[id(action)] = Step.__new__(Step)
    if isinstance(action, TakeSymbol):
        step.kind = ENUM
        step.symbols = tuple(action.symbols.values())
        step.count = len(step.symbols)
    elif isinstance(action, TakeItems):
        step.kind = ARRAY
        step.inner = compile_action(action.items, typed, known, classes)
    elif isinstance(action, TakeValues):
        step.kind = MAP
        step.inner = compile_action(action.values, typed, known, classes)
    elif isinstance(action, TakeBranch):
        step.kind = UNION
        step.parts = tuple([compile_action(branch, typed, known, classes) for branch in action.branches])
        step.count = len(step.parts)
    else:
        fill_record(step, action, typed, known, classes)
    return step


cdef int fill_record(Step step, action, bint typed, dict known, dict classes) except -1:
    cdef dict readers = {}
    for field, written, inner in action.fields:
        if written is not None:
            readers.setdefault(written.name, []).append((field.name, inner))
    parts, names, again = [], [], []
    for at, field in enumerate(action.writer.fields):
        mine = readers.get(field.name)
        if mine is None:
            parts.append(compile_node(field.type, known))
            names.append(None)
            continue
        steps = [(intern(name), compile_action(inner, typed, known, classes)) for name, inner in mine]
        names.append(steps[0][0])
        parts.append(steps[0][1])
        again += [(at, other, name) for name, other in steps[1:]]
    step.kind = RECORD
    step.parts, step.names = tuple(parts), tuple(names)
    step.again = tuple(again) if again else None
    step.labels = tuple([field.name for field in action.writer.fields])
    step.count = len(parts)
    step.made = classes.get(id(action))
    if step.made is not None:
        order = {field.name: at for at, (field, _, _) in enumerate(action.fields)}
        step.places = tuple([order[name] for name in names])
    elif needs_shape(action, typed=typed):
        step.finish = partial(shaped, action, typed=typed)
    return 0


# What is skipped: the writer's own nodes, with nothing to build.
cdef Step compile_node(node, dict known):
    cdef Step step
    if id(node) in known:
        return known[id(node)]
    if isinstance(node, (Primitive, Fixed)):
        return leaf(node)
    step = known[id(node)] = Step.__new__(Step)
    if isinstance(node, Enum):
        step.kind = ENUM
        step.symbols = node.symbols
        step.count = len(node.symbols)
    elif isinstance(node, Array):
        step.kind = ARRAY
        step.inner = compile_node(node.items, known)
    elif isinstance(node, Map):
        step.kind = MAP
        step.inner = compile_node(node.values, known)
    elif isinstance(node, Union):
        step.kind = UNION
        step.parts = tuple([compile_node(branch, known) for branch in node.branches])
        step.count = len(step.parts)
    else:
        step.kind = RECORD
        step.labels = tuple([field.name for field in node.fields])
        step.parts = tuple([compile_node(field.type, known) for field in node.fields])
        step.names = (None,) * len(step.parts)
        step.count = len(step.parts)
    return step
