"""The rules that MessagePack and JSON share: formats that name their fields, through msgspec.

Where Python types say all, msgspec's own encoder and decoder are handed out, bound, with nothing in between. Where a
version is an Avro schema, or the two sides of a pair differ in more than fields with equal meaning, a payload is
transcoded: its plain value is written as Avro and read by the compiled plan of the pair, see `transcode`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache, partial
from operator import contains
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from ..avro._refusals import attempt
from ..avro.classes import origin as class_of
from ..avro.compile import decoder as avro_decoder
from ..avro.compile import encoder as avro_encoder
from ..avro.derive import SETS
from ..avro.describing import FAULTS, step
from ..avro.hints import Choice, FixedTuple, Hint, Literals, Mapping, RecordHint, Sequence, every
from ..avro.layout import begins_with
from ..avro.logical import CARRIER
from ..avro.nodes import ABSENT, Array, Enum, Field, Fixed, Map, Node, Primitive, Record, Union, is_optional, once
from ..avro.pydantic_models import is_validated
from ..avro.resolve import (
    Action,
    Take,
    TakeFields,
    TakeItems,
    TakeSymbol,
    actions,
    resolve,
    titled,
)
from ..avro.schema import of_root
from ..errors import EncodeError, IncompatibleSchemaError, SchemaError
from .transcode import Parser, Printer, form
from .verdicts import refusal, verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..avro.schema import Schema

FLOATS = ("float", "double")


class Format(Protocol):
    """One of msgspec's formats."""

    name: str
    texts_only: bool
    """Whether bytes and keys are written as text."""

    def encoder(self) -> Callable[[Any], bytes]:
        """Return an encoder's bound method."""

    def decoder(self, type_: Any) -> Callable[[Any], Any]:
        """Return a decoder's bound method."""


# ---- schemas -----------------------------------------------------------------------------------------------------


def walk(root: Node) -> Iterator[Node]:
    """Yield every node of a schema once, parents first."""
    return once(root, _parts)


def _parts(node: Node) -> tuple[Node, ...]:
    match node:
        case Array():
            return (node.items,)
        case Map():
            return (node.values,)
        case Union():
            return node.branches
        case Record():
            return tuple(field.type for field in node.fields)
    return ()


def _check(schema: Schema, fmt: Format) -> None:
    """Refuse unions whose branches a value does not tell apart, and keys that a format cannot give back."""
    for node in walk(schema.root):
        if isinstance(node, Array) and "safecodec.map" in node.attributes and fmt.texts_only:
            assert isinstance(node.items, Record)
            _check_key(node.items.fields[0].type, fmt)
        if isinstance(node, Union):
            _check_union(node, fmt)


def _check_key(node: Node, fmt: Format) -> None:
    """A key is one text that gives back one value: a text, a number, or a leaf that is written as text."""
    one_kind = not isinstance(node, Enum) or len(node.kinds) == 1
    leaf = isinstance(node, (Primitive, Enum)) and form(node, texts_only=True) in ("text", "int", "float")
    if not (leaf and one_kind):
        raise SchemaError(f"{fmt.name} has only text as keys, and cannot give back those of {titled(node)}")


def _check_union(node: Union, fmt: Format) -> None:
    """Refuse a union of two branches whose values may look alike."""
    forms: dict[str, list[Node]] = {}
    for one in node.branches:
        if "safecodec.absent" not in getattr(one, "attributes", {}):
            forms.setdefault(form(one, texts_only=fmt.texts_only), []).append(one)
    for shape, branches in forms.items():
        alike = _first_alike(branches)
        if alike is not None:
            raise SchemaError(
                f"{fmt.name} cannot tell apart two branches of a union that are both {shape}: "
                f"{titled(alike[0])} and {titled(alike[1])}"
            )


