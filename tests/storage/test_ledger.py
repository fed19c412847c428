"""The ledger: what is appended, how it is chained, and what is taken as it is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from hashlib import sha256

import pytest
from databases import AT, execute, locked, rows

from prober.errors import StoreLocked, StoreUnfit
from prober.storage import inspection, migrate
from prober.storage.database import open_engine
from prober.storage.ledger import Entry, Ledger

WRITTEN = "2026-09-21 14:13:20.000000"


def entries(count: int, start: int = 0) -> list[Entry]:
    return [Entry("system.alert", f'{{"n":{n}}}', AT) for n in range(start, start + count)]


def hashed(text: str) -> str:
    return sha256(text.encode()).hexdigest()


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    ledger = Ledger(url)
    yield ledger
    ledger.close()


def test_an_event_is_stored_in_the_shape_of_the_seed(ledger: Ledger, url: str) -> None:
    ledger.append([Entry("system.alert", '{"a":1}', AT)])

    [(event, payload, hash_)] = rows(url, "SELECT event, payload, hash FROM forensic_ledger")
    assert (event, payload) == ("system.alert", '{"a":1}')
    assert hash_ == hashed('system.alert:{"a":1}')


def test_the_chain_is_the_documented_formula(ledger: Ledger, url: str) -> None:
    ledger.append(entries(2))

    first = hashed(f"{'0' * 64}:{WRITTEN}:{hashed('system.alert:' + entries(1)[0].payload)}")
    second = hashed(f"{first}:{WRITTEN}:{hashed('system.alert:' + entries(2)[1].payload)}")
    assert rows(url, "SELECT chain FROM forensic_ledger ORDER BY id") == [(first,), (second,)]


def test_a_ledger_of_many_batches_is_whole(ledger: Ledger, url: str) -> None:
    for start in range(0, 2500, 500):
        ledger.append(entries(500, start))

    found = inspection.inspect(url, None, lambda _: None)

    assert (found.well, found.rows, found.open) == (True, 2500, 0)


def test_a_new_writer_goes_on_where_the_last_one_ended(ledger: Ledger, url: str) -> None:
    ledger.append(entries(3))
    with closing(Ledger(url)) as second:
        second.append(entries(3))

    assert inspection.inspect(url, None, lambda _: None).well


def test_two_writers_at_once_make_one_chain(url: str) -> None:
    def write(_: int) -> None:
        with closing(Ledger(url)) as ledger:
            for n in range(20):
                ledger.append(entries(2, n))

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(write, range(3)))

    found = inspection.inspect(url, None, lambda _: None)
    assert (found.well, found.rows) == (True, 120)


def test_rows_of_another_program_are_covered_by_the_next_of_ours(ledger: Ledger, url: str) -> None:
    ledger.append(entries(1))
    execute(url, "INSERT INTO forensic_ledger (event, payload) VALUES ('theirs', 'x')")
    ledger.append(entries(1))
    assert inspection.inspect(url, None, lambda _: None).well

    execute(url, "UPDATE forensic_ledger SET payload = 'y' WHERE event = 'theirs'")

    [fault] = inspection.inspect(url, None, lambda _: None).faults
    assert fault.id == 3


SEED = {
    "sqlite": "CREATE TABLE forensic_ledger (id INTEGER PRIMARY KEY, event VARCHAR(255), "
    "payload TEXT, hash VARCHAR(64), created_at DATETIME, mood TEXT)",
    "postgresql": "CREATE TABLE forensic_ledger (id SERIAL PRIMARY KEY, event VARCHAR(255), "
    "payload TEXT, hash VARCHAR(64), created_at TIMESTAMP, mood TEXT)",
}
THEIRS = (
    "INSERT INTO forensic_ledger (event, payload, hash, created_at, mood) VALUES "
    f"('boot', 'p', '{hashed('boot:p')}', '2025-01-01 00:00:00', 'calm')"
)


@pytest.fixture
def seeded_url(empty_url: str) -> str:
    """A database in which another program made the ledger, and wrote two rows."""
    execute(empty_url, SEED[empty_url.partition(":")[0]], THEIRS, THEIRS)
    migrate.upgrade(empty_url)
    return empty_url


def test_a_ledger_of_another_program_is_sealed_by_the_migration(seeded_url: str) -> None:
    [(first, _), (second, mood)] = rows(
        seeded_url, "SELECT chain, mood FROM forensic_ledger ORDER BY id"
    )
    assert (first is None, len(second), mood) == (True, 64, "calm")


def test_a_ledger_of_another_program_is_continued(seeded_url: str) -> None:
    with closing(Ledger(seeded_url)) as ledger:
        ledger.append(entries(2))

    found = inspection.inspect(seeded_url, None, lambda _: None)
    assert (found.well, found.rows) == (True, 4)


def test_what_stood_there_before_the_chain_can_not_be_changed_unseen(seeded_url: str) -> None:
    forged = hashed("boot:q")
    execute(seeded_url, f"UPDATE forensic_ledger SET payload = 'q', hash = '{forged}' WHERE id = 1")

    [fault] = inspection.inspect(seeded_url, None, lambda _: None).faults

    assert str(fault).startswith("row 2 (2025-01-01 00:00:00")


def test_a_ledger_without_times_is_written_and_whole(ledger: Ledger, url: str) -> None:
    execute(url, "ALTER TABLE forensic_ledger DROP COLUMN created_at")
    ledger.append(entries(2))

    assert inspection.inspect(url, None, lambda _: None).well


@pytest.mark.parametrize("column", ["event", "payload", "hash", "chain"])
def test_a_ledger_that_lacks_a_column_is_an_error_that_names_it(url: str, column: str) -> None:
    execute(url, f"ALTER TABLE forensic_ledger DROP COLUMN {column}")

    with closing(Ledger(url)) as ledger, pytest.raises(StoreUnfit, match=f"ledger.{column} "):
        ledger.append(entries(1))


def test_a_batch_that_an_index_holds_back_is_not_stored_at_all(ledger: Ledger, url: str) -> None:
    execute(url, "CREATE UNIQUE INDEX once ON forensic_ledger (hash)")

    with pytest.raises(StoreUnfit, match="unique index"):
        ledger.append(entries(3) + entries(1))

    assert rows(url, "SELECT count(*) FROM forensic_ledger") == [(0,)]


def test_a_locked_database_takes_nothing_and_says_so(url: str) -> None:
    with closing(Ledger(url)) as ledger, locked(url) as release:
        with pytest.raises(StoreLocked):
            ledger.append(entries(1))
        release()
        ledger.append(entries(1))

    assert rows(url, "SELECT count(*) FROM forensic_ledger") == [(1,)]


def test_a_synced_connection_waits_for_the_disk(fresh_sqlite: Callable[[], str]) -> None:
    engine = open_engine(fresh_sqlite(), synced=True)
    with engine.begin() as connection:
        level = connection.exec_driver_sql("PRAGMA synchronous").scalar()
    engine.dispose()

    assert level == 2  # FULL
