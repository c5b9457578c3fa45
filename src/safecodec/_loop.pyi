from typing import Final, final

from .avro._breathing import Breathing
from .offload import Pool

DEFAULT_BUDGET: Final[float]
GUARDS: Final[tuple[str, ...]]

@final
class LoopRules:
    def __new__(
        cls, budget: float = ..., guard: str = "off", pool: Pool | None = None, breathing: Breathing | None = None
    ) -> LoopRules: ...
    @property
    def budget(self) -> float: ...
    @property
    def pool(self) -> Pool | None: ...
    @property
    def breathing(self) -> Breathing | None: ...
