"""One contract for every store: in memory, in files, in Redis and in Redis Cluster, of threads and of coroutines."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from safecodec.cache.keys import Keys
from safecodec.cache.stores import CLAIM, Swap, Swapped
from safecodec.cache.stores.lua import FOREIGN
from safecodec.errors import ConfigError
from store_cases import Case, Model, files, memory, served
from store_entries import OTHER, OURS, Entry, leased

KEYS = Keys("production", "user-config")
KEY, LEASE, BAD, GOOD = KEYS.value("7"), KEYS.side("7", "lease"), KEYS.side("7", "bad"), KEYS.side("7", "good")
STORES = ["memory", "memory-async", "file", "redis", "redis-async", "cluster", "cluster-async"]


@pytest.fixture(scope="module", params=STORES)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    kind, _, way = request.param.partition("-")
    with ExitStack() as stack:
        if kind == "memory":
            yield stack.enter_context(memory(bool(way)))
        elif kind == "file":
            yield stack.enter_context(files(tmp_path_factory.mktemp("store")))
        else:
            found: Any = request.getfixturevalue("redis_server" if kind == "redis" else "redis_cluster")
            yield stack.enter_context(served([found] if kind == "redis" else found, bool(way)))


@pytest.fixture
def case(shared: Case) -> Case:
    shared.clear()
    return shared


def swap(case: Case, new: Entry, expected: bytes | None, **options: Any) -> Swapped:
    """Swap with all side keys."""
    given = {"seconds": 100, "lease": LEASE, "bad": BAD, "environment": OURS, **options}
    result: Swapped = case.store.swap(Swap(key=KEY, new=new.data, expected=expected, **given))
    return result


OLD, NEW, NEWER = Entry(1_000), Entry(2_000), Entry(3_000)


def test_an_entry_comes_and_is_read(case: Case) -> None:
    """What is swapped in is read, alone and among others, of which some are missing, in the order of the keys."""
    assert case.store.get(KEY) is None
    assert case.store.get_many([]) == []
    assert swap(case, OLD, b"", good=GOOD) == Swapped.DONE
    other = KEYS.value("8")
    assert (case.store.get(KEY), case.store.get(GOOD), case.store.get(other)) == (OLD.data, OLD.data, None)
    assert case.store.get_many([other, KEY, other, GOOD, KEY]) == [None, OLD.data, None, OLD.data, OLD.data]
    assert case.store.get_many([GOOD, KEY]) == [OLD.data] * 2


def test_a_repeated_swap_is_done(case: Case) -> None:
    """A swap that comes again, as its reply was lost, is DONE and changes nothing, nor the lease of another."""
    case.put(KEY, b"damaged")
    assert leased(case.store.lease(LEASE, b"mine", 100))
    for _ in range(3):
        assert swap(case, NEW, b"damaged", token=b"mine") == Swapped.DONE
        assert (case.store.get(KEY), case.store.kept(BAD)) == (NEW.data, [b"damaged"])
    assert leased(case.store.lease(LEASE, b"theirs", 100))
    assert swap(case, NEW, b"damaged", token=b"mine") == Swapped.DONE
    assert not leased(case.store.lease(LEASE, b"mine", 100))


def test_a_damaged_payload_behind_a_good_head_is_repaired(case: Case) -> None:
    """The frame that is there to its first 56 bytes, and damaged behind them, is replaced by itself."""
    damaged = replace(NEW, payload=b"pAyload").data
    case.put(KEY, damaged)
    assert swap(case, NEW, damaged[:56]) == Swapped.DONE
    assert (case.store.get(KEY), case.store.kept(BAD)) == (NEW.data, [damaged])


@pytest.mark.parametrize("expected", [None, Entry(2, environment=OTHER).data[:56], b""])
def test_another_environment_is_never_overwritten(case: Case, expected: bytes | None) -> None:
    """A frame of another environment stays where another is expected, and is told before all but a repetition."""
    there = Entry(1, environment=OTHER)
    case.put(KEY, there.data)
    assert swap(case, NEW, expected, token=b"not mine") == Swapped.FOREIGN
    assert (case.store.get(KEY), case.store.kept(BAD)) == (there.data, [])


def test_what_was_judged_is_repaired_whatever_its_tag(case: Case) -> None:
    """A frame whose tag is another environment's by damage is replaced by who has judged these bytes."""
    there = Entry(1, environment=OTHER)
    case.put(KEY, there.data)
    assert swap(case, NEW, there.data[:56]) == Swapped.DONE
    assert (case.store.get(KEY), case.store.kept(BAD)) == (NEW.data, [there.data])


