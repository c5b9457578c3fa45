"""Charts as SVG text: lines and bars, readable on light and on dark pages."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 76, 36, 84, 52
STYLE = """<style>
text { font: 13px system-ui, "DejaVu Sans", sans-serif; fill: #57606a }
.title { font-size: 15px; font-weight: 600; fill: #24292f }
.grid { stroke: #8c959f; stroke-opacity: .25 }
.line { fill: none; stroke-width: 2; stroke-linejoin: round }
.dashed { stroke-dasharray: 5 4 }
@media (prefers-color-scheme: dark) { text { fill: #9da7b3 } .title { fill: #e6edf3 } }
</style>"""

LINE = {False: "line", True: "line dashed"}

Format = Callable[[float], str]
Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Args:
        name: As the legend has it.
        points: Numbers across and up.
        colour: Of line and dots.
        is_dashed: Whether it is a variant of another line with its colour.
    """

    name: str
    points: Sequence[Point]
    colour: str
    is_dashed: bool = False


@dataclass(frozen=True)
class Axis:
    """One direction of a chart.

    Args:
        low: The number at its start.
        high: The number at its end.
        start: The pixel of ``low``.
        end: The pixel of ``high``.
        is_log: Whether equal steps are equal ratios.
        show: How a number is written.
    """

    low: float
    high: float
    start: float
    end: float
    is_log: bool
    show: Format

    def place(self, number: float) -> float:
        """The pixel of a number."""
        low, high, at = (math.log10(n) if self.is_log else n for n in (self.low, self.high, number))
        return self.start + (at - low) / (high - low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Powers of ten, at most eight of them, or about five round numbers."""
        if self.is_log:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            return [10.0**power for power in range(first, last + 1, 1 + (last - first) // 8)]
        step = round_step((self.high - self.low) / 5)
        return [self.low + step * number for number in range(int((self.high - self.low) / step + 1e-9) + 1)]


def round_step(size: float) -> float:
    """The smallest of 1, 2, 5, 10, ... that is no less than a size."""
    power: float = 10.0 ** math.floor(math.log10(size))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= size * 0.999)


def span(numbers: Sequence[float], is_log: bool) -> tuple[float, float]:
    """Where an axis of numbers begins and ends."""
    if not is_log:
        return 0.0, max(numbers) * 1.08
    return 10.0 ** math.floor(math.log10(min(numbers)) + 1e-9), max(numbers) * 1.15


def text(x: float, y: float, content: str, anchor: str = "start", kind: str = "") -> str:
    """A piece of text."""
    style = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{style}>{escape(content)}</text>'


def document(title: str, height: float, parts: Sequence[str]) -> str:
    """The whole file."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img">'
    return "\n".join(
        [head, f"<title>{escape(title)}</title>", STYLE, text(16, 26, title, kind="title"), *parts, "</svg>\n"]
    )


def grid(x: Axis, y: Axis) -> list[str]:
    """Lines and numbers at the ticks of both axes."""
    parts = []
    for tick in y.ticks():
        at = y.place(tick)
        parts.append(f'<path class="grid" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(text(LEFT - 8, at + 4, y.show(tick), "end"))
    for tick in x.ticks():
        at = x.place(tick)
        parts.append(f'<path class="grid" d="M{at:.1f} {y.end:g}V{HEIGHT - BOTTOM}"/>')
        parts.append(text(at, HEIGHT - BOTTOM + 18, x.show(tick), "middle"))
    return parts


def legend(series: Sequence[Line]) -> tuple[list[str], float]:
    """Names beside their lines, in rows under the title; and where the last row ends."""
    parts, x, y = [], 16.0, 48.0
    for one in series:
        width = 42 + 7.2 * len(one.name)
        if x + width > WIDTH:
            x, y = 16.0, y + 20
        parts.append(f'<path class="{LINE[one.is_dashed]}" stroke="{one.colour}" d="M{x:.1f} {y - 4:.1f}h22"/>')
        parts.append(text(x + 28, y, one.name))
        x += width
    return parts, y


def draw(one: Line, x: Axis, y: Axis) -> str:
    """A line with a dot at each point."""
    places = [(x.place(across), y.place(up)) for across, up in one.points]
    path = "L".join(f"{across:.1f} {up:.1f}" for across, up in places)
    dots = "".join(f'<circle cx="{across:.1f}" cy="{up:.1f}" r="3" fill="{one.colour}"/>' for across, up in places)
    return f'<path class="{LINE[one.is_dashed]}" stroke="{one.colour}" d="M{path}"/>{dots}'


def lines(title: str, unit: str, series: Sequence[Line], show_x: Format, show_y: Format, *, is_log: bool) -> str:
    """A chart of lines.

    Args:
        title: What it shows.
        unit: What the axis across counts.
        series: The lines; the first is drawn on top.
        show_x: How numbers across are written.
        show_y: How numbers up are written.
        is_log: Whether both axes are logarithmic.
    """
    across = [point[0] for one in series for point in one.points]
    up = [point[1] for one in series for point in one.points]
    x = Axis(*span(across, is_log), LEFT, WIDTH - RIGHT, is_log, show_x)
    names, end = legend(series)
    y = Axis(*span(up, is_log), HEIGHT - BOTTOM, max(TOP, end + 16), is_log, show_y)
    label = text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, unit, "middle")
    drawn = [draw(one, x, y) for one in reversed(series)]
    return document(title, HEIGHT, [*grid(x, y), label, *names, *drawn])


def bars(title: str, rows: Sequence[tuple[str, float, str]], show: Format) -> str:
    """A chart of bars from the left, each with its number.

    Args:
        title: What it shows.
        rows: Name, length and colour of each bar.
        show: How a number is written.
    """
    left, step, longest = 236, 26, max(length for _, length, _ in rows)
    parts = []
    for number, (name, length, colour) in enumerate(rows):
        y = 46 + number * step
        width = max(1.0, length / longest * (WIDTH - left - 90))
        parts.append(text(left - 10, y + 13, name, "end"))
        parts.append(f'<rect x="{left}" y="{y}" width="{width:.1f}" height="18" rx="2" fill="{colour}"/>')
        parts.append(text(left + width + 8, y + 13, show(length)))
    return document(title, 46 + len(rows) * step + 12, parts)
