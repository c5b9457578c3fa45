"""Between the plain values of MessagePack or JSON and Avro binary of one schema.

A payload that does not go straight from or to a type is resolved as Avro: its plain value is written as Avro by the
writer's schema, and the compiled plan reads that. So a pair of types has one meaning, whatever the payload. Each part
is visited once.
"""

from __future__ import annotations

import datetime
import decimal
import struct
import uuid
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from ..avro.defaults import default_bytes
from ..avro.describing import listed, short
from ..avro.limits import DEFAULT, Limits
from ..avro.logical import CARRIER, avro_value, demand_plain, has_utf_8, put_bytes, put_long, python_value, take_long
from ..avro.nodes import ABSENT, Array, Enum, Field, Fixed, Map, Node, Primitive, Record, Union, is_optional
from ..avro.resolve import titled
from ..errors import EncodeError, PayloadError

RANGES: Final = {"int": 2**31, "long": 2**63}
LEAVES: Final[dict[str, Any]] = {
    "date": datetime.date,
    "decimal": decimal.Decimal,
    "big-decimal": decimal.Decimal,
    "uuid": uuid.UUID,
    "safecodec-timedelta-micros": datetime.timedelta,
    "safecodec-offset-time": datetime.time,
    "time-millis": datetime.time,
    "time-micros": datetime.time,
}
"""The Python type of a logical type whose values MessagePack and JSON have as text."""
DEEPEST: Final = 64


def leaf_type(node: Primitive | Fixed) -> Any:
    """Return the Python type of a leaf that the formats write in a form of its own, or None where they do not."""
    if node.logical is None:
        return bytes if isinstance(node, Fixed) or node.kind == "bytes" else None
    if node.logical.name in (CARRIER, "duration"):
        return None
    return LEAVES.get(node.logical.name, datetime.datetime)


# ---- plain values to Avro ------------------------------------------------------------------------------------------


