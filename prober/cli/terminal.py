"""What only a terminal gets: colours, a table that fits its width, and a progress bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from prober import fleet
from prober.reports import rows

STYLES = {
    "OK": "green",
    "DEGRADED": "yellow",
    "BROKEN": "bold red",
    "UNKNOWN": "magenta",
    "DISABLED": "dim",
}

RIGHT = frozenset({"PORT", "CODE", "LATENCY"})
SHORTENED = frozenset({"ENDPOINT", "REASON", "SNIPPET"})


def show(members: Sequence[fleet.Member]) -> None:
    """Print the fleet on stdout in colour, unless NO_COLOR forbids it."""
    console = Console(highlight=False)
    console.print(_table(members))
    console.print(Text(rows.counts(members), style="dim"))
    verdict = fleet.judge(members)
    console.print(Text(verdict.sentence, style="bold green" if verdict.well else "bold red"))


def _table(members: Sequence[fleet.Member]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in rows.FLEET_COLUMNS:
        # rich narrows the columns that may wrap first, and their cells are cut instead.
        table.add_column(
            column,
            justify="right" if column in RIGHT else "left",
            no_wrap=column not in SHORTENED,
        )
    for member in members:
        status, *rest = rows.fleet_row(member)
        # Text, since a service's answer must not be read as markup.
        cells = [Text(cell, no_wrap=True, overflow="ellipsis") for cell in rest]
        table.add_row(Text(status, style=STYLES[status.partition(",")[0]]), *cells)
    return table


@contextmanager
def progress(total: int | None, doing: str = "probing") -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr while it is a terminal; yields what to call after some of `total`.

    The total is None where nobody knows it.
    """
    with _bar(doing) as bar:
        task = bar.add_task(doing, total=total)
        yield lambda steps: bar.advance(task, steps)


@contextmanager
def shrinking(doing: str) -> Iterator[Callable[[int, int], None]]:
    """The same for work that tells how much is left, and of how much."""
    with _bar(doing) as bar:
        task = bar.add_task(doing, total=None)
        yield lambda left, total: bar.update(task, total=total, completed=total - left)


def _bar(doing: str) -> Progress:
    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn())
    return Progress(
        *columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    )
