"""What a service did in any span of time, from the coarsest cells that fit and rows at the edges."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from prober.rollups import Cell, merged, times_ms
from prober.storage import archive, rollup
from prober.storage.archive import BUCKETS_AN_HOUR
from prober.storage.rollup import DAY_MS, Changes
from prober.storage.segment import HOUR_MS, Raw
from prober.storage.tables import BUCKET_MS, results

Span = tuple[int, int]
"""From a moment until another one, in epoch milliseconds."""


def over(connection: Connection, service_id: int, spans: Sequence[Span], now_ms: int) -> list[Cell]:
    """One cell for each span; spans follow each other in time. What lies after `now_ms` is unknown.

    The connection must see one state of the database throughout.
    """
    if not spans:
        return []
    whole = (spans[0][0], spans[-1][1])
    known = _known(connection, service_id, whole)
    holes = [hole for span in spans for hole in _holes(span, known)]
    found = _Rows(connection, service_id, holes, _first_hot(connection), now_ms)
    return [
        merged(
            [
                *(known[start] for start in _covering(span, known)),
                *(found.cell(hole) for hole in _holes(span, known)),
            ]
        )
        for span in spans
    ]
