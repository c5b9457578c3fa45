"""Loads of one process and of several, step by step in virtual time: turns, leases, deadlines and cancellations."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from guard_parts import Task
from guard_world import World
from safecodec.cache.answers import Source, Verdict
from safecodec.cache.effects import Ask, Load, Pause, Start, Wait
from safecodec.cache.policy import BreakerPolicy, GuardPolicy
from safecodec.errors import CacheUnavailableError, LoadRefusedError, LoadTimeoutError

POLICY: dict[str, Any] = {
    "load_rate": 30.0, "load_concurrency": 6, "processes": 3, "fresh": 10.0, "jitter": 0.0, "eager": None,
    "stale": 20.0, "throttle": 3.0, "load_timeout": 2.0, "wait": 0.5, "soft_timeout": None,
}  # fmt: skip


def world(*, awaited: bool = True, **policy: Any) -> World:
    """A world whose processes have begun a while ago."""
    made = World(GuardPolicy(**(POLICY | policy)), 3, 0, awaited=awaited)
    made.wait(60.0)
    return made


def until(made: World, task: Task, kind: type) -> None:
    """Let one task go on until it stands at an effect of a kind."""
    for _ in range(20):
        if isinstance(task.effect, kind):
            return
        made.step(task)
    raise AssertionError(f"it stands at {task.effect}")


def finish(made: World, *tasks: Task) -> None:
    """Let time pass and everybody go on, until some calls are over."""
    for _ in range(200):
        made.settle()
        if all(task.is_over for task in tasks):
            return
        made.wait(0.05)
    raise AssertionError(f"they do not end: {tasks}")


def asking(made: World, task: Task, method: str) -> None:
    """Let one task go on until it asks the store for something."""
    for _ in range(30):
        if isinstance(task.effect, Ask) and task.effect.method == method and not task.is_done:
            return
        made.step(task)
    raise AssertionError(f"it stands at {task.effect}")


def loading(made: World, number: int = 0, key: str = "a", **options: Any) -> tuple[Task, Task]:
    """A call that waits for its load, and the load's job, which is at its loader."""
    caller = made.call(number, "answer", (key,), **options)
    until(made, caller, Wait)
    job = made.tasks[-1]
    until(made, job, Load)
    return caller, job


def answered(made: World, number: int = 0, key: str = "a", verb: str = "answer", **options: Any) -> Any:
    """The answer of a call after which nothing goes on; or its error."""
    task = made.call(number, verb, (key,), **options)
    for _ in range(200):
        made.settle()
        if task.is_over and not made.tasks:
            break
        made.wait(0.05)
    return task.result if task.error is None else task.error


def loads(made: World) -> int:
    """How many loads have begun."""
    return len(made.starts)


# ---- deadlines -------------------------------------------------------------------------------------------------


def test_load_that_ends_late_is_joined_by_nobody() -> None:
    """While the value of a load that ended after its time is being stored, callers begin a load of their own."""
    made = world(awaited=False)
    _, job = loading(made)
    made.wait(11.0)
    made.step(job)
    asking(made, job, "swap")
    again = made.call(0, "answer", ("a",))
    finish(made, again)
    assert loads(made) == 2
    assert again.result.source is Source.LAST_KNOWN_GOOD  # not as if it had just been loaded


def test_hung_load_frees_its_key() -> None:
    """After the time of a load the next caller begins another; it is counted once, and the permit stays taken."""
    made = world(awaited=False)
    caller, _ = loading(made)
    made.wait(2.1)
    assert answered(made, verb="get").source is Source.LOAD
    assert made.processes[0].state.counters["load_timeouts"] == 1
    assert isinstance(caller.error, CacheUnavailableError) or caller.result.source is Source.LAST_KNOWN_GOOD


def test_flight_that_comes_too_late_begins_no_load() -> None:
    """A flight that the store held up beyond its deadline has lost its key, gives its lease back, and loads nothing."""
    made = world()
    caller = made.call(0, "answer", ("a",))
    until(made, caller, Wait)
    job = made.tasks[-1]
    asking(made, job, "lease")
    made.step(job)
    made.wait(3.3)
    second = made.call(0, "answer", ("a",))
    until(made, second, Wait)
    made.step(job, "late")
    made.settle(loads=False)
    assert job.is_over
    assert caller.is_over
    assert loads(made) <= 1
    made.wait(0.6)
    made.settle()
    assert second.result.source is Source.LOAD


