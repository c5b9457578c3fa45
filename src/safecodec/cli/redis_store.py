"""A store in Redis for subcommands, with redis imported when it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

from safecodec.errors import ConfigError

if TYPE_CHECKING:
    from safecodec.cache.stores.redis import RedisStore

__all__ = ["opened"]

SECONDS: Final = 10.0
"""How long the server has to accept a connection, and to answer."""


@contextmanager
def opened(url: str, *, cluster: bool = False) -> Iterator[RedisStore]:
    """Open a store, and close it in the end.

    Args:
        url: The URL, which is never part of an error: it may hold a password.
        cluster: Whether it is that of a node of a Redis Cluster.

    Raises:
        ConfigError: The URL is wrong, or redis is not installed.
    """
    try:
        from safecodec.cache.stores.redis import RedisStore
    except ImportError as error:
        raise ConfigError(f"redis is not installed ({error}): pip install 'safecodec[redis]'") from error
    with closing(RedisStore.from_url(url, timeout=SECONDS, cluster=cluster)) as store:
        yield store
