from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from databases import AT, broken, execute, locked, ok, rows
from structlog.testing import capture_logs

from prober.errors import StoreCorrupt, StoreError, StoreLocked, StoreUnfit
from prober.model import Observation, Status
from prober.storage.writer import Writer

RESULTS = "SELECT s.name, r.checked_at FROM results r JOIN services s ON s.id = r.service_id"


def test_result_is_stored_with_codes_and_ids(url: str) -> None:
    Writer(url).write([ok(), broken("switch", AT + 1)])

    columns = "outcome, http_code, latency_us, path, text, reason, phase"
    query = f"""SELECT {columns} FROM results LEFT JOIN endpoints ON endpoint_id = endpoints.id
                LEFT JOIN snippets ON snippet_id = snippets.id ORDER BY checked_at"""
    assert rows(url, query) == [
        (0, 200, 12345, "/health", "fine", None, None),
        (2, None, None, None, None, 4, 2),
    ]


def test_rows_lie_in_buckets_of_five_minutes(url: str) -> None:
    Writer(url).write([ok(at=299_999), ok(at=300_000)])

    assert rows(url, "SELECT bucket FROM results ORDER BY bucket") == [(0,), (1,)]


@pytest.mark.parametrize(("ms", "us"), [(0.0005, 0), (0.0015, 2), (7, 7000), (None, None)])
def test_latency_is_rounded_to_microseconds(url: str, ms: float | None, us: int | None) -> None:
    Writer(url).write([ok(latency_ms=ms)])

    assert rows(url, "SELECT latency_us FROM results") == [(us,)]


def test_transition_is_stored_with_its_reason(url: str) -> None:
    Writer(url).write([broken()])

    stored = rows(url, "SELECT at, old, new, reason FROM transitions")
    assert stored == [(AT, "OK", "BROKEN", "refused")]


def test_observation_without_result_stores_no_result(url: str) -> None:
    Writer(url).write([Observation("madre", AT, Status.UNKNOWN)])

    assert rows(url, RESULTS) == []


def test_writing_a_batch_twice_stores_it_once(url: str) -> None:
    writer = Writer(url)

    for _ in range(2):
        writer.write([ok(), broken("switch")])

    assert sorted(rows(url, RESULTS)) == [("madre", AT), ("switch", AT)]
    assert rows(url, "SELECT count(*) FROM transitions") == [(1,)]


def test_of_a_large_batch_only_what_is_new_is_stored(url: str) -> None:
    writer = Writer(url)
    batch = [ok(at=AT + i, snippet=f"text {i}") for i in range(100)]
    writer.write([*batch[:30], broken("switch")])

    writer.write([*batch, broken("switch")])

    assert len(rows(url, RESULTS)) == 101
    assert rows(url, "SELECT count(DISTINCT snippet_id) FROM results") == [(100,)]


def test_a_moment_that_comes_twice_in_a_large_batch_is_stored_once(url: str) -> None:
    Writer(url).write([ok(at=AT + i % 50) for i in range(100)])

    assert len(rows(url, RESULTS)) == 50


def test_repeated_texts_share_a_row(url: str) -> None:
    Writer(url).write([ok(at=AT + i, snippet=f"text {i % 3}") for i in range(30)])

    assert rows(url, "SELECT count(*) FROM snippets") == [(3,)]


def test_more_new_texts_than_fit_one_query_are_stored(url: str) -> None:
    Writer(url).write([ok(at=AT + i, snippet=f"text {i}") for i in range(1201)])

    assert rows(url, "SELECT count(DISTINCT snippet_id) FROM results") == [(1201,)]


def test_two_writers_agree_on_ids(url: str) -> None:
    for writer in (Writer(url), Writer(url)):
        writer.write([ok(at=AT), ok("switch", at=AT)])

    assert rows(url, "SELECT count(*) FROM services") == [(2,)]


def test_column_that_disappears_while_writing_is_left_out_from_then_on(url: str) -> None:
    writer = Writer(url)
    writer.write([ok(at=AT)])
    execute(url, "ALTER TABLE results DROP COLUMN http_code")

    writer.write([ok(at=AT + 1)])

    assert len(rows(url, RESULTS)) == 2


def test_missing_column_is_told_once(url: str) -> None:
    execute(url, "ALTER TABLE results DROP COLUMN phase")
    writer = Writer(url)

    with capture_logs() as logs:
        writer.write([ok(at=AT)])
        writer.close()
        writer.write([ok(at=AT + 1)])

    told = [entry for entry in logs if entry["log_level"] == "warning"]
    assert [(entry["table"], entry["columns"]) for entry in told] == [("results", ["phase"])]