def test_flight_whose_turn_comes_too_late_begins_no_load() -> None:
    """A caller whose load waits for its turn beyond the deadline gets its error, and the turn is not used for it."""
    made = world(lease=False, load_rate=3.0, wait=2.0)
    answered(made, key="b")
    caller = made.call(0, "answer", ("a",))
    until(made, caller, Wait)
    job = made.tasks[-1]
    assert isinstance(job.effect, Pause)
    made.wait(10.0)
    second = made.call(0, "answer", ("a",))
    until(made, second, Wait)
    made.settle()
    assert isinstance(caller.error, CacheUnavailableError)
    assert isinstance(caller.error.cause, LoadTimeoutError)
    assert second.result.source is Source.LOAD
    assert loads(made) == 2


# ---- turns -----------------------------------------------------------------------------------------------------


def test_who_has_no_value_waits_for_a_turn() -> None:
    """A caller without a value waits for the load rate, and loads when it is ready."""
    made = world(lease=False, load_rate=20.0)
    answered(made, key="b")
    assert answered(made, key="a").source is Source.LOAD
    assert made.starts[1][1] - made.starts[0][1] >= 0.15
    assert made.processes[0].state.rate.waiting == 0


def test_turn_that_another_takes_is_not_waited_for() -> None:
    """Who waits for a turn that somebody else takes is refused, instead of waiting for the next beyond its time."""
    made = world(lease=False, load_rate=6.0)
    answered(made, key="b")
    rate = made.processes[0].state.rate
    rate._next = made.now + 0.4
    caller = made.call(0, "answer", ("a",))
    until(made, caller, Wait)
    job = made.tasks[-1]
    made.wait(0.45)
    assert rate.take(made.now)
    made.step(job)
    assert job.is_over
    made.settle()
    assert isinstance(caller.error, CacheUnavailableError)
    assert isinstance(caller.error.cause, LoadRefusedError)
    assert caller.error.cause.by == "rate"
    assert rate.waiting == 0


def test_permit_is_waited_for() -> None:
    """Where all permits are taken, a caller without a value waits for one, and is refused at the end of its time."""
    made = world(lease=False, load_concurrency=3, load_rate=300.0)
    loading(made, key="b")
    made.wait(1.0)
    caller = made.call(0, "answer", ("a",))
    until(made, caller, Wait)
    job = made.tasks[-1]
    for _ in range(200):
        if job.is_over:
            break
        made.wait(0.01)
        made.step(job)
    made.settle(loads=False)
    assert isinstance(caller.error, CacheUnavailableError)
    assert made.processes[0].state.counters["refused_rate"] == 1


def test_breaker_that_opens_while_a_turn_is_waited_for() -> None:
    """The permit goes back where the breaker has opened between the request of a load and its turn."""
    made = world(lease=False, load_rate=20.0, breaker=BreakerPolicy(calls=1))
    _, failing = loading(made, key="b")
    caller = made.call(0, "answer", ("a",))
    until(made, caller, Wait)
    job = made.tasks[-1]
    made.step(failing, "bad")
    made.wait(0.4)
    made.step(job)
    made.settle()
    assert isinstance(caller.error, CacheUnavailableError)
    assert isinstance(caller.error.cause, LoadRefusedError)
    assert caller.error.cause.by == "breaker"
    assert made.processes[0].core.flights.loading == 0


def test_first_key_with_a_value_does_not_speak_for_the_others() -> None:
    """A load of several keys waits for its turn where any of them has no value, whatever the first has."""
    made = world(lease=False, throttle=0.0, load_rate=30.0)
    answered(made, key="a")
    made.wait(12.0)
    answered(made, key="b")
    task = made.call(0, "answer_many", ("a", "c"), many=True)
    for _ in range(40):
        made.settle()
        made.wait(0.05)
    assert task.result["c"].source is Source.LOAD


# ---- leases ----------------------------------------------------------------------------------------------------


