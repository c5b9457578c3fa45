"""Stores in Redis and Redis Cluster, by redis-py 6 or later. The only module of the cache that imports redis.

* An entry that is no string (``WRONGTYPE``) is no failure of the store: it is read as bytes that are no frame, and a
  `Swap` that expects these bytes moves it into quarantine. A breaker must not open because of one key.
* In a cluster, `get_many` goes to each slot by itself, as Redis refuses an MGET of several slots: redis-py sends one
  pipeline to each node. `time` is that of the client's default node: the clocks of the nodes must be kept together.
* An awaited call whose reply came while the event loop stood is cancelled by its timeout, and is repeated: each call of
  a store may be made twice. A loop that stands for 0.1 s would else open the breaker of a store that was in time.
* redis-py closes a connection whose command was cancelled or interrupted, and a pool leaves the connections of a parent
  process alone. A client of asyncio belongs to a loop, and so to its process.
"""

from __future__ import annotations

import os
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self, TypeVar

import redis
import redis.asyncio
from redis.asyncio.cluster import RedisCluster as AsyncRedisCluster
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.connection import parse_url
from redis.exceptions import DataError, NoPermissionError, NoScriptError, RedisClusterException, ResponseError
from redis.retry import Retry

from safecodec.cache.keys import escaped_name
from safecodec.errors import ConfigError, SafecodecError, StoreError, legible

from . import Leased, Swap, Swapped, dialogue
from .dialogue import Call, Done, Refused, step
from .lag import LoopLag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .dialogue import Dialogue

__all__ = ["AsyncRedisStore", "RedisStore"]

_T = TypeVar("_T")
_FAILURES: Final = (redis.RedisError, RedisClusterException, OSError, ValueError, LookupError, AttributeError)
"""What redis-py raises where the server or the way to it fails; the last three for replies that it cannot parse."""
_CROSSED: Final = (TypeError, ValueError, LookupError, AttributeError)
"""How a dialogue fails where a reply is not the one to its call."""
_NAMED: Final = {NoScriptError: "NOSCRIPT", NoPermissionError: "NOPERM"}
"""Codes that redis-py cuts off the text of an error."""
_REPEATS: Final = 2
"""How often an awaited call is repeated because the event loop was late."""
_BLOCKING: Final = (redis.BlockingConnectionPool, redis.asyncio.BlockingConnectionPool)
_LONGEST_KEY: Final = 100


def _answer(call: Call, verb: str, key: bytes | None, error: Exception) -> Refused:
    """Return an error of Redis that is an answer to a call; raise any other as what it is."""
    if isinstance(error, (DataError, SafecodecError)):
        raise error
    if isinstance(error, ResponseError):
        code = _NAMED.get(type(error), str(error).partition(" ")[0])
        if code in call.answers:
            return Refused(code)
    shown = "" if key is None else f" of {legible(repr(key)[1:], _LONGEST_KEY)}"
    raise StoreError(f"{verb}{shown} failed in Redis: {type(error).__name__}: {error}") from error


def _crossed(verb: str, error: Exception) -> StoreError:
    """Return the error of a reply that belongs to another call."""
    return StoreError(f"{verb} got the reply to another call from Redis: {error}")


# ---- clients that are taken, and made


def _refuse(found: str, reason: str) -> NoReturn:
    raise ConfigError(f"a store cannot work on {found}: {reason}, or let from_url of the store make the client")


def _connection(client: Any) -> Any:
    """A connection such as a client makes, not connected: it alone knows the defaults of its release of redis-py."""
    pool = client.connection_pool
    if getattr(client, "single_connection_client", False) or getattr(client, "connection", None) is not None:
        _refuse("a client of one connection", "forked processes would share it; leave single_connection_client out")
    connection = pool.connection_class(**pool.connection_kwargs)
    longest = connection.socket_timeout
    if isinstance(pool, _BLOCKING) and longest is not None and (pool.timeout is None or pool.timeout > longest):
        _refuse(
            f"a pool that waits {pool.timeout} s for a connection", f"give it timeout={longest}, its socket_timeout"
        )
    return connection


