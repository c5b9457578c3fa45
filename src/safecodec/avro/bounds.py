"""A walk over a payload before fastavro reads it: every length, index and number, so that no bytes can hurt.

fastavro reads a negative length as *all the rest*, a negative index of a union from its end, and takes the memory that
a count of items asks for. Here a payload is refused before that.
"""

from __future__ import annotations

from typing import Final

from ..errors import PayloadError
from .logical import take_long
from .nodes import Array, Enum, Fixed, Map, Node, Primitive, Record, Union

MAX_EMPTY_ITEMS: Final = 1_000_000
"""How many items without a byte a payload may have: nulls, empty records."""
WIDTHS: Final = {"null": 0, "boolean": 1, "float": 4, "double": 8}


def measure(root: Node, data: bytes) -> int:
    """Return the offset behind the value at the beginning of a payload.

    Raises:
        PayloadError: The bytes are no value of the schema.
        RecursionError: They nest too deep.
    """
    return _Walk(data).skip(root, 0, "$")


class _Walk:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.empty_items = 0

    def refuse(self, reason: str, at: int, path: str) -> PayloadError:
        return PayloadError(f"{reason}, at byte {at} of the payload", path=path)

    def number(self, at: int, path: str, bits: int = 64) -> tuple[int, int]:
        try:
            value, end = take_long(self.data, at)
        except ValueError as error:
            raise self.refuse(str(error), at, path) from None
        if not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
            raise self.refuse(f"the number {value} has more than {bits} bits", at, path)
        return value, end

    def width(self, count: int, at: int, path: str) -> int:
        if not 0 <= count <= len(self.data) - at:
            raise self.refuse(f"{count} bytes are announced and {len(self.data) - at} follow", at, path)
        return at + count

    def skip(self, node: Node, at: int, path: str) -> int:
        match node:
            case Primitive():
                return self.primitive(node.kind, at, path)
            case Fixed():
                return self.width(node.size, at, path)
            case Enum():
                return self.index(len(node.symbols), "enum", at, path)[1]
            case Union():
                branch, at = self.index(len(node.branches), "union", at, path)
                return self.skip(node.branches[branch], at, path)
            case Record():
                for field in node.fields:
                    at = self.skip(field.type, at, f"{path}.{field.name}")
                return at
        return self.blocks(node, at, path)

    def index(self, count: int, kind: str, at: int, path: str) -> tuple[int, int]:
        value, end = self.number(at, path)
        if not 0 <= value < count:
            raise self.refuse(f"the index {value} is none of the {kind}'s {count}", at, path)
        return value, end

    def primitive(self, kind: str, at: int, path: str) -> int:
        if kind in ("int", "long"):
            return self.number(at, path, 32 if kind == "int" else 64)[1]
        if kind in ("bytes", "string"):
            count, start = self.number(at, path)
            end = self.width(count, start, path)
            if kind == "string":
                self.text(start, end, path)
            return end
        end = self.width(WIDTHS[kind], at, path)
        if kind == "boolean" and self.data[at] > 1:
            raise self.refuse(f"the boolean is 0x{self.data[at]:02x}, not 0 or 1", at, path)
        return end

    def text(self, start: int, end: int, path: str) -> None:
        try:
            self.data[start:end].decode()
        except UnicodeDecodeError as error:
            raise self.refuse("the string is not UTF-8", start + error.start, path) from None

    def blocks(self, node: Array | Map, at: int, path: str) -> int:
        while True:
            start = at
            count, at = self.number(at, path)
            if count == 0:
                return at
            stated: int | None = None
            if count < 0:
                stated, at = self.number(at, path)
                count = -count
                self.width(stated, at, path)
            begin = at
            for _ in range(count):
                before = at
                at = self.item(node, at, path)
                if at == before:
                    self.empty_items += 1
                    if self.empty_items > MAX_EMPTY_ITEMS:
                        raise self.refuse(f"there are more than {MAX_EMPTY_ITEMS} items without a byte", start, path)
            if stated is not None and at - begin != stated:
                raise self.refuse(f"a block has {at - begin} bytes and says {stated}", start, path)

    def item(self, node: Array | Map, at: int, path: str) -> int:
        if isinstance(node, Array):
            return self.skip(node.items, at, f"{path}[]")
        return self.skip(node.values, self.primitive("string", at, path), f"{path}{{}}")
