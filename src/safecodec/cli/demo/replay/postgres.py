"""PostgreSQL for the replay: the table, the fallback query, and the server's counters. Imports psycopg alone."""

from __future__ import annotations

import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, cast

import psycopg
from psycopg import sql

from ..configuration import UserConfig
from .schedule import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Connection = psycopg.Connection[tuple[object, ...]]

__all__ = ["Counts", "LoadError", "Loader", "Observer", "create_table", "drop_table"]

SCAN_SECONDS: Final = 0.02
"""The least that one fallback query takes on an idle server: fewer rows would not be the incident."""
FIRST_ROWS: Final = 50_000
MOST_ROWS: Final = 20_000_000
_COLUMNS: Final = sql.SQL("user_id, plan, seats, rate_limit, beta, regions, note")
# No index on user_id.
_CREATE: Final = sql.SQL(
    "CREATE UNLOGGED TABLE {} (user_id bigint, plan text, seats int, rate_limit int, beta bool, regions text[],"
    " note text)"
)
_FILL: Final = sql.SQL(
    "INSERT INTO {} SELECT 1000000000 + n, 'team', n %% 60, n %% 5000, false, ARRAY['eu-west', 'us-east'], ''"
    " FROM generate_series(1, %s) AS n"
)


class LoadError(Exception):
    """PostgreSQL did not give a configuration: it refused, failed or took too long."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What the server has counted since it started.

    Args:
        production: Fallback queries of production, or of all where the server cannot tell them apart.
        other: Fallback queries of the process that has the slip.
        busy: Seconds that backends spent in fallback queries; None where the server does not say.
    """

    production: int
    other: int
    busy: float | None


def _connect(dsn: str, timeout: float = 0.0) -> Connection:
    # One query, one core: a parallel scan would only move the load.
    options = f"-c max_parallel_workers_per_gather=0 -c statement_timeout={round(timeout * 1000)}"
    return psycopg.connect(dsn, autocommit=True, options=options, connect_timeout=10)


@contextmanager
def _as_load_error() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise LoadError(f"PostgreSQL says {type(error).__name__}: {error}") from error


def _fallback(table: str, is_production: bool) -> sql.Composed:
    # One more column makes it another entry of pg_stat_statements.
    more = sql.SQL("") if is_production else sql.SQL(", user_id AS other")
    return sql.SQL("SELECT {}{} FROM {} WHERE user_id = %s").format(_COLUMNS, more, sql.Identifier(table))


class Loader:
    """Loads configurations by the fallback query, from any number of threads; nothing bounds how many.

    Args:
        dsn: The connection string.
        table: The table's name.
        timeout: Seconds that the server has for a query.
        is_production: Whether its queries are counted as production's.
    """

    def __init__(self, dsn: str, table: str, *, timeout: float, is_production: bool = True) -> None:
        self.started: deque[float] = deque()
        """When each load began, by the monotonic clock that the processes of a machine share."""
        self._dsn = dsn
        self._timeout = timeout
        self._query = _fallback(table, is_production)
        self._idle: list[Connection] = []

    def load(self, user: int) -> UserConfig:
        """Read a user's configuration.

        Args:
            user: The user's number.

        Returns:
            The configuration.

        Raises:
            LoadError: The server refused, failed or took too long.
        """
        self.started.append(time.monotonic())
        with _as_load_error(), self._borrowed() as connection:
            row = connection.execute(self._query, (user,)).fetchone()
        if row is None:
            raise LoadError(f"the table has no user {user}")
        return UserConfig(*cast("tuple[int, str, int, int, bool, list[str], str]", row[:7]))

    def open(self, connections: int) -> None:
        """Open connections ahead of the first load.

        Args:
            connections: How many.

        Raises:
            LoadError: The server refused.
        """
        with _as_load_error():
            for _ in range(connections):
                self._idle.append(_connect(self._dsn, self._timeout))

    def close(self) -> None:
        """Close the connections that no thread uses."""
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _borrowed(self) -> Iterator[Connection]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = _connect(self._dsn, self._timeout)
        try:
            yield connection
        finally:
            if not connection.broken:
                self._idle.append(connection)


