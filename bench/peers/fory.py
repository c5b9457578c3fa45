"""Apache Fory in its Python mode, on dataclasses that mirror a sample's Structs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, Optional

import pyfory
from msgspec import inspect

from safecodec.bench.peers import Peer, peer

from ..samples import Sample

FIRST_ID = 300
LIMIT = 1 << 30
SCALARS: dict[type, Any] = {
    inspect.IntType: int,
    inspect.StrType: str,
    inspect.FloatType: float,
    inspect.BoolType: bool,
}


class Mirror:
    """Dataclasses for a Struct and all that it holds.

    Args:
        root: The Struct.
    """

    def __init__(self, root: Any) -> None:
        self.made: dict[Any, Any] = {}
        self.root = inspect.type_info(root)
        self.annotation(self.root)

    def annotation(self, kind: Any) -> Any:
        """The annotation that Fory reads."""
        match kind:
            case inspect.StructType():
                if kind.cls not in self.made:
                    fields = [(field.name, self.annotation(field.type)) for field in kind.fields]
                    self.made[kind.cls] = dataclasses.make_dataclass(kind.cls.__name__, fields)
                return self.made[kind.cls]
            case inspect.EnumType():
                return self.made.setdefault(kind.cls, kind.cls)
            case inspect.UnionType():
                some = next(one for one in kind.types if not isinstance(one, inspect.NoneType))
                return Optional[self.annotation(some)]  # noqa: UP045 - Fory knows no other spelling
            case inspect.ListType():
                return list[self.annotation(kind.item_type)]  # type: ignore[misc]
            case inspect.DictType():
                return dict[self.annotation(kind.key_type), self.annotation(kind.value_type)]  # type: ignore[misc]
        return SCALARS[type(kind)]

    def value(self, kind: Any, value: Any) -> Any:
        """A Struct's value in the mirror's classes."""
        if isinstance(kind, inspect.StructType):
            parts = (self.value(field.type, getattr(value, field.name)) for field in kind.fields)
            return self.made[kind.cls](*parts)
        if isinstance(kind, inspect.ListType) and isinstance(kind.item_type, inspect.StructType):
            return [self.value(kind.item_type, one) for one in value]
        return value


def peers(sample: Sample) -> Iterator[Peer]:
    """Dataclasses, which Fory compiles code for."""
    mirror = Mirror(sample.type)
    fory = pyfory.Fory(xlang=False, max_unbacked_container_items=LIMIT, max_graph_memory_bytes=LIMIT * 8)
    for number, cls in enumerate(mirror.made.values(), FIRST_ID):
        fory.register_type(cls, type_id=number)
    encode: Callable[[Any], bytes] = fory.serialize
    yield peer("Apache Fory", "dataclass", encode, fory.deserialize, mirror.value(mirror.root, sample.value))
