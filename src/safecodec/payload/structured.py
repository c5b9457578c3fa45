"""What MessagePack and JSON share: formats that name their fields, through msgspec.

Where Python types say all, msgspec's own encoder and decoder are handed out, bound, with nothing in between. Where a
version is an Avro schema, or the two sides of a pair are laid out differently, values go the long way: plain values,
checked against the schema, resolved, and made into the reader's.
"""

from __future__ import annotations

import datetime
import decimal
import math
import re
import uuid
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from ..avro.hints import RecordHint, every
from ..avro.layout import begins_with
from ..avro.lift import lift
from ..avro.nodes import Array, Field, Fixed, Map, Node, Primitive, Record, Union
from ..avro.physical import Physical, lower, takes
from ..avro.plain import checked, demand_whole, plain
from ..avro.resolve import Action, Take, TakeFields, TakeSymbol, actions, resolve
from ..errors import EncodeError, IncompatibleSchemaError, PayloadError, SchemaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..avro.schema import Schema

LEAVES: Final[dict[str, Any]] = {
    "date": datetime.date,
    "decimal": decimal.Decimal,
    "big-decimal": decimal.Decimal,
    "uuid": uuid.UUID,
    "bytes": bytes,
}


FLOATS: Final = ("float", "double")
KEYS_THAT_ARE_NO_TEXT: Final = re.compile(r"dict\[(bool|none|any|[^,\[]+ \|)")
"""Keys that are written as a text that another key may have as well, or that are not written at all."""


class Format(Protocol):
    """One of msgspec's formats."""

    name: str
    texts_only: bool
    """Whether bytes are written as text."""

    def encoder(self) -> Callable[[Any], bytes]:
        """Return an encoder's bound method."""

    def decoder(self, type_: Any) -> Callable[[Any], Any]:
        """Return a decoder's bound method."""


# ---- schemas -----------------------------------------------------------------------------------------------------


def walk(node: Node, seen: set[int] | None = None) -> Iterator[Node]:
    """Yield every node of a schema once."""
    seen = set() if seen is None else seen
    if id(node) in seen:
        return
    seen.add(id(node))
    yield node
    parts: tuple[Node, ...] = ()
    match node:
        case Array():
            parts = (node.items,)
        case Map():
            parts = (node.values,)
        case Union():
            parts = node.branches
        case Record():
            parts = tuple(field.type for field in node.fields)
    for part in parts:
        yield from walk(part, seen)


def _shape(node: Node, form: Format) -> str:
    """What a reader sees of a value before it knows its type."""
    match node:
        case Array():
            return "array"
        case Map() | Record():
            return "array" if isinstance(node, Record) and node.attributes.get("safecodec.array_like") else "object"
        case Primitive(kind="null" | "boolean"):
            return node.kind
        case Primitive(kind="int" | "long", logical=None):
            return "int"
        case Primitive(kind="float" | "double"):
            return "float"
        case Primitive(kind="bytes", logical=None) | Fixed(logical=None) if not form.texts_only:
            return "bytes"
    return "text"


def _check(schema: Schema, form: Format) -> None:
    """Refuse unions whose branches a value does not tell apart (of Python types msgspec has done so), and keys."""
    for node in walk(schema.root):
        carried = node.attributes.get("safecodec.type", "") if isinstance(node, Primitive) else ""
        if form.texts_only and KEYS_THAT_ARE_NO_TEXT.search(carried):
            raise SchemaError(f"{form.name} has only text as keys, and cannot give back those of {carried}")
        if isinstance(node, Union) and schema.type is None:
            shapes = [_shape(branch, form) for branch in node.branches]
            twice = next((shape for shape in shapes if shapes.count(shape) > 1), None)
            if twice is not None:
                raise SchemaError(f"{form.name} cannot tell apart two branches of a union that are both {twice}")


def _straight(writer: Schema, reader: Schema, action: Action) -> bool:
    """Tell whether the reader's own decoder reads what the writer's type encodes, as resolution would."""
    if writer.type is None or reader.type is None or _any_record(reader, _forbids_unknown):
        return False
    omits = _any_record(writer, _omits_defaults)
    return all(_straight_step(step, omits=omits) for step in actions(action))


def _straight_step(step: Action, *, omits: bool) -> bool:
    match step:
        case Take():
            dropped = step.writer.logical is not None and step.reader.logical is None
            return not dropped and _kind(step.writer) == _kind(step.reader)
        case TakeSymbol():
            return all(symbol == other for symbol, other in step.symbols.items())
        case TakeFields():
            pairs = [(theirs, mine) for mine, theirs, _ in step.fields if theirs is not None]
            return _layout(step.writer) == _layout(step.reader) == PLAIN_LAYOUT and all(
                theirs.name == mine.name
                and _is_optional(theirs) == _is_optional(mine)
                and (not omits or theirs.default == mine.default)
                for theirs, mine in pairs
            )
    return True


def _kind(node: Primitive | Fixed) -> str:
    """What a value is written as: all numbers are one kind."""
    if isinstance(node, Fixed):
        return "bytes"
    return "number" if node.kind in ("int", "long", *FLOATS) else node.kind


