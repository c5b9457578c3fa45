"""``make replay``: starts a Redis and a PostgreSQL, and plays ``safecodec demo --redis --postgres`` on them."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence

from safecodec.cli import main

from .servers import ServerError, postgres_server, redis_server


def replay(arguments: Sequence[str]) -> int:
    """Play the incident on servers that are stopped at the end.

    Args:
        arguments: Further options of ``safecodec demo``.

    Returns:
        The exit code of ``safecodec demo``; 2 where a server did not start.
    """
    try:
        with redis_server() as cache, postgres_server() as database:
            return main(["demo", "--redis", cache.url, "--postgres", database.dsn, *arguments])
    except ServerError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    # Without a handler SIGTERM ends Python at once, and leaves the servers behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(replay(sys.argv[1:]))
