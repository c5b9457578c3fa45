"""The fields of pydantic's models, which are validated by pydantic when they are read.

pydantic is not imported before a model is looked into, and then it is loaded already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .alias import Alias

if TYPE_CHECKING:
    from .members import Member


def is_model(cls: type) -> bool:
    """Tell whether a class is a model of pydantic 2."""
    return hasattr(cls, "__pydantic_core_schema__") and hasattr(cls, "model_fields")


def is_validated(cls: type) -> bool:
    """Tell whether pydantic validates a class's arguments: that of a model, or of one of its dataclasses."""
    return hasattr(cls, "__pydantic_validator__")


def model_members(cls: Any, member: type[Member], missing: Any) -> list[Member]:
    """Return the fields of a model, by the names of their attributes.

    Args:
        cls: The model.
        member: What a field is noted as.
        missing: Stands where a field has no default.

    Raises:
        TypeError: Values of the model hold more than its fields, or are not made from them.
    """
    from pydantic_core import PydanticUndefined

    if cls.model_config.get("extra") == "allow":
        raise TypeError(f"the model {cls.__qualname__} takes extra fields, which have no schema: set extra='forbid'")
    if getattr(cls, "__pydantic_root_model__", False):
        raise TypeError(f"the model {cls.__qualname__} has no fields: use the type of its root")
    found = []
    for name, info in cls.model_fields.items():
        one = member(name, info.annotation, name, keyword_only=True, required=info.is_required())
        one.argument = _argument(cls, name, info)
        one.default = missing if info.default is PydanticUndefined else info.default
        if info.default_factory is not None:
            if info.default_factory_takes_validated_data:
                raise TypeError(f"the default of {name!r} is made from other fields")
            one.factory = info.default_factory
        one.aliases = _older_names(info)
        found.append(one)
    return found


def _argument(cls: Any, name: str, info: Any) -> str:
    """Return the name that the model's constructor has for a field."""
    config = cls.model_config
    if info.validation_alias is None or config.get("populate_by_name") or config.get("validate_by_name"):
        return name
    if not isinstance(info.validation_alias, str):
        raise TypeError(f"the field {name!r} has several aliases: set validate_by_name=True")
    return str(info.validation_alias)


def _older_names(info: Any) -> tuple[str, ...]:
    return tuple(name for one in info.metadata if isinstance(one, Alias) for name in one.names)