class Parser:
    """Turns plain values, as msgspec reads them without a type, into Avro binary of a schema.

    Args:
        root: The schema.
        limits: The bounds of a value.
        texts_only: Whether the format has neither bytes nor keys that are no text.
    """

    def __init__(self, root: Node, limits: Limits = DEFAULT, *, texts_only: bool) -> None:
        self._root = root
        self._digits = limits.digits
        self._longest = limits.payload
        self._texts_only = texts_only
        self._choices: dict[tuple[int, int], _Choice] = {}
        """How branches are chosen, by a union's id and the first branch that counts."""
        self._defaults = _Defaults()

    def avro(self, value: Any) -> bytes:
        """Return the Avro binary of a plain value.

        Raises:
            PayloadError: It is no value of the schema, with its path.
        """
        out = bytearray()
        self._put(self._root, value, "$", out, 0)
        return bytes(out)

    def _put(self, node: Node, value: Any, path: str, out: bytearray, depth: int) -> None:
        if depth > DEEPEST:
            raise PayloadError(f"the value nests deeper than {DEEPEST} levels", path=path)
        match node:
            case Primitive() | Fixed():
                self._put_leaf(node, value, path, out)
            case Enum():
                out += put_long(_index(node, value, path))
            case Array() if "safecodec.map" in node.attributes:
                self._put_entries(node, value, path, out, depth)
            case Array():
                _demand(isinstance(value, list), "an array", value, path)
                self._put_items(node, value, path, out, depth)
            case Map():
                _demand(isinstance(value, dict), "a map", value, path)
                out += put_long(len(value)) if value else b""
                for key, one in value.items():
                    _demand(type(key) is str, "a text as key", key, path)
                    out += put_bytes(key.encode())
                    self._put(node.values, one, f"{path}[{short(key)}]", out, depth + 1)
                out += b"\0"
            case Union():
                at = self._branch(node, 0, value, path)
                out += put_long(at)
                self._put(node.branches[at], value, path, out, depth)
            case _:
                self._put_record(node, value, path, out, depth)

    def _put_items(self, node: Array, value: list[Any], path: str, out: bytearray, depth: int) -> None:
        out += put_long(len(value)) if value else b""
        for at, one in enumerate(value):
            self._put(node.items, one, f"{path}[{at}]", out, depth + 1)
        out += b"\0"

    def _put_entries(self, node: Array, value: Any, path: str, out: bytearray, depth: int) -> None:
        _demand(isinstance(value, dict), "a map", value, path)
        assert isinstance(node.items, Record)
        keys, values = (field.type for field in node.items.fields)
        out += put_long(len(value)) if value else b""
        for key, one in value.items():
            inner = f"{path}[{short(key)}]"
            key = self._key(keys, key, inner) if self._texts_only else key
            self._put(keys, list(key) if type(key) is tuple else key, inner, out, depth + 1)
            self._put(values, one, inner, out, depth + 1)
        out += b"\0"

    def _key(self, node: Node, key: str, path: str) -> Any:
        """The plain value of a key that JSON has as text."""
        wanted: Any = None
        if isinstance(node, Enum) and node.kinds != {str}:
            wanted = int
        elif isinstance(node, Primitive) and node.logical is None:
            wanted = {"int": int, "long": int, "float": float, "double": float}.get(node.kind)
        if wanted is None:
            return key
        try:
            return msgspec.convert(key, wanted, strict=False)
        except msgspec.ValidationError as error:
            raise PayloadError(f"the key {short(key)} is not a number: {error}", path=path) from None

    def _put_leaf(self, node: Primitive | Fixed, value: Any, path: str, out: bytearray) -> None:
        wanted = leaf_type(node)
        try:
            if wanted is bytes and not self._texts_only:
                _demand(type(value) is bytes, "bytes", value, path)
            elif wanted is not None:
                value = msgspec.convert(value, wanted)
            if node.logical is not None and node.logical.name == CARRIER:
                value = msgspec.msgpack.encode(value)
            elif node.logical is not None:
                value = avro_value(node, tuple(value) if type(value) is list else value, self._digits)
        except (msgspec.ValidationError, ValueError, TypeError, OverflowError) as error:
            raise PayloadError(str(error), path=path) from None
        if isinstance(node, Fixed):
            _demand(len(value) == node.size, f"{node.size} bytes", value, path)
            out += value
            return
        kind = node.kind
        if kind in RANGES:
            if type(value) is float and value.is_integer():
                value = int(value)
            _demand(type(value) is int, f"a whole number ({kind})", value, path)
            if not -RANGES[kind] <= value < RANGES[kind]:
                raise PayloadError(f"{value} is beyond the range of {kind}", path=path)
            out += put_long(value)
        elif kind in ("float", "double"):
            out += self._float(kind, value, path)
        elif kind == "boolean":
            _demand(type(value) is bool, "a bool", value, path)
            out.append(value)
        elif kind == "null":
            _demand(value is None, "null", value, path)
        elif kind == "string":
            _demand(type(value) is str and has_utf_8(value), "a text", value, path)
            out += put_bytes(value.encode())
        else:
            out += put_bytes(value)

    def _float(self, kind: str, value: Any, path: str) -> bytes:
        _demand(type(value) in (int, float), f"a number ({kind})", value, path)
        try:
            return struct.pack("<f" if kind == "float" else "<d", value)
        except (OverflowError, struct.error):
            raise PayloadError(f"a number is beyond the range of {kind}", path=path) from None

    def _put_record(self, node: Record, value: Any, path: str, out: bytearray, depth: int) -> None:
        fields = self._named(node, value, path)
        for field in node.fields:
            inner = f"{path}.{field.name}"
            if field.name in fields:
                self._put_present(field, fields[field.name], inner, out, depth)
            elif is_optional(field):
                out += put_long(0)
            elif "safecodec.omit_defaults" in node.attributes and field.default is not ABSENT:
                out += self._defaults.of(field)
            else:
                raise PayloadError("the field is missing", path=inner)
        if len(out) > self._longest:
            reason = f"with the fields that it leaves out the value has more than {self._longest} bytes"
            raise PayloadError(f"{reason}, the limit payload", path=path)

    def _put_present(self, field: Field, value: Any, path: str, out: bytearray, depth: int) -> None:
        if is_optional(field):
            assert isinstance(field.type, Union)
            at = self._branch(field.type, 1, value, path)
            out += put_long(at)
            self._put(field.type.branches[at], value, path, out, depth + 1)
        else:
            self._put(field.type, value, path, out, depth + 1)

    def _named(self, node: Record, value: Any, path: str) -> dict[str, Any]:
        """A record's fields by name; its tag is checked."""
        tagged = "safecodec.tag" in node.attributes
        if "safecodec.array_like" in node.attributes:
            _demand(isinstance(value, list), "an array of a record's fields", value, path)
            start = 1 if tagged else 0
            if tagged:
                _demand_tag(node, value[0] if value else None, path)
            exact = "safecodec.tuple" in node.attributes
            if exact and len(value) != len(node.fields):
                raise PayloadError(f"a tuple of {len(node.fields)} items is expected, this has {len(value)}", path=path)
            return {field.name: one for field, one in zip(node.fields, value[start:], strict=False)}
        _demand(isinstance(value, dict), "a record", value, path)
        if tagged:
            _demand_tag(node, value.get(node.attributes["safecodec.tag_field"], _NO_TAG), path)
        fields: dict[str, Any] = value
        return fields

    # ---- unions ----

    def _branch(self, node: Union, start: int, value: Any, path: str) -> int:
        """A plain value's branch, by its form and its tag, never by trying; start: the first that counts."""
        choice = self._choices.get((id(node), start))
        if choice is None:
            choice = self._choices[id(node), start] = _Choice(node.branches, start, texts_only=self._texts_only)
        at = choice.of(value)
        if at is None:
            raise PayloadError(
                f"{type(value).__name__} {short(value)} is of no branch of the union: {choice.titles}", path=path
            )
        return at


