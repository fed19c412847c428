"""Rollups in the database: cells of hours and days, equal to what the raw rows give."""

from __future__ import annotations

import random

import pytest
from databases import broken, ok, rows
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from prober.model import Observation, Reason, Status, Transition
from prober.rollups import Cell, bucket, merged, times_ms
from prober.storage import closing, rollup
from prober.storage.codes import REASONS
from prober.storage.compaction import GRACE_MS, Compaction
from prober.storage.database import open_engine
from prober.storage.segment import HOUR_MS, Raw, fold
from prober.storage.writer import Writer

DAY = 20_583 * 24 * HOUR_MS
HOUR = DAY // HOUR_MS
COUNTS = st.dictionaries(st.integers(0, 2000), st.integers(1, 10**6), max_size=40)


@given(counts=COUNTS)
def test_counts_come_back_as_they_were_packed(counts: dict[int, int]) -> None:
    assert dict(rollup.unpacked(rollup.packed(counts))) == counts


@given(counts=COUNTS)
def test_counts_that_were_read_are_packed_as_before(counts: dict[int, int]) -> None:
    packed = rollup.packed(counts)

    assert rollup.packed(rollup.unpacked(packed)) == packed


@pytest.mark.parametrize("texts", [1, 3, 4, 300])
def test_results_are_counted_whatever_their_texts(texts: int) -> None:
    good = Raw(HOUR * HOUR_MS, 5_000, 0, 200, 1, None, None, None, None)
    bad = good._replace(latency_us=None, outcome=2, reason=4)
    rows = [raw._replace(snippet_id=n % texts) for n in range(600) for raw in (good, bad, bad)]

    cell = rollup.counted(fold(rows))

    assert (cell.counts, cell.reasons) == ((600, 0, 1_200, 0), {4: 1_200})
    assert cell.histogram == {bucket(5_000): 600}


def turned(at: int, old: Status, new: Status) -> Observation:
    reason = Reason.REFUSED if new is Status.BROKEN else None
    return Observation("madre", at, new, None, Transition("madre", at, old, new, reason))


def a_day() -> list[Observation]:
    """A day of one service, a result a minute: broken from 02:30 until 03:15."""
    chance = random.Random(1)
    fall, rise = DAY + 150 * 60_000, DAY + 195 * 60_000
    observations = [
        broken("madre", at=at)
        if fall <= at < rise
        else ok("madre", at=at, latency_ms=chance.randint(1, 90_000) / 1000)
        for at in range(DAY, DAY + 24 * HOUR_MS, 60_000)
    ]
    return [
        turned(DAY, Status.UNKNOWN, Status.OK),
        turned(fall, Status.OK, Status.BROKEN),
        turned(rise, Status.BROKEN, Status.OK),
        *observations,
    ]


def compacted(url: str, observations: list[Observation]) -> None:
    writer, compaction = Writer(url), Compaction(url, [rollup.keep])
    writer.write(observations)
    while compaction.step(DAY + 25 * HOUR_MS + GRACE_MS):
        pass
    compaction.close()
    writer.close()


def with_connection(url: str) -> Connection:
    return open_engine(url).connect()


def cells(url: str, resolution_s: int) -> list[tuple[int, Cell]]:
    (service_id,) = rows(url, "SELECT id FROM services WHERE name = 'madre'")[0]
    with with_connection(url) as connection:
        return rollup.read(connection, resolution_s, service_id, [(DAY, DAY + 24 * HOUR_MS)])


def close_day(url: str) -> int:
    with with_connection(url) as connection, connection.begin():
        found = closing.find(connection, DAY + 24 * HOUR_MS + GRACE_MS)
        if found is not None:
            closing.close(connection, found)
        return 0 if found is None else len(found.ids)


def test_an_hour_tells_counts_times_reasons_and_latencies(url: str) -> None:
    compacted(url, a_day())

    start, cell = cells(url, rollup.HOUR_S)[2]

    assert start == DAY + 2 * HOUR_MS
    assert cell.counts == (30, 0, 30, 0)
    assert cell.times_ms == (HOUR_MS // 2, 0, HOUR_MS // 2, 0)
    assert cell.reasons == {REASONS[Reason.REFUSED]: 30}
    assert sum(cell.histogram.values()) == 30


def test_a_day_is_the_sum_of_its_hours(url: str) -> None:
    compacted(url, a_day())
    hours = [cell for _, cell in cells(url, rollup.HOUR_S)]

    made = [close_day(url), close_day(url)]

    assert made == [1, 0]
    assert cells(url, rollup.DAY_S) == [(DAY, merged(hours))]


def test_late_rows_change_the_hour_and_the_day_that_was_closed(url: str) -> None:
    observations = a_day()
    compacted(url, [o for o in observations if o.at != DAY + 60_000])
    close_day(url)

    compacted(url, observations)

    (_, day), *_ = cells(url, rollup.DAY_S)
    assert sum(day.counts) == 24 * 60


def test_a_day_knows_the_time_of_hours_without_a_result(url: str) -> None:
    compacted(url, [o for o in a_day() if o.at < DAY + 6 * HOUR_MS])

    close_day(url)

    (_, day), *_ = cells(url, rollup.DAY_S)
    assert day.times_ms == (24 * HOUR_MS - 45 * 60_000, 0, 45 * 60_000, 0)


def test_days_alone_have_their_uptime_in_a_column(url: str) -> None:
    compacted(url, a_day())
    close_day(url)

    found = rows(url, "SELECT DISTINCT resolution_s, uptime_ppm FROM rollups ORDER BY resolution_s")

    assert found == [(3_600, None), (86_400, 968_750)]


def test_the_status_before_the_span_still_holds_in_it(url: str) -> None:
    compacted(url, a_day())

    with with_connection(url) as connection:
        (changes,) = rollup.statuses(connection, [1], DAY + HOUR_MS, DAY + 2 * HOUR_MS).values()

    assert changes == [(DAY, Status.OK)]
    assert times_ms(changes, DAY + HOUR_MS, DAY + 2 * HOUR_MS) == (HOUR_MS, 0, 0, 0)
