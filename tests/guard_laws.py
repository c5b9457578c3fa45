"""The laws of a guarded cache, as checks of a `World` at any moment and of an answer that is given."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from guard_parts import KEYS
from safecodec.cache.answers import Answer, Source, Verdict
from safecodec.cache.state import SHARP
from safecodec.errors import CacheUnavailableError, LoadRefusedError, StoreError

if TYPE_CHECKING:
    from guard_parts import Origin, Process, Request, Running, Task
    from guard_world import World

SLACK = 1e-6


class Laws:
    """Checks a world: `always` after each of its steps, `at_rest` where nothing goes on any more."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._starts = 0
        self._finished = 0
        self._counters: dict[Process, dict[str, int]] = {}
        for process in world.processes:
            self._born(process)

    def _born(self, process: Process) -> dict[str, int]:
        counters = process.core.counters()
        assert set(counters.values()) == {0}, "all counters are there at zero from the start"
        assert len(counters) >= 26 + len(Verdict)
        self._counters[process] = counters
        return counters

    def restart(self, number: int) -> None:
        """Have the world kill a process, and start another."""
        self.world.restart(number)
        self._born(self.world.processes[number])

    # ---- at any moment -----------------------------------------------------------------------------------------

    def always(self) -> None:
        """Check all that holds at any moment."""
        world = self.world
        for at in range(self._starts, len(world.starts)):
            self._rate(at)
        self._starts = len(world.starts)
        for process in world.processes:
            self._counts(process)
            self._permits(process)
        for task in world.finished[self._finished :]:
            self._ended(task)
        self._finished = len(world.finished)

    def _rate(self, at: int) -> None:
        """In every window that ends with a load, the fleet has at most rate x T + processes loads."""
        world, policy = self.world, self.world.policy
        _, end = world.starts[at]
        for begin in range(at + 1):
            span = end - world.starts[begin][1]
            loads = at - begin + 1
            assert loads <= policy.load_rate * span + policy.processes + world.restarts + SLACK, (
                f"{loads} loads in {span} s"
            )

    def _counts(self, process: Process) -> None:
        state, before = process.state, self._counters[process]
        now = process.core.counters()
        assert now.keys() == before.keys()
        assert all(now[name] >= before[name] for name in now), "counters only grow"
        self._counters[process] = now
        if not process.store_failed:
            assert state.store_breaker.opened == 0, "bad bytes never open the store's breaker"
        assert state.known.held == sum(len(entry.frame or b"") for entry in state.known)

    def _permits(self, process: Process) -> None:
        world, flights = self.world, process.core.flights
        running = [run for run in world.running if run.process is process]
        assert flights.loading == len(running), "a permit is one load that has not really ended"
        assert len(running) <= flights.permits
        waiting = sum(task.process is process for task in world.tasks)
        assert 0 <= process.state.rate.waiting <= waiting
        wanted = [run for run in running if self._counts_as_one(run)]
        for key in KEYS:
            assert sum(key in run.keys for run in wanted) <= 1, f"one load at once for {key!r}"
        probes = [run for run in running if run.is_probe and world.now <= run.began + world.policy.load_timeout]
        assert sum(not run.is_given_up for run in probes) <= 1, "half-open lets one through"

    def _counts_as_one(self, run: Running) -> bool:
        world = self.world
        if run.is_shadow or run.is_given_up or world.now > run.began + world.policy.load_timeout:
            return False
        return all(run.process.invalidated.get(key, 0) < run.tick for key in run.keys)

    # ---- answers -----------------------------------------------------------------------------------------------

    def _ended(self, task: Task) -> None:
        request, error = task.request, task.error
        if request is None:
            expected = (GeneratorExit,) if error is None or not _is_cancellation(error) else (BaseException,)
            assert error is None or isinstance(error, expected), f"a job ended with {error!r}"
            return
        if error is not None:
            self._failed(request, error)
        elif isinstance(task.result, Answer):
            self._answered(request, request.keys[0], task.result)
        elif isinstance(task.result, dict):
            assert set(task.result) == set(request.keys)
            for key, answer in task.result.items():
                if isinstance(answer, Answer):
                    self._answered(request, key, answer)
                else:
                    self._failed(request, answer)

    def _failed(self, request: Request, error: BaseException) -> None:
        if _is_cancellation(error) or (isinstance(error, RuntimeError) and "thread" in str(error)):
            return
        if request.verb in ("set", "delete", "expire"):
            assert isinstance(error, (StoreError, CacheUnavailableError)), repr(error)
            return
        assert isinstance(error, CacheUnavailableError), repr(error)
        self._harmless(error.cause)

    def _harmless(self, cause: BaseException | None) -> None:
        refused = isinstance(cause, LoadRefusedError) and cause.by == "cancellation"
        assert not refused, "a cancelled leader or waiter harms nobody"

    def _answered(self, request: Request, key: str, answer: Answer[Any]) -> None:
        policy = self.world.policy
        self._harmless(answer.cause)
        assert answer.age is None or answer.age >= 0
        if answer.source is Source.DEFAULT:
            assert not policy.fail_closed
            assert answer.value == request.options["default"]
            return
        if answer.value is None:
            assert key in self.world.had_no_row, "the source never had no row"
            return
        assert answer.value.key == key, "a value of another key"
        assert answer.value.serial >= 0, "a value that somebody else has planted"
        origin = self.world.origins[answer.value.serial]
        self._age(request, answer, origin)
        self._undeleted(request, key, answer, origin)

    def _age(self, request: Request, answer: Answer[Any], origin: Origin) -> None:
        """Nothing is served that is older than it may be, but for what the store's clock went back."""
        world, policy, options = self.world, self.world.policy, request.options
        age = request.ended - origin.began
        slack = world.jumped_back + SHARP + 2 * policy.store_timeout + 0.01
        flight = 2 * policy.wait + policy.load_timeout + 4 * policy.store_timeout
        waited = request.ended - request.began
        max_age, stale = options.get("max_age"), options.get("stale")
        if request.verb == "refresh":
            max_age = 0.0
        if answer.source is Source.LOAD:
            limit = waited + flight if max_age is not None else waited + max(flight, policy.fresh)
            limit = max(limit, max_age or 0.0)
        elif answer.source is Source.CACHE:
            limit = waited + (policy.fresh if max_age is None else min(max_age, policy.fresh))
        else:
            longest = policy.stale if stale is None else stale
            limit = policy.fresh + (0.0 if policy.fail_closed else longest)
            if request.verb == "answer_many":
                limit += waited  # for the other keys, when this one was judged
            assert not policy.fail_closed or answer.source is Source.LAST_KNOWN_GOOD
        assert age <= limit + slack, f"{answer} is {age} s old, and may be {limit}"
        if answer.age is not None:
            assert answer.age >= age - waited - slack, f"{answer} says less than its age, {age}"

    def _undeleted(self, request: Request, key: str, answer: Answer[Any], origin: Origin) -> None:
        """Who asks after a delete, and reads the store, gets nothing whose load began before it."""
        world = self.world
        if answer.verdict is None or request.was_cut:
            return
        for delete in world.deletes:
            done = world.deletes_done.get(delete.tick)
            if key not in delete.keys or done is None or done >= request.tick:
                continue
            is_lost = world.lost[key] > delete.tick or world.last_jump > 0
            assert is_lost or origin.tick > delete.tick, (
                f"{answer} was deleted at {delete.tick}, loaded at {origin.tick}"
            )

    # ---- at rest -----------------------------------------------------------------------------------------------

    def at_rest(self) -> None:
        """Check what holds when nothing goes on."""
        assert not self.world.tasks, f"generators that do not end: {self.world.tasks}"
        for process in self.world.processes:
            flights, state = process.core.flights, process.state
            assert flights.loading == 0, "permits are given back"
            assert state.rate.waiting == 0, "nobody waits who is gone"
            assert not flights._flying, "no flight holds a key"

    def leases(self) -> None:
        """No lease is left of a load that has ended or was cancelled, where the store never failed."""
        world = self.world
        if world.last_jump or world.restarts or any(process.store_failed for process in world.processes):
            return
        for key in KEYS:
            assert world.store.get(world.names.side(key, "lease")) is None, f"a lease of {key!r} that nobody holds"

    def quarantined(self) -> None:
        """No bytes are in a quarantine more often than they were written."""
        world = self.world
        for key in KEYS:
            kept = world.store.kept(world.names.side(key, "bad"))
            for one, two in pairwise(kept):
                assert one != two, "quarantined once"
            for entry in set(kept):
                planted = sum(entry == there for name, _, there in world.planted if name == key)
                assert kept.count(entry) <= planted

    def recovers(self) -> None:
        """Where all is well again, each process answers each key from the store or the source."""
        world = self.world
        for process in world.processes:
            process.is_cut = False
        world.wait(400.0)
        for key in KEYS:
            world.rows[key] = True
            for process in world.processes:
                world.wait(60.0)
                # Entries that must not be overwritten stay, and what was stored before the clock went back.
                task = world.call(process.number, "answer", (key,))
                while not task.is_over:
                    world.settle()
                    world.wait(0.05)
                assert task.error is None, repr(task.error)
                assert task.result.source in (Source.CACHE, Source.LOAD, Source.LAST_KNOWN_GOOD, Source.SECOND_COPY)


def _is_cancellation(error: BaseException) -> bool:
    return not isinstance(error, Exception)
