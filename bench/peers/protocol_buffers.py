"""Protocol Buffers by upb. It parses lazily, so it is measured as parsed, and with every field read into a Struct.

Messages are described at run time, from the Structs of a sample; the code that reads and builds every field is written
for each of them, as a service would write it by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from msgspec import inspect

from safecodec.bench.peers import Peer, peer

from ..samples import Sample

PACKAGE = "bench"
FIELD = descriptor_pb2.FieldDescriptorProto
SCALARS: dict[type, int] = {
    inspect.IntType: FIELD.TYPE_SINT64,
    inspect.StrType: FIELD.TYPE_STRING,
    inspect.FloatType: FIELD.TYPE_DOUBLE,
    inspect.BoolType: FIELD.TYPE_BOOL,
}


def without_null(kind: inspect.Type) -> tuple[inspect.Type, bool]:
    """A type without its null, and whether it had one."""
    if isinstance(kind, inspect.UnionType):
        return next(one for one in kind.types if not isinstance(one, inspect.NoneType)), True
    return kind, False


class Messages:
    """The messages of a Struct and of all that it holds.

    Args:
        root: The Struct.
    """

    def __init__(self, root: Any) -> None:
        self.file = descriptor_pb2.FileDescriptorProto(name="bench.proto", package=PACKAGE, syntax="proto3")
        self.names: dict[str, Any] = {}
        self.root = self.struct(inspect.type_info(root))
        pool = descriptor_pool.DescriptorPool()
        pool.Add(self.file)
        for message in self.file.message_type:
            found = pool.FindMessageTypeByName(f"{PACKAGE}.{message.name}")
            self.names[f"{message.name}Message"] = message_factory.GetMessageClass(found)

    def struct(self, kind: Any) -> Any:
        """Describe a Struct once; returns its description."""
        name = kind.cls.__name__
        if name not in self.names:
            self.names[name] = kind.cls
            message = descriptor_pb2.DescriptorProto(name=name)
            for number, field in enumerate(kind.fields, 1):
                self.field(message, field, number)
            self.file.message_type.append(message)
        return kind

    def field(self, message: Any, field: Any, number: int) -> None:
        """Describe a field, with proto3's presence where it may be null."""
        kind, optional = without_null(field.type)
        made = message.field.add(name=field.name, number=number, label=FIELD.LABEL_OPTIONAL)
        if isinstance(kind, inspect.ListType):
            made.label, kind = FIELD.LABEL_REPEATED, kind.item_type
        elif isinstance(kind, inspect.DictType):
            entry = message.nested_type.add(name=f"{field.name.title().replace('_', '')}Entry")
            entry.options.map_entry = True
            for number, (half, part) in enumerate((("key", kind.key_type), ("value", kind.value_type)), 1):
                self.kind(entry.field.add(name=half, number=number, label=FIELD.LABEL_OPTIONAL), part)
            made.label, made.type = FIELD.LABEL_REPEATED, FIELD.TYPE_MESSAGE
            made.type_name = f".{PACKAGE}.{message.name}.{entry.name}"
            return
        self.kind(made, kind)
        if optional:
            made.proto3_optional, made.oneof_index = True, len(message.oneof_decl)
            message.oneof_decl.add(name=f"_{field.name}")

    def kind(self, made: Any, kind: Any) -> None:
        """Give a field its type."""
        if isinstance(kind, inspect.EnumType):
            made.type, made.type_name = FIELD.TYPE_ENUM, f".{PACKAGE}.{self.enum(kind.cls)}"
        elif isinstance(kind, inspect.StructType):
            made.type, made.type_name = FIELD.TYPE_MESSAGE, f".{PACKAGE}.{self.struct(kind).cls.__name__}"
        else:
            made.type = SCALARS[type(kind)]

    def enum(self, cls: Any) -> str:
        """Describe an enumeration once."""
        name: str = cls.__name__
        if name not in self.names:
            members = list(cls)
            numbers = {member: number for number, member in enumerate(members)}
            self.names |= {name: cls, f"{name}_members": members, f"{name}_numbers": numbers}
            made = self.file.enum_type.add(name=name)
            for number, member in enumerate(members):
                made.value.add(name=member.name, number=number)
        return name

    def function(self, expression: Callable[[Any, str], str]) -> Callable[[Any], Any]:
        """Write and compile a function of the root."""
        made: Callable[[Any], Any] = eval(f"lambda it: {expression(self.root, 'it')}", dict(self.names))
        return made


def reading(kind: Any, it: str) -> str:
    """The expression that reads a message's value out of a place."""
    if isinstance(kind, inspect.StructType):
        return f"{kind.cls.__name__}({', '.join(read_field(field, it) for field in kind.fields)})"
    if isinstance(kind, inspect.ListType):
        return f"[{reading(kind.item_type, 'x')} for x in {it}]" if is_made(kind.item_type) else f"list({it})"
    if isinstance(kind, inspect.DictType):
        return f"dict({it})"
    return f"{kind.cls.__name__}_members[{it}]" if isinstance(kind, inspect.EnumType) else it


def read_field(field: Any, it: str) -> str:
    """The expression that reads a field."""
    kind, optional = without_null(field.type)
    found = reading(kind, f"{it}.{field.name}")
    return f"({found} if {it}.HasField({field.name!r}) else None)" if optional else found


def building(kind: Any, it: str) -> str:
    """The expression that builds a message's value from a Struct's."""
    if isinstance(kind, inspect.StructType):
        fields = (f"{field.name}={build_field(field, it)}" for field in kind.fields)
        return f"{kind.cls.__name__}Message({', '.join(fields)})"
    if isinstance(kind, inspect.ListType) and is_made(kind.item_type):
        return f"[{building(kind.item_type, 'x')} for x in {it}]"
    return f"{kind.cls.__name__}_numbers[{it}]" if isinstance(kind, inspect.EnumType) else it


def build_field(field: Any, it: str) -> str:
    """The expression that builds a field; a message takes None as absence."""
    return building(without_null(field.type)[0], f"{it}.{field.name}")


def is_made(kind: Any) -> bool:
    """Whether a value is more than the scalar that a message has."""
    return isinstance(kind, inspect.StructType | inspect.EnumType)


def peers(sample: Sample) -> Iterator[Peer]:
    """A message as it is, and with every field of a Struct moved in and out."""
    messages = Messages(sample.type)
    read, build = messages.function(reading), messages.function(building)
    message_class = messages.names[f"{sample.type.__name__}Message"]
    parse, serialize = message_class.FromString, message_class.SerializeToString

    yield peer("protobuf", "message", serialize, parse, build(sample.value))
    yield peer(
        "protobuf",
        "every field",
        lambda value: serialize(build(value)),
        lambda data: read(parse(data)),
        sample.value,
    )
