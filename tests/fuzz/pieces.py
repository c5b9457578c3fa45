"""Payloads, plain values and schemas taken apart and damaged by their structure: still nearly good, or very long."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec

from avro_leaves import put_long, take_long
from differential import HOSTILE, mutated
from safecodec.avro.nodes import Array, Enum, Fixed, Map, Node, Primitive, Record, Union

GROWN = (2, 7, 60, 400, 2500)
"""How many times something is repeated."""
LONGEST = 20_000
"""Bytes of a payload beyond which nothing more is repeated in it."""
NUMBERS = ("index", "count", "size", "length", "number")


@dataclass(eq=False)
class Piece:
    """A part of an Avro payload.

    Args:
        kind: ``index``, ``count``, ``size``, ``length``, ``number``, ``raw``, or what the parts are together: ``run``
            (a length and its bytes), ``item``, ``block``, ``value``.
        data: Its bytes, where it has no parts.
        node: The type of a value.
    """

    kind: str
    data: bytes = b""
    parts: list[Piece] = field(default_factory=list)
    node: Node | None = None

    def __bytes__(self) -> bytes:
        return b"".join(map(bytes, self.parts)) if self.parts else self.data

    def walk(self) -> Iterator[Piece]:
        """This piece and all in it."""
        yield self
        for part in self.parts:
            yield from part.walk()


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def raw(self, size: int) -> Piece:
        self.at += size
        return Piece("raw", self.data[self.at - size : self.at])

    def number(self, kind: str) -> tuple[int, Piece]:
        start = self.at
        value, self.at = take_long(self.data, start)
        return value, Piece(kind, self.data[start : self.at])

    def run(self) -> Piece:
        length, head = self.number("length")
        return Piece("run", parts=[head, self.raw(length)])

    def value(self, node: Node) -> Piece:
        found = self._value(node)
        found.node = node
        return found

    def _value(self, node: Node) -> Piece:
        match node:
            case Primitive(kind="null"):
                return Piece("raw")
            case Primitive(kind="boolean"):
                return self.raw(1)
            case Primitive(kind="int" | "long"):
                return self.number("number")[1]
            case Primitive(kind="float" | "double"):
                return self.raw(4 if node.kind == "float" else 8)
            case Primitive():
                return self.run()
            case Fixed():
                return self.raw(node.size)
            case Enum():
                return self.number("index")[1]
            case Union():
                at, head = self.number("index")
                return Piece("value", parts=[head, self.value(node.branches[at])])
            case Record():
                return Piece("value", parts=[self.value(one.type) for one in node.fields])
        return Piece("value", parts=list(self.blocks(node)))

    def blocks(self, node: Array | Map) -> Iterator[Piece]:
        while True:
            count, head = self.number("count")
            heads = [head]
            if count < 0:
                heads.append(self.number("size")[1])
            items = []
            for _ in range(abs(count)):
                if isinstance(node, Array):
                    items.append(Piece("item", parts=[self.value(node.items)]))
                else:
                    items.append(Piece("item", parts=[self.run(), self.value(node.values)]))
            yield Piece("block", parts=[*heads, *items])
            if count == 0:
                return


def taken_apart(node: Node, payload: bytes) -> Piece:
    """A good payload's pieces."""
    return _Reader(payload).value(node)


def damaged_payload(pick: Random, whole: Piece) -> bytes:
    """A payload with one to three changes of its structure; the pieces themselves are changed."""
    for change in range(pick.choice((1, 1, 2, 3))):
        size = len(bytes(whole))
        if change and size >= LONGEST:
            break  # a piece may be in it thousands of times now: changed once more, it would take all memory
        pieces = list(whole.walk())
        _damage(pick, pick.choice(pieces), pieces, size)
    data = bytes(whole)
    if pick.random() < 0.15:
        data = mutated(pick.randrange, data, data[::-1])
    return data


