"""The ways to read a configuration that a replay compares, each as one build of the service has it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..bare import BareAvro
from ..codecs import Framed
from ..configuration import UserConfig
from ..scenario import PRODUCTION
from .guarded import GUARD
from .postgres import Loader, LoadError
from .redis_cache import CacheError, RedisCache
from .served import MISS, Served

if TYPE_CHECKING:
    from ..codecs import Serializer, Side
    from .schedule import Site
    from .served import Client, Way

__all__ = ["CacheAside", "ways"]


class CacheAside:
    """Cache-aside as the incident had it: a failed decode counts as a miss, is loaded, and is written back.

    Args:
        site: Where the run takes place.
        way: The way, which names the keys.
        serializer: How this process writes and reads.
        failures: The errors of a decode that count as a miss.
        is_production: Whether its database loads are counted as production's.
        deletes: Whether a key that cannot be read is deleted first, as at Facebook in 2010.
    """

    def __init__(
        self,
        site: Site,
        way: Way,
        serializer: Serializer[UserConfig],
        failures: tuple[type[Exception], ...],
        *,
        is_production: bool = True,
        deletes: bool = False,
    ) -> None:
        timeout = site.schedule.load_timeout
        self.failures: tuple[type[Exception], ...] = (LoadError, CacheError)
        self.loader: Loader = Loader(site.postgres, site.table, timeout=timeout, is_production=is_production)
        self._site = site
        self._way = way
        self._cache = RedisCache(site.redis, timeout=site.schedule.store_timeout)
        self._serializer = serializer
        self._decode_failures = failures
        self._deletes = deletes

    def get(self, user: int) -> Served:
        """Serve a request.

        Args:
            user: Whose configuration.

        Returns:
            The configuration, and how it came.

        Raises:
            LoadError: The database did not give it.
        """
        key, context = self._way.key(self._site, user), self._site.key(user).encode()
        try:
            stored = self._cache.get(key)
            if stored is not None:
                return Served(self._serializer.decode(stored, context=context))
            verdict = MISS
        except (CacheError, *self._decode_failures) as error:
            verdict = type(error).__name__
            if self._deletes:
                self._delete(key)
        try:
            config = self.loader.load(user)
        except LoadError:
            if self._deletes:
                self._delete(key)
            raise
        self._set(key, self._serializer.encode(config, context=context))
        return Served(config, verdict, "load")

    def fill(self, user: int, config: UserConfig) -> None:
        """Put a value into the cache, as after a write to the database.

        Args:
            user: Whose configuration.
            config: The configuration.

        Raises:
            CacheError: Redis failed.
        """
        context = self._site.key(user).encode()
        self._cache.set(self._way.key(self._site, user), self._serializer.encode(config, context=context))

    def close(self) -> None:
        """Close the connections."""
        self._cache.close()
        self.loader.close()

    def _set(self, key: bytes, value: bytes) -> None:
        with suppress(CacheError):  # the request has its answer
            self._cache.set(key, value)

    def _delete(self, key: bytes) -> None:
        with suppress(CacheError):
            self._cache.delete(key)


@dataclass(frozen=True, slots=True)
class Unguarded:
    """Cache-aside with a serializer.

    Args:
        name: How reports call it.
        side: How values are written and read.
    """

    name: str
    side: Side
    is_guarded: bool = False

    def key(self, site: Site, user: int) -> bytes:
        """Return the key: neither the environment nor the version is in it."""
        return f"user-config:{site.key(user)}".encode()

    def open(self, site: Site, environment: str = PRODUCTION) -> Client:
        """Connect a process.

        Args:
            site: Where the run takes place.
            environment: Where the process belongs.
        """
        serializer = self.side.serializer(UserConfig, version=2, environment=environment)
        deletes = site.schedule.slip == "deletes"
        return CacheAside(site, self, serializer, self.side.failures, deletes=deletes)


BARE: Final = Unguarded("bare", BareAvro())
CODEC: Final = Unguarded("codec", Framed())


def ways() -> dict[str, Way]:
    """Return the ways by name, the incident's first."""
    return {way.name: way for way in (BARE, CODEC, GUARD)}
