"""What can go wrong with a Redis behind a store, with real servers and a proxy that misbehaves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
import redis

from proxies import Proxy, cut_after, delay
from safecodec.cache.keys import Keys
from safecodec.cache.stores import Swap, Swapped
from safecodec.cache.stores.lag import LoopLag
from safecodec.cache.stores.lua import FOREIGN
from safecodec.cache.stores.redis import AsyncRedisStore, RedisStore
from safecodec.errors import StoreError
from store_cases import Blocking, url
from store_entries import OURS, Entry, leased

KEYS = Keys("production", "user-config")
KEY, LEASE, BAD = KEYS.value("7"), KEYS.side("7", "lease"), KEYS.side("7", "bad")
OLD, NEW = Entry(1_000), Entry(2_000)
SOON = 0.1
"""A timeout in seconds, for stores whose calls are to fail. On a busy machine others may fail as well: see settled."""

Maker = Callable[..., Any]


def settled(call: Callable[..., Any], *args: Any) -> Any:
    """The result of a call once the way is good again, however busy the machine is."""
    until = time.monotonic() + 30
    while True:
        try:
            return call(*args)
        except StoreError:
            if time.monotonic() > until:
                raise


@pytest.fixture(params=["threads", "coroutines"])
def make(request: pytest.FixtureRequest) -> Iterator[Maker]:
    """Makes a store for a URL, with calls that return when they are done."""
    with ExitStack() as stack:

        def made(url: str, **options: Any) -> Any:
            given = {"timeout": 10, **options}
            if request.param == "threads":
                return stack.enter_context(closing(RedisStore.from_url(url, **given)))
            return stack.enter_context(closing(Blocking(lambda: AsyncRedisStore.from_url(url, **given))))

        yield made


@pytest.fixture
def proxy(redis_server: Any, redis_client: Any) -> Iterator[Proxy]:
    """A proxy in front of an empty server."""
    assert redis_client.dbsize() == 0
    with Proxy(redis_server.port) as found:
        yield found


def asked(expected: bytes | None = b"bad", **options: Any) -> Swap:
    given: dict[str, Any] = {"lease": LEASE, "bad": BAD, "environment": OURS, "seconds": 100, **options}
    return Swap(key=KEY, new=NEW.data, expected=expected, **given)


CALLS: dict[str, Callable[[Any], Any]] = {
    "get": lambda store: store.get(KEY),
    "get_many": lambda store: store.get_many([KEY, LEASE]),
    "time": lambda store: store.time(),
    "lease": lambda store: store.lease(LEASE, b"mine", 100),
    "release": lambda store: store.release(LEASE, b"mine"),
    "swap": lambda store: store.swap(asked()),
    "kept": lambda store: store.kept(BAD),
    "claim": lambda store: store.claim(),
    "bind": lambda store: store.bind("production"),
    "probe": lambda store: store.probe(["staging"]),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@every_call
def test_a_bad_way_is_an_error_of_the_store(make: Maker, proxy: Proxy, call: Callable[[Any], Any]) -> None:
    """A server that refuses, is silent, loses its reply or is cut off is a StoreError, whose cause is redis-py's."""
    store = make(url(proxy), timeout=SOON)
    for mode in ("refuse", "silent", "drop_replies", cut_after(1)):
        proxy.mode = mode
        with pytest.raises(StoreError, match="failed in Redis: ") as caught:
            call(store)
        assert isinstance(caught.value.__cause__, (redis.RedisError, OSError))
    proxy.mode = "pass"
    settled(lambda: call(store))


def test_a_reply_that_the_loop_is_too_late_to_read(proxy: Proxy) -> None:
    """Calls whose replies come while the event loop stands for longer than their timeout have their results."""

    async def play() -> None:
        store = AsyncRedisStore.from_url(url(proxy), timeout=SOON)
        for _ in range(3):
            calls = [asyncio.ensure_future(store.get(KEY)) for _ in range(10)]
            await asyncio.sleep(0.01)
            time.sleep(3 * SOON)
            assert await asyncio.gather(*calls) == [None] * 10
        await store.close()

    proxy.mode = delay(0.02)
    asyncio.run(play())
    assert proxy.connections > 10


