"""The options of ``safecodec demo --redis --postgres``. Nothing of the replay itself is imported for them."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, Final

from .stories import STORIES

if TYPE_CHECKING:
    from argparse import ArgumentParser

__all__ = ["add_replay_arguments"]

WAYS: Final = ("bare", "codec", "guard")


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 < number < 86_400:
        raise ArgumentTypeError(f"{text!r} is not a number above 0 and below 86400")
    return number


def add_replay_arguments(parser: ArgumentParser) -> None:
    """Add the options of a replay on real servers.

    Args:
        parser: The parser of ``safecodec demo``.
    """
    group = parser.add_argument_group(
        "on real servers",
        "With --redis and --postgres the demo is played by real processes on these servers. It creates one table, and"
        " keys that have its mark in them, and deletes both at the end.",
    )
    group.add_argument("--redis", metavar="URL", help="such as redis://localhost:6379/0")
    group.add_argument("--postgres", metavar="DSN", help="such as 'host=localhost dbname=test'")
    group.add_argument("--slip", choices=STORIES, default="serializer", help="what goes wrong (%(default)s)")
    group.add_argument(
        "--way", choices=WAYS, action="append", help="play this way alone; may be repeated (all of them)"
    )
    group.add_argument(
        "--keys",
        type=int,
        default=200,
        metavar="N",
        help="users, and so keys; each reader has read the first 1000 before (%(default)s)",
    )
    for name, default, text in (
        ("--slip-at", 10.0, "seconds until the slip goes live"),
        ("--back-at", 40.0, "seconds until it is taken back"),
        ("--end-at", 60.0, "seconds until the end"),
        ("--rate", 110.0, "requests per second that arrive at each reader"),
        ("--strike-rate", 30.0, "requests per second at the process that has the slip"),
        ("--load-rate", 10.0, "database loads per second that the guard allows the fleet"),
        ("--scan", 20.0, "milliseconds that one query of the database takes at least"),
    ):
        group.add_argument(name, type=_positive, default=default, metavar="N", help=f"{text} (%(default)g)")
    group.add_argument(
        "--second-copy", action="store_true", help="let the guard keep a second copy of good values in Redis"
    )