def test_another_process_loads() -> None:
    """Who does not get the lease waits for its holder's value, and takes it as soon as it is stored."""
    made = world()
    _, first = loading(made, 0)
    caller = made.call(1, "answer", ("a",))
    until(made, caller, Wait)
    second = made.tasks[-1]
    until(made, second, Pause)
    made.wait(0.05)
    made.step(second)
    made.settle(loads=False)
    assert isinstance(second.effect, Pause)
    made.step(first)
    made.settle()
    made.wait(0.1)
    made.settle()
    assert loads(made) == 1
    assert caller.result.source is Source.LOAD
    assert caller.result.value.serial == 0


def test_lease_is_not_waited_for_longer_than_stated() -> None:
    """A caller without a value is refused where the holder of the lease takes longer than it may wait."""
    made = world()
    loading(made, 0)
    caller = made.call(1, "answer", ("a",))
    for _ in range(20):
        made.settle(loads=False)
        made.wait(0.05)
    made.settle(loads=False)
    assert isinstance(caller.error, CacheUnavailableError)
    assert isinstance(caller.error.cause, LoadRefusedError)
    assert caller.error.cause.by == "lease"
    assert loads(made) == 1


def test_last_holder_has_filled_the_key() -> None:
    """Who gets the lease after its holder has stored a value takes that, loads nothing, and gives the lease back."""
    made = world()
    caller = made.call(1, "answer", ("a",))
    until(made, caller, Wait)
    job = made.tasks[-1]
    asking(made, job, "lease")
    stored = answered_by(made, 0, job, caller)
    made.settle(loads=False)
    assert caller.result.value == stored.value
    assert loads(made) == 1
    assert made.store.get(made.names.side("a", "lease")) is None


def answered_by(made: World, number: int, *others: Task) -> Any:
    """The answer of a call in another process, while some tasks stand still."""
    task = made.call(number, "answer", ("a",))
    for _ in range(60):
        for one in [one for one in made.tasks if one not in others]:
            if made.is_ready(one) or isinstance(one.effect, Load):
                made.step(one)
    return task.result


def test_old_value_is_not_another_process_s_load() -> None:
    """A refresh that waits for another process's lease does not take the entry that was there before it."""
    made = world()
    old = answered(made, 0)
    made.wait(5.0)
    loading(made, 0, max_age=1.0)
    caller = made.call(1, "refresh", ("a",))
    for _ in range(20):
        made.settle(loads=False)
        made.wait(0.05)
    made.settle(loads=False)
    assert isinstance(caller.error, CacheUnavailableError)
    made.settle()
    assert answered(made, 1, verb="refresh").value != old.value


def test_lost_lease_cannot_fill() -> None:
    """A load whose lease has ended answers who asked, and what was stored since stays."""
    made = world(awaited=False)
    caller, job = loading(made)
    made.wait(7.0)
    other = answered_by(made, 1, job, caller)
    made.settle()
    assert made.processes[0].state.counters["fills"] == 0
    assert made.processes[0].state.counters["fills_lost"] == 1
    assert answered(made, 2).value == other.value


@pytest.mark.parametrize("at", ["lease", "get"])
def test_cancelled_leader_gives_the_lease_back(at: str) -> None:
    """A flight that is cancelled as it takes its lease leaves none, so that the next process need not wait for it."""
    made = world()
    caller = made.call(0, "answer", ("a",))
    until(made, caller, Wait)
    job = made.tasks[-1]
    asking(made, job, at)
    made.step(job)
    made.cancel(caller, asyncio.CancelledError())
    assert job.is_cancelled
    made.settle()
    assert job.is_over
    assert made.store.get(made.names.side("a", "lease")) is None
    assert answered(made, 1).source is Source.LOAD


def test_cancelled_load_gives_lease_and_permit_back() -> None:
    """The last waiter of a load stops it; when the loader has ended as well, nothing of it is left."""
    made = world()
    caller, job = loading(made)
    made.cancel(caller, asyncio.CancelledError())
    made.settle(loads=False)
    assert job.is_over
    assert made.processes[0].core.flights.loading == 1
    made.end(made.running[0])
    assert made.processes[0].core.flights.loading == 0
    assert answered(made, 1).source is Source.LOAD


