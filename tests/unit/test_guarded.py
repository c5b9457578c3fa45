"""The guarded cache as services call it, blocking and awaited alike."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import msgspec
import pytest

from guarded import CODEC, KINDS, Clock, Config, Guarded, Lost
from safecodec import Codec, EncodeError
from safecodec.cache import CacheUnavailableError, LoadRefusedError, LoadTimeoutError, Source, StoreError, Verdict
from safecodec.cache.effects import Wait
from safecodec.cache.stores.memory import MemoryStore
from safecodec.errors import ConfigError, DecodeError

Make = Callable[..., Guarded]


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes caches of one kind, and closes them."""
    made: list[Guarded] = []

    def guarded(*arguments: Any, **options: Any) -> Guarded:
        made.append(Guarded(request.param, *arguments, **options))
        return made[-1]

    yield guarded
    for one in made:
        one.__exit__()


def shown(answer: Any) -> tuple[Any, ...]:
    """An answer without what differs from run to run."""
    value = None if answer.value is None else answer.value.serial
    return value, answer.source, answer.verdict, type(answer.cause).__name__


def test_value_is_loaded_once(make: Make) -> None:
    """A key that is not stored is loaded once; then it comes from the store, with its age."""
    cache = make()
    assert shown(cache.answer("a")) == (1, Source.LOAD, Verdict.MISSING, "NoneType")
    cache.settle()
    answer = cache.answer("a")
    assert shown(answer) == (1, Source.CACHE, Verdict.OK, "NoneType")
    assert 0 <= answer.age < 5
    assert cache.get(b"a") == Config("a", 1)
    assert cache.source.loads == ["a"]
    assert (cache.stat("loads"), cache.stat("fills"), cache.stat("answers_cache")) == (1, 1, 2)


def test_absence_is_remembered(make: Make) -> None:
    """A source that has no value is not asked again before the negative entry ends."""
    cache = make(negative=30.0)
    cache.source.next = [None]
    assert cache.get("a") is None
    cache.settle()
    assert shown(cache.answer("a")) == (None, Source.CACHE, Verdict.OK, "NoneType")
    cache.clock.skip(31)
    assert cache.get("a", stale=0) == Config("a", 2)


def test_absence_that_is_not_remembered(make: Make) -> None:
    """With negative=None each call asks the source, and nothing is stored."""
    cache = make(negative=None)
    for loads in (1, 2):
        cache.source.next = [None]
        assert cache.get("a") is None
        cache.settle()
        assert len(cache.source.loads) == loads
    assert cache.store.get(cache.name("a")) is None


def test_changes(make: Make) -> None:
    """Values are set, expired, deleted and refreshed; the answers say so, blocking and awaited alike."""
    cache = make(soft_timeout=5.0)
    assert cache.set("a", Config("a", 100)) is True
    assert shown(cache.answer("a")) == (100, Source.CACHE, Verdict.OK, "NoneType")
    cache.expire("a")
    assert shown(cache.answer("a")) == (1, Source.LOAD, Verdict.STALE, "NoneType")
    cache.settle()
    assert shown(cache.refresh("a")) == (2, Source.LOAD, Verdict.OK, "NoneType")
    cache.settle()
    cache.delete("a")
    assert shown(cache.answer("a")) == (3, Source.LOAD, Verdict.DELETED, "NoneType")
    cache.settle()
    assert shown(cache.answer("a")) == (3, Source.CACHE, Verdict.OK, "NoneType")
    cache.expire("never stored")
    assert cache.set("a", None) is True
    assert cache.get("a") is None


def test_source_versions_decide(make: Make) -> None:
    """A value with a lower source version does not take the place of one with a higher."""
    cache = make(source_version=lambda value: value.serial)
    assert cache.set("a", Config("a", 7)) is True
    assert cache.set("a", Config("a", 5)) is False
    assert cache.set("a", Config("a", 5), source_version=8) is True


def test_values_that_cannot_be_written(make: Make) -> None:
    """A value that is no value of the codec is an EncodeError of set, and of the load of who asks for it."""
    cache = make(load=lambda _: "no config")
    with pytest.raises(EncodeError):
        cache.set("a", "no config")
    with pytest.raises(CacheUnavailableError) as caught:
        cache.get("a")
    assert isinstance(caught.value.cause, EncodeError)
    assert cache.stat("encode_errors") == 2


def test_several_keys_are_one_trip_and_one_load(make: Make) -> None:
    """The store is asked once, and the loader of several keys once for those that are not there."""
    cache = make()
    cache.cache._settings.load_many = lambda keys, **_: cache.source.load_many(keys)
    cache.set("b", Config("b", 100))
    answers = cache.get_many(["a", "b", "-c", "a"])
    assert list(answers) == ["a", "b", "-c"]
    assert [shown(one)[:2] for one in answers.values()] == [
        (1, Source.LOAD), (100, Source.CACHE), (None, Source.LOAD),
    ]  # fmt: skip
    assert cache.source.loads == [["a", "-c"]]
    cache.settle()
    assert {one.source for one in cache.get_many(["a", "b", "-c"]).values()} == {Source.CACHE}


