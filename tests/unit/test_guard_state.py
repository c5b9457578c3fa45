"""What a process knows, changes of entries, and the store's breaker, step by step in virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from guard_world import World
from safecodec import Codec, Stamp, pack
from safecodec.cache._known import NOTHING, Entry, Known, decode_all
from safecodec.cache.answers import Source, Verdict
from safecodec.cache.keys import Keys
from safecodec.cache.policy import BreakerPolicy, GuardPolicy
from safecodec.cache.stores import Swapped
from safecodec.errors import CacheUnavailableError, StoreError

POLICY: dict[str, Any] = {
    "load_rate": 300.0, "load_concurrency": 6, "processes": 3, "fresh": 10.0, "jitter": 0.0, "eager": None,
    "stale": 20.0, "throttle": 3.0, "load_timeout": 2.0, "wait": 0.5, "soft_timeout": None, "lease": False,
}  # fmt: skip


def world(**policy: Any) -> World:
    """A world whose processes have begun a while ago."""
    made = World(GuardPolicy(**(POLICY | policy)), 3, 0)
    made.wait(60.0)
    return made


def done(made: World, number: int, verb: str, key: str = "a", **options: Any) -> Any:
    """What a call returns, or its error."""
    task = made.call(number, verb, (key,), **options)
    for _ in range(200):
        made.settle()
        if task.is_over and not made.tasks:
            break
        made.wait(0.05)
    made.wait(0.1)
    return task.result if task.error is None else task.error


# ---- time ------------------------------------------------------------------------------------------------------


def test_reply_that_was_long_on_its_way_says_no_time() -> None:
    """A process that is stopped between question and reply does not set the store's clock back by as long."""
    made = world()
    stored = done(made, 1, "answer")
    made.wait(1.0)
    task = made.call(0, "answer", ("a",))
    for _ in range(3):
        made.step(task)
    made.wait(15.0)
    made.step(task, "late")
    made.settle()
    assert task.result.value == stored.value
    assert task.result.verdict is Verdict.STALE
    assert task.result.age > 15.0
    assert abs(made.processes[0].state.now() - made.wall()) < 0.01


@pytest.mark.parametrize("back", [0.5, 30.0, 4000.0])
def test_clock_that_goes_back_makes_no_negative_age(back: float) -> None:
    """A value that is from the future by the store's clock is of age 0, and can be deleted."""
    made = world()
    done(made, 0, "answer")
    made.jump(-back)
    answer = done(made, 1, "answer")
    assert answer.age >= 0.0
    old = answer.value.serial
    assert done(made, 2, "delete") is None
    made.wait(0.001)
    for number in range(3):
        answer = done(made, number, "answer")
        assert answer.value.serial > old
        made.wait(1.0)


# ---- deletes ---------------------------------------------------------------------------------------------------


def test_tombstone_outlives_what_was_kept_before_it() -> None:
    """A process that did not look for as long as a stale value may be served does not serve what was deleted."""
    made = world()
    deleted = done(made, 1, "answer").value
    made.wait(0.5)
    done(made, 0, "delete")
    made.wait(25.0)
    task = made.call(1, "answer", ("a",))
    made.settle(loads=False)
    job = made.tasks[-1]
    made.step(job, "bad")
    made.settle()
    assert isinstance(task.error, CacheUnavailableError) or task.result.value != deleted


def test_delete_wins_over_a_load_of_a_process_whose_clock_is_ahead() -> None:
    """A delete is not refused, nor outlived by a load in flight, as the deleting process is behind the store's time."""
    made = world()
    done(made, 0, "answer", "b")
    made.processes[0].state._offset -= 0.04
    old = done(made, 1, "answer")
    made.wait(0.01)
    assert done(made, 0, "delete") is None
    made.wait(0.01)
    for number in (0, 1, 2):
        answer = done(made, number, "answer")
        assert answer.value.serial > old.value.serial


def test_delete_answers_only_who_asked_before() -> None:
    """A load that is in flight when its key is deleted answers its callers, is not stored, and is joined by none."""
    made = world()
    before = made.call(1, "answer", ("a",))
    made.settle(loads=False)
    load = made.tasks[-1]
    assert done_beside(made, 0, "delete", load) is None
    made.wait(0.01)
    after = made.call(1, "answer", ("a",))
    made.settle(loads=False)
    made.step(load)
    made.settle(loads=False)
    assert before.result.source is Source.LOAD
    assert not after.is_over
    made.wait(0.05)
    made.settle()
    assert after.result.value != before.result.value
    assert done(made, 2, "answer").value == after.result.value


