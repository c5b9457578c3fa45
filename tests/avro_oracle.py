"""Avro binary and schema resolution in plain Python, as the specification and the bounds of this project say.

Slow and short; it is told what is meant (`Branch`), so it never guesses. Shares nothing with the engine.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

from avro_leaves import EXACT, Leaf, put_long, take_long
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

UNITS = ("millis", "micros", "nanos")
SAME_VALUES = {
    "int": "whole number", "long": "whole number", "float": "number", "double": "number", "fixed": "bytes",
    "time-millis": "time", "time-micros": "time", "big-decimal": "decimal",
} | {f"{local}timestamp-{unit}": f"{local}timestamp" for local in ("", "local-") for unit in UNITS}  # fmt: skip
"""Kinds and logical types of which several have the same Python values (docs/reference/type-pairs.md, *Leaves*)."""


def resolves(writer: Type, reader: Type) -> bool:
    """Whether all that the writer's schema may write can be read: every branch, every symbol (stricter than Avro)."""
    return _Pairs().resolves(writer, reader)


class _Pairs:
    def __init__(self) -> None:
        self.open: list[tuple[Type, Type]] = []
        """Pairs of records that are being looked at; a record that holds itself resolves where all else does."""

    def resolves(self, writer: Type, reader: Type) -> bool:
        if writer.kind == "union":
            if straight(writer, reader):
                return all(map(self.structure, writer.parts, reader.parts))
            return all(self.resolves(one, reader) for one in writer.parts)
        if reader.kind == "union":
            at = self.branch_for(writer, reader)
            return at is not None and self.structure(writer, reader.parts[at])
        return (writer.kind != reader.kind or _rank(writer, reader) > 0) and self.structure(writer, reader)

    def structure(self, writer: Type, reader: Type) -> bool:
        """Whether two types that are no unions resolve, whatever their names."""
        if writer.leaf is not None or reader.leaf is not None or writer.kind != reader.kind:
            return _leaves(writer, reader)
        if writer.kind == "enum":
            return reader.default is not None or set(writer.symbols) <= set(reader.symbols)
        if writer.kind in ("array", "map"):
            return self.resolves(writer.parts[0], reader.parts[0])
        if (writer, reader) in self.open:
            return True
        self.open.append((writer, reader))
        found = all(self.field(writer, one) for one in reader.fields)
        self.open.pop()
        return found

    def field(self, writer: Type, one: Part) -> bool:
        found = counterpart(writer, one)
        return one.default is not ABSENT if found is None else self.resolves(found.type, one.type)

    def branch_for(self, writer: Type, reader: Type) -> int | None:
        """The branch of the full name, the unqualified name, an alias; then by structure; then the nearest leaf."""
        alike = [at for at, one in enumerate(reader.parts) if one.kind == writer.kind]
        if writer.name:
            ranks = [_rank(writer, reader.parts[at]) for at in alike]
            if any(ranks):
                return alike[ranks.index(max(ranks))]
            found = [at for at in alike if self.structure(writer, reader.parts[at])]
            if found or writer.leaf is None:
                return found[0] if found else None
        if writer.leaf is None:
            return alike[0] if alike else None
        near = [(_distance(writer, one), at) for at, one in enumerate(reader.parts) if _leaves(writer, one)]
        return min(near)[1] if near else None


def straight(writer: Type, reader: Type) -> bool:
    """Whether two unions have the same branches in the same order, so that each is read as itself."""
    return reader.kind == "union" and [*map(_label, writer.parts)] == [*map(_label, reader.parts)]


def _label(node: Type) -> tuple[Any, ...]:
    logical = _attributes(node.leaf) if node.leaf is not None and not node.name else {}
    return node.kind, node.name, sorted(logical.items())


def _rank(writer: Type, reader: Type) -> int:
    """How well names go together: 3 by full name, 2 by unqualified name, 1 by an alias, 0 not at all."""
    if writer.name == reader.name:
        return 3
    short = writer.name.rpartition(".")[2]
    if short == reader.name.rpartition(".")[2]:
        return 2
    return int(short in [alias.rpartition(".")[2] for alias in reader.aliases])


def _leaves(writer: Type, reader: Type) -> bool:
    mine, theirs = reader.leaf, writer.leaf
    if mine is None or theirs is None:
        return False
    if _values(mine) == _values(theirs):
        if mine.logical is not None:
            return True
        both_fixed = writer.kind == reader.kind == "fixed"
        return mine.size == theirs.size if both_fixed else (writer.kind, reader.kind) in SAME or _is_bytes(mine, theirs)
    if mine.logical is not None:
        return False
    if theirs.logical is None:
        return (writer.kind, reader.kind) in PROMOTED
    if writer.kind == reader.kind:
        return mine.size == theirs.size
    return (writer.kind, reader.kind) == ("int", "long") or _is_bytes(mine, theirs)


