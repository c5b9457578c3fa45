"""Real servers, each on a free port of the loopback and stopped by its own process id."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis


@dataclass(frozen=True)
class RedisServer:
    """A running server."""

    port: int

    def client(self, *, decode_responses: bool = False) -> Any:
        """A new client of it."""
        return redis.Redis(host="127.0.0.1", port=self.port, decode_responses=decode_responses)


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until_ready(server: RedisServer, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once the server answers; fail with its log if it ends or takes too long."""
    until = time.monotonic() + 20
    with closing(server.client()) as client:
        while process.poll() is None and time.monotonic() < until:
            try:
                client.ping()
            except redis.exceptions.ConnectionError:
                time.sleep(0.01)
            else:
                return
    pytest.fail(f"redis-server did not start:\n{log.read_text(errors='replace')}", pytrace=False)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A redis-server of our own that keeps nothing."""
    binary = shutil.which("redis-server")
    if binary is None:
        pytest.fail(
            "redis-server is not installed, and these tests need a real one: run 'sh scripts/ensure-servers' "
            "(Debian: apt-get install redis-server)",
            pytrace=False,
        )
    directory = tmp_path_factory.mktemp("redis")
    server = RedisServer(free_port())
    # A sanitizer that is preloaded into the tests is not meant for the server.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    log = directory / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [binary, "--port", str(server.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
            cwd=directory,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until_ready(server, process, log)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture
def redis_client(redis_server: RedisServer) -> Iterator[Any]:
    """A client of an empty database."""
    with closing(redis_server.client()) as client:
        client.flushall()
        yield client
