"""Clients that a store of Redis takes and makes, and its connections after a fork."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any

import pytest
import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from bench.servers import RedisServer
from proxies import Proxy, delay
from safecodec.cache.keys import Keys
from safecodec.cache.stores import async_store_of, store_of
from safecodec.cache.stores.redis import AsyncRedisStore, RedisStore
from safecodec.errors import ConfigError, StoreError
from store_cases import url

KEYS = Keys("production", "user-config")
KEY = KEYS.value("7")


# ---- processes


def in_child(work: Callable[[], Any]) -> str:
    """What a forked process answers."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, repr(work()).encode())
        except BaseException as error:
            os.write(writing, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:  # noqa: PTH123 (a descriptor)
        said = pipe.read().decode()
    os.waitpid(child, 0)
    return said


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_connections_of_its_own(redis_server: Any, redis_client: Any) -> None:
    """Parent and child read at once by one store, and each gets its own replies, by a connection of its own."""
    ours, theirs = KEYS.value("parent"), KEYS.value("child")
    redis_client.mset({ours: b"parent", theirs: b"child"})
    with closing(RedisStore.from_url(url(redis_server), timeout=10)) as store:
        own = store._client.client_id()
        ready, go = os.pipe()

        def work() -> tuple[bool, set[bytes | None]]:
            os.write(go, b"x")
            return store._client.client_id() != own, {store.get(theirs) for _ in range(300)}

        found: list[str] = []
        thread = threading.Thread(target=lambda: found.append(in_child(work)))
        thread.start()
        os.read(ready, 1)
        assert {store.get(ours) for _ in range(300)} == {b"parent"}
        thread.join()
        assert found == ["(True, {b'child'})"]
        assert store._client.client_id() == own
        os.close(ready)
        os.close(go)


def test_a_store_of_coroutines_is_of_one_process(redis_server: Any) -> None:
    """A forked process cannot use a store of coroutines: it is told to make its own."""
    store = AsyncRedisStore.from_url(url(redis_server))
    said = in_child(lambda: asyncio.run(store.get(KEY)))
    assert said.startswith("ConfigError('this store is of the process")
    assert "make another in the process" in said
    store._pid = 0
    with pytest.raises(ConfigError, match="this store is of the process 0, whose connections"):
        asyncio.run(store.get(KEY))


# ---- clients that are refused


def test_clients_that_repeat_or_wait_or_decode_are_refused(redis_cluster: Any) -> None:
    """A client that repeats, waits without an end or decodes is refused, and the error has the remedy."""
    once = {"retry": redis.retry.Retry(redis.backoff.NoBackoff(), 0)}
    often = {"retry": redis.retry.Retry(redis.backoff.NoBackoff(), 3)}
    forever = {"retry": redis.retry.Retry(redis.backoff.NoBackoff(), -1)}
    patient = {**once, "socket_timeout": 1}
    for options, remedy in (
        ({**patient, "decode_responses": True}, "decode_responses=False"),
        ({}, r"give retry=Retry\(NoBackoff\(\), 0\)"),
        ({**often, "socket_timeout": 1}, "repeats a command 3 times"),
        ({**forever, "socket_timeout": 1}, "repeats a command without an end"),
        ({**once, "socket_timeout": None}, "a client without socket_timeout"),
    ):
        kinds: list[tuple[Any, Any]] = [(redis.Redis, RedisStore), (redis.asyncio.Redis, AsyncRedisStore)]
        clients = [(kind(**options), store) for kind, store in kinds]
        where: dict[str, Any] = {"host": "127.0.0.1", "port": redis_cluster[0].port}
        clients.append((redis.asyncio.RedisCluster(**where, **options), AsyncRedisStore))
        if options.get("retry") != forever["retry"]:  # redis-py makes no such client
            clients.append((redis.RedisCluster(**where, **options), RedisStore))
        for client, store in clients:
            with pytest.raises(ConfigError, match=remedy):
                store(client)
            if isinstance(client, redis.RedisCluster):
                client.close()


def test_other_clients_are_refused() -> None:
    """A client of the other kind, of one connection, of a pool that waits long, or no client at all, is refused."""
    own: dict[str, Any] = {"retry": redis.retry.Retry(redis.backoff.NoBackoff(), 0), "socket_timeout": 1}
    make: Any = redis.BlockingConnectionPool
    pool, endless = make(timeout=2, **own), make(timeout=None, **own)
    for store, client, reason in (
        (RedisStore, redis.asyncio.Redis(**own), "takes a Redis or RedisCluster of redis, found redis.asyncio.client"),
        (AsyncRedisStore, redis.Redis(**own), "AsyncRedisStore takes a Redis or RedisCluster of redis.asyncio, found"),
        (RedisStore, {}, "found builtins.dict"),
        (RedisStore, redis.Redis(connection_pool=pool), "a pool that waits 2 s for a connection: give it timeout=1"),
        (RedisStore, redis.Redis(connection_pool=endless), "a pool that waits None s"),
        (AsyncRedisStore, redis.asyncio.Redis(single_connection_client=True, **own), "a client of one connection"),
    ):
        with pytest.raises(ConfigError, match=reason):
            store(client)
    quick = make(timeout=1, **own)
    RedisStore(redis.Redis(connection_pool=quick))


def test_a_client_of_one_connection_is_refused(redis_server: Any) -> None:
    """Threads and forked processes cannot share one connection."""
    own: dict[str, Any] = {"retry": redis.retry.Retry(redis.backoff.NoBackoff(), 0), "socket_timeout": 1}
    client = redis.Redis(port=redis_server.port, single_connection_client=True, **own)
    with closing(client), pytest.raises(ConfigError, match="leave single_connection_client out"):
        RedisStore(client)


def test_a_clients_owner_closes_it(redis_server: Any) -> None:
    """A store closes the client that it has made, again without an error, and no other."""
    own: dict[str, Any] = {"retry": redis.retry.Retry(redis.backoff.NoBackoff(), 0), "socket_timeout": 1}

    async def main() -> None:
        client = redis.asyncio.Redis(port=redis_server.port, **own)
        store = AsyncRedisStore(client)
        await store.get(KEY)
        (connection,) = client.connection_pool._available_connections
        await store.close()
        assert connection.is_connected
        await client.aclose()

    asyncio.run(main())
    with closing(redis.Redis(port=redis_server.port, **own)) as client:
        store = RedisStore(client)
        number = client.client_id()
        store.close()
        assert client.client_id() == number
    made = RedisStore.from_url(url(redis_server))
    made.get(KEY)
    made.close()
    made.close()
    RedisStore.from_url(url(redis_server), cluster=True).close()


@pytest.mark.parametrize("cluster", [False, True])
@pytest.mark.parametrize("kind", [RedisStore, AsyncRedisStore])
def test_wrong_urls_show_no_password(kind: Any, cluster: bool) -> None:
    """A URL or an option that is wrong is refused without a word of the URL."""
    for wrong in ("http://:secret@127.0.0.1", "redis://:sec/ret@127.0.0.1/0", "redis://:secret@h/0?socket_timeout=x"):
        with pytest.raises(ConfigError, match="the URL or an option is wrong") as caught:
            kind.from_url(wrong, cluster=cluster)
        assert not [part for part in ("secret", "'sec'", "ret@") if part in str(caught.value)]
        assert caught.value.__cause__ is None
    with pytest.raises(ConfigError, match="decode_responses=False"):
        kind.from_url("redis://127.0.0.1:1/0?decode_responses=true")


# ---- replies of other calls


class InterruptError(Exception):
    """What a signal's handler raises."""


def test_interrupted_call_leaves_no_reply_behind(redis_server: RedisServer) -> None:
    """A call that a handler interrupts before it reads its reply costs its connection: no call after it gets that."""
    keys = [KEYS.value(str(number)) for number in range(3)]

    def interrupt(*_: object, **__: object) -> None:
        raise InterruptError

    with closing(redis_server.client()) as client, Proxy(redis_server.port) as proxy:
        for key in keys:
            client.set(key, b"of " + key)
        store = RedisStore.from_url(f"redis://127.0.0.1:{proxy.port}/0", timeout=5.0)
        assert store.get(keys[0]) == b"of " + keys[0]
        for call in (store.time, partial(store.get, keys[1]), partial(store.get_many, keys)):
            proxy.mode = delay(0.1)  # the reply is not there yet when the next call looks for leavings
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(store._client, "parse_response", interrupt)
                with pytest.raises(InterruptError):
                    call()
            assert store.get(keys[2]) == b"of " + keys[2]
            assert store.claim() is None
        store.close()


CALLS: dict[str, Callable[[RedisStore], object]] = {
    "get": lambda store: store.get(KEY),
    "mget": lambda store: store.get_many([KEY, KEY]),
    "time": lambda store: store.time(),
    "evalsha": lambda store: store.lease(KEY, b"token", 1.0),
}


@pytest.mark.parametrize("method", CALLS)
@pytest.mark.parametrize("wrong", [[b"1", b"2", b"3", b"4"], 7, [7, None]], ids=str)
def test_reply_of_another_call_is_a_failure_of_the_store(redis_server: RedisServer, method: str, wrong: object) -> None:
    """A reply that cannot be one to the call is a StoreError, and its connections are closed."""
    store = RedisStore.from_url(redis_server.url)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store._client, method, lambda *_, **__: wrong)
        with pytest.raises(StoreError, match="the reply to another call"):
            CALLS[method](store)
    store.close()


