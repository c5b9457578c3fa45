"""The meaning of a pair of types, as docs/reference/type-pairs.md states it, on abstract types and plain values.

Nothing of this project is imported here, nor any library of classes or payloads.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .plain import In, Items, Member, Pairs, Rec
from .types import NONE, Bounds, Leaf, Map, Record, Seq, Space, Tuple, Type, Union, Values, key_of

LONG = range(-(2**63), 2**63)


class Refused(Exception):
    """A value that is refused, with the reason."""


@dataclass
class Pair:
    """A writer's type and a reader's.

    Args:
        writer: The type of the values.
        reader: The type that they are read as, or that an older version has.
        writing: Whether the values of a newest type are written as an older version.
    """

    writer: Space
    reader: Space
    writing: bool = False
    lenient: bool = False
    """Set by `convert` where a refusal is as right as the value: a number beyond 64 bits, the sign of a zero."""
    _assumed: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    # ---- verdicts on types ---------------------------------------------------------------------------------------

    def problems(self) -> list[str]:
        """Why the pair does not resolve; empty where it does."""
        self._assumed = {}
        return self._problems(self.writer.root, self.reader.root, "$")

    def hopeless(self) -> bool:
        """Tell whether no value at all can be written, not even one whose lists are empty."""
        return self._hopeless(self.writer.root, self.reader.root, ())

    def _problems(self, one: Type, other: Type, path: str) -> list[str]:
        writer, reader = self.writer.normal(one), self.reader.normal(other)
        if isinstance(writer, Union) or isinstance(reader, Union):
            return self._union_problems(writer, reader, path)
        match writer, reader:
            case Leaf(), Leaf() if not self._leaf_resolves(writer.kind, reader.kind):
                return [f"{writer.kind} is no {reader.kind} at {path}"]
            case Leaf(), Leaf():
                return []
            case Values(), Values():
                common = _common(writer, reader)
                wanted = 1 if self.writing else len(set(_typed(writer.values)))
                return [] if len(common) >= wanted else [f"{writer.values} against {reader.values} at {path}"]
            case Seq(), Seq():
                return self._problems(writer.item, reader.item, f"{path}[]")
            case Map(), Map():
                if self._text_key(writer, self.writer) != self._text_key(reader, self.reader):
                    return [f"text keys against others at {path}"]
                keys = self._problems(writer.key, reader.key, f"{path}.keys")
                return keys + self._problems(writer.value, reader.value, f"{path}{{}}")
            case Tuple(), Tuple() if len(writer.items) == len(reader.items):
                pairs = enumerate(zip(writer.items, reader.items, strict=True))
                return [one for at, pair in pairs for one in self._problems(*pair, f"{path}[{at}]")]
            case Record(), Record():
                return self._record_problems(writer, reader, path)
        return [f"{type(writer).__name__} is no {type(reader).__name__} at {path}"]

    def _leaf_resolves(self, kind: str, other: str) -> bool:
        """Unspecified datetimes are aware ones."""
        kind, other = _zoned(kind), _zoned(other)
        promoted = {("int", "float"), ("str", "bytes"), ("bytes", "str")}
        return kind == other or (kind, other) in promoted or (self.writing and (kind, other) == ("float", "int"))

    def _text_key(self, map_: Map, space: Space) -> bool:
        key = space.normal(map_.key)
        return isinstance(key, Leaf) and key.kind == "str"

    def _union_problems(self, one: Type, other: Type, path: str) -> list[str]:
        found: list[list[str]] = []
        for at in range(len(self.writer.members(one))):
            matched = self._matched(one, other, at)
            member = self.writer.members(one)[at]
            if matched is None:
                found.append([f"{_title(member)} is no member of the reader's at {path}"])
            else:
                found.append(self._problems(member, self.reader.members(other)[matched], path))
        if self.writing and not all(found):
            return []
        return [problem for problems in found for problem in problems]

    def _record_problems(self, writer: Record, reader: Record, path: str) -> list[str]:
        known = self._assumed.get((writer.id, reader.id))
        if known is not None:
            return known
        found = self._assumed[writer.id, reader.id] = []
        if not self._tags_agree(writer, reader):
            found.append(f"tag {writer.tag!r} against {reader.tag!r} at {path}")
        for mine in reader.fields:
            theirs = self._source(writer, reader, mine)
            place = f"{path}.{key_of(reader, mine)}"
            if theirs is None:
                if mine.presence == "required":
                    found.append(f"the reader requires it, the writer lacks it at {place}")
                continue
            if theirs.presence == "missing" and mine.presence == "required" and not self.writing:
                found.append(f"the reader requires it, it may be missing at {place}")
            found += self._problems(theirs.type, mine.type, place)
        return found

    def _hopeless(self, one: Type, other: Type, inside: tuple[tuple[str, str], ...]) -> bool:
        writer, reader = self.writer.normal(one), self.reader.normal(other)
        if isinstance(writer, Union) or isinstance(reader, Union):
            for at, member in enumerate(self.writer.members(writer)):
                matched = self._matched(writer, reader, at)
                if matched is not None and not self._hopeless(member, self.reader.members(reader)[matched], inside):
                    return False
            return True
        match writer, reader:
            case Seq(), Seq():
                return False
            case Map(), Map():
                return self._text_key(writer, self.writer) != self._text_key(reader, self.reader)
            case Tuple(), Tuple() if len(writer.items) == len(reader.items):
                return any(self._hopeless(*pair, inside) for pair in zip(writer.items, reader.items, strict=True))
            case Record(), Record():
                if (writer.id, reader.id) in inside:
                    return False
                return self._record_hopeless(writer, reader, (*inside, (writer.id, reader.id)))
        return bool(self._problems(writer, reader, "$"))

    def _record_hopeless(self, writer: Record, reader: Record, inside: tuple[tuple[str, str], ...]) -> bool:
        if not self._tags_agree(writer, reader):
            return True
        for mine in reader.fields:
            theirs = self._source(writer, reader, mine)
            if theirs is None:
                if mine.presence == "required":
                    return True
            elif (theirs.presence != "missing" or mine.presence == "required") and self._hopeless(
                theirs.type, mine.type, inside
            ):
                return True
        return False

    # ---- who is whose --------------------------------------------------------------------------------------------

    def _source(self, writer: Record, reader: Record, mine: Any) -> Any:
        """The writer's field that a reader's is read from: of its name, else of an alias.

        Aliases are the newest type's, which is the reader, or the writer where an older version is written.
        """
        wanted = key_of(reader, mine)
        by_key = {key_of(writer, theirs): theirs for theirs in writer.fields}
        if wanted in by_key:
            return by_key[wanted]
        if self.writing:
            taken = {key_of(reader, one) for one in reader.fields}
            found = [one for one in writer.fields if wanted in one.aliases and key_of(writer, one) not in taken]
            return found[0] if found else None
        return next((by_key[alias] for alias in mine.aliases if alias in by_key), None)

    def _aliases(self, writer: Record, reader: Record) -> tuple[tuple[str, ...], str | int | None, str]:
        """The aliases of the newest record, and the tag and the name of the other."""
        newest, other = (writer, reader) if self.writing else (reader, writer)
        return newest.aliases, other.tag, other.name

    def _tags_agree(self, writer: Record, reader: Record) -> bool:
        if writer.tag is None or reader.tag is None or _same_label(writer.tag, reader.tag):
            return True
        aliases, tag, _ = self._aliases(writer, reader)
        return tag in aliases

    def _matched(self, one: Type, other: Type, at: int) -> int | None:
        """The place of the reader's member that a writer's matches."""
        writers, readers = self.writer.members(one), self.reader.members(other)
        member = writers[at]
        if len(readers) == 1 and not isinstance(self.reader.normal(other), Union):
            mine, several = readers[0], sum(isinstance(one, Record) for one in writers) > 1
            if several and isinstance(member, Record) and isinstance(mine, Record):
                return 0 if self._records_match(member, mine, several=True) else None
            return 0  # where a type that is no union reads, the member has to resolve with it
        if isinstance(member, Leaf):
            return self._matched_leaf(member, readers)
        if isinstance(member, Values):
            sets = [(place, mine) for place, mine in enumerate(readers) if isinstance(mine, Values)]
            fits = [place for place, mine in sets if not self._problems(member, mine, "$")]
            return next(iter(fits), None)
        if isinstance(member, Record):
            several = any(sum(isinstance(one, Record) for one in side) > 1 for side in (writers, readers))
            records = [(place, mine) for place, mine in enumerate(readers) if isinstance(mine, Record)]
            live = [place for place, mine in records if several and _same_label(*map(_label, (member, mine)))]
            found = [place for place, mine in records if self._records_match(member, mine, several=several)]
            return next(iter([*live, *found]), None)  # a live tag or name before an alias
        return next((place for place, mine in enumerate(readers) if type(mine) is type(member)), None)

    def _matched_leaf(self, member: Leaf, readers: tuple[Type, ...]) -> int | None:
        leaves = [(place, mine.kind) for place, mine in enumerate(readers) if isinstance(mine, Leaf)]
        for place, kind in leaves:
            if _zoned(kind) == _zoned(member.kind):
                return place
        return next((place for place, kind in leaves if self._leaf_resolves(member.kind, kind)), None)

    def _records_match(self, writer: Record, reader: Record, *, several: bool) -> bool:
        if not several:
            return self._tags_agree(writer, reader)
        if _same_label(_label(writer), _label(reader)):
            return True
        aliases, tag, name = self._aliases(writer, reader)
        return (name if tag is None else tag) in aliases

    # ---- values --------------------------------------------------------------------------------------------------

    def convert(self, value: Any) -> Any:
        """The plain value of the reader's type that a plain value of the writer's is read or written as.

        Raises:
            Refused: It cannot be.
        """
        self.lenient = False
        return self._convert(self.writer.root, self.reader.root, value)

    def _convert(self, one: Type, other: Type, value: Any) -> Any:
        writer, reader = self.writer.normal(one), self.reader.normal(other)
        if isinstance(writer, Union) or isinstance(reader, Union):
            at = self._told(writer, value) if isinstance(writer, Union) else 0
            matched = self._matched(writer, reader, at)
            if matched is None:
                twin = self._twin(writer, reader, value)
                if twin is None:
                    raise Refused(f"{_title(self.writer.members(writer)[at])} is no member")
                self.lenient = True  # a refusal of the member that it was given as is as right
                at, matched = twin
            inner = value.value if isinstance(writer, Union) else value
            found = self._convert(self.writer.members(writer)[at], self.reader.members(reader)[matched], inner)
            return In(matched, found) if isinstance(reader, Union) else found
        match writer, reader:
            case Leaf(), Leaf():
                found = self._convert_leaf(writer.kind, reader.kind, value)
            case Values(), Values():
                bare = value.value if isinstance(value, Member) else value
                if not any(_same_label(bare, mine) for mine in reader.values):
                    raise Refused(f"{bare!r} is none of {reader.values}")
                return bare if reader.style == "Literal" else Member(reader.id, bare)
            case Seq(), Seq():
                found = self._convert_items(writer, reader, value)
            case Map(), Map():
                if self._text_key(writer, self.writer) != self._text_key(reader, self.reader):
                    raise Refused("text keys against others")
                found = Pairs(
                    tuple(
                        (self._convert(writer.key, reader.key, key), self._convert(writer.value, reader.value, item))
                        for key, item in value.items
                    )
                )
            case Tuple(), Tuple() if len(writer.items) == len(reader.items):
                pairs = zip(writer.items, reader.items, value.items, strict=True)
                return Items("tuple", tuple(self._convert(*three) for three in pairs))
            case Record(), Record():
                return self._convert_record(writer, reader, value)
            case _:
                raise Refused(f"{type(writer).__name__} is no {type(reader).__name__}")
        if not within(getattr(reader, "bounds", ()), found):
            raise Refused(f"{found!r} is out of {getattr(reader, 'bounds', ())}")
        return found

    def _convert_leaf(self, kind: str, other: str, value: Any) -> Any:
        if not self._leaf_resolves(kind, other):
            raise Refused(f"{kind} is no {other}")
        match kind, other:
            case "int", "float":
                return self._float_of(value)
            case "float", "int":
                if not (math.isfinite(value) and value == math.floor(value)):
                    raise Refused(f"{value} is no whole number")
                self.lenient = self.lenient or int(value) not in LONG or (value == 0 and math.copysign(1, value) < 0)
                return int(value)
            case "str", "bytes":
                return value.encode()
            case "bytes", "str":
                try:
                    return bytes(value).decode()
                except UnicodeDecodeError as error:
                    raise Refused("no UTF-8") from error
        return value

    def _float_of(self, value: int) -> float:
        try:
            found = float(value)
        except OverflowError as error:
            raise Refused(f"{value} is beyond a float") from error
        if int(found) != value:
            raise Refused(f"{value} is no float")
        return found

    def _told(self, writer: Union, value: In) -> int:
        """The place of the member that a value is taken for: a Literal before the type of its values takes its own."""
        for at, member in enumerate(self.writer.members(writer)[: value.at]):
            if not isinstance(member, Values) or member.style != "Literal":
                continue
            if type(value.value) in (str, int) and value.value in member.values:
                return at
        return value.at

    def _twin(self, writer: Type, reader: Type, value: Any) -> tuple[int, int] | None:
        """The Literal of a union that has the value as well, and its match in the reader: the value is of both."""
        bare = value.value if isinstance(value, In) else value
        for at, member in enumerate(self.writer.members(writer)):
            if isinstance(member, Values) and member.style == "Literal" and type(bare) in (str, int):
                matched = self._matched(writer, reader, at) if bare in member.values else None
                if matched is not None:
                    return at, matched
        return None

    def _convert_items(self, writer: Seq, reader: Seq, value: Items) -> Items:
        items = [self._convert(writer.item, reader.item, one) for one in value.items]
        if reader.kind in ("set", "frozenset"):
            items = distinct(items)
        return Items(reader.kind, tuple(items), ordered=value.ordered and writer.kind in ("list", "tuple"))

    def _convert_record(self, writer: Record, reader: Record, value: Rec) -> Rec:
        if not self._tags_agree(writer, reader):
            raise Refused(f"tag {writer.tag!r} against {reader.tag!r}")
        fields: dict[str, Any] = {}
        for mine in reader.fields:
            theirs = self._source(writer, reader, mine)
            if theirs is not None and theirs.attr in value.fields:
                fields[mine.attr] = self._convert(theirs.type, mine.type, value.fields[theirs.attr])
            elif mine.presence in ("default", "factory"):
                fields[mine.attr] = mine.default
            elif mine.presence == "required":
                raise Refused(f"{key_of(reader, mine)} is required, and missing")
        return Rec(reader.id, fields)


def distinct(items: list[Any]) -> list[Any]:
    """One of equal items each, as a set keeps them."""
    found: list[Any] = []
    for one in items:
        if not any(_bare(one) == _bare(other) for other in found):
            found.append(one)
    return found


def _bare(value: Any) -> Any:
    """The part that Python compares: a union's member without its place."""
    return value.value if isinstance(value, In) else value


