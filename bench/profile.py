"""``make profile``: instructions of one call, by function, counted under callgrind on a build with symbols.

Instructions repeat where times do not. A run of few calls is subtracted from a run of many, so that importing and
building the codec, which take far more than a call, do not show.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from .callgrind import costs
from .results import PROFILE, ROOT
from .workload import WORKLOADS

BUILD = ROOT / "build" / "profile"
WARM = 100
"""Calls in both runs: what only a first call does is no part of a call."""


def run(work: str, calls: int, *under: str) -> None:
    """Run a number of calls of a work in a process of its own, under a program or as it is."""
    command = [*under, sys.executable, "-m", "bench.workload", work, str(calls)]
    # Hashes of text decide how dicts collide, and the environment where the stack begins.
    paths = os.pathsep.join((str(BUILD / "src"), str(ROOT)))
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": paths, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, cwd=BUILD, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")


def count(work: str, calls: int) -> Counter[tuple[str, str]]:
    """Instructions by object file and function, of a number of calls of a work and all around them."""
    out = BUILD / f"callgrind.{work}.{calls}"
    run(work, calls, "valgrind", "--tool=callgrind", f"--callgrind-out-file={out}")
    return costs(out.read_text(encoding="utf-8", errors="replace"))


def per_call(work: str, calls: int) -> dict[tuple[str, str], float]:
    """Instructions of one call by function, the most expensive first."""
    run(work, 1)  # writes the bytecode that both runs then read
    before, after = count(work, WARM), count(work, WARM + calls)
    after.subtract(before)
    return {function: total / calls for function, total in after.most_common() if total > 0}


def library(file: str) -> str:
    """Return the name of an object file, without its directory and tags."""
    return Path(file).name.partition(".")[0]


def show(work: str, functions: dict[tuple[str, str], float], top: int) -> None:
    """Print the most expensive functions of a work, with the share of each."""
    total = sum(functions.values())
    print(f"\n{work}: {total:,.0f} instructions a call")
    print(f"{'a call':>10}  {'share':>6}  {'so far':>6}  function")
    so_far = 0.0
    for (file, function), each in list(functions.items())[:top]:
        so_far += each
        name = f"{function} [{library(file)}]"
        print(f"{each:10,.1f}  {each / total:6.1%}  {so_far / total:6.1%}  {name}", flush=True)


def main() -> None:
    """Profile the works that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description="instructions of a call, by function")
    parser.add_argument("work", nargs="*", help=f"of {', '.join(WORKLOADS)}; decode and encode where none is given")
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--top", type=int, default=25, help="how many functions are shown")
    given = parser.parse_args()
    works = given.work or ["decode", "encode"]
    if unknown := set(works) - set(WORKLOADS):
        parser.error(f"no work {', '.join(unknown)}; there are {', '.join(WORKLOADS)}")
    counted = {}
    for work in works:
        functions = per_call(work, given.calls)
        show(work, functions, given.top)
        counted[work] = [[function, library(file), each] for (file, function), each in functions.items()]
    PROFILE.parent.mkdir(exist_ok=True)
    PROFILE.write_text(json.dumps(counted, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
