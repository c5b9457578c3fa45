"""Remove each check of the library in turn, and tell which of them no test misses: `make mutate`.

A check is an `if` whose only way is a verdict: an error that is raised, a refusal or a status that is returned. They
are found by their form in the sources as they are. Each gets a number and a switch, so that one build has all mutants;
SAFECODEC_MUTANT in the environment turns one check off. Then the tests run once for each mutant until one fails: a
failure, a crash and a run that takes too long are a mutant caught.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "build" / "mutants"
PATIENCE = 4.0
"""The tests hang where they take so many times as long as with all checks in place."""

FILES = (
    "avro/_cursor.pxd", "avro/_skip.pyx", "avro/_decoder.pyx", "avro/_encoder.pyx", "avro/_sink.pyx",
    "avro/_leaves.pxd", "avro/_buffer.pxd", "avro/_large.pyx", "avro/_times.pyx", "avro/_plan.pyx", "avro/_writing.pyx",
    "avro/_slots.pyx", "avro/limits.py", "avro/parse.py", "avro/logical.py", "avro/bounds.py", "avro/reference.py",
    "avro/classes.py",
    "frame/checks.pxd", "frame/_header.pyx", "frame/_frame.pyx", "reader.pyx", "codec.pyx", "_settled.pxd",
    "payload/structured.py", "payload/transcode.py",
)  # fmt: skip
"""The sources with checks, in the package."""

FIRST = {
    "avro/_enc": ["test_encoder.py", "test_trusted_shapes.py", "test_breathing.py"],
    "avro/_sink": ["test_encoder.py"],
    "avro/_leaves": ["test_encoder.py"],
    "avro/_plan": ["test_trusted_shapes.py", "test_targets.py"],
    "avro/_slots": ["test_trusted_shapes.py", "test_attributes.py", "test_targets.py"],
    "avro/_writing": ["test_trusted_shapes.py", "test_attributes.py", "test_encoder.py"],
    "avro/_times": ["test_logical.py"],
    "avro/logical": ["test_logical.py", "test_targets_logical.py"],
    "avro/bounds": ["test_bounds.py"],
    "avro/parse": ["test_parse.py", "test_schema.py"],
    "avro/limits": ["test_limits.py"],
    "avro/reference": ["test_bare_avro.py", "test_classes.py", "test_logical.py"],
    "avro/": ["test_malformed.py", "test_limits.py", "test_resolve.py", "test_guided.py", "test_logical.py"],
    "frame/": ["test_verdict_order.py", "test_frame.py", "test_frame_header.py", "test_mutations.py"],
    "reader": ["test_reader.py", "test_codec.py"],
    "codec": ["test_codec.py", "test_versions.py", "test_limits.py"],
    "payload/": ["test_structured.py", "test_transcode.py", "test_older_versions.py"],
}
"""Tests that fail soonest, by the start of a file's name; then come all of `TESTS`."""
TESTS = (
    "tests/unit/test_malformed.py", "tests/property/test_malformed.py", "tests/unit/test_encoder.py",
    "tests/unit/test_limits.py", "tests/property/test_decoder.py", "tests/unit", "tests/property", "tests/fuzz",
    "tests/vectors",
)  # fmt: skip
LEFT_OUT = (
    "bench", "cli", "demo", "documents", "pages", "release", "scripts", "workflows", "loop", "instructions", "cost",
    "test_pairs.py", "long", "types.py", "stub", "known_faults", "offload", "trio",
)  # fmt: skip
"""Words in the names of tests that look at no check, or take too long."""

EQUIVALENT: tuple[tuple[str, str, str], ...] = ()
"""File, a part of the check, and why no test can miss it: another check behind it has the same answer."""


@dataclass(frozen=True)
class Mutant:
    """A check that may be removed.

    Args:
        number: Its switch.
        file: In the package.
        line: Where it is.
        text: The condition, and the verdict.
    """

    number: int
    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.number:>4} {self.file}:{self.line}: {self.text}"

    @property
    def reason(self) -> str | None:
        """Why no test can miss it; None where one can."""
        return next((why for file, part, why in EQUIVALENT if file == self.file and part in self.text), None)


# ---- finding checks ----------------------------------------------------------------------------------------------

