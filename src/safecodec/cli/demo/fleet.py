"""The fleet: readers that take turns, a cache, the database behind it, and the accounts of what was served.

Readers are not threads: they take turns in a fixed order, each with a serializer of its own as a process would have,
so that a seed gives the same numbers on every machine.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Protocol

from .configuration import UserConfig, difference, random_config
from .scenario import FAULTS, PRODUCTION, Fault, Scene

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .codecs import Serializer, Side

MAX_BUCKETS = 72  # slices of the picture
STRIKES_PER_READ = 0.15  # within the fault's window
UPDATES_PER_READ = 0.05  # by the rightful writer, all the time


class Store(Protocol):
    """The cache that readers and writers share."""

    def get(self, key: bytes) -> bytes | None:
        """Return what is stored under a key, or None."""
        ...

    def set(self, key: bytes, value: bytes) -> None:
        """Store a value under a key."""
        ...


class Database(Protocol):
    """The source of truth behind the cache; it counts how often it is read."""

    @property
    def reads(self) -> int:
        """How often `load` was called."""
        ...

    def load(self, user: int) -> UserConfig:
        """Read a user's configuration."""
        ...

    def save(self, config: UserConfig) -> None:
        """Write a user's configuration."""
        ...

    def close(self) -> None:
        """Give back what it holds."""
        ...


class MemoryStore:
    """A cache within this process."""

    def __init__(self) -> None:
        self._values: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        """Return what is stored under a key, or None."""
        return self._values.get(key)

    def set(self, key: bytes, value: bytes) -> None:
        """Store a value under a key."""
        self._values[key] = value


class SQLiteDatabase:
    """A database within this process, in memory."""

    def __init__(self) -> None:
        self.reads: int = 0
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.execute(
            "CREATE TABLE user_config (user_id INTEGER PRIMARY KEY, plan TEXT, seats INTEGER, rate_limit INTEGER,"
            " beta INTEGER, regions TEXT, note TEXT)"
        )

    def load(self, user: int) -> UserConfig:
        """Read a user's configuration, and count that."""
        self.reads += 1
        row = self._connection.execute(
            "SELECT user_id, plan, seats, rate_limit, beta, regions, note FROM user_config WHERE user_id = ?", (user,)
        ).fetchone()
        user_id, plan, seats, rate_limit, beta, regions, note = row
        return UserConfig(user_id, plan, seats, rate_limit, bool(beta), json.loads(regions), note)

    def save(self, config: UserConfig) -> None:
        """Write a user's configuration."""
        self._connection.execute(
            "INSERT OR REPLACE INTO user_config VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                config.user_id,
                config.plan,
                config.seats,
                config.rate_limit,
                config.beta,
                json.dumps(config.regions),
                config.note,
            ),
        )

    def close(self) -> None:
        """Close the connection; what it held is gone."""
        self._connection.close()


@dataclass(frozen=True)
class Plan:
    """How large the demo is.

    Args:
        seed: The same seed gives the same numbers.
        reads: Reads of each run.
        readers: Readers that take turns.
        users: Users, and so keys.
    """

    seed: int = 1
    reads: int = 3000
    readers: int = 8
    users: int = 200

    @property
    def window(self) -> tuple[int, int]:
        """The first read during which the fault is at work, and the first after it."""
        return self.reads // 5, self.reads * 3 // 5

    @property
    def buckets(self) -> int:
        """Slices of the time line."""
        return min(MAX_BUCKETS, self.reads)


@dataclass
class Slice:
    """One slice of a run's time line: how many reads ended in which way."""

    right: int = 0
    failed: int = 0
    wrong: int = 0


@dataclass
class Run:
    """The accounts of one fault with one codec.

    Args:
        fault: The fault's name.
        codec: The side's name.
        reads: Reads that were asked for.
        right: Reads that got what the truth is, from the cache or, after a failure or a miss, from the database.
        wrong: Reads that got something else, without any error.
        strikes: Values that the fault left in the cache.
        misses: Reads that found nothing in the cache.
        database_reads: Reads of the database, all of them caused by a failure or a miss.
        errors: Failed decodes by the error's class.
        messages: The first message of each class.
        example: What the first wrong read got; empty where there is none.
        timeline: The reads in order, in slices; failed are those that an error sent to the database.
    """

    fault: str
    codec: str
    reads: int = 0
    right: int = 0
    wrong: int = 0
    strikes: int = 0
    misses: int = 0
    database_reads: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)
    example: str = ""
    timeline: list[Slice] = field(default_factory=list)

    @property
    def frequent(self) -> list[tuple[str, int]]:
        """The errors' classes and counts, the most frequent first."""
        return sorted(self.errors.items(), key=lambda item: (-item[1], item[0]))

    def record(self, slice_: Slice, truth: UserConfig, served: UserConfig, error: Exception | None) -> None:
        """Enter one read.

        Args:
            slice_: Where it belongs on the time line.
            truth: What it should have got.
            served: What it got.
            error: What its decode raised, or None.
        """
        self.reads += 1
        if error is not None:
            name = type(error).__name__
            self.errors[name] = self.errors.get(name, 0) + 1
            self.messages.setdefault(name, str(error) or "without a message")
        if served != truth:
            self.wrong += 1
            slice_.wrong += 1
            self.example = self.example or difference(truth, served)
            return
        self.right += 1
        if error is None:
            slice_.right += 1
        else:
            slice_.failed += 1


