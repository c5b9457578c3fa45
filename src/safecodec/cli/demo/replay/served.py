"""What a process of the replay gets from its way to the configurations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from ..configuration import UserConfig
from ..scenario import PRODUCTION

if TYPE_CHECKING:
    from ..codecs import Side
    from .postgres import Loader
    from .schedule import Site

__all__ = ["MISS", "Client", "Served", "Way"]

MISS: Final = "miss"


@dataclass(frozen=True, slots=True)
class Served:
    """What a request got.

    Args:
        value: The configuration.
        verdict: The class that the decode of the cached value ended with, or ``miss``; empty where it was good.
        source: Where the value came from.
    """

    value: UserConfig
    verdict: str = ""
    source: str = "cache"


class Client(Protocol):
    """One process' way to the configurations; threads share it."""

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """Errors that a request may end with."""
        ...

    @property
    def loader(self) -> Loader:
        """What loads from the database."""
        ...

    def get(self, user: int) -> Served:
        """Serve a request."""
        ...

    def fill(self, user: int, config: UserConfig) -> None:
        """Put a value into the cache, as after a write to the database."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


class Way(Protocol):
    """One of the ways."""

    @property
    def name(self) -> str:
        """How reports call it."""
        ...

    @property
    def side(self) -> Side:
        """How a build that goes this way writes values."""
        ...

    @property
    def is_guarded(self) -> bool:
        """Whether a rate bounds its database loads."""
        ...

    def key(self, site: Site, user: int) -> bytes:
        """Return the key in Redis that holds a user's value."""
        ...

    def open(self, site: Site, environment: str = PRODUCTION) -> Client:
        """Connect a process that belongs to an environment."""
        ...
