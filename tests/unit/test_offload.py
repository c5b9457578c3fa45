"""The async verbs: what they give, where they run, and what they are set up with."""

from __future__ import annotations

import contextvars
import copy
import math
import pickle
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from loops import Run, each_loop, named
from safecodec import (
    Codec,
    ConfigError,
    ContextMismatchError,
    DecodeError,
    EncodeError,
    InputTypeError,
    PayloadChecksumError,
    PayloadError,
    PayloadFormat,
    PayloadTooLargeError,
)
from safecodec.offload import Pool, default_pool

PAYLOADS = ["avro", "msgpack", "json"]
HERE: contextvars.ContextVar[str] = contextvars.ContextVar("HERE", default="nowhere")
seen: list[tuple[int, str]] = []


@dataclass
class Settings:
    """A configuration that notes where it is made."""

    name: str
    rows: list[dict[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        seen.append((threading.get_ident(), HERE.get()))
        if self.name == "unlucky":
            raise ValueError("no")


@dataclass
class Name:
    """A view of it."""

    name: str


def codec(payload: PayloadFormat = "avro", **more: Any) -> Codec[Settings]:
    return Codec(Settings, subject="settings", version=1, payload=payload, environment="test", **more)


SMALL = Settings("small")
LARGE = Settings("large", [{"a": n, "b": -n} for n in range(5000)])


def threads(count: int = 1) -> set[bool]:
    """Whether the last values were made in this thread."""
    return {ident == threading.get_ident() for ident, _ in seen[-count:]}


@each_loop
@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("value", [SMALL, LARGE], ids=["small", "large"])
def test_async_verbs_give_what_the_others_give(run: Run, payload: PayloadFormat, value: Settings) -> None:
    """What is written and read in coroutines is what encode and decode write and read, bound to its context."""
    made = codec(payload)

    async def main() -> None:
        frame = await made.aencode(value, context=b"key")
        assert frame == made.encode(value, context=b"key")
        assert await made.adecode(frame, context=b"key") == value
        assert await made.adecode(bytearray(frame), context=bytearray(b"key")) == value
        assert await made.adecode_many([frame, memoryview(frame)], contexts=[b"key"] * 2) == [value] * 2
        assert await made.reader(Name).adecode(frame, context=b"key") == Name(value.name)
        with pytest.raises(ContextMismatchError):
            await made.adecode(frame, context=b"other")

    run(main)


@each_loop
def test_small_is_read_here_and_large_elsewhere(run: Run) -> None:
    """Below the budget nothing hops, from the first call on; above it nothing stays, from the first call on."""
    small, large = codec().encode(SMALL), codec().encode(LARGE)

    async def main() -> None:
        made = codec()
        await made.adecode_many([small] * 5)
        await made.adecode(small)
        assert threads(6) == {True}
        await made.adecode(large)
        assert threads() == {False}
        await made.adecode_many([small, large, small])
        assert threads(3) == {False}

    run(main)


@each_loop
def test_many_small_ones_are_a_large_one(run: Run) -> None:
    """A batch goes by the sum of what its frames cost."""
    made = codec()
    small = made.encode(SMALL)

    async def main() -> None:
        await made.adecode_many([small] * 1000)
        assert threads(1000) == {False}

    run(main)


@pytest.mark.parametrize(("budget", "here"), [(0, False), (math.inf, True)])
@each_loop
def test_budget_decides(run: Run, budget: float, here: bool) -> None:
    """A budget of nothing sends all calls to the pool, an endless one none."""
    made = codec(loop_budget=budget)
    frame = made.encode(SMALL if budget == 0 else LARGE)

    async def main() -> None:
        value = await made.adecode(frame)
        assert threads() == {here}
        assert await made.aencode(value) == frame

    run(main)


class Noting(list[int]):
    """A list that notes who asks for its items."""

    asked: list[int]

    def __iter__(self) -> Iterator[int]:
        self.asked.append(threading.get_ident())
        return super().__iter__()


@dataclass
class Holder:
    """A value whose size is not to be seen by its first items."""

    items: list[list[int]]


@each_loop
def test_value_that_looks_small_stands_on_the_loop_once(run: Run) -> None:
    """A value that is larger than it looks is written in the loop's thread, and the next one like it is not."""
    made = Codec(Holder, subject="s", version=1, environment="test", loop_budget=20e-6)
    last = Noting(range(30_000))
    last.asked = []
    value = Holder([*([] for _ in range(8)), last])

    async def main() -> None:
        for here in (True, False, False):
            await made.aencode(value)
            assert (last.asked[-1] == threading.get_ident()) is here

    run(main)


@each_loop
def test_context_variables_go_along(run: Run) -> None:
    """In the pool a value's own code sees the context variables of the coroutine that asked for it."""
    made = codec(loop_budget=0)
    frame = made.encode(SMALL)

    async def main() -> None:
        HERE.set("a request")
        await made.adecode(frame)
        assert seen[-1][1] == "a request"

    run(main)
    assert HERE.get() == "nowhere"


@each_loop
@pytest.mark.parametrize("budget", [0, math.inf], ids=["pool", "inline"])
def test_refusals_come_through(run: Run, budget: float) -> None:
    """An error that is raised in the pool is the one that is raised here, with where it comes from."""
    made = codec(loop_budget=budget)
    good = made.encode(SMALL)
    bad = Settings("small")
    bad.name = "unlucky"
    unlucky = made.encode(bad)

    async def main() -> None:
        with pytest.raises(PayloadError) as caught:
            await made.adecode(unlucky)
        assert isinstance(caught.value.__cause__, ValueError)
        assert "reader.pyx" in "".join(traceback.format_exception(caught.value))
        with pytest.raises(EncodeError, match="is a Settings, this is a Name"):
            await made.aencode(Name("x"))  # type: ignore[call-overload]
        with pytest.raises(DecodeError) as first:
            await made.adecode_many([good, unlucky, b"nothing"])
        assert first.value.item == 1
        values = await made.adecode_many([good, unlucky, b"nothing"], errors="return")
        assert values[0] == SMALL
        assert [type(value).__name__ for value in values[1:]] == ["PayloadError", "FrameTooShortError"]

    run(main)


@each_loop
def test_refusals_of_buffers_come_through(run: Run) -> None:
    """A buffer that is copied for the pool is refused as it would be where it is; one too long needs no copy."""
    made = codec(loop_budget=0, max_payload=1000)
    frame = bytearray(codec().encode(LARGE))

    async def main() -> None:
        with pytest.raises(PayloadTooLargeError):
            await made.adecode(frame)
        for wrong in ("text", memoryview(frame)[::2]):
            with pytest.raises(InputTypeError):
                await made.adecode(wrong)  # type: ignore[arg-type]
        frame[40] ^= 1
        with pytest.raises(PayloadChecksumError):
            await codec(loop_budget=0).adecode(frame)

    run(main)


def test_a_batch_that_is_none_is_refused_at_once() -> None:
    """What is wrong with a call is said where it is made, before anything is awaited."""
    with pytest.raises(ConfigError, match="there are 1 frames and 0 contexts"):
        codec().adecode_many([b""], contexts=[]).close()


def test_verbs_are_coroutines() -> None:
    """An async verb does nothing until it is awaited, and says so if it never is."""
    made = codec(loop_budget=0)
    calls: list[Callable[[], object]] = [
        lambda: made.adecode(b""),
        lambda: made.aencode(SMALL),
        lambda: made.adecode_many([b""]),
    ]
    for call in calls:
        with pytest.warns(RuntimeWarning, match="was never awaited"):
            call()


def test_without_a_loop_there_is_no_hop() -> None:
    """Who drives a coroutine by hand, outside of every loop, gets Python's own error, and the pool holds nothing."""
    made = codec(loop_budget=0)
    with pytest.raises(RuntimeError, match="no running event loop"):
        made.adecode(made.encode(SMALL)).send(None)


# ---- set up ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loop_budget": -1}, "loop_budget is a number of seconds, not -1"),
        ({"loop_budget": math.nan}, "loop_budget is a number of seconds, not nan"),
        ({"loop_budget": True}, "loop_budget is a number of seconds, not True"),
        ({"loop_budget": "1"}, "loop_budget is a number of seconds, not '1'"),
        ({"loop_guard": "on"}, "loop_guard is one of off, warn, raise, not 'on'"),
        ({"loop_guard": []}, "loop_guard is one of off, warn, raise"),
        ({"pool": 4}, "pool is a safecodec.offload.Pool, not 4"),
    ],
)
def test_codec_set_up_wrongly(changes: dict[str, Any], message: str) -> None:
    """A budget, a guard or a pool that is none is refused when the codec is made."""
    with pytest.raises(ConfigError, match=message):
        codec(**changes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 0}, "size of a pool is a whole number from 1 on, not 0"),
        ({"size": True}, "size of a pool"),
        ({"queue": -1}, "queue of a pool is a whole number from 0 on, not -1"),
        ({"queue": 1.5}, "queue of a pool"),
        ({"name": 7}, "name of a pool is a text, not 7"),
        ({"full": "drop"}, "full is one of wait, raise, not 'drop'"),
    ],
)
def test_pool_set_up_wrongly(arguments: dict[str, Any], message: str) -> None:
    """A pool that could not work is refused when it is made."""
    with pytest.raises(ConfigError, match=message):
        Pool(**arguments)


