"""Abstract types as Python source, executed; plain values as Python objects, and objects compared with plain values."""

from __future__ import annotations

import datetime
import decimal
import itertools
import math
import sys
import types
from typing import Any

import msgspec

import safecodec

from .plain import In, Items, Loose, Member, Pairs, Rec, same_leaf
from .types import Bounds, Field, Leaf, Map, Record, Ref, Seq, Space, Tuple, Type, Union, Values, Wrap, key_of

HEAD = """\
import dataclasses, datetime, decimal, enum, uuid
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, NotRequired, Optional, Required, TypedDict
from typing import TypeVar, Union
import attrs, msgspec
T = TypeVar("T")
"""
SAFECODEC = "import safecodec\n" if hasattr(safecodec, "Alias") else ""
NAMES = {
    "none": "None", "any": "Any", "date": "datetime.date", "time": "datetime.time", "timedelta": "datetime.timedelta",
    "datetime": "datetime.datetime", "decimal": "decimal.Decimal", "uuid": "uuid.UUID",
    "naive": "Annotated[datetime.datetime, msgspec.Meta(tz=False)]",
    "aware": "Annotated[datetime.datetime, msgspec.Meta(tz=True)]",
    "aware time": "Annotated[datetime.time, msgspec.Meta(tz=True)]",
}  # fmt: skip
NUMBERS = itertools.count()


