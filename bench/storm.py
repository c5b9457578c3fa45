"""``make storm``: 100 readers in 10 processes, and 10,000 values that are corrupt, lost or not there, all at once.

Half of the processes have read every key before, and have it as last known good; the other half have read none. Redis
has a second copy of each value, and the database is asked for as much as the load rate allows, whatever happens.
"""

from __future__ import annotations

import argparse
import itertools
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from safecodec.cache import GuardPolicy
from safecodec.cache.keys import Keys
from safecodec.cli.demo.replay.accounts import worst_window
from safecodec.frame import Stamp

from .crew import Member
from .fault_readers import Account, read, read_awaited
from .fault_stage import Stage, stage
from .results import table
from .users import SUBJECT, codec_of, key_of, physical

USERS: Final = 10_000
PROCESSES: Final = 10
POLICY: Final = GuardPolicy(
    load_rate=20, load_concurrency=10, processes=PROCESSES, fresh=3600, store_timeout=0.5, keep_good=True,
    keys=2 * USERS,
)  # fmt: skip
BATCH: Final = 1000


def fill(players: Stage) -> None:
    """Put every value and its second copy into Redis."""
    codec, keys, truth = codec_of(), Keys("production", SUBJECT), players.place.truth()
    stamp = Stamp(load_start=time.time_ns() // 1000, fresh_for=int(POLICY.fresh * 1000))
    with players.twins.primary.client() as client:
        for start in range(0, USERS, BATCH):
            pipe = client.pipeline(transaction=False)
            for user in range(start, min(start + BATCH, USERS)):
                key = key_of(user)
                frame = codec.encode(truth[user], context=key.encode(), stamp=stamp)
                pipe.set(physical(key), frame)
                pipe.set(keys.side(key, "good"), frame)
            pipe.execute()


def spoil(players: Stage) -> None:
    """Overwrite every value at once."""
    with players.twins.primary.client() as client:
        client.mset({physical(key_of(user)): b'{"plan": "free"}' for user in range(USERS)})


def empty(players: Stage) -> None:
    """Delete everything."""
    with players.twins.primary.client() as client:
        client.flushall()


def lose(players: Stage) -> None:
    """Refuse connections."""
    players.twins.proxy.mode = "refuse"


STORMS: Final[dict[str, tuple[Callable[[Stage], None], bool]]] = {
    "every value corrupt": (spoil, True),
    "Redis lost": (lose, True),
    "cold: an empty store, new processes": (empty, False),
}
"""What happens, and whether processes have read anything before."""


def readers(players: Stage, are_warm: bool, threads: int, pause: float) -> list[Member]:
    """Start the processes, half of them with asyncio."""
    members = []
    for number in range(PROCESSES):
        place = replace(players.place, threads=threads, pause=pause, is_warm=are_warm and number % 4 < 2)
        entry = (read, read_awaited)[number % 2]
        name = f"{'warm' if place.is_warm else 'new'} {number}"
        members.append(players.crew.start(name, entry, place, number))
    players.crew.await_ready(members)
    return members


def storm(players: Stage, name: str, options: argparse.Namespace) -> tuple[str, ...]:
    """Play one storm, and return its line of the table."""
    happen, are_warm = STORMS[name]
    players.twins.proxy.mode = "pass"
    empty(players)
    if are_warm:
        fill(players)
    members = readers(players, are_warm, options.threads, options.pause)
    if not are_warm:
        happen(players)
    for member in members:
        member.tell("begin")
    if are_warm:
        time.sleep(1)
        happen(players)
    time.sleep(options.seconds)
    accounts: dict[str, Account] = {member.name: member.ask("tell") for member in members}
    for member in members:
        players.crew.dismiss(member)
    for of, account in accounts.items():
        print(f"{name}, {of}: {dict(account.counters)}", *account.errors[:1], sep="\n    ", flush=True)
    return line(name, accounts)


def line(name: str, accounts: dict[str, Account]) -> tuple[str, ...]:
    """Return a line of the table."""
    loads = sorted(itertools.chain.from_iterable(one.loads for one in accounts.values()))
    bound = worst_window(loads, POLICY.load_rate, POLICY.processes)
    most = max((sum(at <= other < at + 1 for other in loads) for at in loads), default=0)
    unanswered = {
        kind: sum(one.unanswered for of, one in accounts.items() if of.startswith(kind)) for kind in ("warm", "new")
    }
    sources = sum((one.sources for one in accounts.values()), accounts[next(iter(accounts))].sources.__class__())
    window = f"{bound.count} of {bound.allowed:.1f} in {bound.seconds:.2f} s"
    return (
        name, f"{sum(one.requests for one in accounts.values()):,}", str(sum(one.wrong for one in accounts.values())),
        str(len(loads)), str(most), window if bound.holds else f"**{window}**", str(unanswered["warm"]),
        str(unanswered["new"]), ", ".join(f"{source} {count:,}" for source, count in sources.most_common()),
    )  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    """Run; see the module."""
    parser = argparse.ArgumentParser(prog="python -m bench.storm", description="Corrupt 10,000 values at once.")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each storm is watched")
    parser.add_argument("--threads", type=int, default=10, help="readers of a process")
    parser.add_argument("--pause", type=float, default=0.2, help="seconds between a reader's requests")
    options = parser.parse_args(arguments)
    head = (
        "storm", "requests", "wrong", "loads", "most in 1 s", "fullest window", "unanswered, warm", "unanswered, new",
        "answers",
    )  # fmt: skip
    with stage(USERS, policy=POLICY) as players:
        lines = [storm(players, name, options) for name in STORMS]
    print(table(head, lines))
    return 0 if not any("**" in cell for one in lines for cell in one) else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:]))
