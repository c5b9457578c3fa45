"""What has a target: each comparison is a piece of work, whom it is compared with, and the ratio that passes.

Where the target is not met, the ceiling is what was measured: `bench/test_targets.py` fails above it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import google_crc32c
import msgspec

from safecodec import Codec, PayloadFormat, crc32c, pack, peek
from safecodec.bench.harness import THOROUGH, Effort, Work, best_times

from . import samples
from .peers import Peer, apache_avro, msgspec_orjson, ours
from .results import Result
from .samples import ACCOUNT, Account, NewerAccount, Revision, Session, Sessions

CRC_SIZES = {"100 B": 100, "1 KB": 1024, "100 KB": 102_400, "1 MB": 1 << 20}
CRC_TARGETS = ("100 B", "1 KB", "1 MB")
ROWS = {"10 KB": 50, "100 KB": 500, "1 MB": 5000}


@dataclass(frozen=True)
class Against:
    """Whom a work is compared with.

    Args:
        label: As tables call it.
        work: What it does; None is the nanosecond.
        target: The largest ratio to it that passes; None where it is for information.
        ceiling: The largest ratio that was measured, where the target is not met.
    """

    label: str
    work: Work | None
    target: float | None = None
    ceiling: float | None = None


@dataclass(frozen=True)
class Comparison:
    """A work and whom it is compared with.

    Args:
        name: What is done.
        work: Ours.
        others: The others.
        collector: Whether the garbage collector runs meanwhile.
    """

    name: str
    work: Work
    others: list[Against] = field(default_factory=list)
    collector: bool = False

    @property
    def has_target(self) -> bool:
        """Whether it is there for more than information."""
        return any(other.target is not None for other in self.others)

    def measure(self, effort: Effort = THOROUGH) -> Iterator[Result]:
        """All of them, taking turns."""
        works = [self.work, *(other.work for other in self.others if other.work is not None)]
        mine, *theirs = best_times(works, effort, self.collector)
        times = iter(theirs)
        for other in self.others:
            seconds = 1e-9 if other.work is None else next(times)
            yield Result(self.name, other.label, mine, seconds, other.target, other.ceiling)


def decoding(peer: Peer, target: float | None = None, ceiling: float | None = None) -> Against:
    """A peer's decoder as what is compared with."""
    return Against(peer.label, peer.decode, target, ceiling)


def encoding(peer: Peer, target: float | None = None, ceiling: float | None = None) -> Against:
    """A peer's encoder as what is compared with."""
    return Against(peer.label, peer.encode, target, ceiling)


def record_decoded() -> Iterator[Comparison]:
    """The record of ten fields, out of a frame."""
    msgpack, fastavro = msgspec_orjson.msgpack_struct(ACCOUNT), apache_avro.fastavro_dict(ACCOUNT)
    others = [decoding(msgpack, 0.65, 0.78), decoding(fastavro, 0.08, 0.082)]
    yield Comparison("Avro frame to Struct, 10 fields", ours.as_struct(ACCOUNT).decode, others)

    others = [
        decoding(msgspec_orjson.msgpack_dict(ACCOUNT), 0.75, 0.87),
        decoding(apache_avro.cavro_dict(ACCOUNT), 0.22),
        decoding(apache_avro.confluent_dict(ACCOUNT)),
    ]
    yield Comparison("Avro frame to dict, 10 fields", ours.as_dict(ACCOUNT).decode, others)


def one_version_behind() -> Iterator[Comparison]:
    """A frame of the version before, read by the codec of the newest."""
    newer, older = ours.codec(NewerAccount, older={1: Account}), ours.codec(Account)
    before, same = older.encode(ACCOUNT.value), newer.encode(samples.newer_account())
    other = Against("safecodec, same version", partial(newer.decode, same), 1.05)
    yield Comparison("Avro frame to Struct, writer one version behind", partial(newer.decode, before), [other])


