"""Avro schemas in JSON to nodes, checked as the Avro 1.12 specification says, with a path in every error."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

from ..errors import SchemaError
from .attributes import check_attributes
from .describing import short
from .fitting import Fitting, is_json, is_text
from .limits import DEFAULT, STEPS, Limits, demand_within
from .nodes import (
    ABSENT,
    PRIMITIVES,
    Array,
    Enum,
    Field,
    Fixed,
    Logical,
    Map,
    Named,
    Node,
    Primitive,
    Record,
    Union,
)

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
DEEPEST_TEXT: Final = 200
"""How deep lists and dicts are measured: schemas, defaults and attributes are refused before they are as deep."""
DEEPEST_ATTRIBUTE: Final = 8
"""How deep lists and dicts stand in each other in an attribute of ours; no known one has more than two levels."""
ORDERS: Final = frozenset({"ascending", "descending", "ignore"})

LOGICAL_KINDS: Final = {
    "date": "int",
    "time-millis": "int",
    "time-micros": "long",
    "timestamp-millis": "long",
    "timestamp-micros": "long",
    "timestamp-nanos": "long",
    "local-timestamp-millis": "long",
    "local-timestamp-micros": "long",
    "local-timestamp-nanos": "long",
    "decimal": "bytes",
    "big-decimal": "bytes",
    "safecodec-msgpack": "bytes",
    "uuid": "string",
    "safecodec-timedelta-micros": "long",
    "safecodec-offset-time": "string",
}
"""Logical types that primitives carry, and on which."""
LOG_2: Final = math.log10(2)
LOGICAL_SIZES: Final = {"uuid": 16, "duration": 12}
"""Logical types that fixed carries, and the size they need; decimal goes on any."""


def load(text: str, limits: Limits = DEFAULT) -> Any:
    """Parse a schema's JSON text: strict JSON, without doubled keys.

    Args:
        text: The JSON text, or the bare name of a primitive type.
        limits: The bounds of a schema.

    Raises:
        SchemaError: It is no JSON, too long or too deep.
    """
    if len(text) > limits.schema_text:
        raise SchemaError(
            f"the schema has {len(text)} characters, the limit schema_text is {limits.schema_text}", path="$"
        )
    if text.strip() in PRIMITIVES:
        return text.strip()
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except RecursionError:
        raise SchemaError("the schema nests too deep", path="$") from None
    except ValueError as error:
        start = text.strip()[:40]
        raise SchemaError(f"the schema is neither JSON nor a primitive type: {error}: {start!r}", path="$") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {short(key)} is there twice")
        found[key] = value
    return found


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def parse(source: Any, limits: Limits = DEFAULT) -> Node:
    """Turn a schema's JSON value into nodes.

    Args:
        source: The JSON value: a str, a list or a dict.
        limits: The bounds of a schema.

    Raises:
        SchemaError: It is no Avro schema; ``path`` says where.
    """
    _demand_size(source, limits)
    parser = _Parser(limits)
    root = parser.node(source, "$", "", 0)
    parser.check_defaults()
    return root


def _demand_size(source: Any, limits: Limits) -> None:
    """Refuse a JSON value that has more characters as text than a schema may have.

    A dict may hold one object in many places, and all that follows walks it as a tree, as its text is one. Parts that
    stand deeper than `DEEPEST_TEXT` are not looked at, here or later.
    """
    left = limits.schema_text
    waiting = [(source, 0)]
    while waiting:
        value, depth = waiting.pop()
        parts: Any = ()
        if depth > DEEPEST_TEXT:
            continue
        if isinstance(value, dict):
            left -= sum(len(key) for key in value if isinstance(key, str))
            parts = value.values()
        elif isinstance(value, (list, tuple)):  # json takes tuples, too
            parts = value
        left -= (len(value) if isinstance(value, str) else 0) or 1
        if left < len(parts):
            most = limits.schema_text
            raise SchemaError(f"the schema would have more characters than {most}, the limit schema_text", path="$")
        waiting += [(part, depth + 1) for part in parts]


def own_attributes(source: dict[str, Any], path: str) -> dict[str, Any]:
    """Return the attributes of a JSON object that are safecodec's own.

    Raises:
        SchemaError: One of them has no JSON text in UTF-8.
    """
    found = {key: value for key, value in source.items() if isinstance(key, str) and key.startswith("safecodec.")}
    for key, value in found.items():
        if _is_deeper(value, DEEPEST_ATTRIBUTE) or not is_json(value):
            raise SchemaError(
                f"the attribute {short(key)} has a value of another form than JSON: {short(value)}", path=path
            )
    return found


class _Parser:
    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.deepest = limits.schema_depth
        self.named: dict[str, Named] = {}
        self.defaults: list[tuple[Field, str]] = []
        """The fields with a default, which are checked when every record has its fields, and the defaults' paths."""
        self.nodes = 0
        self.extents: dict[int, tuple[int, int]] = {}
        """The extents of the defaults so far, by the field's id."""
        self.values = 0
        """How many values these have, with those of the fields that they leave out."""
        self.fitting = Fitting(limits.nodes)

    def node(self, source: Any, path: str, namespace: str, depth: int) -> Node:
        if depth > self.deepest:
            raise SchemaError(f"the schema nests deeper than {self.deepest} levels, the limit schema_depth", path=path)
        self.nodes += 1
        demand_within("nodes", self.limits.nodes, self.nodes, "types", path)
        if isinstance(source, str):
            return self.by_name(source, path, namespace)
        if isinstance(source, list):
            return self.union(source, path, namespace, depth)
        if isinstance(source, dict):
            node = self.of_object(source, path, namespace, depth)
            check_attributes(node, path)
            return node
        raise SchemaError(f"a schema is a str, a list or a dict, not {_kind(source)}", path=path)

    def by_name(self, name: str, path: str, namespace: str) -> Node:
        if name in PRIMITIVES:
            return Primitive(name)
        full = _full_name(name, namespace)
        found = self.named.get(full) or self.named.get(name)  # JSON cannot say that a name has no namespace
        if found is None:
            raise SchemaError(f"the type {short(name)} is not known here", path=path)
        return found

    def union(self, source: list[Any], path: str, namespace: str, depth: int) -> Union:
        demand_within("branches", self.limits.branches, len(source), "branches", path)
        branches: list[Node] = []
        seen: set[str] = set()
        for at, one in enumerate(source):
            branch = self.node(one, f"{path}[{at}]", namespace, depth + 1)
            if isinstance(branch, Union):
                raise SchemaError("a union stands directly inside a union", path=f"{path}[{at}]")
            kind = one["name"] if _is_wrapped(one) else branch_kind(branch)
            if kind in seen:
                raise SchemaError(f"the union has {short(kind)} twice", path=f"{path}[{at}]")
            seen.add(kind)
            branches.append(branch)
        if not branches:
            raise SchemaError("the union is empty: it has no value to write or read", path=path)
        return Union(tuple(branches))

    def of_object(self, source: dict[str, Any], path: str, namespace: str, depth: int) -> Node:
        kind = source.get("type", ABSENT)
        if kind is ABSENT:
            raise SchemaError("the attribute 'type' is missing", path=path)
        if not isinstance(kind, str):
            return self.node(kind, f"{path}.type", namespace, depth + 1)
        attributes = own_attributes(source, path)
        if kind in PRIMITIVES:
            return Primitive(kind, self.bounded(primitive_logical(kind, source), path), attributes)
        if kind == "array":
            return Array(self.part(source, "items", path, namespace, depth), attributes)
        if kind == "map":
            return Map(self.part(source, "values", path, namespace, depth), attributes)
        if kind in ("record", "error"):
            return self.record(source, path, namespace, depth)
        if kind == "enum":
            return self.enum(source, path, namespace)
        if kind == "fixed":
            return self.fixed(source, path, namespace)
        return self.by_name(kind, f"{path}.type", namespace)

    def part(self, source: dict[str, Any], key: str, path: str, namespace: str, depth: int) -> Node:
        if key not in source:
            raise SchemaError(f"the attribute {key!r} is missing", path=path)
        return self.node(source[key], f"{path}.{key}", namespace, depth + 1)

    def names(self, source: dict[str, Any], path: str, namespace: str) -> tuple[str, str, tuple[str, ...]]:
        """Full name, its namespace, and the full names of the aliases."""
        name = source.get("name", ABSENT)
        if not isinstance(name, str):
            raise SchemaError("the attribute 'name' is missing or no str", path=path)
        space = source.get("namespace")
        if space is None:  # null is as if it was not there, as in Java
            space = namespace
        if not isinstance(space, str):
            raise SchemaError(f"the namespace is a str, not {_kind(space)}", path=f"{path}.namespace")
        self.bound_name(name, f"{path}.name")
        self.bound_name(space, f"{path}.namespace")
        full = _full_name(name, space)
        self.bound_name(full, f"{path}.name")
        if not all(NAME.match(part) for part in full.split(".")):
            raise SchemaError(f"{short(full)} is no Avro name", path=f"{path}.name")
        space = full.rpartition(".")[0]
        if full in PRIMITIVES:
            raise SchemaError(f"{short(full)} is the name of a primitive type", path=f"{path}.name")
        if full in self.named:
            raise SchemaError(f"the type {short(full)} is defined twice", path=f"{path}.name")
        aliases = self.aliases(source, path)
        return full, space, tuple(_full_name(alias, space) for alias in aliases)

    def aliases(self, source: dict[str, Any], path: str) -> list[str]:
        found = _texts(source.get("aliases", []), "aliases", f"{path}.aliases")
        demand_within("branches", self.limits.branches, len(found), "aliases", f"{path}.aliases")
        for alias in found:
            self.bound_name(alias, f"{path}.aliases")
        return found

    def bound_name(self, name: str, path: str) -> None:
        demand_within("name", self.limits.name, len(name), "characters of a name", path)

    def record(self, source: dict[str, Any], path: str, namespace: str, depth: int) -> Node:
        full, space, aliases = self.names(source, path, namespace)
        fields = source.get("fields", ABSENT)
        if not isinstance(fields, list):
            raise SchemaError("the attribute 'fields' is missing or no list", path=path)
        record = Record(full, aliases=aliases, attributes=own_attributes(source, path))
        self.named[full] = record
        parsed: list[Field] = []
        taken: set[str] = set()
        for at, one in enumerate(fields):
            field = self.field(one, f"{path}.fields[{at}]", space, depth)
            if field.name in taken:
                raise SchemaError(f"the record has two fields {short(field.name)}", path=f"{path}.fields[{at}]")
            taken.add(field.name)
            parsed.append(field)
        record.fields = tuple(parsed)
        if _is_wrapped(source) and len(parsed) == 1:
            return parsed[0].type
        defaults = [(field, f"{path}.fields[{at}].default") for at, field in enumerate(parsed)]
        self.defaults += [(field, where) for field, where in defaults if field.default is not ABSENT]
        return record

    def field(self, source: Any, path: str, namespace: str, depth: int) -> Field:
        if not isinstance(source, dict):
            raise SchemaError(f"a field is a dict, not {_kind(source)}", path=path)
        name = source.get("name", ABSENT)
        if not isinstance(name, str) or not NAME.match(name):
            raise SchemaError(f"the field's name is {short(name)}, which is no Avro name", path=path)
        self.bound_name(name, f"{path}.name")
        order = source.get("order", "ascending")
        if not isinstance(order, str) or order not in ORDERS:
            raise SchemaError(
                f"the order is {short(order)}, not one of {', '.join(sorted(ORDERS))}", path=f"{path}.order"
            )
        node = self.part(source, "type", path, namespace, depth)
        aliases = self.aliases(source, path)
        field = Field(name, node, source.get("default", ABSENT), tuple(aliases), own_attributes(source, path))
        check_attributes(field, path)
        return field

    def enum(self, source: dict[str, Any], path: str, namespace: str) -> Enum:
        full, _, aliases = self.names(source, path, namespace)
        symbols = _texts(source.get("symbols"), "symbols", f"{path}.symbols")
        demand_within("symbols", self.limits.symbols, len(symbols), "symbols", f"{path}.symbols")
        for symbol in symbols:
            self.bound_name(symbol, f"{path}.symbols")
            if not NAME.match(symbol):
                raise SchemaError(f"the symbol {short(symbol)} is no Avro name", path=f"{path}.symbols")
        if len(set(symbols)) != len(symbols):
            raise SchemaError("a symbol is there twice", path=f"{path}.symbols")
        default = source.get("default", ABSENT)
        if default is not ABSENT and default not in symbols:
            raise SchemaError(f"the default {short(default)} is none of the symbols", path=f"{path}.default")
        node = Enum(full, tuple(symbols), default, aliases, own_attributes(source, path))
        self.named[full] = node
        return node

    def fixed(self, source: dict[str, Any], path: str, namespace: str) -> Fixed:
        full, _, aliases = self.names(source, path, namespace)
        size = source.get("size", ABSENT)
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < 2**31:
            raise SchemaError(f"the size of fixed is a number of bytes, not {short(size)}", path=path)
        logical = self.bounded(fixed_logical(size, source), path)
        node = Fixed(full, size, logical, aliases, own_attributes(source, path))
        self.named[full] = node
        return node

    def bounded(self, logical: Logical | None, path: str) -> Logical | None:
        if logical is not None and logical.precision is not None and logical.precision > self.limits.digits:
            found = f"the decimal has a precision of {short(logical.precision)}"
            raise SchemaError(f"{found}, the limit digits is {self.limits.digits}", path=f"{path}.precision")
        return logical

    def check_defaults(self) -> None:
        for field, path in self.defaults:
            self.check_default(field.type, field.default, path)
        for field, path in self.defaults:
            if id(field) not in self.extents:
                self.filled(field, path, 0)

    def check_default(self, node: Node, value: Any, path: str) -> None:
        """Check a default against its type, in Avro's JSON encoding; a union takes the default of any branch."""
        self.fitting.path = path
        if _is_deeper(value, self.deepest):
            raise SchemaError(f"the default nests deeper than {self.deepest} levels, the limit schema_depth", path=path)
        if not is_json(value) or not self.fitting.fits(node, value):
            raise SchemaError(f"the default {short(value)} does not fit the field's type", path=path)

    def filled(self, field: Field, path: str, depth: int) -> tuple[int, int]:
        """The extent of a field's default; path: that of the default which takes it, depth: where it does so."""
        if id(field) not in self.extents:
            self.extents[id(field)] = self.extent(field.type, field.default, path, depth)
            return self.extents[id(field)]
        levels, values = self.extents[id(field)]
        self.check_depth(depth + levels, path)
        self.count(values, path)
        return levels, values

    def count(self, values: int, path: str) -> None:
        """Count values of defaults: of the fields that they leave out, a text of any length may have any number."""
        self.values += values
        most = self.limits.nodes
        if self.values > STEPS * most:
            taken = f"with the fields that they leave out the defaults have more than {STEPS} values for each"
            raise SchemaError(f"{taken} of the {most} nodes that the limit nodes allows", path=path)

    def extent(self, node: Node, value: Any, path: str, depth: int) -> tuple[int, int]:
        """How deep a default nests and how many values it has, with the defaults of the fields that it leaves out."""
        self.check_depth(depth, path)
        if isinstance(node, Union):
            return self.extent(node.branches[self.fitting.branch_of(node, value)], value, path, depth)
        self.count(1, path)
        match node:
            case Array():
                parts = [self.extent(node.items, one, path, depth + 1) for one in value]
            case Map():
                parts = [self.extent(node.values, one, path, depth + 1) for one in value.values()]
            case Record():
                parts = [
                    self.extent(field.type, value[field.name], path, depth + 1)
                    if field.name in value
                    else self.filled(field, path, depth + 1)
                    for field in node.fields
                ]
            case _:
                return 0, 1
        return 1 + max((levels for levels, _ in parts), default=0), 1 + sum(values for _, values in parts)

    def check_depth(self, depth: int, path: str) -> None:
        if depth > self.deepest:
            taken = "the default, with those of the fields that it leaves out, nests deeper than"
            raise SchemaError(f"{taken} {self.deepest} levels, the limit schema_depth, or without an end", path=path)