def done_beside(made: World, number: int, verb: str, *others: Any) -> Any:
    """What a call returns while loads stand still."""
    task = made.call(number, verb, ("a",))
    made.settle(loads=False)
    assert others[0] in made.tasks
    return task.result if task.error is None else task.error


def test_delete_that_is_refused_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tombstone that the store finds older is stamped anew, a few times."""
    made = world()
    done(made, 0, "answer")
    outcomes = [Swapped.OLDER, Swapped.OLDER]
    swap = made.store.swap
    monkeypatch.setattr(made.store, "swap", lambda one: outcomes.pop() if outcomes else swap(one))
    assert done(made, 0, "delete") is None
    assert not outcomes
    assert done(made, 1, "answer").verdict is Verdict.DELETED
    monkeypatch.setattr(made.store, "swap", lambda _: Swapped.OLDER)
    done(made, 0, "delete")


@pytest.mark.parametrize("verb", ["set", "expire", "delete"])
def test_changes_give_up_on_an_entry_that_never_rests(verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry that changes under each attempt ends a change after a few of them."""
    made = world()
    done(made, 0, "answer")
    monkeypatch.setattr(made.store, "swap", lambda _: Swapped.CHANGED)
    assert done(made, 0, verb) in (None, False)


def test_expire_begins_again_where_the_entry_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry that is replaced between look and swap is looked at again."""
    made = world()
    old = done(made, 0, "answer").value
    outcomes = [Swapped.CHANGED]
    swap = made.store.swap
    monkeypatch.setattr(made.store, "swap", lambda one: outcomes.pop() if outcomes else swap(one))
    assert done(made, 0, "expire") is None
    assert done(made, 1, "answer").value == old  # it serves while it is loaded anew
    assert done(made, 1, "answer").value != old


def test_set_that_is_not_stored_is_not_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that a newer one stands against is no last known good value of the process that set it."""
    made = world()
    kept = done(made, 0, "answer").value
    monkeypatch.setattr(made.store, "swap", lambda _: Swapped.OLDER)
    assert done(made, 0, "set") is False
    made.processes[0].is_cut = True
    assert done(made, 0, "answer").value == kept


def test_set_without_a_store_serves_this_process() -> None:
    """Where the store fails, who has set a value has it all the same."""
    made = world()
    kept = done(made, 0, "answer").value
    made.processes[0].is_cut = True
    assert isinstance(done(made, 0, "set"), StoreError)
    assert done(made, 0, "answer").value.serial > kept.serial


# ---- the store's breaker -----------------------------------------------------------------------------------------


def test_cancelled_probe_of_the_store_gives_its_place_back() -> None:
    """A caller that is cancelled as it probes a store that failed does not leave the breaker half-open."""
    made = world(store_breaker=BreakerPolicy(calls=1, shortest=2.0, longest=4.0))
    made.processes[0].is_cut = True
    done(made, 0, "answer")
    assert made.processes[0].state.store_breaker.opened == 1
    made.processes[0].is_cut = False
    made.wait(5.0)
    probe = made.call(0, "answer", ("a",))
    assert not made.processes[0].state.store_breaker.admits(made.now)
    made.cancel(probe, asyncio.CancelledError())
    assert made.processes[0].state.store_breaker.admits(made.now)
    assert done(made, 0, "answer").verdict is not None


def test_failure_that_comes_while_the_store_is_left_alone() -> None:
    """A call that began before the breaker opened, and fails after that, is an error and opens nothing again."""
    made = world(store_breaker=BreakerPolicy(failures=0.01, shortest=5.0))
    done(made, 0, "answer")
    first, second = made.call(0, "get", ("a",)), made.call(0, "get", ("a",))
    made.step(first, "bad")
    made.step(second, "bad")
    state = made.processes[0].state
    assert state.store_breaker.opened == 1
    assert state.counters["store_errors"] == 2
    third = made.call(0, "get", ("a",))
    made.settle()
    assert {first.result.source, second.result.source, third.result.source} == {Source.LAST_KNOWN_GOOD}


def test_good_reply_that_comes_while_the_store_is_left_alone() -> None:
    """A call that began before the breaker opened, and ends well after that, does not close it."""
    made = world(store_breaker=BreakerPolicy(failures=0.01, shortest=5.0))
    done(made, 0, "answer")
    first, second = made.call(0, "get", ("a",)), made.call(0, "get", ("a",))
    made.step(first, "bad")
    made.settle()
    assert second.result.source is Source.CACHE
    assert not made.processes[0].state.store_breaker.is_closed


