from collections.abc import Callable
from typing import Any, final

@final
class Place:
    checks: int
    items: Place | None
    fixed: tuple[Place | None, ...] | None
    keys: Place | None
    values: Place | None
    typed: tuple[FieldPlace, ...] | None
    records: dict[type, tuple[FieldPlace, ...]] | None

@final
class FieldPlace:
    def __new__(cls, name: str, place: Place, offset: int | None = None) -> FieldPlace: ...

@final
class StraightEncoder:
    def __new__(
        cls,
        encoder: Any,
        places: Callable[[], Place] | None = None,
        refuse: Callable[[Any], None] | None = None,
    ) -> StraightEncoder: ...
    def encode(self, value: Any) -> bytes: ...

@final
class CheckedDecoder:
    def __new__(cls, read: Callable[[Any], Any], place: Place, otherwise: Callable[[Any], Any]) -> CheckedDecoder: ...
    def decode(self, payload: Any) -> Any: ...
