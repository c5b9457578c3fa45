"""Avro binary and schema resolution in plain Python, as the specification and the bounds of this project say.

Slow and short; it is told what is meant (`Branch`), so it never guesses. Shares nothing with the engine.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, TypeAlias

from avro_leaves import put_long, take_long
from avro_types import ABSENT, Branch, Part, Type

MOST_LEVELS = 64
MOST_EMPTY = 10_000
LAYOUT = {"float": "<f", "double": "<d"}
PROMOTED: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("int", "long"): int,
    ("int", "float"): float,
    ("int", "double"): float,
    ("long", "float"): float,
    ("long", "double"): float,
    ("float", "double"): float,
    ("string", "bytes"): lambda text: text.encode(),
    ("bytes", "string"): lambda data: data.decode(),
}


class Malformed(ValueError):
    """The bytes are no value of the type."""


class Unresolved(ValueError):
    """The reader's schema has no place for a value."""


# ---- writing -----------------------------------------------------------------------------------------------------


Layout: TypeAlias = Callable[[list[bytes]], bytes]
"""Lays out the items of an array or map in blocks, without the block that ends them."""


def one_block(items: list[bytes]) -> bytes:
    """All items in a block without its size, as most writers do."""
    return put_long(len(items)) + b"".join(items) if items else b""


def write(node: Type, value: Any, layout: Layout = one_block) -> bytes:
    """The bytes of a value (Avro 1.12, *Binary Encoding*)."""
    if node.leaf is not None:
        return _write_leaf(node.kind, node.leaf.lower(value))
    if node.kind == "enum":
        return put_long(node.symbols.index(value))
    if node.kind == "union":
        return put_long(value.at) + write(node.parts[value.at], value.value, layout)
    if node.kind == "record":
        return b"".join(write(one.type, value.get(one.name, one.default), layout) for one in node.fields)
    items = [write(node.parts[0], one, layout) for one in (value if node.kind == "array" else value.values())]
    if node.kind == "map":
        items = [_write_leaf("string", key) + one for key, one in zip(value, items, strict=True)]
    return layout(items) + b"\0"


def _write_leaf(kind: str, value: Any) -> bytes:
    match kind:
        case "null":
            return b""
        case "boolean":
            return b"\1" if value else b"\0"
        case "int" | "long":
            return put_long(value)
        case "float" | "double":
            packed: bytes = struct.pack(LAYOUT[kind], value)
            return packed
        case "fixed":
            found: bytes = value
            return found
    data: bytes = value.encode() if kind == "string" else value
    return put_long(len(data)) + data


# ---- reading -----------------------------------------------------------------------------------------------------


def read(node: Type, data: bytes) -> Any:
    """The value of all these bytes.

    Raises:
        Malformed: They are none.
    """
    reader = _Reader(data)
    try:
        value = reader.take(node, 0)
    except Malformed:
        raise
    except (ValueError, OverflowError) as error:
        raise Malformed(str(error)) from None
    if reader.at != len(data):
        raise Malformed("bytes are left over")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.empty = 0

    def number(self) -> int:
        value, self.at = take_long(self.data, self.at)
        return value

    def run(self, length: int) -> bytes:
        if not 0 <= length <= len(self.data) - self.at:
            raise Malformed("cut off")
        self.at += length
        return self.data[self.at - length : self.at]

    def index(self, count: int) -> int:
        found = self.number()
        if not 0 <= found < count:
            raise Malformed("an index out of range")
        return found

    def take(self, node: Type, depth: int) -> Any:
        if node.leaf is not None:
            return node.leaf.lift(self.leaf(node.kind, node.leaf.size))
        if node.kind == "enum":
            return node.symbols[self.index(len(node.symbols))]
        if node.kind == "union":
            at = self.index(len(node.parts))
            return Branch(at, self.take(node.parts[at], depth))
        if depth == MOST_LEVELS:
            raise Malformed("nests too deep")
        if node.kind == "record":
            return {one.name: self.take(one.type, depth + 1) for one in node.fields}
        items = self.blocks(node, depth + 1)
        return dict(items) if node.kind == "map" else [one for _, one in items]

    def leaf(self, kind: str, size: int) -> Any:
        match kind:
            case "null":
                return None
            case "boolean":
                found = self.run(1)
                if found > b"\1":
                    raise Malformed("neither 0 nor 1")
                return found == b"\1"
            case "int" | "long":
                number = self.number()
                if kind == "int" and not -(2**31) <= number < 2**31:
                    raise Malformed("more than 32 bits")
                return number
            case "float" | "double":
                return struct.unpack(LAYOUT[kind], self.run(4 if kind == "float" else 8))[0]
            case "fixed":
                return self.run(size)
        data = self.run(self.number())
        return data.decode() if kind == "string" else data

    def blocks(self, node: Type, depth: int) -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = []
        while count := self.number():
            stated = self.number() if count < 0 else None
            start = self.at
            for _ in range(abs(count)):
                before = self.at
                key = self.leaf("string", 0) if node.kind == "map" else ""
                found.append((key, self.take(node.parts[0], depth)))
                self.empty += self.at == before
                if self.empty > MOST_EMPTY:
                    raise Malformed("too many items without a byte")
            if stated is not None and stated != self.at - start:
                raise Malformed("a block of another size than it says")
        return found