def test_slow_store_is_left_alone() -> None:
    """Replies that are good and slow open the store's breaker, on the short way as on the long one."""
    made = world(store_timeout=9.0, store_breaker=BreakerPolicy(slow=0.01, slow_after=1.0))
    done(made, 0, "answer")
    for _ in range(4):
        task = made.call(0, "get", ("a",))
        made.step(task)
        made.wait(1.5)
        made.settle()
    assert made.processes[0].state.store_breaker.opened == 1


@pytest.mark.parametrize("verb", ["answer", "get", "answer_many"])
def test_lost_store_loads_no_fresh_value(verb: str) -> None:
    """Without a store, values that are fresh cost no load, with a shadow read due and frames not yet written down."""
    made = World(GuardPolicy(**(POLICY | {"shadow": 2})), 3, 0, durable=True)
    made.wait(60.0)
    for key in "abc":
        done(made, 0, "answer", key)
    done(made, 0, "get", "a")
    began = len(made.starts)
    made.processes[0].is_cut = True
    for _ in range(5):
        for key in "abc":
            found = done(made, 0, verb, key, many=True)
            answer = found[key] if isinstance(found, dict) else found
            assert answer.source is Source.LAST_KNOWN_GOOD
    assert len(made.starts) == began


# ---- what is remembered ------------------------------------------------------------------------------------------


def test_second_copy_does_not_replace_the_remembered_verdict() -> None:
    """A process that serves the second copy decodes and reports the unreadable entry once."""
    made = world(keep_good=True)
    done(made, 0, "answer")
    made.plant("a", "junk")
    made.processes[1].state._opened = False
    for _ in range(3):
        answer = done(made, 1, "answer")
        assert answer.verdict in (Verdict.FOREIGN_BYTES, Verdict.OK)
        if answer.verdict is Verdict.OK:
            break
    entry = made.processes[2].state.entry("a")
    made.plant("a", "junk")
    task = made.call(2, "answer", ("a",))
    made.settle(loads=False)
    assert task.result.source in (Source.SECOND_COPY, Source.LOAD)
    assert entry.bad is not None
    assert entry.bad[2].verdict is Verdict.FOREIGN_BYTES


def test_refresh_never_overwrites_a_newer_version() -> None:
    """A load goes beside a frame that a newer release has written, by refresh as by answer."""
    made = world()
    made.plant("a", "newer")
    newer = made.store.get(made.names.value("a"))
    assert done(made, 0, "refresh").source is Source.LOAD
    assert made.store.get(made.names.value("a")) == newer
    assert done(made, 1, "answer").source is Source.CACHE
    assert done(made, 1, "answer", max_age=0.0).source is Source.LOAD


def test_refresh_says_why_it_has_no_value() -> None:
    """A refresh whose load fails is an error, though there is a value that would be served."""
    made = world()
    done(made, 0, "answer")
    task = made.call(0, "refresh", ("a",))
    made.settle(loads=False)
    made.step(made.tasks[-1], "bad")
    made.settle()
    assert isinstance(task.error, CacheUnavailableError)
    assert isinstance(task.error.cause, OSError)


def test_difference_is_counted_without_a_listener() -> None:
    """A shadow read that finds another value than the cache's is counted and noted where nobody listens."""
    made = world(shadow=1)
    done(made, 0, "answer")
    done(made, 0, "get")
    assert made.processes[0].core.counters()["shadow_different"] == 1
    assert any("another value" in text for text in made.told)


def test_frames_of_evicted_keys_are_not_counted() -> None:
    """The bytes that a process holds are those of the keys that it knows, whatever loads end after an eviction."""
    made = world(keys=1)
    calls = [made.call(0, "answer", (key,)) for key in "abc"]
    made.settle(loads=False)
    for _ in range(50):
        made.settle()
        made.wait(0.05)
    known = made.processes[0].state.known
    assert all(call.result.source is Source.LOAD for call in calls)
    assert known.held == sum(len(entry.frame or b"") for entry in known)
    done(made, 0, "delete", "a")
    assert known.held == sum(len(entry.frame or b"") for entry in known)


# ---- the way of a fresh value --------------------------------------------------------------------------------------

NOW = 1_000_000.0


def stamped(age: float = 1.0, **changes: Any) -> bytes:
    """A frame of a value that was loaded some seconds ago, and is fresh for ten."""
    options: dict[str, Any] = {"load_start": round((NOW - age) * 1e6), "fresh_for": 10_000} | changes
    return framed(b"" if options.get("kind", "value") != "value" else b"payload", Stamp(**options))