def create_table(dsn: str, name: str, users: Sequence[UserConfig], *, scan_seconds: float = SCAN_SECONDS) -> Table:
    """Create a table in which the fallback query is a full scan that takes long enough, and measure it.

    Args:
        dsn: The connection string.
        name: The table's name.
        users: The configurations that are in it.
        scan_seconds: The least time of a query.

    Returns:
        The table.

    Raises:
        LoadError: The server refused, or the table would grow past `MOST_ROWS`.
    """
    with _as_load_error(), _connect(dsn) as connection:
        connection.execute(_CREATE.format(sql.Identifier(name)))
        _insert(connection, name, users)
        rows, more, seconds = len(users), FIRST_ROWS, 0.0
        while seconds < scan_seconds:
            if rows + more > MOST_ROWS:
                raise LoadError(f"a scan of {rows} rows takes {seconds * 1000:.1f} ms, less than it should")
            connection.execute(_FILL.format(sql.Identifier(name)), (more,))
            rows += more
            connection.execute(sql.SQL("VACUUM ANALYZE {}").format(sql.Identifier(name)))
            seconds = _least_scan(connection, name)
            # A fifth on top: the next measurement may find the machine less busy.
            more = max(1000, int(rows * (1.2 * scan_seconds / seconds - 1)))
        version = connection.info.parameter_status("server_version") or "unknown"
    return Table(name, rows, seconds, version.split()[0])


def drop_table(dsn: str, name: str) -> None:
    """Drop a table, if it is there.

    Args:
        dsn: The connection string.
        name: The table's name.

    Raises:
        LoadError: The server refused.
    """
    with _as_load_error(), _connect(dsn) as connection:
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(name)))


def _insert(connection: Connection, name: str, users: Sequence[UserConfig]) -> None:
    rows = [(u.user_id, u.plan, u.seats, u.rate_limit, u.beta, u.regions, u.note) for u in users]
    insert = sql.SQL("INSERT INTO {} VALUES (%s, %s, %s, %s, %s, %s, %s)").format(sql.Identifier(name))
    with connection.cursor() as cursor:
        cursor.executemany(insert, rows)


def _least_scan(connection: Connection, name: str) -> float:
    seconds = []
    for _ in range(15):
        started = time.perf_counter()
        connection.execute(_fallback(name, is_production=True), (0,)).fetchone()
        seconds.append(time.perf_counter() - started)
    # The least: a machine that is busy with something else only adds to it.
    return min(seconds)


class _Ask(Protocol):
    def __call__(self, connection: Connection, table: str) -> Counts: ...


def _ask_statements(connection: Connection, table: str) -> Counts:
    row = connection.execute(
        "SELECT coalesce(sum(calls) FILTER (WHERE query NOT LIKE '%% AS other %%'), 0)::bigint,"
        " coalesce(sum(calls) FILTER (WHERE query LIKE '%% AS other %%'), 0)::bigint,"
        " coalesce(sum(total_exec_time), 0) / 1000"
        " FROM pg_stat_statements WHERE query LIKE %s",
        (f'SELECT user\\_id, % FROM "{table}" WHERE user\\_id = $1',),
    ).fetchone()
    return Counts(*cast("tuple[int, int, float]", row))


def _ask_tables(connection: Connection, table: str) -> Counts:
    row = connection.execute("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = %s", (table,)).fetchone()
    return Counts(cast("tuple[int]", row)[0], 0, None)


class Observer:
    """Reads the server's own counters of the fallback query, over one connection.

    Args:
        dsn: The connection string.
        table: The table's name.
        statements: Whether to ask pg_stat_statements where it is to be had; else pg_stat_user_tables is asked.

    Raises:
        LoadError: The server refused.
    """

    def __init__(self, dsn: str, table: str, *, statements: bool = True) -> None:
        with _as_load_error():
            self._connection = _connect(dsn)
        self._table = table
        self._ask: _Ask = _ask_statements if statements and self._has_statements() else _ask_tables
        self.source = "pg_stat_statements" if self._ask is _ask_statements else "pg_stat_user_tables"
        """Which view has the counts."""
        self.backend: int = self._connection.info.backend_pid
        """The process id of the connection's backend, on the server's machine."""

    def counts(self) -> Counts:
        """Return what has been counted so far.

        Raises:
            LoadError: The server refused.
        """
        with _as_load_error():
            return self._ask(self._connection, self._table)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _has_statements(self) -> bool:
        try:
            self._connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            self._connection.execute("SELECT 1 FROM pg_stat_statements LIMIT 1")
        except psycopg.Error:
            return False
        return True
