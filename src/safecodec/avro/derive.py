"""Python types to nodes: the schema that a Struct, a dataclass, an attrs class, a NamedTuple or a TypedDict stands for.

Types are looked into by `hints`, so a library is loaded only where a type is made with it. What Avro has no word for is
carried as MessagePack bytes under the logical type ``safecodec-msgpack``.
"""

from __future__ import annotations

import datetime
import decimal
import re
import uuid
from typing import Any, Final

from ..errors import SchemaError
from .apart import check
from .defaults import NO_JSON, default_json
from .hints import (
    NO_DEFAULT,
    Choice,
    Enumeration,
    Hint,
    Literals,
    Mapping,
    Opaque,
    RecordField,
    RecordHint,
    Scalar,
    Sequence,
    every,
    hint_of,
)
from .limits import DEFAULT, Limits
from .logical import CARRIER
from .nodes import ABSENT, Array, Enum, Field, Logical, Map, Node, Primitive, Record, Union
from .parse import NAME, branch_kind
from .spelling import spelled

LEAVES: Final[dict[type, tuple[str, str | None]]] = {
    type(None): ("null", None),
    bool: ("boolean", None),
    int: ("long", None),
    float: ("double", None),
    str: ("string", None),
    bytes: ("bytes", None),
    bytearray: ("bytes", None),
    memoryview: ("bytes", None),
    datetime.date: ("int", "date"),
    datetime.time: ("long", "time-micros"),
    datetime.datetime: ("long", "timestamp-micros"),
    uuid.UUID: ("string", "uuid"),
    decimal.Decimal: ("bytes", "big-decimal"),
}
"""The primitive and the logical type of each leaf that Avro has."""
SETS: Final = (set, frozenset)
FACTORIES: Final = (list, dict, set, frozenset, tuple, bytes, bytearray, str, int, float, bool)


def derive(type_: Any, limits: Limits = DEFAULT) -> tuple[Node, dict[int, Hint]]:
    """Return the schema of a Python type, and what each of its nodes was made from.

    Args:
        type_: A `msgspec.Struct`, dataclass, attrs class, NamedTuple or TypedDict, or anything that may be a field of
            one.
        limits: The bounds of a schema.

    Returns:
        The root, and the hint of every node by the node's id. Of a field that may be missing it is the hint of the
        field; a record's fields are found in the record's hint, by their keys.

    Raises:
        SchemaError: It has none; ``path`` says which field.
    """
    try:
        hint = hint_of(type_)
    except Exception as error:  # whatever an annotation does when it is looked at
        raise SchemaError(f"the type {_name_of(type_)} cannot be looked into: {error}", path="$") from error
    deriver = _Deriver(limits.schema_depth)
    return deriver.node(hint, "$", 0), deriver.hints


def _name_of(type_: Any) -> str:
    return getattr(type_, "__qualname__", None) or repr(type_)


