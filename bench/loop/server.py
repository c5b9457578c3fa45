"""The server that is measured: one small endpoint, and one that decodes a configuration from Redis.

``python -m bench.loop.server WAY SOCKET``: answers a byte with a byte, over TCP; prints its port.
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import fastavro
import redis.asyncio

from safecodec import Breathing

from ..framed import HEADER_SIZE, codec
from ..samples import Account, Configuration

PING, CONFIGURE = b"p", b"c"
KEY = "configuration"
IN_STEPS = "the same, gc=False, let go in steps"
STEP = 500
"""Rows that are freed at a time, which takes a quarter of a millisecond."""
DEFAULTS = "adecode, nothing set"
FREE: dict[str, Any] = {"hold_collector": False}
BREATHS: dict[str, dict[str, Any]] = {
    DEFAULTS: {},
    "adecode, by call, the collector free": FREE | {"breathing": Breathing("call")},
    "adecode, by release, the collector free": FREE,
    "adecode, the whole collector held": {"hold_collector": True},
    IN_STEPS: {"hold_collector": True},
}
IDLE, ON_LOOP, THREAD = "nothing", "decode on the loop", "fastavro in a thread"
WAYS = (IDLE, ON_LOOP, THREAD, *BREATHS)
"""How a configuration is decoded; where nothing is, none is asked for."""


class PlainAccount(Account, gc=False):
    """A row that the collector does not look at: it is in no cycle."""


class PlainConfiguration(Configuration, gc=False):
    """A configuration of such rows."""

    rows: list[PlainAccount]  # type: ignore[assignment]


Decode = Callable[[bytes], Awaitable[Any]]


def decoder(way: str) -> Decode:
    """Return what decodes in a way."""
    if way == THREAD:
        schema = fastavro.parse_schema(codec(Configuration).schema().json)

        def read(frame: bytes) -> Any:
            return fastavro.schemaless_reader(io.BytesIO(frame[HEADER_SIZE:]), schema, None)

        return lambda frame: asyncio.to_thread(read, frame)
    framed = codec(PlainConfiguration if way == IN_STEPS else Configuration, **BREATHS.get(way, {}))
    if way in BREATHS:
        return framed.adecode

    async def on_loop(frame: bytes) -> Any:
        return framed.decode(frame)

    return on_loop


async def let_go(rows: list[Any]) -> None:
    """Free rows in steps, between which the loop runs."""
    while rows:
        del rows[-STEP:]
        await asyncio.sleep(0)


async def serve(way: str, path: str) -> None:
    """Answer until the connection to who started this is closed."""
    client, decode = redis.asyncio.Redis(unix_socket_path=path), decoder(way)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while asked := await reader.read(1):
            if asked == CONFIGURE:
                frame = await client.get(KEY)
                assert isinstance(frame, bytes)
                value = await decode(frame)
                rows = value.rows if isinstance(value, Configuration) else value["rows"]
                asked = b"!" if rows else b"?"
                if way == IN_STEPS:
                    await let_go(rows)
                del value, rows
            writer.write(asked)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()
    await client.aclose()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2]))
