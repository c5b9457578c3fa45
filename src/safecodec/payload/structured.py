"""The rules that MessagePack and JSON share: formats that name their fields, through msgspec.

Where Python types say all, msgspec's own encoder and decoder are handed out, bound, with nothing in between. Where a
version is an Avro schema, or the two sides of a pair differ in more than fields with equal meaning, a payload is
transcoded: its plain value is written as Avro and read by the compiled plan of the pair, see `transcode`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final, Protocol

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
from ._straight import CheckedDecoder, StraightEncoder
from .dicts import dict_type
from .numbers import Checks, finite_places, places_of
from .transcode import Parser, Printer, form
from .verdicts import verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from ..avro.schema import Schema

FLOATS = ("float", "double")
PROMOTED: Final = {(whole, number): Checks.WHOLE for whole in ("int", "long") for number in FLOATS} | {
    ("float", "double"): Checks.SINGLE
}
"""Promotions that msgspec makes without looking at the number, and the checks of the float that it returns."""


class Format(Protocol):
    """One of msgspec's formats."""

    name: str
    texts_only: bool
    """Whether bytes and keys are written as text."""

    def encoder(self) -> Any:
        """Return an encoder."""

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
        if not _is_absent(one):
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


def _straight(
    fmt: Format, writer: Schema, reader: Schema, action: Action, checked: Collection[int] = frozenset()
) -> bool:
    """Tell whether the reader's own decoder reads payloads of the writer as the pair's meaning demands.

    Args:
        fmt: The format.
        writer: The schema of the payloads.
        reader: The schema of the values.
        action: Both, resolved.
        checked: The ids of leaves of the action whose values are looked at afterwards.
    """
    if reader.type is None or _is_beyond_msgspec(reader):
        return False
    if writer.type is None and any(isinstance(node, Union) and _is_vague(node, fmt) for node in walk(writer.root)):
        return False  # a union's value need not be of the branch that msgspec takes
    return all(
        (id(step) in checked or _straight_step(step))
        and not (isinstance(step, TakeItems) and _drops_before_bounds(step, writer, reader))
        for step in actions(action)
    )


def _is_vague(node: Union, fmt: Format) -> bool:
    """Tell whether the kind of a plain value leaves open which branch of a union it is of.

    Records are told apart by their tags, see `_check_union`.
    """
    present = [one for one in node.branches if not _is_absent(one)]
    forms = [form(one, texts_only=fmt.texts_only) for one in present if not isinstance(one, Record)]
    return len(set(forms)) < len(forms) or "any" in forms or {"int", "float"} <= set(forms)


def _is_absent(node: Node) -> bool:
    """Tell whether a branch says that an optional field is missing."""
    return isinstance(node, Record) and "safecodec.absent" in node.attributes


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


def _promoted(reader: Schema, action: Action) -> dict[int, tuple[int, Checks]]:
    """Return what the floats are checked for that were written as other numbers, with their hints' ids, by steps' ids.

    There are none where a class's own code may have changed its fields when they are looked at.
    """
    hints = reader.hints
    if reader.type is None or any(map(_has_hook, every(hints[id(reader.root)]))):
        return {}
    found: dict[int, tuple[int, Checks]] = {}
    for one in actions(action):
        if isinstance(one, Take) and one.writer.logical is one.reader.logical is None:
            kinds = getattr(one.writer, "kind", "bytes"), getattr(one.reader, "kind", "bytes")
            if kinds in PROMOTED and id(one.reader) in hints:
                found[id(one)] = id(hints[id(one.reader)]), PROMOTED[kinds]
    return found


def _has_hook(hint: Hint) -> bool:
    return isinstance(hint, RecordHint) and (hint.kind == "attrs" or hasattr(class_of(hint), "__post_init__"))


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
    action = _resolved(writer, reader)
    return action is not None and all(_straight_step(step, blind=True) for step in actions(action))


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
    _typed(fmt, source.type)  # whatever msgspec does not read, it does not write either
    encode = _finite(fmt, source, _refuse_infinite)
    long = _long_decimal(writer)
    if long is None:
        return encode
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
        typed = dict_type(writer.root, writer.limits)
        self.looks = fmt.texts_only and typed is None
        self.plain: Callable[[bytes], Any]
        self.write: Callable[[Any], bytes]
        if typed is None:
            self.plain = Printer(writer.root, writer.limits, texts_only=fmt.texts_only).plain
            self.write = fmt.encoder().encode
        else:  # the plain value is that of Avro
            untyped = of_root(writer.root, writer.limits)
            self.plain = avro_decoder(untyped, untyped).decode
            self.write = _finite(fmt, typed, partial(_demand_finite, path="$"))

    def encode(self, value: Any) -> bytes:
        found = self.plain(self.to_avro(value))
        if self.looks:
            _demand_finite(found, "$")
        return self.write(found)


def _finite(fmt: Format, schema: Schema, refuse: Callable[[Any], None]) -> Callable[[Any], bytes]:
    """Return msgspec's encoder, which refuses what JSON has no form for.

    Args:
        fmt: The format.
        schema: That of the values, which has a type.
        refuse: Raises the error on such a value.
    """
    places = None
    if fmt.texts_only and any(_may_hold_float(node) for node in walk(schema.root)):
        places = partial(finite_places, schema.hints[id(schema.root)])
    return StraightEncoder(fmt.encoder(), places, refuse).encode


def _refuse_infinite(value: Any) -> None:
    """Refuse a value of a type in which a float was found that is not finite."""
    _demand_finite(msgspec.to_builtins(value), "$")
    raise EncodeError("a number that is not finite has no JSON form", path="$")  # it was there, and is there no more


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
    action: Action | None = resolve(writer, reader)
    resolving = cache(partial(_Retranscoder, fmt, writer, reader))
    typed = reader if reader.type is not None else dict_type(reader.root, reader.limits)
    if typed is not None and typed is not reader:
        action = _resolved(writer, typed)
    if typed is None or action is None:
        return resolving().decode
    if _straight(fmt, writer, typed, action):
        return _within(fmt, writer, typed)
    promoted = _promoted(typed, action)
    if not promoted or not _straight(fmt, writer, typed, action, promoted):
        return resolving().decode
    checks: dict[int, Checks] = defaultdict(lambda: Checks(0))
    for hint, check in promoted.values():
        checks[hint] |= check
    place = places_of(typed.hints[id(typed.root)], checks)
    return CheckedDecoder(_within(fmt, writer, typed), place, lambda payload: resolving().decode(payload)).decode


def _resolved(writer: Schema, reader: Schema) -> Action | None:
    try:
        return resolve(writer, reader)
    except IncompatibleSchemaError:
        return None


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
    if not any(map(_is_exact, walk(reader.root))) and _straight(fmt, reader, target, resolve(reader, target)):
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
        plain, error = attempt(self.read, payload)
        if error is not None:  # of datetime, too, which msgspec calls for MessagePack's timestamps
            raise verdict(error, self.read, bytes(payload)) or error
        return self.plan(self.parser.avro(plain))
