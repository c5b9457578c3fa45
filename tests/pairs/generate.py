"""Abstract types, generated: mostly such as a Codec takes, as it does not hold two look-alikes in one union."""

from __future__ import annotations

import itertools
from dataclasses import replace
from random import Random
from typing import Any

from .plain import In, Items, Loose, Pairs, Rec, holds
from .types import (
    HAS_OPTIONS,
    NONE,
    Bounds,
    Field,
    Leaf,
    Map,
    Record,
    Ref,
    Seq,
    Space,
    Tuple,
    Type,
    Union,
    Values,
    Wrap,
    key_of,
    parts,
    rebuilt,
    sites,
)
from .values import Maker

ATTRS = ("plan", "count", "user_id", "note_text", "when_made", "kids", "extra", "total_sum", "flag", "data")
TEXTS = ("free", "pro", "max", "trial", "two words", "", "é", "1")
NUMBERS = (1, 2, 3, 10, -1, 0)
TAGS = ("created", "deleted", "moved", "x")
LIBS = ("struct", "struct", "struct", "struct", "dataclass", "dataclass", "attrs", "namedtuple", "typeddict")
LEAVES = (
    "int", "int", "int", "float", "float", "str", "str", "str", "bool", "bytes", "date", "time", "aware time", "naive",
    "aware", "datetime", "timedelta", "decimal", "uuid", "any",
)  # fmt: skip
HASHABLE = ("int", "str", "bool", "float", "date", "uuid", "bytes", "decimal")
TEXTUAL = ("str", "bytes", "date", "time", "aware time", "naive", "aware", "datetime", "timedelta", "decimal", "uuid")
"""Leaves that MessagePack or JSON write as text or bytes: a union has one of them."""
BOUNDS: dict[str, tuple[Bounds, ...]] = {
    "int": ((("ge", 0),), (("le", 100),), (("gt", -5), ("lt", 50)), (("multiple_of", 2),)),
    "float": ((("le", 100.0),), (("lt", 1e16),)),
    "str": (
        (("min_length", 1),),
        (("max_length", 3),),
        (("pattern", "^[a-z]*$"),),
        (("min_length", 1), ("max_length", 4)),
    ),
    "bytes": ((("min_length", 1),), (("max_length", 3),)),
    "seq": ((("min_length", 1),), (("max_length", 2),)),
    "map": ((("max_length", 2),),),
}


