"""What a process knows of its cache: last known good frames, remembered verdicts, the store's clock, counters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from ..errors import ConfigError, StoreError
from ._known import Known
from .answers import RULES, Verdict
from .breaker import Breaker
from .effects import Ask
from .rate import Rate
from .stores import HEAD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

    from ..errors import DecodeError
    from ..frame import Stamp
    from ._known import Entry
    from .effects import Effect, Steps
    from .keys import Keys
    from .policy import GuardPolicy

SECOND: Final = 1_000_000
"""Microseconds."""
SHARP: Final = 0.05
"""Seconds within which a reply says exactly enough what time it is."""
CLOCK_ATTEMPTS: Final = 3
"""How often the store is asked for its time where a reply is long on its way."""
COUNTED: Final = (
    "answers_cache", "answers_load", "answers_last_known_good", "answers_second_copy", "answers_default", "unavailable",
    "loads", "load_errors", "load_timeouts", "refused_breaker", "refused_concurrency", "refused_rate", "refused_lease",
    "refused_throttle", "fills", "fills_lost", "fills_changed", "fills_older", "fills_foreign", "store_errors",
    "store_refused", "lkg_errors", "encode_errors", "verify_errors", "shadow_same", "shadow_different",
)  # fmt: skip
"""What is counted beside verdicts. All counters are there at zero from the start."""


VERDICT_COUNTERS: Final[Mapping[Verdict | None, str]] = {one: f"verdict_{one.name.lower()}" for one in Verdict}
"""The counter of each verdict."""


class Clock(Protocol):
    """Time, given to the core."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""

    def wall(self) -> float:
        """Return seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the core has to know of the codec.

    Args:
        environment: The environment's name.
        tag: Its tag in frames, 4 bytes.
        newest: The newest version that the codec reads.
        fingerprint: That version's fingerprint, 4 bytes.
    """

    environment: str
    tag: bytes
    newest: int
    fingerprint: bytes


class Found:
    """What was found under a key.

    Args:
        verdict: The verdict, or None where the store did not answer.
        value: The value, where it could be read.
        raw: The entry's bytes; empty where there are none.
        stamp: The frame's stamp.
        age: Seconds since the load of the value began.
        cause: The error of the decode or the store.
        name: The physical key where a loaded value goes; None is the key's own.
    """

    __slots__ = ("age", "cause", "name", "raw", "stamp", "value", "verdict")

    def __init__(
        self,
        verdict: Verdict | None,
        value: Any = None,
        raw: bytes = b"",
        stamp: Stamp | None = None,
        age: float | None = None,
        cause: BaseException | None = None,
        name: bytes | None = None,
    ) -> None:
        self.verdict: Verdict | None = verdict
        self.value: Any = value
        self.raw: bytes = raw
        self.stamp: Stamp | None = stamp
        self.age: float | None = age
        self.cause: BaseException | None = cause
        self.name: bytes | None = name

    @property
    def is_bad(self) -> bool:
        """Whether something is there that cannot be read."""
        return self.verdict is not None and RULES[self.verdict].cause != "none"


