"""Values of a Redis, for ``safecodec inspect --redis``. Only this module imports redis; it is imported when needed."""

from __future__ import annotations

from contextlib import closing
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.client import NEVER_DECODE
from redis.retry import Retry

from safecodec.errors import ConfigError

__all__ = ["value_of"]

SECONDS: Final = 10.0
"""How long the server has to accept a connection, and to answer."""


def value_of(url: str, key: bytes) -> bytes:
    """Return the value of a key, as it is stored.

    Args:
        url: Such as ``redis://localhost:6379/0``; ``rediss://`` and ``unix://`` as well. It is never part of an error:
            it may hold a password.
        key: The key.

    Raises:
        ConfigError: The URL is wrong, the server does not answer or refuses, the key is missing or holds no string.
    """
    try:
        client: Any = redis.Redis.from_url(
            url, socket_connect_timeout=SECONDS, socket_timeout=SECONDS, retry=Retry(NoBackoff(), 0)
        )
        with closing(client):
            value: bytes | None = client.execute_command("GET", key, **{NEVER_DECODE: True})
    except redis.RedisError as error:
        raise ConfigError(f"Redis says {type(error).__name__}: {error}") from error
    except (TypeError, ValueError):
        # The text of these errors can quote the URL, with its password.
        raise ConfigError("the URL is not such as redis://localhost:6379/0, rediss://… or unix:///PATH") from None
    if value is None:
        raise ConfigError("there is no such key in this database")
    return value