def _settings(client: Any) -> tuple[int, float | None, bool]:
    """How often a client repeats a command, how long it waits for a reply, and whether it decodes replies."""
    if isinstance(client, AsyncRedisCluster):
        given = client.connection_kwargs
        return client.retry.get_retries(), given["socket_timeout"], given["decode_responses"]
    cluster = isinstance(client, RedisCluster)
    connection = _connection(client.get_redis_connection(client.get_default_node()) if cluster else client)
    retry = client.retry if cluster else connection.retry
    return retry.get_retries(), connection.socket_timeout, connection.encoder.decode_responses


def _checked(client: Any, kinds: tuple[type, type], store: str) -> float:
    """Return a client's timeout; refuse one whose call may become several, may last without an end, or gives text."""
    if not isinstance(client, kinds):
        module = kinds[0].__module__.rpartition(".")[0]
        found = f"{type(client).__module__}.{type(client).__qualname__}"
        raise ConfigError(f"{store} takes a Redis or RedisCluster of {module}, found {found}: see RedisStore.from_url")
    retries, timeout, decodes = _settings(client)
    if decodes:
        _refuse("a client with decode_responses=True", "frames are no text; give decode_responses=False")
    if retries:
        often = "without an end" if retries < 0 else f"{retries} times"
        reason = "a server that does not answer would hold a call for seconds; give retry=Retry(NoBackoff(), 0)"
        _refuse(f"a client that repeats a command {often}", reason)
    if timeout is None:
        _refuse("a client without socket_timeout", "a silent server would hold a call without an end; give one of 0.05")
    return timeout


def _made(make: Callable[..., Any], url: str, timeout: float, retry: Any, options: dict[str, Any]) -> Any:
    given = {"socket_timeout": timeout, "socket_connect_timeout": timeout, "retry": retry, **options}
    try:
        parse_url(url)  # type: ignore[no-untyped-call]
        return make(url, **given)
    except (TypeError, ValueError):
        # The text of these errors can quote the URL, with its password.
        raise ConfigError(
            "the URL or an option is wrong: expected redis://localhost:6379/0, rediss://… or unix:///PATH, and "
            "arguments of redis-py's client"
        ) from None


def _probes(environments: Iterable[str]) -> list[tuple[str, bytes]]:
    forms = (b"%b:__probe__", b"{%b:__probe__}")
    return [(name, form % escaped_name("environment", name)) for name in environments for form in forms]


