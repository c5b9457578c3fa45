"""What a `guard_world.World` is made of: values that say where they are from, processes, their tasks and loads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from safecodec import Codec

if TYPE_CHECKING:
    from collections.abc import Callable

    from safecodec.cache.core import Core
    from safecodec.cache.effects import Effect, Steps
    from safecodec.cache.flight import Flight
    from safecodec.cache.state import State
    from safecodec.cache.stores.memory import MemoryStore

BASE: Final = 1_700_000_000.0
"""The store's time at the start, in seconds since 1970."""
KEYS: Final = ("a", "b", "c")


@dataclass
class Value:
    """A value that says of which key and which load it is."""

    key: str
    serial: int


@dataclass
class Newer:
    """The next version of it, which processes of this version cannot read."""

    serial: str


CODEC: Final = Codec(Value, subject="s", version=1, environment="test")
NEWER: Final = Codec(Newer, subject="s", version=2, environment="test")
FOREIGN: Final = Codec(Value, subject="s", version=1, environment="staging")


@dataclass
class Origin:
    """A load, or a `set`, that a value is from."""

    key: str
    process: int
    began: float
    tick: int
    has_row: bool = True


@dataclass
class Request:
    """A call of a service: its arguments, and what became of it."""

    verb: str
    keys: tuple[str, ...]
    options: dict[str, Any]
    began: float
    tick: int
    origin: Origin | None = None
    ended: float = 0.0
    was_cut: bool = False
    """Whether a reply of the store was an error."""


@dataclass(eq=False)
class Task:
    """A generator of the core, and the effect that it stands at."""

    process: Process
    steps: Steps[Any]
    request: Request | None = None
    flight: Flight | None = None
    effect: Effect | None = None
    since: float = 0.0
    is_done: bool = False
    """Whether the effect is performed, and its result is on its way."""
    reply: Any = None
    is_cancelled: bool = False
    is_over: bool = False
    result: Any = None
    error: BaseException | None = None
    wakes: bool = False

    def wake(self) -> None:
        """Go on: the flight has landed."""
        self.wakes = True

    @property
    def is_shadow(self) -> bool:
        """Whether it compares a value with the source."""
        return getattr(self.steps, "__name__", "") == "_compare"


@dataclass(eq=False)
class Running:
    """A load that has not really ended."""

    process: Process
    keys: tuple[str, ...]
    began: float
    tick: int
    ended: Callable[[], None]
    is_shadow: bool
    is_probe: bool
    is_given_up: bool = False


@dataclass(eq=False)
class Process:
    """A process: its core, and what is between it and the world."""

    number: int
    core: Core[Value]
    is_awaited: bool
    """Whether its loads time out and can be cancelled, as in the asyncio shell."""
    local: MemoryStore
    """Where it writes down its last known good values."""
    is_cut: bool = False
    store_failed: bool = False
    invalidated: dict[str, int] = field(default_factory=dict)
    """Tick of the last time that the key was seen to be changed."""

    @property
    def state(self) -> State:
        """The state of its core."""
        return self.core.state
