"""Remove each check of the library in turn, and tell which of them no test misses: `make mutate`.

A check is an `if` whose only way is a verdict: an error that is raised, a refusal or a status that is returned, or, in
the modules of `QUICK`, a way out of the fast path. Checks are found by their form in the sources as they are. Where
conditions are joined by `or`, each is a check of its own. Each check gets a number and a switch, so that one build has
all mutants; SAFECODEC_MUTANT in the environment turns one check off.

With all checks in place the tests run once. A switch notes that it was asked, which happens only where a check would
give its verdict, so that no other test can miss the check. A mutant is run on the tests that asked its switch, the
quickest first, until one fails: a failure, a crash and a run that takes too long are a mutant caught.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from random import Random

import pytest

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "build" / "mutants"
REACHED = PLACE / "reached.jsonl"
"""For each test how many seconds it takes, and which switches it asks; written by the run with all checks in place."""
CHECKS = PLACE / "checks.json"
"""The checks of the sources that were copied, which may have changed since."""
PATIENCE = 10.0
"""The tests hang where they take so many times as long as with all checks in place, and a minute more."""
SOON = 10.0
"""The quickest tests, for so many seconds in all, run before the others."""
MOST = 4096
"""So many switches have room in the file in which they are noted."""

UNCHECKED = {
    "bench/": "measures, and gives no verdict about bytes or values",
    "cli/": "reads a command line, and has its verdicts from the library",
    "cache/stores/redis.py": "needs a server, which the tests here have not",
    "cache/stores/dialogue.py": "reads the replies of that server",
}
"""Sources whose checks stay, by the start of their names, and why."""

QUICK = {
    "avro/_bounds.pyx": r"return False$",
    "avro/_buffer.pxd": r"return False$|buffer\.refused = ",
    "avro/_conversions.pyx": r"return (None|0)$",
    "avro/_cursor.pxd": r"return at$",
    "avro/_decoder.pyx": r"return NULL$",
    "avro/_leaves.pxd": r"return (NULL|False)$",
    "cache/_known.pyx": r"return (None|0|-1)$",
}
"""How the fast paths of a source leave a value to the slow one."""

BOUNDED = ("avro/_bounds.pyx", "avro/_conversions.pyx")
"""Sources whose fast paths say what they take by bounds that hold."""

OPTIONS = ("-q", "-p", "no:cacheprovider", "-p", "mutate", "--no-header")
MEMORY = 12 << 30
"""Bytes that a process of tests may have: a bound that is gone may let a value take all memory."""
LOADED = (
    "_pytest.python",
    "hypothesis.strategies",
    "hypothesis.internal.conjecture.engine",
    "msgspec",
    "fastavro",
    "pydantic",
    "attrs",
    "asyncio",
    "unittest.mock",
)
"""Modules that take long to be loaded; processes of tests are copies of one that has them."""

TESTS = (
    "tests/unit", "tests/property", "tests/fuzz", "tests/vectors", "tests/threads/test_pool.py",
    "tests/integration/test_file_store.py",
)  # fmt: skip
LEFT_OUT = (
    "bench", "cli", "demo", "documents", "pages", "release", "scripts", "workflows", "loop_lag", "instructions",
    "mutate", "test_pairs.py", "long", "types.py", "stub", "known_faults", "replay", "hostile_text",
)  # fmt: skip
"""Words in the names of tests that look at no check, or take too long."""

EQUIVALENT: tuple[tuple[str, str, str], ...] = (
    ("avro/_conversions.pyx", "if take_size(&cursor, &size)", "what follows is refused by take_long"),
    ("avro/_conversions.pyx", "if take_long(&cursor, &scale)", "the scale is what the stack holds, mostly none"),
    ("avro/_conversions.pyx", "(size and size != 16)", "the parser lets no fixed of another size be a uuid"),
    ("avro/_conversions.pyx", "not put_whole", "CPython before 3.13 raises, and a test has it from 3.13 on"),
    ("avro/_conversions.pyx", "at + 2 >= size", "the text of a Decimal has a sign and a digit behind its E"),
    ("avro/_conversions.pyx", "size - at > 10", "an exponent of CPython's own decimals is below 2**63"),
    ("avro/_decoder.pyx", "if number >= LARGE", "take_slowly makes the same text, without the GIL"),
    ("avro/_encoder.pyx", "if not isinstance(key, str)", "a key that equals a field's name is taken as that field"),
    ("avro/_leaves.pxd", ">= LARGE", "put_odd writes the same bytes, without the GIL"),
    ("avro/_leaves.pxd", "if end - at < length", "the UTF-8 form is no shorter, and is compared next"),
    ("avro/_leaves.pxd", "if not READS_SLOTS", "it is so without a GIL alone"),
    ("avro/_leaves.pxd", "if PyTuple_CheckExact", "no leaf takes a tuple"),
    ("avro/_leaves.pxd", "if into.inner.op >= PUT_CONVERTED", "store_leaf stores leaves alone"),
    ("avro/_leaves.pxd", "if end - at < LONGEST_LONG: return NULL", "store_leaf refuses next; the sanitizers see it"),
    ("avro/_slots.pyx", "member->flags & READONLY", "CPython has no such slot that holds an object"),
    ("avro/_slots.pyx", "if safecodec_is_within", "slots of a class are within its objects"),
)  # fmt: skip
"""File, a part of the check, and why no test can miss it."""


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

IN_C = ("avro/_cursor.pxd", "avro/_slots.pyx")
"""Sources whose C has checks."""
VERDICT = re.compile(
    r"raise (?!MemoryError|no_room|AssertionError|StopIteration|$)|(fail|refuse)\("
    r"|return (fail|refusals?|refusal)[.(]|return STATUS_(?!OK)"
)
"""How the first statement behind a check begins."""
BOUND = re.compile(r" <=? .* <=? | % .* == 0\s*$|^safecodec_\w+\(.*\)$", re.DOTALL)
LIMIT = re.compile(BOUND.pattern + r"| [<>]=? | == cursor\.end\s*$|^not overflow$|^take_", re.DOTALL)
"""A condition of its own that bounds a number, and a part of one."""
PASSED_ON = re.compile(r"not (take_\w+|fits\w*|claim|make_room|open_block|close_block|skip\w*|enter)\(")
"""Checks that pass a verdict on."""


def ends_at(lines: list[str], at: int) -> int:
    """The line at which a condition that begins in another ends."""
    depth = 0
    for end in range(at, min(at + 8, len(lines))):
        bare = re.sub(r"\"[^\"]*\"|'[^']*'|#.*", "", lines[end])
        depth += _depth(lines[end])
        if depth == 0 and bare.rstrip().endswith(":"):
            return end
    return -1


def verdict_behind(lines: list[str], at: int, quick: str | None = None) -> str:
    """The first statement behind a condition, but for assignments; empty where it is no verdict."""
    indent = len(lines[at]) - len(lines[at].lstrip())
    first = 0
    for line in lines[at + 1 : at + 9]:
        text = line.strip().split("  #")[0]
        if not text or text.startswith("#"):
            continue
        deeper = len(line) - len(line.lstrip())
        if deeper <= indent or deeper < first:
            return ""
        first = first or deeper
        if deeper > first:
            continue
        if VERDICT.match(text) or text == "return False" or (quick and re.match(quick, text)):
            return text
        if not re.match(r"\w+ = |[)\]}]", text):
            return ""
    return ""


def parts_of(condition: str, joint: str) -> list[str]:
    """The parts of a condition that ``or`` or another joint joins, outside of brackets and texts; one for a choice."""
    parts, depth, quote, at = [""], 0, "", 0
    while at < len(condition):
        one = condition[at]
        if quote:
            quote = "" if one == quote else quote
        elif one in "\"'":
            quote = one
        depth += 0 if quote else (one in "([{") - (one in ")]}")
        if not quote and not depth and condition.startswith((" if ", " lambda "), at):
            return [condition]
        if not quote and not depth and condition.startswith(joint, at):
            parts.append("")
            at += len(joint)
            continue
        parts[-1] += one
        at += 1
    return parts


def mutated(file: str, source: str, first: int) -> tuple[str, list[Mutant]]:
    """A source with a switch at each check, and the mutants; a condition is evaluated as before."""
    lines = source.split("\n")
    numbering = Numbering(file, first, [])
    at = 0
    while at < len(lines):
        end = _with_c(numbering, lines, at) if file in IN_C else at
        match = re.match(r"(\s+)(if|elif|return) (?=\S)", lines[at])
        if match and match[2] != "return":
            end = _with_if(numbering, lines, at, match)
        elif match and file in BOUNDED:
            end = _with_return(numbering, lines, at)
        at = end + 1
    return _with_switch(file, "\n".join(lines)) if numbering.found else source, numbering.found


def _with_if(numbering: Numbering, lines: list[str], at: int, match: re.Match[str]) -> int:
    """Switch the conditions before a verdict off, or bounds of what the fast path takes on; returns the last line."""
    end = ends_at(lines, at)
    if end < 0:
        return at
    head = match.group(0)
    condition = "\n".join([lines[at][len(head) :], *lines[at + 1 : end + 1]])
    condition, _, comment = condition.rpartition(":")
    quick = QUICK.get(numbering.file)
    verdict = verdict_behind([lines[at][: len(match.group(1))] + "if", *lines[end + 1 : end + 9]], 0, quick)
    if verdict and (verdict != "return False" or quick or PASSED_ON.search(condition)):
        condition = numbering.off(at, condition, verdict)
    elif numbering.file in BOUNDED:
        condition = numbering.on(at, condition)
    lines[at : end + 1] = f"{head}{condition}:{comment}".split("\n")
    return end


def _with_return(numbering: Numbering, lines: list[str], at: int) -> int:
    """Switch bounds in a statement on that returns whether they hold, or a value if they do."""
    end, depth = at, _depth(lines[at])
    if lines[at].endswith(";") or " ? " in lines[at]:
        return at
    while depth > 0:
        end += 1
        depth += _depth(lines[end])
    head, text = re.fullmatch(r"(\s+return )(.*)", "\n".join(lines[at : end + 1]), re.DOTALL).groups()  # type: ignore[union-attr]
    choice = re.fullmatch(r"(.*) if (.*) else (None|0)", text, re.DOTALL)
    text = f"{choice[1]} if {numbering.on(at, choice[2])} else {choice[3]}" if choice else numbering.on(at, text)
    lines[at : end + 1] = f"{head}{text}".split("\n")
    return end


def _with_c(numbering: Numbering, lines: list[str], at: int) -> int:
    """Switch the conditions of C before a verdict off, or those that a statement returns on."""
    match = re.fullmatch(r"(\s+if \()(.*)(\) return (?:-1|NULL);)", lines[at])
    if match:
        lines[at] = match[1] + numbering.off(at, match[2], match[3][2:], " || ", " && ") + match[3]
    match = re.fullmatch(
        r"(\s+return )(offset >= [^;]*|\S+\([^;]*\))((?: \? .* : -1)?;)", "\n".join(lines[at : at + 2])
    )
    match = match or re.fullmatch(r"(\s+return )(\w+\([^;]*\))( \? .* : -1;)", lines[at])
    if match:
        text = match[1] + numbering.on(at, match[2], " && ", " || !") + match[3]
        lines[at : at + 1 + text.count("\n")] = text.split("\n")
        return at + text.count("\n")
    return at


@dataclass(frozen=True)
class Numbering:
    """The checks of a source that were found.

    Args:
        file: In the package.
        first: The number of its first check.
        found: Its checks.
    """

    file: str
    first: int
    found: list[Mutant]

    def _number(self, at: int, part: str, verdict: str) -> int:
        number = self.first + len(self.found)
        self.found.append(Mutant(number, self.file, at + 1, f"if {' '.join(part.split())}: {verdict}"))
        return number

    def off(self, at: int, condition: str, verdict: str, joint: str = " or ", also: str = " and ") -> str:
        """A condition of which each part can be made false."""
        parts = parts_of(condition, joint)
        return joint.join(f"(({part}){also}lives({self._number(at, part, verdict)}))" for part in parts)

    def on(self, at: int, condition: str, joint: str = " and ", also: str = " or not ") -> str:
        """A condition of which each part that is a bound can be made true."""
        parts = parts_of(condition, joint)
        if len(parts) == 1 and (len(parts_of(condition, " or ")) > 1 or not BOUND.search(condition)):
            return condition
        return joint.join(
            f"(({part}){also}lives({self._number(at, part, 'the fast path goes on')}))" if LIMIT.search(part) else part
            for part in parts
        )


def _depth(line: str) -> int:
    bare = re.sub(r"\"[^\"]*\"|'[^']*'|#.*", "", line)
    return sum(map(bare.count, "([{")) - sum(map(bare.count, ")]}"))


SWITCH_PXD = '''cdef extern from *:
    """
    #include <fcntl.h>
    #include <stdlib.h>
    #include <sys/mman.h>
    static inline int lives(int number) {
        static int removed = -2;
        static volatile unsigned char *asked;
        if (removed == -2) {
            const char *said = getenv("SAFECODEC_MUTANT"), *notes = getenv("SAFECODEC_ASKED");
            int file = notes == NULL ? -1 : open(notes, O_RDWR);
            void *memory = file < 0 ? MAP_FAILED : mmap(NULL, MOST, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
            asked = memory == MAP_FAILED ? NULL : memory;
            removed = said == NULL ? -1 : atoi(said);
        }
        if (asked != NULL) asked[number] = 1;
        return number != removed;
    }
    """
    bint lives(int number) noexcept nogil
'''.replace("MOST", str(MOST))
SWITCH_PY = """import mmap
import os

_REMOVED = int(os.environ.get("SAFECODEC_MUTANT", -1))
_ASKED = None
if "SAFECODEC_ASKED" in os.environ:
    with open(os.environ["SAFECODEC_ASKED"], "r+b") as _file:
        _ASKED = mmap.mmap(_file.fileno(), 0)


def lives(number):
    if _ASKED is not None:
        _ASKED[number] = 1
    return number != _REMOVED
"""


def _with_switch(file: str, source: str) -> str:
    line = f"from safecodec._mutants {'import' if file.endswith('.py') else 'cimport'} lives"
    start = re.compile(r"^(?!from __future__)(from|import|cimport) ", re.MULTILINE)
    match = start.search(source)
    assert match is not None, file
    return f"{source[: match.start()]}{line}\n{source[match.start() :]}"


def sources(package: Path) -> list[str]:
    """All sources of the package but those whose checks stay."""
    files = (
        path.relative_to(package).as_posix() for path in package.rglob("*") if path.suffix in (".py", ".pyx", ".pxd")
    )
    return sorted(file for file in files if not file.startswith(tuple(UNCHECKED)))


def planted(package: Path) -> list[Mutant]:
    """Give each check of a copy of the package its switch."""
    found: list[Mutant] = []
    for file in sources(package):
        path = package / file
        source, more = mutated(file, path.read_text(encoding="utf-8"), len(found))
        path.write_text(source, encoding="utf-8")
        found += more
    (package / "_mutants.pxd").write_text(SWITCH_PXD)
    (package / "_mutants.py").write_text(SWITCH_PY)
    return found


# ---- which tests ask which switches: a plugin of pytest ----------------------------------------------------------

ONLY = "SAFECODEC_TESTS"
"""Names the file with the tests to run, a line for each."""
ASKED = "SAFECODEC_ASKED"
"""Names the file in which switches are noted."""


def _note(test: str, start: float) -> None:
    if ASKED in os.environ:
        with Path(os.environ[ASKED]).open("r+b") as file, mmap.mmap(file.fileno(), 0) as asked:
            numbers = [number for number, said in enumerate(asked[:]) if said]
            asked[:] = bytes(len(asked))
        with Path(os.environ[ASKED]).with_name(REACHED.name).open("a", encoding="utf-8") as notes:
            print(json.dumps([test, round(time.monotonic() - start, 3), numbers]), file=notes)


def _named(item: pytest.Item) -> str:
    """The name of a test without addresses, which are others in each process."""
    return re.sub(r"\b0x[0-9a-f]+", "0x", item.nodeid)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Note the switches that are asked where a file of tests is imported."""
    start = time.monotonic()
    report = yield
    if isinstance(collector, pytest.Module):
        _note(collector.nodeid, start)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool | None, bool | None]:
    """Note the switches that a test asks."""
    start = time.monotonic()
    done = yield
    _note(_named(item), start)
    return done


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that were asked for, in their order; a file stands for all of its tests."""
    if ONLY in os.environ:
        rank = {line: at for at, line in enumerate(Path(os.environ[ONLY]).read_text(encoding="utf-8").splitlines())}
        wanted = [(rank.get(_named(one), rank.get(one.nodeid.split("::")[0], -1)), one) for one in items]
        items[:] = [one for at, one in sorted(wanted, key=lambda pair: pair[0]) if at >= 0]


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
    CHECKS.write_text(json.dumps(list(map(asdict, found))), encoding="utf-8")
    environment = {**os.environ, "CFLAGS": "-O1 -g0"}
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    subprocess.run(command, cwd=PLACE, env=environment, check=True)
    return found


def _files(path: Path) -> Iterator[str]:
    files = [path] if path.suffix == ".py" else sorted(path.glob("test_*.py"))
    for one in files:
        if one.exists() and not any(word in one.name for word in LEFT_OUT):
            yield str(one.relative_to(PLACE))


def recorded() -> tuple[float, str]:
    """Run the tests with all checks in place; returns for how many seconds, and those that fail."""
    start, asked = time.monotonic(), PLACE / "asked"
    asked.write_bytes(bytes(MOST))
    REACHED.unlink(missing_ok=True)
    every = [one for name in TESTS for one in _files(PLACE / name)]
    environment = {**os.environ, **_environment({ASKED: str(asked), "SAFECODEC_MUTANT": "-1"})}
    command = [sys.executable, "-m", "pytest", *OPTIONS, *every]
    done = subprocess.run(command, cwd=PLACE, env=environment, capture_output=True, text=True, check=False)
    return time.monotonic() - start, "\n".join(_failed(done.stdout)) or (done.stdout[-2000:] if done.returncode else "")


def reached() -> dict[int, list[tuple[float, str]]]:
    """The tests that ask each switch, with their seconds, the quickest first."""
    found: dict[int, list[tuple[float, str]]] = defaultdict(list)
    for line in REACHED.read_text(encoding="utf-8").splitlines():
        test, seconds, numbers = json.loads(line)
        for number in numbers:
            found[number].append((seconds, test))
    return {number: sorted(tests) for number, tests in found.items()}


def verdict_of(mutant: Mutant, tests: dict[int, list[tuple[float, str]]]) -> str:
    """Run the tests that ask for a mutant's switch: how it was caught, or an empty text where no test failed."""
    left = tests.get(mutant.number, [])
    seconds, soon = 0.0, 0
    while soon < len(left) and (not soon or seconds + left[soon][0] < SOON):
        seconds += left[soon][0]
        soon += 1
    return _run(mutant, left[:soon]) or _run(mutant, left[soon:])