def _first_alike(branches: list[Node]) -> tuple[Node, Node] | None:
    """Return the first two branches of one form that a value may be of both, if there are any.

    A value says by its tag which record it is of, or as one of few values which enum. Beside an enum a text or a whole
    number gives the value back, whichever is taken.
    """
    taken: dict[Any, Node] = {}
    for branch in branches:
        for mark in _marks(branch):
            if mark in taken:
                return taken[mark], branch
        if taken and not _joins(branch, branches[0]):
            return branches[0], branch
        taken |= dict.fromkeys(_marks(branch), branch)
    return None


def _joins(branch: Node, first: Node) -> bool:
    """Tell whether a branch may stand beside another of its form, as far as their types go."""
    if isinstance(branch, Record) and isinstance(first, Record):
        return "safecodec.tag" in branch.attributes and "safecodec.tag" in first.attributes
    return _is_one_of_few(branch) and _is_one_of_few(first)


def _is_one_of_few(node: Node) -> bool:
    if isinstance(node, Primitive):
        return node.logical is None and node.kind in ("string", "int", "long")
    return isinstance(node, Enum)


def _marks(node: Node) -> list[Any]:
    """Return what two branches of one form may not both have."""
    match node:
        case Record():
            return [node.attributes.get("safecodec.tag")]
        case Enum():
            return list(map(repr, node.values))
    return [Primitive]


# ---- straight decodes --------------------------------------------------------------------------------------------


def _straight(writer: Schema, reader: Schema, action: Action) -> bool:
    """Tell whether the reader's own decoder reads payloads of the writer as the pair's meaning demands."""
    if reader.type is None or _is_beyond_msgspec(reader):
        return False
    if any(isinstance(node, Union) for node in walk(writer.root)) and writer.type is None:
        return False  # without a type, a union's value need not be the first that msgspec tries
    return all(
        _straight_step(step) and not (isinstance(step, TakeItems) and _drops_before_bounds(step, writer, reader))
        for step in actions(action)
    )


def _drops_before_bounds(step: TakeItems, writer: Schema, reader: Schema) -> bool:
    """Tell whether a set's bounds are those of fewer items than are written: msgspec counts duplicates as well."""
    hint = reader.hints[id(step.reader)]
    if not isinstance(hint, Sequence) or hint.cls not in SETS or not hint.bounds:
        return False
    theirs = writer.hints.get(id(step.writer))
    return not isinstance(theirs, Sequence) or theirs.cls not in SETS


def _is_beyond_msgspec(schema: Schema) -> bool:
    """Tell whether msgspec does not write and read values of a type as they are."""
    return any(_is_hint_beyond(hint) for hint in every(schema.hints[id(schema.root)]))


def _is_hint_beyond(hint: Hint) -> bool:
    """Tell whether one of msgspec 0.22's limits applies.

    A field that is no argument is not made, and its class's default not written; nor are private attributes of attrs
    classes. Models of pydantic are not known, and its dataclasses not validated. In a union, bounds beside a tuple of
    types, and a pattern beside any container, have msgspec free memory of other objects with the type; bounds beside a
    Literal are demanded of the Literal's values too.
    """
    if isinstance(hint, Choice):
        bounds = [getattr(one, "bounds", None) or {} for one in hint.members]
        if any("pattern" in one for one in bounds) and any(
            isinstance(one, (Sequence, Mapping)) for one in hint.members
        ):
            return True
        return any(bounds) and any(isinstance(one, (FixedTuple, Literals)) for one in hint.members)
    if not isinstance(hint, RecordHint):
        return False
    private = hint.kind == "attrs" and any(field.name.startswith("_") for field in hint.fields)
    return private or is_validated(class_of(hint)) or any(not field.init for field in hint.fields)


def _straight_step(step: Action, *, blind: bool = False) -> bool:
    """Tell whether a step is read by name alone; blind: by a reader that does not know the writer's schema."""
    match step:
        case Take():
            return _straight_leaf(step)
        case TakeSymbol():
            values = dict(zip(step.reader.symbols, step.reader.values, strict=True))
            pairs = zip(step.writer.values, [values[symbol] for symbol in step.symbols.values()], strict=True)
            return all(mine == theirs and type(mine) is type(theirs) for mine, theirs in pairs)
        case TakeFields():
            return _straight_record(step, blind=blind)
    return True


