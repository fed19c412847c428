"""Maintenance windows in a configuration."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from prober.config.tree import Config
from prober.errors import Problem
from prober.maintenance import Once, Recurring, Window

Load = Callable[..., Config]
Faults = Callable[..., list[Problem]]

SERVICES = """\
services:
  - {name: madre, url: 'http://a:80', group: core}
  - {name: db-1, url: 'http://a:81', tags: [data]}
  - {name: db-2, url: 'http://a:82'}
"""
WEEKLY = "schedule: 0 3 * * sun, duration: 2h"
ONCE = "from: '2026-12-01T22:00+01:00', to: '2026-12-02T02:00+01:00'"


def windows(*entries: str) -> str:
    return SERVICES + "maintenance:\n" + "".join(f"  - {{{entry}}}\n" for entry in entries)


def ms(hour: int) -> int:
    """That hour of 2026-12-01, UTC."""
    return round(datetime(2026, 12, 1, hour, tzinfo=UTC).timestamp() * 1000)


def covered(window: Window) -> list[str]:
    return [name for name in ("madre", "db-1", "db-2") if window.covers(name)]


def test_a_window_by_schedule_is_read(loaded: Load) -> None:
    text = windows(f"name: patches, {WEEKLY}, timezone: Europe/Madrid")

    (window,) = loaded(text).maintenance

    assert window.when == Recurring("0 3 * * sun", "Europe/Madrid", 7_200_000)
    assert (window.name, covered(window)) == ("patches", ["madre", "db-1", "db-2"])


@pytest.mark.parametrize(
    ("times", "start", "end"),
    [
        (ONCE, 21, 25),
        ("from: '2026-12-01T10:00Z', to: '2026-12-01T11:00Z'", 10, 11),
        ("from: '2026-12-01T10:00', to: '2026-12-01T11:00'", 10, 11),
        ("from: '2026-12-01T10:00', to: '2026-12-01T11:00', timezone: Europe/Madrid", 9, 10),
        ("from: 2026-12-01, to: 2026-12-02", 0, 24),
    ],
)
def test_a_window_once_is_read_in_its_zone(loaded: Load, times: str, start: int, end: int) -> None:
    (window,) = loaded(windows(f"name: rack, {times}")).maintenance

    hours = ms(1) - ms(0)
    assert window.when == Once(ms(0) + start * hours, ms(0) + end * hours)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("services: madre", ["madre"]),
        ("services: ['db-*']", ["db-1", "db-2"]),
        ("groups: [core]", ["madre"]),
        ("tags: data", ["db-1"]),
        ("services: [db-2], groups: [core], tags: [data]", ["madre", "db-1", "db-2"]),
    ],
)
def test_services_are_chosen_by_name_group_and_tag(
    loaded: Load, chosen: str, expected: list[str]
) -> None:
    (window,) = loaded(windows(f"name: patches, {WEEKLY}, {chosen}")).maintenance

    assert covered(window) == expected


def test_one_window_needs_no_list(loaded: Load) -> None:
    text = f"{SERVICES}maintenance: {{name: patches, {WEEKLY}}}\n"

    assert [window.name for window in loaded(text).maintenance] == ["patches"]


def test_windows_of_several_files_are_joined(loaded: Load) -> None:
    more = f"maintenance: [{{name: rack, {ONCE}}}]"

    found = loaded(windows(f"name: patches, {WEEKLY}"), more).maintenance

    assert [window.name for window in found] == ["patches", "rack"]


@pytest.mark.parametrize(
    ("entry", "place", "said"),
    [
        ("name: p", "", "does not say when it is; write schedule and duration, or from and to"),
        ("name: p, schedule: 0 3 * * *", "", "says schedule; write"),
        ("name: p, from: 2026-12-01", "", "says from; write"),
        (f"name: p, {WEEKLY}, to: 2026-12-01", "", "says to and schedule and duration; write"),
        ("name: p, from: 2026-12-02, to: 2026-12-01", ".to", "is not after from"),
        (f"{WEEKLY}", ".name", "is missing"),
        (f"name: p, {WEEKLY}, services: mader", ".services[0]", "did you mean 'madre'?"),
        (f"name: p, {WEEKLY}, services: [madre, 'x*']", ".services[1]", "of the fleet's services"),
        (f"name: p, {WEEKLY}, groups: [cor]", ".groups[0]", "did you mean 'core'?"),
        (f"name: p, {WEEKLY}, tags: [x]", ".tags[0]", "is none of the fleet's tags"),
        (f"name: p, {WEEKLY}, timezone: Europe", ".timezone", "write one like Europe/Madrid"),
        (f"name: p, {WEEKLY}, timezone: ../x", ".timezone", "write one like Europe/Madrid"),
        ("name: p, from: soon, to: 2026-12-01", ".from", "is not a time; write one like"),
        ("name: p, schedule: daily, duration: 2h", ".schedule", "five fields as in crontab"),
        ("name: p, schedule: 0 3 * * *, duration: 5s", ".duration", "write 1m or more"),
        (f"name: p, {WEEKLY}, every: week", ".every", "is no key that prober knows here"),
    ],
)
def test_what_does_not_hold_is_a_problem(faults: Faults, entry: str, place: str, said: str) -> None:
    (problem,) = faults(windows(entry))

    assert (problem.path, problem.line) == (f"maintenance[0]{place}", 6)
    assert said in problem.message


def test_a_name_names_one_window(faults: Faults) -> None:
    (problem,) = faults(windows(f"name: p, {WEEKLY}", f"name: p, {ONCE}"))

    assert problem.path == "maintenance[1].name"
    assert "is already the window in" in problem.message
