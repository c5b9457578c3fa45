"""``make fault-matrix``: every fault alone and in pairs, on real servers, with readers that are never restarted.

The table of docs/reference/fault-matrix.md is written by a run of all cells; a run of some writes nothing there.
"""

from __future__ import annotations

import argparse
import itertools
import json
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from .crew import CrewError
from .fault_cells import Cell, play
from .fault_kinds import Fault, faults_of
from .fault_stage import Stage, StageError, stage
from .fault_table import PAGE, page, summary
from .results import ROOT

RESULTS: Final = ROOT / "build" / "faults.json"
USERS: Final = 24


def chosen(names: Sequence[str], only: Sequence[str], sizes: Sequence[int]) -> Iterator[tuple[str, ...]]:
    """Return the cells: singles, then pairs.

    Args:
        names: All faults, in their order.
        only: Words; a cell is played where each of its faults' names has one of them; none is all.
        sizes: 1 for singles, 2 for pairs.
    """
    wanted = [name for name in names if not only or any(word.lower() in name.lower() for word in only)]
    for size in sizes:
        yield from itertools.combinations(wanted, size)


def run(
    players: Stage, faults: Mapping[str, Fault], cells: Sequence[tuple[str, ...]], seconds: float
) -> Iterator[Cell]:
    """Play cells, one after the other; readers that do not come to rest are replaced, and the cell has failed."""
    players.start_readers()
    for names in cells:
        try:
            players.reset()
            cell = play(players, [faults[name] for name in names], seconds)
        except (CrewError, StageError) as error:
            cell = Cell(names, players.place.policy, told=[str(error)])
            for member in list(players.crew.members):
                players.crew.dismiss(member)
            players.newcomers = []
            players.start_readers()
        yield cell


def main(arguments: Sequence[str]) -> int:
    """Run; see the module.

    Returns:
        0 where all laws hold in all cells, else 1.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.faults", description="Play the fault matrix.")
    parser.add_argument("--only", action="append", default=[], metavar="WORD", help="faults with this in their name")
    parser.add_argument("--seconds", type=float, default=1.5, help="how long faults last")
    parser.add_argument("--singles", action="store_true", help="no pairs")
    parser.add_argument("--pairs", action="store_true", help="no singles")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    sizes = [size for size, without in ((1, options.pairs), (2, options.singles)) if not without]
    played: list[Cell] = []
    began = time.monotonic()
    with stage(USERS, seed=options.seed) as players:
        faults = faults_of(players)
        cells = list(chosen(list(faults), options.only, sizes))
        for cell in run(players, faults, cells, options.seconds):
            played.append(cell)
            print(f"{len(played)}/{len(cells)} {time.monotonic() - began:.0f} s: {summary(cell)}", flush=True)
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps([one.as_dict() for one in played], indent=1) + "\n", encoding="utf-8")
        if not options.only and len(sizes) == 2:
            PAGE.write_text(page(played, faults, time.monotonic() - began, options.seconds, players), encoding="utf-8")
    return 0 if all(cell.holds for cell in played) else 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main(sys.argv[1:]))
