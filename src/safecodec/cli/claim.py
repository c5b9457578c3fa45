"""``safecodec claim``: bind a Redis to an environment."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from safecodec.cache.keys import escaped_name
from safecodec.errors import SafecodecError

from .redis_store import opened
from .terminal import shown

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["add_arguments", "run"]


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of ``safecodec claim`` to its parser.

    Args:
        parser: The parser of the subcommand.
    """
    parser.epilog = (
        "The name is kept under the key safecodec:environment. A cache compares it with its own environment before it "
        "uses the store. Exit code: 0 the store is bound to ENVIRONMENT, 1 it is bound to another, 2 no answer."
    )
    parser.add_argument("--redis", required=True, metavar="URL", help="such as redis://localhost:6379/0")
    parser.add_argument("--cluster", action="store_true", help="the URL is that of a node of a Redis Cluster")
    parser.add_argument("--force", action="store_true", help="bind it although it is bound to another environment")
    parser.add_argument("environment", metavar="ENVIRONMENT", help="the environment's name, such as production")


def run(arguments: Namespace) -> int:
    """Bind the store, and print what it is bound to.

    Args:
        arguments: The parsed options, see `add_arguments`.

    Returns:
        The exit code: 0 bound as asked, 1 bound to another environment, 2 no answer or wrong use.
    """
    name: str = arguments.environment
    try:
        escaped_name("environment", name)
        with opened(arguments.redis, cluster=arguments.cluster) as store:
            holder = store.bind(name, force=arguments.force)
    except SafecodecError as error:
        print(f"safecodec claim: {error}", file=sys.stderr)
        return 2
    if holder != name:
        print(f"this store is bound to {shown(holder)}, not to {shown(name)}: --force binds it anew")
        return 1
    print(f"this store is bound to {shown(name)}")
    return 0
