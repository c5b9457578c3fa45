from typing import Any, final

from typing_extensions import Buffer

from safecodec.avro.limits import Limits
from safecodec.avro.nodes import Node
from safecodec.avro.resolve import Action
from safecodec.avro.targets import Targets

@final
class Plan:
    def __new__(cls, action: Action, targets: Targets, limits: Limits, prefix: bool) -> Plan: ...
    def decode(self, payload: Buffer, /) -> Any: ...
    def __call__(self, payload: Buffer, /) -> Any: ...

@final
class Walk:
    def __new__(cls, root: Node, limits: Limits) -> Walk: ...
    def check(self, payload: Buffer, *, prefix: bool = False) -> None: ...