def _straight_leaf(step: Take) -> bool:
    kinds = {getattr(step.writer, "kind", "bytes"), getattr(step.reader, "kind", "bytes")}
    return step.writer.logical == step.reader.logical and (len(kinds) == 1 or kinds <= {"int", "long"})


def _straight_record(step: TakeFields, *, blind: bool) -> bool:
    writer, reader = step.writer.attributes, step.reader.attributes
    laid_out = ("safecodec.tag_field", "safecodec.tag", "safecodec.array_like", "safecodec.tuple")
    if any(writer.get(key) != reader.get(key) for key in laid_out):
        return False
    written = [field.name for field in step.writer.fields]
    read = [field.name for field, _, _ in step.fields]
    exact = "safecodec.array_like" in reader or (not blind and "safecodec.forbid_unknown" in reader)
    if exact and written != read:
        return False
    omits = "safecodec.omit_defaults" in writer
    return all(
        theirs is None
        or (
            theirs.name == mine.name
            and (not is_optional(theirs) or is_optional(mine) or not _may_be_null(theirs))
            and (not omits or theirs.default is ABSENT or _omits_alike(theirs, mine))
        )
        for mine, theirs, _ in step.fields
    )


def _omits_alike(theirs: Field, mine: Field) -> bool:
    """Tell whether a field that is left out has one meaning; the default of an optional one stands for no value."""
    alike = type(theirs.default) is type(mine.default) and bool(theirs.default == mine.default)
    return alike and is_optional(theirs) == is_optional(mine)


def _may_be_null(field: Any) -> bool:
    return any(isinstance(one, Primitive) and one.kind == "null" for one in field.type.branches[1:])


def reads_newer(writer: Schema, reader: Schema) -> bool:
    """Tell whether the forward decoder of a reader reads a newer writer's payloads.

    By name it does where the reader's own decoder would do for the writer if it knew it. Records that are laid out as
    arrays are read by position.
    """
    both = (*walk(writer.root), *walk(reader.root))
    if any(isinstance(node, Record) and "safecodec.array_like" in node.attributes for node in both):
        return begins_with(writer.root, reader.root, "msgpack")
    try:
        action = resolve(writer, reader)
    except IncompatibleSchemaError:
        return False
    return all(_straight_step(step, blind=True) for step in actions(action))


# ---- encoding ----------------------------------------------------------------------------------------------------


def encoder(fmt: Format, writer: Schema, source: Schema) -> Callable[[Any], bytes]:
    """Return what writes values of the source's schema as payloads of the writer's.

    Raises:
        IncompatibleSchemaError: No value can be written so.
        SchemaError: The format cannot tell a union's branches apart, or leaves out a part of the source's values.
    """
    _check(writer, fmt)
    _check(source, fmt)
    older = writer is not source and (writer != source or any(map(_has_bounds, walk(writer.root))))
    if older or source.type is None or _needs_order(source) or _is_beyond_msgspec(source):
        return _Transcoder(fmt, writer, source).encode
    encode = fmt.encoder()
    _typed(fmt, source.type)  # whatever msgspec does not read, it does not write either
    finite = fmt.texts_only and any(_may_hold_float(node) for node in walk(source.root))
    if finite:
        encode = _finite(encode, _typed(fmt, source.type))
    long = _long_decimal(writer)
    if long is None:
        return encode
    if not finite:
        encode = partial(_called, encode)
    looks_long, most, checking = long.search, writer.limits.digits, cache(partial(_Transcoder, fmt, writer, source))

    def within(value: Any) -> bytes:
        payload = encode(value)
        return checking().encode(value) if len(payload) > most and looks_long(payload) else payload

    return within


