"""``make soak MINUTES=60``: a fleet of guarded caches under faults for an hour, and what is left over in it.

Each minute the requests stop until nothing goes on any more, and everything that could grow is measured: at rest there
are no flights, permits or jobs, and memory, threads, tasks and connections are what they were. At the end everything
that a guard has written must have gone from Redis by itself, and closed caches leave neither thread nor connection.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from random import Random
from typing import Any, Final

import psycopg

from proxies import Proxy, cut_after, delay
from safecodec.cli.demo.replay.postgres import create_table

from .crew import Crew, Member, crew
from .results import ROOT
from .servers import postgres_server, redis_server
from .soak_site import KEYS, LONGEST, POLICY, USERS, Measure, Site
from .soak_verdict import Sample, judged, report
from .soak_workers import awaited, blocking
from .users import codec_of, key_of, physical, truth

DIRECTORY: Final = ROOT / "build" / "soak"
TABLE: Final = "safecodec_soak"
CALM: Final = 4.0
"""Seconds without a fault before requests stop to be measured."""


class Faults:
    """Does random harm to the servers, or to the way to them.

    Args:
        redis: The proxy in front of Redis.
        postgres: The proxy in front of PostgreSQL.
        client: A client of Redis that goes past the proxy.
        random: Chooses.
    """

    def __init__(self, redis: Proxy, postgres: Proxy, client: Any, random: Random) -> None:
        self.done: Counter[str] = Counter()
        self._redis, self._postgres, self._client, self._random = redis, postgres, client, random
        self._values = truth(0, USERS)
        self._wrong = {name: codec_of(name) for name in ("production", "staging")}

    def run(self, until: float) -> None:
        """Do harm until a time of the monotonic clock, with pauses."""
        while (now := time.monotonic()) < until - 1:
            name = self._random.choice(sorted(self._kinds()))
            self.done[name] += 1
            self._kinds()[name]()
            _sleep(min(self._random.uniform(0.3, 4.0), until - now))
            self.end()
            _sleep(min(self._random.uniform(0.0, 5.0), max(0.0, until - time.monotonic())))

    def end(self) -> None:
        """Take all faults back. What a silent server has swallowed never comes: such connections are cut."""
        for proxy in (self._redis, self._postgres):
            if proxy.mode == "silent":
                proxy.mode = "refuse"
            proxy.mode = "pass"
            proxy.heard.clear()

    def _kinds(self) -> dict[str, Callable[[], object]]:
        random = self._random
        return {
            "redis refused": lambda: setattr(self._redis, "mode", "refuse"),
            "redis silent": lambda: setattr(self._redis, "mode", "silent"),
            "redis cut": lambda: setattr(self._redis, "mode", cut_after(random.randrange(2000))),
            "redis slow": lambda: setattr(self._redis, "mode", delay(random.uniform(0.05, 0.4))),
            "redis flushed": lambda: self._client.flushdb(),
            "scripts flushed": lambda: self._client.script_flush(),
            "postgres refused": lambda: setattr(self._postgres, "mode", "refuse"),
            "postgres silent": lambda: setattr(self._postgres, "mode", "silent"),
            "postgres cut": lambda: setattr(self._postgres, "mode", cut_after(random.randrange(4000))),
            "postgres slow": lambda: setattr(self._postgres, "mode", delay(random.uniform(0.1, 0.6))),
            "values spoiled": self._spoil,
        }

    def _spoil(self) -> None:
        for _ in range(60):
            key = key_of(self._random.randrange(KEYS))
            name, context = physical(key), key.encode()
            kind = self._random.randrange(4)
            if kind == 0:
                self._client.set(name, b'{"plan": "free"}', ex=30)
            elif kind == 1:
                self._client.unlink(name)
                self._client.rpush(name, b"a list")
                self._client.expire(name, 30)
            else:
                codec = self._wrong[("production", "staging")[kind - 2]]
                frame = bytearray(codec.encode(self._random.choice(self._values), context=context))
                if kind == 2:
                    frame[self._random.randrange(len(frame))] ^= 1 << self._random.randrange(8)
                self._client.set(name, bytes(frame), ex=5)


def _sleep(seconds: float) -> None:
    time.sleep(max(0.0, seconds))


class Soak:
    """One soak while it goes on.

    Args:
        members: The processes.
        faults: What is done to the servers.
        client: A client of Redis that goes past the proxy.
        dsn: Of PostgreSQL, past the proxy.
        facts: What the report says of the run.
    """

    def __init__(self, members: Sequence[Member], faults: Faults, client: Any, dsn: str, facts: dict[str, Any]) -> None:
        self.samples: list[Sample] = []
        self.stats: dict[str, Any] = {}
        self._members, self._faults, self._client, self._dsn, self._facts = members, faults, client, dsn, facts
        self._began = time.monotonic()

    def run(self, minutes: float, period: float) -> bool:
        """Run to the end.

        Args:
            minutes: How long.
            period: Seconds between two measures.

        Returns:
            Whether everything stayed flat and nothing is left over.
        """
        until = self._began + minutes * 60
        while time.monotonic() < until:
            for member in self._members:
                member.tell("go")
            self._faults.run(time.monotonic() + period - CALM)
            _sleep(CALM)
            self._sample("rest", lambda member: member.ask("rest"))
            self._write(None)
        gone = self._gone()
        self._sample("end", _ended)
        time.sleep(0.5)
        connections = self._connections()
        problems = [*judged(self.samples), *gone]
        if connections["redis"] or connections["postgres"]:
            problems.append(f"closed caches leave connections: {connections}")
        self._write(problems)
        return not problems

    def _sample(self, name: str, ask: Callable[[Member], Any]) -> None:
        told = {member.name: ask(member) for member in self._members}
        measures = {of: Measure(*told[of][0]) for of in told}
        sample = Sample(name, time.monotonic() - self._began, measures, self._connections(), self._keys())
        self.samples.append(sample)
        self.stats = {of: {"outcomes": one[1], "cache": one[2], "threads": one[3]} for of, one in told.items()}

    def _connections(self) -> dict[str, int]:
        own = self._client.client_id()
        clients = [one for one in self._client.client_list() if int(one["id"]) != own]
        with psycopg.connect(self._dsn) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid != pg_backend_pid()"
            ).fetchone()
        assert row is not None
        return {"redis": len(clients), "postgres": row[0]}

    def _keys(self) -> dict[str, int]:
        """Count keys by kind; those without an end are a kind of their own."""
        found: Counter[str] = Counter()
        for name in self._client.scan_iter(count=1000):
            suffix = name.rpartition(b"}:")[2].decode() if name.startswith(b"{") else "value"
            found[suffix] += 1
            found["without an end"] += self._client.pttl(name) == -1
        return {**dict.fromkeys(("value", "lease", "bad", "good", "without an end"), 0), **found}

    def _gone(self) -> list[str]:
        """Wait until everything that guards have written has ended, and say what has not."""
        until = time.monotonic() + LONGEST
        while self._client.dbsize() and time.monotonic() < until:
            time.sleep(0.5)
        left = list(self._client.scan_iter(count=1000))
        return [f"{len(left)} keys are in Redis after {LONGEST:.0f} s: {left[:5]}"] if left else []

    def _write(self, problems: list[str] | None) -> None:
        facts = self._facts | {"faults": dict(self._faults.done), "processes": self.stats}
        DIRECTORY.mkdir(parents=True, exist_ok=True)
        text = report(self.samples, facts, problems)
        (DIRECTORY / "soak.md").write_text(text, encoding="utf-8")
        told = {**facts, "problems": problems, "samples": [sample.as_dict() for sample in self.samples]}
        (DIRECTORY / "soak.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        if problems is not None:
            print(text)


def _ended(member: Member) -> Any:
    told = member.ask("end")
    member.join()
    return told


@contextmanager
def soak(options: argparse.Namespace) -> Iterator[Soak]:
    """Start servers and processes for a soak."""
    with ExitStack() as stack:
        cache, database = stack.enter_context(redis_server()), stack.enter_context(postgres_server())
        near, far = stack.enter_context(Proxy(cache.port)), stack.enter_context(Proxy(database.port))
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="safecodec-soak-"))
        create_table(database.dsn, TABLE, truth(options.seed, USERS), scan_seconds=0.001)
        site = Site(
            redis=f"redis://127.0.0.1:{near.port}/0", postgres=database.dsn.replace(str(database.port), str(far.port)),
            table=TABLE, directory=directory, rate=options.rate, seed=options.seed,
        )  # fmt: skip
        started: Crew = stack.enter_context(crew("bench.soak_workers", "bench.soak_verdict", "bench.servers"))
        kinds = [blocking, blocking, awaited, awaited]
        members = [started.start(f"{kind.__name__} {at}", kind, site, at) for at, kind in enumerate(kinds)]
        started.await_ready(members)
        client = stack.enter_context(cache.client())
        faults = Faults(near, far, client, Random(options.seed))
        facts = {"minutes": options.minutes, "rate": options.rate, "seed": options.seed, "policy": repr(POLICY)}
        yield Soak(members, faults, client, database.dsn, facts)


def main(arguments: Sequence[str]) -> int:
    """Run; see the module.

    Returns:
        0 where everything is flat, else 1.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description="Soak guarded caches.")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--period", type=float, default=60.0, help="seconds between two measures")
    parser.add_argument("--rate", type=float, default=120.0, help="requests per second of all processes")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with soak(options) as running:
        return 0 if running.run(options.minutes, options.period) else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:]))
