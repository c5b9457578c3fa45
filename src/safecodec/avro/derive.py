"""Python types to nodes: the schema that a Struct, a dataclass or a TypedDict stands for.

msgspec is used to look into types, so whatever msgspec can hold has a schema, and only then is it imported. What Avro
has no word for is carried as MessagePack bytes under the logical type ``safecodec-msgpack``.
"""

from __future__ import annotations

import re
from typing import Any, Final, get_origin

import msgspec
from msgspec import inspect as kinds

from ..errors import SchemaError
from .defaults import NO_JSON, default_json
from .nodes import ABSENT, Array, Enum, Field, Logical, Map, Node, Primitive, Record, Union
from .parse import MAX_DEPTH, NAME, branch_kind
from .spelling import spelled

CARRIER: Final = "safecodec-msgpack"
PLAIN: Final[dict[type[kinds.Type], str]] = {
    kinds.NoneType: "null",
    kinds.BoolType: "boolean",
    kinds.IntType: "long",
    kinds.FloatType: "double",
    kinds.StrType: "string",
    kinds.BytesType: "bytes",
    kinds.ByteArrayType: "bytes",
    kinds.MemoryViewType: "bytes",
}
LOGICAL: Final[dict[type[kinds.Type], tuple[str, str]]] = {
    kinds.DateType: ("int", "date"),
    kinds.UUIDType: ("string", "uuid"),
    kinds.DecimalType: ("bytes", "big-decimal"),
}
SEQUENCES: Final = (kinds.ListType, kinds.VarTupleType)
SETS: Final = (kinds.SetType, kinds.FrozenSetType)
FACTORIES: Final = (list, dict, set, frozenset, tuple, bytes, bytearray, str, int, float, bool)
RECORDS: Final = (kinds.StructType, kinds.DataclassType, kinds.TypedDictType)


def derive(type_: Any) -> Node:
    """Return the schema of a Python type.

    Args:
        type_: A `msgspec.Struct`, dataclass or TypedDict, or anything that may be a field of one.

    Raises:
        SchemaError: It has none; ``path`` says which field.
    """
    try:
        info = kinds.type_info(type_)
    except Exception as error:  # whatever an annotation does when it is looked at
        raise SchemaError(f"the type {_name_of(type_)} cannot be looked into: {error}", path="$") from error
    return _Deriver().node(info, "$", 0)


def _name_of(type_: Any) -> str:
    return getattr(type_, "__qualname__", None) or repr(type_)