def test_several_keys_without_a_loader_of_several(make: Make) -> None:
    """Each key that is not there is loaded by itself; one that cannot be is an error in its place."""
    cache = make(load=lambda key: Config(key, 1 // (key != "a")))
    answers = cache.get_many(["a", "b"])
    assert isinstance(answers["a"], CacheUnavailableError)
    assert isinstance(answers["a"].cause, ZeroDivisionError)
    assert answers["b"].value == Config("b", 1)
    with pytest.raises(ConfigError, match="get reads it"):
        cache.get_many("ab")


def test_load_of_several_that_fails_or_cannot_be_written(make: Make) -> None:
    """An error of the loader of several is one for each key; a value that cannot be written is one for its own."""
    cache = make()
    cache.cache._settings.load_many = lambda keys, **_: cache.source.load_many(keys)
    cache.source.next = [ZeroDivisionError()]
    assert all(isinstance(one.cause, ZeroDivisionError) for one in cache.get_many(["a", "b"]).values())
    cache.cache._settings.load_many = lambda *_, **__: {"c": "no config", "d": Config("d", 1)}
    answers = cache.get_many(["c", "d"])
    assert isinstance(answers["c"].cause, EncodeError)
    assert answers["d"].value == Config("d", 1)


def test_several_keys_of_a_lost_store(make: Make) -> None:
    """Without the store, each key has its last known good value, or is an error."""
    cache = make()
    cache.set("a", Config("a", 100))
    cache.store.is_lost = True
    cache.source.next = [ZeroDivisionError()]
    answers = cache.get_many(["a", "b"])
    assert shown(answers["a"]) == (100, Source.LAST_KNOWN_GOOD, None, "StoreError")
    assert answers["b"].verdict == "the store did not answer"


def test_several_keys_with_a_greatest_age(make: Make) -> None:
    """max_age is asked of each of several keys; an entry that is near its end is loaded behind the answer."""
    cache = make(fresh=100.0, jitter=0.0, eager=0.5)
    cache.set("a", Config("a", 100))
    cache.clock.skip(10)
    assert shown(cache.get_many(["a"], max_age=60)["a"])[:2] == (100, Source.CACHE)
    assert shown(cache.get_many(["a"], max_age=5)["a"])[:2] == (1, Source.LOAD)
    cache.settle()
    cache.clock.skip(60)
    assert shown(cache.get_many(["a"])["a"])[:2] == (1, Source.CACHE)
    cache.settle()
    assert shown(cache.get_many(["a"])["a"])[:2] == (2, Source.CACHE)


@pytest.mark.parametrize("keys", [["a"], ["a", "b", "c"]])
def test_refusals_are_counted_once_a_key(make: Make, keys: list[str]) -> None:
    """A load that a caller is refused is one in the counters, whether a key is asked for alone or with others."""
    cache = make(breaker=_breaker())
    cache.cache._settings.load_many = lambda keys, **_: cache.source.load_many(keys)
    cache.cache._core.flights.breaker._open(cache.clock.monotonic())
    cache.get_many(keys)
    assert cache.stat("refused_breaker") == len(keys)
    cache.answer(keys[0], default=None)
    assert cache.stat("refused_breaker") == len(keys) + 1


def test_foreign_bytes_are_a_verdict(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """Bytes that are no frame are decoded and reported once, answered by last known good, kept aside and replaced."""
    cache = make()
    cache.get("a")
    cache.settle()
    cache.plant("a", b"{}")
    cache.source.next = [0.2]
    answer = cache.answer("a")
    assert shown(answer) == (1, Source.LAST_KNOWN_GOOD, Verdict.FOREIGN_BYTES, "FrameTooShortError")
    assert shown(cache.answer("a"))[:3] == (1, Source.LAST_KNOWN_GOOD, Verdict.FOREIGN_BYTES)
    assert shown(cache.get_many(["a"])["a"])[:3] == (1, Source.LAST_KNOWN_GOOD, Verdict.FOREIGN_BYTES)
    cache.settle()
    assert shown(cache.answer("a"))[:3] == (2, Source.CACHE, Verdict.OK)
    assert cache.store.store.kept(cache.name("a", "bad")) == [b"{}"]
    assert sum("foreign bytes" in record.getMessage() for record in caplog.records) == 1
    assert cache.stat("verdict_foreign_bytes") == 4


def test_notes_are_few(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """The log has one line in ten seconds about one verdict, with how many more there were."""
    cache = make()
    cache.state.rate._next = 1e18
    for key in "abc":
        cache.plant(key, b"{}")
        with pytest.raises(CacheUnavailableError):
            cache.get(key, timeout=0)
    cache.clock.skip(11)
    cache.plant("d", b"{}")
    cache.answer("d", timeout=0, default=None)
    lines = [record.getMessage() for record in caplog.records if "foreign" in record.getMessage()]
    assert len(lines) == 2
    assert lines[1].endswith("(and 2 more like it)")


def test_frames_without_a_stamp_are_fresh(make: Make) -> None:
    """A frame that a writer without a guard has stored is an answer without an age, and last known good."""
    cache = make()
    cache.plant("a", CODEC.encode(Config("a", 100), context=b"a"))
    assert cache.answer("a") == (Config("a", 100), Source.CACHE, Verdict.OK, None, None)
    cache.expire("a")
    cache.source.next = [0.2]
    assert shown(cache.answer("a"))[:3] == (100, Source.LAST_KNOWN_GOOD, Verdict.STALE)
    cache.settle()


class Newer(msgspec.Struct):
    """Version 3, which readers of version 2 cannot read."""

    extra: list[int]


NEWER = Codec(Newer, subject="config", version=3, environment="test")


def test_newer_version_is_not_overwritten(make: Make) -> None:
    """A process that cannot read a newer version shares its loads with those of its own version, beside that frame."""
    cache = make()
    newer = NEWER.encode(Newer([1]), context=b"a")
    cache.plant("a", newer)
    assert shown(cache.answer("a")) == (1, Source.LOAD, Verdict.NEWER_VERSION, "UnknownVersionError")
    cache.settle()
    assert cache.store.get(cache.name("a")) == newer
    assert shown(cache.answer("a"))[:3] == (1, Source.LAST_KNOWN_GOOD, Verdict.NEWER_VERSION)
    other = make(cache.store, clock=cache.clock)
    assert shown(other.answer("a"))[:3] == (1, Source.CACHE, Verdict.NEWER_VERSION)
    assert shown(other.refresh("a"))[:3] == (1, Source.LOAD, Verdict.NEWER_VERSION)
    other.settle()
    assert cache.store.get(cache.name("a")) == newer


def test_second_copy(make: Make) -> None:
    """A process that has no value of its own answers from the second copy, which only guarded caches write."""
    first = make(keep_good=True)
    first.get("a")
    first.settle()
    first.plant("a", b"{}")
    second = make(first.store, clock=first.clock, keep_good=True, load_rate=0.001)
    second.state.rate.take(second.clock.monotonic())
    assert shown(second.answer("a"))[:3] == (1, Source.SECOND_COPY, Verdict.FOREIGN_BYTES)


def test_failed_load_does_not_extend_an_age(make: Make) -> None:
    """A stale value is served where the load fails, as long as the policy says, and not tried again at once."""
    cache = make(fresh=10.0, jitter=0.0, stale=20.0, throttle=5.0, soft_timeout=5.0)
    cache.get("a")
    cache.settle()
    cache.clock.skip(15)
    cache.source.next = [ZeroDivisionError("down")] * 5
    assert shown(cache.answer("a")) == (1, Source.LAST_KNOWN_GOOD, Verdict.STALE, "ZeroDivisionError")
    cache.settle()
    assert shown(cache.answer("a")) == (1, Source.LAST_KNOWN_GOOD, Verdict.STALE, "LoadRefusedError")
    cache.clock.skip(20)
    with pytest.raises(CacheUnavailableError, match="missing") as caught:
        cache.get("a")
    assert isinstance(caught.value.cause, ZeroDivisionError)
    assert caught.value.key == "a"
    assert cache.stat("load_errors") == 2


def test_options_of_a_call(make: Make) -> None:
    """A call may ask for a younger value, take an older one, wait for less, and have a default."""
    cache = make(fresh=10.0, jitter=0.0, eager=None, stale=100.0, soft_timeout=5.0)
    cache.get("a")
    cache.settle()
    cache.clock.skip(5)
    assert shown(cache.answer("a", max_age=1))[:2] == (2, Source.LOAD)
    cache.settle()
    cache.clock.skip(15)
    cache.source.next = [ZeroDivisionError()] * 4
    assert shown(cache.answer("a", stale=2, default=None))[:2] == (None, Source.DEFAULT)
    cache.settle()
    cache.clock.skip(50)
    assert cache.get("a", stale=100) == Config("a", 2)
    cache.settle()
    for wrong in ({"max_age": -1}, {"stale": "1"}, {"timeout": True}, {"stale": 101}):
        with pytest.raises(ConfigError):
            cache.get("a", **wrong)


def test_slow_load_is_not_waited_for(make: Make) -> None:
    """Where there is a stale value, an answer waits for the soft timeout, and the load goes on behind."""
    cache = make(fresh=10.0, jitter=0.0, soft_timeout=0.01)
    cache.get("a")
    cache.settle()
    cache.clock.skip(11)
    cache.source.next = [0.3]
    assert shown(cache.answer("a"))[:2] == (1, Source.LAST_KNOWN_GOOD)
    cache.settle()
    assert shown(cache.answer("a"))[:2] == (2, Source.CACHE)


def test_caller_waits_for_no_longer_than_it_says(make: Make) -> None:
    """A caller without any value has an error after its timeout; the load goes on, and is there for the next."""
    cache = make()
    cache.source.next = [0.3]
    if cache.kind == "awaited":
        cache.cache._settings.load = sleepy
        cache.cache._plain = cache.cache._settings.call(None, None, None, None)
    with pytest.raises(CacheUnavailableError):
        cache.get("a", timeout=0.01)
    cache.settle()
    assert cache.answer("a").source is Source.CACHE


async def sleepy(key: str, timeout: float) -> Config:
    """A load that is awaited."""
    await asyncio.sleep(min(timeout, 0.1))
    return Config(key, 1)


def test_fail_closed(make: Make) -> None:
    """Where only fresh values may be served, neither a stale one nor a default is."""
    cache = make(fail_closed=True, fresh=10.0, jitter=0.0)
    cache.get("a")
    cache.settle()
    cache.store.is_lost = True
    assert shown(cache.answer("a"))[:2] == (1, Source.LAST_KNOWN_GOOD)
    cache.clock.skip(11)
    cache.source.next = [ZeroDivisionError()]
    with pytest.raises(CacheUnavailableError):
        cache.get("a", default=None)


def test_lost_store_is_left_alone(make: Make) -> None:
    """A store that fails is not asked for a while; fresh values are answered without it and without a load."""
    cache = make(breaker=_breaker(), store_breaker=_breaker())
    cache.set("a", Config("a", 100))
    cache.set("b", None)
    cache.clock.skip(2)
    cache.store.is_lost = True
    sources = {cache.answer("a").source for _ in range(5)}
    assert sources == {Source.LAST_KNOWN_GOOD}
    assert cache.stat("store_refused") > 0
    assert cache.get("b") is None
    assert cache.source.loads == []
    assert cache.get("c") == Config("c", 1)
    with pytest.raises(StoreError):
        cache.delete("a")
    with pytest.raises(StoreError):
        cache.expire("b")
    with pytest.raises(StoreError):
        cache.set("d", Config("d", 1))
    assert cache.get("d") == Config("d", 1)
    cache.store.is_lost = False
    cache.clock.skip(10)
    assert cache.answer("c").source is not None
    assert cache.answer("a").verdict is not None


def _breaker() -> Any:
    from safecodec.cache import BreakerPolicy

    return BreakerPolicy(window=1.0, calls=2, shortest=1.0, longest=2.0)


def test_breaker_stops_loads(make: Make) -> None:
    """Loads that fail stop for a while, and begin again with one."""
    cache = make(breaker=_breaker())
    cache.source.next = [ZeroDivisionError()] * 2
    for _ in range(2):
        with pytest.raises(CacheUnavailableError):
            cache.get("a")
        cache.settle()
    with pytest.raises(CacheUnavailableError, match="stopped for a while") as caught:
        cache.get("a")
    assert isinstance(caught.value.cause, LoadRefusedError)
    cache.clock.skip(5)
    assert cache.get("a") == Config("a", 3)


def test_store_of_another_environment(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """A store that is bound to another environment is refused with every call; an unbound one is told of."""
    cache = make()
    cache.get("a")
    assert "safecodec claim" in caplog.text
    cache.settle()
    store = MemoryStore()
    store.bind("test", force=False)
    assert make(store).get("a") == Config("a", 1)
    store.bind("production", force=True)
    with pytest.raises(ConfigError, match="bound to the environment 'production'"):
        make(store).get("a")


def test_foreign_frame_under_the_key(make: Make) -> None:
    """A frame of another environment is never overwritten, and set and delete say so; a damaged tag is repaired."""
    cache = make()
    staging = Codec(Config, subject="config", version=2, environment="staging").encode(Config("a", 9), context=b"a")
    cache.plant("a", staging)
    with pytest.raises(CacheUnavailableError, match="two environments share a store"):
        cache.set("a", Config("a", 1))
    with pytest.raises(CacheUnavailableError, match="two environments share a store"):
        cache.delete("a")
    assert cache.answer("a").verdict is Verdict.WRONG_ENVIRONMENT
    assert cache.store.get(cache.name("a")) == staging
    damaged = bytearray(CODEC.encode(Config("b", 9), context=b"b"))
    damaged[17] ^= 1
    cache.plant("b", bytes(damaged))
    assert cache.set("b", Config("b", 1)) is True
    assert cache.get("b") == Config("b", 1)


def test_shadow_reads_compare(make: Make) -> None:
    """One answer in so many is compared with the source, behind it, and a difference is told."""
    told: list[Any] = []
    cache = make(shadow=2, on_difference=lambda *found: told.append(found))
    cache.set("a", Config("a", 1))
    cache.set("b", Config("b", 77))
    for key in "abab":
        assert cache.answer(key).source is Source.CACHE
        cache.settle()
    assert (cache.stat("shadow_same"), cache.stat("shadow_different")) == (0, 2)
    assert told[0] == ("b", Config("b", 77), Config("b", 1))
    cache.source.next = [ZeroDivisionError()]
    for key in "ab":
        cache.answer(key)
    cache.settle()
    assert cache.stat("load_errors") == 1
    silent = make(shadow=1)
    silent.set("a", Config("a", 1))
    silent.get("a")
    silent.settle()
    assert silent.stat("shadow_same") == 1
    silent.source.loads.clear()
    silent.state.rate._next = 1e18
    silent.get("a")
    assert silent.source.loads == []


def test_eager_refresh(make: Make) -> None:
    """An entry near its end is loaded behind the answer that it still is."""
    cache = make(fresh=10.0, jitter=0.0, eager=0.5)
    cache.get("a")
    cache.settle()
    cache.clock.skip(6)
    assert shown(cache.answer("a"))[:2] == (1, Source.CACHE)
    cache.settle()
    assert shown(cache.answer("a"))[:2] == (2, Source.CACHE)


def test_last_known_good_survives_the_process(make: Make) -> None:
    """Values are written down in a store of the process's own, and serve the next process; deleted ones do not."""
    clock, own = Clock(), Lost(MemoryStore())
    first = make(clock=clock, last_known_good=own)
    for key in "ab":
        first.get(key)
    first.settle()
    first.get("a")
    first.get("a")
    first.settle()
    first.delete("b")
    first.get("a")
    first.settle()
    next_one = make(clock=clock, last_known_good=own)
    next_one.store.is_lost = True
    next_one.source.next = [ZeroDivisionError()] * 9
    assert shown(next_one.answer("a"))[:3] == (1, Source.LAST_KNOWN_GOOD, None)
    for key in ("b", "c"):
        with pytest.raises(CacheUnavailableError):
            next_one.get(key, timeout=0.1)


def test_last_known_good_that_cannot_be_kept(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """A store of one's own that fails, or has what cannot be read, costs nothing but a line in the log."""
    own = Lost(MemoryStore())
    cache = make(last_known_good=own)
    own.is_lost = True
    cache.get("a")
    cache.settle()
    cache.get("a")
    cache.settle()
    assert "is not written down" in caplog.text
    assert "cannot be read" in caplog.text
    assert cache.stat("lkg_errors") == 2
    own.is_lost = False
    with own.store._locked():
        own.store._write(cache.name("b"), b"{}", cache.clock.wall() + 60)
        own.store._write(cache.name("d"), CODEC.encode(Config("d", 9), context=b"d"), cache.clock.wall() + 60)
    assert cache.get("b") == Config("b", 2)
    assert cache.get("d") == Config("d", 3)


def test_absent_value_is_recalled(make: Make) -> None:
    """That the source had no value is written down like a value."""
    own, clock = MemoryStore(), Clock()
    first = make(clock=clock, last_known_good=own)
    first.set("a", None)
    first.set("b", Config("b", 1))
    first.get("b")
    first.settle()
    next_one = make(clock=clock, last_known_good=own)
    next_one.store.is_lost = True
    assert shown(next_one.answer("a"))[:2] == (None, Source.LAST_KNOWN_GOOD)


def test_decorated_function_is_the_loader(make: Make) -> None:
    """A function with the decorator is called where its value is not cached, with its own arguments."""
    cache = make(load=None)
    calls: list[Any] = []

    def load(user: int, *, region: str = "eu") -> Config:
        """Docs."""
        calls.append((user, region))
        return Config(region, user)

    async def aload(user: int, *, region: str = "eu") -> Config:
        """Docs."""
        return load(user, region=region)

    loader = load if cache.runner is None else aload
    cached: Any = cache.cached(key=lambda user, region="eu": f"{region}:{user}")(loader)
    run = (lambda found: found) if cache.runner is None else cache.runner.run
    assert [run(cached(7, region="us")), run(cached(7, region="us"))] == [Config("us", 7)] * 2
    assert calls == [(7, "us")]
    assert cached.__doc__ == "Docs."
    with pytest.raises(ConfigError, match="no loader"):
        cache.get("a")


def test_loader_is_told_its_time(make: Make) -> None:
    """A loader with a parameter ``timeout`` gets the seconds that it may take; others, and those in C, do not."""
    told: list[float] = []

    def load(key: str, timeout: float) -> Config:
        told.append(timeout)
        return Config(key, 1)

    make(load=load, load_timeout=3.0).get("a")
    assert told == [3.0]
    assert make(load={"a": Config("a", 5)}.get).get("a") == Config("a", 5)
    from safecodec.cache.shell import takes_timeout

    assert takes_timeout(dict)([("a", 1)], timeout=1) == {"a": 1}


def test_verification_is_of_every_version(make: Make) -> None:
    """Frames are read by the plans of every version before they are stored, as often as the policy says."""
    refuse = {"wrong": True}

    class Picky(msgspec.Struct):
        key: str

        def __post_init__(self) -> None:
            if refuse["wrong"]:
                raise ValueError("not today")

    codec = Codec(Picky, subject="config", version=1, environment="test")
    refuse["wrong"] = False
    one = Picky("a")
    refuse["wrong"] = True
    with pytest.raises(DecodeError):
        make(codec=codec).set("a", one)
    make(codec=codec, verify="never").set("a", one)
    every_other = make(codec=codec, verify=2)
    every_other.set("a", one)
    with pytest.raises(DecodeError):
        every_other.set("a", one)
    assert every_other.stat("verify_errors") == 1


def test_hung_load_frees_key_and_waiters(make: Make) -> None:
    """A load that hangs costs its callers their time and no more; the key is loaded by the next, as permits allow."""
    cache = make(load_timeout=1.5, wait=0.0, load_concurrency=2)
    gate = threading.Event()

    def hang(key: str) -> Config:
        gate.wait(10)
        return Config(key, 1)

    if cache.kind == "blocking":
        cache.cache._settings.load = lambda key, **_: hang(key)
        cache.cache._plain = cache.cache._settings.call(None, None, None, None)
    else:
        cache.cache._settings.load = stubborn
        cache.cache._plain = cache.cache._settings.call(None, None, None, None)
    with pytest.raises(CacheUnavailableError):
        cache.get("a")
    assert cache.cache._core.flights.loading == 1
    cache.clock.skip(2)
    cache.cache._plain = cache.cache._settings.call(lambda key, **_: Config(key, 2), None, None, None)
    assert cache.get("a") == Config("a", 2)
    assert cache.stat("load_timeouts") == 1
    gate.set()
    cache.settle()
    assert cache.cache._core.flights.loading == 0


async def stubborn(key: str, **_: Any) -> Config:
    """A load that ignores that it is cancelled, for a while."""
    until = asyncio.get_running_loop().time() + 3.0
    while asyncio.get_running_loop().time() < until:
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            continue
    return Config(key, 1)


def test_job_that_cannot_start(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operating system without another thread is a failed load: last known good serves, and no key is held."""
    cache = make(fresh=10.0, jitter=0.0)
    cache.get("a")
    cache.settle()
    cache.clock.skip(11)

    def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setitem(cache.cache._perform, _start_effect(), fail)
        assert shown(cache.answer("a"))[:2] == (1, Source.LAST_KNOWN_GOOD)
    cache.clock.skip(60)
    assert cache.get("a", max_age=1) == Config("a", 2)


def _start_effect() -> Any:
    from safecodec.cache.effects import Start

    return Start


def test_error_of_ours_behind_an_answer_is_logged(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    """An error in a detached job goes to the log, and nowhere else."""
    cache = make(shadow=1, on_difference=lambda *_: 1 / 0)
    cache.set("a", Config("a", 77))
    assert cache.get("a") == Config("a", 77)
    cache.settle()
    assert "ended by an error of safecodec" in caplog.text


def test_settings_are_checked(make: Make) -> None:
    """What is no policy, no function, no store or no key is refused by name."""
    from safecodec.cache import AsyncGuardedCache, GuardedCache

    kind: Any = GuardedCache if make().kind == "blocking" else AsyncGuardedCache
    cache = make()
    policy = cache.state.policy
    with pytest.raises(ConfigError, match="policy is a GuardPolicy"):
        kind(cache.cache._store, CODEC, policy=3)
    with pytest.raises(ConfigError, match="load is a function"):
        kind(cache.cache._store, CODEC, load=3, policy=policy)
    with pytest.raises(ConfigError, match="awaited"):
        kind(Lost(MemoryStore()) if kind is AsyncGuardedCache else make_awaited(), CODEC, policy=policy)
    with pytest.raises(ConfigError, match="not empty"):
        cache.get("")


def make_awaited() -> Any:
    """A store whose calls are awaited."""
    from guarded import AwaitedStore

    return AwaitedStore(MemoryStore())


def test_single_flight(make: Make) -> None:
    """All who ask for a key at once share one load; each gets a value of its own."""
    cache = make()
    if cache.kind == "blocking":
        cache.source.next = [0.3]
        found: list[Any] = []
        threads = [threading.Thread(target=lambda: found.append(cache.get("a"))) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    else:

        async def all_at_once() -> list[Any]:
            return await asyncio.gather(*(cache.cache.get("a") for _ in range(6)))

        found = cache.runner.run(all_at_once()) if cache.runner else []
    assert found == [Config("a", 1)] * 6
    assert len({id(one) for one in found}) == 6
    assert cache.source.loads == ["a"]


def test_context_managers_close(make: Make) -> None:
    """A cache is closed at the end of its block, and waits for the loads that run."""
    cache = make()
    if cache.runner is None:
        with cache.cache as inner:
            assert inner.get("a") == Config("a", 1)
    else:

        async def block() -> None:
            async with cache.cache as inner:
                assert await inner.get("a") == Config("a", 1)

        cache.runner.run(block())
    time.sleep(0)
    assert not cache.cache._jobs


def test_load_timeout_says_its_time() -> None:
    """The error of a load that took too long has the seconds that it had."""
    assert LoadTimeoutError("late", seconds=2.0).seconds == 2.0


FORKED = """
import asyncio, os, sys
sys.path.insert(0, sys.argv[1])
from guarded import Config, Guarded

blocking, awaited = Guarded("blocking"), Guarded("awaited")
blocking.get("a"), awaited.get("a")
blocking.cache._core.flights.loading = 1
blocking.cache._lock.acquire()
child = os.fork()
if child == 0:
    assert blocking.stat("loads") == 0 and blocking.cache._core.flights.loading == 0
    assert blocking.get("b") == Config("b", 2)
    try:
        asyncio.run(awaited.cache.get("a"))
    except Exception as error:
        print(type(error).__name__, error, flush=True)
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert blocking.stat("loads") == 1
print("parent goes on")
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no forks")
def test_forked_process_begins_anew() -> None:
    """A child has no loads, permits, values and locks of its parent; a cache of the parent's loop is refused there."""
    tests = str(Path(__file__).resolve().parents[1])
    done = subprocess.run([sys.executable, "-c", FORKED, tests], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "ConfigError this AsyncGuardedCache belongs to another forked process" in done.stdout
    assert "parent goes on" in done.stdout


def test_cache_of_another_loop_is_refused() -> None:
    """An awaited cache belongs to the loop that called it first."""
    with Guarded("awaited") as cache:
        cache.get("a")
        with pytest.raises(ConfigError, match="another event loop"):
            asyncio.run(cache.cache.get("a"))


def test_cancelled_caller_harms_nobody() -> None:
    """Who is cancelled leaves alone: the others get their value; a load that nobody waits for any more is stopped."""
    ended: list[str] = []

    async def load(key: str) -> Config:
        try:
            await asyncio.sleep(0.2)
        finally:
            ended.append(key)
        return Config(key, 1)

    async def play(cache: Any) -> None:
        leader = asyncio.create_task(cache.get("a"))
        await asyncio.sleep(0.05)
        other = asyncio.create_task(cache.get("a"))
        await asyncio.sleep(0.02)
        leader.cancel()
        assert await other == Config("a", 1)
        alone = asyncio.create_task(cache.get("b"))
        await asyncio.sleep(0.05)
        alone.cancel()
        await asyncio.sleep(0.05)
        assert ended == ["a", "b"]
        assert cache._core.flights.loading == 0
        several = asyncio.create_task(cache.get_many(["c", "d"]))
        await asyncio.sleep(0.05)
        several.cancel()
        await asyncio.sleep(0.05)
        assert set(ended) == {"a", "b", "c", "d"}
        assert await cache.get("c") == Config("c", 1)

    with Guarded("awaited", load=load) as cache:
        assert cache.runner is not None
        cache.runner.run(play(cache.cache))


def test_loader_that_cancels_itself() -> None:
    """A loader that ends by a cancellation of its own is a load that failed."""

    async def load(key: str) -> Config:
        raise asyncio.CancelledError(key)

    with Guarded("awaited", load=load) as cache, pytest.raises(CacheUnavailableError) as caught:
        cache.get("a")
    assert isinstance(caught.value.cause, LoadTimeoutError)


def test_loader_does_not_see_the_request() -> None:
    """A load runs in an empty context: it gets no session or deadline of the request that began it."""
    request: ContextVar[str] = ContextVar("request")
    seen: list[Any] = []

    def load(key: str) -> Config:
        seen.append(request.get(None))
        return Config(key, 1)

    async def aload(key: str) -> Config:
        return load(key)

    request.set("of somebody")
    for kind, loader in (("blocking", load), ("awaited", aload)):
        with Guarded(kind, load=loader) as cache:
            cache.get("a")
    assert seen == [None, None]


def test_close_waits_for_loads(make: Make) -> None:
    """Close returns when the loads that run have ended, and joins their threads."""
    cache = make()
    cache.source.next = [0.2]
    with pytest.raises(CacheUnavailableError):
        cache.get("a", timeout=0.01)
    assert cache.cache._jobs
    cache.__getattr__("close")()
    assert cache.source.loads == ["a"]
    assert not any(thread.name == "safecodec-load" for thread in threading.enumerate())


def test_forked_child_by_hand() -> None:
    """A child's caches are as new; those of a loop are of no more use."""
    from safecodec.cache import aio, sync

    with Guarded("blocking") as cache:
        cache.get("a")
        sync._begin_anew()
        assert cache.stat("loads") == 0
    with Guarded("awaited") as awaited:
        awaited.get("a")
        aio._leave_behind()
        with pytest.raises(ConfigError, match="another forked process"):
            awaited.get("a")
        awaited.cache._forked = False


def test_awaited_lease_of_another_process() -> None:
    """A coroutine that has to wait for another process's load sleeps meanwhile."""
    with Guarded("awaited") as cache:
        cache.get("warm")
        cache.settle()
        cache.store.lease(cache.name("a", "lease"), b"other", 60.0)
        with pytest.raises(CacheUnavailableError, match="another process"):
            cache.get("a")


def test_shadow_without_a_listener(make: Make) -> None:
    """A difference that nobody wants to be told of is counted."""
    cache = make(shadow=1)
    cache.set("a", Config("a", 77))
    cache.get("a")
    cache.settle()
    assert cache.stat("shadow_different") == 1


def test_refresh_that_fails(make: Make) -> None:
    """A refresh whose load fails is an error, whatever is stored."""
    cache = make()
    cache.set("a", Config("a", 77))
    cache.source.next = [ZeroDivisionError("down")]
    with pytest.raises(CacheUnavailableError, match="down"):
        cache.refresh("a")
    assert cache.get("a") == Config("a", 77)


def test_changes_that_others_win(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change begins again where the entry changes under it, and gives up in the end."""
    from safecodec.cache.stores import Swapped

    cache = make()
    cache.set("a", Config("a", 1))
    for outcome in (Swapped.CHANGED, Swapped.FOREIGN, Swapped.OLDER):
        monkeypatch.setattr(cache.store.store, "swap", lambda _, outcome=outcome: outcome)
        assert cache.set("a", Config("a", 2)) is False
        cache.delete("a")
        cache.expire("a")
        monkeypatch.undo()
    assert cache.store.get(cache.name("a")) is not None


def test_loader_may_be_partial(make: Make) -> None:
    """A partial of a coroutine function is one."""
    from functools import partial

    from safecodec.cache.shell import takes_timeout

    def load(key: str, serial: int) -> Config:
        return Config(key, serial)

    assert make(load=partial(load, serial=5)).get("a") == Config("a", 5)
    assert takes_timeout(partial(partial(sleepy))).is_awaited
    assert not takes_timeout(partial(load)).is_awaited


def test_time_of_a_slow_reply_is_not_taken(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store's clock is not taken from a reply that was long on its way: values would seem younger than they are."""
    cache = make()
    before = cache.state._offset

    def late() -> int:
        cache.clock.skip(1)
        return 1

    monkeypatch.setattr(cache.store.store, "time", late)
    cache.get("a")
    assert cache.state._offset == pytest.approx(before, abs=0.5)
    assert cache.state._opened


def test_store_failure_of_a_quick_call_while_open(make: Make) -> None:
    """A quick call that fails after another has opened the breaker is counted, and is no probe."""
    cache = make()
    cache.get("a")
    state = cache.state
    state.store_breaker._open(state.monotonic())
    state.failed(state.monotonic())
    assert cache.stat("store_errors") == 1
    steps = state.guarded(None)
    state.store_breaker._open_until = None
    next(steps)
    with pytest.raises(KeyboardInterrupt):
        steps.throw(KeyboardInterrupt())
    assert cache.stat("store_errors") == 1


def test_several_that_are_loading_already(make: Make) -> None:
    """A key that is being loaded is not asked of the loader of several."""
    cache = make()
    cache.cache._settings.load_many = lambda keys, **_: cache.source.load_many(keys)
    core = cache.cache._core
    from safecodec.cache.state import Found

    flight = core.flights._new(core.state.entry("a"), Found(Verdict.MISSING), None, False)
    flight.succeed(CODEC.encode(Config("a", 50), context=b"a"), None)
    answers = cache.get_many(["a", "b"])
    assert [one.value.serial for one in answers.values()] == [50, 1]
    assert cache.source.loads == [["b"]]
    core.flights._land(flight)


def test_waiting_for_an_interrupted_leader_is_done_twice(make: Make) -> None:
    """Who waits for a load whose leader is interrupted joins once more, and no third time."""
    cache = make()
    core = cache.cache._core
    from safecodec.cache.effects import Start
    from safecodec.cache.state import Found

    entry, call = core.state.entry("a"), cache.cache._plain
    steps = core._flown(entry, Found(Verdict.MISSING), call, None, core.state.monotonic(), None)
    for _ in range(2):
        effect = next(steps)
        assert isinstance(effect, Start)
        effect.steps.close()
        flight = core.flights.flying(entry)
        core.flights._land(flight)
    with pytest.raises(StopIteration) as ended:
        next(steps)
    assert ended.value.value[0] is None
    assert ended.value.value[1].by == "cancellation"


def test_load_that_ends_before_its_caller_waits() -> None:
    """A caller whose load has ended between its start and the wait for it does not wait at all."""
    with Guarded("blocking", wait=10.0) as cache:
        perform = cache.cache._perform
        wait, ended = perform[Wait], []

        def late(effect: Any) -> None:
            cache.settle()
            ended.append(effect.flight.is_settled)
            effect.flight.wakers = None  # a wait would add to it
            wait(effect)

        perform[Wait] = late
        assert cache.get("a") == Config("a", 1)
        assert ended == [True]


def test_thread_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that the operating system refuses is no job that close would join."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with Guarded("blocking") as cache:
        monkeypatch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(CacheUnavailableError, match="can't start new thread"):
            cache.get("a")
        monkeypatch.undo()
        assert not cache.cache._jobs


def test_frames_are_verified_for_those_who_can_read_them(make: Make) -> None:
    """A version whose readers cannot read the frame is no reason not to store it."""
    codec = Codec(Inserted, subject="config", version=4, older={3: Older}, environment="test")
    cache = make(codec=codec)
    assert cache.set("a", Inserted(key="a"))


class Older(msgspec.Struct):
    """A version whose readers need to know the next one to read it."""

    key: str


class Inserted(msgspec.Struct, kw_only=True):
    """The next version: a field comes first."""

    serial: int = 0
    key: str


def test_close_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loads that do not end are waited for no longer than said; an awaited one is cancelled then."""
    monkeypatch.setattr("safecodec.cache.aio.CLOSING", 0.05)

    async def load(key: str) -> Config:
        await asyncio.sleep(30)
        return Config(key, 1)

    cache = Guarded("awaited", load=load)
    with pytest.raises(CacheUnavailableError):
        cache.get("a", timeout=0.01)
    cache.__getattr__("close")()
    cache.settle()
    assert cache.runner is not None
    cache.runner.close()
