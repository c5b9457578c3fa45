from typing import Any, Generic, TypeVar, final

from typing_extensions import Buffer

from .avro._breathing import Breathing
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
    def __class_getitem__(cls, item: Any) -> Any: ...
