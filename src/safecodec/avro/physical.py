"""Python values to what fastavro writes, and the physical schema that fastavro is given.

fastavro sees no logical types, no defaults and no names of ours. Each branch of a union is put into a record of one
field, which adds no byte to the payload and says which branch it is: a value alone does not.
"""

from __future__ import annotations

import math
import struct
from functools import partial
from typing import TYPE_CHECKING, Any

from ..errors import EncodeError
from .describing import short
from .logical import avro_value, is_carrier, put_long, python_value
from .nodes import ABSENT, Array, Enum, Field, Fixed, Map, Node, Primitive, Record, Union
from .parse import fits
from .resolve import spelled

if TYPE_CHECKING:
    from collections.abc import Iterable

RANGES = {"int": 2**31, "long": 2**63}
FLOAT_MAX = 3.4028235677973366e38
"""From here on a double has no single-precision float."""


class Physical:
    """The schema that fastavro is given.

    Args:
        root: The schema.
    """

    def __init__(self, root: Node) -> None:
        self.names: dict[int, str] = {}
        self.branches: dict[tuple[int, int], str] = {}
        """The name of each union's branch, by the union's id and the branch's index."""
        self.json = self._json(root)

    def _json(self, node: Node) -> Any:
        match node:
            case Primitive():
                return node.kind
            case Array():
                return {"type": "array", "items": self._json(node.items)}
            case Map():
                return {"type": "map", "values": self._json(node.values)}
            case Union():
                return [self._branch(node, at) for at in range(len(node.branches))]
        if id(node) in self.names:
            return self.names[id(node)]
        name = self.names[id(node)] = f"T{len(self.names)}"
        if isinstance(node, Enum):
            return {"type": "enum", "name": name, "symbols": list(node.symbols)}
        if isinstance(node, Fixed):
            return {"type": "fixed", "name": name, "size": node.size}
        fields = [{"name": field.name, "type": self._json(field.type)} for field in node.fields]
        return {"type": "record", "name": name, "fields": fields}

    def _branch(self, node: Union, at: int) -> Any:
        name = self.branches.setdefault((id(node), at), f"B{len(self.branches)}_{at}")
        return {"type": "record", "name": name, "fields": [{"name": "value", "type": self._json(node.branches[at])}]}


def lower(node: Node, value: Any, path: str, names: dict[tuple[int, int], str]) -> Any:
    """Return what fastavro writes for a value of a schema.

    Args:
        node: The value's schema.
        value: The value: dicts for records, the Python values of logical types.
        path: Where it is.
        names: The name of each union's branch in the physical schema, by the union's id and the branch's index.

    Raises:
        EncodeError: It is no value of the schema.
    """
    match node:
        case Primitive() | Fixed():
            return _lower_leaf(node, value, path)
        case Enum():
            if not isinstance(value, str) or value not in node.symbols:
                raise EncodeError(f"{short(value)} is none of the symbols {', '.join(node.symbols)}", path=path)
            return value
        case Array():
            _demand(isinstance(value, (list, tuple, set, frozenset)), "an array", value, path)
            items = [lower(node.items, one, f"{path}[{at}]", names) for at, one in enumerate(value)]
            if isinstance(value, (set, frozenset)) or node.attributes.get("safecodec.collection") == "set":
                items.sort(key=partial(avro_bytes, node.items))
            return items
        case Map():
            _demand(isinstance(value, dict), "a map", value, path)
            for key in value:
                _demand(isinstance(key, str), "a str as key", key, path)
                _check_text(key, path)
            return {key: lower(node.values, one, f"{path}[{key!r}]", names) for key, one in value.items()}
        case Union():
            at, value = _branch_of(node, value, path)
            return names[id(node), at], {"value": lower(node.branches[at], value, path, names)}
    return _lower_record(node, value, path, names)


