"""Redis and PostgreSQL of our own: each on a free port of the loopback, stopped by its own process id."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
import redis

START_SECONDS: Final = 30.0
"""How long a server has until it answers, and until it is gone after it was told to stop."""
DEBIAN_POSTGRES: Final = Path("/usr/lib/postgresql")
"""Debian keeps PostgreSQL's programs off the PATH, in a directory for each major version."""


class ServerError(Exception):
    """A server is not installed or did not start; the text says what to do."""


@dataclass(frozen=True)
class RedisServer:
    """A running redis-server.

    Args:
        port: Where it listens.
        pid: Its process id.
        certificate: What it shows to clients, where it speaks TLS.
    """

    port: int
    pid: int
    certificate: Path | None = None

    @property
    def url(self) -> str:
        """The URL of its database 0."""
        return f"redis{'s' if self.certificate else ''}://127.0.0.1:{self.port}/0"

    def client(self, *, decode_responses: bool = False) -> Any:
        """Return a new client of it."""
        tls: dict[str, Any] = {"ssl": True, "ssl_ca_certs": str(self.certificate)} if self.certificate else {}
        return redis.Redis(host="127.0.0.1", port=self.port, decode_responses=decode_responses, **tls)


@dataclass(frozen=True)
class PostgresServer:
    """A running PostgreSQL.

    Args:
        port: Where it listens.
        pid: The process id of the postmaster.
    """

    port: int
    pid: int

    @property
    def dsn(self) -> str:
        """The connection string of its superuser, who needs no password on the loopback."""
        return f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres"


def free_port() -> int:
    """Return a port that no process listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def redis_server(*options: str, port: int = 0, certificate: Path | None = None) -> Iterator[RedisServer]:
    """Start a redis-server that persists nothing.

    Args:
        options: Further words of its command line.
        port: Where it listens; a free port where 0.
        certificate: The certificate that it shows, with its key beside it as ``key.pem``; None is no TLS.

    Yields:
        The server, which answers.

    Raises:
        ServerError: It is not installed, or did not start.
    """
    binary = installed("redis-server")
    port = port or free_port()
    words = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    if certificate is None:
        words += ["--port", str(port)]
    else:
        words += ["--port", "0", "--tls-port", str(port), "--tls-auth-clients", "no"]
        words += ["--tls-cert-file", str(certificate), "--tls-key-file", str(certificate.with_name("key.pem"))]
    with (
        tempfile.TemporaryDirectory(prefix="safecodec-redis-") as name,
        _running([binary, *words, *options], Path(name), None) as (process, log),
    ):
        server = RedisServer(port, process.pid, certificate)
        with closing(server.client()) as client:
            _wait_until_ready(process, log, client.ping, redis.exceptions.ConnectionError)
        yield server


def installed(name: str) -> str:
    """Return the path of a program.

    Raises:
        ServerError: It is not installed.
    """
    binary = shutil.which(name)
    if binary is None:
        raise ServerError(f"{name} is not installed: run 'sh scripts/ensure-servers' (Debian: redis-server, openssl)")
    return binary


def postgres_programs() -> Path:
    """Return the directory of PostgreSQL's programs: that of the PATH, or the newest that Debian has installed.

    Raises:
        ServerError: There is none.
    """
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    versions = [path.parent for path in DEBIAN_POSTGRES.glob("*/bin/initdb")]
    if not versions:
        raise ServerError("PostgreSQL is not installed: run 'sh scripts/ensure-servers' (Debian: postgresql)")
    return max(versions, key=lambda path: float(path.parent.name))


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Start a PostgreSQL with a new cluster, pg_stat_statements, and no promise to survive a crash.

    Yields:
        The server, which answers.

    Raises:
        ServerError: It is not installed, or did not start.
    """
    programs = postgres_programs()
    # PostgreSQL refuses to run as root.
    account = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="safecodec-postgres-") as name:
        directory = Path(name)
        if account is not None:
            shutil.chown(directory, account, account)
        cluster = directory / "cluster"
        words = [str(programs / "initdb"), "-D", str(cluster), "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8"]
        with _running([*words, "--locale=C"], directory, account) as (process, log):
            if process.wait() != 0:
                raise ServerError(f"initdb failed:\n{log.read_text(errors='replace')}")
        server_port = free_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "shared_preload_libraries": "pg_stat_statements",
            "max_connections": "300",
            "fsync": "off",
            "synchronous_commit": "off",
            "autovacuum": "off",
        }
        options = [word for setting in settings.items() for word in ("-c", "=".join(setting))]
        command = [str(programs / "postgres"), "-D", str(cluster), "-p", str(server_port), *options]
        with _running(command, directory, account) as (process, log):
            server = PostgresServer(server_port, process.pid)
            _wait_until_ready(process, log, lambda: psycopg.connect(server.dsn).close(), psycopg.OperationalError)
            yield server


@contextmanager
def _running(
    command: Sequence[str], directory: Path, account: str | None
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    # A sanitizer that is preloaded into the tests is not meant for the server.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    log = directory / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            user=account,
            group=account,
            extra_groups=[] if account is not None else None,
            # Ctrl-C at the terminal goes to this program alone, which then stops the server.
            start_new_session=True,
        )
    try:
        yield process, log
    finally:
        # SIGTERM lets PostgreSQL wait for its clients; SIGINT does not.
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(
    process: subprocess.Popen[bytes], log: Path, ask: Callable[[], object], refusal: type[Exception]
) -> None:
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            ask()
        except refusal:
            time.sleep(0.01)
        else:
            return
    raise ServerError(f"{process.args!r} did not start:\n{log.read_text(errors='replace')}")
