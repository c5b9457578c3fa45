"""The replay on a real Redis and a real PostgreSQL."""

from __future__ import annotations

import json
import multiprocessing
import re
import signal
import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import psycopg
import pytest
import redis

from bench.replay import replay
from bench.servers import PostgresServer, RedisServer, free_port
from safecodec.cache import CacheUnavailableError
from safecodec.cli import main
from safecodec.cli.demo.replay import driver, postgres
from safecodec.cli.demo.replay.accounts import Run
from safecodec.cli.demo.replay.events import Batch, Done, Failure, Go, Ready, Request
from safecodec.cli.demo.replay.postgres import Loader, LoadError, Observer, create_table, drop_table
from safecodec.cli.demo.replay.processor import Processor
from safecodec.cli.demo.replay.proxy import Proxy
from safecodec.cli.demo.replay.redis_cache import CacheError, RedisCache
from safecodec.cli.demo.replay.schedule import Schedule, Site
from safecodec.cli.demo.replay.slips import STRIKERS
from safecodec.cli.demo.replay.traffic import UNSERVED, Worker, child, read, strike
from safecodec.cli.demo.replay.ways import ways

SHORT = Schedule(
    keys=12,
    readers=1,
    open_rate=40,
    threads=3,
    closed=1,
    strike_rate=100,
    settle=0.1,
    slip_at=0.1,
    back_at=0.5,
    end_at=0.7,
    load_rate=20,
    # Of a machine that is busy with something else: no test is about these.
    store_timeout=5,
    load_timeout=30,
)
REFUSED = "host=127.0.0.1 port=1 user=nobody connect_timeout=2"


class Channel:
    """Both ends of a worker's pipe, in this process."""

    def __init__(self, settle: float = 0.1) -> None:
        self.messages: list[Any] = []
        self._settle = settle

    def send(self, message: object, /) -> None:
        """Keep what the worker tells."""
        self.messages.append(message)

    def recv(self) -> object:
        """Give the word to go."""
        return Go(time.monotonic() + self._settle)

    @property
    def requests(self) -> list[Request]:
        """All requests that were told."""
        return [one for message in self.messages if isinstance(message, Batch) for one in message.requests]

    @property
    def loads(self) -> list[float]:
        """All loads that were told."""
        return [one for message in self.messages if isinstance(message, Batch) for one in message.loads]


