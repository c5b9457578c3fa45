"""Resolution: how what one schema wrote is read by another, decided once for the pair (Avro 1.12, *Schema Resolution*).

docs/reference/type-pairs.md is the specification: one meaning of a pair of types for every payload and both engines. A
resolved tree covers every pair; a part that cannot be read is a `Refused` leaf. A reader accepts no such leaf, because
an older version is checked before anything is in production. A writer of an older version accepts them where other
values can be written: the encoder refuses the single value.

A record, enum or fixed of a Python type carries ``safecodec.class``: its name is that of a class and counts only among
several branches of a union. A tag (``safecodec.tag``) takes the name's place.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from ..errors import IncompatibleSchemaError, SchemaError
from .branches import Branches, named_alike, primary, several
from .describing import listed
from .limits import DEFAULT, STEPS
from .nodes import ABSENT, Array, Enum, Field, Fixed, Map, Named, Node, Primitive, Record, Union, is_optional, once

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .schema import Schema

PROMOTIONS: Final = {
    ("int", "long"),
    ("int", "float"),
    ("int", "double"),
    ("long", "float"),
    ("long", "double"),
    ("float", "double"),
    ("string", "bytes"),
    ("bytes", "string"),
}
"""Writer's and reader's primitives that differ and resolve."""
NARROWINGS: Final = {
    ("long", "int"),
    ("float", "int"),
    ("double", "int"),
    ("float", "long"),
    ("double", "long"),
    ("double", "float"),
}
"""Further pairs that hold for single values, where an older version is written."""


@dataclass(slots=True, eq=False)
class Take:
    """A primitive or fixed, read as the reader's."""

    writer: Primitive | Fixed
    reader: Primitive | Fixed


@dataclass(slots=True, eq=False)
class TakeSymbol:
    """An enum: the reader's symbol for each of the writer's that it has or replaces by its default."""

    writer: Enum
    reader: Enum
    symbols: dict[str, str]


@dataclass(slots=True, eq=False)
class TakeItems:
    """An array."""

    writer: Array
    reader: Array
    items: Action


@dataclass(slots=True, eq=False)
class TakeValues:
    """A map."""

    writer: Map
    reader: Map
    values: Action


@dataclass(slots=True, eq=False)
class TakeBranch:
    """A writer's union: how to read each of its branches."""

    writer: Union
    branches: tuple[Action, ...]


@dataclass(slots=True, eq=False)
class TakeInto:
    """A value that becomes one of the branches of a reader's union."""

    reader: Union
    branch: int
    inner: Action


@dataclass(slots=True, eq=False)
class TakeAbsent:
    """The branch of a writer's optional field that says that the field is missing."""

    record: Record
    """The reader's."""
    field: Field
    """The reader's, which may be missing too or has a default."""


@dataclass(slots=True, eq=False)
class TakeFields:
    """A record: for each of the reader's fields the writer's, or None where it takes its default."""

    writer: Record
    reader: Record
    fields: list[tuple[Field, Field | None, Action | None]] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Refused:
    """A part of the writer's that the reader has no place for."""

    writer: Node | None
    reason: str
    path: str


Action: TypeAlias = (
    Take | TakeSymbol | TakeItems | TakeValues | TakeBranch | TakeInto | TakeAbsent | TakeFields | Refused
)
"""One node of a resolved tree; recursive schemas make it cyclic."""


def resolve(writer: Schema, reader: Schema) -> Action:
    """Resolve a writer's schema with a reader's, so that every value of the writer can be read.

    Single values may still be refused: integers that no float is, bounds, text that is not UTF-8.

    Args:
        writer: The schema that payloads are written in.
        reader: The schema that they are read as.

    Returns:
        The resolved tree, without `Refused`.

    Raises:
        IncompatibleSchemaError: They do not resolve; it has every reason, each with its path.
    """
    drops = writer.type is None and reader.type is None
    most = max(writer.limits.nodes, reader.limits.nodes)
    action = _Resolver(drops=drops, typed=reader.type is not None, most=most).root(writer.root, reader.root)
    _accept(one for one in actions(action) if isinstance(one, Refused))
    return action


