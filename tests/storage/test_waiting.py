"""What waits in the spool belongs to history, wherever a replay has got to."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from daemons import running, until
from databases import AT, broken, ok

from prober.model import Observation, Result, Status, Transition
from prober.storage.cells import Span
from prober.storage.reader import Reader
from prober.storage.retention import Keep
from prober.storage.segment import HOUR_MS
from prober.storage.spool import Spool
from prober.storage.upkeep import Upkeep
from prober.storage.waiting import Waiting
from prober.storage.writer import Writer

MINUTE_MS = 60_000
START = AT // HOUR_MS * HOUR_MS


def reader(
    url: str, folder: Path, written: Sequence[Observation], waiting: Sequence[Observation]
) -> Reader:
    """Of a database with what is written, beside a spool with what waits, in two batches."""
    writer = Writer(url)
    writer.write(written)
    writer.close()
    spool = Spool(folder)
    for batch in (waiting[: len(waiting) // 2], waiting[len(waiting) // 2 :]):
        spool.append(batch)
    return Reader(url, folder)


def moments(results: Iterable[Result]) -> list[int]:
    return [result.checked_at for result in results]


def hours(first: int, last: int) -> list[Observation]:
    """A probe a minute, down for ten minutes of each hour."""
    made = []
    for minute in range(first * 60, last * 60):
        at, down = START + minute * MINUTE_MS, 20 <= minute % 60 < 30
        observation = (broken if down else ok)(at=at)
        old, new = (Status.OK, Status.BROKEN) if down else (Status.BROKEN, Status.OK)
        turn = Transition("madre", at, old, new) if minute % 60 in (20, 30) or not minute else None
        made.append(observation._replace(transition=turn))
    return made


@pytest.mark.parametrize("newest_first", [True, False])
def test_results_are_in_order_wherever_they_lie(
    url: str, tmp_path: Path, newest_first: bool
) -> None:
    found = reader(url, tmp_path, [ok(at=1), ok(at=4)], [ok(at=3), ok("switch", at=5), ok(at=2)])

    results = moments(found.results("madre", newest_first=newest_first))

    assert results == sorted([1, 2, 3, 4], reverse=newest_first)


def test_what_a_replay_has_written_meanwhile_is_told_once(url: str, tmp_path: Path) -> None:
    both = [ok(at=at) for at in (1, 2, 3)]

    found = reader(url, tmp_path, both, both[1:])

    assert list(found.results("madre")) == [o.result for o in reversed(both)]


def test_a_waiting_result_looks_as_if_it_were_stored(url: str, tmp_path: Path) -> None:
    observation = ok(latency_ms=12.3456789, tls_expiry=7, lag_ms=1.5, message="late")

    [waiting] = reader(url, tmp_path, [], [observation]).results("madre")
    [stored] = reader(url, tmp_path / "other", [observation], []).results("madre")

    assert waiting == stored


def test_a_span_and_a_limit_hold_for_what_waits(url: str, tmp_path: Path) -> None:
    found = reader(url, tmp_path, [ok(at=1), ok(at=2)], [ok(at=at) for at in (3, 4, 5)])

    assert moments(found.results("madre", 2, 5)) == [4, 3, 2]
    assert moments(found.results("madre", limit=4)) == [5, 4, 3, 2]


def test_the_latest_result_may_wait(url: str, tmp_path: Path) -> None:
    found = reader(url, tmp_path, [ok(at=1), ok("switch", at=9)], [ok(at=2), ok("switch", at=3)])

    latest = found.latest()

    assert {name: r.checked_at for name, r in latest.items()} == {"madre": 2, "switch": 9}


def test_changes_of_status_may_wait(url: str, tmp_path: Path) -> None:
    found = reader(url, tmp_path, [broken(at=1)], [broken(at=1), broken(at=3), broken("b", at=2)])

    assert [t.at for t in found.transitions()] == [3, 2, 1]
    assert [t.at for t in found.transitions("madre", limit=1, newest_first=False)] == [1]
    assert found.last_statuses() == {"madre": (Status.BROKEN, 3), "b": (Status.BROKEN, 2)}


def test_a_service_that_only_waits_is_known(url: str, tmp_path: Path) -> None:
    found = reader(url, tmp_path, [ok("switch")], [ok("madre", at=START)])

    [cell] = found.cells("madre", [Span(START, START + HOUR_MS)], START + HOUR_MS)

    assert (found.names(), found.count(["madre"]), cell.counts) == (
        ["madre", "switch"],
        1,
        (1, 0, 0, 0),
    )


def test_figures_are_those_of_a_database_that_has_it_all(
    fresh_sqlite: Callable[[], str], url: str, tmp_path: Path
) -> None:
    """Hours that were packed, hot rows, and waiting ones: some of them late, and some twice."""
    whole, every = fresh_sqlite(), hours(0, 6)
    late = [o for o in every if o.at % 7 == 0]
    split = reader(url, tmp_path, [o for o in every[:200] if o not in late], every[180:] + late)
    upkeep = Upkeep(url, Keep())
    while upkeep.step(START + 2 * HOUR_MS + HOUR_MS // 2):
        pass
    spans = [Span(a, b) for a, b in pairwise(range(START, START + 6 * HOUR_MS + 1, HOUR_MS))]

    found = split.cells("madre", spans, START + 6 * HOUR_MS)

    assert found == reader(whole, tmp_path / "no", every, []).cells(
        "madre", spans, START + 6 * HOUR_MS
    )


def test_files_that_are_no_batch_are_left_out(url: str, tmp_path: Path) -> None:
    found = reader(url, tmp_path, [], [ok(at=1), ok(at=2)])
    (tmp_path / "000000000009-5.batch").write_bytes(b'[["madre",3,"OK",["madre",3,"succ')
    (tmp_path / "000000000010-5.part").write_bytes(b"[[")
    (tmp_path / "000000000011-5.damaged").write_bytes(b"[]")

    assert moments(found.results("madre")) == [2, 1]


def test_a_batch_that_goes_while_it_is_read_is_in_the_database(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for at in (1, 2):
        spool.append([ok(at=at)])
    seen = Waiting(tmp_path)._observations(0, 9)

    first = next(seen)
    for file in tmp_path.glob("*.batch"):
        file.unlink()

    assert (first.at, list(seen)) == (1, [])


def test_what_was_replayed_is_forgotten(url: str, tmp_path: Path) -> None:
    found = reader(url, tmp_path, [], [ok(at=1), ok(at=2)])
    before = moments(found.results("madre"))

    for file in tmp_path.glob("*.batch"):
        file.unlink()

    assert (before, moments(found.results("madre"))) == ([2, 1], [])


@pytest.mark.parametrize("folder", [None, Path("/nowhere/at/all")])
def test_without_a_spool_nothing_waits(folder: Path | None) -> None:
    assert Waiting(folder).results(None, 0, AT) == []


def test_history_goes_on_while_the_database_is_locked(tmp_path: Path) -> None:
    service = {"name": "madre", "url": "http://127.0.0.1:9"}
    with running(tmp_path, [service]) as daemon:
        until(lambda: daemon.rows("SELECT * FROM results"))
        with closing(sqlite3.connect(daemon.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            until(lambda: len(list((tmp_path / "spool").glob("*.batch"))) > 2)
            stored = daemon.rows("SELECT count(*) FROM results")[0][0]

            told = history(tmp_path)
            asked = daemon.get("/api/v1/services/madre/results?limit=1000").count("checked_at")

            assert (len(told) > stored, asked > stored) == (True, True)
            assert told == sorted(set(told), reverse=True)
            other.execute("ROLLBACK")
        until(lambda: not list((tmp_path / "spool").glob("*.batch")))

        assert set(told) <= set(history(tmp_path))


def history(folder: Path) -> list[str]:
    """The moments that `prober history` tells, in its order."""
    command = [sys.executable, "-m", "prober", "history", "madre", "--config", "prober.yaml"]
    done = subprocess.run(
        [*command, "--format", "csv", "--limit", "1000"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.partition(",")[0] for line in done.stdout.splitlines()[1:]]
