"""Keep the cells of hours and days: made while hours are packed, and made anew on demand."""

from __future__ import annotations

import struct
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain, compress
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    delete,
    func,
    select,
)

from prober.model import Status
from prober.rollups import NONE, Cell, Sparse, histogram, merged, times_ms, uptime_ppm
from prober.storage.columns import column, read_columns
from prober.storage.compaction import ByService
from prober.storage.fetching import among, fetch
from prober.storage.putting import Row, put
from prober.storage.segment import DAY_MS, HOUR_MS, Folded
from prober.storage.tables import rollups, services, transitions

HOUR_S = 3_600
DAY_S = 86_400
MEASURED = frozenset({0, 1, 2})  # outcomes whose latency is the service's own
COUNT = struct.Struct("!I")
DERIVED = rollups.c.uptime_ppm
FIGURES = tuple(c for c in rollups.c if not c.primary_key and c is not DERIVED)

Changes = Sequence[tuple[int, Status]]
Cells = Mapping[int, Cell]


def keep(hour: int, whole: ByService) -> Callable[[Connection], None]:
    """Work out the cells of an hour that was packed, and write them: see `compaction.Tally`.

    Where the cell of its day was made already, that is made anew.
    """
    return partial(_keep, hour, {id_: counted(rows) for id_, rows in whole.items()})


def _keep(hour: int, found: Cells, connection: Connection) -> None:
    start, ids = hour * HOUR_MS, list(found)
    changes = statuses(connection, ids, start, start + HOUR_MS)
    cells = {
        id_: cell._replace(times_ms=times_ms(changes.get(id_, ()), start, start + HOUR_MS))
        for id_, cell in found.items()
    }
    _clear(connection, HOUR_S, start, ids)
    _write(connection, HOUR_S, start, cells)
    day = start - start % DAY_MS
    if _clear(connection, DAY_S, day, ids):
        make_day(connection, day, ids)


def make_day(connection: Connection, day: int, ids: Sequence[int]) -> None:
    """Write the cells of a day of some services, from those of its hours.

    `day` is its first millisecond.
    """
    _clear(connection, DAY_S, day, ids)
    _write(connection, DAY_S, day, _days(connection, day, ids))


def counted(rows: Folded) -> Cell:
    """What rows come to, but for the time that each status held."""
    outcomes: defaultdict[int, int] = defaultdict(int)
    reasons: Counter[int] = Counter()
    # One by one, a few are counted soonest, and many would take the square of the time.
    count_of = rows.which.count if len(rows.kinds) < 4 else Counter(rows.which).__getitem__
    for place, (outcome, _, _, _, reason, _, _) in enumerate(rows.kinds):
        count = count_of(place)
        outcomes[outcome] += count
        if reason is not None:
            reasons[reason] += count
    latencies = _measured(rows)
    return Cell(
        counts=(outcomes[0], outcomes[1], outcomes[2], outcomes[3]),
        reasons=reasons,
        sum_us=sum(latencies),
        min_us=min(latencies, default=None),
        max_us=max(latencies, default=None),
        histogram=histogram(latencies),
    )


def _measured(rows: Folded) -> list[int]:
    """The latencies that are the services' own."""
    mine: Sequence[int | None] = rows.latency_us
    own = [outcome in MEASURED and not stalled for outcome, *_, stalled in rows.kinds]
    if not all(own):
        mine = list(compress(mine, map(own.__getitem__, rows.which)))
    return [latency_us for latency_us in mine if latency_us is not None]


def _held() -> Select[Any]:
    """The last change of each of some services until a moment."""
    at, service_id = transitions.c.at, transitions.c.service_id
    # By its key for each service: a group would walk through all of history.
    before = select(func.max(at)).where(service_id == services.c.id, at <= bindparam("first"))
    last = select(services.c.id, before.scalar_subquery().label("at")).where(
        among(services.c.id, "ids")
    )
    ends = last.subquery()
    return CHANGES.join(ends, (service_id == ends.c.id) & (at == ends.c.at))


# Made once: putting a statement together costs more than running it for a few services.
CHANGES = select(transitions.c.service_id, transitions.c.at, transitions.c.new)
HELD = _held()
TURNED = CHANGES.where(
    among(transitions.c.service_id, "ids"),
    transitions.c.at > bindparam("first"),
    transitions.c.at < bindparam("last"),
).order_by(transitions.c.at)


