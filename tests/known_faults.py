"""Where fastavro and the avro package are known to differ from this project, and what is done here instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from avro_oracle import Unresolved, branch_for, counterpart, project, resolves, straight
from avro_types import ABSENT, Part, Type


@dataclass(frozen=True)
class Fault:
    """One known difference.

    Args:
        library: Whose: ``fastavro``, ``avro`` or both of them.
        theirs: What they do.
        ours: What is done here.
    """

    library: str
    theirs: str
    ours: str

    def of(self, library: str) -> bool:
        """Whether a library has it."""
        return library in self.library.split()


KNOWN_FAULTS = {
    # Of schema resolution; `differences` finds them in a pair.
    "strict": Fault("fastavro avro", "reads what happens to fit", "every branch and symbol must be readable"),
    "logical": Fault("fastavro avro", "applies the writer's logical type, or none", "they are part of the type"),
    "layout": Fault("fastavro avro", "refuses bytes as fixed, a UUID's text as bytes", "one Python type, one meaning"),
    "exact": Fault("fastavro", "rounds a whole number that no float is", "refuses it"),
    "structure": Fault("fastavro avro", "a record of another name is of no branch", "the first that resolves takes it"),
    "default": Fault("fastavro avro", "hands out a default's JSON, or its text's UTF-8", "makes the value"),
    "rank": Fault("fastavro avro", "takes the first branch, by a promotion too", "the same type before a promotion"),
    "promotion": Fault("avro", "keeps the writer's Python type", "a promoted number is of the reader's type"),
    "symbol": Fault("avro", "refuses a symbol in spite of the enum's default", "takes the default"),
    "alias": Fault("avro", "knows no aliases", "resolves by them"),
    "single": Fault("avro", "refuses most pairs of which one is a union", "reads each branch, into a union too"),
    "name": Fault("avro", "compares full names", "compares unqualified names"),
    # Of payloads; each has its own test.
    "trailing bytes": Fault("fastavro avro", "are not noticed", "refused"),
    "negative index": Fault("fastavro", "-1 is the last symbol or branch", "refused"),
    "long varint": Fault("fastavro", "12 bytes are a number", "at most 10 bytes and 64 bits"),
    "boolean": Fault("fastavro avro", "7 is a boolean", "0 or 1"),
    "wide int": Fault("fastavro avro", "more than 32 bits are an int", "refused"),
    "skipped": Fault("fastavro", "a skipped field may be cut off", "skipping checks every bound"),
    "block size": Fault("fastavro avro", "is not compared with the block", "must be right"),
    "shared default": Fault("fastavro", "each decode gives the same list", "made anew"),
    "recursion": Fault("fastavro", "a payload of 0x02 crashes the process", "refused at 64 levels"),
    "nulls": Fault("fastavro avro", "an array may announce any number of nulls", "10,000 in a datum"),
}


def differences(writer: Type, reader: Type, value: Any, library: str) -> set[str]:
    """The known faults that a pair of schemas may meet in a library, with this value."""
    found = _Differences()
    found.compare(writer, reader)
    if not resolves(writer, reader):
        found.names |= _fits(writer, reader, value)
    return {name for name in found.names if KNOWN_FAULTS[name].of(library)}


def _fits(writer: Type, reader: Type, value: Any) -> set[str]:
    """Whether this value could be read, though others of its schema could not, or logical types do not match."""
    try:
        project(writer, reader, value)
    except (Unresolved, UnicodeDecodeError):
        return set()
    return {"strict"}


class _Differences:
    def __init__(self) -> None:
        self.names: set[str] = set()
        self.seen: set[tuple[int, int]] = set()

    def compare(self, writer: Type, reader: Type) -> None:
        if (id(writer), id(reader)) in self.seen:
            return
        self.seen.add((id(writer), id(reader)))
        if writer.kind == "union" and straight(writer, reader):
            for at, one in enumerate(writer.parts):
                self.branch(one, reader, at)
        elif writer.kind == "union":
            self.names |= {"single"} if reader.kind != "union" else set()
            for one in writer.parts:
                self.compare(one, reader)
        elif reader.kind == "union":
            self.into_union(writer, reader)
        elif writer.kind == reader.kind == "record":
            self.name(writer, reader)
            for part in reader.fields:
                self.field(writer, part)
        elif writer.kind == reader.kind and writer.parts:
            self.compare(writer.parts[0], reader.parts[0])
        else:
            self.leaf(writer, reader)

    def into_union(self, writer: Type, reader: Type) -> None:
        try:
            at = branch_for(writer, reader)
        except Unresolved:
            for one in reader.parts:
                self.leaf(writer, one)
            return
        self.names.add("single")
        self.branch(writer, reader, at)

    def branch(self, writer: Type, reader: Type, at: int) -> None:
        self.compare(writer, reader.parts[at])
        others = reader.parts[:at] if resolves(writer, reader.parts[at]) else reader.parts
        self.names |= {"rank"} if any(_may_take(writer, one) for one in others) else set()
        self.names |= {"structure"} if writer.name != reader.parts[at].name else set()

    def leaf(self, writer: Type, reader: Type) -> None:
        self.name(writer, reader)
        if writer.kind != reader.kind:
            self.names.add("promotion")
        if writer.leaf and reader.leaf and writer.leaf.attributes != reader.leaf.attributes:
            self.names.add("logical")
        if "fixed" in (writer.kind, reader.kind):
            self.names.add("layout")
        if writer.kind in ("int", "long") and reader.kind in ("float", "double"):
            self.names.add("exact")
        if not set(writer.symbols) <= set(reader.symbols):
            self.names.add("symbol")

    def name(self, writer: Type, reader: Type) -> None:
        if writer.name != reader.name:
            self.names |= {"name", "alias"}

    def field(self, writer: Type, part: Part) -> None:
        found = counterpart(writer, part)
        if found is not None:
            self.names |= {"alias"} if found.name != part.name else set()
            self.compare(found.type, part.type)
        elif part.default is not ABSENT:
            self.names.add("default")


def _may_take(writer: Type, branch: Type) -> bool:
    return writer.kind == branch.kind or branch.leaf is not None