def test_a_lost_lease_is_told_before_a_change(case: Case) -> None:
    """A swap with the token of another, or of nobody, is LOST; a set without one goes through, and the lease goes."""
    assert swap(case, NEW, b"other", token=b"mine") == Swapped.LOST
    assert leased(case.store.lease(LEASE, b"theirs", 100))
    assert swap(case, NEW, b"other", token=b"mine") == Swapped.LOST
    assert not leased(case.store.lease(LEASE, b"mine", 100))
    assert case.store.get(KEY) is None
    assert swap(case, NEW, None) == Swapped.DONE
    assert swap(case, NEWER, NEW.data[:56], token=b"theirs") == Swapped.LOST
    assert leased(case.store.lease(LEASE, b"mine", 100))


def test_what_has_changed_stays(case: Case) -> None:
    """A swap that expects other bytes, fewer, more, or none where there are some, is CHANGED."""
    swap(case, OLD, b"")
    head = OLD.data[:56]
    for expected in (b"", head[:-1], head[:-1] + b"x", b"x", NEW.data[:56]):
        assert swap(case, NEW, expected) == Swapped.CHANGED
    assert case.store.get(KEY) == OLD.data
    short = KEYS.value("short")
    case.put(short, b"abc")
    asked: dict[str, Any] = {"key": short, "new": NEW.data, "seconds": 9, "environment": OURS}
    for expected in (b"", b"ab", b"abcd"):
        assert case.store.swap(Swap(expected=expected, **asked)) == Swapped.CHANGED
    assert case.store.swap(Swap(expected=b"abc", **asked)) == Swapped.DONE


def test_nothing_and_an_empty_entry_are_one(case: Case) -> None:
    """An empty entry is expected by the bytes that it has, which are those of no entry, and is not kept."""
    case.put(KEY, b"")
    assert swap(case, NEW, b"x") == Swapped.CHANGED
    assert swap(case, NEW, b"") == Swapped.DONE
    assert case.store.kept(BAD) == []


def test_an_older_set_is_refused(case: Case) -> None:
    """A set is OLDER than an entry with a later load start or a higher source version, unless one has no version."""
    case.put(KEY, Entry(2_000, 5).data)
    assert swap(case, Entry(1_999, 6), None) == Swapped.OLDER
    assert swap(case, Entry(2_001, 4), None) == Swapped.OLDER
    assert swap(case, Entry(2_001, 0), None) == Swapped.DONE
    assert swap(case, Entry(2_002, 1), None) == Swapped.DONE
    assert swap(case, Entry(2_002, 2**64 - 1, payload=b"x"), None) == Swapped.DONE
    assert swap(case, Entry(2_003, 2**64 - 2), None) == Swapped.OLDER
    assert swap(case, Entry(1, stamped=False), None) == Swapped.DONE
    assert swap(case, Entry(1), None) == Swapped.DONE
    assert case.store.kept(BAD) == []


def test_what_was_expected_is_replaced_by_an_older_one(case: Case) -> None:
    """A fill replaces the very entry that was judged, whatever its stamp says: the judge has refused it."""
    case.put(KEY, Entry(2_000, 5).data)
    assert swap(case, Entry(1_000, 4), Entry(2_000, 5).data[:56]) == Swapped.DONE


def test_a_tombstone_holds(case: Case) -> None:
    """Fills whose load began until a tombstone's load start and its hold are OLDER; later ones, and a set, are not."""
    tombstone = Entry(1_000_000, 7, fresh_for=500, kind="deleted")
    for start, version, outcome in (
        (1_500_000, 0, Swapped.OLDER), (1_500_001, 6, Swapped.OLDER), (1_500_001, 7, Swapped.DONE),
    ):  # fmt: skip
        case.put(KEY, tombstone.data)
        assert swap(case, Entry(start, version), tombstone.data[:56]) == outcome
    for start, outcome in ((999_999, Swapped.OLDER), (1_000_000, Swapped.DONE)):
        case.put(KEY, tombstone.data)
        assert swap(case, Entry(start), None) == outcome
    damaged = tombstone.data + b"a payload behind it"
    case.put(KEY, damaged)
    assert swap(case, Entry(1_500_000), damaged[:56]) == Swapped.DONE


def test_an_entry_of_the_future_can_be_deleted(case: Case) -> None:
    """A load start later than the store's own time, after a clock was set back, refuses no set and no delete."""
    now = case.store.time()
    case.put(KEY, Entry(now + 3_600_000_000).data)
    assert swap(case, Entry(now, kind="deleted"), None) == Swapped.DONE


def test_what_is_judged_bad_is_kept(case: Case) -> None:
    """The newest of different entries are kept, so many as there is room for; equal ones in a row once."""
    for at, entry in enumerate([b"one", b"two", b"three", b"three", b"four"]):
        case.put(KEY, entry)
        assert swap(case, Entry(at), entry, bad_keep=3) == Swapped.DONE
    assert case.store.kept(BAD) == [b"four", b"three", b"two"]


