"""Several processes of a guarded cache in virtual time: one store, one source, one effect at a time.

Each process is a `Core` with its own `State`. Their generators run as tasks; `World.step` performs or answers
the effect that a task stands at, in whatever order the caller of it chooses. What a law needs to know is written down
here.
"""

from __future__ import annotations

import asyncio
import sys
from random import Random
from typing import TYPE_CHECKING, Any

from guard_parts import BASE, CODEC, FOREIGN, KEYS, NEWER, Newer, Origin, Process, Request, Running, Task, Value
from safecodec import DecodeError
from safecodec.cache._known import NOTHING, decode_all
from safecodec.cache.core import Call, Core
from safecodec.cache.effects import Ask, Decode, DecodeMany, Encode, Load, Local, Pause, Start, Verify, Wait
from safecodec.cache.keys import Keys
from safecodec.cache.state import Facts, State
from safecodec.cache.stores.memory import MemoryStore
from safecodec.errors import LoadTimeoutError, NoValueError, StoreError
from safecodec.frame import stamp_of, tag

if TYPE_CHECKING:
    from safecodec.cache.effects import Effect, Steps
    from safecodec.cache.policy import GuardPolicy


class World:
    """A store, a source, some processes, and time.

    Args:
        policy: The policy of all processes.
        processes: How many there are.
        seed: Of the randomness of all processes.
        awaited: Whether the processes' shells are those of asyncio.
        durable: Whether each process writes its last known good values down.
    """

    def __init__(
        self, policy: GuardPolicy, processes: int, seed: int, *, awaited: bool = True, durable: bool = False
    ) -> None:
        self.policy = policy
        self.now = 1000.0
        self.tick = 0
        self.skew = 0.0
        self.jumped_back = 0.0
        self.last_jump = 0
        self.store = MemoryStore(now=self.wall)
        self.store.bind("test")
        self.names = Keys("test", "s")
        self.origins: list[Origin] = []
        self.rows: dict[str, bool] = dict.fromkeys(KEYS, True)
        self.had_no_row: set[str] = set()
        self.starts: list[tuple[int, float]] = []
        self.running: list[Running] = []
        self.deletes: list[Request] = []
        self.deletes_done: dict[int, int] = {}
        self.lost: dict[str, int] = dict.fromkeys(KEYS, 0)
        """Tick of the last time that the entry of a key was lost or overwritten by somebody else."""
        self.planted: list[tuple[str, str, bytes]] = []
        self.tasks: list[Task] = []
        self.finished: list[Task] = []
        self.told: list[str] = []
        self.store_faults = 0
        self.durable, self.awaited = durable, awaited
        self.restarts = 0
        self.processes = [self._process(number, Random(seed * 100 + number)) for number in range(processes)]

    def _process(self, number: int, random: Random, local: MemoryStore | None = None) -> Process:
        facts = Facts("test", tag("test"), CODEC.version, CODEC.fingerprint())
        state = State(self.policy, self.names, facts, self, random, self.told.append, is_durable=self.durable)
        return Process(number, Core(state), self.awaited, MemoryStore(now=self.wall) if local is None else local)

    def restart(self, number: int) -> None:
        """Kill a process, and start another in its place, which has its local store."""
        self.restarts += 1
        old = self.processes[number]
        self.tasks = [task for task in self.tasks if task.process is not old]
        self.running = [run for run in self.running if run.process is not old]
        self.processes[number] = self._process(number, Random(self.next_tick()), old.local)

    # ---- time --------------------------------------------------------------------------------------------------

    def monotonic(self) -> float:
        """The time that every process has."""
        return self.now

    def wall(self) -> float:
        """The time of the store, and of every process before it has asked the store."""
        return BASE + self.now + self.skew

    def wait(self, seconds: float) -> None:
        """Let time pass. The codec takes none: whoever decodes or encodes has done so before."""
        for _ in range(1000):
            coding = [task for task in self.tasks if isinstance(task.effect, (Decode, DecodeMany, Encode, Verify))]
            for task in coding:
                self.step(task)
            if not coding:
                break
        self.now += seconds

    def jump(self, seconds: float) -> None:
        """Set the store's clock."""
        self.skew += seconds
        self.jumped_back += max(0.0, -seconds)
        self.last_jump = self.next_tick()

    def next_tick(self) -> int:
        """Count an event, so that there is an order where time stands still."""
        self.tick += 1
        return self.tick

    # ---- what others do ----------------------------------------------------------------------------------------

    def plant(self, key: str, kind: str, entry: bytes | None = None) -> None:
        """Have somebody else write an entry: junk, a damaged frame, another version's or environment's."""
        serial = self.next_tick()
        context = key.encode()
        if entry is None:
            own = CODEC.encode(Value(key, -serial), context=context)
            entry = {
                "newer": NEWER.encode(Newer(str(serial)), context=context),
                "foreign": FOREIGN.encode(Value(key, -serial), context=context),
                "other key": CODEC.encode(Value(key, -serial), context=b"other"),
                "damaged": own[:-1] + bytes([own[-1] ^ 1]),
                "junk": b"junk %d" % serial,
            }[kind]
        self.planted.append((key, kind, entry))
        self.lost[key] = serial
        with self.store._locked():
            self.store._write(self.names.value(key), entry, self.wall() + 1e6)

    def empty(self) -> None:
        """Restart the store without its entries; it stays bound to its environment."""
        serial = self.next_tick()
        self.store = MemoryStore(now=self.wall)
        self.store.bind("test")
        self.lost = dict.fromkeys(KEYS, serial)

    def change(self, key: str, has_row: bool) -> None:
        """Have the source another row, or none."""
        self.rows[key] = has_row
        if not has_row:
            self.had_no_row.add(key)

    # ---- calls -------------------------------------------------------------------------------------------------

    def call(self, number: int, verb: str, keys: tuple[str, ...], **options: Any) -> Task:
        """Begin a call in a process; it stands at its first effect then, or is over."""
        process = self.processes[number]
        request = Request(verb, keys, options, self.now, self.next_tick())
        if verb in ("set", "delete", "expire"):
            process.invalidated[keys[0]] = request.tick
        task = Task(process, self._steps(process, verb, keys, options, request), request)
        self._resume(task)
        return task

    def _steps(
        self, process: Process, verb: str, keys: tuple[str, ...], options: dict[str, Any], request: Request
    ) -> Steps[Any]:
        core, key = process.core, keys[0]
        if verb == "set":
            # A delete at the same time may be before it or after: it is from before those that began after it was over.
            request.origin = Origin(key, process.number, self.now, sys.maxsize)
            self.origins.append(request.origin)
            return core.changes.set(key, Value(key, len(self.origins) - 1), None)
        if verb == "delete":
            self.deletes.append(request)
            return core.changes.delete(key, options.get("hold", 0.0))
        if verb == "expire":
            return core.changes.expire(key)
        arguments = {name: options.get(name) for name in ("max_age", "stale", "timeout")}
        call = Call(load, load if options.get("many") else None, default=options.get("default", NOTHING), **arguments)
        if verb == "get":
            return quick(core, key, call)
        if verb == "refresh":
            return core.refresh(key, call)
        return core.answer(key, call) if verb == "answer" else core.answer_many(list(keys), call)

    def cancel(self, task: Task, error: BaseException | None = None) -> None:
        """Throw into a task where it stands, or close its generator."""
        self._left(task)
        if error is None:
            task.steps.close()
            self._over(task, error=GeneratorExit())
        else:
            self._resume(task, error=error)

    def _left(self, task: Task) -> None:
        """What a shell does where its performance of an effect is cancelled."""
        task.is_cancelled = False
        if isinstance(task.effect, Load):
            task.reply.is_given_up = True

    # ---- effects -----------------------------------------------------------------------------------------------

    def is_ready(self, task: Task) -> bool:
        """Tell whether a task can go on by itself, without a load that ends or time that passes."""
        if task.is_cancelled:
            return True
        match task.effect:
            case Wait(flight=flight, seconds=seconds):
                return task.wakes or flight.is_settled or self.now >= task.since + seconds
            case Pause(seconds=seconds):
                return self.now >= task.since + seconds
            case Load():
                return False
        return True

    def step(self, task: Task, outcome: str = "good") -> None:
        """Perform the effect of a task, or hand it the result.

        Args:
            task: The task, which is not over.
            outcome: ``good``; ``bad`` is an error of the store or the loader; ``lost`` is a reply that is lost;
                ``late`` is a load that is given up at the end of its time, and goes on; or a reply of the store that
                was there in time, and that a process reads late which was stopped.
        """
        if task.is_cancelled:
            self.cancel(task, asyncio.CancelledError())
            return
        effect = task.effect
        if isinstance(effect, Ask):
            self._ask(task, effect, outcome)
        elif isinstance(effect, Local):
            self._local(task, effect, outcome)
        elif isinstance(effect, Load):
            self._load(task, effect, outcome)
        elif isinstance(effect, Start):
            self._start(task, effect, outcome)
        elif isinstance(effect, (Wait, Pause)):
            if self.is_ready(task):
                self._resume(task)
        else:
            try:
                value = self._code(effect)
            except (DecodeError, NoValueError) as error:
                self._resume(task, error=error)
            else:
                self._resume(task, value)

    def _ask(self, task: Task, effect: Ask, outcome: str) -> None:
        process = task.process
        if not task.is_done and outcome != "bad" and not process.is_cut:
            task.reply = self.performed(effect)
            task.is_done = True
            if outcome != "lost":
                return
        silent = self.now - task.since > self.policy.store_timeout and outcome != "late"
        if not task.is_done or outcome in ("bad", "lost") or process.is_cut or silent:
            process.store_failed = True
            self.store_faults += 1
            if task.request is not None:
                task.request.was_cut = True
            self._resume(task, error=StoreError("the store did not answer"))
            return
        self._seen(process, effect, task.reply)
        self._resume(task, task.reply)

    def _local(self, task: Task, effect: Local, outcome: str) -> None:
        if outcome == "bad":
            self._resume(task, error=StoreError("no space is left on the device"))
        else:
            self._resume(task, getattr(task.process.local, effect.method)(*effect.arguments))

    def _seen(self, process: Process, effect: Ask, reply: Any) -> None:
        entries = {"get": [reply], "get_many": reply}.get(effect.method, [])
        for key in KEYS:
            for entry in entries:
                stamp = None if entry is None or not entry.startswith(b"\xc1\xde") else stamp_of(entry)
                if stamp is not None and stamp.kind == "deleted":
                    process.invalidated[key] = self.tick

    def performed(self, effect: Ask) -> Any:
        """Have the store do something."""
        self.next_tick()
        return getattr(self.store, effect.method)(*effect.arguments)

    def _load(self, task: Task, effect: Load, outcome: str) -> None:
        run: Running = task.reply
        if outcome == "late" and task.process.is_awaited and self.now >= task.since + effect.timeout:
            run.is_given_up = True
            self._resume(task, error=LoadTimeoutError("too long", seconds=effect.timeout))
            return
        self.end(run)
        if outcome == "bad":
            self._resume(task, error=OSError("the database does not answer"))
        elif isinstance(effect.argument, list):
            self._resume(task, {key: self._row(key, run) for key in effect.argument if self.rows[key]})
        else:
            self._resume(task, self._row(effect.argument, run))

    def end(self, run: Running) -> None:
        """Have a load end really, be it after its time."""
        self.next_tick()
        self.running.remove(run)
        run.ended()

    def _row(self, key: str, run: Running) -> Value | None:
        if not self.rows[key]:
            return None
        self.origins.append(Origin(key, run.process.number, run.began, run.tick))
        return Value(key, len(self.origins) - 1)

    def _start(self, task: Task, effect: Start, outcome: str) -> None:
        if outcome == "bad" and not task.process.is_awaited:
            effect.steps.close()
            self._resume(task, error=RuntimeError("can't start new thread"))
            return
        job = Task(task.process, effect.steps, flight=effect.flight)
        if effect.flight is not None and effect.cancellable and task.process.is_awaited:
            effect.flight.cancel = lambda: setattr(job, "is_cancelled", not job.is_over)
        self._resume(job)
        self._resume(task)

    def _code(self, effect: Effect | None) -> Any:
        match effect:
            case Decode(frame=frame, context=context) | Verify(frame=frame, context=context):
                return CODEC.decode(frame, context=context)
            case DecodeMany(entries=entries, frames=frames):
                return decode_all(CODEC.decode, entries, frames)
            case Encode(value=value, context=context, stamp=stamp):
                return CODEC.encode(value, context=context, stamp=stamp)
        raise AssertionError(f"an effect that no shell knows: {effect}")

    # ---- tasks -------------------------------------------------------------------------------------------------

    def _resume(self, task: Task, value: Any = None, error: BaseException | None = None) -> None:
        if task.effect is None and task not in self.tasks:
            self.tasks.append(task)
        if isinstance(task.effect, Wait) and task.wake in task.effect.flight.wakers:
            task.effect.flight.wakers.remove(task.wake)
        self.next_tick()
        try:
            effect = task.steps.send(value) if error is None else task.steps.throw(error)
        except StopIteration as end:
            self._over(task, result=end.value)
        except BaseException as raised:
            self._over(task, error=raised)
        else:
            self._stands(task, effect)

    def _stands(self, task: Task, effect: Effect) -> None:
        task.effect, task.since, task.is_done, task.reply, task.wakes = effect, self.now, False, None, False
        if isinstance(effect, Wait):
            effect.flight.wakers.append(task.wake)
        if isinstance(effect, Load):
            keys = tuple(effect.argument) if isinstance(effect.argument, list) else (effect.argument,)
            is_probe = not task.process.core.flights.breaker.is_closed
            run = Running(task.process, keys, self.now, self.tick, effect.ended, task.is_shadow, is_probe)
            task.reply = run
            self.running.append(run)
            self.starts.append((task.process.number, self.now))

    def _over(self, task: Task, result: Any = None, error: BaseException | None = None) -> None:
        task.is_over, task.effect, task.result, task.error = True, None, result, error
        self.tasks.remove(task)
        self.finished.append(task)
        request = task.request
        if request is not None:
            request.ended = self.now
        if request is not None and request.origin is not None:
            request.origin.tick = self.tick
        if request is not None and request.verb == "delete" and error is None:
            self.deletes_done[request.tick] = self.tick

    def settle(self, rounds: int = 10_000, *, loads: bool = True) -> None:
        """Let every task go on until none can without time; with loads that all end well."""
        for _ in range(rounds):
            ready = [task for task in self.tasks if self.is_ready(task) or (loads and isinstance(task.effect, Load))]
            if not ready:
                return
            for task in ready:
                if not task.is_over:
                    self.step(task)
        raise AssertionError(f"tasks that do not end: {self.tasks}")


def load(*_: object, **__: object) -> None:
    """The loader of all calls: the world answers in its place."""


def quick(core: Core[Value], key: str, call: Call) -> Steps[Any]:
    """Answer a key as the blocking shell does that performs the first effects itself."""
    raw: bytes | StoreError | None = None
    value: Any = NOTHING
    entry = core.begin(key)
    if entry is None:
        spare = core.spare(key)
        if spare is None:
            return (yield from core.answer(key, call))
        entry, frame, age = spare
        try:
            value = yield Decode(frame, entry.context)
        except NoValueError:
            value = None
        return core.spared(value, age)
    began = core.state.monotonic()
    try:
        found: bytes | None = yield Ask("get", (entry.name,))
        raw = found
        if found is not None and entry.bad is None:
            value = yield Decode(found, entry.context)
            answer = core.quick(entry, found, value, began)
            if answer is not None:
                return answer
    except StoreError as error:
        raw = error
    except (DecodeError, NoValueError) as error:
        value = error
    return (yield from core.resume(entry, call, raw, value, began))
