"""Redis for the replay, as a cache-aside client uses it. The demo's one module that imports redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["CacheError", "RedisCache"]

CacheError: Final[type[Exception]] = redis.RedisError
"""Whatever goes wrong with Redis."""
EXPIRY: Final = 3600
BATCH: Final = 500


class RedisCache:
    """Values by key. Errors are redis-py's, and nothing is tried twice: redis-py's own retries would hide them.

    Args:
        url: The URL of the Redis.
        timeout: Seconds that it has to answer.
    """

    def __init__(self, url: str, *, timeout: float) -> None:
        self._client: Any = redis.Redis.from_url(
            url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=Retry(NoBackoff(), 0)
        )

    def get(self, key: bytes) -> bytes | None:
        """Return what is stored under a key, or None."""
        value: bytes | None = self._client.get(key)
        return value

    def set(self, key: bytes, value: bytes) -> None:
        """Store a value under a key for an hour, which is longer than a run."""
        self._client.set(key, value, ex=EXPIRY)

    def delete(self, key: bytes) -> None:
        """Delete a key."""
        self._client.delete(key)

    def version(self) -> str:
        """Return the version of the server."""
        return str(self._client.info("server")["redis_version"])

    def clear(self, mark: str) -> int:
        """Delete every key that has a mark in it.

        Args:
            mark: The mark of a run.

        Returns:
            How many keys there were.
        """
        count = 0
        for batch in self._batches(mark):
            count += len(batch)
            self._client.unlink(*batch)
        return count

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _batches(self, mark: str) -> Iterator[list[bytes]]:
        keys = list(self._client.scan_iter(match=f"*{mark}*", count=BATCH))
        for start in range(0, len(keys), BATCH):
            yield keys[start : start + BATCH]
