"""``make profile``: instructions of one call, by function, counted under callgrind on a build with symbols."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from pathlib import Path

from safecodec.bench.instructions import Program, ProgramError, per_call

from .callgrind import costs
from .results import PROFILE, ROOT
from .workload import WORKLOADS

BUILD = ROOT / "build" / "profile"


def program(work: str) -> Program:
    """The program of a work, on the build with symbols."""
    paths = os.pathsep.join((str(BUILD / "src"), str(ROOT)))
    return Program("bench.workload:work_of", (work,), BUILD, {"PYTHONPATH": paths})


def functions_of(work: str, calls: int) -> dict[tuple[str, str], float]:
    """Instructions of one call by object file and function, the most expensive first."""
    profiled = program(work)

    def count(times: int) -> Counter[tuple[str, str]]:
        return costs(profiled.profile(times, "callgrind"))

    profiled.run(1)  # writes the bytecode that both runs then read
    return per_call(count, calls)


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
        try:
            functions = functions_of(work, given.calls)
        except ProgramError as error:
            sys.exit(f"{work}: {error}")
        show(work, functions, given.top)
        counted[work] = [[function, library(file), each] for (file, function), each in functions.items()]
    PROFILE.parent.mkdir(exist_ok=True)
    PROFILE.write_text(json.dumps(counted, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