class RedisStore:
    """A store in Redis or Redis Cluster, for any number of threads.

    Args:
        client: A `redis.Redis` or `redis.cluster.RedisCluster` that answers in bytes, has a ``socket_timeout`` and
            repeats no command: ``retry=Retry(NoBackoff(), 0)``. It stays open when the store is closed.

    Raises:
        ConfigError: The client is another; the error says what to do.
    """

    def __init__(self, client: Any) -> None:
        _checked(client, (redis.Redis, RedisCluster), "RedisStore")
        self._client = client
        self._cluster = isinstance(client, RedisCluster)
        self._make: Callable[[], Any] | None = None
        self._lock = Lock()

    @classmethod
    def from_url(cls, url: str, *, timeout: float = 0.05, cluster: bool = False, **options: Any) -> Self:
        """Make a store with a client of its own, which is closed with the store. Nothing is connected yet.

        Args:
            url: Such as ``redis://localhost:6379/0``, ``rediss://…`` for TLS, or ``unix:///PATH``. It is never part of
                an error: it may hold a password.
            timeout: Seconds to connect, and for a reply.
            cluster: Whether it is a node of a Redis Cluster.
            options: Further arguments of redis-py's client, such as ``ssl_ca_certs``.

        Raises:
            ConfigError: The URL or an option is wrong, or makes a client that a store refuses. In a cluster the first
                call raises it: redis-py asks a cluster for its nodes when a client is made, and one that is down must
                not keep a service from starting.
        """

        def make(kind: Any = RedisCluster) -> Any:
            return _made(kind.from_url, url, timeout, Retry(NoBackoff(), 0), options)

        if not cluster:
            store = cls(make(redis.Redis))
        else:
            _made(lambda *_, **__: None, url, timeout, None, {})
            store = cls.__new__(cls)
            store._client, store._cluster, store._lock = None, True, Lock()
        store._make = make
        return store

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None and self._make is not None:
                client = self._make()
                _checked(client, (redis.Redis, RedisCluster), "RedisStore")
                self._client = client
            return self._client

    def _run(self, verb: str, key: bytes | None, steps: Dialogue[_T]) -> _T:
        reply: Any = None
        while True:
            try:
                call = step(steps, reply)
            except SafecodecError:
                raise
            except _CROSSED as error:
                self._hang_up()
                raise _crossed(verb, error) from error
            if isinstance(call, Done):
                return call.result
            try:
                reply = getattr(self._client or self._connected(), call.method)(*call.args, **call.kwargs)
            except _FAILURES as error:
                reply = _answer(call, verb, key, error)
            except BaseException:
                self._hang_up()
                raise

    def _hang_up(self) -> None:
        """Close the connections that nobody uses.

        A call that a signal's handler interrupts leaves its reply in a connection of redis-py's pool, and the next call
        there would take it for its own.
        """
        client = self._client
        nodes = [client] if not self._cluster else [] if client is None else client.get_nodes()
        for node in nodes:
            of = node if node is client else node.redis_connection
            if of is not None:
                of.connection_pool.disconnect(inuse_connections=False)

    def get(self, key: bytes) -> bytes | None:
        """See `Store.get`."""
        return self._run("get", key, dialogue.get(key))

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See `Store.get_many`: one trip, or two where some are missing; in a cluster, as many as it has nodes."""
        return self._run("get_many", None, dialogue.get_many(keys, self._cluster))

    def time(self) -> int:
        """See `Store.time`."""
        return self._run("time", None, dialogue.time())

    def lease(self, key: bytes, token: bytes, seconds: float) -> Leased:
        """See `Store.lease`."""
        return self._run("lease", key, dialogue.lease(key, token, seconds))

    def release(self, key: bytes, token: bytes) -> None:
        """See `Store.release`."""
        self._run("release", key, dialogue.release(key, token))

    def swap(self, swap: Swap) -> Swapped:
        """See `Store.swap`."""
        return self._run("swap", swap.key, dialogue.swap(swap))

    def kept(self, bad: bytes) -> list[bytes]:
        """See `MemoryStore.kept`."""
        return self._run("kept", bad, dialogue.kept(bad))

    def claim(self) -> str | None:
        """See `Store.claim`."""
        return self._run("claim", None, dialogue.claim())

    def bind(self, environment: str, *, force: bool = False) -> str:
        """See `MemoryStore.bind`."""
        return self._run("bind", None, dialogue.bind(environment, force))

    def probe(self, environments: Iterable[str]) -> list[str]:
        """Return those environments whose keys the client's user may write.

        Each is ``SET ENVIRONMENT:__probe__ 1 XX PX 1``, which writes nothing unless that key is there.

        Args:
            environments: Names of environments, such as all but the own one.
        """
        return self._run("probe", None, dialogue.probe(_probes(environments)))

    def close(self) -> None:
        """See `Store.close`."""
        if self._make is not None and self._client is not None:
            self._client.close()


class AsyncRedisStore:
    """A store in Redis or Redis Cluster, for the coroutines of one loop.

    Args:
        client: A `redis.asyncio.Redis` or `redis.asyncio.RedisCluster`, as `RedisStore` demands of the other ones.

    Raises:
        ConfigError: The client is another; the error says what to do. Each call raises it in a process that was forked
            from that of the store.
    """

    def __init__(self, client: Any) -> None:
        self._lag = LoopLag(_checked(client, (redis.asyncio.Redis, AsyncRedisCluster), "AsyncRedisStore"))
        self._client = client
        self._cluster = isinstance(client, AsyncRedisCluster)
        self._made = False
        self._pid = os.getpid()

    @classmethod
    def from_url(cls, url: str, *, timeout: float = 0.05, cluster: bool = False, **options: Any) -> Self:
        """Make a store with a client of its own, which is closed with the store. Nothing is connected yet.

        Args:
            url: See `RedisStore.from_url`.
            timeout: Seconds to connect, and for a reply.
            cluster: Whether it is a node of a Redis Cluster.
            options: Further arguments of redis-py's client, such as ``ssl_ca_certs``.

        Raises:
            ConfigError: The URL or an option is wrong, or makes a client that a store refuses.
        """
        kind: Any = AsyncRedisCluster if cluster else redis.asyncio.Redis
        store = cls(_made(kind.from_url, url, timeout, AsyncRetry(NoBackoff(), 0), options))
        store._made = True
        return store

    async def _run(self, verb: str, key: bytes | None, steps: Dialogue[_T]) -> _T:
        if os.getpid() != self._pid:
            raise ConfigError(
                f"this store is of the process {self._pid}, whose connections a forked process must not use: make "
                f"another in the process {os.getpid()}"
            )
        reply: Any = None
        while True:
            try:
                call = step(steps, reply)
            except SafecodecError:
                raise
            except _CROSSED as error:
                raise _crossed(verb, error) from error
            if isinstance(call, Done):
                return call.result
            try:
                reply = await self._reply(call)
            except _FAILURES as error:
                reply = _answer(call, verb, key, error)

    async def _reply(self, call: Call) -> Any:
        """Make a call; at most `_REPEATS` times more where its reply may have come while the event loop stood."""
        for _ in range(_REPEATS):
            began = self._lag.watch()
            try:
                return await self._sent(call)
            except redis.TimeoutError:
                if not self._lag.was_late(began):
                    raise
        return await self._sent(call)

    async def _sent(self, call: Call) -> Any:
        if self._cluster:
            # Before it knows its nodes, redis-py sends a first command to any of them, to be redirected.
            await self._client.initialize()
        return await getattr(self._client, call.method)(*call.args, **call.kwargs)

    async def get(self, key: bytes) -> bytes | None:
        """See `Store.get`."""
        return await self._run("get", key, dialogue.get(key))

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See `RedisStore.get_many`."""
        return await self._run("get_many", None, dialogue.get_many(keys, self._cluster))

    async def time(self) -> int:
        """See `Store.time`."""
        return await self._run("time", None, dialogue.time())

    async def lease(self, key: bytes, token: bytes, seconds: float) -> Leased:
        """See `Store.lease`."""
        return await self._run("lease", key, dialogue.lease(key, token, seconds))

    async def release(self, key: bytes, token: bytes) -> None:
        """See `Store.release`."""
        await self._run("release", key, dialogue.release(key, token))

    async def swap(self, swap: Swap) -> Swapped:
        """See `Store.swap`."""
        return await self._run("swap", swap.key, dialogue.swap(swap))

    async def kept(self, bad: bytes) -> list[bytes]:
        """See `MemoryStore.kept`."""
        return await self._run("kept", bad, dialogue.kept(bad))

    async def claim(self) -> str | None:
        """See `Store.claim`."""
        return await self._run("claim", None, dialogue.claim())

    async def bind(self, environment: str, *, force: bool = False) -> str:
        """See `MemoryStore.bind`."""
        return await self._run("bind", None, dialogue.bind(environment, force))

    async def probe(self, environments: Iterable[str]) -> list[str]:
        """See `RedisStore.probe`."""
        return await self._run("probe", None, dialogue.probe(_probes(environments)))

    async def close(self) -> None:
        """See `Store.close`."""
        if self._made:
            await self._client.aclose()
