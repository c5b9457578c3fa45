"""The same decode in a process of its own: what that does to a loop is the machine's doing, and no interpreter's."""

from __future__ import annotations

import gc
import os
import sys
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

from ..peers import ours
from ..samples import Sample

NAME = "safecodec, in another process"


class Apart:
    """Another process that decodes a sample when it is told to, holding a GIL that is not this one's.

    Args:
        sample: What it decodes.
    """

    def __init__(self, sample: Sample) -> None:
        context = get_context("spawn")
        self._connection, other = context.Pipe()
        frame = ours.codec(sample.type).encode(sample.value)
        self._process = context.Process(target=_serve, args=(other, sample.type, frame))
        self._process.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.send(None)
        self._process.join()

    def decode(self) -> None:
        """Have it decode, on the cores and with the collector as they are here, and wait until it has."""
        self._ask(True)

    def free(self) -> None:
        """Have it drop the value, and wait until it has."""
        self._ask(False)

    def _ask(self, decodes: bool) -> None:
        cores = os.sched_getaffinity(0) if sys.platform == "linux" else set()
        self._connection.send((decodes, cores, gc.isenabled()))
        self._connection.recv()


def _serve(connection: Connection[Any, Any], type_: type, frame: bytes) -> None:
    codec = ours.codec(type_)
    value = None
    while order := connection.recv():
        decodes, cores, collects = order
        if cores:
            os.sched_setaffinity(0, cores)
        (gc.enable if collects else gc.disable)()
        value = codec.decode(frame) if decodes else None
        connection.send(value is None)
