"""Cells over any span equal what the rows and changes of that span give."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import pairwise

import pytest
from databases import broken, ok, rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prober.model import Observation, Status, Transition
from prober.rollups import Cell
from prober.storage import cells
from prober.storage.cells import Span
from prober.storage.database import Access, open_engine
from prober.storage.retention import Keep
from prober.storage.segment import HOUR_MS
from prober.storage.upkeep import Upkeep
from prober.storage.writer import Writer

DAY_MS = 24 * HOUR_MS
START = 20_583 * DAY_MS
GAP = range(START + 30 * HOUR_MS, START + 34 * HOUR_MS + 1_800_000)
END = START + 2 * DAY_MS + 5 * HOUR_MS + 1_234_567


def observations() -> Iterator[Observation]:
    """Two days and a bit of one service, a result every five minutes, with outages and a gap."""
    chance, status = random.Random(7), Status.UNKNOWN
    for at in range(START + 1_000, END, 300_000):
        if at in GAP:
            continue
        new = Status.BROKEN if chance.random() < 0.1 else Status.OK
        made = broken if new is Status.BROKEN else ok
        turn = Transition("madre", at, status, new) if new is not status else None
        yield made("madre", at=at)._replace(transition=turn)
        status = new


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def fresh(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Makes migrated databases that last for all of these tests."""
    with request.getfixturevalue(f"making_{request.param}")() as make:
        yield make


@pytest.fixture(scope="module")
def packed(fresh: Callable[[], str]) -> str:
    """The observations, packed and rolled up but for the last hours."""
    return _filled(fresh(), END - 2 * HOUR_MS)


@pytest.fixture(scope="module")
def plain(fresh: Callable[[], str]) -> str:
    """The same observations, all hot."""
    return _filled(fresh(), 0)


def _filled(url: str, now_ms: int) -> str:
    writer, upkeep = Writer(url), Upkeep(url, Keep())
    writer.write(list(observations()))
    while upkeep.step(now_ms):
        pass
    upkeep.close()
    writer.close()
    return url


engine = cache(partial(open_engine, access=Access.READ))


def over(url: str, spans: list[Span], known_until: int = END) -> list[Cell]:
    with engine(url).connect() as connection:
        return cells.over(connection, 1, spans, known_until)


MOMENTS = st.lists(
    st.integers(START - HOUR_MS, END + HOUR_MS)
    | st.integers(GAP.start - HOUR_MS, GAP.stop + HOUR_MS)
    | st.sampled_from([START, START + DAY_MS, START + 2 * DAY_MS, START + 3 * HOUR_MS]),
    min_size=2,
    max_size=5,
    unique=True,
).map(sorted)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(moments=MOMENTS)
def test_packed_history_says_what_the_plain_rows_say(
    packed: str, plain: str, moments: list[int]
) -> None:
    spans = [Span(a, b) for a, b in pairwise(moments)]

    assert over(packed, spans) == over(plain, spans)


def test_every_result_is_counted_once(packed: str) -> None:
    (cell,) = over(packed, [Span(START, END)])

    assert sum(cell.counts) == len(list(observations()))
    assert sum(cell.times_ms) == END - START


def test_what_comes_after_the_known_time_is_unknown(packed: str) -> None:
    (cell,) = over(packed, [Span(START, END)], known_until=END - HOUR_MS)

    assert cell.times_ms[3] == HOUR_MS + 1_000


def test_packed_history_has_days_and_hours(packed: str) -> None:
    days = rows(packed, "SELECT count(*) FROM rollups WHERE resolution_s = 86400")

    assert days == [(2,)]


def test_the_years_before_history_cost_next_to_nothing(packed: str) -> None:
    (told,) = over(packed, [Span(START, END)])

    before = time.process_time()
    (since_1970,) = over(packed, [Span(0, END)])

    assert time.process_time() - before < 0.5
    assert since_1970.histogram == told.histogram