def test_a_set_keeps_what_is_no_frame_of_ours(case: Case) -> None:
    """Whatever a set replaces is kept unless it is a frame of this environment; without a list nothing is."""
    for entry, kept in ((b"pickle", [b"pickle"]), (OLD.data, [b"pickle"]), (b"\xc1\xde", [b"\xc1\xde", b"pickle"])):
        case.put(KEY, entry)
        assert swap(case, NEW, None) == Swapped.DONE
        assert case.store.kept(BAD) == kept
    case.put(KEY, b"json")
    assert swap(case, NEWER, b"json", bad=None, lease=None) == Swapped.DONE
    assert case.store.kept(BAD) == kept


def test_leases(case: Case) -> None:
    """A lease is one token's until it is given back by it; its own token is granted again."""
    assert leased(case.store.lease(LEASE, b"a", 100))
    assert leased(case.store.lease(LEASE, b"a", 100))
    assert not leased(case.store.lease(LEASE, b"b", 100))
    case.store.release(LEASE, b"b")
    assert not leased(case.store.lease(LEASE, b"b", 100))
    case.store.release(LEASE, b"a")
    case.store.release(LEASE, b"a")
    assert leased(case.store.lease(LEASE, b"b", 100))


def wait(case: Case, seconds: float) -> None:
    """Let the store's time go on."""
    if case.clock is None:
        time.sleep(seconds)
    else:
        case.clock.seconds += seconds


def test_entries_go_by_themselves(case: Case) -> None:
    """Entry, second copy, lease and quarantine go when their time is up, and not before; a lease is then free."""
    case.put(KEY, b"bad")
    assert swap(case, NEW, b"bad", seconds=0.05, bad_seconds=0.05, good=GOOD) == Swapped.DONE
    assert leased(case.store.lease(LEASE, b"a", 0.05))
    wait(case, 0.06)
    assert case.store.get_many([KEY, GOOD]) == [None, None]
    assert case.store.kept(BAD) == []
    assert leased(case.store.lease(LEASE, b"b", 100))
    assert swap(case, NEW, b"", seconds=100, good=GOOD, token=b"b") == Swapped.DONE
    wait(case, 0.06)
    assert case.store.get_many([KEY, GOOD]) == [NEW.data] * 2


def test_time_goes_on(case: Case) -> None:
    """The time is that of the store in microseconds; a lease is answered with it."""
    before = case.store.time()
    wait(case, 0.01)
    between = case.store.lease(LEASE, b"a", 1).time
    wait(case, 0.01)
    assert before < between < case.store.time()
    if case.clock is not None:
        assert case.store.time() == int(case.clock() * 1e6)


def test_binding_to_an_environment(case: Case) -> None:
    """A store is bound once, to the first who asks, and again by force; a name that is no UTF-8 is still read."""
    assert case.store.claim() is None
    assert case.store.bind("production") == "production"
    assert case.store.bind("größe") == "production"
    assert case.store.claim() == "production"
    assert case.store.bind("größe", force=True) == case.store.claim() == "größe"
    case.put(CLAIM, b"caf\xe9")
    assert case.store.claim() == case.store.bind("other") == "caf\\xe9"


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 1e12])
def test_durations_are_checked(case: Case, seconds: float) -> None:
    """A lease for no time, or for one without an end, is a mistake of the caller and no failure of the store."""
    with pytest.raises(ConfigError, match="seconds is a number of seconds above 0"):
        case.store.lease(LEASE, b"a", seconds)


def test_one_of_many_wins(shared: Case) -> None:
    """Of threads that expect one entry exactly one replaces it, each time."""
    if type(shared.store).__name__ == "Blocking":
        return  # coroutines of one thread: the other kinds have the threads
    shared.clear()
    won: list[int] = []

    def work(number: int) -> None:
        for at in range(20):
            there = shared.store.get(KEY) or b""
            if swap(shared, Entry(at, payload=b"%d" % number), there[:56], bad=None) == Swapped.DONE:
                won.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 20 <= len(won) <= 80
    assert shared.store.get(KEY) is not None


# ---- beside the model

NAMES = ["a", "b"]
TOKENS = st.sampled_from([b"one", b"two"])
SECONDS = st.sampled_from([200.0, 900.0])
OFFSETS = [-90_000_000, -60_000_000, -59_000_000, -1_000_000, 3_000_000_000]
FRAMES = st.builds(
    Entry,
    load_start=st.sampled_from(OFFSETS),
    source_version=st.sampled_from([0, 0, 1, 2**32, 2**64 - 1]),
    fresh_for=st.sampled_from([0, 1_000, 30_000, 2**32 - 1]),
    kind=st.sampled_from(["value", "absent", "deleted"]),
    environment=st.sampled_from([OURS, OURS, OURS, OURS, OTHER]),
    payload=st.sampled_from([b"", b"x", b"payload"]),
    stamped=st.sampled_from([True, True, True, False]),
)
RAW = st.sampled_from([b"", b"\xc1", b"\xc1\xde\x01@", b"x" * 19, b"pickle" * 20, b"y" * 56]).map(
    lambda raw: Entry(raw=raw)
)


