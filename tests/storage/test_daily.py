"""The page's cells: the uptime of all services, day by day."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from databases import broken, execute, ok, rows
from sqlalchemy.dialects import sqlite

from prober.storage import daily
from prober.storage.reader import Reader
from prober.storage.writer import Writer

DAY = 20_583
DAY_MS = 86_400_000


def stored(url: str, *cells: tuple[int, int, int, int]) -> Reader:
    """A reader of cells: of a service, a day, and so many seconds of ok and of broken."""
    writer = Writer(url)
    writer.write([ok("madre"), broken("switch")])
    writer.close()
    for service_id, day, well, down in cells:
        values = f"86400, {day * DAY_MS}, {service_id}, 0, 0, 0, 0, {well}, 0, {down}, 0"
        columns = "resolution_s, start, service_id, ok, degraded, broken, unknown"
        times = "ok_ms, degraded_ms, broken_ms, unknown_ms"
        execute(url, f"INSERT INTO rollups ({columns}, {times}) VALUES ({values})")
    return Reader(url)


def test_each_day_has_its_uptime(url: str) -> None:
    reader = stored(url, (1, DAY, 75, 25), (1, DAY + 1, 100, 0), (2, DAY + 1, 1, 2))

    days = reader.days(DAY, 2)

    assert days == {"madre": [0.75, 1.0], "switch": [None, pytest.approx(1 / 3, abs=1e-6)]}


def test_a_day_of_which_nothing_is_known_has_no_uptime(url: str) -> None:
    assert stored(url, (1, DAY, 0, 0)).days(DAY, 1) == {"madre": [None]}


@pytest.mark.parametrize("well", [0, 1, 99, 100])
def test_any_share_is_told(url: str, well: int) -> None:
    assert stored(url, (1, DAY, well, 100 - well)).days(DAY, 1) == {"madre": [well / 100]}


def test_a_day_that_was_degraded_throughout_counts_as_well(url: str) -> None:
    reader = stored(url, (1, DAY, 0, 0))

    execute(url, "UPDATE rollups SET degraded_ms = 5")

    assert reader.days(DAY, 1) == {"madre": [1.0]}


def test_a_day_of_which_nothing_is_known_takes_the_place_of_no_other(url: str) -> None:
    reader = stored(url, (1, DAY, 1, 1), (1, DAY + 1, 0, 0), (1, DAY + 3, 1, 0))

    assert reader.days(DAY, 4) == {"madre": [0.5, None, None, 1.0]}


def test_days_are_read_from_their_index_alone(fresh_sqlite: Callable[[], str]) -> None:
    asked = daily.TOLD.params(first=0, last=1, count=1)
    query = asked.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})

    plan = rows(fresh_sqlite(), f"EXPLAIN QUERY PLAN {query}")

    used = "COVERING INDEX rollups_of_days (service_id=? AND start>? AND start<?)"
    assert [used in str(step) for step in plan].count(True) == 1


def test_days_outside_are_left_out(url: str) -> None:
    assert stored(url, (1, DAY - 1, 1, 0), (1, DAY + 3, 1, 0)).days(DAY, 3) == {}
