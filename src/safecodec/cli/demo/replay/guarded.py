"""The third way: the guarded cache."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, cast

from ....cache import CacheUnavailableError, GuardedCache, GuardPolicy, StoreError, Verdict
from ....cache.keys import Keys
from ....cache.stores.redis import RedisStore
from ....codec import Codec
from ..codecs import Framed
from ..configuration import UserConfig
from ..scenario import PRODUCTION
from .postgres import Loader
from .served import MISS, Served

if TYPE_CHECKING:
    from ..codecs import Side
    from .schedule import Site
    from .served import Client

__all__ = ["GUARD"]

SUBJECT: Final = "user-config"
SILENT: Final = "no answer from Redis"
# The guard logs each key that it cannot read; the accounts count them.
logging.getLogger("safecodec.cache").addHandler(logging.NullHandler())


class GuardedClient:
    """A process that reads through a guarded cache.

    Args:
        site: Where the run takes place.
        codec: The codec of this process.
    """

    def __init__(self, site: Site, codec: Codec[UserConfig]) -> None:
        schedule = site.schedule
        self.failures: tuple[type[Exception], ...] = (CacheUnavailableError, StoreError)
        self.loader: Loader = Loader(site.postgres, site.table, timeout=schedule.load_timeout)
        self._site = site
        policy = GuardPolicy(
            load_rate=schedule.load_rate,
            load_concurrency=schedule.load_concurrency,
            processes=schedule.readers,
            load_timeout=schedule.load_timeout,
            store_timeout=schedule.store_timeout,
            keep_good=schedule.second_copy,
            keys=max(10_000, schedule.keys),
        )
        store = RedisStore.from_url(site.redis, timeout=schedule.store_timeout)
        self._cache = GuardedCache(store, codec, load=self._load, policy=policy)

    def get(self, user: int) -> Served:
        """Serve a request.

        Args:
            user: Whose configuration.

        Returns:
            The configuration, and how it came.

        Raises:
            CacheUnavailableError: There is no value that may be served.
        """
        answer = self._cache.answer(self._site.key(user))
        found = {Verdict.OK: "", Verdict.MISSING: MISS, None: SILENT}
        verdict = found[answer.verdict] if answer.verdict in found else str(answer.verdict)
        # The table has every user: None would be a wrong value, and is counted as one.
        return Served(cast("UserConfig", answer.value), verdict, answer.source.value)

    def fill(self, user: int, config: UserConfig) -> None:
        """Put a value into the cache, as after a write to the database.

        Args:
            user: Whose configuration.
            config: The configuration.
        """
        self._cache.set(self._site.key(user), config)

    def close(self) -> None:
        """Close the connections."""
        self._cache.close()
        self.loader.close()

    def _load(self, key: str) -> UserConfig:
        return self.loader.load(int(key.rpartition(":")[2]))


class Guarded:
    """The guarded cache; its values are written as the codec alone writes them, in a stamped frame."""

    name = "guard"
    is_guarded = True
    side: Side = Framed()

    def key(self, site: Site, user: int) -> bytes:
        """Return the key, which has production's name in it."""
        return Keys(PRODUCTION, SUBJECT).value(site.key(user))

    def open(self, site: Site, environment: str = PRODUCTION) -> Client:
        """Connect a process.

        Args:
            site: Where the run takes place.
            environment: Where the process belongs.
        """
        codec = Codec(UserConfig, subject=SUBJECT, version=2, payload="avro", environment=environment)
        return GuardedClient(site, codec)


GUARD: Final = Guarded()
