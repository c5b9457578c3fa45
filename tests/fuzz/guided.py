"""Bytes that coverage chooses, by atheris and libFuzzer: `make fuzz-coverage MINUTES=10`.

The first byte of an input picks what reads it, the second a schema. The calls are judged as those of `structured.py`;
a finding ends libFuzzer's process, which is started again until the time is over. Compiled modules are built by clang
with counters at every edge, Python modules get theirs from atheris. `corpus.txt` has a line in base64 for each input
that reaches something of its own, and for each that found something once; `--keep` writes it anew, merged.
"""

from __future__ import annotations

import argparse
import base64
import dataclasses
import io
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import msgspec

from fuzz.judge import Judge, Report
from fuzz.structured import ANOTHER, READ, BareAvro, framed, parse_schema
from reference import reseal
from safecodec import Codec, peek, unpack
from safecodec.cli.verdict import inspect
from safecodec.frame import restamp, stamp_of

CORPUS = Path(__file__).with_name("corpus.txt")
LONGEST = 2048
"""Bytes of an input."""
MOST_FINDINGS = 20
"""After so many a process is not started again."""

# ---- types -------------------------------------------------------------------------------------------------------


class Colour(Enum):
    """An enum."""

    RED = "red"
    GREEN = "green"


class Place(NamedTuple):
    """A record that is a tuple."""

    name: str
    height: float | None = None


@dataclasses.dataclass
class Old:
    """The older version of New."""

    number: int
    names: list[str]
    colour: Colour
    tree: Old | None = None
    extra: dict[str, int] = dataclasses.field(default_factory=dict)


class New(msgspec.Struct):
    """A version that has more, less and wider fields."""

    number: float
    names: tuple[str, ...]
    tree: New | None = None
    extra: dict[str, int | str] = {}
    place: Place | None = None
    anything: Any = None


class Leaves(msgspec.Struct, omit_defaults=True):
    """Every kind of leaf."""

    day: date | None = None
    at: datetime | None = None
    amount: Decimal | None = None
    id: UUID | None = None
    data: bytes = b""
    flags: frozenset[int] = frozenset()
    keys: dict[int, bool] = {}
    pair: tuple[int, str] | None = None


class Cat(msgspec.Struct, tag=True):
    """A branch of a tagged union."""

    lives: int = 9


class Dog(msgspec.Struct, tag=True):
    """Another one."""

    friends: list[Cat | Dog] = []


class Row(msgspec.Struct, array_like=True):
    """A record that MessagePack and JSON lay out as an array."""

    key: str
    pet: Cat | Dog | None = None


TYPES: tuple[tuple[Any, Any], ...] = (
    (New, New),
    (New, Old),
    (Leaves, Leaves),
    (list[Cat | Dog], list[Cat | Dog]),
    (list[Row], list[Row]),
    (dict[str, Any], dict[str, Any]),
    (list[float | str | None], list[int]),
    (New, {"type": "record", "name": "New", "aliases": ["Old"], "fields": [
        {"name": "number", "type": "int"}, {"name": "names", "type": {"type": "array", "items": "string"}},
        {"name": "tree", "type": ["null", "New"]},
    ]}),
)  # fmt: skip
"""Pairs of the type that is read and the older version that wrote it."""
_LIST = {"type": "record", "name": "L", "fields": [
    {"name": "v", "type": ["null", "long", "string"]}, {"name": "next", "type": ["null", "L"]},
]}  # fmt: skip
SCHEMAS: tuple[tuple[Any, Any], ...] = (
    ({"type": "array", "items": "null"}, None),
    (
        {"type": "map", "values": ["null", "boolean", "int", "bytes"]},
        {"type": "map", "values": ["null", "boolean", "long", "bytes", "string"]},
    ),
    (_LIST, _LIST),
    ({"type": "record", "name": "A", "fields": [
        {"name": "a", "type": "double"},
        {"name": "b", "type": {"type": "array", "items": {"type": "record", "name": "B", "fields": []}}},
        {"name": "c", "type": {"type": "enum", "name": "E", "symbols": ["X", "Y", "Z"]}},
        {"name": "d", "type": "string"},
    ]}, {"type": "record", "name": "A", "fields": [
        {"name": "d", "type": "bytes"},
        {"name": "c", "type": {"type": "enum", "name": "E", "symbols": ["X", "Q"], "default": "Q"}},
        {"name": "n", "type": {"type": "array", "items": "int"}, "default": [1, 2, 3]},
    ]}),
    ({"type": "array", "items": [
        {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 2},
        {"type": "string", "logicalType": "uuid"},
        {"type": "long", "logicalType": "timestamp-micros"}, {"type": "int", "logicalType": "date"},
        {"type": "fixed", "name": "D", "size": 12, "logicalType": "duration"}, {"type": "array", "items": "float"},
    ]}, None),
    ({"type": "array", "items": {"type": "bytes", "logicalType": "big-decimal"}}, {"type": "array", "items": "bytes"}),
    (["null", {"type": "array", "items": {"type": "array", "items": {"type": "map", "values": "int"}}}], None),
    ({"type": "array", "items": "int"}, {"type": "array", "items": ["double", "string"]}),
    ({"type": "long", "logicalType": "timestamp-nanos"}, "long"),
)  # fmt: skip
"""Writers' schemas, and readers'."""


