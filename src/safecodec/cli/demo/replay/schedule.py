"""When everything of a replay happens, and how much of it there is."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Final
from uuid import uuid4

from ..configuration import UserConfig, random_config

__all__ = ["PHASES", "Schedule", "Site", "Table"]

PHASES: Final = ("before", "during", "after")
"""The parts of a run: until the slip, until it is taken back, until the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Load and times of one run; times are seconds since its start.

    Args:
        seed: The same seed asks for the same keys at the same times in each way.
        slip: The name of the slip.
        keys: Users, and so keys.
        seen: Keys, the first ones, that each reader has read before the start.
        readers: Processes of production.
        open_rate: Requests per second that arrive at each reader, whether or not it keeps up.
        threads: Threads of a reader that serve those.
        closed: Threads of a reader that send one request after the other.
        think: Seconds between the answer and the next request of such a thread.
        strike_rate: Requests per second at the process that has the slip.
        settle: Seconds of load before the start; they are not measured.
        slip_at: When the slip goes live.
        back_at: When it is taken back.
        end_at: When the last request arrives.
        grace: Seconds after the end until requests that still wait are given up.
        load_rate: Database loads per second that the guard allows the fleet.
        load_concurrency: Database loads at once that the guard allows the fleet.
        store_timeout: Seconds that Redis has to answer.
        load_timeout: Seconds that PostgreSQL has to answer.
        second_copy: Whether the guard keeps a second copy of good values in Redis.
    """

    seed: int = 1
    slip: str = "serializer"
    keys: int = 200
    seen: int = 1000
    readers: int = 4
    open_rate: float = 110.0
    threads: int = 16
    closed: int = 2
    think: float = 0.02
    strike_rate: float = 30.0
    settle: float = 2.0
    slip_at: float = 10.0
    back_at: float = 40.0
    end_at: float = 60.0
    grace: float = 5.0
    load_rate: float = 10.0
    load_concurrency: int = 4
    store_timeout: float = 0.2
    load_timeout: float = 5.0
    second_copy: bool = False

    def phase(self, at: float) -> str:
        """Name the part of the run that a time belongs to."""
        return PHASES[(at >= self.slip_at) + (at >= self.back_at)]

    def truth(self) -> list[UserConfig]:
        """Return the configuration of each user, which nobody changes during a run."""
        random = Random(f"{self.seed}:truth")
        return [random_config(random, user) for user in range(self.keys)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where a run takes place: every process of it is given this.

    Args:
        redis: The URL of the Redis, or of the proxy in front of it.
        postgres: The connection string of the PostgreSQL.
        schedule: Load and times.
        mark: A word in the name of the table and of every key, by which they can be told from all others.
    """

    redis: str
    postgres: str
    schedule: Schedule
    mark: str = field(default_factory=lambda: f"replay_{uuid4().hex[:12]}")

    @property
    def table(self) -> str:
        """The name of the table with the configurations."""
        return f"safecodec_{self.mark}"

    def key(self, user: int) -> str:
        """Return the logical key of a user, which frames are bound to."""
        return f"{self.mark}:{user}"


@dataclass(frozen=True, slots=True)
class Table:
    """The table that was created.

    Args:
        name: Its name, which no other run uses.
        rows: How many rows it has.
        scan_seconds: The least time of one fallback query.
        server: The version of the server.
    """

    name: str
    rows: int
    scan_seconds: float
    server: str
