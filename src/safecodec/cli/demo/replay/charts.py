"""Charts over the time of a run, as SVG within a page: lines of each way, and columns of verdicts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Frame", "columns", "lines"]

WIDTH: Final = 520
HEIGHT: Final = 250
LEFT: Final = 52
RIGHT: Final = 14
TOP: Final = 40
BOTTOM: Final = 34
MOST_TICKS: Final = 6

Values: TypeAlias = "Sequence[float | None]"


@dataclass(frozen=True, slots=True)
class Frame:
    """What all charts of a page have in common.

    Args:
        end: Seconds that a run lasts.
        slip: When the slip is live: from, to.
    """

    end: float
    slip: tuple[float, float]

    def x(self, at: float) -> float:
        """Return where a time lies."""
        return LEFT + (WIDTH - LEFT - RIGHT) * at / self.end

    def draw(self, title: str, unit: str, axis: Axis, parts: Sequence[str]) -> str:
        """Return a chart.

        Args:
            title: What it shows.
            unit: Of the numbers up.
            axis: The axis up.
            parts: What is drawn in it.
        """
        begin, end = (self.x(at) for at in self.slip)
        ground = HEIGHT - BOTTOM
        band = (
            f'<rect class="slip" x="{begin:.1f}" y="{TOP}" width="{end - begin:.1f}" height="{ground - TOP}" />'
            f'<text class="small" x="{begin + 4:.1f}" y="{TOP + 12}">slip</text>'
        )
        grid = "".join(
            f'<path class="grid" d="M{LEFT} {axis.y(tick):.1f}H{WIDTH - RIGHT}" />'
            f'<text class="small end" x="{LEFT - 6}" y="{axis.y(tick) + 4:.1f}">{tick:g}</text>'
            for tick in axis.ticks
        )
        times = "".join(
            f'<text class="small middle" x="{self.x(at):.1f}" y="{ground + 18}">{at:g}{" s" if not at else ""}</text>'
            for at in even_ticks(self.end)
        )
        return (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)} over time">'
            f'<text class="title" x="4" y="16">{escape(title)}</text>'
            f'<text class="small" x="4" y="31">{escape(unit)}</text>{band}{grid}{times}{"".join(parts)}</svg>'
        )


@dataclass(frozen=True, slots=True)
class Axis:
    """The axis up.

    Args:
        ticks: The numbers at it, in rising order; it reaches from the first to the last.
        is_log: Whether equal steps are equal ratios.
    """

    ticks: Sequence[float]
    is_log: bool = False

    def y(self, value: float) -> float:
        """Return where a number lies; what is below the axis lies on the ground."""
        low, high = self.ticks[0], self.ticks[-1]
        value = max(low, value)
        share = math.log(value / low) / math.log(high / low) if self.is_log else (value - low) / (high - low)
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * share


def even_ticks(most: float) -> list[float]:
    """Return at most `MOST_TICKS` + 1 round numbers from 0 up to a number, or to 1 where it is 0.

    Args:
        most: The number.
    """
    most = most or 1.0
    power = 10.0 ** math.floor(math.log10(most / MOST_TICKS))
    step = next(power * digit for digit in (1, 2, 5, 10) if most / (power * digit) <= MOST_TICKS)
    return [step * number for number in range(int(most / step + 1e-9) + 1)]


def _linear(most: float) -> Axis:
    ticks = even_ticks(most)
    # The axis ends at a tick that is no less than the number.
    return Axis(ticks if ticks[-1] >= most else [*ticks, ticks[-1] + ticks[1] - ticks[0]])


def _logarithmic(least: float, most: float) -> Axis:
    low = math.floor(math.log10(least) + 1e-9)
    return Axis([10.0**power for power in range(low, max(low + 1, math.ceil(math.log10(most) - 1e-9)) + 1)], True)


def lines(
    frame: Frame,
    title: str,
    unit: str,
    series: Mapping[str, Values],
    *,
    is_log: bool = False,
    limit: tuple[str, float] | None = None,
) -> str:
    """Draw a line for each way.

    Args:
        frame: What all charts have in common.
        title: What the chart shows.
        unit: Of the numbers.
        series: The numbers of each second by the way's name, which is the line's class; None leaves a gap.
        is_log: Whether the axis up is logarithmic.
        limit: The name of a limit and its number, drawn across; None for none.

    Returns:
        The SVG element.
    """
    known = [value for values in series.values() for value in values if value is not None and (value or not is_log)]
    axis = _logarithmic(min(known, default=1), max(known, default=1)) if is_log else _linear(max(known, default=0))
    drawn = [
        f'<path class="line {escape(name)}" d="{path}" />'
        for name, values in series.items()
        if (path := _path(frame, values, axis.y))
    ]
    if limit is not None and limit[1] <= axis.ticks[-1]:
        y = axis.y(limit[1])
        drawn.append(f'<path class="limit" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" />')
        drawn.append(f'<text class="small end" x="{WIDTH - RIGHT}" y="{y - 4:.1f}">{escape(limit[0])}</text>')
    return frame.draw(title, unit, axis, drawn)


def _path(frame: Frame, values: Values, y: Callable[[float], float]) -> str:
    path, is_open = "", False
    for at, value in enumerate(values):
        if value is not None:
            path += f"{'L' if is_open else 'M'}{frame.x(at + 0.5):.1f} {y(value):.1f}"
        is_open = value is not None
    return path


def columns(frame: Frame, title: str, unit: str, series: Mapping[str, Sequence[int]]) -> str:
    """Draw a column for each second, made of parts.

    Args:
        frame: What all charts have in common.
        title: What the chart shows.
        unit: Of the numbers.
        series: The numbers of each second by the part's name, from the ground up; the place is the part's colour.

    Returns:
        The SVG element, with a legend in it.
    """
    sums = [sum(parts) for parts in zip(*series.values(), strict=True)]
    axis = _linear(max(sums, default=0))
    floors = [0.0] * len(sums)
    drawn, x = [], float(LEFT)
    width = (frame.x(1) - frame.x(0)) * 0.9
    for place, (name, values) in enumerate(series.items()):
        path = ""
        for at, value in enumerate(values):
            if value:
                bottom, floors[at] = floors[at], floors[at] + value
                top, height = axis.y(floors[at]), axis.y(bottom) - axis.y(floors[at])
                path += f"M{frame.x(at):.1f} {top:.1f}h{width:.1f}v{height:.1f}h{-width:.1f}z"
        drawn.append(f'<path class="part{place}" d="{path}" />')
        drawn.append(f'<rect class="part{place}" x="{x:.0f}" y="{HEIGHT - 11}" width="9" height="9" />')
        drawn.append(f'<text class="small" x="{x + 13:.0f}" y="{HEIGHT - 3}">{escape(name)}</text>')
        x += 26 + 6.6 * len(name)
    return frame.draw(title, unit, axis, drawn)
