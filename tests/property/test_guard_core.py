"""The policy core's laws, on several processes in virtual time whose effects end in any order and in any way."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from guard_laws import Laws
from guard_parts import KEYS
from guard_world import World
from safecodec.cache.effects import Load
from safecodec.cache.policy import BreakerPolicy, GuardPolicy

PROCESSES = st.integers(0, 2)
KEY = st.sampled_from(("a", "a", *KEYS))
AT = st.integers(0, 30)
OUTCOME = st.sampled_from(["good", "good", "good", "bad", "lost", "late"])
BREAKER = BreakerPolicy(window=30.0, calls=2, shortest=2.0, longest=8.0)


@st.composite
def policies(draw: st.DrawFn) -> GuardPolicy:
    """Policies with short times, so that things end while others go on."""
    return GuardPolicy(
        load_rate=draw(st.sampled_from([1.0, 30.0])),
        load_concurrency=draw(st.sampled_from([3, 9])),
        processes=3,
        fresh=10.0,
        eager=draw(st.sampled_from([None, 0.5])),
        stale=draw(st.sampled_from([0.0, 20.0])),
        throttle=draw(st.sampled_from([0.0, 3.0])),
        negative=draw(st.sampled_from([None, 2.0])),
        soft_timeout=draw(st.sampled_from([None, 0.1])),
        load_timeout=2.0,
        lease=draw(st.booleans()),
        breaker=BREAKER,
        store_breaker=BREAKER,
        shadow=draw(st.sampled_from([0, 0, 2])),
        fail_closed=draw(st.sampled_from([False, False, True])),
        keep_good=draw(st.booleans()),
        keys=draw(st.sampled_from([2, 100])),
    )


def is_busy(guard: Guard) -> bool:
    """Tell whether something goes on."""
    return bool(guard.world.tasks)


class Guard(RuleBasedStateMachine):
    """Three processes, one store, one source."""

    world: World
    laws: Laws

    @initialize(
        policy=policies(), seed=st.integers(0, 3), awaited=st.booleans(), durable=st.booleans(),
        started=st.sampled_from([0.0, 60.0]),
    )  # fmt: skip
    def begin(self, policy: GuardPolicy, seed: int, awaited: bool, durable: bool, started: float) -> None:
        self.world = World(policy, 3, seed, awaited=awaited, durable=durable)
        self.laws = Laws(self.world)
        self.world.now += started

    # ---- calls -------------------------------------------------------------------------------------------------

    @rule(
        process=PROCESSES, key=KEY, verb=st.sampled_from(["answer", "answer", "get", "get", "refresh"]),
        max_age=st.sampled_from([None, None, 0.0, 1.0]), stale=st.sampled_from([None, None, 0.0, 5.0]),
        timeout=st.sampled_from([None, 0.0, 0.3]),
    )  # fmt: skip
    def answer(self, process: int, key: str, verb: str, **options: Any) -> None:
        self.world.call(process, verb, (key,), **options)

    @rule(process=PROCESSES, many=st.booleans(), keys=st.lists(KEY, min_size=1, max_size=3, unique=True))
    def answer_many(self, process: int, keys: list[str], many: bool) -> None:
        self.world.call(process, "answer_many", tuple(keys), many=many)

    @rule(process=PROCESSES, key=KEY)
    def answer_or_default(self, process: int, key: str) -> None:
        self.world.call(process, "answer", (key,), default="nothing")

    @rule(process=PROCESSES, key=KEY, hold=st.sampled_from([0.0, 0.0, 3.0]))
    def delete(self, process: int, key: str, hold: float) -> None:
        self.world.call(process, "delete", (key,), hold=hold)

    @rule(process=PROCESSES, key=KEY, verb=st.sampled_from(["set", "expire"]))
    def write(self, process: int, key: str, verb: str) -> None:
        self.world.call(process, verb, (key,))

    # ---- progress ----------------------------------------------------------------------------------------------

    @precondition(is_busy)
    @rule(at=AT, outcome=OUTCOME, times=st.integers(1, 6))
    def step(self, at: int, outcome: str, times: int) -> None:
        task = self.world.tasks[at % len(self.world.tasks)]
        for _ in range(times):
            if not task.is_over and (self.world.is_ready(task) or isinstance(task.effect, Load)):
                self.world.step(task, outcome)

    @precondition(is_busy)
    @rule(times=st.integers(2, 12))
    def step_newest(self, times: int) -> None:
        """Let the newest task, which is often a job, go on up to its load and no further."""
        task = self.world.tasks[-1]
        for _ in range(times):
            if not task.is_over and self.world.is_ready(task):
                self.world.step(task)

    @precondition(is_busy)
    @rule(loads=st.booleans())
    def settle(self, loads: bool) -> None:
        self.world.settle(loads=loads)

    @precondition(is_busy)
    @rule(at=AT, error=st.sampled_from([asyncio.CancelledError, KeyboardInterrupt, None]))
    def cancel(self, at: int, error: type[BaseException] | None) -> None:
        callers = [task for task in self.world.tasks if task.request is not None]
        if callers:
            self.world.cancel(callers[at % len(callers)], None if error is None else error())

    @precondition(lambda self: any(run.is_given_up for run in self.world.running))
    @rule(at=AT)
    def end(self, at: int) -> None:
        over = [run for run in self.world.running if run.is_given_up]
        self.world.end(over[at % len(over)])

    @rule(seconds=st.sampled_from([0.001, 0.02, 0.2, 0.6, 2.5, 6.0, 11.0, 40.0]))
    def wait(self, seconds: float) -> None:
        self.world.wait(seconds)

    # ---- faults ------------------------------------------------------------------------------------------------

    @rule(process=PROCESSES, is_cut=st.booleans())
    def cut(self, process: int, is_cut: bool) -> None:
        self.world.processes[process].is_cut = is_cut

    @rule(key=KEY, kind=st.sampled_from(["junk", "damaged", "newer", "foreign", "other key"]))
    def plant(self, key: str, kind: str) -> None:
        self.world.plant(key, kind)

    @precondition(lambda self: self.world.restarts < 2)
    @rule(process=PROCESSES)
    def restart(self, process: int) -> None:
        self.laws.restart(process)

    @rule()
    def empty(self) -> None:
        self.world.empty()

    @rule(key=KEY, has_row=st.booleans())
    def change(self, key: str, has_row: bool) -> None:
        self.world.change(key, has_row)

    @precondition(lambda self: self.world.jumped_back < 100)
    @rule(seconds=st.sampled_from([-30.0, -0.5, 30.0]))
    def jump(self, seconds: float) -> None:
        self.world.jump(seconds)

    # ---- laws --------------------------------------------------------------------------------------------------

    @invariant()
    def always(self) -> None:
        if hasattr(self, "laws"):
            self.laws.always()

    def teardown(self) -> None:
        if not hasattr(self, "laws"):
            return
        world, laws = self.world, self.laws
        for _ in range(400):
            if not world.tasks:
                break
            world.settle()
            world.wait(0.05)
        for run in list(world.running):
            world.end(run)
        laws.always()
        laws.at_rest()
        laws.leases()
        laws.quarantined()
        laws.recovers()
        laws.always()


def test_core_keeps_its_laws() -> None:
    """Whatever the order and the outcome of effects, the core keeps its laws."""
    run_state_machine_as_test(Guard)
