"""``python -m bench.report``: the tables of the last run, written between markers of README.md and the documentation.

A marked part begins with ``<!-- figures:NAME -->`` and ends with ``<!-- /figures -->``; what is in between is replaced.
"""

from __future__ import annotations

import itertools
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .annotation import loops
from .loop import figures as loop
from .results import LOOP, PEER, PROFILE, ROOT, SHAPES, duration, load, table, verdict
from .shape_matrix import Cell, shown, summary

EXPLANATION = ROOT / "docs" / "explanation"
FILES = (ROOT / "README.md", EXPLANATION / "performance.md", EXPLANATION / "off-the-loop.md")
MARKED = re.compile(r"(<!-- figures:(?P<name>[\w-]+) -->\n).*?(<!-- /figures -->)", re.DOTALL)
NANOSECOND = "nanosecond"
TOP = 16
"""Functions of a profile that are shown."""


def targets(report: Any) -> str:
    """Each piece of work with its peer, ratio and target."""

    def rows() -> Iterator[tuple[str, ...]]:
        for line in report["results"]:
            unit = " ns" if line["peer"] == NANOSECOND else ""
            target = "" if line["target"] is None else f"{line['target']:g}{unit}"
            ratio = f"{line['ratio']:.0f}{unit}" if unit else f"{line['ratio']:.3f}"
            name, peer = ("header read by `peek`", "") if unit else (line["name"], line["peer"])
            yield name, peer, duration(line["ours"]), ratio, target, verdict(line)

    return table(("work", PEER, "time", "ratio", "target", ""), rows())


def matrix(report: Any) -> str:
    """A table for each sample: what each library takes, and how many times safecodec's Struct that is."""
    head = ("library", "bytes", "encode", "by ours", "decode", "by ours")
    parts = []
    for sample, group in itertools.groupby(report["matrix"], lambda cell: cell["sample"]):
        cells = list(group)
        parts.append(f"### {sample}\n\n{table(head, sample_rows(cells))}")
    return "\n\n".join(parts)


def sample_rows(cells: list[Any]) -> Iterator[tuple[str, ...]]:
    """The lines of a sample; the first is ours."""
    ours = cells[0]
    for cell in cells:
        times = [
            text
            for work in ("encode", "decode")
            for text in (duration(cell[work]), "" if cell is ours else f"{cell[work] / ours[work]:.2f}")
        ]
        yield cell["peer"], f"{cell['size']:,}", *times


def machine(report: Any) -> str:
    """A line on what was measured where."""
    facts = dict(report["machine"])
    processor, python, crc32c = (facts.pop(name) for name in ("processor", "python", "crc32c"))
    facts.pop("core")
    versions = ", ".join(f"{name} {version}" for name, version in facts.items())
    return textwrap.fill(
        f"{processor}, CPython {python}, CRC-32C by {crc32c}; {versions}.", 120, break_on_hyphens=False
    )


def profile(report: Any) -> str:  # noqa: ARG001
    """Instructions of a call by function, of decoding and encoding the record, and what is left over."""
    parts = []
    for work, functions in load(PROFILE).items():
        total = sum(each for _, _, each in functions)
        rows = [
            (f"`{name}`", library, f"{each:,.0f}", f"{each / total:.1%}") for name, library, each in functions[:TOP]
        ]
        rest = total - sum(each for _, _, each in functions[:TOP])
        rows += [("others", "", f"{rest:,.0f}", f"{rest / total:.1%}"), ("together", "", f"{total:,.0f}", "")]
        parts.append(table((f"{work}: function", "of", "instructions", "share"), iter(rows)))
    return "\n\n".join(parts)


def annotation(report: Any) -> str:  # noqa: ARG001
    """How much of each loop calls CPython, as Cython sees it."""
    return table(("function", "file", "lines", "that call CPython", "most (Cython's score)"), loops())


def shapes(report: Any) -> str:  # noqa: ARG001
    """Each shape with its ratios, on the machine of that run, and the worst of them."""
    return f"{machine(load(SHAPES))}\n\n{shown(cells())}"


def shapes_in_short(report: Any) -> str:  # noqa: ARG001
    """The geometric means of the shapes, and the worst of them."""
    return summary(cells())


def cells() -> list[Cell]:
    """The cells that ``python -m bench.shape_matrix`` wrote."""
    return [Cell(**one) for one in load(SHAPES)["cells"]]


def of_loop(part: Callable[[Any], str]) -> Callable[[Any], str]:
    """A table of what ``python -m bench.loop`` wrote."""
    return lambda _: part(load(LOOP))


PARTS: dict[str, Callable[[Any], str]] = {
    "targets": targets,
    "matrix": matrix,
    "machine": machine,
    "profile": profile,
    "annotation": annotation,
    "shapes": shapes,
    "shapes-in-short": shapes_in_short,
    **{f"loop-{part.__name__}": of_loop(part) for part in (loop.stalls, loop.costs, loop.waits, loop.hops)},
}


def fill(text: str, report: Any) -> str:
    """Return a page with its marked parts written anew.

    Raises:
        KeyError: A part has a name that there is no figure for.
    """
    return MARKED.sub(lambda found: f"{found[1]}{PARTS[found['name']](report)}\n{found[3]}", text)


def write(file: Path, report: Any) -> None:
    """Fill a page in place."""
    file.write_text(fill(file.read_text(encoding="utf-8"), report), encoding="utf-8")


if __name__ == "__main__":
    for page in FILES:
        write(page, load())
        print(f"wrote the figures of {page.relative_to(ROOT)}")
