"""The fleet as aligned plain text: a line per service, the counts and the verdict."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from prober import fleet
from prober.reports import rows


def render(members: Sequence[fleet.Member]) -> str:
    """Lines without colour or frames, fit for a pipe; the last is the verdict's sentence."""
    table = [rows.FLEET_COLUMNS, *map(rows.fleet_row, members)]
    lines = [*align(table), "", rows.counts(members), fleet.judge(members).sentence]
    return "\n".join(lines) + "\n"


def align(table: Sequence[Sequence[str]]) -> list[str]:
    """Rows of equal length as lines, each column as wide as its widest cell."""
    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
    return [pad(row, widths) for row in table]


def pad(row: Sequence[str], widths: Sequence[int]) -> str:
    """One line; a cell that is wider than its column moves what follows."""
    # Not str.ljust: it counts characters, and a wide or combining one doesn't fill one cell.
    cells = [cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)]
    return "  ".join(cells).rstrip()
