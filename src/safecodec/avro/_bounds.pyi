from collections.abc import Callable
from typing import Any, TypeAlias, final

_Function: TypeAlias = Callable[[Any], Any]

@final
class Bounds:
    def __new__(cls, bounds: dict[str, Any], search: _Function | None, slow: _Function) -> Bounds: ...
    def check(self, value: Any, /) -> Any: ...
