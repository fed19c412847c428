"""History without maintenance, whatever keeps it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from databases import broken, ok
from hypothesis import given, settings
from hypothesis import strategies as st

from prober.maintenance import Once, Recurring, Window
from prober.model import Observation, Outcome, Result, Status, Transition
from prober.reports import availability, outages, planned, sla
from prober.reports.availability import Availability
from prober.status import STATUS_AFTER
from prober.storage import migrate
from prober.storage.cells import Span
from prober.storage.reader import Reader
from prober.storage.retention import Keep
from prober.storage.upkeep import Upkeep
from prober.storage.writer import Writer

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 20_583 * DAY + 7 * HOUR
END = START + 3 * DAY
LETTERS = {s.value[0]: s for s in Status}


def window(start: int, end: int) -> Window:
    return Window("patches", frozenset({"madre"}), (), Once(start, end))


def observations() -> Iterator[Observation]:
    """Three days of madre, a result every five minutes, with outages."""
    chance, status = random.Random(11), Status.UNKNOWN
    for at in range(START, END, 5 * MINUTE):
        new = Status.BROKEN if chance.random() < 0.1 else Status.OK
        made = broken if new is Status.BROKEN else ok
        turn = Transition("madre", at, status, new) if new is not status else None
        yield made("madre", at=at)._replace(transition=turn)
        status = new


def stored(folder: Path, packed_until: int, keep: Keep | None = None) -> str:
    """The observations in a database that is packed up to a moment."""
    url = f"sqlite:///{folder}/prober.db"
    migrate.upgrade(url)
    with closing(Writer(url)) as writer:
        writer.write(list(observations()))
    upkeep = Upkeep(url, keep or Keep())
    while upkeep.step(packed_until):
        pass
    upkeep.close()
    return url


@pytest.fixture(scope="module")
def hot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """All of it in rows."""
    with closing(Reader(stored(tmp_path_factory.mktemp("hot"), 0))) as reader:
        yield reader


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """All of it packed, in cells of hours and days."""
    with closing(Reader(stored(tmp_path_factory.mktemp("packed"), END + DAY))) as reader:
        yield reader


def alike(found: Availability) -> tuple[object, ...]:
    """All but the extremes, which are exact to a bucket."""
    cell = found.cell
    return (found.maintenance_ms, *cell[:4], {k: n for k, n in cell.histogram.items() if n})


MOMENTS = st.integers(START - HOUR, END + HOUR) | st.sampled_from(
    [START, START + 17 * HOUR, START + 17 * HOUR + DAY, START + 5 * HOUR]
)
WINDOWS = st.lists(
    st.tuples(MOMENTS, MOMENTS).filter(lambda pair: pair[0] < pair[1]), max_size=4
).map(lambda pairs: [window(*pair) for pair in pairs])


@settings(max_examples=10, deadline=None)
@given(WINDOWS, st.sampled_from([availability.whole, availability.hours, availability.days]))
def test_rows_and_cells_tell_the_same_without_maintenance(
    hot: Reader, packed: Reader, windows: list[Window], cut: Callable[[int, int], list[Span]]
) -> None:
    spans = cut(START - 2 * HOUR, END + 2 * HOUR)

    raw, rolled = (availability.of(r, "madre", spans, END, windows) for r in (hot, packed))

    assert list(map(alike, raw)) == list(map(alike, rolled))


@settings(max_examples=10, deadline=None)
@given(WINDOWS)
def test_time_in_and_out_of_maintenance_adds_up(packed: Reader, windows: list[Window]) -> None:
    spans = availability.days(START - 2 * HOUR, END + 2 * HOUR)

    for part in availability.of(packed, "madre", spans, END, windows):
        assert sum(part.cell.times_ms) + part.maintenance_ms == part.end - part.start


def test_a_day_in_maintenance_leaves_the_others(hot: Reader, packed: Reader) -> None:
    middle = window(START + DAY, START + 2 * DAY)
    spans = [Span(START, END)]

    [left] = availability.of(packed, "madre", spans, END, [middle])

    first, _, last = availability.of(
        hot, "madre", [Span(START + i * DAY, START + (i + 1) * DAY) for i in range(3)], END
    )
    assert left.cell.times_ms[2] == first.cell.times_ms[2] + last.cell.times_ms[2]
    assert sum(left.cell.counts) == sum(first.cell.counts) + sum(last.cell.counts)


def test_windows_of_a_time_that_nobody_knows_are_not_told(packed: Reader) -> None:
    always = Window("always", frozenset(), ("*",), Recurring("0 * * * *", "UTC", HOUR))

    [before, all_, after] = availability.of(
        packed,
        "madre",
        [Span(START - DAY, START), Span(START, END), Span(END, END + DAY)],
        END,
        [always],
    )

    assert [part.maintenance_ms for part in (before, all_, after)] == [0, END - START, 0]
    assert availability.of(packed, "nobody", [Span(START, END)], END, [always])[0].uptime is None


def test_where_rows_are_gone_time_stays_exact_and_results_count_in(tmp_path: Path) -> None:
    url = stored(tmp_path, END + 2 * DAY, Keep(raw_s=DAY / 1000))
    planned_ = window(START + 10 * MINUTE, START + 50 * MINUTE)
    spans = [Span(START, START + HOUR)]

    with closing(Reader(url)) as reader:
        [part] = availability.of(reader, "madre", spans, END, [planned_])

    assert (part.maintenance_ms, sum(part.cell.times_ms)) == (40 * MINUTE, 20 * MINUTE)
    assert sum(part.cell.counts) == 12


def changes(*steps: tuple[int, str]) -> list[Transition]:
    """Steps like (100, "B"): at 100 BROKEN."""
    return [Transition("madre", at, Status.UNKNOWN, LETTERS[letter]) for at, letter in steps]


@pytest.mark.parametrize(
    ("steps", "times", "expected"),
    [
        ([(10, "O"), (50, "B")], [], [(10, "O"), (50, "B")]),
        ([(10, "O"), (50, "B")], [(20, 40)], [(10, "O"), (20, "U"), (40, "O"), (50, "B")]),
        ([(10, "O"), (30, "B")], [(20, 40)], [(10, "O"), (20, "U"), (40, "B")]),
        ([(10, "O"), (30, "B"), (35, "O")], [(20, 40)], [(10, "O"), (20, "U"), (40, "O")]),
        ([(10, "B"), (40, "O")], [(20, 40)], [(10, "B"), (20, "U"), (40, "O")]),
        ([(20, "B")], [(20, 40)], [(20, "U"), (40, "B")]),
        ([(50, "B")], [(20, 40)], [(50, "B")]),
        (
            [(10, "B")],
            [(20, 30), (40, 50)],
            [(10, "B"), (20, "U"), (30, "B"), (40, "U"), (50, "B")],
        ),
    ],
)
def test_a_window_hides_what_changes_in_it(
    steps: list[tuple[int, str]], times: list[tuple[int, int]], expected: list[tuple[int, str]]
) -> None:
    found = planned.outside(changes(*steps), [Span(*time) for time in times])

    assert [(change.at, change.new.value[0]) for change in found] == expected


def failing_hours() -> Iterator[Observation]:
    """A day of madre by the minute, BROKEN from the 10th hour until the 12th."""
    status = Status.UNKNOWN
    for minute in range(24 * 60):
        at = START + minute * MINUTE
        outcome = Outcome.FAILURE if 10 * 60 <= minute < 12 * 60 else Outcome.SUCCESS
        new = STATUS_AFTER[outcome]
        turn = None if new is status else Transition("madre", at, status, new)
        result = Result("madre", at, outcome, snippet=f"minute {minute}")
        yield Observation("madre", at, new, result, turn)
        status = new


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A history of these hours."""
    url = f"sqlite:///{tmp_path_factory.mktemp('failing')}/prober.db"
    migrate.upgrade(url)
    with closing(Writer(url)) as writer:
        writer.write(list(failing_hours()))
    with closing(Reader(url)) as reader:
        yield reader


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ((), [(10, 12, 2)]),
        ((9, 13), []),
        ((9, 11), [(11, 12, 1)]),
        ((11, 13), [(10, 11, 1)]),
        ((10.5, 11), [(10, 12, 1.5)]),
    ],
)
def test_incidents_leave_maintenance_out(
    failing: Reader, hours: tuple[float, ...], expected: list[tuple[float, float, float]]
) -> None:
    windows = [window(*(START + round(hour * HOUR) for hour in hours))] if hours else []

    found = [one.incident for one in outages.of(failing, "madre", START, START + DAY, windows)]

    told = [((i.start - START) / HOUR, ((i.end or 0) - START) / HOUR) for i in found]
    assert [(*t, i.duration_ms / HOUR) for t, i in zip(told, found, strict=True)] == expected


