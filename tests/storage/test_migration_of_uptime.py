"""The migration that gives the cells of days their uptime in a column, there and back."""

from __future__ import annotations

import pytest
from alembic import command
from databases import execute, go, rows

from prober.rollups import Four, uptime_ppm
from prober.storage import migrate
from prober.storage.segment import DAY_MS

TIMES: list[Four] = [
    (0, 0, 0, DAY_MS),
    (DAY_MS, 0, 0, 0),
    (DAY_MS - 1, 0, 1, 0),
    (1, 1, 1, 5),
    (0, DAY_MS // 7, DAY_MS // 11, 0),
    (0, 0, DAY_MS, 0),
]
COLUMNS = "ok, degraded, broken, unknown, ok_ms, degraded_ms, broken_ms, unknown_ms"
UPTIMES = "SELECT uptime_ppm FROM rollups WHERE resolution_s = {} ORDER BY service_id"


@pytest.fixture
def url(empty_url: str) -> str:
    """A database that has the tables from before the migration, with cells of an hour and a day."""
    go(empty_url, command.upgrade, "0006")
    for id_, times in enumerate(TIMES):
        for width in (3_600, 86_400):
            values = f"{width}, 0, {id_}, 0, 0, 0, 0, {', '.join(map(str, times))}"
            insert = f"INSERT INTO rollups (resolution_s, start, service_id, {COLUMNS})"
            execute(empty_url, f"{insert} VALUES ({values})")
    return empty_url


def test_days_that_are_there_get_what_new_ones_have(url: str) -> None:
    migrate.upgrade(url)

    assert rows(url, UPTIMES.format(86_400)) == [(uptime_ppm(times),) for times in TIMES]


def test_cells_of_hours_get_none(url: str) -> None:
    migrate.upgrade(url)

    assert set(rows(url, UPTIMES.format(3_600))) == {(None,)}


def test_the_way_back_and_there_again_ends_as_declared(url: str) -> None:
    migrate.upgrade(url)
    go(url, command.downgrade, "0006")

    migrate.upgrade(url)

    assert migrate.check(url) == []
    assert rows(url, UPTIMES.format(86_400)) == [(uptime_ppm(times),) for times in TIMES]
