"""safecodec redis-acl and claim on a real Redis: the printed rules are enough for a store, and for no more."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from safecodec.cache.keys import Keys, escaped_name
from safecodec.cache.stores import CLAIM, Swap, Swapped
from safecodec.cache.stores.redis import AsyncRedisStore, RedisStore
from safecodec.cli import main
from safecodec.errors import StoreError
from store_cases import Blocking
from store_entries import OURS, Entry, leased

NAMES = ["production", "prod*[ab]?", 'a"b\\c {d}', "staging"]
FORBIDDEN = [
    "KEYS *", "SCAN 0", "FLUSHALL", "FLUSHDB", "CONFIG GET *", "ACL LIST", "SHUTDOWN NOSAVE", "DEL x",
    "SWAPDB 0 1", "CLIENT LIST", "SAVE", "MONITOR", "RANDOMKEY", "SCRIPT FLUSH", "FUNCTION LIST", "CLUSTER RESET",
    "REPLICAOF NO ONE", "PUBLISH channel x", "SUBSCRIBE channel", "MOVE production:x 1", "SORT production:x",
]  # fmt: skip


def printed(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    """What a command prints, which ends with a code."""
    assert main(words) == code
    said = capsys.readouterr()
    assert said.err == ""
    return said.out


def said_of(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a command that ends with code 2 complains of."""
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


@pytest.fixture
def secured(redis_server: Any, redis_client: Any, capsys: pytest.CaptureFixture[str]) -> Iterator[list[str]]:
    """The server with a user for each environment, made by redis-cli of the printed lines; yields the users' URLs."""
    binary = shutil.which("redis-cli")
    assert binary is not None
    for line in printed(capsys, "redis-acl", *NAMES).splitlines():
        command = [binary, "-p", str(redis_server.port)]
        done = subprocess.run(command, input=f"{line} >secret\n", capture_output=True, text=True, check=True)
        assert done.stdout == "OK\n", line
    users = [quote(f"safecodec-{escaped_name('environment', name).decode()}", safe="") for name in NAMES]
    yield [f"redis://{user}:secret@127.0.0.1:{redis_server.port}/0" for user in users]
    for user in redis_client.acl_users():
        if user not in ("default", b"default"):
            redis_client.acl_deluser(user)


def used(store: Any, keys: Keys) -> None:
    """Call whatever a cache calls, in each of its ways."""
    key, lease, bad, good = keys.value("7"), keys.side("7", "lease"), keys.side("7", "bad"), keys.side("7", "good")
    own: dict[str, Any] = {"key": key, "lease": lease, "bad": bad, "good": good, "seconds": 100, "environment": OURS}
    assert store.get_many([key, good]) == [None, None]
    assert leased(store.lease(lease, b"mine", 100))
    assert leased(store.lease(lease, b"mine", 100))
    assert store.swap(Swap(new=b"damaged", expected=b"", **own, token=b"mine")) == Swapped.DONE
    assert store.swap(Swap(new=Entry(1).data, expected=b"damaged", **own)) == Swapped.DONE
    assert store.swap(Swap(new=Entry(store.time() - 1).data, expected=None, **own)) == Swapped.DONE
    assert store.swap(Swap(new=Entry(2).data, expected=None, **own)) == Swapped.OLDER
    assert store.kept(bad) == [b"damaged"]
    store.lease(lease, b"mine", 100)
    store.release(lease, b"mine")
    assert store.get(lease) is None
    assert store.claim() == "production"


@pytest.mark.parametrize("way", ["threads", "coroutines"])
def test_the_rules_are_enough_for_a_store(secured: list[str], redis_client: Any, way: str) -> None:
    """A user of the printed rules may make every call of a store on its environment, and its scripts may, too."""
    redis_client.set(CLAIM, "production")
    redis_client.script_flush()
    for name, url in zip(NAMES, secured, strict=True):
        if way == "threads":
            store: Any = RedisStore.from_url(url, timeout=10)
        else:
            store = Blocking(partial(AsyncRedisStore.from_url, url, timeout=10))
        with closing(store):
            keys = Keys(name, "user-config")
            used(store, keys)
            hashed = keys.value("hash")
            redis_client.hset(hashed, "field", "value")
            moved = Swap(
                key=hashed, new=b"new", expected=None, seconds=9, bad=keys.side("hash", "bad"), environment=OURS
            )
            assert store.swap(moved) == Swapped.DONE


