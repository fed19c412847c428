"""Compaction: closed hours leave the hot table for segments, and nobody sees a difference."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from databases import broken, execute, leave, ok, rows
from sqlalchemy import Connection

from prober.model import Observation, Result
from prober.storage.compaction import GRACE_MS, ByService, Compaction
from prober.storage.reader import Reader
from prober.storage.segment import HOUR_MS
from prober.storage.writer import Writer

START = 494_000 * HOUR_MS
NAMES = ("madre", "switch", "hermes")
LATER = START + 3 * HOUR_MS + GRACE_MS


def hours(step_ms: int = 60_000) -> list[Observation]:
    """Three hours of three services, with failures in between."""
    moments = range(START, START + 3 * HOUR_MS, step_ms)
    return [
        (broken if at % 7 == 0 else ok)(name, at=at + place)
        for at in moments
        for place, name in enumerate(NAMES)
    ]


def all_results(url: str) -> dict[str, list[Result]]:
    reader = Reader(url)
    found = {name: list(reader.results(name)) for name in NAMES}
    reader.close()
    return found


def compact(url: str, now_ms: int = LATER) -> int:
    compaction, moved = Compaction(url), 0
    while step := compaction.step(now_ms):
        moved += step
    compaction.close()
    return moved


def write(url: str, observations: Sequence[Observation]) -> None:
    writer = Writer(url)
    writer.write(observations)
    writer.close()


def places(url: str) -> tuple[Any, ...]:
    """How many rows are hot, and how many are in segments."""
    (hot,) = rows(url, "SELECT count(*) FROM results")[0]
    (packed,) = rows(url, "SELECT coalesce(sum(count), 0) FROM segments")[0]
    return int(hot), int(packed)


def test_compaction_changes_nothing_that_a_reader_sees(url: str) -> None:
    write(url, hours())
    before = all_results(url)

    moved = compact(url)

    assert (moved, places(url)) == (540, (0, 540))
    assert all_results(url) == before


def test_the_latest_results_are_found_in_segments(url: str) -> None:
    write(url, hours())
    before = Reader(url).latest()

    compact(url)

    assert Reader(url).latest() == before


def test_an_open_hour_stays_hot(url: str) -> None:
    write(url, hours())

    compact(url, START + 2 * HOUR_MS + GRACE_MS)

    assert places(url) == (180, 360)


def test_an_hour_is_given_time_for_its_last_rows(url: str) -> None:
    write(url, hours())

    moved = compact(url, START + HOUR_MS + GRACE_MS - 1)

    assert moved == 0


def test_a_range_that_begins_and_ends_within_hours_is_exact(url: str) -> None:
    write(url, hours())
    span = (START + 17 * 60_000, START + HOUR_MS + 200_000)
    before = list(Reader(url).results("madre", *span))

    compact(url, START + HOUR_MS + GRACE_MS)

    assert list(Reader(url).results("madre", *span)) == before


def test_rows_that_come_late_join_their_hour(url: str) -> None:
    written = hours()
    write(url, written[::2])
    compact(url)

    write(url, written)
    compact(url)

    assert places(url) == (0, 540)
    assert [r.checked_at for r in all_results(url)["madre"]] == [
        o.at for o in reversed(written) if o.service == "madre"
    ]


def test_a_row_that_comes_while_its_hour_is_packed_is_packed_with_it(url: str) -> None:
    first, *rest = [o for o in hours() if o.service == "madre" and o.at < START + HOUR_MS]
    write(url, rest)
    told: list[int] = []

    def tally(hour: int, whole: ByService) -> Callable[[Connection], None]:
        told.append(sum(len(rows.checked_at) for rows in whole.values()))
        if len(told) == 1:
            write(url, [first])  # which waits for nobody: nothing is locked yet
        return lambda connection: None

    moved = Compaction(url, [tally]).step(LATER)

    assert (told, moved, places(url)) == ([59, 60], 60, (0, 60))


def test_rows_that_join_their_hour_while_it_is_packed_are_packed_once(url: str) -> None:
    written = [o for o in hours() if o.at < START + HOUR_MS]
    write(url, written)
    others = [partial(compact, url)]

    def tally(hour: int, whole: ByService) -> Callable[[Connection], None]:
        while others:
            others.pop()()  # as a second daemon on the same database would
        return lambda connection: None

    moved = Compaction(url, [tally]).step(LATER)

    assert (moved, places(url)) == (0, (0, 180))


def test_one_step_moves_a_bounded_share(url: str) -> None:
    write(url, [ok(f"service-{n}", at=START + n + 1000 * i) for n in range(60) for i in range(60)])

    moved = Compaction(url).step(LATER)

    assert 0 < moved <= 1000


def test_a_damaged_segment_costs_its_own_hour_only(url: str) -> None:
    write(url, hours())
    compact(url)
    hour = START // HOUR_MS
    damage(url, hour)

    found = all_results(url)["madre"]

    assert {r.checked_at // HOUR_MS for r in found} == {hour + 1, hour + 2}


def test_late_rows_of_a_damaged_segment_are_kept_and_so_is_the_segment(url: str) -> None:
    write(url, hours())
    compact(url)
    damage(url, START // HOUR_MS)

    write(url, [ok("madre", at=START + 1)])
    compact(url)

    kept = rows(url, "SELECT count(*) FROM segments WHERE service_id < 0")
    assert kept == [(1,)]
    assert all_results(url)["madre"][-1].checked_at == START + 1


def damage(url: str, hour: int) -> None:
    (service_id,) = rows(url, "SELECT id FROM services WHERE name = 'madre'")[0]
    literal = "X'0100ff'" if url.startswith("sqlite") else r"'\x0100ff'"
    where = f"WHERE hour = {hour} AND service_id = {service_id}"
    execute(url, f"UPDATE segments SET data = {literal} {where}")


def compact_for_ever(url: str) -> None:
    compact(url)
    time.sleep(60)


@pytest.mark.parametrize("delay_s", [0.01, 0.03, 0.06, 0.1, 0.15])
def test_a_kill_neither_loses_nor_doubles_a_row(url: str, delay_s: float) -> None:
    write(url, hours(10_000))
    before = all_results(url)
    process = multiprocessing.get_context("fork").Process(target=compact_for_ever, args=(url,))
    process.start()
    time.sleep(delay_s)

    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    leave(url)

    assert all_results(url) == before
    assert sum(places(url)) == sum(map(len, before.values()))