# ---- entries -----------------------------------------------------------------------------------------------------


@cache
def _codecs(payload: Any) -> list[tuple[Any, Any]]:
    """Writers of the older version, and readers."""
    found = []
    for new, old in TYPES:
        options: dict[str, Any] = {"subject": "s", "payload": payload, "environment": "test"}
        more: dict[str, Any] = {"version": 1} if new is old else {"version": 2, "older": {1: old}}
        codec: Any = Codec(new, **more, **options)
        found.append((Codec(old, version=1, **options), codec))
    return found


@cache
def _bare(at: int) -> BareAvro:
    return BareAvro(Judge(Report(), 0), *SCHEMAS[at])


def _frame(judge: Judge, at: int, data: bytes) -> None:
    if at % 2 and len(data) >= 32:
        data = reseal(data, payload=at % 4 == 3)
    for name, call in (
        ("peek", lambda: peek(data)),
        ("unpack", lambda: unpack(data, subject="s", environment="test")),
        ("stamp of", lambda: stamp_of(data)),
        ("restamp", lambda: restamp(data, ANOTHER)),
        ("inspect", lambda: [str(one) for one in inspect(io.BytesIO(data)).faults]),
    ):
        judge.call(name, call, READ, len(data), data.hex, per_byte=50)


def _schema(judge: Judge, _: int, data: bytes) -> None:
    parse_schema(judge, data.decode("utf-8", "surrogateescape"))


def _avro(judge: Judge, at: int, data: bytes) -> None:
    bare = _bare(at % len(SCHEMAS))
    bare.judge = judge
    bare.read(data)


def _payload(payload: str) -> Callable[[Judge, int, bytes], None]:
    def read(judge: Judge, at: int, data: bytes) -> None:
        writer, reader = _codecs(payload)[at % len(TYPES)]
        frame = framed(writer, data)
        judge.call(f"decode {payload}", lambda: reader.decode(frame), READ, len(data), data.hex, weigh=True, per_byte=2)

    return read


ENTRIES = (_frame, _schema, _avro, _payload("avro"), _payload("msgpack"), _payload("json"))
"""By the first byte of an input; none may change its place, as the corpus has it."""


class Found(Exception):
    """A finding of the judge."""


def run(data: bytes, *, timed: bool = True) -> None:
    """Read an input; raises where something is found."""
    if len(data) < 2:
        return
    judge = Judge(Report(timed=timed), 0)
    ENTRIES[data[0] % len(ENTRIES)](judge, data[1], data[2:])
    for signature, (_, _, text) in judge.report.findings.items():
        raise Found(f"{signature}\n{text}")


# ---- the run -----------------------------------------------------------------------------------------------------


def inputs() -> list[bytes]:
    """The corpus."""
    return [base64.b64decode(line) for line in CORPUS.read_text().splitlines() if not line.startswith("#")]


def seeds() -> list[bytes]:
    """Good inputs of every entry."""
    found = []
    for entry, payload in enumerate(("avro", "msgpack", "json"), 3):
        for at, (writer, _) in enumerate(_codecs(payload)):
            for value in _values(TYPES[at][1]):
                frame = writer.encode(value)
                stamped = restamp(frame, ANOTHER)
                found += [bytes((entry, at)) + frame[32:], b"\0\0" + frame, b"\0\3" + stamped]
    found += [bytes((2, at)) + b"\2\2\2\2\0\0\0\0\0\0\0\0" for at in range(len(SCHEMAS))]
    found += [b"\1\0" + msgspec.json.encode(one) for pair in SCHEMAS for one in pair if one is not None]
    return found


