"""The policy core of a guarded cache: which answer a key gets, and what it costs the database.

Every operation is a generator that yields effects (see `effects`). A value that cannot be read is a verdict, not a
miss, and no verdict costs more loads than the policy's rate allows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from ..errors import CacheUnavailableError, LoadRefusedError, StoreError
from ._known import NOTHING
from .answers import RULES, Answer, Source, Verdict
from .changes import Changes
from .durable import Durable
from .effects import DecodeMany
from .flight import Flight
from .flights import Flights
from .lookup import MILLISECOND, Lookup
from .shadow_reads import ShadowReads
from .state import Found

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ._known import Entry
    from .effects import Steps
    from .state import State

T = TypeVar("T")

COUNTERS: Final = {
    Source.CACHE: "answers_cache",
    Source.LOAD: "answers_load",
    Source.LAST_KNOWN_GOOD: "answers_last_known_good",
    Source.SECOND_COPY: "answers_second_copy",
    Source.DEFAULT: "answers_default",
}


@dataclass(frozen=True, slots=True)
class Call:
    """What a caller asks for with one call.

    Args:
        load: The loader.
        load_many: The loader of several keys, or None.
        max_age: The greatest age of a value that is answered without a load, in seconds.
        stale: How long after its end a value may be served, in seconds; the policy's where None.
        timeout: How long the caller waits, in seconds.
        default: The answer where there is no other.
    """

    load: Callable[..., Any]
    load_many: Callable[..., Any] | None = None
    max_age: float | None = None
    stale: float | None = None
    timeout: float | None = None
    default: Any = NOTHING


class Core(Generic[T]):
    """The operations of a guarded cache, without I/O.

    Args:
        state: The process's state.
        source_version: Says which number of the source a value has; 0 is none.
        on_difference: Called with a key, and the cached and the loaded value, where a shadow read finds a difference.
    """

    def __init__(
        self,
        state: State,
        source_version: Callable[[T], int] | None = None,
        on_difference: Callable[[str | bytes, T | None, T | None], None] | None = None,
    ) -> None:
        self.state = state
        self.lookup: Lookup = Lookup(state)
        self.flights: Flights = Flights(state, self.lookup.look, source_version)
        self.lookup.lose = self.flights.lose
        self.changes: Changes = Changes(state, self.flights, self.lookup)
        self._shadow = ShadowReads(state, self.flights, self.lookup, on_difference)
        self._durable = Durable(state)
        self._early: float = 1.0 if state.policy.eager is None else state.policy.eager
        """The share of its time after which a fresh value is loaded anew behind an answer."""

    def counters(self) -> dict[str, int]:
        """Return all counters by name."""
        return self.state.counters | {"evicted": self.state.known.evicted}

    # ---- reading -----------------------------------------------------------------------------------------------

    def answer(self, key: str | bytes, call: Call) -> Steps[Answer[T]]:
        """Return a key's answer.

        Raises:
            CacheUnavailableError: There is none.
        """
        entry = self.state.entry(key)
        found = yield from self.lookup.look(entry, entry.name)
        return (yield from self._answer(entry, found, call))

    def answer_many(
        self, keys: Sequence[str | bytes], call: Call
    ) -> Steps[dict[str | bytes, Answer[T] | CacheUnavailableError]]:
        """Return the answers of several keys: one round trip, and one load where there is a loader of several."""
        state, lookup = self.state, self.lookup
        keys = list(dict.fromkeys(keys))
        entries, names = state.known.entries(keys)
        answers: dict[str | bytes, Answer[T] | CacheUnavailableError] = {}
        late: list[tuple[str | bytes, Entry, Found]] = []
        try:
            raws = yield from state.ask("get_many", names)
        except StoreError as error:
            late = [(key, entry, Found(None, cause=error)) for key, entry in zip(keys, entries, strict=True)]
        else:
            values = yield DecodeMany(entries, raws)
            untouched = 0.0 if call.max_age is not None else self._untouched(len(keys))
            places = state.known.quick_many(keys, entries, raws, values, state.now(), untouched, answers)
            self._count_quick(len(answers))
            for at in places:
                found = yield from lookup.seen(entries[at], raws[at], values[at])
                late.append((keys[at], entries[at], found))
        if not late:
            return answers
        yield from self._answer_late(late, call, answers)
        return {key: answers[key] for key in keys}

    def _answer_late(
        self,
        late: list[tuple[str | bytes, Entry, Found]],
        call: Call,
        answers: dict[str | bytes, Answer[T] | CacheUnavailableError],
    ) -> Steps[None]:
        bad = []
        for key, entry, found in late:
            if self._suffices(found, call):
                answers[key] = yield from self._answer(entry, found, call)
            else:
                bad.append((key, entry, found))
        yield from self._recover_many(bad, call, answers)

    def _recover_many(
        self,
        late: list[tuple[str | bytes, Entry, Found]],
        call: Call,
        answers: dict[str | bytes, Answer[T] | CacheUnavailableError],
    ) -> Steps[None]:
        began = self.state.monotonic()
        flights: dict[bytes, Flight] = {}
        if call.load_many is not None:
            started = yield from self._start_together([(entry, found) for _, entry, found in late], call)
            flights = {flight.entry.context: flight for flight in started}
        for _, entry, found in late:
            if entry.context in flights or not RULES[found.verdict or Verdict.MISSING].repair:
                continue
            good = self._good(entry, found, call)
            if self.flights.flying(entry) is not None or self.flights.may_begin(entry, self._serves(good, call)):
                flight, _ = yield from self._join(entry, found, call, good)
                if flight is not None:
                    flights[entry.context] = flight
        joined = list(flights.values())
        try:
            self.flights.hold(joined, 1)
            for key, entry, found in late:
                try:
                    answers[key] = yield from self._recover(entry, found, call, began, flights.get(entry.context))
                except CacheUnavailableError as error:
                    answers[key] = error
        except BaseException:
            for flight in joined:
                self.flights.abandon(flight)
            raise
        finally:
            self.flights.hold(joined, -1)

    def _start_together(self, late: list[tuple[Entry, Found]], call: Call) -> Steps[list[Flight]]:
        wanted: dict[bytes, tuple[Entry, Found, bool]] = {}
        for entry, found in late:
            good = self._good(entry, found, call)
            serves = self._serves(good, call)
            if (
                self.flights.flying(entry) is None
                and not self._keeps(entry, found, good, call)
                and RULES[found.verdict or Verdict.MISSING].repair
                and self.flights.may_begin(entry, serves)
            ):
                wanted[entry.context] = (entry, found, serves)
        if not wanted or call.load_many is None:
            return []
        return (yield from self.flights.start_many(list(wanted.values()), call.load_many))

    def _answer(self, entry: Entry, found: Found, call: Call) -> Steps[Answer[T]]:
        if self._suffices(found, call):
            self.state.counters["answers_cache"] += 1
            if found.stamp is not None:
                yield from self._behind(entry, found, call)
            return Answer(found.value, Source.CACHE, Verdict.OK, found.age)
        return (yield from self._recover(entry, found, call, self.state.monotonic()))

    def _suffices(self, found: Found, call: Call) -> bool:
        """Tell whether what is stored is the answer."""
        return found.verdict is Verdict.OK and self._is_young(found.age, call)

    # ---- the way of a fresh value: no generator, and no effect ----------------------------------------------------

    def begin(self, key: str | bytes) -> Entry | None:
        """Return a key's entry where the store may be asked at once, by the shell itself; else None.

        The shell gets the frame and decodes it, then calls `quick`, and runs `resume` where that has no answer.
        """
        return self.state.entry(key) if self.state.is_quick else None

    def spare(self, key: str | bytes) -> tuple[Entry, bytes, float] | None:
        """Return a key's entry, its last known good frame and the age of that, where the store is left alone anyway.

        The frame is as fresh as a stored one would be. It is answered with `spared`, once it is decoded.
        """
        state = self.state
        if state.store_breaker.admits(state.monotonic()):
            return None
        entry = state.entry(key)
        frame = entry.frame
        if frame is None:
            return None
        age = state.age(entry.load_start)
        return (entry, frame, age) if age < self._early * entry.fresh else None

    def spared(self, value: T | None, age: float) -> Answer[T]:
        """Return the answer with a value that `spare` had the frame of."""
        self.state.counters["store_refused"] += 1
        self.state.counters["answers_last_known_good"] += 1
        return Answer(value, Source.LAST_KNOWN_GOOD, None, age, self.state.left_alone)

    def quick(self, entry: Entry, frame: bytes, value: Any, began: float) -> Answer[T] | None:
        """Return the answer with a value that was just read, or None where that takes more than counting it.

        Args:
            entry: The key.
            frame: The frame that was read.
            value: Its value.
            began: When the store was asked, by the monotonic clock.
        """
        state = self.state
        answer = state.known.quick(entry, frame, value, state.now(), self._untouched(1))
        if answer is not None:
            state.store_breaker.passed(began, state.monotonic())
            self._count_quick(1)
        return answer

    def _untouched(self, answers: int) -> float:
        """Return the share of its time in which a fresh value is answered with nothing behind it."""
        if self.state.known.unwritten or self._shadow.is_due_within(answers):
            return 0.0
        return self._early

    def _count_quick(self, answers: int) -> None:
        self._shadow.pass_over(answers)
        self.state.counters["verdict_ok"] += answers
        self.state.counters["answers_cache"] += answers

    def resume(
        self, entry: Entry, call: Call, raw: bytes | StoreError | None, value: Any, began: float
    ) -> Steps[Answer[T]]:
        """Go on where the shell has asked the store, and `quick` has no answer.

        Args:
            entry: The key.
            call: What the caller asks for.
            raw: What the store said.
            value: The value, the error of the decode in its place, or `NOTHING` where it was not decoded.
            began: When the store was asked.

        Raises:
            CacheUnavailableError: There is no answer.
        """
        if isinstance(raw, StoreError):
            self.state.failed(began)
            return (yield from self._answer(entry, Found(None, cause=raw), call))
        self.state.store_breaker.passed(began, self.state.monotonic())
        found = yield from self.lookup.seen(entry, raw, value)
        return (yield from self._answer(entry, found, call))

    # ---- no fresh value ----------------------------------------------------------------------------------------

    def _recover(
        self, entry: Entry, found: Found, call: Call, began: float, flight: Flight | None = None
    ) -> Steps[Answer[T]]:
        """Return the best answer where the store has no fresh one.

        Args:
            entry: The key.
            found: What is in the store.
            call: What the caller asks for.
            began: When the call began.
            flight: The load that was begun for it already.

        Raises:
            CacheUnavailableError: There is none.
        """
        state = self.state
        source = Source.LAST_KNOWN_GOOD
        good = self._good(entry, found, call)
        if good is None and state.known.is_durable and not entry.is_recalled:
            yield from self.lookup.recall(entry)
            good = self._good(entry, found, call)
        if flight is None and found.verdict is not None and not self._keeps(entry, found, good, call):
            if not RULES[found.verdict].repair:
                found, beside = yield from self.lookup.look_beside(entry, found)
                if beside.verdict is Verdict.OK and self._is_young(beside.age, call):
                    entry.retry_at = max(entry.retry_at, state.monotonic() + state.policy.throttle)
                    return self._given(Answer(beside.value, Source.CACHE, found.verdict, beside.age, found.cause))
            elif good is None and self._wants_second_copy(found):
                bad = entry.bad
                yield from self.lookup.look(entry, state.side(entry, "good"))
                entry.bad = bad
                source = Source.SECOND_COPY
            good = self._good(entry, found, call)
        cause: BaseException | None = found.cause
        flight, refusal = yield from self._flown(entry, found, call, good, began, flight)
        yield from self._durable.write_behind()
        if flight is not None:
            return self._given((yield from self._landed(entry, flight, found)))
        if not isinstance(refusal, LoadRefusedError):
            cause = refusal or cause
        good = self._good(entry, found, call)
        if good is not None and entry.frame is not None:
            value = yield from self.lookup.decoded(entry, entry.frame)
            return self._given(Answer(value, source, found.verdict, good, cause or refusal))
        if call.default is not NOTHING and not state.policy.fail_closed:
            return self._given(Answer(call.default, Source.DEFAULT, found.verdict, None, cause or refusal))
        raise self._unavailable(entry, found, cause, refusal)

    def _good(self, entry: Entry, found: Found, call: Call) -> float | None:
        return self.state.usable(entry, found.verdict, call.stale)

    def _serves(self, good: float | None, call: Call) -> bool:
        """Tell whether a value of some age is one that need not wait for a load."""
        return good is not None and self._is_young(good, call)

    def _is_young(self, age: float | None, call: Call) -> bool:
        return call.max_age is None or age is None or age <= call.max_age

    def _keeps(self, entry: Entry, found: Found, good: float | None, call: Call) -> bool:
        """Tell whether no load is due: last known good is fresh, and the store is left alone or not to be repaired."""
        if good is None or good > entry.fresh or not self._is_young(good, call):
            return False
        if found.verdict is None:
            return good < self._early * entry.fresh
        return not RULES[found.verdict].repair and self.state.monotonic() < entry.retry_at

    def _wants_second_copy(self, found: Found) -> bool:
        policy = self.state.policy
        return policy.keep_good and not policy.fail_closed and found.verdict is not Verdict.DELETED

    def _join(
        self, entry: Entry, found: Found, call: Call, good: float | None
    ) -> Steps[tuple[Flight | None, BaseException | None]]:
        flight = self.flights.flying(entry)
        if flight is not None:
            return flight, None
        if self._keeps(entry, found, good, call):
            return None, None
        serves = self._serves(good, call)
        refusal = self.flights.refusal(entry, serves)
        if refusal is not None:
            return None, refusal
        return (yield from self.flights.start(entry, found, call.load, serves)), None

    def _flown(
        self, entry: Entry, found: Found, call: Call, good: float | None, began: float, flight: Flight | None
    ) -> Steps[tuple[Flight | None, BaseException | None]]:
        """Join a load, and wait for it; once more where its leader was interrupted, which is nobody else's matter."""
        refusal: BaseException | None = None
        for _ in range(2):
            if flight is None:
                flight, refusal = yield from self._join(entry, found, call, good)
            if flight is None:
                break
            yield from self.flights.wait(flight, self._patience(entry, flight, good, call, began))
            if flight.frame is not None:
                return flight, None
            refusal = flight.error
            flight = None
            if not isinstance(refusal, LoadRefusedError) or refusal.by != "cancellation":
                break
        return None, refusal

    def _patience(self, entry: Entry, flight: Flight, good: float | None, call: Call, began: float) -> float:
        """Return how long a caller waits for a flight, in seconds."""
        policy, now = self.state.policy, self.state.monotonic()
        if good is None or not self._serves(good, call):
            limit = 2 * policy.wait + policy.load_timeout
        elif good <= entry.fresh or policy.soft_timeout is None:
            return 0.0
        else:
            limit = max(0.0, flight.began + policy.soft_timeout - now)
        return limit if call.timeout is None else min(limit, began + call.timeout - now)

    def _landed(self, entry: Entry, flight: Flight, found: Found) -> Steps[Answer[T]]:
        assert flight.frame is not None
        value = yield from self.lookup.decoded(entry, flight.frame)
        age = None if flight.stamp is None else self.state.age(flight.stamp.load_start)
        return Answer(value, Source.LOAD, found.verdict, age, found.cause)

    def _given(self, answer: Answer[T]) -> Answer[T]:
        self.state.counters[COUNTERS[answer.source]] += 1
        return answer

    def _unavailable(
        self, entry: Entry, found: Found, cause: BaseException | None, refusal: BaseException | None
    ) -> CacheUnavailableError:
        self.state.counters["unavailable"] += 1
        verdict = "the store did not answer" if found.verdict is None else found.verdict.value
        why = f"; {refusal}" if refusal is not None and refusal is not cause else ""
        return CacheUnavailableError(
            f"no value may be served{why}", key=entry.text, verdict=verdict, cause=cause or refusal
        )

    # ---- behind an answer --------------------------------------------------------------------------------------

    def _behind(self, entry: Entry, found: Found, call: Call) -> Steps[None]:
        """Load a value anew before it ends, and compare one in so many with the source."""
        policy = self.state.policy
        assert found.stamp is not None
        assert found.age is not None
        yield from self._durable.write_behind()
        if policy.eager is not None and found.age * MILLISECOND > policy.eager * found.stamp.fresh_for:
            yield from self._join(entry, found, call, found.age)
        elif policy.shadow:
            yield from self._shadow.read_behind(entry, found, call.load)

    def refresh(self, key: str | bytes, call: Call) -> Steps[Answer[T]]:
        """Load a value anew, within the rate like any other load, and return it.

        Raises:
            CacheUnavailableError: The load fails, or does not begin.
        """
        entry = self.state.entry(key)
        found = yield from self.lookup.look(entry, entry.name)
        if not RULES[found.verdict or Verdict.MISSING].repair:
            found, _ = yield from self.lookup.look_beside(entry, found)
        flight, refusal = yield from self._flown(entry, found, call, None, self.state.monotonic(), None)
        if flight is None:
            raise self._unavailable(entry, found, None, refusal)
        return self._given((yield from self._landed(entry, flight, found)))