@dataclass(frozen=True)
class Reader:
    """One reader of the fleet, with the policy of the incident: what cannot be read is loaded and written back.

    Args:
        serializer: This reader's own.
        failures: What it catches around a decode.
        store: The cache.
        database: What it falls back to.
    """

    serializer: Serializer[UserConfig]
    failures: tuple[type[Exception], ...]
    store: Store
    database: Database

    def read(self, user: int, key: bytes) -> tuple[UserConfig, bool, Exception | None]:
        """Serve one request.

        Args:
            user: Whose configuration.
            key: Where the cache has it.

        Returns:
            What the request gets, whether the cache had nothing, and what the decode raised.
        """
        stored = self.store.get(key)
        error: Exception | None = None
        if stored is not None:
            try:
                return self.serializer.decode(stored, context=key), False, None
            except self.failures as caught:
                error = caught
        config = self.database.load(user)
        self.store.set(key, self.serializer.encode(config, context=key))
        return config, stored is None, error


def play(fault: Fault, side: Side, plan: Plan, store: Store, database: Database, after_read: Callable[[], None]) -> Run:
    """Play one fault with one codec: a warm cache, then reads, with the fault at work in the middle.

    Args:
        fault: What goes wrong.
        side: How values are written and read.
        plan: How large, and the seed.
        store: The cache; its keys are overwritten.
        database: The source of truth; it is filled here.
        after_read: Called after each read.

    Returns:
        The accounts.
    """

    def build() -> Serializer[UserConfig]:
        return side.serializer(UserConfig, version=2, environment=PRODUCTION)

    # A stream for each purpose, named without the side: both sides meet the same users at the same times.
    data, reads, updates, strikes, choices = (Random(f"{plan.seed}:{fault.name}:{use}") for use in range(5))
    truth = {user: random_config(data, user) for user in range(plan.users)}
    scene = Scene(side, truth, build(), choices)
    readers = [Reader(build(), side.failures, store, database) for _ in range(plan.readers)]
    for user, config in truth.items():
        database.save(config)
        store.set(scene.key(user), scene.right(user))
    strike = fault.prepare(scene) if fault.prepare is not None else None
    run = Run(fault.name, side.name, timeline=[Slice() for _ in range(plan.buckets)])
    start, stop = plan.window
    for step in range(plan.reads):
        if updates.random() < UPDATES_PER_READ:
            user = updates.randrange(plan.users)
            truth[user] = random_config(updates, user)
            database.save(truth[user])
            store.set(scene.key(user), scene.right(user))
        if strike is not None and start <= step < stop and strikes.random() < STRIKES_PER_READ:
            user = strikes.randrange(plan.users)
            store.set(scene.key(user), strike(user))
            run.strikes += 1
        user = reads.randrange(plan.users)
        served, missed, error = readers[step % plan.readers].read(user, scene.key(user))
        run.misses += missed
        run.record(run.timeline[step * plan.buckets // plan.reads], truth[user], served, error)
        after_read()
    run.database_reads = database.reads
    return run


def replay(
    plan: Plan,
    sides: Sequence[Side],
    *,
    after_read: Callable[[], None] = lambda: None,
    open_store: Callable[[], Store] = MemoryStore,
    open_database: Callable[[], Database] = SQLiteDatabase,
) -> list[Run]:
    """Play every fault with every codec, each with a cache and a database of its own.

    Args:
        plan: How large, and the seed.
        sides: The codecs to compare.
        after_read: Called after each read.
        open_store: Opens an empty cache.
        open_database: Opens an empty database.

    Returns:
        The accounts: for each fault in order, those of each side in order.
    """
    runs = []
    for fault in FAULTS:
        for side in sides:
            database = open_database()
            try:
                runs.append(play(fault, side, plan, open_store(), database, after_read))
            finally:
                database.close()
    return runs
