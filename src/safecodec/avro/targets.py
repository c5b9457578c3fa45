"""Which types a plan makes itself, without plain values and a conversion in between."""

from __future__ import annotations

from typing import Any, Final

from msgspec import inspect as kinds

from .resolve import Action, Take, TakeBranch, TakeFields, TakeItems, TakeValues

SAME: Final = (
    kinds.NoneType, kinds.BoolType, kinds.IntType, kinds.FloatType, kinds.StrType, kinds.BytesType, kinds.DateType,
    kinds.DateTimeType, kinds.TimeType, kinds.UUIDType, kinds.DecimalType,
)  # fmt: skip
"""Types whose values are what the decoder reads, where they have no constraints."""


def classes_of(action: Action, type_: Any) -> dict[int, Any] | None:
    """Return the class of each record, by the id of its resolution; None where msgspec has to make the values.

    It has to where a type is constrained or checks itself, where the writer and the reader differ in their fields, and
    for all that is no Struct, list, dict, optional value or plain leaf.

    Args:
        action: The resolved tree.
        type_: The reader's type.
    """
    found: dict[int, Any] = {}
    return found if _straight(action, kinds.type_info(type_), found) else None


def _straight(action: Action | None, info: kinds.Type, found: dict[int, Any]) -> bool:
    match action, info:
        case Take(), _:
            return isinstance(info, SAME) and not _constrained(info)
        case TakeItems(), kinds.ListType():
            return not _constrained(info) and _straight(action.items, info.item_type, found)
        case TakeValues(), kinds.DictType():
            plain = not _constrained(info) and not _constrained(info.key_type)
            return plain and _straight(action.values, info.value_type, found)
        case TakeBranch(), kinds.UnionType() if info.includes_none and len(info.types) == len(action.branches) == 2:
            inner = next(one for one in info.types if not isinstance(one, kinds.NoneType))
            return all(_is_null(branch) or _straight(branch, inner, found) for branch in action.branches)
        case TakeFields(), kinds.StructType():
            return _straight_record(action, info, found)
    return False


def _is_null(action: Action) -> bool:
    return isinstance(action, Take) and getattr(action.writer, "kind", None) == "null"


def _constrained(info: kinds.Type) -> bool:
    """Tell whether a type says more than what it is: a least length, a greatest value, a time zone."""
    parts = {"item_type", "key_type", "value_type"}
    return any(getattr(info, name) is not None for name in info.__struct_fields__ if name not in parts)


def _straight_record(action: TakeFields, info: kinds.StructType, found: dict[int, Any]) -> bool:
    if id(action) in found:
        return True
    found[id(action)] = info.cls
    config = getattr(info.cls, "__struct_config__", None)
    encoded = [field.encode_name for field in info.fields]
    written = {field.name for _, field, _ in action.fields if field is not None}
    return (
        config is not None
        and not config.array_like
        and config.tag is None
        and not hasattr(info.cls, "__post_init__")
        and type(info.cls).__call__ is type(kinds.Type).__call__
        and _takes_positions(info.cls)
        and encoded == [field.name for field, _, _ in action.fields]
        and len(written) == len(encoded) == len(action.writer.fields)
        and all(
            _straight(inner, field.type, found) for (_, _, inner), field in zip(action.fields, info.fields, strict=True)
        )
    )


def _takes_positions(cls: Any) -> bool:
    """Tell whether a Struct takes all its fields by position, in their order."""
    return tuple(cls.__match_args__) == tuple(cls.__struct_fields__) and "__init__" not in vars(cls)
