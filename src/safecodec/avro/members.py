"""The fields of a class, whatever library made it: in the order in which msgspec has them, with resolved annotations.

No library is imported for it. A class that msgspec or attrs made says so in its attributes, and then they are loaded.
"""

from __future__ import annotations

import dataclasses
import sys
import types
from dataclasses import dataclass
from inspect import get_annotations
from typing import Annotated, Any, Final, Generic, Protocol, TypeVar, Union, get_args, get_origin, get_type_hints

from .alias import Alias
from .pydantic_models import is_model, model_members


class _NoDefault:
    """The type of `NO_DEFAULT`."""

    def __repr__(self) -> str:
        return "NO_DEFAULT"


NO_DEFAULT: Final = _NoDefault()
"""Stands where a field has no default (None is one)."""


@dataclass(slots=True, eq=False)
class Member:
    """A field as its class has it; `hints.RecordField` is the same with its type looked into."""

    name: str
    annotation: Any
    key: str
    required: bool = True
    default: Any = NO_DEFAULT
    factory: Any = NO_DEFAULT
    keyword_only: bool = False
    init: bool = True
    argument: str = ""
    aliases: tuple[str, ...] = ()


def aliases_of(cls: type) -> tuple[str, ...]:
    """Return the tags or names that older versions of a class have.

    Raises:
        TypeError: They are no tuple of str.
    """
    found = vars(cls).get("__safecodec_aliases__", ())
    if not isinstance(found, tuple) or not all(isinstance(one, str) for one in found):
        raise TypeError(f"__safecodec_aliases__ of {cls.__qualname__} is a tuple of str, not {found!r}")
    return found


def kind_of(cls: type) -> str:
    """Return what made a class with fields, as `RecordHint.kind` has it; no text where it is none."""
    if hasattr(cls, "__struct_config__"):
        return "struct"
    if is_model(cls):
        return "pydantic"
    if issubclass(cls, dict) and hasattr(cls, "__total__"):
        return "typeddict"
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return "namedtuple"
    if hasattr(cls, "__dataclass_fields__"):
        return "dataclass"
    return "attrs" if hasattr(cls, "__attrs_attrs__") else ""


def members_of(type_: Any) -> list[Member]:
    """Return the fields of a class or of a generic alias of one.

    Raises:
        TypeError: A field is of no use outside of the class's own code.
        NameError: An annotation names what is not there.
    """
    cls = get_origin(type_) or type_
    members: list[Member] = READERS[kind_of(cls)](type_, cls)
    for member in members:
        member.argument = member.argument or member.name
        if _may_be_unset(member.annotation) and (member.required or _has_default(member)):
            raise TypeError(f"the field {member.name!r} may be UNSET, and UNSET has to be its default")
        member.aliases += tuple(name for one in _metadata(member.annotation) for name in one.names)
    return members


def _metadata(annotation: Any) -> list[Alias]:
    """Every `Alias` on an annotation, also on a member of its union."""
    if type(annotation) is type:
        return []
    found = [one for one in getattr(annotation, "__metadata__", ()) if isinstance(one, Alias)]
    if special_form(annotation) == "Annotated":
        return found + _metadata(annotation.__origin__)
    if special_form(annotation) == "Final" or get_origin(annotation) in (Union, types.UnionType):
        found += [one for part in get_args(annotation) for one in _metadata(part)]
    return found


def _may_be_unset(annotation: Any) -> bool:
    if type(annotation) is type:
        return False
    unset = getattr(sys.modules.get("msgspec"), "UnsetType", NO_DEFAULT)
    while special_form(annotation) == "Annotated":
        annotation = annotation.__origin__
    return unset in get_args(annotation)


def _has_default(member: Member) -> bool:
    return member.default is not NO_DEFAULT or member.factory is not NO_DEFAULT


def _given(member: Member, default: Any, factory: Any = NO_DEFAULT) -> Member:
    """Note a default; msgspec's UNSET says that the field may be missing, and is none."""
    unset = getattr(sys.modules.get("msgspec"), "UNSET", NO_DEFAULT)
    member.default = NO_DEFAULT if default is unset else default
    member.factory = factory
    member.required = default is NO_DEFAULT and factory is NO_DEFAULT
    return member


def _older_names(metadata: Any) -> tuple[str, ...]:
    found = metadata.get("safecodec.aliases", ())
    if not isinstance(found, (tuple, list)) or not all(isinstance(one, str) for one in found):
        raise TypeError(f"the metadata 'safecodec.aliases' of a field is a tuple of str, not {found!r}")
    return tuple(found)


# ---- one reader for each kind ------------------------------------------------------------------------------------


def _of_struct(type_: Any, cls: Any) -> list[Member]:
    msgspec: Any = sys.modules["msgspec"]

    def known(value: Any) -> Any:
        return NO_DEFAULT if value is msgspec.NODEFAULT else value

    members = []
    by_place = frozenset(cls.__match_args__)
    for field in msgspec.structs.fields(type_):
        member = Member(field.name, field.type, field.encode_name, keyword_only=field.name not in by_place)
        members.append(_given(member, known(field.default), known(field.default_factory)))
    return members