def resolve_values(source: Schema, target: Schema) -> Action:
    """Resolve the schema of values with an older version's that is written, as far as single values allow.

    Args:
        source: The schema of the values.
        target: The schema that is written.

    Returns:
        The resolved tree; where it has `Refused`, the value is refused.

    Raises:
        IncompatibleSchemaError: No value can be written; it has every reason, each with its path.
    """
    drops = source.type is None and target.type is None
    most = max(source.limits.nodes, target.limits.nodes)
    action = _Resolver(drops=drops, by_value=True, most=most).root(source.root, target.root)
    never = _never(action)
    if id(action) in never:
        _accept(one for one in actions(action) if isinstance(one, Refused))
    return action


class Identity:
    """How values of nodes are read as they are; what nodes share is shared."""

    def __init__(self) -> None:
        self._resolver = _Resolver(drops=False)
        self._known: dict[int, Action] = {}

    def of(self, node: Node) -> Action:
        """Return how a node's values are read as they are."""
        if id(node) not in self._known:
            self._known[id(node)] = self._resolver.root(node, node)
        return self._known[id(node)]


def _accept(refused: Iterator[Refused] | Any) -> None:
    reasons = [f"{one.reason} (at {one.path})" for one in refused]
    if reasons:
        raise IncompatibleSchemaError("the schemas do not resolve", reasons=reasons)


def _never(root: Action) -> set[int]:
    """The ids of actions that no value can take: the least fixed point, so that a record may hold itself."""
    never: set[int] = set()
    holders: dict[int, list[Action]] = defaultdict(list)
    """The actions that hold each, but arrays and maps, which may be empty."""
    waiting: list[Action] = []
    left: dict[int, int] = {}
    """How many branches of a union a value may still be of."""
    for one in actions(root):
        match one:
            case Refused():
                waiting.append(one)
            case TakeSymbol() if not one.symbols:
                waiting.append(one)
            case TakeBranch() | TakeInto() | TakeFields():
                left[id(one)] = len(one.branches) if isinstance(one, TakeBranch) else 1
                for part in parts(one):
                    holders[id(part)].append(one)
    while waiting:
        one = waiting.pop()
        if id(one) in never:
            continue
        never.add(id(one))
        for holder in holders[id(one)]:
            left[id(holder)] -= 1
            if left[id(holder)] <= 0:
                waiting.append(holder)
    return never


def actions(root: Action) -> Iterator[Action]:
    """Yield every node of a resolved tree once, parents first and in the order of fields."""
    return once(root, parts)


def parts(action: Action) -> tuple[Action, ...]:
    """Return the nodes that a node of a resolved tree holds, in the order of fields."""
    match action:
        case TakeItems():
            return (action.items,)
        case TakeValues():
            return (action.values,)
        case TakeBranch():
            return action.branches
        case TakeInto():
            return (action.inner,)
        case TakeFields():
            return tuple(inner for _, _, inner in action.fields if inner is not None)
    return ()


