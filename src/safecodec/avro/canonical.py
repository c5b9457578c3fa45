"""Three texts of a schema: standard JSON, Avro's parsing canonical form, and the wire form of a payload format.

The parsing canonical form (Avro 1.12, *Transforming into Parsing Canonical Form*) drops logical types, so two schemas
that mean different things can share one fingerprint. A form that keeps everything makes another schema of a changed
default, and a rolling deployment refuses its own frames. The wire form lies between; docs/reference/wire-format.md
specifies it.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ..errors import SchemaError
from .fitting import Fitting
from .nodes import ABSENT, Array, Enum, Field, Fixed, Logical, Map, Named, Node, Primitive, Record, Union, is_optional

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")
EMPTY_CRC_64: Final = 0xC15D213AA4D7A795
"""CRC-64-AVRO of nothing, which is its polynomial too (Avro 1.12, *Schema Fingerprints*)."""
NAMED: Final = (Enum, Fixed, Record)
KEPT: Final = ("name", "type", "fields", "symbols", "items", "values", "size")
"""The attributes of the parsing canonical form, in its order."""


def dump(value: Any) -> str:
    """Return JSON text without spaces, with text as it is."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def standard(root: Node) -> Any:
    """Return a schema as standard Avro JSON; a named type is defined where it comes first, by its full name."""
    return _Standard().node(root, "")


class _Standard:
    def __init__(self) -> None:
        self.seen: set[int] = set()
        self.wrapped = 0

    def node(self, node: Node, space: str) -> Any:
        """A node's JSON; space: the namespace that it stands in."""
        match node:
            case Primitive():
                extra = _logical(node.logical) | node.attributes
                return {"type": node.kind, **extra} if extra else node.kind
            case Array():
                return {"type": "array", "items": self.node(node.items, space), **node.attributes}
            case Map():
                return {"type": "map", "values": self.node(node.values, space), **node.attributes}
            case Union():
                return self.union(node, space)
        if id(node) in self.seen:
            return node.name
        self.seen.add(id(node))
        own = node.name.rpartition(".")[0]
        outside = {"namespace": ""} if space and not own else {}
        aliases = {"aliases": list(node.aliases)} if node.aliases else {}
        body = self.body(node, own)
        kind = type(node).__name__.lower()
        return {"type": kind, "name": node.name, **outside, **aliases, **body, **node.attributes}

    def union(self, node: Union, space: str) -> list[Any]:
        """The branches; Avro has one unnamed type of a kind in a union, so a second is the one field of a record."""
        written: list[Any] = []
        kinds: set[str] = set()
        for branch in node.branches:
            one = self.node(branch, space)
            if not isinstance(branch, (Union, *NAMED)):
                kind = branch.kind if isinstance(branch, Primitive) else type(branch).__name__
                if kind in kinds:
                    self.wrapped += 1
                    name, fields = f"safecodec_wrapped_{self.wrapped}", [{"name": "value", "type": one}]
                    one = {"type": "record", "name": name, "fields": fields, "safecodec.wrapped": True}
                kinds.add(kind)
            written.append(one)
        return written

    def body(self, node: Named, space: str) -> dict[str, Any]:
        match node:
            case Enum():
                return {"symbols": list(node.symbols), **_default(node.default)}
            case Fixed():
                return {"size": node.size, **_logical(node.logical)}
        return {"fields": [_field(field, self.node(field.type, space), field.default) for field in node.fields]}


def _field(field: Field, kind: Any, default: Any) -> dict[str, Any]:
    aliases = {"aliases": sorted(field.aliases)} if field.aliases else {}
    return {"name": field.name, "type": kind, **_default(default), **aliases, **_sorted(field.attributes)}


def _default(default: Any) -> dict[str, Any]:
    return {} if default is ABSENT else {"default": default}


def _sorted(attributes: dict[str, Any]) -> dict[str, Any]:
    return dict(sorted(attributes.items()))


def _logical(logical: Logical | None) -> dict[str, Any]:
    if logical is None:
        return {}
    digits = {} if logical.precision is None else {"precision": logical.precision, "scale": logical.scale}
    return {"logicalType": logical.name, **digits}


# ---- parsing canonical form --------------------------------------------------------------------------------------


def parsing_form(root: Node) -> str:
    """Return the parsing canonical form."""
    return dump(_stripped(standard(root)))


