"""The fleet: readers that take turns, a cache, the database behind it, and a rightful writer.

Readers are not threads: they take turns in a fixed order, each with a serializer of its own as a process would have,
so that a seed gives the same numbers on every machine.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Protocol

from .codecs import Guarded
from .configuration import UserConfig, random_config
from .guarding import GuardedFleet
from .scenario import FAULTS, PRODUCTION, Fault, Scene
from .tally import Plan, Run, Served, Slice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .codecs import Serializer, Side

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

    def read(self, user: int, key: bytes) -> Served:
        """Serve one request.

        Args:
            user: Whose configuration.
            key: Where the cache has it.
        """
        stored = self.store.get(key)
        error: Exception | None = None
        if stored is not None:
            try:
                return Served(self.serializer.decode(stored, context=key))
            except self.failures as caught:
                error = caught
        config = self.database.load(user)
        self.store.set(key, self.serializer.encode(config, context=key))
        return Served(config, stored is None, error)


class Fleet(Protocol):
    """A service's processes: readers with a cache, and the rightful writer of what is in it."""

    def encode(self, config: UserConfig, key: bytes) -> bytes:
        """Return the bytes that a right value has in the cache."""
        ...

    def fill(self, config: UserConfig, key: bytes) -> None:
        """Store a configuration as the rightful writer does, after it has gone to the database."""
        ...

    def strike(self, value: bytes, key: bytes) -> None:
        """Leave bytes in the cache, past everything that might check them."""
        ...

    def begin(self, keys: Iterable[bytes]) -> None:
        """Warm up: the cache is filled, and the time of the run begins."""
        ...

    def read(self, reader: int, user: int, key: bytes) -> Served:
        """Serve a request by one of the readers."""
        ...

    def bound(self) -> int | None:
        """Return the most reads of the database since `begin` that are promised, or None."""
        ...


class CacheAside:
    """The fleet of the incident, with one codec or another.

    Args:
        side: How values are written and read.
        plan: How many readers there are.
        store: The cache.
        database: What they fall back to.
    """

    def __init__(self, side: Side, plan: Plan, store: Store, database: Database) -> None:
        def build() -> Serializer[UserConfig]:
            return side.serializer(UserConfig, version=2, environment=PRODUCTION)

        self._store = store
        self._writer = build()
        self._readers = [Reader(build(), side.failures, store, database) for _ in range(plan.readers)]

    def encode(self, config: UserConfig, key: bytes) -> bytes:
        """See `Fleet.encode`."""
        return self._writer.encode(config, context=key)

    def fill(self, config: UserConfig, key: bytes) -> None:
        """See `Fleet.fill`."""
        self._store.set(key, self.encode(config, key))

    def strike(self, value: bytes, key: bytes) -> None:
        """See `Fleet.strike`."""
        self._store.set(key, value)

    def begin(self, keys: Iterable[bytes]) -> None:
        """See `Fleet.begin`: readers know nothing but what is in the cache."""

    def read(self, reader: int, user: int, key: bytes) -> Served:
        """See `Fleet.read`."""
        return self._readers[reader].read(user, key)

    def bound(self) -> int | None:
        """See `Fleet.bound`: each value that cannot be read is loaded, whatever that comes to."""
        return None


def open_fleet(side: Side, plan: Plan, database: Database, open_store: Callable[[], Store] = MemoryStore) -> Fleet:
    """Start the fleet of a side.

    Args:
        side: How values are written, read and guarded.
        plan: How many readers there are.
        database: What they fall back to.
        open_store: Opens an empty cache, where the side has none of its own.
    """
    if isinstance(side, Guarded):
        return GuardedFleet(side, plan, database)
    return CacheAside(side, plan, open_store(), database)


def play(
    fault: Fault,
    side: Side,
    plan: Plan,
    database: Database,
    after_read: Callable[[], None],
    open_store: Callable[[], Store] = MemoryStore,
) -> Run:
    """Play one fault with one side: a warm cache, then reads, with the fault at work in the middle.

    Args:
        fault: What goes wrong.
        side: How values are written, read and guarded.
        plan: How large, and the seed.
        database: The source of truth; it is filled here.
        after_read: Called after each read.
        open_store: Opens an empty cache, where the side has none of its own.

    Returns:
        The accounts.
    """
    # A stream for each purpose, named without the side: all sides meet the same users at the same times.
    data, reads, updates, strikes, choices = (Random(f"{plan.seed}:{fault.name}:{use}") for use in range(5))
    truth = {user: random_config(data, user) for user in range(plan.users)}
    former: dict[int, list[UserConfig]] = {user: [] for user in truth}
    fleet = open_fleet(side, plan, database, open_store)
    scene = Scene(side, truth, fleet.encode, choices)
    for user, config in truth.items():
        database.save(config)
        fleet.fill(config, scene.key(user))
    strike = fault.prepare(scene) if fault.prepare is not None else None
    fleet.begin(scene.key(user) for user in truth)
    run = Run(fault.name, side.name, timeline=[Slice() for _ in range(plan.buckets)])
    start, stop = plan.window
    for step in range(plan.reads):
        if updates.random() < UPDATES_PER_READ:
            user = updates.randrange(plan.users)
            former[user].append(truth[user])
            truth[user] = random_config(updates, user)
            database.save(truth[user])
            fleet.fill(truth[user], scene.key(user))
        if strike is not None and start <= step < stop and strikes.random() < STRIKES_PER_READ:
            user = strikes.randrange(plan.users)
            fleet.strike(strike(user), scene.key(user))
            run.strikes += 1
        user = reads.randrange(plan.users)
        served = fleet.read(step % plan.readers, user, scene.key(user))
        run.record(run.timeline[step * plan.buckets // plan.reads], truth[user], former[user], served)
        after_read()
    run.database_reads = database.reads
    run.bound = fleet.bound()
    return run


def replay(
    plan: Plan,
    sides: Sequence[Side],
    *,
    after_read: Callable[[], None] = lambda: None,
    open_database: Callable[[], Database] = SQLiteDatabase,
) -> list[Run]:
    """Play every fault with every side, each with a cache and a database of its own.

    Args:
        plan: How large, and the seed.
        sides: What is compared.
        after_read: Called after each read.
        open_database: Opens an empty database.

    Returns:
        The accounts: for each fault in order, those of each side in order.
    """
    runs = []
    for fault in FAULTS:
        for side in sides:
            database = open_database()
            try:
                runs.append(play(fault, side, plan, database, after_read))
            finally:
                database.close()
    return runs