class Generator:
    """Makes types.

    Args:
        pick: Makes the choices.
        first: The number in the first name.
    """

    def __init__(self, pick: Random, first: int = 0) -> None:
        self.pick = pick
        self.numbers = itertools.count(first)

    def name(self, stem: str) -> str:
        """A name that no other has."""
        return f"{stem}{next(self.numbers)}"

    def root(self) -> Type:
        """A type, mostly a record."""
        chance = self.pick.random()
        if chance < 0.82:
            return self.record(0)
        return self.tagged(0) if chance < 0.92 else self.type(1)

    def type(self, depth: int, inside: tuple[Record, ...] = ()) -> Type:
        """A type of any kind; inside: the records that it stands in, which it may hold."""
        chance = self.pick.random()
        if depth > 3 or chance < 0.38:
            return self.leaf()
        if chance < 0.44:
            return self.values()
        if chance < 0.56:
            return self.optional(self.type(depth + 1, inside))
        if chance < 0.66:
            return self.sequence(depth, inside)
        if chance < 0.74:
            return self.map(depth, inside)
        if chance < 0.78:
            return Tuple(tuple(self.type(depth + 1, inside) for _ in range(self.pick.choice((1, 2, 2, 3)))))
        if chance < 0.84:
            return self.union(depth, inside)
        if chance < 0.87:
            return self.tagged(depth)
        if chance < 0.90 and inside:
            ref = Ref(self.pick.choice(inside).id)
            return self.pick.choice((self.optional(ref), Seq("list", ref), Map(Leaf("str"), ref)))
        if chance < 0.93:
            return Wrap(self.name("Id"), self.leaf())
        return self.record(depth + 1, inside)

    def leaf(self, kinds: tuple[str, ...] = LEAVES) -> Leaf:
        """A leaf, now and then with bounds."""
        kind = self.pick.choice(kinds)
        bounded = kind in BOUNDS and self.pick.random() < 0.12
        return Leaf(kind, self.pick.choice(BOUNDS[kind]) if bounded else ())

    def values(self, of: Any = None) -> Values:
        """An enum or a Literal."""
        of = self.pick.choice((str, str, int)) if of is None else of
        pool: tuple[Any, ...] = TEXTS if of is str else NUMBERS
        pool = pool[:4] if of is str and self.pick.random() < 0.6 else pool  # names that Avro has
        values = tuple(self.pick.sample(pool, self.pick.choice((1, 2, 2, 3, 3))))
        mine = ("Enum", "StrEnum", "str, Enum") if of is str else ("Enum", "IntEnum", "int, Enum")
        style = self.pick.choice(("Literal", "Literal", *mine))
        return Values(self.name("enum"), values, style, self.name("Kind"))

    def optional(self, inner: Type) -> Type:
        """A type or None, in either order; Any has None already."""
        if inner in (NONE, Leaf("any")):
            return inner
        return Union(self.pick.choice(((inner, NONE), (NONE, inner))))

    def hashable(self, depth: int) -> Type:
        """A type of keys and of items of sets."""
        chance = self.pick.random()
        if chance < 0.8 or depth > 3:
            return Leaf(self.pick.choice(HASHABLE))
        return self.values() if chance < 0.92 else Tuple((Leaf("int"), Leaf("str")))

    def sequence(self, depth: int, inside: tuple[Record, ...]) -> Seq:
        """A list, set, frozenset or tuple of one type."""
        kind = self.pick.choice(("list", "list", "list", "tuple", "set", "frozenset"))
        item = self.hashable(depth) if kind.endswith("set") else self.type(depth + 1, inside)
        return Seq(kind, item, self.pick.choice(BOUNDS["seq"]) if self.pick.random() < 0.1 else ())

    def map(self, depth: int, inside: tuple[Record, ...]) -> Map:
        """A dict, whose keys are mostly texts or numbers."""
        chance = self.pick.random()
        key: Type = Leaf("str") if chance < 0.55 else Leaf("int") if chance < 0.8 else self.hashable(depth)
        bounds = self.pick.choice(BOUNDS["map"]) if self.pick.random() < 0.1 else ()
        return Map(key, self.type(depth + 1, inside), bounds)

    def union(self, depth: int, inside: tuple[Record, ...]) -> Union:
        """Members that are written differently: one of a kind."""
        members: list[Type] = []
        for kind, chance in (("none", 0.4), ("bool", 0.25), ("float", 0.4)):
            if self.pick.random() < chance:
                members.append(Leaf(kind))
        if self.pick.random() < 0.6:
            members.append(self.pick.choice((Leaf("int"), Leaf("int"), self.values(int))))
        if self.pick.random() < 0.6:
            members.append(self.pick.choice((Leaf("str"), Leaf(self.pick.choice(TEXTUAL)), self.values(str))))
        if self.pick.random() < 0.3:
            pair = Tuple((Leaf("int"), self.type(depth + 1, inside)))
            members.append(self.pick.choice((self.sequence(depth, inside), pair)))
        if self.pick.random() < 0.35:
            members.append(self.pick.choice((self.map(depth, inside), self.record(depth + 1, inside, arrays=False))))
        while len(members) < 2:
            members = [Leaf("int"), NONE] if not members else [*members, NONE if NONE not in members else Leaf("int")]
        self.pick.shuffle(members)
        return Union(tuple(members))

    def tagged(self, depth: int) -> Union:
        """Structs that tags tell apart."""
        array_like = self.pick.random() < 0.2
        field = self.pick.choice((None, None, "kind"))
        tags: list[Any] = self.pick.sample(TAGS, self.pick.choice((2, 2, 3)))
        if self.pick.random() < 0.15:
            tags = list(range(len(tags)))
        members: list[Type] = []
        for tag in tags:
            one = self.record(depth + 1, lib="struct", arrays=False)
            members.append(replace(one, tag=tag, tag_field=field, array_like=array_like))
        return Union((*members, NONE) if self.pick.random() < 0.25 else tuple(members))

    def record(self, depth: int, inside: tuple[Record, ...] = (), *, lib: str = "", arrays: bool = True) -> Record:
        """A class with fields and options."""
        lib = lib or self.pick.choice(LIBS if arrays else tuple(one for one in LIBS if one != "namedtuple"))
        record = Record(self.name("record"), self.name("Event"), lib, ())
        record = self.options(record, arrays=arrays)
        count = self.pick.choice((0, 1, 1, 2, 2, 3, 4) if depth else (1, 2, 2, 3, 3, 4, 5))
        attrs = self.pick.sample(ATTRS, count)
        fields = [self.field(record, attr, self.type(depth + 1, (*inside, record))) for attr in attrs]
        record = replace(record, fields=tuple(fields))
        holds_itself = any(isinstance(one, Ref) for _, one in sites(record))
        if record.fields and not holds_itself and lib != "namedtuple" and self.pick.random() < 0.08:
            record = replace(record, generic=True)
        return tidy(record)

    def options(self, record: Record, *, arrays: bool = True) -> Record:
        """A record with options, most of them unlikely."""

        def often(chance: float) -> bool:
            return self.pick.random() < chance

        record = replace(record, kw_only=often(0.15), frozen=often(0.15), slots=often(0.2), total=often(0.7))
        if record.lib != "struct":
            return record
        record = replace(record, omit_defaults=often(0.3), forbid_unknown=often(0.15), array_like=arrays and often(0.2))
        record = replace(record, rename=self.pick.choice(("camel", "pascal", "upper")) if often(0.1) else None)
        if often(0.12):
            record = replace(record, tag=self.pick.choice((*TAGS, 7)), tag_field="kind" if often(0.3) else None)
        return replace(record, gc=not often(0.05), order=often(0.05))

    def field(self, record: Record, attr: str, type_: Type, presence: str = "") -> Field:
        """A field of a record that is being made."""
        chance = self.pick.random()
        presence = presence or ("required" if chance < 0.5 else "default" if chance < 0.8 else "missing")
        key = self.name("key") if record.lib == "struct" and self.pick.random() < 0.05 else None
        init = not (record.lib == "dataclass" and presence == "default" and self.pick.random() < 0.15)
        return Field(attr, type_, presence, key=key, init=init)