class _Resolver:
    """Resolves pairs of nodes, each once.

    Args:
        drops: Whether a reader without a logical type takes the underlying value: between two Avro schemas.
        typed: Whether there are classes of the reader's records, which make defaults that no schema has.
        by_value: Whether single values may be refused, as where an older version is written.
        most: How many nodes a schema may have; steps are bounded by it.
    """

    def __init__(self, *, drops: bool, typed: bool = True, by_value: bool = False, most: int = DEFAULT.nodes) -> None:
        self.drops = drops
        self.typed = typed
        self.by_value = by_value
        self.most = most
        self.steps = 0
        self.known: dict[tuple[int, int], Action] = {}
        self.present: dict[int, Node] = {}
        """Nodes of optional fields that are not missing, by the field's id."""
        self.unions: dict[int, Branches] = {}
        """The indexes of readers' unions, by their ids."""
        self.open: set[int] = set()
        """The ids of actions of records that have not all their fields yet."""
        self.whole: set[int] = set()
        self.broken: set[int] = set()
        """The ids of actions that hold no `Refused`, and of those that do."""

    def root(self, writer: Node, reader: Node) -> Action:
        """Resolve two nodes, which may nest too deep for the stack: by references, types nest without a bound."""
        try:
            return self.resolve(writer, reader, "$")
        except RecursionError:
            raise SchemaError("the schemas nest too deep to be resolved", path="$") from None

    def count(self, steps: int, path: str) -> None:
        self.steps += steps
        if self.steps > STEPS * self.most:
            taken = f"resolving the schemas takes more than {STEPS} steps for each of the {self.most} nodes"
            raise SchemaError(f"{taken} that the limit nodes allows", path=path)

    def resolve(self, writer: Node, reader: Node, path: str) -> Action:
        if isinstance(writer, Union):
            return TakeBranch(writer, self.branches(writer.branches, reader, path))
        return self.branch(writer, reader, path, several=False)

    def branches(self, branches: tuple[Node, ...], reader: Node, path: str) -> tuple[Action, ...]:
        if isinstance(reader, Union) and _straight(branches, reader.branches):
            return tuple(
                TakeInto(reader, at, self.pair(one, reader.branches[at], path)) for at, one in enumerate(branches)
            )
        return tuple(
            self.branch(one, reader, path, several=named)
            for one, named in zip(branches, several(branches), strict=True)
        )

    def branch(self, writer: Node, reader: Node, path: str, *, several: bool) -> Action:
        """A writer's node that is no union; several: whether others of its kind stand beside it in a union."""
        if isinstance(reader, Union):
            return self.into_union(writer, reader, path, several=several)
        if isinstance(writer, Named) and type(reader) is type(writer) and not self.named_for(writer, reader, several):
            return Refused(writer, f"the writer has {titled(writer)}, the reader {titled(reader)}", path)
        return self.pair(writer, reader, path)

    def pair(self, writer: Node, reader: Node, path: str) -> Action:
        found = self.known.get((id(writer), id(reader)))
        if found is None:
            self.count(1, path)
            found = self.known[id(writer), id(reader)] = self.of_pair(writer, reader, path)
        elif isinstance(found, Refused):
            return replace(found, path=path)
        return found

    def of_pair(self, writer: Node, reader: Node, path: str) -> Action:
        if (
            isinstance(writer, Primitive) and isinstance(reader, Primitive)
            and writer.kind == reader.kind and writer.logical is reader.logical is None
        ):  # fmt: skip
            return Take(writer, reader)  # most fields: faster than by the patterns below
        match writer, reader:
            case Fixed(), Record() if not self.by_value and _is_duration(writer) and _is_duration(reader):
                return Take(writer, writer)  # three numbers in a tuple, either way
            case Record(), Fixed() if self.by_value and _is_duration(writer) and _is_duration(reader):
                return Take(reader, reader)
            case Primitive() | Fixed(), Primitive() | Fixed() if self.leaves(writer, reader):
                return Take(writer, reader)
            case Array(), Array() if _is_map(writer) == _is_map(reader):
                return TakeItems(writer, reader, self.resolve(writer.items, reader.items, f"{path}[]"))
            case Map(), Map():
                return TakeValues(writer, reader, self.resolve(writer.values, reader.values, f"{path}{{}}"))
            case Enum(), Enum():
                return self.enum(writer, reader, path)
            case Record(), Record() if _is_tuple(writer) == _is_tuple(reader):
                if _is_tuple(writer) and len(writer.fields) != len(reader.fields):
                    have = f"the writer's tuple has {len(writer.fields)} items"
                    return Refused(writer, f"{have}, the reader's {len(reader.fields)}", path)
                return self.record(writer, reader, path)
        return Refused(writer, f"the writer has {spelled(writer)}, the reader {spelled(reader)}", path)

    def leaves(self, writer: Primitive | Fixed, reader: Primitive | Fixed) -> bool:
        """Tell whether a leaf is read by another."""
        if value_type(writer) == value_type(reader) and not _differ_in_size(writer, reader):
            kinds = (_kind(writer), _kind(reader))
            return kinds not in NARROWINGS or writer.logical is not None or self.by_value
        if reader.logical is not None or (writer.logical is not None and not self.drops):
            return False
        if isinstance(writer, Fixed) and isinstance(reader, Fixed):
            return writer.size == reader.size
        kinds = (_kind(writer), _kind(reader))
        if writer.logical is not None:
            same = kinds[0] == kinds[1] or kinds == ("int", "long")
            return same and not writer.logical.name.startswith("safecodec-")
        fixed = isinstance(writer, Fixed) or isinstance(reader, Fixed)
        return not fixed and (kinds in PROMOTIONS or (self.by_value and kinds in NARROWINGS))

    def enum(self, writer: Enum, reader: Enum, path: str) -> Action:
        symbols: dict[str, str] = {}
        missing = []
        self.count(len(writer.symbols), path)
        for symbol, value in zip(writer.symbols, writer.values, strict=True):
            at = reader.place_of(value)
            if at is not None:
                symbols[symbol] = reader.symbols[at]
            elif isinstance(reader.default, str):
                symbols[symbol] = reader.default
            else:
                missing.append(value)
        if missing and not (self.by_value and symbols):
            return Refused(writer, f"the reader lacks the symbols {listed(missing)} and has no default", path)
        return TakeSymbol(writer, reader, symbols)

    def record(self, writer: Record, reader: Record, path: str) -> Action:
        action = TakeFields(writer, reader)
        self.known[id(writer), id(reader)] = action
        self.open.add(id(action))
        self.count(len(writer.fields) + len(reader.fields), path)
        by_name = {one.name: one for one in writer.fields}
        if self.by_value:  # the values' type is the newer one, and has the aliases
            live = {one.name for one in reader.fields}
            renamed = {name: one for one in writer.fields if one.name not in live for name in one.aliases}
            by_name = renamed | by_name
        for one in reader.fields:
            at = f"{path}.{one.name}"
            found = next((by_name[name] for name in (one.name, *one.aliases) if name in by_name), None)
            inner = None if found is None else self.field(found, reader, one, at)
            if found is None and not self.has_default(one):
                needs = f"the reader needs the field {one.name!r}, which the writer lacks"
                inner = Refused(None, f"{needs}; {self.no_default(one)}", at)
            action.fields.append((one, found, inner))
        self.open.remove(id(action))
        return action

    def field(self, writer: Field, record: Record, reader: Field, path: str) -> Action:
        """A field that both have: present values by their pair, and a missing one as the reader's missing one."""
        if not is_optional(writer) and not is_optional(reader):
            return self.resolve(writer.type, reader.type, path)
        mine = self.present_of(reader)
        if not is_optional(writer):
            return self.shifted(self.resolve(writer.type, mine, path), reader)
        assert isinstance(writer.type, Union)
        absent: Action = TakeAbsent(record, reader)
        if not self.has_default(reader):
            needs = f"the writer may leave out the field {writer.name!r}, which the reader needs"
            absent = Refused(writer.type.branches[0], f"{needs}; {self.no_default(reader)}", path)
        inner = TakeBranch(writer.type, (absent, *self.branches(writer.type.branches[1:], mine, path)))
        return self.shifted(inner, reader)

    def has_default(self, one: Field) -> bool:
        return is_optional(one) or one.default is not ABSENT or (self.typed and filled_by_type(one))

    def no_default(self, one: Field) -> str:
        if filled_by_type(one):
            return "only its class makes the default: give the class in place of its schema, or the schema a default"
        return "it has no default"

    def present_of(self, one: Field) -> Node:
        if not is_optional(one):
            return one.type
        if id(one) not in self.present:
            assert isinstance(one.type, Union)
            rest = one.type.branches[1:]
            self.present[id(one)] = rest[0] if len(rest) == 1 else Union(rest)
        return self.present[id(one)]

    def shifted(self, action: Action, reader: Field) -> Action:
        """An action of what a reader's optional field holds, as one of the field's own union."""
        if not is_optional(reader) or isinstance(action, (TakeAbsent, Refused)):
            return action
        assert isinstance(reader.type, Union)
        if isinstance(action, TakeBranch):
            return TakeBranch(action.writer, tuple(self.shifted(one, reader) for one in action.branches))
        if isinstance(action, TakeInto) and action.reader is self.present_of(reader):
            return TakeInto(reader.type, action.branch + 1, action.inner)
        return TakeInto(reader.type, 1, action)

    # ---- unions --------------------------------------------------------------------------------------------------

    def into_union(self, writer: Node, reader: Union, path: str, *, several: bool) -> Action:
        at = self.named(writer, reader, path, several=several) if isinstance(writer, Named) else None
        if at is None and isinstance(writer, (Primitive, Fixed, Array, Map)):
            at = self.unnamed(writer, reader, path)
        if at is None:
            has = f"the reader's union of {self.union(reader).text}"
            return Refused(writer, f"{has} has no branch for {titled(writer)}", path)
        return TakeInto(reader, at, self.pair(writer, reader.branches[at], path))

    def union(self, reader: Union) -> Branches:
        if id(reader) not in self.unions:
            self.unions[id(reader)] = Branches(reader, [titled(one) for one in reader.branches])
        return self.unions[id(reader)]

    def unnamed(self, writer: Node, reader: Union, path: str) -> int | None:
        """The branch of the same type, else the first that resolves."""
        fitting = [
            at for at, one in enumerate(reader.branches) if not isinstance(self.pair(writer, one, path), Refused)
        ]
        if not fitting or not isinstance(writer, (Primitive, Fixed)):
            return fitting[0] if fitting else None
        return min(fitting, key=lambda at: _distance(writer, reader.branches[at]))

    def named(self, writer: Named, reader: Union, path: str, *, several: bool) -> int | None:
        """The branch of the full name, the unqualified name, an alias; then by structure, where names do not count."""
        union = self.union(reader)
        best = union.best(writer, by_value=self.by_value)
        if best is not None:
            return best
        alike = union.alike(writer)
        several = several or len(alike) > 1
        self.count(len(alike), path)
        for at in alike:
            one = cast("Named", reader.branches[at])
            if _is_avro(writer) and _is_avro(one):
                if self.resolves(writer, one, path):
                    return at
            elif self.nameless(writer, one, several):
                return at
        return None

    def named_alike(self, writer: Named, reader: Named) -> bool:
        """Tell whether names go together; where an older version is written, the writer's aliases count."""
        return named_alike(writer, reader) or (self.by_value and named_alike(reader, writer))

    def named_for(self, writer: Named, reader: Named, several: bool) -> bool:
        """Tell whether a named type may be read as another of its kind, as far as names are concerned."""
        if self.named_alike(writer, reader):
            return True
        return not (_is_avro(writer) and _is_avro(reader)) and self.nameless(writer, reader, several)

    def nameless(self, writer: Named, reader: Named, several: bool) -> bool:
        """Tell whether two types of a kind, of which one is a class's, go together without a name in common."""
        tagged = "safecodec.tag" in writer.attributes and "safecodec.tag" in reader.attributes
        return not tagged and not several

    def resolves(self, writer: Node, reader: Node, path: str) -> bool:
        """Tell whether a pair has no `Refused`, as far as its records have fields yet."""
        root = self.pair(writer, reader, path)
        if isinstance(root, Refused):
            return False
        seen: set[int] = set()
        waiting: list[Action] = [root]
        while waiting:
            one = waiting.pop()
            if id(one) in seen or id(one) in self.whole:
                continue
            if isinstance(one, Refused) or id(one) in self.broken:
                self.broken.add(id(root))
                return False
            seen.add(id(one))
            waiting += parts(one)
        self.count(len(seen), path)
        if seen.isdisjoint(self.open):
            self.whole |= seen
        return True