VERDICT = re.compile(
    r"raise (?!MemoryError|no_room|AssertionError|StopIteration|$)|(fail|refuse)\("
    r"|return (fail|refusals?|refusal)[.(]|return STATUS_(?!OK)"
)
"""How the first statement behind a check begins."""
PASSED_ON = re.compile(r"not (take_\w+|claim|open_block|close_block|skip\w*|enter)\(")
"""Checks that pass a verdict on."""


def ends_at(lines: list[str], at: int) -> int:
    """The line at which a condition that begins in another ends."""
    depth = 0
    for end in range(at, min(at + 8, len(lines))):
        bare = re.sub(r"\"[^\"]*\"|'[^']*'|#.*", "", lines[end])
        depth += sum(map(bare.count, "([{")) - sum(map(bare.count, ")]}"))
        if depth == 0 and bare.rstrip().endswith(":"):
            return end
    return -1


def verdict_behind(lines: list[str], at: int) -> str:
    """The first statement behind a condition; empty where it is no verdict."""
    indent = len(lines[at]) - len(lines[at].lstrip())
    for line in lines[at + 1 : at + 4]:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        deeper = len(line) - len(line.lstrip()) > indent
        return text if deeper and (VERDICT.match(text) or text == "return False") else ""
    return ""


def mutated(file: str, source: str, first: int) -> tuple[str, list[Mutant]]:
    """A source with a switch at each check, and the mutants; a condition is evaluated as before."""
    lines = source.split("\n")
    found: list[Mutant] = []
    at = 0
    while at < len(lines):
        match = re.match(r"(\s+)(if|elif) (?=\S)", lines[at])
        end = ends_at(lines, at) if match else -1
        if match is None or end < 0:
            at += 1
            continue
        head = match.group(0)
        condition = "\n".join([lines[at][len(head) :], *lines[at + 1 : end + 1]])
        condition, _, comment = condition.rpartition(":")
        verdict = verdict_behind([lines[at][: len(match.group(1))] + "if", *lines[end + 1 : end + 5]], 0)
        if verdict and (verdict != "return False" or PASSED_ON.search(condition)):
            number = first + len(found)
            flat = " ".join(condition.split())
            found.append(Mutant(number, file, at + 1, f"if {flat}: {verdict}"))
            lines[at : end + 1] = f"{head}({condition}) and lives({number}):{comment}".split("\n")
        at = end + 1
    return _with_switch(file, "\n".join(lines)) if found else source, found


SWITCH_PXD = '''cdef extern from *:
    """
    #include <stdlib.h>
    static inline int lives(int number) {
        static int removed = -2;
        if (removed == -2) {
            const char *said = getenv("SAFECODEC_MUTANT");
            removed = said == NULL ? -1 : atoi(said);
        }
        return number != removed;
    }
    """
    bint lives(int number) noexcept nogil
'''
SWITCH_PY = """import os

_REMOVED = int(os.environ.get("SAFECODEC_MUTANT", -1))


def lives(number):
    return number != _REMOVED
"""


def _with_switch(file: str, source: str) -> str:
    line = f"from safecodec._mutants {'import' if file.endswith('.py') else 'cimport'} lives"
    start = re.compile(r"^(?!from __future__)(from|import|cimport) ", re.MULTILINE)
    match = start.search(source)
    assert match is not None, file
    return f"{source[: match.start()]}{line}\n{source[match.start() :]}"


def planted(package: Path) -> list[Mutant]:
    """Give each check of a copy of the package its switch."""
    found: list[Mutant] = []
    for file in FILES:
        path = package / file
        if path.exists():
            source, more = mutated(file, path.read_text(encoding="utf-8"), len(found))
            path.write_text(source, encoding="utf-8")
            found += more
    (package / "_mutants.pxd").write_text(SWITCH_PXD)
    (package / "_mutants.py").write_text(SWITCH_PY)
    return found


# ---- running the tests -------------------------------------------------------------------------------------------


def copied() -> list[Mutant]:
    """Make a copy of the project with all switches, and build it."""
    shutil.rmtree(PLACE, ignore_errors=True)
    ignored = shutil.ignore_patterns("*.so", "*.pyc", "__pycache__", "*.egg-info", "_*.c", "codec.c", "reader.c")
    for name in ("src", "tests", "docs", "scripts", "examples", "bench"):
        shutil.copytree(ROOT / name, PLACE / name, ignore=ignored)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, PLACE / name)
    found = planted(PLACE / "src" / "safecodec")
    environment = {**os.environ, "CFLAGS": "-O1 -g0"}
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    subprocess.run(command, cwd=PLACE, env=environment, check=True)
    return found


