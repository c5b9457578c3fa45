"""What the terminal shows: a progress bar and a table. The one module that imports rich."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from .codecs import SIDES, Framed, Guarded
from .scenario import FAULTS
from .tally import LOAD_RATE, Sum, sum_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from .tally import Plan, Run

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
    sums = {side.name: sum_up(runs, side.name) for side in SIDES}
    for name, total in sums.items():
        console.print(
            f"{name}: {total.wrong} wrong values served in {total.reads} reads, {total.database_reads} reads of the "
            f"database{_stale(total)}"
        )
    alone, guard = sums[Framed.name], sums[Guarded.name]
    console.print(
        f"The codec alone refuses {alone.failed} of {alone.reads} reads, and each refusal is a read of the database, "
        f"up to {alone.most} in one run. The guard bounds them: {LOAD_RATE} a second and one for each reader, "
        f"{guard.bound} in each run at most, where it took up to {guard.most}."
    )
    # As Text and unwrapped: a path may hold what rich takes for markup, and must survive being copied.
    console.print(Text(f"{seconds:.1f} s; the picture: {page.resolve()}"), soft_wrap=True)


def _stale(total: Sum) -> str:
    values = [f"{total.stale} values from before an update"] if total.stale else []
    return ", ".join(["", *values, *([f"{total.unavailable} reads without a value"] if total.unavailable else [])])


def table(plan: Plan, runs: Sequence[Run]) -> Table:
    """Lay out the outcomes, a row for each side of each fault.

    Args:
        plan: How large the demo was.
        runs: The accounts, in the order of the faults.

    Returns:
        The table.
    """
    titles = {fault.name: fault.title for fault in FAULTS}
    title = f"{plan.reads} reads by {plan.readers} readers for each fault and codec, seed {plan.seed}"
    grid = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=0)
    grid.add_column("fault")
    grid.add_column("codec", no_wrap=True)
    grid.add_column("right", justify="right")
    grid.add_column("stale", justify="right")
    grid.add_column("wrong", justify="right")
    # In a narrow terminal the fault's title folds: the name of a class is what one searches for.
    grid.add_column("errors, by class", no_wrap=True)
    grid.add_column("database", justify="right", no_wrap=True)
    last = ""
    for run in runs:
        if last and run.fault != last:
            grid.add_section()
        grid.add_row(
            Text(titles[run.fault] if run.fault != last else ""),
            Text(run.codec),
            str(run.right),
            str(run.stale),
            Text(str(run.wrong), style="bold red" if run.wrong else "green"),
            Text("\n".join(f"{name} {count}" for name, count in run.frequent)),
            _database(run),
        )
        last = run.fault
    return grid


def _database(run: Run) -> Text:
    if run.bound is None:
        return Text(str(run.database_reads))
    sign, style = ("≤", "green") if run.is_bounded else (">", "bold red")
    return Text(f"{run.database_reads} {sign} {run.bound}", style=style)
