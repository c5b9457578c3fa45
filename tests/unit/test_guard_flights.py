"""Loads beside other processes and within the limits of one: lease, turn, permits, breaker, deadlines."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from guarded import CODEC, Config, Guarded
from safecodec import Stamp
from safecodec.cache import CacheUnavailableError, LoadRefusedError, Source, Verdict
from safecodec.cache.effects import Ask, Load, Pause, Start
from safecodec.errors import LoadTimeoutError, StoreError


@pytest.fixture
def cache() -> Iterator[Guarded]:
    """A blocking cache."""
    with Guarded("blocking", fresh=10.0, jitter=0.0) as one:
        yield one


def stamped(cache: Guarded, serial: int, **terms: Any) -> bytes:
    """A frame of key a that is fresh now."""
    given = {"load_start": cache.state.store_now(), "fresh_for": 10_000} | terms
    return CODEC.encode(Config("a", serial), context=b"a", stamp=Stamp(**given))


def hold_lease(cache: Guarded, key: str = "a") -> None:
    """Have another process hold the lease of a key."""
    cache.get("warm")
    cache.settle()
    assert cache.store.lease(cache.name(key, "lease"), b"other", 60.0).granted


def test_value_of_another_process_is_waited_for(cache: Guarded) -> None:
    """Who does not get the lease takes what its holder stores, and does not load."""
    hold_lease(cache)
    timer = threading.Timer(0.05, lambda: cache.plant("a", stamped(cache, 77)))
    timer.start()
    answer = cache.answer("a")
    timer.join()
    assert (answer.value, answer.source) == (Config("a", 77), Source.LOAD)
    assert cache.source.loads == ["warm"]


def test_holder_that_does_not_store_is_not_waited_for_long(cache: Guarded) -> None:
    """Who has no value and no lease has an error in the end; who has a stale value serves it at once."""
    hold_lease(cache)
    with pytest.raises(CacheUnavailableError, match="another process loads this value") as caught:
        cache.get("a")
    assert isinstance(caught.value.cause, LoadRefusedError)
    cache.clock.skip(11)
    assert cache.store.lease(cache.name("warm", "lease"), b"other", 60.0).granted
    assert cache.answer("warm").source is Source.LAST_KNOWN_GOOD
    cache.settle()
    assert cache.stat("refused_lease") == 2


def test_value_that_was_stored_before_the_lease(cache: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process may have stored the value between the look and the lease: it is taken, the lease given back."""
    cache.get("warm")
    cache.settle()
    lease = cache.store.store.lease

    def late(*arguments: Any) -> Any:
        cache.plant("a", stamped(cache, 77))
        return lease(*arguments)

    monkeypatch.setattr(cache.store.store, "lease", late)
    assert cache.get("a") == Config("a", 77)
    cache.settle()
    assert cache.source.loads == ["warm"]
    assert cache.store.get(cache.name("a", "lease")) is None