def test_the_rules_are_enough_for_nothing_else(secured: list[str], redis_client: Any) -> None:
    """A user of the printed rules can touch no keys of others, write no claim, and run no dangerous command."""
    redis_client.set(CLAIM, "production")
    for name, url in zip(NAMES, secured, strict=True):
        with closing(RedisStore.from_url(url, timeout=10)) as store:
            assert store.probe(NAMES) == [name]
            assert store.claim() == "production"
            with pytest.raises(StoreError, match="NoPermissionError"):
                store.bind(name, force=True)
            for other in (*NAMES, "production2", "prodxa"):
                if other != name:
                    keys = Keys(other, "user")
                    for key in (keys.value("7"), keys.side("7", "lease")):
                        with pytest.raises(StoreError, match="NoPermissionError"):
                            store.get(key)
                        with pytest.raises(StoreError, match=r"NoPermissionError|can't access|permissions"):
                            store.swap(Swap(key=key, new=b"new", expected=None, seconds=9, environment=OURS))
            for command in FORBIDDEN:
                with pytest.raises(Exception, match=r"no permissions|can't run"):
                    store._client.execute_command(*command.split(" "))


def test_the_rules_of_a_file(capsys: pytest.CaptureFixture[str], start_redis: Any, tmp_path: Path) -> None:
    """The lines of --file are an ACL file that a server starts with."""
    lines = printed(capsys, "redis-acl", "--file", *NAMES).splitlines()
    assert all(line.startswith(("user safecodec-", 'user "safecodec-')) for line in lines)
    file = tmp_path / "users.acl"
    file.write_text("user default on nopass ~* &* +@all\n" + "".join(f"{line} >secret\n" for line in lines))
    with start_redis("--aclfile", str(file)) as server, closing(server.client()) as client:
        assert len(client.acl_users()) == 1 + len(NAMES)
        url = f"redis://safecodec-production:secret@127.0.0.1:{server.port}"
        with closing(RedisStore.from_url(url, timeout=10)) as store:
            client.set(CLAIM, "production")
            used(store, Keys("production", "user"))


def test_the_rules_in_a_cluster(capsys: pytest.CaptureFixture[str], redis_cluster: Any) -> None:
    """In a cluster, too, the rules are enough for a store, and --probe proves them."""
    line = printed(capsys, "redis-acl", "production")
    with ExitStack() as stack:
        for server in redis_cluster:
            client = stack.enter_context(closing(server.client()))
            client.flushall()
            assert client.execute_command(*line.split(), ">secret")
            stack.callback(client.acl_deluser, "safecodec-production")
        url = f"redis://safecodec-production:secret@127.0.0.1:{redis_cluster[0].port}"
        with closing(RedisStore.from_url(redis_cluster[0].url, timeout=10, cluster=True)) as store:
            assert store.bind("production") == "production"
        for kind in ("threads", "coroutines"):
            with closing(RedisStore.from_url(redis_cluster[0].url, timeout=10, cluster=True)) as store:
                store._connected().delete(*(Keys("production", "user").side("7", name) for name in ("bad", "good")))
                store._connected().delete(Keys("production", "user").value("7"))
            made: Any = (
                RedisStore.from_url(url, timeout=10, cluster=True)
                if kind == "threads"
                else Blocking(lambda: AsyncRedisStore.from_url(url, timeout=10, cluster=True))
            )
            with closing(made) as store:
                used(store, Keys("production", "user"))
                assert store.probe(["production", "staging"]) == ["production"]
        words = ["redis-acl", "production", "staging", "--probe", "--redis", url, "--cluster"]
        assert printed(capsys, *words) == "staging: the user of production is refused (NOPERM)\n"