def _is_wrapped(source: Any) -> bool:
    """Tell whether a record only holds a second primitive of its kind in a union, see `canonical.standard`."""
    return isinstance(source, dict) and source.get("safecodec.wrapped") is True


def branch_kind(node: Node) -> str:
    """Return what a union may hold once: the full name of a named type, else the kind."""
    match node:
        case Record() | Enum() | Fixed():
            return node.name
        case Primitive():
            return node.kind
    return type(node).__name__.lower()


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__


def _texts(value: Any, key: str, path: str) -> list[str]:
    if not isinstance(value, list) or not all(is_text(one) for one in value):
        raise SchemaError(f"{key!r} is a list of str that have a UTF-8 form", path=path)
    return value


def _full_name(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"


# ---- logical types ---------------------------------------------------------------------------------------------
# The specification wants a logical type that is not known or not valid to be ignored, not refused.


def primitive_logical(kind: str, source: dict[str, Any]) -> Logical | None:
    """Return the logical type that a primitive's JSON object gives, if it is valid on that primitive."""
    name = source.get("logicalType")
    if not isinstance(name, str) or LOGICAL_KINDS.get(name) != kind:
        return None
    return _decimal(source, None) if name == "decimal" else Logical(name)


def fixed_logical(size: int, source: dict[str, Any]) -> Logical | None:
    """Return the logical type that a fixed's JSON object gives, if it is valid on that size."""
    name = source.get("logicalType")
    if name == "decimal":
        return _decimal(source, size)
    return Logical(name) if isinstance(name, str) and LOGICAL_SIZES.get(name) == size else None


def _decimal(source: dict[str, Any], size: int | None) -> Logical | None:
    precision, scale = source.get("precision"), source.get("scale", 0)
    if type(precision) is not int or type(scale) is not int or not 0 <= scale <= precision or precision < 1:
        return None
    if size is not None and precision > int(max(8 * size - 1, 0) * LOG_2):
        return None
    return Logical("decimal", precision, scale)


# ---- defaults --------------------------------------------------------------------------------------------------


def _is_deeper(value: Any, most: int) -> bool:
    """Tell whether JSON's arrays and objects stand in each other more than so many levels deep."""
    parts = value.values() if isinstance(value, dict) else value
    return isinstance(value, (dict, list)) and (most == 0 or any(_is_deeper(one, most - 1) for one in parts))