def _values(kind: Any) -> list[Any]:
    if kind is New:
        return [New(1.5, ("a",), New(1.0, ()), {"a": 1, "b": "c"}, Place("p", 1.0), [None, {"a": 1.5}])]
    if kind is Old:
        return [Old(1, ["a", "b"], Colour.RED, Old(2, [], Colour.GREEN), {"a": 1})]
    if kind is Leaves:
        now = datetime.fromisoformat("2024-01-01T01:01:01.5+00:00")
        return [
            Leaves(),
            Leaves(now.date(), now, Decimal("1.50"), UUID(int=1), b"ab", frozenset({1}), {1: True}, (1, "a")),
        ]
    if kind == dict[str, Any]:
        return [{"a": [1, None, {"b": 1.5}]}]
    if kind == list[Row]:
        return [[Row("a", Dog([Cat()]))]]
    if kind == list[Cat | Dog]:
        return [[Cat(), Dog([Dog()])]]
    return [[1, 2]] if kind == list[int] else [{"number": 1, "names": ["a"], "tree": None}]


def ready() -> None:
    """Make all schemas and codecs, so that no input pays for them."""
    for at in range(len(SCHEMAS)):
        _bare(at)
    for payload in ("avro", "msgpack", "json"):
        _codecs(payload)


def _started(arguments: list[str], log: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(Path(__file__).with_name("libfuzzer.py")), *arguments]
    with log.open("ab") as out:
        return subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)


def _shown(artifact: Path, log: Path) -> str:
    text = log.read_text(errors="replace")
    last = re.sub(r"^#\d+\t.*\n", "", text, flags=re.MULTILINE)[-3500:]
    return f"\n==== {artifact.name}\n{last}\ninput: {base64.b64encode(artifact.read_bytes()).decode()}"


def _line(data: bytes) -> str:
    return base64.b64encode(data).decode()


def main(arguments: list[str] | None = None) -> int:
    """Run as the command line says; returns 1 if there are findings."""
    parser = argparse.ArgumentParser(description="feed the library with bytes that coverage chooses")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, help="libFuzzer's; otherwise one of the clock's")
    parser.add_argument("--place", type=Path, default=Path("corpus"), help="a directory for inputs, logs and findings")
    parser.add_argument(
        "--keep", action="store_true", help="write corpus.txt anew, merged with what was found to be new"
    )
    options = parser.parse_args(arguments)
    seed = options.seed if options.seed is not None else int(time.time()) % 1_000_000
    print(f"seed: {seed}", flush=True)
    shutil.rmtree(options.place, ignore_errors=True)
    folder, found = options.place / "inputs", options.place / "findings"
    folder.mkdir(parents=True)
    found.mkdir()
    for at, data in enumerate([*inputs(), *seeds()]):
        (folder / f"{at:05}").write_bytes(data)
    end = time.monotonic() + 60 * options.minutes
    common = [
        str(folder),
        f"-artifact_prefix={found}/",
        f"-max_len={LONGEST}",
        "-timeout=20",
        "-rss_limit_mb=4000",
        "-reload=1",
    ]
    running: dict[int, tuple[subprocess.Popen[bytes], Path]] = {}
    known: set[Path] = set()
    texts: list[str] = []
    logs: list[Path] = []
    while True:
        left = int(end - time.monotonic())
        for at in range(options.processes):
            if at not in running and left > 0 and len(texts) < MOST_FINDINGS:
                seed += 1
                logs.append(options.place / f"{seed}.log")
                more = [f"-max_total_time={left}", f"-seed={seed}", "-print_final_stats=1"]
                running[at] = _started([*common, *more], logs[-1]), logs[-1]
        if not running:
            break
        time.sleep(0.5)
        for at, (process, log) in list(running.items()):
            if process.poll() is None:
                continue
            del running[at]
            artifacts = sorted(set(found.iterdir()) - known)
            if process.returncode and not artifacts:
                artifacts = [log]
            known |= set(artifacts)
            texts += [_shown(artifact, log) for artifact in artifacts]
    print("\n".join(texts))
    executed = edges = 0
    for log in logs:
        counts = [int(one) for one in re.findall(r"^#(\d+)\t", log.read_text(errors="replace"), flags=re.MULTILINE)]
        executed += max(counts, default=0)
        reached = [int(one) for one in re.findall(r"cov: (\d+)", log.read_text(errors="replace"))]
        edges = max([edges, *reached])
    if options.keep:
        merged = options.place / "merged"
        merged.mkdir()
        log = options.place / "merge.log"
        _started(["-set_cover_merge=1", "-use_counters=0", f"-max_len={LONGEST}", str(merged), str(folder)], log).wait()
        lines = sorted(_line(one.read_bytes()) for one in merged.iterdir())
        old = [line for line in CORPUS.read_text().splitlines() if line.startswith("#")]
        CORPUS.write_text("\n".join([*old, *lines]) + "\n")
    count = len(list(folder.iterdir()))
    print(f"{len(texts)} findings in {executed:,} inputs, {edges:,} edges reached, {count:,} inputs in the corpus")
    return min(len(texts), 1)


if __name__ == "__main__":
    sys.exit(main())
