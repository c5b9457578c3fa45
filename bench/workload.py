"""Pieces of work, and nothing else: what `make profile` and `make bench-gate` run.

It imports no peer, and of safecodec only what older revisions have too:
the gate runs it on them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from safecodec import Codec, avro, peek
from safecodec.avro.compile import decoder

from .samples import ACCOUNT, EVENT, Configuration, Sample, configuration, wide

Work = Callable[[], object]

ROWS_OF_100_KB = 935
SIZES: dict[str, Callable[[], Sample]] = {
    "small": lambda: EVENT,
    "wide": lambda: wide(200),
    "large": lambda: Sample("100 KB", Configuration, configuration(ROWS_OF_100_KB)),
}


def codec(source: Any) -> Codec[Any]:
    """A codec of a sample's type or schema."""
    return Codec(source, subject="bench", version=1, environment="bench")


def decode(sample: Sample) -> Work:
    """A frame to a Struct."""
    framed = codec(sample.type)
    frame = framed.encode(sample.value)
    return partial(framed.decode, frame)


def encode(sample: Sample) -> Work:
    """A Struct to a frame."""
    framed = codec(sample.type)
    return partial(framed.encode, sample.value)


def decode_dict(sample: Sample) -> Work:
    """A frame to a dict."""
    framed = codec(codec(sample.type).schema().json)
    frame = framed.encode(sample.plain)
    return partial(framed.decode, frame)


def encode_dict(sample: Sample) -> Work:
    """A dict to a frame."""
    framed, value = codec(codec(sample.type).schema().json), sample.plain
    return partial(framed.encode, value)


def read_header(sample: Sample) -> Work:
    """A frame's header."""
    frame = codec(sample.type).encode(sample.value)
    return partial(peek, frame)


def resolve(sample: Sample) -> Work:
    """A plan that reads the type's payloads as those of a type with one field more."""
    newer = msgspec.defstruct("Newer", [("added", int, 0)], bases=(sample.type,))
    return partial(decoder, avro.Schema(sample.type), avro.Schema(newer))


WORKS: dict[str, Callable[[Sample], Work]] = {
    "encode": encode,
    "decode": decode,
    "peek": read_header,
    "resolve": resolve,
}


def made(work: Callable[[Sample], Work], size: Callable[[], Sample]) -> Work:
    """A work on a sample that is made now."""
    return work(size())


WORKLOADS: dict[str, Callable[[], Work]] = {
    "decode": partial(decode, ACCOUNT),
    "encode": partial(encode, ACCOUNT),
    "decode-dict": partial(decode_dict, ACCOUNT),
    "encode-dict": partial(encode_dict, ACCOUNT),
    **{f"{work}-{size}": partial(made, WORKS[work], SIZES[size]) for work in WORKS for size in SIZES},
}
"""Of the record of ten fields, and of the gate."""


def work_of(name: str) -> Work:
    """The work of a name."""
    return WORKLOADS[name]()