def _straight(writer: tuple[Node, ...], reader: tuple[Node, ...]) -> bool:
    """Tell whether two unions have the same branches in the same order: then each is read as itself."""
    return len(writer) == len(reader) and all(
        type(one) is type(other) and _label(one) == _label(other) for one, other in zip(writer, reader, strict=True)
    )


def _label(node: Node) -> Any:
    if isinstance(node, Named):
        return primary(node)
    return (node.kind, node.logical) if isinstance(node, Primitive) else _is_map(node)


def _is_avro(node: Named) -> bool:
    return "safecodec.class" not in node.attributes and "safecodec.tag" not in node.attributes


def _is_tuple(node: Record) -> bool:
    return "safecodec.tuple" in node.attributes


def _is_map(node: Node) -> bool:
    return isinstance(node, Array) and "safecodec.map" in node.attributes


def _is_duration(node: Fixed | Record) -> bool:
    """Tell whether a node's values are those of Avro's duration: months, days and milliseconds."""
    if isinstance(node, Fixed):
        return node.logical is not None and node.logical.name == "duration"
    whole = [isinstance(field.type, Primitive) and value_type(field.type) == "whole number" for field in node.fields]
    return _is_tuple(node) and len(whole) == 3 and all(whole)


def filled_by_type(one: Field) -> bool:
    """Tell whether a field that was not written is filled by the Python type, which makes its default anew."""
    return one.attributes.get("safecodec.default") == "factory"


