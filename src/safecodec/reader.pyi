from collections.abc import Iterable
from typing import Any, Generic, Literal, TypeVar, final, overload

from typing_extensions import Buffer

from .avro._breathing import Breathing
from .errors import DecodeError
from .evolution.versions import Versions
from .payload.shadow import Shadow

_T = TypeVar("_T")

@final
class Reader(Generic[_T]):
    def __new__(
        cls,
        versions: Versions,
        environment: str,
        max_payload: int,
        target: Any = None,
        shadow: Shadow | None = None,
        breathing: Breathing | None = None,
    ) -> Reader[_T]: ...
    def decode(self, frame: Buffer, *, context: Buffer | None = None) -> _T: ...
    @overload
    def decode_many(
        self,
        frames: Iterable[Buffer],
        *,
        contexts: Iterable[Buffer | None] | None = None,
        errors: Literal["raise"] = "raise",
    ) -> list[_T]: ...
    @overload
    def decode_many(
        self,
        frames: Iterable[Buffer],
        *,
        contexts: Iterable[Buffer | None] | None = None,
        errors: Literal["return"],
    ) -> list[_T | DecodeError]: ...
    def __class_getitem__(cls, item: Any) -> Any: ...
