"""Cython's own annotation of the engine's loops, by function: which lines are plain C, and which talk to Python.

Cython gives each line a score: how much of the C that it makes of it calls CPython. A line of score 0 calls nothing.
"""

from __future__ import annotations

import html
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .results import ROOT

SOURCES = ROOT / "src" / "safecodec" / "avro"
ANNOTATED = ("_decoder.pyx", "_skip.pyx", "_encoder.pyx", "_leaves.pxd")
LINE = re.compile(r'<pre class="cython line score-(?P<score>\d+)"[^>]*>[^<]*<span class="">(?P<number>\d+)</span>:')
FUNCTION = re.compile(r"^cdef (?:inline )?[^=]*?(?P<name>\w+)\([^=]*\)?")
OUTSIDE = ("hold", "left_over", "refuse_unknown", "put_set", "put_union", "fitting", "fits", "loosened", "put_default")
"""Called once a payload, or for what is seldom."""
SWITCHES = ("language_level=3", "boundscheck=False", "wraparound=False", "freethreading_compatible=True")


@dataclass
class Annotated:
    """A function and the scores of its lines.

    Args:
        file: Its file.
        name: Its name.
        scores: By line number, of lines that make C.
    """

    file: str
    name: str
    scores: dict[int, int] = field(default_factory=dict)

    @property
    def calling(self) -> dict[int, int]:
        """Lines that call CPython."""
        return {number: score for number, score in self.scores.items() if score}


def scores(source: Path) -> dict[int, int]:
    """Return the score of each line of a source, as Cython annotates it."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "annotated.c"
        switches = [part for switch in SWITCHES for part in ("-X", switch)]
        command = [
            sys.executable,
            "-m",
            "cython",
            "-a",
            *switches,
            "-I",
            str(ROOT / "src"),
            str(source),
            "-o",
            str(out),
        ]
        subprocess.run(command, check=True, cwd=ROOT / "src", capture_output=True)
        page = html.unescape(out.with_suffix(".html").read_text(encoding="utf-8"))
    return {int(found["number"]): int(found["score"]) for found in LINE.finditer(page)}


def functions(source: Path) -> Iterator[Annotated]:
    """The functions of a source that have no class, in its order."""
    by_line = scores(source)
    current: Annotated | None = None
    for number, text in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
        if text and not text[0].isspace():
            found = FUNCTION.match(text)
            if current is not None:
                yield current
            current = Annotated(source.name, found["name"]) if found and text.rstrip().endswith(":") else None
        elif current is not None and number in by_line and text.strip():
            current.scores[number] = by_line[number]
    if current is not None:
        yield current


def loops() -> Iterator[tuple[str, ...]]:
    """A line for each function that values take: its lines, how many call CPython for a value, and which do most.

    What only raises an error is left out: a value does not come there.
    """
    for name in ANNOTATED:
        source = (SOURCES / name).read_text(encoding="utf-8").splitlines()
        for one in functions(SOURCES / name):
            if one.name in OUTSIDE:
                continue
            calling = {source[at - 1].strip(): score for at, score in one.calling.items()}
            calling = {text: score for text, score in calling.items() if not text.startswith("raise ")}
            most = sorted(calling.items(), key=lambda pair: -pair[1])[:2]
            shown = ", ".join(f"`{text.replace('|', chr(92) + '|')}` ({score})" for text, score in most)
            yield f"`{one.name}`", f"`{name}`", str(len(one.scores)), str(len(calling)), shown


if __name__ == "__main__":
    for row in loops():
        print(" | ".join(row))
