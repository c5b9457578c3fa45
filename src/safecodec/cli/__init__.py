"""The ``safecodec`` command: one module for each subcommand, with ``add_arguments(parser)`` and ``run(arguments)``.

A subcommand's module is imported when its name is on the command line, so that none pays for another.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from importlib import import_module
from io import TextIOWrapper
from typing import TYPE_CHECKING, Final, NoReturn

from .terminal import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["main"]

COMMANDS: Final = {
    "inspect": "Check frames, show their headers and values, or name what is in their place.",
    "tag": "Show the tags of environments and subjects by name.",
    "bench": "Measure a codec on your own values against other libraries, and compare with what was saved.",
    "demo": "Play the incident again, with bare Avro, the codec alone and the guarded cache.",
    "claim": "Bind a Redis to an environment, so that a cache of another one refuses it.",
    "redis-acl": "Print the rules by which Redis keeps environments apart, and prove them.",
    "version": "Show the versions of safecodec and of what it stands on.",
}
"""What each subcommand does; its module has its name, with an underscore for a dash."""
_INTERRUPTED: Final = 130
_PIPE_CLOSED: Final = 141
_LONGEST_COMPLAINT: Final = 2_000


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints show no control characters: a file's name can be taken for an option."""

    def error(self, message: str) -> NoReturn:
        super().error(shown(message, _LONGEST_COMPLAINT))


class _Version(argparse.Action):
    """An option that prints the version of safecodec, which is looked up for nobody else."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        print(f"safecodec {import_module('.version', __name__).version_of('safecodec')}")
        parser.exit()


def _parsers(words: Sequence[str]) -> tuple[_Parser, dict[str, _Parser]]:
    """Return the parser, and those of subcommands by name. Only one that is among the words has its options."""
    parser = _Parser(
        prog="safecodec",
        description="A checked frame around serialized values.",
        epilog="Exit code: 0 good, 1 something that was looked at is not, 2 wrong use.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version of safecodec")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, text in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=text, description=text)
        if name in words:
            module = import_module(f".{name.replace('-', '_')}", __name__)
            module.add_arguments(subparser)
            subparser.set_defaults(run=module.run)
    return parser, subparsers.choices


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    # argparse suggests commands since CPython 3.14, and options nowhere: here both are, on every version.
    parser, commands = _parsers(words)
    command = next((word for word in words if not word.startswith("-")), None)
    if command is not None and command not in commands:
        known = ", ".join(COMMANDS)
        parser.error(f"there is no command {command!r}, expected one of {known}{_did_you_mean(command, COMMANDS)}")
    arguments, unknown = parser.parse_known_args(words)
    if unknown:
        used = commands.get(arguments.command, parser)
        mistyped = next((word for word in unknown if word.startswith("-")), "").partition("=")[0]
        options = re.findall(r"--[a-z-]+", used.format_usage() + parser.format_usage())
        used.error(f"unrecognized arguments: {' '.join(unknown)}{_did_you_mean(mistyped, options)}")
    if arguments.command is None:
        parser.error("the following arguments are required: COMMAND")
    return arguments


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
    arguments = _parsed(words)
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