def _long_decimal(schema: Schema) -> re.Pattern[bytes] | None:
    """Return what finds text in a payload that may be a Decimal beyond the limit digits; None without Decimals.

    msgspec has no limit of its own, and other text may look like it: then transcoding tells. A digit may be any of
    Unicode's, and be escaped in JSON.
    """
    logical = (node.logical for node in walk(schema.root) if isinstance(node, (Primitive, Fixed)))
    if not any(one is not None and one.name in ("decimal", "big-decimal") for one in logical):
        return None
    return re.compile(rb"(?<![0-9._\\ua-fA-F\x80-\xff])[0-9._\\ua-fA-F\x80-\xff]{%d}" % (schema.limits.digits + 1))


def _needs_order(schema: Schema) -> bool:
    """Tell whether msgspec alone does not do: a set has no order of its own, and a value of Any has to be looked at."""
    return any(
        (isinstance(node, Array) and "safecodec.collection" in node.attributes)
        or (isinstance(node, Primitive) and node.logical is not None and node.logical.name == CARRIER)
        for node in walk(schema.root)
    )


def _has_bounds(node: Node) -> bool:
    attributes = {} if isinstance(node, Union) else node.attributes
    return not {"safecodec.bounds", "safecodec.key_bounds"}.isdisjoint(attributes)


def _may_hold_float(node: Node) -> bool:
    return isinstance(node, Primitive) and node.kind in FLOATS


class _Transcoder:
    """Writes a value as Avro of the writer's schema, which checks it, and that as the format's plain value."""

    def __init__(self, fmt: Format, writer: Schema, source: Schema) -> None:
        self.to_avro = avro_encoder(writer, source).encode
        self.printer = Printer(writer.root, writer.limits, texts_only=fmt.texts_only)
        self.write = fmt.encoder()
        self.texts_only = fmt.texts_only

    def encode(self, value: Any) -> bytes:
        found = self.printer.plain(self.to_avro(value))
        if self.texts_only:
            _demand_finite(found, "$")
        return self.write(found)


def _finite(encode: Callable[[Any], bytes], decode: Callable[[bytes], Any]) -> Callable[[Any], bytes]:
    """JSON has no NaN and no infinity, and msgspec writes null for them: where there is a null, look."""

    def finite(value: Any) -> bytes:
        payload: bytes = _called(encode, value)
        if b"null" in payload and not _comes_back(decode, payload, value):
            _demand_finite(_called(msgspec.to_builtins, value), "$")
        return payload

    return finite


def _comes_back(decode: Callable[[bytes], Any], payload: bytes, value: Any) -> bool:
    """Tell whether a value is what its payload decodes to: nothing in it was written as null that is no None."""
    found, error = attempt(decode, payload)
    same: bool | None = False
    if error is None:
        same, error = attempt(partial(contains, [found]), value)
    if error is not None and not isinstance(error, (*FAULTS, msgspec.MsgspecError)):
        raise error
    return bool(same)  # the walk that follows finds what it was


def _called(function: Callable[[Any], Any], value: Any) -> Any:
    """Return what a call returns that knows no Python code but a type's own.

    Raises:
        EncodeError: It refuses the value.
    """
    found, error = attempt(function, value)
    if error is not None:
        raise refusal(error, function) or error
    return found


def _demand_finite(value: Any, path: str) -> None:
    if isinstance(value, float) and value - value != 0:
        raise EncodeError(f"the number {value} has no JSON form", path=path)
    if isinstance(value, dict):
        for key, one in value.items():
            _demand_finite(key, path)
            _demand_finite(one, path + step(key))
    elif isinstance(value, (list, tuple)):
        for at, one in enumerate(value):
            _demand_finite(one, f"{path}[{at}]")


# ---- decoding ----------------------------------------------------------------------------------------------------


def decoder(fmt: Format, writer: Schema, reader: Schema) -> Callable[[Any], Any]:
    """Return what reads payloads of the writer's schema as values of the reader's.

    Raises:
        IncompatibleSchemaError: They do not resolve.
        SchemaError: The format cannot tell a union's branches apart.
    """
    _check(writer, fmt)
    action = resolve(writer, reader)
    if _straight(writer, reader, action):
        return _within(fmt, writer, reader)
    return _Retranscoder(fmt, writer, reader).decode


