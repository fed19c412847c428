"""The page's cells: the uptime of all services, day by day."""

from __future__ import annotations

from collections.abc import Callable
from itertools import starmap

import pytest
from databases import broken, execute, ok, rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from prober.rollups import uptime_ppm
from prober.storage import daily
from prober.storage.reader import Reader
from prober.storage.writer import Writer

DAY = 20_583
DAY_MS = 86_400_000
IDS = {"madre": 1, "switch": 2}


def stored(url: str, *cells: tuple[int, int, int, int]) -> Reader:
    """A reader of cells: of a service, a day, and so many seconds of ok and of broken."""
    writer = Writer(url)
    writer.write([ok("madre"), broken("switch")])
    writer.close()
    execute(url, *starmap(_insert, cells))
    return Reader(url)


def _insert(service_id: int, day: int, well: int, down: int) -> str:
    columns = "resolution_s, start, service_id, ok, degraded, broken, unknown"
    times = "ok_ms, degraded_ms, broken_ms, unknown_ms, uptime_ppm"
    share = "NULL" if (ppm := uptime_ppm((well, 0, down, 0))) is None else ppm
    values = f"86400, {day * DAY_MS}, {service_id}, 0, 0, 0, 0, {well}, 0, {down}, 0, {share}"
    return f"INSERT INTO rollups ({columns}, {times}) VALUES ({values})"


def test_each_day_has_its_uptime(url: str) -> None:
    reader = stored(url, (1, DAY, 75, 25), (1, DAY + 1, 100, 0), (2, DAY + 1, 1, 2))

    days = reader.days(DAY, 2)

    assert days == {"madre": [0.75, 1.0], "switch": [None, pytest.approx(1 / 3, abs=1e-6)]}


def test_a_day_of_which_nothing_is_known_has_no_uptime(url: str) -> None:
    assert stored(url, (1, DAY, 0, 0)).days(DAY, 1) == {"madre": [None]}


@pytest.mark.parametrize("well", [0, 1, 99, 100])
def test_any_share_is_told(url: str, well: int) -> None:
    assert stored(url, (1, DAY, well, 100 - well)).days(DAY, 1) == {"madre": [well / 100]}


def test_a_day_of_which_nothing_is_known_takes_the_place_of_no_other(url: str) -> None:
    reader = stored(url, (1, DAY, 1, 1), (1, DAY + 1, 0, 0), (1, DAY + 3, 1, 0))

    assert reader.days(DAY, 4) == {"madre": [0.5, None, None, 1.0]}


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ({0, 1, 2, 3}, [1.0, 1.0, 1.0, 1.0]),
        ({2, 3}, [None, None, 1.0, 1.0]),
        ({0, 1}, [1.0, 1.0, None, None]),
        ({0, 3}, [1.0, None, None, 1.0]),
    ],
    ids=["always there", "began later", "ended before", "with a gap"],
)
def test_days_are_told_apart_where_others_have_more(
    url: str, days: set[int], told: list[float | None]
) -> None:
    fleet = [(2, DAY + day, 1, 1) for day in range(4)]

    found = stored(url, *fleet, *[(1, DAY + day, 1, 0) for day in days]).days(DAY, 4)

    assert found == {"madre": told, "switch": [0.5] * 4}


def test_days_are_told_apart_where_no_service_has_them_all(url: str) -> None:
    reader = stored(url, (1, DAY + 1, 1, 0), (1, DAY + 3, 0, 0), (2, DAY + 3, 0, 1))

    assert reader.days(DAY, 5) == {
        "madre": [None, 1.0, None, None, None],
        "switch": [None, None, None, 0.0, None],
    }


def test_a_gap_of_the_whole_fleet_keeps_its_place(url: str) -> None:
    cells = [(id_, DAY + day, id_, 3 - id_) for id_ in (1, 2) for day in (0, 1, 3)]

    days = stored(url, *cells).days(DAY, 4)

    third = pytest.approx(1 / 3, abs=1e-6)
    assert days["madre"] == [third, third, None, third]


def test_days_follow_each_other_in_whatever_order_they_were_stored(url: str) -> None:
    reader = stored(url, *[(1, DAY + day, day, 10 - day) for day in (3, 0, 4, 1, 2)])

    execute(url, "DROP INDEX rollups_of_days")

    assert reader.days(DAY, 5) == {"madre": [0.0, 0.1, 0.2, 0.3, 0.4]}


@given(cells=st.sets(st.tuples(st.integers(1, 2), st.integers(DAY - 2, DAY + 8))))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_days_are_those_of_the_cells(
    fresh_sqlite: Callable[[], str], cells: set[tuple[int, int]]
) -> None:
    days = stored(fresh_sqlite(), *[(id_, day, day - DAY + 2, 9) for id_, day in cells]).days(
        DAY, 7
    )

    shares = {cell: uptime_ppm((cell[1] - DAY + 2, 0, 9, 0)) for cell in cells}
    asked = {name: [shares.get((id_, DAY + day)) for day in range(7)] for name, id_ in IDS.items()}
    told = {name: [None if x is None else round(x * 10**6) for x in days[name]] for name in days}
    assert told == {name: mine for name, mine in asked.items() if set(mine) != {None}}


def test_days_are_read_from_their_index_alone(fresh_sqlite: Callable[[], str]) -> None:
    asked = daily.UPTIMES["sqlite"].params(first=0, end=1)
    query = asked.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})

    plan = rows(fresh_sqlite(), f"EXPLAIN QUERY PLAN {query}")

    used = "COVERING INDEX rollups_of_days (service_id=? AND start>? AND start<?)"
    assert [used in str(step) for step in plan].count(True) == 1
    assert not any("TEMP B-TREE" in str(step) for step in plan)


def test_the_days_of_the_fleet_are_looked_up_one_by_one(fresh_sqlite: Callable[[], str]) -> None:
    asked = daily.USUAL.params(first=0, end=1)
    query = asked.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})

    plan = [str(step) for step in rows(fresh_sqlite(), f"EXPLAIN QUERY PLAN {query}")]

    used = "SEARCH rollups USING PRIMARY KEY (resolution_s=? AND start>?)"
    assert [used in step for step in plan].count(True) == 2
    assert not any("SCAN rollups" in step for step in plan)


def test_days_outside_are_left_out(url: str) -> None:
    assert stored(url, (1, DAY - 1, 1, 0), (1, DAY + 3, 1, 0)).days(DAY, 3) == {}