def record_encoded() -> Iterator[Comparison]:
    """The record of ten fields, into a frame."""
    others = [encoding(msgspec_orjson.msgpack_struct(ACCOUNT), 0.60)]
    yield Comparison("Struct to Avro frame, 10 fields", ours.as_struct(ACCOUNT).encode, others)

    others = [encoding(apache_avro.fastavro_dict(ACCOUNT), 0.05, 0.053), encoding(apache_avro.confluent_dict(ACCOUNT))]
    yield Comparison("dict to Avro frame, 10 fields", ours.as_dict(ACCOUNT).encode, others)


def configuration_decoded() -> Iterator[Comparison]:
    """A megabyte of such records, whole and one field of it."""
    sample = samples.megabytes(1)
    framed = ours.codec(sample.type)
    frame = framed.encode(sample.value)
    peer = msgspec_orjson.msgpack_struct(sample)
    whole = partial(framed.decode, frame)
    yield Comparison("1 MB configuration, frame to Struct", whole, [decoding(peer, 0.70, 0.80)])
    yield Comparison("the same while the garbage collector runs", whole, [decoding(peer)], collector=True)

    one = partial(framed.reader(Revision).decode, frame)
    yield Comparison("one field out of 1 MB", one, [Against("safecodec, all of it", whole, 0.15)])


def round_trips() -> Iterator[Comparison]:
    """Encode and decode MessagePack and JSON, against msgspec alone."""
    values: dict[str, tuple[Any, Any]] = {"200 B": (Session, samples.session())}
    values |= {name: (Sessions, samples.sessions(rows)) for name, rows in ROWS.items()}
    targets: dict[str, dict[str, tuple[float, float | None]]] = {
        "msgpack": {"200 B": (1.15, None), "100 KB": (1.03, 1.04)},
        "json": {"10 KB": (1.10, None)},
    }
    modules: dict[PayloadFormat, Any] = {"msgpack": msgspec.msgpack, "json": msgspec.json}
    for payload, module in modules.items():
        for name, (type_, value) in values.items():
            framed = ours.codec(type_, payload)
            bare_encode, bare_decode = module.Encoder().encode, module.Decoder(type_).decode
            size = len(bare_encode(value))

            def mine(framed: Codec[Any] = framed, value: Any = value) -> object:
                return framed.decode(framed.encode(value))

            def theirs(encode: Any = bare_encode, decode: Any = bare_decode, value: Any = value) -> object:
                return decode(encode(value))

            bounds = targets[payload].get(name, (None, None))
            other = Against(f"msgspec {payload}", theirs, *bounds)
            yield Comparison(f"{payload} frame round trip, {name} ({size} B)", mine, [other])


def checksums() -> Iterator[Comparison]:
    """CRC-32C of bytes."""
    for name, size in CRC_SIZES.items():
        data = (bytes(range(256)) * (size // 256 + 1))[:size]
        other = Against("google-crc32c", partial(google_crc32c.value, data), 1.0 if name in CRC_TARGETS else None)
        yield Comparison(f"CRC-32C of {name}", partial(crc32c, data), [other])


def a_frame() -> bytes:
    """A frame of 200 bytes that are no value."""
    return pack(b"x" * 200, format="json", subject="s", version=1, fingerprint=b"abcd", environment=ours.ENVIRONMENT)


def headers() -> Iterator[Comparison]:
    """A header read from Python; the peer is the nanosecond, so the ratio is a time."""
    yield Comparison("peek, in ns", partial(peek, a_frame()), [Against("nanosecond", None, 150)])


SCENARIOS: tuple[Callable[[], Iterator[Comparison]], ...] = (
    record_decoded,
    one_version_behind,
    record_encoded,
    configuration_decoded,
    round_trips,
    checksums,
    headers,
)


def comparisons() -> Iterator[Comparison]:
    """All that is compared, with what it works on made when it is its turn."""
    for scenario in SCENARIOS:
        yield from scenario()


def targets(effort: Effort = THOROUGH) -> Iterator[Result]:
    """Every line of the table."""
    for comparison in comparisons():
        yield from comparison.measure(effort)
