"""The stage of the fault matrix: two Redis and a PostgreSQL behind proxies, and the processes that read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import psycopg
import redis

from proxies import Proxy
from safecodec.cache import BreakerPolicy, GuardedCache, GuardPolicy
from safecodec.cache.stores.redis import RedisStore
from safecodec.cli.demo.replay.postgres import create_table

from .crew import Crew, Member, crew
from .fault_readers import Account, Place, hold, read, read_awaited
from .servers import PostgresServer, RedisServer, postgres_server, redis_server
from .users import codec_of, key_of, physical

__all__ = ["POLICY", "RECOVERY", "Stage", "StageError", "Twins", "stage"]

TABLE: Final = "safecodec_faults"
ROLE: Final = "reader"
PRELOAD: Final = ("bench.fault_readers", "bench.fault_table")
"""Imports of the programs that start readers: each process imports its program once more."""
POLICY: Final = GuardPolicy(
    load_rate=40,
    load_concurrency=16,
    processes=8,
    fresh=20,
    jitter=0.5,
    stale=600,
    throttle=1,
    load_timeout=1.5,
    store_timeout=0.3,
    wait=0.5,
    breaker=BreakerPolicy(window=5, slow_after=0.4, shortest=0.5, longest=2),
    store_breaker=BreakerPolicy(window=5, shortest=0.5, longest=2),
    keys=1000,
)
"""Four to six processes run, of eight."""
FILL_JITTER: Final = 0.9
"""The values that a cell begins with end after a tenth of their time or later: some of them while the faults last."""
RECOVERY: Final = 20.0
"""Seconds after the end of all faults within which every reader answers every key from the cache again."""
SETTLE: Final = 60.0


class StageError(Exception):
    """The servers or the readers do not come to rest between two cells."""


class Twins:
    """Two servers of Redis: the one that clients are led to, and its replica, which takes its place.

    Args:
        stack: Ends the servers and the proxy.
    """

    def __init__(self, stack: ExitStack) -> None:
        self._running: dict[int, ExitStack] = {}
        self._stack = stack
        self.primary = self._start(0)
        self.spare = self._start(0)
        self.proxy = stack.enter_context(Proxy(self.primary.port))
        self.settle()

    def _start(self, port: int) -> RedisServer:
        own = self._stack.enter_context(ExitStack())
        server = own.enter_context(redis_server("--repl-diskless-sync-delay", "0", port=port))
        self._running[server.port] = own
        return server

    @contextmanager
    def client(self) -> Iterator[Any]:
        """A client of the server that clients are led to, past the proxy; a server that refuses to write is let be."""
        server = self.spare if self.proxy.target == self.spare.port else self.primary
        with server.client() as client, suppress(redis.ResponseError):
            yield client

    def restart(self) -> None:
        """Restart the primary, which keeps nothing."""
        self._running.pop(self.primary.port).close()
        self.primary = self._start(self.primary.port)

    def lose_primary(self) -> None:
        """Lead clients to the replica, which is not writable yet."""
        with self.spare.client() as client:
            client.execute_command("REPLICAOF", "127.0.0.1", "1")  # nobody is there: it keeps what it has
        self.proxy.target = self.spare.port
        self.proxy.mode = "refuse"
        self.proxy.mode = "pass"

    def promote(self) -> None:
        """Make the replica the primary."""
        with self.spare.client() as client:
            client.execute_command("REPLICAOF", "NO", "ONE")
        self.primary, self.spare = self.spare, self.primary

    def settle(self) -> None:
        """Have the spare replicate an empty primary."""
        self.proxy.target = self.primary.port
        with self.primary.client() as client:
            client.config_set("maxmemory", 0)
            client.flushall()
        with self.spare.client(decode_responses=True) as client:
            client.config_set("maxmemory", 0)
            client.execute_command("REPLICAOF", "127.0.0.1", str(self.primary.port))
            _until(lambda: client.info("replication")["master_link_status"] == "up", "the replica does not replicate")


@dataclass(slots=True)
class Stage:
    """Everything that a cell of the matrix is played with.

    Args:
        twins: Redis.
        database: PostgreSQL.
        far: The proxy in front of it.
        admin: A connection past the proxy.
        place: What readers are told.
        crew: Starts processes.
        files: The directory of the second reader's last known good values.
        readers: Those that are never restarted.
        newcomers: Those that were started in this cell.
        holder: The process that takes a lease.
    """

    twins: Twins
    database: PostgresServer
    far: Proxy
    admin: psycopg.Connection[Any]
    place: Place
    crew: Crew
    files: Path
    readers: list[Member] = field(default_factory=list)
    newcomers: list[Member] = field(default_factory=list)
    holder: Member | None = None

    def start_readers(self) -> None:
        """Start those that are there all the time."""
        durable = self.durable()
        self.readers = [
            self.crew.start("reader 0", read, self.place, 0),
            self.crew.start("reader 1, with files", read, durable, 1),
            self.crew.start("reader 2, asyncio", read_awaited, self.place, 2),
        ]
        self.holder = self.crew.start("holder", hold, self.place, 3)
        self.crew.await_ready([*self.readers, self.holder])

    def durable(self) -> Place:
        """Return the place for a reader that writes down what it knows."""
        own = {name: getattr(self.place, name) for name in Place.__dataclass_fields__}
        return Place(**own | {"directory": str(self.files)})

    def reset(self) -> None:
        """Take everything back, fill the cache, and wait until every reader answers from it."""
        for member in self.newcomers:
            member.tell("end")
            member.join()
            self.crew.dismiss(member)
        self.newcomers = []
        self.twins.proxy.mode = self.far.mode = "pass"
        self.twins.settle()
        self.fill()
        for member in self.readers:
            member.tell("mark")
        _until(lambda: not self.uncached(self.readers), lambda: f"not cached: {self.uncached(self.readers)}")
        for member in [*self.readers, *([self.holder] if self.holder else [])]:
            member.tell("begin")
        self.twins.proxy.heard.clear()
        self.far.heard.clear()

    def fill(self) -> None:
        """Put every value into Redis, as after a write to the database."""
        policy = replace(self.place.policy, jitter=FILL_JITTER)
        store = RedisStore.from_url(self.twins.primary.url, timeout=10.0)
        with GuardedCache(store, codec_of(), load=lambda _: None, policy=policy) as cache:
            store.bind("production")
            for user, value in enumerate(self.place.truth()):
                cache.set(key_of(user), value)
        with self.twins.primary.client() as client:
            client.execute_command("WAIT", 1, 5000)

    def uncached(self, members: list[Member]) -> dict[str, list[int]]:
        """Return, for each reader, the users that it has not answered from the cache since the last mark."""
        missing = {}
        for member in members:
            account: Account = member.ask("tell")
            users = sorted(set(range(self.place.users)) - account.cached)
            if users:
                missing[member.name] = users
        return missing

    def plain(self) -> list[bytes | None]:
        """Return what Redis has under the value's key of each user."""
        with self.twins.primary.client() as client:
            found: list[bytes | None] = client.mget([physical(key_of(user)) for user in range(self.place.users)])
            return found


