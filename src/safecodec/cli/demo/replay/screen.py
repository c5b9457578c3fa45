"""What the terminal shows of a replay: a table that moves, a progress bar, and the outcomes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid
from rich.text import Text

from .tabulate import COLUMNS, TITLES, cells, milliseconds, statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from .accounts import Run, Second

__all__ = ["show_runs", "watching"]

LIVE = ("way", "at", "req/s", "p50", "p99", "db/s", "cores", "failed", "wrong", "verdicts")


@contextmanager
def watching(ways: int, seconds: float) -> Iterator[Callable[[Run, int], None]]:
    """Show what goes on while the block runs.

    Args:
        ways: How many ways are played.
        seconds: How long each takes.

    Yields:
        A function to call once a second, with the accounts so far and the number of the second that begins.
    """
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    task = bar.add_task("replaying the incident", total=ways * seconds)
    rows: dict[str, list[str]] = {}

    def after_second(run: Run, second: int) -> None:
        # The latest second that every reader has told all of.
        rows[run.way] = live_row(run, run.recent(max(0, second - 2)))
        bar.update(task, completed=min(len(rows) * seconds, (len(rows) - 1) * seconds + second))
        live.update(Group(live_table(rows), bar))

    with Live(Group(live_table(rows), bar), refresh_per_second=4, transient=True) as live:
        yield after_second


def live_row(run: Run, second: Second) -> list[str]:
    """Return the cells of a way in the table that moves.

    Args:
        run: The accounts so far.
        second: The second that is shown.
    """
    return [
        TITLES[run.way],
        f"{second.at} s",
        str(second.requests),
        milliseconds(second.p50),
        milliseconds(second.p99),
        f"{second.queries + second.other:.0f}",
        "-" if second.processor is None else f"{second.processor:.1f}",
        str(second.failed),
        str(second.wrong),
        "\n".join(f"{name} {count}" for name, count in second.verdicts.items()),
    ]


def live_table(rows: dict[str, list[str]]) -> Grid:
    """Lay out the table that moves.

    Args:
        rows: The cells of each way.
    """
    grid = Grid(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in LIVE:
        grid.add_column(column, justify="left" if column in ("way", "verdicts") else "right", no_wrap=True)
    for row in rows.values():
        grid.add_row(*(Text(cell) for cell in row))
    return grid


def show_runs(title: str, runs: Sequence[Run], notes: Sequence[str], page: Path) -> None:
    """Print the outcomes, and where the page is.

    Args:
        title: Of the table.
        runs: The accounts of each way.
        notes: Sentences below the table.
        page: Where the page was written.
    """
    console = Console(highlight=False)
    grid = Grid(title=Text(title), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in COLUMNS:
        # Folded headings, and numbers that are not: 80 columns are enough.
        heading = column.replace(" ", "\n")
        grid.add_column(heading, justify="left" if column == COLUMNS[0] else "right", no_wrap=True)
    for run in runs:
        grid.add_row(*(Text(text, style="bold red" if is_bad else "") for text, is_bad in cells(run)))
    console.print(grid)
    for run in runs:
        if run.bound is not None:
            console.print(Text(statement(run.bound), style="" if run.bound.holds else "bold red"))
    for note in notes:
        console.print(Text(note))
    console.print(Text(f"the picture: {page.resolve()}"), soft_wrap=True)
