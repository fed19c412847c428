"""Rows are found wherever they lie, and reading many of them takes no more memory than a few."""

from __future__ import annotations

import io
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import BinaryIO, cast

import pytest
from databases import AT, execute, ok, rows
from sqlalchemy import insert

from prober.model import Result
from prober.reports import exporting
from prober.storage.compaction import Compaction
from prober.storage.connecting import connected
from prober.storage.database import Access
from prober.storage.reader import Reader
from prober.storage.segment import HOUR_MS, Raw, fold, pack
from prober.storage.tables import segments
from prober.storage.writer import Writer

DAY_MS = 24 * HOUR_MS
START = AT // DAY_MS * DAY_MS
STEP_MS = 60_000


def write(url: str, *moments: int, name: str = "madre") -> None:
    with closing(Writer(url)) as writer:
        writer.write([ok(name, at=at) for at in moments])


def pack_all(url: str) -> None:
    with closing(Compaction(url)) as compaction:
        while compaction.step(START + 1000 * DAY_MS):
            pass


def test_a_late_row_that_is_packed_already_is_told_once(url: str) -> None:
    write(url, START, START + 2)
    pack_all(url)
    write(url, START, START + 1)

    found = [result.checked_at for result in Reader(url).results("madre")]

    assert found == [START + 2, START + 1, START]


@pytest.mark.parametrize("silent_days", [0, 1, 40])
def test_the_latest_of_a_silent_service_is_found_among_segments(url: str, silent_days: int) -> None:
    write(url, START - 1, START)
    write(url, *(START + day * DAY_MS for day in range(silent_days + 1)), name="switch")
    pack_all(url)

    assert Reader(url).latest()["madre"].checked_at == START


def test_the_latest_before_a_moment_within_an_hour_is_found(url: str) -> None:
    write(url, START - 1, START, START + 2)
    pack_all(url)

    found = [Reader(url).latest(until_ms=START + more) for more in (0, 1, 2, 3)]

    assert [one["madre"].checked_at - START for one in found] == [-1, 0, 0, 2]


def test_a_damaged_segment_gives_way_to_the_one_before(url: str) -> None:
    write(url, START, START + HOUR_MS)
    pack_all(url)
    execute(url, f"UPDATE segments SET data = '' WHERE hour = {START // HOUR_MS + 1}")

    assert Reader(url).latest()["madre"].checked_at == START


def history(url: str, days: int) -> Reader:
    """So many days of packed results, before some that are hot."""
    write(url, *range(START, START + HOUR_MS, STEP_MS))
    [(service_id,)] = rows(url, "SELECT id FROM services")
    first = START // HOUR_MS - 24 * days
    with connected(url, Access.WRITE) as connection:
        for hour in range(first, START // HOUR_MS):
            moments = range(hour * HOUR_MS, (hour + 1) * HOUR_MS, STEP_MS)
            raws = [Raw(at, at % 9973, 0, 200, 1, 1, None, None, None) for at in moments]
            segment = {"hour": hour, "service_id": service_id, "count": len(raws)}
            connection.execute(insert(segments).values(data=pack(hour, fold(raws)), **segment))
    return Reader(url)


def peak(work: Callable[[], object]) -> int:
    """The most bytes that it holds at a time, once it has run before."""
    work()
    tracemalloc.start()
    work()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


class Nowhere(io.RawIOBase):
    """A file that keeps nothing."""

    def write(self, data: object) -> int:
        return 0


def listed(results: Iterable[Result]) -> None:
    deque(results, maxlen=0)


def exported(results: Iterable[Result]) -> None:
    exporting.as_csv(results, cast(BinaryIO, Nowhere()))


@pytest.mark.parametrize("use", [listed, exported])
def test_memory_does_not_grow_with_the_results_that_are_read(
    fresh_sqlite: Callable[[], str], use: Callable[[Iterable[Result]], None]
) -> None:
    few, many = (history(fresh_sqlite(), days) for days in (3, 12))

    least = peak(lambda: use(few.results("madre", 0)))
    most = peak(lambda: use(many.results("madre", 0)))

    assert most < 1.2 * least