def framed(payload: bytes, stamp: Stamp | None) -> bytes:
    return pack(
        payload,
        format="avro",
        subject="s",
        environment="test",
        version=1,
        fingerprint=b"1234",
        context=b"a",
        stamp=stamp,
    )


def known(is_durable: bool = False) -> tuple[Known, Entry]:
    """What a process knows of a key that it was just asked for."""
    made = Known(Keys("test", "s"), 10, 10**6, is_durable)
    return made, made.entry("a")


@pytest.mark.parametrize("age", [0.0, 1.0, 4.9, -9.0])
def test_a_fresh_value_is_answered_at_once(age: float) -> None:
    """A value is answered with no more than a look at its stamp where that says that it is fresh, and is kept."""
    made, entry = known()
    answer = made.quick(entry, stamped(age), "value", NOW, 0.5)
    assert answer is not None
    assert answer[:3] == ("value", Source.CACHE, Verdict.OK)
    assert answer.age == pytest.approx(max(age, 0.0), abs=0.01)
    assert entry.frame == stamped(age)


@pytest.mark.parametrize(
    "frame",
    [
        None,
        bytearray(stamped()),
        stamped()[:55],
        stamped()[:31],
        b"",
        framed(b"x" * 30, None),
        framed(bytes(Stamp(load_start=round((NOW - 1) * 1e6), fresh_for=10_000)) + b"payload", None),
        stamped(kind="absent"),
        stamped(kind="deleted"),
        stamped(5.1),
        stamped(100.0),
        stamped(-11.0),
    ],
)
def test_other_frames_are_looked_at_twice(frame: Any) -> None:
    """A frame without a stamp, of no value, or not fresh has no answer at a glance, and is not kept."""
    for is_durable in (False, True):
        made, entry = known(is_durable)
        assert made.quick(entry, frame, "value", NOW, 0.5) is None
        answers: dict[Any, Any] = {}
        assert made.quick_many(["a"], [entry], [frame], ["value"], NOW, 0.5, answers) == [0]
        assert (answers, entry.frame) == ({}, None)


def test_what_is_known_of_a_key_is_looked_at_twice() -> None:
    """A fresh frame has no answer at a glance where a verdict is remembered, or it is from before a deletion."""
    made, entry = known()
    entry.bad = ("verdict", 3, 4)
    assert made.quick(entry, stamped(), "value", NOW, 0.5) is None
    entry.bad = None
    for at, is_answered in ((NOW, False), (NOW - 1.0, False), (NOW - 1.1, True)):
        entry.not_before = round(at * 1e6)
        assert (made.quick(entry, stamped(1.0), "value", NOW, 0.5) is not None) is is_answered
    durable, entry = known(is_durable=True)
    assert durable.quick(entry, stamped(1.0), "value", NOW, 0.5) is None
    durable.keep(entry, stamped(1.0), round((NOW - 1) * 1e6), 10.0, NOW)
    assert durable.quick(entry, stamped(1.0), "value", NOW, 0.5) is not None


def test_frames_that_are_older_than_what_is_known_are_not_kept() -> None:
    """A frame is kept where it is newer than the last deletion and the frame before, or that one is of the future."""
    made, entry = known()
    entry.not_before = 5_000_000
    given = [
        (5_000_000, b"1"),
        (5_000_001, b"2"),
        (7_000_000, b"3"),
        (6_000_000, b"4"),
        (99_000_000, b"5"),
        (8_000_000, b"6"),
    ]
    kept = []
    for load_start, frame in given:
        made.keep(entry, frame, load_start, 1.0, 8.0)
        kept.append(entry.frame)
    assert kept == [None, b"2", b"3", b"3", b"5", b"6"]


def test_lists_of_several_keys_are_of_one_length() -> None:
    """Keys, entries, frames and values that are not as many as each other are refused before one is looked at."""
    made, entry = known()
    for at in range(4):
        lists: list[list[Any]] = [["a"], [entry], [stamped()], ["value"]]
        lists[at] = []
        with pytest.raises(ValueError, match="as many"):
            made.quick_many(lists[0], lists[1], lists[2], lists[3], NOW, 0.5, {})
    decode = Codec(int, subject="s", version=1, environment="test").decode
    for frames in ([], [b"", b""]):
        with pytest.raises(ValueError, match="1 entries"):
            decode_all(decode, [entry], frames)
    entry.bad = ("verdict", 3, 4)
    assert decode_all(decode, [entry], [b""]) == [NOTHING]