@pytest.mark.parametrize(("is_late", "calls"), [(False, 1), (True, 3)])
def test_calls_are_repeated_for_the_sake_of_the_loop_alone(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch, is_late: bool, calls: int
) -> None:
    """A silent server is asked once where the event loop was in time, and at most three times where it was late."""

    async def play() -> None:
        store = AsyncRedisStore.from_url(url(proxy), timeout=SOON)
        proxy.mode = "pass"
        while await store.get(b"connects") is not None:
            pass
        proxy.mode = "drop_replies"
        with pytest.raises(StoreError, match="failed in Redis: TimeoutError"):
            await store.get(KEY)
        await store.close()

    monkeypatch.setattr(LoopLag, "was_late", lambda *_: is_late)
    asyncio.run(play())
    assert proxy.connections == calls


def test_a_lost_reply_of_a_swap(make: Maker, proxy: Proxy, redis_client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A swap whose reply is lost is made once and not repeated; the caller's own repetition finds it DONE."""
    monkeypatch.setattr(LoopLag, "was_late", lambda *_: False)
    redis_client.set(KEY, b"bad")
    redis_client.set(LEASE, b"mine")
    store = make(url(proxy), timeout=SOON)
    settled(lambda: store.swap(asked(expected=b"loads the script", lease=None)))
    del proxy.heard[:]
    proxy.mode = "drop_replies"
    with pytest.raises(StoreError):
        store.swap(asked(token=b"mine"))
    assert proxy.heard.count(b"EVALSHA") == 1
    proxy.mode = "pass"
    while redis_client.exists(LEASE):
        time.sleep(0.01)
    assert redis_client.get(KEY) == NEW.data
    assert settled(lambda: store.swap(asked(token=b"mine"))) == Swapped.DONE
    assert redis_client.lrange(BAD, 0, -1) == [b"bad"]


def test_a_lost_reply_of_a_lease(make: Maker, proxy: Proxy) -> None:
    """A lease whose reply is lost is held by its token, and granted to it again."""
    store = make(url(proxy), timeout=SOON)
    settled(lambda: store.lease(LEASE + b"2", b"connects, and loads the script", 100))
    proxy.mode = "drop_replies"
    with pytest.raises(StoreError):
        store.lease(LEASE, b"mine", 100)
    proxy.mode = "pass"
    while settled(lambda: store.get(LEASE)) is None:
        time.sleep(0.01)
    assert not leased(settled(lambda: store.lease(LEASE, b"other", 100)))
    assert leased(settled(lambda: store.lease(LEASE, b"mine", 100)))


def test_a_reply_that_is_cut_off_is_never_an_entry(make: Maker, proxy: Proxy, redis_client: Any) -> None:
    """Wherever a connection is cut in a reply, a read is the whole entry or an error."""
    redis_client.set(KEY, OLD.data)
    store = make(url(proxy))
    store.get(KEY)
    whole = len(b"$%d\r\n%b\r\n" % (len(OLD.data), OLD.data))
    for count in range(1, whole, 5):
        proxy.mode = cut_after(count)
        with pytest.raises(StoreError):
            store.get(KEY)
    proxy.mode = "pass"
    assert store.get(KEY) == OLD.data


def test_a_cancelled_call_crosses_no_replies(proxy: Proxy, redis_client: Any) -> None:
    """After a call was cancelled in flight, the next ones get replies of their own, and nobody else's."""
    keys = [KEYS.value(str(number)) for number in range(20)]
    for key in keys:
        redis_client.set(key, key)

    async def main() -> None:
        store = AsyncRedisStore.from_url(url(proxy), timeout=5, max_connections=2)
        proxy.mode = delay(0.01)
        for key in keys:
            task = asyncio.create_task(store.get(keys[0]))
            await asyncio.sleep(0.004)
            task.cancel()
            assert await store.get(key) == key
        await store.close()

    asyncio.run(main())


def test_a_server_without_memory(make: Maker, redis_server: Any, redis_client: Any) -> None:
    """Without memory a swap and a lease fail and change nothing, reads and releases go on."""
    store = make(url(redis_server))
    redis_client.set(KEY, b"bad")
    assert leased(store.lease(LEASE, b"mine", 100))
    redis_client.config_set("maxmemory-policy", "noeviction")
    redis_client.config_set("maxmemory", 1)
    try:
        calls: list[Callable[[], Any]] = [
            lambda: store.swap(asked(token=b"mine")),
            lambda: store.lease(LEASE + b"2", b"mine", 100),
        ]
        for call in calls:
            with pytest.raises(StoreError, match="used memory > 'maxmemory'"):
                call()
        assert (store.get(KEY), store.kept(BAD)) == (b"bad", [])
        store.release(LEASE, b"mine")
        assert store.get(LEASE) is None
    finally:
        redis_client.config_set("maxmemory", 0)


def test_a_replica_is_read_only(make: Maker, redis_server: Any, start_redis: Any) -> None:
    """A replica takes no swap and no lease, and is a failed store for both."""
    with start_redis("--replicaof", f"127.0.0.1 {redis_server.port}") as replica:
        store = make(url(replica))
        assert store.get(KEY) is None
        calls: list[Callable[[Any], Any]] = [lambda store: store.swap(asked(b"")), CALLS["lease"], CALLS["bind"]]
        for call in calls:
            with pytest.raises(StoreError, match="read only"):
                call(store)


def test_a_user_who_may_not(make: Maker, redis_server: Any, redis_client: Any) -> None:
    """A wrong password, and a command that is not allowed, are errors of the store that show no password."""
    redis_client.acl_setuser("reader", enabled=True, passwords=["+secret"], keys=["*"], commands=["+get"])
    try:
        wrong = make(f"redis://reader:wr0ng@127.0.0.1:{redis_server.port}")
        with pytest.raises(StoreError, match="invalid username-password") as caught:
            wrong.get(KEY)
        assert "wr0ng" not in str(caught.value)
        reader = make(f"redis://reader:secret@127.0.0.1:{redis_server.port}")
        assert reader.get(KEY) is None
        with pytest.raises(StoreError, match="no permissions"):
            reader.swap(asked())
    finally:
        redis_client.acl_deluser("reader")


def test_a_restart_with_nothing(make: Maker, start_redis: Any) -> None:
    """A server that comes back empty has neither entries nor scripts: the store goes on with the next call."""
    with start_redis() as server:
        store = make(url(server))
        assert store.swap(asked(b"")) == Swapped.DONE
    with pytest.raises(StoreError):
        store.get(KEY)
    with start_redis(port=server.port):
        assert store.get(KEY) is None
        assert leased(store.lease(LEASE, b"mine", 100))
        assert store.swap(asked(b"", token=b"mine")) == Swapped.DONE


def test_scripts_are_sent_once(make: Maker, proxy: Proxy, redis_client: Any) -> None:
    """A script's text goes to the server when the server does not have it, and else its digest alone."""
    redis_client.script_flush()
    store = make(url(proxy))
    for _ in range(3):
        store.swap(asked(b"other"))
        store.release(LEASE, b"mine")
    assert proxy.heard.count(b"EVAL\r\n") == 2
    assert proxy.heard.count(b"EVALSHA\r\n") == 6


def test_tls(make: Maker, redis_tls: Any) -> None:
    """rediss:// is TLS: with the authority's certificate all calls work, without it none does."""
    store = make(redis_tls.url, timeout=5, ssl_ca_certs=str(redis_tls.certificate))
    assert store.swap(asked(b"")) == Swapped.DONE
    assert store.get_many([KEY, LEASE]) == [NEW.data, None]
    with pytest.raises(StoreError, match="CERTIFICATE_VERIFY_FAILED"):
        make(redis_tls.url, timeout=5).get(KEY)
    with pytest.raises(StoreError):
        make(redis_tls.url.replace("rediss", "redis")).get(KEY)


def test_an_entry_that_is_no_string(make: Maker, redis_server: Any, redis_client: Any) -> None:
    """A hash is read as bytes that are no frame, however it is read; a swap moves it into quarantine, for a time."""
    store = make(url(redis_server))
    for field in (b"one", b"two"):
        redis_client.delete(KEY)
        redis_client.hset(KEY, field, b"value")
        assert store.get(KEY) == FOREIGN
        assert store.get_many([LEASE, KEY]) == [None, FOREIGN]
        assert store.swap(asked(b"")) == Swapped.CHANGED
        assert store.swap(asked(FOREIGN)) == Swapped.DONE
        assert store.get(KEY) == NEW.data
        assert redis_client.hgetall(BAD + b":moved") == {field: b"value"}
        assert 0 < redis_client.pttl(BAD + b":moved") <= 86_400_000
    redis_client.delete(KEY)
    redis_client.rpush(KEY, b"value")
    assert store.swap(asked(None, bad=None)) == Swapped.DONE
    assert store.get(KEY) == NEW.data


def test_side_keys_of_other_types(make: Maker, redis_server: Any, redis_client: Any) -> None:
    """A lease that is no string is nobody's, and a quarantine that is no list gives way: neither stops a repair."""
    store = make(url(redis_server))
    redis_client.hset(LEASE, b"field", b"value")
    redis_client.set(BAD, b"a string")
    redis_client.set(KEY, b"bad")
    assert store.kept(BAD) == []
    assert not leased(store.lease(LEASE, b"mine", 100))
    store.release(LEASE, b"mine")
    assert store.swap(asked(token=b"mine")) == Swapped.LOST
    assert store.swap(asked()) == Swapped.DONE
    assert (store.kept(BAD), redis_client.exists(LEASE)) == ([b"bad"], 0)


def test_times_to_live(make: Maker, redis_server: Any, redis_client: Any) -> None:
    """Entry, second copy, quarantine and lease have the times to live that they were given; a lease's is renewed."""
    store = make(url(redis_server))
    good = KEYS.side("7", "good")
    redis_client.set(KEY, b"bad")
    store.swap(asked(seconds=50, bad_seconds=70, good=good))
    store.lease(LEASE, b"mine", 10)
    store.lease(LEASE, b"mine", 90)
    for key, longest in ((KEY, 50), (good, 50), (BAD, 70), (LEASE, 90)):
        assert longest - 5 < redis_client.pttl(key) / 1000 <= longest


def test_errors_show_the_start_and_end_of_a_long_key(make: Maker, proxy: Proxy) -> None:
    """A message has at most 100 characters of a key, and the failed call's name."""
    proxy.mode = "refuse"
    store = make(url(proxy))
    with pytest.raises(StoreError) as caught:
        store.get(b"production:" + b"x" * 10_000 + b":end")
    text = str(caught.value)
    assert text.startswith("get of 'production:xxx")
    assert "...xxx" in text
    assert len(text.partition(" failed")[0]) <= len("get of ") + 100
    with pytest.raises(StoreError, match=r"^time failed in Redis: "):
        store.time()


def test_a_key_of_a_wrong_type_is_a_mistake_of_the_caller(make: Maker, redis_server: Any) -> None:
    """What redis-py cannot send is no failure of the store."""
    with pytest.raises(redis.DataError):
        make(url(redis_server)).get(["a list"])


# ---- the cluster


@pytest.mark.parametrize("name", ["swap", "get", "get_many"])
def test_a_cluster_behind_proxies_repeats_nothing(make: Maker, redis_cluster: Any, name: str) -> None:
    """In a cluster, too, a call whose reply is lost is sent once."""
    command = {"swap": b"EVALSHA\r\n", "get": b"GET\r\n", "get_many": b"MGET\r\n"}[name]
    with ExitStack() as stack:
        proxies = {server.port: stack.enter_context(Proxy(server.port)) for server in redis_cluster}

        def remapped(address: tuple[str, int]) -> tuple[str, int]:
            return (address[0], proxies[address[1]].port) if address[1] in proxies else address

        store = make(url(proxies[redis_cluster[0].port]), timeout=3 * SOON, cluster=True, address_remap=remapped)
        settled(store.swap, asked(None))
        settled(CALLS[name], store)
        for proxy in proxies.values():
            proxy.mode = "drop_replies"
            del proxy.heard[:]
        with pytest.raises(StoreError):
            CALLS[name](store)
        assert sum(proxy.heard.count(command) for proxy in proxies.values()) == 1
        for proxy in proxies.values():
            proxy.mode = "pass"
        assert settled(CALLS[name], store)


def test_a_cluster_that_is_down_keeps_nobody_from_starting(make: Maker, redis_cluster: Any) -> None:
    """A store of a cluster is made without the cluster; calls fail until it is there."""
    with Proxy(redis_cluster[0].port) as proxy:
        proxy.mode = "refuse"
        store = make(url(proxy), cluster=True)
        for name in ("get", "swap"):
            with pytest.raises(StoreError):
                CALLS[name](store)
        proxy.mode = "pass"
        assert store.get(b"not there") is None
