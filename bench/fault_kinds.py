"""The faults of the matrix: how each begins, goes on and ends."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final, Literal, TypeAlias

from proxies import cut_after, delay
from safecodec import Codec
from safecodec.cache import GuardedCache
from safecodec.cache.stores import StoreError
from safecodec.cache.stores.redis import RedisStore
from safecodec.cli.demo.configuration import UserConfigInserted, inserted
from safecodec.frame import Stamp

from .crew import Member
from .fault_readers import read, scribble
from .fault_stage import ROLE, Stage
from .users import SUBJECT, codec_of, key_of, physical

__all__ = ["NAMES", "Fault", "Touches", "faults_of"]

Touches: TypeAlias = Literal["nothing", "values", "store"]
"""The part of the store that a fault changes by itself: nothing, all values, or everything."""
HOUR: Final = 3600 * 1_000_000
NAMES: Final = (
    "every value corrupt", "wrong environment", "newer writer", "clock jump", "cold start", "Redis restarted empty",
    "failover", "Redis out of memory", "Redis refused", "Redis silent", "Redis cut", "PostgreSQL refused",
    "PostgreSQL slow", "PostgreSQL out of connections", "lease holder stopped", "file writer killed",
)  # fmt: skip
"""The names of all faults, in the order in which those of a pair begin."""


def _nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    Args:
        name: How the table calls it.
        text: How it is done.
        touches: The part of the store that it changes by itself.
        begin: Begins it.
        tick: Called again and again while it lasts.
        end: Ends it.
        keeps: Whether what it writes under the values' keys must never be overwritten.
    """

    name: str
    text: str
    touches: Touches
    begin: Callable[[], object]
    tick: Callable[[], object] = _nothing
    end: Callable[[], object] = _nothing
    keeps: bool = False


def faults_of(stage: Stage) -> Mapping[str, Fault]:
    """Return the faults by name, in the order in which those of a pair begin."""
    faults = [*_of_values(stage), *_of_redis(stage), *_of_postgres(stage), *_of_processes(stage)]
    found = {fault.name: fault for fault in faults}
    return {name: found[name] for name in NAMES}


# ---- values ----------------------------------------------------------------------------------------------------------