def test_reply_of_another_call_to_a_coroutine(redis_server: RedisServer) -> None:
    """An awaited store judges replies as a blocking one does; a mistake of the caller stays one."""

    async def wrong(*_: object, **__: object) -> object:
        return 7

    async def play() -> None:
        store = AsyncRedisStore.from_url(redis_server.url)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(store._client, "get", wrong)
            with pytest.raises(StoreError, match="the reply to another call"):
                await store.get(KEY)
        with pytest.raises(ConfigError):
            await store.lease(KEY, b"token", -1.0)
        await store.close()

    asyncio.run(play())


def test_connections_of_a_cluster_are_closed(redis_cluster: list[RedisServer]) -> None:
    """A store of a cluster hangs up with every node that it has a connection to, and one without a client with none."""
    store = RedisStore.from_url(redis_cluster[0].url, cluster=True, timeout=5.0)
    store._hang_up()
    key = KEYS.value("of connections that are closed")
    assert store.get(key) is None
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store._client.get_nodes()[0], "redis_connection", None)
        store._hang_up()
    assert store.get(key) is None
    with pytest.raises(ConfigError):
        store.lease(KEY, b"token", -1.0)
    store.close()


def test_client_becomes_a_store(redis_server: RedisServer) -> None:
    """A guarded cache takes a client of redis-py, blocking or awaited, in the place of a store."""
    once = Retry(NoBackoff(), 0)
    with closing(redis.Redis(port=redis_server.port, socket_timeout=1, retry=once)) as client:
        assert isinstance(store_of(client), RedisStore)
    awaited = redis.asyncio.Redis(port=redis_server.port, socket_timeout=1, retry=AsyncRetry(NoBackoff(), 0))
    assert isinstance(async_store_of(awaited), AsyncRedisStore)
