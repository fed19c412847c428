"""Maintenance windows: when they are, in every time zone and over every border."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from prober import maintenance
from prober.maintenance import Once, Recurring, Window, open_at, times, under

HOUR = 3_600_000
MINUTE = 60_000


def ms(text: str) -> int:
    """Epoch milliseconds of a moment, in UTC unless it says otherwise."""
    at = datetime.fromisoformat(text)
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def utc(found: list[tuple[int, int]]) -> list[str]:
    """Times like "03-29 01:00+2.0": when they begin, in UTC, and how many hours they last."""
    return [
        f"{datetime.fromtimestamp(a / 1000, UTC):%m-%d %H:%M}+{(b - a) / HOUR:.1f}"
        for a, b in found
    ]


def window(when: Once | Recurring, *names: str, called: str = "patches") -> Window:
    return Window(called, frozenset(names), ("*",) if not names else (), when)


def again(schedule: str, hours: float = 2, timezone: str = "UTC") -> Window:
    return window(Recurring(schedule, timezone, round(hours * HOUR)))


def told(since: str, until: str, *windows: Window) -> list[str]:
    return utc(times(windows, "madre", ms(since), ms(until)))


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("0 3 * * sun", ["11-01 03:00+2.0", "11-08 03:00+2.0", "11-15 03:00+2.0"]),
        ("0 3 * * 0", ["11-01 03:00+2.0", "11-08 03:00+2.0", "11-15 03:00+2.0"]),
        ("0 3 * * 7", ["11-01 03:00+2.0", "11-08 03:00+2.0", "11-15 03:00+2.0"]),
        ("0 3 * * sun#2", ["11-08 03:00+2.0"]),
        ("30 22 2 11 *", ["11-02 22:30+2.0"]),
        ("0 3,15 3 * *", ["11-03 03:00+2.0", "11-03 15:00+2.0"]),
    ],
)
def test_a_schedule_is_read_as_crontab_reads_it(schedule: str, expected: list[str]) -> None:
    assert told("2026-11-01", "2026-11-20", again(schedule)) == expected


def test_a_window_keeps_to_the_wall_clock_of_its_zone() -> None:
    nightly = again("0 3 * * *", timezone="Europe/Madrid")

    assert told("2026-03-28", "2026-03-30T12:00", nightly) == [
        "03-28 02:00+2.0",
        "03-29 01:00+2.0",
        "03-30 01:00+2.0",
    ]


def test_a_beginning_that_the_clock_leaps_over_is_right_after() -> None:
    early = again("30 2 * * *", hours=1, timezone="Europe/Madrid")

    assert told("2026-03-28T12:00", "2026-03-30", early) == ["03-29 01:00+1.0"]


def test_a_beginning_that_the_clock_shows_twice_is_one() -> None:
    early = again("30 2 * * *", hours=1, timezone="Europe/Madrid")

    assert told("2026-10-24T12:00", "2026-10-26", early) == ["10-25 00:30+1.0"]


def test_a_duration_is_elapsed_time_also_over_a_change_of_the_clock() -> None:
    long = again("0 1 * * *", hours=4, timezone="Europe/Madrid")

    assert told("2026-10-24T12:00", "2026-10-25T12:00", long) == ["10-24 23:00+4.0"]


def test_a_window_reaches_over_midnight_and_the_end_of_a_month() -> None:
    late = again("0 23 L * *", hours=3)

    assert told("2026-10-15", "2026-11-15", late) == ["10-31 23:00+3.0"]
    assert told("2026-11-01", "2026-11-15", late) == ["11-01 00:00+2.0"]


def test_a_window_that_began_a_month_before_is_cut_at_the_beginning() -> None:
    long = again("0 0 1 * *", hours=40 * 24)

    assert told("2026-11-05", "2026-11-06", long) == ["11-05 00:00+24.0"]


def test_windows_that_overlap_or_touch_are_one_time() -> None:
    windows = (
        again("0 3 * * *", hours=2),
        again("0 4 * * *", hours=2),
        window(Once(ms("2026-11-02T06:00"), ms("2026-11-02T07:30"))),
    )

    assert told("2026-11-01", "2026-11-03", *windows) == ["11-01 03:00+3.0", "11-02 03:00+4.5"]


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("2026-11-01", "2026-11-02", ["11-01 10:00+2.0"]),
        ("2026-11-01T11:00", "2026-11-01T11:30", ["11-01 11:00+0.5"]),
        ("2026-11-01T12:00", "2026-11-02", []),
        ("2026-10-01", "2026-11-01T10:00", []),
        ("2026-11-01T11:30", "2026-11-01T11:00", []),
    ],
)
def test_one_time_is_cut_to_what_is_asked(since: str, until: str, expected: list[str]) -> None:
    once = window(Once(ms("2026-11-01T10:00"), ms("2026-11-01T12:00")))

    assert told(since, until, once) == expected


@pytest.mark.parametrize(
    ("names", "globs", "covered"),
    [
        (("madre",), (), ["madre"]),
        ((), ("*",), ["madre", "db-1", "db[2]"]),
        (("db-*",), ("db-*",), ["db-1"]),
        (("db[2]",), ("db[2]",), ["db[2]"]),
    ],
)
def test_a_window_covers_names_and_patterns(
    names: tuple[str, ...], globs: tuple[str, ...], covered: list[str]
) -> None:
    one = Window("patches", frozenset(names), globs, Once(0, 1))

    assert [name for name in ("madre", "db-1", "db[2]") if one.covers(name)] == covered


@pytest.mark.parametrize(("minutes", "open_"), [(-1, False), (0, True), (119, True), (120, False)])
def test_a_window_is_open_from_its_beginning_until_its_end(minutes: int, open_: bool) -> None:
    weekly = again("0 3 * * sun")

    assert (open_at([weekly], ms("2026-11-01T03:00") + minutes * MINUTE) == (weekly,)) is open_


def test_each_service_is_told_the_first_window_that_it_is_in() -> None:
    both = (window(Once(0, 10), "madre", called="rack"), window(Once(0, 10), called="patches"))

    assert under(both, ["madre", "hermes"]) == {"madre": "rack", "hermes": "patches"}
    assert under((), ["madre"]) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 3 * *", "is not a schedule"),
        ("@daily", "is not a schedule"),
        ("0 3 * * * *", "is not a schedule"),
        ("0 25 * * *", "has no valid hour"),
        ("0 3 * * funday", "has no valid day-of-week"),
        ("0 3 30 2 *", "has no valid day-of-month"),
        ("*/5 * * * *", "begins more than once an hour"),
    ],
)
def test_what_is_no_schedule_is_refused_with_a_remedy(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        maintenance.schedule(text)