class Beside(RuleBasedStateMachine):
    """A store and the model, which are asked the same."""

    case: Case

    def __init__(self) -> None:
        super().__init__()
        self.case.clear()
        if self.case.clock is not None:
            self.case.clock.seconds = 1_700_000_000.0
        self.base = self.case.store.time()
        self.model = Model()

    @property
    def now(self) -> float:
        return (self.base / 1e6) if self.case.clock is None else self.case.clock()

    def at(self, entry: Entry) -> Entry:
        return replace(entry, load_start=self.base + entry.load_start)

    @rule(name=st.sampled_from(NAMES), entry=st.one_of(FRAMES, RAW))
    def somebody_else_writes(self, name: str, entry: Entry) -> None:
        key, entry = KEYS.value(name), self.at(entry)
        self.case.put(key, entry.data)
        if entry.data:
            self.model.entries[key] = entry, self.now + 1e6
        else:
            self.model.entries.pop(key, None)

    @precondition(lambda self: self.case.redis is not None)
    @rule(name=st.sampled_from(NAMES))
    def somebody_else_writes_a_hash(self, name: str) -> None:
        key = KEYS.value(name)
        self.case.redis.delete(key)
        self.case.redis.hset(key, "field", "value")
        self.model.entries[key] = Entry(raw=FOREIGN), self.now + 1e6

    @rule(
        name=st.sampled_from(NAMES),
        new=FRAMES,
        expect=st.sampled_from(["any", "any", "there", "there", "there", "nothing", "other"]),
        token=st.none() | TOKENS,
        bad=st.booleans(),
        good=st.booleans(),
        leases=st.booleans(),
        seconds=SECONDS,
        keep=st.integers(1, 3),
    )
    def swap(self, name: str, new: Entry, expect: str, token: bytes | None, **options: Any) -> None:
        key, new = KEYS.value(name), self.at(new)
        there = self.model.entry(key, self.now)
        expected = {"any": None, "nothing": b"", "other": b"other"}.get(
            expect, b"" if there is None else there.data[:56]
        )
        asked = Swap(
            key=key,
            new=new.data,
            expected=expected,
            seconds=options["seconds"],
            token=token,
            lease=KEYS.side(name, "lease") if options["leases"] or token else None,
            bad=KEYS.side(name, "bad") if options["bad"] else None,
            bad_keep=options["keep"],
            bad_seconds=300.0,
            good=KEYS.side(name, "good") if options["good"] else None,
            environment=OURS,
        )
        assert self.case.store.swap(asked) == self.model.swap(asked, new, self.now)

    @rule(name=st.sampled_from(NAMES), token=TOKENS, seconds=SECONDS)
    def lease(self, name: str, token: bytes, seconds: float) -> None:
        key = KEYS.side(name, "lease")
        granted = leased(self.case.store.lease(key, token, seconds))
        assert granted == self.model.lease(key, token, seconds, self.now)

    @rule(name=st.sampled_from(NAMES), token=TOKENS)
    def release(self, name: str, token: bytes) -> None:
        key = KEYS.side(name, "lease")
        self.case.store.release(key, token)
        self.model.release(key, token, self.now)

    @precondition(lambda self: self.case.clock is not None)
    @rule(seconds=st.sampled_from([1.0, 150.0, 250.0, 1000.0, 4000.0]))
    def time_goes_on(self, seconds: float) -> None:
        assert self.case.clock is not None
        self.case.clock.seconds += seconds

    @invariant()
    def both_are_equal(self) -> None:
        keys = [key for name in NAMES for key in (KEYS.value(name), KEYS.side(name, "good"))]
        entries = [self.model.entry(key, self.now) for key in keys]
        expected = [None if entry is None else entry.data for entry in entries]
        assert [found or None for found in self.case.store.get_many(keys)] == expected
        assert [self.case.store.get(key) or None for key in keys] == expected
        for name in NAMES:
            bad, lease = KEYS.side(name, "bad"), KEYS.side(name, "lease")
            assert self.case.store.kept(bad) == self.model.kept(bad, self.now)
            assert self.case.store.get(lease) == self.model.holder(lease, self.now)


def test_a_store_is_its_model(shared: Case) -> None:
    """Any calls, and any writes of others between them, have the outcomes that a plain model of a dict has."""
    machine = type("Machine", (Beside,), {"case": shared})
    often = settings().max_examples // (1 if shared.clock is not None else 4)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=max(often, 5), stateful_step_count=30, suppress_health_check=list(HealthCheck), deadline=None
        ),
    )
