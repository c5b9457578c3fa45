"""Real servers, each on a free port of the loopback and stopped by its own process id."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from bench.servers import (
    PostgresServer,
    RedisServer,
    ServerError,
    free_port,
    installed,
    postgres_server,
    redis_server,
)

Starter = Callable[..., AbstractContextManager[RedisServer]]
"""Starts a server with options of its command line; ``port=`` and ``certificate=`` where they are given."""


@pytest.fixture(scope="session", name="redis_server")
def a_redis_server() -> Iterator[RedisServer]:
    """A redis-server of our own that all tests share."""
    try:
        with redis_server() as server:
            yield server
    except ServerError as error:
        pytest.fail(f"these tests need a real server: {error}", pytrace=False)


@pytest.fixture(scope="session", name="postgres_server")
def a_postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL of our own that keeps nothing."""
    try:
        with postgres_server() as server:
            yield server
    except ServerError as error:
        pytest.fail(f"these tests need a real server: {error}", pytrace=False)


@pytest.fixture
def redis_client(redis_server: RedisServer) -> Iterator[Any]:
    """A client of an empty database."""
    with closing(redis_server.client()) as client:
        client.flushall()
        yield client


@pytest.fixture
def start_redis() -> Starter:
    """Starts a server for one test."""
    return redis_server


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[list[RedisServer]]:
    """A cluster of three servers, each of which has a third of the slots."""
    with ExitStack() as stack:
        servers = []
        for _ in range(3):
            options = ["--cluster-enabled", "yes", "--cluster-port", str(free_port())]
            servers.append(stack.enter_context(redis_server(*options)))
        nodes = [f"127.0.0.1:{server.port}" for server in servers]
        command = [installed("redis-cli"), "--cluster", "create", *nodes, "--cluster-yes"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        for server in servers:
            with closing(server.client(decode_responses=True)) as client:
                until = time.monotonic() + 20
                while client.cluster("info")["cluster_state"] != "ok":
                    assert time.monotonic() < until, "the cluster does not agree on its slots"
                    time.sleep(0.02)
        yield servers


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1, signed by itself; its key is beside it as ``key.pem``."""
    directory = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [installed("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "certificate.pem"],
        cwd=directory, check=True, capture_output=True,
    )  # fmt: skip
    return directory / "certificate.pem"


@pytest.fixture
def redis_tls(certificate: Path, start_redis: Starter) -> Iterator[RedisServer]:
    """A server that speaks TLS alone."""
    with start_redis(certificate=certificate) as server:
        yield server