def _stripped(source: Any) -> Any:
    if isinstance(source, list):
        return [_stripped(branch) for branch in source]
    if isinstance(source, str):
        return source
    kept = {key: source[key] for key in KEPT if key in source}
    if len(kept) == 1:
        return kept["type"]
    for key in ("items", "values"):
        if key in kept:
            kept[key] = _stripped(kept[key])
    if "fields" in kept:
        kept["fields"] = [{"name": field["name"], "type": _stripped(field["type"])} for field in kept["fields"]]
    return kept


def _crc_64_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        state = byte
        for _ in range(8):
            state = state >> 1 ^ (EMPTY_CRC_64 if state & 1 else 0)
        table.append(state)
    return tuple(table)


CRC_64_TABLE: Final = _crc_64_table()


def crc_64(data: bytes) -> int:
    """Return the CRC-64-AVRO of bytes."""
    state = EMPTY_CRC_64
    for byte in data:
        state = state >> 8 ^ CRC_64_TABLE[(state ^ byte) & 0xFF]
    return state


# ---- wire form ---------------------------------------------------------------------------------------------------


def wire_form(root: Node, payload: str) -> str:
    """Return the wire form of a schema for a payload format, which frames carry the hash of.

    It has all that decides how a payload reads as the writer's value, and nothing that only a reader uses: no defaults
    of fields that are always written, no aliases, no bounds, and no names but those that tell branches apart.

    Raises:
        SchemaError: It nests too deep, see `wire`.
    """
    return _within_stack(lambda: dump(wire(root, payload)))


def wire(root: Node, payload: str) -> Any:
    """Return the wire form as a JSON value.

    Raises:
        SchemaError: It nests too deep for the stack: sorted by name, fields may nest types that stand side by side.
    """
    return _within_stack(lambda: _Wire(by_position=payload == "avro").node(root))


def _within_stack(make: Callable[[], Result]) -> Result:
    try:
        return make()
    except RecursionError:
        reason = "the schema's types nest too deep in each other, with its fields in the order of their names"
        raise SchemaError(f"{reason}: let fewer types refer to each other in a row", path="$") from None


class _Wire:
    def __init__(self, *, by_position: bool) -> None:
        self.by_position = by_position
        """Whether order is on the wire: of fields, branches and symbols."""
        self.ordinals: dict[int, int] = {}
        self.fitting = Fitting()
        self.titles: dict[int, list[str]] = {}
        """The names of a union's branches in defaults, by the union's id."""

    def node(self, node: Node, *, label: Any = None) -> Any:
        """The form of a node; label: the name or tag that tells it from other branches of a union."""
        match node:
            case Primitive():
                return {"type": node.kind, **_logical(node.logical)} if node.logical else node.kind
            case Array():
                return {"type": "array", "items": self.node(node.items), **_kept(node, COLLECTION)}
            case Map():
                return {"type": "map", "values": self.node(node.values)}
            case Union():
                return self.union(node.branches)
        named = {} if label is None else {"name": label}
        if id(node) in self.ordinals:
            return {"type": self.ordinals[id(node)], **named}
        self.ordinals[id(node)] = len(self.ordinals)
        return {"type": type(node).__name__.lower(), **named, **self.body(node)}

    def union(self, branches: tuple[Node, ...]) -> list[Any]:
        named = [one for one in branches if isinstance(one, NAMED)]
        labels: dict[int, Any] = {}
        if len(named) > 1:
            kinds = Counter(map(kind_of, named))
            alike = [one for one in named if kinds[kind_of(one)] > 1]
            short = Counter(unqualified(one.name) for one in alike)
            labels = {id(one): _label(one, short) for one in alike}
        found = [(one, labels.get(id(one))) for one in branches]
        if not self.by_position:
            found.sort(key=_place)
        return [self.node(one, label=label) for one, label in found]

    def body(self, node: Named) -> dict[str, Any]:
        match node:
            case Enum():
                values = list(node.values)
                return {"symbols": values if self.by_position else sorted(values, key=dump)}
            case Fixed():
                return {"size": node.size, **_logical(node.logical)}
        ordered = self.by_position or "safecodec.array_like" in node.attributes
        fields = node.fields if ordered else sorted(node.fields, key=lambda field: field.name)
        kept = _kept(node, TAGGED if self.by_position else LAID_OUT)
        omits = not ordered and "safecodec.omit_defaults" in node.attributes
        return {**kept, "fields": [self.field(field, omits=omits) for field in fields]}

    def field(self, field: Field, *, omits: bool) -> dict[str, Any]:
        default = self.normal(field.type, field.default) if omits and field.default is not ABSENT else ABSENT
        if is_optional(field):  # branch 0 says that the field is missing, whatever stands there
            assert isinstance(field.type, Union)
            kind: Any = self.union(field.type.branches[1:])
        else:
            kind = self.node(field.type)
        return {"name": field.name, "type": kind, **_default(default), **_kept(field, OPTIONAL)}

    def normal(self, node: Node, default: Any) -> Any:
        """A default that fits its type in the one spelling of its value: 1 and 1.0 are one double."""
        match node:
            case Primitive(kind="float" | "double"):
                return float(default)
            case Enum():
                return node.values[node.places[default]]
            case Array():
                return [self.normal(node.items, one) for one in default]
            case Map():
                return {key: self.normal(node.values, one) for key, one in sorted(default.items())}
            case Union():
                at = self.fitting.branch_of(node, default)
                if id(node) not in self.titles:
                    self.titles[id(node)] = _branch_names(node)
                return None if default is None else {self.titles[id(node)][at]: self.normal(node.branches[at], default)}
            case Record():
                fields = sorted(node.fields, key=lambda field: field.name)
                return {field.name: self.normal(field.type, default.get(field.name, field.default)) for field in fields}
        return default


