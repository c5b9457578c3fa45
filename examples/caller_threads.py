"""One loop does the I/O for many threads, and each of them decodes what it asked for.

    python examples/caller_threads.py redis://localhost:6379

A server of many threads shares one asyncio client: its loop runs in a thread of its own. What the loop hands over is
bytes. Decoding them on the loop would let one caller's large value keep all the others waiting; here each caller's
thread, which waits for the value anyway, decodes it itself. The codec's guard refuses it on the loop, and its breathing
lets the loop run while a caller decodes.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

import redis.asyncio

from safecodec import Breathing, Codec

T = TypeVar("T")
SECONDS = 5.0
"""How long a caller waits for the store."""


@dataclass
class UserConfig:
    """What most requests need."""

    user_id: int
    rules: list[dict[str, str]] = field(default_factory=list)


CODEC = Codec(
    UserConfig, subject="user-config", version=1, environment="example", loop_guard="raise", breathing=Breathing()
)


class LoopThread:
    """An event loop in a thread of its own, for callers in others."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="io")
        self._thread.start()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Have the loop run a coroutine, and wait for it; never to be called on the loop's own thread."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(SECONDS)
        except BaseException:  # a timeout or an interrupt: the loop need not go on
            future.cancel()
            raise

    def close(self) -> None:
        """Stop the loop, and end its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Configurations:
    """The configurations of users in a Redis, for callers in any thread.

    Args:
        url: Where the Redis is.
        codec: What reads and writes them.
    """

    def __init__(self, url: str, codec: Codec[UserConfig] = CODEC) -> None:
        self._codec = codec
        self._io = LoopThread()
        self._client: Any = redis.asyncio.from_url(url)  # made once, and used on the loop alone

    @staticmethod
    def _key(user: int) -> bytes:
        return b"user-config:%d" % user

    def get(self, user: int) -> UserConfig | None:
        """Return a user's configuration, or None where there is none."""
        key = self._key(user)
        frame = self._io.call(self._client.get(key))  # on the loop: bytes, and no more
        return None if frame is None else self._codec.decode(frame, context=key)  # here: the caller's own time

    def get_many(self, users: Iterable[int]) -> dict[int, UserConfig]:
        """Return the configurations of those users that have one, with one question to the store."""
        keys = {user: self._key(user) for user in users}
        frames = self._io.call(self._client.mget(list(keys.values())))
        found = {user: frame for user, frame in zip(keys, frames, strict=True) if frame is not None}
        values = self._codec.decode_many(found.values(), contexts=[keys[user] for user in found])
        return dict(zip(found, values, strict=True))

    def put(self, config: UserConfig) -> None:
        """Keep a user's configuration."""
        key = self._key(config.user_id)
        frame = self._codec.encode(config, context=key)  # here, too
        self._io.call(self._client.set(key, frame))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None, /
    ) -> None:
        try:
            self._io.call(self._client.aclose())
        finally:
            self._io.close()


def main(url: str, users: int = 20, threads: int = 8) -> int:
    """Write the configurations of some users, have many threads read them, and return how many rules they read."""
    with Configurations(url) as configurations, ThreadPoolExecutor(threads) as callers:
        for user in range(users):
            configurations.put(UserConfig(user, [{"if": f"plan {n}", "then": f"route {n}"} for n in range(2000)]))
        read = callers.map(configurations.get, [user for user in range(users) for _ in range(5)])
        return sum(len(config.rules) for config in read if config is not None)


if __name__ == "__main__":
    print(f"{main(sys.argv[1])} rules, each decoded by the thread that asked for it")
