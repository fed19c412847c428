"""Properties: whatever columns a table lost or gained, a write succeeds and harms nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from databases import broken, execute, ok, rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prober.model import Service
from prober.storage.runtime import RuntimeTable
from prober.storage.tables import copilot_runtime_services, results, transitions
from prober.storage.writer import Writer

OPTIONAL = [
    (table.name, column.name)
    for table in (results, transitions)
    for column in table.columns
    if column.nullable
]
RUNTIME_OPTIONAL = [
    column.name
    for column in copilot_runtime_services.columns
    if column.name not in ("id", "service_name", "status")
]
TYPES = ("TEXT", "INTEGER", "TIMESTAMP", "VARCHAR(8)", "INTEGER NOT NULL DEFAULT 3")

extra_columns = st.dictionaries(
    st.from_regex(r"x_[a-z]{1,8}", fullmatch=True), st.sampled_from(TYPES), max_size=4
)
on_both = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def drop(table: str, columns: Iterable[str]) -> list[str]:
    return [f"ALTER TABLE {table} DROP COLUMN {column}" for column in columns]


def add(table: str, columns: dict[str, str]) -> list[str]:
    return [f"ALTER TABLE {table} ADD COLUMN {name} {kind}" for name, kind in columns.items()]


@on_both
@given(gone=st.sets(st.sampled_from(OPTIONAL)), extra=extra_columns)
def test_results_are_stored_whatever_columns_there_are(
    fresh: Any, gone: set[tuple[str, str]], extra: dict[str, str]
) -> None:
    url = fresh()
    execute(url, *[s for table, column in sorted(gone) for s in drop(table, [column])])
    execute(url, *add("results", extra), *add("transitions", extra))

    for _ in range(2):
        Writer(url).write([ok(), broken("switch")])

    assert rows(url, "SELECT outcome FROM results ORDER BY outcome") == [(0,), (2,)]
    assert rows(url, "SELECT new FROM transitions") == [("BROKEN",)]


@on_both
@given(gone=st.sets(st.sampled_from(RUNTIME_OPTIONAL)), extra=extra_columns)
def test_runtime_row_keeps_its_id_and_foreign_columns(
    fresh: Any, gone: set[str], extra: dict[str, str]
) -> None:
    url, name = fresh(), copilot_runtime_services.name
    execute(url, *drop(name, sorted(gone)), *add(name, extra))
    port = [] if "port" in gone else ["port"]
    columns = ", ".join(["id", "service_name", *port])
    values = ", ".join(["41", "'madre'", *(["9"] if port else [])])
    execute(url, f"INSERT INTO {name} ({columns}) VALUES ({values})")
    foreign = ", ".join(["id", *sorted(extra)])
    before = rows(url, f"SELECT {foreign} FROM {name}")

    RuntimeTable(url, name, {"madre": Service("madre", "http://h:8001", "h", 8001)}).write(
        {"madre": ok()}
    )

    assert rows(url, f"SELECT {foreign} FROM {name}") == before
    assert rows(url, f"SELECT status FROM {name}") == [("OK",)]