class _Choice:
    """Tells which branch of a union a plain value is of, by tables: however many branches there are.

    Args:
        branches: The branches.
        start: The first one that counts.
        texts_only: Whether the format has neither bytes nor keys that are no text.
    """

    def __init__(self, branches: tuple[Node, ...], start: int, *, texts_only: bool) -> None:
        self.titles = listed(titled(one) for one in branches[start:])
        self._values: dict[Any, int] = {}
        """Branches by the values of enums, with their types: another branch may take these as well."""
        self._forms: dict[str, int] = {}
        self._tags: dict[tuple[str, Any], int] = {}
        """Branches by the key that holds a tag, or none where the first item is it, and the tag with its type."""
        self._tag_fields: set[str] = set()
        self._instant: int | None = None
        for at in range(start, len(branches)):
            self._note(branches[at], at, texts_only=texts_only)

    def _note(self, node: Node, at: int, *, texts_only: bool) -> None:
        shape = form(node, texts_only=texts_only)
        if isinstance(node, Enum):
            for value in node.values:
                self._values.setdefault((type(value), value), at)
        elif isinstance(node, Record) and "safecodec.tag" in node.attributes:
            tag = node.attributes["safecodec.tag"]
            key = "" if shape == "array" else node.attributes["safecodec.tag_field"]
            self._tags.setdefault((shape + key, (type(tag), tag)), at)
            if shape == "object":
                self._tag_fields.add(key)
        else:
            self._forms.setdefault(shape, at)
            if self._instant is None and shape == "text" and _is_instant(node):
                self._instant = at

    def of(self, value: Any) -> int | None:
        """Return the first branch that a value is of, an enum before others; None where it is of none."""
        kind = type(value)
        if kind in HASHED and (kind, value) in self._values:
            return self._values[kind, value]
        found = _form_of(value)
        fitting = [self._forms[shape] for shape in ("any", found) if shape in self._forms]
        if found == "instant" and self._instant is not None:
            fitting.append(self._instant)
        fitting += self._tagged(found, value)
        if not fitting and found == "int" and "float" in self._forms:
            return self._forms["float"]
        return min(fitting, default=None)

    def _tagged(self, found: str, value: Any) -> Iterator[int]:
        """The branches of the tags that a value has."""
        tags: list[tuple[str, Any]] = []
        if found == "array" and value:
            tags = [(found, value[0])]
        elif found == "object":
            keys = value if len(value) < len(self._tag_fields) else self._tag_fields
            tags = [(found + key, value[key]) for key in keys if key in self._tag_fields and key in value]
        for key, tag in tags:
            if type(tag) in HASHED and (key, (type(tag), tag)) in self._tags:
                yield self._tags[key, (type(tag), tag)]


