from collections.abc import Coroutine, Iterable
from typing import Any, Generic, Literal, TypeVar, final, overload

from typing_extensions import Buffer

from ._loop import LoopRules
from .errors import DecodeError, NoValueError
from .evolution.versions import Versions
from .offload import Pool
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
        rules: LoopRules | None = None,
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
    ) -> list[_T | DecodeError | NoValueError]: ...
    def adecode(self, frame: Buffer, *, context: Buffer | None = None) -> Coroutine[Any, Any, _T]: ...
    @overload
    def adecode_many(
        self,
        frames: Iterable[Buffer],
        *,
        contexts: Iterable[Buffer | None] | None = None,
        errors: Literal["raise"] = "raise",
    ) -> Coroutine[Any, Any, list[_T]]: ...
    @overload
    def adecode_many(
        self,
        frames: Iterable[Buffer],
        *,
        contexts: Iterable[Buffer | None] | None = None,
        errors: Literal["return"],
    ) -> Coroutine[Any, Any, list[_T | DecodeError | NoValueError]]: ...
    @property
    def _pool(self) -> Pool | None: ...
    def _fits(self, frame: Buffer) -> bool: ...
    def _all_fit(self, frames: list[Buffer]) -> bool: ...
    def _decode_inline(self, frame: Buffer, context: Buffer | None = None) -> _T: ...
    def _decode_off_loop(self, frame: Buffer, context: Buffer | None = None) -> _T: ...
    def __class_getitem__(cls, item: Any) -> Any: ...