@pytest.fixture
def site(
    redis_server: RedisServer, postgres_server: PostgresServer, redis_client: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    """A small table with the users in it, and an empty Redis."""
    del redis_client
    monkeypatch.setattr(postgres, "FIRST_ROWS", 500)
    place = Site(redis=redis_server.url, postgres=postgres_server.dsn, schedule=SHORT)
    create_table(place.postgres, place.table, SHORT.truth(), scan_seconds=1e-6)
    yield place
    drop_table(place.postgres, place.table)


def slipping(site: Site, slip: str, **changes: Any) -> Site:
    """The site with another slip."""
    return replace(site, schedule=replace(site.schedule, slip=slip, **changes))


def fill(site: Site, way: str) -> None:
    """Put the truth into Redis."""
    with closing(ways()[way].open(site)) as client:
        for user, config in enumerate(site.schedule.truth()):
            client.fill(user, config)


def test_command_plays_ways_on_real_servers(
    redis_server: RedisServer,
    postgres_server: PostgresServer,
    redis_client: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By the server's own count each verdict of the codec alone is a query; the guard keeps its bound."""
    target = tmp_path / "page.html"
    words = ["demo", "--redis", redis_server.url, "--postgres", postgres_server.dsn, "--json", "--html", str(target)]
    load = ["--readers", "2", "--keys", "40", "--rate", "60", "--strike-rate", "60", "--scan", "1", "--load-rate", "8"]
    times = ["--slip-at", "0.5", "--back-at", "2", "--end-at", "2"]
    assert main([*words, *load, *times, "--way", "codec", "--way", "guard"]) == 0
    document = json.loads(capsys.readouterr().out)
    codec, guard = document["ways"]
    assert (codec["way"], guard["way"]) == ("codec", "guard")
    assert (codec["wrong"], guard["wrong"]) == (0, 0)
    # On a machine that is busy with something else Redis is late as well, and requests are given up.
    assert codec["verdicts"].keys() <= {"NotAFrameError", "TimeoutError", "ConnectionError"}
    assert guard["verdicts"].keys() <= {"foreign bytes", "no answer from Redis"}
    assert codec["errors"].keys() | guard["errors"].keys() <= {UNSERVED}
    assert guard["bound"]["holds"]
    assert codec["bound"] is None
    # Requests of the settling time load as well, and have no verdict in the accounts.
    assert codec["loads"] >= sum(codec["verdicts"].values())
    # What the readers noted is what the server counted.
    assert all(way["loads"] == way["queries_of_production"] for way in (codec, guard))
    assert document["servers"]["counted by"] == "pg_stat_statements"
    assert document["table"]["scan_seconds"] >= 0.001
    ElementTree.fromstring(target.read_text(encoding="utf-8"))
    assert redis_client.keys("*replay*") == []
    with psycopg.connect(postgres_server.dsn) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE tablename LIKE '%replay%'").fetchone() == (0,)


def test_command_shows_a_table(
    redis_server: RedisServer,
    postgres_server: PostgresServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without --json the outcomes are a table; a wrong value that safecodec served ends the command with 1."""

    def play(way: Any, site: Site, after_second: Any) -> Run:
        run = Run(way.name, site.schedule, way.is_guarded, requests=[Request(0.5, 0.001, True, "", "", "cache")])
        after_second(run, 1)
        return run

    monkeypatch.setattr(driver, "play", play)
    monkeypatch.chdir(tmp_path)
    words = ["demo", "--redis", redis_server.url, "--postgres", postgres_server.dsn, "--scan", "0.001"]
    assert main([*words, "--way", "bare"]) == 0
    assert main(words) == 1
    out = capsys.readouterr().out
    assert "The wrong serializer" in out
    assert str(tmp_path / "safecodec-replay.html") in out.replace("\n", "")
    assert main([*words, "--html", str(tmp_path / "missing" / "page.html")]) == 2
    assert "cannot write the page" in capsys.readouterr().err


def test_servers_that_do_not_answer_are_said(
    redis_server: RedisServer, postgres_server: PostgresServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """A Redis or PostgreSQL that refuses ends the command with 2 and the server's own words."""
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    assert main(["demo", "--json", "--redis", nowhere, "--postgres", postgres_server.dsn]) == 2
    assert "the replay did not run: Error" in capsys.readouterr().err
    assert main(["demo", "--json", "--redis", redis_server.url, "--postgres", REFUSED]) == 2
    assert "the replay did not run: PostgreSQL says OperationalError" in capsys.readouterr().err


def test_servers_of_the_replay_are_stopped(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What make replay starts is stopped, whatever becomes of the command; a server that is missing is said."""
    ports: list[str] = []

    def command(words: list[str]) -> int:
        ports.extend(re.findall(r"[:=](\d{4,5})\b", " ".join(words)))
        return 5

    monkeypatch.setattr("bench.replay.main", command)
    assert replay(["--json"]) == 5
    assert len(ports) == 2
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(port)))
    monkeypatch.setenv("PATH", "")
    assert replay([]) == 2
    assert "redis-server is not installed" in capsys.readouterr().err


@pytest.mark.parametrize("way", ways())
def test_reader_serves_the_truth(site: Site, way: str) -> None:
    """A reader whose cache is warm serves every request of its schedule from it, and loads nothing."""
    fill(site, way)
    channel = Channel()
    read(way, site, 0, channel)
    assert channel.messages[0] == Ready()
    assert channel.messages[-1] == Done()
    # The arrivals of the settling time and of the run; the closed loop adds its own.
    assert len(channel.requests) > int((SHORT.settle + SHORT.end_at) * SHORT.open_rate)
    assert {(one.is_wrong, one.error, one.verdict, one.source) for one in channel.requests} == {
        (False, "", "", "cache")
    }
    assert channel.loads == []


@pytest.mark.parametrize("way", ways())
@pytest.mark.parametrize("slip", STRIKERS)
def test_slip_strikes_while_it_is_live(site: Site, way: str, slip: str, redis_client: Any) -> None:
    """A slip leaves other bytes under production's keys; a guarded process of staging cannot."""
    site = slipping(site, slip)
    fill(site, way)
    keys = [ways()[way].key(site, user) for user in range(SHORT.keys)]
    before = redis_client.mget(keys)
    channel = Channel()
    strike(way, site, channel)
    assert channel.messages[-1] == Done()
    assert len(channel.requests) == int((SHORT.back_at - SHORT.slip_at) * SHORT.strike_rate)
    assert not {one.error for one in channel.requests} - {"", UNSERVED}
    assert all(SHORT.slip_at - 1e-6 <= one.at < SHORT.back_at for one in channel.requests)
    after = redis_client.mget(keys)
    assert (after == before) == ((way, slip) == ("guard", "staging"))
    assert bool(channel.loads) == (slip in ("serializer", "deletes"))


@pytest.mark.parametrize("slip", STRIKERS)
def test_codec_and_guard_serve_no_wrong_value(site: Site, slip: str) -> None:
    """After any slip, a reader of the codec or the guard gets the truth or an error, and the truth from a guard."""
    site = slipping(site, slip)
    truth = SHORT.truth()
    for way in ("codec", "guard"):
        fill(site, way)
        with closing(ways()[way].open(site)) as client:
            before = [client.get(user) for user in range(SHORT.keys)]
            strike(way, site, Channel())
            after = [client.get(user) for user in range(SHORT.keys)]
            assert [served.value for served in before] == truth
            assert [served.value for served in after] == truth
            is_harmless = (way, slip) == ("guard", "staging")
            assert all(not served.verdict for served in after) == is_harmless


def test_cold_cache_is_a_miss(site: Site) -> None:
    """What is not in Redis is loaded and written back, and named a miss; without Redis, requests still have answers."""
    truth = SHORT.truth()
    for user, way in enumerate(ways().values()):
        with closing(way.open(site)) as client:
            first, second = client.get(user), client.get(user)
            assert (first.value, first.verdict, first.source) == (truth[user], "miss", "load")
            assert (second.value, second.verdict, second.source) == (truth[user], "", "cache")
    lost = replace(site, redis=f"redis://127.0.0.1:{free_port()}/0")
    verdicts = set()
    for way in ways().values():
        with closing(way.open(lost)) as client:
            served = client.get(3)
            assert (served.value, served.source) == (truth[3], "load")
            verdicts.add(served.verdict)
    assert verdicts == {"ConnectionError", "no answer from Redis"}


def test_deletes_on_error_leave_nothing(site: Site, redis_client: Any) -> None:
    """Where deletes on error are the slip, an unreadable value is gone even if the database gives no other."""
    site = slipping(site, "deletes")
    way = ways()["codec"]
    key = way.key(site, 5)
    redis_client.set(key, b"no frame")
    with closing(way.open(replace(site, postgres=REFUSED))) as client, pytest.raises(LoadError):
        client.get(5)
    assert redis_client.exists(key) == 0
    lost = replace(site, redis=f"redis://127.0.0.1:{free_port()}/0", postgres=REFUSED)
    with closing(way.open(lost)) as client, pytest.raises(LoadError):
        client.get(5)
    plain = slipping(site, "serializer")
    redis_client.set(key, b"no frame")
    with closing(way.open(replace(plain, postgres=REFUSED))) as client, pytest.raises(LoadError):
        client.get(5)
    assert redis_client.get(key) == b"no frame"


def test_guard_without_anything_fails(site: Site) -> None:
    """A guard that has neither store, database nor last known good value raises its own error."""
    nothing = replace(site, redis=f"redis://127.0.0.1:{free_port()}/0", postgres=REFUSED)
    with closing(ways()["guard"].open(nothing)) as client, pytest.raises(CacheUnavailableError) as caught:
        client.get(1)
    assert isinstance(caught.value, client.failures)


@pytest.mark.parametrize(("slip", "method"), [("cold", driver.METHOD), ("lost", "spawn")])
def test_driver_does_to_the_store_what_no_process_does(
    site: Site, slip: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that loses its values, or refuses, is met by the readers during the slip and not before it."""
    monkeypatch.setattr(driver, "METHOD", method)
    seconds: list[int] = []
    run = driver.play(ways()["bare"], slipping(site, slip), lambda _, second: seconds.append(second))
    expected = {"cold": {"miss"}, "lost": {"ConnectionError"}}[slip]
    assert run.verdicts.keys() == expected
    assert run.failed == run.wrong == run.strikes == 0
    assert all(one.at + one.seconds > SHORT.slip_at for one in run.measured if one.verdict)
    assert seconds[0] == 0
    assert run.samples
    assert len(run.loads) == sum(bool(one.verdict) for one in run.requests)


def test_failing_process_ends_the_replay(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that fails, dies, or is never ready ends the replay with an error that says so."""
    way = ways()["bare"]

    class Unknown:
        name = "unknown"
        side, key, open, is_guarded = way.side, way.key, way.open, False

    with pytest.raises(driver.ReplayError, match=r"failed:\n.*(?s:.)*KeyError: 'unknown'"):
        driver.play(Unknown(), site, lambda *_: None)
    monkeypatch.setattr(driver, "START_SECONDS", 0.0)
    with pytest.raises(driver.ReplayError, match="was not ready"):
        driver.play(way, site, lambda *_: None)
    near, far = multiprocessing.Pipe()
    far.close()
    process = multiprocessing.get_context("spawn").Process(target=print)
    process.start()
    with closing(near), pytest.raises(driver.ReplayError, match="ended with exit code 0"):
        driver._received(driver._Process(process, near, True))


def test_child_tells_what_ends_it() -> None:
    """An error that ends a process' function is told to the parent, with its traceback."""
    told = Channel()

    def fail(text: str, channel: Channel) -> None:
        del channel
        raise ValueError(text)

    before = signal.getsignal(signal.SIGINT)
    try:
        child(fail, ("so it is",), told)
        child(lambda channel: channel.send(Done()), (), told)
    finally:
        signal.signal(signal.SIGINT, before)
    assert isinstance(told.messages[0], Failure)
    assert "ValueError: so it is" in told.messages[0].text
    assert told.messages[1:] == [Done()]


def test_failed_request_is_named_by_its_error() -> None:
    """A request's own errors are counted under their class; any other error is a defect, and ends the process."""

    def act(user: int) -> None:
        raise LoadError("no") if user else ZeroDivisionError

    channel = Channel()
    worker = Worker(act, (LoadError,), SHORT, None, deque())
    worker.run([lambda: worker.request(1, time.monotonic())], channel)
    assert [one.error for one in channel.requests] == ["LoadError"]
    with pytest.raises(ZeroDivisionError):
        worker.run([lambda: worker.request(0, time.monotonic())], channel)


def test_requests_are_timed_from_their_schedule() -> None:
    """A request that waits for a busy reader has waited since it was due, and what is given up is counted as failed."""
    channel = Channel()
    worker = Worker(lambda _: time.sleep(0.4), (LoadError,), SHORT, None, deque())
    worker.start = time.monotonic()
    worker.run([worker.open_loop("one", 20, 0.0, 0.2, 0.2)], channel)
    first, *others = channel.requests
    assert [one.at for one in channel.requests] == pytest.approx([0.0, 0.05, 0.1, 0.15])
    assert first.error == ""
    assert first.seconds >= 0.4
    assert {one.error for one in others} == {UNSERVED}
    assert all(one.at + one.seconds >= 0.4 for one in others)


def test_table_grows_until_a_scan_takes_long_enough(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows are added until the fallback query takes the time asked for, and not beyond a limit."""
    truth = SHORT.truth()
    monkeypatch.setattr(postgres, "FIRST_ROWS", 1000)
    measured = iter([0.002, 0.003, 0.005, 0.001])
    monkeypatch.setattr(postgres, "_least_scan", lambda *_: next(measured))
    table = create_table(postgres_server.dsn, "replay_grows", truth, scan_seconds=0.004)
    try:
        assert table.scan_seconds == 0.005
        with psycopg.connect(postgres_server.dsn) as connection:
            assert connection.execute("SELECT count(*) FROM replay_grows").fetchone() == (table.rows,)
        assert table.rows > 2 * 1000 + len(truth)
        with closing(Loader(postgres_server.dsn, table.name, timeout=5)) as loader:
            assert [loader.load(user) for user in range(len(truth))] == truth
            assert len(loader.started) == len(truth)
            with pytest.raises(LoadError, match="no user 99999"):
                loader.load(99_999)
        monkeypatch.setattr(postgres, "MOST_ROWS", 1500)
        with pytest.raises(LoadError, match="less than it should"):
            create_table(postgres_server.dsn, "replay_too_large", truth)
    finally:
        drop_table(postgres_server.dsn, "replay_grows")
        drop_table(postgres_server.dsn, "replay_too_large")


def test_loader_survives_what_the_server_does(site: Site) -> None:
    """A query that takes too long and a connection that the server ends are errors; the next load works."""
    with closing(Loader(site.postgres, site.table, timeout=0.01)) as hasty:
        with psycopg.connect(site.postgres) as holder:
            holder.execute(f"LOCK TABLE {site.table}")
            for user in range(3):
                with pytest.raises(LoadError, match="QueryCanceled"):
                    hasty.load(user)
        assert len(hasty._idle) == 1
    with closing(Loader(site.postgres, site.table, timeout=5)) as loader:
        loader.open(2)
        with psycopg.connect(site.postgres, autocommit=True) as connection:
            for one in loader._idle:
                connection.execute("SELECT pg_terminate_backend(%s)", (one.info.backend_pid,))
        for _ in range(2):
            with pytest.raises(LoadError):
                loader.load(1)
        assert loader.load(1) == SHORT.truth()[1]
        assert len(loader._idle) == 1


def test_refusals_of_the_database_are_load_errors() -> None:
    """Whatever connects to a server that refuses ends with the same error."""
    loader = Loader(REFUSED, "t", timeout=1)
    for refused in (
        lambda: loader.open(1),
        lambda: loader.load(1),
        lambda: create_table(REFUSED, "t", []),
        lambda: drop_table(REFUSED, "t"),
        lambda: Observer(REFUSED, "t"),
    ):
        with pytest.raises(LoadError, match="OperationalError"):
            refused()


def test_counters_are_the_servers_own(site: Site) -> None:
    """pg_stat_statements tells production's queries from the others; pg_stat_user_tables has all of them."""
    with (
        closing(Observer(site.postgres, site.table)) as statements,
        closing(Observer(site.postgres, site.table, statements=False)) as tables,
    ):
        assert (statements.source, tables.source) == ("pg_stat_statements", "pg_stat_user_tables")
        before, scans = statements.counts(), tables.counts().production
        for is_production, count in ((True, 3), (False, 2)):
            with closing(Loader(site.postgres, site.table, timeout=5, is_production=is_production)) as loader:
                for user in range(count):
                    assert loader.load(user) == SHORT.truth()[user]
        after = statements.counts()
        assert (after.production - before.production, after.other - before.other) == (3, 2)
        assert after.busy is not None
        assert before.busy is not None
        assert after.busy > before.busy
        until = time.monotonic() + 20
        while tables.counts().production < scans + 5 and time.monotonic() < until:
            time.sleep(0.05)  # a backend reports to the statistics when it ends
        assert tables.counts().production == scans + 5
        assert tables.counts().busy is None
        processor = Processor(statements.backend)
        assert processor.seconds() is not None


def test_server_without_statements_is_asked_otherwise(postgres_server: PostgresServer) -> None:
    """A server on which pg_stat_statements may not be created is asked for its scans of the table."""
    with psycopg.connect(postgres_server.dsn, autocommit=True) as connection:
        connection.execute("CREATE ROLE limited LOGIN")
        connection.execute("CREATE DATABASE plain OWNER postgres")
    dsn = postgres_server.dsn.replace("user=postgres dbname=postgres", "user=limited dbname=plain")
    with closing(Observer(dsn, "t")) as observer:
        assert observer.source == "pg_stat_user_tables"


def test_cache_deletes_what_has_the_mark_and_nothing_else(redis_server: RedisServer, redis_client: Any) -> None:
    """Clearing a run deletes every key that has its mark, and no other."""
    redis_client.mset({f"a:mark:{number}": "x" for number in range(1203)} | {"other": "x"})
    with closing(RedisCache(redis_server.url, timeout=5)) as cache:
        assert cache.clear("mark") == 1203
        assert cache.clear("mark") == 0
        assert cache.version().count(".") == 2
    assert redis_client.keys() == [b"other"]


def test_proxy_refuses_while_redis_is_lost(redis_server: RedisServer) -> None:
    """Through the proxy Redis answers, refuses every connection while it is lost, and answers again afterwards."""
    proxy = Proxy(redis_server.url.replace("redis://", "redis://default:x@"))
    assert proxy.url.startswith("redis://default:x@127.0.0.1:")
    url = proxy.url.replace("default:x@", "")
    with closing(RedisCache(url, timeout=2)) as cache:
        cache.set(b"k", b"v" * 100_000)
        assert cache.get(b"k") == b"v" * 100_000
        proxy.lose()
        for _ in range(3):
            with pytest.raises(CacheError):
                cache.get(b"k")
        proxy.bring_back()
        assert cache.get(b"k") == b"v" * 100_000
        cache.delete(b"k")
        proxy.lose()


def test_connection_on_its_way_is_lost_with_redis(redis_server: RedisServer) -> None:
    """A connection that the proxy accepts while Redis is being lost is closed, and passes nothing."""
    proxy = Proxy(redis_server.url)
    proxy._is_lost = True
    with closing(RedisCache(proxy.url, timeout=5)) as cache, pytest.raises(CacheError):
        cache.get(b"k")
    proxy.lose()


def test_proxy_to_nowhere_closes() -> None:
    """A connection through a proxy whose Redis is not there is closed."""
    proxy = Proxy(f"redis://127.0.0.1:{free_port()}/0")
    with socket.create_connection(("127.0.0.1", int(proxy.url.rpartition(":")[2].partition("/")[0]))) as near:
        near.settimeout(10)
        assert near.recv(1) == b""
    proxy.lose()
    assert issubclass(redis.RedisError, CacheError)
