"""The laws of Avro's engines side by side: ours, fastavro, the avro package, and an oracle that knows what is meant.

The property tests and `make fuzz-long` hold them, on the same generated schemas, values and payloads.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from avro_json import to_json
from avro_leaves import Pick, put_long
from avro_oracle import Malformed, Unresolved, project, read, resolves, write
from avro_types import Type, nodes
from avro_values import certain, given, plain, unambiguous
from known_faults import differences
from opinions import Apache, Fastavro, Refused
from safecodec.avro import Schema
from safecodec.errors import EncodeError, IncompatibleSchemaError, PayloadError
from shapes import same


class Engines:
    """A generated schema in every engine, each made when it is first asked.

    Args:
        node: The schema.
    """

    def __init__(self, node: Type) -> None:
        self.node = node
        self.json = to_json(node)

    @cached_property
    def ours(self) -> Schema:
        """This project's."""
        return Schema(self.json)

    @cached_property
    def fastavro(self) -> Fastavro:
        """The reference."""
        return Fastavro(self.node)

    @cached_property
    def apache(self) -> Apache:
        """The third opinion."""
        return Apache(self.node)

    @cached_property
    def unambiguous(self) -> bool:
        """Whether what is read can be written again as it is."""
        return unambiguous(self.node)

    @cached_property
    def big_decimals(self) -> bool:
        """Whether there are numbers in it that have several forms."""
        return any(one.leaf is not None and one.leaf.logical == "big-decimal" for one in nodes(self.node))

    def __repr__(self) -> str:
        return f"Engines({self.json})"


# ---- values ------------------------------------------------------------------------------------------------------


def check_value(engines: Engines, value: Any) -> None:
    """All engines write a value as the same bytes, and read the value back from them.

    A bare value of a union whose branches share its class may go to another of them than was meant, or be refused.
    """
    node, expected = engines.node, plain(engines.node, value)
    payload = write(node, value)
    if certain(node, value):
        assert engines.ours.encode(given(node, value)) == payload
    else:
        _check_guess(engines, value)
    assert engines.fastavro.encode(value) == payload
    assert engines.apache.encode(value) == payload
    _agree(engines.ours.decode(payload), expected)
    _agree(engines.fastavro.decode(payload), engines.fastavro.expected(value))
    _agree(engines.apache.decode(payload), engines.apache.expected(value))


def _check_guess(engines: Engines, value: Any) -> None:
    try:
        payload = engines.ours.encode(given(engines.node, value))
    except EncodeError as error:
        if error.__cause__ is not None:
            raise  # no refusal of ours, but a mishap
    else:
        read(engines.node, payload)


def _agree(found: Any, expected: Any) -> None:
    assert same(found, expected), (found, expected)


# ---- pairs -------------------------------------------------------------------------------------------------------


def check_pair(writer: Engines, reader: Engines, value: Any) -> None:
    """A pair gives the oracle's value or a refusal, and the others the same unless a known fault explains it."""
    payload = write(writer.node, value)
    expected = _expected(writer.node, reader.node, value)
    found = _resolved(writer.ours, reader.ours, payload)
    assert isinstance(found, Refused) == isinstance(expected, Refused), (found, expected)
    if not isinstance(expected, Refused):
        _agree(found, plain(reader.node, expected))
    for name, answer, wanted in (
        ("fastavro", writer.fastavro.decode(payload, reader.fastavro), reader.fastavro.expected),
        ("avro", writer.apache.decode(payload, reader.apache), reader.apache.expected),
    ):
        if isinstance(expected, Refused) and isinstance(answer, Refused):
            continue
        refused = isinstance(expected, Refused) or isinstance(answer, Refused)
        if refused or not same(answer, wanted(expected)):
            assert differences(writer.node, reader.node, value, name), (name, answer, expected)