def test_pool_tells_what_it_is() -> None:
    """A pool has its settings as attributes, starts no thread by itself, and shows its state."""
    with Pool(3, queue=5, name="mine") as pool:
        assert (pool.size, pool.queue, pool.name) == (3, 5, "mine")
        assert (pool.running, pool.waiting, pool.closed) == (0, 0, False)
        assert repr(pool) == "<Pool 'mine' of 3, queue of 5: 0 running, 0 waiting>"
        assert not named("mine")
    assert pool.closed
    assert repr(pool).endswith("waiting, closed>")


@pytest.mark.parametrize(
    ("gil", "processors", "size"), [(True, 16, 2), (False, 16, 8), (False, 3, 3), (False, None, 1)]
)
def test_pool_of_no_size(monkeypatch: pytest.MonkeyPatch, gil: bool, processors: int | None, size: int) -> None:
    """Two threads where they share a GIL with the loop; where there is none, one for each processor, up to eight."""
    monkeypatch.setattr("sys._is_gil_enabled", lambda: gil, raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: processors)
    assert Pool().size == size
    monkeypatch.delattr("sys._is_gil_enabled")
    assert Pool().size == 2


def test_pool_crosses_as_its_settings() -> None:
    """A pool in another process is another one, set up as the first."""
    with Pool(3, queue=5, name="mine", full="raise") as pool:
        for clone in (pickle.loads(pickle.dumps(pool)), copy.deepcopy(pool)):
            assert clone is not pool
            assert (clone.size, clone.queue, clone.name, clone.closed) == (3, 5, "mine", False)
            assert clone.__reduce__() == pool.__reduce__()


