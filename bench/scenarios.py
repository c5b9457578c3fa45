"""What has a target: each line is a piece of work, whom it is compared with, and the ratio that passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import google_crc32c
import msgspec

from safecodec import Codec, crc32c, pack, peek
from safecodec.bench.harness import THOROUGH, Effort, Work, best_times, compare

from . import samples
from .peers import Peer, apache_avro, msgspec_orjson, ours
from .results import Result
from .samples import ACCOUNT, Account, NewerAccount, Revision, Session, Sessions

Scenario = Callable[[Effort], Iterator[Result]]
Against = tuple[str, Work, float | None]
"""A peer's label, its work, and the target of the ratio to it."""

CRC_SIZES = {"100 B": 100, "1 KB": 1024, "100 KB": 102_400, "1 MB": 1 << 20}
CRC_TARGETS = ("100 B", "1 KB", "1 MB")
ROWS = {"10 KB": 50, "100 KB": 500, "1 MB": 5000}


def against(name: str, work: Work, others: list[Against], effort: Effort) -> Iterator[Result]:
    """Compare one work with several peers, all taking turns."""
    mine, *theirs = best_times([work, *(other for _, other, _ in others)], effort)
    for (label, _, target), seconds in zip(others, theirs, strict=True):
        yield Result(name, label, mine, seconds, target)


def decoding(peer: Peer, target: float | None = None) -> Against:
    """A peer's decoder as what is compared with."""
    return peer.label, peer.decode, target


def encoding(peer: Peer, target: float | None = None) -> Against:
    """A peer's encoder as what is compared with."""
    return peer.label, peer.encode, target


def record_decoded(effort: Effort) -> Iterator[Result]:
    """The record of ten fields, out of a frame."""
    msgpack, fastavro = msgspec_orjson.msgpack_struct(ACCOUNT), apache_avro.fastavro_dict(ACCOUNT)
    others = [decoding(msgpack, 0.65), decoding(fastavro, 0.08)]
    yield from against("Avro frame to Struct, 10 fields", ours.as_struct(ACCOUNT).decode, others, effort)

    others = [
        decoding(msgspec_orjson.msgpack_dict(ACCOUNT), 0.75),
        decoding(apache_avro.cavro_dict(ACCOUNT), 0.22),
        decoding(apache_avro.confluent_dict(ACCOUNT)),
    ]
    yield from against("Avro frame to dict, 10 fields", ours.as_dict(ACCOUNT).decode, others, effort)


def one_version_behind(effort: Effort) -> Iterator[Result]:
    """A frame of the version before, read by the codec of the newest."""
    newer, older = ours.codec(NewerAccount, older={1: Account}), ours.codec(Account)
    before, same = older.encode(ACCOUNT.value), newer.encode(samples.newer_account())
    seconds = compare(partial(newer.decode, before), partial(newer.decode, same), effort)
    yield Result("Avro frame to Struct, writer one version behind", "safecodec, same version", *seconds, 1.05)


def record_encoded(effort: Effort) -> Iterator[Result]:
    """The record of ten fields, into a frame."""
    others = [encoding(msgspec_orjson.msgpack_struct(ACCOUNT), 0.60)]
    yield from against("Struct to Avro frame, 10 fields", ours.as_struct(ACCOUNT).encode, others, effort)

    others = [encoding(apache_avro.fastavro_dict(ACCOUNT), 0.05), encoding(apache_avro.confluent_dict(ACCOUNT))]
    yield from against("dict to Avro frame, 10 fields", ours.as_dict(ACCOUNT).encode, others, effort)


def configuration_decoded(effort: Effort) -> Iterator[Result]:
    """A megabyte of such records, whole and one field of it."""
    sample = samples.megabytes(1)
    framed = ours.codec(sample.type)
    frame = framed.encode(sample.value)
    others = [decoding(msgspec_orjson.msgpack_struct(sample), 0.70)]
    whole = partial(framed.decode, frame)
    yield from against("1 MB configuration, frame to Struct", whole, others, effort)
    label, theirs, _ = others[0]
    seconds = compare(whole, theirs, effort, collector=True)
    yield Result("the same while the garbage collector runs", label, *seconds)

    one = partial(framed.reader(Revision).decode, frame)
    yield Result("one field out of 1 MB", "safecodec, all of it", *compare(one, whole, effort), 0.15)


def round_trips(effort: Effort) -> Iterator[Result]:
    """Encode and decode MessagePack and JSON, against msgspec alone."""
    values: dict[str, tuple[Any, Any]] = {"200 B": (Session, samples.session())}
    values |= {name: (Sessions, samples.sessions(rows)) for name, rows in ROWS.items()}
    targets = {"200 B": 1.25, "100 KB": 1.03}
    for payload, module in (("msgpack", msgspec.msgpack), ("json", msgspec.json)):
        for name, (type_, value) in values.items():
            framed = ours.codec(type_, payload)
            bare_encode, bare_decode = module.Encoder().encode, module.Decoder(type_).decode
            size = len(bare_encode(value))

            def mine(framed: Codec[Any] = framed, value: Any = value) -> object:
                return framed.decode(framed.encode(value))

            def theirs(encode: Any = bare_encode, decode: Any = bare_decode, value: Any = value) -> object:
                return decode(encode(value))

            target = targets.get(name) if payload == "msgpack" else None
            work = f"{payload} frame round trip, {name} ({size} B)"
            yield Result(work, f"msgspec {payload}", *compare(mine, theirs, effort), target)


def checksums(effort: Effort) -> Iterator[Result]:
    """CRC-32C of bytes."""
    for name, size in CRC_SIZES.items():
        data = (bytes(range(256)) * (size // 256 + 1))[:size]
        seconds = compare(partial(crc32c, data), partial(google_crc32c.value, data), effort)
        yield Result(f"CRC-32C of {name}", "google-crc32c", *seconds, 1.0 if name in CRC_TARGETS else None)


def a_frame() -> bytes:
    """A frame of 200 bytes that are no value."""
    return pack(b"x" * 200, format="json", subject="s", version=1, fingerprint=b"abcd", environment=ours.ENVIRONMENT)


def headers(effort: Effort) -> Iterator[Result]:
    """A header read from Python; the peer is the nanosecond, so the ratio is a time."""
    frame = a_frame()
    (seconds,) = best_times([partial(peek, frame)], effort)
    yield Result("peek, in ns", "nanosecond", seconds, 1e-9, 150)


SCENARIOS: tuple[Scenario, ...] = (
    record_decoded,
    one_version_behind,
    record_encoded,
    configuration_decoded,
    round_trips,
    checksums,
    headers,
)


def targets(effort: Effort = THOROUGH) -> Iterator[Result]:
    """Every line of the table."""
    for scenario in SCENARIOS:
        yield from scenario(effort)
