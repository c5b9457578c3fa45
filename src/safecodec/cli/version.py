"""``safecodec version``: what is installed, for a bug report."""

from __future__ import annotations

import json
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from safecodec.frame import crc32c_implementation, crc32c_implementations

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["add_arguments", "run", "version_of"]


def version_of(package: str) -> str:
    """Return the version of an installed package, or that there is none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of ``safecodec version`` to its parser.

    Args:
        parser: The parser of the subcommand.
    """
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: Namespace) -> int:
    """Print the versions.

    Args:
        arguments: The parsed options, see `add_arguments`.

    Returns:
        The exit code 0.
    """
    versions = {
        "safecodec": version_of("safecodec"),
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        "platform": platform.platform(),
        "crc32c": crc32c_implementation(),
        "msgspec": version_of("msgspec"),
        "fastavro": version_of("fastavro"),
    }
    if arguments.json:
        print(json.dumps({**versions, "crc32c_implementations": crc32c_implementations()}, indent=2))
        return 0
    for name, text in versions.items():
        print(f"{name:<10} {text}")
    return 0