def test_an_incident_after_maintenance_tells_the_first_snippet_after_it(failing: Reader) -> None:
    ends_between_probes = window(START + 9 * HOUR, START + 11 * HOUR + 1)

    [found] = outages.of(failing, "madre", START, START + DAY, [ends_between_probes])

    assert found.snippet == f"minute {11 * 60 + 1}"


@pytest.mark.parametrize(
    ("hours", "broken_s", "maintenance_s", "incidents", "verdict"),
    [
        ((), 7200, 0, 1, "missed"),
        ((9, 13), 0, 4 * 3600, 0, "met"),
        ((11, 13), 3600, 7200, 1, "missed"),
    ],
)
def test_a_month_with_a_window_is_judged_without_it(
    failing: Reader,
    hours: tuple[int, ...],
    broken_s: int,
    maintenance_s: int,
    incidents: int,
    verdict: str,
) -> None:
    windows = [window(*(START + hour * HOUR for hour in hours))] if hours else []
    question = sla.Question(availability.month("2026-05"), 0.999, windows)

    told = sla.record(sla.of(failing, "madre", question, START + DAY))

    assert (told["broken_s"], told["maintenance_s"]) == (broken_s, maintenance_s)
    assert (told["incidents"], told["verdict"]) == (incidents, verdict)