def _damage(pick: Random, one: Piece, pieces: list[Piece], size: int) -> None:
    if one.kind in NUMBERS:
        one.data = a_number(pick, one.data)
    elif one.kind == "block":
        _damage_block(pick, one, size)
    elif one.kind == "run":
        data = some_data(pick, size)
        one.parts = [Piece("length", put_long(len(data))), Piece("raw", data)]
    elif one.node is not None and one.parts:
        same = [other for other in pieces if other.node is one.node and other is not one]
        other = pick.choice(same) if same else pick.choice(pieces)
        match pick.randrange(4):
            case 0 | 1:  # another of its type in its place: where that holds it, the value is deeper
                one.parts, one.data = copy.deepcopy(other.parts, {id(other.node): other.node}), other.data
                if one in set(other.walk()) and size < LONGEST:
                    _deepen(pick, one, other)
            case 2:
                one.parts = one.parts[: pick.randrange(len(one.parts) + 1)]
            case _:
                one.parts = [*one.parts, *one.parts[:1]]
    elif one.parts:
        pick.shuffle(one.parts)
    else:
        one.data = pick.choice(
            (b"", one.data[:-1], pick.randbytes(len(one.data)), one.data + b"\0", b"\xff" * len(one.data))
        )


def _deepen(pick: Random, inner: Piece, outer: Piece) -> None:
    """A value inside itself, many times; it may be in the payload thousands of times already."""
    shell = bytes(outer).partition(bytes(inner) or b"\0")
    times = min(pick.choice((3, 20, 62, 63, 64, 65, 300)), LONGEST // max(1, len(shell[0]) + len(shell[2])))
    inner.parts, inner.data = [], shell[0] * times + bytes(inner) + shell[2] * times


def _damage_block(pick: Random, block: Piece, size: int) -> None:
    heads = [one for one in block.parts if one.kind in ("count", "size")]
    items = [one for one in block.parts if one.kind == "item"]
    match pick.randrange(6):
        case 0 | 1 if items and size < LONGEST:  # more of them, as they should be
            items = items * pick.choice(GROWN)
        case 2:
            block.parts = [Piece("count", put_long(pick.choice((1, 2, 9_999, 10_001, 2**31, 2**62)))), *items]
            return
        case 3:
            block.parts = block.parts * 2
            return
        case 4:  # an empty block of a stated size, which ends nothing or everything
            block.parts = [
                Piece("count", put_long(-pick.randrange(2))),
                Piece("size", put_long(pick.randrange(3))),
                *block.parts,
            ]
            return
        case _:
            items = items[1:] if pick.random() < 0.5 else items
    data = b"".join(map(bytes, items))
    if heads and pick.random() < 0.4:
        lie = pick.choice((0, 0, 0, 1, -1, -len(data), 2**40))
        block.parts = [
            Piece("count", put_long(-len(items))),
            Piece("size", put_long(len(data) + lie)),
            Piece("raw", data),
        ]
    else:
        block.parts = [Piece("count", put_long(len(items))), *items]


def a_number(pick: Random, data: bytes) -> bytes:
    """A number in place of another: near it, an edge, or none at all."""
    match pick.randrange(3):
        case 0:
            try:
                value = take_long(data, 0)[0]
            except ValueError:  # it was changed before
                value = 0
            return put_long(max(-(2**63), min(2**63 - 1, value + pick.choice((-2, -1, 1, 2, 64)))))
        case 1:
            return pick.choice(HOSTILE)
    return put_long(pick.choice((0, 1, -1, 2**31 - 1, 2**31, 2**63 - 1, -(2**63), 2**32, 10_000, 10_001)))


def some_data(pick: Random, size: int) -> bytes:
    """Bytes of a text, a number or none."""
    count = pick.choice((0, 1, 16, 300, 5000, 60_000)) if size < LONGEST else 3
    return pick.choice((b"a", "\u20ac".encode(), b"\xff", b"\x7f", b"\0", b"\x80", b"9", b"\xed\xa0\x80")) * count


# ---- plain values ------------------------------------------------------------------------------------------------

SCALARS: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**63 - 1, -(2**63), 2**64 - 1, 0.0, -0.0, 1.5, 1e300, float("inf"), float("nan"), "",
    "a", "\0", "\u20ac" * 9, "2024-01-01", "2024-01-01T00:00:00Z", "24:00:00", "P1D", "AQI=", "1E+400", "NaN",
    "9" * 6000, "12345678-1234-5678-1234-567812345678", b"", b"\xff", b"x" * 300, [], {}, [None], {"": 0}, {"a": 1},
    [[]] * 50,
)  # fmt: skip
WORDS: tuple[Any, ...] = (
    "null", "boolean", "int", "long", "float", "double", "bytes", "string", "record", "array", "map", "enum", "fixed",
    "union", "error", "type", "name", "namespace", "fields", "symbols", "items", "values", "size", "default", "aliases",
    "logicalType", "decimal", "precision", "scale", "date", "uuid", "duration", "timestamp-nanos", "big-decimal", "a.b",
    "R1", "a..b", "1x", ".", ["null", "int"], {"type": "array", "items": "int"}, {"type": "map", "values": ["null"]},
    {"type": "record", "name": "R1", "fields": []}, {"type": "fixed", "name": "F", "size": 2**31}, "safecodec.values",
    "safecodec.optional", "safecodec.type",
)  # fmt: skip


