"""``python -m bench.plots``: the charts of the documentation, drawn from the last run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import svg
from .loop.figures import charts as loop_charts
from .results import LOOP, ROOT, duration, load
from .samples import ACCOUNT

PLACE = ROOT / "docs" / "explanation" / "img"
OURS, OTHER = "#d1495b", "#3b82c4"
COLOURS = {"safecodec": OURS, "msgspec": OTHER, "fastavro": "#8d8d8d"}
LINEAR = {"versions"}
"""Curves that are flat, or should be: what counts is how far from it they are."""

SIZES = ((1e6, "MB"), (1e3, "KB"), (1.0, "B"))


def short_duration(seconds: float) -> str:
    """A tick's time, without a fraction."""
    number, unit = duration(seconds).split()
    return f"{float(number):g} {unit}" if seconds else "0"


def size(count: float) -> str:
    """A tick's bytes."""
    step, unit = next(step for step in SIZES if count >= step[0] * 0.999)
    return f"{count / step:g} {unit}"


def number(count: float) -> str:
    """A tick's count."""
    return f"{count / 1e6:g} M" if count >= 1e6 else f"{count:,.0f}"


def growth_chart(curve: Any) -> str:
    """How one cost grows."""
    show = size if curve["unit"].startswith("bytes") else number
    is_log = curve["name"] not in LINEAR
    series = [
        svg.Line(name, points, COLOURS[name.partition(",")[0].split()[0]], is_dashed="," in name)
        for name, points in curve["points"].items()
    ]
    return svg.lines(curve["title"], curve["unit"], series, show, short_duration, is_log=is_log)


def bar_chart(cells: list[Any], work: str) -> str:
    """What each library takes for the record of ten fields, fastest first."""
    rows = sorted((cell[work], cell["peer"]) for cell in cells)
    bars = [(peer, seconds, OURS if peer.startswith("safecodec") else OTHER) for seconds, peer in rows]
    return svg.bars(f"{work.capitalize()} the record of {ACCOUNT.name}", bars, duration)


def charts(report: Any) -> Iterator[tuple[str, str]]:
    """The name and text of each chart."""
    cells = [cell for cell in report["matrix"] if cell["sample"] == ACCOUNT.name]
    for work in ("decode", "encode"):
        yield f"record-{work}", bar_chart(cells, work)
    for curve in report["growth"]:
        yield f"growth-{curve['name']}", growth_chart(curve)


if __name__ == "__main__":
    PLACE.mkdir(parents=True, exist_ok=True)
    for name, chart in (*charts(load()), *loop_charts(load(LOOP))):
        (PLACE / f"{name}.svg").write_text(chart, encoding="utf-8")
        print(f"drew {name}.svg")