class _Defaults:
    """The Avro binary of fields' defaults, each made once."""

    def __init__(self) -> None:
        self._known: dict[int, bytes] = {}

    def of(self, field: Field) -> bytes:
        """Return that of a field."""
        if id(field) not in self._known:
            self._known[id(field)] = default_bytes(field.type, field.default)
        return self._known[id(field)]


HASHED: Final = frozenset({str, int, bool})
"""The types of tags and of the values of enums."""
_NO_TAG: Final = object()


def _is_tag(node: Record, value: Any) -> bool:
    tag = node.attributes["safecodec.tag"]
    return bool(tag == value) and type(tag) is type(value)


def _demand_tag(node: Record, value: Any, path: str) -> None:
    """Msgspec reads a record without a tag, where there is no union, and refuses another one."""
    if value is not _NO_TAG and not _is_tag(node, value):
        raise PayloadError(
            f"the tag {node.attributes['safecodec.tag']!r} is expected, this is {short(value)}", path=path
        )


def _is_instant(node: Node) -> bool:
    return isinstance(node, Primitive) and node.logical is not None and "timestamp" in node.logical.name


def _form_of(value: Any) -> str:
    """A plain value's form."""
    if value is None:
        return "null"
    forms: dict[type, str] = {
        bool: "boolean", int: "int", float: "float", str: "text", bytes: "bytes", list: "array", tuple: "array",
        dict: "object", datetime.datetime: "instant",
    }  # fmt: skip
    return forms.get(type(value), "other")


def form(node: Node, *, texts_only: bool) -> str:
    """Return the form that a node's values have in a format: what a reader sees before it knows the type."""
    match node:
        case Array():
            return "object" if "safecodec.map" in node.attributes else "array"
        case Map() | Record():
            return "array" if isinstance(node, Record) and "safecodec.array_like" in node.attributes else "object"
        case Enum():
            return "int" if node.kinds == {int} else "boolean" if node.kinds == {bool} else "text"
        case Primitive(kind="null" | "boolean"):
            return node.kind
    assert not isinstance(node, Union)  # it has branches, which have forms
    if node.logical is not None:
        return {CARRIER: "any", "duration": "array"}.get(node.logical.name, "text")
    if isinstance(node, Fixed) or node.kind == "bytes":
        return "text" if texts_only else "bytes"
    return {"int": "int", "long": "int", "string": "text"}.get(node.kind, "float")


def _index(node: Enum, value: Any, path: str) -> int:
    at = node.place_of(value)
    if at is None:
        raise PayloadError(f"{short(value)} is none of the symbols {listed(node.values)}", path=path)
    return at


def _demand(holds: bool, wanted: str, value: Any, path: str) -> None:
    if not holds:
        raise PayloadError(f"{wanted} is expected, this is {type(value).__name__} {short(value)}", path=path)


# ---- Avro to plain values ------------------------------------------------------------------------------------------