REQUIRED = "ALTER TABLE results ADD COLUMN tenant INTEGER NOT NULL DEFAULT 7"


def test_required_column_with_a_default_is_left_to_the_database(url: str) -> None:
    execute(url, REQUIRED)

    Writer(url).write([ok()])

    assert rows(url, "SELECT tenant FROM results") == [(7,)]


def test_required_column_without_default_is_named(fresh_postgres: Any) -> None:
    url = fresh_postgres()
    execute(url, "ALTER TABLE results ADD COLUMN tenant INTEGER NOT NULL")

    with pytest.raises(StoreUnfit, match=r"results\.tenant is NOT NULL"):
        Writer(url).write([ok()])


def test_column_that_becomes_required_while_writing_is_named(fresh_postgres: Any) -> None:
    url = fresh_postgres()
    writer = Writer(url)
    writer.write([ok(at=AT)])
    execute(url, "DELETE FROM results", "ALTER TABLE results ADD COLUMN tenant INTEGER NOT NULL")

    with pytest.raises(StoreUnfit, match=r"results\.tenant is NOT NULL"):
        writer.write([ok(at=AT + 1)])


def test_missing_key_column_is_named(url: str) -> None:
    execute(url, "DROP TABLE transitions", "CREATE TABLE transitions (service_id INTEGER)")

    with pytest.raises(StoreUnfit, match=r"transitions\.at is missing"):
        Writer(url).write([ok()])


def test_missing_table_is_named_with_a_remedy(url: str) -> None:
    execute(url, "DROP TABLE snippets")

    with pytest.raises(StoreUnfit, match=r"table snippets is missing.*prober db upgrade"):
        Writer(url).write([ok()])


def test_ids_made_in_a_transaction_that_failed_are_not_used_later(url: str) -> None:
    writer = Writer(url)
    writer.write([ok("first")])
    with pytest.raises(OverflowError if "sqlite" in url else Exception):
        writer.write([ok("second", at=2**70)])

    writer.write([ok("third"), ok("second")])

    assert sorted(rows(url, RESULTS)) == [("first", AT), ("second", AT), ("third", AT)]


def test_restored_content_is_noticed(fresh_sqlite: Any) -> None:
    url = fresh_sqlite()
    writer = Writer(url)
    writer.write([ok("first", AT), ok("second", AT)])
    execute(url, "UPDATE services SET id = id + 100", "DELETE FROM results")

    writer.write([ok("first", AT), ok("second", AT)])

    assert sorted(rows(url, RESULTS)) == [("first", AT), ("second", AT)]


def test_swapped_file_is_noticed(fresh_sqlite: Any, template: Path) -> None:
    url = fresh_sqlite()
    writer = Writer(url)
    writer.write([ok("first", AT), ok("second", AT)])
    file = Path(url.removeprefix("sqlite:///"))
    file.rename(file.with_suffix(".old"))
    shutil.copy(template, file)

    writer.write([ok("second", AT)])

    assert rows(url, RESULTS) == [("second", AT)]


def test_deleted_file_is_made_anew(fresh_sqlite: Any) -> None:
    url = fresh_sqlite()
    writer = Writer(url)
    writer.write([ok(at=AT)])
    Path(url.removeprefix("sqlite:///")).unlink()

    writer.write([ok(at=AT + 1)])

    assert rows(url, RESULTS) == [("madre", AT + 1)]


def test_locked_database_is_a_locked_store(url: str) -> None:
    with locked(url), pytest.raises(StoreLocked, match="locked by another process"):
        Writer(url, migrate=False).write([ok()])


def test_file_that_is_no_database_is_a_corrupt_store(tmp_path: Path) -> None:
    (tmp_path / "prober.db").write_bytes(b"not a database at all" * 100)

    with pytest.raises(
        StoreCorrupt, match=r"prober\.db is not a database or is damaged; set it aside"
    ):
        Writer(f"sqlite:///{tmp_path / 'prober.db'}").write([ok()])


def test_server_that_is_away_is_told_without_the_password() -> None:
    writer = Writer("postgresql://prober:s3cret@127.0.0.1:1/prober?password=s3cret2")

    with pytest.raises(StoreError, match=r"127\.0\.0\.1:1/prober is not available") as caught:
        writer.write([ok()])

    assert "s3cret" not in str(caught.value)
