from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from databases import AT, broken, execute, locked, ok

from prober.errors import StoreCorrupt, StoreError, StoreUnfit
from prober.model import Observation, Reason, Result, Status, Transition
from prober.storage.fetching import shares
from prober.storage.reader import Reader
from prober.storage.tables import BUCKET_MS
from prober.storage.writer import Writer

YEAR = 365 * 24 * 3_600_000


def stored(url: str, observations: Sequence[Observation]) -> Reader:
    Writer(url).write(observations)
    return Reader(url)


def moments(results: Any) -> list[int]:
    return [result.checked_at for result in results]


def turn(at: int, new: Status, service: str = "madre") -> Observation:
    return Observation(service, at, new, None, Transition(service, at, Status.OK, new))


def test_result_comes_back_as_it_was_written(url: str) -> None:
    written = [ok(at=1), broken(at=2)]

    reader = stored(url, written)

    assert list(reader.results("madre", newest_first=False)) == [o.result for o in written]


def test_results_are_those_of_the_service_newest_first(url: str) -> None:
    reader = stored(url, [ok(at=1), ok("switch", at=2), ok(at=3)])

    assert moments(reader.results("madre")) == [3, 1]


@pytest.mark.parametrize("newest_first", [True, False])
def test_results_of_years_stay_in_order(url: str, newest_first: bool) -> None:
    written = [AT + i * YEAR // 7 for i in range(15)]
    reader = stored(url, [ok(at=at) for at in written])

    found = moments(reader.results("madre", newest_first=newest_first))

    assert found == sorted(written, reverse=newest_first)


def test_since_is_inclusive_and_until_exclusive(url: str) -> None:
    steps = [i * BUCKET_MS for i in range(6)]
    reader = stored(url, [ok(at=at) for at in steps])

    assert moments(reader.results("madre", steps[1], steps[4])) == [steps[3], steps[2], steps[1]]


def test_limit_takes_the_first_in_order(url: str) -> None:
    reader = stored(url, [ok(at=at * BUCKET_MS) for at in range(9)])

    assert moments(reader.results("madre", limit=2)) == [8 * BUCKET_MS, 7 * BUCKET_MS]


def test_unknown_service_has_no_results(url: str) -> None:
    reader = stored(url, [ok()])

    assert list(reader.results("nobody")) == []
    assert reader.latest(["nobody"]) == {}


def test_empty_history_is_empty(url: str) -> None:
    reader = Reader(url)

    assert (reader.latest(), list(reader.results("x")), reader.names()) == ({}, [], [])


def test_latest_looks_back_as_far_as_it_must(url: str) -> None:
    reader = stored(url, [ok("old", AT - YEAR), ok("new", AT), ok("new", AT - 1)])

    assert {name: r.checked_at for name, r in reader.latest().items()} == {
        "old": AT - YEAR,
        "new": AT,
    }


def test_latest_gives_only_the_names_asked_for(url: str) -> None:
    reader = stored(url, [ok("a"), ok("b")])

    assert list(reader.latest(["b"])) == ["b"]


def test_latest_asks_in_shares_that_a_query_can_name(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prober.storage.reader.shares", partial(shares, most=2))
    reader = stored(url, [ok(name) for name in "abcde"])

    assert sorted(reader.latest()) == sorted(reader.latest("edcba")) == list("abcde")


def test_latest_of_a_thousand_services_is_quick(url: str) -> None:
    batch = [ok(f"s{i}", AT + i + 5000 * turn) for i in range(1000) for turn in range(20)]
    reader = stored(url, batch)
    reader.latest()

    start = time.process_time()
    found = reader.latest([f"s{i}" for i in range(1000)])

    assert (len(found), time.process_time() - start < 0.5) == (1000, True)


def test_transitions_come_newest_first_and_by_service(url: str) -> None:
    reader = stored(url, [broken(at=1), broken("switch", at=2), broken(at=3)])

    assert [t.at for t in reader.transitions()] == [3, 2, 1]
    assert [t.at for t in reader.transitions("madre", since_ms=2, until_ms=4)] == [3]


def test_transition_comes_back_as_it_was_written(url: str) -> None:
    reader = stored(url, [broken()])

    expected = Transition("madre", AT, Status.OK, Status.BROKEN, Reason.REFUSED)
    assert list(reader.transitions()) == [expected]


def test_last_statuses_are_those_of_the_last_transitions(url: str) -> None:
    reader = stored(
        url,
        [turn(1, Status.BROKEN), turn(5, Status.DEGRADED), turn(3, Status.UNKNOWN, "switch")],
    )

    assert reader.last_statuses() == {
        "madre": (Status.DEGRADED, 5),
        "switch": (Status.UNKNOWN, 3),
    }


def test_reading_a_missing_file_does_not_create_it(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no history at .* start the daemon with `prober run`"):
        Reader(f"sqlite:///{tmp_path / 'prober.db'}").names()

    assert list(tmp_path.iterdir()) == []


def test_database_without_tables_is_told_with_a_remedy(empty_url: str) -> None:
    execute(empty_url, "CREATE TABLE other (id INTEGER)")

    with pytest.raises(StoreUnfit, match="prober db"):
        Reader(empty_url).names()


def test_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "prober.db").write_bytes(b"nothing of the kind" * 300)

    with pytest.raises(StoreCorrupt):
        Reader(f"sqlite:///{tmp_path / 'prober.db'}").names()


def test_half_read_results_do_not_block_the_writer(url: str) -> None:
    reader = stored(url, [ok(at=at * BUCKET_MS) for at in range(50)])
    results = reader.results("madre")
    next(results)

    Writer(url).write([ok(at=AT)])

    assert len(list(results)) == 49


def test_reader_can_not_write(url: str) -> None:
    engine = Reader(url)._engine

    with engine.connect() as connection, pytest.raises(Exception, match=r"read-?only"):
        connection.exec_driver_sql("DELETE FROM services")


def test_reading_goes_on_while_another_process_writes(url: str) -> None:
    reader = stored(url, [ok()])

    with locked(url):
        assert reader.names() == ["madre"]


def test_swapped_file_is_read_from_then_on(fresh_sqlite: Any) -> None:
    url, other = fresh_sqlite(), fresh_sqlite()
    for where, name in ((url, "before"), (other, "after")):
        writer = Writer(where)
        writer.write([ok(name)])
        writer.close()
    reader = Reader(url)
    before = reader.names()

    Path(other.removeprefix("sqlite:///")).rename(url.removeprefix("sqlite:///"))

    assert (before, reader.names()) == (["before"], ["after"])


def test_result_without_details_has_none(url: str) -> None:
    reader = stored(url, [broken()])

    [result] = reader.results("madre")

    assert isinstance(result, Result)
    assert (result.http_code, result.latency_ms, result.snippet) == (None, None, None)
