"""Leave the time of maintenance windows out of what history tells."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from prober import maintenance
from prober.maintenance import Windows
from prober.model import Status, Transition
from prober.rollups import Cell, merged, without
from prober.storage.cells import Span
from prober.storage.reader import Reader


class LeftOut(NamedTuple):
    """A cell without maintenance, and how much time that was."""

    cell: Cell
    maintenance_ms: int


def times(reader: Reader, name: str, span: Span, windows: Windows) -> list[Span]:
    """When a service was in maintenance in a span, as far back as history knows its status."""
    first = next(reader.transitions(name, None, span.end, 1, newest_first=False), None)
    if first is None or not windows:
        return []
    found = maintenance.times(windows, name, max(first.at, span.start), span.end)
    return [Span(*time) for time in found]


def leave_out(
    reader: Reader, name: str, told: Sequence[tuple[Span, Cell]], known: tuple[int, Windows]
) -> list[LeftOut]:
    """The cells of spans, which are in order, without the windows; `known` says until when (ms).

    What a window holds is subtracted: so little of history is read, and the coarsest cells do.
    """
    until, windows = known
    last = min(told[-1][0].end, until)
    planned = times(reader, name, Span(told[0][0].start, last), windows)
    pieces = list(_pieces([span for span, _ in told], planned))
    cells = reader.cells(name, [piece for _, piece in pieces], until)
    parts: dict[int, list[tuple[Span, Cell]]] = {
        index: [(piece, cell) for (_, piece), cell in group]
        for index, group in groupby(zip(pieces, cells, strict=True), lambda each: each[0][0])
    }
    return [_without(cell, parts.get(index, ())) for index, (_, cell) in enumerate(told)]


def outside(changes: Iterable[Transition], planned: Iterable[Span]) -> Iterator[Transition]:
    """The changes of one service, in order, as if nobody had looked at it during these times.

    UNKNOWN begins with each time, and what the service had come to by its end begins then.
    """
    ordered = list(changes)
    moments = [change.at for change in ordered]
    told = 0
    for start, end in planned:
        yield from ordered[told : bisect_left(moments, start)]
        told = bisect_right(moments, end)
        if told:
            held = ordered[told - 1]
            yield held._replace(at=start, new=Status.UNKNOWN, reason=None)
            yield held._replace(at=end, old=Status.UNKNOWN)
    yield from ordered[told:]


def _pieces(spans: Sequence[Span], planned: Sequence[Span]) -> Iterator[tuple[int, Span]]:
    """The times cut where spans end, each with the index of its span."""
    index = 0
    for start, end in planned:
        while start < end:
            while spans[index].end <= start:
                index += 1
            stop = min(end, spans[index].end)
            yield index, Span(start, stop)
            start = stop


def _without(cell: Cell, parts: Sequence[tuple[Span, Cell]]) -> LeftOut:
    if not parts:
        return LeftOut(cell, 0)
    planned_ms = sum(end - start for (start, end), _ in parts)
    return LeftOut(without(cell, merged([part for _, part in parts])), planned_ms)
