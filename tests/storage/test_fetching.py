"""Queries that are given many numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from databases import execute, rows
from sqlalchemy import select
from sqlalchemy.dialects import sqlite

from prober.storage.connecting import connected
from prober.storage.fetching import among, fetch
from prober.storage.tables import segments, services

NAMED = select(services.c.id).where(among(services.c.id, "ids")).order_by(services.c.id)


@pytest.mark.parametrize(
    ("ids", "found"), [([], []), ([2], [2]), (range(3, 9), [3, 4]), ([2**40, 1], [1])]
)
def test_rows_with_one_of_many_numbers_are_found(
    url: str, ids: Sequence[int], found: list[int]
) -> None:
    made = (f"INSERT INTO services (id, name) VALUES ({id_}, 's{id_}')" for id_ in range(1, 5))
    execute(url, *made)

    with connected(url) as connection:
        assert fetch(connection, NAMED, {"ids": ids}) == [(id_,) for id_ in found]


def test_numbers_are_looked_up_in_a_key(fresh_sqlite: Callable[[], str]) -> None:
    mine = among(segments.c.hour, "hours") & among(segments.c.service_id, "ids")
    asked = select(segments.c.data).where(mine).params(hours=[1, 2], ids=[3, 4])
    query = asked.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})

    plan = rows(fresh_sqlite(), f"EXPLAIN QUERY PLAN {query}")

    assert "(hour=? AND service_id=?)" in str(plan[0])
