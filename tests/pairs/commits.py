"""Commits: what developers do to types between two versions, one change at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any, TypeAlias

import safecodec

from .generate import ATTRS, BOUNDS, HASHABLE, LEAVES, NUMBERS, TAGS, TEXTS, Generator, closed, settled, tidy
from .types import NONE, Field, Leaf, Map, Record, Ref, Seq, Tuple, Type, Union, Values, Wrap, key_of, put, sites

Commit: TypeAlias = Callable[[Generator, Any], "Type | None"]
"""Returns what stands in the place of a type, or None where there is nothing to change."""

KINDS: dict[str, tuple[tuple[type, ...], Commit]] = {}
"""Every kind of commit by its name, with the types that it is for."""
HAS_ALIASES = hasattr(safecodec, "Alias")


def _kind(name: str, *of: type) -> Callable[[Commit], Commit]:
    def note(commit: Commit) -> Commit:
        KINDS[name] = (of, commit)
        return commit

    return note


def apply(pick: Random, root: Type, kind: str) -> Type | None:
    """A tree after one commit of a kind at any of its places; None where there is no place for it."""
    of, commit = KINDS[kind]
    generator = Generator(pick, pick.randrange(1000, 1_000_000))  # for names that the tree has not
    places = [(path, one) for path, one in sites(root) if isinstance(one, of)]
    for path, one in pick.sample(places, len(places)):
        made = commit(generator, one)
        if made is not None and made != one:
            changed = put(root, path, made)
            if closed(changed):
                return settled(pick, changed)
    return None


def _with(record: Record, fields: list[Field]) -> Record:
    return tidy(replace(record, fields=tuple(fields)))


def _any_field(generator: Generator, record: Record, *presences: str) -> tuple[int, Field] | None:
    found = [(at, one) for at, one in enumerate(record.fields) if not presences or one.presence in presences]
    return generator.pick.choice(found) if found else None


def _changed(record: Record, at: int, field: Field) -> Record:
    fields = list(record.fields)
    fields[at] = field
    return _with(record, fields)


# ---- fields ------------------------------------------------------------------------------------------------------


def _adding(presence: str) -> Commit:
    def add(generator: Generator, record: Record) -> Type | None:
        taken = {field.attr for field in record.fields}
        free = [attr for attr in ATTRS if attr not in taken]
        if not free or (presence != "required" and record.lib == "namedtuple" and presence == "missing"):
            return None
        field = generator.field(record, generator.pick.choice(free), generator.type(2), presence)
        at = generator.pick.choice(
            (len(record.fields), len(record.fields), generator.pick.randint(0, len(record.fields)))
        )
        return _with(record, [*record.fields[:at], field, *record.fields[at:]])

    return add


for _presence in ("required", "default", "factory", "missing"):
    _kind(f"add a field: {_presence}", Record)(_adding(_presence))


@_kind("remove a required field", Record)
def _remove_required(generator: Generator, record: Record) -> Type | None:
    found = _any_field(generator, record, "required")
    return None if found is None else _with(record, [one for one in record.fields if one is not found[1]])


@_kind("remove a field with a default", Record)
def _remove_default(generator: Generator, record: Record) -> Type | None:
    found = _any_field(generator, record, "default", "factory", "missing")
    return None if found is None else _with(record, [one for one in record.fields if one is not found[1]])


@_kind("rename a field", Record)
def _rename_field(generator: Generator, record: Record) -> Type | None:
    found = _any_field(generator, record)
    return None if found is None else _changed(record, found[0], replace(found[1], attr=generator.name("field_")))


@_kind("rename an attribute, not its key", Record)
def _rename_attribute(generator: Generator, record: Record) -> Type | None:
    found = _any_field(generator, record)
    if found is None or record.lib != "struct":
        return None
    at, field = found
    return _changed(record, at, replace(field, attr=generator.name("field_"), key=key_of(record, field)))


@_kind("reorder fields", Record)
def _reorder_fields(generator: Generator, record: Record) -> Type | None:
    return _with(record, generator.pick.sample(record.fields, len(record.fields)))


@_kind("change a default", Record)
def _change_default(generator: Generator, record: Record) -> Type | None:
    found = _any_field(generator, record, "default", "factory")
    return None if found is None else _changed(record, found[0], replace(found[1], default=None))


def _presence_commit(name: str, before: tuple[str, ...], after: str) -> None:
    @_kind(name, Record)
    def change(generator: Generator, record: Record) -> Type | None:
        found = _any_field(generator, record, *before)
        return None if found is None else _changed(record, found[0], replace(found[1], presence=after, init=True))


_presence_commit("give a default", ("required",), "default")
_presence_commit("drop a default", ("default", "factory"), "required")
_presence_commit("let a field be missing", ("required",), "missing")
_presence_commit("default to missing", ("default", "factory"), "missing")
_presence_commit("missing to default", ("missing",), "default")
_presence_commit("require a field that may be missing", ("missing",), "required")


@_kind("NotRequired[T] to NotRequired[T | None]", Record)
def _missing_optional(generator: Generator, record: Record) -> Type | None:
    found = _any_field(generator, record, "missing")
    if found is None:
        return None
    return _changed(record, found[0], replace(found[1], type=generator.optional(found[1].type)))


@_kind("toggle init=False", Record)
def _toggle_init(generator: Generator, record: Record) -> Type | None:
    found = _any_field(generator, record, "default", "factory")
    if found is None or record.lib != "dataclass":
        return None
    return _changed(record, found[0], replace(found[1], init=not found[1].init))


# ---- records -----------------------------------------------------------------------------------------------------


@_kind("rename a class", Record)
def _rename_class(generator: Generator, record: Record) -> Type | None:
    return replace(record, name=generator.name("Renamed"))


def _tag_of(generator: Generator, record: Record) -> Any:
    return generator.pick.choice([one for one in (*TAGS, 7) if one != record.tag])


@_kind("change a tag", Record)
def _change_tag(generator: Generator, record: Record) -> Type | None:
    return None if record.tag is None else replace(record, tag=_tag_of(generator, record))


@_kind("add a tag", Record)
def _add_tag(generator: Generator, record: Record) -> Type | None:
    return replace(record, tag=_tag_of(generator, record)) if record.tag is None and record.lib == "struct" else None


@_kind("remove a tag", Record)
def _remove_tag(_: Generator, record: Record) -> Type | None:
    return replace(record, tag=None, tag_field=None)


@_kind("change the tag's field", Record)
def _change_tag_field(_: Generator, record: Record) -> Type | None:
    return None if record.tag is None else replace(record, tag_field="sort" if record.tag_field is None else None)


def _toggling(option: str, *libs: str) -> None:
    @_kind(f"toggle {option}", Record)
    def toggle(_: Generator, record: Record) -> Type | None:
        turned: dict[str, Any] = {option: not getattr(record, option)}
        return tidy(replace(record, **turned)) if record.lib in libs else None


for _option in ("omit_defaults", "forbid_unknown", "array_like", "gc"):
    _toggling(_option, "struct")
_toggling("frozen", "struct", "dataclass", "attrs")
_toggling("kw_only", "struct", "dataclass", "attrs")
_toggling("slots", "dataclass", "attrs")


@_kind("change rename=", Record)
def _change_rename(generator: Generator, record: Record) -> Type | None:
    options = [one for one in (None, "camel", "pascal", "upper") if one != record.rename]
    return replace(record, rename=generator.pick.choice(options)) if record.lib == "struct" else None


@_kind("change the library", Record)
def _change_library(generator: Generator, record: Record) -> Type | None:
    libs = [one for one in ("struct", "dataclass", "attrs", "namedtuple", "typeddict") if one != record.lib]
    return tidy(replace(record, lib=generator.pick.choice(libs)))


@_kind("make a class generic, or not", Record)
def _toggle_generic(_: Generator, record: Record) -> Type | None:
    inside = any(isinstance(one, Ref) for _, one in sites(record))
    if record.lib == "namedtuple" or not record.fields or (inside and not record.generic):
        return None
    return replace(record, generic=not record.generic)


@_kind("change what a generic class is made for", Record)
def _change_parameter(generator: Generator, record: Record) -> Type | None:
    if not record.generic:
        return None
    return _changed(record, 0, replace(record.fields[0], type=generator.leaf()))


# ---- aliases -----------------------------------------------------------------------------------------------------

if HAS_ALIASES:

    @_kind("rename a field with an alias", Record)
    def _alias_field(generator: Generator, record: Record) -> Type | None:
        found = _any_field(generator, record)
        if found is None:
            return None
        at, field = found
        aliases = (*field.aliases, key_of(record, field))
        return _changed(record, at, replace(field, attr=generator.name("field_"), key=None, aliases=aliases))

    @_kind("rename a class with an alias", Record)
    def _alias_class(generator: Generator, record: Record) -> Type | None:
        return replace(record, name=generator.name("Renamed"), aliases=(*record.aliases, record.name))

    @_kind("change a tag with an alias", Record)
    def _alias_tag(generator: Generator, record: Record) -> Type | None:
        if not isinstance(record.tag, str):
            return None
        return replace(record, tag=generator.name("tag"), aliases=(*record.aliases, record.tag))


# ---- leaves ------------------------------------------------------------------------------------------------------


def _promoting(before: str, after: str) -> None:
    @_kind(f"{before} to {after}", Leaf)
    def promote(_: Generator, leaf: Leaf) -> Type | None:
        return Leaf(after) if leaf.kind == before else None


for _before, _after in (
    ("int", "float"), ("float", "int"), ("str", "bytes"), ("bytes", "str"), ("naive", "aware"), ("aware", "naive"),
    ("datetime", "aware"), ("datetime", "naive"), ("aware", "datetime"), ("time", "aware time"), ("decimal", "str"),
    ("decimal", "float"), ("int", "decimal"), ("bool", "int"), ("int", "bool"), ("date", "datetime"), ("str", "date"),
    ("uuid", "str"), ("timedelta", "float"), ("any", "str"), ("int", "str"),
):  # fmt: skip
    _promoting(_before, _after)


@_kind("change a leaf to another", Leaf)
def _change_leaf(generator: Generator, leaf: Leaf) -> Type | None:
    return None if leaf == NONE else generator.leaf(tuple(one for one in LEAVES if one != leaf.kind))


@_kind("change a type to Any", Leaf, Seq, Map, Tuple, Values, Record)
def _change_to_any(_: Generator, type_: Type) -> Type | None:
    return None if type_ == NONE else Leaf("any")


@_kind("change a type to any other", Leaf, Seq, Map, Tuple, Values, Union)
def _change_type(generator: Generator, type_: Type) -> Type | None:
    return None if type_ == NONE else generator.type(2)


def _bounds_of(type_: Any) -> tuple[Any, ...]:
    return BOUNDS.get(type_.kind if isinstance(type_, Leaf) else "map" if isinstance(type_, Map) else "seq", ())


@_kind("add bounds", Leaf, Seq, Map)
def _add_bounds(generator: Generator, type_: Leaf | Seq | Map) -> Type | None:
    options = _bounds_of(type_)
    return replace(type_, bounds=generator.pick.choice(options)) if options and not type_.bounds else None


@_kind("remove bounds", Leaf, Seq, Map)
def _remove_bounds(_: Generator, type_: Leaf | Seq | Map) -> Type | None:
    return replace(type_, bounds=())


@_kind("change bounds", Leaf, Seq, Map)
def _change_bounds(generator: Generator, type_: Leaf | Seq | Map) -> Type | None:
    return replace(type_, bounds=generator.pick.choice(_bounds_of(type_))) if type_.bounds else None


@_kind("wrap in a NewType", Leaf, Values)
def _wrap(generator: Generator, type_: Type) -> Type | None:
    return None if type_ == NONE else Wrap(generator.name("Id"), type_)


@_kind("unwrap a NewType", Wrap)
def _unwrap(_: Generator, wrap: Wrap) -> Type | None:
    return wrap.inner


# ---- enums -------------------------------------------------------------------------------------------------------


@_kind("add a value to an enum", Values)
def _add_value(generator: Generator, values: Values) -> Type | None:
    pool: tuple[Any, ...] = TEXTS if isinstance(values.values[0], str) else NUMBERS
    free = [one for one in pool if one not in values.values]
    if not free:
        return None
    at = generator.pick.randint(0, len(values.values))
    return replace(values, values=(*values.values[:at], generator.pick.choice(free), *values.values[at:]))


@_kind("remove a value from an enum", Values)
def _remove_value(generator: Generator, values: Values) -> Type | None:
    if len(values.values) < 2:
        return None
    gone = generator.pick.choice(values.values)
    return replace(values, values=tuple(one for one in values.values if one != gone))


@_kind("reorder an enum", Values)
def _reorder_values(generator: Generator, values: Values) -> Type | None:
    return replace(values, values=tuple(generator.pick.sample(values.values, len(values.values))))


@_kind("change an enum's class", Values)
def _change_style(generator: Generator, values: Values) -> Type | None:
    mine = ("StrEnum", "str, Enum") if isinstance(values.values[0], str) else ("IntEnum", "int, Enum")
    return replace(values, style=generator.pick.choice(("Literal", "Enum", *mine)), name=generator.name("Kind"))


@_kind("enum to its values' type", Values)
def _enum_to_leaf(_: Generator, values: Values) -> Type | None:
    return Leaf("str" if isinstance(values.values[0], str) else "int")


# ---- unions ------------------------------------------------------------------------------------------------------


@_kind("make optional", Leaf, Values, Seq, Map, Tuple, Record, Wrap)
def _make_optional(generator: Generator, type_: Type) -> Type | None:
    return generator.optional(type_)


@_kind("remove None", Union)
def _remove_none(_: Generator, union: Union) -> Type | None:
    return Union(rest) if (rest := tuple(one for one in union.members if one != NONE)) else None


@_kind("reorder a union", Union)
def _reorder_union(generator: Generator, union: Union) -> Type | None:
    return Union(tuple(generator.pick.sample(union.members, len(union.members))))


@_kind("add a member to a union", Union)
def _add_member(generator: Generator, union: Union) -> Type | None:
    tagged = [one for one in union.members if isinstance(one, Record) and one.tag is not None]
    if tagged:
        free = [one for one in TAGS if one not in [mine.tag for mine in tagged]]
        if not free or not isinstance(tagged[0].tag, str):
            return None
        like = tagged[0]
        new: Type = replace(
            generator.record(2, lib="struct", arrays=False),
            tag=generator.pick.choice(free), tag_field=like.tag_field, array_like=like.array_like,
        )  # fmt: skip
    else:
        kinds = [one.kind for one in union.members if isinstance(one, Leaf)]
        new = Leaf(
            generator.pick.choice([one for one in ("none", "bool", "int", "float", "str", "bytes") if one not in kinds])
        )
    at = generator.pick.randint(0, len(union.members))
    return Union((*union.members[:at], new, *union.members[at:]))


@_kind("remove a member from a union", Union)
def _remove_member(generator: Generator, union: Union) -> Type | None:
    at = generator.pick.randrange(len(union.members))
    rest = union.members[:at] + union.members[at + 1 :]
    return Union(rest) if rest else None


@_kind("make a union of a record", Record)
def _make_union(generator: Generator, record: Record) -> Type | None:
    if record.lib != "struct":
        return None
    mine = record if record.tag is not None else replace(record, tag=generator.pick.choice((record.name, "created")))
    free = generator.pick.choice([one for one in TAGS if one != mine.tag]) if isinstance(mine.tag, str) else 99
    other = replace(
        generator.record(2, lib="struct", arrays=False), tag=free, tag_field=mine.tag_field, array_like=mine.array_like
    )
    members = (mine, other) if generator.pick.random() < 0.5 else (other, mine)
    return Union(members)


# ---- containers --------------------------------------------------------------------------------------------------


@_kind("list to set, tuple or list", Seq)
def _change_sequence(generator: Generator, seq: Seq) -> Type | None:
    hashable = isinstance(seq.item, Leaf) and seq.item.kind in HASHABLE
    kinds = [one for one in ("list", "tuple", "set", "frozenset") if one != seq.kind and (hashable or "set" not in one)]
    return replace(seq, kind=generator.pick.choice(kinds)) if kinds else None


@_kind("list to dict", Seq)
def _sequence_to_map(_: Generator, seq: Seq) -> Type | None:
    return Map(Leaf("str"), seq.item)


@_kind("list to a tuple of two", Seq)
def _sequence_to_tuple(_: Generator, seq: Seq) -> Type | None:
    return None if isinstance(seq.item, (Record, Values, Union, Seq, Map, Tuple)) else Tuple((seq.item, seq.item))


@_kind("change the type of keys", Map)
def _change_keys(generator: Generator, map_: Map) -> Type | None:
    return replace(map_, key=generator.pick.choice((Leaf("str"), Leaf("int"), Leaf("float"), generator.hashable(3))))


@_kind("change the type of items", Seq, Map)
def _change_items(generator: Generator, type_: Seq | Map) -> Type | None:
    if isinstance(type_, Seq):
        return replace(type_, item=Leaf(generator.pick.choice(HASHABLE)))
    return replace(type_, value=generator.type(3))


@_kind("dict to a record", Map)
def _map_to_record(generator: Generator, _: Map) -> Type | None:
    return generator.record(2, arrays=False)


@_kind("lengthen a tuple", Tuple)
def _lengthen(generator: Generator, type_: Tuple) -> Type | None:
    at = generator.pick.randint(0, len(type_.items))
    return Tuple((*type_.items[:at], generator.leaf(), *type_.items[at:]))


@_kind("shorten a tuple", Tuple)
def _shorten(_: Generator, type_: Tuple) -> Type | None:
    return Tuple(type_.items[:-1]) if len(type_.items) > 1 else None


@_kind("change an item of a tuple", Tuple)
def _change_item(generator: Generator, type_: Tuple) -> Type | None:
    at = generator.pick.randrange(len(type_.items))
    return Tuple((*type_.items[:at], generator.leaf(), *type_.items[at + 1 :]))


@_kind("change a record to another", Record)
def _change_record(generator: Generator, _: Record) -> Type | None:
    return generator.record(2)
