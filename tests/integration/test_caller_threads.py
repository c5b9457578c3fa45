"""Many threads, one I/O loop and a real Redis: the loop hands over bytes, and the callers decode."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from examples import caller_threads
from examples.caller_threads import CODEC, Configurations, UserConfig
from loops import Run, each_asyncio, named
from safecodec import Codec, ContextMismatchError, LoopBlockedError

pytestmark = pytest.mark.usefixtures("redis_client")
THREADS = 8
decoded_in: list[str] = []


@pytest.fixture
def url(redis_server: Any) -> str:
    return f"redis://127.0.0.1:{redis_server.port}"


@dataclass
class Noted(UserConfig):
    """A configuration that notes which thread makes it."""

    def __post_init__(self) -> None:
        decoded_in.append(threading.current_thread().name)


@pytest.fixture
def configurations(url: str) -> Iterator[Configurations]:
    """The example's client, of such configurations."""
    codec: Any = Codec(Noted, subject="user-config", version=1, environment="example", loop_guard="raise")
    with Configurations(url, codec) as made:
        yield made


def config(user: int, cls: type[UserConfig] = Noted) -> UserConfig:
    return cls(user, [{"if": f"plan {n}", "then": f"route {user}"} for n in range(500)])


def test_callers_decode_and_the_loop_does_not(configurations: Configurations) -> None:
    """Every value is decoded in the thread that asked for it, however many ask at once."""
    for user in range(THREADS):
        configurations.put(config(user))
    decoded_in.clear()

    def ask(user: int) -> tuple[str, bool]:
        values = [configurations.get(user) for _ in range(20)]
        return threading.current_thread().name, all(value is not None and value.user_id == user for value in values)

    with ThreadPoolExecutor(THREADS, thread_name_prefix="caller") as callers:
        answers = list(callers.map(ask, range(THREADS)))
    assert all(right for _, right in answers)
    assert set(decoded_in) == {name for name, _ in answers}
    assert "io" not in decoded_in


def test_many_with_one_question(configurations: Configurations) -> None:
    """MGET is one batch: users that have no configuration are left out, the others are bound to their keys."""
    for user in (1, 3):
        configurations.put(config(user))
    assert configurations.get_many(range(5)) == {1: config(1), 3: config(3)}
    assert configurations.get(2) is None


def test_value_of_another_user_is_refused(configurations: Configurations, redis_client: Any) -> None:
    """A value under another user's key is an error in the thread that asked for it, and no user's configuration."""
    configurations.put(config(1))
    redis_client.copy("user-config:1", "user-config:2")
    with pytest.raises(ContextMismatchError):
        configurations.get(2)


def test_original_mistake_cannot_creep_back() -> None:
    """Whoever decodes such a value on the loop after all is refused by the codec's guard."""
    frame = CODEC.encode(caller_threads.UserConfig(1, [{"if": "a", "then": "b"}] * 5000))

    async def decode_on_the_loop() -> Any:
        return CODEC.decode(frame)

    with pytest.raises(LoopBlockedError, match="await adecode, or call it in another thread"):
        asyncio.run(decode_on_the_loop())


def test_store_that_does_not_answer(configurations: Configurations, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller waits no longer than it said, what it waited for is given up, and the next call is answered."""
    monkeypatch.setattr(caller_threads, "SECONDS", 0.05)
    given_up = threading.Event()

    async def never() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            given_up.set()

    with pytest.raises(TimeoutError):
        configurations._io.call(never())
    assert given_up.wait(20)
    monkeypatch.undo()
    assert configurations.get(1) is None


def test_example_runs(url: str) -> None:
    """The example does what it says, and leaves no thread behind."""
    assert caller_threads.main(url) == 20 * 5 * 2000
    assert not named("io")


@each_asyncio
def test_requests_share_a_loop_and_a_pool(run: Run, url: str) -> None:
    """In an asyncio service many requests read large values at once by adecode, alone and in batches."""
    import redis.asyncio

    values = [config(user, UserConfig) for user in range(10)]

    async def main() -> None:
        client: Any = redis.asyncio.from_url(url)
        try:
            for user, value in enumerate(values):
                await client.set(b"user-config:%d" % user, await CODEC.aencode(value, context=b"%d" % user))

            async def request(user: int) -> UserConfig:
                return await CODEC.adecode(await client.get(b"user-config:%d" % user), context=b"%d" % user)

            assert await asyncio.gather(*(request(n % 10) for n in range(100))) == values * 10
            frames = await client.mget([b"user-config:%d" % user for user in range(10)])
            contexts = [b"%d" % user for user in range(10)]
            assert await CODEC.adecode_many(frames, contexts=contexts) == values
        finally:
            await client.aclose()

    run(main)