def test_fill_compares_with_what_is_there_after_the_lease(cache: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other bytes that cannot be read are judged once more, and are what the fill replaces."""
    cache.get("warm")
    cache.settle()
    lease = cache.store.store.lease

    def late(*arguments: Any) -> Any:
        cache.plant("a", b"junk")
        return lease(*arguments)

    monkeypatch.setattr(cache.store.store, "lease", late)
    assert cache.get("a") == Config("a", 2)
    cache.settle()
    assert cache.answer("a").source is Source.CACHE
    assert cache.store.store.kept(cache.name("a", "bad")) == [b"junk"]


def test_lost_store_does_not_stop_loads(cache: Guarded) -> None:
    """Without a store there is no lease, and each process has its share of the rate as ever."""
    cache.store.is_lost = True
    assert cache.get("a") == Config("a", 1)
    cache.store.is_lost = False


def test_no_lease_where_none_is_asked_for() -> None:
    """lease=False loads without one, and throttle=0 tries as often as it is asked."""
    with Guarded("blocking", lease=False, throttle=0.0) as cache:
        hold_lease(cache)
        assert cache.get("a") == Config("a", 2)


def test_turn_is_waited_for() -> None:
    """Who has no value waits for its turn, where that comes in time; others are refused at once."""
    with Guarded("blocking", load_rate=100.0, wait=2.0) as cache:
        cache.state.rate._since -= 100  # no slow start
        assert [cache.get(key) for key in "abc"] == [Config(key, at) for at, key in enumerate("abc", 1)]
        cache.state.rate._next = 1e18
        with pytest.raises(CacheUnavailableError, match="the load rate or the permits"):
            cache.get("d")
        assert cache.state.rate.waiting == 0


def test_turn_that_does_not_come(cache: Guarded) -> None:
    """A permit that is not given back in time is not waited for any longer."""
    flights = cache.cache._core.flights
    cache.get("warm")
    cache.settle()
    flights.loading = flights.permits
    with pytest.raises(CacheUnavailableError, match="the load rate or the permits"):
        cache.get("a")
    cache.clock.skip(11)
    assert cache.answer("warm").source is Source.LAST_KNOWN_GOOD
    assert cache.stat("refused_concurrency") == 1
    flights.loading = 0
    assert cache.state.rate.waiting == 0


def test_load_that_nobody_waits_for_does_not_begin(cache: Guarded) -> None:
    """A flight that was given up while it waited for its turn ends without a load."""
    core, call = cache.cache._core, cache.cache._plain
    cache.get("warm")
    cache.settle()
    entry, found = core.state.entry("a"), _missing()
    flight = core.flights._new(entry, found, call.load, False)
    core.flights.loading = core.flights.permits
    steps = core.flights.load(call.load, "a", [flight])
    assert isinstance(next(steps), Pause)
    flight.fail(LoadTimeoutError("given up", seconds=1.0))
    core.flights.loading = 0
    with pytest.raises(LoadTimeoutError, match="did not begin in time"):
        steps.send(None)
    assert core.flights.loading == 0
    core.flights._land(flight)


def _missing() -> Any:
    from safecodec.cache.state import Found

    return Found(Verdict.MISSING)


def test_breaker_that_opens_while_a_turn_is_waited_for(cache: Guarded) -> None:
    """A load whose turn comes when the breaker is open is refused, and gives its permit back."""
    core, call = cache.cache._core, cache.cache._plain
    flight = core.flights._new(core.state.entry("a"), _missing(), call.load, False)
    core.flights.breaker._open(core.state.monotonic())
    with pytest.raises(LoadRefusedError, match="stopped for a while"):
        next(core.flights.load(call.load, "a", [flight]))
    assert core.flights.loading == 0
    core.flights._land(flight)


def test_deadline_frees_the_key(cache: Guarded) -> None:
    """A flight past its deadline holds up nobody: one that has not begun, one that loads, one that stores its value."""
    core, call = cache.cache._core, cache.cache._plain
    entry, flights = core.state.entry("a"), core.flights
    flight = flights._new(entry, _missing(), call.load, False)
    cache.clock.skip(60)
    assert flights.flying(entry) is None
    assert isinstance(flight.error, LoadTimeoutError)
    steps = flights.load(call.load, "a", [flight := flights._new(entry, _missing(), call.load, False)])
    assert isinstance(next(steps), Load)
    cache.clock.skip(60)
    assert flights.flying(entry) is None
    assert cache.stat("load_timeouts") == 1
    steps.close()
    flights._ended()
    flight = flights._new(entry, _missing(), call.load, False)
    flight.succeed(b"frame", None)
    cache.clock.skip(60)
    assert flights.flying(entry) is None
    flight.succeed(b"other", None)
    flight.fail(ValueError())
    assert (flight.frame, flight.error) == (b"frame", None)


def test_change_has_a_load_lost(cache: Guarded) -> None:
    """Only who asked before a change gets what a load in flight brings, and nobody keeps it."""
    cache.source.next = [0.3]
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(cache.get("a")))
    thread.start()
    until = time.monotonic() + 10
    while not cache.source.loads and time.monotonic() < until:
        time.sleep(0.005)
    assert cache.set("a", Config("a", 100))
    thread.join()
    cache.settle()
    assert found == [Config("a", 1)]
    assert cache.answer("a").value == Config("a", 100)
    core = cache.cache._core
    first = core.flights._new(core.state.entry("b"), _missing(), None, False)
    second = core.flights._new(core.state.entry("b"), _missing(), None, False)
    core.flights._lose(first)
    assert core.flights.flying(core.state.entry("b")) is second
    core.flights._land(second)


def test_interrupted_start_frees_the_key(cache: Guarded) -> None:
    """A job whose start is interrupted leaves its key, and the interruption goes on."""
    core, call = cache.cache._core, cache.cache._plain
    entry = core.state.entry("a")
    steps = core.flights.start(entry, _missing(), call.load, False)
    effect = next(steps)
    assert isinstance(effect, Start)
    effect.steps.close()
    with pytest.raises(KeyboardInterrupt):
        steps.throw(KeyboardInterrupt())
    assert core.flights.flying(entry) is None


def test_interrupted_load_says_nothing_about_the_source(cache: Guarded) -> None:
    """An interruption in a loader is no failure that the breaker counts; the lease goes back, and it goes on."""
    cache.get("warm")
    cache.settle()
    core, call = cache.cache._core, cache.cache._plain
    flight = core.flights._new(core.state.entry("a"), _missing(), call.load, False)
    steps = core.flights._load_one(flight, b"token")
    assert isinstance(next(steps), Load)
    release = steps.throw(SystemExit("now"))
    assert isinstance(release, Ask)
    assert release.method == "release"
    with pytest.raises(SystemExit, match="now"):
        steps.send(None)
    assert isinstance(flight.error, LoadRefusedError)
    assert flight.error.by == "cancellation"
    assert cache.stat("load_errors") == 0
    core.flights._ended()
    core.flights._land(flight)


def test_fill_that_fails_is_counted(cache: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that fails at the fill costs nobody the value; one that has changed keeps what it has."""
    cache.get("warm")
    cache.settle()

    def fail(*_: Any) -> Any:
        raise StoreError("lost")

    with monkeypatch.context() as patched:
        patched.setattr(cache.store.store, "swap", fail)
        assert cache.get("a") == Config("a", 2)
        cache.settle()
    cache.store.store.release(cache.name("a", "lease"), b"")

    def change(key: str, **_: Any) -> Config:
        cache.plant("b", stamped(cache, 77))
        return Config(key, 1)

    cache.cache._plain = cache.cache._settings.call(change, None, None, None)
    assert cache.get("b") == Config("b", 1)
    cache.settle()
    assert cache.stat("fills_changed") == 1
    assert cache.store.get(cache.name("b", "lease")) is None


def test_closed_flight_yields_no_more(cache: Guarded) -> None:
    """A flight whose steps are closed in the middle of its load gives its lease back by its end alone."""
    core, call = cache.cache._core, cache.cache._plain
    flight = core.flights._new(core.state.entry("a"), _missing(), call.load, False)
    steps = core.flights._load_one(flight, b"token")
    assert isinstance(next(steps), Load)
    steps.close()
    assert isinstance(flight.error, LoadRefusedError)
    core.flights._ended()
    core.flights._land(flight)


def test_lost_store_between_lease_and_look(cache: Guarded) -> None:
    """A store that is lost after the lease says nothing: the load goes on with what was seen before."""
    core, call = cache.cache._core, cache.cache._plain
    cache.get("warm")
    cache.settle()
    found = _missing()
    flight = core.flights._new(core.state.entry("a"), found, call.load, False)
    steps = core.flights._is_filled(flight)
    next(steps)
    with pytest.raises(StopIteration) as ended:
        steps.throw(StoreError("lost"))
    assert ended.value.value is False
    assert flight.found is found
    core.flights._land(flight)
