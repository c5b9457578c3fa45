"""Resolution: how what one schema wrote is read by another, decided once for the pair (Avro 1.12, *Schema Resolution*).

Two rules are stricter than the specification, because here a pair is checked before anything is in production: every
branch of a writer's union and every symbol of a writer's enum must be readable, not only those that occur; and logical
types are part of a type, so milliseconds are never read as microseconds.

Names of records, enums and fixed tell branches of a union apart. Elsewhere they count only where both schemas were
written as Avro: the name of a Python class is not part of what it describes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ..errors import IncompatibleSchemaError
from .canonical import unqualified
from .nodes import ABSENT, Array, Enum, Field, Fixed, Map, Named, Node, Primitive, Record, Union

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


@dataclass(slots=True, eq=False)
class Take:
    """A primitive or fixed, read as the reader's."""

    writer: Primitive | Fixed
    reader: Primitive | Fixed


@dataclass(slots=True, eq=False)
class TakeSymbol:
    """An enum: the reader's symbol for each of the writer's."""

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
    """What becomes one of the branches of a reader's union."""

    reader: Union
    branch: int
    inner: Action


@dataclass(slots=True, eq=False)
class TakeFields:
    """A record: for each of the reader's fields the writer's, or None where it takes its default."""

    writer: Record
    reader: Record
    fields: list[tuple[Field, Field | None, Action | None]] = field(default_factory=list)


Action: TypeAlias = Take | TakeSymbol | TakeItems | TakeValues | TakeBranch | TakeInto | TakeFields
"""One node of a resolved tree; recursive schemas make it cyclic."""


def resolve(writer: Schema, reader: Schema, *, by_value: bool | None = None) -> Action:
    """Resolve a writer's schema with a reader's.

    Args:
        writer: The schema that payloads are written in.
        reader: The schema that they are read as.
        by_value: Whether logical types resolve that stand for the same Python type in another unit or layout, without
            loss or with an error of the value. None: where the reader is a Python type, which says no unit.

    Returns:
        The resolved tree.

    Raises:
        IncompatibleSchemaError: They do not resolve; it has every reason, each with its path.
    """
    by_value = reader.type is not None if by_value is None else by_value
    resolver = _Resolver(by_name=writer.type is None and reader.type is None, by_value=by_value)
    action = resolver.resolve(writer.root, reader.root, "$")
    if resolver.reasons:
        raise IncompatibleSchemaError("the schemas do not resolve", reasons=resolver.reasons)
    assert action is not None
    return action


def identity(node: Node) -> Action:
    """Return how a schema's values are read as they are."""
    action = _Resolver(by_name=False, by_value=False).resolve(node, node, "$")
    assert action is not None
    return action


def actions(root: Action) -> Iterator[Action]:
    """Yield every node of a resolved tree once."""
    seen: set[int] = set()
    waiting: list[Action | None] = [root]
    while waiting:
        action = waiting.pop()
        if action is None or id(action) in seen:
            continue
        seen.add(id(action))
        yield action
        match action:
            case TakeItems():
                waiting.append(action.items)
            case TakeValues():
                waiting.append(action.values)
            case TakeBranch():
                waiting += action.branches
            case TakeInto():
                waiting.append(action.inner)
            case TakeFields():
                waiting += [inner for _, _, inner in action.fields]


class _Resolver:
    def __init__(
        self, *, by_name: bool, by_value: bool, known: dict[tuple[int, int], Action | None] | None = None
    ) -> None:
        self.by_name = by_name
        self.by_value = by_value
        self.known = {} if known is None else known
        self.reasons: list[str] = []

    def refuse(self, reason: str, path: str) -> None:
        self.reasons.append(f"{reason} (at {path})")

    def resolve(self, writer: Node, reader: Node, path: str) -> Action | None:
        """The action, or None where reasons say why there is none."""
        if isinstance(writer, Union):
            branches = [self.resolve(branch, reader, path) for branch in writer.branches]
            return TakeBranch(writer, tuple(branch for branch in branches if branch is not None))
        if isinstance(reader, Union):
            return self.into_union(writer, reader, path)
        pair = (id(writer), id(reader))
        if pair not in self.known:
            self.known[pair] = None
            self.known[pair] = self.pair(writer, reader, path)
        return self.known[pair]

    def pair(self, writer: Node, reader: Node, path: str) -> Action | None:
        match writer, reader:
            case Primitive() | Fixed(), Primitive() | Fixed() if self.by_value and same_value(writer, reader):
                return Take(writer, reader)
            case Primitive(), Primitive():
                same = writer.kind == reader.kind or (writer.kind, reader.kind) in PROMOTIONS
                return self.leaf(writer, reader, path, same=same)
            case Fixed(), Fixed():
                self.same_name(writer, reader, path)
                return self.leaf(writer, reader, path, same=writer.size == reader.size)
            case Array(), Array():
                items = self.resolve(writer.items, reader.items, f"{path}[]")
                return None if items is None else TakeItems(writer, reader, items)
            case Map(), Map():
                values = self.resolve(writer.values, reader.values, f"{path}{{}}")
                return None if values is None else TakeValues(writer, reader, values)
            case Enum(), Enum():
                return self.enum(writer, reader, path)
            case Record(), Record():
                return self.record(writer, reader, path)
        self.refuse(f"the writer has {spelled(writer)}, the reader {spelled(reader)}", path)
        return None

    def same_name(self, writer: Named, reader: Named, path: str) -> None:
        if self.by_name and not named_alike(writer, reader):
            self.refuse(f"the writer's name is {writer.name!r}, the reader's {reader.name!r}", path)

    def leaf(self, writer: Primitive | Fixed, reader: Primitive | Fixed, path: str, *, same: bool) -> Action | None:
        if not same or not _same_meaning(writer, reader):
            self.refuse(f"the writer has {spelled(writer)}, the reader {spelled(reader)}", path)
            return None
        return Take(writer, reader)

    def enum(self, writer: Enum, reader: Enum, path: str) -> Action | None:
        self.same_name(writer, reader, path)
        missing = [symbol for symbol in writer.symbols if symbol not in reader.symbols]
        if missing and not isinstance(reader.default, str):
            self.refuse(f"the reader lacks the symbols {', '.join(missing)} and has no default", path)
            return None
        default = str(reader.default)
        return TakeSymbol(
            writer, reader, {symbol: default if symbol in missing else symbol for symbol in writer.symbols}
        )

    def record(self, writer: Record, reader: Record, path: str) -> Action:
        self.same_name(writer, reader, path)
        action = TakeFields(writer, reader)
        self.known[id(writer), id(reader)] = action
        by_name = {one.name: one for one in writer.fields}
        filled: str | None = None
        for one in reader.fields:
            at = f"{path}.{one.name}"
            found = next((by_name[name] for name in (one.name, *one.aliases) if name in by_name), None)
            if found is not None:
                inner = self.resolve(found.type, one.type, at)
                action.fields.append((one, found, inner))
                if filled is not None and reader.attributes.get("safecodec.array_like"):
                    self.refuse(f"an array_like type fills {filled!r} with a factory only at its end", at)
                continue
            action.fields.append((one, None, None))
            if filled_by_type(one):
                filled = one.name
            elif one.default is ABSENT:
                self.refuse(f"the reader needs the field {one.name!r}, which the writer lacks; it has no default", at)
        return action

    def into_union(self, writer: Node, reader: Union, path: str) -> Action | None:
        """The first of the reader's branches that takes it, one of the same kind and name before a promotion."""
        ranked = sorted(enumerate(reader.branches), key=lambda one: -_closeness(writer, one[1]))
        first: list[str] = []
        for at, branch in ranked:
            if not _closeness(writer, branch) and not (self.by_value and same_value(writer, branch)):
                continue
            attempt = _Resolver(by_name=self.by_name, by_value=self.by_value, known=dict(self.known))
            action = attempt.resolve(writer, branch, path)
            if action is not None and not attempt.reasons:
                self.known.update(attempt.known)
                return TakeInto(reader, at, action)
            first = first or attempt.reasons  # none of a pair that was refused before
        self.reasons += first or [f"no branch of the reader's union takes {spelled(writer)} (at {path})"]
        return None


