from typing import Final, final

from .avro._breathing import Breathing
from .offload import Pool

DEFAULT_BUDGET: Final[float]
GUARDS: Final[tuple[str, ...]]

NEVER_COLLECTED: Final[int]

@final
class Hold:
    def __new__(cls, whole: bool) -> Hold: ...

@final
class LoopRules:
    def __new__(
        cls,
        budget: float = ...,
        guard: str = "off",
        pool: Pool | None = None,
        breathing: Breathing | None = None,
        hold_collector: bool | None = None,
    ) -> LoopRules: ...
    @property
    def budget(self) -> float: ...
    @property
    def pool(self) -> Pool | None: ...
    @property
    def hold_collector(self) -> bool | None: ...
    @property
    def breathing(self) -> Breathing | None: ...