COLLECTION: Final = ("safecodec.collection", "safecodec.map")
TAGGED: Final = ("safecodec.tag", "safecodec.tuple")
LAID_OUT: Final = ("safecodec.array_like", "safecodec.tag", "safecodec.tag_field", "safecodec.tuple")
OPTIONAL: Final = ("safecodec.optional",)


def _kept(node: Array | Record | Field, keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: node.attributes[key] for key in keys if key in node.attributes}


def _label(node: Node, short: Counter[str]) -> Any:
    """A tag, or else the unqualified name; the full name where another branch has the unqualified one, too."""
    assert isinstance(node, NAMED)
    name = unqualified(node.name)
    return node.attributes.get("safecodec.tag", name if short[name] == 1 else node.name)


def _place(branch: tuple[Node, Any]) -> tuple[Any, ...]:
    """Where a branch stands in a union whose order is not on the wire: by its kind, then by the label that it has."""
    node, label = branch
    if isinstance(node, Primitive):
        return node.kind, node.logical.name if node.logical else ""
    return type(node).__name__.lower(), *detail_of(node), "" if label is None else dump(label)


def detail_of(node: Node) -> tuple[str, ...]:
    """Return what tells nodes of one type apart before their names, as texts that have an order."""
    if isinstance(node, Enum) and "safecodec.class" in node.attributes:
        return tuple(sorted(kind.__name__ for kind in node.kinds))
    return tuple(key for key in ("safecodec.map", "safecodec.tuple") if key in getattr(node, "attributes", {}))


def kind_of(node: Node) -> tuple[type, Any]:
    """Return what two named types have in common where only their names tell them apart.

    A tuple is another kind than a record, and a Python enum of whole numbers another than one of texts.
    """
    if isinstance(node, Enum) and "safecodec.class" in node.attributes:
        return Enum, node.kinds
    return type(node), isinstance(node, Record) and "safecodec.tuple" in node.attributes


def of_a_kind(one: Node, other: Node) -> bool:
    """Tell whether two nodes are of one kind, see `kind_of`; a Literal of texts and whole numbers is of both."""
    mine, theirs = kind_of(one), kind_of(other)
    both = isinstance(mine[1], frozenset) and isinstance(theirs[1], frozenset)
    return bool(mine[1] & theirs[1]) if both else mine == theirs or (mine[0] is theirs[0] is Enum)


def unqualified(name: str) -> str:
    """Return a full name without its namespace."""
    return name.rpartition(".")[2]


def _branch_names(node: Union) -> list[str]:
    """Return what a default's branches are called: a type, with its name where others of its kind stand beside it."""
    kinds = Counter(map(kind_of, node.branches))
    return [_branch_name(branch, several=kinds[kind_of(branch)] > 1) for branch in node.branches]


def _branch_name(branch: Node, *, several: bool) -> str:
    if isinstance(branch, Primitive):
        return f"{branch.kind}:{branch.logical.name}" if branch.logical else branch.kind
    kind = type(branch).__name__.lower()
    return f"{kind}:{branch.name}" if several and isinstance(branch, NAMED) else ":".join((kind, *detail_of(branch)))
