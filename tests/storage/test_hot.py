"""The hot table by columns: what a step takes of it, in order, whoever wrote it and however."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from databases import broken, execute, ok, rows
from sqlalchemy import Connection

from prober.storage import archive, hot
from prober.storage.database import open_engine
from prober.storage.segment import HOUR_MS, Raw
from prober.storage.writer import Writer

HOUR = 494_000
START = HOUR * HOUR_MS
MOMENTS = range(START, START + HOUR_MS, 60_000)


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    with open_engine(url).connect() as connection, connection.begin():
        yield connection


def write(url: str, moments: range) -> None:
    with closing(Writer(url)) as writer:
        for at in moments:
            writer.write([(broken if at % 7 == 0 else ok)("madre", at=at), ok("switch", at=at)])


def share(connection: Connection) -> hot.Place:
    place = hot.first(connection, HOUR + 1)
    assert place is not None
    return place


def leave_keys(connection: Connection) -> None:
    """Make PostgreSQL read tables as they lie, as it may do with a small one or a busy one."""
    if connection.dialect.name == "postgresql":
        for way in ("indexscan", "bitmapscan", "indexonlyscan"):
            connection.exec_driver_sql(f"SET enable_{way} = off")


def madre(url: str) -> int:
    [(service_id,)] = rows(url, "SELECT id FROM services WHERE name = 'madre'")
    return int(service_id)


@pytest.mark.parametrize("moments", [MOMENTS, MOMENTS[::-1]], ids=["in order", "backwards"])
def test_rows_come_in_the_order_of_time_however_they_were_written(url: str, moments: range) -> None:
    write(url, moments)

    with connected(url) as connection:
        leave_keys(connection)
        found = hot.read(connection, share(connection))[madre(url)].rows()
        expected = archive.rows(connection, madre(url), START, START + HOUR_MS)

    assert [row.checked_at for row in found] == list(MOMENTS)
    assert found == expected


def test_an_hour_that_is_not_over_has_no_share(url: str) -> None:
    write(url, MOMENTS)

    with connected(url) as connection:
        assert hot.first(connection, HOUR) is None


def test_all_services_of_a_share_are_read_and_dropped(url: str) -> None:
    write(url, MOMENTS)

    with connected(url) as connection:
        place = share(connection)
        found = hot.read(connection, place)
        dropped = hot.drop(connection, place)

    assert (sorted(found), dropped) == (sorted(place.ids), 2 * len(MOMENTS))
    assert rows(url, "SELECT count(*) FROM results") == [(0,)]


def test_rows_of_a_service_that_has_no_name_any_more_are_read_too(url: str) -> None:
    write(url, MOMENTS)
    lost = madre(url)
    execute(url, "DELETE FROM services WHERE name = 'madre'")

    with connected(url) as connection:
        found = hot.read(connection, share(connection))

    assert len(found[lost].checked_at) == len(MOMENTS)


def test_large_numbers_come_back_as_they_were_written(url: str) -> None:
    write(url, MOMENTS[:1])
    execute(url, f"UPDATE results SET latency_us = {2**53 + 1}, snippet_id = {2**31 - 1}")

    with connected(url) as connection:
        [found] = hot.read(connection, share(connection))[madre(url)].rows()

    assert isinstance(found, Raw)
    assert (found.latency_us, found.snippet_id) == (2**53 + 1, 2**31 - 1)
