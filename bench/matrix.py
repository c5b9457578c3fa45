"""Every library on every sample, for information: who costs how much of what safecodec does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

from safecodec.bench.harness import Effort, best_times

from . import datasets, samples
from .peers import all_peers
from .samples import ACCOUNT, EVENT, NUMBERS, Sample

SMALL = Effort(rounds=30, seconds=0.002, budget=3.0)
LARGE = Effort(rounds=5, seconds=0.002, budget=6.0)

# Made one at a time: a 20 MB configuration is some 200,000 objects that nobody else needs.
SAMPLES: tuple[tuple[Callable[[], Sample], Effort], ...] = (
    (lambda: ACCOUNT, SMALL),
    (lambda: EVENT, SMALL),
    (lambda: NUMBERS, SMALL),
    (lambda: samples.wide(100), SMALL),
    (datasets.cars, SMALL),
    (lambda: datasets.flights(5000), SMALL),
    (lambda: samples.megabytes(1), SMALL),
    (lambda: samples.megabytes(20), LARGE),
)


@dataclass(frozen=True)
class Cell:
    """A library's work on a sample.

    Args:
        sample: The sample's name.
        peer: The library and what it returns.
        size: Bytes that it makes.
        encode: Seconds.
        decode: Seconds.
    """

    sample: str
    peer: str
    size: int
    encode: float
    decode: float

    def as_dict(self) -> dict[str, object]:
        """As JSON says it."""
        return asdict(self)


def measure(sample: Sample, effort: Effort) -> list[Cell]:
    """All libraries on one sample, in turns; safecodec's come first."""
    peers = all_peers(sample)
    encode = best_times([peer.encode for peer in peers], effort)
    decode = best_times([peer.decode for peer in peers], effort)
    return [
        Cell(sample.name, peer.label, peer.size, *seconds) for peer, *seconds in zip(peers, encode, decode, strict=True)
    ]


def matrix() -> Iterator[Cell]:
    """All samples."""
    for make, effort in SAMPLES:
        yield from measure(make(), effort)