def _run(mutant: Mutant, tests: list[tuple[float, str]]) -> str:
    if not tests:
        return ""
    names, said = PLACE / f"tests-{mutant.number}", PLACE / f"said-{mutant.number}"
    names.write_text("\n".join(name for _, name in tests), encoding="utf-8")
    files = list(dict.fromkeys(name.split("::")[0] for _, name in tests))
    environment = _environment({ONLY: str(names), "SAFECODEC_MUTANT": str(mutant.number)})
    run = get_context("forkserver").Process(target=_tested, args=(PLACE, files, environment, said))
    run.start()
    run.join(60 + PATIENCE * sum(seconds for seconds, _ in tests))
    if run.exitcode is None:
        assert run.pid
        os.killpg(run.pid, signal.SIGKILL)
        run.join()
        return "the tests hang"
    text = said.read_text(encoding="utf-8", errors="replace")
    names.unlink()
    said.unlink()
    if run.exitcode == pytest.ExitCode.NO_TESTS_COLLECTED:
        raise RuntimeError(f"the tests of {mutant} are gone: {text}")
    return (_failed(text) or [f"the process ended with {run.exitcode}"])[0] if run.exitcode else ""


def _tested(place: Path, files: list[str], environment: dict[str, str], said: Path) -> None:
    """Run files of tests in a process of their own, which has the modules of others, but none of the package."""
    os.setpgrp()
    os.environ.update(environment)
    sys.path[:0] = environment["PYTHONPATH"].split(":")
    os.chdir(place)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with said.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.exit(pytest.main(["-x", "-W", "ignore::pytest.PytestAssertRewriteWarning", *OPTIONS, *files]))


