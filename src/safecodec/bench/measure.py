"""What a codec takes on its samples, and what other libraries take on the same values in the same run."""

from __future__ import annotations

import json
import os
import platform
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..errors import ConfigError
from ..frame import crc32c_implementation
from .harness import best_times
from .instructions import Program
from .peers import OURS, peers_of
from .report import Line, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .harness import Effort
    from .peers import Peer
    from .source import Source

__all__ = ["WORKS", "measure"]

WORKS: Final[dict[str, Callable[[Peer], Callable[[], object]]]] = {
    "encode": lambda peer: peer.encode,
    "decode": lambda peer: peer.decode,
}
BYTES_COUNTED: Final = 2_000_000
MOST_CALLS, FEWEST_CALLS = 2000, 5


def measure(source: Source, effort: Effort | None) -> Report:
    """Measure all samples.

    Args:
        source: The codec and its samples.
        effort: How long to look; None counts instructions instead.

    Raises:
        ConfigError: The source is wrong, or there is no other library to compare with.
        ProgramError: Instructions could not be counted.
    """
    codec, samples = source.load()
    report = Report("instructions" if effort is None else "seconds", machine())
    for name, value in samples.items():
        peers, left_out = peers_of(codec, value)
        report.left_out.update({f"{name}: {peer}": reason for peer, reason in left_out.items()})
        report.lines += _lines(name, "size", peers, [peer.size for peer in peers])
        for work, pick in WORKS.items():
            if effort is None:
                costs = _counted(source, name, work, peers)
            else:
                costs = best_times([pick(peer) for peer in peers], effort)
            report.lines += _lines(name, work, peers, costs)
    if not report.lines:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in report.left_out.items())
        raise ConfigError(f"there is no library to compare with ({reasons})")
    return report


def _lines(sample: str, work: str, peers: Sequence[Peer], costs: Sequence[float]) -> Iterator[Line]:
    ours, *others = costs
    for peer, theirs in zip(peers[1:], others, strict=True):
        yield Line(sample, work, peer.name, ours, theirs)


def _counted(source: Source, sample: str, work: str, peers: Sequence[Peer]) -> list[float]:
    """Return the instructions of one call of each, counted on all cores."""
    # By bytes and not by time: the same calls are counted in each run.
    calls = max(FEWEST_CALLS, min(MOST_CALLS, BYTES_COUNTED // peers[0].size))

    def count(peer: Peer) -> float:
        task = json.dumps({"source": asdict(source), "sample": sample, "work": work, "peer": peer.name})
        return Program("safecodec.bench.worker:work_of", (task,), Path.cwd(), os.environ).instructions(
            calls, 2 + calls // 20
        )

    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return list(threads.map(count, peers))


def machine() -> dict[str, str]:
    """Return what a figure depends on besides the codec: interpreter, processor's family, versions."""
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "machine": f"{platform.system()} {platform.machine()}",
        "crc32c": crc32c_implementation(),
        **{name: _version_of(name) for name in (OURS, "msgspec", "fastavro")},
    }


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
