"""What people ask of a history, and how long the answers take.

    python -m bench.questions URL NOW_MS ROUNDS QUESTION

Prints the milliseconds of each round. The first one opens the database, too.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from prober import loop
from prober.rollups import percentile_us, uptime
from prober.storage.cells import Span
from prober.storage.reader import Reader
from prober.storage.segment import DAY_MS, HOUR_MS

NAME = "service-0042"
DAYS_OF_THE_PAGE = 90
SPEAKS_MS = HOUR_MS  # as for /api/v1/snapshot

Question = Callable[[Reader, int], int]
"""Asks a database, `now_ms`; returns how many things it was told."""


def last_day(reader: Reader, now_ms: int) -> int:
    return sum(1 for _ in reader.results(NAME, now_ms - DAY_MS, now_ms))


def week_by_hour(reader: Reader, now_ms: int) -> int:
    return _told(reader, now_ms, HOUR_MS, 7 * 24)


def year_by_day(reader: Reader, now_ms: int) -> int:
    return _told(reader, now_ms, DAY_MS, 365)


def latest_of_all(reader: Reader, now_ms: int) -> int:
    return len(reader.latest())


def past_moment(reader: Reader, now_ms: int) -> int:
    moment = now_ms - 5 * DAY_MS // 2 + 1_234_567
    statuses = reader.last_statuses(until_ms=moment + 1)
    since_ms = moment - SPEAKS_MS
    return len(reader.latest(list(statuses), since_ms=since_ms, until_ms=moment + 1))


def page_days(reader: Reader, now_ms: int) -> int:
    first = now_ms // DAY_MS - DAYS_OF_THE_PAGE
    return sum(len(days) for days in reader.days(first, DAYS_OF_THE_PAGE).values())


QUESTIONS: dict[str, Question] = {
    "last 24 h of one service": last_day,
    "p95 and uptime per hour over 7 days": week_by_hour,
    "p95 and uptime per day over a year": year_by_day,
    "latest of all": latest_of_all,
    "fleet at a past moment": past_moment,
    "90-day cells of all": page_days,
}
GOALS_MS = dict(zip(QUESTIONS, (10, 25, 25, 20, 300, 100), strict=True))


def _told(reader: Reader, now_ms: int, width: int, count: int) -> int:
    end = now_ms // width * width
    spans = [Span(at, at + width) for at in range(end - count * width, end, width)]
    cells = reader.cells(NAME, spans, now_ms)
    figures = [(percentile_us(cell.histogram, 95), uptime(cell.times_ms)) for cell in cells]
    return sum(p95 is not None and share is not None for p95, share in figures)


def main() -> None:
    url, now_ms, rounds, name = sys.argv[1:]
    reader = Reader(url)
    loop.settle()  # as in the daemon, whose collector of garbage leaves alone what stays
    for _ in range(int(rounds)):
        before = time.perf_counter()
        told = QUESTIONS[name](reader, int(now_ms))
        print(1000 * (time.perf_counter() - before), told)


if __name__ == "__main__":
    main()