def test_codec_crosses_with_its_terms() -> None:
    """A codec in another process has the same budget and guard, and a pool set up as its own."""
    with Pool(1, name="mine") as pool:
        made = codec(loop_budget=0.5, loop_guard="raise", pool=pool)
        clone = pickle.loads(pickle.dumps(made))
        arguments = clone.__reduce__()[1][1]
        assert (arguments["loop_budget"], arguments["loop_guard"], arguments["pool"].name) == (0.5, "raise", "mine")
        assert clone.decode(made.encode(SMALL)) == SMALL


@each_loop
def test_codec_and_its_readers_use_its_pool(run: Run) -> None:
    """Calls of a codec and its readers are made in the codec's pool, in threads of that name."""
    with Pool(1, name="mine") as pool:
        made = codec(loop_budget=0, pool=pool)
        frame = made.encode(SMALL)

        async def main() -> None:
            for reader in (made, made.reader(Settings)):
                await reader.adecode(frame)
                names = {thread.ident: thread.name for thread in threading.enumerate()}
                assert names[seen[-1][0]].startswith("mine")

        run(main)


def test_there_is_one_pool_for_all_others() -> None:
    """Codecs without a pool share one, which is made anew where it was closed."""
    pool = default_pool()
    assert default_pool() is pool
    pool.close()
    assert default_pool() is not pool
    assert not default_pool().closed