SAME = {(kind, kind) for kind in LAYOUT.keys() | {"null", "boolean", "int", "long", "bytes", "string"}} | {
    ("int", "long"), ("float", "double"),
}  # fmt: skip


def _values(leaf: Leaf) -> str:
    name = leaf.logical or leaf.kind
    return SAME_VALUES.get(name, name)


def _is_bytes(mine: Leaf, theirs: Leaf) -> bool:
    return {mine.kind, theirs.kind} == {"bytes", "fixed"}


def _distance(writer: Type, reader: Type) -> int:
    assert writer.leaf is not None
    assert reader.leaf is not None
    if _is_same(writer.leaf, reader.leaf):
        return 0
    return 1 if _values(writer.leaf) == _values(reader.leaf) else 2


def _is_same(one: Leaf, other: Leaf) -> bool:
    same_kind = one.kind == other.kind or _is_bytes(one, other)
    return same_kind and _attributes(one) == _attributes(other)


def _attributes(leaf: Leaf) -> dict[str, Any]:
    return {"scale": 0} | leaf.attributes if leaf.logical == "decimal" else leaf.attributes


def counterpart(writer: Type, one: Part) -> Part | None:
    """The writer's field that a reader's takes: by its name, else by an alias."""
    by_name = {other.name: other for other in writer.fields}
    return next((by_name[name] for name in (one.name, *one.aliases) if name in by_name), None)


def project(writer: Type, reader: Type, value: Any) -> Any:
    """Return the reader's value of a writer's (Avro 1.12, *Schema Resolution*, and docs/reference/type-pairs.md).

    Raises:
        Unresolved: The value has no place in the reader's schema.
        UnicodeDecodeError: Bytes that are no text are read as text.
    """
    if writer.kind == "union":
        if straight(writer, reader):
            return Branch(value.at, _structure(writer.parts[value.at], reader.parts[value.at], value.value))
        return project(writer.parts[value.at], reader, value.value)
    if reader.kind == "union":
        at = branch_for(writer, reader)
        return Branch(at, _structure(writer, reader.parts[at], value))
    if writer.kind == reader.kind and not _rank(writer, reader):
        raise Unresolved(f"{writer.kind} {writer.name} as {reader.kind} {reader.name}")
    return _structure(writer, reader, value)


def _structure(writer: Type, reader: Type, value: Any) -> Any:
    if writer.leaf is not None or writer.kind != reader.kind:
        return _leaf(writer, reader, value)
    if writer.kind == "enum":
        return _symbol(reader, value)
    if writer.kind == "array":
        return [project(writer.parts[0], reader.parts[0], one) for one in value]
    if writer.kind == "map":
        return {key: project(writer.parts[0], reader.parts[0], one) for key, one in value.items()}
    return {one.name: _field(writer, one, value) for one in reader.fields}


def _leaf(writer: Type, reader: Type, value: Any) -> Any:
    if not _leaves(writer, reader):
        raise Unresolved(f"{writer.kind} as {reader.kind}")
    assert writer.leaf is not None
    assert reader.leaf is not None
    if reader.leaf.logical is not None:
        return _held(reader.leaf, value)
    lowered = writer.leaf.lower(value)
    if reader.kind == "fixed" and len(lowered) != reader.leaf.size:
        raise Unresolved(f"{len(lowered)} bytes as {reader.leaf.size}")
    found = PROMOTED.get((writer.kind, reader.kind), lambda same: same)(lowered)
    if found != lowered and type(lowered) is int:
        raise Unresolved(f"{lowered} as a float")
    return found


def _held(leaf: Leaf, value: Any) -> Any:
    """A value of a logical type in another unit or layout, where that holds it exactly."""
    match leaf.logical:
        case "decimal":
            number = value.scaleb(leaf.attributes.get("scale", 0), EXACT) if value.is_finite() else Decimal("0.5")
            fits = number == int(number) and abs(int(number)) < 10 ** leaf.attributes["precision"]
            if not fits or (value.is_zero() and value.is_signed()):
                raise Unresolved(f"{value} as {leaf.attributes}")
        case "time-millis" | "timestamp-millis" | "local-timestamp-millis" if value.microsecond % 1000:
            raise Unresolved(f"{value} as milliseconds")
        case "timestamp-nanos" | "local-timestamp-nanos" if not -(2**63) <= leaf.lower(value) < 2**63:
            raise Unresolved(f"{value} as 64 bits of nanoseconds")
    return value


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
    """The branch of a reader's union that takes a type that is none."""
    found = _Pairs().branch_for(writer, reader)
    if found is None:
        raise Unresolved(f"{writer.kind} in a union")
    return found
