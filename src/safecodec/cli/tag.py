"""``safecodec tag``: the tags that stand for names in the headers of frames."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from safecodec.errors import ConfigError
from safecodec.frame import tag

from .terminal import as_json, shown

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["add_arguments", "run"]


def _tagged(name: str) -> tuple[str, str]:
    try:
        return name, tag(name).hex()
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of ``safecodec tag`` to its parser.

    Args:
        parser: The parser of the subcommand.
    """
    parser.epilog = (
        "A name has one tag, which is the same for an environment and for a subject: safecodec inspect shows both, and "
        "so do errors. Exit code: 0, or 2 where a name has no tag."
    )
    parser.add_argument(
        "names", nargs="+", type=_tagged, metavar="NAME", help="the name of an environment or of a subject"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object of names and tags")


def run(arguments: Namespace) -> int:
    """Print the tag of each name.

    Args:
        arguments: The parsed options, see `add_arguments`.

    Returns:
        The exit code 0.
    """
    if arguments.json:
        print(as_json(dict(arguments.names)))
        return 0
    for name, found in arguments.names:
        print(f"{found}  {shown(name)}")
    return 0
