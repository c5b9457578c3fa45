"""The physical schema that fastavro is given.

fastavro sees no logical types, no defaults and no names of ours. Each branch of a union is put into a record of one
field, which adds no byte to the payload and says which branch it is: a value alone does not.
"""

from __future__ import annotations

import struct
from typing import Any

from .logical import put_bytes, put_long
from .nodes import Array, Enum, Fixed, Map, Node, Primitive, Union


class Physical:
    """The schema that fastavro is given.

    Args:
        root: The schema.
    """

    def __init__(self, root: Node) -> None:
        self.names: dict[int, str] = {}
        self.branches: dict[tuple[int, int], str] = {}
        """The name of each union's branch, by the union's id and the branch's index."""
        self.json: Any = self._json(root)

    def _json(self, node: Node) -> Any:
        match node:
            case Primitive():
                return node.kind
            case Array():
                return {"type": "array", "items": self._json(node.items)}
            case Map():
                return {"type": "map", "values": self._json(node.values)}
            case Union():
                return [self._branch(node, at) for at in range(len(node.branches))]
        if id(node) in self.names:
            return self.names[id(node)]
        name = self.names[id(node)] = f"T{len(self.names)}"
        if isinstance(node, Enum):
            return {"type": "enum", "name": name, "symbols": list(node.symbols)}
        if isinstance(node, Fixed):
            return {"type": "fixed", "name": name, "size": node.size}
        fields = [{"name": field.name, "type": self._json(field.type)} for field in node.fields]
        return {"type": "record", "name": name, "fields": fields}

    def _branch(self, node: Union, at: int) -> Any:
        if (id(node), at) in self.branches:
            return self.branches[id(node), at]  # a union that is not in a record may stand in itself
        name = self.branches[id(node), at] = f"B{len(self.branches)}_{at}"
        return {"type": "record", "name": name, "fields": [{"name": "value", "type": self._json(node.branches[at])}]}


def avro_bytes(node: Node, value: Any) -> bytes:
    """Return the Avro binary of a physical value (Avro 1.12, *Binary Encoding*); it orders the items of sets."""
    match node:
        case Primitive():
            return _primitive_bytes(node.kind, value)
        case Fixed():
            return bytes(value)
        case Enum():
            return put_long(node.places[value])
        case Array():
            return _block(value, [avro_bytes(node.items, one) for one in value])
        case Map():
            items = [_primitive_bytes("string", key) + avro_bytes(node.values, one) for key, one in value.items()]
            return _block(value, items)
        case Union():
            at = int(value[0].rpartition("_")[2])
            return put_long(at) + avro_bytes(node.branches[at], value[1]["value"])
    return b"".join(avro_bytes(field.type, value[field.name]) for field in node.fields)


def _primitive_bytes(kind: str, value: Any) -> bytes:
    match kind:
        case "null":
            return b""
        case "boolean":
            return bytes([value])
        case "int" | "long":
            return put_long(value)
        case "float" | "double":
            return struct.pack("<f" if kind == "float" else "<d", value)
    return put_bytes(value.encode() if kind == "string" else bytes(value))


def _block(value: Any, items: list[bytes]) -> bytes:
    return (put_long(len(value)) if value else b"") + b"".join(items) + b"\0"
