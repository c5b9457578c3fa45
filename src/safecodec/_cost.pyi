from typing import Any, Final, final

FIRST_RATE: Final[float]
LOWEST_RATE: Final[float]
HALF_LIFE: Final[float]
DEEPEST: Final[int]
GLANCES: Final[int]
RECORD: Final[int]
SAMPLE: Final[int]
LEAF: Final[int]

@final
class Estimate:
    def __new__(cls, budget: float) -> Estimate: ...
    def predict(self, size: int, now: float) -> float: ...
    def note(self, size: int, seconds: float, now: float, *, weight: int | None = None, whole: bool = True) -> None: ...

def size_hint(value: Any) -> int: ...