def test_a_probe(secured: list[str], redis_server: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """--probe ends with 0 where each foreign environment is refused, and with 1 where one may be written."""
    words = ["redis-acl", "production", "staging", "dev", "--probe", "--redis"]
    assert printed(capsys, *words, secured[0]) == (
        "staging: the user of production is refused (NOPERM)\ndev: the user of production is refused (NOPERM)\n"
    )
    assert printed(capsys, *words, secured[3], code=1) == (
        "staging: the user of production can write keys\ndev: the user of production is refused (NOPERM)\n"
    )
    assert printed(capsys, *words, redis_server.url, code=1).count("can write keys") == 2


def test_a_probe_writes_nothing(redis_server: Any, redis_client: Any) -> None:
    """Where a user may write, the probe has not written."""
    with closing(RedisStore.from_url(redis_server.url, timeout=10)) as store:
        assert store.probe(iter(["staging", "dev", "staging"])) == ["staging", "dev"]
    assert redis_client.dbsize() == 0


def test_a_probe_that_cannot_be_made(redis_server: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a URL, another environment, a server or a name that keys may have, the command ends with 2."""
    for words, reason in (
        (["production", "staging", "--probe"], "--probe needs --redis URL, the environment of its user, and"),
        (["production", "--probe", "--redis", redis_server.url], "and at least one other environment"),
        (["production", "staging", "--probe", "--redis", "redis://:secret@127.0.0.1:1/0"], "ConnectionError"),
        (["production", "staging", "--probe", "--redis", "http://:secret@h"], "the URL or an option is wrong"),
        (["production", ""], "the environment of a key is empty"),
    ):
        complaint = said_of(capsys, "redis-acl", *words)
        assert complaint.startswith("safecodec redis-acl: ")
        assert reason in complaint
        assert "secret" not in complaint


def test_claiming_a_store(redis_server: Any, redis_client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The first who claims a store has it, again as well; another is told who, with code 1, unless by force."""
    words = ["claim", "--redis", redis_server.url]
    assert printed(capsys, *words, "production") == "this store is bound to production\n"
    assert printed(capsys, *words, "production") == "this store is bound to production\n"
    assert printed(capsys, *words, "staging", code=1) == (
        "this store is bound to production, not to staging: --force binds it anew\n"
    )
    assert redis_client.get("safecodec:environment") == b"production"
    assert redis_client.ttl("safecodec:environment") == -1
    assert printed(capsys, *words, "staging", "--force") == "this store is bound to staging\n"
    redis_client.set(CLAIM, b"\x1b[31m")
    assert "\\x1b[31m" in printed(capsys, *words, "staging", code=1)


def test_claiming_a_cluster(redis_cluster: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A cluster has one claim, through whichever of its nodes."""
    with closing(RedisStore.from_url(redis_cluster[0].url, timeout=10, cluster=True)) as store:
        store._connected().delete(CLAIM)
    for server in redis_cluster:
        assert "bound to production" in printed(capsys, "claim", "--cluster", "--redis", server.url, "production")


def test_a_claim_that_cannot_be_made(redis_server: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a server or a name the command ends with 2, and shows no password."""
    for url, name, reason in (
        ("redis://:secret@127.0.0.1:1/0", "production", "bind failed in Redis: ConnectionError"),
        ("http://:secret@127.0.0.1", "production", "the URL or an option is wrong"),
        (redis_server.url, "", "the environment of a key is empty"),
    ):
        complaint = said_of(capsys, "claim", "--redis", url, name)
        assert complaint.startswith("safecodec claim: ")
        assert reason in complaint
        assert "secret" not in complaint


def test_without_redis_installed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without redis-py the commands say how to install it."""
    monkeypatch.delitem(__import__("sys").modules, "safecodec.cache.stores.redis", raising=False)
    monkeypatch.setitem(__import__("sys").modules, "redis", None)
    for words in (["claim", "--redis", "redis://h", "x"], ["redis-acl", "x", "y", "--probe", "--redis", "redis://h"]):
        assert "pip install 'safecodec[redis]'" in said_of(capsys, *words)
