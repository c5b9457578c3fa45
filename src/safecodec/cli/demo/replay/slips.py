"""The processes that have a slip: each leaves bytes under production's keys that should not be there."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from random import Random
from typing import TYPE_CHECKING, Final, TypeAlias

from ..configuration import UserConfig, UserConfigInserted, inserted, random_config
from ..scenario import PRODUCTION, STAGING
from .redis_cache import CacheError, RedisCache
from .ways import CacheAside

if TYPE_CHECKING:
    from .schedule import Site
    from .served import Way

__all__ = ["STRIKERS", "Striker"]


class JSONSerializer:
    """The wrong serializer: it writes JSON where everybody reads Avro, and reads nothing else."""

    failures: tuple[type[Exception], ...] = (ValueError,)

    def encode(self, value: UserConfig, *, context: bytes) -> bytes:
        """Write a value as JSON; the key is not used."""
        del context
        return json.dumps(asdict(value)).encode()

    def decode(self, frame: bytes, *, context: bytes) -> UserConfig:
        """Read JSON; the key is not used."""
        del context
        return UserConfig(**json.loads(frame))


@dataclass(frozen=True, slots=True)
class Striker:
    """The process that has the slip, while it has it.

    Args:
        strike: Serves one request of that process, which leaves its bytes under the user's key.
        close: Closes its connections.
        failures: What a strike may fail with.
        loads: Where it notes when its database loads began.
    """

    strike: Callable[[int], object]
    close: Callable[[], None]
    failures: tuple[type[Exception], ...] = (CacheError,)
    loads: deque[float] = field(default_factory=deque)


Prepare: TypeAlias = "Callable[[Way, Site], Striker]"


def _wrong_serializer(way: Way, site: Site) -> Striker:
    serializer = JSONSerializer()
    client = CacheAside(site, way, serializer, serializer.failures, is_production=False)
    return Striker(client.get, client.close, client.failures, client.loader.started)


def _staging(way: Way, site: Site) -> Striker:
    client = way.open(site, STAGING)
    random = Random(f"{site.schedule.seed}:staging")
    own = [random_config(random, user) for user in range(site.schedule.keys)]
    return Striker(lambda user: client.fill(user, own[user]), client.close, client.failures)


def _newer(way: Way, site: Site) -> Striker:
    cache = RedisCache(site.redis, timeout=site.schedule.store_timeout)
    build = way.side.serializer(UserConfigInserted, version=3, environment=PRODUCTION)
    truth = site.schedule.truth()

    def strike(user: int) -> None:
        cache.set(way.key(site, user), build.encode(inserted(truth[user]), context=site.key(user).encode()))

    return Striker(strike, cache.close)


def _bits(way: Way, site: Site) -> Striker:
    cache = RedisCache(site.redis, timeout=site.schedule.store_timeout)
    random = Random(f"{site.schedule.seed}:bits")

    def strike(user: int) -> None:
        key = way.key(site, user)
        damaged = bytearray(cache.get(key) or b"\0")
        bit = random.randrange(8 * len(damaged))
        damaged[bit // 8] ^= 1 << bit % 8
        cache.set(key, bytes(damaged))

    return Striker(strike, cache.close)


STRIKERS: Final[Mapping[str, Prepare]] = {
    "serializer": _wrong_serializer,
    "staging": _staging,
    "newer": _newer,
    "bits": _bits,
    "deletes": _wrong_serializer,
}
"""Connects the process that has the slip, by the slip's name. The driver does the other slips to the store itself."""
