"""One HTML page with the picture of a demo: no script, no font, nothing that is loaded from elsewhere."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from .codecs import SIDES, Framed, Guarded
from .scenario import FAULTS
from .tally import LOAD_RATE, READS_PER_SECOND, Sum, sum_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .tally import Plan, Run, Slice

# The picture, in units of its view box: one row for each fault, one panel in it for each side.
WIDTH = 1000
GAP = 40
PANEL = (WIDTH - GAP * (len(SIDES) - 1)) / len(SIDES)
BARS = 44
ROW = 108
KINDS = ("right", "failed", "stale", "unavailable", "wrong")  # from the ground up


def draw_page(plan: Plan, runs: Sequence[Run]) -> str:
    """Draw the page.

    Args:
        plan: How large the demo was.
        runs: The accounts, in the order of the faults.

    Returns:
        The whole page; it is well-formed XML as well.
    """
    sums = {side.name: sum_up(runs, side.name) for side in SIDES}
    counts = ", ".join(f"{name} {total.wrong}" for name, total in sums.items())
    alone, guard = sums[Framed.name], sums[Guarded.name]
    template = Template(files(__package__).joinpath("page.html").read_text(encoding="utf-8"))
    return template.substitute(
        headline=escape(f"Wrong values served: {counts}"),
        reads=plan.reads,
        readers=plan.readers,
        seed=plan.seed,
        sums="\n".join(_sum(name, total) for name, total in sums.items()),
        load_rate=LOAD_RATE,
        reads_per_second=READS_PER_SECOND,
        all_reads=alone.reads,
        refused=alone.failed,
        refused_most=alone.most,
        guard_most=guard.most,
        guard_bound=guard.bound,
        stale=guard.stale,
        picture=_picture(plan, runs),
        rows="\n".join(_table_row(run) for run in runs),
    )


def _sum(name: str, total: Sum) -> str:
    bound = "" if total.bound is None else f", at most {total.most} of {total.bound} in one run"
    without = f", {total.unavailable} without a value" if total.unavailable else ""
    return (
        f"<li>{escape(name)}<b{_bad(total.wrong)}>{total.wrong} wrong</b>"
        f'<span class="faint">of {total.reads} reads; {total.stale} stale{without}; '
        f"{total.failed} met bytes whose decode fails; {total.database_reads} reads of the database{bound}</span></li>"
    )


def _bad(count: int, *classes: str) -> str:
    names = [*classes, "bad"] if count else list(classes)
    return f' class="{" ".join(names)}"' if names else ""


def _picture(plan: Plan, runs: Sequence[Run]) -> str:
    parts = []
    for row, fault in enumerate(FAULTS):
        top = row * ROW
        parts.append(f'<text class="title" x="0" y="{top + 18}">{escape(fault.title)}</text>')
        shown = [run for run in runs if run.fault == fault.name]
        parts += [_panel(plan, run, column * (PANEL + GAP), top + 26) for column, run in enumerate(shown)]
    return (
        f'<svg viewBox="0 0 {WIDTH} {len(FAULTS) * ROW}" role="img" aria-label="Outcomes of the reads over time, '
        f'by fault and codec; the table below has the numbers">\n{chr(10).join(parts)}\n</svg>'
    )


def _panel(plan: Plan, run: Run, left: float, top: float) -> str:
    start, stop = (left + PANEL * bound / plan.reads for bound in plan.window)
    ground = top + 20 + BARS
    caption = (
        f'<text x="{left:g}" y="{top + 12:g}"><tspan>{escape(run.codec)}: </tspan>'
        f"<tspan{_bad(run.wrong, 'count')}>{run.wrong} wrong</tspan>"
        f'<tspan class="count">, {run.stale} stale, {_database(run)} loads</tspan></text>'
    )
    # A band below the bars: they fill the panel, whatever the outcomes.
    window = f'<rect class="window" x="{start:g}" y="{ground + 3:g}" width="{stop - start:g}" height="5" />'
    bars = "".join(f'<path class="{kind}" d="{path}" />' for kind, path in _bars(run.timeline, left, ground) if path)
    axis = f'<path class="axis" d="M{left:g} {ground:g}h{PANEL:g}" />'
    return f"<g>{caption}{bars}{axis}{window if run.strikes else ''}</g>"


def _bars(timeline: Sequence[Slice], left: float, ground: float) -> Iterable[tuple[str, str]]:
    """One path for each kind of outcome: its part of every slice's bar, on top of the kinds before it."""
    width = PANEL / len(timeline)
    floors = [ground] * len(timeline)
    for kind in KINDS:
        path = ""
        for place, slice_ in enumerate(timeline):
            height = BARS * getattr(slice_, kind) / slice_.total
            if height:
                x, step = left + place * width, width * 0.88
                path += f"M{x:.2f} {floors[place]:.2f}h{step:.2f}v{-height:.2f}h{-step:.2f}z"
                floors[place] -= height
        yield kind, path


def _table_row(run: Run) -> str:
    fault = next(fault for fault in FAULTS if fault.name == run.fault)
    evidence = "".join(
        f"{escape(name)} {count}<code>{escape(_shown(run.messages[name]))}</code>" for name, count in run.frequent
    )
    without = f"without a value {run.unavailable}<br />" if run.unavailable else ""
    example = f"<code>{escape(_shown(run.example))}</code>" if run.example else ""
    return (
        f'<tr><td>{escape(fault.title)}<span class="faint"><br />{escape(fault.story)}</span></td>'
        f'<td>{escape(run.codec)}</td><td class="number">{run.right}</td><td class="number">{run.stale}</td>'
        f'<td class="number"><span{_bad(run.wrong)}>{run.wrong}</span></td>'
        f"<td>{evidence}{without}{'wrong values served silently' + example if example else ''}</td>"
        f'<td class="number"><span{_bad(not run.is_bounded)}>{_database(run)}</span></td></tr>'
    )


def _database(run: Run) -> str:
    return str(run.database_reads) if run.bound is None else f"{run.database_reads} of {run.bound}"


def _shown(message: str) -> str:
    """The message without what a page cannot hold: errors of damaged bytes may quote control characters."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in message)