def _of_dataclass(type_: Any, cls: Any) -> list[Member]:
    hints = annotations_of(type_)
    fields = dataclasses.fields(cls)
    for name in cls.__dataclass_fields__.keys() - {field.name for field in fields}:
        if hints[name] is dataclasses.InitVar or isinstance(hints[name], dataclasses.InitVar):
            raise TypeError(f"the value of {name!r}, an InitVar, is not kept")

    def known(value: Any) -> Any:
        return NO_DEFAULT if value is dataclasses.MISSING else value

    members = []
    for field in fields:
        member = Member(field.name, hints[field.name], field.name, init=field.init)
        member.aliases = _older_names(field.metadata)
        member.keyword_only = field.kw_only is True
        members.append(_given(member, known(field.default), known(field.default_factory)))
    return _required_first(members)


def _of_attrs(type_: Any, cls: Any) -> list[Member]:
    attr: Any = sys.modules["attr"]
    hints = annotations_of(type_)
    members = []
    for one in cls.__attrs_attrs__:
        if one.name not in hints:
            raise TypeError(f"the attribute {one.name!r} has no annotation")
        member = Member(one.name, hints[one.name], one.name, keyword_only=one.kw_only, init=one.init)
        member.argument = one.alias
        member.aliases = _older_names(one.metadata)
        default: Any = NO_DEFAULT if one.default is attr.NOTHING else one.default
        factory: Any = NO_DEFAULT
        if isinstance(default, attr.Factory):
            if default.takes_self:
                raise TypeError(f"the default of {one.name!r} is made from the object itself")
            default, factory = NO_DEFAULT, default.factory
        members.append(_given(member, default, factory))
    return _required_first(members)


def _of_namedtuple(type_: Any, cls: Any) -> list[Member]:
    hints = annotations_of(type_)
    defaults = cls._field_defaults
    return [_given(Member(name, hints.get(name, Any), name), defaults.get(name, NO_DEFAULT)) for name in cls._fields]


def _of_typeddict(type_: Any, cls: Any) -> list[Member]:
    members = []
    for name, annotation in sorted(annotations_of(type_).items()):
        bare, said = _unqualified(annotation)  # the class itself does not know it where annotations are texts
        members.append(Member(name, bare, name, required=name in cls.__required_keys__ if said is None else said))
    return members


def _of_pydantic(type_: Any, cls: Any) -> list[Member]:
    del type_
    return model_members(cls, Member, NO_DEFAULT)


READERS: Final[dict[str, Any]] = {
    "pydantic": _of_pydantic,
    "struct": _of_struct,
    "dataclass": _of_dataclass,
    "attrs": _of_attrs,
    "namedtuple": _of_namedtuple,
    "typeddict": _of_typeddict,
}


def _required_first(members: list[Member]) -> list[Member]:
    """The order in which msgspec has the fields of dataclasses and attrs classes."""
    return sorted(members, key=lambda member: not member.required)


def _unqualified(annotation: Any) -> tuple[Any, bool | None]:
    """A TypedDict's annotation without what it says about the key, and whether it says that the key is there."""
    word = special_form(annotation)
    if word == "Annotated":
        bare, said = _unqualified(annotation.__origin__)
        return Annotated[(bare, *annotation.__metadata__)], said
    if word not in ("Required", "NotRequired", "ReadOnly"):
        return annotation, None
    bare, said = _unqualified(get_args(annotation)[0])
    return bare, said if word == "ReadOnly" else word == "Required"


def special_form(annotation: Any) -> str:
    """Return the name of the special form that an annotation is made with, whether typing's or typing_extensions'."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return "Annotated"
    return "" if origin is None or isinstance(origin, type) else repr(origin).rpartition(".")[2]


# ---- annotations -------------------------------------------------------------------------------------------------


def annotations_of(type_: Any) -> dict[str, Any]:
    """Return the annotations of a class and its bases, with the type variables of generic ones replaced.

    Raises:
        NameError: One names what is not there.
    """
    bindings = _bindings(type_)
    found: dict[str, Any] = {}
    for base in (get_origin(type_) or type_).__mro__:
        own = [name for name in get_annotations(base) if name not in found]
        if own:
            hints = get_type_hints(base, include_extras=True)
            found |= {name: substituted(hints[name], bindings.get(base, {})) for name in own}
    return found


def substituted(annotation: Any, binding: dict[Any, Any]) -> Any:
    """Return an annotation with type variables replaced; those that are bound to nothing stay."""
    if isinstance(annotation, TypeVar):
        return binding.get(annotation, annotation)
    parameters = getattr(annotation, "__parameters__", ())
    if not binding or not isinstance(parameters, tuple) or not parameters:
        return annotation
    return annotation[tuple(binding.get(one, one) for one in parameters)]


def _bindings(type_: Any) -> dict[Any, dict[Any, Any]]:
    """What the type variables of a class and each of its bases stand for."""
    found: dict[Any, dict[Any, Any]] = {}
    visited: dict[tuple[int, ...], list[Any]] = {}
    """The classes and arguments so far, which are kept, so that their ids stay their own: bases may share bases."""

    def visit(one: Any, scope: dict[Any, Any]) -> None:
        cls, binding = get_origin(one), {}
        kept = [one]
        if cls is None:
            cls = one
        elif cls in (Generic, Protocol) or not hasattr(cls, "__parameters__"):
            return
        else:
            args = [substituted(arg, scope) for arg in get_args(one)]
            found[cls] = binding = dict(zip(cls.__parameters__, args, strict=True))
            kept = [cls, *args]
        key = tuple(map(id, kept))
        if key not in visited and isinstance(cls, type) and issubclass(cls, Generic):
            visited[key] = kept
            for base in vars(cls).get("__orig_bases__", cls.__bases__):
                visit(base, binding)

    visit(type_, {})
    return found
