"""The page's cells: the uptime of all services, day by day."""

from __future__ import annotations

import pytest
from databases import broken, execute, ok

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


def test_days_outside_are_left_out(url: str) -> None:
    assert stored(url, (1, DAY - 1, 1, 0), (1, DAY + 3, 1, 0)).days(DAY, 3) == {}