def _until(is_so: Callable[[], bool], otherwise: str | Callable[[], str]) -> None:
    until = time.monotonic() + SETTLE
    while not is_so():
        if time.monotonic() > until:
            raise StageError(otherwise if isinstance(otherwise, str) else otherwise())
        time.sleep(0.1)


@contextmanager
def stage(users: int, *, policy: GuardPolicy = POLICY, scan_seconds: float = 0.01, seed: int = 1) -> Iterator[Stage]:
    """Start the servers; `Stage.start_readers` starts the processes.

    Args:
        users: How many users there are.
        policy: The guards' policy.
        scan_seconds: The least time of a query.
        seed: Of everything that is random.
    """
    with ExitStack() as stack:
        twins = Twins(stack)
        database = stack.enter_context(postgres_server())
        far = stack.enter_context(Proxy(database.port))
        admin = stack.enter_context(psycopg.connect(database.dsn, autocommit=True))
        dsn = f"host=127.0.0.1 port={far.port} user={ROLE} dbname=postgres"
        place = Place(
            redis=f"redis://127.0.0.1:{twins.proxy.port}/0", postgres=dsn, table=TABLE, policy=policy, users=users,
            seed=seed,
        )  # fmt: skip
        create_table(database.dsn, TABLE, place.truth(), scan_seconds=scan_seconds)
        admin.execute(f"CREATE ROLE {ROLE} LOGIN")
        admin.execute(f"GRANT SELECT ON {TABLE} TO {ROLE}")
        started = stack.enter_context(crew(*PRELOAD))
        files = Path(stack.enter_context(TemporaryDirectory(prefix="safecodec-faults-")))
        yield Stage(twins, database, far, admin, place, started, files)
