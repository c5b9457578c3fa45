"""``python -m bench.guard``: what the guarded cache costs beside bare calls, in one process and on a real Redis.

Every pair takes turns in one process, and the best round of each counts. The peers are redis-py with msgspec's
MessagePack, without a frame, a check or a policy; and redis-py with this codec.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from bench.machine import machine
from bench.results import Result
from bench.servers import RedisServer, redis_server
from safecodec import Codec, Stamp
from safecodec.bench.harness import THOROUGH, compare, pin
from safecodec.cache import GuardedCache, GuardPolicy, Source
from safecodec.cache.stores.redis import RedisStore
from safecodec.errors import StoreError

KEYS = [f"user:{number}" for number in range(100)]


class Config(msgspec.Struct):
    """The configuration of a user."""

    user_id: int
    plan: str
    seats: int
    rate_limit: int
    beta: bool
    regions: list[str]
    note: str


def config(number: int) -> Config:
    """A user's configuration."""
    return Config(number, "pro", 3, 400, False, ["eu-west", "us-east"], "called on Monday")


class Lost:
    """A store that is lost: every call fails at once."""

    def __getattr__(self, name: str) -> Any:
        def fail(*_: Any) -> Any:
            raise StoreError("lost")

        return fail


def cache_of(store: Any, codec: Codec[Config]) -> GuardedCache[Config]:
    """A guarded cache that may load as it likes."""
    policy = GuardPolicy(load_rate=1e5, load_concurrency=1, processes=1)
    return GuardedCache(store, codec, lambda key: config(int(key.partition(":")[2])), policy=policy)


def results(server: RedisServer) -> Iterator[Result]:
    """Measure; the server is emptied."""
    bare: Any = redis.Redis(port=server.port, socket_timeout=1, retry=Retry(NoBackoff(), 0))
    codec = Codec(Config, subject="config", version=1, environment="bench")
    encoder, decoder = msgspec.msgpack.Encoder(), msgspec.msgpack.Decoder(Config)
    cache = cache_of(RedisStore.from_url(server.url, timeout=1), codec)
    names = [f"bare:{key}" for key in KEYS]
    for number, (key, name) in enumerate(zip(KEYS, names, strict=True)):
        cache.set(key, config(number))
        bare.set(name, encoder.encode(config(number)))
        bare.set(f"framed:{key}", codec.encode(config(number), context=key.encode()))
    framed, contexts = [f"framed:{key}" for key in KEYS], [key.encode() for key in KEYS]
    key, name = KEYS[7], names[7]
    assert cache.answer(key).source is Source.CACHE
    assert cache.get(key) == decoder.decode(bare.get(name)) == config(7)

    def get() -> object:
        return cache.get(key)

    def bare_get() -> object:
        return decoder.decode(bare.get(name))

    def many() -> object:
        return cache.get_many(KEYS)

    def bare_many() -> object:
        return [decoder.decode(value) for value in bare.mget(names)]

    def framed_many() -> object:
        decode = codec.decode
        return [decode(value, context=one) for value, one in zip(bare.mget(framed), contexts, strict=True)]

    yield Result("get of a hot key", "redis-py GET, msgspec", *compare(get, bare_get, THOROUGH))
    yield Result(
        "get_many of 100 keys", "redis-py MGET, 100 x msgspec", *compare(many, bare_many, THOROUGH), target=1.2
    )
    yield Result("get_many of 100 keys", "redis-py MGET, 100 x Codec.decode", *compare(many, framed_many, THOROUGH))
    lost = cache_of(Lost(), codec)
    lost._core.state.keep(lost._core.state.entry(key), *good_frame(codec, key))
    for _ in range(10):
        lost.get(key)  # until the store's breaker is open
    assert lost.answer(key).source is Source.LAST_KNOWN_GOOD
    micro = compare(lambda: lost.get(key), lambda: None, THOROUGH)[0]
    yield Result("get from last known good", "5 µs", micro, 5e-6, target=1.0)
    plain = codec.encode(config(7), context=contexts[7])
    stamped = good_frame(codec, key)[0]

    def decode_stamped() -> object:
        return codec.decode(stamped, context=contexts[7])

    def decode_plain() -> object:
        return codec.decode(plain, context=contexts[7])

    yield Result("decode of a stamped frame", "of a plain frame", *compare(decode_stamped, decode_plain), target=1.05)


def good_frame(codec: Codec[Config], key: str) -> tuple[bytes, Stamp]:
    """A stamped frame that stays fresh, and its stamp."""
    stamp = Stamp(load_start=2**62 // 10**6, fresh_for=2**32 - 1)
    return codec.encode(config(7), context=key.encode(), stamp=stamp), stamp


def main() -> int:
    """Print the table; returns 1 where a target is missed."""
    print(machine(pin()))
    print("| work | peer | ours, µs | peer, µs | ratio | added, µs | target |\n|---|---|---|---|---|---|---|")
    missed = 0
    with redis_server() as server:
        for one in results(server):
            target = "" if one.target is None else f"{one.target:g} {'met' if one.passes else 'MISSED'}"
            missed += one.target is not None and not one.passes
            cells = (one.ours * 1e6, one.theirs * 1e6, one.ratio, (one.ours - one.theirs) * 1e6)
            print(f"| {one.name} | {one.peer} | " + " | ".join(f"{cell:.3g}" for cell in cells) + f" | {target} |")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
