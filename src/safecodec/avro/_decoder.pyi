from typing import Any, final

from typing_extensions import Buffer

from safecodec.avro.nodes import Node
from safecodec.avro.resolve import Action

MAX_EMPTY_ITEMS: int
MAX_NESTING: int

@final
class Plan:
    def __new__(cls, action: Action, *, typed: bool = False, classes: dict[int, Any] | None = None) -> Plan: ...
    def decode(self, payload: Buffer, *, prefix: bool = False) -> Any: ...

@final
class Walk:
    def __new__(cls, root: Node) -> Walk: ...
    def check(self, payload: Buffer, *, prefix: bool = False) -> None: ...