def _lower_record(node: Record, value: Any, path: str, names: dict[tuple[int, int], str]) -> Any:
    if isinstance(value, (list, tuple)) and node.attributes.get("safecodec.array_like"):
        start = 1 if "safecodec.tag" in node.attributes else 0
        value = {field.name: one for field, one in zip(node.fields, value[start:], strict=False)}
    _demand(isinstance(value, dict), "a record", value, path)
    known = {field.name for field in node.fields} | {node.attributes.get("safecodec.tag_field")}
    if not value.keys() <= known:
        extra = next(key for key in value if key not in known)
        raise EncodeError(f"the record has no field {extra!r}", path=path)
    lowered = {}
    for field in node.fields:
        inner = f"{path}.{field.name}"
        if field.name in value:
            lowered[field.name] = _lower_present(field, value[field.name], inner, names)
        elif field.default is ABSENT:
            raise EncodeError("the field is missing and has no default", path=inner)
        else:
            lowered[field.name] = lower(field.type, default_value(field.type, field.default), inner, names)
    return lowered


def _lower_present(field: Field, value: Any, path: str, names: dict[tuple[int, int], str]) -> Any:
    """Where a field may be missing and None is a value as well, None is carried: null says that it is missing."""
    node = field.type
    if field.attributes.get("safecodec.optional") and isinstance(node, Union) and is_carrier(node.branches[1]):
        return names[id(node), 1], {"value": lower(node.branches[1], value, path, names)}
    return lower(node, value, path, names)


def _demand(holds: bool, wanted: str, value: Any, path: str) -> None:
    if not holds:
        raise EncodeError(f"{wanted} is expected, this is {type(value).__name__} {short(value)}", path=path)


