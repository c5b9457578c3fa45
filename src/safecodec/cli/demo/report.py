"""What the terminal shows: a progress bar and a table. The one module that imports rich."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from .codecs import SIDES
from .scenario import FAULTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from .fleet import Plan, Run

REFRESH = 50  # reads between two moves of the bar: moving it costs as much as a few reads


@contextmanager
def progress(total: int) -> Iterator[Callable[[], None]]:
    """Show a progress bar while the block runs.

    Args:
        total: Reads until it is full.

    Yields:
        A function to call after each read.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    done = 0
    with Progress(*columns) as bar:
        task = bar.add_task("replaying the incident", total=total)

        def after_read() -> None:
            nonlocal done
            done += 1
            if done % REFRESH == 0 or done == total:
                bar.update(task, completed=done)

        yield after_read


def show(plan: Plan, runs: Sequence[Run], page: Path, seconds: float) -> None:
    """Print the table of outcomes, the sums, and where the page is.

    Args:
        plan: How large the demo was.
        runs: The accounts, in the order of the faults.
        page: Where the page was written.
        seconds: How long all of it took.
    """
    console = Console(highlight=False)
    console.print(table(plan, runs))
    for side in SIDES:
        rows = [(run.wrong, run.reads, run.database_reads) for run in runs if run.codec == side.name]
        wrong, reads, loads = (sum(counts) for counts in zip(*rows, strict=True))
        console.print(f"{side.name}: {wrong} wrong values served in {reads} reads, {loads} reads of the database")
    # As Text and unwrapped: a path may hold what rich takes for markup, and must survive being copied.
    console.print(Text(f"{seconds:.1f} s; the picture: {page.resolve()}"), soft_wrap=True)


def table(plan: Plan, runs: Sequence[Run]) -> Table:
    """Lay out the outcomes, two rows for each fault.

    Args:
        plan: How large the demo was.
        runs: The accounts, in the order of the faults.

    Returns:
        The table.
    """
    titles = {fault.name: fault.title for fault in FAULTS}
    title = f"{plan.reads} reads by {plan.readers} readers for each fault and codec, seed {plan.seed}"
    grid = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    grid.add_column("fault")
    grid.add_column("codec", no_wrap=True)
    grid.add_column("right", justify="right")
    grid.add_column("wrong", justify="right")
    # In a narrow terminal the fault's title folds: the name of a class is what one searches for.
    grid.add_column("errors, by class", no_wrap=True)
    grid.add_column("database", justify="right")
    last = ""
    for run in runs:
        if last and run.fault != last:
            grid.add_section()
        grid.add_row(
            Text(titles[run.fault] if run.fault != last else ""),
            Text(run.codec),
            str(run.right),
            Text(str(run.wrong), style="bold red" if run.wrong else "green"),
            Text("\n".join(f"{name} {count}" for name, count in run.frequent)),
            str(run.database_reads),
        )
        last = run.fault
    return grid
