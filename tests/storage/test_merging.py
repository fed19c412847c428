from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing

import pytest
from databases import AT, rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prober.model import Observation, Outcome, Phase, Reason, Result, Status, Transition
from prober.status import State, step
from prober.storage import rollup
from prober.storage.compaction import Compaction
from prober.storage.merging import Merging
from prober.storage.reader import Reader
from prober.storage.writer import Writer

STEP = 30_000
SPEAKS = 95_000
START = AT - AT % 86_400_000
LATER = START + 10 * 86_400_000

Fresh = Callable[[], str]

OK, BROKEN, UNKNOWN = Status.OK, Status.BROKEN, Status.UNKNOWN

TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=8)
RESULTS = st.builds(
    Result,
    st.sampled_from(["madre", 'a, "b"', "ß\n"]),
    st.integers(START, START + 3 * 86_400_000),
    st.sampled_from(Outcome),
    st.none() | st.integers(100, 599),
    st.none() | st.integers(0, 10**10).map(lambda us: us / 1000),
    st.none() | TEXTS,
    st.none() | TEXTS,
    st.none() | st.sampled_from(Reason),
    st.none() | st.sampled_from(Phase),
    timings=st.none(),
    tls_expiry=st.none(),
    lag_ms=st.just(0.0),
    message=st.none(),
    stalled=st.booleans(),
)


def merge(url: str, *results: Result) -> int:
    with closing(Merging(url, dict.fromkeys({r.service for r in results}, SPEAKS), LATER)) as into:
        return into.add(results)


def well(number: int, service: str = "madre") -> Result:
    """The result of a service that answered, so many steps after the start."""
    return Result(service, START + number * STEP, Outcome.SUCCESS, 200, 12.345, "/health", "fine")


def ill(number: int) -> Result:
    return Result("madre", START + number * STEP, Outcome.FAILURE, reason=Reason.REFUSED)


def watched(url: str, *results: Result, ends: int | None = None) -> None:
    """What a daemon writes that sees these results, and goes stale `ends` ms after the start."""
    state, seen = State(), []
    for result in results:
        state, observation = step(state, result)
        seen.append(observation)
    if ends is not None:
        turn = Transition("madre", START + ends, state.status, UNKNOWN, Reason.PROBER)
        seen.append(Observation("madre", turn.at, UNKNOWN, None, turn))
    Writer(url).write(seen)


def told(url: str) -> list[tuple[int, Status, Status]]:
    """The stored changes of madre's status: ms after the start, from, to."""
    found = Reader(url).transitions("madre", newest_first=False)
    return [(change.at - START, change.old, change.new) for change in found]


def stored(url: str) -> list[Result]:
    reader = Reader(url)
    return [r for name in reader.names() for r in reader.results(name, newest_first=False)]


@pytest.mark.parametrize("packed", [False, True])
def test_a_result_that_is_there_stays(url: str, packed: bool) -> None:
    watched(url, well(0))
    if packed:
        Compaction(url).step(LATER)

    new = merge(url, well(0)._replace(snippet="other"), well(1))

    assert (new, [r.snippet for r in stored(url)]) == (1, ["fine", "fine"])


def test_importing_again_changes_nothing(url: str) -> None:
    results = [well(0), ill(1), well(2), well(90)]
    merge(url, *results)
    before = told(url)

    assert (merge(url, *results), told(url)) == (0, before)


def test_changes_of_status_are_those_of_the_results(url: str) -> None:
    merge(url, well(0), ill(1), ill(2), well(3))

    assert told(url) == [
        (0, UNKNOWN, OK),
        (STEP, OK, BROKEN),
        (3 * STEP, BROKEN, OK),
        (3 * STEP + SPEAKS, OK, UNKNOWN),
    ]