def _layout(record: Record) -> tuple[Any, ...]:
    return tuple(record.attributes.get(f"safecodec.{key}") for key in ("tag_field", "tag", "array_like"))


PLAIN_LAYOUT: Final = (None, None, None)


def _is_optional(field: Field) -> bool:
    return "safecodec.optional" in field.attributes


def _forbids_unknown(record: RecordHint) -> bool:
    return record.forbids_unknown


def _omits_defaults(record: RecordHint) -> bool:
    return record.omits_defaults


def _is_exact(record: RecordHint) -> bool:
    """Tell whether a record takes nothing but its own fields."""
    return record.forbids_unknown or record.kind == "namedtuple"


def _any_record(schema: Schema, holds: Callable[[RecordHint], bool]) -> bool:
    """Tell whether any record in a schema's type is made so, those in carried types too."""
    return any(isinstance(one, RecordHint) and holds(one) for one in every(schema.hints[id(schema.root)]))


def reads_newer(writer: Schema, reader: Schema) -> bool:
    """Tell whether the forward decoder of a reader reads a newer writer's payloads.

    By name it does where the reader's own decoder would do for the writer if it knew it. Records that are laid out as
    arrays are read by position.
    """
    both = (*walk(writer.root), *walk(reader.root))
    if any(isinstance(node, Record) and node.attributes.get("safecodec.array_like") for node in both):
        return begins_with(writer.root, reader.root)
    try:
        action = resolve(writer, reader)
    except IncompatibleSchemaError:
        return False
    if writer.type is None or reader.type is None:
        return all(_straight_step(step, omits=False) for step in actions(action))
    strict = _any_record(reader, _forbids_unknown)  # these take the long way, which reads by name too
    omits = _any_record(writer, _omits_defaults)
    return all(_straight_step(step, omits=omits or strict) for step in actions(action))


# ---- encoding ----------------------------------------------------------------------------------------------------


def encoder(form: Format, writer: Schema, source: Schema) -> Callable[[Any], bytes]:
    """Return what writes values of the source's schema as payloads of the writer's.

    Raises:
        IncompatibleSchemaError: They cannot be written so.
        SchemaError: The format cannot tell a union's branches apart, or leaves out a part of the source's values.
    """
    _check(writer, form)
    if source.type is not None:
        demand_whole(source.hints[id(source.root)])
    encode = form.encoder()
    if writer != source or source.type is None:
        encode = _LongEncoder(encode, writer, source).encode
    elif any(isinstance(node, Array) and node.attributes for node in walk(source.root)):
        encode = _sorting(encode, source.root)
    if form.texts_only and any(_may_hold_float(node) for node in walk(source.root)):
        return _finite(encode, _typed(form, Any if source.type is None or writer != source else source.type))
    return encode


def _may_hold_float(node: Node) -> bool:
    return isinstance(node, Primitive) and (node.kind in FLOATS or "safecodec.type" in node.attributes)


def _sorting(encode: Callable[[Any], bytes], root: Node) -> Callable[[Any], bytes]:
    """Sets have no order of their own, and the same value has to give the same bytes."""
    return lambda value: encode(sort_sets(root, plain(value)))


def sort_sets(node: Node, value: Any) -> Any:
    """Return a plain value with the items of its sets in the order of their text."""
    match node:
        case Array() if isinstance(value, (list, tuple)):
            items = [sort_sets(node.items, one) for one in value]
            return sorted(items, key=repr) if node.attributes else items
        case Map() if isinstance(value, dict):
            return {key: sort_sets(node.values, one) for key, one in value.items()}
        case Union():
            branch = next((branch for branch in node.branches if takes(branch, value, exact=True)), None)
            return value if branch is None else sort_sets(branch, value)
        case Record() if isinstance(value, dict):
            types = {field.name: field.type for field in node.fields}
            return {key: sort_sets(types[key], one) if key in types else one for key, one in value.items()}
        case Record() if isinstance(value, (list, tuple)):
            start = 1 if "safecodec.tag" in node.attributes else 0
            fields = zip(node.fields, value[start:], strict=False)
            return [*value[:start], *(sort_sets(field.type, one) for field, one in fields)]
    return value


class _LongEncoder:
    def __init__(self, encode: Callable[[Any], bytes], writer: Schema, source: Schema) -> None:
        self.action = resolve(source, writer)
        self.write = encode
        self.type = source.type
        self.typed = writer.type is not None
        self.root, self.branches = source.root, Physical(source.root).branches

    def encode(self, value: Any) -> bytes:
        if self.type is not None:
            value = checked(value, self.type)
        physical = lower(self.root, value, "$", self.branches)
        return self.write(lift(self.action, physical, "$", typed=self.typed))


def _finite(encode: Callable[[Any], bytes], decode: Callable[[bytes], Any]) -> Callable[[Any], bytes]:
    """JSON has no NaN and no infinity, and msgspec writes null for them: where there is a null, look."""

    def finite(value: Any) -> bytes:
        payload = encode(value)
        if b"null" in payload and not _comes_back(decode, payload, value):
            _demand_finite(plain(value), "$")
        return payload

    return finite


