"""The tables and charts of what was measured, from what ``python -m bench.loop`` wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .. import svg
from ..results import duration, table, verdict

OURS, OTHER, CALL = "#d1495b", "#3b82c4", "#e8a13a"
COLOURS = {
    "the same, gc=False, let go in steps": OURS,
    "the same, the collector held": "#b0718f",
    "adecode, by release": "#8f5fb0",
    "adecode, by call": CALL,
    "decode on the loop": OTHER,
    "nothing": "#5a9e6f",
}
RANKS = (2, 4, 10, 20, 50, 100, 200, 500, 1000)
"""One in so many waits is longer."""


def stalls(report: Any) -> str:
    """The longest stalls of a loop, by who decodes."""

    def rows() -> Iterator[tuple[str, ...]]:
        for one in report["stalls"]:
            where = f"{one['value']}, collector {'on' if one['collector'] else 'off'}"
            cells = (one["seconds"], one["typical"], max(one["longest"]), one["stolen"], one["idle"])
            target = "" if one["target"] is None else f"{one['target'] * 1e3:g} ms"
            loop = f"{one['loop']}, {one['cores']} core{'s' if one['cores'] > 1 else ''}"
            shown = (duration(cell) if cell else "0" for cell in cells)
            yield where, loop, one["library"], *shown, target, verdict(one)

    head = ("value", "loop", "library", "decode", "longest stall", "of all runs", "stolen", "loop alone", "target", "")
    return table(head, rows(), names=3)


def costs(report: Any) -> str:
    """What breathing costs a decode that nobody waits for."""

    def rows() -> Iterator[tuple[str, ...]]:
        for one in report["costs"]:
            target = "" if one["target"] is None else f"{one['target']:g}"
            ratio = (f"{one['ratio']:.3f}", f"{one['low']:.3f} to {one['high']:.3f}")
            yield one["value"], one["library"], duration(one["seconds"]), *ratio, target, verdict(one)

    head = ("decoded", "by", "time", "by one that does not breathe", "19 in 20 lie", "target", "")
    return table(head, rows(), names=2)


def waits(report: Any) -> str:
    """What small requests waited, by how configurations were decoded for others."""

    def rows() -> Iterator[tuple[str, ...]]:
        for one in report["waits"]:
            figures = (duration(one[name]) for name in ("p50", "p99", "max"))
            target = "" if one["target"] is None else f"{one['target']:g}"
            yield one["way"], str(one["rate"]), *figures, f"{one['by_idle']:.2f}", target, verdict(one)

    head = ("configurations decoded by", "a second", "p50", "p99", "longest", "p99 by idle", "target", "")
    return table(head, rows())


def hops(report: Any) -> str:
    """Inline against pooled, by size."""
    rows = (
        (f"{one['size']:,} B", *(duration(one[name]) for name in ("plain", "inline", "pooled", "loop")))
        for one in report["hops"]
    )
    return table(("frame", "`decode`", "`adecode` inline", "`adecode` pooled", "of it the loop's own"), rows)


def stall_chart(report: Any) -> str:
    """Bars of the stalls, of the first value on two cores under asyncio."""
    first = report["stalls"][0]["value"]
    chosen = [one for one in report["stalls"] if (one["value"], one["loop"], one["cores"]) == (first, "asyncio", 2)]
    bars = [
        (one["library"], one["typical"], OURS if one["target"] is not None else OTHER)
        for one in sorted(chosen, key=lambda one: one["typical"])
    ]
    return svg.bars(f"Longest stall of a loop while another thread decodes {first}", bars, duration)


def wait_chart(report: Any, rate: int) -> str:
    """Lines of the waits by rank, at one rate of configurations."""
    series = []
    for one in report["waits"]:
        if one["rate"] == rate:
            ordered = sorted(one["seconds"])
            points = [(float(rank), ordered[-1 - len(ordered) // rank]) for rank in RANKS if rank <= len(ordered)]
            series.append(
                svg.Line(one["way"], points, COLOURS.get(one["way"], "#8d8d8d"), is_dashed=one["way"] == "nothing")
            )
    title = f"Waits of small requests, while {rate} configuration{'s' if rate > 1 else ''} a second are decoded"
    return svg.lines(
        title, "one request in so many waits longer", series, lambda rank: f"{rank:g}", duration, is_log=True
    )


def hop_chart(report: Any) -> str:
    """Lines of inline and pooled decodes, by size."""
    names = {
        "inline": ("adecode inline", OTHER),
        "pooled": ("adecode on the pool", OURS),
        "loop": ("of it the loop's own", CALL),
    }
    series = [
        svg.Line(name, [(one["size"], one[field]) for one in report["hops"]], colour)
        for field, (name, colour) in names.items()
    ]
    return svg.lines(
        "What a hop costs", "bytes of the frame", series, lambda count: f"{count:,.0f}", duration, is_log=True
    )


def charts(report: Any) -> Iterator[tuple[str, str]]:
    """The name and text of each chart."""
    yield "loop-stalls", stall_chart(report)
    for rate in sorted({one["rate"] for one in report["waits"]}):
        yield f"loop-waits-{rate}", wait_chart(report, rate)
    yield "loop-hop", hop_chart(report)