def _of_values(stage: Stage) -> Sequence[Fault]:
    random, place = Random(stage.place.seed), stage.place
    truth = place.truth()
    contexts = [key_of(user).encode() for user in range(place.users)]
    newer: Codec[Any] = Codec(UserConfigInserted, subject=SUBJECT, version=3, payload="avro", environment="production")

    def write(frame_of: Callable[[int], bytes]) -> None:
        with stage.twins.client() as client:
            pipe = client.pipeline(transaction=False)
            for user in range(place.users):
                pipe.set(physical(key_of(user)), frame_of(user), ex=600)
            pipe.execute()

    def corrupt(user: int) -> bytes:
        kind, frame = random.randrange(4), bytearray(codec_of().encode(truth[user], context=contexts[user]))
        if kind == 0:
            return b'{"plan": "free"}'
        if kind == 1:
            return codec_of().encode(truth[user - 1], context=contexts[user - 1])
        if kind == 2:
            return bytes(frame[: random.randrange(len(frame))])
        frame[random.randrange(len(frame))] ^= 1 << random.randrange(8)
        return bytes(frame)

    def staging(user: int) -> bytes:
        return codec_of("staging").encode(replace(truth[user], seats=0), context=contexts[user])

    def future(user: int) -> bytes:
        stamp = Stamp(load_start=time.time_ns() // 1000 + HOUR, fresh_for=8000)
        return codec_of().encode(truth[user], context=contexts[user], stamp=stamp)

    def shift(seconds: float) -> None:
        for member in stage.readers:
            member.tell(("shift", seconds))

    def jump() -> None:
        write(future)
        shift(20.0)

    def newest(user: int) -> bytes:
        return newer.encode(inserted(truth[user]), context=contexts[user])

    every = _Every(5)
    return (
        Fault("every value corrupt", "JSON, frames of other keys, cut frames and flipped bits, anew each half second",
              "values", lambda: write(corrupt), lambda: every(lambda: write(corrupt))),
        Fault("wrong environment", "frames of staging under production's keys, anew each half second", "values",
              lambda: write(staging), lambda: every(lambda: write(staging)), keeps=True),
        Fault("newer writer", "frames of version 3, which readers of version 2 cannot read, anew each half second",
              "values", lambda: write(newest), lambda: every(lambda: write(newest)), keeps=True),
        Fault("clock jump", "frames stamped an hour ahead; the store's clock goes 20 s ahead and 20 s back in turns",
              "values", jump, lambda: every(lambda: shift(random.choice((-20.0, 20.0)))), lambda: shift(0.0)),
    )  # fmt: skip


class _Every:
    """Lets every so many calls pass."""

    def __init__(self, count: int) -> None:
        self._count = self._left = count

    def __call__(self, act: Callable[[], object]) -> None:
        self._left -= 1
        if not self._left:
            self._left = self._count
            act()


# ---- Redis -----------------------------------------------------------------------------------------------------------


def _of_redis(stage: Stage) -> Sequence[Fault]:
    twins, random = stage.twins, Random(stage.place.seed)

    def mode(value: Any) -> Callable[[], None]:
        return lambda: setattr(twins.proxy, "mode", value() if callable(value) else value)

    def memory(limit: int) -> None:
        with twins.client() as client:
            client.config_set("maxmemory", limit)

    refuse, silent, cut = mode("refuse"), mode("silent"), mode(lambda: cut_after(random.randrange(300)))
    cold, good = _Cold(stage), mode("pass")
    return (
        Fault("cold start", "an empty store, and two new readers, one of them with the files of an old one", "store",
              cold.begin),
        Fault("Redis restarted empty", "the server is stopped and started again", "store", twins.restart),
        Fault("failover", "connections end, and lead to the replica, which is promoted at the end", "nothing",
              twins.lose_primary, _nothing, twins.promote),
        Fault("Redis out of memory", "maxmemory 1", "nothing", lambda: memory(1), _nothing, lambda: memory(0)),
        Fault("Redis refused", "connections are reset, and nobody listens", "nothing", refuse, refuse, good),
        Fault("Redis silent", "neither requests nor replies arrive", "nothing", silent, silent, good),
        Fault("Redis cut", "connections end in the middle of a reply, after 0 to 300 bytes", "nothing", cut, cut, good),
    )  # fmt: skip


class _Cold:
    """Starts new readers on an empty store."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def begin(self) -> None:
        stage = self._stage
        with stage.twins.client() as client:
            client.flushall()
        new = [
            stage.crew.start("new reader", read, stage.place, 4),
            stage.crew.start("new reader with files", read, stage.durable(), 5),
        ]
        stage.crew.await_ready(new)
        stage.newcomers += new


# ---- PostgreSQL ------------------------------------------------------------------------------------------------------


def _of_postgres(stage: Stage) -> Sequence[Fault]:
    def mode(value: Any) -> Callable[[], None]:
        return lambda: setattr(stage.far, "mode", value)

    def limit(count: int) -> None:
        stage.admin.execute(f"ALTER ROLE {ROLE} CONNECTION LIMIT {count}")

    def exhaust() -> None:
        limit(0)
        stage.admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", (ROLE,))

    refuse, slow, good = mode("refuse"), mode(delay(0.7)), mode("pass")
    return (
        Fault("PostgreSQL refused", "connections are reset, and nobody listens", "nothing", refuse, refuse, good),
        Fault("PostgreSQL slow", "each reply takes 0.7 s longer", "nothing", slow, slow, good),
        Fault("PostgreSQL out of connections", "those that there are end, and new ones are refused (53300)", "nothing",
              exhaust, _nothing, lambda: limit(-1)),
    )  # fmt: skip


# ---- processes -------------------------------------------------------------------------------------------------------


def _of_processes(stage: Stage) -> Sequence[Fault]:
    stopped, killed = _Stopped(stage), _Killed(stage)
    return (
        Fault("lease holder stopped", "SIGSTOP in the middle of its load; SIGCONT at the end", "nothing",
              stopped.begin, _nothing, stopped.end),
        Fault("file writer killed", "SIGKILL of a process that writes into a reader's files, again and again",
              "nothing", killed.begin, killed.tick, killed.end),
    )  # fmt: skip


class _Stopped:
    """Stops the holder of a lease."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._random = Random(stage.place.seed)

    def begin(self) -> None:
        stage, holder = self._stage, self._stage.holder
        assert holder is not None
        user = self._random.randrange(stage.place.users)
        with suppress(StoreError):  # where another fault keeps it from that
            self._expire(user)
        self._said = holder.ask(user)  # where it may not load, that is its answer
        os.kill(holder.pid, signal.SIGSTOP)

    def _expire(self, user: int) -> None:
        store = RedisStore.from_url(self._stage.place.redis, timeout=0.5)
        with GuardedCache(store, codec_of(), load=lambda _: None, policy=self._stage.place.policy) as cache:
            cache.expire(key_of(user))

    def end(self) -> None:
        holder = self._stage.holder
        assert holder is not None
        os.kill(holder.pid, signal.SIGCONT)
        if self._said == "loading":
            holder.hear()


class _Killed:
    """Kills a process that writes files, and starts another."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._count = 0
        self._writer: Member | None = None
        self.kills = 0

    def begin(self) -> None:
        self._count += 1
        self._writer = self._stage.crew.start("writer of files", scribble, self._stage.durable(), self._count)
        self._stage.crew.await_ready([self._writer])

    def tick(self) -> None:
        self.end()
        self.begin()

    def end(self) -> None:
        if self._writer is not None:
            self._stage.crew.dismiss(self._writer)
            self._writer = None