def _typed(values: tuple[str | int, ...]) -> list[tuple[str, str | int]]:
    return [(type(one).__name__, one) for one in values]


def _common(writer: Values, reader: Values) -> set[tuple[str, str | int]]:
    return set(_typed(writer.values)) & set(_typed(reader.values))


def _label(record: Record) -> str | int:
    return record.name if record.tag is None else record.tag


def _same_label(one: str | int, other: str | int) -> bool:
    return type(one) is type(other) and one == other


def _zoned(kind: str) -> str:
    return "aware" if kind == "datetime" else kind


def _title(type_: Type) -> str:
    match type_:
        case Leaf():
            return type_.kind
        case Record():
            return f"{type_.name} ({type_.tag!r})"
    return type(type_).__name__


def within(bounds: Bounds, value: Any) -> bool:
    """Tell whether a plain value is within the bounds of `msgspec.Meta`."""
    size = len(value.items if isinstance(value, (Items, Pairs)) else value) if _sized(value) else 0
    checks: dict[str, Callable[[Any], bool]] = {
        "ge": lambda bound: bool(value >= bound),
        "gt": lambda bound: bool(value > bound),
        "le": lambda bound: bool(value <= bound),
        "lt": lambda bound: bool(value < bound),
        "multiple_of": lambda bound: bool(value % bound == 0),
        "min_length": lambda bound: size >= int(bound),
        "max_length": lambda bound: size <= int(bound),
        "pattern": lambda bound: re.search(bound, value) is not None,
    }
    return all(checks[name](bound) for name, bound in bounds)


def _sized(value: Any) -> bool:
    return isinstance(value, (str, bytes, Items, Pairs))


def reads(writer: Space, reader: Space) -> list[str]:
    """Why a reader refuses a writer when it is built; empty where it reads what the writer writes."""
    return Pair(writer, reader).problems()


def writes(newest: Space, older: Space) -> bool | None:
    """Tell whether the newest type can be written as an older one.

    None where types inside of lists or of fields that may be missing do not resolve, so that a value without them
    could be written, and the page does not say whether such a pair is refused when it is built.
    """
    pair = Pair(newest, older, writing=True)
    if not pair.problems():
        return True
    return False if pair.hopeless() else None


__all__ = ["NONE", "Pair", "Refused", "distinct", "reads", "within", "writes"]