class State:
    """The state of one process.

    Args:
        policy: The policy.
        keys: Spells physical keys.
        facts: What is known of the codec.
        clock: Time.
        random: Where jitter and phases come from.
        tell: Called with a warning for the log; must neither block nor raise.
        is_durable: Whether last known good frames are written down, for the next process.
    """

    def __init__(
        self,
        policy: GuardPolicy,
        keys: Keys,
        facts: Facts,
        clock: Clock,
        random: Random,
        tell: Callable[[str], None],
        *,
        is_durable: bool = False,
    ) -> None:
        self.policy = policy
        self.keys = keys
        self.facts = facts
        self.random = random
        self.monotonic: Callable[[], float] = clock.monotonic
        self.tell = tell
        self.counters: dict[str, int] = dict.fromkeys((*COUNTED, *VERDICT_COUNTERS.values()), 0)
        self.side_suffix: str = f"v{facts.newest}-{facts.fingerprint.hex()}"
        self.store_breaker: Breaker = Breaker(policy.store_breaker, random, max(1.0, 4 * policy.store_timeout))
        self.rate: Rate = Rate(policy.load_rate, policy.processes, clock.monotonic(), random)
        self.known: Known = Known(keys, policy.keys, policy.bytes, is_durable)
        self.entry: Callable[[str | bytes], Entry] = self.known.entry
        self._offset = clock.wall() - clock.monotonic()
        self._opened = False
        self.left_alone: StoreError = StoreError("the store failed too often and is left alone for a while")
        self._told: dict[str, tuple[float, int]] = {}

    # ---- keys --------------------------------------------------------------------------------------------------

    def side(self, entry: Entry, suffix: str) -> bytes:
        """Return the physical key of something beside an entry."""
        return self.keys.side(entry.context, suffix)

    # ---- time --------------------------------------------------------------------------------------------------

    def now(self) -> float:
        """Return the time by the store's clock as far as it is known, in seconds since 1970."""
        return self.monotonic() + self._offset

    def store_now(self) -> int:
        """Return the time by the store's clock as far as it is known, in microseconds since 1970."""
        return int(self.now() * SECOND)

    def learn_time(self, found: int, asked: float) -> bool:
        """Take the store's time from one of its replies, unless that was long on its way; return whether it was not.

        A process that is stopped between the question and the reply would take what it finds for younger than it is.

        Args:
            found: The store's time, in microseconds.
            asked: Monotonic time of the question.
        """
        now = self.monotonic()
        if now - asked > max(self.policy.store_timeout, SHARP):
            return False
        self._offset = found / SECOND - now
        return True

    def age(self, load_start: int) -> float:
        """Return the seconds since a load began; a clock that went back makes no negative age."""
        return max(0.0, self.now() - load_start / SECOND)

    def is_fresh(self, stamp: Stamp) -> bool:
        """Tell whether a value is fresh; one from further ahead than it lasts is of a clock that was wrong."""
        age = self.now() - stamp.load_start / SECOND
        return -stamp.fresh_for <= age * 1000 < stamp.fresh_for

    # ---- last known good ---------------------------------------------------------------------------------------

    def keep(self, entry: Entry, frame: bytes, stamp: Stamp | None) -> None:
        """Keep a good frame as a key's last known good, see `Known.keep`. Without a stamp it is as of now."""
        if stamp is None:
            self.known.keep(entry, frame, self.store_now(), self.policy.fresh, self.now())
        else:
            self.known.keep(entry, frame, stamp.load_start, stamp.fresh_for / 1000, self.now())

    def usable(self, entry: Entry, verdict: Verdict | None, stale: float | None) -> float | None:
        """Return the age of a key's last known good, or None where it may not be served.

        Args:
            entry: The key.
            verdict: The verdict in whose place it would be served.
            stale: How long after its end it may be, in seconds; the policy's where None.
        """
        if entry.frame is None:
            return None
        age = self.age(entry.load_start)
        policy = self.policy
        if policy.fail_closed:
            limit = 0.0
        elif stale is not None:
            limit = stale
        else:
            limit = policy.stale if verdict is None else policy.stale_by.get(verdict, policy.stale)
        return age if age <= entry.fresh + limit else None

    # ---- the store ---------------------------------------------------------------------------------------------

    def ask(self, method: str, *arguments: Any) -> Steps[Any]:
        """Call the store, unless its breaker is open.

        Raises:
            StoreError: The store fails, or its breaker is open.
            ConfigError: The store is another environment's.
        """
        if not self._opened:
            yield from self._open()
        return (yield from self.guarded(Ask(method, arguments)))

    @property
    def is_quick(self) -> bool:
        """Whether the store may be called without a look at its claim or its breaker."""
        return self._opened and self.store_breaker.is_closed

    def failed(self, began: float) -> None:
        """Count a call of the store that failed, which was made while `is_quick`."""
        call = self.store_breaker.enter(began)
        self.counters["store_errors"] += 1
        if call is not None:
            call.end(self.monotonic(), failed=True)

    def guarded(self, effect: Effect) -> Steps[Any]:
        """Perform an effect on the store within its breaker."""
        call = self.store_breaker.enter(self.monotonic())
        if call is None:
            self.counters["store_refused"] += 1
            raise StoreError(self.left_alone.reason)
        try:
            result = yield effect
        except StoreError:
            self.counters["store_errors"] += 1
            call.end(self.monotonic(), failed=True)
            raise
        except BaseException:
            call.cancelled()
            raise
        if call.end(self.monotonic(), failed=False):
            self.rate.starts_slowly(self.monotonic())
            self._opened = False  # it may be another store, or one that lost everything
        return result

    def _open(self) -> Steps[None]:
        claimed = yield from self.guarded(Ask("claim", ()))
        for _ in range(CLOCK_ATTEMPTS):
            asked = self.monotonic()
            if self.learn_time((yield from self.guarded(Ask("time", ()))), asked):
                break
        if claimed is None:
            self.note(
                "unclaimed", "the store is bound to no environment: run safecodec claim, so that no other can use it"
            )
        elif claimed != self.facts.environment:
            raise ConfigError(
                f"the store is bound to the environment {claimed!r} and this process is in {self.facts.environment!r}: "
                "give it the store of its own environment, or bind the store anew with safecodec claim --force"
            )
        self._opened = True

    # ---- what is told ------------------------------------------------------------------------------------------

    def remember(self, entry: Entry, raw: bytes, verdict: Verdict, cause: DecodeError) -> Found:
        """Remember a verdict, so that these bytes are decoded and reported once."""
        found = Found(verdict, raw=raw[:HEAD], cause=cause)
        entry.bad = (len(raw), hash(raw), found)
        written = "" if cause.header is None else f", {cause.header!r}"
        self.note(verdict.value, f"key {entry.text!r:.200}: {verdict.value}: {cause}{written}")
        return found

    def note(self, about: str, text: str) -> None:
        """Log a warning: one in ten seconds about one matter, with how many there were since the last."""
        now = self.monotonic()
        last, missed = self._told.get(about, (now - 10.0, 0))
        if now - last < 10.0:
            self._told[about] = (last, missed + 1)
            return
        self._told[about] = (now, 0)
        self.tell(f"{text} (and {missed} more like it)" if missed else text)
