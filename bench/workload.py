"""``python -m bench.workload NAME COUNT``: one piece of work on the record of ten fields, and nothing else.

What a profiler runs: it imports no peer, and between two counts of the same work only the work differs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from safecodec import Codec

from .harness import Work
from .samples import ACCOUNT


def codec(source: Any) -> Codec[Any]:
    """A codec of the record."""
    return Codec(source, subject="bench", version=1, environment="bench")


def decode() -> Work:
    """A frame to a Struct."""
    framed = codec(ACCOUNT.type)
    frame = framed.encode(ACCOUNT.value)
    return partial(framed.decode, frame)


def encode() -> Work:
    """A Struct to a frame."""
    framed = codec(ACCOUNT.type)
    return partial(framed.encode, ACCOUNT.value)


def decode_dict() -> Work:
    """A frame to a dict."""
    framed = codec(codec(ACCOUNT.type).schema().json)
    frame = framed.encode(ACCOUNT.plain)
    return partial(framed.decode, frame)


def encode_dict() -> Work:
    """A dict to a frame."""
    framed, value = codec(codec(ACCOUNT.type).schema().json), ACCOUNT.plain
    return partial(framed.encode, value)


WORKLOADS: dict[str, Callable[[], Work]] = {
    "decode": decode,
    "encode": encode,
    "decode-dict": decode_dict,
    "encode-dict": encode_dict,
}


def main(name: str, count: int) -> None:
    """Do a work a number of times."""
    work = WORKLOADS[name]()
    for _ in range(count):
        work()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
