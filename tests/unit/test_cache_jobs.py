"""Jobs behind an answer that cannot be started: no thread to be had, or a signal in the middle."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from safecodec import Codec
from safecodec.cache import Answer, CacheUnavailableError, GuardedCache, GuardPolicy, Source, StoreError
from safecodec.cache.stores.file import FileStore
from safecodec.cache.stores.memory import MemoryStore


@dataclass
class Sample:
    number: int


SAMPLE = Sample(7)


class TimeLimitError(Exception):
    """What a signal's handler of a task queue raises."""


def cache_of(**options: Any) -> GuardedCache[Sample]:
    given: dict[str, Any] = {"load_rate": 1000, "load_concurrency": 8, "processes": 1, "throttle": 0}
    files, store = options.pop("files", None), options.pop("store", None) or MemoryStore()
    return GuardedCache(
        store,
        Codec(Sample, subject="sample", version=1, payload="avro", environment="production"),
        load=lambda _: SAMPLE,
        policy=GuardPolicy(**given | options),
        last_known_good=files,
    )


@contextmanager
def no_thread(monkeypatch: pytest.MonkeyPatch, error: Exception) -> Iterator[None]:
    """No thread starts meanwhile."""

    def start(_: threading.Thread) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        yield


def wait_until(is_so: Callable[[], bool]) -> None:
    while not is_so():
        threading.Event().wait(0.001)


def test_a_load_without_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A load that gets no thread is an error of the load, and leaves neither a job nor a load in flight behind."""
    cache = cache_of()
    with no_thread(monkeypatch, RuntimeError("can't start new thread")), pytest.raises(CacheUnavailableError):
        cache.get("key")
    assert not cache._jobs
    assert cache.get("key") == SAMPLE
    cache.close()


def test_a_signal_while_a_load_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a signal's handler raises reaches the caller, and no job is left that nobody can wait for."""
    cache = cache_of()
    with no_thread(monkeypatch, TimeLimitError()), pytest.raises(TimeLimitError):
        cache.get("key")
    assert not cache._jobs
    assert cache.get("key") == SAMPLE
    cache.close()


@pytest.mark.parametrize("is_lost", [False, True], ids=["signal", "lost count"])
def test_a_signal_after_a_load_started(monkeypatch: pytest.MonkeyPatch, is_lost: bool) -> None:
    """The handler's error reaches the caller where the thread runs already, and its job ends like any other."""
    cache = cache_of()
    start = threading.Thread.start

    def interrupted(job: threading.Thread) -> None:
        start(job)
        try:
            raise TimeLimitError
        except TimeLimitError:
            if is_lost:
                raise KeyError(job)  # noqa: B904  # as Thread.start does, whose thread has removed itself from _limbo already
            raise

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(TimeLimitError):
            cache.get("key")
    wait_until(lambda: not cache._jobs)
    assert cache.get("key") == SAMPLE
    cache.close()


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), TimeLimitError()], ids=["thread", "signal"])
def test_writing_down_without_a_thread(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, error: Exception) -> None:
    """An answer that is good is given although nothing can be written down behind it; a later answer does that."""
    files = FileStore(tmp_path)
    cache = cache_of(files=files)
    cache.set("key", SAMPLE)
    with no_thread(monkeypatch, error):
        if isinstance(error, RuntimeError):
            assert cache.answer("key").source is Source.CACHE
        else:
            with pytest.raises(TimeLimitError):
                cache.answer("key")
    answer: Answer[Sample] = cache.answer("key")
    assert (answer.value, answer.source) == (SAMPLE, Source.CACHE)
    wait_until(lambda: not cache._jobs)
    assert files.get(b"production:sample:key") is not None
    cache.close()


class LostStore(MemoryStore):
    """A store that does not answer."""

    def _look(self, key: bytes) -> bytes | None:  # noqa: ARG002
        raise StoreError("lost")


def test_what_is_loaded_without_the_store_is_written_down(tmp_path: Path) -> None:
    """While the store is lost, values that are loaded are written down for the next process all the same."""
    files = FileStore(tmp_path)
    cache = cache_of(files=files, store=LostStore())
    assert cache.answer("key").source is Source.LOAD
    wait_until(lambda: not cache._jobs)
    assert files.get(b"production:sample:key") is not None
    cache.close()


def test_a_shadow_read_without_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fresh answer is given although there is no thread to compare it with the source."""
    cache = cache_of(shadow=1)
    cache.set("key", SAMPLE)
    with no_thread(monkeypatch, RuntimeError("can't start new thread")):
        assert cache.answer("key").source is Source.CACHE
    cache.answer("key")
    wait_until(lambda: cache.stats()["shadow_same"] == 1)
    cache.close()
