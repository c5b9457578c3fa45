"""Python types to nodes: the schema that a Struct, a dataclass, an attrs class, a NamedTuple or a TypedDict stands for.

Types are looked into by `hints`, so a library is loaded only where a type is made with it. Attributes ``safecodec.…``
of the schema hold what a type says and Avro has no word for, so that a type and its exported schema are one version.
Only `typing.Any` is carried as MessagePack bytes, under the logical type ``safecodec-msgpack``.
"""

from __future__ import annotations

import datetime
import decimal
import re
import uuid
from typing import Any, Final

from ..errors import SchemaError
from .apart import check
from .canonical import detail_of
from .defaults import NO_JSON, default_json
from .describing import FAULTS, short, spelled
from .hints import (
    NO_DEFAULT,
    Choice,
    Enumeration,
    FixedTuple,
    Hint,
    Literals,
    Mapping,
    RecordField,
    RecordHint,
    Scalar,
    Sequence,
    hint_of,
)
from .limits import DEFAULT, Limits, demand_within
from .logical import CARRIER, OFFSET_TIME, TIMEDELTA
from .nodes import ABSENT, Array, Enum, Field, Logical, Map, Named, Node, Primitive, Record, Union
from .parse import NAME

LEAVES: Final[dict[type, tuple[str, str | None]]] = {
    type(None): ("null", None),
    bool: ("boolean", None),
    int: ("long", None),
    float: ("double", None),
    str: ("string", None),
    bytes: ("bytes", None),
    bytearray: ("bytes", None),
    memoryview: ("bytes", None),
    datetime.date: ("int", "date"),
    datetime.time: ("long", "time-micros"),
    datetime.datetime: ("long", "timestamp-micros"),
    datetime.timedelta: ("long", TIMEDELTA),
    uuid.UUID: ("string", "uuid"),
    decimal.Decimal: ("bytes", "big-decimal"),
    object: ("bytes", CARRIER),
}
"""The primitive and the logical type of each leaf that Avro has."""
PLACES: Final = ("null", Enum, "boolean", "int", "long", "float", "double", "string", "bytes", Array, Map, Record)
"""The order of a union's branches: typing caches `int | str` and `str | int` as one, so a type's own order is chance.

A value that is both of a Literal and of the type beside it is the Literal's, which stands first.
"""
NULL: Final = ("null", None)
CLASS: Final = {"safecodec.class": True}
SETS: Final = (set, frozenset)
FACTORIES: Final = (list, dict, set, frozenset, tuple, bytes, bytearray, str, int, float, bool)


def derive(type_: Any, limits: Limits = DEFAULT) -> tuple[Node, dict[int, Hint]]:
    """Return the schema of a Python type, and what each of its nodes was made from.

    Args:
        type_: A `msgspec.Struct`, dataclass, attrs class, NamedTuple or TypedDict, or anything that may be a field of
            one.
        limits: The bounds of a schema.

    Returns:
        The root, and the hint of every node by the node's id. Of a field that may be missing it is the hint of the
        field; a record's fields are found in the record's hint, by their keys.

    Raises:
        SchemaError: It has none; ``path`` says which field.
    """
    try:
        hint = hint_of(type_, limits.nodes)
    except SchemaError:
        raise
    except FAULTS as error:  # whatever an annotation does when it is looked at
        name = getattr(type_, "__qualname__", None) or spelled(type_)
        raise SchemaError(f"the type {name} cannot be looked into: {error}", path="$") from error
    deriver = _Deriver(limits)
    return deriver.node(hint, "$", 0), deriver.hints