def _environment(more: dict[str, str]) -> dict[str, str]:
    return {
        "PYTHONPATH": f"{PLACE / 'src'}:{ROOT / 'scripts'}",
        "SAFECODEC_EXPECT_SOURCE": str(PLACE / "src"),
        "HYPOTHESIS_PROFILE": "unshrunk",
        "PYTHONHASHSEED": "0",
        **more,
    }


def _failed(text: str) -> list[str]:
    return [line[:160] for line in text.splitlines() if line.startswith(("FAILED", "ERROR"))]


def main() -> int:
    """Run as the command line says; returns 1 where a check can be removed and no test fails."""
    parser = argparse.ArgumentParser(description="remove each check in turn, and run the tests")
    parser.add_argument(
        "--only", default="", help="mutants whose line has this text, or numbers with commas between them"
    )
    parser.add_argument("--sample", type=int, help="so many of them, chosen by the seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="take the build of the last run, which was right")
    parser.add_argument("--tests", nargs="+", default=[], help="files of tests that are newer than the last run's")
    parser.add_argument("--list", action="store_true", help="list them, and run nothing")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    mutants = _built() if options.again else _listed() if options.list else copied()
    numbers = set(map(int, options.only.split(","))) if re.fullmatch(r"[\d,]+", options.only) else None
    chosen = [one for one in mutants if (one.number in numbers if numbers else options.only in str(one))]
    if options.sample:
        chosen = sorted(
            Random(options.seed).sample(chosen, min(options.sample, len(chosen))), key=lambda one: one.number
        )
    if options.list:
        print("\n".join(map(str, chosen)))
        return 0
    start = time.monotonic()
    if options.again:
        shutil.copytree(ROOT / "tests", PLACE / "tests", dirs_exist_ok=True)
    else:
        seconds, failed = recorded()
        if failed:
            print(f"the tests fail with all checks in place: {failed}")
            return 1
        print(f"with all checks in place the tests take {seconds:.0f} s", flush=True)
    tests = reached()
    for mutant in chosen if options.tests else ():
        tests[mutant.number] = [*((0.0, test) for test in options.tests), *tests.get(mutant.number, [])]
    os.environ["PYTHONHASHSEED"] = "0"
    get_context("forkserver").set_forkserver_preload([*LOADED])
    survivors: list[Mutant] = []
    known = 0
    with ThreadPoolExecutor(options.processes) as pool:
        for mutant, how in zip(chosen, pool.map(partial(verdict_of, tests=tests), chosen), strict=True):
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


def _built() -> list[Mutant]:
    return [Mutant(**one) for one in json.loads(CHECKS.read_text(encoding="utf-8"))]


def _listed() -> list[Mutant]:
    found: list[Mutant] = []
    package = ROOT / "src" / "safecodec"
    for file in sources(package):
        found += mutated(file, (package / file).read_text(encoding="utf-8"), len(found))[1]
    return found


if __name__ == "__main__":
    sys.exit(main())
