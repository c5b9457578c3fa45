"""Loads from the source: one flight for each key, within the load rate, the bulkhead, the breaker and the lease."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from ..errors import DecodeError, EncodeError, LoadRefusedError, LoadTimeoutError, StoreError
from ..frame import Stamp
from .answers import RULES, Verdict
from .breaker import Breaker
from .effects import Encode, Load, Pause, Start, Verify, Wait
from .flight import Flight, do_nothing
from .lookup import MILLISECOND
from .state import Found
from .stores import HEAD, Swap, Swapped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ._known import Entry
    from .breaker import Call
    from .effects import Steps
    from .state import State

SHORTEST_PAUSE: Final = 0.005
LONGEST_PAUSE: Final = 0.05
"""Seconds between two looks at what another process loads."""
RETRY: Final = 0.5
"""Seconds until a stale value is tried again where no load began."""
REPAIRED: Final = frozenset(verdict for verdict, rule in RULES.items() if rule.repair)
"""Verdicts in whose place a loaded value may be stored."""
COUNTERS: Final = {
    Swapped.DONE: "fills",
    Swapped.LOST: "fills_lost",
    Swapped.CHANGED: "fills_changed",
    Swapped.OLDER: "fills_older",
    Swapped.FOREIGN: "fills_foreign",
}


def _cancelled() -> LoadRefusedError:
    return LoadRefusedError("the load was cancelled", by="cancellation")


class Flights:
    """The loads of one process.

    Args:
        state: The process's state.
        look: Reads and judges a physical key, for a process that waits for another's load.
        source_version: Says which number of the source a value has; 0 is none.
    """

    def __init__(
        self,
        state: State,
        look: Callable[[Entry, bytes], Steps[Found]],
        source_version: Callable[[Any], int] | None,
    ) -> None:
        self.state = state
        self.look = look
        self.source_version = source_version
        self.breaker: Breaker = Breaker(state.policy.breaker, state.random, state.policy.load_timeout)
        self.permits: int = max(1, state.policy.load_concurrency // state.policy.processes)
        self.loading: int = 0
        self._flying: dict[bytes, Flight] = {}
        self._encoded = 0

    # ---- joining -----------------------------------------------------------------------------------------------

    def flying(self, entry: Entry) -> Flight | None:
        """Return the flight of a key. One that is past its deadline holds nobody up, and leaves its key."""
        flight = self._flying.get(entry.context)
        if flight is not None and self.state.monotonic() > flight.deadline:
            if flight.is_settled:  # by a load that ended late: its value is being stored, and old already
                del self._flying[entry.context]
                return None
            self._lose(flight)
            if flight.call is not None:
                self.state.counters["load_timeouts"] += 1
                self._end(flight.call, failed=True)
            flight.fail(LoadTimeoutError("the load has not ended in time", seconds=self.state.policy.load_timeout))
            return None
        return flight

    def lose(self, entry: Entry) -> None:
        """Have a flight of a key answer only those who have asked already."""
        flight = self._flying.get(entry.context)
        if flight is not None:
            self._lose(flight)

    def _lose(self, flight: Flight) -> None:
        flight.is_lost = True
        if self._flying.get(flight.entry.context) is flight:
            del self._flying[flight.entry.context]

    def may_begin(self, entry: Entry, has_good: bool) -> bool:
        """Tell whether a load of a key may begin now, where nobody is refused one."""
        return self._obstacle(entry, has_good) is None

    def refusal(self, entry: Entry, has_good: bool) -> LoadRefusedError | None:
        """Return why a caller is refused a load of a key now, which is counted, or None."""
        obstacle = self._obstacle(entry, has_good)
        return None if obstacle is None else self._refused(*obstacle)

    def _obstacle(self, entry: Entry, has_good: bool) -> tuple[str, str] | None:
        now = self.state.monotonic()
        if has_good and now < entry.retry_at:
            return "throttle", "the last attempt to replace this value was a moment ago"
        if not self.breaker.admits(now):
            return "breaker", "loads failed too often, and are stopped for a while"
        if not has_good:
            return None
        if self.loading >= self.permits:
            return "concurrency", f"{self.loading} loads run, as many as this process may have"
        if self.state.rate.ready_in(now) > 0:
            return "rate", "the load rate of this process is used up"
        return None

    def _refused(self, by: str, reason: str) -> LoadRefusedError:
        self.state.counters[f"refused_{by}"] += 1
        return LoadRefusedError(reason, by=by)

    def start(self, entry: Entry, found: Found, load: Callable[..., Any], has_good: bool) -> Steps[Flight]:
        """Start a flight for a key."""
        flight = self._new(entry, found, load, has_good)
        yield from self._start(self._fly(flight), [flight])
        return flight

    def _start(self, steps: Steps[None], flights: list[Flight]) -> Steps[None]:
        """Start a job; where the operating system has no thread for it, that is an error of the load."""
        try:
            yield Start(steps, flights[0], len(flights) == 1)
        except BaseException as error:
            has_no_thread = isinstance(error, RuntimeError)
            for flight in flights:
                flight.fail(error if has_no_thread else _cancelled())
                self._land(flight)
            if not has_no_thread:
                raise

    def start_many(self, wanted: list[tuple[Entry, Found, bool]], load_many: Callable[..., Any]) -> Steps[list[Flight]]:
        """Start one load for several keys; each has a flight of its own to join."""
        flights = [self._new(entry, found, load_many, has_good) for entry, found, has_good in wanted]
        yield from self._start(self._fly_together(flights, load_many), flights)
        return flights

    def _new(self, entry: Entry, found: Found, load: Callable[..., Any], has_good: bool) -> Flight:
        policy, now = self.state.policy, self.state.monotonic()
        deadline = now + 2 * policy.wait + policy.load_timeout + 4 * policy.store_timeout
        flight = Flight(entry, found, load, now, deadline, has_good)
        self._flying[entry.context] = flight
        if policy.throttle:
            entry.retry_at = now + policy.throttle * (0.9 + 0.2 * self.state.random.random())
        return flight

    def wait(self, flight: Flight, seconds: float) -> Steps[None]:
        """Wait for a flight. A caller that is cancelled leaves alone; a load that nobody wants any more is stopped."""
        flight.waiters += 1
        try:
            if not flight.is_settled and seconds > 0:
                yield Wait(flight, seconds)
        except BaseException:
            self.abandon(flight)
            raise
        finally:
            flight.waiters -= 1

    def hold(self, flights: list[Flight], count: int) -> None:
        """Count a caller as a waiter of flights that it waits for one after the other, or does no more."""
        for flight in flights:
            flight.waiters += count

    def abandon(self, flight: Flight) -> None:
        """Stop a flight that its last waiter is about to leave, where it can be stopped and replaces nothing stale."""
        is_wanted = flight.waiters > 1 or flight.has_good
        if not is_wanted and not flight.is_settled and flight.cancel is not do_nothing:
            self._lose(flight)
            flight.cancel()

    # ---- flying ------------------------------------------------------------------------------------------------

    def _fly(self, flight: Flight) -> Steps[None]:
        try:
            token = yield from self._lease(flight)
            if flight.is_settled:
                yield from self._release(flight.entry, token)
                return
            yield from self._load_one(flight, token)
        finally:
            self._land(flight)

    def _land(self, flight: Flight) -> None:
        entry, now = flight.entry, self.state.monotonic()
        if self._flying.get(entry.context) is flight:
            del self._flying[entry.context]
        if flight.call is None:
            entry.retry_at = min(entry.retry_at, now + RETRY)  # that was no attempt
        elif flight.frame is not None and not flight.is_repair:
            entry.retry_at = 0.0
        flight.fail(_cancelled())  # where nothing else has settled it

    def _lease(self, flight: Flight) -> Steps[bytes | None]:
        """Take the lease of a key, or settle the flight with what its holder has loaded."""
        state, entry = self.state, flight.entry
        if not state.policy.lease:
            return None
        token = state.random.randbytes(16)
        try:
            return token if (yield from self._leased(flight, token)) else None
        except BaseException as error:
            if not isinstance(error, GeneratorExit):  # after which a generator may not yield
                yield from self._release(entry, token)
            raise

    def _leased(self, flight: Flight, token: bytes) -> Steps[bool]:
        state, policy, entry = self.state, self.state.policy, flight.entry
        name, seconds = state.side(entry, "lease"), policy.load_timeout + policy.wait + 4 * policy.store_timeout
        until, pause = state.monotonic() + policy.wait, SHORTEST_PAUSE
        while True:
            asked = state.monotonic()
            try:
                leased = yield from state.ask("lease", name, token, seconds)
            except StoreError:
                return False  # without the store, each process has its own share of the rate, as ever
            state.learn_time(leased.time, asked)
            if leased.granted:
                # The last holder may have filled the key since it was looked at: the flight is settled then.
                yield from self._is_filled(flight)
                return True
            if flight.has_good or state.monotonic() >= until:
                flight.fail(self._refused("lease", "another process loads this value"))
                return False
            yield Pause(pause * (0.5 + state.random.random()))
            pause = min(pause * 1.5, LONGEST_PAUSE)
            if (yield from self._is_filled(flight)):
                return False

    def _is_filled(self, flight: Flight) -> Steps[bool]:
        """Settle a flight with a fresh value that another process has stored since, if there is one."""
        before, name = flight.found, flight.found.name
        found = yield from self.look(flight.entry, name or flight.entry.name)
        older = (
            before.stamp and found.stamp and found.stamp.load_start <= before.stamp.load_start <= self.state.store_now()
        )
        if found.verdict is Verdict.OK and found.raw[:HEAD] != before.raw[:HEAD] and not older:
            flight.succeed(found.raw, found.stamp)
            return True
        # The fill compares with what is there now.
        there = Found(found.verdict, raw=found.raw, stamp=found.stamp, cause=found.cause, name=name)
        flight.found = there if found.verdict in REPAIRED else before
        return False

    def _turn(self, has_good: bool) -> Steps[LoadRefusedError | None]:
        """Take a permit and a load of the rate. Only who has no other value waits for these."""
        state, rate = self.state, self.state.rate
        now = state.monotonic()
        if self._begins(now):
            return None
        if has_good or not rate.joins(now, state.policy.wait):
            return self._refused("rate", "the load rate or the permits of this process are used up")
        until = now + state.policy.wait
        try:
            while now < until and now + rate.ready_in(now) <= until:
                yield Pause(max(rate.ready_in(now), SHORTEST_PAUSE))
                now = state.monotonic()
                if self._begins(now):
                    return None
            return self._refused("rate", "the load rate or the permits of this process are used up")
        finally:
            rate.leaves()

    def _begins(self, now: float) -> bool:
        if self.loading >= self.permits or not self.state.rate.take(now):
            return False
        self.loading += 1
        return True

    def _ended(self) -> None:
        self.loading -= 1

    def load(self, load: Callable[..., Any], argument: Any, flights: list[Flight]) -> Steps[Any]:
        """Call a loader within the breaker. The permit goes back when it has really ended.

        Raises:
            LoadRefusedError: There is no turn for it, or the breaker is open.
        """
        state = self.state
        refusal = yield from self._turn(all(flight.has_good for flight in flights))
        if refusal is not None:
            raise refusal
        if all(flight.is_settled for flight in flights):  # by their deadline: the keys may be loaded by others already
            self._ended()
            raise LoadTimeoutError("the load did not begin in time", seconds=state.policy.load_timeout)
        call = self.breaker.enter(state.monotonic())
        if call is None:
            self._ended()
            raise self._refused("breaker", "loads failed too often, and are stopped for a while")
        state.counters["loads"] += 1
        timeout = state.policy.load_timeout
        for flight in flights:
            flight.deadline = call.began + timeout
            flight.call = call
        try:
            value = yield Load(load, argument, timeout, self._ended)
        except Exception as error:
            state.counters["load_timeouts" if isinstance(error, LoadTimeoutError) else "load_errors"] += 1
            self._end(call, failed=True)
            raise
        except BaseException:
            call.cancelled()
            raise
        self._end(call, failed=state.monotonic() - call.began > timeout)
        return value

    def _end(self, call: Call, *, failed: bool) -> None:
        now = self.state.monotonic()
        if call.end(now, failed=failed):
            self.state.rate.starts_slowly(now)

    def _load_one(self, flight: Flight, token: bytes | None) -> Steps[None]:
        state, entry = self.state, flight.entry
        try:
            start = state.store_now()
            value = yield from self.load(flight.load, entry.key, [flight])
            yield from self._publish(flight, value, start, token)
        except BaseException as error:
            flight.fail(error if isinstance(error, Exception) else _cancelled())
            if not isinstance(error, GeneratorExit):  # after which a generator may not yield
                yield from self._release(entry, token)
            if not isinstance(error, Exception):
                raise

    def _release(self, entry: Entry, token: bytes | None) -> Steps[None]:
        if token is None:
            return
        with suppress(StoreError):  # then it ends by itself
            yield from self.state.ask("release", self.state.side(entry, "lease"), token)

    def _fly_together(self, flights: list[Flight], load_many: Callable[..., Any]) -> Steps[None]:
        try:
            start = self.state.store_now()
            try:
                values = yield from self.load(load_many, [one.entry.key for one in flights], flights)
            except Exception as error:
                for flight in flights:
                    flight.fail(error)
                return
            for flight in flights:
                yield from self._publish_of(flight, values, start)
        finally:
            for flight in flights:
                self._land(flight)

    def _publish_of(self, flight: Flight, values: Mapping[Any, Any], start: int) -> Steps[None]:
        try:
            yield from self._publish(flight, values.get(flight.entry.key), start, None)
        except Exception as error:
            flight.fail(error)

    # ---- filling -----------------------------------------------------------------------------------------------

    def stamp(self, value: Any, start: int, version: int | None = None) -> Stamp:
        """Return the stamp of a value whose load began at a time, in microseconds of the store's clock."""
        policy = self.state.policy
        if value is None:
            return Stamp(load_start=start, fresh_for=int((policy.negative or 0) * MILLISECOND), kind="absent")
        seconds = policy.fresh * (1 - policy.jitter * self.state.random.random())
        if version is None:
            version = 0 if self.source_version is None else self.source_version(value)
        return Stamp(load_start=start, fresh_for=int(seconds * MILLISECOND), source_version=version)

    def frame(self, entry: Entry, value: Any, stamp: Stamp) -> Steps[bytes]:
        """Write a value, and read it as the readers do where that is due."""
        verify = self.state.policy.verify
        try:
            frame: bytes = yield Encode(value, entry.context, stamp)
        except EncodeError:
            self.state.counters["encode_errors"] += 1
            raise
        self._encoded += 1
        if value is not None and (verify == "always" or (verify != "never" and self._encoded % int(verify) == 0)):
            try:
                yield Verify(frame, entry.context)
            except DecodeError:
                self.state.counters["verify_errors"] += 1
                raise
        return frame

    def _publish(self, flight: Flight, value: Any, start: int, token: bytes | None) -> Steps[None]:
        state, entry = self.state, flight.entry
        stamp = self.stamp(value, start)
        frame = yield from self.frame(entry, value, stamp)
        flight.succeed(frame, stamp)
        found = flight.found
        rule = RULES[found.verdict or Verdict.MISSING]
        if not flight.is_lost and (value is not None or state.policy.negative is not None):
            state.keep(entry, frame, stamp)
            is_stored = rule.repair or found.name is not None
        else:
            is_stored = False
        if not is_stored:
            yield from self._release(entry, token)
            return
        swap = self.swap(
            entry, frame, stamp, expected=found.raw[:HEAD], token=token, name=found.name,
            quarantine=rule.quarantine and found.name is None,
        )  # fmt: skip
        try:
            swapped = yield from state.ask("swap", swap)
        except StoreError:
            return  # counted; whoever asked has the value
        state.counters[COUNTERS[swapped]] += 1
        if swapped is not Swapped.DONE:
            yield from self._release(entry, token)

    def swap(
        self,
        entry: Entry,
        frame: bytes,
        stamp: Stamp,
        *,
        expected: bytes | None,
        token: bytes | None = None,
        name: bytes | None = None,
        quarantine: bool = False,
    ) -> Swap:
        """Return the compare-and-set that stores a frame."""
        state, policy = self.state, self.state.policy
        kept = policy.stale
        if stamp.kind == "deleted":  # outlives every value that a process may have kept since before it
            kept = policy.fresh + policy.stalest + policy.load_timeout
        return Swap(
            key=name or entry.name,
            new=frame,
            expected=expected,
            seconds=max(stamp.fresh_for / MILLISECOND + kept, 1.0),
            token=token,
            lease=state.side(entry, "lease"),
            bad=state.side(entry, "bad") if quarantine else None,
            bad_keep=policy.quarantine,
            bad_seconds=policy.quarantine_for,
            good=state.side(entry, "good") if policy.keep_good and name is None else None,
            environment=state.facts.tag,
        )