# ---- leaves --------------------------------------------------------------------------------------------------------

VALUES: Final = {
    "big-decimal": "decimal",
    "time-millis": "time",
    "time-micros": "time",
    "int": "whole number",
    "long": "whole number",
    "float": "number",
    "double": "number",
} | {
    f"{local}timestamp-{unit}": f"{local}timestamp"
    for local in ("", "local-")
    for unit in ("millis", "micros", "nanos")
}
"""Kinds and logical types of which several stand for one Python type."""


def value_type(node: Primitive | Fixed) -> str:
    """Return a name for what a leaf's values are in Python, whatever lies beneath."""
    name = node.logical.name if node.logical is not None else _kind(node)
    return VALUES.get(name, name)


def _kind(node: Primitive | Fixed) -> str:
    return "bytes" if isinstance(node, Fixed) else node.kind


def _differ_in_size(writer: Primitive | Fixed, reader: Primitive | Fixed) -> bool:
    return (
        isinstance(writer, Fixed)
        and isinstance(reader, Fixed)
        and writer.logical is None
        and writer.size != reader.size
    )


def _distance(writer: Primitive | Fixed, reader: Node) -> int:
    """0 for the same type, 1 for another unit or layout of it, 2 for a promotion or a logical type that is dropped."""
    if not isinstance(reader, (Primitive, Fixed)):
        return 1  # a tuple, for a duration
    if (_kind(writer), writer.logical) == (_kind(reader), reader.logical):
        return 0
    return 1 if value_type(writer) == value_type(reader) else 2


def spelled(node: Node) -> str:
    """Return a node's type for an error."""
    match node:
        case Primitive():
            kind, logical = node.kind, node.logical
        case Fixed():
            kind, logical = f"fixed({node.size})", node.logical
        case Array() if _is_map(node):
            return "map of keys that are no text"
        case Record() if _is_tuple(node):
            return f"tuple of {len(node.fields)} items"
        case _:
            return type(node).__name__.lower()
    if logical is None:
        return kind
    digits = "" if logical.precision is None else f"({logical.precision}, {logical.scale})"
    return f"{kind} {logical.name}{digits}"


def titled(node: Node) -> str:
    """Return a node's type with its tag or name for an error."""
    if not isinstance(node, Named) or "safecodec.tuple" in node.attributes:
        return spelled(node)
    return f"{type(node).__name__.lower()} {primary(node)!r}"