class _Deriver:
    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.deepest = limits.schema_depth
        self.numbers: dict[str, int] = {}
        """How often each name was wanted, which the next number follows."""
        self.records: dict[Any, Record] = {}
        self.enums: dict[Any, Enum] = {}
        self.taken: set[str] = set()
        self.hints: dict[int, Hint] = {}

    def name(self, wanted: str, path: str) -> str:
        """An Avro name that is not taken: the class's own where it is one."""
        base = re.sub(r"\W+", "_", wanted, flags=re.ASCII).strip("_") or "Value"
        base = base if NAME.match(base) else f"_{base}"
        name, number = base, self.numbers.get(base, 2)
        while name in self.taken:
            name, number = f"{base}_{number}", number + 1
        self.numbers[base] = number
        self.taken.add(name)
        demand_within("name", self.limits.name, len(name), "characters of a name", path)
        return name

    def node(self, hint: Hint, path: str, depth: int) -> Node:
        if depth > self.deepest:
            raise SchemaError(f"the type nests deeper than {self.deepest} levels, the limit schema_depth", path=path)
        check(hint, path)
        return self.known(self.made(hint, path, depth), hint)

    def known(self, node: Node, hint: Hint) -> Node:
        """Note what a node is made from: every node, as an id may have been that of one that is gone."""
        self.hints[id(node)] = hint
        return node

    def made(self, hint: Hint, path: str, depth: int) -> Node:
        match hint:
            case Scalar():
                return _leaf(hint)
            case Sequence():
                attributes = {"safecodec.collection": "set"} if hint.cls in SETS else {}
                return Array(self.node(hint.item, f"{path}[]", depth + 1), attributes | _bounds(hint))
            case Mapping(key=Scalar() as key) if key.cls is str:
                keys = {"safecodec.key_bounds": dict(key.bounds)} if key.bounds else {}
                return Map(self.node(hint.value, f"{path}{{}}", depth + 1), _bounds(hint) | keys)
            case Mapping():  # of other keys
                pair = FixedTuple((hint.key, hint.value))
                entry = self.known(self.fixed_tuple(pair, "Entry", ("key", "value"), f"{path}{{}}", depth + 1), pair)
                return Array(entry, {"safecodec.map": True} | _bounds(hint))
            case FixedTuple():
                names = tuple(f"item{at}" for at in range(len(hint.items)))
                return self.fixed_tuple(hint, f"Tuple{len(names)}", names, path, depth + 1)
            case Choice():
                return self.union(hint, path, depth)
            case Enumeration():
                return self.enum(hint.cls, hint.cls.__name__, [member.value for member in hint.cls], path)
            case Literals():
                return self.literal(hint, path)
            case RecordHint():
                return self.record(hint, path, depth)
        raise SchemaError(f"the type {hint.cls.__name__} has no schema{_instead(hint.cls)}", path=path)

    def enum(self, key: Any, name: str, values: list[Any], path: str) -> Node:
        if key not in self.enums:
            demand_within("symbols", self.limits.symbols, len(values), "symbols", path)
            longest = max((len(value) for value in values if isinstance(value, str)), default=0)
            demand_within("name", self.limits.name, longest, "characters of a symbol", path)
            plain = all(type(value) is str and NAME.match(value) for value in values)
            symbols = values if plain else [_symbol(value) for value in values]
            own = {} if plain else {"safecodec.values": values}
            self.enums[key] = Enum(self.name(name, path), tuple(symbols), attributes=CLASS | own)
        return self.enums[key]

    def literal(self, hint: Literals, path: str) -> Node:
        """A Literal of more than None is an enum; None is a branch of its own."""
        values = [value for value in hint.values if value is not None]
        null = [self.known(Primitive("null"), Scalar(type(None)))] if len(values) < len(hint.values) else []
        if not values:
            return null[0]
        key = tuple((type(value), value) for value in values)
        node = self.enum(key, "Literal_" + "_".join(map(str, values))[:48], values, path)
        return Union((*null, self.known(node, hint))) if null else node

    def union(self, hint: Choice, path: str, depth: int) -> Node:
        demand_within("branches", self.limits.branches, len(hint.members), "branches", path)
        found: dict[Any, Node] = {}
        for one in hint.members:
            made = self.node(one, path, depth + 1)
            for branch in made.branches if isinstance(made, Union) else (made,):
                leaf = isinstance(branch, Primitive)
                key = (branch.kind, branch.logical) if isinstance(branch, Primitive) else id(branch)
                if leaf and key in found and key != NULL:
                    raise SchemaError("the union has one type twice, with other bounds: give it once", path=path)
                found.setdefault(key, branch)
        branches = list(found.values())
        return branches[0] if len(branches) == 1 else Union(tuple(sorted(branches, key=_place)))

    def fixed_tuple(self, hint: FixedTuple, name: str, names: tuple[str, ...], path: str, depth: int) -> Record:
        items = zip(names, hint.items, strict=True)
        fields = tuple(Field(name, self.node(item, f"{path}.{name}", depth + 1)) for name, item in items)
        laid_out = {"safecodec.tuple": True, "safecodec.array_like": True}
        return Record(self.name(name, path), fields, attributes=CLASS | laid_out)

    def record(self, hint: RecordHint, path: str, depth: int) -> Record:
        if hint.cls in self.records:
            return self.records[hint.cls]
        cls_name = (getattr(hint.cls, "__qualname__", None) or repr(hint.cls)).rpartition(".")[2]
        tag = isinstance(hint.tag, str) and bool(NAME.match(hint.tag)) and hint.tag not in self.taken
        record = Record(self.name(hint.tag if tag else cls_name, path), attributes=_attributes(hint))
        self.records[hint.cls] = record
        record.fields = tuple(self.field(field, f"{path}.{field.name}", depth) for field in hint.fields)
        if hint.omits_defaults:
            for field in record.fields:
                if "safecodec.default" in field.attributes:
                    raise SchemaError(
                        "the Struct leaves out defaults, and only the class knows this one: set omit_defaults=False",
                        path=f"{path}.{field.name}",
                    )
        return record

    def field(self, field: RecordField, path: str, depth: int) -> Field:
        name = field.key
        if not NAME.match(name):
            raise SchemaError(f"the field is called {short(name)} when encoded, which is no Avro name", path=path)
        demand_within("name", self.limits.name, len(name), "characters of a name", path)
        node = self.node(field.hint, path, depth + 1)
        if field.required:
            return Field(name, node, aliases=field.aliases)
        if field.default is not NO_DEFAULT:
            default = field.default
        elif field.factory is not NO_DEFAULT:
            default = _made(field.factory)
        else:
            node, absent = self.optional(node, field.hint, path)
            return Field(name, node, absent, field.aliases, {"safecodec.optional": True})
        value = default_json(node, default)
        if value is NO_JSON:
            return Field(name, node, ABSENT, field.aliases, {"safecodec.default": "factory"})
        return Field(name, node, value, field.aliases)

    def optional(self, node: Node, hint: Hint, path: str) -> tuple[Node, Any]:
        """The union of a field that may be missing, and the default that says so: null, unless None is a value."""
        branches = node.branches if isinstance(node, Union) else (node,)
        nothing = Primitive("null")
        if not any(_are_nulls(nothing, branch) for branch in branches):
            return self.known(Union((self.known(nothing, Scalar(type(None))), *branches)), hint), None
        absent = Record(self.name("Absent", path), attributes=CLASS | {"safecodec.absent": True})
        return self.known(Union((self.known(absent, Scalar(type(None))), *branches)), hint), {}