class _Deriver:
    def __init__(self, deepest: int) -> None:
        self.deepest = deepest
        self.records: dict[Any, Record] = {}
        self.enums: dict[Any, Enum] = {}
        self.taken: set[str] = set()
        self.hints: dict[int, Hint] = {}

    def name(self, wanted: str) -> str:
        """An Avro name that is not taken: the class's own where it is one."""
        base = re.sub(r"\W+", "_", wanted, flags=re.ASCII).strip("_") or "Value"
        base = base if NAME.match(base) else f"_{base}"
        name, number = base, 2
        while name in self.taken:
            name, number = f"{base}_{number}", number + 1
        self.taken.add(name)
        return name

    def node(self, hint: Hint, path: str, depth: int) -> Node:
        if depth > self.deepest:
            raise SchemaError(f"the type nests deeper than {self.deepest} levels, the limit schema_depth", path=path)
        check(hint, path)
        return self.known(self.made(hint, path, depth), hint)

    def known(self, node: Node, hint: Hint) -> Node:
        """Note what a node is made from: every node, as an id may have been that of one that is gone."""
        self.hints[id(node)] = hint
        return node

    def made(self, hint: Hint, path: str, depth: int) -> Node:
        match hint:
            case Scalar():
                return _leaf(hint, path)
            case Sequence():
                attributes = {"safecodec.collection": "set"} if hint.cls in SETS else {}
                return Array(self.node(hint.item, f"{path}[]", depth + 1), attributes)
            case Mapping(key=Scalar(cls=key)) if key is str:
                return Map(self.node(hint.value, f"{path}{{}}", depth + 1))
            case Choice():
                return self.union(hint, path, depth)
            case Enumeration():
                return self.enum(hint.cls, hint.cls.__name__, [member.value for member in hint.cls], hint, path)
            case Literals():
                name = "Literal_" + "_".join(map(str, hint.values))[:48]
                return self.enum(hint.values, name, list(hint.values), hint, path)
            case RecordHint():
                return self.record(hint, path, depth)
            case Opaque():
                raise SchemaError(f"the type {spelled(hint)} has no schema", path=path)
        return carrier(hint, path)

    def enum(self, key: Any, name: str, values: list[Any], hint: Hint, path: str) -> Node:
        if not all(type(value) is str and NAME.match(value) for value in values):
            return carrier(hint, path)
        if key not in self.enums:
            self.enums[key] = Enum(self.name(name), tuple(values))
        return self.enums[key]

    def union(self, hint: Choice, path: str, depth: int) -> Node:
        branches: list[Node] = []
        seen: set[str] = set()
        for one in hint.members:
            branch = self.node(one, path, depth + 1)
            kind = branch_kind(branch)
            if kind in seen:
                return carrier(hint, path)  # a reader tells them apart, or `check` has refused them
            seen.add(kind)
            branches.append(branch)
        return Union(tuple(branches))

    def record(self, hint: RecordHint, path: str, depth: int) -> Record:
        if hint.cls in self.records:
            return self.records[hint.cls]
        record = Record(self.name(_name_of(hint.cls).rpartition(".")[2]))
        self.records[hint.cls] = record
        if hint.tag_field is not None:
            record.attributes |= {"safecodec.tag_field": hint.tag_field, "safecodec.tag": hint.tag}
        if hint.array_like:
            record.attributes["safecodec.array_like"] = True
        record.fields = tuple(self.field(field, f"{path}.{field.name}", depth) for field in hint.fields)
        if hint.omits_defaults:
            for field in record.fields:
                if "safecodec.default" in field.attributes:
                    raise SchemaError(
                        "the Struct leaves out defaults, and only the class knows this one: set omit_defaults=False",
                        path=f"{path}.{field.name}",
                    )
        return record

    def field(self, field: RecordField, path: str, depth: int) -> Field:
        name = field.key
        if not NAME.match(name):
            raise SchemaError(f"the field is called {name!r} when encoded, which is no Avro name", path=path)
        node = self.node(field.hint, path, depth + 1)
        if field.required:
            return Field(name, node)
        if field.default is not NO_DEFAULT:
            default = field.default
        elif field.factory is not NO_DEFAULT:
            default = _made(field.factory)
        else:
            return Field(name, self.optional(node, field.hint, path), None, attributes={"safecodec.optional": True})
        node, value = default_json(node, default)
        self.known(node, field.hint)
        if value is NO_JSON:
            return Field(name, node, ABSENT, attributes={"safecodec.default": "factory"})
        return Field(name, node, value)

    def optional(self, node: Node, hint: Hint, path: str) -> Node:
        """A field that may be missing: null says so; where None is a value as well, the value is carried."""
        branches = node.branches if isinstance(node, Union) else (node,)
        if any(branch_kind(branch) == "null" for branch in branches):
            branches = (self.known(carrier(hint, path), hint),)
        missing = self.known(Primitive("null"), Scalar(type(None)))
        return self.known(Union((missing, *branches)), hint)


def carrier(hint: Hint, path: str) -> Primitive:
    """Return the node of a type that Avro has no word for.

    Raises:
        SchemaError: It holds what no reader can tell apart, or a set: carried values are written as they stand in
            memory, and a set has no order there.
    """
    for one in every(hint):
        check(one, path)
    text = spelled(hint)
    if "set[" in text:
        raise SchemaError(f"the type {text} is carried as MessagePack, where a set in it has no order", path=path)
    return Primitive("bytes", Logical(CARRIER), {"safecodec.type": text})


def _leaf(hint: Scalar, path: str) -> Primitive:
    if hint.cls not in LEAVES or (hint.cls is datetime.time and hint.tz):
        return carrier(hint, path)
    primitive, logical = LEAVES[hint.cls]
    if hint.cls is datetime.datetime and hint.tz is False:
        logical = "local-timestamp-micros"
    return Primitive(primitive, None if logical is None else Logical(logical))


def _made(factory: Any) -> Any:
    """What a factory of the standard library makes; others may make something else each time."""
    return factory() if factory in FACTORIES else NO_JSON
