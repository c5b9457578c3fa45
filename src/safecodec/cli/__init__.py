"""The ``safecodec`` command: one module for each subcommand, with ``add_arguments(parser)`` and ``run(arguments)``.

A subcommand's module is imported when its name is on the command line, so that none pays for another.
"""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

COMMANDS: Final = {
    "inspect": "Check a frame and show its header, or name what is in its place.",
    "bench": "Measure a codec on your own values against other libraries, and compare with what was saved.",
    "demo": "Play the incident again, with bare Avro and with safecodec.",
    "version": "Show the versions of safecodec and of what it stands on.",
}
"""What each subcommand does; its module has its name."""
_INTERRUPTED: Final = 130
_PIPE_CLOSED: Final = 141


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="safecodec", description="A checked frame around serialized values.")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=text, description=text)
        if name in words:
            module = import_module(f".{name}", __name__)
            module.add_arguments(subparser)
            subparser.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a subcommand.

    Args:
        argv: The words behind the command's name; those of the process if None.

    Returns:
        The exit code: the subcommand's own, 130 after an interrupt, 141 where the reader of the output went away.

    Raises:
        SystemExit: Wrong usage (code 2), or help was asked for (code 0).
    """
    words = sys.argv[1:] if argv is None else argv
    for stream in (sys.stdout, sys.stderr):
        # A file's name need not be valid text: show it escaped rather than fail.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    arguments = _parser(words).parse_args(words)
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # The interpreter flushes once more when it ends; that must not fail again.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return _PIPE_CLOSED
    return code