def simple(value: Any) -> bool:
    """Tell whether a plain value may stand as a default: nothing that its class lets change."""
    match value:
        case In():
            return simple(value.value)
        case Items():
            return value.kind in ("tuple", "frozenset") and all(map(simple, value.items))
        case Loose():
            return not isinstance(value.value, (list, dict))
    return not isinstance(value, (Pairs, Rec))


def tidy(record: Record) -> Record:
    """A record with what its library has words for, in an order that it allows."""
    lib = record.lib
    if lib != "struct":
        record = replace(record, **{name: getattr(Record("", "", "", ()), name) for name in HAS_OPTIONS})
    if lib in ("namedtuple", "typeddict"):
        record = replace(
            record, kw_only=False, frozen=False, slots=False, generic=record.generic and lib != "namedtuple"
        )
    record = replace(record, gc=record.gc or lib != "struct", total=record.total or lib != "typeddict")
    fields = [_tidy_field(lib, field) for field in record.fields]
    optional = [field.presence != "required" for field in fields]
    if lib == "namedtuple":
        fields.sort(key=lambda field: field.presence != "required")
    elif lib != "typeddict" and optional != sorted(optional):
        record = replace(record, kw_only=True)
    return replace(record, fields=tuple(fields), generic=record.generic and bool(fields))


def _tidy_field(lib: str, field: Field) -> Field:
    presence = field.presence
    if lib == "typeddict":
        presence = "required" if presence == "required" else "missing"
    if lib == "namedtuple":
        presence = "required" if presence in ("missing", "factory") else presence
    key = field.key if lib == "struct" else None
    init = field.init or lib != "dataclass" or presence not in ("default", "factory")
    return Field(field.attr, field.type, presence, field.default, key, field.aliases, init)


def settled(pick: Random, root: Type) -> Type:
    """A tree in which every default is a value of its field's type; a factory makes what may be changed."""
    for _ in range(12):  # a default may hold a record, whose fields have defaults
        space = Space(root)
        root = _settled(pick, space, root)
        if _is_settled(Space(root)):
            return root
    return _without_defaults(Space(root), root)


def _settled(pick: Random, space: Space, type_: Type) -> Type:
    type_ = rebuilt(type_, tuple(_settled(pick, space, part) for part in parts(type_)))
    if not isinstance(type_, Record):
        return type_
    return tidy(replace(type_, fields=tuple(_settled_field(pick, space, type_, field) for field in type_.fields)))


