"""``safecodec demo --redis URL --postgres DSN``: the incident on real servers, by real processes.

Every way is played with the same seed: a cache is filled, processes of production read it under steady load, another
process has the slip for a while. The database's own counters say what that cost.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack, closing
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safecodec.cli.terminal import readable_json, shown
from safecodec.errors import SafecodecError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence

    from .accounts import Run
    from .schedule import Schedule, Table
    from .served import Way

__all__ = ["run_replay"]


def run_replay(arguments: Namespace) -> int:
    """Play the incident in each way, print the outcomes, and write the page.

    Args:
        arguments: The parsed options, see `safecodec.cli.demo.add_arguments`.

    Returns:
        The exit code: 0 where safecodec served no wrong value and the guard kept its bound, 1 where not, 2 where the
        replay could not run or its page could not be written.
    """
    complaint = _complaint(arguments)
    if complaint:
        print(f"safecodec demo: {complaint}", file=sys.stderr)
        return 2
    from .driver import ReplayError
    from .postgres import LoadError
    from .redis_cache import CacheError

    started = time.perf_counter()
    schedule = _schedule(arguments)
    try:
        with ExitStack() as stack:
            watch: Callable[[Run, int], None] = _look_away
            if not arguments.json:
                from .screen import watching

                watch = stack.enter_context(watching(len(_ways(arguments)), schedule.end_at))
            table, servers, runs = _play(arguments, schedule, watch)
    except (ReplayError, LoadError, CacheError, SafecodecError) as error:
        print(f"safecodec demo: the replay did not run: {error}", file=sys.stderr)
        return 2
    return _tell(arguments, schedule, table, servers, runs, time.perf_counter() - started)


def _look_away(run: Run, second: int) -> None:
    del run, second


def _complaint(arguments: Namespace) -> str:
    """What keeps the replay from running; empty where nothing does."""
    if not arguments.redis or not arguments.postgres:
        return "a replay on real servers needs both --redis URL and --postgres DSN"
    if not arguments.slip_at < arguments.back_at <= arguments.end_at:
        return "the times must follow each other: --slip-at, --back-at, --end-at"
    if arguments.keys < 1:
        return "--keys must be at least 1"
    if arguments.slip == "lost" and not arguments.redis.startswith("redis://"):
        return "--slip lost puts a proxy in front of Redis, and needs a URL such as redis://localhost:6379/0"
    for name in ("psycopg", "redis", *(() if arguments.json else ("rich",))):
        try:
            import_module(name)
        except ImportError as error:
            return f"a replay needs {name} ({error}); install it with: pip install 'safecodec[demo]'"
    return ""


def _schedule(arguments: Namespace) -> Schedule:
    from .schedule import Schedule

    return Schedule(
        seed=arguments.seed,
        slip=arguments.slip,
        keys=arguments.keys,
        readers=arguments.readers or Schedule().readers,
        open_rate=arguments.rate,
        strike_rate=arguments.strike_rate,
        settle=min(Schedule().settle, arguments.slip_at),
        slip_at=arguments.slip_at,
        back_at=arguments.back_at,
        end_at=arguments.end_at,
        load_rate=arguments.load_rate,
        second_copy=arguments.second_copy,
    )


def _ways(arguments: Namespace) -> list[Way]:
    from .ways import ways

    return [way for name, way in ways().items() if name in (arguments.way or ways())]


def _play(
    arguments: Namespace, schedule: Schedule, watch: Callable[[Run, int], None]
) -> tuple[Table, dict[str, str], list[Run]]:
    from .driver import play
    from .postgres import Observer, create_table, drop_table
    from .redis_cache import RedisCache
    from .schedule import Site

    site = Site(redis=arguments.redis, postgres=arguments.postgres, schedule=schedule)
    with closing(RedisCache(site.redis, timeout=10)) as cache:
        servers = {"redis": cache.version()}
    try:
        table = create_table(site.postgres, site.table, schedule.truth(), scan_seconds=arguments.scan / 1000)
        with closing(Observer(site.postgres, site.table)) as observer:
            servers |= {"postgresql": table.server, "counted by": observer.source}
        runs = [play(way, site, watch) for way in _ways(arguments)]
    finally:
        drop_table(site.postgres, site.table)
    return table, servers, runs


def _tell(
    arguments: Namespace,
    schedule: Schedule,
    table: Table,
    servers: dict[str, str],
    runs: Sequence[Run],
    seconds: float,
) -> int:
    from .replay_page import draw_replay
    from .stories import STORIES
    from .tabulate import load_text

    path: Path = arguments.html or Path("safecodec-replay.html")
    machine = ", ".join(f"{name} {text}" for name, text in servers.items())
    try:
        path.write_text(draw_replay(schedule, table, machine, runs), encoding="utf-8")
    except OSError as error:
        print(f"safecodec demo: cannot write the page to {shown(str(path))}: {error.strerror}", file=sys.stderr)
        return 2
    if arguments.json:
        document: dict[str, Any] = {
            "schedule": asdict(schedule),
            "servers": servers,
            "table": asdict(table),
            "ways": [run.as_dict() for run in runs],
            "html": str(path.resolve()),
            "seconds": round(seconds, 3),
        }
        print(readable_json(document))
    else:
        from .screen import show_runs

        show_runs(STORIES[schedule.slip].title, runs, [load_text(schedule, table), machine], path)
    own = [run for run in runs if run.way != "bare"]
    return int(any(run.wrong or (run.bound is not None and not run.bound.holds) for run in own))
