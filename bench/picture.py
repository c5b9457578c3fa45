"""``python -m bench.picture PAGE``: the picture of docs/explanation/replay.md, of a page that ``make replay`` wrote."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from .results import ROOT

FILE = ROOT / "docs" / "explanation" / "img" / "replay.svg"
CHARTS = (
    "Database queries of production over time",
    "Processors that the database uses over time",
    "Latency, p99 over time",
    "Fallback queries under way over time",
)
"""By their labels, two in a row."""
WIDTH, HEIGHT, GAP = 520, 250, 20
NAMES = {"bare": "bare Avro", "codec": "codec alone", "guard": "guard"}


def picture(page: str) -> str:
    """Return the charts of a page in one SVG, with the page's style and a legend.

    Raises:
        KeyError: The page has no such chart.
    """
    charts: dict[str, str] = dict(re.findall(r'<svg [^>]*aria-label="([^"]*)">(.*?)</svg>', page, re.DOTALL))
    found = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    style = "" if found is None else found[1]
    parts = []
    for at, label in enumerate(CHARTS):
        x, y = at % 2 * (WIDTH + GAP), at // 2 * (HEIGHT + GAP)
        parts.append(f'<g transform="translate({x} {y})">{charts[label]}</g>')
    below = 2 * (HEIGHT + GAP)
    for at, (way, name) in enumerate(NAMES.items()):
        x = 52 + 130 * at
        parts.append(f'<path class="line {way}" d="M{x} {below}h24" /><text x="{x + 32}" y="{below + 4}">{name}</text>')
    width, height = 2 * WIDTH + GAP, below + GAP
    ground = f'<rect width="{width}" height="{height}" fill="var(--ground)" />'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="The replay of the incident"><style>{style}</style>{ground}{"".join(parts)}</svg>\n'
    )


if __name__ == "__main__":
    FILE.write_text(picture(Path(sys.argv[1]).read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote {FILE.relative_to(ROOT)}")