def tests_for(file: str) -> tuple[list[str], list[str]]:
    """The tests of a file: those that fail soonest, and all others, which take long to be collected alone."""
    every = [one for name in TESTS for one in _files(PLACE / name)]
    first = [name for start, names in FIRST.items() if file.startswith(start) for name in names]
    ranked = list(dict.fromkeys(one for name in first for one in every if Path(one).name == name))
    return ranked, [one for one in dict.fromkeys(every) if one not in ranked]


def _files(path: Path) -> Iterator[str]:
    files = [path] if path.suffix == ".py" else sorted(path.glob("test_*.py"))
    for one in files:
        if one.exists() and not any(word in one.name for word in LEFT_OUT):
            yield str(one.relative_to(PLACE))


def verdict_of(mutant: Mutant | None, patience: float | None) -> str:
    """Run the tests on a mutant, or on none: how it was caught, or an empty text where no test failed."""
    first, others = tests_for("" if mutant is None else mutant.file)
    how = _run(mutant, first, patience) if first else ""
    return how or _run(mutant, others, patience)


def _run(mutant: Mutant | None, tests: list[str], patience: float | None) -> str:
    environment = {
        **os.environ,
        "PYTHONPATH": str(PLACE / "src"),
        "SAFECODEC_EXPECT_SOURCE": str(PLACE / "src"),
        "SAFECODEC_MUTANT": "-1" if mutant is None else str(mutant.number),
        "HYPOTHESIS_PROFILE": "unshrunk",
    }
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header", *tests]
    # ulimit: a bound that is gone may let a value take all memory.
    limited = ["sh", "-c", 'ulimit -v 12000000; exec "$@"', "sh", *command]
    try:
        done = subprocess.run(
            limited, cwd=PLACE, env=environment, capture_output=True, text=True, check=False, timeout=patience
        )
    except subprocess.TimeoutExpired:
        return "the tests hang"
    if done.returncode == 0:
        return ""
    last = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return last[0][:160] if last else f"the process ended with {done.returncode}"


def main() -> int:
    """Run as the command line says; returns 1 where a check can be removed and no test fails."""
    parser = argparse.ArgumentParser(description="remove each check in turn, and run the tests")
    parser.add_argument(
        "--only", default="", help="mutants whose line has this text, or numbers with commas between them"
    )
    parser.add_argument("--sample", type=int, help="so many of them, chosen by the seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="take the build of the last run, which was right")
    parser.add_argument("--list", action="store_true", help="list them, and run nothing")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    mutants = _listed() if options.list or options.again else copied()
    numbers = set(map(int, options.only.split(","))) if re.fullmatch(r"[\d,]+", options.only) else None
    chosen = [one for one in mutants if (one.number in numbers if numbers else options.only in str(one))]
    if options.sample:
        chosen = sorted(
            Random(options.seed).sample(chosen, min(options.sample, len(chosen))), key=lambda one: one.number
        )
    if options.list:
        print("\n".join(map(str, chosen)))
        return 0
    start, patience = time.monotonic(), None
    if not options.again:
        clean = verdict_of(None, None)
        if clean:
            print(f"the tests fail with all checks in place: {clean}")
            return 1
        patience = PATIENCE * (time.monotonic() - start)
        print(f"with all checks in place the tests take {time.monotonic() - start:.0f} s", flush=True)
    survivors: list[Mutant] = []
    known = 0
    with ThreadPoolExecutor(options.processes) as pool:
        for mutant, how in zip(chosen, pool.map(partial(verdict_of, patience=patience), chosen), strict=True):
            print(f"{mutant}\n     {how or 'SURVIVES'}", flush=True)
            if not how and mutant.reason is None:
                survivors.append(mutant)
            known += not how and mutant.reason is not None
    for mutant in survivors:
        print(f"survivor: {mutant}")
    caught = len(chosen) - len(survivors) - known
    print(
        f"{caught} of {len(chosen) - known} checks removed were caught, {known} more are equivalent, of {len(mutants)} "
        f"checks, in {time.monotonic() - start:,.0f} s"
    )
    return min(len(survivors), 1)


def _listed() -> list[Mutant]:
    found: list[Mutant] = []
    for file in FILES:
        path = ROOT / "src" / "safecodec" / file
        if path.exists():
            found += mutated(file, path.read_text(encoding="utf-8"), len(found))[1]
    return found


if __name__ == "__main__":
    sys.exit(main())