def damaged_value(pick: Random, value: Any, words: tuple[Any, ...] = SCALARS) -> Any:
    """A plain value (dicts, lists, scalars) with one to three changes; the value stays as it is."""
    for _ in range(pick.choice((1, 1, 2, 3))):
        value = _changed(pick, value, words)
    return value


def _changed(pick: Random, value: Any, words: tuple[Any, ...]) -> Any:
    if isinstance(value, (dict, list)) and value and pick.random() < 0.75:
        whole = dict(value) if isinstance(value, dict) else list(value)
        at = pick.choice(list(whole)) if isinstance(whole, dict) else pick.randrange(len(whole))
        whole[at] = _changed(pick, whole[at], words)
        return whole
    match pick.randrange(7):
        case 0 if isinstance(value, list) and value and len(value) < 10_000:
            return value * pick.choice(GROWN)
        case 0 if isinstance(value, (str, bytes)) and 0 < len(value) < LONGEST:
            return value * pick.choice(GROWN)
        case 1 if isinstance(value, dict) and value:
            key = pick.choice(list(value))
            rest = {name: one for name, one in value.items() if name != key}
            return (
                rest
                if pick.random() < 0.5
                else {**rest, pick.choice(words[:30]) if words is WORDS else "b": value[key]}
            )
        case 1 if isinstance(value, dict):
            return {f"{at}": value for at in range(pick.choice(GROWN))}
        case 2:
            for _ in range(pick.choice((1, 1, 3, 63, 64, 65, 280))):
                value = [value] if pick.random() < 0.7 else {"a": value}
            return value
        case 3 if isinstance(value, list) and value:
            return value[:-1] if pick.random() < 0.5 else [*value, value[0]]
        case 4 if isinstance(value, dict):
            return {**value, pick.choice([one for one in words if isinstance(one, str)]): pick.choice(words)}
        case 5 if isinstance(value, int):
            return value + pick.choice((-1, 1, 2**32, -(2**63)))
    return pick.choice(words)


def written(payload: str, value: Any) -> bytes | None:
    """A plain value in a format; None where it has no form there."""
    try:
        return msgspec.msgpack.encode(value) if payload == "msgpack" else msgspec.json.encode(value)
    except (TypeError, OverflowError, UnicodeEncodeError, RecursionError, ValueError):
        return None


def damaged_text(pick: Random, payload: str, data: bytes) -> bytes:
    """A MessagePack or JSON payload, damaged in its values, its bytes, or both."""
    if pick.random() < 0.85:
        read = msgspec.msgpack.decode if payload == "msgpack" else msgspec.json.decode
        data = written(payload, damaged_value(pick, read(data))) or data
    if pick.random() < 0.3:
        data = mutated(pick.randrange, data, data[::-1])
    if pick.random() < 0.05:
        opening = pick.choice((b"[", b'{"a":', b"\x91", b"\x81\xa1a", b"\xdd\xff\xff\xff\xff", b"\xdf\x7f\xff\xff\xff"))
        data = data[: pick.randrange(len(data) + 1)] + opening * pick.choice((1, 70, 2000))
    return data