@pytest.mark.parametrize("effect", [Ask, Load])
def test_job_that_is_closed_yields_nothing_more(effect: type) -> None:
    """A generator that is closed, as at the end of an interpreter, ends at once and settles its flight."""
    made = world()
    caller = made.call(0, "answer", ("a",))
    until(made, caller, Wait)
    job = made.tasks[-1]
    until(made, job, effect)
    made.cancel(job)
    assert job.is_over
    assert not made.processes[0].core.flights._flying
    finish(made, caller)
    if effect is Ask:
        assert caller.result.source is Source.LOAD
    else:  # the lease stays until its end, as nothing may be yielded any more
        assert isinstance(caller.error, CacheUnavailableError)


# ---- cancellations ---------------------------------------------------------------------------------------------


def test_one_of_two_waiters_leaves_alone() -> None:
    """A caller that is cancelled does not stop the load that somebody else waits for."""
    made = world()
    leader, job = loading(made)
    other = made.call(0, "answer", ("a",))
    until(made, other, Wait)
    made.cancel(leader, asyncio.CancelledError())
    assert not job.is_cancelled
    made.settle()
    assert other.result.source is Source.LOAD
    assert loads(made) == 1


def test_caller_of_several_keys_waits_for_each() -> None:
    """A load that a call for several keys will come to is not stopped by its only other waiter."""
    made = world(load_rate=300.0, lease=False)
    several = made.call(0, "answer_many", ("a", "b"))
    until(made, several, Wait)
    other = made.call(0, "answer", ("b",))
    until(made, other, Wait)
    made.cancel(other, asyncio.CancelledError())
    finish(made, several)
    assert {answer.source for answer in several.result.values()} == {Source.LOAD}


def test_cancelled_caller_of_several_keys_stops_what_nobody_wants() -> None:
    """A call for several keys that is cancelled leaves the loads that others wait for, and stops those of its own."""
    made = world(load_rate=300.0, lease=False)
    several = made.call(0, "answer_many", ("a", "b"))
    until(made, several, Wait)
    other = made.call(0, "answer", ("b",))
    until(made, other, Wait)
    made.cancel(several, asyncio.CancelledError())
    stopped = {task.flight.entry.key for task in made.tasks if task.flight is not None and task.is_cancelled}
    assert stopped == {"a"}
    finish(made, other)
    assert other.result.source is Source.LOAD


def test_interrupted_start_leaves_the_key() -> None:
    """KeyboardInterrupt before a job has begun holds no key; who joined it begins a load of its own."""
    made = world(awaited=False, lease=False)
    leader = made.call(0, "answer", ("a",))
    until(made, leader, Start)
    other = made.call(0, "answer", ("a",))
    until(made, other, Wait)
    made.cancel(leader, KeyboardInterrupt())
    made.settle()
    assert isinstance(leader.error, KeyboardInterrupt)
    assert other.result.source is Source.LOAD


def test_two_interrupted_leaders_are_enough() -> None:
    """A caller joins again once; if that load's leader is interrupted as well, it has no answer."""
    made = world(awaited=False, lease=False)
    first = made.call(0, "answer", ("a",))
    until(made, first, Start)
    other = made.call(0, "answer", ("a",))
    until(made, other, Wait)
    made.cancel(first, KeyboardInterrupt())
    second = made.call(0, "answer", ("a",))
    until(made, second, Start)
    made.step(other)
    made.cancel(second, KeyboardInterrupt())
    made.settle()
    assert isinstance(other.error, CacheUnavailableError)


def test_load_that_cannot_be_stopped_keeps_its_key() -> None:
    """The load of a thread goes on where its last waiter leaves, and the next caller joins it."""
    made = world(awaited=False)
    leader, _ = loading(made)
    made.cancel(leader, KeyboardInterrupt())
    other = made.call(0, "answer", ("a",))
    made.settle()
    assert loads(made) == 1
    assert other.result.verdict is Verdict.MISSING


def test_no_throttle() -> None:
    """Without a throttle each answer of a stale value may try to replace it."""
    made = world(throttle=0.0, lease=False, load_rate=3000.0)
    answered(made)
    made.wait(12.0)
    for count in (2, 3):
        made.call(0, "answer", ("a",))
        made.settle(loads=False)
        made.step(made.tasks[-1], "bad")
        made.settle()
        made.wait(1.0)
        assert loads(made) == count