class _Writer:
    """The source of a tree's classes, each before it is used, or in quotes where that cannot be."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.out: list[str] = []
        self.done: set[str] = set()

    def expression(self, type_: Type) -> str:
        match type_:
            case Leaf():
                return _bounded(NAMES.get(type_.kind, type_.kind), type_.bounds)
            case Values(style="Literal"):
                return f"Literal[{', '.join(map(repr, type_.values))}]"
            case Values():
                return self.enum(type_)
            case Seq(kind="tuple"):
                return _bounded(f"tuple[{self.expression(type_.item)}, ...]", type_.bounds)
            case Seq():
                return _bounded(f"{type_.kind}[{self.expression(type_.item)}]", type_.bounds)
            case Map():
                return _bounded(f"dict[{self.expression(type_.key)}, {self.expression(type_.value)}]", type_.bounds)
            case Tuple():
                return f"tuple[{', '.join(map(self.expression, type_.items)) or '()'}]"
            case Union():
                return f"Union[{', '.join(map(self.expression, type_.members))}]"
            case Wrap():
                inner = self.expression(type_.inner)
                if type_.name not in self.done:
                    self.done.add(type_.name)
                    self.out.append(f"{type_.name} = NewType({type_.name!r}, {inner})")
                return type_.name
            case Ref():
                return self.record(self.space.records[type_.id])
        return self.record(type_)

    def enum(self, type_: Values) -> str:
        if type_.id not in self.done:
            self.done.add(type_.id)
            bases = ", ".join(f"enum.{base}" if base.endswith("Enum") else base for base in type_.style.split(", "))
            members = [f"    M{at} = {value!r}" for at, value in enumerate(type_.values)]
            self.out.append("\n".join([f"class {type_.name}({bases}):", *members]))
        return type_.name

    def record(self, record: Record) -> str:
        if record.id not in self.done:
            if record.id in self.open:
                return repr(record.name)
            self.open.add(record.id)
            lines = [*_heads(record), *self.body(record)]
            self.out.append("\n".join(lines))
            self.open.discard(record.id)
            self.done.add(record.id)
        if record.generic and record.fields:
            return f"{record.name}[{self.expression(record.fields[0].type)}]"
        return record.name

    open: set[str]

    def body(self, record: Record) -> list[str]:
        lines = [f"    __safecodec_aliases__ = {record.aliases!r}"] if record.aliases and SAFECODEC else []
        for at, field in enumerate(record.fields):
            hint = self.expression(field.type)
            hint = "T" if record.generic and at == 0 else hint
            if SAFECODEC:
                for alias in field.aliases:
                    hint = f"Annotated[{hint}, safecodec.Alias({alias!r})]"
            lines.append(f"    {field.attr}: {_declared(record, field, hint, self.space)}")
        return lines or ["    pass"]


def _bounded(text: str, bounds: Bounds) -> str:
    said = ", ".join(f"{name}={bound!r}" for name, bound in bounds)
    return f"Annotated[{text}, msgspec.Meta({said})]" if bounds else text


def _heads(record: Record) -> list[str]:
    generic = ", Generic[T]" if record.generic and record.fields else ""
    flags = [f"{name}=True" for name in ("frozen", "kw_only", "order", "slots") if getattr(record, name)]
    match record.lib:
        case "struct":
            flags = [one for one in flags if one != "slots=True"]
            flags += [
                f"{name}={getattr(record, name)!r}" for name in ("tag", "tag_field", "rename") if _said(record, name)
            ]
            flags += ["omit_defaults=True"] * record.omit_defaults + ["array_like=True"] * record.array_like
            flags += ["forbid_unknown_fields=True"] * record.forbid_unknown + ["gc=False"] * (not record.gc)
            return [f"class {record.name}({', '.join(['msgspec.Struct' + generic, *flags])}):"]
        case "dataclass":
            return [f"@dataclasses.dataclass({', '.join(flags)})", f"class {record.name}({generic[2:]}):"]
        case "attrs":
            return [f"@attrs.define({', '.join(flags)})", f"class {record.name}({generic[2:]}):"]
        case "namedtuple":
            return [f"class {record.name}(NamedTuple):"]
    return [f"class {record.name}(TypedDict{generic}{'' if record.total else ', total=False'}):"]


def _said(record: Record, name: str) -> bool:
    return getattr(record, name) is not None and (name != "tag_field" or record.tag is not None)


def _declared(record: Record, field: Field, hint: str, space: Space) -> str:
    """A field behind its name."""
    if record.lib == "typeddict":
        if (field.presence == "required") == record.total:
            return hint
        return f"NotRequired[{hint}]" if record.total else f"Required[{hint}]"
    if record.lib == "namedtuple":
        return hint if field.presence == "required" else f"{hint} = {spelled(field.default, space)}"
    said: list[str] = []
    name = f"name={field.key!r}" if field.key is not None and record.lib == "struct" else ""
    if field.presence == "missing":
        hint = f"Union[{hint}, msgspec.UnsetType]"
        said = ["default=msgspec.UNSET"]
    elif field.presence == "default":
        said = [f"default={spelled(field.default, space)}"]
    elif field.presence == "factory":
        word = "factory" if record.lib == "attrs" else "default_factory"
        said = [f"{word}={_factory(field.default, space)}"]
    said += [name] if name else []
    said += ["init=False"] if not field.init and record.lib in ("dataclass", "attrs") else []
    if not said:
        return hint
    maker = {"struct": "msgspec.field", "dataclass": "dataclasses.field", "attrs": "attrs.field"}[record.lib]
    return f"{hint} = {maker}({', '.join(said)})"


def _factory(default: Any, space: Space) -> str:
    """A builtin where one makes it, as those are called when a schema is derived."""
    bare = default.value if isinstance(default, In) else default
    if isinstance(bare, Items) and not bare.items:
        return bare.kind
    if isinstance(bare, Pairs) and not bare.items:
        return "dict"
    return f"lambda: {spelled(default, space)}"


def spelled(value: Any, space: Space) -> str:
    """The source of a plain value."""
    match value:
        case In():
            return spelled(value.value, space)
        case Loose():
            return _leaf(value.value)
        case Member():
            return f"{space.enums[value.id].name}({value.value!r})"
        case Pairs():
            return "{" + ", ".join(f"{spelled(key, space)}: {spelled(one, space)}" for key, one in value.items) + "}"
        case Items():
            inner = ", ".join(spelled(one, space) for one in value.items)
            if value.kind == "tuple":
                return f"({inner},)" if value.items else "()"
            return f"[{inner}]" if value.kind == "list" else f"{value.kind}([{inner}])"
        case Rec():
            record = space.records[value.id]
            if record.lib == "typeddict":
                keys = {field.attr: key_of(record, field) for field in record.fields}
                return "{" + ", ".join(f"{keys[k]!r}: {spelled(v, space)}" for k, v in value.fields.items()) + "}"
            given = [field.attr for field in record.fields if field.attr in value.fields]
            return f"{record.name}({', '.join(f'{k}={spelled(value.fields[k], space)}' for k in given)})"
    return _leaf(value)


def _leaf(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"float({str(value)!r})"
    if isinstance(value, list):
        return f"[{', '.join(map(_leaf, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_leaf(key)}: {_leaf(one)}" for key, one in value.items()) + "}"
    text = repr(value)
    named = text.startswith(("Decimal", "UUID"))
    return f"{'decimal' if text.startswith('Decimal') else 'uuid'}.{text}" if named else text


class Realm:
    """An abstract type as a Python type.

    Args:
        space: The type.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        writer = _Writer(space)
        writer.open = set()
        expression = writer.expression(space.root)
        self.source = "\n\n".join([HEAD + SAFECODEC, *writer.out, f"Root = {expression}\n"])
        self.name = f"pairs_realm_{next(NUMBERS)}"
        module = types.ModuleType(self.name)
        sys.modules[self.name] = module
        exec(compile(self.source, self.name, "exec", dont_inherit=True), module.__dict__)
        names = vars(module)
        self.type: Any = names["Root"]
        self.classes: dict[str, Any] = {one.id: names[one.name] for one in space.records.values()}
        enums = [one for one in space.enums.values() if one.style != "Literal"]
        self.classes |= {one.id: names[one.name] for one in enums}

    def close(self) -> None:
        """Forget the module."""
        sys.modules.pop(self.name, None)

    def __enter__(self) -> Realm:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- objects -------------------------------------------------------------------------------------------------

    def make(self, value: Any) -> Any:
        """The Python object of a plain value."""
        match value:
            case In() | Loose():
                return self.make(value.value) if isinstance(value, In) else value.value
            case Member():
                return self.classes[value.id](value.value)
            case Pairs():
                return {self.make(key): self.make(one) for key, one in value.items}
            case Items():
                cls = {"list": list, "set": set, "frozenset": frozenset, "tuple": tuple}[value.kind]
                return cls([self.make(one) for one in value.items])
            case Rec():
                return self.make_record(value)
        return value

    def make_record(self, value: Rec) -> Any:
        record = self.space.records[value.id]
        fields = {name: self.make(one) for name, one in value.fields.items()}
        if record.lib == "typeddict":
            return {key_of(record, field): fields[field.attr] for field in record.fields if field.attr in fields}
        late = {field.attr for field in record.fields if not field.init and record.lib in ("dataclass", "attrs")}
        made = self.classes[record.id](**{name: one for name, one in fields.items() if name not in late})
        for name in late & fields.keys():
            object.__setattr__(made, name, fields[name])
        return made

    def agrees(self, value: Any, found: Any) -> bool:
        """Tell whether an object is the one of a plain value, type for type."""
        match value:
            case In():
                return self.agrees(value.value, found)
            case Loose():
                return same_leaf(value.value, found)
            case Member():
                return found is self.classes[value.id](value.value)
            case Pairs():
                return type(found) is dict and self._pairs_agree(value, found)
            case Items():
                return type(found).__name__ == value.kind and self._items_agree(value, found)
            case Rec():
                return self._record_agrees(value, found)
        return same_leaf(value, found)

    def difference(self, value: Any, found: Any) -> str:
        """Where an object is not the one of a plain value, in the words of their classes: for counting findings."""
        match value:
            case In():
                return self.difference(value.value, found)
            case Items() if type(found).__name__ == value.kind and len(found) == len(value.items):
                return self._first(list(zip(value.items, found, strict=True)), f"items of a {value.kind}")
            case Pairs() if type(found) is dict and len(found) == len(value.items):
                pairs = [
                    two
                    for one, item in zip(value.items, found.items(), strict=True)
                    for two in zip(one, item, strict=True)
                ]
                return self._first(pairs, "items of a dict")
            case Rec() if self.space.records[value.id].lib != "typeddict" and type(found) is self.classes[value.id]:
                names = [field.attr for field in self.space.records[value.id].fields]
                missing = [getattr(found, name, None) for name in names if name not in value.fields]
                wrong = [one for one in missing if one is not msgspec.UNSET]
                if wrong:
                    return f"missing, got {type(wrong[0]).__name__}"
                return self._first([(one, getattr(found, name)) for name, one in value.fields.items()], "a record")
        wanted = type(value.value if isinstance(value, Loose) else value).__name__
        given = "a record" if type(found) in self.classes.values() else type(found).__name__
        return f"{wanted}, got {'another' if wanted == given else given}"

    def _first(self, pairs: list[tuple[Any, Any]], name: str) -> str:
        wrong = [(one, item) for one, item in pairs if not self.agrees(one, item)]
        return self.difference(*wrong[0]) if wrong else name

    def _pairs_agree(self, value: Pairs, found: dict[Any, Any]) -> bool:
        return len(value.items) == len(found) and all(
            any(self.agrees(key, mine) and self.agrees(one, found[mine]) for mine in found) for key, one in value.items
        )

    def _items_agree(self, value: Items, found: Any) -> bool:
        wanted, given = list(value.items), list(found)
        if value.kind in ("set", "frozenset") or not value.ordered:  # a set keeps a NaN for each object that is one
            wanted, given = [one for one in wanted if not _is_nan(one)], [one for one in given if one == one]
        if len(wanted) != len(given):
            return False
        if value.ordered and value.kind in ("list", "tuple"):
            return all(map(self.agrees, wanted, given))
        for one in wanted:
            at = next((at for at, item in enumerate(given) if self._keeps(value, one, item)), None)
            if at is None:
                return False
            del given[at]
        return True

    def _keeps(self, items: Items, one: Any, item: Any) -> bool:
        """Of equal items of a set, such as both zeros, either is kept."""
        if items.kind in ("set", "frozenset") and isinstance(item, (int, float, decimal.Decimal)):
            return bool(self.make(one) == item)
        return self.agrees(one, item)

    def _record_agrees(self, value: Rec, found: Any) -> bool:
        record, cls = self.space.records[value.id], self.classes[value.id]
        if record.lib == "typeddict":
            keys = {key_of(record, field): field.attr for field in record.fields if field.attr in value.fields}
            same_keys = type(found) is dict and found.keys() == keys.keys()
            return same_keys and all(self.agrees(value.fields[attr], found[key]) for key, attr in keys.items())
        if type(found) is not cls:
            return False
        for field in record.fields:
            one = getattr(found, field.attr, NAMES)
            if field.attr not in value.fields:
                if one is not msgspec.UNSET:
                    return False
            elif not self.agrees(value.fields[field.attr], one):
                return False
        return True


def _is_nan(value: Any) -> bool:
    bare = value.value if isinstance(value, In) else value
    return isinstance(bare, (float, decimal.Decimal)) and math.isnan(bare)


__all__ = ["Realm", "datetime", "spelled"]
