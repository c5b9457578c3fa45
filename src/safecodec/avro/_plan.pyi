from typing import Any, final

from safecodec.avro._arena import Arena

@final
class Compiler:
    def __new__(cls, arena: Arena, targets: Any) -> Compiler: ...
    @property
    def has_keys(self) -> bool: ...

def least_size(node: Any, known: dict[int, int]) -> int: ...

LEAST: dict[str, int]
MOST: int