class Printer:
    """Turns Avro binary of a schema into the plain values that msgspec writes; the bytes are the encoder's own.

    Args:
        root: The schema.
        limits: The bounds of a value.
        texts_only: Whether the format has neither bytes nor keys that are no text.
    """

    def __init__(self, root: Node, limits: Limits = DEFAULT, *, texts_only: bool) -> None:
        self._root = root
        self._digits = limits.digits
        self._texts_only = texts_only
        self._defaults = _Defaults()

    def plain(self, data: bytes) -> Any:
        """Return the plain value of Avro binary.

        Raises:
            EncodeError: The format has no form for a part of it.
        """
        value, at = self._take(self._root, data, 0, "$")
        assert at == len(data)
        return value

    def _take(self, node: Node, data: bytes, at: int, path: str) -> tuple[Any, int]:
        match node:
            case Primitive() | Fixed():
                return self._take_leaf(node, data, at, path)
            case Enum():
                index, at = take_long(data, at)
                return node.values[index], at
            case Array():
                items, at = self._take_block(data, at, path, lambda at, path: self._take(node.items, data, at, path))
                return (dict(items) if "safecodec.map" in node.attributes else items), at
            case Map():
                entries, at = self._take_block(data, at, path, lambda at, path: self._entry(node, data, at, path))
                return dict(entries), at
            case Union():
                index, at = take_long(data, at)
                return self._take(node.branches[index], data, at, path)
        return self._take_record(node, data, at, path)

    def _take_block(self, data: bytes, at: int, path: str, take: Any) -> tuple[list[Any], int]:
        items = []
        count, at = take_long(data, at)
        for index in range(count):
            item, at = take(at, f"{path}[{index}]")
            items.append(item)
        return items, at + 1 if count else at

    def _entry(self, node: Map, data: bytes, at: int, path: str) -> tuple[tuple[str, Any], int]:
        size, at = take_long(data, at)
        value, end = self._take(node.values, data, at + size, path)
        return (data[at : at + size].decode(), value), end

    def _take_leaf(self, node: Primitive | Fixed, data: bytes, at: int, path: str) -> tuple[Any, int]:
        value: Any = None
        if isinstance(node, Fixed):
            value, at = data[at : at + node.size], at + node.size
        elif node.kind in ("int", "long"):
            value, at = take_long(data, at)
        elif node.kind in ("float", "double"):
            size = 4 if node.kind == "float" else 8
            value, at = struct.unpack("<f" if size == 4 else "<d", data[at : at + size])[0], at + size
        elif node.kind == "boolean":
            value, at = data[at] == 1, at + 1
        elif node.kind != "null":
            size, at = take_long(data, at)
            value, at = data[at : at + size], at + size
            value = value.decode() if node.kind == "string" else value
        if node.logical is None:
            return value, at
        value = python_value(node, value, self._digits)
        if node.logical.name == CARRIER and self._texts_only:
            try:
                demand_plain(value, texts_only=True)
            except ValueError as error:
                raise EncodeError(str(error), path=path) from None
        return value, at

    def _take_record(self, node: Record, data: bytes, at: int, path: str) -> tuple[Any, int]:
        fields: dict[str, Any] = {}
        for field in node.fields:
            inner = f"{path}.{field.name}"
            start = at
            value, at = self._take(field.type, data, at, inner)
            if is_optional(field) and data[start] == 0:
                if "safecodec.array_like" in node.attributes:
                    raise EncodeError("a record that is laid out as an array has no missing field", path=inner)
                continue
            if not self._omits(node, field, data, start, at):
                fields[field.name] = value
        tag_field, tag = node.attributes.get("safecodec.tag_field"), node.attributes.get("safecodec.tag")
        if "safecodec.tuple" in node.attributes:
            return tuple(fields.values()), at
        if "safecodec.array_like" in node.attributes:
            return [*([] if tag_field is None else [tag]), *fields.values()], at
        return fields if tag_field is None else {tag_field: tag, **fields}, at

    def _omits(self, node: Record, field: Field, data: bytes, start: int, end: int) -> bool:
        if "safecodec.omit_defaults" not in node.attributes or "safecodec.array_like" in node.attributes:
            return False
        if field.default is ABSENT:
            return False
        default = self._defaults.of(field)
        return end - start == len(default) and data.startswith(default, start)