def test_the_order_and_the_shares_in_which_results_come_make_no_difference(url: str) -> None:
    results = [well(0), ill(1), ill(2), well(3), well(200), well(201), ill(3000)]
    for result in (results[i] for i in (4, 1, 6, 0, 5, 3, 2)):
        merge(url, result)
    one_by_one = told(url)

    assert one_by_one == [
        (0, UNKNOWN, OK),
        (STEP, OK, BROKEN),
        (3 * STEP, BROKEN, OK),
        (3 * STEP + SPEAKS, OK, UNKNOWN),
        (200 * STEP, UNKNOWN, OK),
        (201 * STEP + SPEAKS, OK, UNKNOWN),
        (3000 * STEP, UNKNOWN, BROKEN),
        (3000 * STEP + SPEAKS, BROKEN, UNKNOWN),
    ]


def test_what_was_seen_before_a_daemon_began_joins_on_without_a_second_change(url: str) -> None:
    watched(url, well(10), well(11))

    merge(url, *map(well, range(10)))

    assert told(url) == [(0, UNKNOWN, OK)]


def test_what_was_seen_while_a_daemon_was_off_fills_the_gap(url: str) -> None:
    watched(url, well(0), ends=SPEAKS)
    watched(url, well(20))

    merge(url, *map(well, range(1, 20)))

    assert told(url) == [(0, UNKNOWN, OK)]


def test_a_gap_that_stays_is_unknown(url: str) -> None:
    watched(url, well(0), ends=SPEAKS)
    watched(url, well(50))

    merge(url, well(1), ill(2))

    assert told(url)[1:] == [
        (2 * STEP, OK, BROKEN),
        (2 * STEP + SPEAKS, BROKEN, UNKNOWN),
        (50 * STEP, UNKNOWN, OK),
    ]


def test_a_status_that_nobody_ended_ends_when_its_last_result_spoke_no_more(url: str) -> None:
    watched(url, well(0))

    merge(url, well(100))

    assert told(url)[1] == (SPEAKS, OK, UNKNOWN)


def test_a_service_that_was_switched_off_stays_so(url: str) -> None:
    watched(url, well(0))
    off = Transition("madre", START + 1000, OK, UNKNOWN)
    Writer(url).write([Observation("madre", off.at, UNKNOWN, None, off)])

    merge(url, well(-1), well(5))

    assert (1000, OK, UNKNOWN) in told(url)


def test_a_result_of_now_goes_on_speaking(url: str) -> None:
    with closing(Merging(url, {"madre": SPEAKS}, START + 1000)) as into:
        into.add([well(0)])

    assert told(url) == [(0, UNKNOWN, OK)]


def test_packing_gives_imported_hours_the_cells_that_they_would_have_had(url: str) -> None:
    results = [well(i) if i % 50 else ill(i) for i in range(300)]
    for share in (results[:70], results[70:]):
        merge(url, *share)
        pack(url)

    times = "SELECT sum(ok_ms), sum(broken_ms), sum(ok) FROM rollups WHERE resolution_s = 3600"
    seen = 299 * STEP + SPEAKS
    assert rows(url, times) == [(seen - 6 * STEP, 6 * STEP, 294)]


def pack(url: str) -> None:
    with closing(Compaction(url, [rollup.keep])) as compaction:
        while compaction.step(LATER):
            pass


@given(results=st.lists(RESULTS, unique_by=lambda r: (r.service, r.checked_at), max_size=12))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_results_come_back_as_they_were(fresh: Fresh, results: Sequence[Result]) -> None:
    url = fresh()

    merge(url, *results)

    assert stored(url) == sorted(results, key=lambda r: (r.service, r.checked_at))


def test_history_goes_from_one_database_to_another_and_back(
    fresh_sqlite: Fresh, fresh_postgres: Fresh
) -> None:
    first, between, last = fresh_sqlite(), fresh_postgres(), fresh_sqlite()
    merge(first, well(0), ill(1)._replace(snippet=""), well(3000), well(1, "switch"))

    merge(between, *stored(first))
    merge(last, *stored(between))

    assert (stored(last), told(last)) == (stored(first), told(first))
