"""The recorded cases of tests/vectors/specification and the known disagreements, read, and as tables of a page."""

from __future__ import annotations

import datetime
import decimal
import json
import math
import uuid
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

FOLDER = Path(__file__).parent / "vectors" / "specification"
PAGE = Path(__file__).parent.parent / "docs" / "reference" / "specification.md"
SOURCES = ("specification-1.12", "avro-1.12.2", "fastavro-1.13.1")

TAGS: dict[type, Any] = {
    bytes: bytes.hex,
    decimal.Decimal: str,
    datetime.datetime: datetime.datetime.isoformat,
    datetime.date: datetime.date.isoformat,
    datetime.time: datetime.time.isoformat,
    uuid.UUID: str,
}
"""Functions that make text of values that JSON lacks; the text is stored as ``{"$type": text}``."""
FROM_TAGS: dict[str, Any] = {
    "$bytes": bytes.fromhex,
    "$Decimal": decimal.Decimal,
    "$datetime": datetime.datetime.fromisoformat,
    "$date": datetime.date.fromisoformat,
    "$time": datetime.time.fromisoformat,
    "$UUID": uuid.UUID,
    "$float": float,
    "$tuple": lambda items: tuple(from_json(one) for one in items),
}


class Untagged(ValueError):
    """A Python value of a type that no Avro schema has."""


def to_json(value: Any) -> Any:
    """Return a value as JSON that `from_json` reads back exactly."""
    kind = type(value)
    if kind in TAGS:
        return {f"${kind.__name__}": TAGS[kind](value)}
    if kind is float and not math.isfinite(value):
        return {"$float": str(value)}
    if kind is list:
        return [to_json(one) for one in value]
    if kind is tuple:
        return {"$tuple": [to_json(one) for one in value]}
    if kind is dict and all(type(key) is str for key in value):
        return {key: to_json(one) for key, one in value.items()}
    if value is None or kind in (bool, int, float, str):
        return value
    raise Untagged(f"{kind.__name__} is not stored")


def from_json(stored: Any) -> Any:
    """Return the value that `to_json` stored."""
    if isinstance(stored, list):
        return [from_json(one) for one in stored]
    if isinstance(stored, dict):
        tag = next(iter(stored), "")
        if len(stored) == 1 and tag in FROM_TAGS:
            return FROM_TAGS[tag](stored[tag])
        return {key: from_json(one) for key, one in stored.items()}
    return stored


# ---- cases -------------------------------------------------------------------------------------------------------

KINDS = {
    "schema": "a schema is valid, or is not",
    "canonical": "parsing canonical form",
    "fingerprint": "fingerprint",
    "match": "a pair of schemas resolves, or does not",
    "write": "a value is written as these bytes, or is refused",
    "read": "bytes are read as this value, or are refused",
}


@dataclass(frozen=True)
class Case:
    """One recorded input and its recorded outcome.

    Args:
        source: The specification or the package.
        test: The section of the specification, or the package's test.
        ordinal: The place among the cases of the test.
        kind: One of `KINDS`.
        given: The stored JSON.
    """

    source: str
    test: str
    ordinal: int
    kind: str
    given: dict[str, Any]

    @property
    def name(self) -> str:
        """A name of its own."""
        return f"{self.test}#{self.ordinal}"


@cache
def cases() -> tuple[Case, ...]:
    """Every case of every source."""
    found = []
    for source in SOURCES:
        counts: Counter[str] = Counter()
        for given in json.loads((FOLDER / f"{source}.json").read_text("utf-8"))["cases"]:
            test = f"{source.partition('-')[0]}:{given['test']}"
            found.append(Case(source, test, counts[test], given["kind"], given))
            counts[test] += 1
    return tuple(found)


def files() -> set[str]:
    """The names of the data files whose records are among the cases."""
    return {name for case in cases() for name in case.given.get("files", ())}


@dataclass(frozen=True)
class Disagreement:
    """One reason for which safecodec's answer is not the recorded one.

    Args:
        reason: Both sides.
        right: Who is right by the specification: ``safecodec``, the other by its letter, from which safecodec departs
            on purpose (``departure``), or nobody, as it says nothing (``open``).
        ours: Whether safecodec ``refuses`` what the other takes, ``accepts`` what it refuses, or ``differs``.
        cases: The ordinals of the cases, by test.
    """

    reason: str
    right: Literal["safecodec", "departure", "open"]
    ours: Literal["refuses", "accepts", "differs"]
    cases: dict[str, list[int]]

    @property
    def names(self) -> list[str]:
        """The names of the cases."""
        return [f"{test}#{ordinal}" for test, ordinals in self.cases.items() for ordinal in ordinals]


@cache
def disagreements() -> tuple[Disagreement, ...]:
    """Every known disagreement."""
    return tuple(Disagreement(**entry) for entry in json.loads((FOLDER / "disagreements.json").read_text("utf-8")))


# ---- the page ----------------------------------------------------------------------------------------------------

RIGHT = {
    "safecodec": "safecodec",
    "departure": "the letter; safecodec departs from it on purpose",
    "open": "the specification says nothing",
}


def tables() -> dict[str, str]:
    """The tables of docs/reference/specification.md, by the names of their marks."""
    names = {name for one in disagreements() for name in one.names}
    counts = ["| source | kind of case | cases | agree | disagree |", "| --- | --- | ---: | ---: | ---: |"]
    for source in SOURCES:
        for kind, about in KINDS.items():
            found = [case for case in cases() if (case.source, case.kind) == (source, kind)]
            apart = sum(case.name in names for case in found)
            if found:
                counts.append(f"| {source} | {about} | {len(found)} | {len(found) - apart} | {apart} |")
    counts.append(f"| all | | {len(cases())} | {len(cases()) - len(names)} | {len(names)} |")
    found_in: dict[tuple[str, str], dict[str, list[int]]] = {}
    for one in disagreements():
        for test, ordinals in one.cases.items():
            found_in.setdefault((one.right, one.reason), {}).setdefault(test, []).extend(ordinals)
    rows = ["| right by the specification | the disagreement | cases |", "| --- | --- | --- |"]
    for (right, reason), by_test in found_in.items():
        where = ", ".join(f"`{test}` {' '.join(map(str, sorted(ordinals)))}" for test, ordinals in by_test.items())
        rows.append(f"| {RIGHT[right]} | {reason} | {where} |")
    return {"counts": "\n".join(counts), "disagreements": "\n".join(rows)}


def page(text: str) -> str:
    """Return the page's text with the tables as they are now."""
    for name, table in tables().items():
        head, _, rest = text.partition(f"<!-- {name} -->\n")
        tail = rest.partition(f"<!-- /{name} -->")[2]
        text = f"{head}<!-- {name} -->\n{table}\n<!-- /{name} -->{tail}"
    return text
