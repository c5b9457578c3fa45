"""``safecodec demo``: the incident again, with bare Avro, with safecodec's codec alone, and with its guarded cache.

A fleet of readers takes configurations from a shared cache, with a database behind it, while something goes wrong.
Every value that is served is compared with the truth. Nothing of this is imported before the demo runs.
"""

from __future__ import annotations

import sys
import time
from argparse import ArgumentTypeError
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from safecodec.cli.terminal import readable_json, shown

from .replay.options import add_replay_arguments

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from .tally import Plan, Run

__all__ = ["add_arguments", "run"]


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return number


def add_arguments(parser: ArgumentParser) -> None:
    """Add the demo's options to its parser.

    Args:
        parser: The parser of ``safecodec demo``.
    """
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="the same seed gives the same numbers (%(default)s)"
    )
    parser.add_argument(
        "--reads", type=_positive, default=3000, metavar="N", help="reads for each fault and codec (%(default)s)"
    )
    parser.add_argument("--readers", type=_positive, metavar="N", help="readers in the fleet (8; 4 on real servers)")
    parser.add_argument(
        "--html",
        type=Path,
        metavar="PATH",
        help="where the page with the picture goes (safecodec-demo.html; safecodec-replay.html on real servers)",
    )
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON, and no table")
    add_replay_arguments(parser)


def run(arguments: Namespace) -> int:
    """Play every fault with every side, print the outcomes, and write the page.

    Args:
        arguments: The parsed options, see `add_arguments`.

    Returns:
        The exit code: 0 where safecodec served no wrong value and the guard kept the database within its rate, 1
        where not, or where a value was refused although nothing was wrong (a codec that refuses everything serves
        nothing wrong either), 2 where the demo could not run or its page could not be written.
    """
    if arguments.redis or arguments.postgres:
        from .replay import run_replay

        return run_replay(arguments)
    from .codecs import SIDES
    from .fleet import replay
    from .page import draw_page
    from .scenario import FAULTS
    from .tally import Plan

    plan = Plan(seed=arguments.seed, reads=arguments.reads, readers=arguments.readers or Plan().readers)
    started = time.perf_counter()
    if arguments.json:
        runs = replay(plan, SIDES)
    else:
        try:
            from . import report
        except ImportError as error:
            print(
                f"safecodec demo: the table needs rich ({error}); install it with: pip install 'safecodec[demo]',"
                " or print the numbers with --json",
                file=sys.stderr,
            )
            return 2
        with report.progress(plan.reads * len(FAULTS) * len(SIDES)) as after_read:
            runs = replay(plan, SIDES, after_read=after_read)
    seconds = time.perf_counter() - started
    path: Path = arguments.html or Path("safecodec-demo.html")
    try:
        path.write_text(draw_page(plan, runs), encoding="utf-8")
    except OSError as error:
        print(f"safecodec demo: cannot write the page to {shown(str(path))}: {error.strerror}", file=sys.stderr)
        return 2
    if arguments.json:
        print(readable_json(_as_json(plan, runs, path, seconds)))
    else:
        report.show(plan, runs, path, seconds)
    return int(not _are_promised(runs))


def _are_promised(runs: list[Run]) -> bool:
    from .codecs import Framed, Guarded
    from .scenario import CONTROL
    from .tally import is_promised

    return all(is_promised(run, control=CONTROL.name) for run in runs if run.codec in (Framed.name, Guarded.name))


def _as_json(plan: Plan, runs: list[Run], path: Path, seconds: float) -> dict[str, object]:
    from .tally import LOAD_RATE, READS_PER_SECOND

    return {
        "plan": asdict(plan) | {"window": list(plan.window)},
        "guard": {"load_rate": LOAD_RATE, "reads_per_second": READS_PER_SECOND},
        "runs": [asdict(run) | {"is_bounded": run.is_bounded} for run in runs],
        "as_promised": _are_promised(runs),
        "html": str(path.resolve()),
        "seconds": round(seconds, 3),
    }