def _settled_field(pick: Random, space: Space, record: Record, field: Field) -> Field:
    if field.presence not in ("default", "factory"):
        return replace(field, default=None)
    default = field.default
    if default is None or not holds(space, field.type, default):
        default = Maker(pick, space).make(field.type, 3)
    presence = "default" if simple(default) else "factory"
    if (record.lib == "namedtuple" and presence == "factory") or not _has_source(space, default):
        return replace(field, presence="required", default=None, init=True)
    return replace(field, presence=presence, default=default)


def _without_defaults(space: Space, type_: Type) -> Type:
    """A tree without the defaults that are no values of their fields' types, as those types hold one another."""
    type_ = rebuilt(type_, tuple(_without_defaults(space, part) for part in parts(type_)))
    if not isinstance(type_, Record):
        return type_
    fields = [
        replace(field, presence="required", default=None, init=True)
        if field.presence in ("default", "factory") and not holds(space, field.type, field.default)
        else field
        for field in type_.fields
    ]
    return tidy(replace(type_, fields=tuple(fields)))


def _has_source(space: Space, value: Any) -> bool:
    """Tell whether one expression makes a value: not where a constructor does not take a field."""
    match value:
        case In():
            return _has_source(space, value.value)
        case Items():
            return all(_has_source(space, one) for one in value.items)
        case Pairs():
            return all(_has_source(space, one) for pair in value.items for one in pair)
        case Rec():
            record = space.records.get(value.id)  # none where a commit has taken it out of the type
            takes_all = record is not None and all(field.init for field in record.fields)
            return takes_all and all(_has_source(space, one) for one in value.fields.values())
    return True


def _is_settled(space: Space) -> bool:
    fields = [field for record in space.records.values() for field in record.fields]
    return all(holds(space, field.type, field.default) for field in fields if field.presence in ("default", "factory"))


def closed(root: Type) -> bool:
    """Tell whether every reference has its record, every id and name is one record's, and values come to an end."""
    records = [one for _, one in sites(root) if isinstance(one, Record)]
    ids, names = {one.id for one in records}, {one.name for one in records}
    refs = {one.id for _, one in sites(root) if isinstance(one, Ref)}
    if not len(ids) == len(names) == len(records) or not refs <= ids or not _ends(space := Space(root)):
        return False
    keys = [[key_of(record, field) for field in record.fields] for record in records]
    attrs = [[field.attr for field in record.fields] for record in records]
    unique = all(len(set(some)) == len(some) for some in (*keys, *attrs))
    hashed = [parts(one)[0] for _, one in sites(root) if _is_hashed(one)]
    unions = [
        [space.normal(member) for member in space.members(one)] for _, one in sites(root) if isinstance(one, Union)
    ]
    if any(Leaf("any") in members and set(map(repr, members)) - {repr(Leaf("any")), repr(NONE)} for members in unions):
        return False  # refused: Any takes the values of whatever stands beside it
    leaves = [[member.kind for member in members if isinstance(member, Leaf)] for members in unions]
    if any(len(set(kinds)) < len(kinds) for kinds in leaves):
        return False  # refused: one type twice, with other bounds
    return unique and all(_is_hashable(space, one) for one in hashed)


def _is_hashed(type_: Type) -> bool:
    return isinstance(type_, Map) or (isinstance(type_, Seq) and type_.kind in ("set", "frozenset"))


def _is_hashable(space: Space, type_: Type) -> bool:
    """Tell whether a type's values may be keys, and items of sets."""
    normal = space.normal(type_)
    if isinstance(normal, (Leaf, Values)):
        return normal != Leaf("any")
    if isinstance(normal, Seq) and normal.kind not in ("tuple", "frozenset"):
        return False
    return not isinstance(normal, (Map, Record)) and all(_is_hashable(space, one) for one in parts(normal))


def _ends(space: Space) -> bool:
    """Tell whether every type has a value: none that holds itself has to."""
    known: set[str] = set()
    while True:
        more = {
            one.id
            for one in space.records.values()
            if all(field.presence == "missing" or _has_value(field.type, known) for field in one.fields)
        }
        if more == known:
            return len(known) == len(space.records)
        known = more


def _has_value(type_: Type, known: set[str]) -> bool:
    match type_:
        case Seq():
            return not any(name == "min_length" for name, _ in type_.bounds) or _has_value(type_.item, known)
        case Map():
            return True
        case Union():
            return any(_has_value(one, known) for one in type_.members)
        case Record() | Ref():
            return type_.id in known
    return all(_has_value(one, known) for one in parts(type_))
