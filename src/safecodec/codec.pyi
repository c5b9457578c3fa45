from collections.abc import Callable, Coroutine, Iterable, Mapping
from os import PathLike
from types import GenericAlias, UnionType
from typing import Any, Final, Generic, Literal, TypeVar, final, overload

from typing_extensions import Buffer, TypeForm

from .avro._breathing import Breathing
from .avro.limits import Limits
from .avro.schema import Schema, SchemaSource
from .errors import DecodeError, NoValueError
from .frame import PayloadFormat, Stamp
from .offload import Pool
from .payload.shadow import Difference, Shadow
from .reader import Reader

_T = TypeVar("_T")
_U = TypeVar("_U")

ENVIRONMENT_VARIABLE: Final[str]

@final
class Codec(Generic[_T]):
    # TypeForm covers unions, Literal and Annotated, which are no type[T]. mypy has all of it from 2.2 on, and A | B
    # from 1.19 on. Releases of pyright that lack it take the last overload for A | B.
    @overload
    def __new__(
        cls,
        type: type[_T],
        *,
        subject: str,
        version: int,
        older: Mapping[int, SchemaSource] | None = None,
        payload: PayloadFormat = "avro",
        environment: str | None = None,
        write_version: int | None = None,
        max_payload: int | None = None,
        limits: Limits = ...,
        engine: Literal["compiled", "fastavro"] = "compiled",
        shadow: int = 0,
        on_difference: Callable[[Difference], object] | None = None,
        loop_budget: float = ...,
        loop_guard: Literal["off", "warn", "raise"] = "off",
        pool: Pool | None = None,
        breathing: Breathing | None = None,
        hold_collector: bool | None = None,
    ) -> Codec[_T]: ...
    @overload
    def __new__(
        cls,
        type: dict[str, Any] | str | PathLike[str],
        *,
        subject: str,
        version: int,
        older: Mapping[int, SchemaSource] | None = None,
        payload: PayloadFormat = "avro",
        environment: str | None = None,
        write_version: int | None = None,
        max_payload: int | None = None,
        limits: Limits = ...,
        engine: Literal["compiled", "fastavro"] = "compiled",
        shadow: int = 0,
        on_difference: Callable[[Difference], object] | None = None,
        loop_budget: float = ...,
        loop_guard: Literal["off", "warn", "raise"] = "off",
        pool: Pool | None = None,
        breathing: Breathing | None = None,
        hold_collector: bool | None = None,
    ) -> Codec[dict[str, Any]]: ...
    @overload
    def __new__(
        cls,
        type: TypeForm[_T],
        *,
        subject: str,
        version: int,
        older: Mapping[int, SchemaSource] | None = None,
        payload: PayloadFormat = "avro",
        environment: str | None = None,
        write_version: int | None = None,
        max_payload: int | None = None,
        limits: Limits = ...,
        engine: Literal["compiled", "fastavro"] = "compiled",
        shadow: int = 0,
        on_difference: Callable[[Difference], object] | None = None,
        loop_budget: float = ...,
        loop_guard: Literal["off", "warn", "raise"] = "off",
        pool: Pool | None = None,
        breathing: Breathing | None = None,
        hold_collector: bool | None = None,
    ) -> Codec[_T]: ...
    @overload
    def __new__(
        cls,
        type: list[Any] | Schema | UnionType,
        *,
        subject: str,
        version: int,
        older: Mapping[int, SchemaSource] | None = None,
        payload: PayloadFormat = "avro",
        environment: str | None = None,
        write_version: int | None = None,
        max_payload: int | None = None,
        limits: Limits = ...,
        engine: Literal["compiled", "fastavro"] = "compiled",
        shadow: int = 0,
        on_difference: Callable[[Difference], object] | None = None,
        loop_budget: float = ...,
        loop_guard: Literal["off", "warn", "raise"] = "off",
        pool: Pool | None = None,
        breathing: Breathing | None = None,
        hold_collector: bool | None = None,
    ) -> Codec[Any]: ...
    @property
    def subject(self) -> str: ...
    @property
    def payload(self) -> PayloadFormat: ...
    @property
    def environment(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def write_version(self) -> int: ...
    @property
    def versions(self) -> tuple[int, ...]: ...
    @property
    def max_payload(self) -> int: ...
    @property
    def shadow(self) -> Shadow | None: ...
    @property
    def breathing(self) -> Breathing | None: ...
    def schema(self, version: int | None = None) -> Schema: ...
    def fingerprint(self, version: int | None = None) -> bytes: ...
    # Where the stamp says that there is no value, None is given for one.
    @overload
    def encode(self, value: _T, *, context: Buffer | None = None, stamp: Stamp | None = None) -> bytes: ...
    @overload
    def encode(self, value: None, *, context: Buffer | None = None, stamp: Stamp) -> bytes: ...
    @overload
    def aencode(
        self, value: _T, *, context: Buffer | None = None, stamp: Stamp | None = None
    ) -> Coroutine[Any, Any, bytes]: ...
    @overload
    def aencode(self, value: None, *, context: Buffer | None = None, stamp: Stamp) -> Coroutine[Any, Any, bytes]: ...
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
    @overload
    def reader(self, type: type[_U]) -> Reader[_U]: ...
    @overload
    def reader(self, type: dict[str, Any] | str | PathLike[str]) -> Reader[dict[str, Any]]: ...
    @overload
    def reader(self, type: TypeForm[_U]) -> Reader[_U]: ...
    @overload
    def reader(self, type: list[Any] | Schema | UnionType) -> Reader[Any]: ...
    @property
    def _pool(self) -> Pool | None: ...
    def _fits(self, size: int) -> bool: ...
    def _encode_inline(self, value: _T, context: Buffer | None, stamp: Stamp | None, size: int) -> bytes: ...
    def _encode_off_loop(self, value: _T, context: Buffer | None, stamp: Stamp | None, size: int) -> bytes: ...
    def __class_getitem__(cls, item: Any) -> GenericAlias: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
