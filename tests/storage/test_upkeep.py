"""Upkeep: hours are packed, days closed, what is too old goes, and space is given back."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from databases import ok, rows

from prober.model import Observation
from prober.storage import retention
from prober.storage.compaction import GRACE_MS
from prober.storage.retention import Keep
from prober.storage.segment import HOUR_MS
from prober.storage.upkeep import Upkeep
from prober.storage.writer import Writer

Fresh = Callable[[], str]

DAY_MS = 24 * HOUR_MS
START = 20_583 * DAY_MS
DAYS = 3
NOW = START + DAYS * DAY_MS + GRACE_MS


def three_days(step_ms: int = 600_000) -> list[Observation]:
    moments = range(START, START + DAYS * DAY_MS, step_ms)
    latency = random.Random(1).random  # which packs badly, as real ones do
    return [ok(name, at=at, latency_ms=latency()) for at in moments for name in ("madre", "switch")]


def written(url: str, observations: list[Observation]) -> str:
    writer = Writer(url)
    writer.write(observations)
    writer.close()
    return url


def keep_up(url: str, keep: Keep, now_ms: int = NOW) -> float:
    """Do all that is due; returns how long the longest step took, in seconds."""
    upkeep, longest, did = Upkeep(url, keep), 0.0, True
    while did:
        began = time.monotonic()
        did = upkeep.step(now_ms)
        longest = max(longest, time.monotonic() - began)
    upkeep.close()
    return longest


def count(url: str, table: str, where: str = "1 = 1") -> int:
    return int(rows(url, f"SELECT count(*) FROM {table} WHERE {where}")[0][0])


def test_all_is_packed_and_rolled_up(url: str) -> None:
    keep_up(written(url, three_days()), Keep())

    assert count(url, "results") == 0
    assert count(url, "segments") == 2 * 24 * DAYS
    assert count(url, "rollups", "resolution_s = 3600") == 2 * 24 * DAYS
    assert count(url, "rollups", "resolution_s = 86400") == 2 * DAYS


def test_a_day_that_is_not_over_has_no_cell(url: str) -> None:
    keep_up(written(url, three_days()), Keep(), NOW - GRACE_MS)

    assert count(url, "rollups", "resolution_s = 86400") == 2 * (DAYS - 1)


@pytest.mark.parametrize(
    ("keep", "table", "left"),
    [
        (Keep(raw_s=86_400), "segments", 2 * 24),
        (Keep(hour_s=86_400), "rollups WHERE resolution_s = 3600", 2 * 24),
        (Keep(day_s=86_400), "rollups WHERE resolution_s = 86400", 2 * 1),
    ],
)
def test_each_kind_goes_at_its_own_age(url: str, keep: Keep, table: str, left: int) -> None:
    keep_up(written(url, three_days()), keep)

    found = int(rows(url, f"SELECT count(*) FROM {table}")[0][0])

    assert found == left


@pytest.mark.parametrize(
    ("keep", "table"), [(Keep(raw_s=0), "segments"), (Keep(hour_s=0), "rollups")]
)
def test_an_old_hour_goes_a_few_services_at_a_time(
    url: str, keep: Keep, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_up(written(url, three_days()), Keep())
    before = count(url, table)
    monkeypatch.setattr(retention, "SERVICES_A_STEP", 1)

    Upkeep(url, keep).step(NOW)

    assert before - count(url, table) == 1


def test_upkeep_goes_on_with_the_file_that_takes_the_place_of_its_own(
    fresh_sqlite: Fresh,
) -> None:
    url, other = written(fresh_sqlite(), three_days()), written(fresh_sqlite(), three_days())
    upkeep = Upkeep(url, Keep())
    upkeep.step(NOW)
    Path(other.removeprefix("sqlite:///")).replace(url.removeprefix("sqlite:///"))

    while upkeep.step(NOW):
        pass

    assert count(url, "segments") == 2 * 24 * DAYS


def test_cells_outlive_the_results_that_they_are_made_of(url: str) -> None:
    keep_up(written(url, three_days()), Keep(raw_s=86_400))

    assert count(url, "rollups", "resolution_s = 3600") == 2 * 24 * DAYS


def test_space_is_given_back(fresh_sqlite: Fresh) -> None:
    url = fresh_sqlite()
    empty = pages(url)
    keep_up(written(url, three_days(30_000)), Keep())
    full = pages(url)

    keep_up(url, Keep(raw_s=0, hour_s=0))

    assert pages(url) - empty < (full - empty) / 5
    assert rows(url, "PRAGMA freelist_count") == [(0,)]


def pages(url: str) -> int:
    return int(rows(url, "PRAGMA page_count")[0][0])


def test_a_file_that_grew_too_large_loses_its_oldest_results_first(fresh_sqlite: Fresh) -> None:
    url = written(fresh_sqlite(), three_days(30_000))
    keep_up(url, Keep())
    size = pages(url) * 4096

    keep_up(url, Keep(size=size - 4096 * 10))

    hours = rows(url, "SELECT min(hour), max(hour) FROM segments")[0]
    assert hours[0] > START // HOUR_MS
    assert hours[1] == (START + DAYS * DAY_MS) // HOUR_MS - 1


def test_nothing_is_dropped_for_size_while_there_is_room(url: str) -> None:
    keep_up(written(url, three_days()), Keep(size=10**9))

    assert count(url, "segments") == 2 * 24 * DAYS