class _Deriver:
    def __init__(self) -> None:
        self.records: dict[Any, Record] = {}
        self.enums: dict[Any, Enum] = {}
        self.taken: set[str] = set()

    def name(self, wanted: str) -> str:
        """An Avro name that is not taken: the class's own where it is one."""
        base = re.sub(r"\W+", "_", wanted, flags=re.ASCII).strip("_") or "Value"
        base = base if NAME.match(base) else f"_{base}"
        name, number = base, 2
        while name in self.taken:
            name, number = f"{base}_{number}", number + 1
        self.taken.add(name)
        return name

    def node(self, info: kinds.Type, path: str, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise SchemaError(f"the type nests deeper than {MAX_DEPTH} levels", path=path)
        kind = type(info)
        if isinstance(info, kinds.Metadata):
            return self.node(info.type, path, depth)
        if kind in PLAIN:
            return Primitive(PLAIN[kind])
        if kind in LOGICAL:
            primitive, logical = LOGICAL[kind]
            return Primitive(primitive, Logical(logical))
        if isinstance(info, kinds.DateTimeType):
            return Primitive("long", Logical("local-timestamp-micros" if info.tz is False else "timestamp-micros"))
        if isinstance(info, kinds.TimeType) and info.tz is not True:
            return Primitive("long", Logical("time-micros"))
        if isinstance(info, SEQUENCES):
            return Array(self.node(info.item_type, f"{path}[]", depth + 1))
        if isinstance(info, SETS):
            return Array(self.node(info.item_type, f"{path}[]", depth + 1), {"safecodec.collection": "set"})
        if isinstance(info, kinds.DictType) and _is_text(info.key_type):
            return Map(self.node(info.value_type, f"{path}{{}}", depth + 1))
        if isinstance(info, kinds.UnionType):
            return self.union(info, path, depth)
        if isinstance(info, kinds.EnumType):
            return self.enum(info.cls, info.cls.__name__, [member.value for member in info.cls], info, path)
        if isinstance(info, kinds.LiteralType):
            values = list(info.values)
            return self.enum(tuple(values), "Literal_" + "_".join(map(str, values))[:48], values, info, path)
        if isinstance(info, RECORDS):
            return self.record(info, path, depth)
        if isinstance(info, (kinds.CustomType, kinds.RawType, kinds.ExtType)):
            raise SchemaError(f"the type {spelled(info)} has no schema", path=path)
        return carrier(info, path)

    def enum(self, key: Any, name: str, values: list[Any], info: kinds.Type, path: str) -> Node:
        if not all(type(value) is str and NAME.match(value) for value in values):
            return carrier(info, path)
        if key not in self.enums:
            self.enums[key] = Enum(self.name(name), tuple(values))
        return self.enums[key]

    def union(self, info: kinds.UnionType, path: str, depth: int) -> Node:
        branches: list[Node] = []
        seen: set[str] = set()
        for one in info.types:
            branch = self.node(one, path, depth + 1)
            kind = branch_kind(branch)
            if kind in seen:
                return carrier(info, path)  # msgspec has refused what it cannot tell apart
            seen.add(kind)
            branches.append(branch)
        return Union(tuple(branches))

    def record(self, info: Any, path: str, depth: int) -> Record:
        if info.cls in self.records:
            return self.records[info.cls]
        record = Record(self.name(_name_of(info.cls).rpartition(".")[2]))
        self.records[info.cls] = record
        if getattr(info, "tag_field", None) is not None:
            record.attributes |= {"safecodec.tag_field": info.tag_field, "safecodec.tag": info.tag}
        if getattr(info, "array_like", False):
            record.attributes["safecodec.array_like"] = True
        record.fields = tuple(self.field(field, f"{path}.{field.name}", depth) for field in info.fields)
        if isinstance(info, kinds.StructType) and struct_config(info).omit_defaults:
            for field in record.fields:
                if "safecodec.default" in field.attributes:
                    raise SchemaError(
                        "the Struct leaves out defaults, and only the class knows this one: set omit_defaults=False",
                        path=f"{path}.{field.name}",
                    )
        return record

    def field(self, field: kinds.Field, path: str, depth: int) -> Field:
        name = field.encode_name
        if not NAME.match(name):
            raise SchemaError(f"the field is called {name!r} when encoded, which is no Avro name", path=path)
        node = self.node(field.type, path, depth + 1)
        if field.required:
            return Field(name, node)
        if field.default is not msgspec.NODEFAULT:
            default = field.default
        elif field.default_factory is not msgspec.NODEFAULT:
            default = _made(field.default_factory)
        else:
            return Field(name, _optional(node, field.type, path), None, attributes={"safecodec.optional": True})
        node, value = default_json(node, default)
        if value is NO_JSON:
            return Field(name, node, ABSENT, attributes={"safecodec.default": "factory"})
        return Field(name, node, value)


def struct_config(info: kinds.StructType) -> Any:
    """Return how a Struct is configured; a generic one has it on its origin."""
    return (get_origin(info.cls) or info.cls).__struct_config__


def carrier(info: kinds.Type, path: str) -> Primitive:
    """Return the node of a type that Avro has no word for.

    Raises:
        SchemaError: It holds a set: carried values are written as they stand in memory, and a set has no order there.
    """
    text = spelled(info)
    if "set[" in text:
        raise SchemaError(f"the type {text} is carried as MessagePack, where a set in it has no order", path=path)
    return Primitive("bytes", Logical(CARRIER), {"safecodec.type": text})


def _is_text(info: kinds.Type) -> bool:
    while isinstance(info, kinds.Metadata):
        info = info.type
    return isinstance(info, kinds.StrType)


def _made(factory: Any) -> Any:
    """What a factory of the standard library makes; others may make something else each time."""
    return factory() if factory in FACTORIES else NO_JSON


def _optional(node: Node, info: kinds.Type, path: str) -> Node:
    """A field that may be missing: null says so; where None is a value as well, the value is carried."""
    branches = node.branches if isinstance(node, Union) else (node,)
    if any(branch_kind(branch) == "null" for branch in branches):
        branches = (carrier(info, path),)
    return Union((Primitive("null"), *branches))
