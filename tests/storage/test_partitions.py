"""Partitions of PostgreSQL's hot table: made in time, dropped once empty, and never in the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest
from databases import execute, ok, rows

from prober.storage.database import Access, open_engine
from prober.storage.partitions import BUCKETS_A_DAY
from prober.storage.reader import Reader
from prober.storage.retention import Keep
from prober.storage.segment import DAY_MS, HOUR_MS
from prober.storage.upkeep import Upkeep
from prober.storage.writer import Writer

Fresh = Callable[[], str]

TODAY = int(time.time()) // 86_400
NOON = TODAY * DAY_MS + DAY_MS // 2
LATER = NOON + DAY_MS  # when today is over

PARTS = """SELECT pg_get_expr(relpartbound, oid) FROM pg_class
    WHERE relispartition AND relkind = 'r' ORDER BY relpartbound::text"""


@pytest.fixture
def url(fresh_postgres: Fresh) -> str:
    """These are about PostgreSQL; on SQLite the table is in one piece."""
    return fresh_postgres()


def spans(url: str) -> list[tuple[str, str]]:
    """The days that the partitions begin and end with, counted from today."""
    bounds = [bound for (bound,) in rows(url, PARTS)]
    ends = [bound.removeprefix("FOR VALUES FROM (").rstrip(")").split(") TO (") for bound in bounds]
    return sorted((_from_today(first), _from_today(end)) for first, end in ends)


def _from_today(bound: str) -> str:
    return f"{int(bound) // BUCKETS_A_DAY - TODAY:+}" if bound.isdigit() else bound


def keep_up(url: str, now_ms: int) -> None:
    upkeep = Upkeep(url, Keep())
    while upkeep.step(now_ms):
        pass
    upkeep.close()


@contextmanager
def looking_back(url: str) -> Iterator[None]:
    """While somebody's transaction sees history as it is now."""
    engine = open_engine(url, Access.READ)
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM services")
        yield
    engine.dispose()


def test_a_day_is_made_with_its_first_row(url: str) -> None:
    Writer(url).write([ok(at=NOON)])

    assert spans(url) == [("+0", "+1")]


def test_today_and_tomorrow_are_made_ahead(url: str) -> None:
    keep_up(url, NOON)

    assert spans(url) == [("+0", "+1"), ("+1", "+2")]


def test_days_of_the_past_share_a_partition(url: str) -> None:
    Writer(url).write([ok(at=NOON - days * DAY_MS) for days in (0, 1, 2, 400, 4000)])

    assert spans(url) == [("+0", "+1"), ("-1", "+0"), ("MINVALUE", "-1")]


def test_a_gap_in_the_past_is_filled_and_no_more(url: str) -> None:
    lower, upper = ((TODAY + day) * BUCKETS_A_DAY for day in (-9, -5))
    for name, bounds in (
        ("old", f"{lower - 5 * 288}) TO ({lower}"),
        ("new", f"{upper}) TO (1{upper}"),
    ):
        execute(url, f"CREATE TABLE {name} PARTITION OF results FOR VALUES FROM ({bounds})")

    Writer(url).write([ok(at=NOON - 7 * DAY_MS)])

    assert ("-9", "-5") in spans(url)


def test_rows_of_a_day_whose_partition_was_dropped_find_a_new_one(url: str) -> None:
    writer = Writer(url)
    writer.write([ok(at=NOON)])
    (name,) = rows(
        url, "SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'results'::regclass"
    )[0]
    execute(url, f"DROP TABLE {name}")

    writer.write([ok(at=NOON + 1)])

    assert rows(url, "SELECT checked_at FROM results") == [(NOON + 1,)]


def test_two_writers_that_need_the_same_day_at_once_both_get_it(url: str) -> None:
    writers = [Writer(url) for _ in range(4)]

    def write(place: int) -> None:
        for day in range(5):
            writers[place].write([ok(f"service-{place}", at=NOON + day * DAY_MS)])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))

    assert rows(url, "SELECT count(*) FROM results") == [(20,)]


def test_a_day_that_was_emptied_is_dropped(url: str) -> None:
    Writer(url).write([ok(at=NOON)])

    keep_up(url, LATER)

    assert spans(url) == [("+1", "+2"), ("+2", "+3")]
    assert rows(url, "SELECT count FROM segments") == [(1,)]


def test_a_day_with_rows_stays(url: str) -> None:
    Writer(url).write([ok(at=(TODAY + 1) * DAY_MS - 1)])

    keep_up(url, (TODAY + 1) * DAY_MS)  # within the grace of its last hour

    assert ("+0", "+1") in spans(url)


def test_what_somebody_may_still_see_is_not_dropped(url: str) -> None:
    Writer(url).write([ok(at=NOON)])

    with looking_back(url):
        keep_up(url, LATER)
        during = spans(url)
    keep_up(url, LATER)

    assert ("+0", "+1") in during and ("+0", "+1") not in spans(url)


def test_a_busy_table_does_not_trouble_upkeep(url: str) -> None:
    Writer(url).write([ok(at=NOON)])
    keep_up(url, NOON + HOUR_MS * 2)
    began = time.monotonic()

    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE results IN ACCESS SHARE MODE")
        keep_up(url, LATER)

    assert time.monotonic() - began < 5
    assert ("+0", "+1") in spans(url)


def test_readers_and_writers_go_on_while_a_partition_is_made(url: str) -> None:
    Writer(url).write([ok(at=NOON)])

    with psycopg.connect(url) as reading:
        reading.execute("SELECT * FROM results")
        Writer(url).write([ok(at=NOON + DAY_MS)])

    assert [r.checked_at for r in Reader(url).results("madre")] == [NOON + DAY_MS, NOON]


@pytest.mark.parametrize(
    "partition",
    [
        "CREATE TABLE rest PARTITION OF results DEFAULT",
        f"CREATE TABLE rest PARTITION OF results FOR VALUES FROM (1) TO ({2**31 - 1})",
    ],
)
def test_a_table_that_its_owner_divided_otherwise_is_left_alone(url: str, partition: str) -> None:
    execute(url, partition)

    Writer(url).write([ok(at=NOON)])
    keep_up(url, LATER)

    assert rows(url, "SELECT count(*) FROM pg_class WHERE relispartition AND relkind = 'r'") == [
        (1,)
    ]


def test_a_column_that_somebody_added_is_in_new_partitions_too(url: str) -> None:
    execute(url, "ALTER TABLE results ADD COLUMN mood TEXT DEFAULT 'calm'")

    Writer(url).write([ok(at=NOON)])

    assert rows(url, "SELECT mood FROM results") == [("calm",)]