def _within(fmt: Format, writer: Schema, reader: Schema) -> Callable[[Any], Any]:
    """Return a type's own decoder, and in its place one that knows limits where a Decimal may cross them."""
    decode = _typed(fmt, reader.type)
    long = _long_decimal(writer)
    if long is None:
        return decode
    looks_long, most, checking = long.search, writer.limits.digits, cache(partial(_Retranscoder, fmt, writer, reader))

    def within(payload: Any) -> Any:
        if memoryview(payload).nbytes > most and looks_long(payload):
            return checking().decode(payload)
        found, error = attempt(decode, payload)
        if error is not None:
            raise verdict(error, decode, bytes(payload)) or error
        return found

    return within


def forward_decoder(fmt: Format, reader: Schema, target: Schema) -> Callable[[Any], Any]:
    """Return what reads payloads of a newer schema by the names that the reader knows, as values of the target."""
    _check(reader, fmt)
    if not any(map(_is_exact, walk(reader.root))) and _straight(reader, target, resolve(reader, target)):
        return _within(fmt, reader, target)
    try:
        return _Retranscoder(fmt, _lenient(reader), target).decode
    except (
        IncompatibleSchemaError
    ):  # the target needs a field that may be missing: then a payload without it is refused
        return _Retranscoder(fmt, reader, target).decode


def _lenient(schema: Schema) -> Schema:
    """A schema whose fields may be missing where they have a default: a newer writer may have dropped them."""
    return of_root(_Lenient().node(schema.root), schema.limits)


class _Lenient:
    def __init__(self) -> None:
        self.records: dict[int, Record] = {}

    def node(self, node: Node) -> Node:
        match node:
            case Array():
                return replace(node, items=self.node(node.items))
            case Map():
                return replace(node, values=self.node(node.values))
            case Union():
                return Union(tuple(map(self.node, node.branches)))
            case Record() if id(node) not in self.records:
                made = self.records[id(node)] = replace(node, fields=())
                made.fields = tuple(self.field(node, field) for field in node.fields)
        return self.records.get(id(node), node)

    def field(self, record: Record, field: Field) -> Field:
        kind = self.node(field.type)
        if is_optional(field) or (field.default is ABSENT and "safecodec.default" not in field.attributes):
            return replace(field, type=kind)
        branches = kind.branches if isinstance(kind, Union) else (kind,)
        absent = Record(f"{record.name}_without_{field.name}", attributes={"safecodec.absent": True})
        attributes = {**field.attributes, "safecodec.optional": True}
        return replace(field, type=Union((absent, *branches)), default={}, attributes=attributes)


def _is_exact(node: Node) -> bool:
    """Tell whether msgspec refuses a record with more than the known fields, as a newer version may have."""
    attributes = node.attributes if isinstance(node, Record) else {}
    return "safecodec.forbid_unknown" in attributes or "safecodec.array_like" in attributes


def _typed(fmt: Format, type_: Any) -> Callable[[Any], Any]:
    """A type's own decoder.

    Raises:
        SchemaError: msgspec refuses the type, which Avro could hold.
    """
    try:
        return fmt.decoder(type_)
    except FAULTS as error:  # whatever msgspec stumbles over
        raise SchemaError(f"{fmt.name} cannot hold the type: {error}") from None


class _Retranscoder:
    """Reads a plain value, writes it as Avro of the writer's schema, and reads that by the pair's plan."""

    def __init__(self, fmt: Format, writer: Schema, reader: Schema) -> None:
        self.read = fmt.decoder(Any)
        self.parser = Parser(writer.root, writer.limits, texts_only=fmt.texts_only)
        self.plan = avro_decoder(writer, reader).decode

    def decode(self, payload: Any) -> Any:
        try:
            plain = self.read(payload)
        except (ValueError, TypeError) as error:  # of datetime, which msgspec calls for MessagePack's timestamps
            failure = verdict(error, self.read, bytes(payload))
            if failure is None:
                raise
            raise failure from error
        return self.plan(self.parser.avro(plain))