def _comes_back(decode: Callable[[bytes], Any], payload: bytes, value: Any) -> bool:
    """Tell whether a value is what its payload decodes to: nothing in it was written as null that is no None."""
    try:
        return bool(decode(payload) == value)
    except Exception:  # the walk that follows finds what it was
        return False


def _demand_finite(value: Any, path: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise EncodeError(f"the number {value} has no JSON form", path=path)
    if isinstance(value, dict):
        for key, one in value.items():
            _demand_finite(one, f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for at, one in enumerate(value):
            _demand_finite(one, f"{path}[{at}]")


# ---- decoding ----------------------------------------------------------------------------------------------------


def decoder(form: Format, writer: Schema, reader: Schema) -> Callable[[Any], Any]:
    """Return what reads payloads of the writer's schema as values of the reader's.

    Raises:
        IncompatibleSchemaError: They do not resolve.
        SchemaError: The format cannot tell a union's branches apart.
    """
    _check(writer, form)
    long_way = _LongDecoder(form, writer, reader)  # resolves
    if (writer == reader and reader.type is not None) or _straight(writer, reader, long_way.action):
        return _typed(form, reader.type)
    return long_way.decode


def forward_decoder(form: Format, reader: Schema, target: Schema) -> Callable[[Any], Any]:
    """Return what reads payloads of a newer schema by the names that the reader knows, as values of the target."""
    if target is not reader:
        return decoder(form, reader, target)
    _check(reader, form)
    if reader.type is not None and not _any_record(reader, _is_exact):
        return _typed(form, reader.type)
    return _LongDecoder(form, reader, reader).decode


def _typed(form: Format, type_: Any) -> Callable[[Any], Any]:
    """A type's own decoder.

    Raises:
        SchemaError: msgspec refuses the type, which Avro could hold.
    """
    try:
        return form.decoder(type_)
    except Exception as error:  # whatever msgspec stumbles over
        raise SchemaError(f"{form.name} cannot hold the type: {error}") from None


class _LongDecoder:
    def __init__(self, form: Format, writer: Schema, reader: Schema) -> None:
        self.action = resolve(writer, reader)
        self.read = form.decoder(Any)
        self.type = reader.type
        self.text_keys = form.texts_only  # JSON has no other keys; elsewhere a text is no number
        self.root, self.branches = writer.root, Physical(writer.root).branches

    def decode(self, payload: Any) -> Any:
        try:
            value = _parsed(self.root, self.read(payload), "$")
            physical = lower(self.root, value, "$", self.branches)
        except EncodeError as error:
            raise PayloadError(error.reason, path=error.path) from None
        value = lift(self.action, physical, "$", typed=self.type is not None)
        return value if self.type is None else msgspec.convert(value, self.type, str_keys=self.text_keys)


def _parsed(node: Node, value: Any, path: str) -> Any:
    """The Python values of a plain one: what a format writes as text is what it was; unknown fields are left out."""
    match node:
        case Primitive() | Fixed():
            return _parsed_leaf(node, value, path)
        case Array() if isinstance(value, list):
            return [_parsed(node.items, one, f"{path}[{at}]") for at, one in enumerate(value)]
        case Map() if isinstance(value, dict):
            return {key: _parsed(node.values, one, f"{path}[{key!r}]") for key, one in value.items()}
        case Union():
            return _parsed_branch(node, value, path)
        case Record():
            return _parsed_record(node, value, path)
    return value


def _parsed_leaf(node: Primitive | Fixed, value: Any, path: str) -> Any:
    kind: Any = LEAVES.get("bytes" if isinstance(node, Fixed) else node.kind)
    if node.logical is not None:
        name = node.logical.name
        if name in ("safecodec-msgpack", "duration"):
            return value
        kind = LEAVES.get(name) or (datetime.time if name.startswith("time-") else datetime.datetime)
    if kind is None:
        return value
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise PayloadError(str(error), path=path) from None


def _parsed_branch(node: Union, value: Any, path: str) -> Any:
    for exact in (True, False):
        for branch in node.branches:
            try:
                parsed = _parsed(branch, value, path)
            except PayloadError:
                continue
            if takes(branch, parsed, exact=exact):
                return parsed
    return value


def _parsed_record(node: Record, value: Any, path: str) -> Any:
    tag_field: str | None = node.attributes.get("safecodec.tag_field")
    if node.attributes.get("safecodec.array_like"):
        if not isinstance(value, list):
            return value
        start = 0 if tag_field is None else 1
        named = {field.name: one for field, one in zip(node.fields, value[start:], strict=False)}
        return [*value[:start], *(_field(field, named, path) for field in node.fields if field.name in named)]
    if not isinstance(value, dict):
        return value
    tag = {tag_field: value[tag_field]} if tag_field is not None and tag_field in value else {}
    return tag | {field.name: _field(field, value, path) for field in node.fields if field.name in value}


def _field(field: Field, values: dict[str, Any], path: str) -> Any:
    return _parsed(field.type, values[field.name], f"{path}.{field.name}")