def _attributes(hint: RecordHint) -> dict[str, Any]:
    """All that a record's class says about the wire."""
    found: dict[str, Any] = {} if hint.tag_field is not None else dict(CLASS)
    if hint.tag_field is not None:
        found |= {"safecodec.tag_field": hint.tag_field, "safecodec.tag": hint.tag}
    said = {"array_like": hint.array_like, "omit_defaults": hint.omits_defaults, "forbid_unknown": hint.forbids_unknown}
    found |= {"safecodec.aliases": list(hint.aliases)} if hint.aliases else {}
    return found | {f"safecodec.{key}": True for key, holds in said.items() if holds}


def _bounds(hint: Scalar | Sequence | Mapping) -> dict[str, Any]:
    return {"safecodec.bounds": dict(hint.bounds)} if hint.bounds else {}


def _symbol(value: Any) -> str:
    """A symbol for a value that is no Avro name, another for each: a kind, and all but letters and digits by number."""
    kind = {bool: "b", int: "i"}.get(type(value), "s")
    return f"{kind}_" + re.sub(r"[^A-Za-z0-9]", lambda found: f"_{ord(found[0]):x}_", str(value))


def _are_nulls(one: Node, other: Node) -> bool:
    return all(isinstance(node, Primitive) and node.kind == "null" for node in (one, other))


def _place(node: Node) -> tuple[Any, ...]:
    if isinstance(node, Primitive):
        return PLACES.index(node.kind), node.logical.name if node.logical else ""
    name = str(node.attributes.get("safecodec.tag", node.name)) if isinstance(node, Named) else ""
    return PLACES.index(type(node)), *detail_of(node), name


def _instead(cls: Any) -> str:
    found = INSTEAD.get(f"{cls.__module__}.{cls.__qualname__}")
    return f"; use {found}" if found else ": use a msgspec.Struct, dataclass, attrs class, NamedTuple or TypedDict"


INSTEAD: Final = {
    "builtins.complex": "a tuple[float, float]",
    "builtins.range": "a tuple[int, int, int]",
    "fractions.Fraction": "a tuple[int, int] of numerator and denominator",
    "collections.deque": "a list",
    "collections.OrderedDict": "a dict",
    "collections.defaultdict": "a dict",
    "collections.Counter": "a dict[str, int]",
    "ipaddress.IPv4Address": "a str",
    "ipaddress.IPv6Address": "a str",
    "pathlib.Path": "a str",
    "pathlib.PosixPath": "a str",
    "re.Pattern": "a str",
    "msgspec.Raw": "bytes",
    "msgspec.msgpack.Ext": "bytes",
    "msgspec.Ext": "bytes",
}


def _leaf(hint: Scalar) -> Primitive:
    primitive, logical = LEAVES[hint.cls]
    if hint.cls is datetime.datetime and hint.tz is False:
        logical = "local-timestamp-micros"
    elif hint.cls is datetime.time and hint.tz:
        primitive, logical = "string", OFFSET_TIME
    return Primitive(primitive, None if logical is None else Logical(logical), _bounds(hint))


def _made(factory: Any) -> Any:
    """What a factory of the standard library makes; others may make something else each time."""
    return factory() if factory in FACTORIES else NO_JSON