def _check_text(value: str, path: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise EncodeError(f"the text has no UTF-8 form: {error.reason} at {error.start}", path=path) from None


def _lower_leaf(node: Primitive | Fixed, value: Any, path: str) -> Any:
    try:
        value = avro_value(node, value)
    except (TypeError, ValueError, OverflowError) as error:
        raise EncodeError(str(error), path=path) from None
    if isinstance(node, Fixed):
        if not isinstance(value, (bytes, bytearray, memoryview)) or len(value) != node.size:
            raise EncodeError(f"{node.size} bytes are expected, this is {short(value)}", path=path)
        return bytes(value)
    kind = node.kind
    if kind in RANGES:
        _demand(type(value) is int, f"a whole number ({kind})", value, path)
        if not -RANGES[kind] <= value < RANGES[kind]:
            raise EncodeError(f"{value} is beyond the range of {kind}", path=path)
    elif kind in ("float", "double"):
        _demand(type(value) in (int, float), f"a number ({kind})", value, path)
        return _lower_float(kind, value, path)
    elif kind == "string":
        _demand(isinstance(value, str), "a str", value, path)
        _check_text(value, path)
    elif kind == "bytes":
        _demand(isinstance(value, (bytes, bytearray, memoryview)), "bytes", value, path)
        return bytes(value)
    elif kind == "boolean":
        _demand(type(value) is bool, "a bool", value, path)
    else:
        _demand(value is None, "None", value, path)
    return value


def _lower_float(kind: str, value: float, path: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.nan
    if number != value and value == value:
        raise EncodeError(f"{short(value)} has no exact {kind}", path=path)
    if kind == "float" and FLOAT_MAX <= abs(number) < math.inf:
        raise EncodeError(f"{value} is beyond the range of float", path=path)
    return number


def avro_bytes(node: Node, value: Any) -> bytes:
    """Return what is written for a lowered value: the specification's words in plain Python (Avro 1.12)."""
    match node:
        case Primitive():
            return _primitive_bytes(node.kind, value)
        case Fixed():
            return bytes(value)
        case Enum():
            return put_long(node.symbols.index(value))
        case Array():
            return _block(value, (avro_bytes(node.items, one) for one in value))
        case Map():
            return _block(
                value, (_primitive_bytes("string", key) + avro_bytes(node.values, one) for key, one in value.items())
            )
        case Union():
            at = int(value[0].rpartition("_")[2])
            return put_long(at) + avro_bytes(node.branches[at], value[1]["value"])
    return b"".join(avro_bytes(field.type, value[field.name]) for field in node.fields)


def _primitive_bytes(kind: str, value: Any) -> bytes:
    match kind:
        case "null":
            return b""
        case "boolean":
            return bytes([value])
        case "int" | "long":
            return put_long(value)
        case "float" | "double":
            return struct.pack("<f" if kind == "float" else "<d", value)
    data = value.encode() if kind == "string" else bytes(value)
    return put_long(len(data)) + data


def _block(value: Any, items: Iterable[bytes]) -> bytes:
    return (put_long(len(value)) if value else b"") + b"".join(items) + b"\0"


# ---- unions ------------------------------------------------------------------------------------------------------


def _branch_of(node: Union, value: Any, path: str) -> tuple[int, Any]:
    """The branch that a value is of, and the value; ``(name, value)`` names a branch of several records."""
    arrays = any("safecodec.array_like" in branch.attributes for branch in node.branches if isinstance(branch, Record))
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str) and not arrays:  # no NamedTuple
        for at, branch in enumerate(node.branches):
            if isinstance(branch, (Record, Enum, Fixed)) and value[0] in (branch.name, branch.name.rpartition(".")[2]):
                return at, value[1]
    ranked = sorted(enumerate(node.branches), key=lambda one: _rank(one[1], value))
    for exact in (True, False):
        for at, branch in ranked:
            if takes(branch, value, exact=exact):
                return at, value
    choices = ", ".join(spelled(branch) for branch in node.branches)
    raise EncodeError(f"{type(value).__name__} {short(value)} is of no branch of the union: {choices}", path=path)


def takes(node: Node, value: Any, *, exact: bool) -> bool:
    """Tell whether a branch of a union takes a value; exactly is without an int as a float, and by a record's tag."""
    match node:
        case Primitive() | Fixed():
            if not exact and node.logical is None and type(value) is int and _is_float(node):
                return True
            return _lowers(node, value) and not (_is_float(node) and type(value) is int)
        case Enum():
            return isinstance(value, str) and value in node.symbols
        case Array():
            return isinstance(value, (list, tuple, set, frozenset))
        case Map():
            return isinstance(value, dict) and all(takes(node.values, one, exact=False) for one in value.values())
        case Union():
            return any(takes(branch, value, exact=exact) for branch in node.branches)
    return _record_takes(node, value)


def _rank(node: Node, value: Any) -> int:
    """When a branch has its turn: a duration before an array has a tuple, and last a carrier, which takes anything."""
    return -1 if is_duration(node) and isinstance(value, tuple) else int(is_carrier(node))


def is_duration(node: Node) -> bool:
    """Tell whether a node is a duration, three numbers in a tuple."""
    return isinstance(node, Fixed) and node.logical is not None and node.logical.name == "duration"


def _is_float(node: Primitive | Fixed) -> bool:
    return isinstance(node, Primitive) and node.kind in ("float", "double")


def _lowers(node: Primitive | Fixed, value: Any) -> bool:
    try:
        _lower_leaf(node, value, "")
    except EncodeError:
        return False
    return True


def _record_takes(node: Record, value: Any) -> bool:
    tag_field, tag = node.attributes.get("safecodec.tag_field"), node.attributes.get("safecodec.tag")
    if node.attributes.get("safecodec.array_like"):
        return isinstance(value, (list, tuple)) and (tag is None or value[:1] in ([tag], (tag,)))
    if not isinstance(value, dict) or (tag_field is not None and value.get(tag_field) != tag):
        return False
    names = {field.name for field in node.fields}
    needed = {field.name for field in node.fields if field.default is ABSENT and not field.attributes}
    return needed <= value.keys() <= names | {tag_field}


# ---- defaults ----------------------------------------------------------------------------------------------------


def default_value(node: Node, default: Any) -> Any:
    """Return the value of a default in Avro's JSON encoding, made anew."""
    match node:
        case Primitive(kind="bytes") | Fixed():
            return python_value(node, default.encode("latin-1"))
        case Primitive():
            return python_value(node, float(default) if node.kind in ("float", "double") else default)
        case Array():
            return [default_value(node.items, one) for one in default]
        case Map():
            return {key: default_value(node.values, one) for key, one in default.items()}
        case Union():
            return default_value(next(branch for branch in node.branches if fits(branch, default)), default)
        case Record():
            return {
                field.name: default_value(field.type, default.get(field.name, field.default)) for field in node.fields
            }
    return default
