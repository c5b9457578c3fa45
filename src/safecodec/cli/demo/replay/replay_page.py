"""One HTML page with the picture of a replay: no script, no font, nothing that is loaded from elsewhere."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

from .charts import Frame, columns, lines
from .stories import STORIES
from .tabulate import COLUMNS, TITLES, cells, load_text, statement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .accounts import Run, Second
    from .schedule import Schedule, Table

__all__ = ["draw_replay"]

MOST_CLASSES = 5


def draw_replay(schedule: Schedule, table: Table, servers: str, runs: Sequence[Run]) -> str:
    """Draw the page.

    Args:
        schedule: Load and times.
        table: What the database holds.
        servers: Versions of the servers, and how they were measured.
        runs: The accounts of each way.

    Returns:
        The whole page; it is well-formed XML as well.
    """
    story = STORIES[schedule.slip]
    frame = Frame(schedule.end_at, (schedule.slip_at, schedule.back_at))
    peaks = ", ".join(f"{TITLES[run.way]} {run.own_peak:.0f}" for run in runs)
    bounds = [run.bound for run in runs if run.bound is not None]
    template = Template(files(__package__).joinpath("replay.html").read_text(encoding="utf-8"))
    return template.substitute(
        headline=escape(f"{story.title}: database queries/s of production at the peak: {peaks}"),
        story=escape(story.text),
        slip_at=f"{schedule.slip_at:g}",
        back_at=f"{schedule.back_at:g}",
        load=escape(load_text(schedule, table)),
        head=f"<tr>{''.join(f'<th>{escape(column)}</th>' for column in COLUMNS)}</tr>",
        rows="\n".join(_row(run) for run in runs),
        statements="\n".join(f"<p{'' if bound.holds else _BAD}>{escape(statement(bound))}</p>" for bound in bounds),
        legend="\n".join(f'<li><i class="{run.way}"></i>{escape(TITLES[run.way])}</li>' for run in runs),
        charts="\n".join(_charts(frame, runs)),
        verdicts="\n".join(_verdicts(frame, run) for run in runs),
        measured=escape(servers),
    )


_BAD = ' class="bad"'


def _row(run: Run) -> str:
    return f"<tr>{''.join(f'<td{_BAD * is_bad}>{escape(text)}</td>' for text, is_bad in cells(run))}</tr>"


def _charts(frame: Frame, runs: Sequence[Run]) -> list[str]:
    seconds = {run.way: run.seconds() for run in runs}

    bounds = [run.bound for run in runs if run.bound is not None]
    limit = ("the guard's load rate", bounds[0].rate) if bounds else None

    def chart(title: str, unit: str, pick: Callable[[Second], float | None], **options: Any) -> str:
        series = {way: [pick(second) for second in of] for way, of in seconds.items()}
        return lines(frame, title, unit, series, **options)

    def latency(seconds: float | None) -> float | None:
        return None if seconds is None else seconds * 1000

    return [
        chart("Database queries of production", "per second", lambda s: s.queries, limit=limit),
        chart("Database queries of the process with the slip", "per second", lambda s: s.other),
        chart("Processors that the database uses", "cores", lambda s: s.processor),
        chart("Fallback queries under way", "on average", lambda s: s.busy),
        chart("Latency, p50", "milliseconds, logarithmic", lambda s: latency(s.p50), is_log=True),
        chart("Latency, p99", "milliseconds, logarithmic", lambda s: latency(s.p99), is_log=True),
        chart("Requests that failed", "per second", lambda s: s.failed),
        chart("Wrong values served", "per second", lambda s: s.wrong),
    ]


def _verdicts(frame: Frame, run: Run) -> str:
    seconds = run.seconds()
    names = [name for name, _ in run.verdicts.most_common(MOST_CLASSES)]
    series: dict[str, list[int]] = {name: [second.verdicts.get(name, 0) for second in seconds] for name in names}
    rest = [sum(second.verdicts.values()) - sum(series[name][second.at] for name in names) for second in seconds]
    if any(rest):
        series["others"] = rest
    return columns(frame, TITLES[run.way], "requests per second", series)
