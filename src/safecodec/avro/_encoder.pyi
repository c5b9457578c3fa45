from typing import Any, final

from safecodec.avro.limits import Limits
from safecodec.avro.resolve import Action
from safecodec.avro.sources import Sources

@final
class Encoder:
    def __new__(cls, action: Action, sources: Sources, limits: Limits) -> Encoder: ...
    def encode(self, value: Any, /) -> bytes: ...
    def __call__(self, value: Any, /) -> bytes: ...
