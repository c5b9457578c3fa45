"""Alias: the names that a field has in older versions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alias:
    """Names of a field in older versions: ``Annotated[int, Alias("old_name")]``.

    A class has the tags or names of its older versions in ``__safecodec_aliases__``, a tuple of str.
    """

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        if not names or not all(isinstance(name, str) for name in names):
            raise TypeError(f"Alias takes the field's older names as str, not {names!r}")
        object.__setattr__(self, "names", names)