MINE = (rollups.c.resolution_s == bindparam("width")) & (rollups.c.start == bindparam("first"))
DROP = delete(rollups).where(MINE, among(rollups.c.service_id, "ids"))
OF_SOME = select(rollups.c.service_id, *FIGURES)
# Each start by its number: a range would read the cells of all services.
OF_ONE = (
    select(rollups.c.start, *FIGURES)
    .where(rollups.c.resolution_s == bindparam("width"), rollups.c.service_id == bindparam("id"))
    .where(among(rollups.c.start, "starts"))
    .order_by(rollups.c.start)
)
OLDEST = select(func.min(rollups.c.start)).where(rollups.c.resolution_s == bindparam("width"))


def statuses(
    connection: Connection, ids: Sequence[int], start: int, end: int
) -> dict[int, list[tuple[int, Status]]]:
    """The changes of status of services until `end`, from the last one before `start` on."""
    found: dict[int, list[tuple[int, Status]]] = {}
    mine = {"ids": ids, "first": start}
    for query, span in ((HELD, mine), (TURNED, {**mine, "last": end})):
        for id_, moment, new in fetch(connection, query, span):
            found.setdefault(id_, []).append((moment, Status(new)))
    return found


def read(
    connection: Connection, resolution_s: int, service_id: int, spans: Sequence[tuple[int, int]]
) -> list[tuple[int, Cell]]:
    """The cells of one service that lie whole in one of the spans, each with its beginning.

    The spans follow each other, and so do the cells.
    """
    if not spans:
        return []
    mine = {"width": resolution_s, "id": service_id}
    [(oldest,)] = fetch(connection, OLDEST, mine)
    if oldest is None:
        return []
    width = resolution_s * 1000
    each = (
        range(-(-max(since, oldest) // width) * width, until - width + 1, width)
        for since, until in spans
    )
    starts = list(chain.from_iterable(each))
    found = fetch(connection, OF_ONE, {**mine, "starts": starts})
    return [(start, _cell(figures)) for start, *figures in found]


def packed(counts: Mapping[int, int]) -> bytes | None:
    """Counts by number as bytes: how many, then the steps between the numbers, then the counts."""
    if not counts:
        return None
    sparse = Sparse.of(counts)
    return COUNT.pack(len(sparse)) + column(sparse.steps) + column(sparse.counts)


def unpacked(data: bytes | None) -> Mapping[int, int]:
    """What `packed` has packed."""
    if data is None:
        return NONE
    (size,) = COUNT.unpack_from(data)
    return Sparse(*read_columns(data, COUNT.size, (size, size)))


def _days(connection: Connection, day: int, ids: Sequence[int]) -> Cells:
    hours: dict[int, list[Cell]] = {}
    query = OF_SOME.where(hours_of(day), rollups.c.service_id.in_(ids))
    for id_, *figures in fetch(connection, query):
        hours.setdefault(id_, []).append(_cell(figures))
    end = day + DAY_MS
    changes = statuses(connection, ids, day, end)
    # Time by the changes of status: an hour without any result has no cell to add up.
    return {
        id_: merged(cells)._replace(times_ms=times_ms(changes.get(id_, ()), day, end))
        for id_, cells in hours.items()
    }


def _write(connection: Connection, resolution_s: int, start: int, cells: Cells) -> None:
    put(connection, rollups, [_row(resolution_s, start, *item) for item in cells.items()])


def _clear(connection: Connection, resolution_s: int, start: int, ids: Sequence[int]) -> int:
    mine = {"width": resolution_s, "first": start, "ids": ids}
    return connection.execute(DROP, mine).rowcount


def of(resolution_s: int, start: int) -> ColumnElement[bool]:
    """The cells of one span."""
    return (rollups.c.resolution_s == resolution_s) & (rollups.c.start == start)


def hours_of(day: int) -> ColumnElement[bool]:
    """The cells of a day's hours."""
    hours = range(day, day + DAY_MS, HOUR_MS)
    return (rollups.c.resolution_s == HOUR_S) & rollups.c.start.in_(hours)


def _row(resolution_s: int, start: int, service_id: int, cell: Cell) -> Row:
    counts, times, reasons, sum_us, min_us, max_us, histogram_ = cell
    key, latencies = (resolution_s, start, service_id), (sum_us, min_us, max_us)
    uptime = uptime_ppm(times) if resolution_s == DAY_S else None
    return (*key, *counts, *times, *latencies, packed(reasons), packed(histogram_), uptime)


def _cell(figures: Sequence[Any]) -> Cell:
    ok, degraded, broken, unknown, *rest = figures
    ok_ms, degraded_ms, broken_ms, unknown_ms, sum_us, min_us, max_us, reasons, counts = rest
    return Cell(
        (ok, degraded, broken, unknown),
        (ok_ms, degraded_ms, broken_ms, unknown_ms),
        unpacked(reasons),
        sum_us,
        min_us,
        max_us,
        unpacked(counts),
    )
