"""``safecodec redis-acl``: rules by which Redis itself keeps environments apart, and a proof of them."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Final

from safecodec.cache.keys import escaped_name
from safecodec.cache.stores import CLAIM
from safecodec.errors import SafecodecError

from .redis_store import opened
from .terminal import shown

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

__all__ = ["add_arguments", "rules_of", "run"]

COMMANDS: Final = (
    # What a store calls.
    "get", "mget", "exists", "set", "time", "lrange", "evalsha", "eval",
    # What its scripts call, beside those.
    "getrange", "lindex", "lpush", "ltrim", "pexpire", "rename", "unlink",
    # What redis-py calls for a connection and for a cluster. Beside these, it tells its own name, and bears a refusal.
    "ping", "select", "readonly", "command", "cluster|slots", "cluster|shards", "cluster|nodes", "cluster|myid",
)  # fmt: skip
"""The commands that a user is allowed: none that lists keys, empties a database or configures the server."""
_GLOB: Final = re.compile(r"([*?\[\]\\])")
_QUOTED: Final = re.compile(r"[\"'\\]")


def _word(rule: str) -> str:
    """A rule as redis-cli takes it for one word."""
    return '"' + re.sub(r'(["\\])', r"\\\1", rule) + '"' if _QUOTED.search(rule) else rule


def rules_of(environment: str) -> list[str]:
    """Return a user's name and rules, each an argument of ``ACL SETUSER``.

    Args:
        environment: The environment whose keys the user may read and write.

    Raises:
        ConfigError: The environment has no name that keys may have.
    """
    name = escaped_name("environment", environment).decode()
    pattern = _GLOB.sub(r"\\\1", name)
    return [
        f"safecodec-{name}", "reset", "on", "resetchannels",
        f"~{pattern}:*", f"~{{{pattern}:*", f"%R~{CLAIM.decode()}",
        "-@all", *(f"+{command}" for command in COMMANDS),
    ]  # fmt: skip


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of ``safecodec redis-acl`` to its parser.

    Args:
        parser: The parser of the subcommand.
    """
    parser.epilog = (
        "For Redis 7 or later. The rules have no password: add >PASSWORD or #SHA256 to each, as a user without one "
        "cannot log in. With --probe, the user of the URL is that of the first ENVIRONMENT, and must not be able to "
        "write keys of the others. Exit code: 0, 1 where it is able to, 2 no answer or wrong use."
    )
    parser.add_argument("environments", nargs="+", metavar="ENVIRONMENT", help="an environment's name")
    parser.add_argument("--file", action="store_true", help="print lines of an ACL file instead of commands")
    parser.add_argument("--probe", action="store_true", help="print nothing, and prove the rules of a running server")
    parser.add_argument("--redis", metavar="URL", help="the server to prove, such as redis://USER:PASSWORD@HOST/0")
    parser.add_argument("--cluster", action="store_true", help="the URL is that of a node of a Redis Cluster")


def _complain(reason: object) -> int:
    print(f"safecodec redis-acl: {reason}", file=sys.stderr)
    return 2


def _probe(arguments: Namespace) -> int:
    own, *others = arguments.environments
    if arguments.redis is None or not others:
        return _complain("--probe needs --redis URL, the environment of its user, and at least one other environment")
    with opened(arguments.redis, cluster=arguments.cluster) as store:
        written = store.probe(others)
    for name in others:
        able = "can write keys" if name in written else "is refused (NOPERM)"
        print(f"{shown(name)}: the user of {shown(own)} {able}")
    return 1 if written else 0


def run(arguments: Namespace) -> int:
    """Print the rules of each environment, or prove them.

    Args:
        arguments: The parsed options, see `add_arguments`.

    Returns:
        The exit code: 0 good, 1 a foreign environment may be written, 2 no answer or wrong use.
    """
    try:
        if arguments.probe:
            return _probe(arguments)
        lines = [rules_of(name) for name in arguments.environments]
    except SafecodecError as error:
        return _complain(error)
    for user, *rules in lines:
        # A file is split at spaces, of which names have none, and describes users from nothing: it has no reset.
        file = ["user", user, *rules[1:]]
        print(" ".join(file if arguments.file else map(_word, ["ACL", "SETUSER", user, *rules])))
    return 0
