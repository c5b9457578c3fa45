"""What a store in memory does beyond the contract of all stores: bounds, threads, processes."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from safecodec.cache.stores import Swap, Swapped
from safecodec.cache.stores.memory import AsyncMemoryStore, MemoryStore
from safecodec.errors import ConfigError, StoreError
from store_entries import OURS, Entry


def filled(store: MemoryStore, key: bytes, size: int, **options: Any) -> Swapped:
    frame = Entry(1, payload=b"x" * size).data
    return store.swap(Swap(key=key, new=frame, expected=None, seconds=100, environment=OURS, **options))


def test_the_least_recently_used_makes_room() -> None:
    """A store keeps within its bound, and drops what was neither written nor read for the longest time."""
    store = MemoryStore(max_bytes=10_000)
    for name in (b"a", b"b", b"c"):
        filled(store, name, 3_000)
    assert store.get(b"a") is not None
    filled(store, b"d", 3_000)
    found = [name for name in (b"a", b"b", b"c", b"d") if store.get(name) is not None]
    assert found == [b"a", b"c", b"d"]
    assert store._size == sum(entry.cost for entry in store._entries.values()) <= 10_000


def test_the_claim_is_never_dropped() -> None:
    """The name of the environment stays, however much comes."""
    store = MemoryStore(max_bytes=1_000)
    store.bind("production")
    for number in range(20):
        filled(store, b"%d" % number, 300)
    assert store.claim() == "production"


def test_what_somebody_else_wrote_for_a_quarantine() -> None:
    """Bytes under the list's key that are no list are its only entry, and are kept with what comes."""
    store = MemoryStore()
    with store._locked():
        store._write(b"bad", b"??", store._now() + 100)
        store._write(b"key", b"damaged", store._now() + 100)
    assert store.kept(b"bad") == [b"??"]
    filled(store, b"key", 10, bad=b"bad")
    assert store.kept(b"bad") == [b"damaged", b"??"]


def test_an_entry_that_does_not_fit() -> None:
    """An entry that is larger than the store is an error of the store, and what was there stays."""
    store = MemoryStore(max_bytes=1_000)
    filled(store, b"key", 10)
    before = store.get(b"key")
    with pytest.raises(StoreError, match="an entry of 2056 bytes does not fit into a store of 1000 bytes"):
        filled(store, b"key", 2_000)
    assert store.get(b"key") == before


def test_a_bound_is_a_bound() -> None:
    """A store of no bytes is a mistake."""
    with pytest.raises(ConfigError, match="max_bytes is 1 or more, found 0"):
        MemoryStore(max_bytes=0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows forks no process")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_is_not_held_by_a_lock_of_its_parent() -> None:
    """A process that was forked while another thread of its parent held the lock uses its copy of the store."""
    store = MemoryStore()
    filled(store, b"key", 10)
    with store._locked():
        child = os.fork()
        if child == 0:
            os._exit(0 if store.get(b"key") else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    store._pid = 0  # what the child sees
    lock = store._lock
    assert store.get(b"key") is not None
    assert store._lock is not lock


def test_coroutines_and_threads_share_entries() -> None:
    """A store of coroutines may be one of threads, or has its own."""
    store = MemoryStore()
    filled(store, b"key", 10)
    assert asyncio.run(AsyncMemoryStore(store).get(b"key")) == store.get(b"key")
    assert asyncio.run(AsyncMemoryStore(max_bytes=10).get(b"key")) is None


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"seconds": 0}, "^seconds is a number of seconds above 0"),
    ({"bad_seconds": -1.0}, "^bad_seconds is a number of seconds above 0"),
    ({"environment": b"production"}, "environment is a tag of 4 bytes, found 10"),
    ({"expected": b"x" * 57}, "expected is at most the first 56 bytes of an entry, found 57"),
    ({"bad_keep": 0}, "bad_keep is 1 or more, found 0"),
    ({"token": b"mine"}, "there is a token, and no key of the lease"),
    ({"new": b""}, "new is empty"),
]


@pytest.mark.parametrize(("options", "reason"), MISTAKES)
def test_swaps_that_make_no_sense(options: dict[str, Any], reason: str) -> None:
    """A swap with fields that no store could obey is refused when it is made."""
    given = {"key": b"k", "new": b"n", "expected": b"", "seconds": 1.0, "environment": OURS, **options}
    with pytest.raises(ConfigError, match=reason):
        Swap(**given)