def _closeness(writer: Node, reader: Node) -> int:
    """How well a branch goes with what was written: 0 not at all, 1 by promotion, 2 by kind, 3 by name too."""
    if isinstance(writer, Primitive) and isinstance(reader, Primitive):
        if writer.kind == reader.kind:
            return 2
        return int((writer.kind, reader.kind) in PROMOTIONS)
    if type(writer) is not type(reader):
        return 0
    return 3 if isinstance(writer, Named) and isinstance(reader, Named) and named_alike(writer, reader) else 2


def named_alike(writer: Named, reader: Named) -> bool:
    """Tell whether two named types go by one name: the unqualified ones, or one of the reader's aliases."""
    names = {unqualified(name) for name in (reader.name, *reader.aliases)}
    return unqualified(writer.name) in names


def filled_by_type(one: Field) -> bool:
    """Tell whether a field that was not written is filled by the Python type, which makes its default anew."""
    return one.attributes.get("safecodec.default") == "factory"


def _same_meaning(writer: Primitive | Fixed, reader: Primitive | Fixed) -> bool:
    """A logical type may be dropped by the reader; it is never added, and never another one."""
    mine, theirs = reader.logical, writer.logical
    if mine is None:
        return theirs is None or theirs.name != "safecodec-msgpack"
    if theirs is None or mine.name != theirs.name:
        return False
    if mine.name == "safecodec-msgpack":
        carried = reader.attributes.get("safecodec.type")
        return carried in ("any", writer.attributes.get("safecodec.type"))
    return mine.scale == theirs.scale and (mine.precision or 0) >= (theirs.precision or 0)


VALUES: Final = {"big-decimal": "decimal", "time-millis": "time", "time-micros": "time"} | {
    f"{local}timestamp-{unit}": f"{local}timestamp"
    for local in ("", "local-")
    for unit in ("millis", "micros", "nanos")
}
"""Logical types of which several stand for one Python type."""


def same_value(writer: Node, reader: Node) -> bool:
    """Tell whether two leaves stand for the same Python type, whatever lies beneath: bytes of any length are bytes."""
    if not isinstance(writer, (Primitive, Fixed)) or not isinstance(reader, (Primitive, Fixed)):
        return False
    mine, theirs = _python_type(reader), _python_type(writer)
    return mine == theirs and mine is not None


def _python_type(node: Primitive | Fixed) -> str | None:
    """A name for what a leaf's values are in Python; None where the node says no more than its kind."""
    if node.logical is None:
        return "bytes" if isinstance(node, Fixed) or node.kind == "bytes" else None
    if node.logical.name == "safecodec-msgpack":
        return "duration" if node.attributes.get("safecodec.type") == "tuple[int, int, int]" else None
    return VALUES.get(node.logical.name, node.logical.name)


def spelled(node: Node) -> str:
    """Return a node's type for an error."""
    match node:
        case Primitive():
            kind, logical = node.kind, node.logical
        case Fixed():
            kind, logical = f"fixed({node.size})", node.logical
        case _:
            return type(node).__name__.lower()
    if logical is None:
        return kind
    carried: Any = node.attributes.get("safecodec.type")
    digits = "" if logical.precision is None else f"({logical.precision}, {logical.scale})"
    return f"{kind} {logical.name}{digits}{f' of {carried}' if carried else ''}"