def _expected(writer: Type, reader: Type, value: Any) -> Any:
    if not resolves(writer, reader):
        return Refused(ValueError("the pair does not resolve"))
    try:
        return project(writer, reader, value)
    except (Unresolved, UnicodeDecodeError) as error:  # of this value alone
        return Refused(error)


def _resolved(writer: Schema, reader: Schema, payload: bytes) -> Any:
    try:
        return writer.decode(payload, reader=reader)
    except (IncompatibleSchemaError, PayloadError) as error:
        return Refused(error)


# ---- payloads ----------------------------------------------------------------------------------------------------


def check_payload(engines: Engines, payload: bytes) -> bool:
    """Any bytes are a value for the oracle and for us, the same, or for neither; tells whether they are.

    A value is written again as bytes that are read as the same value, and fastavro reads what we read. What is refused
    is not given to fastavro, which it may crash.
    """
    found, meant = _ours(engines, payload), _meant(engines, payload)
    assert isinstance(found, Refused) == isinstance(meant, Refused), (found, meant)
    if isinstance(meant, Refused):
        return False
    _agree(found, plain(engines.node, meant))
    if engines.unambiguous:
        _agree(engines.ours.decode(engines.ours.encode(found)), found)
    # Where fastavro knows no big-decimal, it hands out the bytes, which need not be the shortest for the number.
    if not engines.big_decimals or write(engines.node, meant) == payload:
        _agree(engines.fastavro.decode(payload), engines.fastavro.expected(meant))
    return True


def _ours(engines: Engines, payload: bytes) -> Any:
    try:
        return engines.ours.decode(payload)
    except PayloadError as error:
        return Refused(error)


def _meant(engines: Engines, payload: bytes) -> Any:
    try:
        return read(engines.node, payload)
    except Malformed as error:
        return Refused(error)


HOSTILE = (
    b"\x01",  # -1
    b"\x80\x00",  # 0 in two bytes
    b"\x80" * 9 + b"\x00",
    b"\x80" * 11 + b"\x00",
    b"\xff" * 9 + b"\x01",  # the least 64-bit number
    b"\xfe" + b"\xff" * 8 + b"\x01",  # the greatest
    b"\xff" * 9 + b"\x02",
    b"\xff" * 12,
    put_long(2**31),
    put_long(-(2**31) - 1),
    put_long(2**60),
    put_long(10_001),
    b"\x04\xc0\x80",  # texts that are not UTF-8
    b"\x06\xed\xa0\x80",
    b"\x02\xff",
    b"\x02",
    b"\x07",
)


def mutated(pick: Pick, payload: bytes, other: bytes) -> bytes:
    """A payload with one to three damages: cut, extended, flipped, spliced, hostile numbers, blocks that lie."""
    for _ in range(pick(3) + 1):
        at = pick(len(payload) + 1)
        head, tail = payload[:at], payload[at:]
        match pick(8):
            case 0:
                payload = head
            case 1:
                payload = payload + HOSTILE[pick(len(HOSTILE))]
            case 2:
                payload = head + bytes([tail[0] ^ 1 << pick(8)]) + tail[1:] if tail else head
            case 3:
                payload = head + other[pick(len(other) + 1) :]
            case 4:
                payload = head + HOSTILE[pick(len(HOSTILE))] + tail[pick(2) :]
            case 5:
                payload = head + tail[: pick(5)] + tail
            case 6:
                payload = head + put_long(-1 - pick(3)) + put_long(pick(8) - 1) + tail[pick(2) :]
            case _:
                payload = head + bytes([pick(256)]) + tail[1:]
    return payload


def split(pick: Pick, items: list[bytes]) -> bytes:
    """The items in blocks of any number, some of which state their size."""
    out, at = b"", 0
    while at < len(items):
        some = items[at : at + pick(3) + 1]
        at += len(some)
        data = b"".join(some)
        out += put_long(-len(some)) + put_long(len(data)) + data if pick(2) else put_long(len(some)) + data
    return out
