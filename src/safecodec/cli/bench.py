"""``safecodec bench``: a codec of yours on values of yours, against other libraries in the same process.

Times say more about the machine than about the codec, so what is saved and compared is the ratio to a library on the
same value in the same run.
"""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final

from safecodec.bench.harness import BRIEF, THOROUGH, pinned
from safecodec.bench.instructions import ProgramError, can_count
from safecodec.bench.measure import measure
from safecodec.bench.report import Report
from safecodec.bench.source import Source
from safecodec.errors import LONGEST_MESSAGE, ConfigError, SafecodecError

from .terminal import readable_json, shown

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from safecodec.bench.report import Line, Worse

__all__ = ["add_arguments", "run"]

AGAIN: Final = 2
"""How often all is measured again where something seems worse."""


def _share(text: str) -> float:
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share < float("inf"):
        raise ArgumentTypeError(f"{text!r} is no share such as 10% or 0.1")
    return share


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of ``safecodec bench`` to its parser.

    Args:
        parser: The parser of the subcommand.
    """
    parser.epilog = "Exit code: 0 done and nothing worse, 1 something is worse, 2 it could not be measured or compared."
    parser.add_argument("codec", metavar="MODULE:CODEC", help="the codec, or a function that returns it")
    parser.add_argument(
        "--sample",
        action="append",
        default=[],
        metavar="FILE",
        help="a value as JSON, or a frame of the codec; may be given more than once",
    )
    parser.add_argument(
        "--samples", default="", metavar="MODULE:VALUES", help="a list or dict of values, or a function that returns it"
    )
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument("--quick", action="store_true", help="fewer rounds")
    ways.add_argument(
        "--instructions", action="store_true", help="count instructions in place of time: slow, and wants valgrind"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object, and no table")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument("--compare", type=Path, metavar="FILE", help="compare the ratios with those that were saved")
    parser.add_argument(
        "--fail-over",
        type=_share,
        default=0.1,
        metavar="SHARE",
        help="how much a ratio may rise before it is worse (10%%)",
    )


def _measured(arguments: Namespace, before: Report | None) -> tuple[Report, list[Worse]]:
    """Measure, and again where something seems worse; return the figures and what stays worse."""
    source = Source(arguments.codec, tuple(arguments.sample), arguments.samples)
    effort = None if arguments.instructions else BRIEF if arguments.quick else THOROUGH
    report = measure(source, effort)
    if before is None:
        return report, []
    worse = report.worse_than(before, arguments.fail_over)
    for _ in range(0 if effort is None else AGAIN):
        if not worse:
            break
        report = report.best(measure(source, effort))
        worse = report.worse_than(before, arguments.fail_over)
    return report, worse


def _figure(line: Line, unit: str) -> tuple[str, str]:
    if line.work == "size":
        return f"{line.ours:,.0f} B", f"{line.theirs:,.0f} B"
    if unit == "instructions":
        return f"{line.ours:,.0f}", f"{line.theirs:,.0f}"
    return f"{line.ours * 1e6:,.3f} µs", f"{line.theirs * 1e6:,.3f} µs"


def _print_text(report: Report) -> None:
    print(", ".join(f"{name} {shown(text)}" for name, text in report.machine.items()))
    print(f"| sample | work | compared with | ours | theirs | ratio |\n|{'---|' * 3}{'---:|' * 3}")
    for line in report.lines:
        print(f"| {' | '.join((*map(shown, line.key), *_figure(line, report.unit)))} | {line.ratio:.3f} |")
    for name, reason in report.left_out.items():
        print(f"left out: {shown(name)}: {shown(reason)}")


def _bench(arguments: Namespace) -> int:
    if arguments.instructions and not can_count():
        raise ConfigError("there is no valgrind to count instructions with")
    before = None if arguments.compare is None else Report.load(arguments.compare)
    report, worse = _measured(arguments, before)
    if arguments.json:
        print(readable_json(report.as_dict()))
    else:
        _print_text(report)
    # What is worse is not saved in place of what it is compared with: the next run would find nothing.
    if arguments.save is not None and not (worse and arguments.save.resolve() == arguments.compare.resolve()):
        report.save(arguments.save)
    for line in worse:
        print(f"worse: {shown(str(line), LONGEST_MESSAGE)}", file=sys.stderr)
    return int(bool(worse))


def run(arguments: Namespace) -> int:
    """Measure a codec, print the figures, save and compare them.

    Args:
        arguments: The parsed options, see `add_arguments`.

    Returns:
        The exit code: 0 where nothing is worse, 1 where something is, 2 where it could not be measured or compared.
    """
    try:
        # Instructions are counted in other processes, on all cores.
        with nullcontext() if arguments.instructions else pinned():
            return _bench(arguments)
    except (SafecodecError, ProgramError) as error:
        lines = str(error).splitlines()  # of a program that failed, all that it said
        print("safecodec bench: " + "\n".join(shown(line, LONGEST_MESSAGE) for line in lines), file=sys.stderr)
        return 2
