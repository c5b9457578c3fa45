"""The Python type that msgspec reads and writes for the values of an Avro schema, which are dicts."""

from __future__ import annotations

import datetime
import uuid
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypedDict, Union

from msgspec import Meta

from ..avro.nodes import Array, Enum, Fixed, Logical, Map, Node, Primitive, Record
from ..avro.nodes import Union as UnionNode
from ..avro.schema import Schema
from ..errors import SchemaError

if TYPE_CHECKING:
    from ..avro.limits import Limits

PRIMITIVES: Final[dict[str, Any]] = {
    "null": None,
    "boolean": bool,
    "int": Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)],
    "long": Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)],
    "float": float,
    "double": float,
    "bytes": bytes,
    "string": str,
}
LOGICAL: Final[dict[tuple[str, str], Any]] = {
    ("string", "uuid"): uuid.UUID,
    ("int", "date"): datetime.date,
    ("long", "timestamp-micros"): Annotated[datetime.datetime, Meta(tz=True)],
    ("long", "local-timestamp-micros"): Annotated[datetime.datetime, Meta(tz=False)],
}
"""Logical types whose values msgspec reads as they are, by the kind beneath."""
IGNORED: Final = frozenset({"safecodec.class"})
"""Attributes of a schema that say nothing about its dicts."""


class _NoTypeError(Exception):
    """No type says what a node's values are."""


@lru_cache(maxsize=8)  # a codec asks for that of its newest version several times
def dict_type(root: Node, limits: Limits) -> Schema | None:
    """Return the schema of the type, with the type; None where msgspec has none that says as much as the Avro schema.

    Args:
        root: The Avro schema.
        limits: The bounds of schemas and values.
    """
    try:
        return Schema(_Types().of(root), limits=limits)
    except (_NoTypeError, SchemaError):  # or a union that msgspec does not tell apart
        return None


class _Types:
    def __init__(self) -> None:
        self.made: dict[int, Any] = {}
        """The types of records by their nodes' ids; None while one is being made."""

    def of(self, node: Node) -> Any:
        attributes = getattr(node, "attributes", {})
        if not IGNORED.issuperset(attributes):
            raise _NoTypeError
        match node:
            case Primitive() if node.logical is None:
                return PRIMITIVES[node.kind]
            case Primitive(logical=Logical() as logical) if (node.kind, logical.name) in LOGICAL:
                return LOGICAL[node.kind, logical.name]
            case Fixed() if node.logical is None:
                return Annotated[bytes, Meta(min_length=node.size, max_length=node.size)]
            case Enum():
                return Literal[node.symbols]
            case Array():
                return list[self.of(node.items)]  # type: ignore[misc]  # made at run time
            case Map():
                return dict[str, self.of(node.values)]  # type: ignore[misc]
            case UnionNode() if sum(isinstance(one, (Map, Record)) for one in node.branches) < 2:
                return Union[tuple(self.of(one) for one in node.branches)]  # noqa: UP007  # made at run time
            case Record():
                return self.record(node)
        raise _NoTypeError

    def record(self, node: Record) -> Any:
        if id(node) not in self.made:
            self.made[id(node)] = None
            if any(field.attributes for field in node.fields):
                raise _NoTypeError
            name = f"{node.name.rpartition('.')[2]}_{len(self.made)}"
            self.made[id(node)] = TypedDict(name, {field.name: self.of(field.type) for field in node.fields})  # type: ignore[operator]
        if self.made[id(node)] is None:  # it holds itself
            raise _NoTypeError
        return self.made[id(node)]
