"""Follows the structure of formats that have no signature: MessagePack, protobuf, readable text.

Every walk ends after at most as many steps as there are bytes, whatever they say.
"""

from __future__ import annotations

from typing import Final

__all__ = ["is_msgpack", "is_protobuf", "msgpack_kind", "readable_text", "utf8_text"]

# MessagePack's heads 0xC0 to 0xDF, from its specification: the kind, the bytes of a length, the bytes of a value.
_ARRAY, _MAP, _RUN, _VALUE = "array", "map", "run", "value"
_HEADS: Final[dict[int, tuple[str, int, int]]] = {
    **dict.fromkeys((0xC0, 0xC2, 0xC3), (_VALUE, 0, 0)),
    **{head: (_RUN, size, 0) for head, size in ((0xC4, 1), (0xC5, 2), (0xC6, 4), (0xD9, 1), (0xDA, 2), (0xDB, 4))},
    **{head: (_RUN, size, 1) for head, size in ((0xC7, 1), (0xC8, 2), (0xC9, 4))},
    **{head: (_VALUE, 0, size) for head, size in ((0xCA, 4), (0xCB, 8), (0xCC, 1), (0xCD, 2), (0xCE, 4), (0xCF, 8))},
    **{head: (_VALUE, 0, size) for head, size in ((0xD0, 1), (0xD1, 2), (0xD2, 4), (0xD3, 8))},
    **{0xD4 + power: (_VALUE, 0, 1 + 2**power) for power in range(5)},
    **{head: (_ARRAY, size, 0) for head, size in ((0xDC, 2), (0xDD, 4))},
    **{head: (_MAP, size, 0) for head, size in ((0xDE, 2), (0xDF, 4))},
    **{0x80 + count: (_MAP, 0, count) for count in range(16)},
    **{0x90 + count: (_ARRAY, 0, count) for count in range(16)},
    **{0xA0 + size: (_VALUE, 0, size) for size in range(32)},
}
_KINDS: Final = {
    **dict.fromkeys((*range(0x80, 0x90), 0xDE, 0xDF), "map"),
    **dict.fromkeys((*range(0x90, 0xA0), 0xDC, 0xDD), "array"),
    **dict.fromkeys((*range(0xA1, 0xC0), 0xD9, 0xDA, 0xDB), "string"),
    **dict.fromkeys((0xC4, 0xC5, 0xC6), "byte string"),
    **dict.fromkeys((*range(0xC7, 0xCA), *range(0xD4, 0xD9)), "extension value"),
}
_TEXT_CONTROLS: Final = frozenset("\t\n\r\f\x1b")


def msgpack_kind(head: int) -> str | None:
    """Name the kind of value that a MessagePack head starts; None for numbers and constants, which say too little."""
    return _KINDS.get(head)


def is_msgpack(data: bytes, length: int) -> bool:
    """Tell whether one MessagePack value fills ``length`` bytes, as far as ``data``, their start, shows."""
    at, pending = 0, 1
    while pending and at < len(data):
        head = data[at]
        at += 1
        pending -= 1
        if head < 0x80 or head >= 0xE0:
            continue
        if head not in _HEADS:
            return False
        kind, size, rest = _HEADS[head]
        count = int.from_bytes(data[at : at + size], "big") + rest
        at += size
        if kind in (_ARRAY, _MAP):
            pending += count * (2 if kind == _MAP else 1)
        else:
            at += count
    if pending:
        return length > len(data)
    return at == length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a varint and the offset behind it; past the end of ``data`` where it is cut, -1 where it is too long."""
    value = 0
    for step in range(10):
        if at + step >= len(data):
            return value, len(data) + 1
        value |= (data[at + step] & 0x7F) << 7 * step
        if data[at + step] < 0x80:
            return value, at + step + 1
    return value, -1


def is_protobuf(data: bytes, length: int) -> bool:
    """Tell whether protobuf fields with small numbers fill ``length`` bytes, as far as ``data``, their start, shows.

    Source: Protocol Buffers, "Encoding". Groups, long deprecated, are not followed.
    """
    at = fields = 0
    while at < len(data):
        tag, at = _varint(data, at)
        if at > len(data):
            break
        wire, number = tag & 7, tag >> 3
        # Numbers up to 2047 have tags of two bytes; larger ones are rare, and would let nearly anything pass.
        if at < 0 or wire not in (0, 1, 2, 5) or not 1 <= number <= 2047:
            return False
        size = {1: 8, 5: 4}.get(wire, 0)
        if wire in (0, 2):
            value, at = _varint(data, at)
            if at < 0:
                return False
            size = value if wire == 2 else 0
        at += size
        fields += 1
    return at == length if length == len(data) else fields > 1 and at <= length


def utf8_text(data: bytes, *, whole: bool) -> str | None:
    """Return bytes as text where they are UTF-8; the last character may be cut if they are not the whole."""
    for cut in range(1 if whole else 4):
        try:
            return data[: len(data) - cut].decode("utf-8-sig")
        except UnicodeDecodeError:
            continue
    return None


def readable_text(data: bytes, *, whole: bool) -> str | None:
    """Return `utf8_text` where it has no control characters but those of layout."""
    text = utf8_text(data, whole=whole)
    if text is None or any((char < " " or char == "\x7f") and char not in _TEXT_CONTROLS for char in text):
        return None
    return text