# ---- resolution --------------------------------------------------------------------------------------------------


def resolves(writer: Type, reader: Type, *, logical: bool = True) -> bool:
    """Whether all that the writer's schema may write can be read: every branch, every symbol (stricter than Avro).

    Args:
        writer: What is written.
        reader: What it is read as.
        logical: Whether logical types are part of a type.
    """
    return _Pairs(logical).resolves(writer, reader)


class _Pairs:
    def __init__(self, logical: bool) -> None:
        self.logical = logical
        self.known: set[tuple[int, int]] = set()

    def resolves(self, writer: Type, reader: Type) -> bool:
        if writer.kind == "union":
            return all(self.resolves(one, reader) for one in writer.parts)
        if reader.kind == "union":
            return any(self.resolves(writer, one) for one in reader.parts)
        if not _alike(writer, reader, logical=self.logical):
            return False
        if writer.kind == "enum":
            return reader.default is not None or set(writer.symbols) <= set(reader.symbols)
        if writer.kind in ("array", "map"):
            return self.resolves(writer.parts[0], reader.parts[0])
        if (id(writer), id(reader)) in self.known:
            return True
        self.known.add((id(writer), id(reader)))
        return all(self.field(writer, one) for one in reader.fields)

    def field(self, writer: Type, one: Part) -> bool:
        found = counterpart(writer, one)
        return one.default is not ABSENT if found is None else self.resolves(found.type, one.type)


def _alike(writer: Type, reader: Type, *, logical: bool) -> bool:
    """Whether two types that are no unions match, without what is inside them."""
    if writer.kind != reader.kind and (writer.kind, reader.kind) not in PROMOTED:
        return False
    names = {name.rpartition(".")[2] for name in (reader.name, *reader.aliases)}
    if writer.name and writer.name.rpartition(".")[2] not in names:
        return False
    mine, theirs = reader.leaf, writer.leaf
    if mine is None or theirs is None:
        return True
    wide = mine.attributes.get("precision", 0) >= theirs.attributes.get("precision", 0)
    same = mine.logical == theirs.logical and mine.attributes.get("scale") == theirs.attributes.get("scale") and wide
    return mine.size == theirs.size and (not logical or mine.logical is None or same)


def counterpart(writer: Type, one: Part) -> Part | None:
    """The writer's field that a reader's takes: by its name, else by an alias."""
    by_name = {other.name: other for other in writer.fields}
    return next((by_name[name] for name in (one.name, *one.aliases) if name in by_name), None)


def project(writer: Type, reader: Type, value: Any) -> Any:
    """What the reader sees of a writer's value (Avro 1.12, *Schema Resolution*); logical types are not compared.

    Raises:
        Unresolved: The value has no place in the reader's schema.
        UnicodeDecodeError: Bytes that are no text are read as text.
    """
    if writer.kind == "union":
        return project(writer.parts[value.at], reader, value.value)
    if reader.kind == "union":
        at = branch_for(writer, reader)
        return Branch(at, project(writer, reader.parts[at], value))
    if not _alike(writer, reader, logical=False):
        raise Unresolved(f"{writer.kind} {writer.name} as {reader.kind} {reader.name}")
    if writer.kind == "enum":
        return _symbol(reader, value)
    if writer.kind == "array":
        return [project(writer.parts[0], reader.parts[0], one) for one in value]
    if writer.kind == "map":
        return {key: project(writer.parts[0], reader.parts[0], one) for key, one in value.items()}
    if writer.kind == "record":
        return {one.name: _field(writer, one, value) for one in reader.fields}
    assert writer.leaf is not None
    assert reader.leaf is not None
    if reader.leaf.logical is not None:
        return value
    lowered = writer.leaf.lower(value)
    return lowered if writer.kind == reader.kind else PROMOTED[writer.kind, reader.kind](lowered)


def _symbol(reader: Type, value: str) -> str:
    found = value if value in reader.symbols else reader.default
    if found is None:
        raise Unresolved(f"the symbol {value}")
    return found


def _field(writer: Type, one: Part, value: Any) -> Any:
    found = counterpart(writer, one)
    if found is not None:
        return project(found.type, one.type, value.get(found.name, found.default))
    if one.default is ABSENT:
        raise Unresolved(f"the field {one.name}")
    return one.default


def branch_for(writer: Type, reader: Type) -> int:
    """The first branch that takes it; of the same name or kind before a promotion, as in Java's."""
    for logical in (True, False):
        fitting = [at for at, one in enumerate(reader.parts) if resolves(writer, one, logical=logical)]
        if fitting:
            return min(fitting, key=lambda at: reader.parts[at].kind != writer.kind)
    fitting = [at for at, one in enumerate(reader.parts) if _alike(writer, one, logical=False)]
    if not fitting:
        raise Unresolved(f"{writer.kind} in a union")
    return fitting[0]
